/* SPDX-License-Identifier: MIT */
/* What a kernel must survive: each offender runs in a child, dies as on Linux, and leaves every frame free.
 *
 * torture [MIB [NAME]]   MIB: more memory than the machine has (0: what /proc/meminfo says, and a half);
 *                        NAME: only those whose name holds it */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE      4096ul
#define VMAS      60000
#define EXECS     1000
#define THREADS   64
#define SETTLE_MS 1000

static char *self;
static unsigned long too_much; /* bytes */

static unsigned long meminfo(const char *name)
{
	char line[128];
	unsigned long kib = 0;
	FILE *file = fopen("/proc/meminfo", "r");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), ": %lu", &kib);
	if (file)
		fclose(file);
	return kib;
}

/* --- the offenders ---------------------------------------------------------------------------- */

/* Children that each fork once more and hold memory; together far more than there is. Whoever holds most
 * dies first, again and again; the rest dies with the first. */
static int fork_bomb(void)
{
	pid_t group = getpid();

	setpgid(0, 0);
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < 100; i++) {
		if (!fork()) {
			size_t bytes = 2 << 20;
			char *memory =
			    mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			fork();
			if (memory != MAP_FAILED)
				memset(memory, i, bytes);
			pause();
		}
	}
	usleep(100000);
	kill(-group, SIGKILL);
	return 1;
}

static int hog(void)
{
	char *memory =
	    mmap(NULL, too_much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return 2;
	for (unsigned long at = 0; at < too_much; at += PAGE)
		memory[at] = 1;
	return 1; /* there was enough: not what was asked */
}

static bool write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	bool written = file && fputs(text, file) >= 0;

	return file && !fclose(file) && written;
}

/* A small process that offers itself (oom_score_adj) dies before the hog, and nobody else does. */
static int volunteer(void)
{
	pid_t small = fork(), big, first;
	int status = 0;

	if (!small) {
		if (write_text("/proc/self/oom_score_adj", "1000\n"))
			pause();
		_exit(9);
	}
	usleep(50000);
	big = fork();
	if (!big)
		_exit(hog());
	first = wait(&status);
	if (first != small || status != SIGKILL)
		return 2;
	return wait(&status) == big && status == SIGKILL ? 0 : 3;
}

/* Every other page read-only: as many vmas as pages, and one touched page each 16. */
static int many_vmas(void)
{
	char *memory = mmap(NULL, VMAS * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return 2;
	for (unsigned long i = 0; i < VMAS; i += 2)
		if (mprotect(memory + i * PAGE, PAGE, PROT_READ))
			return 3;
	for (unsigned long i = 1; i < VMAS; i += 16)
		memory[i * PAGE] = (char)i;
	for (unsigned long i = 1; i < VMAS; i += 16)
		if (memory[i * PAGE] != (char)i)
			return 4;
	return munmap(memory, VMAS * PAGE) ? 5 : 0;
}

static int into_the_void(void)
{
	((void (*)(void))0x123456789000)();
	return 1;
}

static int exec_again(int left)
{
	char number[16];

	if (!left)
		return 0;
	snprintf(number, sizeof(number), "%d", left - 1);
	execl(self, self, "exec", number, (char *)NULL);
	return 2;
}

static pthread_barrier_t together;
static char *shared_pages;
static atomic_int wrong;

/* All at once: every thread writes its own byte of every page, so that most faults collide. */
static void *toucher(void *argument)
{
	unsigned long me = (unsigned long)(uintptr_t)argument;

	pthread_barrier_wait(&together);
	for (unsigned long i = 0; i < 256; i++)
		shared_pages[((i + me * 4) % 256) * PAGE + me] = (char)(me + i);
	pthread_barrier_wait(&together);
	for (unsigned long i = 0; i < 256; i++)
		if (shared_pages[((i + me * 4) % 256) * PAGE + me] != (char)(me + i))
			wrong++;
	return NULL;
}

static int many_threads(void)
{
	pthread_t thread[THREADS];

	shared_pages = mmap(NULL, 256 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared_pages == MAP_FAILED || pthread_barrier_init(&together, NULL, THREADS))
		return 2;
	for (unsigned long i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, toucher, (void *)(uintptr_t)i))
			return 3;
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return wrong ? 4 : 0;
}

/* Threads that fault, unmap and fork in the same memory, for a while. */
static void *churner(void *argument)
{
	unsigned seed = (unsigned)(uintptr_t)argument;

	for (int i = 0; i < 200; i++) {
		unsigned long at = (unsigned)rand_r(&seed) % 240 * PAGE;

		switch (rand_r(&seed) % 4) {
		case 0:
			madvise(shared_pages + at, 16 * PAGE, MADV_DONTNEED);
			break;
		case 1:
			mprotect(shared_pages + at, PAGE, PROT_READ | PROT_WRITE);
			break;
		case 2:
			memset(shared_pages + at, i, 16 * PAGE);
			break;
		default:
			if (i % 20 == 0) {
				pid_t pid = fork();

				if (!pid) {
					memset(shared_pages + at, i, PAGE);
					_exit(0);
				}
				if (pid > 0)
					waitpid(pid, NULL, 0);
			}
		}
	}
	return NULL;
}

static int churn(void)
{
	pthread_t thread[8];

	shared_pages = mmap(NULL, 256 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (shared_pages == MAP_FAILED)
		return 2;
	for (unsigned long i = 0; i < 8; i++)
		if (pthread_create(&thread[i], NULL, churner, (void *)(uintptr_t)(i + 1)))
			return 3;
	for (int i = 0; i < 8; i++)
		pthread_join(thread[i], NULL);
	return 0;
}

static int exec_many(void)
{
	return exec_again(EXECS);
}

/* --- the run ---------------------------------------------------------------------------------- */

static const struct offender {
	const char *name;
	int (*run)(void);
	int ends; /* what wait4() says: a signal's number, or 0 for a clean exit */
} offenders[] = {
    {"a program that jumps into the void", into_the_void, SIGSEGV},
    {"64 threads faulting at once", many_threads, 0},
    {"8 threads that fault, discard, protect and fork", churn, 0},
    {"60,000 vmas", many_vmas, 0},
    {"1,000 exec in a row", exec_many, 0},
    {"a fork bomb limited by memory", fork_bomb, SIGKILL},
    {"more memory than there is", hog, SIGKILL},
    {"who offers itself dies first", volunteer, 0},
};

/* Free memory, once it no longer changes: the last of the dead have left their CPUs. */
static unsigned long quiet(void)
{
	unsigned long last = 0, now = meminfo("MemFree");

	for (int ms = 0; ms < SETTLE_MS && now != last; ms += 20) {
		last = now;
		usleep(20000);
		now = meminfo("MemFree");
	}
	return now;
}

/* Waits for what was free before, or more: a cache may have given back what it held. */
static unsigned long settle(unsigned long before)
{
	unsigned long now = meminfo("MemFree");

	for (int ms = 0; ms < SETTLE_MS && now < before; ms += 20) {
		usleep(20000);
		now = meminfo("MemFree");
	}
	return now;
}

#define ROUNDS 8

/* Runs it until no less is free after than before. The first rounds may leave caches warm (kernel stacks,
 * a page of small objects a CPU); a leak never comes to rest. */
static int run_one(const struct offender *offender)
{
	unsigned long before = 1, after = 0;
	int status = -1, rounds = 0;

	while (after < before && rounds++ < ROUNDS) {
		pid_t pid;

		before = quiet();
		fflush(stdout);
		pid = fork();
		if (!pid)
			_exit(offender->run());
		if (waitpid(pid, &status, 0) != pid || status != offender->ends) {
			printf("%s: ended with status %x, not %x\n", offender->name, status, offender->ends);
			return 1;
		}
		after = settle(before);
	}
	if (after >= before)
		printf("%s: ok\n", offender->name);
	else
		printf("%s: %lu KiB free before, %lu after, %d times\n", offender->name, before, after,
		       ROUNDS);
	return after < before;
}

int main(int argc, char **argv)
{
	unsigned count = sizeof(offenders) / sizeof(offenders[0]);
	int failed = 0;

	self = argv[0];
	if (argc > 2 && !strcmp(argv[1], "exec"))
		return exec_again(atoi(argv[2]));
	too_much =
	    (argc > 1 && atoi(argv[1]) ? strtoul(argv[1], NULL, 10) << 10 : meminfo("MemTotal") * 3 / 2)
	    << 10;
	for (unsigned i = 0; i < count; i++)
		if (argc < 3 || strstr(offenders[i].name, argv[2]))
			failed += run_one(&offenders[i]);
	printf("torture: %s\n", failed ? "FAILED" : "passed");
	return failed != 0;
}
