/* SPDX-License-Identifier: MIT */
/* Recounting groups: every charge against the frames and slots that say who pays. */
#include "system/checker.h"

#include "page/group.h"
#include "swap/swap.h"

/* --- frames and slots of one group ---------------------------------------------------------------------- */

static uint64_t frames_of(const struct quire_system *system, uint32_t id)
{
	uint64_t frames = 0;

	for (unsigned i = 0; i < system->ranges; i++) {
		for (uint64_t at = system->range[i].meta; at < system->range[i].count; at++) {
			const struct qr_page *page = &system->range[i].pages[at];

			frames += qr_page_test(page, QR_PAGE_CHARGED) && page->group == id;
		}
	}
	return frames;
}

static uint64_t slots_of(const struct quire_system *system, uint32_t id)
{
	uint64_t slots = 0;

	for (unsigned i = 0; system->swap && i < QUIRE_SWAP_AREAS; i++) {
		const struct qr_area *area = &system->swap->area[i];

		if (area->state < QR_AREA_ON)
			continue;
		for (uint64_t offset = 0; offset < area->slots; offset++)
			slots += *qr_payer_at(area, offset) == id;
	}
	return slots;
}

/* --- sums up to the top ---------------------------------------------------------------------------------- */

struct sums {
	int64_t charged, swapped;
};

/* What the group and all below it have. */
static struct sums sum(const struct quire_system *system, const struct quire_group *top)
{
	struct sums sums = {0};

	for (uint32_t id = 1; id < QR_GROUPS; id++) {
		const struct quire_group *group = qr_group_at(system, id);

		if (!group || !qr_group_is_in(group, top))
			continue;
		sums.charged += (int64_t)frames_of(system, id);
		sums.swapped += (int64_t)slots_of(system, id);
		for (unsigned cpu = 0; !group->dead && cpu < system->cpus; cpu++)
			sums.charged += group->slot[cpu].stock;
	}
	return sums;
}

static bool check_group(struct qr_checker *checker, const struct quire_group *group, uint32_t id)
{
	const struct quire_system *system = checker->system;
	struct sums sums = sum(system, group);

	if (group->id != id || (group->refs == 0) != (group->dead != 0))
		return qr_check_fail(checker, "group %u: its number or its references are wrong",
				     (uint64_t)id);
	if (sums.charged != group->charged || sums.swapped != group->swapped)
		return qr_check_fail(checker,
				     "group %u: %u pages and %u slots are charged, and it has %u and %u",
				     (uint64_t)id, (uint64_t)group->charged, (uint64_t)group->swapped,
				     (uint64_t)sums.charged, (uint64_t)sums.swapped);
	for (unsigned cpu = 0; !group->dead && cpu < system->cpus; cpu++) {
		if (group->slot[cpu].stock < 0 || group->slot[cpu].stock > 2 * QR_GROUP_BATCH)
			return qr_check_fail(checker, "group %u: CPU %u has no such stock", (uint64_t)id,
					     (uint64_t)cpu);
	}
	return true;
}

/* Whoever pays for a frame is there. */
static bool check_payers(struct qr_checker *checker)
{
	const struct quire_system *system = checker->system;

	for (unsigned i = 0; i < system->ranges; i++) {
		for (uint64_t at = system->range[i].meta; at < system->range[i].count; at++) {
			const struct qr_page *page = &system->range[i].pages[at];

			if (qr_page_test(page, QR_PAGE_CHARGED) && !qr_group_at(system, page->group))
				return qr_check_fail(checker,
						     "frame %x: is charged to group %u, and there is none",
						     page->pfn, (uint64_t)page->group);
		}
	}
	return true;
}

bool qr_check_groups(struct qr_checker *checker)
{
	if (!check_payers(checker))
		return false;
	for (uint32_t id = 1; checker->system->groups && id < QR_GROUPS; id++) {
		const struct quire_group *group = qr_group_at(checker->system, id);

		if (group && !check_group(checker, group, id))
			return false;
	}
	return true;
}
