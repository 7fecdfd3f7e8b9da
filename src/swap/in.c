/* SPDX-License-Identifier: MIT */
/* Into memory: a slot is read, and with it neighbours that will be wanted soon.
 *
 * Each page enters the swap cache LOCKED and without UPTODATE before it is read. Others that want it meanwhile find
 * it there and sleep for its lock. A read that fails takes the page out again, and the slot remembers.
 *
 * Which neighbours: on a store that seeks, and of shared memory, the used slots of an aligned window around the slot;
 * else what the caller names, the entries on the side of the faulting one that the program goes to. Before 4.14 the
 * window is always whole; later it shrinks, by half at most, when read-ahead was for nothing, and grows again when it
 * was not or reads follow one another. */
#include "swap/swap.h"

#include "page/group.h"

/* On the stack of a fault: what the store is given names the pages, and nothing else does. */
struct reading {
	struct quire_system *system;
	unsigned count;
	/* slot: the value, as entries hold it; the store's own number during the transfer. Its area is kept. */
	struct quire_store_page io[QUIRE_STORE_BATCH];
};

static struct qr_page *page_at(const struct reading *reading, unsigned i)
{
	return qr_page_of(reading->system, reading->io[i].pfn);
}

/* A new page for the slot, LOCKED, in the cache; its reference is the reading's.
 * *out_page: it, or with QUIRE_EEXIST the other. Returns as qr_swap_enter(); QUIRE_ENOMEM. */
static enum quire_status add(struct reading *reading, struct qr_area *area, uint64_t value, uint32_t flags,
			     struct qr_page **out_page)
{
	struct quire_system *system = reading->system;
	struct qr_page *page = qr_frame_alloc(system, 0, 0, QUIRE_PAGE_ANON);
	enum quire_status status;
	uint32_t age;

	*out_page = NULL;
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
	status = qr_swap_enter(system, area, value, page, out_page, &age);
	if (status != QUIRE_OK) {
		qr_page_unlock(system, page);
		qr_page_put(system, page);
		return status;
	}
	/* Nobody maps it before somebody wants it. One that read-ahead brings comes back as well, once it is used: windows
	 * then stay and go as a whole. */
	system->reclaim_hooks->came(system, page, qr_swap_mark(system, age));
	reading->io[reading->count++] =
	    (struct quire_store_page){.slot = value, .pfn = qr_page_pfn(system, page)};
	*out_page = page;
	return QUIRE_OK;
}

/* --- read-ahead ------------------------------------------------------------------------------------------------- */

static void add_near(struct reading *reading, uint64_t value)
{
	struct qr_area *area = qr_area_get(reading->system, value);
	struct qr_page *page = NULL;

	if (!area)
		return;
	if (reading->count < QUIRE_STORE_BATCH &&
	    add(reading, area, value, QR_PAGE_READAHEAD, &page) == QUIRE_OK) {
		qr_event(qr_this_cpu(reading->system), QUIRE_EVENT_SWAP_RA);
		return;
	}
	/* Another brings it, or has. */
	if (page)
		qr_page_put(reading->system, page);
	qr_area_put(reading->system, area);
}

unsigned qr_swap_window(const struct quire_system *system, struct qr_ahead *ahead, uint64_t place,
			int *out_step)
{
	uint32_t now = __atomic_load_n(&ahead->window, __ATOMIC_RELAXED);
	/* The pages of one read may be wanted in two places: half of what was used before counts as well. */
	uint32_t hits = __atomic_exchange_n(&ahead->hits, 0, __ATOMIC_RELAXED) +
			__atomic_load_n(&ahead->hits_before, __ATOMIC_RELAXED);
	uint32_t step =
	    (uint32_t)place - __atomic_exchange_n(&ahead->last, (uint32_t)place, __ATOMIC_RELAXED);
	uint32_t wanted = 1;

	__atomic_store_n(&ahead->hits_before, hits / 2, __ATOMIC_RELAXED);
	*out_step = step == 1 ? 1 : step == UINT32_MAX ? -1 : 0;
	if (system->profile->release < QUIRE_LINUX_4_14)
		return QR_SWAP_WINDOW;
	/* A neighbour of the last is a beginning; what was used tells how much more would be. */
	while (wanted < QR_SWAP_WINDOW && wanted < hits + (hits || *out_step ? 2 : 1))
		wanted *= 2;
	wanted = (uint32_t)qr_max(wanted, now / 2);
	__atomic_store_n(&ahead->window, wanted, __ATOMIC_RELAXED);
	return wanted;
}

static void add_slots(struct reading *reading, const struct qr_area *area, uint64_t value)
{
	int step;
	uint64_t offset = qr_swap_offset(value);
	uint64_t size = qr_swap_window(reading->system, &reading->system->swap->ahead, offset, &step);
	uint64_t first = offset & ~(size - 1), end = qr_min(first + size, area->slots);

	for (uint64_t at = first; at < end; at++) {
		if (at != offset)
			add_near(reading, at << QR_SWAP_VALUE_BITS | (uint64_t)area->number << 1);
	}
}

void qr_swap_hit(struct quire_system *system, struct qr_page *page, struct qr_ahead *ahead, uint64_t place)
{
	if (!qr_page_test(page, QR_PAGE_READAHEAD) ||
	    !(qr_page_clear_bits(page, QR_PAGE_READAHEAD) & QR_PAGE_READAHEAD))
		return;
	__atomic_fetch_add(&ahead->hits, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&ahead->last, (uint32_t)place, __ATOMIC_RELAXED);
	qr_event(qr_this_cpu(system), QUIRE_EVENT_SWAP_RA_HIT);
}

/* --- the transfer ----------------------------------------------------------------------------------------------- */

/* The page is what the slot has, or gone from it. */
static void arrived(struct reading *reading, unsigned i)
{
	struct quire_system *system = reading->system;
	struct qr_page *page = page_at(reading, i);

	if (reading->io[i].status == QUIRE_OK) {
		qr_page_set(page, QR_PAGE_UPTODATE);
		qr_event(qr_this_cpu(system), QUIRE_EVENT_PSWPIN);
	} else {
		qr_swap_read_failed(system, page);
	}
	qr_swap_unlock(system, page);
}

static void swap_places(struct reading *reading, unsigned a, unsigned b)
{
	struct quire_store_page io = reading->io[a];

	reading->io[a] = reading->io[b];
	reading->io[b] = io;
}

/* Brings what lies in the same area as page `first` behind it. Returns the end. */
static unsigned gather(struct reading *reading, unsigned first)
{
	unsigned number = qr_swap_number(reading->io[first].slot), end = first;

	for (unsigned i = first; i < reading->count; i++) {
		if (qr_swap_number(reading->io[i].slot) == number)
			swap_places(reading, i, end++);
	}
	return end;
}

/* Reads pages [first, end), which lie in one area. Those that are to fail in a test come behind the others. */
static void read_area(struct reading *reading, unsigned first, unsigned end)
{
	uint64_t value = reading->io[first].slot;
	const struct quire_store *store = qr_area_of(reading->system, value)->store;
	unsigned sent = first;

	for (unsigned i = first; i < end; i++) {
		struct quire_store_page *io = &reading->io[i];

		io->slot = qr_swap_offset(io->slot);
		io->status = qr_inject(reading->system, QUIRE_RES_READ) ? QUIRE_EIO : QUIRE_OK;
		if (io->status == QUIRE_OK)
			swap_places(reading, i, sent++);
	}
	if (sent > first)
		store->ops->get_batch(store->context, &reading->io[first], sent - first);
	/* Which slots they were is of no interest any more, only the area is. */
	for (unsigned i = first; i < end; i++)
		reading->io[i].slot = value;
}

/* Reads everything. Returns what became of `wanted`; NULL: QUIRE_OK. */
static enum quire_status transfer(struct reading *reading, const struct qr_page *wanted)
{
	enum quire_status status = QUIRE_OK;

	for (unsigned first = 0, end; first < reading->count; first = end) {
		end = gather(reading, first);
		read_area(reading, first, end);
	}
	for (unsigned i = 0; i < reading->count; i++) {
		if (page_at(reading, i) == wanted)
			status = reading->io[i].status;
		arrived(reading, i);
	}
	return status;
}

/* Puts what read-ahead holds: every page but `wanted`, and their areas. */
static void let_go(struct reading *reading, const struct qr_page *wanted)
{
	for (unsigned i = 0; i < reading->count; i++) {
		struct qr_page *page = page_at(reading, i);

		if (page == wanted)
			continue;
		qr_page_put(reading->system, page);
		qr_area_put(reading->system, qr_area_of(reading->system, reading->io[i].slot));
	}
}

/* --- what others call -------------------------------------------------------------------------------------------- */

void qr_swap_ahead(struct quire_system *system, const struct qr_swap_near *near)
{
	struct reading reading;

	reading.system = system;
	reading.count = 0;
	for (unsigned i = 0; i < near->count; i++)
		add_near(&reading, near->value[i]);
	(void)transfer(&reading, NULL);
	let_go(&reading, NULL);
}

enum quire_status qr_swap_in(struct quire_system *system, struct qr_area *area, uint64_t value,
			     const struct qr_swap_near *near, struct qr_page **out_page, bool *out_read)
{
	struct reading reading;
	struct qr_page *page;
	enum quire_status status;

	*out_read = false;
	reading.system = system;
	reading.count = 0;
	status = add(&reading, area, value, 0, &page);
	if (status == QUIRE_EEXIST) {
		*out_page = page;
		return QUIRE_OK;
	}
	if (status != QUIRE_OK)
		return status;
	if (!near || area->store->flags & QUIRE_STORE_SEEKS || system->profile->release < QUIRE_LINUX_4_14)
		add_slots(&reading, area, value);
	else
		for (unsigned i = 0; i < near->count; i++)
			add_near(&reading, near->value[i]);
	status = transfer(&reading, page);
	let_go(&reading, page);
	if (status != QUIRE_OK) {
		qr_page_put(system, page);
		return QUIRE_EIO;
	}
	*out_page = page;
	*out_read = true;
	return QUIRE_OK;
}
