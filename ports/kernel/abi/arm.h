/* SPDX-License-Identifier: MIT */
/* Programs of 32-bit ARM, by the embedded ABI. */
#ifndef ABI_ARM_H
#define ABI_ARM_H

#include "abi/stat_word32.h"

#define ABI_LONG_BYTES    4
#define ABI_MAP_LOW       0 /* no MAP_32BIT */
#define ABI_SYSCALL_TABLE "abi/arm.def"
#define ABI_UTS_MACHINE   "armv7l"
#define ABI_PLATFORM      "v7l" /* AT_PLATFORM */
#define ABI_ELF_MACHINE   40

/* Pages, as powers of two, over which exec spreads mappings, the stack and the heap. */
#define ABI_MMAP_RANDOM_BITS  8
#define ABI_STACK_RANDOM_BITS 11
#define ABI_BRK_RANDOM_BITS   13

#define ABI_CLONE_TLS_FOURTH 1 /* clone()'s fourth argument is the TLS, its fifth the child's tid */
#define ABI_SA_RESTORER      1 /* struct sigaction has a restorer */
#define ABI_MINSIGSTKSZ      2048
#define ABI_PAIRS_ALIGNED    1 /* a 64-bit argument starts in an even register */

/* O_* that differ between architectures. */
#define ABI_O_DIRECTORY 040000
#define ABI_O_NOFOLLOW  0100000
#define ABI_O_DIRECT    0200000
#define ABI_O_LARGEFILE 0400000

/* Of a signal frame: registers, and what the kernel knows of the fault. */
struct abi_mcontext {
	uint32_t trap_number, error, old_mask;
	uint32_t r[13], sp, lr, pc, cpsr;
	uint32_t fault_address;
};
_Static_assert(sizeof(struct abi_mcontext) == 84, "the ABI's size");
_Static_assert(sizeof(struct abi_stat) == 104, "the ABI's size");

#endif
