/* SPDX-License-Identifier: MIT */
/* The dialect of quire's own traces (docs/report.md): the trees that quire run and quire try print, and the JSON of
 * quire run. A fault that was resolved is no subject. */
#include "explain.h"

#include <string.h>

/* "trace of ./prog on x86_64 under linux-6" */
static void read_begin(struct ex_scan *scan, struct ex_cursor *cursor)
{
	char arch[16];

	if (ex_find(cursor, " on ", 300) && ex_name(cursor, "", arch, sizeof(arch)))
		ex_note_traced(scan, ex_arch_find(arch));
}

static enum quire_access access_of(const char *name)
{
	for (unsigned i = 0; i < QUIRE_ACCESS_UNKNOWN; i++)
		if (strcmp(quire_access_name((enum quire_access)i), name) == 0)
			return (enum quire_access)i;
	return QUIRE_ACCESS_UNKNOWN;
}

static enum quire_mode mode_of(const char *name)
{
	for (unsigned i = 0; i < QUIRE_MODE_UNKNOWN; i++)
		if (strcmp(quire_mode_name((enum quire_mode)i), name) == 0)
			return (enum quire_mode)i;
	return QUIRE_MODE_UNKNOWN;
}

static void set_fault(struct ex_scan *scan, struct ex_report *report, const char *access, const char *mode)
{
	report->traced = true;
	report->mode = mode_of(mode);
	report->access = access_of(access);
	report->end = report->mode == QUIRE_MODE_USER ? EX_END_SIGNAL : EX_END_OOPS;
	if (ex_traced(scan) != EX_ARCH_NONE)
		ex_vote(report, ex_traced(scan), 8);
}

/* "fault: write by user at 0x7f00, not-present, syndrome 0x6" */
static void read_fault(struct ex_scan *scan, struct ex_cursor *cursor)
{
	char access[12], mode[12];
	struct ex_report *report;
	uint64_t address, code;
	unsigned digits;

	ex_blank(cursor);
	if (!ex_name(cursor, "", access, sizeof(access)) || !ex_phrase(cursor, " by ") ||
	    !ex_name(cursor, "", mode, sizeof(mode)) || !ex_phrase(cursor, " at ") ||
	    !ex_hex(cursor, &address, &digits) || !ex_find(cursor, ", syndrome ", 40) ||
	    !ex_hex(cursor, &code, NULL))
		return;
	report = ex_open(scan, EX_ARCH_NONE, 0);
	set_fault(scan, report, access, mode);
	ex_set_address(report, address, 16);
	ex_set_code(report, code);
}

/* "by main+0x12 (a.c:3), pc 0x401012 in a[401000+1000], task a (pid 2)" */
static void read_by(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	struct ex_cursor probe = *cursor;
	unsigned pid;

	if (!report || !report->traced || report->has_pc || ex_line_number(scan) == report->line)
		return;
	if (!ex_phrase(&probe, "pc "))
		ex_name(&probe, ",", report->place, sizeof(report->place));
	probe = *cursor;
	if (!ex_find(&probe, "pc ", 400) || !ex_hex(&probe, &report->pc, NULL))
		return;
	report->has_pc = true;
	ex_read_object(report, &probe);
	if (ex_find(&probe, ", task ", 40)) {
		const char *start = probe.at;

		if (ex_find(&probe, " (pid ", 24)) {
			ex_set_task(report, start, probe.at - 6);
			if (ex_decimal(&probe, &pid))
				ex_set_pid(report, pid);
		}
	}
	*cursor = probe;
}

/* "=> resume, minor", "=> signal SIGSEGV SEGV_MAPERR" */
static void read_outcome(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	ex_blank(cursor);
	if (!report || !report->traced)
		return;
	report->resolved = ex_phrase(cursor, "resume");
	report->traced = false; /* all of it was read */
}

/* --- JSON ----------------------------------------------------------------------------------------------- */

static void read_json_begin(struct ex_scan *scan, struct ex_cursor *cursor)
{
	char arch[16];

	if (ex_find(cursor, "\"arch\": \"", 600) && ex_name(cursor, "\"", arch, sizeof(arch)))
		ex_note_traced(scan, ex_arch_find(arch));
}

/* The member's text. The members of a line have the order that the schema gives them. */
static bool member(const struct ex_cursor *line, const char *name, char *out, size_t size)
{
	struct ex_cursor cursor = *line;
	char key[32];

	snprintf(key, sizeof(key), "\"%s\": \"", name);
	return ex_find(&cursor, key, (size_t)(cursor.end - cursor.at)) && ex_name(&cursor, "\"", out, size);
}

static bool number(const struct ex_cursor *line, const char *name, uint64_t *out)
{
	char text[24];

	if (!member(line, name, text, sizeof(text)))
		return false;
	return ex_hex(&(struct ex_cursor){text, text + strlen(text)}, out, NULL);
}

/* The file of the instruction, and where it begins, so that --symbols can say the function. */
static void json_file(struct ex_report *report, const struct ex_cursor *line)
{
	char path[160];
	const char *slash;

	if (!member(line, "file", path, sizeof(path)) || !number(line, "file_offset", &report->object_offset))
		return;
	report->has_object_offset = true;
	slash = strrchr(path, '/');
	snprintf(report->object, sizeof(report->object), "%.60s", slash ? slash + 1 : path);
}

/* {"version": 1, "pid": 2, "process": "sh", "mode": "user", ... */
static void read_json(struct ex_scan *scan, struct ex_cursor *cursor)
{
	const struct ex_cursor line = *cursor;
	char access[12], mode[12], text[64];
	struct ex_report *report;
	uint64_t address, code;
	unsigned pid;

	if (!member(&line, "outcome", text, sizeof(text)) ||
	    !member(&line, "access", access, sizeof(access)) || !member(&line, "mode", mode, sizeof(mode)) ||
	    !number(&line, "address", &address) || !number(&line, "syndrome", &code))
		return;
	report = ex_open(scan, EX_ARCH_NONE, 0);
	set_fault(scan, report, access, mode);
	report->traced = false;
	report->resolved = strcmp(text, quire_outcome_name(QUIRE_RESUME)) == 0;
	report->wording[0] = '\0'; /* it is no line to be shown */
	ex_set_address(report, address, 16);
	ex_set_code(report, code);
	report->has_pc = number(&line, "pc", &report->pc);
	if (ex_decimal(cursor, &pid))
		ex_set_pid(report, pid);
	if (member(&line, "process", text, sizeof(text)))
		ex_set_task(report, text, text + strlen(text));
	if (member(&line, "symbol", text, sizeof(text)))
		snprintf(report->place, sizeof(report->place), "%s", text);
	json_file(report, &line);
}

const struct ex_anchor ex_trace_anchors[] = {
    {"fault:", read_fault, NULL},
    {"by ", read_by, NULL},
    {"=> ", read_outcome, NULL},
    {"trace of ", read_begin, NULL},
    {"{\"version\": 1, \"begin\":", read_json_begin, NULL},
    {"{\"version\": 1, \"pid\": ", read_json, NULL},
    {NULL, NULL, NULL},
};
