/* SPDX-License-Identifier: MIT */
/* Files inside: the page cache and the mappings of it.
 *
 *   quire_file ── index (radix tree of page pointers, 64 a node) ── qr_page (state FILE or SHMEM)
 *              └─ list of qr_mapping: what truncation walks; each is a part of a vma
 *
 *   A page in the cache holds one reference for it; is removed only LOCKED and unmapped.
 *   A look-up takes a reference under CACHE. To keep the page in the cache a thread locks it and looks at
 *   page->u.cache.file again: NULL means that it was truncated meanwhile. */
#ifndef QR_FILE_H
#define QR_FILE_H

#include <quire/file.h>

#include "page/commit.h"
#include "pt/pt.h"

/* Pages of a file that a page table may map: what a file knows of a vma. Its owner changes start, end and
 * pgoff of a linked one only under FILE. */
struct qr_mapping {
	struct qr_list link; /* file's list, under FILE */
	struct qr_pt *pt;    /* constant while linked */
	quire_va start, end;
	uint64_t pgoff; /* page of the file at `start` */
};

struct quire_file {
	struct quire_system *system;
	const struct quire_file_ops *ops; /* NULL: shared memory */
	void *context;
	uint32_t refs;           /* atomic */
	struct qr_lock lock;     /* CACHE: the index and the counts */
	struct qr_lock map_lock; /* FILE: the mappings */
	struct qr_list mappings; /* under FILE */
	qr_atomic64 size;        /* bytes; atomic; written under CACHE */
	uint64_t pages;          /* in the cache, under CACHE */
	uint64_t values;         /* in the index in the place of a page, under CACHE */
	qr_atomic64 dirty;       /* pages with DIRTY; atomic */
	qr_atomic64 next_write;  /* where the next writer goes on to write back: balance.c. Atomic */
	void *root;              /* index, under CACHE */
	uint32_t height;
	uint32_t flags; /* QR_FILE_* */
	uint32_t
	    open_to_mappings;  /* a shared mapping may write, or could: set under FILE, and stays; atomic */
	qr_atomic64 committed; /* pages accounted (shared anonymous memory) */
	struct qr_list link;   /* system->files */
};

enum {
	QR_FILE_ACCOUNTED = 1 /* committed at creation: mmap(MAP_SHARED | MAP_ANONYMOUS) */
};

static inline bool qr_file_is_shmem(const struct quire_file *file)
{
	return !file->ops || !file->ops->read;
}

/* Registers the page cache's hooks. Called once, while the system is created. */
void qr_file_init(struct quire_system *system);

/* A node of the index: its layout is index.c's own. */
#define QR_CACHE_NODE_BYTES (64 * sizeof(void *) + 16)

/* --- the index (index.c): all under CACHE -------------------------------------------------------- */
struct qr_page *qr_index_find(const struct quire_file *file, uint64_t index);
enum quire_status qr_index_insert(struct quire_file *file, uint64_t index,
				  struct qr_page *page) QUIRE_MUST_USE;
/* Takes out what is there: a page, a value, or NULL. */
void *qr_index_remove(struct quire_file *file, uint64_t index);
/* Whether an entry is a value: an odd word, and no page. */
static inline bool qr_index_is_value(const void *entry)
{
	return ((uintptr_t)entry & 1) != 0;
}
/* The value that is there; 0: a page, or nothing. */
uintptr_t qr_index_value(const struct quire_file *file, uint64_t index);
/* Puts `entry` in the place of `old`, one of them a page and the other a value. False: `old` is not there. */
bool qr_index_replace(struct quire_file *file, uint64_t index, const void *old, void *entry);
/* The first page or value in [*index, last]; sets *index. NULL: none. */
void *qr_index_next_entry(const struct quire_file *file, uint64_t *index, uint64_t last);
/* The first page in [*index, last]; sets *index. NULL: none. */
struct qr_page *qr_index_next(const struct quire_file *file, uint64_t *index, uint64_t last);
/* Which of `count` entries from `index` on are pages or values: bit n is that of (*out_run)[n].
 * => `count` is 1 to 32, and all of them lie in one node, of which each has QR_INDEX_NODE from a multiple of it on */
#define QR_INDEX_NODE 64u
uint32_t qr_index_used(const struct quire_file *file, uint64_t index, unsigned count,
		       struct qr_page *const **out_run);

/* --- the cache (cache.c) ------------------------------------------------------------------------------ */

/* The page if it is cached, with a reference; NULL otherwise. Locks: CACHE. */
struct qr_page *qr_cache_find(struct quire_file *file, uint64_t index);

/* The page that the file has, LOCKED and with a reference: cached, or brought back from swap (sleeps). Makes none.
 * Returns QUIRE_OK; QUIRE_ENOENT: there is none; QUIRE_EIO, QUIRE_ENOMEM: it could not be brought. */
enum quire_status qr_cache_find_locked(struct quire_file *file, uint64_t index,
				       struct qr_page **out_page) QUIRE_MUST_USE;

/* Up to `count` cached pages of [first, last], in order, each with a reference. Returns how many.
 * Locks: CACHE, once. */
unsigned qr_cache_find_range(struct quire_file *file, uint64_t first, uint64_t last, struct qr_page **pages,
			     unsigned count);

/* The cached pages of [first, last], up to the end of the file, that can be mapped as they are: up to date, and
 * nobody had them LOCKED. In order, each LOCKED now and with a reference. => last - first < QR_TAKE_PAGES.
 * Returns how many. Locks: CACHE, once; PAGE by trying.
 *
 * A page leaves the index LOCKED and under CACHE, and the size changes under CACHE: so a page that is found
 * there and could be LOCKED is the file's until it is unlocked. */
#define QR_TAKE_PAGES 32
unsigned qr_cache_take_range(struct quire_file *file, uint64_t first, uint64_t last,
			     struct qr_page *pages[QR_TAKE_PAGES]);

/* One such page, LOCKED and with a reference; NULL: qr_cache_get() is needed. Locks: CACHE, once; PAGE by trying. */
struct qr_page *qr_cache_take(struct quire_file *file, uint64_t index);

/* The page, cached and up to date, LOCKED and with a reference. Makes it: shared memory gets a zeroed
 * page; a file's is read (sleeps; no lock may be held but the mm lock, which the caller drops first when
 * it retries: see src/fault/file.c).
 * *out_how: QUIRE_STEP_CACHE_HIT, _CACHE_READ or _CACHE_SHMEM.
 * Returns QUIRE_OK; QUIRE_ERANGE: beyond the end; QUIRE_EIO: read failed or short; QUIRE_ENOMEM. */
enum quire_status qr_cache_get(struct quire_file *file, uint64_t index, struct qr_page **out_page,
			       enum quire_step *out_how) QUIRE_MUST_USE;

/* Recounts: pages in the index against `pages`, `dirty`, and the promises. For quire_check(). */
bool qr_file_valid(const struct quire_file *file);

/* Marks a page dirty (counted once). => reference held. */
void qr_cache_dirty(struct qr_page *page);

/* --- how many pages are dirty (balance.c) ------------------------------------------------------------- */

/* A page of the file became dirty (1) or clean (-1). Takes no lock. */
void qr_file_count_dirty(struct quire_file *file, int by);
/* Dirty pages of all files with a device; exact while nothing runs. */
uint64_t qr_dirty_pages(const struct quire_system *system);

/* Whether it is time for a writer of the file to look how many pages all files have dirty. Any context. */
bool qr_file_is_due(const struct quire_file *file);
/* It looks, and where those are more than may wait, it writes some of this file back itself.
 * => no lock is held, the file is referenced; sleeps. */
void qr_file_balance(struct quire_file *file);

/* The same wherever the end is: for a write that will grow the file. Never QUIRE_ERANGE. */
enum quire_status qr_cache_make(struct quire_file *file, uint64_t index, struct qr_page **out_page,
				enum quire_step *out_how) QUIRE_MUST_USE;

/* Takes a page out of the cache, with the cache's reference and its promise. => LOCKED, unmapped. */
void qr_cache_remove(struct quire_file *file, struct qr_page *page);

/* A page of shared memory leaves its file, which keeps `key` in its place and what was promised for it; the file's
 * reference is the caller's afterwards. => LOCKED, unmapped. Locks: CACHE. */
void qr_cache_swap_out(struct quire_file *file, struct qr_page *page, uintptr_t key);
/* The reverse: `page`, LOCKED and with a reference for the file, takes the place of `key`. False: `key` is not there
 * any more. The caller makes it the file's (u.cache, SHMEM, dirty). Locks: CACHE. */
bool qr_cache_swap_in(struct quire_file *file, uint64_t index, uintptr_t key, struct qr_page *page);
/* Whether the page's place holds a value: 0, or the value. Locks: CACHE. */
uintptr_t qr_cache_value(struct quire_file *file, uint64_t index);
/* Values that name a slot in [first, end). Locks: CACHE. */
uint64_t qr_cache_count_values(struct quire_file *file, uint64_t first, uint64_t end);
/* A value that cannot be brought back any more becomes another that says so. Locks: CACHE. */
void qr_cache_poison(struct quire_file *file, uint64_t index, uintptr_t key);
/* Takes the value out: nothing is there any more. The promise goes with it. Locks: CACHE. */
bool qr_cache_forget(struct quire_file *file, uint64_t index, uintptr_t key);

/* Writes a page to its file if it is dirty, cleaning its mappings first. => LOCKED; sleeps. QUIRE_EIO: still dirty. */
enum quire_status qr_cache_write_page(struct quire_file *file, struct qr_page *page) QUIRE_MUST_USE;
/* Takes a page of a file with a device out of the cache, if it is clean, unmapped, and held only by the cache and the
 * caller. Its place keeps a mark (a value) of when, which the next read finds; not more of them than a quarter of all
 * frames. => LOCKED. Locks: CACHE. Allocates nothing. */
bool qr_cache_drop_clean(struct quire_file *file, struct qr_page *page);

/* Gives back what was committed for one page of shared memory. */
void qr_cache_uncommit(struct quire_file *file);

/* Unlocks and puts what qr_cache_get() gave. */
void qr_cache_put(struct quire_system *system, struct qr_page *page);

/* The size becomes at least `size`; several threads may grow a file at once, and none takes from it what another has
 * added (truncate.c). What a mapping wrote behind the old end of a device's file is cleared. Sleeps. */
void qr_file_grow(struct quire_file *file, uint64_t size);

/* Pages of the file's size, rounded up. */
uint64_t qr_file_end_index(const struct quire_file *file);

/* Unmaps pages [first, last] of the file from every mapping (truncate.c): QR_UNMAP_PAGES takes private
 * copies too, QR_UNMAP_CACHE leaves them. */
void qr_file_unmap(struct quire_file *file, uint64_t first, uint64_t last, enum qr_unmap_what what);

/* Drops the cached pages [first, last] after unmapping each from wherever it still is (truncate.c). */
void qr_file_drop_pages(struct quire_file *file, uint64_t first, uint64_t last);

/* Holds the list of mappings of a file, if there is one: while a range or its pages change hands. */
static inline void qr_map_lock(struct quire_file *file)
{
	if (file)
		qr_lock(file->system, &file->map_lock, QR_RANK_FILE);
}

static inline void qr_map_unlock(struct quire_file *file)
{
	if (file)
		qr_unlock(file->system, &file->map_lock, QR_RANK_FILE);
}

/* Write-protects and cleans every leaf that maps `page`, moving dirty to it (clean.c).
 * Returns whether any was dirty. => LOCKED. */
bool qr_page_mkclean(struct quire_system *system, struct qr_page *page);

/* Removes every mapping of `page` (reclaim, truncate) and flushes. => LOCKED, reference held. */
void qr_page_unmap_all(struct quire_system *system, struct qr_page *page);

#endif
