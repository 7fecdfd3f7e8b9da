/* SPDX-License-Identifier: MIT */
/* What of a file's range is in the cache: cachestat. */
#include "file/file.h"

#include "page/page.h"

static void count_page(const struct quire_file *file, const struct qr_page *page,
		       struct quire_file_counts *out)
{
	out->cached++;
	/* Memory has no device to be written to. */
	out->dirty += !qr_file_is_shmem(file) && qr_page_test(page, QR_PAGE_DIRTY);
}

void quire_file_count(struct quire_file *file, uint64_t offset, uint64_t length,
		      struct quire_file_counts *out_counts)
{
	unsigned shift = qr_arch(file->system)->page_shift;
	uint64_t index = offset >> shift;
	uint64_t last = length == 0 ? UINT64_MAX : (offset + length - 1) >> shift;

	*out_counts = (struct quire_file_counts){0};
	for (; index <= last; index++) {
		const void *entry;

		/* An entry at a time: a file may be large, and a lock is held for a moment. */
		qr_lock(file->system, &file->lock, QR_RANK_CACHE);
		entry = qr_index_next_entry(file, &index, last);
		if (qr_index_is_value(entry))
			out_counts->evicted++;
		else if (entry)
			count_page(file, entry, out_counts);
		qr_unlock(file->system, &file->lock, QR_RANK_CACHE);
		if (!entry || index == UINT64_MAX)
			return;
	}
}
