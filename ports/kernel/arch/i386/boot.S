/* SPDX-License-Identifier: MIT */
/* From the boot loader (PVH: 32-bit, no paging) and from a start-up IPI (16-bit) to C. */
#include "cpu.h"

#define PA(symbol) ((symbol) - IMAGE_BASE)

	/* The PVH note: where `qemu -kernel` enters, in protected mode, %ebx = start info. */
	.section .note.pvh, "a", @note
	.align 4
	.long 4, 4, 18
	.asciz "Xen"
	.long PA(boot_start)

	.section .boot.text, "ax", @progbits
	.globl boot_start
boot_start:
	cld
	mov $PA(boot_stack_top), %esp
	call paging_on
	mov $boot_high, %eax
	jmp *%eax

/* With the boot tables: the first 4 MiB at 0, RAM at LINEAR_BASE. Keeps %ebx. */
paging_on:
	mov $CR4_PSE, %eax
	mov %eax, %cr4
	mov $PA(boot_root), %eax
	mov %eax, %cr3
	mov %cr0, %eax
	or $0x80010001, %eax
	mov %eax, %cr0
	lgdt PA(boot_gdt_pointer)
	ljmp $KERNEL_CS, $PA(1f)
1:	mov $KERNEL_DS, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	ret

	.text
boot_high:
	mov $boot_stack_top, %esp
	xor %ebp, %ebp
	mov %ebx, %eax
	call boot_main
1:	hlt
	jmp 1b

	/* The stack is a kernel mapping: it is there with the kernel's own root only. */
secondary_high:
	mov %ecx, %cr3
	mov %esi, %esp
	xor %ebp, %ebp
	mov %edi, %eax
	call secondary_start
1:	hlt
	jmp 1b

	/* Copied to TRAMPOLINE_PA for the other CPUs. The words at its end are filled by smp.c. */
	.section .rodata
	.code16
	.globl trampoline, trampoline_end, trampoline_root, trampoline_stack, trampoline_cpu
trampoline:
	cli
	cld
	xor %ax, %ax
	mov %ax, %ds
	lgdtl TRAMPOLINE_PA + (trampoline_gdt_pointer - trampoline)
	mov %cr0, %eax
	or $1, %eax
	mov %eax, %cr0
	ljmpl $0x8, $(TRAMPOLINE_PA + (trampoline_32 - trampoline))
	.code32
trampoline_32:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %ss
	mov $(TRAMPOLINE_PA + 0xff0), %esp
	mov $PA(paging_on), %eax
	call *%eax
	mov TRAMPOLINE_PA + (trampoline_root - trampoline), %ecx
	mov TRAMPOLINE_PA + (trampoline_stack - trampoline), %esi
	mov TRAMPOLINE_PA + (trampoline_cpu - trampoline), %edi
	mov $secondary_high, %eax
	jmp *%eax
	.align 8
trampoline_gdt:
	.quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
trampoline_gdt_pointer:
	.word 23
	.long TRAMPOLINE_PA + (trampoline_gdt - trampoline)
	.align 4
trampoline_root: .long 0
trampoline_stack: .long 0
trampoline_cpu: .long 0
trampoline_end:

	.section .boot.data, "aw", @progbits
	.align 8
boot_gdt:
	.fill KERNEL_CS / 8, 8, 0
	.quad 0x00cf9a000000ffff, 0x00cf92000000ffff
boot_gdt_pointer:
	.word KERNEL_DS + 7
	.long PA(boot_gdt)
	/* Pages of 4 MiB: the first at 0, and LINEAR_BYTES at LINEAR_BASE. */
	.globl boot_root
	.align 4096
boot_root:
	.long 0x83
	.fill (LINEAR_BASE >> 22) - 1, 4, 0
	.set page, 0x83
	.rept LINEAR_BYTES >> 22
	.long page
	.set page, page + 0x400000
	.endr
	.fill 1024 - (LINEAR_BASE >> 22) - (LINEAR_BYTES >> 22), 4, 0

	.bss
	.align 4096
	.space 16384
	.globl boot_stack_top
boot_stack_top:
	.section .note.GNU-stack, "", @progbits
