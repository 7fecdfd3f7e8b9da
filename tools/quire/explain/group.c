/* SPDX-License-Identifier: MIT */
/* Reports that say the same are one: they are held until the log ends, or until there are too many. */
#include "group.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS 128

struct ex_groups {
	ex_group_sink *sink;
	void *context;
	unsigned count;
	struct {
		uint64_t key;
		unsigned times;
		struct ex_report report; /* the first */
	} group[GROUPS];
};

/* FNV-1a, over the words that make two reports the same. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* The place and the code; the address where it is a small one, or where no place is told. A program that is
 * started again lies elsewhere, so its file and offset count. */
static uint64_t key_of(const struct ex_report *report)
{
	bool placed = report->place[0] || report->object[0];
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	uint64_t offset =
	    report->has_object_offset ? report->object_offset : report->pc - report->object_base;

	hash = mix(hash, &report->kind, sizeof(report->kind));
	hash = mix(hash, &report->code, sizeof(report->code));
	hash = mix(hash, &report->signal, sizeof(report->signal));
	hash = mix(hash, report->place, strlen(report->place));
	hash = mix(hash, report->task, strlen(report->task));
	hash = mix(hash, &report->foreign, sizeof(report->foreign));
	if (report->object[0]) {
		hash = mix(hash, report->object, strlen(report->object));
		hash = mix(hash, &offset, sizeof(offset));
	}
	if (!placed || report->address < 0x10000)
		hash = mix(hash, &report->address, sizeof(report->address));
	if (!placed)
		hash = mix(hash, &report->pc, sizeof(report->pc));
	return hash;
}

struct ex_groups *ex_groups_open(ex_group_sink *sink, void *context)
{
	struct ex_groups *groups = malloc(sizeof(*groups));

	if (groups) {
		groups->sink = sink;
		groups->context = context;
		groups->count = 0;
	}
	return groups;
}

void ex_groups_add(struct ex_groups *groups, const struct ex_report *report)
{
	uint64_t key = key_of(report);

	for (unsigned i = 0; i < groups->count; i++) {
		if (groups->group[i].key == key) {
			groups->group[i].times++;
			return;
		}
	}
	if (groups->count == GROUPS)
		ex_groups_flush(groups);
	groups->group[groups->count].key = key;
	groups->group[groups->count].times = 1;
	groups->group[groups->count].report = *report;
	groups->count++;
}

void ex_groups_flush(struct ex_groups *groups)
{
	for (unsigned i = 0; i < groups->count; i++)
		groups->sink(groups->context, &groups->group[i].report, groups->group[i].times);
	groups->count = 0;
}

void ex_groups_close(struct ex_groups *groups)
{
	free(groups);
}
