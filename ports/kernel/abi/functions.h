/* SPDX-License-Identifier: MIT */
/* The functions that implement system calls: every one that some table names, this machine's or not.
 *
 * A function gets the six arguments as they are, zero-extended where the program's word has 32 bits, and
 * returns a result or -errno:
 *
 *   long sys_dup(const uint64_t *a) { return dup_from((int)a[0], 0, 0); } */
#ifndef ABI_FUNCTIONS_H
#define ABI_FUNCTIONS_H

#include "abi/abi.h"

#define SYSCALL_AS(number, name, function) long sys_##function(const uint64_t *a);
#define SYSCALL(number, name)              SYSCALL_AS(number, name, name)
#define MISSING(number, name)
#include "abi/arm.def"
#include "abi/i386.def"
#include "abi/riscv64.def" /* and those of generic.def */
#include "abi/x86_64.def"
#undef SYSCALL_AS
#undef MISSING

/* The numbers of this machine's. */
enum {
#define SYSCALL_AS(number, name, function) NR_##name = number,
#define MISSING(number, name)
#include ABI_SYSCALL_TABLE
#undef SYSCALL_AS
#undef MISSING
#undef SYSCALL
};

#endif
