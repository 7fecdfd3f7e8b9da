/* SPDX-License-Identifier: MIT */
/* Layout, drawn: where mappings go, how they join and part, and the limits that no program can show cheaply.
 *
 *   a picture has a character a page: . free, w read and write, r read, x also execute, n nothing;
 *   capitals are shared; | stands before each vma */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim.h"

#define PAGES 40
#define N(n)  ((uint64_t)(n) << 12)
#define ANON  (QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS)
#define FIXED (ANON | QUIRE_MAP_FIXED)
#define RW    (QUIRE_PROT_READ | QUIRE_PROT_WRITE)

static struct sim *sim;
static struct quire_mm *mm;

static void open_with(struct sim_config config, const struct quire_mm_layout *layout)
{
	config.ram_bytes = 4 << 20;
	config.mmap_min_addr = 4096;
	sim = sim_create(&config, NULL);
	assert_non_null(sim);
	assert_int_equal(quire_mm_create(sim_system(sim), layout, &mm), QUIRE_OK);
}

static void open_small(void)
{
	const struct quire_mm_layout layout = {.task_end = N(PAGES), .mmap_base = N(32)};

	open_with((struct sim_config){.stack_guard_pages = 4}, &layout);
}

static void close_all(void)
{
	quire_mm_put(mm);
	assert_int_equal(sim_destroy(sim), 0);
}

static char letter(const struct quire_region *region)
{
	static const char letters[] = "nrwwxxxx";
	char c = letters[region->prot & 7];

	return region->flags & QUIRE_REGION_SHARED ? (char)(c - 'a' + 'A') : c;
}

static const char *draw(void)
{
	static char picture[2 * PAGES + 1];
	char *at = picture;

	for (unsigned i = 0; i < PAGES; i++) {
		struct quire_region region;

		if (quire_mm_region(mm, N(i), &region) != QUIRE_OK || region.start > N(i)) {
			*at++ = '.';
			continue;
		}
		if (region.start == N(i))
			*at++ = '|';
		*at++ = letter(&region);
	}
	*at = 0;
	return picture;
}

static enum quire_status map(uint64_t page, uint64_t count, quire_prot prot, uint32_t flags, quire_va *out)
{
	const struct quire_mapping how = {.addr = N(page), .length = N(count), .prot = prot, .flags = flags};
	quire_va at = 0;
	enum quire_status status = quire_mmap(mm, &how, &at);

	if (out)
		*out = at >> 12;
	return status;
}

/* Maps wherever the system likes; the page, or -errno. */
static int place(uint64_t count, quire_prot prot)
{
	quire_va at;
	enum quire_status status = map(0, count, prot, ANON, &at);

	return status == QUIRE_OK ? (int)at : status;
}

static void test_top_down(void **state)
{
	(void)state;
	open_small();
	assert_int_equal(place(4, RW), 28);
	assert_int_equal(place(2, 1), 26);
	assert_int_equal(place(3, 1), 23);
	assert_string_equal(draw(), ".......................|rrrrr|wwww........");
	assert_int_equal(quire_munmap(mm, N(25), N(2)), QUIRE_OK);
	assert_int_equal(quire_munmap(mm, N(30), N(1)), QUIRE_OK);
	assert_string_equal(draw(), ".......................|rr..|r|ww.|w........");
	/* The highest gap that is wide enough. */
	assert_int_equal(place(1, 0), 30);
	assert_int_equal(place(2, 0), 25);
	assert_string_equal(draw(), ".......................|rr|nn|r|ww|n|w........");
	assert_int_equal(place(1, RW), 22);
	close_all();
}

static void test_falls_back(void **state)
{
	(void)state;
	open_small();
	assert_int_equal(map(1, 30, RW, FIXED, NULL), QUIRE_OK);
	/* Nothing below the base: from a third up, upwards. */
	assert_int_equal(place(3, 1), 31);
	assert_int_equal(place(6, 0), 34);
	assert_int_equal(place(1, 0), QUIRE_ENOMEM);
	assert_string_equal(draw(), ".|wwwwwwwwwwwwwwwwwwwwwwwwwwwwww|rrr|nnnnnn");
	close_all();
}

static void test_bottom_up(void **state)
{
	const struct quire_mm_layout layout = {.task_end = N(PAGES), .mmap_base = N(10), .bottom_up = 1};

	(void)state;
	open_with((struct sim_config){.stack_guard_pages = 4}, &layout);
	assert_int_equal(place(4, RW), 10);
	assert_int_equal(map(16, 2, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(place(3, 1), 18);
	assert_int_equal(place(2, 1), 14);
	assert_string_equal(draw(), "..........|wwww|rr|ww|rrr...................");
	close_all();
}

static void test_guard(void **state)
{
	(void)state;
	open_small();
	assert_int_equal(map(26, 2, RW, FIXED | QUIRE_MAP_GROWSDOWN, NULL), QUIRE_OK);
	assert_int_equal(place(4, 1), 28);
	/* Four pages below a growing vma stay free for it. */
	assert_int_equal(place(2, 1), 20);
	assert_string_equal(draw(), "....................|rr....|ww|rrrr........");
	/* A hint in the guard is no better; FIXED is the program's own business. */
	assert_int_equal(map(23, 1, 1, ANON, NULL), QUIRE_OK);
	assert_int_equal(map(24, 1, 1, FIXED, NULL), QUIRE_OK);
	assert_string_equal(draw(), "...................|rrr..|r.|ww|rrrr........");
	close_all();
}

static void test_joins(void **state)
{
	(void)state;
	open_small();
	assert_int_equal(map(4, 12, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(quire_mprotect(mm, N(8), N(4), 1), QUIRE_OK);
	assert_string_equal(draw(), "....|wwww|rrrr|wwww........................");
	assert_int_equal(quire_mprotect(mm, N(6), N(4), 1), QUIRE_OK);
	assert_string_equal(draw(), "....|ww|rrrrrr|wwww........................");
	assert_int_equal(quire_mprotect(mm, N(6), N(2), 0), QUIRE_OK);
	assert_string_equal(draw(), "....|ww|nn|rrrr|wwww........................");
	assert_int_equal(quire_mprotect(mm, N(4), N(12), RW), QUIRE_OK);
	assert_string_equal(draw(), "....|wwwwwwwwwwww........................");
	assert_int_equal(quire_munmap(mm, N(8), N(1)), QUIRE_OK);
	assert_string_equal(draw(), "....|wwww.|wwwwwww........................");
	assert_int_equal(map(8, 1, RW, FIXED, NULL), QUIRE_OK);
	assert_string_equal(draw(), "....|wwwwwwwwwwww........................");
	assert_int_equal(map(8, 2, RW, QUIRE_MAP_SHARED | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED, NULL),
			 QUIRE_OK);
	assert_string_equal(draw(), "....|wwww|WW|wwwwww........................");
	close_all();
}

static void test_low_addresses(void **state)
{
	quire_va at;

	(void)state;
	open_small();
	assert_int_equal(map(0, 1, RW, FIXED, NULL), QUIRE_EPERM);
	quire_mm_set_rights(mm, QUIRE_RIGHT_SYS_RAWIO);
	assert_int_equal(map(0, 1, RW, FIXED, NULL), QUIRE_OK);
	assert_string_equal(draw(), "|w.......................................");
	assert_int_equal(map(39, 1, RW, FIXED, &at), QUIRE_OK);
	assert_int_equal(map(39, 2, RW, FIXED, NULL), QUIRE_ENOMEM);
	assert_int_equal(map(3, 41, RW, ANON, NULL), QUIRE_ENOMEM);
	close_all();
}

/* Linux with vm.max_map_count: mmap refuses above the limit, cutting refuses at it. */
static void test_map_count(void **state)
{
	const struct quire_mm_layout layout = {.task_end = N(PAGES), .mmap_base = N(32)};

	(void)state;
	open_with((struct sim_config){.max_map_count = 4, .stack_guard_pages = 4}, &layout);
	assert_int_equal(map(2, 3, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(map(6, 1, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(map(8, 1, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(map(10, 1, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(quire_mprotect(mm, N(3), N(1), 1), QUIRE_ENOMEM);
	assert_int_equal(quire_mprotect(mm, N(2), N(1), 1), QUIRE_ENOMEM);
	assert_int_equal(quire_munmap(mm, N(3), N(1)), QUIRE_ENOMEM);
	assert_int_equal(map(3, 1, 1, FIXED, NULL), QUIRE_ENOMEM);
	assert_int_equal(quire_madvise(mm, N(2), N(1), QUIRE_MADV_DONTFORK), QUIRE_EAGAIN);
	assert_int_equal(quire_mlock(mm, N(2), N(1), 0), QUIRE_ENOMEM);
	assert_string_equal(draw(), "..|www.|w.|w.|w.............................");
	assert_int_equal(map(12, 1, 1, FIXED, NULL), QUIRE_OK);
	assert_int_equal(map(14, 1, 1, FIXED, NULL), QUIRE_ENOMEM);
	assert_int_equal(quire_munmap(mm, N(2), N(1)), QUIRE_OK);
	assert_int_equal(quire_munmap(mm, N(6), N(5)), QUIRE_OK);
	assert_int_equal(quire_mprotect(mm, N(3), N(1), 1), QUIRE_OK);
	assert_string_equal(draw(), "...|r|w.......|r...........................");
	close_all();
}

static uint64_t committed(void)
{
	struct quire_memory_counts memory;

	quire_memory(sim_system(sim), &memory);
	return memory.committed;
}

/* The limits may be others while programs run: what is mapped stays, what comes next obeys. */
static void test_limits_set(void **state)
{
	struct quire_limits limits, now;

	(void)state;
	open_small();
	quire_limits_get(sim_system(sim), &limits);
	assert_int_equal(map(1, 1, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(map(3, 1, RW, FIXED, NULL), QUIRE_OK);
	now = limits;
	now.max_map_count = 1;
	now.mmap_min_addr = N(2);
	assert_int_equal(quire_limits_set(sim_system(sim), &now), QUIRE_OK);
	assert_int_equal(map(5, 1, RW, FIXED, NULL), QUIRE_ENOMEM);
	now.max_map_count = 2;
	assert_int_equal(quire_limits_set(sim_system(sim), &now), QUIRE_OK);
	assert_int_equal(map(1, 1, RW, FIXED, NULL), QUIRE_EPERM);
	assert_int_equal(map(2, 1, RW, FIXED, NULL), QUIRE_OK);
	now = limits;
	now.overcommit = (enum quire_overcommit)3;
	now.max_map_count = 0;
	assert_int_equal(quire_limits_set(sim_system(sim), &now), QUIRE_EINVAL);
	quire_limits_get(sim_system(sim), &now);
	assert_int_equal(now.max_map_count, 2);
	assert_int_equal(now.mmap_min_addr, N(2));
	limits.overcommit = QUIRE_OVERCOMMIT_NEVER;
	limits.overcommit_ratio = 0;
	assert_int_equal(quire_limits_set(sim_system(sim), &limits), QUIRE_OK);
	assert_int_equal(map(7, 1, RW, FIXED, NULL), QUIRE_ENOMEM);
	assert_int_equal(map(7, 1, 1, FIXED, NULL), QUIRE_OK);
	close_all();
}

/* Overcommit forbidden: 1024 frames, half of them may be promised, less what is kept back. */
static void test_commit(void **state)
{
	struct quire_memory_counts memory;
	struct quire_mm *child;
	uint64_t left, before;

	(void)state;
	open_with((struct sim_config){.overcommit = QUIRE_OVERCOMMIT_NEVER, .overcommit_ratio = 50}, NULL);
	quire_memory(sim_system(sim), &memory);
	assert_int_equal(memory.commit_limit, (memory.frames - memory.by_state[QUIRE_PAGE_META]) * 50 / 100);
	before = committed();
	assert_int_equal(map(16, 100, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(committed(), before + 100);
	/* What cannot be written is not promised, nor does NORESERVE help under this rule. */
	assert_int_equal(map(200, 4000, 1, FIXED, NULL), QUIRE_OK);
	assert_int_equal(committed(), before + 100);
	assert_int_equal(map(9000, 4000, RW, FIXED | QUIRE_MAP_NORESERVE, NULL), QUIRE_ENOMEM);
	assert_int_equal(quire_mprotect(mm, N(200), N(4000), RW), QUIRE_ENOMEM);
	assert_int_equal(quire_mprotect(mm, N(200), N(10), RW), QUIRE_OK);
	assert_int_equal(committed(), before + 110);
	/* Over what is there, only the difference is promised. */
	assert_int_equal(map(100, 110, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(committed(), before + 84 + 110);
	left = memory.commit_limit - committed();
	assert_int_equal(map(9000, left, RW, FIXED, NULL), QUIRE_ENOMEM);
	assert_int_equal(map(9000, left / 2 + 40, RW, FIXED, NULL), QUIRE_OK);
	/* fork promises everything a second time. */
	before = committed();
	assert_int_equal(quire_mm_fork(mm, &child), QUIRE_ENOMEM);
	assert_int_equal(committed(), before);
	assert_int_equal(quire_munmap(mm, N(9000), N(left)), QUIRE_OK);
	before = committed();
	assert_int_equal(quire_mm_fork(mm, &child), QUIRE_OK);
	assert_int_equal(committed(), 2 * before);
	quire_mm_put(child);
	assert_int_equal(committed(), before);
	/* Shared memory is promised as a whole, and once. */
	assert_int_equal(map(9000, 50, RW, QUIRE_MAP_SHARED | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED, NULL),
			 QUIRE_OK);
	assert_int_equal(committed(), before + 50);
	assert_int_equal(quire_munmap(mm, N(9000), N(10)), QUIRE_OK);
	assert_int_equal(committed(), before + 50);
	assert_int_equal(quire_munmap(mm, N(9010), N(40)), QUIRE_OK);
	assert_int_equal(committed(), before);
	close_all();
}

/* One obvious overcommit is refused by guess; by the third rule nothing is. */
static void test_overcommit_kinds(void **state)
{
	(void)state;
	open_with((struct sim_config){.overcommit = QUIRE_OVERCOMMIT_GUESS}, NULL);
	assert_int_equal(map(16, 2000, RW, FIXED, NULL), QUIRE_ENOMEM);
	assert_int_equal(map(16, 900, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(map(1016, 900, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(map(3000, 2000, RW, FIXED | QUIRE_MAP_NORESERVE, NULL), QUIRE_OK);
	assert_int_equal(committed(), 1800);
	close_all();
	open_with((struct sim_config){.overcommit = QUIRE_OVERCOMMIT_ALWAYS}, NULL);
	assert_int_equal(map(16, 2000, RW, FIXED, NULL), QUIRE_OK);
	close_all();
}

static void test_layout_arguments(void **state)
{
	const struct quire_mm_layout beyond = {.task_end = UINT64_MAX & ~(quire_va)4095};
	const struct quire_mm_layout uneven = {.task_end = N(PAGES) + 5};
	const struct quire_mm_layout base = {.task_end = N(PAGES), .mmap_base = N(PAGES + 1)};
	struct quire_mm *other;

	(void)state;
	open_small();
	assert_int_equal(quire_mm_create(sim_system(sim), &beyond, &other), QUIRE_EINVAL);
	assert_int_equal(quire_mm_create(sim_system(sim), &uneven, &other), QUIRE_EINVAL);
	assert_int_equal(quire_mm_create(sim_system(sim), &base, &other), QUIRE_EINVAL);
	close_all();
}

/* The same memory behind two addresses, in two address spaces. */
static void test_keys(void **state)
{
	struct quire_key a, b, c;
	struct quire_mm *child;
	quire_va at;

	(void)state;
	open_small();
	assert_int_equal(map(4, 2, RW, QUIRE_MAP_SHARED | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED, NULL),
			 QUIRE_OK);
	assert_int_equal(map(8, 2, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(quire_mm_fork(mm, &child), QUIRE_OK);
	assert_int_equal(
	    quire_mremap(child,
			 &(struct quire_remapping){.old_addr = N(4),
						   .new_length = N(2),
						   .flags = QUIRE_MREMAP_MAYMOVE | QUIRE_MREMAP_FIXED,
						   .new_addr = N(20)},
			 &at),
	    QUIRE_OK);
	assert_int_equal(quire_mm_key(mm, N(5) + 16, &a), QUIRE_OK);
	assert_int_equal(quire_mm_key(child, N(21) + 16, &b), QUIRE_OK);
	assert_int_equal(quire_mm_key(child, N(21) + 20, &c), QUIRE_OK);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(&b, &c, sizeof(b));
	assert_int_equal(quire_mm_key(mm, N(8), &a), QUIRE_OK);
	assert_int_equal(quire_mm_key(child, N(8), &b), QUIRE_OK);
	assert_memory_not_equal(&a, &b, sizeof(a));
	assert_int_equal(quire_mm_key(mm, N(30), &a), QUIRE_EFAULT);
	quire_mm_put(child);
	close_all();
}

/* ptrace: a breakpoint in what the program may not write, and nobody else sees it. */
static void test_access(void **state)
{
	char word[8] = "trapped", got[8] = {0};
	struct quire_mm *child;
	size_t done;

	(void)state;
	open_small();
	assert_int_equal(map(4, 2, RW, FIXED, NULL), QUIRE_OK);
	assert_int_equal(quire_mm_access(mm, N(5) - 4, word, 8, QUIRE_REMOTE_WRITE, &done), QUIRE_OK);
	assert_int_equal(done, 8);
	assert_int_equal(quire_mprotect(mm, N(4), N(1), 5), QUIRE_OK);
	assert_int_equal(quire_mm_fork(mm, &child), QUIRE_OK);
	assert_int_equal(quire_mm_access(child, N(4), word, 8, QUIRE_REMOTE_WRITE, &done), QUIRE_EFAULT);
	assert_int_equal(done, 0);
	assert_int_equal(
	    quire_mm_access(child, N(4), word, 8, QUIRE_REMOTE_WRITE | QUIRE_REMOTE_FORCE, &done), QUIRE_OK);
	assert_int_equal(quire_mm_access(child, N(4), got, 8, 0, &done), QUIRE_OK);
	assert_memory_equal(got, word, 8);
	assert_int_equal(quire_mm_access(mm, N(4), got, 8, 0, &done), QUIRE_OK);
	assert_memory_equal(got, "\0\0\0\0\0\0\0\0", 8);
	/* The end of the mapping ends the copy. */
	assert_int_equal(quire_mm_access(mm, N(6) - 3, got, 8, 0, &done), QUIRE_OK);
	assert_int_equal(done, 3);
	assert_int_equal(quire_mm_access(mm, N(6), got, 8, 0, &done), QUIRE_EFAULT);
	quire_mm_put(child);
	close_all();
}

/* smaps: a page that N address spaces map counts as 1/N in each. */
static void test_shares(void **state)
{
	struct quire_mm *child[6];
	struct quire_smaps smaps;

	(void)state;
	open_small();
	assert_int_equal(map(4, 3, RW, FIXED | QUIRE_MAP_POPULATE, NULL), QUIRE_OK);
	for (unsigned n = 1; n <= 7; n++) {
		assert_int_equal(quire_mm_smaps(mm, N(4), N(7), &smaps), QUIRE_OK);
		assert_int_equal(smaps.rss, 3);
		assert_int_equal(smaps.pss, 3 * (4096 / n));
		assert_int_equal(smaps.private_dirty, n == 1 ? 3 : 0);
		assert_int_equal(smaps.shared_dirty, n == 1 ? 0 : 3);
		if (n < 7)
			assert_int_equal(quire_mm_fork(mm, &child[n - 1]), QUIRE_OK);
	}
	for (unsigned n = 6; n >= 1; n--) {
		quire_mm_put(child[n - 1]);
		assert_int_equal(quire_mm_smaps(mm, N(4), N(7), &smaps), QUIRE_OK);
		assert_int_equal(smaps.pss, 3 * (4096 / n));
	}
	assert_int_equal(smaps.private_dirty, 3);
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_top_down),
	    cmocka_unit_test(test_falls_back),
	    cmocka_unit_test(test_bottom_up),
	    cmocka_unit_test(test_guard),
	    cmocka_unit_test(test_joins),
	    cmocka_unit_test(test_low_addresses),
	    cmocka_unit_test(test_map_count),
	    cmocka_unit_test(test_limits_set),
	    cmocka_unit_test(test_commit),
	    cmocka_unit_test(test_overcommit_kinds),
	    cmocka_unit_test(test_layout_arguments),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_access),
	    cmocka_unit_test(test_shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
