/* SPDX-License-Identifier: MIT */
/* Timers: one sorted list for all CPUs; every CPU's alarm is set to its own turn's end or the first. */
#include "kern/sched.h"
#include "kern/time.h"

static struct spinlock timer_lock;
static struct list timers = LIST_INIT(timers);
static struct timer *volatile running;
static uint64_t realtime_offset;

uint64_t time_monotonic(void)
{
	return arch_clock_ns();
}

uint64_t time_realtime(void)
{
	if (!realtime_offset)
		realtime_offset = arch_wall_clock_seconds() * NSEC_PER_SEC - arch_clock_ns();
	return realtime_offset + arch_clock_ns();
}

bool timespec_to_ns(const struct timespec *time, uint64_t *out_ns)
{
	if (time->sec < 0 || time->nsec < 0 || time->nsec >= (int64_t)NSEC_PER_SEC)
		return false;
	if ((uint64_t)time->sec >= NO_DEADLINE / NSEC_PER_SEC - 1)
		*out_ns = NO_DEADLINE / 2;
	else
		*out_ns = (uint64_t)time->sec * NSEC_PER_SEC + (uint64_t)time->nsec;
	return true;
}

void timer_init(struct timer *timer, void (*expired)(struct timer *timer))
{
	list_init(&timer->link);
	timer->expired = expired;
}

/* Sets this CPU's alarm to the first of what it waits for. One that is to ring before stays: it sets the
 * next, and telling the device costs more than ringing in vain. => interrupts are off. */
static void set_alarm(uint64_t deadline)
{
	struct cpu *cpu = this_cpu();

	if (cpu->timer_deadline <= deadline)
		return;
	cpu->timer_deadline = deadline;
	arch_timer_set(deadline);
}

static uint64_t first_deadline(void)
{
	return list_empty(&timers) ? NO_DEADLINE : list_first(&timers, struct timer, link)->deadline;
}

void timers_program(uint64_t slice_end)
{
	spin_lock(&timer_lock);
	set_alarm(MIN(slice_end, first_deadline()));
	spin_unlock(&timer_lock);
}

void timer_start(struct timer *timer, uint64_t deadline)
{
	struct list *at = &timers;

	spin_lock(&timer_lock);
	list_remove(&timer->link);
	timer->deadline = deadline;
	while (at->next != &timers && list_entry(at->next, struct timer, link)->deadline <= deadline)
		at = at->next;
	list_insert(at, &timer->link);
	set_alarm(deadline);
	spin_unlock(&timer_lock);
}

void timer_stop(struct timer *timer)
{
	for (;;) {
		bool busy;

		spin_lock(&timer_lock);
		list_remove(&timer->link);
		busy = running == timer;
		spin_unlock(&timer_lock);
		if (!busy)
			return;
		arch_relax();
	}
}

/* Runs what has expired. One CPU at a time runs timers; another that comes leaves them to it. */
static void run_expired(void)
{
	spin_lock(&timer_lock);
	while (!running && first_deadline() <= time_monotonic()) {
		struct timer *timer = list_first(&timers, struct timer, link);

		list_remove(&timer->link);
		running = timer;
		spin_unlock(&timer_lock);
		timer->expired(timer);
		spin_lock(&timer_lock);
		running = NULL;
	}
	spin_unlock(&timer_lock);
}

void timers_interrupt(void)
{
	this_cpu()->timer_deadline = NO_DEADLINE; /* the alarm has rung */
	run_expired();
}
