/* SPDX-License-Identifier: MIT */
/* What mmap refuses and in which order, seals of memory files, devices, futexes in memory that is not there.
 * Prints the same lines on any Linux. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "said.h"

#define PAGE 4096l

#define SEAL_EXEC    0x20 /* F_SEAL_EXEC, and the flags of memfd_create: newer than the headers */
#define NOEXEC_SEAL  8u
#define MFD_EXEC_BIT 16u

/* Only whether it succeeds: where is not the question. */
static void *say_map(const char *what, void *at)
{
	say(what, at == MAP_FAILED ? -1 : 0);
	return at;
}
#define MAP(...) say_map("mmap(" #__VA_ARGS__ ")", mmap(__VA_ARGS__))

/* --- seals ------------------------------------------------------------------------------------------ */

static int sealable(unsigned flags)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING | flags);

	if (fd < 0 || ftruncate(fd, 4 * PAGE))
		exit(1);
	return fd;
}

static void again(int fd, const char *name, int flags)
{
	char path[32];
	int other;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, flags);
	printf("opened %s\n", name);
	MAP(NULL, PAGE, PROT_READ, MAP_SHARED, other, 0);
	SAY(fcntl(other, F_ADD_SEALS, F_SEAL_WRITE));
	SAY(close(other));
}

/* A child holds the mapping while the parent asks. */
static void child_holds(int fd)
{
	int ready[2], go[2];
	char byte;
	pid_t pid;

	if (pipe(ready) || pipe(go))
		exit(1);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
		if (write(ready[1], "r", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	if (read(ready[0], &byte, 1) != 1)
		exit(1);
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	if (write(go[1], "g", 1) != 1 || waitpid(pid, NULL, 0) != pid)
		exit(1);
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	SAY(close(ready[0]) | close(ready[1]) | close(go[0]) | close(go[1]));
}

static void seal_write(void)
{
	int fd = sealable(0);
	char *at;

	printf("== seals: write\n");
	at = MAP(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	SAY(mprotect(at + PAGE, PAGE, PROT_READ | PROT_WRITE));
	SAY(munmap(at, PAGE));
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	SAY(munmap(at + PAGE, 3 * PAGE));
	at = MAP(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	again(fd, "read-only", O_RDONLY);
	child_holds(fd);
	SAY(fcntl(fd, F_GET_SEALS));
	MAP(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MAP(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	at = MAP(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	SAY(mprotect(at, PAGE, PROT_READ | PROT_WRITE));
	SAY(write(fd, "x", 1));
	SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	SAY(close(fd));
}

static void seal_future(void)
{
	int fd = sealable(0);
	char *at;

	printf("== seals: future writes\n");
	at = MAP(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	at[0] = 'w';
	SAY(write(fd, "x", 1));
	MAP(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	SAY(munmap(at, PAGE));
	at = MAP(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	SAY(mprotect(at, PAGE, PROT_READ | PROT_WRITE));
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	SAY(close(fd));
}

static void seal_exec(void)
{
	int fd = sealable(0);

	printf("== seals: exec\n");
	SAY(fchmod(fd, 0755));
	SAY(fcntl(fd, F_ADD_SEALS, SEAL_EXEC));
	SAY(fcntl(fd, F_GET_SEALS));
	SAY(fchmod(fd, 0644));
	SAY(fchmod(fd, 0711));
	SAY(write(fd, "x", 1));
	SAY(close(fd));
	fd = sealable(NOEXEC_SEAL);
	SAY(fcntl(fd, F_GET_SEALS));
	SAY(fchmod(fd, 0755));
	SAY(fchmod(fd, 0600));
	SAY(close(fd));
	SAY(memfd_create("both", NOEXEC_SEAL | MFD_EXEC_BIT));
	fd = memfd_create("plain", MFD_EXEC_BIT);
	SAY(fcntl(fd, F_GET_SEALS));
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	SAY(fcntl(fd, F_ADD_SEALS, 0x100));
	SAY(close(fd));
	fd = sealable(0);
	SAY(fcntl(fd, F_ADD_SEALS, 0x100));
	SAY(close(fd));
	fd = open("file", O_RDWR | O_CREAT, 0600);
	SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	SAY(fcntl(0, F_GET_SEALS));
	SAY(close(fd));
}

/* --- mmap -------------------------------------------------------------------------------------------- */

static void device(void)
{
	int fd = open("/dev/zero", O_RDONLY), both = open("/dev/zero", O_RDWR),
	    null = open("/dev/null", O_RDWR);
	char *at;

	printf("== devices\n");
	at = MAP(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	SAY(mprotect(at, PAGE, PROT_READ | PROT_WRITE));
	SAY(mprotect(at, PAGE, PROT_READ | PROT_EXEC));
	SAY(at[0]);
	MAP(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	at = MAP(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	SAY(mprotect(at, PAGE, PROT_READ | PROT_WRITE));
	at = MAP(NULL, PAGE, PROT_READ, MAP_SHARED, both, 0);
	SAY(mprotect(at, PAGE, PROT_READ | PROT_WRITE));
	MAP(NULL, PAGE, PROT_READ, MAP_SHARED, null, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_PRIVATE, null, 0);
	SAY(close(fd) | close(both) | close(null));
}

/* Where a mapping would go is looked at before its type, and its type before the file's rights. */
static void place(void)
{
	int out = open("file", O_WRONLY), both = open("file", O_RDWR);
	char *at = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	printf("== place\n");
	if (at == MAP_FAILED)
		exit(1);
	MAP(at - 1, PAGE, PROT_READ, MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	MAP(at, PAGE, PROT_READ, MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	MAP(at, PAGE, PROT_READ, MAP_FIXED_NOREPLACE, both, 0);
	MAP(at, PAGE, PROT_READ, MAP_FIXED_NOREPLACE, out, 0);
	MAP(at, PAGE, PROT_READ, MAP_FIXED_NOREPLACE | MAP_PRIVATE, out, 0);
	MAP(at, PAGE, PROT_READ, MAP_FIXED_NOREPLACE | 4, both, 0);
	MAP(at, PAGE, PROT_READ, MAP_FIXED_NOREPLACE | MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0);
	MAP(at, PAGE, PROT_READ, MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	MAP(at, PAGE, PROT_READ, MAP_FIXED, both, 0);
	MAP(at + 1, 1ul << 62, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MAP((void *)~(PAGE - 1), PAGE, PROT_READ, MAP_FIXED | MAP_PRIVATE, out, 0);
	SAY(munmap(at, 4 * PAGE) | close(out) | close(both));
}

static void order(void)
{
	int dir = open(".", O_RDONLY), fd = make("file", "text"), out = open("file", O_WRONLY), end[2];

	printf("== order\n");
	if (pipe(end))
		exit(1);
	MAP(NULL, 0, PROT_READ, MAP_PRIVATE, -1, 0);
	MAP(NULL, 0, PROT_READ, MAP_PRIVATE, dir, 0);
	MAP(NULL, 0, PROT_READ, MAP_PRIVATE, out, 0);
	MAP(NULL, PAGE, PROT_READ, 0, dir, 0);
	MAP(NULL, PAGE, PROT_READ, 0, out, 0);
	MAP(NULL, PAGE, PROT_READ, 4, fd, 0);
	MAP(NULL, ~0ul, PROT_READ, MAP_PRIVATE, dir, 0);
	MAP(NULL, 1ul << 62, PROT_READ, MAP_PRIVATE, dir, 0);
	MAP(NULL, 1ul << 62, PROT_READ, MAP_PRIVATE, out, 0);
	MAP(NULL, 1ul << 62, PROT_READ, 0, fd, 0);
	MAP((void *)1, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, dir, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_PRIVATE, end[0], 0);
	MAP(NULL, PAGE, PROT_READ, MAP_PRIVATE, end[1], 0);
	MAP(NULL, PAGE, PROT_READ, MAP_PRIVATE, out, 0);
	MAP(NULL, PAGE, PROT_WRITE, MAP_SHARED, out, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, dir, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, fd, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, INT64_MAX & ~(PAGE - 1));
	MAP(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, INT64_MAX & ~(PAGE - 1));
	MAP(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | (1 << 27), fd, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | (21 << 26), fd, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | (30 << 26), fd, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | (32 << 26), fd, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | (16 << 26), fd, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, dir, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE, dir, 0);
	MAP(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0);
	MAP(NULL, 1 << 21, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	MAP(NULL, 1 << 21, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	MAP(NULL, 1 << 21, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << 26), -1, 0);
	MAP(NULL, 1 << 21, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (22 << 26), -1, 0);
	MAP(NULL, 1 << 21, PROT_READ, MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	MAP(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	MAP(NULL, 1 << 21, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, fd, 0);
	MAP(NULL, 1 << 21, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, -1, 0);
	SAY(close(dir) | close(fd) | close(out) | close(end[0]) | close(end[1]));
}

/* --- futexes ------------------------------------------------------------------------------------------ */

static long futex(void *word, int op, unsigned value, void *second, unsigned third)
{
	return syscall(SYS_futex, word, op, value, (void *)1, second, third);
}

static long wait_on(void *word, int op, unsigned value)
{
	struct timespec soon = {0, 1000000};

	return syscall(SYS_futex, word, op, value, &soon, NULL, 0);
}

static void words(void)
{
	char *none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *private = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *beyond, *hole;
	int fd = make("words", "text");

	printf("== futexes\n");
	beyond = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	hole = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (none == MAP_FAILED || shared == MAP_FAILED || beyond == MAP_FAILED || munmap(hole, PAGE))
		exit(1);
	SAY(futex(none, FUTEX_WAKE, 1, NULL, 0));
	SAY(futex(none, FUTEX_WAKE_PRIVATE, 1, NULL, 0));
	SAY(futex(hole, FUTEX_WAKE, 1, NULL, 0));
	SAY(futex(hole, FUTEX_WAKE_PRIVATE, 1, NULL, 0));
	SAY(futex(beyond + PAGE, FUTEX_WAKE, 1, NULL, 0));
	SAY(futex(beyond, FUTEX_WAKE, 1, NULL, 0));
	SAY(futex(shared, FUTEX_WAKE, 1, NULL, 0));
	SAY(futex(shared + 1, FUTEX_WAKE, 1, NULL, 0));
	SAY(wait_on(none, FUTEX_WAIT, 0));
	SAY(wait_on(hole, FUTEX_WAIT, 0));
	SAY(wait_on(beyond + PAGE, FUTEX_WAIT, 0));
	SAY(wait_on(shared, FUTEX_WAIT, 0));
	SAY(wait_on(shared, FUTEX_WAIT, 1));
	SAY(futex(shared, FUTEX_REQUEUE, 1, none, 0));
	SAY(futex(shared, FUTEX_REQUEUE, 1, hole, 0));
	SAY(futex(shared, FUTEX_CMP_REQUEUE, 1, beyond + PAGE, 0));
	SAY(futex(shared, FUTEX_CMP_REQUEUE, 1, shared + 8, 0));
	SAY(futex(shared, FUTEX_CMP_REQUEUE, 1, shared + 8, 7));
	SAY(futex(shared, FUTEX_WAKE_OP, 1, none, 0));
	SAY(futex(shared, FUTEX_WAKE_OP, 1, hole, 0));
	SAY(futex(shared, FUTEX_WAKE_OP, 1, private, 0));
	SAY(futex(shared, FUTEX_WAKE_OP, 1, shared + 4, 0));
	SAY(futex(none, FUTEX_WAKE_OP, 1, shared, 0));
	SAY(close(fd));
}

int main(void)
{
	char home[] = "/tmp/mapping-XXXXXX";

	said_begin(home);
	seal_write();
	seal_future();
	seal_exec();
	device();
	order();
	place();
	words();
	return said_end(home);
}
