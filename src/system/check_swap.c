/* SPDX-License-Identifier: MIT */
/* Recounting swap: every slot against the entries and files that name it, and against its page.
 *
 * The counts of the slots are taken down by one for each entry, must all be zero then, and are put up again. */
#include "system/checker.h"

#include "mm/mm.h"
#include "swap/swap.h"

struct recount {
	struct qr_checker *checker;
	int by;           /* what an entry does to its slot's count */
	const char *name; /* of what is walked */
	uint64_t at;      /* address or index */
	bool failed;      /* the first difference was said */
};

/* --- what names slots -------------------------------------------------------------------------------------- */

static void differ(struct recount *recount, const char *format, uint64_t value)
{
	if (!recount->failed && recount->by < 0)
		(void)qr_check_fail(recount->checker, format, recount->name, recount->at, value);
	recount->failed = true;
}

/* An entry names a slot that is in use, and is marked as it may be. The walk goes on after a difference: what was
 * taken down must be put up again, and a count below zero borrows from the flags until then. */
static void check_value(struct recount *recount, uint64_t value)
{
	struct quire_system *system = recount->checker->system;
	const struct qr_area *area;
	struct qr_slot *slot;

	if (qr_swap_is_marker(value))
		return;
	area = system->swap ? qr_area_of(system, value) : NULL;
	if (!area || area->state < QR_AREA_ON || qr_swap_offset(value) >= area->slots) {
		differ(recount, "%s: %x names slot %x, and there is none", value);
		return;
	}
	slot = qr_slot_at(area, qr_swap_offset(value));
	if ((slot->word & QR_SLOT_COUNT) == 0)
		differ(recount, "%s: %x names slot %x, which counts fewer entries", value);
	else if (value & QR_SWAP_EXCLUSIVE && (slot->word & QR_SLOT_COUNT) != 1)
		differ(recount, "%s: %x names slot %x as its own, which others name too", value);
	slot->word += (uint32_t)recount->by;
}

static void walk_mm(struct recount *recount, const struct quire_mm *mm)
{
	quire_va end = (quire_va)qr_width(mm->system)->user_end;
	const struct quire_arch *arch = qr_arch(mm->system);
	struct qr_pt_run run;

	recount->name = "mm";
	for (quire_va va = 0; qr_pt_next_run(&mm->pt, va, end, &run); va = run.end) {
		const char *entry = run.entry;

		for (size_t i = 0; run.level == 0 && i < run.count; i++, entry += run.stride) {
			quire_pte pte = qr_pte_get(arch, 0, entry);

			recount->at = run.va + ((uint64_t)i << arch->page_shift);
			if (arch->kind(arch, pte, 0) == QUIRE_PTE_SWAP)
				check_value(recount, arch->swap_value(arch, pte));
		}
	}
}

static void walk_file(struct recount *recount, const struct quire_file *file)
{
	uint64_t index = 0;
	const void *entry;

	recount->name = "file";
	while (qr_file_is_shmem(file) && (entry = qr_index_next_entry(file, &index, UINT64_MAX)) != NULL) {
		recount->at = index++;
		if (qr_index_is_value(entry))
			check_value(recount, (uintptr_t)entry & ~(uintptr_t)QR_SWAP_EXCLUSIVE);
	}
}

static bool walk_all(struct qr_checker *checker, int by)
{
	struct recount recount = {.checker = checker, .by = by};
	struct qr_list *at = &checker->system->mms;

	while ((at = at->next) != &checker->system->mms)
		walk_mm(&recount, QR_CONTAINER(at, struct quire_mm, link));
	at = &checker->system->files;
	while ((at = at->next) != &checker->system->files)
		walk_file(&recount, QR_CONTAINER(at, struct quire_file, link));
	return !recount.failed;
}

/* --- slots --------------------------------------------------------------------------------------------------- */

struct sums {
	uint64_t used, dead, retired, stale, cached;
};

static bool check_slot(struct qr_checker *checker, const struct qr_area *area, uint64_t offset,
		       struct sums *sums)
{
	const struct qr_slot *slot = qr_slot_at(area, offset);
	uint64_t value = offset << QR_SWAP_VALUE_BITS | (uint64_t)area->number << 1;
	const struct qr_page *page;

	sums->retired += (slot->word & QR_SLOT_RETIRED) != 0;
	sums->stale += (slot->word & QR_SLOT_STALE) != 0;
	sums->cached += (slot->word & QR_SLOT_CACHED) != 0;
	if (slot->word & (QR_SLOT_COUNT | QR_SLOT_CACHED))
		sums->used++;
	else
		sums->dead += (slot->word & QR_SLOT_RETIRED) != 0;
	if (slot->word & QR_SLOT_DROPPING)
		return qr_check_fail(checker, "slot %x: its store is being told, and nothing runs", value);
	if (!(slot->word & QR_SLOT_CACHED))
		return true;
	page = qr_swap_page_at(checker->system, slot->what);
	if (qr_page_state(page) != QUIRE_PAGE_ANON || !qr_swap_is_page_of(page, value))
		return qr_check_fail(checker, "slot %x: frame %x, which does not know it", value, page->pfn);
	if ((slot->word & QR_SLOT_COUNT) == 0 && page->rmap == 0)
		return qr_check_fail(checker, "slot %x: frame %x is garbage, and was not freed", value,
				     page->pfn);
	return true;
}

static bool check_area(struct qr_checker *checker, const struct qr_area *area)
{
	struct sums sums = {0};

	if (area->users || qr_lock_held(&area->lock))
		return qr_check_fail(checker, "area %u: somebody looks at it, and nothing runs",
				     (uint64_t)area->number);
	for (uint64_t i = 0; i < area->clusters; i++) {
		const struct qr_cluster *cluster = qr_paged_at(&area->cluster, i);
		uint64_t first = i * QR_CLUSTER_SLOTS, end = qr_min(first + QR_CLUSTER_SLOTS, area->slots);
		struct sums before = sums;

		for (uint64_t offset = first; offset < end; offset++) {
			if (!check_slot(checker, area, offset, &sums))
				return false;
		}
		if (qr_lock_held(&cluster->lock) ||
		    cluster->free != end - first - (sums.used - before.used) - (sums.dead - before.dead))
			return qr_check_fail(checker,
					     "area %u: cluster %u counts %u free slots, or is locked",
					     (uint64_t)area->number, i, (uint64_t)cluster->free);
	}
	if (sums.used != area->used || sums.dead != area->dead || sums.retired != area->retired ||
	    sums.stale != area->stale || sums.cached != area->cached)
		return qr_check_fail(
		    checker, "area %u: used %u dead %u retired %u stale %u cached %u, and counted are others",
		    (uint64_t)area->number, sums.used, sums.dead, sums.retired, sums.stale, sums.cached);
	return true;
}

/* After every entry took its own away. */
static bool check_counts(struct qr_checker *checker, const struct qr_area *area)
{
	for (uint64_t offset = 0; offset < area->slots; offset++) {
		uint32_t left = qr_slot_at(area, offset)->word & QR_SLOT_COUNT;

		if (left)
			return qr_check_fail(checker, "slot %x of area %u: %u entries too many are counted",
					     offset, (uint64_t)area->number, (uint64_t)left);
	}
	return true;
}

/* Pages that say that they have a slot are as many as slots that say that they have a page. */
static bool check_pages(struct qr_checker *checker, uint64_t cached)
{
	const struct quire_system *system = checker->system;
	uint64_t pages = 0;

	for (unsigned i = 0; i < system->ranges; i++) {
		for (uint64_t at = system->range[i].meta; at < system->range[i].count; at++) {
			const struct qr_page *page = &system->range[i].pages[at];

			pages += qr_page_test(page, QR_PAGE_SWAPCACHE);
			if (qr_page_test(page, QR_PAGE_WRITEBACK))
				return qr_check_fail(checker, "frame %x: is being written, and nothing runs",
						     page->pfn);
		}
	}
	return pages == cached ||
	       qr_check_fail(checker, "%u frames have a slot, and %u slots have a frame", pages, cached);
}

bool qr_check_swap(struct qr_checker *checker)
{
	struct qr_swap *swap = checker->system->swap;
	uint64_t cached = 0, backing = 0;
	bool good = true;

	for (unsigned i = 0; good && swap && i < QUIRE_SWAP_AREAS; i++) {
		if (swap->area[i].state < QR_AREA_ON)
			continue;
		cached += swap->area[i].cached;
		backing += swap->area[i].slots;
		good = check_area(checker, &swap->area[i]);
	}
	good = good && check_pages(checker, cached);
	if (good && backing != checker->system->backing)
		good = qr_check_fail(checker, "%u slots in all areas, and %u are promised", backing,
				     checker->system->backing);
	if (!good)
		return false;
	good = walk_all(checker, -1);
	for (unsigned i = 0; good && swap && i < QUIRE_SWAP_AREAS; i++) {
		if (swap->area[i].state >= QR_AREA_ON)
			good = check_counts(checker, &swap->area[i]);
	}
	(void)walk_all(checker, 1);
	return good;
}
