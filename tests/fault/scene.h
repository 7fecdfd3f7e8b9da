/* SPDX-License-Identifier: MIT */
/* Two CPUs, every schedule: each pair of operations ends as some serial order of the two would.
 *
 * A pair is run in both serial orders first; what the two CPUs saw and what memory holds at the end is
 * written down as text. Then every schedule with a bounded number of preemptions is run, and its text must be
 * one of the two. The machine itself reports stale translations, lock order, leaks and deadlocks. */
#ifndef SCENE_H
#define SCENE_H

#include "fixture.h"

#define RW         (QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define SCENE_TEXT 400

struct scene {
	const struct pair *pair;
	const char *arch, *profile;
	struct sim *sim;
	struct sim_process *process, *other;
	struct sim_file *file;
	struct sim_store *store;
	quire_va page;
	char saw[2][100];
	char serial[2][SCENE_TEXT];
	unsigned serials;
};

struct pair {
	const char *name;
	void (*prepare)(struct scene *scene);
	void (*body[2])(struct scene *scene, struct sim_cpu *cpu, char *saw);
	void (*look)(struct scene *scene, char *text);
};

/* Runs every schedule of the pair; the test fails when one fails. profile: NULL is linux-6. */
void scene_explore(const struct pair *pair, const char *arch, const char *profile, unsigned bound);

/* What bodies and looks are made of. */
void scene_map(struct scene *scene, quire_va at, unsigned pages, uint32_t flags, struct quire_file *file);
void scene_say_access(struct sim_cpu *cpu, enum sim_end end, char *saw);
void scene_write(struct sim_cpu *cpu, quire_va va, unsigned value, char *saw);
/* Appends what `process` reads at `va`. */
void scene_look(struct scene *scene, struct sim_process *process, quire_va va, char *text);

#endif
