/* SPDX-License-Identifier: MIT */
/* The inside of a system: what hangs together, and the per-CPU parts that the fast paths use. */
#ifndef QR_SYSTEM_H
#define QR_SYSTEM_H

#include <quire/quire.h>

#include "base/arch.h"
#include "base/assert.h"
#include "base/frame.h"
#include "base/mem.h"

/* A counter that one CPU writes and everyone reads: a word, which begins again after 2^32 where that is 32 bits, as the
 * event counters of Linux do (a user of them takes differences). */
typedef uintptr_t qr_counter;

/* Private to one CPU, on cache lines of its own.
 *
 * `busy` guards frames, states and slabs: one exchange, never waited for. A thread that finds it set (it was
 * moved to this CPU, or preempted another thread in the middle) takes the slow path through the zone. */
struct qr_cpu {
	uint32_t busy;
	uint32_t cpu;
	uint64_t bit;                           /* of this CPU in a mask of CPUs */
	uint32_t thread;                        /* where the host has no word of a thread: qr_thread() */
	struct quire_mm *active;                /* entered last; NULL: left, the kernel tree is loaded */
	struct qr_frame_cache frames[QR_ZONES]; /* order-0 frames */
	qr_counter states[QUIRE_PAGE_STATES];   /* frames that came to a state here, less those that left */
	struct qr_slab_cache slabs[QR_SLAB_KINDS]; /* objects */
	qr_counter steps[QUIRE_STEP_COUNT];
	qr_counter plain[QUIRE_PLAIN_CODES]; /* faults of a plain syndrome: for all its entry's steps */
	qr_counter events[QUIRE_EVENT_COUNT];
	qr_atomic64 dirty; /* pages of files with a device: dirtied here, less those cleaned here */
	uint32_t dirtied;  /* since a writer looked at the sum of these: file/balance.c. Atomic */
} __attribute__((aligned(64)));

/* What an access asks of an address space: by a program, or by the kernel on its own. */
struct qr_request {
	quire_va address;
	uint32_t rights; /* QR_VM_READ, _WRITE, _EXEC: the vma must have one of them; 0: no vma allows it */
	uint8_t access;  /* enum quire_access */
	uint8_t flags;   /* QR_REQUEST_*: src/fault/fault.h */
};

struct quire_system {
	/* Constant after creation. */
	const struct quire_arch *arch;
	const struct quire_profile *profile;
	const struct quire_arch_rules *rules; /* the profile's row for `arch` */
	const struct quire_host *host;
	void *host_context;
	uint32_t page_shift;
	uint32_t cpus;
	struct qr_range range[QUIRE_CONFIG_RAM_RANGES];
	uint32_t ranges;
	uint64_t stack_guard_pages;
	uint64_t frames_total; /* all frames of the ranges */
	uint32_t data_zone;    /* where data goes first: HIGH if there is one */
	uint64_t dirty_limit;  /* pages of files that may wait to be written */
	quire_pfn zero_page;
	struct qr_page no_table; /* a table that maps no address: no caller need ask whether there is one */
	struct quire_config config; /* as given, defaults filled in */

	/* quire_limits_set() changes them at any time: qr_max_map_count() and its neighbours read them. */
	uint32_t max_map_count;
	uint32_t overcommit;
	uint32_t overcommit_ratio;
	qr_atomic64 mmap_min_addr;

	unsigned (*which_cpu)(void *host); /* the host's; NULL: there is one */
	struct qr_cpu *cpu_at[QUIRE_CONFIG_CPUS];
	struct qr_cpu *cpu;            /* [cpus] */
	struct qr_zone zone[QR_ZONES]; /* lock: each zone's own */
	struct qr_slab slab[QR_SLAB_KINDS];

	/* Atomic. */
	qr_atomic64 committed; /* pages promised to mms and shared memory: page/commit.h */
	/* Beside qr_cpu.states: counted here at creation, and where `busy` was set. */
	qr_atomic64 states[QUIRE_PAGE_STATES];

	/* What the owners of pages want to be told, by the state of the page. NULL: nothing. Constant after
	 * creation. */
	const struct qr_page_hooks *page_hooks[QUIRE_PAGE_STATES];

	/* Swap: the stores (src/swap), and what lower floors ask of it (page/page.h). NULL until the first store
	 * is attached: there are no swap entries. */
	struct qr_swap *swap;
	const struct qr_swap_hooks *swap_hooks;
	qr_atomic64 backing; /* pages of all stores: may be promised beside RAM. Atomic */

	/* Reclaim: its lists, and what lower floors tell it (page/page.h). Constant but where frame.h says. */
	struct qr_reclaim reclaim;
	const struct qr_reclaim_hooks *reclaim_hooks;
	uint64_t (*trim)(struct quire_system *system); /* frees empty page tables: mm/trim.c */

	/* [QR_GROUPS]; NULL until the first is made. Its elements: LRU. page/group.h */
	struct quire_group **groups;

	/* Rows replaced by quire_fault_hook(); NULL until the first. */
	const struct quire_fault_row *rows[5];
	/* What each plain syndrome of the architecture decodes to, with these rows: src/fault/decode.h. */
	struct quire_fault plain[QUIRE_PLAIN_CODES];
	struct qr_request plain_request[QUIRE_PLAIN_CODES]; /* all but the address */

	/* Kernel mappings: src/kmap. */
	struct qr_kmap *kmap;

	/* Every mm and every file, for quire_check(), swapoff and mm/trim.c. lock: registry_lock (rank SLAB). Under
	 * it an mm lock may be tried; nothing is waited for. */
	struct qr_lock registry_lock;
	struct qr_list mms;
	struct qr_list files;
};

/* Whether memory that may be executed alone cannot be read. */
static inline bool qr_execution_is_apart(const struct quire_system *system)
{
	return (qr_arch(system)->caps & QUIRE_CAP_EXECONLY) && !system->rules->exec_reads;
}

/* The rights of which a vma must have one to be read. */
static inline uint32_t qr_read_rights(const struct quire_system *system)
{
	return system->profile->read_rights &
	       ~(qr_execution_is_apart(system) ? (uint32_t)QUIRE_PROT_EXEC : 0);
}

/* The number of the CPU that runs now. */
static inline unsigned qr_this_cpu_number(const struct quire_system *system)
{
	unsigned cpu;

	if (!system->which_cpu)
		return 0;
	cpu = system->which_cpu(system->host_context);
	qr_assert_contract(system, cpu < system->cpus);
	return cpu;
}

static inline struct qr_cpu *qr_this_cpu(const struct quire_system *system)
{
	return system->which_cpu ? system->cpu_at[qr_this_cpu_number(system)] : system->cpu;
}

/* Bits of a thread's word. */
#define QR_THREAD_RECLAIMS    1u /* it frees memory: what it calls does not, and may use the reserve */
#define QR_THREAD_HIGH        2u /* the group below refused a page for its `high` */
#define QR_THREAD_MAY_EXCEED  4u /* pages have left for that: the next charge may exceed it */
#define QR_THREAD_NO_HIGH     8u /* it detaches a store: what comes back may exceed `high` */
#define QR_THREAD_STAYS       (QR_THREAD_RECLAIMS | QR_THREAD_MAY_EXCEED | QR_THREAD_NO_HIGH) /* beside a refusal */
#define QR_THREAD_GROUP_SHIFT 16 /* the group that refused its last charge: src/page/group.h; 0: none */

/* The word of the calling thread; stays the thread's when it changes CPUs. */
static inline uint32_t *qr_thread(const struct quire_system *system)
{
	return system->host->thread ? system->host->thread(system->host_context)
				    : &qr_this_cpu(system)->thread;
}

static inline bool qr_reclaims(const struct quire_system *system)
{
	return *qr_thread(system) & QR_THREAD_RECLAIMS;
}

static inline bool qr_cpu_try(struct qr_cpu *cpu)
{
	return __atomic_exchange_n(&cpu->busy, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void qr_cpu_end(struct qr_cpu *cpu)
{
	__atomic_store_n(&cpu->busy, 0, __ATOMIC_RELEASE);
}

static inline uint64_t qr_page_bytes(const struct quire_system *system)
{
	return (uint64_t)1 << qr_arch(system)->page_shift;
}

static inline uint64_t qr_page_mask(const struct quire_system *system)
{
	return qr_page_bytes(system) - 1;
}

static inline uint32_t qr_overcommit(const struct quire_system *system)
{
	return __atomic_load_n(&system->overcommit, __ATOMIC_RELAXED);
}

static inline uint32_t qr_max_map_count(const struct quire_system *system)
{
	return __atomic_load_n(&system->max_map_count, __ATOMIC_RELAXED);
}

static inline quire_va qr_mmap_min_addr(const struct quire_system *system)
{
	return __atomic_load_n(&system->mmap_min_addr, __ATOMIC_RELAXED);
}

static inline void qr_count_by(qr_counter *counter, uintptr_t by)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + by, __ATOMIC_RELAXED);
}

static inline void qr_count(qr_counter *counter)
{
	qr_count_by(counter, 1);
}

static inline void qr_event(struct qr_cpu *cpu, enum quire_event event)
{
	qr_count(&cpu->events[event]);
}

/* Whether this allocation or transfer is to fail on purpose. */
static inline bool qr_inject(const struct quire_system *system, enum quire_resource resource)
{
#if QUIRE_CONFIG_INJECT
	return system->host->may_fail && system->host->may_fail(system->host_context, resource);
#else
	(void)system, (void)resource;
	return false;
#endif
}

/* Whether the rule `name` is broken on purpose. Constant false in what people run. */
static inline bool qr_mutant(const struct quire_system *system, const char *name)
{
#if QUIRE_CONFIG_MUTANTS
	return system->host->mutant && system->host->mutant(system->host_context, name);
#else
	(void)system, (void)name;
	return false;
#endif
}

#endif
