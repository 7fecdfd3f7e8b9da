/* SPDX-License-Identifier: MIT */
/* Groups from the first reference to the last charge: fork, moves, pages of files, groups that end before their pages,
 * failures, and that the recount finds a wrong charge. */
#include "tests/swap/fixture.h"

#include <string.h>

#include "page/group.h"

static struct quire_group *make(struct sw *sw, struct quire_group *parent)
{
	struct quire_group *group;

	assert_int_equal(quire_group_create(sim_system(sw->fx.sim), parent, &group), QUIRE_OK);
	return group;
}

static void expect(struct quire_group *group, uint64_t pages, uint64_t swap)
{
	struct quire_group_counts counts;

	quire_group_counts_get(group, &counts);
	assert_int_equal(counts.pages, pages);
	assert_int_equal(counts.swap, swap);
}

static struct sw in_group(struct quire_group **out_group, const struct sim_config *config)
{
	struct sw sw = sw_open("x86_64", "linux-6", 256, 0, config);

	*out_group = make(&sw, NULL);
	quire_mm_set_group(sw.fx.process->mm, *out_group);
	return sw;
}

/* The child pays into its parent's group; a page that both map is one page. */
static void forked(void **state)
{
	struct quire_group *group;
	struct sw sw = in_group(&group, NULL);
	struct sim_process *child;

	(void)state;
	sw_fill(&sw, FX_AT, 10, 1);
	assert_int_equal(sim_process_fork(sw.fx.process, &child), QUIRE_OK);
	assert_ptr_equal(quire_mm_group(child->mm), group);
	expect(group, 10, 0);
	sim_switch(sw.fx.cpu, child);
	assert_int_equal(sim_write(sw.fx.cpu, FX_AT, 1, 9), SIM_DONE);
	expect(group, 11, 0);
	sim_switch(sw.fx.cpu, sw.fx.process);
	sim_process_exit(child);
	expect(group, 10, 0);
	sw_evict(&sw, FX_AT, 10);
	expect(group, 0, 10);
	sw_expect(&sw, FX_AT, 10, 1);
	sw_check(&sw, "forked");
	quire_group_put(group);
	sw_close(&sw);
}

/* What is charged stays where it is; a page that comes back from its slot is charged where the slot is. */
static void moved(void **state)
{
	struct quire_group *first, *second;
	struct sw sw = in_group(&first, NULL);

	(void)state;
	second = make(&sw, NULL);
	sw_fill(&sw, FX_AT, 10, 1);
	sw_evict(&sw, FX_AT, 5);
	expect(first, 5, 5);
	quire_mm_set_group(sw.fx.process->mm, second);
	sw_fill(&sw, FX_AT + 32 * sw.fx.page, 7, 1);
	expect(first, 5, 5);
	expect(second, 7, 0);
	sw_expect(&sw, FX_AT, 10, 1);
	expect(second, 7, 0);
	sw_check(&sw, "moved");
	quire_mm_set_group(sw.fx.process->mm, NULL);
	sw_fill(&sw, FX_AT + 64 * sw.fx.page, 7, 1);
	expect(second, 7, 0);
	quire_group_put(second);
	quire_group_put(first);
	sw_check(&sw, "put");
	sw_close(&sw);
}

/* Pages of files and shared memory: the first group that maps them pays, also after they were swapped. */
static void files(void **state)
{
	struct quire_group *group, *other;
	struct sw sw = in_group(&group, NULL);
	struct sim_process *process = sw.fx.process, *second;
	struct sim_file *file;
	struct quire_file *shared;
	quire_va at = FX_AT + 64 * sw.fx.page;

	(void)state;
	other = make(&sw, NULL);
	assert_int_equal(sim_file_create(sw.fx.sim, 8 * sw.fx.page, 5, &file), QUIRE_OK);
	assert_int_equal(quire_file_create(sim_system(sw.fx.sim), NULL, NULL, 8 * sw.fx.page, &shared),
			 QUIRE_OK);
	fx_map(&sw.fx, FX_AT, 8, RW, QUIRE_MAP_SHARED, file->file);
	fx_map(&sw.fx, at, 8, RW, QUIRE_MAP_SHARED, shared);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(sim_write(sw.fx.cpu, FX_AT + i * sw.fx.page, 1, 1 + i), SIM_DONE);
		assert_int_equal(sim_write(sw.fx.cpu, at + i * sw.fx.page, 1, 0x30 + i), SIM_DONE);
	}
	expect(group, 16, 0);
	sw_check(&sw, "charged");
	assert_int_equal(sim_process_create(sw.fx.sim, NULL, &second), QUIRE_OK);
	quire_mm_set_group(second->mm, other);
	sim_switch(sw.fx.cpu, second);
	sw.fx.process = second;
	fx_map(&sw.fx, FX_AT, 8, RW, QUIRE_MAP_SHARED, file->file);
	fx_map(&sw.fx, at, 8, RW, QUIRE_MAP_SHARED, shared);
	sw_expect(&sw, FX_AT, 8, 1);
	sw_expect(&sw, at, 8, 0x30);
	expect(other, 0, 0);
	/* The file's pages go, the shared ones get slots. */
	assert_int_equal(quire_group_reclaim(group, 64), 16);
	expect(group, 0, 8);
	sw_expect(&sw, FX_AT, 8, 1);
	sw_expect(&sw, at, 8, 0x30);
	expect(group, 8, 0);
	expect(other, 8, 0);
	sw_check(&sw, "back");
	sim_switch(sw.fx.cpu, process);
	sw.fx.process = process;
	sim_process_exit(second);
	quire_file_put(shared);
	sim_file_close(file);
	quire_group_put(other);
	quire_group_put(group);
	sw_check(&sw, "put");
	sw_close(&sw);
}

/* A group that ends before its pages: the group above still pays for them, and for nothing afterwards. */
static void ends_before_its_pages(void **state)
{
	struct quire_group *top, *group;
	struct sw sw = in_group(&top, NULL);
	struct quire_file *shared;

	(void)state;
	group = make(&sw, top);
	quire_mm_set_group(sw.fx.process->mm, group);
	assert_int_equal(quire_file_create(sim_system(sw.fx.sim), NULL, NULL, 8 * sw.fx.page, &shared),
			 QUIRE_OK);
	fx_map(&sw.fx, FX_AT, 8, RW, QUIRE_MAP_SHARED, shared);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(sim_write(sw.fx.cpu, FX_AT + i * sw.fx.page, 1, i), SIM_DONE);
	sw_evict(&sw, FX_AT, 4);
	quire_mm_set_group(sw.fx.process->mm, NULL);
	quire_group_put(group);
	expect(top, 4, 4);
	sw_check(&sw, "ended");
	/* What comes back is charged to the nearest group that is left. */
	sw_expect(&sw, FX_AT, 8, 0);
	expect(top, 8, 0);
	sw_check(&sw, "back");
	assert_int_equal(SIM_OP(sw.fx.cpu, "munmap", quire_munmap(sw.fx.process->mm, FX_AT, 8 * sw.fx.page)),
			 QUIRE_OK);
	quire_file_put(shared);
	expect(top, 0, 0);
	quire_group_put(top);
	/* Both are gone from the table. */
	for (uint32_t id = 1; id < QR_GROUPS; id++)
		assert_null(qr_group_at(sim_system(sw.fx.sim), id));
	sw_check(&sw, "gone");
	sw_close(&sw);
}

/* As many as there are ids, and one more. */
static void too_many(void **state)
{
	const struct sim_config config = {.ram_bytes = 16 << 20};
	struct sw sw = sw_open("x86_64", "linux-6", 64, 0, &config);
	static struct quire_group *groups[QR_GROUPS];
	struct quire_group *one;

	(void)state;
	for (unsigned i = 1; i < QR_GROUPS; i++)
		groups[i] = make(&sw, NULL);
	assert_int_equal(quire_group_create(sim_system(sw.fx.sim), NULL, &one), QUIRE_ENOMEM);
	for (unsigned i = 1; i < QR_GROUPS; i++)
		quire_group_put(groups[i]);
	quire_group_put(make(&sw, NULL));
	sw_check(&sw, "many");
	sw_close(&sw);
}

/* Every allocation of making a group, and of faults in one at its limit. */
static void every_failure(void **state)
{
	const struct quire_group_limits limits = {
	    .max = 12, .high = QUIRE_UNLIMITED, .swap_max = QUIRE_UNLIMITED};
	unsigned made = 0;

	(void)state;
	for (uint64_t nth = 1;; nth++) {
		struct sw sw = sw_open("x86_64", "linux-6", 256, 0, NULL);
		struct quire_group *group = NULL;
		uint64_t failed;

		fx_map(&sw.fx, FX_AT, 40, RW, QUIRE_MAP_PRIVATE, NULL);
		sim_fail(sw.fx.sim, 1u << QUIRE_RES_FRAME | 1u << QUIRE_RES_OBJECT, nth, 1);
		if (quire_group_create(sim_system(sw.fx.sim), NULL, &group) != QUIRE_OK) {
			made++;
			sw_check(&sw, "not made");
			group = make(&sw, NULL);
		}
		quire_group_limits_set(group, &limits);
		quire_mm_set_group(sw.fx.process->mm, group);
		for (unsigned i = 0; i < 40; i++)
			assert_int_equal(sim_write(sw.fx.cpu, FX_AT + i * sw.fx.page, 1, 1 + i), SIM_DONE);
		failed = sim_failed(sw.fx.sim);
		sim_fail(sw.fx.sim, 0, 0, 0);
		sw_check(&sw, "after a failure");
		sw_expect(&sw, FX_AT, 40, 1);
		quire_group_put(group);
		sw_close(&sw);
		if (!failed) {
			assert_true(made >= 2 && nth > 20);
			return;
		}
	}
}

/* The recount finds a charge too many, a page that nobody is charged for, and a group that is not there. */
static void recount(void **state)
{
	struct quire_group *group;
	struct sw sw = in_group(&group, NULL);
	struct quire_system *system = sim_system(sw.fx.sim);
	char why[200] = "";
	struct qr_page *page;

	(void)state;
	sw_fill(&sw, FX_AT, 4, 1);
	sw_evict(&sw, FX_AT, 2);
	page = qr_page_of(system, fx_leaf(&sw.fx, sw.fx.process->mm, FX_AT + 3 * sw.fx.page).pfn);
	group->charged++;
	assert_int_equal(quire_check(system, why, sizeof(why)), QUIRE_EINVAL);
	if (!strstr(why, "group 1: 65 pages and 2 slots are charged"))
		fail_msg("%s", why);
	group->charged--;
	group->swapped--;
	assert_int_equal(quire_check(system, why, sizeof(why)), QUIRE_EINVAL);
	group->swapped++;
	qr_page_clear_bits(page, QR_PAGE_CHARGED);
	assert_int_equal(quire_check(system, why, sizeof(why)), QUIRE_EINVAL);
	qr_page_set(page, QR_PAGE_CHARGED);
	page->group = 7;
	assert_int_equal(quire_check(system, why, sizeof(why)), QUIRE_EINVAL);
	assert_non_null(strstr(why, "is charged to group 7"));
	page->group = 1;
	sw_check(&sw, "mended");
	quire_group_put(group);
	sw_close(&sw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(forked),   cmocka_unit_test(moved),
	    cmocka_unit_test(files),    cmocka_unit_test(ends_before_its_pages),
	    cmocka_unit_test(too_many), cmocka_unit_test(every_failure),
	    cmocka_unit_test(recount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
