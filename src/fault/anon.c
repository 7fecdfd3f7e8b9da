/* SPDX-License-Identifier: MIT */
/* Anonymous memory that was never touched: do_anonymous_page.
 *
 * A read maps the one zero page, read-only, without a reference or reverse mapping: no address space owns
 * it, and it is never freed. A write maps a cleared frame, EXCLUSIVE to this address: clear_user_highpage is the
 * frame allocator's, with the host's window where RAM has no linear address, and flush_page_to_ram the host's. */
#include "fault/fault.h"

static enum qr_fault_status map_zero_page(struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	quire_prot prot = fc->vma->prot & ~(quire_prot)QUIRE_PROT_WRITE;
	quire_pte pte = arch->make(arch, fc->system->zero_page, prot, QUIRE_PTE_YOUNG, 0);

	qr_steps(fc, QUIRE_STEP_DO_ANONYMOUS_PAGE, QUIRE_STEP_ZERO_PAGE);
	qr_answer(fc, QUIRE_STEP_ZERO_PAGE, QUIRE_RESUME_ZERO_PAGE);
	if (!qr_pte_lock_same(fc))
		return QR_FAULT_RACED;
	qr_pte_set(arch, 0, fc->entry, pte);
	qr_pt_unlock(&fc->mm->pt, fc->table);
	qr_publish(fc);
	return QR_FAULT_OK;
}

enum qr_fault_status qr_map_anon(struct qr_fault_ctx *fc, struct qr_page *page)
{
	const struct quire_arch *arch = qr_arch(fc->system);

	__atomic_store_n(&page->flags, page->flags | QR_PAGE_EXCLUSIVE | QR_PAGE_UPTODATE, __ATOMIC_RELAXED);
	if (!qr_pte_lock_same(fc)) {
		qr_page_put(fc->system, page);
		return QR_FAULT_RACED;
	}
	/* commit: set_pte, then update_mmu_cache */
	qr_rmap_add_new(page, fc->entry);
	qr_pte_set(arch, 0, fc->entry, qr_anon_pte(fc, page));
	qr_pt_unlock(&fc->mm->pt, fc->table);
	qr_publish(fc);
	qr_slot_add(&fc->slot->anon, 1);
	return QR_FAULT_OK;
}

/* Whether the page is the guard at the foot of a stack, in the releases between 2.6.32.19 and the guard gap. */
static bool is_stack_guard_page(const struct qr_fault_ctx *fc)
{
	return (fc->vma->flags & QR_VM_GROWSDOWN) && fc->system->rules->stack_guard_page &&
	       fc->va == fc->vma->start;
}

enum qr_fault_status qr_do_anonymous_page(struct qr_fault_ctx *fc)
{
	enum qr_fault_status status;
	struct qr_page *page;

	if (qr_unlikely(is_stack_guard_page(fc))) {
		status = qr_check_stack_guard_page(fc);
		if (status != QR_FAULT_OK)
			return status;
	}
	if (!qr_fault_is_write(fc) && fc->system->profile->zero_page_on_read &&
	    !qr_mutant(fc->system, "zero-page"))
		return map_zero_page(fc);
	qr_anon_prepare(fc->vma);
	page = qr_anon_frame(fc, QUIRE_FRAME_ZERO);
	if (qr_unlikely(!page)) {
		qr_step(fc, QUIRE_STEP_DO_ANONYMOUS_PAGE);
		return QR_FAULT_OOM;
	}
	qr_steps(fc, QUIRE_STEP_DO_ANONYMOUS_PAGE, QUIRE_STEP_ANON_FRAME);
	qr_answer(fc, QUIRE_STEP_ANON_FRAME, QUIRE_RESUME_FRESH);
	return qr_map_anon(fc, page);
}
