/* SPDX-License-Identifier: MIT */
/* Processes: clone(), wait4(), futex(). */
#ifndef ABI_PROCESS_H
#define ABI_PROCESS_H

#include "abi/abi.h"

/* clang-format off */
enum {
	CSIGNAL = 0xff, CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400, CLONE_SIGHAND = 0x800,
	CLONE_PIDFD = 0x1000, CLONE_VFORK = 0x4000, CLONE_PARENT = 0x8000, CLONE_THREAD = 0x10000,
	CLONE_NEWNS = 0x20000, CLONE_SETTLS = 0x80000, CLONE_PARENT_SETTID = 0x100000,
	CLONE_CHILD_CLEARTID = 0x200000, CLONE_CHILD_SETTID = 0x1000000,
	CLONE_NAMESPACES = 0x7e020000 | 0x80, CLONE_DETACHED = 0x400000,

	SCHED_OTHER = 0, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5, SCHED_DEADLINE, SCHED_EXT,
	SCHED_RESET_ON_FORK = 0x40000000,

	PRIO_PROCESS = 0, PRIO_PGRP, PRIO_USER,

	WNOHANG = 1, WUNTRACED = 2, WEXITED = 4, WCONTINUED = 8, WNOWAIT = 0x1000000,
	WAIT_CLONE_FLAGS = (int)0xe0000000,
	P_ALL = 0, P_PID = 1, P_PGID = 2, P_PIDFD = 3,

	FUTEX_WAIT = 0, FUTEX_WAKE, FUTEX_FD, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP, FUTEX_LOCK_PI,
	FUTEX_WAIT_BITSET = 9, FUTEX_WAKE_BITSET = 10,
	FUTEX_PRIVATE = 128, FUTEX_CLOCK_REALTIME = 256,
	FUTEX_WAITERS = (int)0x80000000, FUTEX_OWNER_DIED = 0x40000000, FUTEX_TID_MASK = 0x3fffffff,

	PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG = 2, PR_GET_DUMPABLE = 3, PR_SET_DUMPABLE = 4,
	PR_GET_KEEPCAPS = 7, PR_SET_KEEPCAPS = 8, PR_SET_NAME = 15, PR_GET_NAME = 16,
	PR_CAPBSET_READ = 23, PR_CAPBSET_DROP = 24, PR_SET_TIMERSLACK = 29, PR_GET_TIMERSLACK = 30,
	PR_SET_CHILD_SUBREAPER = 36, PR_GET_CHILD_SUBREAPER = 37,
	PR_SET_NO_NEW_PRIVS = 38, PR_GET_NO_NEW_PRIVS = 39
};
/* clang-format on */

/* Of clone3(): beyond 32 bits. */
#define CLONE_CLEAR_SIGHAND (UINT64_C(1) << 32)

struct abi_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	/* second version */
	uint64_t set_tid, set_tid_size;
	/* third */
	uint64_t cgroup;
};
#define CLONE_ARGS_FIRST 64 /* bytes of the first version */

/* Of set_robust_list(). */
struct abi_robust_list {
	abi_ulong first;
	abi_long offset;
	abi_ulong pending;
};

#endif
