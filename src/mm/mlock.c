/* SPDX-License-Identifier: MIT */
/* mlock and its family: vmas are marked under the mm lock, then their pages are brought in. */
#include "mm/vma.h"

/* One part of a vma gets or loses the lock flags. */
static enum quire_status lock_part(struct quire_vma *vma, quire_va start, quire_va end, uint32_t locks)
{
	struct quire_mm *mm = vma->mm;
	uint32_t old = vma->flags, flags = (old & ~QR_VM_LOCK_FLAGS) | locks;
	uint64_t pages = qr_to_pages(mm->system, (uint64_t)(end - start));
	enum quire_status status;

	if (flags == old)
		return QUIRE_OK;
	status = qr_vma_modify(vma, start, end, flags, &vma);
	if (status != QUIRE_OK)
		return status;
	if (!(flags & QR_VM_LOCKED))
		mm->locked_vm -= pages;
	else if (!(old & QR_VM_LOCKED))
		mm->locked_vm += pages;
	return QUIRE_OK;
}

/* Stops at the first hole or failure and keeps what was done before. */
static enum quire_status lock_range(struct quire_mm *mm, quire_va start, quire_va end, uint32_t locks)
{
	enum quire_status status = QUIRE_OK;

	while (start < end && status == QUIRE_OK) {
		struct quire_vma *vma = qr_find_vma(mm, start);
		quire_va part_end;

		if (!vma || vma->start > start)
			return QUIRE_ENOMEM;
		part_end = (quire_va)qr_min(vma->end, end);
		status = lock_part(vma, start, part_end, locks);
		start = part_end;
	}
	return status;
}

static uint64_t locked_pages(const struct quire_mm *mm, quire_va start, quire_va end)
{
	const struct quire_vma *vma = qr_find_vma_intersection(mm, start, end);
	uint64_t pages = 0;

	for (; vma && vma->start < end; vma = vma->next) {
		if (vma->flags & QR_VM_LOCKED)
			pages += qr_to_pages(mm->system, qr_min(vma->end, end) - qr_max(vma->start, start));
	}
	return pages;
}

/* Whether RLIMIT_MEMLOCK lets [start, end) be locked: what is locked already counts once. */
static bool within_limit(const struct quire_mm *mm, quire_va start, quire_va end)
{
	uint64_t limit = qr_to_pages(mm->system, mm->limit[QUIRE_LIMIT_MEMLOCK]);
	uint64_t pages = qr_to_pages(mm->system, (uint64_t)(end - start)) + mm->locked_vm;

	if (!qr_memlock_binds(mm) || pages <= limit)
		return true;
	return pages - locked_pages(mm, start, end) <= limit;
}

/* Which of the two refuses first, the missing right or the limit, depends on the release. => mm lock */
static enum quire_status may_lock(const struct quire_mm *mm, bool within)
{
	bool limit_first = mm->system->profile->memlock_rule == QUIRE_MEMLOCK_EVERYONE;

	if (limit_first && !within)
		return QUIRE_ENOMEM;
	if (!qr_can_mlock(mm))
		return QUIRE_EPERM;
	return within ? QUIRE_OK : QUIRE_ENOMEM;
}

/* Rounds to whole pages. *out_end below *out_start: the range wraps. */
static void whole_pages(const struct quire_mm *mm, quire_va addr, uint64_t length, quire_va *out_start,
			quire_va *out_end)
{
	uint64_t mask = qr_page_mask(mm->system);

	*out_start = (quire_va)(addr & ~mask);
	*out_end = (quire_va)(*out_start + qr_page_up(mm->system, length + (addr & mask)));
}

enum quire_status quire_mlock(struct quire_mm *mm, quire_va addr, uint64_t length, uint32_t flags)
{
	uint32_t locks = QR_VM_LOCKED | (flags & QUIRE_MLOCK_ONFAULT ? (uint32_t)QR_VM_LOCKONFAULT : 0);
	enum quire_status status;
	quire_va start, end;

	if (flags & ~(uint32_t)QUIRE_MLOCK_ONFAULT)
		return QUIRE_EINVAL;
	whole_pages(mm, addr, length, &start, &end);
	qr_mm_write_lock(mm);
	status = may_lock(mm, within_limit(mm, start, end) || qr_mutant(mm->system, "lock-limit"));
	if (status == QUIRE_OK)
		status = end < start ? QUIRE_EINVAL : lock_range(mm, start, end, locks);
	qr_assert_whole(mm->system, qr_mm_valid(mm));
	qr_mm_write_unlock(mm);
	if (status != QUIRE_OK)
		return status;
	status = qr_mm_populate(mm, start, end, false);
	/* POSIX: EAGAIN when memory runs out, ENOMEM for addresses that are not mapped. */
	return status == QUIRE_ENOMEM ? QUIRE_EAGAIN : status == QUIRE_EFAULT ? QUIRE_ENOMEM : status;
}

enum quire_status quire_munlock(struct quire_mm *mm, quire_va addr, uint64_t length)
{
	enum quire_status status;
	quire_va start, end;

	whole_pages(mm, addr, length, &start, &end);
	qr_mm_write_lock(mm);
	status = end < start ? QUIRE_EINVAL : lock_range(mm, start, end, 0);
	qr_assert_whole(mm->system, qr_mm_valid(mm));
	qr_mm_write_unlock(mm);
	return status;
}

/* Every vma; one that cannot be split or merged is passed over, as on Linux. => mm lock for write. */
static void lock_everything(struct quire_mm *mm, uint32_t locks)
{
	struct quire_vma *vma = mm->first;

	while (vma) {
		quire_va end = vma->end;

		(void)lock_part(vma, vma->start, end, locks);
		vma = end < mm->task_end ? qr_find_vma(mm, end) : NULL;
	}
}

static void apply_all(struct quire_mm *mm, uint32_t flags)
{
	uint32_t locks = QR_VM_LOCKED | (flags & QUIRE_MCL_ONFAULT ? (uint32_t)QR_VM_LOCKONFAULT : 0);

	mm->def_flags &= ~QR_VM_LOCK_FLAGS;
	if (flags & QUIRE_MCL_FUTURE)
		mm->def_flags |= locks;
	if (flags & QUIRE_MCL_CURRENT)
		lock_everything(mm, locks);
	else if (!(flags & QUIRE_MCL_FUTURE))
		lock_everything(mm, 0);
	qr_assert_whole(mm->system, qr_mm_valid(mm));
}

/* Whether RLIMIT_MEMLOCK lets everything be locked that is mapped. A release that binds everyone asks that
 * also where only future mappings are to be locked. */
static bool all_within_limit(const struct quire_mm *mm, uint32_t flags)
{
	bool everyone = mm->system->profile->memlock_rule == QUIRE_MEMLOCK_EVERYONE;

	if (!qr_memlock_binds(mm) || (!everyone && !(flags & QUIRE_MCL_CURRENT)))
		return true;
	return mm->total_vm <= qr_to_pages(mm->system, mm->limit[QUIRE_LIMIT_MEMLOCK]);
}

enum quire_status quire_mlockall(struct quire_mm *mm, uint32_t flags)
{
	uint32_t known = QUIRE_MCL_CURRENT | QUIRE_MCL_FUTURE | QUIRE_MCL_ONFAULT;
	enum quire_status status;

	if (flags == 0 || (flags & ~known) || flags == QUIRE_MCL_ONFAULT)
		return QUIRE_EINVAL;
	qr_mm_write_lock(mm);
	status = may_lock(mm, all_within_limit(mm, flags));
	if (status == QUIRE_OK)
		apply_all(mm, flags);
	qr_mm_write_unlock(mm);
	if (status == QUIRE_OK && (flags & QUIRE_MCL_CURRENT))
		(void)qr_mm_populate(mm, 0, mm->task_end, true);
	return status;
}

enum quire_status quire_munlockall(struct quire_mm *mm)
{
	qr_mm_write_lock(mm);
	apply_all(mm, 0);
	qr_mm_write_unlock(mm);
	return QUIRE_OK;
}
