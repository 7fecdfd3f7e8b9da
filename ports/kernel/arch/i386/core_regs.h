/* SPDX-License-Identifier: MIT */
/* The registers of a program as a core file has them (elf_gregset_t). */
#ifndef ARCH_CORE_REGS_H
#define ARCH_CORE_REGS_H

#include "kern/task.h"

#define CORE_REGISTERS 17

static inline void arch_core_registers(const struct task *task, abi_ulong out[CORE_REGISTERS])
{
	const struct regs *r = task->regs;
	const uint32_t values[CORE_REGISTERS] = {r->bx, r->cx, r->dx,    r->si, r->di, r->bp,
						 r->ax, r->ds, r->es,    r->fs, 0,     r->error,
						 r->ip, r->cs, r->flags, r->sp, r->ss};

	memcpy(out, values, sizeof(values));
}

#endif
