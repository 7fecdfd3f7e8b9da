/* SPDX-License-Identifier: MIT */
/* 32-bit ARM for the contract in arch.h: what it keeps of a CPU and of a task, and what must be inline. */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu;
struct task;

#define MAX_CPUS           32
#define KERNEL_STACK_PAGES 4
#define ARCH_FRAME_MAP     1
#define ARCH_PTE_SYNC      1
#define ARCH_ICACHE_SYNC   1

/* The registers of an interrupted program or kernel, as entry.S stores them. */
struct regs {
	uint32_t r[13], sp, lr, pc, cpsr;
	uint32_t syscall; /* the number of the system call; NO_SYSCALL: it is none, or may not be restarted */
	uint32_t first;   /* the first argument, which the result overwrites */
	uint32_t undefined; /* of an oops: the kernel ran an instruction that there is not */
};
#define NO_SYSCALL  (~0u)
#define CPSR_MODE   0x1f
#define CPSR_USER   0x10
#define CPSR_THUMB  0x20
#define CPSR_NO_IRQ 0x80

/* SIMD and floating point, as entry.S stores them. */
struct vfp {
	uint64_t d[32];
	uint32_t fpscr;
};

struct arch_task {
	uint32_t sp;        /* kernel stack pointer, callee-saved registers on it */
	uint32_t tls;       /* TPIDRURO, for programs to read */
	uint32_t tls_write; /* TPIDRURW, which programs write themselves */
	uint32_t windows;   /* how many of its two are open */
	bool program;       /* it has SIMD registers and TLS */
	uint32_t trap_number, error_code,
	    address; /* of the last fault of the program, for its signal frame */
	struct vfp vfp;
};

/* Lies in struct cpu, to which TPIDRPRW points: entry.S knows the first two. */
struct arch_cpu {
	uint32_t kernel_stack; /* where the running task's kernel stack starts */
	uint32_t fatal_stack;  /* the end of one that is used when the other is full */
	uint32_t scratch[4];   /* the stack of the modes of exceptions, which entry.S leaves at once */
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

	__asm__("mrc p15, 0, %0, c13, c0, 4\n\tldr %0, [%0]" : "=r"(task));
	return task;
}

static inline unsigned arch_cpu(void)
{
	unsigned number;

	__asm__ volatile("mrc p15, 0, %0, c13, c0, 4\n\tldr %0, [%0, #4]" : "=r"(number));
	return number;
}

static inline struct cpu *arch_this_cpu(void)
{
	struct cpu *cpu;

	__asm__ volatile("mrc p15, 0, %0, c13, c0, 4" : "=r"(cpu));
	return cpu;
}

/* --- interrupts ------------------------------------------------------------------------------ */

static inline void arch_irq_on(void)
{
	__asm__ volatile("cpsie i" : : : "memory");
}

static inline void arch_irq_off(void)
{
	__asm__ volatile("cpsid i" : : : "memory");
}

static inline bool arch_irqs_are_on(void)
{
	uint32_t cpsr;

	__asm__ volatile("mrs %0, cpsr" : "=r"(cpsr));
	return !(cpsr & CPSR_NO_IRQ);
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
	return !(regs->cpsr & CPSR_NO_IRQ);
}

static inline void arch_regs_set_pc(struct regs *regs, uint64_t pc)
{
	regs->pc = (uint32_t)pc;
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
static inline const uint32_t *arch_regs_arguments(const struct regs *regs, uint32_t room[6])
{
	return regs->r;
}

static inline int64_t arch_regs_return(const struct regs *regs)
{
	return (int32_t)regs->r[0];
}

static inline void arch_regs_set_return(struct regs *regs, int64_t value)
{
	regs->r[0] = (uint32_t)value;
}

/* SVC is four bytes, or two. */
static inline void arch_regs_restart(struct regs *regs, uint64_t number)
{
	regs->r[0] = regs->first;
	regs->r[7] = (uint32_t)number;
	regs->pc -= regs->cpsr & CPSR_THUMB ? 2 : 4;
}

#endif
