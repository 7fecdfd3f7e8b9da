/* SPDX-License-Identifier: MIT */
/* mmap() and munmap() of xv6 on libquire: prints "mmaptest: OK", or the line that is not so. */
#include "kernel/types.h"
#include "kernel/fcntl.h"
#include "user/user.h"

#define PAGE 4096
#define MUST(holds)                                                      \
	do {                                                             \
		if (!(holds)) {                                          \
			printf("mmaptest: line %d: not so\n", __LINE__); \
			exit(1);                                         \
		}                                                        \
	} while (0)

enum {
	READ = 1,
	WRITE = 2,
	SHARED = 1,
	PRIVATE = 2,
	ANONYMOUS = 32
};

static char page[PAGE];

/* A file of three pages and a half: "A", "B", "C", "D". */
static int make(void)
{
	int fd;

	unlink("mmap.file");
	fd = open("mmap.file", O_CREATE | O_RDWR);
	MUST(fd >= 0);
	for (int i = 0; i < 4; i++) {
		memset(page, 'A' + i, PAGE);
		MUST(write(fd, page, i < 3 ? PAGE : PAGE / 2) == (i < 3 ? PAGE : PAGE / 2));
	}
	return fd;
}

/* The byte of the file at an offset, by read(). */
static char at(int offset)
{
	int fd = open("mmap.file", O_RDONLY);
	char byte = 0;

	for (; offset >= PAGE; offset -= PAGE)
		MUST(read(fd, page, PAGE) == PAGE);
	MUST(read(fd, page, offset + 1) == offset + 1);
	byte = page[offset];
	close(fd);
	return byte;
}

/* What a child that runs this exits with. */
static int child(void (*run)(char *), char *memory)
{
	int status = 0;

	if (fork() == 0) {
		run(memory);
		exit(0);
	}
	wait(&status);
	return status;
}

static void touch(char *memory)
{
	*(volatile char *)memory = 'x';
}

static void look(char *memory)
{
	MUST(*(volatile char *)memory);
}

static void anonymous(void)
{
	char *memory = mmap(0, 64 * PAGE, READ | WRITE, PRIVATE | ANONYMOUS, -1, 0);
	char *shared = mmap(0, PAGE, READ | WRITE, SHARED | ANONYMOUS, -1, 0);

	MUST(memory != (char *)-1 && shared != (char *)-1 && memory[63 * PAGE] == 0);
	MUST(child(touch, memory) == 0 && memory[0] == 0);
	MUST(child(touch, shared) == 0 && shared[0] == 'x');
	MUST(munmap(memory + PAGE, PAGE) == 0);
	MUST(child(touch, memory + 2 * PAGE) == 0 && child(touch, memory + PAGE) != 0);
	MUST(munmap(memory, 64 * PAGE) == 0 && munmap(shared, PAGE) == 0);
}

static void private_file(void)
{
	int fd = make();
	char *memory = mmap(0, 4 * PAGE, READ | WRITE, PRIVATE, fd, 0);

	MUST(memory != (char *)-1 && memory[0] == 'A' && memory[3 * PAGE] == 'D');
	MUST(memory[3 * PAGE + PAGE / 2] == 0);
	memory[PAGE] = 'x';
	MUST(at(PAGE) == 'B' && munmap(memory, 4 * PAGE) == 0 && at(PAGE) == 'B');
	memory = mmap(0, PAGE, READ, PRIVATE, fd, 2 * PAGE);
	MUST(memory[0] == 'C' && child(look, memory) == 0 && child(touch, memory) != 0);
	MUST(munmap(memory, PAGE) == 0);
	close(fd);
}

static void shared_file(void)
{
	int fd = make();
	char *memory = mmap(0, 4 * PAGE, READ | WRITE, SHARED, fd, 0);
	char *other = mmap(0, PAGE, READ, SHARED, fd, PAGE);

	close(fd);
	MUST(memory != (char *)-1 && other != (char *)-1);
	MUST(child(touch, memory + PAGE) == 0 && memory[PAGE] == 'x' && other[0] == 'x');
	MUST(at(PAGE) == 'x');
	/* write() is seen; read() into a mapping of what is read does not wait for itself. */
	fd = open("mmap.file", O_RDWR);
	MUST(write(fd, "yz", 2) == 2 && memory[0] == 'y' && memory[1] == 'z');
	MUST(read(fd, memory + 2 * PAGE, 10) == 10 && memory[2 * PAGE] == 'A' &&
	     memory[2 * PAGE + 10] == 'C');
	close(fd);
	MUST(munmap(memory, 4 * PAGE) == 0 && munmap(other, PAGE) == 0);
	MUST(at(PAGE) == 'x' && at(2 * PAGE) == 'A' && at(0) == 'y');
}

/* What is mapped at exit() is written back. */
static void write_and_leave(char *memory)
{
	int fd = open("mmap.file", O_RDWR);

	memory = mmap(0, PAGE, READ | WRITE, SHARED, fd, 0);
	memory[7] = 'e';
}

static void refused(void)
{
	int fd = open("mmap.file", O_RDONLY);

	MUST(mmap(0, PAGE, READ | WRITE, SHARED, fd, 0) == (char *)-1);
	MUST(mmap(0, PAGE, READ | WRITE, PRIVATE, fd, 0) != (char *)-1);
	MUST(mmap(0, PAGE, READ, PRIVATE, 15, 0) == (char *)-1 &&
	     mmap(0, 0, READ, PRIVATE, fd, 0) == (char *)-1);
	close(fd);
}

int main(void)
{
	anonymous();
	private_file();
	shared_file();
	MUST(child(write_and_leave, 0) == 0 && at(7) == 'e');
	refused();
	unlink("mmap.file");
	printf("mmaptest: OK\n");
	exit(0);
}
