/* SPDX-License-Identifier: MIT */
/* Writers are throttled: balance_dirty_pages.
 *
 * Each CPU counts the pages that became dirty on it, less those that became clean. Once in 32 pages a writer adds the
 * counts up. Where more pages wait than may, it writes one and a half times as many of its own file, in order, from
 * where the last writer stopped: so it pays for what it makes dirty, and a writer of another file does not. */
#include "file/file.h"

#define LOOK  32u
#define WRITE (LOOK * 3 / 2)
/* Pages that are found at once, and that are looked at for it. */
#define FOUND      16u
#define MOST_LOOKS 1024u

void qr_file_count_dirty(struct quire_file *file, int by)
{
	struct qr_cpu *cpu;

	__atomic_fetch_add(&file->dirty, (uint64_t)(int64_t)by, __ATOMIC_RELAXED);
	if (qr_file_is_shmem(file))
		return;
	cpu = qr_this_cpu(file->system);
	__atomic_fetch_add(&cpu->dirty, (uint64_t)(int64_t)by, __ATOMIC_RELAXED);
	if (by > 0)
		__atomic_fetch_add(&cpu->dirtied, 1, __ATOMIC_RELAXED);
}

uint64_t qr_dirty_pages(const struct quire_system *system)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < system->cpus; i++)
		sum += __atomic_load_n(&system->cpu[i].dirty, __ATOMIC_RELAXED);
	return sum;
}

/* Dirty pages of [*index, end), in order, each with a reference; sets *index behind the last that was looked at.
 * Returns how many. */
static unsigned find_dirty(struct quire_file *file, uint64_t *index, uint64_t end,
			   struct qr_page *page[FOUND])
{
	unsigned found = 0;

	qr_lock(file->system, &file->lock, QR_RANK_CACHE);
	for (unsigned looked = 0; *index < end && found < FOUND && looked < MOST_LOOKS; looked++) {
		struct qr_page *next = qr_index_next(file, index, end - 1);

		if (!next) {
			*index = end;
			break;
		}
		++*index;
		if (!qr_page_test(next, QR_PAGE_DIRTY))
			continue;
		qr_page_get(next);
		page[found++] = next;
	}
	qr_unlock(file->system, &file->lock, QR_RANK_CACHE);
	return found;
}

/* Puts the reference. */
static void write_page(struct quire_file *file, struct qr_page *page)
{
	/* What cannot be written stays dirty: not this writer is told, but who asks for the page. */
	enum quire_status status = QUIRE_OK;

	qr_page_lock(file->system, page);
	if (page->u.cache.file == file)
		status = qr_cache_write_page(file, page);
	qr_cache_put(file->system, page);
	(void)status;
}

/* Writes about `most` dirty pages of [*index, end); stops where the file has none. Returns how many. */
static unsigned write_range(struct quire_file *file, uint64_t *index, uint64_t end, unsigned most)
{
	struct qr_page *page[FOUND];
	unsigned written = 0;

	while (written < most && *index < end && __atomic_load_n(&file->dirty, __ATOMIC_RELAXED) > 0) {
		unsigned found = find_dirty(file, index, end, page);

		for (unsigned i = 0; i < found; i++)
			write_page(file, page[i]);
		written += found;
	}
	return written;
}

QR_RARE static void write_some(struct quire_file *file)
{
	uint64_t start = __atomic_load_n(&file->next_write, __ATOMIC_RELAXED), end = UINT64_MAX,
		 index = start;
	unsigned written = write_range(file, &index, end, WRITE);

	if (written < WRITE) {
		index = 0;
		(void)write_range(file, &index, start, WRITE - written);
	}
	__atomic_store_n(&file->next_write, index, __ATOMIC_RELAXED);
}

bool qr_file_is_due(const struct quire_file *file)
{
	return !qr_file_is_shmem(file) &&
	       __atomic_load_n(&qr_this_cpu(file->system)->dirtied, __ATOMIC_RELAXED) >= LOOK;
}

void qr_file_balance(struct quire_file *file)
{
	struct quire_system *system = file->system;

	__atomic_store_n(&qr_this_cpu(system)->dirtied, 0, __ATOMIC_RELAXED);
	/* A device that lies on a file writes so that pages can leave: it is not held up. */
	if (qr_dirty_pages(system) > system->dirty_limit && !qr_reclaims(system))
		write_some(file);
}
