/* SPDX-License-Identifier: MIT */
/* What the swap tests share: a machine with a store, pages that hold their number, evictions. */
#ifndef SWAP_FIXTURE_H
#define SWAP_FIXTURE_H

#include "tests/fault/fixture.h"

#define RW (QUIRE_PROT_READ | QUIRE_PROT_WRITE)

struct sw {
	struct fx fx;
	struct sim_store *store;
};

/* A machine with one process and a store of `slots` pages attached. flags: QUIRE_STORE_*. */
struct sw sw_open(const char *arch, const char *profile, uint64_t slots, uint32_t flags,
		  const struct sim_config *more);
/* Ends it: no finding, no leak. */
void sw_close(struct sw *sw);

/* Maps private memory and writes value + i to page i. */
void sw_fill(struct sw *sw, quire_va at, unsigned pages, unsigned value);
/* Page i holds value + i. */
void sw_expect(struct sw *sw, quire_va at, unsigned pages, unsigned value);
/* Evicts; all `pages` leave memory. */
void sw_evict(struct sw *sw, quire_va at, unsigned pages);
/* The same, but so many do. */
void sw_evict_some(struct sw *sw, quire_va at, unsigned pages, uint64_t left);

/* One access, which takes exactly one fault: the way from handle_mm_fault on, and how it counts. */
void sw_read_way(struct sw *sw, quire_va at, unsigned value, const char *way, unsigned major);
void sw_write_way(struct sw *sw, quire_va at, unsigned value, const char *way, unsigned major);

/* quire_check() finds nothing. `where`: what it is said with. */
void sw_check(struct sw *sw, const char *where);

struct quire_area sw_area(struct sw *sw);

/* The value of the swap entry at `at`; fails where there is none. */
uint64_t sw_entry(struct sw *sw, const struct quire_mm *mm, quire_va at);

#endif
