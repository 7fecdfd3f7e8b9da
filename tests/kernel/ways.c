/* SPDX-License-Identifier: MIT */
/* One fault of each kind that the four descriptions tell of; prints the address of each, for ways.py. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u

static sigjmp_buf back;

static void say(const char *what, const volatile void *at)
{
	printf("%s %lx\n", what, (unsigned long)(uintptr_t)at);
	fflush(stdout);
}

static void jump(int signal)
{
	siglongjmp(back, 1);
}

static void *map(int prot, int flags, int fd)
{
	void *at = mmap(NULL, 4 * PAGE, prot, flags, fd, 0);

	if (at == MAP_FAILED)
		exit(2);
	return at;
}

/* Deep enough that no earlier call has been there; written to before a call pushes what is below it. */
static __attribute__((noinline)) void grow(int calls)
{
	volatile char frame[16 * PAGE];

	frame[0] = (char)calls;
	if (calls)
		grow(calls - 1);
	else
		say("stack", frame);
	frame[1] = frame[0];
}

static void copies(void)
{
	volatile char *page = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int status;

	say("first-write", page);
	page[0] = 1;
	say("after-fork", page);
	if (!fork()) {
		page[0] = 2;
		_exit(page[0]);
	}
	wait(&status);
}

static void files(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	volatile char *page = map(PROT_READ, MAP_PRIVATE, fd);

	say("file-read", page);
	(void)page[0];
	close(fd);
}

static void bad_addresses(void)
{
	char *page = (char *)map(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1) + PAGE;
	int ends[2];

	/* Between two mappings, so that no stack lies above. */
	munmap(page, PAGE);
	signal(SIGSEGV, jump);
	say("bad-user", page);
	if (!sigsetjmp(back, 1))
		*(volatile char *)page = 1;
	say("bad-kernel", page);
	if (pipe(ends) || write(ends[1], page, 1) != -1)
		exit(3);
}

/* The kernel's own: a mapping that no address space has touched; and a mistake, which costs the child. */
static void provoke(const char *word)
{
	int fd, status;

	say(word, NULL);
	if (!fork()) {
		fd = open("/proc/provoke-crash", O_WRONLY);
		_exit(write(fd, word, strlen(word)) != (ssize_t)strlen(word));
	}
	wait(&status);
}

int main(void)
{
	grow(8);
	copies();
	files();
	bad_addresses();
	provoke("kernel-mapping call");
	provoke("null-write");
	return 0;
}
