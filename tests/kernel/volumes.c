/* SPDX-License-Identifier: MIT */
/* File systems with a limit (tmpfs with size=), and shared memory by an index. Prints the same lines on any Linux. */
#define _GNU_SOURCE
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/statfs.h>

#include "said.h"

static char block[65536];

static void say_free(void)
{
	struct statfs fs;

	SAY(statfs("at", &fs));
	printf("  %ld of %ld pages are free\n", (long)fs.f_bfree, (long)fs.f_blocks);
}

static void fill(void)
{
	int fd = open("at/file", O_CREAT | O_RDWR, 0600), other;
	long n, all = 0;

	say_free();
	while ((n = write(fd, block, sizeof(block))) > 0)
		all += n;
	SAY(n);
	printf("  %ld bytes\n", all);
	say_free();
	SAY(pwrite(fd, block, 10, 0));
	SAY(pwrite(fd, block, 10, 10 << 20));
	other = open("at/other", O_CREAT | O_RDWR, 0600);
	SAY(write(other, "x", 1));
	SAY(ftruncate(other, 2 << 20));
	SAY(ftruncate(fd, 512 << 10));
	say_free();
	SAY(pwrite(other, "x", 1, 1 << 20));
	SAY(pwrite(fd, block, 5000, (512 << 10) + 100));
	say_free();
	SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 256 << 10));
	say_free();
	SAY(close(fd) | close(other));
	SAY(unlink("at/file"));
	say_free();
	SAY(unlink("at/other"));
	say_free();
}

static void limited(void)
{
	printf("== tmpfs with a size\n");
	SAY(mkdir("at", 0755));
	SAY(mount("none", "at", "tmpfs", 0, "size="));
	SAY(mount("none", "at", "tmpfs", 0, "size=1m,banana"));
	SAY(mount("none", "at", "tmpfs", 0, "size=5000,mode=700"));
	say_free();
	SAY(umount("at"));
	SAY(mount("none", "at", "tmpfs", MS_STRICTATIME, "mode=755,size=1M"));
	fill();
	SAY(umount("at"));
	SAY(rmdir("at"));
}

/* An id holds its index in the low 15 bits; either finds the segment. */
static void by_index(void)
{
	struct shmid_ds stat;
	int first = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600), id;

	printf("== shared memory by its index\n");
	SAY(shmctl(first, IPC_RMID, NULL));
	id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	SAY(shmctl(id, SHM_STAT, &stat) == id);
	SAY(shmctl(id % 32768, SHM_STAT, &stat) == id);
	SAY(shmctl(id, SHM_STAT_ANY, &stat) == id);
	SAY(shmctl(id, IPC_RMID, NULL));
	SAY(shmctl(id, SHM_STAT, &stat));
}

int main(void)
{
	char home[] = "/tmp/volumes-XXXXXX";

	said_begin(home);
	limited();
	by_index();
	return said_end(home);
}
