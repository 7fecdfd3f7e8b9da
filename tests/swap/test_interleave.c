/* SPDX-License-Identifier: MIT */
/* Two CPUs, every schedule (tests/fault/scene.h): eviction against everything that a program and the kernel do with
 * the page meanwhile, and swapoff against the same. What a program sees does not depend on eviction. */
#include "tests/fault/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- before ------------------------------------------------------------------------------------------------- */

static struct sim_cpu *first_cpu(struct scene *scene)
{
	return sim_cpu(scene->sim, 0);
}

static void attach(struct scene *scene)
{
	scene->store = sim_store_create(scene->sim, 64, 0);
	if (!scene->store || quire_swapon(sim_system(scene->sim), &scene->store->store, 0) != QUIRE_OK)
		abort();
}

static void fill(struct scene *scene, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++) {
		if (sim_write(first_cpu(scene), FX_AT + i * scene->page, 1, 0x11 + i) != SIM_DONE)
			abort();
	}
}

static void evict_all(struct scene *scene)
{
	uint64_t evicted;

	sim_op_begin(first_cpu(scene), "evict");
	if (sim_op_end(first_cpu(scene),
		       quire_mm_evict(scene->process->mm, FX_AT, 2 * scene->page, &evicted)) != QUIRE_OK)
		abort();
}

static void two_pages(struct scene *scene)
{
	attach(scene);
	scene_map(scene, FX_AT, 2, QUIRE_MAP_PRIVATE, NULL);
	fill(scene, 2);
}

static void two_swapped_pages(struct scene *scene)
{
	two_pages(scene);
	evict_all(scene);
}

static void forked(struct scene *scene)
{
	two_pages(scene);
	if (sim_process_fork(scene->process, &scene->other) != QUIRE_OK)
		abort();
	sim_switch(sim_cpu(scene->sim, 1), scene->other);
}

static void forked_and_swapped(struct scene *scene)
{
	forked(scene);
	evict_all(scene);
}

/* A clean copy in the store, and the page mapped. */
static void clean_in_the_cache(struct scene *scene)
{
	uint64_t value;

	two_swapped_pages(scene);
	for (unsigned i = 0; i < 2; i++) {
		if (sim_read(first_cpu(scene), FX_AT + i * scene->page, 1, &value) != SIM_DONE)
			abort();
	}
}

static void lazily_freed(struct scene *scene)
{
	two_pages(scene);
	if (quire_madvise(scene->process->mm, FX_AT, 2 * scene->page, QUIRE_MADV_FREE) != QUIRE_OK)
		abort();
}

/* Nothing can leave but a table in which nothing is left. */
static void an_empty_table(struct scene *scene)
{
	two_pages(scene);
	if (quire_madvise(scene->process->mm, FX_AT, 2 * scene->page, QUIRE_MADV_DONTNEED) != QUIRE_OK)
		abort();
}

/* Shared memory with a file that lives until the end of the scene: of the store's context, which nobody asks. */
static struct quire_file *shared;

static void shared_pages(struct scene *scene)
{
	attach(scene);
	if (quire_file_create(sim_system(scene->sim), NULL, NULL, 2 * scene->page, &shared) != QUIRE_OK)
		abort();
	scene_map(scene, FX_AT, 2, QUIRE_MAP_SHARED, shared);
	fill(scene, 2);
}

static void shared_and_swapped(struct scene *scene)
{
	shared_pages(scene);
	evict_all(scene);
}

/* --- bodies ------------------------------------------------------------------------------------------------- */

static void evict(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	uint64_t evicted;

	strcpy(saw, quire_status_name(SIM_OP(
			cpu, "evict", quire_mm_evict(scene->process->mm, FX_AT, 2 * scene->page, &evicted))));
}

static void reclaim(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	sim_op_begin(cpu, "reclaim");
	(void)quire_reclaim(sim_system(scene->sim), 2);
	strcpy(saw, quire_status_name(sim_op_end(cpu, QUIRE_OK)));
}

static void write_first(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	(void)scene;
	scene_write(cpu, FX_AT, 0x22, saw);
}

static void write_ninth(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	(void)scene;
	scene_write(cpu, FX_AT + 8, 0x33, saw);
}

static void read_first(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	uint64_t value = 0;

	(void)scene;
	scene_say_access(cpu, sim_read(cpu, FX_AT, 1, &value), saw);
	sprintf(saw + strlen(saw), " %02x", (unsigned)value);
}

static void fork_it(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	sim_op_begin(cpu, "fork");
	strcpy(saw, quire_status_name(sim_op_end(cpu, sim_process_fork(scene->process, &scene->other))));
}

static void unmap(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	strcpy(saw, quire_status_name(
			SIM_OP(cpu, "munmap", quire_munmap(scene->process->mm, FX_AT, scene->page))));
}

static void move(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	struct quire_remapping how = {.old_addr = FX_AT,
				      .old_length = scene->page,
				      .new_length = scene->page,
				      .flags = QUIRE_MREMAP_MAYMOVE | QUIRE_MREMAP_FIXED,
				      .new_addr = FX_AT + 8 * scene->page};
	quire_va got;

	strcpy(saw, quire_status_name(SIM_OP(cpu, "mremap", quire_mremap(scene->process->mm, &how, &got))));
}

static void lock(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	strcpy(saw, quire_status_name(
			SIM_OP(cpu, "mlock", quire_mlock(scene->process->mm, FX_AT, 2 * scene->page, 0))));
}

static void discard(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	strcpy(saw, quire_status_name(
			SIM_OP(cpu, "madvise",
			       quire_madvise(scene->process->mm, FX_AT, scene->page, QUIRE_MADV_DONTNEED))));
}

static void swapoff(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	strcpy(saw, quire_status_name(
			SIM_OP(cpu, "swapoff", quire_swapoff(sim_system(scene->sim), &scene->store->store))));
}

static void truncate_shared(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	(void)scene;
	strcpy(saw, quire_status_name(SIM_OP(cpu, "truncate", quire_file_truncate(shared, 0))));
}

static void punch_shared(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	strcpy(saw, quire_status_name(SIM_OP(cpu, "punch", quire_file_punch(shared, 0, scene->page))));
}

static void end_other(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	sim_op_begin(cpu, "exit");
	sim_process_exit(scene->other);
	scene->other = NULL;
	strcpy(saw, quire_status_name(sim_op_end(cpu, QUIRE_OK)));
}

/* --- after -------------------------------------------------------------------------------------------------- */

static void look_pages(struct scene *scene, char *text)
{
	scene_look(scene, scene->process, FX_AT, text);
	scene_look(scene, scene->process, FX_AT + 8, text);
	scene_look(scene, scene->process, FX_AT + scene->page, text);
}

static void look_both(struct scene *scene, char *text)
{
	look_pages(scene, text);
	if (scene->other)
		scene_look(scene, scene->other, FX_AT, text);
}

/* A lazily freed page may be gone: as zeroes, or as it was. */
static void look_lazy(struct scene *scene, char *text)
{
	scene_look(scene, scene->process, FX_AT + 8, text);
}

static void look_moved(struct scene *scene, char *text)
{
	scene_look(scene, scene->process, FX_AT + 8 * scene->page, text);
	scene_look(scene, scene->process, FX_AT + scene->page, text);
}

/* Locked memory is in memory. */
static void look_locked(struct scene *scene, char *text)
{
	struct quire_usage usage;

	quire_mm_usage(scene->process->mm, &usage);
	sprintf(text + strlen(text), " | swapped %llu", (unsigned long long)usage.swap);
	look_pages(scene, text);
}

static void look_shared(struct scene *scene, char *text)
{
	look_pages(scene, text);
	quire_file_put(shared);
}

static const struct pair pairs[] = {
    {"evict and write", two_pages, {evict, write_ninth}, look_pages},
    {"evict and read", two_pages, {evict, read_first}, look_pages},
    {"evict and evict", two_pages, {evict, evict}, look_pages},
    {"evict clean and write", clean_in_the_cache, {evict, write_ninth}, look_pages},
    {"evict lazily freed and write", lazily_freed, {evict, write_ninth}, look_lazy},
    {"evict and fork", two_pages, {evict, fork_it}, look_both},
    {"evict shared by fork and write", forked, {evict, write_first}, look_both},
    {"evict and munmap", two_pages, {evict, unmap}, look_pages},
    {"evict and mremap", two_pages, {evict, move}, look_moved},
    {"evict and mlock", two_pages, {evict, lock}, look_locked},
    {"evict and dontneed", two_pages, {evict, discard}, look_pages},
    {"evict and swapoff", two_pages, {evict, swapoff}, look_pages},
    {"evict and exit", forked, {evict, end_other}, look_both},
    {"evict shared memory and write", shared_pages, {evict, write_ninth}, look_shared},
    {"evict shared memory and truncate", shared_pages, {evict, truncate_shared}, look_shared},
    {"evict shared memory and punch", shared_pages, {evict, punch_shared}, look_shared},
    {"reclaim and write", two_pages, {reclaim, write_ninth}, look_pages},
    {"reclaim and reclaim", two_pages, {reclaim, reclaim}, look_pages},
    {"reclaim and fork", two_pages, {reclaim, fork_it}, look_both},
    {"reclaim and munmap", two_pages, {reclaim, unmap}, look_pages},
    {"reclaim and mremap", two_pages, {reclaim, move}, look_moved},
    {"reclaim and mlock", two_pages, {reclaim, lock}, look_locked},
    {"reclaim and swapoff", two_pages, {reclaim, swapoff}, look_pages},
    {"reclaim and exit", forked, {reclaim, end_other}, look_both},
    {"reclaim of an empty table and write", an_empty_table, {reclaim, write_first}, look_pages},
    {"reclaim of an empty table and fork", an_empty_table, {reclaim, fork_it}, look_both},
    {"reclaim of an empty table and munmap", an_empty_table, {reclaim, unmap}, look_pages},
    {"reclaim of an empty table twice", an_empty_table, {reclaim, reclaim}, look_pages},
    {"reclaim of shared memory and truncate", shared_pages, {reclaim, truncate_shared}, look_shared},
    {"swap-in and swap-in", two_swapped_pages, {read_first, write_ninth}, look_pages},
    {"swap-in of two processes", forked_and_swapped, {write_first, write_first}, look_both},
    {"swap-in and fork", two_swapped_pages, {write_first, fork_it}, look_both},
    {"swap-in and munmap", two_swapped_pages, {write_first, unmap}, look_pages},
    {"swap-in and swapoff", two_swapped_pages, {write_ninth, swapoff}, look_pages},
    {"swap-in and exit", forked_and_swapped, {write_first, end_other}, look_both},
    {"swapoff and fork", two_swapped_pages, {swapoff, fork_it}, look_both},
    {"swapoff and munmap", two_swapped_pages, {swapoff, unmap}, look_pages},
    {"swapoff and exit", forked_and_swapped, {swapoff, end_other}, look_both},
    {"swapoff and truncate", shared_and_swapped, {swapoff, truncate_shared}, look_shared},
    {"swap-in of shared memory, twice", shared_and_swapped, {read_first, write_ninth}, look_shared},
    {"swap-in of shared memory and punch", shared_and_swapped, {write_ninth, punch_shared}, look_shared},
};

#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

/* A page that leaves against each operation, and one that comes back. */
static bool is_told_of(const char *name)
{
	static const char *const each[] = {
	    "evict and write",     "evict and fork",
	    "evict and munmap",    "evict and mremap",
	    "evict and mlock",     "evict and swapoff",
	    "evict and exit",      "evict shared memory and truncate",
	    "swap-in and swap-in",
	};

	for (unsigned i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
		if (!strcmp(each[i], name))
			return true;
	}
	return false;
}

static unsigned explored(bool (*wanted)(const char *name))
{
	unsigned count = 0;

	/* Reclaim passes so many locks that two preemptions would take hours. */
	for (unsigned i = 0; i < PAIRS; i++) {
		if (pairs[i].body[0] == reclaim || (wanted && !wanted(pairs[i].name)))
			continue;
		scene_explore(&pairs[i], "x86_64", NULL, 2);
		count++;
	}
	return count;
}

static void two_preemptions(void **state)
{
	(void)state;
	assert_int_equal(explored(is_told_of), 9);
}

static void two_preemptions_of_all(void **state)
{
	(void)state;
	assert_int_equal(explored(NULL), 28);
}

static void every_schedule_of_each_pair(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PAIRS; i++)
		scene_explore(&pairs[i], "x86_64", NULL, 1);
}

/* The other ways of do_swap_page: 2.4 never drops the mm lock. */
static void every_schedule_of_each_pair_in_2_4(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PAIRS; i++)
		scene_explore(&pairs[i], "i386", "linux-2.4", 1);
}

/* Emulated young and dirty, sub-frame tables, break-before-make: other paths, fewer preemptions. */
static void every_schedule_of_each_pair_on_the_other_arches(void **state)
{
	static const char *const arches[] = {"arm", "arm64", "riscv64", "toy"};

	(void)state;
	for (unsigned a = 0; a < 4; a++)
		for (unsigned i = 0; i < PAIRS; i++)
			scene_explore(&pairs[i], arches[a], NULL, 1);
}

/* Without an argument one preemption; `two`: two, of a pair for each operation; `all`: of all pairs but reclaim's. */
int main(int argc, char **argv)
{
	const struct CMUnitTest two[] = {cmocka_unit_test(two_preemptions)};
	const struct CMUnitTest all[] = {cmocka_unit_test(two_preemptions_of_all)};
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_schedule_of_each_pair),
	    cmocka_unit_test(every_schedule_of_each_pair_in_2_4),
	    cmocka_unit_test(every_schedule_of_each_pair_on_the_other_arches),
	};

	if (argc > 1 && !strcmp(argv[1], "all"))
		return cmocka_run_group_tests_name("swap interleavings, two preemptions, all", all, NULL,
						   NULL);
	if (argc > 1)
		return cmocka_run_group_tests_name("swap interleavings, two preemptions", two, NULL, NULL);
	return cmocka_run_group_tests_name("swap interleavings", tests, NULL, NULL);
}
