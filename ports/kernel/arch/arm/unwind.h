/* SPDX-License-Identifier: MIT */
/* The callers of a place in the kernel, one after the other, by the tables of the ARM ABI. */
#ifndef KERNEL_ARM_UNWIND_H
#define KERNEL_ARM_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

enum {
	UNWIND_SP = 13,
	UNWIND_LR = 14,
	UNWIND_PC = 15
};

/* To begin: the registers of the interrupted place; after a step, those of its caller at the return. */
struct unwind {
	uint32_t reg[16];
	uint32_t stack, stack_end;
	unsigned steps;
};

/* False: what is there makes no sense. */
bool unwind_step(struct unwind *unwind);

#endif
