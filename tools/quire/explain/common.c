/* SPDX-License-Identifier: MIT */
/* What the reports of all machines share: the task, the code, the version, places and registers. */
#include "explain.h"

#include <string.h>

/* --- setters: the first word counts ------------------------------------------------------------------ */

void ex_vote(struct ex_report *report, enum ex_arch arch, unsigned votes)
{
	if (report->votes[arch] < 100)
		report->votes[arch] = (uint8_t)(report->votes[arch] + votes);
}

void ex_set_release(struct ex_report *report, enum quire_release release)
{
	if (report->has_release && report->release >= release)
		return;
	report->release = release;
	report->has_release = true;
}

void ex_set_address(struct ex_report *report, uint64_t address, unsigned digits)
{
	if (report->has_address)
		return;
	report->has_address = true;
	report->address = address;
	report->address_digits = digits;
}

void ex_set_code(struct ex_report *report, uint64_t code)
{
	if (report->has_code)
		return;
	report->has_code = true;
	report->code = code;
}

void ex_set_task(struct ex_report *report, const char *at, const char *end)
{
	size_t length = 0;

	if (report->task[0])
		return;
	for (; at < end && length + 1 < sizeof(report->task); at++) {
		if ((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7f)
			report->task[length++] = *at;
	}
	report->task[length] = '\0';
}

void ex_set_pid(struct ex_report *report, unsigned pid)
{
	if (report->has_pid)
		return;
	report->has_pid = true;
	report->pid = pid;
}

static void set_pc(struct ex_report *report, uint64_t pc)
{
	if (report->has_pc)
		return;
	report->has_pc = true;
	report->pc = pc;
}

static bool same_name(const struct ex_register *entry, const char *name, size_t length)
{
	return memcmp(entry->name, name, length) == 0 && entry->name[length] == '\0';
}

void ex_set_register(struct ex_report *report, const char *name, size_t length, uint64_t value)
{
	struct ex_register *entry = &report->registers[report->registers_count];
	char lower[sizeof(entry->name)] = {0};

	if (length >= sizeof(lower) || report->registers_count == EX_REGISTERS)
		return;
	for (size_t i = 0; i < length; i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
	for (unsigned i = 0; i < report->registers_count; i++) {
		if (same_name(&report->registers[i], lower, length))
			return;
	}
	memcpy(entry->name, lower, sizeof(lower));
	entry->value = value;
	report->registers_count++;
}

bool ex_register(const struct ex_report *report, const char *name, uint64_t *out_value)
{
	for (unsigned i = 0; i < report->registers_count; i++) {
		if (strcmp(report->registers[i].name, name) == 0) {
			*out_value = report->registers[i].value;
			return true;
		}
	}
	return false;
}

void ex_add_entry(struct ex_report *report, const char *name, size_t length, uint64_t value, bool unread)
{
	struct ex_entry *entry = &report->walk[report->walk_count];

	if (report->walk_count == EX_ENTRIES || length >= sizeof(entry->name))
		return;
	for (size_t i = 0; i < length; i++)
		entry->name[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
	entry->name[length] = '\0';
	entry->value = value;
	entry->unread = unread;
	report->walk_count++;
}

/* --- places ------------------------------------------------------------------------------------------- */

/* "+0x12/0x40", "+447/768", "+219": what stands behind a function's name. */
static bool is_offset(const char *at, const char *end)
{
	struct ex_cursor cursor = {at + 1, end};
	uint64_t value;
	const char *slash = memchr(at, '/', (size_t)(end - at));

	if (at + 1 == end || *at != '+')
		return false;
	if (slash)
		cursor.end = slash;
	return ex_hex(&cursor, &value, NULL) && cursor.at == cursor.end;
}

/* "(mm/slab.c:12)" behind a name whose offset a script replaced. */
static bool source_follows(struct ex_cursor cursor)
{
	const char *close, *limit;

	ex_blank(&cursor);
	if (cursor.at == cursor.end || *cursor.at != '(')
		return false;
	limit = cursor.end - cursor.at > 160 ? cursor.at + 160 : cursor.end;
	close = memchr(cursor.at, ')', (size_t)(limit - cursor.at));
	return close && memchr(cursor.at, ':', (size_t)(close - cursor.at));
}

bool ex_read_symbol(struct ex_cursor *cursor, char *out, size_t size)
{
	struct ex_cursor probe = *cursor;
	char name[sizeof(((struct ex_report *)NULL)->place)];
	const char *plus;

	if (!ex_name(&probe, ")}>]", name, sizeof(name)) || !(ex_is_word(name[0]) || name[0] == '.'))
		return false;
	plus = strrchr(name, '+');
	if (plus ? !is_offset(plus, name + strlen(name)) : !source_follows(probe))
		return false;
	if (!out[0])
		snprintf(out, size, "%s", name);
	*cursor = probe;
	return true;
}

void ex_read_place(struct ex_report *report, struct ex_cursor *cursor)
{
	uint64_t value;
	unsigned digits;
	struct ex_cursor probe;
	bool prefixed;

	ex_blank(cursor);
	/* the segment selector */
	probe = *cursor;
	if (ex_hex(&probe, &value, &digits) && digits == 4 && probe.at < probe.end && *probe.at == ':') {
		probe.at++;
		*cursor = probe;
		ex_blank(cursor);
	}
	for (int i = 0; i < 2; i++) { /* x86 of 2.6 prints the address twice */
		probe = *cursor;
		if (!ex_phrase(&probe, "[<") || !ex_hex(&probe, &value, &digits) || !ex_phrase(&probe, ">]"))
			break;
		set_pc(report, value);
		*cursor = probe;
		ex_blank(cursor);
	}
	/* "<ffffffff80101234>{f+219}" of x86-64 before 2.6.20 */
	probe = *cursor;
	if (ex_phrase(&probe, "<") && ex_hex(&probe, &value, &digits) && ex_phrase(&probe, ">")) {
		set_pc(report, value);
		*cursor = probe;
	}
	probe = *cursor;
	prefixed = probe.end - probe.at > 2 && probe.at[0] == '0' && probe.at[1] == 'x';
	if (ex_hex(&probe, &value, &digits) && (digits >= 4 || prefixed)) {
		set_pc(report, value);
		*cursor = probe;
		ex_blank(cursor);
	}
	if (cursor->at < cursor->end && strchr("({[", *cursor->at))
		cursor->at++;
	ex_read_symbol(cursor, report->place, sizeof(report->place));
}

void ex_read_sp(struct ex_report *report, struct ex_cursor *cursor)
{
	struct ex_cursor probe = *cursor;
	uint64_t value;
	unsigned digits;

	if (report->has_sp || !ex_hex(&probe, &value, &digits))
		return;
	if (digits == 4 && probe.at < probe.end && *probe.at == ':') {
		probe.at++;
		if (!ex_hex(&probe, &value, &digits))
			return;
	}
	if (digits < 4)
		return;
	report->has_sp = true;
	report->sp = value;
	*cursor = probe;
}

/* "in libc.so.6[7f0123400000+1b2000]", and with the offset in the file before it since 6.8 */
void ex_read_object(struct ex_report *report, struct ex_cursor *cursor)
{
	struct ex_cursor probe;
	uint64_t value;

	ex_blank(cursor);
	if (!ex_phrase(cursor, "in ") || !ex_name(cursor, "[", report->object, sizeof(report->object)))
		return;
	if (!ex_phrase(cursor, "[") || !ex_hex(cursor, &value, NULL))
		return;
	probe = *cursor;
	if (ex_phrase(&probe, ",") && ex_hex(&probe, &report->object_base, NULL)) {
		report->has_object_offset = true;
		report->object_offset = value;
		*cursor = probe;
	} else {
		report->object_base = value;
	}
	if (ex_phrase(cursor, "+"))
		ex_hex(cursor, &report->object_size, NULL);
}

/* --- versions ----------------------------------------------------------------------------------------- */

/* "5.19.0-rc6" at `at`. */
static bool version_at(const char *at, const char *end, struct ex_version *out_version)
{
	struct ex_cursor cursor = {at, end};
	unsigned number[3] = {0};
	size_t length;

	for (int i = 0; i < 3; i++) {
		if (i && (cursor.at == cursor.end || *cursor.at != '.'))
			return i == 2;
		if (i)
			cursor.at++;
		if (cursor.at == cursor.end || *cursor.at < '0' || *cursor.at > '9' ||
		    !ex_decimal(&cursor, &number[i]) || number[i] > 999)
			return false;
		if (i == 0 && (number[0] < 2 || number[0] > 20))
			return false;
		out_version->major = (uint16_t)number[0];
		out_version->minor = (uint16_t)number[1];
		out_version->patch = (uint16_t)number[2];
		if (i == 0)
			continue;
		for (length = 0; at + length < end && length + 1 < sizeof(out_version->text); length++) {
			char c = at[length];

			if (!ex_is_word(c) && !strchr(".-+~", c))
				break;
			out_version->text[length] = c;
		}
		out_version->text[length] = '\0';
	}
	return true;
}

bool ex_read_version(struct ex_cursor *cursor, size_t within, struct ex_version *out_version)
{
	const char *limit = (size_t)(cursor->end - cursor->at) > within ? cursor->at + within : cursor->end;
	char before = ' ';

	for (const char *at = cursor->at; at < limit; before = *at++) {
		struct ex_version version = {0};

		if (before != ' ' && before != '(' && before != '\t')
			continue;
		if (*at >= '2' && *at <= '9' && version_at(at, cursor->end, &version)) {
			*out_version = version;
			return true;
		}
	}
	return false;
}

/* Behind "Not tainted" or "Tainted:". */
static void read_tainted(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	struct ex_version version;

	if (report && ex_read_version(cursor, 72, &version))
		report->version = version;
}

/* "EFLAGS: 00010246   (2.6.9-1.667)" */
static void read_eflags(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	uint64_t flags;

	if (report && ex_hex(cursor, &flags, NULL)) {
		ex_blank(cursor);
		if (ex_phrase(cursor, "("))
			ex_read_version(cursor, 1, &report->version);
	}
}

static void read_linux_version(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_version version;

	if (ex_read_version(cursor, 2, &version))
		ex_note_version(scan, &version);
}

/* --- the task ----------------------------------------------------------------------------------------- */

/* Back over one word and the blanks before it. */
static const char *word_before(const char *start, const char *end)
{
	while (end > start && ex_is_word(end[-1]))
		end--;
	while (end > start && end[-1] == ' ')
		end--;
	return end;
}

static const char *trim(const char *start, const char *end)
{
	while (end > start && end[-1] == ' ')
		end--;
	return end;
}

/* The name before "Tainted: ..." or "Not tainted"; without them, one word. */
static void read_name(struct ex_report *report, struct ex_cursor *cursor)
{
	char name[sizeof(report->task)];
	const char *start;

	ex_blank(cursor);
	start = cursor->at;
	if (ex_find(cursor, "Kdump:", 20)) /* "Comm: name Kdump: loaded Tainted: ..." */
		ex_set_task(report, start, trim(start, cursor->at - 6));
	else if (ex_find(cursor, "Not tainted", 32))
		ex_set_task(report, start, word_before(start, word_before(start, cursor->at)));
	else if (ex_find(cursor, "Tainted", 32))
		ex_set_task(report, start, word_before(start, cursor->at));
	else if (ex_name(cursor, ",", name, sizeof(name)) && name[strlen(name) - 1] != ':')
		ex_set_task(report, name, name + strlen(name));
}

/* "CPU: 0 PID: 123 Comm: name Tainted: ..." since 3.10 */
static void read_comm(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current_frame(scan);

	if (!report)
		return;
	ex_set_release(report, QUIRE_LINUX_4_14);
	read_name(report, cursor);
}

/* "Pid: 123, comm: name Not tainted" of 2.6 and 3.x; "pid: 1, name: init" of tombstones is another's */
static void read_old_comm(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (report)
		read_name(report, cursor);
}

static void read_pid(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current_frame(scan);
	unsigned pid;

	if (report && ex_decimal(cursor, &pid))
		ex_set_pid(report, pid);
}

/* "Process name (pid: 123, stack limit = 0x...)" */
static void read_process(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	const char *start;
	unsigned pid;

	if (!report)
		return;
	ex_blank(cursor);
	start = cursor->at;
	if (!ex_find(cursor, "(pid:", 24))
		return;
	if (cursor->at - 6 >= start)
		ex_set_task(report, start, cursor->at - 6);
	if (ex_decimal(cursor, &pid))
		ex_set_pid(report, pid);
	if (ex_find(cursor, "stackpage=", 8)) {
		ex_set_release(report, QUIRE_LINUX_2_4);
		ex_vote(report, EX_I386, 2);
	}
}

/* --- the end, the trace, the code ------------------------------------------------------------------- */

static void read_end(struct ex_scan *scan, struct ex_cursor *cursor)
{
	if (ex_current(scan))
		ex_close(scan);
}

/* "[#2]": the second time that the kernel dies since it started */
static void read_number(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	unsigned number;

	if (report && !report->oops_number && ex_decimal(cursor, &number))
		report->oops_number = number;
}

/* The first line of the trace that is sure, and is not the place itself. */
static void read_trace(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	uint64_t value;

	if (!report || report->caller_place[0])
		return;
	for (int i = 0; i < 6; i++) {
		char name[sizeof(report->caller_place)] = "";
		bool doubtful;

		ex_blank(cursor);
		ex_phrase(cursor, "<TASK>");
		if (ex_phrase(cursor, "[<"))
			(void)(ex_hex(cursor, &value, NULL) && ex_phrase(cursor, ">]"));
		ex_blank(cursor);
		doubtful = ex_phrase(cursor, "? ");
		ex_phrase(cursor, "(");
		if (!ex_read_symbol(cursor, name, sizeof(name)))
			return;
		if (!doubtful && strcmp(name, report->place) != 0) {
			memcpy(report->caller_place, name, sizeof(name));
			return;
		}
	}
}

/* "Kernel Offset: 0x1c000000 from 0xffffffff81000000" */
static void read_slide(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (report && ex_hex(cursor, &report->slide, NULL))
		report->has_slide = true;
}

/* "BUG: KASAN: ...": what a checker saw may be the cause of the report that follows */
static void read_sanitizer(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (report && !report->oops_line)
		report->interrupted = true;
	ex_note_sanitizer(scan);
}

/* Whose code a line is: the program's frame has its own right behind its RIP. */
static struct ex_report *code_owner(struct ex_scan *scan)
{
	struct ex_report *report = ex_current(scan);

	if (!report || report->machine.count || report->machine.closed)
		return NULL;
	if (report->other_frame && ex_line_number(scan) - report->place_line <= 1) {
		report->machine.closed = true; /* since 4.18 each frame has its own, right behind it */
		return NULL;
	}
	return report;
}

/* "48 8b <0f> 00", "e3a03000 (e5832000)": bytes or words, the faulting one in brackets. */
static void read_code(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = code_owner(scan);
	struct ex_code *code;
	uint64_t value;
	unsigned digits;

	if (!report)
		return;
	code = &report->machine;
	for (;;) {
		bool marked;

		ex_blank(cursor);
		if (cursor->at == cursor->end)
			break;
		marked = *cursor->at == '<' || *cursor->at == '(';
		if (marked)
			cursor->at++;
		if (!ex_hex(cursor, &value, &digits) || (digits != 2 && digits != 4 && digits != 8))
			break;
		if (code->unit && code->unit != digits / 2)
			break;
		code->unit = digits / 2;
		if (code->count + code->unit > EX_CODE_BYTES)
			break;
		if (marked) {
			code->fault = code->count;
			code->marked = true;
			if (cursor->at < cursor->end && (*cursor->at == '>' || *cursor->at == ')'))
				cursor->at++;
		}
		for (unsigned i = 0; i < code->unit; i++)
			code->bytes[code->count++] = (uint8_t)(value >> 8 * i);
	}
	code->closed = true;
}

const struct ex_anchor ex_common_anchors[] = {
    {"Comm:", read_comm, NULL},
    {"comm:", read_old_comm, NULL},
    {"PID:", read_pid, NULL},
    {"Pid:", read_pid, NULL},
    {"Process", read_process, NULL},
    {"Code:", read_code, NULL},
    {"[#", read_number, NULL},
    {"Not tainted", read_tainted, NULL},
    {"Tainted:", read_tainted, NULL},
    {"EFLAGS:", read_eflags, NULL},
    {"Linux version", read_linux_version, NULL},
    {"Call Trace:", read_trace, NULL},
    {"Call trace:", read_trace, NULL},
    {"Kernel Offset:", read_slide, NULL},
    {"BUG: KASAN:", read_sanitizer, NULL},
    {"BUG: KFENCE:", read_sanitizer, NULL},
    {"UBSAN:", read_sanitizer, NULL},
    {"---[ end trace", read_end, NULL},
    {NULL, NULL, NULL},
};
