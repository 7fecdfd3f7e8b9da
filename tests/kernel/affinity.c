/* SPDX-License-Identifier: MIT */
/* sched_setaffinity: a thread goes from each CPU to each other while that one idles and while it is busy, and one
 * that waits for a CPU goes where it may run. On a kernel that loses one of them this hangs. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 20
#define MOST   64

static volatile int stop;
static volatile unsigned long turns[2];
static volatile pid_t tids[2];

static void go(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(tid, sizeof(set), &set)) {
		perror("sched_setaffinity");
		exit(1);
	}
}

static void *burn(void *argument)
{
	int which = (int)(intptr_t)argument;

	tids[which] = (pid_t)syscall(SYS_gettid);
	while (!stop)
		turns[which]++;
	return NULL;
}

static void moves(int cpus)
{
	for (int from = 0; from < cpus; from++) {
		for (int to = 0; to < cpus; to++) {
			go(0, from);
			go(0, to);
			if (sched_getcpu() != to) {
				printf("from %d to %d: on %d\n", from, to, sched_getcpu());
				exit(1);
			}
		}
	}
}

static void wait_for_turns(int which)
{
	unsigned long seen = turns[which];

	while (turns[which] == seen)
		sched_yield();
}

/* Two threads burn one CPU; this one takes each to each CPU, from the queue as often as not. */
static void pushes(int cpus)
{
	pthread_t thread[2];

	stop = 0;
	for (intptr_t i = 0; i < 2; i++) {
		tids[i] = 0;
		if (pthread_create(&thread[i], NULL, burn, (void *)i))
			exit(1);
		while (!tids[i])
			sched_yield();
	}
	for (int from = 0; from < cpus; from++) {
		for (int to = 0; to < cpus; to++) {
			go(tids[0], from);
			go(tids[1], from);
			go(tids[to & 1], to);
			wait_for_turns(0);
			wait_for_turns(1);
		}
	}
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}

int main(int argc, char **argv)
{
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;

	if (cpus > MOST)
		cpus = MOST;
	for (int i = 0; i < rounds; i++)
		moves(cpus);
	go(0, 0);
	pushes(cpus);
	printf("%d rounds over %d CPUs\n", rounds, cpus);
	return 0;
}
