/* SPDX-License-Identifier: MIT */
/* The conformance suite: whether an architecture keeps the laws of <quire/port/arch.h>, and whether
 * page tables over it do what a naive model does.
 *
 * It needs nothing but memory functions, so that the same source runs in a hosted test and as the
 * self-test of a kernel while it boots. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <quire/port/arch.h>

struct run;
void conformance_tables(struct run *run); /* walk.c */

struct conformance_env {
	const struct quire_arch *arch;
	/* Page tables beside a model: conformance_tables, which looks into the library. NULL: only the codec and the
	 * geometry, which need the public headers alone. */
	void (*tables)(struct run *run);
	struct quire_system *system; /* of that arch, for `tables`: nothing else runs in it meanwhile */
	void (*say)(void *context, const char *line); /* what failed, then one line of figures */
	void *context;
	uint64_t seed;   /* the same seed does the same; it is printed with a failure */
	unsigned rounds; /* random entries and random operations, in thousands; 0: 20 */
};

struct conformance_report {
	unsigned protections; /* that the architecture can say */
	unsigned levels;
	unsigned leaf_levels;
	uint64_t checks;     /* laws looked at */
	unsigned leaves;     /* kinds of leaves mapped in page tables: protection, flags, level */
	uint64_t operations; /* on page tables, each compared with the model */
	uint64_t failures;
};

/* Runs everything. Returns 0, or 1 when anything failed; `report` (may be NULL) gets the figures. */
int quire_conformance(const struct conformance_env *env, struct conformance_report *report);

#endif
