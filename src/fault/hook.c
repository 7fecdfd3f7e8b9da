/* SPDX-License-Identifier: MIT */
/* Syndrome rows replaced at run time: hook_fault_code.
 *
 * The tables are constant. The first replacement in one copies it into a frame, which the decoder is
 * given instead from then on. */
#include "fault/decode.h"
#include "fault/fault.h"
#include "fault/hook.h"

#define VECTORS QR_ARRAY_COUNT(((struct quire_system *)0)->rows)

/* Whether some row of the table names this handler: only then the decoder knows it there. */
static bool known(const struct quire_fault_row *rows, unsigned count, enum quire_step handler)
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
	own = arch->rows(arch, system->profile, vector, &count);
	if (!own || index >= count || !known(own, count, row->handler))
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
	qr_decode_learn(system);
	return QUIRE_OK;
}

void qr_fault_unhook_all(struct quire_system *system)
{
	for (unsigned i = 0; i < VECTORS; i++) {
		if (!system->rows[i])
			continue;
		qr_frame_free(system, qr_page_at(system, system->rows[i]), 0);
		system->rows[i] = NULL;
	}
}
