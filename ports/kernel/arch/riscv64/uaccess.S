/* SPDX-License-Identifier: MIT */
/* Bytes: instructions that may fault on a program's memory, where each continues (the exception table), and the
 * kernel's own copies. */
#include "cpu.h"

	/* An instruction that continues at \to when it faults: a row of the table; and the same of the kernel's memory. */
.macro may_fault to, instruction:vararg
770:	\instruction
	.pushsection .fixup_table, "a"
	.quad 770b, \to
	.popsection
.endm
.macro cannot_fault to, instruction:vararg
	\instruction
.endm

	/* sstatus.SUM, Privileged 3.1.6.3. */
.macro open_user
	li t6, SSTATUS_SUM
	csrs sstatus, t6
.endm
.macro close_user
	li t6, SSTATUS_SUM
	csrc sstatus, t6
.endm

	/* Copies a2 bytes from a1 to a0: 64 and 8 at a time where both can be aligned, else 8 that are shifted together from
	 * two, since what is not aligned may trap to the firmware. a0, a1 and a2 say what is left when a step faults: some
	 * of its bytes may still be copied, one at a time; a byte that faults ends it at 19. */
.macro copy_bytes touch
	li t0, 16
	bltu a2, t0, 14f
10:	andi t0, a0, 7
	beqz t0, 11f
	\touch 19f, lbu t0, 0(a1)
	\touch 19f, sb t0, 0(a0)
	addi a0, a0, 1
	addi a1, a1, 1
	addi a2, a2, -1
	j 10b
11:	andi t2, a1, 7
	bnez t2, 15f
	li t5, 64
12:	bltu a2, t5, 13f
	\touch 14f, ld t0, 0(a1)
	\touch 14f, ld t1, 8(a1)
	\touch 14f, ld t2, 16(a1)
	\touch 14f, ld t3, 24(a1)
	\touch 14f, ld t4, 32(a1)
	\touch 14f, ld a4, 40(a1)
	\touch 14f, ld a5, 48(a1)
	\touch 14f, ld a6, 56(a1)
	\touch 14f, sd t0, 0(a0)
	\touch 14f, sd t1, 8(a0)
	\touch 14f, sd t2, 16(a0)
	\touch 14f, sd t3, 24(a0)
	\touch 14f, sd t4, 32(a0)
	\touch 14f, sd a4, 40(a0)
	\touch 14f, sd a5, 48(a0)
	\touch 14f, sd a6, 56(a0)
	addi a0, a0, 64
	addi a1, a1, 64
	addi a2, a2, -64
	j 12b
13:	li t5, 8
	bltu a2, t5, 14f
	\touch 14f, ld t0, 0(a1)
	\touch 14f, sd t0, 0(a0)
	addi a0, a0, 8
	addi a1, a1, 8
	addi a2, a2, -8
	j 13b
14:	beqz a2, 19f
	\touch 19f, lbu t0, 0(a1)
	\touch 19f, sb t0, 0(a0)
	addi a0, a0, 1
	addi a1, a1, 1
	addi a2, a2, -1
	j 14b
15:	slli t2, t2, 3
	neg t4, t2 /* a shift takes the lowest six bits */
	andi t3, a1, -8
	\touch 14b, ld t0, 0(t3)
	li t5, 8
16:	bltu a2, t5, 14b
	\touch 14b, ld t1, 8(t3)
	srl t0, t0, t2
	sll a4, t1, t4
	or t0, t0, a4
	\touch 14b, sd t0, 0(a0)
	mv t0, t1
	addi t3, t3, 8
	addi a0, a0, 8
	addi a1, a1, 8
	addi a2, a2, -8
	j 16b
19:
.endm

	.text
	/* size_t arch_user_copy(void *to, const void *from, size_t n): bytes not copied */
	.globl arch_user_copy
arch_user_copy:
	.cfi_startproc
	open_user
	copy_bytes may_fault
	close_user
	mv a0, a2
	ret
	.cfi_endproc

	/* int arch_user_load32(uint64_t from, uint32_t *out) */
	.globl arch_user_load32
arch_user_load32:
	.cfi_startproc
	open_user
	may_fault 1f, lw t0, 0(a0)
	close_user
	sw t0, 0(a1)
	li a0, 0
	ret
1:	close_user
	li a0, -14
	ret
	.cfi_endproc

	/* int arch_user_cmpxchg32(uint64_t at, uint32_t expected, uint32_t desired, uint32_t *out): words are
	 * sign-extended in registers, as LR.W gives them. */
	.globl arch_user_cmpxchg32
arch_user_cmpxchg32:
	.cfi_startproc
	open_user
1:	may_fault 3f, lr.w.aqrl t0, (a0)
	bne t0, a1, 2f
	may_fault 3f, sc.w.rl t1, a2, (a0)
	bnez t1, 1b
2:	fence rw, rw
	close_user
	sw t0, 0(a3)
	li a0, 0
	ret
3:	close_user
	li a0, -14
	ret
	.cfi_endproc

	/* bool try_store(uint64_t *at, uint64_t value): interrupts are off, so that only its own trap comes to 1. */
	.globl try_store
try_store:
	.cfi_startproc
	lla t0, 1f
	csrrw t0, stvec, t0
	sd a1, 0(a0)
	csrw stvec, t0
	li a0, 1
	ret
	.align 2
1:	csrw stvec, t0
	li a0, 0
	ret
	.cfi_endproc

	/* void *arch_memcpy(void *to, const void *from, size_t n) */
	.globl arch_memcpy
arch_memcpy:
	.cfi_startproc
	mv a7, a0
	copy_bytes cannot_fault
	mv a0, a7
	ret
	.cfi_endproc

	/* void *arch_memset(void *to, int byte, size_t n) */
	.globl arch_memset
arch_memset:
	.cfi_startproc
	mv t0, a0
	andi a1, a1, 0xff
	slli t1, a1, 8
	or a1, a1, t1
	slli t1, a1, 16
	or a1, a1, t1
	slli t1, a1, 32
	or a1, a1, t1
	li t5, 64
1:	andi t1, t0, 7
	beqz t1, 2f
	beqz a2, 5f
	sb a1, 0(t0)
	addi t0, t0, 1
	addi a2, a2, -1
	j 1b
2:	bltu a2, t5, 3f
	sd a1, 0(t0)
	sd a1, 8(t0)
	sd a1, 16(t0)
	sd a1, 24(t0)
	sd a1, 32(t0)
	sd a1, 40(t0)
	sd a1, 48(t0)
	sd a1, 56(t0)
	addi t0, t0, 64
	addi a2, a2, -64
	j 2b
3:	li t5, 8
6:	bltu a2, t5, 4f
	sd a1, 0(t0)
	addi t0, t0, 8
	addi a2, a2, -8
	j 6b
4:	beqz a2, 5f
	sb a1, 0(t0)
	addi t0, t0, 1
	addi a2, a2, -1
	j 4b
5:	ret
	.cfi_endproc
	.section .note.GNU-stack, "", @progbits
