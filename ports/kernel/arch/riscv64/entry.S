/* SPDX-License-Identifier: MIT */
/* The ways in and out: the trap vector, the first return to a program, the switch.
 *
 * In the kernel tp is struct cpu and sscratch is 0; while a program runs sscratch is struct cpu. */
#include "cpu.h"

/* All but x0, ra, sp, tp and t0, which each way treats in its own manner. */
.macro most_registers op
	\op x3, 24(sp)
	.irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\op x\n, 8 * \n(sp)
	.endr
.endm

/* sp is the registers' place; t0 and sp of the interrupted are in the hart's scratch. SUM is off in the kernel: a copy
 * that was interrupted gets it back with sstatus. */
.macro push_registers
	sd ra, 8(sp)
	most_registers sd
	ld s0, CPU_SCRATCH(tp)
	ld s1, CPU_SCRATCH + 8(tp)
	sd s0, 40(sp)
	sd s1, 16(sp)
	li t0, SSTATUS_SUM
	csrrc s0, sstatus, t0
	csrr s1, sepc
	csrr s2, scause
	csrr s3, stval
	li s4, -1
	sd s1, 0(sp)
	sd s0, REGS_STATUS(sp)
	sd s2, REGS_CAUSE(sp)
	sd s3, REGS_VALUE(sp)
	sd s4, REGS_SYSCALL(sp)
	sd a0, REGS_FIRST(sp)
.endm

/* sepc and sstatus; and no reservation is left of another program's LR (unprivileged specification, 8.2): the store
 * is of what is there. */
.macro pop_state
	ld t0, REGS_STATUS(sp)
	ld t1, 0(sp)
	sc.d zero, t1, (sp)
	csrw sstatus, t0
	csrw sepc, t1
.endm

	.text
	.globl entry_text_start
entry_text_start:
	.align 2
	.globl trap_entry
trap_entry:
	csrrw tp, sscratch, tp
	bnez tp, from_user

	/* From the kernel. A stack without room for the registers is no place to go on. */
	csrrw tp, sscratch, tp
	sd t0, CPU_SCRATCH(tp)
	sd sp, CPU_SCRATCH + 8(tp)
	ld t0, CPU_KERNEL_STACK(tp)
	sub t0, t0, sp
	addi t0, t0, REGS_BYTES - 1
	srli t0, t0, STACK_SHIFT
	bnez t0, stack_is_full
	addi sp, sp, -REGS_BYTES
	push_registers
	sd tp, 32(sp)
	mv a0, sp
	call kernel_trap
	csrci sstatus, 2 /* SIE */
	pop_state
	ld ra, 8(sp)
	most_registers ld
	ld t0, 40(sp)
	addi sp, sp, REGS_BYTES
	sret

	/* From a program: its task's kernel stack is empty. */
from_user:
	sd t0, CPU_SCRATCH(tp)
	sd sp, CPU_SCRATCH + 8(tp)
	ld sp, CPU_KERNEL_STACK(tp)
	addi sp, sp, -REGS_BYTES
	push_registers
	csrrw t0, sscratch, zero
	sd t0, 32(sp)
	mv a0, sp
	call user_trap

	/* Interrupts are off, and no work is left (finish_return). */
return_to_user:
	pop_state
	csrw sscratch, tp
	ld ra, 8(sp)
	ld tp, 32(sp)
	most_registers ld
	ld t0, 40(sp)
	ld sp, 16(sp)
	sret

stack_is_full:
	ld sp, CPU_FATAL_STACK(tp)
	addi sp, sp, -REGS_BYTES
	push_registers
	sd tp, 32(sp)
	mv a0, sp
	call trap_stack_full

	/* arch_return_to_user: a0 = registers to load. */
	.globl load_registers
load_registers:
	mv sp, a0
	j return_to_user

	/* Where a new task's first switch returns to: s0 is the function to run. */
	.globl task_first
task_first:
	call schedule_tail
	jalr s0
	ebreak

	/* switch_stacks(uint64_t *save_sp, uint64_t new_sp) */
	.globl switch_stacks
.macro kept_registers op
	\op ra, 0(sp)
	\op s0, 8(sp)
	\op s1, 16(sp)
	.irp n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	\op s\n, 8 + 8 * \n(sp)
	.endr
.endm
switch_stacks:
	addi sp, sp, -112
	kept_registers sd
	sd sp, 0(a0)
	mv sp, a1
	kept_registers ld
	addi sp, sp, 112
	ret
	.globl entry_text_end
entry_text_end:

	/* fp_save(area), fp_load(area): the registers, fcsr. */
	.option arch, +f, +d
.macro float_registers op
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\op f\n, 8 * \n(a0)
	.endr
.endm
	.globl fp_save, fp_load
fp_save:
	float_registers fsd
	frcsr t0
	sw t0, 256(a0)
	ret
fp_load:
	float_registers fld
	lw t0, 256(a0)
	fscsr t0
	ret

	/* Where a handler of signals returns to: its program may run and read this page. Unwinders know it by these two
	 * instructions of four bytes. */
	.section .user_text, "ax"
	.align 12
	.globl signal_trampoline
signal_trampoline:
	.option norvc
	li a7, 139
	ecall
	.align 12
	.section .note.GNU-stack, "", @progbits
