/* SPDX-License-Identifier: MIT */
/* The self-test of a port. Freestanding: a kernel runs it while it boots. */
#include "conformance/conformance.h"
#include "parts.h"

/* "host: page_copy does not copy" */
static void say(const struct selftest_run *run, const char *what)
{
	char line[160];
	size_t used = 0;

	for (const char *c = run->part; *c && used < 40; c++)
		line[used++] = *c;
	line[used++] = ':';
	line[used++] = ' ';
	for (const char *c = what; *c && used < sizeof(line) - 1; c++)
		line[used++] = *c;
	line[used] = 0;
	run->test->say(run->test->context, line);
}

bool selftest_check(struct selftest_run *run, bool right, const char *wrong)
{
	if (!right) {
		run->failures++;
		say(run, wrong);
	}
	return right;
}

/* Frames free, or with the library's own objects, which it keeps for the next time. */
static uint64_t frames_left(const struct selftest_run *run)
{
	struct quire_memory_counts memory;

	quire_memory(run->test->system, &memory);
	return memory.by_state[QUIRE_PAGE_FREE] + memory.by_state[QUIRE_PAGE_CPU] +
	       memory.by_state[QUIRE_PAGE_OBJECT];
}

static size_t page_bytes(const struct selftest_run *run)
{
	return (size_t)1 << quire_system_arch(run->test->system)->page_shift;
}

/* --- the host ----------------------------------------------------------------------------------- */

static void fill(unsigned char *page, size_t bytes, unsigned seed)
{
	for (size_t i = 0; i < bytes; i++)
		page[i] = (unsigned char)(seed + i * 13 + (i >> 8));
}

static bool filled(const unsigned char *page, size_t bytes, unsigned seed)
{
	for (size_t i = 0; i < bytes; i++)
		if (page[i] != (unsigned char)(seed + i * 13 + (i >> 8)))
			return false;
	return true;
}

static bool zero(const unsigned char *page, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (page[i])
			return false;
	return true;
}

static void test_pages(struct selftest_run *run)
{
	const struct quire_host *host = run->test->host;
	void *context = run->test->host_context;
	size_t bytes = page_bytes(run);
	quire_pfn pfn;
	unsigned char *two;

	if (!selftest_check(run,
			    quire_frame_alloc(run->test->system, 1, QUIRE_FRAME_LINEAR, &pfn) == QUIRE_OK,
			    "no two frames to test with"))
		return;
	two = quire_frame_address(run->test->system, pfn);
	fill(two, 2 * bytes, 1);
	if (host->page_clear) {
		host->page_clear(context, two, bytes);
		selftest_check(run, zero(two, bytes), "page_clear leaves bytes that are not zero");
		selftest_check(run, two[bytes] == (unsigned char)(1 + bytes * 13 + (bytes >> 8)),
			       "page_clear writes beyond its page");
	}
	if (host->page_copy) {
		fill(two, bytes, 7);
		host->page_copy(context, two + bytes, two, bytes);
		selftest_check(run, filled(two + bytes, bytes, 7) && filled(two, bytes, 7),
			       "page_copy does not copy");
	}
	if (host->icache_sync)
		host->icache_sync(context, two, bytes);
	quire_frame_free(run->test->system, pfn, 1);
}

/* Two frames without a linear address, mapped at once, unmapped in reverse, and found again. */
static void test_window(struct selftest_run *run)
{
	const struct quire_host *host = run->test->host;
	void *context = run->test->host_context;
	size_t bytes = page_bytes(run);
	quire_pfn pfn[2] = {{0}, {0}};
	unsigned char *at[2];
	unsigned got = 0;

	while (got < 2 && quire_frame_alloc(run->test->system, 0, 0, &pfn[got]) == QUIRE_OK)
		got++;
	if (got == 2 && !quire_frame_address(run->test->system, pfn[0]) &&
	    !quire_frame_address(run->test->system, pfn[1]) &&
	    selftest_check(run, host->frame_map && host->frame_unmap,
			   "frames without a linear address, and no window")) {
		at[0] = host->frame_map(context, pfn[0]);
		at[1] = host->frame_map(context, pfn[1]);
		selftest_check(run, at[0] && at[1] && at[0] != at[1], "two frames are mapped at one address");
		fill(at[0], bytes, 3);
		fill(at[1], bytes, 4);
		host->frame_unmap(context, at[1]);
		host->frame_unmap(context, at[0]);
		at[1] = host->frame_map(context, pfn[1]);
		at[0] = host->frame_map(context, pfn[0]);
		selftest_check(run, filled(at[0], bytes, 3) && filled(at[1], bytes, 4),
			       "the window shows another frame");
		host->frame_unmap(context, at[0]);
		host->frame_unmap(context, at[1]);
	}
	while (got > 0)
		quire_frame_free(run->test->system, pfn[--got], 0);
}

static void test_host(struct selftest_run *run)
{
	const struct quire_host *host = run->test->host;
	void *context = run->test->host_context;
	unsigned cpus = run->test->cpus ? run->test->cpus : 1;
	struct quire_flush flush = {.mm = NULL, .count = 1};
	uint32_t word = 1;

	run->part = "host";
	selftest_check(run, host->panic != NULL, "panic is required");
	if (host->cpu)
		selftest_check(run, host->cpu(context) < cpus, "cpu is not below the number of CPUs");
	if (host->fixup)
		selftest_check(run, host->fixup(context, 0) == 0, "fixup knows the null pointer");
	/* A word that has changed already is not waited for; nobody waits for this one. */
	if (host->wait) {
		host->wait(context, &word, 0, QUIRE_WAIT_SPIN);
		host->wait(context, &word, 0, QUIRE_WAIT_SLEEP);
	}
	if (host->wake)
		host->wake(context, &word);
	if (host->pte_sync)
		host->pte_sync(context, &word);
	if (host->tlb_flush) {
		flush.cpus = cpus < 64 ? ((uint64_t)1 << cpus) - 1 : UINT64_MAX;
		flush.range[0].start = (quire_va)quire_system_arch(run->test->system)->kernel_start;
		flush.range[0].end = flush.range[0].start + (quire_va)page_bytes(run);
		host->tlb_flush(context, &flush);
	}
	test_pages(run);
	test_window(run);
}

/* --- a program ---------------------------------------------------------------------------------- */

static enum quire_outcome_kind fault(struct selftest_run *run, struct quire_mm *mm, quire_va va,
				     enum quire_access access)
{
	struct quire_fault fault = {
	    .va = va,
	    .sp = va,
	    .access = access,
	    .mode = QUIRE_MODE_USER,
	    .cause = QUIRE_CAUSE_NOT_PRESENT,
	    .level = QUIRE_LEVEL_NONE,
	    .route = QUIRE_ROUTE_PAGE_FAULT,
	    .signal = QUIRE_SIGSEGV,
	    .code = QUIRE_SEGV_MAPERR,
	    .name = "self-test",
	};

	return quire_handle_fault(run->test->system, mm, &fault, NULL).kind;
}

static bool present(struct quire_mm *mm, quire_va va)
{
	return (quire_mm_pagemap(mm, va) >> 63) != 0;
}

static bool holds(struct quire_mm *mm, quire_va va, unsigned char byte)
{
	unsigned char got = 0;
	size_t done = 0;

	return quire_mm_access(mm, va, &got, 1, 0, &done) == QUIRE_OK && done == 1 && got == byte;
}

static bool store(struct quire_mm *mm, quire_va va, unsigned char byte)
{
	size_t done = 0;

	return quire_mm_access(mm, va, &byte, 1, QUIRE_REMOTE_WRITE, &done) == QUIRE_OK && done == 1;
}

static void use(struct selftest_run *run, struct quire_mm *mm)
{
	size_t bytes = page_bytes(run);
	struct quire_mapping how = {.length = 4 * bytes,
				    .prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE,
				    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS};
	struct quire_mm *child = NULL;
	quire_va va = 0;

	if (!selftest_check(run, quire_mmap(mm, &how, &va) == QUIRE_OK, "mmap failed"))
		return;
	selftest_check(run, !present(mm, va), "a page is there before it was touched");
	selftest_check(run, fault(run, mm, va, QUIRE_ACCESS_WRITE) == QUIRE_RESUME, "a write is not resumed");
	selftest_check(run, present(mm, va), "no page after a write");
	selftest_check(run, holds(mm, va, 0), "a new page is not zero");
	selftest_check(run, fault(run, mm, va + (quire_va)bytes, QUIRE_ACCESS_READ) == QUIRE_RESUME,
		       "a read is not resumed");
	selftest_check(run, holds(mm, va + (quire_va)bytes, 0), "a page that was read is not zero");
	selftest_check(run, store(mm, va, 0x5a), "a byte cannot be stored");
	if (selftest_check(run, quire_mm_fork(mm, &child) == QUIRE_OK, "fork failed")) {
		selftest_check(run, store(mm, va, 0xa5), "a byte cannot be stored after fork");
		selftest_check(run, holds(mm, va, 0xa5) && holds(child, va, 0x5a),
			       "copy on write does not keep the two apart");
		quire_mm_put(child);
	}
	selftest_check(run, fault(run, mm, va + 8 * (quire_va)bytes, QUIRE_ACCESS_READ) == QUIRE_SIGNAL,
		       "nothing is mapped, and no signal");
	selftest_check(run, quire_munmap(mm, va, 4 * bytes) == QUIRE_OK, "munmap failed");
	selftest_check(run, !present(mm, va), "a page is there after munmap");
}

static void test_program(struct selftest_run *run)
{
	struct quire_mm *mm = NULL;
	char why[120];

	run->part = "program";
	if (!selftest_check(run, quire_mm_create(run->test->system, NULL, &mm) == QUIRE_OK,
			    "no address space"))
		return;
	use(run, mm);
	quire_mm_put(mm);
	if (quire_check(run->test->system, why, sizeof(why)) != QUIRE_OK)
		selftest_check(run, false, why);
}

/* --- all ------------------------------------------------------------------------------------------ */

static void test_conformance(struct selftest_run *run)
{
	struct conformance_env env = {
	    .arch = quire_system_arch(run->test->system),
	    .system = run->test->system,
	    .say = run->test->say,
	    .context = run->test->context,
	    .seed = run->test->seed,
	    .rounds = run->test->rounds,
	};

	run->part = "conformance";
	if (quire_conformance(&env, NULL))
		run->failures++;
}

unsigned quire_port_selftest(const struct quire_selftest *test)
{
	static void (*const parts[])(struct selftest_run *) = {test_conformance, test_host, test_program,
							       selftest_tables};
	struct selftest_run run = {test, "", 0};

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		uint64_t before = frames_left(&run);
		unsigned failures = run.failures;

		parts[i](&run);
		selftest_check(&run, frames_left(&run) == before, "frames were lost");
		if (run.failures == failures)
			say(&run, "passed");
	}
	return run.failures;
}
