/* SPDX-License-Identifier: MIT */
/* Two CPUs, every schedule: faults against everything that changes what they look at (scene.h). */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the pairs -------------------------------------------------------------------------------------- */

static void one_page(struct scene *scene)
{
	scene_map(scene, FX_AT, 1, QUIRE_MAP_PRIVATE, NULL);
}

static void one_written_page(struct scene *scene)
{
	one_page(scene);
	if (sim_write(sim_cpu(scene->sim, 0), FX_AT, 1, 0x11) != SIM_DONE)
		abort();
}

/* The first page is there, so the slots' hints name the vma and the table of the second. */
static void second_page_at_hand(struct scene *scene)
{
	scene_map(scene, FX_AT, 2, QUIRE_MAP_PRIVATE, NULL);
	for (unsigned i = 0; i < 2; i++) {
		sim_use_cpu(sim_cpu(scene->sim, i));
		if (sim_write(sim_cpu(scene->sim, i), FX_AT + i, 1, 0x11) != SIM_DONE)
			abort();
	}
	sim_use_cpu(sim_cpu(scene->sim, 0));
}

static void write_first_byte(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	(void)scene;
	scene_write(cpu, FX_AT, 0x22, saw);
}

static void write_ninth_byte(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	(void)scene;
	scene_write(cpu, FX_AT + 8, 0x33, saw);
}

static void look_first_and_ninth(struct scene *scene, char *text)
{
	scene_look(scene, scene->process, FX_AT, text);
	scene_look(scene, scene->process, FX_AT + 8, text);
}

static void unmap_page(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	strcpy(saw, quire_status_name(
			SIM_OP(cpu, "munmap", quire_munmap(scene->process->mm, FX_AT, scene->page))));
}

static void protect_page(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	strcpy(saw, quire_status_name(
			SIM_OP(cpu, "mprotect",
			       quire_mprotect(scene->process->mm, FX_AT, scene->page, QUIRE_PROT_READ))));
}

static void fork_it(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	sim_op_begin(cpu, "fork");
	strcpy(saw, quire_status_name(sim_op_end(cpu, sim_process_fork(scene->process, &scene->other))));
}

static void look_both_processes(struct scene *scene, char *text)
{
	scene_look(scene, scene->process, FX_AT, text);
	scene_look(scene, scene->other, FX_AT, text);
}

static void shared_file(struct scene *scene)
{
	if (sim_file_create(scene->sim, 2 * scene->page, 0x40, &scene->file) != QUIRE_OK)
		abort();
	scene_map(scene, FX_AT, 2, QUIRE_MAP_SHARED, scene->file->file);
}

static void private_file(struct scene *scene)
{
	if (sim_file_create(scene->sim, 2 * scene->page, 0x40, &scene->file) != QUIRE_OK)
		abort();
	scene_map(scene, FX_AT, 2, QUIRE_MAP_PRIVATE, scene->file->file);
}

/* Both pages are cached, and nothing maps them: one fault maps what it finds. */
static void cached_file(struct scene *scene)
{
	uint64_t value;

	private_file(scene);
	for (unsigned i = 0; i < 2; i++)
		if (sim_read(sim_cpu(scene->sim, 0), FX_AT + i * scene->page, 1, &value) != SIM_DONE)
			abort();
	if (quire_munmap(scene->process->mm, FX_AT, 2 * scene->page) != QUIRE_OK)
		abort();
	scene_map(scene, FX_AT, 2, QUIRE_MAP_PRIVATE, scene->file->file);
}

static void read_first_page(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	uint64_t value = 0;

	(void)scene;
	scene_say_access(cpu, sim_read(cpu, FX_AT, 1, &value), saw);
	sprintf(saw + strlen(saw), " %02x", (unsigned)value);
}

static void write_second_page(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	scene_write(cpu, FX_AT + scene->page, 0x22, saw);
}

static void unmap_both_pages(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	quire_va bytes = 2 * scene->page;

	strcpy(saw, quire_status_name(SIM_OP(cpu, "munmap", quire_munmap(scene->process->mm, FX_AT, bytes))));
}

/* Another vma takes the place of the one that is at hand, and the table is freed meanwhile. */
static void map_anew(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	struct quire_mapping how = {
	    .addr = FX_AT,
	    .length = 2 * scene->page,
	    .prot = RW,
	    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED,
	};
	quire_va got;

	strcpy(saw, quire_status_name(SIM_OP(cpu, "mmap", quire_mmap(scene->process->mm, &how, &got))));
}

static void look_both_pages(struct scene *scene, char *text)
{
	scene_look(scene, scene->process, FX_AT, text);
	scene_look(scene, scene->process, FX_AT + scene->page, text);
}

static void truncate_file(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	strcpy(saw, quire_status_name(
			SIM_OP(cpu, "truncate", quire_file_truncate(scene->file->file, scene->page))));
}

static void look_second_page(struct scene *scene, char *text)
{
	sprintf(text + strlen(text), " | %llu in the cache",
		(unsigned long long)quire_file_resident(scene->file->file));
	scene_look(scene, scene->process, FX_AT + scene->page, text);
}

static void two_processes_share_a_page(struct scene *scene)
{
	one_written_page(scene);
	if (sim_process_fork(scene->process, &scene->other) != QUIRE_OK)
		abort();
	sim_switch(sim_cpu(scene->sim, 1), scene->other);
}

static void stack_of_two_pages(struct scene *scene)
{
	scene_map(scene, FX_AT, 2, QUIRE_MAP_PRIVATE | QUIRE_MAP_GROWSDOWN, NULL);
}

static void grow_stack(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	scene_write(cpu, FX_AT - scene->page, 0x22, saw);
}

static void map_below(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	struct quire_mapping how = {
	    .addr = FX_AT - scene->page,
	    .length = scene->page,
	    .prot = RW,
	    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED_NOREPLACE,
	};
	quire_va got;

	strcpy(saw, quire_status_name(SIM_OP(cpu, "mmap", quire_mmap(scene->process->mm, &how, &got))));
}

static void look_regions(struct scene *scene, char *text)
{
	struct quire_region region;
	quire_va at = 0;

	while (quire_mm_region(scene->process->mm, at, &region) == QUIRE_OK) {
		sprintf(text + strlen(text), " | %llx-%llx %s", (unsigned long long)region.start,
			(unsigned long long)region.end,
			region.flags & QUIRE_REGION_GROWSDOWN ? "stack" : "plain");
		at = region.end;
	}
}

/* Says the faults that were counted, too: a copy of a page that is there takes none. */
static void copy_out_byte(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	struct quire_usage before, after;
	const char byte = 0x44;
	size_t done;

	quire_mm_usage(scene->process->mm, &before);
	strcpy(saw,
	       quire_status_name(SIM_OP(
		   cpu, "copy", quire_copy_out(scene->process->mm, FX_AT, &byte, sizeof(byte), 0, &done))));
	quire_mm_usage(scene->process->mm, &after);
	sprintf(saw + strlen(saw), " %u faults", (unsigned)(after.minor - before.minor));
}

/* The slots' hints name the table, and a leaf that served, so the next copy takes the short way. */
static void copied_page(struct scene *scene)
{
	char saw[64];

	for (unsigned i = 0; i < 2; i++) {
		sim_use_cpu(sim_cpu(scene->sim, i));
		copy_out_byte(scene, sim_cpu(scene->sim, i), saw);
	}
	sim_use_cpu(sim_cpu(scene->sim, 0));
}

static void copied_once(struct scene *scene)
{
	one_written_page(scene);
	copied_page(scene);
}

/* Takes the page while the mm lock is held for read only. */
static void discard_page(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	strcpy(saw, quire_status_name(
			SIM_OP(cpu, "madvise",
			       quire_madvise(scene->process->mm, FX_AT, scene->page, QUIRE_MADV_DONTNEED))));
}

static void map_elsewhere(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	struct quire_mapping how = {
	    .addr = FX_AT + 16 * scene->page,
	    .length = scene->page,
	    .prot = RW,
	    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED,
	};
	quire_va got;

	strcpy(saw, quire_status_name(SIM_OP(cpu, "mmap", quire_mmap(scene->process->mm, &how, &got))));
}

static const struct pair pairs[] = {
    {"fault and fault on one page", one_page, {write_first_byte, write_ninth_byte}, look_first_and_ninth},
    {"fault and munmap", one_page, {write_first_byte, unmap_page}, look_first_and_ninth},
    {"write and munmap of a present page",
     one_written_page,
     {write_ninth_byte, unmap_page},
     look_first_and_ninth},
    {"fault at hand and munmap", second_page_at_hand, {write_second_page, unmap_both_pages}, look_both_pages},
    {"fault at hand and another mapping",
     second_page_at_hand,
     {write_second_page, map_anew},
     look_both_pages},
    {"fault and mprotect", one_page, {write_first_byte, protect_page}, look_first_and_ninth},
    {"write and mprotect of a present page",
     one_written_page,
     {write_ninth_byte, protect_page},
     look_first_and_ninth},
    {"fault and fork", one_written_page, {write_first_byte, fork_it}, look_both_processes},
    {"fault and truncate, shared", shared_file, {write_second_page, truncate_file}, look_second_page},
    {"fault and truncate, private", private_file, {write_second_page, truncate_file}, look_second_page},
    {"fault-around and truncate", cached_file, {read_first_page, truncate_file}, look_second_page},
    {"fault-around twice", cached_file, {read_first_page, read_first_page}, look_second_page},
    {"copy-on-write twice of one page",
     two_processes_share_a_page,
     {write_first_byte, write_first_byte},
     look_both_processes},
    {"copy by the kernel and munmap", one_written_page, {copy_out_byte, unmap_page}, look_first_and_ninth},
    {"copy by the kernel and fork", one_written_page, {copy_out_byte, fork_it}, look_both_processes},
    {"copy by the kernel and mmap elsewhere",
     one_written_page,
     {copy_out_byte, map_elsewhere},
     look_first_and_ninth},
    {"short copy by the kernel and munmap", copied_once, {copy_out_byte, unmap_page}, look_first_and_ninth},
    {"short copy by the kernel and discard",
     copied_once,
     {copy_out_byte, discard_page},
     look_first_and_ninth},
    {"short copy by the kernel and fork", copied_once, {copy_out_byte, fork_it}, look_both_processes},
    {"stack growth and mmap below", stack_of_two_pages, {grow_stack, map_below}, look_regions},
};

static void every_schedule_of_each_pair(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		scene_explore(&pairs[i], "x86_64", NULL, 2);
}

/* Emulated young and dirty, sub-frame tables, break-before-make: other paths, fewer preemptions. */
static void every_schedule_of_each_pair_on_the_other_arches(void **state)
{
	static const char *const arches[] = {"arm", "arm64", "riscv64", "toy"};

	(void)state;
	for (unsigned a = 0; a < 4; a++)
		for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
			scene_explore(&pairs[i], arches[a], NULL, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_schedule_of_each_pair),
	    cmocka_unit_test(every_schedule_of_each_pair_on_the_other_arches),
	};

	return cmocka_run_group_tests_name("interleavings", tests, NULL, NULL);
}
