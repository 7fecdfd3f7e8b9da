/* SPDX-License-Identifier: MIT */
/* Limits and usage. */
#ifndef ABI_RESOURCE_H
#define ABI_RESOURCE_H

#include "abi/abi.h"
#include "abi/time.h"

enum {
	RLIMIT_CPU = 0,
	RLIMIT_FSIZE,
	RLIMIT_DATA,
	RLIMIT_STACK,
	RLIMIT_CORE,
	RLIMIT_RSS,
	RLIMIT_NPROC,
	RLIMIT_NOFILE,
	RLIMIT_MEMLOCK,
	RLIMIT_AS,
	RLIMIT_LOCKS,
	RLIMIT_SIGPENDING,
	RLIMIT_MSGQUEUE,
	RLIMIT_NICE,
	RLIMIT_RTPRIO,
	RLIMIT_RTTIME,
	RLIMIT_COUNT,

	RUSAGE_SELF = 0,
	RUSAGE_CHILDREN = -1,
	RUSAGE_THREAD = 1
};

/* Of getrlimit() and setrlimit(); prlimit64() has 64 bits everywhere. All ones: no limit. */
struct abi_rlimit {
	abi_ulong soft, hard;
};

struct abi_rusage {
	struct abi_timeval user, system;
	abi_long max_rss, shared, data, stack, minor, major, swaps, in_blocks, out_blocks;
	abi_long messages_sent, messages_received, signals, voluntary, involuntary;
};

struct abi_sysinfo {
	abi_long uptime;
	abi_ulong loads[3], total, free, shared, buffer, total_swap, free_swap;
	uint16_t processes, pad;
	abi_ulong total_high, free_high;
	uint32_t unit;
	char more[20 - 2 * ABI_LONG_BYTES - 4];
};

#endif
