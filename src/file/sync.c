/* SPDX-License-Identifier: MIT */
/* Writeback: dirty pages go to the host; clean ones can be dropped.
 *
 * A page is cleaned before it is written: DIRTY off, every leaf clean and read-only. A store that
 * comes during the transfer faults, and marks the page dirty again. */
#include "file/file.h"

enum quire_status qr_cache_write_page(struct quire_file *file, struct qr_page *page)
{
	struct quire_system *system = file->system;
	uint64_t offset = page->u.cache.index << qr_arch(system)->page_shift;
	uint64_t size = quire_file_size(file);
	enum quire_status status = QUIRE_EIO;
	void *at;

	if (qr_page_mkclean(system, page))
		qr_cache_dirty(page);
	if (!file->ops || !file->ops->write || offset >= size)
		return QUIRE_OK;
	if (!(qr_page_clear_bits(page, QR_PAGE_DIRTY) & QR_PAGE_DIRTY))
		return QUIRE_OK;
	qr_file_count_dirty(file, -1);
	if (!qr_inject(system, QUIRE_RES_WRITE)) {
		at = qr_page_map(system, page);
		status = file->ops->write(file->context, offset, at,
					  (size_t)qr_min(qr_page_bytes(system), size - offset));
		qr_page_unmap(system, page, at);
	}
	if (status == QUIRE_OK)
		qr_event(qr_this_cpu(system), QUIRE_EVENT_PAGE_WRITTEN);
	else
		qr_cache_dirty(page);
	return status;
}

/* The pages of [offset, offset + length); length 0: to the end. False: none. */
static bool pages_of(const struct quire_file *file, uint64_t offset, uint64_t length, uint64_t *first,
		     uint64_t *last)
{
	unsigned shift = qr_arch(file->system)->page_shift;
	uint64_t end = offset + length;

	*first = offset >> shift;
	*last = UINT64_MAX >> shift;
	if (length && end > offset)
		*last = (end - 1) >> shift;
	return *first <= *last;
}

enum quire_status quire_file_sync(struct quire_file *file, uint64_t offset, uint64_t length)
{
	struct quire_system *system = file->system;
	enum quire_status result = QUIRE_OK;
	uint64_t index, last;
	struct qr_page *page;

	if (qr_file_is_shmem(file) || !pages_of(file, offset, length, &index, &last))
		return QUIRE_OK;
	while (index <= last && qr_cache_find_range(file, index, last, &page, 1)) {
		enum quire_status status = QUIRE_OK;

		qr_page_lock(system, page);
		if (page->u.cache.file == file) {
			index = page->u.cache.index;
			status = qr_cache_write_page(file, page);
			index++;
		}
		qr_cache_put(system, page);
		if (result == QUIRE_OK)
			result = status;
	}
	return result;
}

uint64_t quire_file_drop(struct quire_file *file, uint64_t offset, uint64_t length)
{
	struct quire_system *system = file->system;
	uint64_t index, last, dropped = 0;
	struct qr_page *page;

	if (qr_file_is_shmem(file) || !pages_of(file, offset, length, &index, &last))
		return 0;
	while (index <= last && qr_cache_find_range(file, index, last, &page, 1)) {
		qr_page_lock(system, page);
		if (page->u.cache.file == file) {
			index = page->u.cache.index + 1;
			if (qr_rmap_count(page) == 0 && !qr_page_test(page, QR_PAGE_DIRTY)) {
				qr_cache_remove(file, page);
				dropped++;
			}
		}
		qr_cache_put(system, page);
	}
	return dropped;
}
