/* SPDX-License-Identifier: MIT */
/* Macros that spell the rows of the ARM64 syndrome table. */
#ifndef QR_ARM64_FAULT_ROWS_H
#define QR_ARM64_FAULT_ROWS_H

#include "arm64/decode.h"

#define ARM64_ROWS 64

/* handler, signal, si_code, cause, level, name. */
#define ROW(fn, sig, si, why, where, text)                               \
	{                                                                \
		QUIRE_STEP_##fn, sig, si, QUIRE_CAUSE_##why, where, text \
	}
#define NOWHERE QUIRE_LEVEL_NONE

#endif
