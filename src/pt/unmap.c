/* SPDX-License-Identifier: MIT */
/* Unmapping: entries cleared, their bits harvested, their pages kept until the flush. */
#include "pt/leaf.h"

struct unmapping {
	struct quire_system *system;
	struct qr_tlb *tlb;
	enum qr_unmap_what what;
	struct qr_leaf_counts leaves;
	uint64_t swap;
};

/* Whether a leaf of this page (NULL: it has none that counts) is to go. */
static bool wanted(enum qr_unmap_what what, const struct qr_page *page)
{
	enum quire_page_state state;

	if (qr_likely(what == QR_UNMAP_ALL))
		return true;
	if (!page)
		return false;
	state = qr_page_state(page);
	if (what == QR_UNMAP_ANON)
		return state == QUIRE_PAGE_ANON;
	return state == QUIRE_PAGE_FILE || state == QUIRE_PAGE_SHMEM;
}

/* The mapping is gone from the table: from the page too, all but its reference. */
static void drop_mapping(struct quire_system *system, struct qr_page *page, void *entry, quire_pte pte,
                         unsigned level)
{
	const struct quire_arch *arch = qr_arch(system);
	uint32_t left = qr_rmap_del(system, page, entry);

	/* Private memory that nobody maps any more, and that has no copy elsewhere, is garbage. */
	if (left == 0 && qr_page_state(page) == QUIRE_PAGE_ANON && !qr_page_test(page, QR_PAGE_SWAPCACHE))
		return;
	qr_leaf_harvest(page, arch->flags(arch, pte, level));
}

/* Clears one entry that is not none. Returns its page, whose mapping reference is now the caller's;
 * NULL: none. *out_cleared: whether it went. => PT held */
static struct qr_page *clear_entry(struct unmapping *un, void *entry, quire_pte pte, unsigned level,
                                   bool *out_cleared)
{
	const struct quire_arch *arch = qr_arch(un->system);
	enum quire_pte_kind kind = arch->kind(arch, pte, level);
	struct qr_page *page = NULL;

	*out_cleared = false;
	if (kind == QUIRE_PTE_SWAP) {
		if (un->what == QR_UNMAP_CACHE)
			return NULL;
		un->swap++;
	} else if (kind == QUIRE_PTE_LEAF) {
		page = qr_leaf_page(un->system, pte, level);
		if (!wanted(un->what, page))
			return NULL;
	} else if (kind == QUIRE_PTE_TABLE || un->what != QR_UNMAP_ALL) {
		return NULL;
	}
	/* The hardware may have set bits since the entry was read. */
	pte = qr_pte_xchg(arch, level, entry, (quire_pte){0});
	*out_cleared = true;
	if (page) {
		un->leaves.state[qr_page_state(page)] += qr_leaf_pages(arch, level);
		drop_mapping(un->system, page, entry, pte, level);
	}
	return page;
}

static void unmap_run(struct unmapping *un, struct qr_pt_run *run)
{
	const struct quire_arch *arch = qr_arch(un->system);
	quire_va step = (quire_va)1 << arch->level[run->level].shift;
	quire_va va = run->va, first = 0, last = 0;
	char *entry = run->entry;

	qr_pt_lock(un->tlb->pt, run->table);
	for (size_t i = 0; i < run->count; i++, entry += run->stride, va += step) {
		quire_pte pte = qr_pte_get(arch, run->level, entry);
		struct qr_page *page;
		bool cleared;

		if (pte.bits == 0)
			continue;
		page = clear_entry(un, entry, pte, run->level, &cleared);
		if (!cleared)
			continue;
		if (first == last)
			first = va;
		last = va + step;
		if (!page)
			continue;
		if (un->tlb->count == QR_TLB_PAGES - 1) {
			/* This one fills the batch: the flush must know the range. */
			qr_tlb_range(un->tlb, first, last);
			first = last;
		}
		qr_tlb_page(un->tlb, page);
	}
	if (first != last)
		qr_tlb_range(un->tlb, first, last);
	qr_pt_unlock(un->tlb->pt, run->table);
}

void qr_pt_unmap(struct qr_pt *pt, struct qr_tlb *tlb, quire_va start, quire_va end, enum qr_unmap_what what,
                 struct qr_pt_counts *gone)
{
	struct unmapping un = {.system = pt->system, .tlb = tlb, .what = what};
	struct qr_pt_run run;

	qr_assert_contract(pt->system, tlb->pt == pt);
	for (quire_va va = start; qr_pt_next_run(pt, va, end, &run); va = run.end) {
		if (qr_pt_run_whole(pt, &run))
			unmap_run(&un, &run);
	}
	qr_leaf_counts_add(gone, &un.leaves);
	gone->swap += un.swap;
}

struct qr_page *qr_pt_unmap_entry(struct qr_pt *pt, quire_va va, void *entry, struct qr_pt_counts *gone)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	struct unmapping un = {.system = pt->system, .what = QR_UNMAP_ALL};
	unsigned level = qr_pt_table_of(pt, entry)->level;
	quire_pte pte = qr_pte_get(arch, level, entry);
	struct qr_page *page;
	bool cleared;

	(void)va;
	if (pte.bits == 0)
		return NULL;
	page = clear_entry(&un, entry, pte, level, &cleared);
	qr_leaf_counts_add(gone, &un.leaves);
	gone->swap += un.swap;
	return page;
}
