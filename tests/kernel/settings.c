/* SPDX-License-Identifier: MIT */
/* The numbers of /proc/sys that an administrator writes act as proc_sys_vm(5) says. For the reference kernel alone: it
 * changes them. Exit status 1: one did not. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

#define PAGE 4096ul

/* 0, or the error. */
static int put(const char *name, const char *value)
{
	char path[64];
	int fd, result = 0;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		result = errno;
	if (fd >= 0)
		close(fd);
	return result;
}

static long number(const char *path, const char *name)
{
	char line[128];
	long value = -1;
	FILE *file = fopen(path, "r");

	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	if (file)
		fclose(file);
	return value;
}

static int map(void *at, size_t length, int flags)
{
	void *got = mmap(at, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (got == MAP_FAILED)
		return errno;
	munmap(got, length);
	return 0;
}

/* How many single pages can be mapped with a hole after each, up to `most`. */
static int many(int most)
{
	char *room = mmap(NULL, 2 * (size_t)most * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int count = 0;

	while (room != MAP_FAILED && count < most && !mprotect(room + 2 * count * PAGE, PAGE, PROT_READ))
		count++;
	munmap(room, 2 * (size_t)most * PAGE);
	return count;
}

static void map_count(void)
{
	EXPECT(number("/proc/sys/vm/max_map_count", ""), 65530);
	EXPECT(many(300), 300);
	EXPECT(put("vm/max_map_count", "100\n"), 0);
	EXPECT(many(300) < 60, 1);
	EXPECT(put("vm/max_map_count", "-1"), EINVAL);
	EXPECT(put("vm/max_map_count", "10x"), EINVAL);
	EXPECT(number("/proc/sys/vm/max_map_count", ""), 100);
	EXPECT(put("vm/max_map_count", "65530"), 0);
}

/* 0 refuses what is more than all memory, 1 nothing, 2 what is more than the ratio of it. */
static void overcommit(void)
{
	EXPECT(map(NULL, 48ul << 20, 0), 0);
	EXPECT(map(NULL, 1ul << 30, 0), ENOMEM);
	EXPECT(put("vm/overcommit_memory", "1"), 0);
	EXPECT(map(NULL, 1ul << 30, 0), 0);
	EXPECT(put("vm/overcommit_memory", "2"), 0);
	EXPECT(map(NULL, 48ul << 20, 0), ENOMEM);
	EXPECT(map(NULL, 48ul << 20, MAP_NORESERVE), ENOMEM);
	EXPECT(map(NULL, 8ul << 20, 0), 0);
	EXPECT(put("vm/overcommit_ratio", "95"), 0);
	EXPECT(map(NULL, 40ul << 20, 0), 0);
	EXPECT(put("vm/overcommit_memory", "3"), EINVAL);
	EXPECT(put("vm/overcommit_memory", "0"), 0);
	EXPECT(put("vm/overcommit_ratio", "50"), 0);
}

static void lowest(void)
{
	int status;

	if (fork() == 0) {
		if (setuid(1000))
			_exit(1);
		_exit(map((void *)PAGE, PAGE, MAP_FIXED) != EPERM ||
		      map((void *)(16 * PAGE), PAGE, MAP_FIXED) != 0);
	}
	wait(&status);
	expect("below mmap_min_addr", status, 0);
	EXPECT(put("vm/mmap_min_addr", "4096"), 0);
	if (fork() == 0) {
		if (setuid(1000))
			_exit(1);
		_exit(map((void *)PAGE, PAGE, MAP_FIXED) != 0 || map(NULL, PAGE, MAP_FIXED) != EPERM ||
		      put("vm/mmap_min_addr", "0") != EACCES);
	}
	wait(&status);
	expect("mmap_min_addr of 4096", status, 0);
	EXPECT(put("vm/mmap_min_addr", "65536"), 0);
}

static void caches(void)
{
	static char block[1 << 20];
	int fd = open("/tmp/cached", O_RDWR | O_CREAT, 0600);
	long before, after;

	for (int i = 0; i < 8; i++)
		EXPECT(write(fd, block, sizeof(block)), (long)sizeof(block));
	EXPECT(fsync(fd), 0);
	before = number("/proc/meminfo", "Cached:");
	EXPECT(put("vm/drop_caches", "2"), 0);
	EXPECT(put("vm/drop_caches", "0"), EINVAL);
	EXPECT(put("vm/drop_caches", "3"), 0);
	after = number("/proc/meminfo", "Cached:");
	expect("8 MiB were cached", before - after >= 7 << 10 || after < before / 2, 1);
	EXPECT(open("/proc/sys/vm/drop_caches", O_RDONLY) >= 0 || errno == EACCES, 1);
	EXPECT(close(fd), 0);
	EXPECT(unlink("/tmp/cached"), 0);
}

static void others(void)
{
	int end[2];

	EXPECT(put("vm/swappiness", "201"), EINVAL);
	EXPECT(put("vm/swappiness", "10"), 0);
	EXPECT(number("/proc/sys/vm/swappiness", ""), 10);
	EXPECT(number("/proc/sys/kernel/tainted", ""), 0);
	EXPECT(number("/proc/sys/fs/pipe-max-size", ""), 1 << 20);
	EXPECT(put("fs/pipe-max-size", "100000"), 0);
	EXPECT(number("/proc/sys/fs/pipe-max-size", ""), 1 << 17);
	EXPECT(pipe(end), 0);
	EXPECT(setuid(1000), 0);
	EXPECT(fcntl(end[0], F_SETPIPE_SZ, 1 << 17), 1 << 17);
	EXPECT(fcntl(end[0], F_SETPIPE_SZ, 1 << 18), -1);
	EXPECT(put("vm/overcommit_memory", "1"), EACCES);
}

/* A status says that a core was wanted: where there is no core program, that is the limit's matter. */
static void core(int wanted, rlim_t limit)
{
	struct rlimit rlimit = {limit, limit};
	int status;

	if (fork() == 0) {
		setrlimit(RLIMIT_CORE, &rlimit);
		abort();
	}
	wait(&status);
	EXPECT(WTERMSIG(status), 6);
	EXPECT(!!WCOREDUMP(status), wanted);
}

/* A folder for each CPU, and none besides. */
static void cpus(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	char path[64];

	for (long i = 0; i <= count; i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%ld", i);
		EXPECT(access(path, X_OK), i < count ? 0 : -1);
	}
}

int main(void)
{
	cpus();
	map_count();
	overcommit();
	lowest();
	caches();
	core(1, RLIM_INFINITY);
	core(0, 0);
	others();
	printf("%d failures\n", failures);
	return failures != 0;
}
