/* SPDX-License-Identifier: MIT */
/* Tasks and processes as objects: making, finding, counting, freeing. */
#include "kern/process.h"

#define HASH_SIZE 256

struct spinlock proc_lock;
struct list all_processes = LIST_INIT(all_processes);
struct process *init_process;
static struct list task_hash[HASH_SIZE];
static pid_t last_pid;

/* --- tasks ------------------------------------------------------------------------------------ */

static void sleep_expired(struct timer *timer)
{
	sched_wake(container_of(timer, struct task, sleep_timer), WAKE_ANY);
}

struct task *task_alloc(bool user)
{
	struct task *task = kzalloc(sizeof(*task));

	if (!task)
		return NULL;
	list_init(&task->thread);
	list_init(&task->hash);
	list_init(&task->run);
	pending_init(&task->pending);
	timer_init(&task->sleep_timer, sleep_expired);
	task->affinity = ~0ull;
	task->timer_slack = task->timer_slack_default = TIMER_SLACK_NS;
	task->state = TASK_SLEEP;
	if (kstack_create(task, user)) {
		kfree(task);
		return NULL;
	}
	return task;
}

void task_free(struct task *task)
{
	pending_flush(&task->pending);
	kstack_destroy(task);
	kfree(task);
}

void task_hash_locked(struct task *task)
{
	struct list *bucket = &task_hash[(unsigned)task->tid % HASH_SIZE];

	if (!bucket->next)
		list_init(bucket);
	list_remove(&task->hash);
	list_append(bucket, &task->hash);
}

struct task *task_find_locked(pid_t tid)
{
	struct list *bucket = &task_hash[(unsigned)tid % HASH_SIZE];
	struct task *task;

	if (!bucket->next)
		return NULL;
	list_for_each (task, bucket, hash) {
		if (task->tid == tid)
			return task;
	}
	return NULL;
}

/* --- processes -------------------------------------------------------------------------------- */

static void set_default_limits(struct process *process)
{
	for (unsigned i = 0; i < RLIMIT_COUNT; i++)
		process->rlimit[i] = (struct rlimit){UINT64_MAX, UINT64_MAX};
	process->rlimit[RLIMIT_STACK].soft = 8 << 20;
	process->rlimit[RLIMIT_CORE].soft = 0;
	process->rlimit[RLIMIT_NOFILE] = (struct rlimit){1024, 1048576};
	process->rlimit[RLIMIT_MEMLOCK] = (struct rlimit){8 << 20, 8 << 20};
	process->rlimit[RLIMIT_MSGQUEUE] = (struct rlimit){819200, 819200};
	process->rlimit[RLIMIT_NICE] = (struct rlimit){0, 0};
	process->rlimit[RLIMIT_RTPRIO] = (struct rlimit){0, 0};
	process->rlimit[RLIMIT_SIGPENDING] = (struct rlimit){1024, 1024};
}

struct process *process_alloc(void)
{
	struct process *process = kzalloc(sizeof(*process));

	if (!process)
		return NULL;
	process->refs = 1;
	list_init(&process->link);
	list_init(&process->children);
	list_init(&process->sibling);
	list_init(&process->threads);
	pending_init(&process->pending);
	wait_queue_init(&process->child_exit);
	wait_queue_init(&process->vfork_queue);
	timer_init(&process->real_timer, real_timer_expired);
	set_default_limits(process);
	process->dumpable = true;
	process->start_time = time_monotonic();
	return process;
}

void process_get_locked(struct process *process)
{
	process->refs++;
}

void process_put(struct process *process)
{
	bool last;

	spin_lock(&proc_lock);
	last = --process->refs == 0;
	spin_unlock(&proc_lock);
	if (!last)
		return;
	timer_stop(&process->real_timer);
	pending_flush(&process->pending);
	kfree(process->exe_path);
	kfree(process);
}

struct process *process_find_locked(pid_t pid)
{
	struct process *process;

	list_for_each (process, &all_processes, link) {
		if (process->pid == pid)
			return process;
	}
	return NULL;
}

struct process *process_find(pid_t pid)
{
	struct process *process;

	spin_lock(&proc_lock);
	process = process_find_locked(pid);
	if (process)
		process->refs++;
	spin_unlock(&proc_lock);
	return process;
}

struct process *process_next(pid_t after)
{
	struct process *process, *best = NULL;

	spin_lock(&proc_lock);
	list_for_each (process, &all_processes, link) {
		if (process->pid > after && (!best || process->pid < best->pid))
			best = process;
	}
	if (best)
		best->refs++;
	spin_unlock(&proc_lock);
	return best;
}

struct quire_mm *process_mm(struct process *process)
{
	struct quire_mm *mm;

	spin_lock(&proc_lock);
	mm = process->mm ? quire_mm_get(process->mm) : NULL;
	spin_unlock(&proc_lock);
	return mm;
}

bool process_visit_thread(struct process *process, void (*visit)(struct task *task, void *context),
			  void *context)
{
	bool found;

	spin_lock(&proc_lock);
	found = !list_empty(&process->threads);
	if (found)
		visit(list_first(&process->threads, struct task, thread), context);
	spin_unlock(&proc_lock);
	return found;
}

char process_state_letter_locked(const struct process *process, pid_t tid)
{
	static const char letter[] = {'R', 'S', 'D', 'D', 'T', 'Z'};
	/* The first thread is a zombie when it ends before the others. */
	const struct task *task = tid ? task_find_locked(tid) : process->leader;

	return task && task->process == process ? letter[task->state] : 'Z';
}

/* --- process ids ------------------------------------------------------------------------------ */

static bool pid_in_use(pid_t pid)
{
	struct process *process;

	if (task_find_locked(pid))
		return true;
	list_for_each (process, &all_processes, link) {
		if (process->pid == pid || process->pgid == pid || process->sid == pid)
			return true;
	}
	return false;
}

pid_t pid_alloc_locked(void)
{
	for (unsigned tries = 0; tries < PID_MAX; tries++) {
		last_pid = last_pid + 1 >= PID_MAX ? 300 : last_pid + 1;
		if (!pid_in_use(last_pid))
			return last_pid;
	}
	return 0;
}

bool process_group_in_session(pid_t pgid, pid_t sid)
{
	struct process *process;
	bool found = false;

	spin_lock(&proc_lock);
	list_for_each (process, &all_processes, link) {
		if (process->pgid == pgid && process->sid == sid)
			found = true;
	}
	spin_unlock(&proc_lock);
	return found;
}

bool process_group_orphaned(pid_t pgid)
{
	struct process *process;
	bool orphaned = true;

	spin_lock(&proc_lock);
	list_for_each (process, &all_processes, link) {
		struct process *parent = process->parent;

		if (process->pgid == pgid && process->state == PROCESS_ALIVE && parent &&
		    parent != init_process && parent->pgid != pgid && parent->sid == process->sid)
			orphaned = false;
	}
	spin_unlock(&proc_lock);
	return orphaned;
}

/* --- handlers and usage ----------------------------------------------------------------------- */

struct handlers *handlers_create(void)
{
	struct handlers *handlers = kzalloc(sizeof(*handlers));

	if (handlers)
		handlers->refs = 1;
	return handlers;
}

struct handlers *handlers_copy(struct handlers *from)
{
	struct handlers *handlers = kmalloc(sizeof(*handlers));

	if (!handlers)
		return NULL;
	spin_lock(&proc_lock);
	*handlers = *from;
	spin_unlock(&proc_lock);
	handlers->refs = 1;
	return handlers;
}

void handlers_clear(struct handlers *handlers)
{
	for (unsigned i = 0; i < SIGNAL_MAX; i++) {
		struct sigaction *action = &handlers->action[i];

		action->handler = action->handler == SIG_IGN ? SIG_IGN : SIG_DFL;
		action->flags = action->mask = action->restorer = 0;
	}
}

void handlers_put(struct handlers *handlers)
{
	bool last;

	spin_lock(&proc_lock);
	last = --handlers->refs == 0;
	spin_unlock(&proc_lock);
	if (last)
		kfree(handlers);
}

void usage_add(struct usage *to, const struct usage *from)
{
	to->user_ns += from->user_ns;
	to->system_ns += from->system_ns;
	to->minor += from->minor;
	to->major += from->major;
	to->voluntary += from->voluntary;
	to->involuntary += from->involuntary;
	to->rss_peak = MAX(to->rss_peak, from->rss_peak);
}

void process_usage_locked(struct process *process, struct usage *out_usage)
{
	struct task *task;

	*out_usage = process->usage;
	list_for_each (task, &process->threads, thread)
		usage_add(out_usage, &task->usage);
}

void process_usage(struct process *process, struct usage *out_usage)
{
	struct quire_mm *mm = process_mm(process);
	struct quire_usage memory;

	spin_lock(&proc_lock);
	process_usage_locked(process, out_usage);
	spin_unlock(&proc_lock);
	if (mm) {
		quire_mm_usage(mm, &memory);
		out_usage->rss_peak = MAX(out_usage->rss_peak, memory.rss_peak);
		quire_mm_put(mm);
	}
}

unsigned process_count(void)
{
	struct process *process;
	unsigned n = 0;

	spin_lock(&proc_lock);
	list_for_each (process, &all_processes, link)
		n++;
	spin_unlock(&proc_lock);
	return n;
}
