/* SPDX-License-Identifier: MIT */
/* Page tables: random operations of the library's walker beside a naive model.
 *
 * The model is an array of places, each at an address where something can go wrong: the ends of the
 * user half, and both sides of every boundary of every level. It knows what each place maps; after
 * every operation the tables are walked the way a CPU walks them, from the physical address of the
 * root, and every entry must be, bit for bit, the leaf that the model's state makes. References and
 * reverse maps of the pages are counted against the model too. */
#include "walk.h"

#include "page/slab.h"

static unsigned below(struct walk *walk, unsigned end)
{
	return (unsigned)(run_random(walk->run) % end);
}

static quire_prot some_prot(struct walk *walk)
{
	return quire_prot_widen(walk->arch, (quire_prot)below(walk, QUIRE_PROT_MASK + 1));
}

/* A device's frame, where no RAM begins, and aligned to any leaf. */
static quire_pfn device(const struct walk *walk, unsigned level)
{
	unsigned shift = walk->arch->level[level].shift;
	quire_pfn pfn = {UINT64_C(1) << ((shift > 30 ? shift : 30) - walk->arch->page_shift)};

	while (qr_page_of(walk->system, pfn))
		pfn.n <<= 1;
	return pfn;
}

/* Any protection, supported or not: an unsupported one must be refused by name and map nothing. */
static void map_place(struct walk *walk, struct place *place, quire_prot prot, unsigned flags, int page)
{
	struct place new = {
	    .va = place->va, .level = place->level, .prot = prot, .flags = flags, .page = page};
	enum quire_status want = walk->arch->prot_check(walk->arch, prot), got;

	new.mapped = true;
	new.pfn = page >= 0 ? qr_page_pfn(walk->system, walk->page[page]) : device(walk, new.level);
	if (want == QUIRE_OK && (place->mapped || place->swapped))
		want = QUIRE_EEXIST;
	got = qr_pt_map(&walk->pt, new.va, new.pfn, new.prot, new.flags, new.level);
	run_equal(walk->run, "map: the status", &(struct spot){.level = new.level, .prot = new.prot},
		  (uint64_t)(int64_t)want, (uint64_t)(int64_t)got);
	if (got == QUIRE_OK) {
		*place = new;
		walk->mapped[new.level][prot][flags] = true;
	}
}

static void swap_place(struct walk *walk, struct place *place, uint64_t value)
{
	void *entry = qr_pt_alloc(&walk->pt, place->va, 0, NULL);

	if (!run_true(walk->run, "swap: there is a table for the entry", NULL, entry != NULL))
		return;
	qr_pt_lock(&walk->pt, qr_pt_table_of(&walk->pt, entry));
	qr_pte_set(walk->arch, 0, entry, walk->arch->swap(walk->arch, value));
	qr_pt_unlock(&walk->pt, qr_pt_table_of(&walk->pt, entry));
	place->swapped = true;
	place->value = value;
}

/* The operations on ranges take places [first, end). */

static void unmap_places(struct walk *walk, unsigned first, unsigned end)
{
	struct qr_pt_counts gone = {0};
	uint64_t pages = 0, swapped = 0;
	struct qr_tlb tlb;

	for (unsigned i = first; i < end; i++) {
		pages += walk->place[i].mapped && walk->place[i].page >= 0;
		swapped += walk->place[i].swapped;
		walk->place[i].mapped = walk->place[i].swapped = false;
	}
	qr_tlb_begin(&tlb, &walk->pt);
	qr_pt_unmap(&walk->pt, &tlb, walk->place[first].va, place_end(walk, &walk->place[end - 1]),
		    QR_UNMAP_ALL, &gone);
	qr_tlb_end(&tlb);
	run_equal(walk->run, "unmap: anonymous pages gone", NULL, pages, gone.anon);
	run_equal(walk->run, "unmap: swap entries gone", NULL, swapped, gone.swap);
	run_equal(walk->run, "unmap: nothing else gone", NULL, 0, gone.file + gone.shmem);
}

/* Which leaves may be writable after a change of protection: the rule of each way, in one place. */
static bool may_write(const struct walk *walk, const struct place *place, enum qr_protect_write write)
{
	if (write == QR_PROTECT_ANY)
		return true;
	if (write == QR_PROTECT_SHARED)
		return place->flags & QUIRE_PTE_DIRTY;
	return write == QR_PROTECT_PRIVATE && place->page >= 0 &&
	       qr_page_test(walk->page[place->page], QR_PAGE_EXCLUSIVE);
}

static void protect_places(struct walk *walk, unsigned first, unsigned end, quire_prot prot,
			   enum qr_protect_write write)
{
	uint64_t want = 0, got;
	struct qr_tlb tlb;

	for (unsigned i = first; i < end; i++) {
		struct place *place = &walk->place[i];
		quire_prot was = place->prot;

		place->prot = may_write(walk, place, write) ? prot : prot & ~(quire_prot)QUIRE_PROT_WRITE;
		want += place->mapped && was != place->prot;
	}
	qr_tlb_begin(&tlb, &walk->pt);
	got = qr_pt_protect(&walk->pt, &tlb.ranges, walk->place[first].va,
			    place_end(walk, &walk->place[end - 1]), prot, write);
	qr_tlb_end(&tlb);
	run_equal(walk->run, "protect: leaves changed", NULL, want, got);
}

static void age_places(struct walk *walk, unsigned first, unsigned end, unsigned clear)
{
	uint64_t young = 0, got;
	struct qr_tlb tlb;

	for (unsigned i = 0; i < PAGES; i++)
		qr_page_clear_bits(walk->page[i], QR_PAGE_REFERENCED | QR_PAGE_DIRTY);
	qr_tlb_begin(&tlb, &walk->pt);
	got =
	    qr_pt_age(&walk->pt, &tlb, walk->place[first].va, place_end(walk, &walk->place[end - 1]), clear);
	qr_tlb_end(&tlb);
	for (unsigned i = first; i < end; i++) {
		struct place *place = &walk->place[i];

		if (!place->mapped)
			continue;
		young += (place->flags & QUIRE_PTE_YOUNG) != 0;
		if (place->page >= 0 && (place->flags & QUIRE_PTE_YOUNG))
			run_true(walk->run, "age: young goes to the page", NULL,
				 qr_page_test(walk->page[place->page], QR_PAGE_REFERENCED));
		if (place->page >= 0 && (place->flags & clear & QUIRE_PTE_DIRTY))
			run_true(walk->run, "age: dirty goes to the page", NULL,
				 qr_page_test(walk->page[place->page], QR_PAGE_DIRTY));
		place->flags &= ~(QUIRE_PTE_YOUNG | clear);
	}
	run_equal(walk->run, "age: how many were young", NULL, young, got);
}

/* --- the sweep: every leaf there is, through every change of protection ----------------------------- */

static void operation_done(struct walk *walk)
{
	walk->run->report.operations++;
	walk_check(walk);
}

static void sweep_leaf(struct walk *walk, unsigned at, quire_prot prot, unsigned flags)
{
	struct place *place = &walk->place[at];

	map_place(walk, place, prot, flags, place->level == 0 ? 0 : -1);
	operation_done(walk);
	for (quire_prot other = 0; other <= QUIRE_PROT_MASK; other++) {
		if (walk->arch->prot_check(walk->arch, other) != QUIRE_OK)
			continue;
		protect_places(walk, at, at + 1, other, QR_PROTECT_ANY);
		operation_done(walk);
	}
	age_places(walk, at, at + 1, QUIRE_PTE_DIRTY);
	operation_done(walk);
	unmap_places(walk, at, at + 1);
	operation_done(walk);
}

static void sweep(struct walk *walk)
{
	for (unsigned level = 0; level < walk->arch->levels; level++) {
		unsigned at = 0;

		while (at < walk->places && walk->place[at].level != level)
			at++;
		if (!walk->arch->level[level].leaf)
			continue;
		if (!run_true(walk->run, "a place for a leaf of the level", &(struct spot){.level = level},
			      at < walk->places))
			continue;
		for (quire_prot prot = 0; prot <= QUIRE_PROT_MASK; prot++)
			for (unsigned flags = 0; flags < 4; flags++)
				if (walk->arch->prot_check(walk->arch, prot) == QUIRE_OK)
					sweep_leaf(walk, at, prot, flags);
	}
}

/* --- random operations ------------------------------------------------------------------------------- */

/* A range of whole places, now and then of all. */
static void some_range(struct walk *walk, unsigned *first, unsigned *end)
{
	*first = below(walk, walk->places);
	*end = *first + 1 + below(walk, 1 + below(walk, walk->places - *first));
	if (below(walk, 200) == 0) {
		*first = 0;
		*end = walk->places;
	}
}

static void op_map(struct walk *walk)
{
	struct place *place = &walk->place[below(walk, walk->places)];

	map_place(walk, place, (quire_prot)below(walk, QUIRE_PROT_MASK + 1), below(walk, 4),
		  place->level == 0 ? (int)below(walk, PAGES) : -1);
}

static void op_swap(struct walk *walk)
{
	struct place *place = &walk->place[below(walk, walk->places)];

	if (place->level == 0 && !place->mapped && !place->swapped)
		/* Of an area that is not the poison's: poison is not counted as swapped. */
		swap_place(walk, place,
			   run_random(walk->run) & ((UINT64_C(1) << walk->arch->swap_bits) - 1) &
			       ~UINT64_C(2));
}

static void op_unmap(struct walk *walk)
{
	unsigned first, end;

	some_range(walk, &first, &end);
	unmap_places(walk, first, end);
}

static void op_protect(struct walk *walk)
{
	unsigned first, end;

	some_range(walk, &first, &end);
	protect_places(walk, first, end, some_prot(walk), (enum qr_protect_write)below(walk, 4));
}

static void op_age(struct walk *walk)
{
	unsigned first, end;

	some_range(walk, &first, &end);
	age_places(walk, first, end, below(walk, 2) ? QUIRE_PTE_DIRTY : 0);
}

/* What a copy has of one place, after the rules of fork. */
static void check_copied(struct walk *walk, const struct qr_pt *copy, const struct place *place,
			 enum qr_copy_how how)
{
	const struct quire_arch *arch = walk->arch;
	unsigned level = 0;
	quire_pte pte = walk_cpu(walk, copy->root_pa, place->va, &level);
	struct spot at = spot_of(place, pte.bits);

	if (!place->mapped) {
		run_true(walk->run, "copy: what is not mapped is not copied", &at,
			 arch->kind(arch, pte, level) != QUIRE_PTE_LEAF);
		return;
	}
	if (!run_equal(walk->run, "copy: a leaf", &at, QUIRE_PTE_LEAF, arch->kind(arch, pte, level)))
		return;
	run_equal(walk->run, "copy: the frame", &at, place->pfn.n, arch->pfn(arch, pte, level).n);
	/* The place has lost WRITE already where it had to. */
	run_equal(walk->run, "copy: the protection", &at, place->prot, arch->prot(arch, pte, level));
	run_equal(walk->run, "copy: neither young nor dirty of its own", &at, 0,
		  arch->flags(arch, pte, level) & (how == QR_COPY_SHARED ? ~0u : ~place->flags));
}

static void drop_tree(struct walk *walk, struct qr_pt *pt)
{
	quire_va end = (quire_va)walk->arch->user_end;
	struct qr_pt_counts gone = {0};
	struct qr_tlb tlb;

	qr_tlb_begin(&tlb, pt);
	qr_pt_unmap(pt, &tlb, 0, end, QR_UNMAP_ALL, &gone);
	qr_pt_free(pt, &tlb, 0, end, 0, 0);
	qr_tlb_end(&tlb);
	run_equal(walk->run, "no table is left below the root", NULL, 0, pt->tables);
	qr_pt_destroy(pt);
}

static void op_copy(struct walk *walk)
{
	enum qr_copy_how how = below(walk, 2) ? QR_COPY_SHARED : QR_COPY_COW;
	struct qr_pt child;
	struct qr_tlb tlb;
	struct qr_pt_copy copy = {.to = &child, .from = &walk->pt, .tlb = &tlb};
	unsigned first, end, level0 = 0;
	enum quire_status status;

	if (!run_equal(walk->run, "copy: an empty tree", NULL, QUIRE_OK,
		       (uint64_t)(int64_t)qr_pt_create(walk->system, NULL, NULL, &child)))
		return;
	/* fork never meets a larger leaf: they are the port's. */
	some_range(walk, &first, &end);
	while (first + level0 < end && walk->place[first + level0].level == 0)
		level0++;
	end = first + level0;
	if (first < end) {
		qr_tlb_begin(&tlb, &walk->pt);
		status =
		    qr_pt_copy(&copy, walk->place[first].va, place_end(walk, &walk->place[end - 1]), how);
		qr_tlb_end(&tlb);
		run_equal(walk->run, "copy: the status", NULL, QUIRE_OK, (uint64_t)(int64_t)status);
	}
	for (unsigned i = first; i < end; i++) {
		struct place *place = &walk->place[i];

		if (how == QR_COPY_COW)
			place->prot &= ~(quire_prot)QUIRE_PROT_WRITE;
		if (place->mapped) {
			walk->extra[place->page]++;
			copy.came.anon--;
			if (how == QR_COPY_COW)
				run_true(walk->run, "copy: no longer exclusive", NULL,
					 !qr_page_test(walk->page[place->page], QR_PAGE_EXCLUSIVE));
		}
		check_copied(walk, &child, place, how);
	}
	run_equal(walk->run, "copy: every leaf was counted", NULL, 0, copy.came.anon);
	walk_check(walk);
	drop_tree(walk, &child);
	for (unsigned i = 0; i < PAGES; i++)
		walk->extra[i] = 0;
}

/* A gap between places, of at least `bytes` from where nothing is mapped. */
static bool find_gap(const struct walk *walk, uint64_t bytes, quire_va *out_va)
{
	for (unsigned i = 0; i + 1 < walk->places; i++) {
		*out_va = place_end(walk, &walk->place[i]);
		if (walk->place[i + 1].va - *out_va >= bytes)
			return true;
	}
	return false;
}

/* There and back again: what is moved is found where it went, and comes back as it was. */
static void op_move(struct walk *walk)
{
	const struct quire_arch *arch = walk->arch;
	struct place *place = &walk->place[below(walk, walk->places)];
	struct place *next = place + 1;
	uint64_t page = UINT64_C(1) << arch->page_shift, length = page, moved = 0;
	struct qr_tlb tlb;
	quire_va gap;

	if (place->level > 0 || !find_gap(walk, 5 * page, &gap))
		return;
	/* The neighbours go too, but only as far as they touch; the target begins inside a gap. */
	while (next < walk->place + walk->places && next->level == 0 && next->va == place->va + length &&
	       length < 4 * page) {
		length += page;
		next++;
	}
	gap = (quire_va)(gap + below(walk, 2) * page);
	for (unsigned way = 0; way < 2; way++) {
		qr_tlb_begin(&tlb, &walk->pt);
		run_equal(walk->run, "move: the status", NULL, QUIRE_OK,
			  (uint64_t)(int64_t)qr_pt_move(&walk->pt, &tlb, way ? gap : place->va,
							way ? place->va : gap, length, &moved));
		qr_tlb_end(&tlb);
		run_equal(walk->run, "move: all of it", NULL, length, moved);
		for (struct place *at = place; at < next && way == 0; at++) {
			unsigned level = 0;
			quire_va va = (quire_va)(gap + (at->va - place->va));
			quire_pte pte = walk_cpu(walk, walk->pt.root_pa, va, &level);
			struct spot spot = spot_of(at, pte.bits);
			quire_pte want = {0};

			if (at->swapped)
				want = arch->swap(arch, at->value);
			if (at->mapped)
				want = arch->make(arch, at->pfn, at->prot, at->flags, 0);
			run_equal(walk->run, "move: the leaf is where it went", &spot, want.bits,
				  level == 0 ? pte.bits : 0);
			pte = walk_cpu(walk, walk->pt.root_pa, at->va, &level);
			run_equal(walk->run, "move: nothing is left behind", &spot, 0,
				  level == 0 ? pte.bits : 0);
		}
	}
}

/* Some pages may be written without asking, as after the first write to a fresh page. */
static void op_exclusive(struct walk *walk)
{
	struct qr_page *page = walk->page[below(walk, PAGES)];

	if (qr_rmap_total(walk->system, page) <= 1)
		qr_page_set(page, QR_PAGE_EXCLUSIVE);
}

static void one_operation(struct walk *walk)
{
	static void (*const op[])(struct walk *) = {
	    op_map,   op_map,     op_map,     op_map, op_map, op_map,  op_swap, op_swap,
	    op_unmap, op_protect, op_protect, op_age, op_age, op_copy, op_move, op_exclusive,
	};

	op[below(walk, sizeof(op) / sizeof(op[0]))](walk);
	operation_done(walk);
}

static void walk_all(struct run *run, struct walk *walk)
{
	uint64_t free_before;
	unsigned pages = 0;

	qr_slab_drain(walk->system);
	free_before = qr_frames_free(walk->system);
	if (!run_equal(run, "a tree", NULL, QUIRE_OK,
		       (uint64_t)(int64_t)qr_pt_create(walk->system, NULL, NULL, &walk->pt)))
		return;
	while (pages < PAGES &&
	       (walk->page[pages] = qr_frame_alloc(walk->system, 0, 0, QUIRE_PAGE_ANON)) != NULL)
		pages++;
	if (run_equal(run, "frames for the pages", NULL, PAGES, pages)) {
		walk_places(walk);
		sweep(walk);
		for (uint64_t i = 0; i < run->rounds / 10 && run->report.failures == 0; i++)
			one_operation(walk);
	}
	for (unsigned level = 0; level < walk->arch->levels; level++)
		for (quire_prot prot = 0; prot <= QUIRE_PROT_MASK; prot++)
			for (unsigned flags = 0; flags < 4; flags++)
				run->report.leaves += walk->mapped[level][prot][flags];
	run_equal(run, "every kind of leaf was mapped", NULL,
		  (uint64_t)run->report.protections * 4 * run->report.leaf_levels, run->report.leaves);
	drop_tree(walk, &walk->pt);
	while (pages > 0)
		qr_page_put(walk->system, walk->page[--pages]);
	qr_slab_drain(walk->system);
	run_equal(run, "as many free frames as before", NULL, free_before, qr_frames_free(walk->system));
}

/* The model is too large for the stack of a kernel: it lies in frames of its own. */
void conformance_tables(struct run *run)
{
	struct quire_system *system = run->env->system;
	unsigned order = 0;
	struct walk *walk;
	quire_pfn block;

	if (!system)
		return;
	while ((uint64_t)1 << (run->arch->page_shift + order) < sizeof(*walk))
		order++;
	if (!run_equal(run, "frames for the model", NULL, QUIRE_OK,
		       (uint64_t)(int64_t)quire_frame_alloc(system, order, QUIRE_FRAME_LINEAR, &block)))
		return;
	walk = quire_frame_address(system, block);
	memset(walk, 0, sizeof(*walk));
	walk->run = run;
	walk->system = system;
	walk->arch = run->arch;
	walk_all(run, walk);
	quire_frame_free(system, block, order);
}
