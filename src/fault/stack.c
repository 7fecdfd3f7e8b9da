/* SPDX-License-Identifier: MIT */
/* May the stack grow: expand_stack.
 *
 *        next vma                  A growing vma above the address is moved down to it when
 *   +-----------------+            - a user's access is not too far below the stack pointer
 *   |   stack vma     |              (2.4: 32 bytes; 2.6: 65536 + 32 longs; later: no rule),
 *   +-----------------+ vm_start   - the guard gap above the mapping below stays free,
 *   |  grown to here  |            - RLIMIT_STACK, RLIMIT_AS, RLIMIT_MEMLOCK and the commit
 *   +-----------------+ va           limit allow it.
 *        guard gap
 *   +-----------------+
 *   |  mapping below  |
 *   +-----------------+
 *
 * The change needs the mm lock for write; the fault came with it for read. So it is let go and
 * taken again, and everything is looked at anew. */
#include "fault/fault.h"

static bool below_sp(const struct qr_fault_ctx *fc)
{
	const struct quire_profile *profile = fc->system->profile;
	uint64_t slack =
	    profile->stack_slack + (uint64_t)profile->stack_slack_longs * qr_arch(fc->system)->long_bytes;

	if (slack == 0 || !fc->fault || fc->fault->mode != QUIRE_MODE_USER)
		return false;
	return (uint64_t)fc->trap->address + slack < fc->trap->sp;
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

/* The limit that forbids `vma` to grow by `pages`, or QUIRE_STEP_STACK_GROWN. */
static enum quire_step limit_hit(const struct quire_vma *vma, quire_va start, uint64_t pages)
{
	const struct quire_mm *mm = vma->mm;
	unsigned shift = qr_arch(mm->system)->page_shift;

	if (mm->total_vm + pages > mm->limit[QUIRE_LIMIT_AS] >> shift)
		return QUIRE_STEP_STACK_RLIMIT_AS;
	if (vma->end - start > mm->limit[QUIRE_LIMIT_STACK] && !qr_mutant(mm->system, "stack-limit"))
		return QUIRE_STEP_STACK_RLIMIT;
	if ((vma->flags & QR_VM_LOCKED) && !(mm->rights & QUIRE_RIGHT_IPC_LOCK) &&
	    mm->locked_vm + pages > mm->limit[QUIRE_LIMIT_MEMLOCK] >> shift)
		return QUIRE_STEP_STACK_MEMLOCK;
	return QUIRE_STEP_STACK_GROWN;
}

/* Grows `vma` to hold `va`, or says which rule forbids it. => mm lock for write. */
static enum quire_step grow(struct quire_vma *vma, quire_va va)
{
	struct quire_system *system = vma->mm->system;
	unsigned shift = qr_arch(system)->page_shift;
	uint64_t pages = (uint64_t)(vma->start - va) >> shift;
	enum quire_step step;

	if (va < system->mmap_min_addr)
		return QUIRE_STEP_STACK_MMAP_MIN;
	if (guard_hit(vma, va))
		return QUIRE_STEP_STACK_GUARD;
	/* As if something had been written, whatever comes of it: fork copies this vma's leaves. */
	qr_anon_prepare(vma);
	if (pages > vma->pgoff)
		return QUIRE_STEP_STACK_RLIMIT_AS;
	step = limit_hit(vma, va, pages);
	if (step != QUIRE_STEP_STACK_GROWN)
		return step;
	/* The question is asked for any vma; the promise is kept for those that can be written. */
	if (qr_mm_commit(vma->mm, pages) != QUIRE_OK)
		return QUIRE_STEP_STACK_OVERCOMMIT;
	if (!(vma->flags & QR_VM_ACCOUNT))
		qr_uncommit(system, pages);
	qr_vma_grow_down(vma, va);
	return QUIRE_STEP_STACK_GROWN;
}

enum quire_step qr_expand_stack(struct qr_fault_ctx *fc)
{
	enum quire_step step;

	qr_step(fc, QUIRE_STEP_EXPAND_STACK);
	if (below_sp(fc))
		return QUIRE_STEP_STACK_BELOW_SP;
	qr_mm_slot_unlock(fc->mm, fc->slot);
	qr_mm_write_lock(fc->mm);
	fc->vma = qr_find_vma(fc->mm, fc->va);
	if (!fc->vma)
		step = QUIRE_STEP_NO_VMA;
	else if (fc->vma->start <= fc->va)
		step = QUIRE_STEP_STACK_GROWN; /* another thread was faster */
	else if (!(fc->vma->flags & QR_VM_GROWSDOWN))
		step = QUIRE_STEP_VMA_ABOVE;
	else
		step = grow(fc->vma, fc->va);
	fc->slot = &fc->mm->slot[qr_mm_downgrade(fc->mm)];
	return step;
}
