/* SPDX-License-Identifier: MIT */
/* Threads of several processes at work on one small tree, in every way at once; then all of it is removed,
 * and memory must be as free as before. For the reference kernel: a panic, a hang or a leak is a failure. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "free.h"

enum {
	DIRECTORIES = 5,
	NAMES = 12,
	PROCESSES = 3,
	THREADS = 3,
	TURNS = 1000,
	BYTES = 9000
};

static char top[] = "/tmp/races-XXXXXX";

struct worker {
	uint32_t state;
	char one[64], two[64], bytes[BYTES];
};

static unsigned draw(struct worker *w)
{
	w->state = w->state * 1103515245u + 12345u;
	return w->state >> 8;
}

static void name_file(struct worker *w, char *name)
{
	unsigned r = draw(w);

	sprintf(name, "%s/%u/file%u", top, r % DIRECTORIES, r / DIRECTORIES % NAMES);
}

static void name_directory(struct worker *w, char *name)
{
	unsigned r = draw(w);

	sprintf(name, "%s/%u/below%u", top, r % DIRECTORIES, r / DIRECTORIES % 3);
}

/* What a call returns does not matter here, only that everything holds. */
static void try(long result)
{
}

static void write_and_read(struct worker *w)
{
	unsigned r = draw(w);
	int fd = open(w->one, O_RDWR | O_CREAT | (r & 1 ? O_APPEND : 0), 0644);

	memset(w->bytes, (int)r, BYTES);
	try(write(fd, w->bytes, r / 2 % BYTES));
	try(lseek(fd, 0, SEEK_SET));
	try(read(fd, w->bytes, BYTES));
	try(close(fd));
}

static void map_and_cut(struct worker *w)
{
	int fd = open(w->one, O_RDWR);
	void *map;

	try(ftruncate(fd, draw(w) % 20000));
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	try(close(fd));
	if (map != MAP_FAILED) {
		fd = open("/proc/self/smaps", O_RDONLY);
		while (read(fd, w->bytes, BYTES) > 0)
			;
		close(fd);
		munmap(map, 8192);
	}
}

static void list(struct worker *w, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char name[400];

		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		try(readlink(name, w->bytes, 100));
	}
	if (dir)
		closedir(dir);
}

static void lock(struct worker *w)
{
	unsigned r = draw(w);
	struct flock range = {.l_type = r & 1 ? F_WRLCK : F_RDLCK, .l_start = r % 100, .l_len = r % 50};
	int fd = open(w->one, O_RDWR);

	try(fcntl(fd, F_SETLK, &range));
	if (dup2(fd, 200 + (int)(r % 50)) >= 0)
		close(200 + (int)(r % 50));
	try(close(fd));
}

static void fork_one(struct worker *w)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(access(w->one, F_OK) == 0);
	try(waitpid(child, &status, 0));
}

static void turn(struct worker *w)
{
	struct stat st;

	name_file(w, w->one);
	name_file(w, w->two);
	switch (draw(w) % 14) {
	case 0:
	case 1:
		write_and_read(w);
		break;
	case 2:
		try(unlink(w->one));
		break;
	case 3:
		try(rename(w->one, w->two));
		break;
	case 4:
		try(link(w->one, w->two));
		break;
	case 5:
		try(symlink(w->one, w->two));
		break;
	case 6:
		try(stat(w->one, &st));
		break;
	case 7:
		map_and_cut(w);
		break;
	case 8:
		name_directory(w, w->one);
		try(draw(w) & 1 ? mkdir(w->one, 0755) : rmdir(w->one));
		break;
	case 9:
		name_directory(w, w->one);
		name_directory(w, w->two);
		try(rename(w->one, w->two));
		break;
	case 10:
		list(w, "/proc/self/fd");
		break;
	case 11:
		sprintf(w->one, "%s/%u", top, draw(w) % DIRECTORIES);
		list(w, w->one);
		break;
	case 12:
		lock(w);
		break;
	case 13:
		if (draw(w) % 8 == 0)
			fork_one(w);
	}
}

static void *work(void *seed)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return seed;
	w->state = (uint32_t)(uintptr_t)seed;
	for (int i = 0; i < TURNS; i++)
		turn(w);
	free(w);
	return NULL;
}

static void process(uintptr_t number)
{
	pthread_t thread[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, work, (void *)(number * 100 + i + 1)))
			_exit(1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	_exit(0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int main(void)
{
	long before = 0;
	char path[64];
	int status;

	if (!mkdtemp(top))
		return 1;
	/* The first round leaves the kernel's own pools filled: the second must give back what it took. */
	for (int round = 0; round < 2; round++) {
		before = free_kib();
		for (int i = 0; i < DIRECTORIES; i++) {
			sprintf(path, "%s/%d", top, i);
			mkdir(path, 0755);
		}
		for (uintptr_t i = 0; i < PROCESSES; i++)
			if (fork() == 0)
				process(i + (uintptr_t)round * 10);
		while (wait(&status) > 0)
			if (status) {
				printf("a process ended with status %x\n", (unsigned)status);
				return 1;
			}
		for (int i = 0; i < DIRECTORIES; i++) {
			sprintf(path, "%s/%d", top, i);
			nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
		}
	}
	if (rmdir(top)) {
		perror(top);
		return 1;
	}
	printf("free before %ld KiB, after %ld KiB\n", before, free_kib());
	return free_kib() + 1024 >= before ? 0 : 1;
}
