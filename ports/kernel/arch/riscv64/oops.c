/* SPDX-License-Identifier: MIT */
/* The report of an oops, in the wording of the field, so that `quire explain` and people read it. */
#include "kern/oops.h"
#include "arch/common/trace.h"
#include "kern/uaccess.h"

#include "cpu.h"
#include "kern/task.h"

extern const char image_start[], text_end[], library_text_start[], library_text_end[];
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

/* Instructions are two or four bytes, so code is told in halves: those before pc, and one more. */
#define CODE_BEFORE 10
#define CODE_WORDS  (CODE_BEFORE + 2)

void arch_wild_jump(void)
{
	__asm__ volatile("li ra, 0x1234\n\tjr %0" : : "r"(0ul) : "ra", "memory");
	__builtin_unreachable();
}

void arch_overflow_stack(void)
{
	__asm__ volatile("1: addi sp, sp, -16\n\tsd zero, 0(sp)\n\tj 1b" : : : "memory");
	__builtin_unreachable();
}

void arch_call_trace(const struct regs *regs, struct call_trace *out)
{
	struct unwind from = {.image = &image, .pc = regs->x[X_PC]};

	memcpy(from.reg, regs->x, sizeof(regs->x));
	from.reg[0] = 0;
	trace_calls(&from, regs_from_user(regs), out);
}

/* --- what happened ---------------------------------------------------------------------------- */

static const char *cause_name(uint64_t cause)
{
	static const char *const names[] = {"instruction address misaligned",
					    "instruction access fault",
					    "illegal instruction",
					    "ebreak",
					    "load address misaligned",
					    "load access fault",
					    "store (or AMO) address misaligned",
					    "store (or AMO) access fault"};

	return cause < ARRAY_SIZE(names) ? names[cause] : "unknown exception";
}

static void title(const struct oops *what, unsigned number)
{
	if (what->trap) {
		if (strays_to_user(what->regs))
			printk("Unable to handle kernel access to user memory without uaccess routines at "
			       "virtual address %016lx\n",
			       what->trap->address);
		else
			oops_head_lines(what);
		printk("Oops [#%u]\n", number);
	} else {
		printk("Oops - %s [#%u]\n", cause_name(what->regs->cause), number);
	}
}

/* --- where ------------------------------------------------------------------------------------ */

static void code_line(uint64_t pc, bool user)
{
	uint16_t code[CODE_WORDS];
	uint64_t from = pc - 2 * CODE_BEFORE;
	char line[8 * CODE_WORDS];
	size_t at = 0;
	bool there = user ? !copy_from_user(code, from, sizeof(code))
			  : pc >= (uint64_t)image_start + 2 * CODE_BEFORE && pc + 4 <= (uint64_t)text_end;

	if (!there) {
		printk("Code: Unable to access instruction at 0x%016lx.\n", from);
		return;
	}
	if (!user)
		memcpy(code, (const void *)from, sizeof(code));
	for (unsigned i = 0; i < CODE_WORDS; i++)
		at += (size_t)ksnprintf(line + at, sizeof(line) - at, i == CODE_BEFORE ? " (%04x)" : " %04x",
					code[i]);
	printk("Code:%s\n", line);
}

/* The order of struct regs, three a line. */
static void register_lines(const struct regs *regs)
{
	static const char names[32][5] = {"epc ", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
					  "s0",   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
					  "a6",   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
					  "s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
	char line[80];
	size_t at = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		at += (size_t)ksnprintf(line + at, sizeof(line) - at, "%s%-3s: %016lx", i ? " " : "",
					names[i], regs->x[i]);
		if (i % 3 == 2 || i == ARRAY_SIZE(names) - 1) {
			printk("%s\n", line);
			at = 0;
		}
	}
	printk("status: %016lx badaddr: %016lx cause: %016lx\n", regs->status, regs->value, regs->cause);
}

void arch_user_fault_report(const struct quire_trap *trap, const char *where)
{
	printk("%s[%d]: unhandled signal %u code 0x%x at 0x%016lx%s\n", current->comm, current->tid,
	       (unsigned)current->fault_signal, (unsigned)current->fault_code, trap->address, where);
	oops_task_line();
	register_lines(current->regs);
	code_line(trap->pc, true);
}

void arch_oops_report(const struct oops *what, const struct call_trace *trace, unsigned number)
{
	title(what, number);
	oops_task_line();
	register_lines(what->regs);
	oops_trace_lines(trace);
	code_line(what->regs->x[X_PC], false);
	oops_end_lines(what);
}
