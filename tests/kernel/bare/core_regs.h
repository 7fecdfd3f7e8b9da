/* SPDX-License-Identifier: MIT */
/* The registers of a program in a core file, of no machine. */
#ifndef BARE_CORE_REGS_H
#define BARE_CORE_REGS_H

#include "kern/task.h"

#define CORE_REGISTERS 1

static inline void arch_core_registers(const struct task *task, abi_ulong out[CORE_REGISTERS])
{
	out[0] = 0;
}

#endif
