/* SPDX-License-Identifier: MIT */
/* The binary interface of this machine's programs: which one it is, and its word.
 *
 *   <architecture>.h     what is particular to one: names, numbers, structures that no other has
 *   <architecture>.def   its system calls, by number
 *   the other headers    what Linux has alike on all, with members of abi_long and abi_ulong
 *
 * The compiler of the kernel is the compiler of its programs: it lays a structure out as theirs does. */
#ifndef ABI_ABI_H
#define ABI_ABI_H

#include <stddef.h>
#include <stdint.h>

#include "user_abi.h" /* of the architecture's folder: ABI_LONG_BYTES and more */

#if ABI_LONG_BYTES == 8
typedef int64_t abi_long;
typedef uint64_t abi_ulong;
#elif ABI_LONG_BYTES == 4
typedef int32_t abi_long;
typedef uint32_t abi_ulong;
#else
#error "ABI_LONG_BYTES is 4 or 8"
#endif

#define ABI_LONG_BITS (8 * ABI_LONG_BYTES)
#define ABI_ULONG_MAX ((uint64_t)(abi_ulong)-1)

#endif
