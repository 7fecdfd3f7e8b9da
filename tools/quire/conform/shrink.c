/* SPDX-License-Identifier: MIT */
/* The shrinker: removes operations in halves, quarters, down to single ones, then simplifies the rest,
 * while the two sides still differ. */
#include "conform.h"

#include <stdlib.h>
#include <string.h>

#include "../scenario/names.h"

struct shrinker {
	struct conform_side *side;
	struct scn_program *best;
	struct scn_program *trial;
	struct conform_difference *difference;
	bool broken; /* what must persist: a side that fails (true), or results that differ */
	unsigned runs;
};

enum {
	MOST_RUNS = 4000
};

/* Tries `trial` and keeps it if the difference persists. */
static bool try_it(struct shrinker *s)
{
	struct conform_difference difference;

	if (s->runs++ >= MOST_RUNS)
		return false;
	conform_compare(s->side, s->trial, &difference);
	if (!difference.found || difference.broken != s->broken)
		return false;
	*s->best = *s->trial;
	*s->difference = difference;
	return true;
}

static bool without(struct shrinker *s, unsigned first, unsigned count)
{
	struct scn_program *t = s->trial;

	*t = *s->best;
	memmove(&t->op[first], &t->op[first + count], (t->op_count - first - count) * sizeof(t->op[0]));
	t->op_count -= count;
	memset(t->expect, 0, sizeof(t->expect));
	return try_it(s);
}

static bool remove_chunks(struct shrinker *s)
{
	bool any = false;

	for (unsigned size = s->best->op_count / 2; size >= 1; size /= 2) {
		for (unsigned at = s->best->op_count; at >= size && at > 0;) {
			unsigned first = at - size;

			if (first + size <= s->best->op_count && without(s, first, size))
				any = true;
			at = first;
		}
	}
	return any;
}

/* Applies one simplification to an operation. Returns false if it changes nothing. */
static bool simplify(struct scn_op *op, unsigned how)
{
	struct scn_op before = *op;

	switch (how) {
	case 0:
		op->times = op->times ? 1 : 0;
		break;
	case 1:
		op->addr.off.bytes = 0;
		break;
	case 2:
		op->len.bytes = op->len.pages ? 0 : op->len.bytes;
		break;
	case 3:
		op->len.pages = op->len.pages > 1 ? 1 : op->len.pages;
		break;
	case 4:
		op->len.pages = op->len.pages > 2 ? op->len.pages - 1 : op->len.pages;
		break;
	case 5:
		op->off = (struct scn_size){0};
		break;
	case 6:
		if (op->verb == SCN_MAP)
			op->flags &= ~(uint32_t)(SCN_MAP_POPULATE | SCN_MAP_NORESERVE | SCN_MAP_LOCKED);
		break;
	case 7:
		if (op->verb == SCN_MAP && op->file != SCN_NONE) {
			op->file = SCN_NONE;
			op->flags |= SCN_MAP_ANONYMOUS;
		}
		break;
	case 8:
		if (op->verb == SCN_MAP)
			op->prot = 3;
		break;
	default:
		op->proc = 0;
	}
	return memcmp(&before, op, sizeof(before)) != 0;
}

static bool simplify_ops(struct shrinker *s)
{
	bool any = false;

	for (unsigned i = 0; i < s->best->op_count; i++) {
		for (unsigned how = 0; how < 10; how++) {
			*s->trial = *s->best;
			while (simplify(&s->trial->op[i], how) && try_it(s))
				any = true;
		}
	}
	return any;
}

/* Drops unused files from the end of the list, so that the numbers of the others stay the same. */
static void drop_files(struct shrinker *s)
{
	while (s->best->file_count) {
		unsigned last = s->best->file_count - 1u;

		for (unsigned i = 0; i < s->best->op_count; i++)
			if (s->best->op[i].file == last)
				return;
		*s->trial = *s->best;
		s->trial->file_count--;
		if (!try_it(s))
			return;
	}
}

static void rename_unbound(struct scn_addr *addr, const bool bound[SCN_MAX_NAMES])
{
	if ((addr->base == SCN_BASE_NAME || addr->base == SCN_BASE_END) && !bound[addr->name]) {
		addr->base = SCN_BASE_ARENA;
		addr->name = 0;
	}
}

/* Rewrites what the text form cannot express: a name whose mapping was removed becomes the start of the
 * arena, and operations of a process that is never forked are dropped. */
static void make_printable(struct scn_program *program)
{
	bool bound[SCN_MAX_NAMES] = {false};
	bool forked[SCN_MAX_PROCS] = {true};
	unsigned kept = 0;

	for (unsigned i = 0; i < program->op_count; i++) {
		struct scn_op *op = &program->op[i];

		if (!forked[op->proc] ||
		    ((op->verb == SCN_PEEK || op->verb == SCN_POKE) && !forked[op->other]))
			continue;
		rename_unbound(&op->addr, bound);
		rename_unbound(&op->to, bound);
		if (op->verb == SCN_FORK)
			forked[op->other] = true;
		if (op->name != SCN_NONE)
			bound[op->name] = true;
		program->op[kept++] = *op;
	}
	program->op_count = kept;
}

unsigned conform_shrink(struct conform_side side[2], struct scn_program *program,
			struct conform_difference *difference)
{
	struct shrinker s = {
	    .side = side, .best = program, .difference = difference, .broken = difference->broken};

	s.trial = malloc(sizeof(*s.trial));
	if (!s.trial)
		return 0;
	while (remove_chunks(&s) || simplify_ops(&s))
		continue;
	drop_files(&s);
	make_printable(program);
	conform_compare(side, program, difference);
	free(s.trial);
	return s.runs;
}
