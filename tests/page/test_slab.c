/* SPDX-License-Identifier: MIT */
/* Objects: zeroed, apart from each other, and their frames come back. */
#include "tests/page/box.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define OBJECTS 500

static const struct box_range ranges[] = {{16, 700, false}, {0}};

static void two_cpus(struct quire_config *config)
{
	config->cpus = 2;
}

static bool all(const unsigned char *bytes, unsigned char value, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] != value)
			return false;
	}
	return true;
}

static void test_random(void **state)
{
	unsigned char *object[OBJECTS];
	enum qr_slab_kind kind[OBJECTS];
	unsigned count = 0;
	struct box box;
	uint64_t before;

	(void)state;
	box_make(&box, &quire_arch_x86_64, ranges, two_cpus);
	before = box_free_frames(&box);
	for (unsigned step = 0; step < 20000; step++) {
		box.cpu = (unsigned)box_random(&box, 2);
		if (count < OBJECTS && box_random(&box, 100) < (step / 2000 % 2 ? 30u : 70u)) {
			kind[count] = (enum qr_slab_kind)box_random(&box, QR_SLAB_KINDS);
			object[count] = qr_slab_alloc(box.system, kind[count]);
			assert_non_null(object[count]);
			assert_true(all(object[count], 0, box.system->slab[kind[count]].bytes));
			memset(object[count], (int)(count & 0xff) | 1, box.system->slab[kind[count]].bytes);
			count++;
		} else if (count > 0) {
			unsigned at = (unsigned)box_random(&box, count);
			unsigned char mark = object[at][0];

			/* Nobody else wrote into it. */
			assert_true(all(object[at], mark, box.system->slab[kind[at]].bytes));
			qr_slab_free(box.system, kind[at], object[at]);
			count--;
			object[at] = object[count];
			kind[at] = kind[count];
		}
	}
	while (count > 0) {
		count--;
		qr_slab_free(box.system, kind[count], object[count]);
	}
	qr_slab_drain(box.system);
	assert_int_equal(box_free_frames(&box), before);
	box_end(&box);
}

static unsigned length(void *list)
{
	unsigned count = 0;

	for (void **at = list; at; at = *at)
		count++;
	return count;
}

static void test_many(void **state)
{
	struct box box;
	void *list;
	uint64_t before;

	(void)state;
	box_make(&box, &quire_arch_x86_64, ranges, NULL);
	before = box_free_frames(&box);
	for (uint32_t want = 0; want < 200; want += 13) {
		uint32_t got = qr_slab_alloc_many(box.system, QR_SLAB_RMAP_CHUNK, want, &list);

		assert_int_equal(got, want);
		assert_int_equal(length(list), want);
		qr_slab_free_many(box.system, QR_SLAB_RMAP_CHUNK, list);
	}
	/* The third of ten is refused: two come. */
	box.fail_at = box.asked + 3;
	assert_int_equal(qr_slab_alloc_many(box.system, QR_SLAB_RMAP_CHUNK, 10, &list), 2);
	qr_slab_free_many(box.system, QR_SLAB_RMAP_CHUNK, list);
	qr_slab_drain(box.system);
	assert_int_equal(box_free_frames(&box), before);
	box_end(&box);
}

/* With the CPU's list taken by someone else, objects come from the slabs and go back to them. */
static void test_busy(void **state)
{
	struct box box;
	void *object[100];

	(void)state;
	box_make(&box, &quire_arch_x86_64, ranges, NULL);
	box.system->cpu[0].busy = 1;
	for (unsigned i = 0; i < 100; i++) {
		object[i] = qr_slab_alloc(box.system, QR_SLAB_SMALL);
		assert_non_null(object[i]);
		for (unsigned j = 0; j < i; j++)
			assert_ptr_not_equal(object[i], object[j]);
	}
	for (unsigned i = 0; i < 100; i++)
		qr_slab_free(box.system, QR_SLAB_SMALL, object[i]);
	box.system->cpu[0].busy = 0;
	box_end(&box);
}

static void test_poison(void **state)
{
	static struct box box;
	jmp_buf panicked;
	unsigned char *object;

	(void)state;
	box_make(&box, &quire_arch_x86_64, ranges, NULL);
	object = qr_slab_alloc(box.system, QR_SLAB_MM);
	qr_slab_free(box.system, QR_SLAB_MM, object);
	object[100] = 0;
	box.on_panic = &panicked;
	if (setjmp(panicked) == 0) {
		(void)qr_slab_alloc(box.system, QR_SLAB_MM);
		fail_msg("a write to a free object was not found");
	}
	assert_string_equal(box.panicked, "an object was written after it was freed");
	box_drop(&box);
}

static void test_geometry(void **state)
{
	(void)state;
	for (unsigned i = 0; quire_arch_at(i); i++) {
		const struct quire_arch *arch = quire_arch_at(i);
		struct box box;

		box_make(&box, arch, (struct box_range[]){{16, 300, false}, {0}}, NULL);
		for (unsigned kind = 0; kind < QR_SLAB_KINDS; kind++) {
			const struct qr_slab *slab = &box.system->slab[kind];

			assert_true(slab->per_slab >= 4);
			assert_true((uint64_t)slab->per_slab * slab->bytes <= qr_page_bytes(box.system)
										  << slab->order);
		}
		box_end(&box);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random), cmocka_unit_test(test_many),     cmocka_unit_test(test_busy),
	    cmocka_unit_test(test_poison), cmocka_unit_test(test_geometry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
