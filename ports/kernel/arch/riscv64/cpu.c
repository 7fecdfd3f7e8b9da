/* SPDX-License-Identifier: MIT */
/* Makes a hart ours: tp, the trap vector, control registers. */
#include "cpu.h"

/* For a stack that is full. Fatal only, so one page is enough. */
static uint8_t boot_fatal_stack[4096] __attribute__((aligned(16)));

extern const char trap_entry[];

/* => called once, on each hart itself, with interrupts off. */
void cpu_init(unsigned number, uint64_t hart)
{
	struct cpu *cpu = &cpus[number];

	if (number == 0) {
		cpu->arch.kernel_stack = (uint64_t)boot_stack_top;
		cpu->arch.fatal_stack = (uint64_t)boot_fatal_stack + sizeof(boot_fatal_stack);
	}
	cpu->number = number;
	cpu->arch.hart = hart;
	__asm__ volatile("mv tp, %0" : : "r"(cpu) : "memory");
	CSR_WRITE(sscratch, 0);
	CSR_WRITE(stvec, trap_entry);
	/* Programs read cycle, time and instret (Privileged 4.1.5); floating point is on, a vector unit is not. */
	CSR_WRITE(scounteren, 7);
	CSR_WRITE(sstatus, SSTATUS_FS_CLEAN | SSTATUS_UXL_64);
	CSR_WRITE(sie, 1 << IRQ_SOFTWARE);
}
