/* SPDX-License-Identifier: MIT */
/* Inside the generator: its state, its choices, and one operation. */
#ifndef QUIRE_CONFORM_GENERATE_H
#define QUIRE_CONFORM_GENERATE_H

#include "conform.h"

enum {
	CONFORM_MAX_REGIONS = 20
};

/* What the generator believes to be mapped. */
struct region {
	struct scn_addr start;
	int32_t pages;
	uint8_t file;
	uint8_t prot;
	uint8_t stack;
};

struct process {
	bool alive;
	unsigned count;
	struct region region[CONFORM_MAX_REGIONS];
};

struct generator {
	struct conform_choice *choice;
	unsigned features;
	struct scn_program *program;
	struct process process[SCN_MAX_PROCS];
	struct process *now;
	unsigned living;
	bool left_behind;     /* a remap with DONTUNMAP is in the program */
	bool memlock_limited; /* ... or a limit of locked memory; never both: see docs/conform.md */
};

/* The next choice: below n, or true in so many of 100 cases. */
unsigned conform_below(struct generator *g, unsigned n);
bool conform_percent(struct generator *g, unsigned n);

/* Whether a file of the program is on a disk. */
bool conform_has_disk_file(const struct generator *g);

/* Fills in an operation of the process g->now, whose verb and value are chosen. */
void conform_generate_op(struct generator *g, struct scn_op *op);

#endif
