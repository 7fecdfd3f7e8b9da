/* SPDX-License-Identifier: MIT */
/* The index of vmas beside a plain array: order, balance, gaps in both directions, the cost of a look-up. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mm/mm.h"
#include "sim.h"

/* Sanitizers add instructions of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INSTRUMENTED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INSTRUMENTED
#endif
#endif

#define SPACE   256 /* pages of the small spaces */
#define MANY    65536
#define LOOKUPS 40

static struct sim *sim;
static struct quire_mm *mm;
static uint64_t state_word;

static unsigned pick(unsigned n)
{
	state_word = state_word * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(state_word >> 33) % n;
}

static int open_machine(void **state)
{
	const struct sim_config config = {.ram_bytes = 4 << 20, .stack_guard_pages = 8};

	(void)state;
	sim = sim_create(&config, NULL);
	return !sim || quire_mm_create(sim_system(sim), NULL, &mm) != QUIRE_OK;
}

static int close_machine(void **state)
{
	(void)state;
	quire_mm_put(mm);
	return sim_destroy(sim) != 0;
}

static void link_at(struct quire_vma *vma, unsigned start, unsigned pages, uint32_t flags)
{
	*vma = (struct quire_vma){
	    .mm = mm, .start = (quire_va)start << 12, .end = (quire_va)(start + pages) << 12, .flags = flags};
	qr_vma_link(mm, vma);
	mm->total_vm += pages;
}

static void unlink_one(struct quire_vma *vma)
{
	mm->total_vm -= qr_vma_pages(vma);
	qr_vma_unlink(mm, vma);
}

/* used[page]: 0 free, 1 taken, 2 in the guard of what grows down above it. */
static bool fits(const unsigned char *used, unsigned at, unsigned pages)
{
	for (unsigned i = at; i < at + pages; i++) {
		if (used[i])
			return false;
	}
	return true;
}

static void compare_gaps(const unsigned char *used)
{
	unsigned low = pick(SPACE / 2), high = low + pick(SPACE - low) + 1, pages = 1 + pick(24), up, down;
	quire_va got_up = 0, got_down = 0;
	enum quire_status status_up, status_down;

	status_up =
	    qr_gap_bottom_up(mm, (uint64_t)pages << 12, (quire_va)low << 12, (quire_va)high << 12, &got_up);
	status_down =
	    qr_gap_top_down(mm, (uint64_t)pages << 12, (quire_va)low << 12, (quire_va)high << 12, &got_down);
	for (up = low; up + pages <= high && !fits(used, up, pages);)
		up++;
	if (up + pages > high) {
		assert_int_equal(status_up, QUIRE_ENOMEM);
		assert_int_equal(status_down, QUIRE_ENOMEM);
		return;
	}
	for (down = high - pages; !fits(used, down, pages);)
		down--;
	assert_int_equal(status_up, QUIRE_OK);
	assert_int_equal(status_down, QUIRE_OK);
	assert_int_equal(got_up >> 12, up);
	assert_int_equal(got_down >> 12, down);
}

static void mark(unsigned char *used, struct quire_vma *const *owner)
{
	memset(used, 0, SPACE);
	for (unsigned i = 0; i < SPACE; i++) {
		if (!owner[i])
			continue;
		used[i] = 1;
		for (unsigned j = 1; (owner[i]->flags & QR_VM_GROWSDOWN) && j <= 8 && j <= i && !owner[i - j];
		     j++)
			used[i - j] = 2;
	}
}

static void compare_finds(struct quire_vma *const *owner)
{
	const struct quire_vma *above = NULL;

	for (unsigned i = SPACE; i-- > 0;) {
		if (owner[i])
			above = owner[i];
		assert_ptr_equal(qr_find_vma(mm, ((quire_va)i << 12) + 5), above);
		assert_ptr_equal(qr_find_vma_intersection(mm, (quire_va)i << 12, (quire_va)(i + 1) << 12),
				 owner[i]);
	}
}

static void test_random(void **state)
{
	static struct quire_vma pool[SPACE];
	static struct quire_vma *owner[SPACE];
	static unsigned char used[SPACE];

	(void)state;
	for (unsigned step = 0; step < 20000; step++) {
		unsigned at = pick(SPACE), pages = 1 + pick(6);

		if (at + pages > SPACE)
			continue;
		if (owner[at]) {
			struct quire_vma *vma = owner[at];

			for (unsigned i = 0; i < SPACE; i++)
				owner[i] = owner[i] == vma ? NULL : owner[i];
			unlink_one(vma);
		} else {
			memset(used, 0, sizeof(used));
			for (unsigned i = 0; i < SPACE; i++)
				used[i] = owner[i] != NULL;
			if (!fits(used, at, pages))
				continue;
			/* pool[at] is free: a vma that starts there would own `at`. */
			link_at(&pool[at], at, pages, pick(8) ? 0 : QR_VM_GROWSDOWN);
			for (unsigned i = at; i < at + pages; i++)
				owner[i] = &pool[at];
		}
		assert_true(qr_mm_valid(mm));
		mark(used, owner);
		for (unsigned i = 0; i < 4; i++)
			compare_gaps(used);
		if (step % 50 == 0)
			compare_finds(owner);
	}
	while (mm->root)
		unlink_one(mm->root);
	assert_int_equal(mm->vmas, 0);
	assert_null(mm->first);
}

static unsigned depth_of(const struct quire_vma *root)
{
	return root ? (unsigned)root->height : 0;
}

/* Instructions of qr_find_vma() in a child that is stepped through; 0: this machine does not let us. */
static struct quire_vma *volatile found;

static unsigned long count_instructions(quire_va va)
{
	pid_t pid = fork();
	unsigned long count = 0;
	int status;

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(1);
		raise(SIGSTOP);
		found = qr_find_vma(mm, va);
		kill(getpid(), SIGUSR1);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	while (WIFSTOPPED(status) && WSTOPSIG(status) != SIGUSR1) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0 || waitpid(pid, &status, 0) < 0)
			break;
		count++;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return count;
}

/* raise() and kill() themselves, their calls into libc and back. */
static unsigned long count_overhead(void)
{
	struct quire_vma *root = mm->root;
	unsigned long count;

	mm->root = NULL;
	(void)count_instructions(0); /* the first one binds kill() for the others */
	count = count_instructions(0);
	mm->root = root;
	return count;
}

static void test_many(void **state)
{
	struct quire_vma *vmas = calloc(MANY, sizeof(*vmas));
	unsigned long most = 0, sum = 0, overhead;
	quire_va got;

	(void)state;
	assert_non_null(vmas);
	/* In an order that is neither up nor down: multiples of an odd number. */
	for (unsigned i = 0; i < MANY; i++) {
		unsigned at = i * 40503u % MANY;

		link_at(&vmas[at], 16 + 2 * at, 1, 0);
	}
	assert_true(qr_mm_valid(mm));
	assert_true(depth_of(mm->root) <= 23); /* 1.44 log2(n) */
	assert_int_equal(qr_gap_top_down(mm, 2 << 12, 0, (quire_va)(16 + 2 * MANY) << 12, &got), QUIRE_OK);
	assert_int_equal(got >> 12, 14);
	unlink_one(&vmas[777]);
	assert_int_equal(qr_gap_top_down(mm, 3 << 12, 4096 * 16, (quire_va)(16 + 2 * MANY) << 12, &got),
			 QUIRE_OK);
	assert_int_equal(got >> 12, 16 + 2 * 776 + 1);
	assert_int_equal(qr_gap_bottom_up(mm, 3 << 12, 4096 * 16, (quire_va)(16 + 2 * MANY) << 12, &got),
			 QUIRE_OK);
	assert_int_equal(got >> 12, 16 + 2 * 776 + 1);
	overhead = count_overhead();
	for (unsigned i = 0; i < LOOKUPS && overhead; i++) {
		unsigned long count = count_instructions((quire_va)(16 + 2 * pick(MANY)) << 12);

		count = count > overhead ? count - overhead : 0;
		most = count > most ? count : most;
		sum += count;
	}
	print_message("depth %u at %u vmas, a look-up takes %lu instructions, at most %lu\n",
		      depth_of(mm->root), MANY, sum / LOOKUPS, most);
#if defined(__OPTIMIZE__) && !defined(INSTRUMENTED)
#if defined(__clang__)
	/* clang 14 spends an instruction more on every second level: 124 on average. */
	assert_true(sum / LOOKUPS <= 126 && most <= 160);
#else
	assert_true(sum / LOOKUPS <= 120 && most <= 160);
#endif
#endif
	while (mm->root)
		unlink_one(mm->root);
	free(vmas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_random, open_machine, close_machine),
	    cmocka_unit_test_setup_teardown(test_many, open_machine, close_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
