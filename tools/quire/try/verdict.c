/* SPDX-License-Identifier: MIT */
/* What quire try says about one file: errors of its text, what was skipped, what was not met, the verdict. */
#include "try.h"

#include <stdlib.h>
#include <string.h>

static char *operation_text(const struct scn_program *program, unsigned index)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		return NULL;
	scn_print_op(to, program, index);
	fclose(to);
	return text;
}

void try_begin(struct try_report *r, const struct try_options *options, const char *path,
	       const struct scn_program *program)
{
	memset(r, 0, sizeof(*r));
	r->options = options;
	r->path = path;
	r->program = program;
	if (options->json) {
		r->json = json_object();
		r->failures = json_array();
		r->skips = json_array();
		r->faults = json_array();
		r->ops = json_array();
	} else if (options->trace || options->draw) {
		printf("%s\n", path);
		if (options->draw)
			try_draw_legend();
	}
	try_record_begin(r);
}

void try_error(const char *path, const struct scn_error *error)
{
	fprintf(stderr, "%s:%u:%u: %s\n", path, error->line, error->column, error->text);
	if (error->hint[0])
		fprintf(stderr, "    %s\n", error->hint);
}

/* One line about an operation: in the text, or in a list of the JSON. */
static void say(struct try_report *r, json_t *list, unsigned index, const char *word, const char *text)
{
	char *operation = operation_text(r->program, index);
	unsigned line = r->program->op[index].line;

	if (!operation)
		return;
	if (r->json)
		json_array_append_new(list, json_pack("{s:i,s:s,s:s}", "line", (int)line, "operation",
						      operation, "text", text));
	else
		printf("%s:%u: %s%s: %s\n", r->path, line, word, operation, text);
	free(operation);
}

static void failed(void *context, unsigned index, const char *text)
{
	struct try_report *r = context;

	r->failed++;
	say(r, r->failures, index, "", text);
}

/* Names each skipped operation; those after a skipped operation on the store are one line. */
static void name_skipped(struct try_report *r, const struct scn_run *run)
{
	unsigned after = 0;

	for (unsigned i = 0; i < r->program->op_count; i++) {
		const struct scn_result *result = &run->result[i];

		if (result->state != SCN_SKIPPED)
			continue;
		r->skipped++;
		if (strcmp(result->why, SCN_CUT) == 0 && !r->json)
			after++;
		else
			say(r, r->skips, i, "skipped: ", result->why);
	}
	if (after)
		printf("%s: skipped: %u more operations: each comes after that one\n", r->path, after);
}

void try_judge(struct try_report *r, const struct scn_run *run)
{
	name_skipped(r, run);
	scn_check(run, failed, r);
}

static const char *verdict(const struct try_report *r, const char *why)
{
	if (why)
		return "broken";
	if (r->failed)
		return "failed";
	return r->skipped ? "skipped" : "passed";
}

static void end_json(struct try_report *r, const char *why, json_t *list)
{
	json_object_set_new(r->json, "file", json_string(r->path));
	json_object_set_new(r->json, "verdict", json_string(verdict(r, why)));
	json_object_set_new(r->json, "passed", json_boolean(!why && !r->failed && !r->skipped));
	if (why)
		json_object_set_new(r->json, "broken", json_string(why));
	json_object_set_new(r->json, "skipped", r->skips);
	json_object_set_new(r->json, "failures", r->failures);
	json_object_set_new(r->json, "operations", r->ops);
	json_decref(r->faults);
	json_array_append_new(list, r->json);
}

void try_end(struct try_report *r, const char *why, json_t *list)
{
	unsigned count = (unsigned)r->program->op_count;

	if (r->json)
		end_json(r, why, list);
	else if (why)
		printf("%s: broken: %s\n", r->path, why);
	else if (r->failed)
		printf("%s: failed: %u expectations not met\n", r->path, r->failed);
	else if (r->skipped)
		printf("%s: skipped: %u of %u operations; the rest passed\n", r->path, r->skipped, count);
	else if (!r->options->quiet)
		printf("%s: passed, %u operations\n", r->path, count);
}
