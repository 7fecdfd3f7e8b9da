/* SPDX-License-Identifier: MIT */
/* The curve of misses against memory: of sequences whose distances are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tools/quire/report/report.h"

static json_t *curve_of(struct replay_pages *pages)
{
	json_t *curve = curve_make(&pages->trace, "faults", pages->trace.count, 1);

	assert_non_null(curve);
	replay_free(pages);
	return curve;
}

static void see(struct replay_pages *pages, uint64_t space, uint64_t page)
{
	assert_true(replay_add(pages, space, page));
}

static void expect_point(const json_t *curve, size_t at, json_int_t memory, json_int_t misses)
{
	const json_t *point = json_array_get(json_object_get(curve, "points"), at);

	assert_int_equal(json_integer_value(json_array_get(point, 0)), memory);
	assert_int_equal(json_integer_value(json_array_get(point, 1)), misses);
}

static json_int_t number(const json_t *curve, const char *name)
{
	return json_integer_value(json_object_get(curve, name));
}

/* a b c a a b of one process, a of another. Distances: first, first, first, 2, 0, 2, first. */
static void a_short_sequence(void **state)
{
	struct replay_pages pages = {0};
	json_t *curve;

	(void)state;
	for (const char *at = "abcaab"; *at; at++)
		see(&pages, 1, (uint64_t)*at);
	see(&pages, 2, 'a');
	curve = curve_of(&pages);
	assert_int_equal(number(curve, "references"), 7);
	assert_int_equal(number(curve, "every"), 1);
	assert_int_equal(number(curve, "first"), 4);
	assert_true(json_real_value(json_object_get(curve, "error")) == 0);
	assert_int_equal(json_array_size(json_object_get(curve, "points")), 4);
	expect_point(curve, 0, 1, 6);
	expect_point(curve, 1, 2, 6);
	expect_point(curve, 2, 3, 4);
	expect_point(curve, 3, 4, 4);
	json_decref(curve);
}

/* A loop over more pages than there is memory for misses always. */
static void a_loop(void **state)
{
	struct replay_pages pages = {0};
	json_t *curve;
	size_t last;

	(void)state;
	for (unsigned i = 0; i < 20 * 200; i++)
		see(&pages, 1, i % 200);
	curve = curve_of(&pages);
	last = json_array_size(json_object_get(curve, "points")) - 1;
	expect_point(curve, 0, 1, 4000);
	expect_point(curve, last - 1, 199, 4000);
	expect_point(curve, last, 200, 200);
	json_decref(curve);
}

static void nothing(void **state)
{
	struct replay_pages pages = {0};
	json_t *curve = curve_of(&pages);

	(void)state;
	assert_int_equal(number(curve, "references"), 0);
	assert_int_equal(json_array_size(json_object_get(curve, "points")), 0);
	json_decref(curve);
}

/* References to 60,000 pages without a pattern miss as often as their page is not among those in memory. Four million
 * are sampled by their pages; the error that is stated is below one percent. */
static void a_sample(void **state)
{
	const uint64_t count = 4000000, set = 60000;
	struct replay_pages pages = {0};
	uint64_t at = 1;
	json_t *curve, *point;
	double error;
	size_t i;

	(void)state;
	for (uint64_t n = 0; n < count; n++) {
		at = at * UINT64_C(6364136223846793005) + 1442695040888963407u;
		see(&pages, 1, (at >> 33) % set);
	}
	curve = curve_of(&pages);
	error = json_real_value(json_object_get(curve, "error"));
	assert_int_equal(number(curve, "references"), 4000000);
	assert_int_equal(number(curve, "every"), 4);
	assert_true(error > 0 && error < 1);
	assert_true(labs(number(curve, "first") - (long)set) < (long)set / 50);
	json_array_foreach(json_object_get(curve, "points"), i, point)
	{
		double memory = (double)json_integer_value(json_array_get(point, 0)) / (double)set;
		double misses = (double)json_integer_value(json_array_get(point, 1)) / (double)count;
		double first = (double)set / (double)count,
		       wanted = memory < 1 ? 1 - memory * (1 - first) : first;

		/* The first references make memory fill up: below a percent here. */
		assert_true(misses > wanted - 0.02 && misses < wanted + 0.02);
	}
	assert_true(i > 100);
	json_decref(curve);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_short_sequence),
	    cmocka_unit_test(a_loop),
	    cmocka_unit_test(nothing),
	    cmocka_unit_test(a_sample),
	};

	return cmocka_run_group_tests_name("curve of misses", tests, NULL, NULL);
}
