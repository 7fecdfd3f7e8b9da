/* SPDX-License-Identifier: MIT */
/* Down the table levels, the parts that are not common to every fault: a walk from the root, an entry that is
 * not none, one that was changed by another. handle.h has the way. */
#include "fault/handle.h"

/* Makes this CPU forget its view of one page: the entry allows more than the CPU believed. */
void qr_flush_here(struct qr_fault_ctx *fc)
{
	const struct quire_host *host = fc->system->host;
	struct quire_flush flush;

	if (!host->tlb_flush)
		return;
	flush.mm = quire_va_is_user(qr_arch(fc->system), fc->va) ? fc->mm : NULL;
	flush.cpus = (uint64_t)1 << fc->cpu->cpu;
	flush.count = 1;
	flush.tables = 0;
	flush.range[0].start = fc->va;
	flush.range[0].end = fc->va + (quire_va)qr_page_bytes(fc->system);
	host->tlb_flush(fc->system->host_context, &flush);
}

/* The rare end of the two below: another was faster. locked: PT, released */
QR_RARE bool qr_pte_changed(struct qr_fault_ctx *fc)
{
	qr_pt_unlock(&fc->mm->pt, fc->table);
	qr_step(fc, QUIRE_STEP_PTE_CHANGED);
	return false;
}

/* Whether an entry that changed since it was seen changed in its young and dirty alone: then the
 * hardware did it, and the fault goes on. */
static bool same_but_bits(const struct quire_arch *arch, quire_pte a, quire_pte b)
{
	unsigned both = QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY;

	if (arch->kind(arch, a, 0) != QUIRE_PTE_LEAF || arch->kind(arch, b, 0) != QUIRE_PTE_LEAF)
		return false;
	return arch->with_flags(arch, a, both, 0, 0).bits == arch->with_flags(arch, b, both, 0, 0).bits;
}

QR_RARE bool qr_pte_same_page(struct qr_fault_ctx *fc, quire_pte now)
{
	if (!same_but_bits(qr_arch(fc->system), now, fc->pte))
		return qr_pte_changed(fc);
	fc->pte = now;
	return true;
}

/* A present leaf that allows the access in software: young and dirty are marked where the hardware
 * does not, else the CPU's view was stale. */
static enum qr_result establish(struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	unsigned set = QUIRE_PTE_YOUNG | (fc->write ? QUIRE_PTE_DIRTY : 0);
	quire_pte want;
	bool changed = false;

	if (!qr_lock_same_page(fc))
		return QR_CHANGED;
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
	if (changed && fc->system->host->pte_sync)
		fc->system->host->pte_sync(fc->system->host_context);
	qr_flush_here(fc);
	return QR_DONE;
}

/* A swap entry. No store is attached to a system yet, so the slot it names cannot exist. */
enum qr_result qr_do_swap_page(struct qr_fault_ctx *fc)
{
	qr_step(fc, QUIRE_STEP_DO_SWAP_PAGE);
	qr_step(fc, QUIRE_STEP_SWAP_BAD);
	return QR_SIGBUS;
}

/* The entry by a walk from the root, with tables made as needed; it is at hand for the next fault. */
bool qr_walk(struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	unsigned made = 0;

	fc->entry = qr_pt_find(&fc->mm->pt, fc->va, 0);
	if (qr_unlikely(!fc->entry)) {
		fc->entry = qr_pt_alloc(&fc->mm->pt, fc->va, 0, &made);
		if (!fc->entry)
			return false;
		while (made--)
			qr_step(fc, QUIRE_STEP_TABLE_ALLOCATED);
	}
	fc->table = qr_pt_table_of(&fc->mm->pt, fc->entry);
	/* Smaller tables share a frame, and which of them there are the frame does not tell; nor does it tell
	 * anything of a table that the port brought along. */
	if (arch->level[0].table_bytes == qr_page_bytes(fc->system) && fc->table->u.table.pt == &fc->mm->pt)
		__atomic_store_n(&fc->slot->table,
				 (char *)fc->entry - ((uintptr_t)fc->entry & qr_page_mask(fc->system)),
				 __ATOMIC_RELAXED);
	return true;
}

enum qr_result qr_handle_present(struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);

	switch (arch->kind(arch, fc->pte, 0)) {
	case QUIRE_PTE_SWAP:
		return qr_do_swap_page(fc);
	case QUIRE_PTE_LEAF:
		if (fc->write && !(arch->prot(arch, fc->pte, 0) & QUIRE_PROT_WRITE))
			return qr_do_wp_page(fc);
		if (fc->unshare)
			return qr_do_wp_page(fc);
		return establish(fc);
	default:
		qr_step(fc, QUIRE_STEP_PTE_CORRUPT);
		return QR_SIGBUS;
	}
}
