/* SPDX-License-Identifier: MIT */
/* Upper entries with bits that nothing here writes: found, and taken out without losing their table.
 *
 * The table below such an entry is still known by its descriptor, which has the tree and the first address
 * that it maps. So the entry can be mended first, and what was below it unmapped and freed like anything else. */
#include "pt/pt.h"

static char *entry_at(const struct quire_arch *arch, char *table, unsigned level, quire_va va)
{
	return table + qr_pt_index(arch, level, va) * arch->level[level].entry_bytes;
}

bool qr_pt_find_bad(const struct qr_pt *pt, quire_va va, struct qr_pt_bad *out_bad)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	char *table = pt->root;

	for (unsigned level = qr_width(pt->system)->levels - 1u; level > 0; level--) {
		char *entry = entry_at(arch, table, level, va);
		quire_pte pte = qr_pte_get(arch, level, entry);

		switch (arch->kind(arch, pte, level)) {
		case QUIRE_PTE_TABLE:
			table = qr_pa_linear(pt->system, arch->table_pa(arch, pte, level));
			break;
		case QUIRE_PTE_BAD:
		case QUIRE_PTE_SWAP:
			*out_bad = (struct qr_pt_bad){.level = level, .entry = entry, .pte = pte};
			return true;
		default:
			return false;
		}
	}
	return false;
}

/* Tables of this frame that `entries` entries from `first` on name. */
static unsigned named(const struct qr_pt *pt, const struct qr_page *page, const char *first, size_t entries,
		      unsigned level)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	unsigned count = 0;

	for (size_t i = 0; i < entries; i++) {
		quire_pte pte = qr_pte_get(arch, level, first + i * arch->level[level].entry_bytes);

		if (arch->kind(arch, pte, level) == QUIRE_PTE_TABLE &&
		    arch->table_pa(arch, pte, level).v >> arch->page_shift == page->pfn)
			count++;
	}
	return count;
}

/* The frame of tables of `level` that maps from `base` on in this tree; NULL: none. */
static struct qr_page *find_frame(const struct qr_pt *pt, unsigned level, uint64_t base)
{
	const struct quire_system *system = pt->system;

	for (unsigned i = 0; i < system->ranges; i++) {
		const struct qr_range *range = &system->range[i];

		for (uint64_t at = range->meta; at < range->count; at++) {
			struct qr_page *page = &range->pages[at];

			if (qr_page_state(page) == QUIRE_PAGE_TABLE && page->u.table.pt == pt &&
			    page->level == level && page->u.table.base == base)
				return page;
		}
	}
	return NULL;
}

bool qr_pt_mend(struct qr_pt *pt, quire_va va, const struct qr_pt_bad *bad)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	unsigned below = bad->level - 1;
	uint64_t bytes = arch->level[below].table_bytes, frame = (uint64_t)1 << arch->page_shift;
	uint64_t slots = bytes < frame ? frame / bytes : 1;
	uint64_t span = slots << arch->level[bad->level].shift;
	size_t index = qr_pt_index(arch, bad->level, va), slot = index & (slots - 1);
	const char *first = (char *)bad->entry - slot * arch->level[bad->level].entry_bytes;
	struct qr_page *page = find_frame(pt, below, va & ~(quire_va)(span - 1));
	quire_pte pte = {0};

	/* Where several tables share the frame, its references say whether this one is among them. */
	if (page && (slots == 1 || __atomic_load_n(&page->ref, __ATOMIC_RELAXED) >
				       named(pt, page, first, (size_t)slots, bad->level)))
		pte =
		    arch->table(arch, (quire_pa){(page->pfn << arch->page_shift) + slot * bytes}, bad->level);
	qr_pte_set(arch, bad->level, bad->entry, pte);
	return pte.bits != 0;
}
