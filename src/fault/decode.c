/* SPDX-License-Identifier: MIT */
/* Plain syndromes decoded beforehand, and rows of the syndrome tables replaced at run time.
 *
 * The tables are constant. The first replacement in one copies it into a frame, which the decoder is
 * given instead from then on (hook_fault_code). */
#include "fault/decode.h"
#include "fault/fault.h"

#define VECTORS QR_ARRAY_COUNT(((struct quire_system *)0)->rows)

/* --- plain syndromes ------------------------------------------------------------------------------------ */

/* How often the entry of a fault passes `step`. */
static uint64_t times(const struct quire_fault *fault, enum quire_step step)
{
	uint64_t found = step == QUIRE_STEP_TRAP;

	for (unsigned i = 0; i < fault->steps_count; i++)
		found += fault->steps[i] == step;
	return found;
}

uint64_t qr_decode_counter(const struct quire_system *system, enum quire_step step)
{
	uint64_t sum = 0;

	for (unsigned code = 0; code < qr_arch(system)->plain.codes; code++) {
		uint64_t each = times(&system->plain[code], step);

		for (unsigned i = 0; each && i < system->cpus; i++)
			sum += each * __atomic_load_n(&system->cpu[i].plain[code], __ATOMIC_RELAXED);
	}
	return sum;
}

/* A syndrome is about to mean something else: the faults counted by it so far are added to their steps. */
static void fold_counts(struct quire_system *system, unsigned code)
{
	const struct quire_fault *fault = &system->plain[code];

	for (unsigned i = 0; i < system->cpus; i++) {
		struct qr_cpu *cpu = &system->cpu[i];
		uintptr_t count = cpu->plain[code];

		qr_count_by(&cpu->steps[QUIRE_STEP_TRAP], count);
		for (unsigned at = 0; at < fault->steps_count; at++)
			qr_count_by(&cpu->steps[fault->steps[at]], count);
		qr_count_by(&cpu->plain[code], -count);
	}
}

void qr_decode_prepare(struct quire_system *system)
{
	const struct quire_arch *arch = qr_arch(system);
	struct quire_trap trap = {.vector = (enum quire_vector)arch->plain.vector, .mode = QUIRE_MODE_USER};

	qr_assert(system, arch->plain.codes <= QUIRE_PLAIN_CODES);
	for (unsigned code = 0; code < arch->plain.codes; code++) {
		fold_counts(system, code);
		trap.syndrome = quire_plain_syndrome(&arch->plain, code);
		arch->decode(qr_width(system), system->profile, system->rows, &trap, &system->plain[code]);
		system->plain_request[code] = qr_request_of(system, &system->plain[code]);
	}
}

/* --- replaced rows -------------------------------------------------------------------------------------- */

/* Whether some row of the table names this handler: only then the decoder can call it from there. */
static bool table_has(const struct quire_fault_row *rows, unsigned count, enum quire_step handler)
{
	for (unsigned i = 0; i < count; i++)
		if (rows[i].handler == handler)
			return true;
	return false;
}

enum quire_status quire_fault_hook(struct quire_system *system, enum quire_vector vector, unsigned index,
				   const struct quire_fault_row *row)
{
	const struct quire_arch *arch = qr_arch(system);
	const struct quire_fault_row *own;
	struct quire_fault_row *copy;
	unsigned count = 0;

	if ((unsigned)vector >= VECTORS || !row || !row->name)
		return QUIRE_EINVAL;
	own = arch->rows(qr_width(system), system->profile, vector, &count);
	if (!own || index >= count || !table_has(own, count, row->handler))
		return QUIRE_EINVAL;
	if (!system->rows[vector]) {
		struct qr_page *page = qr_frame_alloc(system, 0, QUIRE_FRAME_LINEAR, QUIRE_PAGE_OBJECT);

		if (!page)
			return QUIRE_ENOMEM;
		copy = qr_page_linear(system, page);
		qr_assert(system, count * sizeof(*copy) <= qr_page_bytes(system));
		memcpy(copy, own, count * sizeof(*copy));
		__atomic_store_n(&system->rows[vector], copy, __ATOMIC_RELEASE);
	}
	copy = (struct quire_fault_row *)(uintptr_t)system->rows[vector];
	copy[index] = *row;
	qr_decode_prepare(system);
	return QUIRE_OK;
}

void qr_decode_unhook(struct quire_system *system)
{
	for (unsigned i = 0; i < VECTORS; i++) {
		if (!system->rows[i])
			continue;
		qr_frame_free(system, qr_page_at(system, system->rows[i]), 0);
		system->rows[i] = NULL;
	}
}
