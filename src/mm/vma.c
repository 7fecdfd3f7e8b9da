/* SPDX-License-Identifier: MIT */
/* Vmas made, cut and joined: what /proc/PID/maps shows is decided here.
 *
 *   A span [start, end) with flags joins a neighbour when all of this is equal or continues:
 *
 *        prev            span            next
 *   |-----------|====================|-----------|     flags, file, page offset, tag,
 *                                                      and the anonymous identity (see fits())
 *
 *   new range                     prev grows | next grows down | prev swallows next too
 *   a part gets other flags       the part goes to the neighbour it touches, else it is cut out
 *
 * Joining needs no memory; cutting takes vmas that were allocated before anything changed. While a
 * range changes hands the file's list is locked, so that truncation sees every page in one vma. */
#include "mm/vma.h"

#include "page/slab.h"

struct quire_vma *qr_vma_alloc(struct quire_system *system)
{
	return qr_slab_alloc(system, QR_SLAB_VMA);
}

void qr_vma_free(struct quire_system *system, struct quire_vma *vma)
{
	if (vma)
		qr_slab_free(system, QR_SLAB_VMA, vma);
}

static void set_start(struct quire_vma *vma, quire_va start)
{
	vma->pgoff += qr_to_pages(vma->mm->system, (uint64_t)start) -
		      qr_to_pages(vma->mm->system, (uint64_t)vma->start);
	vma->start = start;
	qr_vma_moved(vma->mm, vma);
}

static void set_end(struct quire_vma *vma, quire_va end)
{
	vma->end = end;
	qr_vma_moved(vma->mm, vma);
}

static void set_flags(struct quire_vma *vma, uint32_t flags)
{
	vma->flags = flags;
	vma->prot = (uint8_t)qr_vm_prot(vma->mm->system, flags);
}

void qr_vma_place(struct quire_mm *mm, struct quire_vma *vma, const struct qr_span *span)
{
	vma->start = span->start;
	vma->end = span->end;
	vma->mm = mm;
	vma->pt = &mm->pt;
	vma->pgoff = span->pgoff;
	vma->file = span->file ? quire_file_get(span->file) : NULL;
	vma->anon = span->anon;
	vma->anon_depth = span->anon_depth;
	vma->tag = span->tag;
	set_flags(vma, span->flags);
	qr_list_init(&vma->file_link);
	qr_vma_link(mm, vma);
	if (vma->file) {
		qr_map_lock(vma->file);
		qr_list_add_tail(&vma->file->mappings, &vma->file_link);
		if ((vma->flags & (QR_VM_SHARED | QR_VM_MAYWRITE)) == (QR_VM_SHARED | QR_VM_MAYWRITE))
			__atomic_store_n(&vma->file->open_to_mappings, 1, __ATOMIC_RELAXED);
		qr_map_unlock(vma->file);
	}
}

void qr_vma_split(struct quire_vma *vma, quire_va va, struct quire_vma *upper)
{
	struct quire_mm *mm = vma->mm;

	qr_assert_contract(mm->system, vma->start < va && va < vma->end);
	*upper = *vma;
	upper->start = va;
	if (!qr_mutant(mm->system, "split-offset"))
		upper->pgoff = qr_vma_index(vma, va);
	qr_map_lock(vma->file);
	set_end(vma, va);
	qr_vma_link(mm, upper);
	qr_list_init(&upper->file_link);
	if (upper->file) {
		quire_file_get(upper->file);
		qr_list_add(&vma->file_link, &upper->file_link);
	}
	qr_map_unlock(vma->file);
}

/* --- joining -------------------------------------------------------------------------------------------- */

/* Whether the span and `vma` may share one anonymous identity. Each fork adds a level of identities. A range
 * without an identity takes the other's only if that has one level: else vmas of several generations would
 * merge, which Linux avoids. */
static bool same_anon(const struct quire_vma *vma, const struct qr_span *span)
{
	uint64_t anon = qr_vma_anon_id(vma);

	if (anon == 0 && span->anon != 0)
		return span->anon_depth <= 1;
	if (anon != 0 && span->anon == 0)
		return vma->anon_depth <= 1;
	return anon == span->anon;
}

static bool fits(const struct quire_vma *vma, const struct qr_span *span)
{
	uint32_t ignored = qr_mutant(vma->mm->system, "merge-noreserve") ? QR_VM_NORESERVE : 0;

	return ((vma->flags ^ span->flags) & ~ignored) == 0 && vma->file == span->file &&
	       vma->tag == span->tag && same_anon(vma, span);
}

static bool joins_prev(const struct quire_vma *prev, const struct qr_span *span)
{
	return prev && prev->end == span->start && fits(prev, span) &&
	       (qr_vma_index(prev, prev->end) == span->pgoff || qr_mutant(prev->mm->system, "merge-offset"));
}

/* With `prev` not NULL all three become one: prev and next must agree, too. */
static bool joins_next(const struct quire_vma *next, const struct qr_span *span, const struct quire_vma *prev)
{
	uint64_t pages;

	if (!next || next->start != span->end || span->only_prev || !fits(next, span))
		return false;
	pages = qr_to_pages(next->mm->system, (uint64_t)(span->end - span->start));
	if (span->pgoff + pages != next->pgoff)
		return false;
	if (!prev || qr_vma_anon_id(prev) == 0 || qr_vma_anon_id(next) == 0)
		return true;
	return qr_vma_anon_id(prev) == qr_vma_anon_id(next);
}

static void take_anon(struct quire_vma *vma, uint64_t anon, uint8_t depth)
{
	if (vma->anon == 0 && anon != 0) {
		vma->anon = anon;
		vma->anon_depth = depth;
	}
}

/* Takes `vma` out of its file's list and the tree. => FILE held. */
static void detach(struct quire_vma *vma)
{
	qr_vma_unlink(vma->mm, vma);
	if (vma->file)
		qr_list_del(&vma->file_link);
}

/* Frees a vma whose range another vma of the same file has taken over. */
static void drop(struct quire_system *system, struct quire_vma *vma)
{
	if (vma->file)
		quire_file_put(vma->file);
	qr_vma_free(system, vma);
}

struct quire_vma *qr_vma_merge_span(struct quire_mm *mm, const struct qr_span *span)
{
	struct quire_vma *next = qr_find_vma(mm, span->start);
	struct quire_vma *prev = next ? next->prev : qr_last_vma(mm);
	struct quire_vma *target, *gone = NULL;
	bool left = joins_prev(prev, span);
	bool right = joins_next(next, span, left ? prev : NULL);

	if (!left && !right)
		return NULL;
	qr_map_lock(span->file);
	target = left ? prev : next;
	take_anon(target, span->anon, span->anon_depth);
	if (left && right) {
		take_anon(target, next->anon, next->anon_depth);
		gone = next;
		detach(next);
		set_end(prev, gone->end);
	} else if (left) {
		set_end(prev, span->end);
	} else {
		set_start(next, span->start);
	}
	qr_map_unlock(span->file);
	if (gone)
		drop(mm->system, gone);
	return target;
}

struct quire_vma *qr_vma_cut(struct quire_vma *vma, quire_va start, quire_va end, struct quire_vma **spare)
{
	struct quire_file *file = vma->file;

	if (vma->start < start && end < vma->end) {
		struct quire_vma *upper = *spare;

		*spare = NULL;
		qr_vma_split(vma, end, upper);
	}
	qr_map_lock(file);
	if (vma->start < start)
		set_end(vma, start);
	else if (end < vma->end)
		set_start(vma, end);
	else
		detach(vma);
	qr_map_unlock(file);
	return vma->start >= start && vma->end <= end ? vma : NULL;
}

/* --- other flags for a part ----------------------------------------------------------------------------- */

/* Gives [start, end) of `vma` to the neighbours that fit. => left or right. */
static struct quire_vma *join_part(struct quire_vma *vma, quire_va start, quire_va end, bool left, bool right)
{
	struct quire_mm *mm = vma->mm;
	struct quire_vma *prev = vma->prev, *next = vma->next;
	struct quire_vma *target = left ? prev : next;
	struct quire_vma *whole = vma->start == start && vma->end == end ? vma : NULL;
	struct quire_vma *gone = left && right ? next : NULL;
	struct quire_file *file = vma->file;

	qr_map_lock(file);
	take_anon(target, vma->anon, vma->anon_depth);
	if (whole)
		detach(vma);
	else if (left)
		set_start(vma, end);
	else
		set_end(vma, start);
	if (gone) {
		take_anon(target, gone->anon, gone->anon_depth);
		detach(gone);
		end = gone->end;
	}
	if (left)
		set_end(target, end);
	else
		set_start(target, start);
	qr_map_unlock(file);
	if (whole)
		drop(mm->system, whole);
	if (gone)
		drop(mm->system, gone);
	return target;
}

/* Allocates what cutting [start, end) out of `vma` takes. */
static enum quire_status reserve_cuts(struct quire_mm *mm, unsigned need, struct quire_vma *spare[2])
{
	spare[0] = spare[1] = NULL;
	if (mm->vmas + need > qr_max_map_count(mm->system))
		return QUIRE_ENOMEM;
	for (unsigned i = 0; i < need; i++) {
		spare[i] = qr_vma_alloc(mm->system);
		if (!spare[i]) {
			qr_vma_free(mm->system, spare[0]);
			return QUIRE_ENOMEM;
		}
	}
	return QUIRE_OK;
}

enum quire_status qr_vma_modify(struct quire_vma *vma, quire_va start, quire_va end, uint32_t flags,
				struct quire_vma **out_vma)
{
	return qr_vma_modify_tagged(vma, start, end, flags, vma->tag, out_vma);
}

enum quire_status qr_vma_modify_tagged(struct quire_vma *vma, quire_va start, quire_va end, uint32_t flags,
				       uint8_t tag, struct quire_vma **out_vma)
{
	struct qr_span span = {.start = start,
			       .end = end,
			       .flags = flags,
			       .pgoff = qr_vma_index(vma, start),
			       .file = vma->file,
			       .anon = qr_vma_anon_id(vma),
			       .anon_depth = vma->anon_depth,
			       .tag = tag};
	bool left = start == vma->start && joins_prev(vma->prev, &span);
	bool right = end == vma->end && joins_next(vma->next, &span, left ? vma->prev : NULL);
	struct quire_vma *spare[2];
	enum quire_status status;

	qr_assert_contract(vma->mm->system, vma->start <= start && start < end && end <= vma->end);
	if (left || right) {
		*out_vma = join_part(vma, start, end, left, right);
		return QUIRE_OK;
	}
	status = reserve_cuts(vma->mm, (start > vma->start) + (end < vma->end), spare);
	if (status != QUIRE_OK)
		return status;
	if (start > vma->start) {
		qr_vma_split(vma, start, spare[0]);
		vma = spare[0];
		spare[0] = spare[1];
	}
	if (end < vma->end)
		qr_vma_split(vma, end, spare[0]);
	set_flags(vma, flags);
	vma->tag = tag;
	*out_vma = vma;
	return QUIRE_OK;
}

/* --- what the fault path asks ------------------------------------------------------------------------ */

void qr_vma_grow_down(struct quire_vma *vma, quire_va start)
{
	struct quire_mm *mm = vma->mm;
	uint64_t pages = qr_to_pages(mm->system, (uint64_t)(vma->start - start));

	qr_assert_contract(mm->system, start < vma->start && pages <= vma->pgoff &&
					   (start & qr_page_mask(mm->system)) == 0);
	qr_map_lock(vma->file);
	set_start(vma, start);
	qr_map_unlock(vma->file);
	qr_account(mm, vma->flags, (int64_t)pages);
	if (vma->flags & QR_VM_LOCKED)
		mm->locked_vm += pages;
}

quire_prot qr_vm_prot(const struct quire_system *system, uint32_t vm_flags)
{
	quire_prot prot = vm_flags & QR_VM_ACCESS;

	if (prot == 0)
		return QUIRE_PROT_NONE;
	if (prot == QUIRE_PROT_EXEC && !qr_execution_is_apart(system))
		prot |= QUIRE_PROT_READ;
	return quire_prot_widen(qr_arch(system), prot | QUIRE_PROT_USER);
}

bool qr_vma_wants_writenotify(const struct quire_vma *vma)
{
	if ((vma->flags & (QR_VM_SHARED | QR_VM_WRITE)) != (QR_VM_SHARED | QR_VM_WRITE) || !vma->file)
		return false;
	return !qr_file_is_shmem(vma->file) && vma->mm->system->profile->tracks_shared_writes;
}
