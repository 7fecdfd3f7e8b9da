/* SPDX-License-Identifier: MIT */
/* Locks: words that the library changes with atomics and the host waits on.
 *
 * The order, outermost first; a lock is taken only while locks of smaller rank are held:
 *
 *   KMAP  the kernel map              sleeps
 *   MM    an address space (mm/lock)  sleeps; readers write only their CPU's line
 *   PAGE  a cache page's content      sleeps (a bit of the page)
 *   FILE  a file's list of mappings   spins
 *   PT    a page-table page           spins
 *   PT2   a second one (fork, mremap: the destination's)
 *   RMAP  a page's reverse map        spins (a bit of the page); under it PT may only be tried
 *   CACHE a file's index of pages     spins
 *   SWAP  a cluster of swap slots     spins
 *   AREA  a store's free clusters     spins
 *   LRU   the lists of reclaim      spins
 *   SLAB  partial slabs of a size     spins
 *   ZONE  a zone's free lists         spins
 *
 * docs/locking.md has the table of what each protects. */
#ifndef QR_LOCK_H
#define QR_LOCK_H

#include "base/system.h"

enum qr_rank {
	QR_RANK_KMAP = 5,
	QR_RANK_MM = 10,
	QR_RANK_PAGE = 20,
	QR_RANK_FILE = 30,
	QR_RANK_PT = 40,
	QR_RANK_PT2 = 41,
	QR_RANK_RMAP = 50,
	QR_RANK_CACHE = 60,
	QR_RANK_SWAP = 65,
	QR_RANK_AREA = 66,
	QR_RANK_LRU = 68,
	QR_RANK_SLAB = 70,
	QR_RANK_ZONE = 80
};

/* Tells the host of an operation on a lock, for its checks. Nothing in what people run. */
static inline void qr_lock_event(const struct quire_system *system, const void *lock, enum qr_rank rank,
				 enum quire_lock_op op)
{
#if QUIRE_CONFIG_LOCK_EVENTS
	if (system->host->lock_event)
		system->host->lock_event(system->host_context, lock, rank, op);
#else
	(void)system, (void)lock, (void)rank, (void)op;
#endif
}

/* Waits in the host while *word == expected, or less. */
static inline void qr_wait(const struct quire_system *system, const uint32_t *word, uint32_t expected,
			   enum quire_wait_kind kind)
{
	if (system->host->wait)
		system->host->wait(system->host_context, word, expected, kind);
}

static inline void qr_wake(const struct quire_system *system, const uint32_t *word)
{
	if (system->host->wake)
		system->host->wake(system->host_context, word);
}

/* Takes `lock`. A waiter for a rank up to PAGE sleeps in the host, for the others it spins.
 * The host is called only where somebody waits, or wants to be told. */
void qr_lock_slow(const struct quire_system *system, struct qr_lock *lock, enum qr_rank rank);
static inline void qr_lock(const struct quire_system *system, struct qr_lock *lock, enum qr_rank rank)
{
	uint32_t free = 0;

	if (QUIRE_CONFIG_LOCK_EVENTS ||
	    qr_unlikely(!__atomic_compare_exchange_n(&lock->word, &free, 1, false, __ATOMIC_ACQUIRE,
						     __ATOMIC_RELAXED)))
		qr_lock_slow(system, lock, rank);
}

/* Takes it if it is free. */
static inline bool qr_trylock(const struct quire_system *system, struct qr_lock *lock, enum qr_rank rank)
{
	uint32_t free = 0;

	if (!__atomic_compare_exchange_n(&lock->word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	qr_lock_event(system, lock, rank, QUIRE_LOCK_TRIED);
	return true;
}

/* Releases it. Returns whether somebody waits, whom qr_unlock_slow() wakes. */
static inline bool qr_release(const struct quire_system *system, struct qr_lock *lock, enum qr_rank rank)
{
	bool waited = __atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2;

	qr_lock_event(system, lock, rank, QUIRE_LOCK_RELEASED);
	return waited;
}

/* Releases it, and wakes its waiters. */
void qr_unlock_slow(const struct quire_system *system, struct qr_lock *lock);
static inline void qr_unlock(const struct quire_system *system, struct qr_lock *lock, enum qr_rank rank)
{
	if (qr_unlikely(qr_release(system, lock, rank)))
		qr_unlock_slow(system, lock);
}

static inline bool qr_lock_held(const struct qr_lock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) != 0;
}

#endif
