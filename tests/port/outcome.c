/* SPDX-License-Identifier: MIT */
/* What a resumed fault says of itself: the rule that decided, and which page answers. */
#include "fixture.h"

#define READ QUIRE_PROT_READ
#define RW   (QUIRE_PROT_READ | QUIRE_PROT_WRITE)

static void expect(const struct fx *fx, enum quire_resume_page page, enum quire_step rule, unsigned major)
{
	const struct sim_result *last = sim_last(fx->cpu);
	const struct quire_outcome *outcome = &last->trace[last->traces - 1].outcome;

	assert_int_equal(outcome->kind, QUIRE_RESUME);
	assert_string_equal(quire_resume_page_name(outcome->page), quire_resume_page_name(page));
	assert_string_equal(quire_step_name(outcome->rule), quire_step_name(rule));
	assert_int_equal(outcome->major, major);
}

static void anonymous(void **state)
{
	const char *profile = *state;
	bool modern = quire_profile_find(profile)->release >= QUIRE_LINUX_4_14;
	struct fx fx = fx_open("x86_64", profile, NULL);
	struct sim_process *child;

	fx_map(&fx, FX_AT, 4, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_read(fx.cpu, FX_AT, 1, NULL), SIM_DONE);
	expect(&fx, QUIRE_RESUME_ZERO_PAGE, QUIRE_STEP_ZERO_PAGE, 0);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 1), SIM_DONE);
	expect(&fx, QUIRE_RESUME_FRESH, QUIRE_STEP_WP_ZERO_PAGE, 0);
	assert_int_equal(sim_write(fx.cpu, FX_AT + fx.page, 1, 1), SIM_DONE);
	expect(&fx, QUIRE_RESUME_FRESH, QUIRE_STEP_ANON_FRAME, 0);
	assert_int_equal(sim_process_fork(fx.process, &child), QUIRE_OK);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 2), SIM_DONE);
	expect(&fx, QUIRE_RESUME_COPY, modern ? QUIRE_STEP_WP_PAGE_COPY : QUIRE_STEP_PAGE_COPIED, 0);
	sim_process_exit(child);
	assert_int_equal(sim_write(fx.cpu, FX_AT + fx.page, 1, 2), SIM_DONE);
	expect(&fx, QUIRE_RESUME_REUSE, modern ? QUIRE_STEP_WP_PAGE_REUSE : QUIRE_STEP_PAGE_REUSED, 0);
	fx_close(&fx);
}

static void of_a_file(void **state)
{
	struct fx fx = fx_open("x86_64", "linux-6", NULL);
	struct sim_file *file;

	(void)state;
	assert_int_equal(sim_file_create(fx.sim, 4 * fx.page, 1, &file), QUIRE_OK);
	fx_map(&fx, FX_AT, 4, RW, QUIRE_MAP_PRIVATE, file->file);
	fx_map(&fx, FX_AT + 8 * fx.page, 4, RW, QUIRE_MAP_SHARED, file->file);
	assert_int_equal(sim_read(fx.cpu, FX_AT, 1, NULL), SIM_DONE);
	expect(&fx, QUIRE_RESUME_FILE, QUIRE_STEP_CACHE_READ, 1);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 1), SIM_DONE);
	expect(&fx, QUIRE_RESUME_COPY, QUIRE_STEP_WP_PAGE_COPY, 0);
	assert_int_equal(sim_write(fx.cpu, FX_AT + fx.page, 1, 1), SIM_DONE);
	expect(&fx, QUIRE_RESUME_COPY, QUIRE_STEP_CACHE_READ, 1);
	assert_int_equal(sim_read(fx.cpu, FX_AT + 8 * fx.page, 1, NULL), SIM_DONE);
	expect(&fx, QUIRE_RESUME_FILE, QUIRE_STEP_CACHE_HIT, 0);
	assert_int_equal(sim_write(fx.cpu, FX_AT + 8 * fx.page, 1, 1), SIM_DONE);
	expect(&fx, QUIRE_RESUME_REUSE, QUIRE_STEP_WP_PAGE_SHARED, 0);
	sim_file_close(file);
	fx_close(&fx);
}

/* Young and dirty by faults: nothing is asked of memory. */
static void without_a_page(void **state)
{
	struct fx fx = fx_open("riscv64", "linux-6", NULL);

	(void)state;
	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 1), SIM_DONE);
	assert_int_equal(
	    SIM_OP(fx.cpu, "cold", quire_madvise(fx.process->mm, FX_AT, fx.page, QUIRE_MADV_COLD)), QUIRE_OK);
	sim_tlb_drop(fx.cpu);
	assert_int_equal(sim_read(fx.cpu, FX_AT, 1, NULL), SIM_DONE);
	expect(&fx, QUIRE_RESUME_NONE, QUIRE_STEP_ESTABLISH_PTE, 0);
	fx_close(&fx);
}

static void from_swap(void **state)
{
	struct fx fx = fx_open("x86_64", "linux-6", NULL);
	struct sim_store *store = sim_store_create(fx.sim, 64, 0);
	uint64_t value = 0;

	(void)state;
	assert_int_equal(quire_swapon(sim_system(fx.sim), &store->store, 0), QUIRE_OK);
	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 7), SIM_DONE);
	assert_int_equal(
	    SIM_OP(fx.cpu, "pageout", quire_madvise(fx.process->mm, FX_AT, fx.page, QUIRE_MADV_PAGEOUT)),
	    QUIRE_OK);
	assert_int_equal(sim_read(fx.cpu, FX_AT, 1, &value), SIM_DONE);
	assert_int_equal(value, 7);
	expect(&fx, QUIRE_RESUME_SWAPPED, QUIRE_STEP_SWAP_READ, 1);
	assert_int_equal(quire_swapoff(sim_system(fx.sim), &store->store), QUIRE_OK);
	fx_close(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    {"anonymous/linux-6", anonymous, NULL, NULL, "linux-6"},
	    {"anonymous/linux-4.14", anonymous, NULL, NULL, "linux-4.14"},
	    {"anonymous/linux-2.6", anonymous, NULL, NULL, "linux-2.6"},
	    {"anonymous/linux-2.4", anonymous, NULL, NULL, "linux-2.4"},
	    cmocka_unit_test(of_a_file),
	    cmocka_unit_test(without_a_page),
	    cmocka_unit_test(from_swap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
