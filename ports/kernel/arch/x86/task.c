/* SPDX-License-Identifier: MIT */
/* What the CPU keeps of a task: kernel stack, registers, FPU state, address space. */
#include "cpu.h"
#include "kern/lock.h"
#include "kern/sched.h"
#include "kern/task.h"
#include "kern/uaccess.h"

#define STACK_BYTES (KERNEL_STACK_PAGES * PAGE_SIZE)
#define FPU_ALIGN   64
#define PR_SET_GS   0x1001
#define PR_SET_FS   0x1002
#define PR_GET_FS   0x1003
#define PR_GET_GS   0x1004

void switch_stacks(uint64_t *save_sp, uint64_t new_sp);
void task_first(void);

/* --- kernel stacks: mapped, so that the page below is a hole; a few are kept for the next fork  */

#define STACKS_KEPT 32
static struct spinlock stack_lock;
static uint64_t stacks[STACKS_KEPT];
static unsigned stacks_count;

static uint64_t stack_alloc(void)
{
	quire_va va = 0;

	spin_lock(&stack_lock);
	if (stacks_count)
		va = stacks[--stacks_count];
	spin_unlock(&stack_lock);
	if (va)
		return va;
	if (quire_kmap(the_system, KERNEL_STACK_PAGES, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_KMAP_EAGER,
		       &va))
		return 0;
	return va;
}

static void stack_free(uint64_t stack)
{
	spin_lock(&stack_lock);
	if (stacks_count < STACKS_KEPT) {
		stacks[stacks_count++] = stack;
		stack = 0;
	}
	spin_unlock(&stack_lock);
	if (stack)
		BUG_ON(quire_kunmap(the_system, stack) != QUIRE_OK);
}

void stacks_init(void)
{
	uint64_t stack = stack_alloc();

	if (!stack)
		panic("boot: no memory for kernel stacks");
	stack_free(stack);
}

void arch_trim(void)
{
	while (stacks_count)
		BUG_ON(quire_kunmap(the_system, stacks[--stacks_count]) != QUIRE_OK);
}

int arch_task_create(struct task *task, bool user)
{
	struct arch_task *arch = &task->arch;

	arch->stack = stack_alloc();
	if (!arch->stack)
		return -ENOMEM;
	task->regs = (struct regs *)(arch->stack + STACK_BYTES) - 1;
	if (!user)
		return 0;
	arch->fpu_memory = kmalloc(cpu_features.xsave_bytes + FPU_ALIGN);
	if (!arch->fpu_memory) {
		stack_free(arch->stack);
		return -ENOMEM;
	}
	arch->fpu = (void *)ALIGN_UP((uint64_t)arch->fpu_memory, FPU_ALIGN);
	fpu_reset(arch->fpu);
	return 0;
}

void arch_task_free(struct task *task)
{
	kfree(task->arch.fpu_memory);
	if (task->arch.stack)
		stack_free(task->arch.stack);
}

/* The stack as switch_stacks() leaves one: r15, r14, r13, r12, rbp, rbx, the return address. */
void arch_task_entry(struct task *task, void (*entry)(void))
{
	uint64_t *sp = (uint64_t *)(void *)task->regs - 8;

	memset(sp, 0, 8 * sizeof(*sp));
	sp[5] = (uint64_t)entry;
	sp[6] = (uint64_t)task_first;
	task->arch.sp = (uint64_t)sp;
}

/* --- programs --------------------------------------------------------------------------------- */

static uint64_t read_fs_base(void)
{
	uint64_t base;

	if (!cpu_features.fsgsbase)
		return read_msr(MSR_FS_BASE);
	__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

static void write_fs_base(uint64_t base)
{
	if (cpu_features.fsgsbase)
		__asm__ volatile("wrfsbase %0" : : "r"(base));
	else
		write_msr(MSR_FS_BASE, base);
}

void arch_task_fork(struct task *child, const struct task *parent, uint64_t sp)
{
	*child->regs = *parent->regs;
	child->regs->rax = 0;
	child->regs->vector = 0; /* not a system call any more: nothing to restart */
	if (sp)
		child->regs->rsp = sp;
	fpu_save(parent->arch.fpu);
	memcpy(child->arch.fpu, parent->arch.fpu, cpu_features.xsave_bytes);
	child->arch.fs_base = read_fs_base();
	child->arch.gs_base = read_msr(MSR_KERNEL_GS_BASE);
}

void arch_task_set_tls(struct task *task, uint64_t tls)
{
	task->arch.fs_base = tls;
	if (task == current)
		write_fs_base(tls);
}

void arch_task_exec(struct task *task, uint64_t pc, uint64_t sp)
{
	struct regs *regs = task->regs;

	memset(regs, 0, sizeof(*regs));
	regs->rip = pc;
	regs->rsp = sp;
	regs->cs = USER_CS;
	regs->ss = USER_DS;
	regs->rflags = RFLAGS_IF | 2;
	arch_task_set_tls(task, 0);
	write_msr(MSR_KERNEL_GS_BASE, 0);
	fpu_reset(task->arch.fpu);
	fpu_restore(task->arch.fpu);
}

long arch_prctl(int code, uint64_t address)
{
	if ((code == PR_SET_FS || code == PR_SET_GS) && address >= ARCH_USER_END)
		return -EPERM;
	switch (code) {
	case PR_SET_FS:
		write_fs_base(address);
		return 0;
	case PR_SET_GS:
		write_msr(MSR_KERNEL_GS_BASE, address);
		return 0;
	case PR_GET_FS:
		return put_user(read_fs_base(), address);
	case PR_GET_GS:
		return put_user(read_msr(MSR_KERNEL_GS_BASE), address);
	default:
		return -EINVAL;
	}
}

/* --- the switch ------------------------------------------------------------------------------- */

void arch_switch_mm(struct quire_mm *mm)
{
	struct cpu *cpu = this_cpu();
	struct quire_mm *old = cpu->mm;

	if (mm == old)
		return;
	/* In between, CR3 names neither: the tables of `old` may go as soon as it is left. */
	if (old) {
		WRITE_CR(3, kernel_root_pa);
		cpu->mm = NULL;
		quire_mm_leave(old, cpu->number);
	}
	if (mm) {
		quire_pa root = quire_mm_enter(mm, cpu->number);

		cpu->mm = mm;
		WRITE_CR(3, root.v);
	}
}

void arch_switch(struct task *previous, struct task *next)
{
	struct cpu *cpu = this_cpu();

	if (previous->arch.fpu) {
		fpu_save(previous->arch.fpu);
		previous->arch.fs_base = read_fs_base();
		previous->arch.gs_base = read_msr(MSR_KERNEL_GS_BASE);
	}
	arch_switch_mm(next->mm);
	if (next->arch.fpu) {
		fpu_restore(next->arch.fpu);
		write_fs_base(next->arch.fs_base);
		write_msr(MSR_KERNEL_GS_BASE, next->arch.gs_base);
	}
	cpu->task = next;
	cpu->kernel_stack = next->arch.stack + STACK_BYTES;
	cpu_load_stacks(cpu);
	switch_stacks(&previous->arch.sp, next->arch.sp);
}

void arch_idle_wait(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}
