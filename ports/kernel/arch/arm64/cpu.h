/* SPDX-License-Identifier: MIT */
/* ARM64 between its own files: memory layout, registers, devices. Sections of the ARM ARM are of DDI 0487. */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

/* Where things are: all within the uppermost 39 bits, so that one image serves tables of 39 and 48 bits.
 *
 *   0xffffff8000000000   RAM, at its physical address    256 GiB
 *   0xffffffc000000000   kernel mappings of 39 bits      64 GiB   (of 48 bits: at 0xffffff0000000000)
 *   0xffffffe000000000   devices                         1 GiB
 *   0xfffffff800000000   the image, wherever it lies in RAM */
#define LINEAR_BASE    0xffffff8000000000
#define LINEAR_BYTES   0x4000000000
#define KMAP_BASE_39   0xffffffc000000000
#define KMAP_BASE_48   0xffffff0000000000
#define KMAP_BYTES     0x1000000000
#define DEVICE_BASE    0xffffffe000000000
#define IMAGE_BASE     0xfffffff800000000
#define IMAGE_MOST_MIB 32

/* Offsets in struct cpu, and of struct regs; trap.c asserts them. */
#define CPU_KERNEL_STACK 72
#define CPU_FATAL_STACK  80
#define REGS_SP          248
#define REGS_PC          256
#define REGS_SYSCALL     272
#define REGS_ESR         288
#define REGS_BYTES       304
#define STACK_BYTES      16384

/* Entries, D8.3. Attribute 0: normal memory, write-back; 1: device-nGnRE. */
#define PTE_TABLE  3
#define PTE_PAGE   3
#define PTE_BLOCK  1
#define PTE_DEVICE (1 << 2)
#define PTE_EL0    (1 << 6)
#define PTE_RDONLY (1 << 7)
#define PTE_SHARED (3 << 8)
#define PTE_AF     (1 << 10)
#define PTE_NORMAL (PTE_SHARED | PTE_AF)
#define MAIR_VALUE 0x04ff

/* TCR_EL1, D19.2.141: write-back, inner shareable walks; 4 KiB granules; sizes of 39 bits. */
#define TCR_WALKS   0x35003500
#define TCR_TG1_4K  0x80000000
#define TCR_AS      0x1000000000
#define TCR_TBI0    0x2000000000 /* a program's addresses may have a tag in their first byte */
#define TAG_MASK    0xff00000000000000
#define TCR_SIZE_39 (25 | 25 << 16)
#define TCR_SIZE_48 (16 | 16 << 16)

/* SCTLR_EL1, D19.2.120: MMU, caches, stack alignment, EL0 may use WFI, WFE, CTR_EL0, cache operations, DC ZVA. */
#define SCTLR_SPAN  (1 << 23)
#define SCTLR_VALUE 0x34d5d81d

#ifdef __ASSEMBLER__
/* clang-format off */
/* PSTATE.PAN: turned into NOPs by cpu.c where the CPU has none. */
.macro open_user
771:	.inst 0xd500409f
	.pushsection .rodata.pan_sites, "a"
	.quad 771b
	.popsection
.endm
.macro close_user
772:	.inst 0xd500419f
	.pushsection .rodata.pan_sites, "a"
	.quad 772b
	.popsection
.endm
/* clang-format on */
#else
#include "arch.h"
#include "arch/common/device.h"
#include "kern/boot.h"
#include "kern/cpu.h"

#define PTE_PXN (1ull << 53)
#define PTE_UXN (1ull << 54)

#define QUOTE_(name) #name
#define QUOTE(name)  QUOTE_(name)
#define READ_REG(name)                                                                \
	({                                                                            \
		uint64_t value_;                                                      \
		__asm__ volatile("mrs %0, " QUOTE(name) : "=r"(value_) : : "memory"); \
		value_;                                                               \
	})
#define WRITE_REG(name, value) \
	__asm__ volatile("msr " QUOTE(name) ", %0" : : "r"((uint64_t)(value)) : "memory")

static inline void isb(void)
{
	__asm__ volatile("isb" : : : "memory");
}

static inline uint32_t read32(const volatile void *base, size_t offset)
{
	return *(const volatile uint32_t *)((const volatile char *)base + offset);
}

static inline void write32(volatile void *base, size_t offset, uint32_t value)
{
	*(volatile uint32_t *)((volatile char *)base + offset) = value;
}

static inline bool regs_from_user(const struct regs *regs)
{
	return !(regs->pstate & PSTATE_EL);
}

static inline void *pa_to_linear(uint64_t pa)
{
	return (void *)(LINEAR_BASE + pa);
}

/* memory.c */
extern uint64_t image_pa; /* where the image lies */
extern bool tables_48;
extern char boot_stack_top[], no_user_root[]; /* of no address space: an empty table */
uint64_t image_to_pa(const void *address);
void memory_init(uint64_t fdt_pa, uint64_t image);
extern uint64_t kernel_ttbr1; /* for a CPU that starts */
/* Device registers, mapped for good. */
volatile void *device_map(uint64_t pa, uint64_t bytes);

/* cpu.c */
struct cpu_features {
	bool pan, asid16;
};
extern struct cpu_features cpu_features;
void cpu_init(unsigned number);
uint64_t tcr_value(void);

/* boot.S: another root and other sizes; where CPU_ON starts, with the address of a struct secondary. */
void enter_tables(uint64_t ttbr1, uint64_t tcr);
void secondary_boot(void);

/* devices.c: the device tree. */
extern const void *device_tree;
/* Its nth interrupt as the GIC numbers them. */
unsigned device_interrupt(const struct device *device, unsigned n);
uint64_t psci(uint32_t function, uint64_t a, uint64_t b, uint64_t c);

/* gic.c */
void gic_init(void);
void gic_init_cpu(void);
void gic_enable(unsigned interrupt);
unsigned gic_take(void);
void gic_end(unsigned interrupt);
/* A message to a CPU: interrupt GIC_KICK or GIC_LISTEN there. */
void gic_send(unsigned cpu, unsigned message);
#define GIC_KICK   0
#define GIC_LISTEN 1
#define GIC_NONE   1020 /* and above: nothing is pending */

/* timer.c, console.c, entry.S, smp.c */
void clock_init(void);
void clock_init_cpu(void);
extern unsigned timer_irq;
void console_init(void);
void console_interrupt(void);
extern unsigned console_irq;
void fpsimd_save(struct fpsimd *area);
void fpsimd_load(const struct fpsimd *area);
#endif

#endif
