/* SPDX-License-Identifier: MIT */
/* Stores for swapped pages, with everything that goes wrong with them. */
#include <stdlib.h>
#include <string.h>

#include "machine.h"

/* CPUs are parallel in a free run only. */
static void begin(struct sim_store *store)
{
	if (store->sim->free_run)
		pthread_mutex_lock(&store->sim->shared);
}

static void end(struct sim_store *store)
{
	if (store->sim->free_run)
		pthread_mutex_unlock(&store->sim->shared);
}

/* FNV-1a over 64-bit words. */
static uint64_t sum_of(const void *bytes, uint64_t count)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (uint64_t i = 0; i < count / 8; i++) {
		uint64_t word;

		memcpy(&word, (const char *)bytes + i * 8, 8);
		sum = (sum ^ word) * UINT64_C(0x100000001b3);
	}
	return sum;
}

static void transfer(struct sim_store *store, const char *what)
{
	struct sim *sim = store->sim;
	struct sim_cpu *cpu = sim_current(sim);

	sim_lock_may_sleep(cpu, what);
	sim_point_at(cpu, what);
	if (!sim->free_run)
		sim->clock += store->latency;
}

/* In words: a program may write to the frame meanwhile. */
static void copy(void *to, const void *from, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes / 8; i++)
		__atomic_store_n((uint64_t *)to + i,
				 __atomic_load_n((const uint64_t *)from + i, __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
}

static unsigned char *slot_at(struct sim_store *store, uint64_t slot)
{
	return store->bytes + slot * store->sim->page_bytes;
}

static unsigned char *frame_at(struct sim_store *store, quire_pfn pfn)
{
	struct sim *sim = store->sim;

	return sim_physical(sim, (quire_pa){pfn.n * sim->page_bytes}, sim->page_bytes);
}

static enum quire_status put_one(struct sim_store *store, const struct quire_store_page *page)
{
	uint64_t number = ++store->puts;

	if (store->dies_at && number >= store->dies_at)
		store->dead = true;
	if (store->dead)
		return QUIRE_EIO;
	if (store->full)
		return QUIRE_ENOSPC;
	if (number == store->fail_put)
		return QUIRE_EIO;
	copy(slot_at(store, page->slot), frame_at(store, page->pfn), store->sim->page_bytes);
	store->sum[page->slot] = sum_of(slot_at(store, page->slot), store->sim->page_bytes);
	store->holds[page->slot] = true;
	return QUIRE_OK;
}

static void put_batch(void *context, struct quire_store_page *pages, unsigned count)
{
	struct sim_store *store = context;

	transfer(store, "pages go to a store");
	begin(store);
	store->batches++;
	for (unsigned i = 0; i < count; i++)
		pages[i].status = put_one(store, &pages[i]);
	end(store);
	/* The device has them; the program may go on meanwhile. */
	sim_point_at(sim_current(store->sim), "pages are in a store");
}

static enum quire_status get_one(struct sim_store *store, const struct quire_store_page *page)
{
	uint64_t number = ++store->gets;

	if (!store->holds[page->slot])
		sim_find(store->sim, SIM_BUS, "slot %llu is read, and nothing was put there",
			 (unsigned long long)page->slot);
	if (store->dead || number == store->fail_get)
		return QUIRE_EIO;
	if (store->corrupt_get == number)
		slot_at(store, page->slot)[0] ^= 1;
	if (store->checked &&
	    sum_of(slot_at(store, page->slot), store->sim->page_bytes) != store->sum[page->slot])
		return QUIRE_EIO;
	sim_oracle_reuse(sim_current(store->sim), frame_at(store, page->pfn),
			 "its frame was read from a store");
	copy(frame_at(store, page->pfn), slot_at(store, page->slot), store->sim->page_bytes);
	return QUIRE_OK;
}

static void get_batch(void *context, struct quire_store_page *pages, unsigned count)
{
	struct sim_store *store = context;

	transfer(store, "pages come from a store");
	begin(store);
	store->batches++;
	for (unsigned i = 0; i < count; i++)
		pages[i].status = get_one(store, &pages[i]);
	end(store);
	sim_point_at(sim_current(store->sim), "pages have come from a store");
}

static void drop_batch(void *context, const struct quire_store_page *pages, unsigned count)
{
	struct sim_store *store = context;

	transfer(store, "a store is told of garbage");
	begin(store);
	for (unsigned i = 0; i < count; i++) {
		store->drops++;
		store->holds[pages[i].slot] = false;
	}
	end(store);
}

static const struct quire_store_ops store_ops = {
    .put_batch = put_batch,
    .get_batch = get_batch,
    .drop_batch = drop_batch,
};

struct sim_store *sim_store_create(struct sim *sim, uint64_t slots, uint32_t flags)
{
	struct sim_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->sim = sim;
	store->bytes = calloc(slots, sim->page_bytes);
	store->sum = calloc(slots, sizeof(*store->sum));
	store->holds = calloc(slots, sizeof(*store->holds));
	store->store = (struct quire_store){
	    .ops = &store_ops,
	    .context = store,
	    .name = "sim",
	    .slots = slots,
	    .flags = flags,
	};
	store->next = sim->stores;
	sim->stores = store;
	return store->bytes && store->sum && store->holds ? store : NULL;
}

void sim_stores_free(struct sim *sim)
{
	while (sim->stores) {
		struct sim_store *store = sim->stores;

		sim->stores = store->next;
		free(store->bytes);
		free(store->sum);
		free(store->holds);
		free(store);
	}
}
