/* SPDX-License-Identifier: MIT */
/* From a trap to a fault. Decoding is pure, so what it says of the common syndromes is remembered.
 *
 *   plain syndrome    one of the few numbers that ordinary page faults come with (quire_arch.plain_codes):
 *                     decoded when the system is made, and again when a row is replaced
 *   any other         the architecture decodes it there and then */
#ifndef QR_DECODE_H
#define QR_DECODE_H

#include "system.h"

/* Decodes every plain syndrome by the rows of now. => no fault is being decoded. */
void qr_decode_learn(struct quire_system *system);

QR_INLINE bool qr_decode_is_plain(const struct quire_arch *arch, const struct quire_trap *trap)
{
	return trap->syndrome < arch->plain_codes && trap->vector == arch->plain_vector &&
	       trap->mode == QUIRE_MODE_USER && quire_va_is_user(arch, trap->address);
}

QR_INLINE void qr_decode(const struct quire_system *system, const struct quire_trap *trap,
			 struct quire_fault *out_fault)
{
	const struct quire_arch *arch = qr_arch(system);
	const struct quire_fault *known;

	if (qr_unlikely(!qr_decode_is_plain(arch, trap))) {
		arch->decode(arch, system->profile, system->rows, trap, out_fault);
		return;
	}
	known = &system->plain[trap->syndrome];
	/* Every field by name: compilers copy the run of bytes in a few words, and clear nothing before. */
	out_fault->va = trap->address;
	out_fault->pc = trap->pc;
	out_fault->sp = trap->sp;
	out_fault->raw = trap->syndrome;
	out_fault->name = known->name;
	out_fault->vector = known->vector;
	out_fault->access = known->access;
	out_fault->mode = known->mode;
	out_fault->cause = known->cause;
	out_fault->level = known->level;
	out_fault->route = known->route;
	out_fault->present = known->present;
	out_fault->signal = known->signal;
	out_fault->code = known->code;
	out_fault->steps_count = known->steps_count;
	QR_UNROLL
	for (unsigned i = 0; i < QR_ARRAY_COUNT(known->steps); i++)
		out_fault->steps[i] = known->steps[i];
	out_fault->context = trap->context;
}

#endif
