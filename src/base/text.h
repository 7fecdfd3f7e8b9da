/* SPDX-License-Identifier: MIT */
/* Text into a buffer of the caller: what does not fit is left out, what is there ends in a zero byte. */
#ifndef QR_TEXT_H
#define QR_TEXT_H

#include <stdarg.h>

#include "base/mem.h"

struct qr_text {
	char *buffer; /* NULL: nothing is written */
	size_t size;  /* bytes of it */
	size_t used;  /* without the zero byte */
};

static inline struct qr_text qr_text_in(char *buffer, size_t size)
{
	if (size > 0)
		buffer[0] = '\0';
	return (struct qr_text){.buffer = size > 0 ? buffer : NULL, .size = size};
}

void qr_text_char(struct qr_text *text, char c);
void qr_text_string(struct qr_text *text, const char *string);
/* `value` in `base` (10 or 16), with zeroes in front up to `width` digits. */
void qr_text_number(struct qr_text *text, uint64_t value, unsigned base, unsigned width);
/* By `format`: %u a uint64_t, %x the same in hexadecimal, %s a string. */
void qr_text_format(struct qr_text *text, const char *format, va_list values);

#endif
