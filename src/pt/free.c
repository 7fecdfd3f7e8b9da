/* SPDX-License-Identifier: MIT */
/* Freeing tables that map nothing any more.
 *
 *   level by level from the pages up: a table goes when all that it could map lies in [floor, ceiling)
 *   and, above the pages, when no table is left below it. One that a failed operation left behind keeps
 *   the tables above it; they go with the address space.
 *
 *   Where memory is short, tables go from below vmas as well, if they are empty: their pages were files', or were
 *   discarded. */
#include "pt/leaf.h"

struct freeing {
	struct qr_pt *pt;
	struct qr_tlb *tlb;
	quire_va floor, ceiling;
	bool only_empty; /* tables of pages may hold entries */
	uint64_t bytes;
	uint64_t count;
};

static bool is_empty(const struct quire_arch *arch, const char *table, unsigned level)
{
	for (size_t i = 0; i < (size_t)1 << arch->level[level].index_bits; i++) {
		if (qr_pte_get(arch, level, table + i * arch->level[level].entry_bytes).bits != 0)
			return false;
	}
	return true;
}

/* Whether tables are left below the one of `level` in `page`. The frame of one table counts them (pt.h);
 * where tables share a frame, their count is not its own. */
static bool has_tables(const struct quire_arch *arch, const struct qr_page *page, const char *table,
		       unsigned level)
{
	if (level == 0)
		return false;
	if (arch->level[level].table_bytes < (uint64_t)1 << arch->page_shift)
		return !is_empty(arch, table, level);
	return __atomic_load_n(&page->ref, __ATOMIC_RELAXED) > 1;
}

/* Whether entries are left in a table of pages. Who has emptied it by a reverse map may hold PT still. */
static bool has_entries(const struct qr_pt *pt, struct qr_page *page, const char *table)
{
	bool some;

	qr_pt_lock(pt, page);
	some = !is_empty(qr_arch(pt->system), table, 0);
	qr_pt_unlock(pt, page);
	return some;
}

/* Frees the table below `entry` of `level`, which maps [va, va + span), if it may go. */
static void free_entry(struct freeing *freeing, char *entry, unsigned level, quire_va va)
{
	struct qr_pt *pt = freeing->pt;
	const struct quire_arch *arch = qr_arch(pt->system);
	quire_va last = va | (quire_va)(((uint64_t)1 << arch->level[level].shift) - 1);
	quire_pte pte = qr_pte_get(arch, level, entry);
	struct qr_page *page;
	quire_pa table;

	if (arch->kind(arch, pte, level) != QUIRE_PTE_TABLE)
		return;
	if (va < freeing->floor || (freeing->ceiling != 0 && last > freeing->ceiling - 1))
		return;
	table = arch->table_pa(arch, pte, level);
	page = qr_page_of(pt->system, (quire_pfn){table.v >> arch->page_shift});
	/* The port may have put tables of its own under the kernel's root. */
	if (!page || qr_page_state(page) != QUIRE_PAGE_TABLE || page->u.table.pt != pt)
		return;
	if (has_tables(arch, page, qr_pa_linear(pt->system, table), level - 1))
		return;
	if (freeing->only_empty && level == 1 && has_entries(pt, page, qr_pa_linear(pt->system, table)))
		return;
	qr_assert_whole(pt->system, is_empty(arch, qr_pa_linear(pt->system, table), level - 1));

	qr_pte_set(arch, level, entry, (quire_pte){0});
	qr_tlb_range(freeing->tlb, va, last + 1);
	freeing->tlb->ranges.flush.tables = 1;
	freeing->bytes += arch->level[level - 1].table_bytes;
	freeing->count++;
	if (level < qr_width(pt->system)->levels - 1u)
		__atomic_fetch_sub(&qr_page_at(pt->system, entry)->ref, 1, __ATOMIC_RELAXED);
	/* Siblings in the frame keep it. */
	if (__atomic_fetch_sub(&page->ref, 1, __ATOMIC_ACQ_REL) == 1)
		qr_tlb_table(freeing->tlb, page);
}

static void free_range(struct freeing *freeing, quire_va start, quire_va end)
{
	struct qr_pt *pt = freeing->pt;
	const struct quire_arch *arch = qr_arch(pt->system);
	struct qr_pt_run run;

	for (unsigned level = 1; level < qr_width(pt->system)->levels; level++) {
		uint64_t span = (uint64_t)1 << arch->level[level].shift;

		for (quire_va va = start; qr_pt_next_run_at(pt, va, end, level, &run); va = run.end) {
			char *entry = run.entry;
			quire_va at = run.va & ~(quire_va)(span - 1);

			if (run.level != level)
				continue;
			for (size_t i = 0; i < run.count; i++, entry += run.stride, at += (quire_va)span) {
				if (qr_pte_get(arch, level, entry).bits != 0)
					free_entry(freeing, entry, level, at);
			}
		}
	}
	if (freeing->count == 0)
		return;
	__atomic_fetch_sub(&pt->tables, freeing->bytes, __ATOMIC_RELAXED);
	qr_count_by(&qr_this_cpu(pt->system)->events[QUIRE_EVENT_TABLE_FREED], freeing->count);
}

void qr_pt_free(struct qr_pt *pt, struct qr_tlb *tlb, quire_va start, quire_va end, quire_va floor,
		quire_va ceiling)
{
	struct freeing freeing = {.pt = pt, .tlb = tlb, .floor = floor, .ceiling = ceiling};

	free_range(&freeing, start, end);
}

uint64_t qr_pt_free_empty(struct qr_pt *pt, struct qr_tlb *tlb, quire_va start, quire_va end)
{
	struct freeing freeing = {.pt = pt, .tlb = tlb, .floor = start, .ceiling = end, .only_empty = true};

	free_range(&freeing, start, end);
	return freeing.count;
}
