/* SPDX-License-Identifier: MIT */
/* Shared by the files of the parser: the words of one line, consumed in order.
 *
 *   parse.c    lines: files, operations ──► expect.c   expectations after "->"
 *   words.c    words: sizes, addresses, names, protections
 *
 * A function that returns false has written the error (line, column, text), unless its comment says
 * otherwise. */
#ifndef QUIRE_SCENARIO_PARSE_H
#define QUIRE_SCENARIO_PARSE_H

#include "names.h"

enum {
	MAX_TOKENS = 160,
	TOKEN_BYTES = 64
};

struct token {
	char text[TOKEN_BYTES];
	unsigned column;
};

struct parser {
	struct scn_program *program;
	struct scn_error *error;
	unsigned line;
	unsigned end_column;
	struct token token[MAX_TOKENS];
	unsigned count, next;
};

/* Report an error at `column`, at the current word, at the previous word. All return false. */
bool parse_fail_at(struct parser *p, unsigned column, const char *what, const char *word);
bool parse_fail(struct parser *p, const char *what);
bool parse_fail_back(struct parser *p, const char *what);

/* Splits a line into words; ',' and '=', brackets and "->" are words of their own; '#' ends the line. */
bool parse_split(struct parser *p, const char *line, size_t bytes);
/* The current word; "" at the end of the line. */
const char *parse_peek(const struct parser *p);
/* Consumes the current word if it is `word`; else returns false without an error. */
bool parse_accept(struct parser *p, const char *word);
bool parse_at_end(const struct parser *p);

/* Reads the number at the start of *text and moves *text behind it. False: no number, or too large; writes
 * no error. */
bool parse_number(const char **text, uint64_t *out);
bool parse_size(struct parser *p, struct scn_size *out);
bool parse_addr(struct parser *p, struct scn_addr *out);
bool parse_addr_text(struct parser *p, const char *text, struct scn_addr *out);
bool parse_byte(struct parser *p, uint8_t *out);
bool parse_count(struct parser *p, uint32_t *out);
bool parse_prot(struct parser *p, uint32_t *out);
/* The name of a declared file. */
bool parse_file(struct parser *p, uint8_t *out);
/* A new name; `what` is the error text if the word is not a name. */
bool parse_name(struct parser *p, char out[SCN_NAME_BYTES], const char *what);
/* Returns SCN_NONE if there is no such name. */
unsigned parse_find_name(const struct scn_program *program, const char *name);
unsigned parse_find_proc(const struct scn_program *program, const char *name);

/* Clauses up to the end of the line: expectations of operation `op` (expect.c). */
bool parse_expect(struct parser *p, unsigned op);

#endif
