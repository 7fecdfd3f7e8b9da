/* SPDX-License-Identifier: MIT */
/* The mm lock: exclusion, waking, downgrade; by real threads (ThreadSanitizer's turn) and by schedules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm/mm.h"
#include "sim.h"

/* The machine's scheduled runs hand one baton from thread to thread: not ThreadSanitizer's subject. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_SCHEDULES
#endif
#endif

#define CPUS   4
#define ROUNDS 3000

/* Written under the lock for write only, read under it: no atomics on purpose. */
struct shared {
	struct quire_mm *mm;
	uint64_t first, second;
	uint64_t writes[CPUS], torn[CPUS], tried[CPUS];
	unsigned rounds;
};

static void look(struct shared *shared, unsigned cpu)
{
	if (shared->first != shared->second)
		shared->torn[cpu]++;
}

static void change(struct shared *shared, unsigned cpu)
{
	shared->first++;
	shared->second++;
	shared->writes[cpu]++;
}

static void body(struct sim_cpu *cpu, void *context)
{
	struct shared *shared = context;
	unsigned me = sim_cpu_number(cpu), token;

	for (unsigned i = 0; i < shared->rounds; i++) {
		switch ((i * 7 + me) % 5) {
		case 0:
			qr_mm_write_lock(shared->mm);
			change(shared, me);
			qr_mm_write_unlock(shared->mm);
			break;
		case 1:
			qr_mm_write_lock(shared->mm);
			change(shared, me);
			token = qr_mm_downgrade(shared->mm);
			look(shared, me);
			qr_mm_read_unlock(shared->mm, token);
			break;
		case 2:
			if (!qr_mm_read_trylock(shared->mm, qr_this_cpu(shared->mm->system)->cpu, &token))
				break;
			shared->tried[me]++;
			look(shared, me);
			qr_mm_read_unlock(shared->mm, token);
			break;
		default:
			token = qr_mm_read_lock(shared->mm);
			look(shared, me);
			sim_point(cpu);
			look(shared, me);
			qr_mm_read_unlock(shared->mm, token);
			break;
		}
	}
}

static void check_result(const struct shared *shared)
{
	uint64_t writes = 0;

	for (unsigned i = 0; i < CPUS; i++) {
		assert_int_equal(shared->torn[i], 0);
		writes += shared->writes[i];
	}
	assert_int_equal(shared->first, writes);
	assert_int_equal(shared->second, writes);
	assert_int_equal(shared->mm->writer, 0);
	for (unsigned i = 0; i < shared->mm->slots; i++)
		assert_int_equal(shared->mm->slot[i].readers, 0);
}

static struct sim *machine(struct shared *shared, unsigned rounds)
{
	const struct sim_config config = {.cpus = CPUS, .ram_bytes = 2 << 20};
	struct sim *sim = sim_create(&config, NULL);

	assert_non_null(sim);
	*shared = (struct shared){.rounds = rounds};
	assert_int_equal(quire_mm_create(sim_system(sim), NULL, &shared->mm), QUIRE_OK);
	assert_int_equal(shared->mm->slots, CPUS);
	return sim;
}

static void test_threads(void **state)
{
	const sim_body bodies[CPUS] = {body, body, body, body};
	struct shared shared;
	struct sim *sim = machine(&shared, ROUNDS);

	(void)state;
	assert_true(sim_run_free(sim, bodies, CPUS, &shared));
	check_result(&shared);
	quire_mm_put(shared.mm);
	assert_int_equal(sim_destroy(sim), 0);
}

/* A writer in, the others at every kind of waiting. */
static struct sim *explored_machine(void *context)
{
	return machine(context, 5);
}

static bool explored_after(struct sim *sim, void *context)
{
	struct shared *shared = context;
	uint64_t torn = 0;

	(void)sim;
	for (unsigned i = 0; i < CPUS; i++)
		torn += shared->torn[i];
	if (torn != 0 || shared->first != shared->second || shared->mm->writer != 0)
		return false;
	quire_mm_put(shared->mm);
	return true;
}

static void test_schedules(void **state)
{
	struct shared shared;
	struct sim_explore what = {
	    .create = explored_machine,
	    .body = {body, body, body},
	    .count = 3,
	    .after = explored_after,
	    .context = &shared,
	    .bound = 2,
	    .limit = 3000,
	};
	struct sim_explored found;

	(void)state;
#ifdef NO_SCHEDULES
	skip();
#endif
	sim_explore(&what, &found);
	if (found.failures)
		print_error("schedule %s fails\n", found.token);
	assert_int_equal(found.failures, 0);
	assert_true(found.schedules > 500);
}

/* A reader writes only its CPU's line. */
static void test_lines(void **state)
{
	struct shared shared;
	struct sim *sim = machine(&shared, 0);
	struct quire_mm *mm = shared.mm;

	(void)state;
	for (unsigned i = 0; i < CPUS; i++) {
		unsigned token;

		sim_use_cpu(sim_cpu(sim, i));
		token = qr_mm_read_lock(mm);
		assert_int_equal(token, i);
		assert_int_equal((uintptr_t)&mm->slot[i] % 64, 0);
		for (unsigned j = 0; j < CPUS; j++)
			assert_int_equal(mm->slot[j].readers, i == j);
		assert_int_equal(mm->writer, 0);
		qr_mm_read_unlock(mm, token);
	}
	sim_use_cpu(sim_cpu(sim, 0));
	quire_mm_put(mm);
	assert_int_equal(sim_destroy(sim), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_schedules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
