/* SPDX-License-Identifier: MIT */
/* Frames: the CPU lists over the buddy allocator, states and their counts, poison.
 *
 *   alloc, order 0    CPU list ─► (empty) a batch from the zone ─► (empty) what other CPUs hold
 *   free, order 0     CPU list ─► (full) a batch to the zone
 *   orders above      the zone
 *
 * Tables take the same two ways, which 2.4 had for them alone: get_pte_fast, get_pte_slow.
 *
 * Nothing that the host could be called from lies between qr_cpu_try() and qr_cpu_end(). */
#include "page/frames.h"

#include "page/buddy.h"
#include "page/group.h"

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

static void count_state(struct quire_system *system, enum quire_page_state state, int64_t by)
{
	struct qr_cpu *cpu = qr_this_cpu(system);

	if (!qr_cpu_try(cpu)) {
		__atomic_fetch_add(&system->states[state], (uint64_t)by, __ATOMIC_RELAXED);
		return;
	}
	qr_count_by(&cpu->states[state], (uintptr_t)by);
	qr_cpu_end(cpu);
}

uint64_t qr_frames_in_state(const struct quire_system *system, enum quire_page_state state)
{
	/* A CPU's part may be negative, and wrap: only the sum means something, and is right in a word. */
	uintptr_t sum = (uintptr_t)__atomic_load_n(&system->states[state], __ATOMIC_RELAXED);

	for (unsigned i = 0; i < system->cpus; i++) {
		const struct qr_cpu *cpu = &system->cpu[i];

		sum += __atomic_load_n(&cpu->states[state], __ATOMIC_RELAXED);
		for (unsigned zone = 0; state == QUIRE_PAGE_CPU && zone < QR_ZONES; zone++)
			sum += __atomic_load_n(&cpu->frames[zone].count, __ATOMIC_RELAXED);
	}
	for (unsigned zone = 0; state == QUIRE_PAGE_FREE && zone < QR_ZONES; zone++)
		sum += (uintptr_t)__atomic_load_n(&system->zone[zone].free, __ATOMIC_RELAXED);
	return (intptr_t)sum > 0 ? sum : 0;
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

/* --- the CPU's list, while it is held ---------------------------------------------------------------- */

static void set_count(struct qr_frame_cache *list, uint32_t count)
{
	__atomic_store_n(&list->count, count, __ATOMIC_RELAXED);
}

/* Puts a frame on the list. Returns whether the list is full: then the caller spills it before it releases
 * it. */
QR_INLINE bool push(struct qr_cpu *cpu, struct qr_page *page)
{
	struct qr_frame_cache *list = &cpu->frames[page->zone];
	uint32_t count = list->count;

	list->slot[count] = page;
	set_count(list, count + 1);
	return count + 1 == QR_FRAME_CACHE_LIMIT;
}

/* Whether a batch is one whole aligned block: frames that were allocated together often are. */
static bool is_block(struct qr_page *const *pages)
{
	uint64_t differ = 0;

	for (unsigned i = 1; i < QR_FRAME_CACHE_BATCH; i++)
		differ |= pages[i]->pfn ^ pages[0]->pfn;
	return differ < QR_FRAME_CACHE_BATCH;
}

/* Where in a full list a whole block starts; 0, the oldest frames, when there is none. */
static unsigned find_block(struct qr_page *const *slot)
{
	for (unsigned at = 0; at <= QR_FRAME_CACHE_LIMIT - QR_FRAME_CACHE_BATCH; at++) {
		unsigned place = (unsigned)slot[at]->pfn & (QR_FRAME_CACHE_BATCH - 1);

		if ((place == 0 || place == QR_FRAME_CACHE_BATCH - 1) && is_block(slot + at))
			return at;
	}
	return 0;
}

/* Takes a batch from a full list: a block that the zone takes in one piece, or the oldest frames, whose
 * content is least likely to be in the CPU's cache. */
static void spill(struct qr_frame_cache *list, struct qr_page *out[QR_FRAME_CACHE_BATCH])
{
	unsigned first = find_block(list->slot);

	for (unsigned i = 0; i < QR_FRAME_CACHE_BATCH; i++)
		out[i] = list->slot[first + i];
	for (unsigned i = first + QR_FRAME_CACHE_BATCH; i < QR_FRAME_CACHE_LIMIT; i++)
		list->slot[i - QR_FRAME_CACHE_BATCH] = list->slot[i];
	set_count(list, QR_FRAME_CACHE_LIMIT - QR_FRAME_CACHE_BATCH);
}

/* --- allocation ---------------------------------------------------------------------------------------- */

/* Initializes a block for its first owner; no other CPU can reach it yet. */
QR_INLINE void hand_out(struct qr_page *page, uint32_t flags)
{
	page->u.cache.file = NULL;
	page->u.cache.index = 0;
	__atomic_store_n(&page->flags, flags, __ATOMIC_RELAXED);
	__atomic_store_n(&page->ref, 1, __ATOMIC_RELEASE);
}

/* Gives frames of one zone back to it. */
static void give(struct quire_system *system, struct qr_page *const *pages, unsigned count)
{
	struct qr_zone *zone;

	if (count == 0)
		return;
	zone = &system->zone[pages[0]->zone];
	qr_lock(system, &zone->lock, QR_RANK_ZONE);
	if (count == QR_FRAME_CACHE_BATCH && is_block(pages)) {
		struct qr_page *first = pages[0] - (pages[0]->pfn & (QR_FRAME_CACHE_BATCH - 1));

		qr_buddy_give(system, zone, first, QR_FRAME_CACHE_ORDER);
		count = 0;
	}
	for (unsigned i = 0; i < count; i++)
		qr_buddy_give(system, zone, pages[i], 0);
	qr_unlock(system, &zone->lock, QR_RANK_ZONE);
}

/* Whether a block smaller than a batch is free. => ZONE held */
static bool has_pieces(const struct qr_zone *zone)
{
	for (unsigned order = 0; order < QR_FRAME_CACHE_ORDER; order++) {
		if (!qr_list_empty(&zone->head[order]))
			return true;
	}
	return false;
}

/* A batch as one block. => ZONE held */
static struct qr_page *take_batch(struct quire_system *system, struct qr_zone *zone)
{
	struct qr_page *page = qr_buddy_take(system, zone, QR_FRAME_CACHE_ORDER, 0);

	if (page)
		__atomic_store_n(&page->flags, (page->flags & QR_PAGE_POISONED) | QUIRE_PAGE_CPU,
				 __ATOMIC_RELAXED);
	return page;
}

/* Takes up to a batch of single frames from the zone, from split blocks first. No block is split to fill a
 * batch up: else every batch would begin with pieces. Returns how many. */
static unsigned take_frames(struct quire_system *system, struct qr_zone *zone, unsigned flags,
			    struct qr_page *batch[QR_FRAME_CACHE_BATCH])
{
	struct qr_page *block = NULL;
	unsigned count = 0;

	qr_lock(system, &zone->lock, QR_RANK_ZONE);
	if (!has_pieces(zone))
		block = take_batch(system, zone);
	for (; block && count < QR_FRAME_CACHE_BATCH; count++)
		batch[count] = block + count;
	while (count == 0 || (count < QR_FRAME_CACHE_BATCH && has_pieces(zone))) {
		/* Only the frame that was asked for may come from the reserve. */
		batch[count] = qr_buddy_take(system, zone, 0, count == 0 ? flags : 0);
		if (!batch[count])
			break;
		count++;
	}
	qr_unlock(system, &zone->lock, QR_RANK_ZONE);
	return count;
}

/* Wakes background reclaim where few frames are left. Once a batch: a fault asks no more often. */
static void wake_reclaim(struct quire_system *system)
{
	uint64_t free = 0;

	for (unsigned zone = 0; zone < QR_ZONES; zone++)
		free += __atomic_load_n(&system->zone[zone].free, __ATOMIC_RELAXED);
	if (qr_likely(free >= system->reclaim.low) ||
	    __atomic_exchange_n(&system->reclaim.wanted, 1, __ATOMIC_RELAXED) != 0)
		return;
	qr_wake(system, &system->reclaim.wanted);
}

/* A batch from the zone: the first frame for the caller, the others for the CPU's list. */
static struct qr_page *refill(struct quire_system *system, enum qr_zone_id id, unsigned flags,
			      enum quire_page_state state)
{
	struct qr_page *batch[QR_FRAME_CACHE_BATCH];
	unsigned count = take_frames(system, &system->zone[id], flags, batch), left = count;
	struct qr_cpu *cpu;

	wake_reclaim(system);
	if (count == 0)
		return NULL;
	count_state(system, state, 1);

	/* Another thread of this CPU may have filled the list meanwhile. */
	cpu = qr_this_cpu(system);
	if (qr_cpu_try(cpu)) {
		struct qr_frame_cache *list = &cpu->frames[id];
		uint32_t have = list->count;

		/* Last in, first out: the next allocation gets the second of the batch. */
		while (left > 1 && have < QR_FRAME_CACHE_LIMIT - 1)
			list->slot[have++] = batch[--left];
		set_count(list, have);
		qr_cpu_end(cpu);
	}
	give(system, batch + 1, left - 1);
	return batch[0];
}

/* Returns the frames in the lists of all CPUs to their zone: no others are left. */
static bool gather(struct quire_system *system, enum qr_zone_id zone)
{
	bool any = false;

	for (unsigned i = 0; i < system->cpus; i++) {
		struct qr_cpu *cpu = &system->cpu[i];
		struct qr_page *list[QR_FRAME_CACHE_LIMIT];
		uint32_t count;

		if (!qr_cpu_try(cpu))
			continue;
		count = cpu->frames[zone].count;
		for (uint32_t at = 0; at < count; at++)
			list[at] = cpu->frames[zone].slot[at];
		set_count(&cpu->frames[zone], 0);
		qr_cpu_end(cpu);
		any |= count > 0;
		give(system, list, count);
	}
	return any;
}

static struct qr_page *take_block(struct quire_system *system, enum qr_zone_id id, unsigned order,
				  unsigned flags, enum quire_page_state state)
{
	struct qr_zone *zone = &system->zone[id];
	struct qr_page *page;

	qr_lock(system, &zone->lock, QR_RANK_ZONE);
	page = qr_buddy_take(system, zone, order, flags);
	qr_unlock(system, &zone->lock, QR_RANK_ZONE);
	if (!page)
		return NULL;
	for (size_t i = 1; i < (size_t)1 << order; i++) {
		uint32_t kept = page[i].flags & QR_PAGE_POISONED;

		__atomic_store_n(&page[i].flags, kept | state, __ATOMIC_RELAXED);
	}
	count_state(system, state, (int64_t)1 << order);
	return page;
}

static struct qr_page *take_once(struct quire_system *system, enum qr_zone_id zone, unsigned order,
				 unsigned flags, enum quire_page_state state)
{
	return order == 0 ? refill(system, zone, flags, state)
			  : take_block(system, zone, order, flags, state);
}

static struct qr_page *take_from(struct quire_system *system, enum qr_zone_id zone, unsigned order,
				 unsigned flags, enum quire_page_state state)
{
	struct qr_page *page = take_once(system, zone, order, flags, state);

	if (!page && gather(system, zone))
		page = take_once(system, zone, order, flags, state);
	return page;
}

/* From the CPU's list; NULL: it is empty, or busy. */
QR_INLINE struct qr_page *take_cached(struct qr_cpu *cpu, unsigned zone, enum quire_page_state state)
{
	struct qr_frame_cache *list = &cpu->frames[zone];
	struct qr_page *page;
	uint32_t count;

	if (qr_unlikely(!qr_cpu_try(cpu)))
		return NULL;
	count = list->count;
	if (qr_unlikely(count == 0)) {
		qr_cpu_end(cpu);
		return NULL;
	}
	page = list->slot[count - 1];
	set_count(list, count - 1);
	qr_count_by(&cpu->states[state], 1);
	qr_cpu_end(cpu);
	return page;
}

/* Clears a frame unless it is known to be zero. */
static void blank(struct quire_system *system, struct qr_cpu *cpu, struct qr_page *page, unsigned flags)
{
	if (qr_page_test(page, QR_PAGE_ZEROED))
		return;
	if (flags & QR_FRAME_BLANK)
		memset(qr_page_linear(system, page), 0, (size_t)qr_page_bytes(system));
	else
		qr_page_zero_on(system, cpu, page);
}

/* Checks the poison, clears what is to be zero, and sets the flags of a block. */
QR_RARE static struct qr_page *prepare(struct quire_system *system, struct qr_page *page, unsigned order,
				       unsigned flags, enum quire_page_state state)
{
	for (size_t i = 0; QUIRE_CONFIG_CHECK >= 2 && i < (size_t)1 << order; i++)
		poison_check(system, page + i);
	for (size_t i = 0; (flags & (QUIRE_FRAME_ZERO | QR_FRAME_BLANK)) && i < (size_t)1 << order; i++)
		blank(system, qr_this_cpu(system), page + i, flags);
	hand_out(page, (uint32_t)state | order << QR_PAGE_ORDER_SHIFT | (order > 0 ? QR_PAGE_HEAD : 0));
	return page;
}

static struct qr_page *take_anywhere(struct quire_system *system, unsigned order, unsigned flags,
				     enum quire_page_state state)
{
	struct qr_page *page = NULL;

	if (!(flags & QUIRE_FRAME_LINEAR) && system->data_zone == QR_ZONE_HIGH)
		page = take_from(system, QR_ZONE_HIGH, order, flags, state);
	if (!page && order == 0 && system->data_zone == QR_ZONE_HIGH)
		page = take_cached(qr_this_cpu(system), QR_ZONE_LINEAR, state);
	if (!page)
		page = take_from(system, QR_ZONE_LINEAR, order, flags, state);
	return page;
}

QR_RARE static struct qr_page *alloc_slow(struct quire_system *system, unsigned order, unsigned flags,
					  enum quire_page_state state)
{
	struct qr_page *page = take_anywhere(system, order, flags, state);

	/* A frame now, so that more become free. */
	if (!page && qr_reclaims(system))
		page = take_anywhere(system, order, flags | QUIRE_FRAME_RESERVE, state);
	if (qr_unlikely(!page)) {
		__atomic_fetch_add(&system->reclaim.starved, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	return prepare(system, page, order, flags, state);
}

QR_INLINE struct qr_page *alloc_one(struct quire_system *system, struct qr_cpu *cpu, unsigned flags,
				    enum quire_page_state state)
{
	struct qr_page *page;

	if (qr_inject(system, QUIRE_RES_FRAME))
		return NULL;
	page = take_cached(cpu, flags & QUIRE_FRAME_LINEAR ? QR_ZONE_LINEAR : system->data_zone, state);
	if (qr_unlikely(!page))
		return alloc_slow(system, 0, flags, state);
	if (QUIRE_CONFIG_CHECK >= 2)
		return prepare(system, page, 0, flags, state);
	if (flags & (QUIRE_FRAME_ZERO | QR_FRAME_BLANK))
		blank(system, cpu, page, flags);
	hand_out(page, (uint32_t)state);
	return page;
}

struct qr_page *qr_frame_alloc_on(struct quire_system *system, struct qr_cpu *cpu, unsigned flags,
				  enum quire_page_state state)
{
	return alloc_one(system, cpu, flags, state);
}

/* The same where the CPU's list does not do. `page`: what it gave, or NULL. */
QR_RARE static struct qr_page *paid_slow(struct quire_system *system, struct qr_page *page, unsigned flags,
					 struct qr_group_slot *payer)
{
	page = page ? prepare(system, page, 0, flags, QUIRE_PAGE_ANON)
		    : alloc_slow(system, 0, flags, QUIRE_PAGE_ANON);
	if (page)
		qr_group_mark(payer, page);
	else
		qr_group_untake(payer);
	return page;
}

/* The same where the stock was empty. */
QR_RARE static struct qr_page *paid_refill(struct quire_system *system, struct qr_cpu *cpu, unsigned flags,
					   struct qr_group_slot *payer)
{
	if (!qr_group_refill(payer, false))
		return NULL;
	return paid_slow(system, take_cached(cpu, system->data_zone, QUIRE_PAGE_ANON), flags, payer);
}

struct qr_page *qr_frame_alloc_paid(struct quire_system *system, struct qr_cpu *cpu, unsigned flags,
				    struct qr_group_slot *const *payer)
{
	struct qr_group_slot *slot = *payer;
	struct qr_page *page;

	if (qr_inject(system, QUIRE_RES_FRAME))
		return NULL;
	if (qr_unlikely(!qr_group_try(slot)))
		return paid_refill(system, cpu, flags, slot);
	page = take_cached(cpu, system->data_zone, QUIRE_PAGE_ANON);
	if (qr_unlikely(!page) || QUIRE_CONFIG_CHECK >= 2)
		return paid_slow(system, page, flags, slot);
	page->group = slot->id;
	if (flags & QUIRE_FRAME_ZERO)
		blank(system, cpu, page, flags);
	hand_out(page, QUIRE_PAGE_ANON | QR_PAGE_CHARGED);
	return page;
}

struct qr_page *qr_frame_alloc(struct quire_system *system, unsigned order, unsigned flags,
			       enum quire_page_state state)
{
	if (qr_likely(order == 0))
		return alloc_one(system, qr_this_cpu(system), flags, state);
	return qr_inject(system, QUIRE_RES_FRAME) ? NULL : alloc_slow(system, order, flags, state);
}

/* --- freeing ---------------------------------------------------------------------------------------------
 */

/* Asserts what must hold of a frame without users. Returns its flags. */
QR_INLINE uint32_t check_unused(const struct quire_system *system, const struct qr_page *page)
{
	uint32_t flags = __atomic_load_n(&page->flags, __ATOMIC_RELAXED);

	qr_assert(system, (flags & QR_PAGE_STATE_MASK) > QUIRE_PAGE_CPU && page->rmap == 0);
	qr_assert_contract(system, __atomic_load_n(&page->ref, __ATOMIC_RELAXED) <= 1);
	return flags;
}

QR_RARE static void free_block(struct quire_system *system, struct qr_page *page, unsigned order)
{
	struct qr_zone *zone = &system->zone[page->zone];

	__atomic_store_n(&page->ref, 0, __ATOMIC_RELAXED);
	count_state(system, qr_page_state(page), -((int64_t)1 << order));
	qr_lock(system, &zone->lock, QR_RANK_ZONE);
	qr_buddy_give(system, zone, page, order);
	qr_unlock(system, &zone->lock, QR_RANK_ZONE);
}

/* Releases a full list after its older half was taken out. */
QR_RARE static void end_full(struct quire_system *system, struct qr_cpu *cpu, unsigned zone)
{
	struct qr_page *old[QR_FRAME_CACHE_BATCH];

	spill(&cpu->frames[zone], old);
	qr_cpu_end(cpu);
	give(system, old, QR_FRAME_CACHE_BATCH);
}

/* On a list of reclaim, or charged to a group. */
QR_RARE static void free_marked(struct quire_system *system, const struct qr_cpu *cpu, struct qr_page *page)
{
	if (qr_page_test(page, QR_PAGE_LRU))
		system->reclaim_hooks->freed(system, page);
	if (qr_page_test(page, QR_PAGE_CHARGED))
		qr_group_uncharge(system, cpu, page);
}

void qr_frame_free(struct quire_system *system, struct qr_page *page, unsigned order)
{
	uint32_t flags = check_unused(system, page);
	struct qr_cpu *cpu;

	qr_assert_contract(system, order < QR_ORDERS && qr_page_order(page) == order);
	for (size_t i = 0; QUIRE_CONFIG_CHECK >= 2 && i < (size_t)1 << order; i++)
		poison(system, page + i);
	cpu = qr_this_cpu(system);
	if (qr_unlikely(flags & (QR_PAGE_LRU | QR_PAGE_CHARGED)))
		free_marked(system, cpu, page);
	if (qr_unlikely(order > 0) || qr_unlikely(!qr_cpu_try(cpu))) {
		free_block(system, page, order);
		return;
	}
	qr_count_by(&cpu->states[flags & QR_PAGE_STATE_MASK], (uintptr_t)-1);
	__atomic_store_n(&page->ref, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&page->flags,
			 QUIRE_PAGE_CPU |
			     (QUIRE_CONFIG_CHECK >= 2 ? QR_PAGE_POISONED : flags & QR_PAGE_ZEROED),
			 __ATOMIC_RELAXED);
	if (qr_unlikely(push(cpu, page)))
		end_full(system, cpu, page->zone);
	else
		qr_cpu_end(cpu);
}

/* Puts pages up to the first that fills the list, which is held. Returns how many it did; *out_full:
 * whether the list is full of frames of the last one's zone. */
static unsigned put_held(struct quire_system *system, struct qr_cpu *cpu, struct qr_page *const *pages,
			 unsigned count, bool *out_full)
{
	unsigned at = 0;

	*out_full = false;
	while (at < count && !*out_full) {
		struct qr_page *page = pages[at];
		uint32_t flags;

		if (__atomic_fetch_sub(&page->ref, 1, __ATOMIC_ACQ_REL) == 1) {
			flags = check_unused(system, page);
			/* qr_page_put() frees blocks, and pages on a list of reclaim. */
			if (qr_unlikely(flags & (QR_PAGE_HEAD | QR_PAGE_LRU | QR_PAGE_CHARGED))) {
				if (flags & (QR_PAGE_HEAD | QR_PAGE_LRU)) {
					__atomic_store_n(&page->ref, 1, __ATOMIC_RELAXED);
					break;
				}
				qr_group_uncharge(system, cpu, page);
			}
			qr_count_by(&cpu->states[flags & QR_PAGE_STATE_MASK], (uintptr_t)-1);
			__atomic_store_n(&page->flags, QUIRE_PAGE_CPU, __ATOMIC_RELAXED);
			*out_full = push(cpu, page);
		}
		at++;
	}
	return at;
}

void qr_page_put_many(struct quire_system *system, struct qr_page *const *pages, unsigned count)
{
	unsigned at = 0;

	while (at < count) {
		struct qr_cpu *cpu = qr_this_cpu(system);
		bool full;

		/* Poisoning may map a window: not while the list is held. */
		if (QUIRE_CONFIG_CHECK < 2 && qr_cpu_try(cpu)) {
			at += put_held(system, cpu, pages + at, count - at, &full);
			if (full)
				end_full(system, cpu, pages[at - 1]->zone);
			else
				qr_cpu_end(cpu);
			if (full)
				continue;
		}
		if (at < count)
			qr_page_put(system, pages[at++]);
	}
}

void qr_frames_drain(struct quire_system *system)
{
	for (unsigned zone = 0; zone < QR_ZONES; zone++)
		gather(system, (enum qr_zone_id)zone);
}
