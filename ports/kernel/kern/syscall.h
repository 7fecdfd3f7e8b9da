/* SPDX-License-Identifier: MIT */
/* System calls: one table (abi/<architecture>.def), one type of function.
 *
 * A function gets the six arguments as they are, zero-extended where the program's word has 32 bits, and
 * returns a result or -errno:
 *
 *   long sys_dup(const uint64_t *a) { return dup_from((int)a[0], 0, 0); }
 *
 * Every function that some table names is declared here, this architecture's or not. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "abi/abi.h"
#include "kern/kernel.h"

typedef long syscall_fn(const uint64_t *a);

#define SYSCALL_AS(number, name, function) long sys_##function(const uint64_t *a);
#define SYSCALL(number, name)              SYSCALL_AS(number, name, name)
#define MISSING(number, name)
#include "abi/arm.def"
#include "abi/i386.def"
#include "abi/riscv64.def"
#include "abi/x86_64.def"
#undef SYSCALL_AS
#undef MISSING

/* The numbers of this architecture. */
enum {
#define SYSCALL_AS(number, name, function) NR_##name = number,
#define MISSING(number, name)
#include ABI_SYSCALL_TABLE
#undef SYSCALL_AS
#undef MISSING
#undef SYSCALL
};

#endif
