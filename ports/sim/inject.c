/* SPDX-License-Identifier: MIT */
/* Failures on purpose, random words, mutants. */
#include <string.h>

#include "machine.h"

/* SplitMix64: any seed will do, and the state is one word. */
uint64_t sim_mix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

uint64_t sim_random(struct sim *sim)
{
	uint64_t word;

	if (!sim->free_run)
		return sim_mix(&sim->random);
	pthread_mutex_lock(&sim->shared);
	word = sim_mix(&sim->random);
	pthread_mutex_unlock(&sim->shared);
	return word;
}

void sim_fail(struct sim *sim, unsigned resources, uint64_t nth, uint64_t times)
{
	sim->fail_resources = resources;
	sim->fail_one_in = 0;
	sim->fail_nth = nth;
	sim->fail_times = times;
	sim->fail_asked = sim->failed = 0;
}

void sim_fail_randomly(struct sim *sim, unsigned resources, unsigned one_in)
{
	sim->fail_resources = one_in ? resources : 0;
	sim->fail_one_in = one_in;
	sim->fail_nth = 0;
	sim->fail_asked = sim->failed = 0;
}

uint64_t sim_fail_asked(const struct sim *sim)
{
	return sim->fail_asked;
}

uint64_t sim_failed(const struct sim *sim)
{
	return sim->failed;
}

/* Not for free runs: who is the nth is not defined there. */
bool sim_may_fail(struct sim *sim, enum quire_resource resource)
{
	bool fail;

	if (sim->free_run || !(sim->fail_resources >> resource & 1))
		return false;
	sim->fail_asked++;
	if (sim->fail_one_in)
		fail = sim_mix(&sim->random) % sim->fail_one_in == 0;
	else
		fail = sim->fail_nth && sim->fail_asked >= sim->fail_nth &&
		       (!sim->fail_times || sim->fail_asked - sim->fail_nth < sim->fail_times);
	sim->failed += fail;
	return fail;
}

void sim_mutant(struct sim *sim, const char *name)
{
	sim->mutant = name;
}
