/* SPDX-License-Identifier: MIT */
/* i386 between its own files: memory layout, selectors, descriptors. */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

/* Where things are, each a multiple of 4 MiB. The image is linked at IMAGE_BASE + its physical address.
 *
 *   0xc0000000   RAM, at its physical address, and the image in it   768 MiB; what is above has no address
 *   0xf0000000   kernel mappings                                     128 MiB
 *   0xf8000000   windows: two pages for each kernel stack            56 MiB
 *   0xfc000000   devices, and what firmware left above the RAM       60 MiB */
#define IMAGE_BASE    0xc0000000
#define LINEAR_BASE   0xc0000000
#define LINEAR_BYTES  0x30000000
#define KMAP_BASE     0xf0000000
#define KMAP_BYTES    0x8000000
#define STACKS_BYTES  0x7c00000 /* of these: where kernel stacks may lie */
#define WINDOW_BASE   0xf8000000
#define WINDOW_BYTES  0x3800000
#define DEVICE_BASE   0xfc000000
#define DEVICE_CHUNKS 15
#define TRAMPOLINE_PA 0x8000

/* Offsets of struct regs; trap.c asserts them. */
#define REGS_VECTOR 40
#define REGS_CS     52

/* Selectors, in Linux's order: a signal frame shows the user's. */
#define TLS_FIRST    6
#define TLS_ENTRIES  3
#define KERNEL_CS    0x60
#define KERNEL_DS    0x68
#define USER_CS      0x73
#define USER_DS      0x7b
#define TSS_SELECTOR 0x80
#define CPU_SELECTOR 0xd8 /* FS in the kernel: struct cpu */
#define DF_SELECTOR  0xf8 /* the task of a double fault */
#define GDT_ENTRIES  32

#define CR4_PSE (1 << 4)

#define ADDRESS_WORD   .long
#define FPU_AREA(name) name

#include "arch/pc/pc.h"

#ifndef __ASSEMBLER__
#define PTE_ACCESSED 0x20
#define PTE_DIRTY    0x40

#define STACK_BYTES (KERNEL_STACK_PAGES * PAGE_SIZE)

/* SDM volume 3, 8.2.1. */
struct tss {
	uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2;
	uint32_t cr3, ip, flags, ax, cx, dx, bx, sp, bp, si, di;
	uint32_t es, cs, ss, ds, fs, gs, ldt;
	uint16_t trap, io_map;
} __attribute__((aligned(128)));

static inline void *pa_to_linear(uint64_t pa)
{
	return (void *)(LINEAR_BASE + (uintptr_t)pa);
}

static inline uintptr_t image_to_pa(const void *address)
{
	return (uintptr_t)address - IMAGE_BASE;
}

static inline bool is_canonical(uint64_t address)
{
	return true;
}

static inline uint64_t scale_ticks(uint64_t ticks, uint64_t per)
{
	uint64_t high = ticks >> 32, low = (uint32_t)ticks;

	return ticks * (per >> 32) + high * (uint32_t)per + (low * (uint32_t)per >> 32);
}

static inline uint32_t read_gs(void)
{
	uint32_t selector;

	__asm__ volatile("mov %%gs, %0" : "=r"(selector));
	return selector & 0xffff;
}

static inline void flush_page(uintptr_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/* arch/common/window.h. Nothing is to be set by the CPU: accessed and dirty are there. */
static inline uint32_t window_entry(quire_pfn pfn)
{
	return (uint32_t)pfn.n << 12 | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY;
}

static inline void window_changed(uintptr_t va)
{
	flush_page(va);
}

/* memory.c: what lies at `pa` and is no linear RAM, for good. => before the_system exists, or it was asked for
 * then. */
void *device_map(uint64_t pa, uint64_t bytes);

/* cpu.c: the root that a CPU takes when its stack has no room; a program's segments for thread data. */
void cpu_set_fatal_root(uint64_t root_pa);
void cpu_load_tls(const uint64_t tls[TLS_ENTRIES]);

/* entry.S: loads GS; 0 in place of a selector that names no segment. */
void load_gs(uint32_t selector);
#endif

#endif
