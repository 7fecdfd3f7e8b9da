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

	/* Copies r2 bytes from r1 to r0: 32, 4 and 1 at a time. What may fault has a label from 1 to 8, or is one of the
	 * nine from 20 on. Its base is as it was before (B1.9.8), and r2 is one step too low in the loops of 32 and 4. */
.macro copy_bytes
	cmp r2, #32
	blo 13f
10:	tst r0, #3
	beq 11f
1:	ldrb r3, [r1], #1
2:	strb r3, [r0], #1
	sub r2, r2, #1
	b 10b
11:	subs r2, r2, #32
	blo 12f
	tst r1, #3
	beq 3f
20:	.irp r, 4, 5, 6, 7, 8, 9, 10, 11
	ldr r\r, [r1, #(\r - 4) * 4]
	.endr
	stm r0!, {r4-r11}
	add r1, r1, #32
	subs r2, r2, #32
	bhs 20b
	b 12f
3:	ldm r1!, {r4-r11}
4:	stm r0!, {r4-r11}
	subs r2, r2, #32
	bhs 3b
12:	add r2, r2, #32
13:	subs r2, r2, #4
	blo 14f
5:	ldr r3, [r1], #4
6:	str r3, [r0], #4
	subs r2, r2, #4
	bhs 5b
14:	adds r2, r2, #4
	beq 16f
7:	ldrb r3, [r1], #1
8:	strb r3, [r0], #1
	subs r2, r2, #1
	bne 7b
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
	/* A store of 32 or 4 faulted, after its load. Some of the bytes of a step may still be copied. */
17:	sub r1, r1, #32
	b 12b
18:	sub r1, r1, #4
	b 14b
	.fnend
	fixup 3b, 12b
	.irp at, 0, 4, 8, 12, 16, 20, 24, 28, 32
	fixup 20b + \at, 12b
	.endr
	fixup 4b, 17b
	fixup 5b, 14b
	fixup 6b, 18b
	.irp n, 1, 2, 7, 8
	fixup \n\()b, 16b
	.endr

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
	subs r2, r2, #128
	blo 2f
1:	.rept 4
	ldm r1!, {r4-r11}
	stm r0!, {r4-r11}
	.endr
	subs r2, r2, #128
	bhs 1b
2:	add r2, r2, #128
3:	copy_bytes
	pop {r0, r4-r11}
	bx lr
	.fnend

	/* void *arch_memset(void *to, int byte, size_t n): likewise, then 32, 4 and 1 */
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
	cmp r2, #32
	blo 5f
	tst r0, #3
	bne 5f
	.irp r, r3, r4, r5, r6, r7, r8, r9
	mov \r, r1
	.endr
	subs r2, r2, #128
	blo 2f
1:	.rept 4
	stm r12!, {r1, r3-r9}
	.endr
	subs r2, r2, #128
	bhs 1b
2:	adds r2, r2, #96
	bmi 4f
3:	stm r12!, {r1, r3-r9}
	subs r2, r2, #32
	bhs 3b
4:	add r2, r2, #32
5:	subs r2, r2, #4
	blo 7f
6:	str r1, [r12], #4
	subs r2, r2, #4
	bhs 6b
7:	adds r2, r2, #4
	beq 9f
8:	strb r1, [r12], #1
	subs r2, r2, #1
	bne 8b
9:	pop {r4-r9}
	bx lr
	.fnend
	.section .note.GNU-stack, "", %progbits
