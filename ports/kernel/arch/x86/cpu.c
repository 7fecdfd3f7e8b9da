/* SPDX-License-Identifier: MIT */
/* Makes a CPU ours: features, descriptor tables, control registers, the SYSCALL registers, GS. */
#include "cpu.h"

static struct tss tss[MAX_CPUS];
static uint64_t gdt[MAX_CPUS][GDT_ENTRIES];

/* For faults that cannot trust the running stack. Fatal ones only, so one page each is enough. */
#define FATAL_STACK_BYTES 4096
#define FATAL_STACKS      3
static uint8_t boot_fatal_stack[FATAL_STACK_BYTES] __attribute__((aligned(16)));

void syscall_entry(void);

static void load_gdt(unsigned number)
{
	struct tss *t = &tss[number];
	uint64_t *g = gdt[number];
	uint64_t base = (uint64_t)t;
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = {GDT_ENTRIES * 8 - 1, (uint64_t)g};

	g[2] = 0x00af9a000000ffff; /* kernel code */
	g[3] = 0x00cf92000000ffff; /* kernel data */
	g[4] = 0x00cffa000000ffff; /* 32-bit user code: SYSRET's base */
	g[5] = 0x00cff2000000ffff; /* user data */
	g[6] = 0x00affa000000ffff; /* user code */
	g[8] = (sizeof(*t) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 | (base >> 24 & 0xff) << 56;
	g[9] = base >> 32;
	t->io_map = sizeof(*t);
	__asm__ volatile("lgdt %0\n\t"
			 "mov %1, %%ss\n\t"
			 "xor %%eax, %%eax\n\t"
			 "mov %%eax, %%ds; mov %%eax, %%es; mov %%eax, %%fs; mov %%eax, %%gs\n\t"
			 "lldt %%ax; ltr %w2"
			 :
			 : "m"(pointer), "r"(KERNEL_DS), "r"(TSS_SELECTOR)
			 : "rax", "memory");
}

static void set_syscall_registers(void)
{
	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SCE | EFER_NXE);
	write_msr(MSR_STAR, (uint64_t)KERNEL_CS << 32 | 0x23ull << 48);
	write_msr(MSR_LSTAR, (uint64_t)syscall_entry);
	write_msr(MSR_SFMASK, FLAGS_IF | FLAGS_DF | FLAGS_TF | FLAGS_NT | FLAGS_AC | FLAGS_RF);
}

/* GS points at struct cpu afterwards, the task of `idle` runs. => called once, on each CPU itself. */
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
	load_gdt(number);
	write_msr(MSR_GS_BASE, (uint64_t)cpu);
	write_msr(MSR_KERNEL_GS_BASE, 0);
	WRITE_CR(4, CR4_PAE | features_cr4());
	set_syscall_registers();
	idt_load();
	for (unsigned i = 0; i < FATAL_STACKS; i++)
		if (!cpu->arch.tss->ist[i])
			cpu->arch.tss->ist[i] = (uint64_t)(boot_fatal_stack + FATAL_STACK_BYTES);
	fpu_init();
	/* rflags.IF is clear since boot; the first task or idle loop sets it. */
}

/* cpu_init() keeps what is there. */
bool cpu_prepare(unsigned number)
{
	for (unsigned i = 0; i < FATAL_STACKS; i++) {
		void *page = page_alloc();

		if (!page)
			return false;
		tss[number].ist[i] = (uint64_t)page + PAGE_SIZE;
	}
	return true;
}

/* The stack for the next entry from a program. */
void cpu_load_stacks(struct cpu *cpu)
{
	cpu->arch.tss->rsp[0] = cpu->arch.kernel_stack;
}
