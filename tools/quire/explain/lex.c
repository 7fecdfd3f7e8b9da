/* SPDX-License-Identifier: MIT */
/* Reading a log: lines without their prefixes, windows over wrapped lines, and words in them. */
#include "lex.h"

#include <string.h>

/* Lines that one sentence of a kernel may be wrapped into. */
#define JOINED_LINES 8

bool ex_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

int ex_hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* --- prefixes: each returns behind what it knows, or `at` where it knows nothing ------------------- */

static const char *skip_blank(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

static const char *skip_digits(const char *at, const char *end)
{
	while (at < end && is_digit(*at))
		at++;
	return at;
}

/* "> > ": a mail that quotes; "| ": a frame that a tool drew. */
static const char *skip_quote(const char *at, const char *end)
{
	if (at < end && (*at == '>' || *at == '|') && (at + 1 == end || !ex_is_word(at[1])))
		return at + 1;
	if (at < end && *at == '>' && at + 1 < end && ex_is_word(at[1]))
		return at + 1;
	return at;
}

/* "<4>" */
static const char *skip_level(const char *at, const char *end)
{
	const char *digits;

	if (at == end || *at != '<')
		return at;
	digits = skip_digits(at + 1, end);
	if (digits == at + 1 || digits - at > 4 || digits == end || *digits != '>')
		return at;
	return digits + 1;
}

/* "[   12.345678]", "[Sat Nov 21 10:50:31 2026]": the first character that decides is a digit with
 * a point after it, or a day's name. */
static const char *skip_stamp(const char *at, const char *end, struct ex_line *line)
{
	const char *p, *close;

	if (at == end || *at != '[')
		return at;
	p = skip_blank(at + 1, end);
	if (p < end && is_digit(*p)) {
		p = skip_digits(p, end);
		if (p == end || *p != '.')
			return at;
		p = skip_blank(skip_digits(p + 1, end), end);
		/* "[   12.345678,0]" of some vendors, "[   12.345678 T12]" of others */
		close = memchr(p, ']', (size_t)(end - p) < 12 ? (size_t)(end - p) : 12);
	} else {
		static const char days[] = "SunMonTueWedThuFriSat";
		bool day = false;

		for (size_t i = 0; end - p > 3 && i < sizeof(days) - 1; i += 3)
			day = day || memcmp(p, days + i, 3) == 0;
		if (!day || p[3] != ' ')
			return at;
		close = memchr(p, ']', (size_t)(end - p) < 32 ? (size_t)(end - p) : 32);
	}
	if (!close)
		return at;
	line->stamped = true;
	return close + 1;
}

/* "<4>3,1234,56789,-;" of pstore and /dev/kmsg; "11-21 10:50:31.123 W/kernel ( 12): " of logcat is left to
 * the search, which finds a phrase wherever it stands. */
static const char *skip_record(const char *at, const char *end, struct ex_line *line)
{
	const char *p = at;

	for (int commas = 0; commas < 3; commas++) {
		const char *digits = skip_digits(p, end);

		if (digits == p || digits == end || *digits != ',')
			return at;
		p = digits + 1;
	}
	if (end - p < 2 || (*p != '-' && *p != 'c' && *p != '+') || p[1] != ';')
		return at;
	line->stamped = true;
	return p + 2;
}

/* "[  T123]", "[    C0]": CONFIG_PRINTK_CALLER. */
static const char *skip_caller(const char *at, const char *end, struct ex_line *line)
{
	const char *p, *digits;
	uint32_t caller = 1;

	if (at == end || *at != '[')
		return at;
	p = skip_blank(at + 1, end);
	if (p == end || (*p != 'T' && *p != 'C'))
		return at;
	digits = skip_digits(p + 1, end);
	if (digits == p + 1 || digits == end || *digits != ']')
		return at;
	for (; p < digits; p++)
		caller = caller * 31 + (unsigned char)*p;
	line->caller = caller ? caller : 1;
	return digits + 1;
}

/* Behind one word and the blanks after it. */
static const char *skip_word(const char *at, const char *end)
{
	while (at < end && !is_blank(*at))
		at++;
	return skip_blank(at, end);
}

static bool looks_like_time(const char *at, const char *end)
{
	return end - at >= 8 && is_digit(at[0]) && is_digit(at[1]) && at[2] == ':' && is_digit(at[3]) &&
	       is_digit(at[4]) && at[5] == ':' && is_digit(at[6]) && is_digit(at[7]);
}

/* "kernel:", "kernel[123]:", "kern  :alert :", "kern.info:", "kern.alert kernel:" */
static const char *skip_facility(const char *at, const char *end)
{
	const char *p;

	if (end - at < 5 || memcmp(at, "kern", 4) != 0)
		return at;
	p = at + 4;
	if (*p == '.') {
		for (p++; p < end && ex_is_word(*p); p++)
			;
		return p < end && *p == ':' ? p + 1 : p;
	}
	while (p < end && p - at < 32 && (ex_is_word(*p) || *p == '[' || *p == ']'))
		p++;
	p = skip_blank(p, end);
	if (p == end || *p != ':')
		return at;
	p = skip_blank(p + 1, end);
	if (p - at < 5 || at[4] == 'e') /* "kernel:" ends there; "kern" has a level too */
		return p;
	while (p < end && ex_is_word(*p))
		p++;
	p = skip_blank(p, end);
	return p < end && *p == ':' ? p + 1 : at;
}

/* "  565     0 I Kernel  : " of logcat, behind the time */
static const char *skip_logcat(const char *at, const char *end)
{
	const char *p = skip_digits(at, end), *thread;

	if (p == at || p == end || !is_blank(*p))
		return at;
	thread = skip_blank(p, end);
	p = skip_digits(thread, end);
	if (p == thread || p + 2 >= end || !is_blank(p[0]))
		return at;
	p = skip_blank(p, end);
	if (p + 1 >= end || *p < 'A' || *p > 'Z' || !is_blank(p[1]))
		return at;
	p = memchr(p, ':', (size_t)(end - p) < 32 ? (size_t)(end - p) : 32);
	return p ? p + 1 : at;
}

/* "Nov 21 10:50:31 host kernel:", "2026-11-21T10:50:31+0000 host kernel:", "10:50:31 " */
static const char *skip_syslog(const char *at, const char *end, struct ex_line *line)
{
	const char *p = at, *facility;

	if (end - at < 9)
		return at;
	if (!looks_like_time(p, end)) {
		if (is_digit(p[0]) && is_digit(p[1]) && is_digit(p[2]) && is_digit(p[3]) && p[4] == '-') {
			p = skip_word(p, end);
		} else if (is_digit(p[0]) && is_digit(p[1]) && p[2] == '-' && is_digit(p[3]) &&
			   is_digit(p[4])) {
			p = skip_word(p, end); /* "11-21 10:50:31.123" of logcat */
			if (!looks_like_time(p, end))
				return at;
			p = skip_word(p, end);
		} else if (p[3] == ' ') {
			p = skip_word(skip_word(p, end), end);
			if (!looks_like_time(p, end))
				return at;
			p = skip_word(p, end);
		} else {
			return at;
		}
	} else {
		p = skip_word(p, end);
	}
	line->stamped = true;
	facility = skip_logcat(p, end);
	if (facility != p)
		return facility;
	facility = skip_facility(p, end);
	if (facility == p) /* a host name before it */
		facility = skip_facility(skip_word(p, end), end);
	return facility == skip_word(p, end) ? p : facility;
}

static const char *skip_record_or_syslog(const char *at, const char *end, struct ex_line *line)
{
	const char *record = skip_record(at, end, line);

	return record != at ? record : skip_syslog(at, end, line);
}

static const char *skip_prefixes(struct ex_line *line)
{
	const char *at = line->at, *end = line->end;

	for (int rounds = 0; rounds < 12; rounds++) {
		const char *before = at;

		at = skip_blank(at, end);
		if (at == end)
			break;
		switch (*at) {
		case '>':
		case '|':
			at = skip_quote(at, end);
			break;
		case '<':
			at = skip_level(at, end);
			break;
		case '[':
			at = skip_stamp(at, end, line);
			at = skip_caller(at, end, line);
			break;
		case 'k':
			at = skip_facility(at, end);
			break;
		default:
			at = skip_record_or_syslog(at, end, line);
		}
		if (at == before)
			break;
	}
	return at;
}

bool ex_next_line(struct ex_log *log, struct ex_line *out_line)
{
	const char *end;

	if (log->at >= log->end)
		return false;
	end = memchr(log->at, '\n', (size_t)(log->end - log->at));
	if (!end)
		end = log->end;
	*out_line = (struct ex_line){.at = log->at, .end = end, .number = ++log->number};
	log->at = end < log->end ? end + 1 : end;
	out_line->text = skip_prefixes(out_line);
	return true;
}

static bool append(struct ex_window *window, const char *at, const char *end)
{
	size_t room = EX_WINDOW - window->length;
	size_t bytes = (size_t)(end - at);

	memcpy(window->text + window->length, at, bytes < room ? bytes : room);
	window->length += bytes < room ? bytes : room;
	return bytes < room;
}

void ex_window(const struct ex_log *log, const struct ex_line *line, const char *from,
	       struct ex_window *out_window)
{
	static const char space[] = " ";
	struct ex_log ahead = *log;
	struct ex_line next;

	out_window->length = 0;
	if (append(out_window, from, line->end)) {
		for (int i = 1; i < JOINED_LINES && ex_next_line(&ahead, &next); i++) {
			if ((next.stamped && line->stamped) || next.text == next.end)
				break;
			if (!append(out_window, space, space + 1) || !append(out_window, next.text, next.end))
				break;
		}
	}
	out_window->text[out_window->length] = '\0';
}

/* --- words ------------------------------------------------------------------------------------------ */

void ex_blank(struct ex_cursor *cursor)
{
	cursor->at = skip_blank(cursor->at, cursor->end);
}

bool ex_phrase(struct ex_cursor *cursor, const char *phrase)
{
	const char *at = cursor->at;

	for (; *phrase; phrase++) {
		if (*phrase == ' ') {
			const char *behind = skip_blank(at, cursor->end);

			if (behind == at && phrase[1] && ex_is_word(phrase[1]) && at > cursor->at &&
			    ex_is_word(at[-1]))
				return false;
			at = behind;
			continue;
		}
		if (at == cursor->end || *at != *phrase)
			return false;
		at++;
	}
	cursor->at = at;
	return true;
}

bool ex_find(struct ex_cursor *cursor, const char *phrase, size_t within)
{
	struct ex_cursor probe = *cursor;
	const char *limit = cursor->end;

	if ((size_t)(limit - probe.at) > within)
		limit = probe.at + within;
	while (probe.at < limit) {
		const char *hit = memchr(probe.at, *phrase, (size_t)(limit - probe.at));

		if (!hit)
			return false;
		probe.at = hit;
		if ((hit == cursor->at || !ex_is_word(*phrase) || !ex_is_word(hit[-1])) &&
		    ex_phrase(&probe, phrase)) {
			*cursor = probe;
			return true;
		}
		probe.at = hit + 1;
	}
	return false;
}

bool ex_hex(struct ex_cursor *cursor, uint64_t *out_value, unsigned *out_digits)
{
	const char *at = skip_blank(cursor->at, cursor->end);
	unsigned digits = 0;
	uint64_t value = 0;

	if (cursor->end - at > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
		at += 2;
	for (; at < cursor->end && ex_hex_digit(*at) >= 0; at++) {
		if (++digits > 16)
			return false;
		value = value << 4 | (unsigned)ex_hex_digit(*at);
	}
	if (!digits || (at < cursor->end && ex_is_word(*at)))
		return false;
	*out_value = value;
	if (out_digits)
		*out_digits = digits;
	cursor->at = at;
	return true;
}

bool ex_pointer(struct ex_cursor *cursor, uint64_t *out_value, unsigned *out_digits)
{
	struct ex_cursor probe = *cursor;

	if (ex_hex(cursor, out_value, out_digits))
		return true;
	ex_blank(&probe);
	if (!ex_phrase(&probe, "(null)"))
		return false;
	*out_value = 0;
	if (out_digits)
		*out_digits = 0;
	*cursor = probe;
	return true;
}

bool ex_decimal(struct ex_cursor *cursor, unsigned *out_value)
{
	const char *at = skip_blank(cursor->at, cursor->end);
	const char *start = at;
	uint64_t value = 0;

	for (; at < cursor->end && is_digit(*at); at++) {
		value = value * 10 + (unsigned)(*at - '0');
		if (value > UINT32_MAX)
			return false;
	}
	if (at == start)
		return false;
	*out_value = (unsigned)value;
	cursor->at = at;
	return true;
}

bool ex_name(struct ex_cursor *cursor, const char *stop, char *out, size_t size)
{
	const char *at = skip_blank(cursor->at, cursor->end);
	size_t length = 0;

	for (; at < cursor->end && !is_blank(*at) && !strchr(stop, *at); at++) {
		if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f)
			break;
		if (length + 1 < size)
			out[length++] = *at;
	}
	if (!length)
		return false;
	out[length] = '\0';
	cursor->at = at;
	return true;
}
