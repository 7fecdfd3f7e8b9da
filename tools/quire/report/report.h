/* SPDX-License-Identifier: MIT */
/* What is made of the trace of a run (docs/report.md):
 *
 *   JSON, one object a line ──► trace_read() ──► record.c: columns and tables ──► page.c: one HTML file
 *                                          └──► perfetto.c: trace events */
#ifndef QUIRE_TOOL_REPORT_H
#define QUIRE_TOOL_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

enum {
	PAGE_MOST_FAULTS = 100000 /* more are sampled */
};

/* Reads a trace from the start of a file that can be sought in, and calls `take` for each object; a false one
 * stops it. Returns false with a reason in *out_why. */
typedef bool trace_take(void *context, const json_t *object);
bool trace_read(FILE *from, trace_take *take, void *context, const char **out_why);
/* The number of faults in a trace. */
uint64_t trace_count(FILE *from);
/* A member of a fault as a number; 0 if it is null or missing. */
uint64_t trace_hex(const json_t *fault, const char *key);

/* What the page needs of a trace, as its script reads it. NULL with a reason in *out_why. */
json_t *record_trace(FILE *from, const char **out_why);

/* --- replay.c --- */

/* References: numbers of pages below `pages`. */
struct replay_trace {
	uint32_t *page;
	size_t count;
	uint32_t pages;
};
struct quire_policy;
/* Numbers pages in the order of their first reference. Zeroed: none yet. */
struct replay_pages {
	struct replay_trace trace;
	size_t room;  /* of trace.page */
	size_t slots; /* of the two below, a power of two */
	uint64_t *key;
	uint32_t *number; /* from 1; 0: an empty slot */
};
/* Adds a reference to a page of an address space. Returns false when memory ran out. */
bool replay_add(struct replay_pages *pages, uint64_t space, uint64_t page);
void replay_free(struct replay_pages *pages);
/* How many references miss with `memory` pages. Returns false when the machine could not be made. */
bool replay_misses(const struct replay_trace *trace, const struct quire_policy *policy, uint64_t memory,
		   uint64_t *out_misses);
/* Keeps the references of one page in `every`, and numbers these from 0. Which pages is told by a hash of their numbers:
 * `which` of the `every` parts. Returns false when memory ran out; nothing is changed then. */
bool replay_keep(struct replay_trace *trace, unsigned every, unsigned which);
/* The same, so that about `most` references are left at most. Returns `every`; 1: all are; 0: memory ran out. */
unsigned replay_thin_out(struct replay_trace *trace, size_t most);
/* The misses of each policy of the library, for some sizes of memory, as the page's script reads it. Changes the trace:
 * one that is too long is sampled. `every`: it is of one page in so many already. */
json_t *replay_policies(struct replay_trace *trace, unsigned every);

/* --- curve.c --- */

enum {
	CURVE_MOST_REFERENCES = 1000000, /* more are sampled by their pages */
	CURVE_POINTS = 128
};

/* Misses of LRU against pages of memory, and of the library's policies: docs/report.md has the members. Changes the trace.
 * `source`: where the references come from. `references`: how many there are, when `trace` has those of one page in `every`.
 * NULL: memory ran out. */
json_t *curve_make(struct replay_trace *trace, const char *source, uint64_t references, unsigned every);

/* Writes the page, or trace events for ui.perfetto.dev. Return false with a reason in *out_why. */
bool page_write(FILE *trace, FILE *to, const char **out_why);
bool perfetto_write(FILE *trace, FILE *to, const char **out_why);

/* Copies the rest of a stream. */
bool stream_copy(FILE *from, FILE *to);

/* Writes one file of both kinds, or leaves it as it is where that cannot be made. `command`: for the message on standard error. Returns false after it. */
bool report_to_file(FILE *trace, const char *path, const char *command,
		    bool (*write)(FILE *trace, FILE *to, const char **out_why));

/* Whether this build has D3, which the page draws with. */
bool page_is_there(void);

#endif
