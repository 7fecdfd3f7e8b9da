/* SPDX-License-Identifier: MIT */
/* Two CPUs meet at one swapped page: every schedule with one preemption is run, and the ways that the second CPU's
 * faults can take are listed, literally, for 2.4 and 4.14. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#define WAYS 16
#define TEXT 512

/* What a CPU does to the page at FX_AT, which holds 0x10. */
typedef void (*act)(struct sim_cpu *cpu, struct sim_process *process);

struct meeting {
	const char *arch, *profile;
	bool swapped; /* the page is in the store before */
	act act[2];
	const char *const *ways; /* of CPU 1's first fault, sorted; ended by NULL */

	struct sim_process *process;
	char seen[WAYS][TEXT];
	unsigned count;
};

static struct sim *create(void *context)
{
	struct meeting *meeting = context;
	struct sim_config config = {
	    .arch = meeting->arch, .profile = meeting->profile, .cpus = 2, .ram_bytes = 2u << 20};
	struct sim *sim = sim_create(&config, NULL);
	struct quire_mapping how = {
	    .addr = FX_AT, .prot = RW, .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_FIXED | QUIRE_MAP_ANONYMOUS};
	struct sim_store *store;
	uint64_t evicted;
	quire_va got;

	if (!sim || sim_process_create(sim, NULL, &meeting->process) != QUIRE_OK)
		abort();
	store = sim_store_create(sim, 64, 0);
	how.length = (quire_va)sim_page_bytes(sim);
	for (unsigned i = 0; i < 2; i++)
		sim_switch(sim_cpu(sim, i), meeting->process);
	sim_use_cpu(sim_cpu(sim, 0));
	if (!store || quire_swapon(sim_system(sim), &store->store, 0) != QUIRE_OK ||
	    quire_mmap(meeting->process->mm, &how, &got) != QUIRE_OK ||
	    sim_write(sim_cpu(sim, 0), FX_AT, 1, 0x10) != SIM_DONE)
		abort();
	if (meeting->swapped &&
	    SIM_OP(sim_cpu(sim, 0), "evict",
		   quire_mm_evict(meeting->process->mm, FX_AT, how.length, &evicted)) != QUIRE_OK)
		abort();
	return sim;
}

static void body(struct sim_cpu *cpu, void *context)
{
	struct meeting *meeting = context;

	meeting->act[sim_cpu_number(cpu)](cpu, meeting->process);
}

/* The way of the first fault of CPU 1 from handle_pte_fault on. */
static void say_way(const struct sim_result *last, char *text)
{
	const struct quire_trace *trace = &last->trace[0];
	unsigned at = 0;

	strcpy(text, last->traces ? "" : "no fault");
	if (!last->traces)
		return;
	while (at < trace->steps_total && trace->steps[at] != QUIRE_STEP_HANDLE_PTE_FAULT)
		at++;
	for (at++; at < trace->steps_total; at++) {
		strcat(text, *text ? " " : "");
		strcat(text, quire_step_name((enum quire_step)trace->steps[at]));
	}
}

static bool after(struct sim *sim, void *context)
{
	struct meeting *meeting = context;
	char text[TEXT];

	say_way(sim_last(sim_cpu(sim, 1)), text);
	for (unsigned i = 0; i < meeting->count; i++) {
		if (!strcmp(meeting->seen[i], text))
			return true;
	}
	if (meeting->count == WAYS)
		return false;
	strcpy(meeting->seen[meeting->count++], text);
	return true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void expect_ways(struct meeting *meeting)
{
	struct sim_explore what = {.create = create,
				   .body = {body, body},
				   .count = 2,
				   .after = after,
				   .context = meeting,
				   .bound = 1};
	struct sim_explored out;
	unsigned i;

	sim_explore(&what, &out);
	assert_int_equal(out.failures, 0);
	assert_true(out.complete);
	qsort(meeting->seen, meeting->count, TEXT, by_text);
	for (i = 0; meeting->ways[i] && i < meeting->count; i++)
		assert_string_equal(meeting->seen[i], meeting->ways[i]);
	assert_int_equal(i, meeting->count);
	assert_null(meeting->ways[i]);
}

static void reads(struct sim_cpu *cpu, struct sim_process *process)
{
	uint64_t value = 0;

	(void)process;
	if (sim_read(cpu, FX_AT, 1, &value) != SIM_DONE || value != 0x10)
		abort();
}

static void evicts(struct sim_cpu *cpu, struct sim_process *process)
{
	uint64_t evicted;

	if (SIM_OP(cpu, "evict", quire_mm_evict(process->mm, FX_AT, 1, &evicted)) != QUIRE_OK)
		abort();
}

/* The fault begins again, from the mm lock on. */
#define AGAIN "fault-retry mmap-lock find_vma good_area handle_mm_fault __handle_mm_fault handle_pte_fault "

static void two_read_2_4(void **state)
{
	/* The mm lock is held for the device: the second finds the page in the cache, and waits for it LOCKED. */
	static const char *const ways[] = {"do_swap_page swap-cache-hit minor",
					   "do_swap_page swap-cache-hit pte-changed minor",
					   "do_swap_page swap-read major",
					   "do_swap_page swap-read pte-changed major",
					   "no fault",
					   "spurious-fault minor",
					   NULL};
	struct meeting meeting = {
	    .arch = "i386", .profile = "linux-2.4", .swapped = true, .act = {reads, reads}, .ways = ways};

	(void)state;
	expect_ways(&meeting);
}

static void two_read_4_14(void **state)
{
	/* lock_page_or_retry: the mm lock goes before the second waits for the page, and it looks again. */
	static const char *const ways[] = {
	    "do_swap_page lock-dropped swap-cache-hit " AGAIN "spurious-fault minor",
	    "do_swap_page lock-dropped swap-read " AGAIN "do_swap_page swap-cache-hit major",
	    "do_swap_page lock-dropped swap-read " AGAIN "do_swap_page swap-cache-hit pte-changed major",
	    "do_swap_page lock-dropped swap-read " AGAIN "spurious-fault major",
	    "do_swap_page swap-cache-hit lock-dropped " AGAIN "spurious-fault minor",
	    "do_swap_page swap-cache-hit minor",
	    "do_swap_page swap-cache-hit pte-changed minor",
	    "no fault",
	    "spurious-fault minor",
	    NULL};
	struct meeting meeting = {
	    .arch = "arm64", .profile = "linux-4.14", .swapped = true, .act = {reads, reads}, .ways = ways};

	(void)state;
	expect_ways(&meeting);
}

static void read_while_it_is_written_2_4(void **state)
{
	/* The cache first, also while the store writes the page; then the device. */
	static const char *const ways[] = {"do_swap_page swap-cache-hit minor",
					   "do_swap_page swap-read major", "no fault", NULL};
	struct meeting meeting = {
	    .arch = "i386", .profile = "linux-2.4", .act = {evicts, reads}, .ways = ways};

	(void)state;
	expect_ways(&meeting);
}

static void read_while_it_is_written_4_14(void **state)
{
	/* The same; the page is LOCKED for a moment before it is written. */
	static const char *const ways[] = {
	    "do_swap_page lock-dropped swap-read " AGAIN "do_swap_page swap-cache-hit major",
	    "do_swap_page swap-cache-hit lock-dropped " AGAIN "do_swap_page swap-cache-hit minor",
	    "do_swap_page swap-cache-hit minor", "no fault", NULL};
	struct meeting meeting = {
	    .arch = "arm64", .profile = "linux-4.14", .act = {evicts, reads}, .ways = ways};

	(void)state;
	expect_ways(&meeting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_read_2_4),
	    cmocka_unit_test(two_read_4_14),
	    cmocka_unit_test(read_while_it_is_written_2_4),
	    cmocka_unit_test(read_while_it_is_written_4_14),
	};

	return cmocka_run_group_tests_name("two CPUs at one swapped page", tests, NULL, NULL);
}
