/* SPDX-License-Identifier: MIT */
/* The frame allocator beside a naive model: a map of who has which frame. */
#include "tests/page/box.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BLOCKS 400
#define STEPS  6000

struct block {
	uint64_t pfn;
	unsigned order;
	uint64_t mark;
};

struct model {
	struct box box;
	unsigned char *used[BOX_RANGES]; /* per frame: 1 in use, the system's own included */
	struct block block[BLOCKS];
	unsigned blocks;
};

static unsigned char *used_at(struct model *model, uint64_t pfn)
{
	for (unsigned i = 0; i < model->box.ranges; i++) {
		if (pfn - model->box.range[i].first < model->box.range[i].frames)
			return &model->used[i][pfn - model->box.range[i].first];
	}
	return NULL;
}

/* What the system keeps for itself is used; it never changes. */
static void model_start(struct model *model)
{
	model->blocks = 0;
	for (unsigned i = 0; i < model->box.ranges; i++) {
		const struct box_range *range = &model->box.range[i];

		model->used[i] = calloc(range->frames, 1);
		for (uint64_t at = 0; at < range->frames; at++) {
			const struct qr_page *page =
			    qr_page_of(model->box.system, (quire_pfn){range->first + at});

			assert_non_null(page);
			model->used[i][at] =
			    qr_page_state(page) > QUIRE_PAGE_CPU || qr_page_state(page) == QUIRE_PAGE_META;
		}
	}
}

static void model_end(struct model *model)
{
	for (unsigned i = 0; i < model->box.ranges; i++)
		free(model->used[i]);
	box_end(&model->box);
}

/* Frames free in linear ranges, in windows. */
static uint64_t free_in(const struct model *model, bool window)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < model->box.ranges; i++) {
		for (uint64_t at = 0; model->box.range[i].window == window && at < model->box.range[i].frames;
		     at++)
			count += !model->used[i][at];
	}
	return count;
}

static bool block_is_free(const struct model *model, unsigned range, uint64_t at, uint64_t count)
{
	if (at + count > model->box.range[range].frames)
		return false;
	for (uint64_t i = at; i < at + count; i++) {
		if (model->used[range][i])
			return false;
	}
	return true;
}

/* Whether an aligned free block exists in some range that the flags allow. */
static bool could_have(const struct model *model, unsigned order, unsigned flags)
{
	uint64_t count = (uint64_t)1 << order;
	uint64_t reserve = flags & QUIRE_FRAME_RESERVE ? 0 : model->box.system->zone[QR_ZONE_LINEAR].reserve;

	for (unsigned i = 0; i < model->box.ranges; i++) {
		const struct box_range *range = &model->box.range[i];

		if (range->window && (flags & QUIRE_FRAME_LINEAR))
			continue;
		if (!range->window && free_in(model, false) < count + reserve)
			continue;
		for (uint64_t at = -range->first & (count - 1); at < range->frames; at += count) {
			if (block_is_free(model, i, at, count))
				return true;
		}
	}
	return false;
}

static uint64_t *first_word(struct model *model, uint64_t pfn)
{
	struct box *box = &model->box;

	for (unsigned i = 0; i < box->ranges; i++) {
		uint64_t at = pfn - box->range[i].first;

		if (at < box->range[i].frames)
			return (uint64_t *)(void *)(box->memory[i] + (at << box->arch->page_shift));
	}
	return NULL;
}

static void model_alloc(struct model *model, unsigned order, unsigned flags)
{
	struct box *box = &model->box;
	struct block *block = &model->block[model->blocks];
	enum quire_status status;
	quire_pfn pfn = {0};
	bool could = could_have(model, order, flags);

	status = quire_frame_alloc(box->system, order, flags, &pfn);
	if (status != QUIRE_OK) {
		assert_int_equal(status, QUIRE_ENOMEM);
		assert_false(could);
		return;
	}
	/* Frames in a CPU's list are beside the reserve: single ones may be had while it is short. */
	assert_true(could || (order == 0 && could_have(model, order, flags | QUIRE_FRAME_RESERVE)));
	assert_int_equal(pfn.n & (((uint64_t)1 << order) - 1), 0);
	assert_true(pfn.n != 0);
	for (uint64_t i = 0; i < (uint64_t)1 << order; i++) {
		unsigned char *used = used_at(model, pfn.n + i);
		uint64_t *word = first_word(model, pfn.n + i);

		assert_non_null(used);
		assert_int_equal(*used, 0);
		*used = 1;
		if (flags & QUIRE_FRAME_ZERO)
			assert_int_equal(*word, 0);
		*word = pfn.n + i;
		assert_int_equal(qr_page_state(qr_page_of(box->system, (quire_pfn){pfn.n + i})),
				 QUIRE_PAGE_PORT);
	}
	if (flags & QUIRE_FRAME_LINEAR)
		assert_non_null(quire_frame_address(box->system, pfn));
	*block = (struct block){.pfn = pfn.n, .order = order};
	model->blocks++;
}

static void model_free(struct model *model, unsigned at)
{
	struct block *block = &model->block[at];

	for (uint64_t i = 0; i < (uint64_t)1 << block->order; i++) {
		assert_int_equal(*first_word(model, block->pfn + i), block->pfn + i);
		*used_at(model, block->pfn + i) = 0;
	}
	quire_frame_free(model->box.system, (quire_pfn){block->pfn}, block->order);
	*block = model->block[--model->blocks];
}

static void model_compare(struct model *model)
{
	struct quire_memory_counts memory;
	uint64_t port = 0;

	quire_memory(model->box.system, &memory);
	for (unsigned i = 0; i < model->blocks; i++)
		port += (uint64_t)1 << model->block[i].order;
	assert_int_equal(memory.by_state[QUIRE_PAGE_PORT], port);
	assert_int_equal(memory.by_state[QUIRE_PAGE_FREE] + memory.by_state[QUIRE_PAGE_CPU],
			 free_in(model, false) + free_in(model, true));
	box_check_states(&model->box);
}

static void two_cpus(struct quire_config *config)
{
	config->cpus = 2;
}

static void run_model(const struct quire_arch *arch, const struct box_range *ranges)
{
	struct model model;

	box_make(&model.box, arch, ranges, two_cpus);
	model_start(&model);
	for (unsigned step = 0; step < STEPS; step++) {
		struct box *box = &model.box;
		/* In waves: mostly growing, then mostly shrinking, so that both ends are reached. */
		bool grow = box_random(box, 100) < (step / 500 % 2 ? 35u : 65u);

		box->cpu = (unsigned)box_random(box, 2);
		if (grow && model.blocks < BLOCKS) {
			unsigned order = box_random(box, 3) ? 0 : (unsigned)box_random(box, QR_ORDERS);

			model_alloc(&model, order, (unsigned)box_random(box, 8));
		} else if (model.blocks > 0) {
			model_free(&model, (unsigned)box_random(box, model.blocks));
		}
		if (step % 64 == 0)
			model_compare(&model);
	}
	while (model.blocks > 0)
		model_free(&model, model.blocks - 1);
	model_compare(&model);
	model_end(&model);
}

static void test_one_range(void **state)
{
	(void)state;
	run_model(&quire_arch_x86_64, (struct box_range[]){{0x100, 2048 + 77, false}, {0}});
}

static void test_neighbours(void **state)
{
	(void)state;
	/* Side by side in physical memory, apart in virtual: blocks may not cross. An odd one far away. */
	run_model(&quire_arch_x86_64,
		  (struct box_range[]){
		      {0, 513, false}, {513, 511, false}, {1024, 700, false}, {0x90001, 333, false}, {0}});
}

static void test_windows(void **state)
{
	(void)state;
	run_model(
	    &quire_arch_i386,
	    (struct box_range[]){{0x400, 700, false}, {0x38000, 900, true}, {0x38000 + 900, 124, true}, {0}});
}

static void test_large_frames(void **state)
{
	(void)state;
	run_model(&quire_arch_arm64_64k, (struct box_range[]){{3, 150, false}, {0x1000, 90, true}, {0}});
}

static void test_reserve(void **state)
{
	struct box box;
	quire_pfn pfn[600];
	unsigned count = 0, normal;
	uint64_t reserve;

	(void)state;
	box_make(&box, &quire_arch_x86_64, (struct box_range[]){{16, 512, false}, {0}}, two_cpus);
	reserve = box.system->zone[QR_ZONE_LINEAR].reserve;
	assert_int_equal(reserve, 8);
	while (quire_frame_alloc(box.system, 0, 0, &pfn[count]) == QUIRE_OK) {
		count++;
		box.cpu ^= count % 7 == 0;
	}
	assert_int_equal(box_free_frames(&box), reserve);
	normal = count;
	while (quire_frame_alloc(box.system, 0, QUIRE_FRAME_RESERVE, &pfn[count]) == QUIRE_OK)
		count++;
	assert_int_equal(count - normal, reserve);
	assert_int_equal(box_free_frames(&box), 0);
	/* What comes back fills the reserve first. */
	for (unsigned i = 0; i < reserve; i++)
		quire_frame_free(box.system, pfn[--count], 0);
	assert_int_equal(quire_frame_alloc(box.system, 1, 0, &pfn[count]), QUIRE_ENOMEM);
	while (count > 0)
		quire_frame_free(box.system, pfn[--count], 0);
	box_end(&box);
}

static void run_poison(const struct box_range *ranges, unsigned flags)
{
	static struct box box;
	jmp_buf panicked;
	quire_pfn pfn, other;
	volatile unsigned taken = 0;

	box_make(&box, &quire_arch_i386, ranges, NULL);
	assert_int_equal(quire_frame_alloc(box.system, 0, flags, &pfn), QUIRE_OK);
	quire_frame_free(box.system, pfn, 0);
	for (unsigned i = 0; i < box.ranges; i++) {
		uint64_t at = pfn.n - box.range[i].first;

		if (at < box.range[i].frames)
			box.memory[i][(at << box.arch->page_shift) + 1234] = 1;
	}
	box.on_panic = &panicked;
	if (setjmp(panicked) == 0) {
		while (quire_frame_alloc(box.system, 0, flags, &other) == QUIRE_OK)
			taken++;
		fail_msg("a write after free was not found in %u frames", taken);
	}
	assert_string_equal(box.panicked, "a frame was written after it was freed");
	box_drop(&box);
}

static void test_poison(void **state)
{
	(void)state;
	run_poison((struct box_range[]){{16, 200, false}, {0}}, 0);
	run_poison((struct box_range[]){{16, 200, false}, {0x4000, 64, true}, {0}}, 0);
}

static void test_bad_free(void **state)
{
	static struct box box;
	jmp_buf panicked;
	quire_pfn pfn;

	(void)state;
	box_make(&box, &quire_arch_x86_64, (struct box_range[]){{16, 300, false}, {0}}, NULL);
	assert_int_equal(quire_frame_alloc(box.system, 0, 0, &pfn), QUIRE_OK);
	quire_frame_free(box.system, pfn, 0);
	box.on_panic = &panicked;
	if (setjmp(panicked) == 0) {
		quire_frame_free(box.system, pfn, 0);
		fail_msg("a frame was freed twice");
	}
	box.on_panic = NULL;
	assert_int_equal(quire_frame_alloc(box.system, 11, 0, &pfn), QUIRE_EINVAL);
	assert_int_equal(quire_frame_alloc(box.system, 0, 64, &pfn), QUIRE_EINVAL);
	assert_null(quire_frame_address(box.system, (quire_pfn){1}));
	assert_int_equal(quire_frame_of(box.system, &box).n, 0);
	box_end(&box);
}

static void test_left_over(void **state)
{
	static struct box box;
	jmp_buf panicked;
	quire_pfn pfn;

	(void)state;
	box_make(&box, &quire_arch_x86_64, (struct box_range[]){{16, 300, false}, {0}}, NULL);
	assert_int_equal(quire_frame_alloc(box.system, 3, 0, &pfn), QUIRE_OK);
	box.on_panic = &panicked;
	if (setjmp(panicked) == 0) {
		quire_system_destroy(box.system);
		fail_msg("a frame was left over unseen");
	}
	assert_string_equal(box.panicked, "quire_system_destroy: a frame of the port is left");
	box_drop(&box);
}

static void overlap(struct quire_config *config)
{
	config->ram[1].base.v = config->ram[0].base.v + 4096;
}

static void no_linear(struct quire_config *config)
{
	config->ram[0].linear = NULL;
	config->ram[1].linear = NULL;
}

static void crooked(struct quire_config *config)
{
	config->ram[0].linear = (char *)config->ram[0].linear + 8;
}

static void too_wide(struct quire_config *config)
{
	config->ram[1].base.v = UINT64_C(0xfffffff00000);
	config->arch = &quire_arch_i386;
}

static void no_ranges(struct quire_config *config)
{
	config->ram_count = 0;
}

static void too_many_cpus(struct quire_config *config)
{
	config->cpus = QUIRE_CONFIG_CPUS + 1;
}

static void no_arch(struct quire_config *config)
{
	config->arch = NULL;
}

static void test_bad_config(void **state)
{
	void (*const bad[])(struct quire_config *) = {overlap,   no_linear,     crooked, too_wide,
						      no_ranges, too_many_cpus, no_arch};
	const struct box_range good[] = {{16, 300, false}, {1000, 300, false}, {0}};
	struct box box;

	(void)state;
	for (unsigned i = 0; i < QR_ARRAY_COUNT(bad); i++) {
		assert_int_equal(box_try(&box, &quire_arch_x86_64, good, bad[i]), QUIRE_EINVAL);
		box_drop(&box);
	}
	/* The system itself does not fit. */
	assert_int_equal(box_try(&box, &quire_arch_x86_64, (struct box_range[]){{16, 1, false}, {0}}, NULL),
			 QUIRE_ENOMEM);
	box_drop(&box);
	assert_int_equal(quire_system_create(NULL, &box.system), QUIRE_EINVAL);
}

/* A byte more or less at either end is rounded inwards. */
static void ragged(struct quire_config *config)
{
	config->ram[0].base.v += 1;
	config->ram[0].linear = (char *)config->ram[0].linear + 1;
	config->ram[0].bytes -= 2;
}

static void test_rounding(void **state)
{
	struct quire_memory_counts memory;
	struct box box;

	(void)state;
	assert_int_equal(
	    box_try(&box, &quire_arch_x86_64, (struct box_range[]){{16, 300, false}, {0}}, ragged), QUIRE_OK);
	quire_memory(box.system, &memory);
	assert_int_equal(memory.frames, 298);
	assert_null(quire_frame_address(box.system, (quire_pfn){16}));
	assert_ptr_equal(quire_frame_address(box.system, (quire_pfn){17}), box.memory[0] + 4096);
	quire_system_destroy(box.system);
	box_drop(&box);
}

/* States change and are counted on whichever CPU they do. */
static void test_states(void **state)
{
	const enum quire_page_state some[] = {QUIRE_PAGE_ANON, QUIRE_PAGE_FILE, QUIRE_PAGE_SHMEM,
					      QUIRE_PAGE_KMAP, QUIRE_PAGE_PORT};
	uint64_t count[QUIRE_PAGE_STATES] = {0};
	struct qr_page *page[200];
	struct quire_memory_counts memory;
	struct box box;

	(void)state;
	box_make(&box, &quire_arch_x86_64, (struct box_range[]){{16, 600, false}, {0}}, two_cpus);
	for (unsigned i = 0; i < QR_ARRAY_COUNT(page); i++) {
		page[i] = qr_frame_alloc(box.system, 0, 0, QUIRE_PAGE_ANON);
		assert_non_null(page[i]);
		count[QUIRE_PAGE_ANON]++;
	}
	for (unsigned i = 0; i < 2000; i++) {
		struct qr_page *one = page[box_random(&box, QR_ARRAY_COUNT(page))];
		enum quire_page_state to = some[box_random(&box, QR_ARRAY_COUNT(some))];

		/* Every third time the CPU's lists are taken: the detour counts as well. */
		box.cpu = (unsigned)box_random(&box, 2);
		box.system->cpu[box.cpu].busy = i % 3 == 0;
		count[qr_page_state(one)]--;
		count[to]++;
		qr_page_set_state(box.system, one, to);
		box.system->cpu[box.cpu].busy = 0;
	}
	quire_memory(box.system, &memory);
	for (unsigned i = 0; i < QR_ARRAY_COUNT(some); i++)
		assert_int_equal(memory.by_state[some[i]], count[some[i]]);
	box_check_states(&box);
	for (unsigned i = 0; i < QR_ARRAY_COUNT(page); i++) {
		box.system->cpu[box.cpu].busy = i % 2;
		qr_page_put(box.system, page[i]);
	}
	box.system->cpu[box.cpu].busy = 0;
	box_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_range),  cmocka_unit_test(test_neighbours),
	    cmocka_unit_test(test_windows),    cmocka_unit_test(test_large_frames),
	    cmocka_unit_test(test_reserve),    cmocka_unit_test(test_poison),
	    cmocka_unit_test(test_bad_free),   cmocka_unit_test(test_left_over),
	    cmocka_unit_test(test_bad_config), cmocka_unit_test(test_rounding),
	    cmocka_unit_test(test_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
