/* SPDX-License-Identifier: MIT */
/* Internal declarations of the generator: its state, its choices, and one operation. */
#ifndef QUIRE_CONFORM_GENERATE_H
#define QUIRE_CONFORM_GENERATE_H

#include "conform.h"

enum {
	CONFORM_MAX_REGIONS = 20
};

/* A mapping as the generator remembers it. */
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
	bool left_behind;     /* the program has a remap with DONTUNMAP */
	bool memlock_limited; /* the program has a limit of locked memory; never both: see docs/conform.md */
};

/* The next choice: a number below n, or true with a chance in percent. */
unsigned conform_below(struct generator *g, unsigned n);
bool conform_percent(struct generator *g, unsigned n);

/* Whether the program has a file on a disk. */
bool conform_has_disk_file(const struct generator *g);

/* Fills in an operation of process g->now; its verb and value are already chosen. */
void conform_generate_op(struct generator *g, struct scn_op *op);

#endif
