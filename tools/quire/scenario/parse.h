/* SPDX-License-Identifier: MIT */
/* Shared by the files of the parser: the words of one line, consumed in order.
 *
 *   parse.c    lines: files, operations ──► expect.c   expectations after "->"
 *   words.c    words: sizes, addresses, names, protections
 *   suggest.c  errors that say which words may stand there
 *
 * A function that returns false has written the error (line, column, text), unless its comment says
 * otherwise. */
#ifndef QUIRE_SCENARIO_PARSE_H
#define QUIRE_SCENARIO_PARSE_H

#include "names.h"

enum {
	MAX_TOKENS = 160,
	TOKEN_BYTES = 64,
	MAX_CHOICES = 80
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
	bool operations; /* a line with an operation came */
	/* Names that the line uses and nothing declares. They are declared after its error, so that each is
	 * reported once. "": none. */
	char missing_name[SCN_NAME_BYTES], missing_proc[SCN_NAME_BYTES], missing_file[SCN_NAME_BYTES];
};

/* The words that may stand at one place; each must live as long as the list. */
struct choices {
	const char *word[MAX_CHOICES];
	unsigned count;
};

void choices_add(struct choices *choices, const char *word);
void choices_add_words(struct choices *choices, const struct scn_word *words);

/* Report an error at `column`, at the current word, at the previous word. All return false. */
bool parse_fail_at(struct parser *p, unsigned column, const char *what, const char *word);
bool parse_fail(struct parser *p, const char *what);
bool parse_fail_back(struct parser *p, const char *what);
/* As parse_fail(); names the choice that is nearest to the current word, and lists them all as a hint. */
bool parse_fail_choice(struct parser *p, const char *what, const struct choices *choices);
/* "too many THINGS: a scenario has at most MOST", at the current word. */
bool parse_fail_limit(struct parser *p, const char *things, unsigned most);

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
/* Whether a number in the text has 20 digits or more, so that it does not fit. */
bool parse_is_too_large(const char *text);
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
