/* SPDX-License-Identifier: MIT */
/* Scheduling policies, priorities and nice values: kept and told. The scheduler has one queue and looks at none of them. */
#include "abi/functions.h"
#include "abi/process.h"
#include "kern/process.h"
#include "kern/uaccess.h"

static bool is_policy(uint64_t policy)
{
	return policy <= SCHED_BATCH || policy == SCHED_IDLE;
}

static bool is_real_time(unsigned policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* locked: proc_lock */
static struct task *task_of(pid_t tid)
{
	return tid ? task_find_locked(tid) : current;
}

bool sched_may_set(const struct task *task)
{
	const struct cred *own = &current->process->cred, *its = &task->process->cred;

	return capable(CAP_SYS_NICE) || own->euid == its->uid || own->euid == its->euid;
}

/* sched(7): without the right, no real-time policy, and of others' threads only one's own. */
static bool may_set(const struct task *task, unsigned policy)
{
	return capable(CAP_SYS_NICE) || (!is_real_time(policy) && sched_may_set(task));
}

/* `policy` < 0: the one it has. */
static long set(pid_t tid, int policy, uint64_t from)
{
	struct task *task;
	int32_t priority;
	long result = -ESRCH;

	if (tid < 0 || !from)
		return -EINVAL;
	if (get_user(priority, from))
		return -EFAULT;
	spin_lock(&proc_lock);
	task = task_of(tid);
	if (task) {
		unsigned wanted =
		    policy < 0 ? task->policy : (unsigned)policy & ~(unsigned)SCHED_RESET_ON_FORK;

		if (!is_policy(wanted) || (is_real_time(wanted) ? priority < 1 || priority > 99 : priority))
			result = -EINVAL;
		else if (!may_set(task, wanted))
			result = -EPERM;
		else
			result = 0;
		if (!result) {
			task->policy = (uint8_t)wanted;
			if (policy >= 0)
				task->reset_on_fork = policy & SCHED_RESET_ON_FORK;
			task->priority = (uint8_t)priority;
		}
	}
	spin_unlock(&proc_lock);
	return result;
}

void policy_reset(struct task *child)
{
	if (is_real_time(child->policy)) {
		child->policy = 0;
		child->priority = 0;
	}
	child->nice = MAX(child->nice, (int8_t)0);
}

long sys_sched_setscheduler(const abi_ulong *a)
{
	return (int)a[1] < 0 ? -EINVAL : set((pid_t)a[0], (int)a[1], a[2]);
}

long sys_sched_setparam(const abi_ulong *a)
{
	return set((pid_t)a[0], -1, a[1]);
}

/* The policy, and the priority of a real-time one; or an errno. */
static long get(pid_t tid, int32_t *out_priority)
{
	struct task *task;
	long result = -ESRCH;

	if (tid < 0)
		return -EINVAL;
	spin_lock(&proc_lock);
	task = task_of(tid);
	if (task) {
		result = task->policy | (task->reset_on_fork ? SCHED_RESET_ON_FORK : 0);
		*out_priority = task->priority;
	}
	spin_unlock(&proc_lock);
	return result;
}

long sys_sched_getscheduler(const abi_ulong *a)
{
	int32_t priority;

	return get((pid_t)a[0], &priority);
}

long sys_sched_getparam(const abi_ulong *a)
{
	int32_t priority;
	long result = a[1] ? get((pid_t)a[0], &priority) : -EINVAL;

	if (result < 0)
		return result;
	return put_user(priority, a[1]);
}

/* SCHED_DEADLINE and SCHED_EXT have a range, though no call here sets them. */
static long limit(uint64_t policy, long of_real_time)
{
	if (!is_policy(policy) && policy != SCHED_DEADLINE && policy != SCHED_EXT)
		return -EINVAL;
	return is_real_time((unsigned)policy) ? of_real_time : 0;
}

long sys_sched_get_priority_max(const abi_ulong *a)
{
	return limit((uint32_t)a[0], 99);
}

long sys_sched_get_priority_min(const abi_ulong *a)
{
	return limit((uint32_t)a[0], 1);
}

/* --- nice ------------------------------------------------------------------------------------- */

struct nice_query {
	uint64_t which; /* PRIO_* */
	pid_t who;      /* a thread, a group, or a user */
	int nice;       /* to set */
	bool set;
	long result;
};

static long set_nice(struct task *task, int nice)
{
	const struct cred *own = &current->process->cred, *its = &task->process->cred;

	if (own->euid != its->uid && own->euid != its->euid && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (nice < task->nice && !capable(CAP_SYS_NICE))
		return -EACCES;
	task->nice = (int8_t)nice;
	return 0;
}

/* locked: proc_lock. Of several threads the first error counts, or the best value: 20 - nice, so that it is positive. */
static void ask(struct nice_query *q, struct task *task)
{
	long one = q->set ? set_nice(task, q->nice) : 20 - task->nice;

	if (q->result == -ESRCH || (q->set ? one < 0 && !q->result : one > q->result))
		q->result = one;
}

static bool is_meant(const struct nice_query *q, const struct process *process)
{
	if (q->which == PRIO_PGRP)
		return process->pgid == (q->who ? q->who : current->process->pgid);
	return process->cred.uid == (q->who ? (uid_t)q->who : current->process->cred.uid);
}

static long ask_all(struct nice_query *q)
{
	struct process *process;
	struct task *task;

	if (q->which > PRIO_USER)
		return -EINVAL;
	spin_lock(&proc_lock);
	if (q->which == PRIO_PROCESS) {
		task = task_of(q->who);
		if (task)
			ask(q, task);
	} else {
		list_for_each (process, &all_processes, link)
			if (is_meant(q, process))
				list_for_each (task, &process->threads, thread)
					ask(q, task);
	}
	spin_unlock(&proc_lock);
	return q->result;
}

long sys_getpriority(const abi_ulong *a)
{
	return ask_all(&(struct nice_query){.which = (uint32_t)a[0], .who = (pid_t)a[1], .result = -ESRCH});
}

long sys_setpriority(const abi_ulong *a)
{
	return ask_all(&(struct nice_query){.which = (uint32_t)a[0],
					    .who = (pid_t)a[1],
					    .nice = MIN(MAX((int)a[2], -20), 19),
					    .set = true,
					    .result = -ESRCH});
}
