/* SPDX-License-Identifier: MIT */
/* RISC-V scause 0 to 23 and beyond, against literals typed from the privileged specification, "Supervisor
 * cause register values after trap"; and the toy's register, all its values. */
#include "tables.h"

#define USER_ADDRESS   UINT64_C(0x10000)
#define KERNEL_ADDRESS UINT64_C(0xffffffd600001000)

static const struct {
	enum quire_cause cause;
	enum quire_access access;
	enum quire_step handler;
	enum quire_route route;
	unsigned signal, si_code;
	const char *name;
} causes[24] = {
    {QUIRE_CAUSE_MISALIGNED_FETCH, QUIRE_ACCESS_EXEC, QUIRE_STEP_DO_TRAP_MISALIGNED, QUIRE_ROUTE_UNHANDLED, 7,
     1, "instruction address misaligned"},
    {QUIRE_CAUSE_ACCESS_FAULT, QUIRE_ACCESS_EXEC, QUIRE_STEP_DO_TRAP_ACCESS_FAULT, QUIRE_ROUTE_UNHANDLED, 11,
     2, "instruction access fault"},
    {QUIRE_CAUSE_NOT_A_FAULT, QUIRE_ACCESS_UNKNOWN, QUIRE_STEP_TRAP, QUIRE_ROUTE_IGNORE, 4, 1,
     "illegal instruction"},
    {QUIRE_CAUSE_DEBUG, QUIRE_ACCESS_UNKNOWN, QUIRE_STEP_DO_DEBUG, QUIRE_ROUTE_IGNORE, 5, 1, "breakpoint"},
    {QUIRE_CAUSE_ALIGNMENT, QUIRE_ACCESS_READ, QUIRE_STEP_DO_TRAP_MISALIGNED, QUIRE_ROUTE_UNHANDLED, 7, 1,
     "load address misaligned"},
    {QUIRE_CAUSE_ACCESS_FAULT, QUIRE_ACCESS_READ, QUIRE_STEP_DO_TRAP_ACCESS_FAULT, QUIRE_ROUTE_UNHANDLED, 11,
     2, "load access fault"},
    {QUIRE_CAUSE_ALIGNMENT, QUIRE_ACCESS_WRITE, QUIRE_STEP_DO_TRAP_MISALIGNED, QUIRE_ROUTE_UNHANDLED, 7, 1,
     "store (or AMO) address misaligned"},
    {QUIRE_CAUSE_ACCESS_FAULT, QUIRE_ACCESS_WRITE, QUIRE_STEP_DO_TRAP_ACCESS_FAULT, QUIRE_ROUTE_UNHANDLED, 11,
     2, "store (or AMO) access fault"},
    {QUIRE_CAUSE_NOT_A_FAULT, QUIRE_ACCESS_UNKNOWN, QUIRE_STEP_TRAP, QUIRE_ROUTE_IGNORE, 0, 0,
     "environment call from U-mode"},
    {QUIRE_CAUSE_NOT_A_FAULT, QUIRE_ACCESS_UNKNOWN, QUIRE_STEP_TRAP, QUIRE_ROUTE_IGNORE, 4, 4,
     "environment call from S-mode"},
    {QUIRE_CAUSE_NOT_A_FAULT, QUIRE_ACCESS_UNKNOWN, QUIRE_STEP_TRAP, QUIRE_ROUTE_IGNORE, 4, 4,
     "environment call from VS-mode"},
    {QUIRE_CAUSE_NOT_A_FAULT, QUIRE_ACCESS_UNKNOWN, QUIRE_STEP_TRAP, QUIRE_ROUTE_IGNORE, 4, 4,
     "environment call from M-mode"},
    {QUIRE_CAUSE_PAGE_FAULT, QUIRE_ACCESS_EXEC, QUIRE_STEP_DO_PAGE_FAULT, QUIRE_ROUTE_PAGE_FAULT, 11, 1,
     "instruction page fault"},
    {QUIRE_CAUSE_PAGE_FAULT, QUIRE_ACCESS_READ, QUIRE_STEP_DO_PAGE_FAULT, QUIRE_ROUTE_PAGE_FAULT, 11, 1,
     "load page fault"},
    {QUIRE_CAUSE_RESERVED, QUIRE_ACCESS_UNKNOWN, QUIRE_STEP_DO_TRAP_UNKNOWN, QUIRE_ROUTE_UNHANDLED, 4, 4,
     "reserved cause 14"},
    {QUIRE_CAUSE_PAGE_FAULT, QUIRE_ACCESS_WRITE, QUIRE_STEP_DO_PAGE_FAULT, QUIRE_ROUTE_PAGE_FAULT, 11, 1,
     "store (or AMO) page fault"},
    {QUIRE_CAUSE_NOT_A_FAULT, QUIRE_ACCESS_UNKNOWN, QUIRE_STEP_DO_TRAP_UNKNOWN, QUIRE_ROUTE_UNHANDLED, 4, 4,
     "double trap"},
    {QUIRE_CAUSE_RESERVED, QUIRE_ACCESS_UNKNOWN, QUIRE_STEP_DO_TRAP_UNKNOWN, QUIRE_ROUTE_UNHANDLED, 4, 4,
     "reserved cause 17"},
    {QUIRE_CAUSE_NOT_A_FAULT, QUIRE_ACCESS_UNKNOWN, QUIRE_STEP_DO_TRAP_UNKNOWN, QUIRE_ROUTE_UNHANDLED, 4, 4,
     "software check"},
    {QUIRE_CAUSE_PARITY, QUIRE_ACCESS_UNKNOWN, QUIRE_STEP_DO_TRAP_UNKNOWN, QUIRE_ROUTE_UNHANDLED, 4, 4,
     "hardware error"},
    {QUIRE_CAUSE_PAGE_FAULT, QUIRE_ACCESS_EXEC, QUIRE_STEP_DO_TRAP_UNKNOWN, QUIRE_ROUTE_UNHANDLED, 4, 4,
     "instruction guest-page fault"},
    {QUIRE_CAUSE_PAGE_FAULT, QUIRE_ACCESS_READ, QUIRE_STEP_DO_TRAP_UNKNOWN, QUIRE_ROUTE_UNHANDLED, 4, 4,
     "load guest-page fault"},
    {QUIRE_CAUSE_NOT_A_FAULT, QUIRE_ACCESS_UNKNOWN, QUIRE_STEP_DO_TRAP_UNKNOWN, QUIRE_ROUTE_UNHANDLED, 4, 4,
     "virtual instruction"},
    {QUIRE_CAUSE_PAGE_FAULT, QUIRE_ACCESS_WRITE, QUIRE_STEP_DO_TRAP_UNKNOWN, QUIRE_ROUTE_UNHANDLED, 4, 4,
     "store (or AMO) guest-page fault"},
};

static struct quire_fault riscv(uint64_t cause, uint64_t address, enum quire_mode mode)
{
	return decode("riscv64", "linux-6", QUIRE_VECTOR_CAUSE, cause, address, mode);
}

static void every_cause(void **state)
{
	const struct quire_arch *arch = quire_arch_find("riscv64");
	const struct quire_fault_row *rows;
	unsigned count;

	rows = arch->rows(arch, profile("linux-6"), QUIRE_VECTOR_CAUSE, &count);
	assert_int_equal(count, 24);
	for (unsigned i = 0; i < 24; i++) {
		struct quire_fault fault = riscv(i, USER_ADDRESS, QUIRE_MODE_USER);

		assert_int_equal(fault.cause, causes[i].cause);
		assert_int_equal(fault.access, causes[i].access);
		assert_int_equal(fault.route, causes[i].route);
		assert_int_equal(fault.mode, QUIRE_MODE_USER);
		assert_int_equal(fault.level, QUIRE_LEVEL_NONE);
		assert_int_equal(rows[i].handler, causes[i].handler);
		assert_int_equal(rows[i].signal, causes[i].signal);
		assert_int_equal(rows[i].code, causes[i].si_code);
		assert_string_equal(fault.name, causes[i].name);
	}
}

static void beyond_the_table(void **state)
{
	assert_int_equal(riscv(24, USER_ADDRESS, QUIRE_MODE_USER).cause, QUIRE_CAUSE_IMPLEMENTATION);
	assert_int_equal(riscv(31, USER_ADDRESS, QUIRE_MODE_USER).cause, QUIRE_CAUSE_IMPLEMENTATION);
	assert_int_equal(riscv(32, USER_ADDRESS, QUIRE_MODE_USER).cause, QUIRE_CAUSE_RESERVED);
	assert_int_equal(riscv(47, USER_ADDRESS, QUIRE_MODE_USER).cause, QUIRE_CAUSE_RESERVED);
	assert_int_equal(riscv(48, USER_ADDRESS, QUIRE_MODE_USER).cause, QUIRE_CAUSE_IMPLEMENTATION);
	assert_int_equal(riscv(64, USER_ADDRESS, QUIRE_MODE_USER).cause, QUIRE_CAUSE_RESERVED);
	assert_int_equal(riscv(UINT64_C(0x7fffffffffffffff), USER_ADDRESS, QUIRE_MODE_USER).cause,
			 QUIRE_CAUSE_RESERVED);
	/* interrupts: the top bit */
	assert_int_equal(riscv(UINT64_C(0x8000000000000005), USER_ADDRESS, QUIRE_MODE_USER).cause,
			 QUIRE_CAUSE_NOT_A_FAULT);
	assert_int_equal(riscv(UINT64_C(0x8000000000000005), USER_ADDRESS, QUIRE_MODE_USER).route,
			 QUIRE_ROUTE_IGNORE);
}

static void kernel_addresses(void **state)
{
	struct quire_fault fault = riscv(13, KERNEL_ADDRESS, QUIRE_MODE_KERNEL);

	assert_int_equal(fault.route, QUIRE_ROUTE_KERNEL_SYNC);
	fault = riscv(13, KERNEL_ADDRESS, QUIRE_MODE_USER);
	assert_int_equal(fault.route, QUIRE_ROUTE_BAD_AREA);
	assert_int_equal(fault.code, QUIRE_SEGV_MAPERR);
	/* neither a user's nor the kernel's */
	fault = riscv(13, UINT64_C(0x0000800000000000), QUIRE_MODE_KERNEL);
	assert_int_equal(fault.route, QUIRE_ROUTE_BAD_AREA);
	assert_int_equal(fault.signal, QUIRE_SIGSEGV);
	assert_int_equal(fault.code, QUIRE_SEGV_MAPERR);
	fault = riscv(13, KERNEL_ADDRESS, QUIRE_MODE_KERNEL);
	assert_int_equal(fault.signal, QUIRE_SIGSEGV);
	assert_int_equal(fault.code, QUIRE_SEGV_MAPERR);
	/* a cause beyond the table is a program's SIGILL */
	fault = riscv(24, USER_ADDRESS, QUIRE_MODE_USER);
	assert_int_equal(fault.signal, QUIRE_SIGILL);
	assert_int_equal(fault.steps[0], QUIRE_STEP_DO_TRAP_UNKNOWN);
}

static void every_toy_cause(void **state)
{
	static const enum quire_access access[] = {QUIRE_ACCESS_READ, QUIRE_ACCESS_WRITE, QUIRE_ACCESS_EXEC,
						   QUIRE_ACCESS_UNKNOWN};

	for (unsigned value = 0; value < 64; value++) {
		struct quire_fault fault =
		    decode("toy", "linux-6", QUIRE_VECTOR_CAUSE, value, 0x3000, QUIRE_MODE_UNKNOWN);

		assert_int_equal(fault.access, access[value & 3]);
		assert_int_equal(fault.present, value >> 2 & 1);
		assert_int_equal(fault.cause, value & 4 ? QUIRE_CAUSE_PERMISSION : QUIRE_CAUSE_NOT_PRESENT);
		assert_int_equal(fault.mode, value & 8 ? QUIRE_MODE_USER : QUIRE_MODE_KERNEL);
		assert_int_equal(fault.level, value >> 4 == 3 ? QUIRE_LEVEL_NONE : (int)(value >> 4));
		assert_int_equal(fault.route, QUIRE_ROUTE_PAGE_FAULT);
		assert_int_equal(fault.signal, QUIRE_SIGSEGV);
		assert_int_equal(fault.code, value & 4 ? QUIRE_SEGV_ACCERR : QUIRE_SEGV_MAPERR);
		assert_int_equal(fault.steps_count, 1);
		assert_int_equal(fault.steps[0], QUIRE_STEP_DO_PAGE_FAULT);
	}
	assert_int_equal(decode("toy", "linux-6", QUIRE_VECTOR_CAUSE, 4, 0x180000, QUIRE_MODE_UNKNOWN).signal,
			 QUIRE_SIGSEGV);
	assert_int_equal(decode("toy", "linux-6", QUIRE_VECTOR_CAUSE, 4, 0x180000, QUIRE_MODE_UNKNOWN).code,
			 QUIRE_SEGV_MAPERR);
	assert_int_equal(decode("toy", "linux-6", QUIRE_VECTOR_CAUSE, 0, 0x180000, QUIRE_MODE_UNKNOWN).route,
			 QUIRE_ROUTE_KERNEL_SYNC);
	assert_int_equal(decode("toy", "linux-6", QUIRE_VECTOR_CAUSE, 4, 0x180000, QUIRE_MODE_UNKNOWN).route,
			 QUIRE_ROUTE_BAD_AREA);
	assert_int_equal(decode("toy", "linux-6", QUIRE_VECTOR_CAUSE, 8, 0x180000, QUIRE_MODE_UNKNOWN).route,
			 QUIRE_ROUTE_BAD_AREA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_cause),
	    cmocka_unit_test(beyond_the_table),
	    cmocka_unit_test(kernel_addresses),
	    cmocka_unit_test(every_toy_cause),
	};

	return cmocka_run_group_tests_name("explain-riscv", tests, NULL, NULL);
}
