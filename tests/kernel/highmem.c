/* SPDX-License-Identifier: MIT */
/* More memory than the kernel's linear map has, for a machine where RAM may have no linear address: private pages come
 * cleared, hold what was written, are copied after a fork; a file's pages are read and written by both ways; a range
 * that was discarded is clear again. When all that has ended, as many frames are free as before. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "free.h"

#define PAGE    4096u
#define PRIVATE (640u << 20) /* with SHARED it is more than 768 MiB */
#define SHARED  (192u << 20)
#define COPIED  (32u << 20)
#define ROUNDS  8

static uint32_t mark(size_t page)
{
	return (uint32_t)page * 2654435761u | 1;
}

static void check(const char *what, size_t wrong)
{
	printf("%s: %zu pages wrong\n", what, wrong);
	fflush(stdout);
	if (wrong)
		exit(1);
}

static uint32_t *word(char *at, size_t page)
{
	return (uint32_t *)(void *)(at + page * PAGE + page % 1000 * 4);
}

static void fill(char *at, size_t bytes)
{
	size_t wrong = 0;

	for (size_t i = 0; i < bytes / PAGE; i++) {
		wrong += *word(at, i) != 0;
		*word(at, i) = mark(i);
	}
	check("clear before", wrong);
}

static size_t count_wrong(char *at, size_t bytes, uint32_t more)
{
	size_t wrong = 0;

	for (size_t i = 0; i < bytes / PAGE; i++)
		wrong += *word(at, i) != mark(i) + more;
	return wrong;
}

static void copy_in_child(char *at)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		for (size_t i = 0; i < COPIED / PAGE; i++)
			*word(at, i) += 2;
		_exit(count_wrong(at, COPIED, 2) != 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(2);
	check("of the child", status != 0);
	check("of the parent", count_wrong(at, PRIVATE, 0));
}

static void through_file(int fd, char *at)
{
	size_t wrong = 0;

	for (size_t i = 0; i < SHARED / PAGE; i += 7) {
		off_t offset = (off_t)((char *)word(at, i) - at);
		uint32_t value = 0, more;

		wrong += pread(fd, &value, sizeof(value), offset) != sizeof(value) || value != mark(i);
		more = value + 4;
		wrong +=
		    pwrite(fd, &more, sizeof(more), offset) != sizeof(more) || *word(at, i) != mark(i) + 4;
	}
	check("through the file", wrong);
}

static int use_all(void)
{
	char *private = mmap(NULL, PRIVATE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *shared;
	int fd = memfd_create("shared", 0);
	size_t wrong = 0;

	if (private == MAP_FAILED || fd < 0 || ftruncate(fd, SHARED))
		return 2;
	shared = mmap(NULL, SHARED, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		return 2;
	fill(private, PRIVATE);
	fill(shared, SHARED);
	check("private", count_wrong(private, PRIVATE, 0));
	check("shared", count_wrong(shared, SHARED, 0));
	copy_in_child(private);
	through_file(fd, shared);
	if (madvise(private, PRIVATE, MADV_DONTNEED))
		return 2;
	for (size_t i = 0; i < PRIVATE / PAGE; i += 64)
		wrong += *word(private, i) != 0;
	check("clear again", wrong);
	return 0;
}

/* The first round may fill what the kernel keeps (stacks, slabs); then one costs nothing: a leak never comes to rest. */
int main(void)
{
	long before = 0, after = 0;

	for (int round = 0; round < ROUNDS; round++) {
		int status;
		pid_t pid;

		before = free_kib();
		fflush(stdout);
		pid = fork();
		if (!pid)
			_exit(use_all());
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			return 1;
		after = free_settled(before);
		printf("%ld KiB free before, %ld KiB after\n", before, after);
		if (after >= before)
			return 0;
	}
	return 1;
}
