/* SPDX-License-Identifier: MIT */
/* Mapping one frame. */
#include "pt/leaf.h"

/* References and reverse mapping first: they can fail. => PT held, the entry is none */
static enum quire_status hold(struct quire_system *system, struct qr_page *page, void *entry)
{
	enum quire_status status;

	qr_page_get(page);
	status = qr_rmap_add(system, page, entry);
	if (status != QUIRE_OK)
		__atomic_fetch_sub(&page->ref, 1, __ATOMIC_RELEASE); /* the caller has one: never the last */
	return status;
}

enum quire_status qr_pt_map(struct qr_pt *pt, quire_va va, quire_pfn pfn, quire_prot prot, unsigned flags,
			    unsigned level)
{
	struct quire_system *system = pt->system;
	const struct quire_arch *arch = qr_arch(system);
	enum quire_status status = arch->prot_check(arch, prot);
	struct qr_page *table, *page;
	quire_pte pte;
	void *entry;

	if (status != QUIRE_OK)
		return status;
	if (level >= qr_width(pt->system)->levels || !arch->level[level].leaf)
		return QUIRE_NO_LEAF;
	if ((va & (((uint64_t)1 << arch->level[level].shift) - 1)) != 0 ||
	    (pfn.n & (qr_leaf_pages(arch, level) - 1)) != 0)
		return QUIRE_EINVAL;
	pte = arch->make(arch, pfn, prot, flags, level);
	page = qr_leaf_page(system, pte, level);

	entry = qr_pt_alloc(pt, va, level, NULL);
	if (!entry) {
		/* Either a larger leaf is in the way or there is no frame: the walk tells which. */
		struct qr_pt_run run;

		return qr_pt_next_run_at(pt, va, va + 1, level, &run) ? QUIRE_EEXIST : QUIRE_ENOMEM;
	}
	table = qr_pt_table_of(pt, entry);
	qr_pt_lock(pt, table);
	if (qr_pte_get(arch, level, entry).bits != 0)
		status = QUIRE_EEXIST;
	else if (page)
		status = hold(system, page, entry);
	if (status == QUIRE_OK)
		qr_pte_set(arch, level, entry, pte);
	qr_pt_unlock(pt, table);
	if (status == QUIRE_OK)
		qr_pt_publish(pt, va, entry);
	return status;
}
