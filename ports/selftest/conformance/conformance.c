/* SPDX-License-Identifier: MIT */
/* Runs the conformance suite on one architecture and says what failed. */
#include "run.h"

#define SAID_MAX 20 /* failures told in full; the rest are counted */
#define LINE_MAX 320

struct line {
	char text[LINE_MAX];
	unsigned used;
};

static void put(struct line *line, const char *text)
{
	while (*text && line->used + 1 < LINE_MAX)
		line->text[line->used++] = *text++;
	line->text[line->used] = 0;
}

static void put_number(struct line *line, uint64_t number, unsigned base)
{
	char digits[24];
	unsigned at = sizeof(digits) - 1;

	digits[at] = 0;
	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	if (base == 16)
		put(line, "0x");
	put(line, &digits[at]);
}

static void put_figure(struct line *line, const char *before, uint64_t number, const char *after)
{
	put(line, before);
	put_number(line, number, 10);
	put(line, after);
}

static void put_prot(struct line *line, quire_prot prot)
{
	put(line, prot & QUIRE_PROT_READ ? "r" : "-");
	put(line, prot & QUIRE_PROT_WRITE ? "w" : "-");
	put(line, prot & QUIRE_PROT_EXEC ? "x" : "-");
	put(line, prot & QUIRE_PROT_USER ? "u" : "-");
}

/* splitmix64: one word of state, every seed is good. */
uint64_t run_random(struct run *run)
{
	uint64_t z = run->random += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static void say_failure(struct run *run, const char *law, const struct spot *spot, uint64_t want,
			uint64_t got)
{
	struct line line = {.used = 0};

	put(&line, run->arch->name);
	put(&line, ": FAILED: ");
	put(&line, law);
	put(&line, ": want ");
	put_number(&line, want, 16);
	put(&line, ", got ");
	put_number(&line, got, 16);
	if (spot) {
		put_figure(&line, "; level ", spot->level, ", prot ");
		put_prot(&line, spot->prot);
		put(&line, spot->flags & QUIRE_PTE_YOUNG ? " young" : " old");
		put(&line, spot->flags & QUIRE_PTE_DIRTY ? " dirty" : " clean");
		put(&line, ", entry ");
		put_number(&line, spot->bits, 16);
	}
	put(&line, " (seed ");
	put_number(&line, run->env->seed, 16);
	put(&line, ")");
	run->env->say(run->env->context, line.text);
}

bool run_equal(struct run *run, const char *law, const struct spot *spot, uint64_t want, uint64_t got)
{
	run->report.checks++;
	if (want == got)
		return true;
	if (run->report.failures++ < SAID_MAX)
		say_failure(run, law, spot, want, got);
	return false;
}

bool run_true(struct run *run, const char *law, const struct spot *spot, bool holds)
{
	return run_equal(run, law, spot, 1, holds);
}

static void say_figures(struct run *run)
{
	const struct conformance_report *report = &run->report;
	struct line line = {.used = 0};

	put(&line, run->arch->name);
	put_figure(&line, ": ", report->protections, " protections, ");
	put_figure(&line, "", report->levels, " levels (");
	put_figure(&line, "", report->leaf_levels, " with leaves), ");
	put_figure(&line, "", report->checks, " checks, ");
	put_figure(&line, "", report->leaves, " kinds of leaves mapped, ");
	put_figure(&line, "", report->operations, " operations, ");
	put_figure(&line, "", report->failures, " failures");
	run->env->say(run->env->context, line.text);
}

int quire_conformance(const struct conformance_env *env, struct conformance_report *report)
{
	struct run run = {
	    .env = env,
	    .arch = env->arch,
	    .random = env->seed,
	    .rounds = (uint64_t)(env->rounds ? env->rounds : 20) * 1000,
	};

	run_geometry(&run);
	/* With a wrong geometry the laws below would index and shift out of range; with a wrong codec the
	 * tables below are nonsense. */
	if (run.report.failures == 0) {
		run_protections(&run);
		run_decoding(&run);
		run_leaves(&run);
		run_kinds(&run);
	}
	if (run.report.failures == 0 && env->tables)
		env->tables(&run);
	say_figures(&run);
	if (report)
		*report = run.report;
	return run.report.failures != 0;
}
