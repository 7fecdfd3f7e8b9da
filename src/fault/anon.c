/* SPDX-License-Identifier: MIT */
/* Anonymous memory that was never touched: do_anonymous_page.
 *
 * A read maps the one zero page, read-only, without a reference or reverse mapping: it belongs to
 * nobody and is never freed. A write maps a cleared frame, EXCLUSIVE to this address. */
#include "fault/fault.h"

static enum qr_result map_zero_page(struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	quire_prot prot = fc->vma->prot & ~(quire_prot)QUIRE_PROT_WRITE;
	quire_pte pte = arch->make(arch, fc->system->zero_page, prot, QUIRE_PTE_YOUNG, 0);

	qr_steps(fc, QUIRE_STEP_DO_ANONYMOUS_PAGE, QUIRE_STEP_ZERO_PAGE);
	if (!qr_lock_unchanged(fc))
		return QR_CHANGED;
	qr_pte_set(arch, 0, fc->entry, pte);
	qr_pt_unlock(&fc->mm->pt, fc->table);
	qr_publish(fc);
	return QR_DONE;
}

quire_pte qr_anon_pte(const struct qr_fault_ctx *fc, const struct qr_page *page)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	unsigned flags = QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY;

	return arch->make(arch, qr_page_pfn(fc->system, page), fc->vma->prot, flags, 0);
}

enum qr_result qr_map_anon(struct qr_fault_ctx *fc, struct qr_page *page)
{
	const struct quire_arch *arch = qr_arch(fc->system);

	__atomic_store_n(&page->flags, page->flags | QR_PAGE_EXCLUSIVE | QR_PAGE_UPTODATE, __ATOMIC_RELAXED);
	if (!qr_lock_unchanged(fc)) {
		qr_page_put(fc->system, page);
		return QR_CHANGED;
	}
	/* commit */
	qr_rmap_add_new(page, fc->entry);
	qr_pte_set(arch, 0, fc->entry, qr_anon_pte(fc, page));
	qr_pt_unlock(&fc->mm->pt, fc->table);
	qr_publish(fc);
	qr_slot_add(&fc->slot->anon, 1);
	return QR_DONE;
}

enum qr_result qr_do_anonymous_page(struct qr_fault_ctx *fc)
{
	struct qr_page *page;

	if (!fc->write && fc->system->profile->zero_page_on_read && !qr_mutant(fc->system, "zero-page"))
		return map_zero_page(fc);
	qr_step(fc, QUIRE_STEP_DO_ANONYMOUS_PAGE);
	qr_anon_prepare(fc->vma);
	page = qr_frame_alloc_on(fc->system, fc->cpu, QUIRE_FRAME_ZERO, QUIRE_PAGE_ANON);
	if (!page)
		return QR_OOM;
	qr_step(fc, QUIRE_STEP_ANON_FRAME);
	return qr_map_anon(fc, page);
}
