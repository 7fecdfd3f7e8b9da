/* SPDX-License-Identifier: MIT */
/* Unmapping: entries cleared, their bits harvested, their pages kept until the flush. */
#include "pt/leaf.h"

#include "page/slab.h"

struct unmapping {
	struct quire_system *system;
	struct qr_tlb *tlb;
	enum qr_unmap_what what;
	struct qr_leaf_counts leaves;
	uint64_t swap;
	struct qr_changed changed;    /* entries cleared, of which the batch does not know yet */
	struct qr_rmap_chunk *chunks; /* of the reverse map, to be freed */
};

/* What a loop over entries keeps in registers: no address of it leaves. */
struct loop {
	struct qr_first_range first;
	struct qr_leaf_class class;
	uint32_t page_bits; /* that young and dirty of a leaf of the class become */
	struct qr_changed changed;
	size_t anon; /* leaves of private memory cleared */
};

/* Whether a leaf whose page is in `state` is to be unmapped; ZERO stands for frames that count no mappings. */
static bool wanted(enum qr_unmap_what what, uint32_t state)
{
	if (qr_likely(what == QR_UNMAP_ALL || what == QR_UNMAP_PAGES))
		return true;
	if (what == QR_UNMAP_ANON)
		return state == QUIRE_PAGE_ANON;
	return state == QUIRE_PAGE_FILE || state == QUIRE_PAGE_SHMEM;
}

/* Removes a cleared leaf from its page: the reverse map and the bits. The reference stays. */
QR_RARE static void drop_mapping(struct unmapping *un, struct qr_page *page, void *entry, unsigned flags)
{
	uint32_t left = qr_rmap_del_to(un->system, page, entry, &un->chunks);

	/* Private memory without a mapping, and without a copy in swap, is garbage: its bits do not matter. */
	if (left == 0 && qr_page_state(page) == QUIRE_PAGE_ANON && !qr_page_test(page, QR_PAGE_SWAPCACHE))
		return;
	qr_leaf_harvest(un->system, page, flags);
	if (left == 0 && qr_page_test(page, QR_PAGE_SWAPCACHE))
		un->system->swap_hooks->unmapped(un->system, page);
}

/* The same for a page with these flags, and counts it; the common cases without a call. */
QR_INLINE void forget_mapping(struct unmapping *un, struct loop *loop, struct qr_page *page, void *entry,
			      quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = qr_arch(un->system);
	uint32_t flags = __atomic_load_n(&page->flags, __ATOMIC_RELAXED);

	if (qr_likely((flags & (QR_PAGE_STATE_MASK | QR_PAGE_SWAPCACHE)) == QUIRE_PAGE_ANON)) {
		loop->anon++;
		if (qr_rmap_del_only(page, entry))
			return;
		if (qr_likely(qr_rmap_del_of_two(page, entry))) {
			if (qr_unlikely((loop->page_bits & ~flags) != 0 ||
					!qr_leaf_class_has(&loop->class, pte)))
				qr_leaf_harvest(un->system, page, arch->flags(arch, pte, level));
			return;
		}
	} else {
		un->leaves.state[flags & QR_PAGE_STATE_MASK] += qr_leaf_pages(arch, level);
	}
	drop_mapping(un, page, entry, arch->flags(arch, pte, level));
}

/* Clears one leaf of the known class, if it is to be unmapped. Returns its page, whose mapping reference is
 * now the caller's; NULL: none. => PT held */
QR_INLINE struct qr_page *clear_leaf(struct unmapping *un, struct loop *loop, void *entry, quire_pte pte,
				     unsigned level)
{
	const struct quire_arch *arch = qr_arch(un->system);
	struct qr_page *page = qr_page_in(un->system, loop->first, arch->pfn(arch, pte, level));
	uint32_t state = page ? (uint32_t)qr_page_state(page) : QUIRE_PAGE_ZERO;

	if (!wanted(un->what, state))
		return NULL;
	/* The hardware may have set bits since the entry was read. */
	pte = qr_pte_take(arch, level, entry, pte);
	qr_changed_add(&loop->changed, entry);
	if (qr_unlikely(state == QUIRE_PAGE_ZERO))
		return NULL;
	forget_mapping(un, loop, page, entry, pte, level);
	return page;
}

/* Whether an entry of another kind is to be cleared. */
static bool wanted_other(const struct unmapping *un, enum quire_pte_kind kind, quire_pte pte)
{
	const struct quire_arch *arch = qr_arch(un->system);

	switch (kind) {
	case QUIRE_PTE_SWAP:
		if (un->what != QR_UNMAP_ALL && qr_swap_is_guard(arch->swap_value(arch, pte)))
			return false;
		return un->what != QR_UNMAP_CACHE;
	case QUIRE_PTE_BAD:
		return un->what == QR_UNMAP_ALL || un->what == QR_UNMAP_PAGES;
	default:
		return false;
	}
}

/* Clears an entry that is not a leaf, if it is to be unmapped: true. => PT held */
QR_RARE static bool clear_other(struct unmapping *un, void *entry, quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = qr_arch(un->system);
	const struct qr_swap_hooks *hooks = un->system->swap_hooks;
	enum quire_pte_kind kind = arch->kind(arch, pte, level);

	if (!wanted_other(un, kind, pte))
		return false;
	if (kind == QUIRE_PTE_BAD)
		qr_log(un->system, "a corrupt page-table entry was cleared");
	qr_pte_xchg(arch, level, entry, (quire_pte){0});
	if (kind != QUIRE_PTE_SWAP)
		return true;
	un->swap += !qr_swap_is_marker(arch->swap_value(arch, pte));
	if (hooks)
		hooks->put(un->system, arch->swap_value(arch, pte));
	return true;
}

/* Clears one entry that is not none, if it is to be unmapped. Returns its page, whose mapping reference is
 * now the caller's; NULL: none. => PT held */
QR_INLINE struct qr_page *clear_entry(struct unmapping *un, struct loop *loop, void *entry, quire_pte pte,
				      unsigned level)
{
	const struct quire_arch *arch = qr_arch(un->system);

	if (!qr_leaf_class_has(&loop->class, pte)) {
		if (arch->kind(arch, pte, level) != QUIRE_PTE_LEAF) {
			if (clear_other(un, entry, pte, level))
				qr_changed_add(&loop->changed, entry);
			return NULL;
		}
		qr_leaf_class_learn(&loop->class, pte);
		loop->page_bits = qr_leaf_page_bits(arch->flags(arch, pte, level));
	}
	return clear_leaf(un, loop, entry, pte, level);
}

QR_INLINE struct loop begin(const struct quire_system *system, unsigned level)
{
	struct loop loop = {.first = qr_first_range(system)};

	qr_leaf_class_init(&loop.class, qr_arch(system), level);
	return loop;
}

/* The batch is full: adds the changed range to it, then flushes. */
QR_RARE static void flush_full(struct unmapping *un, const struct qr_pt_run *run)
{
	qr_changed_flush(&un->changed, &un->tlb->ranges, run);
	qr_tlb_flush(un->tlb);
}

QR_INLINE void unmap_entries(struct unmapping *un, const struct qr_pt_run *run, unsigned level)
{
	const struct quire_arch *arch = qr_arch(un->system);
	size_t stride = arch->level[level].entry_bytes;
	struct loop loop = begin(un->system, level);
	struct qr_tlb *tlb = un->tlb;
	char *entry = run->entry;

	for (char *end = entry + run->count * stride; entry != end; entry += stride) {
		quire_pte pte = qr_pte_get(arch, level, entry);
		struct qr_page *page;

		if (pte.bits == 0)
			continue;
		page = clear_entry(un, &loop, entry, pte, level);
		if (!page)
			continue;
		tlb->page[tlb->count++] = page;
		if (qr_unlikely(tlb->count == QR_TLB_PAGES)) {
			un->changed = loop.changed;
			flush_full(un, run);
			loop.changed.first = NULL;
		}
	}
	un->leaves.state[QUIRE_PAGE_ANON] += loop.anon * qr_leaf_pages(arch, level);
	un->changed = loop.changed;
	qr_changed_flush(&un->changed, &tlb->ranges, run);
}

static void unmap_run(struct unmapping *un, const struct qr_pt_run *run)
{
	qr_pt_lock(un->tlb->ranges.pt, run->table);
	if (qr_likely(run->level == 0))
		unmap_entries(un, run, 0);
	else
		unmap_entries(un, run, run->level);
	qr_pt_unlock(un->tlb->ranges.pt, run->table);
}

void qr_pt_unmap(struct qr_pt *pt, struct qr_tlb *tlb, quire_va start, quire_va end, enum qr_unmap_what what,
		 struct qr_pt_counts *gone)
{
	struct unmapping un = {.system = pt->system, .tlb = tlb, .what = what};
	struct qr_pt_run run;

	qr_assert_contract(pt->system, tlb->ranges.pt == pt);
	for (quire_va va = start; qr_pt_next_run(pt, va, end, &run); va = run.end) {
		if (qr_pt_run_whole(pt, &run))
			unmap_run(&un, &run);
	}
	qr_slab_free_many(pt->system, QR_SLAB_RMAP_CHUNK, un.chunks);
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
	struct loop loop;

	(void)va;
	if (pte.bits == 0)
		return NULL;
	loop = begin(pt->system, level);
	page = clear_entry(&un, &loop, entry, pte, level);
	un.leaves.state[QUIRE_PAGE_ANON] += loop.anon * qr_leaf_pages(arch, level);
	qr_slab_free_many(pt->system, QR_SLAB_RMAP_CHUNK, un.chunks);
	qr_leaf_counts_add(gone, &un.leaves);
	gone->swap += un.swap;
	return page;
}
