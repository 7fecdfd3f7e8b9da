/* SPDX-License-Identifier: MIT */
/* The kernel's side: its own mappings, user memory touched by the kernel, no context, no frame. */
#include "fixture.h"

#include <string.h>

#define RW (QUIRE_PROT_READ | QUIRE_PROT_WRITE)

static const struct sim_config with_kmap = {.kmap_bytes = 256u << 10};

static quire_va kmap(struct fx *fx, uint64_t pages, enum quire_kmap_kind kind)
{
	quire_va va = 0;

	assert_int_equal(SIM_OP(fx->cpu, "kmap", quire_kmap(sim_system(fx->sim), pages, RW, kind, &va)),
			 QUIRE_OK);
	assert_true(quire_va_is_kernel(sim_arch(fx->sim), va));
	return va;
}

static void expect_ways(const struct fx *fx, unsigned count, const char *const *ways)
{
	const struct sim_result *last = sim_last(fx->cpu);

	assert_int_equal(last->faults, count);
	for (unsigned n = 0; n < count; n++) {
		char text[1000] = "";

		for (unsigned i = 1; i < last->trace[n].steps_total; i++) {
			strcat(text, i > 1 ? " " : "");
			strcat(text, quire_step_name((enum quire_step)last->trace[n].steps[i]));
		}
		assert_string_equal(text, ways[n]);
	}
}

/* i386: the process has its top-level entry copied; one fault, not counted to the task. */
static void vmalloc_touch_on_i386_is_one_fault(void **state)
{
	static const char *const profiles[] = {"linux-2.4", "linux-2.6"};
	static const char *const ways[] = {
	    "do_page_fault vmalloc_fault vmalloc-synced",
	    "do_page_fault fault_in_kernel_space vmalloc_fault vmalloc-synced",
	};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fx fx = fx_open("i386", profiles[i], &with_kmap);
		quire_va va = kmap(&fx, 2, QUIRE_KMAP_EAGER);
		uint64_t value = 1;

		assert_int_equal(sim_kernel_read(fx.cpu, va, 4, &value), SIM_DONE);
		assert_int_equal(value, 0);
		expect_ways(&fx, 1, (const char *[]){ways[i]});
		fx_expect_counts(&fx, 0, 0);
		assert_int_equal(fx_counter(&fx, QUIRE_STEP_VMALLOC_SYNCED), 1);
		/* The second page has the same top-level entry. */
		assert_int_equal(sim_kernel_write(fx.cpu, va + fx.page, 4, 5), SIM_DONE);
		assert_int_equal(sim_last(fx.cpu)->faults, 0);
		fx_close(&fx);
	}
}

static void vmalloc_touch_on_arm_filled_eagerly_is_one_fault(void **state)
{
	struct fx fx = fx_open("arm", "linux-2.6", &with_kmap);
	quire_va va = kmap(&fx, 2, QUIRE_KMAP_EAGER);
	uint64_t value;

	(void)state;
	assert_int_equal(sim_kernel_read(fx.cpu, va, 4, &value), SIM_DONE);
	expect_ways(&fx, 1,
		    (const char *[]){"do_DataAbort do_translation_fault vmalloc_fault vmalloc-synced"});
	fx_close(&fx);
}

/* First the section, then the page, which finds its frame. */
static void vmalloc_touch_on_arm_filled_lazily_is_two_faults(void **state)
{
	struct fx fx = fx_open("arm", "linux-2.6", &with_kmap);
	quire_va va = kmap(&fx, 2, QUIRE_KMAP_LAZY);
	struct quire_memory_counts memory;

	(void)state;
	quire_memory(sim_system(fx.sim), &memory);
	assert_int_equal(memory.by_state[QUIRE_PAGE_KMAP], 0);
	assert_int_equal(sim_kernel_write(fx.cpu, va, 4, 5), SIM_DONE);
	expect_ways(&fx, 2,
		    (const char *[]){"do_DataAbort do_translation_fault vmalloc_fault vmalloc-synced",
				     "do_DataAbort do_page_fault vmalloc_fault vmalloc-filled"});
	assert_int_equal(sim_kernel_write(fx.cpu, va + fx.page, 4, 6), SIM_DONE);
	expect_ways(&fx, 1, (const char *[]){"do_DataAbort do_page_fault vmalloc_fault vmalloc-filled"});
	quire_memory(sim_system(fx.sim), &memory);
	assert_int_equal(memory.by_state[QUIRE_PAGE_KMAP], 2);
	assert_int_equal(quire_kunmap(sim_system(fx.sim), va), QUIRE_OK);
	fx_close(&fx);
}

/* ARM64 sends kernel addresses to do_bad_area: a lazy page would never be found. */
static void lazy_mapping_is_refused_where_no_fault_fills_it(void **state)
{
	struct fx fx = fx_open("arm64", "linux-4.14", &with_kmap);
	quire_va va = 0;

	(void)state;
	assert_int_equal(quire_kmap(sim_system(fx.sim), 1, RW, QUIRE_KMAP_LAZY, &va), QUIRE_EOPNOTSUPP);
	assert_int_equal(quire_kmap(sim_system(fx.sim), 1, RW, QUIRE_KMAP_EAGER, &va), QUIRE_OK);
	assert_int_equal(sim_kernel_write(fx.cpu, va, 4, 5), SIM_DONE);
	assert_int_equal(sim_last(fx.cpu)->faults, 0);
	fx_close(&fx);
}

/* Each process pays its own sync; a kernel address that nobody mapped is an oops. */
static void kernel_mappings_are_synced_per_process(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", &with_kmap);
	const struct quire_arch *arch = sim_arch(fx.sim);
	bool split = arch->caps & QUIRE_CAP_SPLIT_ROOT;
	struct sim_process *other;
	quire_va va;
	uint64_t value;

	assert_int_equal(sim_process_create(fx.sim, NULL, &other), QUIRE_OK);
	va = kmap(&fx, 1, QUIRE_KMAP_EAGER);
	assert_int_equal(sim_kernel_write(fx.cpu, va, 4, 0x77), SIM_DONE);
	assert_int_equal(sim_last(fx.cpu)->faults, split ? 0 : 1);
	/* Kernel translations are global: without this the TLB would answer for the other process too. */
	sim_switch(fx.cpu, other);
	sim_tlb_drop(fx.cpu);
	assert_int_equal(sim_kernel_read(fx.cpu, va, 4, &value), SIM_DONE);
	assert_int_equal(value, 0x77);
	assert_int_equal(sim_last(fx.cpu)->faults, split ? 0 : 1);
	assert_int_equal(sim_kernel_read(fx.cpu, va + 64 * fx.page, 4, &value), SIM_OOPSED);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_OOPS), 1);
	fx_close(&fx);
}

/* RISC-V's cause does not say that a translation was found: the kernel's own table tells a write that it forbids from
 * one that the CPU had not heard of. */
static void write_to_a_read_only_kernel_mapping_is_an_oops(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", &with_kmap);
	quire_va va = 0;
	uint64_t value;

	assert_int_equal(
	    SIM_OP(fx.cpu, "kmap", quire_kmap(sim_system(fx.sim), 1, QUIRE_PROT_READ, QUIRE_KMAP_EAGER, &va)),
	    QUIRE_OK);
	assert_int_equal(sim_kernel_read(fx.cpu, va, 4, &value), SIM_DONE);
	assert_int_equal(sim_kernel_write(fx.cpu, va, 4, 5), SIM_OOPSED);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_OOPS), 1);
	fx_close(&fx);
}

/* A copy that faults in the middle yields what was not copied. */
static void user_copy_stops_at_the_hole(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	char buffer[64];

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	memset(buffer, 'k', sizeof(buffer));
	assert_int_equal(sim_copy_to_user(fx.cpu, FX_AT + fx.page - 20, buffer, 64), 44);
	assert_int_equal(sim_last(fx.cpu)->end, SIM_FIXED_UP);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_FIXUP_EXCEPTION), 1);
	memset(buffer, 0, sizeof(buffer));
	assert_int_equal(sim_copy_from_user(fx.cpu, buffer, FX_AT + fx.page - 20, 64), 44);
	assert_memory_equal(buffer, "kkkkkkkkkkkkkkkkkkkk", 20);
	/* Kernel-mode faults bring the program's pages, and count to it. */
	assert_int_equal(sim_copy_to_user(fx.cpu, FX_AT, buffer, 8), 0);
	fx_close(&fx);
}

static void kernel_touch_without_fixup_is_an_oops(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	uint64_t value;

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	/* Good user memory is brought in for the kernel too. */
	assert_int_equal(sim_kernel_write(fx.cpu, FX_AT, 4, 9), SIM_DONE);
	fx_expect_counts(&fx, 1, 0);
	assert_int_equal(sim_kernel_read(fx.cpu, FX_AT + fx.page, 4, &value), SIM_OOPSED);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_SEARCH_EXCEPTION_TABLE), 1);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_OOPS), 1);
	fx_close(&fx);
}

static void oops_where_the_context_cannot_end_is_a_panic(void **state)
{
	struct fx fx = fx_open("arm", "linux-2.6", NULL);
	uint64_t value;

	(void)state;
	sim_set_context(fx.cpu, QUIRE_CTX_PERSISTENT);
	assert_int_equal(sim_kernel_read(fx.cpu, FX_AT, 4, &value), SIM_PANICKED);
	expect_ways(
	    &fx, 1,
	    (const char *[]){"do_DataAbort do_translation_fault do_page_fault mmap-lock find_vma no-vma "
			     "__do_kernel_fault search_exception_tables oops panic"});
	fx_close(&fx);
}

/* In atomic context nothing is looked up: a copy yields its fixup even for good memory. */
static void atomic_context_looks_nothing_up(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	sim_set_context(fx.cpu, QUIRE_CTX_ATOMIC);
	assert_int_equal(sim_copy_to_user(fx.cpu, FX_AT, "ab", 2), 2);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_NO_USER_CONTEXT), 1);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_FIND_VMA), 0);
	sim_set_context(fx.cpu, 0);
	assert_int_equal(sim_copy_to_user(fx.cpu, FX_AT, "ab", 2), 0);
	fx_close(&fx);
}

static void kernel_thread_has_no_user_context(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	uint64_t value;

	sim_switch(fx.cpu, NULL);
	assert_int_equal(sim_kernel_read(fx.cpu, FX_AT, 4, &value), SIM_OOPSED);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_NO_USER_CONTEXT), 1);
	fx_close(&fx);
}

/* A writer holds the mm lock: an instruction that the exception table knows waits, another never does. */
static void lock_is_tried_before_the_table_is_searched(void **state)
{
	struct fx fx = fx_open("x86_64", "linux-2.6", NULL);
	uint64_t value;

	(void)state;
	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	fx_hold_mm_for_write(&fx);
	assert_int_equal(sim_kernel_read(fx.cpu, FX_AT, 4, &value), SIM_OOPSED);
	fx_expect_way(&fx, "do_page_fault mmap-lock-contended search_exception_tables bad_area_nosemaphore "
			   "no_context search_exception_tables oops");
	fx_release_mm(&fx);
	assert_int_equal(sim_kernel_read(fx.cpu, FX_AT, 4, &value), SIM_DONE);
	fx_close(&fx);
}

/* Takes every frame but the reserve and `spare`. */
static void use_up(struct fx *fx, uint64_t spare, quire_pfn *frames, unsigned *count)
{
	struct quire_memory_counts memory;

	*count = 0;
	for (;;) {
		quire_memory(sim_system(fx->sim), &memory);
		if (memory.by_state[QUIRE_PAGE_FREE] + memory.by_state[QUIRE_PAGE_CPU] <=
		    memory.reserve + spare)
			return;
		if (quire_frame_alloc(sim_system(fx->sim), 0, 0, &frames[*count]) != QUIRE_OK)
			return;
		(*count)++;
	}
}

static quire_pfn taken[16384];

/* No frame: a user's fault ends the process (2.6), or asks the host's policy (6); the kernel's copy
 * gets its fixup. Memory that comes back serves the same access. */
static void no_frame(const char *arch, const char *profile, enum quire_step rule)
{
	struct fx fx = fx_open(arch, profile, NULL);
	unsigned count;

	fx_map(&fx, FX_AT, 4, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 1), SIM_DONE);
	use_up(&fx, 0, taken, &count);
	assert_int_equal(sim_copy_to_user(fx.cpu, FX_AT + fx.page, "ab", 2), 2);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_OUT_OF_MEMORY), 1);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_FIXUP_EXCEPTION), 1);
	assert_int_equal(sim_write(fx.cpu, FX_AT + fx.page, 4, 1), SIM_KILLED);
	assert_int_equal(sim_last(fx.cpu)->trace[0].outcome.rule, rule);
	assert_int_equal(sim_last(fx.cpu)->trace[0].outcome.kind, QUIRE_OOM_KILL);
	while (count--)
		quire_frame_free(sim_system(fx.sim), taken[count], 0);
	fx_close(&fx);
}

static void no_frame_in_2_6_ends_the_process(void **state)
{
	(void)state;
	no_frame("arm", "linux-2.6", QUIRE_STEP_OOM_KILL_TASK);
	no_frame("i386", "linux-2.4", QUIRE_STEP_OOM_KILL_TASK);
}

static void no_frame_asks_the_policy(void **state)
{
	no_frame(*state, "linux-6", QUIRE_STEP_OUT_OF_MEMORY);
}

/* malloc succeeds: brk reserves addresses only; the frame is found, or not, at first touch. */
static void brk_reserves_addresses_only(void **state)
{
	struct fx fx = fx_open("arm", "linux-2.6", NULL);
	unsigned count;

	(void)state;
	quire_mm_set_brk(fx.process->mm, FX_AT);
	use_up(&fx, 8, taken, &count);
	assert_int_equal(quire_brk(fx.process->mm, FX_AT + 64 * fx.page), FX_AT + 64 * fx.page);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 1), SIM_DONE);
	for (unsigned i = 1; i < 64; i++)
		if (sim_write(fx.cpu, FX_AT + i * fx.page, 4, 1) != SIM_DONE)
			break;
	assert_int_equal(sim_last(fx.cpu)->end, SIM_KILLED);
	while (count--)
		quire_frame_free(sim_system(fx.sim), taken[count], 0);
	fx_close(&fx);
}

int main(void)
{
	struct CMUnitTest tests[80] = {
	    cmocka_unit_test(vmalloc_touch_on_i386_is_one_fault),
	    cmocka_unit_test(vmalloc_touch_on_arm_filled_eagerly_is_one_fault),
	    cmocka_unit_test(vmalloc_touch_on_arm_filled_lazily_is_two_faults),
	    cmocka_unit_test(lazy_mapping_is_refused_where_no_fault_fills_it),
	    cmocka_unit_test(oops_where_the_context_cannot_end_is_a_panic),
	    cmocka_unit_test(lock_is_tried_before_the_table_is_searched),
	    cmocka_unit_test(no_frame_in_2_6_ends_the_process),
	    cmocka_unit_test(brk_reserves_addresses_only),
	};
	size_t count = 8;

	FX_FOR_ARCHES(tests, count, kernel_mappings_are_synced_per_process);
	FX_FOR_ARCHES(tests, count, write_to_a_read_only_kernel_mapping_is_an_oops);
	FX_FOR_ARCHES(tests, count, user_copy_stops_at_the_hole);
	FX_FOR_ARCHES(tests, count, kernel_touch_without_fixup_is_an_oops);
	FX_FOR_ARCHES(tests, count, atomic_context_looks_nothing_up);
	FX_FOR_ARCHES(tests, count, kernel_thread_has_no_user_context);
	FX_FOR_ARCHES(tests, count, no_frame_asks_the_policy);
	return _cmocka_run_group_tests("the kernel's side", tests, count, NULL, NULL);
}
