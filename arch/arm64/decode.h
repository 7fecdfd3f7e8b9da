/* SPDX-License-Identifier: MIT */
/* The syndrome decoder of ARM64: ESR_EL1. */
#ifndef QR_ARM64_DECODE_H
#define QR_ARM64_DECODE_H

#include <quire/port/arch.h>

/* quire_arch.decode: total and pure. It records every entry function that the fault passes through in
 * out_fault->steps; src/fault records the steps after the route. */
void qr_arm64_decode(const struct quire_arch *arch, const struct quire_profile *profile,
		     const struct quire_fault_row *const *rows, const struct quire_trap *trap,
		     struct quire_fault *out_fault);

/* quire_arch.rows: the syndrome table of a vector for the release that the profile describes. */
const struct quire_fault_row *qr_arm64_rows(const struct quire_arch *arch,
					    const struct quire_profile *profile, enum quire_vector vector,
					    unsigned *out_count);

/* One of the 64 exception classes of ESR_EL1.EC (DDI 0487, D17.2.37). */
struct qr_arm64_class {
	/* QUIRE_STEP_DO_MEM_ABORT, QUIRE_STEP_DO_SP_PC_ABORT or QUIRE_STEP_DO_DEBUG; QUIRE_STEP_TRAP: not a fault. */
	enum quire_step handler;
	uint8_t signal; /* what Linux sends to a user program if nothing handles it; 0: no signal */
	uint8_t code;
	uint8_t cause; /* enum quire_cause; UNKNOWN for aborts: the fault status code gives it */
	const char *name;
};

/* The class for `ec`; only the low six bits are used. */
const struct qr_arm64_class *qr_arm64_class(unsigned ec);

/* quire_arch.raise. */
enum quire_status qr_arm64_raise(const struct quire_arch *arch, const struct quire_fault *fault,
				 struct quire_trap *trap);

#endif
