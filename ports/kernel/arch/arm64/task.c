/* SPDX-License-Identifier: MIT */
/* What the CPU keeps of a task: kernel stack, registers, SIMD state, address space. */
#include "cpu.h"
#include "kern/sched.h"
#include "kern/task.h"

void switch_stacks(uint64_t *save_sp, uint64_t new_sp);
void task_first(void);

int arch_task_create(struct task *task, bool user)
{
	task->regs = (struct regs *)(task->stack + STACK_BYTES) - 1;
	task->regs->syscall = NO_SYSCALL;
	task->arch.program = user;
	return 0;
}

void arch_task_free(struct task *task)
{
}

/* The stack as switch_stacks() leaves one: x29, x30, x19 to x28. */
void arch_task_entry(struct task *task, void (*entry)(void))
{
	uint64_t *sp = (uint64_t *)(void *)task->regs - 12;

	memset(sp, 0, 12 * sizeof(*sp));
	sp[1] = (uint64_t)task_first;
	sp[2] = (uint64_t)entry;
	task->arch.sp = (uint64_t)sp;
}

/* --- programs --------------------------------------------------------------------------------- */

void arch_task_fork(struct task *child, const struct task *parent, uint64_t sp)
{
	*child->regs = *parent->regs;
	child->regs->x[0] = 0;
	child->regs->syscall = NO_SYSCALL; /* nothing to restart */
	if (sp)
		child->regs->sp = sp;
	fpsimd_save(&child->arch.fpsimd);
	child->arch.tls = READ_REG(tpidr_el0);
}

static void set_tls(struct task *task, uint64_t tls)
{
	task->arch.tls = tls;
	if (task == current)
		WRITE_REG(tpidr_el0, tls);
}

int arch_task_set_tls(struct task *task, uint64_t tls)
{
	set_tls(task, tls);
	return 0;
}

void arch_task_exec(struct task *task, uint64_t pc, uint64_t sp)
{
	struct regs *regs = task->regs;

	memset(regs, 0, sizeof(*regs));
	regs->pc = pc;
	regs->sp = sp;
	regs->syscall = NO_SYSCALL;
	set_tls(task, 0);
	memset(&task->arch.fpsimd, 0, sizeof(task->arch.fpsimd));
	fpsimd_load(&task->arch.fpsimd);
}

/* --- the switch ------------------------------------------------------------------------------- */

void arch_switch(struct task *previous, struct task *next)
{
	struct cpu *cpu = this_cpu();

	if (previous->arch.program) {
		fpsimd_save(&previous->arch.fpsimd);
		previous->arch.tls = READ_REG(tpidr_el0);
	}
	if (next->arch.program) {
		fpsimd_load(&next->arch.fpsimd);
		WRITE_REG(tpidr_el0, next->arch.tls);
	}
	cpu->task = next;
	cpu->arch.kernel_stack = next->stack ? next->stack + STACK_BYTES : (uint64_t)boot_stack_top;
	switch_stacks(&previous->arch.sp, next->arch.sp);
}

void arch_idle_wait(void)
{
	__asm__ volatile("dsb sy\n\twfi\n\tmsr daifclr, #2\n\tisb\n\tmsr daifset, #2" : : : "memory");
}
