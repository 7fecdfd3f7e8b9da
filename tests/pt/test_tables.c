/* SPDX-License-Identifier: MIT */
/* Every page-table operation beside the model, for every architecture of the build. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pt/forest.h"

#include <cmocka.h>

#define STEPS 3000

/* A piece of the address space between two places. */
struct piece {
	unsigned first, last; /* places [first, last) */
	quire_va start, end;
};

static struct piece any_piece(struct forest *forest)
{
	struct piece piece;

	piece.first = (unsigned)box_random(&forest->box, forest->places);
	piece.last = piece.first + 1 + (unsigned)box_random(&forest->box, forest->places - piece.first);
	piece.start = forest->place[piece.first];
	piece.end =
	    piece.last < forest->places ? forest->place[piece.last] : (quire_va)forest->arch->user_end;
	return piece;
}

static quire_prot any_prot(struct forest *forest)
{
	return forest->prots[box_random(&forest->box, forest->protections)];
}

/* Only a page that is mapped nowhere else stays exclusive. */
static void lose_exclusive(struct forest *forest, unsigned page)
{
	if (forest->exclusive[page] && qr_rmap_count(forest->page[page]) > 0) {
		qr_page_clear_bits(forest->page[page], QR_PAGE_EXCLUSIVE);
		forest->exclusive[page] = false;
	}
}

static void do_map(struct forest *forest)
{
	unsigned tree = (unsigned)box_random(&forest->box, TREES);
	unsigned place = (unsigned)box_random(&forest->box, forest->places);
	struct leaf *leaf = &forest->leaf[tree][place];
	struct leaf want = {.kind = MAPPED,
			    .page = (unsigned)box_random(&forest->box, PAGES),
			    .prot = any_prot(forest),
			    .flags = (unsigned)box_random(&forest->box, 4)};
	enum quire_status status;

	if (leaf->kind == NOTHING)
		lose_exclusive(forest, want.page);
	status = qr_pt_map(&forest->pt[tree], forest->place[place], (quire_pfn){forest->page[want.page]->pfn},
			   want.prot, want.flags, 0);
	assert_int_equal(status, leaf->kind == NOTHING ? QUIRE_OK : QUIRE_EEXIST);
	if (status == QUIRE_OK)
		*leaf = want;
}

/* A swap entry, as the swap layer would write it. */
static void do_swap(struct forest *forest)
{
	const struct quire_arch *arch = forest->arch;
	unsigned place = (unsigned)box_random(&forest->box, forest->places);
	/* Not exclusive, which fork would take away; and of an area that is not the poison's. */
	uint64_t value = box_random(&forest->box, QR_ARRAY_COUNT(forest->swap_ref)) & ~UINT64_C(3);
	void *entry;

	if (forest->leaf[0][place].kind != NOTHING)
		return;
	entry = qr_pt_alloc(&forest->pt[0], forest->place[place], 0, NULL);
	assert_non_null(entry);
	qr_pte_set(arch, 0, entry, arch->swap(arch, value));
	forest->leaf[0][place] = (struct leaf){.kind = SWAPPED, .swap = value};
	forest->swap_ref[value]++;
}

static void do_unmap(struct forest *forest)
{
	unsigned tree = (unsigned)box_random(&forest->box, TREES);
	struct piece piece = any_piece(forest);
	enum qr_unmap_what what = (enum qr_unmap_what)box_random(&forest->box, 3);
	struct qr_pt_counts gone = {0}, want = {0};
	struct qr_tlb tlb;

	qr_tlb_begin(&tlb, &forest->pt[tree]);
	qr_pt_unmap(&forest->pt[tree], &tlb, piece.start, piece.end, what, &gone);
	qr_tlb_end(&tlb);
	for (unsigned i = piece.first; i < piece.last; i++) {
		struct leaf *leaf = &forest->leaf[tree][i];
		bool swap = leaf->kind == SWAPPED, anon;

		if (leaf->kind == NOTHING)
			continue;
		anon = !swap && forest_page_anon(forest, leaf->page);
		if (what == QR_UNMAP_CACHE && (swap || anon))
			continue;
		if (what == QR_UNMAP_ANON && !swap && !anon)
			continue;
		want.swap += swap;
		want.anon += anon;
		want.shmem += !swap && qr_page_state(forest->page[leaf->page]) == QUIRE_PAGE_SHMEM;
		want.file += !swap && qr_page_state(forest->page[leaf->page]) == QUIRE_PAGE_FILE;
		if (swap)
			forest->swap_ref[leaf->swap]--;
		leaf->kind = NOTHING;
	}
	assert_memory_equal(&gone, &want, sizeof(gone));
}

static void do_protect(struct forest *forest)
{
	unsigned tree = (unsigned)box_random(&forest->box, TREES);
	struct piece piece = any_piece(forest);
	enum qr_protect_write write = (enum qr_protect_write)box_random(&forest->box, 3);
	quire_prot prot = any_prot(forest);
	uint64_t changed, want = 0;
	struct qr_tlb tlb;

	/* A protection that loses WRITE must still be one that the architecture has. */
	if (forest->arch->prot_check(forest->arch, prot & ~(quire_prot)QUIRE_PROT_WRITE) != QUIRE_OK)
		return;
	qr_tlb_begin(&tlb, &forest->pt[tree]);
	changed = qr_pt_protect(&forest->pt[tree], &tlb.ranges, piece.start, piece.end, prot, write);
	qr_tlb_end(&tlb);
	for (unsigned i = piece.first; i < piece.last; i++) {
		struct leaf *leaf = &forest->leaf[tree][i];
		quire_prot mine = prot;

		if (leaf->kind != MAPPED)
			continue;
		if (write == QR_PROTECT_NO_WRITE ||
		    (write == QR_PROTECT_PRIVATE &&
		     !(forest_page_anon(forest, leaf->page) && forest->exclusive[leaf->page])) ||
		    (write == QR_PROTECT_SHARED && !(leaf->flags & QUIRE_PTE_DIRTY)))
			mine &= ~(quire_prot)QUIRE_PROT_WRITE;
		/* What the TLB may hold is gone where a right went. */
		if (leaf->prot & ~mine)
			assert_int_equal(forest->cached[tree][i], 0);
		want += mine != leaf->prot;
		leaf->prot = mine;
	}
	assert_int_equal(changed, want);
}

static void do_age(struct forest *forest)
{
	unsigned tree = (unsigned)box_random(&forest->box, TREES);
	struct piece piece = any_piece(forest);
	unsigned clear = (unsigned)box_random(&forest->box, 2) ? QUIRE_PTE_DIRTY : 0;
	uint64_t young, want = 0;
	struct qr_tlb tlb;

	for (unsigned i = 0; i < PAGES; i++)
		qr_page_clear_bits(forest->page[i], QR_PAGE_DIRTY | QR_PAGE_REFERENCED);
	qr_tlb_begin(&tlb, &forest->pt[tree]);
	young = qr_pt_age(&forest->pt[tree], &tlb, piece.start, piece.end, clear);
	qr_tlb_end(&tlb);
	for (unsigned i = piece.first; i < piece.last; i++) {
		struct leaf *leaf = &forest->leaf[tree][i];

		if (leaf->kind != MAPPED)
			continue;
		want += (leaf->flags & QUIRE_PTE_YOUNG) != 0;
		if (leaf->flags & QUIRE_PTE_YOUNG)
			assert_true(qr_page_test(forest->page[leaf->page], QR_PAGE_REFERENCED));
		if (leaf->flags & clear) {
			assert_true(qr_page_test(forest->page[leaf->page], QR_PAGE_DIRTY));
			assert_int_equal(forest->cached[tree][i], 0);
		}
		leaf->flags &= ~(clear | QUIRE_PTE_YOUNG);
	}
	assert_int_equal(young, want);
}

/* What the hardware, or its emulation by faults, does. */
static void do_access(struct forest *forest)
{
	const struct quire_arch *arch = forest->arch;

	for (unsigned n = 0; n < 8; n++) {
		unsigned tree = (unsigned)box_random(&forest->box, TREES);
		unsigned place = (unsigned)box_random(&forest->box, forest->places);
		struct leaf *leaf = &forest->leaf[tree][place];
		unsigned set = QUIRE_PTE_YOUNG;
		void *entry;

		if (leaf->kind != MAPPED)
			continue;
		if (leaf->prot & QUIRE_PROT_WRITE)
			set |= QUIRE_PTE_DIRTY;
		entry = qr_pt_find(&forest->pt[tree], forest->place[place], 0);
		qr_pte_set(arch, 0, entry, arch->with_flags(arch, qr_pte_get(arch, 0, entry), set, 0, 0));
		leaf->flags |= set;
	}
}

static struct forest *swap_owner;

static enum quire_status swap_dup(struct quire_system *system, uint64_t value)
{
	(void)system;
	if (qr_inject(system, QUIRE_RES_OBJECT))
		return QUIRE_ENOMEM;
	swap_owner->swap_ref[value]++;
	return QUIRE_OK;
}

static const struct qr_swap_hooks swap_ops = {.dup = swap_dup};

static void clear_piece(struct forest *forest, unsigned tree, const struct piece *piece)
{
	struct qr_pt_counts gone = {0};
	struct qr_tlb tlb;

	qr_tlb_begin(&tlb, &forest->pt[tree]);
	qr_pt_unmap(&forest->pt[tree], &tlb, piece->start, piece->end, QR_UNMAP_ALL, &gone);
	qr_tlb_end(&tlb);
	for (unsigned i = piece->first; i < piece->last; i++) {
		if (forest->leaf[tree][i].kind == SWAPPED)
			forest->swap_ref[forest->leaf[tree][i].swap]--;
		forest->leaf[tree][i].kind = NOTHING;
	}
}

/* What fork makes of one leaf, in the model. */
static void copy_leaf(struct forest *forest, unsigned place, enum qr_copy_how how)
{
	struct leaf *from = &forest->leaf[0][place], *to = &forest->leaf[1][place];

	if (from->kind == MAPPED && how == QR_COPY_COW) {
		/* What loses WRITE may not be cached as it was. */
		if (from->prot & QUIRE_PROT_WRITE)
			assert_int_equal(forest->cached[0][place], 0);
		from->prot &= ~(quire_prot)QUIRE_PROT_WRITE;
		forest->exclusive[from->page] = false;
	}
	*to = *from;
	to->flags &= ~(unsigned)QUIRE_PTE_YOUNG;
	if (how == QR_COPY_SHARED)
		to->flags &= ~(unsigned)QUIRE_PTE_DIRTY;
}

static void do_copy(struct forest *forest)
{
	struct piece piece = any_piece(forest);
	enum qr_copy_how how = box_random(&forest->box, 3) ? QR_COPY_COW : QR_COPY_SHARED;
	struct qr_tlb tlb;
	struct qr_pt_copy copy = {
	    .to = &forest->pt[1], .from = &forest->pt[0], .tlb = &tlb, .swap = &swap_ops};

	clear_piece(forest, 1, &piece);
	swap_owner = forest;
	qr_tlb_begin(&tlb, &forest->pt[0]);
	assert_int_equal(qr_pt_copy(&copy, piece.start, piece.end, how), QUIRE_OK);
	qr_tlb_end(&tlb);
	for (unsigned i = piece.first; i < piece.last; i++)
		copy_leaf(forest, i, how);
}

/* Moves the pages around one place to those around another, where those are places as well. */
static void do_move(struct forest *forest)
{
	uint64_t page = qr_page_bytes(forest->box.system);
	unsigned tree = (unsigned)box_random(&forest->box, TREES);
	unsigned from = (unsigned)box_random(&forest->box, forest->places);
	unsigned to = (unsigned)box_random(&forest->box, forest->places);
	unsigned count = 1;
	struct piece target;
	uint64_t moved;
	struct qr_tlb tlb;

	while (count < 8 && from + count < forest->places && to + count < forest->places &&
	       forest->place[from + count] == forest->place[from] + count * page &&
	       forest->place[to + count] == forest->place[to] + count * page)
		count++;
	if (from < to + count && to < from + count)
		return;
	target =
	    (struct piece){to, to + count, forest->place[to], (quire_va)(forest->place[to] + count * page)};
	clear_piece(forest, tree, &target);
	qr_tlb_begin(&tlb, &forest->pt[tree]);
	assert_int_equal(
	    qr_pt_move(&forest->pt[tree], &tlb, forest->place[from], forest->place[to], count * page, &moved),
	    QUIRE_OK);
	qr_tlb_end(&tlb);
	assert_int_equal(moved, count * page);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(forest->cached[tree][from + i], 0);
		forest->leaf[tree][to + i] = forest->leaf[tree][from + i];
		forest->leaf[tree][from + i].kind = NOTHING;
	}
}

/* Frees the tables between two mapped places, as munmap of what was between them would. */
static void do_free(struct forest *forest)
{
	unsigned tree = (unsigned)box_random(&forest->box, TREES);
	struct piece piece = any_piece(forest);
	quire_va floor = 0, ceiling = 0;
	struct qr_tlb tlb;

	clear_piece(forest, tree, &piece);
	for (unsigned i = 0; i < piece.first; i++) {
		if (forest->leaf[tree][i].kind != NOTHING)
			floor = forest->place[i] + (quire_va)qr_page_bytes(forest->box.system);
	}
	for (unsigned i = forest->places; i-- > piece.last;) {
		if (forest->leaf[tree][i].kind != NOTHING)
			ceiling = forest->place[i];
	}
	qr_tlb_begin(&tlb, &forest->pt[tree]);
	qr_pt_free(&forest->pt[tree], &tlb, piece.start, piece.end, floor, ceiling);
	qr_tlb_end(&tlb);
}

/* A page that is mapped is freed with its last mapping: after the flush, or the TLB of the model sees it. */
static void do_release(struct forest *forest)
{
	unsigned page = (unsigned)box_random(&forest->box, PAGES);
	enum quire_page_state state = qr_page_state(forest->page[page]);
	struct quire_system *system = forest->box.system;

	/* The model's reference goes, whatever maps the page is unmapped, and another takes its place. */
	qr_page_put(system, forest->page[page]);
	for (unsigned tree = 0; tree < TREES; tree++) {
		for (unsigned i = 0; i < forest->places; i++) {
			struct piece piece = {i, i + 1, forest->place[i],
					      forest->place[i] + (quire_va)qr_page_bytes(system)};

			if (forest->leaf[tree][i].kind == MAPPED && forest->leaf[tree][i].page == page)
				clear_piece(forest, tree, &piece);
		}
	}
	forest_check_cached(forest);
	forest->page[page] = qr_frame_alloc(system, 0, 0, state);
	assert_non_null(forest->page[page]);
	forest->exclusive[page] = false;
}

static void step(struct forest *forest)
{
	static void (*const operation[])(struct forest *) = {
	    do_map,    do_map,    do_map,   do_map,     do_map, do_map,  do_map,  do_map,  do_swap,
	    do_access, do_access, do_unmap, do_protect, do_age, do_copy, do_move, do_free, do_release,
	};

	forest_touch(forest);
	operation[box_random(&forest->box, QR_ARRAY_COUNT(operation))](forest);
	forest_compare(forest);
}

static void test_random(void **state)
{
	static struct forest forest;
	const char *seed = getenv("QUIRE_SEED");

	(void)state;
	for (unsigned i = 0; quire_arch_at(i); i++) {
		forest_make(&forest, quire_arch_at(i));
		if (seed)
			forest.box.seed = strtoull(seed, NULL, 0);
		for (unsigned n = 0; n < STEPS; n++)
			step(&forest);
		assert_true(forest.flushes > 100);
		forest_end(&forest);
	}
}

/* The model's TLB finds the mutant that forgets to flush: the test can fail. */
static void test_mutant(void **state)
{
	static struct forest forest;
	struct qr_pt_counts gone = {0};
	struct qr_tlb tlb;

	(void)state;
	forest_make(&forest, quire_arch_at(0));
	assert_int_equal(qr_pt_map(&forest.pt[0], forest.place[0], (quire_pfn){forest.page[0]->pfn},
				   forest.prots[0], 0, 0),
			 QUIRE_OK);
	forest.cached[0][0] = forest.page[0]->pfn;
	forest.box.mutant = "tlb-no-flush";
	qr_tlb_begin(&tlb, &forest.pt[0]);
	qr_pt_unmap(&forest.pt[0], &tlb, forest.place[0], forest.place[1], QR_UNMAP_ALL, &gone);
	qr_tlb_end(&tlb);
	assert_int_not_equal(forest.cached[0][0], 0);
	forest.cached[0][0] = 0;
	forest.box.mutant = NULL;
	forest_end(&forest);
}

/* ARM: four tables of 1 KiB lie in one frame by their index, and go with the last of them. */
static void test_small_tables(void **state)
{
	const struct quire_arch *arch = quire_arch_find("arm");
	static struct forest forest;
	struct qr_pt *pt = &forest.pt[0];
	struct qr_page *frame[5];
	char *entry[5];
	uint64_t before;
	struct qr_tlb tlb;

	(void)state;
	if (!arch)
		skip();
	forest_make(&forest, arch);
	before = qr_frames_in_state(forest.box.system, QUIRE_PAGE_TABLE);
	for (unsigned i = 0; i < 5; i++) {
		quire_va va = (quire_va)(((4 - i) << 20) + 0x3000);

		entry[4 - i] = qr_pt_alloc(pt, va, 0, NULL);
		assert_non_null(entry[4 - i]);
		frame[4 - i] = qr_pt_table_of(pt, entry[4 - i]);
	}
	for (unsigned i = 1; i < 4; i++) {
		assert_ptr_equal(frame[i], frame[0]);
		assert_int_equal(entry[i] - entry[0], 1024 * i);
	}
	assert_ptr_not_equal(frame[4], frame[0]);
	assert_int_equal(frame[0]->ref, 4);
	assert_int_equal(pt->tables, 5 * 1024);
	assert_int_equal(qr_frames_in_state(forest.box.system, QUIRE_PAGE_TABLE), before + 2);

	qr_tlb_begin(&tlb, pt);
	qr_pt_free(pt, &tlb, 1 << 20, 3 << 20, 0, 3 << 20);
	qr_tlb_end(&tlb);
	assert_int_equal(frame[0]->ref, 2);
	assert_int_equal(qr_frames_in_state(forest.box.system, QUIRE_PAGE_TABLE), before + 2);
	qr_tlb_begin(&tlb, pt);
	qr_pt_free(pt, &tlb, 0, 4 << 20, 0, 4 << 20);
	qr_tlb_end(&tlb);
	assert_int_equal(qr_frames_in_state(forest.box.system, QUIRE_PAGE_TABLE), before + 1);
	forest_end(&forest);
}

/* Leaves above level 0: mapped, found, unmapped whole; left alone in part. */
static void test_large_leaves(void **state)
{
	(void)state;
	for (unsigned i = 0; quire_arch_at(i); i++) {
		const struct quire_arch *arch = quire_arch_at(i);
		quire_va va = (quire_va)1 << arch->level[1].shift;
		quire_prot prot = quire_prot_widen(arch, QUIRE_PROT_READ | QUIRE_PROT_USER);
		/* A device, far from RAM. */
		quire_pfn pfn = {((uint64_t)1 << (arch->pa_bits - 1)) >> arch->page_shift};
		static struct forest forest;
		struct qr_pt_counts gone = {0};
		struct qr_tlb tlb;
		struct qr_pt *pt;

		forest_make(&forest, arch);
		pt = &forest.pt[0];
		if (!arch->level[1].leaf) {
			assert_int_equal(qr_pt_map(pt, va, pfn, prot, 0, 1), QUIRE_NO_LEAF);
			forest_end(&forest);
			continue;
		}
		assert_int_equal(qr_pt_map(pt, va + (1 << arch->page_shift), pfn, prot, 0, 1), QUIRE_EINVAL);
		assert_int_equal(qr_pt_map(pt, va, (quire_pfn){pfn.n + 1}, prot, 0, 1), QUIRE_EINVAL);
		assert_int_equal(qr_pt_map(pt, va, pfn, prot, QUIRE_PTE_YOUNG, 1), QUIRE_OK);
		assert_int_equal(qr_pt_map(pt, va, pfn, prot, 0, 1), QUIRE_EEXIST);
		assert_int_equal(qr_pt_map(pt, va, pfn, prot, 0, 0), QUIRE_EEXIST);
		assert_null(qr_pt_find(pt, va, 0));
		assert_null(qr_pt_alloc(pt, va, 0, NULL));
		qr_tlb_begin(&tlb, pt);
		qr_pt_unmap(pt, &tlb, va, va + (quire_va)qr_page_bytes(forest.box.system), QR_UNMAP_ALL,
			    &gone);
		assert_int_not_equal(qr_pte_get(arch, 1, qr_pt_find(pt, va, 1)).bits, 0);
		qr_pt_unmap(pt, &tlb, 0, (quire_va)arch->user_end, QR_UNMAP_ALL, &gone);
		assert_int_equal(qr_pte_get(arch, 1, qr_pt_find(pt, va, 1)).bits, 0);
		qr_tlb_end(&tlb);
		forest_end(&forest);
	}
}

/* A kernel tree's entries are found in a new tree, unless the halves have roots of their own. */
static void test_kernel_half(void **state)
{
	(void)state;
	for (unsigned i = 0; quire_arch_at(i); i++) {
		const struct quire_arch *arch = quire_arch_at(i);
		quire_va va = (quire_va)arch->kernel_end & ~(quire_va)(((uint64_t)1 << arch->page_shift) - 1);
		static struct forest forest;
		struct qr_pt kernel, user;
		struct qr_tlb tlb;
		void *entry;
		quire_va back;

		forest_make(&forest, arch);
		forest.box.on_flush = NULL;
		assert_int_equal(qr_pt_create(forest.box.system, NULL, NULL, &kernel), QUIRE_OK);
		entry = qr_pt_alloc(&kernel, va, 0, NULL);
		assert_non_null(entry);
		assert_ptr_equal(qr_rmap_owner(forest.box.system, entry, &back), &kernel);
		assert_int_equal(back, va);
		assert_int_equal(qr_pt_create(forest.box.system, forest.mm[0], &kernel, &user), QUIRE_OK);
		if (!(arch->caps & QUIRE_CAP_SPLIT_ROOT))
			assert_ptr_equal(qr_pt_find(&user, va, 0), entry);
		else
			assert_null(qr_pt_find(&user, va, 0));
		qr_pt_destroy(&user);
		qr_tlb_begin(&tlb, &kernel);
		qr_pt_free(&kernel, &tlb, va, va + ((quire_va)qr_page_mask(forest.box.system)), 0, 0);
		qr_tlb_end(&tlb);
		qr_pt_destroy(&kernel);
		forest_end(&forest);
	}
}

/* What the range operations rely on to ask the codec once a run: the bits of the frame lie beside the
 * others, and what the codec does to a leaf does not depend on them. */
static void test_frame_bits(void **state)
{
	(void)state;
	for (unsigned i = 0; quire_arch_at(i); i++) {
		const struct quire_arch *arch = quire_arch_at(i);
		uint64_t all = ((uint64_t)1 << (arch->pa_bits - arch->page_shift)) - 1;
		struct box box = {.seed = 4711};

		for (unsigned n = 0; n < 4000; n++) {
			unsigned level = (unsigned)box_random(&box, arch->levels),
				 flags = (unsigned)box_random(&box, 4);
			quire_prot prot = (quire_prot)box_random(&box, 16),
				   to = (quire_prot)box_random(&box, 16);
			uint64_t frame_bits;
			quire_pte a, b;

			if (!arch->level[level].leaf || arch->prot_check(arch, prot) ||
			    arch->prot_check(arch, to))
				continue;
			all &= ~(((uint64_t)1 << (arch->level[level].shift - arch->page_shift)) - 1);
			frame_bits = arch->make(arch, (quire_pfn){all}, 0, 0, level).bits ^
				     arch->make(arch, (quire_pfn){0}, 0, 0, level).bits;
			a = arch->make(arch, (quire_pfn){box_random(&box, UINT64_MAX) & all}, prot, flags,
				       level);
			b = arch->make(arch, (quire_pfn){box_random(&box, UINT64_MAX) & all}, prot, flags,
				       level);
			assert_int_equal((a.bits ^ b.bits) & ~frame_bits, 0);
			assert_int_equal(a.bits ^ arch->with_prot(arch, a, to, level).bits,
					 b.bits ^ arch->with_prot(arch, b, to, level).bits);
			assert_int_equal(a.bits ^ arch->with_flags(arch, a, 0, flags, level).bits,
					 b.bits ^ arch->with_flags(arch, b, 0, flags, level).bits);
			/* Another protection or other flags are seen outside of the frame. */
			if (prot != to)
				assert_true(
				    ((a.bits ^ arch->make(arch, (quire_pfn){0}, to, flags, level).bits) &
				     ~frame_bits) != 0);
			all = ((uint64_t)1 << (arch->pa_bits - arch->page_shift)) - 1;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),       cmocka_unit_test(test_mutant),
	    cmocka_unit_test(test_small_tables), cmocka_unit_test(test_large_leaves),
	    cmocka_unit_test(test_kernel_half),  cmocka_unit_test(test_frame_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
