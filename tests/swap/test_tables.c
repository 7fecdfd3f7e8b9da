/* SPDX-License-Identifier: MIT */
/* Page tables in which nothing is left are given back when memory is short, and made again by the next fault. */
#include "fixture.h"

#include "mm/mm.h"

#define TABLES 6

/* What one table of pages maps. */
static quire_va span(const struct sw *sw)
{
	const struct quire_level *level = &sim_arch(sw->fx.sim)->level[0];

	return (quire_va)1 << (level->shift + level->index_bits);
}

static quire_va at(const struct sw *sw, unsigned table)
{
	return FX_AT + table * span(sw);
}

static uint64_t tables(const struct sw *sw)
{
	return quire_event_count(sim_system(sw->fx.sim), QUIRE_EVENT_TABLE_MADE) -
	       quire_event_count(sim_system(sw->fx.sim), QUIRE_EVENT_TABLE_FREED);
}

static uint64_t reclaim(struct sw *sw)
{
	uint64_t left;

	sim_op_begin(sw->fx.cpu, "reclaim");
	left = quire_reclaim(sim_system(sw->fx.sim), 64);
	assert_int_equal(sim_op_end(sw->fx.cpu, QUIRE_OK), QUIRE_OK);
	return left;
}

/* A page in each of six tables, discarded; one of them has another page, one a swap entry. */
static struct sw discarded(const char *arch, uint64_t *out_before)
{
	struct sw sw = sw_open(arch, "linux-6", 64, 0, NULL);

	fx_map(&sw.fx, FX_AT, 2, RW, QUIRE_MAP_PRIVATE, NULL);
	for (unsigned i = 1; i < TABLES; i++)
		fx_map(&sw.fx, at(&sw, i), 1, RW, QUIRE_MAP_PRIVATE, NULL);
	*out_before = tables(&sw);
	for (unsigned i = 0; i < TABLES; i++)
		assert_int_equal(sim_write(sw.fx.cpu, at(&sw, i), 1, 0x10 + i), SIM_DONE);
	assert_int_equal(sim_write(sw.fx.cpu, FX_AT + sw.fx.page, 1, 0x20), SIM_DONE);
	sw_evict(&sw, at(&sw, 1), 1);
	for (unsigned i = 0; i < TABLES; i++) {
		if (i != 1)
			assert_int_equal(SIM_OP(sw.fx.cpu, "madvise",
						quire_madvise(sw.fx.process->mm, at(&sw, i), sw.fx.page,
							      QUIRE_MADV_DONTNEED)),
					 QUIRE_OK);
	}
	return sw;
}

static void empty_tables_come_back(void **state)
{
	uint64_t before, made, free;
	struct sw sw = discarded(*state, &before);

	made = tables(&sw) - before;
	assert_true(made >= TABLES);
	assert_int_equal(quire_mlock(sw.fx.process->mm, FX_AT + sw.fx.page, sw.fx.page, 0), QUIRE_OK);
	free = sim_free_frames(sw.fx.sim);
	/* Four tables are empty; those above them are shared with the two that are not, or go as well. */
	assert_true(reclaim(&sw) >= TABLES - 2);
	assert_true(tables(&sw) - before <= made - (TABLES - 2));
	assert_true(sim_free_frames(sw.fx.sim) > free);
	sw_check(&sw, "freed");
	assert_int_equal(reclaim(&sw), 0);
	/* Memory is as it was, and can be written. */
	sw_expect(&sw, FX_AT + sw.fx.page, 1, 0x20);
	sw_expect(&sw, at(&sw, 1), 1, 0x11);
	for (unsigned i = 2; i < TABLES; i++) {
		sw_expect(&sw, at(&sw, i), 1, 0);
		assert_int_equal(sim_write(sw.fx.cpu, at(&sw, i), 1, 0x30 + i), SIM_DONE);
		sw_expect(&sw, at(&sw, i), 1, 0x30 + i);
	}
	sw_check(&sw, "made again");
	sw_close(&sw);
}

/* The CPU remembers the table of its last fault, and its TLB and walker the way to it. */
static void not_the_remembered(void **state)
{
	uint64_t before;
	struct sw sw = discarded(*state, &before);
	quire_va last = at(&sw, TABLES - 1);

	assert_int_equal(reclaim(&sw), 1);
	assert_int_equal(sim_write(sw.fx.cpu, last, 1, 0x44), SIM_DONE);
	assert_int_equal(SIM_OP(sw.fx.cpu, "madvise",
				quire_madvise(sw.fx.process->mm, last, sw.fx.page, QUIRE_MADV_DONTNEED)),
			 QUIRE_OK);
	assert_true(reclaim(&sw) >= TABLES - 2);
	assert_int_equal(sim_write(sw.fx.cpu, last, 1, 0x45), SIM_DONE);
	sw_expect(&sw, last, 1, 0x45);
	sw_check(&sw, "made again");
	sw_close(&sw);
}

/* Tables are freed when nothing else leaves: a page that can leave does first. */
static void pages_go_first(void **state)
{
	uint64_t before, made;
	struct sw sw = discarded(*state, &before);

	made = tables(&sw);
	assert_int_equal(reclaim(&sw), 1); /* FX_AT's second page */
	assert_int_equal(tables(&sw), made);
	assert_true(reclaim(&sw) >= TABLES - 2);
	sw_check(&sw, "freed");
	sw_expect(&sw, FX_AT + sw.fx.page, 1, 0x20);
	sw_close(&sw);
}

/* An address space that is locked keeps its tables. */
static void not_of_the_locked(void **state)
{
	uint64_t before, made;
	struct sw sw = discarded(*state, &before);
	struct quire_mm *mm = sw.fx.process->mm;
	unsigned token;

	assert_int_equal(reclaim(&sw), 1);
	made = tables(&sw);
	token = qr_mm_read_lock(mm);
	assert_int_equal(quire_reclaim(sim_system(sw.fx.sim), 1), 0);
	qr_mm_read_unlock(mm, token);
	qr_mm_write_lock(mm);
	assert_int_equal(quire_reclaim(sim_system(sw.fx.sim), 1), 0);
	qr_mm_write_unlock(mm);
	assert_int_equal(tables(&sw), made);
	assert_true(reclaim(&sw) >= TABLES - 2);
	sw_close(&sw);
}

int main(void)
{
	struct CMUnitTest tests[32];
	unsigned count = 0;

	FX_FOR_ARCHES(tests, count, empty_tables_come_back);
	FX_FOR_ARCHES(tests, count, not_the_remembered);
	FX_FOR_ARCHES(tests, count, pages_go_first);
	FX_FOR_ARCHES(tests, count, not_of_the_locked);
	return _cmocka_run_group_tests("empty tables", tests, count, NULL, NULL);
}
