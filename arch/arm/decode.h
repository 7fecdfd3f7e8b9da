/* SPDX-License-Identifier: MIT */
/* The syndrome decoder of ARM: DFSR and IFSR, short descriptors and LPAE. */
#ifndef QR_ARM_DECODE_H
#define QR_ARM_DECODE_H

#include <quire/port/arch.h>

/* quire_arch.decode: total and pure. It records every entry function that the fault passes through in
 * out_fault->steps; src/fault records the steps after the route. */
void qr_arm_decode(const struct quire_arch *arch, const struct quire_profile *profile,
		   const struct quire_fault_row *const *rows, const struct quire_trap *trap,
		   struct quire_fault *out_fault);

/* quire_arch.rows: the syndrome table of a vector for the release that the profile describes. */
const struct quire_fault_row *qr_arm_rows(const struct quire_arch *arch, const struct quire_profile *profile,
					  enum quire_vector vector, unsigned *out_count);

/* quire_arch.raise. */
enum quire_status qr_arm_raise(const struct quire_arch *arch, const struct quire_fault *fault,
			       struct quire_trap *trap);

#endif
