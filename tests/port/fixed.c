/* SPDX-License-Identifier: MIT */
/* quire_mm_map_fixed(): a trampoline that fork copies and a trap frame that it does not, above the program. */
#include "fixture.h"

#include <string.h>

#include "machine.h"

#define RW (QUIRE_PROT_READ | QUIRE_PROT_WRITE)

struct place {
	struct fx fx;
	quire_va end, trampoline, frame; /* end: of the program */
	quire_pfn page;
};

static struct place open_place(const char *arch)
{
	struct place place = {.fx = fx_open(arch, "linux-6", NULL)};
	struct quire_mm_layout layout = {0};
	quire_va user_end = (quire_va)sim_arch(place.fx.sim)->user_end;

	place.end = user_end - 16 * place.fx.page;
	place.trampoline = user_end - place.fx.page;
	place.frame = user_end - 2 * place.fx.page;
	layout.task_end = place.end;
	assert_int_equal(sim_process_create(place.fx.sim, &layout, &place.fx.process), QUIRE_OK);
	sim_switch(place.fx.cpu, place.fx.process);
	assert_int_equal(quire_frame_alloc(sim_system(place.fx.sim), 0, QUIRE_FRAME_LINEAR, &place.page),
			 QUIRE_OK);
	return place;
}

static enum quire_status fix(struct place *place, quire_va va, quire_prot prot, unsigned flags)
{
	quire_pa pa = {place->page.n * place->fx.page};

	return SIM_OP(place->fx.cpu, "map fixed",
		      quire_mm_map_fixed(place->fx.process->mm, va, pa, place->fx.page, prot, flags));
}

static void close_place(struct place *place)
{
	sim_process_exit(place->fx.process);
	quire_frame_free(sim_system(place->fx.sim), place->page, 0);
	fx_close(&place->fx);
}

static void test_areas(void **state)
{
	struct place place = open_place(*state);
	struct sim_cpu *cpu = place.fx.cpu;
	struct sim_process *parent = place.fx.process, *child;
	struct quire_region region;
	uint64_t value = 0;

	*(uint32_t *)quire_frame_address(sim_system(place.fx.sim), place.page) = 0x1234;
	assert_int_equal(fix(&place, place.trampoline, QUIRE_PROT_READ, QUIRE_FIXED_FORK), QUIRE_OK);
	assert_int_equal(fix(&place, place.frame, RW, 0), QUIRE_OK);
	assert_int_equal(fix(&place, place.frame, RW, 0), QUIRE_EEXIST);
	/* The kernel may, the program may not, and nothing that it calls reaches there. */
	assert_int_equal(sim_kernel_read(cpu, place.trampoline, 4, &value), SIM_DONE);
	assert_int_equal(value, 0x1234);
	assert_int_equal(sim_kernel_write(cpu, place.frame, 4, 0x5678), SIM_DONE);
	assert_int_equal(sim_read(cpu, place.frame, 4, NULL), SIM_SIGNALLED);
	assert_int_equal(quire_mm_region(parent->mm, place.end, &region), QUIRE_ENOENT);
	assert_int_equal(quire_munmap(parent->mm, place.frame, place.fx.page), QUIRE_EINVAL);
	/* The last vma goes, and the table that they share with it stays. */
	fx_map(&place.fx, place.end - place.fx.page, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(cpu, place.end - place.fx.page, 1, 1), SIM_DONE);
	assert_int_equal(
	    SIM_OP(cpu, "munmap", quire_munmap(parent->mm, place.end - place.fx.page, place.fx.page)),
	    QUIRE_OK);
	assert_int_equal(sim_kernel_read(cpu, place.trampoline, 4, &value), SIM_DONE);
	assert_int_equal(value, 0x5678);
	assert_int_equal(quire_check(sim_system(place.fx.sim), NULL, 0), QUIRE_OK);

	assert_int_equal(sim_process_fork(parent, &child), QUIRE_OK);
	sim_switch(cpu, child);
	assert_int_equal(sim_kernel_read(cpu, place.trampoline, 4, &value), SIM_DONE);
	assert_int_equal(sim_last(cpu)->faults, 0);
	assert_int_equal(sim_kernel_read(cpu, place.frame, 4, NULL), SIM_OOPSED);
	assert_int_equal(quire_check(sim_system(place.fx.sim), NULL, 0), QUIRE_OK);
	sim_process_exit(child);
	sim_switch(cpu, parent);
	close_place(&place);
}

/* A page that the program may use: vDSO, kuser. */
static void test_for_the_program(void **state)
{
	struct place place = open_place("arm64");
	uint64_t value = 0;

	(void)state;
	memset(quire_frame_address(sim_system(place.fx.sim), place.page), 0x77, 4096);
	assert_int_equal(fix(&place, place.frame, QUIRE_PROT_READ | QUIRE_PROT_USER, 0), QUIRE_OK);
	assert_int_equal(sim_read(place.fx.cpu, place.frame, 1, &value), SIM_DONE);
	assert_int_equal(value, 0x77);
	assert_int_equal(sim_write(place.fx.cpu, place.frame, 1, 1), SIM_SIGNALLED);
	close_place(&place);
}

static void test_refusals(void **state)
{
	struct place place = open_place("x86_64");
	struct quire_mm *mm = place.fx.process->mm;
	quire_pa pa = {place.page.n << 12}, table = {quire_kernel_root(sim_system(place.fx.sim)).v};

	(void)state;
	assert_int_equal(fix(&place, place.end - 4096, RW, 0), QUIRE_EINVAL);
	assert_int_equal(fix(&place, place.frame + 1, RW, 0), QUIRE_EINVAL);
	assert_int_equal(fix(&place, place.frame, RW, 2), QUIRE_EINVAL);
	assert_int_equal(quire_mm_map_fixed(mm, place.trampoline, pa, 8192, RW, 0), QUIRE_EINVAL);
	assert_int_equal(quire_mm_map_fixed(mm, place.trampoline, pa, 0, RW, 0), QUIRE_EINVAL);
	/* A frame that is the library's. */
	assert_int_equal(quire_mm_map_fixed(mm, place.trampoline, table, 4096, RW, 0), QUIRE_EINVAL);
	close_place(&place);
}

/* Each allocation fails once: nothing stays, and the retry succeeds. */
static void test_no_memory(void **state)
{
	struct place place = open_place("x86_64");
	struct sim *sim = place.fx.sim;
	struct sim_process *child = NULL;
	enum quire_status status = QUIRE_ENOMEM;

	(void)state;
	for (uint64_t nth = 1; status != QUIRE_OK; nth++) {
		sim_fail(sim, 1u << QUIRE_RES_FRAME | 1u << QUIRE_RES_OBJECT, nth, 1);
		status = fix(&place, place.trampoline, RW, QUIRE_FIXED_FORK);
		assert_true(status == QUIRE_OK || status == QUIRE_ENOMEM);
		assert_int_equal(quire_check(sim_system(sim), NULL, 0), QUIRE_OK);
	}
	status = QUIRE_ENOMEM;
	for (uint64_t nth = 1; status != QUIRE_OK; nth++) {
		sim_fail(sim, 1u << QUIRE_RES_FRAME | 1u << QUIRE_RES_OBJECT, nth, 1);
		status = sim_process_fork(place.fx.process, &child);
		assert_true(status == QUIRE_OK || status == QUIRE_ENOMEM);
		assert_int_equal(quire_check(sim_system(sim), NULL, 0), QUIRE_OK);
	}
	sim_fail(sim, 0, 0, 0);
	sim_process_exit(child);
	close_place(&place);
}

int main(void)
{
	struct CMUnitTest tests[16];
	size_t count = 0;

	for (unsigned i = 0; i < 5; i++)
		tests[count++] = fx_test("areas", test_areas,
					 (const char *[]){"x86_64", "i386", "arm", "arm64", "riscv64"}[i]);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_for_the_program);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_refusals);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_no_memory);
	return _cmocka_run_group_tests("fixed", tests, count, NULL, NULL);
}
