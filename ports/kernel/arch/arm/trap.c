/* SPDX-License-Identifier: MIT */
/* Exceptions, interrupts and system calls on their way from entry.S to the kernel, and back. */
#include "arch/common/fixup.h"
#include "cpu.h"
#include "port/fault.h"
#include "kern/oops.h"
#include "kern/entry.h"
#include "kern/signal.h"
#include "kern/uaccess.h"
#include "port/system.h"

_Static_assert(offsetof(struct regs, sp) == REGS_SP && offsetof(struct regs, pc) == REGS_PC &&
		   offsetof(struct regs, cpsr) == REGS_CPSR &&
		   offsetof(struct regs, syscall) == REGS_SYSCALL &&
		   offsetof(struct regs, first) == REGS_FIRST && sizeof(struct regs) == REGS_BYTES,
	       "entry.S");
_Static_assert(offsetof(struct cpu, arch.kernel_stack) == CPU_KERNEL_STACK &&
		   offsetof(struct cpu, arch.fatal_stack) == CPU_FATAL_STACK &&
		   KERNEL_STACK_PAGES * PAGE_SIZE == STACK_BYTES,
	       "entry.S");
_Static_assert(offsetof(struct cpu, task) == 0 && offsetof(struct cpu, number) == 4, "machine.h");

void syscall_handler(struct regs *regs);
void user_data_abort(struct regs *regs);
void user_prefetch_abort(struct regs *regs);
void user_undefined(struct regs *regs);
void user_interrupt(struct regs *regs);
void kernel_data_abort(struct regs *regs);
void kernel_prefetch_abort(struct regs *regs);
void kernel_undefined(struct regs *regs);
void kernel_interrupt(struct regs *regs);
void trap_fatal(struct regs *regs) __attribute__((noreturn));
void trap_stack_full(struct regs *regs) __attribute__((noreturn));
void load_registers(struct regs *regs) __attribute__((noreturn));

/* Fault status, B3.13.3: the bits that say which, and some of them. */
#define FSR_STATUS   0x40f
#define FSR_DEBUG    2
#define FSR_PREFETCH 0x80000000 /* Linux's own mark, in what a handler sees */

/* => the registers of the exception are as it left them: interrupts are off. */
static struct quire_trap data_trap(const struct regs *regs, enum quire_mode mode)
{
	return (struct quire_trap){
	    .vector = QUIRE_VECTOR_DATA_ABORT,
	    .mode = mode,
	    .syndrome = READ_REG(DFSR),
	    .address = READ_REG(DFAR),
	    .pc = regs->pc,
	    .sp = regs->sp,
	};
}

static struct quire_trap prefetch_trap(const struct regs *regs, enum quire_mode mode)
{
	return (struct quire_trap){
	    .vector = QUIRE_VECTOR_PREFETCH_ABORT,
	    .mode = mode,
	    .syndrome = READ_REG(IFSR),
	    .address = READ_REG(IFAR),
	    .pc = regs->pc,
	    .sp = regs->sp,
	};
}

void trap_fatal(struct regs *regs)
{
	regs->undefined = 0;
	oops_fatal(&(struct oops){.regs = regs}, "fatal exception");
}

void trap_stack_full(struct regs *regs)
{
	regs->undefined = 0;
	oops_fatal(&(struct oops){.regs = regs}, "kernel stack overflow");
}

/* The link register is behind the instruction: two bytes in Thumb code, which may be half of it. */
static void step_back(struct regs *regs)
{
	regs->pc -= regs->cpsr & CPSR_THUMB ? 2 : 4;
}

/* --- system calls ----------------------------------------------------------------------------- */

/* The machine's own, asm/unistd.h: __ARM_NR_*. */
enum {
	ARM_BREAKPOINT = 0xf0001,
	ARM_CACHEFLUSH = 0xf0002,
	ARM_SET_TLS = 0xf0005,
	ARM_GET_TLS = 0xf0006
};

static long cacheflush(uint32_t start, uint32_t end, uint32_t flags)
{
	uint32_t ctr = READ_REG(CTR), line = 4u << MIN(ctr >> 16 & 15, ctr & 15);

	if (end < start || flags)
		return -EINVAL;
	if (end > user_end)
		return -EFAULT;
	return user_code_sync(ALIGN_DOWN(start, line), end, line);
}

static bool own_call(struct regs *regs)
{
	long result = 0;

	switch (regs->syscall) {
	case ARM_BREAKPOINT:
		step_back(regs);
		force_signal(SIGTRAP, 1, regs->pc);
		break;
	case ARM_CACHEFLUSH:
		result = cacheflush(regs->r[0], regs->r[1], regs->r[2]);
		break;
	case ARM_SET_TLS:
		(void)arch_task_set_tls(current, regs->r[0]);
		break;
	case ARM_GET_TLS:
		result = (long)current->arch.tls;
		break;
	default:
		return false;
	}
	arch_regs_set_return(regs, result);
	return true;
}

void syscall_handler(struct regs *regs)
{
	current->regs = regs;
	arch_irq_on();
	if (regs->syscall < ARM_BREAKPOINT || !own_call(regs))
		syscall_dispatch(regs);
	finish_return();
}

/* --- from a program --------------------------------------------------------------------------- */

/* What the frame of a signal says: of a fault in the page tables the address, the status and exception 14; of any
 * other the status alone. */
static void note_fault(const struct quire_trap *trap, uint32_t mark)
{
	struct arch_task *arch = &current->arch;
	uint32_t fsr = (uint32_t)trap->syndrome;
	bool walk = (fsr & 0x405) == 5; /* translation or permission, of a section or a page */

	arch->trap_number = walk ? 14 : 0;
	arch->error_code = walk ? fsr | mark : fsr;
	if (walk)
		arch->address = (uint32_t)trap->address;
}

static inline void user_abort(struct regs *regs, const struct quire_trap *trap, uint32_t mark)
{
	current->regs = regs;
	arch_irq_on();
	if ((trap->syndrome & FSR_STATUS) == FSR_DEBUG) {
		note_fault(trap, mark);
		force_signal(SIGTRAP, 4 /* TRAP_HWBKPT */, trap->address);
	} else if (!fault_resolve(trap)) {
		note_fault(trap, mark);
		fault_signal();
	}
	finish_return();
}

void user_data_abort(struct regs *regs)
{
	struct quire_trap trap = data_trap(regs, QUIRE_MODE_USER);

	user_abort(regs, &trap, 0);
}

void user_prefetch_abort(struct regs *regs)
{
	struct quire_trap trap = prefetch_trap(regs, QUIRE_MODE_USER);

	user_abort(regs, &trap, FSR_PREFETCH);
}

/* The instructions that debuggers set: UDF with a number that Linux has given them. */
static bool is_breakpoint(const struct regs *regs)
{
	uint16_t half[2] = {0, 0};
	uint32_t word = 0;

	if (!(regs->cpsr & CPSR_THUMB))
		return !copy_from_user(&word, regs->pc, 4) && (word & 0x0fffffff) == 0x07f001f0;
	if (copy_from_user(half, regs->pc, 2))
		return false;
	return half[0] == 0xde01 ||
	       (half[0] == 0xf7f0 && !copy_from_user(half + 1, regs->pc + 2, 2) && half[1] == 0xa000);
}

void user_undefined(struct regs *regs)
{
	current->regs = regs;
	step_back(regs);
	arch_irq_on();
	if (is_breakpoint(regs)) {
		force_signal(SIGTRAP, 1, regs->pc);
	} else {
		current->arch.trap_number = 6;
		current->arch.error_code = 0;
		force_signal(SIGILL, 1, regs->pc);
	}
	finish_return();
}

/* --- from the kernel -------------------------------------------------------------------------- */

void kernel_data_abort(struct regs *regs)
{
	struct quire_trap trap = data_trap(regs, QUIRE_MODE_KERNEL);

	fault_in_kernel(regs, &trap);
}

void kernel_prefetch_abort(struct regs *regs)
{
	struct quire_trap trap = prefetch_trap(regs, QUIRE_MODE_KERNEL);

	fault_in_kernel(regs, &trap);
}

void kernel_undefined(struct regs *regs)
{
	step_back(regs);
	regs->undefined = 1;
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
