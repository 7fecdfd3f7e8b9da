/* SPDX-License-Identifier: MIT */
/* The cost of the fault path: instructions of the library alone, for each kind of fault.
 *
 *   bench-fault list        a line for each: name, unit, operations, the function that run.py counts in
 *   bench-fault run NAME    prepares, and does the work
 *
 * The host does as little as possible: pages are neither cleared nor copied, and flushes return at once.
 * So the count covers only decoding, deciding and bookkeeping. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <quire/quire.h>

#include "mm/mm.h"
#include "reclaim/policy.h"

#define RAM_BYTES (256u << 20)
#define COUNT     256u
#define AT        ((quire_va)0x7f0000000000)
#define PAGE      ((quire_va)4096)
#define RW        (QUIRE_PROT_READ | QUIRE_PROT_WRITE)

struct world {
	struct quire_system *system;
	struct quire_mm *mm, *child;
	struct quire_file *file;
};

static void die(const char *what)
{
	fprintf(stderr, "bench-fault: %s\n", what);
	exit(1);
}

static void ok(enum quire_status status, const char *what)
{
	if (status != QUIRE_OK)
		die(what);
}

/* --- a host that does nothing --------------------------------------------------------------------- */

static void host_panic(void *host, const char *text)
{
	(void)host;
	die(text);
}

static void host_page(void *host, void *page, size_t bytes)
{
	(void)host, (void)page, (void)bytes;
}

static void host_copy(void *host, void *to, const void *from, size_t bytes)
{
	(void)host, (void)to, (void)from, (void)bytes;
}

static const struct quire_host host = {
    .panic = host_panic,
    .page_clear = host_page,
    .page_copy = host_copy,
};

static enum quire_status file_read(void *context, uint64_t offset, void *buffer, size_t length,
				   size_t *out_length)
{
	(void)context, (void)offset;
	memset(buffer, 1, length);
	*out_length = length;
	return QUIRE_OK;
}

static const struct quire_file_ops file_ops = {.read = file_read};

/* --- the parts of a benchmark --------------------------------------------------------------------- */

static void map(struct world *world, struct quire_mm *mm, quire_va at, uint64_t pages, uint32_t flags)
{
	struct quire_mapping how = {
	    .addr = at,
	    .length = pages * PAGE,
	    .prot = RW,
	    .flags = flags | QUIRE_MAP_FIXED | (world->file ? 0u : (uint32_t)QUIRE_MAP_ANONYMOUS),
	    .file = world->file,
	};
	quire_va got;

	ok(quire_mmap(mm, &how, &got), "mmap");
}

/* A user-mode fault as x86-64 raises it. bits: P 1, W 2, U 4 (SDM vol 3A 4.7). */
static void fault(struct world *world, struct quire_mm *mm, quire_va va, unsigned bits)
{
	struct quire_trap trap = {
	    .vector = QUIRE_VECTOR_PAGE_FAULT,
	    .mode = QUIRE_MODE_USER,
	    .syndrome = bits,
	    .address = va,
	    .sp = AT,
	};

	if (quire_handle_trap(world->system, mm, &trap, NULL).kind != QUIRE_RESUME)
		die("a fault was not resolved");
}

/* Maps one page before and one after the measured ones, so that no table is allocated while measuring. */
static void tables(struct world *world)
{
	fault(world, world->mm, AT, 6);
	fault(world, world->mm, AT + (COUNT + 1) * PAGE, 6);
}

static void prepare_anon(struct world *world)
{
	map(world, world->mm, AT, COUNT + 2, QUIRE_MAP_PRIVATE);
	tables(world);
}

/* The same in a group, whose batches of charges are counted with the faults. */
static void prepare_group(struct world *world)
{
	struct quire_group *group;

	ok(quire_group_create(world->system, NULL, &group), "group");
	quire_mm_set_group(world->mm, group);
	quire_group_put(group);
	prepare_anon(world);
}

static void prepare_written(struct world *world)
{
	prepare_anon(world);
	for (unsigned i = 1; i <= COUNT; i++)
		fault(world, world->mm, AT + i * PAGE, 6);
}

static void prepare_zero(struct world *world)
{
	prepare_anon(world);
	for (unsigned i = 1; i <= COUNT; i++)
		fault(world, world->mm, AT + i * PAGE, 4);
}

static void prepare_forked(struct world *world)
{
	prepare_written(world);
	ok(quire_mm_fork(world->mm, &world->child), "fork");
}

static void prepare_forked_group(struct world *world)
{
	prepare_group(world);
	for (unsigned i = 1; i <= COUNT; i++)
		fault(world, world->mm, AT + i * PAGE, 6);
	ok(quire_mm_fork(world->mm, &world->child), "fork");
}

static void prepare_written_group(struct world *world)
{
	prepare_group(world);
	for (unsigned i = 1; i <= COUNT; i++)
		fault(world, world->mm, AT + i * PAGE, 6);
}

static void prepare_orphaned(struct world *world)
{
	prepare_forked(world);
	quire_mm_put(world->child);
	world->child = NULL;
}

static void prepare_file(struct world *world)
{
	static char buffer[PAGE];
	size_t done;

	ok(quire_file_create(world->system, &file_ops, NULL, (COUNT + 2) * PAGE, &world->file), "file");
	for (unsigned i = 0; i < COUNT + 2; i++)
		ok(quire_file_read(world->file, i * PAGE, buffer, sizeof(buffer), &done), "read");
	map(world, world->mm, AT, COUNT + 2, QUIRE_MAP_PRIVATE);
	tables(world);
}

/* Maps every second page of the file separately, so that fault-around finds no neighbour. */
static void prepare_file_alone(struct world *world)
{
	static char buffer[PAGE];
	size_t done;

	ok(quire_file_create(world->system, &file_ops, NULL, 32 * COUNT * PAGE, &world->file), "file");
	for (unsigned i = 0; i < COUNT; i++)
		ok(quire_file_read(world->file, (32 * i + 8) * PAGE, buffer, sizeof(buffer), &done), "read");
	map(world, world->mm, AT, 32 * COUNT, QUIRE_MAP_PRIVATE);
	for (unsigned i = 0; i < COUNT; i++)
		if (!qr_pt_alloc(&world->mm->pt, AT + 32 * i * PAGE, 0, NULL))
			die("tables");
}

static void prepare_65536(struct world *world)
{
	for (unsigned i = 0; i < 65536; i++)
		map(world, world->mm, AT + 2 * i * PAGE, 1, QUIRE_MAP_PRIVATE);
	if (world->mm->vmas != 65536)
		die("65536 vmas");
}

#define MEASURED __attribute__((noinline))

/* --- the measured work -------------------------------------------------------------------------------- */

static void each(struct world *world, unsigned bits)
{
	for (unsigned i = 1; i <= COUNT; i++)
		fault(world, world->mm, AT + i * PAGE, bits);
}

static MEASURED void anon_write(struct world *world)
{
	each(world, 6);
}

/* The same with the record of each. */
static MEASURED void anon_write_traced(struct world *world)
{
	struct quire_trap trap = {.vector = QUIRE_VECTOR_PAGE_FAULT, .syndrome = 6, .sp = AT};
	struct quire_trace trace;

	for (unsigned i = 1; i <= COUNT; i++) {
		trap.address = AT + i * PAGE;
		if (quire_handle_trap(world->system, world->mm, &trap, &trace).kind != QUIRE_RESUME)
			die("a fault was not resolved");
	}
}

static MEASURED void anon_read(struct world *world)
{
	each(world, 4);
}

static MEASURED void write_present(struct world *world)
{
	each(world, 7);
}

static MEASURED void file_cow(struct world *world)
{
	each(world, 6);
}

static MEASURED void file_around(struct world *world)
{
	for (unsigned i = 16; i < COUNT; i += 16)
		fault(world, world->mm, AT + i * PAGE, 4);
}

static MEASURED void file_alone(struct world *world)
{
	for (unsigned i = 0; i < COUNT; i++)
		fault(world, world->mm, AT + (32 * i + 8) * PAGE, 4);
}

static MEASURED void find(struct world *world)
{
	uint64_t at = 12345;

	for (unsigned i = 0; i < COUNT; i++) {
		at = at * UINT64_C(6364136223846793005) + 1442695040888963407u;
		if (!qr_find_vma(world->mm, AT + (at >> 47) * PAGE))
			die("find");
	}
}

static MEASURED void fork_pages(struct world *world)
{
	ok(quire_mm_fork(world->mm, &world->child), "fork");
}

static MEASURED void unmap_pages(struct world *world)
{
	ok(quire_munmap(world->mm, AT, (COUNT + 2) * PAGE), "munmap");
}

static MEASURED void protect_pages(struct world *world)
{
	ok(quire_mprotect(world->mm, AT, (COUNT + 2) * PAGE, QUIRE_PROT_READ), "mprotect");
}

static MEASURED void segv(struct world *world)
{
	struct quire_trap trap = {.mode = QUIRE_MODE_USER, .syndrome = 4, .address = 0x1000};

	for (unsigned i = 0; i < COUNT; i++)
		if (quire_handle_trap(world->system, world->mm, &trap, NULL).kind != QUIRE_SIGNAL)
			die("segv");
}

/* The copies are counted within the call, so many times that the first, which finds the table, does not show. */
#define COPIES (64 * COUNT)

static void copy(struct world *world, bool out, size_t length)
{
	static char buffer[4096] __attribute__((aligned(64)));
	size_t done;

	for (unsigned i = 0; i < COPIES; i++) {
		quire_va at = AT + (1 + i % COUNT) * PAGE;

		ok(out ? quire_copy_out(world->mm, at, buffer, length, 0, &done)
		       : quire_copy_in(world->mm, buffer, at, length, 0, &done),
		   "copy");
	}
}

/* One call in advance: the dynamic linker resolves memcpy() at the first call. */
static void prepare_copied(struct world *world)
{
	static char buffer[2][4096];
	volatile size_t length = sizeof(buffer[0]);

	prepare_written(world);
	memcpy(buffer[0], buffer[1], length);
}

static MEASURED void copy_in_8(struct world *world)
{
	copy(world, false, 8);
}

static MEASURED void copy_out_8(struct world *world)
{
	copy(world, true, 8);
}

static MEASURED void copy_in_4096(struct world *world)
{
	copy(world, false, 4096);
}

/* The baseline for the copies: the memcpy() that they call. A constant length must not let the compiler
 * inline it. */
static MEASURED void memcpy_4096(struct world *world)
{
	static void *(*volatile copier)(void *, const void *, size_t) = memcpy;
	static char from[4096] __attribute__((aligned(64))), to[4096] __attribute__((aligned(64)));

	(void)world;
	for (unsigned i = 0; i < COUNT; i++) {
		copier(to, from, sizeof(to));
	}
}

/* --- swap: to a store that does nothing ------------------------------------------------------------- */

static void store_batch(void *context, struct quire_store_page *pages, unsigned count)
{
	(void)context, (void)pages, (void)count;
}

static const struct quire_store_ops store_ops = {.put_batch = store_batch, .get_batch = store_batch};
static const struct quire_store store = {.ops = &store_ops, .slots = 4096, .flags = QUIRE_STORE_SEEKS};

static void prepare_store(struct world *world)
{
	prepare_written(world);
	ok(quire_swapon(world->system, &store, 0), "swapon");
}

static void evict(struct world *world)
{
	uint64_t evicted;

	ok(quire_mm_evict(world->mm, AT + PAGE, COUNT * PAGE, &evicted), "evict");
	if (evicted != COUNT)
		die("a page was not evicted");
}

static MEASURED void swap_out(struct world *world)
{
	evict(world);
}

static void prepare_swapped(struct world *world)
{
	prepare_store(world);
	evict(world);
}

/* Swap-in reads eight pages at a time, so seven of eight faults find their page in the cache. */
static MEASURED void swap_in(struct world *world)
{
	for (unsigned i = 1; i <= COUNT; i++)
		fault(world, world->mm, AT + i * PAGE, 4);
}

/* The store has a clean copy of each page, so nothing is written. */
static void prepare_clean(struct world *world)
{
	prepare_swapped(world);
	swap_in(world);
}

/* --- reclaim ------------------------------------------------------------------------------------------ */

/* Pages that are looked at in a round of the hand over all frames: 32 for each 128 frames that it passes. */
#define SCANNED (RAM_BYTES / 4096 / 128 * 32)

/* Two lists, of which no page leaves: reclaim goes on until each was looked at often enough. */
static bool judge_and_keep(void *state, struct qr_page *page, bool used)
{
	(void)quire_policy_lru.judge(state, page, used);
	return false;
}

static void prepare_scan(struct world *world)
{
	static struct quire_policy policy;

	policy = quire_policy_lru;
	policy.judge = judge_and_keep;
	world->system->reclaim.policy = &policy;
	prepare_store(world);
	/* The pages are found, and on lists. */
	if (quire_reclaim(world->system, 1) != 0)
		die("a page left");
}

static MEASURED void scan(struct world *world)
{
	uint64_t before = quire_event_count(world->system, QUIRE_EVENT_PGSCAN_DIRECT), looked;

	(void)quire_reclaim(world->system, COUNT);
	looked = quire_event_count(world->system, QUIRE_EVENT_PGSCAN_DIRECT) - before;
	/* The library's own tables are no frames of the hand. */
	if (looked > SCANNED + 32 || looked < SCANNED - SCANNED / 32)
		die("not the number of pages that the figure is divided by");
}

/* Scan and swap-out together: each page is found, was used, was not used since, leaves. */
static MEASURED void reclaim(struct world *world)
{
	if (quire_reclaim(world->system, COUNT) != COUNT)
		die("a page did not leave");
}

#define B(name, prepare, work, operations)                             \
	{                                                              \
		name ".instructions", prepare, work, #work, operations \
	}

#define C(name, work, function)                                              \
	{                                                                    \
		name ".instructions", prepare_copied, work, function, COPIES \
	}

static const struct bench {
	const char *name;
	void (*prepare)(struct world *world);
	void (*work)(struct world *world);
	const char *function;
	unsigned operations;
} benches[] = {
    B("fault.anon_write", prepare_anon, anon_write, COUNT),
    B("fault.anon_write_traced", prepare_anon, anon_write_traced, COUNT),
    B("fault.anon_read_zero", prepare_anon, anon_read, COUNT),
    B("fault.zero_then_write", prepare_zero, write_present, COUNT),
    B("fault.cow_copy", prepare_forked, write_present, COUNT),
    B("fault.cow_reuse", prepare_orphaned, write_present, COUNT),
    B("fault.file_read", prepare_file_alone, file_alone, COUNT),
    B("fault.file_read_around_per_page", prepare_file, file_around, COUNT - 16),
    B("fault.file_cow", prepare_file, file_cow, COUNT),
    B("fault.anon_write_in_group", prepare_group, anon_write, COUNT),
    B("fault.cow_copy_in_group", prepare_forked_group, write_present, COUNT),
    B("mm.munmap_in_group_per_page", prepare_written_group, unmap_pages, COUNT),
    B("fault.segv", prepare_anon, segv, COUNT),
    B("mm.find_vma_65536", prepare_65536, find, COUNT),
    B("mm.fork_per_page", prepare_written, fork_pages, COUNT),
    B("mm.munmap_per_page", prepare_written, unmap_pages, COUNT),
    B("mm.mprotect_per_page", prepare_written, protect_pages, COUNT),
    C("copy.in_8", copy_in_8, "quire_copy_in"),
    C("copy.out_8", copy_out_8, "quire_copy_out"),
    C("copy.in_4096", copy_in_4096, "quire_copy_in"),
    B("copy.memcpy_4096", prepare_copied, memcpy_4096, COUNT),
    B("swap.out_per_page", prepare_store, swap_out, COUNT),
    B("swap.out_clean_per_page", prepare_clean, swap_out, COUNT),
    B("swap.in_per_page", prepare_swapped, swap_in, COUNT),
    B("reclaim.scan_per_page", prepare_scan, scan, SCANNED),
    B("reclaim.evict_per_page", prepare_store, reclaim, COUNT),
    B("swap.fork_per_page", prepare_swapped, fork_pages, COUNT),
    B("swap.munmap_per_page", prepare_swapped, unmap_pages, COUNT),
};

static void open_world(struct world *world)
{
	struct quire_config config = {
	    .arch = &quire_arch_x86_64, .host = &host, .ram_count = 1, .without = QUIRE_WITHOUT_TLB};

	config.ram[0].bytes = RAM_BYTES;
	config.ram[0].base.v = 1u << 20;
	config.ram[0].linear = aligned_alloc(PAGE, RAM_BYTES);
	config.max_map_count = 70000;
	if (!config.ram[0].linear)
		die("memory");
	ok(quire_system_create(&config, &world->system), "system");
	ok(quire_mm_create(world->system, NULL, &world->mm), "mm");
}

static void list(void)
{
	for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++)
		printf("%s instructions %u %s\n", benches[i].name, benches[i].operations,
		       benches[i].function);
}

static int run(const char *name)
{
	struct world world = {0};

	for (size_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
		if (strcmp(name, benches[i].name))
			continue;
		open_world(&world);
		benches[i].prepare(&world);
		benches[i].work(&world);
		return 0;
	}
	fprintf(stderr, "bench-fault: no bench is called %s\n", name);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "run"))
		return run(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "list")) {
		list();
		return 0;
	}
	fprintf(stderr, "usage: bench-fault list | run NAME\n");
	return 2;
}
