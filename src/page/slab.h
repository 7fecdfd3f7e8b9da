/* SPDX-License-Identifier: MIT */
/* The library's own objects: one kind, one size; CPU lists over slabs of frames. */
#ifndef QR_SLAB_H
#define QR_SLAB_H

#include "page/page.h"

/* A node of the page cache index: its layout is src/file/index.c's own. */
#define QR_CACHE_NODE_BYTES (64 * sizeof(void *) + 16)

/* Kinds are added here; their sizes in src/system/create.c, which sees every part. */
enum qr_slab_kind {
	QR_SLAB_MM = 0,
	QR_SLAB_VMA,
	QR_SLAB_FILE,
	QR_SLAB_CACHE_NODE, /* page cache index */
	QR_SLAB_RMAP_CHUNK,
	QR_SLAB_KMAP_AREA,
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

/* `bytes`: the size of each kind. */
void qr_slab_init(struct quire_system *system, const uint32_t bytes[QR_SLAB_KINDS]);

/* A zeroed object; NULL: no frame. => does not sleep. Locks: SLAB, ZONE. */
void *qr_slab_alloc(struct quire_system *system, enum qr_slab_kind kind);
void qr_slab_free(struct quire_system *system, enum qr_slab_kind kind, void *object);

/* Up to `count` objects, linked through their first word; their contents are undefined. Returns how
 * many: fewer when no frame could be had. The many of one go back with qr_slab_free_many(). */
uint32_t qr_slab_alloc_many(struct quire_system *system, enum qr_slab_kind kind, uint32_t count,
			    void **out_list);
void qr_slab_free_many(struct quire_system *system, enum qr_slab_kind kind, void *list);

/* Makes the CPU's list hold at least `count` objects, so that so many allocations in a row on this CPU
 * cannot fail. Returns QUIRE_OK or QUIRE_ENOMEM. */
enum quire_status qr_slab_reserve(struct quire_system *system, enum qr_slab_kind kind,
				  uint32_t count) QUIRE_MUST_USE;

/* Returns CPU lists to their slabs and empty slabs to the zones. => nothing else runs. */
void qr_slab_drain(struct quire_system *system);

#endif
