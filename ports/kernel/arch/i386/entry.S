/* SPDX-License-Identifier: MIT */
/* The ways in and out: exceptions and interrupts, INT 0x80, the first return to a program, the switch. Functions
 * take their arguments in EAX, EDX, ECX. */
#include "cpu.h"

/* A row of the exception table: pc, continuation. */
.macro fixup at, to
	.pushsection .fixup_table, "a"
	.long \at, 0, \to, 0
	.popsection
.endm

.macro push_registers
	push %fs
	push %es
	push %ds
	push %eax
	push %ebp
	push %edi
	push %esi
	push %edx
	push %ecx
	push %ebx
	mov $KERNEL_DS, %edx
	mov %edx, %ds
	mov %edx, %es
	mov $CPU_SELECTOR, %edx
	mov %edx, %fs
.endm

	.text
	.globl entry_text_start
entry_text_start:
	/* One stub a vector, 16 bytes apart: the error code where the CPU has none, and the number. */
	.globl vector_stubs
	.align 16
vector_stubs:
	.set vector, 0
	.rept 256
	.align 16
	.if !((vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
	push $0
	.endif
	push $vector
	.if vector == 14
	jmp page_fault_entry
	.elseif vector == 2 || vector == 18
	jmp fatal_entry
	.else
	jmp trap_entry
	.endif
	.set vector, vector + 1
	.endr

trap_entry:
	push_registers
	cld
	close_user
	mov %esp, %eax
	call trap
	jmp trap_return

page_fault_entry:
	push_registers
	cld
	close_user
	mov %esp, %eax
	call page_fault

	/* Interrupts are off; to a program there is no work left (see finish_return in exceptions.c). */
trap_return:
	pop %ebx
	pop %ecx
	pop %edx
	pop %esi
	pop %edi
	pop %ebp
	pop %eax
1:	pop %ds
2:	pop %es
3:	pop %fs
	add $8, %esp
	iret
	/* A selector that names no segment any more: none in its place. */
4:	movl $0, (%esp)
	jmp 1b
5:	movl $0, (%esp)
	jmp 2b
6:	movl $0, (%esp)
	jmp 3b
	fixup 1b, 4b
	fixup 2b, 5b
	fixup 3b, 6b

fatal_entry:
	push_registers
	cld
	mov %esp, %eax
	call trap_fatal

	.globl syscall_entry
syscall_entry:
	push %eax
	push $256
	push_registers
	cld
	close_user
	mov %esp, %eax
	call syscall_handler
	jmp trap_return

	/* The task of a double fault: on its own stack, with the kernel's root. */
	.globl double_fault_entry
double_fault_entry:
	call trap_double_fault

	/* arch_return_to_user: %eax = registers to load. */
	.globl load_registers
load_registers:
	mov %eax, %esp
	jmp trap_return

	/* Where a new task's first switch returns to: %ebx is the function to run. */
	.globl task_first
task_first:
	call schedule_tail
	call *%ebx
	ud2

	/* switch_stacks(uint32_t *save_sp, uint32_t new_sp) */
	.globl switch_stacks
switch_stacks:
	push %ebx
	push %ebp
	push %esi
	push %edi
	mov %esp, (%eax)
	mov %edx, %esp
	pop %edi
	pop %esi
	pop %ebp
	pop %ebx
	ret
	.globl entry_text_end
entry_text_end:

	/* load_gs(uint32_t selector) */
	.globl load_gs
load_gs:
1:	mov %eax, %gs
	ret
2:	xor %eax, %eax
	jmp 1b
	fixup 1b, 2b
	.section .note.GNU-stack, "", @progbits
