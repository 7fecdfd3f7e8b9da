/* SPDX-License-Identifier: MIT */
/* What the range operations share: the frame of a leaf, its count, its bits harvested. */
#ifndef QR_PT_LEAF_H
#define QR_PT_LEAF_H

#include "pt/pt.h"

/* Leaves by the state of their frame: one addition a leaf, told apart at the end of a run. */
struct qr_leaf_counts {
	uint64_t state[QR_PAGE_STATE_MASK + 1];
};

static inline void qr_leaf_counts_add(struct qr_pt_counts *to, const struct qr_leaf_counts *from)
{
	to->anon += from->state[QUIRE_PAGE_ANON];
	to->file += from->state[QUIRE_PAGE_FILE];
	to->shmem += from->state[QUIRE_PAGE_SHMEM];
}

/* The frame of a leaf, if it counts its mappings: not a device's, not the zero page. */
QR_INLINE struct qr_page *qr_leaf_page(const struct quire_system *system, quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = qr_arch(system);
	struct qr_page *page = qr_page_of(system, arch->pfn(arch, pte, level));

	return page && qr_page_state(page) != QUIRE_PAGE_ZERO ? page : NULL;
}

/* What is known of the leaves of a run. Neighbours differ in their frame alone, most of the time, and
 * in every format the bits of the frame are beside the others: what the codec said of one leaf holds for
 * all that differ from it in those bits only. So the codec is asked once a run, not once a leaf. */
struct qr_leaf_class {
	uint64_t frame_bits; /* of a leaf of this level */
	uint64_t bits;       /* the leaf that was asked about */
	bool known;
};

static inline void qr_leaf_class_init(struct qr_leaf_class *class, const struct quire_arch *arch,
				      unsigned level)
{
	class->frame_bits = arch->make(arch, (quire_pfn){UINT64_MAX >> arch->page_shift}, 0, 0, level).bits ^
			    arch->make(arch, (quire_pfn){0}, 0, 0, level).bits;
	class->known = false;
}

QR_INLINE bool qr_leaf_class_has(const struct qr_leaf_class *class, quire_pte pte)
{
	return qr_likely(((pte.bits ^ class->bits) & ~class->frame_bits) == 0) && class->known;
}

/* Pages of level 0 in a leaf of `level`. */
static inline uint64_t qr_leaf_pages(const struct quire_arch *arch, unsigned level)
{
	return (uint64_t)1 << (arch->level[level].shift - arch->page_shift);
}

/* Young and dirty of a leaf, to its page. */
static inline void qr_leaf_harvest(struct qr_page *page, unsigned flags)
{
	uint32_t want = 0;

	if (flags & QUIRE_PTE_YOUNG)
		want |= QR_PAGE_REFERENCED;
	if (flags & QUIRE_PTE_DIRTY)
		want |= QR_PAGE_DIRTY;
	want &= ~__atomic_load_n(&page->flags, __ATOMIC_RELAXED);
	if (want == 0)
		return;
	if ((want & QR_PAGE_DIRTY) && qr_page_state(page) != QUIRE_PAGE_ANON) {
		if (qr_page_state(page) == QUIRE_PAGE_FILE || qr_page_state(page) == QUIRE_PAGE_SHMEM)
			qr_cache_dirty(page);
		want &= ~(uint32_t)QR_PAGE_DIRTY;
	}
	if (want)
		qr_page_set(page, want);
}

#endif
