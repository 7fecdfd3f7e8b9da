/* SPDX-License-Identifier: MIT */
/* Bytes: instructions that may fault on a program's memory, where each continues (the exception table), and the
 * kernel's own copies. LDM and STM want aligned addresses, LDR and STR do not. */
#include "cpu.h"

	.syntax unified
	.arch armv7ve
	.arm

	/* A row: pc, continuation. */
.macro fixup at, to
	.pushsection .fixup_table, "a"
	.long \at, 0, \to, 0
	.popsection
.endm

	/* Copies r2 bytes from r1 to r0: 32, 4 and 1 at a time. Labels 1 to 5 may fault; r0, r1 and r2 say what is left
	 * of whole steps then. */
.macro copy_bytes
	orr r3, r0, r1
	tst r3, #3
	bne 12f
10:	subs r2, r2, #32
	blo 11f
1:	ldm r1, {r4-r11}
2:	stm r0, {r4-r11}
	add r0, r0, #32
	add r1, r1, #32
	b 10b
11:	add r2, r2, #32
12:	subs r2, r2, #4
	blo 13f
3:	ldr r3, [r1]
4:	str r3, [r0]
	add r0, r0, #4
	add r1, r1, #4
	b 12b
13:	add r2, r2, #4
14:	cmp r2, #0
	beq 16f
5:	ldrb r3, [r1]
6:	strb r3, [r0]
	add r0, r0, #1
	add r1, r1, #1
	sub r2, r2, #1
	b 14b
16:
.endm

	.text
	/* size_t arch_user_copy(void *to, const void *from, size_t n): bytes not copied */
	.globl arch_user_copy
	.type arch_user_copy, %function
arch_user_copy:
	.fnstart
	push {r4-r11}
	.save {r4-r11}
	copy_bytes
	mov r0, r2
	pop {r4-r11}
	bx lr
	.fnend
	/* A step of 32 or 4 faulted: some of its bytes may still be copied. */
	fixup 1b, 11b
	fixup 2b, 11b
	fixup 3b, 13b
	fixup 4b, 13b
	fixup 5b, 16b
	fixup 6b, 16b

	/* size_t arch_user_clear(void *to, size_t n): bytes not cleared */
	.globl arch_user_clear
	.type arch_user_clear, %function
arch_user_clear:
	.fnstart
	mov r3, #0
	tst r0, #3
	bne 3f
1:	subs r1, r1, #8
	blo 2f
7:	strd r2, r3, [r0]
	add r0, r0, #8
	b 1b
2:	add r1, r1, #8
3:	cmp r1, #0
	beq 5f
4:	strb r3, [r0]
	add r0, r0, #1
	sub r1, r1, #1
	b 3b
5:	mov r0, r1
	bx lr
	.fnend
	fixup 7b, 2b
	fixup 4b, 5b

	/* int arch_user_load32(uint64_t from, uint32_t *out) */
	.globl arch_user_load32
	.type arch_user_load32, %function
arch_user_load32:
	.fnstart
1:	ldr r3, [r0]
	str r3, [r2]
	mov r0, #0
	bx lr
2:	mvn r0, #13	/* -EFAULT */
	bx lr
	.fnend
	fixup 1b, 2b

	/* int arch_user_cmpxchg32(uint64_t at, uint32_t expected, uint32_t desired, uint32_t *out): the last is on the
	 * stack. */
	.globl arch_user_cmpxchg32
	.type arch_user_cmpxchg32, %function
arch_user_cmpxchg32:
	.fnstart
	dmb ish
1:	ldrex r1, [r0]
	cmp r1, r2
	bne 3f
2:	strex r12, r3, [r0]
	cmp r12, #0
	bne 1b
3:	dmb ish
	ldr r12, [sp]
	str r1, [r12]
	mov r0, #0
	bx lr
4:	mvn r0, #13
	bx lr
	.fnend
	fixup 1b, 4b
	fixup 2b, 4b

	/* int user_code_sync(uint32_t start, uint32_t end, uint32_t line): DDI 0406C, B2.2.9 */
	.globl user_code_sync
	.type user_code_sync, %function
user_code_sync:
	.fnstart
	mov r3, r0
1:	cmp r3, r1
	bhs 3f
2:	mcr p15, 0, r3, c7, c11, 1	/* DCCMVAU */
	add r3, r3, r2
	b 1b
3:	dsb ish
4:	cmp r0, r1
	bhs 6f
5:	mcr p15, 0, r0, c7, c5, 1	/* ICIMVAU */
	add r0, r0, r2
	b 4b
6:	mov r0, #0
7:	mcr p15, 0, r0, c7, c1, 6	/* BPIALLIS */
	dsb ish
	isb
	bx lr
8:	mvn r0, #13
	b 7b
	.fnend
	fixup 2b, 8b
	fixup 5b, 8b

	/* void *arch_memcpy(void *to, const void *from, size_t n): 128 bytes at a time where both are aligned */
	.globl arch_memcpy
	.type arch_memcpy, %function
arch_memcpy:
	.fnstart
	push {r0, r4-r11}
	.save {r0, r4-r11}
	orr r3, r0, r1
	tst r3, #3
	bne 3f
1:	subs r2, r2, #128
	blo 2f
	.rept 4
	ldm r1!, {r4-r11}
	stm r0!, {r4-r11}
	.endr
	b 1b
2:	add r2, r2, #128
3:	copy_bytes
	pop {r0, r4-r11}
	bx lr
	.fnend

	/* void *arch_memset(void *to, int byte, size_t n): likewise */
	.globl arch_memset
	.type arch_memset, %function
arch_memset:
	.fnstart
	push {r4-r9}
	.save {r4-r9}
	and r1, r1, #255
	orr r1, r1, r1, lsl #8
	orr r1, r1, r1, lsl #16
	mov r12, r0
	tst r0, #3
	bne 5f
	.irp r, r3, r4, r5, r6, r7, r8, r9
	mov \r, r1
	.endr
1:	subs r2, r2, #128
	blo 2f
	.rept 4
	stm r12!, {r1, r3-r9}
	.endr
	b 1b
2:	add r2, r2, #128
3:	subs r2, r2, #4
	strhs r1, [r12], #4
	bhi 3b
	addlo r2, r2, #4
5:	cmp r2, #0
	beq 6f
	strb r1, [r12], #1
	sub r2, r2, #1
	b 5b
6:	pop {r4-r9}
	bx lr
	.fnend
	.section .note.GNU-stack, "", %progbits
