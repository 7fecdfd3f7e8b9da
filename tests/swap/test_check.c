/* SPDX-License-Identifier: MIT */
/* quire_check() finds what is wrong with swap: each violation is planted, found by name, and taken back. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "mm/mm.h"
#include "swap/swap.h"

static struct sw sw;

/* Two processes with swapped pages, one page of them cached and one of shared memory. */
static void prepare(const char *arch)
{
	struct sim_process *child;

	sw = sw_open(arch, "linux-4.14", 600, QUIRE_STORE_SEEKS, NULL);
	fx_map(&sw.fx, FX_AT + 32 * sw.fx.page, 1, RW, QUIRE_MAP_SHARED, NULL);
	assert_int_equal(sim_write(sw.fx.cpu, FX_AT + 32 * sw.fx.page, 1, 0x40), SIM_DONE);
	sw_evict(&sw, FX_AT + 32 * sw.fx.page, 1);
	sw_fill(&sw, FX_AT, 12, 0x10);
	sw_evict(&sw, FX_AT, 12);
	assert_int_equal(sim_process_fork(sw.fx.process, &child), QUIRE_OK);
	sw_expect(&sw, FX_AT, 1, 0x10);
	sw_check(&sw, "nothing is planted");
}

static struct qr_area *area(void)
{
	return &sim_system(sw.fx.sim)->swap->area[0];
}

static void expect_found(const char *words)
{
	char why[300] = "";

	assert_int_equal(quire_check(sim_system(sw.fx.sim), why, sizeof(why)), QUIRE_EINVAL);
	if (!strstr(why, words))
		fail_msg("'%s' is not in: %s", words, why);
}

/* The entry of the last page, which is not in memory. */
static void *last_entry(void)
{
	void *entry = qr_pt_find(&sw.fx.process->mm->pt, FX_AT + 11 * sw.fx.page, 0);

	assert_non_null(entry);
	return entry;
}

static struct qr_slot *last_slot(void)
{
	uint64_t value = sw_entry(&sw, sw.fx.process->mm, FX_AT + 11 * sw.fx.page);

	return qr_slot_at(area(), qr_swap_offset(value));
}

static void seeds(void **state)
{
	const struct quire_arch *arch;
	struct qr_slot *slot;
	struct qr_page *page;
	struct fx_leaf leaf;
	quire_pte pte;

	prepare(*state);
	arch = sim_arch(sw.fx.sim);
	slot = last_slot();

	slot->word++;
	expect_found("too many are counted");
	slot->word--;

	pte = qr_pte_get(arch, 0, last_entry());
	qr_pte_set(arch, 0, last_entry(), arch->swap(arch, UINT64_C(599) << 4));
	expect_found("counts fewer entries");
	qr_pte_set(arch, 0, last_entry(), arch->swap(arch, UINT64_C(600) << 4));
	expect_found("there is none");
	qr_pte_set(arch, 0, last_entry(), arch->swap(arch, arch->swap_value(arch, pte) | QR_SWAP_EXCLUSIVE));
	expect_found("names slot");
	qr_pte_set(arch, 0, last_entry(), pte);

	area()->used++;
	expect_found("counted are others");
	area()->used--;
	qr_cluster_of(area(), 0)->free--;
	expect_found("free slots");
	qr_cluster_of(area(), 0)->free++;
	area()->users++;
	expect_found("somebody looks at it");
	area()->users--;

	leaf = fx_leaf(&sw.fx, sw.fx.process->mm, FX_AT);
	page = qr_page_of(sim_system(sw.fx.sim), leaf.pfn);
	page->u.anon.slot += 16;
	expect_found("does not know it");
	page->u.anon.slot -= 16;
	page->flags |= QR_PAGE_WRITEBACK;
	expect_found("is being written");
	page->flags &= ~(uint32_t)QR_PAGE_WRITEBACK;
	page->flags &= ~(uint32_t)QR_PAGE_SWAPCACHE;
	expect_found("does not know it");
	page->flags |= QR_PAGE_SWAPCACHE;

	slot->word |= QR_SLOT_RETIRED;
	expect_found("counted are others");
	slot->word &= ~QR_SLOT_RETIRED;
	slot->word |= QR_SLOT_DROPPING;
	expect_found("is being told");
	slot->word &= ~QR_SLOT_DROPPING;

	sim_system(sw.fx.sim)->backing++;
	expect_found("are promised");
	sim_system(sw.fx.sim)->backing--;
	sw_check(&sw, "everything is taken back");
	sw_close(&sw);
}

int main(void)
{
	struct CMUnitTest tests[16] = {{0}};
	size_t count = 0;

	FX_FOR_ARCHES(tests, count, seeds);
	return _cmocka_run_group_tests("seeded violations of swap", tests, count, NULL, NULL);
}
