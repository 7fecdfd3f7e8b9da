/* SPDX-License-Identifier: MIT */
/* The system calls about time and usage: clocks, sleeping, interval timers, rusage. */
#include "abi/resource.h"
#include "kern/process.h"
#include "abi/functions.h"
#include "kern/uaccess.h"

#define NSEC_PER_TICK (NSEC_PER_SEC / ABI_TICKS_PER_SECOND)

/* --- times of programs ------------------------------------------------------------------------ */

int timespec_from_user(struct timespec *out, uint64_t from, unsigned width)
{
	struct abi_timespec native;

	if (width > sizeof(native.sec)) {
		if (get_user(*out, from))
			return -EFAULT;
		out->nsec = (abi_long)out->nsec; /* the program's long: what is above it is padding */
		return 0;
	}
	if (get_user(native, from))
		return -EFAULT;
	*out = (struct timespec){native.sec, native.nsec};
	return 0;
}

int timespec_to_user(uint64_t ns, uint64_t to, unsigned width)
{
	struct timespec time = ns_to_timespec(ns);
	struct abi_timespec native = {(abi_long)time.sec, (abi_long)time.nsec};

	return width > sizeof(native.sec) ? put_user(time, to) : put_user(native, to);
}

int timeval_from_user(struct timeval *out, uint64_t from)
{
	struct abi_timeval native;

	if (get_user(native, from))
		return -EFAULT;
	*out = (struct timeval){native.sec, native.usec};
	return 0;
}

struct abi_timeval ns_to_timeval(uint64_t ns)
{
	return (struct abi_timeval){(abi_long)(ns / NSEC_PER_SEC), (abi_long)(ns % NSEC_PER_SEC / 1000)};
}

/* --- clocks ----------------------------------------------------------------------------------- */

/* The clocks of clock_getcpuclockid(3): ~pid << 3, 4 for a thread's, and which of its times: 0 and 2 are all of it,
 * 1 is what it spent in its program. pid 0: the caller's. */
static long cpu_clock(int32_t id, uint64_t *out_ns)
{
	pid_t pid = ~(id >> 3);
	struct process *process = current->process;
	struct task *task = current;
	struct usage usage = {0};
	bool found = true;

	if ((id & 3) == 3)
		return -EINVAL;
	account_time(false);
	spin_lock(&proc_lock);
	if (id & 4) {
		if (pid)
			task = task_find_locked(pid);
		found = task && task->process == process;
		if (found)
			usage = task->usage;
	} else {
		if (pid)
			process = process_find_locked(pid);
		found = process;
		if (found)
			process_usage_locked(process, &usage);
	}
	spin_unlock(&proc_lock);
	*out_ns = usage.user_ns + ((id & 3) == 1 ? 0 : usage.system_ns);
	return found ? 0 : -EINVAL;
}

static long clock_now(uint64_t id, uint64_t *out_ns)
{
	struct usage usage;

	if ((int32_t)id < 0)
		return cpu_clock((int32_t)id, out_ns);
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

static long clock_gettime(const abi_ulong *a, unsigned width)
{
	uint64_t ns;
	long result = clock_now(a[0], &ns);

	return result ? result : timespec_to_user(ns, a[1], width);
}

static long clock_getres(const abi_ulong *a, unsigned width)
{
	uint64_t ns;
	long result = clock_now(a[0], &ns);

	return result || !a[1] ? result : timespec_to_user(1, a[1], width);
}

long sys_clock_gettime(const abi_ulong *a)
{
	return clock_gettime(a, ABI_LONG_BYTES);
}

long sys_clock_getres(const abi_ulong *a)
{
	return clock_getres(a, ABI_LONG_BYTES);
}

long sys_clock_settime(const abi_ulong *a)
{
	return -EPERM;
}

long sys_gettimeofday(const abi_ulong *a)
{
	struct abi_timeval now = ns_to_timeval(time_realtime());
	uint64_t zone = 0;

	if (a[0] && put_user(now, a[0]))
		return -EFAULT;
	return a[1] ? put_user(zone, a[1]) : 0;
}

long sys_time(const abi_ulong *a)
{
	abi_long now = (abi_long)(time_realtime() / NSEC_PER_SEC);

	return a[0] && put_user(now, a[0]) ? -EFAULT : now;
}

/* --- sleeping --------------------------------------------------------------------------------- */

/* What a relative sleep left undone goes to the program; the sleep itself may be continued. */
static long report_rest(uint64_t deadline, uint64_t rest, unsigned width)
{
	uint64_t now = time_monotonic();

	if (rest && timespec_to_user(deadline > now ? deadline - now : 0, rest, width))
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

	return result ? report_rest(task->restart_args[0], task->restart_args[1],
				    (unsigned)task->restart_args[2])
		      : 0;
}

static long sleep_relative(uint64_t ns, uint64_t rest, unsigned width)
{
	struct task *task = current;
	uint64_t deadline = time_monotonic() + ns;
	long result = sleep_until(deadline);

	if (!result)
		return 0;
	task->restart = restart_sleep;
	task->restart_args[0] = deadline;
	task->restart_args[1] = rest;
	task->restart_args[2] = width;
	return report_rest(deadline, rest, width);
}

long sys_nanosleep(const abi_ulong *a)
{
	struct timespec time;
	uint64_t ns;

	if (timespec_from_user(&time, a[0], ABI_LONG_BYTES))
		return -EFAULT;
	return timespec_to_ns(&time, &ns) ? sleep_relative(ns, a[1], ABI_LONG_BYTES) : -EINVAL;
}

static long clock_nanosleep(const abi_ulong *a, unsigned width)
{
	struct timespec time;
	uint64_t ns, now;
	long result = clock_now(a[0], &now);

	if (a[0] == CLOCK_THREAD_CPUTIME)
		return -EOPNOTSUPP;
	if (result || a[0] == CLOCK_PROCESS_CPUTIME)
		return -EINVAL;
	if (timespec_from_user(&time, a[2], width))
		return -EFAULT;
	if (!timespec_to_ns(&time, &ns))
		return -EINVAL;
	if (!(a[1] & TIMER_ABSTIME))
		return sleep_relative(ns, a[3], width);
	if (ns <= now)
		return 0;
	result = sleep_until(time_monotonic() + (ns - now));
	return result ? -ERESTARTNOHAND : 0;
}

long sys_clock_nanosleep(const abi_ulong *a)
{
	return clock_nanosleep(a, ABI_LONG_BYTES);
}

#if ABI_LONG_BYTES == 4
long sys_clock_gettime64(const abi_ulong *a)
{
	return clock_gettime(a, 8);
}

long sys_clock_getres_time64(const abi_ulong *a)
{
	return clock_getres(a, 8);
}

long sys_clock_nanosleep_time64(const abi_ulong *a)
{
	return clock_nanosleep(a, 8);
}
#endif

long sys_restart_syscall(const abi_ulong *a)
{
	return current->restart ? current->restart(current) : -EINTR;
}

/* --- interval timers: ITIMER_REAL ------------------------------------------------------------- */

/* In the interrupt. */
/* RLIMIT_CPU, in seconds: SIGXCPU at the soft limit and each second from then on, SIGKILL at the hard one. As on
 * Linux, what getrlimit(2) tells of the soft limit moves on with it. Interrupt context. */
void limit_cpu_time(void)
{
	struct process *process = current->process;
	struct siginfo info = {.code = SI_KERNEL};
	struct usage usage;
	struct rlimit *limit;
	uint64_t seconds;

	/* A thread that is leaving may have put its process already. */
	if (!process || current->exiting || process->rlimit[RLIMIT_CPU].soft == UINT64_MAX)
		return;
	spin_lock(&proc_lock);
	limit = &process->rlimit[RLIMIT_CPU];
	process_usage_locked(process, &usage);
	seconds = (usage.user_ns + usage.system_ns) / NSEC_PER_SEC;
	if (seconds >= limit->hard) {
		info.signo = SIGKILL;
	} else if (seconds >= limit->soft) {
		info.signo = SIGXCPU;
		limit->soft = seconds + 1;
	}
	if (info.signo)
		send_signal_locked(process, &info);
	spin_unlock(&proc_lock);
}

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

static bool timeval_to_ns(const struct abi_timeval *time, uint64_t *out_ns)
{
	struct timespec spec = {time->sec, (int64_t)time->usec * 1000};

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

long sys_getitimer(const abi_ulong *a)
{
	struct abi_itimerval now = {ns_to_timeval(current->process->real_interval),
				    ns_to_timeval(real_timer_left(current->process))};

	if (a[0] > ITIMER_LAST)
		return -EINVAL;
	if (a[0] != ITIMER_REAL)
		memset(&now, 0, sizeof(now));
	return put_user(now, a[1]);
}

long sys_setitimer(const abi_ulong *a)
{
	struct process *process = current->process;
	struct abi_itimerval new = {0}, old = {ns_to_timeval(process->real_interval),
					       ns_to_timeval(real_timer_left(process))};
	uint64_t value, interval;

	if (a[0] > ITIMER_LAST)
		return -EINVAL;
	if (a[1] && get_user(new, a[1]))
		return -EFAULT;
	if (!timeval_to_ns(&new.value, &value) || !timeval_to_ns(&new.interval, &interval))
		return -EINVAL;
	if (a[0] != ITIMER_REAL)
		return value ? -EOPNOTSUPP : 0; /* timers of CPU time are not kept */
	real_timer_set(process, value, interval);
	return a[2] ? put_user(old, a[2]) : 0;
}

long sys_alarm(const abi_ulong *a)
{
	uint64_t left = real_timer_left(current->process);

	real_timer_set(current->process, (a[0] & 0xffffffff) * NSEC_PER_SEC, 0);
	return (long)((left + NSEC_PER_SEC / 2) / NSEC_PER_SEC + (left && left < NSEC_PER_SEC / 2));
}

/* --- usage ------------------------------------------------------------------------------------ */

long usage_to_user(const struct usage *usage, uint64_t to)
{
	struct abi_rusage r = {
	    .user = ns_to_timeval(usage->user_ns),
	    .system = ns_to_timeval(usage->system_ns),
	    .max_rss = (abi_long)(usage->rss_peak * (PAGE_SIZE / 1024)),
	    .minor = (abi_long)usage->minor,
	    .major = (abi_long)usage->major,
	    .voluntary = (abi_long)usage->voluntary,
	    .involuntary = (abi_long)usage->involuntary,
	};

	return put_user(r, to);
}

long sys_getrusage(const abi_ulong *a)
{
	struct usage usage;

	account_time(false);
	switch ((int)a[0]) {
	case RUSAGE_SELF:
		process_usage(current->process, &usage);
		break;
	case RUSAGE_CHILDREN:
		spin_lock(&proc_lock);
		usage = current->process->children_usage;
		spin_unlock(&proc_lock);
		break;
	case RUSAGE_THREAD:
		process_usage(current->process, &usage);
		current->usage.rss_peak = usage.rss_peak;
		usage = current->usage;
		break;
	default:
		return -EINVAL;
	}
	return usage_to_user(&usage, a[1]);
}

long sys_times(const abi_ulong *a)
{
	const struct usage *children = &current->process->children_usage;
	struct usage own;
	abi_long times[4];

	account_time(false);
	process_usage(current->process, &own);
	times[0] = (abi_long)(own.user_ns / NSEC_PER_TICK);
	times[1] = (abi_long)(own.system_ns / NSEC_PER_TICK);
	times[2] = (abi_long)(children->user_ns / NSEC_PER_TICK);
	times[3] = (abi_long)(children->system_ns / NSEC_PER_TICK);
	if (a[0] && copy_to_user(a[0], times, sizeof(times)))
		return -EFAULT;
	return (long)(time_monotonic() / NSEC_PER_TICK);
}
