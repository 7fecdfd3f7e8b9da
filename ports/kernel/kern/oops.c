/* SPDX-License-Identifier: MIT */
/* An oops: what the kernel does about a fault of its own that has no fixup. */
#include "kern/oops.h"
#include "port/fault.h"
#include "kern/process.h"
#include "kern/boot.h"

#define NO_CPU ~0u

static struct spinlock report_lock; /* the lines of two CPUs do not mix */
static unsigned reporter = NO_CPU;  /* the CPU that holds it; atomic */
static unsigned total;              /* atomic */

unsigned oops_count(void)
{
	return __atomic_load_n(&total, __ATOMIC_RELAXED);
}

/* Why the machine must end instead of the task: what other tasks would wait for without end. NULL: nothing.
 * References of the task (open files, memory) leak, but no task waits for them. */
static const char *must_panic(const struct regs *regs, const struct call_trace *trace)
{
	const struct cpu *cpu = this_cpu();
	const struct task *task = current;

	if (cpu->in_interrupt)
		return "in an interrupt";
	if (cpu->irq_depth)
		return "under a spinlock";
	if (!task || !task->process || task == cpu->idle)
		return "in the idle task";
	if (task->process == init_process)
		return "in init";
	if (!arch_regs_irqs_on(regs))
		return "with interrupts off";
	if (task->exiting)
		return "in the end of a task";
	if (task->mutexes)
		return "with a mutex held";
	if (task->queued || task->state != TASK_RUNNABLE)
		return "in a wait queue";
	if (trace->library)
		return "inside the library, whose locks may be held";
	return trace->whole ? NULL : "with callers that are not known";
}

/* --- lines of the report ---------------------------------------------------------------------- */

void oops_head_lines(const struct oops *what)
{
	const char *line = what->head;

	while (line) {
		const char *end = strchr(line, '\n');

		if (end)
			printk("%.*s\n", (int)(end - line), line);
		else
			printk("%s\n", line);
		line = end ? end + 1 : NULL;
	}
}

void oops_task_line(void)
{
	const struct task *task = current;

	printk("CPU: %u UID: %u PID: %d Comm: %s Not tainted " KERNEL_RELEASE " #1\n", arch_cpu(),
	       task && task->process ? task->process->cred.euid : 0, task ? task->tid : 0,
	       task ? task->comm : "boot");
}

void oops_trace_lines(const struct call_trace *trace)
{
	printk("Call Trace:\n <TASK>\n");
	for (unsigned i = 0; i < trace->count; i++)
		printk(" 0x%" PRIx64 "\n", trace->pc[i]);
	if (!trace->whole)
		printk(" ? the rest is not known\n");
	printk(" </TASK>\n");
}

void oops_end_lines(const struct oops *what)
{
	if (what->steps)
		printk("quire: by the rules of %s:%s\n", quire_system_profile(the_system)->name, what->steps);
	printk("---[ end trace 0000000000000000 ]---\n");
}

void format_code(char *line, size_t size, const uint8_t *code, unsigned count, unsigned mark)
{
	size_t at = 0;

	for (unsigned i = 0; i < count; i++)
		at += (size_t)ksnprintf(line + at, size - at, i == mark ? " <%02x>" : " %02x", code[i]);
}

/* --- the oops --------------------------------------------------------------------------------- */

void oops(struct oops *what)
{
	struct fault_words words;
	char value[8];
	struct call_trace trace;
	const char *reason;

	if (__atomic_load_n(&reporter, __ATOMIC_RELAXED) == arch_cpu())
		panic("an oops in the report of an oops");
	arch_call_trace(what->regs, &trace);
	reason = must_panic(what->regs, &trace);
	if (what->trap) {
		fault_describe(what->trap, &words);
		what->head = words.lines;
		what->steps = words.steps;
	}
	if (reason)
		log_break_lock();
	spin_lock(&report_lock);
	__atomic_store_n(&reporter, arch_cpu(), __ATOMIC_RELAXED);
	arch_oops_report(what, &trace, __atomic_add_fetch(&total, 1, __ATOMIC_RELAXED));
	__atomic_store_n(&reporter, NO_CPU, __ATOMIC_RELAXED);
	spin_unlock(&report_lock);
	if (reason)
		panic("Fatal exception %s", reason);
	if (boot_option("oops", value, sizeof(value)) && strcmp(value, "panic") == 0)
		panic("Fatal exception, and oops=panic");
	current->pagefault_off = 0;
	arch_irq_on();
	thread_exit(SIGKILL);
}

void oops_fatal(const struct oops *what, const char *why)
{
	struct call_trace trace;

	log_break_lock();
	arch_call_trace(what->regs, &trace);
	arch_oops_report(what, &trace, __atomic_add_fetch(&total, 1, __ATOMIC_RELAXED));
	panic("%s", why);
}
