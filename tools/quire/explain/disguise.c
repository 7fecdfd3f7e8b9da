/* SPDX-License-Identifier: MIT */
/* What mail, browsers, terminals and journals do to a log, undone. Each line keeps its number: where two
 * lines become one, an empty line follows. */
#include "explain.h"

#include <stdlib.h>
#include <string.h>

enum {
	COLOURS = 1,  /* "\033[33m" of dmesg --color */
	ENTITIES = 2, /* "&lt;48&gt;" of a web page */
	QUOTED = 4,   /* "=3D", "=\n" of quoted-printable mail */
	JOURNAL = 8,  /* a JSON object a line: journalctl -o json, docker */
	SPACES = 16   /* the no-break space of UTF-8 */
};

struct undoing {
	const char *at, *end;
	char *out;
	unsigned kinds;
	unsigned owed; /* line ends of soft breaks */
};

static bool has(const char *data, size_t size, const char *what)
{
	return memmem(data, size, what, strlen(what)) != NULL;
}

/* Lines of a mail's full width that end in "=": soft breaks, where the mail's head is not in the log. */
static bool has_soft_breaks(const char *data, size_t size)
{
	const char *at = data, *end = data + size;
	unsigned breaks = 0;

	while (breaks < 2 && (at = memmem(at, (size_t)(end - at), "=\n", 2)) != NULL) {
		const char *start = at - data > 80 ? at - 80 : data;
		const char *before = memrchr(start, '\n', (size_t)(at - start));
		size_t length = (size_t)(at - (before ? before + 1 : data));

		breaks += length >= 64 && length <= 76;
		at += 2;
	}
	return breaks == 2;
}

static unsigned find_kinds(const char *data, size_t size)
{
	unsigned kinds = 0;

	if (memchr(data, '\033', size))
		kinds |= COLOURS;
	if (has(data, size, "&lt;") || has(data, size, "&gt;") || has(data, size, "&#"))
		kinds |= ENTITIES;
	if (has(data, size, "quoted-printable") || has_soft_breaks(data, size))
		kinds |= QUOTED;
	if (has(data, size, "\"MESSAGE\"") || has(data, size, "{\"log\":\""))
		kinds |= JOURNAL;
	if (has(data, size, "\302\240") || (kinds & QUOTED && has(data, size, "=C2=A0")))
		kinds |= SPACES;
	return kinds;
}

/* "\033[1;31m": a letter ends it. Returns behind it, or `at` when it is none. */
static const char *skip_colour(const char *at, const char *end)
{
	const char *p = at + 1;

	if (p == end || *p != '[')
		return p;
	for (p++; p < end && p - at < 16; p++) {
		if ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z'))
			return p + 1;
	}
	return at + 1;
}

/* One entity at `at`; *out_char is what it stands for. Returns behind it, or NULL. */
static const char *read_entity(const char *at, const char *end, char *out_char)
{
	static const struct {
		const char *name;
		char character;
	} names[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&nbsp;", ' '}};
	struct ex_cursor cursor = {at + 2, end};
	unsigned number;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t length = strlen(names[i].name);

		if ((size_t)(end - at) >= length && memcmp(at, names[i].name, length) == 0) {
			*out_char = names[i].character;
			return at + length;
		}
	}
	if (end - at < 4 || at[1] != '#' || !ex_decimal(&cursor, &number) || number < 32 || number > 126)
		return NULL;
	if (cursor.at == end || *cursor.at != ';')
		return NULL;
	*out_char = (char)number;
	return cursor.at + 1;
}

/* "=3D", or "=" at the end of a line. Returns behind it, or NULL. */
static const char *read_quoted(struct undoing *undo, char *out_char, bool *out_none)
{
	const char *at = undo->at;
	int high, low;

	if (undo->end - at >= 2 && at[1] == '\n') {
		undo->owed++;
		*out_none = true;
		return at + 2;
	}
	if (undo->end - at >= 3 && at[1] == '\r' && at[2] == '\n') {
		undo->owed++;
		*out_none = true;
		return at + 3;
	}
	if (undo->end - at < 3)
		return NULL;
	high = ex_hex_digit(at[1]);
	low = ex_hex_digit(at[2]);
	if (high < 0 || low < 0 || (at[1] >= 'a' && at[1] <= 'f'))
		return NULL;
	*out_char = (char)(high << 4 | low);
	return at + 3;
}

static void put(struct undoing *undo, char c)
{
	if ((undo->kinds & SPACES) && c == '\240' && undo->out[-1] == '\302') {
		undo->out[-1] = ' ';
		return;
	}
	*undo->out++ = c;
	if (c != '\n')
		return;
	for (; undo->owed; undo->owed--)
		*undo->out++ = '\n';
}

/* One character of a JSON string at `at`, behind a backslash. Returns behind it. */
static const char *read_escape(const char *at, const char *end, char *out_char)
{
	unsigned value = 0;

	*out_char = *at == 'n' || *at == 't' || *at == 'r' ? ' ' : *at;
	if (*at != 'u')
		return at + 1;
	for (int i = 1; i <= 4; i++) {
		int digit = at + i < end ? ex_hex_digit(at[i]) : -1;

		if (digit < 0)
			return at + 1;
		value = value << 4 | (unsigned)digit;
	}
	*out_char = value >= 32 && value < 127 ? (char)value : ' ';
	return at + 5;
}

static const char *find_in(const char *at, const char *end, const char *what)
{
	return memmem(at, (size_t)(end - at), what, strlen(what));
}

/* The message of a journal entry, which is the whole line. Returns false when the line is none. */
static bool read_entry(struct undoing *undo)
{
	const char *line_end = memchr(undo->at, '\n', (size_t)(undo->end - undo->at));
	const char *key, *p;

	if (!line_end)
		line_end = undo->end;
	key = find_in(undo->at, line_end, "\"MESSAGE\"");
	if (!key)
		key = find_in(undo->at, line_end, "\"log\"");
	if (!key)
		return false;
	p = memchr(key, ':', (size_t)(line_end - key));
	while (p && ++p < line_end && *p == ' ')
		;
	if (!p || p >= line_end || *p != '"')
		return false;
	for (p++; p < line_end && *p != '"';) {
		char c = *p++;

		if (c == '\\' && p < line_end)
			p = read_escape(p, line_end, &c);
		put(undo, c);
	}
	undo->at = line_end;
	return true;
}

static void undo_one(struct undoing *undo)
{
	const char *behind = NULL;
	char c = *undo->at;
	bool none = false;

	if (c == '\033' && (undo->kinds & COLOURS)) {
		undo->at = skip_colour(undo->at, undo->end);
		return;
	}
	if (c == '&' && (undo->kinds & ENTITIES))
		behind = read_entity(undo->at, undo->end, &c);
	else if (c == '=' && (undo->kinds & QUOTED))
		behind = read_quoted(undo, &c, &none);
	undo->at = behind ? behind : undo->at + 1;
	if (!none)
		put(undo, c);
}

char *ex_undisguise(char *data, size_t size, size_t *out_size)
{
	struct undoing undo = {.at = data, .end = data + size, .kinds = find_kinds(data, size)};
	bool line_begins = true;
	char *buffer;

	*out_size = size;
	if (!undo.kinds)
		return data;
	buffer = malloc(size + 2); /* nothing grows; one byte before the first for put() to look at */
	if (!buffer)
		return NULL;
	buffer[0] = '\n';
	undo.out = buffer + 1;
	while (undo.at < undo.end) {
		if (line_begins && *undo.at == '{' && (undo.kinds & JOURNAL) && read_entry(&undo))
			continue;
		line_begins = *undo.at == '\n';
		undo_one(&undo);
	}
	*out_size = (size_t)(undo.out - buffer - 1);
	memmove(buffer, buffer + 1, *out_size);
	return buffer;
}
