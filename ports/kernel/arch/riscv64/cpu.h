/* SPDX-License-Identifier: MIT */
/* RISC-V between its own files: memory layout, registers, firmware, devices. "Privileged" is the RISC-V privileged
 * specification 20211203, "SBI" the supervisor binary interface specification 1.0. */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

/* Where things are: all within the upper half of Sv39, so that one image serves tables of 39 and 48 bits.
 *
 *   0xffffffc000000000   RAM, at its physical address    128 GiB
 *   0xffffffe000000000   kernel mappings of 39 bits      1 GiB    (of 48 bits: at 0xffffff0000000000)
 *   0xfffffff000000000   devices                         1 GiB
 *   0xffffffff80000000   the image, wherever it lies in RAM
 *
 * The kernel mappings of 39 bits have one entry of the root: the first kernel stack makes it, before there is an
 * address space, and so no push to a stack ever finds an entry missing. */
#define LINEAR_BASE    0xffffffc000000000
#define LINEAR_BYTES   0x2000000000
#define KMAP_BASE_39   0xffffffe000000000
#define KMAP_BASE_48   0xffffff0000000000
#define KMAP_BYTES     0x40000000
#define DEVICE_BASE    0xfffffff000000000
#define IMAGE_BASE     0xffffffff80000000
#define IMAGE_MOST_MIB 32

/* Offsets in struct cpu, and of struct regs; trap.c asserts them. */
#define CPU_KERNEL_STACK 72
#define CPU_FATAL_STACK  80
#define CPU_SCRATCH      88
#define REGS_STATUS      256
#define REGS_CAUSE       264
#define REGS_VALUE       272
#define REGS_SYSCALL     280
#define REGS_FIRST       288
#define REGS_BYTES       304
#define STACK_SHIFT      14
#define STACK_BYTES      16384

/* Entries, Privileged 4.3.1 and 4.4.1. What the kernel maps is young and dirty: nobody would set that later. */
#define PTE_V      0x01
#define PTE_R      0x02
#define PTE_W      0x04
#define PTE_X      0x08
#define PTE_U      0x10
#define PTE_G      0x20
#define PTE_A      0x40
#define PTE_D      0x80
#define PTE_BOOT   (PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D)
#define PTE_KERNEL (PTE_V | PTE_R | PTE_G | PTE_A)
#define PTE_DATA   (PTE_KERNEL | PTE_W | PTE_D)

/* satp.MODE, Privileged 4.1.11. */
#define SATP_SV39  8
#define SATP_SV48  9
#define SATP_SHIFT 60

/* sstatus, Privileged 4.1.1 and 3.1.6.6. */
#define SSTATUS_FS       0x6000
#define SSTATUS_FS_CLEAN 0x4000
#define SSTATUS_SUM      0x40000 /* the kernel may use a program's pages */

#ifndef __ASSEMBLER__
#include "arch.h"
#include "arch/common/device.h"
#include "kern/boot.h"
#include "kern/cpu.h"
#include "port/system.h"

#define SSTATUS_UXL_64 0x200000000

/* scause and sie, Privileged 4.1.8 and 4.1.3. */
#define CAUSE_INTERRUPT (1ull << 63)
enum {
	IRQ_SOFTWARE = 1,
	IRQ_TIMER = 5,
	IRQ_EXTERNAL = 9
};

/* Exceptions, Privileged table 4.2. */
enum {
	FETCH_MISALIGNED = 0,
	FETCH_ACCESS = 1,
	ILLEGAL_INSTRUCTION = 2,
	BREAKPOINT = 3,
	LOAD_MISALIGNED = 4,
	LOAD_ACCESS = 5,
	STORE_MISALIGNED = 6,
	STORE_ACCESS = 7,
	SYSTEM_CALL = 8,
	FETCH_PAGE = 12,
	LOAD_PAGE = 13,
	STORE_PAGE = 15
};

#define CSR_READ(name)                                                           \
	({                                                                       \
		uint64_t value_;                                                 \
		__asm__ volatile("csrr %0, " #name : "=r"(value_) : : "memory"); \
		value_;                                                          \
	})
#define CSR_WRITE(name, value) __asm__ volatile("csrw " #name ", %0" : : "r"((uint64_t)(value)) : "memory")
#define CSR_SET(name, bits)    __asm__ volatile("csrs " #name ", %0" : : "r"((uint64_t)(bits)) : "memory")
#define CSR_CLEAR(name, bits)  __asm__ volatile("csrc " #name ", %0" : : "r"((uint64_t)(bits)) : "memory")

static inline void sfence_everything(void)
{
	__asm__ volatile("sfence.vma" : : : "memory");
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
	return !(regs->status & SSTATUS_SPP);
}

static inline bool is_page_fault(const struct regs *regs)
{
	return regs->cause == FETCH_PAGE || regs->cause == LOAD_PAGE || regs->cause == STORE_PAGE;
}

/* A page fault of the kernel at a program's address, outside the copies: with SUM off no such page is the kernel's to
 * use, whatever its tables say. Linux looks nothing up for it either. */
static inline bool strays_to_user(const struct regs *regs)
{
	return is_page_fault(regs) && regs->value < user_end && !(regs->status & SSTATUS_SUM) &&
	       !regs_from_user(regs);
}

static inline void *pa_to_linear(uint64_t pa)
{
	return (void *)(LINEAR_BASE + pa);
}

/* --- the firmware ---------------------------------------------------------------------------- */

/* Extensions and their functions: SBI, chapters 4, 6, 7, 8, 9, 10. */
#define SBI_BASE           0x10
#define SBI_BASE_VENDOR    4
#define SBI_BASE_ARCH      5
#define SBI_BASE_IMP       6
#define SBI_TIME           0x54494d45
#define SBI_IPI            0x735049
#define SBI_RFENCE         0x52464e43
#define SBI_RFENCE_I       0
#define SBI_RFENCE_VMA     1
#define SBI_HSM            0x48534d
#define SBI_HSM_START      0
#define SBI_RESET          0x53525354
#define SBI_RESET_SHUTDOWN 0

struct sbi_result {
	int64_t error, value;
};

/* SBI, chapter 3: all registers but a0 and a1 are kept. */
static inline struct sbi_result sbi_call(uint64_t extension, uint64_t function, const uint64_t argument[4])
{
	register uint64_t a0 __asm__("a0") = argument[0];
	register uint64_t a1 __asm__("a1") = argument[1];
	register uint64_t a2 __asm__("a2") = argument[2];
	register uint64_t a3 __asm__("a3") = argument[3];
	register uint64_t a6 __asm__("a6") = function;
	register uint64_t a7 __asm__("a7") = extension;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a6), "r"(a7) : "memory");
	return (struct sbi_result){(int64_t)a0, (int64_t)a1};
}
#define SBI(extension, function, ...) sbi_call(extension, function, (const uint64_t[4]){__VA_ARGS__})

/* memory.c */
extern bool tables_48;
extern bool sets_young_and_dirty; /* the harts, by themselves */
extern uint64_t kernel_satp;      /* of no address space */
extern char boot_stack_top[];
uint64_t image_to_pa(const void *address);
void memory_init(uint64_t fdt_pa, uint64_t image);
uint64_t satp_of(uint64_t root_pa);
/* Device registers, mapped for good. */
volatile void *device_map(uint64_t pa, uint64_t bytes);

/* cpu.c */
void cpu_init(unsigned number, uint64_t hart);

/* boot.S: where a hart starts, with the physical address of a struct secondary (smp.c) in a1. */
void secondary_boot(void);

/* devices.c: the device tree. */
extern const void *device_tree;
/* A property of the node of that hart; NULL: it has none. */
const void *hart_property(uint64_t hart, const char *name, size_t *out_bytes);
/* The phandle of that hart's own interrupt controller; 0: it has none. */
uint32_t hart_controller(uint64_t hart);
/* How often the time register counts in a second; 0: the tree does not say. */
uint32_t timebase_frequency(void);

/* smp.c: every hart forgets all translations. */
void flush_every_hart(void);

/* plic.c: interrupts of devices, which are all hart 0's of ours. */
void plic_init(void);
void plic_enable(unsigned interrupt);
unsigned plic_take(void); /* 0: none */
void plic_end(unsigned interrupt);

/* uaccess.S: a store at boot, before a trap has a way. False: it faulted. */
bool try_store(uint64_t *at, uint64_t value);

/* timer.c, console.c, entry.S */
void clock_init(void);
void timer_off(void);
void console_init(void);
void console_interrupt(void);
/* A message came to CPU 0: perhaps arch_console_listen()'s. */
void console_message(void);
extern unsigned console_irq; /* 0: none */
void fp_save(struct fp_state *area);
void fp_load(const struct fp_state *area);
/* task.c: the area of the running program is as its registers; the registers are as the area. */
void fp_keep(void);
void fp_restore(struct task *task);
#endif

#endif
