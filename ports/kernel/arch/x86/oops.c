/* SPDX-License-Identifier: MIT */
/* The report of an oops, in the wording of the field, so that `quire explain` and people read it. */
#include "kern/oops.h"

#include "cpu.h"
#include "kern/task.h"
#include "unwind.h"

extern const char image_start[], image_rodata[], library_text_start[], library_text_end[];

#define CODE_BEFORE 42
#define CODE_BYTES  64

enum {
	PF_PRESENT = 1,
	PF_WRITE = 2,
	PF_USER = 4,
	PF_RESERVED = 8,
	PF_FETCH = 16
};

void arch_wild_jump(void)
{
	__asm__ volatile("push $0x1234; jmp *%0" : : "r"(0ul) : "memory");
	__builtin_unreachable();
}

void arch_overflow_stack(void)
{
	__asm__ volatile("1: push %%rax; jmp 1b" : : : "memory");
	__builtin_unreachable();
}

static bool in_library(uint64_t pc)
{
	return pc >= (uint64_t)library_text_start && pc < (uint64_t)library_text_end;
}

void arch_call_trace(const struct regs *regs, struct call_trace *out)
{
	const struct task *task = current;
	enum unwind_result result;
	struct unwind unwind;

	*out = (struct call_trace){.library = in_library(regs->rip)};
	if (!task || !task->stack)
		return;
	if (arch_regs_from_user(regs)) {
		out->whole = true; /* a program's own fault: nothing of the kernel was running */
		return;
	}
	unwind_begin(&unwind, regs, task->stack, task->stack + KERNEL_STACK_PAGES * PAGE_SIZE);
	while ((result = unwind_step(&unwind)) == UNWIND_CALLER && out->count < CALL_TRACE_MOST) {
		out->pc[out->count++] = unwind_pc(&unwind);
		out->library |= in_library(unwind_pc(&unwind));
	}
	out->whole = result == UNWIND_END;
}

/* --- what happened ---------------------------------------------------------------------------- */

static void page_fault_lines(const struct quire_trap *trap)
{
	uint64_t error = trap->syndrome;

	printk("BUG: %s address: %016lx\n",
	       trap->address < PAGE_SIZE ? "kernel NULL pointer dereference,"
					 : "unable to handle page fault for",
	       trap->address);
	printk("#PF: %s %s in %s mode\n", error & PF_USER ? "user" : "supervisor",
	       error & PF_FETCH   ? "instruction fetch"
	       : error & PF_WRITE ? "write access"
				  : "read access",
	       trap->mode == QUIRE_MODE_USER ? "user" : "kernel");
	printk("#PF: error_code(0x%04lx) - %s\n", error,
	       !(error & PF_PRESENT) ? "not-present page"
	       : error & PF_RESERVED ? "reserved bit violation"
				     : "permissions violation");
}

static const char *exception_name(uint64_t vector)
{
	static const char *const names[] = {[0] = "divide error",
					    [2] = "NMI",
					    [8] = "double fault",
					    [18] = "machine check",
					    [1] = "debug",
					    [3] = "int3",
					    [4] = "overflow",
					    [5] = "bounds",
					    [6] = "invalid opcode",
					    [7] = "device not available",
					    [9] = "coprocessor segment overrun",
					    [10] = "invalid TSS",
					    [11] = "segment not present",
					    [12] = "stack segment",
					    [13] = "general protection fault",
					    [16] = "fpu exception",
					    [17] = "alignment check",
					    [19] = "simd exception",
					    [20] = "virtualization exception",
					    [21] = "control protection exception"};

	return vector < ARRAY_SIZE(names) && names[vector] ? names[vector] : "exception";
}

static void title(const struct oops *what, unsigned number)
{
	if (what->trap) {
		page_fault_lines(what->trap);
		printk("Oops: Oops: %04lx [#%u] SMP\n", what->trap->syndrome, number);
	} else {
		printk("Oops: %s: %04lx [#%u] SMP\n", exception_name(what->regs->vector),
		       what->regs->error & 0xffff, number);
	}
}

/* --- where ------------------------------------------------------------------------------------ */

static void code_line(uint64_t pc)
{
	uint64_t from = pc - CODE_BEFORE;
	char line[CODE_BYTES * 3 + 8];
	size_t at = 0;

	if (pc < (uint64_t)image_start + CODE_BEFORE || pc + CODE_BYTES > (uint64_t)image_rodata) {
		printk("Code: Unable to access opcode bytes at 0x%lx.\n", from);
		return;
	}
	for (uint64_t byte = from; byte < from + CODE_BYTES; byte++)
		at += (size_t)ksnprintf(line + at, sizeof(line) - at, byte == pc ? " <%02x>" : " %02x",
					*(const uint8_t *)byte);
	printk("Code:%s\n", line);
}

static void register_lines(const struct regs *r)
{
	printk("RSP: %04lx:%016lx EFLAGS: %08lx\n", r->ss & 0xffff, r->rsp, r->rflags);
	printk("RAX: %016lx RBX: %016lx RCX: %016lx\n", r->rax, r->rbx, r->rcx);
	printk("RDX: %016lx RSI: %016lx RDI: %016lx\n", r->rdx, r->rsi, r->rdi);
	printk("RBP: %016lx R08: %016lx R09: %016lx\n", r->rbp, r->r8, r->r9);
	printk("R10: %016lx R11: %016lx R12: %016lx\n", r->r10, r->r11, r->r12);
	printk("R13: %016lx R14: %016lx R15: %016lx\n", r->r13, r->r14, r->r15);
	printk("FS:  %016lx(0000) GS:%016lx(0000) knlGS:%016lx\n", read_msr(MSR_FS_BASE),
	       read_msr(MSR_GS_BASE), read_msr(MSR_KERNEL_GS_BASE));
	printk("CS:  %04lx DS: 0000 ES: 0000 CR0: %016lx\n", r->cs & 0xffff, READ_CR(0));
	printk("CR2: %016lx CR3: %016lx CR4: %016lx\n", READ_CR(2), READ_CR(3), READ_CR(4));
}

static void trace_lines(const struct call_trace *trace)
{
	printk("Call Trace:\n <TASK>\n");
	for (unsigned i = 0; i < trace->count; i++)
		printk(" 0x%lx\n", trace->pc[i]);
	if (!trace->whole)
		printk(" ? the rest cannot be told\n");
	printk(" </TASK>\n");
}

void arch_oops_report(const struct oops *what, const struct call_trace *trace, unsigned number)
{
	const struct regs *regs = what->regs;
	const struct task *task = current;

	title(what, number);
	printk("CPU: %u UID: %u PID: %d Comm: %s Not tainted " KERNEL_RELEASE " #1\n", arch_cpu(),
	       task && task->process ? task->process->cred.euid : 0, task ? task->tid : 0,
	       task ? task->comm : "boot");
	printk("RIP: %04lx:0x%lx\n", regs->cs & 0xffff, regs->rip);
	code_line(regs->rip);
	register_lines(regs);
	trace_lines(trace);
	if (what->way)
		printk("quire: by the rules of %s:%s\n", quire_system_profile(the_system)->name, what->way);
	printk("---[ end trace 0000000000000000 ]---\n");
}
