/* SPDX-License-Identifier: MIT */
/* Recounting frames: descriptors by their state, free lists, CPU lists, slabs. */
#include "system/checker.h"

#include "file/file.h"
#include "page/rmap.h"
#include "page/slab.h"
#include "pt/pt.h"

/* --- free lists ---------------------------------------------------------------------------------- */

static bool check_block(struct qr_checker *checker, const struct qr_page *page, unsigned order)
{
	const struct qr_range *range = &checker->system->range[page->range];
	uint64_t frames = (uint64_t)1 << order;

	if (!qr_page_test(page, QR_PAGE_HEAD) || qr_page_order(page) != order)
		return qr_check_fail(checker, "frame %x: in the free list of order %u, and not a block of it",
				     page->pfn, (uint64_t)order);
	if ((page->pfn & (frames - 1)) != 0 || page->pfn - range->base + frames > range->count)
		return qr_check_fail(
		    checker, "frame %x: a free block of order %u that is not aligned or leaves its range",
		    page->pfn, (uint64_t)order);
	for (uint64_t i = 0; i < frames; i++) {
		if (qr_page_state(page + i) != QUIRE_PAGE_FREE)
			return qr_check_fail(checker, "frame %x: %s, in a free block", page[i].pfn,
					     quire_page_state_name(qr_page_state(page + i)));
	}
	return true;
}

static bool check_zone(struct qr_checker *checker, unsigned id)
{
	const struct qr_zone *zone = &checker->system->zone[id];
	uint64_t frames = 0;

	for (unsigned order = 0; order < QR_ORDERS; order++) {
		const struct qr_list *at = &zone->head[order];

		while ((at = at->next) != &zone->head[order]) {
			const struct qr_page *page =
			    (const struct qr_page *)(const void *)((const char *)at -
								   offsetof(struct qr_page, link));

			if (page->zone != id || at->next->prev != at)
				return qr_check_fail(checker, "zone %u: the list of order %u is broken",
						     (uint64_t)id, (uint64_t)order);
			if (!check_block(checker, page, order))
				return false;
			frames += (uint64_t)1 << order;
			if (frames > zone->frames)
				return qr_check_fail(checker, "zone %u: more frames in its lists than it has",
						     (uint64_t)id);
		}
	}
	if (frames != zone->free)
		return qr_check_fail(checker, "zone %u: %u frames in its lists, and %u counted", (uint64_t)id,
				     frames, zone->free);
	return true;
}

static bool check_cpu(struct qr_checker *checker, const struct qr_cpu *cpu)
{
	for (unsigned zone = 0; zone < QR_ZONES; zone++) {
		uint32_t count = cpu->frames[zone].count;

		if (count >= QR_FRAME_CACHE_LIMIT)
			return qr_check_fail(checker, "CPU %u: %u frames in its list", (uint64_t)cpu->cpu,
					     (uint64_t)count);
		for (uint32_t i = 0; i < count; i++) {
			const struct qr_page *page = cpu->frames[zone].slot[i];

			if (qr_page_state(page) != QUIRE_PAGE_CPU || page->zone != zone)
				return qr_check_fail(checker, "frame %x: %s, in the list of CPU %u",
						     page->pfn, quire_page_state_name(qr_page_state(page)),
						     (uint64_t)cpu->cpu);
		}
	}
	if (cpu->busy)
		return qr_check_fail(checker, "CPU %u: its lists are taken, and nothing runs",
				     (uint64_t)cpu->cpu);
	return true;
}

static bool check_slab(struct qr_checker *checker, unsigned kind)
{
	const struct qr_slab *slab = &checker->system->slab[kind];
	const struct qr_list *at = &slab->partial;

	while ((at = at->next) != &slab->partial) {
		const struct qr_page *page =
		    (const struct qr_page *)(const void *)((const char *)at - offsetof(struct qr_page, link));
		uint64_t count = page->u.slab.used;

		if (qr_page_state(page) != QUIRE_PAGE_OBJECT || page->u.slab.kind != kind)
			return qr_check_fail(checker, "frame %x: %s, in the slabs of kind %u", page->pfn,
					     quire_page_state_name(qr_page_state(page)), (uint64_t)kind);
		for (void *const *object = page->u.slab.free; object && count <= slab->per_slab;
		     object = *object)
			count++;
		if (count != slab->per_slab)
			return qr_check_fail(
			    checker, "frame %x: %u objects used and free, and a slab of kind %u has %u",
			    page->pfn, count, (uint64_t)kind, (uint64_t)slab->per_slab);
	}
	return true;
}

bool qr_check_lists(struct qr_checker *checker)
{
	for (unsigned zone = 0; zone < QR_ZONES; zone++) {
		if (!check_zone(checker, zone))
			return false;
	}
	for (unsigned cpu = 0; cpu < checker->system->cpus; cpu++) {
		if (!check_cpu(checker, &checker->system->cpu[cpu]))
			return false;
	}
	for (unsigned kind = 0; kind < QR_SLAB_KINDS; kind++) {
		if (!check_slab(checker, kind))
			return false;
	}
	return true;
}

/* --- descriptors --------------------------------------------------------------------------------- */

struct mapping {
	const struct quire_system *system;
	const struct qr_page *page;
	bool wrong;
};

/* An entry of a reverse map names a leaf that names the page. */
static bool check_mapping(void *context, struct qr_page *page, void *entry)
{
	struct mapping *mapping = context;
	const struct quire_arch *arch = qr_arch(mapping->system);
	const struct qr_page *table = qr_page_at(mapping->system, entry);
	quire_pte pte;

	mapping->wrong = true;
	if (!table || qr_page_state(table) != QUIRE_PAGE_TABLE)
		return false;
	pte = qr_pte_get(arch, table->level, entry);
	if (arch->kind(arch, pte, table->level) != QUIRE_PTE_LEAF ||
	    arch->pfn(arch, pte, table->level).n != page->pfn)
		return false;
	mapping->wrong = false;
	return true;
}

/* References that a frame must have: its mappings and what its state holds. Blocks are held by their
 * first frame. */
static uint64_t references(const struct qr_page *page, uint64_t mappings)
{
	switch (qr_page_state(page)) {
	case QUIRE_PAGE_FILE:
	case QUIRE_PAGE_SHMEM:
		return mappings + (page->u.cache.file != NULL);
	case QUIRE_PAGE_ANON:
		return mappings + qr_page_test(page, QR_PAGE_SWAPCACHE);
	case QUIRE_PAGE_KMAP:
		return mappings;
	case QUIRE_PAGE_META:
	case QUIRE_PAGE_FREE:
	case QUIRE_PAGE_CPU:
		return 0;
	default:
		return mappings + 1;
	}
}

static bool check_page(struct qr_checker *checker, struct qr_page *page, uint64_t *mappings)
{
	enum quire_page_state state = qr_page_state(page);
	struct mapping mapping = {.system = checker->system, .page = page};
	uint64_t count, want;

	if (page->rmap & QR_RMAP_LOCKED)
		return qr_check_fail(checker, "frame %x: its reverse map is locked, and nothing runs",
				     page->pfn);
	if (!qr_rmap_sound(checker->system, page))
		return qr_check_fail(checker, "frame %x (%s): its reverse map is not one", page->pfn,
				     quire_page_state_name(state));
	count = qr_rmap_total(checker->system, page);
	qr_rmap_each(checker->system, page, check_mapping, &mapping);
	if (mapping.wrong)
		return qr_check_fail(checker,
				     "frame %x (%s): a reverse mapping to an entry that maps something else",
				     page->pfn, quire_page_state_name(state));
	*mappings += count;
	want = references(page, count);
	/* Tables that share a frame were counted with their tree. The frames of a block behind the first
	 * have no reference; a page of a program or of a file is never one of those. */
	if (state == QUIRE_PAGE_TABLE || page->ref == want)
		return true;
	if (page->ref == 0 && count == 0 &&
	    (state == QUIRE_PAGE_PORT || state == QUIRE_PAGE_OBJECT || state == QUIRE_PAGE_ZERO))
		return true;
	return qr_check_fail(checker, "frame %x (%s): %u references, and %u are held", page->pfn,
			     quire_page_state_name(state), (uint64_t)page->ref, want);
}

bool qr_check_frames(struct qr_checker *checker)
{
	struct quire_system *system = checker->system;
	uint64_t by_state[QR_PAGE_STATE_MASK + 1] = {0}, mappings = 0, cached = 0, listed = 0;

	for (unsigned i = 0; i < system->ranges; i++) {
		struct qr_range *range = &system->range[i];

		for (uint64_t at = 0; at < range->count; at++) {
			struct qr_page *page = &range->pages[at];
			enum quire_page_state state = qr_page_state(page);

			if (page->pfn != range->base + at || page->range != i || state >= QUIRE_PAGE_STATES)
				return qr_check_fail(checker, "frame %x: its descriptor was overwritten",
						     range->base + at);
			by_state[state]++;
			cached +=
			    (state == QUIRE_PAGE_FILE || state == QUIRE_PAGE_SHMEM) && page->u.cache.file;
			if (!check_page(checker, page, &mappings))
				return false;
			listed += qr_page_test(page, QR_PAGE_LRU);
		}
	}
	if (listed != system->reclaim.pages)
		return qr_check_fail(checker, "%u pages say that reclaim has them, and it has %u", listed,
				     system->reclaim.pages);
	for (unsigned state = 0; state < QUIRE_PAGE_STATES; state++) {
		uint64_t counted = qr_frames_in_state(system, (enum quire_page_state)state);

		if (by_state[state] != counted)
			return qr_check_fail(checker, "%u frames are %s, and %u are counted", by_state[state],
					     quire_page_state_name((enum quire_page_state)state), counted);
	}
	if (mappings != checker->leaves)
		return qr_check_fail(checker, "%u reverse mappings, and %u leaves", mappings,
				     checker->leaves);
	if (by_state[QUIRE_PAGE_TABLE] != checker->table_frames)
		return qr_check_fail(checker, "%u frames of tables, and %u in the trees",
				     by_state[QUIRE_PAGE_TABLE], checker->table_frames);
	if (cached != checker->cached)
		return qr_check_fail(checker, "%u frames say that a file has them, and files have %u", cached,
				     checker->cached);
	if (qr_dirty_pages(system) != checker->dirty)
		return qr_check_fail(checker, "%u pages wait to be written, and files have %u dirty ones",
				     qr_dirty_pages(system), checker->dirty);
	return true;
}
