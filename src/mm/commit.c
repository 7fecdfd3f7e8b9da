/* SPDX-License-Identifier: MIT */
/* Commitment: how much memory may be promised, by the overcommit mode of the system.
 *
 *   GUESS   refuse one request larger than all memory     ALWAYS  refuse nothing
 *   NEVER   sum of promises < ratio percent of RAM - what is kept for an administrator and so that
 *           one process cannot take everything */
#include "mm/vma.h"

/* Linux keeps 8 MiB for an administrator and 128 MiB for a user, at most a thirty-second of memory. */
#define ADMIN_RESERVE_BYTES (UINT64_C(8) << 20)
#define USER_RESERVE_BYTES  (UINT64_C(128) << 20)

static uint64_t total_pages(const struct quire_system *system)
{
	return system->frames_total - qr_frames_in_state(system, QUIRE_PAGE_META);
}

uint64_t qr_commit_limit(const struct quire_system *system)
{
	return total_pages(system) * system->overcommit_ratio / 100;
}

static uint64_t reserve(const struct quire_system *system, uint64_t bytes)
{
	return qr_min(total_pages(system) / 32, qr_to_pages(system, bytes));
}

static bool promise_holds(const struct quire_system *system, const struct quire_mm *mm, uint64_t pages,
			  uint64_t committed)
{
	uint64_t allowed, kept = 0;

	if (system->overcommit == QUIRE_OVERCOMMIT_ALWAYS)
		return true;
	if (system->overcommit == QUIRE_OVERCOMMIT_GUESS)
		return pages <= total_pages(system);
	allowed = qr_commit_limit(system);
	if (!mm || !(mm->rights & QUIRE_RIGHT_SYS_ADMIN))
		kept += reserve(system, ADMIN_RESERVE_BYTES);
	if (mm)
		kept += qr_min(mm->total_vm / 32, reserve(system, USER_RESERVE_BYTES));
	return committed + kept < allowed;
}

enum quire_status qr_commit(struct quire_system *system, const struct quire_mm *mm, uint64_t pages)
{
	uint64_t committed = __atomic_add_fetch(&system->committed, pages, __ATOMIC_RELAXED);

	/* Promised first, so that two who ask at once cannot both have the last page. */
	if (!promise_holds(system, mm, pages, committed)) {
		qr_uncommit(system, pages);
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
