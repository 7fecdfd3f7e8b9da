/* SPDX-License-Identifier: MIT */
/* Shared memory: its file keeps the value of a slot where the page was, and gets the page back from there. */
#include "swap/swap.h"

void qr_shmem_leave(struct quire_system *system, struct qr_page *page, uint64_t value)
{
	struct quire_file *file = page->u.cache.file;
	/* The file's reference of the slot: the first one, so never one too many. */
	enum quire_status status = qr_swap_dup(system, value);

	qr_assert(system, status == QUIRE_OK);
	/* The slot has the page already: whoever finds the value finds the page, and waits for its lock. */
	qr_cache_swap_out(file, page, qr_swap_key(value));
	page->u.cache.file = NULL;
	page->u.cache.index = 0;
	qr_page_set_state(system, page, QUIRE_PAGE_ANON);
	qr_page_set(page, QR_PAGE_DIRTY);
	qr_swap_adopt(system, page, value);
	qr_page_put(system, page); /* the file's */
}

/* A LOCKED page of the swap cache, which nobody maps, becomes the file's in the place of the value. The slot's one
 * reference was the file's, so the slot is free afterwards. False: the file has something else there now. */
static bool join(struct quire_file *file, uint64_t index, uint64_t value, struct qr_page *page)
{
	struct quire_system *system = file->system;
	bool free;

	qr_page_get(page); /* the file's */
	if (!qr_cache_swap_in(file, index, qr_swap_key(value), page)) {
		qr_page_put(system, page);
		return false;
	}
	qr_swap_put(system, value);
	free = qr_swap_free_slot(system, page);
	qr_assert(system, free);
	qr_page_clear_bits(page, QR_PAGE_DIRTY);
	qr_page_set_state(system, page, QUIRE_PAGE_SHMEM);
	page->u.cache.index = index;
	page->u.cache.file = file;
	qr_cache_dirty(page);
	return true;
}

enum quire_status qr_shmem_bring(struct quire_file *file, uint64_t index, uintptr_t key,
				 struct qr_page **out_page, enum quire_step *out_how)
{
	struct quire_system *system = file->system;
	uint64_t value = key & ~(uintptr_t)QR_SWAP_EXCLUSIVE;
	struct qr_area *area = qr_area_get(system, value);
	enum quire_status status;
	struct qr_page *page;
	bool read = false;

	if (!area)
		return qr_swap_is_marker(value) ? QUIRE_EIO : QUIRE_EAGAIN;
	status = qr_swap_find(system, area, value, &page);
	if (status == QUIRE_OK && !page)
		status = qr_swap_in(system, area, value, NULL, &page, &read);
	qr_area_put(system, area);
	if (status != QUIRE_OK)
		return status == QUIRE_ENOENT ? QUIRE_EAGAIN : status;
	qr_swap_hit(system, page, &system->swap->ahead, qr_swap_offset(value));
	qr_page_lock(system, page);
	qr_swap_wait_write(system, page);
	*out_how = read ? QUIRE_STEP_SWAP_READ : QUIRE_STEP_SWAP_CACHE_HIT;
	if (!qr_swap_is_page_of(page, value) || !join(file, index, value, page)) {
		qr_swap_unlock(system, page);
		qr_page_put(system, page);
		return QUIRE_EAGAIN;
	}
	*out_page = page;
	return QUIRE_OK;
}
