/* SPDX-License-Identifier: MIT */
/* From a page to the entries that map it: cleaning them for writeback, removing them.
 *
 * The reverse map names the entries; RMAP keeps their tables alive, and PT may only be tried under
 * it. If a try fails, all locks are released and the walk starts again; what it has done stays done. */
#include "file/file.h"

struct cleaning {
	struct quire_system *system;
	bool was_dirty;
	bool again;
};

/* Cleans one entry, and write-protects it where the next write must fault. => RMAP held. */
static bool clean_entry(void *context, struct qr_page *page, void *entry)
{
	struct cleaning *cleaning = context;
	const struct quire_arch *arch = qr_arch(cleaning->system);
	struct qr_page *table = qr_page_at(cleaning->system, entry);
	quire_va va;
	struct qr_pt *pt = qr_rmap_owner(cleaning->system, entry, &va);
	quire_pte pte;

	if (!qr_pt_trylock(pt, table)) {
		cleaning->again = true;
		return false;
	}
	pte = qr_pte_get(arch, 0, entry);
	for (;;) {
		quire_prot prot = arch->prot(arch, pte, 0);
		unsigned flags = arch->flags(arch, pte, 0);
		quire_pte clean = arch->with_flags(arch, pte, 0, QUIRE_PTE_DIRTY, 0);

		if (cleaning->system->profile->tracks_shared_writes)
			clean = arch->with_prot(arch, clean, prot & ~(quire_prot)QUIRE_PROT_WRITE, 0);
		if (clean.bits == pte.bits)
			break;
		if (!qr_pte_cas(arch, 0, entry, &pte, clean))
			continue; /* the hardware set a bit meanwhile */
		cleaning->was_dirty |= (flags & QUIRE_PTE_DIRTY) != 0;
		qr_tlb_flush_page(pt, va);
		break;
	}
	qr_pt_unlock(pt, table);
	(void)page;
	return true;
}

/* Spins a moment: the holder of the table's lock releases it soon. */
static void relax(struct quire_system *system, const struct qr_page *page)
{
	qr_wait(system, &page->flags, __atomic_load_n(&page->flags, __ATOMIC_RELAXED), QUIRE_WAIT_SPIN);
}

bool qr_page_mkclean(struct quire_system *system, struct qr_page *page)
{
	struct cleaning cleaning = {.system = system};

	do {
		cleaning.again = false;
		qr_rmap_each(system, page, clean_entry, &cleaning);
		if (cleaning.again)
			relax(system, page);
	} while (cleaning.again);
	return cleaning.was_dirty;
}

/* The first entry of the map whose table could be locked. */
struct grab {
	struct quire_system *system;
	struct qr_pt *pt;
	struct qr_page *table;
	void *entry;
	quire_va va;
	bool any;
};

static bool grab_entry(void *context, struct qr_page *page, void *entry)
{
	struct grab *grab = context;

	(void)page;
	grab->any = true;
	grab->table = qr_page_at(grab->system, entry);
	grab->pt = qr_rmap_owner(grab->system, entry, &grab->va);
	if (!qr_pt_trylock(grab->pt, grab->table))
		return true; /* the next table may be free */
	grab->entry = entry;
	return false;
}

void qr_page_unmap_all(struct quire_system *system, struct qr_page *page)
{
	for (;;) {
		struct grab grab = {.system = system};
		struct qr_pt_counts gone = {0}, came = {0};

		qr_rmap_each(system, page, grab_entry, &grab);
		if (!grab.any)
			return;
		if (!grab.entry) {
			relax(system, page);
			continue;
		}
		/* PT is held: neither the entry nor its table nor its mm can go away. */
		struct qr_page *mapped = qr_pt_unmap_entry(grab.pt, grab.va, grab.entry, &gone);

		qr_assert(system, mapped == page);
		qr_tlb_flush_page(grab.pt, grab.va);
		if (grab.pt->count)
			grab.pt->count(grab.pt, &gone, &came);
		qr_pt_unlock(grab.pt, grab.table);
		qr_page_put(system, mapped);
	}
}
