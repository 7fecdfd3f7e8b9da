/* SPDX-License-Identifier: MIT */
/* i386 for the contract in arch.h: what it keeps of a CPU and of a task, and what must be inline. */
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
#define ARCH_DISK          1

/* System V ABI for i386, 2.4.2: eax, ecx, edx, ebx, esp, ebp, esi, edi, the return address. */
#define ARCH_DWARF_REGISTERS 9
#define ARCH_DWARF_SP        4
#define ARCH_DWARF_RA        8
#define ARCH_CALL_PUSHES     1

/* The registers of an interrupted program or kernel, as entry.S pushes them. GS stays what the program has. */
struct regs {
	uint32_t bx, cx, dx, si, di, bp, ax;
	uint32_t ds, es, fs;
	uint32_t vector; /* VECTOR_SYSCALL, or the exception's number */
	uint32_t error;  /* its error code; the number of a system call */
	uint32_t ip, cs, flags;
	uint32_t sp, ss; /* of a program; the kernel's own stack pointer is the address of `sp` */
};
#define VECTOR_SYSCALL 256u
#define FLAGS_IF       0x200

struct arch_task {
	uint32_t sp; /* kernel stack pointer, callee-saved registers on it */
	uint32_t gs;
	uint64_t tls[3]; /* descriptors of the program's own */
	void *fpu;       /* 64-byte aligned XSAVE area; NULL: a task without a program */
	void *fpu_memory;
	uint32_t trap_number, error_code, cr2; /* of the last fault of the program, for ucontext */
	uint32_t windows;                      /* how many of its two are open */
};

/* Lies in struct cpu, to which FS points in kernel mode. */
struct arch_cpu {
	struct cpu *self; /* FS has no address */
	uint32_t apic_id;
	struct tss *tss;
	uint64_t *gdt;
};

#define CPU_SELF 56 /* arch.self */

/* --- struct cpu's first two members, through FS ---------------------------------------------- */

static inline struct task *arch_current(void)
{
	struct task *task;

	__asm__("mov %%fs:0, %0" : "=r"(task));
	return task;
}

static inline unsigned arch_cpu(void)
{
	unsigned number;

	__asm__ volatile("mov %%fs:4, %0" : "=r"(number));
	return number;
}

static inline struct cpu *arch_this_cpu(void)
{
	struct cpu *cpu;

	__asm__ volatile("mov %%fs:%c1, %0" : "=r"(cpu) : "i"(CPU_SELF));
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
	uint32_t flags;

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
	regs->ip = (uint32_t)pc;
}

static inline uint64_t arch_regs_sp(const struct regs *regs)
{
	return regs->cs & 3 ? regs->sp : (uintptr_t)&regs->sp;
}

static inline bool arch_regs_in_syscall(const struct regs *regs)
{
	return regs->vector == VECTOR_SYSCALL;
}

static inline uint64_t arch_regs_syscall(const struct regs *regs)
{
	return regs->error;
}

/* From `bx` to `bp`. */
static inline const uint32_t *arch_regs_arguments(const struct regs *regs, uint32_t room[6])
{
	return &regs->bx;
}

static inline int64_t arch_regs_return(const struct regs *regs)
{
	return (int32_t)regs->ax;
}

static inline void arch_regs_set_return(struct regs *regs, int64_t value)
{
	regs->ax = (uint32_t)value;
}

/* INT 0x80 is two bytes. */
static inline void arch_regs_restart(struct regs *regs, uint64_t number)
{
	regs->ax = (uint32_t)number;
	regs->ip -= 2;
}

/* --- bytes: one instruction, which QEMU and every CPU since 2008 run at full speed ------------- */

static inline void *arch_memcpy(void *to, const void *from, size_t n)
{
	void *at = to;
	size_t words = n >> 2;

	n &= 3;
	__asm__ volatile("rep movsl" : "+D"(at), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	return to;
}

static inline void *arch_memset(void *to, int byte, size_t n)
{
	void *at = to;
	size_t words = n >> 2;

	n &= 3;
	__asm__ volatile("rep stosl" : "+D"(at), "+c"(words) : "a"(0x01010101u * (uint8_t)byte) : "memory");
	__asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(byte) : "memory");
	return to;
}

#endif
