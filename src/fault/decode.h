/* SPDX-License-Identifier: MIT */
/* From a trap to a fault. Decoding is pure, so the result for common syndromes is kept.
 *
 *   plain syndrome    one of the few numbers that ordinary page faults come with (quire_arch.plain):
 *                     decoded when the system is made, and again when a row is replaced;
 *                     counted by syndrome, for all the steps of its entry at once
 *   any other         the architecture decodes it when it comes */
#ifndef QR_DECODE_H
#define QR_DECODE_H

#include "base/system.h"

/* Decodes every plain syndrome by the rows in force. => no fault is being decoded. */
void qr_decode_prepare(struct quire_system *system);

/* Frees the rows that quire_fault_hook() copied. => no fault is being decoded. */
void qr_decode_unhook(struct quire_system *system);

/* How many faults of plain syndromes passed `step` in their entry: these are counted by syndrome. */
uint64_t qr_decode_counter(const struct quire_system *system, enum quire_step step);

/* What a trap of a plain syndrome means, all but the trap's own address, pc, sp and context; NULL: another
 * syndrome, or not from user mode. */
QR_INLINE const struct quire_fault *qr_decode_plain(const struct quire_system *system,
						    const struct quire_trap *trap)
{
	const struct quire_arch *arch = qr_arch(system);
	const struct quire_fault *fault;

	if (arch->plain.codes == 0)
		return NULL;
	fault = &system->plain[quire_plain_code(&arch->plain, trap->syndrome)];
	if (qr_likely(trap->syndrome == fault->raw && trap->vector == arch->plain.vector &&
		      trap->mode == QUIRE_MODE_USER && quire_va_is_user(qr_width(system), trap->address)))
		return fault;
	return NULL;
}

#endif
