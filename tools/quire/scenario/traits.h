/* SPDX-License-Identifier: MIT */
/* Traits: how kernels of one release differ by options, settings and machine.
 *
 *   backend ──scn_traits_probe()──► struct scn_traits ──► the simulated machine: scn_sim_config.traits
 *   (host, or a machine                   │
 *    that stands in for it)               ├──► programs: scn_traits_leave_out()
 *                                         └──► scenarios: scn_traits_missing(), "needs NAME"
 *
 * A probe is a scenario: a small program that runs in its own processes, with the same code on every
 * backend. What no program can observe is read from /proc and /sys. If a probe fails, its trait is
 * unknown: it counts as usual and is printed as unknown. */
#ifndef QUIRE_SCENARIO_TRAITS_H
#define QUIRE_SCENARIO_TRAITS_H

#include "scenario.h"

enum scn_trait {
	/* Rules of the profile. */
	SCN_TRAIT_ZERO_PAGE,
	SCN_TRAIT_PROTECT_UPGRADES,
	SCN_TRAIT_FAULT_AROUND, /* bytes */
	SCN_TRAIT_STACK_GAP,    /* pages */
	SCN_TRAIT_TOP_DOWN,
	/* Settings of the system and of its processes. */
	SCN_TRAIT_OVERCOMMIT,
	SCN_TRAIT_MIN_ADDR,      /* bytes */
	SCN_TRAIT_MAPPINGS,      /* how many one program can make */
	SCN_TRAIT_STACK_LIMIT,   /* pages */
	SCN_TRAIT_MEMLOCK_LIMIT, /* pages */
	/* The library has no rule for these: operations that show them are left out of the programs. */
	SCN_TRAIT_NX,
	SCN_TRAIT_EXECUTE_ONLY,
	SCN_TRAIT_REMOTE,
	SCN_TRAIT_DISK,
	SCN_TRAIT_MERGEABLE,
	SCN_TRAIT_HUGE_ADVICE,
	/* A comparison needs these. */
	SCN_TRAIT_COUNTS,
	SCN_TRAIT_PAGEMAP,
	SCN_TRAIT_FIRST_WRITE, /* pages that one write to private memory maps */
	SCN_TRAIT_FIRST_SHARED,
	/* Only reported, because they may disturb a comparison. */
	SCN_TRAIT_HUGE_PAGES,
	SCN_TRAIT_SWAP,
	SCN_TRAIT_KSM,
	SCN_TRAITS
};

/* What is done about a trait with an unusual value. */
enum scn_trait_way {
	SCN_WAY_APPLIED,  /* the simulated machine gets the trait */
	SCN_WAY_LEFT_OUT, /* operations that show it are left out */
	SCN_WAY_NEEDED,   /* nothing is compared */
	SCN_WAY_REPORTED  /* it is printed */
};

enum scn_trait_unit {
	SCN_UNIT_FLAG,
	SCN_UNIT_BYTES,
	SCN_UNIT_PAGES,
	SCN_UNIT_COUNT
};

struct scn_trait_row {
	const char *name;     /* in "needs NAME" and in NAME=VALUE */
	const char *yes, *no; /* in a report; numbers: `yes` goes before the number, `no` is 0 */
	enum scn_trait_unit unit;
	enum scn_trait_way way;
	bool recorded; /* recorded results depend on it, in programs from which nothing is left out for it */
	int64_t usual; /* value on a plain Debian kernel on x86-64 (profile linux-6) */
	int64_t most;  /* numbers: the probe stops here; means this many or more */
	int64_t bound; /* APPLIED: the largest value that the library can apply; 0: no such limit */
	/* For LEFT_OUT, and for APPLIED beyond `bound`: what is left out, and whether an operation is. */
	const char *what;
	bool (*leaves_out)(const struct scn_op *op);
};

extern const struct scn_trait_row scn_trait_rows[SCN_TRAITS];

struct scn_traits {
	int64_t value[SCN_TRAITS]; /* the usual value if unknown */
	uint32_t known;            /* bit n: the value of trait n was determined */
};

/* The backend that the probes run on. */
struct scn_prober {
	void *context;
	const struct scn_run *(*run)(void *context, const struct scn_program *program, const char **out_text);
	bool host; /* the backend is the running kernel: /proc and /sys describe it */
};

/* Sets every trait to its usual value. */
void scn_traits_usual(struct scn_traits *out);
/* Determines every trait. Returns how many stayed unknown. */
unsigned scn_traits_probe(const struct scn_prober *prober, struct scn_traits *out);
/* Determines the traits of the running kernel. */
unsigned scn_host_traits(struct scn_host *host, struct scn_traits *out);
/* Determines a single trait; false: unknown. */
bool scn_trait_probe(const struct scn_prober *prober, enum scn_trait trait, int64_t *out);

bool scn_traits_is_usual(const struct scn_traits *traits, enum scn_trait trait);
/* The first NEEDED trait with an unusual value; SCN_TRAITS: none. */
enum scn_trait scn_traits_obstacle(const struct scn_traits *traits);
/* The first trait of `needs` with an unusual value; SCN_TRAITS: none. */
enum scn_trait scn_traits_missing(const struct scn_traits *traits, uint32_t needs);
/* The first trait for which an operation of the program would be left out; SCN_TRAITS: none. */
enum scn_trait scn_traits_shown_by(const struct scn_traits *traits, const struct scn_program *program);
/* Removes what the library has no rule for from a program. Returns the number of operations and files
 * changed. */
unsigned scn_traits_leave_out(const struct scn_traits *traits, struct scn_program *program);

/* A trait as text: "no zero page", "fault-around 64 KiB". */
const char *scn_trait_text(const struct scn_traits *traits, enum scn_trait trait, char room[80]);
/* "traits: no zero page; fault-around 64 KiB; ..." in lines that begin with `indent`. */
void scn_traits_print(FILE *to, const char *indent, const struct scn_traits *traits);
/* A line for each trait for which something is left out. */
void scn_traits_print_left_out(FILE *to, const char *indent, const struct scn_traits *traits);

/* The trait with that name; SCN_TRAITS: there is none. */
enum scn_trait scn_trait_find(const char *name, size_t length);
/* Reads "NAME=VALUE,..." into `traits`, leaving the others unchanged. A value is yes, no, or a number in
 * the trait's unit. Returns NULL, or what is wrong (a constant string). */
const char *scn_traits_read(const char *text, struct scn_traits *traits);

#endif
