/* SPDX-License-Identifier: MIT */
/* A simulated machine with one process, running, before each test; its end after it is checked. */
#ifndef TESTS_MM_ONE_PROCESS_H
#define TESTS_MM_ONE_PROCESS_H

#include "sim.h"

#define BASE UINT64_C(0x10000000)
#define N(n) ((uint64_t)(n) << 12)
#define RW   (QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define ANON (QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED)

static struct sim *sim;
static struct sim_cpu *cpu;
static struct sim_process *process;
static struct quire_mm *mm;

static int open_all(void **state)
{
	const struct sim_config config = {.ram_bytes = 4 << 20};

	(void)state;
	sim = sim_create(&config, NULL);
	cpu = sim_cpu(sim, 0);
	sim_use_cpu(cpu);
	if (sim_process_create(sim, NULL, &process) != QUIRE_OK)
		return 1;
	sim_switch(cpu, process);
	mm = process->mm;
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	return sim_destroy(sim) != 0;
}

#endif
