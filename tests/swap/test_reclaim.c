/* SPDX-License-Identifier: MIT */
/* Reclaim: programs larger than RAM, pages of files, locked pages, running out, and that nothing is allocated. */
#include "fixture.h"

#include <limits.h>
#include <string.h>

#include "mm/mm.h"
#include "reclaim/policy.h"
#include "swap/swap.h"

static const struct quire_policy *const policies[] = {&quire_policy_lru, &quire_policy_gen};
#define EACH_POLICY(p) for (unsigned p = 0; p < sizeof(policies) / sizeof(policies[0]); p++)

/* A machine of 1 MiB with a store. */
static struct sw small(const struct quire_policy *policy, uint64_t slots)
{
	const struct sim_config config = {.ram_bytes = 1 << 20, .policy = policy};

	return sw_open("x86_64", "linux-6", slots, 0, &config);
}

static uint64_t event(struct sw *sw, enum quire_event which)
{
	return quire_event_count(sim_system(sw->fx.sim), which);
}

/* Four times as much as RAM, written, then read twice: every byte is there. */
static void larger_than_ram(void **state)
{
	(void)state;
	EACH_POLICY(p)
	{
		struct sw sw = small(policies[p], 2048);

		sw_fill(&sw, FX_AT, 1024, 1);
		sw_check(&sw, policies[p]->name);
		sw_expect(&sw, FX_AT, 1024, 1);
		sw_expect(&sw, FX_AT, 1024, 1);
		sw_check(&sw, policies[p]->name);
		assert_true(event(&sw, QUIRE_EVENT_PSWPOUT) > 700);
		assert_true(event(&sw, QUIRE_EVENT_PSWPIN) > 700);
		assert_true(event(&sw, QUIRE_EVENT_ALLOCSTALL) > 10);
		assert_true(event(&sw, QUIRE_EVENT_PGSTEAL_DIRECT) > 700);
		assert_true(event(&sw, QUIRE_EVENT_PGSCAN_DIRECT) >= event(&sw, QUIRE_EVENT_PGSTEAL_DIRECT));
		sw_close(&sw);
	}
}

/* Pages written in no order leave in batches, each in the order of its addresses, from the beginning of a window of
 * read-ahead on. */
static void batches_lie_in_order(void **state)
{
	enum {
		PAGES = 200
	};
	const struct sim_config config = {.ram_bytes = 4 << 20};
	struct sw sw = sw_open("x86_64", "linux-6", 1024, 0, &config);
	unsigned page_in[1024] = {0}, batches = 0, last = 0;

	(void)state;
	/* A window is begun by one page. */
	sw_fill(&sw, FX_AT + PAGES * sw.fx.page, 1, 1);
	sw_evict(&sw, FX_AT + PAGES * sw.fx.page, 1);
	fx_map(&sw.fx, FX_AT, PAGES, RW, QUIRE_MAP_PRIVATE, NULL);
	for (unsigned i = 0; i < PAGES; i++)
		assert_int_equal(sim_write(sw.fx.cpu, FX_AT + i * 37 % PAGES * sw.fx.page, 1, 1), SIM_DONE);
	assert_int_equal(quire_reclaim(sim_system(sw.fx.sim), PAGES), PAGES);
	for (unsigned i = 0; i < PAGES; i++)
		page_in[qr_swap_offset(sw_entry(&sw, sw.fx.process->mm, FX_AT + i * sw.fx.page))] = i + 1;
	/* The first batch has four pages, the next are as large as the hand finds them. */
	for (unsigned slot = 1; slot < 1024; slot++) {
		if (page_in[slot] && page_in[slot] < last) {
			assert_int_equal(slot % QR_SWAP_WINDOW, 0);
			batches++;
		}
		last = page_in[slot] ? page_in[slot] : last;
	}
	assert_int_equal(batches, 7);
	sw_check(&sw, "evicted");
	sw_close(&sw);
}

static enum quire_status copy_out(struct sw *sw, unsigned page, unsigned value, unsigned flags)
{
	unsigned char byte = (unsigned char)value;
	size_t done;

	return SIM_OP(sw->fx.cpu, "copy",
		      quire_copy_out(sw->fx.process->mm, FX_AT + page * sw->fx.page, &byte, 1, flags, &done));
}

/* The kernel's copies to and from memory four times as large as RAM find a frame where none is free. A copy that must not
 * sleep finds none, and makes no page leave. */
static void copies(void **state)
{
	(void)state;
	EACH_POLICY(p)
	{
		struct sw sw = small(policies[p], 2048);
		uint64_t stalls;

		fx_map(&sw.fx, FX_AT, 1024, RW, QUIRE_MAP_PRIVATE, NULL);
		for (unsigned i = 0; i < 1024; i++)
			assert_int_equal(copy_out(&sw, i, i, 0), QUIRE_OK);
		stalls = event(&sw, QUIRE_EVENT_ALLOCSTALL);
		assert_true(stalls > 10);
		assert_int_equal(copy_out(&sw, 0, 1, QUIRE_COPY_NOWAIT), QUIRE_EFAULT);
		assert_int_equal(event(&sw, QUIRE_EVENT_ALLOCSTALL), stalls);
		for (unsigned i = 0; i < 1024; i++) {
			unsigned char byte = (unsigned char)~i;
			size_t done = 0;

			assert_int_equal(SIM_OP(sw.fx.cpu, "copy",
						quire_copy_in(sw.fx.process->mm, &byte,
							      FX_AT + i * sw.fx.page, 1, 0, &done)),
					 QUIRE_OK);
			assert_int_equal(done, 1);
			assert_int_equal(byte, i & 0xff);
		}
		assert_true(event(&sw, QUIRE_EVENT_ALLOCSTALL) > stalls + 10);
		assert_true(event(&sw, QUIRE_EVENT_PSWPIN) > 700);
		sw_check(&sw, policies[p]->name);
		sw_close(&sw);
	}
}

/* Memory four times as large as RAM is read in order: read-ahead brings seven of eight, though no frame is free. Both by
 * programs and by the kernel's copies. */
static void read_ahead_finds_frames(void **state)
{
	(void)state;
	EACH_POLICY(p)
	{
		for (unsigned kernel = 0; kernel < 2; kernel++) {
			struct sw sw = small(policies[p], 2048);
			uint64_t in, ahead;

			sw_fill(&sw, FX_AT, 1024, 1);
			in = event(&sw, QUIRE_EVENT_PSWPIN);
			ahead = event(&sw, QUIRE_EVENT_SWAP_RA);
			for (unsigned i = 0; i < 1024; i++) {
				unsigned char byte = 0;
				size_t done;

				if (!kernel)
					sw_expect(&sw, FX_AT + i * sw.fx.page, 1, 1 + i);
				else
					assert_int_equal(
					    SIM_OP(sw.fx.cpu, "copy",
						   quire_copy_in(sw.fx.process->mm, &byte,
								 FX_AT + i * sw.fx.page, 1, 0, &done)),
					    QUIRE_OK);
			}
			assert_int_equal(event(&sw, QUIRE_EVENT_PSWPIN) - in, 1024);
			/* 5 pages of the first fault, which has no direction yet; 8 of each then; the ends of
			 * two tables lie between. */
			assert_int_equal(event(&sw, QUIRE_EVENT_SWAP_RA) - ahead, 1024 - 129);
			sw_close(&sw);
		}
	}
}

/* A program writes memory without end beside the four pages of a file that it reads all the time: few as they are, those
 * mostly stay (264 came back where looks at the short list were as many as at the long one). */
static void few_pages_in_use_stay(void **state)
{
	(void)state;
	EACH_POLICY(p)
	{
		struct sw sw = small(policies[p], 4096);
		quire_va file_at = FX_AT + 2048 * sw.fx.page;
		struct sim_file *file;
		uint64_t value;

		assert_int_equal(sim_file_create(sw.fx.sim, 4 * sw.fx.page, 0, &file), QUIRE_OK);
		fx_map(&sw.fx, FX_AT, 2048, RW, QUIRE_MAP_PRIVATE, NULL);
		fx_map(&sw.fx, file_at, 4, QUIRE_PROT_READ, QUIRE_MAP_PRIVATE, file->file);
		for (unsigned i = 0; i < 2048; i++) {
			assert_int_equal(sim_write(sw.fx.cpu, FX_AT + i * sw.fx.page, 1, 1), SIM_DONE);
			for (unsigned j = 0; j < 4; j++)
				assert_int_equal(sim_read(sw.fx.cpu, file_at + j * sw.fx.page, 1, &value),
						 SIM_DONE);
		}
		assert_true(event(&sw, QUIRE_EVENT_WORKINGSET_REFAULT_FILE) < 100);
		sw_check(&sw, policies[p]->name);
		sim_file_close(file);
		sw_close(&sw);
	}
}

/* Without a store the memory of programs cannot leave: the fault ends as it did. */
static void without_a_store(void **state)
{
	const struct sim_config config = {.ram_bytes = 1 << 20, .overcommit = QUIRE_OVERCOMMIT_ALWAYS};
	struct fx fx = fx_open("x86_64", "linux-6", &config);
	unsigned i = 0;

	(void)state;
	fx_map(&fx, FX_AT, 1024, RW, QUIRE_MAP_PRIVATE, NULL);
	while (i < 1024 && sim_write(fx.cpu, FX_AT + i * fx.page, 1, 1) == SIM_DONE)
		i++;
	assert_in_range(i, 100, 255);
	fx_close(&fx);
}

/* A file four times as large as RAM, read through a mapping: its pages are dropped; what was written is written back. */
static void files(void **state)
{
	(void)state;
	EACH_POLICY(p)
	{
		struct sw sw = small(policies[p], 64);
		struct sim_file *file;
		uint64_t value;

		assert_int_equal(sim_file_create(sw.fx.sim, 1024 * sw.fx.page, 0, &file), QUIRE_OK);
		fx_map(&sw.fx, FX_AT, 1024, RW, QUIRE_MAP_SHARED, file->file);
		for (unsigned round = 0; round < 2; round++) {
			for (unsigned i = 0; i < 1024; i++)
				assert_int_equal(
				    sim_write(sw.fx.cpu, FX_AT + i * sw.fx.page + round, 1, i & 0xff),
				    SIM_DONE);
		}
		for (unsigned i = 0; i < 1024; i++) {
			assert_int_equal(sim_read(sw.fx.cpu, FX_AT + i * sw.fx.page, 2, &value), SIM_DONE);
			assert_int_equal(value, (i & 0xff) * 0x101);
		}
		sw_check(&sw, policies[p]->name);
		assert_int_equal(event(&sw, QUIRE_EVENT_PSWPOUT), 0);
		assert_true(event(&sw, QUIRE_EVENT_PAGE_WRITTEN) > 1500);
		assert_true(event(&sw, QUIRE_EVENT_WORKINGSET_REFAULT_FILE) > 50);
		sim_file_close(file);
		sw_close(&sw);
	}
}

/* Shared memory, written by write(), which nothing maps. */
static void shared_memory_without_a_mapping(void **state)
{
	struct sw sw = small(NULL, 2048);
	struct quire_file *file;
	unsigned char byte;
	size_t done;

	(void)state;
	assert_int_equal(quire_file_create(sim_system(sw.fx.sim), NULL, NULL, 0, &file), QUIRE_OK);
	for (unsigned i = 0; i < 1024; i++) {
		byte = (unsigned char)i;
		assert_int_equal(quire_file_write(file, i * sw.fx.page, &byte, 1, &done), QUIRE_OK);
		assert_int_equal(done, 1);
	}
	for (unsigned i = 0; i < 1024; i++) {
		assert_int_equal(quire_file_read(file, i * sw.fx.page, &byte, 1, &done), QUIRE_OK);
		assert_int_equal(byte, (unsigned char)i);
	}
	sw_check(&sw, "shared memory");
	quire_file_put(file);
	sw_close(&sw);
}

/* Locked pages stay, and go to the list of those; unlocked ones leave. */
static void locked_pages(void **state)
{
	struct quire_usage usage;
	struct sw sw = small(NULL, 2048);
	struct quire_system *system = sim_system(sw.fx.sim);
	struct quire_mm *mm = sw.fx.process->mm;

	(void)state;
	sw_fill(&sw, FX_AT, 64, 1);
	assert_int_equal(SIM_OP(sw.fx.cpu, "mlock", quire_mlock(mm, FX_AT, 64 * sw.fx.page, 0)), QUIRE_OK);
	assert_int_equal(quire_reclaim(system, 64), 0);
	assert_int_equal(system->reclaim.kept_locked, 64);
	quire_mm_usage(mm, &usage);
	assert_int_equal(usage.swap, 0);
	assert_int_equal(SIM_OP(sw.fx.cpu, "munlock", quire_munlock(mm, FX_AT, 64 * sw.fx.page)), QUIRE_OK);
	assert_int_equal(quire_reclaim(system, 64), 64);
	assert_int_equal(system->reclaim.kept_locked, 0);
	sw_expect(&sw, FX_AT, 64, 1);
	sw_check(&sw, "unlocked");
	sw_close(&sw);
}

/* Every allocation fails while pages leave: none was asked for. */
static void nothing_is_allocated(void **state)
{
	(void)state;
	EACH_POLICY(p)
	{
		struct sw sw = small(policies[p], 256);
		struct sim_file *file;
		uint64_t value;

		sw_fill(&sw, FX_AT, 40, 1);
		assert_int_equal(sim_file_create(sw.fx.sim, 20 * sw.fx.page, 7, &file), QUIRE_OK);
		fx_map(&sw.fx, FX_AT + 64 * sw.fx.page, 20, RW, QUIRE_MAP_SHARED, file->file);
		for (unsigned i = 0; i < 20; i++)
			assert_int_equal(sim_read(sw.fx.cpu, FX_AT + (64 + i) * sw.fx.page, 1, &value),
					 SIM_DONE);
		for (unsigned i = 0; i < 10; i++)
			assert_int_equal(sim_write(sw.fx.cpu, FX_AT + (64 + i) * sw.fx.page, 1, 9), SIM_DONE);
		sim_fail(sw.fx.sim, 1u << QUIRE_RES_FRAME | 1u << QUIRE_RES_OBJECT, 1, UINT64_MAX);
		assert_int_equal(quire_reclaim(sim_system(sw.fx.sim), 60), 60);
		assert_int_equal(sim_failed(sw.fx.sim), 0);
		sim_fail(sw.fx.sim, 0, 0, 0);
		sw_check(&sw, policies[p]->name);
		sw_expect(&sw, FX_AT, 40, 1);
		sim_file_close(file);
		sw_close(&sw);
	}
}

/* --- what reclaim calls may call the library ------------------------------------------------------------------ */

/* A file whose device is memory of the same system: what is written back needs frames. */
struct stacked {
	struct quire_file *device;
	unsigned depth, deepest, writes;
};

static enum quire_status stacked_read(void *context, uint64_t offset, void *buffer, size_t length,
				      size_t *out_length)
{
	struct stacked *stacked = context;
	enum quire_status status = quire_file_read(stacked->device, offset, buffer, length, out_length);

	memset((char *)buffer + *out_length, 0, length - *out_length);
	*out_length = length;
	return status;
}

static enum quire_status stacked_write(void *context, uint64_t offset, const void *buffer, size_t length)
{
	struct stacked *stacked = context;
	enum quire_status status;
	size_t done;

	if (++stacked->depth > stacked->deepest)
		stacked->deepest = stacked->depth;
	stacked->writes++;
	/* Deep enough to be seen, before the stack is full. */
	status =
	    stacked->depth > 8 ? QUIRE_EIO : quire_file_write(stacked->device, offset, buffer, length, &done);
	stacked->depth--;
	return status;
}

static const struct quire_file_ops stacked_ops = {.read = stacked_read, .write = stacked_write};

/* Four times RAM is written to it, read back, and no write began within another. */
static void file_on_memory_of_the_system(void **state)
{
	const struct sim_config config = {.ram_bytes = 1 << 20, .options = SIM_STACKED};
	struct sw sw = sw_open("x86_64", "linux-6", 2048, 0, &config);
	struct quire_system *system = sim_system(sw.fx.sim);
	struct stacked stacked = {0};
	struct quire_file *file;
	unsigned char byte;
	size_t done;

	(void)state;
	assert_int_equal(quire_file_create(system, NULL, NULL, 0, &stacked.device), QUIRE_OK);
	assert_int_equal(quire_file_create(system, &stacked_ops, &stacked, 0, &file), QUIRE_OK);
	for (unsigned i = 0; i < 1024; i++) {
		byte = (unsigned char)i;
		assert_int_equal(quire_file_write(file, i * sw.fx.page, &byte, 1, &done), QUIRE_OK);
	}
	for (unsigned i = 0; i < 1024; i++) {
		assert_int_equal(quire_file_read(file, i * sw.fx.page, &byte, 1, &done), QUIRE_OK);
		assert_int_equal(byte, (unsigned char)i);
	}
	assert_in_range(stacked.writes, 800, UINT_MAX);
	assert_int_equal(stacked.deepest, 1);
	sw_check(&sw, "a file on memory");
	quire_file_put(file);
	quire_file_put(stacked.device);
	sw_close(&sw);
}

/* A store that takes all memory there is while pages leave for it. */
struct greedy {
	struct sw *sw;
	struct quire_file *spare;
	unsigned puts;
};

static void greedy_put(void *context, struct quire_store_page *pages, unsigned count)
{
	struct greedy *greedy = context;
	struct sw *sw = greedy->sw;
	uint64_t scanned = event(sw, QUIRE_EVENT_PGSCAN_DIRECT), at = 0;
	uint64_t stalls = event(sw, QUIRE_EVENT_ALLOCSTALL);
	enum quire_status status = QUIRE_OK;
	size_t done;

	while (status == QUIRE_OK)
		status = quire_file_write(greedy->spare, at++ * sw->fx.page, "x", 1, &done);
	assert_int_equal(status, QUIRE_ENOMEM);
	/* To the last frame, the reserve too, and without looking for more. */
	assert_int_equal(sim_free_frames(sw->fx.sim), 0);
	assert_int_equal(event(sw, QUIRE_EVENT_PGSCAN_DIRECT), scanned);
	assert_int_equal(event(sw, QUIRE_EVENT_ALLOCSTALL), stalls);
	assert_int_equal(quire_reclaim(sim_system(sw->fx.sim), 8), 0);
	assert_int_equal(quire_file_truncate(greedy->spare, 0), QUIRE_OK);
	sw->store->store.ops->put_batch(sw->store, pages, count);
	greedy->puts++;
}

static void greedy_get(void *context, struct quire_store_page *pages, unsigned count)
{
	struct greedy *greedy = context;

	greedy->sw->store->store.ops->get_batch(greedy->sw->store, pages, count);
}

static void store_that_allocates(void **state)
{
	static const struct quire_store_ops ops = {.put_batch = greedy_put, .get_batch = greedy_get};
	struct sw sw = small(NULL, 512);
	struct quire_system *system = sim_system(sw.fx.sim);
	struct greedy greedy = {.sw = &sw};
	const struct quire_store store = {.ops = &ops, .context = &greedy, .slots = 512};

	(void)state;
	assert_int_equal(quire_swapoff(system, &sw.store->store), QUIRE_OK);
	assert_int_equal(quire_file_create(system, NULL, NULL, 0, &greedy.spare), QUIRE_OK);
	assert_int_equal(quire_swapon(system, &store, 0), QUIRE_OK);
	sw_fill(&sw, FX_AT, 400, 1);
	sw_expect(&sw, FX_AT, 400, 1);
	assert_in_range(greedy.puts, 10, 1000);
	sw_check(&sw, "a store that allocates");
	assert_int_equal(quire_munmap(sw.fx.process->mm, FX_AT, 400 * sw.fx.page), QUIRE_OK);
	assert_int_equal(quire_swapoff(system, &store), QUIRE_OK);
	quire_file_put(greedy.spare);
	sw_close(&sw);
}

/* Every write to a store or a file fails in turn: the page stays, the next call evicts it, nothing is lost. */
static void writes_fail(void **state)
{
	(void)state;
	for (uint64_t nth = 1;; nth++) {
		struct sw sw = small(NULL, 256);
		struct sim_file *file;
		uint64_t failed, value;

		sw_fill(&sw, FX_AT, 12, 1);
		assert_int_equal(sim_file_create(sw.fx.sim, 4 * sw.fx.page, 7, &file), QUIRE_OK);
		fx_map(&sw.fx, FX_AT + 64 * sw.fx.page, 4, RW, QUIRE_MAP_SHARED, file->file);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(sim_write(sw.fx.cpu, FX_AT + (64 + i) * sw.fx.page, 1, 9), SIM_DONE);
		sim_fail(sw.fx.sim, 1u << QUIRE_RES_WRITE, nth, 1);
		(void)quire_reclaim(sim_system(sw.fx.sim), 16);
		failed = sim_failed(sw.fx.sim);
		sim_fail(sw.fx.sim, 0, 0, 0);
		sw_check(&sw, "after a failure");
		(void)quire_reclaim(sim_system(sw.fx.sim), 16);
		sw_check(&sw, "repeated");
		sw_expect(&sw, FX_AT, 12, 1);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(sim_read(sw.fx.cpu, FX_AT + (64 + i) * sw.fx.page, 1, &value),
					 SIM_DONE);
			assert_int_equal(value, 9);
		}
		sim_file_close(file);
		sw_close(&sw);
		if (!failed) {
			assert_true(nth > 16);
			return;
		}
	}
}

/* Below the mark the background thread has work, and above it none. */
static void background(void **state)
{
	const struct sim_config config = {.ram_bytes = 1 << 20, .low_frames = 60, .high_frames = 90};
	struct sw sw = sw_open("x86_64", "linux-6", 512, 0, &config);
	struct quire_system *system = sim_system(sw.fx.sim);
	uint64_t page = 0;

	(void)state;
	fx_map(&sw.fx, FX_AT, 512, RW, QUIRE_MAP_PRIVATE, NULL);
	while (sim_free_frames(sw.fx.sim) >= 50) {
		assert_int_equal(sim_write(sw.fx.cpu, FX_AT + page * sw.fx.page, 1, 1), SIM_DONE);
		page++;
	}
	assert_int_equal(system->reclaim.wanted, 1);
	assert_true(quire_reclaim_background(system) >= 40);
	assert_true(sim_free_frames(sw.fx.sim) >= 90);
	assert_int_equal(system->reclaim.wanted, 0);
	assert_int_equal(event(&sw, QUIRE_EVENT_ALLOCSTALL), 0);
	assert_true(event(&sw, QUIRE_EVENT_PGSTEAL_KSWAPD) >= 40);
	sw_check(&sw, "background");
	sw_close(&sw);
}

/* Points are pages in memory, in stores and of tables; the adjustment is in thousandths of all memory. */
static void out_of_memory(void **state)
{
	struct sw sw = small(NULL, 1024);
	struct quire_system *system = sim_system(sw.fx.sim);
	struct sim_process *other;
	struct quire_oom_candidate who[2] = {{.mm = sw.fx.process->mm}, {.mm = NULL}};
	struct quire_usage usage;
	size_t picked = 9;

	(void)state;
	sw_fill(&sw, FX_AT, 20, 1);
	assert_int_equal(sim_process_create(sw.fx.sim, NULL, &other), QUIRE_OK);
	who[1].mm = other->mm;
	assert_int_equal(quire_oom_pick(system, who, 2, &picked), QUIRE_OK);
	assert_int_equal(picked, 0);
	/* What is in a store counts as what is in memory. */
	sw_evict(&sw, FX_AT, 20);
	assert_int_equal(quire_oom_pick(system, who, 2, &picked), QUIRE_OK);
	assert_int_equal(picked, 0);
	/* 1024 slots and less than 256 frames: a thousandth is one page. */
	who[1].adjustment = 15;
	assert_int_equal(quire_oom_pick(system, who, 2, &picked), QUIRE_OK);
	assert_int_equal(picked, 0);
	who[1].adjustment = 40;
	assert_int_equal(quire_oom_pick(system, who, 2, &picked), QUIRE_OK);
	assert_int_equal(picked, 1);
	who[1].adjustment = QUIRE_OOM_NEVER;
	assert_int_equal(quire_oom_pick(system, who, 2, &picked), QUIRE_OK);
	assert_int_equal(picked, 0);
	who[0].adjustment = QUIRE_OOM_NEVER;
	assert_int_equal(quire_oom_pick(system, who, 2, &picked), QUIRE_ENOENT);
	assert_int_equal(event(&sw, QUIRE_EVENT_OOM_KILL), 5);
	/* Ten of the pages are back in memory. */
	sw_expect(&sw, FX_AT, 10, 1);
	assert_int_equal(
	    SIM_OP(sw.fx.cpu, "reap", quire_mm_reap(sw.fx.process->mm) == 20 ? QUIRE_OK : QUIRE_EINVAL),
	    QUIRE_OK);
	quire_mm_usage(sw.fx.process->mm, &usage);
	assert_int_equal(usage.rss_anon + usage.swap, 0);
	assert_int_equal(sw_area(&sw).used, 0);
	sw_check(&sw, "reaped");
	sw_close(&sw);
}

/* The recount finds a page that says that it is on a list and is not. */
static void recount(void **state)
{
	struct sw sw = small(NULL, 64);
	char why[200] = "";

	(void)state;
	sw_fill(&sw, FX_AT, 4, 1);
	sim_system(sw.fx.sim)->reclaim.pages++;
	assert_int_equal(quire_check(sim_system(sw.fx.sim), why, sizeof(why)), QUIRE_EINVAL);
	assert_non_null(strstr(why, "reclaim"));
	sim_system(sw.fx.sim)->reclaim.pages--;
	sw_close(&sw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(larger_than_ram),
	    cmocka_unit_test(batches_lie_in_order),
	    cmocka_unit_test(copies),
	    cmocka_unit_test(read_ahead_finds_frames),
	    cmocka_unit_test(few_pages_in_use_stay),
	    cmocka_unit_test(without_a_store),
	    cmocka_unit_test(files),
	    cmocka_unit_test(shared_memory_without_a_mapping),
	    cmocka_unit_test(locked_pages),
	    cmocka_unit_test(nothing_is_allocated),
	    cmocka_unit_test(writes_fail),
	    cmocka_unit_test(background),
	    cmocka_unit_test(out_of_memory),
	    cmocka_unit_test(recount),
	    cmocka_unit_test(file_on_memory_of_the_system),
	    cmocka_unit_test(store_that_allocates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
