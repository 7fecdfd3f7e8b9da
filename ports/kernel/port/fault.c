/* SPDX-License-Identifier: MIT */
/* Passes a trap to the library and acts on the outcome: the core of a port. */
#include "port/fault.h"

#include "kern/oom.h"
#include "kern/oops.h"
#include "kern/process.h"
#include "abi/functions.h"

static void format_steps(const struct quire_trace *trace, char *line, size_t size)
{
	unsigned steps = MIN(trace->steps_total, QUIRE_CONFIG_TRACE_STEPS);
	size_t at = 0;

	line[0] = '\0';
	for (unsigned i = 0; i < steps && at + 40 < size; i++)
		at += (size_t)ksnprintf(line + at, size - at, " %s",
					quire_step_name((enum quire_step)trace->steps[i]));
}

static __attribute__((noinline)) struct quire_outcome resolve_traced(const struct quire_trap *trap,
								     struct quire_mm *mm)
{
	struct quire_trace trace;
	struct quire_outcome outcome = quire_handle_trap(the_system, mm, trap, &trace);

	fault_trace_put(&trace);
	return outcome;
}

static inline struct quire_outcome resolve(const struct quire_trap *trap, struct quire_mm *mm)
{
	if (__builtin_expect(fault_trace_on, false))
		return resolve_traced(trap, mm);
	return quire_handle_trap(the_system, mm, trap, NULL);
}

static inline void count(struct task *task, struct quire_outcome outcome)
{
	if (outcome.major)
		task->usage.major++;
	else if (outcome.counted)
		task->usage.minor++;
}

/* The signal to send when fault_resolve() returns false: a thread has one at a time. */
static void note_signal(const struct quire_outcome *outcome)
{
	current->fault_signal = outcome->signal;
	current->fault_code = outcome->code;
	current->fault_address = outcome->va;
}

/* Every outcome but a plain resume. */
static bool __attribute__((noinline))
resolve_other(const struct quire_trap *trap, const struct quire_outcome *outcome)
{
	switch (outcome->kind) {
	case QUIRE_SIGNAL:
		note_signal(outcome);
		if (outcome->signal == SIGSEGV)
			log_segfault(trap);
		return false;
	case QUIRE_OOM_KILL:
		if (outcome->signal) { /* a profile that kills the faulting task */
			printk("quire-kernel: out of memory: %s (%d) is killed\n", current->comm,
			       current->tid);
			process_exit(SIGKILL);
		}
		out_of_memory(outcome->rule);
		return true; /* the access is repeated, or this task is ended on its way back */
	case QUIRE_NOT_OURS:
		note_signal(&(struct quire_outcome){.signal = SIGSEGV});
		return false;
	case QUIRE_OOPS: /* no table of the library says this of a user fault */
		oops(&(struct oops){.regs = current->regs, .trap = trap});
	default:
		panic("fault at %" PRIx64 " of %s at pc %" PRIx64 ": outcome %s, rule %s",
		      (uint64_t)trap->address, current->comm, (uint64_t)trap->pc,
		      quire_outcome_name(outcome->kind), quire_step_name(outcome->rule));
	}
}

bool fault_resolve(const struct quire_trap *trap)
{
	struct task *task = current;
	struct quire_outcome outcome = resolve(trap, task->mm);

	count(task, outcome);
	return __builtin_expect(outcome.kind == QUIRE_RESUME, true) || resolve_other(trap, &outcome);
}

void fault_describe(const struct quire_trap *trap, struct fault_words *out)
{
	struct quire_trace trace;
	struct quire_outcome again = quire_handle_trap(the_system, current->mm, trap, &trace);

	out->lines[0] = out->steps[0] = '\0';
	quire_fault_describe(quire_system_arch(the_system), quire_system_profile(the_system), &trace.fault,
			     out->lines, sizeof(out->lines));
	/* The same trap again gives the same outcome, this time with its steps. */
	if (again.kind == QUIRE_OOPS)
		format_steps(&trace, out->steps, sizeof(out->steps));
}

void fault_signal(void)
{
	force_signal(current->fault_signal, current->fault_code, current->fault_address);
}

/* A copy found no frame: it is retried while an OOM victim exits. The victim may wait for a mutex that
 * this task holds; so with a mutex held the copy fails (its fixup) after a while. For a task that is to
 * die it fails at once. */
#define OOM_PATIENCE_NS (2 * NSEC_PER_SEC)

static uint64_t copy_without_memory(const struct quire_trap *trap, const struct quire_outcome *outcome)
{
	struct task *task = current;
	uint64_t now = time_monotonic(), next = arch_fixup(trap->pc);

	if (!task->oom_since)
		task->oom_since = now;
	if (!outcome->signal)
		out_of_memory(outcome->rule);
	if (!next ||
	    (!fatal_signal_pending(task) && (!task->mutexes || now - task->oom_since < OOM_PATIENCE_NS)))
		return trap->pc;
	task->oom_since = 0;
	return next;
}

/* A page that the OOM killer took is there again, and is zero: the copy fails. Its task is to die anyway. */
static uint64_t after_copy_fault(struct task *task, uint64_t pc)
{
	uint64_t next = 0;

	task->oom_since = 0;
	if (task->process && __atomic_load_n(&task->process->reaped, __ATOMIC_ACQUIRE))
		next = arch_fixup(pc);
	return next ? next : pc;
}

static uint64_t resolve_in_kernel(const struct quire_trap *trap, const struct regs *regs)
{
	struct task *task = current;
	struct quire_outcome outcome = resolve(trap, task ? task->mm : NULL);

	if (task)
		count(task, outcome);
	switch (outcome.kind) {
	case QUIRE_RESUME:
		return task ? after_copy_fault(task, trap->pc) : trap->pc;
	case QUIRE_FIXUP:
		return outcome.pc;
	case QUIRE_OOM_KILL:
		return copy_without_memory(trap, &outcome);
	default: /* QUIRE_OOPS: the library gives no other outcome for an access of the kernel */
		oops(&(struct oops){.regs = regs, .trap = trap});
	}
}

void fault_in_kernel(struct regs *regs, struct quire_trap *trap)
{
	const struct cpu *cpu = this_cpu();

	if (!current || current->pagefault_off || cpu->irq_depth || cpu->in_interrupt)
		trap->context |= QUIRE_CTX_ATOMIC;
	if (arch_regs_irqs_on(regs))
		arch_irq_on();
	else
		trap->context |= QUIRE_CTX_INTERRUPTS_OFF;
	arch_regs_set_pc(regs, resolve_in_kernel(trap, regs));
}
