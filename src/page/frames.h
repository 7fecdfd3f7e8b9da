/* SPDX-License-Identifier: MIT */
/* Frames: allocated, freed, counted by state. */
#ifndef QR_FRAMES_H
#define QR_FRAMES_H

#include "base/system.h"

/* Allocates a block in `state` with one reference. Flags: QUIRE_FRAME_*. NULL: none free above the
 * reserve. Without LINEAR, high frames are preferred. Contents are undefined unless ZERO.
 * => does not sleep. Locks: ZONE. */
struct qr_page *qr_frame_alloc(struct quire_system *system, unsigned order, unsigned flags,
			       enum quire_page_state state);

/* The same for one frame, for callers that already hold their `qr_cpu`. */
struct qr_page *qr_frame_alloc_on(struct quire_system *system, struct qr_cpu *cpu, unsigned flags,
				  enum quire_page_state state);

/* The same for a frame of private memory that *payer pays for (page/group.h). NULL also where its limit refuses. */
struct qr_group_slot;
struct qr_page *qr_frame_alloc_paid(struct quire_system *system, struct qr_cpu *cpu, unsigned flags,
				    struct qr_group_slot *const *payer);

/* Asks for a frame of zeroes for the library itself: not counted as a page that was cleared. */
#define QR_FRAME_BLANK (1u << 16)

/* Frees a block whose references are gone (ref == 0 or 1, not mapped). A frame that is known to be all
 * zero has ZEROED set before: the next request for zeroes may get it as it is. => rmap empty. Locks: ZONE. */
void qr_frame_free(struct quire_system *system, struct qr_page *page, unsigned order);

/* Puts one reference of each; the frames that become free go to the CPU's list at once. */
void qr_page_put_many(struct quire_system *system, struct qr_page *const *pages, unsigned count);

/* Changes what a frame is used for, and the counts. */
void qr_page_set_state(struct quire_system *system, struct qr_page *page, enum quire_page_state state);

/* Total free frames: zones and CPU lists. */
uint64_t qr_frames_free(const struct quire_system *system);
/* Frames in a state. Exact when nothing else runs. */
uint64_t qr_frames_in_state(const struct quire_system *system, enum quire_page_state state);

/* The whole frames of a range of RAM. */
struct qr_ram_span {
	uint64_t first, count;
};
static inline struct qr_ram_span qr_ram_frames(const struct quire_ram *ram, unsigned shift)
{
	uint64_t frame = (uint64_t)1 << shift;
	uint64_t first = (ram->base.v + frame - 1) >> shift, end = (ram->base.v + ram->bytes) >> shift;

	return (struct qr_ram_span){.first = first, .count = first < end ? end - first : 0};
}

/* Setting up (frames_init.c): the system itself, descriptors of all ranges, per-CPU areas, zones.
 * => quire_config_check() has nothing against the configuration, and its defaults are filled in.
 * QUIRE_ENOMEM: the RAM does not hold its own descriptors. */
enum quire_status qr_frames_init(const struct quire_config *config, struct quire_system **out_system);
/* Returns this system's CPU lists to the zones. => nothing else runs. */
void qr_frames_drain(struct quire_system *system);

#endif
