/* SPDX-License-Identifier: MIT */
/* Changing the protection of leaves. */
#include "pt/leaf.h"

/* What this leaf gets of `prot`: WRITE only where no fault has to decide about it. */
QR_INLINE quire_prot leaf_prot(const struct quire_system *system, quire_pte pte, unsigned level,
			       quire_prot prot, enum qr_protect_write write)
{
	const struct quire_arch *arch = qr_arch(system);
	const struct qr_page *page;

	if (!(prot & QUIRE_PROT_WRITE) || write == QR_PROTECT_ANY)
		return prot;
	if (write == QR_PROTECT_SHARED && (arch->flags(arch, pte, level) & QUIRE_PTE_DIRTY))
		return prot;
	if (write == QR_PROTECT_PRIVATE) {
		page = qr_leaf_page(system, pte, level);
		/* EXCLUSIVE is stable: who takes it away holds the lock of the page's one entry, ours. */
		if (page && qr_page_state(page) == QUIRE_PAGE_ANON &&
		    (qr_page_test(page, QR_PAGE_EXCLUSIVE) || qr_mutant(system, "protect-cow")))
			return prot;
	}
	return prot & ~(quire_prot)QUIRE_PROT_WRITE;
}

/* Changes one leaf. *out_flush: a TLB may hold it as it was: also where it allows more now, for a fault
 * that only finds a stale entry is one too many. Returns whether it changed. */
QR_INLINE bool protect_entry(const struct qr_pt *pt, void *entry, unsigned level, quire_prot prot,
			     enum qr_protect_write write, bool *out_flush)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	quire_pte pte = qr_pte_get(arch, level, entry);
	quire_prot was, now;
	quire_pte want;

	*out_flush = false;
	do {
		if (pte.bits == 0 || arch->kind(arch, pte, level) != QUIRE_PTE_LEAF)
			return false;
		was = arch->prot(arch, pte, level);
		now = leaf_prot(pt->system, pte, level, prot, write);
		want = arch->with_prot(arch, pte, now, level);
		if (want.bits == pte.bits)
			return false;
	} while (!qr_pte_cas(arch, level, entry, &pte, want));
	*out_flush = (was & QUIRE_PROT_RWX) != 0 || (arch->caps & QUIRE_CAP_CACHES_INVALID) != 0;
	return true;
}

static uint64_t protect_run(struct qr_pt *pt, struct qr_tlb *tlb, const struct qr_pt_run *run,
			    quire_prot prot, enum qr_protect_write write)
{
	quire_va step = (quire_va)1 << qr_arch(pt->system)->level[run->level].shift;
	quire_va va = run->va, first = 0, last = 0;
	char *entry = run->entry;
	uint64_t changed = 0;

	qr_pt_lock(pt, run->table);
	for (size_t i = 0; i < run->count; i++, entry += run->stride, va += step) {
		bool flush;

		if (qr_likely(run->level == 0))
			changed += protect_entry(pt, entry, 0, prot, write, &flush);
		else
			changed += protect_entry(pt, entry, run->level, prot, write, &flush);
		if (!flush)
			continue;
		if (first == last)
			first = va;
		last = va + step;
	}
	if (first != last)
		qr_tlb_range(tlb, first, last);
	qr_pt_unlock(pt, run->table);
	return changed;
}

uint64_t qr_pt_protect(struct qr_pt *pt, struct qr_tlb *tlb, quire_va start, quire_va end, quire_prot prot,
		       enum qr_protect_write write)
{
	struct qr_pt_run run;
	uint64_t changed = 0;

	qr_assert_contract(pt->system,
			   qr_arch(pt->system)->prot_check(qr_arch(pt->system), prot) == QUIRE_OK);
	for (quire_va va = start; qr_pt_next_run(pt, va, end, &run); va = run.end) {
		if (qr_pt_run_whole(pt, &run))
			changed += protect_run(pt, tlb, &run, prot, write);
	}
	if (changed > 0 && pt->system->host->pte_sync)
		pt->system->host->pte_sync(pt->system->host_context);
	return changed;
}
