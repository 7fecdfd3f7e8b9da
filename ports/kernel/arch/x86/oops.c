/* SPDX-License-Identifier: MIT */
/* The report of an oops, in the wording of the field, so that `quire explain` and people read it. */
#include "kern/oops.h"
#include "arch/common/trace.h"

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
	    .pc = regs->ip,
	    .reg = {regs->rax, regs->rdx, regs->rcx, regs->rbx, regs->rsi, regs->rdi, regs->rbp, regs->sp,
		    regs->r8, regs->r9, regs->r10, regs->r11, regs->r12, regs->r13, regs->r14, regs->r15,
		    regs->ip},
	};

	trace_calls(&from, regs_from_user(regs), out);
}

static void register_lines(const struct regs *r)
{
	printk("RSP: %04lx:%016lx EFLAGS: %08lx\n", r->ss & 0xffff, r->sp, r->flags);
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

	oops_title(what, number);
	oops_task_line();
	printk("RIP: %04lx:0x%lx\n", regs->cs & 0xffff, regs->ip);
	oops_code_line(regs->ip, false);
	register_lines(regs);
	oops_trace_lines(trace);
	oops_end_lines(what);
}
