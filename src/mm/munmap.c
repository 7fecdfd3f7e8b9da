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
	if (qr_is_sealed(mm, start, end))
		return QUIRE_EPERM;
	if (!vma || vma->start >= start || vma->end <= end)
		return QUIRE_OK;
	if (mm->vmas >= qr_max_map_count(mm->system))
		return QUIRE_ENOMEM;
	*out_spare = qr_vma_alloc(mm->system);
	return *out_spare ? QUIRE_OK : QUIRE_ENOMEM;
}

/* Unmaps the pages of the range, vma by vma: the gaps between them have no pages. */
static void unmap_leaves(const struct quire_vma *vma, struct qr_tlb *tlb, quire_va start, quire_va end)
{
	struct qr_pt_counts gone = {0};
	struct quire_mm *mm = vma->mm;

	for (; vma && vma->start < end; vma = vma->next)
		qr_pt_unmap(&mm->pt, tlb, (quire_va)qr_max(vma->start, start),
			    (quire_va)qr_min(vma->end, end), QR_UNMAP_ALL, &gone);
	qr_mm_count_gone(mm, &gone);
}

/* Cuts the range out of a vma; a vma of which nothing is left goes to gone->dead. */
static void cut_vma(struct quire_vma *vma, quire_va start, quire_va end, struct quire_vma **spare,
		    struct qr_gone *gone)
{
	struct quire_mm *mm = vma->mm;
	uint64_t bytes = qr_min(vma->end, end) - qr_max(vma->start, start);
	uint64_t pages = qr_to_pages(mm->system, bytes);
	struct quire_vma *dead;

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

/* Removes the vmas of the range, then their tables; those of vmas that lie close together at once. A table
 * that a later vma shares is freed with that one. The vma comes first: truncation walks its tables while it
 * is in its file's list. */
static void cut_vmas(struct quire_vma *vma, struct qr_tlb *tlb, quire_va start, quire_va end,
		     struct quire_vma **spare, struct qr_gone *gone)
{
	struct quire_mm *mm = vma->mm;
	uint64_t near = (uint64_t)1 << qr_arch(mm->system)->level[1].shift;
	quire_va first = (quire_va)qr_max(vma->start, start), last, floor, ceiling;
	struct quire_vma *next;

	floor = vma->prev ? vma->prev->end : 0;
	if (vma->start < start)
		floor = start;
	for (; vma && vma->start < end; vma = next) {
		next = vma->next;
		last = (quire_va)qr_min(vma->end, end);
		/* Above the last one nothing may be, but what the port has fixed there. */
		ceiling = next ? next->start : qr_list_empty(&mm->fixed) ? 0 : mm->task_end;
		if (vma->end > end)
			ceiling = end;
		cut_vma(vma, start, end, spare, gone);
		if (next && next->start < end && next->start - last < near)
			continue;
		qr_pt_free(&mm->pt, tlb, first, last, floor, ceiling);
		first = ceiling;
	}
}

void qr_unmap_commit(struct quire_mm *mm, quire_va start, quire_va end, struct quire_vma **spare,
		     struct qr_gone *gone)
{
	struct quire_vma *first = qr_find_vma_intersection(mm, start, end);
	struct qr_tlb tlb;

	if (!first)
		return;
	qr_mm_note_peak(mm);
	qr_tlb_begin(&tlb, &mm->pt);
	unmap_leaves(first, &tlb, start, end);
	cut_vmas(first, &tlb, start, end, spare, gone);
	qr_tlb_end(&tlb);
}

void qr_gone_release(struct quire_mm *mm, struct qr_gone *gone)
{
	struct quire_vma *vma;

	while ((vma = gone->dead) != NULL) {
		gone->dead = vma->next;
		if (vma->file)
			quire_file_put(vma->file);
		qr_vma_free(mm->system, vma);
	}
}

static enum quire_status unmap_once(struct quire_mm *mm, quire_va addr, uint64_t length)
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
	qr_gone_release(mm, &gone);
	return status;
}

enum quire_status quire_munmap(struct quire_mm *mm, quire_va addr, uint64_t length)
{
	struct qr_retry retry = qr_retry_begin(mm->system);
	enum quire_status status;

	do
		status = unmap_once(mm, addr, length);
	while (qr_retry_status(mm->system, &retry, status));
	return status;
}
