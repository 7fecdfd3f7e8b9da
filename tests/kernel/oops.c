/* SPDX-License-Identifier: MIT */
/* The kernel makes mistakes on purpose (/proc/provoke-crash): each costs the task and nothing else. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "free.h"

#define TRIGGER "/proc/provoke-crash"

static void fail(const char *what)
{
	printf("oops: %s: %s\n", what, strerrorname_np(errno));
	exit(1);
}

/* pwrite: the position of the file is locked by write. */
static int write_word(const char *word)
{
	int fd = open(TRIGGER, O_WRONLY | O_CLOEXEC);
	ssize_t n = pwrite(fd, word, strlen(word), 0);

	close(fd);
	return n == (ssize_t)strlen(word) ? 0 : -1;
}

/* How a process ends that has memory, children's locks and files of its own, and makes the mistake. */
static int end_of(const char *word)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		char *memory =
		    mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(memory, 1, 1 << 20);
		_exit(write_word(word) ? 2 : 3);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		fail("fork");
	return status;
}

static void expect(const char *word, int wanted)
{
	int status = end_of(word);

	if (status != wanted) {
		printf("oops: %s: status 0x%x and not 0x%x\n", word, status, wanted);
		exit(1);
	}
}

static int has_smap(void)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[2048];
	int found = 0;

	while (file && fgets(line, sizeof(line), file))
		found |= strncmp(line, "flags", 5) == 0 && strstr(line, " smap") != NULL;
	if (file)
		fclose(file);
	return found;
}

static const char *const words[] = {"null-read",    "null-write", "null-call",
				    "rodata-write", "wild-read",  "invalid-opcode"};
enum {
	WORDS = sizeof(words) / sizeof(words[0]),
	ROUNDS = 5
};

/* The first rounds may fill what the kernel keeps (stacks, slabs); then a round must cost nothing: of its
 * forty mistakes not one may leave a hundred bytes behind. */
static void frames_come_back(void)
{
	int smap = has_smap();
	long before = 0, after = 0;

	for (int round = 0; round < ROUNDS; round++) {
		before = free_kib();
		for (unsigned i = 0; i < 6 * WORDS; i++)
			expect(words[i % WORDS], SIGKILL);
		if (smap)
			for (unsigned i = 0; i < 6; i++)
				expect("user-read", SIGKILL);
		after = free_settled(before);
		if (after >= before)
			return;
	}
	printf("oops: %ld KiB free before, %ld KiB after\n", before, after);
	exit(1);
}

static void *mistaken_thread(void *unused)
{
	write_word("null-write return");
	printf("oops: a thread lives on\n");
	exit(1);
}

/* The other threads of a process stay, and see that one is gone. */
static void one_thread_of_two(void)
{
	pthread_t thread;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (pthread_create(&thread, NULL, mistaken_thread, NULL) || pthread_join(thread, NULL))
			_exit(1);
		_exit(write_word("no-such-word") == -1 && errno == EINVAL ? 7 : 8);
	}
	if (waitpid(pid, &status, 0) != pid || status != 7 << 8)
		fail("the other thread");
}

static void refused(void)
{
	pid_t pid = fork();
	int status;

	if (write_word("null-write nowhere") == 0 || errno != EINVAL)
		fail("a context that is none");
	if (pid == 0)
		_exit(setuid(7) || open(TRIGGER, O_WRONLY) != -1 || errno != EACCES);
	if (waitpid(pid, &status, 0) != pid || status)
		fail("not root");
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "sysrq") == 0)
		return open("/proc/sysrq-trigger", O_WRONLY) < 0 || write(3, argv[2], 1) != 1;
	if (argc > 1)
		return write_word(argv[1]) ? 2 : 3;
	frames_come_back();
	expect("null-write call", SIGKILL);
	one_thread_of_two();
	refused();
	printf("the kernel lives\n");
	return 0;
}
