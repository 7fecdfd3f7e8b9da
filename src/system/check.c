/* SPDX-License-Identifier: MIT */
/* quire_check(): recomputes every count and every link of the system. */
#include "system/checker.h"

#include <stdarg.h>

static void put_char(struct qr_checker *checker, char c)
{
	if (checker->why && checker->at + 1 < checker->size)
		checker->why[checker->at++] = c;
}

static void put_string(struct qr_checker *checker, const char *text)
{
	while (*text)
		put_char(checker, *text++);
}

static void put_number(struct qr_checker *checker, uint64_t value, unsigned base)
{
	char digit[20];
	unsigned count = 0;

	do {
		digit[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value > 0);
	while (count > 0)
		put_char(checker, digit[--count]);
}

bool qr_check_fail(struct qr_checker *checker, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	for (const char *at = format; *at; at++) {
		if (*at != '%' || at[1] == '\0') {
			put_char(checker, *at);
			continue;
		}
		switch (*++at) {
		case 'u':
			put_number(checker, va_arg(values, uint64_t), 10);
			break;
		case 'x':
			put_string(checker, "0x");
			put_number(checker, va_arg(values, uint64_t), 16);
			break;
		case 's':
			put_string(checker, va_arg(values, const char *));
			break;
		default:
			put_char(checker, *at);
			break;
		}
	}
	va_end(values);
	if (checker->why && checker->size > 0)
		checker->why[checker->at] = '\0';
	return false;
}

enum quire_status quire_check(struct quire_system *system, char *why, size_t size)
{
	struct qr_checker checker = {.system = system, .why = size > 0 ? why : NULL, .size = size};

	if (checker.why)
		why[0] = '\0';
	if (qr_check_lists(&checker) && qr_check_trees(&checker) && qr_check_spaces(&checker) &&
	    qr_check_swap(&checker) && qr_check_frames(&checker))
		return QUIRE_OK;
	return QUIRE_EINVAL;
}
