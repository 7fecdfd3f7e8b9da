/* SPDX-License-Identifier: MIT */
/* The mm lock: many readers that share no cache line, one writer that waits for each of them.
 *
 *   reader   slot[cpu].readers += 1; writer == 0 ? in : out again, wait on `writer`
 *   writer   writer = 1 (or 2: someone waits); wait until every slot's readers == 0; forget their hints
 *
 * Both sides write first and look second, in one total order (Dekker): at least one of them sees the
 * other, and it is the reader that gives way. A reader that leaves looks at `writer`, a line that
 * only writers change, and wakes the writer that waits on its slot.
 *
 * Rejected: one word with a count (every fault would write it), a queue (readers would write it). */
#include "mm/mm.h"

static void lock_event(const struct quire_mm *mm, enum quire_lock_op op)
{
	qr_lock_event(mm->system, mm, QR_RANK_MM, op);
}

static void wait_on(const struct quire_mm *mm, const uint32_t *word, uint32_t expected)
{
	qr_wait(mm->system, word, expected, QUIRE_WAIT_SLEEP);
}

static unsigned my_slot(const struct quire_mm *mm)
{
	const struct quire_system *system = mm->system;
	unsigned cpu = system->host->cpu ? system->host->cpu(system->host_context) : 0;

	return cpu % mm->slots;
}

void qr_mm_wake_writer(struct quire_mm *mm, uint32_t *readers)
{
	qr_wake(mm->system, readers);
}

/* Marks `writer` as waited for, and waits. */
static void wait_for_writer(struct quire_mm *mm)
{
	uint32_t held = 1;

	if (!__atomic_compare_exchange_n(&mm->writer, &held, 2, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
	    held == 0)
		return;
	wait_on(mm, &mm->writer, 2);
}

unsigned qr_mm_read_lock(struct quire_mm *mm)
{
	unsigned token;

	lock_event(mm, QUIRE_LOCK_BEFORE);
	token = my_slot(mm);
	while (!qr_slot_enter(mm, &mm->slot[token])) {
		wait_for_writer(mm);
		token = my_slot(mm);
	}
	lock_event(mm, QUIRE_LOCK_TAKEN);
	return token;
}

static void forget_hints(const struct quire_mm *mm, struct qr_mm_slot *slot)
{
	__atomic_store_n(&slot->vma, NULL, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->table, (uintptr_t)&mm->system->no_table, __ATOMIC_RELAXED);
}

void qr_mm_write_lock(struct quire_mm *mm)
{
	uint32_t free = 0;

	lock_event(mm, QUIRE_LOCK_BEFORE);
	if (!__atomic_compare_exchange_n(&mm->writer, &free, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		/* Taken with 2: others may still wait. */
		while (__atomic_exchange_n(&mm->writer, 2, __ATOMIC_SEQ_CST) != 0)
			wait_on(mm, &mm->writer, 2);
	}
	for (unsigned i = 0; i < mm->slots; i++) {
		uint32_t readers;

		while ((readers = __atomic_load_n(&mm->slot[i].readers, __ATOMIC_SEQ_CST)) != 0)
			wait_on(mm, &mm->slot[i].readers, readers);
		forget_hints(mm, &mm->slot[i]);
	}
	lock_event(mm, QUIRE_LOCK_TAKEN);
}

static void release_writer(struct quire_mm *mm)
{
	if (__atomic_exchange_n(&mm->writer, 0, __ATOMIC_SEQ_CST) == 2)
		qr_wake(mm->system, &mm->writer);
}

bool qr_mm_write_trylock(struct quire_mm *mm)
{
	uint32_t free = 0;

	if (!__atomic_compare_exchange_n(&mm->writer, &free, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	for (unsigned i = 0; i < mm->slots; i++) {
		if (__atomic_load_n(&mm->slot[i].readers, __ATOMIC_SEQ_CST) != 0) {
			release_writer(mm);
			return false;
		}
	}
	for (unsigned i = 0; i < mm->slots; i++)
		forget_hints(mm, &mm->slot[i]);
	lock_event(mm, QUIRE_LOCK_TRIED);
	return true;
}

void qr_mm_write_unlock(struct quire_mm *mm)
{
	qr_assert_contract(mm->system, __atomic_load_n(&mm->writer, __ATOMIC_RELAXED) != 0);
	lock_event(mm, QUIRE_LOCK_RELEASED);
	release_writer(mm);
}

unsigned qr_mm_downgrade(struct quire_mm *mm)
{
	unsigned token = my_slot(mm);

	qr_assert_contract(mm->system, __atomic_load_n(&mm->writer, __ATOMIC_RELAXED) != 0);
	__atomic_fetch_add(&mm->slot[token].readers, 1, __ATOMIC_SEQ_CST);
	release_writer(mm);
	return token;
}
