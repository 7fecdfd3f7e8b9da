/* SPDX-License-Identifier: MIT */
/* The state of the simulated backend, shared by its files. */
#ifndef QUIRE_SCENARIO_SIM_STATE_H
#define QUIRE_SCENARIO_SIM_STATE_H

#include "sim_backend.h"
#include "sim_traits.h"

#include <setjmp.h>

struct scn_sim {
	struct scn_sim_config config;
	struct scn_backend backend;
	struct scn_traits traits;      /* the usual ones if none were given */
	struct sim_traits_rules rules; /* used if the machine has traits */
	struct sim *sim;
	struct sim_store *store; /* the machine's store; NULL: nothing was evicted yet */
	struct sim_process *process[SCN_MAX_PROCS];
	struct quire_file *file[SCN_MAX_FILES];
	struct sim_file *device[SCN_MAX_FILES];
	bool own_sp
	    [SCN_MAX_PROCS]; /* the program set sp: faults see it instead of the address of the access */
	const struct scn_program *program;
	struct scn_run *run;
	unsigned runs;
	bool quiet; /* after the last operation: the trace hook is not called */
	jmp_buf panicked;
	char text[600];
};

/* Switches a process's CPU to it and returns that CPU. */
struct sim_cpu *scn_sim_use(struct scn_sim *s, unsigned proc);

/* The members of the backend. */
bool scn_sim_room(void *context, unsigned proc, bool open);
int64_t scn_sim_call(void *context, unsigned proc, enum scn_call which, const uint64_t arg[6],
		     struct scn_counts *counts);
void scn_sim_access(void *context, unsigned proc, enum scn_access kind, uint64_t addr, uint8_t value,
		    struct scn_access_result *out);
int scn_sim_fork(void *context, unsigned proc, unsigned child, bool *out_child);
void scn_sim_exit(void *context, unsigned proc);
int scn_sim_layout(void *context, unsigned proc, uint64_t start, uint64_t end, struct scn_row *out,
		   unsigned max);
int scn_sim_resident(void *context, unsigned proc, uint64_t addr, unsigned pages, uint8_t *out);
int scn_sim_mincore(void *context, unsigned proc, uint64_t addr, uint64_t length, uint8_t *out);
uint64_t scn_sim_digest(void *context, unsigned proc, uint64_t addr);
uint64_t scn_sim_file_digest(void *context, unsigned file);

/* Fills a file's range as write() does: {file, offset, length, byte}. Returns the bytes written, or a status. */
int64_t scn_sim_file_write(struct scn_sim *s, const uint64_t arg[6]);

#endif
