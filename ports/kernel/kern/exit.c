/* SPDX-License-Identifier: MIT */
/* The end of threads and processes, and wait4(2), waitid(2). */
#include "abi/fcntl.h"
#include "abi/process.h"
#include "extras/pidfd.h"
#include "kern/process.h"
#include "port/fault.h"
#include "port/system.h"
#include "kern/report.h"
#include "abi/functions.h"
#include "kern/uaccess.h"
#include "fs/vfs.h"

/* --- ending ----------------------------------------------------------------------------------- */

/* locked: proc_lock */
void kill_other_threads_locked(struct process *process)
{
	struct task *task;

	list_for_each (task, &process->threads, thread) {
		if (task == current)
			continue;
		sched_notify(task, WORK_SIGNAL);
		sched_wake(task, WAKE_KILL);
	}
}

void process_exit(int status)
{
	struct process *process = current->process;

	spin_lock(&proc_lock);
	if (!process->group_exit) {
		process->group_exit = true;
		process->exit_status = status;
		kill_other_threads_locked(process);
	}
	spin_unlock(&proc_lock);
	thread_exit(status);
}

/* locked: proc_lock. The nearest that asked for it above `process`, or init, which waits for everything. */
static struct process *new_parent(const struct process *process)
{
	struct process *at = process->parent;

	while (at && at != init_process && (!at->subreaper || at->state != PROCESS_ALIVE))
		at = at->parent;
	return at ? at : init_process;
}

/* locked: proc_lock */
static void give_away_children(struct process *process)
{
	struct process *child, *next, *parent = new_parent(process);

	list_for_each_safe (child, next, &process->children, sibling) {
		list_remove(&child->sibling);
		child->parent = parent;
		list_append(&parent->children, &child->sibling);
		if (child->parent_death_signal) {
			struct siginfo info;

			siginfo_from_self(&info, child->parent_death_signal, SI_USER);
			send_signal_locked(child, &info);
		}
		if (child->state == PROCESS_ZOMBIE)
			notify_parent_locked(child, CLD_EXITED, 0);
	}
}

/* Parent ignores SIGCHLD or says SA_NOCLDWAIT: no zombie stays. */
static bool parent_does_not_wait(const struct process *process)
{
	const struct sigaction *action = &process->parent->handlers->action[SIGCHLD - 1];

	return process->exit_signal == SIGCHLD && process->parent != init_process &&
	       (action->handler == SIG_IGN || action->flags & SA_NOCLDWAIT);
}

static void notify_end_locked(struct process *process)
{
	int signal = process->exit_status & 0x7f;

	fault_trace_task(TRACE_EXIT, process->pid, 0, NULL);
	if (signal)
		notify_parent_locked(process, process->exit_status & STATUS_CORE ? CLD_DUMPED : CLD_KILLED,
				     signal);
	else
		notify_parent_locked(process, CLD_EXITED, process->exit_status >> 8 & 0xff);
}

/* locked: proc_lock. Out of every list; the caller drops two references outside the lock. */
void process_reap_locked(struct process *process)
{
	process->state = PROCESS_REAPED;
	list_remove(&process->sibling);
	list_remove(&process->link);
}

/* The last thread is leaving. */
static void end_process(struct process *process, struct quire_mm *mm)
{
	struct quire_usage memory;
	bool reaped = false;

	if (mm) {
		sample_free_frames();
		quire_mm_usage(mm, &memory);
		process->usage.rss_peak = MAX(process->usage.rss_peak, memory.rss_peak);
		quire_mm_put(mm);
	}
	vfork_release(process);
	timer_stop(&process->real_timer);
	spin_lock(&proc_lock);
	give_away_children(process);
	process->state = PROCESS_ZOMBIE;
	reaped = parent_does_not_wait(process);
	notify_end_locked(process);
	if (reaped) {
		process_reap_locked(process);
		wake_up(&process->parent->child_exit);
	}
	spin_unlock(&proc_lock);
	if (reaped) {
		handlers_put(process->handlers);
		process_put(process);
	}
	wake_up(&process->vfork_queue); /* descriptors of it are readable now */
	process_put(process);           /* the running threads' reference */
}

/* Leaves the thread list; true for the last, with the address space that is to be put. */
static bool leave_process(struct task *task, struct process *process, int status, struct quire_mm **out_mm)
{
	bool last;

	spin_lock(&proc_lock);
	list_remove(&task->thread);
	list_remove(&task->hash);
	usage_add(&process->usage, &task->usage);
	if (!process->group_exit && (task == process->leader || process->thread_count == 1))
		process->exit_status = status;
	if (process->leader == task)
		process->leader = NULL;
	last = --process->thread_count == 0;
	*out_mm = NULL;
	if (last) {
		*out_mm = process->mm;
		process->mm = NULL;
	} else {
		/* execve waits for the others here. Once the lock is free, so may the process be. */
		wake_up(&process->child_exit);
	}
	spin_unlock(&proc_lock);
	return last;
}

/* The CPU goes to the kernel's own tables: the address space may be gone soon. */
static void leave_mm(struct task *task)
{
	arch_irq_off();
	task->mm = NULL;
	mm_switch(NULL);
	arch_irq_on();
}

void thread_exit(int status)
{
	struct task *task = current;
	struct process *process = task->process;
	struct quire_mm *mm;
	bool last;

	task->exiting = true;
	reap_dead_tasks();
	futex_task_exit(task);
	vfs_task_exit(task);
	if (task->files)
		files_put(task->files);
	if (task->fs)
		fs_put(task->fs);
	task->files = NULL;
	task->fs = NULL;
	account_time(false);
	leave_mm(task);
	last = leave_process(task, process, status, &mm);
	if (last)
		end_process(process, mm);
	schedule_exit();
}

/* --- waiting ---------------------------------------------------------------------------------- */

struct wait_query {
	int64_t pid; /* > 0: that one; 0: own group; -1: any; < -1: that group */
	unsigned options;
	/* the answer */
	struct process *reaped;
	pid_t child;
	uid_t uid;
	int status; /* as wait4() gives it */
	int code;   /* CLD_* */
	struct usage usage;
};

static bool matches(const struct process *child, int64_t pid)
{
	if (pid > 0)
		return child->pid == pid;
	if (pid == 0)
		return child->pgid == current->process->pgid;
	return pid == -1 || child->pgid == -pid;
}

/* locked: proc_lock. The child's state is one that was asked for: takes it. */
static bool take(struct process *child, struct wait_query *q)
{
	bool keep = q->options & WNOWAIT;

	if (child->state == PROCESS_ZOMBIE && q->options & WEXITED) {
		q->status = child->exit_status;
		q->code = !(child->exit_status & 0x7f)       ? CLD_EXITED
			  : child->exit_status & STATUS_CORE ? CLD_DUMPED
							     : CLD_KILLED;
		process_usage_locked(child, &q->usage);
		usage_add(&q->usage, &child->children_usage);
		if (!keep) {
			usage_add(&current->process->children_usage, &q->usage);
			process_reap_locked(child);
			q->reaped = child;
		}
	} else if (child->stop_signal && !child->stop_reported && q->options & WUNTRACED) {
		q->status = child->stop_signal << 8 | 0x7f;
		q->code = CLD_STOPPED;
		child->stop_reported = !keep;
	} else if (child->continued && q->options & WCONTINUED) {
		q->status = 0xffff;
		q->code = CLD_CONTINUED;
		child->continued = keep;
	} else {
		return false;
	}
	q->child = child->pid;
	q->uid = child->cred.uid;
	return true;
}

/* 1: found; 0: none yet; -ECHILD: there is no such child. */
static long look(struct wait_query *q)
{
	struct process *child, *next;
	bool any = false;

	list_for_each_safe (child, next, &current->process->children, sibling) {
		if (!matches(child, q->pid))
			continue;
		any = true;
		if (take(child, q))
			return 1;
	}
	return any ? 0 : -ECHILD;
}

/* After a look that found: what was taken is freed. */
static void finish_wait(const struct wait_query *q)
{
	if (!q->reaped)
		return;
	handlers_put(q->reaped->handlers);
	process_put(q->reaped);
	reap_dead_tasks();
}

static long do_wait(struct wait_query *q)
{
	long found = 0, result = 0;

	spin_lock(&proc_lock);
	if (q->options & WNOHANG)
		found = look(q);
	else
		result = wait_event_lock(&current->process->child_exit, &proc_lock, (found = look(q)) != 0);
	spin_unlock(&proc_lock);
	finish_wait(q);
	return result ? result : found;
}

static long look_locked(struct wait_query *q)
{
	long found;

	spin_lock(&proc_lock);
	found = look(q);
	spin_unlock(&proc_lock);
	return found;
}

long wait_child(uint64_t deadline, int *out_status)
{
	struct wait_query q = {.pid = -1, .options = WEXITED};
	long found = 0, result;

	result = wait_event_mode(&current->process->child_exit, (found = look_locked(&q)) != 0,
				 WAIT_NO_SIGNAL, deadline);
	finish_wait(&q);
	*out_status = q.status;
	return result ? result : found < 0 ? found : q.child;
}

long sys_wait4(const abi_ulong *a)
{
	struct wait_query q = {.pid = (int32_t)a[0], .options = (unsigned)a[2] | WEXITED};
	long found;

	if (a[2] & ~(uint64_t)(uint32_t)(WNOHANG | WUNTRACED | WCONTINUED | WAIT_CLONE_FLAGS))
		return -EINVAL;
	if (q.pid == INT32_MIN) /* the group of its negative is none */
		return -ESRCH;
	found = do_wait(&q);
	if (found <= 0)
		return found;
	if (a[1] && put_user(q.status, a[1]))
		return -EFAULT;
	if (a[3]) {
		long result = usage_to_user(&q.usage, a[3]);

		if (result)
			return result;
	}
	return q.child;
}

static long waitid_info(const struct wait_query *q, uint64_t to)
{
	struct siginfo info;

	memset(&info, 0, sizeof(info));
	if (q->child) {
		info.signo = SIGCHLD;
		info.code = q->code;
		info.child.pid = q->child;
		info.child.uid = q->uid;
		info.child.status = q->code == CLD_EXITED ? q->status >> 8 & 0xff : q->status & 0x7f;
		if (q->code == CLD_STOPPED)
			info.child.status = q->status >> 8;
		if (q->code == CLD_CONTINUED)
			info.child.status = SIGCONT;
	}
	/* Linux writes the members up to the status, not all 128 bytes. */
	return copy_to_user(to, &info, offsetof(struct siginfo, child.utime));
}

/* waitid(2) by descriptor: the id of the process, and whether the descriptor says that nobody waits. */
static long pid_of_descriptor(int fd, int64_t *out_pid, bool *out_nonblock)
{
	struct process *process;
	unsigned flags;
	long result = fd < 0 ? -EINVAL : pidfd_process(fd, &process, &flags);

	if (result)
		return result;
	/* Somebody else may have the number of one that is gone. */
	result = process->state == PROCESS_REAPED ? -ECHILD : 0;
	*out_pid = process->pid;
	*out_nonblock = flags & O_NONBLOCK;
	process_put(process);
	return result;
}

long sys_waitid(const abi_ulong *a)
{
	struct wait_query q = {.options = (unsigned)a[3]};
	int32_t id = (int32_t)a[1];
	bool nonblock = false;
	long found;

	if (a[3] & ~(uint64_t)(WNOHANG | WUNTRACED | WEXITED | WCONTINUED | WNOWAIT) ||
	    !(a[3] & (WUNTRACED | WEXITED | WCONTINUED)))
		return -EINVAL;
	if ((a[0] == P_PID && id <= 0) || a[0] > P_PIDFD || (a[0] == P_PGID && id < 0))
		return -EINVAL;
	q.pid = a[0] == P_ALL ? -1 : a[0] == P_PID ? id : id ? -(int64_t)id : 0;
	if (a[0] == P_PIDFD) {
		found = pid_of_descriptor(id, &q.pid, &nonblock);
		if (found)
			return found;
		nonblock = nonblock && !(q.options & WNOHANG);
		q.options |= nonblock ? WNOHANG : 0;
	}
	found = do_wait(&q);
	if (found < 0)
		return found;
	if (!found && nonblock)
		return -EAGAIN;
	if (a[2] && waitid_info(&q, a[2]))
		return -EFAULT;
	if (a[4] && found)
		return usage_to_user(&q.usage, a[4]);
	return 0;
}

long sys_exit(const abi_ulong *a)
{
	thread_exit((int)(a[0] & 0xff) << 8);
}

long sys_exit_group(const abi_ulong *a)
{
	process_exit((int)(a[0] & 0xff) << 8);
}
