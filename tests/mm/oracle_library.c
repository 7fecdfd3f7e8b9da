/* SPDX-License-Identifier: MIT */
/* The oracle's library side: the program runs on the simulated machine. */
#include "oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle_library.h"

static void look(const struct run *run, struct result *result)
{
	static const struct {
		uint32_t region, line;
	} names[] = {
	    {QUIRE_REGION_SHARED, LINE_SHARED},       {QUIRE_REGION_MAYREAD, LINE_MAYREAD},
	    {QUIRE_REGION_MAYWRITE, LINE_MAYWRITE},   {QUIRE_REGION_MAYEXEC, LINE_MAYEXEC},
	    {QUIRE_REGION_GROWSDOWN, LINE_GROWSDOWN}, {QUIRE_REGION_LOCKED, LINE_LOCKED},
	    {QUIRE_REGION_ACCOUNT, LINE_ACCOUNT},     {QUIRE_REGION_NORESERVE, LINE_NORESERVE},
	    {QUIRE_REGION_DONTFORK, LINE_DONTFORK},   {QUIRE_REGION_SEQUENTIAL, LINE_SEQUENTIAL},
	    {QUIRE_REGION_RANDOM, LINE_RANDOM},       {QUIRE_REGION_WIPEONFORK, LINE_WIPEONFORK},
	    {QUIRE_REGION_DONTDUMP, LINE_DONTDUMP},
	};
	struct quire_mm *mm = run->process->mm;
	struct quire_region region;
	quire_va va = WINDOW;

	for (result->lines = 0; quire_mm_region(mm, va, &region) == QUIRE_OK; va = region.end) {
		struct line *line;
		struct quire_smaps smaps;

		if (region.start >= WINDOW + WINDOW_PAGES * PAGE || result->lines == MAX_LINES)
			break;
		line = &result->line[result->lines++];
		memset(line, 0, sizeof(*line));
		line->start = region.start;
		line->end = region.end;
		line->offset = region.offset;
		line->flags = region.prot & 7;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			line->flags |= region.flags & names[i].region ? names[i].line : 0;
		if (quire_mm_smaps(mm, region.start, region.end, &smaps) != QUIRE_OK)
			abort();
		line->rss = (uint32_t)smaps.rss;
		line->anonymous = (uint32_t)smaps.anonymous;
	}
}

static void placed(const struct run *run, struct result *result, enum quire_status status, quire_va at,
		   uint64_t length)
{
	result->status = status;
	if (status != QUIRE_OK)
		return;
	if (at >= WINDOW && at < WINDOW + WINDOW_PAGES * PAGE) {
		result->value = at - WINDOW;
		return;
	}
	result->value = ELSEWHERE;
	if (quire_munmap(run->process->mm, at, (length + PAGE - 1) & ~(PAGE - 1)) != QUIRE_OK)
		abort();
}

static void do_mmap(const struct run *run, const struct op *op, struct result *result)
{
	static const quire_prot opened[] = {0, 7, QUIRE_PROT_READ | QUIRE_PROT_EXEC,
					    QUIRE_PROT_WRITE | QUIRE_PROT_EXEC};
	struct quire_mapping how = {.addr = op->a[0],
				    .length = op->a[1],
				    .prot = (quire_prot)op->a[2],
				    .flags = (uint32_t)op->a[3],
				    .offset = op->a[5]};
	quire_va at = 0;
	enum quire_status status;

	if (!(how.flags & QUIRE_MAP_ANONYMOUS)) {
		how.file = run->file;
		how.file_prot = opened[op->a[4] & 3];
	}
	status = quire_mmap(run->process->mm, &how, &at);
	placed(run, result, status, at, op->a[1]);
}

static void do_access(const struct run *run, const struct op *op, struct result *result)
{
	enum sim_end end;

	if (op->kind == OP_WRITE)
		end = sim_write(run->cpu, op->a[0], 1, op->a[1] & 0xff);
	else
		end = sim_read(run->cpu, op->a[0], 1, &result->value);
	if (end == SIM_SIGNALLED) {
		const struct sim_result *last = sim_last(run->cpu);

		result->status = (int)(last->signal << 8 | last->code);
		result->value = 0;
	} else if (end != SIM_DONE) {
		result->status = -1000 - (int)end;
	}
}

static void do_mincore(const struct run *run, const struct op *op, struct result *result)
{
	unsigned char vector[WINDOW_PAGES * 2] = {0};
	uint64_t pages = (op->a[1] + PAGE - 1) / PAGE;

	result->status = quire_mincore(run->process->mm, op->a[0], op->a[1], vector);
	for (uint64_t i = 0; result->status == 0 && i < pages && i < 64; i++)
		result->value |= (uint64_t)vector[i] << i;
}

static void do_fork(struct run *run, const struct op *op, struct result *result)
{
	struct sim_process *child;

	result->status = sim_process_fork(run->process, &child);
	if (result->status == QUIRE_OK && op->a[0] == 0) {
		run->process = child;
		sim_switch(run->cpu, child);
	}
}

static void do_limit(const struct run *run, const struct op *op)
{
	struct quire_mm *mm = run->process->mm;
	struct quire_usage usage;
	uint64_t base;

	quire_mm_usage(mm, &usage);
	base = op->a[0] == QUIRE_LIMIT_DATA ? usage.data_vm : op->a[0] == QUIRE_LIMIT_AS ? usage.total_vm : 0;
	quire_mm_set_limit(mm, (enum quire_limit)op->a[0], (base + op->a[1]) * PAGE);
}

static void execute(struct run *run, const struct op *op, struct result *result)
{
	struct quire_mm *mm = run->process->mm;
	const uint64_t *a = op->a;
	enum quire_status status;
	quire_va at = 0;

	switch (op->kind) {
	case OP_MMAP:
		do_mmap(run, op, result);
		break;
	case OP_MUNMAP:
		result->status = quire_munmap(mm, a[0], a[1]);
		break;
	case OP_MPROTECT:
		result->status = quire_mprotect(mm, a[0], a[1], (quire_prot)a[2]);
		break;
	case OP_MREMAP:
		status =
		    quire_mremap(mm, &(struct quire_remapping){a[0], a[1], a[2], (uint32_t)a[3], a[4]}, &at);
		placed(run, result, status, at, a[2]);
		break;
	case OP_BRK:
		result->value = quire_brk(mm, WINDOW + HEAP_AT * PAGE + a[0]) - WINDOW;
		break;
	case OP_MADVISE:
		result->status = quire_madvise(mm, a[0], a[1], (int)a[2]);
		break;
	case OP_MINCORE:
		do_mincore(run, op, result);
		break;
	case OP_MLOCK:
		result->status = quire_mlock(mm, a[0], a[1], (uint32_t)a[2]);
		break;
	case OP_MUNLOCK:
		result->status = quire_munlock(mm, a[0], a[1]);
		break;
	case OP_MLOCKALL:
		result->status = quire_mlockall(mm, (uint32_t)a[0]);
		break;
	case OP_MUNLOCKALL:
		result->status = quire_munlockall(mm);
		break;
	case OP_MSYNC:
		result->status = quire_msync(mm, a[0], a[1], (uint32_t)a[2]);
		break;
	case OP_READ:
	case OP_WRITE:
		do_access(run, op, result);
		break;
	case OP_FORK:
		do_fork(run, op, result);
		break;
	case OP_LIMIT:
		do_limit(run, op);
		break;
	case OP_DROP_RIGHTS:
		quire_mm_set_rights(mm, 0);
		break;
	default:
		break;
	}
}

static void fill_file(struct run *run)
{
	unsigned char page[PAGE];
	size_t done;

	if (quire_file_create(sim_system(run->sim), NULL, NULL, FILE_PAGES * PAGE, &run->file) != QUIRE_OK)
		abort();
	for (unsigned i = 0; i < FILE_PAGES; i++) {
		memset(page, 0x40 + (int)i, sizeof(page));
		if (quire_file_write(run->file, i * PAGE, page, sizeof(page), &done) != QUIRE_OK)
			abort();
	}
}

/* The machine's memory ends for a while only: the access is made again. */
static struct sim_process *repeat(void *context, struct sim_process *faulting)
{
	(void)context;
	(void)faulting;
	return NULL;
}

struct sim_config library_machine = {.ram_bytes = 4 << 20, .mmap_min_addr = 4096, .oom = repeat};

void library_start(struct run *run, const struct program *program)
{
	*run = (struct run){.sim = sim_create(&library_machine, NULL)};
	if (!run->sim || sim_process_create(run->sim, NULL, &run->process) != QUIRE_OK)
		abort();
	run->cpu = sim_cpu(run->sim, 0);
	sim_use_cpu(run->cpu);
	sim_switch(run->cpu, run->process);
	fill_file(run);
	quire_mm_set_rights(run->process->mm,
			    QUIRE_RIGHT_IPC_LOCK | QUIRE_RIGHT_SYS_ADMIN | QUIRE_RIGHT_SYS_RAWIO);
	if (program->heap)
		quire_mm_set_brk(run->process->mm, WINDOW + HEAP_AT * PAGE);
}

void library_step(struct run *run, const struct op *op, struct result *result)
{
	memset(result, 0, sizeof(*result));
	execute(run, op, result);
	look(run, result);
}

bool library_check(struct run *run)
{
	char why[200];

	if (quire_check(sim_system(run->sim), why, sizeof(why)) == QUIRE_OK)
		return true;
	fprintf(stderr, "quire_check: %s\n", why);
	return false;
}

unsigned library_end(struct run *run)
{
	quire_file_put(run->file);
	return sim_destroy(run->sim);
}

void oracle_run_library(const struct program *program, struct result *results)
{
	struct run run;

	library_start(&run, program);
	for (unsigned i = 0; i < program->count; i++)
		library_step(&run, &program->op[i], &results[i]);
	if (!library_check(&run))
		results[program->count - 1].status = 9998;
	if (library_end(&run) != 0)
		results[program->count - 1].status = 9997;
}
