/* SPDX-License-Identifier: MIT */
/* The scheduler, for kern/ and the architecture. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "kern/task.h"

void sched_init(void); /* makes the boot context CPU 0's idle task */
void idle_loop(void) __attribute__((noreturn));

/* Gives up the CPU: to the queue's end when runnable, else until sched_wake(). */
void schedule(void);
/* The new task's first steps: what schedule() would do on its return. */
void schedule_tail(void);
/* If the task sleeps in one of the states of `mask` (1 << TASK_*), it becomes runnable. Any context. */
bool sched_wake(struct task *task, unsigned mask);
#define WAKE_ANY     (1u << TASK_SLEEP_INTERRUPTIBLE | 1u << TASK_SLEEP_KILLABLE | 1u << TASK_SLEEP)
#define WAKE_SIGNAL  (1u << TASK_SLEEP_INTERRUPTIBLE)
#define WAKE_KILL    (1u << TASK_SLEEP_INTERRUPTIBLE | 1u << TASK_SLEEP_KILLABLE | 1u << TASK_STOPPED)
#define WAKE_STOPPED (1u << TASK_STOPPED)
/* A task runs for the first time. */
void sched_start(struct task *task);
/* Ends the calling task; `last` of its memory goes with the next task's schedule_tail(). */
void schedule_exit(void) __attribute__((noreturn));
/* Makes the CPU that runs the task look at task->work. */
void sched_notify(struct task *task, uint32_t work);
bool sched_set_affinity(struct task *task, uint64_t mask);

extern uint64_t cpus_online_set; /* bit n: CPU n runs tasks */

/* Brings the running task's times up to date. */
void account_time(bool from_user);
/* The next interrupt this CPU wants, given when its task's turn ends. */
void timers_program(uint64_t slice_end);
void timers_interrupt(void);
/* Starts the other CPUs. One that does not come is named, and the machine does without it. */
void sched_start_cpus(void);
/* Frees the memory of tasks that have ended. May sleep. */
void reap_dead_tasks(void);

#endif
