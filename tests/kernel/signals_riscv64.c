/* SPDX-License-Identifier: MIT */
/* Signals as a program of RISC-V sees them: siginfo, the registers of the frame, the way back. What it prints stands in
 * signals_riscv64.txt. */
#define _GNU_SOURCE
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
	int signal, code, on_stack, aligned, plain;
	uintptr_t address, pc;
	uint32_t way_back[2];
} seen;
static char alternate[64 << 10] __attribute__((aligned(4096)));

/* `caller`: where the handler returns to. */
static void note(int signal, siginfo_t *info, void *context, const void *caller)
{
	const ucontext_t *uc = context;
	const unsigned char *end = (const unsigned char *)&uc->uc_mcontext + 256 + 516;
	static const unsigned char none[12];
	char here;

	memset(&seen, 0, sizeof(seen));
	seen.signal = signal;
	seen.code = info->si_code;
	seen.address = (uintptr_t)info->si_addr;
	seen.pc = uc->uc_mcontext.__gregs[REG_PC];
	seen.on_stack = &here >= alternate && &here < alternate + sizeof(alternate);
	seen.aligned = (uintptr_t)uc % 16 == 0;
	seen.plain = !memcmp(end, none, sizeof(none)); /* no extension of the frame */
	memcpy(seen.way_back, caller, sizeof(seen.way_back));
}

static void jump_out(int signal, siginfo_t *info, void *context)
{
	note(signal, info, context, __builtin_return_address(0));
	siglongjmp(back, 1);
}

static void step_over(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	note(signal, info, context, __builtin_return_address(0));
	uc->uc_mcontext.__gregs[REG_PC] += 4;
	/* What a handler does with these is undone, but for what it writes to the frame. */
	uc->uc_mcontext.__gregs[REG_S2 + 1] = 0x77;
	uc->uc_mcontext.__fpregs.__d.__f[9] = 0x99;
	__asm__ volatile("li s2, 7\n\tfmv.d.x fs0, s2\n\tfsflagsi 31" : : : "s2", "fs0");
}

static void on(int signal, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaction(signal, &action, NULL);
}

static void expect(const char *what, void (*action)(void *), void *at)
{
	if (!sigsetjmp(back, 1)) {
		action(at);
		printf("%-22s no signal\n", what);
		return;
	}
	printf("%-22s signal %d code %d addr %s plain %d alt %d aligned %d\n", what, seen.signal, seen.code,
	       seen.address == (uintptr_t)at ? "at"
	       : seen.address == seen.pc     ? "pc"
					     : "other",
	       seen.plain, seen.on_stack, seen.aligned);
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

static void add_at(void *at)
{
	__asm__ volatile("amoadd.w zero, zero, (%0)" : : "r"(at) : "memory");
}

static void undefined(void *at)
{
	__asm__ volatile(".4byte 0");
}

static void breakpoint(void *at)
{
	__asm__ volatile("ebreak");
}

static void privileged(void *at)
{
	__asm__ volatile("csrr t0, sstatus" : : : "t0");
}

/* Registers and floating point are after the handler as they were before, or as the frame says. */
static int preserved(void)
{
	uint64_t s2, s3, fs0, fs1, flags;

	__asm__ volatile(".option push\n\t.option norvc\n\tfsflagsi 0\n\tli s2, 0x1234\n\tli s3, 0x33\n\t"
			 "fmv.d.x fs0, s2\n\tfmv.d.x fs1, s3\n\tebreak\n\tmv %0, s2\n\tmv %1, s3\n\t"
			 "fmv.x.d %2, fs0\n\tfmv.x.d %3, fs1\n\tfrflags %4\n\t.option pop"
			 : "=&r"(s2), "=&r"(s3), "=&r"(fs0), "=&r"(fs1), "=&r"(flags)
			 :
			 : "s2", "s3", "fs0", "fs1", "memory");
	return s2 == 0x1234 && s3 == 0x77 && fs0 == 0x1234 && fs1 == 0x99 && flags == 0;
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
	expect("add, unmapped", add_at, page + 4);
	expect("add, read-only", add_at, page + 8196);
	expect("fetch, not executable", run_at, page + 4096);
	expect("fetch, unmapped", run_at, page);
	expect("read, kernel", read_at, (void *)0xffffffc040000000);
	expect("write, kernel", write_at, (void *)0xffffffc040000000);
	expect("read, in no half", read_at, (void *)0x00f0000000000000);
	expect("undefined", undefined, (void *)8);
	expect("breakpoint", breakpoint, (void *)8);
	expect("privileged", privileged, (void *)8);
	on(SIGTRAP, step_over);
	printf("registers after a handler: %s\n", preserved() ? "as the frame says" : "changed");
	printf("the way back: %08x %08x\n", seen.way_back[0], seen.way_back[1]);
	return 0;
}
