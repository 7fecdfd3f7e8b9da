/* SPDX-License-Identifier: MIT */
/* The page-table walk of a report, entry by entry, to the level that stopped it. */
#include "explain.h"

#include <inttypes.h>
#include <string.h>

struct flag {
	uint8_t bit;
	const char *set, *clear; /* NULL: not worth a word */
};

/* SDM 3A, 4.5; bit 63 is XD. */
static const struct flag x86_flags[] = {{1, "writable", "read-only"},
					{2, "user", "supervisor"},
					{5, "accessed", NULL},
					{6, "dirty", NULL},
					{63, "no-execute", NULL}};
/* DDI 0487, D8.3: descriptors of stage 1. Bit 10 is AF, AP[2:1] bits 7:6, PXN 53, UXN 54. */
static const struct flag arm64_flags[] = {{7, "read-only", "writable"},
					  {6, "user", "kernel"},
					  {10, "accessed", "not accessed"},
					  {53, "PXN", NULL},
					  {54, "UXN", NULL}};
/* DDI 0406C, B3.6: the same fields in long descriptors. */
static const struct flag lpae_flags[] = {
    {7, "read-only", "writable"}, {6, "user", "kernel"}, {10, "accessed", "not accessed"}, {54, "XN", NULL}};

static void append(char *out, size_t size, const char *word)
{
	size_t length = strlen(out);

	snprintf(out + length, size - length, ", %s", word);
}

static void append_flags(char *out, size_t size, const struct flag *flags, size_t count, uint64_t value)
{
	for (size_t i = 0; i < count; i++) {
		const char *word = value >> flags[i].bit & 1 ? flags[i].set : flags[i].clear;

		if (word)
			append(out, size, word);
	}
}

static bool is_last(const char *name)
{
	return strcmp(name, "pte") == 0;
}

/* Returns false when the entry stops the walk. The text begins with what it is. */
static bool x86_entry(const struct ex_finding *finding, const struct ex_entry *entry, char *out, size_t size)
{
	bool pte = is_last(entry->name);
	bool huge = (entry->value >> 7 & 1) && !pte && strcmp(entry->name, "pgd") != 0;
	bool pae_root = strcmp(entry->name, "pdpt") == 0; /* has neither R/W nor U/S */
	size_t count = sizeof(x86_flags) / sizeof(x86_flags[0]);

	if (!(entry->value & 1)) {
		snprintf(out, size, "not present%s", entry->value ? ", though not empty" : "");
		return false;
	}
	snprintf(out, size, "%s", pte ? "a page" : huge ? "a huge page" : "a table");
	if (pae_root)
		return true;
	append_flags(out, size, x86_flags, finding->id == EX_I386 ? count - 1 : count, entry->value);
	return true;
}

/* Descriptor types: bits 1:0 are 3 for a table or a page, 1 for a block. */
static bool long_entry(const struct ex_entry *entry, const struct flag *flags, size_t count, char *out,
		       size_t size)
{
	unsigned type = entry->value & 3;
	bool pte = is_last(entry->name);

	if (!(type & 1)) {
		snprintf(out, size, "not present%s", entry->value ? ", though not empty" : "");
		return false;
	}
	if (type == 1 && pte) {
		snprintf(out, size, "reserved");
		return false;
	}
	snprintf(out, size, "%s", pte ? "a page" : type == 1 ? "a block" : "a table");
	if (pte || type == 1)
		append_flags(out, size, flags, count, entry->value);
	return true;
}

/* Short descriptors (DDI 0406C, B3.5.1). Linux prints its own software entry as *pte and the hardware's as
 * *ppte. */
static bool short_entry(const struct ex_entry *entry, char *out, size_t size)
{
	unsigned type = entry->value & 3;

	if (strcmp(entry->name, "pte") == 0) {
		snprintf(out, size, "Linux's own entry%s", entry->value ? "" : ": empty");
		return entry->value != 0;
	}
	if (type == 0) {
		snprintf(out, size, "not present%s", entry->value ? ", though not empty" : "");
		return false;
	}
	if (strcmp(entry->name, "ppte") == 0)
		snprintf(out, size, "%s", type == 1 ? "a large page" : "a small page");
	else
		snprintf(out, size, "%s", type == 1 ? "a table" : "a section");
	return true;
}

static bool entry_words(const struct ex_finding *finding, const struct ex_entry *entry, char *out,
			size_t size)
{
	if (entry->unread) {
		snprintf(out, size, "the table could not be read");
		return false;
	}
	switch (finding->id) {
	case EX_X86_64:
	case EX_I386:
		return x86_entry(finding, entry, out, size);
	case EX_ARM64:
		return long_entry(entry, arm64_flags, sizeof(arm64_flags) / sizeof(arm64_flags[0]), out,
				  size);
	case EX_ARM_LPAE:
		return long_entry(entry, lpae_flags, sizeof(lpae_flags) / sizeof(lpae_flags[0]), out, size);
	default:
		return short_entry(entry, out, size);
	}
}

/* Where a level is folded, the kernel prints the entry above it once more. */
static bool is_folded(const struct ex_report *report, unsigned i)
{
	return i && report->walk[i].value == report->walk[i - 1].value && !report->walk[i].unread &&
	       strcmp(report->walk[i].name, "pte") != 0 && strcmp(report->walk[i].name, "ppte") != 0;
}

void ex_find_walk(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;

	for (unsigned i = 0; i < report->walk_count; i++) {
		const struct ex_entry *entry = &report->walk[i];
		char words[160];
		bool goes_on;

		if (is_folded(report, i) && (ex_is_arm(finding) || finding->id == EX_ARM64)) {
			ex_say(finding, EX_PART_WALK, EX_READ, NULL,
			       "%-4s %#" PRIx64 ": the entry above, again", entry->name, entry->value);
			continue;
		}
		goes_on = entry_words(finding, entry, words, sizeof(words));
		ex_say(finding, EX_PART_WALK, EX_DECODED, NULL, "%-4s %#" PRIx64 ": %s%s", entry->name,
		       entry->value, words, goes_on || entry->unread ? "" : " <- the walk stops here");
		if (!goes_on && finding->id != EX_ARM)
			return;
	}
}
