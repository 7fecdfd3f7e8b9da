/* SPDX-License-Identifier: MIT */
/* Files through their calls: beside a flat array of bytes under random operations; errors; writeback. */
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

#define MODEL_BYTES (400u << 10)

static struct sim *machine(void)
{
	struct sim_config config = {.ram_bytes = 8u << 20, .high_bytes = 1u << 20};
	struct sim *sim = sim_create(&config, NULL);

	assert_non_null(sim);
	return sim;
}

static void check(struct sim *sim, uint64_t seed, unsigned step)
{
	char why[200] = "";

	if (quire_check(sim_system(sim), why, sizeof(why)) != QUIRE_OK)
		fail_msg("token %llu:%u: %s", (unsigned long long)seed, step, why);
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* What the file should hold: bytes behind `size` are zero whenever they come back. */
struct model {
	unsigned char *bytes;
	uint64_t size;
};

static void model_write(struct model *model, uint64_t at, const unsigned char *from, size_t length)
{
	memcpy(model->bytes + at, from, length);
	if (at + length > model->size)
		model->size = at + length;
}

static void model_truncate(struct model *model, uint64_t size)
{
	if (size < model->size)
		memset(model->bytes + size, 0, model->size - size);
	model->size = size;
}

static void model_punch(struct model *model, uint64_t at, uint64_t length)
{
	uint64_t end = at + length < model->size ? at + length : model->size;

	if (at < end)
		memset(model->bytes + at, 0, end - at);
}

static void compare(struct quire_file *file, const struct model *model, uint64_t seed, unsigned step)
{
	static unsigned char got[MODEL_BYTES];
	size_t done;

	assert_int_equal(quire_file_size(file), model->size);
	assert_int_equal(quire_file_read(file, 0, got, MODEL_BYTES, &done), QUIRE_OK);
	if (done != model->size || memcmp(got, model->bytes, done))
		fail_msg("token %llu:%u: contents differ", (unsigned long long)seed, step);
}

/* `device`: NULL, or its bytes, which the host takes away itself. */
static void one_operation(struct quire_file *file, unsigned char *device, struct model *model,
			  uint64_t *random)
{
	static unsigned char buffer[20000];
	uint64_t at = next(random) % (MODEL_BYTES - sizeof(buffer));
	size_t length = (size_t)(next(random) % sizeof(buffer));
	size_t done;

	/* Edges: pages begin and end here often. */
	if (next(random) & 1)
		at &= ~(uint64_t)4095;
	if (next(random) & 1)
		length &= ~(size_t)4095;
	switch (next(random) % 6) {
	case 0:
	case 1:
		memset(buffer, (int)next(random), length);
		assert_int_equal(quire_file_write(file, at, buffer, length, &done), QUIRE_OK);
		assert_int_equal(done, length);
		if (length)
			model_write(model, at, buffer, length);
		break;
	case 2:
		if (device)
			memset(device + at, 0, MODEL_BYTES - at);
		assert_int_equal(quire_file_truncate(file, at), QUIRE_OK);
		model_truncate(model, at);
		break;
	case 3:
		if (device && length)
			model_punch(&(struct model){device, MODEL_BYTES}, at, length);
		assert_int_equal(quire_file_punch(file, at, length), length ? QUIRE_OK : QUIRE_EINVAL);
		model_punch(model, at, length);
		break;
	case 4:
		assert_int_equal(quire_file_sync(file, at, length), QUIRE_OK);
		break;
	default:
		(void)quire_file_drop(file, at, length);
		break;
	}
}

static void random_operations(struct sim *sim, struct quire_file *file, unsigned char *device,
			      struct model *model, uint64_t seed)
{
	uint64_t random = seed;

	for (unsigned step = 0; step < 3000; step++) {
		one_operation(file, device, model, &random);
		if (step % 20 == 0)
			compare(file, model, seed, step);
		if (step % 100 == 0)
			check(sim, seed, step);
	}
	compare(file, model, seed, 3000);
}

static void shared_memory_beside_a_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct sim *sim = machine();
		struct model model = {calloc(1, MODEL_BYTES), 0};
		struct quire_file *file;

		assert_int_equal(quire_file_create(sim_system(sim), NULL, NULL, 0, &file), QUIRE_OK);
		random_operations(sim, file, NULL, &model, seed * 0x9e3779b97f4a7c15u);
		quire_file_put(file);
		free(model.bytes);
		assert_int_equal(sim_destroy(sim), 0);
	}
}

/* With a device the cache comes and goes; what is dropped must be read back the same. */
static void a_device_beside_a_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct sim *sim = machine();
		struct model model = {calloc(1, MODEL_BYTES), 0};
		struct sim_file *file;

		assert_int_equal(sim_file_create(sim, MODEL_BYTES, 3, &file), QUIRE_OK);
		memcpy(model.bytes, file->bytes, MODEL_BYTES);
		model.size = MODEL_BYTES;
		random_operations(sim, file->file, file->bytes, &model, seed * 0x9e3779b97f4a7c15u);
		assert_int_equal(quire_file_sync(file->file, 0, 0), QUIRE_OK);
		(void)quire_file_drop(file->file, 0, 0);
		assert_int_equal(quire_file_resident(file->file), 0);
		compare(file->file, &model, seed, 3001);
		sim_file_close(file);
		free(model.bytes);
		assert_int_equal(sim_destroy(sim), 0);
	}
}

/* Indices of every height of the tree, up to the largest offset. */
static void far_indices(void **state)
{
	struct sim *sim = machine();
	struct quire_file *file;
	unsigned char byte;
	size_t done;

	(void)state;
	assert_int_equal(quire_file_create(sim_system(sim), NULL, NULL, 0, &file), QUIRE_OK);
	for (unsigned shift = 0; shift < 63; shift++)
		assert_int_equal(quire_file_write(file, (uint64_t)1 << shift, "x", 1, &done), QUIRE_OK);
	check(sim, 0, 0);
	for (unsigned shift = 0; shift < 63; shift++) {
		assert_int_equal(quire_file_read(file, (uint64_t)1 << shift, &byte, 1, &done), QUIRE_OK);
		assert_int_equal(byte, 'x');
	}
	assert_int_equal(quire_file_write(file, INT64_MAX, "x", 1, &done), QUIRE_EFBIG);
	assert_int_equal(quire_file_truncate(file, (uint64_t)INT64_MAX + 1), QUIRE_EFBIG);
	/* From the top: the tree shrinks with every page that leaves. */
	for (unsigned shift = 63; shift-- > 0;) {
		assert_int_equal(quire_file_truncate(file, (uint64_t)1 << shift), QUIRE_OK);
		check(sim, shift, 0);
	}
	assert_int_equal(quire_file_resident(file), 1);
	quire_file_put(file);
	assert_int_equal(sim_destroy(sim), 0);
}

static void errors_lose_nothing(void **state)
{
	struct sim *sim = machine();
	struct sim_file *file;
	unsigned char byte;
	size_t done;

	(void)state;
	assert_int_equal(sim_file_create(sim, 5 * 4096, 0x40, &file), QUIRE_OK);
	file->fail_read = 2;
	assert_int_equal(quire_file_read(file->file, 4096, (unsigned char[3 * 4096]){0}, 3 * 4096, &done),
			 QUIRE_EIO);
	assert_int_equal(done, 4096);
	file->fail_read = UINT64_MAX;
	assert_int_equal(quire_file_read(file->file, 2 * 4096, &byte, 1, &done), QUIRE_OK);
	assert_int_equal(byte, 0x42);

	/* Two pages are dirty, one cannot be written: the other is, and the first stays dirty. */
	assert_int_equal(quire_file_write(file->file, 0, "a", 1, &done), QUIRE_OK);
	assert_int_equal(quire_file_write(file->file, 4096, "b", 1, &done), QUIRE_OK);
	file->fail_write = 0;
	assert_int_equal(quire_file_sync(file->file, 0, 0), QUIRE_EIO);
	assert_int_equal(file->bytes[0], 0x40);
	assert_int_equal(file->bytes[4096], 'b');
	/* A dirty page is not dropped. */
	(void)quire_file_drop(file->file, 0, 0);
	file->fail_write = UINT64_MAX;
	assert_int_equal(quire_file_sync(file->file, 0, 0), QUIRE_OK);
	assert_int_equal(file->bytes[0], 'a');
	sim_file_close(file);
	assert_int_equal(sim_destroy(sim), 0);
}

/* Every allocation of write, punch and truncate failed in turn: nothing is lost but the write itself. */
static void every_allocation_of_a_write(void **state)
{
	(void)state;
	for (uint64_t nth = 1;; nth++) {
		struct sim *sim = machine();
		struct quire_file *file;
		uint64_t before;
		bool failed;
		size_t done = 9;

		assert_int_equal(quire_file_create(sim_system(sim), NULL, NULL, 0, &file), QUIRE_OK);
		assert_int_equal(quire_file_write(file, 0, "first", 5, &done), QUIRE_OK);
		before = sim_free_frames(sim);
		sim_fail(sim, 1u << QUIRE_RES_FRAME | 1u << QUIRE_RES_OBJECT, nth, 1);
		enum quire_status status = quire_file_write(file, (uint64_t)1 << 40, "far", 3, &done);

		failed = sim_failed(sim) > 0;
		sim_fail(sim, 0, 0, 0);
		check(sim, nth, 0);
		if (failed) {
			assert_int_equal(status, QUIRE_ENOMEM);
			assert_int_equal(done, 0);
			assert_true(sim_free_frames(sim) + 1 >= before); /* a slab may have been opened */
		}
		assert_int_equal(quire_file_write(file, (uint64_t)1 << 40, "far", 3, &done), QUIRE_OK);
		check(sim, nth, 1);
		quire_file_put(file);
		assert_int_equal(sim_destroy(sim), 0);
		if (!failed) {
			assert_true(nth > 3);
			return;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shared_memory_beside_a_model),
	    cmocka_unit_test(a_device_beside_a_model),
	    cmocka_unit_test(far_indices),
	    cmocka_unit_test(errors_lose_nothing),
	    cmocka_unit_test(every_allocation_of_a_write),
	};

	return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
