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

/* A fault of the kernel: where to continue, which is where it was, or a fixup; else it is an oops, of `regs`.
 */
uint64_t fault_in_kernel(const struct quire_trap *trap, const struct regs *regs);

/* For the report of an oops: the steps by which the library found it. */
void fault_way(const struct quire_trap *trap, char *line, size_t size);

extern bool fault_trace_on;

#endif
