/* SPDX-License-Identifier: MIT */
/* The reverse map beside a naive set of entries. */
#include "tests/page/box.h"

#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "page/rmap.h"

#define PAGES   8
#define ENTRIES 60

/* Entries that are never looked into: their addresses are what is mapped. */
static uint64_t place[PAGES][ENTRIES];

struct model {
	struct box box;
	struct qr_page *page[PAGES];
	bool has[PAGES][ENTRIES];
};

struct seen {
	struct model *model;
	unsigned page;
	bool at[ENTRIES];
	unsigned count;
};

static bool see(void *context, struct qr_page *page, void *entry)
{
	struct seen *seen = context;
	size_t at = (size_t)((uint64_t *)entry - place[seen->page]);

	assert_true(at < ENTRIES);
	assert_false(seen->at[at]);
	assert_ptr_equal(page, seen->model->page[seen->page]);
	seen->at[at] = true;
	seen->count++;
	return true;
}

static void compare(struct model *model, unsigned page)
{
	struct seen seen = {.model = model, .page = page};
	unsigned count = 0;

	qr_rmap_each(model->box.system, model->page[page], see, &seen);
	for (unsigned i = 0; i < ENTRIES; i++) {
		assert_int_equal(seen.at[i], model->has[page][i]);
		count += model->has[page][i];
	}
	assert_int_equal(seen.count, count);
	assert_int_equal(qr_rmap_total(model->box.system, model->page[page]), count);
	assert_int_equal(qr_rmap_count(model->page[page]), count < 2 ? count : 2);
	/* One mapping or none needs no chunk. */
	if (count < 2)
		assert_int_equal(model->page[page]->rmap & QR_RMAP_SEVERAL, 0);
}

static unsigned pick(struct model *model, unsigned page, bool has)
{
	unsigned at = (unsigned)box_random(&model->box, ENTRIES);

	for (unsigned i = 0; i < ENTRIES; i++) {
		if (model->has[page][(at + i) % ENTRIES] == has)
			return (at + i) % ENTRIES;
	}
	return ENTRIES;
}

static void step(struct model *model, bool grow)
{
	struct quire_system *system = model->box.system;
	unsigned page = (unsigned)box_random(&model->box, PAGES);
	unsigned there = pick(model, page, true), gone = pick(model, page, false);

	if (box_random(&model->box, 8) == 0 && there < ENTRIES && gone < ENTRIES) {
		qr_rmap_move(system, model->page[page], &place[page][there], &place[page][gone]);
		model->has[page][there] = false;
		model->has[page][gone] = true;
	} else if (grow && gone < ENTRIES) {
		bool refuse = box_random(&model->box, 16) == 0;
		enum quire_status status;

		model->box.fail_at = refuse ? model->box.asked + 1 : 0;
		status = qr_rmap_add(system, model->page[page], &place[page][gone]);
		if (status == QUIRE_OK)
			model->has[page][gone] = true;
		else
			assert_true(refuse && status == QUIRE_ENOMEM);
		model->box.fail_at = 0;
	} else if (there < ENTRIES) {
		uint32_t left = qr_rmap_del(system, model->page[page], &place[page][there]);

		model->has[page][there] = false;
		assert_int_equal(left, qr_rmap_total(system, model->page[page]));
	}
	compare(model, page);
}

static void test_random(void **state)
{
	static struct model model;
	uint64_t before;

	(void)state;
	box_make(&model.box, &quire_arch_x86_64, (struct box_range[]){{16, 400, false}, {0}}, NULL);
	before = box_free_frames(&model.box);
	for (unsigned i = 0; i < PAGES; i++) {
		model.page[i] = qr_frame_alloc(model.box.system, 0, 0, QUIRE_PAGE_ANON);
		assert_non_null(model.page[i]);
	}
	for (unsigned i = 0; i < 40000; i++)
		step(&model, box_random(&model.box, 100) < (i / 4000 % 2 ? 30u : 70u));
	for (unsigned page = 0; page < PAGES; page++) {
		for (unsigned i = 0; i < ENTRIES; i++) {
			if (model.has[page][i])
				qr_rmap_del(model.box.system, model.page[page], &place[page][i]);
		}
		assert_int_equal(model.page[page]->rmap, 0);
		qr_page_put(model.box.system, model.page[page]);
	}
	qr_slab_drain(model.box.system);
	assert_int_equal(box_free_frames(&model.box), before);
	box_end(&model.box);
}

/* --- two mappings of an ANON page: no chunk ---------------------------------------------------- */

struct list {
	const void *entry[ENTRIES];
	unsigned count;
};

static bool collect(void *context, struct qr_page *page, void *entry)
{
	struct list *list = context;

	(void)page;
	assert_true(list->count < ENTRIES);
	list->entry[list->count++] = entry;
	return true;
}

/* The map is these entries, in any order: bit n stands for place[0][n]. */
static void expect(struct box *box, struct qr_page *page, unsigned set)
{
	struct list list = {0};
	unsigned count = 0;

	qr_rmap_each(box->system, page, collect, &list);
	for (unsigned i = 0; i < 8; i++) {
		bool found = false;

		for (unsigned at = 0; at < list.count; at++)
			found |= list.entry[at] == &place[0][i];
		assert_int_equal(found, set >> i & 1);
		count += set >> i & 1;
	}
	assert_int_equal(list.count, count);
	assert_int_equal(qr_rmap_total(box->system, page), count);
	assert_int_equal(qr_rmap_count(page), count < 2 ? count : 2);
	assert_true(qr_rmap_sound(box->system, page));
	assert_int_equal(page->rmap & QR_RMAP_LOCKED, 0);
	if (qr_page_state(page) == QUIRE_PAGE_ANON && count < 2)
		assert_int_equal(page->u.anon.second, 0);
}

static enum quire_status add(struct box *box, struct qr_page *page, unsigned i)
{
	return qr_rmap_add(box->system, page, &place[0][i]);
}

static uint32_t del(struct box *box, struct qr_page *page, unsigned i)
{
	return qr_rmap_del(box->system, page, &place[0][i]);
}

/* Entries 0 .. count - 1 are added, then go in the order of `order`. */
static void come_and_go(struct box *box, struct qr_page *page, unsigned count, const unsigned *order)
{
	unsigned set = 0;

	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(add(box, page, i), QUIRE_OK);
		set |= 1u << i;
		expect(box, page, set);
	}
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(del(box, page, order[i]), count - i - 1);
		set &= ~(1u << order[i]);
		expect(box, page, set);
	}
	assert_int_equal(page->rmap, 0);
}

static void every_order(struct box *box, struct qr_page *page)
{
	static const unsigned two[2][2] = {{0, 1}, {1, 0}};
	static const unsigned three[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	come_and_go(box, page, 1, two[0]);
	for (unsigned i = 0; i < 2; i++)
		come_and_go(box, page, 2, two[i]);
	for (unsigned i = 0; i < 6; i++)
		come_and_go(box, page, 3, three[i]);
}

/* Two are inline: the second costs no allocation, the third one. */
static void test_two(void **state)
{
	struct quire_system *system;
	struct qr_page *page, *shmem;
	struct box box;
	uint64_t asked;

	(void)state;
	box_make(&box, &quire_arch_x86_64, (struct box_range[]){{16, 400, false}, {0}}, NULL);
	system = box.system;
	page = qr_frame_alloc(system, 0, 0, QUIRE_PAGE_ANON);
	shmem = qr_frame_alloc(system, 0, 0, QUIRE_PAGE_SHMEM);
	every_order(&box, page);
	/* A page of a file has its place in the file where the second would be. */
	shmem->u.cache.index = 7;
	every_order(&box, shmem);
	assert_int_equal(shmem->u.cache.index, 7);

	asked = box.asked;
	assert_int_equal(add(&box, page, 0), QUIRE_OK);
	assert_int_equal(add(&box, page, 1), QUIRE_OK);
	assert_int_equal(box.asked, asked);
	assert_int_equal(page->rmap, (uintptr_t)&place[0][0] | QR_RMAP_SEVERAL);
	assert_int_equal(page->u.anon.second, (uintptr_t)&place[0][1]);

	/* The chunk of the third is refused: nothing has changed. */
	box.fail_at = box.asked + 1;
	assert_int_equal(add(&box, page, 2), QUIRE_ENOMEM);
	box.fail_at = 0;
	expect(&box, page, 1 | 2);
	assert_int_equal(page->u.anon.second, (uintptr_t)&place[0][1]);

	/* Either of the two moves. */
	qr_rmap_move(system, page, &place[0][0], &place[0][3]);
	expect(&box, page, 2 | 8);
	qr_rmap_move(system, page, &place[0][1], &place[0][4]);
	expect(&box, page, 8 | 16);

	/* Chunks stay until one mapping is left; then two are inline again. */
	assert_int_equal(add(&box, page, 5), QUIRE_OK);
	assert_int_equal(page->u.anon.second, 0);
	assert_int_equal(del(&box, page, 3), 2);
	expect(&box, page, 16 | 32);
	assert_int_equal(del(&box, page, 5), 1);
	assert_int_equal(page->rmap, (uintptr_t)&place[0][4]);
	assert_int_equal(add(&box, page, 6), QUIRE_OK);
	assert_int_equal(page->u.anon.second, (uintptr_t)&place[0][6]);
	assert_int_equal(del(&box, page, 4), 1);
	assert_int_equal(del(&box, page, 6), 0);
	qr_page_put(system, page);
	qr_page_put(system, shmem);
	qr_slab_drain(system);
	box_end(&box);
}

/* The short ways of fork and of its end do what the long ones do, or say that they did not. */
static void test_short_ways(void **state)
{
	struct qr_page *page;
	struct box box;

	(void)state;
	if (QUIRE_CONFIG_LOCK_EVENTS) {
		struct qr_page none = {.rmap = (uintptr_t)&place[0][0]};

		/* Every lock goes the way that tells of it. */
		assert_false(qr_rmap_add_second(&none, &place[0][0], &place[0][1]));
		none.rmap |= QR_RMAP_SEVERAL;
		none.u.anon.second = (uintptr_t)&place[0][1];
		assert_int_equal(qr_rmap_del_private(&none, &place[0][0]), -1);
		return;
	}
	box_make(&box, &quire_arch_x86_64, (struct box_range[]){{16, 400, false}, {0}}, NULL);
	page = qr_frame_alloc(box.system, 0, 0, QUIRE_PAGE_ANON);
	assert_false(qr_rmap_add_second(page, &place[0][0], &place[0][1]));
	expect(&box, page, 0);
	assert_int_equal(add(&box, page, 0), QUIRE_OK);
	assert_int_equal(qr_rmap_del_private(page, &place[0][0]), 0);
	expect(&box, page, 0);
	assert_int_equal(add(&box, page, 0), QUIRE_OK);

	/* Another holds the lock. */
	qr_rmap_lock(box.system, page);
	assert_false(qr_rmap_add_second(page, &place[0][0], &place[0][1]));
	assert_int_equal(qr_rmap_del_private(page, &place[0][0]), -1);
	qr_rmap_unlock(box.system, page);
	expect(&box, page, 1);
	assert_true(qr_rmap_add_second(page, &place[0][0], &place[0][1]));
	expect(&box, page, 1 | 2);
	assert_false(qr_rmap_add_second(page, &place[0][0], &place[0][2]));
	expect(&box, page, 1 | 2);
	qr_rmap_lock(box.system, page);
	assert_int_equal(qr_rmap_del_private(page, &place[0][0]), -1);
	qr_rmap_unlock(box.system, page);
	expect(&box, page, 1 | 2);

	/* The first goes, then the second of two others. */
	assert_int_equal(qr_rmap_del_private(page, &place[0][0]), 1);
	expect(&box, page, 2);
	assert_true(qr_rmap_add_second(page, &place[0][1], &place[0][3]));
	assert_int_equal(qr_rmap_del_private(page, &place[0][3]), 1);
	expect(&box, page, 2);

	/* Three are in a chunk: not theirs. */
	assert_int_equal(add(&box, page, 4), QUIRE_OK);
	assert_int_equal(add(&box, page, 5), QUIRE_OK);
	assert_int_equal(qr_rmap_del_private(page, &place[0][4]), -1);
	assert_false(qr_rmap_add_second(page, &place[0][1], &place[0][6]));
	expect(&box, page, 2 | 16 | 32);
	assert_int_equal(del(&box, page, 1), 2);
	assert_int_equal(del(&box, page, 4), 1);
	assert_int_equal(qr_rmap_del_private(page, &place[0][5]), 0);
	expect(&box, page, 0);
	qr_page_put(box.system, page);
	qr_slab_drain(box.system);
	box_end(&box);
}

static bool first_only(void *context, struct qr_page *page, void *entry)
{
	(void)page, (void)entry;
	++*(unsigned *)context;
	return false;
}

static void test_lock(void **state)
{
	struct box box;
	struct qr_page *page;
	unsigned visits = 0;

	(void)state;
	box_make(&box, &quire_arch_x86_64, (struct box_range[]){{16, 400, false}, {0}}, NULL);
	page = qr_frame_alloc(box.system, 0, 0, QUIRE_PAGE_ANON);
	qr_rmap_add_new(page, &place[0][0]);
	qr_rmap_lock(box.system, page);
	assert_int_equal(qr_rmap_count(page), 1);
	assert_false(qr_rmap_trylock(box.system, page));
	qr_rmap_unlock(box.system, page);
	assert_true(qr_rmap_trylock(box.system, page));
	qr_rmap_unlock(box.system, page);
	assert_int_equal(page->rmap, (uintptr_t)&place[0][0]);

	for (unsigned i = 1; i < 20; i++)
		assert_int_equal(qr_rmap_add(box.system, page, &place[0][i]), QUIRE_OK);
	qr_rmap_each(box.system, page, first_only, &visits);
	assert_int_equal(visits, 1);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(qr_rmap_del(box.system, page, &place[0][i]), 19 - i);
	qr_page_put(box.system, page);
	box_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_lock),
	    cmocka_unit_test(test_two),
	    cmocka_unit_test(test_short_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
