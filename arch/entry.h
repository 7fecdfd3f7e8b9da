/* SPDX-License-Identifier: MIT */
/* What the entries of all architectures share: filling struct quire_fault step by step. */
#ifndef QR_ENTRY_H
#define QR_ENTRY_H

#include <quire/port/arch.h>

/* Everything that the trap says by itself; the decoder adds what the syndrome says. */
static inline void entry_begin(struct quire_fault *fault, const struct quire_trap *trap)
{
	*fault = (struct quire_fault){
	    .va = trap->address,
	    .pc = trap->pc,
	    .sp = trap->sp,
	    .raw = trap->syndrome,
	    .name = "not a fault of this architecture",
	    .vector = (uint8_t)trap->vector,
	    .access = QUIRE_ACCESS_UNKNOWN,
	    .mode = (uint8_t)trap->mode,
	    .cause = QUIRE_CAUSE_UNKNOWN,
	    .level = QUIRE_LEVEL_NONE,
	    .route = QUIRE_ROUTE_IGNORE,
	    .context = trap->context,
	};
}

/* An entry function was passed. No way has more steps than the array: the test walks them all. */
static inline void entry_step(struct quire_fault *fault, enum quire_step step)
{
	if (fault->steps_count < sizeof(fault->steps))
		fault->steps[fault->steps_count++] = (uint8_t)step;
}

/* What the row of the syndrome says. */
static inline void entry_row(struct quire_fault *fault, const struct quire_fault_row *row)
{
	fault->cause = row->cause;
	fault->level = row->level;
	fault->signal = row->signal;
	fault->code = row->code;
	fault->name = row->name;
	fault->present = row->cause == QUIRE_CAUSE_PERMISSION || row->cause == QUIRE_CAUSE_ACCESS_FLAG ||
			 row->cause == QUIRE_CAUSE_DOMAIN;
}

/* The row `index` of the table in force: the replaced one, or the profile's own. */
static inline const struct quire_fault_row *entry_find(const struct quire_fault_row *const *rows,
						       enum quire_vector vector,
						       const struct quire_fault_row *own, unsigned index)
{
	return rows && rows[vector] ? &rows[vector][index] : &own[index];
}

/* A decision of the entry itself: `route`, and the signal that a user gets when it ends there. */
static inline void entry_end(struct quire_fault *fault, enum quire_route route, unsigned signal,
			     unsigned code)
{
	fault->route = (uint8_t)route;
	fault->signal = (uint8_t)signal;
	fault->code = (uint8_t)code;
}

#endif
