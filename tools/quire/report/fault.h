/* SPDX-License-Identifier: MIT */
/* One fault as every command writes it in JSON: docs/report.md documents the members, docs/fault.schema.json
 * is the schema. */
#ifndef QUIRE_TOOL_FAULT_H
#define QUIRE_TOOL_FAULT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

enum {
	FAULT_SCHEMA_VERSION = 1,
	FAULT_WAY_STEPS = 64
};

struct fault_number {
	bool known;
	uint64_t value;
};

/* A mapping; end 0: unknown. */
struct fault_mapping {
	uint64_t start, end, offset; /* offset: of its start in the file */
	char prot[5];                /* "rw-p", as /proc/PID/maps has it */
	const char *name;            /* of its file, or [heap], [stack]; NULL: anonymous */
};

/* Pointers are borrowed; NULL: unknown. */
struct fault_record {
	int pid, tid;        /* -1: unknown; tid only if it is another number */
	const char *process; /* its name */
	const char *mode, *access, *cause;
	struct fault_number address, pc, syndrome;
	const char *symbol; /* "function+0x12" */
	const char *outcome;
	const char *rule; /* the step that decided */
	int major;        /* 1, 0; -1: unknown */
	unsigned signal;  /* 0: none */
	unsigned code;
	const char *way[FAULT_WAY_STEPS];
	unsigned way_count;
	struct fault_number before, after; /* the entry of the last level */
	struct fault_number frame, time_ns;
	bool uncounted;          /* resolved, and neither minor nor major; not in JSON */
	const char *source;      /* "file.c:12", of the instruction */
	struct fault_mapping in; /* what the instruction lies in */
	struct fault_mapping on; /* what the address lies in */
};

/* A record that knows nothing. */
void fault_record_init(struct fault_record *record);
void fault_know(struct fault_number *number, uint64_t value);
/* A hex string such as "0x7ff"; null if it is not known. */
json_t *fault_hex(struct fault_number number);
/* NULL: out of memory. */
json_t *fault_json(const struct fault_record *record);

/* What memory held at a time, by enum quire_page_state; and pages since the start. */
struct fault_memory {
	uint64_t time_ns;
	uint64_t frames[16];
	uint64_t zeroed, read, copied, forked, swapped_in, swapped_out;
};
json_t *fault_memory_json(const struct fault_memory *memory);

/* Prints the fault and its way as a tree: each step below its caller, with the one that decided marked. (tree.c) */
void fault_print(FILE *to, const struct fault_record *record);

/* The step that decided: `rule` is what struct quire_outcome says; if that is how the fault ended, the step
 * before it in the way decided. */
const char *fault_rule(const struct fault_record *record, const char *rule);

#endif
