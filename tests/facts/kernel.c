/* SPDX-License-Identifier: MIT */
/* Accesses by the kernel for a program, and which frame is behind an address after fork. */
#include "facts.h"

struct probe {
	const char *fact;
	uint8_t mapped, prot, written;
	uint8_t out; /* 1: the kernel writes */
};

static const struct probe probes[] = {
    {"kernel write to r--", 1, FACTS_R, 1, 1},
    {"kernel write to ---", 1, 0, 1, 1},
    {"kernel write to -w-", 1, FACTS_W, 1, 1},
    {"kernel write to --x", 1, FACTS_X, 1, 1},
    {"kernel write to hole", 0, 0, 0, 1},
    {"kernel read of r--", 1, FACTS_R, 1, 0},
    {"kernel read of ---", 1, 0, 1, 0},
    {"kernel read of -w- present", 1, FACTS_W, 1, 0},
    {"kernel read of --x present", 1, FACTS_X, 1, 0},
    {"kernel read of hole", 0, 0, 0, 0},
    {"kernel read of -w- absent", 1, FACTS_W, 0, 0},
    {"kernel read of --x absent", 1, FACTS_X, 0, 0},
};

static void probe(struct facts *f, const struct probe *p)
{
	uint64_t at = FACTS_HOLE;
	uint32_t first = p->written ? FACTS_RW : p->prot;

	facts_begin(f);
	if (p->mapped)
		(void)facts_map(f, at, FACTS_PAGE, first, FACTS_PRIVATE | FACTS_ANON | FACTS_FIXED, -1);
	if (p->written)
		(void)facts_access(f, FACTS_WRITE, at, 0);
	if (first != p->prot)
		(void)facts_call(f, FACTS_MPROTECT, at, FACTS_PAGE, p->prot);
	facts_error(f, p->fact, facts_call(f, p->out ? FACTS_COPY_OUT : FACTS_COPY_IN, at, 16, 0));
	facts_end(f);
}

static void across(struct facts *f, enum facts_call call, const char *fact)
{
	int64_t done;

	facts_begin(f);
	(void)facts_map(f, FACTS_HOLE, FACTS_PAGE, FACTS_RW, FACTS_PRIVATE | FACTS_ANON | FACTS_FIXED, -1);
	done = facts_call(f, call, FACTS_HOLE + FACTS_PAGE - 8, 16, 0);
	facts_error(f, fact, done);
	facts_end(f);
}

static uint64_t frame(struct facts *f, unsigned page)
{
	return f->machine->frame(f->machine->context, 0, FACTS_HOLE + page * FACTS_PAGE);
}

static void write_by(struct facts *f, unsigned proc, unsigned page)
{
	struct facts_access access = {0};

	f->machine->access(f->machine->context, proc, FACTS_WRITE, FACTS_HOLE + page * FACTS_PAGE, 0,
			   &access);
}

/* The page keeps its frame when the write takes it over, and gets another when it copies. */
static void same_frame(struct facts *f, uint64_t before, unsigned page, const char *fact)
{
	write_by(f, 0, page);
	facts_name(f, "cow.%s", fact);
	facts_value(f, "%d", frame(f, page) == before);
}

static void copies(struct facts *f)
{
	uint64_t before[3];

	facts_begin(f);
	(void)facts_map(f, FACTS_HOLE, 8 * FACTS_PAGE, FACTS_RW, FACTS_PRIVATE | FACTS_ANON | FACTS_FIXED,
			-1);
	for (unsigned i = 0; i < 3; i++) {
		write_by(f, 0, i);
		before[i] = frame(f, i);
	}
	(void)f->machine->fork(f->machine->context, 0, 1);
	write_by(f, 1, 1);
	same_frame(f, before[0], 0, "child alive, parent writes: same frame");
	same_frame(f, before[1], 1, "child copied, child alive, parent writes: same frame");
	f->machine->exit(f->machine->context, 1);
	same_frame(f, before[2], 2, "child exited, parent writes: same frame");
	facts_end(f);
}

static void zero_page(struct facts *f)
{
	facts_begin(f);
	(void)facts_map(f, FACTS_HOLE, 2 * FACTS_PAGE, FACTS_RW, FACTS_PRIVATE | FACTS_ANON | FACTS_FIXED,
			-1);
	(void)facts_access(f, FACTS_READ, FACTS_HOLE, 0);
	(void)facts_access(f, FACTS_READ, FACTS_HOLE + FACTS_PAGE, 0);
	facts_name(f, "zero page: two read anon pages share a frame");
	facts_value(f, "%d", frame(f, 0) == frame(f, 1));
	facts_end(f);
}

void facts_of_kernel(struct facts *f)
{
	for (unsigned i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		probe(f, &probes[i]);
	facts_begin(f);
	facts_error(f, "kernel read of NULL", facts_call(f, FACTS_COPY_IN, 0, 16, 0));
	facts_end(f);
	across(f, FACTS_COPY_IN, "kernel read across a hole, 8 of 16 bytes");
	across(f, FACTS_COPY_OUT, "kernel write across a hole, 8 of 16 bytes");
	copies(f);
	zero_page(f);
}
