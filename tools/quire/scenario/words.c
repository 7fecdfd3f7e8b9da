/* SPDX-License-Identifier: MIT */
/* Splits a line of a scenario into words and parses them: sizes, addresses, names, protections. */
#include "parse.h"

#include <string.h>

bool parse_fail_at(struct parser *p, unsigned column, const char *what, const char *word)
{
	p->error->line = p->line;
	p->error->column = column;
	p->error->hint[0] = 0;
	snprintf(p->error->text, sizeof(p->error->text), "%s%s%.40s%s", what, word ? ": '" : "",
		 word ? word : "", word ? "'" : "");
	for (char *c = p->error->text; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
	return false;
}

bool parse_fail(struct parser *p, const char *what)
{
	if (p->next < p->count)
		return parse_fail_at(p, p->token[p->next].column, what, p->token[p->next].text);
	return parse_fail_at(p, p->end_column, what, NULL);
}

/* Reports an error at the previous word. */
bool parse_fail_back(struct parser *p, const char *what)
{
	p->next--;
	return parse_fail(p, what);
}

/* Characters that are words by themselves. */
#define ALONE ",=[]"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Splits a line into words; ',' and '=', brackets and "->" are words of their own; '#' ends the line. */
bool parse_split(struct parser *p, const char *line, size_t bytes)
{
	size_t i = 0;

	p->count = p->next = 0;
	while (i < bytes && line[i] != '#') {
		size_t start = i;

		if (is_space(line[i])) {
			i++;
			continue;
		}
		if (strchr(ALONE, line[i]) && line[i]) {
			i++;
		} else if (line[i] == '-' && i + 1 < bytes && line[i + 1] == '>') {
			i += 2;
		} else {
			while (i < bytes && !is_space(line[i]) && !strchr(ALONE "#", line[i]) &&
			       !(line[i] == '-' && i + 1 < bytes && line[i + 1] == '>'))
				i++;
		}
		if (i == start)
			return parse_fail_at(p, (unsigned)start + 1, "a zero byte", NULL);
		if (p->count == MAX_TOKENS)
			return parse_fail_at(p, (unsigned)start + 1, "too many words in one line", NULL);
		if (i - start >= TOKEN_BYTES)
			return parse_fail_at(p, (unsigned)start + 1,
					     line[start] >= '0' && line[start] <= '9'
						 ? "a number is too large"
						 : "a word is too long: at most 63 characters",
					     NULL);
		memcpy(p->token[p->count].text, line + start, i - start);
		p->token[p->count].text[i - start] = 0;
		p->token[p->count++].column = (unsigned)start + 1;
	}
	p->end_column = (unsigned)i + 1;
	return true;
}

const char *parse_peek(const struct parser *p)
{
	return p->next < p->count ? p->token[p->next].text : "";
}

bool parse_accept(struct parser *p, const char *word)
{
	if (strcmp(parse_peek(p), word) != 0)
		return false;
	p->next++;
	return true;
}

bool parse_at_end(const struct parser *p)
{
	return p->next == p->count;
}

bool parse_number(const char **text, uint64_t *out)
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

bool parse_is_too_large(const char *text)
{
	while (*text) {
		const char *at = text;
		uint64_t n;

		if (*text < '0' || *text > '9')
			text++;
		else if (!parse_number(&at, &n) && text[1] != 'x')
			return true;
		else
			text = at == text ? text + 1 : at;
	}
	return false;
}

/* The sum of terms such as 2p, 4K, 0x10, with signs between them. */
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
		if (!parse_number(&text, &n))
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

bool parse_size(struct parser *p, struct scn_size *out)
{
	if (parse_at_end(p))
		return parse_fail(p, "a size is missing");
	if (!size_terms(parse_peek(p), false, out))
		return parse_fail(p, parse_is_too_large(parse_peek(p))
					 ? "the number is too large"
					 : "not a size (such as 2p, 4K, 0x10, 2p+1)");
	p->next++;
	return true;
}

unsigned parse_find_name(const struct scn_program *program, const char *name)
{
	for (unsigned i = 0; i < program->name_count; i++)
		if (strcmp(program->name[i], name) == 0)
			return i;
	return SCN_NONE;
}

static bool fail_mapping(struct parser *p, const char *name)
{
	struct choices choices = {{"arena", "heap", "kernel"}, 3};

	for (unsigned i = 0; i < p->program->name_count; i++)
		choices_add(&choices, p->program->name[i]);
	snprintf(p->missing_name, sizeof(p->missing_name), "%.15s", name);
	return parse_fail_choice(p, "no mapping of that name so far", &choices);
}

bool parse_addr_text(struct parser *p, const char *text, struct scn_addr *out)
{
	char base[TOKEN_BYTES];
	size_t n = strcspn(text, "+-");
	uint64_t absolute;
	const char *digits = base;

	memset(out, 0, sizeof(*out));
	if (n == 0 || n >= sizeof(base))
		return parse_fail(p, "not an address (such as arena+2p, A-1, A.end, 0x1000)");
	memcpy(base, text, n);
	base[n] = 0;
	if (text[n] && !size_terms(text + n, true, &out->off))
		return parse_fail(p, parse_is_too_large(text + n) ? "the number is too large"
								  : "not an offset (such as +2p or -1)");
	if (strcmp(base, "arena") == 0) {
		out->base = SCN_BASE_ARENA;
	} else if (strcmp(base, "heap") == 0) {
		out->base = SCN_BASE_HEAP;
	} else if (strcmp(base, "kernel") == 0) {
		out->base = SCN_BASE_KERNEL;
	} else if (base[0] >= '0' && base[0] <= '9') {
		if (!parse_number(&digits, &absolute) || (*digits && strcmp(digits, "p") != 0))
			return parse_fail(p, parse_is_too_large(base) ? "the number is too large"
								      : "not a number");
		out->base = SCN_BASE_ZERO;
		if (*digits == 'p') {
			if (absolute > 0x3fffffff || out->off.pages < -0x3fffffff ||
			    out->off.pages > 0x3fffffff)
				return parse_fail(p, "the address is too far");
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
		out->name = (uint8_t)parse_find_name(p->program, base);
		if (out->name == SCN_NONE)
			return fail_mapping(p, base);
	}
	return true;
}

bool parse_addr(struct parser *p, struct scn_addr *out)
{
	if (parse_at_end(p))
		return parse_fail(p, "an address is missing");
	if (!parse_addr_text(p, parse_peek(p), out))
		return false;
	p->next++;
	return true;
}

bool parse_byte(struct parser *p, uint8_t *out)
{
	const char *text = parse_peek(p);
	uint64_t n;

	if (!parse_number(&text, &n) || *text || n > 255)
		return parse_fail(p, "not a byte (0 to 255)");
	*out = (uint8_t)n;
	p->next++;
	return true;
}

bool parse_count(struct parser *p, uint32_t *out)
{
	const char *text = parse_peek(p);
	uint64_t n;

	if (!parse_number(&text, &n) || *text || n > UINT32_MAX)
		return parse_fail(p, !*text || parse_is_too_large(text) ? "not a number from 0 to 4294967295"
									: "not a number");
	*out = (uint32_t)n;
	p->next++;
	return true;
}

static bool fail_file(struct parser *p)
{
	struct choices choices = {.count = 0};

	for (unsigned i = 0; i < p->program->file_count; i++)
		choices_add(&choices, p->program->file[i].name);
	snprintf(p->missing_file, sizeof(p->missing_file), "%.15s", parse_peek(p));
	return parse_fail_choice(p, "no such file", &choices);
}

bool parse_file(struct parser *p, uint8_t *out)
{
	for (unsigned i = 0; i < p->program->file_count; i++) {
		if (strcmp(p->program->file[i].name, parse_peek(p)) == 0) {
			*out = (uint8_t)i;
			p->next++;
			return true;
		}
	}
	return fail_file(p);
}

unsigned parse_find_proc(const struct scn_program *program, const char *name)
{
	for (unsigned i = 0; i < program->proc_count; i++)
		if (strcmp(program->proc_name[i], name) == 0)
			return i;
	return SCN_NONE;
}

/* Letters r, w, x or "none", then +growsdown, +growsup; or a number. */
bool parse_prot(struct parser *p, uint32_t *out)
{
	const char *text = parse_peek(p);
	uint64_t n;

	*out = 0;
	if (text[0] == '0') {
		if (!parse_number(&text, &n) || *text || n > UINT32_MAX)
			return parse_fail(p, "not a protection");
		*out = (uint32_t)n;
		p->next++;
		return true;
	}
	if (strncmp(text, "none", 4) == 0) {
		text += 4;
	} else {
		if (!*text || !strchr("rwx", *text))
			return parse_fail(p, "not a protection (r, w, x together, or none)");
		for (; *text && *text != '+'; text++) {
			unsigned bit = *text == 'r' ? 1 : *text == 'w' ? 2 : *text == 'x' ? 4 : 0;

			if (!bit || *out & bit)
				return parse_fail(p, "not a protection (r, w, x together, or none)");
			*out |= bit;
		}
	}
	if (strcmp(text, "+growsdown") == 0)
		*out |= SCN_PROT_GROWSDOWN;
	else if (strcmp(text, "+growsup") == 0)
		*out |= SCN_PROT_GROWSUP;
	else if (*text)
		return parse_fail(p, "not a protection");
	p->next++;
	return true;
}

bool parse_name(struct parser *p, char out[SCN_NAME_BYTES], const char *what)
{
	const char *text = parse_peek(p);
	size_t n = strlen(text);

	if (n == 0 || n >= SCN_NAME_BYTES)
		return parse_fail(p, what);
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

		if (!letter && !(i && c >= '0' && c <= '9'))
			return parse_fail(p, what);
	}
	memcpy(out, text, n + 1);
	p->next++;
	return true;
}
