/* SPDX-License-Identifier: MIT */
/* The protocol between the conductor of quire conform and its workers: each worker writes records to its
 * pipe. */
#ifndef QUIRE_CONFORM_WORKER_H
#define QUIRE_CONFORM_WORKER_H

#include <stdatomic.h>

#include "options.h"

enum conform_record_kind {
	CONFORM_COUNTS = 0,
	CONFORM_SHRUNK = 1, /* a shrunk difference; its text follows the record */
	CONFORM_SEEN = 2    /* a difference before shrinking, with its kind */
};

struct conform_record {
	uint32_t kind;
	uint32_t text_bytes;
	uint64_t program; /* SHRUNK: its number */
	uint64_t programs, ops, succeeded, failed, signals, minor, major, left_out;
	uint32_t shrunk_ops, shrink_runs;
	struct conform_kind seen;
};

/* In memory that all workers share. */
struct conform_shared {
	_Atomic unsigned
	    stopped_early; /* number of workers that stopped because most differences have one cause */
};

/* Runs worker number `job`. Returns its exit status. */
int conform_work(const struct conform_options *o, struct conform_shared *shared, unsigned job, int fd);

/* sides.c: opens the host or its stand-in, and the simulated machine that is compared with it. */
bool conform_open_sides(const struct conform_options *o, struct conform_side side[2], const char **out_why);
/* Probes the host's traits and applies the forced ones. False with a reason. */
bool conform_probe(const struct conform_options *o, struct scn_traits *out, const char **out_why);

/* A simulated machine that evicts pages before each operation. (pressure.c) */
struct scn_sim_config;
struct scn_sim *conform_open_pressed(struct scn_sim_config *config, const char **out_why);

#endif
