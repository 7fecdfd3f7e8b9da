/* SPDX-License-Identifier: MIT */
/* The buddy allocator: taking a block splits a larger one, giving it back merges buddies. */
#include "page/buddy.h"

#include "page/page.h"

#define BLOCK_MASK (QR_PAGE_STATE_MASK | 0xfu << QR_PAGE_ORDER_SHIFT | QR_PAGE_HEAD)

static uint32_t block_flags(enum quire_page_state state, unsigned order)
{
	return (uint32_t)state | order << QR_PAGE_ORDER_SHIFT;
}

/* Other CPUs read only the flags of a neighbour while they change: relaxed order is enough. */
static void set_flags(struct qr_page *page, uint32_t flags)
{
	uint32_t kept = __atomic_load_n(&page->flags, __ATOMIC_RELAXED) & QR_PAGE_POISONED;

	__atomic_store_n(&page->flags, flags | kept, __ATOMIC_RELAXED);
}

static void set_free(struct qr_zone *zone, uint64_t free)
{
	__atomic_store_n(&zone->free, free, __ATOMIC_RELAXED);
}

/* A block of the order, split off a larger one where none is free: Linux's __rmqueue. => ZONE held */
struct qr_page *qr_buddy_take(struct quire_system *system, struct qr_zone *zone, unsigned order,
			      unsigned flags)
{
	uint64_t frames = (uint64_t)1 << order;
	uint64_t reserve = flags & QUIRE_FRAME_RESERVE ? 0 : zone->reserve;
	struct qr_page *page;
	unsigned have = order;

	qr_assert_contract(system, qr_lock_held(&zone->lock));
	if (zone->free < frames + reserve)
		return NULL;
	while (have < QR_ORDERS && qr_list_empty(&zone->head[have]))
		have++;
	if (have == QR_ORDERS)
		return NULL;

	page = QR_CONTAINER(zone->head[have].next, struct qr_page, link);
	qr_list_del(&page->link);
	while (have > order) {
		struct qr_page *half = page + ((size_t)1 << --have);

		set_flags(half, block_flags(QUIRE_PAGE_FREE, have) | QR_PAGE_HEAD);
		qr_list_add(&zone->head[have], &half->link);
	}
	for (uint64_t i = 1; i < frames; i++)
		set_flags(page + i, QUIRE_PAGE_CPU);
	set_flags(page, block_flags(QUIRE_PAGE_CPU, order) | (order > 0 ? QR_PAGE_HEAD : 0));
	set_free(zone, zone->free - frames);
	return page;
}

/* The free block of `order` that completes `page`'s; NULL: it is in use, split, or not in the range. */
static struct qr_page *free_buddy(const struct qr_range *range, const struct qr_page *page, unsigned order)
{
	uint64_t at = (page->pfn ^ (uint64_t)1 << order) - range->base;
	struct qr_page *buddy;

	if (at >= range->count)
		return NULL;
	buddy = &range->pages[at];
	if ((__atomic_load_n(&buddy->flags, __ATOMIC_RELAXED) & BLOCK_MASK) !=
	    (block_flags(QUIRE_PAGE_FREE, order) | QR_PAGE_HEAD))
		return NULL;
	return buddy;
}

void qr_buddy_give(struct quire_system *system, struct qr_zone *zone, struct qr_page *page, unsigned order)
{
	const struct qr_range *range = &system->range[page->range];
	uint64_t frames = (uint64_t)1 << order;

	qr_assert_contract(system, qr_lock_held(&zone->lock));
	for (uint64_t i = 0; i < frames; i++)
		set_flags(page + i, QUIRE_PAGE_FREE);
	set_free(zone, zone->free + frames);

	while (order < QR_ORDERS - 1) {
		struct qr_page *buddy = free_buddy(range, page, order);

		if (!buddy)
			break;
		qr_list_del(&buddy->link);
		set_flags(buddy, QUIRE_PAGE_FREE);
		if (buddy < page)
			page = buddy;
		order++;
	}
	set_flags(page, block_flags(QUIRE_PAGE_FREE, order) | QR_PAGE_HEAD);
	qr_list_add(&zone->head[order], &page->link);
}
