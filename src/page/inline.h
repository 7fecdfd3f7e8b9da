/* SPDX-License-Identifier: MIT */
/* The look-ups between frame, descriptor and address that every fast path makes. Included by system.h.
 *
 * Ranges are sorted with linear ones first and the largest of those in front: a machine with one bank
 * of memory never leaves the first line of these functions. */
#ifndef QR_PAGE_INLINE_H
#define QR_PAGE_INLINE_H

#include "base/system.h"

static inline struct qr_page *qr_page_of(const struct quire_system *system, quire_pfn pfn)
{
	uint64_t at = pfn.n - system->range[0].base;

	if (qr_likely(at < system->range[0].count)) {
		struct qr_page *page = &system->range[0].pages[at];

		/* Spares the caller's compiler the question. */
		if (!page)
			__builtin_unreachable();
		return page;
	}
	return qr_page_of_slow(system, pfn);
}

static inline struct qr_page *qr_page_at(const struct quire_system *system, const void *address)
{
	uint64_t at = (uintptr_t)address - (uintptr_t)system->range[0].linear;

	if (qr_likely(at < system->range[0].bytes))
		return &system->range[0].pages[at >> qr_arch(system)->page_shift];
	return qr_page_at_slow(system, address);
}

static inline char *qr_pa_linear(const struct quire_system *system, quire_pa pa)
{
	uint64_t at = pa.v - system->range[0].pa;

	if (qr_likely(at < system->range[0].bytes))
		return system->range[0].linear + at;
	return qr_pa_linear_slow(system, pa);
}

static inline void *qr_page_linear(const struct quire_system *system, const struct qr_page *page)
{
	const struct qr_range *range = &system->range[page->range];

	if (!range->linear)
		return NULL;
	return range->linear + ((page->pfn - range->base) << qr_arch(system)->page_shift);
}

static inline void *qr_page_map(const struct quire_system *system, const struct qr_page *page)
{
	void *at = qr_page_linear(system, page);

	return qr_likely(at != NULL) ? at : qr_page_map_window(system, page);
}

static inline void qr_page_unmap(const struct quire_system *system, const struct qr_page *page, void *address)
{
	if (qr_unlikely(page->zone == QR_ZONE_HIGH))
		qr_page_unmap_window(system, address);
}

static inline bool qr_page_trylock_ready(const struct quire_system *system, struct qr_page *page)
{
	uint32_t flags = __atomic_load_n(&page->flags, __ATOMIC_RELAXED);

	if ((flags & (QR_PAGE_UPTODATE | QR_PAGE_LOCKED)) != QR_PAGE_UPTODATE ||
	    !__atomic_compare_exchange_n(&page->flags, &flags, flags | QR_PAGE_LOCKED, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	qr_lock_event(system->host, system->host_context, &page->flags, QR_RANK_PAGE, QUIRE_LOCK_TRIED);
	return true;
}

static inline void qr_page_unlock(const struct quire_system *system, struct qr_page *page)
{
	uint32_t bits = QR_PAGE_LOCKED | QR_PAGE_WAITED;
	uint32_t was = __atomic_fetch_and(&page->flags, ~bits, __ATOMIC_RELEASE);

	qr_lock_event(system->host, system->host_context, &page->flags, QR_RANK_PAGE, QUIRE_LOCK_RELEASED);
	if (qr_unlikely(was & QR_PAGE_WAITED))
		qr_page_wake(system, page);
}

static inline unsigned qr_page_order(const struct qr_page *page)
{
	return __atomic_load_n(&page->flags, __ATOMIC_RELAXED) >> QR_PAGE_ORDER_SHIFT & 0xf;
}

static inline void qr_page_put(struct quire_system *system, struct qr_page *page)
{
	if (__atomic_fetch_sub(&page->ref, 1, __ATOMIC_ACQ_REL) == 1)
		qr_frame_free(system, page, qr_page_order(page));
}

_Static_assert(sizeof(void *) != 8 || sizeof(struct qr_page) == 64, "a descriptor is one cache line");

#endif
