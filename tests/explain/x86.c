/* SPDX-License-Identifier: MIT */
/* x86 page-fault error codes: all 32 combinations of the low five bits and the bits above them, against
 * literals typed from Intel SDM vol. 3A, 4.7, and AMD APM vol. 2, 8.4.2. */
#include "tables.h"

#define USER_ADDRESS   UINT64_C(0x7f0000001000)
#define KERNEL_ADDRESS UINT64_C(0xffffc90000001000)

static const struct {
	uint8_t code;
	enum quire_access access;
	enum quire_mode mode;
	enum quire_cause cause;
	uint8_t present;
} combinations[32] = {
    {0x00, QUIRE_ACCESS_READ, QUIRE_MODE_KERNEL, QUIRE_CAUSE_NOT_PRESENT, 0},
    {0x01, QUIRE_ACCESS_READ, QUIRE_MODE_KERNEL, QUIRE_CAUSE_PERMISSION, 1},
    {0x02, QUIRE_ACCESS_WRITE, QUIRE_MODE_KERNEL, QUIRE_CAUSE_NOT_PRESENT, 0},
    {0x03, QUIRE_ACCESS_WRITE, QUIRE_MODE_KERNEL, QUIRE_CAUSE_PERMISSION, 1},
    {0x04, QUIRE_ACCESS_READ, QUIRE_MODE_USER, QUIRE_CAUSE_NOT_PRESENT, 0},
    {0x05, QUIRE_ACCESS_READ, QUIRE_MODE_USER, QUIRE_CAUSE_PERMISSION, 1},
    {0x06, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, QUIRE_CAUSE_NOT_PRESENT, 0},
    {0x07, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, QUIRE_CAUSE_PERMISSION, 1},
    {0x08, QUIRE_ACCESS_READ, QUIRE_MODE_KERNEL, QUIRE_CAUSE_RESERVED_BIT, 0},
    {0x09, QUIRE_ACCESS_READ, QUIRE_MODE_KERNEL, QUIRE_CAUSE_RESERVED_BIT, 1},
    {0x0a, QUIRE_ACCESS_WRITE, QUIRE_MODE_KERNEL, QUIRE_CAUSE_RESERVED_BIT, 0},
    {0x0b, QUIRE_ACCESS_WRITE, QUIRE_MODE_KERNEL, QUIRE_CAUSE_RESERVED_BIT, 1},
    {0x0c, QUIRE_ACCESS_READ, QUIRE_MODE_USER, QUIRE_CAUSE_RESERVED_BIT, 0},
    {0x0d, QUIRE_ACCESS_READ, QUIRE_MODE_USER, QUIRE_CAUSE_RESERVED_BIT, 1},
    {0x0e, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, QUIRE_CAUSE_RESERVED_BIT, 0},
    {0x0f, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, QUIRE_CAUSE_RESERVED_BIT, 1},
    {0x10, QUIRE_ACCESS_EXEC, QUIRE_MODE_KERNEL, QUIRE_CAUSE_NOT_PRESENT, 0},
    {0x11, QUIRE_ACCESS_EXEC, QUIRE_MODE_KERNEL, QUIRE_CAUSE_PERMISSION, 1},
    {0x12, QUIRE_ACCESS_EXEC, QUIRE_MODE_KERNEL, QUIRE_CAUSE_NOT_PRESENT, 0},
    {0x13, QUIRE_ACCESS_EXEC, QUIRE_MODE_KERNEL, QUIRE_CAUSE_PERMISSION, 1},
    {0x14, QUIRE_ACCESS_EXEC, QUIRE_MODE_USER, QUIRE_CAUSE_NOT_PRESENT, 0},
    {0x15, QUIRE_ACCESS_EXEC, QUIRE_MODE_USER, QUIRE_CAUSE_PERMISSION, 1},
    {0x16, QUIRE_ACCESS_EXEC, QUIRE_MODE_USER, QUIRE_CAUSE_NOT_PRESENT, 0},
    {0x17, QUIRE_ACCESS_EXEC, QUIRE_MODE_USER, QUIRE_CAUSE_PERMISSION, 1},
    {0x18, QUIRE_ACCESS_EXEC, QUIRE_MODE_KERNEL, QUIRE_CAUSE_RESERVED_BIT, 0},
    {0x19, QUIRE_ACCESS_EXEC, QUIRE_MODE_KERNEL, QUIRE_CAUSE_RESERVED_BIT, 1},
    {0x1a, QUIRE_ACCESS_EXEC, QUIRE_MODE_KERNEL, QUIRE_CAUSE_RESERVED_BIT, 0},
    {0x1b, QUIRE_ACCESS_EXEC, QUIRE_MODE_KERNEL, QUIRE_CAUSE_RESERVED_BIT, 1},
    {0x1c, QUIRE_ACCESS_EXEC, QUIRE_MODE_USER, QUIRE_CAUSE_RESERVED_BIT, 0},
    {0x1d, QUIRE_ACCESS_EXEC, QUIRE_MODE_USER, QUIRE_CAUSE_RESERVED_BIT, 1},
    {0x1e, QUIRE_ACCESS_EXEC, QUIRE_MODE_USER, QUIRE_CAUSE_RESERVED_BIT, 0},
    {0x1f, QUIRE_ACCESS_EXEC, QUIRE_MODE_USER, QUIRE_CAUSE_RESERVED_BIT, 1},
};

static struct quire_fault x86(const char *profile_name, uint64_t code, uint64_t address)
{
	return decode("x86_64", profile_name, QUIRE_VECTOR_PAGE_FAULT, code, address, QUIRE_MODE_UNKNOWN);
}

static void every_combination(void **state)
{
	for (unsigned p = 0; quire_profile_at(p); p++) {
		for (size_t i = 0; i < COUNT(combinations); i++) {
			struct quire_fault fault =
			    x86(quire_profile_at(p)->name, combinations[i].code, USER_ADDRESS);

			assert_int_equal(combinations[i].code, i);
			assert_int_equal(fault.access, combinations[i].access);
			assert_int_equal(fault.mode, combinations[i].mode);
			assert_int_equal(fault.cause, combinations[i].cause);
			assert_int_equal(fault.present, combinations[i].present);
			assert_int_equal(fault.level, QUIRE_LEVEL_NONE);
			assert_int_equal(fault.steps[0], QUIRE_STEP_DO_PAGE_FAULT);
			/* a reserved bit is deadly, but 2.4 did not look at it */
			assert_int_equal(fault.signal, combinations[i].cause == QUIRE_CAUSE_RESERVED_BIT &&
							       p && fault.route == QUIRE_ROUTE_UNHANDLED
							   ? QUIRE_SIGKILL
							   : QUIRE_SIGSEGV);
		}
	}
}

static void bits_above(void **state)
{
	static const struct {
		uint64_t code;
		enum quire_cause cause;
		unsigned si_code;
	} wanted[] = {
	    {0x25, QUIRE_CAUSE_PROTECTION_KEY, QUIRE_SEGV_PKUERR}, /* P U PK */
	    {0x27, QUIRE_CAUSE_PROTECTION_KEY, QUIRE_SEGV_PKUERR}, /* P W U PK */
	    {0x21, QUIRE_CAUSE_PROTECTION_KEY, QUIRE_SEGV_PKUERR}, /* PKS */
	    {0x47, QUIRE_CAUSE_SHADOW_STACK, QUIRE_SEGV_ACCERR},   /* P W U SS */
	    {0x46, QUIRE_CAUSE_NOT_PRESENT, QUIRE_SEGV_MAPERR},    /* SS to an absent page */
	    {0x80, QUIRE_CAUSE_HLAT, QUIRE_SEGV_MAPERR},           /* HLAT, P = 0 */
	    {0x84, QUIRE_CAUSE_HLAT, QUIRE_SEGV_MAPERR},
	    {0x8005, QUIRE_CAUSE_SGX, QUIRE_SEGV_ACCERR}, /* P U SGX */
	    {0x8007, QUIRE_CAUSE_SGX, QUIRE_SEGV_ACCERR},
	    {0x80000007, QUIRE_CAUSE_RMP, QUIRE_SEGV_ACCERR}, /* P W U RMP */
	    {0x80000003, QUIRE_CAUSE_RMP, QUIRE_SEGV_ACCERR},
	};

	for (size_t i = 0; i < COUNT(wanted); i++) {
		struct quire_fault fault = x86("linux-6", wanted[i].code, USER_ADDRESS);

		assert_int_equal(fault.cause, wanted[i].cause);
		assert_int_equal(fault.code, wanted[i].si_code);
		assert_int_equal(fault.route, QUIRE_ROUTE_PAGE_FAULT);
	}
	/* A reserved bit under HLAT paging is still a reserved bit. */
	assert_int_equal(x86("linux-6", 0x89, USER_ADDRESS).cause, QUIRE_CAUSE_RESERVED_BIT);
}

/* 2.4 syncs whatever the code says; from 2.6 on RSVD, U and P forbid it. */
static void kernel_addresses(void **state)
{
	for (uint64_t code = 0; code < 32; code++) {
		bool plain = !(code & 0xd);
		enum quire_route later = plain ? QUIRE_ROUTE_KERNEL_SYNC : QUIRE_ROUTE_BAD_AREA;

		assert_int_equal(x86("linux-2.4", code, KERNEL_ADDRESS).route, QUIRE_ROUTE_KERNEL_SYNC);
		assert_int_equal(x86("linux-2.6", code, KERNEL_ADDRESS).route, later);
		assert_int_equal(x86("linux-4.14", code, KERNEL_ADDRESS).route, later);
		assert_int_equal(x86("linux-6", code, KERNEL_ADDRESS).route, later);
		assert_int_equal(x86("linux-6", code, KERNEL_ADDRESS).signal, QUIRE_SIGSEGV);
		assert_int_equal(x86("linux-6", code, KERNEL_ADDRESS).code, QUIRE_SEGV_MAPERR);
	}
}

static void user_addresses(void **state)
{
	struct quire_fault fault;

	/* corrupt tables: unknown to 2.4, deadly later */
	assert_int_equal(x86("linux-2.4", 0x0d, USER_ADDRESS).route, QUIRE_ROUTE_PAGE_FAULT);
	for (unsigned p = 1; quire_profile_at(p); p++) {
		fault = x86(quire_profile_at(p)->name, 0x0d, USER_ADDRESS);
		assert_int_equal(fault.route, QUIRE_ROUTE_UNHANDLED);
		assert_int_equal(fault.signal, QUIRE_SIGKILL);
	}
	/* the kernel executes user memory */
	assert_int_equal(x86("linux-4.14", 0x11, USER_ADDRESS).route, QUIRE_ROUTE_PAGE_FAULT);
	assert_int_equal(x86("linux-6", 0x11, USER_ADDRESS).route, QUIRE_ROUTE_BAD_AREA);
	assert_int_equal(x86("linux-6", 0x11, USER_ADDRESS).signal, QUIRE_SIGSEGV);
	/* the entries of each decade */
	fault = x86("linux-2.6", 6, USER_ADDRESS);
	assert_int_equal(fault.steps_count, 1);
	fault = x86("linux-6", 6, USER_ADDRESS);
	assert_int_equal(fault.steps_count, 2);
	assert_int_equal(fault.steps[1], QUIRE_STEP_DO_USER_ADDR_FAULT);
	fault = x86("linux-6", 0, KERNEL_ADDRESS);
	assert_int_equal(fault.steps[1], QUIRE_STEP_FAULT_IN_KERNEL_SPACE);
	assert_int_equal(fault.steps[2], QUIRE_STEP_DO_KERN_ADDR_FAULT);
}

/* The last user address and the first that is none. */
static void the_border(void **state)
{
	assert_int_equal(x86("linux-6", 0, UINT64_C(0x7fffffffefff)).route, QUIRE_ROUTE_PAGE_FAULT);
	assert_int_equal(x86("linux-6", 0, UINT64_C(0x7ffffffff000)).route, QUIRE_ROUTE_KERNEL_SYNC);
	assert_int_equal(
	    decode("i386", "linux-2.4", QUIRE_VECTOR_PAGE_FAULT, 4, 0xbfffffff, QUIRE_MODE_USER).route,
	    QUIRE_ROUTE_PAGE_FAULT);
	assert_int_equal(
	    decode("i386", "linux-2.4", QUIRE_VECTOR_PAGE_FAULT, 4, 0xc0000000, QUIRE_MODE_USER).route,
	    QUIRE_ROUTE_KERNEL_SYNC);
}

/* A row of one's own wins, in a table of one's own. */
static void replaced_row(void **state)
{
	const struct quire_arch *arch = quire_arch_find("x86_64");
	const struct quire_fault_row *rows[5] = {NULL};
	struct quire_fault_row own[32];
	struct quire_trap trap = {.vector = QUIRE_VECTOR_PAGE_FAULT, .syndrome = 7, .address = USER_ADDRESS};
	const struct quire_fault_row *table;
	struct quire_fault fault;
	unsigned count;

	table = arch->rows(arch, profile("linux-6"), QUIRE_VECTOR_PAGE_FAULT, &count);
	assert_int_equal(count, 32);
	for (unsigned i = 0; i < count; i++)
		own[i] = table[i];
	own[7].handler = QUIRE_STEP_DO_BAD;
	own[7].signal = QUIRE_SIGBUS;
	own[7].code = QUIRE_BUS_OBJERR;
	own[7].name = "mine";
	rows[QUIRE_VECTOR_PAGE_FAULT] = own;
	arch->decode(arch, profile("linux-6"), rows, &trap, &fault);
	assert_int_equal(fault.route, QUIRE_ROUTE_UNHANDLED);
	assert_int_equal(fault.signal, QUIRE_SIGBUS);
	assert_int_equal(fault.code, QUIRE_BUS_OBJERR);
	assert_string_equal(fault.name, "mine");
	trap.syndrome = 6;
	arch->decode(arch, profile("linux-6"), rows, &trap, &fault);
	assert_int_equal(fault.route, QUIRE_ROUTE_PAGE_FAULT);
}

static void other_vectors(void **state)
{
	for (unsigned v = QUIRE_VECTOR_DATA_ABORT; v <= QUIRE_VECTOR_CAUSE; v++) {
		struct quire_fault fault =
		    decode("x86_64", "linux-6", (enum quire_vector)v, 7, USER_ADDRESS, QUIRE_MODE_USER);

		assert_int_equal(fault.route, QUIRE_ROUTE_IGNORE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_combination), cmocka_unit_test(bits_above),
	    cmocka_unit_test(kernel_addresses),  cmocka_unit_test(user_addresses),
	    cmocka_unit_test(the_border),        cmocka_unit_test(replaced_row),
	    cmocka_unit_test(other_vectors),
	};

	return cmocka_run_group_tests_name("explain-x86", tests, NULL, NULL);
}
