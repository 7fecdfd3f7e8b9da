/* SPDX-License-Identifier: MIT */
/* The system calls about signals. */
#include "kern/process.h"
#include "abi/functions.h"
#include "kern/uaccess.h"

static bool is_signal(uint64_t n)
{
	return n >= 1 && n <= SIGNAL_MAX;
}

/* --- masks and handlers ----------------------------------------------------------------------- */

static void set_blocked(uint64_t mask)
{
	spin_lock(&proc_lock);
	current->blocked = mask & ~UNBLOCKABLE;
	signals_changed_locked(current->process);
	spin_unlock(&proc_lock);
}

long sys_rt_sigprocmask(const abi_ulong *a)
{
	uint64_t old = current->blocked, set;

	if (a[3] != ABI_SIGSET_BYTES)
		return -EINVAL;
	if (a[1]) {
		if (get_user(set, a[1]))
			return -EFAULT;
		switch (a[0]) {
		case SIG_BLOCK:
			set = old | set;
			break;
		case SIG_UNBLOCK:
			set = old & ~set;
			break;
		case SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		set_blocked(set);
	}
	if (a[2] && put_user(old, a[2]))
		return -EFAULT;
	return 0;
}

static int action_from_user(struct sigaction *out, uint64_t from)
{
	struct abi_sigaction action;

	if (get_user(action, from))
		return -EFAULT;
	*out = (struct sigaction){.handler = action.handler, .flags = action.flags};
#if ABI_SA_RESTORER
	out->restorer = action.restorer;
#endif
	memcpy(&out->mask, action.mask, sizeof(out->mask));
	return 0;
}

static int action_to_user(const struct sigaction *action, uint64_t to)
{
	struct abi_sigaction out;

	memset(&out, 0, sizeof(out));
	out.handler = (abi_ulong)action->handler;
	out.flags = (abi_ulong)action->flags;
#if ABI_SA_RESTORER
	out.restorer = (abi_ulong)action->restorer;
#endif
	memcpy(out.mask, &action->mask, sizeof(out.mask));
	return put_user(out, to);
}

long sys_rt_sigaction(const abi_ulong *a)
{
	struct sigaction new = {0}, old;
	struct sigaction *action;

	if (a[3] != ABI_SIGSET_BYTES || !is_signal(a[0]) || (a[1] && (a[0] == SIGKILL || a[0] == SIGSTOP)))
		return -EINVAL;
	if (a[1] && action_from_user(&new, a[1]))
		return -EFAULT;
	action = &current->process->handlers->action[a[0] - 1];
	spin_lock(&proc_lock);
	old = *action;
	if (a[1]) {
		struct task *task;

		new.mask &= ~UNBLOCKABLE;
		*action = new;
		/* POSIX: setting a signal to be ignored discards one that waits. */
		if (signal_is_ignored_by(action, (int)a[0]) && a[0] < SIGRTMIN) {
			current->process->pending.set &= ~SIGNAL_BIT(a[0]);
			list_for_each (task, &current->process->threads, thread)
				task->pending.set &= ~SIGNAL_BIT(a[0]);
		}
	}
	spin_unlock(&proc_lock);
	return a[2] ? action_to_user(&old, a[2]) : 0;
}

long sys_rt_sigpending(const abi_ulong *a)
{
	uint64_t set = (current->pending.set | current->process->pending.set) & current->blocked;

	if (a[1] > ABI_SIGSET_BYTES)
		return -EINVAL;
	return copy_to_user(a[0], &set, a[1]);
}

long set_temporary_mask(uint64_t user_mask, uint64_t size)
{
	uint64_t mask;

	if (!user_mask)
		return 0;
	if (size != ABI_SIGSET_BYTES)
		return -EINVAL;
	if (get_user(mask, user_mask))
		return -EFAULT;
	current->saved_mask = current->blocked;
	current->restore_mask = true;
	/* Whether a signal comes or not, the old mask is put back on the way out. */
	__atomic_or_fetch(&current->work, WORK_SIGNAL, __ATOMIC_SEQ_CST);
	set_blocked(mask);
	return 0;
}

void drop_temporary_mask(void)
{
	if (current->restore_mask) {
		current->restore_mask = false;
		set_blocked(current->saved_mask);
	}
}

long sys_rt_sigsuspend(const abi_ulong *a)
{
	struct wait_queue never = WAIT_QUEUE_INIT(never);
	long result = a[0] ? set_temporary_mask(a[0], a[1]) : -EFAULT;

	if (result)
		return result;
	wait_event(&never, false);
	return -ERESTARTNOHAND;
}

long sys_pause(const abi_ulong *a)
{
	struct wait_queue never = WAIT_QUEUE_INIT(never);

	wait_event(&never, false);
	return -ERESTARTNOHAND;
}

long sys_rt_sigreturn(const abi_ulong *a)
{
	uint64_t mask;

	if (arch_signal_return(&mask)) {
		force_signal(SIGSEGV, SI_KERNEL, 0);
		return 0;
	}
	set_blocked(mask);
	return arch_regs_return(current->regs);
}

long sys_sigaltstack(const abi_ulong *a)
{
	bool on_it = altstack_in_use(arch_regs_sp(current->regs));
	struct abi_sigaltstack new, old = altstack_for_frame();

	if (on_it)
		old.flags |= SS_ONSTACK;
	if (a[0]) {
		if (get_user(new, a[0]))
			return -EFAULT;
		if (on_it)
			return -EPERM;
		if ((new.flags & ~SS_AUTODISARM) > SS_DISABLE)
			return -EINVAL;
		if (new.flags & SS_DISABLE)
			new.sp = new.size = 0;
		else if (new.size < ABI_MINSIGSTKSZ)
			return -ENOMEM;
		altstack_from_frame(&new);
	}
	return a[1] ? put_user(old, a[1]) : 0;
}

/* --- waiting for signals ---------------------------------------------------------------------- */

/* Something of `set` waits, or another signal would be delivered. */
static bool awaited(uint64_t set)
{
	return (current->pending.set | current->process->pending.set) & set;
}

static long sigtimedwait(const abi_ulong *a, unsigned width)
{
	struct wait_queue never = WAIT_QUEUE_INIT(never);
	struct task *task = current;
	uint64_t set, old = task->blocked, ns, deadline = NO_DEADLINE;
	struct timespec timeout;
	struct siginfo info;
	long result;
	int signal;

	if (a[3] != ABI_SIGSET_BYTES)
		return -EINVAL;
	if (get_user(set, a[0]) || (a[2] && timespec_from_user(&timeout, a[2], width)))
		return -EFAULT;
	if (a[2]) {
		if (!timespec_to_ns(&timeout, &ns))
			return -EINVAL;
		deadline = time_monotonic() + ns;
	}
	set &= ~UNBLOCKABLE;
	/* Unblocked meanwhile, so that their arrival wakes this thread; but never delivered. */
	task->sigwait_set = set;
	set_blocked(old & ~set);
	result = wait_event_timeout(&never, awaited(set), deadline);
	spin_lock(&proc_lock);
	signal = dequeue_signal_locked(task, set, &info);
	task->blocked = old;
	task->sigwait_set = 0;
	spin_unlock(&proc_lock);
	if (!signal)
		return result == -ETIMEDOUT ? -EAGAIN : -EINTR;
	if (a[1] && put_user(info, a[1]))
		return -EFAULT;
	return signal;
}

long sys_rt_sigtimedwait(const abi_ulong *a)
{
	return sigtimedwait(a, ABI_LONG_BYTES);
}

#if ABI_LONG_BYTES == 4
long sys_rt_sigtimedwait_time64(const abi_ulong *a)
{
	return sigtimedwait(a, 8);
}
#endif

/* --- sending ---------------------------------------------------------------------------------- */

static bool may_signal(const struct process *target, int signal)
{
	const struct cred *from = &current->process->cred, *to = &target->cred;

	if (capable(CAP_KILL) || from->euid == to->uid || from->euid == to->suid || from->uid == to->uid ||
	    from->uid == to->suid)
		return true;
	return signal == SIGCONT && target->sid == current->process->sid;
}

long signal_process(struct process *process, const struct siginfo *info, int signal)
{
	if (signal < 0 || signal > SIGNAL_MAX)
		return -EINVAL;
	if (process->state == PROCESS_REAPED)
		return -ESRCH;
	if (!may_signal(process, signal))
		return -EPERM;
	return signal ? send_signal(process, info) : 0;
}

static long kill_one(pid_t pid, const struct siginfo *info, int signal)
{
	struct process *process;
	struct task *task;
	long result;

	spin_lock(&proc_lock);
	task = task_find_locked(pid); /* kill() takes any thread's id */
	process = task ? task->process : process_find_locked(pid);
	if (process)
		process_get_locked(process);
	spin_unlock(&proc_lock);
	if (!process)
		return -ESRCH;
	result = signal_process(process, info, signal);
	process_put(process);
	return result;
}

/* pgid 0: every process but init and the sender's own. */
static long kill_many(pid_t pgid, const struct siginfo *info, int signal)
{
	struct process *process;
	long result = -ESRCH;
	pid_t pid = 0;

	while ((process = process_next(pid)) != NULL) {
		pid = process->pid;
		if (pgid ? process->pgid == pgid : process != init_process && process != current->process) {
			if (may_signal(process, signal))
				result = signal ? send_signal(process, info) : 0;
			else if (result == -ESRCH)
				result = -EPERM;
		}
		process_put(process);
	}
	return result;
}

long sys_kill(const abi_ulong *a)
{
	pid_t pid = (pid_t)a[0];
	struct siginfo info;

	if (a[1] && !is_signal(a[1]))
		return -EINVAL;
	siginfo_from_self(&info, (int)a[1], SI_USER);
	if (pid > 0)
		return kill_one(pid, &info, (int)a[1]);
	if (pid == INT32_MIN)
		return -ESRCH;
	return kill_many(pid == 0 ? current->process->pgid : pid == -1 ? 0 : -pid, &info, (int)a[1]);
}

static long kill_thread(pid_t tgid, pid_t tid, const struct siginfo *info)
{
	struct queued_signal *q = NULL;
	struct task *task;
	long result = -ESRCH;

	if (tid <= 0)
		return -EINVAL;
	if (info->signo >= SIGRTMIN && !(q = queued_signal_make(info)))
		return -EAGAIN;
	spin_lock(&proc_lock);
	task = task_find_locked(tid);
	if (task && (!tgid || task->process->pid == tgid)) {
		result = may_signal(task->process, info->signo) ? 0 : -EPERM;
		if (!result && q)
			result = send_queued_locked(task->process, task, q);
		else if (!result && info->signo)
			send_signal_thread_locked(task, info);
	}
	spin_unlock(&proc_lock);
	if (result != 1)
		kfree(q);
	return MIN(result, 0);
}

long sys_tkill(const abi_ulong *a)
{
	struct siginfo info;

	if (a[1] && !is_signal(a[1]))
		return -EINVAL;
	siginfo_from_self(&info, (int)a[1], SI_TKILL);
	return kill_thread(0, (pid_t)a[0], &info);
}

long sys_tgkill(const abi_ulong *a)
{
	struct siginfo info;

	if ((a[2] && !is_signal(a[2])) || (pid_t)a[0] <= 0)
		return -EINVAL;
	siginfo_from_self(&info, (int)a[2], SI_TKILL);
	return kill_thread((pid_t)a[0], (pid_t)a[1], &info);
}

long siginfo_from_user(struct siginfo *info, uint64_t from, pid_t to)
{
	if (get_user(*info, from))
		return -EFAULT;
	/* Nobody may claim to be the kernel to another process. */
	if ((info->code >= 0 || info->code == SI_TKILL) && to != current->process->pid)
		return -EPERM;
	return 0;
}

static long user_siginfo(struct siginfo *info, uint64_t signal, uint64_t from, pid_t to)
{
	long result = is_signal(signal) ? siginfo_from_user(info, from, to) : -EINVAL;

	info->signo = (int)signal;
	return result;
}

long sys_rt_sigqueueinfo(const abi_ulong *a)
{
	struct siginfo info;
	long result = user_siginfo(&info, a[1], a[2], (pid_t)a[0]);

	return result ? result : kill_one((pid_t)a[0], &info, info.signo);
}

long sys_rt_tgsigqueueinfo(const abi_ulong *a)
{
	struct siginfo info;
	long result = user_siginfo(&info, a[2], a[3], (pid_t)a[0]);

	return result ? result : kill_thread((pid_t)a[0], (pid_t)a[1], &info);
}
