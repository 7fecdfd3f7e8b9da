/* SPDX-License-Identifier: MIT */
/* The fuzz target: bytes choose a program, which runs on the simulated machine with every check on,
 * and quire_check() after each operation. */
#include <stdio.h>
#include <stdlib.h>

#include <tools/quire/conform/conform.h>
#include <tools/quire/scenario/sim_backend.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct scn_sim *machine(void)
{
	static struct scn_sim *sim;
	struct scn_sim_config config = {.check_every = 1, .check_each_step = true, .ram_bytes = 16 << 20};
	const char *why;

	if (!sim)
		sim = scn_sim_open(&config, &why);
	return sim;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scn_program program;
	struct conform_choice choice = {.bytes = data, .count = size};
	const char *why = NULL;

	conform_generate(&choice, 80, CONFORM_ALL, &program);
	if (machine() && scn_sim_run(machine(), &program, &why))
		return 0;
	fprintf(stderr, "%s\n", why ? why : "the machine could not be made");
	scn_print(stderr, &program, NULL, NULL);
	abort();
}

#ifndef QUIRE_LIBFUZZER
int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	uint8_t bytes[1024];

	srand(argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1);
	for (unsigned long i = 0; i < rounds; i++) {
		size_t size = (size_t)rand() % sizeof(bytes);

		for (size_t k = 0; k < size; k++)
			bytes[k] = (uint8_t)(rand() >> 8);
		LLVMFuzzerTestOneInput(bytes, size);
	}
	printf("%lu programs of random bytes\n", rounds);
	return 0;
}
#endif
