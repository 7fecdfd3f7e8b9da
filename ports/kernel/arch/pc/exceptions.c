/* SPDX-License-Identifier: MIT */
/* Exceptions and interrupts on their way from entry.S to the kernel, and back. */
#include "arch/common/fixup.h"
#include "cpu.h"
#include "port/fault.h"
#include "kern/oops.h"
#include "kern/entry.h"
#include "kern/signal.h"
#include "port/system.h"

/* SIGFPE's code from the x87 status or MXCSR: the lowest exception that is not masked. */
static int float_code(bool sse)
{
	uint8_t *area = current->arch.fpu;
	unsigned pending;

	fpu_save(area);
	if (sse) {
		uint32_t mxcsr = *(uint32_t *)(void *)(area + 24);

		pending = mxcsr & ~(mxcsr >> 7) & 0x3f;
	} else {
		pending = *(uint16_t *)(void *)(area + 2) & ~*(uint16_t *)(void *)area & 0x3f;
	}
	if (pending & 1)
		return 7; /* FPE_FLTINV */
	if (pending & 4)
		return 3; /* FPE_FLTDIV */
	if (pending & 8)
		return 4; /* FPE_FLTOVF */
	if (pending & (2 | 16))
		return 5;            /* FPE_FLTUND */
	return pending & 32 ? 6 : 0; /* FPE_FLTRES */
}

/* An exception of a program that is no page fault: its signal, as Linux sends it. */
static void user_exception(struct regs *regs)
{
	current->arch.trap_number = regs->vector;
	current->arch.error_code = regs->error;
	switch (regs->vector) {
	case 0:
		force_signal(SIGFPE, 1, regs->ip);
		break;
	case 1:
		force_signal(SIGTRAP, 2, regs->ip);
		break;
	case 3:
		force_signal(SIGTRAP, SI_KERNEL, 0);
		break;
	case 6:
		force_signal(SIGILL, 2, regs->ip);
		break;
	case 11:
	case 12:
		force_signal(SIGBUS, SI_KERNEL, 0);
		break;
	case 16:
		force_signal(SIGFPE, float_code(false), regs->ip);
		break;
	case 17:
		force_signal(SIGBUS, 1, 0);
		break;
	case 19:
		force_signal(SIGFPE, float_code(true), regs->ip);
		break;
	default:
		force_signal(SIGSEGV, SI_KERNEL, 0);
		break;
	}
}

static void kernel_exception(struct regs *regs)
{
	uint64_t next = arch_fixup(regs->ip);

	/* #GP, #NP: a non-canonical address of a program in a user copy, or IRET to one; its segment selectors. */
	if ((regs->vector == 11 || regs->vector == 13) && next) {
		arch_regs_set_pc(regs, next);
		return;
	}
	oops(&(struct oops){.regs = regs});
}

static void interrupt(const struct regs *regs)
{
	struct cpu *cpu = this_cpu();

	cpu->in_interrupt++;
	switch (regs->vector) {
	case VECTOR_TIMER:
		apic_end();
		timer_interrupt(regs_from_user(regs));
		break;
	case VECTOR_SERIAL:
		apic_end();
		serial_interrupt();
		break;
	case VECTOR_FLUSH:
		apic_end();
		flush_poll();
		break;
	case VECTOR_SPURIOUS:
		break;
	default: /* VECTOR_KICK: the sender has set the work to do */
		apic_end();
		break;
	}
	cpu->in_interrupt--;
}

/* The last steps on the way to a program. IRET to an address that is not canonical would fault here, in the
 * kernel; the program gets the signal that the jump would have given it. A handler's address may be another. */
void leave_to_program(void)
{
	finish_return();
	while (!is_canonical(current->regs->ip)) {
		arch_irq_on();
		current->arch.trap_number = VECTOR_PROTECTION;
		current->arch.error_code = 0;
		force_signal(SIGSEGV, SI_KERNEL, 0);
		finish_return();
	}
}

void trap(struct regs *regs)
{
	bool user = regs_from_user(regs);

	if (user)
		current->regs = regs;
	if (regs->vector >= 32) {
		interrupt(regs);
	} else if (user) {
		arch_irq_on();
		user_exception(regs);
	} else {
		kernel_exception(regs);
	}
	if (user)
		leave_to_program();
}

static void __attribute__((noinline)) signal_of_fault(const struct quire_trap *fault)
{
	current->arch.trap_number = VECTOR_PAGE_FAULT;
	/* Whether something is mapped at an address that is not the program's is not told. */
	current->arch.error_code = fault->syndrome | (fault->address >= user_end ? PAGE_FAULT_PRESENT : 0);
	current->arch.cr2 = fault->address;
	fault_signal();
}

/* #PF: SDM volume 3, 4.7. CR2 is read (read_cr2) before anything else can fault. */
void page_fault(struct regs *regs)
{
	bool user = regs_from_user(regs);
	struct quire_trap fault = {
	    .vector = QUIRE_VECTOR_PAGE_FAULT,
	    .mode = user ? QUIRE_MODE_USER : QUIRE_MODE_KERNEL,
	    .syndrome = regs->error,
	    .address = READ_CR(2),
	    .pc = regs->ip,
	    .sp = (quire_va)arch_regs_sp(regs),
	    .context = 0,
	};

	if (!user) {
		fault_in_kernel(regs, &fault);
		return;
	}
	/* The tables of descriptors are the kernel's, so this was the program. An emulator of a CPU may say
	 * otherwise: that of QEMU 7.2 does, when a far return reads the stack. */
	if (fault.address < user_end)
		fault.syndrome |= PAGE_FAULT_USER;
	current->regs = regs;
	arch_irq_on();
	if (!fault_resolve(&fault))
		signal_of_fault(&fault);
	leave_to_program();
}

void arch_return_to_user(void)
{
	leave_to_program();
	load_registers(current->regs);
}

extern const uint64_t fixup_start[][2], fixup_end[][2];

uint64_t arch_fixup(uint64_t pc)
{
	return fixup_find(fixup_start, fixup_end, pc);
}
