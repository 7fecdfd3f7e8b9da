/* SPDX-License-Identifier: MIT */
/* The reverse map: one word for one mapping, chunks beyond.
 *
 *   rmap ──► first chunk (partly full) ──► full ──► full
 *
 * New entries go to the first chunk, and a removed one is replaced by the first chunk's last, so that
 * only the first is ever partly full. */
#include "page/rmap.h"

#include "pt/pt.h"
#include "system.h"

static struct qr_rmap_chunk *chunk_of(uintptr_t word)
{
	return (struct qr_rmap_chunk *)(word & ~(QR_RMAP_CHUNK | QR_RMAP_LOCKED));
}

static uintptr_t word_of(const struct qr_rmap_chunk *chunk)
{
	return (uintptr_t)chunk | QR_RMAP_CHUNK;
}

/* --- the lock: a bit of the word ------------------------------------------------------------------- */

/* The half of the word that has the lock's bit, for the host to look at. */
static const uint32_t *low_half(const struct qr_page *page)
{
	const uint32_t *half = (const uint32_t *)(const void *)&page->rmap;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	half += sizeof(page->rmap) / sizeof(*half) - 1;
#endif
	return half;
}

static bool take(struct qr_page *page, uintptr_t *out_word)
{
	uintptr_t word = __atomic_load_n(&page->rmap, __ATOMIC_RELAXED) & ~QR_RMAP_LOCKED;

	*out_word = word;
	return __atomic_compare_exchange_n(&page->rmap, &word, word | QR_RMAP_LOCKED, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* Takes the lock; returns the word without it. */
static uintptr_t lock(struct quire_system *system, struct qr_page *page)
{
	const struct quire_host *host = system->host;
	uintptr_t word;

	qr_lock_event(host, system->host_context, &page->rmap, QR_RANK_RMAP, QUIRE_LOCK_BEFORE);
	while (!take(page, &word)) {
		if (host->wait)
			host->wait(system->host_context, low_half(page), (uint32_t)(word | QR_RMAP_LOCKED),
				   QUIRE_WAIT_SPIN);
	}
	qr_lock_event(host, system->host_context, &page->rmap, QR_RANK_RMAP, QUIRE_LOCK_TAKEN);
	return word;
}

/* Releases the lock with a new word in one store. */
static void unlock(struct quire_system *system, struct qr_page *page, uintptr_t word)
{
	__atomic_store_n(&page->rmap, word, __ATOMIC_RELEASE);
	qr_lock_event(system->host, system->host_context, &page->rmap, QR_RANK_RMAP, QUIRE_LOCK_RELEASED);
}

void qr_rmap_lock(struct quire_system *system, struct qr_page *page)
{
	(void)lock(system, page);
}

bool qr_rmap_trylock(struct quire_system *system, struct qr_page *page)
{
	uintptr_t word;

	if (!take(page, &word))
		return false;
	qr_lock_event(system->host, system->host_context, &page->rmap, QR_RANK_RMAP, QUIRE_LOCK_TRIED);
	return true;
}

void qr_rmap_unlock(struct quire_system *system, struct qr_page *page)
{
	unlock(system, page, __atomic_load_n(&page->rmap, __ATOMIC_RELAXED) & ~QR_RMAP_LOCKED);
}

/* --- adding ----------------------------------------------------------------------------------------------
 */

/* A chunk from the caller's stock, else from the slab; its contents are undefined. */
static struct qr_rmap_chunk *chunk_alloc(struct quire_system *system, struct qr_rmap_chunk **stock)
{
	struct qr_rmap_chunk *chunk = stock ? *stock : NULL;

	if (!chunk)
		return qr_slab_alloc(system, QR_SLAB_RMAP_CHUNK);
	*stock = chunk->next;
	return chunk;
}

enum quire_status qr_rmap_add_from(struct quire_system *system, struct qr_page *page, void *entry,
				   struct qr_rmap_chunk **chunks)
{
	uintptr_t word = 0;
	struct qr_rmap_chunk *chunk;

	if (__atomic_compare_exchange_n(&page->rmap, &word, (uintptr_t)entry, false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED))
		return QUIRE_OK;
	word = lock(system, page);
	if (word == 0) {
		unlock(system, page, (uintptr_t)entry);
		return QUIRE_OK;
	}
	if (word & QR_RMAP_CHUNK && chunk_of(word)->count < QR_RMAP_SLOTS) {
		chunk = chunk_of(word);
		chunk->entry[chunk->count++] = entry;
		chunk->total++;
		unlock(system, page, word);
		return QUIRE_OK;
	}
	chunk = chunk_alloc(system, chunks);
	if (!chunk) {
		unlock(system, page, word);
		return QUIRE_ENOMEM;
	}
	if (word & QR_RMAP_CHUNK) {
		chunk->next = chunk_of(word);
		chunk->total = chunk_of(word)->total + 1;
		chunk->count = 1;
		chunk->entry[0] = entry;
	} else {
		chunk->next = NULL;
		chunk->total = chunk->count = 2;
		chunk->entry[0] = (void *)word;
		chunk->entry[1] = entry;
	}
	unlock(system, page, word_of(chunk));
	return QUIRE_OK;
}

enum quire_status qr_rmap_add(struct quire_system *system, struct qr_page *page, void *entry)
{
	return qr_rmap_add_from(system, page, entry, NULL);
}

/* --- removing ------------------------------------------------------------------------------------------- */

static void **chunk_find(struct qr_rmap_chunk *chunk, const void *entry)
{
	for (; chunk; chunk = chunk->next) {
		for (uint32_t i = 0; i < chunk->count; i++) {
			if (chunk->entry[i] == entry)
				return &chunk->entry[i];
		}
	}
	return NULL;
}

uint32_t qr_rmap_del(struct quire_system *system, struct qr_page *page, void *entry)
{
	uintptr_t word = (uintptr_t)entry;
	struct qr_rmap_chunk *chunk, *gone = NULL;
	uint32_t left;
	void **slot;

	if (__atomic_compare_exchange_n(&page->rmap, &word, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return 0;
	word = lock(system, page);
	if (!(word & QR_RMAP_CHUNK)) {
		qr_assert(system, word == (uintptr_t)entry);
		unlock(system, page, 0);
		return 0;
	}
	chunk = chunk_of(word);
	slot = chunk_find(chunk, entry);
	qr_assert(system, slot != NULL);
	*slot = chunk->entry[--chunk->count];
	left = --chunk->total;
	if (left == 1) {
		gone = chunk;
		word = (uintptr_t)chunk->entry[0];
	} else if (chunk->count == 0) {
		gone = chunk;
		word = word_of(chunk->next);
		chunk->next->total = left;
	}
	unlock(system, page, word);
	if (gone)
		qr_slab_free(system, QR_SLAB_RMAP_CHUNK, gone);
	return left;
}

void qr_rmap_move(struct quire_system *system, struct qr_page *page, void *from, void *to)
{
	uintptr_t word = (uintptr_t)from;
	void **slot;

	if (__atomic_compare_exchange_n(&page->rmap, &word, (uintptr_t)to, false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED))
		return;
	word = lock(system, page);
	if (word & QR_RMAP_CHUNK) {
		slot = chunk_find(chunk_of(word), from);
		qr_assert(system, slot != NULL);
		*slot = to;
	} else {
		qr_assert(system, word == (uintptr_t)from);
		word = (uintptr_t)to;
	}
	unlock(system, page, word);
}

/* --- looking ----------------------------------------------------------------------------------------------
 */

uint32_t qr_rmap_count(const struct qr_page *page)
{
	uintptr_t word = __atomic_load_n(&page->rmap, __ATOMIC_ACQUIRE);

	if (word & QR_RMAP_CHUNK)
		return 2;
	return (word & ~QR_RMAP_LOCKED) != 0;
}

uint32_t qr_rmap_total(struct quire_system *system, struct qr_page *page)
{
	uint32_t count = qr_rmap_count(page);
	uintptr_t word;

	if (count < 2)
		return count;
	/* A chunk may go away: only the lock keeps it. */
	word = lock(system, page);
	count = word & QR_RMAP_CHUNK ? chunk_of(word)->total : word != 0;
	unlock(system, page, word);
	return count;
}

void qr_rmap_each(struct quire_system *system, struct qr_page *page, qr_rmap_visit visit, void *context)
{
	uintptr_t word = lock(system, page);

	if (!(word & QR_RMAP_CHUNK)) {
		if (word != 0)
			(void)visit(context, page, (void *)word);
		unlock(system, page, word);
		return;
	}
	for (const struct qr_rmap_chunk *chunk = chunk_of(word); chunk; chunk = chunk->next) {
		for (uint32_t i = 0; i < chunk->count; i++) {
			if (!visit(context, page, chunk->entry[i])) {
				unlock(system, page, word);
				return;
			}
		}
	}
	unlock(system, page, word);
}

struct qr_pt *qr_rmap_owner(const struct quire_system *system, const void *entry, quire_va *out_va)
{
	const struct quire_arch *arch = qr_arch(system);
	const struct qr_page *table = qr_page_at(system, entry);
	const struct quire_level *level = &arch->level[table->level];
	const char *frame = qr_page_linear(system, table);
	uint64_t index = (uint64_t)((const char *)entry - frame) / level->entry_bytes;

	*out_va = (quire_va)(table->u.table.base + (index << level->shift));
	return table->u.table.pt;
}
