/* SPDX-License-Identifier: MIT */
/* x86-64 between its own files: memory layout, selectors, vectors, special instructions. */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

/* Where things are. The image is linked at IMAGE_BASE + its physical address. */
#define IMAGE_BASE    0xffffffff80000000
#define LINEAR_BASE   0xffff888000000000
#define KMAP_BASE     0xffffc90000000000
#define KMAP_BYTES    0x1000000000
#define TRAMPOLINE_PA 0x8000

/* Offsets in struct cpu; trap.c asserts them. */
#define CPU_KERNEL_STACK 72
#define CPU_USER_SP      80

/* Selectors, in Linux's order: a signal frame shows the user's. SYSRET wants data below code. */
#define KERNEL_CS    0x10
#define KERNEL_DS    0x18
#define USER_DS      0x2b
#define USER_CS      0x33
#define TSS_SELECTOR 0x40
#define GDT_ENTRIES  10

#define VECTOR_NMI           2
#define VECTOR_DOUBLE_FAULT  8
#define VECTOR_PROTECTION    13
#define VECTOR_PAGE_FAULT    14
#define VECTOR_MACHINE_CHECK 18
#define VECTOR_SERIAL        0x30
#define VECTOR_TIMER         0x40
#define VECTOR_KICK          0x41
#define VECTOR_FLUSH         0x42
#define VECTOR_SPURIOUS      0xff

/* The error code of a page fault: SDM volume 3, 4.7. */
#define PAGE_FAULT_PRESENT 1
#define PAGE_FAULT_USER    4

#define CR0_WP             (1 << 16)
#define CR4_PAE            (1 << 5)
#define CR4_PGE            (1 << 7)
#define CR4_OSFXSR         (1 << 9)
#define CR4_OSXMMEXCPT     (1 << 10)
#define CR4_UMIP           (1 << 11)
#define CR4_FSGSBASE       (1 << 16)
#define CR4_OSXSAVE        (1 << 18)
#define CR4_SMEP           (1 << 20)
#define CR4_SMAP           (1 << 21)
#define MSR_APIC_BASE      0x1b
#define MSR_EFER           0xc0000080
#define EFER_SCE           1
#define EFER_LME           (1 << 8)
#define EFER_NXE           (1 << 11)
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_SFMASK         0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define RFLAGS_TF          0x100
#define RFLAGS_DF          0x400
#define RFLAGS_NT          0x4000
#define RFLAGS_RF          0x10000
#define RFLAGS_AC          0x40000

#define PTE_PRESENT 1
#define PTE_WRITE   2
#define PTE_NOCACHE 0x10
#define PTE_LARGE   0x80
#define PTE_GLOBAL  0x100

#ifdef __ASSEMBLER__
/* STAC and CLAC: turned into NOPs by cpu.c where the CPU has no SMAP. */
/* clang-format off */
.macro open_user
771:	stac
	.pushsection .rodata.smap_sites, "a"
	.quad 771b
	.popsection
.endm
.macro close_user
772:	clac
	.pushsection .rodata.smap_sites, "a"
	.quad 772b
	.popsection
.endm
/* clang-format on */
#else
#include "arch.h"
#include "kern/boot.h"
#include "kern/cpu.h"

#define PTE_NX (1ull << 63)

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint64_t read_msr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return low | (uint64_t)high << 32;
}

static inline void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline uint64_t read_tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return low | (uint64_t)high << 32;
}

static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
			 : "a"(leaf), "c"(subleaf));
}

#define READ_CR(n)                                                                  \
	({                                                                          \
		uint64_t value_;                                                    \
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(value_) : : "memory"); \
		value_;                                                             \
	})
#define WRITE_CR(n, value) __asm__ volatile("mov %0, %%cr" #n : : "r"((uint64_t)(value)) : "memory")

static inline bool regs_from_user(const struct regs *regs)
{
	return regs->cs & 3;
}

static inline void *pa_to_linear(uint64_t pa)
{
	return (void *)(LINEAR_BASE + pa);
}

static inline uint64_t linear_to_pa(const void *address)
{
	return (uint64_t)address - LINEAR_BASE;
}

static inline uint64_t image_to_pa(const void *address)
{
	return (uint64_t)address - IMAGE_BASE;
}

/* x87, SSE and AVX: 512 bytes, a header of 64, and 256. */
#define XSAVE_MOST         1024

/* What this CPU can do, as found at boot. */
struct cpu_features {
	bool smep, smap, fsgsbase, xsave, umip;
	uint32_t xsave_bytes;
	uint64_t xsave_mask;
};
extern struct cpu_features cpu_features;

/* memory.c */
extern uint64_t kernel_root_pa;
void memory_init(uint64_t start_info_pa);
uint64_t acpi_root_pointer(void);

/* cpu.c */
void cpu_init(unsigned number, uint32_t apic_id);
void cpu_load_stacks(struct cpu *cpu);
void tss_set_fatal_stack(unsigned number, unsigned index, uint64_t top);
/* trap.c */
void idt_load(void);
/* fpu.c */
void fpu_init(void);
void fpu_save(void *area);
void fpu_restore(const void *area);
void fpu_reset(void *area);
/* apic.c, timer.c, smp.c, serial.c */
void apic_init_boot(void);
void apic_init_cpu(void);
void apic_end(void);
void apic_send(uint32_t apic_id, uint32_t command);
void apic_timer_start(uint32_t count);
uint32_t apic_timer_left(void);
uint32_t apic_id(void);
void ioapic_route(unsigned irq, unsigned vector);
unsigned acpi_cpus(uint32_t *apic_ids, unsigned max);
void timer_calibrate(void);
void flush_poll(void);
void serial_init(void);
void serial_interrupt(void);
void page_fault(struct regs *regs);
#endif

#endif
