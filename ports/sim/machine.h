/* SPDX-License-Identifier: MIT */
/* The inside of the simulated machine: what its files share.
 *
 *   create.c   RAM, life            host.c     the host contract      trap.c    accesses and exceptions
 *   tlb.c      translations kept    oracle.c   stale use              process.c address spaces on CPUs
 *   locks.c    ranks                run.c      bodies and points      explore.c every schedule
 *   findings.c what was seen        file.c     devices                inject.c  failures on purpose
 *   store.c    swapped pages
 *
 * Who may touch what: in a serial or scheduled run exactly one thread goes on at a time, so nothing is
 * locked. In a free run a CPU's translations are under its own lock (the CPU that flushes takes it), a
 * CPU's other fields are its own, and what the machine shares is atomic or under `shared`. */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include <pthread.h>
#include <setjmp.h>
#include <semaphore.h>

#include "mmu.h"
#include "sim.h"

#define SIM_MAX_CPUS           64
#define SIM_HELD               48 /* fault-around and eviction hold up to 32 pages */
#define SIM_WINDOWS            2
#define SIM_ASIDS              8
#define SIM_KERNEL_ASID        UINT64_MAX
#define SIM_KEPT               16
#define SIM_WALK_CACHE_ENTRIES 16

/* A point in the machine's history. seq == 0: none. */
struct sim_place {
	uint64_t seq;
	uint64_t op_id;   /* of the CPU, then */
	const char *op;   /* the operation's name */
	const char *what; /* the event: "a page-table lock was released", ... */
	unsigned cpu;
	uint64_t va;
	enum quire_access access;
	enum quire_mode mode;
};

struct sim_tlb_entry {
	bool valid;
	bool leaf; /* false: the entry says that nothing is there */
	bool dirty, global;
	uint8_t rights;
	uint8_t level;
	uint8_t domain;
	uint8_t shift;
	uint64_t asid;
	struct quire_mm *mm;
	uint64_t root[2];
	uint64_t va, frame;
	uint64_t entry_at[SIM_MMU_LEVELS], entry[SIM_MMU_LEVELS];
	struct sim_place cached;
	struct sim_place changed; /* where the tables were first seen to differ */
	struct sim_place missed;  /* a flush that names it has returned, and it is still here */
	struct sim_place reused;  /* its frame was free, or got another use, while the tables differed */
};

/* A last-level table that a walk found: spares the walk above it. */
struct sim_walk_entry {
	bool valid;
	uint64_t asid;
	struct quire_mm *mm;
	uint64_t root[2];
	uint64_t va; /* of the table's first entry */
	uint64_t table;
	uint32_t carry;
	struct sim_place cached, changed, missed, reused;
};

struct sim_held {
	const void *lock;
	unsigned rank;
};

enum sim_state {
	SIM_IDLE = 0,
	SIM_READY,
	SIM_WAITING,
	SIM_ENDED
};

struct sim_cpu {
	struct sim *sim;
	unsigned number;

	/* Registers. */
	struct sim_process *process;
	struct quire_mm *mm; /* entered */
	uint64_t root[2];
	uint64_t asid;
	uint32_t context;

	/* Translations. */
	pthread_mutex_t tlb_lock; /* free runs only */
	struct sim_tlb_entry *tlb;
	unsigned tlb_used;
	unsigned tlb_shifts; /* bit n: an entry of 1 << n bytes may be there */
	struct sim_walk_entry walk[SIM_WALK_CACHE_ENTRIES];
	struct {
		uint64_t asid; /* 0: none, or flushed since */
		struct quire_mm *mm;
	} left[SIM_ASIDS]; /* address spaces left whose translations here are still good */
	unsigned left_next;
	bool kept; /* the address space was entered again with translations of before */

	/* What it is doing. */
	uint64_t op_id; /* changes when an operation begins or ends */
	const char *op; /* NULL: none said */
	struct sim_held held[SIM_HELD];
	unsigned held_count;
	struct {
		char *at; /* the window's address */
		uint64_t pfn;
		bool used;
	} window[SIM_WINDOWS];

	/* Scheduled runs. */
	enum sim_state state;
	const uint32_t *word; /* waiting until it is not `expected` */
	uint32_t expected;
	bool woken;
	bool spins; /* goes on too when another has passed a point since `progress` */
	uint64_t progress;
	unsigned fruitless; /* times in a row that it spun while nobody else could go on */
	sem_t go;
	pthread_t thread;
	sim_body body;
	void *body_context;

	struct sim_result last;
	struct sim_counts counts;
} __attribute__((aligned(64)));

struct sim_ram {
	uint64_t base, bytes;
	char *host;
	void *map; /* what was mapped for it */
	size_t map_bytes;
	uint64_t file_offset; /* high: in the memory file */
	bool high, boot;
};

/* What a decision of a scheduled run could have been, for sim_explore(). */
struct sim_choice {
	uint64_t point;
	uint64_t others; /* CPUs that could have gone on instead */
	bool free;       /* the one before could not: no preemption */
};

struct sim {
	struct sim_config config;
	const struct sim_mmu *mmu;
	const struct quire_arch *arch;
	uint64_t page_bytes;
	struct quire_host host;
	struct quire_system *system;
	struct sim_bus bus;
	struct sim_ram ram[4];
	unsigned ram_count;
	int memory_file;  /* of high RAM; -1: none */
	uint64_t no_root; /* an empty table, for when there is no other */
	struct sim_cpu *cpu;
	struct sim_cpu *current; /* serial and scheduled */
	struct sim_process *processes;
	struct sim_store *stores;
	unsigned next_id;
	uint64_t free_at_start;

	bool scheduled, free_run, given_up;
	pthread_mutex_t shared; /* free runs: findings, the list of processes */

	uint64_t seq;               /* events so far */
	uint64_t activity, scanned; /* calls of the host, and how many the last scan has seen */
	uint64_t next_op;
	uint64_t random;
	uint64_t clock;

	/* Plans. */
	struct sim_plan plan;
	unsigned plan_at;
	unsigned running; /* CPUs with a body */
	uint64_t points;
	uint64_t progress; /* points passed by CPUs that go on: waits are none */
	uint64_t plan_random;
	struct sim_choice *choice;
	unsigned choices, choices_max;
	bool record;

	/* Failures on purpose. */
	unsigned fail_resources, fail_one_in;
	uint64_t fail_nth, fail_times, fail_asked, failed;
	const char *mutant;

	jmp_buf *panic_out; /* where a panic of the library goes while the machine is destroyed */
	char panic_text[200];

	struct sim_finding finding[SIM_KEPT];
	unsigned findings; /* since the last clear */
};

/* --- findings.c --- */
void sim_find(struct sim *sim, enum sim_finding_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- create.c --- */
void *sim_bus_at(void *context, uint64_t pa, uint64_t bytes);
/* The physical address of a linear or window address; false: it is neither. */
bool sim_physical_of(const struct sim *sim, const void *address, uint64_t *out_pa);

/* --- host.c --- */
void sim_host_init(struct sim *sim);
void sim_library_panic(struct sim *sim, const char *text);

/* --- tlb.c --- */
/* Everything of an address space, but what is global; asid 0: everything. */
void sim_tlb_drop_asid(struct sim_cpu *cpu, uint64_t asid);
/* Everything that was walked in an address space that ends. */
void sim_tlb_drop_mm(struct sim_cpu *cpu, const struct quire_mm *mm);
/* Finds a flush whose CPUs are not exactly those in its address space. => no CPU ran since the set was made. */
void sim_tlb_check_set(struct sim *sim, const struct quire_flush *flush);
void sim_tlb_flush(struct sim *sim, const struct quire_flush *flush);
/* As the CPU translates: true and the physical address, or false and what is raised in `walk`. */
bool sim_translate(struct sim_cpu *cpu, uint64_t va, enum quire_access access, enum quire_mode mode,
		   uint64_t *out_pa, struct sim_walk *walk);

/* --- oracle.c --- */
struct sim_place sim_place_now(struct sim_cpu *cpu, const char *what);
/* Compares every cached entry with the tables; what differs newly was changed by `cpu`, by `what`. */
void sim_oracle_scan(struct sim_cpu *cpu, const char *what);
/* A frame gets new contents: entries that name it and that the tables no longer do are dead. */
void sim_oracle_reuse(struct sim_cpu *cpu, const void *page, const char *what);
/* An entry is about to be used for an access. */
void sim_oracle_hit(struct sim_cpu *cpu, struct sim_tlb_entry *entry, uint64_t va, enum quire_access access,
		    enum quire_mode mode);
void sim_oracle_walk_hit(struct sim_cpu *cpu, struct sim_walk_entry *entry, uint64_t va);
/* A new operation: what the one before has stored, it should have flushed. */
void sim_oracle_op(struct sim_cpu *cpu);

/* --- locks.c --- */
void sim_count_fault(struct sim_cpu *cpu, bool major); /* for the CPU's process */
void sim_lock_event(struct sim_cpu *cpu, const void *lock, unsigned rank, enum quire_lock_op op);
void sim_lock_may_sleep(struct sim_cpu *cpu, const char *what);
/* Between operations: no lock held, no window mapped. */
void sim_lock_none(struct sim_cpu *cpu, const char *where);
/* Finds a file that is called with other locks than it may be: PAGE held or not as `page` says, MM only for read
 * and only where `mm`, no other. */
void sim_lock_transfer(struct sim_cpu *cpu, const char *what, bool page, bool mm);
const char *sim_rank_name(unsigned rank);

/* --- run.c --- */
void sim_point_at(struct sim_cpu *cpu, const char *what);
/* Waits, or returns at once when that is allowed. */
void sim_wait(struct sim_cpu *cpu, const uint32_t *word, uint32_t expected, enum quire_wait_kind kind);
void sim_wake(struct sim_cpu *cpu, const uint32_t *word);
/* Ends a scheduled run: does not return when called by a body. */
void sim_give_up(struct sim *sim);

/* --- trap.c --- */
/* Where the kernel goes on after a fault at `pc`; 0: the exception table does not have it. */
quire_va sim_fixup(const struct sim *sim, quire_va pc);

/* --- process.c --- */
/* The process of this CPU was ended by another: leaves it. False: it goes on. */
bool sim_process_gone(struct sim_cpu *cpu);

/* --- store.c --- */
void sim_stores_free(struct sim *sim);

/* --- inject.c --- */
bool sim_may_fail(struct sim *sim, enum quire_resource resource);
uint64_t sim_mix(uint64_t *state);

static inline bool sim_oracle_on(const struct sim *sim)
{
	return !(sim->config.options & SIM_NO_ORACLE) && !sim->free_run;
}

#endif
