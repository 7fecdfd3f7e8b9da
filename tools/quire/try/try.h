/* SPDX-License-Identifier: MIT */
/* Shared declarations of quire try. */
#ifndef QUIRE_TRY_H
#define QUIRE_TRY_H

#include <jansson.h>

#include "../scenario/sim_backend.h"

struct try_options {
	struct scn_sim_config sim;
	bool on_host, trace, json, quiet;
	bool allow_skips, draw;
	const char *page;         /* --report: where the page goes; NULL: none */
	FILE *record;             /* the trace that it is made of */
	bool sim_only;            /* an option was given that only the simulated machine has */
	bool with_traits;         /* --trait was given */
	struct scn_traits traits; /* traits of the machine: those given, or those probed on the host */
};

/* The result of one file. */
struct try_report {
	const struct try_options *options;
	const char *path;
	FILE *record;   /* the trace for --report; NULL: none */
	uint64_t steps; /* faults and forks so far, the clock of that trace */
	const struct scn_program *program;
	unsigned proc;            /* of the current operation */
	unsigned skipped, failed; /* operations; expectations */
	json_t *json;             /* JSON object of this file; NULL without --json */
	json_t *failures;         /* members of `json` */
	json_t *skips;
	json_t *faults; /* faults of the current operation */
	json_t *ops;
};

/* verdict.c. `list` takes the JSON object of the file; `why`: NULL, or what stopped the run. */
void try_begin(struct try_report *report, const struct try_options *options, const char *path,
	       const struct scn_program *program);
void try_judge(struct try_report *report, const struct scn_run *run);
void try_end(struct try_report *report, const char *why, json_t *list);
/* Prints an error of a scenario's text. */
void try_error(const char *path, const struct scn_error *error);

/* draw.c: the address space of every process as text, and what its letters mean. */
void try_draw(const struct scn_run *run);
void try_draw_legend(void);

/* page.c: writes the trace that the page is made of. */
void try_record_begin(struct try_report *report);
void try_record_fault(struct try_report *report, json_t *fault);
void try_record_op(struct try_report *report, const struct scn_run *run, unsigned index);

/* trace.c: the hooks of the simulated machine. */
void try_before(void *context, const struct scn_run *run, unsigned index);
void try_trace(void *context, const struct sim_result *result);
/* Prints the result of every operation of a run without a trace hook. */
void try_results(struct try_report *report, const struct scn_run *run);

#endif
