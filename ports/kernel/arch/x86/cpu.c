/* SPDX-License-Identifier: MIT */
/* Makes a CPU ours: features, descriptor tables, control registers, the SYSCALL registers, GS. */
#include "cpu.h"

struct cpu_features cpu_features;
static struct tss tss[MAX_CPUS];
static uint64_t gdt[MAX_CPUS][GDT_ENTRIES];

/* For faults that cannot trust the running stack. Fatal ones only, so one page each is enough. */
#define FATAL_STACK_BYTES 4096
static uint8_t boot_fatal_stack[FATAL_STACK_BYTES] __attribute__((aligned(16)));

void syscall_entry(void);
extern const uint64_t smap_sites_start[], smap_sites_end[];

static void find_features(void)
{
	uint32_t max[4], one[4], seven[4], xsave[4];

	cpuid(0, 0, max);
	cpuid(1, 0, one);
	memset(seven, 0, sizeof(seven));
	if (max[0] >= 7)
		cpuid(7, 0, seven);
	cpu_features.fsgsbase = seven[1] & 1;
	cpu_features.smep = seven[1] & 1 << 7;
	cpu_features.smap = seven[1] & 1 << 20;
	cpu_features.umip = seven[2] & 1 << 2;
	cpu_features.xsave = one[2] & 1 << 26;
	cpu_features.xsave_bytes = 512;
	if (cpu_features.xsave) {
		cpuid(13, 0, xsave);
		cpu_features.xsave_mask = xsave[0] & 7; /* x87, SSE, AVX */
	}
}

/* Without SMAP, STAC and CLAC are invalid opcodes: three-byte NOPs go in their place. */
static void patch_smap_sites(void)
{
	static const uint8_t nop[3] = {0x0f, 0x1f, 0x00};

	if (cpu_features.smap)
		return;
	for (const uint64_t *site = smap_sites_start; site < smap_sites_end; site++)
		memcpy(pa_to_linear(*site - IMAGE_BASE), nop, sizeof(nop));
}

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
			 "ltr %w2"
			 :
			 : "m"(pointer), "r"(KERNEL_DS), "r"(TSS_SELECTOR)
			 : "rax", "memory");
}

static void set_control_registers(void)
{
	uint64_t cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (cpu_features.smep)
		cr4 |= CR4_SMEP;
	if (cpu_features.smap)
		cr4 |= CR4_SMAP;
	if (cpu_features.umip)
		cr4 |= CR4_UMIP;
	if (cpu_features.fsgsbase)
		cr4 |= CR4_FSGSBASE;
	if (cpu_features.xsave)
		cr4 |= CR4_OSXSAVE;
	WRITE_CR(4, cr4);
}

static void set_syscall_registers(void)
{
	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SCE | EFER_NXE);
	write_msr(MSR_STAR, (uint64_t)KERNEL_CS << 32 | 0x23ull << 48);
	write_msr(MSR_LSTAR, (uint64_t)syscall_entry);
	write_msr(MSR_SFMASK, RFLAGS_IF | RFLAGS_DF | RFLAGS_TF | RFLAGS_NT | RFLAGS_AC | RFLAGS_RF);
}

/* GS points at struct cpu afterwards, the task of `idle` runs. => called once, on each CPU itself. */
void cpu_init(unsigned number, uint32_t id)
{
	struct cpu *cpu = &cpus[number];

	if (number == 0) {
		find_features();
		patch_smap_sites();
	}
	cpu->number = number;
	cpu->arch.apic_id = id;
	cpu->arch.tss = &tss[number];
	cpu->arch.gdt = gdt[number];
	load_gdt(number);
	write_msr(MSR_GS_BASE, (uint64_t)cpu);
	write_msr(MSR_KERNEL_GS_BASE, 0);
	set_control_registers();
	set_syscall_registers();
	idt_load();
	for (unsigned i = 0; i < 3; i++)
		if (!cpu->arch.tss->ist[i])
			cpu->arch.tss->ist[i] = (uint64_t)(boot_fatal_stack + FATAL_STACK_BYTES);
	fpu_init();
	/* rflags.IF is clear since boot; the first task or idle loop sets it. */
}

/* For cpu_init() on a CPU that is still to start. */
void tss_set_fatal_stack(unsigned number, unsigned index, uint64_t top)
{
	tss[number].ist[index] = top;
}

/* The stack for the next entry from a program. */
void cpu_load_stacks(struct cpu *cpu)
{
	cpu->arch.tss->rsp[0] = cpu->arch.kernel_stack;
}
