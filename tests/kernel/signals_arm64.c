/* SPDX-License-Identifier: MIT */
/* Signals as a program of ARM64 sees them: siginfo, the fault address and the syndrome of the frame, the way back.
 * What it prints stands in signals_arm64.txt. */
#define _GNU_SOURCE
#include <asm/sigcontext.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static struct {
	int signal, code, on_stack, aligned;
	uintptr_t address, fault, pc;
	uint64_t esr;
	int has_esr, has_fpsimd;
} seen;
static char alternate[64 << 10] __attribute__((aligned(4096)));

static void note(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	const unsigned char *record = uc->uc_mcontext.__reserved;
	char here;

	memset(&seen, 0, sizeof(seen));
	seen.signal = signal;
	seen.code = info->si_code;
	seen.address = (uintptr_t)info->si_addr;
	seen.fault = uc->uc_mcontext.fault_address;
	seen.pc = uc->uc_mcontext.pc;
	seen.on_stack = &here >= alternate && &here < alternate + sizeof(alternate);
	seen.aligned = (uintptr_t)uc % 16 == 0;
	for (;;) {
		struct _aarch64_ctx head;

		memcpy(&head, record, sizeof(head));
		if (head.magic == ESR_MAGIC) {
			seen.has_esr = 1;
			memcpy(&seen.esr, record + sizeof(head), sizeof(seen.esr));
		}
		seen.has_fpsimd |= head.magic == FPSIMD_MAGIC && head.size == sizeof(struct fpsimd_context);
		if (!head.magic || !head.size)
			break;
		record += head.size;
	}
}

static void jump_out(int signal, siginfo_t *info, void *context)
{
	note(signal, info, context);
	siglongjmp(back, 1);
}

static void step_over(int signal, siginfo_t *info, void *context)
{
	note(signal, info, context);
	((ucontext_t *)context)->uc_mcontext.pc += 4;
	/* What a handler does with these is undone. */
	__asm__ volatile("movi v8.16b, #7\n\tmov x19, #7" : : : "v8", "x19");
}

static void on(int signal, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaction(signal, &action, NULL);
}

/* The level at which a translation ended depends on the tables that were there: 4 to 7 is shown as 4. */
static uint64_t shown(uint64_t esr)
{
	return (esr & 0x3c) == 4 ? esr & ~UINT64_C(3) : esr;
}

static void expect(const char *what, void (*action)(void *), void *at)
{
	if (!sigsetjmp(back, 1)) {
		action(at);
		printf("%-22s no signal\n", what);
		return;
	}
	printf("%-22s signal %d code %d addr %s fault %s esr %s%lx fpsimd %d alt %d aligned %d\n", what,
	       seen.signal, seen.code,
	       seen.address == (uintptr_t)at ? "at"
	       : seen.address == seen.pc     ? "pc"
					     : "other",
	       seen.fault == (uintptr_t)at ? "at"
	       : seen.fault                ? "other"
					   : "0",
	       seen.has_esr ? "" : "none ", (unsigned long)shown(seen.esr), seen.has_fpsimd, seen.on_stack,
	       seen.aligned);
}

static void read_at(void *at)
{
	*(volatile char *)at;
}

static void write_at(void *at)
{
	*(volatile char *)at = 1;
}

static void run_at(void *at)
{
	((void (*)(void))(uintptr_t)at)();
}

static void undefined(void *at)
{
	__asm__ volatile("udf #1");
}

static void breakpoint(void *at)
{
	__asm__ volatile("brk #1");
}

static void privileged(void *at)
{
	__asm__ volatile("msr daifset, #2");
}

static void unaligned_exclusive(void *at)
{
	uint64_t value;

	__asm__ volatile("ldxr %0, [%1]" : "=r"(value) : "r"(at) : "memory");
}

/* Registers, SIMD and flags are after the handler as they were before. */
static int preserved(void)
{
	uint64_t x19, low, flags;

	__asm__ volatile("mov x19, #0x1234\n\tmovi v8.16b, #0x55\n\tcmp x19, #0\n\tbrk #1\n\t"
			 "mov %0, x19\n\tumov %1, v8.d[0]\n\tcset %2, gt"
			 : "=r"(x19), "=r"(low), "=r"(flags)
			 :
			 : "x19", "v8", "cc", "memory");
	return x19 == 0x1234 && low == UINT64_C(0x5555555555555555) && flags == 1;
}

int main(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	sigaltstack(&stack, NULL);
	munmap(page, 4096);
	mprotect(page + 8192, 4096, PROT_READ);
	page[4096] = 1;
	for (int i = 0; i < 5; i++)
		on((int[]){SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE}[i], jump_out);
	expect("read, unmapped", read_at, page);
	expect("write, unmapped", write_at, page + 8);
	expect("write, read-only", write_at, page + 8192);
	expect("fetch, not executable", run_at, page + 4096);
	expect("fetch, unmapped", run_at, page);
	expect("read, kernel", read_at, (void *)0xffffff8040000000);
	expect("write, kernel", write_at, (void *)0xffffff8040000000);
	expect("read, in no half", read_at, (void *)0x00f0000000000000);
	printf("through a tag: %d\n", *(char *)((uintptr_t)(page + 4096) | (uintptr_t)0xa5 << 56));
	expect("exclusive not aligned", unaligned_exclusive, page + 4097);
	expect("undefined", undefined, (void *)8);
	expect("breakpoint", breakpoint, (void *)8);
	expect("privileged", privileged, (void *)8);
	on(SIGTRAP, step_over);
	printf("registers after a handler: %s\n", preserved() ? "as before" : "changed");
	return 0;
}
