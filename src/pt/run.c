/* SPDX-License-Identifier: MIT */
/* Runs: the existing entries of a range, a table at a time. What has no table is stepped over in the
 * stride of the level that lacks it. */
#include "pt/pt.h"

/* Completes a run from its va, entry and level: as far as its table or leaf reaches, and not beyond `last`. */
static void complete_run(const struct qr_pt *pt, struct qr_pt_run *run, quire_va last, unsigned reach_shift)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	unsigned shift = arch->level[run->level].shift;
	quire_va reach = run->va | (quire_va)(((uint64_t)1 << reach_shift) - 1);

	if (reach > last)
		reach = last;
	run->end = reach + 1;
	run->count = (size_t)((reach >> shift) - (run->va >> shift)) + 1;
	run->stride = arch->level[run->level].entry_bytes;
	run->table = qr_page_at(pt->system, run->entry);
}

bool qr_pt_next_run_at(const struct qr_pt *pt, quire_va va, quire_va end, unsigned level,
		       struct qr_pt_run *run)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	unsigned top = qr_width(pt->system)->levels - 1u, at = top;
	char *table = pt->root;

	if (va >= end)
		return false;
	for (;;) {
		const struct quire_level *geometry = &arch->level[at];
		size_t index = qr_pt_index(arch, at, va);
		char *entry = table + index * geometry->entry_bytes;
		enum quire_pte_kind kind;
		quire_pte pte;

		run->va = va;
		run->entry = entry;
		run->level = at;
		if (at == level) {
			complete_run(pt, run, end - 1, geometry->shift + geometry->index_bits);
			return true;
		}
		pte = qr_pte_get(arch, at, entry);
		kind = arch->kind(arch, pte, at);
		if (kind == QUIRE_PTE_TABLE) {
			table = qr_pa_linear(pt->system, arch->table_pa(arch, pte, at));
			at--;
			continue;
		}
		if (kind == QUIRE_PTE_LEAF) {
			complete_run(pt, run, end - 1, geometry->shift);
			return true;
		}
		/* Most entries of a table are none: steps to the next that is not. */
		do {
			va = (va | (quire_va)(((uint64_t)1 << geometry->shift) - 1)) + 1;
			/* Beyond the end, or wrapped: the last table of the address space ends at 0. */
			if (va == 0 || va >= end)
				return false;
			entry += geometry->entry_bytes;
		} while (++index < (size_t)1 << geometry->index_bits &&
			 qr_pte_get(arch, at, entry).bits == 0);
		if (index == (size_t)1 << geometry->index_bits) {
			table = pt->root;
			at = top;
		}
	}
}

bool qr_pt_next_run(const struct qr_pt *pt, quire_va va, quire_va end, struct qr_pt_run *run)
{
	const struct quire_level *last = &qr_arch(pt->system)->level[0];

	if (va >= end)
		return false;
	/* Most ranges begin where there is a table. */
	run->va = va;
	run->level = 0;
	run->entry = qr_pt_find(pt, va, 0);
	if (qr_unlikely(!run->entry))
		return qr_pt_next_run_at(pt, va, end, 0, run);
	complete_run(pt, run, end - 1, last->shift + last->index_bits);
	return true;
}
