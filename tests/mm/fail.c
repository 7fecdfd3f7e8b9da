/* SPDX-License-Identifier: MIT */
/* Fail the Nth: every operation of every case of the oracle, with its first, second, ... allocation refused.
 *
 * After each: the system is sound (quire_check), and
 *   - an operation that says so has failed leaves the window as it was, where Linux does,
 *   - the same operation again, with memory, ends as if nothing had happened.
 * N grows until nothing is left to refuse. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle_cases.h"
#include "oracle_library.h"

#define RESOURCES (1u << QUIRE_RES_FRAME | 1u << QUIRE_RES_OBJECT)
#define MOST      200

static unsigned long injected, told;

static bool same_layout(const struct result *a, const struct result *b)
{
	if (a->lines != b->lines)
		return false;
	for (unsigned i = 0; i < a->lines; i++) {
		const struct line *x = &a->line[i], *y = &b->line[i];

		if (x->start != y->start || x->end != y->end || x->flags != y->flags ||
		    x->offset != y->offset)
			return false;
	}
	return true;
}

static bool same_pages(const struct result *a, const struct result *b)
{
	for (unsigned i = 0; i < a->lines; i++) {
		if (a->line[i].rss != b->line[i].rss || a->line[i].anonymous != b->line[i].anonymous)
			return false;
	}
	return true;
}

/* Several vmas one after the other, a target that is unmapped first, pages after the lock: as on Linux,
 * what was done before the failure stays. */
static bool keeps_what_was_done(const struct op *op)
{
	switch (op->kind) {
	case OP_MPROTECT:
	case OP_MADVISE:
	case OP_MLOCK:
	case OP_MUNLOCK:
		return true;
	case OP_MREMAP:
		return op->a[3] & QUIRE_MREMAP_FIXED;
	default:
		return false;
	}
}

/* Several vmas moved one by one: those that have moved are not where a second try looks for them. */
static bool moved_in_part(const struct op *op, const struct result *before, const struct result *got)
{
	return op->kind == OP_MREMAP && (op->a[3] & QUIRE_MREMAP_FIXED) && op->a[1] == op->a[2] &&
	       !same_layout(before, got);
}

/* Whether the operation told that it failed; the heap's does by not moving. A hole, too, is ENOMEM. */
static bool says_failed(const struct op *op, const struct result *got, const struct result *expected)
{
	return got->status == QUIRE_ENOMEM || got->status != expected->status ||
	       (op->kind == OP_BRK && got->value != expected->value);
}

struct place {
	const struct program *program;
	const char *name;
	unsigned step;
	uint64_t nth;
};

static bool complain(const struct place *at, const char *what, const struct result *got)
{
	printf("case \"%s\", operation %u, allocation %" PRIu64 " refused: %s (status %d, value 0x%" PRIx64
	       ")\n",
	       at->name, at->step, at->nth, what, got->status, got->value);
	for (unsigned i = 0; i < got->lines; i++)
		printf("  p%-3" PRIu64 " p%-3" PRIu64 " %04x rss %u\n", (got->line[i].start - WINDOW) / PAGE,
		       (got->line[i].end - WINDOW) / PAGE, got->line[i].flags, got->line[i].rss);
	return false;
}

static bool judge(struct run *run, const struct place *at, const struct result *before,
		  const struct result *got, const struct result *expected)
{
	const struct op *op = &at->program->op[at->step];
	struct result again;

	if (!library_check(run))
		return complain(at, "unsound", got);
	if (!says_failed(op, got, expected)) {
		/* It coped, or only did less ahead of time than it could. */
		return same_layout(got, expected) || complain(at, "another layout", got);
	}
	told++;
	if (got->status != 0 && got->status != QUIRE_ENOMEM && got->status != QUIRE_EAGAIN)
		return complain(at, "another error than memory's", got);
	if (!keeps_what_was_done(op) && (!same_layout(got, before) || !same_pages(got, before)))
		return complain(at, "not as before", got);
	if (moved_in_part(op, before, got))
		return true;
	library_step(run, op, &again);
	if (again.status != expected->status || again.value != expected->value ||
	    !same_layout(&again, expected) || !same_pages(&again, expected))
		return complain(at, "the second try differs", &again);
	return true;
}

/* Runs up to the operation, refuses its nth allocation. *out_more: there was one to refuse. */
static bool one_failure(const struct place *at, const struct result *expected, bool *out_more)
{
	struct result before = {0}, got;
	struct run run;
	bool good = true;

	library_start(&run, at->program);
	for (unsigned i = 0; i < at->step; i++)
		library_step(&run, &at->program->op[i], &before);
	sim_fail(run.sim, RESOURCES, at->nth, 1);
	library_step(&run, &at->program->op[at->step], &got);
	*out_more = sim_failed(run.sim) != 0;
	sim_fail(run.sim, 0, 0, 0);
	if (*out_more) {
		injected++;
		good = judge(&run, at, &before, &got, expected);
	}
	if (library_end(&run) != 0)
		good = complain(at, "findings of the machine", &got);
	return good;
}

static bool one_case(const struct oracle_case *what)
{
	static struct result expected[MAX_OPS];
	static struct program program;
	bool good = true;

	memset(&program, 0, sizeof(program));
	program.heap = what->heap;
	for (; program.count < MAX_CASE_OPS && what->op[program.count].kind != OP_COUNT; program.count++)
		program.op[program.count] = what->op[program.count];
	oracle_run_library(&program, expected);
	for (unsigned step = 0; good && step < program.count; step++) {
		struct place at = {.program = &program, .name = what->name, .step = step, .nth = 1};
		bool more = true;

		for (; good && more && at.nth < MOST; at.nth++)
			good = one_failure(&at, &expected[step], &more);
		if (more && good)
			good = complain(&at, "no end of allocations", &expected[step]);
	}
	return good;
}

int main(void)
{
	unsigned failures = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		failures += !one_case(&cases[i]);
	printf("%lu allocations refused, %lu told, %u cases fail\n", injected, told, failures);
	return failures != 0 || injected < 500;
}
