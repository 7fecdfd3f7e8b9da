/* SPDX-License-Identifier: MIT */
/* The serial lines: the program's console, its standard error, the log and report port.
 *
 *   COM1 0x3f8  console: /dev/console and /dev/tty; input by interrupt (console_input)
 *   COM2 0x2f8  standard error
 *   port 0xe9   debugcon: printk, and at the end the report (report.h)
 *   port 0xf4   isa-debug-exit: see report.h */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include "kern/kernel.h"

enum serial_line {
	SERIAL_CONSOLE = 0,
	SERIAL_ERROR = 1,
	SERIAL_LINES
};

/* Writes bytes as they are, in order, whole calls never mixed. May be slow; any context but interrupts. */
void serial_write(enum serial_line line, const void *bytes, size_t n);

/* Input goes to console_input() of vfs.h from the interrupt, interrupts off; when that said "no room" the
 * line stays deaf until this is called. Any context. */
void console_input_wanted(void);

#endif
