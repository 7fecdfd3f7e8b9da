/* SPDX-License-Identifier: MIT */
/* Charges: pages and slots of groups, against the limits of each group up to the top. */
#include "page/group.h"

/* --- up to the top ---------------------------------------------------------------------------------- */

/* Lowers the counts. What is read of a group is read before its own count goes: it may be freed then. */
static void give_back(struct quire_group *group, const struct quire_group *end, int64_t pages)
{
	while (group != end) {
		struct quire_group *parent = group->parent;

		__atomic_fetch_sub(&group->charged, pages, __ATOMIC_RELEASE);
		group = parent;
	}
}

static bool exceeds(int64_t count, const qr_atomic64 *limit)
{
	return count > 0 && (uint64_t)count > __atomic_load_n(limit, __ATOMIC_RELAXED);
}

/* Raises the counts. Returns the group that refuses, and none is raised; NULL: all are. *out_high: it refuses for
 * `high`, which is looked at if it is not NULL. */
static struct quire_group *reserve(struct quire_group *group, int64_t pages, bool *out_high)
{
	for (struct quire_group *at = group; at; at = at->parent) {
		int64_t now = __atomic_add_fetch(&at->charged, pages, __ATOMIC_RELAXED);
		bool max = exceeds(now, &at->max);

		if (!max && !(out_high && exceeds(now, &at->high)))
			continue;
		if (out_high)
			*out_high = !max;
		give_back(group, at->parent, pages);
		return at;
	}
	return NULL;
}

static void reserve_always(struct quire_group *group, int64_t pages)
{
	for (; group; group = group->parent)
		__atomic_fetch_add(&group->charged, pages, __ATOMIC_RELAXED);
}

void qr_group_drain(struct quire_group *top)
{
	struct quire_system *system = top->system;

	qr_lock(system, &system->reclaim.lock, QR_RANK_LRU);
	for (uint32_t id = 1; id < QR_GROUPS; id++) {
		struct quire_group *group = qr_group_at(system, id);

		if (!group || group->dead || !qr_group_is_in(group, top))
			continue;
		for (unsigned cpu = 0; cpu < system->cpus; cpu++)
			give_back(group, NULL,
				  __atomic_exchange_n(&group->slot[cpu].stock, 0, __ATOMIC_RELAXED));
	}
	qr_unlock(system, &system->reclaim.lock, QR_RANK_LRU);
}

/* --- pages ------------------------------------------------------------------------------------------- */

/* Puts pages that are charged into the stock, or gives them back where there is none any more. */
static void stock_up(struct qr_group_slot *slot, int32_t pages)
{
	struct quire_group *group = slot->group;

	if (__atomic_add_fetch(&slot->stock, pages, __ATOMIC_RELAXED) >= QR_STOCK_DEAD / 2)
		return;
	__atomic_fetch_sub(&slot->stock, pages, __ATOMIC_RELAXED);
	give_back(group, NULL, pages);
}

/* Leaves word of a refusal for the end of the operation. */
static void refused(struct quire_group *by, bool high, bool quiet, uint32_t *thread)
{
	if (quiet)
		return;
	__atomic_fetch_add(high ? &by->high_met : &by->max_met, 1, __ATOMIC_RELAXED);
	*thread = (*thread & QR_THREAD_STAYS) | (high ? QR_THREAD_HIGH : 0) | by->id << QR_THREAD_GROUP_SHIFT;
}

bool qr_group_refill(struct qr_group_slot *slot, bool quiet)
{
	struct quire_group *group = slot->group, *drained = NULL, *by;
	uint32_t *thread = qr_thread(group->system);
	bool may_exceed = *thread & (QR_THREAD_MAY_EXCEED | QR_THREAD_NO_HIGH), high = false;
	bool *look = may_exceed ? NULL : &high;
	int32_t pages = QR_GROUP_BATCH;

	__atomic_fetch_add(&slot->stock, 1, __ATOMIC_RELAXED);
	*thread &= ~QR_THREAD_MAY_EXCEED;
	/* What frees memory is not stopped by a limit. */
	if (*thread & QR_THREAD_RECLAIMS) {
		reserve_always(group, 1);
		return true;
	}
	by = reserve(group, pages, look);
	/* What other CPUs have in stock is as good as free; each group above may need it. */
	while (by && !high && by != drained) {
		qr_group_drain(by);
		drained = by;
		pages = 1;
		by = reserve(group, pages, look);
	}
	if (by) {
		refused(by, high, quiet, thread);
		return false;
	}
	if (pages > 1)
		stock_up(slot, pages - 1);
	return true;
}

bool qr_group_charge_cached(struct qr_group_slot *slot, struct qr_page *page)
{
	struct quire_system *system = slot->group->system;

	if (!qr_group_take(slot, false))
		return false;
	system->reclaim_hooks->paid(system, page, slot->id);
	return true;
}

/* The page keeps its group alive until it is in the stock, or given back. */
void qr_group_uncharge(struct quire_system *system, const struct qr_cpu *cpu, struct qr_page *page)
{
	struct quire_group *group = qr_group_at(system, page->group);
	int32_t *stock = &group->slot[cpu->cpu].stock, had = __atomic_load_n(stock, __ATOMIC_RELAXED), now;

	page->group = 0;
	do {
		now = had < 2 * QR_GROUP_BATCH ? had + 1 : had - QR_GROUP_BATCH;
		if (had < QR_STOCK_DEAD / 2)
			break;
	} while (!__atomic_compare_exchange_n(stock, &had, now, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	if (had < QR_STOCK_DEAD / 2)
		give_back(group, NULL, 1);
	else if (now < had)
		give_back(group, NULL, QR_GROUP_BATCH + 1);
}

/* --- slots ------------------------------------------------------------------------------------------- */

static void give_swap_back(struct quire_group *group, const struct quire_group *end)
{
	while (group != end) {
		struct quire_group *parent = group->parent;

		__atomic_fetch_sub(&group->swapped, 1, __ATOMIC_RELEASE);
		group = parent;
	}
}

bool qr_group_charge_swap(struct quire_system *system, const struct qr_page *page)
{
	struct quire_group *group = qr_group_of(system, page);

	for (struct quire_group *at = group; at; at = at->parent) {
		if (!exceeds(__atomic_add_fetch(&at->swapped, 1, __ATOMIC_RELAXED), &at->swap_max))
			continue;
		__atomic_fetch_add(&at->swap_max_met, 1, __ATOMIC_RELAXED);
		give_swap_back(group, at->parent);
		return false;
	}
	return true;
}

void qr_group_uncharge_swap(struct quire_system *system, uint32_t id)
{
	if (id)
		give_swap_back(qr_group_at(system, id), NULL);
}

bool qr_group_charge_back(struct quire_system *system, uint32_t id, struct qr_page *page, bool quiet)
{
	struct quire_group *group = id ? qr_group_at(system, id) : NULL;
	struct qr_group_slot *slot;

	while (group && __atomic_load_n(&group->dead, __ATOMIC_ACQUIRE))
		group = group->parent;
	if (!group)
		return true;
	slot = &group->slot[qr_this_cpu(system)->cpu];
	if (!qr_group_take(slot, quiet))
		return false;
	qr_group_mark(slot, page);
	return true;
}
