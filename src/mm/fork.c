/* SPDX-License-Identifier: MIT */
/* fork: a second address space with the same vmas, whose private pages both sides share until a write.
 *
 *   per vma   DONTFORK: not copied; WIPEONFORK: the vma without its pages; else leaves are copied
 *             where a fault could not bring them back: always, or (fork_skips_files) where the vma
 *             has private pages. Locks are not inherited.
 *
 * The child is known to files and frames while it is built, so truncation reaches its pages too; it
 * is known to no CPU. On failure it is ended as any address space; the parent only has leaves that
 * ask before the next write. */
#include "mm/vma.h"

static bool wants_leaves(const struct quire_vma *vma)
{
	if ((vma->flags & QR_VM_WIPEONFORK) && !qr_mutant(vma->mm->system, "fork-wipe"))
		return false;
	if (qr_mutant(vma->mm->system, "fork-copies-all"))
		return true;
	return !vma->mm->system->profile->fork_skips_files || qr_vma_anon_id(vma) != 0;
}

static uint8_t child_depth(const struct quire_vma *vma)
{
	return vma->anon_depth < UINT8_MAX ? vma->anon_depth + 1 : UINT8_MAX;
}

static struct qr_span child_span(struct quire_mm *child, const struct quire_vma *vma)
{
	struct qr_span span = {
	    .start = vma->start,
	    .end = vma->end,
	    .flags = vma->flags & ~QR_VM_LOCK_FLAGS,
	    .pgoff = vma->pgoff,
	    .file = vma->file,
	    .tag = vma->tag,
	};

	/* Each vma of the child adds its own identity to its parent's. */
	if (qr_vma_anon_id(vma) != 0 && !(vma->flags & QR_VM_WIPEONFORK)) {
		span.anon = ++child->next_anon;
		span.anon_depth = child_depth(vma);
	}
	return span;
}

/* Copies one vma and its leaves. => both mm locks for write. */
static enum quire_status copy_vma(struct quire_mm *child, struct quire_vma *vma, struct qr_tlb *tlb)
{
	struct quire_mm *parent = vma->mm;
	struct quire_system *system = parent->system;
	uint64_t pages = qr_vma_pages(vma);
	struct qr_span span = child_span(child, vma);
	struct qr_pt_copy leaves;
	enum quire_status status;
	struct quire_vma *copy;

	copy = qr_vma_alloc(system);
	if (!copy)
		return QUIRE_ENOMEM;
	if ((vma->flags & QR_VM_ACCOUNT) && qr_mm_commit(parent, pages) != QUIRE_OK) {
		qr_vma_free(system, copy);
		return QUIRE_ENOMEM;
	}
	qr_vma_place(child, copy, &span);
	qr_account(child, span.flags, (int64_t)pages);
	if (!wants_leaves(vma))
		return QUIRE_OK;
	leaves = (struct qr_pt_copy){
	    .to = &child->pt, .from = &parent->pt, .tlb = tlb, .swap = parent->system->swap_hooks};
	status = qr_pt_copy(&leaves, vma->start, vma->end,
			    vma->flags & QR_VM_SHARED ? QR_COPY_SHARED : QR_COPY_COW);
	qr_mm_count(child, (int64_t)leaves.came.anon, (int64_t)leaves.came.file, (int64_t)leaves.came.shmem,
		    (int64_t)leaves.came.swap);
	return status;
}

static void inherit(struct quire_mm *child, const struct quire_mm *parent)
{
	child->start_brk = parent->start_brk;
	child->brk = parent->brk;
	child->start_stack = parent->start_stack;
	child->rights = parent->rights;
	for (unsigned i = 0; i < QUIRE_LIMIT_COUNT; i++)
		child->limit[i] = parent->limit[i];
}

static enum quire_status copy_all(struct quire_mm *child, struct quire_mm *parent)
{
	enum quire_status status = QUIRE_OK;
	struct quire_vma *vma;
	struct qr_tlb tlb;

	qr_tlb_begin(&tlb, &parent->pt);
	for (vma = parent->first; vma && status == QUIRE_OK; vma = vma->next) {
		if (!(vma->flags & QR_VM_DONTCOPY) || qr_mutant(parent->system, "fork-dontfork"))
			status = copy_vma(child, vma, &tlb);
	}
	qr_tlb_end(&tlb);
	if (status == QUIRE_OK)
		status = qr_fixed_fork(child, parent);
	return status;
}

static enum quire_status fork_once(struct quire_mm *parent, struct quire_mm **out_child)
{
	const struct quire_mm_layout layout = {
	    .task_end = parent->task_end, .mmap_base = parent->mmap_base, .bottom_up = !parent->top_down};
	struct quire_mm *child;
	enum quire_status status = qr_mm_begin(parent->system, &layout, &child);

	if (status != QUIRE_OK)
		return status;
	qr_mm_write_lock(parent);
	inherit(child, parent);
	qr_mm_join(child, parent->group);
	status = copy_all(child, parent);
	qr_assert_whole(parent->system, qr_mm_valid(child));
	qr_mm_write_unlock(parent);
	if (status != QUIRE_OK) {
		quire_mm_put(child);
		return status;
	}
	qr_mm_complete(child);
	*out_child = child;
	return QUIRE_OK;
}

enum quire_status quire_mm_fork(struct quire_mm *parent, struct quire_mm **out_child)
{
	struct qr_retry retry = qr_retry_begin(parent->system);
	enum quire_status status;

	do
		status = fork_once(parent, out_child);
	while (qr_retry_status(parent->system, &retry, status));
	return status;
}
