/* SPDX-License-Identifier: MIT */
/* Descriptors of processes, clone3, process_madvise. Prints the same lines on any Linux. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "said.h"

#define PAGE    4096l
#define P_PIDFD 3

static volatile pid_t tid;
static volatile int stop;

static void *runs(void *argument)
{
	tid = gettid();
	while (!stop)
		usleep(1000);
	return NULL;
}

static long send(int fd, int signal, siginfo_t *info, unsigned flags)
{
	return syscall(SYS_pidfd_send_signal, fd, signal, info, flags);
}

/* A descriptor's number is not the question. */
static int opened(pid_t pid, unsigned flags)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, flags);

	say("pidfd_open", fd < 0 ? -1 : 0);
	return fd;
}

static void own(void)
{
	pthread_t thread;
	siginfo_t info = {.si_signo = SIGUSR2, .si_code = SI_QUEUE};
	char bytes[8] = "";
	int fd;

	printf("== one's own\n");
	pthread_create(&thread, NULL, runs, NULL);
	while (!tid)
		usleep(100);
	opened(tid, 0);
	opened(999999, 0);
	opened(0, 0);
	opened(-1, 0);
	opened(getpid(), 1);
	fd = opened(getpid(), 0);
	SAY(read(fd, bytes, 8));
	SAY(write(fd, bytes, 8));
	SAY(lseek(fd, 0, SEEK_SET));
	SAY(fcntl(fd, F_GETFD));
	SAY(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	SAY(send(fd, 0, NULL, 0));
	SAY(send(fd, 0, NULL, 99));
	SAY(send(fd, 99, NULL, 0));
	SAY(send(1, 0, NULL, 0));
	SAY(send(fd, 0, (void *)8, 0));
	SAY(send(fd, SIGUSR1, &info, 0));
	stop = 1;
	pthread_join(thread, NULL);
	SAY(close(fd));
}

static void ends(int fd, siginfo_t *info)
{
	struct pollfd ask = {fd, POLLIN, 0};

	SAY(poll(&ask, 1, 0));
	SAY(waitid(P_PIDFD, (id_t)fd, info, WEXITED | WNOHANG));
	SAY(send(fd, SIGTERM, NULL, 0));
	SAY(poll(&ask, 1, -1));
	SAY(ask.revents);
	SAY(send(fd, 0, NULL, 0));
	SAY(waitid(P_PIDFD, (id_t)fd, info, WEXITED));
	SAY(info->si_status);
	SAY(info->si_code);
	SAY(poll(&ask, 1, -1));
	SAY(ask.revents);
	SAY(waitid(P_PIDFD, (id_t)fd, info, WEXITED));
	SAY(send(fd, 0, NULL, 0));
	SAY(close(fd));
}

static void child(void)
{
	siginfo_t info = {0};
	pid_t pid;
	int fd;

	printf("== a child's\n");
	fflush(stdout);
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	fd = opened(pid, O_NONBLOCK);
	SAY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	ends(fd, &info);
	SAY(waitid(P_PIDFD, 1, &info, WEXITED));
	SAY(waitid(P_PIDFD, (id_t)-1, &info, WEXITED));
	SAY(waitid(4, 1, &info, WEXITED));
}

struct arguments {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
	    set_tid_size, cgroup;
	uint64_t more[2];
};

static long clone3(struct arguments *how, size_t size)
{
	long pid;

	fflush(stdout);
	pid = syscall(SYS_clone3, how, size);
	if (!pid) {
		struct sigaction action;

		sigaction(SIGUSR1, NULL, &action);
		_exit(action.sa_handler == SIG_DFL ? 3 : 4);
	}
	return pid;
}

static void try_clone3(const char *what, struct arguments how, size_t size)
{
	int status = 0;
	long pid = clone3(&how, size);

	if (pid > 0)
		waitpid((pid_t)pid, &status, __WALL);
	printf("%s: %s, status %x\n", what, pid < 0 ? strerrorname_np(errno) : "cloned", (unsigned)status);
}

static void nothing(int signal)
{
}

static void clones(void)
{
	siginfo_t info = {0};
	int fd = -1, again = -1;
	pid_t parent_tid = 0;
	long pid;

	printf("== clone3\n");
	signal(SIGUSR1, nothing);
	try_clone3("plain", (struct arguments){.exit_signal = SIGCHLD}, 64);
	try_clone3("whole", (struct arguments){.exit_signal = SIGCHLD}, 88);
	try_clone3("short", (struct arguments){.exit_signal = SIGCHLD}, 56);
	try_clone3("longer", (struct arguments){.exit_signal = SIGCHLD}, 104);
	try_clone3("longer and set", (struct arguments){.exit_signal = SIGCHLD, .more = {0, 1}}, 104);
	try_clone3("too long", (struct arguments){.exit_signal = SIGCHLD}, 5000);
	try_clone3("no signal", (struct arguments){0}, 64);
	try_clone3("a signal in the flags", (struct arguments){.flags = SIGCHLD}, 64);
	try_clone3("no such signal", (struct arguments){.exit_signal = 99}, 64);
	try_clone3("detached", (struct arguments){.flags = 0x400000, .exit_signal = SIGCHLD}, 64);
	try_clone3("unknown", (struct arguments){.flags = UINT64_C(1) << 40, .exit_signal = SIGCHLD}, 64);
	try_clone3("stack without size", (struct arguments){.exit_signal = SIGCHLD, .stack = 8}, 64);
	try_clone3("size without stack", (struct arguments){.exit_signal = SIGCHLD, .stack_size = 8}, 64);
	try_clone3("thread alone", (struct arguments){.flags = CLONE_THREAD}, 64);
	try_clone3("cleared", (struct arguments){.flags = UINT64_C(1) << 32, .exit_signal = SIGCHLD}, 64);
	try_clone3(
	    "cleared and shared",
	    (struct arguments){.flags = UINT64_C(1) << 32 | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD},
	    64);
	try_clone3("descriptor nowhere",
		   (struct arguments){.flags = CLONE_PIDFD, .pidfd = 8, .exit_signal = SIGCHLD}, 64);
	SAY(syscall(SYS_clone3, 8, 64));
	pid = clone3(&(struct arguments){.flags = CLONE_PIDFD | CLONE_PARENT_SETTID,
					 .pidfd = (uintptr_t)&fd,
					 .parent_tid = (uintptr_t)&parent_tid,
					 .exit_signal = SIGCHLD},
		     88);
	printf("its number %d, its descriptor %d\n", parent_tid == pid, fd > 2);
	SAY(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	SAY(info.si_status);
	again = dup(fd);
	SAY(again - fd);
	SAY(close(fd) | close(again));
	SAY(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &fd, 0, 0));
}

static void advice(void)
{
	char *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec vector[2] = {{at, PAGE}, {at + 2 * PAGE, PAGE}};
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0), childs, status;
	pid_t pid;

	printf("== process_madvise\n");
	memset(at, 1, 4 * PAGE);
	SAY(syscall(SYS_process_madvise, fd, vector, 2, MADV_COLD, 0));
	SAY(syscall(SYS_process_madvise, fd, vector, 2, MADV_WILLNEED, 0));
	SAY(syscall(SYS_process_madvise, fd, vector, 2, MADV_DONTNEED, 0));
	printf("%d%d%d%d\n", at[0], at[PAGE], at[2 * PAGE], at[3 * PAGE]);
	SAY(syscall(SYS_process_madvise, fd, vector, 2, MADV_COLD, 1));
	SAY(syscall(SYS_process_madvise, fd, vector, 2000, MADV_COLD, 0));
	SAY(syscall(SYS_process_madvise, fd, 8, 2, MADV_COLD, 0));
	SAY(syscall(SYS_process_madvise, 1, vector, 2, MADV_COLD, 0));
	SAY(munmap(at + 2 * PAGE, PAGE));
	SAY(syscall(SYS_process_madvise, fd, vector, 2, MADV_COLD, 0));
	SAY(syscall(SYS_process_madvise, fd, vector + 1, 1, MADV_COLD, 0));
	fflush(stdout);
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	childs = (int)syscall(SYS_pidfd_open, pid, 0);
	SAY(syscall(SYS_process_madvise, childs, vector, 1, MADV_COLD, 0));
	SAY(syscall(SYS_process_madvise, childs, vector, 1, MADV_DONTNEED, 0));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	SAY(syscall(SYS_process_madvise, childs, vector, 1, MADV_COLD, 0));
	SAY(close(childs) | close(fd));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	own();
	child();
	clones();
	advice();
	return 0;
}
