/* SPDX-License-Identifier: MIT */
/* What signals.c needs to know of x86-64: where a context has its registers, and code in assembly. */
#ifndef SIGNALS_X86_64_H
#define SIGNALS_X86_64_H

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <ucontext.h>

#define PC(r)      ((r)[REG_RIP])
#define CS(r)      ((r)[REG_CSGSFS])
#define SS(r)      ((unsigned long)(r)[REG_CSGSFS] >> 48)
#define CR2(uc)    ((uc)->uc_mcontext.gregs[REG_CR2])
#define BX         REG_RBX
#define KERNEL_ONE 0xffff888000000000
#define KERNEL_TWO 0x123456789abcdef0 /* not canonical */

static void single_step(void *at)
{
	__asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop" : : : "memory", "cc");
}

/* --- what a handler may change ---------------------------------------------------------------- */

static void skip_instruction(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	PC(uc->uc_mcontext.gregs) += 2; /* ud2 */
	uc->uc_mcontext.gregs[BX] = 4711;
	__asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm15, %%xmm15" : : : "xmm0", "xmm15");
}

static void contexts(void)
{
	uint64_t rbx, x0 = 0x1122334455667788, x15 = 0x99aabbccddeeff00, y0, y15, r[4];

	__asm__ volatile(
	    "movq %7, %%xmm0; movq %8, %%xmm15; mov $1, %%r8; mov $2, %%r9; mov $3, %%r14; mov $4, %%r15\n\t"
	    "ud2\n\t"
	    "mov %%rbx, %0; movq %%xmm0, %1; movq %%xmm15, %2\n\t"
	    "mov %%r8, %3; mov %%r9, %4; mov %%r14, %5; mov %%r15, %6"
	    : "=m"(rbx), "=m"(y0), "=m"(y15), "=m"(r[0]), "=m"(r[1]), "=m"(r[2]), "=m"(r[3])
	    : "m"(x0), "m"(x15)
	    : "rbx", "r8", "r9", "r14", "r15", "xmm0", "xmm15", "memory");
	printf("changed rbx %lu, kept xmm %d %d, r8 %lu r9 %lu r14 %lu r15 %lu\n", rbx, x0 == y0, x15 == y15,
	       r[0], r[1], r[2], r[3]);
}

#endif
