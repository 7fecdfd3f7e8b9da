/* SPDX-License-Identifier: MIT */
/* Text into a buffer. */
#include "base/text.h"

void qr_text_char(struct qr_text *text, char c)
{
	if (!text->buffer || text->used + 1 >= text->size)
		return;
	text->buffer[text->used++] = c;
	text->buffer[text->used] = '\0';
}

void qr_text_string(struct qr_text *text, const char *string)
{
	while (*string)
		qr_text_char(text, *string++);
}

void qr_text_number(struct qr_text *text, uint64_t value, unsigned base, unsigned width)
{
	char digit[20];
	unsigned count = 0;

	do {
		digit[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value > 0 || (count < width && count < sizeof(digit)));
	while (count > 0)
		qr_text_char(text, digit[--count]);
}

void qr_text_format(struct qr_text *text, const char *format, va_list values)
{
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
}
