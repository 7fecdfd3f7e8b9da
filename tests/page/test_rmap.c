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
		assert_int_equal(model->page[page]->rmap & QR_RMAP_CHUNK, 0);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
