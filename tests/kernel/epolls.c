/* SPDX-License-Identifier: MIT */
/* epoll(7): level and edge, one shot, epoll files in epoll files, files that end. Prints the same lines on any Linux. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "said.h"

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28)
#endif

static char bytes[65536];

static int control(int epoll, int operation, int fd, unsigned events)
{
	struct epoll_event event = {.events = events, .data.u32 = (unsigned)fd};

	return epoll_ctl(epoll, operation, fd, &event);
}

/* What is ready, by number. */
static void look(int epoll, int most)
{
	struct epoll_event event[8];
	int n = epoll_wait(epoll, event, most, 0);

	printf("  ready %d:", n);
	for (int i = 0; i < n; i++)
		printf(" %u:%x", event[i].data.u32, event[i].events);
	printf("\n");
}

static void edges(void)
{
	int epoll = epoll_create1(0), end[2], event = eventfd(0, EFD_NONBLOCK);
	unsigned long value = 1;

	printf("== edges\n");
	if (pipe2(end, O_NONBLOCK))
		exit(1);
	SAY(control(epoll, EPOLL_CTL_ADD, end[0], EPOLLIN | EPOLLET));
	look(epoll, 8);
	SAY(write(end[1], bytes, 2000));
	look(epoll, 8);
	look(epoll, 8);
	SAY(read(end[0], bytes, 1000));
	look(epoll, 8);
	SAY(write(end[1], bytes, 1));
	look(epoll, 8);
	SAY(control(epoll, EPOLL_CTL_MOD, end[0], EPOLLIN | EPOLLET));
	look(epoll, 8);
	look(epoll, 8);
	SAY(control(epoll, EPOLL_CTL_ADD, end[1], EPOLLOUT | EPOLLET));
	look(epoll, 8);
	look(epoll, 8);
	while (write(end[1], bytes, sizeof(bytes)) > 0)
		;
	look(epoll, 8);
	look(epoll, 8);
	SAY(read(end[0], bytes, 8192));
	look(epoll, 8);
	SAY(read(end[0], bytes, 4096));
	look(epoll, 8);
	SAY(control(epoll, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLET));
	look(epoll, 8);
	SAY(write(event, &value, 8));
	SAY(write(event, &value, 8));
	look(epoll, 8);
	look(epoll, 8);
	SAY(write(event, &value, 8));
	look(epoll, 8);
	SAY(close(end[1]));
	look(epoll, 8);
	look(epoll, 8);
	SAY(close(end[0]) | close(event) | close(epoll));
}

static void levels(void)
{
	int epoll = epoll_create1(0), event[4];

	printf("== levels\n");
	for (int i = 0; i < 4; i++) {
		event[i] = eventfd(1, EFD_NONBLOCK);
		control(epoll, EPOLL_CTL_ADD, event[i], EPOLLIN);
	}
	look(epoll, 3);
	look(epoll, 3);
	look(epoll, 3);
	SAY(control(epoll, EPOLL_CTL_MOD, event[0], EPOLLIN | EPOLLONESHOT));
	look(epoll, 8);
	look(epoll, 8);
	SAY(control(epoll, EPOLL_CTL_ADD, event[0], EPOLLIN));
	SAY(control(epoll, EPOLL_CTL_MOD, event[0], EPOLLIN | EPOLLOUT | EPOLLONESHOT | EPOLLET));
	look(epoll, 8);
	look(epoll, 8);
	SAY(control(epoll, EPOLL_CTL_MOD, event[0], 0));
	look(epoll, 8);
	SAY(control(epoll, EPOLL_CTL_DEL, event[1], 0));
	SAY(control(epoll, EPOLL_CTL_DEL, event[1], 0));
	look(epoll, 8);
	for (int i = 0; i < 4; i++)
		close(event[i]);
	SAY(close(epoll));
}

static void errors(void)
{
	int epoll = epoll_create1(0), event = eventfd(0, 0), file = make("plain", "text");
	struct epoll_event room;

	printf("== errors\n");
	SAY(control(-1, EPOLL_CTL_ADD, event, EPOLLIN));
	SAY(control(epoll, EPOLL_CTL_ADD, -1, EPOLLIN));
	SAY(control(epoll, EPOLL_CTL_ADD, epoll, EPOLLIN));
	SAY(control(epoll, EPOLL_CTL_ADD, file, EPOLLIN));
	SAY(control(event, EPOLL_CTL_ADD, epoll, EPOLLIN));
	SAY(control(epoll, 4, event, EPOLLIN));
	SAY(control(epoll, EPOLL_CTL_MOD, event, EPOLLIN));
	SAY(epoll_ctl(epoll, EPOLL_CTL_ADD, event, NULL));
	SAY(epoll_ctl(epoll, EPOLL_CTL_DEL, event, NULL));
	SAY(control(epoll, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT));
	SAY(control(epoll, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLEXCLUSIVE));
	SAY(control(epoll, EPOLL_CTL_MOD, event, EPOLLIN));
	SAY(control(epoll, EPOLL_CTL_MOD, event, EPOLLIN | EPOLLEXCLUSIVE));
	SAY(epoll_wait(epoll, &room, 0, 0));
	SAY(syscall(SYS_epoll_pwait, epoll, &room, -1, 0, NULL, 8));
	SAY(epoll_wait(event, &room, 1, 0));
	SAY(syscall(SYS_epoll_pwait, epoll, NULL, 1, 0, NULL, 8));
	SAY(close(epoll) | close(event) | close(file));
}

/* --- nesting ---------------------------------------------------------------------------------------------- */

static void circles(void)
{
	int top[8], bottom[8], a = epoll_create1(0), b = epoll_create1(0), c = epoll_create1(0);

	printf("== nested\n");
	for (int i = 0; i < 8; i++) {
		top[i] = epoll_create1(0);
		bottom[i] = epoll_create1(0);
	}
	for (int i = 1; i < 8; i++)
		SAY(control(top[i - 1], EPOLL_CTL_ADD, top[i], EPOLLIN));
	for (int i = 7; i > 0; i--)
		SAY(control(bottom[i - 1], EPOLL_CTL_ADD, bottom[i], EPOLLIN));
	SAY(control(a, EPOLL_CTL_ADD, b, EPOLLIN));
	SAY(control(b, EPOLL_CTL_ADD, a, EPOLLIN));
	SAY(control(b, EPOLL_CTL_ADD, c, EPOLLIN));
	SAY(control(c, EPOLL_CTL_ADD, a, EPOLLIN));
	SAY(control(a, EPOLL_CTL_ADD, c, EPOLLIN | EPOLLEXCLUSIVE));
	SAY(control(a, EPOLL_CTL_ADD, c, EPOLLIN));
	for (int i = 0; i < 8; i++)
		close(top[i]), close(bottom[i]);
	SAY(close(a) | close(b) | close(c));
}

static void *writes(void *argument)
{
	unsigned long value = 1;

	usleep(50000);
	if (write(*(int *)argument, &value, 8) != 8)
		abort();
	return NULL;
}

static void nested(void)
{
	int inner = epoll_create1(0), middle = epoll_create1(0), outer = epoll_create1(0),
	    event = eventfd(0, 0);
	struct pollfd fd = {.fd = inner, .events = POLLIN};
	struct epoll_event got;
	unsigned long value;
	pthread_t thread;

	SAY(control(inner, EPOLL_CTL_ADD, event, EPOLLIN));
	SAY(control(middle, EPOLL_CTL_ADD, inner, EPOLLIN));
	SAY(control(outer, EPOLL_CTL_ADD, middle, EPOLLIN | EPOLLET));
	SAY(poll(&fd, 1, 0));
	look(outer, 8);
	pthread_create(&thread, NULL, writes, &event);
	SAY(epoll_wait(outer, &got, 1, 10000));
	pthread_join(thread, NULL);
	SAY(got.data.u32 == (unsigned)middle);
	SAY(poll(&fd, 1, 0));
	look(outer, 8);
	look(middle, 8);
	look(inner, 8);
	SAY(read(event, &value, 8));
	look(middle, 8);
	SAY(poll(&fd, 1, 0));
	pthread_create(&thread, NULL, writes, &event);
	SAY(poll(&fd, 1, 10000));
	pthread_join(thread, NULL);
	SAY(close(inner));
	look(middle, 8);
	SAY(close(outer) | close(middle) | close(event));
}

/* --- files that end ----------------------------------------------------------------------------------------- */

static void ends(void)
{
	int epoll = epoll_create1(0), event = eventfd(1, 0), copy = dup(event), status;

	printf("== ends\n");
	SAY(control(epoll, EPOLL_CTL_ADD, event, EPOLLIN));
	SAY(control(epoll, EPOLL_CTL_ADD, copy, EPOLLIN | EPOLLONESHOT));
	look(epoll, 8);
	SAY(close(event));
	look(epoll, 8);
	SAY(control(epoll, EPOLL_CTL_DEL, event, 0));
	SAY(close(copy));
	look(epoll, 8);
	event = eventfd(1, 0);
	SAY(control(epoll, EPOLL_CTL_MOD, event, EPOLLIN));
	SAY(control(epoll, EPOLL_CTL_ADD, event, EPOLLIN));
	fflush(stdout);
	if (!fork()) {
		close(event);
		look(epoll, 8);
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	SAY(close(event));
	look(epoll, 8);
	SAY(close(epoll));
}

/* --- many that wait, one that is woken ------------------------------------------------------------------------ */

static int shared[2];
static volatile int woken;

static void *waits(void *argument)
{
	int epoll = epoll_create1(0);
	struct epoll_event got;

	control(epoll, EPOLL_CTL_ADD, shared[0], EPOLLIN | EPOLLET | EPOLLEXCLUSIVE);
	if (epoll_wait(epoll, &got, 1, 20000) == 1)
		__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	close(epoll);
	return NULL;
}

static void exclusive(void)
{
	pthread_t thread[4];

	printf("== exclusive\n");
	if (pipe(shared))
		exit(1);
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, waits, NULL);
	usleep(300000);
	for (int i = 0; i < 4; i++) {
		SAY(write(shared[1], "x", 1));
		usleep(300000);
		SAY(woken);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	SAY(close(shared[0]) | close(shared[1]));
}

int main(void)
{
	char home[] = "/tmp/epolls-XXXXXX";

	said_begin(home);
	edges();
	levels();
	errors();
	circles();
	nested();
	ends();
	exclusive();
	return said_end(home);
}
