/* SPDX-License-Identifier: MIT */
/* Strings, arrays and buffers at every alignment and of many lengths, up to the last byte before memory that is not
 * there. Prints the same lines on any Linux. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "expect.h"
#include "said.h"

#define PAGE        4096l
#define STRINGS     400
#define LONGEST_ARG 131072l /* with its NUL */

extern char **environ;

static uint8_t pattern(long at)
{
	return (uint8_t)('a' + (unsigned long)at * 31 % 61);
}

static void fill(char *to, long length, long seed)
{
	for (long i = 0; i < length; i++)
		to[i] = (char)pattern(seed + i);
}

static int is_filled(const char *at, long length, long seed)
{
	for (long i = 0; i < length; i++)
		if (at[i] != (char)pattern(seed + i))
			return 0;
	return 1;
}

/* The end of new memory, behind which there is none. */
static char *edge(long bytes)
{
	char *at =
	    mmap(NULL, (size_t)(bytes + PAGE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || munmap(at + bytes, PAGE)) {
		perror("mmap");
		exit(1);
	}
	return at + bytes;
}

/* --- strings in, buffers out ------------------------------------------------------------------ */

/* Each string ends at the edge, or `skip` bytes before; so does what comes back. */
static void links(void)
{
	char *from = edge(2 * PAGE), *to = edge(2 * PAGE);

	for (long length = 1; length < 90; length++) {
		for (long skip = 0; skip < 9; skip++) {
			char *text = from - skip - length - 1, *back = to - length;

			fill(text, length, length);
			text[length] = 0;
			memset(to - 2 * PAGE, '#', (size_t)(2 * PAGE));
			expect("symlink", symlink(text, "link"), 0);
			expect("readlink", readlink("link", back, (size_t)length), length);
			expect("the target", is_filled(back, length, length) && back[-1] == '#', 1);
			unlink("link");
		}
	}
	/* Over the end of a page, which is there. */
	for (long before = 1; before < 40; before++) {
		char *text = from - PAGE - before;

		fill(text, 60, before);
		text[60] = 0;
		EXPECT(symlink(text, "link"), 0);
		EXPECT(readlink("link", to - 60, 60), 60);
		EXPECT(is_filled(to - 60, 60, before), 1);
		unlink("link");
	}
	printf("links: %d failures\n", failures);
	for (long length = 0; length < 3; length++) {
		fill(from - length, length, 0);
		printf("%ld bytes, no end: ", length);
		SAY(access(from - length, F_OK));
	}
	fill(from - 2 * PAGE, 2 * PAGE, 0);
	SAY(access(from - 4097, F_OK));
	SAY(access(from - 4095, F_OK));
	from[-4096 + 255] = 0;
	SAY(access(from - 4096, F_OK));
}

/* --- transfers -------------------------------------------------------------------------------- */

static void transfer(int fd, char *from, char *to, long length)
{
	fill(from, length, length);
	memset(to - 16, '#', (size_t)length + 32);
	expect("pwrite", pwrite(fd, from, (size_t)length, 0), length);
	expect("pread", pread(fd, to, (size_t)length, 0), length);
	expect("the bytes", is_filled(to, length, length), 1);
	expect("what is around them",
	       to[-1] == '#' && to[-16] == '#' && to[length] == '#' && to[length + 15] == '#', 1);
}

static void transfers(int fd)
{
	static char from[PAGE + 64], to[PAGE + 64];

	for (long a = 0; a < 8; a++)
		for (long b = 0; b < 8; b++)
			for (long length = 0; length < 140; length += length < 70 ? 1 : 7)
				transfer(fd, from + a, to + 16 + b, length);
	for (long a = 0; a < 8; a++)
		transfer(fd, from + a, to + 16 + a / 2, PAGE - a);
	printf("transfers: %d failures\n", failures);
}

/* A buffer of which `there` bytes are before the edge. */
static void cut_off(int fd)
{
	char *to = edge(PAGE);

	memset(to - PAGE, '#', (size_t)PAGE);
	fill(to - 200, 200, 0);
	EXPECT(pwrite(fd, to - 200, 200, 0), 200);
	for (long there = 1; there < 140; there++) {
		memset(to - PAGE, '#', (size_t)PAGE);
		expect("a read that is cut off", pread(fd, to - there, 200, 0), there);
		expect("its bytes", is_filled(to - there, there, 0) && to[-there - 1] == '#', 1);
	}
	SAY(pread(fd, to, 200, 0));
	printf("cut off: %d failures\n", failures);
}

/* --- exec ------------------------------------------------------------------------------------- */

static long length_of(long i)
{
	return i % 97;
}

/* Where string `i` is put: most are neighbours, some have a gap before them. */
static long gap_of(long i)
{
	return i % 7 == 3 ? i % 11 : 0;
}

/* In the new program: argv[2] on, or the environment. */
static int check_strings(char **at, long seed)
{
	for (long i = 0; i < STRINGS; i++)
		if (!at[i] || (long)strlen(at[i]) != length_of(i) ||
		    !is_filled(at[i], length_of(i), seed + i))
			return 0;
	return !at[STRINGS];
}

/* Pointers whose NULL is the last before the edge, to strings of which the last ends there. */
static char **make_strings(long first, long seed, int backwards)
{
	long bytes = (long)(first + STRINGS + 1) * (long)sizeof(char *), room = 0;
	char **array = (char **)(void *)(edge((bytes + PAGE - 1) / PAGE * PAGE) - bytes), *text;

	for (long i = 0; i < STRINGS; i++)
		room += gap_of(i) + length_of(i) + 1;
	text = edge((room + PAGE - 1) / PAGE * PAGE) - room;
	for (long n = 0; n < STRINGS; n++) {
		long i = backwards ? STRINGS - 1 - n : n;

		text += gap_of(i);
		fill(text, length_of(i), seed + i);
		text[length_of(i)] = 0;
		array[first + i] = text;
		text += length_of(i) + 1;
	}
	array[first + STRINGS] = NULL;
	return array;
}

static void run(char **argv, char **envp)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		execve("/proc/self/exe", argv, envp);
		perror("execve");
		_exit(9);
	}
	waitpid(pid, &status, 0);
	printf("exec %s: %#x\n", argv[1], status);
}

static void exec_many(int backwards)
{
	char **argv = make_strings(2, 5, backwards);

	argv[0] = (char *)(uintptr_t) "edges";
	argv[1] = (char *)(uintptr_t) "many";
	run(argv, make_strings(0, 50, backwards));
}

static void exec_long(long length)
{
	char *text = edge(LONGEST_ARG + PAGE) - length - 1;
	char *argv[] = {(char *)(uintptr_t) "edges", (char *)(uintptr_t) "long", text, NULL};

	fill(text, length, 1);
	text[length] = 0;
	printf("%ld bytes: ", length);
	fflush(stdout);
	run(argv, environ);
}

static void exec_refused(void)
{
	char *end = edge(PAGE), **array = (char **)(void *)end;
	char *none[] = {NULL}, *unended[] = {end - 30, NULL}, *nowhere[] = {end, NULL};

	fill(end - PAGE, PAGE, 0);
	SAY(execve("/proc/self/exe", unended, none));
	SAY(execve("/proc/self/exe", none, unended));
	SAY(execve("/proc/self/exe", nowhere, none));
	SAY(execve("/proc/self/exe", array, none));
	SAY(execve(end - 9, none, none));
	end[-1] = 0;
	for (long i = 1; i < 40; i++)
		array[-i] = end - 30;
	SAY(execve("/proc/self/exe", array - 39, none));
}

int main(int argc, char **argv)
{
	char home[] = "/tmp/edges.XXXXXX";
	int fd;

	if (argc > 1 && !strcmp(argv[1], "many"))
		return argc == STRINGS + 2 && check_strings(argv + 2, 5) && check_strings(environ, 50) ? 3
												       : 4;
	if (argc > 1 && !strcmp(argv[1], "long"))
		return argc == 3 && strlen(argv[2]) == LONGEST_ARG - 1 &&
			       is_filled(argv[2], LONGEST_ARG - 1, 1)
			   ? 3
			   : 4;
	said_begin(home);
	fd = make("file", "");
	links();
	transfers(fd);
	cut_off(fd);
	exec_many(0);
	exec_many(1);
	exec_long(LONGEST_ARG - 1);
	exec_long(LONGEST_ARG);
	exec_refused();
	close(fd);
	return said_end(home) || failures;
}
