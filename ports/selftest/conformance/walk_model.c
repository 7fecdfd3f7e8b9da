/* SPDX-License-Identifier: MIT */
/* The naive model beside the page tables: the places, a CPU's walk, the comparison. */
#include "walk.h"

/* --- the places --------------------------------------------------------------------------------------- */

/* Adds a place unless it is outside the user half or meets another. */
static void add_place(struct walk *walk, uint64_t va, unsigned level)
{
	struct place new = {.va = (quire_va)va, .level = level, .page = -1};
	unsigned at = 0;

	if (walk->places == PLACES_MAX || va >= walk->arch->user_end ||
	    walk->arch->user_end - va < place_bytes(walk, &new))
		return;
	while (at < walk->places && walk->place[at].va < va)
		at++;
	if (at > 0 && place_end(walk, &walk->place[at - 1]) > va)
		return;
	if (at < walk->places && va + place_bytes(walk, &new) > walk->place[at].va)
		return;
	for (unsigned i = walk->places++; i > at; i--)
		walk->place[i] = walk->place[i - 1];
	walk->place[at] = new;
}

void walk_places(struct walk *walk)
{
	const struct quire_arch *arch = walk->arch;
	uint64_t page = UINT64_C(1) << arch->page_shift;

	for (unsigned i = 0; i < 4; i++)
		add_place(walk, i * page, 0);
	for (unsigned i = 1; i <= 4; i++)
		add_place(walk, arch->user_end - i * page, 0);
	for (unsigned level = 1; level < arch->levels; level++)
		for (uint64_t at = 3; at <= 5; at += 2)
			for (unsigned i = 0; i < 6; i++)
				add_place(walk, (at << arch->level[level].shift) + i * page - 3 * page, 0);
	/* Larger leaves, neighbours of each other and of tables. */
	for (unsigned level = 1; level < arch->levels; level++)
		for (uint64_t at = 6; at < 9 && arch->level[level].leaf; at++)
			add_place(walk, at << arch->level[level].shift, level);
}

/* --- what a CPU sees ------------------------------------------------------------------------------- */

static quire_pte load(const struct walk *walk, quire_pa pa, unsigned entry_bytes)
{
	unsigned shift = walk->arch->page_shift;
	const char *frame = quire_frame_address(walk->system, (quire_pfn){pa.v >> shift});
	const char *entry = frame + (pa.v & ((UINT64_C(1) << shift) - 1));
	uint32_t narrow = 0;
	uint64_t wide = 0;

	if (!frame)
		return (quire_pte){0};
	if (entry_bytes == 4)
		memcpy(&narrow, entry, sizeof(narrow));
	else
		memcpy(&wide, entry, sizeof(wide));
	return (quire_pte){wide | narrow};
}

quire_pte walk_cpu(const struct walk *walk, quire_pa root, quire_va va, unsigned *out_level)
{
	const struct quire_arch *arch = walk->arch;
	quire_pa table = root;
	quire_pte pte = {0};

	for (unsigned level = arch->levels; level-- > 0;) {
		const struct quire_level *shape = &arch->level[level];
		uint64_t index = ((uint64_t)va >> shape->shift) & ((UINT64_C(1) << shape->index_bits) - 1);

		*out_level = level;
		pte = load(walk, (quire_pa){table.v + index * shape->entry_bytes}, shape->entry_bytes);
		if (level == 0 || arch->kind(arch, pte, level) != QUIRE_PTE_TABLE)
			break;
		table = arch->table_pa(arch, pte, level);
	}
	return pte;
}

/* --- tables against the model -------------------------------------------------------------------------- */

static void check_place(struct walk *walk, const struct place *place)
{
	const struct quire_arch *arch = walk->arch;
	unsigned level = 0;
	quire_pte pte = walk_cpu(walk, walk->pt.root_pa, place->va, &level);
	struct spot at = spot_of(place, pte.bits);
	void *entry = qr_pt_find(&walk->pt, place->va, place->level);

	if (!place->mapped) {
		run_equal(walk->run, "nothing is mapped there but a swap entry", &at,
			  place->swapped ? arch->swap(arch, place->value).bits : 0,
			  arch->kind(arch, pte, level) == QUIRE_PTE_TABLE ? 0 : pte.bits);
		run_true(walk->run, "the walker finds nothing there", &at,
			 !entry || arch->kind(arch, qr_pte_get(arch, place->level, entry), place->level) !=
				       QUIRE_PTE_LEAF);
		return;
	}
	run_equal(walk->run, "a CPU's walk ends at the level of the leaf", &at, place->level, level);
	run_equal(walk->run, "a CPU finds the leaf of the model", &at,
		  arch->make(arch, place->pfn, place->prot, place->flags, place->level).bits, pte.bits);
	if (run_true(walk->run, "the walker finds the entry", &at, entry != NULL))
		run_equal(walk->run, "the walker finds the same", &at, pte.bits,
			  qr_pte_get(arch, place->level, entry).bits);
	if (place->level > 0)
		run_true(walk->run, "a larger leaf is in the way of smaller entries", &at,
			 qr_pt_find(&walk->pt, place->va, 0) == NULL);
}

void walk_check(struct walk *walk)
{
	uint32_t mapped[PAGES] = {0};

	for (unsigned i = 0; i < walk->places; i++) {
		check_place(walk, &walk->place[i]);
		if (walk->place[i].mapped && walk->place[i].page >= 0)
			mapped[walk->place[i].page]++;
	}
	for (unsigned i = 0; i < PAGES; i++) {
		uint32_t want = mapped[i] + walk->extra[i];

		run_equal(walk->run, "the reverse map is as long as the page is mapped", NULL, want,
			  qr_rmap_total(walk->system, walk->page[i]));
		run_equal(walk->run, "one reference for each mapping", NULL, want + 1, walk->page[i]->ref);
	}
}
