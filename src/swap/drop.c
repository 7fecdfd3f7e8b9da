/* SPDX-License-Identifier: MIT */
/* Stores are told of slots whose content is garbage: in batches, later, where the caller may sleep. A slot that is
 * taken again before is not told of: its next content replaces the garbage. */
#include "swap/swap.h"

/* So many are worth a walk over the clusters. */
#define TELL_FROM 256

/* STALE slots of a cluster become DROPPING: nobody takes them. Returns how many. */
static unsigned gather(struct quire_system *system, struct qr_area *area, uint64_t number,
		       struct quire_store_page *batch)
{
	struct qr_cluster *cluster = qr_paged_at(&area->cluster, number);
	uint64_t first = number * QR_CLUSTER_SLOTS;
	uint64_t end = qr_min(first + QR_CLUSTER_SLOTS, area->slots);
	unsigned count = 0;

	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	for (uint64_t offset = first; offset < end && count < QUIRE_STORE_BATCH; offset++) {
		struct qr_slot *slot = qr_slot_at(area, offset);

		if (slot->word != QR_SLOT_STALE)
			continue;
		slot->word = QR_SLOT_DROPPING;
		batch[count++] = (struct quire_store_page){.slot = offset};
	}
	__atomic_store_n(&cluster->free, (uint16_t)(cluster->free - count), __ATOMIC_RELAXED);
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	return count;
}

static void release(struct quire_system *system, struct qr_area *area, uint64_t number,
		    const struct quire_store_page *batch, unsigned count)
{
	struct qr_cluster *cluster = qr_paged_at(&area->cluster, number);

	qr_lock(system, &cluster->lock, QR_RANK_SWAP);
	for (unsigned i = 0; i < count; i++)
		qr_slot_at(area, batch[i].slot)->word = 0;
	__atomic_store_n(&cluster->free, (uint16_t)(cluster->free + count), __ATOMIC_RELAXED);
	qr_unlock(system, &cluster->lock, QR_RANK_SWAP);
	__atomic_fetch_sub(&area->stale, count, __ATOMIC_RELAXED);
}

void qr_swap_tell(struct quire_system *system, struct qr_area *area, bool always)
{
	struct quire_store_page batch[QUIRE_STORE_BATCH];
	const struct quire_store *store = area->store;
	uint64_t stale = __atomic_load_n(&area->stale, __ATOMIC_RELAXED);

	if (!store->ops->drop_batch || stale == 0 || (!always && stale < TELL_FROM))
		return;
	for (uint64_t number = 0; number < area->clusters; number++) {
		unsigned count;

		while ((count = gather(system, area, number, batch)) > 0) {
			store->ops->drop_batch(store->context, batch, count);
			release(system, area, number, batch, count);
		}
	}
}
