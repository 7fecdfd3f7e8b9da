/* SPDX-License-Identifier: MIT */
/* Accesses, the exceptions they raise, and what is done with the library's answer. */
#include <string.h>

#include "machine.h"

/* Instructions of the kernel: one that may not fault, and the copy loop with its fixup. */
#define PC_PLAIN     0x1000
#define PC_COPY      0x2000
#define PC_FIXUP     0x2800
#define KERNEL_STACK 0x8000

quire_va sim_fixup(const struct sim *sim, quire_va pc)
{
	quire_va base = (quire_va)sim->arch->kernel_start;

	return pc == base + PC_COPY ? base + PC_FIXUP : 0;
}

/* --- exceptions --- */

static enum sim_end kill(struct sim_cpu *cpu, struct sim_process *victim, unsigned signal)
{
	victim->exit_signal = (int)signal;
	sim_process_exit(victim);
	return victim == cpu->process || !cpu->process ? SIM_KILLED : SIM_DONE;
}

/* No frame: the profile's victim, or the machine's. DONE: the access is repeated. */
static enum sim_end out_of_memory(struct sim_cpu *cpu, const struct quire_outcome *outcome)
{
	struct sim *sim = cpu->sim;
	struct sim_process *victim = cpu->process;

	cpu->last.signal = outcome->signal ? outcome->signal : QUIRE_SIGKILL;
	if (!outcome->signal && sim->config.oom)
		victim = sim->config.oom(sim->config.context, cpu->process);
	if (!victim)
		return cpu->process ? SIM_DONE : SIM_KILLED;
	return kill(cpu, victim, cpu->last.signal);
}

void sim_count_fault(struct sim_cpu *cpu, bool major)
{
	struct sim_process *process = cpu->process;

	(*(major ? &cpu->counts.major : &cpu->counts.minor))++;
	/* In a free run CPUs would meet on this line; quire_mm_usage() has the counts. */
	if (process && !cpu->sim->free_run)
		(*(major ? &process->major : &process->minor))++;
}

static void count(struct sim_cpu *cpu, const struct quire_outcome *outcome)
{
	cpu->counts.faults++;
	cpu->last.faults++;
	if (!outcome->counted)
		return;
	(*(outcome->major ? &cpu->last.major : &cpu->last.minor))++;
	sim_count_fault(cpu, outcome->major);
}

/* Acts as a kernel's trap handler does. DONE: return from the exception. */
static enum sim_end act(struct sim_cpu *cpu, const struct quire_outcome *outcome)
{
	struct sim_result *last = &cpu->last;

	switch (outcome->kind) {
	case QUIRE_RESUME:
		return SIM_DONE;
	case QUIRE_SIGNAL:
		last->signal = outcome->signal;
		last->code = outcome->code;
		last->va = outcome->va;
		return SIM_SIGNALLED;
	case QUIRE_FIXUP:
		last->pc = outcome->pc;
		return SIM_FIXED_UP;
	case QUIRE_OOPS:
		return SIM_OOPSED;
	case QUIRE_PANIC:
		return SIM_PANICKED;
	case QUIRE_OOM_KILL:
		return out_of_memory(cpu, outcome);
	case QUIRE_NOT_OURS:
		break;
	}
	return SIM_NOT_TAKEN;
}

static enum sim_end take(struct sim_cpu *cpu, const struct quire_trap *trap)
{
	struct sim *sim = cpu->sim;
	struct quire_trace trace;
	struct quire_outcome outcome;
	const char *op = cpu->op;

	cpu->last.trap = *trap;
	memset(&trace, 0, sizeof(trace));
	sim_oracle_op(cpu);
	cpu->op = "a fault";
	if (!sim->free_run)
		sim->activity++;
	outcome = quire_handle_trap(sim->system, cpu->process ? cpu->process->mm : NULL, trap, &trace);
	sim_lock_none(cpu, "after a fault");
	sim_oracle_op(cpu);
	cpu->op = op;
	if (cpu->last.traces < SIM_TRACES)
		cpu->last.trace[cpu->last.traces++] = trace;
	count(cpu, &outcome);
	return act(cpu, &outcome);
}

/* x86: a general protection exception is no page fault, and no affair of the library. */
static enum sim_end general_protection(struct sim_cpu *cpu, enum quire_mode mode, quire_va pc)
{
	if (mode == QUIRE_MODE_USER) {
		cpu->last.signal = QUIRE_SIGSEGV;
		cpu->last.code = QUIRE_SI_KERNEL;
		cpu->last.va = 0;
		return SIM_SIGNALLED;
	}
	cpu->last.pc = sim_fixup(cpu->sim, pc);
	return cpu->last.pc ? SIM_FIXED_UP : SIM_OOPSED;
}

static enum sim_end raise(struct sim_cpu *cpu, const struct sim_walk *walk, enum quire_mode mode, quire_va pc)
{
	struct sim *sim = cpu->sim;
	struct quire_trap trap = {
	    .vector = walk->vector,
	    .mode = mode,
	    .syndrome = walk->syndrome,
	    .address = (quire_va)walk->address,
	    .pc = pc,
	    .context = cpu->context,
	};

	if (walk->end == SIM_WALK_GP)
		return general_protection(cpu, mode, pc);
	if (walk->end == SIM_WALK_BUS) {
		sim_find(sim, SIM_BUS, "CPU %u: a table at %#llx, where there is no RAM", cpu->number,
			 (unsigned long long)walk->address);
		return SIM_STUCK;
	}
	if (mode == QUIRE_MODE_KERNEL)
		trap.sp = (quire_va)sim->arch->kernel_start + KERNEL_STACK;
	else if (cpu->process)
		trap.sp = cpu->process->sp;
	return take(cpu, &trap);
}

/* --- one access within a page --- */

struct piece {
	enum quire_access access;
	enum quire_mode mode;
	quire_va va, pc;
	size_t bytes;
	void *to;         /* READ */
	const void *from; /* WRITE */
};

/* Aligned words are moved as the CPU does, at once; anything else byte by byte. */
static void move(const struct piece *piece, void *at)
{
	bool aligned = (uintptr_t)at % piece->bytes == 0;

	if (piece->access == QUIRE_ACCESS_EXEC)
		return;
	if (aligned && piece->bytes == 8) {
		uint64_t word;

		if (piece->access == QUIRE_ACCESS_READ) {
			word = __atomic_load_n((uint64_t *)at, __ATOMIC_RELAXED);
			memcpy(piece->to, &word, 8);
		} else {
			memcpy(&word, piece->from, 8);
			__atomic_store_n((uint64_t *)at, word, __ATOMIC_RELAXED);
		}
	} else if (aligned && piece->bytes == 1) {
		if (piece->access == QUIRE_ACCESS_READ)
			*(uint8_t *)piece->to = __atomic_load_n((uint8_t *)at, __ATOMIC_RELAXED);
		else
			__atomic_store_n((uint8_t *)at, *(const uint8_t *)piece->from, __ATOMIC_RELAXED);
	} else if (piece->access == QUIRE_ACCESS_READ) {
		memcpy(piece->to, at, piece->bytes);
	} else {
		memcpy(at, piece->from, piece->bytes);
	}
}

/* ARM64 with TCR_EL1.TBI0: the top byte of a user's address is no part of it (DDI 0487, "Address tagging in
 * AArch64 state"). Translation does not see it; FAR_EL1 has it. */
static quire_va tag_of(const struct sim *sim, quire_va va)
{
	uint64_t address = va;

	if (sim->arch->family != QUIRE_FAMILY_ARM64 || (address & SIM_BIT(55)))
		return 0;
	return (quire_va)(address & ~(SIM_BIT(56) - 1));
}

/* True: the access was made. False: `walk` says what was raised; end OK and no RAM: the bus refused. */
static bool try_once(struct sim_cpu *cpu, const struct piece *piece, struct sim_walk *walk)
{
	struct sim *sim = cpu->sim;
	bool done = false;
	uint64_t pa;
	void *at;

	if (sim->free_run)
		pthread_mutex_lock(&cpu->tlb_lock);
	walk->end = SIM_WALK_FAULT;
	if (sim_translate(cpu, piece->va - tag_of(sim, piece->va), piece->access, piece->mode, &pa, walk)) {
		at = sim_physical(sim, (quire_pa){pa}, piece->bytes);
		if (at) {
			move(piece, at);
			done = true;
		} else {
			walk->end = SIM_WALK_OK;
			walk->address = pa;
		}
	}
	if (sim->free_run)
		pthread_mutex_unlock(&cpu->tlb_lock);
	return done;
}

static enum sim_end access_piece(struct sim_cpu *cpu, const struct piece *piece)
{
	struct sim *sim = cpu->sim;
	struct sim_walk walk;

	for (unsigned tries = 0; tries < SIM_FAULT_LIMIT; tries++) {
		enum sim_end end;

		sim_point_at(cpu, "an access");
		if (sim_process_gone(cpu))
			return SIM_KILLED;
		cpu->counts.accesses++;
		if (try_once(cpu, piece, &walk)) {
			cpu->last.done += piece->bytes;
			return SIM_DONE;
		}
		if (walk.end == SIM_WALK_OK) {
			sim_find(sim, SIM_BUS, "CPU %u: %#llx is mapped to %#llx, where there is no RAM",
				 cpu->number, (unsigned long long)piece->va,
				 (unsigned long long)walk.address);
			return SIM_STUCK;
		}
		walk.address += tag_of(sim, piece->va);
		end = raise(cpu, &walk, piece->mode, piece->pc);
		if (end != SIM_DONE)
			return end;
	}
	sim_find(
	    sim, SIM_FAULT_LOOP,
	    "CPU %u: an access to %#llx has faulted %u times; the last syndrome is %#llx, the last rule %s",
	    cpu->number, (unsigned long long)piece->va, SIM_FAULT_LIMIT,
	    (unsigned long long)cpu->last.trap.syndrome,
	    quire_step_name(cpu->last.traces ? cpu->last.trace[cpu->last.traces - 1].outcome.rule
					     : QUIRE_STEP_TRAP));
	return SIM_STUCK;
}

/* --- accesses --- */

static void begin(struct sim_cpu *cpu)
{
	struct sim *sim = cpu->sim;

	if (!sim->scheduled && !sim->free_run)
		sim_use_cpu(cpu);
	sim_oracle_op(cpu);
	memset(&cpu->last, 0, offsetof(struct sim_result, trace));
}

static enum sim_end access_range(struct sim_cpu *cpu, struct piece piece, size_t bytes)
{
	struct sim *sim = cpu->sim;
	quire_va start = piece.va;
	enum sim_end end = SIM_DONE;
	size_t done = 0;

	begin(cpu);
	while (end == SIM_DONE && done < bytes) {
		size_t room = (size_t)(sim->page_bytes - ((start + done) & (sim->page_bytes - 1)));

		piece.va = (quire_va)(start + done);
		/* 32-bit addresses wrap. */
		if (sim->arch->long_bytes == 4)
			piece.va &= 0xFFFFFFFF;
		piece.bytes = bytes - done < room ? bytes - done : room;
		end = access_piece(cpu, &piece);
		done += piece.bytes;
		if (piece.to)
			piece.to = (char *)piece.to + piece.bytes;
		if (piece.from)
			piece.from = (const char *)piece.from + piece.bytes;
	}
	cpu->last.end = end;
	return end;
}

static quire_va kernel_pc(const struct sim_cpu *cpu, quire_va offset)
{
	return (quire_va)cpu->sim->arch->kernel_start + offset;
}

static quire_va user_pc(const struct sim_cpu *cpu)
{
	return cpu->process ? cpu->process->pc : 0;
}

static enum sim_end read_value(struct sim_cpu *cpu, quire_va va, unsigned size, uint64_t *out_value,
			       enum quire_mode mode, quire_va pc)
{
	unsigned char bytes[8] = {0};
	enum sim_end end;

	if (size == 0 || size > sizeof(bytes))
		size = sizeof(bytes);
	end = access_range(
	    cpu, (struct piece){.access = QUIRE_ACCESS_READ, .mode = mode, .va = va, .pc = pc, .to = bytes},
	    size);
	if (out_value)
		memcpy(out_value, bytes, sizeof(bytes));
	return end;
}

static enum sim_end write_value(struct sim_cpu *cpu, quire_va va, unsigned size, uint64_t value,
				enum quire_mode mode, quire_va pc)
{
	if (size == 0 || size > sizeof(value))
		size = sizeof(value);
	return access_range(
	    cpu,
	    (struct piece){.access = QUIRE_ACCESS_WRITE, .mode = mode, .va = va, .pc = pc, .from = &value},
	    size);
}

static enum sim_end fetch(struct sim_cpu *cpu, quire_va va, enum quire_mode mode)
{
	uint64_t page = cpu->sim->page_bytes;
	size_t bytes = page - (va & (page - 1)) < 4 ? 2 : 4;

	return access_range(
	    cpu, (struct piece){.access = QUIRE_ACCESS_EXEC, .mode = mode, .va = va, .pc = va}, bytes);
}

enum sim_end sim_read(struct sim_cpu *cpu, quire_va va, unsigned size, uint64_t *out_value)
{
	return read_value(cpu, va, size, out_value, QUIRE_MODE_USER, user_pc(cpu));
}

enum sim_end sim_write(struct sim_cpu *cpu, quire_va va, unsigned size, uint64_t value)
{
	return write_value(cpu, va, size, value, QUIRE_MODE_USER, user_pc(cpu));
}

enum sim_end sim_exec(struct sim_cpu *cpu, quire_va va)
{
	return fetch(cpu, va, QUIRE_MODE_USER);
}

enum sim_end sim_read_bytes(struct sim_cpu *cpu, quire_va va, void *buffer, size_t bytes)
{
	return access_range(cpu,
			    (struct piece){.access = QUIRE_ACCESS_READ,
					   .mode = QUIRE_MODE_USER,
					   .va = va,
					   .pc = user_pc(cpu),
					   .to = buffer},
			    bytes);
}

enum sim_end sim_write_bytes(struct sim_cpu *cpu, quire_va va, const void *buffer, size_t bytes)
{
	return access_range(cpu,
			    (struct piece){.access = QUIRE_ACCESS_WRITE,
					   .mode = QUIRE_MODE_USER,
					   .va = va,
					   .pc = user_pc(cpu),
					   .from = buffer},
			    bytes);
}

enum sim_end sim_kernel_read(struct sim_cpu *cpu, quire_va va, unsigned size, uint64_t *out_value)
{
	return read_value(cpu, va, size, out_value, QUIRE_MODE_KERNEL, kernel_pc(cpu, PC_PLAIN));
}

enum sim_end sim_kernel_write(struct sim_cpu *cpu, quire_va va, unsigned size, uint64_t value)
{
	return write_value(cpu, va, size, value, QUIRE_MODE_KERNEL, kernel_pc(cpu, PC_PLAIN));
}

enum sim_end sim_kernel_exec(struct sim_cpu *cpu, quire_va va)
{
	return fetch(cpu, va, QUIRE_MODE_KERNEL);
}

static size_t copy(struct sim_cpu *cpu, struct piece piece, size_t bytes)
{
	piece.mode = QUIRE_MODE_KERNEL;
	piece.pc = kernel_pc(cpu, PC_COPY);
	(void)access_range(cpu, piece, bytes);
	return bytes - cpu->last.done;
}

size_t sim_copy_to_user(struct sim_cpu *cpu, quire_va to, const void *from, size_t bytes)
{
	return copy(cpu, (struct piece){.access = QUIRE_ACCESS_WRITE, .va = to, .from = from}, bytes);
}

size_t sim_copy_from_user(struct sim_cpu *cpu, void *to, quire_va from, size_t bytes)
{
	return copy(cpu, (struct piece){.access = QUIRE_ACCESS_READ, .va = from, .to = to}, bytes);
}

size_t sim_clear_user(struct sim_cpu *cpu, quire_va to, size_t bytes)
{
	static const char zeroes[4096];
	unsigned faults = 0, minor = 0, major = 0;
	size_t done = 0;

	while (done < bytes) {
		size_t part = sizeof(zeroes) - (size_t)((to + done) % sizeof(zeroes));
		size_t left;

		part = part < bytes - done ? part : bytes - done;
		left = copy(
		    cpu, (struct piece){.access = QUIRE_ACCESS_WRITE, .va = to + done, .from = zeroes}, part);
		done += part - left;
		faults += cpu->last.faults;
		minor += cpu->last.minor;
		major += cpu->last.major;
		if (left)
			break;
	}
	cpu->last.faults = faults;
	cpu->last.minor = minor;
	cpu->last.major = major;
	cpu->last.done = done;
	return bytes - done;
}

/* --- what else a CPU can be told --- */

void sim_set_context(struct sim_cpu *cpu, uint32_t context)
{
	cpu->context = context;
}

enum sim_end sim_raise(struct sim_cpu *cpu, const struct quire_trap *trap)
{
	begin(cpu);
	cpu->last.end = take(cpu, trap);
	return cpu->last.end;
}

const struct sim_result *sim_last(const struct sim_cpu *cpu)
{
	return &cpu->last;
}

bool sim_probe(struct sim_cpu *cpu, quire_va va, enum quire_access access, enum quire_mode mode,
	       quire_pa *out_pa, struct quire_trap *out_trap)
{
	struct sim *sim = cpu->sim;
	struct sim_walk_request request = {.root = {cpu->root[0], cpu->root[1]},
					   .va = va,
					   .access = access,
					   .mode = mode,
					   .flags = SIM_WALK_QUIET};
	struct sim_walk walk;

	sim->mmu->walk(sim->mmu, &sim->bus, &request, &walk);
	if (out_pa)
		out_pa->v = walk.frame + (va & (SIM_BIT(walk.shift) - 1));
	if (out_trap)
		*out_trap = (struct quire_trap){.vector = walk.vector,
						.mode = mode,
						.syndrome = walk.syndrome,
						.address = (quire_va)walk.address,
						.pc = user_pc(cpu)};
	return walk.end == SIM_WALK_OK;
}

void sim_op_begin(struct sim_cpu *cpu, const char *name)
{
	struct sim *sim = cpu->sim;

	if (!sim->scheduled && !sim->free_run)
		sim_use_cpu(cpu);
	sim_oracle_op(cpu);
	cpu->op = name;
	sim_point_at(cpu, "an operation");
}

enum quire_status sim_op_end(struct sim_cpu *cpu, enum quire_status status)
{
	sim_lock_none(cpu, "after an operation");
	sim_oracle_op(cpu);
	cpu->op = NULL;
	return status;
}
