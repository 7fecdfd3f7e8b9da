/* SPDX-License-Identifier: MIT */
/* Unhandled codes, and rows of the syndrome tables replaced at run time. */
#include "fixture.h"

/* DDI 0406C B3.13.3: FS 0b01000 is a synchronous external abort, not on a walk. */
static const struct quire_trap external_abort = {
    .vector = QUIRE_VECTOR_DATA_ABORT,
    .mode = QUIRE_MODE_USER,
    .syndrome = 0x008,
    .address = 0x100004,
};

static void unhandled_code_sends_the_rows_signal(void **state)
{
	struct fx fx = fx_open("arm", "linux-2.6", NULL);

	(void)state;
	fx_expect_signal(&fx, sim_raise(fx.cpu, &external_abort), QUIRE_SIGBUS, 0, 0x100004);
	fx_expect_way(&fx, "do_DataAbort do_bad arm_notify_die SIGBUS");
	fx_close(&fx);
}

static void unhandled_code_in_the_kernel_dies(void **state)
{
	struct fx fx = fx_open("arm", "linux-2.6", NULL);
	struct quire_trap trap = external_abort;

	(void)state;
	trap.mode = QUIRE_MODE_KERNEL;
	assert_int_equal(sim_raise(fx.cpu, &trap), SIM_OOPSED);
	fx_expect_way(&fx, "do_DataAbort do_bad arm_notify_die oops");
	fx_close(&fx);
}

/* Section permission: no look-up, straight to the bad area, which says MAPERR whatever the row says. */
static void section_permission_is_a_bad_area(void **state)
{
	struct fx fx = fx_open("arm", "linux-2.6", NULL);
	struct quire_trap trap = external_abort;

	(void)state;
	trap.syndrome = 0x00d;
	fx_expect_signal(&fx, sim_raise(fx.cpu, &trap), QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR, 0x100004);
	fx_expect_way(&fx, "do_DataAbort do_sect_fault do_bad_area __do_user_fault SIGSEGV/MAPERR");
	fx_close(&fx);
}

/* Prefetch aborts have a table of their own. */
static void prefetch_abort_looks_up_and_refuses(void **state)
{
	struct fx fx = fx_open("arm", "linux-2.6", NULL);

	(void)state;
	fx_expect_signal(&fx, sim_exec(fx.cpu, 0x100000), QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR, 0x100000);
	fx_expect_way(&fx, "do_PrefetchAbort do_translation_fault do_page_fault mmap-lock find_vma no-vma "
			   "__do_user_fault SIGSEGV/MAPERR");
	fx_close(&fx);
}

static void hooked_row_decides(void **state)
{
	static const struct quire_fault_row row = {
	    .handler = QUIRE_STEP_DO_BAD,
	    .signal = QUIRE_SIGSEGV,
	    .code = QUIRE_SEGV_MAPERR,
	    .cause = QUIRE_CAUSE_EXTERNAL_ABORT,
	    .level = QUIRE_LEVEL_NONE,
	    .name = "a bus of our own",
	};
	struct fx fx = fx_open("arm", "linux-2.6", NULL);
	struct fx other = fx_open("arm", "linux-2.6", NULL);

	(void)state;
	assert_int_equal(quire_fault_hook(sim_system(fx.sim), QUIRE_VECTOR_DATA_ABORT, 8, &row), QUIRE_OK);
	sim_use_cpu(fx.cpu);
	fx_expect_signal(&fx, sim_raise(fx.cpu, &external_abort), QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR, 0x100004);
	assert_string_equal(sim_last(fx.cpu)->trace[0].fault.name, "a bus of our own");
	/* The other rows of the table, and the other system, are as they were. */
	sim_use_cpu(other.cpu);
	fx_expect_signal(&other, sim_raise(other.cpu, &external_abort), QUIRE_SIGBUS, 0, 0x100004);
	sim_use_cpu(fx.cpu);
	fx_expect_signal(&fx, sim_exec(fx.cpu, 0x100000), QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR, 0x100000);
	fx_close(&other);
	fx_close(&fx);
}

static void hook_refuses_what_no_table_has(void **state)
{
	struct fx fx = fx_open("arm", "linux-2.6", NULL);
	struct quire_fault_row row = {.handler = QUIRE_STEP_DO_BAD, .name = "x"};
	struct quire_system *system = sim_system(fx.sim);

	(void)state;
	assert_int_equal(quire_fault_hook(system, QUIRE_VECTOR_DATA_ABORT, 32, &row), QUIRE_EINVAL);
	assert_int_equal(quire_fault_hook(system, QUIRE_VECTOR_PAGE_FAULT, 0, &row), QUIRE_EINVAL);
	assert_int_equal(quire_fault_hook(system, (enum quire_vector)17, 0, &row), QUIRE_EINVAL);
	assert_int_equal(quire_fault_hook(system, QUIRE_VECTOR_DATA_ABORT, 8, NULL), QUIRE_EINVAL);
	row.handler = QUIRE_STEP_DO_ANONYMOUS_PAGE;
	assert_int_equal(quire_fault_hook(system, QUIRE_VECTOR_DATA_ABORT, 8, &row), QUIRE_EINVAL);
	row.handler = QUIRE_STEP_DO_BAD;
	sim_fail(fx.sim, 1u << QUIRE_RES_FRAME, 1, 1);
	assert_int_equal(quire_fault_hook(system, QUIRE_VECTOR_DATA_ABORT, 8, &row), QUIRE_ENOMEM);
	sim_fail(fx.sim, 0, 0, 0);
	fx_expect_signal(&fx, sim_raise(fx.cpu, &external_abort), QUIRE_SIGBUS, 0, 0x100004);
	fx_close(&fx);
}

/* Raises `code` at FX_AT with nobody looking at the way: plain syndromes are not decoded then. */
static struct quire_outcome raise_plainly(struct fx *fx, uint64_t code, struct quire_trace *trace)
{
	struct quire_trap trap = {
	    .vector = QUIRE_VECTOR_PAGE_FAULT,
	    .mode = QUIRE_MODE_USER,
	    .syndrome = code,
	    .address = FX_AT,
	};

	return quire_handle_trap(sim_system(fx->sim), fx->process->mm, &trap, trace);
}

/* A way that nobody looks at is counted like one that is traced, to the step, and ends alike; and what was
 * counted stays when a row gets another meaning. */
static void plain_syndromes_count_as_traced_ones(void **state)
{
	static const struct quire_fault_row row = {
	    .handler = QUIRE_STEP_DO_PAGE_FAULT,
	    .signal = QUIRE_SIGBUS,
	    .code = QUIRE_BUS_ADRALN,
	    .cause = QUIRE_CAUSE_ALIGNMENT,
	    .level = QUIRE_LEVEL_NONE,
	    .name = "replaced",
	};
	struct fx seen = fx_open("x86_64", "linux-6", NULL), unseen = fx_open("x86_64", "linux-6", NULL);
	struct quire_trace trace;

	(void)state;
	fx_map(&seen, FX_AT, 1, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_MAP_PRIVATE, NULL);
	fx_map(&unseen, FX_AT, 1, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_MAP_PRIVATE, NULL);
	for (unsigned round = 0; round < 2; round++) {
		for (uint64_t code = 0; code < quire_arch_x86_64.plain.codes; code++) {
			struct quire_outcome a = raise_plainly(&seen, code, &trace);
			struct quire_outcome b = raise_plainly(&unseen, code, NULL);

			assert_int_equal(a.kind, b.kind);
			assert_int_equal(a.rule, b.rule);
			assert_int_equal(a.signal, b.signal);
			assert_int_equal(a.code, b.code);
			assert_int_equal(a.va, b.va);
		}
		assert_true(fx_counter(&unseen, QUIRE_STEP_TRAP) ==
			    (round + 1) * quire_arch_x86_64.plain.codes);
		assert_true(fx_counter(&unseen, QUIRE_STEP_MINOR) > 0);
		for (unsigned step = 0; step < QUIRE_STEP_COUNT; step++)
			assert_int_equal(fx_counter(&seen, (enum quire_step)step),
					 fx_counter(&unseen, (enum quire_step)step));
		assert_int_equal(quire_fault_hook(sim_system(seen.sim), QUIRE_VECTOR_PAGE_FAULT, 4, &row),
				 QUIRE_OK);
		assert_int_equal(quire_fault_hook(sim_system(unseen.sim), QUIRE_VECTOR_PAGE_FAULT, 4, &row),
				 QUIRE_OK);
	}
	fx_close(&seen);
	fx_close(&unseen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unhandled_code_sends_the_rows_signal),
	    cmocka_unit_test(unhandled_code_in_the_kernel_dies),
	    cmocka_unit_test(section_permission_is_a_bad_area),
	    cmocka_unit_test(prefetch_abort_looks_up_and_refuses),
	    cmocka_unit_test(hooked_row_decides),
	    cmocka_unit_test(hook_refuses_what_no_table_has),
	    cmocka_unit_test(plain_syndromes_count_as_traced_ones),
	};

	return cmocka_run_group_tests_name("syndrome rows", tests, NULL, NULL);
}
