/* SPDX-License-Identifier: MIT */
/* The simulated machine as a scenario backend: each system call is the library's function, each access
 * goes through the machine's TLB and MMU. */
#include "sim_backend.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "sim_traits.h"

enum {
	ARENA_PAGES = 16384,
	RAM_BYTES = 64 << 20,
	STORE_PAGES = 4096
};

struct scn_sim {
	struct scn_sim_config config;
	struct scn_backend backend;
	struct scn_traits traits;      /* the usual ones when none were given */
	struct sim_traits_rules rules; /* of a machine with traits */
	struct sim *sim;
	struct sim_store *store; /* the machine's; NULL: nothing was evicted yet */
	struct sim_process *process[SCN_MAX_PROCS];
	struct quire_file *file[SCN_MAX_FILES];
	struct sim_file *device[SCN_MAX_FILES];
	bool own_sp[SCN_MAX_PROCS]; /* sp was set: faults see it, not the address of the access */
	const struct scn_program *program;
	struct scn_run *run;
	unsigned runs;
	bool quiet; /* after the last operation: nothing more is told */
	jmp_buf panicked;
	char text[600];
};

static struct sim_cpu *use(struct scn_sim *s, unsigned proc)
{
	struct sim_cpu *cpu = sim_cpu(s->sim, proc % sim_cpus(s->sim));

	sim_use_cpu(cpu);
	if (sim_process_of(cpu) != s->process[proc])
		sim_switch(cpu, s->process[proc]);
	return cpu;
}

static void told(struct scn_sim *s, struct sim_cpu *cpu)
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
		out->signal =
		    9; /* out of memory, or a machine that found itself wrong: never by Linux here */
	}
	out->counts.minor += last->minor;
	out->counts.major += last->major;
}

static void access(void *context, unsigned proc, enum scn_access kind, uint64_t addr, uint8_t value,
		   struct scn_access_result *out)
{
	struct scn_sim *s = context;
	struct sim_cpu *cpu = use(s, proc);
	uint64_t got = 0;

	if (sim_traits_access(&s->traits, s->process[proc]->mm, &kind, addr, out))
		return;
	/* As a push would do it, unless the program says where its stack pointer is. */
	if (!s->own_sp[proc])
		s->process[proc]->sp = addr;
	if (kind == SCN_ACCESS_READ)
		sim_read(cpu, addr, 1, &got);
	else if (kind == SCN_ACCESS_WRITE)
		sim_write(cpu, addr, 1, value);
	else
		sim_exec(cpu, addr);
	told(s, cpu);
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
	struct quire_mmap how = {.addr = (quire_va)arg[0],
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
	struct quire_mremap how = {(quire_va)arg[0], arg[1], arg[2], (uint32_t)arg[3], (quire_va)arg[4]};
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
	told(s, cpu);
	if (call == SCN_CALL_KZERO) {
		done = (int64_t)arg[1] - (int64_t)left;
		return done || !arg[1] ? done : -SCN_EFAULT;
	}
	if (left)
		return -SCN_EFAULT;
	return call == SCN_CALL_KREAD ? byte : 0;
}

static int64_t file_write(struct scn_sim *s, const uint64_t arg[6])
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
		value = file_write(s, arg);
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

/* The store that scenarios swap to: made and attached when the first one asks, so that others have none. */
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
	struct sim_cpu *cpu = use(s, proc);
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

static int64_t call(void *context, unsigned proc, enum scn_call which, const uint64_t arg[6],
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

static const char *cannot(void *context, const struct scn_op *op)
{
	return NULL;
}

/* --- Processes --- */

static int do_fork(void *context, unsigned proc, unsigned child, bool *out_child)
{
	struct scn_sim *s = context;
	struct sim_cpu *cpu = use(s, proc);

	*out_child = false;
	s->own_sp[child] = s->own_sp[proc];
	return SIM_OP(cpu, "fork", sim_process_fork(s->process[proc], &s->process[child]));
}

static void do_exit(void *context, unsigned proc)
{
	struct scn_sim *s = context;
	struct sim_cpu *cpu = use(s, proc);

	sim_op_begin(cpu, "exit");
	sim_process_exit(s->process[proc]);
	(void)sim_op_end(cpu, QUIRE_OK);
	s->process[proc] = NULL;
}

/* --- Views --- */

static void fill_row(struct scn_sim *s, const struct quire_region *region, uint64_t start, uint64_t end,
		     struct scn_row *out)
{
	memset(out, 0, sizeof(*out));
	out->start = region->start > start ? region->start : start;
	out->end = region->end < end ? region->end : end;
	out->prot = (uint8_t)(region->prot & QUIRE_PROT_RWX);
	out->shared = region->flags & QUIRE_REGION_SHARED ? 1 : 0;
	if (!region->file)
		return;
	out->kind = SCN_KIND_SHARED_ANON;
	out->offset = region->offset + (out->start - region->start);
	for (unsigned i = 0; i < s->program->file_count; i++) {
		if (s->file[i] == region->file) {
			out->kind = SCN_KIND_FILE;
			out->file = (uint8_t)i;
		}
	}
}

static int layout(void *context, unsigned proc, uint64_t start, uint64_t end, struct scn_row *out,
		  unsigned max)
{
	struct scn_sim *s = context;
	struct quire_region region;
	uint64_t at = start;
	unsigned count = 0;

	while (count < max && quire_mm_region(s->process[proc]->mm, (quire_va)at, &region) == QUIRE_OK &&
	       region.start < end) {
		fill_row(s, &region, start, end, &out[count++]);
		at = region.end;
	}
	return (int)count;
}

static int resident(void *context, unsigned proc, uint64_t addr, unsigned pages, uint8_t *out)
{
	struct scn_sim *s = context;

	if (!s->traits.value[SCN_TRAIT_PAGEMAP])
		return -SCN_ENOENT;
	for (unsigned i = 0; i < pages; i++) {
		uint64_t entry =
		    quire_mm_pagemap(s->process[proc]->mm, (quire_va)(addr + i * s->backend.page_size));

		out[i] = entry >> 63 ? SCN_PAGE_PRESENT : 0;
		if (out[i] && entry >> 61 & 1)
			out[i] |= SCN_PAGE_FILE;
		if (out[i] && entry >> 56 & 1)
			out[i] |= SCN_PAGE_ALONE;
		if (entry >> 62 & 1)
			out[i] |= SCN_PAGE_SWAPPED;
	}
	return 0;
}

static int do_mincore(void *context, unsigned proc, uint64_t addr, uint64_t length, uint8_t *out)
{
	struct scn_sim *s = context;
	struct sim_cpu *cpu = use(s, proc);

	return SIM_OP(cpu, "mincore", quire_mincore(s->process[proc]->mm, (quire_va)addr, length, out));
}

static uint64_t digest(void *context, unsigned proc, uint64_t addr)
{
	struct scn_sim *s = context;
	struct sim_cpu *cpu = use(s, proc);
	quire_pa pa;
	const void *bytes;

	if (!sim_probe(cpu, (quire_va)addr, QUIRE_ACCESS_READ, QUIRE_MODE_USER, &pa, NULL))
		return 0;
	bytes = sim_physical(s->sim, pa, s->backend.page_size);
	return bytes ? scn_hash(0, bytes, (size_t)s->backend.page_size) : 0;
}

static uint64_t file_digest(void *context, unsigned file)
{
	struct scn_sim *s = context;
	uint8_t page[4096];
	uint64_t hash = 0, at = 0;
	size_t n = 0;

	while (quire_file_read(s->file[file], at, page, sizeof(page), &n) == QUIRE_OK && n > 0) {
		hash = scn_hash(hash, page, n);
		at += n;
	}
	return scn_hash(hash, &at, sizeof(at));
}

/* --- Runs --- */

static void on_panic(void *context, const char *text)
{
	struct scn_sim *s = context;

	snprintf(s->text, sizeof(s->text), "panic: %s", text);
	longjmp(s->panicked, 1);
}

static bool make_machine(struct scn_sim *s, const char **out_why)
{
	struct sim_config config = {.arch = s->config.arch,
				    .profile = s->config.profile,
				    .ram_bytes = s->config.ram_bytes ? s->config.ram_bytes : RAM_BYTES,
				    .cpus = s->config.cpus,
				    .context = s,
				    .panic = on_panic};
	const struct quire_arch *arch;
	const struct quire_profile *profile =
	    quire_profile_find(s->config.profile ? s->config.profile : "linux-6");
	struct scn_backend *b = &s->backend;
	uint64_t half;

	if (s->config.traits && profile)
		sim_traits_machine(&s->traits, profile, &s->rules, &config);
	s->sim = sim_create(&config, out_why);
	if (!s->sim)
		return false;
	sim_mutant(s->sim, s->config.mutant);
	arch = sim_arch(s->sim);
	half = (uint64_t)1 << (arch->page_shift + arch->level[0].index_bits - 1);
	b->profile = quire_system_profile(sim_system(s->sim))->name;
	b->arch = arch->name;
	b->kernel = arch->kernel_start;
	b->page_size = sim_page_bytes(s->sim);
	b->arena_bytes = ARENA_PAGES * b->page_size;
	b->arena = arch->user_end / 4 * 3 / (2 * half) * (2 * half) + half;
	if (b->arena_bytes > arch->user_end / 8)
		b->arena_bytes = arch->user_end / 8 / b->page_size * b->page_size;
	b->heap = arch->user_end / 2 / (2 * half) * (2 * half);
	return true;
}

static bool make_file(struct scn_sim *s, unsigned index)
{
	const struct scn_file *file = &s->program->file[index];
	uint64_t page = s->backend.page_size;
	uint64_t size = (uint64_t)file->size.pages * page + (uint64_t)file->size.bytes;
	enum quire_status status;

	s->device[index] = NULL;
	if (file->kind == SCN_FILE_DISK && s->traits.value[SCN_TRAIT_DISK]) {
		status = sim_file_create(s->sim, size, 0, &s->device[index]);
		if (!status) {
			memset(s->device[index]->bytes, 0, (size_t)size);
			s->file[index] = s->device[index]->file;
		}
	} else {
		status = quire_file_create(sim_system(s->sim), NULL, NULL, size, &s->file[index]);
	}
	for (uint64_t at = 0; !status && file->filled && at < size; at += page) {
		uint64_t arg[6] = {
		    index, at, size - at < page ? size - at : page, scn_fill_byte(file->fill, at / page),
		    0,     0};

		if (file_write(s, arg) != (int64_t)arg[2])
			status = QUIRE_ENOMEM;
	}
	if (status)
		snprintf(s->text, sizeof(s->text), "file %s: %s", file->name, quire_status_name(status));
	return !status;
}

/* Above the arena nothing may be mapped or touched: on the host that is the harness's own. */
static bool take_above(struct scn_sim *s)
{
	uint64_t start = s->backend.arena + s->backend.arena_bytes;
	struct quire_mmap how = {.addr = (quire_va)start,
				 .length = sim_arch(s->sim)->user_end - start,
				 .flags =
				     SCN_MAP_PRIVATE | SCN_MAP_ANONYMOUS | SCN_MAP_NORESERVE | SCN_MAP_FIXED};
	quire_va va;
	enum quire_status status = quire_mmap(s->process[0]->mm, &how, &va);

	if (status)
		snprintf(s->text, sizeof(s->text), "above the arena: %s", quire_status_name(status));
	return !status;
}

/* The heap has a part below what the program calls its start, as on the host, where that part brings
 * the start to the beginning of a page table. */
static bool start_heap(struct scn_sim *s)
{
	struct quire_mm *mm = s->process[0]->mm;
	quire_va start = (quire_va)s->backend.heap;

	quire_mm_set_brk(mm, start - (quire_va)s->backend.page_size);
	if (quire_brk(mm, start) == start)
		return true;
	snprintf(s->text, sizeof(s->text), "the start of the heap could not be mapped");
	return false;
}

static bool begin(struct scn_sim *s)
{
	const struct quire_arch_rules *rules =
	    quire_profile_rules(quire_system_profile(sim_system(s->sim)), sim_arch(s->sim)->family);
	struct quire_mm_layout layout_of_mm = {
	    .mmap_base =
		(quire_va)(rules->top_down ? s->backend.arena + s->backend.arena_bytes : s->backend.arena)};
	enum quire_status status;

	memset(s->process, 0, sizeof(s->process));
	memset(s->file, 0, sizeof(s->file));
	memset(s->device, 0, sizeof(s->device));
	memset(s->own_sp, 0, sizeof(s->own_sp));
	s->quiet = false;
	sim_use_cpu(sim_cpu(s->sim, 0));
	for (unsigned i = 0; i < s->program->file_count; i++)
		if (!make_file(s, i))
			return false;
	status = sim_process_create(s->sim, &layout_of_mm, &s->process[0]);
	if (status) {
		snprintf(s->text, sizeof(s->text), "the first process: %s", quire_status_name(status));
		return false;
	}
	sim_traits_process(&s->traits, s->backend.page_size, s->process[0]->mm);
	return take_above(s) && start_heap(s);
}

/* What the library believes against what is. Returns false with the first difference in `text`. */
static bool consistent(struct scn_sim *s, bool whole)
{
	char why[400] = "";

	if (sim_finding_count(s->sim)) {
		const struct sim_finding *finding = sim_finding_at(s->sim, 0);

		snprintf(s->text, sizeof(s->text), "finding: %s: %s", sim_finding_name(finding->kind),
			 finding->text);
		return false;
	}
	if (whole && quire_check(sim_system(s->sim), why, sizeof(why)) != QUIRE_OK) {
		snprintf(s->text, sizeof(s->text), "quire_check: %s", why);
		return false;
	}
	return true;
}

static void end(struct scn_sim *s)
{
	for (unsigned i = 0; i < SCN_MAX_PROCS; i++)
		if (s->process[i] && s->run->alive[i])
			do_exit(s, i);
	for (unsigned i = 0; i < s->program->file_count; i++) {
		if (s->device[i])
			sim_file_close(s->device[i]);
		else if (s->file[i])
			quire_file_put(s->file[i]);
	}
	/* The next program finds a machine without a store. */
	if (s->store && quire_swapoff(sim_system(s->sim), &s->store->store) == QUIRE_OK)
		s->store->fail_get = s->store->fail_put = 0;
}

/* Gives the machine up. After a panic its structures are not to be trusted: it is left as it is. */
static void drop_machine(struct scn_sim *s, bool after_panic)
{
	struct sim *sim = s->sim;

	if (!after_panic && setjmp(s->panicked) == 0) {
		end(s);
		sim_findings_clear(sim);
		sim_destroy(sim);
	}
	s->sim = NULL;
	s->store = NULL;
}

static bool run_all(struct scn_sim *s)
{
	bool whole = s->config.check_every && s->runs % s->config.check_every == 0;

	if (!begin(s))
		return false;
	scn_run_init(s->run, s->program, &s->backend, s);
	for (unsigned i = 0; i < s->program->op_count; i++) {
		if (s->config.before)
			s->config.before(s->config.trace_context, s->run, i);
		scn_step(s->run, i);
		if (!consistent(s, s->config.check_each_step)) {
			size_t n = strlen(s->text);

			snprintf(s->text + n, sizeof(s->text) - n, " (after operation %u)", i + 1);
			return false;
		}
	}
	if (s->config.before)
		s->config.before(s->config.trace_context, s->run, s->program->op_count);
	s->quiet = true;
	for (unsigned i = 0; i < s->program->proc_count && s->program->op_count; i++)
		scn_finish_process(s->run, i);
	if (s->program->op_count)
		scn_finish_files(s->run);
	if (!consistent(s, whole))
		return false;
	end(s);
	return consistent(s, whole);
}

const struct scn_run *scn_sim_run(struct scn_sim *s, const struct scn_program *program, const char **out_text)
{
	*out_text = NULL;
	if (!s->sim && !make_machine(s, out_text))
		return NULL;
	s->program = program;
	s->runs++;
	s->text[0] = 0;
	if (setjmp(s->panicked) != 0) {
		*out_text = s->text;
		drop_machine(s, true);
		return NULL;
	}
	if (run_all(s))
		return s->run;
	*out_text = s->text;
	drop_machine(s, false);
	return NULL;
}

struct sim *scn_sim_machine(struct scn_sim *s)
{
	return s->sim;
}

static struct scn_sim *new_sim(const struct scn_sim_config *config)
{
	struct scn_sim *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = *config;
	scn_traits_usual(&s->traits);
	if (config->traits)
		s->traits = *config->traits;
	s->backend = (struct scn_backend){.name = "sim",
					  .cannot = cannot,
					  .call = call,
					  .access = access,
					  .fork = do_fork,
					  .exit = do_exit,
					  .mincore = do_mincore,
					  .layout = layout,
					  .resident = resident,
					  .digest = digest,
					  .file_digest = file_digest};
	s->run = calloc(1, sizeof(*s->run));
	if (s->run)
		return s;
	free(s);
	return NULL;
}

static bool first_machine(struct scn_sim *s, const char **out_why)
{
	*out_why = s->text;
	return setjmp(s->panicked) == 0 && make_machine(s, out_why);
}

struct scn_sim *scn_sim_open(const struct scn_sim_config *config, const char **out_why)
{
	static const char *const memory = "out of memory";
	struct scn_sim *s = new_sim(config);

	*out_why = memory;
	if (!s || first_machine(s, out_why))
		return s;
	free(s->run);
	free(s);
	return NULL;
}

unsigned scn_sim_close(struct scn_sim *s)
{
	unsigned findings = 0;

	if (s->sim && setjmp(s->panicked) == 0)
		findings = sim_destroy(s->sim);
	free(s->run);
	free(s);
	return findings;
}
