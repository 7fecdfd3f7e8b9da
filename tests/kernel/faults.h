/* SPDX-License-Identifier: MIT */
/* Faults, counted by the program that takes them. */
#ifndef FAULTS_H
#define FAULTS_H

#include <sys/mman.h>
#include <sys/resource.h>

/* Faults of this thread so far that read no device. */
static inline long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

/* Whether the CPU leaves it to the kernel to mark a page dirty: then the first write after a read faults. */
static inline int dirty_by_fault(void)
{
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile char *page = map;
	long before;

	(void)page[0];
	before = faults();
	page[0] = 'x';
	before = faults() - before;
	munmap(map, 4096);
	return (int)before;
}

#endif
