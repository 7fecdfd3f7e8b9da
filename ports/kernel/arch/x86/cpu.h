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

#define CR4_PAE            (1 << 5)
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

#define ADDRESS_WORD   .quad
#define FPU_AREA(name) name "64"

#include "arch/pc/pc.h"

#ifndef __ASSEMBLER__
#define PTE_NX (1ull << 63)

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));

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

/* All of it has a linear address. */
static inline void *device_map(uint64_t pa, uint64_t bytes)
{
	return pa_to_linear(pa);
}

static inline bool is_canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static inline uint64_t scale_ticks(uint64_t ticks, uint64_t per)
{
	return (uint64_t)((unsigned __int128)ticks * per >> 32);
}

/* cpu.c */
void cpu_load_stacks(struct cpu *cpu);
#endif

#endif
