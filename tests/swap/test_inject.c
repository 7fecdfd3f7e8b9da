/* SPDX-License-Identifier: MIT */
/* Every allocation, read and write of evict, swap-in, fork with swap and swapoff, failed in turn.
 *
 * The nth of them fails. The call ends in a clean error or goes on with less; everything checks; no byte is lost but
 * by a read that failed; and the same call succeeds when it is repeated. n grows until a run meets no failure. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "mm/mm.h"

#define MEMORY (1u << QUIRE_RES_FRAME | 1u << QUIRE_RES_OBJECT)
#define READS  (1u << QUIRE_RES_READ)
#define WRITES (1u << QUIRE_RES_WRITE)
#define PAGES  10u

static struct sim_process *child;

/* Where the pages of a kind are, with what they hold. */
static quire_va shared_at(const struct sw *sw)
{
	return FX_AT + 32 * sw->fx.page;
}

static void map_all(struct sw *sw)
{
	fx_map(&sw->fx, shared_at(sw), 4, RW, QUIRE_MAP_SHARED, NULL);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(sim_write(sw->fx.cpu, shared_at(sw) + i * sw->fx.page, 1, 0x40 + i),
				 SIM_DONE);
	sw_fill(sw, FX_AT, PAGES, 0x10);
}

static enum quire_status evict_all(struct sw *sw)
{
	uint64_t evicted;

	return SIM_OP(sw->fx.cpu, "evict",
		      quire_mm_evict(sw->fx.process->mm, FX_AT, 64 * sw->fx.page, &evicted));
}

static void swap_all(struct sw *sw)
{
	map_all(sw);
	assert_int_equal(evict_all(sw), QUIRE_OK);
}

/* Shared by three, so that a mapping needs a chunk of the reverse map. */
static void swap_shared_by_fork(struct sw *sw)
{
	struct sim_process *other;

	swap_all(sw);
	assert_int_equal(sim_process_fork(sw->fx.process, &child), QUIRE_OK);
	assert_int_equal(sim_process_fork(sw->fx.process, &other), QUIRE_OK);
	for (unsigned n = 0; n < 2; n++) {
		sim_switch(sw->fx.cpu, n ? other : child);
		sw_expect(sw, FX_AT, PAGES, 0x10);
	}
	sim_switch(sw->fx.cpu, sw->fx.process);
}

static enum quire_status read_all(struct sw *sw)
{
	char byte;

	for (unsigned i = 0; i < PAGES; i++) {
		if (sim_copy_from_user(sw->fx.cpu, &byte, FX_AT + i * sw->fx.page, 1))
			return QUIRE_EFAULT;
	}
	for (unsigned i = 0; i < 4; i++) {
		if (sim_copy_from_user(sw->fx.cpu, &byte, shared_at(sw) + i * sw->fx.page, 1))
			return QUIRE_EFAULT;
	}
	return QUIRE_OK;
}

static enum quire_status write_all(struct sw *sw)
{
	for (unsigned i = 0; i < PAGES; i++) {
		char byte = (char)(0x10 + i);

		if (sim_copy_to_user(sw->fx.cpu, FX_AT + i * sw->fx.page, &byte, 1))
			return QUIRE_EFAULT;
	}
	return QUIRE_OK;
}

static enum quire_status fork_it(struct sw *sw)
{
	enum quire_status status;

	sim_op_begin(sw->fx.cpu, "fork");
	status = sim_process_fork(sw->fx.process, &child);
	return sim_op_end(sw->fx.cpu, status);
}

static enum quire_status swapoff(struct sw *sw)
{
	enum quire_status status =
	    SIM_OP(sw->fx.cpu, "swapoff", quire_swapoff(sim_system(sw->fx.sim), &sw->store->store));

	/* Done by the first try, which lost a page. */
	return status == QUIRE_EINVAL ? QUIRE_OK : status;
}

static enum quire_status lock_all(struct sw *sw)
{
	return SIM_OP(sw->fx.cpu, "mlock", quire_mlock(sw->fx.process->mm, FX_AT, PAGES * sw->fx.page, 0));
}

struct kind {
	const char *name;
	unsigned resources;
	void (*prepare)(struct sw *sw);
	enum quire_status (*call)(struct sw *sw);
	bool never; /* asks for nothing */
};

static const struct kind kinds[] = {
    {"evict, memory", MEMORY, map_all, evict_all, true},
    {"evict, writes", WRITES, map_all, evict_all, false},
    {"swap-in by reading, memory", MEMORY, swap_all, read_all, false},
    {"swap-in by reading, reads", READS, swap_all, read_all, false},
    {"swap-in by writing, memory", MEMORY, swap_all, write_all, false},
    {"swap-in by writing, shared by fork, memory", MEMORY, swap_shared_by_fork, write_all, false},
    {"swap-in by reading, shared by fork, memory", MEMORY, swap_shared_by_fork, read_all, false},
    {"fork with swap, memory", MEMORY, swap_all, fork_it, false},
    {"mlock of swapped memory, memory", MEMORY, swap_all, lock_all, false},
    {"swapoff, memory", MEMORY, swap_all, swapoff, false},
    {"swapoff, shared by fork, memory", MEMORY, swap_shared_by_fork, swapoff, false},
    {"swapoff, reads", READS, swap_all, swapoff, false},
};

/* What memory holds; pages whose read failed are lost, and no others. */
static void expect_all(struct sw *sw, const char *name, uint64_t nth, unsigned may_be_lost)
{
	unsigned lost = 0;

	for (unsigned i = 0; i < PAGES + 4; i++) {
		quire_va at = i < PAGES ? FX_AT + i * sw->fx.page : shared_at(sw) + (i - PAGES) * sw->fx.page;
		unsigned want = i < PAGES ? 0x10 + i : 0x40 + i - PAGES;
		uint64_t value = 0;

		if (sim_read(sw->fx.cpu, at, 1, &value) == SIM_SIGNALLED)
			lost++;
		else if (value != want)
			fail_msg("%s, failure %llu: page %u holds %02x", name, (unsigned long long)nth, i,
				 (unsigned)value);
	}
	if (lost > may_be_lost)
		fail_msg("%s, failure %llu: %u pages are lost", name, (unsigned long long)nth, lost);
}

/* Returns whether the nth was reached. */
static bool fails(const char *arch, const char *profile, const struct kind *kind, uint64_t nth)
{
	struct sw sw = sw_open(arch, profile, 128, 0, NULL);
	enum quire_status status;
	char where[100];
	bool failed;

	snprintf(where, sizeof(where), "%s, %s, failure %llu", profile, kind->name, (unsigned long long)nth);
	kind->prepare(&sw);
	sim_fail(sw.fx.sim, kind->resources, nth, 1);
	status = kind->call(&sw);
	failed = sim_failed(sw.fx.sim) > 0;
	sim_fail(sw.fx.sim, 0, 0, 0);
	assert_true(status == QUIRE_OK || failed);
	sw_check(&sw, where);
	if (status != QUIRE_OK && kind->resources == MEMORY)
		assert_int_equal(kind->call(&sw), QUIRE_OK);
	sw_check(&sw, where);
	expect_all(&sw, kind->name, nth, kind->resources == READS && failed);
	/* What stayed goes the next time. */
	if (kind->call == evict_all) {
		struct quire_usage usage;

		assert_int_equal(evict_all(&sw), QUIRE_OK);
		quire_mm_usage(sw.fx.process->mm, &usage);
		assert_int_equal(usage.rss_anon + usage.rss_shmem, 0);
		expect_all(&sw, kind->name, nth, 0);
	}
	sw_close(&sw);
	return failed;
}

static void every_failure(void **state)
{
	static const char *const profiles[] = {"linux-2.4", "linux-4.14", "linux-6"};
	uint64_t failures = 0;

	for (unsigned p = 0; p < 3; p++) {
		for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			uint64_t nth = 1;

			while (fails(*state, profiles[p], &kinds[i], nth))
				nth++;
			failures += nth - 1;
			assert_int_equal(nth > 1, !kinds[i].never);
		}
	}
	printf("  %s: %llu failures over %u kinds of calls\n", (const char *)*state,
	       (unsigned long long)failures, (unsigned)(sizeof(kinds) / sizeof(kinds[0])));
}

int main(void)
{
	struct CMUnitTest tests[16] = {{0}};
	size_t count = 0;

	FX_FOR_ARCHES(tests, count, every_failure);
	return _cmocka_run_group_tests("swap failures on purpose", tests, count, NULL, NULL);
}
