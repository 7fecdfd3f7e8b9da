/* SPDX-License-Identifier: MIT */
/* quire conform: random programs, two backends, the comparison, and the smallest difference. */
#ifndef QUIRE_CONFORM_H
#define QUIRE_CONFORM_H

#include <quire/profile.h>

#include "../scenario/scenario.h"

/* --- Generating --- */

/* The source of choices: a random number generator, or the bytes of a fuzzer. */
struct conform_choice {
	uint64_t state; /* state of the generator, if `bytes` is NULL */
	const uint8_t *bytes;
	size_t count, used;
};

/* What programs may contain. */
enum {
	CONFORM_FILES = 1, /* files in memory */
	CONFORM_DISK = 2,  /* files on a disk file system */
	CONFORM_FORK = 4,
	CONFORM_KERNEL = 8,  /* accesses by the kernel */
	CONFORM_REMOTE = 16, /* peek and poke */
	CONFORM_EXEC = 32,
	CONFORM_LOCKS = 64,
	CONFORM_STACK = 128, /* growing mappings */
	CONFORM_REMAP = 256,
	CONFORM_BRK = 512,
	CONFORM_ADVISE = 1024,
	CONFORM_ALL = 2047
};

struct conform_choice conform_seeded(uint64_t seed, uint64_t program);
/* Generates a program of about `ops` operations; it is shorter if the bytes run out. */
void conform_generate(struct conform_choice *choice, unsigned ops, unsigned features,
		      struct scn_program *out);

/* --- Running and comparing --- */

/* How two runs are compared. */
enum {
	CONFORM_JOINS = 1,  /* mappings that could be one count as one */
	CONFORM_PRESSED = 2 /* pages left memory in between: what tells of memory alone is not compared */
};

/* One of the two: a machine that runs programs. */
struct conform_side {
	const char *name;
	void *context;
	unsigned how;               /* of side[0]: CONFORM_JOINS, CONFORM_PRESSED */
	const struct scn_run *last; /* of conform_compare(); NULL: its machinery failed */
	/* The results, valid until the next call on this side; NULL with *out_text: the machinery failed. */
	const struct scn_run *(*run)(void *context, const struct scn_program *program, const char **out_text);
	void (*close)(void *context);
};

struct conform_difference {
	bool found;
	bool broken;      /* a side failed, or the library found an inconsistency: see `text` */
	unsigned index;   /* the first result that differs */
	const char *what; /* the field that differs, such as "residency"; NULL if broken */
	char text[600];
};

/* Runs `program` on both sides and compares everything. */
void conform_compare(struct conform_side side[2], const struct scn_program *program,
		     struct conform_difference *out);
/* Compares two finished runs. `join`: mappings that could be one count as one. */
void conform_compare_runs(const struct scn_run *a, const struct scn_run *b, unsigned how,
			  struct conform_difference *out);

/* Removes operations while the sides still differ. Returns the number of runs. */
unsigned conform_shrink(struct conform_side side[2], struct scn_program *program,
			struct conform_difference *difference);

/* Writes the program with the outcomes of both sides as comments. */
void conform_print_difference(FILE *to, struct conform_side side[2], const struct scn_program *program,
			      const struct conform_difference *difference);

/* --- Kinds of difference (kinds.c) --- */

/* The kind of a difference: the field that shows it, and the operation that it follows. */
struct conform_kind {
	char what[24];  /* "residency", "minor faults" */
	char cause[64]; /* "read of private memory"; "": no cause found */
};
/* Classifies a difference that conform_compare() found. */
void conform_kind_of(const struct conform_side side[2], const struct conform_difference *difference,
		     struct conform_kind *out);

/* How often each kind occurred. */
struct conform_kinds {
	struct {
		struct conform_kind kind;
		unsigned count;
	} row[48];
	unsigned rows, total;
};
void conform_kinds_add(struct conform_kinds *kinds, const struct conform_kind *kind);
/* Returns the most frequent cause, its count, and the field that shows most of those differences. NULL: no
 * difference has a cause. */
const char *conform_kinds_top(const struct conform_kinds *kinds, unsigned *out_count, const char **out_what);

/* --- The two sides (sides.c) --- */

/* Writes the digests of the simulated machine's results as a C header. False after a message. */
bool conform_record(const char *path, uint64_t programs, uint64_t seed, unsigned ops);

/* --- Known differences between kernel versions (known.c) --- */

struct conform_known {
	unsigned from, before; /* applies to versions v (major << 8 | minor) with from <= v < before */
	const char *what;
	const char *reason;
	/* Whether the operation must be left out on such a kernel. NULL: none is left out; mappings are
	 * merged instead. */
	bool (*applies)(const struct scn_program *program, const struct scn_op *op);
	unsigned modelled; /* bits 1 << enum quire_release: profiles that behave as such a kernel does */
};
/* Ends with a NULL `what`. */
extern const struct conform_known conform_known[];
/* The version of the running kernel, major << 8 | minor. */
unsigned conform_kernel_version(void);
/* The profile that describes kernels of `version`. */
enum quire_release conform_release(unsigned version);
/* Removes the operations that `version` is known to do differently from the profile of `release`. Returns
 * their number. */
unsigned conform_leave_out(struct scn_program *program, unsigned version, enum quire_release release);
/* Whether `version` is known not to merge some adjacent mappings. */
bool conform_joins(unsigned version);
void conform_print_known(FILE *to, unsigned version, enum quire_release release);

#endif
