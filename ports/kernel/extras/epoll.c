/* SPDX-License-Identifier: MIT */
/* epoll, as a list of interests that is polled, and eventfd.
 *
 * Edge-triggered interests are reported as level-triggered ones: more often than on Linux, never less. */
#include "fs/fs.h"

#include "abi/functions.h"

struct interest {
	struct list link;
	int fd;
	struct file *file; /* no reference: it leaves with the last descriptor's look-up below */
	uint32_t events;
	uint64_t data;
};

struct epoll {
	struct mutex lock;
	struct list interests;
	size_t count;
};

#define EPOLL_MOST 4096

static void epoll_release(struct file *file)
{
	struct epoll *epoll = file->private;
	struct interest *at, *after;

	list_for_each_safe (at, after, &epoll->interests, link)
		kfree(at);
	kfree(epoll);
}

static const struct file_ops epoll_ops = {.release = epoll_release, .stream = true};

static long epoll_new(unsigned flags)
{
	struct epoll *epoll = kzalloc(sizeof(*epoll));
	struct file *file;
	long result;

	if (!epoll)
		return -ENOMEM;
	mutex_init(&epoll->lock);
	list_init(&epoll->interests);
	file = file_create_anonymous(0600, "anon_inode:[eventpoll]", O_RDWR, &epoll_ops, epoll);
	if (!file) {
		kfree(epoll);
		return -ENOMEM;
	}
	result = fd_install(file, flags & O_CLOEXEC);
	if (result < 0)
		file_put(file);
	return result;
}

long sys_epoll_create(const uint64_t *a)
{
	return (int)a[0] <= 0 ? -EINVAL : epoll_new(0);
}

long sys_epoll_create1(const uint64_t *a)
{
	return a[0] & ~(uint64_t)O_CLOEXEC ? -EINVAL : epoll_new((unsigned)a[0]);
}

static struct interest *find_interest(struct epoll *epoll, int fd, struct file *file)
{
	struct interest *at;

	list_for_each (at, &epoll->interests, link)
		if (at->fd == fd && at->file == file)
			return at;
	return NULL;
}

static long epoll_change(struct epoll *epoll, int operation, int fd, struct file *file,
			 const struct abi_epoll_event *event)
{
	struct interest *at = find_interest(epoll, fd, file);

	if (operation == EPOLL_CTL_ADD) {
		if (at)
			return -EEXIST;
		if (epoll->count == EPOLL_MOST)
			return -ENOSPC;
		at = kmalloc(sizeof(*at));
		if (!at)
			return -ENOMEM;
		*at = (struct interest){.fd = fd, .file = file, .events = event->events, .data = event->data};
		list_append(&epoll->interests, &at->link);
		epoll->count++;
		return 0;
	}
	if (!at)
		return -ENOENT;
	if (operation == EPOLL_CTL_DEL) {
		list_remove(&at->link);
		kfree(at);
		epoll->count--;
	} else {
		at->events = event->events;
		at->data = event->data;
	}
	return 0;
}

long sys_epoll_ctl(const uint64_t *a)
{
	struct abi_epoll_event event = {0};
	struct file *own, *file;
	int operation = (int)a[1];
	long result = 0;

	if (operation != EPOLL_CTL_DEL && copy_from_user(&event, a[3], sizeof(event)))
		return -EFAULT;
	own = file_of((int)a[0]);
	file = file_of((int)a[2]);
	if (!own || !file)
		result = -EBADF;
	else if (own->ops != &epoll_ops || operation < EPOLL_CTL_ADD || operation > EPOLL_CTL_MOD ||
		 file->ops == &epoll_ops)
		result = -EINVAL;
	else if (!file->ops->poll)
		result = -EPERM;
	if (!result) {
		struct epoll *epoll = own->private;

		mutex_lock(&epoll->lock);
		result = epoll_change(epoll, operation, (int)a[2], file, &event);
		mutex_unlock(&epoll->lock);
	}
	file_put(own);
	file_put(file);
	return result;
}

/* Lists what is watched now; drops interests whose descriptor was closed or reused. */
static size_t snapshot(struct epoll *epoll, struct watch *watch, uint64_t *data, int *fds, size_t room)
{
	struct interest *at, *after;
	size_t count = 0;

	mutex_lock(&epoll->lock);
	list_for_each_safe (at, after, &epoll->interests, link) {
		struct file *file = file_of(at->fd);

		if (file != at->file) {
			file_put(file);
			list_remove(&at->link);
			kfree(at);
			epoll->count--;
			continue;
		}
		if (!(at->events & EPOLL_EVENTS) || count == room) {
			file_put(file);
			continue;
		}
		watch[count] = (struct watch){.file = file, .events = at->events & EPOLL_EVENTS};
		data[count] = at->data;
		fds[count++] = at->fd;
	}
	mutex_unlock(&epoll->lock);
	return count;
}

static void disarm(struct epoll *epoll, int fd, struct file *file)
{
	struct interest *at;

	mutex_lock(&epoll->lock);
	at = find_interest(epoll, fd, file);
	if (at && (at->events & EPOLLONESHOT))
		at->events &= ~(uint32_t)EPOLL_EVENTS;
	mutex_unlock(&epoll->lock);
}

static long epoll_collect(struct epoll *epoll, uint64_t user_events, size_t most, uint64_t deadline)
{
	size_t room = epoll->count + 1, count;
	struct watch *watch = kmalloc(room * sizeof(*watch));
	uint64_t *data = kmalloc(room * sizeof(*data));
	int *fds = kmalloc(room * sizeof(*fds));
	long result = -ENOMEM, given = 0;

	if (!watch || !data || !fds)
		goto out;
	count = snapshot(epoll, watch, data, fds, room);
	result = wait_ready(watch, count, deadline);
	for (size_t i = 0; i < count; i++) {
		struct abi_epoll_event event = {.events = watch[i].ready, .data = data[i]};

		if (result > 0 && watch[i].ready && (size_t)given < most) {
			if (copy_to_user(user_events + (size_t)given * sizeof(event), &event, sizeof(event)))
				result = -EFAULT;
			else
				disarm(epoll, fds[i], watch[i].file);
			given++;
		}
		file_put(watch[i].file);
	}
	if (result > 0)
		result = given;
out:
	kfree(watch);
	kfree(data);
	kfree(fds);
	return result;
}

static long epoll_wait_until(int fd, uint64_t user_events, int most, uint64_t deadline)
{
	struct file *file = file_of(fd);
	long result;

	if (!file)
		return -EBADF;
	result = file->ops != &epoll_ops || most <= 0
		     ? -EINVAL
		     : epoll_collect(file->private, user_events, (size_t)most, deadline);
	file_put(file);
	return result;
}

static uint64_t deadline_ms(int ms)
{
	return ms < 0 ? NO_DEADLINE : deadline_after((uint64_t)ms * 1000000);
}

long sys_epoll_wait(const uint64_t *a)
{
	long result = epoll_wait_until((int)a[0], a[1], (int)a[2], deadline_ms((int)a[3]));

	return result == -ERESTARTSYS ? -EINTR : result;
}

long sys_epoll_pwait(const uint64_t *a)
{
	long result = set_temporary_mask(a[4], a[5]);

	if (result)
		return result;
	return end_masked(epoll_wait_until((int)a[0], a[1], (int)a[2], deadline_ms((int)a[3])));
}

/* --- eventfd --------------------------------------------------------------------------------------- */

struct event {
	struct spinlock lock;
	volatile uint64_t value;
	bool semaphore;
	struct wait_queue queue;
};

static long event_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	struct event *event = file->private;
	uint64_t value = 0;
	long result = 0;

	if (n < 8)
		return -EINVAL;
	spin_lock(&event->lock);
	if (!event->value)
		result = wait ? wait_event_lock(&event->queue, &event->lock, event->value) : -EAGAIN;
	if (!result) {
		value = event->semaphore ? 1 : event->value;
		event->value -= value;
	}
	spin_unlock(&event->lock);
	if (result)
		return result;
	wake_up(&event->queue);
	memcpy(to, &value, 8);
	return 8;
}

static long event_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	struct event *event = file->private;
	long result = 0;
	uint64_t value;

	if (n < 8)
		return -EINVAL;
	memcpy(&value, from, 8);
	if (value == UINT64_MAX)
		return -EINVAL;
	spin_lock(&event->lock);
	if (event->value > UINT64_MAX - 1 - value)
		result = wait ? wait_event_lock(&event->queue, &event->lock,
						event->value <= UINT64_MAX - 1 - value)
			      : -EAGAIN;
	if (!result)
		event->value += value;
	spin_unlock(&event->lock);
	if (result)
		return result;
	wake_up(&event->queue);
	return 8;
}

static unsigned event_poll(struct file *file, struct poll_set *set)
{
	struct event *event = file->private;

	poll_wait(set, &event->queue);
	return (event->value ? POLLIN | POLLRDNORM : 0) |
	       (event->value < UINT64_MAX - 1 ? POLLOUT | POLLWRNORM : 0);
}

static void event_release(struct file *file)
{
	kfree(file->private);
}

static const struct file_ops event_ops = {
    .read = event_read,
    .write = event_write,
    .poll = event_poll,
    .release = event_release,
    .stream = true,
};

static long event_new(unsigned value, unsigned flags)
{
	struct event *event;
	struct file *file;
	long result;

	if (flags & ~(unsigned)(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	event = kzalloc(sizeof(*event));
	if (!event)
		return -ENOMEM;
	event->value = value;
	event->semaphore = flags & EFD_SEMAPHORE;
	wait_queue_init(&event->queue);
	file = file_create_anonymous(0600, "anon_inode:[eventfd]", O_RDWR | (flags & O_NONBLOCK), &event_ops,
				     event);
	if (!file) {
		kfree(event);
		return -ENOMEM;
	}
	result = fd_install(file, flags & O_CLOEXEC);
	if (result < 0)
		file_put(file);
	return result;
}

long sys_eventfd(const uint64_t *a)
{
	return event_new((unsigned)a[0], 0);
}

long sys_eventfd2(const uint64_t *a)
{
	return event_new((unsigned)a[0], (unsigned)a[1]);
}
