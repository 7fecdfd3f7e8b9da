/* SPDX-License-Identifier: MIT */
/* Exceptions, interrupts and system calls on their way from entry.S to the kernel, and back. */
#include "arch/common/fixup.h"
#include "cpu.h"
#include "port/fault.h"
#include "kern/oops.h"
#include "kern/entry.h"
#include "kern/signal.h"
#include "port/system.h"

_Static_assert(offsetof(struct regs, status) == REGS_STATUS && offsetof(struct regs, cause) == REGS_CAUSE &&
		   offsetof(struct regs, value) == REGS_VALUE &&
		   offsetof(struct regs, syscall) == REGS_SYSCALL &&
		   offsetof(struct regs, first) == REGS_FIRST && sizeof(struct regs) == REGS_BYTES &&
		   REGS_BYTES % 16 == 0,
	       "entry.S");
_Static_assert(offsetof(struct cpu, arch.kernel_stack) == CPU_KERNEL_STACK &&
		   offsetof(struct cpu, arch.fatal_stack) == CPU_FATAL_STACK &&
		   offsetof(struct cpu, arch.scratch) == CPU_SCRATCH &&
		   KERNEL_STACK_PAGES * PAGE_SIZE == STACK_BYTES && STACK_BYTES == 1 << STACK_SHIFT,
	       "entry.S");
_Static_assert(offsetof(struct cpu, task) == 0 && offsetof(struct cpu, number) == 8, "machine.h");
_Static_assert(offsetof(struct fp_state, fcsr) == 256, "fp_save()");

void user_trap(struct regs *regs);
void kernel_trap(struct regs *regs);
void trap_stack_full(struct regs *regs) __attribute__((noreturn));
void load_registers(struct regs *regs) __attribute__((noreturn));

#define ILL_ILLTRP 4

static struct quire_trap trap_of(const struct regs *regs, enum quire_mode mode)
{
	return (struct quire_trap){
	    .vector = QUIRE_VECTOR_CAUSE,
	    .mode = mode,
	    .syndrome = regs->cause,
	    .address = regs->value,
	    .pc = regs->x[X_PC],
	    .sp = regs->x[X_SP],
	};
}

void trap_stack_full(struct regs *regs)
{
	oops_fatal(&(struct oops){.regs = regs}, "kernel stack overflow");
}

/* --- interrupts ------------------------------------------------------------------------------- */

static void external_interrupt(void)
{
	unsigned number;

	while ((number = plic_take()) != 0) {
		if (number == console_irq)
			console_interrupt();
		plic_end(number);
	}
}

static void interrupt(const struct regs *regs)
{
	struct cpu *cpu = this_cpu();

	cpu->in_interrupt++;
	switch (regs->cause & ~CAUSE_INTERRUPT) {
	case IRQ_TIMER:
		timer_off();
		timer_interrupt(regs_from_user(regs));
		break;
	case IRQ_SOFTWARE:
		CSR_CLEAR(sip, 1 << IRQ_SOFTWARE);
		console_message();
		break;
	case IRQ_EXTERNAL:
		external_interrupt();
		break;
	default: /* sie has no other */
		break;
	}
	cpu->in_interrupt--;
}

/* --- from a program --------------------------------------------------------------------------- */

/* An exception that is no page fault: its signal, as Linux sends it, at the instruction. */
static void other_exception(const struct regs *regs)
{
	uint64_t pc = regs->x[X_PC];

	switch (regs->cause) {
	case ILLEGAL_INSTRUCTION:
		force_signal(SIGILL, QUIRE_ILL_ILLOPC, pc);
		break;
	case BREAKPOINT:
		force_signal(SIGTRAP, QUIRE_TRAP_BRKPT, pc);
		break;
	case FETCH_MISALIGNED:
	case LOAD_MISALIGNED:
	case STORE_MISALIGNED:
		force_signal(SIGBUS, BUS_ADRALN, pc);
		break;
	case FETCH_ACCESS:
	case LOAD_ACCESS:
	case STORE_ACCESS:
		force_signal(SIGSEGV, QUIRE_SEGV_ACCERR, pc);
		break;
	default:
		force_signal(SIGILL, ILL_ILLTRP, pc);
		break;
	}
}

static void user_exception(struct regs *regs)
{
	struct quire_trap trap = trap_of(regs, QUIRE_MODE_USER);

	if (!is_page_fault(regs))
		other_exception(regs);
	else if (!fault_resolve(&trap))
		fault_signal();
}

void user_trap(struct regs *regs)
{
	current->regs = regs;
	if (regs->cause & CAUSE_INTERRUPT) {
		interrupt(regs);
	} else if (regs->cause == SYSTEM_CALL) {
		regs->x[X_PC] += 4;
		regs->syscall = regs->x[X_A7];
		arch_irq_on();
		syscall_dispatch(regs);
	} else {
		arch_irq_on();
		user_exception(regs);
	}
	finish_return();
}

/* --- from the kernel -------------------------------------------------------------------------- */

void kernel_trap(struct regs *regs)
{
	struct quire_trap trap = trap_of(regs, QUIRE_MODE_KERNEL);

	if (strays_to_user(regs) && !arch_fixup(trap.pc)) {
		trap.context = QUIRE_CTX_ATOMIC;
		oops(&(struct oops){.regs = regs, .trap = &trap});
	}
	if (regs->cause & CAUSE_INTERRUPT)
		interrupt(regs);
	else if (is_page_fault(regs))
		fault_in_kernel(regs, &trap);
	else if (arch_fixup(regs->x[X_PC]))
		regs->x[X_PC] = arch_fixup(regs->x[X_PC]);
	else
		oops(&(struct oops){.regs = regs});
}

void arch_return_to_user(void)
{
	finish_return();
	load_registers(current->regs);
}

extern const uint64_t fixup_start[][2], fixup_end[][2];

uint64_t arch_fixup(uint64_t pc)
{
	return fixup_find(fixup_start, fixup_end, pc);
}
