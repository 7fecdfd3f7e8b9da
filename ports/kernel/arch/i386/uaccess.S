/* SPDX-License-Identifier: MIT */
/* Instructions that may fault on a program's memory, and where each continues (the exception table). Arguments are
 * in EAX, EDX, ECX. */
#include "cpu.h"

	/* A row: pc, continuation. */
.macro fixup at, to
	.pushsection .fixup_table, "a"
	.long \at, 0, \to, 0
	.popsection
.endm

	.text
	/* size_t arch_user_copy(void *to, const void *from, size_t n): bytes not copied */
	.globl arch_user_copy
arch_user_copy:
	push %esi
	push %edi
	mov %eax, %edi
	mov %edx, %esi
	mov %ecx, %eax
	and $3, %eax
	shr $2, %ecx
	open_user
1:	rep movsl
	mov %eax, %ecx
2:	rep movsb
	jmp 5f
	/* A word faulted: some of its bytes may still be copied. */
3:	lea (%eax,%ecx,4), %ecx
4:	rep movsb
5:	close_user
	mov %ecx, %eax
	pop %edi
	pop %esi
	ret
	fixup 1b, 3b
	fixup 2b, 5b
	fixup 4b, 5b

	/* int arch_user_load32(uint64_t from, uint32_t *out): the address is in EAX, and EDX is its upper half. */
	.globl arch_user_load32
arch_user_load32:
	open_user
1:	mov (%eax), %edx
	close_user
	mov %edx, (%ecx)
	xor %eax, %eax
	ret
2:	close_user
	mov $-14, %eax
	ret
	fixup 1b, 2b

	/* int arch_user_cmpxchg32(uint64_t at, uint32_t expected, uint32_t desired, uint32_t *out): what has no room
	 * in registers is on the stack. */
	.globl arch_user_cmpxchg32
arch_user_cmpxchg32:
	push %ebx
	mov %eax, %ebx
	mov %ecx, %eax
	mov 8(%esp), %edx
	open_user
1:	lock cmpxchg %edx, (%ebx)
	close_user
	mov 12(%esp), %edx
	mov %eax, (%edx)
	xor %eax, %eax
	pop %ebx
	ret
2:	close_user
	mov $-14, %eax
	pop %ebx
	ret
	fixup 1b, 2b
	.section .note.GNU-stack, "", @progbits
