/* SPDX-License-Identifier: MIT */
/* Programs of x86-64. */
#ifndef ABI_X86_64_H
#define ABI_X86_64_H

#define ABI_LONG_BYTES    8
#define ABI_SYSCALL_TABLE "abi/x86_64.def"
#define ABI_UTS_MACHINE   "x86_64"
#define ABI_PLATFORM      "x86_64" /* AT_PLATFORM */
#define ABI_ELF_MACHINE   62

/* Pages, as powers of two, over which exec spreads mappings, the stack and the heap. */
#define ABI_MMAP_RANDOM_BITS  28
#define ABI_STACK_RANDOM_BITS 22
#define ABI_BRK_RANDOM_BITS   13

#endif
