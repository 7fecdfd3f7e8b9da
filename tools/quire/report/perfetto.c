/* SPDX-License-Identifier: MIT */
/* Trace events for ui.perfetto.dev and chrome://tracing: "Trace Event Format", JSON. A fault is an instant of its
 * thread, a process is a slice from fork to exit, an arrow goes from a fork to each copy that it caused, and
 * counters say how many pages came and how. */
#include "report.h"

#include <string.h>

enum kind {
	KIND_ANON,
	KIND_FILE,
	KIND_COPY,
	KINDS
};

struct events {
	FILE *to;
	bool any, failed;
	int64_t pages[KINDS];
	int64_t arrows;
	json_t *forks; /* by process: the event of its fork, with its parent's number and the time */
};

static void put(struct events *e, json_t *event)
{
	fputs(e->any ? ",\n" : "\n", e->to);
	e->any = true;
	if (!event || json_dumpf(event, e->to, JSON_COMPACT | JSON_ENSURE_ASCII) != 0)
		e->failed = true;
	json_decref(event);
}

static json_t *event(const char *phase, const char *name, json_int_t pid, json_int_t tid, double us)
{
	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:f}", "ph", phase, "name", name, "cat", "memory", "pid", pid,
			 "tid", tid, "ts", us);
}

static double time_of(const json_t *object)
{
	return (double)json_integer_value(json_object_get(object, "time_ns")) / 1000;
}

static bool went(const json_t *fault, const char *step)
{
	json_t *at;
	size_t i;

	json_array_foreach(json_object_get(fault, "way"), i,
			   at) if (strcmp(json_string_value(at), step) == 0) return true;
	return false;
}

static void count_pages(struct events *e, const json_t *fault, json_int_t pid)
{
	json_t *counter;

	if (went(fault, "wp_page_copy") || went(fault, "page-copied"))
		e->pages[KIND_COPY]++;
	else if (went(fault, "anon-frame"))
		e->pages[KIND_ANON]++;
	else if (went(fault, "do_fault"))
		e->pages[KIND_FILE]++;
	else
		return;
	counter = event("C", "pages brought", pid, pid, time_of(fault));
	json_object_set_new(counter, "args",
			    json_pack("{s:I,s:I,s:I}", "zeroed", (json_int_t)e->pages[KIND_ANON], "file",
				      (json_int_t)e->pages[KIND_FILE], "copied",
				      (json_int_t)e->pages[KIND_COPY]));
	put(e, counter);
}

/* An arrow from the fork of this process to the copy that the fork made necessary. */
static void draw_arrow(struct events *e, const json_t *fault, json_int_t pid, json_int_t tid)
{
	char key[24];
	json_t *fork, *from, *to;

	snprintf(key, sizeof(key), "%lld", (long long)pid);
	fork = json_object_get(e->forks, key);
	if (!fork || (!went(fault, "wp_page_copy") && !went(fault, "page-copied")))
		return;
	from = event("s", "copy after fork", json_integer_value(json_object_get(fork, "parent")),
		     json_integer_value(json_object_get(fork, "parent")), time_of(fork));
	to = event("f", "copy after fork", pid, tid, time_of(fault));
	json_object_set_new(from, "id", json_integer(++e->arrows));
	json_object_set_new(to, "id", json_integer(e->arrows));
	json_object_set_new(to, "bp", json_string("e"));
	put(e, from);
	put(e, to);
}

static void take_fault(struct events *e, const json_t *fault)
{
	static const char *const keys[] = {"address", "pc",    "access", "mode", "cause",
					   "outcome", "major", "rule",   "way"};
	json_int_t pid = json_integer_value(json_object_get(fault, "pid"));
	json_t *tid = json_object_get(fault, "tid"), *rule = json_object_get(fault, "rule");
	json_t *object = event("i", json_is_string(rule) ? json_string_value(rule) : "fault", pid,
			       tid ? json_integer_value(tid) : pid, time_of(fault));
	json_t *args = json_object();

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		json_object_set(args, keys[i], json_object_get(fault, keys[i]));
	json_object_set_new(object, "s", json_string("t"));
	json_object_set_new(object, "args", args);
	put(e, object);
	count_pages(e, fault, pid);
	draw_arrow(e, fault, pid, tid ? json_integer_value(tid) : pid);
}

static void name_process(struct events *e, const json_t *task, json_int_t pid)
{
	json_t *name = json_object_get(task, "process"), *object;

	if (!json_is_string(name))
		return;
	object = event("M", "process_name", pid, pid, time_of(task));
	json_object_set_new(object, "args", json_pack("{s:O}", "name", name));
	put(e, object);
}

static void take_task(struct events *e, const json_t *task)
{
	json_int_t pid = json_integer_value(json_object_get(task, "pid"));
	const char *what = json_string_value(json_object_get(task, "task"));
	json_t *parent = json_object_get(task, "parent");
	char key[24];

	if (!what)
		return;
	name_process(e, task, pid);
	if (strcmp(what, "fork") == 0 && parent) {
		json_int_t from = json_integer_value(parent);

		snprintf(key, sizeof(key), "%lld", (long long)pid);
		json_object_set_new(e->forks, key, json_deep_copy(task));
		json_t *slice = event("X", "fork", from, from, time_of(task));

		json_object_set_new(slice, "dur", json_real(1));
		put(e, slice);
		put(e, event("B", "lives", pid, pid, time_of(task)));
	} else if (strcmp(what, "exit") == 0) {
		snprintf(key, sizeof(key), "%lld", (long long)pid);
		if (json_object_get(e->forks, key))
			put(e, event("E", "lives", pid, pid, time_of(task)));
	} else {
		json_t *instant = event("i", what, pid, pid, time_of(task));

		json_object_set_new(instant, "s", json_string("p"));
		json_object_set_new(instant, "args", json_object());
		put(e, instant);
	}
}

static void put_counter(struct events *e, const char *name, const json_t *object, json_t *args)
{
	json_t *counter = event("C", name, 0, 0, time_of(object));

	json_object_set_new(counter, "args", args);
	put(e, counter);
}

/* What frames hold, and what was done with pages so far. */
static void take_memory(struct events *e, const json_t *object, const json_t *memory)
{
	static const char *const done[] = {"zeroed", "read", "copied", "forked", "swapped_in", "swapped_out"};
	json_t *pages = json_object();

	for (size_t i = 0; i < sizeof(done) / sizeof(done[0]); i++)
		json_object_set(pages, done[i], json_object_get(memory, done[i]));
	put_counter(e, "frames", object, json_incref(json_object_get(memory, "frames")));
	put_counter(e, "pages so far", object, pages);
}

static bool take(void *context, const json_t *object)
{
	struct events *e = context;

	if (json_object_get(object, "way"))
		take_fault(e, object);
	else if (json_object_get(object, "task"))
		take_task(e, object);
	else if (json_object_get(object, "memory"))
		take_memory(e, object, json_object_get(object, "memory"));
	return !e->failed && !ferror(e->to);
}

bool perfetto_write(FILE *trace, FILE *to, const char **out_why)
{
	struct events e = {.to = to, .forks = json_object()};
	bool good;

	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", to);
	good = trace_read(trace, take, &e, out_why);
	fputs("\n]}\n", to);
	json_decref(e.forks);
	return good && !e.failed;
}
