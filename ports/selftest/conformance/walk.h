/* SPDX-License-Identifier: MIT */
/* The naive model beside the page tables: places, what each maps, and what a CPU finds there. */
#ifndef CONFORMANCE_WALK_H
#define CONFORMANCE_WALK_H

#include "run.h"

#include "pt/pt.h"

#define PLACES_MAX 96
#define PAGES      24

struct place {
	quire_va va;
	unsigned level;
	bool mapped;
	quire_pfn pfn;
	int page; /* of the pool; -1: a device frame, without descriptor */
	quire_prot prot;
	unsigned flags;
	bool swapped; /* a swap entry instead: never with `mapped` */
	uint64_t value;
};

struct walk {
	struct run *run;
	struct quire_system *system;
	const struct quire_arch *arch;
	struct qr_pt pt;
	struct place place[PLACES_MAX]; /* by address */
	unsigned places;
	struct qr_page *page[PAGES];
	bool mapped[QUIRE_MAX_LEVELS][QUIRE_PROT_MASK + 1][4]; /* leaves that were mapped at least once */
	uint32_t extra[PAGES]; /* mappings beside the places: a copied tree's */
};

static inline uint64_t place_bytes(const struct walk *walk, const struct place *place)
{
	return UINT64_C(1) << walk->arch->level[place->level].shift;
}

static inline quire_va place_end(const struct walk *walk, const struct place *place)
{
	return (quire_va)(place->va + place_bytes(walk, place));
}

static inline struct spot spot_of(const struct place *place, uint64_t bits)
{
	return (struct spot){.level = place->level, .prot = place->prot, .flags = place->flags, .bits = bits};
}

/* Chooses the places of walk->arch. */
void walk_places(struct walk *walk);

/* Walks from the root as a CPU does; returns the entry where the walk ends, and its level. */
quire_pte walk_cpu(const struct walk *walk, quire_pa root, quire_va va, unsigned *out_level);

/* Compares the tables, the references and the reverse maps with the model. */
void walk_check(struct walk *walk);

#endif
