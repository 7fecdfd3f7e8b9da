/* SPDX-License-Identifier: MIT */
/* mprotect: vma by vma, each change whole; a hole or a refusal ends the call and keeps what was done. */
#include "mm/vma.h"

#define GROWS (QUIRE_PROT_GROWSDOWN | QUIRE_PROT_GROWSUP)

/* PROT_SEM: programs may set it, and it has no effect. */
#define PROT_SEM 0x8u

/* The most that mprotect may give is in the MAY bits, four above the rights. */
static bool allowed(uint32_t flags)
{
	return (flags & ~(flags >> 4) & QR_VM_ACCESS) == 0;
}

/* What commitment changes with the rights: sets or clears QR_VM_ACCOUNT in *flags.
 * Returns QUIRE_OK with *out_charged pages committed, or QUIRE_ENOMEM. */
static enum quire_status charge(const struct quire_vma *vma, uint64_t pages, uint32_t *flags,
				uint64_t *out_charged)
{
	struct quire_mm *mm = vma->mm;
	uint32_t spared = QR_VM_ACCOUNT | QR_VM_WRITE | QR_VM_SHARED | QR_VM_NORESERVE;

	*out_charged = 0;
	if (*flags & QR_VM_WRITE) {
		/* A range that turns into data is checked as if it were new. */
		if (!qr_may_expand(mm, *flags, pages) && qr_may_expand(mm, vma->flags, pages))
			return QUIRE_ENOMEM;
		if (!(vma->flags & spared)) {
			if (qr_mm_commit(mm, pages) != QUIRE_OK)
				return QUIRE_ENOMEM;
			*out_charged = pages;
			*flags |= QR_VM_ACCOUNT;
		}
	} else if ((vma->flags & QR_VM_ACCOUNT) && qr_vma_is_anon(vma) && qr_vma_anon_id(vma) == 0) {
		/* Nothing was ever written there: the commitment is taken back. */
		*flags &= ~(uint32_t)QR_VM_ACCOUNT;
	}
	return QUIRE_OK;
}

static enum qr_protect_write write_rule(const struct quire_vma *vma)
{
	if (!(vma->flags & QR_VM_WRITE))
		return QR_PROTECT_NO_WRITE;
	if (!(vma->flags & QR_VM_SHARED))
		return vma->mm->system->profile->protect_upgrades ? QR_PROTECT_PRIVATE : QR_PROTECT_NO_WRITE;
	if (qr_vma_wants_writenotify(vma))
		return QR_PROTECT_SHARED;
	return vma->mm->system->rules->shmem_read_dirty && qr_file_is_shmem(vma->file) ? QR_PROTECT_DIRTY
										       : QR_PROTECT_ANY;
}

/* Changes one vma's part. *out_cow: a locked private range became writable; its pages are to be copied now. */
static enum quire_status protect_part(struct quire_vma *vma, quire_va start, quire_va end, uint32_t flags,
				      struct qr_flush *ranges, bool *out_cow)
{
	struct quire_mm *mm = vma->mm;
	uint64_t pages = qr_to_pages(mm->system, (uint64_t)(end - start)), charged;
	uint32_t old = vma->flags;
	enum quire_status status;

	if (old & QR_VM_SEALED)
		return QUIRE_EPERM;
	if (flags == old)
		return QUIRE_OK;
	status = charge(vma, pages, &flags, &charged);
	if (status != QUIRE_OK)
		return status;
	status = qr_vma_modify(vma, start, end, flags, &vma);
	if (status != QUIRE_OK) {
		if (charged)
			qr_uncommit(mm->system, charged);
		return status;
	}
	qr_pt_protect(&mm->pt, ranges, start, end, vma->prot, write_rule(vma));
	if ((old & QR_VM_ACCOUNT) && !(flags & QR_VM_ACCOUNT))
		qr_uncommit(mm->system, pages);
	qr_account(mm, old, -(int64_t)pages);
	qr_account(mm, flags, (int64_t)pages);
	if ((old & (QR_VM_WRITE | QR_VM_SHARED | QR_VM_LOCKED)) == QR_VM_LOCKED && (flags & QR_VM_WRITE))
		*out_cow = true;
	return QUIRE_OK;
}

/* Where the change begins: PROT_GROWSDOWN takes the whole of a growing vma below `end`. */
static enum quire_status first_part(const struct quire_vma *vma, unsigned grows, quire_va *start,
				    quire_va end)
{
	if (!vma || vma->start >= end)
		return QUIRE_ENOMEM;
	if (grows & QUIRE_PROT_GROWSDOWN) {
		*start = vma->start;
		return vma->flags & QR_VM_GROWSDOWN ? QUIRE_OK : QUIRE_EINVAL;
	}
	if (vma->start > *start)
		return QUIRE_ENOMEM;
	/* No vma of these systems grows upwards. */
	return grows & QUIRE_PROT_GROWSUP ? QUIRE_EINVAL : QUIRE_OK;
}

/* Copies now what a locked part would copy at its first writes. The lock is dropped meanwhile.
 * locked: mm(w) */
static void populate_part(struct quire_mm *mm, struct qr_flush *ranges, quire_va start, quire_va end)
{
	qr_flush_end(ranges);
	qr_mm_write_unlock(mm);
	(void)qr_mm_populate(mm, start, end, true);
	qr_mm_write_lock(mm);
}

static enum quire_status protect_range(struct quire_mm *mm, quire_va start, quire_va end, quire_prot prot)
{
	enum quire_status status = QUIRE_OK;
	struct qr_flush ranges;

	qr_flush_begin(&ranges, &mm->pt);
	while (start < end && status == QUIRE_OK) {
		struct quire_vma *vma = qr_find_vma(mm, start);
		bool cow = false;
		quire_va part_end;
		uint32_t flags;

		if (vma && vma->start > start && vma->start < end && qr_mutant(mm->system, "protect-hole"))
			start = vma->start;
		if (!vma || vma->start > start) {
			status = QUIRE_ENOMEM;
			break;
		}
		part_end = (quire_va)qr_min(vma->end, end);
		flags = (vma->flags & ~(uint32_t)QR_VM_ACCESS) | (prot & QUIRE_PROT_RWX);
		status =
		    allowed(flags) ? protect_part(vma, start, part_end, flags, &ranges, &cow) : QUIRE_EACCES;
		if (cow)
			populate_part(mm, &ranges, start, part_end);
		start = part_end;
	}
	qr_flush_end(&ranges);
	return status;
}

static enum quire_status protect_once(struct quire_mm *mm, quire_va addr, uint64_t length, quire_prot prot)
{
	struct quire_system *system = mm->system;
	unsigned grows = prot & GROWS;
	enum quire_status status;
	quire_va start = addr;
	uint64_t end;

	if (grows == GROWS || (addr & qr_page_mask(system)))
		return QUIRE_EINVAL;
	if (length == 0)
		return QUIRE_OK;
	end = addr + qr_page_up(system, length);
	if ((quire_va)end != end || end <= addr)
		return QUIRE_ENOMEM;
	prot &= ~(quire_prot)GROWS;
	if (prot & ~(QUIRE_PROT_RWX | PROT_SEM))
		return QUIRE_EINVAL;
	qr_mm_write_lock(mm);
	status = first_part(qr_find_vma(mm, addr), grows, &start, (quire_va)end);
	if (status == QUIRE_OK)
		status = protect_range(mm, start, (quire_va)end, prot);
	qr_assert_whole(system, qr_mm_valid(mm));
	qr_mm_write_unlock(mm);
	return status;
}

enum quire_status quire_mprotect(struct quire_mm *mm, quire_va addr, uint64_t length, quire_prot prot)
{
	struct qr_retry retry = qr_retry_begin(mm->system);
	enum quire_status status;

	do
		status = protect_once(mm, addr, length, prot);
	while (qr_retry_status(mm->system, &retry, status));
	return status;
}
