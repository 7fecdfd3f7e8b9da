/* SPDX-License-Identifier: MIT */
/* Reading a log: lines without their prefixes, windows over wrapped lines, and words in them. */
#ifndef EXPLAIN_LEX_H
#define EXPLAIN_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line of the log, as it stands. */
struct ex_line {
	const char *at, *end; /* without the line end */
	const char *text;     /* behind time stamps, quoting, levels */
	uint32_t caller;      /* of the "[  T123]" or "[C0]" that printk adds; 0: none */
	bool stamped;         /* a time stamp was there */
	unsigned number;      /* from 1 */
};

/* The log, and where the reader is in it. */
struct ex_log {
	const char *at, *end;
	unsigned number;
};

/* The next line. Returns false at the end. */
bool ex_next_line(struct ex_log *log, struct ex_line *out_line);

/* A place in a line and what follows, with the lines joined that a mail program or a terminal may
 * have wrapped: a line with a time stamp of its own is no continuation of one that has one. */
#define EX_WINDOW 2048
struct ex_window {
	char text[EX_WINDOW + 1];
	size_t length;
};
void ex_window(const struct ex_log *log, const struct ex_line *line, const char *from,
	       struct ex_window *out_window);

/* A place in a window. Every function below moves it only when it succeeds. */
struct ex_cursor {
	const char *at, *end;
};

/* The phrase; a space in it stands for any white space, or none before punctuation. */
bool ex_phrase(struct ex_cursor *cursor, const char *phrase);
/* Behind the next occurrence of the phrase, at most `within` bytes away. */
bool ex_find(struct ex_cursor *cursor, const char *phrase, size_t within);
/* A hexadecimal number of at most 16 digits, with or without 0x; *out_digits may be NULL. */
bool ex_hex(struct ex_cursor *cursor, uint64_t *out_value, unsigned *out_digits);
/* The same, or "(null)", as %p printed it from 2.6.28 to 4.14: no digits then. */
bool ex_pointer(struct ex_cursor *cursor, uint64_t *out_value, unsigned *out_digits);
/* A decimal number below 2^32. */
bool ex_decimal(struct ex_cursor *cursor, unsigned *out_value);
/* A word up to white space or one of `stop`, cut to the buffer, printable only. */
bool ex_name(struct ex_cursor *cursor, const char *stop, char *out, size_t size);
void ex_blank(struct ex_cursor *cursor);

bool ex_is_word(char c);  /* a letter, a digit, '_' */
int ex_hex_digit(char c); /* -1: none */

#endif
