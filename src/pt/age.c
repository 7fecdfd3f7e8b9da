/* SPDX-License-Identifier: MIT */
/* Harvesting accessed and dirty from leaves. */
#include "pt/leaf.h"

/* Returns the flags that the leaf lost; 0: none, or no leaf. */
static unsigned age_entry(struct qr_pt *pt, void *entry, unsigned level, unsigned clear)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	quire_pte pte = qr_pte_get(arch, level, entry);
	struct qr_page *page;
	unsigned lost;

	do {
		if (pte.bits == 0 || arch->kind(arch, pte, level) != QUIRE_PTE_LEAF)
			return 0;
		lost = arch->flags(arch, pte, level) & clear;
		if (lost == 0)
			return 0;
	} while (!qr_pte_cas(arch, level, entry, &pte, arch->with_flags(arch, pte, 0, lost, level)));
	page = qr_leaf_page(pt->system, pte, level);
	if (page)
		qr_leaf_harvest(pt->system, page, lost);
	return lost;
}

uint64_t qr_pt_age(struct qr_pt *pt, struct qr_tlb *tlb, quire_va start, quire_va end, unsigned clear)
{
	struct qr_pt_run run;
	uint64_t young = 0;

	for (quire_va va = start; qr_pt_next_run(pt, va, end, &run); va = run.end) {
		quire_va at = run.va, step = (quire_va)1 << qr_arch(pt->system)->level[run.level].shift;
		char *entry = run.entry;

		if (!qr_pt_run_whole(pt, &run))
			continue;
		qr_pt_lock(pt, run.table);
		for (size_t i = 0; i < run.count; i++, entry += run.stride, at += step) {
			unsigned lost = age_entry(pt, entry, run.level, clear | QUIRE_PTE_YOUNG);

			young += (lost & QUIRE_PTE_YOUNG) != 0;
			/* A CPU that has the leaf cached as dirty would not set the bit at the next write. */
			if (lost & QUIRE_PTE_DIRTY)
				qr_tlb_range(tlb, at, at + step);
		}
		qr_pt_unlock(pt, run.table);
	}
	return young;
}
