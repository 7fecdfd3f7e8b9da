/* SPDX-License-Identifier: MIT */
/* Frames and their descriptors: state, references, reverse map; the buddy allocator and its lists.
 *
 *   struct qr_page        one for each frame of RAM, 64 bytes
 *     ref                 who holds the frame: 1 for each mapping, 1 for the page cache, 1 for each
 *                         object use, of a table's frame as pt.h says, 1 for each transient
 *                         user. 0: free.
 *     flags               state (quire_page_state) | bits below
 *     rmap                every level-0 entry that maps the frame (src/page/rmap.c)
 *
 *   Equations:  mapcount(page) == length of rmap <= ref
 *               ref(cache page) == mapcount + 1 (the cache) + transient users
 *               frames == sum of by_state
 *
 * A frame's way:   range ──► zone (buddy, orders 0..10) ──► CPU list ──► user
 */
#ifndef QR_PAGE_H
#define QR_PAGE_H

#include <quire/system.h>
#include <quire/types.h>

#include "base/lock.h"
#include "base/mem.h"

#define QR_ORDERS 11

enum qr_zone_id {
	QR_ZONE_LINEAR = 0, /* frames with a linear address: tables, objects, anything */
	QR_ZONE_HIGH = 1,   /* frames behind the window: data only */
	QR_ZONES = 2
};

/* Bits of qr_page.flags beside the state in bits 3:0 and the order in bits 7:4. Atomic. */
enum {
	QR_PAGE_LOCKED = 1 << 8,      /* PAGE lock: content is being read, written or removed */
	QR_PAGE_WAITED = 1 << 9,      /* someone sleeps for LOCKED */
	QR_PAGE_POISONED = 1 << 10,   /* free, and filled with poison */
	QR_PAGE_UPTODATE = 1 << 11,   /* content is valid */
	QR_PAGE_DIRTY = 1 << 12,      /* content is newer than its backing */
	QR_PAGE_WRITEBACK = 1 << 13,  /* being written; DIRTY was cleared before */
	QR_PAGE_REFERENCED = 1 << 14, /* accessed, harvested from ptes */
	QR_PAGE_EXCLUSIVE = 1 << 15,  /* anonymous, and its one mapping may write without asking */
	QR_PAGE_LAZYFREE = 1 << 16,   /* MADV_FREE: content may be dropped while clean */
	QR_PAGE_SWAPCACHE = 1 << 17,  /* has a slot: the swap layer's */
	QR_PAGE_LRU = 1 << 18,        /* on a list of the reclaim layer */
	QR_PAGE_ZEROED = 1 << 19,     /* free, or just being freed, and known to be all zero */
	QR_PAGE_HEAD = 1 << 20,       /* first frame of a free or allocated block of `order` */
	QR_PAGE_LOCKEDMEM = 1 << 21   /* mlocked somewhere */
};
#define QR_PAGE_STATE_MASK  0xfu
#define QR_PAGE_ORDER_SHIFT 4

struct qr_cpu;

struct qr_page {
	uint32_t ref;        /* atomic */
	uint32_t flags;      /* atomic */
	uintptr_t rmap;      /* atomic; holds its own lock: see rmap.h */
	struct qr_list link; /* free list, CPU list, LRU, or table's batch */
	union {
		struct { /* FILE, SHMEM: under CACHE; constant while in the cache or LOCKED */
			struct quire_file *file;
			uint64_t index;
		} cache;
		struct { /* TABLE */
			struct qr_pt *pt;
			uint64_t base; /* first va that the frame's tables map */
		} table;
		struct {                  /* ANON */
			uint64_t slot;    /* the swap layer's */
			uintptr_t second; /* the second of two mappings, under RMAP: see rmap.h; 0: none */
		} anon;
		struct { /* OBJECT: first frame of a slab; under SLAB */
			void *free;
			uint32_t used;
			uint32_t kind;
		} slab;
	} u;
	struct qr_lock lock; /* TABLE: PT lock */
	uint8_t level;       /* TABLE: level of the tables in this frame */
	uint8_t zone;        /* constant: enum qr_zone_id */
	uint8_t range;       /* constant: system->range[] */
	uint8_t unused;
	uint64_t pfn; /* constant */
};

/* A range of RAM and its descriptors: pages[i] describes frame base + i. */
struct qr_range {
	uint64_t base;  /* first frame */
	uint64_t count; /* frames */
	char *linear;   /* address of the first frame; NULL: window only */
	uint64_t bytes; /* of linear memory; 0 without */
	uint64_t pa;    /* physical address of the first frame */
	struct qr_page *pages;
	uint64_t meta; /* frames at its start that hold descriptors and the system */
};

/* A CPU's free order-0 frames: the last one in is the first out. The limit is never stayed at. */
#define QR_FRAME_CACHE_ORDER 4
#define QR_FRAME_CACHE_BATCH (1 << QR_FRAME_CACHE_ORDER)
#define QR_FRAME_CACHE_LIMIT (2 * QR_FRAME_CACHE_BATCH)
struct qr_frame_cache {
	uint32_t count;
	struct qr_page *slot[QR_FRAME_CACHE_LIMIT];
};

struct qr_zone {
	struct qr_lock lock;
	qr_atomic64 free; /* frames in head[], under lock; read without it as a hint */
	uint64_t reserve; /* below this only QUIRE_FRAME_RESERVE takes from head[] */
	uint64_t frames;
	struct qr_list head[QR_ORDERS]; /* free blocks by order */
} __attribute__((aligned(64)));

/* --- descriptors (page.c; the fast ones in inline.h) ---------------------------------------------- */

/* The descriptor of a frame; NULL when it is not in RAM (a device). */
static inline struct qr_page *qr_page_of(const struct quire_system *system, quire_pfn pfn);
struct qr_page *qr_page_of_slow(const struct quire_system *system, quire_pfn pfn);

static inline quire_pfn qr_page_pfn(const struct quire_system *system, const struct qr_page *page)
{
	(void)system;
	return (quire_pfn){page->pfn};
}

/* The descriptor of the frame that a linear address lies in; NULL: not linear. */
static inline struct qr_page *qr_page_at(const struct quire_system *system, const void *address);
struct qr_page *qr_page_at_slow(const struct quire_system *system, const void *address);

/* The linear address of a frame, of a physical address; NULL: none. */
static inline void *qr_page_linear(const struct quire_system *system, const struct qr_page *page);
static inline char *qr_pa_linear(const struct quire_system *system, quire_pa pa);
char *qr_pa_linear_slow(const struct quire_system *system, quire_pa pa);

/* A frame's content for as long as it is mapped: linear address or window. Unmap in reverse. */
static inline void *qr_page_map(const struct quire_system *system, const struct qr_page *page);
static inline void qr_page_unmap(const struct quire_system *system, const struct qr_page *page,
				 void *address);
void *qr_page_map_window(const struct quire_system *system, const struct qr_page *page);
void qr_page_unmap_window(const struct quire_system *system, void *address);

static inline enum quire_page_state qr_page_state(const struct qr_page *page)
{
	return (enum quire_page_state)(__atomic_load_n(&page->flags, __ATOMIC_RELAXED) & QR_PAGE_STATE_MASK);
}

static inline bool qr_page_test(const struct qr_page *page, uint32_t bits)
{
	return (__atomic_load_n(&page->flags, __ATOMIC_ACQUIRE) & bits) != 0;
}

/* Sets or clears flag bits; returns the flags before. */
static inline uint32_t qr_page_set(struct qr_page *page, uint32_t bits)
{
	return __atomic_fetch_or(&page->flags, bits, __ATOMIC_ACQ_REL);
}

static inline uint32_t qr_page_clear_bits(struct qr_page *page, uint32_t bits)
{
	return __atomic_fetch_and(&page->flags, ~bits, __ATOMIC_ACQ_REL);
}

/* --- allocation (frames.c: buddy and CPU lists) --------------------------------------------------- */

/* Allocates a block in `state` with one reference. Flags: QUIRE_FRAME_*. NULL: none free above the
 * reserve. Without LINEAR, high frames are preferred. Contents are undefined unless ZERO.
 * => does not sleep. Locks: ZONE. */
struct qr_page *qr_frame_alloc(struct quire_system *system, unsigned order, unsigned flags,
			       enum quire_page_state state);

/* The same for one frame, by who knows the CPU. */
struct qr_page *qr_frame_alloc_on(struct quire_system *system, struct qr_cpu *cpu, unsigned flags,
				  enum quire_page_state state);

/* Asks for a frame of zeroes for the library itself: not counted as a page that was cleared. */
#define QR_FRAME_BLANK (1u << 16)

/* Frees a block whose references are gone (ref == 0 or 1, not mapped). A frame that is known to be all
 * zero has ZEROED set before: who asks for zeroes next may get it as it is. => rmap empty. Locks: ZONE. */
void qr_frame_free(struct quire_system *system, struct qr_page *page, unsigned order);

/* References. The last put frees the block that the frame is the head of. */
static inline void qr_page_get(struct qr_page *page)
{
	__atomic_fetch_add(&page->ref, 1, __ATOMIC_RELAXED);
}
/* Takes a reference unless there is none left. */
bool qr_page_try_get(struct qr_page *page);
static inline void qr_page_put(struct quire_system *system, struct qr_page *page);
/* Puts one reference of each; the frames that become free go to the CPU's list at once. */
void qr_page_put_many(struct quire_system *system, struct qr_page *const *pages, unsigned count);

/* Changes what a frame is used for, and the counts. */
void qr_page_set_state(struct quire_system *system, struct qr_page *page, enum quire_page_state state);

/* Content, cleared or copied; counted on `cpu`, which the others look up. */
void qr_page_zero_on(struct quire_system *system, struct qr_cpu *cpu, struct qr_page *page);
void qr_page_copy_on(struct quire_system *system, struct qr_cpu *cpu, struct qr_page *to,
		     const struct qr_page *from);
void qr_page_zero(struct quire_system *system, struct qr_page *page);
void qr_page_copy(struct quire_system *system, struct qr_page *to, const struct qr_page *from);

/* PAGE lock: sleeps. trylock does not. => not held by the caller. */
void qr_page_lock(struct quire_system *system, struct qr_page *page);
bool qr_page_trylock(struct quire_system *system, struct qr_page *page);
/* The same, if the content is up to date. */
static inline bool qr_page_trylock_ready(const struct quire_system *system, struct qr_page *page);
static inline void qr_page_unlock(const struct quire_system *system, struct qr_page *page);
void qr_page_wake(const struct quire_system *system, struct qr_page *page);

/* Told when the hardware has written a page of a file or of shared memory: sets DIRTY and counts. The
 * one call from here upwards; src/file has it. */
void qr_cache_dirty(struct qr_page *page);

/* Setting up (frames_init.c): the system itself, descriptors of all ranges, per-CPU areas, zones.
 * QUIRE_EINVAL, QUIRE_ENOMEM: as quire_system_create(). */
enum quire_status qr_frames_init(const struct quire_config *config, struct quire_system **out_system);
/* Returns this system's CPU lists to the zones. => nothing else runs. */
void qr_frames_drain(struct quire_system *system);
/* Total free frames: zones and CPU lists. */
uint64_t qr_frames_free(const struct quire_system *system);
/* Frames in a state. Exact when nothing else runs. */
uint64_t qr_frames_in_state(const struct quire_system *system, enum quire_page_state state);

#endif
