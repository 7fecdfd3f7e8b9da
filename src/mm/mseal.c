/* SPDX-License-Identifier: MIT */
/* mseal: vmas that keep their place, size and rights until the address space ends.
 *
 * The calls that change a vma ask here or look at QR_VM_SEALED: munmap and what unmaps in the way of another call
 * (qr_unmap_prepare), mprotect, mremap, madvise. Growing a stack, locking and faults change nothing that is sealed. */
#include "mm/vma.h"

bool qr_is_sealed(const struct quire_mm *mm, quire_va start, quire_va end)
{
	const struct quire_vma *vma = qr_find_vma_intersection(mm, start, end);

	for (; vma && vma->start < end; vma = vma->next) {
		if (vma->flags & QR_VM_SEALED)
			return true;
	}
	return false;
}

bool qr_seal_forbids(const struct quire_vma *vma, int advice)
{
	/* What the program may write it may as well discard; a file keeps what is discarded. */
	if (!(vma->flags & QR_VM_SEALED) || vma->file || (vma->flags & QR_VM_WRITE))
		return false;
	switch (advice) {
	case QUIRE_MADV_FREE:
	case QUIRE_MADV_DONTNEED:
	case QUIRE_MADV_DONTNEED_LOCKED:
	case QUIRE_MADV_REMOVE:
	case QUIRE_MADV_DONTFORK:
	case QUIRE_MADV_WIPEONFORK:
	case QUIRE_MADV_GUARD_INSTALL:
		return true;
	default:
		return false;
	}
}

static bool is_whole(const struct quire_mm *mm, quire_va start, quire_va end)
{
	const struct quire_vma *vma = qr_find_vma(mm, start);

	while (vma && vma->start <= start) {
		if (vma->end >= end)
			return true;
		start = vma->end;
		vma = vma->next;
	}
	return false;
}

static enum quire_status seal(struct quire_mm *mm, quire_va start, quire_va end)
{
	if (!is_whole(mm, start, end))
		return QUIRE_ENOMEM;
	while (start < end) {
		struct quire_vma *vma = qr_find_vma(mm, start);
		quire_va part_end = (quire_va)qr_min(vma->end, end);
		enum quire_status status = QUIRE_OK;

		if (!(vma->flags & QR_VM_SEALED))
			status = qr_vma_modify(vma, start, part_end, vma->flags | QR_VM_SEALED, &vma);
		if (status != QUIRE_OK)
			return status;
		start = part_end;
	}
	return QUIRE_OK;
}

enum quire_status quire_mseal(struct quire_mm *mm, quire_va addr, uint64_t length, uint64_t flags)
{
	uint64_t aligned = qr_page_up(mm->system, length), end = addr + aligned;
	enum quire_status status;

	if (flags || (addr & qr_page_mask(mm->system)) || (length && !aligned) || end < addr ||
	    (quire_va)end != end)
		return QUIRE_EINVAL;
	if (end == addr)
		return QUIRE_OK;
	qr_mm_write_lock(mm);
	status = seal(mm, addr, (quire_va)end);
	qr_assert_whole(mm->system, qr_mm_valid(mm));
	qr_mm_write_unlock(mm);
	return status;
}
