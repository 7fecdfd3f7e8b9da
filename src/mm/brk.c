/* SPDX-License-Identifier: MIT */
/* brk: the end of the heap. Growing reserves addresses only; frames are found, or not, at first touch. */
#include "mm/vma.h"

/* Growing keeps the guard gap of a stack above, and room for one page more. */
static bool room_above(const struct quire_mm *mm, quire_va from, quire_va to)
{
	const struct quire_system *system = mm->system;
	uint64_t page = qr_page_bytes(system);
	const struct quire_vma *next = qr_find_vma(mm, from);

	if (qr_mutant(system, "brk-room"))
		return !next || to <= next->start;
	return !next || (uint64_t)to + page <= qr_vma_start_gap(next);
}

/* => from < to, page-aligned; mm lock for write. */
static enum quire_status grow(struct quire_mm *mm, quire_va from, quire_va to)
{
	uint64_t pages = qr_to_pages(mm->system, (uint64_t)(to - from));
	struct qr_span span = {
	    .start = from, .end = to, .pgoff = qr_to_pages(mm->system, from), .only_prev = true};
	struct quire_vma *vma;
	quire_va at;

	span.flags = QR_VM_READ | QR_VM_WRITE | QR_VM_MAY | QR_VM_ACCOUNT | mm->def_flags;
	if (qr_get_unmapped_area(mm, from, to - from, true, &at) != QUIRE_OK ||
	    !qr_lock_future_ok(mm, mm->def_flags, to - from) || !room_above(mm, from, to) ||
	    !qr_may_expand(mm, span.flags, pages) || mm->vmas > qr_max_map_count(mm->system))
		return QUIRE_ENOMEM;
	vma = qr_vma_alloc(mm->system);
	if (!vma)
		return QUIRE_ENOMEM;
	if (qr_mm_commit(mm, pages) != QUIRE_OK) {
		qr_vma_free(mm->system, vma);
		return QUIRE_ENOMEM;
	}
	if (qr_vma_merge_span(mm, &span))
		qr_vma_free(mm->system, vma);
	else
		qr_vma_place(mm, vma, &span);
	qr_account(mm, span.flags, (int64_t)pages);
	if (span.flags & QR_VM_LOCKED)
		mm->locked_vm += pages;
	return QUIRE_OK;
}

static enum quire_status shrink(struct quire_mm *mm, quire_va from, quire_va to, struct qr_gone *gone)
{
	struct quire_vma *spare;
	enum quire_status status;

	if (!qr_find_vma_intersection(mm, from, to))
		return QUIRE_EINVAL;
	status = qr_unmap_prepare(mm, from, to, &spare);
	if (status != QUIRE_OK)
		return status;
	qr_unmap_commit(mm, from, to, &spare, gone);
	qr_uncommit(mm->system, gone->accounted);
	return QUIRE_OK;
}

/* Moves the end; changes mm->brk on success only. => mm lock for write. */
static enum quire_status move(struct quire_mm *mm, quire_va brk, struct qr_gone *gone, quire_va *out_from,
			      quire_va *out_to)
{
	struct quire_system *system = mm->system;
	quire_va from = (quire_va)qr_page_up(system, mm->brk), to = (quire_va)qr_page_up(system, brk);
	enum quire_status status = QUIRE_OK;

	if (brk < mm->start_brk || brk > mm->task_end || brk - mm->start_brk > mm->limit[QUIRE_LIMIT_DATA])
		return QUIRE_ENOMEM;
	*out_from = *out_to = from;
	if (to > from) {
		status = grow(mm, from, to);
		*out_to = to;
	} else if (to < from) {
		status = shrink(mm, to, from, gone);
	}
	if (status == QUIRE_OK)
		mm->brk = brk;
	return status;
}

void quire_mm_set_brk(struct quire_mm *mm, quire_va start)
{
	qr_mm_write_lock(mm);
	mm->start_brk = mm->brk = start;
	qr_mm_write_unlock(mm);
}

quire_va quire_brk(struct quire_mm *mm, quire_va brk)
{
	struct qr_gone gone = {0};
	quire_va from = 0, to = 0;
	bool populate;

	qr_mm_write_lock(mm);
	populate =
	    move(mm, brk, &gone, &from, &to) == QUIRE_OK && from < to && (mm->def_flags & QR_VM_LOCKED);
	brk = mm->brk;
	qr_assert_whole(mm->system, qr_mm_valid(mm));
	qr_mm_write_unlock(mm);
	qr_gone_release(mm, &gone);
	if (populate)
		(void)qr_mm_populate(mm, from, to, true);
	return brk;
}
