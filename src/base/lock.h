/* SPDX-License-Identifier: MIT */
/* Locks: words that the library changes with atomics and the host waits on.
 *
 * The order, outermost first; a lock is taken only while locks of smaller rank are held:
 *
 *   KMAP  the kernel map              sleeps
 *   MM    an address space (mm/lock)  sleeps; readers write only their CPU's line
 *   PAGE  a cache page's content      sleeps (a bit of the page)
 *   FILE  a file's list of vmas       spins
 *   PT    a page-table page           spins
 *   PT2   a second one (fork, mremap: the destination's)
 *   RMAP  a page's reverse map        spins (a bit of the page); under it PT may only be tried
 *   CACHE a file's index of pages     spins
 *   SLAB  partial slabs of a size     spins
 *   ZONE  a zone's free lists         spins
 *
 * docs/locking.md has the table of what each protects. */
#ifndef QR_LOCK_H
#define QR_LOCK_H

#include <quire/port/host.h>
#include <quire/types.h>

enum qr_rank {
	QR_RANK_KMAP = 5,
	QR_RANK_MM = 10,
	QR_RANK_PAGE = 20,
	QR_RANK_FILE = 30,
	QR_RANK_PT = 40,
	QR_RANK_PT2 = 41,
	QR_RANK_RMAP = 50,
	QR_RANK_CACHE = 60,
	QR_RANK_SLAB = 70,
	QR_RANK_ZONE = 80
};

/* 0 free, 1 held, 2 held and waited for. */
struct qr_lock {
	uint32_t word;
};

static inline void qr_lock_event(const struct quire_host *host, void *context, const void *lock,
				 enum qr_rank rank, enum quire_lock_op op)
{
#if QUIRE_CONFIG_LOCK_EVENTS
	if (host->lock_event)
		host->lock_event(context, lock, rank, op);
#else
	(void)host, (void)context, (void)lock, (void)rank, (void)op;
#endif
}

/* The slow half of qr_lock() (src/base/lock.c): waits in the host until the word could be taken. */
void qr_lock_slow(const struct quire_host *host, void *context, struct qr_lock *lock);

/* The word alone: what an uncontended lock comes to. */
static inline bool qr_lock_take(struct qr_lock *lock)
{
	uint32_t free = 0;

	return __atomic_compare_exchange_n(&lock->word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Returns whether someone waits for it. */
static inline bool qr_lock_give(struct qr_lock *lock)
{
	return __atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2;
}

static inline void qr_lock(const struct quire_host *host, void *context, struct qr_lock *lock,
			   enum qr_rank rank)
{
	qr_lock_event(host, context, lock, rank, QUIRE_LOCK_BEFORE);
	if (!qr_lock_take(lock))
		qr_lock_slow(host, context, lock);
	qr_lock_event(host, context, lock, rank, QUIRE_LOCK_TAKEN);
}

static inline bool qr_trylock(const struct quire_host *host, void *context, struct qr_lock *lock,
			      enum qr_rank rank)
{
	if (!qr_lock_take(lock))
		return false;
	qr_lock_event(host, context, lock, rank, QUIRE_LOCK_TRIED);
	return true;
}

static inline void qr_unlock(const struct quire_host *host, void *context, struct qr_lock *lock,
			     enum qr_rank rank)
{
	bool waited = qr_lock_give(lock);

	qr_lock_event(host, context, lock, rank, QUIRE_LOCK_RELEASED);
	if (waited && host->wake)
		host->wake(context, &lock->word);
}

static inline bool qr_lock_held(const struct qr_lock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) != 0;
}

#endif
