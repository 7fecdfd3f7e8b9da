/* SPDX-License-Identifier: MIT */
/* ARM64 ESR_EL1: all 64 fault status codes and all 64 exception classes, against literals typed from
 * DDI 0487, D17.2.37. */
#include "tables.h"

#include "arm64/decode.h"

#define USER_ADDRESS   UINT64_C(0x0000aaaa00001000)
#define KERNEL_ADDRESS UINT64_C(0xffff800010001000)

#define NONE QUIRE_LEVEL_NONE

#define DABT_USER   UINT64_C(0x92000000)
#define DABT_KERNEL UINT64_C(0x96000000)
#define IABT_USER   UINT64_C(0x82000000)
#define IABT_KERNEL UINT64_C(0x86000000)

/* Every code that the manual defines; the others are reserved. */
static const struct {
	uint8_t code;
	enum quire_cause cause;
	int level;
} defined[] = {
    {0x00, QUIRE_CAUSE_ADDRESS_SIZE, 0},
    {0x01, QUIRE_CAUSE_ADDRESS_SIZE, 1},
    {0x02, QUIRE_CAUSE_ADDRESS_SIZE, 2},
    {0x03, QUIRE_CAUSE_ADDRESS_SIZE, 3},
    {0x04, QUIRE_CAUSE_NOT_PRESENT, 0},
    {0x05, QUIRE_CAUSE_NOT_PRESENT, 1},
    {0x06, QUIRE_CAUSE_NOT_PRESENT, 2},
    {0x07, QUIRE_CAUSE_NOT_PRESENT, 3},
    {0x08, QUIRE_CAUSE_ACCESS_FLAG, 0},
    {0x09, QUIRE_CAUSE_ACCESS_FLAG, 1},
    {0x0a, QUIRE_CAUSE_ACCESS_FLAG, 2},
    {0x0b, QUIRE_CAUSE_ACCESS_FLAG, 3},
    {0x0c, QUIRE_CAUSE_PERMISSION, 0},
    {0x0d, QUIRE_CAUSE_PERMISSION, 1},
    {0x0e, QUIRE_CAUSE_PERMISSION, 2},
    {0x0f, QUIRE_CAUSE_PERMISSION, 3},
    {0x10, QUIRE_CAUSE_EXTERNAL_ABORT, NONE},
    {0x11, QUIRE_CAUSE_TAG_CHECK, NONE},
    {0x13, QUIRE_CAUSE_WALK_EXTERNAL_ABORT, -1},
    {0x14, QUIRE_CAUSE_WALK_EXTERNAL_ABORT, 0},
    {0x15, QUIRE_CAUSE_WALK_EXTERNAL_ABORT, 1},
    {0x16, QUIRE_CAUSE_WALK_EXTERNAL_ABORT, 2},
    {0x17, QUIRE_CAUSE_WALK_EXTERNAL_ABORT, 3},
    {0x18, QUIRE_CAUSE_PARITY, NONE},
    {0x1b, QUIRE_CAUSE_WALK_PARITY, -1},
    {0x1c, QUIRE_CAUSE_WALK_PARITY, 0},
    {0x1d, QUIRE_CAUSE_WALK_PARITY, 1},
    {0x1e, QUIRE_CAUSE_WALK_PARITY, 2},
    {0x1f, QUIRE_CAUSE_WALK_PARITY, 3},
    {0x21, QUIRE_CAUSE_ALIGNMENT, NONE},
    {0x23, QUIRE_CAUSE_GRANULE, -1},
    {0x24, QUIRE_CAUSE_GRANULE, 0},
    {0x25, QUIRE_CAUSE_GRANULE, 1},
    {0x26, QUIRE_CAUSE_GRANULE, 2},
    {0x27, QUIRE_CAUSE_GRANULE, 3},
    {0x28, QUIRE_CAUSE_GRANULE, NONE},
    {0x29, QUIRE_CAUSE_ADDRESS_SIZE, -1},
    {0x2b, QUIRE_CAUSE_NOT_PRESENT, -1},
    {0x30, QUIRE_CAUSE_TLB_CONFLICT, NONE},
    {0x31, QUIRE_CAUSE_ATOMIC, NONE},
    {0x34, QUIRE_CAUSE_IMPLEMENTATION, NONE},
    {0x35, QUIRE_CAUSE_IMPLEMENTATION, NONE},
    {0x3d, QUIRE_CAUSE_DOMAIN, 1},
    {0x3e, QUIRE_CAUSE_DOMAIN, 2},
};

static struct quire_fault arm64(const char *profile_name, uint64_t esr, uint64_t address)
{
	return decode("arm64", profile_name, QUIRE_VECTOR_SYNC, esr, address, QUIRE_MODE_UNKNOWN);
}

static void every_status_code(void **state)
{
	for (unsigned p = 0; quire_profile_at(p); p++) {
		for (unsigned code = 0; code < 64; code++) {
			struct quire_fault fault =
			    arm64(quire_profile_at(p)->name, DABT_USER | code, USER_ADDRESS);
			enum quire_cause cause = QUIRE_CAUSE_RESERVED;
			int level = NONE;

			for (size_t i = 0; i < COUNT(defined); i++) {
				if (defined[i].code == code) {
					cause = defined[i].cause;
					level = defined[i].level;
				}
			}
			assert_int_equal(fault.cause, cause);
			assert_int_equal(fault.level, level);
			assert_int_equal(fault.mode, QUIRE_MODE_USER);
			assert_int_equal(fault.steps[0], QUIRE_STEP_DO_MEM_ABORT);
			/* the ISS around the code is no part of the index */
			fault = arm64(quire_profile_at(p)->name, DABT_USER | 0x1ffff80 | code, USER_ADDRESS);
			assert_int_equal(fault.cause, cause);
		}
	}
}

/* What the kernels of the time log and send. */
static void rows_of_the_decades(void **state)
{
	static const struct {
		const char *profile;
		unsigned code;
		enum quire_step handler;
		unsigned signal, si_code;
		const char *name;
	} wanted[] = {
	    {"linux-4.14", 0x00, QUIRE_STEP_DO_BAD, 7, 0, "ttbr address size fault"},
	    {"linux-4.14", 0x01, QUIRE_STEP_DO_BAD, 7, 0, "level 1 address size fault"},
	    {"linux-4.14", 0x04, QUIRE_STEP_DO_TRANSLATION_FAULT, 11, 1, "level 0 translation fault"},
	    {"linux-4.14", 0x07, QUIRE_STEP_DO_TRANSLATION_FAULT, 11, 1, "level 3 translation fault"},
	    {"linux-4.14", 0x08, QUIRE_STEP_DO_BAD, 7, 0, "unknown 8"},
	    {"linux-4.14", 0x09, QUIRE_STEP_DO_PAGE_FAULT, 11, 2, "level 1 access flag fault"},
	    {"linux-4.14", 0x0f, QUIRE_STEP_DO_PAGE_FAULT, 11, 2, "level 3 permission fault"},
	    {"linux-4.14", 0x10, QUIRE_STEP_DO_SEA, 7, 0, "synchronous external abort"},
	    {"linux-4.14", 0x11, QUIRE_STEP_DO_BAD, 7, 0, "unknown 17"},
	    {"linux-4.14", 0x14, QUIRE_STEP_DO_SEA, 7, 0, "level 0 (translation table walk)"},
	    {"linux-4.14", 0x18, QUIRE_STEP_DO_SEA, 7, 0, "synchronous parity or ECC error"},
	    {"linux-4.14", 0x21, QUIRE_STEP_DO_ALIGNMENT, 7, 1, "alignment fault"},
	    {"linux-4.14", 0x30, QUIRE_STEP_DO_BAD, 7, 0, "TLB conflict abort"},
	    {"linux-4.14", 0x3f, QUIRE_STEP_DO_BAD, 7, 0, "unknown 63"},
	    {"linux-6", 0x00, QUIRE_STEP_DO_BAD, 9, 0x80, "ttbr address size fault"},
	    {"linux-6", 0x05, QUIRE_STEP_DO_TRANSLATION_FAULT, 11, 1, "level 1 translation fault"},
	    {"linux-6", 0x0c, QUIRE_STEP_DO_PAGE_FAULT, 11, 2, "level 0 permission fault"},
	    {"linux-6", 0x10, QUIRE_STEP_DO_SEA, 7, 3, "synchronous external abort"},
	    {"linux-6", 0x11, QUIRE_STEP_DO_TAG_CHECK, 11, 9, "synchronous tag check fault"},
	    {"linux-6", 0x15, QUIRE_STEP_DO_SEA, 9, 0x80, "level 1 (translation table walk)"},
	    {"linux-6", 0x21, QUIRE_STEP_DO_ALIGNMENT, 7, 1, "alignment fault"},
	    {"linux-6", 0x2b, QUIRE_STEP_DO_TRANSLATION_FAULT, 11, 1, "level -1 translation fault"},
	    {"linux-6", 0x31, QUIRE_STEP_DO_BAD, 9, 0x80, "Unsupported atomic hardware update fault"},
	    {"linux-6", 0x35, QUIRE_STEP_DO_BAD, 7, 3, "implementation fault (unsupported exclusive)"},
	    {"linux-6", 0x3f, QUIRE_STEP_DO_BAD, 9, 0x80, "unknown 63"},
	};
	const struct quire_arch *arch = quire_arch_find("arm64");

	for (size_t i = 0; i < COUNT(wanted); i++) {
		const struct quire_fault_row *rows;
		unsigned count;

		rows = arch->rows(arch, profile(wanted[i].profile), QUIRE_VECTOR_SYNC, &count);
		assert_int_equal(count, 64);
		assert_int_equal(rows[wanted[i].code].handler, wanted[i].handler);
		assert_int_equal(rows[wanted[i].code].signal, wanted[i].signal);
		assert_int_equal(rows[wanted[i].code].code, wanted[i].si_code);
		assert_string_equal(rows[wanted[i].code].name, wanted[i].name);
	}
}

/* The handler of every row: b do_bad, t do_translation_fault, p do_page_fault, s do_sea, a alignment,
 * g tag check. Sixteen a line. */
static const char handlers_4_14[] = "bbbbttttbpppbppp"
				    "sbbbsssssbbbssss"
				    "babbbbbbbbbbbbbb"
				    "bbbbbbbbbbbbbbbb";
static const char handlers_6[] = "bbbbttttpppppppp"
				 "sgbssssssbbsssss"
				 "babbbbbbbbbtbbbb"
				 "bbbbbbbbbbbbbbbb";
/* The signal: v SEGV, u BUS, k KILL. */
static const char signals_4_14[] = "uuuuvvvvuvvvuvvv"
				   "uuuuuuuuuuuuuuuu"
				   "uuuuuuuuuuuuuuuu"
				   "uuuuuuuuuuuuuuuu";
static const char signals_6[] = "kkkkvvvvvvvvvvvv"
				"uvkkkkkkukkkkkkk"
				"kukkkkkkkkkvkkkk"
				"kkkkkukkkkkkkkkk";

static enum quire_step handler_of(char letter)
{
	switch (letter) {
	case 't':
		return QUIRE_STEP_DO_TRANSLATION_FAULT;
	case 'p':
		return QUIRE_STEP_DO_PAGE_FAULT;
	case 's':
		return QUIRE_STEP_DO_SEA;
	case 'a':
		return QUIRE_STEP_DO_ALIGNMENT;
	case 'g':
		return QUIRE_STEP_DO_TAG_CHECK;
	default:
		return QUIRE_STEP_DO_BAD;
	}
}

static void check_rows(const char *profile_name, const char *handlers, const char *signals)
{
	const struct quire_arch *arch = quire_arch_find("arm64");
	const struct quire_fault_row *rows;
	unsigned count;

	rows = arch->rows(arch, profile(profile_name), QUIRE_VECTOR_SYNC, &count);
	for (unsigned code = 0; code < 64; code++) {
		enum quire_step handler = handler_of(handlers[code]);
		struct quire_fault fault = arm64(profile_name, DABT_USER | code, USER_ADDRESS);
		bool translation = handler == QUIRE_STEP_DO_TRANSLATION_FAULT;
		bool bad_area = handler == QUIRE_STEP_DO_ALIGNMENT || handler == QUIRE_STEP_DO_TAG_CHECK;

		assert_int_equal(rows[code].handler, handler);
		assert_int_equal(rows[code].signal, signals[code] == 'v' ? 11 : signals[code] == 'u' ? 7 : 9);
		assert_int_equal(fault.steps[1], handler);
		assert_int_equal(fault.steps_count, translation || bad_area ? 3 : 2);
		if (translation)
			assert_int_equal(fault.steps[2], QUIRE_STEP_DO_PAGE_FAULT);
		if (bad_area)
			assert_int_equal(fault.steps[2], QUIRE_STEP_DO_BAD_AREA);
		/* MAPERR where nothing was found, ACCERR where it was refused */
		if (signals[code] == 'v' && handlers[code] != 'g')
			assert_int_equal(rows[code].code, translation ? 1 : 2);
	}
}

static void every_handler(void **state)
{
	check_rows("linux-4.14", handlers_4_14, signals_4_14);
	check_rows("linux-2.6", handlers_4_14, signals_4_14);
	check_rows("linux-6", handlers_6, signals_6);
}

/* EC: 1 an abort, 2 a misaligned PC or SP, 3 a debug event, 4 reserved, 0 another exception. */
static const uint8_t class_kinds[64] = {
    /* 0x00 */ 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4,
    /* 0x10 */ 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0,
    /* 0x20 */ 1, 1, 2, 4, 1, 1, 2, 0, 0, 4, 4, 4, 0, 0, 4, 0,
    /* 0x30 */ 3, 3, 3, 3, 3, 3, 4, 4, 3, 4, 0, 4, 3, 0, 4, 4,
};

static void every_class(void **state)
{
	for (unsigned ec = 0; ec < 64; ec++) {
		struct quire_fault fault = arm64("linux-6", (uint64_t)ec << 26 | 1 << 25 | 7, USER_ADDRESS);

		assert_non_null(fault.name);
		switch (class_kinds[ec]) {
		case 1:
			assert_int_equal(fault.cause, QUIRE_CAUSE_NOT_PRESENT);
			assert_int_equal(fault.route, QUIRE_ROUTE_PAGE_FAULT);
			assert_int_equal(fault.mode, ec & 1 ? QUIRE_MODE_KERNEL : QUIRE_MODE_USER);
			break;
		case 2:
			assert_int_equal(fault.cause, QUIRE_CAUSE_ALIGNMENT);
			assert_int_equal(fault.route, QUIRE_ROUTE_UNHANDLED);
			assert_int_equal(fault.signal, QUIRE_SIGBUS);
			assert_int_equal(fault.code, QUIRE_BUS_ADRALN);
			assert_int_equal(fault.steps[0], QUIRE_STEP_DO_SP_PC_ABORT);
			break;
		case 3:
			assert_int_equal(fault.cause, QUIRE_CAUSE_DEBUG);
			assert_int_equal(fault.route, QUIRE_ROUTE_IGNORE);
			assert_int_equal(fault.signal, QUIRE_SIGTRAP);
			break;
		case 4:
			assert_int_equal(fault.cause, QUIRE_CAUSE_RESERVED);
			assert_int_equal(fault.route, QUIRE_ROUTE_IGNORE);
			break;
		default:
			assert_int_equal(fault.route, QUIRE_ROUTE_IGNORE);
			assert_int_equal(fault.steps_count, 0);
			assert_true(ec != 0x2d || fault.signal == QUIRE_SIGSEGV);
			assert_int_equal(fault.cause, ec == 0x2f ? QUIRE_CAUSE_ASYNC_EXTERNAL_ABORT
								 : QUIRE_CAUSE_NOT_A_FAULT);
		}
	}
}

static void class_names(void **state)
{
	static const struct {
		unsigned ec;
		const char *name;
	} wanted[] = {
	    {0x00, "unknown reason"},
	    {0x07, "access to SVE, Advanced SIMD or floating-point"},
	    {0x15, "SVC instruction, AArch64"},
	    {0x18, "trapped MSR, MRS or system instruction"},
	    {0x20, "instruction abort from a lower exception level"},
	    {0x21, "instruction abort, same exception level"},
	    {0x22, "PC alignment fault"},
	    {0x24, "data abort from a lower exception level"},
	    {0x25, "data abort, same exception level"},
	    {0x26, "SP alignment fault"},
	    {0x2f, "SError interrupt"},
	    {0x30, "breakpoint from a lower exception level"},
	    {0x35, "watchpoint, same exception level"},
	    {0x3c, "BRK instruction, AArch64"},
	};

	for (size_t i = 0; i < COUNT(wanted); i++)
		assert_string_equal(qr_arm64_class(wanted[i].ec)->name, wanted[i].name);
}

static void access_and_route(void **state)
{
	static const struct {
		uint64_t esr, address;
		enum quire_access access;
		enum quire_mode mode;
		enum quire_route route;
	} wanted[] = {
	    {DABT_USER | 7, USER_ADDRESS, QUIRE_ACCESS_READ, QUIRE_MODE_USER, QUIRE_ROUTE_PAGE_FAULT},
	    {DABT_USER | 0x47, USER_ADDRESS, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, QUIRE_ROUTE_PAGE_FAULT},
	    {DABT_USER | 0x147, USER_ADDRESS, QUIRE_ACCESS_READ, QUIRE_MODE_USER,
	     QUIRE_ROUTE_PAGE_FAULT}, /* CM */
	    {IABT_USER | 0x0f, USER_ADDRESS, QUIRE_ACCESS_EXEC, QUIRE_MODE_USER, QUIRE_ROUTE_PAGE_FAULT},
	    {IABT_KERNEL | 4, USER_ADDRESS, QUIRE_ACCESS_EXEC, QUIRE_MODE_KERNEL, QUIRE_ROUTE_PAGE_FAULT},
	    {DABT_KERNEL | 5, KERNEL_ADDRESS, QUIRE_ACCESS_READ, QUIRE_MODE_KERNEL, QUIRE_ROUTE_BAD_AREA},
	    {DABT_KERNEL | 0x4f, KERNEL_ADDRESS, QUIRE_ACCESS_WRITE, QUIRE_MODE_KERNEL, QUIRE_ROUTE_BAD_AREA},
	    {DABT_USER | 7, KERNEL_ADDRESS, QUIRE_ACCESS_READ, QUIRE_MODE_USER, QUIRE_ROUTE_BAD_AREA},
	    {DABT_USER | 0x21, USER_ADDRESS, QUIRE_ACCESS_READ, QUIRE_MODE_USER, QUIRE_ROUTE_BAD_AREA},
	    {DABT_USER | 0x10, USER_ADDRESS, QUIRE_ACCESS_READ, QUIRE_MODE_USER, QUIRE_ROUTE_UNHANDLED},
	    {DABT_KERNEL | 0x30, USER_ADDRESS, QUIRE_ACCESS_READ, QUIRE_MODE_KERNEL, QUIRE_ROUTE_UNHANDLED},
	};

	for (size_t i = 0; i < COUNT(wanted); i++) {
		struct quire_fault fault = arm64("linux-4.14", wanted[i].esr, wanted[i].address);

		assert_int_equal(fault.access, wanted[i].access);
		assert_int_equal(fault.mode, wanted[i].mode);
		assert_int_equal(fault.route, wanted[i].route);
	}
	/* A misaligned access ends as SIGBUS/ADRALN, and a bad kernel address of a program as MAPERR. */
	assert_int_equal(arm64("linux-6", DABT_USER | 0x21, USER_ADDRESS).signal, QUIRE_SIGBUS);
	assert_int_equal(arm64("linux-6", DABT_USER | 0x0f, KERNEL_ADDRESS).code, QUIRE_SEGV_MAPERR);
	assert_int_equal(arm64("linux-6", DABT_USER | 0x0f, KERNEL_ADDRESS).signal, QUIRE_SIGSEGV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_status_code), cmocka_unit_test(rows_of_the_decades),
	    cmocka_unit_test(every_handler),     cmocka_unit_test(every_class),
	    cmocka_unit_test(class_names),       cmocka_unit_test(access_and_route),
	};

	return cmocka_run_group_tests_name("explain-arm64", tests, NULL, NULL);
}
