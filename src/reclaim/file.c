/* SPDX-License-Identifier: MIT */
/* A page of a file leaves memory: unmapped, written if a mapping or a write made it dirty, dropped. */
#include "reclaim/reclaim.h"

/* Unmapped and clean, or it stays. => LOCKED */
static bool make_clean(struct quire_system *system, struct qr_page *page)
{
	struct qr_sweep sweep;
	bool free;

	qr_sweep_begin(&sweep, system, NULL);
	free = qr_sweep_page(&sweep, page, QR_SWEEP_ZAP, 0);
	qr_sweep_end(&sweep);
	if (!free)
		return false;
	return qr_cache_write_page(page->u.cache.file, page) == QUIRE_OK &&
	       !qr_page_test(page, QR_PAGE_DIRTY);
}

bool qr_reclaim_file_page(struct quire_system *system, struct qr_page *page)
{
	struct quire_file *file = page->u.cache.file;

	/* LOCKED and in the file: the file stays until the page is let go. */
	if (file && qr_page_test(page, QR_PAGE_UPTODATE) && make_clean(system, page) &&
	    qr_cache_drop_clean(file, page)) {
		qr_page_unlock(system, page);
		qr_page_put(system, page);
		return true;
	}
	qr_page_unlock(system, page);
	return false;
}
