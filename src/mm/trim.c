/* SPDX-License-Identifier: MIT */
/* Empty page tables are given back, when nothing else leaves memory.
 *
 * An address space whose lock is free is locked for write: nobody walks its tables, and the slots forget theirs. While it
 * is locked it cannot end, and keeps its place in the list of all. */
#include "mm/mm.h"

/* The next in the list, locked; NULL: there is none. `after`: one that is locked, NULL is the beginning. */
static struct quire_mm *lock_next(struct quire_system *system, struct quire_mm *after)
{
	struct quire_mm *found = NULL;

	qr_lock(system, &system->registry_lock, QR_RANK_SLAB);
	for (struct qr_list *at = after ? after->link.next : system->mms.next; !found && at != &system->mms;
	     at = at->next) {
		struct quire_mm *mm = QR_CONTAINER(at, struct quire_mm, link);

		/* One without references ends now: its tables come back by themselves. */
		if (__atomic_load_n(&mm->refs, __ATOMIC_ACQUIRE) > 0 &&
		    __atomic_load_n(&mm->complete, __ATOMIC_ACQUIRE) && qr_mm_write_trylock(mm))
			found = mm;
	}
	qr_unlock(system, &system->registry_lock, QR_RANK_SLAB);
	return found;
}

/* Truncation walks the tables of a file's mappings without the mm lock, but holds FILE. So a table goes that lies within
 * one mapping of a file, under FILE, or between those of files. */
static uint64_t trim(struct quire_mm *mm)
{
	quire_va end = (quire_va)qr_width(mm->system)->user_end, floor = 0;
	uint64_t count = 0;
	struct qr_tlb tlb;

	qr_tlb_begin(&tlb, &mm->pt);
	for (const struct quire_vma *vma = mm->first; vma; vma = vma->next) {
		if (!vma->file)
			continue;
		count += qr_pt_free_empty(&mm->pt, &tlb, floor, vma->start);
		qr_map_lock(vma->file);
		count += qr_pt_free_empty(&mm->pt, &tlb, vma->start, vma->end);
		qr_map_unlock(vma->file);
		floor = vma->end;
	}
	count += qr_pt_free_empty(&mm->pt, &tlb, floor, end);
	qr_tlb_end(&tlb);
	return count;
}

uint64_t qr_mm_trim(struct quire_system *system)
{
	struct quire_mm *mm = lock_next(system, NULL);
	uint64_t count = 0;

	while (mm) {
		struct quire_mm *next;

		count += trim(mm);
		next = lock_next(system, mm);
		qr_mm_write_unlock(mm);
		mm = next;
	}
	return count;
}
