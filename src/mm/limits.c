/* SPDX-License-Identifier: MIT */
/* Limits of an address space: RLIMIT_AS, DATA, MEMLOCK, and the counts they bind. */
#include "mm/vma.h"

/* Executable code, stack, data: the three classes of /proc/PID/status. */
static bool is_exec_mapping(uint32_t flags)
{
	return (flags & (QR_VM_EXEC | QR_VM_WRITE | QR_VM_GROWSDOWN)) == QR_VM_EXEC;
}

static bool is_stack_mapping(uint32_t flags)
{
	return (flags & QR_VM_GROWSDOWN) != 0;
}

static bool is_data_mapping(uint32_t flags)
{
	return (flags & (QR_VM_WRITE | QR_VM_SHARED | QR_VM_GROWSDOWN)) == QR_VM_WRITE;
}

static uint64_t limit_pages(const struct quire_mm *mm, enum quire_limit limit)
{
	return qr_to_pages(mm->system, mm->limit[limit]);
}

bool qr_may_expand(const struct quire_mm *mm, uint32_t flags, uint64_t pages)
{
	if (mm->total_vm + pages > limit_pages(mm, QUIRE_LIMIT_AS))
		return false;
	return !is_data_mapping(flags) || mm->limit[QUIRE_LIMIT_DATA] == QUIRE_UNLIMITED ||
	       mm->data_vm + pages <= limit_pages(mm, QUIRE_LIMIT_DATA);
}

void qr_account(struct quire_mm *mm, uint32_t flags, int64_t pages)
{
	mm->total_vm += (uint64_t)pages;
	if (is_exec_mapping(flags))
		mm->exec_vm += (uint64_t)pages;
	else if (is_stack_mapping(flags))
		mm->stack_vm += (uint64_t)pages;
	else if (is_data_mapping(flags))
		mm->data_vm += (uint64_t)pages;
	if (mm->total_vm > mm->vm_peak)
		mm->vm_peak = mm->total_vm;
}

enum quire_status qr_mm_commit(const struct quire_mm *mm, uint64_t pages)
{
	struct qr_promise promise = {
	    .pages = pages, .mapped = mm->total_vm, .privileged = (mm->rights & QUIRE_RIGHT_SYS_ADMIN) != 0};

	return qr_commit(mm->system, &promise);
}

bool qr_memlock_binds(const struct quire_mm *mm)
{
	return mm->system->profile->memlock_rule == QUIRE_MEMLOCK_EVERYONE ||
	       !(mm->rights & QUIRE_RIGHT_IPC_LOCK);
}

bool qr_lock_future_ok(const struct quire_mm *mm, uint32_t flags, uint64_t bytes)
{
	if (!(flags & QR_VM_LOCKED) || !qr_memlock_binds(mm))
		return true;
	return qr_to_pages(mm->system, bytes) + mm->locked_vm <= limit_pages(mm, QUIRE_LIMIT_MEMLOCK);
}

bool qr_can_mlock(const struct quire_mm *mm)
{
	if (mm->system->profile->memlock_rule == QUIRE_MEMLOCK_EVERYONE)
		return mm->rights & QUIRE_RIGHT_IPC_LOCK;
	return mm->limit[QUIRE_LIMIT_MEMLOCK] != 0 || (mm->rights & QUIRE_RIGHT_IPC_LOCK);
}

bool qr_is_accountable(uint32_t flags)
{
	return (flags & (QR_VM_NORESERVE | QR_VM_SHARED | QR_VM_WRITE)) == QR_VM_WRITE;
}

uint64_t qr_vma_start_gap(const struct quire_vma *vma)
{
	const struct quire_system *system = vma->mm->system;
	uint64_t guard = system->stack_guard_pages << qr_arch(system)->page_shift;

	if (!(vma->flags & QR_VM_GROWSDOWN))
		return vma->start;
	return vma->start > guard ? vma->start - guard : 0;
}

void quire_mm_set_limit(struct quire_mm *mm, enum quire_limit limit, uint64_t bytes)
{
	if ((unsigned)limit >= QUIRE_LIMIT_COUNT)
		return;
	qr_mm_write_lock(mm);
	mm->limit[limit] = bytes;
	qr_mm_write_unlock(mm);
}

uint64_t quire_mm_limit(const struct quire_mm *mm, enum quire_limit limit)
{
	return (unsigned)limit < QUIRE_LIMIT_COUNT ? mm->limit[limit] : 0;
}

void quire_mm_set_rights(struct quire_mm *mm, uint32_t rights)
{
	qr_mm_write_lock(mm);
	mm->rights = rights;
	qr_mm_write_unlock(mm);
}
