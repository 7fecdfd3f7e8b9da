/* SPDX-License-Identifier: MIT */
/* Writers are throttled: no more pages wait to be written than the limit and what is made dirty between two looks. */
#include "tests/fault/fixture.h"

#include <string.h>

#define RW    (QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define LIMIT 64
#define PAGES 256

static const struct sim_config limited = {.ram_bytes = 8u << 20, .dirty_frames = LIMIT};

static uint64_t dirty(const struct fx *fx)
{
	struct quire_survey survey;

	quire_memory_survey(sim_system(fx->sim), &survey);
	return survey.dirty;
}

static void check(const struct fx *fx)
{
	char why[200] = "";

	if (quire_check(sim_system(fx->sim), why, sizeof(why)) != QUIRE_OK)
		fail_msg("%s", why);
}

static struct sim_file *file_of(const struct fx *fx)
{
	struct sim_file *file;

	assert_int_equal(sim_file_create(fx->sim, PAGES * fx->page, 0, &file), QUIRE_OK);
	return file;
}

/* The first byte of a page that was written; before it is `index`. */
static unsigned char mark(unsigned index)
{
	return (unsigned char)(index ^ 0x55);
}

/* Whether the device has it. */
static bool is_written(const struct fx *fx, const struct sim_file *file, unsigned index)
{
	return file->bytes[index * fx->page] == mark(index);
}

static void write_page(const struct fx *fx, struct quire_file *file, unsigned index)
{
	unsigned char byte = mark(index);
	size_t done;

	assert_int_equal(quire_file_write(file, index * fx->page, &byte, 1, &done), QUIRE_OK);
}

/* 32 and 64 pages may wait; of 96, 48 are written, of 80 again 48; and so on. */
static const struct {
	unsigned made, waiting, written;
} course[] = {{64, 64, 0},   {95, 95, 0},    {96, 48, 48},   {127, 79, 48}, {128, 32, 96},
	      {160, 64, 96}, {192, 48, 144}, {224, 32, 192}, {256, 64, 192}};

static void expect_course(const struct fx *fx, const struct sim_file *file, unsigned made)
{
	for (unsigned i = 0; i < sizeof(course) / sizeof(course[0]); i++) {
		if (course[i].made != made)
			continue;
		assert_int_equal(dirty(fx), course[i].waiting);
		assert_int_equal(file->writes, course[i].written);
	}
}

static void expect_in_order(const struct fx *fx, const struct sim_file *file, unsigned written)
{
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(is_written(fx, file, i), i < written);
}

static void writes_are_throttled(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", &limited);
	struct sim_file *file = file_of(&fx);

	for (unsigned i = 0; i < PAGES; i++) {
		write_page(&fx, file->file, i);
		expect_course(&fx, file, i + 1);
	}
	expect_in_order(&fx, file, 192);
	check(&fx);
	/* The next goes on behind the last that was written. */
	for (unsigned i = 0; i < 32; i++)
		write_page(&fx, file->file, i);
	assert_int_equal(file->writes, 240);
	assert_true(is_written(&fx, file, 239));
	assert_false(is_written(&fx, file, 240));
	check(&fx);
	/* And from the end to the beginning. */
	for (unsigned i = 32; i < 64; i++)
		write_page(&fx, file->file, i);
	assert_int_equal(dirty(&fx), 32);
	assert_int_equal(file->writes, 288);
	assert_true(is_written(&fx, file, 255));
	assert_int_equal(quire_file_sync(file->file, 0, 32 * fx.page), QUIRE_OK);
	assert_int_equal(file->writes, 288);
	check(&fx);
	sim_file_close(file);
	fx_close(&fx);
}

static void faults_are_throttled(void **state)
{
	struct fx fx = fx_open(*state, "linux-4.14", &limited);
	struct sim_file *file = file_of(&fx);
	uint64_t value;

	fx_map(&fx, FX_AT, 96, RW, QUIRE_MAP_SHARED, file->file);
	for (unsigned i = 0; i < 96; i++) {
		/* Every second page is there already: do_wp_page in the place of do_shared_fault, which begins again
		 * when it has read the page. The last is one of these. */
		if (i % 2 == 0)
			assert_int_equal(sim_read(fx.cpu, FX_AT + i * fx.page, 1, &value), SIM_DONE);
		assert_int_equal(sim_write(fx.cpu, FX_AT + i * fx.page, 1, mark(i)), SIM_DONE);
		expect_course(&fx, file, i + 1);
	}
	expect_in_order(&fx, file, 48);
	check(&fx);
	sim_file_close(file);
	fx_close(&fx);
}

/* The kernel's copies to a program's shared mapping: the fault is its own. */
static void copies_are_throttled(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", &limited);
	struct sim_file *file = file_of(&fx);
	size_t done;

	fx_map(&fx, FX_AT, 96, RW, QUIRE_MAP_SHARED, file->file);
	for (unsigned i = 0; i < 96; i++) {
		unsigned char byte = mark(i);

		assert_int_equal(
		    SIM_OP(fx.cpu, "copy",
			   quire_copy_out(fx.process->mm, FX_AT + i * fx.page, &byte, 1, 0, &done)),
		    QUIRE_OK);
		assert_int_equal(done, 1);
		expect_course(&fx, file, i + 1);
	}
	expect_in_order(&fx, file, 48);
	check(&fx);
	sim_file_close(file);
	fx_close(&fx);
}

/* The writer goes on; the page stays dirty, and who asks for it is told. */
static void what_cannot_be_written_stays(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", &limited);
	struct sim_file *file = file_of(&fx);

	file->fail_write = 3;
	for (unsigned i = 0; i < 96; i++)
		write_page(&fx, file->file, i);
	assert_int_equal(dirty(&fx), 49);
	assert_false(is_written(&fx, file, 3));
	assert_true(is_written(&fx, file, 47));
	check(&fx);
	assert_int_equal(quire_file_sync(file->file, 0, 0), QUIRE_EIO);
	assert_int_equal(dirty(&fx), 1);
	file->fail_write = UINT64_MAX;
	assert_int_equal(quire_file_sync(file->file, 0, 0), QUIRE_OK);
	expect_in_order(&fx, file, 96);
	check(&fx);
	sim_file_close(file);
	fx_close(&fx);
}

/* Who writes another file pays for that one; shared memory has no device and is not counted. */
static void others_do_not_pay(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", &limited);
	struct sim_file *first = file_of(&fx), *second = file_of(&fx);
	struct quire_file *shared;

	assert_int_equal(quire_file_create(sim_system(fx.sim), NULL, NULL, PAGES * fx.page, &shared),
			 QUIRE_OK);
	for (unsigned i = 0; i < 95; i++)
		write_page(&fx, first->file, i);
	for (unsigned i = 0; i < PAGES; i++)
		write_page(&fx, shared, i);
	assert_int_equal(first->writes, 0);
	assert_int_equal(dirty(&fx), 95);
	check(&fx);
	write_page(&fx, second->file, 0);
	assert_int_equal(first->writes, 0);
	assert_int_equal(second->writes, 1);
	check(&fx);
	quire_file_put(shared);
	sim_file_close(first);
	sim_file_close(second);
	fx_close(&fx);
}

int main(void)
{
	struct CMUnitTest tests[64];
	unsigned count = 0;

	FX_FOR_ARCHES(tests, count, writes_are_throttled);
	FX_FOR_ARCHES(tests, count, faults_are_throttled);
	FX_FOR_ARCHES(tests, count, copies_are_throttled);
	FX_FOR_ARCHES(tests, count, what_cannot_be_written_stays);
	FX_FOR_ARCHES(tests, count, others_do_not_pay);
	return _cmocka_run_group_tests("writers", tests, count, NULL, NULL);
}
