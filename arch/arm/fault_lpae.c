/* SPDX-License-Identifier: MIT */
/* ARM long-descriptor (LPAE) fault status: the 64 + 64 rows.
 *
 * The index is FSR.STATUS, bits 5:0 (DDI 0406C, table B3-24; DDI 0487, G8.2, DFSR and IFSR with TTBCR.EAE
 * = 1). Linux 3.3 introduced the format, and its table has not changed since, so every profile uses the
 * same one.
 */
#include "arm/fault_rows.h"

#define SEGV   QUIRE_SIGSEGV
#define BUS    QUIRE_SIGBUS
#define MAPERR QUIRE_SEGV_MAPERR
#define ACCERR QUIRE_SEGV_ACCERR

/* Both registers have these; DFSR alone has asynchronous aborts (17, 25) and cache maintenance. */
#define LPAE_ROWS(alignment_row, debug_row, async_abort, async_parity)                                      \
	BAD(BUS, ADDRESS_SIZE, 0, "unknown 0"), BAD(BUS, ADDRESS_SIZE, 1, "unknown 1"),                     \
	    BAD(BUS, ADDRESS_SIZE, 2, "unknown 2"), BAD(BUS, ADDRESS_SIZE, 3, "unknown 3"),                 \
	    BAD(BUS, RESERVED, NOWHERE, "reserved translation fault"),                                      \
	    ROW(DO_TRANSLATION_FAULT, SEGV, MAPERR, NOT_PRESENT, 1, "level 1 translation fault"),           \
	    ROW(DO_TRANSLATION_FAULT, SEGV, MAPERR, NOT_PRESENT, 2, "level 2 translation fault"),           \
	    ROW(DO_PAGE_FAULT, SEGV, MAPERR, NOT_PRESENT, 3, "level 3 translation fault"),                  \
	    BAD(BUS, RESERVED, NOWHERE, "reserved access flag fault"),                                      \
	    ROW(DO_BAD, SEGV, ACCERR, ACCESS_FLAG, 1, "level 1 access flag fault"),                         \
	    ROW(DO_PAGE_FAULT, SEGV, ACCERR, ACCESS_FLAG, 2, "level 2 access flag fault"),                  \
	    ROW(DO_PAGE_FAULT, SEGV, ACCERR, ACCESS_FLAG, 3, "level 3 access flag fault"),                  \
	    BAD(BUS, RESERVED, NOWHERE, "reserved permission fault"),                                       \
	    ROW(DO_BAD, SEGV, ACCERR, PERMISSION, 1, "level 1 permission fault"),                           \
	    ROW(DO_PAGE_FAULT, SEGV, ACCERR, PERMISSION, 2, "level 2 permission fault"),                    \
	    ROW(DO_PAGE_FAULT, SEGV, ACCERR, PERMISSION, 3, "level 3 permission fault"),                    \
	    BAD(BUS, EXTERNAL_ABORT, NOWHERE, "synchronous external abort"), async_abort, UNKNOWN(18),      \
	    UNKNOWN(19), BAD(BUS, RESERVED, NOWHERE, "synchronous abort (translation table walk)"),         \
	    BAD(BUS, WALK_EXTERNAL_ABORT, 1, "synchronous abort (translation table walk)"),                 \
	    BAD(BUS, WALK_EXTERNAL_ABORT, 2, "synchronous abort (translation table walk)"),                 \
	    BAD(BUS, WALK_EXTERNAL_ABORT, 3, "synchronous abort (translation table walk)"),                 \
	    BAD(BUS, PARITY, NOWHERE, "synchronous parity error"), async_parity, UNKNOWN(26), UNKNOWN(27),  \
	    BAD(BUS, RESERVED, NOWHERE, "synchronous parity error (translation table walk)"),               \
	    BAD(BUS, WALK_PARITY, 1, "synchronous parity error (translation table walk)"),                  \
	    BAD(BUS, WALK_PARITY, 2, "synchronous parity error (translation table walk)"),                  \
	    BAD(BUS, WALK_PARITY, 3, "synchronous parity error (translation table walk)"), UNKNOWN(32),     \
	    alignment_row, debug_row, UNKNOWN(35), UNKNOWN(36), UNKNOWN(37), UNKNOWN(38), UNKNOWN(39),      \
	    UNKNOWN(40), UNKNOWN(41), UNKNOWN(42), UNKNOWN(43), UNKNOWN(44), UNKNOWN(45), UNKNOWN(46),      \
	    UNKNOWN(47), BAD(BUS, TLB_CONFLICT, NOWHERE, "TLB conflict abort"), UNKNOWN(49), UNKNOWN(50),   \
	    UNKNOWN(51), BAD(BUS, IMPLEMENTATION, NOWHERE, "implementation fault (lockdown abort)"),        \
	    BAD(BUS, IMPLEMENTATION, NOWHERE, "unknown 53"), UNKNOWN(54), UNKNOWN(55), UNKNOWN(56),         \
	    UNKNOWN(57), BAD(BUS, IMPLEMENTATION, NOWHERE, "implementation fault (coprocessor abort)"),     \
	    UNKNOWN(59), UNKNOWN(60), BAD(BUS, DOMAIN, 1, "unknown 61"), BAD(BUS, DOMAIN, 2, "unknown 62"), \
	    UNKNOWN(63)

static const struct quire_fault_row dfsr_lpae[ARM_LPAE_ROWS] = {
    LPAE_ROWS(ROW(DO_ALIGNMENT, BUS, QUIRE_BUS_ADRALN, ALIGNMENT, NOWHERE, "alignment fault"),
	      ROW(DO_DEBUG, QUIRE_SIGTRAP, QUIRE_TRAP_HWBKPT, DEBUG, NOWHERE, "breakpoint debug exception"),
	      BAD(BUS, ASYNC_EXTERNAL_ABORT, NOWHERE, "asynchronous external abort"),
	      BAD(BUS, ASYNC_PARITY, NOWHERE, "asynchronous parity error")),
};

static const struct quire_fault_row ifsr_lpae[ARM_LPAE_ROWS] = {
    LPAE_ROWS(BAD(BUS, ALIGNMENT, NOWHERE, "alignment fault"),
	      ROW(DO_DEBUG, QUIRE_SIGTRAP, QUIRE_TRAP_HWBKPT, DEBUG, NOWHERE, "breakpoint debug exception"),
	      BAD(BUS, RESERVED, NOWHERE, "asynchronous external abort"),
	      BAD(BUS, RESERVED, NOWHERE, "asynchronous parity error")),
};

const struct quire_fault_row *quire_arm_lpae_rows(const struct quire_profile *profile,
						  enum quire_vector vector, unsigned *out_count)
{
	*out_count = ARM_LPAE_ROWS;
	if (vector == QUIRE_VECTOR_DATA_ABORT)
		return dfsr_lpae;
	if (vector == QUIRE_VECTOR_PREFETCH_ABORT)
		return ifsr_lpae;
	*out_count = 0;
	return NULL;
}
