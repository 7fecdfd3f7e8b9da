/* SPDX-License-Identifier: MIT */
/* What x86-64 gives to core/: registers, the running task, interrupts, user access, the clock.
 *
 * Another architecture is another folder with this header and functions of these names. */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quire/types.h>

struct task;
struct siginfo;
struct sigaction;

#define MAX_CPUS           64
#define KERNEL_STACK_PAGES 4
#define ARCH_UTS_MACHINE   "x86_64"
#define ARCH_PLATFORM      "x86_64"
#define ARCH_ELF_MACHINE   62
#define ARCH_USER_END      0x7ffffffff000ul

/* The registers of an interrupted program or kernel, as entry.S pushes them. */
struct regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t vector; /* VECTOR_SYSCALL, or the exception's number */
	uint64_t error;  /* its error code; the number of a system call */
	uint64_t rip, cs, rflags, rsp, ss;
};
#define VECTOR_SYSCALL 256u

/* What the CPU keeps of a task while it does not run. */
struct arch_task {
	uint64_t sp;    /* kernel stack pointer, callee-saved registers on it */
	uint64_t stack; /* lowest address of the kernel stack */
	uint64_t fs_base, gs_base;
	void *fpu; /* 64-byte aligned XSAVE area; NULL: a task without a program */
	void *fpu_memory;
	uint64_t trap_number, error_code, cr2; /* of the last fault of the program, for ucontext */
};

/* This CPU's own data; GS points at it in kernel mode. Offsets 0 to 31 are known to entry.S. */
struct cpu {
	struct task *task;     /* 0: the running one */
	uint64_t kernel_stack; /* 8: where the running task's kernel stack starts */
	uint64_t user_sp;      /* 16: scratch of the system call entry */
	uint32_t number;       /* 24 */
	uint32_t irq_depth;    /* 28: spinlocks held */
	bool irq_was_on;       /* before the first of them */
	bool online;
	uint32_t apic_id;
	uint32_t in_interrupt;
	struct task *idle;
	struct quire_mm *mm; /* the address space in CR3; NULL: the kernel's own */
	uint64_t idle_ns, idle_since;
	uint64_t timer_deadline;
	struct task *previous; /* who was switched from, until the switch is over */
	struct tss *tss;
	uint64_t *gdt;
};
extern struct cpu cpus[MAX_CPUS];

static inline struct task *arch_current(void)
{
	struct task *task;

	__asm__("mov %%gs:0, %0" : "=r"(task));
	return task;
}

/* => interrupts are off, or it does not matter that the task may move to another CPU afterwards. */
static inline unsigned arch_cpu(void)
{
	uint32_t number;

	__asm__ volatile("mov %%gs:24, %0" : "=r"(number));
	return number;
}

static inline struct cpu *this_cpu(void)
{
	return &cpus[arch_cpu()];
}

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
	return flags & 0x200;
}

static inline bool regs_from_user(const struct regs *regs)
{
	return regs->cs & 3;
}

/* Whether interrupts were on where `regs` are from. */
bool arch_regs_irqs_on(const struct regs *regs);

/* A moment of a waiting loop: does what other CPUs ask of this one (TLB flushes). */
void arch_relax(void);
/* Sleeps until an interrupt. => interrupts are off; they are off again on return. */
void arch_idle_wait(void);
/* Makes `cpu` look at its task's work. */
void arch_kick(unsigned cpu);
void arch_end_machine(unsigned char code) __attribute__((noreturn));
void arch_halt_others(void);
/* Bytes to the log port. */
void arch_log_write(const char *bytes, size_t n);

struct quire_config;
/* The architecture, the RAM and the kernel's half of the address space, for the library. */
void arch_configure(struct quire_config *config);
/* the_system is there: the kernel's tables become the library's. */
void arch_system_ready(void);
/* Interrupts of devices may come from here on. */
void arch_devices_init(void);
/* Starts the other CPUs; each calls secondary_main(). Returns how many there are. */
unsigned arch_start_cpus(void);
unsigned arch_cpus_found(void);
/* Frees what the architecture keeps for later use (kernel stacks). => nothing else runs. */
void arch_trim(void);

/* Fast strings: one instruction, which QEMU and every CPU since 2008 run at full speed. */
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

/* --- clock ------------------------------------------------------------------------------------ */

uint64_t arch_clock_ns(void);              /* since boot */
uint64_t arch_wall_clock_seconds(void);    /* of the real-time clock, since 1970 */
void arch_timer_set(uint64_t deadline_ns); /* one interrupt of this CPU: timer_interrupt() */
uint64_t arch_entropy(void);

/* --- user memory: return the bytes NOT copied ------------------------------------------------- */

size_t arch_user_copy(void *to, const void *from, size_t n);
size_t arch_user_clear(void *to, size_t n);
/* One aligned word: 0 or -EFAULT. */
int arch_user_load32(uint64_t from, uint32_t *out);
/* If *at == expected, stores `desired`; *out is what was there. */
int arch_user_cmpxchg32(uint64_t at, uint32_t expected, uint32_t desired, uint32_t *out);
/* The address where a fault at `pc` continues; 0: none. */
uint64_t arch_fixup(uint64_t pc);

/* --- tasks ------------------------------------------------------------------------------------ */

/* A kernel stack and an FPU area for a new task. 0 or -ENOMEM. `user`: it will run a program. */
int arch_task_create(struct task *task, bool user);
void arch_task_free(struct task *task);
/* The first time `task` is switched to, it calls `entry`, which must not return. */
void arch_task_entry(struct task *task, void (*entry)(void));
/* A child that will return 0 from the parent's system call, on stack `sp` unless 0; needs an entry. */
void arch_task_fork(struct task *child, const struct task *parent, uint64_t sp);
void arch_task_set_tls(struct task *task, uint64_t tls);
/* Makes the calling task start a new program: registers and FPU as new. */
void arch_task_exec(struct task *task, uint64_t pc, uint64_t sp);
/* Saves `previous`, continues `next`; returns when `previous` is continued. => interrupts are off. */
void arch_switch(struct task *previous, struct task *next);
/* Loads an address space into this CPU, NULL: the kernel's own. => interrupts are off. */
void arch_switch_mm(struct quire_mm *mm);
/* Leaves to the program in current->regs. */
void arch_return_to_user(void) __attribute__((noreturn));

static inline uint64_t regs_syscall_argument(const struct regs *regs, unsigned n)
{
	switch (n) {
	case 0:
		return regs->rdi;
	case 1:
		return regs->rsi;
	case 2:
		return regs->rdx;
	case 3:
		return regs->r10;
	case 4:
		return regs->r8;
	default:
		return regs->r9;
	}
}

static inline bool regs_in_syscall(const struct regs *regs)
{
	return regs->vector == VECTOR_SYSCALL;
}

static inline int64_t regs_result(const struct regs *regs)
{
	return (int64_t)regs->rax;
}

static inline void regs_set_result(struct regs *regs, int64_t result)
{
	regs->rax = (uint64_t)result;
}

/* Back to the system call instruction, to be run again, as itself or as restart_syscall(2). */
static inline void regs_restart(struct regs *regs, bool as_restart_syscall)
{
	regs->rax = as_restart_syscall ? 219 : regs->error;
	regs->rip -= 2;
}

/* Pushes a signal frame and points the registers at the handler. 0 or -EFAULT: no room for it. */
int arch_signal_frame(int signal, const struct sigaction *action, const struct siginfo *info, uint64_t mask);
/* rt_sigreturn: restores what the frame holds; *out_mask. 0 or -EFAULT. */
int arch_signal_return(uint64_t *out_mask);
uint64_t arch_signal_frame_bytes(void); /* the least stack a handler needs */
long arch_prctl(int code, uint64_t address);
uint64_t arch_hwcap(void);
uint64_t arch_hwcap2(void);
/* The lines of /proc/cpuinfo about one CPU. Returns their length. */
size_t arch_cpuinfo(unsigned cpu, char *buffer, size_t size);

#endif
