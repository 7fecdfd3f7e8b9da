/* SPDX-License-Identifier: MIT */
/* The options of quire conform. */
#ifndef QUIRE_CONFORM_OPTIONS_H
#define QUIRE_CONFORM_OPTIONS_H

#include "../scenario/traits.h"
#include "conform.h"

enum {
	CONFORM_MAX_JOBS = 64
};

struct conform_options {
	uint64_t programs, seed, only;
	unsigned ops, jobs, features, most;
	bool one, self, pressure, json, quiet, seeded;
	const struct quire_profile *profile;
	const char *mutant;
	const char *out;
	const char *record;
	unsigned check_every;
	const char *forced;       /* --trait: NAME=VALUE, overrides the probes; NULL: none */
	bool stand_in;            /* a simulated machine replaces the host */
	struct scn_traits twin;   /* traits of that machine */
	struct scn_traits traits; /* of the simulated side: as probed on the host, then forced */
};

/* Fills `out` from the command line. Returns -1 to continue, else an exit status. */
int conform_options_parse(struct conform_options *out, int argc, char **argv);

#endif
