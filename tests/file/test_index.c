/* SPDX-License-Identifier: MIT */
/* The index of a file's pages beside an array: entries come and go near the edges of nodes, low and far beyond 32 bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "file/file.h"
#include "ports/sim/sim.h"

#define STEPS 30000
#define NEAR  150 /* entries from each base on */

static const uint64_t base[] = {0, 64 * 64 - 70, 5 * 64 * 64 * 64 - 1, (UINT64_C(1) << 36) - 64,
				UINT64_MAX >> 13};
#define BASES (sizeof(base) / sizeof(base[0]))

static void *there[BASES][NEAR];
static struct qr_page fake[64];

static uint64_t next(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % below;
}

static void *any_value(uint64_t *seed)
{
	return (void *)(uintptr_t)(next(seed, 1000) << 1 | 1);
}

/* The same place of every window that begins here and ends in its node. */
static void compare_used(struct quire_file *file, unsigned in, unsigned at, unsigned count)
{
	struct qr_page *const *run = NULL;
	uint64_t first = base[in] + at;
	uint32_t used, want = 0;

	if (count > QR_INDEX_NODE - first % QR_INDEX_NODE)
		count = (unsigned)(QR_INDEX_NODE - first % QR_INDEX_NODE);
	for (unsigned i = 0; i < count && at + i < NEAR; i++)
		want |= there[in][at + i] ? (uint32_t)1 << i : 0;
	used = qr_index_used(file, first, count, &run);
	assert_int_equal(used, want);
	for (unsigned i = 0; i < 32; i++) {
		if (used >> i & 1)
			assert_ptr_equal(run[i], there[in][at + i]);
	}
}

static void compare_next(const struct quire_file *file, unsigned in, unsigned at, unsigned count)
{
	uint64_t index = base[in] + at, last = index + count - 1;
	void *found = qr_index_next_entry(file, &index, last), *want = NULL;

	for (unsigned i = at; i < at + count && i < NEAR && !want; i++) {
		want = there[in][i];
		if (want)
			assert_int_equal(index, base[in] + i);
	}
	assert_ptr_equal(found, want);
}

static void change(struct quire_file *file, unsigned in, unsigned at, uint64_t *seed)
{
	uint64_t index = base[in] + at;
	struct qr_page *page = &fake[next(seed, 64)];
	void *was = there[in][at];

	switch (next(seed, 3)) {
	case 0:
		assert_int_equal(qr_index_insert(file, index, page), was ? QUIRE_EEXIST : QUIRE_OK);
		if (!was)
			there[in][at] = page;
		break;
	case 1:
		assert_ptr_equal(qr_index_remove(file, index), was);
		there[in][at] = NULL;
		break;
	default:
		if (!was) {
			assert_false(qr_index_replace(file, index, page, any_value(seed)));
			break;
		}
		there[in][at] = qr_index_is_value(was) ? page : any_value(seed);
		assert_true(qr_index_replace(file, index, was, there[in][at]));
	}
}

static void test_model(void **state)
{
	struct sim_config config = {.ram_bytes = 8u << 20};
	struct sim *sim = sim_create(&config, NULL);
	struct quire_file *file;
	uint64_t seed = 20261130;

	(void)state;
	assert_non_null(sim);
	assert_int_equal(quire_file_create(sim_system(sim), NULL, NULL, 0, &file), QUIRE_OK);
	for (unsigned step = 0; step < STEPS; step++) {
		/* A few thousand steps with few entries, then many: nodes come and go whole. */
		unsigned in = (unsigned)next(&seed, BASES),
			 at = (unsigned)next(&seed, step / 3000 % 2 ? NEAR : 5);
		void *now;

		change(file, in, at, &seed);
		now = there[in][at];
		assert_ptr_equal(qr_index_find(file, base[in] + at), qr_index_is_value(now) ? NULL : now);
		assert_int_equal(qr_index_value(file, base[in] + at),
				 qr_index_is_value(now) ? (uintptr_t)now : 0);
		at = (unsigned)next(&seed, NEAR);
		compare_used(file, in, at, 1 + (unsigned)next(&seed, 32));
		compare_next(file, in, at, 1 + (unsigned)next(&seed, NEAR));
	}
	for (unsigned in = 0; in < BASES; in++)
		for (unsigned at = 0; at < NEAR; at++)
			assert_ptr_equal(qr_index_remove(file, base[in] + at), there[in][at]);
	assert_null(file->root);
	assert_int_equal(file->height, 0);
	assert_int_equal(file->pages, 0);
	assert_int_equal(file->values, 0);
	quire_file_put(file);
	sim_destroy(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
