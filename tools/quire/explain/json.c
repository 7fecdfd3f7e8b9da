/* SPDX-License-Identifier: MIT */
/* A finding as one element of the JSON array. docs/explain.md documents every key. */
#include "explain.h"

#include "../report/fault.h"

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

	for (unsigned i = 0; i < finding->path.count; i++)
		json_array_append_new(array, json_string(finding->path.names[i]));
	return array;
}

/* The texts of one part. */
static json_t *texts(const struct ex_finding *finding, enum ex_part part)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < finding->said_count; i++) {
		if (finding->said[i].part == part)
			json_array_append_new(array, json_string(finding->said[i].text));
	}
	return array;
}

/* Every statement but the story's sentences, which repeat them. */
static json_t *statements(const struct ex_finding *finding)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < finding->said_count; i++) {
		const struct ex_statement *said = &finding->said[i];
		json_t *object;

		if (said->part == EX_PART_STORY)
			continue;
		object = json_pack("{s:s, s:s, s:s}", "part", ex_part_name((enum ex_part)said->part), "basis",
				   ex_basis_name((enum ex_basis)said->basis), "text", said->text);
		if (said->premise[0])
			json_object_set_new_nocheck(object, "premise", json_string(said->premise));
		json_array_append_new(array, object);
	}
	return array;
}

/* The text of the first statement of a part, or null. */
static json_t *text_of(const struct ex_finding *finding, enum ex_part part)
{
	for (unsigned i = 0; i < finding->said_count; i++) {
		if (finding->said[i].part == part)
			return json_string(finding->said[i].text);
	}
	return json_null();
}

/* What the library's own rule is called: of a bare code, for which nothing else decides. */
static json_t *rule(const struct ex_finding *finding)
{
	if (!finding->decoded || finding->report->line)
		return json_null();
	return json_string(quire_step_name(finding->way.reason));
}

static json_t *outcome(const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;

	if (report->end == EX_END_OOPS)
		return json_string(quire_outcome_name(QUIRE_OOPS));
	if (finding->path.signal && report->line)
		return json_string(quire_outcome_name(QUIRE_SIGNAL));
	if (finding->decoded)
		return json_string(quire_outcome_name(finding->way.outcome));
	return json_null();
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

/* The fault in the words that every command has for one (docs/report.md). */
static json_t *in_common_words(const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	struct fault_record r;
	char symbol[sizeof(finding->source.function) + 24];

	fault_record_init(&r);
	if (report->has_pid)
		r.pid = (int)report->pid;
	r.process = *report->task != '?' ? report->task : NULL;
	r.mode = quire_mode_name(finding->fault.mode);
	r.access = quire_access_name(finding->fault.access);
	r.cause = quire_cause_name(finding->fault.cause);
	r.address = (struct fault_number){report->has_address, report->address};
	r.syndrome = (struct fault_number){report->has_code, report->code};
	r.pc = (struct fault_number){report->has_pc, report->pc};
	if (finding->source.found) {
		snprintf(symbol, sizeof(symbol), "%s+0x%" PRIx64, finding->source.function,
			 (uint64_t)finding->source.offset);
		r.symbol = symbol;
	} else {
		r.symbol = report->place;
	}
	for (unsigned i = 0; i < finding->path.count && i < FAULT_WAY_STEPS; i++)
		r.way[r.way_count++] = finding->path.names[i];
	return fault_json(&r);
}

static json_t *object_of(const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	const struct quire_fault *fault = &finding->fault;
	json_t *object = json_object();

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
	SET("hints", texts(finding, EX_PART_ADDRESS));
	SET("profile", json_string(finding->profile->name));
	SET("version", text_or_null(report->version.text));
	SET("line", report->line ? json_integer(report->line) : json_null());
	SET("wording", text_or_null(report->wording));
	SET("task", text_or_null(report->task));
	SET("pid", report->has_pid ? json_integer(report->pid) : json_null());
	SET("pc", hex(report->has_pc, report->pc));
	SET("place", text_or_null(report->place));
	SET("object", text_or_null(report->object));
	SET("object_offset",
	    hex(report->object[0] && (report->has_object_offset || report->has_pc),
		report->has_object_offset ? report->object_offset : report->pc - report->object_base));
	add_source(object, finding);
	SET("bits", bits(finding));
	SET("way", way(finding));
	SET("rule", rule(finding));
	SET("decided", text_of(finding, EX_PART_RULE));
	SET("outcome", outcome(finding));
	SET("end", text_of(finding, EX_PART_END));
	SET("log", texts(finding, EX_PART_LOG));
	SET("assumed", json_boolean(!report->line));
	SET("walk", texts(finding, EX_PART_WALK));
	SET("operand", text_of(finding, EX_PART_OPERAND));
	SET("instruction", text_or_null(finding->listing.count ? finding->listing.line[0].text : NULL));
	SET("story", texts(finding, EX_PART_STORY));
	SET("statements", statements(finding));
	SET("fault", in_common_words(finding));
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

struct collection {
	const struct ex_options *options;
	json_t *faults;
};

static void collect(void *context, const struct ex_report *report)
{
	struct collection *collection = context;
	struct ex_finding finding;

	if (ex_find_out(collection->options, report, EX_ARCH_NONE, &finding) == EX_EXPLAINED)
		json_array_append_new(collection->faults, in_common_words(&finding));
}

static void ignore(void *context, unsigned line, const char *what)
{
}

json_t *ex_faults_json(const struct ex_options *options, const char *log, size_t size)
{
	struct collection collection = {options, json_array()};
	const struct ex_sink sink = {collect, ignore, &collection};

	if (collection.faults)
		ex_scan_log(log, size, &sink);
	return collection.faults;
}
