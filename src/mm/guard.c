/* SPDX-License-Identifier: MIT */
/* Guards: MADV_GUARD_INSTALL puts markers (QR_SWAP_GUARD) into the table in place of pages. A fault that finds one is
 * SIGSEGV, whatever the vma allows. No vma is cut, so a thousand of them cost nothing but their entries.
 *
 * Discarding, truncation and mprotect leave them; fork copies them, mremap moves them, munmap and GUARD_REMOVE take
 * them away. They exist nowhere but in the table: a vma that has some gets an anonymous identity, so that fork copies
 * its tables even if it maps a file. */
#include "mm/vma.h"

/* Makes every table that maps [start, end). */
static enum quire_status make_tables(struct qr_pt *pt, quire_va start, quire_va end)
{
	const struct quire_level *level = &qr_arch(pt->system)->level[0];
	uint64_t span = (uint64_t)1 << (level->shift + level->index_bits), at = start;

	for (; at < end; at = (at & ~(span - 1)) + span) {
		if (!qr_pt_alloc(pt, (quire_va)at, 0, NULL))
			return QUIRE_ENOMEM;
	}
	return QUIRE_OK;
}

/* Where an entry is `from`, it becomes `to`. Neither is a leaf, so no CPU has it. */
static void replace(const struct quire_vma *vma, quire_va start, quire_va end, quire_pte from, quire_pte to)
{
	const struct quire_arch *arch = qr_arch(vma->mm->system);
	struct qr_pt *pt = &vma->mm->pt;
	struct qr_pt_run run;

	for (quire_va va = start; va < end && qr_pt_next_run(pt, va, end, &run); va = run.end) {
		char *entry = run.entry;

		if (run.level != 0)
			continue;
		qr_pt_lock(pt, run.table);
		for (size_t i = 0; i < run.count; i++, entry += run.stride) {
			if (qr_pte_get(arch, 0, entry).bits == from.bits)
				qr_pte_set(arch, 0, entry, to);
		}
		qr_pt_unlock(pt, run.table);
	}
}

enum quire_status qr_guard_install(struct quire_vma *vma, quire_va start, quire_va end)
{
	struct quire_mm *mm = vma->mm;
	const struct quire_arch *arch = qr_arch(mm->system);
	struct qr_pt_counts gone = {0};
	enum quire_status status;
	struct qr_tlb tlb;

	if (vma->flags & QR_VM_LOCKED)
		return QUIRE_EINVAL;
	status = make_tables(&mm->pt, start, end);
	if (status != QUIRE_OK)
		return status;
	qr_anon_prepare(vma);
	qr_mm_note_peak(mm);
	qr_tlb_begin(&tlb, &mm->pt);
	qr_pt_unmap(&mm->pt, &tlb, start, end, QR_UNMAP_PAGES, &gone);
	qr_tlb_end(&tlb);
	qr_mm_count_gone(mm, &gone);
	replace(vma, start, end, (quire_pte){0}, arch->swap(arch, QR_SWAP_GUARD));
	return QUIRE_OK;
}

void qr_guard_remove(const struct quire_vma *vma, quire_va start, quire_va end)
{
	const struct quire_arch *arch = qr_arch(vma->mm->system);

	replace(vma, start, end, arch->swap(arch, QR_SWAP_GUARD), (quire_pte){0});
}
