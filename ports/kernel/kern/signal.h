/* SPDX-License-Identifier: MIT */
/* Signals: how to send them, and what is kept of them. */
#ifndef KERNEL_SIGNAL_H
#define KERNEL_SIGNAL_H

#include "abi/signal.h"
#include "kern/kernel.h"

#define SIGNAL_BIT(n) (1ull << (-1 + (n)))
#define UNBLOCKABLE   (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))
#define CORE_SIGNALS                                                                            \
	(SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGABRT) | \
	 SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGXCPU) |  \
	 SIGNAL_BIT(SIGXFSZ) | SIGNAL_BIT(SIGSYS))
#define STOP_SIGNALS (SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))

struct sigaction {
	uint64_t handler, flags, restorer;
	uint64_t mask;
};

struct sigaltstack {
	uint64_t sp, size;
	uint32_t flags;
};

struct handlers {
	unsigned refs;
	struct sigaction action[SIGNAL_MAX];
};

/* What is kept of a standard signal: one of each kind, so that sending never allocates. */
struct kept_info {
	int32_t code;
	uint8_t bytes[32]; /* the start of siginfo.bytes */
};

/* A set of signals; real-time ones queue. */
struct pending {
	uint64_t set;
	struct kept_info kept[SIGRTMIN - 1];
	struct list queue; /* struct queued_signal, real-time */
	unsigned queued;
};

struct task;
struct process;

/* Sends to a process, to one thread, to every process of a group. Return 0, -ESRCH, -EAGAIN (real-time
 * queue full). The `_locked` forms want proc_lock and take standard signals; the others take the lock:
 * any context, standard signals from interrupts too. */
long send_signal(struct process *process, const struct siginfo *info);
void send_signal_locked(struct process *process, const struct siginfo *info);
long send_signal_thread(struct task *task, const struct siginfo *info);
void send_signal_thread_locked(struct task *task, const struct siginfo *info);
long send_signal_group(pid_t pgid, int signal); /* from the kernel: SI_KERNEL */

/* SIGPIPE and the like, to the calling thread. */
void send_signal_self(int signal);

/* A synchronous fault of the running task: cannot be blocked or ignored. */
void force_signal(int signal, int code, uint64_t address);

/* A signal waits that would be delivered, or the process is ending. */
bool signal_pending(struct task *task);
/* A fatal one: SIGKILL, or the group ends. */
bool fatal_signal_pending(struct task *task);
/* Whether `signal` is blocked or ignored by the task (tty: SIGTTOU, SIGTTIN). */
bool signal_ignored(struct task *task, int signal);

/* For arch_signal_frame(): where a frame ends, for a program at `sp`: at the top of the alternate stack if
 * the handler is to run there and the program does not yet, else `red_zone` bytes below `sp`. */
uint64_t signal_frame_top(const struct sigaction *action, uint64_t sp, unsigned red_zone);
/* Whether a frame may start at `at`: a frame of the alternate stack must not reach below it. */
bool signal_frame_fits(const struct sigaction *action, uint64_t sp, uint64_t at);
/* The alternate stack as a frame holds it, and back. */
struct abi_sigaltstack altstack_for_frame(void);
void altstack_from_frame(const struct abi_sigaltstack *stack);
/* Whether the calling task's program, at `sp`, runs on its alternate stack. */
bool altstack_in_use(uint64_t sp);

/* For ppoll, pselect6, sigsuspend: sets the mask now, and back when the system call is over - after
 * the handler, if one runs. `size` must be 8. 0, -EINVAL, -EFAULT; address 0: nothing. */
long set_temporary_mask(uint64_t user_mask, uint64_t size);
/* The wait ended without a signal: the old mask at once. */
void drop_temporary_mask(void);

#endif
