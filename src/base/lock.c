/* SPDX-License-Identifier: MIT */
/* The contended half of the locks: mark the word as waited for, and wait in the host. */
#include "base/system.h"

void qr_lock_slow(const struct quire_host *host, void *context, struct qr_lock *lock)
{
	/* Whoever takes the word from here leaves it marked: others may wait still. */
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0) {
		if (host->wait)
			host->wait(context, &lock->word, 2, QUIRE_WAIT_SPIN);
	}
}

QR_RARE void qr_spin_slow(const struct quire_system *system, struct qr_lock *lock, enum qr_rank rank)
{
	qr_lock(system->host, system->host_context, lock, rank);
}

QR_RARE void qr_spin_wake(const struct quire_system *system, struct qr_lock *lock)
{
	if (system->host->wake)
		system->host->wake(system->host_context, &lock->word);
}
