/* SPDX-License-Identifier: MIT */
/* Slots and the swap cache alone: where slots are taken, and random operations beside a model that is an array. */
#include "fixture.h"

#include <stdio.h>

#include "swap/swap.h"

#define SLOTS 600 /* two clusters and a part of one */
#define AREAS 3

struct world {
	struct sw sw;
	struct quire_system *system;
	struct sim_store *store[AREAS];
	/* The model. */
	uint32_t count[AREAS][SLOTS];
	struct qr_page *page[AREAS][SLOTS]; /* cached */
	bool retired[AREAS][SLOTS];
};

static struct world world;

static void open_world(const char *arch, const int priority[AREAS], uint32_t slots)
{
	world = (struct world){.sw.fx = fx_open(arch, "linux-6", NULL)};
	world.system = sim_system(world.sw.fx.sim);
	for (unsigned i = 0; i < AREAS; i++) {
		world.store[i] = sim_store_create(world.sw.fx.sim, slots, 0);
		assert_int_equal(quire_swapon(world.system, &world.store[i]->store, priority[i]), QUIRE_OK);
	}
}

static struct qr_page *new_page(void)
{
	struct qr_page *page = qr_frame_alloc(world.system, 0, 0, QUIRE_PAGE_ANON);

	assert_non_null(page);
	assert_true(qr_page_trylock(world.system, page));
	qr_page_set(page, QR_PAGE_UPTODATE);
	return page;
}

/* Takes slots for `count` new pages, which keep one reference, the cache's. Returns how many. */
static unsigned take(unsigned count, uint64_t *values)
{
	struct qr_page *pages[QUIRE_STORE_BATCH];
	struct quire_store_page out[QUIRE_STORE_BATCH];
	unsigned given;

	for (unsigned i = 0; i < count; i++)
		pages[i] = new_page();
	given = qr_slots_take(world.system, pages, out, count);
	for (unsigned i = 0; i < given; i++)
		values[i] = out[i].slot;
	for (unsigned i = 0; i < count; i++) {
		if (i < given) {
			unsigned area = qr_swap_number(values[i]);
			uint64_t offset = qr_swap_offset(values[i]);

			qr_swap_adopt(world.system, pages[i], values[i]);
			/* An entry names it, so that it is no garbage. */
			assert_int_equal(qr_swap_dup(world.system, values[i]), QUIRE_OK);
			assert_int_equal(world.count[area][offset], 0);
			assert_null(world.page[area][offset]);
			assert_false(world.retired[area][offset]);
			world.count[area][offset] = 1;
			world.page[area][offset] = pages[i];
		}
		qr_page_unlock(world.system, pages[i]);
		qr_page_put(world.system, pages[i]);
	}
	return given;
}

/* Puts one reference; the model follows: a page that no entry names is freed with its slot. */
static void put(unsigned area, uint64_t offset)
{
	qr_swap_put(world.system, offset << 4 | (uint64_t)area << 1);
	if (--world.count[area][offset] == 0)
		world.page[area][offset] = NULL;
}

static void put_everything(void)
{
	for (unsigned area = 0; area < AREAS; area++) {
		for (uint64_t offset = 0; offset < SLOTS; offset++) {
			while (world.count[area][offset])
				put(area, offset);
		}
	}
}

static void close_world(void)
{
	struct quire_area area;

	put_everything();
	for (unsigned i = 0; i < AREAS; i++) {
		assert_int_equal(quire_swap_area(world.system, i, &area), QUIRE_OK);
		assert_int_equal(area.used, area.retired);
	}
	fx_close(&world.sw.fx);
}

/* What is taken together lies together, in the area of the highest priority as long as it has room. */
static void neighbours_and_priorities(void **state)
{
	const int priority[AREAS] = {1, 7, 1};
	uint64_t value[32];

	open_world(*state, priority, SLOTS);
	assert_int_equal(take(32, value), 32);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(value[i], (uint64_t)i << 4 | 1 << 1);
	for (unsigned i = 32; i < SLOTS; i += 8)
		assert_int_equal(take(8, value), 8);
	assert_int_equal(qr_swap_offset(value[7]), SLOTS - 1);
	/* Full: the equal ones take turns. */
	for (unsigned i = 0; i < 14; i++) {
		assert_int_equal(take(1, value), 1);
		assert_int_not_equal(qr_swap_number(value[0]), 1);
	}
	assert_true(world.count[0][0] && world.count[2][0]);
	/* A slot that is free again in the first one is taken again. */
	put(1, 300);
	assert_int_equal(take(1, value), 1);
	assert_int_equal(value[0], UINT64_C(300) << 4 | 1 << 1);
	close_world();
}

static void automatic_priorities_go_down(void **state)
{
	const int priority[AREAS] = {-1, -1, -1};
	struct quire_area area;

	open_world(*state, priority, SLOTS);
	for (unsigned i = 0; i < AREAS; i++) {
		assert_int_equal(quire_swap_area(world.system, i, &area), QUIRE_OK);
		assert_ptr_equal(area.store, &world.store[i]->store);
		assert_int_equal(area.priority, -2 - (int)i);
	}
	close_world();
}

/* Full everywhere: as many as there are. */
static void full(void **state)
{
	const int priority[AREAS] = {0, 0, 0};
	uint64_t value[32];
	unsigned sum = 0, got;

	open_world(*state, priority, 10);
	do {
		got = take(32, value);
		sum += got;
	} while (got);
	assert_int_equal(sum, AREAS * 10);
	close_world();
}

/* --- random ------------------------------------------------------------------------------------------------- */

static bool any_used(unsigned *area, uint64_t *offset)
{
	*area = (unsigned)(sim_random(world.sw.fx.sim) % AREAS);
	*offset = sim_random(world.sw.fx.sim) % SLOTS;
	for (unsigned i = 0; i < SLOTS; i++, *offset = (*offset + 1) % SLOTS) {
		if (world.count[*area][*offset])
			return true;
	}
	return false;
}

/* The page leaves the cache, as if it had been written; or comes back, as if it were read. */
static void forget_or_read(unsigned area, uint64_t offset)
{
	uint64_t value = offset << 4 | (uint64_t)area << 1;
	struct qr_page *page = world.page[area][offset], *other;
	uint32_t age;

	if (page) {
		qr_page_get(page);
		assert_true(qr_page_trylock(world.system, page));
		qr_page_clear_bits(page, QR_PAGE_DIRTY);
		assert_true(qr_swap_forget(world.system, page));
		world.page[area][offset] = NULL;
		return;
	}
	page = new_page();
	assert_int_equal(
	    qr_swap_enter(world.system, &world.system->swap->area[area], value, page, &other, &age),
	    QUIRE_OK);
	assert_true(age != 0);
	qr_page_unlock(world.system, page);
	qr_page_put(world.system, page);
	world.page[area][offset] = page;
}

/* What the library says of a slot is what the model says. */
static void look(unsigned area, uint64_t offset)
{
	uint64_t value = offset << 4 | (uint64_t)area << 1;
	enum quire_status status;
	struct qr_page *page;

	status = qr_swap_find(world.system, &world.system->swap->area[area], value, &page);
	assert_int_equal(status, world.count[area][offset] ? QUIRE_OK : QUIRE_ENOENT);
	assert_ptr_equal(page, world.page[area][offset]);
	assert_int_equal(qr_swap_count(world.system, value), world.count[area][offset]);
	if (page)
		qr_page_put(world.system, page);
}

static void random_step(void)
{
	uint64_t values[32], offset;
	unsigned area;

	switch (sim_random(world.sw.fx.sim) % 8) {
	case 0:
	case 1:
		take(1 + (unsigned)(sim_random(world.sw.fx.sim) % 32), values);
		break;
	case 2:
		if (any_used(&area, &offset)) {
			assert_int_equal(qr_swap_dup(world.system, offset << 4 | (uint64_t)area << 1),
					 QUIRE_OK);
			world.count[area][offset]++;
		}
		break;
	case 3:
		if (any_used(&area, &offset))
			forget_or_read(area, offset);
		break;
	case 4:
		if (sim_random(world.sw.fx.sim) % 16 == 0 && any_used(&area, &offset)) {
			qr_slot_retire(world.system, offset << 4 | (uint64_t)area << 1);
			world.retired[area][offset] = true;
		}
		break;
	case 5:
		look((unsigned)(sim_random(world.sw.fx.sim) % AREAS), sim_random(world.sw.fx.sim) % SLOTS);
		break;
	default:
		for (unsigned i = 0; i < 12 && any_used(&area, &offset); i++)
			put(area, offset);
	}
}

static void random_operations(void **state)
{
	const int priority[AREAS] = {3, 3, -1};
	uint64_t used = 0, said = 0, told = 0;
	struct quire_area area;

	open_world(*state, priority, SLOTS);
	for (unsigned i = 0; i < 20000; i++) {
		random_step();
		if (i % 256 == 0)
			qr_swap_tell(world.system, &world.system->swap->area[i / 256 % AREAS], true);
	}
	for (unsigned i = 0; i < AREAS; i++) {
		for (uint64_t offset = 0; offset < SLOTS; offset++) {
			look(i, offset);
			used += world.count[i][offset] || world.retired[i][offset];
		}
		assert_int_equal(quire_swap_area(world.system, i, &area), QUIRE_OK);
		said += area.used;
		told += world.store[i]->drops;
	}
	assert_int_equal(said, used);
	assert_true(told > 100);
	close_world();
}

/* Every frame that swapon asks for, failed in turn: nothing has changed, and the next call succeeds. */
static void every_allocation_of_swapon(void **state)
{
	for (uint64_t nth = 1;; nth++) {
		struct fx fx = fx_open(*state, "linux-6", NULL);
		struct sim_store *store = sim_store_create(fx.sim, 5000, 0);
		struct quire_swap_counts usage;
		struct quire_memory_counts memory;
		enum quire_status status;
		uint64_t free;
		bool failed;

		/* The table of areas is made once. */
		assert_int_equal(quire_swapon(sim_system(fx.sim), &store->store, 0), QUIRE_OK);
		assert_int_equal(quire_swapoff(sim_system(fx.sim), &store->store), QUIRE_OK);
		free = sim_free_frames(fx.sim);
		quire_memory(sim_system(fx.sim), &memory);
		sim_fail(fx.sim, 1u << QUIRE_RES_FRAME, nth, 1);
		status = quire_swapon(sim_system(fx.sim), &store->store, 0);
		failed = sim_failed(fx.sim) > 0;
		sim_fail(fx.sim, 0, 0, 0);
		assert_int_equal(status, failed ? QUIRE_ENOMEM : QUIRE_OK);
		quire_swap_usage(sim_system(fx.sim), &usage);
		assert_int_equal(usage.total, failed ? 0 : 5000);
		if (failed) {
			struct quire_memory_counts after;

			assert_int_equal(sim_free_frames(fx.sim), free);
			quire_memory(sim_system(fx.sim), &after);
			assert_int_equal(after.commit_limit, memory.commit_limit);
			assert_int_equal(quire_swapon(sim_system(fx.sim), &store->store, 0), QUIRE_OK);
		}
		assert_int_equal(quire_swapon(sim_system(fx.sim), &store->store, 0), QUIRE_EBUSY);
		fx_close(&fx);
		if (!failed) {
			assert_true(nth > 5);
			return;
		}
	}
}

static void wrong_calls(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct sim_store *store[QUIRE_SWAP_AREAS + 1];
	struct quire_store none = {.slots = 0};
	struct quire_area area;

	assert_int_equal(quire_swapon(sim_system(fx.sim), &none, 0), QUIRE_EINVAL);
	assert_int_equal(quire_swapoff(sim_system(fx.sim), &none), QUIRE_EINVAL);
	for (unsigned i = 0; i <= QUIRE_SWAP_AREAS; i++)
		store[i] = sim_store_create(fx.sim, 16, 0);
	assert_int_equal(quire_swapon(sim_system(fx.sim), &store[0]->store, -2), QUIRE_EINVAL);
	for (unsigned i = 0; i < QUIRE_SWAP_AREAS; i++)
		assert_int_equal(quire_swapon(sim_system(fx.sim), &store[i]->store, (int)i), QUIRE_OK);
	assert_int_equal(quire_swapon(sim_system(fx.sim), &store[QUIRE_SWAP_AREAS]->store, 0), QUIRE_EPERM);
	assert_int_equal(quire_swap_area(sim_system(fx.sim), QUIRE_SWAP_AREAS, &area), QUIRE_ENOENT);
	assert_int_equal(quire_swap_area(sim_system(fx.sim), 0, &area), QUIRE_OK);
	assert_int_equal(area.priority, QUIRE_SWAP_AREAS - 1);
	assert_int_equal(quire_swapoff(sim_system(fx.sim), &store[3]->store), QUIRE_OK);
	assert_int_equal(quire_swapoff(sim_system(fx.sim), &store[3]->store), QUIRE_EINVAL);
	assert_int_equal(quire_swapon(sim_system(fx.sim), &store[QUIRE_SWAP_AREAS]->store, 0), QUIRE_OK);
	fx_close(&fx);
}

int main(void)
{
	struct CMUnitTest tests[64] = {{0}};
	size_t count = 0;

	FX_FOR_ARCHES(tests, count, neighbours_and_priorities);
	FX_FOR_ARCHES(tests, count, automatic_priorities_go_down);
	FX_FOR_ARCHES(tests, count, full);
	FX_FOR_ARCHES(tests, count, random_operations);
	FX_FOR_ARCHES(tests, count, every_allocation_of_swapon);
	FX_FOR_ARCHES(tests, count, wrong_calls);
	return _cmocka_run_group_tests("slots", tests, count, NULL, NULL);
}
