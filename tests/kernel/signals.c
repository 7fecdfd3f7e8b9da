/* SPDX-License-Identifier: MIT */
/* Signals as a program sees them: prints the same on Linux and in the reference kernel. For i386, what a genuine kernel
 * printed stands in signals_i386.txt. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef SIGNALS_MACHINE
#include SIGNALS_MACHINE
#else
#include "signals_x86_64.h"
#endif

static sigjmp_buf back;
static struct {
	int signal, code;
	uintptr_t address, pc;
	unsigned long error, trap, cr2, flags, mask;
	unsigned short cs, ss;
	int on_stack;
} seen;

static char alternate[64 << 10] __attribute__((aligned(4096)));

static void note(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	const greg_t *r = uc->uc_mcontext.gregs;
	char here;

	seen.signal = signal;
	seen.code = info->si_code;
	seen.address = (uintptr_t)info->si_addr;
	seen.error = (unsigned long)r[REG_ERR];
	seen.trap = (unsigned long)r[REG_TRAPNO];
	seen.cr2 = (unsigned long)CR2(uc);
	seen.cs = (unsigned short)CS(r);
	seen.ss = (unsigned short)SS(r);
	seen.flags = uc->uc_flags;
	seen.on_stack = &here >= alternate && &here < alternate + sizeof(alternate);
	seen.pc = (uintptr_t)PC(r);
	memcpy(&seen.mask, &uc->uc_sigmask, sizeof(seen.mask));
}

static void jump_out(int signal, siginfo_t *info, void *context)
{
	note(signal, info, context);
	siglongjmp(back, 1);
}

static void on(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

	sigaction(signal, &action, NULL);
}

/* `base`: what addresses are told relative to, since they differ from run to run; or one of these: */
#define AT_PC    1 /* whether it is that of the instruction */
#define ANYWHERE 2

static void show(const char *what, uintptr_t base)
{
	if (base == AT_PC)
		base = seen.address == seen.pc ? seen.address : 0;
	if (base == ANYWHERE)
		base = seen.address;
	printf("%-24s signal %d code %d addr %ld err %lx trap %lu cr2 %ld cs %x ss %x flags %lx alt %d mask "
	       "%lx\n",
	       what, seen.signal, seen.code, (long)(seen.address - base), seen.error, seen.trap,
	       seen.trap == 14 ? (long)(seen.cr2 - base) : 0, seen.cs, seen.ss, seen.flags & 6, seen.on_stack,
	       seen.mask);
}

/* Runs `action` and shows the signal that it ends in. */
static void expect(const char *what, void (*action)(void *), void *at, uintptr_t base)
{
	memset(&seen, 0, sizeof(seen));
	if (!sigsetjmp(back, 1)) {
		action(at);
		printf("%-24s no signal\n", what);
		return;
	}
	show(what, base);
}

/* --- faults ----------------------------------------------------------------------------------- */

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

static void divide(void *at)
{
	volatile int number = 7, zero = 0;

	*(volatile int *)at = number / zero;
}

static void undefined(void *at)
{
	__asm__ volatile("ud2");
}

static void breakpoint(void *at)
{
	__asm__ volatile("int3");
}

static void privileged(void *at)
{
	__asm__ volatile("hlt");
}

static __attribute__((noinline)) int deep(volatile char *above, int left)
{
	volatile char frame[4096];

	frame[0] = *above;
	return left ? deep(frame, left - 1) + frame[0] : 0;
}

static void overflow_stack(void *at)
{
	volatile char start = 0;

	printf("%d", deep(&start, 1 << 30));
}

static void faults(void)
{
	char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char name[] = "/tmp/signals.XXXXXX";
	int fd = mkstemp(name), local;
	char *file;

	unlink(name);
	if (ftruncate(fd, 4096))
		exit(1);
	file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	page[0] = (char)0xc3;
	mprotect(page, 4096, PROT_READ);
	mprotect(page + 4096, 4096, PROT_NONE);
	munmap(page + 8192, 4096);
	expect("read null", read_at, NULL, 0);
	expect("write 8", write_at, (void *)8, 0);
	expect("run null", run_at, NULL, 0);
	expect("read unmapped", read_at, page + 8192 + 5, (uintptr_t)page);
	expect("write unmapped", write_at, page + 8192, (uintptr_t)page);
	expect("write read-only", write_at, page + 1, (uintptr_t)page);
	expect("run not executable", run_at, page, (uintptr_t)page);
	expect("read none", read_at, page + 4096, (uintptr_t)page);
	expect("write none", write_at, page + 8191, (uintptr_t)page);
	expect("read behind file", read_at, file + 4096, (uintptr_t)file);
	expect("write behind file", write_at, file + 8191, (uintptr_t)file);
	expect("read kernel", read_at, (void *)KERNEL_ONE, 0);
	expect("read another", read_at, (void *)KERNEL_TWO, 0);
	expect("divide", divide, &local, AT_PC);
	expect("undefined", undefined, NULL, AT_PC);
	expect("breakpoint", breakpoint, NULL, 0);
	expect("privileged", privileged, NULL, 0);
	expect("stack overflow", overflow_stack, NULL, ANYWHERE);
	close(fd);
}

/* --- the alternate stack ---------------------------------------------------------------------- */

static void query_stack(int signal, siginfo_t *info, void *context)
{
	stack_t stack;

	note(signal, info, context);
	sigaltstack(NULL, &stack);
	printf("in handler: stack flags %d, change refused %d\n", stack.ss_flags,
	       sigaltstack(&stack, NULL) == -1 && errno == EPERM);
}

static void alternate_stack(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, old;

	printf("sigaltstack too small: %d",
	       sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = 100}, NULL));
	printf(" errno %d\n", errno);
	sigaltstack(&stack, NULL);
	sigaltstack(NULL, &old);
	printf("sigaltstack: flags %d size %zu\n", old.ss_flags, old.ss_size);
	on(SIGUSR1, query_stack, SA_ONSTACK);
	raise(SIGUSR1);
	printf("ran on it: %d\n", seen.on_stack);
	on(SIGUSR1, query_stack, 0);
	raise(SIGUSR1);
	printf("ran on it: %d\n", seen.on_stack);
}

/* --- masks, queues, restarts ------------------------------------------------------------------ */

static volatile int order[16], order_count;
static volatile int depth_now, depth_most, nested;

static void record(int signal, siginfo_t *info, void *context)
{
	if (order_count < 16)
		order[order_count++] =
		    signal * 100 + (info->si_code == SI_QUEUE ? info->si_value.sival_int : 99);
}

static void print_order(const char *what)
{
	printf("%s:", what);
	for (int i = 0; i < order_count; i++)
		printf(" %d", order[i]);
	printf("\n");
	order_count = 0;
}

static void nest(int signal, siginfo_t *info, void *context)
{
	if (++depth_now > depth_most)
		depth_most = depth_now;
	if (++nested < 3)
		raise(signal);
	depth_now--;
}

static void queues(void)
{
	sigset_t all, old, pending;
	union sigval value;

	for (int i = SIGRTMIN; i < SIGRTMIN + 3; i++)
		on(i, record, 0);
	on(SIGUSR1, record, 0);
	on(SIGUSR2, record, 0);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	for (int i = 3; i > 0; i--) {
		value.sival_int = i;
		sigqueue(getpid(), SIGRTMIN + 1, value);
		sigqueue(getpid(), SIGRTMIN, value);
		sigqueue(getpid(), SIGUSR2, value);
	}
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	sigpending(&pending);
	printf("pending: usr1 %d usr2 %d rt %d term %d\n", sigismember(&pending, SIGUSR1),
	       sigismember(&pending, SIGUSR2), sigismember(&pending, SIGRTMIN),
	       sigismember(&pending, SIGTERM));
	sigprocmask(SIG_SETMASK, &old, NULL);
	/* Handlers nest: the last frame pushed runs first, so that the order is that of delivery reversed. */
	print_order("delivered");
	on(SIGUSR1, nest, 0);
	raise(SIGUSR1);
	printf("nested %d", depth_most);
	depth_most = nested = 0;
	on(SIGUSR1, nest, SA_NODEFER);
	raise(SIGUSR1);
	printf(", with SA_NODEFER %d\n", depth_most);
	on(SIGUSR2, record, SA_RESETHAND);
	raise(SIGUSR2);
	struct sigaction now;
	sigaction(SIGUSR2, NULL, &now);
	printf("SA_RESETHAND: default %d\n", now.sa_handler == SIG_DFL);
	order_count = 0;
}

static void waiting(void)
{
	sigset_t set, old, empty;
	struct timespec short_time = {0, 20000000}, none = {0, 0}, rest;
	struct itimerval timer = {.it_value = {0, 30000}};
	siginfo_t info;
	int result;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, &old);
	result = sigtimedwait(&set, &info, &short_time);
	printf("sigtimedwait: %d errno %d\n", result, errno);
	raise(SIGUSR1);
	result = sigtimedwait(&set, &info, &none);
	printf("sigtimedwait: %d code %d pid %d\n", result, info.si_code, info.si_pid == getpid());
	setitimer(ITIMER_REAL, &timer, NULL);
	result = sigwaitinfo(&set, &info);
	printf("sigwaitinfo: %d code %d\n", result, info.si_code);
	on(SIGALRM, record, 0);
	setitimer(ITIMER_REAL, &timer, NULL);
	sigemptyset(&empty);
	result = sigsuspend(&empty);
	printf("sigsuspend: %d errno %d, ran %d\n", result, errno, order_count);
	order_count = 0;
	sigprocmask(SIG_SETMASK, &old, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	result = nanosleep(&(struct timespec){5, 0}, &rest);
	printf("nanosleep: %d errno %d, rest %d\n", result, errno, rest.tv_sec == 4);
	order_count = 0;
}

static int pipe_ends[2];

static void write_pipe(int signal, siginfo_t *info, void *context)
{
	char x = 'x';

	if (write(pipe_ends[1], &x, 1) != 1)
		_exit(9);
}

static void restarts(void)
{
	struct itimerval timer = {.it_value = {0, 30000}};
	char x;
	long n;

	if (pipe(pipe_ends))
		exit(1);
	on(SIGALRM, record, 0);
	setitimer(ITIMER_REAL, &timer, NULL);
	n = read(pipe_ends[0], &x, 1);
	printf("read: %ld errno %d\n", n, errno);
	on(SIGALRM, write_pipe, SA_RESTART);
	setitimer(ITIMER_REAL, &timer, NULL);
	n = read(pipe_ends[0], &x, 1);
	printf("read with SA_RESTART: %ld %c\n", n, x);
	close(pipe_ends[0]);
	on(SIGPIPE, record, 0);
	order_count = 0;
	n = write(pipe_ends[1], "x", 1);
	printf("write without reader: %ld errno %d, SIGPIPE %d\n", n, errno, order_count);
	close(pipe_ends[1]);
	order_count = 0;
}

/* --- children --------------------------------------------------------------------------------- */

static siginfo_t child_info;

static void on_child(int signal, siginfo_t *info, void *context)
{
	child_info = *info;
}

static void end_by(int how)
{
	struct rlimit none = {0, 0};
	sigset_t all;

	setrlimit(RLIMIT_CORE, &none);
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	if (how < 0)
		_exit(-how);
	signal(how, SIG_DFL);
	raise(how);
	_exit(77);
}

static void children(void)
{
	static const int ways[] = {-3,      SIGTERM, SIGKILL, SIGSEGV, SIGABRT,
				   SIGCHLD, SIGURG,  SIGUSR1, SIGALRM, SIGPIPE};

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int status;
		pid_t pid;

		memset(&child_info, 0, sizeof(child_info));
		on(SIGCHLD, on_child, SA_RESTART);
		fflush(stdout);
		pid = fork();
		if (!pid)
			end_by(ways[i]);
		if (waitpid(pid, &status, 0) != pid)
			printf("wait failed\n");
		printf("child %d: status %x, SIGCHLD code %d status %d pid %d\n", ways[i], status,
		       child_info.si_code, child_info.si_status, child_info.si_pid == pid);
	}
}

static void stop_and_continue(void)
{
	siginfo_t info;
	int status, ends[2];
	char byte = 0;
	pid_t pid;

	signal(SIGCHLD, SIG_DFL);
	fflush(stdout);
	if (pipe(ends))
		exit(1);
	pid = fork();
	if (!pid) {
		raise(SIGSTOP);
		_exit(read(ends[0], &byte, 1) == 1 ? 5 : 6);
	}
	waitpid(pid, &status, WUNTRACED);
	printf("stopped: %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
	kill(pid, SIGCONT);
	waitpid(pid, &status, WCONTINUED);
	printf("continued: %d\n", WIFCONTINUED(status));
	if (write(ends[1], &byte, 1) != 1)
		exit(1);
	close(ends[0]);
	close(ends[1]);
	memset(&info, 0, sizeof(info));
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	printf("waitid: code %d status %d\n", info.si_code, info.si_status);
	waitpid(pid, &status, 0);
	printf("exited: %x", status);
	printf(", then %d", waitpid(pid, &status, 0));
	printf(" errno %d\n", errno);
	signal(SIGCHLD, SIG_IGN);
	pid = fork();
	if (!pid)
		_exit(1);
	printf("ignored SIGCHLD: %d", waitpid(pid, &status, 0));
	printf(" errno %d\n", errno);
	signal(SIGCHLD, SIG_DFL);
}

static volatile sig_atomic_t told_by;

static void told(int signal, siginfo_t *info, void *context)
{
	told_by = signal;
}

/* clone() names the signal of a child's end: none, a standard one, a real-time one, or no signal at all. */
static void exit_signals(void)
{
	const int ends[] = {0, SIGUSR2, SIGCHLD, 37, 64, 65, 255};
	int status;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		pid_t pid;

		if (ends[i] && ends[i] <= 64)
			on(ends[i], told, 0);
		told_by = 0;
		fflush(stdout);
		pid = (pid_t)syscall(SYS_clone, ends[i], 0, NULL, NULL, 0);
		if (!pid)
			_exit(i);
		while (waitpid(pid, &status, __WALL) != pid)
			;
		printf("exit signal %d: told by %d, status %x\n", ends[i], (int)told_by, status);
	}
	signal(SIGCHLD, SIG_DFL);
}

static void groups(void)
{
	int status, ends[2];
	char ready;
	pid_t pid;

	fflush(stdout);
	if (pipe(ends))
		exit(1);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		for (int i = 0; i < 3; i++)
			if (!fork())
				break;
		if (write(ends[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	for (int i = 0; i < 4; i++)
		if (read(ends[0], &ready, 1) != 1)
			exit(1);
	close(ends[1]);
	printf("kill group: %d\n", kill(-pid, SIGTERM));
	waitpid(pid, &status, 0);
	/* Everyone who held the pipe is gone when it ends. */
	printf("group ended: status %x, pipe %zd\n", status, read(ends[0], &ready, 1));
}

/* --- threads ---------------------------------------------------------------------------------- */

static atomic_int taken_by, target, ready_count;

static void which_thread(int signal, siginfo_t *info, void *context)
{
	taken_by = gettid();
}

static void *wait_for_signal(void *stop)
{
	target = gettid();
	ready_count++;
	while (!*(atomic_int *)stop)
		usleep(1000);
	return NULL;
}

static void threads(void)
{
	static atomic_int stop;
	pthread_t thread;

	on(SIGUSR1, which_thread, 0);
	pthread_create(&thread, NULL, wait_for_signal, &stop);
	while (!ready_count)
		usleep(1000);
	syscall(SYS_tgkill, getpid(), target, SIGUSR1);
	while (!taken_by)
		usleep(1000);
	printf("tgkill: the thread it was for %d\n", taken_by == target);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	taken_by = 0;
	kill(getpid(), SIGUSR1);
	while (!taken_by)
		usleep(1000);
	printf("kill: the thread that does not block it %d\n", taken_by == target);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	stop = 1;
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, wait_for_signal, &(struct { atomic_int v; }){0}.v);
	usleep(10000);
	void *result;
	pthread_cancel(thread);
	pthread_join(thread, &result);
	printf("cancelled: %d\n", result == PTHREAD_CANCELED);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	alternate_stack();
	for (int i = 0; i < 6; i++)
		on((const int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS}[i], jump_out, SA_ONSTACK);
	faults();
	expect("single step", single_step, NULL, ANYWHERE);
	on(SIGILL, skip_instruction, 0);
	contexts();
	queues();
	waiting();
	restarts();
	children();
	stop_and_continue();
	exit_signals();
	groups();
	threads();
	return 0;
}
