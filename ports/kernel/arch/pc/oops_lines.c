/* SPDX-License-Identifier: MIT */
/* The lines of an oops that i386 and x86-64 have alike, in the wording of the field. */
#include "cpu.h"
#include "kern/oops.h"
#include "kern/task.h"
#include "kern/uaccess.h"

extern const char image_start[], image_rodata[];

#define CODE_BEFORE 42
#define CODE_BYTES  64

#define ADDRESS_DIGITS ((int)(2 * sizeof(uintptr_t)))

/* --- what happened ---------------------------------------------------------------------------- */

static const char *exception_name(unsigned long vector)
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

void oops_title(const struct oops *what, unsigned number)
{
	if (what->trap) {
		oops_head_lines(what);
		printk("Oops: Oops: %04lx [#%u] SMP\n", (unsigned long)what->trap->syndrome, number);
	} else {
		printk("Oops: %s: %04lx [#%u] SMP\n", exception_name(what->regs->vector),
		       (unsigned long)what->regs->error & 0xffff, number);
	}
}

/* --- where ------------------------------------------------------------------------------------ */

/* Of the kernel's code, or a program's. */
void oops_code_line(uintptr_t pc, bool user)
{
	uint8_t code[CODE_BYTES];
	char line[CODE_BYTES * 3 + 8];
	uintptr_t from = pc - CODE_BEFORE;
	bool there;

	if (user)
		there = pc >= CODE_BEFORE && !copy_from_user(code, from, sizeof(code));
	else
		there =
		    pc >= (uintptr_t)image_start + CODE_BEFORE && pc + CODE_BYTES <= (uintptr_t)image_rodata;
	if (!there) {
		printk("Code: Unable to access opcode bytes at 0x%lx.\n", (unsigned long)from);
		return;
	}
	if (!user)
		memcpy(code, (const void *)from, sizeof(code));
	format_code(line, sizeof(line), code, CODE_BYTES, CODE_BEFORE);
	printk("Code:%s\n", line);
}

void arch_user_fault_report(const struct quire_trap *trap, const char *where)
{
	printk("%s[%d]: segfault at %lx ip %0*lx sp %0*lx error %lx%s\n", current->comm, current->tid,
	       (unsigned long)trap->address, ADDRESS_DIGITS, (unsigned long)trap->pc, ADDRESS_DIGITS,
	       (unsigned long)trap->sp, (unsigned long)trap->syndrome, where);
	oops_code_line((uintptr_t)trap->pc, true);
}
