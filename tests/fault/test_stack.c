/* SPDX-License-Identifier: MIT */
/* The stack rules, each at its boundary and one beyond.
 *
 *      STACK ┌───────────┐        sp stands below the vma; the access is at sp - distance
 *            │ 4 pages   │
 *      START └───────────┘
 *              ...sp                                                                          */
#include "fixture.h"

#define RW          (QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define STACK_FLAGS (QUIRE_MAP_PRIVATE | QUIRE_MAP_GROWSDOWN)

static quire_va start_of(struct fx *fx, quire_va at)
{
	struct quire_region region;

	assert_int_equal(quire_mm_region(fx->process->mm, at, &region), QUIRE_OK);
	return region.start;
}

/* A stack of four pages at `at`, sp in its lowest page's first word or below. */
static struct fx open_stack(const char *arch, const char *profile, quire_va at)
{
	struct fx fx = fx_open(arch, profile, NULL);

	fx_map(&fx, at, 4, RW, STACK_FLAGS, NULL);
	fx.process->sp = at;
	return fx;
}

static void linux_2_4_grows_32_bytes_below_sp(void **state)
{
	const quire_va at = 0x8100000;
	struct fx fx = open_stack("i386", "linux-2.4", at);

	(void)state;
	assert_int_equal(sim_write(fx.cpu, at - 32, 4, 7), SIM_DONE);
	fx_expect_way(&fx,
		      "do_page_fault mmap-lock find_vma expand_stack stack-grown good_area handle_mm_fault "
		      "table-allocated handle_pte_fault do_no_page do_anonymous_page anon-frame minor");
	fx_expect_counts(&fx, 1, 0);
	fx_expect_pte(&fx, 0x067); /* P RW US A D: SDM vol 3A 4.3 */
	assert_int_equal(start_of(&fx, at), at - fx.page);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_STACK_GROWN), 1);
	fx_close(&fx);
}

static void linux_2_4_refuses_33_bytes_below_sp(void **state)
{
	const quire_va at = 0x8100000;
	struct fx fx = open_stack("i386", "linux-2.4", at);

	(void)state;
	fx_expect_signal(&fx, sim_write(fx.cpu, at - 33, 1, 7), QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR, at - 33);
	fx_expect_way(&fx, "do_page_fault mmap-lock find_vma stack-below-sp bad_area SIGSEGV/MAPERR");
	fx_expect_counts(&fx, 0, 0);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_STACK_BELOW_SP), 1);
	assert_int_equal(start_of(&fx, at), at);
	fx_close(&fx);
}

/* The rule binds user accesses only: the kernel that pushes a signal frame may go further down. */
static void linux_2_4_kernel_grows_any_distance(void **state)
{
	const quire_va at = 0x8100000;
	struct fx fx = open_stack("i386", "linux-2.4", at);
	char byte = 1;

	(void)state;
	assert_int_equal(sim_copy_to_user(fx.cpu, at - 4000, &byte, 1), 0);
	fx_expect_way(&fx,
		      "do_page_fault mmap-lock find_vma expand_stack stack-grown good_area handle_mm_fault "
		      "table-allocated handle_pte_fault do_no_page do_anonymous_page anon-frame minor");
	fx_close(&fx);
}

/* 65536 + 32 * sizeof(long): 65664 bytes on 32 bits, 65792 on 64. */
static void linux_2_6_slack(const char *arch, quire_va at, quire_va slack)
{
	struct fx fx = open_stack(arch, "linux-2.6", at);

	assert_int_equal(sim_write(fx.cpu, at - slack, 4, 7), SIM_DONE);
	assert_int_equal(start_of(&fx, at), (at - slack) & ~(fx.page - 1));
	fx_close(&fx);

	fx = open_stack(arch, "linux-2.6", at);
	fx_expect_signal(&fx, sim_write(fx.cpu, at - slack - 1, 1, 7), QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR,
			 at - slack - 1);
	fx_expect_way(&fx, "do_page_fault mmap-lock find_vma stack-below-sp bad_area SIGSEGV/MAPERR");
	fx_close(&fx);
}

static void linux_2_6_slack_on_32_bits_is_65664(void **state)
{
	(void)state;
	linux_2_6_slack("i386", 0x8100000, 65664);
}

static void linux_2_6_slack_on_64_bits_is_65792(void **state)
{
	(void)state;
	linux_2_6_slack("x86_64", 0x7f0000100000, 65792);
}

/* The gap above the mapping below: growth may leave 256 pages, not 255. */
static void guard_gap(const char *arch, const char *profile, quire_va at, unsigned pages_left, bool grows)
{
	struct fx fx = open_stack(arch, profile, at);
	quire_va target = at - fx.page;
	enum sim_end end;

	fx_map(&fx, target - (pages_left + 1) * fx.page, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	end = sim_write(fx.cpu, target + 8, 4, 7);
	if (grows) {
		assert_int_equal(end, SIM_DONE);
		assert_int_equal(start_of(&fx, at), target);
	} else {
		fx_expect_signal(&fx, end, QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR, target + 8);
		assert_int_equal(fx_counter(&fx, QUIRE_STEP_STACK_GUARD), 1);
		assert_int_equal(start_of(&fx, at), at);
	}
	fx_close(&fx);
}

static void guard_gap_of_256_pages_is_enough(void **state)
{
	(void)state;
	guard_gap("arm64", "linux-4.14", 0x7f0000400000, 256, true);
	guard_gap("x86_64", "linux-6", 0x7f0000400000, 256, true);
}

static void guard_gap_of_255_pages_is_not(void **state)
{
	(void)state;
	guard_gap("arm64", "linux-4.14", 0x7f0000400000, 255, false);
	guard_gap("x86_64", "linux-6", 0x7f0000400000, 255, false);
}

/* Before the gap was invented, a stack grows until it touches. */
static void linux_2_6_has_no_guard_gap(void **state)
{
	(void)state;
	guard_gap("x86_64", "linux-2.6", 0x7f0000400000, 0, true);
}

/* A mapping without access, or another stack, needs no gap. */
static void guard_gap_is_for_accessible_mappings(void **state)
{
	const quire_va at = 0x7f0000400000;
	struct fx fx = open_stack("x86_64", "linux-6", at);

	(void)state;
	fx_map(&fx, at - 3 * fx.page, 1, QUIRE_PROT_NONE, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, at - 8, 8, 7), SIM_DONE);
	fx_close(&fx);
}

static void rlimit(enum quire_limit limit, uint64_t pages, enum quire_step step)
{
	const quire_va at = 0x7f0000400000;
	struct fx fx = open_stack("x86_64", "linux-6", at);

	/* Four pages are there; the limit allows `pages`. */
	quire_mm_set_limit(fx.process->mm, limit, pages * fx.page);
	assert_int_equal(sim_write(fx.cpu, at - (pages - 4) * fx.page, 8, 7), SIM_DONE);
	fx_expect_signal(&fx, sim_write(fx.cpu, at - (pages - 4) * fx.page - 8, 8, 7), QUIRE_SIGSEGV,
			 QUIRE_SEGV_MAPERR, at - (pages - 4) * fx.page - 8);
	assert_int_equal(fx_counter(&fx, step), 1);
	assert_int_equal(sim_last(fx.cpu)->trace[0].outcome.rule, step);
	fx_close(&fx);
}

static void rlimit_stack_bounds_growth(void **state)
{
	(void)state;
	rlimit(QUIRE_LIMIT_STACK, 8, QUIRE_STEP_STACK_RLIMIT);
}

static void rlimit_as_bounds_growth(void **state)
{
	(void)state;
	rlimit(QUIRE_LIMIT_AS, 8, QUIRE_STEP_STACK_RLIMIT_AS);
}

static void rlimit_memlock_bounds_growth_of_a_locked_stack(void **state)
{
	const quire_va at = 0x7f0000400000;
	struct fx fx = open_stack("x86_64", "linux-6", at);

	(void)state;
	assert_int_equal(SIM_OP(fx.cpu, "mlock", quire_mlock(fx.process->mm, at, 4 * fx.page, 0)), QUIRE_OK);
	quire_mm_set_limit(fx.process->mm, QUIRE_LIMIT_MEMLOCK, 4 * fx.page);
	fx_expect_signal(&fx, sim_write(fx.cpu, at - 8, 8, 7), QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR, at - 8);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_STACK_MEMLOCK), 1);
	fx_close(&fx);
}

/* total_vm and locked_vm follow the growth. */
static void growth_is_counted(void **state)
{
	const char *arch = *state;
	const quire_va at = FX_AT;
	struct fx fx = open_stack(arch, "linux-6", at);
	struct quire_usage before, after;

	assert_int_equal(SIM_OP(fx.cpu, "mlock", quire_mlock(fx.process->mm, at, 4 * fx.page, 0)), QUIRE_OK);
	quire_mm_usage(fx.process->mm, &before);
	assert_int_equal(sim_write(fx.cpu, at - fx.page - 4, 4, 7), SIM_DONE);
	quire_mm_usage(fx.process->mm, &after);
	assert_int_equal(after.total_vm, before.total_vm + 2);
	assert_int_equal(after.stack_vm, before.stack_vm + 2);
	assert_int_equal(after.locked_vm, before.locked_vm + 2);
	fx_close(&fx);
}

int main(void)
{
	struct CMUnitTest tests[64] = {
	    cmocka_unit_test(linux_2_4_grows_32_bytes_below_sp),
	    cmocka_unit_test(linux_2_4_refuses_33_bytes_below_sp),
	    cmocka_unit_test(linux_2_4_kernel_grows_any_distance),
	    cmocka_unit_test(linux_2_6_slack_on_32_bits_is_65664),
	    cmocka_unit_test(linux_2_6_slack_on_64_bits_is_65792),
	    cmocka_unit_test(guard_gap_of_256_pages_is_enough),
	    cmocka_unit_test(guard_gap_of_255_pages_is_not),
	    cmocka_unit_test(linux_2_6_has_no_guard_gap),
	    cmocka_unit_test(guard_gap_is_for_accessible_mappings),
	    cmocka_unit_test(rlimit_stack_bounds_growth),
	    cmocka_unit_test(rlimit_as_bounds_growth),
	    cmocka_unit_test(rlimit_memlock_bounds_growth_of_a_locked_stack),
	};
	size_t count = 12;

	FX_FOR_ARCHES(tests, count, growth_is_counted);
	return _cmocka_run_group_tests("stack", tests, count, NULL, NULL);
}
