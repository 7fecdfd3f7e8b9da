/* SPDX-License-Identifier: MIT */
/* Several CPUs: starting them by PSCI, and making each forget translations (broadcast TLBI). */
#include "cpu.h"
#include "arch/common/fdt.h"
#include "kern/entry.h"
#include "kern/sched.h"

/* Beyond so many pages, forgetting everything is cheaper. */
#define FLUSH_SINGLE_PAGES 64

/* --- flushing --------------------------------------------------------------------------------- */

/* A CPU that left the address space comes back with another ASID (arch_load_root()): only those in it matter. */
void arch_flush(const struct quire_flush *flush)
{
	bool everywhere;
	uintptr_t pages = 0;

	/* A page that a fault on this CPU changed: nobody else need wait for it (non-shareable barriers). */
	if (flush->here && flush->count == 1 && flush->range[0].end - flush->range[0].start == PAGE_SIZE) {
		__asm__ volatile("dsb nshst" : : : "memory");
		forget_page((uintptr_t)flush->range[0].start, false);
		__asm__ volatile("dsb nsh\n\tisb" : : : "memory");
		return;
	}
	everywhere = !flush->mm || (flush->cpus & ~(1ull << arch_cpu()));
	for (unsigned i = 0; i < flush->count; i++)
		pages += (uintptr_t)((flush->range[i].end - flush->range[i].start) / PAGE_SIZE);
	__asm__ volatile("dsb ishst" : : : "memory");
	if (flush->count && pages <= FLUSH_SINGLE_PAGES) {
		for (unsigned i = 0; i < flush->count; i++)
			for (uintptr_t va = (uintptr_t)flush->range[i].start;
			     va != (uintptr_t)flush->range[i].end; va += PAGE_SIZE)
				forget_page(va, everywhere);
	} else {
		forget_all(everywhere);
	}
	__asm__ volatile("dsb ish\n\tisb" : : : "memory");
}

#define CTR_PHYSICAL 3 /* CTR.L1Ip: instruction caches are looked up by physical addresses */

/* DDI 0487, B2.4.4; DDI 0406C, B2.2.9. CTR: the lines' sizes, as powers of two of words. An instruction cache that is
 * looked up by virtual addresses may have what was here at a program's address, which `page` is not. */
void arch_icache_sync(void *page, size_t bytes)
{
	uintptr_t ctr = READ_REG(CTR), start = (uintptr_t)page;
	uintptr_t data = (uintptr_t)4 << (ctr >> 16 & 15), code = (uintptr_t)4 << (ctr & 15);

	for (uintptr_t at = start; at < start + bytes; at += data)
		clean_for_code(at);
	__asm__ volatile("dsb ish" : : : "memory");
	if ((ctr >> 14 & 3) == CTR_PHYSICAL) {
		for (uintptr_t at = start; at < start + bytes; at += code)
			forget_code(at);
	} else {
		forget_all_code();
	}
	forget_branches();
	__asm__ volatile("dsb ish\n\tisb" : : : "memory");
}

void arch_kick(unsigned cpu)
{
	gic_send(cpu, GIC_KICK);
}

/* --- start ------------------------------------------------------------------------------------ */

/* First C code of another CPU, on its idle task's stack. */
void secondary_start(unsigned number)
{
	cpu_init(number);
	gic_init_cpu();
	clock_init_cpu();
	cpus[number].task = cpus[number].idle;
	secondary_main();
}

static struct secondary secondary __attribute__((aligned(64)));

bool arch_start_cpu(unsigned number, uintptr_t stack)
{
	struct cpu *cpu = &cpus[number];
	void *fatal = page_alloc();

	if (!fatal)
		return false;
	cpu->arch.fatal_stack = (uintptr_t)fatal + PAGE_SIZE;
	cpu->arch.kernel_stack = stack;
	secondary = secondary_of(stack - 64, number);
	clean_to_memory(&secondary);
	return !psci(PSCI_CPU_ON, cpu->arch.mpidr, image_to_pa((void *)secondary_boot),
		     image_to_pa(&secondary));
}

static unsigned found;

unsigned arch_cpus_found(void)
{
	uint64_t ids[MAX_CPUS], self = READ_REG(MPIDR) & MPIDR_AFFINITY;
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
