/* SPDX-License-Identifier: MIT */
/* Runs the conformance suite hosted, on every architecture of the build or on those named. */
#include <stdio.h>
#include <stdlib.h>

#include <quire/system.h>

#include "conformance.h"

#define RAM_BYTES ((size_t)64 << 20)
#define RAM_PA    UINT64_C(0x1000000)
#define ALIGNMENT ((size_t)1 << 16)

static void panic(void *host, const char *text)
{
	(void)host;
	fprintf(stderr, "panic: %s\n", text);
	abort();
}

static void say(void *context, const char *line)
{
	(void)context;
	puts(line);
}

static int run(const struct quire_arch *arch, uint64_t seed, unsigned rounds)
{
	static const struct quire_host host = {.panic = panic};
	struct quire_config config = {
	    .arch = arch, .host = &host, .ram_count = 1, .without = QUIRE_WITHOUT_ALL};
	struct conformance_env env = {
	    .arch = arch, .tables = conformance_tables, .say = say, .seed = seed, .rounds = rounds};
	enum quire_status status;
	int failed = 1;

	config.ram[0].base.v = RAM_PA;
	config.ram[0].bytes = RAM_BYTES;
	config.ram[0].linear = aligned_alloc(ALIGNMENT, RAM_BYTES);
	if (!config.ram[0].linear) {
		fprintf(stderr, "%s: no memory\n", arch->name);
		return 1;
	}
	status = quire_system_create(&config, &env.system);
	if (status == QUIRE_OK) {
		failed = quire_conformance(&env, NULL);
		/* A system that failed may not come apart either: what failed has been said. */
		if (!failed)
			quire_system_destroy(env.system);
	} else {
		fprintf(stderr, "%s: no system: %s\n", arch->name, quire_status_name(status));
	}
	free(config.ram[0].linear);
	return failed;
}

static unsigned long long number(const char *name, unsigned long long otherwise)
{
	const char *given = getenv(name);

	return given ? strtoull(given, NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	uint64_t seed = number("QUIRE_SEED", 1);
	unsigned rounds = (unsigned)number("QUIRE_ROUNDS", 0);
	const struct quire_arch *arch;
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		arch = quire_arch_find(argv[i]);
		if (!arch) {
			fprintf(stderr, "%s: this build has no architecture \"%s\"\n", argv[0], argv[i]);
			return 2;
		}
		failed |= run(arch, seed, rounds);
	}
	for (unsigned i = 0; argc == 1 && (arch = quire_arch_at(i)) != NULL; i++)
		failed |= run(arch, seed, rounds);
	return failed;
}
