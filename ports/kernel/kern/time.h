/* SPDX-License-Identifier: MIT */
/* Clocks and timers. */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include "abi/time.h"
#include "kern/kernel.h"

struct timespec {
	int64_t sec;
	int64_t nsec;
};
struct timeval {
	int64_t sec;
	int64_t usec;
};

#define NO_DEADLINE UINT64_MAX

/* Nanoseconds since boot; never backwards on one CPU. Any context. */
uint64_t time_monotonic(void);
/* Nanoseconds since 1970. */
uint64_t time_realtime(void);

static inline struct timespec ns_to_timespec(uint64_t ns)
{
	return (struct timespec){(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC)};
}

/* Nanoseconds of a valid, non-negative time; saturates. False: not valid (EINVAL). */
bool timespec_to_ns(const struct timespec *time, uint64_t *out_ns);

/* A time in a program's memory whose members have `width` bytes: ABI_LONG_BYTES, or 8 for the _time64
 * calls of 32-bit machines. 0 or -EFAULT. */
int timespec_from_user(struct timespec *out, uint64_t from, unsigned width);
int timespec_to_user(uint64_t ns, uint64_t to, unsigned width);
int timeval_from_user(struct timeval *out, uint64_t from);
struct abi_timeval ns_to_timeval(uint64_t ns);

/* A timer: `expired` runs once at or after `deadline`, from the timer interrupt of some CPU, with
 * interrupts off; it may wake and send signals, and start the timer again. */
struct timer {
	struct list link;
	uint64_t deadline;
	void (*expired)(struct timer *timer);
};
void timer_init(struct timer *timer, void (*expired)(struct timer *timer));
void timer_start(struct timer *timer, uint64_t deadline);
/* After it, the function is neither pending nor running. => not from the function itself. */
void timer_stop(struct timer *timer);

#endif
