/* SPDX-License-Identifier: MIT */
/* The hooks of the simulated machine: prints each operation with its faults, or keeps them as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../report/fault.h"
#include "try.h"

static unsigned kept_steps(const struct quire_trace *trace)
{
	return trace->steps_total < QUIRE_CONFIG_TRACE_STEPS ? trace->steps_total : QUIRE_CONFIG_TRACE_STEPS;
}

static void fill_record(const struct try_report *report, const struct quire_trace *trace,
			struct fault_record *r)
{
	const struct quire_fault *f = &trace->fault;

	fault_record_init(r);
	r->pid = (int)report->proc;
	r->process = report->program->proc_name[report->proc];
	r->mode = quire_mode_name(f->mode);
	r->access = quire_access_name(f->access);
	r->cause = quire_cause_name(f->cause);
	r->outcome = quire_outcome_name(trace->outcome.kind);
	r->major = trace->outcome.major;
	fault_know(&r->address, (uint64_t)f->va);
	fault_know(&r->syndrome, f->raw);
	fault_know(&r->before, trace->pte_before);
	fault_know(&r->after, trace->pte_after);
	if (trace->pfn.n)
		fault_know(&r->frame, trace->pfn.n);
	if (trace->outcome.kind == QUIRE_SIGNAL) {
		r->signal = trace->outcome.signal;
		r->code = trace->outcome.code;
	}
	for (unsigned i = 0; i < kept_steps(trace) && i < FAULT_WAY_STEPS; i++)
		r->way[r->way_count++] = quire_step_name((enum quire_step)trace->steps[i]);
	r->rule = fault_rule(r, quire_step_name(trace->outcome.rule));
}

static json_t *record_json(const struct try_report *report, const struct quire_trace *trace)
{
	struct fault_record record;

	fill_record(report, trace, &record);
	return fault_json(&record);
}

static void print_fault(const struct try_report *report, const struct quire_trace *trace)
{
	struct fault_record record;

	fill_record(report, trace, &record);
	record.uncounted = trace->outcome.kind == QUIRE_RESUME && !trace->outcome.counted;
	fault_print(stdout, &record);
}

void try_trace(void *context, const struct sim_result *result)
{
	struct try_report *report = context;

	for (unsigned i = 0; i < result->traces && i < SIM_TRACES; i++) {
		if (report->record)
			try_record_fault(report, record_json(report, &result->trace[i]));
		if (report->faults)
			json_array_append_new(report->faults, record_json(report, &result->trace[i]));
		else if (report->options->trace)
			print_fault(report, &result->trace[i]);
	}
}

/* Returns the text of an operation or of its result. */
static char *op_text(const struct scn_run *run, unsigned index, bool result)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		return NULL;
	if (result)
		scn_print_result(to, run, index);
	else
		scn_print_op(to, run->program, index);
	fclose(to);
	return text;
}

static void report_result(struct try_report *report, const struct scn_run *run, unsigned index)
{
	char *op = op_text(run, index, false), *result = op_text(run, index, true);

	if (report->json && op && result) {
		json_array_append_new(report->ops, json_pack("{s:s,s:i,s:s,s:o}", "operation", op, "line",
							     (int)run->program->op[index].line, "result",
							     result, "faults", report->faults));
		report->faults = json_array();
	} else if ((report->options->trace || report->options->draw) && result) {
		printf("  = %s\n", result);
	}
	if (report->options->draw && !report->json)
		try_draw(run);
	free(op);
	free(result);
}

void try_before(void *context, const struct scn_run *run, unsigned index)
{
	struct try_report *report = context;

	if (index) {
		report_result(report, run, index - 1);
		try_record_op(report, run, index - 1);
	}
	if (index < run->program->op_count)
		report->proc = run->program->op[index].proc;
	if (!(report->options->trace || report->options->draw) || report->json ||
	    index == run->program->op_count)
		return;
	scn_print_op(stdout, run->program, index);
	putchar('\n');
}

void try_results(struct try_report *report, const struct scn_run *run)
{
	for (unsigned i = 0; i <= run->program->op_count; i++)
		try_before(report, run, i);
}
