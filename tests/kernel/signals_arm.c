/* SPDX-License-Identifier: MIT */
/* Signals as a program of 32-bit ARM sees them: siginfo, what the frame says of the fault, the ways back from a
 * handler, the functions of the kuser page, and the machine's own system calls. What it prints stands in
 * signals_arm.txt. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARM_CODE   __attribute__((target("arm"), noinline))
#define THUMB_CODE __attribute__((target("thumb"), noinline))

#define VFP_MAGIC  0x56465001
#define VFP_BYTES  288
#define CPSR_THUMB 0x20

static sigjmp_buf back;
static struct {
	int signal, code, on_stack, aligned, thumb, has_vfp;
	uintptr_t address, fault, pc;
	unsigned long trap, error;
} seen;
static char alternate[64 << 10] __attribute__((aligned(4096)));

static void note(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	const unsigned long *record = uc->uc_regspace;
	char here;

	memset(&seen, 0, sizeof(seen));
	seen.signal = signal;
	seen.code = info->si_code;
	seen.address = (uintptr_t)info->si_addr;
	seen.fault = uc->uc_mcontext.fault_address;
	seen.pc = uc->uc_mcontext.arm_pc;
	seen.trap = uc->uc_mcontext.trap_no;
	seen.error = uc->uc_mcontext.error_code;
	seen.thumb = (uc->uc_mcontext.arm_cpsr & CPSR_THUMB) != 0;
	seen.on_stack = &here >= alternate && &here < alternate + sizeof(alternate);
	seen.aligned = (uintptr_t)info % 8 == 0;
	while (record[0] && record[1]) {
		seen.has_vfp |= record[0] == VFP_MAGIC && record[1] == VFP_BYTES;
		record += record[1] / sizeof(*record);
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
	((ucontext_t *)context)->uc_mcontext.arm_pc += 4;
	/* What a handler does with these is undone. */
	__asm__ volatile(".fpu neon\n\tvmov.i8 d8, #7\n\tvmov.i8 d16, #7\n\tmov r8, #7"
			 :
			 :
			 : "d8", "d16", "r8");
}

static void on(int signal, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaction(signal, &action, NULL);
}

/* The level at which a translation ended depends on the tables that were there, and domains are the kernel's choice:
 * sections are shown for pages, no domain. */
static unsigned long shown(unsigned long error)
{
	return (error & 5) == 5 ? error & ~0xf2ul : error;
}

static void expect(const char *what, void (*action)(void *), void *at)
{
	if (!sigsetjmp(back, 1)) {
		action(at);
		printf("%-24s no signal\n", what);
		return;
	}
	printf(
	    "%-24s signal %d code %d addr %s fault %s trap %lu error %lx thumb %d vfp %d alt %d aligned %d\n",
	    what, seen.signal, seen.code,
	    seen.address == (uintptr_t)at ? "at"
	    : seen.address == seen.pc     ? "pc"
					  : "other",
	    seen.fault == (uintptr_t)at ? "at" : "other", seen.trap, shown(seen.error), seen.thumb,
	    seen.has_vfp, seen.on_stack, seen.aligned);
}

static THUMB_CODE void read_at(void *at)
{
	*(volatile char *)at;
}

static ARM_CODE void write_at(void *at)
{
	*(volatile char *)at = 1;
}

static ARM_CODE void run_at(void *at)
{
	((void (*)(void))(uintptr_t)at)();
}

static ARM_CODE void undefined(void *at)
{
	__asm__ volatile("udf #1");
}

static THUMB_CODE void undefined_thumb(void *at)
{
	__asm__ volatile("udf.w #1");
}

static ARM_CODE void breakpoint(void *at)
{
	__asm__ volatile(".inst 0xe7f001f0");
}

static THUMB_CODE void breakpoint_thumb(void *at)
{
	__asm__ volatile(".inst.n 0xde01");
}

static THUMB_CODE void breakpoint_wide(void *at)
{
	__asm__ volatile(".inst.w 0xf7f0a000");
}

static ARM_CODE void bkpt(void *at)
{
	__asm__ volatile("bkpt #1");
}

static ARM_CODE void breakpoint_call(void *at)
{
	__asm__ volatile("ldr r7, =0xf0001\n\tsvc #0" : : : "r0", "r7", "memory");
}

static THUMB_CODE void breakpoint_call_thumb(void *at)
{
	__asm__ volatile("push {r7}\n\tldr r7, =0xf0001\n\tsvc #0\n\tpop {r7}" : : : "r0", "memory");
}

static ARM_CODE void privileged(void *at)
{
	__asm__ volatile("mcr p15, 0, r0, c1, c0, 0");
}

static ARM_CODE void unaligned_exclusive(void *at)
{
	__asm__ volatile("ldrex r3, [%0]" : : "r"(at) : "r3", "memory");
}

/* Registers, SIMD and flags are after the handler as they were before. */
static ARM_CODE int preserved(void)
{
	uint32_t r8, low, high, flags;

	__asm__ volatile(
	    ".fpu neon\n\tmovw r8, #0x1234\n\tvmov.i8 d8, #0x55\n\tvmov.i8 d16, #0x66\n\tcmp r8, #0\n\t"
	    ".inst 0xe7f001f0\n\t"
	    "mov %0, r8\n\tvmov.32 %1, d8[1]\n\tvmov.32 %2, d16[0]\n\tmov %3, #0\n\tmovgt %3, #1"
	    : "=&r"(r8), "=&r"(low), "=&r"(high), "=&r"(flags)
	    :
	    : "r8", "d8", "d16", "cc", "memory");
	return r8 == 0x1234 && low == 0x55555555 && high == 0x66666666 && flags == 1;
}

/* --- ways back that no C library gives ---------------------------------------------------------- */

static volatile int came;

static ARM_CODE void plain(int signal)
{
	came += signal;
}

static THUMB_CODE void plain_thumb(int signal)
{
	came += 100 * signal;
}

/* A handler that names no way back. */
static void returns(const char *what, void (*handler)(int), unsigned long flags)
{
	struct {
		uintptr_t handler;
		unsigned long flags, restorer, mask[2];
	} action = {(uintptr_t)handler, flags, 0, {0, 0}};

	came = 0;
	syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
	printf("%-24s %d\n", what, came);
}

/* --- the kuser page ----------------------------------------------------------------------------- */

static void kuser(void)
{
	void *(*get_tls)(void) = (void *(*)(void))0xffff0fe0;
	int (*cmpxchg)(int, int, volatile int *) = (int (*)(int, int, volatile int *))0xffff0fc0;
	int (*cmpxchg64)(const int64_t *, const int64_t *, volatile int64_t *) =
	    (int (*)(const int64_t *, const int64_t *, volatile int64_t *))0xffff0f60;
	void (*barrier)(void) = (void (*)(void))0xffff0fa0;
	int64_t old = INT64_C(0x1234567890), new = INT64_C(-5), other = 1;
	volatile int64_t wide = old;
	volatile int word = 3;

	barrier();
	printf("kuser version %d, TLS %s\n", *(const volatile int *)0xffff0ffc,
	       get_tls() == __builtin_thread_pointer() ? "as the register" : "wrong");
	printf("cmpxchg: %s, ", cmpxchg(3, 4, &word) == 0 ? "stored" : "refused");
	printf("%s, ", cmpxchg(3, 5, &word) == 0 ? "stored" : "refused");
	printf("word %d\n", word);
	printf("cmpxchg64: %s, ", cmpxchg64(&old, &new, &wide) == 0 ? "stored" : "refused");
	printf("%s, ", cmpxchg64(&other, &old, &wide) == 0 ? "stored" : "refused");
	printf("word %lld\n", (long long)wide);
}

/* --- the machine's own system calls ------------------------------------------------------------- */

static void own_calls(void)
{
	uint32_t *code =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *tls = __builtin_thread_pointer(), *seen_tls;
	int first, second;

	code[0] = 0xe3a00001; /* mov r0, #1 */
	code[1] = 0xe12fff1e; /* bx lr */
	printf("cacheflush %ld, ", syscall(0xf0002, code, code + 2, 0));
	first = ((int (*)(void))code)();
	code[0] = 0xe3a00002;
	printf("%ld, ", syscall(0xf0002, code, code + 2, 0));
	second = ((int (*)(void))code)();
	printf("code gave %d, then %d\n", first, second);
	printf("cacheflush, backwards: %ld\n", syscall(0xf0002, code + 2, code, 0));
	/* No C between the two: it keeps errno there. */
	__asm__ volatile("mov r4, %2\n\tmov r0, %1\n\tldr r7, =0xf0005\n\tsvc #0\n\t"
			 "mrc p15, 0, %0, c13, c0, 3\n\tmov r0, r4\n\tsvc #0"
			 : "=&r"(seen_tls)
			 : "r"(code), "r"(tls)
			 : "r0", "r4", "r7", "memory");
	printf("set_tls: %s\n", seen_tls == code ? "read" : "not read");
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
	expect("read, kernel", read_at, (void *)0xc1000000);
	expect("write, kernel", write_at, (void *)0xc1000000);
	expect("write, kuser page", write_at, (void *)0xffff0fe0);
	expect("exclusive not aligned", unaligned_exclusive, page + 4097);
	expect("undefined", undefined, (void *)8);
	expect("undefined, Thumb", undefined_thumb, (void *)8);
	expect("breakpoint", breakpoint, (void *)8);
	expect("breakpoint, Thumb", breakpoint_thumb, (void *)8);
	expect("breakpoint, Thumb, wide", breakpoint_wide, (void *)8);
	expect("BKPT", bkpt, (void *)8);
	expect("breakpoint, call", breakpoint_call, (void *)8);
	expect("breakpoint, Thumb, call", breakpoint_call_thumb, (void *)8);
	expect("privileged", privileged, (void *)8);
	on(SIGTRAP, step_over);
	printf("registers after a handler: %s\n", preserved() ? "as before" : "changed");
	returns("sigreturn, ARM", plain, 0);
	returns("sigreturn, Thumb", plain_thumb, 0);
	returns("rt_sigreturn, ARM", plain, SA_SIGINFO);
	returns("rt_sigreturn, Thumb", plain_thumb, SA_SIGINFO);
	kuser();
	own_calls();
	return 0;
}
