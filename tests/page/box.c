/* SPDX-License-Identifier: MIT */
/* The smallest machine that the tests of frames and page tables need. */
#include "tests/page/box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void box_panic(void *context, const char *text)
{
	struct box *box = context;

	snprintf(box->panicked, sizeof(box->panicked), "%s", text);
	if (box->on_panic)
		longjmp(*box->on_panic, 1);
	fprintf(stderr, "panic: %s\n", text);
	abort();
}

static unsigned box_cpu(void *context)
{
	return ((struct box *)context)->cpu;
}

static void *box_frame_map(void *context, quire_pfn pfn)
{
	struct box *box = context;

	for (unsigned i = 0; i < box->ranges; i++) {
		uint64_t at = pfn.n - box->range[i].first;

		if (box->range[i].window && at < box->range[i].frames) {
			box->windows++;
			assert_true(box->windows <= 2);
			return box->memory[i] + (at << box->arch->page_shift);
		}
	}
	fail_msg("window of frame %llu, which has none", (unsigned long long)pfn.n);
	return NULL;
}

static void box_frame_unmap(void *context, void *address)
{
	struct box *box = context;

	(void)address;
	assert_true(box->windows > 0);
	box->windows--;
}

static void box_tlb_flush(void *context, const struct quire_flush *flush)
{
	struct box *box = context;

	if (box->on_flush)
		box->on_flush(box, flush);
}

static bool box_may_fail(void *context, enum quire_resource resource)
{
	struct box *box = context;

	(void)resource;
	box->asked++;
	if (box->asked != box->fail_at)
		return false;
	box->failed = true;
	return true;
}

static bool box_mutant(void *context, const char *name)
{
	const struct box *box = context;

	return box->mutant && strcmp(box->mutant, name) == 0;
}

/* One thread: the order of ranks is checked as it goes. */
static void box_lock_event(void *context, const void *lock, unsigned rank, enum quire_lock_op op)
{
	struct box *box = context;

	switch (op) {
	case QUIRE_LOCK_BEFORE:
		for (unsigned i = 0; i < box->locks; i++) {
			if (box->rank[i] >= rank)
				fail_msg("lock of rank %u under rank %u", rank, box->rank[i]);
		}
		break;
	case QUIRE_LOCK_TAKEN:
	case QUIRE_LOCK_TRIED:
		assert_true(box->locks < BOX_LOCKS);
		box->held[box->locks] = lock;
		box->rank[box->locks++] = rank;
		break;
	case QUIRE_LOCK_RELEASED:
		for (unsigned i = box->locks; i-- > 0;) {
			if (box->held[i] != lock || box->rank[i] != rank)
				continue;
			box->locks--;
			box->held[i] = box->held[box->locks];
			box->rank[i] = box->rank[box->locks];
			return;
		}
		fail_msg("a lock of rank %u was released that nobody holds", rank);
		break;
	}
}

static void box_wait(void *context, const uint32_t *word, uint32_t expected, enum quire_wait_kind kind)
{
	(void)context, (void)kind;
	if (__atomic_load_n(word, __ATOMIC_RELAXED) == expected)
		fail_msg("a single thread waits for a lock: a deadlock");
}

enum quire_status box_try(struct box *box, const struct quire_arch *arch, const struct box_range *ranges,
			  void (*tune)(struct quire_config *config))
{
	*box = (struct box){.arch = arch, .seed = 88172645463325252u};
	box->host = (struct quire_host){
	    .panic = box_panic,
	    .cpu = box_cpu,
	    .frame_map = box_frame_map,
	    .frame_unmap = box_frame_unmap,
	    .tlb_flush = box_tlb_flush,
	    .may_fail = box_may_fail,
	    .mutant = box_mutant,
	    .lock_event = box_lock_event,
	    .wait = box_wait,
	};
	box->config = (struct quire_config){
	    .arch = arch, .host = &box->host, .host_context = box, .without = QUIRE_WITHOUT_ALL};
	for (; ranges[box->ranges].frames; box->ranges++) {
		unsigned i = box->ranges;
		struct quire_ram *ram = &box->config.ram[i];

		box->range[i] = ranges[i];
		box->bytes[i] = ranges[i].frames << arch->page_shift;
		box->memory[i] = aligned_alloc((size_t)1 << arch->page_shift, box->bytes[i]);
		assert_non_null(box->memory[i]);
		/* Not zero: nothing may rely on it. */
		memset(box->memory[i], 0xa5, box->bytes[i]);
		*ram =
		    (struct quire_ram){.base = {ranges[i].first << arch->page_shift}, .bytes = box->bytes[i]};
		if (!ranges[i].window)
			ram->linear = box->memory[i];
	}
	box->config.ram_count = box->ranges;
	if (tune)
		tune(&box->config);
	return quire_system_create(&box->config, &box->system);
}

void box_make(struct box *box, const struct quire_arch *arch, const struct box_range *ranges,
	      void (*tune)(struct quire_config *config))
{
	assert_int_equal(box_try(box, arch, ranges, tune), QUIRE_OK);
}

void box_drop(struct box *box)
{
	for (unsigned i = 0; i < box->ranges; i++)
		free(box->memory[i]);
}

void box_end(struct box *box)
{
	box_check_states(box);
	quire_system_destroy(box->system);
	assert_int_equal(box->locks, 0);
	assert_int_equal(box->windows, 0);
	box_drop(box);
}

uint64_t box_random(struct box *box, uint64_t below)
{
	/* xorshift64 */
	box->seed ^= box->seed << 13;
	box->seed ^= box->seed >> 7;
	box->seed ^= box->seed << 17;
	return box->seed % below;
}

uint64_t box_free_frames(const struct box *box)
{
	return qr_frames_free(box->system);
}

void box_check_states(const struct box *box)
{
	struct quire_memory_counts memory;
	uint64_t sum = 0, given = 0;

	quire_memory(box->system, &memory);
	for (unsigned state = 0; state < QUIRE_PAGE_STATES; state++)
		sum += memory.by_state[state];
	for (unsigned i = 0; i < box->ranges; i++)
		given += box->range[i].frames;
	assert_int_equal(sum, memory.frames);
	assert_int_equal(memory.frames, given);
}
