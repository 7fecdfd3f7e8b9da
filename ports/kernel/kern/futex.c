/* SPDX-License-Identifier: MIT */
/* futex(2): sleeping on a word of memory, private or shared; robust lists. */
#include "abi/process.h"
#include "kern/process.h"
#include "abi/functions.h"
#include "kern/uaccess.h"
#include "port/system.h"

#define BUCKETS      64
#define MATCH_ANY    0xffffffffu
#define ROBUST_LIMIT 2048

struct futex_waiter {
	struct list link; /* in a bucket; empty once woken */
	struct quire_key key;
	struct task *task;
	uint32_t bits;
	bool woken;
};

/* One lock for all buckets: a wait queue of a program is short, and requeue needs two. */
static struct spinlock futex_lock;
static struct list buckets[BUCKETS];

static struct list *bucket_of(const struct quire_key *key)
{
	uint64_t hash = (key->word[0] ^ key->word[1] * 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd;
	struct list *bucket = &buckets[hash >> 32 & (BUCKETS - 1)];

	if (!bucket->next)
		list_init(bucket);
	return bucket;
}

/* Private futexes need no look into the tables: their memory is (mm, address). A shared one is named by its page:
 * it has to be there. */
static long get_key(uint64_t address, bool private, struct quire_key *out_key)
{
	uint32_t word;

	if (address & 3)
		return -EINVAL;
	if (address >= user_end)
		return -EFAULT;
	if (private) {
		out_key->word[0] = (uintptr_t)current->process->mm;
		out_key->word[1] = address;
		return 0;
	}
	if (get_user(word, address))
		return -EFAULT;
	return quire_mm_key(current->process->mm, address, out_key);
}

static bool same_key(const struct quire_key *a, const struct quire_key *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1];
}

/* The word, without sleeping: the caller holds futex_lock. -EFAULT: it has to be faulted in first. */
static int load_word(uint64_t address, uint32_t *out_value)
{
	int result;

	current->pagefault_off++;
	result = arch_user_load32(address, out_value);
	current->pagefault_off--;
	return result;
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* Queues the waiter if the word still is `value`: 0, -EAGAIN, -EFAULT. */
static long queue_waiter(struct futex_waiter *w, uint64_t address, uint32_t value)
{
	for (;;) {
		uint32_t now;
		int fault;

		spin_lock(&futex_lock);
		fault = load_word(address, &now);
		if (!fault) {
			if (now == value) {
				list_append(bucket_of(&w->key), &w->link);
				current->queued++;
			}
			spin_unlock(&futex_lock);
			return now == value ? 0 : -EAGAIN;
		}
		spin_unlock(&futex_lock);
		if (get_user(now, address))
			return -EFAULT;
	}
}

static bool unqueue(struct futex_waiter *w)
{
	bool woken;

	spin_lock(&futex_lock);
	woken = w->woken;
	list_remove(&w->link);
	spin_unlock(&futex_lock);
	current->queued--;
	return woken;
}

static long futex_wait(uint64_t address, bool private, uint32_t value, uint32_t bits, uint64_t deadline)
{
	struct futex_waiter w = {.task = current, .bits = bits};
	long result;

	if (!bits)
		return -EINVAL;
	list_init(&w.link);
	result = get_key(address, private, &w.key);
	if (!result)
		result = queue_waiter(&w, address, value);
	if (result)
		return result;
	while (!result) {
		wait_prepare(WAIT_INTERRUPTIBLE);
		if (__atomic_load_n(&w.woken, __ATOMIC_ACQUIRE))
			break;
		result = wait_block(deadline);
	}
	wait_finish();
	return unqueue(&w) ? 0 : result;
}

/* After a signal without handler, restart_syscall continues a relative timeout. */
static long restart_wait(struct task *task)
{
	long result = futex_wait(task->restart_args[0], task->restart_args[1] & 1,
				 (uint32_t)(task->restart_args[1] >> 32), (uint32_t)task->restart_args[2],
				 task->restart_args[3]);

	return result == -ERESTARTSYS ? -ERESTART_RESTARTBLOCK : result;
}

static long wait_relative(uint64_t address, bool private, uint32_t value, uint32_t bits, uint64_t deadline)
{
	struct task *task = current;
	long result = futex_wait(address, private, value, bits, deadline);

	if (result != -ERESTARTSYS || deadline == NO_DEADLINE)
		return result;
	task->restart = restart_wait;
	task->restart_args[0] = address;
	task->restart_args[1] = (uint64_t)value << 32 | private;
	task->restart_args[2] = bits;
	task->restart_args[3] = deadline;
	return -ERESTART_RESTARTBLOCK;
}

/* --- waiting on several words: futex_waitv(2) -------------------------------------------------- */

enum {
	WAITV_MOST = 128,
	FUTEX2_U32 = 2 /* the only size; with FUTEX_PRIVATE */
};

struct abi_futex_waitv {
	uint64_t value, address;
	uint32_t flags, reserved;
};

/* Of the first `count` waiters; the index of the last that was woken, or -1. */
static long unqueue_all(struct futex_waiter *w, unsigned count)
{
	long woken = -1;

	for (unsigned i = 0; i < count; i++)
		if (unqueue(&w[i]))
			woken = i;
	return woken;
}

static bool any_woken(const struct futex_waiter *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (__atomic_load_n(&w[i].woken, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* Queues one after the other; a word that has another value ends it, unless one before was woken meanwhile. */
static long wait_on_all(struct futex_waiter *w, const struct abi_futex_waitv *v, unsigned count,
			uint64_t deadline)
{
	long result = 0, woken;
	unsigned queued = 0;

	for (; queued < count && !result; queued += !result)
		result = queue_waiter(&w[queued], v[queued].address, (uint32_t)v[queued].value);
	while (!result) {
		wait_prepare(WAIT_INTERRUPTIBLE);
		if (any_woken(w, count))
			break;
		result = wait_block(deadline);
	}
	wait_finish();
	woken = unqueue_all(w, queued);
	return woken >= 0 ? woken : result;
}

static long prepare_all(struct futex_waiter *w, const struct abi_futex_waitv *v, unsigned count)
{
	long result = 0;

	for (unsigned i = 0; i < count && !result; i++) {
		if (v[i].flags & ~(uint32_t)(3 | FUTEX_PRIVATE) || v[i].reserved ||
		    (v[i].flags & 3) != FUTEX2_U32 || v[i].value >> 32)
			return -EINVAL;
	}
	for (unsigned i = 0; i < count && !result; i++) {
		w[i] = (struct futex_waiter){.task = current, .bits = MATCH_ANY};
		list_init(&w[i].link);
		result = get_key(v[i].address, v[i].flags & FUTEX_PRIVATE, &w[i].key);
	}
	return result;
}

static long waitv_deadline(uint64_t user_time, uint64_t clock, uint64_t *out_deadline)
{
	struct timespec time;

	*out_deadline = NO_DEADLINE;
	if (!user_time)
		return 0;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return -EINVAL;
	if (timespec_from_user(&time, user_time, 8))
		return -EFAULT;
	if (!timespec_to_ns(&time, out_deadline))
		return -EINVAL;
	if (clock == CLOCK_REALTIME)
		*out_deadline =
		    *out_deadline > time_realtime() ? *out_deadline - time_realtime() + time_monotonic() : 0;
	return 0;
}

long sys_futex_waitv(const abi_ulong *a)
{
	struct abi_futex_waitv *v;
	struct futex_waiter *w;
	uint64_t deadline;
	long result;

	if (a[2] || !a[1] || a[1] > WAITV_MOST || !a[0])
		return -EINVAL;
	result = waitv_deadline(a[3], a[4], &deadline);
	if (result)
		return result;
	v = kmalloc(a[1] * sizeof(*v));
	w = kmalloc(a[1] * sizeof(*w));
	result = !v || !w ? -ENOMEM : copy_from_user(v, a[0], a[1] * sizeof(*v));
	if (!result)
		result = prepare_all(w, v, (unsigned)a[1]);
	if (!result)
		result = wait_on_all(w, v, (unsigned)a[1], deadline);
	kfree(v);
	kfree(w);
	return result;
}

/* --- waking ----------------------------------------------------------------------------------- */

/* locked: futex_lock */
static long wake_key(const struct quire_key *key, uint32_t count, uint32_t bits)
{
	struct futex_waiter *w, *next;
	long woken = 0;

	list_for_each_safe (w, next, bucket_of(key), link) {
		struct task *task = w->task;

		if (woken >= (long)count)
			break;
		if (!same_key(&w->key, key) || !(w->bits & bits))
			continue;
		list_remove(&w->link);
		/* From here on `w` may vanish, but for the lock: unqueue() takes it. */
		__atomic_store_n(&w->woken, true, __ATOMIC_RELEASE);
		sched_wake(task, WAKE_ANY);
		woken++;
	}
	return woken;
}

static long futex_wake(uint64_t address, bool private, uint32_t count, uint32_t bits)
{
	struct quire_key key;
	long result = bits ? get_key(address, private, &key) : -EINVAL;

	if (result)
		return result;
	spin_lock(&futex_lock);
	result = wake_key(&key, count, bits);
	spin_unlock(&futex_lock);
	return result;
}

/* The memory may be shared or private: wake waiters of both kinds. */
long futex_wake_address(uint64_t address, unsigned count)
{
	long result = futex_wake(address, true, count, MATCH_ANY);

	return result ? result : futex_wake(address, false, count, MATCH_ANY);
}

static long requeue_locked(const struct quire_key *from, const struct quire_key *to, uint32_t wake,
			   uint32_t move)
{
	long done = wake_key(from, wake, MATCH_ANY);
	struct futex_waiter *w, *next;
	uint32_t moved = 0;

	if (same_key(from, to))
		return done;
	list_for_each_safe (w, next, bucket_of(from), link) {
		if (moved == move)
			break;
		if (!same_key(&w->key, from))
			continue;
		list_remove(&w->link);
		w->key = *to;
		list_append(bucket_of(to), &w->link);
		moved++;
	}
	return done + moved;
}

/* `compare`: NULL, or what the first word must hold. */
static long futex_requeue(const abi_ulong *a, bool private, const uint32_t *compare)
{
	struct quire_key from, to;
	uint32_t now;
	long result = (int32_t)a[2] < 0 || (int32_t)a[3] < 0 ? -EINVAL : get_key(a[0], private, &from);

	if (!result)
		result = get_key(a[4], private, &to);
	if (result)
		return result;
	for (;;) {
		int fault = 0;

		spin_lock(&futex_lock);
		if (compare)
			fault = load_word(a[0], &now);
		if (!fault)
			result = compare && now != *compare
				     ? -EAGAIN
				     : requeue_locked(&from, &to, (uint32_t)a[2], (uint32_t)a[3]);
		spin_unlock(&futex_lock);
		if (!fault)
			return result;
		if (get_user(now, a[0]))
			return -EFAULT;
	}
}

/* --- FUTEX_WAKE_OP: change the second word, wake on the first, and on the second if it was so - */

static uint32_t apply_op(uint32_t op, uint32_t old)
{
	uint32_t argument = (uint32_t)((int32_t)(op << 8) >> 20); /* bits 23:12, signed */

	if (op >> 31)
		argument = 1u << (argument & 31);
	switch (op >> 28 & 7) {
	case 0:
		return argument;
	case 1:
		return old + argument;
	case 2:
		return old | argument;
	case 3:
		return old & ~argument;
	default:
		return old ^ argument;
	}
}

static bool compare_op(uint32_t op, int32_t old)
{
	int32_t argument = (int32_t)(op << 20) >> 20; /* bits 11:0, signed */

	switch (op >> 24 & 15) {
	case 0:
		return old == argument;
	case 1:
		return old != argument;
	case 2:
		return old < argument;
	case 3:
		return old <= argument;
	case 4:
		return old > argument;
	default:
		return old >= argument;
	}
}

static long futex_wake_op(const abi_ulong *a, bool private)
{
	uint32_t op = (uint32_t)a[5], old, seen;
	struct quire_key first, second;
	long result = (op >> 28 & 7) > 4 || (op >> 24 & 15) > 5 ? -ENOSYS : get_key(a[0], private, &first);

	if (!result)
		result = get_key(a[4], private, &second);
	if (result)
		return result;
	if (get_user(old, a[4]))
		return -EFAULT;
	for (;;) {
		if (arch_user_cmpxchg32(a[4], old, apply_op(op, old), &seen))
			return -EFAULT;
		if (seen == old)
			break;
		old = seen;
	}
	spin_lock(&futex_lock);
	result = wake_key(&first, (uint32_t)a[2], MATCH_ANY);
	if (compare_op(op, (int32_t)old))
		result += wake_key(&second, (uint32_t)a[3], MATCH_ANY);
	spin_unlock(&futex_lock);
	return result;
}

/* --- the system call -------------------------------------------------------------------------- */

static long deadline_of(const abi_ulong *a, int command, unsigned width, uint64_t *out_deadline)
{
	struct timespec time;
	uint64_t ns;

	*out_deadline = NO_DEADLINE;
	if ((command != FUTEX_WAIT && command != FUTEX_WAIT_BITSET) || !a[3])
		return 0;
	if (timespec_from_user(&time, a[3], width))
		return -EFAULT;
	if (!timespec_to_ns(&time, &ns))
		return -EINVAL;
	if (command == FUTEX_WAIT)
		ns += time_monotonic();
	else if (a[1] & FUTEX_CLOCK_REALTIME)
		ns = ns > time_realtime() ? ns - time_realtime() + time_monotonic() : 0;
	*out_deadline = ns;
	return 0;
}

static long futex(const abi_ulong *a, unsigned width)
{
	int command = (int)a[1] & ~(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME);
	bool private = a[1] & FUTEX_PRIVATE;
	uint32_t compare = (uint32_t)a[5];
	uint64_t deadline;
	long result = deadline_of(a, command, width, &deadline);

	if (result)
		return result;
	switch (command) {
	case FUTEX_WAIT:
		return wait_relative(a[0], private, (uint32_t)a[2], MATCH_ANY, deadline);
	case FUTEX_WAIT_BITSET:
		return wait_relative(a[0], private, (uint32_t)a[2], (uint32_t)a[5], deadline);
	case FUTEX_WAKE:
		return futex_wake(a[0], private, (uint32_t)MAX((int32_t)a[2], 1), MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(a[0], private, (uint32_t)a[2], (uint32_t)a[5]);
	case FUTEX_REQUEUE:
		return futex_requeue(a, private, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(a, private, &compare);
	case FUTEX_WAKE_OP:
		return futex_wake_op(a, private);
	default:
		return -ENOSYS;
	}
}

long sys_futex(const abi_ulong *a)
{
	return futex(a, ABI_LONG_BYTES);
}

#if ABI_LONG_BYTES == 4
long sys_futex_time64(const abi_ulong *a)
{
	return futex(a, 8);
}
#endif

/* --- the end of a thread: its id, and locks it died with -------------------------------------- */

/* One lock of a dead owner: marked, and one waiter woken. False: the list cannot be followed. */
static bool mark_dead(uint64_t address, pid_t tid)
{
	uint32_t old, seen, new;

	if (address & 3 || get_user(old, address))
		return false;
	for (;;) {
		if ((old & FUTEX_TID_MASK) != (uint32_t)tid)
			return true;
		new = (old & (uint32_t)FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		if (arch_user_cmpxchg32(address, old, new, &seen))
			return false;
		if (seen == old)
			break;
		old = seen;
	}
	if (old & (uint32_t)FUTEX_WAITERS)
		futex_wake_address(address, 1);
	return true;
}

static void walk_robust_list(struct task *task)
{
	struct abi_robust_list head;
	abi_ulong entry;

	if (!task->robust_list || get_user(head, task->robust_list))
		return;
	entry = head.first & ~(abi_ulong)1;
	for (unsigned i = 0; i < ROBUST_LIMIT && entry != task->robust_list; i++) {
		abi_ulong next;
		bool bad = get_user(next, entry);

		if (entry != (head.pending & ~(abi_ulong)1) &&
		    !mark_dead(entry + (abi_ulong)head.offset, task->tid))
			return;
		if (bad)
			return;
		entry = next & ~(abi_ulong)1;
	}
	if (head.pending)
		mark_dead((head.pending & ~(abi_ulong)1) + (abi_ulong)head.offset, task->tid);
}

void futex_task_exit(struct task *task)
{
	if (!task->mm)
		return;
	walk_robust_list(task);
	task->robust_list = 0;
	if (task->clear_child_tid) {
		uint32_t zero = 0;

		if (!put_user(zero, task->clear_child_tid))
			futex_wake_address(task->clear_child_tid, 1);
		task->clear_child_tid = 0;
	}
}

long sys_set_robust_list(const abi_ulong *a)
{
	if (a[1] != sizeof(struct abi_robust_list))
		return -EINVAL;
	current->robust_list = a[0];
	return 0;
}

long sys_get_robust_list(const abi_ulong *a)
{
	abi_ulong head = 0, size = sizeof(struct abi_robust_list);
	struct task *task;
	long result = -ESRCH;

	spin_lock(&proc_lock);
	task = a[0] ? task_find_locked((pid_t)a[0]) : current;
	if (task) {
		head = (abi_ulong)task->robust_list;
		result = task->process == current->process || capable(CAP_SYS_PTRACE) ? 0 : -EPERM;
	}
	spin_unlock(&proc_lock);
	if (result)
		return result;
	return put_user(size, a[2]) || put_user(head, a[1]) ? -EFAULT : 0;
}

long sys_set_tid_address(const abi_ulong *a)
{
	current->clear_child_tid = a[0];
	return current->tid;
}
