/* SPDX-License-Identifier: MIT */
/* Limits of groups: who pays, what a full group does, and that nobody else notices. */
#include "tests/swap/fixture.h"

#include <string.h>

#include "page/group.h"
#include "reclaim/policy.h"

#define UNLIMITED QUIRE_UNLIMITED

static struct quire_group *group_of(struct sw *sw, struct quire_group *parent, uint64_t max, uint64_t high,
				    uint64_t swap_max)
{
	const struct quire_group_limits limits = {.max = max, .high = high, .swap_max = swap_max};
	struct quire_group_limits got;
	struct quire_group *group;

	assert_int_equal(quire_group_create(sim_system(sw->fx.sim), parent, &group), QUIRE_OK);
	quire_group_limits_set(group, &limits);
	quire_group_limits_get(group, &got);
	assert_memory_equal(&got, &limits, sizeof(got));
	return group;
}

static struct quire_group_counts counts(struct quire_group *group)
{
	struct quire_group_counts counts;

	quire_group_counts_get(group, &counts);
	return counts;
}

static void expect(struct quire_group *group, uint64_t pages, uint64_t swap)
{
	assert_int_equal(counts(group).pages, pages);
	assert_int_equal(counts(group).swap, swap);
}

static uint64_t resident(struct sim_process *process)
{
	struct quire_usage usage;

	quire_mm_usage(process->mm, &usage);
	return usage.rss_anon + usage.rss_file + usage.rss_shmem;
}

static uint64_t swapped(struct sim_process *process)
{
	struct quire_usage usage;

	quire_mm_usage(process->mm, &usage);
	return usage.swap;
}

/* A page is charged to the group and to those above it when it is written first, and not when it is read. */
static void charged_at_fault(void **state)
{
	struct sw sw = sw_open("x86_64", "linux-6", 64, 0, NULL);
	struct quire_group *top = group_of(&sw, NULL, UNLIMITED, UNLIMITED, UNLIMITED);
	struct quire_group *group = group_of(&sw, top, UNLIMITED, UNLIMITED, UNLIMITED);

	(void)state;
	quire_mm_set_group(sw.fx.process->mm, group);
	assert_ptr_equal(quire_mm_group(sw.fx.process->mm), group);
	fx_map(&sw.fx, FX_AT, 90, RW, QUIRE_MAP_PRIVATE, NULL);
	for (unsigned i = 0; i < 90; i++) {
		uint64_t value;

		assert_int_equal(sim_read(sw.fx.cpu, FX_AT + i * sw.fx.page, 1, &value), SIM_DONE);
	}
	expect(group, 0, 0);
	for (unsigned i = 0; i < 80; i++)
		assert_int_equal(sim_write(sw.fx.cpu, FX_AT + i * sw.fx.page, 1, i), SIM_DONE);
	expect(group, 80, 0);
	expect(top, 80, 0);
	sw_check(&sw, "charged");
	assert_int_equal(SIM_OP(sw.fx.cpu, "munmap", quire_munmap(sw.fx.process->mm, FX_AT, 30 * sw.fx.page)),
			 QUIRE_OK);
	expect(group, 50, 0);
	expect(top, 50, 0);
	quire_group_put(group);
	quire_group_put(top);
	sw_check(&sw, "half");
	sw_close(&sw);
}

/* Four times its limit: the group's own pages leave, and those of a neighbour stay, though they are older. */
static void reclaims_inside(void **state)
{
	static const struct quire_policy *const policies[] = {&quire_policy_lru, &quire_policy_gen};

	(void)state;
	for (unsigned p = 0; p < 2; p++) {
		const struct sim_config config = {.policy = policies[p]};
		struct sw sw = sw_open("x86_64", "linux-6", 1024, 0, &config);
		struct quire_group *group = group_of(&sw, NULL, 64, UNLIMITED, UNLIMITED);
		struct sim_process *outside = sw.fx.process, *inside;

		sw_fill(&sw, FX_AT, 90, 7);
		assert_int_equal(sim_process_create(sw.fx.sim, NULL, &inside), QUIRE_OK);
		quire_mm_set_group(inside->mm, group);
		sim_switch(sw.fx.cpu, inside);
		sw.fx.process = inside;
		sw_fill(&sw, FX_AT, 256, 1);
		assert_true(counts(group).pages <= 64);
		assert_true(counts(group).swap >= 192);
		assert_true(counts(group).max > 0);
		assert_int_equal(counts(group).oom, 0);
		sw_check(&sw, policies[p]->name);
		sw_expect(&sw, FX_AT, 256, 1);
		assert_true(resident(inside) <= 64);
		sim_switch(sw.fx.cpu, outside);
		sw.fx.process = outside;
		assert_int_equal(resident(outside), 90);
		assert_int_equal(swapped(outside), 0);
		sw_expect(&sw, FX_AT, 90, 7);
		quire_group_put(group);
		sw_check(&sw, policies[p]->name);
		sw_close(&sw);
	}
}

/* The limit of a group above is the limit: both groups in it pay, and either's pages may leave. */
static void hierarchy(void **state)
{
	struct sw sw = sw_open("x86_64", "linux-6", 1024, 0, NULL);
	struct quire_group *top = group_of(&sw, NULL, 60, UNLIMITED, UNLIMITED);
	struct quire_group *in[2] = {group_of(&sw, top, UNLIMITED, UNLIMITED, UNLIMITED),
				     group_of(&sw, top, 40, UNLIMITED, UNLIMITED)};
	struct sim_process *process[2] = {sw.fx.process, NULL};

	(void)state;
	assert_int_equal(sim_process_create(sw.fx.sim, NULL, &process[1]), QUIRE_OK);
	for (unsigned i = 0; i < 2; i++) {
		quire_mm_set_group(process[i]->mm, in[i]);
		sim_switch(sw.fx.cpu, process[i]);
		sw.fx.process = process[i];
		sw_fill(&sw, FX_AT, 90, 1 + i);
		assert_true(counts(top).pages <= 60);
	}
	assert_true(counts(in[1]).pages <= 40);
	assert_int_equal(counts(in[0]).pages + counts(in[1]).pages, counts(top).pages);
	assert_int_equal(counts(in[0]).swap + counts(in[1]).swap, counts(top).swap);
	assert_true(counts(top).max > 0 && counts(in[1]).max > 0);
	assert_int_equal(counts(in[0]).max, 0);
	for (unsigned i = 0; i < 2; i++) {
		sim_switch(sw.fx.cpu, process[i]);
		sw_expect(&sw, FX_AT, 90, 1 + i);
		quire_group_put(in[i]);
	}
	quire_group_put(top);
	sw_check(&sw, "hierarchy");
	sw_close(&sw);
}

struct oom {
	struct quire_oom_candidate who[2];
	enum quire_status status;
	size_t picked;
	unsigned calls;
};

/* The host's policy: asked once, and the one that faulted ends. */
static struct sim_process *on_oom(void *context, struct sim_process *faulting)
{
	struct oom *oom = context;

	oom->calls++;
	oom->status = quire_group_oom_pick(faulting->mm, oom->who, 2, &oom->picked);
	return faulting;
}

/* Nothing can leave: the fault says which rule, and only the group's own address spaces are picked. */
static void out_of_memory_inside(void **state)
{
	struct oom oom = {.picked = 9};
	const struct sim_config config = {
	    .overcommit = QUIRE_OVERCOMMIT_ALWAYS, .context = &oom, .oom = on_oom};
	struct sw sw = {.fx = fx_open("x86_64", "linux-6", &config)};
	struct quire_system *system = sim_system(sw.fx.sim);
	struct quire_group *group = group_of(&sw, NULL, 20, UNLIMITED, UNLIMITED);
	struct sim_process *inside;
	unsigned i = 0;

	(void)state;
	sw_fill(&sw, FX_AT, 90, 7);
	oom.who[0].mm = sw.fx.process->mm;
	assert_int_equal(sim_process_create(sw.fx.sim, NULL, &inside), QUIRE_OK);
	oom.who[1].mm = inside->mm;
	assert_int_equal(quire_group_oom_pick(inside->mm, oom.who, 2, &oom.picked), QUIRE_EAGAIN);
	quire_mm_set_group(inside->mm, group);
	assert_int_equal(quire_group_oom_pick(inside->mm, oom.who, 2, &oom.picked), QUIRE_EAGAIN);
	sim_switch(sw.fx.cpu, inside);
	sw.fx.process = inside;
	fx_map(&sw.fx, FX_AT, 30, RW, QUIRE_MAP_PRIVATE, NULL);
	while (sim_write(sw.fx.cpu, FX_AT + i * sw.fx.page, 1, i) == SIM_DONE)
		i++;
	assert_int_equal(i, 20);
	assert_int_equal(sim_last(sw.fx.cpu)->end, SIM_KILLED);
	assert_int_equal(quire_counter(system, QUIRE_STEP_GROUP_LIMIT), 1);
	assert_int_equal(quire_counter(system, QUIRE_STEP_OUT_OF_MEMORY), 0);
	assert_int_equal(counts(group).oom, 1);
	/* The other is larger, and outside. */
	assert_int_equal(oom.calls, 1);
	assert_int_equal(oom.status, QUIRE_OK);
	assert_int_equal(oom.picked, 1);
	/* All that ended with it is given back. */
	expect(group, 0, 0);
	quire_group_put(group);
	sw_check(&sw, "out of memory");
	sw_close(&sw);
}

/* A system call meets the limit with an error, and leaves what it had. */
static void calls_meet_the_limit(void **state)
{
	struct fx fx = fx_open("x86_64", "linux-6", NULL);
	struct sw sw = {.fx = fx};
	struct quire_group *group = group_of(&sw, NULL, 20, UNLIMITED, UNLIMITED);
	char buffer[1] = {1};

	(void)state;
	quire_mm_set_group(fx.process->mm, group);
	fx_map(&fx, FX_AT, 30, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(
	    SIM_OP(fx.cpu, "populate",
		   quire_madvise(fx.process->mm, FX_AT, 30 * fx.page, QUIRE_MADV_POPULATE_WRITE)),
	    QUIRE_ENOMEM);
	expect(group, 20, 0);
	assert_int_equal(sim_copy_to_user(fx.cpu, FX_AT + 25 * fx.page, buffer, 1), 1);
	expect(group, 20, 0);
	assert_int_equal(quire_counter(sim_system(fx.sim), QUIRE_STEP_OUT_OF_MEMORY), 0);
	quire_group_put(group);
	sw_check(&sw, "calls");
	sw_close(&sw);
}

/* Above `high` nothing is refused: who takes pages evicts some of the group first. */
static void high(void **state)
{
	struct sw sw = sw_open("x86_64", "linux-6", 1024, 0, NULL);
	struct quire_group *group = group_of(&sw, NULL, UNLIMITED, 100, UNLIMITED);

	(void)state;
	quire_mm_set_group(sw.fx.process->mm, group);
	sw_fill(&sw, FX_AT, 600, 1);
	assert_true(counts(group).high > 2);
	assert_int_equal(counts(group).max, 0);
	assert_true(counts(group).pages <= 100 + 2 * QR_GROUP_BATCH);
	assert_true(counts(group).swap >= 400);
	sw_expect(&sw, FX_AT, 600, 1);
	sw_check(&sw, "high");
	/* Without anything that may leave it goes on above. */
	assert_int_equal(SIM_OP(sw.fx.cpu, "swapoff", quire_swapoff(sim_system(sw.fx.sim), &sw.store->store)),
			 QUIRE_OK);
	assert_int_equal(counts(group).pages, 600);
	assert_int_equal(counts(group).swap, 0);
	assert_int_equal(counts(group).oom, 0);
	quire_group_put(group);
	sw_check(&sw, "above");
	sw_close(&sw);
}

/* Slots beyond swap.max are refused: the page stays, and then the group is out of memory. */
static void swap_max(void **state)
{
	struct sw sw = sw_open("x86_64", "linux-6", 1024, 0, NULL);
	struct quire_group *group = group_of(&sw, NULL, 40, UNLIMITED, 16);
	unsigned i = 0;

	(void)state;
	quire_mm_set_group(sw.fx.process->mm, group);
	fx_map(&sw.fx, FX_AT, 90, RW, QUIRE_MAP_PRIVATE, NULL);
	while (sim_write(sw.fx.cpu, FX_AT + i * sw.fx.page, 1, 1 + i) == SIM_DONE)
		i++;
	/* 40 in memory and 16 in the store; the one that faulted has ended. */
	assert_int_equal(i, 56);
	assert_int_equal(sim_last(sw.fx.cpu)->end, SIM_KILLED);
	assert_true(counts(group).swap_max > 0);
	expect(group, 0, 0);
	quire_group_put(group);
	sw_check(&sw, "empty");
	sw_close(&sw);
}

/* `max` lowered below what is there: nothing happens until pages are evicted for it. */
static void lowered(void **state)
{
	const struct quire_group_limits limits = {.max = 30, .high = UNLIMITED, .swap_max = UNLIMITED};
	struct sw sw = sw_open("x86_64", "linux-6", 1024, 0, NULL);
	struct quire_group *group = group_of(&sw, NULL, UNLIMITED, UNLIMITED, UNLIMITED);

	(void)state;
	quire_mm_set_group(sw.fx.process->mm, group);
	sw_fill(&sw, FX_AT, 80, 1);
	quire_group_limits_set(group, &limits);
	expect(group, 80, 0);
	assert_int_equal(quire_group_reclaim(group, 50), 50);
	expect(group, 30, 50);
	sw_expect(&sw, FX_AT, 80, 1);
	assert_true(counts(group).pages <= 30);
	quire_group_put(group);
	sw_check(&sw, "lowered");
	sw_close(&sw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(charged_at_fault),
	    cmocka_unit_test(reclaims_inside),
	    cmocka_unit_test(hierarchy),
	    cmocka_unit_test(out_of_memory_inside),
	    cmocka_unit_test(calls_meet_the_limit),
	    cmocka_unit_test(high),
	    cmocka_unit_test(swap_max),
	    cmocka_unit_test(lowered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
