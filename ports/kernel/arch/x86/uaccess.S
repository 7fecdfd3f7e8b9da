/* SPDX-License-Identifier: MIT */
/* Instructions that may fault on a program's memory, and where each continues (the exception table). */
#include "cpu.h"

	/* A row: pc, continuation. */
.macro fixup at, to
	.pushsection .fixup_table, "a"
	.quad \at, \to
	.popsection
.endm

	.text
	/* size_t arch_user_copy(void *to, const void *from, size_t n): bytes not copied */
	.globl arch_user_copy
arch_user_copy:
	mov %rdx, %rcx
	and $7, %edx
	shr $3, %rcx
	open_user
1:	rep movsq
	mov %edx, %ecx
2:	rep movsb
	close_user
	mov %rcx, %rax
	ret
	/* A word faulted: some of its bytes may still be copied. */
3:	lea (%rdx,%rcx,8), %rcx
4:	rep movsb
5:	close_user
	mov %rcx, %rax
	ret
	fixup 1b, 3b
	fixup 2b, 5b
	fixup 4b, 5b

	/* int arch_user_load32(uint64_t from, uint32_t *out) */
	.globl arch_user_load32
arch_user_load32:
	xor %eax, %eax
	open_user
1:	mov (%rdi), %ecx
	close_user
	mov %ecx, (%rsi)
	ret
2:	close_user
	mov $-14, %eax
	ret
	fixup 1b, 2b

	/* int arch_user_cmpxchg32(uint64_t at, uint32_t expected, uint32_t desired, uint32_t *out) */
	.globl arch_user_cmpxchg32
arch_user_cmpxchg32:
	mov %rcx, %r8
	mov %esi, %eax
	open_user
1:	lock cmpxchg %edx, (%rdi)
	close_user
	mov %eax, (%r8)
	xor %eax, %eax
	ret
2:	close_user
	mov $-14, %eax
	ret
	fixup 1b, 2b
	.section .note.GNU-stack, "", @progbits
