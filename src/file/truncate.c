/* SPDX-License-Identifier: MIT */
/* Truncation and holes: pages leave the file, and every address space that maps them.
 *
 *   1 the new size is stored: from here a fault beyond it is SIGBUS
 *   2 the range is unmapped through every mapping of the file
 *   3 each page is locked, unmapped where a fault was faster, taken out of the index
 *   4 the range is unmapped once more: a fault that copied a page between 2 and 3 mapped its copy
 *     while the page was LOCKED, so no copy can come after 3 */
#include "file/file.h"

/* The part of a mapping that maps pages [first, last] of the file. False: none. */
static bool overlap(const struct qr_mapping *map, uint64_t first, uint64_t last, quire_va *start,
		    quire_va *end)
{
	unsigned shift = qr_arch(map->pt->system)->page_shift;
	uint64_t map_last = map->pgoff + ((uint64_t)(map->end - map->start) >> shift) - 1;
	uint64_t from, to;

	if (map_last < first || map->pgoff > last)
		return false;
	from = qr_max(first, map->pgoff) - map->pgoff;
	to = qr_min(last, map_last) - map->pgoff;
	*start = map->start + (quire_va)(from << shift);
	*end = map->start + (quire_va)((to + 1) << shift);
	return true;
}

void qr_file_unmap(struct quire_file *file, uint64_t first, uint64_t last, enum qr_unmap_what what)
{
	const struct qr_pt_counts came = {0};
	struct qr_list *node;

	qr_map_lock(file);
	for (node = file->mappings.next; node != &file->mappings; node = node->next) {
		struct qr_mapping *map = QR_CONTAINER(node, struct qr_mapping, link);
		struct qr_pt_counts gone = {0};
		struct qr_tlb tlb;
		quire_va start, end;

		if (!overlap(map, first, last, &start, &end))
			continue;
		qr_tlb_begin(&tlb, map->pt);
		qr_pt_unmap(map->pt, &tlb, start, end, what, &gone);
		qr_tlb_end(&tlb);
		if (map->pt->count)
			map->pt->count(map->pt, &gone, &came);
	}
	qr_map_unlock(file);
}

/* The first entry of the index in [*index, last]: a page with a reference, a value, or NULL. */
static void *next_entry(struct quire_file *file, uint64_t *index, uint64_t last)
{
	void *entry;

	qr_lock(file->system, &file->lock, QR_RANK_CACHE);
	entry = qr_index_next_entry(file, index, last);
	if (entry && !qr_index_is_value(entry))
		qr_page_get(entry);
	qr_unlock(file->system, &file->lock, QR_RANK_CACHE);
	return entry;
}

/* The first cached page of [*index, last], LOCKED and referenced; NULL: none. Values on the way are forgotten: a
 * page that comes back meanwhile finds its value gone. */
static struct qr_page *next_locked(struct quire_file *file, uint64_t *index, uint64_t last)
{
	struct quire_system *system = file->system;

	for (;;) {
		void *entry = next_entry(file, index, last);
		struct qr_page *page = entry;

		if (!entry)
			return NULL;
		if (qr_index_is_value(entry)) {
			(void)qr_cache_forget(file, *index, (uintptr_t)entry);
			continue;
		}
		qr_page_lock(system, page);
		if (page->u.cache.file == file) {
			*index = page->u.cache.index;
			return page;
		}
		qr_cache_put(system, page); /* removed by another thread meanwhile: look again */
	}
}

void qr_file_drop_pages(struct quire_file *file, uint64_t first, uint64_t last)
{
	struct qr_page *page;

	while ((page = next_locked(file, &first, last))) {
		qr_page_unmap_all(file->system, page);
		qr_cache_remove(file, page);
		qr_cache_put(file->system, page);
		if (first++ == UINT64_MAX)
			return;
	}
}

/* Clears bytes [from, to) of a page. => LOCKED */
static void clear(struct quire_system *system, struct qr_page *page, size_t from, size_t to)
{
	char *at = qr_page_map(system, page);

	memset(at + from, 0, to - from);
	qr_page_not_fetched(page);
	qr_page_unmap(system, page, at);
	qr_cache_dirty(page);
}

/* Clears bytes [from, to) of the page at `index` if the file has it. `make`: reads it in first, because the
 * device may hold old bytes there. */
static enum quire_status clear_part(struct quire_file *file, uint64_t index, size_t from, size_t to,
				    bool make)
{
	struct quire_system *system = file->system;
	enum quire_status status;
	enum quire_step how;
	struct qr_page *page;

	if (from >= to)
		return QUIRE_OK;
	if (make && !qr_file_is_shmem(file))
		status = qr_cache_get(file, index, &page, &how);
	else
		status = qr_cache_find_locked(file, index, &page);
	if (status == QUIRE_ENOENT || status == QUIRE_ERANGE)
		return QUIRE_OK;
	if (status != QUIRE_OK)
		return status;
	clear(system, page, from, to);
	qr_cache_put(system, page);
	return QUIRE_OK;
}

/* From `old` to `size`, unless another thread has changed it. */
static bool change_size(struct quire_file *file, uint64_t old, uint64_t size)
{
	bool same;

	qr_lock(file->system, &file->lock, QR_RANK_CACHE);
	same = __atomic_load_n(&file->size, __ATOMIC_RELAXED) == old;
	if (same)
		__atomic_store_n(&file->size, size, __ATOMIC_RELEASE);
	qr_unlock(file->system, &file->lock, QR_RANK_CACHE);
	return same;
}

/* The page of the old end is LOCKED meanwhile: a write into it grows the file under that lock too (rw.c), so either
 * its bytes are within the old end here, or they come after the page was cleared. */
void qr_file_grow(struct quire_file *file, uint64_t size)
{
	struct quire_system *system = file->system;
	uint64_t old;
	bool done = false;

	while (!done && size > (old = quire_file_size(file))) {
		size_t stale = (size_t)(old & qr_page_mask(system));
		struct qr_page *page = NULL;

		/* In shared memory they appear: its pages are the only copy. */
		if (stale && !qr_file_is_shmem(file) &&
		    qr_cache_find_locked(file, old >> qr_arch(system)->page_shift, &page) != QUIRE_OK)
			page = NULL; /* not cached */
		done = change_size(file, old, size);
		if (done && page)
			clear(system, page, stale, (size_t)qr_page_bytes(system));
		if (page)
			qr_cache_put(system, page);
	}
}

enum quire_status quire_file_truncate(struct quire_file *file, uint64_t size)
{
	struct quire_system *system = file->system;
	size_t bytes = (size_t)qr_page_bytes(system);
	size_t part = (size_t)(size & qr_page_mask(system));
	uint64_t old;

	if (size > INT64_MAX)
		return QUIRE_EFBIG;
	qr_lock(system, &file->lock, QR_RANK_CACHE);
	old = __atomic_exchange_n(&file->size, size, __ATOMIC_ACQ_REL);
	qr_unlock(system, &file->lock, QR_RANK_CACHE);
	if (size > old) {
		/* Bytes that a mapping wrote behind the old end must not appear in the grown file. In shared
		 * memory they do: its pages are the only copy. */
		size_t stale = (size_t)(old & qr_page_mask(system));

		if (stale && !qr_file_is_shmem(file))
			(void)clear_part(file, old >> qr_arch(system)->page_shift, stale, bytes, false);
		return QUIRE_OK;
	}
	/* Setting the same size again clears what a mapping wrote behind the end, as on Linux. */
	uint64_t first = qr_file_end_index(file);

	if (!qr_mutant(system, "truncate-keeps-mapped")) {
		qr_file_unmap(file, first, UINT64_MAX, QR_UNMAP_PAGES);
		qr_file_drop_pages(file, first, UINT64_MAX);
		qr_file_unmap(file, first, UINT64_MAX, QR_UNMAP_PAGES);
	}
	if (part && !qr_mutant(system, "truncate-tail"))
		(void)clear_part(file, size >> qr_arch(system)->page_shift, part, bytes, false);
	return QUIRE_OK;
}

enum quire_status quire_file_punch(struct quire_file *file, uint64_t offset, uint64_t length)
{
	struct quire_system *system = file->system;
	unsigned shift = qr_arch(system)->page_shift;
	uint64_t mask = qr_page_mask(system);
	size_t bytes = (size_t)qr_page_bytes(system);
	uint64_t end = offset + length;
	uint64_t first = (offset + mask) >> shift; /* whole pages [first, last) */
	uint64_t last = end >> shift;
	enum quire_status status = QUIRE_OK;

	if (length == 0 || end < offset || end > INT64_MAX)
		return QUIRE_EINVAL;
	/* A quirk of Linux: a hole in shared memory that ends within the first page unmaps to the end of the
	 * file. The pages stay, so only fault counts show it. */
	if (end < bytes && qr_file_is_shmem(file))
		qr_file_unmap(file, first, UINT64_MAX, QR_UNMAP_CACHE);
	if (offset >> shift == (end - 1) >> shift && (offset & mask || end & mask))
		return clear_part(file, offset >> shift, (size_t)(offset & mask),
				  end & mask ? (size_t)(end & mask) : bytes, true);
	if (offset & mask)
		status = clear_part(file, offset >> shift, (size_t)(offset & mask), bytes, true);
	if (status == QUIRE_OK && end & mask)
		status = clear_part(file, last, 0, (size_t)(end & mask), true);
	if (status != QUIRE_OK || first >= last)
		return status;
	qr_file_unmap(file, first, last - 1,
		      qr_mutant(system, "punch-private") ? QR_UNMAP_PAGES : QR_UNMAP_CACHE);
	qr_file_drop_pages(file, first, last - 1);
	return QUIRE_OK;
}
