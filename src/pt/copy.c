/* SPDX-License-Identifier: MIT */
/* Copying leaves for fork.
 *
 *   parent's leaf       private (COW)                  shared
 *     parent            loses WRITE and EXCLUSIVE      as it is
 *     child             the same leaf, old             the same leaf, old and clean
 *
 * The lock of the parent's table is the first, the child's the second. What can fail is done before the
 * entry is written; chunks for the reverse maps are fetched for many pages at a time. */
#include "pt/leaf.h"

/* Chunks fetched at once: most pages of a first fork need one each. */
#define CHUNKS 32

struct copying {
	struct quire_system *system;
	struct qr_pt *to, *from;
	struct qr_tlb *tlb;
	enum qr_copy_how how;
	const struct qr_pt_swap_ops *swap;
	struct qr_rmap_chunk *chunks;
	struct qr_leaf_counts leaves;
	uint64_t swaps, entries;
};

static enum quire_status copy_swap(struct copying *copy, void *target, quire_pte pte)
{
	const struct quire_arch *arch = qr_arch(copy->system);
	enum quire_status status = QUIRE_OK;

	if (!copy->swap)
		return QUIRE_OK;
	if (copy->swap->dup)
		status = copy->swap->dup(copy->system, arch->swap_value(arch, pte));
	if (status != QUIRE_OK)
		return status;
	qr_pte_set(arch, 0, target, pte);
	copy->swaps++;
	return QUIRE_OK;
}

/* Takes WRITE from the parent's leaf. Returns the leaf as it is then. */
static quire_pte write_protect(const struct quire_arch *arch, void *source, quire_pte pte, unsigned level)
{
	quire_prot prot = arch->prot(arch, pte, level) & ~(quire_prot)QUIRE_PROT_WRITE;
	quire_pte want;

	do {
		want = arch->with_prot(arch, pte, prot, level);
	} while (!qr_pte_cas(arch, level, source, &pte, want));
	return want;
}

/* Gives the child's entry a reference and a place in the page's reverse map. */
static enum quire_status hold(struct copying *copy, struct qr_page *page, void *target)
{
	enum quire_status status;

	if (qr_unlikely(!copy->chunks) && qr_rmap_count(page) != 0) {
		void *list;

		qr_slab_alloc_many(copy->system, QR_SLAB_RMAP_CHUNK, CHUNKS, &list);
		copy->chunks = list;
	}
	status = qr_rmap_add_from(copy->system, page, target, &copy->chunks);
	if (qr_likely(status == QUIRE_OK))
		qr_page_get(page);
	return status;
}

/* Copies one leaf. *out_flush: the parent's lost a right. => PT, PT2 held */
static enum quire_status copy_leaf(struct copying *copy, void *source, void *target, quire_pte pte,
                                   unsigned level, bool *out_flush)
{
	const struct quire_arch *arch = qr_arch(copy->system);
	struct qr_page *page = qr_leaf_page(copy->system, pte, level);
	unsigned clear = QUIRE_PTE_YOUNG;

	if (page && hold(copy, page, target) != QUIRE_OK)
		return QUIRE_ENOMEM;
	if (copy->how == QR_COPY_COW) {
		if (page && qr_page_test(page, QR_PAGE_EXCLUSIVE))
			qr_page_clear_bits(page, QR_PAGE_EXCLUSIVE);
		if (arch->prot(arch, pte, level) & QUIRE_PROT_WRITE) {
			pte = write_protect(arch, source, pte, level);
			*out_flush = true;
		}
	} else {
		clear |= QUIRE_PTE_DIRTY;
	}
	qr_pte_set(arch, level, target, arch->with_flags(arch, pte, 0, clear, level));
	copy->entries++;
	if (page)
		copy->leaves.state[qr_page_state(page)] += qr_leaf_pages(arch, level);
	return QUIRE_OK;
}

/* => PT, PT2 held. *out_end: beyond the last leaf that lost a right, or 0. */
static enum quire_status copy_entries(struct copying *copy, const struct qr_pt_run *run, char *target,
                                      quire_va *out_first, quire_va *out_end)
{
	const struct quire_arch *arch = qr_arch(copy->system);
	quire_va step = (quire_va)1 << arch->level[run->level].shift;
	quire_va va = run->va;
	char *source = run->entry;

	for (size_t i = 0; i < run->count; i++, source += run->stride, target += run->stride, va += step) {
		quire_pte pte = qr_pte_get(arch, run->level, source);
		enum quire_status status = QUIRE_OK;
		enum quire_pte_kind kind;
		bool flush = false;

		if (pte.bits == 0)
			continue;
		kind = arch->kind(arch, pte, run->level);
		if (qr_likely(kind == QUIRE_PTE_LEAF))
			status = copy_leaf(copy, source, target, pte, run->level, &flush);
		else if (kind == QUIRE_PTE_SWAP)
			status = copy_swap(copy, target, pte);
		if (status != QUIRE_OK)
			return status;
		if (!flush)
			continue;
		if (*out_first == *out_end)
			*out_first = va;
		*out_end = va + step;
	}
	return QUIRE_OK;
}

static enum quire_status copy_run(struct copying *copy, const struct qr_pt_run *run)
{
	char *target = qr_pt_alloc(copy->to, run->va, run->level, NULL);
	quire_va first = 0, end = 0;
	enum quire_status status;
	struct qr_page *table;

	if (!target)
		return QUIRE_ENOMEM;
	table = qr_pt_table_of(copy->to, target);
	qr_pt_lock(copy->from, run->table);
	qr_pt_lock_second(copy->to, run->table, table);
	status = copy_entries(copy, run, target, &first, &end);
	if (first != end)
		qr_tlb_range(copy->tlb, first, end);
	qr_pt_unlock_second(copy->to, run->table, table);
	qr_pt_unlock(copy->from, run->table);
	return status;
}

enum quire_status qr_pt_copy(struct qr_pt *to, struct qr_pt *from, struct qr_tlb *tlb, quire_va start,
                             quire_va end, enum qr_copy_how how, const struct qr_pt_swap_ops *swap,
                             struct qr_pt_counts *came)
{
	struct quire_system *system = from->system;
	struct copying copy = {.system = system, .to = to, .from = from, .tlb = tlb, .how = how, .swap = swap};
	enum quire_status status = QUIRE_OK;
	struct qr_cpu *cpu;
	struct qr_pt_run run;

	qr_assert_contract(system, tlb->pt == from && to != from);
	for (quire_va va = start; status == QUIRE_OK && qr_pt_next_run(from, va, end, &run); va = run.end) {
		if (qr_pt_run_whole(from, &run))
			status = copy_run(&copy, &run);
	}
	qr_slab_free_many(system, QR_SLAB_RMAP_CHUNK, copy.chunks);
	qr_leaf_counts_add(came, &copy.leaves);
	came->swap += copy.swaps;
	cpu = qr_this_cpu(system);
	qr_count_by(&cpu->events[QUIRE_EVENT_FORK_PTE], copy.entries);
	if (copy.entries > 0 && system->host->pte_sync)
		system->host->pte_sync(system->host_context);
	return status;
}
