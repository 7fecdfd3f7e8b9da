/* SPDX-License-Identifier: MIT */
/* Page tables beside a model, by the public interface: random operations on an address space. After each, what the
 * hardware's walk and its faults make of a page is what the model says. */
#include <quire/copy.h>
#include <quire/mmu.h>

#include "parts.h"

#define PAGES 32

struct model_page {
	quire_prot prot;
	bool mapped;
	unsigned char byte; /* its first */
};

struct tables {
	struct selftest_run *run;
	struct quire_mm *mm;
	quire_pa root;
	quire_va base;
	size_t bytes; /* of a page */
	uint64_t random;
	struct model_page page[PAGES];
};

/* xorshift64*: one word of state, never 0. */
static unsigned below(struct tables *tables, unsigned limit)
{
	uint64_t x = tables->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	tables->random = x;
	return (unsigned)((x * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % limit;
}

static quire_va address(const struct tables *tables, unsigned page)
{
	return tables->base + (quire_va)(page * tables->bytes);
}

/* An access of the program: the walk, and the fault where the walk refuses. Returns whether it went through. */
static bool reaches(struct tables *tables, unsigned page, enum quire_access access)
{
	struct quire_system *system = tables->run->test->system;
	quire_va va = address(tables, page);

	for (unsigned tries = 0; tries < 8; tries++) {
		struct quire_translation found;
		enum quire_status status =
		    quire_walk(system, tables->root, va, access, QUIRE_MODE_USER, &found);
		struct quire_outcome outcome;

		if (status == QUIRE_OK)
			return true;
		if (!selftest_check(tables->run, status == QUIRE_EFAULT, "a walk finds no table in memory"))
			return false;
		found.trap.sp = va;
		outcome = quire_handle_trap(system, tables->mm, &found.trap, NULL);
		if (outcome.kind != QUIRE_RESUME)
			return false;
	}
	selftest_check(tables->run, false, "a page faults for ever");
	return false;
}

static void compare(struct tables *tables, unsigned page)
{
	const struct model_page *model = &tables->page[page];
	bool reads = model->mapped && (model->prot & QUIRE_PROT_READ);
	bool writes = model->mapped && (model->prot & QUIRE_PROT_WRITE);
	unsigned char byte = 0;
	size_t done = 0;

	selftest_check(tables->run, reaches(tables, page, QUIRE_ACCESS_READ) == reads,
		       reads ? "a page cannot be read that may be" : "a page can be read that may not be");
	if (reads) {
		selftest_check(tables->run,
			       quire_copy_in(tables->mm, &byte, address(tables, page), 1, 0, &done) ==
				       QUIRE_OK &&
				   done == 1 && byte == model->byte,
			       "a page does not hold what was written to it");
	}
	selftest_check(tables->run, reaches(tables, page, QUIRE_ACCESS_WRITE) == writes,
		       writes ? "a page cannot be written that may be"
			      : "a page can be written that may not be");
}

/* Whether all of a run of pages is mapped. */
static bool whole(const struct tables *tables, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		if (!tables->page[i].mapped)
			return false;
	return true;
}

static enum quire_status map(struct tables *tables, unsigned first, unsigned count, quire_prot prot)
{
	struct quire_mapping how = {.addr = address(tables, first),
				    .length = count * tables->bytes,
				    .prot = prot,
				    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED};
	quire_va va;

	for (unsigned i = first; i < first + count; i++)
		tables->page[i] = (struct model_page){prot, true, 0};
	return quire_mmap(tables->mm, &how, &va);
}

static enum quire_status unmap(struct tables *tables, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		tables->page[i] = (struct model_page){0, false, 0};
	return quire_munmap(tables->mm, address(tables, first), count * tables->bytes);
}

static enum quire_status protect(struct tables *tables, unsigned first, unsigned count, quire_prot prot)
{
	for (unsigned i = first; i < first + count; i++)
		tables->page[i].prot = prot;
	return quire_mprotect(tables->mm, address(tables, first), count * tables->bytes, prot);
}

static enum quire_status discard(struct tables *tables, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		tables->page[i].byte = 0;
	return quire_madvise(tables->mm, address(tables, first), count * tables->bytes, QUIRE_MADV_DONTNEED);
}

/* A write by the kernel where the program may write, as the model says. */
static enum quire_status store(struct tables *tables, unsigned page)
{
	struct model_page *model = &tables->page[page];
	unsigned char byte = (unsigned char)below(tables, 256);
	size_t done = 0;
	enum quire_status status = quire_copy_out(tables->mm, address(tables, page), &byte, 1, 0, &done);

	if (!model->mapped || !(model->prot & QUIRE_PROT_WRITE))
		return status == QUIRE_EFAULT ? QUIRE_OK : QUIRE_EINVAL;
	model->byte = byte;
	return status;
}

static enum quire_status operate(struct tables *tables)
{
	static const quire_prot prots[] = {QUIRE_PROT_NONE, QUIRE_PROT_READ,
					   QUIRE_PROT_READ | QUIRE_PROT_WRITE,
					   QUIRE_PROT_READ | QUIRE_PROT_WRITE};
	quire_prot prot = prots[below(tables, 4)];
	unsigned first = below(tables, PAGES), count = 1 + below(tables, PAGES - first);

	switch (below(tables, 8)) {
	case 0:
		return map(tables, first, count, prot);
	case 1:
		return unmap(tables, first, 1 + (count - 1) / 4);
	case 2:
		return whole(tables, first, count) ? protect(tables, first, count, prot) : QUIRE_OK;
	case 3:
		return whole(tables, first, count) ? discard(tables, first, count) : QUIRE_OK;
	default:
		return store(tables, first);
	}
}

static void run_all(struct tables *tables)
{
	unsigned rounds = tables->run->test->rounds ? tables->run->test->rounds : 20;

	for (unsigned i = 0; i < rounds * 500 && tables->run->failures == 0; i++) {
		selftest_check(tables->run, operate(tables) == QUIRE_OK, "an operation fails");
		compare(tables, below(tables, PAGES));
	}
}

void selftest_tables(struct selftest_run *run)
{
	const struct quire_arch *arch = quire_system_arch(run->test->system);
	struct tables tables = {
	    .run = run, .bytes = (size_t)1 << arch->page_shift, .random = run->test->seed * 2 + 1};
	struct quire_mapping how = {.length = PAGES * tables.bytes,
				    .prot = QUIRE_PROT_NONE,
				    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS};

	run->part = "tables";
	if (!selftest_check(run, quire_mm_create(run->test->system, NULL, &tables.mm) == QUIRE_OK,
			    "no address space"))
		return;
	/* No CPU runs on it: entered for its root alone. */
	tables.root = quire_mm_enter(tables.mm, 0);
	quire_mm_leave(tables.mm, 0);
	if (selftest_check(run, quire_mmap(tables.mm, &how, &tables.base) == QUIRE_OK, "mmap failed")) {
		for (unsigned i = 0; i < PAGES; i++)
			tables.page[i] = (struct model_page){QUIRE_PROT_NONE, true, 0};
		run_all(&tables);
	}
	quire_mm_put(tables.mm);
}
