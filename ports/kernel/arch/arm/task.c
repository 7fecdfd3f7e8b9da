/* SPDX-License-Identifier: MIT */
/* What the CPU keeps of a task: kernel stack, registers, SIMD state, address space. */
#include "arch/common/window.h"
#include "cpu.h"
#include "kern/sched.h"
#include "kern/task.h"

void switch_stacks(uint32_t *save_sp, uint32_t new_sp);
void task_first(void);

int arch_task_create(struct task *task, bool user)
{
	if (task->stack + STACK_BYTES > KMAP_BASE + STACKS_BYTES)
		return -ENOMEM;
	task->regs = (struct regs *)(uintptr_t)(task->stack + STACK_BYTES) - 1;
	task->regs->syscall = NO_SYSCALL;
	task->arch.program = user;
	return 0;
}

void arch_task_free(struct task *task)
{
}

/* The stack as switch_stacks() leaves one: r4 to r12, the return address. */
void arch_task_entry(struct task *task, void (*entry)(void))
{
	uint32_t *sp = (uint32_t *)(void *)task->regs - 10;

	memset(sp, 0, 10 * sizeof(*sp));
	sp[0] = (uintptr_t)entry;
	sp[9] = (uintptr_t)task_first;
	task->arch.sp = (uintptr_t)sp;
}

/* --- programs --------------------------------------------------------------------------------- */

void arch_task_fork(struct task *child, const struct task *parent, uint64_t sp)
{
	*child->regs = *parent->regs;
	child->regs->r[0] = 0;
	child->regs->syscall = NO_SYSCALL; /* nothing to restart */
	if (sp)
		child->regs->sp = (uint32_t)sp;
	vfp_save(&child->arch.vfp);
	child->arch.tls = READ_REG(TPIDRURO);
	child->arch.tls_write = READ_REG(TPIDRURW);
}

static void load_tls(const struct arch_task *arch)
{
	WRITE_REG(TPIDRURO, arch->tls);
	WRITE_REG(TPIDRURW, arch->tls_write);
}

int arch_task_set_tls(struct task *task, uint64_t tls)
{
	task->arch.tls = (uint32_t)tls;
	if (task == current)
		WRITE_REG(TPIDRURO, tls);
	return 0;
}

/* Bit 0 of the address says that Thumb code is there. */
void arch_task_exec(struct task *task, uint64_t pc, uint64_t sp)
{
	struct regs *regs = task->regs;
	struct arch_task *arch = &task->arch;

	memset(regs, 0, sizeof(*regs));
	regs->pc = (uint32_t)pc & ~1u;
	regs->sp = (uint32_t)sp;
	regs->cpsr = CPSR_USER | (pc & 1 ? CPSR_THUMB : 0);
	regs->syscall = NO_SYSCALL;
	arch->tls = arch->tls_write = 0;
	load_tls(arch);
	memset(&arch->vfp, 0, sizeof(arch->vfp));
	vfp_load(&arch->vfp);
}

/* --- the switch ------------------------------------------------------------------------------- */

void arch_switch(struct task *previous, struct task *next)
{
	struct cpu *cpu = this_cpu();

	if (previous->arch.program) {
		vfp_save(&previous->arch.vfp);
		previous->arch.tls_write = READ_REG(TPIDRURW);
	}
	if (next->arch.program) {
		vfp_load(&next->arch.vfp);
		load_tls(&next->arch);
	}
	windows_switch(next);
	cpu->task = next;
	cpu->arch.kernel_stack =
	    next->stack ? (uint32_t)next->stack + STACK_BYTES : (uintptr_t)boot_stack_top;
	switch_stacks(&previous->arch.sp, next->arch.sp);
}

void arch_idle_wait(void)
{
	__asm__ volatile("dsb\n\twfi\n\tcpsie i\n\tisb\n\tcpsid i" : : : "memory");
}
