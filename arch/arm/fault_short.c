/* SPDX-License-Identifier: MIT */
/* ARM short-descriptor fault status: the 32 + 32 rows of each release (fsr_info, ifsr_info).
 *
 * The index is FSR[10] and FSR[3:0] (DDI 0406C, table B3-23; DDI 0487, G8.2, DFSR and IFSR with TTBCR.EAE
 * = 0). Cause and level follow the manual in every release. Handler, signal, code and name follow the
 * kernels of that release; older kernels knew fewer encodings.
 */
#include "arm/fault_rows.h"

#define SEGV   QUIRE_SIGSEGV
#define BUS    QUIRE_SIGBUS
#define MAPERR QUIRE_SEGV_MAPERR
#define ACCERR QUIRE_SEGV_ACCERR

/* 2.4 read only FSR[3:0], so its sixteen rows serve both values of bit 10. It sent signals without a code. */
static const struct quire_fault_row dfsr_2_4[ARM_ROWS] = {
    BAD(SEGV, RESERVED, NOWHERE, "vector exception"),
    BAD(QUIRE_SIGILL, ALIGNMENT, NOWHERE, "alignment exception"),
    BAD(QUIRE_SIGKILL, DEBUG, NOWHERE, "terminal exception"),
    BAD(QUIRE_SIGILL, ACCESS_FLAG, SECTION, "alignment exception"),
    BAD(BUS, TLB_MAINTENANCE, NOWHERE, "external abort on linefetch"),
    ROW(DO_TRANSLATION_FAULT, SEGV, MAPERR, NOT_PRESENT, SECTION, "section translation fault"),
    BAD(BUS, ACCESS_FLAG, PAGE, "external abort on linefetch"),
    ROW(DO_PAGE_FAULT, SEGV, MAPERR, NOT_PRESENT, PAGE, "page translation fault"),
    BAD(BUS, EXTERNAL_ABORT, NOWHERE, "external abort on non-linefetch"),
    BAD(SEGV, DOMAIN, SECTION, "section domain fault"),
    BAD(BUS, RESERVED, NOWHERE, "external abort on non-linefetch"),
    BAD(SEGV, DOMAIN, PAGE, "page domain fault"),
    BAD(BUS, WALK_EXTERNAL_ABORT, SECTION, "external abort on translation"),
    ROW(DO_SECT_FAULT, SEGV, ACCERR, PERMISSION, SECTION, "section permission fault"),
    BAD(BUS, WALK_EXTERNAL_ABORT, PAGE, "external abort on translation"),
    ROW(DO_PAGE_FAULT, SEGV, ACCERR, PERMISSION, PAGE, "page permission fault"),

    BAD(SEGV, TLB_CONFLICT, NOWHERE, "vector exception"),
    BAD(QUIRE_SIGILL, RESERVED, NOWHERE, "alignment exception"),
    BAD(QUIRE_SIGKILL, RESERVED, NOWHERE, "terminal exception"),
    BAD(QUIRE_SIGILL, RESERVED, NOWHERE, "alignment exception"),
    BAD(BUS, IMPLEMENTATION, NOWHERE, "external abort on linefetch"),
    ROW(DO_TRANSLATION_FAULT, SEGV, MAPERR, RESERVED, NOWHERE, "section translation fault"),
    BAD(BUS, ASYNC_EXTERNAL_ABORT, NOWHERE, "external abort on linefetch"),
    ROW(DO_PAGE_FAULT, SEGV, MAPERR, RESERVED, NOWHERE, "page translation fault"),
    BAD(BUS, ASYNC_PARITY, NOWHERE, "external abort on non-linefetch"),
    BAD(SEGV, PARITY, NOWHERE, "section domain fault"),
    BAD(BUS, IMPLEMENTATION, NOWHERE, "external abort on non-linefetch"),
    BAD(SEGV, RESERVED, NOWHERE, "page domain fault"),
    BAD(BUS, WALK_PARITY, SECTION, "external abort on translation"),
    ROW(DO_SECT_FAULT, SEGV, ACCERR, RESERVED, NOWHERE, "section permission fault"),
    BAD(BUS, WALK_PARITY, PAGE, "external abort on translation"),
    ROW(DO_PAGE_FAULT, SEGV, ACCERR, RESERVED, NOWHERE, "page permission fault"),
};

/* Rows 16 to 31 are the same in 2.6 and every later release. */
#define DFSR_UPPER_HALF                                                                                    \
	BAD(BUS, TLB_CONFLICT, NOWHERE, "unknown 16"), UNKNOWN(17), UNKNOWN(18), UNKNOWN(19),              \
	    BAD(BUS, IMPLEMENTATION, NOWHERE, "lock abort"), UNKNOWN(21),                                  \
	    ROW(DO_BAD, BUS, QUIRE_BUS_OBJERR, ASYNC_EXTERNAL_ABORT, NOWHERE, "imprecise external abort"), \
	    UNKNOWN(23), BAD(BUS, ASYNC_PARITY, NOWHERE, "dcache parity error"),                           \
	    BAD(BUS, PARITY, NOWHERE, "unknown 25"), BAD(BUS, IMPLEMENTATION, NOWHERE, "unknown 26"),      \
	    UNKNOWN(27), BAD(BUS, WALK_PARITY, SECTION, "unknown 28"), UNKNOWN(29),                        \
	    BAD(BUS, WALK_PARITY, PAGE, "unknown 30"), UNKNOWN(31)

/* 2.6: encodings 1 to 4 and 6 still carry the names of ARMv4 and ARMv5. */
static const struct quire_fault_row dfsr_2_6[ARM_ROWS] = {
    BAD(SEGV, RESERVED, NOWHERE, "vector exception"),
    ROW(DO_BAD, QUIRE_SIGILL, QUIRE_BUS_ADRALN, ALIGNMENT, NOWHERE, "alignment exception"),
    BAD(QUIRE_SIGKILL, DEBUG, NOWHERE, "terminal exception"),
    ROW(DO_BAD, QUIRE_SIGILL, QUIRE_BUS_ADRALN, ACCESS_FLAG, SECTION, "alignment exception"),
    BAD(BUS, TLB_MAINTENANCE, NOWHERE, "external abort on linefetch"),
    ROW(DO_TRANSLATION_FAULT, SEGV, MAPERR, NOT_PRESENT, SECTION, "section translation fault"),
    BAD(BUS, ACCESS_FLAG, PAGE, "external abort on linefetch"),
    ROW(DO_PAGE_FAULT, SEGV, MAPERR, NOT_PRESENT, PAGE, "page translation fault"),
    BAD(BUS, EXTERNAL_ABORT, NOWHERE, "external abort on non-linefetch"),
    ROW(DO_BAD, SEGV, ACCERR, DOMAIN, SECTION, "section domain fault"),
    BAD(BUS, RESERVED, NOWHERE, "external abort on non-linefetch"),
    ROW(DO_BAD, SEGV, ACCERR, DOMAIN, PAGE, "page domain fault"),
    BAD(BUS, WALK_EXTERNAL_ABORT, SECTION, "external abort on translation"),
    ROW(DO_SECT_FAULT, SEGV, ACCERR, PERMISSION, SECTION, "section permission fault"),
    BAD(BUS, WALK_EXTERNAL_ABORT, PAGE, "external abort on translation"),
    ROW(DO_PAGE_FAULT, SEGV, ACCERR, PERMISSION, PAGE, "page permission fault"),
    DFSR_UPPER_HALF,
};

/* 4.14 and later on ARMv7. Rows that start-up code replaces are given in their replaced form (alignment
 * fixup, hardware breakpoints, cache maintenance, access flag). */
static const struct quire_fault_row dfsr_4_14[ARM_ROWS] = {
    BAD(SEGV, RESERVED, NOWHERE, "vector exception"),
    ROW(DO_ALIGNMENT, BUS, QUIRE_BUS_ADRALN, ALIGNMENT, NOWHERE, "alignment exception"),
    ROW(DO_DEBUG, QUIRE_SIGTRAP, QUIRE_TRAP_HWBKPT, DEBUG, NOWHERE, "breakpoint debug exception"),
    ROW(DO_BAD, SEGV, MAPERR, ACCESS_FLAG, SECTION, "section access flag fault"),
    ROW(DO_TRANSLATION_FAULT, SEGV, MAPERR, TLB_MAINTENANCE, NOWHERE, "I-cache maintenance fault"),
    ROW(DO_TRANSLATION_FAULT, SEGV, MAPERR, NOT_PRESENT, SECTION, "section translation fault"),
    ROW(DO_BAD, SEGV, MAPERR, ACCESS_FLAG, PAGE, "page access flag fault"),
    ROW(DO_PAGE_FAULT, SEGV, MAPERR, NOT_PRESENT, PAGE, "page translation fault"),
    BAD(BUS, EXTERNAL_ABORT, NOWHERE, "external abort on non-linefetch"),
    ROW(DO_BAD, SEGV, ACCERR, DOMAIN, SECTION, "section domain fault"),
    BAD(BUS, RESERVED, NOWHERE, "external abort on non-linefetch"),
    ROW(DO_BAD, SEGV, ACCERR, DOMAIN, PAGE, "page domain fault"),
    BAD(BUS, WALK_EXTERNAL_ABORT, SECTION, "external abort on translation"),
    ROW(DO_SECT_FAULT, SEGV, ACCERR, PERMISSION, SECTION, "section permission fault"),
    BAD(BUS, WALK_EXTERNAL_ABORT, PAGE, "external abort on translation"),
    ROW(DO_PAGE_FAULT, SEGV, ACCERR, PERMISSION, PAGE, "page permission fault"),
    DFSR_UPPER_HALF,
};

/* All rows of IFSR; the one that differs between releases is a parameter. */
#define IFSR_ROWS(debug_row)                                                                            \
	UNKNOWN(0), BAD(BUS, ALIGNMENT, NOWHERE, "unknown 1"), debug_row,                               \
	    ROW(DO_BAD, SEGV, ACCERR, ACCESS_FLAG, SECTION, "section access flag fault"), UNKNOWN(4),   \
	    ROW(DO_TRANSLATION_FAULT, SEGV, MAPERR, NOT_PRESENT, SECTION, "section translation fault"), \
	    ROW(DO_BAD, SEGV, ACCERR, ACCESS_FLAG, PAGE, "page access flag fault"),                     \
	    ROW(DO_PAGE_FAULT, SEGV, MAPERR, NOT_PRESENT, PAGE, "page translation fault"),              \
	    BAD(BUS, EXTERNAL_ABORT, NOWHERE, "external abort on non-linefetch"),                       \
	    ROW(DO_BAD, SEGV, ACCERR, DOMAIN, SECTION, "section domain fault"), UNKNOWN(10),            \
	    ROW(DO_BAD, SEGV, ACCERR, DOMAIN, PAGE, "page domain fault"),                               \
	    BAD(BUS, WALK_EXTERNAL_ABORT, SECTION, "external abort on translation"),                    \
	    ROW(DO_SECT_FAULT, SEGV, ACCERR, PERMISSION, SECTION, "section permission fault"),          \
	    BAD(BUS, WALK_EXTERNAL_ABORT, PAGE, "external abort on translation"),                       \
	    ROW(DO_PAGE_FAULT, SEGV, ACCERR, PERMISSION, PAGE, "page permission fault"),                \
	    BAD(BUS, TLB_CONFLICT, NOWHERE, "unknown 16"), UNKNOWN(17), UNKNOWN(18), UNKNOWN(19),       \
	    BAD(BUS, IMPLEMENTATION, NOWHERE, "unknown 20"), UNKNOWN(21), UNKNOWN(22), UNKNOWN(23),     \
	    UNKNOWN(24), BAD(BUS, PARITY, NOWHERE, "unknown 25"),                                       \
	    BAD(BUS, IMPLEMENTATION, NOWHERE, "unknown 26"), UNKNOWN(27),                               \
	    BAD(BUS, WALK_PARITY, SECTION, "unknown 28"), UNKNOWN(29),                                  \
	    BAD(BUS, WALK_PARITY, PAGE, "unknown 30"), UNKNOWN(31)

static const struct quire_fault_row ifsr_2_6[ARM_ROWS] = {
    IFSR_ROWS(BAD(BUS, DEBUG, NOWHERE, "debug event")),
};

static const struct quire_fault_row ifsr_4_14[ARM_ROWS] = {
    IFSR_ROWS(ROW(DO_DEBUG, QUIRE_SIGTRAP, QUIRE_TRAP_HWBKPT, DEBUG, NOWHERE, "breakpoint debug exception")),
};

/* 2.4 had no table for prefetch aborts: it did not read IFSR and treated all of them as translation
 * faults. The causes follow the manual. */
#define ALL(why, where) ROW(DO_TRANSLATION_FAULT, SEGV, MAPERR, why, where, "prefetch abort")
static const struct quire_fault_row ifsr_2_4[ARM_ROWS] = {
    ALL(RESERVED, NOWHERE),
    ALL(ALIGNMENT, NOWHERE),
    ALL(DEBUG, NOWHERE),
    ALL(ACCESS_FLAG, SECTION),
    ALL(RESERVED, NOWHERE),
    ALL(NOT_PRESENT, SECTION),
    ALL(ACCESS_FLAG, PAGE),
    ALL(NOT_PRESENT, PAGE),
    ALL(EXTERNAL_ABORT, NOWHERE),
    ALL(DOMAIN, SECTION),
    ALL(RESERVED, NOWHERE),
    ALL(DOMAIN, PAGE),
    ALL(WALK_EXTERNAL_ABORT, SECTION),
    ALL(PERMISSION, SECTION),
    ALL(WALK_EXTERNAL_ABORT, PAGE),
    ALL(PERMISSION, PAGE),
    ALL(TLB_CONFLICT, NOWHERE),
    ALL(RESERVED, NOWHERE),
    ALL(RESERVED, NOWHERE),
    ALL(RESERVED, NOWHERE),
    ALL(IMPLEMENTATION, NOWHERE),
    ALL(RESERVED, NOWHERE),
    ALL(RESERVED, NOWHERE),
    ALL(RESERVED, NOWHERE),
    ALL(RESERVED, NOWHERE),
    ALL(PARITY, NOWHERE),
    ALL(IMPLEMENTATION, NOWHERE),
    ALL(RESERVED, NOWHERE),
    ALL(WALK_PARITY, SECTION),
    ALL(RESERVED, NOWHERE),
    ALL(WALK_PARITY, PAGE),
    ALL(RESERVED, NOWHERE),
};

const struct quire_fault_row *qr_arm_short_rows(const struct quire_profile *profile, enum quire_vector vector)
{
	bool data = vector == QUIRE_VECTOR_DATA_ABORT;

	switch (profile->release) {
	case QUIRE_LINUX_2_4:
		return data ? dfsr_2_4 : ifsr_2_4;
	case QUIRE_LINUX_2_6:
		return data ? dfsr_2_6 : ifsr_2_6;
	default:
		return data ? dfsr_4_14 : ifsr_4_14;
	}
}
