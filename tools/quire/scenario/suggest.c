/* SPDX-License-Identifier: MIT */
/* What may stand where the parser did not understand a word, and which of it is nearest to that word. */
#include "parse.h"

#include <string.h>

void choices_add(struct choices *choices, const char *word)
{
	if (choices->count < MAX_CHOICES)
		choices->word[choices->count++] = word;
}

void choices_add_words(struct choices *choices, const struct scn_word *words)
{
	for (; words->name; words++)
		choices_add(choices, words->name);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters to add, drop, change or swap with their neighbours make one word of the other. Upper and
 * lower case count as equal. Both are shorter than TOKEN_BYTES. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][TOKEN_BYTES + 1];
	unsigned *above = rows[0], *row = rows[1], *twice_above = rows[2];
	size_t n = strlen(b);

	for (unsigned k = 0; k <= n; k++)
		above[k] = k;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned *next = twice_above;

		row[0] = i;
		for (unsigned k = 1; k <= n; k++) {
			bool same = lower(a[i - 1]) == lower(b[k - 1]);

			row[k] = least(above[k - 1] + !same, least(above[k], row[k - 1]) + 1);
			if (i > 1 && k > 1 && lower(a[i - 1]) == lower(b[k - 2]) &&
			    lower(a[i - 2]) == lower(b[k - 1]))
				row[k] = least(row[k], twice_above[k - 2] + 1);
		}
		twice_above = above;
		above = row;
		row = next;
	}
	return above[n];
}

/* The choice that a misspelt word most likely meant; NULL: none is near. */
static const char *nearest(const struct choices *choices, const char *word)
{
	unsigned length = (unsigned)strlen(word), best = least((length + 2) / 3, 2) + 1;
	const char *found = NULL;

	for (unsigned i = 0; i < choices->count; i++) {
		unsigned far;

		if (strlen(choices->word[i]) >= TOKEN_BYTES)
			continue;
		far = distance(word, choices->word[i]);
		if (far < best && far < length) {
			best = far;
			found = choices->word[i];
		}
	}
	return found;
}

static void list(const struct choices *choices, char *to, size_t room)
{
	size_t used = (size_t)snprintf(to, room, "here may stand:");

	for (unsigned i = 0; i < choices->count && used < room; i++)
		used += (size_t)snprintf(to + used, room - used, "%s %s", i ? "," : "", choices->word[i]);
}

bool parse_fail_choice(struct parser *p, const char *what, const struct choices *choices)
{
	const char *word = parse_peek(p), *meant = nearest(choices, word);
	struct scn_error *error = p->error;

	parse_fail(p, what);
	if (meant) {
		size_t used = strlen(error->text);

		snprintf(error->text + used, sizeof(error->text) - used, "; did you mean '%s'?", meant);
	}
	if (choices->count)
		list(choices, error->hint, sizeof(error->hint));
	return false;
}

bool parse_fail_limit(struct parser *p, const char *things, unsigned most)
{
	char what[80];

	snprintf(what, sizeof(what), "too many %s: a scenario has at most %u", things, most);
	return parse_fail_at(p, p->next < p->count ? p->token[p->next].column : p->end_column, what, NULL);
}
