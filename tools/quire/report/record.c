/* SPDX-License-Identifier: MIT */
/* A trace as the page's script reads it: what many faults have alike is said once, in tables; what is left is
 * a few columns of numbers, most of them as the difference from the fault before. */
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum column {
	COLUMN_TIME,   /* microseconds, or steps; difference */
	COLUMN_PID,    /* a process's number */
	COLUMN_PAGE,   /* number of the page; difference */
	COLUMN_OFFSET, /* in the page */
	COLUMN_PC,     /* index in pcs */
	COLUMN_CLASS,  /* index in classes */
	COLUMNS
};

static const char *const column_names[COLUMNS] = {"time", "pid", "page", "offset", "pc", "class"};

/* A table: its rows, and the index of each by a text that is its own. */
struct table {
	json_t *rows, *index;
};

struct record {
	json_t *root, *processes, *last_process;
	json_t *memory;                     /* rows of memory_names */
	uint64_t memory_seen, memory_every; /* each so many-th is kept */
	struct table classes, pcs;
	struct replay_pages references; /* what was brought or resolved */
	uint64_t every, seen;
	uint64_t began; /* nanoseconds of the first line, and one; 0: none yet */
	uint64_t page_size, last_time, last_page;
	bool steps;
	FILE *column[COLUMNS];
	char *text[COLUMNS];
	size_t bytes[COLUMNS];
	bool failed;
};

static void put36(FILE *to, int64_t value)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	uint64_t n = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char text[16];
	size_t at = sizeof(text);

	do {
		text[--at] = digits[n % 36];
		n /= 36;
	} while (n);
	if (value < 0)
		fputc('-', to);
	fwrite(text + at, 1, sizeof(text) - at, to);
}

static void put(struct record *r, enum column column, int64_t value)
{
	if (ftell(r->column[column]) > 0)
		fputc(',', r->column[column]);
	put36(r->column[column], value);
}

/* The index of the row with that text; `row` becomes it if there is none. Takes the reference to `row`. */
static int64_t index_of(struct table *table, const char *text, json_t *row)
{
	json_t *found = json_object_get(table->index, text);
	int64_t at =
	    json_is_integer(found) ? json_integer_value(found) : (int64_t)json_array_size(table->rows);

	if (found) {
		json_decref(row);
		return at;
	}
	json_array_append_new(table->rows, row);
	json_object_set_new(table->index, text, json_integer(at));
	return at;
}

/* What faults of one class have alike. */
static int64_t class_of(struct record *r, const json_t *fault)
{
	static const char *const keys[] = {"mode", "access", "cause", "outcome", "rule", "major", "way"};
	json_t *row = json_object(), *code;
	int64_t at = 0;
	char *text;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		json_object_set(row, keys[i], json_object_get(fault, keys[i]));
	code = json_object_get(json_object_get(fault, "signal"), "code_name");
	json_object_set(row, "signal", code ? code : json_null());
	text = json_dumps(row, JSON_COMPACT);
	if (text)
		at = index_of(&r->classes, text, row);
	else
		r->failed = true;
	free(text);
	return at;
}

static json_t *process_of(struct record *r, int64_t pid)
{
	json_t *process = r->last_process;
	size_t i;

	if (process && json_integer_value(json_object_get(process, "pid")) == pid)
		return process;
	json_array_foreach(r->processes, i, process)
	{
		if (json_integer_value(json_object_get(process, "pid")) == pid)
			return r->last_process = process;
	}
	process = json_pack("{s:I,s:n,s:n,s:I,s:I}", "pid", (json_int_t)pid, "parent", "name", "start",
			    (json_int_t)r->last_time, "end", (json_int_t)-1);
	json_array_append_new(r->processes, process);
	return r->last_process = process;
}

/* Microseconds since the first line that has a time, or steps. */
static uint64_t time_of(struct record *r, const json_t *object)
{
	uint64_t time = (uint64_t)json_integer_value(json_object_get(object, "time_ns"));

	if (r->steps)
		return time;
	if (!r->began)
		r->began = time + 1;
	return time + 1 > r->began ? (time + 1 - r->began) / 1000 : 0;
}

static bool is_resolved(const json_t *fault)
{
	const char *outcome = json_string_value(json_object_get(fault, "outcome"));

	return outcome && strcmp(outcome, "resume") == 0;
}

static void take_fault(struct record *r, const json_t *fault)
{
	uint64_t address = trace_hex(fault, "address"), time = time_of(r, fault);
	json_int_t pid = json_integer_value(json_object_get(fault, "pid"));
	json_t *pc = json_object_get(fault, "symbol"), *process = process_of(r, pid);

	if (json_is_null(json_object_get(process, "name")))
		json_object_set(process, "name", json_object_get(fault, "process"));
	if (is_resolved(fault) && !replay_add(&r->references, (uint64_t)pid, address / r->page_size))
		r->failed = true;
	if (r->seen++ % r->every)
		return;
	if (!json_is_string(pc))
		pc = json_object_get(fault, "pc");
	put(r, COLUMN_TIME, (int64_t)(time - r->last_time));
	put(r, COLUMN_PID, pid);
	put(r, COLUMN_PAGE, (int64_t)(address / r->page_size - r->last_page));
	put(r, COLUMN_OFFSET, (int64_t)(address % r->page_size));
	put(r, COLUMN_PC,
	    index_of(&r->pcs, json_is_string(pc) ? json_string_value(pc) : "", json_incref(pc)));
	put(r, COLUMN_CLASS, class_of(r, fault));
	r->last_time = time;
	r->last_page = address / r->page_size;
}

static void take_task(struct record *r, const json_t *task)
{
	const char *what = json_string_value(json_object_get(task, "task"));
	json_t *process = process_of(r, json_integer_value(json_object_get(task, "pid")));
	json_t *parent = json_object_get(task, "parent"), *name = json_object_get(task, "process");

	if (!what)
		return;
	if (strcmp(what, "exit") == 0)
		json_object_set_new(process, "end", json_integer((json_int_t)time_of(r, task)));
	else if (strcmp(what, "fork") == 0)
		json_object_set_new(process, "start", json_integer((json_int_t)time_of(r, task)));
	if (parent)
		json_object_set(process, "parent", parent);
	if (name)
		json_object_set(process, "name", name);
}

enum {
	MOST_MEMORY = 1000
};

/* What the page shows of memory: frames by what they hold, then pages since the start. */
static const char *const memory_names[] = {"time", "anonymous", "file", "shared", "tables", "kernel",
					   "free", "zeroed",    "read", "copied", "forked", "swapped_out"};

static json_t *frames_of(const json_t *memory, const char *const *states)
{
	const json_t *frames = json_object_get(memory, "frames");
	json_int_t sum = 0;

	for (; *states; states++)
		sum += json_integer_value(json_object_get(frames, *states));
	return json_integer(sum);
}

static json_t *memory_row(json_int_t time, const json_t *memory)
{
	static const char *const kinds[][6] = {
	    {"anon"},       {"file"}, {"shmem"}, {"table"}, {"meta", "port", "object", "kmap", "zero"},
	    {"free", "cpu"}};
	json_t *row = json_array();

	json_array_append_new(row, json_integer(time));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		json_array_append_new(row, frames_of(memory, kinds[i]));
	for (size_t i = 7; i < sizeof(memory_names) / sizeof(memory_names[0]); i++)
		json_array_append_new(
		    row, json_integer(json_integer_value(json_object_get(memory, memory_names[i]))));
	return row;
}

/* Of a long run, the rows are thinned out to every second one as often as is needed. */
static void take_memory(struct record *r, const json_t *object, const json_t *memory)
{
	if (r->memory_seen++ % r->memory_every)
		return;
	json_array_append_new(r->memory, memory_row((json_int_t)time_of(r, object), memory));
	if (json_array_size(r->memory) < MOST_MEMORY)
		return;
	for (size_t i = 1; i < json_array_size(r->memory); i++)
		json_array_remove(r->memory, i);
	r->memory_every *= 2;
}

static json_t *names_of_memory(void)
{
	json_t *names = json_array();

	for (size_t i = 0; i < sizeof(memory_names) / sizeof(memory_names[0]); i++)
		json_array_append_new(names, json_string(memory_names[i]));
	return names;
}

static void take_begin(struct record *r, json_t *begin)
{
	json_t *page_size = json_object_get(begin, "page_size"), *clock = json_object_get(begin, "clock");

	json_object_update(r->root, begin);
	if (json_integer_value(page_size) > 0)
		r->page_size = (uint64_t)json_integer_value(page_size);
	r->steps = json_is_string(clock) && strcmp(json_string_value(clock), "step") == 0;
}

static bool take(void *context, const json_t *object)
{
	struct record *r = context;

	if (json_object_get(object, "way") && json_is_string(json_object_get(object, "address")))
		take_fault(r, object);
	else if (json_object_get(object, "task"))
		take_task(r, object);
	else if (json_object_get(object, "memory"))
		take_memory(r, object, json_object_get(object, "memory"));
	else if (json_is_object(json_object_get(object, "references")))
		json_object_set(r->root, "curve", json_object_get(object, "references"));
	else if (json_object_get(object, "begin"))
		take_begin(r, json_object_get(object, "begin"));
	else if (json_object_get(object, "end"))
		json_object_set_new(r->root, "complete", json_true());
	return !r->failed;
}

/* A process whose end the trace does not tell lived until the last fault. */
static void end_processes(struct record *r)
{
	json_t *process;
	size_t i;

	json_array_foreach(r->processes, i,
			   process) if (json_integer_value(json_object_get(process, "end")) < 0)
	    json_object_set_new(process, "end", json_integer((json_int_t)r->last_time));
}

static bool begin_record(struct record *r, FILE *from)
{
	uint64_t total = trace_count(from);

	*r = (struct record){.page_size = 4096, .every = (total + PAGE_MOST_FAULTS - 1) / PAGE_MOST_FAULTS};
	if (!r->every)
		r->every = 1;
	r->root = json_pack("{s:s,s:s,s:s,s:i,s:I,s:b,s:s}", "program", "a program", "arch", "unknown",
			    "profile", "unknown profile", "page_size", 4096, "every", (json_int_t)r->every,
			    "complete", 0, "clock", "ns");
	r->processes = json_array();
	r->memory = json_array();
	r->memory_every = 1;
	r->classes = (struct table){json_array(), json_object()};
	r->pcs = (struct table){json_array(), json_object()};
	for (unsigned i = 0; i < COLUMNS; i++) {
		r->column[i] = open_memstream(&r->text[i], &r->bytes[i]);
		if (!r->column[i])
			return false;
	}
	return r->root && r->processes && r->memory && r->classes.rows && r->pcs.rows;
}

static json_t *end_record(struct record *r, bool good)
{
	json_t *columns = json_object();

	end_processes(r);
	for (unsigned i = 0; i < COLUMNS; i++) {
		if (!r->column[i] || fclose(r->column[i]) != 0)
			good = false;
		else
			json_object_set_new(columns, column_names[i], json_string(r->text[i]));
		free(r->text[i]);
	}
	json_object_set_new(r->root, "columns", columns);
	/* Of a run that was killed the last line may be no fault yet. */
	json_object_set_new(r->root, "total", json_integer((json_int_t)r->seen));
	json_object_set_new(r->root, "processes", r->processes);
	json_object_set_new(r->root, "memory", r->memory);
	json_object_set_new(r->root, "memory_names", names_of_memory());
	if (good && !json_object_get(r->root, "curve"))
		json_object_set_new(r->root, "curve",
				    curve_make(&r->references.trace, "faults", r->references.trace.count, 1));
	good &= json_object_get(r->root, "curve") != NULL;
	replay_free(&r->references);
	json_object_set_new(r->root, "classes", r->classes.rows);
	json_object_set_new(r->root, "pcs", r->pcs.rows);
	json_decref(r->classes.index);
	json_decref(r->pcs.index);
	if (good)
		return r->root;
	json_decref(r->root);
	return NULL;
}

json_t *record_trace(FILE *from, const char **out_why)
{
	struct record r;

	*out_why = "out of memory";
	if (!begin_record(&r, from))
		return end_record(&r, false);
	return end_record(&r, trace_read(from, take, &r, out_why) && !r.failed);
}
