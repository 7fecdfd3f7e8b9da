/* SPDX-License-Identifier: MIT */
/* System calls: one table (syscalls.def), one type of function.
 *
 * A function gets the six argument registers as they are and returns a result or -errno:
 *
 *   long sys_dup(const uint64_t *a) { return fd_dup(current->files, (int)a[0]); }
 *
 * A line SYSCALL(number, name) in syscalls.def declares sys_<name> and puts it in the table. Numbers
 * are those of x86-64; another architecture has its own first column. */
#ifndef KERNEL_SYSCALL_H
#define KERNEL_SYSCALL_H

#include "abi/abi.h"
#include "kern/kernel.h"

typedef long syscall_fn(const uint64_t *a);

#define SYSCALL(number, name) long sys_##name(const uint64_t *a);
#include ABI_SYSCALL_TABLE
#undef SYSCALL

enum {
#define SYSCALL(number, name) NR_##name = number,
#include ABI_SYSCALL_TABLE
#undef SYSCALL
};

/* The name of a Linux system call of this architecture, also of those that are not implemented;
 * NULL above the table. */
const char *syscall_name(uint64_t number);

#endif
