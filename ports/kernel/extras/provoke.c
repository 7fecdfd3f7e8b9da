/* SPDX-License-Identifier: MIT */
/* Deliberate kernel bugs, to test how the kernel handles an oops.
 *
 *   echo "null-write mutex" >/proc/provoke-crash      root's alone; reading it lists the words
 *
 * A context says what the task holds while it happens. Where nothing is held that others need, only the task
 * ends. The default, `return`, is on the way back to the program, where nothing is held. */
#include "kern/oops.h"
#include "kern/process.h"

/* Hides the address from the compiler, which would warn or drop the access. */
static void *hidden(uint64_t address)
{
	__asm__ volatile("" : "+r"(address));
	return (void *)(uintptr_t)address;
}

static void null_read(void)
{
	(void)*(volatile uintptr_t *)hidden(0x10);
}

static void null_write(void)
{
	*(volatile uintptr_t *)hidden(8) = 1;
}

static void null_call(void)
{
	((void (*)(void))hidden(0))();
	__asm__ volatile(""); /* prevents a tail call: the trace must show this function */
}

/* A jump to no code, with no valid return address on the stack. */
static void wild_jump(void)
{
	arch_wild_jump();
}

static void stack_overflow(void)
{
	arch_overflow_stack();
}

/* Memory of the program, without saying so: a fault where the CPU keeps the kernel from it. */
static void user_read(void)
{
	(void)*(volatile uintptr_t *)hidden(current->process->start_stack);
}

static void rodata_write(void)
{
	static const char constant[] = "constant";

	*(volatile char *)hidden((uintptr_t)constant) = 'C';
}

/* An address that no mapping has. */
static void wild_read(void)
{
	(void)*(volatile uintptr_t *)hidden((uint64_t)1 << (8 * sizeof(void *) - 1));
}

static void invalid_opcode(void)
{
	__builtin_trap();
}

/* The library gets a bad buffer, and writes to it under the mm lock. */
static void library_write(void)
{
	(void)!quire_mincore(current->mm, ALIGN_DOWN(current->process->start_stack, PAGE_SIZE), PAGE_SIZE,
			     hidden(8));
}

/* No mistake: the first touch of a kernel mapping, at its end, where no address space has been. Where user and kernel
 * have a root each, no fault brings a kernel page. */
#define MAPPING_MOST 0x8000 /* pages */
#define MAPPING_STEP 0x400

static void kernel_mapping(void)
{
	bool lazy = !(quire_system_arch(the_system)->caps & QUIRE_CAP_SPLIT_ROOT);
	uint64_t pages = lazy ? MAPPING_MOST : 1;
	quire_va va = 0;

	while (pages && quire_kmap(the_system, pages, QUIRE_PROT_READ | QUIRE_PROT_WRITE,
				   lazy ? QUIRE_KMAP_LAZY : QUIRE_KMAP_EAGER, &va))
		pages -= MIN(pages, (uint64_t)MAPPING_STEP);
	if (!pages)
		return;
	*(volatile char *)hidden(va + (pages - 1) * PAGE_SIZE) = 1;
	BUG_ON(quire_kunmap(the_system, va) != QUIRE_OK);
}

/* --- while the task holds something ----------------------------------------------------------- */

static void on_return(void (*mistake)(void))
{
	current->provoked = mistake;
	__atomic_or_fetch(&current->work, WORK_PROVOKED, __ATOMIC_SEQ_CST);
}

static void at_once(void (*mistake)(void))
{
	mistake();
}

static void under_spinlock(void (*mistake)(void))
{
	static struct spinlock lock;

	spin_lock(&lock);
	mistake();
	spin_unlock(&lock);
}

static void with_irqs_off(void (*mistake)(void))
{
	arch_irq_off();
	mistake();
	arch_irq_on();
}

static void with_mutex(void (*mistake)(void))
{
	static struct mutex mutex = MUTEX_INIT(mutex);

	mutex_lock(&mutex);
	mistake();
	mutex_unlock(&mutex);
}

static const struct {
	const char *name;
	void (*mistake)(void);
} mistakes[] = {
    {"null-read", null_read},         {"null-write", null_write},         {"null-call", null_call},
    {"wild-jump", wild_jump},         {"stack-overflow", stack_overflow}, {"user-read", user_read},
    {"rodata-write", rodata_write},   {"wild-read", wild_read},           {"invalid-opcode", invalid_opcode},
    {"library-write", library_write}, {"kernel-mapping", kernel_mapping},
};

static void in_queue(void (*mistake)(void))
{
	static struct wait_queue queue = WAIT_QUEUE_INIT(queue);
	struct waiter waiter;

	wait_add(&queue, &waiter);
	mistake();
	wait_remove(&waiter);
}

static const struct {
	const char *name;
	void (*around)(void (*mistake)(void));
} contexts[] = {
    {"return", on_return},      {"call", at_once},     {"spinlock", under_spinlock},
    {"irq-off", with_irqs_off}, {"mutex", with_mutex}, {"queue", in_queue},
};

const char *provoke_word(unsigned n)
{
	if (n < ARRAY_SIZE(mistakes))
		return mistakes[n].name;
	n -= ARRAY_SIZE(mistakes);
	return n < ARRAY_SIZE(contexts) ? contexts[n].name : NULL;
}

int provoke(const char *words)
{
	const char *blank = strchr(words, ' ');
	size_t length = blank ? (size_t)(blank - words) : strlen(words);
	const char *context = blank ? blank + 1 : contexts[0].name;

	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		if (strlen(mistakes[i].name) != length || strncmp(mistakes[i].name, words, length) != 0)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(contexts); k++) {
			if (strcmp(contexts[k].name, context) == 0) {
				contexts[k].around(mistakes[i].mistake);
				return 0;
			}
		}
	}
	return -EINVAL;
}

void provoke_on_return(void)
{
	void (*mistake)(void) = current->provoked;

	__atomic_and_fetch(&current->work, ~(uint32_t)WORK_PROVOKED, __ATOMIC_SEQ_CST);
	mistake();
}
