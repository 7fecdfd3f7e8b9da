/* SPDX-License-Identifier: MIT */
/* The report of an oops, in the wording of the field, so that `quire explain` and people read it. */
#include "kern/oops.h"
#include "arch/common/trace.h"
#include "kern/uaccess.h"

#include "cpu.h"
#include "kern/task.h"

extern const char image_start[], text_end[], library_text_start[], library_text_end[], user_text[];
extern const char entry_text_start[], entry_text_end[];
extern const uint8_t eh_frame_start[], eh_frame_end[];

/* As the link script lays it out. */
static const struct unwind_image image = {
    .frames = eh_frame_start,
    .frames_end = eh_frame_end,
    .text = (uint64_t)image_start,
    .text_end = (uint64_t)text_end,
    .entry = (uint64_t)entry_text_start,
    .entry_end = (uint64_t)entry_text_end,
    .library = (uint64_t)library_text_start,
    .library_end = (uint64_t)library_text_end,
};

#define CODE_WORDS 5 /* the last is the one at pc */

void arch_wild_jump(void)
{
	__asm__ volatile("mov x30, #0x1234\n\tbr %0" : : "r"(0ul) : "x30", "memory");
	__builtin_unreachable();
}

void arch_overflow_stack(void)
{
	__asm__ volatile("1: str xzr, [sp, #-16]!\n\tb 1b" : : : "memory");
	__builtin_unreachable();
}

void arch_call_trace(const struct regs *regs, struct call_trace *out)
{
	struct unwind from = {.image = &image, .pc = regs->pc};

	memcpy(from.reg, regs->x, sizeof(regs->x));
	from.reg[ARCH_DWARF_SP] = regs->sp;
	trace_calls(&from, regs_from_user(regs), out);
}

/* --- what happened ---------------------------------------------------------------------------- */

static const char *fault_name(unsigned code)
{
	static const char *const kinds[] = {"address size fault", "translation fault", "access flag fault",
					    "permission fault"};
	static char text[40];

	if (code >= 16)
		return code == 0x21 ? "alignment fault" : "unknown fault";
	ksnprintf(text, sizeof(text), "level %u %s", code & 3, kinds[code >> 2]);
	return text;
}

static const char *class_name(unsigned class)
{
	static const char *const names[64] = {
	    [0x00] = "Unknown/Uncategorized", [0x20] = "IABT (lower EL)",   [0x21] = "IABT (current EL)",
	    [0x24] = "DABT (lower EL)",       [0x25] = "DABT (current EL)", [0x3c] = "BRK (AArch64)"};

	return names[class] ? names[class] : "UNRECOGNIZED EC";
}

static void title(const struct oops *what, unsigned number)
{
	if (what->trap) {
		oops_head_lines(what);
		printk("Internal error: Oops: %016lx [#%u] SMP\n", what->trap->syndrome, number);
	} else {
		printk("Internal error: Oops - %s: %016lx [#%u] SMP\n",
		       what->regs->esr >> 26 & 63 ? "Bad mode" : "Undefined instruction", what->regs->esr,
		       number);
	}
}

/* --- where ------------------------------------------------------------------------------------ */

static void code_line(uint64_t pc, bool user)
{
	uint32_t code[CODE_WORDS];
	uint64_t from = pc - 4 * (CODE_WORDS - 1);
	bool there = user ? !copy_from_user(code, from, sizeof(code))
			  : pc >= (uint64_t)image_start + sizeof(code) && pc + 4 <= (uint64_t)user_text;

	if (!there) {
		printk("Code: bad PC value\n");
		return;
	}
	if (!user)
		memcpy(code, (const void *)from, sizeof(code));
	printk("Code: %08x %08x %08x %08x (%08x)\n", code[0], code[1], code[2], code[3], code[4]);
}

static void register_lines(const struct regs *regs)
{
	static const char flags[] = "NZCV";
	char text[5] = "nzcv";

	for (unsigned i = 0; i < 4; i++)
		if (regs->pstate >> (31 - i) & 1)
			text[i] = flags[i];
	printk("pstate: %08lx (%s %caif %cPAN)\n", regs->pstate, text, regs->pstate & 0x200 ? 'D' : 'd',
	       regs->pstate & 1 << 22 ? '+' : '-');
	printk("pc : 0x%lx\nlr : 0x%lx\nsp : %016lx\n", regs->pc, regs->x[30], regs->sp);
	for (int i = 29; i >= 0; i -= 3) {
		if (i == 29)
			printk("x29: %016lx x28: %016lx x27: %016lx\n", regs->x[29], regs->x[28],
			       regs->x[27]);
		else
			printk("x%-2d: %016lx x%-2d: %016lx x%-2d: %016lx\n", i, regs->x[i], i - 1,
			       regs->x[i - 1], i - 2, regs->x[i - 2]);
	}
}

void arch_user_fault_report(const struct quire_trap *trap, const char *where)
{
	printk("%s[%d]: unhandled exception: %s, ESR 0x%016lx, %s%s\n", current->comm, current->tid,
	       class_name(trap->syndrome >> 26 & 63), trap->syndrome, fault_name(trap->syndrome & 63), where);
	register_lines(current->regs);
	code_line(trap->pc, true);
}

void arch_oops_report(const struct oops *what, const struct call_trace *trace, unsigned number)
{
	title(what, number);
	oops_task_line();
	register_lines(what->regs);
	oops_trace_lines(trace);
	code_line(what->regs->pc, false);
	oops_end_lines(what);
}
