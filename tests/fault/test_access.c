/* SPDX-License-Identifier: MIT */
/* What a vma forbids: each refusal with its signal, code, address and way. */
#include <quire/copy.h>

#include "fixture.h"

#define READ QUIRE_PROT_READ
#define RW   (QUIRE_PROT_READ | QUIRE_PROT_WRITE)

static void nothing_mapped_is_maperr(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	uint64_t value;

	fx_expect_signal(&fx, sim_read(fx.cpu, FX_AT + 3, 1, &value), QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR,
			 FX_AT + 3);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_NO_VMA), 1);
	assert_int_equal(sim_last(fx.cpu)->trace[0].outcome.rule, QUIRE_STEP_NO_VMA);
	fx_map(&fx, FX_AT + 4 * fx.page, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	fx_expect_signal(&fx, sim_read(fx.cpu, FX_AT + 3, 1, &value), QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR,
			 FX_AT + 3);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_VMA_ABOVE), 1);
	fx_expect_counts(&fx, 0, 0);
	fx_close(&fx);
}

static void write_to_read_only_is_accerr(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	uint64_t value;

	fx_map(&fx, FX_AT, 2, READ, QUIRE_MAP_PRIVATE, NULL);
	/* Nothing there yet, and the zero page there: the same refusal. */
	fx_expect_signal(&fx, sim_write(fx.cpu, FX_AT, 4, 1), QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR, FX_AT);
	assert_int_equal(sim_read(fx.cpu, FX_AT + fx.page, 4, &value), SIM_DONE);
	fx_expect_signal(&fx, sim_write(fx.cpu, FX_AT + fx.page + 4, 4, 1), QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR,
			 FX_AT + fx.page + 4);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_ACCESS_ERROR), 2);
	fx_close(&fx);
}

static void prot_none_is_accerr_and_keeps_its_page(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	uint64_t value;

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 0x55), SIM_DONE);
	assert_int_equal(
	    SIM_OP(fx.cpu, "mprotect", quire_mprotect(fx.process->mm, FX_AT, fx.page, QUIRE_PROT_NONE)),
	    QUIRE_OK);
	fx_expect_signal(&fx, sim_read(fx.cpu, FX_AT, 4, &value), QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR, FX_AT);
	assert_int_equal(SIM_OP(fx.cpu, "mprotect", quire_mprotect(fx.process->mm, FX_AT, fx.page, READ)),
			 QUIRE_OK);
	assert_int_equal(sim_read(fx.cpu, FX_AT, 4, &value), SIM_DONE);
	assert_int_equal(value, 0x55);
	fx_close(&fx);
}

/* Where execution can be forbidden it is; on i386 what may be read may be executed. */
static void exec_of_no_exec(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	const struct quire_arch *arch = sim_arch(fx.sim);

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 0x55), SIM_DONE);
	if (arch->caps & QUIRE_CAP_NX)
		fx_expect_signal(&fx, sim_exec(fx.cpu, FX_AT), QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR, FX_AT);
	else
		assert_int_equal(sim_exec(fx.cpu, FX_AT), SIM_DONE);
	assert_int_equal(SIM_OP(fx.cpu, "mprotect",
				quire_mprotect(fx.process->mm, FX_AT, fx.page, READ | QUIRE_PROT_EXEC)),
			 QUIRE_OK);
	assert_int_equal(sim_exec(fx.cpu, FX_AT), SIM_DONE);
	fx_close(&fx);
}

/* Read, of a page that is absent and of one that is there, by the program and by the kernel. Linux 6.1 on ARM64 and 6.12 on
 * RISC-V were asked. */
static void read_of_execute_only(void **state)
{
	static const struct {
		const char *arch, *profile;
		bool readable;
	} rows[] = {
	    {"arm64", "linux-4.14", false}, {"arm64", "linux-6", true},  {"riscv64", "linux-6", false},
	    {"arm", "linux-6", true},       {"x86_64", "linux-6", true}, {"i386", "linux-2.4", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fx fx = fx_open(rows[i].arch, rows[i].profile, NULL);
		struct quire_mm *mm = fx.process->mm;
		enum quire_status status;
		uint64_t value;
		size_t done;
		char byte = 0;

		fx_map(&fx, FX_AT, 2, RW, QUIRE_MAP_PRIVATE, NULL);
		assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 0x55), SIM_DONE);
		assert_int_equal(
		    SIM_OP(fx.cpu, "mprotect", quire_mprotect(mm, FX_AT, 2 * fx.page, QUIRE_PROT_EXEC)),
		    QUIRE_OK);
		if (rows[i].readable) {
			assert_int_equal(sim_read(fx.cpu, FX_AT, 1, &value), SIM_DONE);
			assert_int_equal(value, 0x55);
			assert_int_equal(sim_read(fx.cpu, FX_AT + fx.page, 1, &value), SIM_DONE);
		} else {
			fx_expect_signal(&fx, sim_read(fx.cpu, FX_AT, 1, &value), QUIRE_SIGSEGV,
					 QUIRE_SEGV_ACCERR, FX_AT);
			fx_expect_signal(&fx, sim_read(fx.cpu, FX_AT + fx.page, 1, &value), QUIRE_SIGSEGV,
					 QUIRE_SEGV_ACCERR, FX_AT + fx.page);
		}
		status = quire_copy_in(mm, &byte, FX_AT, 1, 0, &done);
		assert_int_equal(status, rows[i].readable ? QUIRE_OK : QUIRE_EFAULT);
		assert_int_equal(byte, rows[i].readable ? 0x55 : 0);
		fx_close(&fx);
	}
}

/* x86 learns that a fetch is forbidden only when the page is there: the first fault brings it. */
static void x86_exec_of_an_absent_page_faults_twice(void **state)
{
	struct fx fx = fx_open("x86_64", "linux-6", NULL);

	(void)state;
	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	fx_expect_signal(&fx, sim_exec(fx.cpu, FX_AT), QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR, FX_AT);
	assert_int_equal(sim_last(fx.cpu)->faults, 2);
	fx_expect_counts(&fx, 1, 0);
	fx_close(&fx);
}

/* User mode at a kernel address: no look-up, MAPERR, nothing is synced. */
static void user_access_to_kernel_addresses(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	quire_va kernel = (quire_va)sim_arch(fx.sim)->kernel_start + 0x1000;
	uint64_t value;
	enum sim_end end = sim_read(fx.cpu, kernel, 4, &value);

	assert_string_equal(sim_end_name(end), sim_end_name(SIM_SIGNALLED));
	assert_int_equal(sim_last(fx.cpu)->signal, QUIRE_SIGSEGV);
	assert_int_equal(sim_last(fx.cpu)->code, QUIRE_SEGV_MAPERR);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_FIND_VMA), 0);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_VMALLOC_SYNCED), 0);
	fx_close(&fx);
}

int main(void)
{
	struct CMUnitTest tests[64] = {
	    cmocka_unit_test(x86_exec_of_an_absent_page_faults_twice),
	    cmocka_unit_test(read_of_execute_only),
	};
	size_t count = 1;

	FX_FOR_ARCHES(tests, count, nothing_mapped_is_maperr);
	FX_FOR_ARCHES(tests, count, write_to_read_only_is_accerr);
	FX_FOR_ARCHES(tests, count, prot_none_is_accerr_and_keeps_its_page);
	FX_FOR_ARCHES(tests, count, exec_of_no_exec);
	FX_FOR_ARCHES(tests, count, user_access_to_kernel_addresses);
	return _cmocka_run_group_tests("access", tests, count, NULL, NULL);
}
