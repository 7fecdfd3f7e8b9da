/* SPDX-License-Identifier: MIT */
/* Shared declarations of quire try. */
#ifndef QUIRE_TRY_H
#define QUIRE_TRY_H

#include <jansson.h>

#include "../scenario/sim_backend.h"

struct try_options {
	struct scn_sim_config sim;
	bool on_host, trace, json, quiet;
	bool with_traits;         /* --trait was given */
	struct scn_traits traits; /* traits of the machine: those given, or those probed on the host */
};

/* The result of one file. */
struct try_report {
	const struct try_options *options;
	const char *path;
	const struct scn_program *program;
	unsigned skipped, failed;
	json_t *json;     /* JSON object of this file; NULL without --json */
	json_t *failures; /* member of `json` */
	json_t *faults;   /* faults of the current operation */
	json_t *ops;
};

/* trace.c: the hooks of the simulated machine. */
void try_before(void *context, const struct scn_run *run, unsigned index);
void try_trace(void *context, const struct sim_result *result);
/* Prints the result of every operation of a run without a trace hook. */
void try_results(struct try_report *report, const struct scn_run *run);

#endif
