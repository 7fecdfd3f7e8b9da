/* SPDX-License-Identifier: MIT */
/* Out of memory: which address space ends, and its memory taken before its threads have ended. */
#include "mm/vma.h"
#include "swap/swap.h"

/* Linux's points (oom_badness): pages in memory and in stores, and of tables, and a thousandth of all memory for
 * each point of the adjustment. Negative: never. */
static int64_t points(struct quire_system *system, const struct quire_oom_candidate *candidate)
{
	struct quire_swap_counts swap;
	struct qr_mm_slot sum;
	int64_t total, own;

	if (candidate->adjustment <= QUIRE_OOM_NEVER)
		return -1;
	quire_swap_usage(system, &swap);
	total = (int64_t)(system->frames_total - qr_frames_in_state(system, QUIRE_PAGE_META) + swap.total);
	/* Without the mm lock: its holder may be what waits for memory. */
	qr_mm_sum(candidate->mm, &sum);
	own = sum.anon + sum.file + sum.shmem + sum.swap +
	      (int64_t)(__atomic_load_n(&candidate->mm->pt.tables, __ATOMIC_RELAXED) >>
			qr_arch(system)->page_shift);
	own += candidate->adjustment * (total / 1000);
	return own > 0 ? own : 0;
}

/* `group`: only those in it; NULL: all. */
static enum quire_status pick(struct quire_system *system, const struct quire_group *group,
			      const struct quire_oom_candidate *candidates, size_t count, size_t *out_index)
{
	int64_t most = -1;

	for (size_t i = 0; i < count; i++) {
		int64_t now;

		if (group && !qr_group_is_in(quire_mm_group(candidates[i].mm), group))
			continue;
		now = points(system, &candidates[i]);
		if (now <= most)
			continue;
		most = now;
		*out_index = i;
	}
	if (most < 0)
		return QUIRE_ENOENT;
	qr_event(qr_this_cpu(system), QUIRE_EVENT_OOM_KILL);
	return QUIRE_OK;
}

enum quire_status quire_oom_pick(struct quire_system *system, const struct quire_oom_candidate *candidates,
				 size_t count, size_t *out_index)
{
	return pick(system, NULL, candidates, count, out_index);
}

enum quire_status quire_group_oom_pick(struct quire_mm *mm, const struct quire_oom_candidate *candidates,
				       size_t count, size_t *out_index)
{
	struct quire_group *group = quire_mm_group(mm);

	if (group)
		group = qr_group_full(group);
	return group ? pick(mm->system, group, candidates, count, out_index) : QUIRE_EAGAIN;
}

uint64_t quire_mm_reap(struct quire_mm *mm)
{
	struct qr_pt_counts gone = {0};
	struct quire_vma *vma;
	struct qr_tlb tlb;
	unsigned token;

	if (!qr_mm_read_trylock(mm, qr_this_cpu(mm->system)->cpu, &token))
		return 0;
	qr_mm_note_peak(mm);
	qr_tlb_begin(&tlb, &mm->pt);
	for (vma = mm->first; vma; vma = vma->next) {
		if (vma->flags & (QR_VM_LOCKED | QR_VM_SHARED))
			continue;
		qr_pt_unmap(&mm->pt, &tlb, vma->start, vma->end, QR_UNMAP_ALL, &gone);
	}
	qr_tlb_end(&tlb);
	qr_mm_count(mm, -(int64_t)gone.anon, -(int64_t)gone.file, -(int64_t)gone.shmem, -(int64_t)gone.swap);
	qr_mm_read_unlock(mm, token);
	return gone.anon + gone.file + gone.shmem + gone.swap;
}
