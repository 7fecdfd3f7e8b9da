/* SPDX-License-Identifier: MIT */
/* May the stack grow: expand_stack.
 *
 *        next vma                  A growing vma above the address is moved down to it when
 *   +-----------------+            - a user's access is not too far below the stack pointer (x86
 *   |   stack vma     |              before 5.0: quire_arch_rules.stack_slack),
 *   +-----------------+ vm_start   - the guard gap above the mapping below stays free,
 *   |  grown to here  |            - RLIMIT_STACK, RLIMIT_AS, RLIMIT_MEMLOCK, and the checks of the
 *   +-----------------+ va           release (quire_profile.stack_checks) allow it.
 *        guard gap
 *   +-----------------+
 *   |  mapping below  |
 *   +-----------------+
 *
 * The change needs the mm lock for write, and the fault holds it for read. So the lock is released and taken
 * again, and everything is looked up anew. */
#include "fault/fault.h"

bool qr_below_stack_pointer(const struct qr_fault_ctx *fc)
{
	const struct quire_arch_rules *rules = fc->system->rules;
	uint64_t slack =
	    rules->stack_slack + (uint64_t)rules->stack_slack_longs * qr_arch(fc->system)->long_bytes;

	return slack != 0 && qr_fault_is_user(fc) && (uint64_t)fc->request.address + slack < fc->sp;
}

/* Whether growing to `start` comes too near to what is mapped below. */
static bool guard_hit(const struct quire_vma *vma, quire_va start)
{
	const struct quire_system *system = vma->mm->system;
	const struct quire_vma *below = vma->prev;

	if (!below || (below->flags & QR_VM_GROWSDOWN) || !(below->flags & QR_VM_ACCESS))
		return false;
	return start - below->end < system->stack_guard_pages << qr_arch(system)->page_shift &&
	       !qr_mutant(system, "stack-guard");
}

/* The limit that forbids fc->vma to grow to `start`, `pages` more, or QR_FAULT_OK (acct_stack_growth). */
static enum qr_fault_status check_limits(struct qr_fault_ctx *fc, quire_va start, uint64_t pages)
{
	const struct quire_vma *vma = fc->vma;
	const struct quire_mm *mm = fc->mm;
	unsigned shift = qr_arch(mm->system)->page_shift;

	if (mm->total_vm + pages > mm->limit[QUIRE_LIMIT_AS] >> shift)
		return qr_refuse(fc, QUIRE_STEP_STACK_RLIMIT_AS, QR_FAULT_MAPERR);
	if (vma->end - start > mm->limit[QUIRE_LIMIT_STACK] && !qr_mutant(mm->system, "stack-limit"))
		return qr_refuse(fc, QUIRE_STEP_STACK_RLIMIT, QR_FAULT_MAPERR);
	if ((vma->flags & QR_VM_LOCKED) && qr_memlock_binds(mm) &&
	    mm->locked_vm + pages > mm->limit[QUIRE_LIMIT_MEMLOCK] >> shift)
		return qr_refuse(fc, QUIRE_STEP_STACK_MEMLOCK, QR_FAULT_MAPERR);
	return QR_FAULT_OK;
}

/* Promises the pages of the growth; false: the overcommit mode refuses. Linux checks it for every stack but
 * charges only accountable ones. */
static bool commit(const struct quire_vma *vma, uint64_t pages)
{
	struct quire_system *system = vma->mm->system;

	if (!(system->profile->stack_checks & QUIRE_STACK_COMMIT)) {
		if (vma->flags & QR_VM_ACCOUNT)
			qr_commit_unchecked(system, pages);
		return true;
	}
	if (qr_mm_commit(vma->mm, pages) != QUIRE_OK)
		return false;
	if (!(vma->flags & QR_VM_ACCOUNT))
		qr_uncommit(system, pages);
	return true;
}

/* Grows fc->vma to begin at `start`, or refuses. locked: mm(w) */
static enum qr_fault_status grow(struct qr_fault_ctx *fc, quire_va start)
{
	struct quire_system *system = fc->system;
	struct quire_vma *vma = fc->vma;
	uint64_t pages = (uint64_t)(vma->start - start) >> qr_arch(system)->page_shift;
	enum qr_fault_status status;

	if ((system->profile->stack_checks & QUIRE_STACK_MMAP_MIN) && start < qr_mmap_min_addr(system))
		return qr_refuse(fc, QUIRE_STEP_STACK_MMAP_MIN, QR_FAULT_MAPERR);
	if (guard_hit(vma, start))
		return qr_refuse(fc, QUIRE_STEP_STACK_GUARD, QR_FAULT_MAPERR);
	/* As if something had been written, whether the growth succeeds or not: fork copies this vma's leaves. */
	qr_anon_prepare(vma);
	if (pages > vma->pgoff)
		return qr_refuse(fc, QUIRE_STEP_STACK_RLIMIT_AS, QR_FAULT_MAPERR);
	status = check_limits(fc, start, pages);
	if (status != QR_FAULT_OK)
		return status;
	if (!commit(vma, pages))
		return qr_refuse(fc, QUIRE_STEP_STACK_OVERCOMMIT, QR_FAULT_MAPERR);
	qr_vma_grow_down(vma, start);
	return QR_FAULT_OK;
}

enum qr_fault_status qr_expand_stack(struct qr_fault_ctx *fc)
{
	enum qr_fault_status status = QR_FAULT_OK;

	qr_step(fc, QUIRE_STEP_EXPAND_STACK);
	qr_mm_slot_unlock(fc->mm, fc->slot);
	qr_mm_write_lock(fc->mm);
	fc->vma = qr_find_vma(fc->mm, fc->va);
	if (!fc->vma)
		status = qr_refuse(fc, QUIRE_STEP_NO_VMA, QR_FAULT_MAPERR);
	else if (fc->vma->start > fc->va && !(fc->vma->flags & QR_VM_GROWSDOWN))
		status = qr_refuse(fc, QUIRE_STEP_VMA_ABOVE, QR_FAULT_MAPERR);
	else if (fc->vma->start > fc->va) /* else another thread was faster */
		status = grow(fc, fc->va);
	fc->slot = &fc->mm->slot[qr_mm_downgrade(fc->mm)];
	return status;
}

enum qr_fault_status qr_check_stack_guard_page(struct qr_fault_ctx *fc)
{
	const struct quire_vma *below = fc->vma->prev;

	qr_step(fc, QUIRE_STEP_STACK_GUARD_PAGE);
	if (below && below->end == fc->va)
		return below->flags & QR_VM_GROWSDOWN
			   ? QR_FAULT_OK
			   : qr_refuse(fc, QUIRE_STEP_STACK_GUARD, QR_FAULT_SIGBUS);
	if (fc->request.flags & (QR_REQUEST_GUARDED | QR_REQUEST_PIN))
		return QR_FAULT_OK;
	/* A limit that refuses the guard page does not refuse this one. */
	fc->request.flags |= QR_REQUEST_GUARDED;
	qr_mm_slot_unlock(fc->mm, fc->slot);
	fc->slot = NULL;
	qr_mm_write_lock(fc->mm);
	fc->vma = qr_find_vma(fc->mm, fc->va);
	if (fc->vma && fc->vma->start == fc->va && (fc->vma->flags & QR_VM_GROWSDOWN) &&
	    fc->va >= qr_page_bytes(fc->system))
		(void)grow(fc, fc->va - (quire_va)qr_page_bytes(fc->system));
	qr_mm_write_unlock(fc->mm);
	return QR_FAULT_RETRY;
}
