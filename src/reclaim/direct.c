/* SPDX-License-Identifier: MIT */
/* When pages leave: in the background below a mark, or in a thread that found no frame.
 *
 * Every operation of the library that runs out of frames leaves everything as it was. So a thread reclaims where it holds
 * no lock at all, at the end of the operation, and begins again: no allocation has to know what its caller holds.
 *
 * A file or a store may call the library while pages leave for it. Then it finds the thread's word marked: what it
 * allocates comes from the reserve, or fails, and no page leaves for it. */
#include "reclaim/reclaim.h"

/* A thread that found no frame evicts so many pages at a time, and tries so often where no store has room. */
#define DIRECT_PAGES 32
#define DIRECT_TRIES 16

static uint64_t free_frames(const struct quire_system *system)
{
	return qr_frames_free(system);
}

/* While a store has room every page can leave, twice where a file lies on memory of the system: once for its device,
 * which takes as many frames, and once for the store. */
static uint64_t most_tries(const struct quire_system *system)
{
	struct quire_swap_counts usage;

	quire_swap_usage(system, &usage);
	return usage.free ? qr_max(2 * system->frames_total / DIRECT_PAGES, DIRECT_TRIES) : DIRECT_TRIES;
}

bool qr_reclaim_retry(struct quire_system *system, struct qr_retry *retry)
{
	uint32_t starved = __atomic_load_n(&system->reclaim.starved, __ATOMIC_RELAXED);

	if (starved == retry->starved || qr_reclaims(system) || retry->tries++ >= most_tries(system))
		return false;
	retry->starved = starved;
	qr_event(qr_this_cpu(system), QUIRE_EVENT_ALLOCSTALL);
	return qr_reclaim_pages(system, DIRECT_PAGES, false) > 0;
}

uint64_t quire_reclaim(struct quire_system *system, uint64_t pages)
{
	return qr_reclaim_pages(system, pages, false);
}

uint64_t quire_reclaim_background(struct quire_system *system)
{
	struct qr_reclaim *reclaim = &system->reclaim;
	uint64_t left = 0, free, now;

	while (__atomic_load_n(&reclaim->wanted, __ATOMIC_ACQUIRE) == 0 &&
	       free_frames(system) >= reclaim->low)
		qr_wait(system, &reclaim->wanted, 0, QUIRE_WAIT_SLEEP);
	while ((free = free_frames(system)) < reclaim->high) {
		now = qr_reclaim_pages(system, qr_min(reclaim->high - free, QUIRE_STORE_BATCH), true);
		if (now == 0)
			break;
		left += now;
	}
	__atomic_store_n(&reclaim->wanted, 0, __ATOMIC_RELEASE);
	return left;
}
