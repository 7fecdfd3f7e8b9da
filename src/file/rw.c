/* SPDX-License-Identifier: MIT */
/* read(2) and write(2) through the page cache: what mappings see and change at once. */
#include "file/file.h"

/* The piece of one page that [offset, end) covers. */
struct piece {
	uint64_t index;
	size_t from, bytes;
};

static struct piece piece_at(const struct quire_system *system, uint64_t offset, uint64_t end)
{
	struct piece piece;

	piece.index = offset >> qr_arch(system)->page_shift;
	piece.from = (size_t)(offset & qr_page_mask(system));
	piece.bytes = (size_t)qr_min(qr_page_bytes(system) - piece.from, end - offset);
	return piece;
}

static enum quire_status try_read_piece(struct quire_file *file, const struct piece *piece, char *to)
{
	struct quire_system *system = file->system;
	enum quire_status status;
	enum quire_step how;
	struct qr_page *page;
	char *at;

	if (qr_file_is_shmem(file)) {
		/* An absent page reads as zeroes; reading does not create it. */
		status = qr_cache_find_locked(file, piece->index, &page);
		if (status == QUIRE_ENOENT) {
			memset(to, 0, piece->bytes);
			return QUIRE_OK;
		}
	} else {
		status = qr_cache_get(file, piece->index, &page, &how);
	}
	if (status != QUIRE_OK)
		return status;
	at = qr_page_map(system, page);
	memcpy(to, at + piece->from, piece->bytes);
	qr_page_unmap(system, page, at);
	qr_page_set(page, QR_PAGE_REFERENCED);
	qr_cache_put(system, page);
	return QUIRE_OK;
}

static enum quire_status read_piece(struct quire_file *file, const struct piece *piece, char *to)
{
	struct qr_retry retry = qr_retry_begin(file->system);
	enum quire_status status;

	do
		status = try_read_piece(file, piece, to);
	while (qr_retry_status(file->system, &retry, status));
	return status;
}

enum quire_status quire_file_read(struct quire_file *file, uint64_t offset, void *buffer, size_t length,
				  size_t *out_done)
{
	uint64_t size = quire_file_size(file);
	uint64_t end;

	*out_done = 0;
	if (offset >= size)
		return QUIRE_OK;
	end = offset + qr_min(length, size - offset);
	while (offset < end) {
		struct piece piece = piece_at(file->system, offset, end);
		enum quire_status status = read_piece(file, &piece, (char *)buffer + *out_done);

		if (status == QUIRE_ERANGE)
			return QUIRE_OK; /* truncated meanwhile */
		if (status != QUIRE_OK)
			return status;
		*out_done += piece.bytes;
		offset += piece.bytes;
	}
	return QUIRE_OK;
}

/* Grows the size to hold `end`. */
static void grow_to(struct quire_file *file, uint64_t end)
{
	struct quire_system *system = file->system;

	qr_lock(system, &file->lock, QR_RANK_CACHE);
	if (end > __atomic_load_n(&file->size, __ATOMIC_RELAXED))
		__atomic_store_n(&file->size, end, __ATOMIC_RELEASE);
	qr_unlock(system, &file->lock, QR_RANK_CACHE);
}

/* The size grows after the bytes are stored: a thread that sees the size sees them. */
static enum quire_status try_write_piece(struct quire_file *file, const struct piece *piece, const char *from)
{
	struct quire_system *system = file->system;
	enum quire_status status;
	enum quire_step how;
	struct qr_page *page;
	char *at;

	status = qr_cache_make(file, piece->index, &page, &how);
	if (status != QUIRE_OK)
		return status;
	at = qr_page_map(system, page);
	memcpy(at + piece->from, from, piece->bytes);
	qr_page_wrote(system, at);
	qr_page_not_fetched(page);
	qr_page_unmap(system, page, at);
	/* What is written so that other pages can leave is the next to leave. */
	if (!qr_reclaims(system))
		qr_page_set(page, QR_PAGE_REFERENCED);
	/* Nothing maps it, perhaps never: no mapping will tell reclaim of it. */
	if (!qr_page_test(page, QR_PAGE_LRU))
		system->reclaim_hooks->came(system, page, 0);
	qr_cache_dirty(page);
	grow_to(file, (piece->index << qr_arch(system)->page_shift) + piece->from + piece->bytes);
	qr_cache_put(system, page);
	return QUIRE_OK;
}

static enum quire_status write_piece(struct quire_file *file, const struct piece *piece, const char *from)
{
	struct qr_retry retry = qr_retry_begin(file->system);
	enum quire_status status;

	do
		status = try_write_piece(file, piece, from);
	while (qr_retry_status(file->system, &retry, status));
	return status;
}

enum quire_status quire_file_write(struct quire_file *file, uint64_t offset, const void *buffer,
				   size_t length, size_t *out_done)
{
	uint64_t end = offset + length;

	*out_done = 0;
	if (end < offset || end > INT64_MAX)
		return QUIRE_EFBIG;
	/* A write behind the end leaves a hole. */
	if (length && offset > quire_file_size(file))
		qr_file_grow(file, offset);
	while (offset < end) {
		struct piece piece = piece_at(file->system, offset, end);
		enum quire_status status = write_piece(file, &piece, (const char *)buffer + *out_done);

		if (status != QUIRE_OK)
			return status;
		if (qr_unlikely(qr_file_is_due(file)))
			qr_file_balance(file);
		*out_done += piece.bytes;
		offset += piece.bytes;
	}
	return QUIRE_OK;
}
