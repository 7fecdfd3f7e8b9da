/* SPDX-License-Identifier: MIT */
/* Learning what the plain syndromes decode to. */
#include "fault/decode.h"

void qr_decode_learn(struct quire_system *system)
{
	const struct quire_arch *arch = qr_arch(system);
	struct quire_trap trap = {.vector = (enum quire_vector)arch->plain_vector, .mode = QUIRE_MODE_USER};

	qr_assert(system, arch->plain_codes <= QUIRE_PLAIN_CODES);
	for (; trap.syndrome < arch->plain_codes; trap.syndrome++)
		arch->decode(arch, system->profile, system->rows, &trap, &system->plain[trap.syndrome]);
}
