/* SPDX-License-Identifier: MIT */
/* A scenario as a trace (docs/report.md), of which quire try --report makes a page. A step of its clock is a
 * fault, a fork or an exit. */
#include "try.h"

#include "../report/fault.h"

static void write_line(struct try_report *report, json_t *object)
{
	if (object && json_dumpf(object, report->record, JSON_ENSURE_ASCII) == 0)
		fputc('\n', report->record);
	json_decref(object);
}

void try_record_begin(struct try_report *report)
{
	const struct try_options *o = report->options;

	report->record = o->record;
	if (!report->record)
		return;
	write_line(report, json_pack("{s:i,s:{s:s,s:s,s:s,s:s}}", "version", 1, "begin", "program",
				     report->path, "arch", o->sim.arch ? o->sim.arch : "x86_64", "profile",
				     o->sim.profile ? o->sim.profile : "linux-6", "clock", "step"));
	write_line(report, json_pack("{s:i,s:s,s:i,s:s,s:i}", "version", 1, "task", "exec", "pid", 0,
				     "process", report->program->proc_name[0], "time_ns", 0));
}

void try_record_fault(struct try_report *report, json_t *fault)
{
	json_object_set_new(fault, "time_ns", json_integer((json_int_t)++report->steps));
	if (report->record)
		write_line(report, fault);
	else
		json_decref(fault);
}

static void record_memory(struct try_report *report, const struct scn_run *run)
{
	const struct quire_system *system = sim_system(scn_sim_machine(run->context));
	struct fault_memory memory = {.time_ns = report->steps,
				      .zeroed = quire_event_count(system, QUIRE_EVENT_PAGE_CLEARED),
				      .read = quire_event_count(system, QUIRE_EVENT_PAGE_READ),
				      .copied = quire_event_count(system, QUIRE_EVENT_PAGE_COPIED),
				      .forked = quire_event_count(system, QUIRE_EVENT_FORK_PTE),
				      .swapped_in = quire_event_count(system, QUIRE_EVENT_PSWPIN),
				      .swapped_out = quire_event_count(system, QUIRE_EVENT_PSWPOUT)};

	for (unsigned state = 0; state < QUIRE_PAGE_STATES; state++)
		memory.frames[state] = quire_frames_in(system, (enum quire_page_state)state);
	write_line(report, fault_memory_json(&memory));
}

void try_record_op(struct try_report *report, const struct scn_run *run, unsigned index)
{
	const struct scn_op *op = &run->program->op[index];

	if (!report->record || run->result[index].state != SCN_RAN || run->result[index].error)
		return;
	if (op->verb == SCN_FORK)
		write_line(report, json_pack("{s:i,s:s,s:i,s:i,s:s,s:I}", "version", 1, "task", "fork", "pid",
					     op->other, "parent", op->proc, "process",
					     run->program->proc_name[op->other], "time_ns",
					     (json_int_t)++report->steps));
	else if (op->verb == SCN_EXIT)
		write_line(report, json_pack("{s:i,s:s,s:i,s:I}", "version", 1, "task", "exit", "pid",
					     op->proc, "time_ns", (json_int_t)++report->steps));
	record_memory(report, run);
}
