/* SPDX-License-Identifier: MIT */
/* Files of huge pages where the pool of them is empty: memfd_create(2). Prints the same lines on any Linux on which no
 * huge page is reserved. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/statfs.h>

#include "said.h"

#define MIB       (1l << 20)
#define SIZE(log) ((unsigned)(log) << 26)

static void say_entry(const char *path)
{
	char line[64] = "";
	int fd = open(path, O_RDONLY);
	long n = read(fd, line, sizeof(line) - 1);

	printf("%s: %s", path, n > 0 ? line : "none\n");
	close(fd);
}

static void map(int fd, long length, int flags, off_t offset)
{
	void *at = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE, flags, fd, offset);

	say("mmap", at == MAP_FAILED ? -1 : 0);
}

int main(void)
{
	char home[] = "/tmp/huge-XXXXXX", text[10] = "text";
	struct statfs fs;
	struct stat st;
	int fd;

	said_begin(home);
	SAY(memfd_create("huge", SIZE(21)));
	SAY(memfd_create("huge", MFD_HUGETLB | SIZE(16)));
	SAY(close(memfd_create("huge", MFD_HUGETLB | SIZE(21))));
	fd = memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING);
	SAY(fstat(fd, &st) | fstatfs(fd, &fs));
	printf("mode %o, size %ld, blocks of %ld\n", st.st_mode, (long)st.st_size, (long)st.st_blksize);
	printf("type %lx, blocks of %ld, %ld free\n", (long)fs.f_type, (long)fs.f_bsize, (long)fs.f_bfree);
	SAY(write(fd, text, 4));
	SAY(read(fd, text, 10));
	SAY(ftruncate(fd, 4096));
	SAY(ftruncate(fd, 4 * MIB));
	SAY(read(fd, text, 10));
	SAY(text[0]);
	SAY(lseek(fd, -4, SEEK_END));
	SAY(read(fd, text, 10));
	SAY(fallocate(fd, 0, 0, 2 * MIB));
	SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2 * MIB));
	map(fd, 2 * MIB, MAP_SHARED, 0);
	map(fd, 4096, MAP_PRIVATE, 0);
	map(fd, 2 * MIB, MAP_SHARED, 4096);
	SAY(fcntl(fd, F_GET_SEALS));
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	SAY(ftruncate(fd, 8 * MIB));
	SAY(fsync(fd));
	SAY(close(fd));
	say_entry("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
	say_entry("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	say_entry("/sys/kernel/mm/hugepages/hugepages-64kB/nr_hugepages");
	say_entry("/proc/sys/vm/nr_hugepages");
	return said_end(home);
}
