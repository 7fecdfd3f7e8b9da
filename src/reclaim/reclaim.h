/* SPDX-License-Identifier: MIT */
/* Reclaim inside: pages are found, looked at, judged by the policy, and leave.
 *
 *   lists.c   every page that may leave is on one list: of the policy, or of the locked ones
 *   look.c    was it used since it was looked at last, through its reverse map
 *   scan.c    a batch: taken off, looked at, judged; to its store or its file; back on a list
 *   file.c    a page of a file: written if dirty, dropped, its mark left in the file
 *   direct.c  when: in the background below a mark, or in a thread that found no frame
 *
 * A fault puts nothing on a list. Reclaim finds what is mapped by a hand that goes round the descriptors of all
 * frames, as 4.3BSD's pager did: so a system with enough memory pays nothing for lists, and no two faults share
 * a line because of them. What no descriptor tells, a page of a cache that nobody maps, is reported by its cache
 * when it came by a transfer or a system call (qr_reclaim_hooks.came).
 *
 * QR_PAGE_LRU is set exactly while a page is on a list, and changes under LRU only. A page that is looked at is on
 * none but QR_PAGE_ISOLATED, and reclaim holds a reference: nobody else puts it on a list meanwhile. One without
 * references is on a list only until qr_frame_free() returns.
 *
 * Lock order: ... > RMAP > CACHE > SWAP > AREA > LRU > SLAB > ZONE. Nothing is taken under LRU.
 *
 * Rejected: adding pages where a fault maps them, through a batch for each CPU (ten instructions of every fault, and
 * references that keep freed pages). */
#ifndef QR_RECLAIM_H
#define QR_RECLAIM_H

#include "page/group.h"
#include "reclaim/policy.h"
#include "swap/swap.h"

/* Registers the hooks, sets the marks. Called once, while the system is created. */
void qr_reclaim_init(struct quire_system *system, const struct quire_config *config);

/* --- lists (lists.c) --- */

/* Puts pages that were found on no list on one: goes on from where it was, past at most `frames` descriptors.
 * Returns how many it found. Locks: LRU; RMAP by trying. */
uint64_t qr_reclaim_discover(struct quire_system *system, uint64_t frames);

/* Takes up to `count` pages off, as the policy picks them, each with a reference. `top`: of that group and those in it;
 * NULL: of all. Returns how many. *out_listed: pages that were on all these lists. */
unsigned qr_reclaim_take(struct quire_system *system, const struct quire_group *top, unsigned kinds,
			 struct qr_page **pages, unsigned count, uint64_t *out_listed);

/* Puts a page back. `locked`: on the list of those. The caller's reference stays. */
void qr_reclaim_add(struct quire_system *system, struct qr_page *page, enum qr_added why, bool locked);

/* What judge() says of each of at most 64 pages; `used`: a bit for each. Those that are kept go back on a list, and in
 * the array behind those that are to leave. The caller's references stay. Returns how many are to leave. */
unsigned qr_reclaim_judge(struct quire_system *system, struct qr_page **pages, uint64_t used, unsigned count);

/* --- looking (look.c) --- */

/* Whether the page was used since: its mappings become old, its REFERENCED goes. => referenced */
bool qr_reclaim_used(struct quire_system *system, struct qr_page *page);
/* Whether a locked vma maps it. False also where that cannot be seen at once. => referenced */
bool qr_reclaim_is_locked(struct quire_system *system, struct qr_page *page);

/* --- leaving (file.c, scan.c) --- */

/* A page of a file leaves memory: unmapped, written if dirty, taken out of the cache. => LOCKED, one reference.
 * True: both are gone. False: unlocked, and the reference is the caller's still. Nothing is allocated. */
bool qr_reclaim_file_page(struct quire_system *system, struct qr_page *page);

/* Evicts about `want` pages, of one group or (NULL) of all; looks three times at each at most. Where none can
 * leave, empty page tables are freed. Returns how many left, or tables; 0 at once in a thread that frees memory already.
 * => no lock held; may sleep. */
uint64_t qr_reclaim_pages(struct quire_system *system, const struct quire_group *group, uint64_t want,
			  bool background);

/* --- running out (direct.c) --- */

/* The hook `retry`. */
bool qr_reclaim_retry(struct quire_system *system, struct qr_retry *retry);
/* The hook `room`. */
void qr_reclaim_room(struct quire_system *system);

#endif
