/* SPDX-License-Identifier: MIT */
/* Commitment: how much memory may be promised, by the overcommit mode of the system. */
#ifndef QR_COMMIT_H
#define QR_COMMIT_H

#include "base/system.h"

/* A request for `pages`, and what the strict mode (NEVER) asks of the process behind it. */
struct qr_promise {
	uint64_t pages;
	uint64_t mapped; /* pages that the process has mapped; 0: no process (shared memory) */
	bool privileged; /* CAP_SYS_ADMIN: may have what is kept for an administrator */
};

/* Counts `pages` as promised, whatever the mode says: for releases that do not ask. */
void qr_commit_unchecked(struct quire_system *system, uint64_t pages);

/* Promises `promise->pages`. Returns QUIRE_OK or QUIRE_ENOMEM: nothing was promised. Any context. */
enum quire_status qr_commit(struct quire_system *system, const struct qr_promise *promise) QUIRE_MUST_USE;

/* Takes back a promise of `pages`. => so many were promised. */
void qr_uncommit(struct quire_system *system, uint64_t pages);

/* The limit of the strict mode, in pages. */
uint64_t qr_commit_limit(const struct quire_system *system);

#endif
