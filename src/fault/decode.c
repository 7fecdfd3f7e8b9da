/* SPDX-License-Identifier: MIT */
/* Learning what the plain syndromes decode to, and what their counts stand for. */
#include "fault/decode.h"

/* How often the way in of a fault has `step`. */
static uint64_t times(const struct quire_fault *fault, enum quire_step step)
{
	uint64_t found = step == QUIRE_STEP_TRAP;

	for (unsigned i = 0; i < fault->steps_count; i++)
		found += fault->steps[i] == step;
	return found;
}

uint64_t qr_decode_counted(const struct quire_system *system, enum quire_step step)
{
	uint64_t sum = 0;

	for (unsigned code = 0; code < qr_arch(system)->plain_codes; code++) {
		uint64_t each = times(&system->plain[code], step);

		for (unsigned i = 0; each && i < system->cpus; i++)
			sum += each * __atomic_load_n(&system->cpu[i].plain[code], __ATOMIC_RELAXED);
	}
	return sum;
}

/* A syndrome is about to mean something else: its counts until now go to the steps they stand for. */
static void settle(struct quire_system *system, unsigned code)
{
	const struct quire_fault *fault = &system->plain[code];

	for (unsigned i = 0; i < system->cpus; i++) {
		struct qr_cpu *cpu = &system->cpu[i];
		uint64_t count = cpu->plain[code];

		qr_count_by(&cpu->steps[QUIRE_STEP_TRAP], count);
		for (unsigned at = 0; at < fault->steps_count; at++)
			qr_count_by(&cpu->steps[fault->steps[at]], count);
		qr_count_by(&cpu->plain[code], -count);
	}
}

void qr_decode_learn(struct quire_system *system)
{
	const struct quire_arch *arch = qr_arch(system);
	struct quire_trap trap = {.vector = (enum quire_vector)arch->plain_vector, .mode = QUIRE_MODE_USER};

	qr_assert(system, arch->plain_codes <= QUIRE_PLAIN_CODES);
	for (unsigned code = 0; code < arch->plain_codes; code++) {
		settle(system, code);
		trap.syndrome = code;
		arch->decode(arch, system->profile, system->rows, &trap, &system->plain[code]);
	}
}
