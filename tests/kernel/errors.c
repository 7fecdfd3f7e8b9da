/* SPDX-License-Identifier: MIT */
/* What calls answer to arguments that programs get wrong, and what is kept and told. Prints the same lines on any
 * Linux. */
#define _GNU_SOURCE
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "said.h"

static void policies(void)
{
	struct sched_param param = {0};

	printf("== policies\n");
	for (int policy = -1; policy < 9; policy++) {
		printf("policy %d\n", policy);
		SAY(sched_get_priority_max(policy));
		SAY(sched_get_priority_min(policy));
		for (int priority = -1; priority < 2 && policy != 6; priority++) {
			param.sched_priority = priority;
			SAY(sched_setscheduler(0, policy, &param));
			SAY(sched_getscheduler(0));
			SAY(sched_getparam(0, &param));
			SAY(param.sched_priority);
		}
	}
	param.sched_priority = 100;
	SAY(sched_setscheduler(0, SCHED_FIFO, &param));
	param.sched_priority = 0;
	SAY(sched_setscheduler(0, SCHED_OTHER, &param));
	SAY(sched_setparam(0, &param));
	param.sched_priority = 1;
	SAY(sched_setparam(0, &param));
	SAY(sched_setscheduler(-1, 0, &param));
	SAY(sched_setscheduler(0, 0, NULL));
	SAY(sched_setparam(0, NULL));
	SAY(sched_getparam(0, NULL));
	SAY(sched_getscheduler(-1));
	SAY(sched_getscheduler(999999));
	SAY(prctl(PR_GET_TIMERSLACK));
	SAY(prctl(PR_SET_TIMERSLACK, 1234));
	SAY(prctl(PR_GET_TIMERSLACK));
	SAY(prctl(PR_SET_TIMERSLACK, 0));
	SAY(prctl(PR_GET_TIMERSLACK));
}

static void niceness(void)
{
	int status;
	pid_t pid;

	printf("== nice\n");
	SAY(setpriority(PRIO_PROCESS, 0, 5));
	SAY(getpriority(PRIO_PROCESS, getpid()));
	SAY(nice(100));
	SAY(nice(-3));
	SAY(setpriority(PRIO_PROCESS, 0, -100));
	errno = 0;
	SAY(getpriority(PRIO_PROCESS, 0) == -20 && !errno);
	SAY(setpriority(-1, 0, 0));
	SAY(getpriority(3, 0));
	SAY(getpriority(PRIO_PROCESS, -1));
	SAY(setpriority(PRIO_PGRP, 999999, 1));
	SAY(setpriority(PRIO_PROCESS, 0, 4));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		SAY(getpriority(PRIO_PROCESS, 0));
		SAY(setuid(12345));
		SAY(setpriority(PRIO_PROCESS, 0, 3));
		SAY(setpriority(PRIO_PROCESS, 0, 4));
		SAY(setpriority(PRIO_PROCESS, getppid(), 9));
		SAY(setpriority(PRIO_USER, 12345, 9));
		SAY(getpriority(PRIO_USER, 0));
		_exit(0);
	}
	waitpid(pid, &status, 0);
	SAY(status);
	SAY(setpriority(PRIO_PROCESS, 0, 0));
}

static volatile int warnings;

static void warned(int signal)
{
	warnings++;
}

/* One warning or two before the end, by the CPU's second. */
static void cpu_limit(void)
{
	struct rlimit limit = {1, 2};
	int status, end[2];
	pid_t pid;
	char byte = 0;

	printf("== RLIMIT_CPU\n");
	fflush(stdout);
	if (pipe(end))
		exit(1);
	pid = fork();
	if (!pid) {
		signal(SIGXCPU, warned);
		setrlimit(RLIMIT_CPU, &limit);
		for (;;)
			if (warnings && !byte)
				byte = write(end[1], "x", 1) == 1;
	}
	close(end[1]);
	SAY(read(end[0], &byte, 1));
	waitpid(pid, &status, 0);
	printf("ended by %d\n", WTERMSIG(status));
}

static long barrier(unsigned command, unsigned flags)
{
	return syscall(SYS_membarrier, command, flags, 0);
}

static void barriers(void)
{
	static const unsigned registered[][2] = {{8, 16}, {32, 64}, {2, 4}};

	printf("== membarrier\n");
	SAY(barrier(1, 0));
	SAY(barrier(512, 0));
	for (int i = 0; i < 3; i++) {
		SAY(barrier(registered[i][0], 0));
		SAY(barrier(registered[i][1], 1));
		SAY(barrier(registered[i][1], 0));
		SAY(barrier(registered[i][0], 0));
		SAY(barrier(512, 0));
	}
	SAY(barrier(3, 0));
	SAY(barrier(1, 1));
	SAY(barrier(1024, 0));
}

static void files(void)
{
	int null = open("/dev/null", O_RDWR), full = open("/dev/full", O_RDWR),
	    zero = open("/dev/zero", O_RDWR);
	int dir = open(".", O_RDONLY), end[2];

	printf("== files\n");
	if (pipe(end))
		exit(1);
	SAY(sync_file_range(end[0], 0, 1, 0));
	SAY(sync_file_range(end[0], 0, 1, 99));
	SAY(sync_file_range(null, 0, 1, 0));
	SAY(sync_file_range(dir, 0, 1, 0));
	SAY(sync_file_range(-1, 0, 1, 0));
	SAY(lseek(full, 5, SEEK_SET));
	SAY(lseek(full, 5, SEEK_END));
	SAY(lseek(full, -5, SEEK_CUR));
	SAY(lseek(null, 5, SEEK_SET));
	SAY(lseek(zero, 5, SEEK_CUR));
}

static void processes(void)
{
	void *head;
	size_t size;

	printf("== processes\n");
	SAY(waitpid(INT_MIN, NULL, 0));
	SAY(waitpid(INT_MIN, NULL, WNOHANG));
	SAY(waitpid(-1, NULL, 0));
	SAY(syscall(SYS_get_robust_list, 0, &head, &size));
	SAY(syscall(SYS_get_robust_list, getpid(), &head, &size));
	SAY(syscall(SYS_get_robust_list, 999999, &head, &size));
	SAY(syscall(SYS_get_robust_list, 0, 8, &size));
	SAY(syscall(SYS_get_robust_list, 0, &head, 8));
	SAY(syscall(SYS_execveat, AT_FDCWD, "/nowhere", NULL, NULL, 0x4000));
	SAY(syscall(SYS_execveat, -1, "", NULL, NULL, AT_EMPTY_PATH));
	SAY(syscall(SYS_execveat, AT_FDCWD, "", NULL, NULL, 0));
}

/* To no segment. Emulators of a CPU read the stack with other rights, so only the end is shown. */
static void far_return(void)
{
	int status;
	pid_t pid;

	printf("== far return\n");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		__asm__ volatile("push $0; lretl" : : : "memory");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	SAY(WTERMSIG(status));
}

int main(void)
{
	char home[] = "/tmp/errors-XXXXXX";

	said_begin(home);
	policies();
	niceness();
	far_return();
	cpu_limit();
	barriers();
	files();
	processes();
	return said_end(home);
}
