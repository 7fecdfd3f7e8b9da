/* SPDX-License-Identifier: MIT */
/* The simulated machine: RAM, CPUs, MMUs and TLBs in one process, and a Quire system that runs on it.
 *
 *   sim ── RAM: linear ranges, and high ones behind a window that is mapped and unmapped for real
 *    ├─ CPU n: registers, TLB ──miss──► software MMU (mmu_x86.c, ...): walks the bytes of the tables,
 *    │     written from the manuals, shares nothing with arch/
 *    ├─ process: a quire_mm and a stack pointer
 *    └─ quire_system, whose host contract this machine is
 *
 * An access goes  TLB ─► MMU ─► frame, or a fault: syndrome registers ─► quire_handle_trap() ─► act ─► again.
 *
 * Three ways to run:
 *   serial      the caller is CPU n for the length of each call. Nothing runs beside it.
 *   scheduled   sim_run(): one body for each CPU; exactly one runs at a time, and is preempted only at
 *               points (a lock is taken or released, a call of the host, a flush, an access), by a
 *               plan: none, random by a seed, or a list. sim_explore() tries every list up to a bound.
 *   free        sim_run_free(): real threads in parallel, for measuring and for ThreadSanitizer.
 *
 * The machine watches (a finding is a line of text, counted, kept, and found again by sim_destroy()):
 *
 *   Stale translations. TLBs keep what they have until the library flushes it. A hit is *stale* when the
 *   tables, walked now, no longer grant the access, or name another frame. (An entry made old is no
 *   difference: accessed is a hint. One made clean is.) Using a stale entry is legal from the store
 *   into the table until the first of
 *     - a flush that names the address, asked for by the operation that stored, returns, whether or not
 *       it names this CPU;
 *     - the operation that stored ends: sim_op_end(), the end of a trap, or, of calls without
 *       sim_op_begin(), the next access or the end of the body on the CPU that stored;
 *   and is illegal at any time once the frame it names was freed or cleared or filled for a new use.
 *   The same rule holds for a table that a paging-structure cache names. A finding says where the
 *   entry was cached (CPU, access, address, sequence number) and where the tables were first seen
 *   changed (sequence number, CPU, operation, lock released). The library stores with plain stores:
 *   changes are looked for at every release of a page-table lock, every flush, and every hit.
 *
 *   Locks: rank order of src/base/lock.h for each CPU; a try may break it. Waiting to sleep, and transfers
 *   of files and stores, hold nothing above PAGE. Between operations nothing is held, no window is mapped.
 *   Deadlock: every unfinished body waits, and who spins has seen nobody go on since.
 *   Livelock: more than `point_limit` points.
 *   An endless fault: one access that faults more than SIM_FAULT_LIMIT times. */
#ifndef QUIRE_SIM_H
#define QUIRE_SIM_H

#include <stdio.h>

#include <quire/quire.h>

struct sim;
struct sim_cpu;
struct sim_process;

#define SIM_FAULT_LIMIT 64
#define SIM_TRACES      16

/* --- the machine -------------------------------------------------------------------------------- */

enum {
	SIM_NO_ORACLE = 1,     /* do not look for stale translations */
	SIM_NO_NEGATIVE = 2,   /* never cache that nothing is there, also where the architecture may */
	SIM_NO_WALK_CACHE = 4, /* no paging-structure caches */
	SIM_NO_TLB = 8,        /* every access walks */
	SIM_NO_CHECK = 16,     /* sim_destroy() does not run quire_check() (benchmarks) */
	SIM_STACKED = 32       /* files lie on files: a page of one may be locked under a page of another */
};

/* Everything a machine is made from; zeroed members mean the default. */
struct sim_config {
	const char *arch;    /* default "x86_64" */
	const char *profile; /* default "linux-6" */
	/* The rules themselves, in the place of `profile`; they must live as long as the machine. */
	const struct quire_profile *rules;
	uint64_t ram_bytes;  /* linear RAM, in two ranges with a hole between; default 16 MiB */
	uint64_t high_bytes; /* beside it, RAM without a linear address; default 0 */
	unsigned cpus;       /* default 1 */
	uint64_t seed;
	unsigned options;     /* SIM_* above */
	unsigned tlb_entries; /* of each CPU, a power of two from 4; default 256 */
	uint64_t kmap_bytes;  /* area for quire_kmap() in the kernel half; default 0: none */
	uint64_t point_limit; /* points of one run; default 2000000 */
	enum quire_overcommit overcommit;
	unsigned overcommit_ratio, max_map_count, reserve_frames, stack_guard_pages;
	quire_va mmap_min_addr;
	const struct quire_policy *policy; /* of reclaim */
	unsigned low_frames, high_frames, dirty_frames;

	/* Called with `context`. */
	void *context;
	/* The library called panic. Default: prints the text and aborts. May longjmp from a serial call;
	 * when it returns, a body ends there and a serial call aborts. */
	void (*panic)(void *context, const char *text);
	void (*log)(void *context, const char *text); /* default: dropped */
	/* Out of memory: who ends, NULL: nobody, the access is repeated. Default: the one that faulted. */
	struct sim_process *(*oom)(void *context, struct sim_process *faulting);
	/* Whether a rule of the library is broken on purpose. Default: the one named by sim_mutant(). */
	bool (*mutant)(void *context, const char *name);
};

/* Makes a machine. NULL: `config` is wrong or memory is short; *out_why (may be NULL) says it. */
struct sim *sim_create(const struct sim_config *config, const char **out_why);

/* Ends the processes left over, runs quire_check(), destroys the system, and sees that every frame came
 * back. Returns the number of findings of the machine's whole life, those of this call included, less
 * those taken by sim_findings_clear(); each is printed to stderr. Frees everything in any case. */
unsigned sim_destroy(struct sim *sim);

struct quire_system *sim_system(struct sim *sim);
const struct quire_arch *sim_arch(const struct sim *sim);
uint64_t sim_page_bytes(const struct sim *sim);
unsigned sim_cpus(const struct sim *sim);
struct sim_cpu *sim_cpu(struct sim *sim, unsigned number);
struct sim *sim_of(const struct sim_cpu *cpu);
unsigned sim_cpu_number(const struct sim_cpu *cpu);
void *sim_context(const struct sim *sim);

/* The CPU that calls of the library made by this thread are on. sim_use_cpu() is for serial use. */
struct sim_cpu *sim_current(struct sim *sim);
void sim_use_cpu(struct sim_cpu *cpu);

/* Host address of physical memory; NULL when [pa, pa + bytes) is not in one range of RAM. */
void *sim_physical(struct sim *sim, quire_pa pa, uint64_t bytes);

/* A deterministic random word, and nanoseconds that pass with points. */
uint64_t sim_random(struct sim *sim);
uint64_t sim_clock(struct sim *sim);

/* Free frames as quire_memory() counts them, CPU lists included. */
uint64_t sim_free_frames(struct sim *sim);

/* --- findings ----------------------------------------------------------------------------------- */

enum sim_finding_kind {
	SIM_STALE_RIGHTS = 0, /* a stale hit granted what the tables refuse */
	SIM_STALE_FRAME,      /* a stale hit named another frame than the tables */
	SIM_STALE_FREED,      /* a stale hit named a frame that is free or has a new use */
	SIM_STALE_DIRTY,      /* a write went through an entry whose leaf is clean in the tables */
	SIM_STALE_TABLE,      /* a walk went through a cached table that the tables no longer name */
	SIM_LOCK_ORDER,       /* a lock was taken under one of equal or greater rank */
	SIM_LOCK_AGAIN,       /* a CPU takes what it holds, or releases what it does not hold */
	SIM_LOCK_SLEEP,       /* slept, or called a device, with a spinning lock */
	SIM_LOCK_LEFT,        /* an operation ended with a lock held */
	SIM_LOCK_TRANSFER,    /* a file was called with other locks than <quire/file.h> says */
	SIM_FLUSH_SET,        /* the CPUs of a flush are not those in the address space */
	SIM_WINDOW,           /* frame_map() and frame_unmap() out of order, too many, or left over */
	SIM_DEADLOCK,
	SIM_LIVELOCK,
	SIM_FAULT_LOOP,     /* an access that faults for ever */
	SIM_BUS,            /* a translation led outside RAM, or a table lies outside it */
	SIM_NOT_REPEATABLE, /* the same plan took another way */
	SIM_CHECK,          /* quire_check() found a difference */
	SIM_LEAK,           /* frames did not come back */
	SIM_LIBRARY_PANIC,  /* the library called panic, and the run goes on without that body */
	SIM_FINDINGS
};

struct sim_finding {
	enum sim_finding_kind kind;
	char text[500]; /* one line */
};

const char *sim_finding_name(enum sim_finding_kind kind);
unsigned sim_finding_count(const struct sim *sim);
/* The index-th since the last clear; NULL past the 16 that are kept. */
const struct sim_finding *sim_finding_at(const struct sim *sim, unsigned index);
void sim_findings_clear(struct sim *sim);

/* --- processes ---------------------------------------------------------------------------------- */

/* A process: an address space and the registers that a fault looks at. Fields may be written. */
struct sim_process {
	struct sim *sim;
	struct quire_mm *mm; /* NULL: it ended */
	unsigned id;         /* 1, 2, ...: never used again */
	quire_va sp, pc;
	int exit_signal;          /* 0: alive, or ended by itself */
	uint64_t minor, major;    /* faults as Linux counts them for the task; not of free runs */
	void *context;            /* the caller's */
	struct sim_process *next; /* the machine's list */
	unsigned on;              /* the machine's: CPUs that run it */
	bool ending;              /* the machine's: the last CPU to leave it drops the address space */
};

/* `layout`: as for quire_mm_create(). sp starts at the end of user addresses. */
enum quire_status sim_process_create(struct sim *sim, const struct quire_mm_layout *layout,
				     struct sim_process **out_process) QUIRE_MUST_USE;
enum quire_status sim_process_fork(struct sim_process *parent, struct sim_process **out_child) QUIRE_MUST_USE;
/* Takes it off every CPU it is on, drops the address space; the process itself lives until destroy.
 * => in a scheduled run, no other CPU is in a library call for it. */
void sim_process_exit(struct sim_process *process);

/* The process that `cpu` runs: NULL a kernel thread, on the kernel's own root table. */
void sim_switch(struct sim_cpu *cpu, struct sim_process *process);
struct sim_process *sim_process_of(const struct sim_cpu *cpu);

/* --- accesses ----------------------------------------------------------------------------------- */

enum sim_end {
	SIM_DONE = 0,  /* the access was made */
	SIM_SIGNALLED, /* signal, code, va */
	SIM_KILLED,    /* out of memory ended the process of this CPU */
	SIM_FIXED_UP,  /* kernel mode: continued at the fixup */
	SIM_OOPSED,    /* kernel bug */
	SIM_PANICKED,  /* kernel bug in a context that cannot be ended */
	SIM_NOT_TAKEN, /* the library says the exception is none of its */
	SIM_STUCK      /* it faults for ever (a finding) */
};
const char *sim_end_name(enum sim_end end);

/* How the last access of a CPU went. */
struct sim_result {
	enum sim_end end;
	unsigned signal, code;
	quire_va va;           /* si_addr */
	quire_va pc;           /* FIXED_UP: where it went on */
	unsigned faults;       /* exceptions taken */
	unsigned minor, major; /* of them, as Linux counts */
	size_t done;           /* bytes accessed before it ended */
	unsigned traces;       /* of trace[]; the first SIM_TRACES faults of the access */
	struct quire_trace trace[SIM_TRACES];
	struct quire_trap trap; /* the last one raised */
};
const struct sim_result *sim_last(const struct sim_cpu *cpu);

/* Accesses in user mode of 1, 2, 4 or 8 bytes, little-endian, at any address (a split one is made page
 * by page). exec fetches 4 bytes (2 on a page's last). */
enum sim_end sim_read(struct sim_cpu *cpu, quire_va va, unsigned size, uint64_t *out_value);
enum sim_end sim_write(struct sim_cpu *cpu, quire_va va, unsigned size, uint64_t value);
enum sim_end sim_exec(struct sim_cpu *cpu, quire_va va);
/* Many bytes, page by page, in user mode. */
enum sim_end sim_read_bytes(struct sim_cpu *cpu, quire_va va, void *buffer, size_t bytes);
enum sim_end sim_write_bytes(struct sim_cpu *cpu, quire_va va, const void *buffer, size_t bytes);

/* The same by the kernel, at an instruction that the exception table does not have. */
enum sim_end sim_kernel_read(struct sim_cpu *cpu, quire_va va, unsigned size, uint64_t *out_value);
enum sim_end sim_kernel_write(struct sim_cpu *cpu, quire_va va, unsigned size, uint64_t value);
enum sim_end sim_kernel_exec(struct sim_cpu *cpu, quire_va va);

/* The kernel's copies, at instructions that the exception table has. Return the bytes not copied.
 * clear_user writes zeroes. */
size_t sim_copy_to_user(struct sim_cpu *cpu, quire_va to, const void *from, size_t bytes);
size_t sim_copy_from_user(struct sim_cpu *cpu, void *to, quire_va from, size_t bytes);
size_t sim_clear_user(struct sim_cpu *cpu, quire_va to, size_t bytes);

/* QUIRE_CTX_* of the following exceptions. */
void sim_set_context(struct sim_cpu *cpu, uint32_t context);

/* Takes an exception that no access caused (a literal syndrome). The result is in sim_last(). */
enum sim_end sim_raise(struct sim_cpu *cpu, const struct quire_trap *trap);

/* The translation in the tables now, by the hardware's reading, without faults, TLB or accessed bits.
 * Returns false when the access would fault. Any of the results may be NULL. */
bool sim_probe(struct sim_cpu *cpu, quire_va va, enum quire_access access, enum quire_mode mode,
	       quire_pa *out_pa, struct quire_trap *out_trap);

/* Forgets everything in a CPU's TLB and walk caches (a full local flush that no library call asked). */
void sim_tlb_drop(struct sim_cpu *cpu);
unsigned sim_tlb_used(const struct sim_cpu *cpu);

struct sim_counts {
	uint64_t accesses, tlb_hits, tlb_misses, walk_cache_hits, negative_hits;
	uint64_t faults, minor, major;
	uint64_t flushes, flushed_entries;
	uint64_t page_clears, page_copies, icache_syncs, dcache_syncs, pte_syncs, windows;
	uint64_t stale_legal; /* stale hits inside the window that the rule allows */
	uint64_t waits, wakes, lock_events, points;
};
/* Sums over the CPUs. */
void sim_counts(const struct sim *sim, struct sim_counts *out_counts);

/* --- operations: so that the machine knows when a call of the library is over ------------------- */

void sim_op_begin(struct sim_cpu *cpu, const char *name); /* `name`: a constant */
enum quire_status sim_op_end(struct sim_cpu *cpu, enum quire_status status);
/* status = SIM_OP(cpu, "munmap", quire_munmap(mm, addr, length)) */
#define SIM_OP(cpu, name, call) (sim_op_begin((cpu), (name)), sim_op_end((cpu), (call)))

/* --- failures on purpose (a library built with QUIRE_CONFIG_INJECT) ------------------------------ */

/* Lets the nth allocation or transfer from now fail, counted from 1 over all resources whose bit
 * (1 << enum quire_resource) is in `resources`; 0: none. `times` in a row; 0: all that follow. */
void sim_fail(struct sim *sim, unsigned resources, uint64_t nth, uint64_t times);
/* Lets each fail with probability 1/one_in, by the machine's seed. 0: none. */
void sim_fail_randomly(struct sim *sim, unsigned resources, unsigned one_in);
/* How many were asked for since the last of these two calls, and how many failed. */
uint64_t sim_fail_asked(const struct sim *sim);
uint64_t sim_failed(const struct sim *sim);

/* Switches a mutant on; NULL: none. */
void sim_mutant(struct sim *sim, const char *name);

/* --- files with a device behind them -------------------------------------------------------------- */

struct sim_file {
	struct sim *sim;
	struct quire_file *file; /* holds one reference; sim_file_close() puts it */
	unsigned char *bytes;    /* the device's contents */
	uint64_t capacity;
	uint64_t reads, writes; /* transfers */
	uint64_t mkwrites;
	uint64_t fail_read, fail_write, fail_mkwrite; /* page index whose transfer fails; UINT64_MAX: none */
	enum quire_status fail_status;                /* QUIRE_EIO unless set */
	bool short_reads;                             /* reads return half */
};
/* A file of `size` bytes; page n is filled with byte `fill` + n (mod 256). */
enum quire_status sim_file_create(struct sim *sim, uint64_t size, unsigned char fill,
				  struct sim_file **out_file) QUIRE_MUST_USE;
/* ftruncate(2): the device first, then the library, then what a transfer in flight put back. */
enum quire_status sim_file_truncate(struct sim_file *file, uint64_t size) QUIRE_MUST_USE;
/* Puts the reference. The device goes away when the library releases the file. */
void sim_file_close(struct sim_file *file);

/* --- stores for swapped pages ---------------------------------------------------------------------- */

/* Attached with quire_swapon(sim_system(sim), &store->store, priority). Fields may be written at any time; the
 * numbers of transfers count from 1 over the store's life. */
struct sim_store {
	struct sim *sim;
	struct quire_store store;
	uint64_t puts, gets, drops, batches; /* pages written, read, dropped; calls of put and get */
	uint64_t latency;                    /* nanoseconds that each batch takes */
	uint64_t fail_put, fail_get;         /* the number of the page that fails; 0: none */
	uint64_t dies_at;     /* the number of the put from which on everything fails; 0: never */
	uint64_t corrupt_get; /* the number of the get before which its slot changes silently */
	bool full;            /* no page fits any more */
	bool checked;         /* a checksum for each slot: what changed silently is not given back */
	bool dead;            /* it died */
	unsigned char *bytes; /* the contents */
	uint64_t *sum;        /* of each slot */
	bool *holds;          /* was put, and not dropped since */
	struct sim_store *next;
};
/* A store of so many pages; flags: QUIRE_STORE_*. NULL: no memory. The machine frees it. */
struct sim_store *sim_store_create(struct sim *sim, uint64_t slots, uint32_t flags);

/* --- schedules ----------------------------------------------------------------------------------- */

typedef void (*sim_body)(struct sim_cpu *cpu, void *context);

/* A preemption: when point number `point` (counted from 1 over the run) is reached, `cpu` goes on. */
struct sim_preempt {
	uint64_t point;
	unsigned cpu;
};
#define SIM_PREEMPTS 8

enum sim_plan_kind {
	SIM_PLAN_PLAIN = 0,  /* bodies in order, each until it waits or ends */
	SIM_PLAN_RANDOM = 1, /* at each point, with probability 1/one_in, another */
	SIM_PLAN_LIST = 2
};
struct sim_plan {
	enum sim_plan_kind kind;
	unsigned first;  /* the CPU that begins */
	uint64_t seed;   /* RANDOM */
	unsigned one_in; /* RANDOM; default 4 */
	unsigned count;  /* LIST */
	struct sim_preempt preempt[SIM_PREEMPTS];
};

/* One line for a plan, and back. Text: "plain:0", "random:SEED/ONE_IN:0", "list:0,12>1,40>0". */
void sim_plan_print(const struct sim_plan *plan, char *text, size_t size);
bool sim_plan_parse(const char *text, struct sim_plan *out_plan);

/* Runs body[n] on CPU n, for n < count, to the end of all. `plan`: NULL is PLAIN.
 * Returns false when the run was given up (deadlock, livelock, panic): the machine can then only be
 * destroyed. */
bool sim_run(struct sim *sim, const sim_body *body, unsigned count, void *context,
	     const struct sim_plan *plan);

/* The same on real threads in parallel, without points and plans. */
bool sim_run_free(struct sim *sim, const sim_body *body, unsigned count, void *context);

/* A point of the caller's own, in a body. Elsewhere nothing. */
void sim_point(struct sim_cpu *cpu);

/* Waits, in a body, until `*word != expected` (a barrier of a test, a futex). */
void sim_wait_word(struct sim_cpu *cpu, const uint32_t *word, uint32_t expected);

/* Every schedule of `count` bodies with at most `bound` preemptions (switches at waits and ends are
 * free), each on a machine of its own. */
struct sim_explore {
	struct sim *(*create)(void *context); /* a machine prepared for the bodies */
	sim_body body[4];
	unsigned count;
	/* After the bodies, before sim_destroy(): false is a failure. NULL: none. `sim` may have been given
	 * up. */
	bool (*after)(struct sim *sim, void *context);
	void *context;
	unsigned bound;     /* 0 to SIM_PREEMPTS */
	uint64_t limit;     /* schedules at most; 0: all */
	const char *replay; /* NULL, or the one plan to run */
	bool go_on;         /* do not stop at the first failure */
};
struct sim_explored {
	uint64_t schedules;
	uint64_t points; /* of the longest run */
	uint64_t failures;
	uint64_t given_up; /* of them, deadlocks and the like */
	bool complete;     /* every schedule within the bound was run */
	char token[160];   /* replays the first failure */
};
void sim_explore(const struct sim_explore *what, struct sim_explored *out);

#endif
