/* SPDX-License-Identifier: MIT */
/* The kernel asks for a page that a program could have: populate, mlock, ptrace, futex. */
#include "fault/handle.h"

/* Whether the leaf there already serves, as it would a program. */
static bool serves(const struct quire_mm *mm, quire_va va, bool write)
{
	const struct quire_arch *arch = qr_arch(mm->system);
	const void *entry = qr_pt_find(&mm->pt, va, 0);
	quire_pte pte;

	if (!entry)
		return false;
	pte = qr_pte_get(arch, 0, entry);
	return arch->kind(arch, pte, 0) == QUIRE_PTE_LEAF &&
	       (!write || (arch->prot(arch, pte, 0) & QUIRE_PROT_WRITE));
}

/* FORCE on a private page that the program may not write: a copy of its own, EXCLUSIVE, is enough. */
static bool own_copy(const struct quire_mm *mm, quire_va va)
{
	const struct quire_arch *arch = qr_arch(mm->system);
	const void *entry = qr_pt_find(&mm->pt, va, 0);
	const struct qr_page *page;
	quire_pte pte;

	if (!entry)
		return false;
	pte = qr_pte_get(arch, 0, entry);
	if (arch->kind(arch, pte, 0) != QUIRE_PTE_LEAF)
		return false;
	page = qr_page_of(mm->system, arch->pfn(arch, pte, 0));
	return page && qr_page_test(page, QR_PAGE_EXCLUSIVE);
}

static bool is_shared_anon(const struct quire_mm *mm, quire_va va)
{
	const struct quire_arch *arch = qr_arch(mm->system);
	const void *entry = qr_pt_find(&mm->pt, va, 0);
	const struct qr_page *page;
	quire_pte pte;

	if (!entry)
		return false;
	pte = qr_pte_get(arch, 0, entry);
	if (arch->kind(arch, pte, 0) != QUIRE_PTE_LEAF)
		return false;
	page = qr_page_of(mm->system, arch->pfn(arch, pte, 0));
	return page && qr_page_state(page) == QUIRE_PAGE_ANON && !qr_page_test(page, QR_PAGE_EXCLUSIVE) &&
	       !qr_mutant(mm->system, "pin-unshares");
}

static bool satisfied(const struct qr_fault_ctx *fc)
{
	if (fc->force)
		return own_copy(fc->mm, fc->va);
	return serves(fc->mm, fc->va, fc->write) && !(fc->unshare && is_shared_anon(fc->mm, fc->va));
}

enum quire_status qr_fault_in(struct quire_mm *mm, struct quire_vma *vma, quire_va va, unsigned flags,
			      unsigned *token)
{
	bool write = flags & QR_FAULT_IN_WRITE;
	bool force = (flags & QR_FAULT_IN_FORCE) && write && !(vma->flags & QR_VM_WRITE);
	struct qr_fault_ctx fc = {
	    .system = mm->system,
	    .mm = mm,
	    .cpu = qr_this_cpu(mm->system),
	    .va = va & ~(quire_va)qr_page_mask(mm->system),
	    .write = write,
	    .force = force,
	    .unshare =
		(flags & QR_FAULT_IN_UNSHARE) && mm->system->profile->reuse_rule == QUIRE_REUSE_EXCLUSIVE,
	    .waits = true,
	    .slot = &mm->slot[*token],
	    .vma = vma,
	};
	enum qr_result result;

	if (satisfied(&fc))
		return QUIRE_OK;
	do {
		qr_step(&fc, QUIRE_STEP_HANDLE_MM_FAULT);
		result = qr_handle_mm_fault(&fc);
	} while (result == QR_CHANGED && !satisfied(&fc));
	switch (result) {
	case QR_DONE:
	case QR_CHANGED:
		if (!qr_mutant(mm->system, "count-pins"))
			qr_mm_count_fault(mm, fc.major);
		return QUIRE_OK;
	case QR_OOM:
		return QUIRE_ENOMEM;
	default:
		return QUIRE_EFAULT;
	}
}
