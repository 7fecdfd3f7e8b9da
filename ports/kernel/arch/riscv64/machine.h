/* SPDX-License-Identifier: MIT */
/* RISC-V for the contract in arch.h: what it keeps of a hart and of a task, and what must be inline. */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu;
struct task;

#define MAX_CPUS           64
#define KERNEL_STACK_PAGES 4
#define ARCH_ICACHE_SYNC   1

/* RISC-V ELF psABI, "DWARF register numbers": x0 to x31; the return address is in x1. */
#define ARCH_DWARF_REGISTERS 32
#define ARCH_DWARF_SP        2
#define ARCH_DWARF_RA        1
#define ARCH_CALL_PUSHES     0

/* Of some registers in struct regs. */
enum {
	X_PC = 0, /* x0 is always 0, so pc has its place, as in a signal frame */
	X_RA = 1,
	X_SP = 2,
	X_GP = 3,
	X_TP = 4,
	X_A0 = 10,
	X_A7 = 17
};

/* The registers of an interrupted program or kernel, as entry.S stores them. */
struct regs {
	uint64_t x[32];
	uint64_t status, cause, value; /* sstatus, scause, stval */
	uint64_t syscall; /* the number of the system call; NO_SYSCALL: it is none, or may not be restarted */
	uint64_t first;   /* the first argument, which the result overwrites */
	uint64_t pad;     /* to 16 bytes, as the stack pointer */
};
#define NO_SYSCALL   (~0ull)
#define SSTATUS_SIE  0x2   /* interrupts are on */
#define SSTATUS_SPIE 0x20  /* they were on before the trap */
#define SSTATUS_SPP  0x100 /* the trap is from the kernel */

/* Floating point, as a signal frame has it. */
struct fp_state {
	uint64_t f[32];
	uint32_t fcsr;
};

struct arch_task {
	uint64_t sp;        /* kernel stack pointer, callee-saved registers on it */
	bool program;       /* it has floating-point registers */
	struct fp_state fp; /* what the registers are when sstatus.FS is not dirty */
};

/* Lies in struct cpu, to which tp points in the kernel: entry.S knows the first three. */
struct arch_cpu {
	uint64_t kernel_stack; /* where the running task's kernel stack starts */
	uint64_t fatal_stack;  /* the end of one that is used when the other is full */
	uint64_t scratch[2];   /* t0 and sp, until there is a stack for them */
	uint64_t hart;         /* its number for the firmware */
};

/* --- struct cpu's first two members ---------------------------------------------------------- */

/* A task may be moved to another hart where it calls schedule(); tp stays the hart's. */
static inline struct task *arch_current(void)
{
	struct task *task;

	__asm__("ld %0, 0(tp)" : "=r"(task));
	return task;
}

static inline unsigned arch_cpu(void)
{
	unsigned number;

	__asm__ volatile("lw %0, 8(tp)" : "=r"(number));
	return number;
}

static inline struct cpu *arch_this_cpu(void)
{
	struct cpu *cpu;

	__asm__ volatile("mv %0, tp" : "=r"(cpu));
	return cpu;
}

/* --- interrupts ------------------------------------------------------------------------------ */

static inline void arch_irq_on(void)
{
	__asm__ volatile("csrsi sstatus, 2" : : : "memory");
}

static inline void arch_irq_off(void)
{
	__asm__ volatile("csrci sstatus, 2" : : : "memory");
}

static inline bool arch_irqs_are_on(void)
{
	uint64_t status;

	__asm__ volatile("csrr %0, sstatus" : "=r"(status));
	return status & SSTATUS_SIE;
}

/* PAUSE (Zihintpause), a FENCE without effect elsewhere. Fences of other harts are the firmware's, which answers them
 * with interrupts off too. */
static inline void arch_relax(void)
{
	__asm__ volatile(".4byte 0x0100000f" : : : "memory");
}

/* --- registers ------------------------------------------------------------------------------- */

static inline bool arch_regs_irqs_on(const struct regs *regs)
{
	return regs->status & SSTATUS_SPIE;
}

static inline void arch_regs_set_pc(struct regs *regs, uint64_t pc)
{
	regs->x[X_PC] = pc;
}

static inline uint64_t arch_regs_sp(const struct regs *regs)
{
	return regs->x[X_SP];
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
	return &regs->x[X_A0];
}

static inline int64_t arch_regs_return(const struct regs *regs)
{
	return (int64_t)regs->x[X_A0];
}

static inline void arch_regs_set_return(struct regs *regs, int64_t value)
{
	regs->x[X_A0] = (uint64_t)value;
}

/* ECALL is four bytes. */
static inline void arch_regs_restart(struct regs *regs, uint64_t number)
{
	regs->x[X_A0] = regs->first;
	regs->x[X_A7] = number;
	regs->x[X_PC] -= 4;
}

#endif
