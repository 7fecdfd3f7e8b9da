/* SPDX-License-Identifier: MIT */
/* Mappings of files with a device: writing back, reading ahead, errors of the device, the last reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "one_process.h"

static struct sim_file *file;

static int open_file(void **state)
{
	return open_all(state) || sim_file_create(sim, N(8), 1, &file) != QUIRE_OK;
}

static int close_file(void **state)
{
	if (file)
		sim_file_close(file);
	return close_all(state);
}

static void map(uint64_t page, uint64_t count, uint32_t flags, uint64_t from)
{
	const struct quire_mapping how = {.addr = BASE + N(page),
					  .length = N(count),
					  .prot = RW,
					  .flags = flags | QUIRE_MAP_FIXED,
					  .file = file->file,
					  .offset = N(from)};
	quire_va at;

	assert_int_equal(quire_mmap(mm, &how, &at), QUIRE_OK);
}

static void test_msync(void **state)
{
	(void)state;
	map(0, 4, QUIRE_MAP_SHARED, 0);
	map(6, 2, QUIRE_MAP_PRIVATE, 0);
	assert_int_equal(sim_write(cpu, BASE + N(1), 1, 0x99), SIM_DONE);
	assert_int_equal(sim_write(cpu, BASE + N(7), 1, 0x77), SIM_DONE);
	assert_int_equal(file->bytes[N(1)], 2);
	/* ASYNC starts nothing, a private mapping writes nothing. */
	assert_int_equal(quire_msync(mm, BASE, N(4), QUIRE_MS_ASYNC), QUIRE_OK);
	assert_int_equal(quire_msync(mm, BASE + N(6), N(2), QUIRE_MS_SYNC), QUIRE_OK);
	assert_int_equal(file->bytes[N(1)], 2);
	/* Across the hole, and told of it, the rest is written. */
	assert_int_equal(quire_msync(mm, BASE, N(7), QUIRE_MS_SYNC), QUIRE_ENOMEM);
	assert_int_equal(file->bytes[N(1)], 0x99);
	assert_int_equal(file->writes, 1);
	/* Clean now: the next write is seen again. */
	assert_int_equal(sim_write(cpu, BASE + N(1), 1, 0x55), SIM_DONE);
	assert_int_equal(sim_last(cpu)->minor, 1);
	file->fail_write = 1;
	assert_int_equal(quire_msync(mm, BASE, N(4), QUIRE_MS_SYNC), QUIRE_EIO);
	assert_int_equal(file->bytes[N(1)], 0x99);
	file->fail_write = UINT64_MAX;
	assert_int_equal(quire_msync(mm, BASE, N(4), QUIRE_MS_SYNC), QUIRE_OK);
	assert_int_equal(file->bytes[N(1)], 0x55);
}

static void test_willneed(void **state)
{
	unsigned char there[4];

	(void)state;
	map(0, 4, QUIRE_MAP_SHARED, 2);
	assert_int_equal(quire_mincore(mm, BASE, N(4), there), QUIRE_OK);
	assert_int_equal(there[0] + there[1] + there[2] + there[3], 0);
	assert_int_equal(quire_madvise(mm, BASE + N(1), N(2), QUIRE_MADV_WILLNEED), QUIRE_OK);
	assert_int_equal(quire_mincore(mm, BASE, N(4), there), QUIRE_OK);
	assert_int_equal(there[0] + there[3], 0);
	assert_int_equal(there[1] + there[2], 2);
	assert_int_equal(file->reads, 2);
	/* Advice that cannot be followed is no error; the touch is. */
	file->fail_read = 2;
	assert_int_equal(quire_madvise(mm, BASE, N(1), QUIRE_MADV_WILLNEED), QUIRE_OK);
	assert_int_equal(sim_read(cpu, BASE, 1, &(uint64_t){0}), SIM_SIGNALLED);
	assert_int_equal(sim_last(cpu)->signal, QUIRE_SIGBUS);
}

static void test_lock_errors(void **state)
{
	struct quire_usage usage;

	(void)state;
	map(0, 4, QUIRE_MAP_SHARED, 0);
	file->fail_read = 2;
	/* The pages that could not be read are ENOMEM to mlock; the range is locked all the same. */
	assert_int_equal(quire_mlock(mm, BASE, N(4), 0), QUIRE_ENOMEM);
	quire_mm_usage(mm, &usage);
	assert_int_equal(usage.locked_vm, 4);
	assert_int_equal(quire_madvise(mm, BASE, N(4), QUIRE_MADV_POPULATE_READ), QUIRE_EFAULT);
	file->fail_read = UINT64_MAX;
	assert_int_equal(quire_mlock(mm, BASE, N(4), 0), QUIRE_OK);
	assert_int_equal(quire_madvise(mm, BASE, N(4), QUIRE_MADV_POPULATE_WRITE), QUIRE_OK);
	quire_mm_usage(mm, &usage);
	assert_int_equal(usage.rss_file, 4);
}

/* The device goes with the last mapping; its release runs outside every lock (the machine watches). */
static void test_last_reference(void **state)
{
	(void)state;
	map(0, 6, QUIRE_MAP_PRIVATE, 0);
	assert_int_equal(sim_write(cpu, BASE + N(2), 1, 1), SIM_DONE);
	assert_int_equal(quire_munmap(mm, BASE + N(2), N(2)), QUIRE_OK);
	sim_file_close(file);
	file = NULL;
	assert_int_equal(sim_read(cpu, BASE + N(1), 1, &(uint64_t){0}), SIM_DONE);
	assert_int_equal(quire_munmap(mm, BASE, N(2)), QUIRE_OK);
	assert_int_equal(sim_read(cpu, BASE + N(5), 1, &(uint64_t){0}), SIM_DONE);
	assert_int_equal(quire_munmap(mm, BASE, N(6)), QUIRE_OK);
	assert_int_equal(sim_finding_count(sim), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_msync, open_file, close_file),
	    cmocka_unit_test_setup_teardown(test_willneed, open_file, close_file),
	    cmocka_unit_test_setup_teardown(test_lock_errors, open_file, close_file),
	    cmocka_unit_test_setup_teardown(test_last_reference, open_file, close_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
