/* SPDX-License-Identifier: MIT */
/* The registers of a program as a core file has them (elf_gregset_t). */
#ifndef ARCH_CORE_REGS_H
#define ARCH_CORE_REGS_H

#include "kern/task.h"

#define CORE_REGISTERS 34

static inline void arch_core_registers(const struct task *task, abi_ulong out[CORE_REGISTERS])
{
	memcpy(out, task->regs, CORE_REGISTERS * sizeof(*out)); /* x0 to x30, sp, pc, pstate */
}

#endif
