/* SPDX-License-Identifier: MIT */
/* Faults of anonymous memory: tables of steps, of which some are facts. */
#include "facts.h"

#include <stdlib.h>

struct walker {
	struct facts *f;
	const char *prefix;
	uint64_t at; /* the mapping that steps mean */
};

static void must(int64_t result, const struct facts_step *step, const char *what)
{
	if (result >= 0 || result < -4095)
		return;
	fprintf(stderr, "facts: %s of %s: errno %d\n", what, step->fact ? step->fact : "a step",
		(int)-result);
	exit(2);
}

static struct facts_counts touch(struct walker *w, const struct facts_step *step)
{
	const struct facts_machine *m = w->f->machine;
	enum facts_kind kind = step->verb == FACTS_DO_READ ? FACTS_READ : FACTS_WRITE;
	unsigned pages = step->pages ? step->pages : 1;
	struct facts_counts sum = {0};

	for (unsigned i = 0; i < pages; i++) {
		struct facts_access access = {0};

		m->access(m->context, step->proc, kind, w->at + (step->page + i) * FACTS_PAGE, 0, &access);
		sum.minor += access.counts.minor;
		sum.major += access.counts.major;
		must(access.signal ? -FACTS_EFAULT : 0, step, "an access");
	}
	return sum;
}

static void map(struct walker *w, const struct facts_step *step)
{
	struct facts *f = w->f;
	bool file = step->verb == FACTS_DO_MAPFILE;
	int64_t at;

	at = facts_map(f, file ? f->file_at : 0, step->page * FACTS_PAGE, step->prot,
		       step->flags | (file ? FACTS_FIXED : FACTS_ANON), file ? f->file : -1);
	must(at, step, "mmap");
	w->at = (uint64_t)at;
	if (file)
		f->file_at += 64 * FACTS_PAGE;
}

static struct facts_counts call(struct walker *w, const struct facts_step *step)
{
	const struct facts_machine *m = w->f->machine;
	uint64_t from = w->at + step->page * FACTS_PAGE;
	uint64_t bytes = (step->pages ? step->pages : 1) * FACTS_PAGE;
	uint64_t arg[6] = {from, bytes, step->flags, 0, 0, 0};
	struct facts_counts counts = {0};
	enum facts_call which = FACTS_MLOCK;
	int64_t result;

	switch (step->verb) {
	case FACTS_DO_PROTECT:
		which = FACTS_MPROTECT;
		arg[2] = step->prot;
		break;
	case FACTS_DO_ADVISE:
		which = FACTS_MADVISE;
		break;
	case FACTS_DO_SYNC:
		which = FACTS_MSYNC;
		break;
	case FACTS_DO_COPY_OUT:
		which = FACTS_COPY_OUT;
		arg[1] = 32;
		break;
	case FACTS_DO_REMAP:
		which = FACTS_MREMAP;
		arg[2] = 4 * FACTS_PAGE;
		arg[3] = 1;
		break;
	default:
		break;
	}
	result = m->call(m->context, step->proc, which, arg, &counts);
	must(result, step, "a system call");
	if (step->verb == FACTS_DO_REMAP)
		w->at = (uint64_t)result;
	return counts;
}

static struct facts_counts one(struct walker *w, const struct facts_step *step)
{
	const struct facts_machine *m = w->f->machine;

	switch (step->verb) {
	case FACTS_DO_MAP:
	case FACTS_DO_MAPFILE:
		map(w, step);
		break;
	case FACTS_DO_READ:
	case FACTS_DO_WRITE:
		return touch(w, step);
	case FACTS_DO_FORK:
		must(m->fork(m->context, step->proc, step->page) ? 0 : -FACTS_ENOSYS, step, "fork");
		break;
	case FACTS_DO_EXIT:
		m->exit(m->context, step->proc);
		break;
	default:
		return call(w, step);
	}
	return (struct facts_counts){0};
}

void facts_steps(struct facts *f, const char *prefix, const struct facts_step *step, unsigned count)
{
	struct walker w = {f, prefix, 0};

	for (unsigned i = 0; i < count; i++) {
		struct facts_counts counts = one(&w, &step[i]);

		if (step[i].fact)
			facts_counts(f, prefix, step[i].fact, counts);
	}
}

#define PRIVATE FACTS_PRIVATE
#define SHARED  FACTS_SHARED
#define RW      FACTS_RW
#define R       FACTS_R
#define MAP(pages, prot, flags)                              \
	{                                                    \
		FACTS_DO_MAP, 0, pages, 0, prot, flags, NULL \
	}
#define READ(page, fact)                              \
	{                                             \
		FACTS_DO_READ, 0, page, 1, 0, 0, fact \
	}
#define WRITE(page, fact)                              \
	{                                              \
		FACTS_DO_WRITE, 0, page, 1, 0, 0, fact \
	}
#define PROTECT(prot)                                    \
	{                                                \
		FACTS_DO_PROTECT, 0, 0, 1, prot, 0, NULL \
	}

static const struct facts_step anonymous[] = {
    MAP(8, RW, PRIVATE),
    READ(0, "anon read"),
    WRITE(0, "anon write after read"),
    WRITE(1, "anon write first"),
    READ(1, "anon read after write"),
    READ(2, "anon read 2"),
    READ(2, "anon read again"),
    MAP(8, RW, SHARED),
    READ(0, "shared anon read"),
    WRITE(0, "shared anon write after read"),
    WRITE(1, "shared anon write first"),
    MAP(8, RW, PRIVATE),
    WRITE(0, NULL),
    PROTECT(R),
    PROTECT(RW),
    WRITE(0, "anon write, mprotect r, rw, write"),
    WRITE(1, NULL),
    {FACTS_DO_ADVISE, 0, 1, 1, 0, 4, NULL},
    READ(1, "anon write, DONTNEED, read"),
    MAP(4, RW, PRIVATE),
    WRITE(1, NULL),
    WRITE(0, NULL),
    PROTECT(0),
    PROTECT(RW),
    READ(0, "anon write, mprotect none, rw: read"),
    WRITE(0, "then write"),
    MAP(4, R, PRIVATE),
    READ(0, NULL),
    PROTECT(RW),
    WRITE(0, "r-- anon read, mprotect rw, write"),
};

static const struct facts_step prepared[] = {
    MAP(2, RW, PRIVATE),
    WRITE(0, NULL),
    {FACTS_DO_REMAP, 0, 0, 1, 0, 0, NULL},
    READ(0, "anon moved by mremap: read"),
    WRITE(0, "anon moved by mremap: write"),
    MAP(4, RW, PRIVATE | FACTS_POPULATE),
    READ(0, "MAP_POPULATE rw anon: read"),
    WRITE(0, "MAP_POPULATE rw anon: write"),
    MAP(4, RW, PRIVATE),
    {FACTS_DO_LOCK, 0, 0, 4, 0, 0, "mlock 4 fresh pages: faults in the call"},
    READ(0, "after mlock: read"),
    WRITE(0, "after mlock: write"),
    MAP(4, RW, PRIVATE),
    {FACTS_DO_COPY_OUT, 0, 0, 1, 0, 0, "read(2) into fresh page: faults in the call"},
    WRITE(0, "write after it"),
    MAP(4, R, PRIVATE | FACTS_POPULATE),
    READ(0, "POPULATE r-- anon: read"),
    PROTECT(RW),
    WRITE(0, "then mprotect rw, write"),
    MAP(4, RW, PRIVATE | FACTS_LOCKED),
    READ(0, "MAP_LOCKED rw anon: read"),
    WRITE(0, "MAP_LOCKED rw anon: write"),
};

static const struct facts_step forked[] = {
    MAP(8, RW, PRIVATE),
    {FACTS_DO_WRITE, 0, 0, 8, 0, 0, NULL},
    {FACTS_DO_FORK, 0, 1, 0, 0, 0, NULL},
    {FACTS_DO_READ, 1, 0, 1, 0, 0, "fork: child read"},
    {FACTS_DO_WRITE, 1, 0, 1, 0, 0, "fork: child write (page it read)"},
    {FACTS_DO_WRITE, 1, 1, 1, 0, 0, "fork: child write first"},
    READ(1, "fork: parent read after child's write"),
    WRITE(0, "fork: parent write after child's copy"),
    WRITE(1, "fork: parent write after child's copy 2"),
    WRITE(2, "fork: parent write, child alive"),
    {FACTS_DO_WRITE, 1, 2, 1, 0, 0, "fork: child write after parent's copy"},
    {FACTS_DO_EXIT, 1, 0, 0, 0, 0, NULL},
    WRITE(3, "fork: parent write after child exit"),
    WRITE(2, "fork: parent write own copy"),
};

void facts_of_counts(struct facts *f)
{
	facts_begin(f);
	FACTS_STEPS(f, "count.", anonymous);
	facts_end(f);
	facts_begin(f);
	FACTS_STEPS(f, "count.", prepared);
	facts_end(f);
	facts_begin(f);
	FACTS_STEPS(f, "count.", forked);
	facts_end(f);
}
