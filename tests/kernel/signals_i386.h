/* SPDX-License-Identifier: MIT */
/* What signals.c needs to know of i386: where a context has its registers, and code in assembly. */
#ifndef SIGNALS_I386_H
#define SIGNALS_I386_H

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <ucontext.h>

#define PC(r)      ((r)[REG_EIP])
#define CS(r)      ((r)[REG_CS])
#define SS(r)      ((r)[REG_SS])
#define CR2(uc)    ((uc)->uc_mcontext.cr2)
#define BX         REG_EBX
#define KERNEL_ONE 0xc0100000 /* an address of the kernel's, and another */
#define KERNEL_TWO 0xfffff000

static void single_step(void *at)
{
	__asm__ volatile("pushf; orl $0x100, (%%esp); popf; nop" : : : "memory", "cc");
}

/* --- what a handler may change ---------------------------------------------------------------- */

static void skip_instruction(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	PC(uc->uc_mcontext.gregs) += 2; /* ud2 */
	uc->uc_mcontext.gregs[BX] = 4711;
}

static void contexts(void)
{
	int bx, si, di;
	double x87 = 1.25, y87;

	__asm__ volatile("fldl %4; mov $3, %%esi; mov $4, %%edi\n\t"
			 "ud2\n\t"
			 "mov %%ebx, %0; mov %%esi, %1; mov %%edi, %2; fstpl %3"
			 : "=m"(bx), "=m"(si), "=m"(di), "=m"(y87)
			 : "m"(x87)
			 : "ebx", "esi", "edi", "st", "memory");
	printf("changed ebx %d, kept st %d, esi %d edi %d\n", bx, x87 == y87, si, di);
}

#endif
