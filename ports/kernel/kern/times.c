/* SPDX-License-Identifier: MIT */
/* The system calls about time and usage: clocks, sleeping, interval timers, rusage. */
#include "kern/process.h"
#include "kern/syscall.h"
#include "kern/uaccess.h"

enum {
	CLOCK_REALTIME,
	CLOCK_MONOTONIC,
	CLOCK_PROCESS_CPUTIME,
	CLOCK_THREAD_CPUTIME,
	CLOCK_MONOTONIC_RAW,
	CLOCK_REALTIME_COARSE,
	CLOCK_MONOTONIC_COARSE,
	CLOCK_BOOTTIME
};
#define TIMER_ABSTIME 1
#define NSEC_PER_TICK 10000000 /* of times(2): 100 a second */

/* --- clocks ----------------------------------------------------------------------------------- */

static long clock_now(uint64_t id, uint64_t *out_ns)
{
	struct usage usage;

	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
		*out_ns = time_realtime();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*out_ns = time_monotonic();
		return 0;
	case CLOCK_PROCESS_CPUTIME:
		account_time(false);
		spin_lock(&proc_lock);
		process_usage_locked(current->process, &usage);
		spin_unlock(&proc_lock);
		*out_ns = usage.user_ns + usage.system_ns;
		return 0;
	case CLOCK_THREAD_CPUTIME:
		account_time(false);
		*out_ns = current->usage.user_ns + current->usage.system_ns;
		return 0;
	default:
		return -EINVAL;
	}
}

static int put_timespec(uint64_t ns, uint64_t to)
{
	return put_user(ns_to_timespec(ns), to);
}

long sys_clock_gettime(const uint64_t *a)
{
	uint64_t ns;
	long result = clock_now(a[0], &ns);

	return result ? result : put_timespec(ns, a[1]);
}

long sys_clock_getres(const uint64_t *a)
{
	uint64_t ns;
	long result = clock_now(a[0], &ns);

	return result || !a[1] ? result : put_timespec(1, a[1]);
}

long sys_clock_settime(const uint64_t *a)
{
	return -EPERM;
}

long sys_gettimeofday(const uint64_t *a)
{
	uint64_t ns = time_realtime();
	struct timeval now = {(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC / 1000)};
	uint64_t zone = 0;

	if (a[0] && put_user(now, a[0]))
		return -EFAULT;
	return a[1] ? put_user(zone, a[1]) : 0;
}

long sys_time(const uint64_t *a)
{
	int64_t now = (int64_t)(time_realtime() / NSEC_PER_SEC);

	return a[0] && put_user(now, a[0]) ? -EFAULT : now;
}

/* --- sleeping --------------------------------------------------------------------------------- */

/* What a relative sleep left undone goes to the program; the sleep itself may be continued. */
static long report_rest(uint64_t deadline, uint64_t rest)
{
	uint64_t now = time_monotonic();

	if (rest && put_timespec(deadline > now ? deadline - now : 0, rest))
		return -EFAULT;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_until(uint64_t deadline)
{
	struct wait_queue never = WAIT_QUEUE_INIT(never);
	long result = wait_event_timeout(&never, false, deadline);

	return result == -ETIMEDOUT ? 0 : result;
}

static long restart_sleep(struct task *task)
{
	long result = sleep_until(task->restart_args[0]);

	return result ? report_rest(task->restart_args[0], task->restart_args[1]) : 0;
}

static long sleep_relative(uint64_t ns, uint64_t rest)
{
	struct task *task = current;
	uint64_t deadline = time_monotonic() + ns;
	long result = sleep_until(deadline);

	if (!result)
		return 0;
	task->restart = restart_sleep;
	task->restart_args[0] = deadline;
	task->restart_args[1] = rest;
	return report_rest(deadline, rest);
}

long sys_nanosleep(const uint64_t *a)
{
	struct timespec time;
	uint64_t ns;

	if (get_user(time, a[0]))
		return -EFAULT;
	return timespec_to_ns(&time, &ns) ? sleep_relative(ns, a[1]) : -EINVAL;
}

long sys_clock_nanosleep(const uint64_t *a)
{
	struct timespec time;
	uint64_t ns, now;
	long result = clock_now(a[0], &now);

	if (result || a[0] == CLOCK_THREAD_CPUTIME || a[0] == CLOCK_PROCESS_CPUTIME)
		return -EINVAL;
	if (get_user(time, a[2]))
		return -EFAULT;
	if (!timespec_to_ns(&time, &ns))
		return -EINVAL;
	if (!(a[1] & TIMER_ABSTIME))
		return sleep_relative(ns, a[3]);
	if (ns <= now)
		return 0;
	result = sleep_until(time_monotonic() + (ns - now));
	return result ? -ERESTARTNOHAND : 0;
}

long sys_restart_syscall(const uint64_t *a)
{
	return current->restart ? current->restart(current) : -EINTR;
}

/* --- interval timers: ITIMER_REAL ------------------------------------------------------------- */

struct itimerval {
	struct timeval interval, value;
};

/* In the interrupt. */
void real_timer_expired(struct timer *timer)
{
	struct process *process = container_of(timer, struct process, real_timer);
	struct siginfo info = {.signo = SIGALRM, .code = SI_KERNEL};

	send_signal(process, &info);
	if (process->real_interval)
		timer_start(timer, timer->deadline + process->real_interval);
	else
		timer->deadline = 0;
}

static struct timeval ns_to_timeval(uint64_t ns)
{
	return (struct timeval){(int64_t)(ns / NSEC_PER_SEC), (int64_t)(ns % NSEC_PER_SEC / 1000)};
}

static bool timeval_to_ns(const struct timeval *time, uint64_t *out_ns)
{
	struct timespec spec = {time->sec, time->usec * 1000};

	return time->usec < 1000000 && timespec_to_ns(&spec, out_ns);
}

static uint64_t real_timer_left(const struct process *process)
{
	uint64_t now = time_monotonic();

	return process->real_timer.deadline > now ? process->real_timer.deadline - now : 0;
}

static void real_timer_set(struct process *process, uint64_t value, uint64_t interval)
{
	timer_stop(&process->real_timer);
	process->real_timer.deadline = 0;
	process->real_interval = interval;
	if (value)
		timer_start(&process->real_timer, time_monotonic() + value);
}

long sys_getitimer(const uint64_t *a)
{
	struct itimerval now = {ns_to_timeval(current->process->real_interval),
				ns_to_timeval(real_timer_left(current->process))};

	if (a[0] > 2)
		return -EINVAL;
	if (a[0])
		memset(&now, 0, sizeof(now));
	return put_user(now, a[1]);
}

long sys_setitimer(const uint64_t *a)
{
	struct process *process = current->process;
	struct itimerval new = {0}, old = {ns_to_timeval(process->real_interval),
					   ns_to_timeval(real_timer_left(process))};
	uint64_t value, interval;

	if (a[0] > 2)
		return -EINVAL;
	if (a[1] && get_user(new, a[1]))
		return -EFAULT;
	if (!timeval_to_ns(&new.value, &value) || !timeval_to_ns(&new.interval, &interval))
		return -EINVAL;
	if (a[0])
		return value ? -EOPNOTSUPP : 0; /* timers of CPU time are not kept */
	real_timer_set(process, value, interval);
	return a[2] ? put_user(old, a[2]) : 0;
}

long sys_alarm(const uint64_t *a)
{
	uint64_t left = real_timer_left(current->process);

	real_timer_set(current->process, (a[0] & 0xffffffff) * NSEC_PER_SEC, 0);
	return (long)((left + NSEC_PER_SEC / 2) / NSEC_PER_SEC + (left && left < NSEC_PER_SEC / 2));
}

/* --- usage ------------------------------------------------------------------------------------ */

struct rusage {
	struct timeval user, system;
	int64_t max_rss, shared, data, stack, minor, major, swaps, in_blocks, out_blocks, sent, received,
	    signals;
	int64_t voluntary, involuntary;
};

long usage_to_user(const struct usage *usage, uint64_t to)
{
	struct rusage r = {
	    .user = ns_to_timeval(usage->user_ns),
	    .system = ns_to_timeval(usage->system_ns),
	    .max_rss = (int64_t)(usage->rss_peak * (PAGE_SIZE / 1024)),
	    .minor = (int64_t)usage->minor,
	    .major = (int64_t)usage->major,
	    .voluntary = (int64_t)usage->voluntary,
	    .involuntary = (int64_t)usage->involuntary,
	};

	return put_user(r, to);
}

long sys_getrusage(const uint64_t *a)
{
	enum {
		SELF = 0,
		CHILDREN = -1,
		THREAD = 1
	};
	struct usage usage;

	account_time(false);
	switch ((int)a[0]) {
	case SELF:
		process_usage(current->process, &usage);
		break;
	case CHILDREN:
		spin_lock(&proc_lock);
		usage = current->process->children_usage;
		spin_unlock(&proc_lock);
		break;
	case THREAD:
		process_usage(current->process, &usage);
		current->usage.rss_peak = usage.rss_peak;
		usage = current->usage;
		break;
	default:
		return -EINVAL;
	}
	return usage_to_user(&usage, a[1]);
}

long sys_times(const uint64_t *a)
{
	const struct usage *children = &current->process->children_usage;
	struct usage own;
	int64_t times[4];

	account_time(false);
	process_usage(current->process, &own);
	times[0] = (int64_t)(own.user_ns / NSEC_PER_TICK);
	times[1] = (int64_t)(own.system_ns / NSEC_PER_TICK);
	times[2] = (int64_t)(children->user_ns / NSEC_PER_TICK);
	times[3] = (int64_t)(children->system_ns / NSEC_PER_TICK);
	if (a[0] && copy_to_user(a[0], times, sizeof(times)))
		return -EFAULT;
	return (long)(time_monotonic() / NSEC_PER_TICK);
}
