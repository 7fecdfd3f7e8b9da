/* SPDX-License-Identifier: MIT */
/* quire conform --record: what the library gives for random programs, as a table of digests for the
 * static conformance program, which has no library to ask. */
#include "conform.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../scenario/sim_backend.h"

static void begin(FILE *to, uint64_t programs, uint64_t seed, unsigned ops, unsigned version)
{
	fprintf(to,
		"/* SPDX-License-Identifier: MIT */\n"
		"/* Digests of what the library gives for random programs; written by quire conform "
		"--record. */\n"
		"#include <stdint.h>\n\n"
		"#define RECORDED_SEED %" PRIu64 "\n"
		"#define RECORDED_OPS %u\n"
		"/* The first version of Linux that nothing is left out for, major << 8 | minor. */\n"
		"#define RECORDED_FROM (%uu << 8 | %u)\n"
		"static const uint64_t recorded[%" PRIu64 "] = {",
		seed, ops, version >> 8, version & 255, programs);
}

/* The first version that no row of the table of known differences holds for. */
static unsigned first_plain_version(void)
{
	unsigned version = 0;

	for (const struct conform_known *k = conform_known; k->what; k++)
		version = k->before > version ? k->before : version;
	return version;
}

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
			fprintf(to, "%s0x%016" PRIx64 ",", i % 4 ? " " : "\n\t", scn_run_digest(run));
	}
	free(program);
	return good;
}

bool conform_record(const char *path, uint64_t programs, uint64_t seed, unsigned ops)
{
	struct scn_sim_config config = {0};
	const char *why = "out of memory";
	struct scn_sim *sim = scn_sim_open(&config, &why);
	FILE *to = sim ? fopen(path, "w") : NULL;
	bool good = false;

	if (sim && !to)
		why = strerror(errno);
	if (to) {
		begin(to, programs, seed, ops, first_plain_version());
		good = record_all(to, sim, programs, seed, ops, &why);
		fputs("\n};\n", to);
		if (fclose(to) != 0) {
			good = false;
			why = strerror(errno);
		}
	}
	if (sim && scn_sim_close(sim) != 0)
		good = false;
	if (!good)
		fprintf(stderr, "quire conform: %s: %s\n", path,
			why ? why : "the machine found the library wrong");
	return good;
}
