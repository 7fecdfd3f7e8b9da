/* SPDX-License-Identifier: MIT */
/* The report of an oops, in the wording of the field, so that `quire explain` and people read it. */
#include "kern/oops.h"
#include "arch/common/trace.h"

#include "cpu.h"
#include "kern/task.h"

extern const char image_start[], text_end[], library_text_start[], library_text_end[];
extern const char entry_text_start[], entry_text_end[];
extern const uint8_t eh_frame_start[], eh_frame_end[];

void arch_wild_jump(void)
{
	__asm__ volatile("push $0x1234; jmp *%0" : : "r"(0ul) : "memory");
	__builtin_unreachable();
}

void arch_overflow_stack(void)
{
	__asm__ volatile("1: push %%eax; jmp 1b" : : : "memory");
	__builtin_unreachable();
}

/* As the link script lays it out: an address is no constant of 64 bits here. */
static void lay_out(struct unwind_image *image)
{
	*image = (struct unwind_image){
	    .frames = eh_frame_start,
	    .frames_end = eh_frame_end,
	    .text = (uintptr_t)image_start,
	    .text_end = (uintptr_t)text_end,
	    .entry = (uintptr_t)entry_text_start,
	    .entry_end = (uintptr_t)entry_text_end,
	    .library = (uintptr_t)library_text_start,
	    .library_end = (uintptr_t)library_text_end,
	};
}

void arch_call_trace(const struct regs *r, struct call_trace *out)
{
	struct unwind_image image;
	struct unwind from = {
	    .image = &image,
	    .pc = r->ip,
	    .reg = {r->ax, r->cx, r->dx, r->bx, arch_regs_sp(r), r->bp, r->si, r->di, r->ip},
	};

	lay_out(&image);
	trace_calls(&from, regs_from_user(r), out);
}

static void register_lines(const struct regs *r)
{
	bool user = regs_from_user(r);

	printk("EAX: %08x EBX: %08x ECX: %08x EDX: %08x\n", r->ax, r->bx, r->cx, r->dx);
	printk("ESI: %08x EDI: %08x EBP: %08x ESP: %08x\n", r->si, r->di, r->bp, (uint32_t)arch_regs_sp(r));
	printk("DS: %04x ES: %04x FS: %04x GS: %04x SS: %04x EFLAGS: %08x\n", r->ds & 0xffff, r->es & 0xffff,
	       r->fs & 0xffff, read_gs(), user ? r->ss & 0xffff : KERNEL_DS, r->flags);
	printk("CR0: %08lx CR2: %08lx CR3: %08lx CR4: %08lx\n", READ_CR(0), READ_CR(2), READ_CR(3),
	       READ_CR(4));
}

void arch_oops_report(const struct oops *what, const struct call_trace *trace, unsigned number)
{
	const struct regs *regs = what->regs;

	oops_title(what, number);
	oops_task_line();
	printk("EIP: 0x%x\n", regs->ip);
	oops_code_line(regs->ip, false);
	register_lines(regs);
	oops_trace_lines(trace);
	oops_end_lines(what);
}
