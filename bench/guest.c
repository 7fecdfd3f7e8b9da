/* SPDX-License-Identifier: MIT */
/* The cost of each kind of fault to a program: the same static binary runs on Linux and in the reference
 * kernel.
 *
 * Prints "name<TAB>count<TAB>nanoseconds per operation". Under `qemu -icount shift=0` a nanosecond is an
 * instruction, and the figures are exact; entry, return and one access are part of each. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE       4096ul
#define PAGES      2048ul
#define BYTES      (PAGES * PAGE)
#define FORK_BYTES (64ul << 20)

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static volatile char *map(size_t bytes, int prot, int fd)
{
	int flags = MAP_PRIVATE | (fd < 0 ? MAP_ANONYMOUS : 0);
	char *at = mmap(NULL, bytes, prot, flags, fd, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	madvise(at, bytes, MADV_NOHUGEPAGE);
	return at;
}

static void unmap(volatile char *at, size_t bytes)
{
	munmap((void *)(uintptr_t)at, bytes);
}

static void report(const char *name, uint64_t start, uint64_t count)
{
	uint64_t spent = now() - start;

	printf("%s\t%lu\t%lu\n", name, (unsigned long)count, (unsigned long)((spent + count / 2) / count));
	fflush(stdout);
}

static void touch_read(volatile char *at, size_t step)
{
	for (size_t i = 0; i < BYTES; i += step)
		(void)at[i];
}

static void touch_write(volatile char *at)
{
	for (size_t i = 0; i < BYTES; i += PAGE)
		at[i] = 1;
}

/* --- anonymous memory ------------------------------------------------------------------------- */

static void anonymous(void)
{
	volatile char *at = map(BYTES, PROT_READ | PROT_WRITE, -1);
	uint64_t start;

	/* Allocate the tables first, so that each row measures pages only. */
	touch_write(at);
	start = now();
	madvise((void *)(uintptr_t)at, BYTES, MADV_DONTNEED);
	report("MADV_DONTNEED, per page", start, PAGES);
	start = now();
	touch_read(at, PAGE);
	report("anonymous read, zero page", start, PAGES);
	start = now();
	touch_write(at);
	report("zero page, then write", start, PAGES);
	madvise((void *)(uintptr_t)at, BYTES, MADV_DONTNEED);
	start = now();
	touch_write(at);
	report("anonymous write", start, PAGES);
	start = now();
	mprotect((void *)(uintptr_t)at, BYTES, PROT_READ);
	report("mprotect to read-only, per page", start, PAGES);
	start = now();
	unmap(at, BYTES);
	report("munmap, per page", start, PAGES);
}

/* --- files ------------------------------------------------------------------------------------ */

static int make_file(void)
{
	static char page[PAGE];
	char name[] = "/tmp/bench.XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0)
		fail("mkstemp");
	unlink(name);
	for (size_t i = 0; i < PAGES; i++)
		if (write(fd, page, PAGE) != (ssize_t)PAGE)
			fail("write");
	return fd;
}

/* Every sixteenth page is written and the others are holes, so a page has no cached neighbours. */
static void one_cached_page(void)
{
	static char page[PAGE];
	char name[] = "/tmp/bench.XXXXXX";
	int fd = mkstemp(name);
	volatile char *at;
	uint64_t start;

	if (fd < 0)
		fail("mkstemp");
	unlink(name);
	for (size_t i = 0; i < PAGES; i += 16)
		if (pwrite(fd, page, PAGE, (off_t)(i * PAGE)) != (ssize_t)PAGE)
			fail("pwrite");
	at = map(BYTES, PROT_READ | PROT_WRITE, fd);
	start = now();
	touch_read(at, 16 * PAGE);
	report("private file, read, one cached page", start, PAGES / 16);
	unmap(at, BYTES);
	close(fd);
}

static void files(void)
{
	int fd = make_file();
	volatile char *at = map(BYTES, PROT_READ | PROT_WRITE, fd);
	uint64_t start = now();

	touch_read(at, PAGE);
	report("private file, sequential read, per page", start, PAGES);
	unmap(at, BYTES);
	at = map(BYTES, PROT_READ | PROT_WRITE, fd);
	madvise((void *)(uintptr_t)at, BYTES, MADV_RANDOM);
	start = now();
	/* Touches one page of each fault-around window. */
	touch_read(at, 16 * PAGE);
	report("private file, read, one of 16 pages", start, PAGES / 16);
	unmap(at, BYTES);
	at = map(BYTES, PROT_READ | PROT_WRITE, fd);
	start = now();
	touch_write(at);
	report("private file, write", start, PAGES);
	unmap(at, BYTES);
	close(fd);
	one_cached_page();
}

/* --- fork ------------------------------------------------------------------------------------- */

static void wait_for(pid_t pid)
{
	if (waitpid(pid, NULL, 0) != pid)
		fail("waitpid");
}

static void after_fork(void)
{
	volatile char *at = map(BYTES, PROT_READ | PROT_WRITE, -1);
	int ends[2];
	uint64_t start;
	char byte;
	pid_t pid;

	touch_write(at);
	if (pipe(ends))
		fail("pipe");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) != 0);
	}
	start = now();
	touch_write(at);
	report("write after fork, child alive", start, PAGES);
	close(ends[1]);
	wait_for(pid);
	close(ends[0]);
	pid = fork();
	if (!pid)
		_exit(0);
	wait_for(pid);
	start = now();
	touch_write(at);
	report("write after fork, child gone", start, PAGES);
	unmap(at, BYTES);
}

static char *self;

static __attribute__((noinline)) pid_t vfork_exec(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execl(self, self, "exit", (char *)NULL);
		_exit(1);
	}
	return pid;
}

static void fork_and_exit(const char *name)
{
	uint64_t start = now();
	pid_t pid;

	for (int i = 0; i < 20; i++) {
		pid = fork();
		if (!pid)
			_exit(0);
		wait_for(pid);
	}
	report(name, start, 20);
}

static void forks(void)
{
	volatile char *at;
	uint64_t start;
	pid_t pid;

	fork_and_exit("fork + exit + wait");
	start = now();
	for (int i = 0; i < 20; i++)
		wait_for(vfork_exec());
	report("vfork + exec + exit + wait", start, 20);
	start = now();
	for (int i = 0; i < 20; i++) {
		pid = fork();
		if (!pid) {
			execl(self, self, "exit", (char *)NULL);
			_exit(1);
		}
		wait_for(pid);
	}
	report("fork + exec + exit + wait", start, 20);
	at = map(FORK_BYTES, PROT_READ | PROT_WRITE, -1);
	for (size_t i = 0; i < FORK_BYTES; i += PAGE)
		at[i] = 1;
	start = now();
	pid = fork();
	if (!pid)
		_exit(0);
	report("fork call, per resident page", start, FORK_BYTES / PAGE);
	wait_for(pid);
	unmap(at, FORK_BYTES);
}

/* --- the rest --------------------------------------------------------------------------------- */

#define STACK_PAGES 256ul

static __attribute__((noinline)) char grow_stack(void)
{
	volatile char frame[STACK_PAGES * PAGE];
	uint64_t start = now();

	for (size_t i = STACK_PAGES; i-- > 0;)
		frame[i * PAGE] = 1;
	report("stack growth by one page", start, STACK_PAGES);
	return frame[0];
}

static void calls(void)
{
	uint64_t start = now();

	for (int i = 0; i < 1000; i++)
		syscall(SYS_getppid);
	report("getppid", start, 1000);
	start = now();
	for (int i = 0; i < 1000; i++)
		unmap(map(PAGE, PROT_READ | PROT_WRITE, -1), PAGE);
	report("mmap + madvise + munmap of one page", start, 1000);
}

/* The cost of the loop and the clock: every access finds its page. */
static void nothing(void)
{
	volatile char *at = map(BYTES, PROT_READ | PROT_WRITE, -1);
	uint64_t start;

	touch_write(at);
	start = now();
	touch_write(at);
	report("no fault", start, PAGES);
	unmap(at, BYTES);
}

/* --- main ------------------------------------------------------------------------------------- */

/* The pages that the stack has grown by stay, so what comes after this group is no longer a small program. */
static void stack(void)
{
	if (!grow_stack())
		exit(1);
	fork_and_exit("fork + exit + wait, 1 MiB of stack");
}

/* All run in this order, or only the one named by the argument. */
static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
    {"nothing", nothing}, {"anonymous", anonymous}, {"files", files}, {"after-fork", after_fork},
    {"forks", forks},     {"calls", calls},         {"stack", stack},
};

int main(int argc, char **argv)
{
	int ran = 0;

	/* This program is also the one that forked children execute. */
	if (argc > 1 && !strcmp(argv[1], "exit"))
		return 0;
	self = argv[0];
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (argc > 1 && strcmp(argv[1], groups[i].name))
			continue;
		groups[i].run();
		ran = 1;
	}
	return !ran;
}
