/* SPDX-License-Identifier: MIT */
/* A kernel bug: it is reported, and ends the task or the machine. */
#ifndef KERNEL_OOPS_H
#define KERNEL_OOPS_H

#include "kern/kernel.h"

struct regs;

struct oops {
	const struct regs *regs;
	const struct quire_trap *trap; /* of a page fault; NULL: another exception */
	const char *head, *steps;      /* to be filled in by oops(): lines, and the library's way */
};

/* Prints the report and ends the running task with SIGKILL. Where that would leave something behind that
 * others wait for, it panics: see why_not() in oops.c. */
void oops(struct oops *what) __attribute__((noreturn));

/* Prints the report and panics. Any context, the middle of a report included. */
void oops_fatal(const struct oops *what, const char *why) __attribute__((noreturn));

/* How many there were. */
unsigned oops_count(void);

/* What arch_call_trace() finds. */
#define CALL_TRACE_MOST 32
struct call_trace {
	uint64_t pc[CALL_TRACE_MOST]; /* where each call returns to, the last call first */
	unsigned count;
	bool whole;   /* it reaches the entry of the kernel */
	bool library; /* a function of the library is among them */
};

/* Lines that every report of an oops has, in Linux's words, for arch_oops_report(). */
void oops_head_lines(const struct oops *what);
void oops_task_line(void);
void oops_trace_lines(const struct call_trace *trace);
void oops_end_lines(const struct oops *what);
/* `count` bytes of code in hexadecimal, the one at `mark` as <xx>. `size`: 3 * count + 3 or more. */
void format_code(char *line, size_t size, const uint8_t *code, unsigned count, unsigned mark);

/* A deliberate kernel bug, for tests (extras/provoke.c): "KIND [CONTEXT]". 0, an errno, or no return. */
int provoke(const char *words);
/* The kinds and contexts, one a line each; NULL behind the last. */
const char *provoke_word(unsigned n);
/* On the way back to the program: runs the bug that was deferred. */
void provoke_on_return(void);

#endif
