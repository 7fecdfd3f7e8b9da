/* SPDX-License-Identifier: MIT */
/* Macros that spell the rows of the ARM syndrome tables. */
#ifndef QR_ARM_FAULT_ROWS_H
#define QR_ARM_FAULT_ROWS_H

#include "arm/decode.h"

#define ARM_ROWS      32
#define ARM_LPAE_ROWS 64

/* handler, signal, si_code, cause, level, name. */
#define ROW(fn, sig, si, why, where, text)                               \
	{                                                                \
		QUIRE_STEP_##fn, sig, si, QUIRE_CAUSE_##why, where, text \
	}
/* A row without a handler. */
#define BAD(sig, why, where, text) ROW(DO_BAD, sig, 0, why, where, text)
/* An encoding that the manual reserves. */
#define UNKNOWN(n) BAD(QUIRE_SIGBUS, RESERVED, QUIRE_LEVEL_NONE, "unknown " #n)

#define NOWHERE QUIRE_LEVEL_NONE
#define SECTION QUIRE_LEVEL_SECTION
#define PAGE    QUIRE_LEVEL_PAGE

/* arch/arm/fault_short.c: the tables of the short-descriptor format. */
const struct quire_fault_row *qr_arm_short_rows(const struct quire_profile *profile,
						enum quire_vector vector);

#endif
