/* SPDX-License-Identifier: MIT */
/* A policy: which page is looked at next, and what follows from what was seen. One file each: lru.c, gen.c.
 *
 *   add ──► lists of the policy ──pick──► the page is taken off, its mappings are asked ──judge──► it leaves
 *    ▲                                                                                   └─ kept ─┐
 *    └────────────────────────────────────────────────────────────────────────────────────────────┘
 *
 * All functions are called with LRU held and may call nothing that sleeps or locks. A policy links pages by
 * qr_page.link and keeps what it likes in qr_page.age, but for QR_AGE_LOCKED. Its state is zeroed before init(). */
#ifndef QR_POLICY_H
#define QR_POLICY_H

#include "page/page.h"

/* qr_page.age of a page on the list of locked ones, which is no policy's. */
#define QR_AGE_LOCKED 0xffu

/* Kinds of pages: what leaves for a store, and what leaves for its file. */
enum qr_kind {
	QR_KIND_ANON = 0, /* private and shared memory */
	QR_KIND_FILE = 1,
	QR_KINDS = 2
};

static inline enum qr_kind qr_kind_of(const struct qr_page *page)
{
	return qr_page_state(page) == QUIRE_PAGE_FILE ? QR_KIND_FILE : QR_KIND_ANON;
}

/* Why a page is added. */
enum qr_added {
	QR_ADDED_NEW = 0, /* on no list before */
	QR_ADDED_REFAULT, /* on no list before, and back soon after it was evicted */
	QR_ADDED_KEPT,    /* judge() kept it */
	QR_ADDED_STAYED   /* it was to leave and could not */
};

struct quire_policy {
	const char *name;
	uint32_t bytes; /* of its state; at most QR_POLICY_BYTES */
	void (*init)(void *state);
	void (*add)(void *state, struct qr_page *page, enum qr_kind kind, enum qr_added why);
	/* Takes a page off its list: it was picked, or is free. */
	void (*del)(void *state, struct qr_page *page);
	/* The next page to look at, of one of `kinds` (1 << kind); it stays on its list. NULL: none. */
	struct qr_page *(*pick)(void *state, unsigned kinds);
	/* A page that was picked was used since it was added, or not. Returns whether it is to leave. */
	bool (*judge)(void *state, struct qr_page *page, bool used);
	/* A page that is in no memory any more was wanted again, so many evictions after its own: whether it
	 * belongs to what is used. `pages`: on all lists. */
	bool (*refault)(void *state, uint64_t distance, uint64_t pages);
};

/* What both policies say to that: it does if no more pages have left meanwhile than there are on all lists. */
static inline bool qr_refault_within_memory(void *state, uint64_t distance, uint64_t pages)
{
	(void)state;
	return distance <= pages;
}

#endif
