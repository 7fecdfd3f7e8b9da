/* SPDX-License-Identifier: MIT */
/* Several harts: starting them, messages, and making each forget translations, all by the firmware. */
#include "cpu.h"
#include "arch/common/fdt.h"
#include "kern/entry.h"
#include "kern/sched.h"

/* Beyond so many pages, forgetting everything is cheaper. */
#define FLUSH_SINGLE_PAGES 64

#define SEND_IPI  0
#define MASK_BITS 64

/* boot.S reads it at its physical address. */
struct secondary {
	uint64_t satp, stack, number;
};
static struct secondary secondary;
void secondary_start(uint64_t number);

/* --- messages --------------------------------------------------------------------------------- */

/* The firmware takes harts as 64 bits from a first one (SBI 3.1). Removes those of one call from `*set`, which are
 * CPUs; returns their bits and the first hart. */
static uint64_t take_harts(uint64_t *set, uint64_t *out_first)
{
	uint64_t mask = 0, first = cpus[__builtin_ctzl(*set)].arch.hart & ~(uint64_t)(MASK_BITS - 1);

	for (uint64_t left = *set; left; left &= left - 1) {
		uint64_t hart = cpus[__builtin_ctzl(left)].arch.hart;

		if ((hart & ~(uint64_t)(MASK_BITS - 1)) == first) {
			mask |= 1ull << hart % MASK_BITS;
			*set &= ~(left & -left);
		}
	}
	*out_first = first;
	return mask;
}

static void fence_harts(uint64_t set, uint64_t function, uint64_t start, uint64_t bytes)
{
	while (set) {
		uint64_t first, mask = take_harts(&set, &first);

		if (SBI(SBI_RFENCE, function, mask, first, start, bytes).error)
			panic("the firmware refuses a remote fence");
	}
}

void arch_kick(unsigned cpu)
{
	uint64_t set = 1ull << cpu, first, mask = take_harts(&set, &first);

	SBI(SBI_IPI, SEND_IPI, mask, first);
}

/* --- flushing --------------------------------------------------------------------------------- */

static uint64_t others(void)
{
	return cpus_online_set & ~(1ull << arch_cpu());
}

void flush_every_hart(void)
{
	sfence_everything();
	fence_harts(others(), SBI_RFENCE_VMA, 0, ~0ull);
}

/* SFENCE.VMA with an address and no ASID (Privileged 4.2.1): leaves of every address space, global ones too. Entries
 * that lead to tables go with x0 alone. */
static void flush_here(const struct quire_flush *flush)
{
	for (unsigned i = 0; i < flush->count; i++)
		for (quire_va va = flush->range[i].start; va < flush->range[i].end; va += PAGE_SIZE)
			__asm__ volatile("sfence.vma %0" : : "r"(va) : "memory");
}

/* A hart that left the address space forgot it then (arch_load_root()): only those in it matter. */
void arch_flush(const struct quire_flush *flush)
{
	uint64_t set = (flush->mm ? flush->cpus : ~0ull) & others(), pages = 0;

	for (unsigned i = 0; i < flush->count; i++)
		pages += (flush->range[i].end - flush->range[i].start) / PAGE_SIZE;
	if (!flush->count || flush->tables || pages > FLUSH_SINGLE_PAGES) {
		sfence_everything();
		if (!flush->here)
			fence_harts(set, SBI_RFENCE_VMA, 0, ~0ull);
		return;
	}
	flush_here(flush);
	for (unsigned i = 0; i < flush->count && !flush->here; i++)
		fence_harts(set, SBI_RFENCE_VMA, flush->range[i].start,
			    flush->range[i].end - flush->range[i].start);
}

/* --- instructions ----------------------------------------------------------------------------- */

/* FENCE.I is of one hart only (unprivileged specification, 3.1). What was written comes first, for the others. */
static void fetch_anew(void)
{
	__asm__ volatile("fence w, w\n\tfence.i" : : : "memory");
	fence_harts(others(), SBI_RFENCE_I, 0, 0);
}

void arch_icache_sync(void *page, size_t bytes)
{
	fetch_anew();
}

long sys_riscv_flush_icache(const abi_ulong *a);

/* start, end, flags: 1 is the calling thread only, which may run on any hart next. */
long sys_riscv_flush_icache(const abi_ulong *a)
{
	if (a[2] & ~1ull)
		return -EINVAL;
	fetch_anew();
	return 0;
}

/* --- start ------------------------------------------------------------------------------------ */

/* First C code of another hart, on its idle task's stack. */
void secondary_start(uint64_t number)
{
	cpu_init((unsigned)number, cpus[number].arch.hart);
	cpus[number].task = cpus[number].idle;
	secondary_main();
}

/* SBI 9.1: it starts with satp 0. What it reads was written before: the call is a fence for both (the hart reads it at
 * the start only). */
bool arch_start_cpu(unsigned number, uintptr_t stack)
{
	struct cpu *cpu = &cpus[number];
	void *fatal = page_alloc();

	if (!fatal)
		return false;
	cpu->arch.fatal_stack = (uint64_t)fatal + PAGE_SIZE;
	cpu->arch.kernel_stack = stack;
	secondary = (struct secondary){kernel_satp, stack - 64, number};
	__asm__ volatile("fence rw, rw" : : : "memory");
	return !SBI(SBI_HSM, SBI_HSM_START, cpu->arch.hart, image_to_pa((void *)secondary_boot),
		    image_to_pa(&secondary))
		    .error;
}

static unsigned found;

unsigned arch_cpus_found(void)
{
	uint64_t ids[MAX_CPUS];
	unsigned count;

	if (found)
		return found;
	count = fdt_cpus(device_tree, ids, MAX_CPUS);
	found = 1;
	for (unsigned i = 0; i < count; i++)
		if (ids[i] != cpus[0].arch.hart && found < MAX_CPUS)
			cpus[found++].arch.hart = ids[i];
	return found;
}
