/* SPDX-License-Identifier: MIT */
/* A finding as one element of the JSON array. docs/explain.md documents every key. */
#include "explain.h"
#include "words.h"

#include <jansson.h>

#include <inttypes.h>
#include <string.h>

static json_t *hex(bool have, uint64_t value)
{
	char text[24];

	if (!have)
		return json_null();
	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_string(text);
}

static json_t *text_or_null(const char *text)
{
	return text && *text && *text != '?' ? json_string(text) : json_null();
}

static json_t *level(const struct ex_finding *finding)
{
	int number = finding->row ? finding->row->level : finding->fault.level;

	/* Level -1 exists on ARM64, and is this library's word for none; its rows say it by name. */
	if (number == QUIRE_LEVEL_NONE)
		return finding->row && strncmp(finding->row->name, "level -1", 8) == 0 ? json_integer(-1)
										       : json_null();
	if (finding->id == EX_ARM)
		return json_string(number == QUIRE_LEVEL_SECTION ? "section" : "page");
	return json_integer(number);
}

static json_t *bits(const struct ex_finding *finding)
{
	struct ex_bit list[EX_BITS];
	unsigned count = finding->decoded ? ex_bits(finding, list) : 0;
	json_t *array = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(array, json_pack("{s:s, s:i, s:i, s:i, s:s}", "field", list[i].field,
						       "high", list[i].high, "low", list[i].low, "value",
						       (int)list[i].value, "meaning", list[i].meaning));
	return array;
}

static json_t *way(const struct ex_finding *finding)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < finding->way.count; i++)
		json_array_append_new(array,
				      json_string(quire_step_name((enum quire_step)finding->way.steps[i])));
	return array;
}

static json_t *hints(const struct ex_finding *finding)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < finding->hints_count; i++)
		json_array_append_new(array, json_string(finding->hints[i].text));
	return array;
}

/* The row's own words where the code has one; x86 has no rows but ours, and finer bits beside them. */
static void add_row(json_t *object, const struct ex_finding *finding)
{
	const struct quire_fault *fault = &finding->fault;
	const struct quire_fault_row *row = finding->row;
	bool own = row && finding->id != EX_X86_64 && finding->id != EX_I386;
	unsigned signal = own ? row->signal : fault->signal;
	unsigned code = own ? row->code : fault->code;

	json_object_set_new_nocheck(object, "name", text_or_null(own ? row->name : fault->name));
	if (row)
		json_object_set_new_nocheck(object, "handler", json_string(quire_step_name(row->handler)));
	else
		json_object_set_new_nocheck(
		    object, "handler",
		    fault->steps_count ? json_string(quire_step_name((enum quire_step)fault->steps[0]))
				       : json_null());
	json_object_set_new_nocheck(object, "signal",
				    text_or_null(signal ? quire_signal_name(signal) : NULL));
	json_object_set_new_nocheck(object, "si_code",
				    text_or_null(signal && code ? quire_code_name(signal, code) : NULL));
}

static void add_source(json_t *object, const struct ex_finding *finding)
{
	const struct ex_source *source = &finding->source;

	if (!source->found)
		return;
	json_object_set_new_nocheck(object, "function", json_string(source->function));
	json_object_set_new_nocheck(object, "function_offset", json_integer((json_int_t)source->offset));
	if (!source->file[0])
		return;
	json_object_set_new_nocheck(object, "file", json_string(source->file));
	json_object_set_new_nocheck(object, "file_line", json_integer(source->line));
}

static json_t *object_of(const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	const struct quire_fault *fault = &finding->fault;
	json_t *object = json_object();
	char end[128];

#define SET(key, value) json_object_set_new_nocheck(object, key, value)
	SET("arch", json_string(ex_arch_name(finding->id)));
	SET("address", hex(report->has_address, report->address));
	SET("code", hex(report->has_code, report->code));
	SET("register", json_string(finding->reg));
	SET("access", json_string(quire_access_name(fault->access)));
	SET("mode", json_string(quire_mode_name(fault->mode)));
	SET("cause", json_string(quire_cause_name(fault->cause)));
	SET("level", level(finding));
	add_row(object, finding);
	SET("hints", hints(finding));
	SET("profile", json_string(finding->profile->name));
	SET("line", report->line ? json_integer(report->line) : json_null());
	SET("wording", text_or_null(report->wording));
	SET("task", text_or_null(report->task));
	SET("pid", report->has_pid ? json_integer(report->pid) : json_null());
	SET("pc", hex(report->has_pc, report->pc));
	SET("place", text_or_null(report->place));
	SET("object", text_or_null(report->object));
	SET("object_offset", hex(report->has_pc && report->object[0], report->pc - report->object_base));
	add_source(object, finding);
	SET("bits", bits(finding));
	SET("way", way(finding));
	if (finding->decoded) {
		ex_end_words(finding, end, sizeof(end));
		SET("rule", json_string(quire_step_name(finding->way.reason)));
		SET("outcome", json_string(quire_outcome_name(finding->way.outcome)));
		SET("end", json_string(end));
	} else {
		SET("rule", json_null());
		SET("outcome", json_null());
		SET("end", json_null());
	}
	SET("assumed", json_boolean(finding->way.assumed));
	SET("instruction", text_or_null(finding->listing.count ? finding->listing.line[0].text : NULL));
#undef SET
	return object;
}

/* jansson writes a few bytes at a time; a FILE would take its lock for each. */
struct sink {
	FILE *out;
	size_t used;
	char bytes[8192];
};

static int flush_sink(struct sink *sink)
{
	size_t used = sink->used;

	sink->used = 0;
	return fwrite(sink->bytes, 1, used, sink->out) == used ? 0 : -1;
}

static int write_sink(const char *bytes, size_t count, void *context)
{
	struct sink *sink = context;

	if (count > sizeof(sink->bytes) - sink->used && flush_sink(sink) != 0)
		return -1;
	if (count > sizeof(sink->bytes))
		return fwrite(bytes, 1, count, sink->out) == count ? 0 : -1;
	memcpy(sink->bytes + sink->used, bytes, count);
	sink->used += count;
	return 0;
}

bool ex_render_json(FILE *out, const struct ex_finding *finding, bool first)
{
	json_t *object = object_of(finding);
	struct sink sink;
	int status;

	if (!object)
		return false;
	sink.out = out;
	sink.used = 0;
	write_sink(first ? "\n" : ",\n", first ? 1 : 2, &sink);
	status = json_dump_callback(object, write_sink, &sink, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	if (status == 0)
		status = flush_sink(&sink);
	json_decref(object);
	return status == 0;
}
