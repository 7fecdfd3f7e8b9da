/* SPDX-License-Identifier: MIT */
/* What the system calls answer: mmap, munmap, mprotect, mremap, brk. */
#include "facts.h"

#include <inttypes.h>

#define PG   FACTS_PAGE
#define ANON (FACTS_PRIVATE | FACTS_ANON)
#define HOLE FACTS_HOLE

static int64_t map(struct facts *f, uint64_t at, uint64_t bytes, uint32_t flags)
{
	return facts_map(f, at, bytes, FACTS_R, flags, -1);
}

/* Memory of so many pages, written to or not as the caller likes. */
static uint64_t memory(struct facts *f, unsigned pages, uint32_t flags)
{
	return (uint64_t)facts_map(f, 0, pages * PG, FACTS_RW, flags | FACTS_ANON, -1);
}

static void place(struct facts *f, const char *name, int64_t at, const char *before)
{
	char room[32];

	facts_name(f, "%s", name);
	if (at < 0)
		facts_value(f, "%s", facts_errno(at, room));
	else
		facts_value(f, "%s0x%" PRIx64, before, (uint64_t)at);
}

static void mmap_facts(struct facts *f)
{
	facts_begin(f);
	place(f, "mmap len 0", map(f, 0, 0, ANON), "returns ");
	place(f, "mmap len 0 hint 0x10000", map(f, 0x10000, 0, ANON), "returns ");
	facts_error(f, "mmap len -1", map(f, 0, UINT64_MAX, ANON));
	facts_error(f, "mmap len -4096", map(f, 0, 0 - PG, ANON));
	facts_error(f, "mmap type 0", map(f, 0, PG, FACTS_ANON));
	facts_error(f, "mmap type 3", map(f, 0, PG, FACTS_ANON | 3));
	facts_error(f, "mmap bad fd", facts_map(f, 0, PG, FACTS_R, FACTS_PRIVATE, 99));
	facts_error(f, "mmap prot bit 0x10", facts_map(f, 0, PG, FACTS_R | 0x10, ANON, -1));
	facts_error(f, "mmap flag bit 0x40000000", map(f, 0, PG, ANON | 0x40000000));
	facts_error(f, "mmap GROWSDOWN shared",
		    facts_map(f, 0, PG, FACTS_RW, FACTS_SHARED | FACTS_ANON | FACTS_GROWSDOWN, -1));
	facts_error(f, "mmap GROWSDOWN", facts_map(f, 0, PG, FACTS_RW, ANON | FACTS_GROWSDOWN, -1));
	facts_error(f, "mmap fixed unaligned", map(f, HOLE + 0x1234, PG, ANON | FACTS_FIXED));
	place(f, "mmap hint unaligned 0x50001234", map(f, HOLE + 0x1234, PG, ANON), "");
	facts_end(f);
}

static void search_facts(struct facts *f)
{
	int64_t first, second;

	facts_begin(f);
	first = map(f, 0, PG, ANON);
	second = facts_map(f, 0, PG, FACTS_RW, ANON, -1);
	facts_name(f, "mmap search: first, second");
	facts_value(f, "0x%" PRIx64 " 0x%" PRIx64 " %s", (uint64_t)first, (uint64_t)second,
		    second < first ? "descending" : "ascending");
	(void)facts_call(f, FACTS_MUNMAP, (uint64_t)first, PG, 0);
	facts_name(f, "mmap search: hole reused at once");
	facts_value(f, "%s", map(f, 0, PG, ANON) == first ? "yes" : "no");
	place(f, "mmap hint free 0x50000000", map(f, HOLE, PG, ANON), "");
	place(f, "mmap hint occupied 0x50000000", map(f, HOLE, PG, ANON), "");
	facts_end(f);
}

static void top_facts(struct facts *f)
{
	uint64_t top = f->column->task_top;

	facts_begin(f);
	facts_error(f, "mmap fixed at task top", map(f, top, PG, ANON | FACTS_FIXED));
	facts_error(f, "mmap fixed 2 pages across task top", map(f, top - PG, 2 * PG, ANON | FACTS_FIXED));
	facts_error(f, "mmap len > task size", map(f, 0, top + PG, ANON));
	facts_error(f, "munmap at task top", facts_call(f, FACTS_MUNMAP, top, PG, 0));
	facts_error(f, "munmap across task top", facts_call(f, FACTS_MUNMAP, top - PG, 2 * PG, 0));
	facts_error(f, "mprotect at task top", facts_call(f, FACTS_MPROTECT, top, PG, FACTS_R));
	facts_end(f);
	facts_begin(f);
	facts_error(f, "mmap fixed at task top - 2 pages", map(f, top - 2 * PG, PG, ANON | FACTS_FIXED));
	facts_end(f);
	if (!f->column->task_end)
		return;
	facts_begin(f);
	facts_error(f, "mmap fixed at 0xbf000000", map(f, f->column->task_end, PG, ANON | FACTS_FIXED));
	facts_error(f, "mmap fixed at 0xbeffe000.. last before 0xbf000000 (0xbefff000)",
		    map(f, f->column->task_end - PG, PG, ANON | FACTS_FIXED));
	facts_end(f);
}

static void munmap_facts(struct facts *f)
{
	facts_begin(f);
	facts_error(f, "munmap len 0", facts_call(f, FACTS_MUNMAP, HOLE, 0, 0));
	facts_error(f, "munmap hole", facts_call(f, FACTS_MUNMAP, HOLE, PG, 0));
	facts_error(f, "munmap unaligned", facts_call(f, FACTS_MUNMAP, HOLE + 1, PG, 0));
	facts_error(f, "munmap unaligned len", facts_call(f, FACTS_MUNMAP, HOLE, 1, 0));
	facts_error(f, "munmap len overflow", facts_call(f, FACTS_MUNMAP, HOLE, 0 - PG, 0));
	facts_end(f);
}

static void mprotect_facts(struct facts *f)
{
	/* The fifth of eight pages is a hole. */
	static const struct {
		const char *fact;
		int page, bytes;
		uint32_t prot;
	} calls[] = {
	    {"mprotect len 0", 0, 0, FACTS_R},
	    {"mprotect len 0 at hole", 4, 0, FACTS_R},
	    {"mprotect hole first", 4, 4096, FACTS_R},
	    {"mprotect into hole", 3, 2 * 4096, FACTS_R},
	    {"mprotect over hole", 2, 4 * 4096, FACTS_R},
	    {"mprotect bad bit 8", 0, 4096, FACTS_R | 8},
	    {"mprotect bad bit 0x10", 0, 4096, FACTS_R | 0x10},
	    {"mprotect overflow", 0, -4096, FACTS_R},
	    {"mprotect GROWSDOWN on plain", 0, 4096, FACTS_R | 0x01000000},
	    {"mprotect GROWSDOWN|GROWSUP", 0, 4096, FACTS_R | 0x03000000},
	};
	uint64_t at;

	facts_begin(f);
	at = memory(f, 8, FACTS_PRIVATE);
	(void)facts_call(f, FACTS_MUNMAP, at + 4 * PG, PG, 0);
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		facts_error(f, calls[i].fact,
			    facts_call(f, FACTS_MPROTECT, at + (unsigned)calls[i].page * PG,
				       (uint64_t)(int64_t)calls[i].bytes, calls[i].prot));
	facts_error(f, "mprotect unaligned", facts_call(f, FACTS_MPROTECT, at + 1, PG, FACTS_R));
	facts_name(f, "mprotect into hole: page before the hole changed");
	facts_value(f, "%s", facts_access(f, FACTS_WRITE, at + 3 * PG, 0).signal ? "yes" : "no");
	facts_error(f, "mprotect PROT_GROWSDOWN rw on stack's second page",
		    facts_call(f, FACTS_MPROTECT, f->stack_end - PG, PG, FACTS_RW | 0x01000000));
	facts_end(f);
}

static int64_t remap(struct facts *f, uint64_t at, uint64_t old, uint64_t bytes, unsigned flags, uint64_t to)
{
	return facts_call_with(f, FACTS_MREMAP, (const uint64_t[6]){at, old, bytes, flags, to});
}

static void mremap_errors(struct facts *f)
{
	uint64_t p;

	facts_begin(f);
	p = memory(f, 8, FACTS_PRIVATE);
	facts_error(f, "mremap unmapped old", remap(f, HOLE, PG, 2 * PG, 1, 0));
	facts_error(f, "mremap unaligned", remap(f, p + 1, PG, 2 * PG, 1, 0));
	facts_error(f, "mremap new 0", remap(f, p + 7 * PG, PG, 0, 1, 0));
	facts_error(f, "mremap bad flag 8", remap(f, p, PG, 2 * PG, 9, 0));
	facts_error(f, "mremap FIXED without MAYMOVE", remap(f, p, PG, PG, 2, 0x60000000));
	facts_error(f, "mremap fixed overlap", remap(f, p, 4 * PG, 4 * PG, 3, p + PG));
	facts_error(f, "mremap fixed unaligned", remap(f, p, PG, PG, 3, 0x60000001));
	facts_error(f, "mremap grow in place blocked", remap(f, p, PG, 2 * PG, 0, 0));
	facts_error(f, "mremap old beyond vma", remap(f, p, 16 * PG, 17 * PG, 1, 0));
	facts_error(f, "mremap same size", remap(f, p, PG, PG, 0, 0));
	facts_error(f, "mremap new -1", remap(f, p, PG, UINT64_MAX, 1, 0));
	facts_end(f);
	facts_begin(f);
	p = memory(f, 8, FACTS_PRIVATE);
	facts_error(f, "mremap DONTUNMAP", remap(f, p, PG, PG, 5, 0));
	facts_error(f, "mremap fixed at 0x60000000", remap(f, p + 4 * PG, PG, PG, 3, 0x60000000));
	facts_end(f);
}

static void mremap_facts(struct facts *f)
{
	struct facts_access seen;
	uint64_t p, q;
	int64_t twice;
	char room[32];

	facts_begin(f);
	p = memory(f, 4, FACTS_PRIVATE);
	q = memory(f, 4, FACTS_SHARED);
	facts_error(f, "mremap old 0 private", remap(f, p, 0, PG, 1, 0));
	facts_write(f, q, 77);
	twice = remap(f, q, 0, PG, 1, 0);
	facts_name(f, "mremap old 0 shared");
	if (twice < 0) {
		facts_value(f, "%s", facts_errno(twice, room));
	} else {
		seen = facts_access(f, FACTS_READ, (uint64_t)twice, 0);
		facts_value(f, "ok dup sees %d", seen.value);
	}
	facts_error(f, "mremap old 0 no MAYMOVE shared", remap(f, q, 0, PG, 0, 0));
	q = memory(f, 4, FACTS_PRIVATE);
	(void)facts_call(f, FACTS_MPROTECT, q + 2 * PG, 2 * PG, FACTS_R);
	facts_error(f, "mremap across two vmas", remap(f, q, 4 * PG, 8 * PG, 1, 0));
	facts_error(f, "mremap shrink across two vmas", remap(f, q, 4 * PG, PG, 0, 0));
	facts_end(f);
}

static void brk_facts(struct facts *f)
{
	uint64_t start, over, at;
	int64_t end;

	facts_begin(f);
	start = (uint64_t)facts_call(f, FACTS_BRK, 0, 0, 0);
	end = facts_call(f, FACTS_BRK, start + 100, 0, 0);
	facts_name(f, "brk +100");
	facts_value(f, "%s", (uint64_t)end == start + 100 ? "exact" : "other");
	facts_name(f, "brk(0) after");
	facts_value(f, "%" PRId64, facts_call(f, FACTS_BRK, 0, 0, 0) - (int64_t)start);
	facts_name(f, "brk below start");
	facts_value(f, "%" PRId64, facts_call(f, FACTS_BRK, start - 64 * PG, 0, 0) - (int64_t)start);
	at = (start + 8 * PG) & ~(PG - 1);
	over = start + 16 * PG;
	(void)map(f, at, PG, ANON | FACTS_FIXED);
	end = facts_call(f, FACTS_BRK, over, 0, 0);
	facts_name(f, "brk into a mapping");
	facts_value(f, "%s", (uint64_t)end == start + 100 ? "refused" : "granted");
	end = facts_call(f, FACTS_BRK, at, 0, 0);
	facts_name(f, "brk up to a mapping, no gap");
	facts_value(f, "%s", (uint64_t)end == at ? "granted" : "refused");
	(void)facts_call(f, FACTS_MUNMAP, at, PG, 0);
	facts_name(f, "brk 0xffffffff");
	facts_value(f, "%" PRId64, facts_call(f, FACTS_BRK, 0xffffffff, 0, 0) - (int64_t)start);
	facts_end(f);
}

/* A growing mapping away from the main stack: does the rule about the stack pointer bind it? */
static void growsdown(struct facts *f, unsigned below, bool sp_there)
{
	uint64_t at = HOLE + 48 * PG, addr = at - below * PG + 64;
	struct facts_access access;
	char room[96];

	facts_begin(f);
	(void)facts_map(f, at, 4 * PG, FACTS_RW, ANON | FACTS_FIXED | FACTS_GROWSDOWN, -1);
	access = facts_access(f, FACTS_WRITE, addr, sp_there ? addr & ~(uint64_t)15 : 0);
	facts_name(f, "GROWSDOWN map: write %u page%s below, sp %s", below, below == 1 ? "" : "s",
		   sp_there ? "there" : "in the main stack");
	facts_value(f, "%s", facts_signal(f, &access, addr, room));
	facts_end(f);
}

void facts_of_calls(struct facts *f)
{
	mmap_facts(f);
	search_facts(f);
	top_facts(f);
	munmap_facts(f);
	mprotect_facts(f);
	mremap_errors(f);
	mremap_facts(f);
	brk_facts(f);
	growsdown(f, 1, false);
	growsdown(f, 1, true);
	growsdown(f, 8, true);
}
