/* SPDX-License-Identifier: MIT */
/* Reclaim between operations: what a program sees must not depend on what is in memory.
 *
 * Not compared is what tells of memory alone: counts of faults, residency, mincore. What MADV_FREE leaves
 * depends on memory by its nature (a swapped page is gone at once): a program with it is left alone. */
#include "worker.h"

#include "../scenario/sim_backend.h"
#include "ports/sim/sim.h"

#define STORE_PAGES 16384
#define BATCH       48

struct pressure {
	struct scn_sim *sim;
};

/* Each machine gets a store when it is first seen. */
static bool attach(struct sim *sim)
{
	struct quire_area area;
	struct sim_store *store;

	if (quire_swap_area(sim_system(sim), 0, &area) == QUIRE_OK)
		return true;
	store = sim_store_create(sim, STORE_PAGES, 0);
	return store && quire_swapon(sim_system(sim), &store->store, 0) == QUIRE_OK;
}

static bool gives_up_content(const struct scn_program *program)
{
	for (unsigned i = 0; i < program->op_count; i++) {
		if (program->op[i].verb == SCN_ADVISE && program->op[i].flags == QUIRE_MADV_FREE)
			return true;
	}
	return false;
}

static void before(void *context, const struct scn_run *run, unsigned index)
{
	const struct pressure *pressure = context;
	struct sim *sim = scn_sim_machine(pressure->sim);
	struct sim_cpu *cpu;

	(void)index;
	if (!sim || gives_up_content(run->program) || !attach(sim))
		return;
	cpu = sim_cpu(sim, 0);
	sim_use_cpu(cpu);
	sim_op_begin(cpu, "reclaim");
	(void)quire_reclaim(sim_system(sim), BATCH);
	(void)sim_op_end(cpu, QUIRE_OK);
}

struct scn_sim *conform_open_pressed(struct scn_sim_config *config, const char **out_why)
{
	/* One for each process of the tool: it has one simulated side. */
	static struct pressure pressure;

	config->before = before;
	config->trace_context = &pressure;
	pressure.sim = scn_sim_open(config, out_why);
	return pressure.sim;
}
