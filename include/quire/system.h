/* SPDX-License-Identifier: MIT */
/* A system: one machine's RAM under one profile. Frames, counters, checks; no globals. */
#ifndef QUIRE_SYSTEM_H
#define QUIRE_SYSTEM_H

#include <quire/fault.h>
#include <quire/port/arch.h>
#include <quire/port/host.h>
#include <quire/profile.h>
#include <quire/reclaim.h>
#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A range of RAM. Base and size are rounded inwards to whole frames. The linear address is `base` modulo the size
 * of a page. */
struct quire_ram {
	quire_pa base;
	uint64_t bytes;
	void *linear; /* where the range is mapped for good; NULL: reached through frame_map() only */
};

enum quire_overcommit {
	QUIRE_OVERCOMMIT_GUESS = 0, /* refuse obvious overcommits of one call */
	QUIRE_OVERCOMMIT_ALWAYS = 1,
	QUIRE_OVERCOMMIT_NEVER = 2 /* commit limit: swap + ratio percent of RAM */
};

/* quire_config.without: what this machine does not need, ORed. The function for it may then be NULL. */
enum {
	QUIRE_WITHOUT_TLB = 1,         /* no CPU keeps a translation: tlb_flush */
	QUIRE_WITHOUT_PTE_SYNC = 2,    /* table walkers see a store at once: pte_sync, on ARM and ARM64 */
	QUIRE_WITHOUT_ICACHE_SYNC = 4, /* so does instruction fetch: icache_sync, on ARM, ARM64 and RISC-V */
	QUIRE_WITHOUT_ALL = 7
};

/* quire_config.mmap_min_addr for a system whose programs may map address 0. */
#define QUIRE_MMAP_MIN_ZERO ((quire_va)-1)

/* Everything a system is made from. Zeroed members mean the default. */
struct quire_config {
	const struct quire_arch *arch;       /* required; of one arch named at build time: that one or NULL */
	const struct quire_profile *profile; /* default: linux-6 */
	const struct quire_host *host;       /* required */
	void *host_context;

	struct quire_ram ram[QUIRE_CONFIG_RAM_RANGES]; /* at least one with a linear address */
	unsigned ram_count;
	unsigned cpus;    /* default: 1 */
	unsigned without; /* QUIRE_WITHOUT_*; default: none */

	/* Kernel mappings (quire_kmap()). Equal: none. Page-aligned, in the arch's kernel half. */
	quire_va kmap_start, kmap_end;

	enum quire_overcommit overcommit;
	unsigned overcommit_ratio; /* percent; default 50 */
	unsigned max_map_count;    /* vmas of one mm; default 65530 */
	quire_va mmap_min_addr;  /* lowest address a program may map; default 65536; QUIRE_MMAP_MIN_ZERO: 0 */
	unsigned reserve_frames; /* kept back for freeing memory; default: total / 256, 8 to 1024 */
	unsigned stack_guard_pages; /* default: the profile's */

	/* Reclaim: which pages leave memory; default: quire_policy_lru. Background reclaim begins below
	 * `low_frames` free and ends at `high_frames`; default: the reserve and a quarter more, and half
	 * more; at least 64 frames between two marks, where that is not more than a 64th of memory. */
	const struct quire_policy *policy;
	unsigned low_frames, high_frames;
	/* Pages of files that may wait to be written (vm.dirty_ratio): beyond, a writer writes some of its file itself.
	 * Default: a fifth of all frames. */
	unsigned dirty_frames;
};

/* Whether a system can be made from a configuration, and what is wrong if not: a missing function of the host, a
 * number out of its range, RAM that overlaps or is beyond the architecture, and so on.
 * `why`: NULL, or `size` bytes for one line, ended by a zero byte: the first thing that is wrong.
 * Returns    QUIRE_OK; QUIRE_EINVAL. Any context: it allocates nothing, and writes only `why`. */
enum quire_status quire_config_check(const struct quire_config *config, char *why,
				     size_t size) QUIRE_MUST_USE;

/* Makes a system.
 *
 * Steps: checks the configuration, takes page descriptors, per-CPU areas and itself from the first
 * linear range that is large enough, gives the rest to the frame allocator.
 * Returns    QUIRE_OK and *out_system; QUIRE_EINVAL: quire_config_check() says why; QUIRE_ENOMEM: the RAM does not hold its own descriptors.
 * On failure nothing was written but inside the ranges.
 * Context    one CPU; does not sleep. Stack: middle. */
enum quire_status quire_system_create(const struct quire_config *config,
				      struct quire_system **out_system) QUIRE_MUST_USE;

/* What an administrator may change while programs run: vm.overcommit_memory and its neighbours. */
struct quire_limits {
	enum quire_overcommit overcommit;
	unsigned overcommit_ratio; /* percent; 0 is none */
	unsigned max_map_count;    /* vmas of one mm */
	quire_va mmap_min_addr;    /* lowest address a program may map */
};

/* Gives the limits that hold now. Any context. */
void quire_limits_get(const struct quire_system *system, struct quire_limits *out_limits);

/* Sets them, for calls that begin afterwards. What is mapped and promised already stays.
 * Returns    QUIRE_OK; QUIRE_EINVAL: no such overcommit mode. On failure nothing is changed. Any context. */
enum quire_status quire_limits_set(struct quire_system *system, const struct quire_limits *limits);

/* Ends a system; NULL is allowed: per-CPU lists are drained and the kernel mappings freed; the RAM is the
 * host's again.
 * => every mm is destroyed, every file put, every frame freed: else quire_host.panic() names the first.
 * Context: nothing else runs in the system; does not sleep. Stack: large. */
void quire_system_destroy(struct quire_system *system);

/* Returns the architecture. Any context. */
const struct quire_arch *quire_system_arch(const struct quire_system *system);
/* Returns the profile. Any context. */
const struct quire_profile *quire_system_profile(const struct quire_system *system);
/* Returns quire_config.host_context. Any context. */
void *quire_system_host_context(const struct quire_system *system);

/* --- frames, for the port's own use ------------------------------------------------------------- */

enum {
	QUIRE_FRAME_ZERO = 1,   /* cleared */
	QUIRE_FRAME_LINEAR = 2, /* in a linear range */
	QUIRE_FRAME_RESERVE = 4 /* may use the reserve: only for work that frees memory */
};

/* Allocates 1 << order contiguous frames, aligned to their size. `order`: 0 to 10.
 * Returns    QUIRE_OK and the first frame; QUIRE_ENOMEM; QUIRE_EINVAL: order above 10.
 * Context    does not sleep. Locks: takes the zone lock. */
enum quire_status quire_frame_alloc(struct quire_system *system, unsigned order, unsigned flags,
				    quire_pfn *out_pfn) QUIRE_MUST_USE;

/* Frees what quire_frame_alloc() gave, with the same order. A program that still maps a frame keeps it until it
 * unmaps it. Context: does not sleep. Locks: takes the zone lock. */
void quire_frame_free(struct quire_system *system, quire_pfn pfn, unsigned order);

/* Returns the linear address of a frame; NULL when it is in no linear range. Any context. */
void *quire_frame_address(const struct quire_system *system, quire_pfn pfn);

/* Returns the frame of an address in a linear range; n == 0: in none. Any context. */
quire_pfn quire_frame_of(const struct quire_system *system, const void *address);

/* --- what the system says of itself ----------------------------------------------------------- */

enum quire_page_state {
	QUIRE_PAGE_META = 0, /* descriptors, the system itself; never allocated */
	QUIRE_PAGE_FREE,     /* in the buddy allocator */
	QUIRE_PAGE_CPU,      /* free, in a CPU's list */
	QUIRE_PAGE_PORT,     /* the port's own (quire_frame_alloc) */
	QUIRE_PAGE_TABLE,    /* page tables */
	QUIRE_PAGE_OBJECT,   /* the library's objects */
	QUIRE_PAGE_ANON,     /* private memory of programs */
	QUIRE_PAGE_FILE,     /* page cache of a file with a device behind it */
	QUIRE_PAGE_SHMEM,    /* pages of shared memory: the only copy */
	QUIRE_PAGE_KMAP,     /* kernel mappings */
	QUIRE_PAGE_ZERO,     /* the zero page */
	QUIRE_PAGE_STATES
};
/* Returns the state as the tools spell it; "?" for a number outside the enum. Any context. */
const char *quire_page_state_name(enum quire_page_state state);

/* Returns what a frame is used for; QUIRE_PAGE_STATES: it is in no range. Exact when nothing else runs. Any
 * context. */
enum quire_page_state quire_frame_state(const struct quire_system *system, quire_pfn pfn);

struct quire_memory_counts {
	uint64_t frames;                      /* given in the ranges */
	uint64_t by_state[QUIRE_PAGE_STATES]; /* sums to `frames` */
	uint64_t reserve;                     /* frames kept back */
	uint64_t committed;                   /* pages promised (Committed_AS) */
	uint64_t commit_limit;
};

/* What memory is in use for. Exact when nothing else runs. Sums over the CPUs. Any context. */
void quire_memory(const struct quire_system *system, struct quire_memory_counts *out_memory);

/* Returns how many frames are in `state`: cheap enough for every timer tick. 0 for no state. Any context. */
uint64_t quire_frames_in(const struct quire_system *system, enum quire_page_state state);

struct quire_survey {
	uint64_t mapped; /* frames mapped by some user */
	uint64_t dirty;  /* file pages to be written back */
};

/* What only the frames themselves know: visits the descriptor of every one, some nanoseconds each.
 * Exact when nothing else runs. Any context. */
void quire_memory_survey(const struct quire_system *system, struct quire_survey *out_survey);

/* Returns how often `step` was passed, over all CPUs. A build for 32 bits counts modulo 2^32 on each CPU, as Linux does
 * there: take differences. Any context. */
uint64_t quire_counter(const struct quire_system *system, enum quire_step step);

/* Work done, beside the steps. */
enum quire_event {
	QUIRE_EVENT_PAGE_CLEARED = 0,
	QUIRE_EVENT_PAGE_COPIED,
	QUIRE_EVENT_PAGE_READ,
	QUIRE_EVENT_PAGE_WRITTEN,
	QUIRE_EVENT_TABLE_MADE,
	QUIRE_EVENT_TABLE_FREED,
	QUIRE_EVENT_FLUSH,    /* TLB flushes asked of the host */
	QUIRE_EVENT_FORK_PTE, /* entries copied by fork */
	/* With Linux's names of /proc/vmstat, in pages. */
	QUIRE_EVENT_PSWPIN,         /* read from a store */
	QUIRE_EVENT_PSWPOUT,        /* written to a store */
	QUIRE_EVENT_SWAP_RA,        /* of those read, before anyone asked */
	QUIRE_EVENT_SWAP_RA_HIT,    /* of those, wanted later */
	QUIRE_EVENT_PGLAZYFREED,    /* dropped after MADV_FREE */
	QUIRE_EVENT_PGSCAN_KSWAPD,  /* looked at by background reclaim */
	QUIRE_EVENT_PGSCAN_DIRECT,  /* by a thread that found no frame */
	QUIRE_EVENT_PGSTEAL_KSWAPD, /* of those, left memory */
	QUIRE_EVENT_PGSTEAL_DIRECT,
	QUIRE_EVENT_WORKINGSET_REFAULT_ANON, /* read again after they were evicted, and the trace was there */
	QUIRE_EVENT_WORKINGSET_REFAULT_FILE,
	QUIRE_EVENT_ALLOCSTALL, /* threads that reclaimed because they found no frame: not pages */
	QUIRE_EVENT_OOM_KILL,   /* address spaces picked by quire_oom_pick(): not pages */
	QUIRE_EVENT_COUNT
};

/* Returns how often `event` happened, over all CPUs; 0 for a number outside the enum. Wraps as quire_counter() does. Any
 * context. */
uint64_t quire_event_count(const struct quire_system *system, enum quire_event event);

/* Returns the event as the tools spell it; "?" for a number outside the enum. Any context. */
const char *quire_event_name(enum quire_event event);

/* Recomputes what the system believes: frame states, reference counts, reverse maps against the
 * tables, vma trees, resident counts, commitments.
 * `why`: NULL, or `size` bytes for one line about the first difference.
 * Returns    QUIRE_OK; QUIRE_EINVAL: a difference; QUIRE_ENOMEM: no frame for the recount.
 * Context    nothing else runs in the system; does not sleep. */
enum quire_status quire_check(struct quire_system *system, char *why, size_t size) QUIRE_MUST_USE;

/* --- kernel mappings ---------------------------------------------------------------------------- */

enum quire_kmap_kind {
	QUIRE_KMAP_EAGER =
	    0,              /* frames at once: the first touch in an address space costs a fault, the sync */
	QUIRE_KMAP_LAZY = 1 /* frames at first touch: two faults, the sync and the page */
};

/* Maps `pages` pages of kernel memory (vmalloc). The page below and the page above stay unmapped: guards.
 * Returns    QUIRE_OK and the address; QUIRE_ENOMEM: no room in [kmap_start, kmap_end) or no frame;
 *            QUIRE_EINVAL: no pages, or no kernel mapping area; QUIRE_EOPNOTSUPP: LAZY where user and
 *            kernel have a root each (ARM64): its entry looks up no kernel address.
 * On failure nothing is mapped.
 * Context    may sleep for the kernel map. Stack: middle. Locks: none may be held; takes the kernel map's. */
enum quire_status quire_kmap(struct quire_system *system, uint64_t pages, quire_prot prot,
			     enum quire_kmap_kind kind, quire_va *out_va) QUIRE_MUST_USE;

/* Removes the mapping that quire_kmap() gave at `va`, and frees its frames after every CPU has forgotten it.
 * Returns    QUIRE_OK; QUIRE_EINVAL: `va` is not the start of one.
 * Context    may sleep for the kernel map. Stack: middle. Locks: as quire_kmap(). */
enum quire_status quire_kunmap(struct quire_system *system, quire_va va);

/* Returns the root table of the kernel's own tree: what a CPU loads while it runs no address space, and, where
 * user and kernel have a root each, always for the kernel's half. A system has one, with or without an area for
 * kernel mappings. Constant after creation. Any context.
 *
 * The port's own mappings (its image, the linear map) go there: it writes their top-level entries, outside
 * [kmap_start, kmap_end), before the first quire_mm_create(), which copies them where the halves share a root.
 * The library leaves them alone. */
quire_pa quire_kernel_root(const struct quire_system *system);

#ifdef __cplusplus
}
#endif
#endif
