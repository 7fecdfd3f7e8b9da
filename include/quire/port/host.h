/* SPDX-License-Identifier: MIT */
/* The host contract: what the library asks of the machine it runs on.
 *
 *   tier 0   one CPU, no devices:        RAM ranges (data, in quire_config), panic, log, fixup
 *   tier 1   several CPUs, preemption:   cpu, thread, wait, wake, tlb_flush, pte_sync
 *   tier 2   windows, speed, statistics: frame_map, frame_unmap, page_clear, page_copy, icache_sync, count_fault
 *
 * A function may be NULL unless its comment says REQUIRED; the comment names the default. The first argument
 * is quire_config.host_context. No function may call back into the library. "Any context" means that any lock
 * of the library may be held and that the function must not sleep.
 *
 * Frames outside the linear ranges are reached through frame_map(); tables and the library's own objects
 * lie in linear ranges only.
 */
#ifndef QUIRE_PORT_HOST_H
#define QUIRE_PORT_HOST_H

#include <quire/fault.h>
#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What changed in the translations of one address space, gathered until every CPU must see it.
 *
 * The library has already written the tables. When tlb_flush() returns, no CPU of `cpus` may use a
 * translation of [ranges] of `mm` that was cached before the call, nor, when `tables` is 1, a cached entry
 * of a table that was removed (paging-structure caches). */
#define QUIRE_FLUSH_RANGES 8
struct quire_flush {
	struct quire_mm *mm; /* NULL: kernel addresses, which every address space has */
	/* Bit n: CPU n has entered `mm` (quire_mm_enter) and not left it: all of these, and no other. `mm` NULL: every
	 * CPU. With `here`, of these only the calling CPU: no bit where it is not one of them. A port whose CPUs keep
	 * translations of an `mm` that they have left must see to them by itself: quire_mm_leave(). */
	uint64_t cpus;
	unsigned count; /* ranges used; 0: everything of `mm` */
	uint8_t tables; /* 1: tables were removed, not only leaves */
	uint8_t
	    here; /* 1: only the calling CPU's own view can be out of date. If the thread is moved to another
	                 * CPU meanwhile, that one takes a fault more, and asks again. */
	struct {
		quire_va start, end; /* half open, page-aligned */
	} range[QUIRE_FLUSH_RANGES];
};

enum quire_wait_kind {
	/* The wait is short: burn a moment and return. Spinlocks may be held, and no wake may follow. */
	QUIRE_WAIT_SPIN = 0,
	/* The wait may be long: run another thread until wake(). No spinlock of the library is held. */
	QUIRE_WAIT_SLEEP = 1
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

	/* REQUIRED. A failed assertion, or a structure so corrupt that the library cannot continue. `text`: one
	 * line. Must not return. Any context. */
	void (*panic)(void *host, const char *text);

	/* One line for the system's log, without a line feed: something is wrong, and the library continues (a
	 * page-table entry that no function made was found and cleared). Default: dropped. Any context. */
	void (*log)(void *host, const char *text);

	/* Looks `pc`, of a fault in kernel mode, up in the exception table. Returns the address to continue at;
	 * 0: the table does not have it. Default: 0. Context: that of the fault; must not sleep. */
	quire_va (*fixup)(void *host, quire_va pc);

	/* --- tier 1: required with several CPUs, or where the library is preempted --- */

	/* Returns the number of the calling CPU, below quire_config.cpus. REQUIRED with several CPUs. Default: 0.
	 * Any context. The thread may be moved to another CPU, or preempted by another thread in the library, before
	 * it uses the number: lists of a CPU are guarded against that, and its statistics may lose a count. */
	unsigned (*cpu)(void *host);

	/* Returns a word of the calling thread: 0 when the thread begins, changed by the library only. In it the thread
	 * says that it frees memory: then a file or a store that it calls does not free memory again, and may use the
	 * reserve of frames. Default: a word of the CPU, for threads that run until they wait and do not change CPUs;
	 * where such a thread waits in a transfer, others on its CPU free nothing meanwhile. Any context. */
	uint32_t *(*thread)(void *host);

	/* Waits while *word == expected. May return early for any reason; the library looks again. Default:
	 * returns at once. Context: by `kind`; the page lock and sleeping locks may be held for SLEEP. */
	void (*wait)(void *host, const uint32_t *word, uint32_t expected, enum quire_wait_kind kind);

	/* Ends every SLEEP wait on `word`, which the library has changed before. The memory of `word` may be freed
	 * meanwhile: use its address only. Default: nothing. Any context. */
	void (*wake)(void *host, const uint32_t *word);

	/* Makes every CPU in flush->cpus see the change before it returns: struct quire_flush. It may forget more,
	 * on more CPUs. REQUIRED, unless quire_config.without has QUIRE_WITHOUT_TLB. Any context, page-table locks in
	 * particular. */
	void (*tlb_flush)(void *host, const struct quire_flush *flush);

	/* Makes stores to table entries visible to the table walkers of all CPUs (ARM: DSB ISHST). `entry`: the linear
	 * address of the one that was stored: where walkers do not look into the data cache, its line is cleaned to
	 * memory. NULL: several entries, or whole tables: all of the data cache. Called after
	 * entries became valid. REQUIRED on ARM and ARM64, unless QUIRE_WITHOUT_PTE_SYNC. Default: nothing. Any context. */
	void (*pte_sync)(void *host, const void *entry);

	/* --- tier 2 --- */

	/* REQUIRED when a range has no linear address. Makes a frame addressable until it is unmapped by the same
	 * thread, which may sleep meanwhile (the transfer of a file). A thread maps two at most, and unmaps in
	 * reverse order. Cannot fail. Any context. */
	void *(*frame_map)(void *host, quire_pfn pfn);
	/* REQUIRED with frame_map(). Ends the mapping at `address`, which frame_map() returned. Any context. */
	void (*frame_unmap)(void *host, void *address);

	/* Clears `bytes` (a page or several), page-aligned. Default: memset(). Any context. */
	void (*page_clear)(void *host, void *page, size_t bytes);
	/* Copies `bytes` (a page or several), page-aligned, not overlapping. Default: memcpy(). Any context. */
	void (*page_copy)(void *host, void *to, const void *from, size_t bytes);

	/* Makes what the kernel wrote to the page at `page` visible at a program's address, where data caches are looked up
	 * by virtual addresses and may alias (flush_page_to_ram): cleaned and invalidated. Called after the library
	 * wrote or read into a page. What page_clear(), page_copy() or a store fill is theirs to clean. Default: nothing.
	 * Any context. */
	void (*dcache_sync)(void *host, void *page, size_t bytes);

	/* Makes instruction fetches see a page that was written and may be executed. Called before such a page is mapped;
	 * of a file's page, only where the file was written since, or has or had a shared mapping that may write. REQUIRED
	 * on ARM, ARM64 and RISC-V, unless QUIRE_WITHOUT_ICACHE_SYNC. Default: nothing. Context: the mm lock and the page
	 * lock may be held; must not sleep. */
	void (*icache_sync)(void *host, void *page, size_t bytes);

	/* Counts a fault for the calling thread that a system call took: populate, mlock, and under linux-6 an access
	 * to another's memory, which earlier releases count to its owner (quire_mm_usage() has them). `major`: it needed
	 * I/O. Faults of quire_handle_trap() are not told here; its outcome has them. Default: nothing. Context: the mm lock
	 * may be held; must not sleep. */
	void (*count_fault)(void *host, bool major);

	/* --- instruments: for ports that test --- */

	/* A lock is taken or released. Only with QUIRE_CONFIG_LOCK_EVENTS. `rank`: src/base/lock.h; `lock`
	 * identifies it. BEFORE may switch to another thread of control. */
	void (*lock_event)(void *host, const void *lock, unsigned rank, enum quire_lock_op op);

	/* Returns whether this allocation or transfer is to fail on purpose. Only with QUIRE_CONFIG_INJECT. */
	bool (*may_fail)(void *host, enum quire_resource resource);

	/* Returns whether mutant `name` is switched on. Only with QUIRE_CONFIG_MUTANTS. */
	bool (*mutant)(void *host, const char *name);
};

#ifdef __cplusplus
}
#endif
#endif
