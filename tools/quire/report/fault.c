/* SPDX-License-Identifier: MIT */
/* One fault in JSON. */
#include "fault.h"

#include <inttypes.h>
#include <string.h>

#include <quire/quire.h>

void fault_record_init(struct fault_record *record)
{
	memset(record, 0, sizeof(*record));
	record->pid = record->tid = record->major = -1;
}

void fault_know(struct fault_number *number, uint64_t value)
{
	number->known = true;
	number->value = value;
}

json_t *fault_hex(struct fault_number number)
{
	char text[24];

	if (!number.known)
		return json_null();
	snprintf(text, sizeof(text), "0x%" PRIx64, number.value);
	return json_string(text);
}

static json_t *text(const char *value)
{
	return value && *value ? json_string(value) : json_null();
}

static json_t *signal_json(const struct fault_record *r)
{
	const char *name = quire_signal_name(r->signal);

	if (!r->signal)
		return json_null();
	return json_pack("{s:i,s:o,s:i,s:o}", "number", (int)r->signal, "name", text(name), "code",
			 (int)r->code, "code_name",
			 text(r->code ? quire_code_name(r->signal, r->code) : NULL));
}

static json_t *way_json(const struct fault_record *r)
{
	json_t *way = json_array();

	for (unsigned i = 0; i < r->way_count; i++)
		json_array_append_new(way, json_string(r->way[i]));
	return way;
}

static json_t *mapping_json(const struct fault_mapping *mapping)
{
	return json_pack("{s:o,s:o,s:s,s:o}", "start", fault_hex((struct fault_number){true, mapping->start}),
			 "end", fault_hex((struct fault_number){true, mapping->end}), "prot", mapping->prot,
			 "name", text(mapping->name));
}

/* Members that not every source has are left out where they are unknown. */
static void add_optional(json_t *object, const struct fault_record *r)
{
	if (r->tid >= 0 && r->tid != r->pid)
		json_object_set_new_nocheck(object, "tid", json_integer(r->tid));
	if (r->in.end && r->in.name) {
		json_object_set_new(object, "file", json_string(r->in.name));
		json_object_set_new_nocheck(
		    object, "file_offset",
		    fault_hex((struct fault_number){true, r->pc.value - r->in.start + r->in.offset}));
	}
	if (r->on.end)
		json_object_set_new_nocheck(object, "mapping", mapping_json(&r->on));
	if (r->source && *r->source)
		json_object_set_new(object, "source", json_string(r->source));
	if (r->symbol && *r->symbol)
		json_object_set_new(object, "symbol", json_string(r->symbol));
	if (r->before.known)
		json_object_set_new_nocheck(object, "entry_before", fault_hex(r->before));
	if (r->after.known)
		json_object_set_new_nocheck(object, "entry_after", fault_hex(r->after));
	if (r->frame.known)
		json_object_set_new_nocheck(object, "frame", fault_hex(r->frame));
	if (r->time_ns.known)
		json_object_set_new_nocheck(object, "time_ns", json_integer((json_int_t)r->time_ns.value));
}

json_t *fault_json(const struct fault_record *r)
{
	json_t *object = json_object();

#define SET(key, value) json_object_set_new_nocheck(object, key, value)
	SET("version", json_integer(FAULT_SCHEMA_VERSION));
	SET("pid", r->pid >= 0 ? json_integer(r->pid) : json_null());
	SET("process", text(r->process));
	SET("mode", text(r->mode));
	SET("access", text(r->access));
	SET("cause", text(r->cause));
	SET("address", fault_hex(r->address));
	SET("pc", fault_hex(r->pc));
	SET("syndrome", fault_hex(r->syndrome));
	SET("outcome", text(r->outcome));
	SET("major", r->major < 0 ? json_null() : json_boolean(r->major));
	SET("rule", text(r->rule));
	SET("signal", signal_json(r));
	SET("way", way_json(r));
#undef SET
	add_optional(object, r);
	return object;
}

static bool is_end(const char *step)
{
	for (unsigned i = QUIRE_STEP_MINOR; i < QUIRE_STEP_COUNT; i++)
		if (strcmp(quire_step_name((enum quire_step)i), step) == 0)
			return true;
	return false;
}

const char *fault_rule(const struct fault_record *r, const char *rule)
{
	if (!rule || !is_end(rule))
		return rule;
	for (unsigned i = r->way_count; i-- > 1;)
		if (strcmp(r->way[i], rule) == 0)
			return r->way[i - 1];
	return rule;
}

json_t *fault_memory_json(const struct fault_memory *memory)
{
	json_t *frames = json_object();

	for (unsigned state = 0; state < QUIRE_PAGE_STATES; state++)
		json_object_set_new(frames, quire_page_state_name((enum quire_page_state)state),
				    json_integer((json_int_t)memory->frames[state]));
	return json_pack("{s:i,s:I,s:{s:o,s:I,s:I,s:I,s:I,s:I,s:I}}", "version", FAULT_SCHEMA_VERSION,
			 "time_ns", (json_int_t)memory->time_ns, "memory", "frames", frames, "zeroed",
			 (json_int_t)memory->zeroed, "read", (json_int_t)memory->read, "copied",
			 (json_int_t)memory->copied, "forked", (json_int_t)memory->forked, "swapped_in",
			 (json_int_t)memory->swapped_in, "swapped_out", (json_int_t)memory->swapped_out);
}
