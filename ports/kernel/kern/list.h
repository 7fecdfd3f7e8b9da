/* SPDX-License-Identifier: MIT */
/* Doubly linked lists with the head inside the owner. */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name)          \
	{                        \
		&(name), &(name) \
	}
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#define list_entry(pointer, type, member)   container_of(pointer, type, member)
#define list_first(head, type, member)      list_entry((head)->next, type, member)

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert(struct list *at, struct list *node)
{
	node->next = at->next;
	node->prev = at;
	at->next->prev = node;
	at->next = node;
}

static inline void list_append(struct list *head, struct list *node)
{
	list_insert(head->prev, node);
}

/* Leaves the node empty, so that removing it twice is harmless. */
static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define list_for_each(item, head, member)                                                     \
	for (item = list_entry((head)->next, typeof(*item), member); &item->member != (head); \
	     item = list_entry(item->member.next, typeof(*item), member))

/* The body may remove and free `item`. */
#define list_for_each_safe(item, after, head, member)                     \
	for (item = list_entry((head)->next, typeof(*item), member),      \
	    after = list_entry(item->member.next, typeof(*item), member); \
	     &item->member != (head);                                     \
	     item = after, after = list_entry(item->member.next, typeof(*item), member))

#endif
