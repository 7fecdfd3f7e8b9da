/* SPDX-License-Identifier: MIT */
/* What an architecture calls: from its start, its exceptions, its interrupts and its system call entry.
 *
 *   start          kernel_main(); on every other CPU secondary_main()
 *   system call    current->regs = regs; arch_irq_on(); syscall_dispatch(regs); finish_return(); leave
 *   user fault     port/fault.h, then finish_return()
 *   timer          timer_interrupt(); from a program then finish_return()
 *   console        console_input() of fs/vfs.h
 *
 * A handler of device interrupts counts itself in struct cpu.in_interrupt. */
#ifndef KERNEL_ENTRY_H
#define KERNEL_ENTRY_H

#include "kern/task.h"

/* On the boot CPU, with interrupts off, on its boot stack. */
void kernel_main(void) __attribute__((noreturn));
/* On another CPU, with interrupts off, on the stack of its idle task, which struct cpu.task is. */
void secondary_main(void) __attribute__((noreturn));

/* kstack.c, for arch_system_ready() where a push to a kernel stack cannot take the fault that brings an entry into an
 * address space: makes the tables of the first `bytes` of kernel mappings, which stay when nothing is mapped there, and
 * which every address space has. No stack may lie behind them (arch_task_create()): what is there is found by the fault. */
void kstacks_make_tables(uint64_t bytes);

/* The number and the arguments are in `regs`; so is the result afterwards. */
void syscall_dispatch(struct regs *regs);

/* The alarm of arch_timer_set() has rung. `from_user`: it interrupted a program. => interrupts are off. */
void timer_interrupt(bool from_user);

/* What task.work says: signals, another task's turn. Interrupts on. */
void exit_to_user_work(void);

/* The last thing before registers of a program are loaded: with interrupts off on return, and no work
 * left. */
static inline void finish_return(void)
{
	arch_irq_off();
	while (current->work) {
		arch_irq_on();
		exit_to_user_work();
		arch_irq_off();
	}
}

#endif
