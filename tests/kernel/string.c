// SPDX-License-Identifier: MIT
/* The kernel's functions that read a word at a time, at every alignment and of many lengths, up to the last byte of a
 * page before memory that may not be read. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* The C library keeps its own. */
#define memcpy  kernel_memcpy
#define memmove kernel_memmove
#define memset  kernel_memset
#define memcmp  kernel_memcmp
#define memchr  kernel_memchr
#define strlen  kernel_strlen
#define strnlen kernel_strnlen
#define strcmp  kernel_strcmp
#define strncmp kernel_strncmp
#define strchr  kernel_strchr
#define strrchr kernel_strrchr
#define strstr  kernel_strstr
#define strlcpy kernel_strlcpy

#include "../../ports/kernel/kern/string.c"

#define CHECK(condition)                                                                          \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			printf("string.c:%d: not %s, %zu bytes at %p\n", __LINE__, #condition, n, \
			       (void *)s);                                                        \
			fflush(stdout);                                                           \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

#define LONGEST 70

void *arch_memcpy(void *to, const void *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((char *)to)[i] = ((const char *)from)[i];
	return to;
}

void *arch_memset(void *to, int byte, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((char *)to)[i] = (char)byte;
	return to;
}

/* No byte of the others is what is looked for, or differs from it in one bit only. */
static const char others[] = {'a', 1, (char)0x80, (char)0xff, (char)0x81, 0x7f};

static void lengths(char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		s[i] = others[(i + n) % sizeof(others)];
	s[n] = 0;
	CHECK(strlen(s) == n);
	CHECK(memchr(s, 0, n) == NULL);
	CHECK(memchr(s, 0, n + 1) == s + n);
	CHECK(memchr(s, 'b', n + 1) == NULL);
	if (n) {
		s[n / 2] = 'b';
		CHECK(memchr(s, 'b', n) == s + n / 2);
		CHECK(memchr(s, 'b', n / 2) == NULL);
		CHECK(memchr(s, 0x100 + 'b', n) == s + n / 2);
		s[n / 2] = 0;
		CHECK(strlen(s) == n / 2);
		CHECK(memchr(s, 0, n + 1) == s + n / 2);
	}
}

int main(void)
{
	char *page = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *end = page + PAGE_SIZE;

	if (page == MAP_FAILED || mprotect(end, PAGE_SIZE, PROT_NONE)) {
		perror("mmap");
		return 1;
	}
	for (size_t n = 0; n < LONGEST; n++)
		for (size_t before = n + 1; before < n + 20; before++)
			lengths(end - before, n);
	printf("string: %u strings of words of %zu bytes\n", LONGEST * 19, sizeof(word_of_bytes));
	return 0;
}
