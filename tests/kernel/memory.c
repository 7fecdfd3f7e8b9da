/* SPDX-License-Identifier: MIT */
/* Memory calls that scenarios have no word for. Prints the same lines on any Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "said.h"

#define PAGE 4096ul

static char *map(unsigned long pages, int prot, int flags, int fd)
{
	char *at = mmap(NULL, pages * PAGE, prot, flags, fd, 0);

	if (at == MAP_FAILED)
		exit(1);
	return at;
}

/* A shared mapping whose pages are turned round in place. */
static void remapping(void)
{
	void *nowhere = (void *)(sizeof(long) == 8 ? (uintptr_t)(1ull << 40) : 0xe0000000);
	int fd = memfd_create("pages", 0);
	char *at, *private, text[9] = "", path[32];
	int readable;

	printf("== remap_file_pages\n");
	if (ftruncate(fd, 8 * PAGE))
		exit(1);
	at = map(8, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	private = map(2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (int i = 0; i < 8; i++)
		at[i * PAGE] = (char)('a' + i);
	for (unsigned long i = 0; i < 8; i++)
		SAY(remap_file_pages(at + i * PAGE, PAGE, 0, 7 - i, 0));
	for (int i = 0; i < 8; i++)
		text[i] = at[i * PAGE];
	printf("%s\n", text);
	SAY(remap_file_pages(at + 2 * PAGE, 3 * PAGE + 5, 0, 2, MAP_NONBLOCK));
	for (int i = 0; i < 8; i++)
		text[i] = at[i * PAGE];
	printf("%s\n", text);
	at[3 * PAGE] = 'X';
	SAY(pread(fd, text, 1, 3 * PAGE));
	printf("%c\n", text[0]);
	SAY(mprotect(at, PAGE, PROT_READ));
	SAY(remap_file_pages(at, 2 * PAGE, 0, 0, 0));
	SAY(remap_file_pages(at, PAGE, 0, 5, 0));
	SAY(mprotect(at, PAGE, PROT_READ | PROT_WRITE));
	SAY(remap_file_pages(at, PAGE, PROT_READ, 0, 0));
	SAY(remap_file_pages(at, 100, 0, 0, 0));
	SAY(remap_file_pages(at, 9 * PAGE, 0, 0, 0));
	SAY(remap_file_pages(at, PAGE, 0, ~0ul, 0));
	SAY(remap_file_pages(private, PAGE, 0, 0, 0));
	SAY(remap_file_pages(nowhere, PAGE, 0, 0, 0));
	SAY(munmap(at, 8 * PAGE));
	SAY(remap_file_pages(at, PAGE, 0, 0, 0));
	at = map(2, PROT_READ, MAP_SHARED, fd);
	SAY(remap_file_pages(at, PAGE, 0, 1, 0));
	SAY(munmap(at, 2 * PAGE));
	/* Without the right to write it is no mapping that this call takes. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readable = open(path, O_RDONLY);
	at = map(2, PROT_READ, MAP_SHARED, readable);
	SAY(remap_file_pages(at, PAGE, 0, 1, 0));
	SAY(munmap(at, 2 * PAGE) | close(readable));
	at = map(2, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	at[0] = 'A';
	at[PAGE] = 'B';
	SAY(remap_file_pages(at, PAGE, 0, 1, 0));
	printf("%c%c\n", at[0], at[PAGE]);
	SAY(munmap(at, 2 * PAGE) | munmap(private, 2 * PAGE) | close(fd));
}

/* Bytes of another process, and of one's own, across what is not there. */
static void transfers(void)
{
	char *at = map(4, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), *copy = malloc(4 * PAGE);
	struct iovec local = {copy, 4 * PAGE}, remote[3] = {{at, PAGE}, {at + PAGE, 2 * PAGE}, {at, 8}};
	pid_t self = getpid();

	printf("== process_vm\n");
	memset(at, 'm', 4 * PAGE);
	SAY(process_vm_readv(self, &local, 1, remote, 2, 0));
	SAY(mprotect(at + 2 * PAGE, PAGE, PROT_NONE));
	SAY(process_vm_readv(self, &local, 1, remote, 2, 0));
	SAY(process_vm_readv(self, &local, 1, remote + 1, 2, 0));
	SAY(process_vm_writev(self, &local, 1, remote, 3, 0));
	SAY(mprotect(at, PAGE, PROT_READ));
	SAY(process_vm_writev(self, &local, 1, remote, 1, 0));
	SAY(process_vm_readv(self, &local, 1, remote, 1, 1));
	SAY(process_vm_readv(self, &local, 1, remote, 2000, 0));
	SAY(process_vm_readv(self, &local, 0, remote, 1, 0));
	SAY(process_vm_readv(999999, &local, 1, remote, 1, 0));
	SAY(process_vm_readv(self, (void *)8, 1, remote, 1, 0));
	SAY(munmap(at, 4 * PAGE));
	SAY(process_vm_readv(self, &local, 1, remote, 1, 0));
	free(copy);
}

/* Faults that calls take for a program are its own, and a child's are its parent's once it was waited for. */
static void counts(void)
{
	struct rusage before, after;
	char *at = map(64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	pid_t pid;

	printf("== getrusage\n");
	fflush(stdout);
	getrusage(RUSAGE_SELF, &before);
	memset(at, 1, 64 * PAGE);
	getrusage(RUSAGE_SELF, &after);
	printf("first writes: %ld\n", after.ru_minflt - before.ru_minflt);
	getrusage(RUSAGE_CHILDREN, &before);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 48; i++)
			at[i * PAGE] = 2;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	getrusage(RUSAGE_CHILDREN, &after);
	printf("of a child: at least 48: %d\n", after.ru_minflt - before.ru_minflt >= 48);
	SAY(munmap(at, 64 * PAGE));
	SAY(personality(0xffffffff));
	SAY(personality(ADDR_NO_RANDOMIZE));
	SAY(personality(0xffffffff) == ADDR_NO_RANDOMIZE);
	SAY(personality(0));
}

int main(void)
{
	remapping();
	transfers();
	counts();
	return 0;
}
