/* SPDX-License-Identifier: MIT */
/* ARM fault status: all 32 + 32 short-descriptor and 64 + 64 long-descriptor encodings, against literals
 * typed from DDI 0406C, tables B3-23 and B3-24, and DDI 0487, G8.2 (DFSR, IFSR). */
#include "tables.h"

#define USER_ADDRESS   UINT64_C(0x00010000)
#define KERNEL_ADDRESS UINT64_C(0xd0000000)

#define NONE QUIRE_LEVEL_NONE

/* cause and level; handler, signal and si_code of linux-2.6 and of linux-4.14. */
struct want {
	enum quire_cause cause;
	int level;
	struct {
		enum quire_step handler;
		unsigned signal, code;
		const char *name;
	} old, new;
};

#define SEGV QUIRE_SIGSEGV
#define BUS  QUIRE_SIGBUS
#define BAD(text)                               \
	{                                       \
		QUIRE_STEP_DO_BAD, BUS, 0, text \
	}
#define ALIKE(...)          \
	{__VA_ARGS__},      \
	{                   \
		__VA_ARGS__ \
	}
#define RESERVED(n)                                                                \
	{                                                                          \
		QUIRE_CAUSE_RESERVED, NONE, BAD("unknown " #n), BAD("unknown " #n) \
	}

static const struct want dfsr[32] = {
    /* 00000 */ {QUIRE_CAUSE_RESERVED, NONE, ALIKE(QUIRE_STEP_DO_BAD, SEGV, 0, "vector exception")},
    /* 00001 */
    {QUIRE_CAUSE_ALIGNMENT,
     NONE,
     {QUIRE_STEP_DO_BAD, 4, 1, "alignment exception"},
     {QUIRE_STEP_DO_ALIGNMENT, BUS, 1, "alignment exception"}},
    /* 00010 */
    {QUIRE_CAUSE_DEBUG,
     NONE,
     {QUIRE_STEP_DO_BAD, 9, 0, "terminal exception"},
     {QUIRE_STEP_DO_DEBUG, 5, 4, "breakpoint debug exception"}},
    /* 00011 */
    {QUIRE_CAUSE_ACCESS_FLAG,
     QUIRE_LEVEL_SECTION,
     {QUIRE_STEP_DO_BAD, 4, 1, "alignment exception"},
     {QUIRE_STEP_DO_BAD, SEGV, 1, "section access flag fault"}},
    /* 00100 */
    {QUIRE_CAUSE_TLB_MAINTENANCE,
     NONE,
     BAD("external abort on linefetch"),
     {QUIRE_STEP_DO_TRANSLATION_FAULT, SEGV, 1, "I-cache maintenance fault"}},
    /* 00101 */
    {QUIRE_CAUSE_NOT_PRESENT, QUIRE_LEVEL_SECTION,
     ALIKE(QUIRE_STEP_DO_TRANSLATION_FAULT, SEGV, 1, "section translation fault")},
    /* 00110 */
    {QUIRE_CAUSE_ACCESS_FLAG,
     QUIRE_LEVEL_PAGE,
     BAD("external abort on linefetch"),
     {QUIRE_STEP_DO_BAD, SEGV, 1, "page access flag fault"}},
    /* 00111 */
    {QUIRE_CAUSE_NOT_PRESENT, QUIRE_LEVEL_PAGE,
     ALIKE(QUIRE_STEP_DO_PAGE_FAULT, SEGV, 1, "page translation fault")},
    /* 01000 */
    {QUIRE_CAUSE_EXTERNAL_ABORT, NONE, ALIKE(QUIRE_STEP_DO_BAD, BUS, 0, "external abort on non-linefetch")},
    /* 01001 */
    {QUIRE_CAUSE_DOMAIN, QUIRE_LEVEL_SECTION, ALIKE(QUIRE_STEP_DO_BAD, SEGV, 2, "section domain fault")},
    /* 01010 */
    {QUIRE_CAUSE_RESERVED, NONE, ALIKE(QUIRE_STEP_DO_BAD, BUS, 0, "external abort on non-linefetch")},
    /* 01011 */
    {QUIRE_CAUSE_DOMAIN, QUIRE_LEVEL_PAGE, ALIKE(QUIRE_STEP_DO_BAD, SEGV, 2, "page domain fault")},
    /* 01100 */
    {QUIRE_CAUSE_WALK_EXTERNAL_ABORT, QUIRE_LEVEL_SECTION,
     ALIKE(QUIRE_STEP_DO_BAD, BUS, 0, "external abort on translation")},
    /* 01101 */
    {QUIRE_CAUSE_PERMISSION, QUIRE_LEVEL_SECTION,
     ALIKE(QUIRE_STEP_DO_SECT_FAULT, SEGV, 2, "section permission fault")},
    /* 01110 */
    {QUIRE_CAUSE_WALK_EXTERNAL_ABORT, QUIRE_LEVEL_PAGE,
     ALIKE(QUIRE_STEP_DO_BAD, BUS, 0, "external abort on translation")},
    /* 01111 */
    {QUIRE_CAUSE_PERMISSION, QUIRE_LEVEL_PAGE,
     ALIKE(QUIRE_STEP_DO_PAGE_FAULT, SEGV, 2, "page permission fault")},
    /* 10000 */ {QUIRE_CAUSE_TLB_CONFLICT, NONE, BAD("unknown 16"), BAD("unknown 16")},
    /* 10001 */ RESERVED(17),
    /* 10010 */ RESERVED(18),
    /* 10011 */ RESERVED(19),
    /* 10100 */ {QUIRE_CAUSE_IMPLEMENTATION, NONE, BAD("lock abort"), BAD("lock abort")},
    /* 10101 */ RESERVED(21),
    /* 10110 */
    {QUIRE_CAUSE_ASYNC_EXTERNAL_ABORT, NONE, ALIKE(QUIRE_STEP_DO_BAD, BUS, 3, "imprecise external abort")},
    /* 10111 */ RESERVED(23),
    /* 11000 */ {QUIRE_CAUSE_ASYNC_PARITY, NONE, BAD("dcache parity error"), BAD("dcache parity error")},
    /* 11001 */ {QUIRE_CAUSE_PARITY, NONE, BAD("unknown 25"), BAD("unknown 25")},
    /* 11010 */ {QUIRE_CAUSE_IMPLEMENTATION, NONE, BAD("unknown 26"), BAD("unknown 26")},
    /* 11011 */ RESERVED(27),
    /* 11100 */ {QUIRE_CAUSE_WALK_PARITY, QUIRE_LEVEL_SECTION, BAD("unknown 28"), BAD("unknown 28")},
    /* 11101 */ RESERVED(29),
    /* 11110 */ {QUIRE_CAUSE_WALK_PARITY, QUIRE_LEVEL_PAGE, BAD("unknown 30"), BAD("unknown 30")},
    /* 11111 */ RESERVED(31),
};

static const struct want ifsr[32] = {
    /* 00000 */ RESERVED(0),
    /* 00001 */ {QUIRE_CAUSE_ALIGNMENT, NONE, BAD("unknown 1"), BAD("unknown 1")},
    /* 00010 */
    {QUIRE_CAUSE_DEBUG, NONE, BAD("debug event"), {QUIRE_STEP_DO_DEBUG, 5, 4, "breakpoint debug exception"}},
    /* 00011 */
    {QUIRE_CAUSE_ACCESS_FLAG, QUIRE_LEVEL_SECTION,
     ALIKE(QUIRE_STEP_DO_BAD, SEGV, 2, "section access flag fault")},
    /* 00100 */ RESERVED(4),
    /* 00101 */
    {QUIRE_CAUSE_NOT_PRESENT, QUIRE_LEVEL_SECTION,
     ALIKE(QUIRE_STEP_DO_TRANSLATION_FAULT, SEGV, 1, "section translation fault")},
    /* 00110 */
    {QUIRE_CAUSE_ACCESS_FLAG, QUIRE_LEVEL_PAGE, ALIKE(QUIRE_STEP_DO_BAD, SEGV, 2, "page access flag fault")},
    /* 00111 */
    {QUIRE_CAUSE_NOT_PRESENT, QUIRE_LEVEL_PAGE,
     ALIKE(QUIRE_STEP_DO_PAGE_FAULT, SEGV, 1, "page translation fault")},
    /* 01000 */
    {QUIRE_CAUSE_EXTERNAL_ABORT, NONE, ALIKE(QUIRE_STEP_DO_BAD, BUS, 0, "external abort on non-linefetch")},
    /* 01001 */
    {QUIRE_CAUSE_DOMAIN, QUIRE_LEVEL_SECTION, ALIKE(QUIRE_STEP_DO_BAD, SEGV, 2, "section domain fault")},
    /* 01010 */ RESERVED(10),
    /* 01011 */
    {QUIRE_CAUSE_DOMAIN, QUIRE_LEVEL_PAGE, ALIKE(QUIRE_STEP_DO_BAD, SEGV, 2, "page domain fault")},
    /* 01100 */
    {QUIRE_CAUSE_WALK_EXTERNAL_ABORT, QUIRE_LEVEL_SECTION,
     ALIKE(QUIRE_STEP_DO_BAD, BUS, 0, "external abort on translation")},
    /* 01101 */
    {QUIRE_CAUSE_PERMISSION, QUIRE_LEVEL_SECTION,
     ALIKE(QUIRE_STEP_DO_SECT_FAULT, SEGV, 2, "section permission fault")},
    /* 01110 */
    {QUIRE_CAUSE_WALK_EXTERNAL_ABORT, QUIRE_LEVEL_PAGE,
     ALIKE(QUIRE_STEP_DO_BAD, BUS, 0, "external abort on translation")},
    /* 01111 */
    {QUIRE_CAUSE_PERMISSION, QUIRE_LEVEL_PAGE,
     ALIKE(QUIRE_STEP_DO_PAGE_FAULT, SEGV, 2, "page permission fault")},
    /* 10000 */ {QUIRE_CAUSE_TLB_CONFLICT, NONE, BAD("unknown 16"), BAD("unknown 16")},
    /* 10001 */ RESERVED(17),
    /* 10010 */ RESERVED(18),
    /* 10011 */ RESERVED(19),
    /* 10100 */ {QUIRE_CAUSE_IMPLEMENTATION, NONE, BAD("unknown 20"), BAD("unknown 20")},
    /* 10101 */ RESERVED(21),
    /* 10110 */ RESERVED(22), /* asynchronous aborts are DFSR's alone */
    /* 10111 */ RESERVED(23),
    /* 11000 */ RESERVED(24),
    /* 11001 */ {QUIRE_CAUSE_PARITY, NONE, BAD("unknown 25"), BAD("unknown 25")},
    /* 11010 */ {QUIRE_CAUSE_IMPLEMENTATION, NONE, BAD("unknown 26"), BAD("unknown 26")},
    /* 11011 */ RESERVED(27),
    /* 11100 */ {QUIRE_CAUSE_WALK_PARITY, QUIRE_LEVEL_SECTION, BAD("unknown 28"), BAD("unknown 28")},
    /* 11101 */ RESERVED(29),
    /* 11110 */ {QUIRE_CAUSE_WALK_PARITY, QUIRE_LEVEL_PAGE, BAD("unknown 30"), BAD("unknown 30")},
    /* 11111 */ RESERVED(31),
};

static uint64_t short_code(unsigned index)
{
	return (index & 15) | (index & 16 ? 0x400 : 0);
}

static struct quire_fault arm(const char *profile_name, enum quire_vector vector, uint64_t code,
			      uint64_t address, enum quire_mode mode)
{
	return decode("arm", profile_name, vector, code, address, mode);
}

static void check_short(const struct want *wanted, enum quire_vector vector)
{
	static const char *const profiles[] = {"linux-2.4", "linux-2.6", "linux-4.14", "linux-6"};
	const struct quire_arch *arch = quire_arch_find("arm");

	for (unsigned p = 0; p < COUNT(profiles); p++) {
		const struct quire_fault_row *rows;
		unsigned count;

		rows = arch->rows(arch, profile(profiles[p]), vector, &count);
		assert_int_equal(count, 32);
		for (unsigned i = 0; i < 32; i++) {
			/* domain, ExT and LPAE are no part of the index */
			uint64_t code = short_code(i) | 0xf0 | 0x1000 | 0x800;
			struct quire_fault fault =
			    arm(profiles[p], vector, code, USER_ADDRESS, QUIRE_MODE_USER);

			assert_int_equal(fault.cause, wanted[i].cause);
			assert_int_equal(fault.level, wanted[i].level);
			assert_int_equal(rows[i].cause, wanted[i].cause);
			if (p == 0)
				continue;
			assert_int_equal(rows[i].handler,
					 p == 1 ? wanted[i].old.handler : wanted[i].new.handler);
			assert_int_equal(rows[i].signal,
					 p == 1 ? wanted[i].old.signal : wanted[i].new.signal);
			assert_int_equal(rows[i].code, p == 1 ? wanted[i].old.code : wanted[i].new.code);
			assert_string_equal(rows[i].name, p == 1 ? wanted[i].old.name : wanted[i].new.name);
		}
	}
}

static void every_dfsr(void **state)
{
	check_short(dfsr, QUIRE_VECTOR_DATA_ABORT);
}

static void every_ifsr(void **state)
{
	check_short(ifsr, QUIRE_VECTOR_PREFETCH_ABORT);
}

/* 2.4 looked at four bits of DFSR, and not at all at IFSR. */
static void rows_of_2_4(void **state)
{
	static const struct {
		enum quire_step handler;
		unsigned signal;
		const char *name;
	} wanted[16] = {
	    {QUIRE_STEP_DO_BAD, 11, "vector exception"},
	    {QUIRE_STEP_DO_BAD, 4, "alignment exception"},
	    {QUIRE_STEP_DO_BAD, 9, "terminal exception"},
	    {QUIRE_STEP_DO_BAD, 4, "alignment exception"},
	    {QUIRE_STEP_DO_BAD, 7, "external abort on linefetch"},
	    {QUIRE_STEP_DO_TRANSLATION_FAULT, 11, "section translation fault"},
	    {QUIRE_STEP_DO_BAD, 7, "external abort on linefetch"},
	    {QUIRE_STEP_DO_PAGE_FAULT, 11, "page translation fault"},
	    {QUIRE_STEP_DO_BAD, 7, "external abort on non-linefetch"},
	    {QUIRE_STEP_DO_BAD, 11, "section domain fault"},
	    {QUIRE_STEP_DO_BAD, 7, "external abort on non-linefetch"},
	    {QUIRE_STEP_DO_BAD, 11, "page domain fault"},
	    {QUIRE_STEP_DO_BAD, 7, "external abort on translation"},
	    {QUIRE_STEP_DO_SECT_FAULT, 11, "section permission fault"},
	    {QUIRE_STEP_DO_BAD, 7, "external abort on translation"},
	    {QUIRE_STEP_DO_PAGE_FAULT, 11, "page permission fault"},
	};
	const struct quire_arch *arch = quire_arch_find("arm");
	const struct quire_fault_row *data, *prefetch;
	unsigned count;

	data = arch->rows(arch, profile("linux-2.4"), QUIRE_VECTOR_DATA_ABORT, &count);
	prefetch = arch->rows(arch, profile("linux-2.4"), QUIRE_VECTOR_PREFETCH_ABORT, &count);
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(data[i].handler, wanted[i & 15].handler);
		assert_int_equal(data[i].signal, wanted[i & 15].signal);
		assert_string_equal(data[i].name, wanted[i & 15].name);
		if (data[i].handler != QUIRE_STEP_DO_BAD)
			assert_int_equal(data[i].code, (i & 15) < 8 ? QUIRE_SEGV_MAPERR : QUIRE_SEGV_ACCERR);
		else
			assert_int_equal(data[i].code, 0);
		assert_int_equal(prefetch[i].handler, QUIRE_STEP_DO_TRANSLATION_FAULT);
		assert_int_equal(prefetch[i].signal, QUIRE_SIGSEGV);
		assert_int_equal(prefetch[i].code, QUIRE_SEGV_MAPERR);
	}
}

static void write_not_read(void **state)
{
	static const struct {
		const char *profile;
		uint64_t code;
		enum quire_access access;
	} wanted[] = {
	    {"linux-2.6", 0x007, QUIRE_ACCESS_READ},    {"linux-2.6", 0x807, QUIRE_ACCESS_WRITE},
	    {"linux-2.6", 0x2807, QUIRE_ACCESS_WRITE},  {"linux-4.14", 0x2807, QUIRE_ACCESS_WRITE},
	    {"linux-6", 0x2807, QUIRE_ACCESS_READ},     {"linux-6", 0x807, QUIRE_ACCESS_WRITE},
	    {"linux-2.6", 0x406, QUIRE_ACCESS_UNKNOWN}, {"linux-2.6", 0xc06, QUIRE_ACCESS_UNKNOWN},
	};

	for (size_t i = 0; i < COUNT(wanted); i++)
		assert_int_equal(arm(wanted[i].profile, QUIRE_VECTOR_DATA_ABORT, wanted[i].code, USER_ADDRESS,
				     QUIRE_MODE_USER)
				     .access,
				 wanted[i].access);
	assert_int_equal(
	    arm("linux-6", QUIRE_VECTOR_PREFETCH_ABORT, 0x80000007, USER_ADDRESS, QUIRE_MODE_USER).access,
	    QUIRE_ACCESS_EXEC);
}

/* Which way each kind goes, for a user and for a kernel address. */
static void routes(void **state)
{
	static const struct {
		const char *profile;
		uint64_t code, address;
		enum quire_mode mode;
		enum quire_route route;
		unsigned steps;
		enum quire_step last;
	} wanted[] = {
	    {"linux-2.6", 5, USER_ADDRESS, QUIRE_MODE_USER, QUIRE_ROUTE_PAGE_FAULT, 3,
	     QUIRE_STEP_DO_PAGE_FAULT},
	    {"linux-2.6", 5, KERNEL_ADDRESS, QUIRE_MODE_KERNEL, QUIRE_ROUTE_KERNEL_SYNC, 2,
	     QUIRE_STEP_DO_TRANSLATION_FAULT},
	    {"linux-2.6", 5, KERNEL_ADDRESS, QUIRE_MODE_USER, QUIRE_ROUTE_KERNEL_SYNC, 2,
	     QUIRE_STEP_DO_TRANSLATION_FAULT},
	    {"linux-4.14", 5, KERNEL_ADDRESS, QUIRE_MODE_USER, QUIRE_ROUTE_BAD_AREA, 3,
	     QUIRE_STEP_DO_BAD_AREA},
	    {"linux-2.6", 7, USER_ADDRESS, QUIRE_MODE_USER, QUIRE_ROUTE_PAGE_FAULT, 2,
	     QUIRE_STEP_DO_PAGE_FAULT},
	    {"linux-2.6", 7, KERNEL_ADDRESS, QUIRE_MODE_KERNEL, QUIRE_ROUTE_PAGE_FAULT, 2,
	     QUIRE_STEP_DO_PAGE_FAULT},
	    {"linux-2.6", 15, KERNEL_ADDRESS, QUIRE_MODE_KERNEL, QUIRE_ROUTE_BAD_AREA, 2,
	     QUIRE_STEP_DO_PAGE_FAULT},
	    {"linux-2.6", 13, USER_ADDRESS, QUIRE_MODE_USER, QUIRE_ROUTE_BAD_AREA, 3, QUIRE_STEP_DO_BAD_AREA},
	    {"linux-2.6", 9, USER_ADDRESS, QUIRE_MODE_USER, QUIRE_ROUTE_UNHANDLED, 2, QUIRE_STEP_DO_BAD},
	    {"linux-2.6", 1, USER_ADDRESS, QUIRE_MODE_USER, QUIRE_ROUTE_UNHANDLED, 2, QUIRE_STEP_DO_BAD},
	    {"linux-6", 1, USER_ADDRESS, QUIRE_MODE_USER, QUIRE_ROUTE_UNHANDLED, 2, QUIRE_STEP_DO_ALIGNMENT},
	    {"linux-6", 2, USER_ADDRESS, QUIRE_MODE_USER, QUIRE_ROUTE_IGNORE, 2, QUIRE_STEP_DO_DEBUG},
	};

	for (size_t i = 0; i < COUNT(wanted); i++) {
		struct quire_fault fault = arm(wanted[i].profile, QUIRE_VECTOR_DATA_ABORT, wanted[i].code,
					       wanted[i].address, wanted[i].mode);

		assert_int_equal(fault.route, wanted[i].route);
		assert_int_equal(fault.steps[0], QUIRE_STEP_DO_DATA_ABORT);
		assert_int_equal(fault.steps_count, wanted[i].steps);
		assert_int_equal(fault.steps[fault.steps_count - 1], wanted[i].last);
		/* a kernel address that no look-up can find: MAPERR, whatever the row holds */
		if (wanted[i].address == KERNEL_ADDRESS) {
			assert_int_equal(fault.signal, QUIRE_SIGSEGV);
			assert_int_equal(fault.code, QUIRE_SEGV_MAPERR);
		}
	}
}

/* --- long descriptors ------------------------------------------------------------------------------- */

static const struct {
	uint8_t status;
	enum quire_cause cause;
	int level;
	bool data_only;
	const char *name;
} long_format[] = {
    {0x00, QUIRE_CAUSE_ADDRESS_SIZE, 0, false, "unknown 0"},
    {0x01, QUIRE_CAUSE_ADDRESS_SIZE, 1, false, "unknown 1"},
    {0x02, QUIRE_CAUSE_ADDRESS_SIZE, 2, false, "unknown 2"},
    {0x03, QUIRE_CAUSE_ADDRESS_SIZE, 3, false, "unknown 3"},
    {0x05, QUIRE_CAUSE_NOT_PRESENT, 1, false, "level 1 translation fault"},
    {0x06, QUIRE_CAUSE_NOT_PRESENT, 2, false, "level 2 translation fault"},
    {0x07, QUIRE_CAUSE_NOT_PRESENT, 3, false, "level 3 translation fault"},
    {0x09, QUIRE_CAUSE_ACCESS_FLAG, 1, false, "level 1 access flag fault"},
    {0x0a, QUIRE_CAUSE_ACCESS_FLAG, 2, false, "level 2 access flag fault"},
    {0x0b, QUIRE_CAUSE_ACCESS_FLAG, 3, false, "level 3 access flag fault"},
    {0x0d, QUIRE_CAUSE_PERMISSION, 1, false, "level 1 permission fault"},
    {0x0e, QUIRE_CAUSE_PERMISSION, 2, false, "level 2 permission fault"},
    {0x0f, QUIRE_CAUSE_PERMISSION, 3, false, "level 3 permission fault"},
    {0x10, QUIRE_CAUSE_EXTERNAL_ABORT, NONE, false, "synchronous external abort"},
    {0x11, QUIRE_CAUSE_ASYNC_EXTERNAL_ABORT, NONE, true, "asynchronous external abort"},
    {0x15, QUIRE_CAUSE_WALK_EXTERNAL_ABORT, 1, false, "synchronous abort (translation table walk)"},
    {0x16, QUIRE_CAUSE_WALK_EXTERNAL_ABORT, 2, false, "synchronous abort (translation table walk)"},
    {0x17, QUIRE_CAUSE_WALK_EXTERNAL_ABORT, 3, false, "synchronous abort (translation table walk)"},
    {0x18, QUIRE_CAUSE_PARITY, NONE, false, "synchronous parity error"},
    {0x19, QUIRE_CAUSE_ASYNC_PARITY, NONE, true, "asynchronous parity error"},
    {0x1d, QUIRE_CAUSE_WALK_PARITY, 1, false, "synchronous parity error (translation table walk)"},
    {0x1e, QUIRE_CAUSE_WALK_PARITY, 2, false, "synchronous parity error (translation table walk)"},
    {0x1f, QUIRE_CAUSE_WALK_PARITY, 3, false, "synchronous parity error (translation table walk)"},
    {0x21, QUIRE_CAUSE_ALIGNMENT, NONE, false, "alignment fault"},
    {0x22, QUIRE_CAUSE_DEBUG, NONE, false, "breakpoint debug exception"},
    {0x30, QUIRE_CAUSE_TLB_CONFLICT, NONE, false, "TLB conflict abort"},
    {0x34, QUIRE_CAUSE_IMPLEMENTATION, NONE, false, "implementation fault (lockdown abort)"},
    {0x35, QUIRE_CAUSE_IMPLEMENTATION, NONE, false, "unknown 53"},
    {0x3a, QUIRE_CAUSE_IMPLEMENTATION, NONE, false, "implementation fault (coprocessor abort)"},
    {0x3d, QUIRE_CAUSE_DOMAIN, 1, false, "unknown 61"},
    {0x3e, QUIRE_CAUSE_DOMAIN, 2, false, "unknown 62"},
};

static void every_lpae(void **state)
{
	for (unsigned v = QUIRE_VECTOR_DATA_ABORT; v <= QUIRE_VECTOR_PREFETCH_ABORT; v++) {
		for (unsigned status = 0; status < 64; status++) {
			struct quire_trap trap = {.vector = (enum quire_vector)v,
						  .mode = QUIRE_MODE_USER,
						  .syndrome = status | 0x200,
						  .address = USER_ADDRESS};
			enum quire_cause cause = QUIRE_CAUSE_RESERVED;
			const char *name = NULL;
			struct quire_fault fault;
			int level = NONE;

			for (size_t i = 0; i < COUNT(long_format); i++) {
				if (long_format[i].status != status)
					continue;
				name = long_format[i].name;
				if (long_format[i].data_only && v != QUIRE_VECTOR_DATA_ABORT)
					continue;
				cause = long_format[i].cause;
				level = long_format[i].level;
			}
			quire_arm_lpae_decode(profile("linux-6"), &trap, &fault);
			assert_int_equal(fault.cause, cause);
			assert_int_equal(fault.level, level);
			if (name)
				assert_string_equal(fault.name, name);
		}
	}
}

/* The handler of every row: b do_bad, t do_translation_fault, p do_page_fault, d debug,
 * a do_alignment for data and do_bad for fetches. */
static const char lpae_handler_letters[] = "bbbbbttpbbppbbpp"
					   "bbbbbbbbbbbbbbbb"
					   "badbbbbbbbbbbbbb"
					   "bbbbbbbbbbbbbbbb";

static enum quire_step lpae_handler(unsigned status, bool data)
{
	switch (lpae_handler_letters[status]) {
	case 't':
		return QUIRE_STEP_DO_TRANSLATION_FAULT;
	case 'p':
		return QUIRE_STEP_DO_PAGE_FAULT;
	case 'd':
		return QUIRE_STEP_DO_DEBUG;
	case 'a':
		return data ? QUIRE_STEP_DO_ALIGNMENT : QUIRE_STEP_DO_BAD;
	default:
		return QUIRE_STEP_DO_BAD;
	}
}

static void lpae_handlers(void **state)
{
	unsigned count;

	for (unsigned v = QUIRE_VECTOR_DATA_ABORT; v <= QUIRE_VECTOR_PREFETCH_ABORT; v++) {
		bool data = v == QUIRE_VECTOR_DATA_ABORT;
		const struct quire_fault_row *rows;

		rows = quire_arm_lpae_rows(profile("linux-6"), (enum quire_vector)v, &count);
		assert_int_equal(count, 64);
		for (unsigned i = 0; i < 64; i++) {
			bool segv = i == 5 || i == 6 || i == 7 || (i >= 9 && i <= 11) || (i >= 13 && i <= 15);

			assert_int_equal(rows[i].handler, lpae_handler(i, data));
			assert_int_equal(rows[i].signal, segv ? SEGV : i == 34 ? QUIRE_SIGTRAP : BUS);
			if (segv)
				assert_int_equal(rows[i].code, i < 8 ? QUIRE_SEGV_MAPERR : QUIRE_SEGV_ACCERR);
		}
		assert_int_equal(rows[33].code, data ? QUIRE_BUS_ADRALN : 0);
	}
	assert_null(quire_arm_lpae_rows(profile("linux-6"), QUIRE_VECTOR_SYNC, &count));
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_dfsr),     cmocka_unit_test(every_ifsr), cmocka_unit_test(rows_of_2_4),
	    cmocka_unit_test(write_not_read), cmocka_unit_test(routes),     cmocka_unit_test(every_lpae),
	    cmocka_unit_test(lpae_handlers),
	};

	return cmocka_run_group_tests_name("explain-arm", tests, NULL, NULL);
}
