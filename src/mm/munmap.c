/* SPDX-License-Identifier: MIT */
/* munmap: leaves, vmas and tables of a range go, in this order, and frames after the flush. */
#include "mm/vma.h"

void qr_range_count(const struct quire_mm *mm, quire_va start, quire_va end, struct qr_range_counts *out)
{
	const struct quire_vma *vma = qr_find_vma_intersection(mm, start, end);

	out->pages = out->accounted = 0;
	for (; vma && vma->start < end; vma = vma->next) {
		uint64_t bytes = qr_min(vma->end, end) - qr_max(vma->start, start);
		uint64_t pages = qr_to_pages(mm->system, bytes);

		out->pages += pages;
		out->accounted += vma->flags & QR_VM_ACCOUNT ? pages : 0;
	}
}

enum quire_status qr_unmap_prepare(struct quire_mm *mm, quire_va start, quire_va end,
                                   struct quire_vma **out_spare)
{
	const struct quire_vma *vma = qr_find_vma_intersection(mm, start, end);

	*out_spare = NULL;
	if (!vma || vma->start >= start || vma->end <= end)
		return QUIRE_OK;
	if (mm->vmas >= mm->system->max_map_count)
		return QUIRE_ENOMEM;
	*out_spare = qr_vma_alloc(mm->system);
	return *out_spare ? QUIRE_OK : QUIRE_ENOMEM;
}

/* Takes the vmas of the range away; the removed ones go to gone->dead. */
static void cut_vmas(struct quire_mm *mm, quire_va start, quire_va end, struct quire_vma **spare,
                     struct qr_gone *gone)
{
	struct quire_vma *vma = qr_find_vma_intersection(mm, start, end), *next, *dead;

	for (; vma && vma->start < end; vma = next) {
		uint64_t bytes = qr_min(vma->end, end) - qr_max(vma->start, start);
		uint64_t pages = qr_to_pages(mm->system, bytes);

		next = vma->next;
		qr_account(mm, vma->flags, -(int64_t)pages);
		if (vma->flags & QR_VM_LOCKED)
			mm->locked_vm -= pages;
		if (vma->flags & QR_VM_ACCOUNT)
			gone->accounted += pages;
		dead = qr_vma_cut(vma, start, end, spare);
		if (dead) {
			dead->next = gone->dead;
			gone->dead = dead;
		}
	}
}

void qr_unmap_commit(struct quire_mm *mm, quire_va start, quire_va end, struct quire_vma **spare,
                     struct qr_gone *gone)
{
	struct qr_pt_counts counts = {0};
	struct quire_vma *above, *below;
	struct qr_tlb tlb;

	if (!qr_find_vma_intersection(mm, start, end))
		return;
	qr_mm_note_peak(mm);
	qr_tlb_begin(&tlb, &mm->pt);
	qr_pt_unmap(&mm->pt, &tlb, start, end, QR_UNMAP_ALL, &counts);
	cut_vmas(mm, start, end, spare, gone);
	above = qr_find_vma(mm, start);
	below = above ? above->prev : qr_last_vma(mm);
	qr_pt_free(&mm->pt, &tlb, start, end, below ? below->end : 0, above ? above->start : 0);
	qr_tlb_end(&tlb);
	qr_mm_count_gone(mm, &counts);
}

void qr_gone_bury(struct quire_mm *mm, struct qr_gone *gone)
{
	struct quire_vma *vma;

	while ((vma = gone->dead) != NULL) {
		gone->dead = vma->next;
		if (vma->file)
			quire_file_put(vma->file);
		qr_vma_free(mm->system, vma);
	}
}

enum quire_status quire_munmap(struct quire_mm *mm, quire_va addr, uint64_t length)
{
	struct quire_system *system = mm->system;
	struct qr_gone gone = {0};
	struct quire_vma *spare;
	enum quire_status status;
	quire_va end;

	if ((addr & qr_page_mask(system)) || addr > mm->task_end || length > mm->task_end - addr)
		return QUIRE_EINVAL;
	end = (quire_va)(addr + qr_page_up(system, length));
	if (end == addr)
		return QUIRE_EINVAL;
	qr_mm_write_lock(mm);
	status = qr_unmap_prepare(mm, addr, end, &spare);
	if (status == QUIRE_OK) {
		qr_unmap_commit(mm, addr, end, &spare, &gone);
		qr_uncommit(system, gone.accounted);
		qr_assert_whole(system, qr_mm_valid(mm));
	}
	qr_mm_write_unlock(mm);
	qr_gone_bury(mm, &gone);
	return status;
}
