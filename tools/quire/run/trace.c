/* SPDX-License-Identifier: MIT */
/* The records of faults, tasks and memory (ring.c) as JSON, one object a line, or on a terminal as trees. */
#include "run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <quire/quire.h>

#include "../report/fault.h"

/* Names of processes, so that each fault has that of its own. */
struct trace_names {
	int pid;
	char name[20];
};

static bool write_to(FILE *to, const json_t *object)
{
	return !to || (json_dumpf(object, to, JSON_ENSURE_ASCII) == 0 && fputc('\n', to) != EOF);
}

static void write_line(struct run_report *report, json_t *object)
{
	if (!object || !write_to(report->trace, object) ||
	    !write_to(report->drawn ? NULL : report->shown, object))
		report->failed = true;
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

/* --- faults ---------------------------------------------------------------------------------------- */

static const char *file_name(const struct run_report *report, uint32_t number)
{
	for (size_t i = 0; i < report->file_count; i++)
		if (report->files[i].number == number)
			return report->files[i].name;
	return NULL;
}

static void take_name(struct run_report *report, struct trace_name *name)
{
	struct trace_files *more = reallocarray(report->files, report->file_count + 1, sizeof(*more));

	name->name[sizeof(name->name) - 1] = '\0';
	if (more) {
		report->files = more;
		more[report->file_count] = (struct trace_files){(uint32_t)name->file, strdup(name->name)};
	}
	if (!more || !more[report->file_count].name)
		report->failed = true;
	else
		report->file_count++;
}

static struct fault_mapping mapping_of(const struct run_report *report, const struct trace_mapping *from)
{
	struct fault_mapping to = {.start = from->start, .end = from->end, .offset = from->offset};

	to.prot[0] = from->prot & QUIRE_PROT_READ ? 'r' : '-';
	to.prot[1] = from->prot & QUIRE_PROT_WRITE ? 'w' : '-';
	to.prot[2] = from->prot & QUIRE_PROT_EXEC ? 'x' : '-';
	to.prot[3] = from->flags & QUIRE_REGION_SHARED ? 's' : 'p';
	if (from->file)
		to.name = file_name(report, from->file);
	else if (from->flags & QUIRE_REGION_HEAP)
		to.name = "[heap]";
	else if (from->flags & QUIRE_REGION_STACK)
		to.name = "[stack]";
	return to;
}

static void take_numbers(const struct trace_fault *f, struct fault_record *r)
{
	fault_know(&r->address, f->address);
	fault_know(&r->pc, f->pc);
	fault_know(&r->syndrome, f->syndrome);
	fault_know(&r->before, f->before);
	fault_know(&r->after, f->after);
	fault_know(&r->time_ns, f->head.ns);
	if (f->frame)
		fault_know(&r->frame, f->frame);
}

static void write_fault(struct run_report *report, const struct run_options *options,
			const struct trace_fault *f)
{
	const struct run_symbol *symbol = NULL;
	struct fault_record r;

	fault_record_init(&r);
	r.pid = f->head.pid;
	r.tid = f->tid;
	r.process = name_of(report, r.pid, NULL);
	r.mode = quire_mode_name((enum quire_mode)f->mode);
	r.access = quire_access_name((enum quire_access)f->access);
	r.cause = quire_cause_name((enum quire_cause)f->cause);
	r.outcome = quire_outcome_name((enum quire_outcome_kind)f->outcome);
	r.major = f->major != 0;
	r.signal = f->signal;
	r.code = f->code;
	take_numbers(f, &r);
	for (unsigned i = 0; i < f->head.steps && i < TRACE_STEPS; i++)
		r.way[r.way_count++] = quire_step_name((enum quire_step)f->steps[i]);
	r.in = mapping_of(report, &f->of_pc);
	r.on = mapping_of(report, &f->of_address);
	r.rule = fault_rule(&r, quire_step_name((enum quire_step)f->rule));
	if (r.in.end && r.in.name)
		symbol = symbol_of(&report->symbols, options, r.in.name, f->pc - r.in.start + r.in.offset);
	if (symbol) {
		r.symbol = symbol->name;
		r.source = symbol->source[0] ? symbol->source : NULL;
	}
	if (report->drawn)
		fault_print(report->shown, &r);
	write_line(report, fault_json(&r));
}

/* --- tasks, memory ----------------------------------------------------------------------------------- */

static void write_task(struct run_report *report, struct trace_task *task)
{
	static const char *const whats[] = {
	    [TRACE_FORK] = "fork", [TRACE_EXEC] = "exec", [TRACE_EXIT] = "exit"};
	char inherited[sizeof(report->names->name)];
	const char *name = NULL;
	json_t *object;

	if (task->what >= sizeof(whats) / sizeof(whats[0])) {
		report->failed = true;
		return;
	}
	task->name[sizeof(task->name) - 1] = '\0';
	object = json_pack("{s:i,s:s,s:I,s:I}", "version", FAULT_SCHEMA_VERSION, "task", whats[task->what],
			   "pid", (json_int_t)task->head.pid, "time_ns", (json_int_t)task->head.ns);
	if (task->what == TRACE_EXEC)
		name = task->name;
	if (task->what == TRACE_FORK) {
		json_object_set_new(object, "parent", json_integer(task->parent));
		name = name_of(report, task->parent, NULL);
		if (name) { /* a copy: the next new name may move all */
			snprintf(inherited, sizeof(inherited), "%s", name);
			name = inherited;
		}
	}
	if (name)
		json_object_set_new(object, "process", json_string(name_of(report, task->head.pid, name)));
	if (report->drawn)
		fprintf(report->shown, "%s: %s (pid %d)\n", whats[task->what],
			name ? name : name_of(report, task->head.pid, NULL), task->head.pid);
	write_line(report, object);
}

static void write_memory(struct run_report *report, const struct trace_memory *from)
{
	struct fault_memory memory = {.time_ns = from->head.ns,
				      .zeroed = from->zeroed,
				      .read = from->read,
				      .copied = from->copied,
				      .forked = from->forked,
				      .swapped_in = from->swapped_in,
				      .swapped_out = from->swapped_out};

	memcpy(memory.frames, from->frames, sizeof(memory.frames));
	write_line(report, fault_memory_json(&memory));
}

void trace_write(struct run_report *report, const struct run_options *options)
{
	union run_record record;

	while (ring_next(&report->ring, &record)) {
		if (record.head.kind == TRACE_FAULT && record.head.bytes >= sizeof(record.fault))
			write_fault(report, options, &record.fault);
		else if (record.head.kind == TRACE_TASK && record.head.bytes >= sizeof(record.task))
			write_task(report, &record.task);
		else if (record.head.kind == TRACE_MEMORY && record.head.bytes >= sizeof(record.memory))
			write_memory(report, &record.memory);
		else if (record.head.kind == TRACE_NAME && record.head.bytes >= sizeof(record.name))
			take_name(report, &record.name);
		else
			report->failed = true;
	}
	if (report->shown)
		fflush(report->shown);
}

void trace_begin(struct run_report *report, const struct run_options *options)
{
	const char *profile = options->profile ? options->profile : "linux-6";

	if (!run_is_traced(options))
		return;
	if (report->drawn)
		fprintf(report->shown, "trace of %s on %s under %s\n",
			options->argv[0] ? options->argv[0] : "the self-test", options->arch, profile);
	write_line(report, json_pack("{s:i,s:{s:s*,s:s*,s:s,s:i}}", "version", FAULT_SCHEMA_VERSION, "begin",
				     "program", options->argv ? options->argv[0] : NULL, "arch",
				     options->arch, "profile", profile, "page_size", 4096));
}

void trace_end(struct run_report *report)
{
	if (references_began(&report->references))
		write_line(report, references_json(&report->references));
	if ((report->trace || report->shown) && report->ended)
		write_line(report,
			   json_pack("{s:i,s:{s:I,s:I}}", "version", FAULT_SCHEMA_VERSION, "end", "minor",
				     (json_int_t)report->minor, "major", (json_int_t)report->major));
}
