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

	/* Copies x2 bytes from x1 to x0: 64, 8 and 1 at a time. What may fault has a label from 1 to 9, or from 20 on. Its
	 * base is not written back then (DDI 0487), and x2 is one step too low in the loops of 64 and 8. */
.macro copy_bytes
	subs x2, x2, #64
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
	subs x2, x2, #64
	b.hs 1b
12:	adds x2, x2, #56
	b.mi 13f
9:	ldr x4, [x1], #8
20:	str x4, [x0], #8
	subs x2, x2, #8
	b.hs 9b
13:	adds x2, x2, #8
	b.eq 14f
21:	ldrb w4, [x1], #1
22:	strb w4, [x0], #1
	subs x2, x2, #1
	b.ne 21b
14:
.endm

	.text
	/* size_t arch_user_copy(void *to, const void *from, size_t n): bytes not copied */
	.globl arch_user_copy
arch_user_copy:
	.cfi_startproc
	open_user
	copy_bytes
	close_user
	mov x0, x2
	ret
	/* A store of 8 faulted, after its load. Some of the bytes of a step may still be copied. */
15:	sub x1, x1, #8
	b 13b
	.cfi_endproc
	.irp n, 1, 2, 3, 4, 5, 6, 7, 8
	fixup \n\()b, 12b
	.endr
	fixup 9b, 13b
	fixup 20b, 15b
	fixup 21b, 14b
	fixup 22b, 14b

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

	/* void *arch_memcpy(void *to, const void *from, size_t n): 256 bytes at a time, then as above */
	.globl arch_memcpy
arch_memcpy:
	.cfi_startproc
	mov x12, x0
	subs x2, x2, #256
	b.lo 17f
16:	.rept 4
	ldp x4, x5, [x1], #16
	ldp x6, x7, [x1], #16
	ldp x8, x9, [x1], #16
	ldp x10, x11, [x1], #16
	stp x4, x5, [x0], #16
	stp x6, x7, [x0], #16
	stp x8, x9, [x0], #16
	stp x10, x11, [x0], #16
	.endr
	subs x2, x2, #256
	b.hs 16b
17:	add x2, x2, #256
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
	subs x2, x2, #64
	b.lo 2f
1:	.rept 4
	stp x1, x1, [x3], #16
	.endr
	subs x2, x2, #64
	b.hs 1b
2:	adds x2, x2, #56
	b.mi 6f
3:	str x1, [x3], #8
	subs x2, x2, #8
	b.hs 3b
6:	adds x2, x2, #8
	b.eq 4f
7:	strb w1, [x3], #1
	subs x2, x2, #1
	b.ne 7b
4:	ret
	.cfi_endproc
	.section .note.GNU-stack, "", @progbits
