/* SPDX-License-Identifier: MIT */
/* The registers of a program as a core file has them (elf_gregset_t). */
#ifndef ARCH_CORE_REGS_H
#define ARCH_CORE_REGS_H

#include "kern/task.h"

#define CORE_REGISTERS 27

static inline void arch_core_registers(const struct task *task, abi_ulong out[CORE_REGISTERS])
{
	const struct regs *r = task->regs;
	const uint64_t values[CORE_REGISTERS] = {
	    r->r15,
	    r->r14,
	    r->r13,
	    r->r12,
	    r->rbp,
	    r->rbx,
	    r->r11,
	    r->r10,
	    r->r9,
	    r->r8,
	    r->rax,
	    r->rcx,
	    r->rdx,
	    r->rsi,
	    r->rdi,
	    r->error,
	    r->ip,
	    r->cs,
	    r->flags,
	    r->sp,
	    r->ss,
	    task->arch.fs_base,
	    task->arch.gs_base,
	};

	memcpy(out, values, sizeof(values));
}

#endif
