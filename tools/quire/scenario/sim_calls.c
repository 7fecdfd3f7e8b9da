/* SPDX-License-Identifier: MIT */
/* Operations of a program on the simulated machine: an access goes through its TLB and MMU, a system call
 * calls the library. */
#include "names.h"
#include "sim_state.h"

#include <string.h>

enum {
	STORE_PAGES = 4096
};

struct sim_cpu *scn_sim_use(struct scn_sim *s, unsigned proc)
{
	struct sim_cpu *cpu = sim_cpu(s->sim, proc % sim_cpus(s->sim));

	sim_use_cpu(cpu);
	if (sim_process_of(cpu) != s->process[proc])
		sim_switch(cpu, s->process[proc]);
	return cpu;
}

static void trace_access(struct scn_sim *s, struct sim_cpu *cpu)
{
	if (s->config.trace && !s->quiet && sim_last(cpu)->faults)
		s->config.trace(s->config.trace_context, sim_last(cpu));
}

/* --- Accesses --- */

static void access_fault(const struct sim_result *last, struct scn_access_result *out)
{
	switch (last->end) {
	case SIM_DONE:
		break;
	case SIM_SIGNALLED:
		out->signal = (uint8_t)last->signal;
		out->code = (uint8_t)last->code;
		out->addr = last->va;
		break;
	default:
		out->signal = 9; /* out of memory, or an inconsistent machine; Linux sends no SIGKILL here */
	}
	out->counts.minor += last->minor;
	out->counts.major += last->major;
}

void scn_sim_access(void *context, unsigned proc, enum scn_access kind, uint64_t addr, uint8_t value,
		    struct scn_access_result *out)
{
	struct scn_sim *s = context;
	struct sim_cpu *cpu = scn_sim_use(s, proc);
	uint64_t got = 0;

	if (sim_traits_access(&s->traits, s->process[proc]->mm, &kind, addr, out))
		return;
	/* The access looks like a push, unless the program has set its stack pointer. */
	if (!s->own_sp[proc])
		s->process[proc]->sp = addr;
	if (kind == SCN_ACCESS_READ)
		sim_read(cpu, addr, 1, &got);
	else if (kind == SCN_ACCESS_WRITE)
		sim_write(cpu, addr, 1, value);
	else
		sim_exec(cpu, addr);
	trace_access(s, cpu);
	access_fault(sim_last(cpu), out);
	out->value = out->signal ? 0 : (uint8_t)got;
	if (kind == SCN_ACCESS_WRITE && out->counts.minor)
		sim_traits_written(&s->traits, cpu, s->process[proc]->mm, s->backend.page_size, addr);
	if (!s->traits.value[SCN_TRAIT_COUNTS])
		out->counts = (struct scn_counts){0, 0};
}

/* --- System calls --- */

static struct quire_file *file_of(struct scn_sim *s, uint64_t number)
{
	return number < SCN_MAX_FILES ? s->file[number] : NULL;
}

static int64_t do_mmap(struct scn_sim *s, struct sim_cpu *cpu, struct quire_mm *mm, const uint64_t arg[6])
{
	struct quire_mapping how = {.addr = (quire_va)arg[0],
				    .length = arg[1],
				    .prot = (quire_prot)arg[2],
				    .flags = (uint32_t)arg[3],
				    .file = file_of(s, arg[4]),
				    .offset = arg[5]};
	quire_va va = 0;
	enum quire_status status = SIM_OP(cpu, "mmap", quire_mmap(mm, &how, &va));

	return status ? (int64_t)status : (int64_t)va;
}

static int64_t do_mremap(struct sim_cpu *cpu, struct quire_mm *mm, const uint64_t arg[6])
{
	struct quire_remapping how = {(quire_va)arg[0], arg[1], arg[2], (uint32_t)arg[3], (quire_va)arg[4]};
	quire_va va = 0;
	enum quire_status status = SIM_OP(cpu, "mremap", quire_mremap(mm, &how, &va));

	return status ? (int64_t)status : (int64_t)va;
}

static int64_t do_brk(struct sim_cpu *cpu, struct quire_mm *mm, uint64_t addr)
{
	quire_va end;

	sim_op_begin(cpu, "brk");
	end = quire_brk(mm, (quire_va)addr);
	(void)sim_op_end(cpu, QUIRE_OK);
	return (int64_t)end;
}

static int64_t do_limit(const struct scn_sim *s, struct quire_mm *mm, uint64_t which, uint64_t bytes)
{
	static const enum quire_limit limit[SCN_LIMITS] = {QUIRE_LIMIT_STACK, QUIRE_LIMIT_MEMLOCK,
							   QUIRE_LIMIT_DATA, QUIRE_LIMIT_AS};

	quire_mm_set_limit(mm, limit[which],
			   sim_traits_limit(&s->traits, s->backend.page_size, (enum scn_limit)which, bytes));
	return 0;
}

static int64_t remote(struct scn_sim *s, struct sim_cpu *cpu, const uint64_t arg[6], unsigned flags)
{
	uint8_t byte = (uint8_t)arg[2];
	size_t done = 0;
	enum quire_status status;

	status = SIM_OP(cpu, "mm_access",
			quire_mm_access(s->process[arg[1]]->mm, (quire_va)arg[0], &byte, 1, flags, &done));
	if (status)
		return status;
	return flags & QUIRE_REMOTE_WRITE ? 0 : byte;
}

static int64_t kernel_access(struct scn_sim *s, struct sim_cpu *cpu, enum scn_call call,
			     const uint64_t arg[6])
{
	uint8_t byte = (uint8_t)arg[1];
	size_t left;
	int64_t done;

	if (call == SCN_CALL_KREAD)
		left = sim_copy_from_user(cpu, &byte, (quire_va)arg[0], 1);
	else if (call == SCN_CALL_KWRITE)
		left = sim_copy_to_user(cpu, (quire_va)arg[0], &byte, 1);
	else
		left = sim_clear_user(cpu, (quire_va)arg[0], (size_t)arg[1]);
	trace_access(s, cpu);
	if (call == SCN_CALL_KZERO) {
		done = (int64_t)arg[1] - (int64_t)left;
		return done || !arg[1] ? done : -SCN_EFAULT;
	}
	if (left)
		return -SCN_EFAULT;
	return call == SCN_CALL_KREAD ? byte : 0;
}

int64_t scn_sim_file_write(struct scn_sim *s, const uint64_t arg[6])
{
	uint8_t page[4096];
	uint64_t done = 0;

	memset(page, (int)arg[3], sizeof(page));
	while (done < arg[2]) {
		uint64_t at = arg[1] + done;
		size_t room = sizeof(page) - (size_t)(at % sizeof(page));
		size_t want = arg[2] - done < room ? (size_t)(arg[2] - done) : room;
		size_t moved = 0;
		enum quire_status status = quire_file_write(file_of(s, arg[0]), at, page, want, &moved);

		done += moved;
		if (status)
			return done ? (int64_t)done : (int64_t)status;
	}
	return (int64_t)done;
}

static int64_t file_read(struct scn_sim *s, const uint64_t arg[6])
{
	uint8_t byte = 0;
	size_t done = 0;
	enum quire_status status = quire_file_read(file_of(s, arg[0]), arg[1], &byte, 1, &done);

	if (status)
		return status;
	return done ? byte : QUIRE_ENXIO;
}

static int64_t file_call(struct scn_sim *s, struct sim_cpu *cpu, enum scn_call call, const uint64_t arg[6])
{
	int64_t value;

	switch (call) {
	case SCN_CALL_FREAD:
		sim_op_begin(cpu, "read");
		value = file_read(s, arg);
		break;
	case SCN_CALL_FWRITE:
		sim_op_begin(cpu, "write");
		value = scn_sim_file_write(s, arg);
		break;
	case SCN_CALL_FTRUNCATE:
		sim_op_begin(cpu, "truncate");
		value = quire_file_truncate(file_of(s, arg[0]), arg[1]);
		break;
	default:
		sim_op_begin(cpu, "punch");
		value = quire_file_punch(file_of(s, arg[0]), arg[1], arg[2]);
	}
	(void)sim_op_end(cpu, QUIRE_OK);
	return value;
}

/* Creates and attaches the store when a scenario first evicts, so that other scenarios have none. */
static int64_t attach_store(struct scn_sim *s, struct sim_cpu *cpu)
{
	enum quire_status status;

	if (!s->store)
		s->store = sim_store_create(s->sim, STORE_PAGES, 0);
	if (!s->store)
		return QUIRE_ENOMEM;
	status = SIM_OP(cpu, "swapon", quire_swapon(sim_system(s->sim), &s->store->store, 0));
	return status == QUIRE_EBUSY ? QUIRE_OK : status;
}

static int64_t swap_call(struct scn_sim *s, struct sim_cpu *cpu, struct quire_mm *mm, enum scn_call call,
			 const uint64_t arg[6])
{
	int64_t status = attach_store(s, cpu);
	uint64_t evicted = 0;

	if (status)
		return status;
	switch (call) {
	case SCN_CALL_EVICT:
		status = SIM_OP(cpu, "evict", quire_mm_evict(mm, (quire_va)arg[0], arg[1], &evicted));
		return status ? status : (int64_t)evicted;
	case SCN_CALL_PRESSURE:
		status =
		    SIM_OP(cpu, "reclaim", (evicted = quire_reclaim(sim_system(s->sim), arg[0]), QUIRE_OK));
		return status ? status : (int64_t)evicted;
	case SCN_CALL_SWAPOFF:
		return SIM_OP(cpu, "swapoff", quire_swapoff(sim_system(s->sim), &s->store->store));
	default:
		if (arg[0] == SCN_STORE_FAIL_READ)
			s->store->fail_get = s->store->gets + 1;
		else
			s->store->fail_put = s->store->puts + 1;
		return 0;
	}
}

static int64_t dispatch(struct scn_sim *s, unsigned proc, enum scn_call call, const uint64_t arg[6])
{
	struct sim_cpu *cpu = scn_sim_use(s, proc);
	struct quire_mm *mm = s->process[proc]->mm;
	quire_va addr = (quire_va)arg[0];

	switch (call) {
	case SCN_CALL_MMAP:
		return do_mmap(s, cpu, mm, arg);
	case SCN_CALL_MUNMAP:
		return SIM_OP(cpu, "munmap", quire_munmap(mm, addr, arg[1]));
	case SCN_CALL_MPROTECT:
		return SIM_OP(cpu, "mprotect", quire_mprotect(mm, addr, arg[1], (quire_prot)arg[2]));
	case SCN_CALL_MREMAP:
		return do_mremap(cpu, mm, arg);
	case SCN_CALL_BRK:
		return do_brk(cpu, mm, arg[0]);
	case SCN_CALL_MADVISE:
		return SIM_OP(cpu, "madvise", quire_madvise(mm, addr, arg[1], (int)arg[2]));
	case SCN_CALL_MLOCK2:
		return SIM_OP(cpu, "mlock", quire_mlock(mm, addr, arg[1], (uint32_t)arg[2]));
	case SCN_CALL_MUNLOCK:
		return SIM_OP(cpu, "munlock", quire_munlock(mm, addr, arg[1]));
	case SCN_CALL_MSYNC:
		return SIM_OP(cpu, "msync", quire_msync(mm, addr, arg[1], (uint32_t)arg[2]));
	case SCN_CALL_LIMIT:
		return do_limit(s, mm, arg[0], arg[1]);
	case SCN_CALL_EVICT:
	case SCN_CALL_PRESSURE:
	case SCN_CALL_SWAPOFF:
	case SCN_CALL_STORE:
		return swap_call(s, cpu, mm, call, arg);
	case SCN_CALL_SP:
		s->process[proc]->sp = addr;
		s->own_sp[proc] = true;
		return 0;
	case SCN_CALL_KREAD:
	case SCN_CALL_KWRITE:
	case SCN_CALL_KZERO:
		return kernel_access(s, cpu, call, arg);
	case SCN_CALL_PEEK:
		return remote(s, cpu, arg, 0);
	case SCN_CALL_POKE:
		return remote(s, cpu, arg, QUIRE_REMOTE_WRITE);
	default:
		return file_call(s, cpu, call, arg);
	}
}

int64_t scn_sim_call(void *context, unsigned proc, enum scn_call which, const uint64_t arg[6],
		     struct scn_counts *counts)
{
	struct scn_sim *s = context;
	const struct sim_process *process = s->process[proc];
	uint64_t minor = process->minor, major = process->major;
	int64_t value;

	if (sim_traits_refuse(&s->traits, which, arg, &value))
		return value;
	value = dispatch(s, proc, which, arg);
	counts->minor += (uint32_t)(process->minor - minor);
	counts->major += (uint32_t)(process->major - major);
	return value;
}

/* --- The room above the arena --- */

/* The soft limit on address space does not count what is reserved for the machine itself. */
static enum quire_status reserve_room(struct sim_cpu *cpu, struct quire_mm *mm,
				      const struct quire_mapping *how)
{
	uint64_t limit = quire_mm_limit(mm, QUIRE_LIMIT_AS);
	enum quire_status status;
	quire_va va;

	quire_mm_set_limit(mm, QUIRE_LIMIT_AS, ~(uint64_t)0);
	status = SIM_OP(cpu, "mmap", quire_mmap(mm, how, &va));
	quire_mm_set_limit(mm, QUIRE_LIMIT_AS, limit);
	return status;
}

bool scn_sim_room(void *context, unsigned proc, bool open)
{
	struct scn_sim *s = context;
	struct sim_cpu *cpu = scn_sim_use(s, proc);
	struct quire_mm *mm = s->process[proc]->mm;
	const struct quire_mapping how = {.addr = (quire_va)(s->backend.arena + s->backend.arena_bytes),
					  .length = SCN_ROOM_PAGES * s->backend.page_size,
					  .flags = SCN_MAP_PRIVATE | SCN_MAP_ANONYMOUS | SCN_MAP_NORESERVE |
						   SCN_MAP_FIXED};

	if (open)
		return SIM_OP(cpu, "munmap", quire_munmap(mm, how.addr, how.length)) == QUIRE_OK;
	return reserve_room(cpu, mm, &how) == QUIRE_OK;
}

/* --- Processes --- */

int scn_sim_fork(void *context, unsigned proc, unsigned child, bool *out_child)
{
	struct scn_sim *s = context;
	struct sim_cpu *cpu = scn_sim_use(s, proc);

	*out_child = false;
	s->own_sp[child] = s->own_sp[proc];
	return SIM_OP(cpu, "fork", sim_process_fork(s->process[proc], &s->process[child]));
}

void scn_sim_exit(void *context, unsigned proc)
{
	struct scn_sim *s = context;
	struct sim_cpu *cpu = scn_sim_use(s, proc);

	sim_op_begin(cpu, "exit");
	sim_process_exit(s->process[proc]);
	(void)sim_op_end(cpu, QUIRE_OK);
	s->process[proc] = NULL;
}
