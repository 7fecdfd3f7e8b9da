/* SPDX-License-Identifier: MIT */
/* ARM between its own files: memory layout, registers. Sections of the ARM ARM are of DDI 0406C. */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

/* Where things are, each a multiple of 1 MiB.
 *
 *   0xc0000000   RAM, from its start                768 MiB; what is above has no address
 *   0xf0000000   kernel mappings                    128 MiB
 *   0xf8000000   windows: two pages for each kernel stack   56 MiB
 *   0xfd000000   the image, wherever it lies in RAM
 *   0xfe000000   devices                            31 MiB
 *   0xffff0000   a page for programs: kuser.S */
#define LINEAR_BASE    0xc0000000
#define LINEAR_BYTES   0x30000000
#define KMAP_BASE      0xf0000000
#define KMAP_BYTES     0x8000000
#define STACKS_BYTES   0x7c00000 /* of these: where kernel stacks may lie */
#define WINDOW_BASE    0xf8000000
#define WINDOW_BYTES   0x3800000
#define IMAGE_BASE     0xfd000000
#define IMAGE_MOST_MIB 16
#define DEVICE_BASE    0xfe000000
#define DEVICE_BYTES   0x1f00000
#define KUSER_PAGE     0xffff0000
/* Linux's rule for whoever loads the image (Documentation/arm/booting): in the first 128 MiB of RAM. */
#define RAM_BASE_MASK 0xf8000000

/* Behind the image: the boot root, the image's tables, the table of KUSER_PAGE. */
#define ROOT_BYTES   0x4000
#define TABLE_BYTES  0x400
#define TABLES_BYTES (ROOT_BYTES + (IMAGE_MOST_MIB + 1) * TABLE_BYTES)

/* Offsets in struct cpu, and of struct regs; trap.c asserts them. */
#define CPU_KERNEL_STACK 56
#define CPU_FATAL_STACK  60
#define REGS_SP          52
#define REGS_PC          60
#define REGS_CPSR        64
#define REGS_SYSCALL     68
#define REGS_FIRST       72
#define REGS_BYTES       80
#define STACK_BYTES      16384

/* B1.3.1 */
#define MODE_FIQ        0x11
#define MODE_IRQ        0x12
#define MODE_SUPERVISOR 0x13
#define MODE_ABORT      0x17
#define MODE_UNDEFINED  0x1b

/* Entries, B3.5.1, in the sense that arch/arm/pte.h gives them: TEX0, C and B are 7 in normal memory, 1 in a device.
 * Domain 0. A page that programs have none of is global. */
#define L1_TABLE       1
#define SECTION_NORMAL 0x1140e /* the kernel reads, writes and runs it */
#define SECTION_XN     0x10
#define SECTION_DEVICE 0x416
#define PAGE_NORMAL    0x45e
#define PAGE_XN        0x01
#define PAGE_PROGRAM   0x20
#define PAGE_RDONLY    0x200
#define PRRR_VALUE     0x800a8004 /* B4.1.127: memory type 7 is normal and inner shareable, type 1 a device */
#define NMRR_VALUE     0x40004000 /* B4.1.108: type 7 is write-back, write-allocate */
#define DACR_VALUE     1          /* domain 0 is a client */
#define TTBR_WALKS     0x6a       /* B4.1.154: write-back, inner shareable */

/* SCTLR, B4.1.130: MMU, caches, branch prediction, TEX remap, no access flag, vectors by VBAR, exceptions in ARM code. */
#define SCTLR_VALUE 0x10c5187d

#ifndef __ASSEMBLER__
#include "arch.h"

/* Registers of coprocessor 15: opc1, CRn, CRm, opc2 of MRC and MCR. */
#define MIDR           0, c0, c0, 0
#define CTR            0, c0, c0, 1
#define MPIDR          0, c0, c0, 5
#define MPIDR_AFFINITY 0xffffff
#define ID_MMFR0       0, c0, c1, 4
#define ID_ISAR0       0, c0, c2, 0
#define SCTLR          0, c1, c0, 0
#define CPACR          0, c1, c0, 2
#define TTBR0          0, c2, c0, 0
#define DACR           0, c3, c0, 0
#define DFSR           0, c5, c0, 0
#define IFSR           0, c5, c0, 1
#define DFAR           0, c6, c0, 0
#define IFAR           0, c6, c0, 2
#define ICIALLUIS      0, c7, c1, 0
#define BPIALLIS       0, c7, c1, 6
#define ICIMVAU        0, c7, c5, 1
#define DCCMVAU        0, c7, c11, 1
#define DCCIMVAC       0, c7, c14, 1
#define TLBIALLIS      0, c8, c3, 0
#define TLBIMVAAIS     0, c8, c3, 3
#define TLBIALL        0, c8, c7, 0
#define TLBIMVAA       0, c8, c7, 3
#define VBAR           0, c12, c0, 0
#define CONTEXTIDR     0, c13, c0, 1
#define TPIDRURW       0, c13, c0, 2
#define TPIDRURO       0, c13, c0, 3
#define TPIDRPRW       0, c13, c0, 4
#define CNTFRQ         0, c14, c0, 0
#define CNTKCTL        0, c14, c1, 0
#define CNTV_TVAL      0, c14, c3, 0
#define CNTV_CTL       0, c14, c3, 1
/* GIC v3, IHI 0069, 12.5 */
#define ICC_PMR    0, c4, c6, 0
#define ICC_IAR1   0, c12, c12, 0
#define ICC_EOIR1  0, c12, c12, 1
#define ICC_SRE    0, c12, c12, 5
#define ICC_GRPEN1 0, c12, c12, 7
/* Those of 64 bits: opc1, CRm of MRRC and MCRR. */
#define CNTVCT    1, c14
#define ICC_SGI1R 0, c12

#define READ_WITH(type, text)                                       \
	({                                                          \
		type value_;                                        \
		__asm__ volatile(text : "=r"(value_) : : "memory"); \
		value_;                                             \
	})
#define WRITE_WITH(type, text, value) __asm__ volatile(text : : "r"((type)(value)) : "memory")

#define WORD(op1, crn, crm, op2) "p15, " #op1 ", %0, " #crn ", " #crm ", " #op2
#define DOUBLE(op1, crm)         "p15, " #op1 ", %Q0, %R0, " #crm
#define READ_REG(...)            READ_WITH(uint32_t, "mrc " WORD(__VA_ARGS__))
#define READ_REG64(...)          READ_WITH(uint64_t, "mrrc " DOUBLE(__VA_ARGS__))
#define WRITE_REG(name, value)   WRITE_REG_(value, name)
#define WRITE_REG64(name, value) WRITE_REG64_(value, name)
#define WRITE_REG_(value, ...)   WRITE_WITH(uint32_t, "mcr " WORD(__VA_ARGS__), value)
#define WRITE_REG64_(value, ...) WRITE_WITH(uint64_t, "mcrr " DOUBLE(__VA_ARGS__), value)
/* The assembler takes these only from who says that there is an FPU. */
#define READ_VFP(name)         READ_WITH(uint32_t, ".fpu neon-vfpv4\n\tvmrs %0, " #name)
#define WRITE_VFP(name, value) WRITE_WITH(uint32_t, ".fpu neon-vfpv4\n\tvmsr " #name ", %0", value)

#include "arch/virt_arm/devices.h"

/* --- for arch/virt_arm: instructions ---------------------------------------------------------- */

#define PSCI_CPU_ON 0x84000003

static inline uint32_t firmware_call(bool smc, uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
	register uint32_t r0 __asm__("r0") = function;
	register uint32_t r1 __asm__("r1") = (uint32_t)a;
	register uint32_t r2 __asm__("r2") = (uint32_t)b;
	register uint32_t r3 __asm__("r3") = (uint32_t)c;

	if (smc)
		__asm__ volatile(".arch_extension sec\n\tsmc #0"
				 : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
				 :
				 : "memory", "ip");
	else
		__asm__ volatile(".arch_extension virt\n\thvc #0"
				 : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
				 :
				 : "memory", "ip");
	return r0;
}

/* HLT 0xf000 of ARM code (Semihosting 2.0, 3.1), which the assembler knows from ARMv8 on. */
static inline void semihosting(uint32_t operation, const void *argument)
{
	register uint32_t r0 __asm__("r0") = operation;
	register const void *r1 __asm__("r1") = argument;

	__asm__ volatile(".inst 0xe10f0070" : "+r"(r0) : "r"(r1) : "memory");
}

/* B3.18.7: an address for every ASID, and global entries. */
static inline void forget_page(uintptr_t va, bool everywhere)
{
	if (everywhere)
		WRITE_REG(TLBIMVAAIS, va);
	else
		WRITE_REG(TLBIMVAA, va);
}

static inline void forget_all(bool everywhere)
{
	if (everywhere)
		WRITE_REG(TLBIALLIS, 0);
	else
		WRITE_REG(TLBIALL, 0);
}

static inline void clean_for_code(uintptr_t at)
{
	WRITE_REG(DCCMVAU, at);
}

static inline void forget_code(uintptr_t at)
{
	WRITE_REG(ICIMVAU, at);
}

static inline void forget_all_code(void)
{
	WRITE_REG(ICIALLUIS, 0);
}

/* What was learned of branches in the old code. */
static inline void forget_branches(void)
{
	WRITE_REG(BPIALLIS, 0);
}

static inline void clean_to_memory(const void *at)
{
	WRITE_REG(DCCIMVAC, (uintptr_t)at);
	__asm__ volatile("dsb sy" : : : "memory");
}

/* --- the rest --------------------------------------------------------------------------------- */

static inline bool regs_from_user(const struct regs *regs)
{
	return (regs->cpsr & CPSR_MODE) == CPSR_USER;
}

/* arch/common/window.h. Data caches behave as if they were looked up by physical addresses (ARMv7, "Address mapping
 * restrictions"; those of the cortex-a15 are): what was written by a window need not be cleaned when it goes. */
static inline uint32_t window_entry(quire_pfn pfn)
{
	return (uint32_t)pfn.n << 12 | PAGE_NORMAL | PAGE_XN;
}

static inline void window_changed(uintptr_t va)
{
	arch_pte_sync();
	forget_page(va, false);
	__asm__ volatile("dsb nsh\n\tisb" : : : "memory");
}

/* memory.c */
extern uint32_t boot_root_pa, kernel_root_pa; /* with the image at its own address too; what is loaded now */
extern char boot_stack_top[];
void memory_init(uint32_t fdt_pa, uint32_t image, uint32_t tables);

/* For boot.S, which reads it with its MMU off. */
struct secondary {
	uint32_t boot_root, root, stack, number;
};

static inline struct secondary secondary_of(uint32_t stack, unsigned number)
{
	return (struct secondary){boot_root_pa | TTBR_WALKS, kernel_root_pa | TTBR_WALKS, stack, number};
}

/* entry.S: the stack of the modes of exceptions. */
void set_exception_stacks(uint32_t scratch[4]);
void vfp_save(struct vfp *area);
void vfp_load(const struct vfp *area);

/* uaccess.S: new code of a program, in lines of `line` bytes. 0 or -EFAULT. */
int user_code_sync(uint32_t start, uint32_t end, uint32_t line);
#endif

#endif
