/* SPDX-License-Identifier: MIT */
/* ARM64 for the contract in arch.h: what it keeps of a CPU and of a task, and what must be inline. */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu;
struct task;

#define MAX_CPUS           64
#define KERNEL_STACK_PAGES 4
#define ARCH_PTE_SYNC      1
#define ARCH_ICACHE_SYNC   1

/* DWARF for the ARM 64-bit Architecture, 4.1: x0 to x30, sp; the return address is in x30. */
#define ARCH_DWARF_REGISTERS 32
#define ARCH_DWARF_SP        31
#define ARCH_DWARF_RA        30
#define ARCH_CALL_PUSHES     0

/* The registers of an interrupted program or kernel, as entry.S stores them. */
struct regs {
	uint64_t x[31], sp, pc, pstate;
	uint64_t syscall; /* the number of the system call; NO_SYSCALL: it is none, or may not be restarted */
	uint64_t first;   /* the first argument, which the result overwrites */
	uint64_t esr, far;
};
#define NO_SYSCALL (~0ull)
#define PSTATE_EL  0xc /* 0: a program */
#define PSTATE_IRQ 0x80

/* SIMD and floating point, as a signal frame has them. */
struct fpsimd {
	uint32_t fpsr, fpcr;
	unsigned __int128 v[32];
};

struct arch_task {
	uint64_t sp;  /* kernel stack pointer, callee-saved registers on it */
	uint64_t tls; /* TPIDR_EL0 */
	bool program; /* it has SIMD registers and TLS */
	struct fpsimd fpsimd;
	uint64_t esr, far; /* of the last fault of the program, for its signal frame */
};

/* Lies in struct cpu, to which TPIDR_EL1 points: entry.S knows the first two. */
struct arch_cpu {
	uint64_t kernel_stack; /* where the running task's kernel stack starts */
	uint64_t fatal_stack;  /* the end of one that is used when the other is full */
	uint64_t mpidr;
	uint32_t asid;                /* the last that was used */
	uint8_t gic_number;           /* GIC v2: of its CPU interface */
	volatile void *redistributor; /* GIC v3 */
};

/* --- struct cpu's first two members ---------------------------------------------------------- */

/* A task may be moved to another CPU where it calls schedule(), never between these two instructions. */
static inline struct task *arch_current(void)
{
	struct task *task;

	__asm__("mrs %0, tpidr_el1\n\tldr %0, [%0]" : "=r"(task));
	return task;
}

static inline unsigned arch_cpu(void)
{
	uint64_t number;

	__asm__ volatile("mrs %0, tpidr_el1\n\tldr %w0, [%0, #8]" : "=r"(number));
	return (unsigned)number;
}

static inline struct cpu *arch_this_cpu(void)
{
	struct cpu *cpu;

	__asm__ volatile("mrs %0, tpidr_el1" : "=r"(cpu));
	return cpu;
}

/* --- interrupts ------------------------------------------------------------------------------ */

static inline void arch_irq_on(void)
{
	__asm__ volatile("msr daifclr, #2" : : : "memory");
}

static inline void arch_irq_off(void)
{
	__asm__ volatile("msr daifset, #2" : : : "memory");
}

static inline bool arch_irqs_are_on(void)
{
	uint64_t daif;

	__asm__ volatile("mrs %0, daif" : "=r"(daif));
	return !(daif & PSTATE_IRQ);
}

static inline void arch_relax(void)
{
	__asm__ volatile("yield" : : : "memory");
}

static inline void arch_pte_sync(void)
{
	__asm__ volatile("dsb ishst\n\tisb" : : : "memory");
}

/* --- registers ------------------------------------------------------------------------------- */

static inline bool arch_regs_irqs_on(const struct regs *regs)
{
	return !(regs->pstate & PSTATE_IRQ);
}

static inline void arch_regs_set_pc(struct regs *regs, uint64_t pc)
{
	regs->pc = pc;
}

static inline uint64_t arch_regs_sp(const struct regs *regs)
{
	return regs->sp;
}

static inline bool arch_regs_in_syscall(const struct regs *regs)
{
	return regs->syscall != NO_SYSCALL;
}

static inline uint64_t arch_regs_syscall(const struct regs *regs)
{
	return regs->syscall;
}

/* => the result has not overwritten the first. */
static inline const uint64_t *arch_regs_arguments(const struct regs *regs, uint64_t room[6])
{
	return regs->x;
}

static inline int64_t arch_regs_return(const struct regs *regs)
{
	return (int64_t)regs->x[0];
}

static inline void arch_regs_set_return(struct regs *regs, int64_t value)
{
	regs->x[0] = (uint64_t)value;
}

/* SVC is four bytes. */
static inline void arch_regs_restart(struct regs *regs, uint64_t number)
{
	regs->x[0] = regs->first;
	regs->x[8] = number;
	regs->pc -= 4;
}

#endif
