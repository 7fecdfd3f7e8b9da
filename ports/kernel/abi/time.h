/* SPDX-License-Identifier: MIT */
/* Times as programs write them. */
#ifndef ABI_TIME_H
#define ABI_TIME_H

#include "abi/abi.h"

struct abi_timespec {
	abi_long sec, nsec;
};

struct abi_timeval {
	abi_long sec, usec;
};

struct abi_itimerval {
	struct abi_timeval interval, value;
};

enum {
	CLOCK_REALTIME = 0,
	CLOCK_MONOTONIC,
	CLOCK_PROCESS_CPUTIME,
	CLOCK_THREAD_CPUTIME,
	CLOCK_MONOTONIC_RAW,
	CLOCK_REALTIME_COARSE,
	CLOCK_MONOTONIC_COARSE,
	CLOCK_BOOTTIME,

	TIMER_ABSTIME = 1,
	ITIMER_REAL = 0,
	ITIMER_LAST = 2,

	UTIME_NOW = 0x3fffffff, /* for nanoseconds, in utimensat() */
	UTIME_OMIT = 0x3ffffffe
};

#define ABI_TICKS_PER_SECOND 100 /* AT_CLKTCK: what times() and /proc count in */

#endif
