/* SPDX-License-Identifier: MIT */
/* The parser: one operation a line, errors with line and column. */
#include "names.h"

#include <string.h>

enum { MAX_TOKENS = 160, TOKEN_BYTES = 64 };

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

static bool fail_at(struct parser *p, unsigned column, const char *what, const char *word)
{
	p->error->line = p->line;
	p->error->column = column;
	snprintf(p->error->text, sizeof(p->error->text), "%s%s%.40s%s", what, word ? ": '" : "",
	         word ? word : "", word ? "'" : "");
	for (char *c = p->error->text; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
	return false;
}

static bool fail(struct parser *p, const char *what)
{
	if (p->next < p->count)
		return fail_at(p, p->token[p->next].column, what, p->token[p->next].text);
	return fail_at(p, p->end_column, what, NULL);
}

/* The word before the current one was wrong. */
static bool fail_back(struct parser *p, const char *what)
{
	p->next--;
	return fail(p, what);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Splits a line into words; ',' and '=' and "->" are words of their own; '#' ends the line. */
static bool split(struct parser *p, const char *line, size_t bytes)
{
	size_t i = 0;

	p->count = p->next = 0;
	while (i < bytes && line[i] != '#') {
		size_t start = i;

		if (is_space(line[i])) {
			i++;
			continue;
		}
		if (line[i] == ',' || line[i] == '=') {
			i++;
		} else if (line[i] == '-' && i + 1 < bytes && line[i + 1] == '>') {
			i += 2;
		} else {
			while (i < bytes && !is_space(line[i]) && !strchr(",=#", line[i]) &&
			       !(line[i] == '-' && i + 1 < bytes && line[i + 1] == '>'))
				i++;
		}
		if (i == start)
			return fail_at(p, (unsigned)start + 1, "a zero byte", NULL);
		if (p->count == MAX_TOKENS)
			return fail_at(p, (unsigned)start + 1, "too many words in one line", NULL);
		if (i - start >= TOKEN_BYTES)
			return fail_at(p, (unsigned)start + 1, "a word is too long", NULL);
		memcpy(p->token[p->count].text, line + start, i - start);
		p->token[p->count].text[i - start] = 0;
		p->token[p->count++].column = (unsigned)start + 1;
	}
	p->end_column = (unsigned)i + 1;
	return true;
}

static const char *peek(const struct parser *p)
{
	return p->next < p->count ? p->token[p->next].text : "";
}

static bool accept(struct parser *p, const char *word)
{
	if (strcmp(peek(p), word) != 0)
		return false;
	p->next++;
	return true;
}

static bool at_end(const struct parser *p)
{
	return p->next == p->count;
}

/* A number, and where it ends. */
static bool number(const char **text, uint64_t *out)
{
	const char *s = *text;
	unsigned base = 10;
	uint64_t n = 0;

	if (s[0] == '0' && s[1] == 'x') {
		base = 16;
		s += 2;
	}
	*out = 0;
	for (const char *first = s;; s++) {
		unsigned digit = *s >= '0' && *s <= '9'   ? (unsigned)(*s - '0')
		                 : *s >= 'a' && *s <= 'f' ? (unsigned)(*s - 'a') + 10
		                                          : 99;

		if (digit >= base) {
			*text = s;
			*out = n;
			return s != first;
		}
		if (n > (UINT64_MAX - digit) / base)
			return false;
		n = n * base + digit;
	}
}

/* Terms such as 2p, 4K, 0x10, with signs between them, added up. */
static bool size_terms(const char *text, bool signed_first, struct scn_size *out)
{
	int64_t pages = 0;
	uint64_t bytes = 0;
	bool first = true;

	while (*text || first) {
		bool minus = false;
		uint64_t n;

		if (*text == '+' || *text == '-') {
			if (first && !signed_first)
				return false;
			minus = *text++ == '-';
		} else if (!first || signed_first) {
			return false;
		}
		if (!number(&text, &n))
			return false;
		if (*text == 'p') {
			if (n > INT32_MAX)
				return false;
			pages += minus ? -(int64_t)n : (int64_t)n;
			text++;
		} else {
			unsigned shift = *text == 'K' ? 10 : *text == 'M' ? 20 : *text == 'G' ? 30 : 0;

			text += shift != 0;
			if (shift && n > UINT64_MAX >> shift)
				return false;
			bytes += minus ? 0 - (n << shift) : n << shift;
		}
		first = false;
	}
	if (pages > INT32_MAX || pages < INT32_MIN)
		return false;
	out->pages = (int32_t)pages;
	out->bytes = (int64_t)bytes;
	return true;
}

static bool parse_size(struct parser *p, struct scn_size *out)
{
	if (at_end(p))
		return fail(p, "a size is missing");
	if (!size_terms(peek(p), false, out))
		return fail(p, "not a size (such as 2p, 4K, 0x10, 2p+1)");
	p->next++;
	return true;
}

static unsigned find_name(const struct scn_program *program, const char *name)
{
	for (unsigned i = 0; i < program->name_count; i++)
		if (strcmp(program->name[i], name) == 0)
			return i;
	return SCN_NONE;
}

static bool parse_addr_text(struct parser *p, const char *text, struct scn_addr *out)
{
	char base[SCN_NAME_BYTES + 8];
	size_t n = strcspn(text, "+-");
	uint64_t absolute;
	const char *digits = base;

	memset(out, 0, sizeof(*out));
	if (n == 0 || n >= sizeof(base))
		return fail(p, "not an address (such as arena+2p, A-1, A.end, 0x1000)");
	memcpy(base, text, n);
	base[n] = 0;
	if (text[n] && !size_terms(text + n, true, &out->off))
		return fail(p, "not an offset (such as +2p or -1)");
	if (strcmp(base, "arena") == 0) {
		out->base = SCN_BASE_ARENA;
	} else if (strcmp(base, "heap") == 0) {
		out->base = SCN_BASE_HEAP;
	} else if (base[0] >= '0' && base[0] <= '9') {
		if (!number(&digits, &absolute) || (*digits && strcmp(digits, "p") != 0))
			return fail(p, "not a number");
		out->base = SCN_BASE_ZERO;
		if (*digits == 'p') {
			if (absolute > 0x3fffffff || out->off.pages < -0x3fffffff || out->off.pages > 0x3fffffff)
				return fail(p, "the address is too far");
			out->off.pages += (int32_t)absolute;
		} else {
			out->off.bytes = (int64_t)((uint64_t)out->off.bytes + absolute);
		}
	} else {
		char *dot = strchr(base, '.');

		out->base = SCN_BASE_NAME;
		if (dot && strcmp(dot, ".end") == 0) {
			out->base = SCN_BASE_END;
			*dot = 0;
		}
		out->name = (uint8_t)find_name(p->program, base);
		if (out->name == SCN_NONE)
			return fail(p, "no mapping of that name so far");
	}
	return true;
}

static bool parse_addr(struct parser *p, struct scn_addr *out)
{
	if (at_end(p))
		return fail(p, "an address is missing");
	if (!parse_addr_text(p, peek(p), out))
		return false;
	p->next++;
	return true;
}

static bool parse_byte(struct parser *p, uint8_t *out)
{
	const char *text = peek(p);
	uint64_t n;

	if (!number(&text, &n) || *text || n > 255)
		return fail(p, "not a byte (0 to 255)");
	*out = (uint8_t)n;
	p->next++;
	return true;
}

static bool parse_count(struct parser *p, uint32_t *out)
{
	const char *text = peek(p);
	uint64_t n;

	if (!number(&text, &n) || *text || n > UINT32_MAX)
		return fail(p, "not a number");
	*out = (uint32_t)n;
	p->next++;
	return true;
}

static bool parse_file(struct parser *p, uint8_t *out)
{
	for (unsigned i = 0; i < p->program->file_count; i++) {
		if (strcmp(p->program->file[i].name, peek(p)) == 0) {
			*out = (uint8_t)i;
			p->next++;
			return true;
		}
	}
	return fail(p, "no such file");
}

static unsigned find_proc(const struct scn_program *program, const char *name)
{
	for (unsigned i = 0; i < program->proc_count; i++)
		if (strcmp(program->proc_name[i], name) == 0)
			return i;
	return SCN_NONE;
}

/* Letters r, w, x or "none", then +growsdown, +growsup; or a number. */
static bool parse_prot(struct parser *p, uint32_t *out)
{
	const char *text = peek(p);
	uint64_t n;

	*out = 0;
	if (text[0] == '0') {
		if (!number(&text, &n) || *text || n > UINT32_MAX)
			return fail(p, "not a protection");
		*out = (uint32_t)n;
		p->next++;
		return true;
	}
	if (strncmp(text, "none", 4) == 0) {
		text += 4;
	} else {
		if (!*text || !strchr("rwx", *text))
			return fail(p, "not a protection (r, w, x together, or none)");
		for (; *text && *text != '+'; text++) {
			unsigned bit = *text == 'r' ? 1 : *text == 'w' ? 2 : *text == 'x' ? 4 : 0;

			if (!bit || *out & bit)
				return fail(p, "not a protection (r, w, x together, or none)");
			*out |= bit;
		}
	}
	if (strcmp(text, "+growsdown") == 0)
		*out |= SCN_PROT_GROWSDOWN;
	else if (strcmp(text, "+growsup") == 0)
		*out |= SCN_PROT_GROWSUP;
	else if (*text)
		return fail(p, "not a protection");
	p->next++;
	return true;
}

/* flags 0x... : bits that have no word. */
static bool parse_raw_flags(struct parser *p, uint32_t *flags)
{
	uint32_t n;

	if (!parse_count(p, &n))
		return false;
	*flags |= n;
	return true;
}

static bool parse_map_words(struct parser *p, struct scn_op *op)
{
	bool typed = false;

	while (!at_end(p) && strcmp(peek(p), "->") != 0) {
		uint32_t bit;

		if (accept(p, "shared")) {
			op->flags |= SCN_MAP_SHARED;
			typed = true;
		} else if (accept(p, "private")) {
			op->flags |= SCN_MAP_PRIVATE;
			typed = true;
		} else if (accept(p, "validate")) {
			op->flags |= SCN_MAP_SHARED | SCN_MAP_PRIVATE;
			typed = true;
		} else if (accept(p, "untyped")) {
			typed = true;
		} else if (accept(p, "file")) {
			if (!parse_file(p, &op->file))
				return false;
			if (peek(p)[0] >= '0' && peek(p)[0] <= '9' && !parse_size(p, &op->off))
				return false;
		} else if (accept(p, "at")) {
			if (!parse_addr(p, &op->addr))
				return false;
		} else if (accept(p, "fixed")) {
			op->flags |= SCN_MAP_FIXED;
			if (!parse_addr(p, &op->addr))
				return false;
		} else if (accept(p, "noreplace")) {
			op->flags |= SCN_MAP_NOREPLACE;
			if (!parse_addr(p, &op->addr))
				return false;
		} else if (accept(p, "flags")) {
			if (!parse_raw_flags(p, &op->flags))
				return false;
		} else if (scn_word_number(scn_map_words, peek(p), &bit)) {
			op->flags |= bit;
			p->next++;
		} else {
			return fail(p, "not a word of map");
		}
	}
	if (!typed)
		op->flags |= SCN_MAP_PRIVATE;
	if (op->file == SCN_NONE)
		op->flags |= SCN_MAP_ANONYMOUS;
	return true;
}

static bool parse_flag_words(struct parser *p, const struct scn_word *words, struct scn_op *op)
{
	uint32_t bit;

	while (!at_end(p) && strcmp(peek(p), "->") != 0) {
		if (words == scn_remap_words && accept(p, "fixed")) {
			op->flags |= SCN_REMAP_FIXED;
			if (!parse_addr(p, &op->to))
				return false;
		} else if (words == scn_remap_words && accept(p, "to")) {
			if (!parse_addr(p, &op->to))
				return false;
		} else if (accept(p, "flags")) {
			if (!parse_raw_flags(p, &op->flags))
				return false;
		} else if (scn_word_number(words, peek(p), &bit)) {
			op->flags |= bit;
			p->next++;
		} else {
			return fail(p, "not a flag of this operation");
		}
	}
	return true;
}

static bool parse_name(struct parser *p, char out[SCN_NAME_BYTES], const char *what)
{
	const char *text = peek(p);
	size_t n = strlen(text);

	if (n == 0 || n >= SCN_NAME_BYTES)
		return fail(p, what);
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

		if (!letter && !(i && c >= '0' && c <= '9'))
			return fail(p, what);
	}
	memcpy(out, text, n + 1);
	p->next++;
	return true;
}

static bool parse_new_proc(struct parser *p, struct scn_op *op)
{
	struct scn_program *program = p->program;
	char name[SCN_NAME_BYTES];

	if (!parse_name(p, name, "a process name is missing"))
		return false;
	if (find_proc(program, name) != SCN_NONE)
		return fail_back(p, "there is a process of that name already");
	if (program->proc_count == SCN_MAX_PROCS)
		return fail_back(p, "too many processes");
	memcpy(program->proc_name[program->proc_count], name, sizeof(name));
	op->other = program->proc_count++;
	return true;
}

static bool parse_operand(struct parser *p, char letter, struct scn_op *op)
{
	uint32_t n;

	switch (letter) {
	case 'a':
		return parse_addr(p, &op->addr);
	case 'l':
		if (op->verb == SCN_LIMIT && accept(p, "unlimited")) {
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
		if (scn_word_number(scn_advice_words, peek(p), &op->flags)) {
			p->next++;
			return true;
		}
		if (peek(p)[0] < '0' || peek(p)[0] > '9')
			return fail(p, "not an advice");
		return parse_count(p, &op->flags);
	case 'v':
		if (!accept(p, "="))
			return fail(p, "'= VALUE' is missing");
		return parse_byte(p, &op->value);
	case 'x':
		op->times = 1;
		if (peek(p)[0] != 'x')
			return true;
		memmove(p->token[p->next].text, p->token[p->next].text + 1, TOKEN_BYTES - 1);
		if (!parse_count(p, &n))
			return false;
		if (n == 0 || n > 4096)
			return fail_back(p, "1 to 4096 times");
		op->times = (uint16_t)n;
		return true;
	case 'P':
		op->other = (uint8_t)find_proc(p->program, peek(p));
		if (op->other == SCN_NONE)
			return fail(p, "no such process so far");
		p->next++;
		return true;
	case 'N':
		return parse_new_proc(p, op);
	case 'L':
		if (!scn_word_number(scn_limit_words, peek(p), &n))
			return fail(p, "not a limit (stack, memlock, data, as)");
		op->other = (uint8_t)n;
		p->next++;
		return true;
	default: /* w */
		if (at_end(p) || strcmp(peek(p), "->") == 0)
			return true;
		return parse_addr(p, &op->addr) && parse_size(p, &op->len);
	}
}

/* row START..END rw-p [file F] */
static bool parse_row(struct parser *p, struct scn_expect *expect)
{
	struct scn_program *program = p->program;
	struct scn_expect_row *row = &program->row[program->row_count];
	char text[TOKEN_BYTES];
	const char *perms;
	char *dots;

	if (program->row_count == SCN_MAX_ROWS)
		return fail(p, "too many rows");
	snprintf(text, sizeof(text), "%s", peek(p));
	dots = strstr(text, "..");
	if (!dots)
		return fail(p, "START..END is missing");
	*dots = 0;
	if (!parse_addr_text(p, text, &row->start) || !parse_addr_text(p, dots + 2, &row->end))
		return false;
	p->next++;
	perms = peek(p);
	if (strlen(perms) != 4 || !strchr("r-", perms[0]) || !strchr("w-", perms[1]) ||
	    !strchr("x-", perms[2]) || !strchr("ps", perms[3]))
		return fail(p, "protections such as rw-p or r--s are missing");
	row->prot = (uint8_t)((perms[0] == 'r') | (perms[1] == 'w') << 1 | (perms[2] == 'x') << 2);
	row->shared = perms[3] == 's';
	row->file = SCN_NONE;
	p->next++;
	if (accept(p, "file") && !parse_file(p, &row->file))
		return false;
	if (!(expect->set & SCN_EXPECT_ROWS))
		expect->rows_first = program->row_count;
	expect->set |= SCN_EXPECT_ROWS;
	expect->rows_count++;
	program->row_count++;
	return true;
}

static bool parse_pages(struct parser *p, struct scn_expect *expect)
{
	const char *text = peek(p);
	size_t n = strlen(text);

	if (n == 0 || n >= TOKEN_BYTES || strspn(text, "1.") != n)
		return fail(p, "pages are written as 1 and . (such as 11.1)");
	expect->pages_count = (uint8_t)n;
	for (size_t i = 0; i < n; i++)
		expect->pages |= (uint64_t)(text[i] == '1') << i;
	expect->set |= SCN_EXPECT_PAGES;
	p->next++;
	return true;
}

static bool parse_signal(struct parser *p, struct scn_expect *expect, uint32_t signal)
{
	uint32_t code;

	p->next++;
	if (!scn_word_number(scn_code_words, peek(p), &code) || code >> 8 != signal)
		return fail(p, "a code of this signal is missing (such as MAPERR)");
	p->next++;
	expect->set |= SCN_EXPECT_SIGNAL;
	expect->signal = (uint8_t)signal;
	expect->code = (uint8_t)code;
	if (!accept(p, "at"))
		return true;
	expect->set |= SCN_EXPECT_SIGADDR;
	return parse_addr(p, &expect->addr);
}

static bool parse_clause(struct parser *p, struct scn_expect *expect)
{
	uint32_t n;
	int error;

	if (scn_word_number(scn_signal_words, peek(p), &n))
		return parse_signal(p, expect, n);
	error = strcmp(peek(p), "ok") == 0 ? 0 : scn_errno_number(peek(p));
	if (error >= 0) {
		expect->set |= SCN_EXPECT_ERRNO;
		expect->error = error;
		p->next++;
		return true;
	}
	if (accept(p, "value")) {
		expect->set |= SCN_EXPECT_VALUE;
		return parse_byte(p, &expect->value);
	}
	if (accept(p, "minor")) {
		expect->set |= SCN_EXPECT_MINOR;
		return parse_count(p, &expect->minor);
	}
	if (accept(p, "major")) {
		expect->set |= SCN_EXPECT_MAJOR;
		return parse_count(p, &expect->major);
	}
	if (accept(p, "count")) {
		expect->set |= SCN_EXPECT_COUNT;
		return parse_size(p, &expect->count);
	}
	if (accept(p, "at")) {
		expect->set |= SCN_EXPECT_AT;
		return parse_addr(p, &expect->at);
	}
	if (accept(p, "pages"))
		return parse_pages(p, expect);
	if (accept(p, "row"))
		return parse_row(p, expect);
	if (accept(p, "norows")) {
		expect->set |= SCN_EXPECT_ROWS;
		return true;
	}
	return fail(p, "not an expectation");
}

static bool parse_expect(struct parser *p, struct scn_expect *expect)
{
	if (at_end(p))
		return true;
	if (!accept(p, "->"))
		return fail(p, "'->' or the end of the line was expected");
	do {
		if (!parse_clause(p, expect))
			return false;
	} while (accept(p, ","));
	return at_end(p) || fail(p, "',' or the end of the line was expected");
}

/* file NAME shm|disk SIZE [fill BYTE] */
static bool parse_file_line(struct parser *p)
{
	struct scn_program *program = p->program;
	struct scn_file *file = &program->file[program->file_count];

	if (program->file_count == SCN_MAX_FILES)
		return fail(p, "too many files");
	memset(file, 0, sizeof(*file));
	for (unsigned i = 0; i < program->file_count; i++)
		if (strcmp(program->file[i].name, peek(p)) == 0)
			return fail(p, "there is a file of that name already");
	if (!parse_name(p, file->name, "a file name is missing"))
		return false;
	if (accept(p, "disk"))
		file->kind = SCN_FILE_DISK;
	else if (!accept(p, "shm"))
		return fail(p, "shm or disk is missing");
	if (!parse_size(p, &file->size))
		return false;
	if (accept(p, "fill")) {
		file->filled = 1;
		if (!parse_byte(p, &file->fill))
			return false;
	}
	if (!at_end(p))
		return fail(p, "the end of the line was expected");
	program->file_count++;
	return true;
}

/* NAME = ... of map and remap: bound after the operands were read. */
static bool bind_name(struct parser *p, const char *name, struct scn_op *op)
{
	struct scn_program *program = p->program;

	op->name = (uint8_t)find_name(program, name);
	if (op->name != SCN_NONE)
		return true;
	if (program->name_count == SCN_MAX_NAMES)
		return fail_at(p, 1, "too many names", NULL);
	snprintf(program->name[program->name_count], SCN_NAME_BYTES, "%s", name);
	op->name = program->name_count++;
	return true;
}

static bool parse_op(struct parser *p)
{
	struct scn_program *program = p->program;
	struct scn_op *op = &program->op[program->op_count];
	char name[SCN_NAME_BYTES] = "";
	unsigned verb = 0;

	if (program->op_count == SCN_MAX_OPS)
		return fail(p, "too many operations");
	memset(op, 0, sizeof(*op));
	memset(&program->expect[program->op_count], 0, sizeof(struct scn_expect));
	op->file = op->name = op->other = SCN_NONE;
	op->line = p->line;

	size_t n = strlen(peek(p));
	if (n > 1 && peek(p)[n - 1] == ':') {
		p->token[p->next].text[n - 1] = 0;
		op->proc = (uint8_t)find_proc(program, peek(p));
		if (op->proc == SCN_NONE)
			return fail(p, "no such process so far");
		p->next++;
	}
	if (p->next + 1 < p->count && strcmp(p->token[p->next + 1].text, "=") == 0) {
		if (strcmp(peek(p), "arena") == 0 || strcmp(peek(p), "heap") == 0)
			return fail(p, "arena and heap are not names for mappings");
		if (!parse_name(p, name, "not a name"))
			return false;
		p->next++;
	}
	while (verb < SCN_VERBS && strcmp(scn_syntax[verb].name, peek(p)) != 0)
		verb++;
	if (verb == SCN_VERBS)
		return fail(p, "not an operation");
	if (name[0] && verb != SCN_MAP && verb != SCN_REMAP)
		return fail(p, "only map and remap give a name");
	op->verb = (uint8_t)verb;
	p->next++;
	for (const char *letter = scn_syntax[verb].operands; *letter; letter++)
		if (!parse_operand(p, *letter, op))
			return false;
	if (name[0] && !bind_name(p, name, op))
		return false;
	if (!parse_expect(p, &program->expect[program->op_count]))
		return false;
	program->op_count++;
	return true;
}

void scn_program_init(struct scn_program *program)
{
	memset(program, 0, offsetof(struct scn_program, op));
	memset(program->op, 0, sizeof(program->op[0]));
	memset(program->expect, 0, sizeof(program->expect[0]));
	program->proc_count = 1;
	memcpy(program->proc_name[0], "main", 5);
}

bool scn_parse(const char *text, size_t bytes, struct scn_program *out, struct scn_error *error)
{
	struct parser p = {.program = out, .error = error};
	size_t at = 0;

	scn_program_init(out);
	while (at < bytes) {
		const char *end = memchr(text + at, '\n', bytes - at);
		size_t length = end ? (size_t)(end - text) - at : bytes - at;

		p.line++;
		if (!split(&p, text + at, length))
			return false;
		at += length + 1;
		if (p.count == 0)
			continue;
		if (accept(&p, "file") ? !parse_file_line(&p) : !parse_op(&p))
			return false;
	}
	return true;
}
