/* SPDX-License-Identifier: MIT */
/* quire_check(): recomputes every count and every link of the system. */
#include "system/checker.h"

#include <stdarg.h>

bool qr_check_fail(struct qr_checker *checker, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	qr_text_format(&checker->why, format, values);
	va_end(values);
	return false;
}

enum quire_status quire_check(struct quire_system *system, char *why, size_t size)
{
	struct qr_checker checker = {.system = system, .why = qr_text_in(why, why ? size : 0)};

	if (qr_check_lists(&checker) && qr_check_trees(&checker) && qr_check_spaces(&checker) &&
	    qr_check_swap(&checker) && qr_check_groups(&checker) && qr_check_frames(&checker))
		return QUIRE_OK;
	return QUIRE_EINVAL;
}
