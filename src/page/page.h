/* SPDX-License-Identifier: MIT */
/* Descriptors of frames: look-ups, content, flags, references, the page lock.
 *
 * base/frame.h has struct qr_page and its equations; frames.h allocates and frees.
 *
 * Ranges are sorted: linear ones first, the largest of those in front. A machine with one bank of memory
 * never leaves the first line of the look-ups. */
#ifndef QR_PAGE_H
#define QR_PAGE_H

#include "base/lock.h"
#include "page/frames.h"

/* --- look-ups between frame, descriptor and address ------------------------------------------------- */

struct qr_page *qr_page_of_slow(const struct quire_system *system, quire_pfn pfn);

/* The first range, in registers: for loops over many frames. A number of a frame fits a pointer. */
struct qr_first_range {
	uintptr_t base, count;
	struct qr_page *pages;
};

QR_INLINE struct qr_first_range qr_first_range(const struct quire_system *system)
{
	const struct qr_range *range = &system->range[0];

	return (struct qr_first_range){(uintptr_t)range->base, (uintptr_t)range->count, range->pages};
}

/* qr_page_of() by it. */
QR_INLINE struct qr_page *qr_page_in(const struct quire_system *system, struct qr_first_range first,
				     quire_pfn pfn)
{
	uintptr_t at = (uintptr_t)pfn.n - first.base;

	if (qr_likely(at < first.count)) {
		/* Lets the compiler drop the caller's test for NULL. */
		if (!first.pages)
			__builtin_unreachable();
		return &first.pages[at];
	}
	return qr_page_of_slow(system, pfn);
}

/* The descriptor of a frame; NULL when it is not in RAM (a device). */
static inline struct qr_page *qr_page_of(const struct quire_system *system, quire_pfn pfn)
{
	return qr_page_in(system, qr_first_range(system), pfn);
}

static inline quire_pfn qr_page_pfn(const struct quire_system *system, const struct qr_page *page)
{
	(void)system;
	return (quire_pfn){page->pfn};
}

/* The descriptor of the frame that a linear address lies in; NULL: not linear. */
struct qr_page *qr_page_at_slow(const struct quire_system *system, const void *address);
static inline struct qr_page *qr_page_at(const struct quire_system *system, const void *address)
{
	uint64_t at = (uintptr_t)address - (uintptr_t)system->range[0].linear;

	if (qr_likely(at < system->range[0].bytes)) {
		struct qr_page *page = &system->range[0].pages[at >> qr_arch(system)->page_shift];

		/* Lets the compiler drop the caller's test for NULL. */
		if (!page)
			__builtin_unreachable();
		return page;
	}
	return qr_page_at_slow(system, address);
}

/* The linear address of a physical address; NULL: none. */
char *qr_pa_linear_slow(const struct quire_system *system, quire_pa pa);
static inline char *qr_pa_linear(const struct quire_system *system, quire_pa pa)
{
	uint64_t at = pa.v - system->range[0].pa;

	if (qr_likely(at < system->range[0].bytes))
		return system->range[0].linear + at;
	return qr_pa_linear_slow(system, pa);
}

/* Whether a frame lies in the first range, which is linear, and where. For short ways that leave the rest to others. */
static inline bool qr_pfn_in_first(const struct quire_system *system, quire_pfn pfn, char **out_at)
{
	uint64_t at = pfn.n - system->range[0].base;

	if (qr_unlikely(at >= system->range[0].count))
		return false;
	*out_at = system->range[0].linear + (at << qr_arch(system)->page_shift);
	return true;
}

/* The linear address of a frame; NULL: none. */
static inline void *qr_page_linear(const struct quire_system *system, const struct qr_page *page)
{
	const struct qr_range *range = &system->range[page->range];

	if (!range->linear)
		return NULL;
	return range->linear + ((page->pfn - range->base) << qr_arch(system)->page_shift);
}

/* --- content ------------------------------------------------------------------------------------------ */

/* A frame's content while it is mapped: its linear address or a window. Unmap in reverse order. */
void *qr_page_map_window(const struct quire_system *system, const struct qr_page *page);
static inline void *qr_page_map(const struct quire_system *system, const struct qr_page *page)
{
	void *at = qr_page_linear(system, page);

	return qr_likely(at != NULL) ? at : qr_page_map_window(system, page);
}

void qr_page_unmap_window(const struct quire_system *system, void *address);
static inline void qr_page_unmap(const struct quire_system *system, const struct qr_page *page, void *address)
{
	if (qr_unlikely(page->zone == QR_ZONE_HIGH))
		qr_page_unmap_window(system, address);
}

/* The kernel wrote to a page through `at`: a program's view of it may lie elsewhere in the data cache. */
static inline void qr_page_wrote(const struct quire_system *system, void *at)
{
	const struct quire_host *host = system->host;

	if (qr_unlikely(host->dcache_sync != NULL))
		host->dcache_sync(system->host_context, at, (size_t)qr_page_bytes(system));
}

/* Clears or copies it. Counted on `cpu`; the others look their CPU up. */
void qr_page_zero_on(struct quire_system *system, struct qr_cpu *cpu, struct qr_page *page);
void qr_page_copy_on(struct quire_system *system, struct qr_cpu *cpu, struct qr_page *to,
		     const struct qr_page *from);
void qr_page_zero(struct quire_system *system, struct qr_page *page);
void qr_page_copy(struct quire_system *system, struct qr_page *to, const struct qr_page *from);

/* --- flags -------------------------------------------------------------------------------------------- */

static inline enum quire_page_state qr_page_state(const struct qr_page *page)
{
	return (enum quire_page_state)(__atomic_load_n(&page->flags, __ATOMIC_RELAXED) & QR_PAGE_STATE_MASK);
}

static inline unsigned qr_page_order(const struct qr_page *page)
{
	return __atomic_load_n(&page->flags, __ATOMIC_RELAXED) >> QR_PAGE_ORDER_SHIFT & 0xf;
}

static inline bool qr_page_test(const struct qr_page *page, uint32_t bits)
{
	return (__atomic_load_n(&page->flags, __ATOMIC_ACQUIRE) & bits) != 0;
}

/* Sets or clears flag bits; returns the flags before. */
static inline uint32_t qr_page_set(struct qr_page *page, uint32_t bits)
{
	return __atomic_fetch_or(&page->flags, bits, __ATOMIC_ACQ_REL);
}

static inline uint32_t qr_page_clear_bits(struct qr_page *page, uint32_t bits)
{
	return __atomic_fetch_and(&page->flags, ~bits, __ATOMIC_ACQ_REL);
}

/* The content of a file's page is another: instruction fetches do not see it. => LOCKED */
QR_INLINE void qr_page_not_fetched(struct qr_page *page)
{
	if (qr_unlikely(qr_page_test(page, QR_PAGE_FETCHED)))
		(void)qr_page_clear_bits(page, QR_PAGE_FETCHED);
}

/* --- references --------------------------------------------------------------------------------------- */

static inline void qr_page_get(struct qr_page *page)
{
	__atomic_fetch_add(&page->ref, 1, __ATOMIC_RELAXED);
}

/* Takes a reference unless there is none left. */
bool qr_page_try_get(struct qr_page *page);

/* The last put frees the block that the frame is the head of. */
static inline void qr_page_put(struct quire_system *system, struct qr_page *page)
{
	if (__atomic_fetch_sub(&page->ref, 1, __ATOMIC_ACQ_REL) == 1)
		qr_frame_free(system, page, qr_page_order(page));
}

/* --- the page lock: PAGE, a bit of the flags ----------------------------------------------------------- */

/* Sleeps until it has the lock. => not held by the caller. */
void qr_page_lock(struct quire_system *system, struct qr_page *page);
bool qr_page_trylock(struct quire_system *system, struct qr_page *page);

/* The same, if the content is up to date. */
static inline bool qr_page_trylock_ready(const struct quire_system *system, struct qr_page *page)
{
	uint32_t flags = __atomic_load_n(&page->flags, __ATOMIC_RELAXED);

	if ((flags & (QR_PAGE_UPTODATE | QR_PAGE_LOCKED)) != QR_PAGE_UPTODATE ||
	    !__atomic_compare_exchange_n(&page->flags, &flags, flags | QR_PAGE_LOCKED, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	qr_lock_event(system, &page->flags, QR_RANK_PAGE, QUIRE_LOCK_TRIED);
	return true;
}

void qr_page_wake(const struct quire_system *system, struct qr_page *page);
static inline void qr_page_unlock(const struct quire_system *system, struct qr_page *page)
{
	uint32_t bits = QR_PAGE_LOCKED | QR_PAGE_WAITED;
	uint32_t was = __atomic_fetch_and(&page->flags, ~bits, __ATOMIC_RELEASE);

	qr_lock_event(system, &page->flags, QR_RANK_PAGE, QUIRE_LOCK_RELEASED);
	if (qr_unlikely(was & QR_PAGE_WAITED))
		qr_page_wake(system, page);
}

/* --- swap ------------------------------------------------------------------------------------------------ */

/* A swap entry holds a value: offset << 4 | area << 1 | exclusive. */
#define QR_SWAP_EXCLUSIVE ((uint64_t)1)
/* The area of a value that names no slot but says something itself. Nothing counts it.
 * POISON: the page was lost with its store. GUARD: MADV_GUARD_INSTALL: every access is SIGSEGV. */
#define QR_SWAP_MARKER_AREA 7u
#define QR_SWAP_POISON      ((uint64_t)QR_SWAP_MARKER_AREA << 1)
#define QR_SWAP_GUARD       ((uint64_t)1 << 4 | QR_SWAP_POISON)

static inline bool qr_swap_is_marker(uint64_t value)
{
	return (value >> 1 & 7) == QR_SWAP_MARKER_AREA;
}

static inline bool qr_swap_is_guard(uint64_t value)
{
	return value == QR_SWAP_GUARD;
}

/* What the floors below swap ask of it. */
struct qr_swap_hooks {
	/* A swap entry was removed, copied. dup: QUIRE_ENOMEM, nothing was counted. => PT is held. */
	void (*put)(struct quire_system *system, uint64_t value);
	enum quire_status (*dup)(struct quire_system *system, uint64_t value);
	/* The last mapping of a page with a slot was removed: it may be garbage. => PT and a reference held. */
	void (*unmapped)(struct quire_system *system, struct qr_page *page);
	/* Shared memory whose place in the file holds `key` comes back: *out_page is LOCKED, with a reference, and
	 * the file's again. QUIRE_EAGAIN: the file has something else there now; QUIRE_EIO; QUIRE_ENOMEM.
	 * => no lock is held but the mm lock for read; sleeps. */
	enum quire_status (*bring)(struct quire_file *file, uint64_t index, uintptr_t key,
				   struct qr_page **out_page, enum quire_step *out_how);
};

/* --- reclaim --------------------------------------------------------------------------------------------- */

/* A call that may run out of frames, and begins again after pages of others have left. */
struct qr_retry {
	uint32_t starved; /* qr_reclaim.starved at its beginning */
	uint32_t tries;
	bool limited; /* not for want of a frame: a group's limit refuses the page */
};

/* What the floors below reclaim tell it. Set while the system is created. */
struct qr_reclaim_hooks {
	/* A page that nobody maps came into a cache. `mark`: 0, or what was left in its place when it was evicted:
	 * age << 1 | 1. => referenced. Locks: LRU. */
	void (*came)(struct quire_system *system, struct qr_page *page, uintptr_t mark);
	/* A page on a list has no reference any more. Locks: LRU. */
	void (*freed)(struct quire_system *system, struct qr_page *page);
	/* The lists of a new group are empty. Takes no lock. */
	void (*begin)(struct quire_system *system, struct qr_reclaim_lists *lists);
	/* A page that others know is charged to a group from now on. Locks: LRU. */
	void (*paid)(struct quire_system *system, struct qr_page *page, uint32_t group);
	/* As qr_retry_after_reclaim(). */
	bool (*retry)(struct quire_system *system, struct qr_retry *retry);
	/* A read took frames: pages leave where fewer than `low_frames` are free, so that the next read finds some
	 * for its read-ahead, for which nothing leaves. => no lock is held; sleeps. */
	void (*room)(struct quire_system *system);
};

static inline struct qr_retry qr_retry_begin(const struct quire_system *system)
{
	return (struct qr_retry){.starved = __atomic_load_n(&system->reclaim.starved, __ATOMIC_RELAXED)};
}

/* Whether to try again: an allocation found no frame since, and pages have left now.
 * => no lock is held; sleeps. */
static inline bool qr_retry_after_reclaim(struct quire_system *system, struct qr_retry *retry)
{
	return system->reclaim_hooks->retry(system, retry);
}

/* The same at the end of a call, by its status. */
static inline bool qr_retry_status(struct quire_system *system, struct qr_retry *retry,
				   enum quire_status status)
{
	return qr_unlikely(status == QUIRE_ENOMEM) && qr_retry_after_reclaim(system, retry);
}

/* --- what owners of pages are told ---------------------------------------------------------------------- */

/* The floors that own pages (page cache, swap) are above this one and the page tables. What they have to be
 * told they register here: one table for each state of a page, in quire_system.page_hooks, set while the
 * system is created. A floor that needs another event adds a member, and its call where it happens. */
struct qr_page_hooks {
	/* The hardware wrote the page through a mapping whose dirty bit was harvested: sets DIRTY and what is
	 * counted with it. For every state but ANON, whose DIRTY bit is all there is to keep.
	 * => a reference is held; PT may be held. Does not sleep, takes no lock. */
	void (*dirtied)(struct quire_system *system, struct qr_page *page);
};

#endif
