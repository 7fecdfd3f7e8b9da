/* SPDX-License-Identifier: MIT */
/* Real threads in parallel: what ThreadSanitizer and the scaling measurement run. Four CPUs map, fault,
 * protect, fork and unmap in one address space; every byte is checked, and every frame comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "machine.h"

enum {
	CPUS = 4,
	ROUNDS = 60,
	PAGES = 8,
	RW = QUIRE_PROT_READ | QUIRE_PROT_WRITE
};

struct shared {
	struct sim_process *process;
	struct sim_file *file;
	unsigned wrong; /* atomic: cmocka's assertions are for the main thread */
};

static void check(struct shared *shared, bool right)
{
	if (!right)
		__atomic_add_fetch(&shared->wrong, 1, __ATOMIC_RELAXED);
}

static quire_va map(struct sim_cpu *cpu, struct shared *shared, struct quire_file *file)
{
	struct quire_mapping how = {.length = PAGES * sim_page_bytes(sim_of(cpu)),
				    .prot = RW,
				    .flags =
					file ? QUIRE_MAP_SHARED : QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS,
				    .file = file};
	quire_va va = 0;

	check(shared, SIM_OP(cpu, "mmap", quire_mmap(shared->process->mm, &how, &va)) == QUIRE_OK);
	return va;
}

static void work(struct sim_cpu *cpu, void *context)
{
	struct shared *shared = context;
	struct quire_mm *mm = shared->process->mm;
	uint64_t page = sim_page_bytes(sim_of(cpu));
	unsigned tag = sim_cpu_number(cpu) + 1;

	sim_switch(cpu, shared->process);
	for (unsigned round = 0; round < ROUNDS; round++) {
		quire_va va = map(cpu, shared, NULL);
		uint64_t value = 0;

		for (unsigned i = 0; i < PAGES; i++)
			check(shared, sim_write(cpu, va + i * page, 8, tag << 16 | i) == SIM_DONE);
		for (unsigned i = 0; i < PAGES; i++)
			check(shared, sim_read(cpu, va + i * page, 8, &value) == SIM_DONE &&
					  value == (tag << 16 | i));
		check(shared,
		      SIM_OP(cpu, "mprotect", quire_mprotect(mm, va, page, QUIRE_PROT_READ)) == QUIRE_OK);
		check(shared, sim_write(cpu, va, 1, 1) == SIM_SIGNALLED);
		check(shared, SIM_OP(cpu, "madvise",
				     quire_madvise(mm, va + page, page, QUIRE_MADV_DONTNEED)) == QUIRE_OK);
		check(shared, sim_read(cpu, va + page, 8, &value) == SIM_DONE && value == 0);
		check(shared, SIM_OP(cpu, "munmap", quire_munmap(mm, va, PAGES * page)) == QUIRE_OK);
	}
	sim_switch(cpu, NULL);
}

/* Forks the address space in which the others work, and sees its own page as it was. */
static void fork_work(struct sim_cpu *cpu, void *context)
{
	struct shared *shared = context;
	uint64_t page = sim_page_bytes(sim_of(cpu));
	quire_va va, file_va;
	uint64_t value = 0;

	sim_switch(cpu, shared->process);
	va = map(cpu, shared, NULL);
	file_va = map(cpu, shared, shared->file->file);
	for (unsigned round = 0; round < ROUNDS / 3; round++) {
		struct sim_process *child = NULL;

		check(shared, sim_write(cpu, va, 8, round) == SIM_DONE);
		check(shared, sim_write(cpu, file_va + (round % PAGES) * page, 1, round) == SIM_DONE);
		check(shared, sim_process_fork(shared->process, &child) == QUIRE_OK);
		if (!child)
			break;
		check(shared, sim_write(cpu, va, 8, 1000 + round) == SIM_DONE);
		sim_switch(cpu, child);
		check(shared, sim_read(cpu, va, 8, &value) == SIM_DONE && value == round);
		check(shared, sim_write(cpu, va, 8, 2000 + round) == SIM_DONE);
		sim_switch(cpu, shared->process);
		check(shared, sim_read(cpu, va, 8, &value) == SIM_DONE && value == 1000 + round);
		sim_process_exit(child);
	}
	sim_switch(cpu, NULL);
}

static void run(const char *arch)
{
	static const sim_body bodies[CPUS] = {fork_work, work, work, work};
	struct sim_config config = {.arch = arch, .cpus = CPUS, .ram_bytes = 16 << 20};
	struct shared shared = {NULL, NULL, 0};
	const char *why = NULL;
	struct sim *sim = sim_create(&config, &why);
	struct sim_counts counts;

	if (!sim)
		fail_msg("%s: %s", arch, why);
	assert_int_equal(sim_process_create(sim, NULL, &shared.process), QUIRE_OK);
	assert_int_equal(sim_file_create(sim, PAGES * sim_page_bytes(sim), 1, &shared.file), QUIRE_OK);
	assert_true(sim_run_free(sim, bodies, CPUS, &shared));
	assert_int_equal(shared.wrong, 0);
	sim_counts(sim, &counts);
	assert_true(counts.faults > ROUNDS * PAGES * 3);
	assert_int_equal(counts.points, 0);
	sim_process_exit(shared.process);
	sim_file_close(shared.file);
	assert_int_equal(sim_destroy(sim), 0);
}

static void test_x86_64(void **state)
{
	(void)state;
	run("x86_64");
}

static void test_arm64(void **state)
{
	(void)state;
	run("arm64");
}

static void test_riscv64(void **state)
{
	(void)state;
	run("riscv64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_x86_64),
	    cmocka_unit_test(test_arm64),
	    cmocka_unit_test(test_riscv64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
