/* SPDX-License-Identifier: MIT */
/* The comparator: two runs of one program, field by field; nothing is rounded or forgiven. If a kernel's
 * release is known not to merge some adjacent mappings, they count as merged. */
#include "conform.h"

#include <inttypes.h>
#include <string.h>

#include "../scenario/names.h"

static bool same_view(const struct scn_run *a, const struct scn_run *b, const struct scn_result *x,
		      const struct scn_result *y)
{
	return x->view_bytes == y->view_bytes &&
	       memcmp(a->view + x->view, b->view + y->view, x->view_bytes) == 0;
}

static bool is_continued(const struct scn_row *row, const struct scn_row *next)
{
	return row->end == next->start && row->prot == next->prot && row->shared == next->shared &&
	       row->kind == next->kind && row->file == next->file &&
	       (row->kind == SCN_KIND_ANON || row->offset + (row->end - row->start) == next->offset);
}

/* Reads the row at *at, merged with the following rows it could merge with, and advances *at past them.
 * False: no row is left. */
static bool next_joined(const struct scn_run *run, const struct scn_result *r, size_t *at,
			struct scn_row *out)
{
	struct scn_row next;

	if (*at + sizeof(*out) > r->view_bytes)
		return false;
	memcpy(out, run->view + r->view + *at, sizeof(*out));
	for (*at += sizeof(next); *at + sizeof(next) <= r->view_bytes; *at += sizeof(next)) {
		memcpy(&next, run->view + r->view + *at, sizeof(next));
		if (!is_continued(out, &next))
			break;
		out->end = next.end;
	}
	return true;
}

static bool same_joined(const struct scn_run *a, const struct scn_run *b, const struct scn_result *x,
			const struct scn_result *y)
{
	struct scn_row p, q;
	size_t at = 0, on = 0;
	bool more;

	do {
		more = next_joined(a, x, &at, &p);
		if (more != next_joined(b, y, &on, &q))
			return false;
	} while (more && memcmp(&p, &q, sizeof(p)) == 0);
	return !more;
}

/* Every page: its bytes and signals, whatever the faults were. */
static bool same_contents(const struct scn_run *a, const struct scn_run *b, const struct scn_result *x,
			  const struct scn_result *y)
{
	struct scn_digest p, q;

	if (x->view_bytes != y->view_bytes)
		return false;
	for (size_t at = 0; at + sizeof(p) <= x->view_bytes; at += sizeof(p)) {
		memcpy(&p, a->view + x->view + at, sizeof(p));
		memcpy(&q, b->view + y->view + at, sizeof(q));
		if (p.at != q.at || p.hash != q.hash || p.signal != q.signal || p.code != q.code)
			return false;
	}
	return true;
}

/* The first field that differs, or NULL. */
static const char *field(const struct scn_run *a, const struct scn_run *b, unsigned index, unsigned how)
{
	const struct scn_result *x = &a->result[index], *y = &b->result[index];
	enum scn_verb verb = scn_result_verb(a->program, index);

	if (x->state != y->state)
		return "outcome";
	if (x->state != SCN_RAN)
		return NULL;
	if (x->signal != y->signal || x->code != y->code)
		return "signal";
	if (x->error != y->error)
		return "errno";
	if (x->at != y->at)
		return "address";
	if (how & CONFORM_JOINS && verb == SCN_LAYOUT)
		return same_joined(a, b, x, y) ? NULL : "layout";
	if (how & CONFORM_PRESSED && (verb == SCN_RESIDENT || verb == SCN_MINCORE))
		return NULL;
	if (how & CONFORM_PRESSED && verb == SCN_MEMORY)
		return same_contents(a, b, x, y) ? NULL : "memory";
	if (x->value != y->value || x->mix != y->mix || !same_view(a, b, x, y))
		return verb == SCN_LAYOUT     ? "layout"
		       : verb == SCN_RESIDENT ? "residency"
		       : verb == SCN_MEMORY   ? "memory"
					      : "value";
	if (x->count != y->count)
		return "count";
	if (how & CONFORM_PRESSED)
		return NULL;
	if (x->counts.minor != y->counts.minor)
		return "minor faults";
	if (x->counts.major != y->counts.major)
		return "major faults";
	return NULL;
}

/* Describes the page whose digests differ. */
static void explain_memory(const struct scn_run *a, const struct scn_run *b, unsigned index, char *text,
			   size_t size)
{
	const struct scn_result *x = &a->result[index], *y = &b->result[index];
	size_t count =
	    (x->view_bytes < y->view_bytes ? x->view_bytes : y->view_bytes) / sizeof(struct scn_digest);

	for (size_t i = 0; i < count; i++) {
		struct scn_digest p, q;

		memcpy(&p, a->view + x->view + i * sizeof(p), sizeof(p));
		memcpy(&q, b->view + y->view + i * sizeof(q), sizeof(q));
		if (memcmp(&p, &q, sizeof(p)) == 0)
			continue;
		snprintf(text, size,
			 " (page %" PRIu64 " of base %u: signal %u/%u against %u/%u, minor %u against %u,"
			 " major %u against %u, bytes %s)",
			 (p.at & ~((uint64_t)15 << 60)) / a->backend->page_size, (unsigned)(p.at >> 60),
			 p.signal, p.code, q.signal, q.code, p.minor, q.minor, p.major, q.major,
			 p.hash == q.hash ? "equal" : "differ");
		return;
	}
}

static void describe(const struct scn_run *a, const struct scn_run *b, unsigned index, const char *what,
		     struct conform_difference *out)
{
	const struct scn_program *program = a->program;
	char more[200] = "";
	int n;

	if (scn_result_verb(program, index) == SCN_MEMORY)
		explain_memory(a, b, index, more, sizeof(more));
	if (index < program->op_count) {
		n = snprintf(out->text, sizeof(out->text), "%s of operation %u", what, index + 1);
	} else {
		unsigned end = index - program->op_count;

		n = end < (unsigned)program->proc_count * SCN_END_VIEWS
			? snprintf(out->text, sizeof(out->text), "%s of %s at the end", what,
				   program->proc_name[end / SCN_END_VIEWS])
			: snprintf(out->text, sizeof(out->text), "contents of a file at the end");
	}
	if (n > 0 && (size_t)n < sizeof(out->text))
		snprintf(out->text + n, sizeof(out->text) - (size_t)n, "%s", more);
	out->found = true;
	out->index = index;
	out->what = what;
}

void conform_compare_runs(const struct scn_run *a, const struct scn_run *b, unsigned how,
			  struct conform_difference *out)
{
	unsigned count = scn_result_count(a->program);

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < count; i++) {
		const char *what = field(a, b, i, how);

		if (what) {
			describe(a, b, i, what, out);
			return;
		}
	}
	if (a->view_lost || b->view_lost) {
		out->found = out->broken = true;
		snprintf(out->text, sizeof(out->text), "the program shows more than a run can record");
	}
}

void conform_compare(struct conform_side side[2], const struct scn_program *program,
		     struct conform_difference *out)
{
	const struct scn_run *run[2];

	for (unsigned i = 0; i < 2; i++) {
		const char *text = NULL;

		run[i] = side[i].last = side[i].run(side[i].context, program, &text);
		if (!run[i]) {
			memset(out, 0, sizeof(*out));
			out->found = out->broken = true;
			snprintf(out->text, sizeof(out->text), "%s: %s", side[i].name,
				 text ? text : "failed");
			return;
		}
	}
	conform_compare_runs(run[0], run[1], side[0].how, out);
}

/* --- The printed difference --- */

struct notes {
	const struct conform_side *side;
	const struct scn_run *run[2];
	const struct conform_difference *difference;
};

static bool differs(const struct notes *n, unsigned index)
{
	return n->run[0] && n->run[1] && field(n->run[0], n->run[1], index, n->side[0].how);
}

static void note_both(FILE *to, unsigned index, void *context)
{
	const struct notes *n = context;

	if (!differs(n, index))
		return;
	for (unsigned i = 0; i < 2; i++) {
		fprintf(to, "# %-5s ", n->side[i].name);
		scn_print_result(to, n->run[i], index);
		fputc('\n', to);
	}
}

void conform_print_difference(FILE *to, struct conform_side side[2], const struct scn_program *program,
			      const struct conform_difference *difference)
{
	struct notes notes = {.side = side, .difference = difference};
	const char *text;

	for (unsigned i = 0; i < 2 && !difference->broken; i++)
		notes.run[i] = side[i].run(side[i].context, program, &text);
	fprintf(to, "# %s against %s: %s\n", side[0].name, side[1].name, difference->text);
	scn_print(to, program, note_both, &notes);
	for (unsigned i = program->op_count; i < scn_result_count(program); i++) {
		unsigned end = i - program->op_count;

		if (!differs(&notes, i))
			continue;
		if (end < (unsigned)program->proc_count * SCN_END_VIEWS)
			fprintf(to, "# at the end, %s:\n", program->proc_name[end / SCN_END_VIEWS]);
		else
			fprintf(to, "# at the end, file %s:\n",
				program->file[end - (unsigned)program->proc_count * SCN_END_VIEWS].name);
		note_both(to, i, &notes);
	}
}
