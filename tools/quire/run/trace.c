/* SPDX-License-Identifier: MIT */
/* The lines that the kernel writes of faults and tasks with trace=1 (ports/kernel/port/fault.c), as JSON: one
 * object a line. */
#include "run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../report/fault.h"

/* Names of processes, so that each fault has that of its own. */
struct trace_names {
	int pid;
	char name[20];
};

/* The values of a line of words KEY=VALUE. The words are split in place; "" for a key that is not there. */
struct trace_words {
	const char *key[24], *value[24];
	unsigned count;
};

static void split(char *text, struct trace_words *words)
{
	char *word;

	words->count = 0;
	while ((word = strsep(&text, " ")) && words->count < 24) {
		char *equal = strchr(word, '=');

		if (!equal)
			continue;
		*equal = 0;
		words->key[words->count] = word;
		words->value[words->count++] = equal + 1;
	}
}

static const char *value_of(const struct trace_words *words, const char *key)
{
	for (unsigned i = 0; i < words->count; i++)
		if (strcmp(words->key[i], key) == 0)
			return words->value[i];
	return "";
}

static bool number_of(const struct trace_words *words, const char *key, int base, uint64_t *out)
{
	const char *text = value_of(words, key);
	char *end;

	errno = 0;
	*out = strtoull(text, &end, base);
	return *text && *text != '-' && !*end && !errno;
}

static void know(struct fault_number *number, const struct trace_words *words, const char *key, int base)
{
	uint64_t value;

	if (number_of(words, key, base, &value))
		fault_know(number, value);
}

static void write_line(struct run_report *report, json_t *object)
{
	if (!object || json_dumpf(object, report->trace, JSON_ENSURE_ASCII) != 0)
		report->failed = true;
	else
		fputc('\n', report->trace);
	json_decref(object);
}

/* The name that process `pid` has now; `name`: NULL, or its new one. NULL: none is known. */
static const char *name_of(struct run_report *report, int pid, const char *name)
{
	struct trace_names *more;

	for (size_t i = 0; i < report->name_count; i++) {
		struct trace_names *at = &report->names[i];

		if (at->pid != pid)
			continue;
		if (name)
			snprintf(at->name, sizeof(at->name), "%s", name);
		return at->name;
	}
	if (!name)
		return NULL;
	more = reallocarray(report->names, report->name_count + 1, sizeof(*more));
	if (!more) {
		report->failed = true;
		return NULL;
	}
	report->names = more;
	report->names[report->name_count].pid = pid;
	snprintf(report->names[report->name_count].name, sizeof(more->name), "%s", name);
	return report->names[report->name_count++].name;
}

static void take_way(struct fault_record *record, char *steps)
{
	char *word;

	while ((word = strsep(&steps, " ")) && record->way_count < FAULT_WAY_STEPS)
		if (*word)
			record->way[record->way_count++] = word;
}

/* tid=2 pid=2 mode=user access=write ... outcome=resume: STEP... */
void trace_fault(struct run_report *report, char *text)
{
	char *steps = strstr(text, ": ");
	struct trace_words words;
	struct fault_record r;
	uint64_t pid, tid, major, signal;

	if (!report->trace)
		return;
	if (!steps) {
		report->failed = true;
		return;
	}
	*steps = 0;
	split(text, &words);
	fault_record_init(&r);
	if (!number_of(&words, "pid", 10, &pid) || !number_of(&words, "tid", 10, &tid) ||
	    !number_of(&words, "major", 10, &major)) {
		report->failed = true;
		return;
	}
	r.pid = (int)pid;
	r.tid = (int)tid;
	r.process = name_of(report, r.pid, NULL);
	r.mode = value_of(&words, "mode");
	r.access = value_of(&words, "access");
	r.cause = value_of(&words, "cause");
	r.outcome = value_of(&words, "outcome");
	r.major = major != 0;
	know(&r.address, &words, "va", 16);
	know(&r.pc, &words, "ip", 16);
	know(&r.syndrome, &words, "code", 16);
	know(&r.before, &words, "before", 16);
	know(&r.after, &words, "after", 16);
	know(&r.time_ns, &words, "ns", 10);
	if (number_of(&words, "signal", 10, &signal) && number_of(&words, "si_code", 10, &tid)) {
		r.signal = (unsigned)signal;
		r.code = (unsigned)tid;
	}
	take_way(&r, steps + 2);
	r.rule = fault_rule(&r, value_of(&words, "rule"));
	write_line(report, fault_json(&r));
	report->traced++;
}

/* fork pid=3 parent=2 ns=N, exec pid=3 ns=N name=NAME, exit pid=3 ns=N */
void trace_task(struct run_report *report, char *text)
{
	struct trace_words words;
	char *what = strsep(&text, " ");
	uint64_t pid, time, parent;
	char inherited[sizeof(report->names->name)];
	const char *name;
	json_t *object;

	if (!report->trace || !text)
		return;
	split(text, &words);
	if (!number_of(&words, "pid", 10, &pid) || !number_of(&words, "ns", 10, &time)) {
		report->failed = true;
		return;
	}
	name = value_of(&words, "name");
	object = json_pack("{s:i,s:s,s:I,s:I}", "version", FAULT_SCHEMA_VERSION, "task", what, "pid",
			   (json_int_t)pid, "time_ns", (json_int_t)time);
	if (number_of(&words, "parent", 10, &parent)) {
		const char *its = name_of(report, (int)parent, NULL);

		json_object_set_new(object, "parent", json_integer((json_int_t)parent));
		if (its && !*name) { /* a copy: the next new name may move all */
			snprintf(inherited, sizeof(inherited), "%s", its);
			name = inherited;
		}
	}
	if (*name)
		json_object_set_new(object, "process", json_string(name_of(report, (int)pid, name)));
	write_line(report, object);
}

void trace_begin(struct run_report *report, const struct run_options *options)
{
	if (!report->trace)
		return;
	write_line(report,
		   json_pack("{s:i,s:{s:s*,s:s*,s:s,s:i}}", "version", FAULT_SCHEMA_VERSION, "begin",
			     "program", options->argv ? options->argv[0] : NULL, "arch", options->arch,
			     "profile", options->profile ? options->profile : "linux-6", "page_size", 4096));
}

void trace_end(struct run_report *report)
{
	if (report->trace && report->ended)
		write_line(report,
			   json_pack("{s:i,s:{s:I,s:I}}", "version", FAULT_SCHEMA_VERSION, "end", "minor",
				     (json_int_t)report->minor, "major", (json_int_t)report->major));
}
