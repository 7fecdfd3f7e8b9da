/* SPDX-License-Identifier: MIT */
/* Record locks (fcntl: of processes and of open files) and whole-file locks (flock).
 *
 * Each inode has a list of locked ranges with their owners: the descriptor table for a process's locks,
 * the open file for OFD locks and flock. Setting a range first takes the owner's own locks out of it,
 * splitting those that reach beyond. One mutex guards all lists; waiters sleep on one queue and look
 * again after every release: locks are rare. */
#include "fs/fs.h"

#include "abi/functions.h"

enum space {
	RECORD,
	WHOLE
}; /* fcntl and flock do not see each other */

#define RANGE_END ((uint64_t)INT64_MAX)

struct range {
	struct list link;
	uint64_t start, end; /* the last byte belongs to it */
	const void *owner;
	pid_t pid; /* for F_GETLK; -1 for an open file's */
	uint8_t type, space;
};

static struct mutex locks_mutex = MUTEX_INIT(locks_mutex);
static struct wait_queue locks_queue = WAIT_QUEUE_INIT(locks_queue);
static volatile uint32_t releases; /* grows with every release */

/* The first in the file, as F_GETLK tells it. */
static struct range *conflict(struct inode *inode, const struct range *want)
{
	struct range *at, *first = NULL;

	list_for_each (at, &inode->record_locks, link)
		if (at->space == want->space && at->owner != want->owner && at->start <= want->end &&
		    at->end >= want->start && (at->type == F_WRLCK || want->type == F_WRLCK) &&
		    (!first || at->start < first->start))
			first = at;
	return first;
}

/* Who waits for what: on the stack of set_range(), while it waits. */
struct lock_waiter {
	struct list link;
	struct inode *inode;
	const struct range *want;
};
static struct list waiters = LIST_INIT(waiters); /* locks_mutex */

static const struct lock_waiter *waiter_of(const void *owner)
{
	struct lock_waiter *at;

	list_for_each (at, &waiters, link)
		if (at->want->owner == owner)
			return at;
	return NULL;
}

/* Whether waiting for `blocker` would be waiting for oneself. A lock of an open file is left out, as on Linux:
 * whoever waits for it need not be who releases it. */
static bool is_deadlock(const struct range *want, const struct range *blocker)
{
	if (want->space != RECORD || want->pid < 0)
		return false;
	for (unsigned steps = 0; blocker && blocker->pid >= 0 && steps < 10; steps++) {
		const struct lock_waiter *next = waiter_of(blocker->owner);

		blocker = next ? conflict(next->inode, next->want) : NULL;
		if (blocker && blocker->owner == want->owner)
			return true;
	}
	return false;
}

/* Takes [want.start, want.end] out of the owner's ranges. `spare` is used when one is split in two. */
static void carve(struct inode *inode, const struct range *want, struct range **spare)
{
	struct range *at, *after;

	list_for_each_safe (at, after, &inode->record_locks, link) {
		if (at->space != want->space || at->owner != want->owner || at->start > want->end ||
		    at->end < want->start)
			continue;
		if (at->start < want->start && at->end > want->end) {
			struct range *right = *spare;

			*spare = NULL;
			*right = *at;
			right->start = want->end + 1;
			list_insert(&at->link, &right->link);
			at->end = want->start - 1;
			return;
		}
		if (at->start < want->start) {
			at->end = want->start - 1;
		} else if (at->end > want->end) {
			at->start = want->end + 1;
		} else {
			list_remove(&at->link);
			kfree(at);
		}
	}
}

/* Neighbours of the same kind become one, so that lists stay short. */
static void join(struct inode *inode, struct range *new)
{
	struct range *at, *after;

	list_for_each_safe (at, after, &inode->record_locks, link) {
		if (at == new || at->owner != new->owner || at->space != new->space || at->type != new->type)
			continue;
		if (at->end + 1 == new->start)
			new->start = at->start;
		else if (new->end < RANGE_END &&new->end + 1 == at->start)
			new->end = at->end;
		else
			continue;
		list_remove(&at->link);
		kfree(at);
	}
}

static void released(void)
{
	__atomic_add_fetch(&releases, 1, __ATOMIC_RELEASE);
	wake_up(&locks_queue);
}

/* => locks_mutex is held; both spares are at hand, and taken when used. */
static void commit(struct inode *inode, const struct range *want, struct range **new, struct range **spare)
{
	carve(inode, want, spare);
	if (want->type != F_UNLCK) {
		**new = *want;
		list_append(&inode->record_locks, &(*new)->link);
		join(inode, *new);
		*new = NULL;
	}
	released();
}

static long set_range(struct inode *inode, const struct range *want, bool wait)
{
	struct range *new = kmalloc(sizeof(*new)), *spare = kmalloc(sizeof(*spare)), *blocker;
	struct lock_waiter waiter = {.inode = inode, .want = want};
	long result = new &&spare ? -EAGAIN : -ENOLCK;

	list_init(&waiter.link);
	while (result == -EAGAIN) {
		uint32_t seen = releases;

		mutex_lock(&locks_mutex);
		list_remove(&waiter.link);
		blocker = want->type == F_UNLCK ? NULL : conflict(inode, want);
		if (!blocker) {
			commit(inode, want, &new, &spare);
			result = 0;
		} else if (wait && is_deadlock(want, blocker)) {
			result = -EDEADLK;
		} else if (wait) {
			list_append(&waiters, &waiter.link);
		}
		mutex_unlock(&locks_mutex);
		if (result != -EAGAIN || !wait)
			break;
		result = wait_event(&locks_queue, releases != seen);
		if (!result)
			result = -EAGAIN;
	}
	mutex_lock(&locks_mutex);
	list_remove(&waiter.link);
	mutex_unlock(&locks_mutex);
	kfree(new);
	kfree(spare);
	return result;
}

void locks_drop_owner(struct inode *inode, const void *owner)
{
	struct range *at, *after;
	bool some = false;

	/* Whoever closes the file cannot miss a lock of its own: it was set before. */
	if (list_empty(&inode->record_locks))
		return;
	mutex_lock(&locks_mutex);
	list_for_each_safe (at, after, &inode->record_locks, link)
		if (at->owner == owner) {
			list_remove(&at->link);
			kfree(at);
			some = true;
		}
	mutex_unlock(&locks_mutex);
	if (some)
		released();
}

static long to_range(struct file *file, const struct abi_flock64 *lock, struct range *out_range)
{
	int64_t start = lock->start, end;

	if (lock->whence == SEEK_CUR)
		start += (int64_t)file->pos;
	else if (lock->whence == SEEK_END)
		start += (int64_t)inode_size(file->inode);
	else if (lock->whence != SEEK_SET)
		return -EINVAL;
	if (lock->length < 0) {
		end = start - 1;
		start += lock->length;
	} else {
		end = lock->length ? start + (lock->length - 1) : INT64_MAX;
	}
	if (start < 0 || end < start)
		return start < 0 ? -EINVAL : -EOVERFLOW;
	out_range->start = (uint64_t)start;
	out_range->end = (uint64_t)end;
	return 0;
}

static long get_lock(struct file *file, const struct range *want, struct abi_flock64 *lock)
{
	struct range *other;

	mutex_lock(&locks_mutex);
	other = conflict(file->inode, want);
	if (!other) {
		lock->type = F_UNLCK;
	} else {
		lock->type = other->type;
		lock->whence = SEEK_SET;
		lock->start = (int64_t)other->start;
		lock->length = other->end == RANGE_END ? 0 : (int64_t)(other->end - other->start + 1);
		lock->pid = other->pid;
	}
	mutex_unlock(&locks_mutex);
	return 0;
}

/* F_GETLK, F_SETLK and F_SETLKW have the program's word, the other six 64 bits. */
static int lock_from_user(struct abi_flock64 *lock, uint64_t from, bool wide)
{
	struct abi_flock native;

	if (wide)
		return get_user(*lock, from);
	if (get_user(native, from))
		return -EFAULT;
	memset(lock, 0, sizeof(*lock));
	lock->type = native.type;
	lock->whence = native.whence;
	lock->start = native.start;
	lock->length = native.length;
	lock->pid = native.pid;
	return 0;
}

static int lock_to_user(const struct abi_flock64 *lock, uint64_t to, bool wide)
{
	struct abi_flock native;

	if (wide)
		return put_user(*lock, to);
	memset(&native, 0, sizeof(native));
	native.type = lock->type;
	native.whence = lock->whence;
	native.start = (abi_long)lock->start;
	native.length = (abi_long)lock->length;
	native.pid = lock->pid;
	return put_user(native, to);
}

long locks_fcntl(struct file *file, int command, uint64_t user_lock)
{
	bool of_file = command >= F_OFD_GETLK, wide = command >= F_GETLK64;
	int kind = command - (of_file ? F_OFD_GETLK
			      : wide  ? F_GETLK64
				      : F_GETLK); /* get, set, set and wait */
	unsigned mode = file->flags & O_ACCMODE;
	struct range want = {0};
	struct abi_flock64 lock;
	long result;

	if (lock_from_user(&lock, user_lock, wide))
		return -EFAULT;
	if (lock.type < F_RDLCK || lock.type > F_UNLCK || (kind == 0 && lock.type == F_UNLCK) ||
	    (of_file && lock.pid))
		return -EINVAL;
	result = to_range(file, &lock, &want);
	if (result)
		return result;
	want.type = (uint8_t)lock.type;
	want.space = RECORD;
	want.owner = of_file ? (const void *)file : current->files;
	want.pid = of_file ? -1 : current->process->pid;
	if (kind == 0) {
		get_lock(file, &want, &lock);
		return lock_to_user(&lock, user_lock, wide);
	}
	if ((lock.type == F_RDLCK && mode == O_WRONLY) || (lock.type == F_WRLCK && mode == O_RDONLY))
		return -EBADF;
	return set_range(file->inode, &want, kind == 2);
}

long sys_flock(const abi_ulong *a)
{
	static const uint8_t types[] = {[LOCK_SH] = F_RDLCK, [LOCK_EX] = F_WRLCK, [LOCK_UN] = F_UNLCK};
	unsigned operation = (unsigned)a[1] & ~(unsigned)LOCK_NB;
	struct file *file;
	struct range want = {.end = RANGE_END, .space = WHOLE, .pid = -1};
	long result;

	if (operation != LOCK_SH && operation != LOCK_EX && operation != LOCK_UN)
		return -EINVAL;
	file = file_of((int)a[0]);
	if (!file)
		return -EBADF;
	want.owner = file;
	want.type = types[operation];
	result = set_range(file->inode, &want, !(a[1] & LOCK_NB));
	file_put(file);
	return result;
}
