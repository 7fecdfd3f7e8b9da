/* SPDX-License-Identifier: MIT */
/* The table of system calls, and the way through it. */
#include "abi/functions.h"
#include "kern/entry.h"
#include "port/fault.h"

#define MAX_SYSCALLS 512

typedef long syscall_fn(const abi_ulong *a);

static syscall_fn *const table[MAX_SYSCALLS] = {
#define SYSCALL_AS(number, name, function) [number] = sys_##function,
#define SYSCALL(number, name)              SYSCALL_AS(number, name, name)
#define MISSING(number, name)
#include ABI_SYSCALL_TABLE
#undef SYSCALL_AS
#undef MISSING
#undef SYSCALL
};

static const char *const missing[MAX_SYSCALLS] = {
#define SYSCALL_AS(number, name, function)
#define SYSCALL(number, name)
#define MISSING(number, name) [number] = #name,
#include ABI_SYSCALL_TABLE
#undef SYSCALL_AS
#undef MISSING
#undef SYSCALL
};

/* One line for each missing call, the first time a program makes it. */
static void log_unknown(uint64_t number)
{
	static uint32_t seen[MAX_SYSCALLS / 32];
	uint32_t bit = 1u << (number % 32);

	if (number >= MAX_SYSCALLS || __atomic_fetch_or(&seen[number / 32], bit, __ATOMIC_RELAXED) & bit)
		return;
	if (missing[number])
		printk("quire-kernel: system call %s is not implemented (%s)\n", missing[number],
		       current->comm);
	else
		printk("quire-kernel: system call %" PRIu64 " is not known (%s)\n", number, current->comm);
}

void syscall_dispatch(struct regs *regs)
{
	abi_ulong number = (abi_ulong)arch_regs_syscall(regs), room[6];

	if (number < MAX_SYSCALLS && table[number]) {
		arch_regs_set_return(regs, table[number](arch_regs_arguments(regs, room)));
		fault_trace_call();
		return;
	}
	log_unknown(number);
	arch_regs_set_return(regs, -ENOSYS);
}
