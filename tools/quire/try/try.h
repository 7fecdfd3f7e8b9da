/* SPDX-License-Identifier: MIT */
/* quire try: what its files share. */
#ifndef QUIRE_TRY_H
#define QUIRE_TRY_H

#include <jansson.h>

#include "../scenario/sim_backend.h"

struct try_options {
	struct scn_sim_config sim;
	bool on_host, trace, json, quiet;
	bool with_traits;         /* --trait was given */
	struct scn_traits traits; /* of the machine: as given, or the host's as probed */
};

/* How one file went. */
struct try_report {
	const struct try_options *options;
	const char *path;
	const struct scn_program *program;
	unsigned skipped, failed;
	json_t *json;     /* object of this file; NULL without --json */
	json_t *failures; /* of it */
	json_t *faults;   /* of the operation that runs now */
	json_t *ops;
};

/* trace.c: the hooks of the simulated machine. */
void try_before(void *context, const struct scn_run *run, unsigned index);
void try_trace(void *context, const struct sim_result *result);
/* Writes the result of every operation, where no machine told it while it ran. */
void try_results(struct try_report *report, const struct scn_run *run);

#endif
