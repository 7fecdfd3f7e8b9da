/* SPDX-License-Identifier: MIT */
/* Files: private and shared, the end of the file, I/O with the lock dropped, errors of the device. */
#include "fixture.h"

#define READ QUIRE_PROT_READ
#define RW   (QUIRE_PROT_READ | QUIRE_PROT_WRITE)

static struct sim_file *file_of(struct fx *fx, uint64_t bytes)
{
	struct sim_file *file;

	assert_int_equal(sim_file_create(fx->sim, bytes, 0x40, &file), QUIRE_OK);
	return file;
}

static uint64_t byte_at(struct fx *fx, quire_va va)
{
	uint64_t value = 0;

	assert_int_equal(sim_read(fx->cpu, va, 1, &value), SIM_DONE);
	return value;
}

/* The first read drops the lock for the device and is major; neighbours in the cache come with it. */
static void private_read(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct sim_file *file = file_of(&fx, 8 * fx.page);

	fx_map(&fx, FX_AT, 8, READ, QUIRE_MAP_PRIVATE, file->file);
	assert_int_equal(byte_at(&fx, FX_AT + 2 * fx.page), 0x42);
	fx_expect_levels(
	    &fx,
	    "handle_pte_fault do_fault do_read_fault lock-dropped cache-read fault-retry mmap-lock "
	    "find_vma good_area handle_mm_fault __handle_mm_fault handle_pte_fault do_fault do_read_fault "
	    "do_fault_around cache-hit major");
	fx_expect_counts(&fx, 0, 1);
	assert_int_equal(file->reads, 1);
	/* A second process finds it cached. */
	assert_int_equal(SIM_OP(fx.cpu, "munmap", quire_munmap(fx.process->mm, FX_AT, 8 * fx.page)),
			 QUIRE_OK);
	fx_map(&fx, FX_AT, 8, READ, QUIRE_MAP_PRIVATE, file->file);
	assert_int_equal(byte_at(&fx, FX_AT + 2 * fx.page), 0x42);
	fx_expect_levels(&fx, "handle_pte_fault do_fault do_read_fault do_fault_around cache-hit minor");
	fx_expect_counts(&fx, 1, 0);
	assert_int_equal(file->reads, 1);
	sim_file_close(file);
	fx_close(&fx);
}

/* Without ALLOW_RETRY the device is waited for under the lock. */
static void profiles_without_retry_read_under_the_lock(void **state)
{
	struct fx fx = fx_open("i386", "linux-2.4", NULL);
	struct sim_file *file = file_of(&fx, 2 * fx.page);

	(void)state;
	fx_map(&fx, FX_AT, 2, READ, QUIRE_MAP_PRIVATE, file->file);
	assert_int_equal(byte_at(&fx, FX_AT), 0x40);
	fx_expect_way(&fx, "do_page_fault mmap-lock find_vma good_area handle_mm_fault table-allocated "
			   "handle_pte_fault do_no_page cache-read major");
	fx_expect_counts(&fx, 0, 1);
	sim_file_close(file);
	fx_close(&fx);
}

/* Sixteen cached pages come with one fault, in an aligned block. */
static void fault_around_maps_an_aligned_block(void **state)
{
	struct fx fx = fx_open("x86_64", "linux-6", NULL);
	struct sim_file *file = file_of(&fx, 64 * fx.page);
	size_t done;
	char byte;

	(void)state;
	for (uint64_t i = 0; i < 64; i++)
		assert_int_equal(quire_file_read(file->file, i * fx.page, &byte, 1, &done), QUIRE_OK);
	fx_map(&fx, FX_AT, 64, READ, QUIRE_MAP_PRIVATE, file->file);
	assert_int_equal(byte_at(&fx, FX_AT + 21 * fx.page), 0x40 + 21);
	fx_expect_counts(&fx, 1, 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(fx_leaf(&fx, fx.process->mm, FX_AT + i * fx.page).there, i >= 16 && i < 32);
	sim_file_close(file);
	fx_close(&fx);
}

static void private_write_copies(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct sim_file *file = file_of(&fx, 2 * fx.page);
	unsigned char byte = 0;
	size_t done;

	assert_int_equal(quire_file_read(file->file, 0, &byte, 1, &done), QUIRE_OK);
	fx_map(&fx, FX_AT, 2, RW, QUIRE_MAP_PRIVATE, file->file);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 0x99), SIM_DONE);
	fx_expect_levels(&fx, "handle_pte_fault do_fault do_cow_fault cache-hit minor");
	assert_int_equal(byte_at(&fx, FX_AT), 0x99);
	assert_int_equal(byte_at(&fx, FX_AT + 1), 0x40);
	assert_int_equal(quire_file_read(file->file, 0, &byte, 1, &done), QUIRE_OK);
	assert_int_equal(byte, 0x40);
	assert_int_equal(file->mkwrites, 0);
	sim_file_close(file);
	fx_close(&fx);
}

/* Read first, then write: the cache page is mapped, then a copy takes its place. */
static void private_read_then_write_copies(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct sim_file *file = file_of(&fx, 2 * fx.page);

	fx_map(&fx, FX_AT, 2, RW, QUIRE_MAP_PRIVATE, file->file);
	assert_int_equal(byte_at(&fx, FX_AT), 0x40);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 0x99), SIM_DONE);
	fx_expect_levels(&fx, "handle_pte_fault do_wp_page wp_page_copy minor");
	assert_int_equal(byte_at(&fx, FX_AT + 1), 0x40);
	sim_file_close(file);
	fx_close(&fx);
}

static void expect_survey(struct fx *fx, uint64_t mapped, uint64_t dirty)
{
	struct quire_survey survey;

	quire_memory_survey(sim_system(fx->sim), &survey);
	assert_int_equal(survey.mapped, mapped);
	assert_int_equal(survey.dirty, dirty);
}

static void shared_write_tells_the_file_and_msync_writes_it_back(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct sim_file *file = file_of(&fx, 2 * fx.page);
	unsigned char byte;
	size_t done;

	assert_int_equal(quire_file_read(file->file, 0, &byte, 1, &done), QUIRE_OK);
	fx_map(&fx, FX_AT, 2, RW, QUIRE_MAP_SHARED, file->file);
	expect_survey(&fx, 0, 0);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 0x99), SIM_DONE);
	expect_survey(&fx, 1, 1);
	fx_expect_levels(&fx, "handle_pte_fault do_fault do_shared_fault cache-hit page_mkwrite minor");
	assert_int_equal(file->mkwrites, 1);
	assert_int_equal(quire_file_read(file->file, 0, &byte, 1, &done), QUIRE_OK);
	assert_int_equal(byte, 0x99);
	assert_int_equal(file->bytes[0], 0x40);

	assert_int_equal(SIM_OP(fx.cpu, "msync", quire_msync(fx.process->mm, FX_AT, fx.page, QUIRE_MS_SYNC)),
			 QUIRE_OK);
	assert_int_equal(file->bytes[0], 0x99);
	assert_int_equal(file->writes, 1);
	expect_survey(&fx, 1, 0);
	/* Clean now: the next write is seen again. */
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 0x9a), SIM_DONE);
	fx_expect_levels(&fx, "handle_pte_fault do_wp_page page_mkwrite wp_page_shared minor");
	assert_int_equal(file->mkwrites, 2);
	/* A read-only entry of a shared mapping becomes writable the same way. */
	assert_int_equal(byte_at(&fx, FX_AT + fx.page), 0x41);
	assert_int_equal(sim_write(fx.cpu, FX_AT + fx.page, 1, 1), SIM_DONE);
	fx_expect_levels(&fx, "handle_pte_fault do_wp_page page_mkwrite wp_page_shared minor");
	sim_file_close(file);
	fx_close(&fx);
}

static void beyond_the_end_is_sigbus(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct sim_file *file = file_of(&fx, fx.page + 1);
	uint64_t value;

	fx_map(&fx, FX_AT, 4, RW, QUIRE_MAP_SHARED, file->file);
	/* The last page is whole: what lies behind the end in it reads as zeroes. */
	assert_int_equal(byte_at(&fx, FX_AT + fx.page), 0x41);
	assert_int_equal(byte_at(&fx, FX_AT + fx.page + 1), 0);
	fx_expect_signal(&fx, sim_read(fx.cpu, FX_AT + 2 * fx.page + 5, 1, &value), QUIRE_SIGBUS,
			 QUIRE_BUS_ADRERR, FX_AT + 2 * fx.page + 5);
	fx_expect_levels(&fx, "handle_pte_fault do_fault do_read_fault beyond-eof SIGBUS");
	fx_expect_counts(&fx, 0, 0);
	fx_expect_signal(&fx, sim_write(fx.cpu, FX_AT + 3 * fx.page, 4, 1), QUIRE_SIGBUS, QUIRE_BUS_ADRERR,
			 FX_AT + 3 * fx.page);
	fx_expect_levels(&fx, "handle_pte_fault do_fault do_shared_fault beyond-eof SIGBUS");
	/* A copy to there stops at the end: no signal to the kernel. */
	assert_int_equal(sim_copy_to_user(fx.cpu, FX_AT + 2 * fx.page - 3, "abcdef", 6), 3);
	sim_file_close(file);
	fx_close(&fx);
}

static void truncation_takes_mapped_pages_and_private_copies(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct sim_file *file = file_of(&fx, 4 * fx.page);
	uint64_t value;

	fx_map(&fx, FX_AT, 4, RW, QUIRE_MAP_PRIVATE, file->file);
	assert_int_equal(sim_write(fx.cpu, FX_AT + 2 * fx.page, 1, 0x99), SIM_DONE);
	assert_int_equal(byte_at(&fx, FX_AT + 3 * fx.page), 0x43);
	assert_int_equal(SIM_OP(fx.cpu, "truncate", quire_file_truncate(file->file, fx.page)), QUIRE_OK);
	fx_expect_signal(&fx, sim_read(fx.cpu, FX_AT + 2 * fx.page, 1, &value), QUIRE_SIGBUS,
			 QUIRE_BUS_ADRERR, FX_AT + 2 * fx.page);
	fx_expect_signal(&fx, sim_read(fx.cpu, FX_AT + 3 * fx.page, 1, &value), QUIRE_SIGBUS,
			 QUIRE_BUS_ADRERR, FX_AT + 3 * fx.page);
	assert_int_equal(byte_at(&fx, FX_AT), 0x40);
	sim_file_close(file);
	fx_close(&fx);
}

/* A hole takes the pages of the file, not private copies. */
static void hole_spares_private_copies(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct quire_file *file;
	size_t done;

	assert_int_equal(quire_file_create(sim_system(fx.sim), NULL, NULL, 4 * fx.page, &file), QUIRE_OK);
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(quire_file_write(file, i * fx.page, "x", 1, &done), QUIRE_OK);
	fx_map(&fx, FX_AT, 4, RW, QUIRE_MAP_PRIVATE, file);
	assert_int_equal(sim_write(fx.cpu, FX_AT + fx.page, 1, 'p'), SIM_DONE);
	assert_int_equal(byte_at(&fx, FX_AT + 2 * fx.page), 'x');
	assert_int_equal(SIM_OP(fx.cpu, "punch", quire_file_punch(file, fx.page, 2 * fx.page)), QUIRE_OK);
	assert_int_equal(byte_at(&fx, FX_AT + fx.page), 'p');
	assert_int_equal(byte_at(&fx, FX_AT + 2 * fx.page), 0);
	assert_int_equal(byte_at(&fx, FX_AT + 3 * fx.page), 'x');
	quire_file_put(file);
	fx_close(&fx);
}

static void device_errors_are_sigbus_and_can_be_tried_again(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	struct sim_file *file = file_of(&fx, 2 * fx.page);
	uint64_t value;

	fx_map(&fx, FX_AT, 2, RW, QUIRE_MAP_SHARED, file->file);
	file->fail_read = 1;
	fx_expect_signal(&fx, sim_read(fx.cpu, FX_AT + fx.page, 1, &value), QUIRE_SIGBUS, QUIRE_BUS_ADRERR,
			 FX_AT + fx.page);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_IO_ERROR), 1);
	assert_int_equal(quire_file_resident(file->file), 0);
	file->fail_read = UINT64_MAX;
	assert_int_equal(byte_at(&fx, FX_AT + fx.page), 0x41);

	file->fail_mkwrite = 1;
	file->fail_status = QUIRE_ENOSPC;
	fx_expect_signal(&fx, sim_write(fx.cpu, FX_AT + fx.page, 1, 1), QUIRE_SIGBUS, QUIRE_BUS_ADRERR,
			 FX_AT + fx.page);
	file->fail_mkwrite = UINT64_MAX;
	assert_int_equal(sim_write(fx.cpu, FX_AT + fx.page, 1, 1), SIM_DONE);

	file->fail_write = 1;
	assert_int_equal(
	    SIM_OP(fx.cpu, "msync", quire_msync(fx.process->mm, FX_AT, 2 * fx.page, QUIRE_MS_SYNC)),
	    QUIRE_ENOSPC);
	file->fail_write = UINT64_MAX;
	assert_int_equal(
	    SIM_OP(fx.cpu, "msync", quire_msync(fx.process->mm, FX_AT, 2 * fx.page, QUIRE_MS_SYNC)),
	    QUIRE_OK);
	assert_int_equal(file->bytes[fx.page], 1);
	sim_file_close(file);
	fx_close(&fx);
}

static void short_read_is_an_error(void **state)
{
	struct fx fx = fx_open("x86_64", "linux-6", NULL);
	struct sim_file *file = file_of(&fx, 2 * fx.page);
	uint64_t value;

	(void)state;
	file->short_reads = true;
	fx_map(&fx, FX_AT, 2, RW, QUIRE_MAP_SHARED, file->file);
	fx_expect_signal(&fx, sim_read(fx.cpu, FX_AT, 1, &value), QUIRE_SIGBUS, QUIRE_BUS_ADRERR, FX_AT);
	sim_file_close(file);
	fx_close(&fx);
}

/* Who looks at another's regions keeps the file, whatever the other unmaps and closes meanwhile. */
static void a_region_can_keep_its_file(void **state)
{
	struct fx fx = fx_open("x86_64", "linux-6", NULL);
	struct quire_region region;
	struct quire_file *file;
	size_t done;

	(void)state;
	assert_int_equal(quire_file_create(sim_system(fx.sim), NULL, NULL, fx.page, &file), QUIRE_OK);
	assert_int_equal(quire_file_write(file, 0, "x", 1, &done), QUIRE_OK);
	assert_int_equal(quire_frames_in(sim_system(fx.sim), QUIRE_PAGE_SHMEM), 1);
	fx_map(&fx, FX_AT, 1, READ, QUIRE_MAP_SHARED, file);
	assert_int_equal(quire_mm_region_get(fx.process->mm, FX_AT, &region), QUIRE_OK);
	assert_ptr_equal(region.file, file);
	assert_int_equal(SIM_OP(fx.cpu, "munmap", quire_munmap(fx.process->mm, FX_AT, fx.page)), QUIRE_OK);
	quire_file_put(file);
	assert_int_equal(quire_file_size(region.file), fx.page);
	assert_int_equal(quire_frames_in(sim_system(fx.sim), QUIRE_PAGE_SHMEM), 1);
	quire_file_put(region.file);
	assert_int_equal(quire_frames_in(sim_system(fx.sim), QUIRE_PAGE_SHMEM), 0);
	assert_int_equal(quire_mm_region_get(fx.process->mm, FX_AT, &region), QUIRE_ENOENT);
	fx_close(&fx);
}

int main(void)
{
	struct CMUnitTest tests[80] = {
	    cmocka_unit_test(a_region_can_keep_its_file),
	    cmocka_unit_test(profiles_without_retry_read_under_the_lock),
	    cmocka_unit_test(fault_around_maps_an_aligned_block),
	    cmocka_unit_test(short_read_is_an_error),
	};
	size_t count = 4;

	FX_FOR_ARCHES(tests, count, private_read);
	FX_FOR_ARCHES(tests, count, private_write_copies);
	FX_FOR_ARCHES(tests, count, private_read_then_write_copies);
	FX_FOR_ARCHES(tests, count, shared_write_tells_the_file_and_msync_writes_it_back);
	FX_FOR_ARCHES(tests, count, beyond_the_end_is_sigbus);
	FX_FOR_ARCHES(tests, count, truncation_takes_mapped_pages_and_private_copies);
	FX_FOR_ARCHES(tests, count, hole_spares_private_copies);
	FX_FOR_ARCHES(tests, count, device_errors_are_sigbus_and_can_be_tried_again);
	return _cmocka_run_group_tests("files", tests, count, NULL, NULL);
}
