/* SPDX-License-Identifier: MIT */
/* The options of quire conform. */
#include "options.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../command.h"
#include "../option.h"

#include <quire/config.h>

enum {
	OPT_PROGRAMS = 256,
	OPT_SEED,
	OPT_OPS,
	OPT_JOBS,
	OPT_ONLY,
	OPT_DIFFERENCES,
	OPT_WITHOUT,
	OPT_CHECK,
	OPT_PROFILE,
	OPT_MUTANT,
	OPT_SELF,
	OPT_PRESSURE,
	OPT_TRAIT,
	OPT_STAND_IN,
	OPT_OUT,
	OPT_RECORD,
	OPT_JSON,
	OPT_QUIET,
	OPT_HELP
};

static const struct option table[] = {
    {"programs", required_argument, NULL, OPT_PROGRAMS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"ops", required_argument, NULL, OPT_OPS},
    {"jobs", required_argument, NULL, OPT_JOBS},
    {"only", required_argument, NULL, OPT_ONLY},
    {"differences", required_argument, NULL, OPT_DIFFERENCES},
    {"without", required_argument, NULL, OPT_WITHOUT},
    {"check", required_argument, NULL, OPT_CHECK},
    {"profile", required_argument, NULL, OPT_PROFILE},
    {"mutant", required_argument, NULL, OPT_MUTANT},
    {"self", no_argument, NULL, OPT_SELF},
    {"pressure", no_argument, NULL, OPT_PRESSURE},
    {"trait", required_argument, NULL, OPT_TRAIT},
    {"stand-in", required_argument, NULL, OPT_STAND_IN},
    {"out", required_argument, NULL, OPT_OUT},
    {"record", required_argument, NULL, OPT_RECORD},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const struct {
	const char *name;
	unsigned bit;
} feature_names[] = {
    {"files", CONFORM_FILES},   {"disk", CONFORM_DISK},     {"fork", CONFORM_FORK},
    {"kernel", CONFORM_KERNEL}, {"remote", CONFORM_REMOTE}, {"exec", CONFORM_EXEC},
    {"locks", CONFORM_LOCKS},   {"stack", CONFORM_STACK},   {"remap", CONFORM_REMAP},
    {"brk", CONFORM_BRK},       {"advise", CONFORM_ADVISE},
};

static bool leave_feature(struct conform_options *o, const char *name)
{
	for (size_t i = 0; i < sizeof(feature_names) / sizeof(feature_names[0]); i++) {
		if (strcmp(feature_names[i].name, name) == 0) {
			o->features &= ~feature_names[i].bit;
			return true;
		}
	}
	return false;
}

/* Returns what is wrong with the value, or NULL. */
static const char *take_number(struct conform_options *o, int option, const char *value)
{
	switch (option) {
	case OPT_PROGRAMS:
		return option_number(value, 0, UINT64_MAX, &o->programs) ? NULL : "not a number of programs";
	case OPT_SEED:
		o->seeded = option_number(value, 0, UINT64_MAX, &o->seed);
		return o->seeded ? NULL : "not a seed, which is a number";
	case OPT_ONLY:
		o->one = option_number(value, 0, UINT64_MAX, &o->only);
		return o->one ? NULL : "not the number of a program";
	case OPT_OPS:
		return option_unsigned(value, 1, 400, &o->ops) ? NULL : "--ops is 1 to 400";
	case OPT_JOBS:
		return option_unsigned(value, 1, CONFORM_MAX_JOBS, &o->jobs) ? NULL : "--jobs is 1 to 64";
	case OPT_DIFFERENCES:
		return option_unsigned(value, 1, 1000, &o->most) ? NULL : "--differences is 1 to 1000";
	default:
		return option_unsigned(value, 0, 1000000, &o->check_every) ? NULL : "--check is 0 to 1000000";
	}
}

/* Only checks the syntax: the traits are applied after the probes. */
static const char *force_traits(struct conform_options *o, const char *value)
{
	struct scn_traits trial;

	scn_traits_usual(&trial);
	o->forced = value;
	return scn_traits_read(value, &trial);
}

static const char *take_option(struct conform_options *o, int option, const char *value)
{
	switch (option) {
	case OPT_WITHOUT:
		return leave_feature(o, value) ? NULL : "no such feature";
	case OPT_PROFILE:
		o->profile = quire_profile_find(value);
		return o->profile ? NULL : "no such profile";
	case OPT_MUTANT:
		o->mutant = value;
		return QUIRE_CONFIG_MUTANTS ? NULL : "this build has no mutants";
	case OPT_OUT:
		o->out = value;
		return NULL;
	case OPT_RECORD:
		o->record = value;
		return NULL;
	case OPT_SELF:
		o->self = true;
		return NULL;
	case OPT_PRESSURE:
		o->pressure = true;
		return NULL;
	case OPT_TRAIT:
		return force_traits(o, value);
	case OPT_STAND_IN:
		o->stand_in = true;
		return scn_traits_read(value, &o->twin);
	case OPT_JSON:
		o->json = true;
		return NULL;
	case OPT_QUIET:
		o->quiet = true;
		return NULL;
	default:
		return take_number(o, option, value);
	}
}

int conform_options_parse(struct conform_options *out, int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	bool began = false;
	int option;

	*out = (struct conform_options){
	    .programs = 2000,
	    .seed = (uint64_t)time(NULL),
	    .ops = 40,
	    .features = CONFORM_ALL,
	    .profile = &quire_profile_6,
	    .most = 5,
	    .check_every = 8,
	    .jobs = cpus < 1                  ? 1
		    : cpus > CONFORM_MAX_JOBS ? CONFORM_MAX_JOBS
					      : (unsigned)cpus,
	};
	scn_traits_usual(&out->twin);
	while ((option = option_next("conform", argc, argv, "", table, &began)) != -1) {
		const char *problem;

		if (option == OPT_HELP) {
			conform_help(stdout);
			return QUIRE_EXIT_OK;
		}
		if (option == '?')
			return QUIRE_EXIT_USAGE;
		problem = take_option(out, option, optarg);
		if (problem)
			return option_error("conform", problem, optarg);
	}
	if (optind < argc)
		return option_error("conform", "no arguments are taken", argv[optind]);
	if (out->record && out->profile != &quire_profile_6)
		return option_error("conform", "--record is for linux-6 alone, not", out->profile->name);
	if (out->one)
		out->programs = out->jobs = 1;
	if (out->jobs > out->programs)
		out->jobs = out->programs ? (unsigned)out->programs : 1;
	return -1;
}

void conform_help(FILE *out)
{
	fputs("usage: quire conform [OPTION...]\n\n"
	      "Runs random memory programs on the simulated machine (x86-64) and on the running kernel,\n"
	      "and compares every result: values, errno, signals, fault counts, mappings, residency,\n"
	      "contents. A difference is shrunk and printed as a scenario.\n\n"
	      "  --programs N     number of programs (default 2000)\n"
	      "  --seed S         seed (default: from the clock; printed)\n"
	      "  --ops K          approximate operations of a program (default 40)\n"
	      "  --jobs J         workers (default: one for each CPU)\n"
	      "  --only N         run only program N\n"
	      "  --differences D  stop a worker after D differences (default 5)\n"
	      "  --without F      leave out files, disk, fork, kernel, remote, exec, locks, stack, remap, "
	      "brk or advise\n"
	      "  --profile P      linux-2.4, linux-2.6, linux-4.14 or linux-6 (default): the rules of the\n"
	      "                   simulated side, for running on an old kernel\n"
	      "  --check N        quire_check() after every N-th program (default 8; 0: never)\n"
	      "  --mutant NAME    break that rule of the library (builds with mutants only)\n"
	      "  --self           compare the host with itself, to see if it is deterministic\n"
	      "  --pressure       evict pages of the simulated side before each operation\n"
	      "  --trait T=V,...  give the simulated side these traits, whatever the probes find\n"
	      "  --stand-in T=V,...  replace the host by a simulated machine with these traits\n"
	      "  --out DIR        write each difference to a file there\n"
	      "  --record FILE    record the library's results for the static program; compare nothing\n"
	      "  --json           print the result as JSON\n"
	      "  --quiet          print no progress\n"
	      "  --help           this text\n\n"
	      "Exit status: 0 no difference, 1 a difference was found, 2 bad use or a worker was lost.\n",
	      out);
}
