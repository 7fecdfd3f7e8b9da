/* SPDX-License-Identifier: MIT */
/* The reference model: what programs see of memory, without tables, trees, frames or sharing.
 *
 *   process ── WINDOW_PAGES x struct page: mapped or not, rights, whose content
 *   object  ── a file, shared memory: its pages' words
 *
 * fork copies by value; nothing is shared but objects. A page's content is WORDS words at fixed places. */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_PAGES 64
#define WORDS        4
#define OBJECT_PAGES 32
#define OBJECTS      64
#define PROCESSES    5

enum model_answer {
	ANSWER_OK = 0,
	ANSWER_MAPERR,
	ANSWER_ACCERR,
	ANSWER_BUS
};

struct page {
	bool mapped;
	uint8_t prot;
	bool shared;    /* MAP_SHARED */
	bool may_write; /* mprotect may give WRITE */
	bool locked, dontfork, wipe;
	int object;           /* -1: anonymous and private */
	uint64_t index;       /* page of the object */
	bool own;             /* has private content */
	uint64_t word[WORDS]; /* while own; else zeroes or the object's */
};

struct object {
	bool used, device; /* device: a file; its size never changes here */
	uint64_t pages;    /* size, in pages */
	uint64_t word[OBJECT_PAGES][WORDS];
};

struct process {
	bool used;
	struct page page[WINDOW_PAGES];
};

struct model {
	struct object object[OBJECTS];
	struct process process[PROCESSES];
};

/* Accesses: the answer, and the word read. */
enum model_answer model_read(struct model *model, unsigned process, unsigned page, unsigned word,
			     uint64_t *out);
enum model_answer model_write(struct model *model, unsigned process, unsigned page, unsigned word,
			      uint64_t value);

/* Ranges of pages [at, at + count). Each returns what the system call does: 0 or -errno. */
void model_map(struct model *model, unsigned process, unsigned at, unsigned count, const struct page *like);
void model_unmap(struct model *model, unsigned process, unsigned at, unsigned count);
int model_protect(struct model *model, unsigned process, unsigned at, unsigned count, uint8_t prot);
int model_move(struct model *model, unsigned process, unsigned at, unsigned count, unsigned to);
int model_discard(struct model *model, unsigned process, unsigned at, unsigned count);
int model_remove(struct model *model, unsigned process, unsigned at, unsigned count);
int model_advise_fork(struct model *model, unsigned process, unsigned at, unsigned count, int advice);
int model_lock(struct model *model, unsigned process, unsigned at, unsigned count, bool lock);

void model_fork(struct model *model, unsigned parent, unsigned child);
void model_exit(struct model *model, unsigned process);

/* Objects. */
int model_object(struct model *model, uint64_t pages, bool device);
void model_truncate(struct model *model, int object, uint64_t halves); /* of pages */
void model_punch(struct model *model, int object, uint64_t first, uint64_t count);
/* Objects that nothing maps are free again; `keep`: the first ones that are files of the test. */
void model_collect(struct model *model, int keep);

/* Counts of a process. */
unsigned model_mapped(const struct model *model, unsigned process);
unsigned model_locked(const struct model *model, unsigned process);
unsigned model_own(const struct model *model, unsigned process);

#endif
