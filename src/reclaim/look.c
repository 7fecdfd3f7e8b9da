/* SPDX-License-Identifier: MIT */
/* What the mappings of a page tell: whether it was used (page_referenced), whether it is locked. No vma is searched for
 * the first. */
#include "reclaim/reclaim.h"

struct look {
	struct quire_system *system;
	bool used, locked;
};

/* Makes a leaf old. Without a flush, as Linux does: a CPU that still has the translation sets no bit for a while. */
static bool look_at(void *context, struct qr_page *page, void *entry)
{
	struct look *look = context;
	const struct quire_arch *arch = qr_arch(look->system);
	struct qr_page *table = qr_page_at(look->system, entry);
	quire_va va;
	struct qr_pt *pt = qr_rmap_owner(look->system, entry, &va);
	quire_pte pte;

	(void)page;
	if (table->level != 0 || !qr_pt_trylock(pt, table))
		return true; /* somebody works with it now; the next look will see */
	pte = qr_pte_get(arch, 0, entry);
	while (arch->flags(arch, pte, 0) & QUIRE_PTE_YOUNG) {
		if (!qr_pte_cas(arch, 0, entry, &pte, arch->with_flags(arch, pte, 0, QUIRE_PTE_YOUNG, 0)))
			continue; /* the hardware set a bit meanwhile */
		look->used = true;
		break;
	}
	qr_pt_unlock(pt, table);
	return true;
}

bool qr_reclaim_used(struct quire_system *system, struct qr_page *page)
{
	struct look look = {.system = system};

	qr_rmap_each(system, page, look_at, &look);
	look.used |= (qr_page_clear_bits(page, QR_PAGE_REFERENCED) & QR_PAGE_REFERENCED) != 0;
	return look.used;
}

static bool ask_lock(void *context, struct qr_page *page, void *entry)
{
	struct look *look = context;
	struct qr_page *table = qr_page_at(look->system, entry);
	quire_va va;
	struct qr_pt *pt = qr_rmap_owner(look->system, entry, &va);
	unsigned token;

	(void)page;
	if (!qr_pt_trylock(pt, table))
		return true;
	if (pt->space && pt->space->enter(pt, &token)) {
		look->locked = !pt->space->may_leave(pt, va);
		pt->space->leave(pt, token);
	}
	qr_pt_unlock(pt, table);
	return !look->locked;
}

bool qr_reclaim_is_locked(struct quire_system *system, struct qr_page *page)
{
	struct look look = {.system = system};

	qr_rmap_each(system, page, ask_lock, &look);
	return look.locked;
}
