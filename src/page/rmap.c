/* SPDX-License-Identifier: MIT */
/* The reverse map: one word for one mapping, two for two of an ANON page, chunks beyond.
 *
 *   rmap ──► first chunk (partly full) ──► full ──► full
 *
 * New entries go to the first chunk, and a removed one is replaced by the first chunk's last, so that
 * only the first is ever partly full. */
#include "page/rmap.h"

#include "page/slab.h"

static struct qr_rmap_chunk *chunk_of(uintptr_t word)
{
	return (struct qr_rmap_chunk *)(word & ~(QR_RMAP_SEVERAL | QR_RMAP_LOCKED));
}

static uintptr_t word_of(const struct qr_rmap_chunk *chunk)
{
	return (uintptr_t)chunk | QR_RMAP_SEVERAL;
}

/* The second of two inline mappings, the word being the first; 0: the word is something else. => RMAP held */
QR_INLINE uintptr_t second_of(const struct qr_page *page, uintptr_t word)
{
	return word & QR_RMAP_SEVERAL && qr_page_state(page) == QUIRE_PAGE_ANON ? page->u.anon.second : 0;
}

/* --- the lock: a bit of the word ------------------------------------------------------------------- */

/* The 32-bit half of the word with the lock bit: what the host waits on. */
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

/* The lock was taken. Waits for it; returns the word without the lock bit. */
QR_RARE static uintptr_t lock_slow(const struct quire_system *system, struct qr_page *page, uintptr_t word)
{
	do {
		qr_wait(system, low_half(page), (uint32_t)(word | QR_RMAP_LOCKED), QUIRE_WAIT_SPIN);
	} while (!take(page, &word));
	return word;
}

/* Takes the lock; returns the word without the lock bit. */
QR_INLINE uintptr_t lock(const struct quire_system *system, struct qr_page *page)
{
	uintptr_t word;

	qr_lock_event(system, &page->rmap, QR_RANK_RMAP, QUIRE_LOCK_BEFORE);
	if (qr_unlikely(!take(page, &word)))
		word = lock_slow(system, page, word);
	qr_lock_event(system, &page->rmap, QR_RANK_RMAP, QUIRE_LOCK_TAKEN);
	return word;
}

/* Releases the lock with a new word in one store. */
static void unlock(struct quire_system *system, struct qr_page *page, uintptr_t word)
{
	__atomic_store_n(&page->rmap, word, __ATOMIC_RELEASE);
	qr_lock_event(system, &page->rmap, QR_RANK_RMAP, QUIRE_LOCK_RELEASED);
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
	qr_lock_event(system, &page->rmap, QR_RANK_RMAP, QUIRE_LOCK_TRIED);
	return true;
}

bool qr_rmap_try_mapped(const struct quire_system *system, struct qr_page *page)
{
	uintptr_t word = __atomic_load_n(&page->rmap, __ATOMIC_RELAXED);

	if (word == 0 || (word & QR_RMAP_LOCKED) ||
	    !__atomic_compare_exchange_n(&page->rmap, &word, word | QR_RMAP_LOCKED, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return false;
	qr_lock_event(system, &page->rmap, QR_RANK_RMAP, QUIRE_LOCK_TRIED);
	return true;
}

void qr_rmap_unlock(struct quire_system *system, struct qr_page *page)
{
	unlock(system, page, __atomic_load_n(&page->rmap, __ATOMIC_RELAXED) & ~QR_RMAP_LOCKED);
}

/* --- adding ----------------------------------------------------------------------------------------------
 */

/* A chunk from the caller's stock, which is filled when it is empty, or from the slab. */
static struct qr_rmap_chunk *chunk_alloc(struct quire_system *system, struct qr_rmap_chunk **stock)
{
	struct qr_rmap_chunk *chunk;
	void *list;

	if (!stock)
		return qr_slab_alloc(system, QR_SLAB_RMAP_CHUNK);
	if (!*stock) {
		qr_slab_alloc_many(system, QR_SLAB_RMAP_CHUNK, QR_RMAP_FETCHED, &list);
		*stock = list;
	}
	chunk = *stock;
	if (chunk)
		*stock = chunk->next;
	return chunk;
}

/* Makes `chunk` the page's first, with what its word named inline. => RMAP held */
static void put_first(struct qr_page *page, struct qr_rmap_chunk *chunk, uintptr_t word, uintptr_t second)
{
	chunk->next = word & QR_RMAP_SEVERAL && !second ? chunk_of(word) : NULL;
	chunk->count = 0;
	if (chunk->next) {
		chunk->total = chunk->next->total;
		return;
	}
	chunk->entry[chunk->count++] = (void *)(word & ~QR_RMAP_SEVERAL);
	if (second) {
		chunk->entry[chunk->count++] = (void *)second;
		page->u.anon.second = 0;
	}
	chunk->total = chunk->count;
}

/* Adds to a page that is mapped already. *word: the page's, replaced. => RMAP held */
static enum quire_status add_another(struct quire_system *system, struct qr_page *page, uintptr_t *word,
				     void *entry, struct qr_rmap_chunk **chunks)
{
	uintptr_t second = second_of(page, *word);
	struct qr_rmap_chunk *chunk = NULL;

	if (!(*word & QR_RMAP_SEVERAL) && qr_page_state(page) == QUIRE_PAGE_ANON) {
		page->u.anon.second = (uintptr_t)entry;
		*word |= QR_RMAP_SEVERAL;
		return QUIRE_OK;
	}
	if (*word & QR_RMAP_SEVERAL && !second)
		chunk = chunk_of(*word);
	if (!chunk || chunk->count == QR_RMAP_SLOTS) {
		chunk = chunk_alloc(system, chunks);
		if (!chunk)
			return QUIRE_ENOMEM;
		put_first(page, chunk, *word, second);
	}
	chunk->entry[chunk->count++] = entry;
	chunk->total++;
	*word = word_of(chunk);
	return QUIRE_OK;
}

enum quire_status qr_rmap_add_from(struct quire_system *system, struct qr_page *page, void *entry,
				   struct qr_rmap_chunk **chunks)
{
	enum quire_status status = QUIRE_OK;
	uintptr_t word = __atomic_load_n(&page->rmap, __ATOMIC_RELAXED);

	if (word == 0 && qr_rmap_add_first(page, entry))
		return QUIRE_OK;
	word = lock(system, page);
	if (word == 0)
		word = (uintptr_t)entry;
	else
		status = add_another(system, page, &word, entry, chunks);
	unlock(system, page, word);
	return status;
}

enum quire_status qr_rmap_add(struct quire_system *system, struct qr_page *page, void *entry)
{
	return qr_rmap_add_from(system, page, entry, NULL);
}

/* --- removing ------------------------------------------------------------------------------------------- */

QR_INLINE void **chunk_find(struct qr_rmap_chunk *chunk, const void *entry)
{
	for (; chunk; chunk = chunk->next) {
		/* From the last one, which goes first where a child ends before its parent. */
		for (void **slot = chunk->entry + chunk->count; slot != chunk->entry;) {
			if (*--slot == entry)
				return slot;
		}
	}
	return NULL;
}

/* Removes from the chunks. *word: the page's, replaced. A chunk that is used no more goes to *gone. Returns
 * the mappings left. => RMAP held */
QR_INLINE uint32_t del_from_chunks(const struct quire_system *system, uintptr_t *word, const void *entry,
				   struct qr_rmap_chunk **gone)
{
	struct qr_rmap_chunk *chunk = chunk_of(*word);
	void **slot = chunk_find(chunk, entry);
	uint32_t left;

	qr_assert(system, slot != NULL);
	*slot = chunk->entry[--chunk->count];
	left = --chunk->total;
	if (left > 1 && chunk->count > 0)
		return left;
	if (left == 1) {
		*word = (uintptr_t)chunk->entry[0];
	} else {
		*word = word_of(chunk->next);
		chunk->next->total = left;
	}
	chunk->next = *gone;
	*gone = chunk;
	return left;
}

QR_INLINE uint32_t del(struct quire_system *system, struct qr_page *page, void *entry,
		       struct qr_rmap_chunk **chunks)
{
	uintptr_t word = __atomic_load_n(&page->rmap, __ATOMIC_RELAXED), second;
	uint32_t left = 0;

	if (word == (uintptr_t)entry &&
	    __atomic_compare_exchange_n(&page->rmap, &word, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return 0;
	word = lock(system, page);
	second = second_of(page, word);
	if (second) {
		qr_assert(system, entry == (void *)second || (word & ~QR_RMAP_SEVERAL) == (uintptr_t)entry);
		word = second == (uintptr_t)entry ? word & ~QR_RMAP_SEVERAL : second;
		page->u.anon.second = 0;
		left = 1;
	} else if (word & QR_RMAP_SEVERAL) {
		left = del_from_chunks(system, &word, entry, chunks);
	} else {
		qr_assert(system, word == (uintptr_t)entry);
		word = 0;
	}
	unlock(system, page, word);
	return left;
}

uint32_t qr_rmap_del_to(struct quire_system *system, struct qr_page *page, void *entry,
			struct qr_rmap_chunk **chunks)
{
	return del(system, page, entry, chunks);
}

uint32_t qr_rmap_del(struct quire_system *system, struct qr_page *page, void *entry)
{
	struct qr_rmap_chunk *gone = NULL;
	uint32_t left = del(system, page, entry, &gone);

	if (gone)
		qr_slab_free(system, QR_SLAB_RMAP_CHUNK, gone);
	return left;
}

void qr_rmap_move(struct quire_system *system, struct qr_page *page, void *from, void *to)
{
	uintptr_t word = (uintptr_t)from, second;

	if (__atomic_compare_exchange_n(&page->rmap, &word, (uintptr_t)to, false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED))
		return;
	word = lock(system, page);
	second = second_of(page, word);
	if (second == (uintptr_t)from) {
		page->u.anon.second = (uintptr_t)to;
	} else if (second || !(word & QR_RMAP_SEVERAL)) {
		qr_assert(system, (word & ~QR_RMAP_SEVERAL) == (uintptr_t)from);
		word = (uintptr_t)to | (word & QR_RMAP_SEVERAL);
	} else {
		void **slot = chunk_find(chunk_of(word), from);

		qr_assert(system, slot != NULL);
		*slot = to;
	}
	unlock(system, page, word);
}

/* --- looking ----------------------------------------------------------------------------------------------
 */

uint32_t qr_rmap_count(const struct qr_page *page)
{
	uintptr_t word = __atomic_load_n(&page->rmap, __ATOMIC_ACQUIRE);

	if (word & QR_RMAP_SEVERAL)
		return 2;
	return (word & ~QR_RMAP_LOCKED) != 0;
}

uint32_t qr_rmap_total(struct quire_system *system, struct qr_page *page)
{
	uint32_t count = qr_rmap_count(page);
	uintptr_t word;

	if (count < 2)
		return count;
	/* Only the lock keeps a chunk from being freed. */
	word = lock(system, page);
	if (second_of(page, word))
		count = 2;
	else
		count = word & QR_RMAP_SEVERAL ? chunk_of(word)->total : word != 0;
	unlock(system, page, word);
	return count;
}

static void visit_chunks(const struct qr_rmap_chunk *chunk, struct qr_page *page, qr_rmap_visit visit,
			 void *context)
{
	for (; chunk; chunk = chunk->next) {
		for (uint32_t i = 0; i < chunk->count; i++) {
			if (!visit(context, page, chunk->entry[i]))
				return;
		}
	}
}

void qr_rmap_each(struct quire_system *system, struct qr_page *page, qr_rmap_visit visit, void *context)
{
	uintptr_t word = lock(system, page), second = second_of(page, word);

	if (word & QR_RMAP_SEVERAL && !second)
		visit_chunks(chunk_of(word), page, visit, context);
	else if (word != 0 && visit(context, page, (void *)(word & ~QR_RMAP_SEVERAL)) && second)
		(void)visit(context, page, (void *)second);
	unlock(system, page, word);
}

bool qr_rmap_sound(const struct quire_system *system, const struct qr_page *page)
{
	uintptr_t word = __atomic_load_n(&page->rmap, __ATOMIC_RELAXED);
	const struct qr_rmap_chunk *chunk = chunk_of(word);
	uint32_t left = 0;

	if (!(word & QR_RMAP_SEVERAL) || second_of(page, word))
		return true;
	for (bool first = true; first || left > 0; first = false, chunk = chunk->next) {
		const struct qr_page *slab = qr_page_at(system, chunk);

		if (!slab || qr_page_state(slab) != QUIRE_PAGE_OBJECT)
			return false;
		if (first)
			left = chunk->total;
		if (chunk->count == 0 || chunk->count > QR_RMAP_SLOTS || chunk->count > left)
			return false;
		left -= chunk->count;
	}
	return true;
}

struct qr_pt *qr_rmap_owner(const struct quire_system *system, const void *entry, quire_va *out_va)
{
	const struct quire_arch *arch = qr_arch(system);
	const struct qr_page *table = qr_page_at(system, entry);
	const struct quire_level *level = &arch->level[table->level];
	const char *frame = qr_page_linear(system, table);
	uint64_t index = (size_t)((const char *)entry - frame) / level->entry_bytes;

	*out_va = (quire_va)(table->u.table.base + (index << level->shift));
	return table->u.table.pt;
}
