/* SPDX-License-Identifier: MIT */
/* Slots: taken in clusters, counted by entries, given back.
 *
 * A CPU fills one cluster after the other, so what it evicts together lies together. A cluster that has become
 * free goes to a list; when the list is empty any cluster with a free slot will do. */
#include "swap/swap.h"

#include "page/group.h"

/* --- clusters ----------------------------------------------------------------------------------------------- */

static bool can_take(const struct qr_slot *slot)
{
	return (slot->word & ~QR_SLOT_STALE) == 0;
}

/* The next free cluster of the list, plus 1; 0: none. */
static uint32_t pop_cluster(struct quire_system *system, struct qr_area *area)
{
	uint32_t found;

	qr_lock(system, &area->lock, QR_RANK_AREA);
	found = area->free_cluster;
	if (found) {
		struct qr_cluster *cluster = qr_paged_at(&area->cluster, found - 1);

		area->free_cluster = cluster->link;
		cluster->listed = 0;
	}
	qr_unlock(system, &area->lock, QR_RANK_AREA);
	return found;
}

/* => SWAP held, every slot can be taken */
static void push_cluster(struct quire_system *system, struct qr_area *area, struct qr_cluster *cluster,
			 uint64_t number)
{
	qr_lock(system, &area->lock, QR_RANK_AREA);
	if (!cluster->listed) {
		cluster->link = area->free_cluster;
		cluster->listed = 1;
		area->free_cluster = (uint32_t)number + 1;
	}
	qr_unlock(system, &area->lock, QR_RANK_AREA);
}

/* A cluster with a free slot, plus 1; 0: none. */
static uint32_t find_cluster(struct quire_system *system, struct qr_area *area)
{
	uint32_t found = pop_cluster(system, area);
	uint32_t rotor;

	if (found ||
	    __atomic_load_n(&area->used, __ATOMIC_RELAXED) + __atomic_load_n(&area->dead, __ATOMIC_RELAXED) >=
		area->slots)
		return found;
	rotor = __atomic_load_n(&area->rotor, __ATOMIC_RELAXED);
	for (uint64_t i = 0; i < area->clusters; i++) {
		uint64_t number = (rotor + i) % area->clusters;
		const struct qr_cluster *cluster = qr_paged_at(&area->cluster, number);

		if (__atomic_load_n(&cluster->free, __ATOMIC_RELAXED) == 0)
			continue;
		__atomic_store_n(&area->rotor, (uint32_t)number, __ATOMIC_RELAXED);
		return (uint32_t)number + 1;
	}
	return 0;
}

/* A free slot of the cluster, from where the last one was. => SWAP held, one is free */
static uint64_t next_free(const struct qr_area *area, struct qr_cluster *cluster, uint64_t number)
{
	uint64_t first = number * QR_CLUSTER_SLOTS;
	uint64_t slots = qr_min(area->slots - first, QR_CLUSTER_SLOTS);
	uint64_t at = cluster->next % slots;

	while (!can_take(qr_slot_at(area, first + at)))
		at = (at + 1) % slots;
	cluster->next = (uint16_t)(at + 1);
	return first + at;
}

/* One slot for `page`. => SWAP held, one is free */
static uint64_t take_slot(const struct quire_system *system, struct qr_area *area, struct qr_cluster *cluster,
			  uint64_t number, const struct qr_page *page)
{
	uint64_t offset = next_free(area, cluster, number);
	struct qr_slot *slot = qr_slot_at(area, offset);

	if (slot->word & QR_SLOT_STALE)
		__atomic_fetch_sub(&area->stale, 1, __ATOMIC_RELAXED);
	slot->word = QR_SLOT_CACHED;
	slot->what = qr_swap_page_index(system, page);
	if (qr_has_groups(system))
		*qr_payer_at(area, offset) = qr_page_test(page, QR_PAGE_CHARGED) ? page->group : 0;
	__atomic_store_n(&cluster->free, (uint16_t)(cluster->free - 1), __ATOMIC_RELAXED);
	__atomic_fetch_add(&area->used, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&area->cached, 1, __ATOMIC_RELAXED);
	return offset << QR_SWAP_VALUE_BITS | (uint64_t)area->number << 1;
}

/* Where the next window of read-ahead begins: there a batch begins, to come back in as few reads as it has windows. */
static uint16_t next_window(const struct qr_cluster *cluster)
{
	return (uint16_t)((cluster->next + QR_SWAP_WINDOW - 1) / QR_SWAP_WINDOW * QR_SWAP_WINDOW);
}

/* As many slots of one area as there are, in order. */
static unsigned take_from(struct quire_system *system, struct qr_area *area, struct qr_page *const *pages,
			  struct quire_store_page *out, unsigned count)
{
	uint32_t *current = &area->current[qr_this_cpu(system)->cpu];
	unsigned done = 0;

	while (done < count) {
		uint32_t number = __atomic_load_n(current, __ATOMIC_RELAXED);
		struct qr_cluster *cluster;

		if (!number)
			number = find_cluster(system, area);
		if (!number)
			break;
		cluster = qr_paged_at(&area->cluster, number - 1);
		qr_lock(system, &cluster->lock, QR_RANK_SWAP);
		if (done == 0 && count >= QR_SWAP_WINDOW)
			cluster->next = next_window(cluster);
		/* To its end: what was passed over is for later, when no cluster is free. */
		for (bool more = true; more && done < count && cluster->free > 0; done++) {
			out[done].slot = take_slot(system, area, cluster, number - 1, pages[done]);
			more = cluster->next < QR_CLUSTER_SLOTS;
		}
		if (cluster->free == 0 || next_window(cluster) >= QR_CLUSTER_SLOTS)
			number = 0;
		__atomic_store_n(current, number, __ATOMIC_RELAXED);
		qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	}
	return done;
}

static bool takes_pages(const struct qr_area *area)
{
	return __atomic_load_n(&area->state, __ATOMIC_SEQ_CST) == QR_AREA_ON &&
	       __atomic_load_n(&area->failing, __ATOMIC_RELAXED) < QR_AREA_FAILING;
}

/* The area that comes after those of `tried`: of the highest priority, equal ones in turn. NULL: none. */
static struct qr_area *next_area(struct qr_swap *swap, unsigned turn, unsigned tried)
{
	struct qr_area *best = NULL;

	for (unsigned i = 0; i < QUIRE_SWAP_AREAS; i++) {
		struct qr_area *area = &swap->area[(turn + i) % QUIRE_SWAP_AREAS];

		if (tried >> area->number & 1 || !takes_pages(area))
			continue;
		if (!best || area->priority > best->priority)
			best = area;
	}
	return best;
}

unsigned qr_slots_take(struct quire_system *system, struct qr_page *const *pages,
		       struct quire_store_page *out, unsigned count)
{
	struct qr_swap *swap = __atomic_load_n(&system->swap, __ATOMIC_ACQUIRE);
	unsigned done = 0, tried = 0, turn;
	struct qr_area *area;

	if (!swap)
		return 0;
	turn = __atomic_fetch_add(&swap->turn, 1, __ATOMIC_RELAXED);
	while (done < count && (area = next_area(swap, turn, tried)) != NULL) {
		tried |= 1u << area->number;
		/* Counted first and looked at second: swapoff stores first and counts second. */
		__atomic_fetch_add(&area->takers, 1, __ATOMIC_SEQ_CST);
		if (takes_pages(area))
			done += take_from(system, area, pages + done, out + done, count - done);
		if (__atomic_fetch_sub(&area->takers, 1, __ATOMIC_SEQ_CST) == 1 && !takes_pages(area))
			qr_wake(system, &area->takers);
	}
	return done;
}

bool qr_slot_charge_back(struct quire_system *system, struct qr_area *area, uint64_t value,
			 struct qr_page *page, bool quiet)
{
	uint64_t offset = qr_swap_offset(value);
	struct qr_cluster *cluster;
	bool done;

	cluster = qr_cluster_of(area, offset);
	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	done = qr_group_charge_back(system, *qr_payer_at(area, offset), page, quiet);
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	return done;
}

/* --- counts ----------------------------------------------------------------------------------------------- */

void qr_slot_release(struct quire_system *system, struct qr_area *area, uint64_t offset)
{
	struct qr_cluster *cluster = qr_cluster_of(area, offset);
	struct qr_slot *slot = qr_slot_at(area, offset);
	uint64_t number = offset / QR_CLUSTER_SLOTS;

	if (slot->word & (QR_SLOT_COUNT | QR_SLOT_CACHED))
		return;
	slot->what = 0;
	slot->word &= QR_SLOT_RETIRED;
	if (qr_has_groups(system)) {
		qr_group_uncharge_swap(system, *qr_payer_at(area, offset));
		*qr_payer_at(area, offset) = 0;
	}
	__atomic_fetch_sub(&area->used, 1, __ATOMIC_RELEASE);
	qr_area_changed(system, area);
	if (slot->word) {
		__atomic_fetch_add(&area->dead, 1, __ATOMIC_RELAXED);
		return;
	}
	if (area->store->ops->drop_batch) {
		slot->word = QR_SLOT_STALE;
		__atomic_fetch_add(&area->stale, 1, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&cluster->free, (uint16_t)(cluster->free + 1), __ATOMIC_RELAXED);
	if (cluster->free == QR_CLUSTER_SLOTS)
		push_cluster(system, area, cluster, number);
}

enum quire_status qr_swap_dup(struct quire_system *system, uint64_t value)
{
	struct qr_area *area;
	struct qr_cluster *cluster;
	struct qr_slot *slot;
	bool full;

	if (qr_swap_is_marker(value))
		return QUIRE_OK;
	area = qr_area_of(system, value);
	cluster = qr_cluster_of(area, qr_swap_offset(value));
	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	slot = qr_slot_at(area, qr_swap_offset(value));
	full = (slot->word & QR_SLOT_COUNT) == QR_SLOT_COUNT;
	qr_assert(system, slot->word & (QR_SLOT_COUNT | QR_SLOT_CACHED));
	if (!full)
		slot->word++;
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	return full ? QUIRE_ENOMEM : QUIRE_OK;
}

void qr_swap_put(struct quire_system *system, uint64_t value)
{
	uint64_t offset = qr_swap_offset(value);
	struct qr_page *page = NULL;
	struct qr_cluster *cluster;
	struct qr_slot *slot;
	struct qr_area *area;

	if (qr_swap_is_marker(value))
		return;
	area = qr_area_of(system, value);
	cluster = qr_cluster_of(area, offset);
	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	slot = qr_slot_at(area, offset);
	qr_assert(system, slot->word & QR_SLOT_COUNT);
	slot->word--;
	if ((slot->word & QR_SLOT_COUNT) == 0 && slot->word & QR_SLOT_CACHED) {
		page = qr_swap_page_at(system, slot->what);
		qr_page_get(page);
		qr_area_changed(system, area); /* its slot can be taken from it */
	}
	qr_slot_release(system, area, offset);
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	if (!page)
		return;
	qr_swap_collect(system, page);
	qr_page_put(system, page);
}

static uint32_t word_of(const struct quire_system *system, uint64_t value)
{
	const struct qr_area *area = qr_area_of(system, value);
	struct qr_cluster *cluster = qr_cluster_of(area, qr_swap_offset(value));
	uint32_t word;

	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	word = qr_slot_at(area, qr_swap_offset(value))->word;
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	return word;
}

uint32_t qr_swap_count(const struct quire_system *system, uint64_t value)
{
	return word_of(system, value) & QR_SLOT_COUNT;
}

bool qr_slot_is_retired(const struct quire_system *system, uint64_t value)
{
	return (word_of(system, value) & QR_SLOT_RETIRED) != 0;
}

void qr_slot_retire(struct quire_system *system, uint64_t value)
{
	struct qr_area *area = qr_area_of(system, value);
	struct qr_cluster *cluster = qr_cluster_of(area, qr_swap_offset(value));
	struct qr_slot *slot = qr_slot_at(area, qr_swap_offset(value));

	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	if (!(slot->word & QR_SLOT_RETIRED)) {
		slot->word |= QR_SLOT_RETIRED;
		__atomic_fetch_add(&area->retired, 1, __ATOMIC_RELAXED);
	}
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
}
