/* SPDX-License-Identifier: MIT */
/* The smallest machine that the tests of frames and page tables need: memory, a host that watches. */
#ifndef BOX_H
#define BOX_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "page/page.h"
#include "page/slab.h"

#define BOX_RANGES 6
#define BOX_LOCKS  16

/* A range in frames of the architecture; `window`: without a linear address. */
struct box_range {
	uint64_t first, frames;
	bool window;
};

struct box {
	struct quire_system *system;
	const struct quire_arch *arch;
	struct quire_config config;
	struct quire_host host;
	struct box_range range[BOX_RANGES];
	char *memory[BOX_RANGES];
	uint64_t bytes[BOX_RANGES];
	unsigned ranges;

	unsigned cpu;     /* what the host says */
	int windows;      /* open now */
	uint64_t asked;   /* allocations asked for */
	uint64_t fail_at; /* the one to fail; 0: none */
	bool failed;
	const char *mutant;
	jmp_buf *on_panic; /* NULL: a panic ends the test */
	char panicked[160];

	/* Locks held, for the order. */
	const void *held[BOX_LOCKS];
	unsigned rank[BOX_LOCKS];
	unsigned locks;

	void (*on_flush)(struct box *box, const struct quire_flush *flush);
	void *watcher;
	uint64_t seed;
};

/* Makes a system over `ranges`; the count of them ends with frames == 0. `tune` may change the
 * configuration before; NULL: nothing. Returns what quire_system_create() does. */
enum quire_status box_try(struct box *box, const struct quire_arch *arch, const struct box_range *ranges,
			  void (*tune)(struct quire_config *config));
/* The same, and the test fails when it does. */
void box_make(struct box *box, const struct quire_arch *arch, const struct box_range *ranges,
	      void (*tune)(struct quire_config *config));
/* Destroys the system, which checks that nothing is left, and the memory. */
void box_end(struct box *box);
/* Frees the memory of a box whose system was never made or has panicked. */
void box_drop(struct box *box);

uint64_t box_random(struct box *box, uint64_t below);
uint64_t box_free_frames(const struct box *box);
/* Fails the test unless the states sum to all frames. */
void box_check_states(const struct box *box);

#endif
