/* SPDX-License-Identifier: MIT */
/* Finding reports in a log: every place where a known phrase may begin is offered to its dialect. */
#include "explain.h"

#include <string.h>

/* Reports that are open at a time: one for each caller that printk names, or one in all. */
#define OPEN_REPORTS 8
/* Lines without a sign of a report, after which it is over. */
#define REPORT_LINES 90
#define ANCHORS      96

struct ex_scan {
	struct ex_log log;
	struct ex_line line;
	const char *hit; /* where in the line the phrase began */
	ex_sink *sink;
	void *context;
	struct ex_report open[OPEN_REPORTS];
	unsigned open_count;
	/* anchors by their first character: [begin[c], begin[c + 1]) */
	const struct ex_anchor *anchors[ANCHORS];
	uint8_t begin[257];
};

static void flush_closed(struct ex_scan *scan)
{
	unsigned done = 0;

	while (done < scan->open_count && scan->open[done].closed)
		scan->sink(scan->context, &scan->open[done++]);
	if (!done)
		return;
	memmove(scan->open, scan->open + done, (scan->open_count - done) * sizeof(scan->open[0]));
	scan->open_count -= done;
}

struct ex_report *ex_current(struct ex_scan *scan)
{
	for (unsigned i = scan->open_count; i-- > 0;) {
		struct ex_report *report = &scan->open[i];

		if (report->closed || report->caller != scan->line.caller)
			continue;
		if (scan->line.number - report->last_line > REPORT_LINES)
			return NULL;
		report->last_line = scan->line.number;
		return report;
	}
	return NULL;
}

void ex_close(struct ex_scan *scan)
{
	for (unsigned i = 0; i < scan->open_count; i++) {
		if (scan->open[i].caller == scan->line.caller)
			scan->open[i].closed = true;
	}
	flush_closed(scan);
}

/* The announcing line, without what cannot be shown. */
static void copy_wording(struct ex_report *report, const struct ex_line *line)
{
	size_t length = 0;

	for (const char *p = line->text; p < line->end && length + 1 < sizeof(report->wording); p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '\r')
			continue;
		report->wording[length++] = c >= 0x20 && c < 0x7f ? (char)c : c == '\t' ? ' ' : '?';
	}
	while (length && report->wording[length - 1] == ' ')
		length--;
	report->wording[length] = '\0';
}

struct ex_report *ex_open(struct ex_scan *scan, enum ex_arch arch, unsigned votes)
{
	struct ex_report *report;

	ex_close(scan);
	if (scan->open_count == OPEN_REPORTS) {
		scan->open[0].closed = true;
		flush_closed(scan);
	}
	report = &scan->open[scan->open_count++];
	memset(report, 0, sizeof(*report));
	report->line = scan->line.number;
	report->last_line = report->line;
	report->caller = scan->line.caller;
	report->access = QUIRE_ACCESS_UNKNOWN;
	report->mode = QUIRE_MODE_UNKNOWN;
	copy_wording(report, &scan->line);
	ex_vote(report, arch, votes);
	return report;
}

struct ex_report *ex_require(struct ex_scan *scan, enum ex_arch arch, unsigned votes)
{
	struct ex_report *report = ex_current(scan);

	if (!report)
		return ex_open(scan, arch, votes);
	ex_vote(report, arch, votes);
	return report;
}

void ex_vote(struct ex_report *report, enum ex_arch arch, unsigned votes)
{
	if (report->votes[arch] < 100)
		report->votes[arch] = (uint8_t)(report->votes[arch] + votes);
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

bool ex_follows(const struct ex_scan *scan, const char *words)
{
	const char *end = scan->hit;
	size_t length = strlen(words);

	while (end > scan->line.at && end[-1] == ' ')
		end--;
	return (size_t)(end - scan->line.at) >= length && memcmp(end - length, words, length) == 0;
}

static void set_task(struct ex_report *report, const char *at, const char *end)
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

static void set_pid(struct ex_report *report, unsigned pid)
{
	if (report->has_pid)
		return;
	report->has_pid = true;
	report->pid = pid;
}

void ex_task_before(struct ex_scan *scan, struct ex_report *report)
{
	const char *start = scan->line.text, *end = scan->hit, *name;
	struct ex_cursor cursor;
	unsigned pid;

	if (start > end)
		start = scan->line.at;
	while (end > start && (end[-1] == ' ' || end[-1] == ':'))
		end--;
	name = end;
	if (end > start && end[-1] == ']') {
		while (name > start && name[-1] != '[')
			name--;
		cursor = (struct ex_cursor){name, end};
		if (name > start && ex_decimal(&cursor, &pid) && cursor.at + 1 == end) {
			set_pid(report, pid);
			end = name - 1;
		} else {
			return;
		}
	}
	name = end;
	/* A name of at most 15 characters; a space may be part of it, but no prefix has one. */
	while (name > start && end - name < 16)
		name--;
	set_task(report, name, end);
}

static void set_place(struct ex_report *report, struct ex_cursor *cursor)
{
	struct ex_cursor probe = *cursor;
	char name[sizeof(report->place)];
	const char *plus;

	if (!ex_name(&probe, ")}>", name, sizeof(name)))
		return;
	plus = strrchr(name, '+');
	if (!plus || plus == name || name[0] == '[')
		return;
	if (!report->place[0])
		memcpy(report->place, name, sizeof(name));
	*cursor = probe;
}

static void set_pc(struct ex_report *report, uint64_t pc)
{
	if (report->has_pc)
		return;
	report->has_pc = true;
	report->pc = pc;
}

void ex_read_place(struct ex_report *report, struct ex_cursor *cursor)
{
	uint64_t value;
	unsigned digits;
	struct ex_cursor probe;

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
	probe = *cursor;
	if (ex_hex(&probe, &value, &digits) && digits >= 4) {
		set_pc(report, value);
		*cursor = probe;
		ex_blank(cursor);
	}
	if (cursor->at < cursor->end && (*cursor->at == '(' || *cursor->at == '{'))
		cursor->at++;
	set_place(report, cursor);
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

/* --- what all dialects share ---------------------------------------------------------------------- */

/* Back over one word and the blanks before it. */
static const char *word_before(const char *start, const char *end)
{
	while (end > start && ex_is_word(end[-1]))
		end--;
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
	if (ex_find(cursor, "Not tainted", 24))
		set_task(report, start, word_before(start, word_before(start, cursor->at)));
	else if (ex_find(cursor, "Tainted", 24))
		set_task(report, start, word_before(start, cursor->at));
	else if (ex_name(cursor, ",", name, sizeof(name)))
		set_task(report, name, name + strlen(name));
}

/* "CPU: 0 PID: 123 Comm: name Tainted: ..." since 3.10 */
static void read_comm(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (!report)
		return;
	read_name(report, cursor);
	if (!report->has_decade || report->decade < QUIRE_LINUX_4_14) {
		report->decade = QUIRE_LINUX_4_14;
		report->has_decade = true;
	}
}

/* "Pid: 123, comm: name Not tainted" before */
static void read_old_comm(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (report)
		read_name(report, cursor);
}

static void read_pid(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	unsigned pid;

	if (report && ex_decimal(cursor, &pid))
		set_pid(report, pid);
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
		set_task(report, start, cursor->at - 6);
	if (ex_decimal(cursor, &pid))
		set_pid(report, pid);
	if (ex_find(cursor, "stackpage=", 8)) {
		report->decade = QUIRE_LINUX_2_4;
		report->has_decade = true;
		ex_vote(report, EX_I386, 2);
	}
}

static void read_end(struct ex_scan *scan, struct ex_cursor *cursor)
{
	if (ex_current(scan))
		ex_close(scan);
}

/* "48 8b <0f> 00", "e3a03000 (e5832000)": bytes or words, the faulting one in brackets. */
static void read_code(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	struct ex_code *code;
	uint64_t value;
	unsigned digits;

	if (!report || report->machine.count)
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
			if (cursor->at < cursor->end && (*cursor->at == '>' || *cursor->at == ')'))
				cursor->at++;
		}
		for (unsigned i = 0; i < code->unit; i++)
			code->bytes[code->count++] = (uint8_t)(value >> 8 * i);
	}
}

static const struct ex_anchor shared_anchors[] = {
    {"Comm:", read_comm},      {"comm:", read_old_comm}, {"PID:", read_pid},           {"Pid:", read_pid},
    {"Process", read_process}, {"Code:", read_code},     {"---[ end trace", read_end}, {NULL, NULL},
};

/* --- the search ----------------------------------------------------------------------------------- */

static const struct ex_anchor *const dialects[] = {shared_anchors, ex_x86_anchors, ex_arm_anchors,
						   ex_arm64_anchors, ex_riscv_anchors};

static void index_anchors(struct ex_scan *scan)
{
	unsigned count = 0;

	for (unsigned c = 0; c < 256; c++) {
		scan->begin[c] = (uint8_t)count;
		for (size_t d = 0; d < sizeof(dialects) / sizeof(dialects[0]); d++) {
			for (const struct ex_anchor *a = dialects[d]; a->phrase; a++) {
				if ((unsigned char)a->phrase[0] == c && count < ANCHORS)
					scan->anchors[count++] = a;
			}
		}
	}
	scan->begin[256] = (uint8_t)count;
}

/* Whether the line has the phrase's first word at `at`: the rest may be on the next line. */
static bool first_word_matches(const char *at, const char *end, const char *phrase)
{
	for (; *phrase && *phrase != ' '; phrase++, at++) {
		if (at == end || *at != *phrase)
			return false;
	}
	return at == end || !ex_is_word(at[-1]) || !ex_is_word(*at);
}

/* Offers the place to the dialects. Returns how far they read within this line. */
static const char *offer(struct ex_scan *scan, const char *at)
{
	unsigned c = (unsigned char)*at;
	struct ex_window window;
	bool have_window = false;

	for (unsigned i = scan->begin[c]; i < scan->begin[c + 1]; i++) {
		const struct ex_anchor *anchor = scan->anchors[i];
		struct ex_cursor cursor;

		if (!first_word_matches(at, scan->line.end, anchor->phrase))
			continue;
		if (!have_window)
			ex_window(&scan->log, &scan->line, at, &window);
		have_window = true;
		cursor = (struct ex_cursor){window.text, window.text + window.length};
		if (!ex_phrase(&cursor, anchor->phrase))
			continue;
		size_t read = (size_t)(cursor.at - window.text);

		scan->hit = at;
		anchor->read(scan, &cursor);
		return read < (size_t)(scan->line.end - at) ? at + read : scan->line.end;
	}
	return at;
}

static void scan_line(struct ex_scan *scan)
{
	const char *at = scan->line.at, *end = scan->line.end;

	while (at < end) {
		unsigned c = (unsigned char)*at;

		if (scan->begin[c] != scan->begin[c + 1] &&
		    (at == scan->line.at || !ex_is_word(at[-1]) || !ex_is_word(*at))) {
			const char *behind = offer(scan, at);

			at = behind > at ? behind : at + 1;
		} else {
			at++;
		}
	}
}

void ex_scan_log(const char *data, size_t size, ex_sink *sink, void *context)
{
	struct ex_scan scan = {.log = {data, data + size, 0}, .sink = sink, .context = context};

	index_anchors(&scan);
	while (ex_next_line(&scan.log, &scan.line))
		scan_line(&scan);
	for (unsigned i = 0; i < scan.open_count; i++)
		scan.open[i].closed = true;
	flush_closed(&scan);
}
