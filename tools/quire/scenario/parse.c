/* SPDX-License-Identifier: MIT */
/* The parser. Each line declares a file or an operation; errors have a line and a column. */
#include "parse.h"
#include "traits.h"

#include <string.h>

/* flags 0x...: bits without a word. */
static bool parse_raw_flags(struct parser *p, uint32_t *flags)
{
	uint32_t n;

	if (!parse_count(p, &n))
		return false;
	*flags |= n;
	return true;
}

static bool fail_map_word(struct parser *p)
{
	struct choices choices = {
	    {"private", "shared", "validate", "untyped", "file", "at", "fixed", "noreplace", "flags"}, 9};

	choices_add_words(&choices, scn_map_words);
	choices_add(&choices, "->");
	return parse_fail_choice(p, "not a word of map", &choices);
}

static bool parse_map_words(struct parser *p, struct scn_op *op)
{
	bool typed = false;

	while (!parse_at_end(p) && strcmp(parse_peek(p), "->") != 0) {
		uint32_t bit;

		if (parse_accept(p, "shared")) {
			op->flags |= SCN_MAP_SHARED;
			typed = true;
		} else if (parse_accept(p, "private")) {
			op->flags |= SCN_MAP_PRIVATE;
			typed = true;
		} else if (parse_accept(p, "validate")) {
			op->flags |= SCN_MAP_SHARED | SCN_MAP_PRIVATE;
			typed = true;
		} else if (parse_accept(p, "untyped")) {
			typed = true;
		} else if (parse_accept(p, "file")) {
			if (!parse_file(p, &op->file))
				return false;
			if (parse_peek(p)[0] >= '0' && parse_peek(p)[0] <= '9' && !parse_size(p, &op->off))
				return false;
		} else if (parse_accept(p, "at")) {
			if (!parse_addr(p, &op->addr))
				return false;
		} else if (parse_accept(p, "fixed")) {
			op->flags |= SCN_MAP_FIXED;
			if (!parse_addr(p, &op->addr))
				return false;
		} else if (parse_accept(p, "noreplace")) {
			op->flags |= SCN_MAP_NOREPLACE;
			if (!parse_addr(p, &op->addr))
				return false;
		} else if (parse_accept(p, "flags")) {
			if (!parse_raw_flags(p, &op->flags))
				return false;
		} else if (scn_word_number(scn_map_words, parse_peek(p), &bit)) {
			op->flags |= bit;
			p->next++;
		} else {
			return fail_map_word(p);
		}
	}
	if (!typed)
		op->flags |= SCN_MAP_PRIVATE;
	if (op->file == SCN_NONE)
		op->flags |= SCN_MAP_ANONYMOUS;
	return true;
}

static bool fail_flag_word(struct parser *p, const struct scn_word *words)
{
	struct choices choices = {.count = 0};

	choices_add_words(&choices, words);
	if (words == scn_remap_words) {
		choices_add(&choices, "fixed");
		choices_add(&choices, "to");
	}
	choices_add(&choices, "flags");
	choices_add(&choices, "->");
	return parse_fail_choice(p, "not a flag of this operation", &choices);
}

static bool parse_flag_words(struct parser *p, const struct scn_word *words, struct scn_op *op)
{
	uint32_t bit;

	while (!parse_at_end(p) && strcmp(parse_peek(p), "->") != 0) {
		if (words == scn_remap_words && parse_accept(p, "fixed")) {
			op->flags |= SCN_REMAP_FIXED;
			if (!parse_addr(p, &op->to))
				return false;
		} else if (words == scn_remap_words && parse_accept(p, "to")) {
			if (!parse_addr(p, &op->to))
				return false;
		} else if (parse_accept(p, "flags")) {
			if (!parse_raw_flags(p, &op->flags))
				return false;
		} else if (scn_word_number(words, parse_peek(p), &bit)) {
			op->flags |= bit;
			p->next++;
		} else {
			return fail_flag_word(p, words);
		}
	}
	return true;
}

static bool parse_new_proc(struct parser *p, struct scn_op *op)
{
	struct scn_program *program = p->program;
	char name[SCN_NAME_BYTES];

	if (!parse_name(p, name, "a process name is missing"))
		return false;
	if (parse_find_proc(program, name) != SCN_NONE)
		return parse_fail_back(p, "a process with that name exists already");
	if (program->proc_count == SCN_MAX_PROCS)
		return parse_fail_limit(p, "processes", SCN_MAX_PROCS);
	memcpy(program->proc_name[program->proc_count], name, sizeof(name));
	op->other = program->proc_count++;
	return true;
}

static bool fail_word(struct parser *p, const char *what, const struct scn_word *words)
{
	struct choices choices = {.count = 0};

	choices_add_words(&choices, words);
	return parse_fail_choice(p, what, &choices);
}

static bool fail_proc(struct parser *p)
{
	struct choices choices = {.count = 0};

	for (unsigned i = 0; i < p->program->proc_count; i++)
		choices_add(&choices, p->program->proc_name[i]);
	snprintf(p->missing_proc, sizeof(p->missing_proc), "%.15s", parse_peek(p));
	return parse_fail_choice(p, "no such process so far", &choices);
}

static bool parse_operand(struct parser *p, char letter, struct scn_op *op)
{
	uint32_t n;

	switch (letter) {
	case 'a':
		return parse_addr(p, &op->addr);
	case 'l':
		if (op->verb == SCN_LIMIT && parse_accept(p, "unlimited")) {
			op->len.bytes = -1;
			return true;
		}
		return parse_size(p, &op->len);
	case 'n':
		return parse_size(p, &op->len2);
	case 'o':
		return parse_size(p, &op->off);
	case 'f':
		return parse_file(p, &op->file);
	case 'p':
		return parse_prot(p, &op->prot);
	case 'm':
		return parse_map_words(p, op);
	case 'r':
		return parse_flag_words(p, scn_remap_words, op);
	case 'K':
		return parse_flag_words(p, scn_lock_words, op);
	case 'S':
		return parse_flag_words(p, scn_sync_words, op);
	case 'A':
		if (scn_word_number(scn_advice_words, parse_peek(p), &op->flags)) {
			p->next++;
			return true;
		}
		if (parse_peek(p)[0] < '0' || parse_peek(p)[0] > '9')
			return fail_word(p, "not an advice", scn_advice_words);
		return parse_count(p, &op->flags);
	case 'F':
		if (!scn_word_number(scn_store_words, parse_peek(p), &op->flags))
			return fail_word(p, "not a failure of a store", scn_store_words);
		p->next++;
		return true;
	case 'v':
		if (!parse_accept(p, "="))
			return parse_fail(p, "'= VALUE' is missing");
		return parse_byte(p, &op->value);
	case 'x':
		op->times = 1;
		if (parse_peek(p)[0] != 'x')
			return true;
		memmove(p->token[p->next].text, p->token[p->next].text + 1, TOKEN_BYTES - 1);
		if (!parse_count(p, &n))
			return false;
		if (n == 0 || n > 4096)
			return parse_fail_back(p, "1 to 4096 times");
		op->times = (uint16_t)n;
		return true;
	case 'P':
		op->other = (uint8_t)parse_find_proc(p->program, parse_peek(p));
		if (op->other == SCN_NONE)
			return fail_proc(p);
		p->next++;
		return true;
	case 'N':
		return parse_new_proc(p, op);
	case 'L':
		if (!scn_word_number(scn_limit_words, parse_peek(p), &n))
			return fail_word(p, "not a limit", scn_limit_words);
		op->other = (uint8_t)n;
		p->next++;
		return true;
	default: /* w */
		if (parse_at_end(p) || strcmp(parse_peek(p), "->") == 0)
			return true;
		return parse_addr(p, &op->addr) && parse_size(p, &op->len);
	}
}

/* file NAME shm|disk SIZE [fill BYTE|code N] */
static bool parse_file_line(struct parser *p)
{
	struct scn_program *program = p->program;
	struct scn_file *file = &program->file[program->file_count];

	if (p->operations)
		return parse_fail_at(p, p->token[0].column, "files are declared before the first operation",
				     NULL);
	if (program->file_count == SCN_MAX_FILES)
		return parse_fail_limit(p, "files", SCN_MAX_FILES);
	memset(file, 0, sizeof(*file));
	for (unsigned i = 0; i < program->file_count; i++)
		if (strcmp(program->file[i].name, parse_peek(p)) == 0)
			return parse_fail(p, "a file with that name exists already");
	if (!parse_name(p, file->name, "a file name is missing"))
		return false;
	if (parse_accept(p, "disk"))
		file->kind = SCN_FILE_DISK;
	else if (!parse_accept(p, "shm"))
		return parse_fail(p, "shm or disk is missing");
	if (!parse_size(p, &file->size))
		return false;
	if (parse_accept(p, "fill"))
		file->filled = SCN_FILL_BYTE;
	else if (parse_accept(p, "code"))
		file->filled = SCN_FILL_CODE;
	if (file->filled && !parse_byte(p, &file->fill))
		return false;
	if (!parse_at_end(p)) {
		struct choices choices = {{"fill", "code"}, file->filled ? 0 : 2};

		return parse_fail_choice(p, "the end of the line was expected", &choices);
	}
	program->file_count++;
	return true;
}

static bool fail_trait(struct parser *p)
{
	struct choices choices = {.count = 0};

	for (unsigned i = 0; i < SCN_TRAITS; i++)
		choices_add(&choices, scn_trait_rows[i].name);
	return parse_fail_choice(p, "not a trait", &choices);
}

/* needs TRAIT... */
static bool parse_needs(struct parser *p)
{
	do {
		enum scn_trait trait = scn_trait_find(parse_peek(p), strlen(parse_peek(p)));

		if (trait == SCN_TRAITS)
			return fail_trait(p);
		p->program->needs |= 1u << trait;
		p->next++;
	} while (!parse_at_end(p));
	return true;
}

/* NAME = ... of map and remap. The name is bound after the operands are read, so they can use its previous
 * mapping. */
static bool bind_name(struct parser *p, const char *name, struct scn_op *op)
{
	struct scn_program *program = p->program;

	op->name = (uint8_t)parse_find_name(program, name);
	if (op->name != SCN_NONE)
		return true;
	if (program->name_count == SCN_MAX_NAMES)
		return parse_fail_limit(p, "names", SCN_MAX_NAMES);
	snprintf(program->name[program->name_count], SCN_NAME_BYTES, "%s", name);
	op->name = program->name_count++;
	return true;
}

static bool fail_verb(struct parser *p)
{
	struct choices choices = {.count = 0};

	for (unsigned i = 0; i < SCN_VERBS; i++)
		choices_add(&choices, scn_syntax[i].name);
	choices_add(&choices, "file");
	choices_add(&choices, "needs");
	return parse_fail_choice(p, "not an operation", &choices);
}

static bool parse_op(struct parser *p)
{
	struct scn_program *program = p->program;
	struct scn_op *op = &program->op[program->op_count];
	char name[SCN_NAME_BYTES] = "";
	unsigned verb = 0;

	p->operations = true;
	if (program->op_count == SCN_MAX_OPS)
		return parse_fail_limit(p, "operations", SCN_MAX_OPS);
	memset(op, 0, sizeof(*op));
	memset(&program->expect[program->op_count], 0, sizeof(struct scn_expect));
	op->file = op->name = op->other = SCN_NONE;
	op->line = p->line;

	size_t n = strlen(parse_peek(p));
	if (n > 1 && parse_peek(p)[n - 1] == ':') {
		p->token[p->next].text[n - 1] = 0;
		op->proc = (uint8_t)parse_find_proc(program, parse_peek(p));
		if (op->proc == SCN_NONE)
			return fail_proc(p);
		p->next++;
	}
	if (p->next + 1 < p->count && strcmp(p->token[p->next + 1].text, "=") == 0) {
		if (strcmp(parse_peek(p), "arena") == 0 || strcmp(parse_peek(p), "heap") == 0 ||
		    strcmp(parse_peek(p), "kernel") == 0)
			return parse_fail(p, "arena, heap and kernel are not names for mappings");
		if (!parse_name(p, name, "not a name"))
			return false;
		p->next++;
	}
	while (verb < SCN_VERBS && strcmp(scn_syntax[verb].name, parse_peek(p)) != 0)
		verb++;
	if (verb == SCN_VERBS)
		return fail_verb(p);
	if (name[0] && verb != SCN_MAP && verb != SCN_REMAP)
		return parse_fail(p, "only map and remap can bind a name");
	op->verb = (uint8_t)verb;
	p->next++;
	for (const char *letter = scn_syntax[verb].operands; *letter; letter++)
		if (!parse_operand(p, *letter, op))
			return false;
	if (name[0] && !bind_name(p, name, op))
		return false;
	if (!parse_expect(p, program->op_count))
		return false;
	program->op_count++;
	return true;
}

static bool parse_line(struct parser *p)
{
	if (parse_accept(p, "file"))
		return parse_file_line(p);
	return parse_accept(p, "needs") ? parse_needs(p) : parse_op(p);
}

void scn_program_init(struct scn_program *program)
{
	memset(program, 0, offsetof(struct scn_program, op));
	memset(program->op, 0, sizeof(program->op[0]));
	memset(program->expect, 0, sizeof(program->expect[0]));
	program->proc_count = 1;
	memcpy(program->proc_name[0], "main", 5);
}

/* --- The lines after an error --- */

static bool is_name(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return n && n < SCN_NAME_BYTES && !text[n] && (text[0] < '0' || text[0] > '9');
}

static void declare_name(struct scn_program *program, const char *name)
{
	if (is_name(name) && parse_find_name(program, name) == SCN_NONE &&
	    program->name_count < SCN_MAX_NAMES)
		snprintf(program->name[program->name_count++], SCN_NAME_BYTES, "%s", name);
}

static void declare_proc(struct scn_program *program, const char *name)
{
	if (is_name(name) && parse_find_proc(program, name) == SCN_NONE &&
	    program->proc_count < SCN_MAX_PROCS)
		snprintf(program->proc_name[program->proc_count++], SCN_NAME_BYTES, "%s", name);
}

static void declare_file(struct scn_program *program, const char *name)
{
	struct scn_file *file = &program->file[program->file_count];

	for (unsigned i = 0; i < program->file_count; i++)
		if (strcmp(program->file[i].name, name) == 0)
			return;
	if (!is_name(name) || program->file_count == SCN_MAX_FILES)
		return;
	memset(file, 0, sizeof(*file));
	snprintf(file->name, sizeof(file->name), "%s", name);
	program->file_count++;
}

/* Declares what a line with an error would have declared or should have found declared, so that the lines
 * below it are not blamed for it. */
static void declare_rest(struct parser *p)
{
	for (unsigned i = 0; i + 1 < p->count; i++) {
		if (i < 2 && strcmp(p->token[i + 1].text, "=") == 0)
			declare_name(p->program, p->token[i].text);
		if (i < 2 && strcmp(p->token[i].text, "fork") == 0)
			declare_proc(p->program, p->token[i + 1].text);
	}
	if (p->count > 1 && strcmp(p->token[0].text, "file") == 0)
		declare_file(p->program, p->token[1].text);
	declare_name(p->program, p->missing_name);
	declare_proc(p->program, p->missing_proc);
	declare_file(p->program, p->missing_file);
	p->missing_name[0] = p->missing_proc[0] = p->missing_file[0] = 0;
}

/* Skips the byte order mark of UTF-8. False: the text is no UTF-8. */
static bool skip_mark(struct parser *p, const char *text, size_t bytes, size_t *at)
{
	if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		*at = 3;
	if (bytes < 2 || (memcmp(text, "\xff\xfe", 2) != 0 && memcmp(text, "\xfe\xff", 2) != 0))
		return true;
	p->line = 1;
	return parse_fail_at(p, 1, "the text is UTF-16; a scenario is UTF-8", NULL);
}

/* Calls `complain` for each error, or stops at the first one if it is NULL. Returns the number of errors. */
static unsigned parse_lines(struct parser *p, const char *text, size_t bytes, scn_complaint *complain,
			    void *context)
{
	unsigned errors = 0;
	size_t at = 0;

	scn_program_init(p->program);
	if (!skip_mark(p, text, bytes, &at)) {
		if (complain)
			complain(context, p->error);
		return 1;
	}
	while (at < bytes) {
		const char *end = memchr(text + at, '\n', bytes - at);
		size_t length = end ? (size_t)(end - text) - at : bytes - at;

		p->line++;
		if (!parse_split(p, text + at, length) || (p->count && !parse_line(p))) {
			errors++;
			if (!complain)
				return errors;
			complain(context, p->error);
			declare_rest(p);
		}
		at += length + 1;
	}
	return errors;
}

unsigned scn_parse_all(const char *text, size_t bytes, struct scn_program *out, scn_complaint *complain,
		       void *context)
{
	struct scn_error error = {0};
	struct parser p = {.program = out, .error = &error};

	return parse_lines(&p, text, bytes, complain, context);
}

bool scn_parse(const char *text, size_t bytes, struct scn_program *out, struct scn_error *error)
{
	struct parser p = {.program = out, .error = error};

	return parse_lines(&p, text, bytes, NULL, NULL) == 0;
}
