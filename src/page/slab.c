/* SPDX-License-Identifier: MIT */
/* The library's objects: CPU lists over slabs, slabs over frames.
 *
 *   slab     a block of frames in state OBJECT; its first descriptor has the free list and the count
 *   partial  slabs with a free object: the only ones that are on a list
 *
 * A free object's first word links it; with checks on, the rest is poison until it is handed out. */
#include "page/slab.h"

#include "page/page.h"

#define BATCH 16
/* A CPU keeps more small objects: exec allocates what exit has freed. */
#define KEEP_BYTES (8u << 10)
#define POISON     0x6b

static void **link_of(void *object)
{
	return object;
}

void qr_slab_init(struct quire_system *system, const uint32_t bytes[QR_SLAB_KINDS])
{
	for (unsigned kind = 0; kind < QR_SLAB_KINDS; kind++) {
		struct qr_slab *slab = &system->slab[kind];
		uint32_t align = bytes[kind] >= 64 ? 64 : 16;

		slab->bytes = (bytes[kind] + align - 1) & ~(align - 1);
		/* At least four to a slab: less than a fifth is lost at its end. */
		while (qr_page_bytes(system) << slab->order < (uint64_t)4 * slab->bytes)
			slab->order++;
		slab->per_slab = (uint32_t)((qr_page_bytes(system) << slab->order) / slab->bytes);
		slab->keep = (uint32_t)qr_max(BATCH, KEEP_BYTES / slab->bytes);
		qr_list_init(&slab->partial);
	}
}

/* --- poison ------------------------------------------------------------------------------------------ */

static void object_poison(const struct qr_slab *slab, void *object)
{
	if (QUIRE_CONFIG_CHECK >= 2)
		memset(link_of(object) + 1, POISON, slab->bytes - sizeof(void *));
}

static void object_check(const struct quire_system *system, const struct qr_slab *slab, const void *object)
{
	const unsigned char *byte = object;

	for (uint32_t i = sizeof(void *); QUIRE_CONFIG_CHECK >= 2 && i < slab->bytes; i++) {
		if (byte[i] != POISON)
			qr_panic(system, "an object was written after it was freed");
	}
}

/* --- slabs -------------------------------------------------------------------------------------------- */

/* A slab with all its objects free, on the partial list; false: no frame. => SLAB held. */
static bool slab_grow(struct quire_system *system, enum qr_slab_kind kind)
{
	struct qr_slab *slab = &system->slab[kind];
	struct qr_page *page = qr_frame_alloc(system, slab->order, QUIRE_FRAME_LINEAR, QUIRE_PAGE_OBJECT);
	char *object;

	if (!page)
		return false;
	page->u.slab.free = NULL;
	page->u.slab.used = 0;
	page->u.slab.kind = (uint32_t)kind;
	object = (char *)qr_page_linear(system, page) + (size_t)slab->per_slab * slab->bytes;
	for (uint32_t i = 0; i < slab->per_slab; i++) {
		object -= slab->bytes;
		object_poison(slab, object);
		*link_of(object) = page->u.slab.free;
		page->u.slab.free = object;
	}
	qr_list_add(&slab->partial, &page->link);
	slab->slabs++;
	return true;
}

/* Up to `count` objects of one slab, put in front of *list. Returns how many; 0: no frame. => SLAB held. */
static uint32_t slab_take(struct quire_system *system, enum qr_slab_kind kind, uint32_t count, void **list)
{
	struct qr_slab *slab = &system->slab[kind];
	struct qr_page *page;
	uint32_t taken = 1;
	void *first, *last;

	if (qr_list_empty(&slab->partial) && !slab_grow(system, kind))
		return 0;
	page = QR_CONTAINER(slab->partial.next, struct qr_page, link);
	first = last = page->u.slab.free;
	while (taken < count && *link_of(last)) {
		last = *link_of(last);
		taken++;
	}
	page->u.slab.free = *link_of(last);
	page->u.slab.used += taken;
	if (!page->u.slab.free)
		qr_list_del(&page->link);
	*link_of(last) = *list;
	*list = first;
	return taken;
}

/* => SLAB held. An empty slab goes back, unless it is the only one with room. */
static void slab_give(struct quire_system *system, enum qr_slab_kind kind, void *object, bool keep)
{
	struct qr_slab *slab = &system->slab[kind];
	struct qr_page *page = qr_page_at(system, object);

	page -= page->pfn & (((uint64_t)1 << slab->order) - 1);
	qr_assert(system, page->u.slab.kind == (uint32_t)kind && page->u.slab.used > 0);
	if (!page->u.slab.free)
		qr_list_add(&slab->partial, &page->link);
	*link_of(object) = page->u.slab.free;
	page->u.slab.free = object;
	page->u.slab.used--;
	if (page->u.slab.used > 0 || (keep && slab->partial.next == slab->partial.prev))
		return;
	qr_list_del(&page->link);
	slab->slabs--;
	qr_frame_free(system, page, slab->order);
}

static void give_all(struct quire_system *system, enum qr_slab_kind kind, void *list, bool keep)
{
	struct qr_slab *slab = &system->slab[kind];

	if (!list)
		return;
	qr_lock(system, &slab->lock, QR_RANK_SLAB);
	while (list) {
		void *next = *link_of(list);

		slab_give(system, kind, list, keep);
		list = next;
	}
	qr_unlock(system, &slab->lock, QR_RANK_SLAB);
}

/* Up to `count` objects from the slabs, linked; *out_count: how many. */
static void *take_all(struct quire_system *system, enum qr_slab_kind kind, uint32_t count,
		      uint32_t *out_count)
{
	struct qr_slab *slab = &system->slab[kind];
	void *list = NULL;

	*out_count = 0;
	qr_lock(system, &slab->lock, QR_RANK_SLAB);
	while (*out_count < count) {
		uint32_t taken = slab_take(system, kind, count - *out_count, &list);

		if (taken == 0)
			break;
		*out_count += taken;
	}
	qr_unlock(system, &slab->lock, QR_RANK_SLAB);
	return list;
}

/* Puts `count` linked objects on this CPU's list, or back to their slabs where it is busy. */
static void stock(struct quire_system *system, enum qr_slab_kind kind, void *list, uint32_t count)
{
	struct qr_cpu *cpu = qr_this_cpu(system);
	void *last = list;

	if (!list)
		return;
	while (*link_of(last))
		last = *link_of(last);
	if (!qr_cpu_try(cpu)) {
		give_all(system, kind, list, true);
		return;
	}
	*link_of(last) = cpu->slabs[kind].free;
	cpu->slabs[kind].free = list;
	cpu->slabs[kind].count += count;
	qr_cpu_end(cpu);
}

/* --- objects -------------------------------------------------------------------------------------------- */

static void *pop(struct quire_system *system, enum qr_slab_kind kind)
{
	struct qr_cpu *cpu = qr_this_cpu(system);
	void *object;

	if (qr_unlikely(!qr_cpu_try(cpu)))
		return NULL;
	object = cpu->slabs[kind].free;
	if (qr_likely(object != NULL)) {
		cpu->slabs[kind].free = *link_of(object);
		cpu->slabs[kind].count--;
	}
	qr_cpu_end(cpu);
	return object;
}

void *qr_slab_alloc(struct quire_system *system, enum qr_slab_kind kind)
{
	const struct qr_slab *slab = &system->slab[kind];
	void *object;

	if (qr_inject(system, QUIRE_RES_OBJECT))
		return NULL;
	object = pop(system, kind);
	if (qr_unlikely(!object)) {
		uint32_t count;
		void *list = take_all(system, kind, BATCH, &count);

		if (!list)
			return NULL;
		object = list;
		stock(system, kind, *link_of(list), count - 1);
	}
	object_check(system, slab, object);
	memset(object, 0, slab->bytes);
	return object;
}

/* Takes all objects above `keep` from a list that is held. */
static void *surplus(struct qr_slab_cache *cache, uint32_t keep)
{
	void *first = cache->free, *last = first;

	if (qr_likely(cache->count <= 2 * keep))
		return NULL;
	for (; cache->count > keep + 1; cache->count--)
		last = *link_of(last);
	cache->count--;
	cache->free = *link_of(last);
	*link_of(last) = NULL;
	return first;
}

void qr_slab_free(struct quire_system *system, enum qr_slab_kind kind, void *object)
{
	struct qr_cpu *cpu = qr_this_cpu(system);
	void *rest;

	object_poison(&system->slab[kind], object);
	if (qr_unlikely(!qr_cpu_try(cpu))) {
		*link_of(object) = NULL;
		give_all(system, kind, object, true);
		return;
	}
	*link_of(object) = cpu->slabs[kind].free;
	cpu->slabs[kind].free = object;
	cpu->slabs[kind].count++;
	rest = surplus(&cpu->slabs[kind], system->slab[kind].keep);
	qr_cpu_end(cpu);
	if (qr_unlikely(rest != NULL))
		give_all(system, kind, rest, true);
}

uint32_t qr_slab_alloc_many(struct quire_system *system, enum qr_slab_kind kind, uint32_t count,
			    void **out_list)
{
	struct qr_cpu *cpu = qr_this_cpu(system);
	void *list = NULL, *more;
	uint32_t have = 0, got;

	*out_list = NULL;
	for (uint32_t i = 0; QUIRE_CONFIG_INJECT && i < count; i++) {
		if (qr_inject(system, QUIRE_RES_OBJECT))
			count = i;
	}
	if (count > 0 && qr_cpu_try(cpu)) {
		struct qr_slab_cache *cache = &cpu->slabs[kind];
		void *last = list = cache->free;

		for (have = last != NULL; have > 0 && have < count && *link_of(last); have++)
			last = *link_of(last);
		if (last) {
			cache->free = *link_of(last);
			*link_of(last) = NULL;
		}
		cache->count -= have;
		qr_cpu_end(cpu);
	}
	if (have < count) {
		more = take_all(system, kind, count - have, &got);
		have += got;
		if (list) {
			void *last = list;

			while (*link_of(last))
				last = *link_of(last);
			*link_of(last) = more;
		} else {
			list = more;
		}
	}
	for (void *object = list; QUIRE_CONFIG_CHECK >= 2 && object; object = *link_of(object))
		object_check(system, &system->slab[kind], object);
	*out_list = list;
	return have;
}

void qr_slab_free_many(struct quire_system *system, enum qr_slab_kind kind, void *list)
{
	struct qr_cpu *cpu;
	uint32_t count = 0;
	void *rest;

	for (void *object = list; object; object = *link_of(object), count++)
		object_poison(&system->slab[kind], object);
	if (!list)
		return;
	stock(system, kind, list, count);
	cpu = qr_this_cpu(system);
	if (!qr_cpu_try(cpu))
		return;
	rest = surplus(&cpu->slabs[kind], system->slab[kind].keep);
	qr_cpu_end(cpu);
	give_all(system, kind, rest, true);
}

void qr_slab_drain(struct quire_system *system)
{
	for (unsigned i = 0; i < system->cpus; i++) {
		for (unsigned kind = 0; kind < QR_SLAB_KINDS; kind++) {
			struct qr_slab_cache *cache = &system->cpu[i].slabs[kind];
			void *list = cache->free;

			cache->free = NULL;
			cache->count = 0;
			give_all(system, (enum qr_slab_kind)kind, list, false);
		}
	}
	/* Empty slabs that were kept as the last with room. */
	for (unsigned kind = 0; kind < QR_SLAB_KINDS; kind++) {
		struct qr_slab *slab = &system->slab[kind];

		for (struct qr_list *at = slab->partial.next, *next; at != &slab->partial; at = next) {
			struct qr_page *page = QR_CONTAINER(at, struct qr_page, link);

			next = at->next;
			if (page->u.slab.used > 0)
				continue;
			qr_list_del(at);
			slab->slabs--;
			qr_frame_free(system, page, slab->order);
		}
	}
}
