/* SPDX-License-Identifier: MIT */
/* What the CPU keeps of a task: kernel stack, registers, FPU state, address space. */
#include "cpu.h"
#include "kern/sched.h"
#include "abi/functions.h"
#include "kern/task.h"
#include "kern/uaccess.h"
#include "port/system.h"

#define STACK_BYTES  (KERNEL_STACK_PAGES * PAGE_SIZE)
#define FPU_ALIGN    64
#define PR_SET_GS    0x1001
#define PR_SET_FS    0x1002
#define PR_GET_FS    0x1003
#define PR_GET_GS    0x1004
#define PR_GET_CPUID 0x1011
#define PR_SET_CPUID 0x1012

void switch_stacks(uint64_t *save_sp, uint64_t new_sp);
void task_first(void);

int arch_task_create(struct task *task, bool user)
{
	struct arch_task *arch = &task->arch;

	task->regs = (struct regs *)(task->stack + STACK_BYTES) - 1;
	if (!user)
		return 0;
	arch->fpu_memory = kmalloc(cpu_features.xsave_bytes + FPU_ALIGN);
	if (!arch->fpu_memory)
		return -ENOMEM;
	arch->fpu = (void *)ALIGN_UP((uint64_t)arch->fpu_memory, FPU_ALIGN);
	fpu_reset(arch->fpu);
	return 0;
}

void arch_task_free(struct task *task)
{
	kfree(task->arch.fpu_memory);
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
		child->regs->sp = sp;
	fpu_save(parent->arch.fpu);
	memcpy(child->arch.fpu, parent->arch.fpu, cpu_features.xsave_bytes);
	child->arch.fs_base = read_fs_base();
	child->arch.gs_base = read_msr(MSR_KERNEL_GS_BASE);
}

static void set_fs(struct task *task, uint64_t base)
{
	task->arch.fs_base = base;
	if (task == current)
		write_fs_base(base);
}

int arch_task_set_tls(struct task *task, uint64_t tls)
{
	set_fs(task, tls);
	return 0;
}

void arch_task_exec(struct task *task, uint64_t pc, uint64_t sp)
{
	struct regs *regs = task->regs;

	memset(regs, 0, sizeof(*regs));
	regs->ip = pc;
	regs->sp = sp;
	regs->cs = USER_CS;
	regs->ss = USER_DS;
	regs->flags = FLAGS_IF | 2;
	set_fs(task, 0);
	write_msr(MSR_KERNEL_GS_BASE, 0);
	fpu_reset(task->arch.fpu);
	fpu_restore(task->arch.fpu);
}

/* A system call of this architecture alone: the bases of FS and GS. */
long sys_arch_prctl(const abi_ulong *a)
{
	int code = (int)a[0];
	uint64_t address = a[1];

	if ((code == PR_SET_FS || code == PR_SET_GS) && address >= user_end)
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
	case PR_GET_CPUID:
		return 1; /* programs may execute it: nothing here can make it fault */
	case PR_SET_CPUID:
		return -ENODEV;
	default:
		return -EINVAL;
	}
}

/* --- the switch ------------------------------------------------------------------------------- */

void arch_load_root(quire_pa root)
{
	WRITE_CR(3, root.v);
}

void arch_switch(struct task *previous, struct task *next)
{
	struct cpu *cpu = this_cpu();

	if (previous->arch.fpu) {
		fpu_save(previous->arch.fpu);
		previous->arch.fs_base = read_fs_base();
		previous->arch.gs_base = read_msr(MSR_KERNEL_GS_BASE);
	}
	if (next->arch.fpu) {
		fpu_restore(next->arch.fpu);
		write_fs_base(next->arch.fs_base);
		write_msr(MSR_KERNEL_GS_BASE, next->arch.gs_base);
	}
	cpu->task = next;
	cpu->arch.kernel_stack = next->stack + STACK_BYTES;
	cpu_load_stacks(cpu);
	switch_stacks(&previous->arch.sp, next->arch.sp);
}

void arch_idle_wait(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}
