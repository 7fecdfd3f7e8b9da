/* SPDX-License-Identifier: MIT */
/* The kernel has made a mistake: it is told, and costs the task or the machine. */
#ifndef KERNEL_OOPS_H
#define KERNEL_OOPS_H

#include "kern/kernel.h"

struct regs;

struct oops {
	const struct regs *regs;
	const struct quire_trap *trap; /* of a page fault; NULL: another exception */
	const char *way;               /* to be filled in by oops() */
};

/* Prints the report and ends the running task with SIGKILL. Where that would leave something behind that
 * others wait for, it panics: see why_not() in oops.c. */
void oops(struct oops *what) __attribute__((noreturn));

/* Prints the report and panics. Any context, the middle of a report included. */
void oops_fatal(const struct oops *what, const char *why) __attribute__((noreturn));

/* How many there were. */
unsigned oops_count(void);

/* Of the architecture. */
#define CALL_TRACE_MOST 32
struct call_trace {
	uint64_t pc[CALL_TRACE_MOST]; /* where each call returns to, the last call first */
	unsigned count;
	bool whole;   /* it reaches the entry of the kernel */
	bool library; /* a function of the library is among them */
};
void arch_call_trace(const struct regs *regs, struct call_trace *out_trace);
void arch_oops_report(const struct oops *what, const struct call_trace *trace, unsigned number);

/* Jumps to address 0 with a return address that is none. */
void arch_wild_jump(void) __attribute__((noreturn));
/* Pushes until the stack has no room left. */
void arch_overflow_stack(void) __attribute__((noreturn));

/* A mistake on purpose, for tests (provoke.c): "KIND [CONTEXT]". 0, an errno, or no return. */
int provoke(const char *words);
/* The kinds and contexts, one a line each; NULL behind the last. */
const char *provoke_word(unsigned n);
/* On the way back to the program: what was put off to there. */
void provoke_on_return(void);

#endif
