/* SPDX-License-Identifier: MIT */
/* Spinlocks, sleeping mutexes, wait queues.
 *
 * Order: a mutex, then proc_lock, then a wait queue's or another leaf spinlock, then the scheduler's.
 * Under a spinlock: no sleep, no user copy, no call into the library that may sleep, no kmalloc of a
 * lock's own. While a CPU spins it answers TLB flushes of others, so interrupts may be off. */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "kern/kernel.h"
#include "kern/time.h"

struct task;

struct spinlock {
	volatile uint32_t held;
};
#define SPINLOCK_INIT \
	{             \
		0     \
	}

/* Interrupts are off from the first lock taken to the last released, on any CPU. */
void spin_lock(struct spinlock *lock);
bool spin_trylock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);

struct wait_queue {
	struct spinlock lock;
	struct list waiters;
};
#define WAIT_QUEUE_INIT(name)                            \
	{                                                \
		SPINLOCK_INIT, LIST_INIT((name).waiters) \
	}

static inline void wait_queue_init(struct wait_queue *queue)
{
	queue->lock.held = 0;
	list_init(&queue->waiters);
}

/* One task on one queue; lives on the waiting task's stack (several for poll). Or what is told of each wake-up: `notify`
 * is called with the queue's lock held, from any context, with the POLL* that may have come; it may wake another queue,
 * and says whether it woke a task. Of those that are exclusive, one that did is enough. */
struct waiter {
	struct list link;
	struct task *task;
	struct wait_queue *queue;
	bool (*notify)(void *owner, unsigned events);
	void *owner;
	bool exclusive;
};

enum wait_mode {
	WAIT_KILLABLE = 0,      /* only a fatal signal ends it */
	WAIT_INTERRUPTIBLE = 1, /* any signal that would be delivered ends it */
	WAIT_NO_SIGNAL = 2      /* nothing but a wake-up */
};

/* The loop behind the macros, for poll and others that wait on several queues:
 *
 *   wait_add(&queue, &waiter);              once a queue
 *   for (;;) {
 *           wait_prepare(mode);             this task counts as asleep from here: a wake-up ends it
 *           if (condition) break;
 *           result = wait_block(deadline);  0; -ERESTARTSYS: a signal; -ETIMEDOUT
 *           if (result) break;
 *   }
 *   wait_finish();                          awake again
 *   wait_remove(&waiter);                   once a queue
 *
 * => no spinlock is held at wait_block(); deadlines are in nanoseconds of time_monotonic(). */
void wait_add(struct wait_queue *queue, struct waiter *waiter);
void wait_add_notify(struct wait_queue *queue, struct waiter *waiter); /* notify, owner, exclusive are set */
void wait_remove(struct waiter *waiter);
void wait_prepare(enum wait_mode mode);
long wait_block(uint64_t deadline);
void wait_finish(void);

/* Wakes every waiter; one (the first). Any context, interrupts and spinlocks included. `events`: the POLL* that may
 * have come, for those that are told; wake_up() says all. */
void wake_up(struct wait_queue *queue);
bool wake_up_poll(struct wait_queue *queue, unsigned events); /* whether a task was woken */
void wake_up_one(struct wait_queue *queue);

/* Sleeps until `condition`: 0, -ERESTARTSYS or -ETIMEDOUT. `leave` and `enter` are run around each sleep. */
#define wait_event_around(queue, condition, mode, deadline, leave, enter) \
	({                                                                \
		struct waiter waiter_;                                    \
		long result_ = 0;                                         \
		wait_add(queue, &waiter_);                                \
		for (;;) {                                                \
			wait_prepare(mode);                               \
			if (condition) {                                  \
				result_ = 0;                              \
				break;                                    \
			}                                                 \
			if (result_)                                      \
				break;                                    \
			leave;                                            \
			result_ = wait_block(deadline);                   \
			enter;                                            \
		}                                                         \
		wait_finish();                                            \
		wait_remove(&waiter_);                                    \
		result_;                                                  \
	})

/* `condition` is looked at without locks. */
#define wait_event_mode(queue, condition, mode, deadline) \
	wait_event_around(queue, condition, mode, deadline, (void)0, (void)0)
#define wait_event(queue, condition) wait_event_mode(queue, condition, WAIT_INTERRUPTIBLE, NO_DEADLINE)
#define wait_event_timeout(queue, condition, deadline) \
	wait_event_mode(queue, condition, WAIT_INTERRUPTIBLE, deadline)

/* As wait_event() with a spinlock held on entry, at every look at `condition`, and on return. */
#define wait_event_lock(queue, spin, condition)                                                 \
	wait_event_around(queue, condition, WAIT_INTERRUPTIBLE, NO_DEADLINE, spin_unlock(spin), \
			  spin_lock(spin))

/* Sleeps while another task has it; not recursive; may be held over user copies and library calls. */
struct mutex {
	struct spinlock lock;
	struct task *owner;
	struct wait_queue queue;
};
#define MUTEX_INIT(name)                                           \
	{                                                          \
		SPINLOCK_INIT, NULL, WAIT_QUEUE_INIT((name).queue) \
	}
void mutex_init(struct mutex *mutex);
void mutex_lock(struct mutex *mutex);
bool mutex_trylock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

/* Lets another task run if its turn has come: for long loops without locks. */
void cond_resched(void);

#endif
