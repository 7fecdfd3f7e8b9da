/* SPDX-License-Identifier: MIT */
/* Pages brought in before they are touched: MAP_POPULATE, mlock, MADV_POPULATE_*. */
#include "fault/fault.h"
#include "mm/vma.h"

/* A position in an address space. */
struct walk {
	struct quire_mm *mm;
	quire_va at, end;
	unsigned token;
};

/* Faults in pages of `vma` from walk->at to `end`. */
static enum quire_status fill(struct walk *walk, struct quire_vma *vma, quire_va end, unsigned flags)
{
	while (walk->at < end) {
		enum quire_status status = qr_fault_in(walk->mm, vma, walk->at, flags, walk->token);

		if (status != QUIRE_OK)
			return status;
		walk->at += (quire_va)qr_page_bytes(walk->mm->system);
	}
	return QUIRE_OK;
}

/* How mlock touches a page: by a write where that breaks COW now. By the rule of the release it writes to shared
 * pages too, which makes them dirty. */
static unsigned touch_of(const struct quire_vma *vma)
{
	uint32_t not_written = vma->mm->system->profile->populate_writes_shared ? 0 : QR_VM_SHARED;
	unsigned flags = 0;

	if ((vma->flags & (QR_VM_WRITE | not_written)) == QR_VM_WRITE)
		flags |= QR_FAULT_IN_WRITE;
	if (vma->flags & QR_VM_ACCESS)
		flags |= QR_FAULT_IN_FORCE;
	return flags;
}

static enum quire_status populate_vma(struct walk *walk, struct quire_vma *vma, quire_va end)
{
	if (vma->flags & QR_VM_LOCKONFAULT) {
		walk->at = end;
		return QUIRE_OK;
	}
	if (!(vma->flags & QR_VM_ACCESS))
		return QUIRE_EFAULT;
	return fill(walk, vma, end, touch_of(vma));
}

enum quire_status qr_mm_populate(struct quire_mm *mm, quire_va start, quire_va end, bool ignore)
{
	struct walk walk = {.mm = mm, .at = start, .end = end};
	struct qr_retry retry = qr_retry_begin(mm->system);
	enum quire_status status = QUIRE_OK;

	walk.token = qr_mm_read_lock(mm);
	while (walk.at < end && status == QUIRE_OK) {
		struct quire_vma *vma = qr_find_vma_intersection(mm, walk.at, end);
		quire_va part_end;

		if (!vma)
			break;
		part_end = (quire_va)qr_min(vma->end, end);
		if (walk.at < vma->start)
			walk.at = vma->start;
		status = populate_vma(&walk, vma, part_end);
		if (status == QUIRE_ENOMEM) {
			qr_mm_read_unlock(mm, walk.token);
			if (qr_retry_after_reclaim(mm->system, &retry))
				status = QUIRE_OK;
			walk.token = qr_mm_read_lock(mm);
			if (status == QUIRE_OK)
				continue;
		}
		if (status != QUIRE_OK && ignore) {
			status = QUIRE_OK;
			walk.at = part_end;
		}
	}
	qr_mm_read_unlock(mm, walk.token);
	return status;
}

static enum quire_status populate_advised_once(struct quire_mm *mm, quire_va start, quire_va end, bool write)
{
	struct walk walk = {.mm = mm, .at = start, .end = end};
	enum quire_status status = QUIRE_OK;

	walk.token = qr_mm_read_lock(mm);
	while (walk.at < end && status == QUIRE_OK) {
		struct quire_vma *vma = qr_find_vma(mm, walk.at);

		if (!vma || vma->start > walk.at)
			status = QUIRE_ENOMEM;
		else if (!(vma->flags & (write ? QR_VM_WRITE : QR_VM_READ)))
			status = QUIRE_EINVAL;
		else
			status =
			    fill(&walk, vma, (quire_va)qr_min(vma->end, end), write ? QR_FAULT_IN_WRITE : 0);
	}
	qr_mm_read_unlock(mm, walk.token);
	return status;
}

enum quire_status qr_mm_populate_advised(struct quire_mm *mm, quire_va start, quire_va end, bool write)
{
	struct qr_retry retry = qr_retry_begin(mm->system);
	enum quire_status status;

	do
		status = populate_advised_once(mm, start, end, write);
	while (qr_retry_status(mm->system, &retry, status));
	return status;
}
