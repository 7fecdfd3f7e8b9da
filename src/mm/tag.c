/* SPDX-License-Identifier: MIT */
/* Tags of vmas: they mean something to the port alone. Joining and cutting are vma.c's. */
#include <quire/tag.h>

#include "mm/vma.h"

static enum quire_status set_tag(struct quire_mm *mm, quire_va start, quire_va end, uint8_t tag)
{
	while (start < end) {
		struct quire_vma *vma = qr_find_vma_intersection(mm, start, end);
		enum quire_status status = QUIRE_OK;
		quire_va part_end;

		if (!vma)
			break;
		part_end = (quire_va)qr_min(vma->end, end);
		if (vma->tag != tag)
			status = qr_vma_modify_tagged(vma, (quire_va)qr_max(vma->start, start), part_end,
						      vma->flags, tag, &vma);
		if (status != QUIRE_OK)
			return status;
		start = part_end;
	}
	return QUIRE_OK;
}

enum quire_status quire_mm_set_tag(struct quire_mm *mm, quire_va addr, uint64_t length, uint8_t tag)
{
	uint64_t aligned = qr_page_up(mm->system, length), end = addr + aligned;
	enum quire_status status;

	if ((addr & qr_page_mask(mm->system)) || (length && !aligned) || end < addr || (quire_va)end != end)
		return QUIRE_EINVAL;
	if (end == addr)
		return QUIRE_OK;
	qr_mm_write_lock(mm);
	status = set_tag(mm, addr, (quire_va)end, tag);
	qr_assert_whole(mm->system, qr_mm_valid(mm));
	qr_mm_write_unlock(mm);
	return status;
}

enum quire_status quire_mm_tag(struct quire_mm *mm, quire_va va, uint8_t *out_tag)
{
	unsigned token = qr_mm_read_lock(mm);
	const struct quire_vma *vma = qr_find_vma(mm, va);
	bool found = vma && vma->start <= va;

	if (found)
		*out_tag = vma->tag;
	qr_mm_read_unlock(mm, token);
	return found ? QUIRE_OK : QUIRE_ENOENT;
}
