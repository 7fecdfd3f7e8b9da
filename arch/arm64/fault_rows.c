/* SPDX-License-Identifier: MIT */
/* ARM64 fault status codes: the 64 rows of each release (fault_info).
 *
 * The index is ESR_EL1.ISS[5:0], DFSC or IFSC (DDI 0487, D17.2.37, ISS encoding for an exception from a
 * data abort). Cause and level follow the manual in every release. For rows without a handler, kernels
 * before 4.17 sent SIGBUS without a code; later kernels send SIGKILL with SI_KERNEL.
 */
#include "arm64/fault_rows.h"

#define SEGV   QUIRE_SIGSEGV
#define BUS    QUIRE_SIGBUS
#define MAPERR QUIRE_SEGV_MAPERR
#define ACCERR QUIRE_SEGV_ACCERR

#define TRANSLATION(n) \
	ROW(DO_TRANSLATION_FAULT, SEGV, MAPERR, NOT_PRESENT, n, "level " #n " translation fault")
#define ACCESS_FLAG(n) ROW(DO_PAGE_FAULT, SEGV, ACCERR, ACCESS_FLAG, n, "level " #n " access flag fault")
#define PERMISSION(n)  ROW(DO_PAGE_FAULT, SEGV, ACCERR, PERMISSION, n, "level " #n " permission fault")

#define WALK(n)        "level " #n " (translation table walk)"
#define WALK_PARITY(n) "level " #n " synchronous parity error (translation table walk)"

/* 4.14. Also used for earlier profiles, whose kernels had no ARM64. */
#define BAD(why, where, text) ROW(DO_BAD, BUS, 0, why, where, text)
#define SEA(why, where, text) ROW(DO_SEA, BUS, 0, why, where, text)
#define UNKNOWN(n)            BAD(RESERVED, NOWHERE, "unknown " #n)
static const struct quire_fault_row fsc_4_14[ARM64_ROWS] = {
    BAD(ADDRESS_SIZE, 0, "ttbr address size fault"),
    BAD(ADDRESS_SIZE, 1, "level 1 address size fault"),
    BAD(ADDRESS_SIZE, 2, "level 2 address size fault"),
    BAD(ADDRESS_SIZE, 3, "level 3 address size fault"),
    TRANSLATION(0),
    TRANSLATION(1),
    TRANSLATION(2),
    TRANSLATION(3),
    BAD(ACCESS_FLAG, 0, "unknown 8"), /* level 0 needs FEAT_LPA2, which is newer than this kernel */
    ACCESS_FLAG(1),
    ACCESS_FLAG(2),
    ACCESS_FLAG(3),
    BAD(PERMISSION, 0, "unknown 12"),
    PERMISSION(1),
    PERMISSION(2),
    PERMISSION(3),
    SEA(EXTERNAL_ABORT, NOWHERE, "synchronous external abort"),
    BAD(TAG_CHECK, NOWHERE, "unknown 17"),
    UNKNOWN(18),
    BAD(WALK_EXTERNAL_ABORT, -1, "unknown 19"),
    SEA(WALK_EXTERNAL_ABORT, 0, WALK(0)),
    SEA(WALK_EXTERNAL_ABORT, 1, WALK(1)),
    SEA(WALK_EXTERNAL_ABORT, 2, WALK(2)),
    SEA(WALK_EXTERNAL_ABORT, 3, WALK(3)),
    SEA(PARITY, NOWHERE, "synchronous parity or ECC error"),
    UNKNOWN(25),
    UNKNOWN(26),
    BAD(WALK_PARITY, -1, "unknown 27"),
    SEA(WALK_PARITY, 0, WALK_PARITY(0)),
    SEA(WALK_PARITY, 1, WALK_PARITY(1)),
    SEA(WALK_PARITY, 2, WALK_PARITY(2)),
    SEA(WALK_PARITY, 3, WALK_PARITY(3)),
    UNKNOWN(32),
    ROW(DO_ALIGNMENT, BUS, QUIRE_BUS_ADRALN, ALIGNMENT, NOWHERE, "alignment fault"),
    UNKNOWN(34),
    BAD(GRANULE, -1, "unknown 35"),
    BAD(GRANULE, 0, "unknown 36"),
    BAD(GRANULE, 1, "unknown 37"),
    BAD(GRANULE, 2, "unknown 38"),
    BAD(GRANULE, 3, "unknown 39"),
    BAD(GRANULE, NOWHERE, "unknown 40"),
    BAD(ADDRESS_SIZE, -1, "unknown 41"),
    UNKNOWN(42),
    BAD(NOT_PRESENT, -1, "unknown 43"),
    UNKNOWN(44),
    UNKNOWN(45),
    UNKNOWN(46),
    UNKNOWN(47),
    BAD(TLB_CONFLICT, NOWHERE, "TLB conflict abort"),
    BAD(ATOMIC, NOWHERE, "Unsupported atomic hardware update fault"),
    UNKNOWN(50),
    UNKNOWN(51),
    BAD(IMPLEMENTATION, NOWHERE, "implementation fault (lockdown abort)"),
    BAD(IMPLEMENTATION, NOWHERE, "implementation fault (unsupported exclusive)"),
    UNKNOWN(54),
    UNKNOWN(55),
    UNKNOWN(56),
    UNKNOWN(57),
    UNKNOWN(58),
    UNKNOWN(59),
    UNKNOWN(60),
    BAD(DOMAIN, 1, "section domain fault"), /* only from a 32-bit translation stage */
    BAD(DOMAIN, 2, "page domain fault"),
    UNKNOWN(63),
};
#undef BAD
#undef SEA
#undef UNKNOWN

/* Linux 6. */
#define BAD(why, where, text)  ROW(DO_BAD, QUIRE_SIGKILL, QUIRE_SI_KERNEL, why, where, text)
#define SEA(why, where, text)  ROW(DO_SEA, BUS, QUIRE_BUS_OBJERR, why, where, text)
#define SEA_KILL(why, n, text) ROW(DO_SEA, QUIRE_SIGKILL, QUIRE_SI_KERNEL, why, n, text)
#define UNKNOWN(n)             BAD(RESERVED, NOWHERE, "unknown " #n)
static const struct quire_fault_row fsc_6[ARM64_ROWS] = {
    BAD(ADDRESS_SIZE, 0, "ttbr address size fault"),
    BAD(ADDRESS_SIZE, 1, "level 1 address size fault"),
    BAD(ADDRESS_SIZE, 2, "level 2 address size fault"),
    BAD(ADDRESS_SIZE, 3, "level 3 address size fault"),
    TRANSLATION(0),
    TRANSLATION(1),
    TRANSLATION(2),
    TRANSLATION(3),
    ACCESS_FLAG(0),
    ACCESS_FLAG(1),
    ACCESS_FLAG(2),
    ACCESS_FLAG(3),
    PERMISSION(0),
    PERMISSION(1),
    PERMISSION(2),
    PERMISSION(3),
    SEA(EXTERNAL_ABORT, NOWHERE, "synchronous external abort"),
    ROW(DO_TAG_CHECK, SEGV, QUIRE_SEGV_MTESERR, TAG_CHECK, NOWHERE, "synchronous tag check fault"),
    UNKNOWN(18),
    SEA_KILL(WALK_EXTERNAL_ABORT, -1, WALK(-1)),
    SEA_KILL(WALK_EXTERNAL_ABORT, 0, WALK(0)),
    SEA_KILL(WALK_EXTERNAL_ABORT, 1, WALK(1)),
    SEA_KILL(WALK_EXTERNAL_ABORT, 2, WALK(2)),
    SEA_KILL(WALK_EXTERNAL_ABORT, 3, WALK(3)),
    SEA(PARITY, NOWHERE, "synchronous parity or ECC error"),
    UNKNOWN(25),
    UNKNOWN(26),
    SEA_KILL(WALK_PARITY, -1, WALK_PARITY(-1)),
    SEA_KILL(WALK_PARITY, 0, WALK_PARITY(0)),
    SEA_KILL(WALK_PARITY, 1, WALK_PARITY(1)),
    SEA_KILL(WALK_PARITY, 2, WALK_PARITY(2)),
    SEA_KILL(WALK_PARITY, 3, WALK_PARITY(3)),
    UNKNOWN(32),
    ROW(DO_ALIGNMENT, BUS, QUIRE_BUS_ADRALN, ALIGNMENT, NOWHERE, "alignment fault"),
    UNKNOWN(34),
    BAD(GRANULE, -1, "unknown 35"),
    BAD(GRANULE, 0, "unknown 36"),
    BAD(GRANULE, 1, "unknown 37"),
    BAD(GRANULE, 2, "unknown 38"),
    BAD(GRANULE, 3, "unknown 39"),
    BAD(GRANULE, NOWHERE, "unknown 40"),
    BAD(ADDRESS_SIZE, -1, "level -1 address size fault"),
    UNKNOWN(42),
    TRANSLATION(-1),
    UNKNOWN(44),
    UNKNOWN(45),
    UNKNOWN(46),
    UNKNOWN(47),
    BAD(TLB_CONFLICT, NOWHERE, "TLB conflict abort"),
    BAD(ATOMIC, NOWHERE, "Unsupported atomic hardware update fault"),
    UNKNOWN(50),
    UNKNOWN(51),
    BAD(IMPLEMENTATION, NOWHERE, "implementation fault (lockdown abort)"),
    ROW(DO_BAD, BUS, QUIRE_BUS_OBJERR, IMPLEMENTATION, NOWHERE,
	"implementation fault (unsupported exclusive)"),
    UNKNOWN(54),
    UNKNOWN(55),
    UNKNOWN(56),
    UNKNOWN(57),
    UNKNOWN(58),
    UNKNOWN(59),
    UNKNOWN(60),
    BAD(DOMAIN, 1, "section domain fault"),
    BAD(DOMAIN, 2, "page domain fault"),
    UNKNOWN(63),
};

const struct quire_fault_row *qr_arm64_rows(const struct quire_arch *arch,
					    const struct quire_profile *profile, enum quire_vector vector,
					    unsigned *out_count)
{
	if (vector != QUIRE_VECTOR_SYNC) {
		*out_count = 0;
		return NULL;
	}
	*out_count = ARM64_ROWS;
	return profile->release == QUIRE_LINUX_6 ? fsc_6 : fsc_4_14;
}
