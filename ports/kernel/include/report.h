/* SPDX-License-Identifier: MIT */
/* The lines between the kernel and `quire run`: serial ports, exit codes, the report at the end.
 *
 *   COM1 0x3f8   standard input (framed, see below) and standard output, or the terminal (raw bytes)
 *   COM2 0x2f8   standard error (raw bytes); unused when it is the terminal too
 *   COM3 0x3e8   the report: text lines, written by the kernel only
 *   port 0xe9    the kernel's log (debugcon), one line a message
 *   port 0xf4    isa-debug-exit: a value v ends QEMU with status (v << 1) | 1
 *
 * Input is framed so that a byte stream can say more than bytes: 0xff 0xff is the byte 0xff; 0xff 0x00 is
 * the end of the input; 0xff 0x01 R R C C sets the window size (rows, columns, low byte first). In these
 * four a byte may be any value: no further escape applies inside the frame.
 *
 * Report lines (COM3), words separated by one blank, numbers decimal unless 0x is written:
 *   report 1                     first line
 *   exit STATUS                  the first task has exited with this status   } one of the two
 *   signal NUMBER                the first task was killed by this signal     }
 *   panic TEXT...                the kernel cannot go on (the last line)
 *   step NAME COUNT              quire_counter(), steps that were passed at least once
 *   event NAME COUNT             quire_event()
 *   memory NAME FRAMES           quire_memory(): "frames", every page state, "peak" (most in use at once)
 *   faults minor N / major N     counted for tasks
 *   time_ns N                    from the first user instruction to the end
 *   boot_ns N                    from power-on to the first user instruction
 *   end                          last line
 *   trace FIELDS...              any time before: one fault, only with `trace` on the command line:
 *                                trace PID 0xVA ACCESS MODE OUTCOME MAJOR 0xPFN 0xPTE_BEFORE 0xPTE_AFTER
 *                                SIGNAL CODE STEP,STEP,...   (names of quire_*_name(), steps of quire_step_name())
 *
 * Command line words (the rest is ignored): profile=NAME, trace, selftest, cpus=N, quiet. */
#ifndef KERNEL_REPORT_H
#define KERNEL_REPORT_H

enum {
	PORT_STDOUT = 0x3f8,
	PORT_STDERR = 0x2f8,
	PORT_REPORT = 0x3e8,
	PORT_LOG = 0xe9,
	PORT_EXIT = 0xf4
};

/* What is written to PORT_EXIT. QEMU's own failures end with status 1. */
enum {
	EXIT_DONE = 0x10,  /* QEMU's status 33: the report tells the program's */
	EXIT_PANIC = 0x11  /* QEMU's status 35 */
};

#endif
