/* SPDX-License-Identifier: MIT */
/* What the swap tests share. */
#include "fixture.h"

#include <stdio.h>

#include "mm/mm.h"

struct sw sw_open(const char *arch, const char *profile, uint64_t slots, uint32_t flags,
		  const struct sim_config *more)
{
	struct sw sw;

	sw.fx = fx_open(arch, profile, more);
	/* 2.4 locks nothing without this right. */
	quire_mm_set_rights(sw.fx.process->mm, QUIRE_RIGHT_IPC_LOCK);
	sw.store = sim_store_create(sw.fx.sim, slots, flags);
	assert_non_null(sw.store);
	assert_int_equal(
	    SIM_OP(sw.fx.cpu, "swapon", quire_swapon(sim_system(sw.fx.sim), &sw.store->store, 0)), QUIRE_OK);
	return sw;
}

void sw_close(struct sw *sw)
{
	fx_close(&sw->fx);
}

void sw_fill(struct sw *sw, quire_va at, unsigned pages, unsigned value)
{
	fx_map(&sw->fx, at, pages, RW, QUIRE_MAP_PRIVATE, NULL);
	for (unsigned i = 0; i < pages; i++)
		assert_int_equal(sim_write(sw->fx.cpu, at + i * sw->fx.page, 1, (value + i) & 0xff),
				 SIM_DONE);
}

void sw_expect(struct sw *sw, quire_va at, unsigned pages, unsigned value)
{
	for (unsigned i = 0; i < pages; i++) {
		uint64_t got = 0;

		assert_int_equal(sim_read(sw->fx.cpu, at + i * sw->fx.page, 1, &got), SIM_DONE);
		if (got != ((value + i) & 0xff))
			fail_msg("page %u holds %02x, and should hold %02x", i, (unsigned)got,
				 (value + i) & 0xff);
	}
}

void sw_evict_some(struct sw *sw, quire_va at, unsigned pages, uint64_t left)
{
	uint64_t evicted = 0;

	assert_int_equal(SIM_OP(sw->fx.cpu, "evict",
				quire_mm_evict(sw->fx.process->mm, at, pages * sw->fx.page, &evicted)),
			 QUIRE_OK);
	assert_int_equal(evicted, left);
}

void sw_evict(struct sw *sw, quire_va at, unsigned pages)
{
	sw_evict_some(sw, at, pages, pages);
}

static void expect_one_fault(struct sw *sw, const char *way, unsigned major)
{
	fx_expect_levels(&sw->fx, way);
	fx_expect_counts(&sw->fx, 1 - major, major);
}

void sw_read_way(struct sw *sw, quire_va at, unsigned value, const char *way, unsigned major)
{
	uint64_t got = 0;

	assert_int_equal(sim_read(sw->fx.cpu, at, 1, &got), SIM_DONE);
	assert_int_equal(got, value);
	expect_one_fault(sw, way, major);
}

void sw_write_way(struct sw *sw, quire_va at, unsigned value, const char *way, unsigned major)
{
	assert_int_equal(sim_write(sw->fx.cpu, at, 1, value), SIM_DONE);
	expect_one_fault(sw, way, major);
}

void sw_check(struct sw *sw, const char *where)
{
	char why[300] = "";

	if (quire_check(sim_system(sw->fx.sim), why, sizeof(why)) != QUIRE_OK)
		fail_msg("%s: %s", where, why);
}

struct quire_area sw_area(struct sw *sw)
{
	struct quire_area area;

	assert_int_equal(quire_swap_area(sim_system(sw->fx.sim), 0, &area), QUIRE_OK);
	return area;
}

uint64_t sw_entry(struct sw *sw, const struct quire_mm *mm, quire_va at)
{
	const struct quire_arch *arch = sim_arch(sw->fx.sim);
	const void *entry = qr_pt_find(&mm->pt, at, 0);
	quire_pte pte;

	assert_non_null(entry);
	pte = qr_pte_get(arch, 0, entry);
	assert_int_equal(arch->kind(arch, pte, 0), QUIRE_PTE_SWAP);
	return arch->swap_value(arch, pte);
}
