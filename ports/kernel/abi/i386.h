/* SPDX-License-Identifier: MIT */
/* Programs of the 80386 and its successors. */
#ifndef ABI_I386_H
#define ABI_I386_H

#include "abi/stat_word32.h"

#define ABI_LONG_BYTES    4
#define ABI_MAP_LOW       0 /* no MAP_32BIT */
#define ABI_SYSCALL_TABLE "abi/i386.def"
#define ABI_UTS_MACHINE   "i686"
#define ABI_PLATFORM      "i686" /* AT_PLATFORM */
#define ABI_ELF_MACHINE   3

/* Pages, as powers of two, over which exec spreads mappings, the stack and the heap. */
#define ABI_MMAP_RANDOM_BITS  8
#define ABI_STACK_RANDOM_BITS 11
#define ABI_BRK_RANDOM_BITS   13

#define ABI_CLONE_TLS_FOURTH 1 /* clone()'s fourth argument is the TLS, its fifth the child's tid */
#define ABI_SA_RESTORER      1 /* struct sigaction has a restorer */
#define ABI_MINSIGSTKSZ      2048
#define ABI_PAIRS_ALIGNED    0 /* a 64-bit argument starts in any register */

/* O_* that differ between architectures. */
#define ABI_O_DIRECT    040000
#define ABI_O_LARGEFILE 0100000
#define ABI_O_DIRECTORY 0200000
#define ABI_O_NOFOLLOW  0400000

/* Of a signal frame: registers, and what the kernel knows of the fault. */
struct abi_mcontext {
	uint32_t gs, fs, es, ds;
	uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
	uint32_t trap_number, error;
	uint32_t eip, cs, eflags, esp_at_signal, ss;
	uint32_t fpstate, old_mask, cr2;
};
_Static_assert(sizeof(struct abi_mcontext) == 88, "the ABI's size");
_Static_assert(sizeof(struct abi_stat) == 96, "the ABI's size");

#endif
