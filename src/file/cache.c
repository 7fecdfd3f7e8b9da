/* SPDX-License-Identifier: MIT */
/* The page cache: finding, making and reading the pages of a file.
 *
 * A page enters the index LOCKED and without UPTODATE; its creator fills and unlocks it. Other threads
 * sleep for the lock meanwhile. A read that fails removes the page, so that the next access tries again. */
#include "file/file.h"

uint64_t qr_file_end_index(const struct quire_file *file)
{
	uint64_t size = __atomic_load_n(&file->size, __ATOMIC_ACQUIRE);
	uint64_t mask = qr_page_mask(file->system);

	return (size >> qr_arch(file->system)->page_shift) + ((size & mask) != 0);
}

/* One look, so that a page cannot become a value, or a value a page, in between: the page with a reference, or what
 * is in its place. */
static struct qr_page *look(struct quire_file *file, uint64_t index, uintptr_t *out_value)
{
	struct qr_page *page;

	qr_lock(file->system, &file->lock, QR_RANK_CACHE);
	page = qr_index_find(file, index);
	*out_value = page ? 0 : qr_index_value(file, index);
	if (page)
		qr_page_get(page);
	qr_unlock(file->system, &file->lock, QR_RANK_CACHE);
	return page;
}

struct qr_page *qr_cache_find(struct quire_file *file, uint64_t index)
{
	uintptr_t value;

	return look(file, index, &value);
}

struct qr_page *qr_cache_take(struct quire_file *file, uint64_t index)
{
	struct quire_system *system = file->system;
	struct qr_page *page;

	qr_lock(system, &file->lock, QR_RANK_CACHE);
	page = index < qr_file_end_index(file) ? qr_index_find(file, index) : NULL;
	if (page && qr_page_trylock_ready(system, page))
		qr_page_get(page);
	else
		page = NULL;
	qr_unlock(system, &file->lock, QR_RANK_CACHE);
	return page;
}

unsigned qr_cache_find_range(struct quire_file *file, uint64_t first, uint64_t last, struct qr_page **pages,
			     unsigned count)
{
	unsigned found = 0;
	uint64_t index = first;

	qr_lock(file->system, &file->lock, QR_RANK_CACHE);
	while (found < count) {
		struct qr_page *page = qr_index_next(file, &index, last);

		if (!page)
			break;
		qr_page_get(page);
		pages[found++] = page;
		if (index++ == last)
			break;
	}
	qr_unlock(file->system, &file->lock, QR_RANK_CACHE);
	return found;
}

/* Takes what is ready of `count` entries of one node. => CACHE */
QR_INLINE unsigned take_run(const struct quire_file *file, uint64_t index, unsigned count,
			    struct qr_page **pages)
{
	struct qr_page *const *run;
	uint32_t used = qr_index_used(file, index, count, &run);
	unsigned taken = 0;

	for (; used; used >>= 1, run++) {
		struct qr_page *page;

		if (!(used & 1)) {
			unsigned none = qr_lowest(used);

			used >>= none;
			run += none;
		}
		page = *run;
		if (qr_index_is_value(page) || !qr_page_trylock_ready(file->system, page))
			continue;
		qr_page_get(page);
		pages[taken++] = page;
	}
	return taken;
}

unsigned qr_cache_take_range(struct quire_file *file, uint64_t first, uint64_t last,
			     struct qr_page *pages[QR_TAKE_PAGES])
{
	struct quire_system *system = file->system;
	unsigned count = (unsigned)(last - first) + 1,
		 here = QR_INDEX_NODE - (unsigned)(first % QR_INDEX_NODE);
	unsigned taken = 0;
	uint64_t end;

	qr_lock(system, &file->lock, QR_RANK_CACHE);
	end = qr_file_end_index(file);
	if (qr_unlikely(end <= last))
		count = end > first ? (unsigned)(end - first) : 0;
	if (count > 0)
		taken = take_run(file, first, count < here ? count : here, pages);
	/* So few pages lie in two nodes at most. */
	if (count > here)
		taken += take_run(file, first + here, count - here, pages + taken);
	qr_unlock(system, &file->lock, QR_RANK_CACHE);
	return taken;
}

/* Commits one page of shared memory, unless the file was committed as a whole. */
static enum quire_status commit_page(struct quire_file *file)
{
	if (!qr_file_is_shmem(file) || (file->flags & QR_FILE_ACCOUNTED))
		return QUIRE_OK;
	if (qr_commit(file->system, &(struct qr_promise){.pages = 1}) != QUIRE_OK)
		return QUIRE_ENOMEM;
	__atomic_fetch_add(&file->committed, 1, __ATOMIC_RELAXED);
	return QUIRE_OK;
}

void qr_cache_uncommit(struct quire_file *file)
{
	if (!qr_file_is_shmem(file) || (file->flags & QR_FILE_ACCOUNTED))
		return;
	__atomic_fetch_sub(&file->committed, 1, __ATOMIC_RELAXED);
	qr_uncommit(file->system, 1);
}

/* Adds a new page at `index`, LOCKED, with a reference for the caller. QUIRE_EEXIST: another thread was
 * faster. */
static enum quire_status add(struct quire_file *file, uint64_t index, struct qr_page **out_page)
{
	struct quire_system *system = file->system;
	bool shmem = qr_file_is_shmem(file);
	enum quire_status status = commit_page(file);
	struct qr_page *page;
	uintptr_t mark;

	if (status != QUIRE_OK)
		return status;
	page = qr_frame_alloc(system, 0, shmem ? QUIRE_FRAME_ZERO : 0,
			      shmem ? QUIRE_PAGE_SHMEM : QUIRE_PAGE_FILE);
	if (!page) {
		qr_cache_uncommit(file);
		return QUIRE_ENOMEM;
	}
	qr_page_lock(system, page);
	page->u.cache.file = file;
	page->u.cache.index = index;
	if (shmem)
		qr_page_set(page, QR_PAGE_UPTODATE);
	qr_page_get(page);
	qr_lock(system, &file->lock, QR_RANK_CACHE);
	mark = shmem ? 0 : qr_index_value(file, index);
	if (mark)
		(void)qr_index_replace(file, index, (void *)mark, page);
	else
		status = qr_index_insert(file, index, page);
	qr_unlock(system, &file->lock, QR_RANK_CACHE);
	if (status == QUIRE_OK && !shmem)
		system->reclaim_hooks->came(system, page, mark);
	if (status != QUIRE_OK) {
		page->u.cache.file = NULL;
		qr_page_unlock(system, page);
		qr_page_put(system, page);
		qr_page_put(system, page);
		qr_cache_uncommit(file);
		return status;
	}
	*out_page = page;
	return QUIRE_OK;
}

void qr_cache_remove(struct quire_file *file, struct qr_page *page)
{
	struct quire_system *system = file->system;
	const void *was;

	qr_lock(system, &file->lock, QR_RANK_CACHE);
	was = qr_index_remove(file, page->u.cache.index);
	if (qr_page_clear_bits(page, QR_PAGE_DIRTY) & QR_PAGE_DIRTY)
		qr_file_count_dirty(file, -1);
	qr_unlock(system, &file->lock, QR_RANK_CACHE);
	qr_assert(system, was == page);
	page->u.cache.file = NULL;
	qr_cache_uncommit(file);
	qr_page_put(system, page);
}

bool qr_cache_drop_clean(struct quire_file *file, struct qr_page *page)
{
	struct quire_system *system = file->system;
	struct qr_reclaim *reclaim = &system->reclaim;
	uintptr_t mark = (uintptr_t)(__atomic_load_n(&reclaim->left, __ATOMIC_RELAXED) << 1 | 1);
	bool may, keep = __atomic_load_n(&reclaim->shadows, __ATOMIC_RELAXED) < system->frames_total / 4;

	qr_lock(system, &file->lock, QR_RANK_CACHE);
	/* Who finds it in the index takes a reference under this lock. */
	may = __atomic_load_n(&page->ref, __ATOMIC_ACQUIRE) == 2 && qr_rmap_count(page) == 0 &&
	      !qr_page_test(page, QR_PAGE_DIRTY | QR_PAGE_WRITEBACK);
	if (may && keep)
		(void)qr_index_replace(file, page->u.cache.index, page, (void *)mark);
	else if (may)
		(void)qr_index_remove(file, page->u.cache.index);
	qr_unlock(system, &file->lock, QR_RANK_CACHE);
	if (!may)
		return false;
	if (keep)
		__atomic_fetch_add(&reclaim->shadows, 1, __ATOMIC_RELAXED);
	page->u.cache.file = NULL;
	qr_page_put(system, page); /* the cache's */
	return true;
}

/* --- values in the place of pages -------------------------------------------------------------------------- */

uintptr_t qr_cache_value(struct quire_file *file, uint64_t index)
{
	uintptr_t key;

	qr_lock(file->system, &file->lock, QR_RANK_CACHE);
	key = qr_index_value(file, index);
	qr_unlock(file->system, &file->lock, QR_RANK_CACHE);
	return key;
}

uint64_t qr_cache_count_values(struct quire_file *file, uint64_t first, uint64_t end)
{
	uint64_t count = 0;
	const void *entry;

	qr_lock(file->system, &file->lock, QR_RANK_CACHE);
	while (file->values && first < end && (entry = qr_index_next_entry(file, &first, end - 1)) != NULL) {
		count += qr_index_is_value(entry) && !qr_swap_is_marker((uintptr_t)entry);
		first++;
	}
	qr_unlock(file->system, &file->lock, QR_RANK_CACHE);
	return count;
}

static bool replace(struct quire_file *file, uint64_t index, const void *old, void *entry)
{
	bool done;

	qr_lock(file->system, &file->lock, QR_RANK_CACHE);
	done = qr_index_replace(file, index, old, entry);
	qr_unlock(file->system, &file->lock, QR_RANK_CACHE);
	return done;
}

void qr_cache_swap_out(struct quire_file *file, struct qr_page *page, uintptr_t key)
{
	bool done = replace(file, page->u.cache.index, page, (void *)key);

	qr_assert(file->system, done);
	if (qr_page_clear_bits(page, QR_PAGE_DIRTY) & QR_PAGE_DIRTY)
		qr_file_count_dirty(file, -1);
}

bool qr_cache_swap_in(struct quire_file *file, uint64_t index, uintptr_t key, struct qr_page *page)
{
	return replace(file, index, (void *)key, page);
}

void qr_cache_poison(struct quire_file *file, uint64_t index, uintptr_t key)
{
	if (replace(file, index, (void *)key, (void *)(uintptr_t)(QR_SWAP_POISON | 1)))
		file->system->swap_hooks->put(file->system, key & ~(uintptr_t)QR_SWAP_EXCLUSIVE);
}

bool qr_cache_forget(struct quire_file *file, uint64_t index, uintptr_t key)
{
	bool done;

	qr_lock(file->system, &file->lock, QR_RANK_CACHE);
	done = qr_index_value(file, index) == key;
	if (done)
		(void)qr_index_remove(file, index);
	qr_unlock(file->system, &file->lock, QR_RANK_CACHE);
	if (done && !qr_file_is_shmem(file))
		__atomic_fetch_sub(&file->system->reclaim.shadows, 1, __ATOMIC_RELAXED);
	if (!done || !qr_file_is_shmem(file))
		return done;
	qr_cache_uncommit(file);
	file->system->swap_hooks->put(file->system, key & ~(uintptr_t)QR_SWAP_EXCLUSIVE);
	return true;
}

/* Fills a LOCKED page from the host. A read that ends before the end of the file is an error; bytes behind
 * the end are zeroes. */
static enum quire_status fill(struct quire_file *file, struct qr_page *page)
{
	struct quire_system *system = file->system;
	uint64_t bytes = qr_page_bytes(system);
	uint64_t offset = page->u.cache.index << qr_arch(system)->page_shift;
	uint64_t size = __atomic_load_n(&file->size, __ATOMIC_ACQUIRE);
	size_t want = (size_t)(offset < size ? qr_min(bytes, size - offset) : 0);
	size_t got = 0;
	enum quire_status status = QUIRE_OK;
	char *at;

	if (qr_inject(system, QUIRE_RES_READ))
		return QUIRE_EIO;
	at = qr_page_map(system, page);
	if (want)
		status = file->ops->read(file->context, offset, at, want, &got);
	if (status == QUIRE_OK && got < want)
		status = QUIRE_EIO;
	if (status == QUIRE_OK) {
		memset(at + want, 0, (size_t)bytes - want);
		qr_page_wrote(system, at);
		qr_page_set(page, QR_PAGE_UPTODATE);
		qr_event(qr_this_cpu(system), QUIRE_EVENT_PAGE_READ);
	}
	qr_page_unmap(system, page, at);
	return status;
}

/* Whether a LOCKED page is still this file's page at `index`. */
static bool belongs(const struct qr_page *page, const struct quire_file *file, uint64_t index)
{
	return page->u.cache.file == file && page->u.cache.index == index;
}

/* The page that is there, LOCKED and referenced: from the cache, or back from swap. QUIRE_ENOENT: there is none. */
static enum quire_status find_locked(struct quire_file *file, uint64_t index, struct qr_page **out_page,
				     enum quire_step *out_how)
{
	struct quire_system *system = file->system;

	for (;;) {
		enum quire_status status;
		uintptr_t value;
		struct qr_page *page = look(file, index, &value);

		*out_page = page;
		*out_how = QUIRE_STEP_CACHE_HIT;
		if (page) {
			qr_page_lock(system, page);
			if (qr_likely(belongs(page, file, index)))
				return QUIRE_OK;
			qr_cache_put(system, page); /* truncated, or swapped, meanwhile */
			continue;
		}
		/* In a file of a device the value says when the page was dropped. */
		if (!value || !qr_file_is_shmem(file))
			return QUIRE_ENOENT;
		status = system->swap_hooks->bring(file, index, value, out_page, out_how);
		if (status != QUIRE_EAGAIN)
			return status;
	}
}

enum quire_status qr_cache_find_locked(struct quire_file *file, uint64_t index, struct qr_page **out_page)
{
	enum quire_step how;

	return find_locked(file, index, out_page, &how);
}

enum quire_status qr_cache_make(struct quire_file *file, uint64_t index, struct qr_page **out_page,
				enum quire_step *out_how)
{
	struct quire_system *system = file->system;
	enum quire_status status;
	struct qr_page *page;

	do {
		status = find_locked(file, index, &page, out_how);
		if (status == QUIRE_ENOENT) {
			*out_how = QUIRE_STEP_CACHE_SHMEM;
			status = add(file, index, &page);
		}
	} while (status == QUIRE_EEXIST);
	if (status != QUIRE_OK)
		return status;
	if (qr_unlikely(!qr_page_test(page, QR_PAGE_UPTODATE))) {
		*out_how = QUIRE_STEP_CACHE_READ;
		status = fill(file, page);
		if (status != QUIRE_OK) {
			qr_cache_remove(file, page);
			qr_cache_put(system, page);
			return status;
		}
	}
	*out_page = page;
	return QUIRE_OK;
}

enum quire_status qr_cache_get(struct quire_file *file, uint64_t index, struct qr_page **out_page,
			       enum quire_step *out_how)
{
	struct quire_system *system = file->system;
	enum quire_status status;

	if (index >= qr_file_end_index(file) && !qr_mutant(system, "sigbus"))
		return QUIRE_ERANGE;
	status = qr_cache_make(file, index, out_page, out_how);
	/* Truncated between the check and the lock: the page must leave the cache again. */
	if (status == QUIRE_OK && index >= qr_file_end_index(file) && !qr_mutant(system, "sigbus")) {
		qr_page_unmap_all(system, *out_page);
		qr_cache_remove(file, *out_page);
		qr_cache_put(system, *out_page);
		return QUIRE_ERANGE;
	}
	return status;
}

void qr_cache_put(struct quire_system *system, struct qr_page *page)
{
	qr_page_unlock(system, page);
	qr_page_put(system, page);
}

void qr_cache_dirty(struct qr_page *page)
{
	struct quire_file *file = page->u.cache.file;

	if (qr_page_set(page, QR_PAGE_DIRTY) & QR_PAGE_DIRTY)
		return;
	if (file)
		qr_file_count_dirty(file, 1);
}

static void page_dirtied(struct quire_system *system, struct qr_page *page)
{
	(void)system;
	qr_cache_dirty(page);
}

static const struct qr_page_hooks cache_hooks = {.dirtied = page_dirtied};

void qr_file_init(struct quire_system *system)
{
	system->page_hooks[QUIRE_PAGE_FILE] = &cache_hooks;
	system->page_hooks[QUIRE_PAGE_SHMEM] = &cache_hooks;
}
