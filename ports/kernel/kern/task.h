/* SPDX-License-Identifier: MIT */
/* Tasks (threads) and processes (thread groups).
 *
 *   process ── threads ──► task ── files ──► descriptors (vfs.h; shared or copied as clone says)
 *      │ mm                 │  └── fs ─────► cwd, root, umask
 *      │ handlers           └ kernel stack, registers, FPU state
 *      └ children, parent
 *
 * proc_lock (a spinlock) guards: the process tree, thread lists, ids, groups and sessions, pending
 * signals and handlers, exit states. What only the task itself touches needs no lock. */
#ifndef KERNEL_TASK_H
#define KERNEL_TASK_H

#include "abi/resource.h"
#include "arch.h"
#include "kern/cpu.h"
#include "kern/cred.h"
#include "kern/kernel.h"
#include "kern/lock.h"
#include "kern/signal.h"
#include "kern/time.h"
#include "port/trace.h"

struct files; /* vfs.h */
struct fs;    /* vfs.h */

struct rlimit {
	uint64_t soft, hard;
};

struct usage {
	uint64_t user_ns, system_ns;
	unsigned long minor, major;
	uint64_t voluntary, involuntary;
	uint64_t rss_peak; /* pages */
};

enum task_state {
	TASK_RUNNABLE = 0,
	TASK_SLEEP_INTERRUPTIBLE,
	TASK_SLEEP_KILLABLE,
	TASK_SLEEP,
	TASK_STOPPED,
	TASK_DEAD
};

enum process_state {
	PROCESS_ALIVE = 0,
	PROCESS_ZOMBIE, /* all threads are gone; wait4() has not seen it */
	PROCESS_REAPED
};

/* What a task has to do before it returns to its program: ORed into task.work from anywhere. */
enum {
	WORK_RESCHED = 1,
	WORK_SIGNAL = 2,  /* look at pending signals, group stop and group exit */
	WORK_PROVOKED = 4 /* run task.provoked (extras/provoke.c) */
};

#define STATUS_CORE 0x80 /* of a wait status */

#define TIMER_SLACK_NS 50000 /* of a thread whose parent did not change it */

struct process {
	struct list link; /* all processes, oldest first */
	unsigned refs;    /* proc_lock */
	pid_t pid, pgid, sid;
	enum process_state state;
	struct process *parent;
	struct list children, sibling;
	struct list threads; /* struct task.thread */
	unsigned thread_count;
	struct task *leader; /* the task with tid == pid while it lives, else NULL */

	struct quire_mm *mm;    /* NULL after the last thread left */
	struct task *exec_task; /* execve: the one thread that stays */

	struct handlers *handlers; /* shared with CLONE_SIGHAND */
	struct pending pending;    /* signals to the process */
	bool group_exit;
	int exit_status; /* as wait4() gives it: STATUS_CORE may be in it */
	int stop_signal; /* != 0: stopped by it */
	bool stop_reported, continued;
	int exit_signal; /* what the parent gets: SIGCHLD, or clone's */
	bool did_exec;
	struct wait_queue child_exit; /* wait4() sleeps here */
	bool vfork_done;              /* it has left its parent's address space */
	struct wait_queue vfork_queue;

	struct cred cred;
	struct rlimit rlimit[RLIMIT_COUNT];
	struct usage usage;          /* of threads that are gone */
	struct usage children_usage; /* of children that were waited for */
	uint64_t start_time;         /* time_monotonic() */
	struct timer real_timer;     /* ITIMER_REAL */
	uint64_t real_interval;
	unsigned personality;
	bool dumpable, no_new_privs, subreaper;
	bool reaped;         /* its memory was taken: SIGKILL is pending. Atomic */
	uint8_t membarriers; /* the expedited kinds that it registered for: process_vm.c; atomic */
	int oom_score_adj;   /* per mille of all memory, as if it held so much more */
	int parent_death_signal;

	/* Written by exec, read by /proc. */
	char comm[16];
	char *exe_path; /* kmalloc'ed absolute path, NULL for none */
	uint64_t arg_start, arg_end, env_start, env_end;
	uint64_t start_code, end_code, start_stack;
	uint8_t auxv[384];
	unsigned auxv_bytes;
	int controlling_tty; /* fs/: session leaders set it, fork inherits; 0: none */
};

struct task {
	struct list thread; /* process.threads */
	struct list hash;   /* by tid */
	struct list run;    /* the run queue, while it waits for a CPU */
	struct process *process;
	pid_t tid;
	char comm[16];
	volatile enum task_state state;
	volatile uint32_t work; /* WORK_* */
	bool on_cpu;            /* scheduler lock */
	unsigned cpu;           /* last CPU it ran on */
	uint64_t affinity;
	uint8_t policy, priority; /* SCHED_*: proc_lock */
	int8_t nice;              /* proc_lock */
	uint8_t memory_policy;    /* a row of numa.c's; 0: none */
	bool reset_on_fork;       /* SCHED_RESET_ON_FORK: a child has none of it; proc_lock */
	/* ns; told, and no more. The second is what the first was when the thread was made. */
	uint64_t timer_slack, timer_slack_default;
	struct quire_mm *mm; /* the process's while it runs in it; NULL: the kernel's tables */

	struct files *files;
	struct fs *fs;

	struct arch_task arch;        /* saved registers, FPU state, TLS register */
	quire_va stack;               /* lowest address of its kernel stack; 0: the boot stack */
	struct regs *regs;            /* the program's registers, at the top of the kernel stack */
	int fault_signal, fault_code; /* of a fault that ends in a signal, until it is sent */
	uint64_t fault_address;
	struct trace_places places; /* port/trace.c */
	uint64_t oom_since;         /* a copy in the kernel finds no frame since then; 0: none waits */
	unsigned mutexes;           /* held */
	unsigned queued;            /* waiters of its own in queues, on its stack mostly */
	void (*provoked)(void);     /* provoke.c */
	unsigned pagefault_off;     /* > 0: faults on user memory in the kernel go to the fixup at once */

	uint64_t blocked;    /* signal mask: bit n - 1 is signal n */
	uint64_t saved_mask; /* sigsuspend, ppoll, pselect: the mask to come back to */
	bool restore_mask;
	struct pending pending; /* signals to this thread */
	struct sigaltstack altstack;
	uint64_t sigwait_set; /* sigtimedwait: what ends the wait, and is not dropped when ignored */
	long (*restart)(struct task *task); /* restart_syscall */
	uint64_t restart_args[4];

	uint64_t set_child_tid, clear_child_tid;
	uint64_t robust_list;
	bool exiting; /* may have passed exit already: no more signals */

	struct timer sleep_timer;
	struct usage usage;
	uint32_t library;    /* the library's word: host_thread() */
	uint64_t clock_mark; /* when user_ns or system_ns was last brought up to date */
};

extern struct spinlock proc_lock;
extern struct list all_processes; /* proc_lock */
extern struct process *init_process;

static inline struct task *current_task(void)
{
	return arch_current();
}
#define current (current_task())

/* A process by pid, or the one with the least pid above `after`; with a reference, or NULL. Zombies
 * included. Release it with process_put(). */
struct process *process_find(pid_t pid);
struct process *process_next(pid_t after);
void process_put(struct process *process);

/* The address space with a reference (quire_mm_put() it), or NULL when it is gone already. */
struct quire_mm *process_mm(struct process *process);

/* The n-th thread's fd table and fs context are used by /proc under proc_lock through this: calls
 * `visit` with some live thread of the process; false when none is left. Must not sleep. */
bool process_visit_thread(struct process *process, void (*visit)(struct task *task, void *context),
			  void *context);

/* 'R', 'S', 'D', 'T', 'Z' for /proc/PID/stat: of a thread; 0: of the first. proc_lock is held. */
char process_state_letter_locked(const struct process *process, pid_t tid);

/* Usage of a process, live threads included. */
void process_usage(struct process *process, struct usage *out_usage);

/* The group exists in `session` (tcsetpgrp). Takes proc_lock. */
bool process_group_in_session(pid_t pgid, pid_t sid);
/* No process of the group has a parent outside it in the same session (tty: EIO instead of SIGTTIN). */
bool process_group_orphaned(pid_t pgid);

/* Ends the calling thread, or the whole process, with a wait status. */
void thread_exit(int status) __attribute__((noreturn));
void process_exit(int status) __attribute__((noreturn));

/* System totals for /proc/stat, loadavg, sysinfo. */
unsigned cpu_count(void);
unsigned process_count(void);
unsigned running_count(void);
uint64_t idle_ns(void);
uint64_t context_switches(void);

#endif
