/* SPDX-License-Identifier: MIT */
/* A program that does little but fault.  usage: faulter PAGES LOOPS [ROUNDS]
 *
 * It writes to each of PAGES pages, LOOPS loops after each write; its child writes to every second one. ROUNDS times. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static void write_each(volatile char *pages, long count, long step, long loops)
{
	for (long i = 0; i < count; i += step) {
		pages[i * PAGE] = 1;
		for (volatile long n = 0; n < loops; n++)
			;
	}
}

/* Returns false when it could not be done. */
static int one_round(long count, long loops)
{
	char *pages =
	    mmap(NULL, (size_t)count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int status;

	if (pages == MAP_FAILED)
		return 0;
	write_each(pages, count, 1, loops);
	child = fork();
	if (child == 0) {
		write_each(pages, count, 2, loops);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0 &&
	       munmap(pages, (size_t)count * PAGE) == 0;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[1]) : 0, loops = argc > 2 ? atol(argv[2]) : 0;
	long rounds = argc > 3 ? atol(argv[3]) : 1;

	if (count < 1) {
		fputs("usage: faulter PAGES LOOPS [ROUNDS]\n", stderr);
		return 2;
	}
	while (rounds--)
		if (!one_round(count, loops))
			return 1;
	return 0;
}
