/* SPDX-License-Identifier: MIT */
/* The table of exceptions, and what i386 alone has: INT 0x80, and the task of a double fault. */
#include "cpu.h"
#include "kern/oops.h"
#include "kern/entry.h"
#include "port/system.h"

_Static_assert(offsetof(struct regs, vector) == REGS_VECTOR && offsetof(struct regs, cs) == REGS_CS &&
		   sizeof(struct regs) == 68,
	       "entry.S");
_Static_assert(offsetof(struct cpu, task) == 0 && offsetof(struct cpu, number) == 4 &&
		   offsetof(struct cpu, arch.self) == CPU_SELF,
	       "machine.h");

#define GATE_INTERRUPT 0x8e
#define GATE_TASK      0x85
#define GATE_USER      0x60
#define VECTOR_INT80   0x80

struct gate {
	uint16_t offset_low, selector;
	uint8_t zero, type;
	uint16_t offset_high;
};
static struct gate idt[256];

extern const char vector_stubs[];
void syscall_entry(void);
void trap_fatal(struct regs *regs);
void trap_double_fault(void);
void syscall_handler(struct regs *regs);

static struct gate interrupt_gate(uintptr_t to, uint8_t more)
{
	return (struct gate){
	    .offset_low = (uint16_t)to,
	    .selector = KERNEL_CS,
	    .type = GATE_INTERRUPT | more,
	    .offset_high = (uint16_t)(to >> 16),
	};
}

void idt_load(void)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) pointer = {sizeof(idt) - 1, (uintptr_t)idt};

	for (unsigned i = 0; i < 256; i++)
		idt[i] = interrupt_gate((uintptr_t)vector_stubs + i * 16, i == 3 || i == 4 ? GATE_USER : 0);
	idt[VECTOR_INT80] = interrupt_gate((uintptr_t)syscall_entry, GATE_USER);
	idt[VECTOR_DOUBLE_FAULT] = (struct gate){.selector = DF_SELECTOR, .type = GATE_TASK};
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

/* NMI, machine check. */
void trap_fatal(struct regs *regs)
{
	oops_fatal(&(struct oops){.regs = regs}, "fatal exception");
}

/* The CPU has saved its registers in the state of the task that it left. */
void trap_double_fault(void)
{
	const struct tss *t = this_cpu()->arch.tss;
	struct regs regs = {
	    .bx = t->bx,
	    .cx = t->cx,
	    .dx = t->dx,
	    .si = t->si,
	    .di = t->di,
	    .bp = t->bp,
	    .ax = t->ax,
	    .ds = t->ds,
	    .es = t->es,
	    .fs = t->fs,
	    .vector = VECTOR_DOUBLE_FAULT,
	    .ip = t->ip,
	    .cs = t->cs,
	    .flags = t->flags,
	    .sp = t->sp,
	    .ss = t->ss,
	};

	oops_fatal(&(struct oops){.regs = &regs}, "double fault (kernel stack overflow?)");
}

void syscall_handler(struct regs *regs)
{
	current->regs = regs;
	arch_irq_on();
	syscall_dispatch(regs);
	leave_to_program();
}
