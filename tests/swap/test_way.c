/* SPDX-License-Identifier: MIT */
/* do_swap_page as each profile has it: the way, how it counts, what the entry becomes, whether the slot is kept. */
#include "fixture.h"

#include <string.h>

#include "mm/mm.h"
#include "swap/swap.h"

#define NONE 0

/* What is left of the slot of a page at `at` that is mapped now. */
static bool has_slot(struct sw *sw, quire_va at)
{
	struct fx_leaf leaf = fx_leaf(&sw->fx, sw->fx.process->mm, at);

	assert_true(leaf.there);
	return qr_page_test(qr_page_of(sim_system(sw->fx.sim), leaf.pfn), QR_PAGE_SWAPCACHE);
}

static bool is_writable(struct sw *sw, quire_va at)
{
	return (fx_leaf(&sw->fx, sw->fx.process->mm, at).prot & QUIRE_PROT_WRITE) != 0;
}

/* --- 2.4 ---------------------------------------------------------------------------------------------------- */

static void way_2_4(void **state)
{
	struct sw sw = sw_open(*state, "linux-2.4", 64, 0, NULL);

	sw_fill(&sw, FX_AT, 10, 0x10);
	sw_evict(&sw, FX_AT, 10);
	/* The device first, with the aligned block of eight slots; the mm lock stays held. */
	sw_read_way(&sw, FX_AT, 0x10, "handle_pte_fault do_swap_page swap-read major", 1);
	assert_int_equal(sw.store->gets, 8);
	assert_false(is_writable(&sw, FX_AT));
	assert_true(has_slot(&sw, FX_AT)); /* kept: the store is not half full */
	/* Then the cache. */
	sw_read_way(&sw, FX_AT + sw.fx.page, 0x11, "handle_pte_fault do_swap_page swap-cache-hit minor", 0);
	assert_int_equal(sw.store->gets, 8);
	/* A write by the only user: writable at once, and the slot is kept. */
	sw_write_way(&sw, FX_AT + 2 * sw.fx.page, 0x99, "handle_pte_fault do_swap_page swap-cache-hit minor",
		     0);
	assert_true(is_writable(&sw, FX_AT + 2 * sw.fx.page));
	assert_true(has_slot(&sw, FX_AT + 2 * sw.fx.page));
	/* What was read is taken over by a write: the cache's reference does not count. */
	sw_write_way(&sw, FX_AT, 0x98, "handle_pte_fault do_wp_page page-reused minor", 0);
	assert_true(has_slot(&sw, FX_AT));
	sw_check(&sw, "2.4");
	sw_close(&sw);
}

/* A write that is not the only user's maps the page for reading: the second fault copies. */
static void way_2_4_shared_write_faults_twice(void **state)
{
	struct sw sw = sw_open(*state, "linux-2.4", 64, 0, NULL);
	struct sim_process *child;
	const struct sim_result *last = sim_last(sw.fx.cpu);

	sw_fill(&sw, FX_AT, 1, 0x10);
	sw_evict(&sw, FX_AT, 1);
	assert_int_equal(sim_process_fork(sw.fx.process, &child), QUIRE_OK);
	assert_int_equal(sim_write(sw.fx.cpu, FX_AT, 1, 0x20), SIM_DONE);
	assert_int_equal(last->faults, 2);
	fx_expect_counts(&sw.fx, 1, 1);
	sim_switch(sw.fx.cpu, child);
	sw_expect(&sw, FX_AT, 1, 0x10);
	sw_check(&sw, "2.4, shared");
	sw_close(&sw);
}

/* A write by the kernel to a page that a child has too, swapped: by the rules of each release the child keeps its. */
static void kernel_write_copies(void **state)
{
	static const char *const profile[] = {"linux-2.4", "linux-2.6", "linux-4.14", "linux-6"};

	for (unsigned i = 0; i < 4; i++) {
		struct sw sw = sw_open(*state, profile[i], 64, 0, NULL);
		unsigned char byte = 0x77;
		struct sim_process *child;
		size_t done;

		sw_fill(&sw, FX_AT, 1, 0x10);
		sw_evict(&sw, FX_AT, 1);
		assert_int_equal(sim_process_fork(sw.fx.process, &child), QUIRE_OK);
		assert_int_equal(
		    SIM_OP(sw.fx.cpu, "access",
			   quire_mm_access(sw.fx.process->mm, FX_AT, &byte, 1, QUIRE_REMOTE_WRITE, &done)),
		    QUIRE_OK);
		sw_expect(&sw, FX_AT, 1, 0x77);
		sim_switch(sw.fx.cpu, child);
		sw_expect(&sw, FX_AT, 1, 0x10);
		sw_check(&sw, profile[i]);
		sw_close(&sw);
	}
}

/* More than half full: the slot goes with the read. */
static void way_2_4_full_store_frees(void **state)
{
	struct sw sw = sw_open(*state, "linux-2.4", 8, 0, NULL);

	sw_fill(&sw, FX_AT, 6, 0x10);
	sw_evict(&sw, FX_AT, 6);
	sw_read_way(&sw, FX_AT, 0x10, "handle_pte_fault do_swap_page swap-read major", 1);
	assert_false(has_slot(&sw, FX_AT));
	assert_int_equal(sw_area(&sw).used, 5);
	sw_expect(&sw, FX_AT, 6, 0x10);
	/* Half of the slots were free again before the last came back. */
	assert_int_equal(sw_area(&sw).used, 4);
	sw_check(&sw, "2.4, full");
	sw_close(&sw);
}

/* --- 2.6 ---------------------------------------------------------------------------------------------------- */

static void way_2_6(void **state)
{
	struct sw sw = sw_open(*state, "linux-2.6", 64, 0, NULL);
	struct sim_process *child;

	sw_fill(&sw, FX_AT, 4, 0x10);
	sw_evict(&sw, FX_AT, 4);
	sw_write_way(&sw, FX_AT, 0x99, "handle_pte_fault do_swap_page swap-read major", 1);
	assert_true(is_writable(&sw, FX_AT));
	assert_true(has_slot(&sw, FX_AT));
	/* Not alone: the same fault goes on to copy. */
	assert_int_equal(sim_process_fork(sw.fx.process, &child), QUIRE_OK);
	sw_write_way(&sw, FX_AT + sw.fx.page, 0x98,
		     "handle_pte_fault do_swap_page swap-cache-hit do_wp_page page-copied minor", 0);
	sim_switch(sw.fx.cpu, child);
	sw_expect(&sw, FX_AT + sw.fx.page, 3, 0x11);
	sw_check(&sw, "2.6");
	sw_close(&sw);
}

/* --- 4.14 --------------------------------------------------------------------------------------------------- */

static void way_4_14(void **state)
{
	struct sw sw = sw_open(*state, "linux-4.14", 64, 0, NULL);
	struct sim_process *child;

	sw_fill(&sw, FX_AT, 8, 0x10);
	sw_evict(&sw, FX_AT, 8);
	/* The device, without the mm lock; then the fault again, which finds the page in the cache. Neighbours by
	 * address: the store does not seek. On both sides: half of a window of eight lies behind it. */
	sw_read_way(
	    &sw, FX_AT, 0x10,
	    "handle_pte_fault do_swap_page lock-dropped swap-read fault-retry mmap-lock find_vma good_area "
	    "handle_mm_fault __handle_mm_fault handle_pte_fault do_swap_page swap-cache-hit major",
	    1);
	assert_int_equal(sw.store->gets, 5);
	assert_false(is_writable(&sw, FX_AT));
	assert_true(has_slot(&sw, FX_AT));
	/* reuse_swap_page gives the slot back. */
	sw_write_way(&sw, FX_AT + sw.fx.page, 0x99, "handle_pte_fault do_swap_page swap-cache-hit minor", 0);
	assert_true(is_writable(&sw, FX_AT + sw.fx.page));
	assert_false(has_slot(&sw, FX_AT + sw.fx.page));
	/* The same by do_wp_page. */
	sw_write_way(&sw, FX_AT, 0x98, "handle_pte_fault do_wp_page wp_page_reuse minor", 0);
	assert_false(has_slot(&sw, FX_AT));
	/* One mapping, but an entry of the child names the slot: not alone. */
	assert_int_equal(sim_process_fork(sw.fx.process, &child), QUIRE_OK);
	sw_write_way(&sw, FX_AT + 2 * sw.fx.page, 0x97,
		     "handle_pte_fault do_swap_page swap-cache-hit do_wp_page wp_page_copy minor", 0);
	sim_switch(sw.fx.cpu, child);
	sw_expect(&sw, FX_AT + 2 * sw.fx.page, 6, 0x12);
	sw_check(&sw, "4.14");
	sw_close(&sw);
}

/* More than half full: the slot goes with the read, as in 2.4. */
static void way_4_14_full_store_frees(void **state)
{
	struct sw sw = sw_open(*state, "linux-4.14", 8, 0, NULL);

	sw_fill(&sw, FX_AT, 6, 0x10);
	sw_evict(&sw, FX_AT, 6);
	sw_read_way(
	    &sw, FX_AT, 0x10,
	    "handle_pte_fault do_swap_page lock-dropped swap-read fault-retry mmap-lock find_vma good_area "
	    "handle_mm_fault __handle_mm_fault handle_pte_fault do_swap_page swap-cache-hit major",
	    1);
	assert_false(has_slot(&sw, FX_AT));
	assert_int_equal(sw_area(&sw).used, 5);
	sw_expect(&sw, FX_AT, 6, 0x10);
	assert_int_equal(sw_area(&sw).used, 4);
	sw_check(&sw, "4.14, full");
	sw_close(&sw);
}

/* A locked vma gives the slot back at once. */
static void way_4_14_locked(void **state)
{
	struct sw sw = sw_open(*state, "linux-4.14", 64, 0, NULL);

	sw_fill(&sw, FX_AT, 2, 0x10);
	sw_evict(&sw, FX_AT, 2);
	assert_int_equal(SIM_OP(sw.fx.cpu, "mlock", quire_mlock(sw.fx.process->mm, FX_AT, 2 * sw.fx.page, 0)),
			 QUIRE_OK);
	assert_false(has_slot(&sw, FX_AT));
	assert_int_equal(sw_area(&sw).used, 0);
	/* And keeps its pages. */
	sw_evict_some(&sw, FX_AT, 2, 0);
	sw_expect(&sw, FX_AT, 2, 0x10);
	sw_close(&sw);
}

/* --- 6 ------------------------------------------------------------------------------------------------------ */

static void way_6(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	const struct quire_mm *mm = sw.fx.process->mm;
	struct sim_process *child;

	sw_fill(&sw, FX_AT, 8, 0x10);
	sw_evict(&sw, FX_AT, 8);
	assert_int_equal(sw_entry(&sw, mm, FX_AT) & QR_SWAP_EXCLUSIVE, QR_SWAP_EXCLUSIVE);
	/* A read maps the page writable: the entry was exclusive. The slot is kept. */
	sw_read_way(
	    &sw, FX_AT, 0x10,
	    "handle_pte_fault do_swap_page lock-dropped swap-read fault-retry mmap-lock find_vma good_area "
	    "handle_mm_fault __handle_mm_fault handle_pte_fault do_swap_page swap-cache-hit major",
	    1);
	assert_true(is_writable(&sw, FX_AT));
	assert_true(has_slot(&sw, FX_AT));
	/* A write that is likely the only user's gives it back. */
	sw_write_way(&sw, FX_AT + sw.fx.page, 0x99, "handle_pte_fault do_swap_page swap-cache-hit minor", 0);
	assert_false(has_slot(&sw, FX_AT + sw.fx.page));
	/* fork takes EXCLUSIVE from both entries. */
	assert_int_equal(sim_process_fork(sw.fx.process, &child), QUIRE_OK);
	assert_int_equal(sw_entry(&sw, mm, FX_AT + 2 * sw.fx.page) & QR_SWAP_EXCLUSIVE, 0);
	assert_int_equal(sw_entry(&sw, child->mm, FX_AT + 2 * sw.fx.page) & QR_SWAP_EXCLUSIVE, 0);
	sw_write_way(&sw, FX_AT + 2 * sw.fx.page, 0x97,
		     "handle_pte_fault do_swap_page swap-cache-hit do_wp_page wp_page_copy minor", 0);
	/* The child has it alone now: references prove it when the slot is gone. */
	sim_switch(sw.fx.cpu, child);
	sw_write_way(&sw, FX_AT + 2 * sw.fx.page, 0x96, "handle_pte_fault do_swap_page swap-cache-hit minor",
		     0);
	assert_false(qr_swap_count(sim_system(sw.fx.sim), sw_entry(&sw, mm, FX_AT + 3 * sw.fx.page)) != 2);
	sw_check(&sw, "6");
	sw_close(&sw);
}

/* Clean again in the cache: a second eviction writes nothing. */
static void clean_pages_are_not_written_again(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);

	sw_fill(&sw, FX_AT, 4, 0x10);
	sw_evict(&sw, FX_AT, 4);
	assert_int_equal(sw.store->puts, 4);
	sw_expect(&sw, FX_AT, 4, 0x10);
	sw_evict(&sw, FX_AT, 4);
	assert_int_equal(sw.store->puts, 4);
	assert_int_equal(sim_write(sw.fx.cpu, FX_AT, 1, 0x50), SIM_DONE);
	sw_evict_some(&sw, FX_AT, 4, 1);
	assert_int_equal(sw.store->puts, 5);
	sw_expect(&sw, FX_AT, 1, 0x50);
	sw_expect(&sw, FX_AT + sw.fx.page, 3, 0x11);
	sw_close(&sw);
}

/* --- what all have in common ---------------------------------------------------------------------------------- */

static const char *const profiles[] = {"linux-2.4", "linux-2.6", "linux-4.14", "linux-6"};

static void out_and_back(void **state)
{
	for (unsigned p = 0; p < 4; p++) {
		for (uint32_t seeks = 0; seeks < 2; seeks++) {
			struct sw sw = sw_open(*state, profiles[p], 64, seeks ? QUIRE_STORE_SEEKS : 0, NULL);

			sw_fill(&sw, FX_AT, 40, 0x10);
			sw_evict(&sw, FX_AT, 40);
			sw_check(&sw, "evicted");
			assert_int_equal(sw_area(&sw).used, 40);
			sw_expect(&sw, FX_AT, 40, 0x10);
			sw_check(&sw, "back");
			sw_evict(&sw, FX_AT, 40);
			assert_int_equal(SIM_OP(sw.fx.cpu, "munmap",
						quire_munmap(sw.fx.process->mm, FX_AT, 20 * sw.fx.page)),
					 QUIRE_OK);
			assert_int_equal(sw_area(&sw).used, 20);
			sw_expect(&sw, FX_AT + 20 * sw.fx.page, 20, 0x24);
			sw_check(&sw, "half");
			sim_process_exit(sw.fx.process);
			assert_int_equal(sw_area(&sw).used, 0);
			sw_close(&sw);
		}
	}
}

/* A read that fails is SIGBUS, also the second time, when nothing is read, and nobody else pays. */
static void failed_read(void **state)
{
	static const struct {
		const char *first, *second;
	} ways[] = {{"handle_pte_fault do_swap_page swap-bad SIGBUS",
		     "handle_pte_fault do_swap_page swap-bad SIGBUS"},
		    {"handle_pte_fault do_swap_page swap-bad SIGBUS",
		     "handle_pte_fault do_swap_page swap-bad SIGBUS"},
		    {"handle_pte_fault do_swap_page lock-dropped swap-bad SIGBUS",
		     "handle_pte_fault do_swap_page swap-bad SIGBUS"},
		    {"handle_pte_fault do_swap_page lock-dropped swap-bad SIGBUS",
		     "handle_pte_fault do_swap_page swap-bad SIGBUS"}};

	for (unsigned p = 0; p < 4; p++) {
		struct sw sw = sw_open(*state, profiles[p], 64, 0, NULL);
		uint64_t value;
		char byte;

		sw_fill(&sw, FX_AT, 3, 0x10);
		sw_evict(&sw, FX_AT, 3);
		sw.store->fail_get = 1;
		fx_expect_signal(&sw.fx, sim_read(sw.fx.cpu, FX_AT, 1, &value), QUIRE_SIGBUS,
				 QUIRE_BUS_ADRERR, FX_AT);
		fx_expect_levels(&sw.fx, ways[p].first);
		assert_int_equal(sw.store->gets, 3);
		fx_expect_signal(&sw.fx, sim_write(sw.fx.cpu, FX_AT, 1, 1), QUIRE_SIGBUS, QUIRE_BUS_ADRERR,
				 FX_AT);
		fx_expect_levels(&sw.fx, ways[p].second);
		/* A system call stops there. */
		assert_int_equal(sim_copy_from_user(sw.fx.cpu, &byte, FX_AT, 1), 1);
		assert_int_equal(sw.store->gets, 3);
		sw_expect(&sw, FX_AT + sw.fx.page, 2, 0x11);
		assert_int_equal(sw_area(&sw).read_errors, 1);
		sw_check(&sw, "failed read");
		sw_close(&sw);
	}
}

/* What changed silently in a store is found by its checksum. */
static void silent_corruption(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	uint64_t value;

	sw.store->checked = true;
	sw_fill(&sw, FX_AT, 2, 0x10);
	sw_evict(&sw, FX_AT, 2);
	sw.store->corrupt_get = 1;
	fx_expect_signal(&sw.fx, sim_read(sw.fx.cpu, FX_AT, 1, &value), QUIRE_SIGBUS, QUIRE_BUS_ADRERR,
			 FX_AT);
	sw_expect(&sw, FX_AT + sw.fx.page, 1, 0x11);
	sw_close(&sw);
}

/* An entry that names no slot, or an area that is none. */
static void corrupt_entry(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	const struct quire_arch *arch = sim_arch(sw.fx.sim);
	uint64_t bad[] = {UINT64_C(1000) << 4, UINT64_C(1) << 1, UINT64_C(3) << 4};
	uint64_t value;
	void *entry;

	sw_fill(&sw, FX_AT, 1, 0x10);
	sw_evict(&sw, FX_AT, 1);
	entry = qr_pt_find(&sw.fx.process->mm->pt, FX_AT, 0);
	value = sw_entry(&sw, sw.fx.process->mm, FX_AT);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t got;

		qr_pte_set(arch, 0, entry, arch->swap(arch, bad[i]));
		fx_expect_signal(&sw.fx, sim_read(sw.fx.cpu, FX_AT, 1, &got), QUIRE_SIGBUS, QUIRE_BUS_ADRERR,
				 FX_AT);
		fx_expect_levels(&sw.fx, "handle_pte_fault do_swap_page pte-corrupt SIGBUS");
	}
	qr_pte_set(arch, 0, entry, arch->swap(arch, value));
	sw_expect(&sw, FX_AT, 1, 0x10);
	sw_close(&sw);
}

/* Reads here and there end read-ahead; reads in order bring it back: 1, 2 and 4 pages, then 8 at a time. On the toy a table
 * ends early. */
static void read_ahead_comes_back(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 512, 0, NULL);
	struct quire_system *system = sim_system(sw.fx.sim);
	uint64_t ahead, in;

	sw_fill(&sw, FX_AT, 128, 0);
	sw_evict(&sw, FX_AT, 128);
	for (unsigned i = 0; i < 8; i++)
		sw_expect(&sw, FX_AT + (i % 2 * 32 + i * 4) * sw.fx.page, 1, i % 2 * 32 + i * 4);
	ahead = quire_event_count(system, QUIRE_EVENT_SWAP_RA);
	in = quire_event_count(system, QUIRE_EVENT_PSWPIN);
	sw_expect(&sw, FX_AT + 64 * sw.fx.page, 64, 64);
	assert_int_equal(quire_event_count(system, QUIRE_EVENT_PSWPIN) - in, 64);
	assert_int_equal(quire_event_count(system, QUIRE_EVENT_SWAP_RA) - ahead,
			 64 - (strcmp(*state, "toy") ? 11 : 12));
	sw_close(&sw);
}

/* Down as well as up: 1 page, 2 and 4, then 8 at a time. */
static void read_ahead_goes_down(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 512, 0, NULL);
	static const unsigned at[] = {63, 62, 60, 56, 48, 40}, pages[] = {1, 2, 4, 8, 8, 8};
	struct quire_system *system = sim_system(sw.fx.sim);
	unsigned majors = 0;

	sw_fill(&sw, FX_AT, 96, 0);
	sw_evict(&sw, FX_AT, 96);
	for (unsigned i = 0; i < 8; i++)
		sw_expect(&sw, FX_AT + (i % 2 * 16 + 72 - i) * sw.fx.page, 1, i % 2 * 16 + 72 - i);
	for (unsigned i = 63; i >= 33; i--) {
		uint64_t in = quire_event_count(system, QUIRE_EVENT_PSWPIN);

		sw_expect(&sw, FX_AT + i * sw.fx.page, 1, i);
		in = quire_event_count(system, QUIRE_EVENT_PSWPIN) - in;
		if (in == 0)
			continue;
		assert_int_equal(i, at[majors]);
		assert_int_equal(in, pages[majors++]);
	}
	assert_int_equal(majors, 6);
	sw_close(&sw);
}

int main(void)
{
	struct CMUnitTest tests[128] = {{0}};
	size_t count = 0;

	FX_FOR_ARCHES(tests, count, read_ahead_comes_back);
	tests[count++] = fx_test("read_ahead_goes_down", read_ahead_goes_down, "x86_64");
	FX_FOR_ARCHES(tests, count, way_2_4);
	FX_FOR_ARCHES(tests, count, way_2_4_shared_write_faults_twice);
	FX_FOR_ARCHES(tests, count, kernel_write_copies);
	FX_FOR_ARCHES(tests, count, way_2_4_full_store_frees);
	FX_FOR_ARCHES(tests, count, way_2_6);
	FX_FOR_ARCHES(tests, count, way_4_14);
	FX_FOR_ARCHES(tests, count, way_4_14_full_store_frees);
	FX_FOR_ARCHES(tests, count, way_4_14_locked);
	FX_FOR_ARCHES(tests, count, way_6);
	FX_FOR_ARCHES(tests, count, clean_pages_are_not_written_again);
	FX_FOR_ARCHES(tests, count, out_and_back);
	FX_FOR_ARCHES(tests, count, failed_read);
	FX_FOR_ARCHES(tests, count, silent_corruption);
	FX_FOR_ARCHES(tests, count, corrupt_entry);
	return _cmocka_run_group_tests("the way back from swap", tests, count, NULL, NULL);
}
