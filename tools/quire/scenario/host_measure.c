/* SPDX-License-Identifier: MIT */
/* Measured system calls and accesses: the harness takes no fault between the two readings.
 *
 * A reading is getrusage(RUSAGE_THREAD), exact to the fault. Between two readings only this file and the C
 * library's syscall() run, on a few words of stack, and the signal handler on its own stack. host_warm()
 * repeats all of this until it takes no fault: after a fork every private page of the harness is
 * write-protected again, and its code must be mapped again. */
#include "host.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef RUSAGE_THREAD
#define RUSAGE_THREAD 1
#endif

enum {
	SIGNAL_STACK = 65536,
	DEEP = 65536,
	WARM_ROUNDS = 64,
	FLUSH_PAGES = 64
};

/* A sanitizer's accesses to shadow memory of the program's addresses would be counted. */
#if defined(__clang__)
#define UNWATCHED __attribute__((noinline, no_sanitize("address", "undefined", "coverage")))
#else
#define UNWATCHED __attribute__((noinline, no_sanitize("address"), no_sanitize("undefined")))
#endif

/* The handler has no context argument, so these are global. A process has one thread. */
static struct {
	sigjmp_buf back;
	volatile sig_atomic_t armed;
	volatile sig_atomic_t executing;
	volatile int signal, code;
	volatile uintptr_t addr;
	volatile uintptr_t target;
	unsigned char scratch[8192];
} catcher;

UNWATCHED static uintptr_t interrupted_pc(const void *context)
{
	const ucontext_t *u = context;

#if defined(__x86_64__)
	return (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__i386__)
	return (uintptr_t)u->uc_mcontext.gregs[REG_EIP];
#elif defined(__aarch64__)
	return (uintptr_t)u->uc_mcontext.pc;
#elif defined(__arm__)
	return (uintptr_t)u->uc_mcontext.arm_pc;
#else
	(void)u;
	return 0;
#endif
}

UNWATCHED static void on_signal(int signal, siginfo_t *info, void *context)
{
	if (!catcher.armed) {
		/* The harness itself crashed: die of the signal; the zygote reports it. */
		struct sigaction action;

		memset(&action, 0, sizeof(action));
		action.sa_handler = SIG_DFL;
		sigaction(signal, &action, NULL);
		return;
	}
	catcher.signal = signal;
	catcher.code = info->si_code;
	catcher.addr = (uintptr_t)info->si_addr;
	if (catcher.executing) {
		/* The first trap arrives before the instruction at the target is fetched: continue. */
		if (signal == SIGTRAP && interrupted_pc(context) == catcher.target &&
		    catcher.executing == 1) {
			catcher.executing = 2;
			return;
		}
		/* Any signal except a failed fetch means that the instruction was fetched. */
		if (signal == SIGTRAP || signal == SIGILL || interrupted_pc(context) != catcher.target ||
		    (signal == SIGSEGV && info->si_code != SEGV_MAPERR && info->si_code != SEGV_ACCERR) ||
		    catcher.addr != catcher.target)
			catcher.signal = 0;
	}
	siglongjmp(catcher.back, 1);
}

bool host_measure_init(struct scn_host *host)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
	struct sigaction action;
	stack_t stack;

	host->sweep = mmap(NULL, FLUSH_PAGES * (size_t)host->shared->backend.page_size,
			   PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (host->sweep == MAP_FAILED)
		return false;
	memset(&stack, 0, sizeof(stack));
	stack.ss_size = SIGNAL_STACK;
	stack.ss_sp = mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) != 0)
		return false;
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_signal;
	/* With NODEFER and a jump that saves no mask, returning needs no system call. */
	action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], &action, NULL) != 0)
			return false;
	return true;
}

UNWATCHED static void take_counts(struct rusage *out)
{
	syscall(SYS_getrusage, RUSAGE_THREAD, out);
}

UNWATCHED static void add_counts(struct scn_counts *counts, const struct rusage *before,
				 const struct rusage *after)
{
	counts->minor += (uint32_t)(after->ru_minflt - before->ru_minflt);
	counts->major += (uint32_t)(after->ru_majflt - before->ru_majflt);
}

UNWATCHED long host_measured_call(struct scn_counts *counts, long number, const uint64_t arg[6])
{
	struct rusage before, after;
	long value;

	memset(&after, 0, sizeof(after));
	take_counts(&before);
	value = syscall(number, (long)arg[0], (long)arg[1], (long)arg[2], (long)arg[3], (long)arg[4],
			(long)arg[5]);
	if (value == -1)
		value = -(long)errno;
	take_counts(&after);
	add_counts(counts, &before, &after);
	return value;
}

#if defined(__riscv)
/* Whether the CPU itself marks a page as written to: then the first write of shared memory that was read takes no
 * fault. More than once, since the first round may fault on pages of this program. */
UNWATCHED static bool cpu_marks_writes(void)
{
	struct rusage before, after;
	bool marks = false;

	for (unsigned round = 0; round < 3 && !marks; round++) {
		volatile char *page =
		    mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED)
			return false;
		memset(&after, 0, sizeof(after));
		(void)*page;
		take_counts(&before);
		*page = 1;
		take_counts(&after);
		marks = before.ru_minflt == after.ru_minflt;
		munmap((void *)(uintptr_t)page, 1);
	}
	return marks;
}
#endif

#ifdef __i386__
/* A program of 32 bits runs on the tables of x86-64 where the kernel does: they refuse to execute. */
static bool kernel_is_x86_64(void)
{
	struct utsname name;

	return uname(&name) == 0 && !strcmp(name.machine, "x86_64");
}
#endif

const char *host_arch(void)
{
#if defined(__aarch64__)
	return "arm64";
#elif defined(__arm__)
	return "arm";
#elif defined(__i386__)
	return kernel_is_x86_64() ? "x86_64" : "i386";
#elif defined(__riscv)
	return cpu_marks_writes() ? "riscv64_svadu" : "riscv64";
#else
	return "x86_64";
#endif
}

bool host_can_exec(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return true;
#else
	return false;
#endif
}

/* Executes one instruction at `addr` with the trap flag set. Every register points to the scratch area, so
 * that any instruction is harmless. Never returns: on_signal() jumps back. */
UNWATCHED static void execute(uintptr_t addr)
{
	unsigned char *scratch = catcher.scratch + sizeof(catcher.scratch) / 2;

#if defined(__x86_64__)
	register uintptr_t target __asm__("r11") = addr;

	__asm__ volatile("sub $512, %%rsp\n\t"
			 "mov %%rdx, %%rax\n\t"
			 "mov %%rax, %%rbx\n\tmov %%rax, %%rcx\n\tmov %%rax, %%rsi\n\tmov %%rax, %%rdi\n\t"
			 "mov %%rax, %%rbp\n\tmov %%rax, %%r8\n\tmov %%rax, %%r9\n\tmov %%rax, %%r10\n\t"
			 "mov %%rax, %%r12\n\tmov %%rax, %%r13\n\tmov %%rax, %%r14\n\tmov %%rax, %%r15\n\t"
			 "pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tjmp *%%r11\n\t"
			 :
			 : "d"(scratch), "r"(target)
			 : "memory");
#elif defined(__i386__)
	__asm__ volatile("sub $512, %%esp\n\t"
			 "mov %%edx, %%eax\n\tmov %%edx, %%ebx\n\tmov %%edx, %%esi\n\tmov %%edx, %%edi\n\t"
			 "pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\tjmp *%%ecx\n\t"
			 :
			 : "d"(scratch), "c"((uintptr_t)addr)
			 : "memory");
#else
	(void)scratch;
	(void)addr;
#endif
}

UNWATCHED static void touch(enum scn_access kind, uintptr_t addr, uint8_t value, uint8_t *out_value)
{
	volatile uint8_t *byte = (volatile uint8_t *)addr;

	switch (kind) {
	case SCN_ACCESS_READ:
		*out_value = *byte;
		break;
	case SCN_ACCESS_WRITE:
		*byte = value;
		break;
	default:
		catcher.target = addr;
		catcher.executing = 1;
		execute(addr);
	}
}

UNWATCHED void host_measured_access(enum scn_access kind, uint64_t addr, uint8_t value,
				    struct scn_access_result *out)
{
	struct rusage before, after;
	volatile uint8_t got = 0;

	memset(&after, 0, sizeof(after));
	catcher.signal = 0;
	catcher.executing = 0;
	take_counts(&before);
	if (sigsetjmp(catcher.back, 0) == 0) {
		uint8_t read = 0;

		catcher.armed = 1;
		touch(kind, (uintptr_t)addr, value, &read);
		got = read;
	}
	catcher.armed = 0;
	catcher.executing = 0;
	take_counts(&after);
	out->signal = (uint8_t)catcher.signal;
	out->code = out->signal ? (uint8_t)catcher.code : 0;
	out->addr = out->signal ? catcher.addr : 0;
	out->value = out->signal ? 0 : got;
	add_counts(&out->counts, &before, &after);
}

/* Writes every page of the stack that deeper calls will use. */
__attribute__((noinline)) static void touch_stack(void)
{
	volatile unsigned char room[DEEP];

	for (unsigned i = 0; i < DEEP; i += 1024)
		room[i] = (unsigned char)i;
	(void)room[0];
}

void host_flush_tlb(struct scn_host *host)
{
	/* More pages than Linux flushes one by one, so that it flushes the whole TLB. */
	size_t bytes = FLUSH_PAGES * (size_t)host->shared->backend.page_size;

	if (host->flushed == host->shared->changes)
		return;
	host->flushed = host->shared->changes;
	host->sweep[0] = host->sweep[bytes - 1] = 1;
	madvise((void *)(uintptr_t)host->sweep, bytes, MADV_DONTNEED);
}

void host_warm(void)
{
	static const uint64_t nothing[6];

	touch_stack();
	for (unsigned i = 0; i < sizeof(catcher.scratch); i += 1024)
		catcher.scratch[i] = 0;
	for (unsigned round = 0; round < WARM_ROUNDS; round++) {
		struct scn_counts counts = {0, 0};
		struct scn_access_result access = {0};

		/* A call that fails, a read that faults, an instruction fetch that faults. */
		host_measured_call(&counts, SYS_madvise, (const uint64_t[6]){1, 1, 9999, 0, 0, 0});
		host_measured_call(&counts, SYS_getpid, nothing);
		host_measured_access(SCN_ACCESS_READ, 0, 0, &access);
		host_measured_access(SCN_ACCESS_WRITE, 0, 0, &access);
		host_measured_access(SCN_ACCESS_WRITE, (uintptr_t)catcher.scratch, 0, &access);
		if (host_can_exec())
			host_measured_access(SCN_ACCESS_EXEC, 0x10, 0, &access);
		if (!counts.minor && !counts.major && !access.counts.minor && !access.counts.major)
			return;
	}
}
