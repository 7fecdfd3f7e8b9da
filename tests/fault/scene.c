/* SPDX-License-Identifier: MIT */
/* Two CPUs, every schedule: the scene, and how it is run. */
#include "scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void scene_map(struct scene *scene, quire_va at, unsigned pages, uint32_t flags, struct quire_file *file)
{
	struct quire_mapping how = {
	    .addr = at,
	    .length = pages * scene->page,
	    .prot = RW,
	    .flags = flags | QUIRE_MAP_FIXED | (file ? 0u : (uint32_t)QUIRE_MAP_ANONYMOUS),
	    .file = file,
	};
	quire_va got;

	if (quire_mmap(scene->process->mm, &how, &got) != QUIRE_OK)
		abort();
}

void scene_say_access(struct sim_cpu *cpu, enum sim_end end, char *saw)
{
	const struct sim_result *last = sim_last(cpu);

	if (end == SIM_SIGNALLED)
		sprintf(saw, "%s %s", quire_signal_name(last->signal),
			quire_code_name(last->signal, last->code));
	else
		strcpy(saw, sim_end_name(end));
}

void scene_write(struct sim_cpu *cpu, quire_va va, unsigned value, char *saw)
{
	scene_say_access(cpu, sim_write(cpu, va, 1, value), saw);
}

void scene_look(struct scene *scene, struct sim_process *process, quire_va va, char *text)
{
	struct sim_cpu *cpu = sim_cpu(scene->sim, 0);
	uint64_t value = 0;
	enum sim_end end;
	char saw[100];

	sim_use_cpu(cpu);
	sim_switch(cpu, process);
	end = sim_read(cpu, va, 1, &value);
	if (end == SIM_DONE)
		sprintf(saw, "%02x", (unsigned)value);
	else
		scene_say_access(cpu, end, saw);
	strcat(text, " | ");
	strcat(text, saw);
}

/* --- running them ------------------------------------------------------------------------------------- */

static struct sim *create(void *context)
{
	struct scene *scene = context;
	struct sim_config config = {
	    .arch = scene->arch, .profile = scene->profile, .cpus = 2, .ram_bytes = 2u << 20};

	scene->sim = sim_create(&config, NULL);
	if (!scene->sim)
		return NULL;
	scene->page = (quire_va)sim_page_bytes(scene->sim);
	scene->other = NULL;
	scene->file = NULL;
	scene->store = NULL;
	memset(scene->saw, 0, sizeof(scene->saw));
	if (sim_process_create(scene->sim, NULL, &scene->process) != QUIRE_OK)
		abort();
	/* 2.4 locks nothing without this right. */
	quire_mm_set_rights(scene->process->mm, QUIRE_RIGHT_IPC_LOCK);
	for (unsigned i = 0; i < 2; i++)
		sim_switch(sim_cpu(scene->sim, i), scene->process);
	sim_use_cpu(sim_cpu(scene->sim, 0));
	scene->pair->prepare(scene);
	return scene->sim;
}

static void body(struct sim_cpu *cpu, void *context)
{
	struct scene *scene = context;
	unsigned n = sim_cpu_number(cpu);

	scene->pair->body[n](scene, cpu, scene->saw[n]);
}

static void describe(struct scene *scene, char *text)
{
	sprintf(text, "%s | %s", scene->saw[0], scene->saw[1]);
	scene->pair->look(scene, text);
	if (scene->file)
		sim_file_close(scene->file);
}

static bool after(struct sim *sim, void *context)
{
	struct scene *scene = context;
	char text[SCENE_TEXT];

	(void)sim;
	describe(scene, text);
	for (unsigned i = 0; i < scene->serials; i++)
		if (!strcmp(text, scene->serial[i]))
			return true;
	printf("  %s: no serial order gives: %s\n", scene->pair->name, text);
	for (unsigned i = 0; i < scene->serials; i++)
		printf("    serial: %s\n", scene->serial[i]);
	return false;
}

static void run_serially(struct scene *scene, unsigned first)
{
	struct sim_plan plan = {.kind = SIM_PLAN_PLAIN, .first = first};
	const sim_body bodies[2] = {body, body};

	assert_non_null(create(scene));
	assert_true(sim_run(scene->sim, bodies, 2, scene, &plan));
	describe(scene, scene->serial[scene->serials++]);
	assert_int_equal(sim_destroy(scene->sim), 0);
}

void scene_explore(const struct pair *pair, const char *arch, const char *profile, unsigned bound)
{
	struct scene scene = {.pair = pair, .arch = arch, .profile = profile};
	struct sim_explore what = {
	    .create = create,
	    .body = {body, body},
	    .count = 2,
	    .after = after,
	    .context = &scene,
	    .bound = bound,
	};
	struct sim_explored out;

	run_serially(&scene, 0);
	run_serially(&scene, 1);
	sim_explore(&what, &out);
	printf("  %-8s %-40s %6llu schedules, %llu points, at most %u preemptions\n", arch, pair->name,
	       (unsigned long long)out.schedules, (unsigned long long)out.points, bound);
	if (out.failures)
		fail_msg("%s: %llu of %llu schedules failed; replay %s", pair->name,
			 (unsigned long long)out.failures, (unsigned long long)out.schedules, out.token);
	assert_true(out.complete);
	assert_true(out.schedules > 10);
}
