/* SPDX-License-Identifier: MIT */
/* When pages leave: in the background below a mark, or in a thread that found no frame.
 *
 * Every operation of the library that runs out of frames leaves everything as it was. So a thread reclaims where it
 * holds no lock at all, at the end of the operation, and begins again: no allocation has to know what its caller
 * holds.
 *
 * A file or a store may call the library while pages leave for it. Then it finds the thread's word marked: what it
 * allocates comes from the reserve, or fails, and no page leaves for it. */
#include "reclaim/reclaim.h"

/* A thread that found no frame evicts so many pages at a time, and tries so often where no store has room. */
#define DIRECT_PAGES 32
#define DIRECT_TRIES 16

static bool store_has_room(const struct quire_system *system)
{
	struct quire_swap_counts counts;

	quire_swap_usage(system, &counts);
	return counts.free > 0;
}

/* What the next try is allowed to cost. While a store has room every page can leave, twice where a file lies on memory
 * of the system: once for its device, which takes as many frames, and once for the store. A try for which nothing
 * left, because others work with the pages, is as dear as a sixteenth of all. */
static uint32_t most_tries(const struct quire_system *system, bool room)
{
	return room ? (uint32_t)qr_max(2 * system->frames_total / DIRECT_PAGES, DIRECT_TRIES) : DIRECT_TRIES;
}

/* Evicts a few pages. Where none leaves, others may have them in hand: one of those is waited for. */
static uint64_t evict_some(struct quire_system *system, const struct quire_group *group)
{
	uint32_t ended = __atomic_load_n(&system->reclaim.ended, __ATOMIC_SEQ_CST);
	uint64_t left = qr_reclaim_pages(system, group, DIRECT_PAGES, false);

	/* One more has ended: ours. */
	if (left == 0 && __atomic_load_n(&system->reclaim.active, __ATOMIC_SEQ_CST) > 0)
		qr_wait(system, &system->reclaim.ended, ended + 1, QUIRE_WAIT_SLEEP);
	return left;
}

/* A group refused a page: pages of the group leave. Above `high` the next charge is then let pass, so that the thread
 * pays for what it takes and is never stopped. */
static bool retry_in_group(struct quire_system *system, struct qr_retry *retry, uint32_t id, bool high)
{
	struct quire_group *group = qr_group_find(system, id);
	uint32_t most = most_tries(system, store_has_room(system));
	uint64_t left = 0;
	bool again;

	/* Gone, with its limit. */
	if (!group)
		return true;
	retry->limited = !high;
	if (high) {
		(void)qr_reclaim_pages(
		    system, group, qr_min(qr_group_excess(group) + DIRECT_PAGES, 8 * DIRECT_PAGES), false);
		*qr_thread(system) |= QR_THREAD_MAY_EXCEED;
	} else if (retry->tries < most) {
		left = evict_some(system, group);
		retry->tries += left > 0 ? 1 : most / DIRECT_TRIES;
	}
	again = high || left > 0 || retry->tries < most;
	if (!again)
		__atomic_fetch_add(&group->oom, 1, __ATOMIC_RELAXED);
	quire_group_put(group);
	return again;
}

/* The group that refused the last charge of this thread, once; 0: none. */
static uint32_t take_refusal(uint32_t *thread, bool *out_high)
{
	uint32_t id = *thread >> QR_THREAD_GROUP_SHIFT;

	*out_high = *thread & QR_THREAD_HIGH;
	*thread &= QR_THREAD_STAYS;
	return id;
}

bool qr_reclaim_retry(struct quire_system *system, struct qr_retry *retry)
{
	uint32_t starved = __atomic_load_n(&system->reclaim.starved, __ATOMIC_RELAXED);
	bool room = store_has_room(system), high;
	uint32_t most = most_tries(system, room), group;

	if (qr_reclaims(system))
		return false;
	group = take_refusal(qr_thread(system), &high);
	if (group)
		return retry_in_group(system, retry, group, high);
	retry->limited = false;
	if (starved == retry->starved || retry->tries >= most)
		return false;
	retry->starved = starved;
	qr_event(qr_this_cpu(system), QUIRE_EVENT_ALLOCSTALL);
	if (evict_some(system, NULL) > 0) {
		retry->tries++;
		return true;
	}
	retry->tries += most / DIRECT_TRIES;
	return room;
}

void qr_reclaim_room(struct quire_system *system)
{
	/* Without room in a store little can leave, and to look for it is dear. */
	if (qr_frames_free(system) >= system->reclaim.low || !store_has_room(system))
		return;
	qr_event(qr_this_cpu(system), QUIRE_EVENT_ALLOCSTALL);
	(void)qr_reclaim_pages(system, NULL, DIRECT_PAGES, false);
}

uint64_t quire_reclaim(struct quire_system *system, uint64_t pages)
{
	return qr_reclaim_pages(system, NULL, pages, false);
}

uint64_t quire_group_reclaim(struct quire_group *group, uint64_t pages)
{
	uint64_t left = qr_reclaim_pages(group->system, group, pages, false);

	qr_group_drain(group);
	return left;
}

uint64_t quire_reclaim_background(struct quire_system *system)
{
	struct qr_reclaim *reclaim = &system->reclaim;
	uint64_t left = 0, free, now;

	while (__atomic_load_n(&reclaim->wanted, __ATOMIC_ACQUIRE) == 0 &&
	       qr_frames_free(system) >= reclaim->low)
		qr_wait(system, &reclaim->wanted, 0, QUIRE_WAIT_SLEEP);
	while ((free = qr_frames_free(system)) < reclaim->high) {
		now = qr_reclaim_pages(system, NULL, qr_min(reclaim->high - free, QUIRE_STORE_BATCH), true);
		if (now == 0)
			break;
		left += now;
	}
	__atomic_store_n(&reclaim->wanted, 0, __ATOMIC_RELEASE);
	return left;
}
