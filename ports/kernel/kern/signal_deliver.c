/* SPDX-License-Identifier: MIT */
/* What a task does about its signals on its way back to its program: stops, handlers, the end. */
#include "kern/core.h"
#include "kern/entry.h"
#include "kern/oops.h"
#include "kern/process.h"
#include "abi/functions.h"

/* --- taking them ------------------------------------------------------------------------------ */

/* locked: proc_lock, which is dropped. Every thread stops on its own way to its program. */
static void stop_here(struct task *task)
{
	task->state = TASK_STOPPED;
	spin_unlock(&proc_lock);
	schedule();
	task->state = TASK_RUNNABLE;
}

/* locked: proc_lock. SIGTSTP and the tty's signals do not stop an orphaned group. */
static void start_group_stop(struct process *process, int signal)
{
	struct task *task;

	process->stop_signal = signal;
	process->stop_reported = false;
	process->continued = false;
	list_for_each (task, &process->threads, thread) {
		if (task == current)
			continue;
		sched_notify(task, WORK_SIGNAL);
		sched_wake(task, WAKE_SIGNAL);
	}
	notify_parent_locked(process, CLD_STOPPED, signal);
}

static void default_action(struct process *process, int signal)
{
	if (signal < SIGRTMIN && STOP_SIGNALS & SIGNAL_BIT(signal)) {
		bool orphaned = signal != SIGSTOP && process_group_orphaned(process->pgid);

		spin_lock(&proc_lock);
		if (!orphaned && !process->group_exit)
			start_group_stop(process, signal);
		spin_unlock(&proc_lock);
		return;
	}
	process_exit(core_dump(signal));
}

/* The interrupted system call, now that it is known whether a handler runs. */
static void settle_restart(const struct sigaction *action)
{
	struct regs *regs = current->regs;

	if (!arch_regs_in_syscall(regs))
		return;
	switch (-arch_regs_return(regs)) {
	case ERESTARTSYS:
		if (action && !(action->flags & SA_RESTART))
			arch_regs_set_return(regs, -EINTR);
		else
			arch_regs_restart(regs, arch_regs_syscall(regs));
		break;
	case ERESTARTNOHAND:
		if (action)
			arch_regs_set_return(regs, -EINTR);
		else
			arch_regs_restart(regs, arch_regs_syscall(regs));
		break;
	case ERESTART_RESTARTBLOCK:
		if (action)
			arch_regs_set_return(regs, -EINTR);
		else
			arch_regs_restart(regs, NR_restart_syscall);
		break;
	default:
		break;
	}
}

/* --- the alternate stack ---------------------------------------------------------------------- */

static bool within(const struct sigaltstack *alt, uint64_t sp)
{
	return alt->size && sp > alt->sp && sp - alt->sp <= alt->size;
}

bool altstack_in_use(uint64_t sp)
{
	const struct sigaltstack *alt = &current->altstack;

	return !(alt->flags & SS_AUTODISARM) && within(alt, sp);
}

static bool enters_altstack(const struct sigaction *action, uint64_t sp)
{
	const struct sigaltstack *alt = &current->altstack;

	return action->flags & SA_ONSTACK && alt->size && !within(alt, sp);
}

uint64_t signal_frame_top(const struct sigaction *action, uint64_t sp, unsigned red_zone)
{
	const struct sigaltstack *alt = &current->altstack;

	return enters_altstack(action, sp) ? alt->sp + alt->size : sp - red_zone;
}

bool signal_frame_fits(const struct sigaction *action, uint64_t sp, uint64_t at)
{
	const struct sigaltstack *alt = &current->altstack;

	if (!altstack_in_use(sp) && !enters_altstack(action, sp))
		return true;
	return at >= alt->sp && at < alt->sp + alt->size;
}

struct abi_sigaltstack altstack_for_frame(void)
{
	const struct sigaltstack *alt = &current->altstack;
	struct abi_sigaltstack stack;

	memset(&stack, 0, sizeof(stack));
	stack.sp = (abi_ulong)alt->sp;
	stack.size = (abi_ulong)alt->size;
	stack.flags = alt->flags | (alt->size ? 0 : SS_DISABLE);
	return stack;
}

void altstack_from_frame(const struct abi_sigaltstack *stack)
{
	current->altstack = (struct sigaltstack){
	    .sp = stack->sp,
	    .size = stack->flags & SS_DISABLE ? 0 : stack->size,
	    .flags = stack->flags & SS_AUTODISARM,
	};
}

/* --- delivery --------------------------------------------------------------------------------- */

static void run_handler(struct task *task, const struct sigaction *action, const struct siginfo *info)
{
	uint64_t mask = task->restore_mask ? task->saved_mask : task->blocked;

	settle_restart(action);
	if (arch_signal_frame(info->signo, action, info, mask)) {
		/* No room for the frame: SIGSEGV, and if that was what had to be delivered, the end. */
		if (info->signo == SIGSEGV)
			process_exit(SIGSEGV);
		force_signal(SIGSEGV, SI_KERNEL, 0);
		return;
	}
	if (task->altstack.flags & SS_AUTODISARM)
		memset(&task->altstack, 0, sizeof(task->altstack));
	task->restore_mask = false;
	spin_lock(&proc_lock);
	task->blocked |= action->mask;
	if (!(action->flags & SA_NODEFER))
		task->blocked |= SIGNAL_BIT(info->signo);
	task->blocked &= ~UNBLOCKABLE;
	spin_unlock(&proc_lock);
}

/* locked: proc_lock; with it on return. The next signal to act on, and its action; 0: none. */
static int next_to_deliver(struct task *task, struct siginfo *out_info, struct sigaction *out_action)
{
	struct process *process = task->process;

	for (;;) {
		struct sigaction *action;
		int signal;

		if (process->group_exit || (process->exec_task && process->exec_task != task)) {
			spin_unlock(&proc_lock);
			thread_exit(process->exit_status);
		}
		if (process->stop_signal && !(signals_pending_locked(task) & SIGNAL_BIT(SIGKILL))) {
			stop_here(task);
			spin_lock(&proc_lock);
			continue;
		}
		signal = dequeue_signal_locked(task, ~task->blocked | UNBLOCKABLE, out_info);
		if (!signal)
			return 0;
		action = &process->handlers->action[signal - 1];
		if (signal_is_ignored_by(action, signal) && signal != SIGKILL)
			continue;
		*out_action = *action;
		if (action->handler != SIG_DFL && action->flags & (uint64_t)(uint32_t)SA_RESETHAND)
			action->handler = SIG_DFL;
		return signal;
	}
}

static void deliver_signals(void)
{
	struct task *task = current;
	struct sigaction action;
	struct siginfo info;

	for (;;) {
		int signal;

		spin_lock(&proc_lock);
		signal = next_to_deliver(task, &info, &action);
		if (!signal)
			break;
		spin_unlock(&proc_lock);
		if (action.handler == SIG_DFL)
			default_action(task->process, signal);
		else
			run_handler(task, &action, &info);
	}
	__atomic_and_fetch(&task->work, ~(uint32_t)WORK_SIGNAL, __ATOMIC_SEQ_CST);
	if (task->restore_mask) {
		task->restore_mask = false;
		task->blocked = task->saved_mask;
		signals_changed_locked(task->process);
	}
	spin_unlock(&proc_lock);
	settle_restart(NULL);
}

void exit_to_user_work(void)
{
	uint32_t work = current->work;

	if (work & WORK_SIGNAL)
		deliver_signals();
	if (work & WORK_PROVOKED)
		provoke_on_return();
	if (work & WORK_RESCHED)
		schedule();
}
