/* SPDX-License-Identifier: MIT */
/* Kernel stacks: kernel mappings, so that the page below each is a hole; a few are kept for the next fork. */
#include "kern/entry.h"
#include "kern/process.h"
#include "kern/swap.h"

#define STACKS_KEPT 32

static struct spinlock stack_lock;
static quire_va stacks[STACKS_KEPT];
static unsigned stacks_count;

static quire_va stack_alloc(void)
{
	unsigned tries = 0;
	quire_va va = 0;

	spin_lock(&stack_lock);
	if (stacks_count)
		va = stacks[--stacks_count];
	spin_unlock(&stack_lock);
	if (va)
		return va;
	while (quire_kmap(the_system, KERNEL_STACK_PAGES, QUIRE_PROT_READ | QUIRE_PROT_WRITE,
			  QUIRE_KMAP_EAGER, &va)) {
		if (!pages_left(tries++))
			return 0;
	}
	return va;
}

static void stack_free(quire_va stack)
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

void kstacks_make_tables(uint64_t bytes)
{
	quire_va all;

	if (quire_kmap(the_system, bytes / PAGE_SIZE, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_KMAP_LAZY,
		       &all))
		panic("boot: no memory for the tables of kernel stacks");
	BUG_ON(quire_kunmap(the_system, all) != QUIRE_OK);
}

void kstacks_init(void)
{
	quire_va stack = stack_alloc();

	if (!stack)
		panic("boot: no memory for kernel stacks");
	stack_free(stack);
}

int kstack_create(struct task *task, bool user)
{
	int result;

	task->stack = stack_alloc();
	if (!task->stack)
		return -ENOMEM;
	result = arch_task_create(task, user);
	if (result)
		stack_free(task->stack);
	return result;
}

void kstack_destroy(struct task *task)
{
	arch_task_free(task);
	if (task->stack)
		stack_free(task->stack);
}
