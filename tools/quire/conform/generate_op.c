/* SPDX-License-Identifier: MIT */
/* The generator's operations: their addresses, sizes and flags.
 *
 * It tracks roughly what each process has mapped and never checks whether an operation succeeded: a wrong
 * guess only makes an address less interesting. Addresses are ends of mappings, plus or minus a page or a
 * byte, most of them within 64 pages of a page-table boundary. */
#include "generate.h"

#include <string.h>

#include "../scenario/names.h"

enum {
	WINDOW = 224, /* first page of the arena in use; a page table ends at page 256 */
	WINDOW_PAGES = 64,
	STACK_PAGE = 1000, /* place of growing mappings */
	HEAP_PAGES = 24
};

/* --- Places --- */

static struct scn_addr arena_page(int32_t page)
{
	return (struct scn_addr){.base = SCN_BASE_ARENA, .off = {.pages = page}};
}

static struct scn_addr moved(struct scn_addr addr, int32_t pages)
{
	addr.off.pages += pages;
	return addr;
}

static struct region *any_region(struct generator *g)
{
	return g->now->count ? &g->now->region[conform_below(g, g->now->count)] : NULL;
}

/* A page near an edge of a mapping, or somewhere in the window. */
static struct scn_addr edge(struct generator *g)
{
	static const int8_t near[8] = {0, 0, 0, 0, 1, -1, -1, 1};
	const struct region *r = any_region(g);
	int32_t page;

	if (!r || conform_percent(g, 6))
		return arena_page(WINDOW + (int32_t)conform_below(g, WINDOW_PAGES));
	switch (conform_below(g, 4)) {
	case 0:
		page = 0;
		break;
	case 1:
		page = r->pages;
		break;
	case 2:
		page = r->pages - 1;
		break;
	default:
		page = (int32_t)conform_below(g, (unsigned)r->pages);
	}
	return moved(r->start, page + near[conform_below(g, 8)]);
}

/* An address that is usually inside a mapping and often at the edge of a page. */
static struct scn_addr inside_address(struct generator *g)
{
	static const int16_t bytes[8] = {0, 0, 0, 1, 8, 2048, 4095, 100};
	const struct region *r = any_region(g);
	struct scn_addr addr;

	if (!r || conform_percent(g, 12))
		addr = edge(g);
	else
		addr = moved(r->start, (int32_t)conform_below(g, (unsigned)r->pages));
	addr.off.bytes += bytes[conform_below(g, 8)];
	return addr;
}

static struct scn_size some_pages(struct generator *g, unsigned most)
{
	struct scn_size size = {
	    .pages = 1 + (int32_t)(conform_percent(g, 70) ? conform_below(g, 4) : conform_below(g, most))};

	if (conform_percent(g, 4))
		size.bytes = conform_percent(g, 50) ? 1 : -1;
	else if (conform_percent(g, 2))
		size.pages = 0;
	return size;
}

/* A range: a whole mapping, one that starts at an edge, or several mappings with the holes between them. */
static void range(struct generator *g, struct scn_op *op)
{
	const struct region *r = any_region(g);

	if (r && conform_percent(g, 30)) {
		op->addr = r->start;
		op->len.pages = r->pages;
	} else if (conform_percent(g, 12)) {
		op->addr = arena_page(WINDOW + (int32_t)conform_below(g, WINDOW_PAGES / 2));
		op->len.pages = 4 + (int32_t)conform_below(g, WINDOW_PAGES / 2);
	} else {
		op->addr = edge(g);
		op->len = some_pages(g, 12);
	}
	if (conform_percent(g, 2))
		op->addr.off.bytes += 1;
}

static uint32_t some_prot(struct generator *g)
{
	static const uint8_t likely[16] = {3, 3, 3, 3, 3, 3, 3, 3, 1, 1, 1, 0, 5, 7, 2, 4};

	return likely[conform_below(g, 16)];
}

static unsigned some_file(struct generator *g)
{
	return g->program->file_count ? conform_below(g, g->program->file_count) : SCN_NONE;
}

/* --- Tracked mappings --- */

static void track_mapped(struct generator *g, const struct region *r)
{
	struct process *p = g->now;

	if (p->count < CONFORM_MAX_REGIONS)
		p->region[p->count++] = *r;
	else
		p->region[conform_below(g, CONFORM_MAX_REGIONS)] = *r;
}

static void track_unmapped(struct generator *g, const struct scn_op *op)
{
	struct process *p = g->now;

	for (unsigned i = 0; i < p->count; i++) {
		struct region *r = &p->region[i];
		int32_t from = op->addr.off.pages - r->start.off.pages;

		if (r->start.base != op->addr.base || r->start.name != op->addr.name)
			continue;
		if (from <= 0 && from + op->len.pages >= r->pages)
			*r = p->region[--p->count];
		else if (from > 0 && from < r->pages && conform_percent(g, 60))
			r->pages = from;
	}
}

/* --- Operations --- */

static void place_of_map(struct generator *g, struct scn_op *op)
{
	unsigned how = conform_below(g, 100);

	op->addr =
	    conform_percent(g, 60) ? arena_page(WINDOW + (int32_t)conform_below(g, WINDOW_PAGES)) : edge(g);
	if (g->features & CONFORM_BRK && conform_percent(g, 4)) {
		op->flags |= SCN_MAP_FIXED;
		op->addr = (struct scn_addr){.base = SCN_BASE_HEAP,
					     .off = {.pages = (int32_t)conform_below(g, HEAP_PAGES)}};
	} else if (how < 62) {
		op->flags |= SCN_MAP_FIXED;
	} else if (how < 68) {
		op->flags |= SCN_MAP_NOREPLACE;
	} else if (how >= 76) {
		memset(&op->addr, 0, sizeof(op->addr));
	}
	if (conform_percent(g, 1))
		op->addr.off.bytes += 1;
}

static uint8_t new_name(struct generator *g)
{
	struct scn_program *p = g->program;

	if (p->name_count == SCN_MAX_NAMES)
		return SCN_NONE;
	snprintf(p->name[p->name_count], SCN_NAME_BYTES, "M%u", p->name_count);
	return p->name_count++;
}

/* The contents at and beyond the last page of a mapped disk file depend on whether a page table existed. */
static void inside_disk_file(struct generator *g, struct scn_op *op)
{
	int32_t pages = g->program->file[op->file].size.pages;

	op->len.bytes = 0;
	op->off.pages = (int32_t)conform_below(g, (unsigned)pages);
	if (op->len.pages < 1 || op->len.pages > pages - op->off.pages)
		op->len.pages = pages - op->off.pages;
}

static void gen_map(struct generator *g, struct scn_op *op)
{
	struct region r = {0};

	op->len = some_pages(g, 20);
	op->prot = some_prot(g);
	op->flags = conform_percent(g, 72) ? SCN_MAP_PRIVATE : SCN_MAP_SHARED;
	op->file = (uint8_t)(conform_percent(g, 40) ? some_file(g) : SCN_NONE);
	if (op->file == SCN_NONE)
		op->flags |= SCN_MAP_ANONYMOUS;
	else if (conform_percent(g, 60))
		op->off.pages = (int32_t)conform_below(g, 8);
	if (op->file != SCN_NONE && g->program->file[op->file].kind == SCN_FILE_DISK)
		inside_disk_file(g, op);
	place_of_map(g, op);
	if (g->features & CONFORM_STACK && op->file == SCN_NONE && conform_percent(g, 7)) {
		op->flags = SCN_MAP_PRIVATE | SCN_MAP_ANONYMOUS | SCN_MAP_GROWSDOWN | SCN_MAP_FIXED;
		op->addr = arena_page(STACK_PAGE + (int32_t)conform_below(g, 3) * 300);
		r.stack = 1;
	}
	if (conform_percent(g, 6))
		op->flags |= SCN_MAP_POPULATE;
	if (conform_percent(g, 5))
		op->flags |= SCN_MAP_NORESERVE;
	if (g->features & CONFORM_LOCKS && conform_percent(g, 4))
		op->flags |= SCN_MAP_LOCKED;
	if (conform_percent(g, 1))
		op->flags &= ~(uint32_t)SCN_MAP_TYPE;
	if (!(op->flags & SCN_MAP_FIXED))
		op->name = new_name(g);
	r.start = op->addr;
	if (op->name != SCN_NONE)
		r.start = (struct scn_addr){.base = SCN_BASE_NAME, .name = op->name};
	r.pages = op->len.pages + (op->len.bytes > 0);
	r.file = op->file;
	r.prot = (uint8_t)op->prot;
	if (r.pages > 0)
		track_mapped(g, &r);
}

static void gen_unmap(struct generator *g, struct scn_op *op)
{
	range(g, op);
	track_unmapped(g, op);
}

static void gen_protect(struct generator *g, struct scn_op *op)
{
	range(g, op);
	op->prot = some_prot(g);
	if (conform_percent(g, 2))
		op->prot |= conform_percent(g, 80) ? SCN_PROT_GROWSDOWN : SCN_PROT_GROWSUP;
}

static void gen_remap(struct generator *g, struct scn_op *op)
{
	const struct region *r = any_region(g);
	struct region made = {.file = SCN_NONE};
	unsigned how = conform_below(g, 100);

	if (r && conform_percent(g, 70)) {
		op->addr = r->start;
		op->len.pages = r->pages;
	} else {
		range(g, op);
	}
	op->len2.pages =
	    conform_percent(g, 40) ? op->len.pages : op->len.pages + (int32_t)conform_below(g, 9) - 4;
	if (op->len2.pages < 0)
		op->len2.pages = 0;
	if (conform_percent(g, 3))
		op->len.pages = 0;
	if (how < 75)
		op->flags |= SCN_REMAP_MAYMOVE;
	if (how < 45) {
		op->flags |= SCN_REMAP_FIXED;
		op->to = conform_percent(g, 70) ? arena_page(WINDOW + (int32_t)conform_below(g, WINDOW_PAGES))
						: edge(g);
	}
	if (how < 50 && conform_percent(g, 25) && !g->memlock_limited) {
		op->flags |= SCN_REMAP_DONTUNMAP;
		g->left_behind = true;
	}
	op->name = new_name(g);
	if (op->name == SCN_NONE || op->len2.pages == 0)
		return;
	made.start = (struct scn_addr){.base = SCN_BASE_NAME, .name = op->name};
	made.pages = op->len2.pages;
	track_mapped(g, &made);
}

static void gen_brk(struct generator *g, struct scn_op *op)
{
	const struct region *r = any_region(g);
	struct region heap = {.start = {.base = SCN_BASE_HEAP}, .file = SCN_NONE, .prot = 3};

	op->addr.base = SCN_BASE_HEAP;
	op->addr.off.pages = (int32_t)conform_below(g, HEAP_PAGES);
	op->addr.off.bytes = conform_percent(g, 20) ? (int64_t)conform_below(g, 4096) : 0;
	if (conform_percent(g, 4))
		op->addr = (struct scn_addr){0};
	else if (r && r->start.base == SCN_BASE_HEAP && conform_percent(g, 80))
		op->addr = moved(r->start, (int32_t)conform_below(g, 3) - 1);
	heap.pages = op->addr.off.pages;
	if (heap.pages > 0)
		track_mapped(g, &heap);
}

static void gen_advise(struct generator *g, struct scn_op *op)
{
	static const uint8_t advice[32] = {
	    SCN_ADV_DONTNEED,       SCN_ADV_DONTNEED,        SCN_ADV_DONTNEED,      SCN_ADV_DONTNEED,
	    SCN_ADV_DONTNEED,       SCN_ADV_DONTNEED,        SCN_ADV_FREE,          SCN_ADV_FREE,
	    SCN_ADV_REMOVE,         SCN_ADV_REMOVE,          SCN_ADV_WILLNEED,      SCN_ADV_DONTFORK,
	    SCN_ADV_DONTFORK,       SCN_ADV_DOFORK,          SCN_ADV_WIPEONFORK,    SCN_ADV_WIPEONFORK,
	    SCN_ADV_KEEPONFORK,     SCN_ADV_POPULATE_READ,   SCN_ADV_POPULATE_READ, SCN_ADV_POPULATE_WRITE,
	    SCN_ADV_POPULATE_WRITE, SCN_ADV_DONTNEED_LOCKED, SCN_ADV_SEQUENTIAL,    SCN_ADV_RANDOM,
	    SCN_ADV_NORMAL,         SCN_ADV_DONTDUMP,        SCN_ADV_DODUMP,        SCN_ADV_COLD,
	    SCN_ADV_DONTNEED,       SCN_ADV_DONTNEED,        SCN_ADV_FREE,          77};

	range(g, op);
	op->flags = advice[conform_below(g, 32)];
	/* Read-ahead of a hole in a disk file follows heuristics that no rule describes. */
	if (op->flags == SCN_ADV_REMOVE && conform_has_disk_file(g))
		op->flags = SCN_ADV_DONTNEED;
}

static void gen_access(struct generator *g, struct scn_op *op)
{
	op->times = 1;
	if (conform_percent(g, 6) && g->features & CONFORM_STACK) {
		/* Just below a growing mapping, and far below it. */
		op->addr = arena_page(
		    STACK_PAGE + (int32_t)conform_below(g, 3) * 300 -
		    (int32_t)(conform_percent(g, 60) ? conform_below(g, 8) : conform_below(g, 300)));
		return;
	}
	op->addr = inside_address(g);
	if (conform_percent(g, 35))
		op->times = (uint16_t)(1 + conform_below(g, 8));
}

static void gen_fork(struct generator *g, struct scn_op *op)
{
	struct scn_program *p = g->program;
	unsigned child = p->proc_count++;

	snprintf(p->proc_name[child], SCN_NAME_BYTES, "p%u", child);
	op->other = (uint8_t)child;
	g->process[child] = *g->now;
	g->living++;
}

static void gen_file(struct generator *g, struct scn_op *op)
{
	const struct scn_file *file;

	op->file = (uint8_t)some_file(g);
	file = &g->program->file[op->file];
	if (file->kind == SCN_FILE_DISK) {
		/* A disk file is not extended and gets no holes. */
		if (op->verb == SCN_TRUNCATE || op->verb == SCN_PUNCH)
			op->verb = SCN_FREAD;
		op->off.pages = (int32_t)conform_below(g, (unsigned)file->size.pages + 1);
		op->len.bytes =
		    op->off.pages < file->size.pages ? (int64_t)conform_below(g, 4097) : file->size.bytes;
		return;
	}
	op->off.pages = (int32_t)conform_below(g, 10);
	if (conform_percent(g, 35))
		op->off.bytes = conform_percent(g, 50) ? 100 : 4095;
	op->len = some_pages(g, 8);
	if (conform_percent(g, 30))
		op->len.bytes += conform_percent(g, 50) ? 100 : 2000;
	if (op->verb == SCN_TRUNCATE && conform_percent(g, 15))
		op->len = (struct scn_size){0};
}

/* The remaining operations. */
static void gen_rest(struct generator *g, struct scn_op *op)
{
	switch (op->verb) {
	case SCN_LOCK:
		range(g, op);
		op->flags = conform_percent(g, 30);
		break;
	case SCN_SYNC:
		range(g, op);
		op->flags = conform_below(g, 8);
		break;
	case SCN_LIMIT:
		op->other = conform_percent(g, 50) || g->left_behind ? SCN_LIMIT_STACK : SCN_LIMIT_MEMLOCK;
		g->memlock_limited |= op->other == SCN_LIMIT_MEMLOCK;
		op->len.pages = (int32_t)conform_below(g, conform_percent(g, 60) ? 6 : 40);
		if (conform_percent(g, 25))
			op->len = (struct scn_size){.bytes = -1};
		break;
	case SCN_KREAD:
	case SCN_KWRITE:
		op->addr = inside_address(g);
		break;
	case SCN_EXEC:
		op->addr = inside_address(g);
		op->addr.off.bytes = 16 * (int64_t)conform_below(g, 200);
		break;
	case SCN_KZERO:
		range(g, op);
		if (conform_percent(g, 50))
			op->addr.off.bytes += 1000;
		break;
	case SCN_PEEK:
	case SCN_POKE:
		op->addr = inside_address(g);
		op->other = (uint8_t)conform_below(g, g->program->proc_count);
		break;
	default:
		range(g, op);
	}
}

void conform_generate_op(struct generator *g, struct scn_op *op)
{
	switch (op->verb) {
	case SCN_MAP:
		gen_map(g, op);
		break;
	case SCN_UNMAP:
		gen_unmap(g, op);
		break;
	case SCN_PROTECT:
		gen_protect(g, op);
		break;
	case SCN_REMAP:
		gen_remap(g, op);
		break;
	case SCN_BRK:
		gen_brk(g, op);
		break;
	case SCN_ADVISE:
		gen_advise(g, op);
		break;
	case SCN_READ:
	case SCN_WRITE:
		gen_access(g, op);
		break;
	case SCN_FORK:
		gen_fork(g, op);
		break;
	case SCN_EXIT:
		g->now->alive = false;
		g->living--;
		break;
	case SCN_FREAD:
	case SCN_FWRITE:
	case SCN_TRUNCATE:
	case SCN_PUNCH:
		gen_file(g, op);
		break;
	case SCN_LAYOUT:
		break;
	default:
		gen_rest(g, op);
	}
}
