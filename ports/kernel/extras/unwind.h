/* SPDX-License-Identifier: MIT */
/* The callers of a place in the kernel, one after the other.
 *
 * For an architecture whose compiler writes .eh_frame. machine.h says how DWARF numbers its registers:
 *   ARCH_DWARF_REGISTERS   how many there are
 *   ARCH_DWARF_SP          the stack pointer
 *   ARCH_DWARF_RA          the return address: a register of its own number, or the link register
 *   ARCH_CALL_PUSHES       1: a call pushes the return address; 0: it is in the link register */
#ifndef KERNEL_UNWIND_H
#define KERNEL_UNWIND_H

#include "kern/kernel.h"
#include "machine.h"

#ifdef ARCH_DWARF_REGISTERS

/* Where things lie in the image. */
struct unwind_image {
	const uint8_t *frames, *frames_end; /* .eh_frame */
	uint64_t text, text_end;
	uint64_t entry, entry_end;     /* the entry code: it has no caller */
	uint64_t library, library_end; /* the functions of the library */
};

/* To begin: image, stack, pc and reg[] of the interrupted place are set, the rest is 0. */
struct unwind {
	const struct unwind_image *image;
	uint64_t stack, stack_end;
	uint64_t pc; /* after a step: where the call returns to */
	uint64_t reg[ARCH_DWARF_REGISTERS];
	unsigned steps;
};

enum unwind_result {
	UNWIND_CALLER, /* unwind.pc is where the call returns to */
	UNWIND_END,    /* the entry code: it has no caller */
	UNWIND_LOST    /* what is there makes no sense */
};
enum unwind_result unwind_step(struct unwind *unwind);

#endif
#endif
