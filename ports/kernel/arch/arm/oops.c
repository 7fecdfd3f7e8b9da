/* SPDX-License-Identifier: MIT */
/* The report of an oops, in the wording of the field, so that `quire explain` and people read it. */
#include "kern/oops.h"

#include "cpu.h"
#include "kern/task.h"
#include "kern/uaccess.h"
#include "unwind.h"

extern const char image_start[], text_end[], library_text_start[], library_text_end[];
extern const char entry_text_start[], entry_text_end[];

#define CODE_WORDS 5 /* the last is the one at pc */

void arch_wild_jump(void)
{
	__asm__ volatile("movw lr, #0x1234\n\tbx %0" : : "r"(0) : "lr", "memory");
	__builtin_unreachable();
}

void arch_overflow_stack(void)
{
	__asm__ volatile("1: push {r0}\n\tb 1b" : : : "memory");
	__builtin_unreachable();
}

static bool between(uint32_t pc, const char *start, const char *end)
{
	return pc >= (uintptr_t)start && pc < (uintptr_t)end;
}

void arch_call_trace(const struct regs *regs, struct call_trace *out)
{
	const struct task *task = current;
	struct unwind at = {0};

	*out = (struct call_trace){.library = between(regs->pc, library_text_start, library_text_end)};
	if (!task || !task->stack)
		return;
	if (regs_from_user(regs)) {
		out->whole = true; /* a program's own fault: nothing of the kernel was running */
		return;
	}
	memcpy(at.reg, regs->r, sizeof(regs->r));
	at.reg[UNWIND_SP] = regs->sp;
	at.reg[UNWIND_LR] = regs->lr;
	at.reg[UNWIND_PC] = regs->pc;
	at.stack = (uint32_t)task->stack;
	at.stack_end = at.stack + STACK_BYTES;
	while (out->count < CALL_TRACE_MOST && unwind_step(&at)) {
		uint32_t pc = at.reg[UNWIND_PC];

		out->pc[out->count++] = pc;
		out->library |= between(pc, library_text_start, library_text_end);
		if (between(pc - 4, entry_text_start, entry_text_end)) {
			out->whole = true;
			return;
		}
	}
}

/* --- where ------------------------------------------------------------------------------------ */

/* Words of ARM code, halves of Thumb code. */
static void code_line(const struct regs *regs)
{
	bool user = regs_from_user(regs), thumb = regs->cpsr & CPSR_THUMB;
	uint32_t bytes = (thumb ? 2 : 4) * CODE_WORDS, from = regs->pc - bytes + (thumb ? 2 : 4);
	uint16_t half[2 * CODE_WORDS];
	bool there = user ? !copy_from_user(half, from, bytes)
			  : between(from, image_start, text_end) && between(regs->pc, image_start, text_end);

	if (!there) {
		printk("Code: bad PC value\n");
		return;
	}
	if (!user)
		memcpy(half, (const void *)(uintptr_t)from, bytes);
	printk("Code:");
	for (unsigned i = 0; i < CODE_WORDS; i++) {
		const char *format = i == CODE_WORDS - 1 ? " (%0*x)" : " %0*x";

		if (thumb)
			printk(format, 4, half[i]);
		else
			printk(format, 8, half[2 * i] | (uint32_t)half[2 * i + 1] << 16);
	}
	printk("\n");
}

static const char *mode_name(uint32_t cpsr)
{
	switch (cpsr & CPSR_MODE) {
	case CPSR_USER:
		return "USER_32";
	case MODE_SUPERVISOR:
		return "SVC_32";
	default:
		return "UK_32";
	}
}

static void register_lines(const struct regs *regs)
{
	static const char flags[] = "NZCV";
	const uint32_t *r = regs->r;
	char text[5] = "nzcv";

	for (unsigned i = 0; i < 4; i++)
		if (regs->cpsr >> (31 - i) & 1)
			text[i] = flags[i];
	printk("pc : [<%08x>]    lr : [<%08x>]    psr: %08x\n", regs->pc, regs->lr, regs->cpsr);
	printk("sp : %08x  ip : %08x  fp : %08x\n", regs->sp, r[12], r[11]);
	printk("r10: %08x  r9 : %08x  r8 : %08x\n", r[10], r[9], r[8]);
	printk("r7 : %08x  r6 : %08x  r5 : %08x  r4 : %08x\n", r[7], r[6], r[5], r[4]);
	printk("r3 : %08x  r2 : %08x  r1 : %08x  r0 : %08x\n", r[3], r[2], r[1], r[0]);
	printk("Flags: %s  IRQs o%s  FIQs o%s  Mode %s  ISA %s  Segment user\n", text,
	       regs->cpsr & CPSR_NO_IRQ ? "ff" : "n", regs->cpsr & 0x40 ? "ff" : "n", mode_name(regs->cpsr),
	       regs->cpsr & CPSR_THUMB ? "Thumb" : "ARM");
	printk("Control: %08x  Table: %08x  DAC: %08x\n", READ_REG(SCTLR), READ_REG(TTBR0), READ_REG(DACR));
}

void arch_user_fault_report(const struct quire_trap *trap, const char *where)
{
	bool fetch = trap->vector == QUIRE_VECTOR_PREFETCH_ABORT;

	printk("%s: unhandled page fault (%d) at 0x%08x, code 0x%03x%s\n", current->comm,
	       current->fault_signal, (uint32_t)trap->address,
	       (uint32_t)trap->syndrome | (fetch ? 0x80000000 : 0), where);
	printk("CPU: %u PID: %d Comm: %s\n", arch_cpu(), current->tid, current->comm);
	register_lines(current->regs);
	code_line(current->regs);
}

void arch_oops_report(const struct oops *what, const struct call_trace *trace, unsigned number)
{
	if (what->trap) {
		bool fetch = what->trap->vector == QUIRE_VECTOR_PREFETCH_ABORT;

		oops_head_lines(what);
		printk("Internal error: Oops: %x [#%u] SMP ARM\n",
		       (uint32_t)what->trap->syndrome | (fetch ? 0x80000000 : 0), number);
	} else {
		printk("Internal error: Oops - %s: 0 [#%u] SMP ARM\n",
		       what->regs->undefined ? "undefined instruction" : "bad mode", number);
	}
	oops_task_line();
	register_lines(what->regs);
	oops_trace_lines(trace);
	code_line(what->regs);
	oops_end_lines(what);
}
