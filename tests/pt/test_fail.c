/* SPDX-License-Identifier: MIT */
/* Fail the Nth: each page-table operation with each of its allocations refused in turn. After each
 * refusal everything is as it was, or as the contract says; then the operation is tried again. */
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "tests/pt/forest.h"

#include <cmocka.h>

static uint64_t held(const struct forest *forest)
{
	struct quire_memory_counts memory;

	quire_memory(forest->box.system, &memory);
	return memory.by_state[QUIRE_PAGE_TABLE];
}

static void unmap_all(struct forest *forest, unsigned tree)
{
	struct qr_pt_counts gone = {0};
	struct qr_tlb tlb;
	quire_va end = (quire_va)forest->arch->user_end;

	qr_tlb_begin(&tlb, &forest->pt[tree]);
	qr_pt_unmap(&forest->pt[tree], &tlb, 0, end, QR_UNMAP_ALL, &gone);
	qr_pt_free(&forest->pt[tree], &tlb, 0, end, 0, 0);
	qr_tlb_end(&tlb);
	memset(forest->leaf[tree], 0, sizeof(forest->leaf[tree]));
}

/* Places 0 .. count are mapped, each page several times. */
static void map_some(struct forest *forest, unsigned count)
{
	quire_prot prot =
	    quire_prot_widen(forest->arch, QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER);

	for (unsigned i = 0; i < count; i++) {
		struct leaf leaf = {
		    .kind = MAPPED, .page = i % PAGES, .prot = prot, .flags = QUIRE_PTE_YOUNG};

		assert_int_equal(qr_pt_map(&forest->pt[0], forest->place[i],
					   (quire_pfn){forest->page[leaf.page]->pfn}, leaf.prot, leaf.flags,
					   0),
				 QUIRE_OK);
		forest->leaf[0][i] = leaf;
	}
}

static void start(struct forest *forest, uint64_t nth)
{
	/* CPU lists would hide allocations: they are emptied, so that every run asks for the same. */
	qr_slab_drain(forest->box.system);
	forest->box.asked = 0;
	forest->box.fail_at = nth;
	forest->box.failed = false;
}

/* Whether this run's allocation was refused; if not, the last one has been tried. */
static bool stop(struct forest *forest)
{
	forest->box.fail_at = 0;
	return forest->box.failed;
}

static unsigned fail_create(struct forest *forest)
{
	unsigned nth = 0;
	bool failed;

	do {
		uint64_t before = held(forest);
		struct qr_pt pt;
		enum quire_status status;

		start(forest, ++nth);
		status = qr_pt_create(forest->box.system, forest->mm[0], NULL, &pt);
		failed = stop(forest);
		assert_int_equal(status, failed ? QUIRE_ENOMEM : QUIRE_OK);
		if (!failed)
			qr_pt_destroy(&pt);
		assert_int_equal(held(forest), before);
	} while (failed);
	return nth - 1;
}

static unsigned fail_map(struct forest *forest)
{
	unsigned refused = 0;

	for (unsigned place = 0; place < forest->places; place++) {
		unsigned nth = 0;
		bool failed;

		do {
			struct leaf leaf = {
			    .kind = MAPPED, .page = 0, .prot = forest->prots[forest->protections - 1]};
			enum quire_status status;

			forest->exclusive[0] = false;
			qr_page_clear_bits(forest->page[0], QR_PAGE_EXCLUSIVE);
			start(forest, ++nth);
			status = qr_pt_map(&forest->pt[0], forest->place[place],
					   (quire_pfn){forest->page[0]->pfn}, leaf.prot, 0, 0);
			failed = stop(forest);
			assert_int_equal(status, failed ? QUIRE_ENOMEM : QUIRE_OK);
			if (!failed)
				forest->leaf[0][place] = leaf;
			forest_compare(forest);
			refused += failed;
		} while (failed);
	}
	unmap_all(forest, 0);
	return refused;
}

/* What a copy that stopped midway left of the parent: the same pages, some without WRITE. */
static void adopt_parent(struct forest *forest)
{
	const struct quire_arch *arch = forest->arch;

	for (unsigned i = 0; i < forest->places; i++) {
		struct leaf *leaf = &forest->leaf[0][i];
		const void *entry = qr_pt_find(&forest->pt[0], forest->place[i], 0);
		quire_prot prot;

		if (leaf->kind != MAPPED)
			continue;
		assert_non_null(entry);
		prot = arch->prot(arch, qr_pte_get(arch, 0, entry), 0);
		assert_true(prot == leaf->prot || prot == (leaf->prot & ~(quire_prot)QUIRE_PROT_WRITE));
		leaf->prot = prot;
	}
	for (unsigned i = 0; i < PAGES; i++) {
		bool exclusive = qr_page_test(forest->page[i], QR_PAGE_EXCLUSIVE);

		assert_true(!exclusive || forest->exclusive[i]);
		forest->exclusive[i] = exclusive;
	}
}

static unsigned fail_copy(struct forest *forest)
{
	unsigned nth = 0;
	bool failed;

	do {
		struct qr_pt_counts gone = {0};
		enum quire_status status;
		struct qr_tlb tlb;
		struct qr_pt_copy copy = {.to = &forest->pt[1], .from = &forest->pt[0], .tlb = &tlb};
		quire_va end = (quire_va)forest->arch->user_end;

		map_some(forest, forest->places);
		start(forest, ++nth);
		qr_tlb_begin(&tlb, &forest->pt[0]);
		status = qr_pt_copy(&copy, 0, end, QR_COPY_COW);
		qr_tlb_end(&tlb);
		failed = stop(forest);
		/* A refused batch of chunks is made up for by single ones: not every refusal is seen. */
		assert_true(status == QUIRE_OK || (failed && status == QUIRE_ENOMEM));
		if (status == QUIRE_OK)
			assert_int_equal(copy.came.anon + copy.came.file + copy.came.shmem, forest->places);
		/* The caller takes back what came: exactly that. */
		qr_tlb_begin(&tlb, &forest->pt[1]);
		qr_pt_unmap(&forest->pt[1], &tlb, 0, end, QR_UNMAP_ALL, &gone);
		qr_pt_free(&forest->pt[1], &tlb, 0, end, 0, 0);
		qr_tlb_end(&tlb);
		assert_memory_equal(&copy.came, &gone, sizeof(copy.came));
		adopt_parent(forest);
		forest_compare(forest);
		unmap_all(forest, 0);
	} while (failed);
	return nth - 1;
}

static unsigned fail_move(struct forest *forest)
{
	const struct quire_arch *arch = forest->arch;
	quire_va to = (quire_va)(arch->user_end / 2) & ~(quire_va)qr_page_mask(forest->box.system);
	uint64_t length = 12 * qr_page_bytes(forest->box.system);
	unsigned nth = 0;
	bool failed;

	do {
		uint64_t moved = 0;
		enum quire_status status;
		struct qr_tlb tlb;

		map_some(forest, 12);
		start(forest, ++nth);
		qr_tlb_begin(&tlb, &forest->pt[0]);
		status = qr_pt_move(&forest->pt[0], &tlb, 0, to, length, &moved);
		qr_tlb_end(&tlb);
		failed = stop(forest);
		assert_int_equal(status, failed ? QUIRE_ENOMEM : QUIRE_OK);
		assert_int_equal(moved % qr_page_bytes(forest->box.system), 0);
		if (!failed)
			assert_int_equal(moved, length);
		/* And back again: mremap undoes a move that it could not finish. */
		qr_tlb_begin(&tlb, &forest->pt[0]);
		assert_int_equal(qr_pt_move(&forest->pt[0], &tlb, to, 0, moved, &moved), QUIRE_OK);
		qr_tlb_end(&tlb);
		forest_compare(forest);
		unmap_all(forest, 0);
	} while (failed);
	return nth - 1;
}

static void test_fail(void **state)
{
	(void)state;
	for (unsigned i = 0; quire_arch_at(i); i++) {
		static struct forest forest;
		uint64_t before, levels = quire_arch_at(i)->levels;

		forest_make(&forest, quire_arch_at(i));
		qr_slab_drain(forest.box.system);
		before = box_free_frames(&forest.box);
		assert_int_equal(fail_create(&forest), 1);
		assert_true(fail_map(&forest) >= levels - 1);
		assert_true(fail_copy(&forest) >= levels - 1);
		assert_true(fail_move(&forest) >= 1);
		qr_slab_drain(forest.box.system);
		assert_int_equal(box_free_frames(&forest.box), before);
		forest_end(&forest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
