/* SPDX-License-Identifier: MIT */
/* Into memory: a slot is read, and with it neighbours that will be wanted soon.
 *
 * Each page enters the swap cache LOCKED and without UPTODATE before it is read. Others that want it meanwhile find
 * it there and sleep for its lock. A read that fails takes the page out again, and the slot remembers.
 *
 * Which neighbours: on a store that seeks, the used slots of an aligned window around the slot; else what the
 * caller names, the entries beside the faulting one. Before 4.14 the window is always whole; later it halves when
 * read-ahead was for nothing, and doubles when it was not. */
#include "swap/swap.h"

#include "page/group.h"

struct reading {
	struct quire_system *system;
	unsigned count;
	struct qr_page *page[QUIRE_STORE_BATCH];
	struct qr_area *area[QUIRE_STORE_BATCH]; /* each kept */
	uint64_t value[QUIRE_STORE_BATCH];
};

/* A new page for the slot, LOCKED, in the cache; its reference is the reading's.
 * Returns as qr_swap_enter(); QUIRE_ENOMEM. */
static enum quire_status add(struct reading *reading, struct qr_area *area, uint64_t value, uint32_t flags,
			     struct qr_page **out_other)
{
	struct quire_system *system = reading->system;
	struct qr_page *page = qr_frame_alloc(system, 0, 0, QUIRE_PAGE_ANON);
	enum quire_status status;
	uint32_t age;

	*out_other = NULL;
	if (!page)
		return QUIRE_ENOMEM;
	/* A refused page of read-ahead is not asked for again. */
	if (qr_has_groups(system) && !qr_slot_charge_back(system, area, value, page, flags != 0)) {
		qr_page_put(system, page);
		return QUIRE_ENOMEM;
	}
	/* Nobody knows it: at once. */
	(void)qr_page_trylock(system, page);
	if (flags)
		qr_page_set(page, flags);
	status = qr_swap_enter(system, area, value, page, out_other, &age);
	if (status != QUIRE_OK) {
		qr_page_unlock(system, page);
		qr_page_put(system, page);
		return status;
	}
	/* Nobody maps it before somebody wants it. */
	system->reclaim_hooks->came(system, page, flags ? 0 : qr_swap_mark(system, age));
	reading->area[reading->count] = area;
	reading->value[reading->count] = value;
	reading->page[reading->count++] = page;
	return QUIRE_OK;
}

/* --- read-ahead ------------------------------------------------------------------------------------------------- */

static void add_near(struct reading *reading, uint64_t value)
{
	struct qr_area *area = qr_area_get(reading->system, value);
	struct qr_page *other = NULL;

	if (!area)
		return;
	if (reading->count < QUIRE_STORE_BATCH &&
	    add(reading, area, value, QR_PAGE_READAHEAD, &other) == QUIRE_OK) {
		qr_event(qr_this_cpu(reading->system), QUIRE_EVENT_SWAP_RA);
		return;
	}
	if (other)
		qr_page_put(reading->system, other);
	qr_area_put(reading->system, area);
}

unsigned qr_swap_window(struct quire_system *system, uint64_t value)
{
	struct qr_swap *swap = system->swap;
	uint64_t offset = qr_swap_offset(value);
	uint32_t now = __atomic_load_n(&swap->window, __ATOMIC_RELAXED);
	uint32_t hits = __atomic_exchange_n(&swap->hits, 0, __ATOMIC_RELAXED);
	uint32_t last = __atomic_exchange_n(&swap->last, (uint32_t)offset, __ATOMIC_RELAXED);

	if (system->profile->release < QUIRE_LINUX_4_14)
		return QR_SWAP_WINDOW;
	if (hits * 2 >= now)
		now *= 2;
	else if (hits == 0 && offset != last + UINT64_C(1) && offset + 1 != last)
		now /= 2;
	now = (uint32_t)qr_max(1, qr_min(now, QR_SWAP_WINDOW));
	__atomic_store_n(&swap->window, now, __ATOMIC_RELAXED);
	return now;
}

static void add_slots(struct reading *reading, const struct qr_area *area, uint64_t value)
{
	uint64_t offset = qr_swap_offset(value), size = qr_swap_window(reading->system, value);
	uint64_t first = offset & ~(size - 1), end = qr_min(first + size, area->slots);

	for (uint64_t at = first; at < end; at++) {
		if (at != offset)
			add_near(reading, at << QR_SWAP_VALUE_BITS | (uint64_t)area->number << 1);
	}
}

void qr_swap_hit(struct quire_system *system, struct qr_page *page)
{
	if (!qr_page_test(page, QR_PAGE_READAHEAD) ||
	    !(qr_page_clear_bits(page, QR_PAGE_READAHEAD) & QR_PAGE_READAHEAD))
		return;
	__atomic_fetch_add(&system->swap->hits, 1, __ATOMIC_RELAXED);
	qr_event(qr_this_cpu(system), QUIRE_EVENT_SWAP_RA_HIT);
}

/* --- the transfer ----------------------------------------------------------------------------------------------- */

/* The page is what the slot has, or gone from it. */
static void arrived(struct reading *reading, unsigned i, enum quire_status status)
{
	struct quire_system *system = reading->system;
	struct qr_page *page = reading->page[i];

	if (status == QUIRE_OK) {
		qr_page_set(page, QR_PAGE_UPTODATE);
		qr_event(qr_this_cpu(system), QUIRE_EVENT_PSWPIN);
	} else {
		qr_swap_read_failed(system, page);
	}
	qr_swap_unlock(system, page);
}

/* Reads what lies in one area. */
static void read_area(struct reading *reading, const struct qr_area *area, enum quire_status *status)
{
	struct quire_system *system = reading->system;
	struct quire_store_page io[QUIRE_STORE_BATCH];
	unsigned place[QUIRE_STORE_BATCH], sent = 0;

	for (unsigned i = 0; i < reading->count; i++) {
		if (reading->area[i] != area)
			continue;
		status[i] = qr_inject(system, QUIRE_RES_READ) ? QUIRE_EIO : QUIRE_OK;
		if (status[i] != QUIRE_OK)
			continue;
		place[sent] = i;
		io[sent++] = (struct quire_store_page){.slot = qr_swap_offset(reading->value[i]),
						       .pfn = qr_page_pfn(system, reading->page[i])};
	}
	if (sent)
		area->store->ops->get_batch(area->store->context, io, sent);
	for (unsigned n = 0; n < sent; n++)
		status[place[n]] = io[n].status;
}

/* Reads everything. Returns what became of the first. */
static enum quire_status transfer(struct reading *reading)
{
	enum quire_status status[QUIRE_STORE_BATCH] = {QUIRE_OK};
	uint8_t done[QUIRE_SWAP_AREAS] = {0};

	for (unsigned i = 0; i < reading->count; i++) {
		if (done[reading->area[i]->number]++ == 0)
			read_area(reading, reading->area[i], status);
	}
	for (unsigned i = 0; i < reading->count; i++)
		arrived(reading, i, status[i]);
	return status[0];
}

void qr_swap_ahead(struct quire_system *system, const struct qr_swap_near *near)
{
	struct reading reading = {.system = system};

	for (unsigned i = 0; i < near->count; i++)
		add_near(&reading, near->value[i]);
	(void)transfer(&reading);
	for (unsigned i = 0; i < reading.count; i++) {
		qr_page_put(system, reading.page[i]);
		qr_area_put(system, reading.area[i]);
	}
}

enum quire_status qr_swap_in(struct quire_system *system, struct qr_area *area, uint64_t value,
			     const struct qr_swap_near *near, struct qr_page **out_page, bool *out_read)
{
	struct reading reading = {.system = system};
	struct qr_page *other;
	enum quire_status status;

	*out_read = false;
	status = add(&reading, area, value, 0, &other);
	if (status == QUIRE_EEXIST) {
		*out_page = other;
		return QUIRE_OK;
	}
	if (status != QUIRE_OK)
		return status;
	if (area->store->flags & QUIRE_STORE_SEEKS || system->profile->release < QUIRE_LINUX_4_14)
		add_slots(&reading, area, value);
	else
		for (unsigned i = 0; near && i < near->count; i++)
			add_near(&reading, near->value[i]);
	status = transfer(&reading);
	/* The first page's reference is the caller's. */
	for (unsigned i = 1; i < reading.count; i++) {
		qr_page_put(system, reading.page[i]);
		qr_area_put(system, reading.area[i]);
	}
	if (status != QUIRE_OK) {
		qr_page_put(system, reading.page[0]);
		return QUIRE_EIO;
	}
	*out_page = reading.page[0];
	*out_read = true;
	return QUIRE_OK;
}
