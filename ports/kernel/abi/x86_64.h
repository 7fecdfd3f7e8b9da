/* SPDX-License-Identifier: MIT */
/* Programs of x86-64. */
#ifndef ABI_X86_64_H
#define ABI_X86_64_H

#include <stdint.h>

#define ABI_LONG_BYTES    8
#define ABI_MAP_LOW       0x40 /* MAP_32BIT */
#define ABI_SYSCALL_TABLE "abi/x86_64.def"
#define ABI_UTS_MACHINE   "x86_64"
#define ABI_PLATFORM      "x86_64" /* AT_PLATFORM */
#define ABI_ELF_MACHINE   62

/* Pages, as powers of two, over which exec spreads mappings, the stack and the heap. */
#define ABI_MMAP_RANDOM_BITS  28
#define ABI_STACK_RANDOM_BITS 22
#define ABI_BRK_RANDOM_BITS   13

#define ABI_CLONE_TLS_FOURTH 0 /* clone()'s fourth argument is the TLS, its fifth the child's tid */
#define ABI_SA_RESTORER      1 /* struct sigaction has a restorer */
#define ABI_MINSIGSTKSZ      2048
#define ABI_EPOLL_PACKED     1 /* struct epoll_event has no padding */

/* O_* that differ between architectures. */
#define ABI_O_DIRECT    040000
#define ABI_O_LARGEFILE 0100000
#define ABI_O_DIRECTORY 0200000
#define ABI_O_NOFOLLOW  0400000

struct abi_stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	int64_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
	int64_t unused[3];
};

/* Of a signal frame: registers, and what the kernel knows of the fault. */
struct abi_mcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t error, trap_number, old_mask, cr2;
	uint64_t fpstate, reserved[8];
};
_Static_assert(sizeof(struct abi_mcontext) == 256, "the ABI's size");

#endif
