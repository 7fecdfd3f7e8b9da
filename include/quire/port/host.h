/* SPDX-License-Identifier: MIT */
/* The host contract: what the library asks of the machine it runs on.
 *
 *   tier 0   one CPU, no swap, no files: RAM ranges (data, in quire_config), log, panic
 *   tier 1   several CPUs, preemption:   cpu, wait, wake, tlb_flush
 *   tier 2   windows, devices, time:     frame_map, frame_unmap, clock, random, ...
 *
 * Every function may be NULL unless it says REQUIRED; the default stands in its comment. `host` is
 * quire_config.host_context. No function may call back into the library unless it says so.
 *
 * A host that assumes nothing works: frames outside the linear ranges are reached through
 * frame_map(), tables and the library's own objects live in linear ranges only.
 */
#ifndef QUIRE_PORT_HOST_H
#define QUIRE_PORT_HOST_H

#include <quire/fault.h>
#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What changed in the translations of one address space, gathered until it must be seen.
 *
 * The library has already written the tables. When tlb_flush() returns, no CPU of `cpus` may use a
 * translation of [ranges] of `mm` that was cached before the call, nor a cached entry of a table
 * that was removed when `tables` is 1 (paging-structure caches). */
#define QUIRE_FLUSH_RANGES 8
struct quire_flush {
	struct quire_mm *mm; /* NULL: kernel addresses, all address spaces */
	uint64_t cpus;       /* bit n: CPU n is in this address space. 0: none is; a port whose CPUs keep the
	                       * translations of spaces they have left forgets those of [ranges] all the same */
	unsigned count;      /* ranges used; 0: everything of `mm` */
	uint8_t tables;      /* 1: tables were removed, not only leaves */
	struct {
		quire_va start, end; /* half open, page-aligned */
	} range[QUIRE_FLUSH_RANGES];
};

enum quire_wait_kind {
	QUIRE_WAIT_SPIN = 0, /* soon over: burn a moment; the caller holds locks or may not sleep */
	QUIRE_WAIT_SLEEP = 1 /* may be long: another thread may run */
};

enum quire_lock_op {
	QUIRE_LOCK_BEFORE = 0, /* about to take: may be preempted here */
	QUIRE_LOCK_TAKEN = 1,
	QUIRE_LOCK_TRIED = 2, /* taken by a try, which may break the order */
	QUIRE_LOCK_RELEASED = 3
};

enum quire_resource {
	QUIRE_RES_FRAME = 0,  /* a frame */
	QUIRE_RES_OBJECT = 1, /* a vma, a node, a chunk */
	QUIRE_RES_READ = 2,   /* a transfer from a file or a store */
	QUIRE_RES_WRITE = 3
};

struct quire_host {
	/* --- tier 0 --- */

	/* 1. REQUIRED. The library found itself wrong (a failed assertion, a corrupt structure it cannot
	 * go on with). `text`: one line. Does not return. Any context, any lock held. */
	void (*panic)(void *host, const char *text);

	/* 2. One line for the system's log. Default: dropped. Any context. */
	void (*log)(void *host, const char *text);

	/* 3. Where the exception table continues after a fault at `pc` in kernel mode.
	 * Returns the address to continue at; 0: the table does not have it. Default: 0. Any context. */
	quire_va (*fixup)(void *host, quire_va pc);

	/* --- tier 1: required with more than one CPU or with preemption --- */

	/* 4. The number of this CPU, below quire_config.cpus. Default: 0. Any context. A thread that is
	 * moved between the call and the use of the number is harmless: it chooses a cache line. */
	unsigned (*cpu)(void *host);

	/* 5. Waits while *word == expected, or less. May return early for any reason; the library looks
	 * again. Default: returns at once. SLEEP: no lock of the library is held but the mm lock. */
	void (*wait)(void *host, const uint32_t *word, uint32_t expected, enum quire_wait_kind kind);

	/* 6. Ends every wait on `word`. The library has changed it before. Default: nothing. Any context. */
	void (*wake)(void *host, const uint32_t *word);

	/* 7. Makes the changes of `flush` seen by every CPU named in it, this one included (see struct
	 * quire_flush). It may enlarge the set. Default (one CPU without a TLB): nothing.
	 * Context: spinlocks of page tables may be held; does not sleep; interrupts are as they were. */
	void (*tlb_flush)(void *host, const struct quire_flush *flush);

	/* 8. Makes stores to table entries visible to the walkers of all CPUs (ARM: DSB; RISC-V: nothing
	 * before the next flush). Called after entries became valid. Default: nothing. Any context. */
	void (*pte_sync)(void *host);

	/* --- tier 2 --- */

	/* 9., 10. A frame outside the linear ranges, addressable until unmapped on the same thread.
	 * At most two are mapped at a time by one thread, unmapped in reverse. Cannot fail.
	 * REQUIRED when a range has no linear address. Any context that may hold spinlocks. */
	void *(*frame_map)(void *host, quire_pfn pfn);
	void (*frame_unmap)(void *host, void *address);

	/* 11., 12. Clears, copies `bytes` (a page or several), page-aligned. Default: memset, memcpy. */
	void (*page_clear)(void *host, void *page, size_t bytes);
	void (*page_copy)(void *host, void *to, const void *from, size_t bytes);

	/* 13. A page was filled and is about to be mapped for execution: make the instruction side see
	 * it. Default: nothing. */
	void (*icache_sync)(void *host, void *page, size_t bytes);

	/* 14. Nanoseconds since some start, never backwards. Default: 0. Any context. */
	uint64_t (*clock)(void *host);

	/* 15. A random word, for placing mappings. Default: no randomness. Any context. */
	uint64_t (*random)(void *host);

	/* 16. A call took a fault that Linux counts to the thread which made the call, whosever memory it
	 * was: populate, mlock, an access to another's memory. Those of quire_trap() are in its outcome
	 * instead. Default: nothing. Context: the mm lock may be held; must not sleep. */
	void (*count_fault)(void *host, bool major);

	/* --- instruments: for ports that test --- */

	/* 17. A lock is taken or released. Only with QUIRE_CONFIG_LOCK_EVENTS. `rank`: see src/base/lock.h;
	 * `lock` identifies it. BEFORE may switch to another thread of control. */
	void (*lock_event)(void *host, const void *lock, unsigned rank, enum quire_lock_op op);

	/* 18. Whether this allocation or transfer is to fail on purpose. Only with QUIRE_CONFIG_INJECT. */
	bool (*may_fail)(void *host, enum quire_resource resource);

	/* 19. Whether mutant `name` is switched on. Only with QUIRE_CONFIG_MUTANTS. */
	bool (*mutant)(void *host, const char *name);
};

#ifdef __cplusplus
}
#endif
#endif
