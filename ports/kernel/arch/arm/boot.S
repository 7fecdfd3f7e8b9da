/* SPDX-License-Identifier: MIT */
/* From the boot loader, by the protocol of Linux's zImage (MMU off, r2 = device tree), and from CPU_ON, to C. */
#include "cpu.h"

	.syntax unified
	.arch armv7ve
	.arm

	/* Documentation/arm/booting; the image is position independent, its tables follow it in RAM. */
	.section .boot.text, "ax"
	.globl image_header
image_header:
	.rept 8
	nop
	.endr
	b boot_start
	.long 0x016f2818, 0, image_file_bytes, 0x04030201

/* \out = physical address of a symbol; r8: what is to be added to a linked address. */
.macro physical out, symbol
	ldr \out, =\symbol
	add \out, \out, r8
.endm

	/* Clears [r0, r1), in words. */
.macro clear
	mov r2, #0
771:	str r2, [r0], #4
	cmp r0, r1
	blo 771b
.endm

boot_start:
	cpsid aif
	mov r10, r2
	adr r9, image_header
	ldr r8, =IMAGE_BASE
	sub r8, r9, r8
	physical r0, boot_zeroed
	physical r1, boot_zeroed_end
	clear

	/* The root behind the image: this code at its own address, RAM as sections, the image as pages. */
	physical r7, image_end
	ldr r0, =(ROOT_BYTES - 1)
	add r7, r7, r0
	bic r7, r7, r0
	mov r0, r7
	ldr r1, =TABLES_BYTES
	add r1, r1, r7
	clear
	ldr r3, =SECTION_NORMAL
	lsr r0, r9, #20
	orr r1, r3, r0, lsl #20
	str r1, [r7, r0, lsl #2]

	and r1, r9, #RAM_BASE_MASK
	orr r1, r1, r3
	orr r1, r1, #SECTION_XN
	ldr r2, =((LINEAR_BASE >> 20) * 4)
	add r2, r7, r2
	mov r4, #(LINEAR_BYTES >> 20)
1:	str r1, [r2], #4
	add r1, r1, #0x100000
	subs r4, r4, #1
	bne 1b

	add r0, r7, #ROOT_BYTES
	orr r1, r0, #L1_TABLE
	ldr r2, =((IMAGE_BASE >> 20) * 4)
	add r2, r7, r2
	mov r4, #IMAGE_MOST_MIB
2:	str r1, [r2], #4
	add r1, r1, #TABLE_BYTES
	subs r4, r4, #1
	bne 2b
	ldr r1, =PAGE_NORMAL
	orr r1, r1, r9
	mov r4, #(IMAGE_MOST_MIB << 8)
3:	str r1, [r0], #4
	add r1, r1, #0x1000
	subs r4, r4, #1
	bne 3b

	orr r0, r7, #TTBR_WALKS
	bl mmu_on
	ldr pc, =boot_high

boot_high:
	ldr sp, =boot_stack_top
	mov r0, r10
	mov r1, r9
	mov r2, r7
	bl boot_main
1:	wfi
	b 1b

	/* r0: TTBR0. Uses r1. */
mmu_on:
	ldr r1, =PRRR_VALUE
	mcr p15, 0, r1, c10, c2, 0
	ldr r1, =NMRR_VALUE
	mcr p15, 0, r1, c10, c2, 1
	mov r1, #DACR_VALUE
	mcr p15, 0, r1, c3, c0, 0
	mov r1, #0
	mcr p15, 0, r1, c2, c0, 2	/* TTBCR: short descriptors, TTBR0 alone */
	mcr p15, 0, r1, c13, c0, 1	/* CONTEXTIDR */
	mcr p15, 0, r0, c2, c0, 0
	mcr p15, 0, r1, c8, c7, 0	/* TLBIALL */
	mcr p15, 0, r1, c7, c5, 0	/* ICIALLU */
	mcr p15, 0, r1, c7, c5, 6	/* BPIALL */
	dsb
	isb
	ldr r1, =SCTLR_VALUE
	mcr p15, 0, r1, c1, c0, 0
	isb
	bx lr

	/* r0: physical address of this CPU's struct secondary. Its stack is a kernel mapping: it is there with the
	 * kernel's own root only. */
	.globl secondary_boot
secondary_boot:
	cpsid aif
	ldm r0, {r0, r5, r6, r7}
	bl mmu_on
	ldr pc, =secondary_high
secondary_high:
	mcr p15, 0, r5, c2, c0, 0
	isb
	mcr p15, 0, r5, c8, c7, 0
	dsb
	isb
	mov sp, r6
	mov r0, r7
	bl secondary_start
1:	wfi
	b 1b
	.ltorg

	.section .boot.bss, "aw", %nobits
	.align 12
boot_zeroed:
	.space 16384
	.globl boot_stack_top
boot_stack_top:
	.section .note.GNU-stack, "", %progbits
