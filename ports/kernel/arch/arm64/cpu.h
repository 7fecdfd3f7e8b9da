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

#include "arch/virt_arm/devices.h"

/* --- for arch/virt_arm: registers and instructions -------------------------------------------- */

#define READ_REG64     READ_REG
#define WRITE_REG64    WRITE_REG
#define CNTFRQ         cntfrq_el0
#define CNTVCT         cntvct_el0
#define CNTV_CTL       cntv_ctl_el0
#define CNTV_TVAL      cntv_tval_el0
#define CTR            ctr_el0
#define MPIDR          mpidr_el1
#define MPIDR_AFFINITY 0xff00ffffff
#define ICC_PMR        S3_0_C4_C6_0
#define ICC_IAR1       S3_0_C12_C12_0
#define ICC_EOIR1      S3_0_C12_C12_1
#define ICC_SRE        S3_0_C12_C12_5
#define ICC_GRPEN1     S3_0_C12_C12_7
#define ICC_SGI1R      S3_0_C12_C11_5
#define PSCI_CPU_ON    0xc4000003

static inline uint64_t firmware_call(bool smc, uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a;
	register uint64_t x2 __asm__("x2") = b;
	register uint64_t x3 __asm__("x3") = c;

#define CALL(name)                                                                                          \
	__asm__ volatile(name " #0"                                                                         \
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)                                           \
			 :                                                                                  \
			 : "memory", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", \
			   "x15", "x16", "x17")
	if (smc)
		CALL("smc");
	else
		CALL("hvc");
#undef CALL
	return x0;
}

static inline void semihosting(uint64_t operation, const void *argument)
{
	register uint64_t x0 __asm__("x0") = operation;
	register const void *x1 __asm__("x1") = argument;

	__asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
}

/* TLBI VAAE1: an address for every ASID, global entries and cached tables too (D8.14.5). */
static inline void forget_page(uint64_t va, bool everywhere)
{
	uint64_t operand = va >> 12 & 0xfffffffffff;

	if (everywhere)
		__asm__ volatile("tlbi vaae1is, %0" : : "r"(operand) : "memory");
	else
		__asm__ volatile("tlbi vaae1, %0" : : "r"(operand) : "memory");
}

static inline void forget_all(bool everywhere)
{
	if (everywhere)
		__asm__ volatile("tlbi vmalle1is" : : : "memory");
	else
		__asm__ volatile("tlbi vmalle1" : : : "memory");
}

static inline void clean_for_code(uint64_t at)
{
	__asm__ volatile("dc cvau, %0" : : "r"(at) : "memory");
}

static inline void forget_code(uint64_t at)
{
	__asm__ volatile("ic ivau, %0" : : "r"(at) : "memory");
}

static inline void forget_all_code(void)
{
	__asm__ volatile("ic ialluis" : : : "memory");
}

/* ARMv8 keeps that to itself. */
static inline void forget_branches(void)
{
}

static inline void clean_to_memory(const void *at)
{
	__asm__ volatile("dc civac, %0\n\tdsb sy" : : "r"(at) : "memory");
}

/* --- the rest --------------------------------------------------------------------------------- */

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

/* cpu.c */
struct cpu_features {
	bool pan, asid16;
};
extern struct cpu_features cpu_features;
void cpu_init(unsigned number);
uint64_t tcr_value(void);

/* boot.S: another root and other sizes. */
void enter_tables(uint64_t ttbr1, uint64_t tcr);

/* For boot.S, which reads it with its MMU off. */
struct secondary {
	uint64_t ttbr1, tcr, stack, number;
};

static inline struct secondary secondary_of(uint64_t stack, unsigned number)
{
	return (struct secondary){kernel_ttbr1, tcr_value(), stack, number};
}

/* entry.S */
void fpsimd_save(struct fpsimd *area);
void fpsimd_load(const struct fpsimd *area);
#endif

#endif
