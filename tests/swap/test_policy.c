/* SPDX-License-Identifier: MIT */
/* Policies beside first in, first out, over traces of page accesses in a machine of 1 MiB: how many pages had to be
 * read from the store. The traces of sort and search are recorded from the algorithms, the others drawn. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reclaim/policy.h"

#define PAGES  400u
#define LENGTH 24000u

/* --- first in, first out -------------------------------------------------------------------------------------- */

struct fifo {
	struct qr_list list[QR_KINDS];
};

static void fifo_init(void *state)
{
	struct fifo *fifo = state;

	qr_list_init(&fifo->list[QR_KIND_ANON]);
	qr_list_init(&fifo->list[QR_KIND_FILE]);
}

static void fifo_add(void *state, struct qr_page *page, enum qr_kind kind, enum qr_added why)
{
	struct fifo *fifo = state;

	(void)why;
	page->age = 0;
	qr_list_add(&fifo->list[kind], &page->link);
}

static void fifo_del(void *state, struct qr_page *page)
{
	(void)state;
	qr_list_del(&page->link);
}

static struct qr_page *fifo_pick(void *state, unsigned kinds)
{
	struct fifo *fifo = state;

	for (unsigned kind = 0; kind < QR_KINDS; kind++) {
		if (kinds & 1u << kind && !qr_list_empty(&fifo->list[kind]))
			return QR_CONTAINER(fifo->list[kind].prev, struct qr_page, link);
	}
	return NULL;
}

static bool fifo_judge(void *state, struct qr_page *page, bool used)
{
	(void)state, (void)page, (void)used;
	return true;
}

static bool fifo_refault(void *state, uint64_t distance, uint64_t pages)
{
	(void)state, (void)distance, (void)pages;
	return false;
}

static const struct quire_policy fifo = {"fifo",   sizeof(struct fifo), fifo_init,  fifo_add,
					 fifo_del, fifo_pick,           fifo_judge, fifo_refault};

/* --- traces ----------------------------------------------------------------------------------------------------- */

static uint16_t trace[LENGTH];
static unsigned length;
static uint64_t seed;

static unsigned draw(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % below;
}

static void touch(unsigned page)
{
	/* A page that was among the last few is in every TLB: no news. */
	for (unsigned back = 1; back <= 6 && back <= length; back++) {
		if (trace[length - back] == page)
			return;
	}
	if (length < LENGTH)
		trace[length++] = (uint16_t)page;
}

/* Rank r is wanted in proportion to 1/r: by halving. The ranks lie apart. */
static void zipf(void)
{
	while (length < LENGTH) {
		unsigned top = 1u << (1 + draw(8));

		touch((top + draw(top)) * 157 % PAGES);
	}
}

/* A hot set, and a scan over the rest that never comes back soon. */
static void hot_and_scan(void)
{
	for (unsigned at = 0; length < LENGTH; at++) {
		for (unsigned i = 0; i < 4; i++)
			touch(draw(100));
		touch(100 + at % (PAGES - 100));
	}
}

#define KEYS 25000u /* 16 a page: both arrays are the pages */
static uint32_t keys[2][KEYS];

static uint32_t *key(unsigned array, unsigned i)
{
	touch((array * KEYS + i) / (2 * KEYS / PAGES));
	return &keys[array][i];
}

/* Quicksort of one array, then searches with every result noted in the other. */
static void sort_and_search(void)
{
	unsigned stack[64][2], depth = 0;

	for (unsigned i = 0; i < KEYS; i++)
		keys[0][i] = draw(1u << 30);
	stack[depth][0] = 0;
	stack[depth++][1] = KEYS - 1;
	while (depth > 0 && length < LENGTH / 2) {
		unsigned low = stack[--depth][0], high = stack[depth][1], i = low, j = high;
		uint32_t middle = *key(0, low + (high - low) / 2);

		while (i <= j) {
			while (*key(0, i) < middle)
				i++;
			while (*key(0, j) > middle)
				j--;
			if (i <= j) {
				uint32_t other = *key(0, i);

				*key(0, i++) = *key(0, j);
				*key(0, j) = other;
				if (j-- == 0)
					break;
			}
		}
		if (low < j && j < KEYS) {
			stack[depth][0] = low;
			stack[depth++][1] = j;
		}
		if (i < high) {
			stack[depth][0] = i;
			stack[depth++][1] = high;
		}
	}
	while (length < LENGTH) {
		unsigned low = 0, high = KEYS;
		uint32_t want = draw(1u << 30);

		while (low < high) {
			unsigned at = (low + high) / 2;

			if (*key(0, at) < want)
				low = at + 1;
			else
				high = at;
		}
		*key(1, draw(KEYS)) = low;
	}
}

/* --- the replay ---------------------------------------------------------------------------------------------------- */

static uint64_t pages_read(const struct quire_policy *policy)
{
	const struct sim_config config = {
	    .ram_bytes = 1 << 20, .policy = policy, .tlb_entries = 16, .options = SIM_NO_ORACLE};
	struct sw sw = sw_open("x86_64", "linux-6", 1024, 0, &config);
	unsigned char last[PAGES] = {0};
	uint64_t read, value;

	fx_map(&sw.fx, FX_AT, PAGES, RW, QUIRE_MAP_PRIVATE, NULL);
	for (unsigned i = 0; i < length; i++) {
		quire_va at = FX_AT + trace[i] * sw.fx.page;

		if (i % 3 == 0) {
			last[trace[i]] = (unsigned char)i;
			assert_int_equal(sim_write(sw.fx.cpu, at, 1, i & 0xff), SIM_DONE);
		} else {
			assert_int_equal(sim_read(sw.fx.cpu, at, 1, &value), SIM_DONE);
			assert_int_equal(value, last[trace[i]]);
		}
	}
	sw_check(&sw, policy->name);
	read = quire_event_count(sim_system(sw.fx.sim), QUIRE_EVENT_PSWPIN) -
	       quire_event_count(sim_system(sw.fx.sim), QUIRE_EVENT_SWAP_RA);
	sw_close(&sw);
	return read;
}

static void both_beat_fifo(void **state)
{
	static const struct {
		const char *name;
		void (*record)(void);
	} traces[] = {
	    {"zipf", zipf}, {"hot set and scan", hot_and_scan}, {"sort and search", sort_and_search}};

	(void)state;
	for (unsigned i = 0; i < sizeof(traces) / sizeof(traces[0]); i++) {
		uint64_t first, lru, gen;

		length = 0;
		seed = 1;
		traces[i].record();
		assert_int_equal(length, LENGTH);
		first = pages_read(&fifo);
		lru = pages_read(&quire_policy_lru);
		gen = pages_read(&quire_policy_gen);
		print_message("%-17s major faults: fifo %llu, lru %llu (%d%%), gen %llu (%d%%)\n",
			      traces[i].name, (unsigned long long)first, (unsigned long long)lru,
			      (int)(lru * 100 / first) - 100, (unsigned long long)gen,
			      (int)(gen * 100 / first) - 100);
		assert_true(lru < first);
		assert_true(gen < first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(both_beat_fifo)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
