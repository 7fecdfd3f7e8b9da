/* SPDX-License-Identifier: MIT */
/* The views: what a program asks to see of a process, and the final views after the last operation. */
#include "view.h"

#include <string.h>

enum {
	MAX_VIEW_ROWS = 512,
	MAX_VIEW_PAGES = 1024,
	MAX_PAGE_ROWS = 128
};

/* Reserves `bytes` of the run's view, aligned for any record. NULL if the run has no more room. */
static void *view_room(struct scn_run *run, struct scn_result *result, size_t bytes)
{
	uint32_t at = (run->view_used + 7) & ~7u;

	if (bytes > SCN_VIEW_BYTES - at) {
		run->view_lost = 1;
		return NULL;
	}
	result->view = at;
	return run->view + at;
}

static void view_keep(struct scn_run *run, struct scn_result *result, size_t bytes)
{
	result->view_bytes = (uint32_t)bytes;
	run->view_used = result->view + (uint32_t)bytes;
}

/* One view of a process and the result it is written to. */
struct view {
	struct scn_run *run;
	unsigned proc;
	struct scn_result *result;
};

static unsigned rows_between(const struct view *v, uint64_t start, uint64_t end, struct scn_row *rows,
			     unsigned max)
{
	int got = v->run->backend->layout(v->run->context, v->proc, start, end, rows, max);

	if (got < 0) {
		v->result->error = -got;
		return 0;
	}
	return (unsigned)got;
}

/* The rows of the arena and of the heap. */
static unsigned all_rows(const struct view *v, struct scn_row *rows, unsigned max)
{
	const struct scn_backend *b = v->run->backend;
	unsigned got = rows_between(v, b->arena, b->arena + b->arena_bytes, rows, max);

	return got + rows_between(v, b->heap, b->heap + SCN_HEAP_BYTES, rows + got, max - got);
}

void scn_view_layout(struct scn_run *run, const struct scn_op *op, struct scn_result *r)
{
	struct scn_row *rows = view_room(run, r, MAX_VIEW_ROWS * sizeof(*rows));
	const struct view v = {run, op->proc, r};
	uint64_t length = scn_bytes(run, op->len);
	unsigned count;

	if (!rows)
		return;
	if (length) {
		uint64_t start = scn_resolve(run, op->addr);

		count = rows_between(&v, start, start + length, rows, MAX_VIEW_ROWS);
	} else {
		count = all_rows(&v, rows, MAX_VIEW_ROWS);
	}
	for (unsigned i = 0; i < count; i++) {
		rows[i].start = scn_place_of(run->backend, rows[i].start);
		rows[i].end = scn_place_of(run->backend, rows[i].end);
		memset(rows[i].pad, 0, sizeof(rows[i].pad));
	}
	r->mix = scn_hash(r->mix, rows, count * sizeof(*rows));
	view_keep(run, r, count * sizeof(*rows));
}

void scn_view_resident(struct scn_run *run, const struct scn_op *op, struct scn_result *r)
{
	uint64_t page = run->backend->page_size;
	uint64_t addr = scn_resolve(run, op->addr) & ~(page - 1);
	uint64_t pages = (scn_bytes(run, op->len) + page - 1) / page;
	uint8_t *out;
	int error;

	pages = pages < MAX_VIEW_PAGES ? pages : MAX_VIEW_PAGES;
	out = view_room(run, r, MAX_VIEW_PAGES);
	if (!out)
		return;
	error = run->backend->resident(run->context, op->proc, addr, (unsigned)pages, out);
	r->error = -error;
	if (error)
		return;
	r->mix = scn_hash(r->mix, out, pages);
	view_keep(run, r, pages);
}

void scn_view_mincore(struct scn_run *run, const struct scn_op *op, struct scn_result *r)
{
	uint64_t page = run->backend->page_size;
	uint64_t length = scn_bytes(run, op->len);
	uint64_t pages = length / page + (length % page != 0);
	uint8_t *out;
	int error;

	if (pages > MAX_VIEW_PAGES) {
		r->state = SCN_SKIPPED;
		r->why = "mincore looks at 1024 pages at most";
		return;
	}
	out = view_room(run, r, MAX_VIEW_PAGES);
	if (!out)
		return;
	memset(out, 0, pages);
	error = run->backend->mincore(run->context, op->proc, scn_resolve(run, op->addr), length, out);
	r->error = -error;
	if (error)
		return;
	for (uint64_t i = 0; i < pages; i++)
		out[i] &= 1;
	r->mix = scn_hash(r->mix, out, pages);
	view_keep(run, r, pages);
}

/* --- Page by page --- */

/* Writes one record for the page at `va`. */
typedef void each_page(const struct view *v, uint64_t va, void *out);

static void page_state(const struct view *v, uint64_t va, void *out)
{
	int error = v->run->backend->resident(v->run->context, v->proc, va, 1, out);

	if (error)
		v->result->error = -error;
}

static void page_digest(const struct view *v, uint64_t va, void *out)
{
	const struct scn_backend *b = v->run->backend;
	struct scn_digest *digest = out;
	struct scn_access_result access = {0};

	memset(digest, 0, sizeof(*digest));
	b->access(v->run->context, v->proc, SCN_ACCESS_READ, va, 0, &access);
	digest->at = scn_place_of(b, va);
	digest->signal = access.signal;
	digest->code = access.code;
	digest->minor = (uint8_t)access.counts.minor;
	digest->major = (uint8_t)access.counts.major;
	if (!access.signal)
		digest->hash = b->digest(v->run->context, v->proc, va);
}

/* A record of `bytes` for every page of every mapping. */
static void view_pages(const struct view *v, each_page *each, size_t bytes)
{
	uint64_t page = v->run->backend->page_size;
	struct scn_row rows[MAX_PAGE_ROWS];
	unsigned count = all_rows(v, rows, MAX_PAGE_ROWS), pages = 0;
	uint8_t *out = view_room(v->run, v->result, MAX_VIEW_PAGES * bytes);

	if (!out)
		return;
	for (unsigned i = 0; i < count; i++)
		for (uint64_t va = rows[i].start; va < rows[i].end && pages < MAX_VIEW_PAGES; va += page)
			each(v, va, out + bytes * pages++);
	v->result->mix = scn_hash(v->result->mix, out, pages * bytes);
	view_keep(v->run, v->result, pages * bytes);
}

void scn_view_memory(struct scn_run *run, unsigned proc, struct scn_result *r)
{
	view_pages(&(struct view){run, proc, r}, page_digest, sizeof(struct scn_digest));
}

void scn_finish_process(struct scn_run *run, unsigned proc)
{
	struct scn_result *r = &run->result[run->program->op_count + proc * SCN_END_VIEWS];
	struct scn_op op = {.verb = SCN_LAYOUT, .proc = (uint8_t)proc};

	if (!run->alive[proc])
		return;
	r[0].state = r[1].state = r[2].state = SCN_RAN;
	scn_view_layout(run, &op, &r[0]);
	view_pages(&(struct view){run, proc, &r[1]}, page_state, 1);
	scn_view_memory(run, proc, &r[2]);
}

void scn_finish_files(struct scn_run *run)
{
	struct scn_result *r =
	    &run->result[run->program->op_count + run->program->proc_count * SCN_END_VIEWS];

	for (unsigned i = 0; i < run->program->file_count; i++) {
		r[i].state = SCN_RAN;
		r[i].mix = run->backend->file_digest(run->context, i);
	}
}
