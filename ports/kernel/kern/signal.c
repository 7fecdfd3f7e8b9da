/* SPDX-License-Identifier: MIT */
/* Signals: what is pending, and sending them.
 *
 * Standard signals are a bit and one kept siginfo each, so that an interrupt can send them; real-time
 * signals queue. Everything here is under proc_lock. */
#include "kern/process.h"

struct queued_signal {
	struct list link;
	struct siginfo info;
};

#define IGNORED_BY_DEFAULT \
	(SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))
#define SYNCHRONOUS                                                                            \
	(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | \
	 SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))

/* --- pending sets ----------------------------------------------------------------------------- */

void pending_init(struct pending *pending)
{
	memset(pending, 0, sizeof(*pending));
	list_init(&pending->queue);
}

/* => no other thread can reach it. */
void pending_flush(struct pending *pending)
{
	struct queued_signal *q, *next;

	list_for_each_safe (q, next, &pending->queue, link) {
		list_remove(&q->link);
		kfree(q);
	}
	pending->set = 0;
}

static void keep(struct pending *pending, const struct siginfo *info)
{
	struct kept_info *kept;

	if (pending->set & SIGNAL_BIT(info->signo))
		return; /* a standard signal does not queue: the first one's information stays */
	if (info->signo >= SIGRTMIN) {
		/* An exit or parent-death signal may be one; like Linux with a full queue: without
		 * information. */
		pending->set |= SIGNAL_BIT(info->signo);
		return;
	}
	kept = &pending->kept[info->signo - 1];
	kept->code = info->code;
	memcpy(kept->bytes, info->bytes, sizeof(kept->bytes));
	pending->set |= SIGNAL_BIT(info->signo);
}

static void take_kept(struct pending *pending, int signal, struct siginfo *out_info)
{
	const struct kept_info *kept = &pending->kept[signal - 1];

	memset(out_info, 0, sizeof(*out_info));
	out_info->signo = signal;
	out_info->code = kept->code;
	memcpy(out_info->bytes, kept->bytes, sizeof(kept->bytes));
	pending->set &= ~SIGNAL_BIT(signal);
}

/* The entry is freed by the caller, outside proc_lock; NULL: it was sent without one. */
static struct queued_signal *take_queued(struct pending *pending, int signal, struct siginfo *out_info)
{
	struct queued_signal *q, *found = NULL;
	bool more = false;

	list_for_each (q, &pending->queue, link) {
		if (q->info.signo != signal)
			continue;
		if (found)
			more = true;
		else
			found = q;
	}
	if (!more)
		pending->set &= ~SIGNAL_BIT(signal);
	if (!found) {
		*out_info = (struct siginfo){.signo = signal, .code = SI_USER};
		return NULL;
	}
	*out_info = found->info;
	list_remove(&found->link);
	pending->queued--;
	return found;
}

/* Forgets the signals of `set`, standard ones. */
static void discard(struct process *process, uint64_t set)
{
	struct task *task;

	process->pending.set &= ~set;
	list_for_each (task, &process->threads, thread)
		task->pending.set &= ~set;
}

static int next_signal(uint64_t set)
{
	if (set & SYNCHRONOUS)
		set &= SYNCHRONOUS;
	return set ? __builtin_ctzll(set) + 1 : 0;
}

static int take_from(struct pending *pending, uint64_t mask, struct siginfo *out_info,
		     struct queued_signal **out_free)
{
	int signal = next_signal(pending->set & mask);

	if (!signal)
		return 0;
	if (signal < SIGRTMIN)
		take_kept(pending, signal, out_info);
	else
		*out_free = take_queued(pending, signal, out_info);
	return signal;
}

/* The next signal of `mask`: the thread's before the process's. 0: none. Drops and takes proc_lock. */
int dequeue_signal_locked(struct task *task, uint64_t mask, struct siginfo *out_info)
{
	struct queued_signal *used = NULL;
	int signal = take_from(&task->pending, mask, out_info, &used);

	if (!signal)
		signal = take_from(&task->process->pending, mask, out_info, &used);
	if (used) {
		spin_unlock(&proc_lock);
		kfree(used);
		spin_lock(&proc_lock);
	}
	return signal;
}

/* --- questions -------------------------------------------------------------------------------- */

bool signal_is_ignored_by(const struct sigaction *action, int signal)
{
	return action->handler == SIG_IGN ||
	       (action->handler == SIG_DFL && signal < SIGRTMIN && IGNORED_BY_DEFAULT & SIGNAL_BIT(signal));
}

bool fatal_signal_pending(struct task *task)
{
	struct process *process = task->process;

	if (!process)
		return false;
	return process->group_exit || (process->exec_task && process->exec_task != task) ||
	       signals_pending_locked(task) & SIGNAL_BIT(SIGKILL);
}

bool signal_pending(struct task *task)
{
	if (!task->process)
		return false;
	return fatal_signal_pending(task) || task->process->stop_signal ||
	       signals_pending_locked(task) & ~task->blocked;
}

bool signal_ignored(struct task *task, int signal)
{
	return task->blocked & SIGNAL_BIT(signal) ||
	       signal_is_ignored_by(&task->process->handlers->action[signal - 1], signal);
}

/* --- sending ---------------------------------------------------------------------------------- */

static bool wants(const struct task *task, int signal)
{
	return !task->exiting && (!(task->blocked & SIGNAL_BIT(signal)) || signal == SIGKILL);
}

static void notify(struct task *task, int signal)
{
	sched_notify(task, WORK_SIGNAL);
	sched_wake(task, signal == SIGKILL ? WAKE_KILL : WAKE_SIGNAL);
}

/* A signal for the process: any thread that does not block it takes it, the leader rather. */
static void notify_some(struct process *process, int signal)
{
	struct task *task;

	if (signal == SIGKILL) {
		list_for_each (task, &process->threads, thread)
			notify(task, signal);
		return;
	}
	if (process->leader && wants(process->leader, signal)) {
		notify(process->leader, signal);
		return;
	}
	list_for_each (task, &process->threads, thread) {
		if (wants(task, signal)) {
			notify(task, signal);
			return;
		}
	}
}

/* The masks or handlers changed: threads with a deliverable signal check again. */
void signals_changed_locked(struct process *process)
{
	struct task *task;

	list_for_each (task, &process->threads, thread) {
		if (signals_pending_locked(task) & ~task->blocked)
			sched_notify(task, WORK_SIGNAL);
	}
}

static void continue_process(struct process *process)
{
	struct task *task;

	discard(process, STOP_SIGNALS);
	if (!process->stop_signal)
		return;
	process->stop_signal = 0;
	process->continued = true;
	list_for_each (task, &process->threads, thread)
		sched_wake(task, WAKE_STOPPED);
	notify_parent_locked(process, CLD_CONTINUED, SIGCONT);
}

/* What sending does whether or not the signal is ignored; true: nothing is left to do. */
static bool prepare(struct process *process, const struct task *thread, int signal)
{
	const struct sigaction *action = &process->handlers->action[signal - 1];
	const struct task *task = thread ? thread : process->leader;
	uint64_t held = task ? task->blocked | task->sigwait_set : 0;

	if (process->state != PROCESS_ALIVE)
		return true;
	if (signal == SIGCONT)
		continue_process(process);
	else if (STOP_SIGNALS & SIGNAL_BIT(signal) && signal < SIGRTMIN)
		discard(process, SIGNAL_BIT(SIGCONT));
	/* init lives: only what it handles reaches it. */
	if (process == init_process)
		return true;
	return signal_is_ignored_by(action, signal) && !(held & SIGNAL_BIT(signal));
}

void send_signal_locked(struct process *process, const struct siginfo *info)
{
	if (prepare(process, NULL, info->signo))
		return;
	keep(&process->pending, info);
	notify_some(process, info->signo);
}

void send_signal_thread_locked(struct task *task, const struct siginfo *info)
{
	if (prepare(task->process, task, info->signo))
		return;
	keep(&task->pending, info);
	if (info->signo == SIGKILL)
		notify_some(task->process, SIGKILL);
	else
		notify(task, info->signo);
}

struct queued_signal *queued_signal_make(const struct siginfo *info)
{
	struct queued_signal *q = kmalloc(sizeof(*q));

	if (q)
		q->info = *info;
	return q;
}

/* locked: proc_lock. Real-time signals queue; the entry was made before the lock was taken, and stays
 * the caller's to free when this does not return 1. `task`: NULL for the whole process. */
long send_queued_locked(struct process *process, struct task *task, struct queued_signal *q)
{
	struct pending *pending = task ? &task->pending : &process->pending;
	int signal = q->info.signo;

	if (prepare(process, task, signal))
		return 0;
	if (pending->queued >= process->rlimit[RLIMIT_SIGPENDING].soft)
		return -EAGAIN;
	list_append(&pending->queue, &q->link);
	pending->queued++;
	pending->set |= SIGNAL_BIT(signal);
	if (task)
		notify(task, signal);
	else
		notify_some(process, signal);
	return 1;
}

static long send(struct process *process, struct task *task, const struct siginfo *info)
{
	struct queued_signal *q = NULL;
	long result = 0;

	if (info->signo >= SIGRTMIN) {
		q = queued_signal_make(info);
		if (!q)
			return -EAGAIN;
	}
	spin_lock(&proc_lock);
	if (q)
		result = send_queued_locked(process, task, q);
	else if (task)
		send_signal_thread_locked(task, info);
	else
		send_signal_locked(process, info);
	spin_unlock(&proc_lock);
	if (result != 1)
		kfree(q);
	return MIN(result, 0);
}

/* => the process has a reference of the caller's, or is its own. */
long send_signal(struct process *process, const struct siginfo *info)
{
	return send(process, NULL, info);
}

/* => the task is the caller, or cannot end meanwhile. */
long send_signal_thread(struct task *task, const struct siginfo *info)
{
	return send(task->process, task, info);
}

long send_signal_group(pid_t pgid, int signal)
{
	struct siginfo info = {.signo = signal, .code = SI_KERNEL};
	struct process *process, *next;
	long result = -ESRCH;

	spin_lock(&proc_lock);
	list_for_each_safe (process, next, &all_processes, link) {
		if (process->pgid != pgid || process->state != PROCESS_ALIVE)
			continue;
		send_signal_locked(process, &info);
		result = 0;
	}
	spin_unlock(&proc_lock);
	return result;
}

void siginfo_from_self(struct siginfo *info, int signal, int code)
{
	memset(info, 0, sizeof(*info));
	info->signo = signal;
	info->code = code;
	if (current->process) {
		info->from.pid = current->process->pid;
		info->from.uid = current->process->cred.uid;
	}
}

void send_signal_self(int signal)
{
	struct siginfo info;

	siginfo_from_self(&info, signal, SI_USER);
	(void)send_signal_thread(current, &info);
}

void force_signal(int signal, int code, uint64_t address)
{
	struct task *task = current;
	struct sigaction *action;
	struct siginfo info;

	memset(&info, 0, sizeof(info));
	info.signo = signal;
	info.code = code;
	info.fault.address = (abi_ulong)address;
	spin_lock(&proc_lock);
	action = &task->process->handlers->action[signal - 1];
	if (action->handler == SIG_IGN || task->blocked & SIGNAL_BIT(signal)) {
		action->handler = SIG_DFL;
		task->blocked &= ~SIGNAL_BIT(signal);
	}
	task->pending.set &= ~SIGNAL_BIT(signal);
	keep(&task->pending, &info);
	notify(task, signal);
	spin_unlock(&proc_lock);
}

/* locked: proc_lock. SIGCHLD, or what clone() asked for, and wait4() wakes. */
void notify_parent_locked(struct process *process, int code, int status)
{
	struct process *parent = process->parent;
	struct siginfo info;
	bool stopping = code == CLD_STOPPED || code == CLD_CONTINUED;
	int signal = stopping ? SIGCHLD : process->exit_signal;

	if (!parent)
		return;
	memset(&info, 0, sizeof(info));
	info.signo = signal;
	info.code = code;
	info.child.pid = process->pid;
	info.child.uid = process->cred.uid;
	info.child.status = status;
	info.child.utime = (abi_long)(process->usage.user_ns / (NSEC_PER_SEC / ABI_TICKS_PER_SECOND));
	info.child.stime = (abi_long)(process->usage.system_ns / (NSEC_PER_SEC / ABI_TICKS_PER_SECOND));
	if (signal > 0 && signal <= SIGNAL_MAX &&
	    !(stopping && parent->handlers->action[SIGCHLD - 1].flags & SA_NOCLDSTOP))
		send_signal_locked(parent, &info);
	wake_up(&parent->child_exit);
}
