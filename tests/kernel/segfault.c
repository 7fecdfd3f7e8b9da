/* SPDX-License-Identifier: MIT */
/* Dies of SIGSEGV in the way that its argument names. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const int constant = 7;

static void leave(int signal)
{
	_exit(5);
}

static int deeper(int n)
{
	volatile char frame[4096];

	frame[0] = (char)n;
	return (n < 0 ? 0 : deeper(n + 1)) + frame[0];
}

static void die(const char *how)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!strcmp(how, "null-write"))
		*(volatile int *)(uintptr_t)0x10 = 1;
	else if (!strcmp(how, "const-write"))
		*(volatile int *)(uintptr_t)&constant = 1;
	else if (!strcmp(how, "jump"))
		((void (*)(void))(uintptr_t)0x123456)();
	else if (!strcmp(how, "data-jump"))
		((void (*)(void))page)();
	else if (!strcmp(how, "stack"))
		deeper(0);
	else if (!strcmp(how, "handled") && signal(SIGSEGV, leave) != SIG_ERR)
		*(volatile int *)(uintptr_t)0x10 = 1;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "often"))
		die(argv[1]);
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();

		if (!pid)
			die("null-write");
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 3;
	}
	return 0;
}
