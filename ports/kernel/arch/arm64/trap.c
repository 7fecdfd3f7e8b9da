/* SPDX-License-Identifier: MIT */
/* Exceptions, interrupts and system calls on their way from entry.S to the kernel, and back. */
#include "arch/common/fixup.h"
#include "cpu.h"
#include "port/fault.h"
#include "kern/oops.h"
#include "kern/entry.h"
#include "kern/signal.h"
#include "port/system.h"

_Static_assert(offsetof(struct regs, sp) == REGS_SP && offsetof(struct regs, pc) == REGS_PC &&
		   offsetof(struct regs, syscall) == REGS_SYSCALL && offsetof(struct regs, esr) == REGS_ESR &&
		   sizeof(struct regs) == REGS_BYTES,
	       "entry.S");
_Static_assert(offsetof(struct cpu, arch.kernel_stack) == CPU_KERNEL_STACK &&
		   offsetof(struct cpu, arch.fatal_stack) == CPU_FATAL_STACK &&
		   KERNEL_STACK_PAGES * PAGE_SIZE == STACK_BYTES,
	       "entry.S");
_Static_assert(offsetof(struct cpu, task) == 0 && offsetof(struct cpu, number) == 8, "machine.h");

void syscall_handler(struct regs *regs);
void user_exception(struct regs *regs);
void user_interrupt(struct regs *regs);
void kernel_exception(struct regs *regs);
void kernel_interrupt(struct regs *regs);
void trap_fatal(struct regs *regs) __attribute__((noreturn));
void trap_stack_full(struct regs *regs) __attribute__((noreturn));
void load_registers(struct regs *regs) __attribute__((noreturn));

/* Exception classes, D19.2.40. */
enum {
	EC_PC_ALIGNMENT = 0x22,
	EC_SP_ALIGNMENT = 0x26,
	EC_FLOATING_POINT = 0x2c,
	EC_BREAKPOINT = 0x3c
};

static unsigned class_of(const struct regs *regs)
{
	return regs->esr >> 26 & 0x3f;
}

/* Instruction and data aborts, from EL0 and from EL1: 0x20, 0x21, 0x24, 0x25. */
static bool is_abort(const struct regs *regs)
{
	return (class_of(regs) & ~5u) == 0x20;
}

static struct quire_trap trap_of(const struct regs *regs, enum quire_mode mode)
{
	return (struct quire_trap){
	    .vector = QUIRE_VECTOR_SYNC,
	    .mode = mode,
	    .syndrome = regs->esr,
	    .address = regs->far & 1ull << 55 ? regs->far : regs->far & ~TAG_MASK,
	    .pc = regs->pc,
	    .sp = regs->sp,
	};
}

void trap_fatal(struct regs *regs)
{
	oops_fatal(&(struct oops){.regs = regs}, "fatal exception");
}

void trap_stack_full(struct regs *regs)
{
	oops_fatal(&(struct oops){.regs = regs}, "kernel stack overflow");
}

/* --- from a program --------------------------------------------------------------------------- */

void syscall_handler(struct regs *regs)
{
	current->regs = regs;
	arch_irq_on();
	syscall_dispatch(regs);
	finish_return();
}

/* SIGFPE's code from the exception bits of the syndrome: IOF, DZF, OFF, UFF, IXF. */
static int float_code(uint64_t esr)
{
	if (esr & 1)
		return 7; /* FPE_FLTINV */
	if (esr & 2)
		return FPE_FLTDIV;
	if (esr & 4)
		return FPE_FLTOVF;
	if (esr & 8)
		return FPE_FLTUND;
	return esr & 16 ? FPE_FLTRES : 0;
}

/* An exception of a program that is no abort: its signal, as Linux sends it. What the next frame says of a fault
 * is changed by some of them. */
static void other_exception(const struct regs *regs)
{
	struct arch_task *arch = &current->arch;
	unsigned class = class_of(regs);

	switch (class) {
	case EC_PC_ALIGNMENT:
	case EC_SP_ALIGNMENT:
		arch->esr = regs->esr;
		arch->far = 0;
		force_signal(SIGBUS, BUS_ADRALN, class == EC_SP_ALIGNMENT ? regs->sp : regs->far);
		break;
	case EC_BREAKPOINT:
		force_signal(SIGTRAP, 1, regs->pc);
		break;
	case EC_FLOATING_POINT:
		force_signal(SIGFPE, float_code(regs->esr), regs->pc);
		break;
	default: /* an instruction that there is not, or that programs may not use */
		arch->esr = arch->far = 0;
		force_signal(SIGILL, 1, regs->pc);
		break;
	}
}

/* What programs learn of a kernel address is that nothing is there: the syndrome of a level 0 translation. */
static void note_syndrome(const struct quire_trap *trap)
{
	uint64_t esr = trap->syndrome;

	current->arch.far = trap->address;
	if (trap->address >= user_end)
		esr = (esr & 0xfe000040) | 4;
	current->arch.esr = esr;
}

void user_exception(struct regs *regs)
{
	struct quire_trap trap = trap_of(regs, QUIRE_MODE_USER);

	current->regs = regs;
	arch_irq_on();
	if (!is_abort(regs)) {
		other_exception(regs);
	} else if (!fault_resolve(&trap)) {
		note_syndrome(&trap);
		fault_signal();
	}
	finish_return();
}

/* --- from the kernel -------------------------------------------------------------------------- */

void kernel_exception(struct regs *regs)
{
	struct quire_trap trap = trap_of(regs, QUIRE_MODE_KERNEL);

	if (is_abort(regs))
		fault_in_kernel(regs, &trap);
	else if (arch_fixup(regs->pc))
		regs->pc = arch_fixup(regs->pc);
	else
		oops(&(struct oops){.regs = regs});
}

/* --- interrupts ------------------------------------------------------------------------------- */

void kernel_interrupt(struct regs *regs)
{
	gic_interrupt(regs_from_user(regs));
}

void user_interrupt(struct regs *regs)
{
	current->regs = regs;
	kernel_interrupt(regs);
	finish_return();
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
