/* SPDX-License-Identifier: MIT */
/* A write to a present, read-only leaf in a vma that may be written: do_wp_page.
 *
 *   shared vma              the file is told, the leaf becomes writable      (wp_page_shared)
 *   private, the zero page  a cleared frame takes its place      (wp_zero_page)
 *   private, alone          the page is taken over                           (wp_page_reuse)
 *   private, else           a copy takes its place                           (wp_page_copy)
 *
 * Alone means, by the profile: one reference (2.4), one mapping (2.6, 4.14), or marked EXCLUSIVE, or
 * one reference, which then proves it (6). fork clears EXCLUSIVE on both sides. A page with a swap slot is not
 * alone while an entry names the slot. The swap cache's own reference does not count in 2.4; in 4.14 the
 * slot is given back with the taking over, in 6 before the references are looked at.
 *
 * A live entry never changes its frame directly: it is cleared and flushed first, so that no CPU
 * writes to the old frame after the copy was made, nor do two walkers see two frames
 * (ARM: break-before-make). */
#include "fault/fault.h"
#include "swap/swap.h"

/* The same for a page with a swap slot. */
QR_RARE static bool alone_with_slot(struct qr_fault_ctx *fc, struct qr_page *page)
{
	enum quire_release release = fc->system->profile->release;
	enum quire_reuse_rule rule = fc->system->profile->reuse_rule;
	uint32_t references;

	if (rule == QUIRE_REUSE_EXCLUSIVE && qr_page_test(page, QR_PAGE_EXCLUSIVE))
		return true;
	if (rule == QUIRE_REUSE_MAPCOUNT && qr_rmap_total(fc->system, page) != 1)
		return false;
	if (!qr_swap_is_unnamed(fc->system, page, release >= QUIRE_LINUX_4_14))
		return false;
	references = __atomic_load_n(&page->ref, __ATOMIC_ACQUIRE);
	if (rule == QUIRE_REUSE_COUNT)
		references -= qr_page_test(page, QR_PAGE_SWAPCACHE);
	return rule == QUIRE_REUSE_MAPCOUNT || references == 1;
}

/* By the rules of 2.4, 2.6 and 4.14. => PT held */
static __attribute__((noinline)) bool alone_by_count(struct qr_fault_ctx *fc, struct qr_page *page)
{
	bool one_mapping;

	if (fc->system->profile->reuse_rule == QUIRE_REUSE_COUNT)
		return __atomic_load_n(&page->ref, __ATOMIC_ACQUIRE) == 1;
	qr_rmap_lock(fc->system, page);
	one_mapping = qr_rmap_count(page) == 1;
	qr_rmap_unlock(fc->system, page);
	return one_mapping;
}

/* => PT held: the entry is a mapping of `page`, so its references cannot reach zero. */
QR_INLINE bool alone(struct qr_fault_ctx *fc, struct qr_page *page)
{
	uint32_t flags = __atomic_load_n(&page->flags, __ATOMIC_RELAXED);

	if (qr_unlikely((flags & (QR_PAGE_STATE_MASK | QR_PAGE_SWAPCACHE)) != QUIRE_PAGE_ANON))
		return (flags & QR_PAGE_STATE_MASK) == QUIRE_PAGE_ANON && alone_with_slot(fc, page);
	if (qr_mutant(fc->system, "cow-reuse"))
		return true;
	if (fc->system->profile->reuse_rule != QUIRE_REUSE_EXCLUSIVE)
		return alone_by_count(fc, page);
	return (flags & QR_PAGE_EXCLUSIVE) || __atomic_load_n(&page->ref, __ATOMIC_ACQUIRE) == 1;
}

/* Makes the leaf writable in place. locked: PT, released
 *
 * A CPU whose TLB still has it read-only takes a harmless spurious fault that skews counts. This CPU is
 * spared that: by a flush, perhaps that of qr_publish(), or because the fault itself dropped the translation.
 * Should it have come back since, establish_pte() in handle.c flushes it. */
QR_INLINE enum qr_fault_status reuse(struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	unsigned flags = QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY;
	quire_pte want = arch->make(arch, arch->pfn(arch, fc->pte, 0), fc->vma->prot, flags, 0);
	bool dropped;

	/* The hardware may set young meanwhile, and nothing else: it is in `want`. */
	if (qr_pte_is_steady(arch))
		qr_pte_set(arch, 0, fc->entry, want);
	else
		while (!qr_pte_cas(arch, 0, fc->entry, &fc->pte, want))
			;
	qr_pt_unlock(&fc->mm->pt, fc->table);
	qr_publish(fc);
	/* A pin comes from no fault of the CPU. */
	dropped = (arch->caps & QUIRE_CAP_CACHES_INVALID) ||
		  ((arch->caps & QUIRE_CAP_FAULT_FLUSHES) && !(fc->request.flags & QR_REQUEST_PIN));
	if (!dropped)
		qr_flush_here(fc);
	return QR_FAULT_OK;
}

/* The leaf of a copy: for a write writable and dirty, for a pin to read as clean as a read leaves it. */
static quire_pte copied_pte(const struct qr_fault_ctx *fc, const struct qr_page *copy)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	quire_pte pte = qr_anon_pte(fc, copy);

	if (!(fc->request.flags & QR_REQUEST_UNSHARE))
		return pte;
	pte = arch->with_flags(arch, pte, 0, QUIRE_PTE_DIRTY, 0);
	return arch->with_prot(arch, pte, arch->prot(arch, pte, 0) & ~(quire_prot)QUIRE_PROT_WRITE, 0);
}

/* Takes the leaf of `old` (NULL: the zero page) out of the entry and out of the CPUs. => PT held. */
static void take_out(struct qr_fault_ctx *fc, struct qr_page *old)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	quire_pte was = qr_pte_xchg(arch, 0, fc->entry, (quire_pte){0});

	qr_tlb_flush_page(&fc->mm->pt, fc->va);
	if (!old)
		return;
	qr_rmap_del(fc->system, old, fc->entry);
	if (arch->flags(arch, was, 0) & QUIRE_PTE_YOUNG && !qr_page_test(old, QR_PAGE_REFERENCED))
		qr_page_set(old, QR_PAGE_REFERENCED);
}

/* What else changes with the replaced page: counts, and a swap slot that nothing needs any more. A copy of an
 * anonymous page without a slot changes nothing. */
static void count_replaced(struct qr_fault_ctx *fc, struct qr_page *old)
{
	uint32_t flags = old ? __atomic_load_n(&old->flags, __ATOMIC_ACQUIRE) : QUIRE_PAGE_ZERO;
	struct qr_mm_slot *slot = fc->slot;

	if ((flags & (QR_PAGE_STATE_MASK | QR_PAGE_SWAPCACHE)) == QUIRE_PAGE_ANON)
		return;
	if (flags & QR_PAGE_SWAPCACHE) {
		qr_swap_collect(fc->system, old);
		return;
	}
	qr_slot_add(&slot->anon, 1);
	if (old)
		qr_slot_add((flags & QR_PAGE_STATE_MASK) == QUIRE_PAGE_SHMEM ? &slot->shmem : &slot->file,
			    -1);
}

/* Puts `copy` in the place of `old` (NULL: the zero page). Takes over the references of both. */
QR_INLINE enum qr_fault_status replace(struct qr_fault_ctx *fc, struct qr_page *old, struct qr_page *copy)
{
	const struct quire_arch *arch = qr_arch(fc->system);

	__atomic_store_n(&copy->flags, copy->flags | QR_PAGE_EXCLUSIVE | QR_PAGE_UPTODATE, __ATOMIC_RELAXED);
	if (!qr_pte_lock_same_page(fc)) {
		qr_page_put(fc->system, copy);
		if (old)
			qr_page_put(fc->system, old);
		return QR_FAULT_RACED;
	}
	/* commit */
	take_out(fc, old);
	qr_rmap_add_new(copy, fc->entry);
	qr_pte_set(arch, 0, fc->entry, copied_pte(fc, copy));
	qr_pt_unlock(&fc->mm->pt, fc->table);
	qr_publish(fc);
	count_replaced(fc, old);
	if (old) {
		qr_page_put(fc->system, old); /* the mapping's */
		qr_page_put(fc->system, old); /* ours */
	}
	return QR_FAULT_OK;
}

static enum qr_fault_status wp_zero_page(struct qr_fault_ctx *fc)
{
	struct qr_page *page;

	qr_steps(fc, QUIRE_STEP_DO_WP_PAGE, QUIRE_STEP_WP_ZERO_PAGE);
	qr_answer(fc, QUIRE_STEP_WP_ZERO_PAGE, QUIRE_RESUME_FRESH);
	qr_anon_prepare(fc->vma);
	page = qr_anon_frame(fc, QUIRE_FRAME_ZERO);
	return qr_likely(page != NULL) ? replace(fc, NULL, page) : QR_FAULT_OOM;
}

/* => `old` referenced by the caller, PT not held. */
static enum qr_fault_status wp_page_copy(struct qr_fault_ctx *fc, struct qr_page *old)
{
	struct qr_page *copy;

	qr_answer_named(fc, QUIRE_STEP_WP_PAGE_COPY, QUIRE_STEP_PAGE_COPIED, QUIRE_RESUME_COPY);
	qr_anon_prepare(fc->vma);
	copy = qr_anon_frame(fc, 0);
	if (qr_unlikely(!copy)) {
		qr_page_put(fc->system, old);
		return QR_FAULT_OOM;
	}
	qr_page_copy_on(fc->system, fc->cpu, copy, old);
	return replace(fc, old, copy);
}

enum qr_fault_status qr_page_mkwrite(struct qr_fault_ctx *fc, struct qr_page *page)
{
	struct quire_file *file = fc->vma->file;

	if (file->ops && file->ops->mkwrite) {
		qr_step(fc, QUIRE_STEP_PAGE_MKWRITE);
		if (file->ops->mkwrite(file->context, qr_vma_index(fc->vma, fc->va)) != QUIRE_OK) {
			fc->outcome.rule = QUIRE_STEP_PAGE_MKWRITE;
			return QR_FAULT_SIGBUS;
		}
	}
	qr_page_lock(fc->system, page);
	if (page->u.cache.file == file)
		return QR_FAULT_OK;
	qr_page_unlock(fc->system, page);
	return QR_FAULT_RACED;
}

/* => `page` referenced by the caller, PT not held. */
static __attribute__((noinline)) enum qr_fault_status wp_page_shared(struct qr_fault_ctx *fc,
								     struct qr_page *page)
{
	enum qr_fault_status status = qr_page_mkwrite(fc, page);

	qr_answer_named(fc, QUIRE_STEP_WP_PAGE_SHARED, QUIRE_STEP_PAGE_REUSED, QUIRE_RESUME_REUSE);
	if (status == QR_FAULT_OK) {
		if (qr_pte_lock_same_page(fc)) {
			qr_cache_dirty(page);
			status = reuse(fc);
		} else {
			status = QR_FAULT_RACED;
		}
		qr_page_unlock(fc->system, page);
	}
	qr_page_put(fc->system, page);
	return status == QR_FAULT_OK ? qr_fault_wrote(fc) : status;
}

enum qr_fault_status qr_do_wp_page(struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	quire_pfn pfn = arch->pfn(arch, fc->pte, 0);
	struct qr_page *page;

	/* In words: the number of a frame fits one. */
	if ((uintptr_t)pfn.n == (uintptr_t)fc->system->zero_page.n)
		return wp_zero_page(fc);
	qr_step(fc, QUIRE_STEP_DO_WP_PAGE);
	page = qr_page_of(fc->system, pfn);
	if (!page)
		return qr_refuse(fc, QUIRE_STEP_PTE_CORRUPT, QR_FAULT_SIGBUS);
	if (!qr_pte_lock_same_page(fc))
		return QR_FAULT_RACED;
	/* locked: mm(r), PT */
	if (!(fc->vma->flags & QR_VM_SHARED) && alone(fc, page)) {
		/* Under PT of the one mapping alone it is set, looked at and cleared. */
		__atomic_fetch_or(&page->flags, QR_PAGE_EXCLUSIVE, __ATOMIC_RELAXED);
		qr_answer_named(fc, QUIRE_STEP_WP_PAGE_REUSE, QUIRE_STEP_PAGE_REUSED, QUIRE_RESUME_REUSE);
		if (!(fc->request.flags & QR_REQUEST_UNSHARE))
			return reuse(fc);
		/* Alone now; writable it becomes by the first write. */
		qr_pt_unlock(&fc->mm->pt, fc->table);
		return QR_FAULT_OK;
	}
	qr_page_get(page);
	qr_pt_unlock(&fc->mm->pt, fc->table);
	return fc->vma->flags & QR_VM_SHARED ? wp_page_shared(fc, page) : wp_page_copy(fc, page);
}
