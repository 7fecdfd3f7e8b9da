/* SPDX-License-Identifier: MIT */
/* clone(2), fork(2), vfork(2): new tasks and processes. */
#include "abi/process.h"
#include "kern/process.h"
#include "abi/functions.h"
#include "kern/uaccess.h"
#include "extras/pidfd.h"
#include "port/fault.h"
#include "port/system.h"

struct clone_args {
	uint64_t flags, stack, parent_tid, child_tid, tls, pidfd;
	int exit_signal;
};

/* --- the parts of a child --------------------------------------------------------------------- */

static int copy_mm(struct process *child, uint64_t flags)
{
	struct quire_mm *mm = current->process->mm;

	if (flags & CLONE_VM) {
		child->mm = quire_mm_get(mm);
		return 0;
	}
	return quire_mm_fork(mm, &child->mm);
}

static int copy_handlers(struct process *child, uint64_t flags)
{
	struct handlers *handlers = current->process->handlers;

	if (flags & CLONE_SIGHAND) {
		spin_lock(&proc_lock);
		handlers->refs++;
		spin_unlock(&proc_lock);
		child->handlers = handlers;
		return 0;
	}
	child->handlers = handlers_copy(handlers);
	if (child->handlers && flags & CLONE_CLEAR_SIGHAND)
		handlers_clear(child->handlers);
	return child->handlers ? 0 : -ENOMEM;
}

static int copy_files(struct task *child, uint64_t flags)
{
	struct task *self = current;

	child->files = flags & CLONE_FILES ? files_get(self->files) : files_copy(self->files);
	if (!child->files)
		return -ENOMEM;
	child->fs = flags & CLONE_FS ? fs_get(self->fs) : fs_copy(self->fs);
	return child->fs ? 0 : -ENOMEM;
}

/* What a child process has from its parent as it is. */
static void copy_identity(struct process *child, const struct process *parent)
{
	child->cred = parent->cred;
	memcpy(child->rlimit, parent->rlimit, sizeof(child->rlimit));
	child->personality = parent->personality;
	child->dumpable = parent->dumpable;
	child->no_new_privs = parent->no_new_privs;
	child->membarriers = parent->membarriers;
	child->oom_score_adj = parent->oom_score_adj;
	memcpy(child->comm, parent->comm, sizeof(child->comm));
	child->arg_start = parent->arg_start;
	child->arg_end = parent->arg_end;
	child->env_start = parent->env_start;
	child->env_end = parent->env_end;
	child->start_code = parent->start_code;
	child->end_code = parent->end_code;
	child->start_stack = parent->start_stack;
	memcpy(child->auxv, parent->auxv, sizeof(child->auxv));
	child->auxv_bytes = parent->auxv_bytes;
	child->controlling_tty = parent->controlling_tty;
}

static void drop_process(struct process *process)
{
	if (process->mm)
		quire_mm_put(process->mm);
	if (process->handlers)
		handlers_put(process->handlers);
	process_put(process);
}

static int make_process(uint64_t flags, int exit_signal, struct process **out_process)
{
	struct process *parent = current->process, *child = process_alloc();
	int result;

	if (!child)
		return -ENOMEM;
	copy_identity(child, parent);
	child->exit_signal = exit_signal;
	if (parent->exe_path)
		child->exe_path = kstrdup(parent->exe_path);
	result = copy_handlers(child, flags);
	if (!result)
		result = copy_mm(child, flags);
	if (result) {
		drop_process(child);
		return result;
	}
	*out_process = child;
	return 0;
}

static void drop_task(struct task *task)
{
	if (task->files)
		files_put(task->files);
	if (task->fs)
		fs_put(task->fs);
	task_free(task);
}

/* --- putting it in the world ------------------------------------------------------------------ */

/* locked: proc_lock. The child can be found, signalled and waited for from here. */
static void link_process(struct process *child, struct process *parent, pid_t pid)
{
	child->pid = pid;
	child->pgid = parent->pgid;
	child->sid = parent->sid;
	child->parent = parent;
	list_append(&parent->children, &child->sibling);
	list_append(&all_processes, &child->link);
}

static long publish(struct task *child, struct process *process, uint64_t flags)
{
	struct process *self = current->process;
	pid_t tid;

	spin_lock(&proc_lock);
	/* A signal to the group must not miss the child: take it first, then fork again. */
	if (fatal_signal_pending(current) || self->exec_task) {
		spin_unlock(&proc_lock);
		return -ERESTARTSYS;
	}
	tid = pid_alloc_locked();
	if (!tid) {
		spin_unlock(&proc_lock);
		return -EAGAIN;
	}
	child->tid = tid;
	child->process = process;
	child->mm = process->mm;
	if (!(flags & CLONE_THREAD)) {
		link_process(process, flags & CLONE_PARENT ? self->parent : self, tid);
		process->leader = child;
		process_get_locked(process); /* the running threads' reference */
	}
	task_hash_locked(child);
	list_append(&process->threads, &child->thread);
	process->thread_count++;
	spin_unlock(&proc_lock);
	if (!(flags & CLONE_THREAD))
		fault_trace_task(TRACE_FORK, tid, self->pid, NULL);
	return tid;
}

/* A new task's first steps, in its own context. */
static void child_start(void)
{
	struct task *task = current;

	if (task->set_child_tid)
		(void)put_user(task->tid,
			       task->set_child_tid); /* as Linux: a bad address is the child's own loss */
	arch_return_to_user();
}

static int setup_task(struct task *child, const struct clone_args *args)
{
	struct task *self = current;

	memcpy(child->comm, self->comm, sizeof(child->comm));
	child->blocked = self->blocked;
	child->affinity = self->affinity;
	child->policy = self->policy;
	child->priority = self->priority;
	child->nice = self->nice;
	if (self->reset_on_fork)
		policy_reset(child);
	child->memory_policy = self->memory_policy;
	child->timer_slack = child->timer_slack_default = self->timer_slack;
	child->cpu = self->cpu;
	if (!(args->flags & CLONE_VM) || args->flags & CLONE_VFORK)
		child->altstack = self->altstack;
	arch_task_fork(child, self, args->stack);
	arch_task_entry(child, child_start);
	if (args->flags & CLONE_CHILD_SETTID)
		child->set_child_tid = args->child_tid;
	if (args->flags & CLONE_CHILD_CLEARTID)
		child->clear_child_tid = args->child_tid;
	return args->flags & CLONE_SETTLS ? arch_task_set_tls(child, args->tls) : 0;
}

static int check_flags(uint64_t flags)
{
	if ((flags & CLONE_SIGHAND && !(flags & CLONE_VM)) ||
	    (flags & CLONE_THREAD && !(flags & CLONE_SIGHAND)))
		return -EINVAL;
	if (flags & CLONE_NAMESPACES)
		return capable(CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
	if (flags & CLONE_PIDFD && flags & (CLONE_THREAD | CLONE_DETACHED))
		return -EINVAL;
	if (flags & CLONE_CLEAR_SIGHAND && flags & CLONE_SIGHAND)
		return -EINVAL;
	return 0;
}

static bool too_many(void)
{
	uint64_t limit = current->process->rlimit[RLIMIT_NPROC].soft;

	return limit != UINT64_MAX && !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN) &&
	       process_count() >= limit;
}

/* The child may have run on, and ended, when this returns. */
static long start_child(struct task *child, struct process *process, const struct clone_args *args)
{
	bool vfork = args->flags & CLONE_VFORK && !(args->flags & CLONE_THREAD);
	long tid;

	if (vfork) {
		spin_lock(&proc_lock);
		process_get_locked(process);
		spin_unlock(&proc_lock);
	}
	tid = publish(child, process, args->flags);
	if (tid > 0) {
		if (args->flags & CLONE_PARENT_SETTID)
			(void)put_user((pid_t)tid, args->parent_tid);
		sched_start(child);
		if (vfork) {
			wait_event_mode(&process->vfork_queue, process->vfork_done, WAIT_KILLABLE,
					NO_DEADLINE);
			/* The child may have given its own limits and rights to the space that was both's. */
			mm_apply_limits(current->process, current->process->mm);
		}
	}
	if (vfork)
		process_put(process);
	return tid;
}

/* The parent's descriptor of the child that is about to start. */
static long give_pidfd(struct process *child, uint64_t to, int *out_fd)
{
	int fd = pidfd_make(child, 0);

	if (fd < 0)
		return fd;
	*out_fd = fd;
	return put_user(fd, to);
}

static long do_clone(const struct clone_args *args)
{
	struct process *process = current->process;
	struct task *child;
	int fd = -1;
	long result = check_flags(args->flags);

	if (result)
		return result;
	if (too_many())
		return -EAGAIN;
	reap_dead_tasks();
	child = task_alloc(true);
	if (!child)
		return -ENOMEM;
	result = copy_files(child, args->flags);
	if (!result && !(args->flags & CLONE_THREAD))
		result = make_process(args->flags, args->exit_signal, &process);
	if (result) {
		drop_task(child);
		return result;
	}
	result = setup_task(child, args);
	if (!result && args->flags & CLONE_PIDFD)
		result = give_pidfd(process, args->pidfd, &fd);
	if (!result)
		result = start_child(child, process, args);
	if (result < 0) {
		if (fd >= 0)
			sys_close((abi_ulong[]){(abi_ulong)fd});
		drop_task(child);
		if (!(args->flags & CLONE_THREAD))
			drop_process(process);
	}
	return result;
}

void vfork_release(struct process *process)
{
	process->vfork_done = true;
	wake_up(&process->vfork_queue);
}

/* --- system calls ----------------------------------------------------------------------------- */

long sys_clone(const abi_ulong *a)
{
	struct clone_args args = {
	    .flags = a[0] & ~(uint64_t)CSIGNAL,
	    .stack = a[1],
	    .parent_tid = a[2],
	    .pidfd = a[2],
	    .child_tid = a[ABI_CLONE_TLS_FOURTH ? 4 : 3],
	    .tls = a[ABI_CLONE_TLS_FOURTH ? 3 : 4],
	    .exit_signal = (int)(a[0] & CSIGNAL),
	};

	if (args.flags & CLONE_PIDFD && args.flags & CLONE_PARENT_SETTID)
		return -EINVAL;
	return do_clone(&args);
}

/* A structure that grows: what this kernel does not know of it has to be zero. */
static long clone_args_from_user(struct abi_clone_args *out, uint64_t from, uint64_t size)
{
	uint8_t more[64];

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_FIRST)
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	if (copy_from_user(out, from, MIN(size, sizeof(*out))))
		return -EFAULT;
	for (uint64_t at = sizeof(*out); at < size; at += sizeof(more)) {
		uint64_t part = MIN(size - at, sizeof(more));

		if (copy_from_user(more, from + at, part))
			return -EFAULT;
		for (uint64_t i = 0; i < part; i++)
			if (more[i])
				return -E2BIG;
	}
	return 0;
}

static bool is_clone3(const struct abi_clone_args *a)
{
	if (a->flags & (CSIGNAL | CLONE_DETACHED) || a->flags & ~(CLONE_CLEAR_SIGHAND | 0xffffffff))
		return false;
	if (a->exit_signal > SIGNAL_MAX || (a->exit_signal && a->flags & (CLONE_THREAD | CLONE_PARENT)))
		return false;
	if (!a->stack != !a->stack_size || a->stack > user_end || a->stack_size > user_end - a->stack)
		return false;
	return !a->set_tid && !a->set_tid_size; /* the child's number is not to be chosen */
}

long sys_clone3(const abi_ulong *a)
{
	struct abi_clone_args given;
	long result = clone_args_from_user(&given, a[0], a[1]);

	if (result)
		return result;
	if (!is_clone3(&given))
		return -EINVAL;
	return do_clone(&(struct clone_args){
	    .flags = given.flags,
	    .stack = given.stack ? given.stack + given.stack_size : 0,
	    .parent_tid = given.parent_tid,
	    .child_tid = given.child_tid,
	    .tls = given.tls,
	    .pidfd = given.pidfd,
	    .exit_signal = (int)given.exit_signal,
	});
}

long sys_fork(const abi_ulong *a)
{
	struct clone_args args = {.exit_signal = SIGCHLD};

	return do_clone(&args);
}

long sys_vfork(const abi_ulong *a)
{
	struct clone_args args = {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD};

	return do_clone(&args);
}

/* --- the kernel's own ------------------------------------------------------------------------- */

struct process *kernel_process(const char *name, struct process *parent, void (*entry)(void))
{
	struct process *process = process_alloc();
	struct task *task = task_alloc(true);

	if (!process || !task)
		panic("no memory for the first processes");
	process->handlers = handlers_create();
	BUG_ON(!process->handlers);
	process->exit_signal = SIGCHLD;
	process->cred = root_cred;
	strlcpy(process->comm, name, sizeof(process->comm));
	strlcpy(task->comm, name, sizeof(task->comm));
	arch_task_entry(task, entry);
	spin_lock(&proc_lock);
	task->tid = pid_alloc_locked();
	if (parent) {
		link_process(process, parent, task->tid);
	} else {
		process->pid = task->tid;
		list_append(&all_processes, &process->link);
	}
	process->pgid = process->sid = process->pid;
	process_get_locked(process);
	task->process = process;
	process->leader = task;
	process->thread_count = 1;
	list_append(&process->threads, &task->thread);
	task_hash_locked(task);
	spin_unlock(&proc_lock);
	sched_start(task);
	return process;
}
