/* SPDX-License-Identifier: MIT */
/* Programs that want more memory than there is: the one that is to blame is killed, and all of memory and of swap comes
 * back. Run in a small guest, with swap and without; and with --mem-limit, whose MiB are then the argument. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB     (1ul << 20)
#define KEPT    (4 * MIB) /* of a program that is not to blame */
#define BROOD   (256ul << 10)
#define SETTLED 100

static int failures;

static void expect(int right, const char *what)
{
	printf("%s %s\n", right ? "ok  " : "FAIL", what);
	failures += !right;
}

/* The number on the line of a file that begins with `name`. */
static long number(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	char line[128];
	long value = -1;

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, strlen(name)) == 0)
			value = atol(line + strlen(name) + (line[strlen(name)] == ':'));
	}
	if (file)
		fclose(file);
	return value;
}

/* What could be had: of memory, and of swap. */
struct room {
	long memory, swap;
};

static struct room room(void)
{
	return (struct room){number("/proc/meminfo", "MemAvailable"), number("/proc/meminfo", "SwapFree")};
}

/* The dead have given everything back, but for a little that the kernel keeps for the next. */
static int is_back(struct room before)
{
	for (int i = 0; i < SETTLED; i++) {
		struct room now = room();

		if (now.memory + now.swap > before.memory + before.swap - 2048)
			return 1;
		usleep(50000);
	}
	return 0;
}

static void fill(char *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 4096)
		memcpy(at + i, &(size_t){i ^ 0x5a5a}, sizeof(size_t));
}

static int holds(const char *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 4096) {
		if (memcmp(at + i, &(size_t){i ^ 0x5a5a}, sizeof(size_t)) != 0)
			return 0;
	}
	return 1;
}

static void *some(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void hog(void)
{
	for (;;) {
		char *more = some(MIB);

		if (more == MAP_FAILED)
			pause();
		fill(more, MIB);
	}
}

/* Each has two children, as long as there is memory for them, and waits to be killed. */
static void bomb(void)
{
	char *own;

	for (int child = 0; child < 2;) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		child = pid ? child + 1 : 0;
		if (pid)
			continue;
		own = some(BROOD);
		if (own == MAP_FAILED)
			break;
		fill(own, BROOD);
	}
	for (;;)
		pause();
}

static void test_hog(void)
{
	struct room before = room();
	pid_t pid = fork();
	int status = 0;

	if (!pid)
		hog();
	expect(pid > 0 && waitpid(pid, &status, 0) == pid, "a hog has ended");
	expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "it was killed");
	expect(is_back(before), "what it had is free");
}

static void test_bomb(void)
{
	struct room before = room();
	pid_t pid = fork();
	int kills = 0;

	if (!pid) {
		setpgid(0, 0);
		bomb();
	}
	setpgid(pid, pid);
	sleep(5);
	/* One that forks while the others are killed is killed the next time. */
	while (kill(-pid, SIGKILL) == 0 && kills++ < 1000) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(10000);
	}
	expect(errno == ESRCH, "a fork bomb has ended");
	expect(is_back(before), "what it had is free");
}

/* In a group of `limit` bytes, this process among others: the rest of the memory stays free meanwhile. */
static void test_limited_hog(size_t limit)
{
	long kills = number("/proc/vmstat", "oom_kill ");
	struct room before = room();
	long least = before.memory;
	pid_t pid = fork();
	int status = 0;

	if (!pid)
		hog();
	while (waitpid(pid, &status, WNOHANG) == 0) {
		long now = room().memory;

		least = now < least ? now : least;
		usleep(1000);
	}
	expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a hog in the group was killed");
	expect(number("/proc/vmstat", "oom_kill ") == kills + 1, "and nobody else");
	expect(least > before.memory - (long)(limit >> 10) - 4096, "it had no more than its group may have");
	expect(is_back(before), "what it had is free");
}

/* More than the group may have, where there is swap: all of it is there. */
static void test_large_set(size_t limit)
{
	size_t bytes = limit + limit / 2;
	struct room before = room();
	char *set = some(bytes);

	fill(set, bytes);
	expect(number("/proc/self/status", "VmRSS:") <= (long)(limit >> 10),
	       "no more than the limit is resident");
	expect(number("/proc/self/status", "VmSwap:") >= (long)((bytes - limit) >> 10),
	       "the rest is in swap");
	expect(room().memory > before.memory - (long)(limit >> 10) - 4096, "other memory was left alone");
	expect(holds(set, bytes), "a set larger than the limit is as it was written");
	munmap(set, bytes);
	expect(is_back(before), "what it had is free");
}

int main(int argc, char **argv)
{
	size_t limit = argc > 1 ? strtoul(argv[1], NULL, 10) * MIB : 0;
	char *kept = some(KEPT);

	fill(kept, KEPT);
	if (limit) {
		if (room().swap > (long)(limit >> 10))
			test_large_set(limit);
		test_limited_hog(limit);
		expect(holds(kept, KEPT), "another's memory is as it was");
		printf("%d failures\n", failures);
		return failures != 0;
	}
	test_hog();
	expect(holds(kept, KEPT), "another's memory is as it was");
	test_bomb();
	expect(holds(kept, KEPT), "another's memory is as it was");
	printf("%d failures\n", failures);
	return failures != 0;
}
