/* SPDX-License-Identifier: MIT */
/* Faults: from the trap to the library, and what the kernel does with the outcome. */
#ifndef KERNEL_FAULT_H
#define KERNEL_FAULT_H

#include "kern/kernel.h"
#include "port/trace.h"

struct regs;

/* A fault of the running program. True: the program continues. False: a signal is due; fault_signal()
 * sends it once the registers for its frame have been saved. */
bool fault_resolve(const struct quire_trap *trap);
void fault_signal(void);
/* segfault.c: logs it as Linux does, if no handler waits for it. */
void log_segfault(const struct quire_trap *trap);

/* A fault of the kernel's own: sets where `regs` continue, which is where they were, or a fixup; else it
 * is an oops. => interrupts are off; they may be on on return, if they were on in `regs`. */
void fault_in_kernel(struct regs *regs, struct quire_trap *trap);

/* For the report of an oops: the lines that the profile's kernel begins with, and the steps of the library. */
struct fault_words {
	char lines[640];
	char steps[480];
};
void fault_describe(const struct quire_trap *trap, struct fault_words *out);

extern bool fault_trace_on;
extern uint32_t fault_trace_calls;
/* A system call has ended: mappings may have changed. */
static inline void fault_trace_call(void)
{
	if (__builtin_expect(fault_trace_on, false))
		__atomic_fetch_add(&fault_trace_calls, 1, __ATOMIC_RELEASE);
}
/* trace.c: makes the ring and says where it is. Once, when the_system is made. */
void fault_trace_start(void);
/* With fault_trace_on: a record of the fault that the running task took. May sleep for a fault of user mode. */
void fault_trace_put(const struct quire_trace *trace);
/* With fault_trace_on: whose the accesses of this CPU in user mode are from now on, for a plugin of QEMU that sees them. */
void fault_trace_runs(pid_t pid);
/* With fault_trace_on: a record about a process. `parent`: 0, or of a fork; `name`: NULL, or of an exec. */
void fault_trace_task(enum trace_task_kind what, pid_t pid, pid_t parent, const char *name);

#endif
