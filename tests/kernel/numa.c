/* SPDX-License-Identifier: MIT */
/* Memory policies on a machine with one node: mbind(2), set_mempolicy(2), get_mempolicy(2), migrate_pages(2),
 * move_pages(2). Prints the same lines on any Linux with one node. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "said.h"

#define PAGE   4096l
#define STATIC (1 << 15)

static char *room;

static long set(int mode, unsigned long mask, unsigned long count)
{
	return syscall(SYS_set_mempolicy, mode, count ? &mask : NULL, count);
}

static long bind(long page, long pages, int mode, unsigned long mask, unsigned flags)
{
	return syscall(SYS_mbind, room + page * PAGE, pages * PAGE, mode, &mask, 64ul, flags);
}

static void get(const void *address, unsigned long count, unsigned flags)
{
	unsigned long nodes[16] = {~0ul, ~0ul};
	int mode = -1;
	long result = syscall(SYS_get_mempolicy, &mode, count ? nodes : NULL, count, address, flags);

	if (result < 0)
		say("  told", result);
	else
		printf("  told: mode %d, nodes %lx %lx\n", mode, nodes[0], nodes[1]);
}

/* --- every mode, with every flag, on no node, the node, it and another, and another alone --------------------- */

static void modes(void)
{
	static const unsigned long masks[] = {0, 1, 3, 2};

	for (int mode = -1; mode < 8; mode++) {
		for (int flags = 0; flags < 8; flags++) {
			for (unsigned i = 0; i < 4; i++) {
				printf("mode %d, flags %d, nodes %lx\n", mode, flags, masks[i]);
				SAY(set(mode < 0 ? mode : mode | flags << 13, masks[i], 64));
				get(NULL, 64, 0);
				get(NULL, 0, 1);
				SAY(bind(0, 1, mode < 0 ? mode : mode | flags << 13, masks[i], 0));
				get(room, 64, 2);
			}
		}
	}
	SAY(set(1, 1, 1));
	get(NULL, 1024, 0);
	SAY(set(2, 1, 2));
	get(NULL, 1024, 0);
	SAY(set(2, 1, 0));
	SAY(set(2, 1, 1 << 20));
	SAY(syscall(SYS_set_mempolicy, 2, 8, 64ul));
	get(room + PAGE, 64, 2); /* the thread's is not told there */
	SAY(set(0, 0, 0));
}

static void asking(void)
{
	static const unsigned flags[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};

	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		printf("flags %u\n", flags[i]);
		get(NULL, 1024, flags[i]);
		get(NULL, 64, flags[i]);
		get(NULL, 0, flags[i]);
		get(room + 5 * PAGE, 1024, flags[i]);
		get((void *)PAGE, 0, flags[i]);
	}
}

/* --- mappings -------------------------------------------------------------------------------------------- */

static void picture(void)
{
	unsigned long start, end, from = (unsigned long)room, to = from + 6 * PAGE;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	printf("  mappings:");
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start >= from && start < to)
			printf(" %ld+%ld", (long)(start - from) / PAGE, (long)(end - start) / PAGE);
	printf("\n");
	fclose(maps);
}

static void mappings(void)
{
	int status;

	SAY(bind(0, 6, 0, 0, 0));
	picture();
	SAY(bind(0, 4, 2, 1, 0));
	picture();
	SAY(bind(2, 2, 0, 0, 0));
	picture();
	SAY(bind(4, 2, 3, 1, 0));
	SAY(bind(2, 2, 3, 3, 0));
	picture();
	SAY(bind(2, 2, 2 | STATIC, 3, 0));
	picture();
	fflush(stdout);
	if (!fork()) {
		picture();
		get(room + 2 * PAGE, 64, 2);
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	SAY(bind(0, 6, 2, 1, 7));
	picture();
	SAY(munmap(room + 3 * PAGE, PAGE));
	SAY(bind(0, 6, 3, 1, 0));
	get(room, 64, 2);
	SAY(bind(3, 1, 2, 1, 0));
	get(room + 3 * PAGE, 64, 2);
	SAY(bind(0, 6, 0, 0, 0));
	get(room, 64, 2);
	picture();
	SAY(bind(0, 1, 2, 1, 8));
	SAY(bind(0, 0, 2, 1, 0));
	SAY(bind(0, 0, 77, 1, 0));
	SAY(bind(0, -1, 2, 1, 0));
	SAY(syscall(SYS_mbind, room + 1, PAGE, 2, (unsigned long[]){1}, 64ul, 0));
	SAY(syscall(SYS_mbind, room, PAGE, 2, 8, 64ul, 0));
	SAY(syscall(SYS_mbind, room, PAGE, 2, 8, 0ul, 0));
}

/* --- moving ---------------------------------------------------------------------------------------------- */

static long migrate(pid_t pid, unsigned long from, unsigned long to)
{
	return syscall(SYS_migrate_pages, pid, 64ul, &from, &to);
}

static void move(pid_t pid, unsigned long count, const int *nodes, int flags)
{
	void *pages[5] = {room, room + 3 * PAGE, room + 4 * PAGE, (void *)PAGE, (void *)-PAGE};
	int status[5] = {77, 77, 77, 77, 77};

	say("move_pages", syscall(SYS_move_pages, pid, count, pages, nodes, status, flags));
	printf("  %d %d %d %d %d\n", status[0], status[1], status[2], status[3], status[4]);
}

static void moving(void)
{
	int nodes[5] = {0};

	room[0] = 1;
	SAY(migrate(0, 1, 1));
	SAY(migrate(getpid(), 2, 1));
	SAY(migrate(0, 1, 2));
	SAY(migrate(0, 1, 0));
	SAY(migrate(0, 0, 1));
	SAY(migrate(99999, 1, 1));
	SAY(syscall(SYS_migrate_pages, 0, 64ul, 8, 8));
	SAY(syscall(SYS_migrate_pages, 0, 0ul, NULL, NULL));
	move(0, 5, NULL, 0);
	move(getpid(), 5, nodes, 2);
	move(0, 5, NULL, 8);
	move(99999, 5, NULL, 0);
	move(0, 0, NULL, 0);
	nodes[4] = 1;
	move(0, 4, nodes, 4);
	move(0, 5, nodes, 4);
	SAY(syscall(SYS_move_pages, 0, 1ul, 8, NULL, nodes, 0));
}

int main(void)
{
	char home[] = "/tmp/numa-XXXXXX";

	said_begin(home);
	room = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	room = mmap(room + PAGE, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0);
	printf("== modes\n");
	modes();
	printf("== asking\n");
	asking();
	printf("== mappings\n");
	mappings();
	printf("== moving\n");
	moving();
	return said_end(home);
}
