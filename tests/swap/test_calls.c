/* SPDX-License-Identifier: MIT */
/* What system calls do to swapped memory, private and shared; what they say of it; stores that fail. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "mm/mm.h"
#include "swap/swap.h"

static struct quire_mm *mm_of(const struct sw *sw)
{
	return sw->fx.process->mm;
}

static struct quire_smaps smaps(struct sw *sw, quire_va at, unsigned pages)
{
	struct quire_smaps out;

	assert_int_equal(quire_mm_smaps(mm_of(sw), at, at + pages * sw->fx.page, &out), QUIRE_OK);
	return out;
}

static struct quire_usage usage(struct sw *sw)
{
	struct quire_usage out;

	quire_mm_usage(mm_of(sw), &out);
	return out;
}

/* --- private memory ----------------------------------------------------------------------------------------- */

static void what_is_said_of_swapped_memory(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	unsigned char vector[4];
	uint64_t entry;

	sw_fill(&sw, FX_AT, 4, 0x10);
	sw_evict(&sw, FX_AT, 2);
	assert_int_equal(smaps(&sw, FX_AT, 4).swap, 2);
	assert_int_equal(smaps(&sw, FX_AT, 4).rss, 2);
	assert_int_equal(usage(&sw).swap, 2);
	assert_int_equal(usage(&sw).rss_anon, 2);
	entry = quire_mm_pagemap(mm_of(&sw), FX_AT + sw.fx.page);
	assert_int_equal(entry, UINT64_C(1) << 62 | 1 << 5); /* swapped, area 0, slot 1 */
	assert_int_equal(quire_mincore(mm_of(&sw), FX_AT, 4 * sw.fx.page, vector), QUIRE_OK);
	assert_memory_equal(vector, "\0\0\1\1", 4);
	/* Read ahead: resident to mincore, still swapped to the others. */
	sw_expect(&sw, FX_AT, 1, 0x10);
	assert_int_equal(quire_mincore(mm_of(&sw), FX_AT, 4 * sw.fx.page, vector), QUIRE_OK);
	assert_memory_equal(vector, "\1\1\1\1", 4);
	assert_int_equal(usage(&sw).swap, 1);
	sw_close(&sw);
}

static void swap_counters(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	struct quire_system *system = sim_system(sw.fx.sim);
	struct quire_swap_counts all;
	struct quire_memory_counts memory;
	uint64_t limit;

	sw_fill(&sw, FX_AT, 8, 0x10);
	sw_evict(&sw, FX_AT, 8);
	sw_expect(&sw, FX_AT, 8, 0x10);
	assert_int_equal(quire_event_count(system, QUIRE_EVENT_PSWPOUT), 8);
	assert_int_equal(quire_event_count(system, QUIRE_EVENT_PSWPIN), 8);
	/* The first read has no direction: its page and four behind it; the next goes up. */
	assert_int_equal(quire_event_count(system, QUIRE_EVENT_SWAP_RA), 4 + 2);
	assert_int_equal(quire_event_count(system, QUIRE_EVENT_SWAP_RA_HIT), 4 + 2);
	assert_string_equal(quire_event_name(QUIRE_EVENT_PSWPIN), "pswpin");
	quire_swap_usage(system, &all);
	assert_int_equal(all.total, 64);
	assert_int_equal(all.free, 56);
	assert_int_equal(all.cached, 8);
	quire_memory(system, &memory);
	limit = memory.commit_limit;
	assert_int_equal(SIM_OP(sw.fx.cpu, "swapoff", quire_swapoff(system, &sw.store->store)), QUIRE_OK);
	quire_memory(system, &memory);
	assert_int_equal(limit - memory.commit_limit, 64);
	sw_close(&sw);
}

static void mremap_moves_entries(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	quire_va to = FX_AT + 32 * sw.fx.page, got;
	struct quire_remapping how = {.old_addr = FX_AT,
				      .old_length = 8 * sw.fx.page,
				      .new_length = 8 * sw.fx.page,
				      .flags = QUIRE_MREMAP_MAYMOVE | QUIRE_MREMAP_FIXED,
				      .new_addr = to};

	sw_fill(&sw, FX_AT, 8, 0x10);
	sw_evict(&sw, FX_AT, 8);
	assert_int_equal(SIM_OP(sw.fx.cpu, "mremap", quire_mremap(mm_of(&sw), &how, &got)), QUIRE_OK);
	sw_check(&sw, "moved");
	assert_int_equal(usage(&sw).swap, 8);
	sw_expect(&sw, to, 8, 0x10);
	sw_close(&sw);
}

static void fork_counts_and_exit_uncounts(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	struct sim_process *child[3];
	uint64_t value;

	sw_fill(&sw, FX_AT, 8, 0x10);
	sw_evict(&sw, FX_AT, 8);
	value = sw_entry(&sw, mm_of(&sw), FX_AT) & ~QR_SWAP_EXCLUSIVE;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(sim_process_fork(sw.fx.process, &child[i]), QUIRE_OK);
	assert_int_equal(qr_swap_count(sim_system(sw.fx.sim), value), 4);
	sw_check(&sw, "forked");
	sim_process_exit(child[1]);
	assert_int_equal(qr_swap_count(sim_system(sw.fx.sim), value), 3);
	/* Through the swap cache they share the page again, and each copies when it writes. */
	sw_expect(&sw, FX_AT, 8, 0x10);
	sim_switch(sw.fx.cpu, child[0]);
	sw_expect(&sw, FX_AT, 8, 0x10);
	assert_int_equal(sw.store->gets, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(sim_write(sw.fx.cpu, FX_AT + i * sw.fx.page, 1, 0x80 + i), SIM_DONE);
	sim_switch(sw.fx.cpu, child[2]);
	sw_expect(&sw, FX_AT, 8, 0x10);
	sim_switch(sw.fx.cpu, sw.fx.process);
	sw_expect(&sw, FX_AT, 8, 0x10);
	sw_check(&sw, "shared");
	/* Shared pages are evicted from all that map them. */
	sw_evict(&sw, FX_AT, 8);
	sw_check(&sw, "evicted from two");
	sw_expect(&sw, FX_AT, 8, 0x10);
	sim_process_exit(sw.fx.process);
	sim_process_exit(child[2]);
	sim_switch(sw.fx.cpu, child[0]);
	sw_expect(&sw, FX_AT, 8, 0x80);
	sw_check(&sw, "one left");
	sw_close(&sw);
}

static void madvise_pageout_willneed_free(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	struct sim_process *child;
	uint64_t value;

	sw_fill(&sw, FX_AT, 8, 0x10);
	assert_int_equal(SIM_OP(sw.fx.cpu, "madvise",
				quire_madvise(mm_of(&sw), FX_AT, 8 * sw.fx.page, QUIRE_MADV_PAGEOUT)),
			 QUIRE_OK);
	assert_int_equal(usage(&sw).swap, 8);
	assert_int_equal(SIM_OP(sw.fx.cpu, "madvise",
				quire_madvise(mm_of(&sw), FX_AT, 8 * sw.fx.page, QUIRE_MADV_WILLNEED)),
			 QUIRE_OK);
	assert_int_equal(sw.store->gets, 8);
	assert_int_equal(usage(&sw).swap, 8);
	sw_read_way(&sw, FX_AT, 0x10, "handle_pte_fault do_swap_page swap-cache-hit minor", 0);
	/* FREE: swapped pages are dropped at once, cached ones lose their slot. */
	assert_int_equal(
	    SIM_OP(sw.fx.cpu, "madvise", quire_madvise(mm_of(&sw), FX_AT, 8 * sw.fx.page, QUIRE_MADV_FREE)),
	    QUIRE_OK);
	assert_int_equal(usage(&sw).swap, 0);
	assert_int_equal(sw_area(&sw).used, 0);
	sw_check(&sw, "free");
	/* The lazily freed page goes without a slot. */
	sw_evict(&sw, FX_AT, 1);
	assert_int_equal(sw.store->puts, 8);
	assert_int_equal(quire_event_count(sim_system(sw.fx.sim), QUIRE_EVENT_PGLAZYFREED), 1);
	assert_int_equal(sim_read(sw.fx.cpu, FX_AT, 1, &value), SIM_DONE);
	assert_int_equal(value, 0);
	/* One that was written since stays, and is swapped. */
	assert_int_equal(sim_write(sw.fx.cpu, FX_AT, 1, 0x33), SIM_DONE);
	assert_int_equal(
	    SIM_OP(sw.fx.cpu, "madvise", quire_madvise(mm_of(&sw), FX_AT, sw.fx.page, QUIRE_MADV_FREE)),
	    QUIRE_OK);
	assert_int_equal(sim_write(sw.fx.cpu, FX_AT, 1, 0x34), SIM_DONE);
	sw_evict(&sw, FX_AT, 1);
	assert_int_equal(sw.store->puts, 9);
	sw_expect(&sw, FX_AT, 1, 0x34);
	/* PAGEOUT leaves what a fork shares. */
	assert_int_equal(sim_process_fork(sw.fx.process, &child), QUIRE_OK);
	assert_int_equal(
	    SIM_OP(sw.fx.cpu, "madvise", quire_madvise(mm_of(&sw), FX_AT, sw.fx.page, QUIRE_MADV_PAGEOUT)),
	    QUIRE_OK);
	assert_int_equal(usage(&sw).swap, 0);
	sw_close(&sw);
}

static void protection_is_the_vmas(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	uint64_t value;

	sw_fill(&sw, FX_AT, 2, 0x10);
	sw_evict(&sw, FX_AT, 2);
	assert_int_equal(
	    SIM_OP(sw.fx.cpu, "mprotect", quire_mprotect(mm_of(&sw), FX_AT, sw.fx.page, QUIRE_PROT_READ)),
	    QUIRE_OK);
	fx_expect_signal(&sw.fx, sim_write(sw.fx.cpu, FX_AT, 1, 1), QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR, FX_AT);
	assert_int_equal(sim_read(sw.fx.cpu, FX_AT, 1, &value), SIM_DONE);
	assert_int_equal(value, 0x10);
	assert_int_equal(fx_leaf(&sw.fx, mm_of(&sw), FX_AT).prot & QUIRE_PROT_WRITE, 0);
	sw_close(&sw);
}

static void dontneed_frees_slots(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	uint64_t value;

	sw_fill(&sw, FX_AT, 8, 0x10);
	sw_evict(&sw, FX_AT, 8);
	sw_expect(&sw, FX_AT, 1, 0x10);
	assert_int_equal(SIM_OP(sw.fx.cpu, "madvise",
				quire_madvise(mm_of(&sw), FX_AT, 8 * sw.fx.page, QUIRE_MADV_DONTNEED)),
			 QUIRE_OK);
	assert_int_equal(sw_area(&sw).used, 0);
	sw_check(&sw, "dontneed");
	assert_int_equal(sim_read(sw.fx.cpu, FX_AT, 1, &value), SIM_DONE);
	assert_int_equal(value, 0);
	sw_close(&sw);
}

/* The kernel reads and writes a swapped page as the program would. */
static void kernel_access(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	unsigned char bytes[2] = {0};
	size_t done;

	sw_fill(&sw, FX_AT, 2, 0x10);
	sw_evict(&sw, FX_AT, 2);
	assert_int_equal(SIM_OP(sw.fx.cpu, "access",
				quire_mm_access(mm_of(&sw), FX_AT + sw.fx.page - 1, bytes, 2, 0, &done)),
			 QUIRE_OK);
	assert_int_equal(bytes[1], 0x11);
	sw_evict(&sw, FX_AT, 2);
	bytes[0] = 0x77;
	assert_int_equal(SIM_OP(sw.fx.cpu, "access",
				quire_mm_access(mm_of(&sw), FX_AT, bytes, 1, QUIRE_REMOTE_WRITE, &done)),
			 QUIRE_OK);
	sw_evict_some(&sw, FX_AT, 1, 1);
	sw_expect(&sw, FX_AT, 1, 0x77);
	assert_int_equal(sim_copy_from_user(sw.fx.cpu, bytes, FX_AT + sw.fx.page, 1), 0);
	assert_int_equal(bytes[0], 0x11);
	sw_close(&sw);
}

/* --- shared memory -------------------------------------------------------------------------------------------- */

static void fill_shared(struct sw *sw, unsigned pages, struct quire_file *file)
{
	fx_map(&sw->fx, FX_AT, pages, RW, QUIRE_MAP_SHARED, file);
	for (unsigned i = 0; i < pages; i++)
		assert_int_equal(sim_write(sw->fx.cpu, FX_AT + i * sw->fx.page, 1, 0x40 + i), SIM_DONE);
}

static void shared_memory_out_and_back(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	struct sim_process *child;
	unsigned char vector[4];

	fill_shared(&sw, 4, NULL);
	assert_int_equal(sim_process_fork(sw.fx.process, &child), QUIRE_OK);
	sim_switch(sw.fx.cpu, child);
	sw_expect(&sw, FX_AT, 4, 0x40);
	sim_switch(sw.fx.cpu, sw.fx.process);
	sw_evict(&sw, FX_AT, 4);
	sw_check(&sw, "shared, evicted");
	assert_int_equal(smaps(&sw, FX_AT, 4).swap, 4);
	assert_int_equal(usage(&sw).rss_shmem, 0);
	assert_int_equal(quire_mincore(mm_of(&sw), FX_AT, 4 * sw.fx.page, vector), QUIRE_OK);
	assert_memory_equal(vector, "\0\0\0\0", 4);
	sim_switch(sw.fx.cpu, child);
	sw_read_way(&sw, FX_AT, 0x40, "handle_pte_fault do_fault do_read_fault swap-read major", 1);
	/* The slot is free: the file has its page again. */
	assert_int_equal(sw_area(&sw).used, 3);
	assert_int_equal(sim_write(sw.fx.cpu, FX_AT, 1, 0x50), SIM_DONE);
	sim_switch(sw.fx.cpu, sw.fx.process);
	sw_expect(&sw, FX_AT, 1, 0x50);
	sw_expect(&sw, FX_AT + sw.fx.page, 3, 0x41);
	sw_check(&sw, "shared, back");
	sw_evict(&sw, FX_AT, 4);
	sim_process_exit(sw.fx.process);
	sim_process_exit(child);
	assert_int_equal(sw_area(&sw).used, 0);
	sw_close(&sw);
}

static void shared_files_read_write_truncate(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	struct quire_file *file;
	unsigned char byte;
	uint64_t value;
	size_t done;

	assert_int_equal(quire_file_create(sim_system(sw.fx.sim), NULL, NULL, 6 * sw.fx.page, &file),
			 QUIRE_OK);
	fill_shared(&sw, 6, file);
	sw_evict(&sw, FX_AT, 6);
	/* read(2) brings it back, write(2) too. */
	assert_int_equal(SIM_OP(sw.fx.cpu, "read", quire_file_read(file, 0, &byte, 1, &done)), QUIRE_OK);
	assert_int_equal(byte, 0x40);
	byte = 0x66;
	assert_int_equal(SIM_OP(sw.fx.cpu, "write", quire_file_write(file, sw.fx.page + 1, &byte, 1, &done)),
			 QUIRE_OK);
	sw_expect(&sw, FX_AT + sw.fx.page, 1, 0x41);
	assert_int_equal(sim_read(sw.fx.cpu, FX_AT + sw.fx.page + 1, 1, &value), SIM_DONE);
	assert_int_equal(value, 0x66);
	sw_check(&sw, "read and written");
	/* Truncation frees slots; the tail of a swapped page is cleared. */
	assert_int_equal(sim_write(sw.fx.cpu, FX_AT + 2 * sw.fx.page + 8, 1, 0x77), SIM_DONE);
	sw_evict_some(&sw, FX_AT, 6, 3); /* fault-around has mapped what read(2) brought */
	assert_int_equal(SIM_OP(sw.fx.cpu, "truncate", quire_file_truncate(file, 2 * sw.fx.page + 4)),
			 QUIRE_OK);
	sw_check(&sw, "truncated");
	assert_int_equal(SIM_OP(sw.fx.cpu, "truncate", quire_file_truncate(file, 6 * sw.fx.page)), QUIRE_OK);
	sw_expect(&sw, FX_AT + 2 * sw.fx.page, 1, 0x42);
	assert_int_equal(sim_read(sw.fx.cpu, FX_AT + 2 * sw.fx.page + 8, 1, &value), SIM_DONE);
	assert_int_equal(value, 0);
	assert_int_equal(sim_read(sw.fx.cpu, FX_AT + 3 * sw.fx.page, 1, &value), SIM_DONE);
	assert_int_equal(value, 0);
	/* A hole. */
	sw_evict_some(&sw, FX_AT, 3, 1);
	assert_int_equal(SIM_OP(sw.fx.cpu, "punch", quire_file_punch(file, 0, sw.fx.page)), QUIRE_OK);
	assert_int_equal(sim_read(sw.fx.cpu, FX_AT, 1, &value), SIM_DONE);
	assert_int_equal(value, 0);
	sw_expect(&sw, FX_AT + sw.fx.page, 1, 0x41);
	sw_check(&sw, "punched");
	sw_evict_some(&sw, FX_AT, 2, 2);
	quire_file_put(file);
	sw_close(&sw);
}

/* A private copy of a page of a file is private memory like any other. */
static void private_copies_of_files(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	struct sim_file *file;

	assert_int_equal(sim_file_create(sw.fx.sim, 4 * sw.fx.page, 0x40, &file), QUIRE_OK);
	fx_map(&sw.fx, FX_AT, 4, RW, QUIRE_MAP_PRIVATE, file->file);
	assert_int_equal(sim_write(sw.fx.cpu, FX_AT, 1, 0x11), SIM_DONE);
	sw_evict(&sw, FX_AT, 1);
	sw_expect(&sw, FX_AT, 1, 0x11);
	sw_evict(&sw, FX_AT, 1);
	assert_int_equal(sim_file_truncate(file, 0), QUIRE_OK);
	assert_int_equal(sw_area(&sw).used, 0);
	sim_file_close(file);
	sw_close(&sw);
}

static void failed_read_of_shared_memory(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 64, 0, NULL);
	uint64_t value;

	fill_shared(&sw, 2, NULL);
	sw_evict(&sw, FX_AT, 2);
	sw.store->fail_get = 1;
	for (unsigned i = 0; i < 2; i++)
		fx_expect_signal(&sw.fx, sim_read(sw.fx.cpu, FX_AT, 1, &value), QUIRE_SIGBUS,
				 QUIRE_BUS_ADRERR, FX_AT);
	sw_expect(&sw, FX_AT + sw.fx.page, 1, 0x41);
	sw_check(&sw, "failed");
	assert_int_equal(SIM_OP(sw.fx.cpu, "swapoff", quire_swapoff(sim_system(sw.fx.sim), &sw.store->store)),
			 QUIRE_OK);
	fx_expect_signal(&sw.fx, sim_read(sw.fx.cpu, FX_AT, 1, &value), QUIRE_SIGBUS, QUIRE_BUS_ADRERR,
			 FX_AT);
	sw_check(&sw, "poisoned");
	sw_close(&sw);
}

/* --- swapoff -------------------------------------------------------------------------------------------------- */

static void swapoff_brings_everything_back(void **state)
{
	static const char *const profiles[] = {"linux-2.4", "linux-2.6", "linux-4.14", "linux-6"};

	for (unsigned p = 0; p < 4; p++) {
		struct sw sw = sw_open(*state, profiles[p], 128, 0, NULL);
		struct quire_system *system = sim_system(sw.fx.sim);
		struct sim_process *child;
		uint64_t value;

		fill_shared(&sw, 4, NULL);
		sw_evict(&sw, FX_AT, 4);
		sw_fill(&sw, FX_AT + 8 * sw.fx.page, 40, 0x10);
		sw_evict(&sw, FX_AT + 8 * sw.fx.page, 40);
		assert_int_equal(sim_process_fork(sw.fx.process, &child), QUIRE_OK);
		sw_expect(&sw, FX_AT + 8 * sw.fx.page, 10, 0x10);
		/* One page is lost: it is SIGBUS with the store and without. */
		sw.store->fail_get = sw.store->gets + 3;
		assert_int_equal(SIM_OP(sw.fx.cpu, "swapoff", quire_swapoff(system, &sw.store->store)),
				 QUIRE_OK);
		sw_check(&sw, "swapoff");
		assert_int_equal(usage(&sw).swap, 0);
		for (unsigned i = 0, lost = 0; i < 40; i++) {
			enum sim_end end = sim_read(sw.fx.cpu, FX_AT + (8 + i) * sw.fx.page, 1, &value);

			if (end == SIM_SIGNALLED) {
				assert_int_equal(sim_last(sw.fx.cpu)->signal, QUIRE_SIGBUS);
				assert_int_equal(lost++, 0);
				continue;
			}
			assert_int_equal(value, 0x10 + i);
		}
		sim_switch(sw.fx.cpu, child);
		sw_expect(&sw, FX_AT, 4, 0x40);
		/* And again. */
		sw.store->fail_get = 0;
		assert_int_equal(quire_swapon(system, &sw.store->store, 3), QUIRE_OK);
		sw_evict(&sw, FX_AT + 8 * sw.fx.page, 2);
		sw_expect(&sw, FX_AT + 8 * sw.fx.page, 2, 0x10);
		sw_close(&sw);
	}
}

/* Memory does not hold it: ENOMEM, everything as it was, and again when it does. */
static void swapoff_without_memory(void **state)
{
	struct sim_config config = {.ram_bytes = 1u << 20};
	struct sw sw;
	unsigned pages, taken = 0;
	quire_pfn frame[600];

	if (!strcmp(*state, "toy"))
		return; /* 96 pages are all that its programs have room for */
	sw = sw_open(*state, "linux-6", 4096, 0, &config);
	pages = (unsigned)(sim_free_frames(sw.fx.sim) * 2 / 3);
	sw_fill(&sw, FX_AT, pages, 0);
	sw_evict(&sw, FX_AT, pages);
	while (sim_free_frames(sw.fx.sim) > pages / 2 && taken < 600)
		assert_int_equal(quire_frame_alloc(sim_system(sw.fx.sim), 0, 0, &frame[taken++]), QUIRE_OK);
	assert_int_equal(SIM_OP(sw.fx.cpu, "swapoff", quire_swapoff(sim_system(sw.fx.sim), &sw.store->store)),
			 QUIRE_ENOMEM);
	sw_check(&sw, "swapoff failed");
	assert_int_equal(sw_area(&sw).slots, 4096);
	while (taken)
		quire_frame_free(sim_system(sw.fx.sim), frame[--taken], 0);
	sw_expect(&sw, FX_AT + (pages - 8) * sw.fx.page, 8, pages - 8);
	sw_evict_some(&sw, FX_AT, 4, 4);
	assert_int_equal(SIM_OP(sw.fx.cpu, "swapoff", quire_swapoff(sim_system(sw.fx.sim), &sw.store->store)),
			 QUIRE_OK);
	sw_expect(&sw, FX_AT, pages, 0);
	sw_close(&sw);
}

/* --- stores that fail ------------------------------------------------------------------------------------------- */

static char logged[4][100];
static unsigned lines;

static void keep_line(void *context, const char *text)
{
	(void)context;
	if (lines < 4)
		snprintf(logged[lines], sizeof(logged[0]), "%s", text);
	lines++;
}

/* A failed write keeps the page and retires the slot, once and for all. */
static void failed_write(void **state)
{
	struct sim_config config = {.log = keep_line};
	struct sw sw = sw_open(*state, "linux-6", 64, 0, &config);

	lines = 0;
	sw_fill(&sw, FX_AT, 4, 0x10);
	sw.store->fail_put = 2;
	sw_evict_some(&sw, FX_AT, 4, 3);
	sw_check(&sw, "failed write");
	assert_int_equal(sw_area(&sw).retired, 1);
	assert_int_equal(sw_area(&sw).write_errors, 1);
	assert_int_equal(lines, 1);
	/* It is still there. Touched, it gets another slot next time. */
	sw_read_way(&sw, FX_AT + sw.fx.page, 0x11, "handle_pte_fault do_swap_page swap-cache-hit minor", 0);
	sw_evict_some(&sw, FX_AT + sw.fx.page, 1, 1);
	assert_int_not_equal(qr_swap_offset(sw_entry(&sw, mm_of(&sw), FX_AT + sw.fx.page)), 1);
	sw_expect(&sw, FX_AT, 4, 0x10);
	sim_process_exit(sw.fx.process);
	assert_int_equal(sw_area(&sw).used, 1);
	sw_close(&sw);
}

/* Full: pages stay. */
static void full_store(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 4, 0, NULL);

	sw_fill(&sw, FX_AT, 8, 0x10);
	sw_evict_some(&sw, FX_AT, 8, 4);
	sw_evict_some(&sw, FX_AT, 8, 0);
	sw_check(&sw, "full");
	sw_expect(&sw, FX_AT, 8, 0x10);
	sw_close(&sw);
}

/* The power is torn at each write in turn: what is in memory goes on, what is lost is SIGBUS, and the log says so. */
static void store_dies_at_any_write(void **state)
{
	struct sim_config config = {.log = keep_line};

	for (uint64_t at = 1; at <= 40; at += 3) {
		struct sw sw = sw_open(*state, "linux-6", 128, 0, &config);
		unsigned lost = 0;

		lines = 0;
		sw.store->dies_at = at;
		sw_fill(&sw, FX_AT, 40, 0x10);
		sw_evict_some(&sw, FX_AT, 40, at - 1);
		sw_check(&sw, "torn");
		assert_true(lines >= 1 && lines <= 2);
		for (unsigned i = 0; i < 40; i++) {
			uint64_t value;
			enum sim_end end = sim_read(sw.fx.cpu, FX_AT + i * sw.fx.page, 1, &value);

			if (end == SIM_SIGNALLED)
				lost++;
			else
				assert_int_equal(value, 0x10 + i);
		}
		assert_int_equal(lost, at - 1);
		/* After enough failures it is not asked any more. */
		sw_evict_some(&sw, FX_AT, 40, 0);
		sw_evict_some(&sw, FX_AT, 40, 0);
		assert_true(sw_area(&sw).stopped || at > 25);
		assert_true(sw.store->puts < 128);
		sw_check(&sw, "torn, and on");
		sw_close(&sw);
	}
}

/* What fails goes to the next store. */
static void several_stores(void **state)
{
	struct sw sw = sw_open(*state, "linux-6", 8, 0, NULL);
	struct sim_store *second = sim_store_create(sw.fx.sim, 64, 0);

	assert_int_equal(quire_swapon(sim_system(sw.fx.sim), &second->store, -1), QUIRE_OK);
	sw_fill(&sw, FX_AT, 20, 0x10);
	sw_evict(&sw, FX_AT, 20);
	assert_int_equal(sw.store->puts, 8);
	assert_int_equal(second->puts, 12);
	assert_int_equal(SIM_OP(sw.fx.cpu, "swapoff", quire_swapoff(sim_system(sw.fx.sim), &sw.store->store)),
			 QUIRE_OK);
	sw_evict_some(&sw, FX_AT, 20, 8);
	sw_check(&sw, "one left");
	sw_expect(&sw, FX_AT, 20, 0x10);
	sw_close(&sw);
}

int main(void)
{
	struct CMUnitTest tests[160] = {{0}};
	size_t count = 0;

	FX_FOR_ARCHES(tests, count, what_is_said_of_swapped_memory);
	FX_FOR_ARCHES(tests, count, swap_counters);
	FX_FOR_ARCHES(tests, count, mremap_moves_entries);
	FX_FOR_ARCHES(tests, count, fork_counts_and_exit_uncounts);
	FX_FOR_ARCHES(tests, count, madvise_pageout_willneed_free);
	FX_FOR_ARCHES(tests, count, protection_is_the_vmas);
	FX_FOR_ARCHES(tests, count, dontneed_frees_slots);
	FX_FOR_ARCHES(tests, count, kernel_access);
	FX_FOR_ARCHES(tests, count, shared_memory_out_and_back);
	FX_FOR_ARCHES(tests, count, shared_files_read_write_truncate);
	FX_FOR_ARCHES(tests, count, private_copies_of_files);
	FX_FOR_ARCHES(tests, count, failed_read_of_shared_memory);
	FX_FOR_ARCHES(tests, count, swapoff_brings_everything_back);
	FX_FOR_ARCHES(tests, count, swapoff_without_memory);
	FX_FOR_ARCHES(tests, count, failed_write);
	FX_FOR_ARCHES(tests, count, full_store);
	FX_FOR_ARCHES(tests, count, store_dies_at_any_write);
	FX_FOR_ARCHES(tests, count, several_stores);
	return _cmocka_run_group_tests("calls on swapped memory", tests, count, NULL, NULL);
}
