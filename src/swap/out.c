/* SPDX-License-Identifier: MIT */
/* Out of memory: a batch of pages becomes slots.
 *
 *   1 each page gets a slot, neighbours neighbouring ones, or has one already
 *   2 its mappings become swap entries (sweep.c); shared memory leaves its file (shmem.c)
 *   3 what is dirty, or was never written, is written with WRITEBACK and without the PAGE lock: who touches such
 *     a page maps it again
 *   4 what is clean, unmapped and nobody else's leaves memory
 *
 * A LAZYFREE page that was not written since goes without a slot. */
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
	uint64_t value[QUIRE_STORE_BATCH];
	uint8_t stage[QUIRE_STORE_BATCH];
	bool shmem[QUIRE_STORE_BATCH];
};

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
	batch->value[i] = qr_swap_value(page);
	return qr_slot_is_retired(batch->system, batch->value[i]) ? STAYS : SLOT;
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

/* The slots that `count` pages were given, to each. A page that had none before is dirty: the slot is empty. */
static void give_slots(struct batch *batch)
{
	struct qr_page *fresh[QUIRE_STORE_BATCH];
	uint64_t value[QUIRE_STORE_BATCH];
	unsigned at[QUIRE_STORE_BATCH], wanted = 0, given;

	for (unsigned i = 0; i < batch->count; i++) {
		if (batch->stage[i] == STAYS && wants_slot(batch->pages[i]) &&
		    (!qr_page_test(batch->pages[i], QR_PAGE_CHARGED) ||
		     qr_group_charge_swap(batch->system, batch->pages[i]))) {
			at[wanted] = i;
			fresh[wanted++] = batch->pages[i];
		}
	}
	given = wanted ? qr_slots_take(batch->system, fresh, value, wanted) : 0;
	for (unsigned n = given; n < wanted; n++) {
		if (qr_page_test(fresh[n], QR_PAGE_CHARGED))
			qr_group_uncharge_swap(batch->system, fresh[n]->group);
	}
	for (unsigned n = 0; n < given; n++) {
		unsigned i = at[n];

		batch->value[i] = value[n];
		batch->stage[i] = SLOT;
		batch->shmem[i] = qr_page_state(batch->pages[i]) == QUIRE_PAGE_SHMEM;
		if (batch->shmem[i])
			continue;
		qr_page_set(batch->pages[i], QR_PAGE_DIRTY);
		qr_swap_adopt(batch->system, batch->pages[i], value[n]);
	}
}

/* --- 2: mappings ------------------------------------------------------------------------------------------------ */

static void unmap(struct batch *batch, unsigned i)
{
	struct qr_page *page = batch->pages[i];

	if (batch->shmem[i]) {
		bool free = qr_sweep_page(&batch->sweep, page, QR_SWEEP_ZAP, 0);

		if (free) {
			qr_shmem_leave(batch->system, page, batch->value[i]);
			batch->stage[i] = UNMAPPED;
		} else {
			qr_slot_untake(batch->system, batch->value[i]);
			batch->stage[i] = STAYS;
		}
		return;
	}
	if (qr_sweep_page(&batch->sweep, page, QR_SWEEP_SWAP, batch->value[i])) {
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

/* What became of one transfer. */
static void written(struct batch *batch, unsigned i, enum quire_status status)
{
	struct quire_system *system = batch->system;
	struct qr_page *page = batch->pages[i];
	struct qr_area *area = qr_area_of(system, batch->value[i]);

	if (status == QUIRE_OK) {
		__atomic_store_n(&area->failing, 0, __ATOMIC_RELAXED);
		qr_event(qr_this_cpu(system), QUIRE_EVENT_PSWPOUT);
	} else {
		qr_page_set(page, QR_PAGE_DIRTY);
		qr_slot_retire(system, batch->value[i]);
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

/* Writes pages [from, from + count) of `which`, all of one area. */
static void write_some(struct batch *batch, const unsigned *which, unsigned count)
{
	struct quire_system *system = batch->system;
	const struct quire_store *store = qr_area_of(system, batch->value[which[0]])->store;
	struct quire_store_page io[QUIRE_STORE_BATCH];
	enum quire_status status[QUIRE_STORE_BATCH];
	unsigned place[QUIRE_STORE_BATCH], sent = 0;

	for (unsigned n = 0; n < count; n++) {
		status[n] = qr_inject(system, QUIRE_RES_WRITE) ? QUIRE_EIO : QUIRE_OK;
		if (status[n] != QUIRE_OK)
			continue;
		place[sent] = n;
		io[sent++] = (struct quire_store_page){
		    .slot = qr_swap_offset(batch->value[which[n]]),
		    .pfn = qr_page_pfn(system, batch->pages[which[n]]),
		};
	}
	if (sent)
		store->ops->put_batch(store->context, io, sent);
	for (unsigned n = 0; n < sent; n++)
		status[place[n]] = io[n].status;
	for (unsigned n = 0; n < count; n++)
		written(batch, which[n], status[n]);
}

/* Writes what is to be written, area by area: which[i] in the order of the batch, so of the slots. */
static void write_all(struct batch *batch)
{
	unsigned which[QUIRE_STORE_BATCH];

	for (unsigned number = 0; number < QUIRE_SWAP_AREAS; number++) {
		unsigned count = 0;

		for (unsigned i = 0; i < batch->count; i++) {
			if (batch->stage[i] == WRITING && qr_swap_number(batch->value[i]) == number)
				which[count++] = i;
		}
		if (count)
			write_some(batch, which, count);
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

unsigned qr_swap_out(struct quire_system *system, const struct qr_pt *held, struct qr_page **pages,
		     unsigned count)
{
	struct batch batch = {.system = system, .pages = pages, .count = count};
	unsigned left = 0;

	qr_assert_contract(system, count <= QUIRE_STORE_BATCH);
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
	tell_stores(system);
	return left;
}
