/* SPDX-License-Identifier: MIT */
/* Assertions of three strengths, and what the library says to people. */
#ifndef QR_ASSERT_H
#define QR_ASSERT_H

#include <quire/types.h>

struct quire_system;

/* Tells the host that the library found itself wrong; does not return (src/base/assert.c). */
#if defined(__GNUC__)
__attribute__((noreturn, cold))
#endif
void qr_panic(const struct quire_system *system, const char *text);

/* One line for the system's log: something is wrong, and the library continues. */
#if defined(__GNUC__)
__attribute__((cold))
#endif
void qr_log(const struct quire_system *system, const char *text);

#define QR_STRING1(x) #x
#define QR_STRING(x)  QR_STRING1(x)

/* Cheap, always on in what people run. */
#define qr_assert(system, condition)                                                          \
	do {                                                                                  \
		if (QUIRE_CONFIG_CHECK >= 1 && !(condition))                                  \
			qr_panic((system), __FILE__ ":" QR_STRING(__LINE__) ": " #condition); \
	} while (0)

/* Contracts at an entry: what the caller promised. */
#define qr_assert_contract(system, condition)                                                 \
	do {                                                                                  \
		if (QUIRE_CONFIG_CHECK >= 2 && !(condition))                                  \
			qr_panic((system), __FILE__ ":" QR_STRING(__LINE__) ": " #condition); \
	} while (0)

/* Whole structures: linear in their size. */
#define qr_assert_whole(system, condition)                                                    \
	do {                                                                                  \
		if (QUIRE_CONFIG_CHECK >= 3 && !(condition))                                  \
			qr_panic((system), __FILE__ ":" QR_STRING(__LINE__) ": " #condition); \
	} while (0)

#endif
