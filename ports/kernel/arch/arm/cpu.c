/* SPDX-License-Identifier: MIT */
/* Makes a CPU ours: TPIDRPRW, the vectors, the modes of exceptions, SIMD. */
#include "cpu.h"

/* For a stack that is full. Fatal only, so one page is enough. */
static uint8_t boot_fatal_stack[4096] __attribute__((aligned(16)));

extern const char vectors[];

#define CPACR_SIMD    (15 << 20) /* coprocessors 10 and 11, for programs too */
#define FPEXC_ON      (1 << 30)
#define CNTKCTL_PL0V  2 /* programs read CNTVCT */
#define MVFR0_32_REGS 2

/* TPIDRPRW points at struct cpu afterwards. => called once, on each CPU itself, with interrupts off. */
void cpu_init(unsigned number)
{
	struct cpu *cpu = &cpus[number];

	if (number == 0) {
		cpu->arch.kernel_stack = (uintptr_t)boot_stack_top;
		cpu->arch.fatal_stack = (uintptr_t)boot_fatal_stack + sizeof(boot_fatal_stack);
	}
	cpu->number = number;
	cpu->arch.mpidr = READ_REG(MPIDR) & MPIDR_AFFINITY;
	WRITE_REG(TPIDRPRW, cpu);
	WRITE_REG(VBAR, vectors);
	WRITE_REG(CPACR, CPACR_SIMD);
	isb();
	WRITE_VFP(fpexc, FPEXC_ON);
	WRITE_REG(CNTKCTL, CNTKCTL_PL0V);
	WRITE_REG(TPIDRURO, 0);
	WRITE_REG(TPIDRURW, 0);
	set_exception_stacks(cpu->arch.scratch);
	isb();
	if ((READ_VFP(mvfr0) & 15) != MVFR0_32_REGS)
		panic("boot: a CPU without 32 SIMD registers");
}
