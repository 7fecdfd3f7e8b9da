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
	struct qr_leaf_class class;
	struct known { /* of the class */
		struct qr_leaf_frames frames;
		uint32_t page_bits; /* that young and dirty of a leaf become */
	} known;
	struct qr_changed changed;    /* entries cleared, of which the batch does not know yet */
	struct qr_rmap_chunk *chunks; /* of the reverse map, to be freed */
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

/* Clears one leaf of the known class, if it is to be unmapped. Returns its page, whose mapping reference is
 * now the caller's; NULL: none. => PT held */
QR_INLINE struct qr_page *clear_leaf(struct unmapping *un, void *entry, quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = qr_arch(un->system);
	struct qr_page *page = qr_page_of(un->system, arch->pfn(arch, pte, level));
	uint32_t state = page ? (uint32_t)qr_page_state(page) : QUIRE_PAGE_ZERO;

	if (!wanted(un->what, state))
		return NULL;
	/* The hardware may have set bits since the entry was read. */
	pte = qr_pte_take(arch, level, entry, pte);
	qr_changed_add(&un->changed, entry);
	if (qr_unlikely(state == QUIRE_PAGE_ZERO))
		return NULL;
	if (level == 0)
		qr_leaf_frames_turn(&un->known.frames, un->system, &un->class, page);
	un->leaves.state[state] += qr_leaf_pages(arch, level);
	drop_mapping(un, page, entry, arch->flags(arch, pte, level));
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
QR_INLINE struct qr_page *clear_entry(struct unmapping *un, void *entry, quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = qr_arch(un->system);

	if (!qr_leaf_class_has(&un->class, pte)) {
		if (arch->kind(arch, pte, level) != QUIRE_PTE_LEAF) {
			if (clear_other(un, entry, pte, level))
				qr_changed_add(&un->changed, entry);
			return NULL;
		}
		qr_leaf_class_learn(&un->class, pte);
		un->known.page_bits = qr_leaf_page_bits(arch->flags(arch, pte, level));
		un->known.frames = (struct qr_leaf_frames){0};
	}
	return clear_leaf(un, entry, pte, level);
}

/* Young and dirty of a leaf that is cleared, to a page that stays mapped elsewhere. */
QR_RARE static void harvest(const struct unmapping *un, struct qr_page *page, quire_pte pte)
{
	const struct quire_arch *arch = qr_arch(un->system);

	qr_leaf_harvest(un->system, page, arch->flags(arch, pte, 0));
}

/* Clears leaves of the known class whose pages are in `state`, ANON or FILE, as long as the batch has room, and passes over
 * entries that are none. Stops at what is neither; returns the bytes of entries done. => PT held */
QR_INLINE size_t clear_run(struct unmapping *un, char *entry, const char *end, enum quire_page_state state)
{
	const struct quire_arch *arch = qr_arch(un->system);
	const size_t stride = arch->level[0].entry_bytes;
	const unsigned shift = qr_leaf_frame_shift(arch);
	struct qr_tlb *tlb = un->tlb;
	struct qr_page **first = &tlb->page[tlb->count], **out = first, **full = &tlb->page[QR_TLB_PAGES];
	const char *start = entry;
	QR_LOOP_CONSTANTS(struct known, known, un->known);

	for (; entry != end && out != full; entry += stride) {
		qr_pte_bits pte = (qr_pte_bits)qr_pte_get(arch, 0, entry).bits;
		struct qr_page *page = qr_leaf_frames_page(&known->frames, shift, pte);
		uint32_t flags;
		quire_pte was;
		int left = 1;

		if (qr_unlikely(!page)) {
			if (pte == 0)
				continue;
			break;
		}
		flags = __atomic_load_n(&page->flags, __ATOMIC_RELAXED);
		if ((flags & (QR_PAGE_STATE_MASK | QR_PAGE_SWAPCACHE)) != (uint32_t)state)
			break;
		/* Before the entry is cleared: nobody else changes it while PT is held, and the reference stays. */
		if (state == QUIRE_PAGE_ANON)
			left = qr_rmap_del_private(page, entry);
		if (qr_unlikely(left < 0))
			break;
		*out++ = page;
		un->changed.last = entry;
		if (left == 0) {
			/* Garbage now: what the hardware sets meanwhile does not matter. */
			qr_pte_set(arch, 0, entry, (quire_pte){0});
			continue;
		}
		was = qr_pte_take(arch, 0, entry, (quire_pte){pte});
		if (state == QUIRE_PAGE_FILE)
			(void)qr_rmap_del_to(un->system, page, entry, &un->chunks);
		if (qr_unlikely((known->page_bits & ~flags) != 0 || was.bits != pte))
			harvest(un, page, was);
	}
	tlb->count += (unsigned)(out - first);
	un->leaves.state[state] += (uint64_t)(out - first);
	return (size_t)(entry - start);
}

/* Private memory that is mapped once or twice. */
static __attribute__((noinline)) size_t clear_private(struct unmapping *un, char *entry, const char *end)
{
	return clear_run(un, entry, end, QUIRE_PAGE_ANON);
}

/* Pages of files, however often they are mapped. */
static __attribute__((noinline)) size_t clear_cached(struct unmapping *un, char *entry, const char *end)
{
	return clear_run(un, entry, end, QUIRE_PAGE_FILE);
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
	struct qr_tlb *tlb = un->tlb;
	char *entry = run->entry, *end = entry + run->count * stride;

	qr_leaf_class_init(&un->class, arch, level);
	while (entry != end) {
		quire_pte pte = qr_pte_get(arch, level, entry);
		struct qr_page *page = NULL;

		if (pte.bits != 0)
			page = clear_entry(un, entry, pte, level);
		entry += stride;
		if (!page)
			continue;
		tlb->page[tlb->count++] = page;
		if (level == 0 && qr_page_state(page) == QUIRE_PAGE_ANON)
			entry += clear_private(un, entry, end);
		else if (level == 0 && qr_page_state(page) == QUIRE_PAGE_FILE)
			entry += clear_cached(un, entry, end);
		if (qr_unlikely(tlb->count == QR_TLB_PAGES))
			flush_full(un, run);
	}
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

	(void)va;
	if (pte.bits == 0)
		return NULL;
	qr_leaf_class_init(&un.class, arch, level);
	page = clear_entry(&un, entry, pte, level);
	qr_slab_free_many(pt->system, QR_SLAB_RMAP_CHUNK, un.chunks);
	qr_leaf_counts_add(gone, &un.leaves);
	gone->swap += un.swap;
	return page;
}
