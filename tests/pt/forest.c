/* SPDX-License-Identifier: MIT */
/* Two trees of page tables beside a naive model of what they map, and a TLB that remembers. */
#include "tests/pt/forest.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mm/mm.h"

/* --- what a CPU remembers ------------------------------------------------------------------------- */

void forest_check_cached(struct forest *forest)
{
	const struct quire_system *system = forest->box.system;

	for (unsigned tree = 0; tree < TREES; tree++) {
		for (unsigned i = 0; i < forest->places; i++) {
			uint64_t pfn = forest->cached[tree][i];

			if (pfn && qr_page_of(system, (quire_pfn){pfn})->ref == 0)
				fail_msg("%s: frame %llu was freed before tree %u, place %u was flushed",
					 forest->arch->name, (unsigned long long)pfn, tree, i);
		}
	}
	for (unsigned i = 0; i < forest->tables; i++) {
		if (qr_page_state(qr_page_of(system, (quire_pfn){forest->table[i]})) != QUIRE_PAGE_TABLE)
			fail_msg("%s: table %llu was freed before a flush of tables", forest->arch->name,
				 (unsigned long long)forest->table[i]);
	}
}

static void forget(struct forest *forest, unsigned tree, quire_va start, quire_va end)
{
	for (unsigned i = 0; i < forest->places; i++) {
		if (forest->place[i] >= start && forest->place[i] < end)
			forest->cached[tree][i] = 0;
	}
}

static void on_flush(struct box *box, const struct quire_flush *flush)
{
	struct forest *forest = box->watcher;
	unsigned tree = flush->mm == forest->mm[0] ? 0 : 1;

	assert_ptr_equal(flush->mm, forest->mm[tree]);
	assert_int_equal(flush->cpus, 1);
	assert_true(flush->count <= QUIRE_FLUSH_RANGES);
	forest_check_cached(forest);
	forest->flushes++;
	if (flush->count == 0)
		forget(forest, tree, 0, (quire_va)-1);
	for (unsigned i = 0; i < flush->count; i++) {
		assert_true(flush->range[i].start < flush->range[i].end);
		assert_int_equal(flush->range[i].start & qr_page_mask(box->system), 0);
		assert_int_equal(flush->range[i].end & qr_page_mask(box->system), 0);
		forget(forest, tree, flush->range[i].start, flush->range[i].end);
	}
	if (flush->tables)
		forest->tables = 0;
}

static void remember_table(struct forest *forest, const struct qr_page *page)
{
	for (unsigned i = 0; i < forest->tables; i++) {
		if (forest->table[i] == page->pfn)
			return;
	}
	assert_true(forest->tables < QR_ARRAY_COUNT(forest->table));
	forest->table[forest->tables++] = page->pfn;
}

void forest_touch(struct forest *forest)
{
	for (unsigned tree = 0; tree < TREES; tree++) {
		for (unsigned i = 0; i < forest->places; i++) {
			const struct leaf *leaf = &forest->leaf[tree][i];

			if (leaf->kind == MAPPED)
				forest->cached[tree][i] = forest->page[leaf->page]->pfn;
			for (unsigned level = 0; level + 1u < forest->arch->levels; level++) {
				const void *entry = qr_pt_find(&forest->pt[tree], forest->place[i], level);

				if (entry)
					remember_table(forest, qr_page_at(forest->box.system, entry));
			}
		}
	}
}

/* --- making ------------------------------------------------------------------------------------------- */

static void add_place(struct forest *forest, uint64_t va)
{
	unsigned at = forest->places;

	va &= ~(((uint64_t)1 << forest->arch->page_shift) - 1);
	if (at == PLACES || va >= forest->arch->user_end)
		return;
	for (unsigned i = 0; i < at; i++) {
		if (forest->place[i] == va)
			return;
	}
	while (at > 0 && forest->place[at - 1] > va) {
		forest->place[at] = forest->place[at - 1];
		at--;
	}
	forest->place[at] = (quire_va)va;
	forest->places++;
}

/* Both ends of the user half, both sides of boundaries at every level, sub-tables of one frame, and a
 * few anywhere. */
static void choose_places(struct forest *forest)
{
	const struct quire_arch *arch = forest->arch;
	uint64_t page = (uint64_t)1 << arch->page_shift;

	for (unsigned i = 0; i < 12; i++)
		add_place(forest, i * page);
	for (unsigned i = 1; i <= 4; i++)
		add_place(forest, arch->user_end - i * page);
	for (unsigned level = 1; level < arch->levels; level++) {
		uint64_t span = (uint64_t)1 << arch->level[level].shift;

		for (unsigned i = 1; i < 7; i++) {
			add_place(forest, i * span - page);
			add_place(forest, i * span);
			add_place(forest, i * span + page);
		}
	}
	while (forest->places < 90 && forest->places < arch->user_end / page / 2)
		add_place(forest, box_random(&forest->box, arch->user_end));
}

static void make_pages(struct forest *forest)
{
	struct quire_system *system = forest->box.system;

	for (unsigned i = 0; i < PAGES; i++) {
		enum quire_page_state state = i % 4 == 3   ? QUIRE_PAGE_SHMEM
					      : i % 4 == 2 ? QUIRE_PAGE_FILE
							   : QUIRE_PAGE_ANON;

		forest->page[i] = qr_frame_alloc(system, 0, 0, state);
		assert_non_null(forest->page[i]);
		if (i % 8 == 0) {
			qr_page_set(forest->page[i], QR_PAGE_EXCLUSIVE);
			forest->exclusive[i] = true;
		}
	}
}

void forest_make(struct forest *forest, const struct quire_arch *arch)
{
	memset(forest, 0, sizeof(*forest));
	forest->arch = arch;
	box_make(&forest->box, arch,
		 (struct box_range[]){{0x40, 900, false}, {0x4000, 900, false}, {0x9000, 60, true}, {0}},
		 NULL);
	forest->box.watcher = forest;
	forest->box.on_flush = on_flush;
	for (quire_prot prot = 0; prot <= QUIRE_PROT_RWX; prot++) {
		quire_prot user = prot | QUIRE_PROT_USER;

		if (arch->prot_check(arch, user) == QUIRE_OK)
			forest->prots[forest->protections++] = user;
	}
	for (unsigned tree = 0; tree < TREES; tree++) {
		/* Tables ask an mm for nothing but its name. */
		forest->mm[tree] = calloc(1, sizeof(struct quire_mm));
		assert_int_equal(qr_pt_create(forest->box.system, forest->mm[tree], NULL, &forest->pt[tree]),
				 QUIRE_OK);
		forest->pt[tree].cpus = 1;
	}
	choose_places(forest);
	make_pages(forest);
}

void forest_end(struct forest *forest)
{
	struct quire_system *system = forest->box.system;

	for (unsigned tree = 0; tree < TREES; tree++) {
		struct qr_pt_counts gone = {0};
		struct qr_tlb tlb;
		quire_va end = (quire_va)forest->arch->user_end;

		qr_tlb_begin(&tlb, &forest->pt[tree]);
		qr_pt_unmap(&forest->pt[tree], &tlb, 0, end, QR_UNMAP_ALL, &gone);
		memset(forest->leaf[tree], 0, sizeof(forest->leaf[tree]));
		qr_pt_free(&forest->pt[tree], &tlb, 0, end, 0, 0);
		qr_tlb_end(&tlb);
		assert_int_equal(forest->pt[tree].tables, 0);
		forest_compare(forest);
	}
	for (unsigned tree = 0; tree < TREES; tree++) {
		qr_pt_destroy(&forest->pt[tree]);
		free(forest->mm[tree]);
	}
	for (unsigned i = 0; i < PAGES; i++) {
		assert_int_equal(forest->page[i]->ref, 1);
		qr_page_put(system, forest->page[i]);
	}
	box_end(&forest->box);
}

bool forest_page_anon(const struct forest *forest, unsigned page)
{
	return qr_page_state(forest->page[page]) == QUIRE_PAGE_ANON;
}

/* --- comparing --------------------------------------------------------------------------------------- */

static quire_pte model_pte(const struct forest *forest, const struct leaf *leaf)
{
	const struct quire_arch *arch = forest->arch;

	switch (leaf->kind) {
	case MAPPED:
		return arch->make(arch, (quire_pfn){forest->page[leaf->page]->pfn}, leaf->prot, leaf->flags,
				  0);
	case SWAPPED:
		return arch->swap(arch, leaf->swap);
	default:
		return (quire_pte){0};
	}
}

static void compare_entry(struct forest *forest, unsigned tree, unsigned place)
{
	const struct quire_arch *arch = forest->arch;
	const struct leaf *leaf = &forest->leaf[tree][place];
	const void *entry = qr_pt_find(&forest->pt[tree], forest->place[place], 0);
	quire_pte pte = entry ? qr_pte_get(arch, 0, entry) : (quire_pte){0};
	quire_pte want = model_pte(forest, leaf);
	quire_va va;

	if (pte.bits != want.bits)
		fail_msg("%s: tree %u at %llx is %llx, and should be %llx", arch->name, tree,
			 (unsigned long long)forest->place[place], (unsigned long long)pte.bits,
			 (unsigned long long)want.bits);
	if (!entry)
		return;
	/* From the address of the entry back to whose it is. */
	assert_ptr_equal(qr_rmap_owner(forest->box.system, entry, &va), &forest->pt[tree]);
	assert_int_equal(va, forest->place[place]);
}

struct found {
	struct forest *forest;
	unsigned page;
	unsigned count;
};

static bool find(void *context, struct qr_page *page, void *entry)
{
	struct found *found = context;
	struct forest *forest = found->forest;
	quire_va va;
	const struct qr_pt *pt = qr_rmap_owner(forest->box.system, entry, &va);
	unsigned tree = pt == &forest->pt[0] ? 0 : 1;

	assert_ptr_equal(pt, &forest->pt[tree]);
	(void)page;
	found->count++;
	for (unsigned i = 0; i < forest->places; i++) {
		if (forest->place[i] != va)
			continue;
		assert_int_equal(forest->leaf[tree][i].kind, MAPPED);
		assert_int_equal(forest->leaf[tree][i].page, found->page);
		return true;
	}
	fail_msg("%s: a reverse mapping to %llx, which is no place", forest->arch->name,
		 (unsigned long long)va);
	return false;
}

void forest_compare(struct forest *forest)
{
	unsigned mapped[PAGES] = {0};

	for (unsigned tree = 0; tree < TREES; tree++) {
		for (unsigned i = 0; i < forest->places; i++) {
			if (forest->leaf[tree][i].kind == MAPPED)
				mapped[forest->leaf[tree][i].page]++;
			if (forest->pt[tree].root)
				compare_entry(forest, tree, i);
		}
	}
	for (unsigned i = 0; i < PAGES; i++) {
		struct found found = {.forest = forest, .page = i};

		qr_rmap_each(forest->box.system, forest->page[i], find, &found);
		assert_int_equal(found.count, mapped[i]);
		assert_int_equal(forest->page[i]->ref, mapped[i] + 1);
		assert_int_equal(qr_page_test(forest->page[i], QR_PAGE_EXCLUSIVE), forest->exclusive[i]);
	}
	forest_check_cached(forest);
	box_check_states(&forest->box);
}
