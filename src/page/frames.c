/* SPDX-License-Identifier: MIT */
/* Frames: the CPU lists over the buddy allocator, states and their counts, poison.
 *
 *   alloc, order 0    CPU list ─► (empty) a batch from the zone ─► (empty) what other CPUs hold
 *   free, order 0     CPU list ─► (full) a batch to the zone
 *   orders above      the zone
 *
 * Nothing that the host could be called from lies between qr_cpu_try() and qr_cpu_end(). */
#include "page/buddy.h"

#define POISON 0x6b

/* --- poison: a write to a free frame is found when it is allocated -------------------------------- */

static void poison(struct quire_system *system, struct qr_page *page)
{
	void *at = qr_page_map(system, page);

	memset(at, POISON, (size_t)qr_page_bytes(system));
	qr_page_unmap(system, page, at);
	__atomic_store_n(&page->flags, page->flags | QR_PAGE_POISONED, __ATOMIC_RELAXED);
}

static void poison_check(struct quire_system *system, struct qr_page *page)
{
	const uint64_t *word;
	void *at;

	if (!qr_page_test(page, QR_PAGE_POISONED))
		return;
	word = at = qr_page_map(system, page);
	for (uint64_t i = 0; i < qr_page_bytes(system) / sizeof(*word); i++) {
		if (word[i] != UINT64_C(0x0101010101010101) * POISON)
			qr_panic(system, "a frame was written after it was freed");
	}
	qr_page_unmap(system, page, at);
	__atomic_store_n(&page->flags, page->flags & ~(uint32_t)QR_PAGE_POISONED, __ATOMIC_RELAXED);
}

/* --- states ------------------------------------------------------------------------------------------ */

static void count_states(qr_atomic64 *counter, int64_t by)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + (uint64_t)by, __ATOMIC_RELAXED);
}

static void count_state(struct quire_system *system, enum quire_page_state state, int64_t by)
{
	struct qr_cpu *cpu = qr_this_cpu(system);

	if (!qr_cpu_try(cpu)) {
		__atomic_fetch_add(&system->states[state], (uint64_t)by, __ATOMIC_RELAXED);
		return;
	}
	count_states(&cpu->states[state], by);
	qr_cpu_end(cpu);
}

uint64_t qr_frames_in_state(const struct quire_system *system, enum quire_page_state state)
{
	/* A CPU's part may be negative: only the sum means something. */
	uint64_t sum = __atomic_load_n(&system->states[state], __ATOMIC_RELAXED);

	for (unsigned i = 0; i < system->cpus; i++) {
		const struct qr_cpu *cpu = &system->cpu[i];

		sum += __atomic_load_n(&cpu->states[state], __ATOMIC_RELAXED);
		for (unsigned zone = 0; state == QUIRE_PAGE_CPU && zone < QR_ZONES; zone++)
			sum += __atomic_load_n(&cpu->frames.count[zone], __ATOMIC_RELAXED);
	}
	for (unsigned zone = 0; state == QUIRE_PAGE_FREE && zone < QR_ZONES; zone++)
		sum += __atomic_load_n(&system->zone[zone].free, __ATOMIC_RELAXED);
	return (int64_t)sum > 0 ? sum : 0;
}

uint64_t qr_frames_free(const struct quire_system *system)
{
	return qr_frames_in_state(system, QUIRE_PAGE_FREE) + qr_frames_in_state(system, QUIRE_PAGE_CPU);
}

void qr_page_set_state(struct quire_system *system, struct qr_page *page, enum quire_page_state state)
{
	uint32_t flags = __atomic_load_n(&page->flags, __ATOMIC_RELAXED);

	while (!__atomic_compare_exchange_n(&page->flags, &flags, (flags & ~QR_PAGE_STATE_MASK) | state, true,
	                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	count_state(system, (enum quire_page_state)(flags & QR_PAGE_STATE_MASK), -1);
	count_state(system, state, 1);
}

/* --- allocation ---------------------------------------------------------------------------------------- */

/* Makes the first of a block, whose frames nobody knows, the caller's. */
static void hand_out(struct qr_page *page, enum quire_page_state state)
{
	page->u.cache.file = NULL;
	page->u.cache.index = 0;
	__atomic_store_n(&page->flags, (page->flags & (QR_PAGE_POISONED | QR_PAGE_HEAD |
	                                               0xfu << QR_PAGE_ORDER_SHIFT)) | state, __ATOMIC_RELAXED);
	__atomic_store_n(&page->ref, 1, __ATOMIC_RELEASE);
}

static void push(struct qr_cpu *cpu, struct qr_page *page)
{
	page->link.next = (struct qr_list *)(void *)cpu->frames.head[page->zone];
	cpu->frames.head[page->zone] = page;
	__atomic_store_n(&cpu->frames.count[page->zone], cpu->frames.count[page->zone] + 1, __ATOMIC_RELAXED);
}

static struct qr_page *next_free(const struct qr_page *page)
{
	return (struct qr_page *)(void *)page->link.next;
}

/* From the CPU list; NULL: it is empty, or busy. */
static struct qr_page *take_cached(struct quire_system *system, enum qr_zone_id zone,
                                   enum quire_page_state state)
{
	struct qr_cpu *cpu = qr_this_cpu(system);
	struct qr_page *page;

	if (qr_unlikely(!qr_cpu_try(cpu)))
		return NULL;
	page = cpu->frames.head[zone];
	if (qr_likely(page != NULL)) {
		cpu->frames.head[zone] = next_free(page);
		__atomic_store_n(&cpu->frames.count[zone], cpu->frames.count[zone] - 1, __ATOMIC_RELAXED);
		count_states(&cpu->states[state], 1);
	}
	qr_cpu_end(cpu);
	return page;
}

/* Gives `page` and those linked behind it, all of one zone, back to it. */
static void give_list(struct quire_system *system, struct qr_page *page)
{
	struct qr_zone *zone;

	if (!page)
		return;
	zone = &system->zone[page->zone];
	qr_spin(system, &zone->lock, QR_RANK_ZONE);
	while (page) {
		struct qr_page *next = next_free(page);

		qr_buddy_give(system, zone, page, 0);
		page = next;
	}
	qr_spin_end(system, &zone->lock, QR_RANK_ZONE);
}

/* A batch from the zone: the first frame for the caller, the others for the CPU's list. */
static struct qr_page *refill(struct quire_system *system, enum qr_zone_id id, unsigned flags,
                              enum quire_page_state state)
{
	struct qr_zone *zone = &system->zone[id];
	struct qr_page *first = NULL, *last = NULL;
	struct qr_cpu *cpu;

	qr_spin(system, &zone->lock, QR_RANK_ZONE);
	for (unsigned i = 0; i < QR_FRAME_CACHE_BATCH; i++) {
		struct qr_page *page = qr_buddy_take(system, zone, 0, i == 0 ? flags : 0);

		if (!page)
			break;
		page->link.next = NULL;
		if (last)
			last->link.next = (struct qr_list *)(void *)page;
		else
			first = page;
		last = page;
	}
	qr_spin_end(system, &zone->lock, QR_RANK_ZONE);
	if (!first)
		return NULL;
	count_state(system, state, 1);

	struct qr_page *rest = next_free(first);

	cpu = qr_this_cpu(system);
	if (!rest)
		return first;
	if (!qr_cpu_try(cpu)) {
		give_list(system, rest);
		return first;
	}
	/* Another thread of this CPU may have filled the list meanwhile: it may grow over its limit once. */
	while (rest) {
		struct qr_page *next = next_free(rest);

		push(cpu, rest);
		rest = next;
	}
	qr_cpu_end(cpu);
	return first;
}

/* Frames in the lists of all CPUs go back to their zone: they are the last ones. */
static bool gather(struct quire_system *system, enum qr_zone_id zone)
{
	bool any = false;

	for (unsigned i = 0; i < system->cpus; i++) {
		struct qr_cpu *cpu = &system->cpu[i];
		struct qr_page *list;

		if (!qr_cpu_try(cpu))
			continue;
		list = cpu->frames.head[zone];
		cpu->frames.head[zone] = NULL;
		__atomic_store_n(&cpu->frames.count[zone], 0, __ATOMIC_RELAXED);
		qr_cpu_end(cpu);
		any |= list != NULL;
		give_list(system, list);
	}
	return any;
}

static struct qr_page *take_block(struct quire_system *system, enum qr_zone_id id, unsigned order,
                                  unsigned flags, enum quire_page_state state)
{
	struct qr_zone *zone = &system->zone[id];
	struct qr_page *page;

	qr_spin(system, &zone->lock, QR_RANK_ZONE);
	page = qr_buddy_take(system, zone, order, flags);
	qr_spin_end(system, &zone->lock, QR_RANK_ZONE);
	if (!page)
		return NULL;
	for (size_t i = 1; i < (size_t)1 << order; i++) {
		uint32_t kept = page[i].flags & QR_PAGE_POISONED;

		__atomic_store_n(&page[i].flags, kept | state, __ATOMIC_RELAXED);
	}
	count_state(system, state, (int64_t)1 << order);
	return page;
}

static struct qr_page *take_from(struct quire_system *system, enum qr_zone_id zone, unsigned order,
                                 unsigned flags, enum quire_page_state state)
{
	struct qr_page *page;

	if (order > 0) {
		page = take_block(system, zone, order, flags, state);
		if (!page && gather(system, zone))
			page = take_block(system, zone, order, flags, state);
		return page;
	}
	page = refill(system, zone, flags, state);
	if (!page && gather(system, zone))
		page = refill(system, zone, flags, state);
	return page;
}

static struct qr_page *alloc_slow(struct quire_system *system, unsigned order, unsigned flags,
                                  enum quire_page_state state)
{
	struct qr_page *page = NULL;

	if (!(flags & QUIRE_FRAME_LINEAR) && system->zone[QR_ZONE_HIGH].frames > 0)
		page = take_from(system, QR_ZONE_HIGH, order, flags, state);
	if (!page && order == 0)
		page = take_cached(system, QR_ZONE_LINEAR, state);
	return page ? page : take_from(system, QR_ZONE_LINEAR, order, flags, state);
}

struct qr_page *qr_frame_alloc(struct quire_system *system, unsigned order, unsigned flags,
                               enum quire_page_state state)
{
	struct qr_page *page = NULL;

	if (qr_inject(system, QUIRE_RES_FRAME))
		return NULL;
	if (order == 0) {
		bool high = !(flags & QUIRE_FRAME_LINEAR) && system->zone[QR_ZONE_HIGH].frames > 0;

		page = take_cached(system, high ? QR_ZONE_HIGH : QR_ZONE_LINEAR, state);
	}
	if (qr_unlikely(!page)) {
		page = alloc_slow(system, order, flags, state);
		if (!page)
			return NULL;
	}
	for (size_t i = 0; QUIRE_CONFIG_CHECK >= 2 && i < (size_t)1 << order; i++)
		poison_check(system, page + i);
	for (size_t i = 0; (flags & QUIRE_FRAME_ZERO) && i < (size_t)1 << order; i++)
		qr_page_zero(system, page + i);
	hand_out(page, state);
	return page;
}

/* --- freeing --------------------------------------------------------------------------------------------- */

/* What must hold of a frame that nobody uses any more. */
static void forget(struct quire_system *system, struct qr_page *page, unsigned order)
{
	qr_assert(system, __atomic_load_n(&page->ref, __ATOMIC_RELAXED) <= 1 && page->rmap == 0);
	qr_assert(system, qr_page_state(page) > QUIRE_PAGE_CPU);
	for (size_t i = 0; QUIRE_CONFIG_CHECK >= 2 && i < (size_t)1 << order; i++)
		poison(system, page + i);
	__atomic_store_n(&page->ref, 0, __ATOMIC_RELAXED);
}

/* To the CPU's list, which is held. */
static void release(struct qr_cpu *cpu, struct qr_page *page)
{
	uint32_t flags = page->flags;

	count_states(&cpu->states[flags & QR_PAGE_STATE_MASK], -1);
	__atomic_store_n(&page->flags, (flags & QR_PAGE_POISONED) | QUIRE_PAGE_CPU, __ATOMIC_RELAXED);
	push(cpu, page);
}

/* What the list, which is held, has too much: to be given to the zone after it. */
static struct qr_page *surplus(struct qr_cpu *cpu, unsigned zone)
{
	struct qr_page *first = cpu->frames.head[zone], *last = first;

	if (qr_likely(cpu->frames.count[zone] <= 2 * QR_FRAME_CACHE_BATCH))
		return NULL;
	for (unsigned i = 1; i < QR_FRAME_CACHE_BATCH; i++)
		last = next_free(last);
	cpu->frames.head[zone] = next_free(last);
	last->link.next = NULL;
	__atomic_store_n(&cpu->frames.count[zone], cpu->frames.count[zone] - QR_FRAME_CACHE_BATCH,
	                 __ATOMIC_RELAXED);
	return first;
}

static void free_block(struct quire_system *system, struct qr_page *page, unsigned order)
{
	struct qr_zone *zone = &system->zone[page->zone];

	count_state(system, qr_page_state(page), -((int64_t)1 << order));
	qr_spin(system, &zone->lock, QR_RANK_ZONE);
	qr_buddy_give(system, zone, page, order);
	qr_spin_end(system, &zone->lock, QR_RANK_ZONE);
}

void qr_frame_free(struct quire_system *system, struct qr_page *page, unsigned order)
{
	struct qr_cpu *cpu;
	struct qr_page *list;

	qr_assert_contract(system, order < QR_ORDERS && qr_page_order(page) == order);
	forget(system, page, order);
	cpu = qr_this_cpu(system);
	if (order > 0 || qr_unlikely(!qr_cpu_try(cpu))) {
		free_block(system, page, order);
		return;
	}
	release(cpu, page);
	list = surplus(cpu, page->zone);
	qr_cpu_end(cpu);
	if (qr_unlikely(list != NULL))
		give_list(system, list);
}

/* Everything that the list, which is held, has too much of a zone. */
static struct qr_page *surplus_all(struct qr_cpu *cpu, unsigned zone)
{
	struct qr_page *all = NULL, *batch;

	while ((batch = surplus(cpu, zone)) != NULL) {
		struct qr_page *last = batch;

		while (next_free(last))
			last = next_free(last);
		last->link.next = (struct qr_list *)(void *)all;
		all = batch;
	}
	return all;
}

void qr_page_put_many(struct quire_system *system, struct qr_page *const *pages, unsigned count)
{
	struct qr_page *list[QR_ZONES];
	struct qr_page *blocks = NULL;
	struct qr_cpu *cpu = qr_this_cpu(system);

	/* Poisoning may map a window: not while the list is held. */
	if (QUIRE_CONFIG_CHECK >= 2 || !qr_cpu_try(cpu)) {
		for (unsigned i = 0; i < count; i++)
			qr_page_put(system, pages[i]);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		struct qr_page *page = pages[i];

		if (__atomic_fetch_sub(&page->ref, 1, __ATOMIC_ACQ_REL) != 1)
			continue;
		if (qr_unlikely(qr_page_order(page) > 0)) {
			page->link.next = (struct qr_list *)(void *)blocks;
			blocks = page;
			continue;
		}
		forget(system, page, 0);
		release(cpu, page);
	}
	for (unsigned zone = 0; zone < QR_ZONES; zone++)
		list[zone] = surplus_all(cpu, zone);
	qr_cpu_end(cpu);
	for (unsigned zone = 0; zone < QR_ZONES; zone++)
		give_list(system, list[zone]);
	while (blocks) {
		struct qr_page *next = next_free(blocks);

		qr_frame_free(system, blocks, qr_page_order(blocks));
		blocks = next;
	}
}

void qr_frames_drain(struct quire_system *system)
{
	for (unsigned zone = 0; zone < QR_ZONES; zone++)
		gather(system, (enum qr_zone_id)zone);
}
