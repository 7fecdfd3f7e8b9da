/* SPDX-License-Identifier: MIT */
/* Anonymous memory: the zero page, first writes, copy-on-write, reuse; on every architecture. */
#include "fixture.h"

#define RW          (QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define YOUNG_DIRTY (QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY)

static uint64_t event(const struct fx *fx, enum quire_event event)
{
	return quire_event_count(sim_system(fx->sim), event);
}

static void read_maps_the_zero_page_then_write_maps_a_frame(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct quire_memory_counts memory;
	struct fx_leaf leaf;
	uint64_t value = 1;
	quire_pfn zero;

	fx_map(&fx, FX_AT, 2, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_read(fx.cpu, FX_AT + 8, 4, &value), SIM_DONE);
	assert_int_equal(value, 0);
	fx_expect_levels(&fx, "handle_pte_fault do_anonymous_page zero-page minor");
	fx_expect_counts(&fx, 1, 0);
	leaf = fx_leaf(&fx, fx.process->mm, FX_AT);
	assert_true(leaf.there && (leaf.prot & QUIRE_PROT_READ) && !(leaf.prot & QUIRE_PROT_WRITE));
	zero = leaf.pfn;

	/* The next page reads the same frame. */
	assert_int_equal(sim_read(fx.cpu, FX_AT + fx.page, 4, &value), SIM_DONE);
	assert_int_equal(fx_leaf(&fx, fx.process->mm, FX_AT + fx.page).pfn.n, zero.n);
	quire_memory(sim_system(fx.sim), &memory);
	assert_int_equal(memory.by_state[QUIRE_PAGE_ANON], 0);

	assert_int_equal(sim_write(fx.cpu, FX_AT + 8, 4, 0xabcd), SIM_DONE);
	fx_expect_levels(&fx, "handle_pte_fault do_wp_page wp-zero-page minor");
	leaf = fx_leaf(&fx, fx.process->mm, FX_AT);
	assert_int_not_equal(leaf.pfn.n, zero.n);
	assert_int_equal(leaf.prot & RW, RW);
	assert_int_equal(leaf.flags, YOUNG_DIRTY);
	assert_int_equal(sim_read(fx.cpu, FX_AT + 8, 4, &value), SIM_DONE);
	assert_int_equal(value, 0xabcd);
	assert_int_equal(sim_last(fx.cpu)->faults, 0);
	/* A cleared frame took its place: nothing was copied. */
	assert_int_equal(event(&fx, QUIRE_EVENT_PAGE_COPIED), 0);
	fx_close(&fx);
}

static void first_write_maps_a_cleared_frame(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct fx_leaf leaf;
	uint64_t value = 1;

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 0x1234), SIM_DONE);
	fx_expect_levels(&fx, "handle_pte_fault do_anonymous_page anon-frame minor");
	fx_expect_counts(&fx, 1, 0);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_ANON_FRAME), 1);
	leaf = fx_leaf(&fx, fx.process->mm, FX_AT);
	assert_int_equal(leaf.prot & (RW | QUIRE_PROT_USER), RW | QUIRE_PROT_USER);
	assert_int_equal(leaf.flags, YOUNG_DIRTY);
	assert_int_equal(sim_read(fx.cpu, FX_AT + 4, 4, &value), SIM_DONE);
	assert_int_equal(value, 0);
	fx_close(&fx);
}

/* x86-64, to the bit: a frame's entry is P RW US A D XD, the zero page's P US A XD. */
static void entries_of_x86_64(void **state)
{
	struct fx fx = fx_open("x86_64", "linux-6", NULL);
	uint64_t value;

	(void)state;
	fx_map(&fx, FX_AT, 2, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 8, 1), SIM_DONE);
	fx_expect_way(&fx, "do_page_fault do_user_addr_fault mmap-lock find_vma good_area handle_mm_fault "
			   "__handle_mm_fault table-allocated table-allocated table-allocated "
			   "handle_pte_fault do_anonymous_page "
			   "anon-frame minor");
	fx_expect_pte(&fx, 0x8000000000000067);
	assert_int_equal(sim_read(fx.cpu, FX_AT + fx.page, 8, &value), SIM_DONE);
	fx_expect_way(&fx, "do_page_fault do_user_addr_fault mmap-lock find_vma good_area handle_mm_fault "
			   "__handle_mm_fault handle_pte_fault do_anonymous_page zero-page minor");
	fx_expect_pte(&fx, 0x8000000000000025);
	fx_close(&fx);
}

/* ARM: a data abort by section, since the first level is empty, then by page. */
static void entries_of_arm(void **state)
{
	struct fx fx = fx_open("arm", "linux-2.6", NULL);

	(void)state;
	fx_map(&fx, FX_AT, 2, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 1), SIM_DONE);
	fx_expect_way(&fx, "do_DataAbort do_translation_fault do_page_fault mmap-lock find_vma good_area "
			   "handle_mm_fault table-allocated handle_pte_fault do_no_page do_anonymous_page "
			   "anon-frame minor");
	assert_int_equal(sim_write(fx.cpu, FX_AT + fx.page, 4, 1), SIM_DONE);
	fx_expect_way(&fx, "do_DataAbort do_page_fault mmap-lock find_vma good_area handle_mm_fault "
			   "handle_pte_fault do_no_page do_anonymous_page anon-frame minor");
	fx_close(&fx);
}

/* Four tables of ARM share a frame, and map a MiB each. The one that the last fault used is kept: the next address needs
 * its neighbour, which is not there yet, and later is, but is another. */
static void tables_of_one_frame_are_told_apart(void **state)
{
	const quire_va mib = 1 << 20;
	struct fx fx = fx_open("arm", "linux-6", NULL);

	(void)state;
	fx_map(&fx, FX_AT, 3 * 256, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 1), SIM_DONE);
	assert_int_equal(sim_write(fx.cpu, FX_AT + mib, 4, 2), SIM_DONE);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_TABLE_ALLOCATED), 2);
	assert_int_equal(sim_write(fx.cpu, FX_AT + 0x1000, 4, 3), SIM_DONE);
	assert_int_equal(sim_write(fx.cpu, FX_AT + mib + 0x1000, 4, 4), SIM_DONE);
	assert_int_equal(sim_write(fx.cpu, FX_AT + 2 * mib, 4, 5), SIM_DONE);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_TABLE_ALLOCATED), 3);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_MINOR), 5);
	fx_close(&fx);
}

/* ARM64 under 4.14: fault_info sends level 0 to 2 and 3 to do_translation_fault. */
static void way_of_arm64(void **state)
{
	struct fx fx = fx_open("arm64", "linux-4.14", NULL);

	(void)state;
	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 8, 1), SIM_DONE);
	fx_expect_way(&fx,
		      "do_mem_abort do_translation_fault do_page_fault mmap-lock find_vma good_area "
		      "handle_mm_fault __handle_mm_fault table-allocated table-allocated table-allocated "
		      "handle_pte_fault do_anonymous_page anon-frame minor");
	fx_close(&fx);
}

/* The two ways by the names of the release. */
static const char *copied = "handle_pte_fault do_wp_page wp_page_copy minor";
static const char *reused = "handle_pte_fault do_wp_page wp_page_reuse minor";

static void cow_copies_for_the_first_and_reuses_for_the_last(const char *arch, const char *profile)
{
	struct fx fx = fx_open(arch, profile, NULL);
	struct sim_process *child;
	quire_pfn frame;
	uint64_t value;

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 0x11), SIM_DONE);
	frame = fx_leaf(&fx, fx.process->mm, FX_AT).pfn;
	assert_int_equal(sim_process_fork(fx.process, &child), QUIRE_OK);
	assert_int_equal(fx_leaf(&fx, child->mm, FX_AT).pfn.n, frame.n);
	assert_false(fx_leaf(&fx, fx.process->mm, FX_AT).prot & QUIRE_PROT_WRITE);

	/* The child writes: it gets a copy, the parent keeps its frame and content. */
	sim_switch(fx.cpu, child);
	assert_int_equal(sim_read(fx.cpu, FX_AT, 4, &value), SIM_DONE);
	assert_int_equal(value, 0x11);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 0x22), SIM_DONE);
	fx_expect_levels(&fx, copied);
	fx_expect_counts(&fx, 1, 0);
	assert_int_not_equal(fx_leaf(&fx, child->mm, FX_AT).pfn.n, frame.n);
	assert_int_equal(event(&fx, QUIRE_EVENT_PAGE_COPIED), 1);

	/* The parent is alone now: it takes its page over. */
	sim_switch(fx.cpu, fx.process);
	assert_int_equal(sim_read(fx.cpu, FX_AT, 4, &value), SIM_DONE);
	assert_int_equal(value, 0x11);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 0x33), SIM_DONE);
	fx_expect_levels(&fx, reused);
	assert_int_equal(fx_leaf(&fx, fx.process->mm, FX_AT).pfn.n, frame.n);
	assert_int_equal(event(&fx, QUIRE_EVENT_PAGE_COPIED), 1);

	sim_switch(fx.cpu, child);
	assert_int_equal(sim_read(fx.cpu, FX_AT, 4, &value), SIM_DONE);
	assert_int_equal(value, 0x22);
	fx_close(&fx);
}

static void cow_then_reuse(void **state)
{
	cow_copies_for_the_first_and_reuses_for_the_last(*state, "linux-6");
}

static void cow_then_reuse_in_every_profile(void **state)
{
	(void)state;
	copied = "handle_pte_fault do_wp_page page-copied minor";
	reused = "handle_pte_fault do_wp_page page-reused minor";
	cow_copies_for_the_first_and_reuses_for_the_last("i386", "linux-2.4");
	cow_copies_for_the_first_and_reuses_for_the_last("arm", "linux-2.6");
	cow_copies_for_the_first_and_reuses_for_the_last("x86_64", "linux-2.6");
	copied = "handle_pte_fault do_wp_page wp_page_copy minor";
	reused = "handle_pte_fault do_wp_page wp_page_reuse minor";
	cow_copies_for_the_first_and_reuses_for_the_last("arm64", "linux-4.14");
}

static void parent_reuses_after_the_child_is_gone(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct sim_process *child;
	quire_pfn frame;

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 0x11), SIM_DONE);
	frame = fx_leaf(&fx, fx.process->mm, FX_AT).pfn;
	assert_int_equal(sim_process_fork(fx.process, &child), QUIRE_OK);
	sim_process_exit(child);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 0x12), SIM_DONE);
	fx_expect_levels(&fx, "handle_pte_fault do_wp_page wp_page_reuse minor");
	assert_int_equal(fx_leaf(&fx, fx.process->mm, FX_AT).pfn.n, frame.n);
	assert_int_equal(event(&fx, QUIRE_EVENT_PAGE_COPIED), 0);
	fx_close(&fx);
}

/* Shared anonymous memory is one object for parent and child. */
static void shared_anonymous_memory_is_shared(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct sim_process *child;
	uint64_t value;

	fx_map(&fx, FX_AT, 2, RW, QUIRE_MAP_SHARED, NULL);
	assert_int_equal(sim_process_fork(fx.process, &child), QUIRE_OK);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 0x77), SIM_DONE);
	fx_expect_levels(&fx, "handle_pte_fault do_fault do_shared_fault cache-shmem minor");
	sim_switch(fx.cpu, child);
	assert_int_equal(sim_read(fx.cpu, FX_AT, 4, &value), SIM_DONE);
	assert_int_equal(value, 0x77);
	fx_expect_levels(&fx, "handle_pte_fault do_fault do_read_fault do_fault_around cache-hit minor");
	fx_close(&fx);
}

/* Another CPU keeps the read-only translation after this one made the entry writable: its write
 * faults, finds nothing to do, and is repeated. */
static void stale_translation_is_a_spurious_fault(void **state)
{
	struct sim_config two = {.cpus = 2};
	struct fx fx = fx_open(*state, "linux-6", &two);
	struct sim_cpu *other = sim_cpu(fx.sim, 1);
	struct sim_process *child;
	uint64_t value;

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 1), SIM_DONE);
	assert_int_equal(sim_process_fork(fx.process, &child), QUIRE_OK);
	sim_process_exit(child);
	/* CPU 1 reads through the read-only entry, CPU 0 then reuses the page. */
	sim_use_cpu(other);
	sim_switch(other, fx.process);
	assert_int_equal(sim_read(other, FX_AT, 4, &value), SIM_DONE);
	sim_use_cpu(fx.cpu);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 2), SIM_DONE);
	fx_expect_levels(&fx, "handle_pte_fault do_wp_page wp_page_reuse minor");

	sim_use_cpu(other);
	assert_int_equal(sim_write(other, FX_AT, 4, 3), SIM_DONE);
	assert_int_equal(sim_last(other)->faults, 1);
	assert_int_equal(sim_last(other)->minor, 1);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_SPURIOUS), 1);
	fx_close(&fx);
}

/* Where the hardware keeps no young or dirty, an aged entry costs a fault that only sets it again. */
static void aged_entries_are_established_again(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	const struct quire_arch *arch = sim_arch(fx.sim);
	bool emulated = !(arch->caps & QUIRE_CAP_HW_YOUNG);

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 1), SIM_DONE);
	assert_int_equal(
	    SIM_OP(fx.cpu, "madvise", quire_madvise(fx.process->mm, FX_AT, fx.page, QUIRE_MADV_COLD)),
	    QUIRE_OK);
	sim_tlb_drop(fx.cpu);
	assert_int_equal(fx_leaf(&fx, fx.process->mm, FX_AT).flags & QUIRE_PTE_YOUNG, 0);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 2), SIM_DONE);
	if (emulated)
		fx_expect_levels(&fx, "handle_pte_fault establish_pte minor");
	else
		assert_int_equal(sim_last(fx.cpu)->faults, 0);
	assert_int_equal(fx_leaf(&fx, fx.process->mm, FX_AT).flags, YOUNG_DIRTY);
	fx_close(&fx);
}

int main(void)
{
	struct CMUnitTest tests[64] = {
	    cmocka_unit_test(entries_of_x86_64),
	    cmocka_unit_test(entries_of_arm),
	    cmocka_unit_test(tables_of_one_frame_are_told_apart),
	    cmocka_unit_test(way_of_arm64),
	    cmocka_unit_test(cow_then_reuse_in_every_profile),
	};
	size_t count = 5;

	FX_FOR_ARCHES(tests, count, read_maps_the_zero_page_then_write_maps_a_frame);
	FX_FOR_ARCHES(tests, count, first_write_maps_a_cleared_frame);
	FX_FOR_ARCHES(tests, count, cow_then_reuse);
	FX_FOR_ARCHES(tests, count, parent_reuses_after_the_child_is_gone);
	FX_FOR_ARCHES(tests, count, shared_anonymous_memory_is_shared);
	FX_FOR_ARCHES(tests, count, stale_translation_is_a_spurious_fault);
	FX_FOR_ARCHES(tests, count, aged_entries_are_established_again);
	return _cmocka_run_group_tests("anonymous memory", tests, count, NULL, NULL);
}
