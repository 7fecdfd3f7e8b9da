/* SPDX-License-Identifier: MIT */
/* From the boot loader (PVH: 32-bit, no paging) and from a start-up IPI (16-bit) to 64-bit C. */
#include "cpu.h"

#define PA(symbol) ((symbol) - IMAGE_BASE)

	/* The PVH note: where `qemu -kernel` enters, in 32-bit protected mode, %ebx = start info. */
	.section .note.pvh, "a", @note
	.align 4
	.long 4, 8, 18
	.asciz "Xen"
	.quad PA(boot_start)

	.section .boot.text, "ax", @progbits
	.code32
	.globl boot_start
boot_start:
	cld
	mov %ebx, %edi
	mov $PA(boot_stack_top), %esp
	call enter_long_mode
	ljmp $KERNEL_CS, $PA(boot_64)

/* Paging on with the boot tables: physical memory at 0, LINEAR_BASE and IMAGE_BASE. Keeps %edi. */
enter_long_mode:
	mov $CR4_PAE, %eax
	mov %eax, %cr4
	mov $PA(boot_pml4), %eax
	mov %eax, %cr3
	mov $MSR_EFER, %ecx
	rdmsr
	or $(EFER_LME | EFER_NXE), %eax
	wrmsr
	mov %cr0, %eax
	or $0x80010001, %eax
	mov %eax, %cr0
	lgdt PA(boot_gdt_pointer)
	ret

	.code64
boot_64:
	movabs $boot_high, %rax
	jmp *%rax

	.text
boot_high:
	mov $KERNEL_DS, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	movabs $boot_stack_top, %rsp
	xor %ebp, %ebp
	mov %edi, %edi
	call boot_main
1:	hlt
	jmp 1b

	/* The stack is a kernel mapping: it is there with the kernel's own root only. */
secondary_high:
	mov %rcx, %cr3
	mov %rsi, %rsp
	xor %ebp, %ebp
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
	mov $0x18, %eax
	mov %eax, %ds
	mov %eax, %ss
	mov $(TRAMPOLINE_PA + 0xff0), %esp
	mov $PA(enter_long_mode), %eax
	call *%eax
	ljmp $KERNEL_CS, $(TRAMPOLINE_PA + (trampoline_64 - trampoline))
	.code64
trampoline_64:
	mov $KERNEL_DS, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov trampoline_root(%rip), %rcx
	mov trampoline_stack(%rip), %rsi
	mov trampoline_cpu(%rip), %rdi
	movabs $secondary_high, %rax
	jmp *%rax
	.align 8
trampoline_gdt:
	.quad 0, 0x00cf9a000000ffff, 0, 0x00cf92000000ffff
trampoline_gdt_pointer:
	.word 31
	.long TRAMPOLINE_PA + (trampoline_gdt - trampoline)
	.align 8
trampoline_root: .quad 0
trampoline_stack: .quad 0
trampoline_cpu: .quad 0
trampoline_end:

	.section .boot.data, "aw", @progbits
	.align 8
boot_gdt:
	.quad 0, 0, 0x00af9a000000ffff, 0x00cf92000000ffff
boot_gdt_pointer:
	.word 31
	.long PA(boot_gdt)
	.align 4096
	/* 1 GiB of large pages, seen at 0 (until memory_init), at LINEAR_BASE and at IMAGE_BASE. */
boot_pml4:
	.quad PA(boot_pdpt) + 3
	.fill 272, 8, 0
	.quad PA(boot_pdpt) + 3
	.fill 237, 8, 0
	.quad PA(boot_pdpt_high) + 3
boot_pdpt:
	.quad PA(boot_pd) + 3
	.fill 511, 8, 0
boot_pdpt_high:
	.fill 510, 8, 0
	.quad PA(boot_pd) + 3, 0
boot_pd:
	.set page, 0x83
	.rept 512
	.quad page
	.set page, page + 0x200000
	.endr

	.bss
	.align 4096
	.space 16384
	.globl boot_stack_top
boot_stack_top:
	.section .note.GNU-stack, "", @progbits
