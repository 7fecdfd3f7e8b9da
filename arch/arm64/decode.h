/* SPDX-License-Identifier: MIT */
/* The syndrome decoder of ARM64: ESR_EL1. */
#ifndef QR_ARM64_DECODE_H
#define QR_ARM64_DECODE_H

#include <quire/port/arch.h>

/* quire_arch.decode: total and pure. It records every entry function that the fault passes in
 * out_fault->steps; what comes after the route is src/fault's to record. */
void qr_arm64_decode(const struct quire_arch *arch, const struct quire_profile *profile,
		     const struct quire_fault_row *const *rows, const struct quire_trap *trap,
		     struct quire_fault *out_fault);

/* quire_arch.rows: the syndrome table of a vector for the release that the profile describes. */
const struct quire_fault_row *qr_arm64_rows(const struct quire_arch *arch,
					    const struct quire_profile *profile, enum quire_vector vector,
					    unsigned *out_count);

/* One of the 64 exception classes of ESR_EL1.EC (DDI 0487, D17.2.37). */
struct qr_arm64_class {
	enum quire_step handler; /* QUIRE_STEP_DO_MEM_ABORT, ..DO_SP_PC_ABORT, ..DO_DEBUG; ..TRAP: no fault */
	uint8_t signal; /* what Linux sends to a user that has it unhandled; 0: nothing, or not a user's */
	uint8_t code;
	uint8_t cause; /* enum quire_cause; UNKNOWN for aborts: the fault status code says */
	const char *name;
};

/* The class `ec`, of which the low six bits count. */
const struct qr_arm64_class *qr_arm64_class(unsigned ec);

#endif
