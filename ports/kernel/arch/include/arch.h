/* SPDX-License-Identifier: MIT */
/* The architecture contract: all that the kernel asks of the machine it runs on.
 *
 * An architecture is a folder beside this one, and may share another with its like: the machine's (pc, virt_arm). It has:
 *
 *   machine.h    what must be known at compile time (below), and those functions of this header that it
 *                wants inline: it defines them `static inline`, and the declarations here check their types
 *   user_abi.h   which of abi/'s binary interfaces its programs use: one #include
 *   sources      the other functions, its entries from programs and devices (they call kern/entry.h),
 *                a link script, and the system calls of its table that no other architecture has
 *
 * machine.h defines:
 *   struct arch_task      what a task keeps while it does not run: kernel stack pointer, FPU, TLS register
 *   struct arch_cpu       what a CPU keeps; the last member of struct cpu (kern/cpu.h)
 *   MAX_CPUS              1 to 64, and at most the bits of a long
 *   KERNEL_STACK_PAGES    pages of one kernel stack
 *   ARCH_FRAME_MAP        defined if RAM may have no linear address
 *   ARCH_PTE_SYNC         defined if stores to page tables need arch_pte_sync() (ARM, RISC-V)
 *   ARCH_DISK             defined if it has a driver for a disk
 *   ARCH_MARK             defined if it has arch_mark(): a store that a plugin of QEMU tells from others
 *   ARCH_ICACHE_SYNC      defined if new code needs arch_icache_sync() (ARM, RISC-V)
 *
 * struct regs, the registers of an interrupted program, is known to the architecture alone.
 *
 * Interrupts are a CPU's own. "Any context" means: an interrupt handler and a spinlock's holder too. What
 * says nothing may be called by any task, with interrupts on. */
#ifndef KERNEL_ARCH_H
#define KERNEL_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quire/quire.h>

#include "abi/abi.h"
#include "machine.h"

/* What a disk does with pages. */
enum disk_way {
	DISK_READ,
	DISK_WRITE
};

struct call_trace;
struct cpu;
struct oops;
struct quire_flush;
struct quire_store_page;
struct regs;
struct sigaction;
struct siginfo;
struct task;

/* --- this CPU --------------------------------------------------------------------------------- */

/* The running task: struct cpu.task of this CPU. NULL before sched_init(). Any context. */
struct task *arch_current(void);
/* The number of this CPU: struct cpu.number. => interrupts are off, or it is harmless that the task may have
 * moved to another CPU when the number is used. Any context. */
unsigned arch_cpu(void);
/* What the kernel keeps of this CPU (kern/cpu.h: this_cpu()). The same holds. */
struct cpu *arch_this_cpu(void);

void arch_irq_on(void);
void arch_irq_off(void);
bool arch_irqs_are_on(void);

/* One turn of a loop that waits for another CPU: does what that one may be waiting for (arch_flush()), and
 * tells the CPU that it spins. Any context, interrupts off included. */
void arch_relax(void);
/* Sleeps until an interrupt. => interrupts are off; they are off again on return. */
void arch_idle_wait(void);
/* Interrupts CPU `cpu`, so that it looks at its task's work. Any context. */
void arch_kick(unsigned cpu);

/* --- boot ------------------------------------------------------------------------------------- */

/* Before kernel_main() the architecture has, on the boot CPU: enabled what the library's codec supposes
 * (head of arch/<a>/pte.h), started the clock, set boot_info (kern/boot.h), and given its RAM: ram_add(),
 * ram_reserve(). */

/* Sets config->arch, the addresses of kernel mappings, and config->kernel_root if there is one. */
void arch_configure(struct quire_config *config);
/* The linear address of physical address `pa`; NULL: it has none. */
void *arch_linear(uint64_t pa);
/* the_system exists: brings the kernel's own mappings (image, linear map, devices) into
 * quire_kernel_root(), unless user and kernel have a root each, and loads it. After this, no entry of the
 * root may be added where a CPU cannot take the fault: kernel stacks are kernel mappings. */
void arch_system_ready(void);
/* Interrupts of devices may come from here on. */
void arch_devices_init(void);
/* How many CPUs there are, this one included; at most MAX_CPUS. */
unsigned arch_cpus_found(void);
/* Has CPU `number`, one of those found, begin to run on the kernel stack that ends at `stack`: it calls
 * secondary_main(). False: no memory, or the machine refuses. */
bool arch_start_cpu(unsigned number, uintptr_t stack);
/* Ends the machine with a code of kern/report.h. Any context. */
void arch_end_machine(unsigned char code) __attribute__((noreturn));

/* --- consoles --------------------------------------------------------------------------------- */

enum console_line {
	CONSOLE_OUTPUT = 0, /* the terminal, or standard output; its input goes to console_input() */
	CONSOLE_ERROR = 1,  /* standard error, when that is no terminal */
	CONSOLE_LINES
};

/* Writes bytes as they are, in order; whole calls never mix. May sleep. */
void arch_console_write(enum console_line line, const void *bytes, size_t n);
/* Input may come again: console_input() had no room for the last byte, which is given again. Any context. */
void arch_console_listen(void);
/* Bytes of the kernel's log and report. Any context. */
void arch_log_write(const char *bytes, size_t n);

/* --- a disk ----------------------------------------------------------------------------------- */

#ifdef ARCH_DISK
/* Its size in pages; 0: there is none. => after arch_devices_init(). */
uint64_t arch_disk_pages(void);
/* Reads pages of the disk (`slot` counts them) into frames, or writes them; sets each page's status. At most
 * QUIRE_STORE_BATCH. May sleep; allocates nothing. */
void arch_disk_transfer(enum disk_way way, struct quire_store_page *pages, unsigned count);
#else
static inline uint64_t arch_disk_pages(void)
{
	return 0;
}
static inline void arch_disk_transfer(enum disk_way way, struct quire_store_page *pages, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		pages[i].status = QUIRE_EIO;
}
#endif

/* --- clock ------------------------------------------------------------------------------------ */

/* Nanoseconds since boot; on one CPU never less than before. Any context. */
uint64_t arch_clock_ns(void);
/* Seconds since 1970 of the machine's calendar; 0: it has none. */
uint64_t arch_wall_clock_seconds(void);
/* One call of timer_interrupt() on this CPU at `deadline_ns` of arch_clock_ns() or soon after; replaces the
 * one that was set; NO_DEADLINE: none. => interrupts are off. */
void arch_timer_set(uint64_t deadline_ns);
/* Bits that are hard to foresee, a counter of cycles for instance. Any context. */
uint64_t arch_entropy(void);

/* --- bytes of the kernel: as memcpy() and memset(). Any context ------------------------------- */

void *arch_memcpy(void *to, const void *from, size_t n);
void *arch_memset(void *to, int byte, size_t n);

/* --- bytes of the program --------------------------------------------------------------------- */

/* The caller has checked the addresses against user_end. A fault that cannot be resolved continues where
 * arch_fixup() says, and is in the result. May sleep, but under task->pagefault_off. */

/* Copies between program and kernel; returns the bytes NOT copied. */
size_t arch_user_copy(void *to, const void *from, size_t n);
/* An aligned word: 0 or -EFAULT. */
int arch_user_load32(uint64_t from, uint32_t *out);
/* In one atomic step: *out = *at, and if that is `expected`, *at = desired. 0 or -EFAULT. */
int arch_user_cmpxchg32(uint64_t at, uint32_t expected, uint32_t desired, uint32_t *out);
/* Where the exception table continues after a fault at `pc`; 0: it has no such row. Any context. */
uint64_t arch_fixup(uint64_t pc);

/* --- page tables ------------------------------------------------------------------------------ */

/* Loads a root of quire_mm_enter(), or quire_kernel_root(); afterwards this CPU uses no translation of user
 * addresses that it had before. => interrupts are off. */
void arch_load_root(quire_pa root);
/* As tlb_flush of <quire/port/host.h>. */
void arch_flush(const struct quire_flush *flush);
#ifdef ARCH_FRAME_MAP
void *arch_frame_map(quire_pfn pfn); /* as frame_map and frame_unmap of <quire/port/host.h> */
void arch_frame_unmap(void *address);
#endif
#ifdef ARCH_PTE_SYNC
void arch_pte_sync(void); /* as pte_sync of <quire/port/host.h> */
#endif
#ifdef ARCH_ICACHE_SYNC
void arch_icache_sync(void *page, size_t bytes); /* as icache_sync of <quire/port/host.h> */
#endif

/* --- registers of an interrupted program or kernel -------------------------------------------- */

bool arch_regs_irqs_on(const struct regs *regs);
void arch_regs_set_pc(struct regs *regs, uint64_t pc);
uint64_t arch_regs_sp(const struct regs *regs);

/* They are from a system call that may still be restarted: not from a fault, a new task or sigreturn. */
bool arch_regs_in_syscall(const struct regs *regs);
uint64_t arch_regs_syscall(const struct regs *regs); /* its number */
/* Its six arguments, in order: where they lie in `regs`, or else in `room`. */
const abi_ulong *arch_regs_arguments(const struct regs *regs, abi_ulong room[6]);
int64_t arch_regs_return(const struct regs *regs);
void arch_regs_set_return(struct regs *regs, int64_t value);
/* Back to the system call instruction, with the arguments of the first time and this number. */
void arch_regs_restart(struct regs *regs, uint64_t number);

/* --- tasks ------------------------------------------------------------------------------------ */

/* task->stack is there: sets task->regs, at its top, and task->arch. `user`: it will run a program, and
 * needs an FPU area. 0 or -ENOMEM. */
int arch_task_create(struct task *task, bool user);
void arch_task_free(struct task *task);
/* When `task` is switched to for the first time it calls schedule_tail(), then `entry`, which does not
 * return. */
void arch_task_entry(struct task *task, void (*entry)(void));
/* `child` becomes as the calling task's program at this moment, with result 0, and on stack `sp` unless
 * that is 0. */
void arch_task_fork(struct task *child, const struct task *parent, uint64_t sp);
/* Thread data as clone() names it: an address, or of a descriptor in the calling program. 0, -EFAULT or -EINVAL. */
int arch_task_set_tls(struct task *task, uint64_t tls);
/* The calling task starts a new program: registers, FPU and TLS as a program finds them at its start. */
void arch_task_exec(struct task *task, uint64_t pc, uint64_t sp);
/* Saves `previous`, sets struct cpu.task and continues `next`; returns when `previous` is continued.
 * => interrupts are off; the address space was switched before. */
void arch_switch(struct task *previous, struct task *next);
/* Leaves to the program in current->regs, by way of finish_return(). */
void arch_return_to_user(void) __attribute__((noreturn));

/* --- signals ---------------------------------------------------------------------------------- */

/* Writes a signal frame where signal_frame_top() says (kern/signal.h) and points the registers at the
 * handler. `mask`: what sigreturn restores. 0 or -EFAULT: no room for it, nothing is changed. */
int arch_signal_frame(int signal, const struct sigaction *action, const struct siginfo *info, uint64_t mask);
/* rt_sigreturn: restores registers, FPU and alternate stack from the frame; *out_mask. 0 or -EFAULT. */
int arch_signal_return(uint64_t *out_mask);
/* The least stack a handler needs, for AT_MINSIGSTKSZ. */
uint64_t arch_signal_frame_bytes(void);

/* --- reports ---------------------------------------------------------------------------------- */

uint64_t arch_hwcap(void);  /* AT_HWCAP */
uint64_t arch_hwcap2(void); /* AT_HWCAP2 */
/* The lines of /proc/cpuinfo about one CPU. Returns their length, below `size`. */
size_t arch_cpuinfo(unsigned cpu, char *buffer, size_t size);

/* The callers of what `regs` interrupted (kern/oops.h). Any context. */
void arch_call_trace(const struct regs *regs, struct call_trace *out_trace);
/* Prints the report of an oops, the `number`th, as Linux words it. Any context. */
void arch_oops_report(const struct oops *what, const struct call_trace *trace, unsigned number);
/* Prints what Linux logs of a program that dies of a fault. `where`: "" or " in FILE[START+LENGTH]". */
void arch_user_fault_report(const struct quire_trap *trap, const char *where);

/* Deliberate bugs for extras/provoke.c: jumps to address 0, with a return address that is none; pushes
 * until the stack has no room left. */
void arch_wild_jump(void) __attribute__((noreturn));
void arch_overflow_stack(void) __attribute__((noreturn));

#endif
