/* SPDX-License-Identifier: MIT */
/* /dev/ram0 of the reference kernel, of 64 MiB of memory: as brd(4) behaves. What it says is in ramdisk.txt. */
#define _GNU_SOURCE
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "said.h"

int main(void)
{
	char text[8] = "", home[] = "/tmp/ramdisk-XXXXXX";
	unsigned long long bytes = 0;
	unsigned long sectors = 0;
	struct stat st;
	int fd, size = 0, other;

	said_begin(home);
	fd = open("/dev/ram0", O_RDWR);
	SAY(fstat(fd, &st));
	printf("block device %d, %u:%u\n", S_ISBLK(st.st_mode), major(st.st_rdev), minor(st.st_rdev));
	SAY(ioctl(fd, BLKGETSIZE64, &bytes));
	SAY(ioctl(fd, BLKGETSIZE, &sectors));
	SAY(ioctl(fd, BLKSSZGET, &size));
	printf("%d sectors of %d bytes are all: %d\n", sectors > 0, size, sectors * (unsigned)size == bytes);
	SAY(lseek(fd, 0, SEEK_END) == (off_t)bytes);
	SAY(read(fd, text, 8));
	SAY(write(fd, "x", 1));
	SAY(pwrite(fd, "end", 3, (off_t)bytes - 2));
	SAY(pread(fd, text, 8, (off_t)bytes - 2));
	SAY(pread(fd, text, 8, 1 << 20));
	SAY(memcmp(text, "\0\0\0\0\0\0\0", 8));
	SAY(pwrite(fd, "text", 4, (1 << 20) + 2));
	SAY(fsync(fd));
	SAY(ftruncate(fd, 0));
	other = open("/dev/ram0", O_RDONLY);
	SAY(pread(other, text, 8, 1 << 20));
	SAY(memcmp(text, "\0\0text\0", 8));
	SAY(write(other, "x", 1));
	SAY(ioctl(fd, BLKFLSBUF));
	SAY(mknod("ram", S_IFBLK | 0600, makedev(1, 0)) | mknod("none", S_IFBLK | 0600, makedev(1, 77)));
	SAY(open("none", O_RDONLY));
	SAY(close(fd) | close(other));
	fd = open("ram", O_RDONLY);
	SAY(pread(fd, text, 8, 1 << 20));
	SAY(memcmp(text, "\0\0text\0", 8));
	SAY(close(fd));
	return said_end(home);
}
