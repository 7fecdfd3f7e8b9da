/* SPDX-License-Identifier: MIT */
/* What every file of the reference kernel may use: lists, memory, strings, log, panic. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quire/quire.h>

#include "abi/errno.h"
#include "kern/list.h"

typedef int32_t pid_t;
typedef uint32_t uid_t;
typedef uint32_t gid_t;

#define PAGE_SIZE     4096ul
#define PAGE_MASK     (PAGE_SIZE - 1)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))
/* clang-format off */
#define ALIGN_UP(n, to)   (((n) + (to) - 1) & ~((typeof(n))(to) - 1))
#define ALIGN_DOWN(n, to) ((n) & ~((typeof(n))(to) - 1))
/* clang-format on */
#define NSEC_PER_SEC ((uint64_t)1000000000)

/* The one system of this kernel (port/system.h). */
extern struct quire_system *the_system;

/* What uname(2) and /proc say. */
#define KERNEL_RELEASE "6.18.0-quire"
#define HOST_NAME_SIZE 65
extern char host_name[HOST_NAME_SIZE];

/* For 64-bit values in formats, as <inttypes.h> has them: that is no header of a freestanding C. */
#if __SIZEOF_LONG__ == 8
#define PRIu64 "lu"
#define PRIx64 "lx"
#else
#define PRIu64 "llu"
#define PRIx64 "llx"
#endif

/* --- log -------------------------------------------------------------------------------------- */

/* %d %i %u %x %X %c %s %p %o, with l, ll, z, h, 0, -, +, width, precision and '*'. To the log port, never to
 * the program's console. Any context. */
void printk(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The machine is about to panic: this CPU may be the one that holds the log's lock. */
void log_break_lock(void);
int ksnprintf(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int kvsnprintf(char *buffer, size_t size, const char *format, va_list args);

/* Reports to the log port and ends the machine with the code that `quire run` shows as a panic. */
void panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#define BUG_ON(condition)                                                   \
	do {                                                                \
		if (condition)                                              \
			panic("%s:%d: %s", __FILE__, __LINE__, #condition); \
	} while (0)

/* --- memory ----------------------------------------------------------------------------------- */

/* Any size; 16-byte aligned; NULL when no frame is free. Does not sleep; not from interrupts. */
void *kmalloc(size_t bytes);
void *kzalloc(size_t bytes);
/* A new, larger or smaller copy; on NULL the old one is untouched. */
void *krealloc(void *old, size_t old_bytes, size_t bytes);
void kfree(void *object); /* NULL is fine */
char *kstrdup(const char *text);

/* One frame, linearly mapped. `zero`: cleared. NULL when there is none. */
void *page_alloc(void);
void *page_zalloc(void);
void page_free(void *page);

/* --- strings ---------------------------------------------------------------------------------- */

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int byte, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *what);
/* Copies what fits and ends it with a NUL. Returns strlen(from). */
size_t strlcpy(char *to, const char *from, size_t size);
/* Decimal, or hexadecimal after 0x. *end: first character that is no digit. */
uint64_t strtoul64(const char *s, const char **end);

/* xorshift, and what arch_entropy() gives: not for secrets. */
void random_bytes(void *buffer, size_t n);

#endif
