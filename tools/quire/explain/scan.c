/* SPDX-License-Identifier: MIT */
/* Finding reports in a log: every place where a known phrase may begin is offered to its dialect. */
#include "explain.h"

#include <string.h>

/* Reports that are open at a time: one for each caller that printk names, or one in all. */
#define OPEN_REPORTS 8
/* Lines without a sign of a report, after which it is over. */
#define REPORT_LINES 90
/* Lines from the complaint of a sanitizer to the report that it may be the cause of. */
#define COMPLAINT_LINES 200
#define ANCHORS         250

struct ex_scan {
	struct ex_log log;
	struct ex_line line;
	const char *hit;                /* where in the line the phrase began */
	const struct ex_anchor *anchor; /* whose phrase it is */
	const struct ex_sink *sink;
	unsigned sanitizer_line;
	unsigned refused_line; /* the last that was refused: one word for a report */
	const char *refused;
	struct ex_version version; /* of the last "Linux version" */
	enum ex_arch traced;       /* of the trace that began last */
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
		scan->sink->report(scan->sink->context, &scan->open[done++]);
	if (!done)
		return;
	memmove(scan->open, scan->open + done, (scan->open_count - done) * sizeof(scan->open[0]));
	scan->open_count -= done;
}

const char *ex_about(const struct ex_scan *scan)
{
	return scan->anchor->about;
}

unsigned ex_line_number(const struct ex_scan *scan)
{
	return scan->line.number;
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

struct ex_report *ex_current_frame(struct ex_scan *scan)
{
	struct ex_report *report = ex_current(scan);

	if (!report || report->other_frame || (report->interrupted && !report->oops_line))
		return NULL;
	return report;
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

/* Words that a number follows. */
static bool ends_with_any(const char *text, size_t length)
{
	static const char *const words[] = {" at", "address", " esr",   " ESR",
					    " ip", " sp",     " error", " code"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t word = strlen(words[i]);

		if (length > word && strcmp(text + length - word, words[i]) == 0)
			return true;
	}
	return false;
}

/* "... at virtual address", and the address on the next line: a mail program broke it. */
static void join_wording(struct ex_report *report, const struct ex_scan *scan)
{
	struct ex_log ahead = scan->log;
	size_t length = strlen(report->wording);
	struct ex_line next;

	if (length < 4 || length + 24 > sizeof(report->wording))
		return;
	if (!ends_with_any(report->wording, length))
		return;
	if (!ex_next_line(&ahead, &next) || next.stamped || next.end - next.text > 40)
		return;
	snprintf(report->wording + length, sizeof(report->wording) - length, " %.*s",
		 (int)(next.end - next.text), next.text);
}

/* All of a report but its arrays, whose counts say how much of them is there. */
static void clear_report(struct ex_report *report)
{
	memset(report, 0, offsetof(struct ex_report, walk));
	report->walk_count = report->registers_count = 0;
	report->machine.count = report->machine.fault = report->machine.unit = 0;
	report->machine.marked = report->machine.closed = false;
}

void ex_announce(struct ex_scan *scan, struct ex_report *report)
{
	report->line = scan->line.number;
	copy_wording(report, &scan->line);
	join_wording(report, scan);
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
	clear_report(report);
	report->last_line = scan->line.number;
	report->caller = scan->line.caller;
	report->access = QUIRE_ACCESS_UNKNOWN;
	report->mode = QUIRE_MODE_UNKNOWN;
	report->version = scan->version;
	ex_announce(scan, report);
	if (scan->sanitizer_line && report->line - scan->sanitizer_line < COMPLAINT_LINES)
		report->sanitizer_line = scan->sanitizer_line;
	scan->sanitizer_line = 0;
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

void ex_refuse(struct ex_scan *scan, const char *what)
{
	bool again = scan->refused == what && scan->line.number - scan->refused_line <= REPORT_LINES;

	scan->refused = what;
	scan->refused_line = scan->line.number;
	if (!again && scan->sink->refuse)
		scan->sink->refuse(scan->sink->context, scan->line.number, what);
}

void ex_note_sanitizer(struct ex_scan *scan)
{
	scan->sanitizer_line = scan->line.number;
}

void ex_note_version(struct ex_scan *scan, const struct ex_version *version)
{
	scan->version = *version;
}

void ex_note_traced(struct ex_scan *scan, enum ex_arch arch)
{
	scan->traced = arch;
}

enum ex_arch ex_traced(const struct ex_scan *scan)
{
	return scan->traced;
}

bool ex_follows(const struct ex_scan *scan, const char *words)
{
	const char *end = scan->hit;
	size_t length = strlen(words);

	while (end > scan->line.at && end[-1] == ' ')
		end--;
	return (size_t)(end - scan->line.at) >= length && memcmp(end - length, words, length) == 0;
}

/* Where the name that ends at `end` begins: at most 15 characters, of which a space may be one, but not
 * the end of a prefix. */
static const char *name_start(const char *start, const char *end)
{
	const char *name = end;

	while (name > start && end - name < 16) {
		if (name - start >= 2 && name[-1] == ' ' && strchr(":]>|", name[-2]))
			break;
		name--;
	}
	while (name < end && *name == ' ')
		name++;
	return name;
}

void ex_task_before(struct ex_scan *scan, struct ex_report *report)
{
	const char *start = scan->line.text, *end = scan->hit, *number;
	struct ex_cursor cursor;
	unsigned pid;

	if (start > end)
		start = scan->line.at;
	while (end > start && (end[-1] == ' ' || end[-1] == ':'))
		end--;
	if (end > start && end[-1] == ']') {
		for (number = end; number > start && number[-1] != '['; number--)
			;
		cursor = (struct ex_cursor){number, end};
		if (number == start || !ex_decimal(&cursor, &pid) || cursor.at + 1 != end)
			return;
		ex_set_pid(report, pid);
		end = number - 1;
	}
	ex_set_task(report, name_start(start, end), end);
}

/* --- the search ----------------------------------------------------------------------------------- */

static const struct ex_anchor *const dialects[] = {ex_common_anchors, ex_x86_anchors,   ex_arm_anchors,
						   ex_arm64_anchors,  ex_riscv_anchors, ex_user_anchors,
						   ex_trace_anchors,  ex_other_anchors};

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
		size_t read;

		if (!first_word_matches(at, scan->line.end, anchor->phrase))
			continue;
		if (!have_window)
			ex_window(&scan->log, &scan->line, at, &window);
		have_window = true;
		cursor = (struct ex_cursor){window.text, window.text + window.length};
		if (!ex_phrase(&cursor, anchor->phrase))
			continue;
		read = (size_t)(cursor.at - window.text);
		scan->hit = at;
		scan->anchor = anchor;
		anchor->read(scan, &cursor);
		return read < (size_t)(scan->line.end - at) ? at + read : scan->line.end;
	}
	return at;
}

/* --- registers: any "name: value" of a line within a report ------------------------------------------- */

/* The name that ends before the colon at `colon`: letters, then digits. */
static const char *register_name(const char *start, const char *colon, const char **out_end)
{
	const char *end = colon, *name;

	if (end > start && end[-1] == ' ')
		end--;
	for (name = end; name > start && ex_is_word(name[-1]); name--)
		;
	*out_end = end;
	if (end - name < 2 || end - name > 7 || (*name >= '0' && *name <= '9'))
		return NULL;
	return name;
}

/* "0018:ffffc900..": the selector before the value of a stack pointer. */
static bool register_value(struct ex_cursor *cursor, uint64_t *out_value)
{
	unsigned digits;

	if (!ex_hex(cursor, out_value, &digits))
		return false;
	if (digits == 4 && cursor->at < cursor->end && *cursor->at == ':') {
		cursor->at++;
		if (!ex_hex(cursor, out_value, &digits))
			return false;
	}
	return digits == 8 || digits == 16;
}

static void scan_registers(struct ex_scan *scan)
{
	struct ex_report *report = NULL;
	const char *at = scan->line.text, *end = scan->line.end;

	while ((at = memchr(at, ':', (size_t)(end - at))) != NULL) {
		struct ex_cursor cursor = {at + 1, end};
		const char *name_end, *name = register_name(scan->line.text, at, &name_end);
		uint64_t value;

		at++;
		if (!name || !register_value(&cursor, &value))
			continue;
		if (!report)
			report = ex_current_frame(scan);
		if (!report)
			return;
		ex_set_register(report, name, (size_t)(name_end - name), value);
		at = cursor.at;
	}
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
	if (scan->open_count)
		scan_registers(scan);
}

void ex_scan_log(const char *data, size_t size, const struct ex_sink *sink)
{
	struct ex_scan scan = {.log = {data, data + size, 0}, .sink = sink};

	index_anchors(&scan);
	while (ex_next_line(&scan.log, &scan.line))
		scan_line(&scan);
	for (unsigned i = 0; i < scan.open_count; i++)
		scan.open[i].closed = true;
	flush_closed(&scan);
}
