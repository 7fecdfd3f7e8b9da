/* SPDX-License-Identifier: MIT */
/* The contended halves of the locks: the word is marked as waited for, and the host waits. */
#include "base/lock.h"

QR_RARE void qr_lock_slow(const struct quire_system *system, struct qr_lock *lock, enum qr_rank rank)
{
	enum quire_wait_kind kind = rank <= QR_RANK_PAGE ? QUIRE_WAIT_SLEEP : QUIRE_WAIT_SPIN;
	uint32_t free = 0;

	qr_lock_event(system, lock, rank, QUIRE_LOCK_BEFORE);
	if (!__atomic_compare_exchange_n(&lock->word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		/* A thread that takes the word here leaves it marked: others may still wait. */
		while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
			qr_wait(system, &lock->word, 2, kind);
	}
	qr_lock_event(system, lock, rank, QUIRE_LOCK_TAKEN);
}

QR_RARE void qr_unlock_slow(const struct quire_system *system, struct qr_lock *lock)
{
	qr_wake(system, &lock->word);
}
