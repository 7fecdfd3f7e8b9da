/* SPDX-License-Identifier: MIT */
/* The callers of a place in the kernel, one after the other. */
#ifndef KERNEL_UNWIND_H
#define KERNEL_UNWIND_H

#include "arch.h"

#define UNWIND_REGISTERS \
	17 /* DWARF's: rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to r15, the return address */

struct unwind {
	uint64_t reg[UNWIND_REGISTERS];
	uint64_t stack_start, stack_end;
	unsigned steps;
};

enum unwind_result {
	UNWIND_CALLER, /* unwind_pc() is where the call returns to */
	UNWIND_END,    /* the code of entry.S: nobody called */
	UNWIND_LOST    /* what is there makes no sense */
};

/* From an exception on the stack [stack_start, stack_end). */
void unwind_begin(struct unwind *u, const struct regs *regs, uint64_t stack_start, uint64_t stack_end);
enum unwind_result unwind_step(struct unwind *u);
uint64_t unwind_pc(const struct unwind *u);

#endif
