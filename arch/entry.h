/* SPDX-License-Identifier: MIT */
/* Shared by the fault entries of all architectures: filling struct quire_fault step by step. */
#ifndef QR_ENTRY_H
#define QR_ENTRY_H

#include <quire/port/arch.h>

/* Copies what the trap itself gives; the decoder adds what the syndrome gives. */
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

/* Records an entry function. No path has more steps than the array holds: a test walks every path. */
static inline void entry_step(struct quire_fault *fault, enum quire_step step)
{
	if (fault->steps_count < sizeof(fault->steps))
		fault->steps[fault->steps_count++] = (uint8_t)step;
}

/* Copies what the row of the syndrome gives. */
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

/* Row `index` of the table in use: the replacement if there is one, else the profile's own. */
static inline const struct quire_fault_row *entry_find(const struct quire_fault_row *const *rows,
						       enum quire_vector vector,
						       const struct quire_fault_row *own, unsigned index)
{
	return rows && rows[vector] ? &rows[vector][index] : &own[index];
}

/* A decision made by the entry: `route`, and the signal that a user program gets if the fault ends there. */
static inline void entry_end(struct quire_fault *fault, enum quire_route route, unsigned signal,
			     unsigned code)
{
	fault->route = (uint8_t)route;
	fault->signal = (uint8_t)signal;
	fault->code = (uint8_t)code;
}

#endif
