/* SPDX-License-Identifier: MIT */
/* Traits: what kernels of one release do differently by their options, their settings and their machine.
 *
 *   backend ──scn_traits_probe()──► struct scn_traits ──► the simulated machine: scn_sim_config.traits
 *   (host, or a machine                   │
 *    that stands in for it)               ├──► programs: scn_traits_leave_out()
 *                                         └──► scenarios: scn_traits_missing(), "needs NAME"
 *
 * A probe is a scenario: a small program that runs in processes of its own, by the same code on every
 * backend. What no program shows is read from /proc and /sys. A probe that fails leaves its trait
 * unknown; the trait then counts as usual, and is printed as unknown. */
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
	SCN_TRAIT_MAPPINGS,      /* that one program can make */
	SCN_TRAIT_STACK_LIMIT,   /* pages */
	SCN_TRAIT_MEMLOCK_LIMIT, /* pages */
	/* What the library has no rule for: left out of the programs, by name. */
	SCN_TRAIT_NX,
	SCN_TRAIT_EXECUTE_ONLY,
	SCN_TRAIT_REMOTE,
	SCN_TRAIT_DISK,
	SCN_TRAIT_MERGEABLE,
	SCN_TRAIT_HUGE_ADVICE,
	/* Without these nothing can be compared. */
	SCN_TRAIT_COUNTS,
	SCN_TRAIT_PAGEMAP,
	SCN_TRAIT_FIRST_WRITE, /* pages that one write to private memory brings */
	SCN_TRAIT_FIRST_SHARED,
	/* Told, because they may disturb a comparison. */
	SCN_TRAIT_HUGE_PAGES,
	SCN_TRAIT_SWAP,
	SCN_TRAIT_KSM,
	SCN_TRAITS
};

/* What becomes of a trait that is not as usual. */
enum scn_trait_way {
	SCN_WAY_APPLIED,  /* the simulated machine is made so */
	SCN_WAY_LEFT_OUT, /* operations that show it are left out */
	SCN_WAY_NEEDED,   /* there is no comparison */
	SCN_WAY_TOLD      /* it is printed */
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
	bool recorded; /* recorded results show it, in programs of which nothing is left out for it */
	int64_t usual; /* of a plain kernel of Debian on x86-64: the profile linux-6 */
	int64_t most;  /* numbers: a probe looks no further; this many or more */
	int64_t bound; /* APPLIED: the library follows no further; 0: as far as it goes */
	/* LEFT_OUT, and APPLIED beyond `bound`: what it is about, and whether an operation is left out. */
	const char *what;
	bool (*leaves_out)(const struct scn_op *op);
};

extern const struct scn_trait_row scn_trait_rows[SCN_TRAITS];

struct scn_traits {
	int64_t value[SCN_TRAITS]; /* the usual one where it is unknown */
	uint32_t known;            /* bit n: trait n was found out */
};

/* What probes run on: a backend, as the comparison sees it. */
struct scn_prober {
	void *context;
	const struct scn_run *(*run)(void *context, const struct scn_program *program, const char **out_text);
	bool host; /* the running kernel: /proc and /sys speak of it */
};

/* Every trait as it is on a plain kernel. */
void scn_traits_usual(struct scn_traits *out);
/* Finds out every trait. Returns how many stayed unknown. */
unsigned scn_traits_probe(const struct scn_prober *prober, struct scn_traits *out);
/* The running kernel's. */
unsigned scn_host_traits(struct scn_host *host, struct scn_traits *out);
/* One trait alone; false: unknown. */
bool scn_trait_probe(const struct scn_prober *prober, enum scn_trait trait, int64_t *out);

bool scn_traits_is_usual(const struct scn_traits *traits, enum scn_trait trait);
/* The first NEEDED trait that is not as usual; SCN_TRAITS: none. */
enum scn_trait scn_traits_obstacle(const struct scn_traits *traits);
/* The first trait of `needs` that is not as usual; SCN_TRAITS: none is missing. */
enum scn_trait scn_traits_missing(const struct scn_traits *traits, uint32_t needs);
/* The first trait for which an operation of the program would be left out; SCN_TRAITS: none. */
enum scn_trait scn_traits_shown_by(const struct scn_traits *traits, const struct scn_program *program);
/* Takes what the library has no rule for out of a program. Returns how many operations and files. */
unsigned scn_traits_leave_out(const struct scn_traits *traits, struct scn_program *program);

/* "no zero page", "fault-around 64 KiB". */
const char *scn_trait_text(const struct scn_traits *traits, enum scn_trait trait, char room[80]);
/* "traits: no zero page; fault-around 64 KiB; ..." in lines that begin with `indent`. */
void scn_traits_print(FILE *to, const char *indent, const struct scn_traits *traits);
/* A line for each trait for which something is left out. */
void scn_traits_print_left_out(FILE *to, const char *indent, const struct scn_traits *traits);

/* The trait of that name; SCN_TRAITS: there is none. */
enum scn_trait scn_trait_find(const char *name, size_t length);
/* Reads "NAME=VALUE,..." over what is there: yes and no, or a number in the trait's unit.
 * Returns NULL, or what is wrong (a constant string). */
const char *scn_traits_read(const char *text, struct scn_traits *traits);

#endif
