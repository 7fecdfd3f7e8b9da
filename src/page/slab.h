/* SPDX-License-Identifier: MIT */
/* The library's own objects: one kind, one size; CPU lists over slabs of frames. The kinds: base/frame.h. */
#ifndef QR_SLAB_H
#define QR_SLAB_H

#include "base/system.h"

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

/* Returns CPU lists to their slabs and empty slabs to the zones. => nothing else runs. */
void qr_slab_drain(struct quire_system *system);

#endif
