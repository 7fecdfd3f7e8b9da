/* SPDX-License-Identifier: MIT */
/* Several CPUs: starting them by PSCI, and making each forget translations (broadcast TLBI). */
#include "cpu.h"
#include "arch/common/fdt.h"
#include "kern/entry.h"
#include "kern/sched.h"

/* Beyond so many pages, forgetting everything is cheaper. */
#define FLUSH_SINGLE_PAGES 64

#define PSCI_CPU_ON 0xc4000003

/* boot.S reads it with its MMU off. */
struct secondary {
	uint64_t ttbr1, tcr, stack, number;
};
static struct secondary secondary __attribute__((aligned(64)));
void secondary_start(uint64_t number);

/* --- flushing --------------------------------------------------------------------------------- */

/* TLBI VAAE1: an address for every ASID, global entries and cached tables too (D8.14.5). */
static void flush_pages(quire_va from, quire_va to, bool everywhere)
{
	for (quire_va va = from; va < to; va += PAGE_SIZE) {
		uint64_t operand = va >> 12 & 0xfffffffffff;

		if (everywhere)
			__asm__ volatile("tlbi vaae1is, %0" : : "r"(operand) : "memory");
		else
			__asm__ volatile("tlbi vaae1, %0" : : "r"(operand) : "memory");
	}
}

/* A CPU that left the address space comes back with another ASID (arch_load_root()): only those in it matter. */
void arch_flush(const struct quire_flush *flush)
{
	bool everywhere = !flush->mm || (flush->cpus & ~(1ull << arch_cpu()));
	uint64_t pages = 0;

	for (unsigned i = 0; i < flush->count; i++)
		pages += (flush->range[i].end - flush->range[i].start) / PAGE_SIZE;
	__asm__ volatile("dsb ishst" : : : "memory");
	if (flush->count && pages <= FLUSH_SINGLE_PAGES) {
		for (unsigned i = 0; i < flush->count; i++)
			flush_pages(flush->range[i].start, flush->range[i].end, everywhere);
	} else if (everywhere) {
		__asm__ volatile("tlbi vmalle1is" : : : "memory");
	} else {
		__asm__ volatile("tlbi vmalle1" : : : "memory");
	}
	__asm__ volatile("dsb ish\n\tisb" : : : "memory");
}

/* B2.4.4. CTR_EL0: the lines' sizes, as powers of two of words. */
void arch_icache_sync(void *page, size_t bytes)
{
	uint64_t ctr = READ_REG(ctr_el0), start = (uint64_t)page;
	uint64_t data = 4ull << (ctr >> 16 & 15), code = 4ull << (ctr & 15);

	for (uint64_t at = start; at < start + bytes; at += data)
		__asm__ volatile("dc cvau, %0" : : "r"(at) : "memory");
	__asm__ volatile("dsb ish" : : : "memory");
	for (uint64_t at = start; at < start + bytes; at += code)
		__asm__ volatile("ic ivau, %0" : : "r"(at) : "memory");
	__asm__ volatile("dsb ish\n\tisb" : : : "memory");
}

void arch_kick(unsigned cpu)
{
	gic_send(cpu, GIC_KICK);
}

/* --- start ------------------------------------------------------------------------------------ */

/* First C code of another CPU, on its idle task's stack. */
void secondary_start(uint64_t number)
{
	WRITE_REG(ttbr0_el1, image_to_pa(no_user_root));
	isb();
	cpu_init((unsigned)number);
	gic_init_cpu();
	clock_init_cpu();
	cpus[number].task = cpus[number].idle;
	secondary_main();
}

static bool start_cpu(unsigned number)
{
	struct cpu *cpu = &cpus[number];
	struct task *idle = idle_task_create(number);
	void *fatal = page_alloc();
	uint64_t deadline = arch_clock_ns() + NSEC_PER_SEC;

	if (!idle || !fatal)
		return false;
	cpu->idle = idle;
	cpu->number = number;
	cpu->arch.fatal_stack = (uint64_t)fatal + PAGE_SIZE;
	cpu->arch.kernel_stack = idle->stack + STACK_BYTES;
	secondary = (struct secondary){kernel_ttbr1, tcr_value(), cpu->arch.kernel_stack - 64, number};
	__asm__ volatile("dc civac, %0\n\tdsb sy" : : "r"(&secondary) : "memory");
	if (psci(PSCI_CPU_ON, cpu->arch.mpidr, image_to_pa((void *)secondary_boot), image_to_pa(&secondary)))
		return false;
	while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE) && arch_clock_ns() < deadline)
		arch_relax();
	return cpu->online;
}

static unsigned found;

unsigned arch_cpus_found(void)
{
	uint64_t ids[MAX_CPUS], self = READ_REG(mpidr_el1) & 0xff00ffffff;
	unsigned count;

	if (found)
		return found;
	count = fdt_cpus(device_tree, ids, MAX_CPUS);
	cpus[0].arch.mpidr = self;
	found = 1;
	for (unsigned i = 0; i < count; i++)
		if (ids[i] != self && found < MAX_CPUS)
			cpus[found++].arch.mpidr = ids[i];
	return found;
}

unsigned arch_start_cpus(void)
{
	unsigned running = 1;

	for (unsigned i = 1; i < arch_cpus_found(); i++) {
		if (start_cpu(i))
			running++;
		else
			printk("cpu %u does not start\n", i);
	}
	return running;
}
