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
	struct qr_leaf_class class;
	uint64_t parent, child; /* bits that differ from the class in the parent's leaf after, the child's */
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

/* Asks the codec what becomes of leaves like this one. */
static void learn(struct copying *copy, quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = qr_arch(copy->system);
	unsigned clear = QUIRE_PTE_YOUNG;
	quire_pte after = pte;

	if (copy->how == QR_COPY_SHARED)
		clear |= QUIRE_PTE_DIRTY;
	else if (arch->prot(arch, pte, level) & QUIRE_PROT_WRITE)
		after = arch->with_prot(arch, pte,
					arch->prot(arch, pte, level) & ~(quire_prot)QUIRE_PROT_WRITE, level);
	copy->class.bits = pte.bits;
	copy->class.known = true;
	copy->parent = pte.bits ^ after.bits;
	copy->child = pte.bits ^ arch->with_flags(arch, after, 0, clear, level).bits;
}

/* Gives the child's entry a place in the page's reverse map, the long way. */
QR_RARE static enum quire_status hold_slow(struct copying *copy, struct qr_page *page, void *target)
{
	if (!copy->chunks && qr_rmap_count(page) != 0) {
		void *list;

		qr_slab_alloc_many(copy->system, QR_SLAB_RMAP_CHUNK, CHUNKS, &list);
		copy->chunks = list;
	}
	return qr_rmap_add_from(copy->system, page, target, &copy->chunks);
}

/* Gives the child's entry a reference and a place in the page's reverse map. */
QR_INLINE enum quire_status hold(struct copying *copy, struct qr_page *page, void *target)
{
	struct qr_rmap_chunk *chunk = copy->chunks;

	if (qr_likely(chunk != NULL)) {
		struct qr_rmap_chunk *next = chunk->next;

		if (qr_likely(qr_rmap_add_second(copy->system, page, target, chunk))) {
			copy->chunks = next;
			qr_page_get(page);
			return QUIRE_OK;
		}
		chunk->next = next;
	}
	if (hold_slow(copy, page, target) != QUIRE_OK)
		return QUIRE_ENOMEM;
	qr_page_get(page);
	return QUIRE_OK;
}

/* Copies one leaf. *out_flush: the parent's lost a right. => PT, PT2 held */
QR_INLINE enum quire_status copy_leaf(struct copying *copy, void *source, void *target, quire_pte pte,
				      unsigned level, bool *out_flush)
{
	const struct quire_arch *arch = qr_arch(copy->system);
	struct qr_page *page = qr_leaf_page(copy->system, pte, level);

	if (page) {
		uint32_t flags;

		if (qr_unlikely(hold(copy, page, target) != QUIRE_OK))
			return QUIRE_ENOMEM;
		flags = __atomic_load_n(&page->flags, __ATOMIC_RELAXED);
		copy->leaves.state[flags & QR_PAGE_STATE_MASK] += qr_leaf_pages(arch, level);
		if (copy->how == QR_COPY_COW && (flags & QR_PAGE_EXCLUSIVE))
			__atomic_and_fetch(&page->flags, ~(uint32_t)QR_PAGE_EXCLUSIVE, __ATOMIC_RELEASE);
	}
	if (copy->parent != 0) {
		/* The hardware may set young and dirty until the CPU has lost WRITE. */
		while (!qr_pte_cas(arch, level, source, &pte, (quire_pte){pte.bits ^ copy->parent})) {
			if (!qr_leaf_class_has(&copy->class, pte))
				learn(copy, pte, level);
		}
		*out_flush = true;
	}
	qr_pte_set(arch, level, target, (quire_pte){pte.bits ^ copy->child});
	copy->entries++;
	return QUIRE_OK;
}

/* What is no leaf of the known class. *out_leaf: a leaf, and its class is known now. */
static enum quire_status look(struct copying *copy, void *target, quire_pte pte, unsigned level,
			      bool *out_leaf)
{
	const struct quire_arch *arch = qr_arch(copy->system);

	*out_leaf = false;
	switch (arch->kind(arch, pte, level)) {
	case QUIRE_PTE_LEAF:
		learn(copy, pte, level);
		*out_leaf = true;
		return QUIRE_OK;
	case QUIRE_PTE_SWAP:
		return copy_swap(copy, target, pte);
	default:
		return QUIRE_OK;
	}
}

/* => PT, PT2 held. [*out_first, *out_end): leaves that lost a right; empty when they are equal. */
QR_INLINE enum quire_status copy_entries(struct copying *copy, const struct qr_pt_run *run, char *target,
					 unsigned level, quire_va *out_first, quire_va *out_end)
{
	const struct quire_arch *arch = qr_arch(copy->system);
	quire_va step = (quire_va)1 << arch->level[level].shift;
	quire_va va = run->va, first = 0, last = 0;
	size_t stride = arch->level[level].entry_bytes;
	enum quire_status status = QUIRE_OK;
	char *source = run->entry;

	qr_leaf_class_init(&copy->class, arch, level);
	for (size_t i = run->count; i > 0; i--, source += stride, target += stride, va += step) {
		quire_pte pte = qr_pte_get(arch, level, source);
		bool leaf = true, flush = false;

		if (pte.bits == 0)
			continue;
		if (!qr_leaf_class_has(&copy->class, pte))
			status = look(copy, target, pte, level, &leaf);
		if (leaf)
			status = copy_leaf(copy, source, target, pte, level, &flush);
		if (qr_unlikely(status != QUIRE_OK))
			break;
		if (!flush)
			continue;
		if (first == last)
			first = va;
		last = va + step;
	}
	*out_first = first;
	*out_end = last;
	return status;
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
	if (qr_likely(run->level == 0))
		status = copy_entries(copy, run, target, 0, &first, &end);
	else
		status = copy_entries(copy, run, target, run->level, &first, &end);
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
	struct copying copy = {
	    .system = system, .to = to, .from = from, .tlb = tlb, .how = how, .swap = swap};
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
