/* SPDX-License-Identifier: MIT */
/* The oracle: a stale entry that is used is reported with both places, and one inside the window of the
 * rule is not. The flushes are lost here, between the library and the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"

enum {
	RW = QUIRE_PROT_READ | QUIRE_PROT_WRITE
};

/* What happens to flushes on their way. The machine's own function follows the switch. */
static void (*real_flush)(void *host, const struct quire_flush *flush);
static enum {
	PASS,
	LOSE,
	NOT_CPU_1,
	KEEP_TABLES
} flush_way;
static unsigned flushes_seen;

static void bent_flush(void *host, const struct quire_flush *flush)
{
	struct quire_flush bent = *flush;

	flushes_seen++;
	if (flush_way == LOSE)
		return;
	if (flush_way == NOT_CPU_1)
		bent.cpus &= ~UINT64_C(2);
	if (flush_way == KEEP_TABLES)
		bent.tables = 0;
	real_flush(host, &bent);
}

struct world {
	struct sim *sim;
	struct sim_cpu *cpu;
	struct sim_process *process;
	quire_va va;
};

static struct world make(const char *arch, unsigned cpus)
{
	struct sim_config config = {.arch = arch, .cpus = cpus, .mmap_min_addr = 4096};
	struct quire_mapping how = {.prot = RW, .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS};
	struct world world;
	const char *why = NULL;

	world.sim = sim_create(&config, &why);
	if (!world.sim)
		fail_msg("%s", why);
	world.cpu = sim_cpu(world.sim, 0);
	real_flush = world.sim->host.tlb_flush;
	world.sim->host.tlb_flush = bent_flush;
	flush_way = PASS;
	flushes_seen = 0;
	assert_int_equal(sim_process_create(world.sim, NULL, &world.process), QUIRE_OK);
	how.length = 4 * sim_page_bytes(world.sim);
	assert_int_equal(SIM_OP(world.cpu, "mmap", quire_mmap(world.process->mm, &how, &world.va)), QUIRE_OK);
	for (unsigned i = cpus; i-- > 0;)
		sim_switch(sim_cpu(world.sim, i), world.process);
	return world;
}

static void expect(struct world *world, enum sim_finding_kind kind, const char *one, const char *two)
{
	const struct sim_finding *finding = sim_finding_at(world->sim, 0);

	if (!finding)
		fail_msg("no finding, expected %s", sim_finding_name(kind));
	if (finding->kind != kind || !strstr(finding->text, one) || !strstr(finding->text, two))
		fail_msg("expected %s with \"%s\" and \"%s\": %s", sim_finding_name(kind), one, two,
			 finding->text);
	sim_findings_clear(world->sim);
}

static enum quire_status protect(struct world *world, quire_prot prot)
{
	return SIM_OP(world->cpu, "mprotect", quire_mprotect(world->process->mm, world->va, 4096, prot));
}

static enum quire_status unmap(struct world *world)
{
	return SIM_OP(world->cpu, "munmap",
		      quire_munmap(world->process->mm, world->va, sim_page_bytes(world->sim)));
}

/* The same on every architecture: rights taken away, and the flush lost. */
static void test_lost_rights(void **state)
{
	(void)state;
	for (unsigned a = 0; quire_arch_at(a); a++) {
		struct world world = make(quire_arch_at(a)->name, 1);
		uint64_t page = sim_page_bytes(world.sim);

		assert_int_equal(sim_write(world.cpu, world.va, 1, 1), SIM_DONE);
		assert_int_equal(sim_write(world.cpu, world.va, 1, 2), SIM_DONE);
		flush_way = LOSE;
		assert_int_equal(SIM_OP(world.cpu, "mprotect",
					quire_mprotect(world.process->mm, world.va, page, QUIRE_PROT_READ)),
				 QUIRE_OK);
		assert_true(flushes_seen > 0);
		assert_int_equal(sim_read(world.cpu, world.va, 1, NULL), SIM_DONE);
		assert_int_equal(sim_finding_count(world.sim), 0);
		assert_int_equal(sim_write(world.cpu, world.va, 1, 3), SIM_DONE);
		expect(&world, SIM_STALE_RIGHTS, "in mprotect", "no flush came");
		sim_tlb_drop(world.cpu);
		assert_int_equal(sim_write(world.cpu, world.va, 1, 3), SIM_SIGNALLED);
		assert_int_equal(sim_finding_count(world.sim), 0);
		flush_way = PASS;
		if (sim_destroy(world.sim))
			fail_msg("%s", quire_arch_at(a)->name);
	}
}

/* The library itself broken: the rule "flush" switched off inside it. */
static void test_mutant(void **state)
{
	(void)state;
	for (unsigned a = 0; quire_arch_at(a); a++) {
		struct world world = make(quire_arch_at(a)->name, 1);

		assert_int_equal(sim_write(world.cpu, world.va, 1, 1), SIM_DONE);
		assert_int_equal(sim_write(world.cpu, world.va, 1, 2), SIM_DONE);
		sim_mutant(world.sim, "tlb-no-flush");
		assert_int_equal(unmap(&world), QUIRE_OK);
		sim_mutant(world.sim, NULL);
		assert_int_equal(sim_read(world.cpu, world.va, 1, NULL), SIM_DONE);
		expect(&world, SIM_STALE_FREED, "in munmap", "its frame was seen free");
		assert_int_equal(sim_destroy(world.sim), 0);
	}
}

static void test_both_places(void **state)
{
	struct world world = make("x86_64", 2);
	struct sim_cpu *other = sim_cpu(world.sim, 1);
	char cached[64];
	uint64_t before;

	(void)state;
	assert_int_equal(sim_write(world.cpu, world.va, 1, 1), SIM_DONE);
	before = world.sim->seq;
	assert_int_equal(sim_write(other, world.va + 5, 1, 2), SIM_DONE);
	assert_true(world.sim->seq > before);
	snprintf(cached, sizeof(cached), "by CPU 1 (write of %#llx)", (unsigned long long)world.va + 5);
	flush_way = NOT_CPU_1;
	assert_int_equal(protect(&world, QUIRE_PROT_READ), QUIRE_OK);
	expect(&world, SIM_FLUSH_SET, "CPU 0 does not flush", "on CPU 1, which is in it");
	assert_int_equal(sim_write(world.cpu, world.va, 1, 3), SIM_SIGNALLED);
	assert_int_equal(sim_finding_count(world.sim), 0);
	assert_int_equal(sim_write(other, world.va, 1, 3), SIM_DONE);
	assert_non_null(strstr(sim_finding_at(world.sim, 0)->text, "by CPU 0 in mprotect"));
	expect(&world, SIM_STALE_RIGHTS, cached, "but not this CPU, returned");
	flush_way = PASS;
	assert_int_equal(sim_destroy(world.sim), 0);
}

static void test_freed_frame(void **state)
{
	struct world world = make("x86_64", 1);

	(void)state;
	assert_int_equal(sim_write(world.cpu, world.va, 1, 1), SIM_DONE);
	flush_way = LOSE;
	assert_int_equal(unmap(&world), QUIRE_OK);
	assert_int_equal(sim_read(world.cpu, world.va, 1, NULL), SIM_DONE);
	expect(&world, SIM_STALE_FREED, "in munmap", "its frame was seen free");
	flush_way = PASS;
	assert_int_equal(sim_destroy(world.sim), 0);
}

/* The frame has gone to another address, which cleared it: no longer free, and still wrong to reach. */
static void test_reused_frame(void **state)
{
	struct world world = make("toy", 1);
	bool reused = false;

	(void)state;
	assert_int_equal(sim_write(world.cpu, world.va, 1, 1), SIM_DONE);
	flush_way = LOSE;
	assert_int_equal(unmap(&world), QUIRE_OK);
	flush_way = PASS;
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(sim_write(world.cpu, world.va + i * 4096, 1, 1), SIM_DONE);
	assert_int_equal(sim_read(world.cpu, world.va, 1, NULL), SIM_DONE);
	reused = sim_finding_at(world.sim, 0) != NULL;
	assert_true(reused);
	expect(&world, SIM_STALE_FREED, "its frame", "before this access");
	assert_int_equal(sim_destroy(world.sim), 0);
}

/* After a copy on write: the frame of before is the child's, and alive. */
static void test_other_frame(void **state)
{
	struct world world = make("x86_64", 2);
	struct sim_cpu *other = sim_cpu(world.sim, 1);
	struct sim_process *child = NULL;
	uint64_t value = 0;

	(void)state;
	assert_int_equal(sim_write(world.cpu, world.va, 1, 1), SIM_DONE);
	assert_int_equal(sim_process_fork(world.process, &child), QUIRE_OK);
	assert_int_equal(sim_read(other, world.va, 1, NULL), SIM_DONE);
	flush_way = NOT_CPU_1;
	assert_int_equal(sim_write(world.cpu, world.va, 1, 2), SIM_DONE);
	flush_way = PASS;
	expect(&world, SIM_FLUSH_SET, "CPU 0 does not flush", "on CPU 1, which is in it");
	assert_int_equal(sim_read(other, world.va, 1, &value), SIM_DONE);
	assert_int_equal(value, 1);
	expect(&world, SIM_STALE_FRAME, "by CPU 0 in a fault", "but not this CPU, returned");
	sim_tlb_drop(other);
	assert_int_equal(sim_read(other, world.va, 1, &value), SIM_DONE);
	assert_int_equal(value, 2);
	assert_int_equal(sim_finding_count(world.sim), 0);
	assert_int_equal(sim_destroy(world.sim), 0);
}

/* A leaf made clean behind a CPU that has it dirty: its next write would be lost to writeback. */
static void test_clean_behind(void **state)
{
	struct world world = make("x86_64", 1);
	struct sim_walk_request request = {.root = {world.cpu->root[0], world.cpu->root[1]},
					   .va = world.va,
					   .access = QUIRE_ACCESS_READ,
					   .flags = SIM_WALK_QUIET};
	struct sim_walk walk;
	uint64_t *entry;

	(void)state;
	assert_int_equal(sim_write(world.cpu, world.va, 1, 1), SIM_DONE);
	world.sim->mmu->walk(world.sim->mmu, &world.sim->bus, &request, &walk);
	entry = sim_bus_at(world.sim, walk.entry_at[0], 8);
	assert_true(*entry & 0x40);
	*entry &= ~UINT64_C(0x40);
	assert_int_equal(sim_read(world.cpu, world.va, 1, NULL), SIM_DONE);
	assert_int_equal(sim_finding_count(world.sim), 0);
	assert_int_equal(sim_write(world.cpu, world.va, 1, 2), SIM_DONE);
	expect(&world, SIM_STALE_DIRTY, "write of", "cached at");
	/* Old is no difference. */
	*entry = (*entry | 0x40) & ~UINT64_C(0x20);
	assert_int_equal(sim_write(world.cpu, world.va, 1, 3), SIM_DONE);
	assert_int_equal(sim_finding_count(world.sim), 0);
	*entry |= 0x20;
	assert_int_equal(sim_destroy(world.sim), 0);
}

/* The table is freed and the walk cache not told: the next walk begins in a frame of somebody else. */
static void test_stale_table(void **state)
{
	struct world world = make("x86_64", 1);
	uint64_t length = 4 * 4096;

	(void)state;
	assert_int_equal(sim_write(world.cpu, world.va, 1, 1), SIM_DONE);
	flush_way = KEEP_TABLES;
	assert_int_equal(SIM_OP(world.cpu, "munmap", quire_munmap(world.process->mm, world.va, length)),
			 QUIRE_OK);
	flush_way = PASS;
	(void)sim_read(world.cpu, world.va, 1, NULL);
	expect(&world, SIM_STALE_TABLE, "in munmap", "the table was seen freed");
	sim_tlb_drop(world.cpu);
	assert_int_equal(sim_read(world.cpu, world.va, 1, NULL), SIM_SIGNALLED);
	assert_int_equal(sim_destroy(world.sim), 0);
}

/* A CPU may keep that nothing was there: without the flush after mapping it faults for ever. */
static void test_kept_absence(void **state)
{
	struct world world = make("riscv64", 1);
	struct sim_counts counts;

	(void)state;
	assert_int_equal(sim_write(world.cpu, world.va, 1, 1), SIM_DONE);
	sim_counts(world.sim, &counts);
	flush_way = LOSE;
	assert_int_equal(sim_write(world.cpu, world.va + 4096, 1, 1), SIM_STUCK);
	expect(&world, SIM_FAULT_LOOP, "faulted 64 times", "0xf");
	flush_way = PASS;
	assert_int_equal(sim_destroy(world.sim), 0);

	world = make("riscv64", 1);
	world.sim->config.options |= SIM_NO_NEGATIVE;
	flush_way = LOSE;
	assert_int_equal(sim_write(world.cpu, world.va, 1, 1), SIM_DONE);
	flush_way = PASS;
	assert_int_equal(sim_destroy(world.sim), 0);
}

/* --- every schedule of one CPU that unmaps and one that reads: stale hits happen, none is wrong --- */

struct race {
	struct world world;
	const char *arch;
	bool lose;
	uint64_t stale_legal;
	unsigned signalled, read, wrong;
};

static struct sim *make_race(void *context)
{
	struct race *race = context;

	race->world = make(race->arch, 2);
	assert_int_equal(sim_write(race->world.cpu, race->world.va, 1, 7), SIM_DONE);
	assert_int_equal(sim_read(sim_cpu(race->world.sim, 1), race->world.va, 1, NULL), SIM_DONE);
	flush_way = race->lose ? NOT_CPU_1 : PASS;
	return race->world.sim;
}

/* Bodies run on threads of their own, where cmocka's assertions cannot be used. */
static void unmap_it(struct sim_cpu *cpu, void *context)
{
	struct race *race = context;

	if (SIM_OP(cpu, "munmap",
		   quire_munmap(race->world.process->mm, race->world.va, sim_page_bytes(race->world.sim))) !=
	    QUIRE_OK)
		race->wrong++;
}

static void read_it(struct sim_cpu *cpu, void *context)
{
	struct race *race = context;
	uint64_t value = 0;

	if (sim_read(cpu, race->world.va, 1, &value) == SIM_DONE) {
		race->read++;
		race->wrong += value != 7;
	} else {
		race->signalled++;
		race->wrong += sim_last(cpu)->code != QUIRE_SEGV_MAPERR;
	}
}

static bool sum_up(struct sim *sim, void *context)
{
	struct race *race = context;
	struct sim_counts counts;

	sim_counts(sim, &counts);
	race->stale_legal += counts.stale_legal;
	flush_way = PASS;
	return race->wrong == 0;
}

static void test_every_schedule(void **state)
{
	static const char *const archs[] = {"x86_64", "arm", "arm64", "riscv64", "toy"};

	(void)state;
	for (unsigned a = 0; a < sizeof(archs) / sizeof(archs[0]); a++) {
		struct race race = {.arch = archs[a]};
		struct sim_explore what = {.create = make_race,
					   .body = {unmap_it, read_it},
					   .count = 2,
					   .after = sum_up,
					   .context = &race,
					   .bound = 2};
		struct sim_explored out;

		sim_explore(&what, &out);
		if (out.failures || !out.complete)
			fail_msg("%s: %s", archs[a], out.token);
		assert_true(race.stale_legal > 0);
		assert_true(race.signalled > 0);
		assert_true(race.read > 0);
		print_message("%s: %u schedules, %u stale hits within the rule\n", archs[a],
			      (unsigned)out.schedules, (unsigned)race.stale_legal);
	}
}

static void test_every_schedule_sees_the_loss(void **state)
{
	struct race race = {.arch = "x86_64", .lose = true};
	struct sim_explore what = {.create = make_race,
				   .body = {unmap_it, read_it},
				   .count = 2,
				   .after = sum_up,
				   .context = &race,
				   .bound = 0};
	struct sim_explored out;

	(void)state;
	sim_explore(&what, &out);
	assert_int_equal(out.failures, 1);
}

/* --- address spaces left and entered again --- */

static void test_left_spaces(void **state)
{
	struct world world = make("x86_64", 2);
	struct sim_cpu *other = sim_cpu(world.sim, 1);
	struct sim_counts before, after;

	(void)state;
	assert_int_equal(sim_write(world.cpu, world.va, 1, 1), SIM_DONE);
	assert_int_equal(sim_write(other, world.va, 1, 2), SIM_DONE);
	/* Left and entered again, nothing flushed: the translation is still good. */
	sim_switch(other, NULL);
	sim_switch(other, world.process);
	sim_counts(world.sim, &before);
	assert_int_equal(sim_write(other, world.va, 1, 2), SIM_DONE);
	sim_counts(world.sim, &after);
	assert_int_equal(after.tlb_hits, before.tlb_hits + 1);
	/* Flushed while it was away: forgotten at the next entry. */
	sim_switch(other, NULL);
	assert_int_equal(protect(&world, QUIRE_PROT_READ), QUIRE_OK);
	sim_switch(other, world.process);
	assert_int_equal(sim_write(other, world.va, 1, 3), SIM_SIGNALLED);
	assert_int_equal(sim_finding_count(world.sim), 0);
	assert_int_equal(sim_destroy(world.sim), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lost_rights),
	    cmocka_unit_test(test_both_places),
	    cmocka_unit_test(test_mutant),
	    cmocka_unit_test(test_freed_frame),
	    cmocka_unit_test(test_reused_frame),
	    cmocka_unit_test(test_other_frame),
	    cmocka_unit_test(test_clean_behind),
	    cmocka_unit_test(test_stale_table),
	    cmocka_unit_test(test_kept_absence),
	    cmocka_unit_test(test_every_schedule),
	    cmocka_unit_test(test_every_schedule_sees_the_loss),
	    cmocka_unit_test(test_left_spaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
