/* SPDX-License-Identifier: MIT */
/* What the CPU keeps of a task: kernel stack, registers, FPU state, segments of thread data, address space. */
#include "arch/common/window.h"
#include "cpu.h"
#include "kern/sched.h"
#include "abi/functions.h"
#include "kern/task.h"
#include "kern/uaccess.h"
#include "port/system.h"

#define FPU_ALIGN 64

void switch_stacks(uint32_t *save_sp, uint32_t new_sp);
void task_first(void);

int arch_task_create(struct task *task, bool user)
{
	struct arch_task *arch = &task->arch;

	if (task->stack + STACK_BYTES > KMAP_BASE + STACKS_BYTES)
		return -ENOMEM;
	task->regs = (struct regs *)(uintptr_t)(task->stack + STACK_BYTES) - 1;
	if (!user)
		return 0;
	arch->fpu_memory = kmalloc(cpu_features.xsave_bytes + FPU_ALIGN);
	if (!arch->fpu_memory)
		return -ENOMEM;
	arch->fpu = (void *)ALIGN_UP((uintptr_t)arch->fpu_memory, FPU_ALIGN);
	fpu_reset(arch->fpu);
	return 0;
}

void arch_task_free(struct task *task)
{
	kfree(task->arch.fpu_memory);
}

/* The stack as switch_stacks() leaves one: edi, esi, ebp, ebx, the return address. */
void arch_task_entry(struct task *task, void (*entry)(void))
{
	uint32_t *sp = (uint32_t *)(void *)task->regs - 6;

	memset(sp, 0, 6 * sizeof(*sp));
	sp[3] = (uintptr_t)entry;
	sp[4] = (uintptr_t)task_first;
	task->arch.sp = (uintptr_t)sp;
}

/* --- programs --------------------------------------------------------------------------------- */

void arch_task_fork(struct task *child, const struct task *parent, uint64_t sp)
{
	*child->regs = *parent->regs;
	child->regs->ax = 0;
	child->regs->vector = 0; /* not a system call any more: nothing to restart */
	if (sp)
		child->regs->sp = (uint32_t)sp;
	fpu_save(parent->arch.fpu);
	memcpy(child->arch.fpu, parent->arch.fpu, cpu_features.xsave_bytes);
	memcpy(child->arch.tls, parent->arch.tls, sizeof(child->arch.tls));
	child->arch.gs = read_gs();
}

void arch_task_exec(struct task *task, uint64_t pc, uint64_t sp)
{
	struct regs *regs = task->regs;

	memset(regs, 0, sizeof(*regs));
	regs->ip = (uint32_t)pc;
	regs->sp = (uint32_t)sp;
	regs->cs = USER_CS;
	regs->ds = regs->es = regs->ss = USER_DS;
	regs->flags = FLAGS_IF | 2;
	load_gs(0);
	memset(task->arch.tls, 0, sizeof(task->arch.tls));
	arch_irq_off();
	cpu_load_tls(task->arch.tls);
	arch_irq_on();
	fpu_reset(task->arch.fpu);
	fpu_restore(task->arch.fpu);
}

/* --- segments of thread data ------------------------------------------------------------------ */

/* asm/ldt.h: struct user_desc. */
struct user_desc {
	uint32_t entry, base, limit, flags;
};
enum {
	DESC_32BIT = 1,
	DESC_CONTENTS = 6, /* 0: data; 2: data that grows down; else code */
	DESC_CODE = 4,
	DESC_READ_ONLY = 8,
	DESC_IN_PAGES = 0x10,
	DESC_NOT_PRESENT = 0x20,
	DESC_USEABLE = 0x40,
	DESC_FLAGS = 0x7f
};

/* As the C library clears an entry, or all zero. */
static bool is_empty(const struct user_desc *d)
{
	uint32_t flags = d->flags & DESC_FLAGS;

	return !d->base && !d->limit && (!flags || flags == (DESC_READ_ONLY | DESC_NOT_PRESENT));
}

/* SDM volume 3, 3.4.5: a data segment of programs, accessed. */
static uint64_t descriptor_of(const struct user_desc *d)
{
	uint64_t base = d->base, access = 0xf1;

	if (is_empty(d))
		return 0;
	access |= (d->flags & DESC_CONTENTS) << 1;
	if (!(d->flags & DESC_READ_ONLY))
		access |= 2;
	return (d->limit & 0xffff) | (base & 0xffffff) << 16 | access << 40 |
	       (uint64_t)(d->limit >> 16 & 15) << 48 | (d->flags & DESC_USEABLE ? 1ull << 52 : 0) |
	       1ull << 54 | (d->flags & DESC_IN_PAGES ? 1ull << 55 : 0) | (base >> 24) << 56;
}

static struct user_desc desc_of(unsigned entry, uint64_t descriptor)
{
	struct user_desc d = {.entry = entry, .flags = DESC_READ_ONLY | DESC_NOT_PRESENT};

	if (!descriptor)
		return d;
	d.base = (uint32_t)(descriptor >> 16 & 0xffffff) | (uint32_t)(descriptor >> 56) << 24;
	d.limit = (uint32_t)(descriptor & 0xffff) | (uint32_t)(descriptor >> 32 & 0xf0000);
	d.flags = DESC_32BIT | ((uint32_t)(descriptor >> 41) & DESC_CONTENTS) |
		  (descriptor >> 41 & 1 ? 0 : DESC_READ_ONLY) | (descriptor >> 55 & 1 ? DESC_IN_PAGES : 0) |
		  (descriptor >> 52 & 1 ? DESC_USEABLE : 0);
	return d;
}

/* Sets what `from` says; *out_entry: which. An entry of -1 is a free one, if `any`. */
static int set_tls(struct task *task, uint64_t from, bool any, uint32_t *out_entry)
{
	struct user_desc d;
	unsigned i;

	if (copy_from_user(&d, from, sizeof(d)))
		return -EFAULT;
	if (!is_empty(&d) && (!(d.flags & DESC_32BIT) || d.flags & (DESC_CODE | DESC_NOT_PRESENT)))
		return -EINVAL;
	if (d.entry == UINT32_MAX && any) {
		for (i = 0; i < TLS_ENTRIES && task->arch.tls[i]; i++)
			;
		if (i == TLS_ENTRIES)
			return -ESRCH;
	} else {
		i = d.entry - TLS_FIRST;
		if (i >= TLS_ENTRIES)
			return -EINVAL;
	}
	task->arch.tls[i] = descriptor_of(&d);
	*out_entry = TLS_FIRST + i;
	return 0;
}

int arch_task_set_tls(struct task *task, uint64_t tls)
{
	uint32_t entry;

	return set_tls(task, tls, false, &entry);
}

long sys_set_thread_area(const abi_ulong *a)
{
	uint32_t entry;
	int result = set_tls(current, a[0], true, &entry);

	if (result)
		return result;
	arch_irq_off();
	cpu_load_tls(current->arch.tls);
	load_gs(read_gs()); /* it may name what has changed */
	arch_irq_on();
	return put_user(entry, a[0]);
}

long sys_get_thread_area(const abi_ulong *a)
{
	struct user_desc d;
	uint32_t entry;

	if (get_user(entry, a[0]))
		return -EFAULT;
	if (entry - TLS_FIRST >= TLS_ENTRIES)
		return -EINVAL;
	d = desc_of(entry, current->arch.tls[entry - TLS_FIRST]);
	return copy_to_user(a[0], &d, sizeof(d));
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
		previous->arch.gs = read_gs();
	}
	cpu->task = next;
	if (next->arch.fpu) {
		fpu_restore(next->arch.fpu);
		cpu_load_tls(next->arch.tls);
		load_gs(next->arch.gs);
	}
	windows_switch(next);
	cpu->arch.tss->esp0 = (uint32_t)(next->stack + STACK_BYTES);
	switch_stacks(&previous->arch.sp, (uint32_t)next->arch.sp);
}

void arch_idle_wait(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}
