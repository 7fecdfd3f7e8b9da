/* SPDX-License-Identifier: MIT */
/* Moving leaves within one tree, for mremap. */
#include "pt/leaf.h"

/* => PT of both tables held. Returns whether the entry was moved. */
static bool move_entry(struct qr_pt *pt, void *source, void *target)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	quire_pte pte = qr_pte_get(arch, 0, source);
	struct qr_page *page;

	if (pte.bits == 0)
		return false;
	qr_assert(pt->system, qr_pte_get(arch, 0, target).bits == 0);
	pte = qr_pte_xchg(arch, 0, source, (quire_pte){0});
	if (arch->kind(arch, pte, 0) == QUIRE_PTE_LEAF) {
		page = qr_leaf_page(pt->system, pte, 0);
		if (page)
			qr_rmap_move(pt->system, page, source, target);
	}
	qr_pte_set(arch, 0, target, pte);
	return true;
}

/* How many entries of a run from `va` on lie in one table at the target, too. */
static size_t common(const struct quire_arch *arch, const struct qr_pt_run *run, quire_va to)
{
	size_t room = ((size_t)1 << arch->level[0].index_bits) - qr_pt_index(arch, 0, to);

	return run->count < room ? run->count : room;
}

/* Moves `count` entries of the run to `target`. The old addresses are flushed before the locks are released:
 * a thread that finds a page through its new entry may free it, and does not flush the old address. */
static void move_part(struct qr_pt *pt, struct qr_tlb *tlb, const struct qr_pt_run *run, char *target,
		      size_t count)
{
	quire_va step = (quire_va)1 << qr_arch(pt->system)->page_shift;
	struct qr_page *table = qr_pt_table_of(pt, target);
	quire_va va = run->va, first = 0, last = 0;
	char *source = run->entry;

	/* The mm lock for write excludes other moves, so either lock may be the first. */
	qr_pt_lock(pt, run->table);
	qr_pt_lock_second(pt, run->table, table);
	for (size_t i = 0; i < count; i++, source += run->stride, target += run->stride, va += step) {
		if (!move_entry(pt, source, target))
			continue;
		if (first == last)
			first = va;
		last = va + step;
	}
	if (first != last) {
		qr_tlb_range(tlb, first, last);
		qr_tlb_flush(tlb);
	}
	qr_pt_unlock_second(pt, run->table, table);
	qr_pt_unlock(pt, run->table);
}

enum quire_status qr_pt_move(struct qr_pt *pt, struct qr_tlb *tlb, quire_va from, quire_va to,
			     uint64_t length, uint64_t *out_moved)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	quire_va end = from + (quire_va)length;
	enum quire_status status = QUIRE_OK;
	struct qr_pt_run run;
	quire_va va = from;

	while (qr_pt_next_run(pt, va, end, &run)) {
		quire_va there = to + (run.va - from);
		size_t count = common(arch, &run, there);
		char *target;

		if (run.level > 0) {
			va = run.end;
			continue;
		}
		target = qr_pt_alloc(pt, there, 0, NULL);
		if (!target) {
			status = QUIRE_ENOMEM;
			break;
		}
		move_part(pt, tlb, &run, target, count);
		va = run.va + ((quire_va)count << arch->page_shift);
	}
	*out_moved = status == QUIRE_OK ? length : (uint64_t)(run.va - from);
	if (*out_moved > 0 && (arch->caps & QUIRE_CAP_CACHES_INVALID))
		qr_tlb_range(tlb, to, to + (quire_va)*out_moved);
	if (pt->system->host->pte_sync)
		pt->system->host->pte_sync(pt->system->host_context, NULL);
	return status;
}
