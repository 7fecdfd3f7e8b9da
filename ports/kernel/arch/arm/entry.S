/* SPDX-License-Identifier: MIT */
/* The ways in and out: exception vectors, the first return to a program, the switch.
 *
 * An exception other than SVC comes in a mode with a stack pointer of its own, which points at four words of struct
 * cpu. Four registers wait there until there is room for all of them on the kernel stack, in supervisor mode. */
#include "cpu.h"

	.syntax unified
	.arch armv7ve
	.fpu neon-vfpv4
	.arm

	/* r0: the four words; `sp` and `lr` are stored. Leaves r0 = registers. */
.macro push_the_rest
	ldm r0, {r2-r5}
	strd r2, r3, [sp]
	strd r4, r5, [sp, #REGS_PC]
	mvn r2, #0
	str r2, [sp, #REGS_SYSCALL]
	mov r0, sp
.endm

	/* On a kernel stack, of a mode that was interrupted at r1 = its stack pointer. */
.macro push_of_kernel
	str r1, [sp, #REGS_SP]
	str lr, [sp, #REGS_SP + 4]
	add r1, sp, #8
	stm r1, {r2-r12}
	push_the_rest
.endm

	/* `adjust`: from the link register to the instruction. */
.macro enter adjust, user, kernel
	.if \adjust
	sub lr, lr, #\adjust
	.endif
	stm sp, {r0, r1, lr}
	mrs r0, spsr
	str r0, [sp, #12]
	tst r0, #15
	mov r0, sp
	cps #MODE_SUPERVISOR
	bne 1f
	sub sp, sp, #REGS_BYTES
	add r1, sp, #8
	stm r1, {r2-r14}^
	push_the_rest
	bl \user
	b return_to_user
	/* A stack without room for the registers is no place to go on. */
1:	mrc p15, 0, r1, c13, c0, 4
	ldr r1, [r1, #CPU_KERNEL_STACK]
	sub r1, r1, sp
	cmp r1, #(STACK_BYTES - 128)
	bhi stack_is_full
	mov r1, sp
	sub sp, sp, #REGS_BYTES
	bic sp, sp, #7
	push_of_kernel
	bl \kernel
	b return_to_kernel
.endm

	.text
	.globl entry_text_start
entry_text_start:
	.align 5
	.globl vectors
vectors:
	b fatal_entry
	b undefined_entry
	b syscall_entry
	b prefetch_entry
	b data_entry
	b fatal_entry
	b irq_entry
	b fatal_entry

data_entry:
	enter 8, user_data_abort, kernel_data_abort
prefetch_entry:
	enter 4, user_prefetch_abort, kernel_prefetch_abort
irq_entry:
	enter 4, user_interrupt, kernel_interrupt
undefined_entry:
	enter 0, user_undefined, kernel_undefined
fatal_entry:
	enter 0, trap_fatal, trap_fatal

syscall_entry:
	sub sp, sp, #REGS_BYTES
	stm sp, {r0-r12}
	add r8, sp, #REGS_SP
	stm r8, {sp, lr}^
	mrs r9, spsr
	str lr, [sp, #REGS_PC]
	str r9, [sp, #REGS_CPSR]
	str r7, [sp, #REGS_SYSCALL]
	str r0, [sp, #REGS_FIRST]
	mov r0, sp
	bl syscall_handler

	/* Interrupts are off, and no work is left (finish_return). */
return_to_user:
	ldr r1, [sp, #REGS_CPSR]
	ldr lr, [sp, #REGS_PC]
	msr spsr_cxsf, r1
	clrex
	ldm sp, {r0-r14}^
	nop
	add sp, sp, #REGS_BYTES
	movs pc, lr

return_to_kernel:
	cpsid i
	ldr r1, [sp, #REGS_CPSR]
	msr spsr_cxsf, r1
	clrex
	ldm sp, {r0-pc}^

stack_is_full:
	mov r1, sp
	mrc p15, 0, sp, c13, c0, 4
	ldr sp, [sp, #CPU_FATAL_STACK]
	sub sp, sp, #REGS_BYTES
	push_of_kernel
	bl trap_stack_full

	/* arch_return_to_user: r0 = registers to load. */
	.globl load_registers
load_registers:
	mov sp, r0
	b return_to_user

	/* Where a new task's first switch returns to: r4 is the function to run. */
	.globl task_first
task_first:
	bl schedule_tail
	blx r4
	udf #0

	/* switch_stacks(uint32_t *save_sp, uint32_t new_sp) */
	.globl switch_stacks
switch_stacks:
	push {r4-r12, lr}
	str sp, [r0]
	mov sp, r1
	pop {r4-r12, pc}
	.globl entry_text_end
entry_text_end:

	.globl set_exception_stacks
set_exception_stacks:
	.irp mode, MODE_FIQ, MODE_IRQ, MODE_ABORT, MODE_UNDEFINED
	cps #\mode
	mov sp, r0
	.endr
	cps #MODE_SUPERVISOR
	bx lr

	/* vfp_save(area), vfp_load(area) */
	.globl vfp_save, vfp_load
vfp_save:
	vstmia r0!, {d0-d15}
	vstmia r0!, {d16-d31}
	vmrs r1, fpscr
	str r1, [r0]
	bx lr
vfp_load:
	vldmia r0!, {d0-d15}
	vldmia r0!, {d16-d31}
	ldr r1, [r0]
	vmsr fpscr, r1
	bx lr
	.section .note.GNU-stack, "", %progbits
