/* SPDX-License-Identifier: MIT */
/* Two CPUs, every schedule (tests/fault/scene.h): the calls of one file against each other, and against what takes its
 * pages out of memory meanwhile. */
#include "tests/fault/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/file.h"

/* Lives until the end of the scene, which puts it. */
static struct quire_file *file;

static void say(enum quire_status status, char *saw)
{
	strcpy(saw, quire_status_name(status));
}

/* --- before ------------------------------------------------------------------------------------------------- */

static void empty_shmem(struct scene *scene)
{
	if (quire_file_create(sim_system(scene->sim), NULL, NULL, 0, &file) != QUIRE_OK)
		abort();
}

/* Two pages, the first byte of each written. */
static void shmem(struct scene *scene)
{
	scene->store = sim_store_create(scene->sim, 64, 0);
	if (!scene->store || quire_swapon(sim_system(scene->sim), &scene->store->store, 0) != QUIRE_OK ||
	    quire_file_create(sim_system(scene->sim), NULL, NULL, 2 * scene->page, &file) != QUIRE_OK)
		abort();
	scene_map(scene, FX_AT, 2, QUIRE_MAP_SHARED, file);
	for (unsigned i = 0; i < 2; i++) {
		if (sim_write(sim_cpu(scene->sim, 0), FX_AT + i * scene->page, 1, 0x11 + i) != SIM_DONE)
			abort();
	}
}

static void swapped_shmem(struct scene *scene)
{
	struct sim_cpu *cpu = sim_cpu(scene->sim, 0);
	uint64_t evicted;

	shmem(scene);
	sim_op_begin(cpu, "evict");
	if (sim_op_end(cpu, quire_mm_evict(scene->process->mm, FX_AT, 2 * scene->page, &evicted)) !=
		QUIRE_OK ||
	    evicted != 2)
		abort();
}

/* 16 bytes of a device, cached and mapped; a program wrote behind the end. */
static void written_behind_the_end(struct scene *scene)
{
	if (sim_file_create(scene->sim, 16, 0x40, &scene->file) != QUIRE_OK)
		abort();
	file = quire_file_get(scene->file->file);
	scene_map(scene, FX_AT, 1, QUIRE_MAP_SHARED, file);
	if (sim_write(sim_cpu(scene->sim, 0), FX_AT + 32, 1, 0x77) != SIM_DONE)
		abort();
}

/* --- bodies ------------------------------------------------------------------------------------------------- */

static void write_at(struct sim_cpu *cpu, uint64_t offset, unsigned char byte, char *saw)
{
	size_t done;

	say(SIM_OP(cpu, "write", quire_file_write(file, offset, &byte, 1, &done)), saw);
}

static void write_page_2(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	write_at(cpu, 2 * scene->page, 0x22, saw);
}

static void write_page_4(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	write_at(cpu, 4 * scene->page, 0x44, saw);
}

static void append(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	(void)scene;
	write_at(cpu, 16, 0x55, saw);
}

static void write_ninth(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	(void)scene;
	write_at(cpu, 8, 0x33, saw);
}

static void read_first(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	unsigned char byte = 0xee;
	size_t done;

	(void)scene;
	say(SIM_OP(cpu, "read", quire_file_read(file, 0, &byte, 1, &done)), saw);
	sprintf(saw + strlen(saw), " %02x", byte);
}

static void touch_ninth(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	(void)scene;
	scene_write(cpu, FX_AT + 8, 0x33, saw);
}

static void truncate_in_page_1(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	say(SIM_OP(cpu, "truncate", quire_file_truncate(file, scene->page + 4)), saw);
}

static void punch_behind_first(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	say(SIM_OP(cpu, "punch", quire_file_punch(file, 4, scene->page - 4)), saw);
}

static void punch_page_0(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	say(SIM_OP(cpu, "punch", quire_file_punch(file, 0, scene->page)), saw);
}

static void write_back(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	(void)scene;
	say(SIM_OP(cpu, "sync", quire_file_sync(file, 0, 0)), saw);
}

static void evict(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	uint64_t evicted;

	say(SIM_OP(cpu, "evict", quire_mm_evict(scene->process->mm, FX_AT, 2 * scene->page, &evicted)), saw);
}

static void swapoff(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	say(SIM_OP(cpu, "swapoff", quire_swapoff(sim_system(scene->sim), &scene->store->store)), saw);
}

/* --- after -------------------------------------------------------------------------------------------------- */

static void look_at(struct scene *scene, uint64_t offset, char *text)
{
	unsigned char byte = 0xee;
	size_t done;

	sim_use_cpu(sim_cpu(scene->sim, 0));
	if (quire_file_read(file, offset, &byte, 1, &done) != QUIRE_OK)
		abort();
	sprintf(text + strlen(text), done ? " | %02x" : " | end", byte);
}

static void look_far(struct scene *scene, char *text)
{
	look_at(scene, 2 * scene->page, text);
	look_at(scene, 4 * scene->page, text);
	quire_file_put(file);
}

static void look_behind_the_end(struct scene *scene, char *text)
{
	look_at(scene, 16, text);
	look_at(scene, 32, text);
	look_at(scene, 2 * scene->page, text);
	quire_file_put(file);
}

static void look_near(struct scene *scene, char *text)
{
	look_at(scene, 0, text);
	look_at(scene, 8, text);
	look_at(scene, scene->page, text);
	look_at(scene, scene->page + 4, text);
	quire_file_put(file);
}

static void look_resident(struct scene *scene, char *text)
{
	sprintf(text + strlen(text), " | %llu resident", (unsigned long long)quire_file_resident(file));
	look_near(scene, text);
}

static const struct pair pairs[] = {
    {"two writes behind the end", empty_shmem, {write_page_4, write_page_2}, look_far},
    {"a write behind the end and one at it",
     written_behind_the_end,
     {write_page_2, append},
     look_behind_the_end},
    {"read and swap-in", swapped_shmem, {read_first, touch_ninth}, look_near},
    {"write and swap-in", swapped_shmem, {write_ninth, read_first}, look_near},
    {"read and evict", shmem, {read_first, evict}, look_near},
    {"write and evict", shmem, {write_ninth, evict}, look_near},
    {"truncate in a page and evict", shmem, {truncate_in_page_1, evict}, look_near},
    {"truncate in a page and swap-in", swapped_shmem, {truncate_in_page_1, touch_ninth}, look_near},
    {"punch in a page and evict", shmem, {punch_behind_first, evict}, look_near},
    {"swapoff and punch", swapped_shmem, {swapoff, punch_page_0}, look_resident},
    {"swapoff and truncate in a page", swapped_shmem, {swapoff, truncate_in_page_1}, look_resident},
    {"writeback and write", written_behind_the_end, {write_back, append}, look_behind_the_end},
};

static void every_schedule_of_each_pair(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		scene_explore(&pairs[i], "x86_64", NULL, 1);
}

static void every_schedule_of_each_pair_in_2_4(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		scene_explore(&pairs[i], "i386", "linux-2.4", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_schedule_of_each_pair),
	    cmocka_unit_test(every_schedule_of_each_pair_in_2_4),
	};

	return cmocka_run_group_tests_name("interleavings of a file's calls", tests, NULL, NULL);
}
