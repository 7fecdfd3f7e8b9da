/* SPDX-License-Identifier: MIT */
/* What i386 and x86-64 have alike: the devices of a PC, vectors, control registers, special instructions.
 *
 * The cpu.h of either includes it, and gives the files of this folder
 *   IMAGE_BASE, TRAMPOLINE_PA, KERNEL_CS, USER_CS, USER_DS, ADDRESS_WORD   the last: an address in assembly
 *   FPU_AREA()                          an instruction's name, as it saves all there is
 *   pa_to_linear(), device_map()        RAM, and what is none, at its physical address
 *   is_canonical()                      whether IRET takes it for an address
 *   scale_ticks()                       ticks * per >> 32
 * struct regs, of machine.h, has on both: vector, error, ip, cs, flags, sp. */
#ifndef KERNEL_PC_H
#define KERNEL_PC_H

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

#define CR0_WP         (1 << 16)
#define CR4_PGE        (1 << 7)
#define CR4_OSFXSR     (1 << 9)
#define CR4_OSXMMEXCPT (1 << 10)
#define CR4_UMIP       (1 << 11)
#define CR4_FSGSBASE   (1 << 16)
#define CR4_OSXSAVE    (1 << 18)
#define CR4_SMEP       (1 << 20)
#define CR4_SMAP       (1 << 21)
#define MSR_APIC_BASE  0x1b
#define FLAGS_TF       0x100
#define FLAGS_DF       0x400
#define FLAGS_NT       0x4000
#define FLAGS_RF       0x10000
#define FLAGS_AC       0x40000

#define PTE_PRESENT 1
#define PTE_WRITE   2
#define PTE_NOCACHE 0x10
#define PTE_LARGE   0x80
#define PTE_GLOBAL  0x100

#ifdef __ASSEMBLER__
/* STAC and CLAC: turned into NOPs by features.c where the CPU has no SMAP. */
/* clang-format off */
.macro open_user
771:	stac
	.pushsection .rodata.smap_sites, "a"
	ADDRESS_WORD 771b
	.popsection
.endm
.macro close_user
772:	clac
	.pushsection .rodata.smap_sites, "a"
	ADDRESS_WORD 772b
	.popsection
.endm
/* clang-format on */
#else
#include "arch.h"
#include "kern/boot.h"
#include "kern/cpu.h"

struct oops;

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
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
		unsigned long value_;                                               \
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(value_) : : "memory"); \
		value_;                                                             \
	})
#define WRITE_CR(n, value) __asm__ volatile("mov %0, %%cr" #n : : "r"((unsigned long)(value)) : "memory")

static inline bool regs_from_user(const struct regs *regs)
{
	return regs->cs & 3;
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

/* features.c */
void features_find(void);
unsigned long features_cr4(void);

/* start_info.c: RAM, the command line; the initramfs as [*out_start, *out_end), physical. */
void start_info_read(uint64_t pa, uint64_t *out_start, uint64_t *out_end);
uint64_t acpi_root_pointer(void);

/* memory.c, of either */
extern uint64_t kernel_root_pa;
void memory_init(uint64_t start_info_pa);

/* cpu.c, of either. cpu_prepare(): what a CPU that is still to start needs; false: no memory. */
void cpu_init(unsigned number, uint32_t apic_id);
bool cpu_prepare(unsigned number);

/* trap.c, of either, and exceptions.c */
void idt_load(void);
void trap(struct regs *regs);
void page_fault(struct regs *regs);
void leave_to_program(void);
void load_registers(struct regs *regs) __attribute__((noreturn));

/* fpu.c */
void fpu_init(void);
void fpu_save(void *area);
void fpu_restore(const void *area);
void fpu_reset(void *area);

/* apic.c, timer.c, smp.c, serial.c, virtio_blk.c */
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
void secondary_start(unsigned long number);
void serial_init(void);
void serial_interrupt(void);
void virtio_blk_init(void);

/* oops_lines.c */
void oops_title(const struct oops *what, unsigned number);
void oops_code_line(uintptr_t pc, bool user);
#endif

#endif
