/* SPDX-License-Identifier: MIT */
/* The simulated machine as a scenario backend: creating it, running programs on it, ending it. */
#include "names.h"
#include "sim_state.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum {
	ARENA_PAGES = 16384,
	RAM_BYTES = 64 << 20
};

static const char *cannot(void *context, const struct scn_op *op)
{
	return NULL;
}

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

	if (s->config.traits && profile) {
		sim_traits_correct(&s->traits, profile);
		sim_traits_machine(&s->traits, profile, &s->rules, &config);
	}
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
		    index, at, size - at < page ? size - at : page, scn_fill_byte(file, at / page), 0, 0};

		if (scn_sim_file_write(s, arg) != (int64_t)arg[2])
			status = QUIRE_ENOMEM;
	}
	if (status)
		snprintf(s->text, sizeof(s->text), "file %s: %s", file->name, quire_status_name(status));
	return !status;
}

/* Reserves everything above the arena, because on the host that range belongs to the harness. */
static bool take_above(struct scn_sim *s)
{
	uint64_t start = s->backend.arena + s->backend.arena_bytes;
	struct quire_mapping how = {.addr = (quire_va)start,
				    .length = sim_arch(s->sim)->user_end - start,
				    .flags = SCN_MAP_PRIVATE | SCN_MAP_ANONYMOUS | SCN_MAP_NORESERVE |
					     SCN_MAP_FIXED};
	quire_va va;
	enum quire_status status = quire_mmap(s->process[0]->mm, &how, &va);

	if (status)
		snprintf(s->text, sizeof(s->text), "above the arena: %s", quire_status_name(status));
	return !status;
}

/* As on the host, the heap begins one page below the address that the program uses as its start. On the
 * host that aligns the start to a page table. */
static bool start_heap(struct scn_sim *s)
{
	struct quire_mm *mm = s->process[0]->mm;
	quire_va start = (quire_va)s->backend.heap;

	quire_mm_set_brk(mm, start - (quire_va)s->backend.page_size);
	if (quire_brk(mm, start) == start)
		return true;
	snprintf(s->text, sizeof(s->text), "cannot map the start of the heap");
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

/* Compares the library's bookkeeping with the page tables. Returns false with the first difference in
 * `text`. */
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
			scn_sim_exit(s, i);
	for (unsigned i = 0; i < s->program->file_count; i++) {
		if (s->device[i])
			sim_file_close(s->device[i]);
		else if (s->file[i])
			quire_file_put(s->file[i]);
	}
	/* The next program starts on a machine without a store. */
	if (s->store && quire_swapoff(sim_system(s->sim), &s->store->store) == QUIRE_OK)
		s->store->fail_get = s->store->fail_put = 0;
}

/* Discards the machine. After a panic its structures cannot be trusted, so it is leaked. */
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
					  .call = scn_sim_call,
					  .room = scn_sim_room,
					  .access = scn_sim_access,
					  .fork = scn_sim_fork,
					  .exit = scn_sim_exit,
					  .mincore = scn_sim_mincore,
					  .layout = scn_sim_layout,
					  .resident = scn_sim_resident,
					  .digest = scn_sim_digest,
					  .file_digest = scn_sim_file_digest};
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
