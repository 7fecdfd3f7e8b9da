/* SPDX-License-Identifier: MIT */
/* The report of an oops, in the wording of the field, so that `quire explain` and people read it. */
#include "kern/oops.h"
#include "arch/common/trace.h"
#include "kern/uaccess.h"

#include "cpu.h"
#include "kern/task.h"

extern const char image_start[], text_end[], library_text_start[], library_text_end[], image_rodata[];
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

#define CODE_BEFORE 42
#define CODE_BYTES  64

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

void arch_call_trace(const struct regs *regs, struct call_trace *out)
{
	struct unwind from = {
	    .image = &image,
	    .pc = regs->rip,
	    .reg = {regs->rax, regs->rdx, regs->rcx, regs->rbx, regs->rsi, regs->rdi, regs->rbp, regs->rsp,
		    regs->r8, regs->r9, regs->r10, regs->r11, regs->r12, regs->r13, regs->r14, regs->r15,
		    regs->rip},
	};

	trace_calls(&from, regs_from_user(regs), out);
}

/* --- what happened ---------------------------------------------------------------------------- */

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
		oops_head_lines(what);
		printk("Oops: Oops: %04lx [#%u] SMP\n", what->trap->syndrome, number);
	} else {
		printk("Oops: %s: %04lx [#%u] SMP\n", exception_name(what->regs->vector),
		       what->regs->error & 0xffff, number);
	}
}

/* --- where ------------------------------------------------------------------------------------ */

/* Of the kernel's code, or a program's. */
static void code_line(uint64_t pc, bool user)
{
	uint8_t code[CODE_BYTES];
	char line[CODE_BYTES * 3 + 8];
	uint64_t from = pc - CODE_BEFORE;
	bool there;

	if (user)
		there = pc >= CODE_BEFORE && !copy_from_user(code, from, sizeof(code));
	else
		there =
		    pc >= (uint64_t)image_start + CODE_BEFORE && pc + CODE_BYTES <= (uint64_t)image_rodata;
	if (!there) {
		printk("Code: Unable to access opcode bytes at 0x%lx.\n", from);
		return;
	}
	if (!user)
		memcpy(code, (const void *)from, sizeof(code));
	format_code(line, sizeof(line), code, CODE_BYTES, CODE_BEFORE);
	printk("Code:%s\n", line);
}

void arch_user_fault_report(const struct quire_trap *trap, const char *where)
{
	printk("%s[%d]: segfault at %lx ip %016lx sp %016lx error %lx%s\n", current->comm, current->tid,
	       trap->address, trap->pc, trap->sp, trap->syndrome, where);
	code_line(trap->pc, true);
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

void arch_oops_report(const struct oops *what, const struct call_trace *trace, unsigned number)
{
	const struct regs *regs = what->regs;

	title(what, number);
	oops_task_line();
	printk("RIP: %04lx:0x%lx\n", regs->cs & 0xffff, regs->rip);
	code_line(regs->rip, false);
	register_lines(regs);
	oops_trace_lines(trace);
	oops_end_lines(what);
}
