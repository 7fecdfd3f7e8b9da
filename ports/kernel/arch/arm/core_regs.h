/* SPDX-License-Identifier: MIT */
/* The registers of a program as a core file has them (elf_gregset_t). */
#ifndef ARCH_CORE_REGS_H
#define ARCH_CORE_REGS_H

#include "kern/task.h"

#define CORE_REGISTERS 18

static inline void arch_core_registers(const struct task *task, abi_ulong out[CORE_REGISTERS])
{
	const struct regs *r = task->regs;

	memcpy(out, r, 17 * sizeof(*out)); /* r0 to pc, and cpsr */
	out[17] = r->first;
}

#endif
