/* SPDX-License-Identifier: MIT */
/* Files as programs use them: opened, read, written, mapped, locked, waited for. Prints the same on any
 * Linux. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"
#include "said.h"

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
	signals++;
}

static void opening(void)
{
	int fd;

	printf("== opening\n");
	SAY(open("absent", O_RDONLY));
	SAY(open("absent/below", O_RDONLY | O_CREAT, 0644));
	fd = make("file", "0123456789");
	SAY(open("file", O_RDONLY | O_CREAT | O_EXCL, 0644));
	SAY(open("file/", O_RDONLY));
	SAY(open("file/x", O_RDONLY));
	SAY(open("file", O_RDONLY | O_DIRECTORY));
	SAY(open("new/", O_RDWR | O_CREAT, 0644));
	SAY(open(".", O_RDWR));
	SAY(open(".", O_RDONLY | O_CREAT, 0644));
	SAY(open("", O_RDONLY));
	SAY(symlink("file", "link"));
	SAY(open("link", O_RDONLY | O_NOFOLLOW));
	SAY(symlink("loop", "loop"));
	SAY(open("loop", O_RDONLY));
	SAY(symlink("dangling-target", "dangling"));
	SAY(open("dangling", O_RDWR | O_CREAT | O_EXCL, 0600));
	SAY(close(open("dangling", O_RDWR | O_CREAT, 0600)));
	SAY(access("dangling-target", F_OK));
	SAY(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
	SAY(fcntl(fd, F_SETFL, O_APPEND));
	SAY(pwrite(fd, "AB", 2, 0));
	SAY(lseek(fd, 0, SEEK_END));
	SAY(fcntl(fd, F_GETFD));
	SAY(fcntl(fd, F_SETFD, FD_CLOEXEC));
	SAY(fcntl(fd, F_GETFD));
	SAY(fcntl(fd, F_DUPFD, 100));
	SAY(fcntl(100, F_GETFD));
	SAY(dup2(fd, 101));
	SAY(dup3(fd, fd, 0));
	SAY(dup2(fd, fd) == fd);
	SAY(close_range(100, 200, 0));
	SAY(fcntl(101, F_GETFD));
	SAY(close(fd));
	SAY(close(fd));
	SAY(read(fd, &fd, 1));
	fd = open("file", O_PATH);
	SAY(read(fd, &fd, 1));
	SAY(openat(fd, "x", O_RDONLY));
	SAY(close(fd));
	SAY(open("file", O_WRONLY));
	SAY(close(3));
}

static void positions(void)
{
	char bytes[64] = {0};
	struct iovec vector[3] = {{bytes, 3}, {bytes + 8, 0}, {bytes + 16, 5}};
	int fd = make("positions", "the quick brown fox");
	void *volatile nowhere = (void *)16;

	printf("== positions\n");
	SAY(lseek(fd, 4, SEEK_SET));
	SAY(readv(fd, vector, 3));
	printf("%s|%s\n", bytes, bytes + 16);
	SAY(lseek(fd, -100, SEEK_CUR));
	SAY(lseek(fd, 100, SEEK_CUR));
	SAY(read(fd, bytes, 10));
	SAY(lseek(fd, 0, 77));
	SAY(lseek(fd, 3, SEEK_HOLE));
	SAY(lseek(fd, 3, SEEK_DATA));
	SAY(lseek(fd, 30, SEEK_DATA));
	SAY(pread(fd, bytes, 5, -1));
	SAY(pread(fd, nowhere, 5, 0));
	SAY(write(fd, nowhere, 5));
	SAY(pwrite(fd, "far", 3, 100000));
	SAY(pread(fd, bytes, 4, 50000));
	SAY(bytes[0] + bytes[1] + bytes[2] + bytes[3]);
	SAY(ftruncate(fd, 5));
	SAY(ftruncate(fd, 10));
	SAY(pread(fd, bytes, 64, 0));
	printf("%s %d\n", bytes, bytes[5] | bytes[9]);
	SAY(ftruncate(fd, -1));
	SAY(truncate("absent", 1));
	SAY(truncate(".", 1));
	SAY(fallocate(fd, 0, 0, 20000));
	SAY(fallocate(fd, FALLOC_FL_KEEP_SIZE, 20000, 20000));
	SAY(lseek(fd, 0, SEEK_END));
	SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4));
	SAY(pread(fd, bytes, 5, 0));
	printf("%d%d%d%d%c\n", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4]);
	SAY(fallocate(fd, 0, 0, 0));
	SAY(close(fd));
}

static void mapped(void)
{
	int fd = make("mapped", "");
	char *shared, *private, byte;

	printf("== mapped\n");
	SAY(ftruncate(fd, 3 * 4096));
	shared = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	strcpy(shared + 4096, "shared");
	SAY(pread(fd, &byte, 1, 4096));
	SAY(byte == 's' && private[4096] == 's');
	private[4096] = 'P';
	SAY(pread(fd, &byte, 1, 4096));
	SAY(byte == 's');
	SAY(pwrite(fd, "W", 1, 4096));
	SAY(shared[4096] == 'W' && private[4096] == 'P');
	SAY(ftruncate(fd, 4096));
	SAY(ftruncate(fd, 3 * 4096));
	SAY(shared[4096]);
	SAY(msync(shared, 3 * 4096, MS_SYNC));
	SAY(munmap(private, 3 * 4096));
	SAY(close(fd));
	shared[0] = 'x';
	fd = open("mapped", O_RDONLY);
	SAY(read(fd, &byte, 1));
	SAY(byte == 'x');
	SAY((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == -1 ? -1 : 0);
	SAY(unlink("mapped"));
	SAY(shared[0]);
	SAY(munmap(shared, 3 * 4096));
	SAY(close(fd));
	fd = open("mapped", O_WRONLY | O_CREAT, 0600);
	SAY((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == -1 ? -1 : 0);
	SAY(close(fd));
}

static void *reader(void *fd)
{
	static char bytes[200000];
	long done = 0, n;

	while ((n = read(*(int *)fd, bytes, sizeof(bytes))) > 0)
		done += n;
	return (void *)done;
}

static void pipes(void)
{
	char bytes[70000] = {0};
	struct pollfd polled;
	pthread_t thread;
	void *result;
	int end[2];

	printf("== pipes\n");
	SAY(pipe2(end, O_NONBLOCK));
	SAY(read(end[0], bytes, 1));
	SAY(write(end[1], bytes, 65000));
	SAY(write(end[1], bytes, 4096));
	SAY(write(end[1], bytes, 500));
	SAY(write(end[1], bytes, 100));
	polled = (struct pollfd){end[1], POLLOUT, 0};
	SAY(poll(&polled, 1, 0));
	SAY(read(end[0], bytes, 70000));
	SAY(poll(&polled, 1, 0));
	SAY(polled.revents);
	SAY(lseek(end[0], 0, SEEK_SET));
	SAY(pread(end[0], bytes, 1, 0));
	SAY(write(end[0], bytes, 1));
	SAY(read(end[1], bytes, 1));
	SAY(fcntl(end[0], F_GETPIPE_SZ));
	SAY(close(end[1]));
	polled = (struct pollfd){end[0], POLLIN, 0};
	SAY(poll(&polled, 1, 0));
	SAY(polled.revents);
	SAY(read(end[0], bytes, 1));
	SAY(close(end[0]));
	SAY(pipe(end));
	SAY(pthread_create(&thread, NULL, reader, &end[0]));
	for (int i = 0; i < 20; i++)
		if (write(end[1], bytes, sizeof(bytes)) != sizeof(bytes))
			perror("write");
	SAY(close(end[1]));
	SAY(pthread_join(thread, &result));
	SAY((long)result);
	SAY(close(end[0]));
	SAY(pipe(end));
	signal(SIGPIPE, count_signal);
	SAY(close(end[0]));
	SAY(write(end[1], bytes, 1));
	SAY(signals);
	SAY(close(end[1]));
	SAY(pipe2(end, 0x40000000));
}

/* What a reader's memory does not take stays in the pipe. */
static void pipe_faults(void)
{
	char *room = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char bytes[5000], got[5000];
	int end[2];

	printf("== pipes into bad memory\n");
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i / 7);
	SAY(mprotect(room + 4096, 4096, PROT_NONE));
	SAY(pipe2(end, O_NONBLOCK));
	SAY(write(end[1], bytes, 8));
	SAY(read(end[0], room + 4096, 8));
	SAY(read(end[0], room + 4090, 8));
	SAY(read(end[0], room, 3));
	SAY(memcmp(room, bytes, 3));
	SAY(read(end[0], got, sizeof(got)));
	SAY(memcmp(got, bytes + 3, 5));
	SAY(write(end[1], room + 4096, 8));
	SAY(read(end[0], got, sizeof(got)));
	SAY(write(end[1], bytes, sizeof(bytes)));
	SAY(read(end[0], room, sizeof(bytes)));
	SAY(memcmp(room, bytes, 4096));
	SAY(read(end[0], got, sizeof(got)));
	SAY(memcmp(got, bytes + 4096, sizeof(bytes) - 4096));
	SAY(close(end[0]));
	SAY(close(end[1]));
	SAY(munmap(room, 8192));
}

/* The first write to a clean page of a disk is seen, and a writeback makes pages clean again; those of
 * memory are never clean. Which of the two a host's /tmp is, its statfs says. */
static void writeback(int fd)
{
	struct statfs fs;
	char *map;
	volatile char *page;
	long before;
	int disk, first_write;

	SAY(fstatfs(fd, &fs));
	disk = fs.f_type != TMPFS_MAGIC;
	first_write = disk || dirty_by_fault();
	SAY(ftruncate(fd, 4096));
	SAY(pwrite(fd, "x", 1, 0));
	page = map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	before = faults();
	(void)page[0];
	page[0] = 'y';
	SAY(faults() - before == 1 + first_write);
	SAY(msync(map, 4096, MS_SYNC));
	before = faults();
	page[1] = 'z';
	SAY(faults() - before == disk);
	SAY(fsync(fd));
	before = faults();
	page[1] = 'z';
	SAY(faults() - before == disk);
	SAY(sync_file_range(fd, 0, 4096, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
	SAY(sync_file_range(fd, 0, 0, 8));
	SAY(munmap(map, 4096));
	SAY(fsync(fd));
	SAY(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	SAY(posix_fadvise(fd, 0, 0, 99));
	SAY(ftruncate(fd, 1));
	SAY(ftruncate(fd, 4096));
	page = map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	SAY(page[0]);
	SAY(page[1]);
	SAY(munmap(map, 4096));
	SAY(close(fd));
}

static void file_systems(void)
{
	printf("== writeback, disk\n");
	writeback(make("disk", ""));
	printf("== writeback, memory\n");
	writeback(memfd_create("memory", 0));
	SAY(link("/dev/shm", "/x"));
	SAY(rename("disk", "/dev/shm/quire-test-disk"));
	SAY(unlink("disk"));
}

static void fifos(void)
{
	char bytes[16] = {0};
	int fd, status;
	pid_t child;

	printf("== fifos\n");
	SAY(mkfifo("fifo", 0600));
	SAY(mkfifo("fifo", 0600));
	fflush(stdout);
	child = fork();
	if (!child) {
		fd = open("fifo", O_WRONLY);
		_exit(write(fd, "through", 7) == 7 ? 0 : 1);
	}
	fd = open("fifo", O_RDONLY);
	SAY(read(fd, bytes, sizeof(bytes)));
	printf("%s\n", bytes);
	waitpid(child, &status, 0);
	SAY(status);
	SAY(read(fd, bytes, sizeof(bytes)));
	SAY(close(fd));
	fd = open("fifo", O_RDONLY | O_NONBLOCK);
	SAY(read(fd, bytes, 1));
	SAY(close(fd));
	fd = open("fifo", O_RDWR);
	SAY(write(fd, "both", 4));
	SAY(read(fd, bytes, 16));
	SAY(close(fd));
}

/* What a child process gets when it tries to lock. */
static void child_lock(const char *what, const char *name, int type, long start, long length)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		struct flock lock = {.l_type = (short)type, .l_start = start, .l_len = length};
		int fd = open(name, O_RDWR), result = fcntl(fd, F_SETLK, &lock);

		if (result < 0) {
			lock = (struct flock){.l_type = (short)type, .l_start = start, .l_len = length};
			result = 100 + (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_pid == getppid()) +
				 (lock.l_type == F_WRLCK) * 2 + (int)lock.l_start;
		}
		_exit(result);
	}
	waitpid(child, &status, 0);
	printf("%s: %d\n", what, WEXITSTATUS(status));
}

static void locks(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_start = 10, .l_len = 10};
	int fd = make("locked", "0123456789012345678901234567890"), other, status;
	pid_t child;

	printf("== locks\n");
	SAY(fcntl(fd, F_SETLK, &lock));
	child_lock("write over it", "locked", F_WRLCK, 0, 0);
	child_lock("before it", "locked", F_WRLCK, 0, 10);
	child_lock("behind it", "locked", F_WRLCK, 20, 0);
	child_lock("its last byte", "locked", F_RDLCK, 19, 1);
	lock = (struct flock){.l_type = F_UNLCK, .l_start = 13, .l_len = 4};
	SAY(fcntl(fd, F_SETLK, &lock));
	child_lock("the hole", "locked", F_WRLCK, 13, 4);
	child_lock("and one more", "locked", F_WRLCK, 13, 5);
	lock = (struct flock){.l_type = F_RDLCK, .l_start = 0, .l_len = 0};
	SAY(fcntl(fd, F_SETLK, &lock));
	child_lock("reading beside", "locked", F_RDLCK, 0, 0);
	child_lock("writing beside", "locked", F_WRLCK, 5, 1);
	fflush(stdout);
	child = fork();
	if (!child) {
		other = open("locked", O_RDWR);
		lock = (struct flock){.l_type = F_WRLCK};
		_exit(fcntl(other, F_SETLKW, &lock) == 0 ? 9 : 1);
	}
	usleep(50000);
	SAY(waitpid(child, &status, WNOHANG));
	other = open("locked", O_RDONLY);
	SAY(close(other)); /* any close by this process ends its locks */
	SAY(waitpid(child, &status, 0) == child);
	SAY(WEXITSTATUS(status));
	other = open("locked", O_RDWR);
	SAY(flock(fd, LOCK_EX));
	SAY(flock(other, LOCK_SH | LOCK_NB));
	SAY(flock(fd, LOCK_SH));
	SAY(flock(other, LOCK_SH | LOCK_NB));
	SAY(flock(fd, LOCK_EX | LOCK_NB));
	SAY(close(other));
	SAY(flock(fd, LOCK_EX | LOCK_NB));
	SAY(flock(fd, 77));
	lock = (struct flock){.l_type = F_WRLCK};
	SAY(fcntl(fd, F_OFD_SETLK, &lock));
	other = open("locked", O_RDWR);
	SAY(fcntl(other, F_OFD_SETLK, &lock));
	SAY(close(fd));
	SAY(fcntl(other, F_OFD_SETLK, &lock));
	SAY(close(other));
}

static void waiting(void)
{
	struct timeval little = {0, 20000};
	struct epoll_event event, events[4];
	struct pollfd polled[3];
	uint64_t value;
	fd_set in, out;
	int end[2], counter, set;

	printf("== waiting\n");
	SAY(pipe(end));
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(end[0], &in);
	FD_SET(end[1], &out);
	SAY(select(end[1] + 1, &in, &out, NULL, NULL));
	SAY(FD_ISSET(end[0], &in) * 2 + FD_ISSET(end[1], &out));
	FD_ZERO(&in);
	FD_SET(end[0], &in);
	SAY(select(end[0] + 1, &in, NULL, NULL, &little));
	SAY(little.tv_sec + little.tv_usec);
	polled[0] = (struct pollfd){end[0], POLLIN, 0};
	polled[1] = (struct pollfd){-1, POLLIN, 77};
	polled[2] = (struct pollfd){555, POLLIN, 0};
	SAY(poll(polled, 3, 1000));
	printf("%d %d %d\n", polled[0].revents, polled[1].revents, polled[2].revents);
	counter = eventfd(3, EFD_NONBLOCK);
	set = epoll_create1(0);
	event = (struct epoll_event){EPOLLIN, {.u32 = 1}};
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, end[0], &event));
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, end[0], &event));
	event.data.u32 = 2;
	SAY(epoll_ctl(set, EPOLL_CTL_ADD, counter, &event));
	SAY(epoll_wait(set, events, 4, 0));
	SAY(events[0].data.u32);
	SAY(read(counter, &value, 8));
	SAY(value);
	SAY(read(counter, &value, 8));
	SAY(read(counter, &value, 4));
	SAY(epoll_wait(set, events, 4, 20));
	SAY(write(end[1], "x", 1));
	SAY(epoll_wait(set, events, 4, -1));
	SAY(events[0].data.u32 * 100 + events[0].events);
	event = (struct epoll_event){EPOLLIN | EPOLLONESHOT, {.u32 = 3}};
	SAY(epoll_ctl(set, EPOLL_CTL_MOD, end[0], &event));
	SAY(epoll_wait(set, events, 4, -1));
	SAY(epoll_wait(set, events, 4, 0));
	SAY(epoll_ctl(set, EPOLL_CTL_DEL, counter, NULL));
	SAY(epoll_ctl(set, EPOLL_CTL_DEL, counter, NULL));
	SAY(close(set) + close(counter) + close(end[0]) + close(end[1]));
}

static void copying(void)
{
	int from = make("from", "0123456789abcdef"), to = make("to", "");
	char bytes[32] = {0};
	off_t offset = 4;

	printf("== copying\n");
	SAY(sendfile(to, from, &offset, 6));
	SAY(offset);
	SAY(lseek(from, 2, SEEK_SET));
	SAY(sendfile(to, from, NULL, 3));
	SAY(copy_file_range(from, NULL, to, NULL, 100, 0));
	SAY(pread(to, bytes, sizeof(bytes), 0));
	printf("%s\n", bytes);
	SAY(copy_file_range(from, NULL, to, NULL, 100, 1));
	SAY(close(from) + close(to));
}

static void limits(void)
{
	struct rlimit limit = {1000, RLIM_INFINITY}, old;
	char bytes[2000] = {0};
	int fd = make("limits", "");
	long result[4];

	printf("== limits\n");
	signal(SIGXFSZ, count_signal);
	signals = 0;
	/* Nothing is printed meanwhile: standard output may be a file. */
	setrlimit(RLIMIT_FSIZE, &limit);
	result[0] = write(fd, bytes, 2000);
	result[1] = write(fd, bytes, 1);
	result[2] = result[1] < 0 ? errno == EFBIG : -1;
	result[3] = ftruncate(fd, 5000);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	for (int i = 0; i < 4; i++)
		printf("with a limit %d: %ld\n", i, result[i]);
	SAY(signals);
	SAY(close(fd));
	getrlimit(RLIMIT_NOFILE, &old);
	limit = (struct rlimit){10, old.rlim_max};
	SAY(setrlimit(RLIMIT_NOFILE, &limit));
	for (fd = 0; fd >= 0 && fd < 100;)
		fd = dup(1);
	say("dup", fd);
	SAY(dup2(1, 10));
	SAY(close_range(3, ~0u, 0));
	SAY(setrlimit(RLIMIT_NOFILE, &old));
}

static void sealing(void)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING), plain = memfd_create("plain", 0);
	struct stat st;

	printf("== memfd\n");
	SAY(ftruncate(fd, 8192));
	SAY(fstat(fd, &st));
	printf("%o %ld %ld\n", st.st_mode, (long)st.st_nlink, (long)st.st_size);
	SAY(fcntl(fd, F_GET_SEALS));
	SAY(fcntl(plain, F_GET_SEALS));
	SAY(fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE));
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	SAY(ftruncate(fd, 4096));
	SAY(ftruncate(fd, 12288));
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL));
	SAY(ftruncate(fd, 16384));
	SAY(write(fd, "x", 1));
	SAY((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == -1 ? -1 : 0);
	SAY((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) == -1 ? -1 : 0);
	SAY((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == -1 ? -1 : 0);
	SAY(fcntl(fd, F_ADD_SEALS, 0));
	SAY(fcntl(fd, F_GET_SEALS));
	SAY(close(fd) + close(plain));
	SAY(memfd_create("x", 0x8000));
}

static void devices(void)
{
	char bytes[16] = "unchanged";
	int fd = open("/dev/null", O_RDWR);

	printf("== devices\n");
	SAY(write(fd, bytes, 16));
	SAY(read(fd, bytes, 16));
	SAY(close(fd));
	fd = open("/dev/zero", O_RDWR);
	SAY(read(fd, bytes, 4));
	SAY(bytes[0] | bytes[3]);
	SAY(bytes[4]);
	SAY(close(fd));
	fd = open("/dev/full", O_RDWR);
	SAY(write(fd, bytes, 1));
	SAY(close(fd));
	fd = open("/dev/urandom", O_RDONLY);
	SAY(read(fd, bytes, 16));
	SAY(close(fd));
}

int main(void)
{
	char home[] = "/tmp/files-XXXXXX";

	said_begin(home);
	opening();
	positions();
	mapped();
	pipes();
	pipe_faults();
	fifos();
	locks();
	waiting();
	copying();
	file_systems();
	sealing();
	devices();
	limits();
	return said_end(home);
}
