/* SPDX-License-Identifier: MIT */
/* Pages of an address space leave memory, or come back before anyone asks: MADV_PAGEOUT, MADV_WILLNEED. */
#include "mm/vma.h"
#include "swap/swap.h"

/* A place in an address space, and the pages found from there on. */
struct found {
	struct quire_mm *mm;
	quire_va at, end;
	bool private_only; /* pages that others map, too, stay */
	unsigned count;
	struct qr_page *page[QUIRE_STORE_BATCH];
};

/* Takes the page of a leaf, LOCKED and with a reference, if it may be evicted. => PT held */
static void take_leaf(struct found *found, quire_pte pte)
{
	struct quire_system *system = found->mm->system;
	const struct quire_arch *arch = qr_arch(system);
	struct qr_page *page;
	enum quire_page_state state;

	if (arch->kind(arch, pte, 0) != QUIRE_PTE_LEAF)
		return;
	page = qr_page_of(system, arch->pfn(arch, pte, 0));
	state = page ? qr_page_state(page) : QUIRE_PAGE_ZERO;
	if (state != QUIRE_PAGE_ANON && state != QUIRE_PAGE_SHMEM)
		return;
	if ((found->private_only && qr_rmap_count(page) != 1) || !qr_page_trylock(system, page))
		return;
	qr_page_get(page);
	found->page[found->count++] = page;
}

/* Up to a batch of pages of one vma, from found->at on, which moves. => mm lock for read */
static void take_vma(struct found *found, quire_va end)
{
	struct qr_pt *pt = &found->mm->pt;
	quire_va step = (quire_va)qr_page_bytes(found->mm->system);
	struct qr_pt_run run;

	while (found->count < QUIRE_STORE_BATCH && qr_pt_next_run(pt, found->at, end, &run)) {
		const char *entry = run.entry;

		found->at = run.end;
		if (run.level != 0)
			continue;
		qr_pt_lock(pt, run.table);
		for (size_t i = 0; i < run.count; i++, entry += run.stride) {
			if (found->count == QUIRE_STORE_BATCH) {
				found->at = run.va + (quire_va)i * step;
				break;
			}
			take_leaf(found, qr_pte_get(qr_arch(found->mm->system), 0, entry));
		}
		qr_pt_unlock(pt, run.table);
		if (found->count == QUIRE_STORE_BATCH)
			return;
	}
	found->at = end;
}

/* The next batch. False: the range is done. */
static bool take_batch(struct found *found)
{
	unsigned token = qr_mm_read_lock(found->mm);

	found->count = 0;
	while (found->at < found->end && found->count < QUIRE_STORE_BATCH) {
		const struct quire_vma *vma = qr_find_vma_intersection(found->mm, found->at, found->end);
		quire_va end;

		if (!vma) {
			found->at = found->end;
			break;
		}
		end = (quire_va)qr_min(vma->end, found->end);
		found->at = (quire_va)qr_max(found->at, vma->start);
		if (vma->flags & QR_VM_LOCKED)
			found->at = end;
		else
			take_vma(found, end);
	}
	qr_mm_read_unlock(found->mm, token);
	return found->count > 0;
}

uint64_t qr_mm_evict(struct quire_mm *mm, quire_va start, quire_va end, bool private_only)
{
	struct found found = {.mm = mm, .at = start, .end = end, .private_only = private_only};
	uint64_t evicted = 0;

	qr_mm_note_peak(mm);
	while (take_batch(&found)) {
		evicted += qr_swap_out(mm->system, NULL, found.page, found.count);
		for (unsigned i = 0; i < found.count; i++) {
			if (found.page[i])
				qr_page_put(mm->system, found.page[i]);
		}
	}
	return evicted;
}

enum quire_status quire_mm_evict(struct quire_mm *mm, quire_va addr, uint64_t length, uint64_t *out_evicted)
{
	uint64_t end = addr + qr_page_up(mm->system, length);

	*out_evicted = 0;
	if ((addr & qr_page_mask(mm->system)) || end < addr || (quire_va)end != end)
		return QUIRE_EINVAL;
	*out_evicted = qr_mm_evict(mm, addr, (quire_va)end, false);
	return QUIRE_OK;
}

/* --- MADV_WILLNEED ------------------------------------------------------------------------------------------ */

/* The values of swap entries from *at on, at most a batch. */
static void find_values(const struct quire_mm *mm, quire_va *at, quire_va end, struct qr_swap_near *near)
{
	const struct quire_arch *arch = qr_arch(mm->system);
	struct qr_pt_run run;

	near->count = 0;
	while (near->count < QUIRE_STORE_BATCH && qr_pt_next_run(&mm->pt, *at, end, &run)) {
		const char *entry = run.entry;
		size_t i;

		*at = run.end;
		if (run.level != 0)
			continue;
		for (i = 0; i < run.count && near->count < QUIRE_STORE_BATCH; i++, entry += run.stride) {
			quire_pte pte = qr_pte_get(arch, 0, entry);

			if (arch->kind(arch, pte, 0) == QUIRE_PTE_SWAP)
				near->value[near->count++] = arch->swap_value(arch, pte);
		}
		*at = run.va + (quire_va)(i << arch->page_shift);
	}
}

void qr_mm_swap_ahead(struct quire_mm *mm, quire_va start, quire_va end)
{
	uint64_t values[QUIRE_STORE_BATCH];
	struct qr_swap_near near = {.value = values};

	do {
		unsigned token = qr_mm_read_lock(mm);

		find_values(mm, &start, end, &near);
		qr_mm_read_unlock(mm, token);
		qr_swap_ahead(mm->system, &near);
	} while (near.count == QUIRE_STORE_BATCH);
}
