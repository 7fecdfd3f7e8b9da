/* SPDX-License-Identifier: MIT */
/* quire conform --record: writes digests of the library's results for random programs, as tables for the
 * static conformance program, which does not contain the library. There is one table for each known set of
 * traits; if none fits a kernel, the static program names the trait that differs. */
#include "conform.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../scenario/sim_backend.h"

static void begin(FILE *to, uint64_t programs, uint64_t seed, unsigned ops, unsigned version)
{
	fprintf(
	    to,
	    "/* SPDX-License-Identifier: MIT */\n"
	    "/* Digests of what the library gives for random programs, on machines with the traits named; "
	    "written by\n * quire conform --record. */\n"
	    "#include <stdint.h>\n\n"
	    "#define RECORDED_SEED %" PRIu64 "\n"
	    "#define RECORDED_OPS %u\n"
	    "/* The first version of Linux for which nothing is left out, major << 8 | minor. */\n"
	    "#define RECORDED_FROM (%uu << 8 | %u)\n"
	    "#define RECORDED_PROGRAMS %" PRIu64 "\n"
	    "static const struct {\n\tconst char *traits;\n\tuint64_t digest[RECORDED_PROGRAMS];\n} "
	    "recorded[] = {",
	    seed, ops, version >> 8, version & 255, programs);
}

/* The first version to which no row of the table of known differences applies. */
static unsigned first_plain_version(void)
{
	unsigned version = 0;

	for (const struct conform_known *k = conform_known; k->what; k++)
		version = k->before > version ? k->before : version;
	return version;
}

/* The recorded sets of traits, in the syntax of scn_traits_read(); the others have their usual values. */
static const char *const recorded_sets[] = {"zero-page=yes", "zero-page=no"};

static bool record_all(FILE *to, struct scn_sim *sim, uint64_t programs, uint64_t seed, unsigned ops,
		       const char **why)
{
	struct scn_program *program = malloc(sizeof(*program));
	bool good = program != NULL;

	for (uint64_t i = 0; i < programs && good; i++) {
		struct conform_choice choice = conform_seeded(seed, i);
		const struct scn_run *run;

		conform_generate(&choice, ops, CONFORM_ALL, program);
		run = scn_sim_run(sim, program, why);
		good = run != NULL;
		if (good)
			fprintf(to, "%s0x%016" PRIx64 ",", i % 5 ? " " : "\n      ", scn_run_digest(run));
	}
	free(program);
	return good;
}

static bool record_set(FILE *to, const char *set, uint64_t programs, uint64_t seed, unsigned ops,
		       const char **why)
{
	struct scn_traits traits;
	struct scn_sim_config config = {.traits = &traits};
	struct scn_sim *sim;
	bool good;

	scn_traits_usual(&traits);
	*why = scn_traits_read(set, &traits);
	sim = *why ? NULL : scn_sim_open(&config, why);
	if (!sim)
		return false;
	fprintf(to, "\n    {\"%s\",\n     {", set);
	good = record_all(to, sim, programs, seed, ops, why);
	fputs("\n     }},", to);
	return scn_sim_close(sim) == 0 && good;
}

bool conform_record(const char *path, uint64_t programs, uint64_t seed, unsigned ops)
{
	const char *why = NULL;
	FILE *to = fopen(path, "w");
	bool good = to != NULL;

	if (!to)
		why = strerror(errno);
	if (to) {
		begin(to, programs, seed, ops, first_plain_version());
		for (unsigned i = 0; good && i < sizeof(recorded_sets) / sizeof(recorded_sets[0]); i++)
			good = record_set(to, recorded_sets[i], programs, seed, ops, &why);
		fputs("\n};\n", to);
		if (fclose(to) != 0) {
			good = false;
			why = strerror(errno);
		}
	}
	if (!good)
		fprintf(stderr, "quire conform: %s: %s\n", path, why ? why : "the machine reported findings");
	return good;
}
