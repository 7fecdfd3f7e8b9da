/* SPDX-License-Identifier: MIT */
/* The ways in and out: exceptions and interrupts, SYSCALL, the first return to a program, the switch. */
#include "cpu.h"

/* Offsets in struct regs; trap.c asserts them. */
#define REGS_VECTOR 120
#define REGS_RIP 136
#define REGS_CS 144

.macro push_registers
	push %rdi
	push %rsi
	push %rdx
	push %rcx
	push %rax
	push %r8
	push %r9
	push %r10
	push %r11
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
.endm

.macro pop_registers
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rax
	pop %rcx
	pop %rdx
	pop %rsi
	pop %rdi
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
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || \
	      vector == 30)
	push $0
	.endif
	push $vector
	.if vector == 14
	jmp page_fault_entry
	.elseif vector == 2 || vector == 8 || vector == 18
	jmp paranoid_entry
	.else
	jmp trap_entry
	.endif
	.set vector, vector + 1
	.endr

trap_entry:
	push_registers
	cld
	close_user
	xor %ebp, %ebp
	testb $3, REGS_CS(%rsp)
	jz 1f
	swapgs
1:	mov %rsp, %rdi
	call trap
	jmp trap_return

page_fault_entry:
	push_registers
	cld
	close_user
	xor %ebp, %ebp
	testb $3, REGS_CS(%rsp)
	jz 1f
	swapgs
1:	mov %rsp, %rdi
	call page_fault

	/* Interrupts are off; to a program there is no work left (see finish_return in trap.c). */
trap_return:
	testb $3, REGS_CS(%rsp)
	jz 1f
	swapgs
1:	pop_registers
	add $16, %rsp
	.globl return_iret
return_iret:
	iretq

	/* NMI, double fault, machine check: on stacks of their own, perhaps in the middle of swapgs. */
paranoid_entry:
	push_registers
	cld
	mov $MSR_GS_BASE, %ecx
	rdmsr
	test %edx, %edx
	js 1f
	swapgs
1:	mov %rsp, %rdi
	call trap_fatal

	.globl syscall_entry
syscall_entry:
	swapgs
	mov %rsp, %gs:CPU_USER_SP
	mov %gs:CPU_KERNEL_STACK, %rsp
	push $USER_DS
	push %gs:CPU_USER_SP
	push %r11
	push $USER_CS
	push %rcx
	push %rax
	push $256
	push_registers
	xor %ebp, %ebp
	mov %rsp, %rdi
	call syscall_handler
	test %al, %al
	jz 1f
	/* SYSRET: the address is canonical and what it loads is what the registers hold. */
	swapgs
	pop_registers
	mov 40(%rsp), %rsp
	sysretq
1:	swapgs
	pop_registers
	add $16, %rsp
	iretq

	/* arch_return_to_user: %rdi = registers to load. */
	.globl load_registers
load_registers:
	mov %rdi, %rsp
	jmp trap_return

	/* Where a new task's first switch returns to: %rbx is the function to run. */
	.globl task_first
task_first:
	call schedule_tail
	call *%rbx
	ud2

	/* switch_stacks(uint64_t *save_sp, uint64_t new_sp) */
	.globl switch_stacks
switch_stacks:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
	.globl entry_text_end
entry_text_end:
	.section .note.GNU-stack, "", @progbits
