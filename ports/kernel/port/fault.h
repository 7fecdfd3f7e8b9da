/* SPDX-License-Identifier: MIT */
/* From a trap to the library, and from its outcome to what the kernel does. */
#ifndef KERNEL_FAULT_H
#define KERNEL_FAULT_H

#include "kern/kernel.h"

struct regs;

/* A fault of the running program. True: go on. False: a signal is due; fault_signal() sends it, when the
 * registers for its frame have been noted. */
bool fault_resolve(const struct quire_trap *trap);
void fault_signal(void);
/* segfault.c: logs it as Linux does, if no handler waits for it. */
void log_segfault(const struct quire_trap *trap);

/* A fault of the kernel's own: sets where `regs` continue, which is where they were, or a fixup; else it is an
 * oops. => interrupts are off; they may be on on return, if they were on in `regs`. */
void fault_in_kernel(struct regs *regs, struct quire_trap *trap);

/* For the report of an oops: the steps by which the library found it. */
void fault_way(const struct quire_trap *trap, char *line, size_t size);

extern bool fault_trace_on;

#endif
