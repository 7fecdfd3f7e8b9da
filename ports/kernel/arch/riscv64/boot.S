/* SPDX-License-Identifier: MIT */
/* From the firmware (SBI: supervisor mode, satp 0, a0 = hart, a1 = device tree or what hart_start() was given) to C. */
#include "cpu.h"

	/* Documentation/arch/riscv/boot-image-header: code, text offset, size, flags (little endian), version 0.2. */
	.section .boot.text, "ax"
	.globl image_header
image_header:
	.option push
	.option norvc
	j boot_start
	nop
	.option pop
	.quad 0x200000
	.quad image_bytes
	.quad 0
	.long 2, 0
	.quad 0
	.ascii "RISCV\0\0\0"
	.ascii "RSC\x05"
	.long 0

boot_start:
	csrw sie, zero
	mv s0, a0
	mv s1, a1
	lla s2, image_header
	lla t0, boot_zeroed
	lla t1, boot_zeroed_end
1:	sd zero, 0(t0)
	addi t0, t0, 8
	bltu t0, t1, 1b

	/* The gigabytes of the image and of the device tree, at their own addresses and at LINEAR_BASE. */
	lla a0, boot_root
	mv a1, s2
	call map_gigabyte
	mv a1, s1
	call map_gigabyte
	/* The image, as pages of 2 MiB. */
	lla t0, boot_image
	srli t1, t0, 2
	ori t1, t1, PTE_V
	li t2, (IMAGE_BASE >> 30 & 511) * 8
	add t2, t2, a0
	sd t1, 0(t2)
	srli t1, s2, 2
	ori t1, t1, PTE_BOOT
	li t2, IMAGE_MOST_MIB / 2
	li t3, 0x200000 >> 2
2:	sd t1, 0(t0)
	addi t0, t0, 8
	add t1, t1, t3
	addi t2, t2, -1
	bnez t2, 2b

	call paging_on
	lla sp, boot_stack_top
	mv a0, s0
	mv a1, s1
	mv a2, s2
	call boot_main
3:	wfi
	j 3b

/* a1: an address in it; a0: the root. Uses t0 to t3. */
map_gigabyte:
	srli t0, a1, 30
	slli t1, t0, 28
	ori t1, t1, PTE_BOOT
	slli t0, t0, 3
	add t0, t0, a0
	sd t1, 0(t0)
	li t2, (LINEAR_BASE >> 30 & 511) * 8
	add t0, t0, t2
	sd t1, 0(t0)
	ret

/* The boot tables, and back to the caller where the image is linked. Uses t0, t1. */
paging_on:
	lla t0, boot_root
	srli t0, t0, 12
	li t1, SATP_SV39
	slli t1, t1, SATP_SHIFT
	or t0, t0, t1
	sfence.vma
	csrw satp, t0
	sfence.vma
	lla t0, image_header
	li t1, IMAGE_BASE
	sub t1, t1, t0
	add ra, ra, t1
	ret

	/* a1: physical address of this hart's struct secondary (smp.c): satp, stack, number. */
	.globl secondary_boot
secondary_boot:
	csrw sie, zero
	ld s0, 0(a1)
	ld s1, 8(a1)
	ld s2, 16(a1)
	call paging_on
	csrw satp, s0
	sfence.vma
	mv sp, s1
	mv a0, s2
	call secondary_start
1:	wfi
	j 1b

	.section .boot.bss, "aw", @nobits
	.align 12
boot_zeroed:
boot_root: .space 4096
boot_image: .space 4096
	.space STACK_BYTES
	.globl boot_stack_top
boot_stack_top:
	.section .note.GNU-stack, "", @progbits
