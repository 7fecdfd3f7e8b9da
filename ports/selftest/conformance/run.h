/* SPDX-License-Identifier: MIT */
/* What the parts of the conformance suite share: one run, its random numbers, how a law is checked. */
#ifndef CONFORMANCE_RUN_H
#define CONFORMANCE_RUN_H

#include "conformance.h"

#define RUN_FRAMES_MAX 96 /* frame numbers that a law is tried with */

struct run {
	const struct conformance_env *env;
	const struct quire_arch *arch;
	struct conformance_report report;
	uint64_t random;
	uint64_t rounds;
};

/* Where a law was looked at: enough to see what went wrong. */
struct spot {
	unsigned level;
	quire_prot prot;
	unsigned flags;
	uint64_t bits;
};

uint64_t run_random(struct run *run);

/* Counts one check; says what failed. Returns whether want == got. */
bool run_equal(struct run *run, const char *law, const struct spot *spot, uint64_t want, uint64_t got);
bool run_true(struct run *run, const char *law, const struct spot *spot, bool holds);

void run_geometry(struct run *run);    /* geometry.c */
void run_protections(struct run *run); /* geometry.c: honest capabilities */
void run_decoding(struct run *run);    /* decoding.c: what of a syndrome may be remembered */
void run_leaves(struct run *run);      /* leaves.c: make and its parts, what the hardware is told */
void run_kinds(struct run *run);       /* kinds.c: any bits have a kind, swap, tables */

#endif
