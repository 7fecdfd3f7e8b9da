/* SPDX-License-Identifier: MIT */
/* What the hart keeps of a task: kernel stack, registers, floating point, address space. */
#include "cpu.h"
#include "kern/sched.h"
#include "kern/task.h"
#include "port/system.h"

#define SWITCH_WORDS 14 /* what switch_stacks() pushes: ra, s0 to s11 */
#define FS_DIRTY_BIT (SSTATUS_FS & ~SSTATUS_FS_CLEAN)

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

void arch_task_entry(struct task *task, void (*entry)(void))
{
	uint64_t *sp = (uint64_t *)(void *)task->regs - SWITCH_WORDS;

	memset(sp, 0, SWITCH_WORDS * sizeof(*sp));
	sp[0] = (uint64_t)task_first;
	sp[1] = (uint64_t)entry;
	task->arch.sp = (uint64_t)sp;
}

/* --- floating point --------------------------------------------------------------------------- */

/* Privileged 3.1.6.6: the hart says Dirty when a register was written since it was told Clean. The sstatus of an
 * interrupted program may say Dirty later than that, which saves once more than needed. */
void fp_keep(void)
{
	if ((CSR_READ(sstatus) & SSTATUS_FS) == SSTATUS_FS) {
		fp_save(&current->arch.fp);
		CSR_CLEAR(sstatus, FS_DIRTY_BIT);
	}
}

void fp_restore(struct task *task)
{
	CSR_SET(sstatus, SSTATUS_FS);
	fp_load(&task->arch.fp);
	CSR_CLEAR(sstatus, FS_DIRTY_BIT);
}

/* --- programs --------------------------------------------------------------------------------- */

void arch_task_fork(struct task *child, const struct task *parent, uint64_t sp)
{
	fp_keep();
	child->arch.fp = parent->arch.fp;
	*child->regs = *parent->regs;
	child->regs->x[X_A0] = 0;
	child->regs->syscall = NO_SYSCALL; /* nothing to restart */
	if (sp)
		child->regs->x[X_SP] = sp;
}

int arch_task_set_tls(struct task *task, uint64_t tls)
{
	task->regs->x[X_TP] = tls;
	return 0;
}

void arch_task_exec(struct task *task, uint64_t pc, uint64_t sp)
{
	struct regs *regs = task->regs;

	memset(regs, 0, sizeof(*regs));
	regs->x[X_PC] = pc;
	regs->x[X_SP] = sp;
	regs->status = SSTATUS_SPIE | SSTATUS_FS_CLEAN | SSTATUS_UXL_64;
	regs->syscall = NO_SYSCALL;
	memset(&task->arch.fp, 0, sizeof(task->arch.fp));
	fp_restore(task);
}

/* --- the switch ------------------------------------------------------------------------------- */

/* All address spaces have ASID 0, and each load forgets what is not global (Privileged 4.2.1: rs2 is a register, though
 * it holds 0). So what a hart keeps of an address space that it left is nothing, and no flush needs to reach it. */
void arch_load_root(quire_pa root)
{
	uint64_t asid = 0;

	CSR_WRITE(satp, satp_of(root.v));
	__asm__ volatile("sfence.vma zero, %0" : : "r"(asid) : "memory");
}

void arch_switch(struct task *previous, struct task *next)
{
	struct cpu *cpu = this_cpu();

	if (previous->arch.program)
		fp_keep();
	if (next->arch.program)
		fp_restore(next);
	cpu->task = next;
	cpu->arch.kernel_stack = next->stack ? next->stack + STACK_BYTES : (uint64_t)boot_stack_top;
	switch_stacks(&previous->arch.sp, next->arch.sp);
}

/* WFI ends for a pending interrupt though they are off (Privileged 3.3.3). */
void arch_idle_wait(void)
{
	__asm__ volatile("wfi\n\tcsrsi sstatus, 2\n\tcsrci sstatus, 2" : : : "memory");
}
