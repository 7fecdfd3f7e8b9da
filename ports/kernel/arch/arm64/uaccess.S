/* SPDX-License-Identifier: MIT */
/* Bytes: instructions that may fault on a program's memory, where each continues (the exception table), and the
 * kernel's own copies. */
#include "cpu.h"

	/* A row: pc, continuation. */
.macro fixup at, to
	.pushsection .fixup_table, "a"
	.quad \at, \to
	.popsection
.endm

	/* Copies x2 bytes from x1 to x0: 64, 16 and 1 at a time. Labels 1 to 9 may fault; x0, x1 and x2 say what is
	 * left of whole steps then. */
.macro copy_bytes
10:	subs x2, x2, #64
	b.lo 12f
1:	ldp x4, x5, [x1]
2:	ldp x6, x7, [x1, #16]
3:	ldp x8, x9, [x1, #32]
4:	ldp x10, x11, [x1, #48]
5:	stp x4, x5, [x0]
6:	stp x6, x7, [x0, #16]
7:	stp x8, x9, [x0, #32]
8:	stp x10, x11, [x0, #48]
	add x0, x0, #64
	add x1, x1, #64
	b 10b
12:	add x2, x2, #64
13:	cbz x2, 14f
9:	ldrb w4, [x1]
11:	strb w4, [x0]
	add x0, x0, #1
	add x1, x1, #1
	sub x2, x2, #1
	b 13b
14:
.endm

	.text
	/* size_t arch_user_copy(void *to, const void *from, size_t n): bytes not copied */
	.globl arch_user_copy
arch_user_copy:
	.cfi_startproc
	open_user
	copy_bytes
15:	close_user
	mov x0, x2
	ret
	.cfi_endproc
	/* A step of 64 faulted: some of its bytes may still be copied. */
	.irp n, 1, 2, 3, 4, 5, 6, 7, 8
	fixup \n\()b, 12b
	.endr
	fixup 9b, 15b
	fixup 11b, 15b

	/* int arch_user_load32(uint64_t from, uint32_t *out) */
	.globl arch_user_load32
arch_user_load32:
	.cfi_startproc
	open_user
1:	ldr w2, [x0]
	close_user
	str w2, [x1]
	mov w0, #0
	ret
2:	close_user
	mov w0, #-14
	ret
	.cfi_endproc
	fixup 1b, 2b

	/* int arch_user_cmpxchg32(uint64_t at, uint32_t expected, uint32_t desired, uint32_t *out) */
	.globl arch_user_cmpxchg32
arch_user_cmpxchg32:
	.cfi_startproc
	open_user
1:	ldaxr w4, [x0]
	cmp w4, w1
	b.ne 3f
2:	stlxr w5, w2, [x0]
	cbnz w5, 1b
	dmb ish
3:	close_user
	str w4, [x3]
	mov w0, #0
	ret
4:	close_user
	mov w0, #-14
	ret
	.cfi_endproc
	fixup 1b, 4b
	fixup 2b, 4b

	/* void *arch_memcpy(void *to, const void *from, size_t n) */
	.globl arch_memcpy
arch_memcpy:
	.cfi_startproc
	mov x12, x0
	copy_bytes
	mov x0, x12
	ret
	.cfi_endproc

	/* void *arch_memset(void *to, int byte, size_t n): zeroes, in whole pages, by DC ZVA where it is allowed
	 * (DDI 0487, DCZID_EL0: DZP, and BS, the logarithm of the words in a block). With the MMU off it would be an
	 * alignment fault; nothing clears pages then. */
	.globl arch_memset
arch_memset:
	.cfi_startproc
	mov x3, x0
	ands x1, x1, #0xff
	orr x5, x0, x2
	and x5, x5, #0xfff
	ccmp x5, #0, #0, eq
	b.ne 0f
	mrs x5, dczid_el0
	tbnz x5, #4, 0f
	mov x6, #4
	lsl x6, x6, x5
	cbz x2, 4f
5:	dc zva, x3
	add x3, x3, x6
	subs x2, x2, x6
	b.ne 5b
	ret
0:
	mov x4, #0x0101010101010101
	mul x1, x1, x4
1:	subs x2, x2, #64
	b.lo 2f
	stp x1, x1, [x3]
	stp x1, x1, [x3, #16]
	stp x1, x1, [x3, #32]
	stp x1, x1, [x3, #48]
	add x3, x3, #64
	b 1b
2:	add x2, x2, #64
3:	cbz x2, 4f
	strb w1, [x3], #1
	sub x2, x2, #1
	b 3b
4:	ret
	.cfi_endproc
	.section .note.GNU-stack, "", @progbits
