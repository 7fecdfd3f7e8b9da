/* SPDX-License-Identifier: MIT */
/* The swap cache: pages that have a slot, found by it, taken from it, and what is garbage. */
#include "swap/swap.h"

uint32_t qr_swap_page_index(const struct quire_system *system, const struct qr_page *page)
{
	uint64_t index = page->pfn - system->range[page->range].base;

	for (unsigned i = 0; i < page->range; i++)
		index += system->range[i].count;
	return (uint32_t)index;
}

struct qr_page *qr_swap_page_at(const struct quire_system *system, uint32_t index)
{
	unsigned i = 0;

	while (index >= system->range[i].count)
		index -= (uint32_t)system->range[i++].count;
	return &system->range[i].pages[index];
}

/* What a slot's word allows to be read from it. */
static enum quire_status readable(uint32_t word)
{
	if (!(word & (QR_SLOT_COUNT | QR_SLOT_CACHED)))
		return QUIRE_ENOENT;
	return word & QR_SLOT_READ_ERROR ? QUIRE_EIO : QUIRE_OK;
}

enum quire_status qr_swap_find(struct quire_system *system, struct qr_area *area, uint64_t value,
			       struct qr_page **out_page)
{
	uint64_t offset = qr_swap_offset(value);
	struct qr_cluster *cluster = qr_cluster_of(area, offset);
	const struct qr_slot *slot = qr_slot_at(area, offset);
	enum quire_status status;

	*out_page = NULL;
	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	status = readable(slot->word);
	if (status == QUIRE_OK && slot->word & QR_SLOT_CACHED) {
		*out_page = qr_swap_page_at(system, slot->what);
		qr_page_get(*out_page);
	}
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	return status;
}

void qr_swap_adopt(struct quire_system *system, struct qr_page *page, uint64_t value)
{
	qr_assert_contract(system, qr_page_state(page) == QUIRE_PAGE_ANON);
	qr_page_get(page);
	__atomic_store_n(&page->u.anon.slot, qr_swap_key(value), __ATOMIC_RELAXED);
	qr_page_set(page, QR_PAGE_SWAPCACHE);
}

enum quire_status qr_swap_enter(struct quire_system *system, struct qr_area *area, uint64_t value,
				struct qr_page *page, struct qr_page **out_other, uint32_t *out_age)
{
	uint64_t offset = qr_swap_offset(value);
	struct qr_cluster *cluster = qr_cluster_of(area, offset);
	struct qr_slot *slot = qr_slot_at(area, offset);
	enum quire_status status;

	*out_other = NULL;
	/* Before anyone can find it. */
	qr_swap_adopt(system, page, value);
	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	status = readable(slot->word);
	if (status == QUIRE_OK && slot->word & QR_SLOT_CACHED) {
		*out_other = qr_swap_page_at(system, slot->what);
		qr_page_get(*out_other);
		status = QUIRE_EEXIST;
	}
	if (status == QUIRE_OK) {
		*out_age = slot->what;
		slot->what = qr_swap_page_index(system, page);
		slot->word |= QR_SLOT_CACHED;
		__atomic_fetch_add(&area->cached, 1, __ATOMIC_RELAXED);
	}
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	if (status != QUIRE_OK) {
		qr_page_clear_bits(page, QR_PAGE_SWAPCACHE);
		__atomic_store_n(&page->u.anon.slot, 0, __ATOMIC_RELAXED);
		qr_page_put(system, page);
	}
	return status;
}

/* The slot knows its page no more: `what` becomes `age`. => SWAP held */
static void detach(struct quire_system *system, struct qr_area *area, uint64_t offset, uint32_t age)
{
	struct qr_slot *slot = qr_slot_at(area, offset);

	qr_assert(system, slot->word & QR_SLOT_CACHED);
	slot->word &= ~QR_SLOT_CACHED;
	slot->what = age;
	__atomic_fetch_sub(&area->cached, 1, __ATOMIC_RELAXED);
	qr_slot_release(system, area, offset);
}

/* The page's side of the same. => LOCKED, or nobody else can lock it */
static void disown(struct qr_page *page)
{
	qr_page_clear_bits(page, QR_PAGE_SWAPCACHE | QR_PAGE_READAHEAD);
	__atomic_store_n(&page->u.anon.slot, 0, __ATOMIC_RELAXED);
}

bool qr_swap_free_slot(struct quire_system *system, struct qr_page *page)
{
	struct qr_cluster *cluster;
	struct qr_area *area;
	uint64_t value;
	bool free;

	if (!qr_page_test(page, QR_PAGE_SWAPCACHE))
		return true;
	if (qr_page_test(page, QR_PAGE_WRITEBACK))
		return false;
	value = qr_swap_value(page);
	area = qr_area_of(system, value);
	cluster = qr_cluster_of(area, qr_swap_offset(value));
	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	free = (qr_slot_at(area, qr_swap_offset(value))->word & QR_SLOT_COUNT) == 0 ||
	       qr_mutant(system, "swap-count");
	if (free) {
		/* The memory is the only copy from now on. */
		qr_page_set(page, QR_PAGE_DIRTY);
		disown(page);
		detach(system, area, qr_swap_offset(value), 0);
	}
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	/* Not the last: the caller has one. */
	if (free)
		qr_page_put(system, page);
	return free;
}

bool qr_swap_is_unnamed(struct quire_system *system, struct qr_page *page, bool free)
{
	bool unnamed;

	if (!qr_page_trylock(system, page))
		return false;
	unnamed = !qr_page_test(page, QR_PAGE_SWAPCACHE) || qr_swap_count(system, qr_swap_value(page)) == 0;
	if (unnamed && free)
		(void)qr_swap_free_slot(system, page);
	qr_swap_unlock(system, page);
	return unnamed;
}

bool qr_swap_is_cached(struct quire_system *system, uint64_t value)
{
	struct qr_area *area = qr_area_get(system, value);
	struct qr_page *page = NULL;
	bool ready;

	if (!area)
		return false;
	if (qr_swap_find(system, area, value, &page) != QUIRE_OK)
		page = NULL;
	qr_area_put(system, area);
	if (!page)
		return false;
	ready = qr_page_test(page, QR_PAGE_UPTODATE);
	qr_swap_collect(system, page);
	qr_page_put(system, page);
	return ready;
}

void qr_slot_untake(struct quire_system *system, uint64_t value)
{
	struct qr_area *area = qr_area_of(system, value);
	struct qr_cluster *cluster = qr_cluster_of(area, qr_swap_offset(value));

	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	detach(system, area, qr_swap_offset(value), 0);
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
}

void qr_swap_read_failed(struct quire_system *system, struct qr_page *page)
{
	uint64_t value = qr_swap_value(page);
	struct qr_area *area = qr_area_of(system, value);
	struct qr_cluster *cluster = qr_cluster_of(area, qr_swap_offset(value));

	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	qr_slot_at(area, qr_swap_offset(value))->word |= QR_SLOT_READ_ERROR;
	disown(page);
	detach(system, area, qr_swap_offset(value), 0);
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	__atomic_fetch_add(&area->read_errors, 1, __ATOMIC_RELAXED);
	qr_page_put(system, page);
}

bool qr_swap_forget(struct quire_system *system, struct qr_page *page)
{
	uint64_t value = qr_swap_value(page);
	struct qr_area *area = qr_area_of(system, value);
	struct qr_cluster *cluster = qr_cluster_of(area, qr_swap_offset(value));
	bool gone;

	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	/* Who finds the page by its slot takes a reference under this lock; who finds it by an entry would have a
	 * mapping, and whoever maps it has it LOCKED. */
	gone = __atomic_load_n(&page->ref, __ATOMIC_ACQUIRE) == 2 && qr_rmap_count(page) == 0 &&
	       !qr_page_test(page, QR_PAGE_DIRTY | QR_PAGE_WRITEBACK);
	if (gone) {
		disown(page);
		detach(system, area, qr_swap_offset(value),
		       __atomic_add_fetch(&system->swap->age, 1, __ATOMIC_RELAXED));
	}
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	if (!gone)
		return false;
	qr_page_unlock(system, page);
	qr_page_put(system, page);
	qr_page_put(system, page);
	return true;
}

/* --- garbage ------------------------------------------------------------------------------------------------ */

/* Whether nobody maps the page and no entry names its slot. A page that is being written is looked at again
 * afterwards. */
static bool is_garbage(struct quire_system *system, const struct qr_page *page)
{
	uint32_t flags = __atomic_load_n(&page->flags, __ATOMIC_ACQUIRE);
	struct qr_cluster *cluster;
	const struct qr_slot *slot;
	struct qr_area *area;
	uint64_t value;
	bool garbage;

	if ((flags & (QR_PAGE_SWAPCACHE | QR_PAGE_WRITEBACK)) != QR_PAGE_SWAPCACHE ||
	    qr_rmap_count(page) != 0)
		return false;
	/* It may lose its slot meanwhile, and the store be detached. */
	value = qr_swap_value(page);
	area = qr_area_get(system, value);
	if (!area)
		return false;
	cluster = qr_cluster_of(area, qr_swap_offset(value));
	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	slot = qr_slot_at(area, qr_swap_offset(value));
	garbage = (slot->word & (QR_SLOT_CACHED | QR_SLOT_COUNT)) == QR_SLOT_CACHED &&
		  slot->what == qr_swap_page_index(system, page);
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	qr_area_put(system, area);
	return garbage;
}

void qr_swap_collect(struct quire_system *system, struct qr_page *page)
{
	for (;;) {
		bool freed = false;

		/* Either the one that made it garbage gets the lock, or the one that has the lock sees it here
		 * after letting it go: both write before they look. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (qr_likely(!is_garbage(system, page)) || !qr_page_trylock(system, page))
			return;
		if (is_garbage(system, page))
			freed = qr_swap_free_slot(system, page);
		qr_page_unlock(system, page);
		if (freed)
			return;
	}
}

/* --- writing -------------------------------------------------------------------------------------------------- */

void qr_swap_end_write(struct quire_system *system, struct qr_page *page)
{
	uint32_t was = qr_page_clear_bits(page, QR_PAGE_WRITEBACK | QR_PAGE_WAITED);

	if (was & QR_PAGE_WAITED)
		qr_page_wake(system, page);
}

void qr_swap_wait_write(struct quire_system *system, struct qr_page *page)
{
	while (qr_page_test(page, QR_PAGE_WRITEBACK)) {
		uint32_t flags = __atomic_or_fetch(&page->flags, QR_PAGE_WAITED, __ATOMIC_ACQ_REL);

		if (flags & QR_PAGE_WRITEBACK)
			qr_wait(system, &page->flags, flags, QUIRE_WAIT_SLEEP);
	}
}
