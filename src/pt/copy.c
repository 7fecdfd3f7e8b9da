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
	struct qr_leaf_frames frames;
	qr_pte_bits parent, child;
	qr_pte_bits keep; /* ~parent */
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
	copy->rule.keep = ~copy->rule.parent;
	copy->rule.frames = (struct qr_leaf_frames){0};
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

/* hold_slow() without a call, for private memory that is mapped once, and clears EXCLUSIVE; false: not done. EXCLUSIVE goes
 * first: then the flags need no register any more. */
QR_INLINE bool hold_second(struct qr_page *page, const void *source, void *target)
{
	uint32_t flags = __atomic_load_n(&page->flags, __ATOMIC_ACQUIRE);

	/* A page with a slot may be mapped by others meanwhile, through entries that name the slot. */
	if (qr_unlikely((flags & (QR_PAGE_STATE_MASK | QR_PAGE_SWAPCACHE)) != QUIRE_PAGE_ANON))
		return false;
	if (qr_likely(flags & QR_PAGE_EXCLUSIVE))
		__atomic_and_fetch(&page->flags, ~(uint32_t)QR_PAGE_EXCLUSIVE, __ATOMIC_RELEASE);
	if (qr_unlikely(!qr_rmap_add_second(page, source, target)))
		return false;
	qr_page_get(page);
	return true;
}

/* Takes the page of a copied leaf for the child: reference, reverse map; clears EXCLUSIVE. *out_private: it is private
 * memory, and had one mapping. False: no memory. */
static bool share_page(struct copying *copy, struct qr_page *page, const void *source, void *target,
		       uint64_t pages, bool *out_private)
{
	uint32_t flags = __atomic_load_n(&page->flags, __ATOMIC_ACQUIRE);

	*out_private = hold_second(page, source, target);
	if (*out_private)
		return true;
	if (hold_slow(copy, page, target) != QUIRE_OK)
		return false;
	if ((flags & QR_PAGE_STATE_MASK) != QUIRE_PAGE_ANON)
		count_other(copy, (enum quire_page_state)(flags & QR_PAGE_STATE_MASK), pages);
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

/* Copies leaves of the known class whose pages are private memory that is mapped once, and passes over entries that are
 * none. Stops at what is neither; returns the bytes of entries done. Nothing is called, so that all of it stays in
 * registers. => PT, PT2 held */
static __attribute__((noinline)) size_t copy_private(struct copying *copy, char *source, const char *end,
						     char *target)
{
	const struct quire_arch *arch = qr_arch(copy->system);
	const size_t stride = arch->level[0].entry_bytes;
	const unsigned shift = qr_leaf_frame_shift(arch);
	QR_LOOP_CONSTANTS(struct rule, rule, copy->rule);
	const char *start = source;
	size_t none = 0, copied;

	for (; source != end; source += stride, target += stride) {
		qr_pte_bits pte = (qr_pte_bits)qr_pte_get(arch, 0, source).bits;
		struct qr_page *page = qr_leaf_frames_page(&rule->frames, shift, pte);

		if (qr_unlikely(!page)) {
			if (pte != 0)
				break;
			none++;
			continue;
		}
		if (!hold_second(page, source, target))
			break;
		if ((qr_pte_bits)~rule->keep != 0)
			qr_pte_remove(arch, 0, source, (quire_pte){pte}, (qr_pte_bits)~rule->keep);
		qr_pte_set(arch, 0, target, (quire_pte){pte ^ rule->child});
	}
	copied = (size_t)(source - start) / stride - none;
	if (copied > 0 && rule->parent != 0) {
		const char *last = source - stride;

		while (qr_pte_get(arch, 0, last).bits == 0)
			last -= stride;
		copy->changed.last = last;
	}
	copy->entries += copied;
	copy->leaves.state[QUIRE_PAGE_ANON] += copied;
	return (size_t)(source - start);
}

/* Copies one entry. *out_private: its page is private memory, and had one mapping. => PT, PT2 held */
QR_INLINE enum quire_status copy_entry(struct copying *copy, char *source, char *target, quire_pte pte,
				       unsigned level, bool *out_private)
{
	const struct quire_arch *arch = qr_arch(copy->system);
	const uint64_t pages = qr_leaf_pages(arch, level);
	struct qr_page *page;

	*out_private = false;
	if (!qr_leaf_class_has(&copy->rule.class, pte)) {
		bool leaf;
		enum quire_status status = look(copy, source, target, pte, level, &leaf);

		if (status != QUIRE_OK || !leaf)
			return status;
	}
	page = qr_page_of(copy->system, arch->pfn(arch, pte, level));
	if (qr_unlikely(!page)) {
		count_other(copy, QUIRE_PAGE_ZERO, pages);
	} else {
		if (qr_unlikely(!share_page(copy, page, source, target, pages, out_private)))
			return QUIRE_ENOMEM;
		if (level == 0)
			qr_leaf_frames_turn(&copy->rule.frames, copy->system, &copy->rule.class, page);
	}
	if (copy->rule.parent != 0) {
		copy->changed.last = source;
		qr_pte_remove(arch, level, source, pte, copy->rule.parent);
	}
	qr_pte_set(arch, level, target, (quire_pte){pte.bits ^ copy->rule.child});
	copy->entries++;
	copy->leaves.state[QUIRE_PAGE_ANON] += pages;
	return QUIRE_OK;
}

/* Leaves are counted as private memory, and what is not is told apart. => PT, PT2 held */
QR_INLINE enum quire_status copy_entries(struct copying *copy, const struct qr_pt_run *run, char *target,
					 unsigned level)
{
	const struct quire_arch *arch = qr_arch(copy->system);
	size_t stride = arch->level[level].entry_bytes;
	char *source = run->entry, *end = source + run->count * stride;

	qr_leaf_class_init(&copy->rule.class, arch, level);
	while (source != end) {
		quire_pte pte = qr_pte_get(arch, level, source);
		size_t done = stride;

		if (pte.bits != 0) {
			bool private;
			enum quire_status status = copy_entry(copy, source, target, pte, level, &private);

			if (status != QUIRE_OK)
				return status;
			if (private && level == 0)
				done += copy_private(copy, source + stride, end, target + stride);
		}
		source += done;
		target += done;
	}
	return QUIRE_OK;
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
	qr_count_by(&cpu->events[QUIRE_EVENT_FORK_PTE], (uintptr_t)copy.entries);
	if (copy.entries > 0 && system->host->pte_sync)
		system->host->pte_sync(system->host_context, NULL);
	return status;
}
