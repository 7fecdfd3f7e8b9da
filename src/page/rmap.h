/* SPDX-License-Identifier: MIT */
/* The exact reverse map: every level-0 entry that maps a frame.
 *
 * A mapping is named by the address of its entry (tables live in linear memory), one word: the frame
 * of that address is a table page, whose descriptor tells the page table (hence mm) and, with the
 * offset, the va. So unmapping a page never searches vmas.
 *
 *   qr_page.rmap == 0            not mapped
 *                == entry        mapped once; inline
 *                == entry | 1    mapped twice: ANON, and the other entry is u.anon.second, not 0
 *                == chunk | 1    chunks of QR_RMAP_SLOTS entries, the first one holds the total; all
 *                                others are full. ANON: u.anon.second is 0
 *                | 2             RMAP lock: held. Entries and chunks are aligned to 4 at least
 *
 * One mapping comes and goes with a single compare-and-exchange, without the lock being held. The second of an
 * ANON page comes in fork and goes at its child's end under the lock, if that is free, without a call: nobody adds
 * to a page that is mapped once but through its one entry, and PT of that is held. They cost no chunk.
 *
 * Holding RMAP keeps every table named in it alive, because an entry leaves the map before its
 * table can be freed. From there PT may be tried, never waited for. */
#ifndef QR_RMAP_H
#define QR_RMAP_H

#include "page/page.h"

#define QR_RMAP_SLOTS 6

struct qr_rmap_chunk {
	struct qr_rmap_chunk *next;
	uint32_t count; /* entries used in this chunk */
	uint32_t total; /* in the first chunk: entries in all */
	void *entry[QR_RMAP_SLOTS];
};

#define QR_RMAP_SEVERAL ((uintptr_t)1)
#define QR_RMAP_LOCKED  ((uintptr_t)2)

void qr_rmap_lock(struct quire_system *system, struct qr_page *page);
bool qr_rmap_trylock(struct quire_system *system, struct qr_page *page);
void qr_rmap_unlock(struct quire_system *system, struct qr_page *page);

/* Adds `entry`. Returns QUIRE_OK or QUIRE_ENOMEM (a chunk was needed and none could be had; nothing
 * changed). The caller has taken the page reference of the mapping. Locks: takes RMAP; PT is held. */
enum quire_status qr_rmap_add(struct quire_system *system, struct qr_page *page, void *entry) QUIRE_MUST_USE;

/* Adds the first mapping of a frame that nobody else can reach yet: cannot fail, takes no lock. */
static inline void qr_rmap_add_new(struct qr_page *page, void *entry)
{
	__atomic_store_n(&page->rmap, (uintptr_t)entry, __ATOMIC_RELEASE);
}

/* Orders pages of one table by their addresses. A hint: the page may be mapped otherwise meanwhile. */
static inline uintptr_t qr_rmap_place(const struct qr_page *page)
{
	return __atomic_load_n(&page->rmap, __ATOMIC_RELAXED);
}

/* The common case without a call: nothing maps the page. Else false: not done. */
QR_INLINE bool qr_rmap_add_first(struct qr_page *page, const void *entry)
{
	uintptr_t none = 0;

	return __atomic_compare_exchange_n(&page->rmap, &none, (uintptr_t)entry, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* The same with chunks to take from (linked through `next`), for a caller that adds to many pages; when
 * they are used up, QR_RMAP_FETCHED more are fetched at once, as far as there are any. */
#define QR_RMAP_FETCHED 8
enum quire_status qr_rmap_add_from(struct quire_system *system, struct qr_page *page, void *entry,
				   struct qr_rmap_chunk **chunks) QUIRE_MUST_USE;

/* Removes `entry`, which is there. Frees chunks; cannot fail. Returns the mappings left. */
uint32_t qr_rmap_del(struct quire_system *system, struct qr_page *page, void *entry);

/* The same; a chunk that is used no more goes to *chunks, for a caller that removes from many pages and
 * frees them together. */
uint32_t qr_rmap_del_to(struct quire_system *system, struct qr_page *page, void *entry,
			struct qr_rmap_chunk **chunks);

/* Replaces `from` by `to` (mremap); cannot fail. */
void qr_rmap_move(struct quire_system *system, struct qr_page *page, void *from, void *to);

/* Takes RMAP if the page is mapped and the lock is free: then it stays mapped, whatever it was before. */
bool qr_rmap_try_mapped(const struct quire_system *system, struct qr_page *page);

/* The number of mappings as 0, 1, or 2 for several. Stable under RMAP; without it, as of now. */
uint32_t qr_rmap_count(const struct qr_page *page);
/* The number of mappings. Takes RMAP where there are several. */
uint32_t qr_rmap_total(struct quire_system *system, struct qr_page *page);

/* Calls `visit` for each mapping under RMAP until it returns false. `visit` may take no lock but by
 * trying; may not change the map. */
typedef bool (*qr_rmap_visit)(void *context, struct qr_page *page, void *entry);
void qr_rmap_each(struct quire_system *system, struct qr_page *page, qr_rmap_visit visit, void *context);

/* Whether the word leads to a map, as far as can be seen: for quire_check(). => nothing runs */
bool qr_rmap_sound(const struct quire_system *system, const struct qr_page *page);

/* Whose entry: the page table and the va. => entry lies in a live table. */
struct qr_pt *qr_rmap_owner(const struct quire_system *system, const void *entry, quire_va *out_va);

/* The common case of fork without a call: the second mapping of an ANON page whose one mapping is `first`.
 * Else false: not done. => PT of `first` is held */
QR_INLINE bool qr_rmap_add_second(struct qr_page *page, const void *first, void *second)
{
	uintptr_t word = (uintptr_t)first;

	/* With lock events on, every lock goes the way that tells of it. */
	if (QUIRE_CONFIG_LOCK_EVENTS ||
	    qr_unlikely(!__atomic_compare_exchange_n(&page->rmap, &word, (uintptr_t)first + QR_RMAP_LOCKED,
						     false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
		return false;
	page->u.anon.second = (uintptr_t)second;
	__atomic_store_n(&page->rmap, (uintptr_t)first + QR_RMAP_SEVERAL, __ATOMIC_RELEASE);
	return true;
}

/* The common cases of qr_rmap_del() for an ANON page without a call: its one mapping, or one of the two inline ones, as
 * at the end of a fork. Returns the mappings left; -1: not done. */
QR_INLINE int qr_rmap_del_private(struct qr_page *page, const void *entry)
{
	uintptr_t word = __atomic_load_n(&page->rmap, __ATOMIC_RELAXED), second;

	if (word == (uintptr_t)entry)
		return __atomic_compare_exchange_n(&page->rmap, &word, 0, false, __ATOMIC_ACQ_REL,
						   __ATOMIC_RELAXED)
			   ? 0
			   : -1;
	if (QUIRE_CONFIG_LOCK_EVENTS || (word & (QR_RMAP_SEVERAL | QR_RMAP_LOCKED)) != QR_RMAP_SEVERAL)
		return -1;
	if (qr_unlikely(!__atomic_compare_exchange_n(&page->rmap, &word, word + QR_RMAP_LOCKED, false,
						     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
		return -1;
	second = page->u.anon.second;
	if (qr_likely(second != 0)) {
		page->u.anon.second = 0;
		word = second == (uintptr_t)entry ? word - QR_RMAP_SEVERAL : second;
	}
	__atomic_store_n(&page->rmap, word, __ATOMIC_RELEASE);
	return second != 0 ? 1 : -1;
}

#endif
