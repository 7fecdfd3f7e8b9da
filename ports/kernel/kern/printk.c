/* SPDX-License-Identifier: MIT */
/* Formatted text: into buffers, into the log, and as the last words. */
#include <stdarg.h>

#include "arch.h"
#include "kern/lock.h"
#include "kern/report.h"

struct out {
	char *buffer;
	size_t size, length;
};

struct spec {
	bool left, zero, plus, space, alternate;
	int width, precision; /* precision -1: not given */
	unsigned longs;       /* 0: int, 1: long, 2 and more: 64 bits */
};

static void put(struct out *out, char c)
{
	if (out->length + 1 < out->size)
		out->buffer[out->length] = c;
	out->length++;
}

static void pad(struct out *out, char c, int n)
{
	while (n-- > 0)
		put(out, c);
}

static void put_text(struct out *out, const struct spec *spec, const char *text)
{
	size_t n = spec->precision >= 0 ? strnlen(text, (size_t)spec->precision) : strlen(text);

	if (!spec->left)
		pad(out, ' ', spec->width - (int)n);
	for (size_t i = 0; i < n; i++)
		put(out, text[i]);
	if (spec->left)
		pad(out, ' ', spec->width - (int)n);
}

static void put_number(struct out *out, const struct spec *spec, uint64_t n, unsigned base, bool upper,
		       const char *sign)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24];
	int count = 0, zeroes, total;

	do {
		text[count++] = digits[n % base];
		n /= base;
	} while (n);
	zeroes = spec->precision > count ? spec->precision - count : 0;
	total = count + zeroes + (int)strlen(sign);
	if (spec->zero && !spec->left && spec->precision < 0 && spec->width > total) {
		zeroes += spec->width - total;
		total = spec->width;
	}
	if (!spec->left)
		pad(out, ' ', spec->width - total);
	while (*sign)
		put(out, *sign++);
	pad(out, '0', zeroes);
	while (count)
		put(out, text[--count]);
	if (spec->left)
		pad(out, ' ', spec->width - total);
}

static const char *parse_spec(const char *f, struct spec *spec, va_list *args)
{
	*spec = (struct spec){.precision = -1};
	for (;; f++) {
		if (*f == '-')
			spec->left = true;
		else if (*f == '0')
			spec->zero = true;
		else if (*f == '+')
			spec->plus = true;
		else if (*f == ' ')
			spec->space = true;
		else if (*f == '#')
			spec->alternate = true;
		else
			break;
	}
	if (*f == '*') {
		spec->width = va_arg(*args, int);
		f++;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		spec->width = spec->width * 10 + (*f - '0');
	if (*f == '.') {
		spec->precision = 0;
		if (*++f == '*') {
			spec->precision = va_arg(*args, int);
			f++;
		}
		for (; *f >= '0' && *f <= '9'; f++)
			spec->precision = spec->precision * 10 + (*f - '0');
	}
	for (; *f == 'l' || *f == 'z' || *f == 'h'; f++) /* size_t has the bits of a long */
		spec->longs += *f != 'h';
	return f;
}

static void put_signed(struct out *out, const struct spec *spec, int64_t n)
{
	const char *sign = n < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

	put_number(out, spec, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, 10, false, sign);
}

static int64_t take_signed(const struct spec *spec, va_list *args)
{
	if (spec->longs > 1)
		return va_arg(*args, int64_t);
	return spec->longs ? va_arg(*args, long) : va_arg(*args, int);
}

static uint64_t take_unsigned(const struct spec *spec, va_list *args)
{
	if (spec->longs > 1)
		return va_arg(*args, uint64_t);
	return spec->longs ? va_arg(*args, unsigned long) : va_arg(*args, unsigned);
}

static void put_conversion(struct out *out, char c, const struct spec *spec, va_list *args)
{
	char text[2] = {0, 0};
	uint64_t n;

	switch (c) {
	case 'd':
	case 'i':
		put_signed(out, spec, take_signed(spec, args));
		return;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		n = take_unsigned(spec, args);
		put_number(out, spec, n,
			   c == 'u'   ? 10
			   : c == 'o' ? 8
				      : 16,
			   c == 'X',
			   spec->alternate && n ? c == 'o'   ? "0"
						  : c == 'u' ? ""
							     : "0x"
						: "");
		return;
	case 'p':
		put_number(out, spec, (uintptr_t)va_arg(*args, void *), 16, false, "0x");
		return;
	case 'c':
		text[0] = (char)va_arg(*args, int);
		if (text[0])
			put_text(out, spec, text);
		else
			put(out, '\0');
		return;
	case 's':
		put_text(out, spec, va_arg(*args, const char *));
		return;
	default:
		put(out, '%');
		if (c != '%')
			put(out, c);
		return;
	}
}

int kvsnprintf(char *buffer, size_t size, const char *format, va_list given)
{
	struct out out = {buffer, size, 0};
	va_list args;

	va_copy(args, given);
	for (const char *f = format; *f; f++) {
		struct spec spec;

		if (*f != '%') {
			put(&out, *f);
			continue;
		}
		f = parse_spec(f + 1, &spec, &args);
		if (!*f)
			break;
		put_conversion(&out, *f, &spec, &args);
	}
	va_end(args);
	if (size)
		buffer[MIN(out.length, size - 1)] = '\0';
	return (int)out.length;
}

int ksnprintf(char *buffer, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = kvsnprintf(buffer, size, format, args);
	va_end(args);
	return n;
}

/* One writer at a time, so that lines stay whole. A CPU that panics, or is about to, does not wait. */
static struct spinlock log_lock;
static bool lock_broken; /* atomic */

void log_break_lock(void)
{
	__atomic_store_n(&lock_broken, true, __ATOMIC_RELAXED);
}

void printk(const char *format, ...)
{
	char line[896]; /* the longest is that of a fault with its steps */
	va_list args;
	int n;

	va_start(args, format);
	n = kvsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (__atomic_load_n(&lock_broken, __ATOMIC_RELAXED)) {
		arch_log_write(line, MIN((size_t)n, sizeof(line) - 1));
		return;
	}
	spin_lock(&log_lock);
	arch_log_write(line, MIN((size_t)n, sizeof(line) - 1));
	spin_unlock(&log_lock);
}

void panic(const char *format, ...)
{
	static volatile uint32_t panicking;
	char line[512];
	va_list args;
	size_t n;

	arch_irq_off();
	/* The first one speaks; the others, and a panic of the panic, just stop. */
	if (!__atomic_exchange_n(&panicking, 1, __ATOMIC_ACQ_REL)) {
		va_start(args, format);
		n = (size_t)kvsnprintf(line, sizeof(line), format, args);
		va_end(args);
		arch_log_write("\npanic: ", 8);
		arch_log_write(line, MIN(n, sizeof(line) - 1));
		arch_log_write("\n", 1);
	}
	arch_end_machine(MACHINE_PANIC);
}
