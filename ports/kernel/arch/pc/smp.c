/* SPDX-License-Identifier: MIT */
/* Several CPUs: starting them, and making each forget translations (TLB shootdown). */
#include "cpu.h"
#include "kern/entry.h"
#include "kern/lock.h"
#include "kern/sched.h"

#define ICR_FIXED   0x4000
#define ICR_INIT    0x4500
#define ICR_STARTUP 0x4600

/* Beyond so many pages, forgetting everything is cheaper. */
#define FLUSH_SINGLE_PAGES 32

extern const char trampoline[], trampoline_end[];
extern unsigned long trampoline_root, trampoline_stack, trampoline_cpu;

/* --- flushing --------------------------------------------------------------------------------- */

/* One request at a time: the holder of the lock owns the mailbox. */
static struct spinlock flush_lock;
static const struct quire_flush *volatile flush_request;
static volatile unsigned long flush_pending; /* bit n: CPU n has not done it yet */

static void flush_everything(bool kernel)
{
	unsigned long cr4;

	if (!kernel) {
		WRITE_CR(3, READ_CR(3));
		return;
	}
	cr4 = READ_CR(4);
	WRITE_CR(4, cr4 & ~(unsigned long)CR4_PGE); /* global entries too */
	WRITE_CR(4, cr4);
}

static void flush_here(const struct quire_flush *flush)
{
	quire_va pages = 0;

	if (flush->mm && this_cpu()->mm != flush->mm)
		return; /* CR3 was loaded since: nothing of it is left */
	for (unsigned i = 0; i < flush->count; i++)
		pages += (flush->range[i].end - flush->range[i].start) / PAGE_SIZE;
	if (!flush->count || pages > FLUSH_SINGLE_PAGES) {
		flush_everything(!flush->mm);
		return;
	}
	/* INVLPG drops the paging-structure caches as well (SDM volume 3, 4.10.4.1): `tables` is served. */
	for (unsigned i = 0; i < flush->count; i++) {
		for (quire_va va = flush->range[i].start; va < flush->range[i].end; va += PAGE_SIZE)
			__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
	}
}

void flush_poll(void)
{
	unsigned long bit = 1ul << arch_cpu();

	if (!(__atomic_load_n(&flush_pending, __ATOMIC_ACQUIRE) & bit))
		return;
	flush_here(flush_request);
	__atomic_and_fetch(&flush_pending, ~bit, __ATOMIC_RELEASE);
}

void arch_relax(void)
{
	bool on = arch_irqs_are_on();

	/* The interrupt must not come between the look at the mailbox and the flush: it would do it too,
	 * and the second flush would find the request of the next one. */
	arch_irq_off();
	flush_poll();
	if (on)
		arch_irq_on();
	__asm__ volatile("pause");
}

void arch_flush(const struct quire_flush *flush)
{
	unsigned long self = 1ul << arch_cpu();
	unsigned long others = (unsigned long)((flush->mm ? flush->cpus : ~0ull) & cpus_online_set) & ~self;

	flush_here(flush);
	if (!others)
		return;
	spin_lock(&flush_lock);
	flush_request = flush;
	__atomic_store_n(&flush_pending, others, __ATOMIC_RELEASE);
	for (unsigned long left = others; left; left &= left - 1)
		apic_send(cpus[__builtin_ctzl(left)].arch.apic_id, ICR_FIXED | VECTOR_FLUSH);
	while (__atomic_load_n(&flush_pending, __ATOMIC_ACQUIRE))
		__asm__ volatile("pause");
	spin_unlock(&flush_lock);
}

/* --- other messages --------------------------------------------------------------------------- */

void arch_kick(unsigned cpu)
{
	apic_send(cpus[cpu].arch.apic_id, ICR_FIXED | VECTOR_KICK);
}

/* --- start ------------------------------------------------------------------------------------ */

/* First C code of another CPU, on its idle task's stack. */
void secondary_start(unsigned long number)
{
	cpu_init((unsigned)number, cpus[number].arch.apic_id);
	apic_init_cpu();
	cpus[number].task = cpus[number].idle;
	secondary_main();
}

static void wait_ns(uint64_t ns)
{
	uint64_t end = arch_clock_ns() + ns;

	while (arch_clock_ns() < end)
		__asm__ volatile("pause");
}

static void *in_trampoline(const void *symbol)
{
	return (uint8_t *)pa_to_linear(TRAMPOLINE_PA) + ((const char *)symbol - trampoline);
}

/* SDM volume 3, 9.4.4: INIT, then start-up with the page of the trampoline, once more if need be. */
bool arch_start_cpu(unsigned number, uintptr_t stack)
{
	struct cpu *cpu = &cpus[number];

	if (!cpu_prepare(number))
		return false;
	memcpy(pa_to_linear(TRAMPOLINE_PA), trampoline, (size_t)(trampoline_end - trampoline));
	*(unsigned long *)in_trampoline(&trampoline_root) = (unsigned long)kernel_root_pa;
	*(unsigned long *)in_trampoline(&trampoline_stack) = stack - 64;
	*(unsigned long *)in_trampoline(&trampoline_cpu) = number;
	apic_send(cpu->arch.apic_id, ICR_INIT);
	wait_ns(10000000);
	apic_send(cpu->arch.apic_id, ICR_STARTUP | TRAMPOLINE_PA >> 12);
	wait_ns(200000);
	if (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE))
		apic_send(cpu->arch.apic_id, ICR_STARTUP | TRAMPOLINE_PA >> 12);
	return true;
}

static unsigned found;

unsigned arch_cpus_found(void)
{
	uint32_t ids[MAX_CPUS];

	if (!found) {
		found = acpi_cpus(ids, MAX_CPUS);
		for (unsigned i = 0; i < found; i++)
			cpus[i].arch.apic_id = ids[i];
	}
	return found;
}
