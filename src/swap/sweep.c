/* SPDX-License-Identifier: MIT */
/* From pages to their mappings, which become swap entries or nothing.
 *
 * The reverse map names an entry; RMAP keeps its table; PT is tried under it. Then the address space is locked for
 * read, also by trying: a vma that is locked in memory keeps its pages, and cannot become one meanwhile. Both
 * stay held while the next pages are in the same table, and are let go after one flush.
 *
 * Rejected: letting PT go first and flushing the whole batch at its end (Linux does, and munmap has to remember
 * that a flush is owed). */
#include "swap/swap.h"

#include "pt/leaf.h"

/* The entry that a page is mapped by, in the held table or one that could be locked. */
struct grab {
	struct qr_sweep *sweep;
	void *entry;
	bool any; /* there is a mapping */
};

static bool grab_entry(void *context, struct qr_page *page, void *entry)
{
	struct grab *grab = context;
	struct qr_sweep *sweep = grab->sweep;
	struct qr_page *table = qr_page_at(sweep->system, entry);
	quire_va va;

	(void)page;
	grab->any = true;
	if (sweep->pt) {
		if (table == sweep->table)
			grab->entry = entry;
		return !grab->entry;
	}
	struct qr_pt *pt = qr_rmap_owner(sweep->system, entry, &va);

	if (!qr_pt_trylock(pt, table))
		return true; /* perhaps the next one's is free */
	sweep->pt = pt;
	sweep->table = table;
	grab->entry = entry;
	return false;
}

/* Looks for an entry until one is held. NULL: the page is not mapped. */
static void *find_entry(struct qr_sweep *sweep, struct qr_page *page, bool *out_fresh)
{
	for (;;) {
		struct grab grab = {.sweep = sweep};
		bool held = sweep->pt != NULL;

		qr_rmap_each(sweep->system, page, grab_entry, &grab);
		if (grab.entry) {
			*out_fresh = !held;
			return grab.entry;
		}
		if (!grab.any)
			return NULL;
		if (held)
			qr_sweep_end(sweep);
		else
			qr_wait(sweep->system, &page->flags, __atomic_load_n(&page->flags, __ATOMIC_RELAXED),
				QUIRE_WAIT_SPIN);
	}
}

/* Whether the owner lets this page go. => PT held */
static bool hold_space(struct qr_sweep *sweep)
{
	const struct qr_pt_space *space = sweep->pt->space;

	qr_flush_begin(&sweep->flush, sweep->pt);
	sweep->gone = sweep->came = (struct qr_pt_counts){0};
	sweep->entered =
	    space && (sweep->pt == sweep->held_by_caller || space->enter(sweep->pt, &sweep->token));
	return sweep->entered;
}

void qr_sweep_begin(struct qr_sweep *sweep, struct quire_system *system, const struct qr_pt *held)
{
	sweep->system = system;
	sweep->held_by_caller = held;
	sweep->pt = NULL;
	sweep->table = NULL;
}

void qr_sweep_end(struct qr_sweep *sweep)
{
	struct qr_pt *pt = sweep->pt;

	if (!pt)
		return;
	qr_flush_end(&sweep->flush);
	if (pt->count)
		pt->count(pt, &sweep->gone, &sweep->came);
	qr_pt_unlock(pt, sweep->table);
	/* The address space may end from here on. */
	if (sweep->entered && pt != sweep->held_by_caller)
		pt->space->leave(pt, sweep->token);
	sweep->pt = NULL;
}

static void count_gone(struct qr_sweep *sweep, const struct qr_page *page)
{
	if (qr_page_state(page) == QUIRE_PAGE_ANON)
		sweep->gone.anon++;
	else if (qr_page_state(page) == QUIRE_PAGE_FILE)
		sweep->gone.file++;
	else
		sweep->gone.shmem++;
}

/* The leaf is out of the table: out of the page too. */
static void drop_mapping(struct qr_sweep *sweep, struct qr_page *page, void *entry, quire_pte was)
{
	const struct quire_arch *arch = qr_arch(sweep->system);
	quire_va va;

	qr_rmap_owner(sweep->system, entry, &va);
	qr_flush_range(&sweep->flush, va, va + (quire_va)qr_page_bytes(sweep->system));
	if (!qr_mutant(sweep->system, "swap-dirty"))
		qr_leaf_harvest(sweep->system, page, arch->flags(arch, was, 0));
	(void)qr_rmap_del(sweep->system, page, entry);
	count_gone(sweep, page);
	/* Not the last: the caller has one, and the frame is not freed before the flush. */
	qr_page_put(sweep->system, page);
}

/* A leaf becomes a swap entry. Returns whether it did. => PT held */
static bool to_swap(struct qr_sweep *sweep, struct qr_page *page, void *entry, uint64_t value)
{
	const struct quire_arch *arch = qr_arch(sweep->system);
	bool exclusive = qr_page_test(page, QR_PAGE_EXCLUSIVE);
	quire_pte was;

	if (qr_swap_dup(sweep->system, value) != QUIRE_OK)
		return false;
	was = qr_pte_xchg(arch, 0, entry, arch->swap(arch, value | (exclusive ? QR_SWAP_EXCLUSIVE : 0)));
	drop_mapping(sweep, page, entry, was);
	if (exclusive)
		qr_page_clear_bits(page, QR_PAGE_EXCLUSIVE);
	sweep->came.swap++;
	return true;
}

static bool to_nothing(struct qr_sweep *sweep, struct qr_page *page, void *entry)
{
	drop_mapping(sweep, page, entry, qr_pte_xchg(qr_arch(sweep->system), 0, entry, (quire_pte){0}));
	return true;
}

/* The one mapping of a page whose content may be dropped while clean: by nobody but the caller held beside it. */
static bool lazily_to_nothing(struct qr_sweep *sweep, struct qr_page *page, void *entry)
{
	const struct quire_arch *arch = qr_arch(sweep->system);
	quire_pte was;

	/* A pin is taken under PT, and marks the page dirty when it has written. */
	if (__atomic_load_n(&page->ref, __ATOMIC_ACQUIRE) != 2 || qr_page_test(page, QR_PAGE_DIRTY))
		return false;
	was = qr_pte_xchg(arch, 0, entry, (quire_pte){0});
	if (arch->flags(arch, was, 0) & QUIRE_PTE_DIRTY) {
		/* Written since: it is wanted. */
		qr_pte_set(arch, 0, entry, was);
		return false;
	}
	drop_mapping(sweep, page, entry, was);
	return true;
}

bool qr_sweep_page(struct qr_sweep *sweep, struct qr_page *page, enum qr_sweep_how how, uint64_t value)
{
	for (;;) {
		bool fresh, done;
		void *entry = find_entry(sweep, page, &fresh);
		quire_va va;

		if (!entry)
			return true;
		if (fresh && !hold_space(sweep))
			return false;
		qr_rmap_owner(sweep->system, entry, &va);
		if (sweep->table->level != 0 || !sweep->entered ||
		    !sweep->pt->space->may_leave(sweep->pt, va))
			return false;
		switch (how) {
		case QR_SWEEP_SWAP:
			done = to_swap(sweep, page, entry, value);
			break;
		case QR_SWEEP_ZAP:
			done = to_nothing(sweep, page, entry);
			break;
		default:
			done = lazily_to_nothing(sweep, page, entry);
			break;
		}
		if (!done)
			return false;
	}
}
