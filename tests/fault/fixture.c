/* SPDX-License-Identifier: MIT */
/* What the fault tests share. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/mm.h"

struct fx fx_open(const char *arch, const char *profile, const struct sim_config *more)
{
	struct sim_config config = more ? *more : (struct sim_config){0};
	struct fx fx;
	const char *why = NULL;

	config.arch = arch;
	config.profile = profile;
	fx.sim = sim_create(&config, &why);
	if (!fx.sim)
		fail_msg("sim_create(%s, %s): %s", arch, profile, why ? why : "?");
	fx.cpu = sim_cpu(fx.sim, 0);
	fx.page = (quire_va)sim_page_bytes(fx.sim);
	sim_use_cpu(fx.cpu);
	assert_int_equal(sim_process_create(fx.sim, NULL, &fx.process), QUIRE_OK);
	sim_switch(fx.cpu, fx.process);
	return fx;
}

void fx_close(struct fx *fx)
{
	assert_int_equal(sim_destroy(fx->sim), 0);
}

void fx_map(struct fx *fx, quire_va at, uint64_t pages, quire_prot prot, uint32_t flags,
	    struct quire_file *file)
{
	struct quire_mapping how = {
	    .addr = at,
	    .length = pages * fx->page,
	    .prot = prot,
	    .flags = flags | QUIRE_MAP_FIXED | (file ? 0u : (uint32_t)QUIRE_MAP_ANONYMOUS),
	    .file = file,
	};
	quire_va got = 0;

	assert_int_equal(SIM_OP(fx->cpu, "mmap", quire_mmap(fx->process->mm, &how, &got)), QUIRE_OK);
	assert_int_equal(got, at);
}

/* The steps of the fault from `from` on, joined by blanks; `skip` is left out. */
static void join(const struct quire_trace *trace, unsigned from, int skip, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (unsigned i = from; i < trace->steps_total && i < QUIRE_CONFIG_TRACE_STEPS; i++) {
		if (trace->steps[i] == skip)
			continue;
		at += (size_t)snprintf(text + at, size - at, "%s%s", at ? " " : "",
				       quire_step_name((enum quire_step)trace->steps[i]));
	}
}

static const struct quire_trace *only_trace(const struct fx *fx)
{
	const struct sim_result *last = sim_last(fx->cpu);

	assert_int_equal(last->faults, 1);
	assert_int_equal(last->traces, 1);
	return &last->trace[0];
}

void fx_expect_way(const struct fx *fx, const char *way)
{
	char text[2000];

	join(only_trace(fx), 1, -1, text, sizeof(text));
	assert_string_equal(text, way);
}

void fx_expect_levels(const struct fx *fx, const char *way)
{
	const struct quire_trace *trace = only_trace(fx);
	char text[2000];
	unsigned from = 0;

	while (from < trace->steps_total && trace->steps[from] != QUIRE_STEP_HANDLE_MM_FAULT)
		from++;
	if (from + 1 < trace->steps_total && trace->steps[from + 1] == QUIRE_STEP_HANDLE_MM_FAULT_LEVELS)
		from++;
	join(trace, from + 1, QUIRE_STEP_TABLE_ALLOCATED, text, sizeof(text));
	assert_string_equal(text, way);
}

void fx_expect_counts(const struct fx *fx, unsigned minor, unsigned major)
{
	const struct sim_result *last = sim_last(fx->cpu);

	assert_int_equal(last->minor, minor);
	assert_int_equal(last->major, major);
}

void fx_expect_signal(const struct fx *fx, enum sim_end end, unsigned signal, unsigned code, quire_va va)
{
	const struct sim_result *last = sim_last(fx->cpu);

	assert_string_equal(sim_end_name(end), sim_end_name(SIM_SIGNALLED));
	assert_string_equal(quire_signal_name(last->signal), quire_signal_name(signal));
	assert_string_equal(quire_code_name(last->signal, last->code), quire_code_name(signal, code));
	assert_int_equal(last->va, va);
}

void fx_expect_pte(const struct fx *fx, uint64_t bits)
{
	const struct quire_arch *arch = sim_arch(fx->sim);
	const struct quire_trace *trace = only_trace(fx);
	quire_pte pte = {trace->pte_after};
	quire_pte zero_frame =
	    arch->make(arch, (quire_pfn){0}, QUIRE_PROT_READ | QUIRE_PROT_EXEC | QUIRE_PROT_USER, 0, 0);
	quire_pte frame = arch->make(arch, arch->pfn(arch, pte, 0),
				     QUIRE_PROT_READ | QUIRE_PROT_EXEC | QUIRE_PROT_USER, 0, 0);

	assert_int_equal(trace->pte_after & ~(frame.bits ^ zero_frame.bits), bits);
}

uint64_t fx_counter(const struct fx *fx, enum quire_step step)
{
	return quire_counter(sim_system(fx->sim), step);
}

struct fx_leaf fx_leaf(const struct fx *fx, const struct quire_mm *mm, quire_va va)
{
	const struct quire_arch *arch = sim_arch(fx->sim);
	const void *entry = qr_pt_find(&mm->pt, va, 0);
	struct fx_leaf leaf = {0};
	quire_pte pte;

	if (!entry)
		return leaf;
	pte = qr_pte_get(arch, 0, entry);
	if (arch->kind(arch, pte, 0) != QUIRE_PTE_LEAF)
		return leaf;
	leaf.there = true;
	leaf.prot = arch->prot(arch, pte, 0);
	leaf.flags = arch->flags(arch, pte, 0);
	leaf.pfn = arch->pfn(arch, pte, 0);
	return leaf;
}

/* By the word alone: the machine would refuse one CPU that waits for itself, which is the point here. */
void fx_hold_mm_for_write(struct fx *fx)
{
	__atomic_store_n(&fx->process->mm->writer, 1, __ATOMIC_SEQ_CST);
}

void fx_release_mm(struct fx *fx)
{
	__atomic_store_n(&fx->process->mm->writer, 0, __ATOMIC_SEQ_CST);
}

struct CMUnitTest fx_test(const char *name, CMUnitTestFunction run, const char *arch)
{
	static char names[128][64];
	static unsigned used;
	struct CMUnitTest test = {0};

	if (used == 128)
		abort();
	snprintf(names[used], sizeof(names[used]), "%s/%s", name, arch);
	test.name = names[used++];
	test.test_func = run;
	test.initial_state = (void *)(uintptr_t)arch;
	return test;
}
