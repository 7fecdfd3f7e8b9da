/* SPDX-License-Identifier: MIT */
/* Kinds of differences: many programs that differ in the same way are one finding.
 *
 * A difference shows in a result and concerns a page. The last operation that touched the page before is
 * taken as its cause. For example, residency differs after a read of private memory, whichever operation
 * shows it. */
#include "conform.h"

#include <string.h>

#include "../scenario/names.h"

#define PLACE_NONE UINT64_MAX

/* --- The page of a difference --- */

static scn_place page_of(const struct scn_run *run, scn_place place)
{
	return place == PLACE_NONE ? place : place / run->backend->page_size * run->backend->page_size;
}

/* The index of the first record that differs between two views; the length of the shorter view if none
 * does. */
static unsigned first_unlike(const struct scn_run *a, const struct scn_run *b, unsigned index, size_t record)
{
	const struct scn_result *x = &a->result[index], *y = &b->result[index];
	size_t bytes = x->view_bytes < y->view_bytes ? x->view_bytes : y->view_bytes;
	size_t at = 0;

	while (at + record <= bytes && memcmp(a->view + x->view + at, b->view + y->view + at, record) == 0)
		at += record;
	return (unsigned)(at / record);
}

/* The n-th page of the rows of a layout. */
static scn_place nth_page(const struct scn_run *run, unsigned layout, unsigned n)
{
	const struct scn_result *r = &run->result[layout];
	uint64_t page = run->backend->page_size;

	for (size_t at = 0; at + sizeof(struct scn_row) <= r->view_bytes; at += sizeof(struct scn_row)) {
		struct scn_row row;
		uint64_t pages;

		memcpy(&row, run->view + r->view + at, sizeof(row));
		pages = (row.end - row.start) / page;
		if (n < pages)
			return row.start + n * page;
		n -= (unsigned)pages;
	}
	return PLACE_NONE;
}

static scn_place place_of_digest(const struct scn_run *run, unsigned index, unsigned n)
{
	const struct scn_result *r = &run->result[index];
	struct scn_digest digest;

	if ((n + 1) * sizeof(digest) > r->view_bytes)
		return PLACE_NONE;
	memcpy(&digest, run->view + r->view + n * sizeof(digest), sizeof(digest));
	return digest.at;
}

static scn_place place_of_op(const struct scn_run *run, const struct scn_op *op)
{
	return scn_place_of(run->backend, scn_resolve(run, op->addr));
}

static scn_place place_of_difference(const struct scn_run *a, const struct scn_run *b, unsigned index)
{
	const struct scn_program *program = a->program;
	unsigned ops = program->op_count;

	switch (scn_result_verb(program, index)) {
	case SCN_MEMORY:
		return place_of_digest(a, index, first_unlike(a, b, index, sizeof(struct scn_digest)));
	case SCN_RESIDENT:
	case SCN_MINCORE:
		if (index >= ops)
			return nth_page(a, index - 1, first_unlike(a, b, index, 1));
		return place_of_op(a, &program->op[index]) +
		       first_unlike(a, b, index, 1) * a->backend->page_size;
	case SCN_FORK:
	case SCN_EXIT:
	case SCN_LIMIT:
	case SCN_LAYOUT:
	case SCN_TRUNCATE:
	case SCN_FREAD:
	case SCN_FWRITE:
	case SCN_PUNCH:
		return PLACE_NONE;
	default:
		return index < ops ? place_of_op(a, &program->op[index]) : PLACE_NONE;
	}
}

/* --- The operation that touched the page --- */

static uint64_t bytes_touched(const struct scn_run *run, const struct scn_op *op)
{
	switch (op->verb) {
	case SCN_READ:
	case SCN_WRITE:
		return op->times * run->backend->page_size;
	case SCN_MAP:
	case SCN_UNMAP:
	case SCN_PROTECT:
	case SCN_REMAP:
	case SCN_ADVISE:
	case SCN_LOCK:
	case SCN_UNLOCK:
	case SCN_KZERO:
		return scn_bytes(run, op->verb == SCN_REMAP ? op->len2 : op->len);
	case SCN_EXEC:
	case SCN_KREAD:
	case SCN_KWRITE:
	case SCN_PEEK:
	case SCN_POKE:
		return 1;
	default:
		return 0;
	}
}

/* The start of the range that an operation acted on: the mapping it bound, or its address operand. */
static scn_place start_of(const struct scn_run *run, unsigned index)
{
	const struct scn_op *op = &run->program->op[index];

	if (op->verb == SCN_MAP || op->verb == SCN_REMAP)
		return run->result[index].error ? PLACE_NONE : run->result[index].at;
	return place_of_op(run, op);
}

static bool touches(const struct scn_run *run, unsigned index, scn_place page)
{
	uint64_t bytes = bytes_touched(run, &run->program->op[index]);
	scn_place start = page_of(run, start_of(run, index));

	if (!bytes || run->result[index].state != SCN_RAN || start == PLACE_NONE)
		return false;
	return page >= start && page - start < bytes + run->backend->page_size - 1;
}

/* The name of an operation's effect on pages; NULL: it neither maps nor discards any. */
static const char *effect_of(const struct scn_op *op)
{
	switch (op->verb) {
	case SCN_READ:
	case SCN_KREAD:
	case SCN_PEEK:
	case SCN_EXEC:
		return "read";
	case SCN_WRITE:
	case SCN_KWRITE:
	case SCN_KZERO:
	case SCN_POKE:
		return "write";
	case SCN_LOCK:
		return "lock";
	case SCN_REMAP:
		return "remap";
	case SCN_MAP:
		return op->flags & (SCN_MAP_POPULATE | SCN_MAP_LOCKED) ? "populated map" : NULL;
	case SCN_ADVISE:
		return op->flags == SCN_ADV_POPULATE_READ || op->flags == SCN_ADV_WILLNEED ? "read"
		       : op->flags == SCN_ADV_POPULATE_WRITE                               ? "write"
		       : op->flags == SCN_ADV_DONTNEED || op->flags == SCN_ADV_DONTNEED_LOCKED ||
			       op->flags == SCN_ADV_REMOVE || op->flags == SCN_ADV_FREE
			   ? "discard"
			   : NULL;
	default:
		return NULL;
	}
}

/* The last operation before `index` that touched the page; -1: none. */
static int cause_before(const struct scn_run *run, unsigned index, scn_place page)
{
	for (int i = (int)index - 1; i >= 0; i--)
		if (effect_of(&run->program->op[i]) && touches(run, (unsigned)i, page))
			return i;
	return -1;
}

/* The kind of memory at the page after operation `index`. The heap and the grown part of a stack are
 * private. */
static const char *memory_name(const struct scn_run *run, unsigned index, scn_place page)
{
	for (int i = (int)index; i >= 0; i--) {
		const struct scn_op *op = &run->program->op[i];

		if (op->verb != SCN_MAP || !touches(run, (unsigned)i, page))
			continue;
		if (op->file != SCN_NONE || !(op->flags & SCN_MAP_PRIVATE))
			return "a file or shared memory";
		break;
	}
	return "private memory";
}

static bool is_of_the_call(const char *what)
{
	return strcmp(what, "address") == 0 || strcmp(what, "errno") == 0 || strcmp(what, "layout") == 0 ||
	       strcmp(what, "outcome") == 0;
}

void conform_kind_of(const struct conform_side side[2], const struct conform_difference *difference,
		     struct conform_kind *out)
{
	const struct scn_run *a = side[0].last, *b = side[1].last;
	unsigned index = difference->index, ops;
	const struct scn_op *op;
	scn_place page;
	int cause;

	memset(out, 0, sizeof(*out));
	if (difference->broken || !a || !b) {
		snprintf(out->what, sizeof(out->what), "runs that failed");
		return;
	}
	ops = a->program->op_count;
	op = &a->program->op[index < ops ? index : 0];
	snprintf(out->what, sizeof(out->what), "%s", difference->what);
	if (index < ops && is_of_the_call(difference->what)) {
		snprintf(out->cause, sizeof(out->cause), "%s", scn_syntax[op->verb].name);
		return;
	}
	page = page_of(a, place_of_difference(a, b, index));
	if (page == PLACE_NONE)
		return;
	cause = cause_before(a, index < ops ? index : ops, page);
	if (cause < 0 && index < ops && effect_of(op))
		cause = (int)index;
	/* The final views read every page, even one that no operation touched. */
	if (cause >= 0 || index >= ops)
		snprintf(out->cause, sizeof(out->cause), "%s of %s",
			 cause >= 0 ? effect_of(&a->program->op[cause]) : "read",
			 memory_name(a, cause >= 0 ? (unsigned)cause : ops - 1, page));
}

/* --- Counting --- */

void conform_kinds_add(struct conform_kinds *kinds, const struct conform_kind *kind)
{
	unsigned i = 0;

	kinds->total++;
	while (i < kinds->rows && (strcmp(kinds->row[i].kind.what, kind->what) != 0 ||
				   strcmp(kinds->row[i].kind.cause, kind->cause) != 0))
		i++;
	/* If the table is full, a new kind counts only in the total. */
	if (i == sizeof(kinds->row) / sizeof(kinds->row[0]))
		return;
	if (i == kinds->rows)
		kinds->row[kinds->rows++].kind = *kind;
	kinds->row[i].count++;
}

static unsigned count_cause(const struct conform_kinds *kinds, const char *cause)
{
	unsigned count = 0;

	for (unsigned i = 0; i < kinds->rows; i++)
		if (strcmp(kinds->row[i].kind.cause, cause) == 0)
			count += kinds->row[i].count;
	return count;
}

const char *conform_kinds_top(const struct conform_kinds *kinds, unsigned *out_count, const char **out_what)
{
	const char *cause = NULL;
	unsigned most = 0;

	*out_count = 0;
	*out_what = NULL;
	for (unsigned i = 0; i < kinds->rows; i++) {
		unsigned count = count_cause(kinds, kinds->row[i].kind.cause);

		if (kinds->row[i].kind.cause[0] && count > *out_count) {
			*out_count = count;
			cause = kinds->row[i].kind.cause;
		}
	}
	for (unsigned i = 0; cause && i < kinds->rows; i++) {
		if (strcmp(kinds->row[i].kind.cause, cause) == 0 && kinds->row[i].count > most) {
			most = kinds->row[i].count;
			*out_what = kinds->row[i].kind.what;
		}
	}
	return cause;
}
