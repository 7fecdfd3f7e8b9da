/* SPDX-License-Identifier: MIT */
/* The scheduler: one queue for all CPUs, turns of SLICE_NS, no priorities.
 *
 *   runnable, waiting ── schedule() ──► on_cpu ── state != RUNNABLE ──► asleep
 *          ▲                              │                               │
 *          └──────── turn is over ────────┴◄──────── sched_wake() ────────┘
 *
 * A task is switched only where it calls schedule(): in waits, and on its way back to its program. So
 * code in the kernel stays on its CPU between waits. sched_lock is held across the switch: the task
 * that is switched to releases it. */
#include "kern/sched.h"
#include "kern/process.h"
#include "kern/entry.h"
#include "port/fault.h"
#include "port/system.h"
#include "kern/report.h"

#define SLICE_NS 10000000ull

static struct spinlock sched_lock;
static struct list run_queue = LIST_INIT(run_queue);
static uint64_t idle_set; /* bit n: CPU n idles and was not kicked yet */
static unsigned queued;   /* tasks in run_queue */
static unsigned cpus_online = 1;
uint64_t cpus_online_set = 1;
struct cpu cpus[MAX_CPUS];
static uint64_t switches;
static struct task boot_task; /* CPU 0's idle task */

/* --- dead tasks: their stacks are freed by others --------------------------------------------- */

static struct list dead = LIST_INIT(dead); /* sched_lock */

void reap_dead_tasks(void)
{
	for (;;) {
		struct task *task;

		spin_lock(&sched_lock);
		if (list_empty(&dead)) {
			spin_unlock(&sched_lock);
			return;
		}
		task = list_first(&dead, struct task, run);
		list_remove(&task->run);
		spin_unlock(&sched_lock);
		task_free(task);
	}
}

/* --- the switch ------------------------------------------------------------------------------- */

void account_time(bool from_user)
{
	struct task *task = current;
	uint64_t now = arch_clock_ns();

	if (from_user)
		task->usage.user_ns += now - task->clock_mark;
	else
		task->usage.system_ns += now - task->clock_mark;
	task->clock_mark = now;
}

static void enqueue(struct task *task)
{
	list_append(&run_queue, &task->run);
	queued++;
}

/* locked: sched_lock. A CPU that idles takes the task; the one it ran on last, if that is idle. */
static void kick_idle(struct task *task)
{
	uint64_t candidates = idle_set & task->affinity;
	unsigned cpu;

	if (!candidates)
		return;
	cpu = candidates >> task->cpu & 1 ? task->cpu : (unsigned)__builtin_ctzll(candidates);
	idle_set &= ~(1ull << cpu);
	__atomic_or_fetch(&cpus[cpu].idle->work, WORK_RESCHED, __ATOMIC_SEQ_CST);
	if (cpu != arch_cpu())
		arch_kick(cpu);
}

static struct task *pick(struct cpu *cpu)
{
	struct task *task;

	list_for_each (task, &run_queue, run) {
		if (task->affinity >> cpu->number & 1) {
			list_remove(&task->run);
			queued--;
			return task;
		}
	}
	return cpu->idle;
}

/* locked: sched_lock, taken by the task that was switched from */
static void finish_switch(struct task *previous)
{
	struct cpu *cpu = this_cpu();

	if (previous) {
		previous->on_cpu = false;
		if (previous->state == TASK_DEAD)
			list_append(&dead, &previous->run);
	}
	current->clock_mark = arch_clock_ns();
	if (current == cpu->idle)
		cpu->idle_since = current->clock_mark;
	spin_unlock(&sched_lock);
}

static void switch_to(struct cpu *cpu, struct task *next)
{
	struct task *previous = current;
	bool irq_was_on = cpu->irq_was_on;

	BUG_ON(cpu->irq_depth != 1);
	if (previous == cpu->idle)
		cpu->idle_ns += arch_clock_ns() - cpu->idle_since;
	next->on_cpu = true;
	next->cpu = cpu->number;
	cpu->previous = previous;
	switches++;
	timers_program(next == cpu->idle ? NO_DEADLINE : arch_clock_ns() + SLICE_NS);
	mm_switch(next->mm);
	if (__builtin_expect(fault_trace_on, false) && next->process)
		fault_trace_runs(next->process->pid);
	arch_switch(previous, next);
	cpu = this_cpu();
	cpu->irq_was_on = irq_was_on;
	finish_switch(cpu->previous);
}

void schedule(void)
{
	struct task *previous = current, *next;
	struct cpu *cpu;

	spin_lock(&sched_lock);
	cpu = this_cpu();
	account_time(false);
	__atomic_and_fetch(&previous->work, ~(uint32_t)WORK_RESCHED, __ATOMIC_SEQ_CST);
	if (previous != cpu->idle && previous->state == TASK_RUNNABLE) {
		enqueue(previous);
		previous->usage.involuntary++;
	} else {
		previous->usage.voluntary++;
	}
	next = pick(cpu);
	if (next == cpu->idle)
		idle_set |= 1ull << cpu->number;
	else
		idle_set &= ~(1ull << cpu->number);
	/* What stays behind in the queue may run elsewhere, and perhaps only there. */
	if (next != previous && previous != cpu->idle && previous->state == TASK_RUNNABLE)
		kick_idle(previous);
	if (next != previous)
		switch_to(cpu, next);
	else
		spin_unlock(&sched_lock);
}

void schedule_tail(void)
{
	struct cpu *cpu = this_cpu();

	cpu->irq_was_on = true;
	finish_switch(cpu->previous);
}

void schedule_exit(void)
{
	current->state = TASK_DEAD;
	schedule();
	panic("a dead task runs");
}

void cond_resched(void)
{
	if (current->work & WORK_RESCHED)
		schedule();
}

/* --- waking ----------------------------------------------------------------------------------- */

bool sched_wake(struct task *task, unsigned mask)
{
	bool woken = false;

	spin_lock(&sched_lock);
	if (mask >> task->state & 1) {
		task->state = TASK_RUNNABLE;
		woken = true;
		/* Still on its CPU, on its way into schedule(): that will see the new state. */
		if (!task->on_cpu) {
			enqueue(task);
			kick_idle(task);
		}
	}
	spin_unlock(&sched_lock);
	return woken;
}

void sched_start(struct task *task)
{
	spin_lock(&sched_lock);
	task->state = TASK_RUNNABLE;
	enqueue(task);
	kick_idle(task);
	spin_unlock(&sched_lock);
}

void sched_notify(struct task *task, uint32_t work)
{
	__atomic_or_fetch(&task->work, work, __ATOMIC_SEQ_CST);
	spin_lock(&sched_lock);
	if (task->on_cpu && task->cpu != arch_cpu())
		arch_kick(task->cpu);
	spin_unlock(&sched_lock);
}

bool sched_set_affinity(struct task *task, uint64_t mask)
{
	mask &= cpus_online >= 64 ? ~0ull : (1ull << cpus_online) - 1;
	if (!mask)
		return false;
	spin_lock(&sched_lock);
	task->affinity = mask;
	if (!task->on_cpu) {
		if (task->state == TASK_RUNNABLE)
			kick_idle(task);
	} else if (!(mask >> task->cpu & 1)) {
		__atomic_or_fetch(&task->work, WORK_RESCHED, __ATOMIC_SEQ_CST);
		if (task->cpu != arch_cpu())
			arch_kick(task->cpu);
	}
	spin_unlock(&sched_lock);
	return true;
}

/* --- the timer, and idling -------------------------------------------------------------------- */

void timer_interrupt(bool from_user)
{
	struct cpu *cpu = this_cpu();
	struct task *task = current;

	account_time(from_user);
	sample_free_frames();
	timers_interrupt();
	if (task == cpu->idle) {
		timers_program(NO_DEADLINE);
		return;
	}
	limit_cpu_time();
	if (queued)
		__atomic_or_fetch(&task->work, WORK_RESCHED, __ATOMIC_SEQ_CST);
	timers_program(arch_clock_ns() + SLICE_NS);
}

void idle_loop(void)
{
	current->work |= WORK_RESCHED; /* what was started before is in the queue */
	for (;;) {
		arch_irq_off();
		if (current->work) {
			arch_irq_on();
			schedule();
		} else {
			arch_idle_wait();
			arch_irq_on();
		}
	}
}

static void idle_init(struct task *task, unsigned cpu)
{
	task->state = TASK_RUNNABLE;
	task->cpu = cpu;
	task->on_cpu = true;
	task->affinity = 1ull << cpu;
	strlcpy(task->comm, "idle", sizeof(task->comm));
	list_init(&task->run);
	list_init(&task->hash);
	list_init(&task->thread);
	timer_init(&task->sleep_timer, NULL);
	cpus[cpu].idle = task;
	cpus[cpu].timer_deadline = NO_DEADLINE;
}

static struct task *idle_task_create(unsigned cpu)
{
	struct task *task = kzalloc(sizeof(*task));

	if (!task || kstack_create(task, false)) {
		kfree(task);
		return NULL;
	}
	idle_init(task, cpu);
	return task;
}

void sched_init(void)
{
	idle_init(&boot_task, 0);
	cpus[0].task = &boot_task;
	cpus[0].online = true;
}

void secondary_main(void)
{
	struct cpu *cpu = this_cpu();

	spin_lock(&sched_lock);
	cpu->irq_was_on = true;
	cpus_online++;
	__atomic_or_fetch(&cpus_online_set, 1ull << cpu->number, __ATOMIC_SEQ_CST);
	idle_set |= 1ull << cpu->number;
	cpu->idle_since = arch_clock_ns();
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	spin_unlock(&sched_lock);
	idle_loop();
}

/* Whether it runs. A machine may be slow: the time is long, and only passes whole where there is no such CPU. */
static bool start_cpu(unsigned number)
{
	struct cpu *cpu = &cpus[number];
	struct task *idle = idle_task_create(number);
	uint64_t deadline = arch_clock_ns() + 10 * NSEC_PER_SEC;

	if (!idle)
		return false;
	cpu->number = number;
	if (!arch_start_cpu(number, (uintptr_t)idle->stack + KERNEL_STACK_PAGES * PAGE_SIZE))
		return false;
	while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE) && arch_clock_ns() < deadline)
		arch_relax();
	return cpu->online;
}

void sched_start_cpus(void)
{
	for (unsigned i = 1; i < arch_cpus_found(); i++)
		if (!start_cpu(i))
			printk("cpu %u does not start\n", i);
}

/* --- figures ---------------------------------------------------------------------------------- */

unsigned cpu_count(void)
{
	return cpus_online;
}

unsigned running_count(void)
{
	return queued + 1;
}

uint64_t idle_ns(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < cpus_online; i++)
		sum += cpus[i].idle_ns;
	return sum;
}

uint64_t context_switches(void)
{
	return switches;
}
