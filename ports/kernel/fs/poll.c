/* SPDX-License-Identifier: MIT */
/* Waiting for several files: poll and select.
 *
 * Every file adds its wait queues to a set once; then the files are asked again after each wake-up. */
#include "fs/fs.h"

#include "abi/elf.h"
#include "abi/functions.h"

void poll_wait(struct poll_set *set, struct wait_queue *queue)
{
	struct waiter *waiter;

	if (!set || set->count >= set->room)
		return;
	waiter = &set->waiter[set->count++];
	if (!set->notify) {
		wait_add(queue, waiter);
		return;
	}
	*waiter = (struct waiter){.notify = set->notify, .owner = set->owner, .exclusive = set->exclusive};
	wait_add_notify(queue, waiter);
}

unsigned file_ready(struct file *file, struct poll_set *set)
{
	if (!file->ops->poll)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return file->ops->poll(file, set);
}

static long ask(struct watch *watch, size_t count, struct poll_set *set)
{
	long ready = 0;

	for (size_t i = 0; i < count; i++) {
		if (!watch[i].file) {
			ready += watch[i].ready != 0;
			continue;
		}
		watch[i].ready = file_ready(watch[i].file, set) & (watch[i].events | POLLERR | POLLHUP);
		ready += watch[i].ready != 0;
	}
	return ready;
}

/* The number of files that are ready, 0 at the deadline, -ERESTARTSYS on a signal, -ENOMEM. */
long wait_ready(struct watch *watch, size_t count, uint64_t deadline)
{
	struct poll_set set = {.room = count * POLL_QUEUES};
	long ready, result = 0;

	ready = ask(watch, count, NULL);
	if (ready || deadline == 0)
		return ready;
	if (count) {
		set.waiter = kmalloc(set.room * sizeof(*set.waiter));
		if (!set.waiter)
			return -ENOMEM;
	}
	ask(watch, count, &set);
	for (;;) {
		wait_prepare(WAIT_INTERRUPTIBLE);
		ready = ask(watch, count, NULL);
		if (ready || result)
			break;
		result = wait_block(deadline);
	}
	wait_finish();
	for (size_t i = 0; i < set.count; i++)
		wait_remove(&set.waiter[i]);
	kfree(set.waiter);
	return ready ? ready : result == -ETIMEDOUT ? 0 : result;
}

uint64_t deadline_after(uint64_t ns)
{
	uint64_t now = time_monotonic();

	return ns == 0 ? 0 : ns > NO_DEADLINE - 1 - now ? NO_DEADLINE - 1 : now + ns;
}

/* A timeout of a program: NULL waits without limit. */
long deadline_from_user(uint64_t user_time, unsigned width, uint64_t *out_deadline)
{
	struct timespec time;
	uint64_t ns;

	*out_deadline = NO_DEADLINE;
	if (!user_time)
		return 0;
	if (timespec_from_user(&time, user_time, width))
		return -EFAULT;
	if (!timespec_to_ns(&time, &ns))
		return -EINVAL;
	*out_deadline = deadline_after(ns);
	return 0;
}

/* --- poll ------------------------------------------------------------------------------------------ */

static void watch_fds(struct watch *watch, const struct abi_pollfd *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		watch[i] = (struct watch){.events = (uint16_t)fds[i].events};
		if (fds[i].fd < 0)
			continue;
		watch[i].file = file_of(fds[i].fd);
		if (!watch[i].file)
			watch[i].ready = POLLNVAL;
	}
}

static long poll_fds(uint64_t user_fds, size_t count, uint64_t deadline)
{
	struct abi_pollfd *fds = NULL;
	struct watch *watch = NULL;
	long result = -ENOMEM;

	if (count > current->process->rlimit[RLIMIT_NOFILE].soft || count > 65536)
		return -EINVAL;
	if (count) {
		fds = kmalloc(count * sizeof(*fds));
		watch = kmalloc(count * sizeof(*watch));
		if (!fds || !watch)
			goto out;
		result = copy_from_user(fds, user_fds, count * sizeof(*fds));
		if (result)
			goto out;
	}
	watch_fds(watch, fds, count);
	result = wait_ready(watch, count, deadline);
	for (size_t i = 0; i < count; i++) {
		fds[i].revents = (int16_t)watch[i].ready;
		file_put(watch[i].file);
	}
	if (result >= 0 && count && copy_to_user(user_fds, fds, count * sizeof(*fds)))
		result = -EFAULT;
out:
	kfree(fds);
	kfree(watch);
	return result;
}

long sys_poll(const abi_ulong *a)
{
	int ms = (int)a[2];
	long result =
	    poll_fds(a[0], (unsigned)a[1], ms < 0 ? NO_DEADLINE : deadline_after((uint64_t)ms * 1000000));

	return result == -ERESTARTSYS ? -EINTR : result;
}

/* The wait is over: a signal keeps the temporary mask until its handler has run. */
long end_masked(long result)
{
	if (result == -ERESTARTSYS)
		return -EINTR;
	drop_temporary_mask();
	return result;
}

static long ppoll(const abi_ulong *a, unsigned width)
{
	uint64_t deadline;
	long result = deadline_from_user(a[2], width, &deadline);

	if (!result)
		result = set_temporary_mask(a[3], a[4]);
	if (result)
		return result;
	return end_masked(poll_fds(a[0], (unsigned)a[1], deadline));
}

long sys_ppoll(const abi_ulong *a)
{
	return ppoll(a, ABI_LONG_BYTES);
}

#if ABI_LONG_BYTES == 4
long sys_ppoll_time64(const abi_ulong *a)
{
	return ppoll(a, 8);
}
#endif

/* --- select ---------------------------------------------------------------------------------------- */

enum {
	SELECT_MAX = 1024,
	SET_BYTES = SELECT_MAX / 8
};

static const unsigned set_events[3] = {POLLIN | POLLRDNORM | POLLHUP | POLLERR,
				       POLLOUT | POLLWRNORM | POLLERR, POLLPRI};

struct selection {
	uint8_t in[3][SET_BYTES], out[3][SET_BYTES];
	struct watch watch[SELECT_MAX];
	int fd[SELECT_MAX];
};

static bool has_bit(const uint8_t *set, unsigned bit)
{
	return set[bit / 8] >> bit % 8 & 1;
}

static long watch_sets(struct selection *s, unsigned n, size_t *out_count)
{
	size_t count = 0;

	for (unsigned fd = 0; fd < n; fd++) {
		unsigned events = 0;

		for (unsigned i = 0; i < 3; i++)
			if (has_bit(s->in[i], fd))
				events |= set_events[i];
		if (!events)
			continue;
		s->watch[count] = (struct watch){.file = file_of((int)fd), .events = events};
		s->fd[count] = (int)fd;
		*out_count = count;
		if (!s->watch[count].file)
			return -EBADF;
		*out_count = ++count;
	}
	return 0;
}

static long select_sets(struct selection *s, unsigned n, uint64_t deadline)
{
	long bits = 0, result;
	size_t count = 0;

	result = watch_sets(s, n, &count);
	if (!result)
		result = wait_ready(s->watch, count, deadline);
	for (size_t k = 0; k < count; k++) {
		unsigned fd = (unsigned)s->fd[k];

		for (unsigned i = 0; i < 3 && result >= 0; i++)
			if (has_bit(s->in[i], fd) && (s->watch[k].ready & set_events[i])) {
				s->out[i][fd / 8] |= (uint8_t)(1u << fd % 8);
				bits++;
			}
		file_put(s->watch[k].file);
	}
	return result < 0 ? result : bits;
}

static long select_user(const abi_ulong *a, uint64_t deadline)
{
	unsigned n = MIN((unsigned)a[0], (unsigned)SELECT_MAX);
	size_t bytes = ALIGN_UP((size_t)n, (size_t)ABI_LONG_BITS) / 8;
	struct selection *s;
	long result = 0;

	if ((int)a[0] < 0)
		return -EINVAL;
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	for (unsigned i = 0; i < 3 && !result; i++)
		if (a[i + 1])
			result = copy_from_user(s->in[i], a[i + 1], bytes);
	if (!result)
		result = select_sets(s, n, deadline);
	for (unsigned i = 0; i < 3 && result >= 0; i++)
		if (a[i + 1] && copy_to_user(a[i + 1], s->out[i], bytes))
			result = -EFAULT;
	kfree(s);
	return result;
}

static uint64_t time_left(uint64_t deadline)
{
	uint64_t now = time_monotonic();

	return deadline > now ? deadline - now : 0;
}

long sys_select(const abi_ulong *a)
{
	uint64_t deadline = NO_DEADLINE;
	struct timeval time;
	long result;

	if (a[4]) {
		if (timeval_from_user(&time, a[4]))
			return -EFAULT;
		if (time.sec < 0 || time.usec < 0)
			return -EINVAL;
		deadline = deadline_after((uint64_t)MIN(time.sec, (int64_t)1000000000) * NSEC_PER_SEC +
					  (uint64_t)MIN(time.usec, (int64_t)1000000000) * 1000);
	}
	result = select_user(a, deadline);
	if (a[4] && !(current->process->personality & STICKY_TIMEOUTS)) {
		struct abi_timeval left = ns_to_timeval(time_left(deadline));

		(void)put_user(left, a[4]); /* the answer counts, not this: as on Linux */
	}
	return result == -ERESTARTSYS ? -EINTR : result;
}

static long pselect6(const abi_ulong *a, unsigned width)
{
	abi_ulong mask[2] = {0, 0};
	uint64_t deadline;
	long result = deadline_from_user(a[4], width, &deadline);

	if (!result && a[5])
		result = copy_from_user(mask, a[5], sizeof(mask));
	if (!result && mask[0])
		result = set_temporary_mask(mask[0], mask[1]);
	if (result)
		return result;
	result = select_user(a, deadline);
	if (a[4] && !(current->process->personality & STICKY_TIMEOUTS))
		(void)timespec_to_user(time_left(deadline), a[4], width);
	return mask[0] ? end_masked(result) : result == -ERESTARTSYS ? -EINTR : result;
}

long sys_pselect6(const abi_ulong *a)
{
	return pselect6(a, ABI_LONG_BYTES);
}

#if ABI_LONG_BYTES == 4
long sys_pselect6_time64(const abi_ulong *a)
{
	return pselect6(a, 8);
}
#endif
