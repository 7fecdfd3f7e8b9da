/* SPDX-License-Identifier: MIT */
/* Runs of leaves that fork and unmap take without a call, and what stops them. */
#include "pt/leaf.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pt/forest.h"

#include <cmocka.h>

static uint32_t dups;

static enum quire_status swap_dup(struct quire_system *system, uint64_t value)
{
	(void)system;
	assert_int_equal(value, 16);
	dups++;
	return QUIRE_OK;
}

static const struct qr_swap_hooks swap_ops = {.dup = swap_dup};

/* The difference of two leaves finds the descriptor of one: exactly where the codec says that both are of one class and
 * the frame lies in the range. */
static void test_frames_of_class(void **state)
{
	static struct quire_system system;
	static struct qr_page pages[64];
	struct box box = {.seed = 815};

	(void)state;
	for (unsigned i = 0; quire_arch_at(i); i++) {
		const struct quire_arch *arch = quire_arch_at(i);
		uint64_t all = ((uint64_t)1 << (arch->pa_bits - arch->page_shift)) - 1;
		unsigned found = 0;

		system.arch = arch;
		for (unsigned n = 0; n < 4000; n++) {
			uint64_t base = n % 3 ? box_random(&box, all - 64) : n % 2 ? 0 : all - 63;
			struct qr_leaf_frames frames = {0};
			quire_prot prot = (quire_prot)box_random(&box, 16),
				   other = (quire_prot)box_random(&box, 16);
			unsigned flags = (unsigned)box_random(&box, 4),
				 others = n % 2 ? (unsigned)box_random(&box, 4) : flags;
			struct qr_leaf_class class;
			struct qr_page *page;
			quire_pte known, leaf;
			quire_pfn pfn;

			if (n % 2)
				other = prot;
			if (arch->prot_check(arch, prot) || arch->prot_check(arch, other))
				continue;
			system.range[0] = (struct qr_range){.base = base, .count = 64, .pages = pages};
			pfn.n = (base + box_random(&box, 96) - 16) & all;
			known = arch->make(arch, (quire_pfn){base + box_random(&box, 64)}, prot, flags, 0);
			leaf = arch->make(arch, pfn, other, others, 0);
			qr_leaf_class_init(&class, arch, 0);
			qr_leaf_class_learn(&class, known);
			qr_leaf_frames_turn(&frames, &system, &class, &pages[0]);
			page =
			    qr_leaf_frames_page(&frames, qr_leaf_frame_shift(arch), (qr_pte_bits)leaf.bits);
			if (qr_leaf_class_has(&class, leaf) && pfn.n - base < 64)
				assert_ptr_equal(page, &pages[pfn.n - base]);
			else
				assert_null(page);
			found += page != NULL;
			assert_null(qr_leaf_frames_page(&frames, qr_leaf_frame_shift(arch), 0));
		}
		assert_true(found > 100);

		/* A leaf cannot name the last frame of the range: none is found by differences. */
		system.range[0] =
		    (struct qr_range){.base = UINT64_MAX >> arch->page_shift, .count = 2, .pages = pages};
		{
			struct qr_leaf_frames frames = {0};
			struct qr_leaf_class class;

			qr_leaf_class_init(&class, arch, 0);
			qr_leaf_class_learn(&class, arch->make(arch, (quire_pfn){1}, 0, 0, 0));
			qr_leaf_frames_turn(&frames, &system, &class, &pages[0]);
			assert_int_equal(frames.count, 0);
		}
	}
}

#define RUN  165 /* pages in one run: several batches */
#define LAST (RUN - 2)

static struct {
	quire_va start, end; /* of all that was flushed */
} flushed;

static void on_flush(struct box *box, const struct quire_flush *flush)
{
	(void)box;
	for (unsigned i = 0; i < flush->count; i++) {
		if (flush->range[i].start < flushed.start)
			flushed.start = flush->range[i].start;
		if (flush->range[i].end > flushed.end)
			flushed.end = flush->range[i].end;
	}
}

static void expect_flushed(quire_va start, quire_va end)
{
	assert_int_equal(flushed.start, start);
	assert_int_equal(flushed.end, end);
	flushed.start = (quire_va)-1;
	flushed.end = 0;
}

/* A run with everything in it: pages of two ranges of RAM, of a file, mapped already twice, none, a swap entry. */
static void test_runs(void **state)
{
	(void)state;
	for (unsigned i = 0; quire_arch_at(i); i++) {
		const struct quire_arch *arch = quire_arch_at(i);
		quire_prot prot =
		    quire_prot_widen(arch, QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER);
		quire_va start = (quire_va)8 << arch->page_shift;
		struct qr_pt_counts gone = {0}, want = {0};
		static struct qr_page *page[RUN];
		static struct forest forest;
		struct quire_system *system;
		struct qr_tlb tlb;
		struct qr_pt_copy copy = {
		    .to = &forest.pt[1], .from = &forest.pt[0], .tlb = &tlb, .swap = &swap_ops};
		uint64_t free_frames, bytes;
		quire_va end;

		forest_make(&forest, arch);
		forest.box.on_flush = on_flush;
		dups = 0;
		system = forest.box.system;
		bytes = qr_page_bytes(system);
		end = start + (quire_va)(RUN * bytes);
		free_frames = box_free_frames(&forest.box);
		for (unsigned n = 0; n < RUN; n++) {
			enum quire_page_state kind = n % 11 == 5 ? QUIRE_PAGE_SHMEM : QUIRE_PAGE_ANON;
			quire_va va = start + (quire_va)(n * bytes);

			page[n] = NULL;
			if (n % 7 == 3 || n == 100) /* none; and swap */
				continue;
			page[n] = qr_frame_alloc(system, 0, 0, kind);
			assert_non_null(page[n]);
			qr_page_set(page[n], kind == QUIRE_PAGE_ANON ? QR_PAGE_EXCLUSIVE : 0);
			assert_int_equal(qr_pt_map(&forest.pt[0], va, qr_page_pfn(system, page[n]), prot,
						   n % 5 ? QUIRE_PTE_DIRTY | QUIRE_PTE_YOUNG : 0, 0),
					 QUIRE_OK);
			/* Some are mapped a second time: the child's is the third. */
			if (n % 13 == 4)
				assert_int_equal(qr_pt_map(&forest.pt[0], va + (quire_va)(RUN * bytes),
							   qr_page_pfn(system, page[n]), prot, 0, 0),
						 QUIRE_OK);
			qr_page_put(system, page[n]); /* the mappings hold it */
			want.anon += kind == QUIRE_PAGE_ANON;
			want.shmem += kind == QUIRE_PAGE_SHMEM;
		}
		qr_pte_set(arch, 0, qr_pt_alloc(&forest.pt[0], start + (quire_va)(100 * bytes), 0, NULL),
			   arch->swap(arch, 16));
		forest.swap_ref[16] = 1;
		want.swap = 1;

		flushed.start = (quire_va)-1;
		flushed.end = 0;
		qr_tlb_begin(&tlb, &forest.pt[0]);
		assert_int_equal(qr_pt_copy(&copy, start, end, QR_COPY_COW), QUIRE_OK);
		qr_tlb_end(&tlb);
		assert_memory_equal(&copy.came, &want, sizeof(want));
		/* From the first page to the last: the one before the end is none. */
		assert_true(page[0] && page[LAST] && !page[RUN - 1]);
		expect_flushed(start, start + (quire_va)((LAST + 1) * bytes));
		for (unsigned n = 0; n < RUN; n++) {
			quire_va va = start + (quire_va)(n * bytes);
			void *entry = qr_pt_find(&forest.pt[1], va, 0);
			quire_pte parent = qr_pte_get(arch, 0, qr_pt_find(&forest.pt[0], va, 0)), child;

			child = entry ? qr_pte_get(arch, 0, entry) : (quire_pte){0};
			if (!page[n]) {
				assert_int_equal(child.bits, parent.bits);
				continue;
			}
			assert_int_equal(arch->pfn(arch, child, 0).n, page[n]->pfn);
			assert_int_equal(arch->prot(arch, child, 0) & QUIRE_PROT_WRITE, 0);
			assert_int_equal(arch->prot(arch, parent, 0) & QUIRE_PROT_WRITE, 0);
			assert_int_equal(arch->flags(arch, child, 0), n % 5 ? QUIRE_PTE_DIRTY : 0);
			assert_int_equal(arch->flags(arch, parent, 0),
					 n % 5 ? QUIRE_PTE_DIRTY | QUIRE_PTE_YOUNG : 0);
			assert_int_equal(page[n]->ref, n % 13 == 4 ? 3 : 2);
			assert_int_equal(qr_rmap_total(system, page[n]), n % 13 == 4 ? 3 : 2);
			assert_false(qr_page_test(page[n], QR_PAGE_EXCLUSIVE));
		}

		qr_tlb_begin(&tlb, &forest.pt[1]);
		qr_pt_unmap(&forest.pt[1], &tlb, start, end, QR_UNMAP_ALL, &gone);
		qr_tlb_end(&tlb);
		assert_memory_equal(&gone, &want, sizeof(want));
		expect_flushed(start, start + (quire_va)((LAST + 1) * bytes));
		for (unsigned n = 0; n < RUN; n++) {
			if (!page[n])
				continue;
			assert_int_equal(page[n]->ref, n % 13 == 4 ? 2 : 1);
			assert_int_equal(qr_rmap_total(system, page[n]), n % 13 == 4 ? 2 : 1);
			/* What the child's leaf knew of a page that stays. */
			assert_int_equal(qr_page_test(page[n], QR_PAGE_DIRTY), n % 5 != 0);
		}
		qr_tlb_begin(&tlb, &forest.pt[0]);
		qr_pt_unmap(&forest.pt[0], &tlb, start, start + (quire_va)(2 * RUN * bytes), QR_UNMAP_ALL,
			    &gone);
		qr_pt_free(&forest.pt[0], &tlb, start, start + (quire_va)(2 * RUN * bytes), 0, 0);
		qr_tlb_end(&tlb);
		qr_tlb_begin(&tlb, &forest.pt[1]);
		qr_pt_free(&forest.pt[1], &tlb, start, end, 0, 0);
		qr_tlb_end(&tlb);
		qr_slab_drain(system);
		assert_int_equal(box_free_frames(&forest.box), free_frames);
		assert_int_equal(dups, 1);
		forest_end(&forest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_frames_of_class),
	    cmocka_unit_test(test_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
