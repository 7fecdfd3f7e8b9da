/* SPDX-License-Identifier: MIT */
/* System calls at random, for the reference kernel: every number, with arguments that are addresses, descriptors,
 * processes, sizes and flags as they are in use, and the edges of each. Processes of two threads do that until they
 * die of it or are killed; a panic, an oops, a hang or a difference in the final count is a finding.
 *
 * usage: fuzz [SECONDS [SEED]] */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	NUMBERS = 480,
	AT_ONCE = 4,   /* processes */
	LIFE_MS = 200, /* of one, about */
	AREAS = 8,     /* of memory */
	AREA_PAGES = 16,
	CALLS_EACH = 4000
};

/* The end of what programs have, and what the kernel has: on each architecture it is something of the kind. */
static const uint64_t last_page = sizeof(long) == 8 ? 0x7ffffffff000 : 0xbffff000;
static const uint64_t kernels = sizeof(long) == 8 ? 0xffff800000000000 : 0xc0000000;

static unsigned long *total; /* calls; shared with all */
static unsigned long processes;
static char *area[AREAS];
static pid_t self;

/* --- numbers ---------------------------------------------------------------------------------- */

static uint64_t draw(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

static uint64_t an_address(uint64_t *state)
{
	uint64_t r = draw(state);
	uint64_t at = (uintptr_t)area[r % AREAS] + (r >> 8) % AREA_PAGES * PAGE;

	switch (r >> 16 & 7) {
	case 0:
		return at + (r >> 24) % PAGE;
	case 1:
		return at + PAGE - 1 - (r >> 24) % 16; /* across a page's end */
	case 2:
		return last_page - (r >> 24) % 3 * PAGE;
	case 3:
		return kernels + (r >> 24) % 4096;
	default:
		return at;
	}
}

static uint64_t a_number(uint64_t *state)
{
	static const uint64_t edges[] = {
	    0,           1,          2,          7,          8,         16,         64,
	    255,         4095,       4096,       4097,       65536,     1u << 20,   INT32_MAX,
	    1u << 31,    UINT32_MAX, 1ull << 32, 1ull << 47, INT64_MAX, 1ull << 63, (uint64_t)-4096,
	    (uint64_t)-1};
	uint64_t r = draw(state);

	switch (r & 3) {
	case 0:
		return edges[(r >> 8) % (sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return 1ull << (r >> 8) % 64;
	case 2:
		return r >> 8 & 0xff;
	default:
		return (1ull << (r >> 8) % 32 | 1ull << (r >> 16) % 32) & ~(uint64_t)0x8000;
	}
}

static uint64_t an_argument(uint64_t *state)
{
	uint64_t r = draw(state);

	switch (r & 7) {
	case 0:
	case 1:
	case 2:
		return an_address(state);
	case 3:
	case 4:
		return (r >> 8) % 24; /* descriptors, signals, small flags */
	case 5:
		return (uint64_t)self + ((r >> 8) % 4 ? 0 : (r >> 12) % 3);
	default:
		return a_number(state);
	}
}

/* --- one call --------------------------------------------------------------------------------- */

/* What would end the parent, or the machine, or wait for what never comes. */
static int is_left_out(long number)
{
	switch (number) {
	case SYS_exit:
	case SYS_exit_group:
#ifdef SYS_pause /* ARM64 and RISC-V have it no more */
	case SYS_pause:
#endif
	case SYS_reboot:
	case SYS_kexec_load:
	case SYS_ptrace:
		return 1;
	default:
		return 0;
	}
}

/* These name their victim by a number: it is this process. */
static int names_a_victim(long number)
{
	return number == SYS_kill || number == SYS_tkill || number == SYS_tgkill ||
	       number == SYS_rt_sigqueueinfo || number == SYS_rt_tgsigqueueinfo || number == SYS_prlimit64 ||
	       number == SYS_process_vm_writev || number == SYS_setpriority ||
	       number == SYS_sched_setaffinity;
}

static void one_call(uint64_t *state)
{
	unsigned long a[6]; /* words: the two halves of a longer one would be two arguments */
	long number = (long)(draw(state) % NUMBERS);

	if (is_left_out(number))
		return;
	for (int i = 0; i < 6; i++)
		a[i] = (unsigned long)an_argument(state);
	if (names_a_victim(number))
		a[0] = (unsigned long)self;
	__atomic_fetch_add(total, 1, __ATOMIC_RELAXED);
	syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	/* A child of this call has nothing to do. */
	if (syscall(SYS_getpid) != self)
		syscall(SYS_exit_group, 0);
}

static void *calls(void *argument)
{
	uint64_t state = (uintptr_t)argument | 1;

	for (int i = 0; i < CALLS_EACH; i++)
		one_call(&state);
	return NULL;
}

/* --- a process -------------------------------------------------------------------------------- */

static void make_areas(void)
{
	static const char *const paths[] = {"/tmp/fuzz", "/", ".", "/proc/self/maps", "/dev/zero", "/tmp"};
	static const int prots[] = {PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE,
				    PROT_READ | PROT_WRITE | PROT_EXEC};

	for (int i = 0; i < AREAS; i++) {
		int shared = i >= AREAS / 2;

		area[i] = mmap(NULL, AREA_PAGES * PAGE, PROT_READ | PROT_WRITE,
			       (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
		if (area[i] == MAP_FAILED)
			_exit(1);
		/* Paths, and words that are addresses and small numbers. */
		for (int page = 0; page < AREA_PAGES; page++) {
			char *at = area[i] + page * PAGE;

			if (page % 2)
				strcpy(at, paths[(i + page) % 6]);
			else
				for (int word = 0; word < 16; word++)
					((uint64_t *)(void *)at)[word] =
					    word % 2 ? (uint64_t)word
						     : (uintptr_t)area[i] + (unsigned)word * 64;
		}
		mprotect(area[i], AREA_PAGES * PAGE, prots[i % 4]);
		munmap(area[i] + 5 * PAGE, PAGE);
	}
}

static void open_files(void)
{
	int end[2];

	for (int fd = 0; fd < 3; fd++)
		close(fd);
	open("/dev/null", O_RDWR);
	open("/dev/zero", O_RDWR);
	open("/tmp/fuzz", O_RDWR | O_CREAT, 0600);
	open("/tmp", O_RDONLY);
	open("/proc/self/stat", O_RDONLY);
	if (pipe2(end, O_NONBLOCK) || memfd_create("fuzz", MFD_ALLOW_SEALING) < 0)
		return;
	syscall(SYS_eventfd2, 0, O_NONBLOCK);
	syscall(SYS_epoll_create1, 0);
	syscall(SYS_pidfd_open, self, 0);
}

static void victim(int adjust)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	char text[16];

	if (fd >= 0 && write(fd, text, (size_t)snprintf(text, sizeof(text), "%d", adjust)) < 0)
		perror("oom_score_adj");
	close(fd);
}

static void process(uint64_t seed)
{
	struct rlimit none = {0, 0};
	pthread_t thread;

	self = getpid();
	victim(1000);
	setsid();
	setrlimit(RLIMIT_CORE, &none);
	make_areas();
	open_files();
	if (seed & 1 && (setgid(1000) || setuid(1000)))
		_exit(1);
	if (pthread_create(&thread, NULL, calls, (void *)(uintptr_t)(seed * 0x9e3779b97f4a7c15)))
		_exit(1);
	calls((void *)(uintptr_t)(seed * 0xff51afd7ed558ccd));
	pthread_join(thread, NULL);
	_exit(0);
}

/* --- the parent ------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct child {
	pid_t pid;
	uint64_t until;
};

static void turn(struct child *child, uint64_t seed)
{
	if (child->pid && waitpid(child->pid, NULL, WNOHANG) == child->pid) {
		child->pid = 0;
	} else if (child->pid && now_ms() > child->until) {
		kill(-child->pid, SIGKILL); /* its group, and itself: it may have left it */
		kill(child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
		child->pid = 0;
	}
	if (child->pid)
		return;
	child->pid = fork();
	if (!child->pid)
		process(seed);
	if (child->pid < 0)
		child->pid = 0; /* no memory at the moment */
	child->until = now_ms() + LIFE_MS;
	processes++;
}

/* Far from what the calls have as addresses, so that no length reaches it. */
static unsigned long *make_total(void)
{
	char *room = mmap(NULL, 1ul << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	void *at = room == MAP_FAILED ? MAP_FAILED
				      : mmap(room + (1ul << 29), PAGE, PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (at == MAP_FAILED)
		exit(1);
	return at;
}

int main(int argc, char **argv)
{
	uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 5;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
	struct child child[AT_ONCE] = {{0}};
	uint64_t end = now_ms() + seconds * 1000, said = now_ms();

	if (argc < 2)
		return 2; /* executed by one of the calls, perhaps */
	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	total = make_total();
	victim(-1000);
	while (now_ms() < end) {
		for (int i = 0; i < AT_ONCE; i++)
			turn(&child[i], seed + processes);
		usleep(5000);
		if (now_ms() - said > 5000) {
			said = now_ms();
			printf("%lu calls, %lu processes\n", *total, processes);
			fflush(stdout);
		}
	}
	for (int i = 0; i < AT_ONCE; i++)
		if (child[i].pid)
			kill(child[i].pid, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0)
		;
	printf("%lu calls, %lu processes\n", *total, processes);
	return *total == 0; /* then nothing was tested */
}
