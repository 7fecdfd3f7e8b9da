/* SPDX-License-Identifier: MIT */
/* Spinlocks, wait queues and mutexes. */
#include "kern/lock.h"
#include "kern/sched.h"
#include "kern/task.h"

/* --- spinlocks -------------------------------------------------------------------------------- */

/* The task stays on its CPU here, and an interrupt leaves the depth as it found it. */
static inline void interrupts_push(void)
{
	struct cpu *cpu = this_cpu();

	if (cpu->irq_depth == 0) {
		bool on = arch_irqs_are_on();

		arch_irq_off();
		cpu->irq_was_on = on;
	}
	cpu->irq_depth++;
}

static inline void interrupts_pop(void)
{
	struct cpu *cpu = this_cpu();

	if (--cpu->irq_depth == 0 && cpu->irq_was_on)
		arch_irq_on();
}

void spin_lock(struct spinlock *lock)
{
	interrupts_push();
	while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE)) {
		while (lock->held)
			arch_relax();
	}
}

bool spin_trylock(struct spinlock *lock)
{
	interrupts_push();
	if (!__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE))
		return true;
	interrupts_pop();
	return false;
}

void spin_unlock(struct spinlock *lock)
{
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
	interrupts_pop();
}

/* --- waiting ---------------------------------------------------------------------------------- */

void wait_add(struct wait_queue *queue, struct waiter *waiter)
{
	waiter->task = current;
	waiter->queue = queue;
	waiter->notify = NULL;
	spin_lock(&queue->lock);
	list_append(&queue->waiters, &waiter->link);
	spin_unlock(&queue->lock);
	current->queued++;
}

void wait_add_notify(struct wait_queue *queue, struct waiter *waiter)
{
	waiter->queue = queue;
	spin_lock(&queue->lock);
	list_append(&queue->waiters, &waiter->link);
	spin_unlock(&queue->lock);
}

void wait_remove(struct waiter *waiter)
{
	spin_lock(&waiter->queue->lock);
	list_remove(&waiter->link);
	spin_unlock(&waiter->queue->lock);
	if (!waiter->notify)
		current->queued--;
}

void wait_prepare(enum wait_mode mode)
{
	static const enum task_state state[] = {
	    [WAIT_KILLABLE] = TASK_SLEEP_KILLABLE,
	    [WAIT_INTERRUPTIBLE] = TASK_SLEEP_INTERRUPTIBLE,
	    [WAIT_NO_SIGNAL] = TASK_SLEEP,
	};

	/* Before the condition is looked at: a wake-up in between must find it. */
	__atomic_store_n(&current->state, state[mode], __ATOMIC_SEQ_CST);
}

static bool interrupted(struct task *task)
{
	switch (task->state) {
	case TASK_SLEEP_INTERRUPTIBLE:
		return signal_pending(task);
	case TASK_SLEEP_KILLABLE:
		return fatal_signal_pending(task);
	default:
		return false;
	}
}

long wait_block(uint64_t deadline)
{
	struct task *task = current;

	if (interrupted(task))
		return -ERESTARTSYS;
	if (deadline == NO_DEADLINE) {
		schedule();
		return 0;
	}
	if (time_monotonic() >= deadline)
		return -ETIMEDOUT;
	timer_start(&task->sleep_timer, deadline);
	schedule();
	timer_stop(&task->sleep_timer);
	return 0;
}

void wait_finish(void)
{
	current->state = TASK_RUNNABLE;
}

bool wake_up_poll(struct wait_queue *queue, unsigned events)
{
	bool woken = false, served = false;
	struct waiter *waiter;

	spin_lock(&queue->lock);
	list_for_each (waiter, &queue->waiters, link) {
		bool woke = false;

		if (!waiter->notify)
			woke = sched_wake(waiter->task, WAKE_ANY);
		else if (!waiter->exclusive || !served)
			woke = waiter->notify(waiter->owner, events);
		woken |= woke;
		served |= woke && waiter->notify && waiter->exclusive;
	}
	spin_unlock(&queue->lock);
	return woken;
}

void wake_up(struct wait_queue *queue)
{
	(void)wake_up_poll(queue, ~0u);
}

void wake_up_one(struct wait_queue *queue)
{
	struct waiter *waiter;

	spin_lock(&queue->lock);
	list_for_each (waiter, &queue->waiters, link) {
		if (waiter->notify)
			waiter->notify(waiter->owner, ~0u);
		else if (sched_wake(waiter->task, WAKE_ANY))
			break;
	}
	spin_unlock(&queue->lock);
}

/* --- mutexes ---------------------------------------------------------------------------------- */

void mutex_init(struct mutex *mutex)
{
	mutex->lock.held = 0;
	mutex->owner = NULL;
	wait_queue_init(&mutex->queue);
}

bool mutex_trylock(struct mutex *mutex)
{
	bool taken = false;

	spin_lock(&mutex->lock);
	if (!mutex->owner) {
		mutex->owner = current;
		current->mutexes++;
		taken = true;
	}
	spin_unlock(&mutex->lock);
	return taken;
}

void mutex_lock(struct mutex *mutex)
{
	if (!mutex_trylock(mutex))
		wait_event_mode(&mutex->queue, mutex_trylock(mutex), WAIT_NO_SIGNAL, NO_DEADLINE);
}

void mutex_unlock(struct mutex *mutex)
{
	bool waited;

	BUG_ON(mutex->owner != current);
	spin_lock(&mutex->lock);
	mutex->owner = NULL;
	current->mutexes--;
	/* Who found it taken was in the queue by then; who comes into the queue now finds it free. */
	waited = __atomic_load_n(&mutex->queue.waiters.next, __ATOMIC_RELAXED) != &mutex->queue.waiters;
	spin_unlock(&mutex->lock);
	if (waited)
		wake_up_one(&mutex->queue);
}
