/* SPDX-License-Identifier: MIT */
/* futex_waitv(2): waiting for several words. Prints the same lines on any Linux. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

#include "said.h"

#define WAITV   449 /* newer than the headers of some */
#define U32     2
#define PRIVATE 128

struct word {
	uint64_t value, address;
	uint32_t flags, reserved;
};

static uint32_t words[4];
static struct word w[129];
static const struct timespec past = {0, 0};

static long wait_for(const struct word *list, unsigned count, const struct timespec *until, int clock)
{
	return syscall(WAITV, list, count, 0, until, clock);
}

static void reset(void)
{
	for (int i = 0; i < 129; i++)
		w[i] = (struct word){0, (uintptr_t)&words[i % 4], U32 | PRIVATE, 0};
}

static void errors(void)
{
	const struct timespec bad = {0, 2000000000};

	printf("== errors\n");
	SAY(wait_for(w, 1, &past, CLOCK_MONOTONIC));
	SAY(wait_for(w, 4, &past, CLOCK_REALTIME));
	SAY(syscall(WAITV, w, 4, 1, &past, CLOCK_MONOTONIC));
	SAY(wait_for(w, 0, &past, CLOCK_MONOTONIC));
	SAY(wait_for(w, 129, &past, CLOCK_MONOTONIC));
	SAY(wait_for(w, 128, &past, CLOCK_MONOTONIC));
	SAY(wait_for(NULL, 1, &past, CLOCK_MONOTONIC));
	SAY(wait_for((void *)8, 1, &past, CLOCK_MONOTONIC));
	SAY(wait_for(w, 1, &bad, CLOCK_MONOTONIC));
	SAY(wait_for(w, 1, (void *)8, CLOCK_MONOTONIC));
	SAY(wait_for(w, 1, &past, CLOCK_TAI));
	for (uint32_t flags = 0; flags < 5; flags++) {
		w[1].flags = flags;
		SAY(wait_for(w, 2, &past, CLOCK_MONOTONIC));
	}
	reset();
	w[1].reserved = 1;
	SAY(wait_for(w, 2, &past, CLOCK_MONOTONIC));
	reset();
	w[1].value = 1;
	SAY(wait_for(w, 2, &past, CLOCK_MONOTONIC));
	w[1].value = 1ull << 32;
	SAY(wait_for(w, 2, &past, CLOCK_MONOTONIC));
	reset();
	w[1].address += 1;
	SAY(wait_for(w, 2, &past, CLOCK_MONOTONIC));
	w[1].address = 0;
	SAY(wait_for(w, 2, &past, CLOCK_MONOTONIC));
	w[1].flags = U32;
	SAY(wait_for(w, 2, &past, CLOCK_MONOTONIC));
	reset();
}

static void *wakes(void *address)
{
	while (syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, 1) == 0)
		usleep(1000);
	return NULL;
}

static void woken(void)
{
	pthread_t thread;

	printf("== woken\n");
	for (int i = 0; i < 4; i++) {
		pthread_create(&thread, NULL, wakes, &words[i]);
		SAY(wait_for(w, 4, NULL, CLOCK_MONOTONIC));
		pthread_join(thread, NULL);
	}
	SAY(syscall(SYS_futex, &words[0], FUTEX_WAKE_PRIVATE, 1));
}

int main(void)
{
	char home[] = "/tmp/waitv-XXXXXX";

	said_begin(home);
	reset();
	errors();
	woken();
	return said_end(home);
}
