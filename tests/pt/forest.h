/* SPDX-License-Identifier: MIT */
/* Two trees of page tables beside a naive model of what they map, and a TLB that remembers.
 *
 *   place     an address, chosen where tables meet; the same places in both trees
 *   leaf      what the model says is there
 *   cached    translations that a CPU may still use: the model's TLB. A leaf that exists is cached at
 *             once; only a flush takes it out. A frame that is freed while cached ends the test. */
#ifndef FOREST_H
#define FOREST_H

#include "pt/pt.h"
#include "tests/page/box.h"

#define PLACES 160
#define PAGES  24
#define TREES  2

struct leaf {
	enum {
		NOTHING = 0,
		MAPPED,
		SWAPPED
	} kind;
	unsigned page;
	quire_prot prot;
	unsigned flags;
	uint64_t swap;
};

struct forest {
	struct box box;
	const struct quire_arch *arch;
	struct quire_mm *mm[TREES];
	struct qr_pt pt[TREES];
	quire_va place[PLACES];
	unsigned places;
	struct leaf leaf[TREES][PLACES];

	struct qr_page *page[PAGES];
	bool exclusive[PAGES];
	quire_prot prots[16]; /* what this architecture can say */
	unsigned protections;

	uint64_t cached[TREES][PLACES]; /* pfn; 0: nothing */
	uint64_t table[4096];           /* frames of tables that a CPU may walk through */
	unsigned tables;
	uint64_t flushes;

	/* Shadow of the swap layer: references by value. */
	uint32_t swap_ref[256];
};

void forest_make(struct forest *forest, const struct quire_arch *arch);
/* Unmaps, frees all tables and pages; what is left over ends the test. */
void forest_end(struct forest *forest);

/* Every entry, reverse map, reference against the model. */
void forest_compare(struct forest *forest);
/* Every leaf there is may be cached from now on, and every table. */
void forest_touch(struct forest *forest);
/* No frame that is free may be reached by what is cached. */
void forest_check_cached(struct forest *forest);

bool forest_page_anon(const struct forest *forest, unsigned page);

#endif
