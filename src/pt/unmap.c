/* SPDX-License-Identifier: MIT */
/* Unmapping: entries cleared, their bits harvested, their pages kept until the flush. */
#include "pt/leaf.h"

struct unmapping {
	struct quire_system *system;
	struct qr_tlb *tlb;
	enum qr_unmap_what what;
	struct qr_leaf_counts leaves;
	uint64_t swap;
	struct qr_leaf_class class; /* of leaves */
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
QR_RARE static void drop_mapping(struct quire_system *system, struct qr_page *page, void *entry,
				 quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = qr_arch(system);
	uint32_t left = qr_rmap_del(system, page, entry);

	if (left == 0 && qr_page_state(page) == QUIRE_PAGE_ANON && !qr_page_test(page, QR_PAGE_SWAPCACHE))
		return;
	qr_leaf_harvest(page, arch->flags(arch, pte, level));
}

/* What is no leaf of the known class: whether it is a leaf, and if not, whether it is to go. */
static bool look(struct unmapping *un, quire_pte pte, unsigned level, bool *out_leaf)
{
	const struct quire_arch *arch = qr_arch(un->system);

	*out_leaf = false;
	switch (arch->kind(arch, pte, level)) {
	case QUIRE_PTE_LEAF:
		un->class.bits = pte.bits;
		un->class.known = true;
		*out_leaf = true;
		return true;
	case QUIRE_PTE_SWAP:
		un->swap += un->what != QR_UNMAP_CACHE;
		return un->what != QR_UNMAP_CACHE;
	case QUIRE_PTE_TABLE:
		return false;
	default:
		return un->what == QR_UNMAP_ALL;
	}
}

/* Clears one entry that is not none. Returns its page, whose mapping reference is now the caller's;
 * NULL: none. *out_cleared: whether it went. => PT held */
QR_INLINE struct qr_page *clear_entry(struct unmapping *un, void *entry, quire_pte pte, unsigned level,
				      bool *out_cleared)
{
	const struct quire_arch *arch = qr_arch(un->system);
	struct qr_page *page = NULL;
	uint32_t flags;
	bool leaf = true;

	*out_cleared = false;
	if (!qr_leaf_class_has(&un->class, pte) && !look(un, pte, level, &leaf))
		return NULL;
	if (qr_likely(leaf)) {
		page = qr_leaf_page(un->system, pte, level);
		if (!wanted(un->what, page))
			return NULL;
	}
	/* The hardware may have set bits since the entry was read. */
	pte = qr_pte_xchg(arch, level, entry, (quire_pte){0});
	*out_cleared = true;
	if (qr_unlikely(!page))
		return NULL;
	flags = __atomic_load_n(&page->flags, __ATOMIC_RELAXED);
	un->leaves.state[flags & QR_PAGE_STATE_MASK] += qr_leaf_pages(arch, level);
	/* Private memory that nobody maps any more, and that has no copy elsewhere, is garbage: its bits are
	 * of no interest. */
	if (qr_unlikely((flags & (QR_PAGE_STATE_MASK | QR_PAGE_SWAPCACHE)) != QUIRE_PAGE_ANON ||
			!qr_rmap_del_only(page, entry)))
		drop_mapping(un->system, page, entry, pte, level);
	return page;
}

QR_INLINE void unmap_entries(struct unmapping *un, const struct qr_pt_run *run, unsigned level)
{
	const struct quire_arch *arch = qr_arch(un->system);
	quire_va step = (quire_va)1 << arch->level[level].shift;
	quire_va va = run->va, first = 0, last = 0;
	size_t stride = arch->level[level].entry_bytes;
	char *entry = run->entry;

	qr_leaf_class_init(&un->class, arch, level);
	for (char *end = entry + run->count * stride; entry != end; entry += stride, va += step) {
		quire_pte pte = qr_pte_get(arch, level, entry);
		struct qr_page *page;
		bool cleared;

		if (pte.bits == 0)
			continue;
		page = clear_entry(un, entry, pte, level, &cleared);
		if (!cleared)
			continue;
		if (first == last)
			first = va;
		last = va + step;
		if (!page)
			continue;
		un->tlb->page[un->tlb->count++] = page;
		if (qr_unlikely(un->tlb->count == QR_TLB_PAGES)) {
			/* The batch is full: what it holds must be named before it is flushed. */
			qr_tlb_range(un->tlb, first, last);
			qr_tlb_flush(un->tlb);
			first = last;
		}
	}
	if (first != last)
		qr_tlb_range(un->tlb, first, last);
}

static void unmap_run(struct unmapping *un, const struct qr_pt_run *run)
{
	qr_pt_lock(un->tlb->pt, run->table);
	if (qr_likely(run->level == 0))
		unmap_entries(un, run, 0);
	else
		unmap_entries(un, run, run->level);
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
	qr_leaf_class_init(&un.class, arch, level);
	page = clear_entry(&un, entry, pte, level, &cleared);
	qr_leaf_counts_add(gone, &un.leaves);
	gone->swap += un.swap;
	return page;
}
