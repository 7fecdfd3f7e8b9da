/* SPDX-License-Identifier: MIT */
/* Makes a CPU ours: features, descriptor tables, control registers, FS. */
#include "cpu.h"

/* The task that a CPU switches to when it cannot push to its stack has a state of its own. */
static struct tss tss[MAX_CPUS], fatal_tss[MAX_CPUS];
static uint64_t gdt[MAX_CPUS][GDT_ENTRIES];

/* Of the boot CPU. Fatal only, so one page is enough. */
static uint8_t boot_fatal_stack[4096] __attribute__((aligned(16)));

#define ACCESS_TSS  0x89
#define ACCESS_DATA 0x92
#define FLAT        0x00cf00000000ffff
#define FLAT_CODE   (FLAT | 0x9aull << 40)
#define FLAT_DATA   (FLAT | 0x92ull << 40)
#define FOR_USER    (0x60ull << 40)

void double_fault_entry(void);

/* SDM volume 3, 3.4.5. Limits are in bytes. */
static uint64_t descriptor(const void *base, uint32_t limit, uint64_t access)
{
	uint64_t at = (uintptr_t)base;

	return limit | (at & 0xffffff) << 16 | access << 40 | (at >> 24) << 56 | 0x40ull << 48;
}

static void load_gdt(struct cpu *cpu, unsigned number)
{
	uint64_t *g = gdt[number];
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) pointer = {GDT_ENTRIES * 8 - 1, (uintptr_t)g};

	g[KERNEL_CS / 8] = FLAT_CODE;
	g[KERNEL_DS / 8] = FLAT_DATA;
	g[USER_CS / 8] = FLAT_CODE | FOR_USER;
	g[USER_DS / 8] = FLAT_DATA | FOR_USER;
	g[TSS_SELECTOR / 8] = descriptor(&tss[number], offsetof(struct tss, io_map) + 1, ACCESS_TSS);
	g[DF_SELECTOR / 8] = descriptor(&fatal_tss[number], offsetof(struct tss, io_map) + 1, ACCESS_TSS);
	g[CPU_SELECTOR / 8] = descriptor(cpu, sizeof(*cpu) - 1, ACCESS_DATA);
	__asm__ volatile("lgdt %0\n\t"
			 "ljmp %1, $1f\n"
			 "1:\tmov %2, %%ds; mov %2, %%es; mov %2, %%ss\n\t"
			 "mov %3, %%fs; mov %4, %%gs\n\t"
			 "ltr %w5; lldt %w4"
			 :
			 : "m"(pointer), "i"(KERNEL_CS), "r"(KERNEL_DS), "r"(CPU_SELECTOR), "r"(0),
			   "r"(TSS_SELECTOR)
			 : "memory");
}

static void make_tss(unsigned number)
{
	struct tss *fatal = &fatal_tss[number];

	tss[number].ss0 = KERNEL_DS;
	tss[number].io_map = sizeof(struct tss);
	fatal->io_map = sizeof(struct tss);
	fatal->cr3 = (uint32_t)kernel_root_pa;
	fatal->ip = (uintptr_t)double_fault_entry;
	fatal->flags = 2;
	fatal->cs = KERNEL_CS;
	fatal->ds = fatal->es = fatal->ss = KERNEL_DS;
	fatal->fs = CPU_SELECTOR;
	if (!fatal->sp)
		fatal->sp = (uintptr_t)boot_fatal_stack + sizeof(boot_fatal_stack);
}

/* FS points at struct cpu afterwards. => called once, on each CPU itself, with interrupts off. */
void cpu_init(unsigned number, uint32_t id)
{
	struct cpu *cpu = &cpus[number];

	if (number == 0)
		features_find();
	cpu->number = number;
	cpu->arch.self = cpu;
	cpu->arch.apic_id = id;
	cpu->arch.tss = &tss[number];
	cpu->arch.gdt = gdt[number];
	make_tss(number);
	load_gdt(cpu, number);
	WRITE_CR(4, CR4_PSE | features_cr4());
	idt_load();
	fpu_init();
}

/* cpu_init() keeps what is there. */
bool cpu_prepare(unsigned number)
{
	void *page = page_alloc();

	if (!page)
		return false;
	fatal_tss[number].sp = (uintptr_t)page + PAGE_SIZE;
	return true;
}

void cpu_set_fatal_root(uint64_t root_pa)
{
	for (unsigned i = 0; i < MAX_CPUS; i++)
		fatal_tss[i].cr3 = (uint32_t)root_pa;
}

void cpu_load_tls(const uint64_t tls[TLS_ENTRIES])
{
	uint64_t *g = this_cpu()->arch.gdt;

	for (unsigned i = 0; i < TLS_ENTRIES; i++)
		g[TLS_FIRST + i] = tls[i];
}
