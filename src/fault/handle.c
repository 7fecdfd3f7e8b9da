/* SPDX-License-Identifier: MIT */
/* Down the table levels, then by the state of the last entry: handle_mm_fault, handle_pte_fault.
 *
 *   none  ── anonymous vma ──► anon.c      leaf, write to a read-only one ──► cow.c
 *         └─ file vma ───────► file.c      leaf, else ──► young, dirty; or spurious
 *            (do_no_page in 2.4 and 2.6)
 *   swap  ───────────────────► swapin.c
 *
 * The entry is looked at without PT. Whoever changes it takes PT and compares with what was seen.
 *
 * Functions are kept out of line where inlining would make the faults that do not enter them save registers. */
#include "fault/fault.h"
#include "pt/leaf.h"

/* --- the entry under its lock ---------------------------------------------------------------------------- */

QR_RARE bool qr_pte_raced(struct qr_fault_ctx *fc)
{
	qr_pt_unlock(&fc->mm->pt, fc->table);
	qr_step(fc, QUIRE_STEP_PTE_CHANGED);
	return false;
}

/* Two leaves that differ in nothing but young and dirty, which the hardware sets by itself. */
static bool same_but_flags(const struct quire_arch *arch, quire_pte a, quire_pte b)
{
	unsigned both = QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY;

	if (arch->kind(arch, a, 0) != QUIRE_PTE_LEAF || arch->kind(arch, b, 0) != QUIRE_PTE_LEAF)
		return false;
	return arch->with_flags(arch, a, both, 0, 0).bits == arch->with_flags(arch, b, both, 0, 0).bits;
}

QR_RARE bool qr_pte_same_page(struct qr_fault_ctx *fc, quire_pte now)
{
	if (!same_but_flags(qr_arch(fc->system), now, fc->pte))
		return qr_pte_raced(fc);
	fc->pte = now;
	return true;
}

void qr_flush_here(struct qr_fault_ctx *fc)
{
	const struct quire_host *host = fc->system->host;
	struct quire_flush flush;

	if (!host->tlb_flush)
		return;
	flush.mm = quire_va_is_user(qr_width(fc->system), fc->va) ? fc->mm : NULL;
	/* Not fc->cpu: the thread may have slept since the fault began, and go on elsewhere. */
	flush.cpus = qr_this_cpu(fc->system)->bit;
	flush.here = 1;
	if (flush.mm)
		flush.cpus &= __atomic_load_n(&fc->mm->pt.cpus, __ATOMIC_RELAXED);
	flush.count = 1;
	flush.tables = 0;
	flush.range[0].start = fc->va;
	flush.range[0].end = fc->va + (quire_va)qr_page_bytes(fc->system);
	host->tlb_flush(fc->system->host_context, &flush);
}

/* --- by the state of the entry --------------------------------------------------------------------------- */

/* A present leaf that allows the access in software: young and dirty are set where the hardware does not
 * (pte_mkyoung, pte_mkdirty), else the CPU's translation was stale. */
static __attribute__((noinline)) enum qr_fault_status establish_pte(struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	unsigned set = QUIRE_PTE_YOUNG | (qr_fault_is_write(fc) ? QUIRE_PTE_DIRTY : 0);
	quire_pte want;
	bool changed = false;

	if (!qr_pte_lock_same_page(fc))
		return QR_FAULT_RACED;
	for (;;) {
		want = arch->with_flags(arch, fc->pte, set, 0, 0);
		if (want.bits == fc->pte.bits)
			break;
		changed = qr_pte_cas(arch, 0, fc->entry, &fc->pte, want);
		if (changed)
			break;
	}
	qr_pt_unlock(&fc->mm->pt, fc->table);
	qr_step(fc, changed ? QUIRE_STEP_ESTABLISH_PTE : QUIRE_STEP_SPURIOUS);
	qr_answer(fc, changed ? QUIRE_STEP_ESTABLISH_PTE : QUIRE_STEP_SPURIOUS, QUIRE_RESUME_NONE);
	if (changed && fc->system->host->pte_sync)
		fc->system->host->pte_sync(fc->system->host_context, fc->entry);
	qr_flush_here(fc);
	return QR_FAULT_OK;
}

static __attribute__((noinline)) enum qr_fault_status handle_present(struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);

	switch (arch->kind(arch, fc->pte, 0)) {
	case QUIRE_PTE_SWAP:
		return qr_do_swap_page(fc);
	case QUIRE_PTE_LEAF:
		if (qr_fault_is_write(fc) && !(arch->prot(arch, fc->pte, 0) & QUIRE_PROT_WRITE))
			return qr_do_wp_page(fc);
		if (fc->request.flags & QR_REQUEST_UNSHARE)
			return qr_do_wp_page(fc);
		return establish_pte(fc);
	default:
		return qr_refuse(fc, QUIRE_STEP_PTE_CORRUPT, QR_FAULT_SIGBUS);
	}
}

/* Whether it is the leaf of a program's data that fork has left on both sides: handle_present() would find that a write
 * must ask first. Two constants tell, where the codec is one. */
QR_INLINE bool is_left_by_fork(const struct quire_arch *arch, quire_pte pte)
{
	quire_prot prot = QUIRE_PROT_USER | QUIRE_PROT_READ;
	unsigned flags = QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY;
	struct qr_leaf_class class;

	if (!QR_ARCH_IS_CONSTANT)
		return false;
	qr_leaf_class_init(&class, arch, 0);
	qr_leaf_class_learn(&class, arch->make(arch, (quire_pfn){0}, prot, flags, 0));
	return qr_leaf_class_has(&class, pte);
}

/* By the state of the entry, as it is now. What 2.4 and 2.6 call do_no_page is the last line.
 * => the step is counted */
QR_INLINE enum qr_fault_status handle_pte_fault(struct qr_fault_ctx *fc)
{
	fc->pte = qr_pte_get(qr_arch(fc->system), 0, fc->entry);
	if (qr_unlikely(fc->trace != NULL))
		fc->trace->pte_before = fc->pte.bits;
	if (fc->pte.bits != 0) {
		if (qr_fault_is_write(fc) && is_left_by_fork(qr_arch(fc->system), fc->pte))
			return qr_do_wp_page(fc);
		return handle_present(fc);
	}
	return fc->vma->file ? qr_do_fault(fc) : qr_do_anonymous_page(fc);
}

/* --- down the levels -------------------------------------------------------------------------------------- */

/* Why the walk did not come to the entry: a table was missing and no frame for it, or an entry above has bits
 * that no one writes (pmd_bad). */
static enum qr_fault_status no_entry(struct qr_fault_ctx *fc)
{
	struct qr_pt_bad bad;

	if (qr_pt_find_bad(&fc->mm->pt, fc->va, &bad))
		return qr_refuse(fc, QUIRE_STEP_PTE_CORRUPT, QR_FAULT_CORRUPT);
	return QR_FAULT_OOM;
}

/* The entry by a walk from the root, with missing tables made: pgd_offset, pmd_alloc, pte_alloc. A table's frame
 * comes from this CPU's list (get_pte_fast) or the zone (get_pte_slow). It is kept for the next fault. */
static enum qr_fault_status walk(struct qr_fault_ctx *fc)
{
	unsigned made = 0;

	fc->entry = qr_pt_find(&fc->mm->pt, fc->va, 0);
	if (qr_unlikely(!fc->entry)) {
		fc->entry = qr_pt_alloc(&fc->mm->pt, fc->va, 0, &made);
		if (!fc->entry)
			return no_entry(fc);
		while (made--)
			qr_step(fc, QUIRE_STEP_TABLE_ALLOCATED);
	}
	fc->table = qr_pt_table_of(&fc->mm->pt, fc->entry);
	qr_slot_keep(fc->mm, fc->slot, fc->table, fc->entry);
	return QR_FAULT_OK;
}

/* With a walk from the root, or by the names of a release that had no __handle_mm_fault. */
static __attribute__((noinline)) enum qr_fault_status handle_with_walk(struct qr_fault_ctx *fc)
{
	enum qr_fault_status status;

	if (qr_fault_is_modern(fc))
		qr_step(fc, QUIRE_STEP_HANDLE_MM_FAULT_LEVELS);
	status = walk(fc);
	if (status != QR_FAULT_OK)
		return status;
	qr_step(fc, QUIRE_STEP_HANDLE_PTE_FAULT);
	if (!qr_fault_is_modern(fc) && qr_pte_get(qr_arch(fc->system), 0, fc->entry).bits == 0)
		qr_step(fc, QUIRE_STEP_DO_NO_PAGE);
	return handle_pte_fault(fc);
}

enum qr_fault_status qr_handle_mm_fault(struct qr_fault_ctx *fc)
{
	if (qr_unlikely(!qr_fault_is_modern(fc)))
		return handle_with_walk(fc);
	fc->entry = qr_slot_entry(fc->system, fc->slot, fc->va, &fc->table);
	if (qr_unlikely(!fc->entry))
		return handle_with_walk(fc);
	qr_steps(fc, QUIRE_STEP_HANDLE_MM_FAULT_LEVELS, QUIRE_STEP_HANDLE_PTE_FAULT);
	return handle_pte_fault(fc);
}
