/* SPDX-License-Identifier: MIT */
/* The page of KUSER_PAGE, which programs may read and run: functions at places that are agreed on for ever
 * (Documentation/arm/kernel_user_helpers), and where handlers of signals return to. */
#include "kuser.h"

	.syntax unified
	.arch armv7ve
	.section .kuser, "ax"
	.align 12
	.globl kuser_page
kuser_page:

	.org KUSER_SIGRETURN
	.arm
	mov r7, #119
	svc #0
	.org KUSER_SIGRETURN + KUSER_THUMB
	.thumb
	movs r7, #119
	svc #0
	.org KUSER_SIGRETURN + KUSER_RT
	.arm
	mov r7, #173
	svc #0
	.org KUSER_SIGRETURN + KUSER_RT + KUSER_THUMB
	.thumb
	movs r7, #173
	svc #0
	.arm

	/* r0: address of two words expected, r1: of two to be stored, r2: where. r0 = 0 and carry: it is done. */
	.org 0xf60
	push {r4-r7}
	ldrd r4, r5, [r0]
	ldrd r6, r7, [r1]
	dmb ish
1:	ldrexd r0, r1, [r2]
	eors r3, r0, r4
	eorseq r3, r1, r5
	strexdeq r3, r6, r7, [r2]
	teqeq r3, #1
	beq 1b
	dmb ish
	rsbs r0, r3, #0
	pop {r4-r7}
	bx lr

	.org 0xfa0
barrier:
	dmb ish
	bx lr

	/* r0: expected, r1: to be stored, r2: where. r0 = 0 and carry: it is done. */
	.org 0xfc0
	dmb ish
1:	ldrex r3, [r2]
	subs r3, r3, r0
	strexeq r3, r1, [r2]
	teqeq r3, #1
	beq 1b
	rsbs r0, r3, #0
	b barrier

	.org 0xfe0
	mrc p15, 0, r0, c13, c0, 3
	bx lr

	/* How many there are. */
	.org 0xffc
	.long 5
	.section .note.GNU-stack, "", %progbits
