/* SPDX-License-Identifier: MIT */
/* Out of memory: a batch of pages becomes slots.
 *
 *   1 each page gets a slot, neighbours neighbouring ones, or has one already
 *   2 its mappings become swap entries (sweep.c); shared memory leaves its file (shmem.c)
 *   3 what is dirty, or was never written, is written with WRITEBACK and without the PAGE lock: who touches such
 *     a page maps it again
 *   4 what is clean, unmapped and nobody else's leaves memory
 *
 * A LAZYFREE page that was not written since goes without a slot.
 *
 * The batch lies on the stack of a thread that found no frame, often deep in a fault. So each step works in place: pages
 * that go through it together change places in the batch until they are neighbours, and what the store is given is
 * filled in from the start. No step copies a part of the batch. */
#include "swap/swap.h"

#include "page/group.h"

/* Where a page of the batch has got to. */
enum stage {
	STAYS = 0, /* LOCKED, to be unlocked */
	SLOT,      /* LOCKED, has a slot */
	UNMAPPED,  /* LOCKED, has a slot and no mapping: step 3 or 4 */
	WRITING,   /* not LOCKED, WRITEBACK */
	SETTLED,   /* not LOCKED any more: the caller gets it back */
	LEFT       /* gone */
};

struct batch {
	struct quire_system *system;
	struct qr_page **pages;
	unsigned count;
	struct qr_sweep sweep;
	/* Of each page. slot: the value of its slot, as entries hold it; the store's own number from the moment on when
	 * it is written. */
	struct quire_store_page io[QUIRE_STORE_BATCH];
	uint8_t stage[QUIRE_STORE_BATCH];
};

/* Two pages of the batch change places. Moving pages forward one after the other keeps them in order. */
static void swap_places(struct batch *batch, unsigned a, unsigned b)
{
	struct qr_page *page = batch->pages[a];
	struct quire_store_page io = batch->io[a];
	uint8_t stage = batch->stage[a];

	if (a == b)
		return;
	batch->pages[a] = batch->pages[b];
	batch->io[a] = batch->io[b];
	batch->stage[a] = batch->stage[b];
	batch->pages[b] = page;
	batch->io[b] = io;
	batch->stage[b] = stage;
}

/* --- 1: slots -------------------------------------------------------------------------------------------------- */

/* Whether the page is one that may have a slot and has none. */
static bool wants_slot(const struct qr_page *page)
{
	enum quire_page_state state = qr_page_state(page);
	uint32_t ready = QR_PAGE_UPTODATE;

	if (state == QUIRE_PAGE_SHMEM)
		return page->u.cache.file && qr_page_test(page, ready);
	return state == QUIRE_PAGE_ANON && qr_page_test(page, ready) &&
	       !qr_page_test(page, QR_PAGE_SWAPCACHE);
}

/* A page with a slot: it may go there again, unless it cannot be written there. */
static enum stage reuse_slot(struct batch *batch, unsigned i)
{
	struct qr_page *page = batch->pages[i];

	if (!qr_page_test(page, QR_PAGE_SWAPCACHE) || !qr_page_test(page, QR_PAGE_UPTODATE) ||
	    qr_page_test(page, QR_PAGE_WRITEBACK))
		return STAYS;
	batch->io[i].slot = qr_swap_value(page);
	return qr_slot_is_retired(batch->system, batch->io[i].slot) ? STAYS : SLOT;
}

/* A page whose content may be dropped. Returns whether it left. */
static bool drop_lazy(struct batch *batch, unsigned i)
{
	struct qr_page *page = batch->pages[i];

	if (qr_page_state(page) != QUIRE_PAGE_ANON || !qr_page_test(page, QR_PAGE_LAZYFREE) ||
	    qr_page_test(page, QR_PAGE_SWAPCACHE))
		return false;
	if (!qr_sweep_page(&batch->sweep, page, QR_SWEEP_LAZY, 0)) {
		/* Written since, or shared since: ordinary memory. */
		if (qr_page_test(page, QR_PAGE_DIRTY) || qr_rmap_count(page) > 1)
			qr_page_clear_bits(page, QR_PAGE_LAZYFREE);
		return false;
	}
	qr_sweep_end(&batch->sweep);
	batch->stage[i] = LEFT;
	qr_page_unlock(batch->system, page);
	qr_page_put(batch->system, page);
	batch->pages[i] = NULL;
	qr_event(qr_this_cpu(batch->system), QUIRE_EVENT_PGLAZYFREED);
	return true;
}

/* Pages that are to get a slot, and whose group may have one more, come first. Returns how many. */
static unsigned gather_slotless(struct batch *batch)
{
	unsigned wanted = 0;

	for (unsigned i = 0; i < batch->count; i++) {
		if (batch->stage[i] == STAYS && wants_slot(batch->pages[i]) &&
		    (!qr_page_test(batch->pages[i], QR_PAGE_CHARGED) ||
		     qr_group_charge_swap(batch->system, batch->pages[i])))
			swap_places(batch, i, wanted++);
	}
	return wanted;
}

/* Gives slots to the pages that need one, as far as there are any. Such a page is dirty: its slot is empty. */
static void give_slots(struct batch *batch)
{
	unsigned wanted = gather_slotless(batch);
	unsigned given = wanted ? qr_slots_take(batch->system, batch->pages, batch->io, wanted) : 0;

	for (unsigned i = given; i < wanted; i++) {
		if (qr_page_test(batch->pages[i], QR_PAGE_CHARGED))
			qr_group_uncharge_swap(batch->system, batch->pages[i]->group);
	}
	for (unsigned i = 0; i < given; i++) {
		batch->stage[i] = SLOT;
		/* Shared memory keeps its file until nobody maps it. */
		if (qr_page_state(batch->pages[i]) == QUIRE_PAGE_SHMEM)
			continue;
		qr_page_set(batch->pages[i], QR_PAGE_DIRTY);
		qr_swap_adopt(batch->system, batch->pages[i], batch->io[i].slot);
	}
}

/* --- 2: mappings ------------------------------------------------------------------------------------------------ */

static void unmap(struct batch *batch, unsigned i)
{
	struct qr_page *page = batch->pages[i];

	if (qr_page_state(page) == QUIRE_PAGE_SHMEM) {
		bool free = qr_sweep_page(&batch->sweep, page, QR_SWEEP_ZAP, 0);

		if (free) {
			qr_shmem_leave(batch->system, page, batch->io[i].slot);
			batch->stage[i] = UNMAPPED;
		} else {
			qr_slot_untake(batch->system, batch->io[i].slot);
			batch->stage[i] = STAYS;
		}
		return;
	}
	if (qr_sweep_page(&batch->sweep, page, QR_SWEEP_SWAP, batch->io[i].slot)) {
		batch->stage[i] = UNMAPPED;
		return;
	}
	/* Where no mapping became an entry the slot is not needed. */
	batch->stage[i] = STAYS;
	(void)qr_swap_free_slot(batch->system, page);
}

/* --- 3: writing -------------------------------------------------------------------------------------------------- */

/* The page leaves memory, or is unlocked and the caller's. */
static void finish(struct batch *batch, unsigned i)
{
	struct qr_page *page = batch->pages[i];

	if (qr_page_test(page, QR_PAGE_SWAPCACHE) && qr_swap_forget(batch->system, page)) {
		batch->stage[i] = LEFT;
		batch->pages[i] = NULL;
		return;
	}
	batch->stage[i] = SETTLED;
	qr_swap_unlock(batch->system, page);
}

static void say_failing(struct quire_system *system, struct qr_area *area)
{
	static const char first[] = "quire: swap: a page could not be written; it stays in memory";
	static const char last[] = "quire: swap: no page can be written any more; the store takes no more";
	uint32_t failing = __atomic_add_fetch(&area->failing, 1, __ATOMIC_RELAXED);
	uint32_t told = __atomic_load_n(&area->told, __ATOMIC_RELAXED), now;

	now = failing >= QR_AREA_FAILING ? 2 : 1;
	if (told >= now || !system->host->log ||
	    !__atomic_compare_exchange_n(&area->told, &told, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	system->host->log(system->host_context, now == 2 ? last : first);
}

/* What became of one transfer. WRITEBACK keeps the page's slot until here. */
static void written(struct batch *batch, struct qr_area *area, unsigned i)
{
	struct quire_system *system = batch->system;
	struct qr_page *page = batch->pages[i];

	if (batch->io[i].status == QUIRE_OK) {
		__atomic_store_n(&area->failing, 0, __ATOMIC_RELAXED);
		qr_event(qr_this_cpu(system), QUIRE_EVENT_PSWPOUT);
	} else {
		qr_page_set(page, QR_PAGE_DIRTY);
		qr_slot_retire(system, qr_swap_value(page));
		__atomic_fetch_add(&area->write_errors, 1, __ATOMIC_RELAXED);
		say_failing(system, area);
	}
	qr_swap_end_write(system, page);
	if (qr_page_trylock(system, page)) {
		finish(batch, i);
		return;
	}
	batch->stage[i] = SETTLED;
	qr_swap_collect(system, page);
}

/* Brings pages from `first` on together that are written to one area. Returns the end of them. */
static unsigned gather_area(struct batch *batch, unsigned first, unsigned number)
{
	unsigned end = first;

	for (unsigned i = first; i < batch->count; i++) {
		if (batch->stage[i] == WRITING && qr_swap_number(batch->io[i].slot) == number)
			swap_places(batch, i, end++);
	}
	return end;
}

/* Writes pages [first, end), which one area has slots for. Those that are to fail in a test come behind the others. */
static void write_area(struct batch *batch, struct qr_area *area, unsigned first, unsigned end)
{
	const struct quire_store *store = area->store;
	unsigned sent = first;

	for (unsigned i = first; i < end; i++) {
		struct quire_store_page *io = &batch->io[i];

		io->slot = qr_swap_offset(io->slot);
		io->pfn = qr_page_pfn(batch->system, batch->pages[i]);
		io->status = qr_inject(batch->system, QUIRE_RES_WRITE) ? QUIRE_EIO : QUIRE_OK;
		if (io->status == QUIRE_OK)
			swap_places(batch, i, sent++);
	}
	if (sent > first)
		store->ops->put_batch(store->context, &batch->io[first], sent - first);
	for (unsigned i = first; i < end; i++)
		written(batch, area, i);
}

/* Writes what is to be written, an area at a time, in the order of the slots. */
static void write_all(struct batch *batch)
{
	unsigned first = 0;

	for (unsigned number = 0; number < QUIRE_SWAP_AREAS; number++) {
		unsigned end = gather_area(batch, first, number);

		if (end > first)
			write_area(batch, &batch->system->swap->area[number], first, end);
		first = end;
	}
}

/* A page without mappings: DIRTY goes, WRITEBACK comes, and the PAGE lock is let go, or it is clean. */
static void begin_write(struct batch *batch, unsigned i)
{
	struct qr_page *page = batch->pages[i];

	if (!(qr_page_clear_bits(page, QR_PAGE_DIRTY) & QR_PAGE_DIRTY)) {
		finish(batch, i);
		return;
	}
	qr_page_set(page, QR_PAGE_WRITEBACK);
	batch->stage[i] = WRITING;
	qr_page_unlock(batch->system, page);
}

/* --- the batch ---------------------------------------------------------------------------------------------------- */

static void tell_stores(struct quire_system *system)
{
	for (unsigned i = 0; system->swap && i < QUIRE_SWAP_AREAS; i++) {
		struct qr_area *area = qr_area_get(system, (uint64_t)i << 1);

		if (!area)
			continue;
		qr_swap_tell(system, area, false);
		qr_area_changed(system, area);
		qr_area_put(system, area);
	}
}

/* Not inlined: what is told to the stores afterwards needs no room beside the batch. */
static __attribute__((noinline)) unsigned evict_batch(struct quire_system *system, const struct qr_pt *held,
						      struct qr_page **pages, unsigned count)
{
	struct batch batch;
	unsigned left = 0;

	batch.system = system;
	batch.pages = pages;
	batch.count = count;
	qr_sweep_begin(&batch.sweep, system, held);
	for (unsigned i = 0; i < count; i++) {
		if (!drop_lazy(&batch, i))
			batch.stage[i] = (uint8_t)reuse_slot(&batch, i);
	}
	qr_sweep_end(&batch.sweep);
	give_slots(&batch);
	for (unsigned i = 0; i < count; i++) {
		if (batch.stage[i] == SLOT)
			unmap(&batch, i);
	}
	/* The CPUs have forgotten them: what is in the frames now is what the programs wrote last. */
	qr_sweep_end(&batch.sweep);
	for (unsigned i = 0; i < count; i++) {
		if (batch.stage[i] == UNMAPPED)
			begin_write(&batch, i);
		else if (batch.stage[i] == STAYS)
			finish(&batch, i);
	}
	write_all(&batch);
	for (unsigned i = 0; i < count; i++)
		left += batch.stage[i] == LEFT;
	return left;
}

unsigned qr_swap_out(struct quire_system *system, const struct qr_pt *held, struct qr_page **pages,
		     unsigned count)
{
	unsigned left;

	qr_assert_contract(system, count <= QUIRE_STORE_BATCH);
	left = evict_batch(system, held, pages, count);
	tell_stores(system);
	return left;
}
