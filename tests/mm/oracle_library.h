/* SPDX-License-Identifier: MIT */
/* A program's run on the library, operation by operation. */
#ifndef ORACLE_LIBRARY_H
#define ORACLE_LIBRARY_H

#include "oracle.h"
#include "sim.h"

struct run {
	struct sim *sim;
	struct sim_cpu *cpu;
	struct sim_process *process; /* the one that goes on */
	struct quire_file *file;
};

/* How the machines are made. mm-oracle gives them the traits of the kernel below. */
extern struct sim_config library_machine;

/* A machine with one process and a filled file. */
void library_start(struct run *run, const struct program *program);
/* Runs one operation, and looks at the window. */
void library_step(struct run *run, const struct op *op, struct result *result);
/* quire_check(), told on stderr. */
bool library_check(struct run *run);
/* Returns the findings of the machine. */
unsigned library_end(struct run *run);

#endif
