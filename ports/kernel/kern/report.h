/* SPDX-License-Identifier: MIT */
/* How the machine ends, and what it says to `quire run` before it does.
 *
 * The log (arch_log_write()) has lines, and just before the end one block:
 *
 *   @quire-report 1
 *   status <kind> <n>              kind: "exit" n = the program's exit status; "signal" n = what killed it
 *   time <ns of boot to first user instruction> <ns of the run>
 *   counter <step name> <count>    every step that is not 0 (names of quire/steps.h, no blanks)
 *   event <event name> <count>     quire_event_count(), all
 *   frames <state name> <count>    quire_memory() at the end, all states
 *   memory <frames> <peak used frames> <free before the run> <free at the end>
 *   faults <minor> <major>         summed over all processes
 *   oopses <n>                     kernel bugs that ended a task; left out when there was none
 *   @quire-end
 *
 * then it ends with a code (arch_end_machine()):
 *   MACHINE_DONE   0x10: read the status line
 *   MACHINE_PANIC  0x11: a line "panic: ..." is in the log
 * With "trace=1" on the command line every fault, every task and, at intervals, memory is recorded (port/trace.h); this
 * line says where:
 *   @trace <physical address> <bytes>
 * Log lines that concern a program (a system call not known) start with "quire-kernel: ". */
#ifndef KERNEL_REPORT_H
#define KERNEL_REPORT_H

#include "kern/kernel.h"

#define MACHINE_DONE  0x10
#define MACHINE_PANIC 0x11

/* Frames, gathered while programs run. */
struct run_figures {
	uint64_t first_instruction; /* ns since boot */
	size_t free_before;         /* frames, when the program was about to start */
	size_t free_least;          /* frames, as seen at every timer interrupt */
};
extern struct run_figures run_figures;
size_t free_frames_now(void);
/* Called at every timer interrupt: how much memory was in use at most. */
void sample_free_frames(void);

/* The program ended with this wait status: writes the report and ends the machine. */
void report_and_end(int wait_status) __attribute__((noreturn));

#endif
