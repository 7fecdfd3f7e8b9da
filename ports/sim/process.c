/* SPDX-License-Identifier: MIT */
/* Processes: address spaces, and which CPU runs which. */
#include <stdlib.h>

#include "machine.h"

static enum quire_status add_process(struct sim *sim, struct quire_mm *mm, struct sim_process **out_process)
{
	struct sim_process *process = calloc(1, sizeof(*process));

	if (!process) {
		quire_mm_put(mm);
		return QUIRE_ENOMEM;
	}
	process->sim = sim;
	process->mm = mm;
	quire_mm_set_context(mm, process);
	pthread_mutex_lock(&sim->shared);
	process->id = ++sim->next_id;
	process->next = sim->processes;
	sim->processes = process;
	pthread_mutex_unlock(&sim->shared);
	*out_process = process;
	return QUIRE_OK;
}

enum quire_status sim_process_create(struct sim *sim, const struct quire_mm_layout *layout,
				     struct sim_process **out_process)
{
	struct quire_mm *mm;
	enum quire_status status;

	sim_op_begin(sim_current(sim), "process create");
	status = sim_op_end(sim_current(sim), quire_mm_create(sim->system, layout, &mm));
	if (status != QUIRE_OK)
		return status;
	status = add_process(sim, mm, out_process);
	if (status != QUIRE_OK)
		return status;
	(*out_process)->sp = layout && layout->task_end ? layout->task_end : (quire_va)sim->arch->user_end;
	(*out_process)->pc = sim->page_bytes;
	return QUIRE_OK;
}

enum quire_status sim_process_fork(struct sim_process *parent, struct sim_process **out_child)
{
	struct sim *sim = parent->sim;
	struct quire_mm *mm;
	enum quire_status status;

	if (!parent->mm)
		return QUIRE_ESRCH;
	sim_op_begin(sim_current(sim), "fork");
	status = sim_op_end(sim_current(sim), quire_mm_fork(parent->mm, &mm));
	if (status != QUIRE_OK)
		return status;
	status = add_process(sim, mm, out_child);
	if (status != QUIRE_OK)
		return status;
	(*out_child)->sp = parent->sp;
	(*out_child)->pc = parent->pc;
	(*out_child)->context = parent->context;
	return QUIRE_OK;
}

/* The last CPU has left a process that ends. */
static void drop_space(struct sim_process *process)
{
	struct sim *sim = process->sim;
	struct quire_mm *mm = process->mm;

	process->mm = NULL;
	sim_op_begin(sim_current(sim), "exit");
	quire_mm_put(mm);
	(void)sim_op_end(sim_current(sim), QUIRE_OK);
	for (unsigned i = 0; i < sim->config.cpus; i++) {
		if (sim->free_run)
			pthread_mutex_lock(&sim->cpu[i].tlb_lock);
		sim_tlb_drop_mm(&sim->cpu[i], mm);
		if (sim->free_run)
			pthread_mutex_unlock(&sim->cpu[i].tlb_lock);
	}
}

/* Returns the process whose address space is to be dropped now, if any. */
static struct sim_process *leave(struct sim_cpu *cpu)
{
	struct sim_process *process = cpu->process;

	if (cpu->mm) {
		if (cpu->sim->mmu->asid) {
			unsigned slot = cpu->left_next++ % SIM_ASIDS;

			cpu->left[slot].asid = cpu->asid;
			cpu->left[slot].mm = cpu->mm;
		} else {
			sim_tlb_drop_asid(cpu, cpu->asid);
		}
		quire_mm_leave(cpu->mm, cpu->number);
		cpu->mm = NULL;
		cpu->kept = false;
	}
	cpu->process = NULL;
	if (process && __atomic_sub_fetch(&process->on, 1, __ATOMIC_ACQ_REL) == 0 &&
	    __atomic_load_n(&process->ending, __ATOMIC_ACQUIRE))
		return process;
	return NULL;
}

/* Translations of an address space left before are good unless it was flushed meanwhile. */
static bool still_good(struct sim_cpu *cpu, const struct quire_mm *mm, uint64_t asid)
{
	bool good = false;

	for (unsigned i = 0; i < SIM_ASIDS; i++) {
		if (cpu->left[i].asid != asid || cpu->left[i].mm != mm)
			continue;
		cpu->left[i].asid = 0;
		good = true;
	}
	return good;
}

static void load(struct sim_cpu *cpu, struct sim_process *process)
{
	struct sim *sim = cpu->sim;
	uint64_t kernel_root = quire_kernel_root(sim->system).v;

	cpu->process = process;
	if (!process) {
		cpu->asid = SIM_KERNEL_ASID;
		cpu->root[0] = sim->mmu->split_root ? sim->no_root : kernel_root;
		cpu->root[1] = kernel_root;
		return;
	}
	__atomic_add_fetch(&process->on, 1, __ATOMIC_ACQ_REL);
	cpu->mm = process->mm;
	cpu->asid = process->id;
	/* In the set of flushes first, then look whether one was missed. */
	cpu->root[0] = quire_mm_enter(process->mm, cpu->number).v;
	cpu->root[1] = sim->mmu->split_root ? kernel_root : cpu->root[0];
	cpu->kept = still_good(cpu, process->mm, cpu->asid);
	if (!cpu->kept)
		sim_tlb_drop_asid(cpu, cpu->asid);
}

void sim_switch(struct sim_cpu *cpu, struct sim_process *process)
{
	struct sim *sim = cpu->sim;
	struct sim_process *ended;

	if (process && (!process->mm || process->ending))
		process = NULL;
	if (process && cpu->process == process)
		return;
	if (!sim->scheduled && !sim->free_run)
		sim_use_cpu(cpu);
	if (sim->free_run)
		pthread_mutex_lock(&cpu->tlb_lock);
	ended = leave(cpu);
	load(cpu, process);
	if (sim->free_run)
		pthread_mutex_unlock(&cpu->tlb_lock);
	if (ended)
		drop_space(ended);
	sim_point_at(cpu, "another process");
}

struct sim_process *sim_process_of(const struct sim_cpu *cpu)
{
	return cpu->process;
}

void sim_process_exit(struct sim_process *process)
{
	struct sim *sim = process->sim;
	bool alone = !sim->scheduled && !sim->free_run;

	if (!process->mm || process->ending)
		return;
	/* Not before the last CPU left: this one counts as one until it is done. */
	__atomic_add_fetch(&process->on, 1, __ATOMIC_ACQ_REL);
	__atomic_store_n(&process->ending, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < sim->config.cpus; i++)
		if ((alone || &sim->cpu[i] == sim_current(sim)) && sim->cpu[i].process == process)
			sim_switch(&sim->cpu[i], NULL);
	if (__atomic_sub_fetch(&process->on, 1, __ATOMIC_ACQ_REL) == 0)
		drop_space(process);
}

bool sim_process_gone(struct sim_cpu *cpu)
{
	if (!cpu->process || !__atomic_load_n(&cpu->process->ending, __ATOMIC_ACQUIRE))
		return false;
	sim_switch(cpu, NULL);
	return true;
}
