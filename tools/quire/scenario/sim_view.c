/* SPDX-License-Identifier: MIT */
/* Views of a process and of its files on the simulated machine. */
#include "names.h"
#include "sim_state.h"

#include <string.h>

static void fill_row(struct scn_sim *s, const struct quire_region *region, uint64_t start, uint64_t end,
		     struct scn_row *out)
{
	memset(out, 0, sizeof(*out));
	out->start = region->start > start ? region->start : start;
	out->end = region->end < end ? region->end : end;
	out->prot = (uint8_t)(region->prot & QUIRE_PROT_RWX);
	out->shared = region->flags & QUIRE_REGION_SHARED ? 1 : 0;
	if (!region->file)
		return;
	out->kind = SCN_KIND_SHARED_ANON;
	out->offset = region->offset + (out->start - region->start);
	for (unsigned i = 0; i < s->program->file_count; i++) {
		if (s->file[i] == region->file) {
			out->kind = SCN_KIND_FILE;
			out->file = (uint8_t)i;
		}
	}
}

int scn_sim_layout(void *context, unsigned proc, uint64_t start, uint64_t end, struct scn_row *out,
		   unsigned max)
{
	struct scn_sim *s = context;
	struct quire_region region;
	uint64_t at = start;
	unsigned count = 0;

	while (count < max && quire_mm_region(s->process[proc]->mm, (quire_va)at, &region) == QUIRE_OK &&
	       region.start < end) {
		fill_row(s, &region, start, end, &out[count++]);
		at = region.end;
	}
	return (int)count;
}

int scn_sim_resident(void *context, unsigned proc, uint64_t addr, unsigned pages, uint8_t *out)
{
	struct scn_sim *s = context;

	if (!s->traits.value[SCN_TRAIT_PAGEMAP])
		return -SCN_ENOENT;
	for (unsigned i = 0; i < pages; i++) {
		uint64_t entry =
		    quire_mm_pagemap(s->process[proc]->mm, (quire_va)(addr + i * s->backend.page_size));

		out[i] = entry >> 63 ? SCN_PAGE_PRESENT : 0;
		if (out[i] && entry >> 61 & 1)
			out[i] |= SCN_PAGE_FILE;
		if (out[i] && entry >> 56 & 1)
			out[i] |= SCN_PAGE_ALONE;
		if (entry >> 62 & 1)
			out[i] |= SCN_PAGE_SWAPPED;
	}
	return 0;
}

int scn_sim_mincore(void *context, unsigned proc, uint64_t addr, uint64_t length, uint8_t *out)
{
	struct scn_sim *s = context;
	struct sim_cpu *cpu = scn_sim_use(s, proc);

	return SIM_OP(cpu, "mincore", quire_mincore(s->process[proc]->mm, (quire_va)addr, length, out));
}

uint64_t scn_sim_digest(void *context, unsigned proc, uint64_t addr)
{
	struct scn_sim *s = context;
	struct sim_cpu *cpu = scn_sim_use(s, proc);
	quire_pa pa;
	const void *bytes;

	if (!sim_probe(cpu, (quire_va)addr, QUIRE_ACCESS_READ, QUIRE_MODE_USER, &pa, NULL))
		return 0;
	bytes = sim_physical(s->sim, pa, s->backend.page_size);
	return bytes ? scn_hash(0, bytes, (size_t)s->backend.page_size) : 0;
}

uint64_t scn_sim_file_digest(void *context, unsigned file)
{
	struct scn_sim *s = context;
	uint8_t page[4096];
	uint64_t hash = 0, at = 0;
	size_t n = 0;

	while (quire_file_read(s->file[file], at, page, sizeof(page), &n) == QUIRE_OK && n > 0) {
		hash = scn_hash(hash, page, n);
		at += n;
	}
	return scn_hash(hash, &at, sizeof(at));
}
