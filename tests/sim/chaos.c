/* SPDX-License-Identifier: MIT */
/* Three CPUs do random things to one address space by random plans, each in a region of its own that a
 * small model follows to the byte; the machine watches flushes, locks and frames. A failure prints the
 * seed that repeats it: QUIRE_SEED, QUIRE_RUNS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"

enum {
	CPUS = 3,
	PAGES = 6,
	STEPS = 40,
	RW = QUIRE_PROT_READ | QUIRE_PROT_WRITE
};

#define ARENA ((quire_va)0x20000)

/* What a CPU believes of a page of its region. */
struct belief {
	bool mapped;
	quire_prot prot;
	uint8_t value;
};

struct chaos {
	struct sim *sim;
	struct sim_process *process;
	struct sim_file *file;
	struct sim_store *store;
	quire_va file_va;
	uint64_t seed;
	bool failing;
	struct belief page[CPUS][PAGES];
	uint8_t file_byte[CPUS][PAGES];
	/* How often each page of the file was, or began to be, cut off; and that count when a CPU last saw
	 * it. */
	unsigned cut[PAGES], seen_cut[CPUS][PAGES];
	uint64_t random[CPUS];
	unsigned complaints; /* atomic, as the two below: in a free run the CPUs are parallel */
	char wrong[300];     /* the first complaint */
	unsigned operations, refused;
};

static uint64_t dice(struct chaos *chaos, struct sim_cpu *cpu, uint64_t sides)
{
	return sim_mix(&chaos->random[sim_cpu_number(cpu)]) % sides;
}

static quire_va page_va(const struct chaos *chaos, const struct sim_cpu *cpu, unsigned page)
{
	return ARENA + (quire_va)((sim_cpu_number(cpu) * PAGES + page) * sim_page_bytes(chaos->sim));
}

static void complain(struct chaos *chaos, struct sim_cpu *cpu, const char *what, unsigned page, unsigned got,
		     unsigned want)
{
	if (__atomic_fetch_add(&chaos->complaints, 1, __ATOMIC_ACQ_REL) == 0)
		snprintf(chaos->wrong, sizeof(chaos->wrong), "CPU %u: %s of page %u: %u, expected %u",
			 sim_cpu_number(cpu), what, page, got, want);
}

/* A call's status: what Linux would say, or, while failures are made, that there is no memory. */
static bool done(struct chaos *chaos, struct sim_cpu *cpu, const char *what, unsigned page,
		 enum quire_status status)
{
	if (status == QUIRE_OK)
		return true;
	__atomic_fetch_add(&chaos->refused, 1, __ATOMIC_RELAXED);
	if (status != QUIRE_ENOMEM || !chaos->failing)
		complain(chaos, cpu, what, page, (unsigned)-status, 0);
	return false;
}

/* --- operations ----------------------------------------------------------------------------------- */

static void expect_refusal(struct chaos *chaos, struct sim_cpu *cpu, const struct belief *belief,
			   unsigned page, enum sim_end end)
{
	unsigned code = belief->mapped ? QUIRE_SEGV_ACCERR : QUIRE_SEGV_MAPERR;

	if (end != SIM_SIGNALLED || sim_last(cpu)->signal != QUIRE_SIGSEGV || sim_last(cpu)->code != code)
		complain(chaos, cpu, "a refused access", page, (unsigned)end, SIM_SIGNALLED);
}

static void read_page(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	const struct belief *belief = &chaos->page[sim_cpu_number(cpu)][page];
	uint64_t value = 0;
	enum sim_end end = sim_read(cpu, page_va(chaos, cpu, page) + 5, 1, &value);

	if (!belief->mapped || !(belief->prot & QUIRE_PROT_READ))
		expect_refusal(chaos, cpu, belief, page, end);
	else if (end != SIM_DONE)
		complain(chaos, cpu, "the end of a read", page, (unsigned)end, SIM_DONE);
	else if (value != belief->value)
		complain(chaos, cpu, "a read", page, (unsigned)value, belief->value);
}

static void write_page(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	struct belief *belief = &chaos->page[sim_cpu_number(cpu)][page];
	uint8_t value = (uint8_t)dice(chaos, cpu, 256);
	enum sim_end end = sim_write(cpu, page_va(chaos, cpu, page) + 5, 1, value);

	if (!belief->mapped || !(belief->prot & QUIRE_PROT_WRITE))
		expect_refusal(chaos, cpu, belief, page, end);
	else if (end != SIM_DONE)
		complain(chaos, cpu, "the end of a write", page, (unsigned)end, SIM_DONE);
	else
		belief->value = value;
}

static void copy_page(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	struct belief *belief = &chaos->page[sim_cpu_number(cpu)][page];
	uint8_t value = (uint8_t)dice(chaos, cpu, 256);
	size_t left = sim_copy_to_user(cpu, page_va(chaos, cpu, page) + 5, &value, 1);
	bool may = belief->mapped && (belief->prot & QUIRE_PROT_WRITE);

	if (left == 0 && may)
		belief->value = value;
	else if (left == 0 || (may && !chaos->failing))
		complain(chaos, cpu, "a copy to user", page, (unsigned)left, !may);
}

static void map_page(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	struct quire_mapping how = {.addr = page_va(chaos, cpu, page),
				    .length = sim_page_bytes(chaos->sim),
				    .prot = RW,
				    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED};
	struct belief *belief = &chaos->page[sim_cpu_number(cpu)][page];
	quire_va va;
	enum quire_status status = SIM_OP(cpu, "mmap", quire_mmap(chaos->process->mm, &how, &va));

	if (done(chaos, cpu, "mmap", page, status))
		*belief = (struct belief){true, RW, 0};
	else
		/* Linux too unmaps what is in the way before it finds that there is no memory. */
		belief->mapped = belief->mapped && quire_mincore(chaos->process->mm, how.addr, how.length,
								 &(unsigned char){0}) == QUIRE_OK;
}

static void unmap_page(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	enum quire_status status =
	    SIM_OP(cpu, "munmap",
		   quire_munmap(chaos->process->mm, page_va(chaos, cpu, page), sim_page_bytes(chaos->sim)));

	if (done(chaos, cpu, "munmap", page, status))
		chaos->page[sim_cpu_number(cpu)][page].mapped = false;
}

static void protect_page(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	static const quire_prot prots[] = {QUIRE_PROT_NONE, QUIRE_PROT_READ, RW, RW};
	struct belief *belief = &chaos->page[sim_cpu_number(cpu)][page];
	quire_prot prot = prots[dice(chaos, cpu, 4)];
	enum quire_status status = SIM_OP(
	    cpu, "mprotect",
	    quire_mprotect(chaos->process->mm, page_va(chaos, cpu, page), sim_page_bytes(chaos->sim), prot));

	if (!belief->mapped && status == QUIRE_ENOMEM)
		return;
	if (done(chaos, cpu, "mprotect", page, status))
		belief->prot = prot;
}

static void discard_page(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	struct belief *belief = &chaos->page[sim_cpu_number(cpu)][page];
	enum quire_status status = SIM_OP(cpu, "madvise",
					  quire_madvise(chaos->process->mm, page_va(chaos, cpu, page),
							sim_page_bytes(chaos->sim), QUIRE_MADV_DONTNEED));

	if (!belief->mapped && status == QUIRE_ENOMEM)
		return;
	if (done(chaos, cpu, "madvise", page, status))
		belief->value = 0;
}

/* Onto the next page of the region: what was there is replaced. */
static void move_page(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	struct belief *from = &chaos->page[sim_cpu_number(cpu)][page];
	struct belief *to = &chaos->page[sim_cpu_number(cpu)][(page + 1) % PAGES];
	uint64_t bytes = sim_page_bytes(chaos->sim);
	struct quire_remapping how;
	enum quire_status status;
	quire_va va;

	if (!from->mapped || to->mapped)
		return;
	how = (struct quire_remapping){.old_addr = page_va(chaos, cpu, page),
				       .old_length = bytes,
				       .new_length = bytes,
				       .flags = QUIRE_MREMAP_MAYMOVE | QUIRE_MREMAP_FIXED,
				       .new_addr = page_va(chaos, cpu, (page + 1) % PAGES)};
	status = SIM_OP(cpu, "mremap", quire_mremap(chaos->process->mm, &how, &va));
	if (!done(chaos, cpu, "mremap", page, status))
		return;
	*to = *from;
	from->mapped = false;
}

/* The child sees this CPU's pages as they were, and its writes stay its own. */
static void fork_and_look(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	struct belief *belief = &chaos->page[sim_cpu_number(cpu)][page];
	struct belief before = *belief;
	struct sim_process *child = NULL;

	if (!done(chaos, cpu, "fork", page, sim_process_fork(chaos->process, &child)))
		return;
	write_page(chaos, cpu, page);
	sim_switch(cpu, child);
	for (unsigned i = 0; i < PAGES; i++) {
		struct belief now = chaos->page[sim_cpu_number(cpu)][i];

		if (i == page)
			*belief = before;
		read_page(chaos, cpu, i);
		if (i == page) {
			write_page(chaos, cpu, i);
			*belief = now;
		}
	}
	sim_switch(cpu, chaos->process);
	read_page(chaos, cpu, page);
	sim_process_exit(child);
}

/* CPU 0 alone shortens the file, and makes it as long again. */
static void cut_file(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	uint64_t bytes = sim_page_bytes(chaos->sim);

	if (sim_cpu_number(cpu) != 0)
		return;
	for (unsigned i = page; i < PAGES; i++)
		__atomic_fetch_add(&chaos->cut[i], 1, __ATOMIC_ACQ_REL);
	if (sim_file_truncate(chaos->file, page * bytes) != QUIRE_OK ||
	    sim_file_truncate(chaos->file, PAGES * bytes) != QUIRE_OK)
		complain(chaos, cpu, "truncate", page, 1, 0);
	for (unsigned i = page; i < PAGES; i++)
		__atomic_fetch_add(&chaos->cut[i], 1, __ATOMIC_ACQ_REL);
}

/* A page of a file that all CPUs map; each has a byte of its own in it. Where the page was cut off since
 * this CPU last looked, its byte may be gone, and an access while it is cut off gets SIGBUS. */
static void use_file(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	unsigned number = sim_cpu_number(cpu);
	quire_va va = chaos->file_va + (quire_va)(page * sim_page_bytes(chaos->sim) + 64 * number);
	bool write = dice(chaos, cpu, 2);
	uint64_t value = dice(chaos, cpu, 256);
	enum sim_end end = write ? sim_write(cpu, va, 1, value) : sim_read(cpu, va, 1, &value);
	unsigned cut = __atomic_load_n(&chaos->cut[page], __ATOMIC_ACQUIRE);
	bool sure = cut == chaos->seen_cut[number][page];

	if (end != SIM_DONE) {
		if (!chaos->failing && (sure || sim_last(cpu)->signal != QUIRE_SIGBUS))
			complain(chaos, cpu, "an access to a file", page, sim_last(cpu)->signal, 0);
		return;
	}
	if (!write && value != chaos->file_byte[number][page] && (sure || value != 0))
		complain(chaos, cpu, "a byte of a file", page, (unsigned)value,
			 chaos->file_byte[number][page]);
	/* An odd count: it is being cut off now, and may go yet. */
	chaos->file_byte[number][page] = (uint8_t)value;
	if (cut % 2 == 0)
		chaos->seen_cut[number][page] = cut;
}

static void sync_file(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	enum quire_status status = SIM_OP(cpu, "msync",
					  quire_msync(chaos->process->mm, chaos->file_va,
						      PAGES * sim_page_bytes(chaos->sim), QUIRE_MS_SYNC));

	if (status != QUIRE_EIO || !chaos->failing)
		(void)done(chaos, cpu, "msync", page, status);
}

/* Everybody's pages leave memory, those of this CPU among them: nobody notices. */
static void evict_pages(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	uint64_t bytes = (uint64_t)CPUS * PAGES * sim_page_bytes(chaos->sim), evicted;

	(void)done(chaos, cpu, "evict", page,
		   SIM_OP(cpu, "evict", quire_mm_evict(chaos->process->mm, ARENA, bytes, &evicted)));
}

/* CPU 0 alone detaches the store, and attaches it again. */
static void turn_swap(struct chaos *chaos, struct sim_cpu *cpu, unsigned page)
{
	struct quire_system *system = sim_system(chaos->sim);

	if (sim_cpu_number(cpu) != 0 || page != 0)
		return;
	if (done(chaos, cpu, "swapoff", page,
		 SIM_OP(cpu, "swapoff", quire_swapoff(system, &chaos->store->store))))
		while (!done(chaos, cpu, "swapon", page,
			     SIM_OP(cpu, "swapon", quire_swapon(system, &chaos->store->store, 0))) &&
		       chaos->failing)
			;
}

static void work(struct sim_cpu *cpu, void *context)
{
	static void (*const operations[])(struct chaos *, struct sim_cpu *, unsigned) = {
	    read_page,    write_page, write_page,  copy_page,     map_page,  unmap_page, protect_page,
	    discard_page, move_page,  use_file,    fork_and_look, use_file,  sync_file,  map_page,
	    cut_file,     use_file,   evict_pages, evict_pages,   turn_swap,
	};
	struct chaos *chaos = context;

	sim_switch(cpu, chaos->process);
	for (unsigned i = 0; i < STEPS && !__atomic_load_n(&chaos->complaints, __ATOMIC_RELAXED); i++) {
		unsigned page = (unsigned)dice(chaos, cpu, PAGES);

		__atomic_fetch_add(&chaos->operations, 1, __ATOMIC_RELAXED);
		operations[dice(chaos, cpu, sizeof(operations) / sizeof(operations[0]))](chaos, cpu, page);
	}
}

/* --- runs --------------------------------------------------------------------------------------------- */

static struct sim_process *nobody(void *context, struct sim_process *faulting)
{
	(void)context, (void)faulting;
	return NULL;
}

static bool prepare(struct chaos *chaos)
{
	struct quire_mapping how = {
	    .length = PAGES * sim_page_bytes(chaos->sim), .prot = RW, .flags = QUIRE_MAP_SHARED};

	if (sim_process_create(chaos->sim, NULL, &chaos->process) != QUIRE_OK ||
	    sim_file_create(chaos->sim, how.length, 0, &chaos->file) != QUIRE_OK)
		return false;
	chaos->store = sim_store_create(chaos->sim, 40, chaos->seed & 2 ? QUIRE_STORE_SEEKS : 0);
	if (!chaos->store || quire_swapon(sim_system(chaos->sim), &chaos->store->store, 0) != QUIRE_OK)
		return false;
	how.file = chaos->file->file;
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		chaos->random[cpu] = chaos->seed * CPUS + cpu;
		for (unsigned page = 0; page < PAGES; page++)
			chaos->file_byte[cpu][page] = (uint8_t)page;
	}
	return quire_mmap(chaos->process->mm, &how, &chaos->file_va) == QUIRE_OK;
}

enum way {
	SCHEDULED,
	FAILING,
	PARALLEL
};

/* Returns the operations done; fails the test with what repeats it. */
static unsigned run(const struct sim_config *config, uint64_t seed, enum way way)
{
	static const sim_body bodies[CPUS] = {work, work, work};
	struct sim_plan plan = {.kind = SIM_PLAN_RANDOM, .seed = seed, .one_in = 2 + (unsigned)(seed % 7)};
	struct chaos chaos = {.seed = seed, .failing = way == FAILING};
	const char *why = NULL;
	char kinds[200] = "";
	bool ran;

	chaos.sim = sim_create(config, &why);
	if (!chaos.sim)
		fail_msg("%s: %s", config->arch, why);
	assert_true(prepare(&chaos));
	if (way == FAILING)
		sim_fail_randomly(chaos.sim, 1u << QUIRE_RES_FRAME | 1u << QUIRE_RES_OBJECT, 12);
	ran = way == PARALLEL ? sim_run_free(chaos.sim, bodies, CPUS, &chaos)
			      : sim_run(chaos.sim, bodies, CPUS, &chaos, &plan);
	if (ran) {
		sim_fail(chaos.sim, 0, 0, 0);
		sim_process_exit(chaos.process);
		sim_file_close(chaos.file);
	}
	for (unsigned i = 0; sim_finding_at(chaos.sim, i); i++)
		snprintf(kinds + strlen(kinds), sizeof(kinds) - strlen(kinds), " %s",
			 sim_finding_name(sim_finding_at(chaos.sim, i)->kind));
	if (sim_destroy(chaos.sim) || !ran || chaos.wrong[0])
		fail_msg("%s on %s%s, QUIRE_SEED=%llu: %s%s", config->profile, config->arch,
			 way == FAILING    ? " with failures"
			 : way == PARALLEL ? " in parallel"
					   : "",
			 (unsigned long long)seed, chaos.wrong, kinds);
	return chaos.operations;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *given = getenv(name);

	return given ? strtoull(given, NULL, 0) : otherwise;
}

static void run_many(enum way way)
{
	static const char *const archs[] = {"x86_64", "i386", "arm", "arm64", "riscv64", "toy"};
	uint64_t seed = number("QUIRE_SEED", 1), runs = number("QUIRE_RUNS", 12);
	unsigned operations = 0;

	for (unsigned a = 0; a < sizeof(archs) / sizeof(archs[0]); a++) {
		for (uint64_t n = seed; n < seed + runs; n++) {
			struct sim_config config = {.arch = archs[a],
						    .profile = quire_profile_at((unsigned)(n % 4))->name,
						    .cpus = CPUS,
						    .seed = n,
						    .ram_bytes = 3 << 20,
						    .high_bytes = n & 1 ? 1 << 20 : 0,
						    .tlb_entries = 16u << (n % 3),
						    .mmap_min_addr = 4096,
						    .stack_guard_pages = 1,
						    .oom = nobody};

			/* Before 4.14 the one who finds no frame ends: there a failure is no failure of the
			 * test's. */
			if (way == FAILING)
				config.profile = "linux-6";
			operations += run(&config, n, way);
		}
	}
	print_message("%u operations\n", operations);
}

static void test_chaos(void **state)
{
	(void)state;
	run_many(SCHEDULED);
}

static void test_chaos_with_failures(void **state)
{
	(void)state;
	run_many(FAILING);
}

/* Real threads: nothing repeats, and ThreadSanitizer can look. */
static void test_chaos_in_parallel(void **state)
{
	(void)state;
	run_many(PARALLEL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_chaos),
	    cmocka_unit_test(test_chaos_with_failures),
	    cmocka_unit_test(test_chaos_in_parallel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
