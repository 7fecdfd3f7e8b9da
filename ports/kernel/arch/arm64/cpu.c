/* SPDX-License-Identifier: MIT */
/* Makes a CPU ours: features, control registers, TPIDR_EL1, the vectors. */
#include "cpu.h"

struct cpu_features cpu_features;

/* For a stack that is full. Fatal only, so one page is enough. */
static uint8_t boot_fatal_stack[4096] __attribute__((aligned(16)));

extern const char vectors[];
extern const uint64_t pan_sites_start[], pan_sites_end[];

#define NOP          0xd503201f
#define CPACR_FPEN   (3 << 20)
#define CNTKCTL_EL0V 2 /* programs read CNTVCT_EL0 */

static void find_features(void)
{
	cpu_features.pan = READ_REG(id_aa64mmfr1_el1) >> 20 & 15;
	cpu_features.asid16 = (READ_REG(id_aa64mmfr0_el1) >> 4 & 15) == 2;
}

/* On the boot tables, which let the image be written. B2.4.4: what makes new instructions visible. */
static void patch_pan_sites(void)
{
	for (const uint64_t *site = pan_sites_start; site < pan_sites_end; site++) {
		uint32_t *at = (uint32_t *)*site;

		*at = NOP;
		__asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0\n\tdsb ish\n\tisb"
				 :
				 : "r"(at)
				 : "memory");
	}
}

/* D19.2.141: sizes by the choice of tables, ASIDs from TTBR0. */
uint64_t tcr_value(void)
{
	uint64_t range = READ_REG(id_aa64mmfr0_el1) & 7;

	return (tables_48 ? TCR_SIZE_48 : TCR_SIZE_39) | TCR_WALKS | TCR_TG1_4K | TCR_TBI0 | range << 32 |
	       (cpu_features.asid16 ? TCR_AS : 0);
}

/* TPIDR_EL1 points at struct cpu afterwards. => called once, on each CPU itself, with interrupts off. */
void cpu_init(unsigned number)
{
	struct cpu *cpu = &cpus[number];

	if (number == 0) {
		find_features();
		if (!cpu_features.pan)
			patch_pan_sites();
		cpu->arch.kernel_stack = (uint64_t)boot_stack_top;
		cpu->arch.fatal_stack = (uint64_t)boot_fatal_stack + sizeof(boot_fatal_stack);
	}
	cpu->number = number;
	cpu->arch.mpidr = READ_REG(MPIDR) & MPIDR_AFFINITY;
	WRITE_REG(tpidr_el1, cpu);
	WRITE_REG(vbar_el1, vectors);
	WRITE_REG(cpacr_el1, CPACR_FPEN);
	WRITE_REG(cntkctl_el1, CNTKCTL_EL0V);
	WRITE_REG(mdscr_el1, 0);
	WRITE_REG(tpidrro_el0, 0);
	if (cpu_features.pan) {
		/* An exception closes user memory; a return opens it again where it was open. */
		WRITE_REG(sctlr_el1, SCTLR_VALUE & ~SCTLR_SPAN);
		__asm__ volatile(".inst 0xd500419f"); /* msr pan, #1 */
	}
	isb();
}
