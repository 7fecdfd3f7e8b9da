/* SPDX-License-Identifier: MIT */
/* Tags keep mappings apart, join equal ones, go with mremap and with a fork. The pictures are those of Linux's mbind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <quire/tag.h>

#include "one_process.h"

static enum quire_status map(uint64_t page, uint64_t count)
{
	const struct quire_mapping how = {
	    .addr = BASE + N(page), .length = N(count), .prot = RW, .flags = ANON};
	quire_va at;

	return quire_mmap(mm, &how, &at);
}

static enum quire_status tag(uint64_t page, uint64_t count, uint8_t value)
{
	return quire_mm_set_tag(mm, BASE + N(page), N(count), value);
}

/* "4:1 2": four pages with tag 1, then two without one; "-" for a hole. */
static const char *picture(struct quire_mm *of)
{
	static char text[128];
	struct quire_region region;
	quire_va at = BASE;
	size_t n = 0;

	text[0] = '\0';
	while (quire_mm_region(of, at, &region) == QUIRE_OK) {
		unsigned pages = (unsigned)((region.end - region.start) >> 12);
		uint8_t value = 99;

		assert_int_equal(quire_mm_tag(of, region.start, &value), QUIRE_OK);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%u", n ? " " : "",
				      region.start > at ? "- " : "", pages);
		if (value)
			n += (size_t)snprintf(text + n, sizeof(text) - n, ":%u", value);
		at = region.end;
	}
	return text;
}

/* The six ways in which a part meets its neighbours. */
static void test_merging(void **state)
{
	(void)state;
	assert_int_equal(map(0, 6), QUIRE_OK);
	assert_string_equal(picture(mm), "6");
	assert_int_equal(tag(0, 4, 1), QUIRE_OK);
	assert_string_equal(picture(mm), "4:1 2");
	assert_int_equal(tag(2, 2, 0), QUIRE_OK);
	assert_string_equal(picture(mm), "2:1 4");
	assert_int_equal(tag(2, 2, 1), QUIRE_OK);
	assert_string_equal(picture(mm), "4:1 2");
	assert_int_equal(tag(4, 2, 2), QUIRE_OK);
	assert_int_equal(tag(2, 2, 2), QUIRE_OK);
	assert_string_equal(picture(mm), "2:1 4:2");
	assert_int_equal(tag(1, 2, 0), QUIRE_OK);
	assert_string_equal(picture(mm), "1:1 2 3:2");
	assert_int_equal(tag(0, 6, 7), QUIRE_OK);
	assert_string_equal(picture(mm), "6:7");
	assert_int_equal(tag(1, 1, 0), QUIRE_OK);
	assert_string_equal(picture(mm), "1:7 1 4:7");
	assert_int_equal(tag(0, 6, 0), QUIRE_OK);
	assert_string_equal(picture(mm), "6");
}

static void test_other_calls(void **state)
{
	const struct quire_remapping grow = {.old_addr = BASE, .old_length = N(2), .new_length = N(3)};
	const struct quire_remapping away = {.old_addr = BASE,
					     .old_length = N(2),
					     .new_length = N(2),
					     .flags = QUIRE_MREMAP_MAYMOVE | QUIRE_MREMAP_FIXED,
					     .new_addr = BASE + N(8)};
	struct sim_process *child;
	quire_va at;

	(void)state;
	assert_int_equal(map(0, 2), QUIRE_OK);
	assert_int_equal(tag(0, 2, 5), QUIRE_OK);
	assert_int_equal(map(2, 2), QUIRE_OK); /* what is new has none */
	assert_string_equal(picture(mm), "2:5 2");
	assert_int_equal(quire_mprotect(mm, BASE + N(1), N(2), QUIRE_PROT_READ), QUIRE_OK);
	assert_string_equal(picture(mm), "1:5 1:5 1 1");
	assert_int_equal(quire_mprotect(mm, BASE, N(4), RW), QUIRE_OK);
	assert_string_equal(picture(mm), "2:5 2");
	assert_int_equal(quire_munmap(mm, BASE + N(2), N(2)), QUIRE_OK);
	assert_int_equal(quire_mremap(mm, &grow, &at), QUIRE_OK);
	assert_string_equal(picture(mm), "3:5");
	assert_int_equal(quire_mremap(mm, &away, &at), QUIRE_OK);
	assert_string_equal(picture(mm), "- 1:5 - 2:5");
	assert_int_equal(sim_process_fork(process, &child), QUIRE_OK);
	assert_string_equal(picture(child->mm), "- 1:5 - 2:5");
	sim_process_exit(child);
}

static void test_refused(void **state)
{
	uint8_t value = 99;

	(void)state;
	assert_int_equal(map(0, 2), QUIRE_OK);
	assert_int_equal(map(4, 2), QUIRE_OK);
	assert_int_equal(quire_mm_set_tag(mm, BASE + 1, N(1), 1), QUIRE_EINVAL);
	assert_int_equal(quire_mm_set_tag(mm, BASE, ~UINT64_C(0), 1), QUIRE_EINVAL);
	assert_int_equal(tag(0, 0, 1), QUIRE_OK);
	assert_string_equal(picture(mm), "2 - 2");
	assert_int_equal(quire_mm_set_tag(mm, BASE + N(1), N(3) + 1, 1), QUIRE_OK);
	assert_string_equal(picture(mm), "1 1:1 - 1:1 1");
	assert_int_equal(quire_mm_tag(mm, BASE + N(3), &value), QUIRE_ENOENT);
	assert_int_equal(quire_mm_tag(mm, BASE + N(1) + 5, &value), QUIRE_OK);
	assert_int_equal(value, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_merging, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_other_calls, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_refused, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
