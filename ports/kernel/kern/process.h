/* SPDX-License-Identifier: MIT */
/* Tasks and processes between the files of kern/. */
#ifndef KERNEL_PROC_H
#define KERNEL_PROC_H

#include "kern/sched.h"
#include "kern/task.h"

#define PID_MAX 32768

/* kstack.c */
void kstacks_init(void);
/* task->stack, then arch_task_create(). 0 or -ENOMEM. */
int kstack_create(struct task *task, bool user);
void kstack_destroy(struct task *task);

/* task.c */
struct task *task_alloc(bool user); /* not in any list yet; NULL: no memory */
void task_free(struct task *task);
struct process *process_alloc(void);
struct task *task_find_locked(pid_t tid);
struct process *process_find_locked(pid_t pid);
pid_t pid_alloc_locked(void); /* unused as tid, pid, pgid and sid; 0: none */
void task_hash_locked(struct task *task);
void process_get_locked(struct process *process);
struct handlers *handlers_create(void);
struct handlers *handlers_copy(struct handlers *from);
/* Handlers become the default; what was ignored stays ignored. => nobody else has them. */
void handlers_clear(struct handlers *handlers);
void handlers_put(struct handlers *handlers);
void usage_add(struct usage *to, const struct usage *from);
void process_usage_locked(struct process *process, struct usage *out_usage);

/* signal.c */
static inline uint64_t signals_pending_locked(const struct task *task)
{
	return task->pending.set | task->process->pending.set;
}
void pending_init(struct pending *pending);
void pending_flush(struct pending *pending);
int dequeue_signal_locked(struct task *task, uint64_t mask, struct siginfo *out_info);
void signals_changed_locked(struct process *process);
bool signal_is_ignored_by(const struct sigaction *action, int signal);
void notify_parent_locked(struct process *process, int code, int status);
struct queued_signal;
struct queued_signal *queued_signal_make(const struct siginfo *info); /* kfree() it; NULL: no memory */
long send_queued_locked(struct process *process, struct task *task, struct queued_signal *q);
/* sigcalls.c: as kill(2) does. 0, -EINVAL, -ESRCH, -EPERM, -EAGAIN. `signal` 0 only looks. */
long signal_process(struct process *process, const struct siginfo *info, int signal);
/* A siginfo of the program's, for process `to`: -EFAULT, -EPERM. */
long siginfo_from_user(struct siginfo *info, uint64_t from, pid_t to);
void siginfo_from_self(struct siginfo *info, int signal, int code);

/* exit.c */
/* The calling process's next child that ends, until a deadline: its pid, -ECHILD, -ETIMEDOUT. */
long wait_child(uint64_t deadline, int *out_status);
void process_reap_locked(struct process *process);
void kill_other_threads_locked(struct process *process);
void vfork_release(struct process *process);

/* futex.c */
void futex_task_exit(struct task *task);
long futex_wake_address(uint64_t address, unsigned count);

/* exec.c: kernel memory; replaces the program of the calling task. */
long exec_program(int dirfd, const char *path, int at_flags, char *const *argv, char *const *envp);

/* process_vm.c: the address space of a process that the caller may look into, with a reference. NULL: -ESRCH, -EPERM. */
struct quire_mm *process_mm_open(pid_t pid, long *out_result);

/* fork.c: a process that runs `entry` in the kernel, child of `parent` (NULL: none). */
struct process *kernel_process(const char *name, struct process *parent, void (*entry)(void));

/* policy.c: whether the caller may change how a thread is scheduled. locked: proc_lock */
bool sched_may_set(const struct task *task);
/* SCHED_RESET_ON_FORK: a new task has no real-time policy, and no better nice value than others. */
void policy_reset(struct task *child);

/* times.c */
void limit_cpu_time(void);
void real_timer_expired(struct timer *timer);

/* times.c: struct rusage */
long usage_to_user(const struct usage *usage, uint64_t to);

/* mm: limits and rights of the process into its address space */
void mm_apply_limits(struct process *process, struct quire_mm *mm);

#endif
