/* SPDX-License-Identifier: MIT */
/* The data of frames and objects that a system holds by value. src/page has what is done with it.
 *
 *   struct qr_page        one for each frame of RAM, 64 bytes
 *     ref                 holders of the frame: 1 for each mapping, 1 for the page cache, 1 for each
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
#ifndef QR_FRAME_H
#define QR_FRAME_H

#include <quire/system.h>

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
	QR_PAGE_LOCKEDMEM = 1 << 21,  /* mlocked somewhere */
	QR_PAGE_READAHEAD = 1 << 22,  /* read ahead from a store, and not wanted yet */
	QR_PAGE_WORKINGSET = 1 << 23, /* came back soon after it was evicted; its list was not told yet */
	QR_PAGE_ISOLATED = 1 << 24,   /* reclaim looks at it, and puts it back on a list itself */
	QR_PAGE_CHARGED = 1 << 25,    /* to `group`, until the frame is free */
	QR_PAGE_FETCHED = 1 << 26     /* a file's: instruction fetches see its content. Under LOCKED */
};
#define QR_PAGE_STATE_MASK  0xfu
#define QR_PAGE_ORDER_SHIFT 4

struct qr_page {
	uintptr_t rmap; /* atomic; holds its own lock: see rmap.h */
	uint32_t ref;   /* atomic */
	uint32_t flags; /* atomic */
	union {
		struct qr_list link; /* free list, CPU list, LRU, or table's batch */
		char *linear;        /* TABLE, in use: linear address of the frame */
	};
	union {
		struct { /* FILE, SHMEM: under CACHE; constant while in the cache or LOCKED */
			struct quire_file *file;
			uint64_t index;
		} cache;
		struct { /* TABLE */
			struct qr_pt *pt;
			quire_va base; /* first va that the frame's tables map */
		} table;
		struct {                  /* ANON */
			uintptr_t slot;   /* odd: the swap layer's; 0: none. Atomic, written while LOCKED */
			uintptr_t second; /* the second of two mappings, under RMAP: see rmap.h; 0: none */
		} anon;
		struct { /* OBJECT: first frame of a slab; under SLAB */
			void *free;
			uint32_t used;
			uint32_t kind;
		} slab;
	} u;
	union {
		struct qr_lock lock; /* TABLE: PT lock */
		uint32_t group; /* CHARGED: who pays (page/group.h). Written before anybody knows the page, or
		                      * under LRU. Else 0, so that a table's lock begins free */
	};
	uint8_t level; /* TABLE: level of the tables in this frame */
	uint8_t zone;  /* constant: enum qr_zone_id */
	uint8_t range; /* constant: system->range[] */
	uint8_t age;   /* on a list of the reclaim layer: the policy's own, under LRU */
	uint64_t pfn;  /* constant */
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

/* A CPU's free order-0 frames: the last one in is the first out. A full list is spilled at once. */
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

/* What reclaim keeps (src/reclaim). */
#define QR_POLICY_BYTES 512

/* The lists of the pages that a group pays for, or nobody. Under LRU. */
struct qr_reclaim_lists {
	struct qr_list unevictable;          /* pages that were found locked */
	uint64_t pages;                      /* on all of these lists */
	uint64_t state[QR_POLICY_BYTES / 8]; /* the policy's */
};

struct qr_reclaim {
	struct qr_lock lock; /* LRU: all lists, and QR_PAGE_LRU of every page */
	const struct quire_policy *policy;
	struct qr_reclaim_lists lists; /* of pages that nobody pays for; groups have their own. Under lock */
	uint64_t pages, kept_locked;   /* on all lists, on those of locked pages; under lock */
	uint32_t turn;                 /* id of the group from which pages are taken next; under lock */
	uint32_t range; /* the hand: where the search for pages on no list goes on; under lock */
	uint64_t frame;
	uint64_t low, high;     /* frames: background reclaim begins below, and ends above */
	uint32_t wanted;        /* atomic: background reclaim sleeps on it */
	uint32_t starved;       /* atomic: allocations that found no frame */
	uint32_t active, ended; /* atomic: calls that evict now; that have ended, slept on */
	qr_atomic64 left;       /* pages that left memory; atomic */
	qr_atomic64 shadows;    /* marks in files where pages were; atomic */
};

/* Kinds of objects (page/slab.h). A new one is added here; its size in src/system/create.c, which sees every
 * part. */
enum qr_slab_kind {
	QR_SLAB_MM = 0,
	QR_SLAB_VMA,
	QR_SLAB_FILE,
	QR_SLAB_CACHE_NODE, /* page cache index */
	QR_SLAB_RMAP_CHUNK,
	QR_SLAB_KMAP_AREA,
	QR_SLAB_GROUP,
	QR_SLAB_SMALL, /* 256 bytes: whatever there is one of */
	QR_SLAB_KINDS
};

struct qr_slab_cache {
	void *free; /* list through the first word */
	uint32_t count;
};

struct qr_slab {
	struct qr_lock lock;
	uint32_t bytes; /* size of an object, rounded */
	uint32_t order; /* of a slab's block */
	uint32_t per_slab;
	uint32_t keep;          /* a CPU that has twice as many gives all beyond back */
	struct qr_list partial; /* slabs with a free object, under lock */
	uint64_t slabs;         /* under lock */
};

_Static_assert(sizeof(void *) != 8 || sizeof(struct qr_page) == 64, "a descriptor is one cache line");

#endif
