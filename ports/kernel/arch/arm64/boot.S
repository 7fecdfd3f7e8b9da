/* SPDX-License-Identifier: MIT */
/* From the boot loader, by the protocol of Linux's Image (MMU off, x0 = device tree), and from CPU_ON, to C. */
#include "cpu.h"

	/* Documentation/arch/arm64/booting: code, text offset, size, flags (little endian, 4 KiB, anywhere). */
	.section .boot.text, "ax"
	.globl image_header
image_header:
	b boot_start
	.long 0
	.quad 0
	.quad image_bytes
	.quad 0xa
	.quad 0, 0, 0
	.ascii "ARM\x64"
	.long 0

/* \out = physical address of a symbol. */
.macro physical out, symbol
	adrp \out, \symbol
	add \out, \out, :lo12:\symbol
.endm

boot_start:
	mov x20, x0
	physical x21, image_header
	physical x0, boot_zeroed
	physical x1, boot_zeroed_end
1:	stp xzr, xzr, [x0], #16
	cmp x0, x1
	b.lo 1b

	/* The gigabytes of the image and of the device tree, at their own addresses and at LINEAR_BASE. */
	physical x0, boot_root
	physical x1, boot_low_root
	mov x3, #(PTE_BLOCK | PTE_NORMAL)
	mov x4, x21
	bl map_gigabyte
	mov x4, x20
	bl map_gigabyte
	/* The image, as blocks of 2 MiB. */
	physical x2, boot_image
	orr x4, x2, #PTE_TABLE
	str x4, [x0, #((IMAGE_BASE >> 30 & 511) * 8)]
	orr x4, x21, x3
	mov x5, #(IMAGE_MOST_MIB / 2)
2:	str x4, [x2], #8
	add x4, x4, #0x200000
	subs x5, x5, #1
	b.ne 2b

	physical x2, boot_low_root_48
	orr x4, x1, #PTE_TABLE
	str x4, [x2]

	ldr x2, =(TCR_WALKS | TCR_TG1_4K | TCR_SIZE_39)
	mrs x3, id_aa64mmfr0_el1
	bfi x2, x3, #32, #3
	bl mmu_on
	ldr x30, =boot_high
	ret

boot_high:
	ldr x2, =boot_stack_top
	mov sp, x2
	mov x29, xzr
	mov x0, x20
	mov x1, x21
	bl boot_main
1:	wfi
	b 1b

/* x4: an address in it. Uses x5, x6. */
map_gigabyte:
	lsr x5, x4, #30
	and x5, x5, #511
	lsl x6, x5, #30
	orr x6, x6, x3
	str x6, [x0, x5, lsl #3]
	str x6, [x1, x5, lsl #3]
	ret

/* x0: TTBR1, x1: TTBR0, x2: TCR. */
mmu_on:
	ldr x3, =MAIR_VALUE
	msr mair_el1, x3
	msr tcr_el1, x2
	msr ttbr0_el1, x1
	msr ttbr1_el1, x0
	isb
	tlbi vmalle1
	ic iallu
	dsb nsh
	isb
	ldr x3, =SCTLR_VALUE
	msr sctlr_el1, x3
	isb
	ret

	/* x0: physical address of this CPU's struct secondary (smp.c): root, tcr, stack, number. */
	.globl secondary_boot
secondary_boot:
	mov x20, x0
	ldp x10, x2, [x20]
	ldp x22, x23, [x20, #16]
	physical x1, boot_low_root
	and x3, x2, #63
	cmp x3, #25
	b.eq 1f
	physical x1, boot_low_root_48
1:	mov x0, x10
	physical x24, no_user_root
	bl mmu_on
	ldr x30, =secondary_high
	ret
secondary_high:
	msr ttbr0_el1, x24
	isb
	mov sp, x22
	mov x29, xzr
	mov x0, x23
	bl secondary_start
1:	wfi
	b 1b

	/* enter_tables(ttbr1, tcr): with the MMU off while the two do not belong together, so at physical addresses. */
	.globl enter_tables
enter_tables:
	mov x9, x30
	ldr x3, =image_pa
	ldr x3, [x3]
	ldr x4, =IMAGE_BASE
	ldr x5, =1f
	sub x5, x5, x4
	add x5, x5, x3
	br x5
1:	physical x2, boot_low_root
	and x6, x1, #63
	cmp x6, #25
	b.eq 2f
	physical x2, boot_low_root_48
2:	mrs x7, sctlr_el1
	bic x8, x7, #1
	msr sctlr_el1, x8
	isb
	msr ttbr0_el1, x2
	msr ttbr1_el1, x0
	msr tcr_el1, x1
	isb
	tlbi vmalle1
	dsb nsh
	isb
	msr sctlr_el1, x7
	isb
	br x9
	.ltorg

	.section .boot.bss, "aw", @nobits
	.align 12
boot_zeroed:
boot_root: .space 4096
	.globl boot_low_root, boot_low_root_48
boot_low_root: .space 4096
boot_low_root_48: .space 4096
boot_image: .space 4096
	.globl no_user_root
no_user_root: .space 4096
	.space 16384
	.globl boot_stack_top
boot_stack_top:
	.section .note.GNU-stack, "", @progbits
