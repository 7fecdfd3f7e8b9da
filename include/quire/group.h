/* SPDX-License-Identifier: MIT */
/* Groups of address spaces, and how much memory each may have: what memory cgroups are on Linux. */
#ifndef QUIRE_GROUP_H
#define QUIRE_GROUP_H

#include <quire/mm.h>
#include <quire/reclaim.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A group charges each page to the address space that first touched it, itself and every group above it:
 *
 *   private memory       when a fault takes a frame for it, or brings it back from a store
 *   files, shared memory when an address space of a group maps a page that nobody is charged for
 *   swap                 when a page of the group gets a slot
 *
 * A page stays charged until its frame is free, and a slot until it is, whoever else uses them meanwhile.
 * Page tables, and pages that system calls alone read and write, are charged to nobody. */
struct quire_group;

/* Makes a group without limits. `parent`: the group that it is a part of; NULL: none.
 * Returns    QUIRE_OK and *out_group, with a reference of the caller; QUIRE_ENOMEM: no frame, or 1023 groups are there.
 * On failure nothing is changed.
 * Context    does not sleep. Locks: none may be held. */
enum quire_status quire_group_create(struct quire_system *system, struct quire_group *parent,
				     struct quire_group **out_group) QUIRE_MUST_USE;

/* Takes a reference. Returns the group. Any context. */
struct quire_group *quire_group_get(struct quire_group *group);
/* Gives it back; NULL is allowed. A group has references of its address spaces, too, and of the groups in it. What is
 * charged to it when the last is gone stays charged to the groups above it.
 * Context: does not sleep. Locks: none may be held. */
void quire_group_put(struct quire_group *group);

/* In pages; QUIRE_UNLIMITED: none. */
struct quire_group_limits {
	uint64_t max;  /* a page beyond is refused: pages of the group leave, or it is out of memory */
	uint64_t high; /* above, whoever takes pages evicts pages of the group first; nothing is refused */
	uint64_t swap_max; /* a slot beyond is refused: the page stays in memory */
};

/* Gives the limits. Any context. */
void quire_group_limits_get(const struct quire_group *group, struct quire_group_limits *out_limits);
/* Sets them. What is charged already stays: quire_group_reclaim() evicts it.
 * Context: does not sleep. Locks: none may be held. */
void quire_group_limits_set(struct quire_group *group, const struct quire_group_limits *limits);

/* What a group and all groups in it have, and what happened at its own limits. */
struct quire_group_counts {
	uint64_t pages, swap;
	uint64_t high;     /* pages left because it was above `high` */
	uint64_t max;      /* charges that were refused, to be tried again after pages have left */
	uint64_t swap_max; /* slots that were refused */
	uint64_t oom;      /* nothing could leave */
};
/* Counts it: exact when nothing else runs. Context: does not sleep. */
void quire_group_counts_get(struct quire_group *group, struct quire_group_counts *out_counts);

/* Makes an address space part of a group; NULL: of none. What it has stays charged as it is; fork gives the child
 * its parent's group. Context: may sleep for the mm lock. Locks: none may be held; takes the mm's for write. */
void quire_mm_set_group(struct quire_mm *mm, struct quire_group *group);

/* Returns the group of an address space; NULL: none. It stays while the address space is in it. Any context. */
struct quire_group *quire_mm_group(const struct quire_mm *mm);

/* Evicts up to `pages` pages of a group and the groups in it.
 * Returns the pages that left memory. Context: may sleep for pages. Stack: large. Locks: none may be held. */
uint64_t quire_group_reclaim(struct quire_group *group, uint64_t pages);

/* After the outcome QUIRE_OOM_KILL by the rule QUIRE_STEP_GROUP_LIMIT: picks as quire_oom_pick() does, but only among
 * the address spaces in the group that is full: the lowest above `mm` whose limit leaves no page.
 * Returns QUIRE_OK and *out_index; QUIRE_ENOENT: none may be ended; QUIRE_EAGAIN: no group is full any more.
 * Context: does not sleep. */
enum quire_status quire_group_oom_pick(struct quire_mm *mm, const struct quire_oom_candidate *candidates,
				       size_t count, size_t *out_index) QUIRE_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
