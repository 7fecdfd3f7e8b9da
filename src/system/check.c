/* SPDX-License-Identifier: MIT */
/* quire_check(): recomputes every count and every link of the system. */
#include "system/checker.h"

#include <stdarg.h>

bool qr_check_fail(struct qr_checker *checker, const char *format, ...)
{
	struct qr_text *text = &checker->why;
	va_list values;

	va_start(values, format);
	for (const char *at = format; *at; at++) {
		if (*at != '%' || at[1] == '\0') {
			qr_text_char(text, *at);
			continue;
		}
		switch (*++at) {
		case 'u':
			qr_text_number(text, va_arg(values, uint64_t), 10, 1);
			break;
		case 'x':
			qr_text_string(text, "0x");
			qr_text_number(text, va_arg(values, uint64_t), 16, 1);
			break;
		case 's':
			qr_text_string(text, va_arg(values, const char *));
			break;
		default:
			qr_text_char(text, *at);
			break;
		}
	}
	va_end(values);
	return false;
}

enum quire_status quire_check(struct quire_system *system, char *why, size_t size)
{
	struct qr_checker checker = {.system = system, .why = qr_text_in(why, why ? size : 0)};

	if (qr_check_lists(&checker) && qr_check_trees(&checker) && qr_check_spaces(&checker) &&
	    qr_check_swap(&checker) && qr_check_frames(&checker))
		return QUIRE_OK;
	return QUIRE_EINVAL;
}
