/* SPDX-License-Identifier: MIT */
/* The ways in and out: exception vectors, the first return to a program, the switch. */
#include "cpu.h"

.macro register_pairs op
	\op x2, x3, [sp, #16]
	\op x4, x5, [sp, #32]
	\op x6, x7, [sp, #48]
	\op x8, x9, [sp, #64]
	\op x10, x11, [sp, #80]
	\op x12, x13, [sp, #96]
	\op x14, x15, [sp, #112]
	\op x16, x17, [sp, #128]
	\op x18, x19, [sp, #144]
	\op x20, x21, [sp, #160]
	\op x22, x23, [sp, #176]
	\op x24, x25, [sp, #192]
	\op x26, x27, [sp, #208]
	\op x28, x29, [sp, #224]
.endm

.macro push_registers
	register_pairs stp
	mrs x21, elr_el1
	mrs x22, spsr_el1
	stp x21, x22, [sp, #REGS_PC]
	mrs x23, esr_el1
	mrs x24, far_el1
	stp x23, x24, [sp, #REGS_ESR]
	mov x25, #-1
	stp x25, x0, [sp, #REGS_SYSCALL]
	mov x29, xzr
.endm

	/* From a program: SP_EL1 is the end of its task's kernel stack. */
.macro from_user handler
	.align 7
	sub sp, sp, #REGS_BYTES
	stp x0, x1, [sp]
	mrs x0, sp_el0
	stp x30, x0, [sp, #REGS_SP - 8]
	ldr x0, [sp]
	b \handler
.endm

	/* From the kernel. A stack without room for the registers is no place to go on; x0 waits in TPIDRRO_EL0. */
.macro from_kernel handler
	.align 7
	msr tpidrro_el0, x0
	mrs x0, tpidr_el1
	ldr x0, [x0, #CPU_KERNEL_STACK]
	sub x0, sp, x0
	add x0, x0, #STACK_BYTES
	sub x0, x0, #REGS_BYTES
	cmp x0, #STACK_BYTES
	b.hi stack_is_full
	mrs x0, tpidrro_el0
	msr tpidrro_el0, xzr
	sub sp, sp, #REGS_BYTES
	stp x0, x1, [sp]
	add x1, sp, #REGS_BYTES
	stp x30, x1, [sp, #REGS_SP - 8]
	b \handler
.endm

	.text
	.globl entry_text_start
entry_text_start:
	.align 11
	.globl vectors
vectors:
	.rept 4	/* with SP_EL0: never used */
	from_kernel fatal_entry
	.endr
	from_kernel kernel_sync
	from_kernel kernel_irq
	from_kernel fatal_entry
	from_kernel fatal_entry
	from_user user_sync
	from_user user_irq
	from_user fatal_entry
	from_user fatal_entry
	.rept 4	/* 32-bit programs: none runs */
	from_user fatal_entry
	.endr

user_sync:
	push_registers
	lsr w1, w23, #26
	mov x0, sp
	cmp w1, #0x15
	b.ne 1f
	and x8, x8, #0xffffffff
	str x8, [sp, #REGS_SYSCALL]
	bl syscall_handler
	b return_to_user
1:	bl user_exception
	b return_to_user

user_irq:
	push_registers
	mov x0, sp
	bl user_interrupt

	/* Interrupts are off, and no work is left (finish_return). */
return_to_user:
	ldp x21, x22, [sp, #REGS_PC]
	ldr x23, [sp, #REGS_SP]
	msr elr_el1, x21
	msr spsr_el1, x22
	msr sp_el0, x23
	b pop_registers

kernel_sync:
	push_registers
	mov x0, sp
	bl kernel_exception
	b return_to_kernel
kernel_irq:
	push_registers
	mov x0, sp
	bl kernel_interrupt
return_to_kernel:
	msr daifset, #2
	ldp x21, x22, [sp, #REGS_PC]
	msr elr_el1, x21
	msr spsr_el1, x22
pop_registers:
	ldp x0, x1, [sp]
	register_pairs ldp
	ldr x30, [sp, #REGS_SP - 8]
	add sp, sp, #REGS_BYTES
	eret

stack_is_full:
	mov x0, sp
	msr sp_el0, x0
	mrs x0, tpidr_el1
	ldr x0, [x0, #CPU_FATAL_STACK]
	sub sp, x0, #REGS_BYTES
	mrs x0, tpidrro_el0
	stp x0, x1, [sp]
	mrs x1, sp_el0
	stp x30, x1, [sp, #REGS_SP - 8]
	push_registers
	mov x0, sp
	bl trap_stack_full

fatal_entry:
	push_registers
	mov x0, sp
	bl trap_fatal

	/* arch_return_to_user: x0 = registers to load. */
	.globl load_registers
load_registers:
	mov sp, x0
	b return_to_user

	/* Where a new task's first switch returns to: x19 is the function to run. */
	.globl task_first
task_first:
	bl schedule_tail
	blr x19
	brk #1

	/* switch_stacks(uint64_t *save_sp, uint64_t new_sp) */
	.globl switch_stacks
switch_stacks:
	stp x29, x30, [sp, #-96]!
	stp x19, x20, [sp, #16]
	stp x21, x22, [sp, #32]
	stp x23, x24, [sp, #48]
	stp x25, x26, [sp, #64]
	stp x27, x28, [sp, #80]
	mov x2, sp
	str x2, [x0]
	mov sp, x1
	ldp x19, x20, [sp, #16]
	ldp x21, x22, [sp, #32]
	ldp x23, x24, [sp, #48]
	ldp x25, x26, [sp, #64]
	ldp x27, x28, [sp, #80]
	ldp x29, x30, [sp], #96
	ret
	.globl entry_text_end
entry_text_end:

	/* fpsimd_save(area), fpsimd_load(area): fpsr and fpcr, 16 bytes, the vectors. */
	.arch_extension fp
	.arch_extension simd
	.globl fpsimd_save, fpsimd_load
fpsimd_save:
	mrs x1, fpsr
	mrs x2, fpcr
	stp w1, w2, [x0], #16
	st1 {v0.16b-v3.16b}, [x0], #64
	st1 {v4.16b-v7.16b}, [x0], #64
	st1 {v8.16b-v11.16b}, [x0], #64
	st1 {v12.16b-v15.16b}, [x0], #64
	st1 {v16.16b-v19.16b}, [x0], #64
	st1 {v20.16b-v23.16b}, [x0], #64
	st1 {v24.16b-v27.16b}, [x0], #64
	st1 {v28.16b-v31.16b}, [x0], #64
	ret
fpsimd_load:
	ldp w1, w2, [x0], #16
	msr fpsr, x1
	msr fpcr, x2
	ld1 {v0.16b-v3.16b}, [x0], #64
	ld1 {v4.16b-v7.16b}, [x0], #64
	ld1 {v8.16b-v11.16b}, [x0], #64
	ld1 {v12.16b-v15.16b}, [x0], #64
	ld1 {v16.16b-v19.16b}, [x0], #64
	ld1 {v20.16b-v23.16b}, [x0], #64
	ld1 {v24.16b-v27.16b}, [x0], #64
	ld1 {v28.16b-v31.16b}, [x0], #64
	ret

	/* Where a handler of signals returns to, unless it named a place: its program may run and read this page. */
	.section .user_text, "ax"
	.align 12
	.globl signal_trampoline
signal_trampoline:
	mov x8, #139
	svc #0
	.align 12
	.section .note.GNU-stack, "", @progbits
