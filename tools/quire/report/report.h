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
