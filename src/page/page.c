/* SPDX-License-Identifier: MIT */
/* Descriptors: look-ups beyond the first range, content, references, the page lock. */
#include "page/page.h"

struct qr_page *qr_page_of_slow(const struct quire_system *system, quire_pfn pfn)
{
	for (unsigned i = 0; i < system->ranges; i++) {
		const struct qr_range *range = &system->range[i];

		if (pfn.n - range->base < range->count)
			return &range->pages[pfn.n - range->base];
	}
	return NULL;
}

struct qr_page *qr_page_at_slow(const struct quire_system *system, const void *address)
{
	for (unsigned i = 0; i < system->ranges; i++) {
		const struct qr_range *range = &system->range[i];
		uint64_t at = (uintptr_t)address - (uintptr_t)range->linear;

		if (at < range->bytes)
			return &range->pages[at >> qr_arch(system)->page_shift];
	}
	return NULL;
}

char *qr_pa_linear_slow(const struct quire_system *system, quire_pa pa)
{
	for (unsigned i = 0; i < system->ranges; i++) {
		const struct qr_range *range = &system->range[i];
		uint64_t at = pa.v - range->pa;

		if (at < range->bytes)
			return range->linear + at;
	}
	return NULL;
}

QR_RARE void *qr_page_map_window(const struct quire_system *system, const struct qr_page *page)
{
	return system->host->frame_map(system->host_context, (quire_pfn){page->pfn});
}

QR_RARE void qr_page_unmap_window(const struct quire_system *system, void *address)
{
	system->host->frame_unmap(system->host_context, address);
}

/* For hosts without a function of their own, which would see to aliases itself. */
static void zero_by_cpu(const struct quire_system *system, void *at, size_t bytes)
{
	memset(at, 0, bytes);
	qr_page_wrote(system, at);
}

static void copy_by_cpu(const struct quire_system *system, void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes);
	qr_page_wrote(system, to);
}

void qr_page_zero_on(struct quire_system *system, struct qr_cpu *cpu, struct qr_page *page)
{
	const struct quire_host *host = system->host;
	size_t bytes = (size_t)qr_page_bytes(system);
	void *at = qr_page_map(system, page);

	if (host->page_clear)
		host->page_clear(system->host_context, at, bytes);
	else
		zero_by_cpu(system, at, bytes);
	qr_page_unmap(system, page, at);
	qr_event(cpu, QUIRE_EVENT_PAGE_CLEARED);
}

void qr_page_zero(struct quire_system *system, struct qr_page *page)
{
	qr_page_zero_on(system, qr_this_cpu(system), page);
}

void qr_page_copy_on(struct quire_system *system, struct qr_cpu *cpu, struct qr_page *to,
		     const struct qr_page *from)
{
	const struct quire_host *host = system->host;
	size_t bytes = (size_t)qr_page_bytes(system);
	void *source = qr_page_map(system, from);
	void *target = qr_page_map(system, to);

	if (host->page_copy)
		host->page_copy(system->host_context, target, source, bytes);
	else
		copy_by_cpu(system, target, source, bytes);
	qr_page_unmap(system, to, target);
	qr_page_unmap(system, from, source);
	qr_event(cpu, QUIRE_EVENT_PAGE_COPIED);
}

void qr_page_copy(struct quire_system *system, struct qr_page *to, const struct qr_page *from)
{
	qr_page_copy_on(system, qr_this_cpu(system), to, from);
}

bool qr_page_try_get(struct qr_page *page)
{
	uint32_t ref = __atomic_load_n(&page->ref, __ATOMIC_RELAXED);

	while (ref != 0) {
		if (__atomic_compare_exchange_n(&page->ref, &ref, ref + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	}
	return false;
}

/* --- the page lock: a bit of the flags, another for sleepers ------------------------------------- */

bool qr_page_trylock(struct quire_system *system, struct qr_page *page)
{
	if (__atomic_fetch_or(&page->flags, QR_PAGE_LOCKED, __ATOMIC_ACQUIRE) & QR_PAGE_LOCKED)
		return false;
	qr_lock_event(system, &page->flags, QR_RANK_PAGE, QUIRE_LOCK_TRIED);
	return true;
}

void qr_page_lock(struct quire_system *system, struct qr_page *page)
{
	qr_lock_event(system, &page->flags, QR_RANK_PAGE, QUIRE_LOCK_BEFORE);
	while (__atomic_fetch_or(&page->flags, QR_PAGE_LOCKED, __ATOMIC_ACQUIRE) & QR_PAGE_LOCKED) {
		uint32_t flags = __atomic_or_fetch(&page->flags, QR_PAGE_WAITED, __ATOMIC_RELAXED);

		if (flags & QR_PAGE_LOCKED)
			qr_wait(system, &page->flags, flags, QUIRE_WAIT_SLEEP);
	}
	qr_lock_event(system, &page->flags, QR_RANK_PAGE, QUIRE_LOCK_TAKEN);
}

QR_RARE void qr_page_wake(const struct quire_system *system, struct qr_page *page)
{
	qr_wake(system, &page->flags);
}
