/* SPDX-License-Identifier: MIT */
/* Bytes and strings. The compiler may call the first four by itself. */
#include "arch.h"
#include "kern/kernel.h"

/* A word at a time: one that lies in one page with a byte that may be read may be read whole. */
#define EACH(byte) ((uintptr_t)0x0101010101010101 * (uint8_t)(byte))

typedef uintptr_t word_of_bytes __attribute__((may_alias));

/* Whether one of the word's bytes is 0. The lowest bit of the result is in the first of them. */
static inline uintptr_t zero_bytes(uintptr_t word)
{
	return (word - EACH(1)) & ~word & EACH(0x80);
}

static inline bool is_aligned(const void *p)
{
	return ((uintptr_t)p & (sizeof(word_of_bytes) - 1)) == 0;
}

void *memcpy(void *to, const void *from, size_t n)
{
	return arch_memcpy(to, from, n);
}

void *memset(void *to, int byte, size_t n)
{
	return arch_memset(to, byte, n);
}

void *memmove(void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	if (t <= f || t >= f + n)
		return arch_memcpy(to, from, n);
	while (n--)
		t[n] = f[n];
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n; n--, x++, y++) {
		if (*x != *y)
			return *x - *y;
	}
	return 0;
}

void *memchr(const void *s, int byte, size_t n)
{
	const unsigned char *p = s, *end = p + n;

	for (; p < end && !is_aligned(p); p++) {
		if (*p == (unsigned char)byte)
			return (void *)(uintptr_t)p;
	}
	for (; (size_t)(end - p) >= sizeof(word_of_bytes); p += sizeof(word_of_bytes)) {
		uintptr_t found = zero_bytes(*(const word_of_bytes *)(const void *)p ^ EACH(byte));

		if (found)
			return (void *)(uintptr_t)(p + (unsigned)__builtin_ctzl(found) / 8);
	}
	for (; p < end; p++) {
		if (*p == (unsigned char)byte)
			return (void *)(uintptr_t)p;
	}
	return NULL;
}

size_t strlen(const char *s)
{
	const char *p = s;
	uintptr_t zeroes;

	for (; !is_aligned(p); p++) {
		if (!*p)
			return (size_t)(p - s);
	}
	while (!(zeroes = zero_bytes(*(const word_of_bytes *)(const void *)p)))
		p += sizeof(word_of_bytes);
	return (size_t)(p - s) + (unsigned)__builtin_ctzl(zeroes) / 8;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++) {
		if (*a != *b || !*a)
			return (unsigned char)*a - (unsigned char)*b;
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)(uintptr_t)found;
	}
}

char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	for (; *s; s++) {
		if (!strncmp(s, what, n))
			return (char *)(uintptr_t)s;
	}
	return n ? NULL : (char *)(uintptr_t)s;
}

size_t strlcpy(char *to, const char *from, size_t size)
{
	size_t n = strlen(from), copied;

	if (!size)
		return n;
	copied = MIN(n, size - 1);
	memcpy(to, from, copied);
	to[copied] = '\0';
	return n;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

uint64_t strtoul64(const char *s, const char **end)
{
	uint64_t n = 0, base = 10;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	for (; digit_of(*s) < (int)base; s++)
		n = n * base + (uint64_t)digit_of(*s);
	if (end)
		*end = s;
	return n;
}
