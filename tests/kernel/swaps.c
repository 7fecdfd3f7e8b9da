/* SPDX-License-Identifier: MIT */
/* Swapped memory as a program sees it: contents, signals, faults, pagemap, for eviction by MADV_PAGEOUT,
 * fork, mlock, shared memory, advice, mremap, munmap, truncation, swapoff. Run with a swap disk, on Debian's kernel and on
 * the reference kernel; swaps.txt is what both print. How many of the faults are major depends on read-ahead: only
 * whether any was is said. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define PAGE  4096ul
#define PAGES 64u
#define MANY  2048u
#define SPARE 2048 /* kB that Linux may keep in lists of each CPU, or that others gave back meanwhile */

static sigjmp_buf back;
static volatile int got;

static void caught(int number, siginfo_t *info, void *context)
{
	(void)context;
	got = number * 100 + info->si_code;
	siglongjmp(back, 1);
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void fill(unsigned char *at, unsigned pages, unsigned value)
{
	for (unsigned i = 0; i < pages; i++)
		memset(at + i * PAGE, (int)(value + i), PAGE);
}

/* Whether each byte is as fill() left it. */
static const char *contents(const unsigned char *at, unsigned pages, unsigned value)
{
	for (unsigned i = 0; i < pages * PAGE; i++) {
		if (at[i] != (unsigned char)(value + i / PAGE))
			return "wrong";
	}
	return "right";
}

static unsigned char *map(unsigned pages, int flags, int fd)
{
	unsigned char *at =
	    mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	if (madvise(at, pages * PAGE, MADV_NOHUGEPAGE) && flags & MAP_PRIVATE)
		at[0] = 0;
	return at;
}

/* Of so many pages: in swap (bit 62) and present (bit 63), by pagemap. */
static void pagemap(const unsigned char *at, unsigned pages, unsigned *swapped, unsigned *present)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	static uint64_t entry[MANY];

	*swapped = *present = 0;
	if (fd < 0 || pread(fd, entry, pages * 8, (off_t)((uintptr_t)at / PAGE * 8)) != (ssize_t)(pages * 8))
		fail("pagemap");
	close(fd);
	for (unsigned i = 0; i < pages; i++) {
		*swapped += entry[i] >> 62 & 1;
		*present += entry[i] >> 63 & 1;
	}
}

static void say_pagemap(const char *when, const unsigned char *at, unsigned pages)
{
	unsigned swapped, present;

	pagemap(at, pages, &swapped, &present);
	printf("  %s: %u swapped, %u present\n", when, swapped, present);
}

/* kB in a file of lines "name: number kB". */
static long kilobytes(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	char line[256];
	long value = -1;

	while (file && value < 0 && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	}
	if (file)
		fclose(file);
	return value;
}

/* Takes all memory for a moment, so that what was written to the area leaves the swap cache as well. */
static void press(void)
{
	unsigned pages = (unsigned)(kilobytes("/proc/meminfo", "MemAvailable:") / 4) + 4096;
	unsigned char *at = map(pages, MAP_PRIVATE, -1);

	for (unsigned i = 0; i < pages; i++)
		at[i * PAGE] = 1;
	munmap(at, pages * PAGE);
}

/* Until no page is present: one that is being written is for the next turn. */
static void evict(unsigned char *at, unsigned pages)
{
	unsigned swapped, present = 1;

	for (unsigned turn = 0; turn < 100 && present; turn++) {
		if (turn)
			usleep(20000);
		if (madvise(at, pages * PAGE, MADV_PAGEOUT))
			fail("MADV_PAGEOUT");
		pagemap(at, pages, &swapped, &present);
	}
	if (present)
		printf("  NOT EVICTED: %u\n", present);
	press();
}

static struct rusage before;

static void faults_begin(void)
{
	getrusage(RUSAGE_SELF, &before);
}

static void say_faults(const char *what)
{
	struct rusage now;
	long major;

	getrusage(RUSAGE_SELF, &now);
	major = now.ru_majflt - before.ru_majflt;
	printf("  %s: %ld faults, %s major\n", what, major + now.ru_minflt - before.ru_minflt,
	       major ? "some" : "none");
}

static unsigned touch(const unsigned char *at, unsigned pages)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < pages; i++)
		sum += ((const volatile unsigned char *)at)[i * PAGE];
	return sum;
}

static void evict_then_touch(void)
{
	unsigned char *at = map(PAGES, MAP_PRIVATE, -1);
	long swap;

	printf("evict, then touch\n");
	fill(at, PAGES, 1);
	evict(at, PAGES);
	say_pagemap("evicted", at, PAGES);
	swap = kilobytes("/proc/self/status", "VmSwap:");
	printf("  VmSwap %ld kB more than nothing\n", swap >= (long)(PAGES * 4) ? (long)(PAGES * 4) : swap);
	faults_begin();
	touch(at, PAGES);
	say_faults("read");
	printf("  contents %s\n", contents(at, PAGES, 1));
	say_pagemap("read", at, PAGES);
	fill(at, PAGES, 2);
	evict(at, PAGES);
	faults_begin();
	for (unsigned i = 0; i < PAGES; i++)
		at[i * PAGE] = (unsigned char)(2 + i);
	say_faults("written");
	printf("  contents %s\n", contents(at, PAGES, 2));
	munmap(at, PAGES * PAGE);
}

static void fork_of_swapped(void)
{
	unsigned char *at = map(16, MAP_PRIVATE, -1);
	int status;

	printf("fork of swapped pages\n");
	fill(at, 16, 3);
	evict(at, 16);
	fflush(stdout);
	if (fork() == 0) {
		say_pagemap("in the child", at, 16);
		printf("  contents in the child %s\n", contents(at, 16, 3));
		fill(at, 16, 4);
		printf("  the child's own %s\n", contents(at, 16, 4));
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	say_pagemap("in the parent", at, 16);
	printf("  contents in the parent %s\n", contents(at, 16, 3));
	munmap(at, 16 * PAGE);
}

static void lock_of_swapped(void)
{
	unsigned char *at = map(16, MAP_PRIVATE, -1);

	printf("mlock of swapped pages\n");
	fill(at, 16, 5);
	evict(at, 16);
	if (mlock(at, 16 * PAGE))
		fail("mlock");
	say_pagemap("locked", at, 16);
	faults_begin();
	touch(at, 16);
	say_faults("read");
	(void)madvise(at, 16 * PAGE, MADV_PAGEOUT);
	say_pagemap("advised away", at, 16);
	printf("  contents %s\n", contents(at, 16, 5));
	munmap(at, 16 * PAGE);
}

static void shared_in_swap(void)
{
	int fd = memfd_create("swaps", 0);
	unsigned char *at;
	int status;

	printf("shared memory in swap\n");
	if (fd < 0 || ftruncate(fd, 16 * PAGE))
		fail("memfd_create");
	at = map(16, MAP_SHARED, fd);
	fill(at, 16, 6);
	evict(at, 16);
	say_pagemap("evicted", at, 16);
	fflush(stdout);
	if (fork() == 0) {
		printf("  contents in the child %s\n", contents(at, 16, 6));
		fill(at, 16, 7);
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	printf("  contents in the parent %s\n", contents(at, 16, 7));
	evict(at, 16);
	printf("  read by the file: ");
	for (unsigned i = 0; i < 16; i++) {
		unsigned char page[PAGE];

		if (pread(fd, page, PAGE, (off_t)(i * PAGE)) != (ssize_t)PAGE || page[9] != 7 + i)
			fail("pread");
	}
	printf("right\n");
	evict(at, 16);
	if (ftruncate(fd, 8 * PAGE) || ftruncate(fd, 16 * PAGE))
		fail("ftruncate");
	printf("  contents after truncation %s, behind it %u\n", contents(at, 8, 7), touch(at + 8 * PAGE, 8));
	munmap(at, 16 * PAGE);
	close(fd);
}

static void advice(void)
{
	unsigned char *at = map(16, MAP_PRIVATE, -1);

	printf("advice\n");
	fill(at, 16, 8);
	evict(at, 16);
	madvise(at, 4 * PAGE, MADV_DONTNEED);
	say_pagemap("a quarter not needed", at, 16);
	printf("  contents %s, not needed %u\n", contents(at + 4 * PAGE, 12, 12), touch(at, 4));
	fill(at, 16, 8);
	evict(at, 16);
	madvise(at, 16 * PAGE, MADV_WILLNEED);
	usleep(200000);
	faults_begin();
	touch(at, 16);
	say_faults("will be needed, read");
	printf("  contents %s\n", contents(at, 16, 8));
	evict(at, 16);
	madvise(at, 16 * PAGE, MADV_FREE);
	say_pagemap("freed", at, 16);
	printf("  contents of freed pages %u\n", touch(at, 16));
	munmap(at, 16 * PAGE);
}

static void moved(void)
{
	unsigned char *at = map(16, MAP_PRIVATE, -1), *to;

	printf("mremap, mprotect\n");
	fill(at, 16, 9);
	evict(at, 16);
	to = mremap(at, 16 * PAGE, 32 * PAGE, MREMAP_MAYMOVE);
	if (to == MAP_FAILED)
		fail("mremap");
	say_pagemap("moved", to, 16);
	printf("  contents %s, behind them %u\n", contents(to, 16, 9), touch(to + 16 * PAGE, 16));
	evict(to, 16);
	if (mprotect(to, PAGE, PROT_NONE) || mprotect(to + PAGE, PAGE, PROT_READ))
		fail("mprotect");
	for (unsigned i = 0; i < 3; i++) {
		got = 0;
		if (sigsetjmp(back, 1) == 0)
			((volatile unsigned char *)to)[i * PAGE] = 99;
		printf("  written: signal %d code %d\n", got / 100, got % 100);
	}
	say_pagemap("afterwards", to, 3);
	munmap(to, 32 * PAGE);
}

/* What is swapped goes with its mapping: nothing of it is left in the swap area. */
static void unmapped(void)
{
	long free_before = kilobytes("/proc/meminfo", "SwapFree:"), free_after = 0;
	unsigned char *at = map(MANY, MAP_PRIVATE, -1);

	printf("munmap\n");
	fill(at, MANY, 10);
	evict(at, MANY);
	say_pagemap("evicted", at, MANY);
	munmap(at, MANY * PAGE);
	for (unsigned i = 0; i < 100 && free_after < free_before - SPARE; i++) {
		free_after = kilobytes("/proc/meminfo", "SwapFree:");
		usleep(50000);
	}
	printf("  left there: %s\n", free_after >= free_before - SPARE ? "nothing" : "some");
}

static void off(void)
{
	unsigned char *at = map(PAGES, MAP_PRIVATE, -1), *shared = map(16, MAP_SHARED, -1);
	char line[256] = "", *end;
	FILE *areas = fopen("/proc/swaps", "r");

	printf("swapoff\n");
	fill(at, PAGES, 11);
	fill(shared, 16, 12);
	evict(at, PAGES);
	evict(shared, 16);
	if (!areas || !fgets(line, sizeof(line), areas) || !fgets(line, sizeof(line), areas))
		fail("/proc/swaps");
	fclose(areas);
	end = strchr(line, ' ');
	*(end ? end : line + strcspn(line, "\t\n")) = 0;
	if (swapoff(line))
		fail(line);
	say_pagemap("private", at, PAGES);
	printf("  SwapTotal %ld kB\n", kilobytes("/proc/meminfo", "SwapTotal:"));
	printf("  contents %s, shared %s\n", contents(at, PAGES, 11), contents(shared, 16, 12));
	(void)madvise(at, PAGES * PAGE, MADV_PAGEOUT);
	say_pagemap("without an area, advised away", at, PAGES);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	/* The program's own pages take no fault. */
	if (mlockall(MCL_CURRENT))
		fail("mlockall");
	evict_then_touch();
	fork_of_swapped();
	lock_of_swapped();
	shared_in_swap();
	advice();
	moved();
	unmapped();
	off();
	return 0;
}
