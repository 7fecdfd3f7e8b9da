/* SPDX-License-Identifier: MIT */
/* The four functions of a C library that Quire needs; a freestanding build brings its own. */
#ifndef QR_BYTES_H
#define QR_BYTES_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif
