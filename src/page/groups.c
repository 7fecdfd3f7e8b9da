/* SPDX-License-Identifier: MIT */
/* Groups: made, referenced, limited, counted, and freed when nothing is charged to them any more. */
#include "page/group.h"

#include "page/slab.h"

static void lock(struct quire_system *system)
{
	qr_lock(system, &system->reclaim.lock, QR_RANK_LRU);
}

static void unlock(struct quire_system *system)
{
	qr_unlock(system, &system->reclaim.lock, QR_RANK_LRU);
}

/* --- the table ----------------------------------------------------------------------------------------- */

/* Made with the first group. */
static enum quire_status make_table(struct quire_system *system)
{
	struct quire_group **groups, **none = NULL;
	struct qr_page *page;
	unsigned order = 0;

	if (__atomic_load_n(&system->groups, __ATOMIC_ACQUIRE))
		return QUIRE_OK;
	while (qr_page_bytes(system) << order < QR_GROUPS * sizeof(*groups))
		order++;
	page = qr_frame_alloc(system, order, QUIRE_FRAME_LINEAR | QR_FRAME_BLANK, QUIRE_PAGE_OBJECT);
	if (!page)
		return QUIRE_ENOMEM;
	groups = qr_page_linear(system, page);
	if (!__atomic_compare_exchange_n(&system->groups, &none, groups, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		qr_page_put(system, page);
	return QUIRE_OK;
}

/* Gives the group an id. */
static bool enter(struct quire_system *system, struct quire_group *group)
{
	uint32_t id = 1;

	lock(system);
	while (id < QR_GROUPS && system->groups[id])
		id++;
	if (id < QR_GROUPS) {
		group->id = id;
		for (unsigned cpu = 0; cpu < system->cpus; cpu++) {
			group->slot[cpu].group = group;
			group->slot[cpu].id = id;
		}
		__atomic_store_n(&system->groups[id], group, __ATOMIC_RELEASE);
	}
	unlock(system);
	return id < QR_GROUPS;
}

/* --- the end -------------------------------------------------------------------------------------------- */

/* Takes the stocks away for good. => LRU held, no references */
static void end(struct quire_group *group)
{
	int64_t stocks = 0;

	__atomic_store_n(&group->dead, 1, __ATOMIC_RELEASE);
	for (unsigned cpu = 0; cpu < group->system->cpus; cpu++)
		stocks += __atomic_exchange_n(&group->slot[cpu].stock, QR_STOCK_DEAD, __ATOMIC_ACQ_REL);
	for (; group; group = group->parent)
		__atomic_fetch_sub(&group->charged, stocks, __ATOMIC_RELEASE);
}

/* => LRU held */
static void put(struct quire_group *group)
{
	if (group && __atomic_sub_fetch(&group->refs, 1, __ATOMIC_ACQ_REL) == 0)
		end(group);
}

/* A group that is at its end, out of the table; NULL: none. */
static struct quire_group *take_ended(struct quire_system *system)
{
	struct quire_group *found = NULL;

	lock(system);
	for (uint32_t id = 1; system->groups && id < QR_GROUPS && !found; id++) {
		struct quire_group *group = system->groups[id];

		if (!group || !group->dead || __atomic_load_n(&group->charged, __ATOMIC_ACQUIRE) != 0 ||
		    __atomic_load_n(&group->swapped, __ATOMIC_ACQUIRE) != 0)
			continue;
		system->groups[id] = NULL;
		put(group->parent);
		found = group;
	}
	unlock(system);
	return found;
}

static void sweep(struct quire_system *system)
{
	struct quire_group *group;

	while ((group = take_ended(system)) != NULL)
		qr_slab_free(system, QR_SLAB_GROUP, group);
}

void qr_groups_end(struct quire_system *system)
{
	struct quire_group **groups = system->groups;

	if (!groups)
		return;
	sweep(system);
	for (uint32_t id = 1; id < QR_GROUPS; id++) {
		if (groups[id])
			qr_panic(system, "quire_system_destroy: a group is left");
	}
	system->groups = NULL;
	qr_page_put(system, qr_page_at(system, groups));
}

/* --- references ------------------------------------------------------------------------------------------ */

enum quire_status quire_group_create(struct quire_system *system, struct quire_group *parent,
				     struct quire_group **out_group)
{
	enum quire_status status = make_table(system);
	struct quire_group *group;

	if (status != QUIRE_OK)
		return status;
	sweep(system);
	group = qr_slab_alloc(system, QR_SLAB_GROUP);
	if (!group)
		return QUIRE_ENOMEM;
	group->system = system;
	group->refs = 1;
	group->max = group->high = group->swap_max = QUIRE_UNLIMITED;
	group->parent = parent;
	system->reclaim_hooks->begin(system, &group->lists);
	if (!enter(system, group)) {
		qr_slab_free(system, QR_SLAB_GROUP, group);
		return QUIRE_ENOMEM;
	}
	if (parent)
		quire_group_get(parent);
	*out_group = group;
	return QUIRE_OK;
}

struct quire_group *quire_group_get(struct quire_group *group)
{
	__atomic_fetch_add(&group->refs, 1, __ATOMIC_RELAXED);
	return group;
}

void quire_group_put(struct quire_group *group)
{
	struct quire_system *system;

	if (!group)
		return;
	system = group->system;
	lock(system);
	put(group);
	unlock(system);
	sweep(system);
}

struct quire_group *qr_group_find(struct quire_system *system, uint32_t id)
{
	struct quire_group *group;

	lock(system);
	group = qr_group_at(system, id);
	if (group && group->dead)
		group = NULL;
	if (group)
		quire_group_get(group);
	unlock(system);
	return group;
}

/* --- limits and counts ------------------------------------------------------------------------------------ */

void quire_group_limits_get(const struct quire_group *group, struct quire_group_limits *out_limits)
{
	*out_limits = (struct quire_group_limits){
	    .max = __atomic_load_n(&group->max, __ATOMIC_RELAXED),
	    .high = __atomic_load_n(&group->high, __ATOMIC_RELAXED),
	    .swap_max = __atomic_load_n(&group->swap_max, __ATOMIC_RELAXED),
	};
}

/* What is in stock was charged below the limits of before. */
void quire_group_limits_set(struct quire_group *group, const struct quire_group_limits *limits)
{
	__atomic_store_n(&group->max, limits->max, __ATOMIC_RELAXED);
	__atomic_store_n(&group->high, limits->high, __ATOMIC_RELAXED);
	__atomic_store_n(&group->swap_max, limits->swap_max, __ATOMIC_RELAXED);
	qr_group_drain(group);
}

/* Pages that are charged and that somebody has. => LRU held */
static uint64_t pages_of(const struct quire_group *top)
{
	const struct quire_system *system = top->system;
	int64_t pages = (int64_t)__atomic_load_n(&top->charged, __ATOMIC_RELAXED);

	for (uint32_t id = 1; id < QR_GROUPS; id++) {
		const struct quire_group *group = qr_group_at(system, id);

		for (unsigned cpu = 0;
		     group && !group->dead && qr_group_is_in(group, top) && cpu < system->cpus; cpu++)
			pages -= __atomic_load_n(&group->slot[cpu].stock, __ATOMIC_RELAXED);
	}
	return pages > 0 ? (uint64_t)pages : 0;
}

void quire_group_counts_get(struct quire_group *group, struct quire_group_counts *out_counts)
{
	lock(group->system);
	*out_counts = (struct quire_group_counts){
	    .pages = pages_of(group),
	    .swap = (uint64_t)__atomic_load_n(&group->swapped, __ATOMIC_RELAXED),
	    .high = __atomic_load_n(&group->high_met, __ATOMIC_RELAXED),
	    .max = __atomic_load_n(&group->max_met, __ATOMIC_RELAXED),
	    .swap_max = __atomic_load_n(&group->swap_max_met, __ATOMIC_RELAXED),
	    .oom = __atomic_load_n(&group->oom, __ATOMIC_RELAXED),
	};
	unlock(group->system);
}

struct quire_group *qr_group_full(struct quire_group *group)
{
	struct quire_system *system = group->system;

	lock(system);
	while (group && pages_of(group) < __atomic_load_n(&group->max, __ATOMIC_RELAXED))
		group = group->parent;
	unlock(system);
	return group;
}

uint64_t qr_group_excess(const struct quire_group *group)
{
	int64_t charged = __atomic_load_n(&group->charged, __ATOMIC_RELAXED);
	uint64_t high = __atomic_load_n(&group->high, __ATOMIC_RELAXED);

	return charged > 0 && (uint64_t)charged > high ? (uint64_t)charged - high : 0;
}
