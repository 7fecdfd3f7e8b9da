/* SPDX-License-Identifier: MIT */
/* Reclaim: which pages leave memory when it is short, and when. */
#ifndef QUIRE_RECLAIM_H
#define QUIRE_RECLAIM_H

#include <stddef.h>

#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which page leaves next: a table of functions (src/reclaim/policy.h), chosen in quire_config.policy. */
struct quire_policy;
/* Two lists for each kind of page, and a second chance for what was used. The default. */
extern const struct quire_policy quire_policy_lru;
/* Four generations: what was used becomes the youngest. */
extern const struct quire_policy quire_policy_gen;

/* One round of the host's thread that frees memory in advance (kswapd): sleeps (host.wait) until fewer frames
 * than quire_config.low_frames are free, then evicts until high_frames are, or nothing more can be. The thread
 * calls it again and again; without such a thread memory is freed when a thread finds none.
 * Returns the pages that left memory.
 * Context: may sleep for pages; and until it is wanted. Stack: large. Locks: none may be held. */
uint64_t quire_reclaim_background(struct quire_system *system);

/* Evicts up to `pages` pages, whatever is free. For tests, and for a host that knows it will need memory.
 * Returns the pages that left memory; where none did, the empty page tables that were freed.
 * Context: may sleep for pages. Stack: large. Locks: none may be held. */
uint64_t quire_reclaim(struct quire_system *system, uint64_t pages);

/* --- out of memory ------------------------------------------------------------------------------------ */

#define QUIRE_OOM_NEVER (-1000)

/* An address space that may be ended so that others can go on. */
struct quire_oom_candidate {
	struct quire_mm *mm;
	int adjustment; /* oom_score_adj: QUIRE_OOM_NEVER to 1000, in thousandths of all memory */
};

/* Picks by Linux's points: pages in memory, in stores and of tables, plus the adjustment. The first of equal ones.
 * Counts oom_kill. The host keeps every candidate's mm, and ends the processes of the one that is picked.
 * Returns QUIRE_OK and *out_index; QUIRE_ENOENT: none may be ended. Any context. */
enum quire_status quire_oom_pick(struct quire_system *system, const struct quire_oom_candidate *candidates,
				 size_t count, size_t *out_index) QUIRE_MUST_USE;

/* Takes the private memory of an address space away at once (the OOM reaper), locked vmas apart. Its threads must
 * not return to the program: it would find zeroes.
 * Returns the pages and swap entries that went; 0 also where a change of its layout is under way: to be repeated.
 * Context: does not sleep. Stack: middle. Locks: the mm lock for read, by trying. */
uint64_t quire_mm_reap(struct quire_mm *mm);

#ifdef __cplusplus
}
#endif
#endif
