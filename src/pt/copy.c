/* SPDX-License-Identifier: MIT */
/* Copying leaves for fork.
 *
 *   parent's leaf       private (COW)                  shared
 *     parent            loses WRITE and EXCLUSIVE      as it is
 *     child             the same leaf, old             the same leaf, old and clean
 *
 * The lock of the parent's table is the first, the child's the second. What can fail is done before the
 * entry is written. */
#include "pt/leaf.h"

#include "page/slab.h"

/* What becomes of the leaves of one class: the bits that differ in the parent's leaf after, and in the child's. What the
 * hardware sets in the parent's while it is copied stays there, and the child's does not get it. */
struct rule {
	struct qr_leaf_class class;
	qr_pte_bits parent, child;
};

struct copying {
	struct quire_system *system;
	struct qr_pt *to, *from;
	struct qr_tlb *tlb;
	enum qr_copy_how how;
	const struct qr_swap_hooks *swap;
	struct qr_rmap_chunk *chunks;
	struct qr_leaf_counts leaves;
	uint64_t swaps, entries;
	struct rule rule;
	struct qr_changed changed; /* the parent's leaves that lost a right */
};

/* A swap entry is counted once more. Its page is neither side's own any longer. */
QR_RARE static enum quire_status copy_swap(struct copying *copy, void *source, void *target, quire_pte pte)
{
	const struct quire_arch *arch = qr_arch(copy->system);
	uint64_t value = arch->swap_value(arch, pte);
	enum quire_status status;

	if (qr_swap_is_guard(value)) {
		qr_pte_set(arch, 0, target, pte);
		return QUIRE_OK;
	}
	if (!copy->swap)
		return QUIRE_OK;
	status = copy->swap->dup(copy->system, value);
	if (status != QUIRE_OK)
		return status;
	if ((value & QR_SWAP_EXCLUSIVE) && !qr_mutant(copy->system, "fork-swap-exclusive")) {
		pte = arch->swap(arch, value & ~QR_SWAP_EXCLUSIVE);
		qr_pte_set(arch, 0, source, pte);
	}
	qr_pte_set(arch, 0, target, pte);
	copy->swaps += !qr_swap_is_marker(value);
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
	qr_leaf_class_learn(&copy->rule.class, pte);
	copy->rule.parent = (qr_pte_bits)(pte.bits ^ after.bits);
	/* Hardware that sets bits by itself has a bit for WRITE, and none for its absence. */
	qr_assert(copy->system, qr_pte_is_steady(arch) || (copy->rule.parent & ~pte.bits) == 0);
	copy->rule.child = (qr_pte_bits)(pte.bits ^ arch->with_flags(arch, after, 0, clear, level).bits);
}

/* Adds the child's entry to the reverse map and takes a reference: the general case. */
QR_RARE static enum quire_status hold_slow(struct copying *copy, struct qr_page *page, void *target)
{
	if (qr_page_state(page) == QUIRE_PAGE_ZERO)
		return QUIRE_OK;
	if (qr_rmap_add_from(copy->system, page, target, &copy->chunks) != QUIRE_OK)
		return QUIRE_ENOMEM;
	qr_page_get(page);
	return QUIRE_OK;
}

/* A leaf that is counted as private memory is of another kind. */
QR_RARE static void count_other(struct copying *copy, enum quire_page_state state, uint64_t pages)
{
	copy->leaves.state[state] += pages;
	copy->leaves.state[QUIRE_PAGE_ANON] -= pages;
}

/* Takes the page of a copied leaf for the child: reference, reverse map; clears EXCLUSIVE. False: no memory. */
QR_INLINE bool share_page(struct copying *copy, struct qr_page *page, const void *source, void *target,
			  uint64_t pages)
{
	uint32_t flags = __atomic_load_n(&page->flags, __ATOMIC_ACQUIRE);

	/* A page with a slot may be mapped by others meanwhile, through entries that name the slot. */
	if (qr_likely((flags & (QR_PAGE_STATE_MASK | QR_PAGE_SWAPCACHE)) == QUIRE_PAGE_ANON &&
		      qr_rmap_add_second(page, source, target))) {
		qr_page_get(page);
	} else {
		if (hold_slow(copy, page, target) != QUIRE_OK)
			return false;
		if ((flags & QR_PAGE_STATE_MASK) != QUIRE_PAGE_ANON)
			count_other(copy, (enum quire_page_state)(flags & QR_PAGE_STATE_MASK), pages);
	}
	if (flags & QR_PAGE_EXCLUSIVE)
		__atomic_and_fetch(&page->flags, ~(uint32_t)QR_PAGE_EXCLUSIVE, __ATOMIC_RELEASE);
	return true;
}

/* What is no leaf of the known class. *out_leaf: a leaf, and its class is known now. */
QR_RARE static enum quire_status look(struct copying *copy, void *source, void *target, quire_pte pte,
				      unsigned level, bool *out_leaf)
{
	const struct quire_arch *arch = qr_arch(copy->system);

	*out_leaf = false;
	switch (arch->kind(arch, pte, level)) {
	case QUIRE_PTE_LEAF:
		learn(copy, pte, level);
		/* The first leaf that changes is the first of its class; later ones only extend the range. */
		if (copy->rule.parent != 0)
			qr_changed_add(&copy->changed, source);
		*out_leaf = true;
		return QUIRE_OK;
	case QUIRE_PTE_SWAP:
		return copy_swap(copy, source, target, pte);
	default:
		return QUIRE_OK;
	}
}

/* The constants of a run stay in registers. Its leaves are counted at the end, as private memory. => PT, PT2 held */
QR_INLINE enum quire_status copy_entries(struct copying *copy, const struct qr_pt_run *run, char *target,
					 unsigned level)
{
	const struct quire_arch *arch = qr_arch(copy->system);
	const struct qr_first_range first = qr_first_range(copy->system);
	const uint64_t pages = qr_leaf_pages(arch, level);
	size_t stride = arch->level[level].entry_bytes, copied = 0;
	char *source = run->entry, *end = source + run->count * stride, *last = NULL;
	enum quire_status status = QUIRE_OK;
	struct rule rule;

	qr_leaf_class_init(&copy->rule.class, arch, level);
	rule = copy->rule;
	for (; source != end; source += stride, target += stride) {
		quire_pte pte = qr_pte_get(arch, level, source);
		struct qr_page *page;

		if (pte.bits == 0)
			continue;
		if (!qr_leaf_class_has(&rule.class, pte)) {
			bool leaf;

			status = look(copy, source, target, pte, level, &leaf);
			rule = copy->rule;
			if (status != QUIRE_OK)
				break;
			if (!leaf)
				continue;
		}
		page = qr_page_in(copy->system, first, arch->pfn(arch, pte, level));
		if (qr_unlikely(!page)) {
			count_other(copy, QUIRE_PAGE_ZERO, pages);
		} else if (qr_unlikely(!share_page(copy, page, source, target, pages))) {
			status = QUIRE_ENOMEM;
			break;
		}
		if (rule.parent != 0) {
			last = source;
			qr_pte_remove(arch, level, source, pte, rule.parent);
		}
		qr_pte_set(arch, level, target, (quire_pte){pte.bits ^ rule.child});
		copied++;
	}
	if (last)
		copy->changed.last = last;
	copy->entries += copied;
	copy->leaves.state[QUIRE_PAGE_ANON] += copied * pages;
	return status;
}

static enum quire_status copy_run(struct copying *copy, const struct qr_pt_run *run)
{
	char *target = qr_pt_alloc(copy->to, run->va, run->level, NULL);
	enum quire_status status;
	struct qr_page *table;

	if (!target)
		return QUIRE_ENOMEM;
	table = qr_pt_table_of(copy->to, target);
	qr_pt_lock(copy->from, run->table);
	qr_pt_lock_second(copy->to, run->table, table);
	if (qr_likely(run->level == 0))
		status = copy_entries(copy, run, target, 0);
	else
		status = copy_entries(copy, run, target, run->level);
	qr_changed_flush(&copy->changed, &copy->tlb->ranges, run);
	qr_pt_unlock_second(copy->to, run->table, table);
	qr_pt_unlock(copy->from, run->table);
	return status;
}

enum quire_status qr_pt_copy(struct qr_pt_copy *what, quire_va start, quire_va end, enum qr_copy_how how)
{
	struct qr_pt *from = what->from;
	struct quire_system *system = from->system;
	struct copying copy = {
	    .system = system, .to = what->to, .from = from, .tlb = what->tlb, .how = how, .swap = what->swap};
	enum quire_status status = QUIRE_OK;
	struct qr_cpu *cpu;
	struct qr_pt_run run;

	qr_assert_contract(system, what->tlb->ranges.pt == from && what->to != from);
	for (quire_va va = start; status == QUIRE_OK && qr_pt_next_run(from, va, end, &run); va = run.end) {
		if (qr_pt_run_whole(from, &run))
			status = copy_run(&copy, &run);
	}
	qr_slab_free_many(system, QR_SLAB_RMAP_CHUNK, copy.chunks);
	qr_leaf_counts_add(&what->came, &copy.leaves);
	what->came.swap += copy.swaps;
	cpu = qr_this_cpu(system);
	qr_count_by(&cpu->events[QUIRE_EVENT_FORK_PTE], copy.entries);
	if (copy.entries > 0 && system->host->pte_sync)
		system->host->pte_sync(system->host_context, NULL);
	return status;
}
