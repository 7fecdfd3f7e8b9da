/* SPDX-License-Identifier: MIT */
/* Accesses, jumps and returns to what is not the program's, and transfers from memory with a hole in it.
 * Prints the same lines on any Linux. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "said.h"

#define PAGE 4096l

static sigjmp_buf back;
static uint64_t target;
static int block;

/* --- addresses of the kernel, and of nobody ------------------------------------------------------- */

static void caught(int signal, siginfo_t *info, void *context)
{
	const greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;

	printf("  signal %d code %d address %p error %llx trap %lld\n", signal, info->si_code, info->si_addr,
	       reg[REG_ERR], reg[REG_TRAPNO]);
	siglongjmp(back, 1);
}

static void sends_back(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)target;
	if (block)
		sigaddset(&uc->uc_sigmask, SIGSEGV);
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(signal, &action, NULL);
}

static void touch(uint64_t at)
{
	target = at;
	printf("%#lx: read, write, sigreturn\n", at);
	if (!sigsetjmp(back, 1))
		*(volatile char *)at;
	if (!sigsetjmp(back, 1))
		*(volatile char *)at = 1;
	if (!sigsetjmp(back, 1))
		raise(SIGUSR1);
}

/* How a child dies of it. */
static void dies(const char *what, void (*handler)(int, siginfo_t *, void *), int blocked)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		target = 0x1234567812345678;
		block = blocked;
		handle(SIGSEGV, handler);
		raise(SIGUSR1);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	printf("%s: signal %d\n", what, WTERMSIG(status));
}

static void addresses(void)
{
	static const uint64_t at[] = {0x10,
				      0x7ffffffff000,
				      0x800000000000,
				      0x1234567812345678,
				      0xffff7fffffffffff,
				      0xffff800000000000,
				      0xffff800000002000,
				      0xffffffff81000000};

	printf("== addresses\n");
	handle(SIGSEGV, caught);
	handle(SIGUSR1, sends_back);
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		touch(at[i]);
	dies("SIGSEGV is blocked", caught, 1);
	dies("the handler is nowhere", (void (*)(int, siginfo_t *, void *))0x1234567812345678, 0);
}

/* --- a pipe takes whole pages --------------------------------------------------------------------- */

static void holes(void)
{
	static char got[64 * PAGE];
	char *at = mmap(NULL, 10 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int end[2], fd = make("file", "");

	printf("== holes\n");
	if (at == MAP_FAILED || munmap(at + 9 * PAGE, PAGE) || pipe2(end, O_NONBLOCK))
		exit(1);
	for (long n = 8; n < 9 * PAGE; n += PAGE - 7) {
		char *from = at + 9 * PAGE - n;

		printf("%ld bytes, and the hole\n", n);
		SAY(write(end[1], from, n + 8));
		SAY(read(end[0], got, sizeof(got)));
		SAY(pwrite(fd, from, n + 8, 100));
	}
	SAY(write(end[1], at + 9 * PAGE, 1));
	SAY(write(end[1], at + 9 * PAGE, 0));
}

int main(void)
{
	char home[] = "/tmp/refused-XXXXXX";

	said_begin(home);
	addresses();
	holes();
	return said_end(home);
}
