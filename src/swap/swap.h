/* SPDX-License-Identifier: MIT */
/* Swap inside: slots, the pages that have one, the ways out of memory and back.
 *
 *   struct qr_swap ── area[7], one a store
 *     area ── cluster[n]: a lock, 256 slots that are used together
 *          ├─ payer[n]: the group that pays for the slot
 *          └─ slot[n]: 8 bytes
 *               word   references by entries | CACHED | READ_ERROR | RETIRED | STALE
 *               what   CACHED: which page; else the age at which its page was evicted
 *
 *   A swap entry holds `value`:   offset << 4 | area << 1 | exclusive
 *
 * The swap cache has no index of its own: the slot names the page, the page names the slot. So a look-up is one
 * load under one lock, and nothing is allocated to evict.
 *
 *   Equations:  references of a slot == entries of page tables and of files that name it
 *               a slot is free           <=> no references, not CACHED, not RETIRED
 *               slot CACHED with page    <=> page SWAPCACHE with this slot, which holds one page reference
 *               area.used == slots that are not free
 *
 * A page with a slot is always ANON: shared memory that is evicted leaves its file, which keeps the value in its
 * place, and becomes the file's again when it comes back (shmem.c).
 *
 * Life of a page with a slot, PAGE lock held at each arrow, RMAP and PT as needed:
 *
 *   mapped ──take slot, entries replaced──► cached, dirty ──written──► cached, clean ──forgotten──► slot only
 *      ▲                                        │ touched: minor                                      │
 *      └────────────────────────────────────────┴───────────────── read: major ◄─────────────────────┘
 *
 * A page that has a slot and neither a mapping nor a reference by an entry is garbage. Nobody waits for its lock to
 * free it: whoever makes it garbage tries the lock, and whoever lets a page's lock go looks for garbage
 * afterwards (qr_swap_collect).
 *
 * Lock order: MM > PAGE > PT > RMAP > CACHE > SWAP (a cluster) > AREA. No allocation and no transfer is made
 * under any lock but MM for read.
 *
 * Rejected: a tree of cached pages by slot (allocates in order to evict); marking entries of the whole process
 * in a bitmap (fork has no count); the PAGE lock held while writing (a touch would wait for the device). */
#ifndef QR_SWAP_H
#define QR_SWAP_H

#include <quire/swap.h>

#include "file/file.h"

#define QR_CLUSTER_SLOTS 256

#define QR_SWAP_VALUE_BITS 4

/* Bits of qr_slot.word. */
#define QR_SLOT_COUNT      ((1u << 26) - 1)
#define QR_SLOT_STALE      (1u << 27) /* free, and the store was not told yet */
#define QR_SLOT_CACHED     (1u << 28)
#define QR_SLOT_READ_ERROR (1u << 29) /* the read failed: it is not tried again */
#define QR_SLOT_RETIRED    (1u << 30) /* a write failed: never used for another page */
#define QR_SLOT_DROPPING   (1u << 31) /* the store is being told */

struct qr_slot {
	uint32_t word;
	uint32_t what;
};

/* Locks: SWAP guards the words of its slots and the members here. */
struct qr_cluster {
	struct qr_lock lock;
	uint16_t free;   /* slots that can be taken */
	uint16_t next;   /* where the search for one begins */
	uint32_t link;   /* LISTED: the next cluster of the list, plus 1. Under AREA */
	uint32_t listed; /* in the list of free clusters. Under AREA */
};

enum qr_area_state {
	QR_AREA_NONE = 0,
	QR_AREA_COMING, /* its memory is being taken */
	QR_AREA_ON,
	QR_AREA_GOING /* swapoff: no slot is taken any more */
};

/* An array of elements of a power of two bytes, in frames that need not lie together. */
struct qr_paged {
	char **frame; /* linear addresses; the block's own order in `order` */
	uint64_t frames;
	uint32_t order;
	uint32_t per_shift; /* elements of a frame, as a power of two */
	uint32_t bytes_shift;
};

struct qr_area {
	uint32_t state;   /* enum qr_area_state; atomic */
	uint32_t users;   /* atomic: look at its slots without an entry that keeps them */
	uint32_t takers;  /* atomic: take slots of it; none passes the look at the state after GOING */
	uint32_t changes; /* atomic: swapoff sleeps on it: slots became free, an eviction ended */
	uint32_t number;
	int32_t priority;
	const struct quire_store *store;
	uint64_t slots;
	uint64_t clusters;
	struct qr_paged slot, cluster;
	struct qr_paged payer; /* of each slot, 4 bytes: the id of its group, or 0. Under SWAP */
	struct qr_lock lock;   /* AREA: the list of free clusters */
	uint32_t free_cluster; /* first of the list, plus 1; 0: none */
	uint32_t rotor;        /* where the search for a cluster that is not full begins; a hint */
	/* Atomic. A slot that is retired and that nothing names any more is `dead`, not used. */
	qr_atomic64 used, dead, retired, stale, cached;
	qr_atomic64 write_errors, read_errors;
	uint32_t failing;                    /* writes in a row that failed */
	uint32_t told;                       /* the log knows that writes fail */
	uint32_t current[QUIRE_CONFIG_CPUS]; /* of each CPU: the cluster it fills, plus 1 */
};

/* After so many failed writes in a row a store takes no more pages. */
#define QR_AREA_FAILING 16

/* Pages read at once, at most. */
#define QR_SWAP_WINDOW 8

/* What read-ahead has learned: of an address space, or of all areas where it goes by slots. Atomic hints. */
struct qr_ahead {
	uint32_t window;            /* pages at once */
	uint32_t hits, hits_before; /* used since the last read; and half of those before */
	uint32_t last;              /* place of the page that was wanted last, of those read */
};

static inline struct qr_ahead qr_ahead_begin(void)
{
	/* The first read is not known to be for nothing. */
	return (struct qr_ahead){.window = QR_SWAP_WINDOW, .hits = QR_SWAP_WINDOW / 2};
}

struct qr_swap {
	uint32_t order;         /* of the block that this is in */
	uint32_t turn;          /* which of equal areas is next; atomic */
	uint32_t age;           /* evictions so far; atomic, wraps */
	uint32_t next_priority; /* what -1 means next: 2, 3, ... below zero */
	struct qr_area area[QUIRE_SWAP_AREAS];
	struct qr_ahead ahead; /* by slots */
};

static inline unsigned qr_swap_number(uint64_t value)
{
	return (unsigned)(value >> 1) & 7;
}

static inline uint64_t qr_swap_offset(uint64_t value)
{
	return value >> QR_SWAP_VALUE_BITS;
}

/* What qr_page.u.anon.slot holds: odd, so that it is no address of a file. */
static inline uintptr_t qr_swap_key(uint64_t value)
{
	return (uintptr_t)value | 1;
}

/* The mark of a page that was evicted at `age`, a count of this floor, on the clock of reclaim. 0: it is not known. */
static inline uintptr_t qr_swap_mark(const struct quire_system *system, uint32_t age)
{
	uint32_t since = __atomic_load_n(&system->swap->age, __ATOMIC_RELAXED) - age;

	if (age == 0)
		return 0;
	return (uintptr_t)(__atomic_load_n(&system->reclaim.left, __ATOMIC_RELAXED) - since) << 1 | 1;
}

/* --- areas (area.c) --------------------------------------------------------------------------------- */

/* Element `index` of an array. */
static inline void *qr_paged_at(const struct qr_paged *array, uint64_t index)
{
	return array->frame[index >> array->per_shift] +
	       ((index & (((uint64_t)1 << array->per_shift) - 1)) << array->bytes_shift);
}

static inline struct qr_slot *qr_slot_at(const struct qr_area *area, uint64_t offset)
{
	return qr_paged_at(&area->slot, offset);
}

static inline uint32_t *qr_payer_at(const struct qr_area *area, uint64_t offset)
{
	return qr_paged_at(&area->payer, offset);
}

static inline struct qr_cluster *qr_cluster_of(const struct qr_area *area, uint64_t offset)
{
	return qr_paged_at(&area->cluster, offset / QR_CLUSTER_SLOTS);
}

/* The area of a value that an entry holds, which keeps it attached. */
static inline struct qr_area *qr_area_of(const struct quire_system *system, uint64_t value)
{
	return &system->swap->area[qr_swap_number(value)];
}

/* The area of a value that may be of the past, kept attached until qr_area_put(). NULL: there is no such slot. */
struct qr_area *qr_area_get(struct quire_system *system, uint64_t value);
void qr_area_put(struct quire_system *system, struct qr_area *area);

/* Pages of all areas: what may be promised beyond RAM. */
uint64_t qr_swap_total(const struct quire_system *system);

/* Fewer than half of all slots are free: slots whose page is in memory are given back. */
bool qr_swap_is_full(const struct quire_system *system);

/* swapoff in parts. stop: no slot is taken any more. QUIRE_EINVAL: not attached; QUIRE_EBUSY: stopped already;
 * QUIRE_ENOMEM: more is promised than memory would hold. resume: as before. uncache: slots that no entry names are
 * taken from their pages; waits for writes. close: waits for the last that look, and frees. => empty */
enum quire_status qr_area_stop(struct quire_system *system, const struct quire_store *store,
			       struct qr_area **out_area) QUIRE_MUST_USE;
void qr_area_resume(struct quire_system *system, struct qr_area *area);
void qr_area_uncache(struct quire_system *system, struct qr_area *area);
void qr_area_close(struct quire_system *system, struct qr_area *area);
/* Something happened that swapoff may wait for. Any context. */
static inline void qr_area_changed(const struct quire_system *system, struct qr_area *area)
{
	if (qr_likely(__atomic_load_n(&area->state, __ATOMIC_SEQ_CST) != QR_AREA_GOING))
		return;
	__atomic_fetch_add(&area->changes, 1, __ATOMIC_RELEASE);
	qr_wake(system, &area->changes);
}
static inline bool qr_area_is_empty(const struct qr_area *area)
{
	return __atomic_load_n(&area->used, __ATOMIC_ACQUIRE) == 0;
}

/* The end of a system: no entry names a slot any more. */
void qr_swap_end(struct quire_system *system);

/* --- slots (slots.c) --------------------------------------------------------------------------------- */

/* Takes a slot for each of `count` pages, in order, neighbours where there are any: each is CACHED with its page,
 * without a reference by an entry. out[i].slot: the value of pages[i]. Returns how many got one, from the first on.
 * Each page's group pays (qr_group_charge_swap was asked) for the slot until it is free.
 * The page's side is the caller's (qr_swap_adopt). => does not sleep. Locks: SWAP, AREA. */
unsigned qr_slots_take(struct quire_system *system, struct qr_page *const *pages,
		       struct quire_store_page *out, unsigned count);

/* Charges `page` to the group of the slot that it is read from. False: a limit refuses it. => an entry holds the
 * value, or held it lately. Locks: SWAP. */
bool qr_slot_charge_back(struct quire_system *system, struct qr_area *area, uint64_t value,
			 struct qr_page *page, bool quiet);

/* References by entries. dup: QUIRE_ENOMEM, the count is full. put: the last one of a page that nobody maps frees
 * it, too. POISON has no count. => an entry holds the value. PT may be held. Locks: SWAP, PAGE by trying. */
enum quire_status qr_swap_dup(struct quire_system *system, uint64_t value) QUIRE_MUST_USE;
void qr_swap_put(struct quire_system *system, uint64_t value);

/* References of the slot by entries. */
uint32_t qr_swap_count(const struct quire_system *system, uint64_t value);

/* Marks the slot of a page as one that cannot be written. => CACHED */
void qr_slot_retire(struct quire_system *system, uint64_t value);
bool qr_slot_is_retired(const struct quire_system *system, uint64_t value);

/* Gives back a slot that was taken for a page that did not adopt it. */
void qr_slot_untake(struct quire_system *system, uint64_t value);

/* The slot's word changes to one that is free, if nothing holds it. => SWAP held */
void qr_slot_release(struct quire_system *system, struct qr_area *area, uint64_t offset);

/* Tells stores of slots that are free (drop.c), when there are many, or always. => no lock held; may sleep. */
void qr_swap_tell(struct quire_system *system, struct qr_area *area, bool always);

/* How a slot names a page: the number of its descriptor over all ranges. */
uint32_t qr_swap_page_index(const struct quire_system *system, const struct qr_page *page);
struct qr_page *qr_swap_page_at(const struct quire_system *system, uint32_t index);

/* --- the swap cache (cache.c) -------------------------------------------------------------------------- */

/* The page of a slot, with a reference; *out_page NULL: it is not in memory.
 * Returns QUIRE_OK; QUIRE_ENOENT: there is no such slot, or nothing is in it; QUIRE_EIO: it could not be
 * read. => the area is kept. Locks: SWAP. */
enum quire_status qr_swap_find(struct quire_system *system, struct qr_area *area, uint64_t value,
			       struct qr_page **out_page) QUIRE_MUST_USE;

/* Makes `page`, which is new and LOCKED, the page of a used slot that is not in memory: it is about to be read.
 * Returns QUIRE_OK; QUIRE_EEXIST and *out_other, with a reference: another is; QUIRE_ENOENT, QUIRE_EIO: as
 * qr_swap_find(). *out_age: when it was evicted. */
enum quire_status qr_swap_enter(struct quire_system *system, struct qr_area *area, uint64_t value,
				struct qr_page *page, struct qr_page **out_other,
				uint32_t *out_age) QUIRE_MUST_USE;

/* Gives a page its side of a slot that was taken for it, and the reference of the cache. => LOCKED, ANON */
void qr_swap_adopt(struct quire_system *system, struct qr_page *page, uint64_t value);

/* The value of a page with SWAPCACHE. => LOCKED, or mapped and PT of a mapping is held */
static inline uint64_t qr_swap_value(const struct qr_page *page)
{
	return __atomic_load_n(&page->u.anon.slot, __ATOMIC_RELAXED) & ~(uintptr_t)QR_SWAP_EXCLUSIVE;
}

/* Whether a LOCKED page is the one of this slot. */
static inline bool qr_swap_is_page_of(const struct qr_page *page, uint64_t value)
{
	return qr_page_test(page, QR_PAGE_SWAPCACHE) && qr_swap_value(page) == (value & ~QR_SWAP_EXCLUSIVE);
}

/* Takes the slot away from a page if no entry names it and nothing is being written. Returns whether the page has
 * none now. => LOCKED, or PT of a mapping of it held and LOCKED by trying */
bool qr_swap_free_slot(struct quire_system *system, struct qr_page *page);

/* Whether no entry names the slot of a mapped page; `free`: then the page has none any more, if nothing is being
 * written. False also where the PAGE lock cannot be had at once. => PT of a mapping held */
bool qr_swap_is_unnamed(struct quire_system *system, struct qr_page *page, bool free);

/* Whether the page of a slot is in memory and up to date. => an entry holds the value, or held it lately */
bool qr_swap_is_cached(struct quire_system *system, uint64_t value);

/* Takes the page away from its slot, whatever its references: it could not be read. => LOCKED, not mapped */
void qr_swap_read_failed(struct quire_system *system, struct qr_page *page);

/* A clean page that nobody maps or holds beside the cache and the caller leaves memory: the slot keeps its
 * content, and both references are put. Returns whether it did. => LOCKED, released if so; one reference */
bool qr_swap_forget(struct quire_system *system, struct qr_page *page);

/* Frees the page's slot, and so the page, if it is garbage. => a reference held, not LOCKED by the caller. PT may be
 * held. */
void qr_swap_collect(struct quire_system *system, struct qr_page *page);

/* Unlocks a page that may have a slot. */
static inline void qr_swap_unlock(struct quire_system *system, struct qr_page *page)
{
	qr_page_unlock(system, page);
	qr_swap_collect(system, page);
}

/* WRITEBACK ends. wait: sleeps until it has. => LOCKED or not */
void qr_swap_end_write(struct quire_system *system, struct qr_page *page);
void qr_swap_wait_write(struct quire_system *system, struct qr_page *page);

/* --- out (out.c, sweep.c) ------------------------------------------------------------------------------- */

/* Evicts pages of private and shared memory: at most QUIRE_STORE_BATCH, each LOCKED and with a reference of the
 * caller. `held`: the page table whose address space the caller has locked for read; NULL: none.
 * Afterwards the array has them in any order, with NULL for each page that left memory, and its reference is put; the
 * others are unlocked and the caller's still. Returns how many left. Nothing is allocated. May sleep (put_batch).
 *
 * A page stays when it is mapped by a locked vma, when a layout change of an address space that maps it is under
 * way, when no slot is free, when its write failed, when somebody else holds it, or when it was touched meanwhile. */
unsigned qr_swap_out(struct quire_system *system, const struct qr_pt *held, struct qr_page **pages,
		     unsigned count);

/* Walking pages to their mappings, a table at a time: PT of one table stays held from page to page, and what was
 * taken out of it is flushed before it is let go. So nobody can find an entry gone whose translation is not. */
struct qr_sweep {
	struct quire_system *system;
	const struct qr_pt *held_by_caller;
	struct qr_pt *pt; /* of the held table; NULL: none */
	struct qr_page *table;
	unsigned token; /* of the address space's lock */
	bool entered;   /* it is locked for read */
	struct qr_flush flush;
	struct qr_pt_counts gone, came;
};
enum qr_sweep_how {
	QR_SWEEP_SWAP = 0, /* leaves become swap entries of `value` */
	QR_SWEEP_ZAP = 1,  /* leaves become nothing: the file brings the page back */
	QR_SWEEP_LAZY = 2  /* the same for one clean mapping of a LAZYFREE page; else it stays */
};
void qr_sweep_begin(struct qr_sweep *sweep, struct quire_system *system, const struct qr_pt *held);
/* Takes every mapping of a LOCKED page out. Returns whether none is left. */
bool qr_sweep_page(struct qr_sweep *sweep, struct qr_page *page, enum qr_sweep_how how, uint64_t value);
/* Flushes and lets go what is held. */
void qr_sweep_end(struct qr_sweep *sweep);

/* --- in (in.c) -------------------------------------------------------------------------------------------- */

/* The page of a slot, read when it is not in memory, with read-ahead: `near` are values of its neighbours by
 * address, NULL: by slots where the store seeks. The page is up to date when its lock is had and it still is
 * the page of the slot.
 * *out_read: whether a transfer was made for it.
 * Returns QUIRE_OK and the page with a reference; QUIRE_ENOENT: the value is of the past; QUIRE_EIO;
 * QUIRE_ENOMEM. => may sleep, no lock but MM for read held; the area is kept. */
struct qr_swap_near {
	unsigned count; /* at most QUIRE_STORE_BATCH are read */
	uint64_t *value;
};
enum quire_status qr_swap_in(struct quire_system *system, struct qr_area *area, uint64_t value,
			     const struct qr_swap_near *near, struct qr_page **out_page,
			     bool *out_read) QUIRE_MUST_USE;

/* How many are worth it now, a power of two. `place`: of the page that is wanted, its slot or the number of its address;
 * *out_step: 1 or -1 if it lies beside the last that was wanted, that way; else 0. */
unsigned qr_swap_window(const struct quire_system *system, struct qr_ahead *ahead, uint64_t place,
			int *out_step);

/* Reads slots into the cache before anyone asks for them. What cannot be had is left. => as qr_swap_in() */
void qr_swap_ahead(struct quire_system *system, const struct qr_swap_near *near);

/* The page is wanted, at this place. If read-ahead brought it, it was worth it. */
void qr_swap_hit(struct quire_system *system, struct qr_page *page, struct qr_ahead *ahead, uint64_t place);

/* --- shared memory (shmem.c) -------------------------------------------------------------------------------- */

/* A LOCKED, unmapped page of shared memory leaves its file, which keeps `value`: taken for it, with the reference
 * of the file. The page is ANON and the swap cache's afterwards. */
void qr_shmem_leave(struct quire_system *system, struct qr_page *page, uint64_t value);

/* The page comes back to its file: struct qr_swap_hooks, bring. */
enum quire_status qr_shmem_bring(struct quire_file *file, uint64_t index, uintptr_t key,
				 struct qr_page **out_page, enum quire_step *out_how) QUIRE_MUST_USE;

#endif
