/* SPDX-License-Identifier: MIT */
/* The functions that implement system calls: every one that some table names, this machine's or not.
 *
 * A function gets the six arguments as they are, in words of the program, and returns a result or -errno. The words
 * may be the registers that the program made the call with: what changes those has read its arguments before.
 *
 *   long sys_dup(const abi_ulong *a) { return dup_from((int)a[0], 0, 0); } */
#ifndef ABI_FUNCTIONS_H
#define ABI_FUNCTIONS_H

#include "abi/abi.h"

#define SYSCALL_AS(number, name, function) long sys_##function(const abi_ulong *a);
#define SYSCALL(number, name)              SYSCALL_AS(number, name, name)
#define MISSING(number, name)
#include "abi/arm.def"
#include "abi/i386.def"
#include "abi/riscv64.def" /* and those of generic.def */
#include "abi/x86_64.def"
#undef SYSCALL_AS
#undef MISSING

/* A call with arguments of 64 bits on every machine, which a function of the table joins where the word has 32. */
#if ABI_LONG_BYTES == 8
#define WIDE_CALL(name) long sys_##name(const uint64_t *a)
#else
#define WIDE_CALL(name) long wide_##name(const uint64_t *a)
#endif
WIDE_CALL(fadvise64);
WIDE_CALL(fallocate);
WIDE_CALL(ftruncate);
WIDE_CALL(mmap);
WIDE_CALL(pread64);
WIDE_CALL(preadv);
WIDE_CALL(preadv2);
WIDE_CALL(pwrite64);
WIDE_CALL(pwritev);
WIDE_CALL(pwritev2);
WIDE_CALL(readahead);
WIDE_CALL(sync_file_range);
WIDE_CALL(truncate);

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
