/* SPDX-License-Identifier: MIT */
/* x86-64 for the contract in arch.h: what it keeps of a CPU and of a task, and what must be inline. */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu;
struct task;

#define MAX_CPUS           64
#define KERNEL_STACK_PAGES 4
#define ARCH_DISK
#define ARCH_MARK

/* System V ABI for x86-64, 3.6.2: rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to r15, the return address. */
#define ARCH_DWARF_REGISTERS 17
#define ARCH_DWARF_SP        7
#define ARCH_DWARF_RA        16
#define ARCH_CALL_PUSHES     1

/* The registers of an interrupted program or kernel, as entry.S pushes them. */
struct regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t vector; /* VECTOR_SYSCALL, or the exception's number */
	uint64_t error;  /* its error code; the number of a system call */
	uint64_t ip, cs, flags, sp, ss;
};
#define VECTOR_SYSCALL 256u
#define FLAGS_IF       0x200

struct arch_task {
	uint64_t sp; /* kernel stack pointer, callee-saved registers on it */
	uint64_t fs_base, gs_base;
	void *fpu; /* 64-byte aligned XSAVE area; NULL: a task without a program */
	void *fpu_memory;
	uint64_t trap_number, error_code, cr2; /* of the last fault of the program, for ucontext */
};

/* Lies in struct cpu, to which GS points in kernel mode: entry.S knows the first two. */
struct arch_cpu {
	uint64_t kernel_stack; /* where the running task's kernel stack starts */
	uint64_t user_sp;      /* scratch of the system call entry */
	struct cpu *self;      /* GS has no address */
	uint32_t apic_id;
	struct tss *tss;
	uint64_t *gdt;
};

#define CPU_SELF 88 /* arch.self */

/* --- struct cpu's first two members, through GS ---------------------------------------------- */

static inline struct task *arch_current(void)
{
	struct task *task;

	__asm__("mov %%gs:0, %0" : "=r"(task));
	return task;
}

static inline unsigned arch_cpu(void)
{
	uint32_t number;

	__asm__ volatile("mov %%gs:8, %0" : "=r"(number));
	return number;
}

static inline struct cpu *arch_this_cpu(void)
{
	struct cpu *cpu;

	__asm__ volatile("mov %%gs:%c1, %0" : "=r"(cpu) : "i"(CPU_SELF));
	return cpu;
}

/* --- interrupts ------------------------------------------------------------------------------ */

static inline void arch_irq_on(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline void arch_irq_off(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline bool arch_irqs_are_on(void)
{
	uint64_t flags;

	__asm__ volatile("pushf; pop %0" : "=r"(flags));
	return flags & FLAGS_IF;
}

/* --- registers ------------------------------------------------------------------------------- */

static inline bool arch_regs_irqs_on(const struct regs *regs)
{
	return regs->flags & FLAGS_IF;
}

static inline void arch_regs_set_pc(struct regs *regs, uint64_t pc)
{
	regs->ip = pc;
}

static inline uint64_t arch_regs_sp(const struct regs *regs)
{
	return regs->sp;
}

static inline bool arch_regs_in_syscall(const struct regs *regs)
{
	return regs->vector == VECTOR_SYSCALL;
}

static inline uint64_t arch_regs_syscall(const struct regs *regs)
{
	return regs->error;
}

static inline const uint64_t *arch_regs_arguments(const struct regs *regs, uint64_t room[6])
{
	room[0] = regs->rdi;
	room[1] = regs->rsi;
	room[2] = regs->rdx;
	room[3] = regs->r10;
	room[4] = regs->r8;
	room[5] = regs->r9;
	return room;
}

static inline int64_t arch_regs_return(const struct regs *regs)
{
	return (int64_t)regs->rax;
}

static inline void arch_regs_set_return(struct regs *regs, int64_t value)
{
	regs->rax = (uint64_t)value;
}

/* SYSCALL is two bytes. */
static inline void arch_regs_restart(struct regs *regs, uint64_t number)
{
	regs->rax = number;
	regs->ip -= 2;
}

/* A store that a plugin of QEMU knows by the instruction's own bytes: movl $MARK_STORE, (%rax).
 * tools/quire/run/references.h has the number again. */
#define MARK_STORE 0x71526651

static inline void arch_mark(uint32_t *place)
{
	__asm__ volatile("movl %1, (%0)" : : "a"(place), "i"(MARK_STORE) : "memory");
}

/* --- bytes: one instruction, which QEMU and every CPU since 2008 run at full speed ------------- */

static inline void *arch_memcpy(void *to, const void *from, size_t n)
{
	void *at = to;
	size_t words = n >> 3;

	n &= 7;
	__asm__ volatile("rep movsq" : "+D"(at), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	return to;
}

static inline void *arch_memset(void *to, int byte, size_t n)
{
	void *at = to;
	size_t words = n >> 3;

	n &= 7;
	__asm__ volatile("rep stosq"
			 : "+D"(at), "+c"(words)
			 : "a"(0x0101010101010101ul * (uint8_t)byte)
			 : "memory");
	__asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(byte) : "memory");
	return to;
}

#endif
