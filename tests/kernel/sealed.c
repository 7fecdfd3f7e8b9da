/* SPDX-License-Identifier: MIT */
/* What Linux's newer calls say: mseal, the guards of madvise, cachestat; and mounting. Prints the same lines on Linux
 * 6.18. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "said.h"

#define PAGE 4096l
#define RW   (PROT_READ | PROT_WRITE)

enum {
	GUARD_INSTALL = 102,
	GUARD_REMOVE = 103
};

static sigjmp_buf back;
static volatile int signal_code;

static void caught(int signal, siginfo_t *info, void *context)
{
	signal_code = signal * 100 + info->si_code;
	siglongjmp(back, 1);
}

/* 0, or the signal and its code. */
static int touch(char *at, int write)
{
	signal_code = 0;
	if (!sigsetjmp(back, 1)) {
		if (write)
			*(volatile char *)at = 7;
		else
			*(volatile char *)at;
	}
	return signal_code;
}

static char *map(long pages, int prot, int flags)
{
	return mmap(NULL, (size_t)(pages * PAGE), prot, flags | MAP_ANONYMOUS, -1, 0);
}

static long seal(void *at, unsigned long length, unsigned long flags)
{
	return syscall(462, at, length, flags);
}

static const char *name_of(long result)
{
	return result == -1 ? strerrorname_np(errno) : "ok";
}

/* The mappings from `at` on, in pages, with S for a sealed one. */
static void show(const char *at, long pages)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	unsigned long start, end, first = (unsigned long)at;
	char line[512];
	int inside = 0;

	printf("  ");
	while (smaps && fgets(line, sizeof(line), smaps)) {
		char rights[5];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3) {
			inside = start < first + (unsigned long)(pages * PAGE) && end > first;
			if (inside)
				printf(" %ld-%ld %s", (long)(start - first) / PAGE,
				       (long)(end - first) / PAGE, rights);
		} else if (inside && !strncmp(line, "VmFlags:", 8) && strstr(line, " sl")) {
			printf(" S");
		}
	}
	printf("\n");
	if (smaps)
		fclose(smaps);
}

/* --- mseal ---------------------------------------------------------------------------------------------- */

static void seal_range(void)
{
	char *other = map(8, RW, MAP_PRIVATE), *at = map(11, RW, MAP_PRIVATE) + PAGE;

	/* Of exactly eight pages, with nothing beside them. */
	munmap(at - PAGE, PAGE);
	munmap(at + 8 * PAGE, 2 * PAGE);
	SAY(seal(at + 2 * PAGE, PAGE, 0));
	SAY(seal(at, 0, 0));
	SAY(seal(at + 1, 0, 0));
	SAY(seal(at, PAGE, 1));
	SAY(seal(at, (unsigned long)-PAGE, 0));
	SAY(seal(at, (unsigned long)-1, 0));
	SAY(seal(at + 6 * PAGE, 4 * PAGE, 0));
	show(at, 8);
	SAY(mprotect(at + 2 * PAGE, PAGE, RW));
	SAY(mprotect(at, 8 * PAGE, PROT_READ));
	show(at, 8);
	SAY(mprotect(at, 2 * PAGE, RW));
	SAY(munmap(at, 8 * PAGE));
	SAY(mmap(at + 2 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ? -1
													: 0);
	SAY(mmap(at + 2 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
		    MAP_FAILED
		? -1
		: 0);
	SAY((long)mremap(at + 2 * PAGE, PAGE, PAGE, 0));
	SAY((long)mremap(at + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	SAY((long)mremap(at + 2 * PAGE, 0, PAGE, MREMAP_MAYMOVE));
	SAY((long)mremap(at + 2 * PAGE, 6 * PAGE, 9 * PAGE, MREMAP_MAYMOVE));
	SAY((long)mremap(at + 2 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, other));
	SAY((long)mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at + 2 * PAGE));
	SAY((long)mremap(at + 2 * PAGE, PAGE, PAGE, 8));
	SAY(mlock(at + 2 * PAGE, PAGE));
	SAY(munlock(at + 2 * PAGE, PAGE));
	fflush(stdout);
	if (!fork()) {
		SAY(munmap(at + 2 * PAGE, PAGE));
		exit(0);
	}
	wait(NULL);
	SAY(munmap(at + 3 * PAGE, 5 * PAGE));
	show(at, 8);
}

static void seal_advice(void)
{
	static const int advice[] = {
	    MADV_NORMAL,     MADV_WILLNEED, MADV_DONTNEED,   MADV_FREE,     MADV_REMOVE,
	    MADV_DONTFORK,   MADV_DOFORK,   MADV_WIPEONFORK, MADV_COLD,     MADV_PAGEOUT,
	    24 /* locked */, GUARD_INSTALL, GUARD_REMOVE,    MADV_DONTDUMP, 22 /* populate */};

	for (int kind = 0; kind < 6; kind++) {
		int prot = kind & 1 ? PROT_READ : RW, fd = memfd_create("sealed", 0);
		char *at;

		ftruncate(fd, 4 * PAGE);
		at = kind < 4 ? map(4, prot, kind < 2 ? MAP_PRIVATE : MAP_SHARED)
			      : mmap(NULL, 4 * PAGE, prot, MAP_PRIVATE, fd, 0);
		SAY(seal(at, 4 * PAGE, 0));
		for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++)
			printf(" %d %s", advice[i], name_of(madvise(at, 4 * PAGE, advice[i])));
		printf("\n");
		close(fd);
	}
}

static void seal_heap(void)
{
	unsigned long end = (unsigned long)syscall(SYS_brk, 0), heap = (end + PAGE - 1) / PAGE * PAGE;

	printf("brk %d\n", (unsigned long)syscall(SYS_brk, heap + 4 * PAGE) == heap + 4 * PAGE);
	SAY(seal((void *)(heap + 2 * PAGE), PAGE, 0));
	printf("brk %ld\n", (long)((unsigned long)syscall(SYS_brk, heap + PAGE) - heap) / PAGE);
	printf("brk %ld\n", (long)((unsigned long)syscall(SYS_brk, heap + 3 * PAGE) - heap) / PAGE);
	printf("brk %ld\n", (long)((unsigned long)syscall(SYS_brk, heap + 5 * PAGE) - heap) / PAGE);
}

/* --- guards --------------------------------------------------------------------------------------------- */

static void look(char *at, int pages)
{
	unsigned char there[16];

	printf("  read");
	for (int i = 0; i < pages; i++)
		printf(" %d", touch(at + i * PAGE, 0));
	printf(" write");
	for (int i = 0; i < pages; i++)
		printf(" %d", touch(at + i * PAGE, 1));
	if (!mincore(at, (size_t)(pages * PAGE), there)) {
		printf(" mincore ");
		for (int i = 0; i < pages; i++)
			printf("%d", there[i] & 1);
	}
	printf("\n");
}

static void guard_private(void)
{
	char *at = map(8, RW, MAP_PRIVATE), *free_place = map(8, RW, MAP_PRIVATE);
	struct iovec own = {&(char){0}, 1}, its = {at + 2 * PAGE, 1};
	int ends[2];

	SAY(pipe(ends));
	memset(at, 1, 8 * PAGE);
	SAY(madvise(at + 2 * PAGE, 2 * PAGE, GUARD_INSTALL));
	SAY(madvise(at + 2 * PAGE, PAGE, GUARD_INSTALL));
	SAY(madvise(at + 2 * PAGE, 0, GUARD_INSTALL));
	SAY(madvise(at + 1, PAGE, GUARD_INSTALL));
	look(at, 8);
	SAY(madvise(at, 8 * PAGE, MADV_DONTNEED));
	SAY(madvise(at, 8 * PAGE, MADV_FREE));
	SAY(madvise(at, 8 * PAGE, MADV_COLD));
	SAY(madvise(at, 8 * PAGE, 22));
	SAY(madvise(at, 8 * PAGE, 23));
	SAY(mprotect(at, 8 * PAGE, PROT_NONE));
	look(at, 4);
	SAY(mprotect(at, 8 * PAGE, RW));
	look(at, 8);
	SAY(write(ends[1], at + 2 * PAGE, 1));
	SAY(write(ends[1], "x", 1));
	SAY(read(ends[0], at + 2 * PAGE, 1));
	SAY(process_vm_readv(getpid(), &own, 1, &its, 1, 0));
	SAY(mlock(at, 8 * PAGE));
	SAY(madvise(at, PAGE, GUARD_INSTALL));
	SAY(munlock(at, 8 * PAGE));
	fflush(stdout);
	if (!fork()) {
		look(at, 4);
		exit(0);
	}
	wait(NULL);
	SAY(madvise(at, 8 * PAGE, MADV_WIPEONFORK));
	fflush(stdout);
	if (!fork()) {
		look(at, 4);
		exit(0);
	}
	wait(NULL);
	SAY(mremap(at, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, free_place) == free_place);
	at = free_place;
	look(at, 8);
	SAY(munmap(at + 5 * PAGE, PAGE));
	SAY(madvise(at, 8 * PAGE, GUARD_REMOVE));
	look(at, 4);
	SAY(madvise(at, 8 * PAGE, GUARD_INSTALL));
	printf("%d %d\n", touch(at, 0), touch(at + 7 * PAGE, 0));
	SAY(mmap(at, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
	printf("%d %d\n", touch(at, 0), touch(at + PAGE, 0));
}

static void guard_file(int flags, int prot)
{
	int fd = make("guarded", "x");
	char *at;

	SAY(ftruncate(fd, 8 * PAGE));
	at = mmap(NULL, 8 * PAGE, prot, flags, fd, 0);
	touch(at + 2 * PAGE, prot & PROT_WRITE);
	SAY(madvise(at + 2 * PAGE, 2 * PAGE, GUARD_INSTALL));
	printf("%d %d\n", touch(at + 2 * PAGE, 0), touch(at + 4 * PAGE, 0));
	fflush(stdout);
	if (!fork()) {
		printf("%d %d\n", touch(at + 2 * PAGE, 0), touch(at + 4 * PAGE, 0));
		exit(0);
	}
	wait(NULL);
	SAY(ftruncate(fd, 0));
	printf("%d %d\n", touch(at + 2 * PAGE, 0), touch(at + 4 * PAGE, 0));
	SAY(ftruncate(fd, 8 * PAGE));
	printf("%d %d\n", touch(at + 2 * PAGE, 0), touch(at + 4 * PAGE, 0));
	SAY(madvise(at, 8 * PAGE, MADV_DONTNEED));
	printf("%d\n", touch(at + 2 * PAGE, 0));
	SAY(madvise(at, 8 * PAGE, GUARD_REMOVE));
	printf("%d\n", touch(at + 2 * PAGE, 0));
	munmap(at, 8 * PAGE);
	close(fd);
}

/* --- cachestat ------------------------------------------------------------------------------------------ */

static void cache(int fd, uint64_t offset, uint64_t length, unsigned flags)
{
	struct {
		uint64_t offset, length;
	} range = {offset, length};
	uint64_t counts[5] = {9, 9, 9, 9, 9};
	long result = syscall(451, fd, &range, counts, flags);

	printf("cachestat %s: cached %d dirty %d writeback %d\n", name_of(result), (int)counts[0],
	       (int)counts[1], (int)counts[2]);
}

static void count_pages(void)
{
	int fd = memfd_create("counted", 0), file = make("counted", "x"), ends[2];

	SAY(pwrite(fd, "x", 1, 0));
	SAY(pwrite(fd, "x", 1, 3 * PAGE));
	cache(fd, 0, 0, 0);
	cache(fd, 0, 1, 0);
	cache(fd, PAGE, 2 * PAGE, 0);
	cache(fd, PAGE, 2 * PAGE + 1, 0);
	cache(fd, 3 * PAGE, UINT64_MAX, 0);
	cache(fd, UINT64_MAX, 0, 0);
	cache(fd, 0, 0, 1);
	cache(-1, 0, 0, 1);
	SAY(syscall(451, fd, NULL, NULL, 0));
	SAY(fsync(file));
	cache(file, 0, 0, 0);
	SAY(pipe(ends));
	SAY(syscall(451, ends[0], NULL, NULL, 1));
}

/* --- mount ---------------------------------------------------------------------------------------------- */

static void mounting(void)
{
	struct statfs fs;
	struct stat outside, inside;
	int fd;

	SAY(mkdir("at", 0755));
	SAY(mkdir("at/covered", 0755));
	SAY(stat("at", &outside));
	SAY(mount("none", "nowhere", "tmpfs", 0, NULL));
	SAY(mount("none", "at", "no-such-type", 0, NULL));
	SAY(mount("none", "at", NULL, 0, NULL));
	SAY(mount("none", "at", "tmpfs", 0, "mode=banana"));
	SAY(mount("none", "at", "tmpfs", 0, "mode=700"));
	SAY(stat("at", &inside));
	printf("mode %o, links %d, another device %d\n", inside.st_mode, (int)inside.st_nlink,
	       inside.st_dev != outside.st_dev);
	SAY(statfs("at", &fs));
	printf("type %lx\n", (long)fs.f_type);
	SAY(access("at/covered", F_OK));
	SAY(mkdir("at/below", 0755));
	fd = open("at/below/file", O_CREAT | O_RDWR, 0600);
	SAY(write(fd, "memory", 6));
	SAY(rmdir("at"));
	SAY(rename("at", "other"));
	SAY(rename("at/below/file", "file"));
	SAY(link("at/below/file", "file"));
	SAY(umount("at/below"));
	SAY(umount("at"));
	SAY(close(fd));
	SAY(chdir("at/below"));
	SAY(umount("../../at"));
	SAY(access("../../at/below/file", F_OK));
	SAY(chdir("../.."));
	SAY(umount2("at", 0x100));
	SAY(umount("at"));
	SAY(umount("at"));
	SAY(access("at/covered", F_OK));
	SAY(stat("at", &inside));
	printf("the same %d\n", inside.st_ino == outside.st_ino && inside.st_dev == outside.st_dev);
	SAY(rmdir("at/covered"));
	SAY(rmdir("at"));
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};
	char home[] = "/tmp/sealed-XXXXXX";

	said_begin(home);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	printf("== mseal\n");
	seal_range();
	seal_advice();
	seal_heap();
	printf("== guards\n");
	guard_private();
	guard_file(MAP_PRIVATE, RW);
	guard_file(MAP_SHARED, RW);
	guard_file(MAP_SHARED, PROT_READ);
	printf("== cachestat\n");
	count_pages();
	printf("== mount\n");
	mounting();
	return said_end(home);
}
