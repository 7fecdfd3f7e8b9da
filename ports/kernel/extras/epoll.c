/* SPDX-License-Identifier: MIT */
/* epoll(7).
 *
 *   epoll ── interests ──► interest ◄── watchers ── file
 *     ▲                       │ waiters, told by the file's wait queues
 *     └── queue ◄─────────────┘ news is set, and who sleeps in epoll_wait is woken
 *
 * What is ready is asked of the files when epoll_wait looks. A level-triggered interest is asked every time; an
 * edge-triggered one only if there was news since it was last reported. An epoll file can be watched itself: it is
 * readable while something of it is ready.
 *
 * Locks, outermost first: watch_mutex (who watches whom: interests come and go under it), epoll->lock of an epoll file,
 * that of one inside it, wait queues. A wait queue's lock is held when news come: notify takes no lock but the queue's of
 * the epoll file, and there are no circles of epoll files. */
#include "fs/fs.h"

#include "abi/functions.h"

struct interest {
	struct list link;    /* epoll->interests: watch_mutex and epoll->lock */
	struct list watcher; /* file->watchers: watch_mutex */
	struct epoll *epoll;
	struct file *file; /* no reference: its end takes the interest away (epoll_forget) */
	int fd;
	uint32_t events; /* epoll->lock; no POLL* among them: disarmed */
	uint64_t data;   /* epoll->lock */
	uint32_t news;   /* atomic */
	unsigned queues;
	struct waiter waiter[POLL_QUEUES];
};

struct epoll {
	struct spinlock lock;
	struct list interests; /* those reported last are at the end */
	size_t count;
	struct wait_queue queue;
	struct file *file; /* its own, without a reference */
};

enum {
	EPOLL_MOST = 4096,
	NESTED_MOST = 4 /* steps from an epoll file to one inside it, to one inside that, and so on */
};

static struct mutex watch_mutex = MUTEX_INIT(watch_mutex);

/* --- what is ready --------------------------------------------------------------------------------- */

static bool notify(void *owner, unsigned events)
{
	struct interest *at = owner;

	if (!(events & at->events & EPOLL_EVENTS))
		return false;
	__atomic_store_n(&at->news, 1, __ATOMIC_SEQ_CST);
	return wake_up_poll(&at->epoll->queue, POLLIN | POLLRDNORM);
}

/* locked: epoll->lock. The events to report: all that hold, if it is not disarmed. */
static unsigned ready_events(const struct interest *at)
{
	if (at->events & EPOLLET && !__atomic_load_n(&at->news, __ATOMIC_SEQ_CST))
		return 0;
	return at->events & EPOLL_EVENTS ? file_ready(at->file, NULL) & at->events & EPOLL_EVENTS : 0;
}

/* The same; news that come from here on are for the next time. */
static unsigned take_events(struct interest *at)
{
	bool news = __atomic_exchange_n(&at->news, 0, __ATOMIC_SEQ_CST) != 0;

	if (at->events & EPOLLET && !news)
		return 0;
	return at->events & EPOLL_EVENTS ? file_ready(at->file, NULL) & at->events & EPOLL_EVENTS : 0;
}

static unsigned epoll_poll(struct file *file, struct poll_set *set)
{
	struct epoll *epoll = file->private;
	struct interest *at;
	unsigned ready = 0;

	poll_wait(set, &epoll->queue);
	spin_lock(&epoll->lock);
	list_for_each (at, &epoll->interests, link)
		if (ready_events(at)) {
			ready = POLLIN | POLLRDNORM;
			break;
		}
	spin_unlock(&epoll->lock);
	return ready;
}

/* Up to `most` events. What is reported goes to the end of the list, so that nothing waits for ever. */
static size_t collect(struct epoll *epoll, struct abi_epoll_event *events, size_t most)
{
	struct list reported = LIST_INIT(reported);
	struct interest *at, *after;
	size_t count = 0;

	spin_lock(&epoll->lock);
	list_for_each_safe (at, after, &epoll->interests, link) {
		unsigned ready;

		if (count == most)
			break;
		ready = take_events(at);
		if (!ready)
			continue;
		events[count++] = (struct abi_epoll_event){.events = ready, .data = at->data};
		if (at->events & EPOLLONESHOT)
			at->events &= ~(uint32_t)EPOLL_EVENTS;
		list_remove(&at->link);
		list_append(&reported, &at->link);
	}
	while (!list_empty(&reported)) {
		at = list_first(&reported, struct interest, link);
		list_remove(&at->link);
		list_append(&epoll->interests, &at->link);
	}
	spin_unlock(&epoll->lock);
	return count;
}

/* --- interests come and go; locked: watch_mutex ------------------------------------------------------ */

static void remove_interest(struct interest *at)
{
	struct epoll *epoll = at->epoll;

	spin_lock(&epoll->lock);
	list_remove(&at->link);
	epoll->count--;
	spin_unlock(&epoll->lock);
	list_remove(&at->watcher);
	for (unsigned i = 0; i < at->queues; i++)
		wait_remove(&at->waiter[i]);
	kfree(at);
}

static struct interest *find_interest(struct epoll *epoll, int fd, struct file *file)
{
	struct interest *at;

	list_for_each (at, &epoll->interests, link)
		if (at->fd == fd && at->file == file)
			return at;
	return NULL;
}

/* News are told before the first look, so that none are missed. */
static void rearm(struct interest *at, const struct abi_epoll_event *event)
{
	struct epoll *epoll = at->epoll;

	spin_lock(&epoll->lock);
	if (!(at->events & EPOLL_EVENTS)) {
		list_remove(&at->link);
		list_append(&epoll->interests, &at->link);
	}
	at->events = event->events | POLLERR | POLLHUP;
	at->data = event->data;
	spin_unlock(&epoll->lock);
	__atomic_store_n(&at->news, 1, __ATOMIC_SEQ_CST);
	if (file_ready(at->file, NULL) & at->events & EPOLL_EVENTS)
		wake_up_poll(&epoll->queue, POLLIN | POLLRDNORM);
}

static long add_interest(struct epoll *epoll, int fd, struct file *file, const struct abi_epoll_event *event)
{
	struct poll_set set = {.room = POLL_QUEUES, .notify = notify};
	struct interest *at;

	if (epoll->count == EPOLL_MOST)
		return -ENOSPC;
	at = kzalloc(sizeof(*at));
	if (!at)
		return -ENOMEM;
	at->epoll = epoll;
	at->file = file;
	at->fd = fd;
	list_append(&file->watchers, &at->watcher);
	spin_lock(&epoll->lock);
	list_append(&epoll->interests, &at->link);
	epoll->count++;
	spin_unlock(&epoll->lock);
	set.waiter = at->waiter;
	set.owner = at;
	set.exclusive = event->events & EPOLLEXCLUSIVE;
	(void)file_ready(file, &set);
	at->queues = (unsigned)set.count;
	rearm(at, event);
	return 0;
}

void epoll_forget(struct file *file)
{
	struct interest *at, *after;

	mutex_lock(&watch_mutex);
	list_for_each_safe (at, after, &file->watchers, watcher)
		remove_interest(at);
	mutex_unlock(&watch_mutex);
}

static void epoll_release(struct file *file)
{
	struct epoll *epoll = file->private;
	struct interest *at, *after;

	mutex_lock(&watch_mutex);
	list_for_each_safe (at, after, &epoll->interests, link)
		remove_interest(at);
	mutex_unlock(&watch_mutex);
	kfree(epoll);
}

static const struct file_ops epoll_ops = {.release = epoll_release, .poll = epoll_poll, .stream = true};

/* --- nesting; locked: watch_mutex ------------------------------------------------------------------- */

/* How many epoll files there are one inside the other below this one; more than enough when `avoid` is among them. */
static unsigned depth_below(const struct epoll *epoll, const struct epoll *avoid, unsigned level)
{
	const struct interest *at;
	unsigned depth = 0;

	if (epoll == avoid || level > NESTED_MOST)
		return NESTED_MOST + 1;
	list_for_each (at, &epoll->interests, link)
		if (at->file->ops == &epoll_ops)
			depth = MAX(depth, 1 + depth_below(at->file->private, avoid, level + 1));
	return depth;
}

static unsigned depth_above(const struct file *file, unsigned level)
{
	const struct interest *at;
	unsigned depth = 0;

	if (level > NESTED_MOST)
		return NESTED_MOST + 1;
	list_for_each (at, &file->watchers, watcher)
		depth = MAX(depth, 1 + depth_above(at->epoll->file, level + 1));
	return depth;
}

/* --- the system calls ------------------------------------------------------------------------------- */

static long epoll_new(unsigned flags)
{
	struct epoll *epoll = kzalloc(sizeof(*epoll));
	struct file *file;
	long result;

	if (!epoll)
		return -ENOMEM;
	list_init(&epoll->interests);
	wait_queue_init(&epoll->queue);
	file = file_create_anonymous(0600, "anon_inode:[eventpoll]", O_RDWR, &epoll_ops, epoll);
	if (!file) {
		kfree(epoll);
		return -ENOMEM;
	}
	epoll->file = file;
	result = fd_install(file, flags & O_CLOEXEC);
	if (result < 0)
		file_put(file);
	return result;
}

long sys_epoll_create(const abi_ulong *a)
{
	return (int)a[0] <= 0 ? -EINVAL : epoll_new(0);
}

long sys_epoll_create1(const abi_ulong *a)
{
	return a[0] & ~(uint64_t)O_CLOEXEC ? -EINVAL : epoll_new((unsigned)a[0]);
}

static bool exclusive_is_wrong(int operation, const struct file *file, uint32_t events)
{
	const uint32_t with = POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

	if (operation == EPOLL_CTL_DEL || !(events & EPOLLEXCLUSIVE))
		return false;
	return operation == EPOLL_CTL_MOD || file->ops == &epoll_ops || events & ~with;
}

/* locked: watch_mutex */
static long epoll_change(struct file *own, int operation, int fd, struct file *file,
			 const struct abi_epoll_event *event)
{
	struct epoll *epoll = own->private;
	struct interest *at;

	if (operation == EPOLL_CTL_ADD && file->ops == &epoll_ops &&
	    1 + depth_above(own, 0) + depth_below(file->private, epoll, 0) > NESTED_MOST)
		return -ELOOP;
	at = find_interest(epoll, fd, file);
	switch (operation) {
	case EPOLL_CTL_ADD:
		return at ? -EEXIST : add_interest(epoll, fd, file, event);
	case EPOLL_CTL_DEL:
		if (at)
			remove_interest(at);
		return at ? 0 : -ENOENT;
	case EPOLL_CTL_MOD:
		if (at && at->events & EPOLLEXCLUSIVE)
			return -EINVAL;
		if (at)
			rearm(at, event);
		return at ? 0 : -ENOENT;
	default:
		return -EINVAL;
	}
}

long sys_epoll_ctl(const abi_ulong *a)
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
	else if (!file->ops->poll)
		result = -EPERM;
	else if (own == file || own->ops != &epoll_ops || exclusive_is_wrong(operation, file, event.events))
		result = -EINVAL;
	if (!result) {
		mutex_lock(&watch_mutex);
		result = epoll_change(own, operation, (int)a[2], file, &event);
		mutex_unlock(&watch_mutex);
	}
	file_put(own);
	file_put(file);
	return result;
}

/* Sleeps until there is something, and has it in `events`. The count; 0 at the deadline; -ERESTARTSYS. */
static long collect_until(struct epoll *epoll, struct abi_epoll_event *events, size_t most, uint64_t deadline)
{
	size_t count = collect(epoll, events, most);
	struct waiter waiter;
	long result = 0;

	if (count || !deadline)
		return (long)count;
	wait_add(&epoll->queue, &waiter);
	for (;;) {
		wait_prepare(WAIT_INTERRUPTIBLE);
		count = collect(epoll, events, most);
		if (count || result)
			break;
		result = wait_block(deadline);
	}
	wait_finish();
	wait_remove(&waiter);
	return count ? (long)count : result == -ETIMEDOUT ? 0 : result;
}

static long wait_events(struct epoll *epoll, uint64_t to, size_t most, uint64_t deadline)
{
	struct abi_epoll_event *events = kmalloc(most * sizeof(*events));
	long count = events ? collect_until(epoll, events, most, deadline) : -ENOMEM;

	if (count > 0 && copy_to_user(to, events, (size_t)count * sizeof(*events)))
		count = -EFAULT;
	kfree(events);
	return count;
}

static long epoll_wait_until(int fd, uint64_t user_events, int most, uint64_t deadline)
{
	struct file *file = file_of(fd);
	struct epoll *epoll;
	long result;

	if (!file)
		return -EBADF;
	epoll = file->private;
	if (file->ops != &epoll_ops || most <= 0 || most > INT32_MAX / (int)sizeof(struct abi_epoll_event))
		result = -EINVAL;
	else
		result = wait_events(epoll, user_events, MIN((size_t)most, epoll->count + 1), deadline);
	file_put(file);
	return result;
}

static uint64_t deadline_ms(int ms)
{
	return ms < 0 ? NO_DEADLINE : deadline_after((uint64_t)ms * 1000000);
}

long sys_epoll_wait(const abi_ulong *a)
{
	long result = epoll_wait_until((int)a[0], a[1], (int)a[2], deadline_ms((int)a[3]));

	return result == -ERESTARTSYS ? -EINTR : result;
}

static long masked_wait(const abi_ulong *a, uint64_t deadline)
{
	long result = set_temporary_mask(a[4], a[5]);

	return result ? result : end_masked(epoll_wait_until((int)a[0], a[1], (int)a[2], deadline));
}

long sys_epoll_pwait(const abi_ulong *a)
{
	return masked_wait(a, deadline_ms((int)a[3]));
}

long sys_epoll_pwait2(const abi_ulong *a)
{
	uint64_t deadline;
	long result = deadline_from_user(a[3], 8, &deadline);

	return result ? result : masked_wait(a, deadline);
}
