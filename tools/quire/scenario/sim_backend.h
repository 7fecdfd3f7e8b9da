/* SPDX-License-Identifier: MIT */
/* The simulated machine as a scenario backend. */
#ifndef QUIRE_SCENARIO_SIM_BACKEND_H
#define QUIRE_SCENARIO_SIM_BACKEND_H

#include "scenario.h"
#include "traits.h"

#include <ports/sim/sim.h>

struct scn_sim_config {
	const char *arch;                /* NULL: x86_64 */
	const char *profile;             /* NULL: linux-6 */
	const struct scn_traits *traits; /* traits of the machine; NULL: those of the profile */
	uint64_t ram_bytes;              /* 0: 64 MiB */
	unsigned cpus;                   /* 0: 1; processes are spread over them */
	const char *mutant;              /* NULL: none */
	unsigned check_every;            /* quire_check() after every n-th program; 0: never */
	bool check_each_step;            /* also after every operation */
	/* Called after each access of a program with the path of its fault; NULL: not called. */
	void (*trace)(void *context, const struct sim_result *result);
	/* Called before each operation, and once after the last with index == op_count; NULL: not called. */
	void (*before)(void *context, const struct scn_run *run, unsigned index);
	void *trace_context;
};

struct scn_sim;

/* NULL on failure, with the reason in *out_why. */
struct scn_sim *scn_sim_open(const struct scn_sim_config *config, const char **out_why);
/* Runs a program; the results are valid until the next call. NULL if the library or the machine found an
 * inconsistency: *out_text describes it, and the next run starts on a new machine. */
const struct scn_run *scn_sim_run(struct scn_sim *sim, const struct scn_program *program,
				  const char **out_text);
/* The machine of the last run; NULL if it was discarded. */
struct sim *scn_sim_machine(struct scn_sim *sim);
/* Returns the number of findings over the machine's whole life. */
unsigned scn_sim_close(struct scn_sim *sim);

#endif
