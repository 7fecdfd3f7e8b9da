/* SPDX-License-Identifier: MIT */
/* Between the architecture's start and core/'s. */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

/* The boot CPU works, with interrupts off, on its boot stack; the clock runs. Does not return. */
void kernel_main(void) __attribute__((noreturn));

#endif
