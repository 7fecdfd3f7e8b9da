/* SPDX-License-Identifier: MIT */
/* eventfd(2): a counter that is read, written and waited for. */
#include "fs/fs.h"

#include "abi/functions.h"

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
	wake_up_poll(&event->queue, POLLOUT | POLLWRNORM);
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
	wake_up_poll(&event->queue, POLLIN | POLLRDNORM);
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

long sys_eventfd(const abi_ulong *a)
{
	return event_new((unsigned)a[0], 0);
}

long sys_eventfd2(const abi_ulong *a)
{
	return event_new((unsigned)a[0], (unsigned)a[1]);
}
