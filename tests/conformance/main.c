/* SPDX-License-Identifier: MIT */
/* Runs the conformance suite hosted, on every architecture of the build or on those named. */
#include <stdio.h>
#include <stdlib.h>

#include "conformance.h"

static void say(void *context, const char *line)
{
	(void)context;
	puts(line);
}

static int run(const struct quire_arch *arch, uint64_t seed)
{
	return quire_conformance(&(struct conformance_env){.arch = arch, .say = say, .seed = seed}, NULL);
}

int main(int argc, char **argv)
{
	const char *given = getenv("QUIRE_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : 1;
	const struct quire_arch *arch;
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		arch = quire_arch_find(argv[i]);
		if (!arch) {
			fprintf(stderr, "%s: this build has no architecture \"%s\"\n", argv[0], argv[i]);
			return 2;
		}
		failed |= run(arch, seed);
	}
	for (unsigned i = 0; argc == 1 && (arch = quire_arch_at(i)) != NULL; i++)
		failed |= run(arch, seed);
	return failed;
}
