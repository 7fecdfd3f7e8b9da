/* SPDX-License-Identifier: MIT */
/* What the kernel keeps of each CPU. */
#ifndef KERNEL_CPU_STATE_H
#define KERNEL_CPU_STATE_H

#include "arch.h"

struct quire_mm;
struct task;

/* The architecture's fast paths know the offsets of the first two members. What is here is the CPU's own,
 * and is changed with its interrupts off. */
struct cpu {
	struct task *task; /* the running one */
	unsigned number;
	unsigned irq_depth;    /* spinlocks held */
	bool irq_was_on;       /* before the first of them */
	bool online;           /* atomic */
	unsigned in_interrupt; /* nesting of interrupt handlers */
	struct task *idle;
	struct task *previous; /* the task switched from, until the switch is over */
	struct quire_mm *mm;   /* the address space whose root is loaded; NULL: the kernel's own */
	uint64_t idle_ns, idle_since;
	uint64_t timer_deadline; /* of its alarm */
	struct arch_cpu arch;
};
extern struct cpu cpus[MAX_CPUS];

static inline struct cpu *this_cpu(void)
{
	return arch_this_cpu();
}

#endif
