/* SPDX-License-Identifier: MIT */
/* msync: dirty pages of shared file mappings go to the file; the rest is checking. */
#include "mm/vma.h"

/* Writes [start, end) of `vma` back with the lock dropped: the address space may change meanwhile. */
static enum quire_status write_back(struct quire_vma *vma, quire_va start, quire_va end, unsigned *token)
{
	struct quire_mm *mm = vma->mm;
	struct quire_file *file = quire_file_get(vma->file);
	uint64_t offset = qr_vma_index(vma, start) << qr_arch(mm->system)->page_shift;
	enum quire_status status;

	qr_mm_read_unlock(mm, *token);
	status = quire_file_sync(file, offset, (uint64_t)(end - start));
	quire_file_put(file);
	*token = qr_mm_read_lock(mm);
	return status;
}

static enum quire_status sync_range(struct quire_mm *mm, quire_va start, quire_va end, uint32_t flags,
				    unsigned *token)
{
	enum quire_status hole = QUIRE_OK, status;

	while (start < end) {
		struct quire_vma *vma = qr_find_vma(mm, start);
		quire_va part_end;

		if (!vma)
			return QUIRE_ENOMEM;
		if (start < vma->start) {
			if (flags == QUIRE_MS_ASYNC)
				return QUIRE_ENOMEM;
			hole = QUIRE_ENOMEM;
			start = vma->start;
			if (start >= end)
				break;
		}
		if ((flags & QUIRE_MS_INVALIDATE) && (vma->flags & QR_VM_LOCKED))
			return QUIRE_EBUSY;
		part_end = (quire_va)qr_min(vma->end, end);
		if ((flags & QUIRE_MS_SYNC) && vma->file && (vma->flags & QR_VM_SHARED)) {
			status = write_back(vma, start, part_end, token);
			if (status != QUIRE_OK)
				return status;
		}
		start = part_end;
	}
	return hole;
}

enum quire_status quire_msync(struct quire_mm *mm, quire_va addr, uint64_t length, uint32_t flags)
{
	uint32_t known = QUIRE_MS_ASYNC | QUIRE_MS_INVALIDATE | QUIRE_MS_SYNC;
	enum quire_status status;
	unsigned token;
	uint64_t end;

	if ((flags & ~known) || (addr & qr_page_mask(mm->system)) ||
	    ((flags & QUIRE_MS_ASYNC) && (flags & QUIRE_MS_SYNC)))
		return QUIRE_EINVAL;
	end = addr + qr_page_up(mm->system, length);
	if ((quire_va)end != end || end < addr)
		return QUIRE_ENOMEM;
	token = qr_mm_read_lock(mm);
	status = sync_range(mm, addr, (quire_va)end, flags, &token);
	qr_mm_read_unlock(mm, token);
	return status;
}
