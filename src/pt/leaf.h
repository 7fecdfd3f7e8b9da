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

/* The bits of an entry. Architectures of 32 bits have entries of 4 bytes: they are not handled as 8. */
#if QUIRE_CONFIG_VA_BITS == 32
typedef uint32_t qr_pte_bits;
#else
typedef uint64_t qr_pte_bits;
#endif

/* What is known of the leaves of a run. Neighbours differ in their frame alone, most of the time, and
 * in every format the bits of the frame are beside the others: what the codec said of one leaf holds for
 * all that differ from it in those bits only. So the codec is asked once a run, not once a leaf. */
struct qr_leaf_class {
	qr_pte_bits bits;       /* the leaf that was asked about; 0: none yet */
	qr_pte_bits kind;       /* the bits that all of its class have: all of them while there is none */
	qr_pte_bits frame_bits; /* of a leaf of this level */
};

QR_INLINE void qr_leaf_class_init(struct qr_leaf_class *class, const struct quire_arch *arch, unsigned level)
{
	class->frame_bits = (qr_pte_bits)qr_leaf_frame_bits(arch, level);
	class->bits = 0;
	class->kind = (qr_pte_bits)-1;
}

static inline void qr_leaf_class_learn(struct qr_leaf_class *class, quire_pte pte)
{
	class->bits = (qr_pte_bits)pte.bits;
	class->kind = ~class->frame_bits;
}

/* => the entry is not none */
QR_INLINE bool qr_leaf_class_has(const struct qr_leaf_class *class, quire_pte pte)
{
	return qr_likely((((qr_pte_bits)pte.bits ^ class->bits) & class->kind) == 0);
}

/* The same class at level 0, of which the descriptors are found: the difference from the leaf of a range's first frame,
 * turned until the frame's number is lowest, is below `count` for its leaves with a frame of the range, and for no
 * other entry. */
struct qr_leaf_frames {
	qr_pte_bits base; /* the leaf of the class that maps the range's first frame */
	uintptr_t count;  /* frames in the range; 0: no class is known */
	struct qr_page *pages;
};

/* The place of a frame's number in a leaf. */
QR_FLATTEN unsigned qr_leaf_frame_shift(const struct quire_arch *arch)
{
	return (unsigned)__builtin_ctzll(qr_leaf_frame_bits(arch, 0));
}

/* Turns to the range of `page`, which a leaf of the class maps. Frames that no leaf can name do not count. */
QR_INLINE void qr_leaf_frames_turn(struct qr_leaf_frames *frames, const struct quire_system *system,
				   const struct qr_leaf_class *class, const struct qr_page *page)
{
	const struct qr_range *range = &system->range[page->range];
	unsigned shift;

	if (qr_likely(frames->pages == range->pages))
		return;
	shift = qr_leaf_frame_shift(qr_arch(system));
	frames->pages = range->pages;
	frames->base = (class->bits & ~class->frame_bits) + ((qr_pte_bits)range->base << shift);
	frames->count =
	    range->base + range->count - 1 <= class->frame_bits >> shift ? (uintptr_t)range->count : 0;
}

/* The page of a leaf of the class; NULL: another entry, or its frame is elsewhere. */
QR_INLINE struct qr_page *qr_leaf_frames_page(const struct qr_leaf_frames *frames, unsigned shift,
					      qr_pte_bits bits)
{
	qr_pte_bits away = bits - frames->base;
	qr_pte_bits at = away >> shift | away << (8 * sizeof(away) - shift);

	if (qr_unlikely(at >= frames->count))
		return NULL;
	/* Lets the compiler drop the caller's test for NULL. */
	if (!frames->pages)
		__builtin_unreachable();
	return &frames->pages[at];
}

/* The entries of a run that changed, from the first to the last: TLBs may hold them as they were. */
struct qr_changed {
	const char *first, *last; /* first: NULL without any */
};

QR_INLINE void qr_changed_add(struct qr_changed *changed, const void *entry)
{
	changed->last = entry;
	if (!changed->first)
		changed->first = entry;
}

/* Names them in the batch. */
static inline void qr_changed_flush(struct qr_changed *changed, struct qr_flush *ranges,
				    const struct qr_pt_run *run)
{
	const struct quire_level *level = &qr_arch(ranges->pt->system)->level[run->level];
	const char *entry = run->entry;
	size_t first, last;

	if (!changed->first)
		return;
	first = (size_t)(changed->first - entry) / level->entry_bytes;
	last = (size_t)(changed->last - entry) / level->entry_bytes;
	qr_flush_range(ranges, run->va + ((quire_va)first << level->shift),
		       run->va + ((quire_va)(last + 1) << level->shift));
	changed->first = NULL;
}

/* Pages of level 0 in a leaf of `level`. */
static inline uint64_t qr_leaf_pages(const struct quire_arch *arch, unsigned level)
{
	return (uint64_t)1 << (arch->level[level].shift - arch->page_shift);
}

/* The bits of a page that young and dirty of its leaf become. */
static inline uint32_t qr_leaf_page_bits(unsigned flags)
{
	return (flags & QUIRE_PTE_YOUNG ? (uint32_t)QR_PAGE_REFERENCED : 0) |
	       (flags & QUIRE_PTE_DIRTY ? (uint32_t)QR_PAGE_DIRTY : 0);
}

/* Young and dirty of a leaf, to its page. */
static inline void qr_leaf_harvest(struct quire_system *system, struct qr_page *page, unsigned flags)
{
	uint32_t want = qr_leaf_page_bits(flags) & ~__atomic_load_n(&page->flags, __ATOMIC_RELAXED);

	if (want == 0)
		return;
	if ((want & QR_PAGE_DIRTY) && qr_page_state(page) != QUIRE_PAGE_ANON) {
		const struct qr_page_hooks *hooks = system->page_hooks[qr_page_state(page)];

		if (hooks)
			hooks->dirtied(system, page);
		want &= ~(uint32_t)QR_PAGE_DIRTY;
	}
	if (want)
		qr_page_set(page, want);
}

#endif
