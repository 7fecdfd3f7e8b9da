/* SPDX-License-Identifier: MIT */
/* Windows to frames that have no linear address: two pages for each kernel stack, so that there is always one.
 *
 *   kernel mappings:  | stack 0 | hole | stack 1 | hole | ...      stack n lies n * STEP behind KMAP_BASE, or a little more
 *   windows:          | 0 | 0 | 1 | 1 | ...  | boot | boot |
 *
 * A window is its thread's: it stays where it is while the thread sleeps, and goes with it to another CPU, which
 * may remember what the window showed before. So a CPU forgets the page when a window is opened, and when it
 * continues a thread that has one open. */
#include "arch/common/window.h"
#include "cpu.h"
#include "kern/task.h"

#define STEP    ((KERNEL_STACK_PAGES + 1) * PAGE_SIZE) /* no two stacks are nearer than that */
#define WINDOWS 2
#define BOOT    (KMAP_BYTES / STEP + 1) /* of what runs on the boot stack */

_Static_assert((BOOT + 1) * WINDOWS * PAGE_SIZE <= WINDOW_BYTES, "there is room");

static uint32_t *entries;
static uint32_t boot_windows;

void windows_start(uint32_t *all)
{
	entries = all;
}

/* The first of its two. */
static unsigned first_of(const struct task *task)
{
	uintptr_t stack = task ? (uintptr_t)task->stack : 0;

	return WINDOWS * (stack ? (stack - KMAP_BASE) / STEP : BOOT);
}

static uint32_t *open_of(struct task *task)
{
	return task ? &task->arch.windows : &boot_windows;
}

static uintptr_t window_at(unsigned n)
{
	return WINDOW_BASE + n * PAGE_SIZE;
}

void *arch_frame_map(quire_pfn pfn)
{
	struct task *task = current;
	uint32_t *open = open_of(task);
	unsigned n = first_of(task) + *open;

	BUG_ON(*open == WINDOWS);
	++*open;
	entries[n] = window_entry(pfn);
	window_changed(window_at(n));
	return (void *)window_at(n);
}

void arch_frame_unmap(void *address)
{
	struct task *task = current;
	unsigned n = first_of(task) + --*open_of(task);

	BUG_ON((uintptr_t)address != window_at(n));
	entries[n] = 0;
	window_changed(window_at(n));
}

void windows_switch(const struct task *next)
{
	for (unsigned i = 0; i < next->arch.windows; i++)
		window_changed(window_at(first_of(next) + i));
}
