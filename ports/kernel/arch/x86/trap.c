/* SPDX-License-Identifier: MIT */
/* Exceptions, interrupts and system calls on their way from entry.S to the kernel, and back. */
#include "cpu.h"
#include "kern/oops.h"
#include "kern/entry.h"
#include "port/system.h"

_Static_assert(offsetof(struct regs, vector) == 120 && offsetof(struct regs, cs) == 144, "entry.S");
_Static_assert(offsetof(struct cpu, arch.kernel_stack) == CPU_KERNEL_STACK &&
		   offsetof(struct cpu, arch.user_sp) == CPU_USER_SP,
	       "entry.S");
_Static_assert(offsetof(struct cpu, task) == 0 && offsetof(struct cpu, number) == 8 &&
		   offsetof(struct cpu, arch.self) == CPU_SELF,
	       "machine.h");

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};
static struct gate idt[256];

extern const char vector_stubs[];
void trap_fatal(struct regs *regs);
bool syscall_handler(struct regs *regs);
void return_iret(void);

static unsigned gate_stack(unsigned vector)
{
	switch (vector) {
	case VECTOR_NMI:
		return 1;
	case VECTOR_DOUBLE_FAULT:
		return 2;
	case VECTOR_MACHINE_CHECK:
		return 3;
	default:
		return 0;
	}
}

void idt_load(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = {sizeof(idt) - 1, (uint64_t)idt};

	for (unsigned i = 0; i < 256; i++) {
		uint64_t stub = (uint64_t)vector_stubs + i * 16;

		idt[i] = (struct gate){
		    .offset_low = (uint16_t)stub,
		    .selector = KERNEL_CS,
		    .ist = (uint8_t)gate_stack(i),
		    .type = i == 3 || i == 4 ? 0xee : 0x8e, /* INT3 and INTO are for programs too */
		    .offset_middle = (uint16_t)(stub >> 16),
		    .offset_high = (uint32_t)(stub >> 32),
		};
	}
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

/* NMI, double fault, machine check: on stacks of their own, in the middle of anything. */
void trap_fatal(struct regs *regs)
{
	oops_fatal(&(struct oops){.regs = regs}, regs->vector == VECTOR_DOUBLE_FAULT
						     ? "double fault (kernel stack overflow?)"
						     : "fatal exception");
}

/* Returns whether SYSRET may be used: it loads only rip, rflags and fixed selectors. */
bool syscall_handler(struct regs *regs)
{
	current->regs = regs;
	arch_irq_on();
	syscall_dispatch(regs);
	leave_to_program();
	if (regs->vector != VECTOR_SYSCALL || regs->cs != USER_CS || regs->ip >= user_end ||
	    (regs->flags & (FLAGS_TF | FLAGS_RF)))
		return false;
	regs->rcx = regs->ip;
	regs->r11 = regs->flags;
	return true;
}
