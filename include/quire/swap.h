/* SPDX-License-Identifier: MIT */
/* Swap: memory larger than RAM. Stores are attached and detached, and counted. */
#ifndef QUIRE_SWAP_H
#define QUIRE_SWAP_H

#include <quire/port/store.h>
#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Stores that a system can have at a time. */
#define QUIRE_SWAP_AREAS 7

/* Lets the system use a store (swapon). `priority`: stores of the highest are used first, those of equal
 * priority in turn; -1: below all that were attached before.
 * All memory that the store will ever need is taken here: about 8 bytes a slot.
 * Returns    QUIRE_OK; QUIRE_EINVAL: no slots, no put_batch or get_batch, or a priority below -1;
 *            QUIRE_EBUSY: it is attached; QUIRE_EPERM: QUIRE_SWAP_AREAS are; QUIRE_ENOMEM.
 * On failure nothing has changed.
 * Context    does not sleep. Locks: none may be held. */
enum quire_status quire_swapon(struct quire_system *system, const struct quire_store *store,
			       int priority) QUIRE_MUST_USE;

/* Brings back everything that the store has, and detaches it (swapoff). A page that cannot be read becomes an
 * entry that is SIGBUS to whoever touches it.
 * Returns    QUIRE_OK; QUIRE_EINVAL: it is not attached; QUIRE_EBUSY: another call detaches it;
 *            QUIRE_ENOMEM: memory does not hold it all, or (overcommit NEVER) what was promised.
 * On failure the store is in use as before, and the call may be repeated: what came back stays.
 * Context    may sleep for the mm lock, pages, memory; long. Stack: large. Locks: none may be held. */
enum quire_status quire_swapoff(struct quire_system *system, const struct quire_store *store) QUIRE_MUST_USE;

/* One line of /proc/swaps, in slots. */
struct quire_area {
	const struct quire_store *store;
	int priority;
	uint64_t slots;
	uint64_t used;    /* hold a page that is swapped, or cached for one */
	uint64_t retired; /* a write failed: never used again. In `used` */
	uint64_t write_errors, read_errors;
	bool stopped; /* the last writes all failed: takes no more pages */
};
/* The index-th attached store, from 0, highest priority first.
 * Returns QUIRE_OK and *out_area; QUIRE_ENOENT: past the end. Any context. */
enum quire_status quire_swap_area(const struct quire_system *system, unsigned index,
				  struct quire_area *out_area) QUIRE_MUST_USE;

/* SwapTotal, SwapFree and SwapCached of /proc/meminfo, in pages. */
struct quire_swap_counts {
	uint64_t total, free;
	uint64_t cached; /* pages in memory that have a slot too */
};
/* Sums. Exact when nothing else runs. Any context. */
void quire_swap_usage(const struct quire_system *system, struct quire_swap_counts *out_usage);

/* Evicts the pages of [addr, addr + length) that may be: private memory and shared memory, young or not, shared by
 * fork or not. Locked vmas are passed over. What MADV_PAGEOUT does and reports; for tests and policies.
 * *out_evicted: pages that left memory. Returns QUIRE_OK; QUIRE_EINVAL: not aligned.
 * Context: may sleep for the mm lock, pages. Stack: large. Locks: takes the mm lock for read. */
enum quire_status quire_mm_evict(struct quire_mm *mm, quire_va addr, uint64_t length,
				 uint64_t *out_evicted) QUIRE_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
