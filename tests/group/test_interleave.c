/* SPDX-License-Identifier: MIT */
/* Two CPUs, every schedule (tests/fault/scene.h): charges, refusals and the end of a group against each other. */
#include "tests/fault/scene.h"

#include <stdlib.h>
#include <string.h>

static struct quire_group *group;

/* Room for two pages, and a store. */
static void full_group(struct scene *scene)
{
	const struct quire_group_limits limits = {
	    .max = 2, .high = QUIRE_UNLIMITED, .swap_max = QUIRE_UNLIMITED};

	scene->store = sim_store_create(scene->sim, 64, 0);
	if (!scene->store || quire_swapon(sim_system(scene->sim), &scene->store->store, 0) != QUIRE_OK ||
	    quire_group_create(sim_system(scene->sim), NULL, &group) != QUIRE_OK)
		abort();
	quire_group_limits_set(group, &limits);
	quire_mm_set_group(scene->process->mm, group);
	quire_group_put(group);
	scene_map(scene, FX_AT, 4, QUIRE_MAP_PRIVATE, NULL);
	for (unsigned i = 0; i < 2; i++) {
		if (sim_write(sim_cpu(scene->sim, 0), FX_AT + i * scene->page, 1, 0x11 + i) != SIM_DONE)
			abort();
	}
}

static void write_at(struct scene *scene, struct sim_cpu *cpu, char *saw, unsigned page)
{
	scene_write(cpu, FX_AT + page * scene->page, 0x11 + page, saw);
}

static void write_third(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	write_at(scene, cpu, saw, 2);
}

static void write_fourth(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	write_at(scene, cpu, saw, 3);
}

/* The last reference goes, while pages are charged. */
static void leave_group(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	sim_op_begin(cpu, "set_group");
	quire_mm_set_group(scene->process->mm, NULL);
	strcpy(saw, quire_status_name(sim_op_end(cpu, QUIRE_OK)));
}

static void unmap(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	strcpy(saw, quire_status_name(
			SIM_OP(cpu, "munmap", quire_munmap(scene->process->mm, FX_AT, scene->page))));
}

static void lower(struct scene *scene, struct sim_cpu *cpu, char *saw)
{
	(void)scene;
	sim_op_begin(cpu, "reclaim");
	(void)quire_group_reclaim(group, 2);
	strcpy(saw, quire_status_name(sim_op_end(cpu, QUIRE_OK)));
}

/* The scene runs the recount of all charges too. */
static void look(struct scene *scene, char *text)
{
	for (unsigned i = 1; i < 2; i++)
		scene_look(scene, scene->process, FX_AT + i * scene->page, text);
}

static const struct pair pairs[] = {
    {"two faults in a full group", full_group, {write_third, write_fourth}, look},
    {"a fault in a full group and munmap", full_group, {write_third, unmap}, look},
    {"a fault in a full group and its end", full_group, {write_third, leave_group}, look},
    {"munmap and the end of the group", full_group, {unmap, leave_group}, look},
    {"reclaim in a group and munmap", full_group, {lower, unmap}, look},
};

static void every_schedule(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		scene_explore(&pairs[i], "x86_64", NULL, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_schedule)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
