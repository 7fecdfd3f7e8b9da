/* SPDX-License-Identifier: MIT */
/* Down the table levels, then by the state of the last entry: handle_mm_fault, handle_pte_fault.
 *
 *   none  ── anonymous vma ──► anon.c      leaf, write to a read-only one ──► cow.c
 *         └─ file vma ───────► file.c      leaf, else ──► young, dirty; or spurious
 *   swap  ───────────────────► do_swap_page
 *
 * The entry is looked at without PT; whoever changes it takes PT and compares with what was seen. */
#ifndef QR_HANDLE_H
#define QR_HANDLE_H

#include "fault/fault.h"

/* The entry by a walk from the root, with tables made as needed; it is at hand for the next fault. False: no
 * frame for a table. */
bool qr_walk(struct qr_fault_ctx *fc);

/* By the state of an entry that is not none. */
enum qr_result qr_handle_present(struct qr_fault_ctx *fc);

/* The entry of fc->va in the table that the last fault on this slot used. False: it is for other addresses.
 * The frame is one whole table, so its descriptor tells which addresses it maps. */
QR_INLINE bool qr_entry_at_hand(struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	const struct quire_level *level = &arch->level[0];
	uint64_t span = (uint64_t)1 << (level->shift + level->index_bits);
	char *table = __atomic_load_n(&fc->slot->table, __ATOMIC_RELAXED);

	if (qr_unlikely(!table))
		return false;
	fc->table = qr_pt_table_of(&fc->mm->pt, table);
	if (qr_unlikely(fc->table->u.table.base != (fc->va & ~(span - 1))))
		return false;
	fc->entry = table + qr_pt_index(arch, 0, fc->va) * level->entry_bytes;
	return true;
}

QR_INLINE enum qr_result qr_handle_pte_fault(struct qr_fault_ctx *fc)
{
	qr_step(fc, QUIRE_STEP_HANDLE_PTE_FAULT);
	if (fc->pte.bits != 0)
		return qr_handle_present(fc);
	if (fc->system->profile->decade <= QUIRE_LINUX_2_6)
		qr_step(fc, QUIRE_STEP_DO_NO_PAGE);
	return fc->vma->file ? qr_do_fault(fc) : qr_do_anonymous_page(fc);
}

/* => mm lock for read, vma allows the access, the caller has counted the step.
 * On QR_LOOK_AGAIN the lock was dropped and is not held. */
QR_INLINE enum qr_result qr_handle_mm_fault(struct qr_fault_ctx *fc)
{
	if (qr_unlikely(!qr_entry_at_hand(fc)) && !qr_walk(fc))
		return QR_OOM;
	fc->pte = qr_pte_get(qr_arch(fc->system), 0, fc->entry);
	if (qr_unlikely(fc->trace != NULL))
		fc->trace->pte_before = fc->pte.bits;
	return qr_handle_pte_fault(fc);
}

#endif
