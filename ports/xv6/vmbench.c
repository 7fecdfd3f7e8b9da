/* SPDX-License-Identifier: MIT */
/* Instructions of memory system calls, by instret: the least of five runs. QEMU counts them exactly with -icount. */
#include "kernel/types.h"
#include "user/user.h"

static uint64 instret(void)
{
	uint64 count;

	asm volatile("rdinstret %0" : "=r"(count));
	return count;
}

static int fds[2];
static char text[512];

static void fork_wait(void)
{
	if (fork() == 0)
		exit(0);
	wait(0);
}

static void fork_exec(void)
{
	static char *words[] = {"vmbench", "nothing", 0};

	if (fork() == 0) {
		exec("vmbench", words);
		exit(1);
	}
	wait(0);
}

static void grow(void)
{
	char *at = sbrk(16 << 20);

	for (int i = 0; i < 16 << 20; i += 64 * 4096)
		at[i] = 1;
	sbrk(-(16 << 20));
}

static void pipe500(void)
{
	write(fds[1], text, 500);
	read(fds[0], text, 500);
}

static void pipe1(void)
{
	write(fds[1], text, 1);
	read(fds[0], text, 1);
}

static void nothing(void)
{
	getpid();
}

static int file;

static void write1(void)
{
	write(file, text, 1);
}

static void measure(char *name, void (*run)(void))
{
	uint64 least = -1;

	for (int i = 0; i < 5; i++) {
		uint64 before = instret(), count;

		run();
		count = instret() - before;
		if (count < least)
			least = count;
	}
	printf("vmbench %s %d\n", name, (int)least);
}

int main(int argc, char **argv)
{
	char *heap;

	if (argc > 1)
		exit(0);
	pipe(fds);
	file = dup(1);
	heap = sbrk(4 << 20);
	for (int i = 0; i < 4 << 20; i += 4096)
		heap[i] = 1;
	measure("fork+exit+wait", fork_wait);
	measure("fork+exec+exit+wait", fork_exec);
	sbrk(-(4 << 20));
	measure("sbrk+touch", grow);
	measure("getpid", nothing);
	measure("pipe500", pipe500);
	measure("pipe1", pipe1);
	measure("console1", write1);
	exit(0);
}
