/* SPDX-License-Identifier: MIT */
/* The kernel's own mappings, and their lazy copies in the address spaces.
 *
 *   kernel tree (init's table)          an mm's root
 *   +--- root ---+                      +--- root ---+
 *   | user: none |                      | user       |
 *   | kernel  ●──┼──► tables ◄──────────┼─● kernel   |   a top-level entry is copied when the mm is
 *   |         ●──┼──► tables            |   (none)   |   made, or at the first fault (vmalloc_fault)
 *   +------------+                      +------------+
 *
 * Tables below the root are shared by all, so one copied word is enough; they are never freed before
 * the system is. Architectures with a root for each half (QUIRE_CAP_SPLIT_ROOT) copy nothing.
 * An area is filled eagerly (frames at once) or lazily (a frame at the first touch of a page). */
#ifndef QR_KMAP_H
#define QR_KMAP_H

#include "pt/pt.h"

struct qr_kmap_area {
	struct qr_list link; /* in address order */
	quire_va start, end;
	quire_prot prot;
	enum quire_kmap_kind kind;
};

struct qr_kmap {
	struct qr_lock lock; /* KMAP: areas; sleeps */
	struct qr_pt pt;     /* the kernel tree */
	struct qr_list areas;
	quire_va start, end; /* where areas may lie */
};

/* Makes the kernel tree, and the area if the config has one: without, it is empty (quire_system_create calls it
 * after the allocators). */
enum quire_status qr_kmap_init(struct quire_system *system) QUIRE_MUST_USE;
void qr_kmap_destroy(struct quire_system *system);

/* The kernel tree, whose entries new address spaces copy. */
static inline const struct qr_pt *qr_kmap_tree(const struct quire_system *system)
{
	return &system->kmap->pt;
}

/* What a fault on a kernel address finds: syncs the top-level entry of `pt` (NULL: the kernel tree is
 * loaded itself), else fills a lazy page. Returns QUIRE_STEP_VMALLOC_SYNCED, _FILLED, _SPURIOUS (there
 * already, and it allows `access`: the CPU's view was stale), _ABSENT or _NO_FRAME. => does not sleep: a kernel address may be
 * touched in any context. Locks: PT. */
enum quire_step qr_kmap_fault(struct quire_system *system, struct qr_pt *pt, quire_va va,
			      enum quire_access access);

#endif
