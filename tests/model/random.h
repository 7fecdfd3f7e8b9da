/* SPDX-License-Identifier: MIT */
/* A run of random operations: its state, and the comparison of the library with the model. */
#ifndef MODEL_RANDOM_H
#define MODEL_RANDOM_H

#include "model.h"

#include "sim.h"

#define BASE   UINT64_C(0x20000000)
#define STORES 2

enum {
	DEVICE_A, /* objects that are files of the test: two with a device, one of memory */
	DEVICE_B,
	MEMORY,
	FILES
};

struct run {
	struct model model;
	struct sim *sim;
	struct sim_cpu *cpu;
	struct sim_process *process[PROCESSES];
	struct sim_file *device[2];
	struct quire_file *memory;
	struct sim_store *store[STORES];
	unsigned now; /* process that runs */
	uint64_t page_bytes, random;
	bool talk;
	char said[300]; /* the operation, for a report */
};

static inline quire_va va_of(const struct run *run, unsigned page)
{
	return (quire_va)(BASE + page * run->page_bytes);
}

static inline quire_va word_va(const struct run *run, unsigned page, unsigned word)
{
	return (quire_va)(va_of(run, page) + word * (run->page_bytes / WORDS));
}

static inline struct quire_mm *mm_of(const struct run *run)
{
	return run->process[run->now]->mm;
}

static inline struct quire_file *file_of(const struct run *run, int object)
{
	return object == MEMORY ? run->memory : run->device[object]->file;
}

/* Whether an access ended as the model expects. */
bool run_answered(struct run *run, enum sim_end end, enum model_answer expected);
/* Reads a word of the running process in both. */
bool run_compare_word(struct run *run, unsigned page, unsigned word);
/* Everything: layouts, words, counts, quire_check(), findings of the machine. */
bool run_compare_all(struct run *run);

#endif
