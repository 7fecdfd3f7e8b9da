/* SPDX-License-Identifier: MIT */
/* Groups inside: who pays for a page, and for a slot.
 *
 *   group ──► parent ──► ...     charged, swapped: of the group and all below it
 *     └─ slot[cpu]               its own line: `stock` pages that are charged already and that nobody has
 *
 *   Equations:  charged(group) == pages with its id + stocks, summed over it and the groups below it
 *               swapped(group) == slots with its id, summed so
 *
 * A charge takes a page from the stock of the group on this CPU; every BATCH-th goes up to the top. So faults of
 * different CPUs write no common line. Where a limit refuses a batch the stocks of all CPUs are taken in first.
 *
 * The page says who pays: QR_PAGE_CHARGED and qr_page.group, until its frame is free. A refused charge is like a frame
 * that could not be had: everything is left as it was, the thread's word says which group refused, and the operation
 * begins again after pages of that group have left (src/reclaim/direct.c).
 *
 * A group without references takes no more charges, and goes when nothing is charged to it any more: looked for
 * whenever a group is made or put. So the last thing that an uncharge does with a group is to lower its count.
 *
 * Locks: LRU guards quire_system.groups, `refs` from 0 on, and `lists`. The counts are atomic. */
#ifndef QR_GROUP_H
#define QR_GROUP_H

#include <quire/group.h>

#include "page/page.h"

#define QR_GROUPS 1024 /* ids; 0 is none */

/* Pages that a CPU charges at a time; it has at most twice as many in stock. */
#define QR_GROUP_BATCH 64
/* The stock of a group without references: whatever is added, it stays below zero. */
#define QR_STOCK_DEAD (INT32_MIN / 2)

struct qr_group_slot {
	struct quire_group *group; /* constant */
	uint32_t id;               /* constant */
	int32_t stock;             /* atomic */
} __attribute__((aligned(64)));

struct quire_group {
	struct quire_system *system;
	struct quire_group *parent; /* holds a reference; NULL: none */
	uint32_t id;
	uint32_t refs; /* atomic */
	uint32_t dead; /* no references are left. Atomic */
	qr_atomic64 max, high, swap_max;
	qr_atomic64s charged, swapped;
	qr_atomic64 high_met, max_met, swap_max_met, oom;
	struct qr_reclaim_lists lists; /* its own pages */
	struct qr_group_slot slot[];   /* one for each CPU */
};

/* Bytes of a group and its slots. */
#define QR_GROUP_BYTES(cpus) (sizeof(struct quire_group) + (cpus) * sizeof(struct qr_group_slot))

/* --- pages --------------------------------------------------------------------------------------------- */

/* The stock was empty: takes a batch, or one page. `quiet`: a refusal is nobody's concern. */
bool qr_group_refill(struct qr_group_slot *slot, bool quiet);

/* Takes a page from the stock. try: false: it is empty, and qr_group_refill() must follow. take: false: a limit refuses
 * the page. */
QR_INLINE bool qr_group_try(struct qr_group_slot *slot)
{
	return qr_likely(__atomic_sub_fetch(&slot->stock, 1, __ATOMIC_RELAXED) >= 0);
}

static inline bool qr_group_take(struct qr_group_slot *slot, bool quiet)
{
	return qr_group_try(slot) || qr_group_refill(slot, quiet);
}

static inline void qr_group_untake(struct qr_group_slot *slot)
{
	__atomic_fetch_add(&slot->stock, 1, __ATOMIC_RELAXED);
}

/* A new page, which nobody knows yet, was taken from the stock. */
static inline void qr_group_mark(const struct qr_group_slot *slot, struct qr_page *page)
{
	page->group = slot->id;
	__atomic_store_n(&page->flags, page->flags | QR_PAGE_CHARGED, __ATOMIC_RELAXED);
}

/* Takes in the stocks of a group and of all below it. Locks: LRU. */
void qr_group_drain(struct quire_group *top);

/* Charges a page of a file or of shared memory that nobody is charged for. => LOCKED. Locks: LRU. */
bool qr_group_charge_cached(struct qr_group_slot *slot, struct qr_page *page);

/* The frame is free. => CHARGED, on no list */
void qr_group_uncharge(struct quire_system *system, const struct qr_cpu *cpu, struct qr_page *page);

/* --- slots --------------------------------------------------------------------------------------------- */

/* Charges a slot for a CHARGED page. False: a limit refuses it. */
bool qr_group_charge_swap(struct quire_system *system, const struct qr_page *page);
void qr_group_uncharge_swap(struct quire_system *system, uint32_t id);

/* Charges the page that a slot comes back to, to the slot's group or the nearest one above that has references.
 * => the slot stays charged meanwhile: SWAP held */
bool qr_group_charge_back(struct quire_system *system, uint32_t id, struct qr_page *page, bool quiet);

/* --- groups -------------------------------------------------------------------------------------------- */

/* Whether there was a group ever. Without one nothing is charged. */
static inline bool qr_has_groups(const struct quire_system *system)
{
	return qr_unlikely(__atomic_load_n(&system->groups, __ATOMIC_RELAXED) != NULL);
}

/* The group of an id; NULL: none. => something is charged to it, or LRU held */
static inline struct quire_group *qr_group_at(const struct quire_system *system, uint32_t id)
{
	struct quire_group **groups = __atomic_load_n(&system->groups, __ATOMIC_ACQUIRE);

	return groups ? __atomic_load_n(&groups[id], __ATOMIC_RELAXED) : NULL;
}

/* The group that pays for a page; NULL: none. => the page stays, or LRU held */
static inline struct quire_group *qr_group_of(const struct quire_system *system, const struct qr_page *page)
{
	return qr_page_test(page, QR_PAGE_CHARGED) ? qr_group_at(system, page->group) : NULL;
}

/* Whether `group` is `top` or below it. */
static inline bool qr_group_is_in(const struct quire_group *group, const struct quire_group *top)
{
	while (group && group != top)
		group = group->parent;
	return group != NULL;
}

/* The group of an id with a reference; NULL: it has none any more. Locks: LRU. */
struct quire_group *qr_group_find(struct quire_system *system, uint32_t id);

/* The lowest group from `group` up that has no page left below its limit; NULL: none. Locks: LRU. */
struct quire_group *qr_group_full(struct quire_group *group);

/* Pages above `high`. */
uint64_t qr_group_excess(const struct quire_group *group);

/* The end of a system: frees what is left without references. */
void qr_groups_end(struct quire_system *system);

#endif
