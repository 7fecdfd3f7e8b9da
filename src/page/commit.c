/* SPDX-License-Identifier: MIT */
/* Commitment: how much memory may be promised, by the overcommit mode of the system.
 *
 *   GUESS   refuse one request larger than all memory     ALWAYS  refuse nothing
 *   NEVER   sum of promises < ratio percent of RAM + swap - what is kept for an administrator and so that
 *           one process cannot take everything */
#include "page/commit.h"

#include "page/frames.h"

/* Linux keeps 8 MiB for an administrator and 128 MiB for a user, at most a thirty-second of memory. */
#define ADMIN_RESERVE_BYTES (UINT64_C(8) << 20)
#define USER_RESERVE_BYTES  (UINT64_C(128) << 20)

static uint64_t total_pages(const struct quire_system *system)
{
	return system->frames_total - qr_frames_in_state(system, QUIRE_PAGE_META);
}

uint64_t qr_commit_limit(const struct quire_system *system)
{
	return total_pages(system) * __atomic_load_n(&system->overcommit_ratio, __ATOMIC_RELAXED) / 100 +
	       __atomic_load_n(&system->backing, __ATOMIC_RELAXED);
}

static uint64_t reserve(const struct quire_system *system, uint64_t bytes)
{
	return qr_min(total_pages(system) / 32, bytes >> qr_arch(system)->page_shift);
}

/* Whether `committed` pages, this promise included, may be promised. */
static bool holds(const struct quire_system *system, const struct qr_promise *promise, uint64_t committed)
{
	uint64_t kept;

	if (qr_overcommit(system) == QUIRE_OVERCOMMIT_ALWAYS)
		return true;
	if (qr_overcommit(system) == QUIRE_OVERCOMMIT_GUESS)
		return promise->pages <=
		       total_pages(system) + __atomic_load_n(&system->backing, __ATOMIC_RELAXED);
	kept = qr_min(promise->mapped / 32, reserve(system, USER_RESERVE_BYTES));
	if (!promise->privileged)
		kept += reserve(system, ADMIN_RESERVE_BYTES);
	return committed + kept < qr_commit_limit(system);
}

void qr_commit_unchecked(struct quire_system *system, uint64_t pages)
{
	__atomic_fetch_add(&system->committed, pages, __ATOMIC_RELAXED);
}

enum quire_status qr_commit(struct quire_system *system, const struct qr_promise *promise)
{
	uint64_t committed = __atomic_add_fetch(&system->committed, promise->pages, __ATOMIC_RELAXED);

	/* Counted first, so that two requests at once cannot both have the last page. */
	if (!holds(system, promise, committed)) {
		qr_uncommit(system, promise->pages);
		return QUIRE_ENOMEM;
	}
	return QUIRE_OK;
}

void qr_uncommit(struct quire_system *system, uint64_t pages)
{
	uint64_t before = __atomic_fetch_sub(&system->committed, pages, __ATOMIC_RELAXED);

	qr_assert(system, before >= pages);
	(void)before;
}
