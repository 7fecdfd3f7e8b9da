/* SPDX-License-Identifier: MIT */
/* Plans, the number of schedules, deadlock, livelock, the order of locks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"
#include "src/mm/mm.h"

static struct sim *make(unsigned cpus, uint64_t point_limit)
{
	struct sim_config config = {
	    .arch = "toy", .ram_bytes = 1 << 20, .cpus = cpus, .point_limit = point_limit};
	const char *why = NULL;
	struct sim *sim = sim_create(&config, &why);

	if (!sim)
		fail_msg("%s", why);
	return sim;
}

/* --- plans as text --- */

static void test_plan_text(void **state)
{
	static const char *const good[] = {"plain:0", "plain:1", "random:77/4:0", "list:1",
					   "list:0,12>1,40>0"};
	static const char *const bad[] = {
	    "",           "plain:",     "plain:0x",     "list:0,12",
	    "list:0,12>", "random:1:0", "random:1/0:0", "list:0,1>1,2>0,3>1,4>0,5>1,6>0,7>1,8>0,9>1",
	    "plan:0"};
	struct sim_plan plan;
	char text[160];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(sim_plan_parse(good[i], &plan));
		sim_plan_print(&plan, text, sizeof(text));
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (sim_plan_parse(bad[i], &plan))
			fail_msg("\"%s\" was taken for a plan", bad[i]);
}

/* --- how many schedules --- */

/* Bodies that write their letter before each point and after the last. */
struct letters {
	unsigned points[3];
	char trace[32];
	unsigned used;
	char seen[512][32];
	unsigned seen_count;
};

static struct sim *make_letters(void *context)
{
	struct letters *letters = context;

	letters->used = 0;
	memset(letters->trace, 0, sizeof(letters->trace));
	return make(3, 0);
}

static void write_letters(struct sim_cpu *cpu, void *context)
{
	struct letters *letters = context;
	unsigned n = sim_cpu_number(cpu);

	for (unsigned i = 0; i < letters->points[n]; i++) {
		letters->trace[letters->used++] = (char)('A' + n);
		sim_point(cpu);
	}
	letters->trace[letters->used++] = (char)('A' + n);
}

static bool keep_letters(struct sim *sim, void *context)
{
	struct letters *letters = context;

	(void)sim;
	for (unsigned i = 0; i < letters->seen_count; i++)
		if (strcmp(letters->seen[i], letters->trace) == 0)
			return false; /* the same schedule twice */
	if (letters->seen_count == 512)
		return false;
	strcpy(letters->seen[letters->seen_count++], letters->trace);
	return true;
}

static uint64_t explore_letters(unsigned a, unsigned b, unsigned bound)
{
	struct letters letters = {.points = {a, b}};
	struct sim_explore what = {.create = make_letters,
				   .body = {write_letters, write_letters},
				   .count = 2,
				   .after = keep_letters,
				   .context = &letters,
				   .bound = bound};
	struct sim_explored out;

	sim_explore(&what, &out);
	assert_int_equal(out.failures, 0);
	assert_true(out.complete);
	assert_int_equal(out.schedules, letters.seen_count);
	return out.schedules;
}

/* The numbers are those of the interleavings of m+1 and n+1 steps with so many switches away from a body
 * that could go on: counted by hand for the smallest, C(6,3) = 20 and C(7,3) = 35 in all. */
static void test_number_of_schedules(void **state)
{
	(void)state;
	assert_int_equal(explore_letters(1, 1, 0), 2);
	assert_int_equal(explore_letters(1, 1, 1), 4);
	assert_int_equal(explore_letters(1, 1, 2), 6);
	assert_int_equal(explore_letters(2, 2, 0), 2);
	assert_int_equal(explore_letters(2, 2, 1), 6);
	assert_int_equal(explore_letters(2, 2, 2), 14);
	assert_int_equal(explore_letters(2, 2, 3), 18);
	assert_int_equal(explore_letters(2, 2, 4), 20);
	assert_int_equal(explore_letters(3, 2, 2), 19);
	assert_int_equal(explore_letters(3, 2, 3), 28);
	assert_int_equal(explore_letters(3, 2, 5), 35);
	assert_int_equal(explore_letters(0, 0, 3), 2);
}

static void test_three_bodies(void **state)
{
	struct letters letters = {.points = {1, 1, 1}};
	struct sim_explore what = {.create = make_letters,
				   .body = {write_letters, write_letters, write_letters},
				   .count = 3,
				   .after = keep_letters,
				   .context = &letters,
				   .bound = 6};
	struct sim_explored out;

	(void)state;
	sim_explore(&what, &out);
	assert_int_equal(out.failures, 0);
	assert_true(out.complete);
	/* 6! / (2! 2! 2!): every interleaving of three pairs. */
	assert_int_equal(out.schedules, 90);
}

/* --- a race that one preemption shows --- */

struct counter {
	unsigned value;
	unsigned failures;
};

static struct sim *make_counter(void *context)
{
	((struct counter *)context)->value = 0;
	return make(2, 0);
}

static void add_one(struct sim_cpu *cpu, void *context)
{
	struct counter *counter = context;
	unsigned value = counter->value;

	sim_point(cpu);
	counter->value = value + 1;
}

static bool both_added(struct sim *sim, void *context)
{
	struct counter *counter = context;

	(void)sim;
	return counter->value == 2;
}

static void test_lost_update(void **state)
{
	struct counter counter = {0, 0};
	struct sim_explore what = {.create = make_counter,
				   .body = {add_one, add_one},
				   .count = 2,
				   .after = both_added,
				   .context = &counter,
				   .bound = 0};
	struct sim_explored out;
	char token[sizeof(out.token)];

	(void)state;
	sim_explore(&what, &out);
	assert_int_equal(out.failures, 0);
	what.bound = 1;
	what.go_on = true;
	sim_explore(&what, &out);
	assert_int_equal(out.schedules, 4);
	assert_int_equal(out.failures, 2);
	strcpy(token, out.token);
	assert_true(strncmp(token, "list:", 5) == 0);
	what.replay = token;
	sim_explore(&what, &out);
	assert_int_equal(out.schedules, 1);
	assert_int_equal(out.failures, 1);
	assert_string_equal(out.token, token);
}

static void test_random_repeats(void **state)
{
	struct letters one = {.points = {6, 6, 6}}, two = one, other = one;
	sim_body bodies[] = {write_letters, write_letters, write_letters};
	struct sim_plan plan = {.kind = SIM_PLAN_RANDOM, .seed = 5};
	struct sim *sim = make(3, 0);

	(void)state;
	assert_true(sim_run(sim, bodies, 3, &one, &plan));
	assert_true(sim_run(sim, bodies, 3, &two, &plan));
	plan.seed = 6;
	assert_true(sim_run(sim, bodies, 3, &other, &plan));
	assert_string_equal(one.trace, two.trace);
	assert_string_not_equal(one.trace, other.trace);
	assert_int_equal(sim_destroy(sim), 0);
}

static void test_plan_that_does_not_fit(void **state)
{
	struct letters letters = {.points = {1, 1}};
	sim_body bodies[] = {write_letters, write_letters};
	struct sim_plan plan = {.kind = SIM_PLAN_LIST, .count = 1, .preempt = {{1000, 1}}};
	struct sim *sim = make(2, 0);

	(void)state;
	assert_true(sim_run(sim, bodies, 2, &letters, &plan));
	assert_int_equal(sim_finding_count(sim), 1);
	assert_int_equal(sim_finding_at(sim, 0)->kind, SIM_NOT_REPEATABLE);
	sim_findings_clear(sim);
	plan.first = 2;
	assert_false(sim_run(sim, bodies, 2, &letters, &plan));
	assert_int_equal(sim_destroy(sim), 0);
}

/* --- deadlock and livelock --- */

struct two_locks {
	struct qr_lock lock[2];
	unsigned deadlocks;
	bool named;
};

static struct sim *make_locks(void *context)
{
	struct two_locks *locks = context;

	locks->lock[0].word = locks->lock[1].word = 0;
	return make(2, 0);
}

/* Of ranks that may be taken in either order as far as ranks go: by trying, then waiting by hand. */
static void take_crosswise(struct sim_cpu *cpu, void *context)
{
	struct two_locks *locks = context;
	struct sim *sim = sim_of(cpu);
	struct qr_lock *first = &locks->lock[sim_cpu_number(cpu)];
	struct qr_lock *second = &locks->lock[1 - sim_cpu_number(cpu)];

	qr_lock(sim->system, first, QR_RANK_MM);
	while (!qr_trylock(sim->system, second, QR_RANK_MM))
		sim_wait(cpu, &second->word, 1, QUIRE_WAIT_SLEEP);
	qr_unlock(sim->system, second, QR_RANK_MM);
	qr_unlock(sim->system, first, QR_RANK_MM);
}

static bool note_deadlock(struct sim *sim, void *context)
{
	struct two_locks *locks = context;
	const struct sim_finding *finding = sim_finding_at(sim, 0);

	if (!finding)
		return true;
	if (finding->kind == SIM_DEADLOCK) {
		locks->deadlocks++;
		locks->named = strstr(finding->text, "CPU 0") && strstr(finding->text, "CPU 1") &&
			       strstr(finding->text, "MM");
	}
	sim_findings_clear(sim);
	return true;
}

static void test_deadlock(void **state)
{
	struct two_locks locks = {0};
	struct sim_explore what = {.create = make_locks,
				   .body = {take_crosswise, take_crosswise},
				   .count = 2,
				   .after = note_deadlock,
				   .context = &locks,
				   .bound = 0,
				   .go_on = true};
	struct sim_explored out;

	(void)state;
	sim_explore(&what, &out);
	assert_int_equal(locks.deadlocks, 0);
	what.bound = 1;
	sim_explore(&what, &out);
	assert_true(locks.deadlocks > 0);
	assert_int_equal(out.given_up, locks.deadlocks);
	assert_true(locks.named);
}

static void spin_for_ever(struct sim_cpu *cpu, void *context)
{
	(void)context;
	for (;;)
		sim_point(cpu);
}

static void test_livelock(void **state)
{
	sim_body bodies[] = {spin_for_ever, spin_for_ever};
	struct sim *sim = make(2, 1000);

	(void)state;
	assert_false(sim_run(sim, bodies, 2, NULL, NULL));
	assert_int_equal(sim_finding_at(sim, 0)->kind, SIM_LIVELOCK);
	assert_false(sim_run(sim, bodies, 2, NULL, NULL));
	sim_findings_clear(sim);
	assert_int_equal(sim_destroy(sim), 0);
}

/* --- ranks --- */

static struct qr_lock low, high;

static void expect(struct sim *sim, enum sim_finding_kind kind, const char *one, const char *two)
{
	const struct sim_finding *finding = sim_finding_at(sim, 0);

	assert_non_null(finding);
	assert_int_equal(sim_finding_count(sim), 1);
	if (finding->kind != kind || !strstr(finding->text, one) || !strstr(finding->text, two))
		fail_msg("%s: %s", sim_finding_name(finding->kind), finding->text);
	sim_findings_clear(sim);
}

static void test_lock_order(void **state)
{
	struct sim *sim = make(1, 0);

	(void)state;
	qr_lock(sim->system, &low, QR_RANK_MM);
	qr_lock(sim->system, &high, QR_RANK_PT);
	qr_unlock(sim->system, &high, QR_RANK_PT);
	qr_unlock(sim->system, &low, QR_RANK_MM);
	assert_int_equal(sim_finding_count(sim), 0);

	qr_lock(sim->system, &high, QR_RANK_RMAP);
	qr_lock(sim->system, &low, QR_RANK_PT);
	expect(sim, SIM_LOCK_ORDER, "PT ", "RMAP ");
	qr_unlock(sim->system, &low, QR_RANK_PT);
	/* By trying it is allowed. */
	assert_true(qr_trylock(sim->system, &low, QR_RANK_PT));
	assert_int_equal(sim_finding_count(sim), 0);
	sim_lock_may_sleep(sim_current(sim), "sleeps");
	assert_int_equal(sim_finding_count(sim), 2);
	assert_int_equal(sim_finding_at(sim, 0)->kind, SIM_LOCK_SLEEP);
	sim_findings_clear(sim);
	qr_unlock(sim->system, &low, QR_RANK_PT);
	sim_lock_event(sim_current(sim), &high, QR_RANK_RMAP, QUIRE_LOCK_BEFORE);
	expect(sim, SIM_LOCK_AGAIN, "RMAP", "which it holds");
	qr_unlock(sim->system, &high, QR_RANK_RMAP);
	qr_unlock(sim->system, &high, QR_RANK_RMAP);
	expect(sim, SIM_LOCK_AGAIN, "RMAP", "does not hold");

	sim_op_begin(sim_current(sim), "a careless call");
	qr_lock(sim->system, &low, QR_RANK_ZONE);
	(void)sim_op_end(sim_current(sim), QUIRE_OK);
	expect(sim, SIM_LOCK_LEFT, "ZONE", "a careless call");
	qr_lock(sim->system, &high, QR_RANK_PAGE);
	sim_lock_may_sleep(sim_current(sim), "sleeps");
	qr_unlock(sim->system, &high, QR_RANK_PAGE);
	assert_int_equal(sim_finding_count(sim), 0);
	low.word = 0;
	assert_int_equal(sim_destroy(sim), 0);
}

/* What a file may be called with: its page locked or not, the mm lock for read, nothing else. */
static void test_transfer_locks(void **state)
{
	struct sim *sim = make(1, 0);
	struct sim_cpu *cpu = sim_current(sim);
	struct quire_mm *mm;
	unsigned token;

	(void)state;
	assert_int_equal(quire_mm_create(sim->system, NULL, &mm), QUIRE_OK);
	token = qr_mm_read_lock(mm);
	sim_lock_transfer(cpu, "asks", false, true);
	assert_int_equal(sim_finding_count(sim), 0);
	sim_lock_transfer(cpu, "reads", true, true);
	expect(sim, SIM_LOCK_TRANSFER, "reads", "0 pages locked, not 1");
	sim_lock_transfer(cpu, "writes", false, false);
	expect(sim, SIM_LOCK_TRANSFER, "writes", "MM ");
	qr_mm_read_unlock(mm, token);
	qr_mm_write_lock(mm);
	sim_lock_transfer(cpu, "asks", false, true);
	expect(sim, SIM_LOCK_TRANSFER, "asks", "MM ");
	qr_mm_write_unlock(mm);
	qr_lock(sim->system, &high, QR_RANK_PT);
	sim_lock_transfer(cpu, "asks", false, true);
	expect(sim, SIM_LOCK_TRANSFER, "asks", "PT ");
	qr_unlock(sim->system, &high, QR_RANK_PT);
	quire_mm_put(mm);
	assert_int_equal(sim_destroy(sim), 0);
}

/* --- real threads --- */

struct shared {
	struct qr_lock lock;
	unsigned count;
	uint32_t gate;
};

static void add_many(struct sim_cpu *cpu, void *context)
{
	struct shared *shared = context;
	struct sim *sim = sim_of(cpu);

	if (sim_current(sim) != cpu)
		return;
	for (unsigned i = 0; i < 20000; i++) {
		qr_lock(sim->system, &shared->lock, QR_RANK_ZONE);
		shared->count++;
		qr_unlock(sim->system, &shared->lock, QR_RANK_ZONE);
	}
}

static void wait_for_gate(struct sim_cpu *cpu, void *context)
{
	struct shared *shared = context;

	sim_wait_word(cpu, &shared->gate, 0);
	shared->count = 7;
}

static void open_gate(struct sim_cpu *cpu, void *context)
{
	struct shared *shared = context;
	struct sim *sim = sim_of(cpu);

	__atomic_store_n(&shared->gate, 1, __ATOMIC_RELEASE);
	sim->host.wake(sim, &shared->gate);
}

static void test_threads(void **state)
{
	struct shared shared = {{0}, 0, 0};
	sim_body adders[] = {add_many, add_many};
	sim_body gate[] = {wait_for_gate, open_gate};
	struct sim *sim = make(2, 0);

	(void)state;
	assert_true(sim_run_free(sim, adders, 2, &shared));
	assert_int_equal(shared.count, 40000);
	assert_true(sim_run_free(sim, gate, 2, &shared));
	assert_int_equal(shared.count, 7);
	shared.gate = 0;
	assert_true(sim_run(sim, gate, 2, &shared, NULL));
	assert_int_equal(sim_destroy(sim), 0);
}

static void test_bad_machines(void **state)
{
	static const struct sim_config bad[] = {
	    {.arch = "vax"},
	    {.profile = "linux-1.0"},
	    {.cpus = 65},
	    {.tlb_entries = 100},
	    {.tlb_entries = 2},
	    {.ram_bytes = 4096},
	    {.arch = "toy", .ram_bytes = UINT64_C(1) << 33},
	};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why = NULL;
		assert_null(sim_create(&bad[i], &why));
		assert_non_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_plan_text),      cmocka_unit_test(test_number_of_schedules),
	    cmocka_unit_test(test_three_bodies),   cmocka_unit_test(test_lost_update),
	    cmocka_unit_test(test_random_repeats), cmocka_unit_test(test_plan_that_does_not_fit),
	    cmocka_unit_test(test_deadlock),       cmocka_unit_test(test_livelock),
	    cmocka_unit_test(test_lock_order),     cmocka_unit_test(test_transfer_locks),
	    cmocka_unit_test(test_threads),        cmocka_unit_test(test_bad_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
