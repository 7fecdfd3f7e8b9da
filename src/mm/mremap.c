/* SPDX-License-Identifier: MIT */
/* mremap: a mapping shrinks, grows where it is, or moves with its pages.
 *
 *   no new address   same size: nothing | smaller: the tail is unmapped |
 *                    larger: in place if the room above is free, else moved (MAYMOVE)
 *   new address      what is there is unmapped (FIXED), a tail too many as well, then moved;
 *                    FIXED without a change of size may move several vmas, with their gaps
 *   DONTUNMAP        the pages move, the vma stays behind, empty
 *
 * Moving moves table entries, not bytes. A move that runs out of tables is moved back. */
#include "mm/vma.h"

struct remap {
	struct quire_mm *mm;
	struct quire_vma *vma; /* of addr, while the checks and steps find it there */
	quire_va addr, new_addr;
	uint64_t old_length, new_length; /* whole pages */
	uint32_t flags;
	bool populate; /* locked, and grown */
	struct qr_gone gone;
};

static bool wants_address(const struct remap *re)
{
	return re->flags & (QUIRE_MREMAP_FIXED | QUIRE_MREMAP_DONTUNMAP);
}

static uint64_t pages_of(const struct remap *re, uint64_t bytes)
{
	return qr_to_pages(re->mm->system, bytes);
}

/* Errors that do not depend on what is mapped. */
static enum quire_status check_arguments(const struct remap *re)
{
	const struct quire_mm *mm = re->mm;
	uint64_t mask = qr_page_mask(mm->system);
	uint32_t known = QUIRE_MREMAP_MAYMOVE | QUIRE_MREMAP_FIXED | QUIRE_MREMAP_DONTUNMAP;

	if ((re->flags & ~known) || (re->addr & mask) || re->new_length == 0 || re->new_length > mm->task_end)
		return QUIRE_EINVAL;
	if (!wants_address(re))
		return QUIRE_OK;
	if (re->new_addr > mm->task_end - re->new_length || (re->new_addr & mask) ||
	    !(re->flags & QUIRE_MREMAP_MAYMOVE))
		return QUIRE_EINVAL;
	if ((re->flags & QUIRE_MREMAP_DONTUNMAP) && re->old_length != re->new_length)
		return QUIRE_EINVAL;
	if (re->addr + re->old_length > re->new_addr && re->new_addr + re->new_length > re->addr)
		return QUIRE_EINVAL;
	return QUIRE_OK;
}

/* Errors of the vma at addr. */
static enum quire_status check_vma(struct remap *re)
{
	const struct quire_mm *mm = re->mm;
	const struct quire_vma *vma = re->vma;
	bool grows = re->new_length > re->old_length;
	uint64_t index, kept = qr_min(re->old_length, re->new_length);

	if (!vma || vma->start > re->addr)
		return QUIRE_EFAULT;
	if (vma->flags & QR_VM_SEALED)
		return QUIRE_EPERM;
	if (!grows && !wants_address(re))
		return QUIRE_OK;
	/* Length 0 maps shared memory a second time; private memory cannot be mapped twice. */
	if (re->old_length == 0 && !(vma->flags & (QR_VM_SHARED | QR_VM_MAYSHARE)))
		return QUIRE_EINVAL;
	if (kept > (uint64_t)(vma->end - re->addr))
		return QUIRE_EFAULT;
	if (!grows)
		return QUIRE_OK;
	index = qr_vma_index(vma, re->addr);
	if (index + pages_of(re, re->new_length) < index)
		return QUIRE_EINVAL;
	if (!qr_lock_future_ok(mm, vma->flags, re->new_length - re->old_length))
		return QUIRE_EAGAIN;
	return qr_may_expand(mm, vma->flags, pages_of(re, re->new_length - re->old_length)) ? QUIRE_OK
											    : QUIRE_ENOMEM;
}

/* munmap within the call. The old length is not validated before. */
static enum quire_status unmap(struct remap *re, quire_va start, uint64_t length)
{
	quire_va end = (quire_va)(start + length);
	uint64_t before = re->gone.accounted;
	struct quire_vma *spare;
	enum quire_status status;

	if (start > re->mm->task_end || length > re->mm->task_end - start)
		return QUIRE_EINVAL;
	status = qr_unmap_prepare(re->mm, start, end, &spare);
	if (status != QUIRE_OK)
		return status;
	qr_unmap_commit(re->mm, start, end, &spare, &re->gone);
	qr_uncommit(re->mm->system, re->gone.accounted - before);
	return QUIRE_OK;
}

/* --- moving --------------------------------------------------------------------------------------------- */

/* Pages to commit beyond those that move along. */
static uint64_t charge_of(const struct remap *re)
{
	if (!(re->vma->flags & QR_VM_ACCOUNT))
		return 0;
	if (re->flags & QUIRE_MREMAP_DONTUNMAP)
		return pages_of(re, re->new_length);
	return pages_of(re, re->new_length - re->old_length);
}

static struct qr_span target_span(const struct remap *re)
{
	const struct quire_vma *vma = re->vma;
	struct qr_span span = {
	    .start = re->new_addr,
	    .end = (quire_va)(re->new_addr + re->new_length),
	    .flags = vma->flags,
	    .pgoff = qr_vma_index(vma, re->addr),
	    .file = vma->file,
	    .anon = qr_vma_anon_id(vma),
	    .anon_depth = vma->anon_depth,
	    .tag = vma->tag,
	};

	/* Without private pages its index is free: the index of the new place lets it merge with more
	 * neighbours. */
	if (qr_vma_is_anon(vma) && span.anon == 0)
		span.pgoff = pages_of(re, re->new_addr);
	return span;
}

/* Moves the entries of [addr, addr + old_length); on failure they are moved back. */
static enum quire_status move_entries(const struct remap *re, struct quire_file *file)
{
	struct qr_pt *pt = &re->mm->pt;
	uint64_t moved = 0, back;
	enum quire_status status;
	struct qr_tlb tlb;

	if (re->old_length == 0)
		return QUIRE_OK;
	qr_tlb_begin(&tlb, pt);
	qr_map_lock(file);
	status = qr_pt_move(pt, &tlb, re->addr, re->new_addr, re->old_length, &moved);
	if (status != QUIRE_OK && moved != 0) {
		/* Cannot fail: the tables of the source still exist. */
		enum quire_status undone = qr_pt_move(pt, &tlb, re->new_addr, re->addr, moved, &back);

		qr_assert(re->mm->system, undone == QUIRE_OK);
		(void)undone;
	}
	qr_map_unlock(file);
	qr_tlb_end(&tlb);
	return status;
}

/* The source of a move that leaves its vma behind. */
static void leave_behind(const struct remap *re, const struct quire_vma *target)
{
	struct quire_mm *mm = re->mm;
	struct quire_vma *vma = qr_find_vma(mm, re->addr);

	if (vma->flags & QR_VM_LOCKED)
		mm->locked_vm -= qr_vma_pages(vma);
	vma->flags &= ~QR_VM_LOCK_FLAGS;
	if (vma != target && vma->start == re->addr && vma->end == re->addr + re->old_length) {
		vma->anon = 0;
		vma->anon_depth = 0;
	}
}

/* The target exists and has the pages: counts, and what becomes of the source. */
static void finish_move(struct remap *re, const struct quire_vma *target, struct quire_vma **spare)
{
	struct quire_mm *mm = re->mm;
	uint64_t pages = pages_of(re, re->new_length), peak = mm->vm_peak;
	uint32_t flags = target->flags;
	struct qr_gone source = {.dead = re->gone.dead};

	qr_account(mm, flags, (int64_t)pages);
	if (flags & QR_VM_LOCKED)
		mm->locked_vm += pages;
	if (re->flags & QUIRE_MREMAP_DONTUNMAP && !qr_mutant(mm->system, "remap-dontunmap")) {
		leave_behind(re, target);
		return;
	}
	/* The source's commitment went along: it is not given back. */
	if (re->old_length != 0)
		qr_unmap_commit(mm, re->addr, (quire_va)(re->addr + re->old_length), spare, &source);
	re->gone.dead = source.dead;
	mm->vm_peak = qr_max(peak, mm->total_vm);
}

/* => [new_addr, new_addr + new_length) is free, old_length <= new_length. */
static enum quire_status move(struct remap *re)
{
	struct quire_mm *mm = re->mm;
	struct quire_system *system = mm->system;
	struct qr_span span = target_span(re);
	struct quire_vma *fresh, *spare, *target, *dead;
	uint64_t charge = charge_of(re);
	enum quire_status status = QUIRE_ENOMEM;

	/* Source and target may each need vmas: keeps clear of the limit. */
	if (mm->vmas + 3 >= qr_max_map_count(system))
		return QUIRE_ENOMEM;
	if (charge && qr_mm_commit(mm, charge) != QUIRE_OK)
		return QUIRE_ENOMEM;
	fresh = qr_vma_alloc(system);
	spare = qr_vma_alloc(system);
	if (!fresh || !spare)
		goto out;
	re->populate = (span.flags & QR_VM_LOCKED) && re->new_length > re->old_length;
	target = qr_vma_merge_span(mm, &span);
	if (!target) {
		qr_vma_place(mm, fresh, &span);
		target = fresh;
		fresh = NULL;
	}
	status = move_entries(re, span.file);
	if (status == QUIRE_OK) {
		finish_move(re, target, &spare);
		charge = 0;
	} else {
		dead = qr_vma_cut(target, span.start, span.end, &spare);
		if (dead) {
			dead->next = re->gone.dead;
			re->gone.dead = dead;
		}
	}
out:
	qr_vma_free(system, fresh);
	qr_vma_free(system, spare);
	if (charge)
		qr_uncommit(system, charge);
	return status;
}

/* --- the three ways --------------------------------------------------------------------------------- */

/* Moves to a given address. => check_vma() passed. */
static enum quire_status remap_to(struct remap *re)
{
	struct quire_mm *mm = re->mm;
	bool fixed = re->flags & QUIRE_MREMAP_FIXED;
	enum quire_status status = QUIRE_OK;

	if (fixed) {
		status = unmap(re, re->new_addr, re->new_length);
		re->vma = qr_find_vma(mm, re->addr);
		/* With an old length of 0 the source may have been inside what was just unmapped. */
		if (status == QUIRE_OK && (!re->vma || re->vma->start > re->addr))
			return QUIRE_EFAULT;
	}
	if (status == QUIRE_OK && re->new_length < re->old_length) {
		status = unmap(re, (quire_va)(re->addr + re->new_length), re->old_length - re->new_length);
		re->old_length = re->new_length;
		re->vma = qr_find_vma(mm, re->addr);
	}
	if (status != QUIRE_OK)
		return status;
	if ((re->flags & QUIRE_MREMAP_DONTUNMAP) &&
	    !qr_may_expand(mm, re->vma->flags, pages_of(re, re->old_length)))
		return QUIRE_ENOMEM;
	status = qr_get_unmapped_area(mm, re->new_addr, re->new_length, fixed, &re->new_addr);
	return status == QUIRE_OK ? move(re) : status;
}

/* FIXED without a change of size: every vma of the range, with the gaps between them. */
static enum quire_status move_all(struct remap *re)
{
	quire_va start = re->addr, end = (quire_va)(re->addr + re->old_length), at = start;
	quire_va target = re->new_addr;
	enum quire_status status = QUIRE_EFAULT;
	struct quire_vma *vma = qr_find_vma(re->mm, start);

	if (!vma || vma->start > start)
		return QUIRE_EFAULT;
	while (at < end && (vma = qr_find_vma_intersection(re->mm, at, end)) != NULL) {
		re->vma = vma;
		re->addr = (quire_va)qr_max(vma->start, at);
		at = (quire_va)qr_min(vma->end, end);
		re->old_length = re->new_length = at - re->addr;
		re->new_addr = target + (re->addr - start);
		status = check_vma(re);
		if (status == QUIRE_OK)
			status = remap_to(re);
		if (status != QUIRE_OK)
			return status;
	}
	re->new_addr = target;
	return status;
}

static bool room_in_place(const struct remap *re)
{
	const struct quire_vma *vma = re->vma;
	uint64_t end = vma->end + (re->new_length - re->old_length);
	quire_va at;

	return !qr_mutant(re->mm->system, "remap-in-place") &&
	       (uint64_t)(vma->end - re->addr) == re->old_length && end > vma->end &&
	       end <= re->mm->task_end && !qr_find_vma_intersection(re->mm, vma->end, (quire_va)end) &&
	       qr_get_unmapped_area(re->mm, vma->start, end - vma->start, true, &at) == QUIRE_OK;
}

static enum quire_status grow_in_place(struct remap *re)
{
	struct quire_mm *mm = re->mm;
	struct quire_vma *vma = re->vma;
	uint64_t delta = re->new_length - re->old_length, pages = pages_of(re, delta);
	struct qr_span span = {
	    .start = vma->end,
	    .end = (quire_va)(vma->end + delta),
	    .flags = vma->flags,
	    .pgoff = qr_vma_index(vma, vma->end),
	    .file = vma->file,
	    .anon = qr_vma_anon_id(vma),
	    /* The vma grows itself, so identities do not mix. */
	    .anon_depth = 1,
	    .tag = vma->tag,
	};

	if ((vma->flags & QR_VM_ACCOUNT) && qr_mm_commit(mm, pages) != QUIRE_OK)
		return QUIRE_ENOMEM;
	vma = qr_vma_merge_span(mm, &span);
	qr_assert(mm->system, vma != NULL);
	qr_account(mm, span.flags, (int64_t)pages);
	if (span.flags & QR_VM_LOCKED) {
		mm->locked_vm += pages;
		re->populate = true;
	}
	return QUIRE_OK;
}

/* Where it is, or wherever there is room. => check_vma() passed. */
static enum quire_status remap_at(struct remap *re)
{
	enum quire_status status;

	re->new_addr = re->addr;
	if (re->new_length == re->old_length)
		return QUIRE_OK;
	if (re->new_length < re->old_length)
		return unmap(re, (quire_va)(re->addr + re->new_length), re->old_length - re->new_length);
	if (room_in_place(re))
		return grow_in_place(re);
	if (!(re->flags & QUIRE_MREMAP_MAYMOVE))
		return QUIRE_ENOMEM;
	status = qr_get_unmapped_area(re->mm, 0, re->new_length, false, &re->new_addr);
	return status == QUIRE_OK ? move(re) : status;
}

static enum quire_status remap_locked(struct remap *re)
{
	const struct quire_mm *mm = re->mm;
	enum quire_status status;

	/* A move to a given address may cut source and target in three before it counts. */
	if (wants_address(re) && mm->vmas + 5 >= qr_max_map_count(mm->system))
		return QUIRE_ENOMEM;
	if ((re->flags & QUIRE_MREMAP_FIXED) && re->old_length == re->new_length)
		return move_all(re);
	re->vma = qr_find_vma(mm, re->addr);
	status = check_vma(re);
	if (status != QUIRE_OK)
		return status;
	return wants_address(re) ? remap_to(re) : remap_at(re);
}

static enum quire_status remap_once(struct quire_mm *mm, const struct quire_remapping *how, quire_va *out_va)
{
	struct remap re = {.mm = mm, .addr = how->old_addr, .new_addr = how->new_addr, .flags = how->flags};
	uint64_t old_length = qr_page_up(mm->system, how->old_length);
	enum quire_status status;

	re.old_length = old_length;
	re.new_length = qr_page_up(mm->system, how->new_length);
	status = check_arguments(&re);
	if (status != QUIRE_OK)
		return status;
	qr_mm_write_lock(mm);
	status = remap_locked(&re);
	qr_assert_whole(mm->system, qr_mm_valid(mm));
	qr_mm_write_unlock(mm);
	qr_gone_release(mm, &re.gone);
	if (status != QUIRE_OK)
		return status;
	if (re.populate)
		(void)qr_mm_populate(mm, (quire_va)(re.new_addr + old_length),
				     (quire_va)(re.new_addr + re.new_length), true);
	*out_va = re.new_addr;
	return QUIRE_OK;
}

enum quire_status quire_mremap(struct quire_mm *mm, const struct quire_remapping *how, quire_va *out_va)
{
	struct qr_retry retry = qr_retry_begin(mm->system);
	enum quire_status status;

	do
		status = remap_once(mm, how, out_va);
	while (qr_retry_status(mm->system, &retry, status));
	return status;
}
