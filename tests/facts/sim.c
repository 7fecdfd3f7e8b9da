/* SPDX-License-Identifier: MIT */
/* The simulated machine under a profile and an architecture, as a machine to measure facts on. */
#include "facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/system.h"
#include "ports/sim/sim.h"

enum {
	PROCESSES = 2,
	FILES = 4,
	STACK_PAGES = 33, /* of a program that has just begun, arguments included */
	KERNEL_PAGES = 4
};

/* Where the program lies: text and data, and the heap behind them. */
#define TEXT ((quire_va)0x08048000)
#define HEAP (TEXT + 4 * FACTS_PAGE)

struct file {
	struct quire_file *file;
	struct sim_file *device; /* FACTS_DISK */
};

struct machine {
	struct facts_machine public;
	const struct facts_column *column;
	struct sim *sim;
	struct sim_process *process[PROCESSES];
	quire_va stack; /* the stack pointer in the main stack */
	struct file file[FILES];
	unsigned files;
};

static struct sim_cpu *use(struct machine *m, unsigned proc)
{
	struct sim_cpu *cpu = sim_cpu(m->sim, 0);

	sim_use_cpu(cpu);
	sim_switch(cpu, m->process[proc]);
	return cpu;
}

/* --- Processes --- */

static bool map_at(struct machine *m, quire_va at, uint64_t pages, quire_prot prot, uint32_t flags)
{
	struct quire_mapping how = {.addr = at,
				    .length = pages * FACTS_PAGE,
				    .prot = prot,
				    .flags =
					QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED | flags};
	quire_va got;

	return SIM_OP(use(m, 0), "mmap", quire_mmap(m->process[0]->mm, &how, &got)) == QUIRE_OK;
}

/* As exec leaves it: text, data, a heap of no pages, and a stack whose last page holds the arguments. */
static bool begin(void *context)
{
	struct machine *m = context;
	struct quire_mm_layout layout = {.task_end = (quire_va)m->column->task_end};
	quire_va end = (quire_va)m->column->stack_end, start = end - STACK_PAGES * FACTS_PAGE;

	sim_use_cpu(sim_cpu(m->sim, 0));
	if (sim_process_create(m->sim, &layout, &m->process[0]) != QUIRE_OK)
		return false;
	quire_mm_set_rights(m->process[0]->mm,
			    QUIRE_RIGHT_IPC_LOCK | QUIRE_RIGHT_SYS_ADMIN | QUIRE_RIGHT_SYS_RAWIO);
	m->stack = end - 64;
	m->process[0]->sp = m->stack;
	if (!map_at(m, TEXT, 2, QUIRE_PROT_READ | QUIRE_PROT_EXEC, 0) ||
	    !map_at(m, TEXT + 2 * FACTS_PAGE, 2, QUIRE_PROT_READ | QUIRE_PROT_WRITE, 0) ||
	    !map_at(m, start, STACK_PAGES, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_MAP_GROWSDOWN))
		return false;
	quire_mm_set_brk(m->process[0]->mm, HEAP);
	quire_mm_set_stack(m->process[0]->mm, m->stack);
	return sim_write(use(m, 0), m->stack, 1, 1) == SIM_DONE;
}

static void exit_process(void *context, unsigned proc)
{
	struct machine *m = context;

	if (m->process[proc])
		sim_process_exit(m->process[proc]);
	m->process[proc] = NULL;
}

static void end(void *context)
{
	struct machine *m = context;

	for (unsigned i = 0; i < PROCESSES; i++)
		exit_process(m, i);
	for (unsigned i = 0; i < m->files; i++) {
		if (m->file[i].device)
			sim_file_close(m->file[i].device);
		else
			quire_file_put(m->file[i].file);
	}
	m->files = 0;
}

static bool fork_process(void *context, unsigned proc, unsigned child)
{
	struct machine *m = context;

	(void)use(m, proc);
	return sim_process_fork(m->process[proc], &m->process[child]) == QUIRE_OK;
}

/* --- Files --- */

static bool fill(struct quire_file *file, unsigned pages)
{
	unsigned char page[FACTS_PAGE];
	size_t done;

	for (unsigned i = 0; i < pages; i++) {
		memset(page, (int)(0x10 + i), sizeof(page));
		if (quire_file_write(file, i * FACTS_PAGE, page, sizeof(page), &done) != QUIRE_OK)
			return false;
	}
	return true;
}

static enum quire_status read_nothing(void *context, uint64_t offset, void *buffer, size_t length,
				      size_t *out_length)
{
	memset(buffer, 0, length);
	*out_length = length;
	return QUIRE_OK;
}

/* A file that has a cache, and nothing behind it that could be written to. */
static const struct quire_file_ops ram_ops = {.read = read_nothing};

static int make_file(void *context, enum facts_fs fs, unsigned pages, bool cached)
{
	struct machine *m = context;
	struct file *file = &m->file[m->files];
	enum quire_status status;

	sim_use_cpu(sim_cpu(m->sim, 0));
	if (m->files == FILES)
		return -1;
	memset(file, 0, sizeof(*file));
	if (fs == FACTS_DISK) {
		status = sim_file_create(m->sim, pages * FACTS_PAGE, 0x10, &file->device);
		file->file = status == QUIRE_OK ? file->device->file : NULL;
	} else {
		status = quire_file_create(sim_system(m->sim), fs == FACTS_RAM ? &ram_ops : NULL, NULL,
					   pages * FACTS_PAGE, &file->file);
	}
	if (status != QUIRE_OK || (cached && !fill(file->file, pages)))
		return -1;
	return (int)m->files++;
}

/* --- System calls --- */

static int64_t do_mmap(struct machine *m, struct quire_mm *mm, const uint64_t arg[6])
{
	struct quire_mapping how = {.addr = (quire_va)arg[0],
				    .length = arg[1],
				    .prot = (quire_prot)arg[2],
				    .flags = (uint32_t)arg[3],
				    .offset = arg[5]};
	enum quire_status status;
	quire_va va = 0;

	if (!(how.flags & QUIRE_MAP_ANONYMOUS)) {
		if (arg[4] >= m->files)
			return -FACTS_EBADF;
		how.file = m->file[arg[4]].file;
	}
	if (m->column->read_implies_exec && how.prot & QUIRE_PROT_READ)
		how.prot |= QUIRE_PROT_EXEC;
	status = quire_mmap(mm, &how, &va);
	return status ? (int64_t)status : (int64_t)va;
}

static int64_t do_mprotect(struct machine *m, struct quire_mm *mm, const uint64_t arg[6])
{
	quire_prot prot = (quire_prot)arg[2];

	if (m->column->read_implies_exec && prot & QUIRE_PROT_READ)
		prot |= QUIRE_PROT_EXEC;
	return quire_mprotect(mm, (quire_va)arg[0], arg[1], prot);
}

static int64_t do_mremap(struct quire_mm *mm, const uint64_t arg[6])
{
	struct quire_remapping how = {(quire_va)arg[0], arg[1], arg[2], (uint32_t)arg[3], (quire_va)arg[4]};
	quire_va va = 0;
	enum quire_status status = quire_mremap(mm, &how, &va);

	return status ? (int64_t)status : (int64_t)va;
}

static int64_t do_truncate(struct machine *m, const uint64_t arg[6])
{
	struct file *file = &m->file[arg[0]];

	return file->device ? sim_file_truncate(file->device, arg[1])
			    : quire_file_truncate(file->file, arg[1]);
}

static int64_t do_limit(struct quire_mm *mm, const uint64_t arg[6])
{
	static const enum quire_limit limit[] = {QUIRE_LIMIT_STACK, QUIRE_LIMIT_AS, QUIRE_LIMIT_MEMLOCK};

	quire_mm_set_limit(mm, limit[arg[0]], arg[1]);
	return 0;
}

static int64_t dispatch(struct machine *m, unsigned proc, enum facts_call call, const uint64_t arg[6])
{
	struct quire_mm *mm = m->process[proc]->mm;
	quire_va addr = (quire_va)arg[0];

	switch (call) {
	case FACTS_MMAP:
		return do_mmap(m, mm, arg);
	case FACTS_MUNMAP:
		return quire_munmap(mm, addr, arg[1]);
	case FACTS_MPROTECT:
		return do_mprotect(m, mm, arg);
	case FACTS_MREMAP:
		return do_mremap(mm, arg);
	case FACTS_BRK:
		return (int64_t)quire_brk(mm, addr);
	case FACTS_MADVISE:
		return quire_madvise(mm, addr, arg[1], (int)arg[2]);
	case FACTS_MLOCK:
		return quire_mlock(mm, addr, arg[1], 0);
	case FACTS_MLOCK2:
		return quire_mlock(mm, addr, arg[1], (uint32_t)arg[2]);
	case FACTS_MUNLOCK:
		return quire_munlock(mm, addr, arg[1]);
	case FACTS_MLOCKALL:
		return quire_mlockall(mm, (uint32_t)arg[0]);
	case FACTS_MSYNC:
		return quire_msync(mm, addr, arg[1], (uint32_t)arg[2]);
	case FACTS_FTRUNCATE:
		return do_truncate(m, arg);
	case FACTS_LIMIT:
		return do_limit(mm, arg);
	case FACTS_SETUID:
		quire_mm_set_rights(mm, 0);
		return 0;
	default:
		return -FACTS_ENOSYS;
	}
}

static int64_t copy(struct sim_cpu *cpu, enum facts_call call, const uint64_t arg[6])
{
	static unsigned char buffer[64];
	size_t bytes = arg[1] < sizeof(buffer) ? (size_t)arg[1] : sizeof(buffer), left;

	if (call == FACTS_COPY_IN)
		left = sim_copy_from_user(cpu, buffer, (quire_va)arg[0], bytes);
	else
		left = sim_copy_to_user(cpu, (quire_va)arg[0], buffer, bytes);
	return left ? -FACTS_EFAULT : (int64_t)bytes;
}

static int64_t call_kernel(void *context, unsigned proc, enum facts_call call, const uint64_t arg[6],
			   struct facts_counts *counts)
{
	struct machine *m = context;
	struct sim_cpu *cpu = use(m, proc);
	const struct sim_process *process = m->process[proc];
	uint64_t minor = process->minor, major = process->major;
	int64_t result;

	if (call == FACTS_COPY_IN || call == FACTS_COPY_OUT) {
		result = copy(cpu, call, arg);
	} else {
		sim_op_begin(cpu, "a system call");
		result = dispatch(m, proc, call, arg);
		(void)sim_op_end(cpu, QUIRE_OK);
	}
	counts->minor += (uint32_t)(process->minor - minor);
	counts->major += (uint32_t)(process->major - major);
	return result;
}

/* --- Accesses --- */

static void do_access(void *context, unsigned proc, enum facts_kind kind, uint64_t addr, uint64_t sp,
		      struct facts_access *access)
{
	struct machine *m = context;
	struct sim_cpu *cpu = use(m, proc);
	const struct sim_result *last = sim_last(cpu);
	uint64_t value = 0;

	m->process[proc]->sp = sp ? (quire_va)sp : m->stack;
	if (kind == FACTS_READ)
		sim_read(cpu, (quire_va)addr, 1, &value);
	else if (kind == FACTS_WRITE)
		sim_write(cpu, (quire_va)addr, 1, access->value);
	else
		sim_exec(cpu, (quire_va)addr);
	if (kind == FACTS_READ)
		access->value = (uint8_t)value;
	access->counts = (struct facts_counts){last->minor, last->major};
	if (last->end == SIM_DONE)
		return;
	access->signal = last->end == SIM_SIGNALLED ? last->signal : QUIRE_SIGKILL;
	access->code = last->code;
	access->addr = last->va;
}

/* --- Views --- */

static int do_mincore(void *context, uint64_t addr, uint64_t length, uint8_t *out)
{
	struct machine *m = context;

	return SIM_OP(use(m, 0), "mincore", quire_mincore(m->process[0]->mm, (quire_va)addr, length, out));
}

static bool region(void *context, uint64_t addr, uint64_t *out_start, uint64_t *out_end)
{
	struct machine *m = context;
	struct quire_region region;

	if (!addr)
		addr = m->stack;
	if (quire_mm_region(m->process[0]->mm, (quire_va)addr, &region) != QUIRE_OK || region.start > addr)
		return false;
	*out_start = region.start;
	*out_end = region.end;
	return true;
}

static uint64_t frame(void *context, unsigned proc, uint64_t addr)
{
	struct machine *m = context;
	uint64_t entry = quire_mm_pagemap(m->process[proc]->mm, (quire_va)addr);

	return entry >> 63 ? entry & (((uint64_t)1 << 55) - 1) : 0;
}

/* A system's mode is fixed when it is made; Linux's is a file of /proc. */
static void strict(void *context, bool on)
{
	struct machine *m = context;
	struct quire_system *system = sim_system(m->sim);

	system->overcommit = on ? QUIRE_OVERCOMMIT_NEVER : QUIRE_OVERCOMMIT_GUESS;
	system->overcommit_ratio = on ? 0 : 50;
}

/* --- The machine --- */

/* Kernel addresses are not empty: some pages are mapped there, and the kernel has used them. */
static bool map_kernel(struct machine *m)
{
	quire_va va;

	if (quire_kmap(sim_system(m->sim), KERNEL_PAGES, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_KMAP_EAGER,
		       &va) != QUIRE_OK)
		return false;
	return sim_kernel_write(sim_cpu(m->sim, 0), va, 4, 1) == SIM_DONE;
}

struct facts_machine *facts_sim_open(const struct facts_column *column, const char **out_why)
{
	struct sim_config config = {.arch = column->arch,
				    .profile = column->profile,
				    .ram_bytes = 64u << 20,
				    .kmap_bytes = 256u << 10,
				    .mmap_min_addr = 4096};
	struct machine *m = calloc(1, sizeof(*m));

	*out_why = "out of memory";
	if (!m)
		return NULL;
	m->public = (struct facts_machine){.context = m,
					   .begin = begin,
					   .end = end,
					   .call = call_kernel,
					   .access = do_access,
					   .fork = fork_process,
					   .exit = exit_process,
					   .file = make_file,
					   .mincore = do_mincore,
					   .region = region,
					   .frame = frame,
					   .strict = strict};
	m->column = column;
	m->sim = sim_create(&config, out_why);
	if (m->sim && map_kernel(m))
		return &m->public;
	free(m);
	return NULL;
}

unsigned facts_sim_close(struct facts_machine *machine)
{
	struct machine *m = machine->context;
	unsigned findings = sim_destroy(m->sim);

	free(m);
	return findings;
}
