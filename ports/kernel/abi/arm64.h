/* SPDX-License-Identifier: MIT */
/* Programs of 64-bit ARM. */
#ifndef ABI_ARM64_H
#define ABI_ARM64_H

#include "abi/stat_generic.h"

#define ABI_LONG_BYTES    8
#define ABI_MAP_LOW       0 /* no MAP_32BIT */
#define ABI_SYSCALL_TABLE "abi/generic.def"
#define ABI_UTS_MACHINE   "aarch64"
#define ABI_PLATFORM      "aarch64" /* AT_PLATFORM */
#define ABI_ELF_MACHINE   183

/* Pages, as powers of two, over which exec spreads mappings, the stack and the heap. */
#define ABI_MMAP_RANDOM_BITS  18
#define ABI_STACK_RANDOM_BITS 18
#define ABI_BRK_RANDOM_BITS   18

#define ABI_CLONE_TLS_FOURTH 1 /* clone()'s fourth argument is the TLS, its fifth the child's tid */
#define ABI_SA_RESTORER      1 /* struct sigaction has a restorer */
#define ABI_MINSIGSTKSZ      5120

/* O_* that differ between architectures. */
#define ABI_O_DIRECTORY 040000
#define ABI_O_NOFOLLOW  0100000
#define ABI_O_DIRECT    0200000
#define ABI_O_LARGEFILE 0400000

#endif
