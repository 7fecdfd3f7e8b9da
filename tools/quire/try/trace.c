/* SPDX-License-Identifier: MIT */
/* Prints the path of a fault as a tree: each step below its caller, with the deciding rule marked. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../report/fault.h"
#include "try.h"

/* The depth of a step in the tree. Steps of the same depth are siblings. */
static unsigned depth(enum quire_step step)
{
	if (step < QUIRE_STEP_MMAP_LOCK_TAKEN)
		return step == QUIRE_STEP_TRAP ? 0 : 1;
	if (step < QUIRE_STEP_HANDLE_MM_FAULT)
		return 2;
	if (step >= QUIRE_STEP_LOCK_DROPPED)
		return 1;
	switch (step) {
	case QUIRE_STEP_HANDLE_MM_FAULT:
		return 2;
	case QUIRE_STEP_HANDLE_MM_FAULT_LEVELS:
		return 3;
	case QUIRE_STEP_TABLE_ALLOCATED:
	case QUIRE_STEP_HANDLE_PTE_FAULT:
		return 4;
	case QUIRE_STEP_DO_ANONYMOUS_PAGE:
	case QUIRE_STEP_DO_NO_PAGE:
	case QUIRE_STEP_DO_FAULT:
	case QUIRE_STEP_DO_SWAP_PAGE:
	case QUIRE_STEP_DO_WP_PAGE:
	case QUIRE_STEP_ESTABLISH_PTE:
	case QUIRE_STEP_SPURIOUS:
	case QUIRE_STEP_PTE_CHANGED:
	case QUIRE_STEP_PTE_CORRUPT:
		return 5;
	case QUIRE_STEP_DO_READ_FAULT:
	case QUIRE_STEP_DO_COW_FAULT:
	case QUIRE_STEP_DO_SHARED_FAULT:
		return 6;
	default:
		return 7;
	}
}

static unsigned kept_steps(const struct quire_trace *trace)
{
	return trace->steps_total < QUIRE_CONFIG_TRACE_STEPS ? trace->steps_total : QUIRE_CONFIG_TRACE_STEPS;
}

/* The depths of a trace's steps. No step is more than one level deeper than the step before it. */
struct tree {
	unsigned count;
	unsigned depth[QUIRE_CONFIG_TRACE_STEPS];
	unsigned decided; /* index of the step that decided */
};

static bool is_outcome(enum quire_step step)
{
	return step >= QUIRE_STEP_MINOR;
}

static bool passes(const struct quire_trace *trace, enum quire_step step)
{
	for (unsigned i = 0; i < kept_steps(trace); i++)
		if (trace->steps[i] == step)
			return true;
	return false;
}

static void build_tree(const struct quire_trace *trace, struct tree *tree)
{
	/* Kernels before 3.12 have no __handle_mm_fault, so the steps below it move up one level. */
	unsigned raised = passes(trace, QUIRE_STEP_HANDLE_MM_FAULT_LEVELS) ? 0 : 1;
	unsigned above = 0;

	tree->count = kept_steps(trace);
	tree->decided = tree->count;
	for (unsigned i = 0; i < tree->count; i++) {
		unsigned d = depth(trace->steps[i]);

		if (d > 3)
			d -= raised;

		tree->depth[i] = i && d > above + 1 ? above + 1 : i ? d : 0;
		above = tree->depth[i];
		/* outcome.rule is a rule or an outcome step; if it is an outcome step, the step before it
		 * decided. */
		if (trace->steps[i] == trace->outcome.rule)
			tree->decided = i && is_outcome(trace->outcome.rule) ? i - 1 : i;
	}
}

/* Whether a step of depth `level` follows before a shallower one, so that a vertical line continues. */
static bool continues_below(const struct tree *tree, unsigned at, unsigned level)
{
	for (unsigned i = at + 1; i < tree->count; i++) {
		if (tree->depth[i] == level)
			return true;
		if (tree->depth[i] < level)
			return false;
	}
	return false;
}

static void print_step(FILE *to, const struct quire_trace *trace, const struct tree *tree, unsigned i)
{
	enum quire_step step = trace->steps[i];
	int width = 44;

	fputs("      ", to);
	for (unsigned level = 0; level < tree->depth[i]; level++, width -= 3)
		fputs(continues_below(tree, i, level) ? "│  " : "   ", to);
	fputs(continues_below(tree, i, tree->depth[i]) ? "├─ " : "└─ ", to);
	fprintf(to, "%-*s%s%s\n", width, quire_step_name(step), quire_step_text(step),
		i == tree->decided ? "  ◄ decided" : "");
}

static void print_fault(FILE *to, const struct quire_trace *trace)
{
	const struct quire_fault *f = &trace->fault;
	const struct quire_outcome *o = &trace->outcome;
	struct tree tree;

	fprintf(to, "    fault: %s by %s at 0x%" PRIx64 ", %s, syndrome 0x%" PRIx64 "\n",
		quire_access_name(f->access), quire_mode_name(f->mode), (uint64_t)f->va,
		quire_cause_name(f->cause), f->raw);
	build_tree(trace, &tree);
	for (unsigned i = 0; i < tree.count; i++)
		print_step(to, trace, &tree, i);
	fprintf(to, "      => %s", quire_outcome_name(o->kind));
	if (o->kind == QUIRE_SIGNAL)
		fprintf(to, " %s %s", quire_signal_name(o->signal), quire_code_name(o->signal, o->code));
	if (o->kind == QUIRE_RESUME)
		fprintf(to, ", %s", !o->counted ? "not counted" : o->major ? "major" : "minor");
	if (trace->pfn.n)
		fprintf(to, ", frame 0x%" PRIx64, trace->pfn.n);
	fputc('\n', to);
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

void try_trace(void *context, const struct sim_result *result)
{
	struct try_report *report = context;

	for (unsigned i = 0; i < result->traces && i < SIM_TRACES; i++) {
		if (report->record)
			try_record_fault(report, record_json(report, &result->trace[i]));
		if (report->faults)
			json_array_append_new(report->faults, record_json(report, &result->trace[i]));
		else if (report->options->trace)
			print_fault(stdout, &result->trace[i]);
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
