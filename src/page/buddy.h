/* SPDX-License-Identifier: MIT */
/* The buddy allocator of one zone: blocks of 1 << order frames, aligned to their size.
 *
 *   head[order] ──► first frame of a free block ──► ...
 *
 * Every frame of a free block has state FREE; the first also has HEAD and the block's order. Two blocks
 * merge when they are halves of one aligned block and lie in one range: neighbouring ranges have no
 * common addresses or descriptors. */
#ifndef QR_BUDDY_H
#define QR_BUDDY_H

#include "base/system.h"

/* Takes a block; NULL: none, or only the reserve and `flags` has no QUIRE_FRAME_RESERVE. The frames are
 * in state CPU, the first with the order and, above order 0, HEAD. => ZONE held. */
struct qr_page *qr_buddy_take(struct quire_system *system, struct qr_zone *zone, unsigned order,
			      unsigned flags);

/* Gives a block back, merged with its free buddies. => ZONE held; the frames are nobody's. */
void qr_buddy_give(struct quire_system *system, struct qr_zone *zone, struct qr_page *page, unsigned order);

#endif
