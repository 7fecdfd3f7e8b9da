/* SPDX-License-Identifier: MIT */
/* Parses the expectations of an operation, written after "->". */
#include "parse.h"

#include <string.h>

/* row START..END rw-p [file F] */
static bool parse_row(struct parser *p, struct scn_expect *expect)
{
	struct scn_program *program = p->program;
	struct scn_expect_row *row = &program->row[program->row_count];
	char text[TOKEN_BYTES];
	const char *perms;
	char *dots;

	if (program->row_count == SCN_MAX_ROWS)
		return parse_fail_limit(p, "rows", SCN_MAX_ROWS);
	snprintf(text, sizeof(text), "%s", parse_peek(p));
	dots = strstr(text, "..");
	if (!dots)
		return parse_fail(p, "START..END is missing");
	*dots = 0;
	if (!parse_addr_text(p, text, &row->start) || !parse_addr_text(p, dots + 2, &row->end))
		return false;
	p->next++;
	perms = parse_peek(p);
	if (strlen(perms) != 4 || !strchr("r-", perms[0]) || !strchr("w-", perms[1]) ||
	    !strchr("x-", perms[2]) || !strchr("ps", perms[3]))
		return parse_fail(p, "protections such as rw-p or r--s are missing");
	row->prot = (uint8_t)((perms[0] == 'r') | (perms[1] == 'w') << 1 | (perms[2] == 'x') << 2);
	row->shared = perms[3] == 's';
	row->file = SCN_NONE;
	p->next++;
	if (parse_accept(p, "file") && !parse_file(p, &row->file))
		return false;
	if (!(expect->set & SCN_EXPECT_ROWS))
		expect->rows_first = program->row_count;
	expect->set |= SCN_EXPECT_ROWS;
	expect->rows_count++;
	program->row_count++;
	return true;
}

static bool parse_pages(struct parser *p, uint64_t *pages, uint8_t *count)
{
	const char *text = parse_peek(p);
	size_t n = strlen(text);

	if (n == 0 || n >= TOKEN_BYTES || strspn(text, "1.") != n)
		return parse_fail(p, "pages are written as 1 and . (such as 11.1)");
	*count = (uint8_t)n;
	for (size_t i = 0; i < n; i++)
		*pages |= (uint64_t)(text[i] == '1') << i;
	p->next++;
	return true;
}

static bool fail_code(struct parser *p, uint32_t signal)
{
	struct choices choices = {.count = 0};

	for (const struct scn_word *word = scn_code_words; word->name; word++)
		if (word->number >> 8 == signal)
			choices_add(&choices, word->name);
	return parse_fail_choice(p, "a code of this signal is missing", &choices);
}

static bool parse_signal(struct parser *p, struct scn_expect *expect, uint32_t signal)
{
	uint32_t code;

	p->next++;
	if (!scn_word_number(scn_code_words, parse_peek(p), &code) || code >> 8 != signal)
		return fail_code(p, signal);
	p->next++;
	expect->set |= SCN_EXPECT_SIGNAL;
	expect->signal = (uint8_t)signal;
	expect->code = (uint8_t)code;
	if (!parse_accept(p, "at"))
		return true;
	expect->set |= SCN_EXPECT_SIGADDR;
	return parse_addr(p, &expect->addr);
}

static bool fail_clause(struct parser *p)
{
	struct choices choices = {
	    {"ok", "value", "minor", "major", "count", "at", "pages", "swapped", "row", "norows"}, 10};

	choices_add_words(&choices, scn_signal_words);
	choices_add_words(&choices, scn_errno_words);
	return parse_fail_choice(p, "not an expectation", &choices);
}

static bool parse_clause(struct parser *p, struct scn_expect *expect)
{
	uint32_t n;
	int error;

	if (scn_word_number(scn_signal_words, parse_peek(p), &n))
		return parse_signal(p, expect, n);
	error = strcmp(parse_peek(p), "ok") == 0 ? 0 : scn_errno_number(parse_peek(p));
	if (error >= 0) {
		expect->set |= SCN_EXPECT_ERRNO;
		expect->error = error;
		p->next++;
		return true;
	}
	if (parse_accept(p, "value")) {
		expect->set |= SCN_EXPECT_VALUE;
		return parse_byte(p, &expect->value);
	}
	if (parse_accept(p, "minor")) {
		expect->set |= SCN_EXPECT_MINOR;
		return parse_count(p, &expect->minor);
	}
	if (parse_accept(p, "major")) {
		expect->set |= SCN_EXPECT_MAJOR;
		return parse_count(p, &expect->major);
	}
	if (parse_accept(p, "count")) {
		expect->set |= SCN_EXPECT_COUNT;
		return parse_size(p, &expect->count);
	}
	if (parse_accept(p, "at")) {
		expect->set |= SCN_EXPECT_AT;
		return parse_addr(p, &expect->at);
	}
	if (parse_accept(p, "pages")) {
		expect->set |= SCN_EXPECT_PAGES;
		return parse_pages(p, &expect->pages, &expect->pages_count);
	}
	if (parse_accept(p, "swapped")) {
		expect->set |= SCN_EXPECT_SWAPPED;
		return parse_pages(p, &expect->swapped, &expect->swapped_count);
	}
	if (parse_accept(p, "row"))
		return parse_row(p, expect);
	if (parse_accept(p, "norows")) {
		expect->set |= SCN_EXPECT_ROWS;
		return true;
	}
	return fail_clause(p);
}

/* Clauses up to the end of the line or the next bracket. */
static bool parse_clauses(struct parser *p, struct scn_expect *expect)
{
	do {
		if (!parse_clause(p, expect))
			return false;
	} while (parse_accept(p, ","));
	return true;
}

static bool fail_machine(struct parser *p)
{
	struct choices choices = {.count = 0};

	choices_add_words(&choices, scn_profile_words);
	choices_add_words(&choices, scn_arch_words);
	return parse_fail_choice(p, "not a profile or an architecture", &choices);
}

/* A profile, an architecture or a family; a leading ! selects all others. */
static bool one_machine(struct parser *p, const char *name, struct scn_condition *any)
{
	const uint16_t all = (1 << SCN_ARCHES) - 1;
	bool others = name[0] == '!';
	uint32_t number;

	name += others;
	if (scn_word_number(scn_profile_words, name, &number)) {
		for (unsigned i = 0; i < SCN_PROFILES; i++)
			if ((i == number) != others)
				any->arches[i] = all;
		return true;
	}
	if (!scn_word_number(scn_arch_words, name, &number))
		return fail_machine(p);
	for (unsigned i = 0; i < SCN_PROFILES; i++)
		any->arches[i] |= (uint16_t)(others ? all & ~number : number);
	return true;
}

/* NAME|NAME|...: any of these machines. */
static bool any_machine(struct parser *p, struct scn_condition *any)
{
	const char *at = parse_peek(p);
	char name[TOKEN_BYTES];
	size_t n;

	memset(any, 0, sizeof(*any));
	for (;; at += n + 1) {
		n = strcspn(at, "|");
		memcpy(name, at, n);
		name[n] = 0;
		if (!one_machine(p, name, any))
			return false;
		if (!at[n])
			break;
	}
	p->next++;
	return true;
}

/* WORD WORD ... ]: all of these conditions. */
static bool parse_condition(struct parser *p, struct scn_condition *on)
{
	unsigned always = 0, never = 0;

	for (unsigned i = 0; i < SCN_PROFILES; i++)
		on->arches[i] = (1 << SCN_ARCHES) - 1;
	do {
		struct scn_condition any;

		if (!any_machine(p, &any))
			return false;
		for (unsigned i = 0; i < SCN_PROFILES; i++)
			on->arches[i] &= any.arches[i];
	} while (!parse_at_end(p) && strcmp(parse_peek(p), "]") != 0);
	for (unsigned i = 0; i < SCN_PROFILES; i++) {
		always += on->arches[i] == (1 << SCN_ARCHES) - 1;
		never += on->arches[i] == 0;
	}
	if (never == SCN_PROFILES)
		return parse_fail_back(p, "no machine is all of that");
	if (always == SCN_PROFILES)
		return parse_fail_back(p, "every machine is one of that");
	return parse_accept(p, "]") || parse_fail(p, "']' is missing");
}

/* [ CONDITION ] CLAUSES */
static bool parse_variant(struct parser *p, unsigned op)
{
	struct scn_program *program = p->program;
	struct scn_variant *variant = &program->variant[program->variant_count];

	if (program->variant_count == SCN_MAX_VARIANTS)
		return parse_fail_limit(p, "expectations with a condition", SCN_MAX_VARIANTS);
	memset(variant, 0, sizeof(*variant));
	variant->op = (uint16_t)op;
	if (!parse_condition(p, &variant->on))
		return false;
	program->variant_count++;
	return parse_accept(p, "any") || parse_clauses(p, &variant->expect);
}

bool parse_expect(struct parser *p, unsigned op)
{
	if (parse_at_end(p))
		return true;
	if (!parse_accept(p, "->"))
		return parse_fail(p, "'->' or the end of the line was expected");
	if (strcmp(parse_peek(p), "[") != 0 && !parse_clauses(p, &p->program->expect[op]))
		return false;
	while (parse_accept(p, "["))
		if (!parse_variant(p, op))
			return false;
	return parse_at_end(p) || parse_fail(p, "',', '[' or the end of the line was expected");
}
