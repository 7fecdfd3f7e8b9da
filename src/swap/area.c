/* SPDX-License-Identifier: MIT */
/* Areas: stores attached, their memory, who still looks at them, what they hold. */
#include "swap/swap.h"

#include "page/commit.h"

/* --- arrays in frames ----------------------------------------------------------------------------------- */

static unsigned order_of(const struct quire_system *system, uint64_t bytes)
{
	unsigned order = 0;

	while (qr_page_bytes(system) << order < bytes)
		order++;
	return order;
}

static char *take_frames(struct quire_system *system, unsigned order)
{
	struct qr_page *page;

	if (order >= QR_ORDERS)
		return NULL;
	page = qr_frame_alloc(system, order, QUIRE_FRAME_LINEAR | QR_FRAME_BLANK, QUIRE_PAGE_OBJECT);
	return page ? qr_page_linear(system, page) : NULL;
}

static void give_frames(struct quire_system *system, const void *at)
{
	qr_page_put(system, qr_page_at(system, at));
}

static void paged_free(struct quire_system *system, struct qr_paged *array)
{
	if (!array->frame)
		return;
	for (uint64_t i = 0; i < array->frames && array->frame[i]; i++)
		give_frames(system, array->frame[i]);
	give_frames(system, array->frame);
	array->frame = NULL;
}

/* An array of zeroes of `count` elements of 1 << bytes_shift bytes. */
static enum quire_status paged_make(struct quire_system *system, struct qr_paged *array, uint64_t count,
				    unsigned bytes_shift)
{
	unsigned page_shift = qr_arch(system)->page_shift;

	array->bytes_shift = bytes_shift;
	array->per_shift = page_shift - bytes_shift;
	array->frames = (count + ((uint64_t)1 << array->per_shift) - 1) >> array->per_shift;
	array->order = order_of(system, array->frames * sizeof(char *));
	array->frame = (char **)(void *)take_frames(system, array->order);
	if (!array->frame)
		return QUIRE_ENOMEM;
	for (uint64_t i = 0; i < array->frames; i++) {
		array->frame[i] = take_frames(system, 0);
		if (!array->frame[i]) {
			paged_free(system, array);
			return QUIRE_ENOMEM;
		}
	}
	return QUIRE_OK;
}

/* --- attaching -------------------------------------------------------------------------------------------- */

_Static_assert(sizeof(struct qr_slot) == 8 && sizeof(struct qr_cluster) == 16, "the shifts below");

#define SLOT_SHIFT    3
#define CLUSTER_SHIFT 4
#define PAYER_SHIFT   2

/* Slots that entries of this architecture can name, and 32 bits can count. */
static uint64_t slots_of(const struct quire_system *system, const struct quire_store *store)
{
	uint64_t named = (uint64_t)1 << (qr_arch(system)->swap_bits - QR_SWAP_VALUE_BITS);

	/* A value fits a pointer, too: a file's index keeps it there. */
	named = qr_min(named, UINTPTR_MAX >> QR_SWAP_VALUE_BITS);
	return qr_min(qr_min(store->slots, named), UINT32_MAX - QR_CLUSTER_SLOTS);
}

/* Every cluster is free: the list begins with the first. */
static void fill_clusters(struct qr_area *area)
{
	for (uint64_t i = 0; i < area->clusters; i++) {
		struct qr_cluster *cluster = qr_paged_at(&area->cluster, i);
		uint64_t left = area->slots - i * QR_CLUSTER_SLOTS;

		cluster->free = (uint16_t)qr_min(left, QR_CLUSTER_SLOTS);
		cluster->link = i + 1 < area->clusters ? (uint32_t)i + 2 : 0;
		cluster->listed = 1;
	}
	area->free_cluster = 1;
}

static const struct qr_swap_hooks hooks = {
    .put = qr_swap_put,
    .dup = qr_swap_dup,
    .unmapped = qr_swap_collect,
    .bring = qr_shmem_bring,
};

/* The table of areas, made with the first store. */
static enum quire_status make_table(struct quire_system *system)
{
	unsigned order = order_of(system, sizeof(struct qr_swap));
	struct qr_swap *swap, *none = NULL;

	if (__atomic_load_n(&system->swap, __ATOMIC_ACQUIRE))
		return QUIRE_OK;
	swap = (struct qr_swap *)(void *)take_frames(system, order);
	if (!swap)
		return QUIRE_ENOMEM;
	swap->order = order;
	system->swap_hooks = &hooks;
	swap->next_priority = 2;
	swap->ahead = qr_ahead_begin();
	for (unsigned i = 0; i < QUIRE_SWAP_AREAS; i++)
		swap->area[i].number = i;
	if (!__atomic_compare_exchange_n(&system->swap, &none, swap, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		give_frames(system, swap);
	return QUIRE_OK;
}

static enum qr_area_state state_of(const struct qr_area *area)
{
	return (enum qr_area_state)__atomic_load_n(&area->state, __ATOMIC_SEQ_CST);
}

static void set_state(struct qr_area *area, enum qr_area_state state)
{
	__atomic_store_n(&area->state, state, __ATOMIC_SEQ_CST);
}

/* A place for the store in the table: COMING. */
static enum quire_status reserve(struct quire_system *system, const struct quire_store *store,
				 struct qr_area **out_area)
{
	struct qr_swap *swap = system->swap;
	enum quire_status status = QUIRE_EPERM;

	qr_lock(system, &system->registry_lock, QR_RANK_SLAB);
	for (unsigned i = 0; i < QUIRE_SWAP_AREAS; i++) {
		struct qr_area *area = &swap->area[i];

		if (state_of(area) != QR_AREA_NONE) {
			if (area->store != store)
				continue;
			status = QUIRE_EBUSY;
			break;
		}
		if (status == QUIRE_EPERM) {
			*out_area = area;
			status = QUIRE_OK;
		}
	}
	if (status == QUIRE_OK) {
		(*out_area)->store = store;
		set_state(*out_area, QR_AREA_COMING);
	}
	qr_unlock(system, &system->registry_lock, QR_RANK_SLAB);
	return status;
}

static void reset(struct qr_area *area)
{
	area->slots = area->clusters = 0;
	area->free_cluster = 0;
	area->rotor = 0;
	area->used = area->dead = area->retired = area->stale = area->cached = 0;
	area->write_errors = area->read_errors = 0;
	area->failing = area->told = 0;
	for (unsigned i = 0; i < QR_ARRAY_COUNT(area->current); i++)
		area->current[i] = 0;
}

static void free_arrays(struct quire_system *system, struct qr_area *area)
{
	paged_free(system, &area->payer);
	paged_free(system, &area->cluster);
	paged_free(system, &area->slot);
}

static enum quire_status make_area(struct quire_system *system, struct qr_area *area)
{
	enum quire_status status;

	reset(area);
	area->slots = slots_of(system, area->store);
	area->clusters = (area->slots + QR_CLUSTER_SLOTS - 1) / QR_CLUSTER_SLOTS;
	status = paged_make(system, &area->slot, area->slots, SLOT_SHIFT);
	if (status == QUIRE_OK)
		status = paged_make(system, &area->cluster, area->clusters, CLUSTER_SHIFT);
	if (status == QUIRE_OK)
		status = paged_make(system, &area->payer, area->slots, PAYER_SHIFT);
	if (status == QUIRE_OK)
		fill_clusters(area);
	else
		free_arrays(system, area);
	return status;
}

enum quire_status quire_swapon(struct quire_system *system, const struct quire_store *store, int priority)
{
	struct qr_area *area = NULL;
	enum quire_status status;

	if (store->slots == 0 || !store->ops || !store->ops->put_batch || !store->ops->get_batch ||
	    priority < -1)
		return QUIRE_EINVAL;
	status = make_table(system);
	if (status == QUIRE_OK)
		status = reserve(system, store, &area);
	if (status != QUIRE_OK)
		return status;
	status = make_area(system, area);
	if (status != QUIRE_OK) {
		set_state(area, QR_AREA_NONE);
		return status;
	}
	area->priority = priority;
	if (priority < 0)
		area->priority =
		    -(int32_t)__atomic_fetch_add(&system->swap->next_priority, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&system->backing, area->slots, __ATOMIC_RELAXED);
	set_state(area, QR_AREA_ON);
	return QUIRE_OK;
}

/* => nobody looks at it */
static void free_area(struct quire_system *system, struct qr_area *area)
{
	qr_assert(system, area->used == 0 && area->cached == 0);
	free_arrays(system, area);
	area->store = NULL;
	set_state(area, QR_AREA_NONE);
}

/* --- detaching ---------------------------------------------------------------------------------------------- */

enum quire_status qr_area_stop(struct quire_system *system, const struct quire_store *store,
			       struct qr_area **out_area)
{
	struct qr_swap *swap = __atomic_load_n(&system->swap, __ATOMIC_ACQUIRE);
	enum quire_status status = QUIRE_EINVAL;
	uint32_t takers;

	for (unsigned i = 0; swap && i < QUIRE_SWAP_AREAS && status == QUIRE_EINVAL; i++) {
		uint32_t on = QR_AREA_ON;

		if (state_of(&swap->area[i]) < QR_AREA_ON || swap->area[i].store != store)
			continue;
		*out_area = &swap->area[i];
		status = __atomic_compare_exchange_n(&swap->area[i].state, &on, QR_AREA_GOING, false,
						     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
			     ? QUIRE_OK
			     : QUIRE_EBUSY;
	}
	if (status != QUIRE_OK)
		return status;
	while ((takers = __atomic_load_n(&(*out_area)->takers, __ATOMIC_SEQ_CST)) > 0)
		qr_wait(system, &(*out_area)->takers, takers, QUIRE_WAIT_SPIN);
	__atomic_fetch_sub(&system->backing, (*out_area)->slots, __ATOMIC_RELAXED);
	if (qr_overcommit(system) == QUIRE_OVERCOMMIT_NEVER &&
	    __atomic_load_n(&system->committed, __ATOMIC_RELAXED) > qr_commit_limit(system)) {
		qr_area_resume(system, *out_area);
		return QUIRE_ENOMEM;
	}
	return QUIRE_OK;
}

void qr_area_resume(struct quire_system *system, struct qr_area *area)
{
	__atomic_fetch_add(&system->backing, area->slots, __ATOMIC_RELAXED);
	set_state(area, QR_AREA_ON);
}

/* The page of a slot that no entry names, with a reference; NULL: none. */
static struct qr_page *unnamed_page(struct quire_system *system, const struct qr_area *area, uint64_t offset)
{
	struct qr_cluster *cluster = qr_cluster_of(area, offset);
	const struct qr_slot *slot = qr_slot_at(area, offset);
	struct qr_page *page = NULL;

	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	if ((slot->word & (QR_SLOT_CACHED | QR_SLOT_COUNT)) == QR_SLOT_CACHED) {
		page = qr_swap_page_at(system, slot->what);
		qr_page_get(page);
	}
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	return page;
}

void qr_area_uncache(struct quire_system *system, struct qr_area *area)
{
	for (uint64_t offset = 0; offset < area->slots && !qr_area_is_empty(area); offset++) {
		struct qr_page *page = unnamed_page(system, area, offset);

		if (!page)
			continue;
		qr_page_lock(system, page);
		qr_swap_wait_write(system, page);
		(void)qr_swap_free_slot(system, page);
		qr_swap_unlock(system, page);
		qr_page_put(system, page);
	}
}

void qr_area_close(struct quire_system *system, struct qr_area *area)
{
	uint32_t users;

	qr_swap_tell(system, area, true);
	/* Whoever comes now finds no such slot; who came before leaves. */
	set_state(area, QR_AREA_COMING);
	while ((users = __atomic_load_n(&area->users, __ATOMIC_SEQ_CST)) > 0)
		qr_wait(system, &area->users, users, QUIRE_WAIT_SLEEP);
	/* Who put the last reference of a slot may still hold its cluster's lock. */
	for (uint64_t i = 0; i < area->clusters; i++) {
		struct qr_cluster *cluster = qr_paged_at(&area->cluster, i);

		qr_lock(system, &cluster->lock, QR_RANK_SWAP);
		qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	}
	free_area(system, area);
}

/* --- looking ------------------------------------------------------------------------------------------------ */

struct qr_area *qr_area_get(struct quire_system *system, uint64_t value)
{
	struct qr_swap *swap = __atomic_load_n(&system->swap, __ATOMIC_ACQUIRE);
	struct qr_area *area;

	if (!swap || qr_swap_number(value) >= QUIRE_SWAP_AREAS)
		return NULL;
	area = &swap->area[qr_swap_number(value)];
	/* Counted first and looked at second: swapoff stores first and counts second. */
	__atomic_fetch_add(&area->users, 1, __ATOMIC_SEQ_CST);
	if (state_of(area) >= QR_AREA_ON && qr_swap_offset(value) < area->slots)
		return area;
	qr_area_put(system, area);
	return NULL;
}

void qr_area_put(struct quire_system *system, struct qr_area *area)
{
	if (__atomic_fetch_sub(&area->users, 1, __ATOMIC_SEQ_CST) == 1 && state_of(area) != QR_AREA_ON)
		qr_wake(system, &area->users);
}

uint64_t qr_swap_total(const struct quire_system *system)
{
	return __atomic_load_n(&system->backing, __ATOMIC_RELAXED);
}

bool qr_swap_is_full(const struct quire_system *system)
{
	struct quire_swap_counts usage;

	quire_swap_usage(system, &usage);
	return usage.free * 2 < usage.total;
}

static bool attached(const struct qr_area *area)
{
	return state_of(area) >= QR_AREA_ON;
}

static uint64_t used_of(const struct qr_area *area)
{
	return __atomic_load_n(&area->used, __ATOMIC_RELAXED) +
	       __atomic_load_n(&area->dead, __ATOMIC_RELAXED);
}

/* Whether `a` comes before `b` in what people see. */
static bool before(const struct qr_area *a, const struct qr_area *b)
{
	return a->priority != b->priority ? a->priority > b->priority : a->number < b->number;
}

enum quire_status quire_swap_area(const struct quire_system *system, unsigned index,
				  struct quire_area *out_area)
{
	const struct qr_swap *swap = __atomic_load_n(&system->swap, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; swap && i < QUIRE_SWAP_AREAS; i++) {
		const struct qr_area *area = &swap->area[i];
		unsigned place = 0;

		if (!attached(area))
			continue;
		for (unsigned j = 0; j < QUIRE_SWAP_AREAS; j++)
			place += attached(&swap->area[j]) && before(&swap->area[j], area);
		if (place != index)
			continue;
		*out_area = (struct quire_area){
		    .store = area->store,
		    .priority = area->priority,
		    .slots = area->slots,
		    .used = used_of(area),
		    .retired = __atomic_load_n(&area->retired, __ATOMIC_RELAXED),
		    .write_errors = __atomic_load_n(&area->write_errors, __ATOMIC_RELAXED),
		    .read_errors = __atomic_load_n(&area->read_errors, __ATOMIC_RELAXED),
		    .stopped = __atomic_load_n(&area->failing, __ATOMIC_RELAXED) >= QR_AREA_FAILING,
		};
		return QUIRE_OK;
	}
	return QUIRE_ENOENT;
}

void quire_swap_usage(const struct quire_system *system, struct quire_swap_counts *out_usage)
{
	const struct qr_swap *swap = __atomic_load_n(&system->swap, __ATOMIC_ACQUIRE);
	struct quire_swap_counts usage = {0};

	for (unsigned i = 0; swap && i < QUIRE_SWAP_AREAS; i++) {
		const struct qr_area *area = &swap->area[i];

		usage.cached += __atomic_load_n(&area->cached, __ATOMIC_RELAXED);
		/* What is being detached takes nothing: neither total nor free. */
		if (state_of(area) != QR_AREA_ON)
			continue;
		usage.total += area->slots;
		usage.free += area->slots - used_of(area);
	}
	*out_usage = usage;
}

void qr_swap_end(struct quire_system *system)
{
	struct qr_swap *swap = system->swap;

	if (!swap)
		return;
	for (unsigned i = 0; i < QUIRE_SWAP_AREAS; i++) {
		if (attached(&swap->area[i]))
			free_area(system, &swap->area[i]);
	}
	system->swap = NULL;
	system->swap_hooks = NULL;
	give_frames(system, swap);
}
