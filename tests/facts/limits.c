/* SPDX-License-Identifier: MIT */
/* What the system calls answer: madvise, mlock, msync, mincore; limits, rights, and strict overcommit. */
#include "facts.h"

#include <string.h>

#define PG   FACTS_PAGE
#define ANON (FACTS_PRIVATE | FACTS_ANON)
#define HOLE FACTS_HOLE

static uint64_t memory(struct facts *f, unsigned pages, uint32_t flags)
{
	return (uint64_t)facts_map(f, 0, pages * PG, FACTS_RW, flags | FACTS_ANON, -1);
}

static int64_t advise(struct facts *f, uint64_t at, uint64_t bytes, unsigned advice)
{
	return facts_call(f, FACTS_MADVISE, at, bytes, advice);
}

static void advices(struct facts *f)
{
	for (unsigned advice = 0; advice <= 101; advice++) {
		uint64_t at;
		char room[32];

		if (advice > 25 && advice < 100)
			continue;
		facts_begin(f);
		at = memory(f, 4, FACTS_PRIVATE);
		facts_write(f, at, 5);
		facts_name(f, "madvise %sadvice %u", advice < 100 ? "anon " : "", advice);
		fputs(facts_errno(advise(f, at, PG, advice), room), f->to);
		if (advice == 4 || advice == 8)
			fprintf(f->to, " value %u", facts_access(f, FACTS_READ, at, 0).value);
		facts_value(f, "%s", "");
		facts_end(f);
	}
}

static void madvise_facts(struct facts *f)
{
	uint64_t p;

	facts_begin(f);
	p = memory(f, 4, FACTS_PRIVATE);
	facts_error(f, "madvise bad advice len 0", advise(f, p, 0, 999));
	facts_error(f, "madvise bad advice", advise(f, p, PG, 999));
	facts_error(f, "madvise len 0", advise(f, p, 0, 4));
	facts_error(f, "madvise unaligned", advise(f, p + 1, PG, 4));
	facts_error(f, "madvise hole", advise(f, HOLE, PG, 4));
	facts_error(f, "madvise normal hole", advise(f, HOLE, PG, 0));
	facts_error(f, "madvise len -1", advise(f, p, UINT64_MAX, 4));
	facts_error(f, "madvise overflow", advise(f, p, 0 - PG, 4));
	facts_error(f, "madvise len unaligned 1", advise(f, p, 1, 4));
	facts_error(f, "mlock", facts_call(f, FACTS_MLOCK, p, PG, 0));
	facts_error(f, "madvise DONTNEED locked", advise(f, p, PG, 4));
	facts_error(f, "munlock", facts_call(f, FACTS_MUNLOCK, p, PG, 0));
	facts_end(f);
}

static void mlock_facts(struct facts *f)
{
	uint64_t p;

	facts_begin(f);
	p = memory(f, 4, FACTS_PRIVATE);
	facts_error(f, "mlock hole", facts_call(f, FACTS_MLOCK, HOLE, PG, 0));
	facts_error(f, "mlock len 0", facts_call(f, FACTS_MLOCK, p, 0, 0));
	facts_error(f, "mlock len 0 hole", facts_call(f, FACTS_MLOCK, HOLE, 0, 0));
	facts_error(f, "mlock unaligned", facts_call(f, FACTS_MLOCK, p + 1, PG, 0));
	facts_error(f, "mlock overflow", facts_call(f, FACTS_MLOCK, p, 0 - PG, 0));
	(void)facts_call(f, FACTS_MPROTECT, p + PG, PG, 0);
	facts_error(f, "mlock PROT_NONE", facts_call(f, FACTS_MLOCK, p + PG, PG, 0));
	(void)facts_call(f, FACTS_MUNMAP, p + 2 * PG, PG, 0);
	facts_error(f, "mlock into hole", facts_call(f, FACTS_MLOCK, p + PG, 2 * PG, 0));
	facts_error(f, "munlock hole", facts_call(f, FACTS_MUNLOCK, p + 2 * PG, PG, 0));
	facts_error(f, "mlockall 0", facts_call(f, FACTS_MLOCKALL, 0, 0, 0));
	facts_error(f, "mlockall 8", facts_call(f, FACTS_MLOCKALL, 8, 0, 0));
	facts_error(f, "mlockall ONFAULT(4)", facts_call(f, FACTS_MLOCKALL, 4, 0, 0));
	facts_error(f, "mlock2 0", facts_call(f, FACTS_MLOCK2, p, PG, 0));
	facts_error(f, "mlock2 ONFAULT", facts_call(f, FACTS_MLOCK2, p, PG, 1));
	facts_end(f);
}

static int64_t lock_somehow(struct facts *f, unsigned how)
{
	uint64_t p = memory(f, 16, FACTS_PRIVATE);

	switch (how) {
	case 0:
		return facts_call(f, FACTS_MLOCK, p, 16 * PG, 0);
	case 1:
		return facts_call(f, FACTS_MLOCK, p, PG, 0);
	case 2:
		return facts_map(f, 0, 16 * PG, FACTS_RW, ANON | FACTS_LOCKED, -1);
	case 3:
		return facts_call(f, FACTS_MLOCKALL, 2, 0, 0);
	case 4:
		return facts_call(f, FACTS_MUNLOCK, p, PG, 0);
	default:
		return facts_call(f, FACTS_MLOCKALL, 1, 0, 0);
	}
}

static void memlock_facts(struct facts *f)
{
	static const char *const how[] = {"mlock 16 pages",  "mlock 1 page", "MAP_LOCKED 16 pages",
					  "mlockall FUTURE", "munlock",      "mlockall CURRENT"};
	static const struct {
		const char *text;
		uint64_t bytes;
	} limit[] = {{"0", 0}, {"1p", 4096}, {"16M", 1 << 24}};

	for (unsigned i = 0; i < 6; i++) {
		for (unsigned j = 0; j < 3; j++) {
			char name[80];

			facts_begin(f);
			(void)facts_call(f, FACTS_LIMIT, FACTS_LIMIT_MEMLOCK, limit[j].bytes, 0);
			(void)facts_call(f, FACTS_SETUID, 1000, 0, 0);
			snprintf(name, sizeof(name), "RLIMIT_MEMLOCK=%s uid1000: %s", limit[j].text, how[i]);
			facts_error(f, name, lock_somehow(f, i));
			facts_end(f);
		}
	}
	facts_begin(f);
	(void)facts_call(f, FACTS_LIMIT, FACTS_LIMIT_MEMLOCK, 0, 0);
	facts_error(f, "RLIMIT_MEMLOCK=0 root: mlock 16 pages", lock_somehow(f, 0));
	facts_end(f);
}

static void msync_facts(struct facts *f)
{
	uint64_t p, q;

	facts_begin(f);
	p = memory(f, 4, FACTS_PRIVATE);
	q = memory(f, 4, FACTS_SHARED);
	facts_error(f, "msync 0 flags", facts_call(f, FACTS_MSYNC, p, PG, 0));
	facts_error(f, "msync ASYNC|SYNC", facts_call(f, FACTS_MSYNC, p, PG, 5));
	facts_error(f, "msync SYNC anon", facts_call(f, FACTS_MSYNC, p, PG, 4));
	facts_error(f, "msync bad flag 8", facts_call(f, FACTS_MSYNC, p, PG, 8));
	facts_error(f, "msync unaligned", facts_call(f, FACTS_MSYNC, p + 1, PG, 4));
	facts_error(f, "msync hole", facts_call(f, FACTS_MSYNC, HOLE, PG, 4));
	facts_error(f, "msync hole ASYNC", facts_call(f, FACTS_MSYNC, HOLE, PG, 1));
	facts_error(f, "msync hole len 0", facts_call(f, FACTS_MSYNC, HOLE, 0, 4));
	facts_error(f, "msync overflow", facts_call(f, FACTS_MSYNC, p, 0 - PG, 4));
	(void)facts_call(f, FACTS_MLOCK, p, PG, 0);
	facts_error(f, "msync INVALIDATE locked", facts_call(f, FACTS_MSYNC, p, PG, 2));
	facts_error(f, "msync INVALIDATE|SYNC locked", facts_call(f, FACTS_MSYNC, p, PG, 6));
	(void)facts_call(f, FACTS_MLOCK, q, PG, 0);
	facts_error(f, "msync INVALIDATE locked shared", facts_call(f, FACTS_MSYNC, q, PG, 2));
	facts_end(f);
}

static int64_t core(struct facts *f, uint64_t at, uint64_t bytes, uint8_t *vector)
{
	memset(vector, 9, 16);
	return f->machine->mincore(f->machine->context, at, bytes, vector);
}

static void core_row(struct facts *f, const char *name, int64_t result, const uint8_t *vector)
{
	char room[32];

	facts_name(f, "%s", name);
	facts_value(f, "%s %u%u%u%u", facts_errno(result, room), vector[0], vector[1], vector[2], vector[3]);
}

static void mincore_facts(struct facts *f)
{
	uint8_t vector[16];
	uint64_t p, q;
	int64_t result;

	facts_begin(f);
	p = memory(f, 8, FACTS_PRIVATE);
	q = memory(f, 8, FACTS_SHARED);
	(void)facts_access(f, FACTS_WRITE, p, 0);
	(void)facts_access(f, FACTS_READ, p + PG, 0);
	(void)facts_access(f, FACTS_WRITE, q, 0);
	result = core(f, p, 4 * PG, vector);
	core_row(f, "mincore anon written,read,untouched,untouched", result, vector);
	result = core(f, q, 4 * PG, vector);
	core_row(f, "mincore shared anon written,untouched", result, vector);
	facts_error(f, "mincore hole", core(f, HOLE, PG, vector));
	facts_error(f, "mincore unaligned", core(f, p + 1, PG, vector));
	facts_error(f, "mincore len 0", core(f, p, 0, vector));
	facts_error(f, "mincore len 0 hole", core(f, HOLE, 0, vector));
	facts_error(f, "mincore overflow", core(f, p, 0 - PG, vector));
	facts_error(f, "mincore at task top", core(f, f->column->task_top, PG, vector));
	facts_end(f);
}

static void low_facts(struct facts *f)
{
	static const unsigned at[] = {0, 1, 2, 8, 16};

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		for (unsigned root = 0; root < 2; root++) {
			char name[64];

			facts_begin(f);
			if (!root)
				(void)facts_call(f, FACTS_SETUID, 1000, 0, 0);
			snprintf(name, sizeof(name), "mmap fixed %s at 0x%x", root ? "root" : "uid1000",
				 at[i] * 4096);
			facts_error(f, name, facts_map(f, at[i] * PG, PG, FACTS_RW, ANON | FACTS_FIXED, -1));
			facts_end(f);
		}
	}
}

static void strict_map(struct facts *f, uint32_t prot, uint32_t flags, const char *what)
{
	int64_t result;
	char name[80];

	facts_begin(f);
	f->machine->strict(f->machine->context, true);
	result = facts_map(f, 0, 64 * PG, prot, flags | FACTS_ANON, -1);
	f->machine->strict(f->machine->context, false);
	snprintf(name, sizeof(name), "overcommit=2 ratio=0: mmap 64 %s pages", what);
	facts_error(f, name, result);
	facts_end(f);
}

static void overcommit_facts(struct facts *f)
{
	struct facts_access access;
	int64_t at, result;
	uint64_t grown;
	char room[96];

	strict_map(f, FACTS_RW, FACTS_PRIVATE, "private rw");
	strict_map(f, FACTS_R, FACTS_PRIVATE, "private r--");
	strict_map(f, FACTS_RW, FACTS_SHARED, "shared anon");
	strict_map(f, FACTS_RW, FACTS_PRIVATE | FACTS_NORESERVE, "NORESERVE");

	facts_begin(f);
	at = facts_map(f, 0, 64 * PG, FACTS_R, ANON, -1);
	grown = f->stack_start - 64 * PG + 64;
	f->machine->strict(f->machine->context, true);
	result = facts_call(f, FACTS_MPROTECT, (uint64_t)at, 64 * PG, FACTS_RW);
	facts_error(f, "overcommit=2 ratio=0: mprotect r-- to rw 64 pages", result);
	access = facts_access(f, FACTS_WRITE, grown, grown);
	facts_name(f, "stack.overcommit=2 ratio=0 set by the child: grow 64 pages");
	facts_value(f, "%s", facts_signal(f, &access, grown, room));
	f->machine->strict(f->machine->context, false);
	facts_end(f);
}

void facts_of_limits(struct facts *f)
{
	advices(f);
	madvise_facts(f);
	mlock_facts(f);
	memlock_facts(f);
	msync_facts(f);
	mincore_facts(f);
	low_facts(f);
	if (f->machine->strict)
		overcommit_facts(f);
}
