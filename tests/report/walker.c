/* SPDX-License-Identifier: MIT */
/* A program whose references are known.  usage: walker loops | random PAGES TIMES
 *
 * loops: 1,000 times over 64 pages; then its child, while it waits, 500 times over the first 20 of them.
 * random: TIMES writes, each to one of PAGES pages.
 *
 * The loops keep everything in registers: beside the pages, they touch the one that their code lies in. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static __attribute__((noinline, aligned(512))) void walk(volatile char *pages, long count, long times)
{
	while (times--)
		for (long i = 0; i < count; i++)
			pages[i * PAGE] = 1;
}

static __attribute__((noinline, aligned(512))) void jump(volatile char *pages, uint64_t count, long times)
{
	uint64_t at = 1;

	while (times--) {
		at = at * UINT64_C(6364136223846793005) + 1442695040888963407u;
		pages[(at >> 33) % count * PAGE] = 1;
	}
}

int main(int argc, char **argv)
{
	long count = argc == 4 ? atol(argv[2]) : 64;
	char *pages;
	pid_t child;
	int status;

	if (argc != 4 && (argc != 2 || strcmp(argv[1], "loops") != 0)) {
		fputs("usage: walker loops | random PAGES TIMES\n", stderr);
		return 2;
	}
	pages = mmap(NULL, (size_t)count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return 1;
	if (argc == 4) {
		jump(pages, (uint64_t)count, atol(argv[3]));
		return 0;
	}
	walk(pages, 64, 1000);
	child = fork();
	if (child == 0) {
		walk(pages, 20, 500);
		_exit(0);
	}
	return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}
