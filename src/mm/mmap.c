/* SPDX-License-Identifier: MIT */
/* mmap: where the mapping goes, whether it may be, and then that it is.
 *
 *   arguments ─► place ─► rights of the file and the flags ─► limits, commitment, memory for it
 *             ─► what is in the way is unmapped ─► a neighbour grows, or a new vma ─► populate
 *
 * The order of the checks is the order of errors that programs see; everything up to the unmapping
 * may fail and has changed nothing. */
#include "mm/vma.h"

/* Largest offset of a byte in a file: an off_t. */
#define FILE_END INT64_MAX

/* MAP_HUGE_2MB and MAP_HUGE_1GB: sizes of huge pages, legal where no huge page is asked for. */
#define HUGE_SIZES ((21u | 30u) << 26)

/* Flags that MAP_SHARED_VALIDATE knows; MAP_SYNC needs a file on persistent memory. */
#define KNOWN_FLAGS                                                                                \
	(QUIRE_MAP_SHARED_VALIDATE | QUIRE_MAP_FIXED | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_DENYWRITE | \
	 QUIRE_MAP_EXECUTABLE | QUIRE_MAP_GROWSDOWN | QUIRE_MAP_LOCKED | QUIRE_MAP_NORESERVE |     \
	 QUIRE_MAP_POPULATE | QUIRE_MAP_NONBLOCK | QUIRE_MAP_STACK | HUGE_SIZES)

/* --- where ---------------------------------------------------------------------------------------------- */

static enum quire_status search(const struct quire_mm *mm, uint64_t hint, uint64_t length, quire_va *out_va)
{
	const struct quire_system *system = mm->system;
	quire_va base = mm->mmap_base;

	hint &= ~qr_page_mask(system);
	if (hint && hint <= mm->task_end - length) {
		const struct quire_vma *vma = qr_find_vma(mm, (quire_va)hint);

		if (!vma || hint + length <= qr_vma_start_gap(vma)) {
			*out_va = (quire_va)hint;
			return QUIRE_OK;
		}
	}
	if (mm->top_down &&
	    qr_gap_top_down(mm, length, (quire_va)qr_page_bytes(system), base, out_va) == QUIRE_OK)
		return QUIRE_OK;
	/* Top-down has failed: searches upwards from the base, or from a third of the address space. */
	if (mm->top_down)
		base = (quire_va)qr_page_up(system, mm->task_end / 3);
	return qr_gap_bottom_up(mm, length, base, mm->task_end, out_va);
}

enum quire_status qr_get_unmapped_area(const struct quire_mm *mm, uint64_t addr, uint64_t length, bool fixed,
				       quire_va *out_va)
{
	uint64_t first = (uint64_t)mm->system->rules->first_user_page << qr_arch(mm->system)->page_shift;
	enum quire_status status;

	if (fixed && addr < first)
		return QUIRE_EINVAL;
	if (length > mm->task_end)
		return QUIRE_ENOMEM;
	if (fixed) {
		if (addr > mm->task_end - length)
			return QUIRE_ENOMEM;
		if (addr & qr_page_mask(mm->system))
			return QUIRE_EINVAL;
		*out_va = (quire_va)addr;
	} else {
		status = search(mm, addr, length, out_va);
		if (status != QUIRE_OK)
			return status;
	}
	if (*out_va < qr_mmap_min_addr(mm->system) && !(mm->rights & QUIRE_RIGHT_SYS_RAWIO))
		return QUIRE_EPERM;
	return QUIRE_OK;
}

/* A hint too low to be mapped means the lowest address that can be. */
static uint64_t round_hint(const struct quire_mm *mm, uint64_t hint)
{
	hint &= ~qr_page_mask(mm->system);
	if (hint && hint < qr_mmap_min_addr(mm->system))
		return qr_page_up(mm->system, qr_mmap_min_addr(mm->system));
	return hint;
}

/* --- may it be ------------------------------------------------------------------------------------------ */

/* The flags of the call, but for those that the release does not know. */
static uint32_t map_flags(const struct quire_mm *mm, const struct quire_mapping *how)
{
	return how->flags & ~mm->system->profile->mmap_ignores;
}

static uint32_t flags_of(const struct quire_mm *mm, const struct quire_mapping *how)
{
	uint32_t flags = (how->prot & QUIRE_PROT_RWX) | mm->def_flags | QR_VM_MAY;
	uint32_t given = map_flags(mm, how);

	if (given & QUIRE_MAP_GROWSDOWN)
		flags |= QR_VM_GROWSDOWN;
	if (given & QUIRE_MAP_LOCKED)
		flags |= QR_VM_LOCKED;
	if (given & QUIRE_MAP_STACK)
		flags |= QR_VM_NOHUGEPAGE;
	return flags;
}

static enum quire_status file_rights(const struct quire_mapping *how, uint64_t length, uint32_t *flags)
{
	quire_prot opened = how->file_prot ? how->file_prot : QUIRE_PROT_RWX;
	uint32_t map_flags = how->flags, type = map_flags & QUIRE_MAP_TYPE;

	if (length > FILE_END || how->offset > FILE_END - length)
		return QUIRE_EOVERFLOW;
	if (type != QUIRE_MAP_SHARED && type != QUIRE_MAP_SHARED_VALIDATE && type != QUIRE_MAP_PRIVATE)
		return QUIRE_EINVAL;
	if (type == QUIRE_MAP_SHARED_VALIDATE && (map_flags & ~(uint32_t)KNOWN_FLAGS))
		return QUIRE_EOPNOTSUPP;
	if (type != QUIRE_MAP_PRIVATE) {
		if ((how->prot & QUIRE_PROT_WRITE) && !(opened & QUIRE_PROT_WRITE))
			return QUIRE_EACCES;
		*flags |= QR_VM_SHARED | QR_VM_MAYSHARE;
		if (!(opened & QUIRE_PROT_WRITE))
			*flags &= ~((uint32_t)QR_VM_SHARED | QR_VM_MAYWRITE);
	}
	if (!(opened & QUIRE_PROT_READ))
		return QUIRE_EACCES;
	if (!(opened & QUIRE_PROT_EXEC)) {
		if (*flags & QR_VM_EXEC)
			return QUIRE_EPERM;
		*flags &= ~(uint32_t)QR_VM_MAYEXEC;
	}
	return *flags & QR_VM_GROWSDOWN ? QUIRE_EINVAL : QUIRE_OK;
}

static enum quire_status anon_rights(const struct quire_mapping *how, uint32_t *flags)
{
	switch (how->flags & QUIRE_MAP_TYPE) {
	case QUIRE_MAP_SHARED:
		if (*flags & QR_VM_GROWSDOWN)
			return QUIRE_EINVAL;
		*flags |= QR_VM_SHARED | QR_VM_MAYSHARE;
		/* A device that was not opened for writing. */
		if (how->file_prot && !(how->file_prot & QUIRE_PROT_WRITE))
			*flags &= ~((uint32_t)QR_VM_SHARED | QR_VM_MAYWRITE);
		return QUIRE_OK;
	case QUIRE_MAP_PRIVATE:
		return QUIRE_OK;
	default:
		return QUIRE_EINVAL;
	}
}

/* Everything that is checked before the limits: the place, the flags, the rights. => mm lock for write. */
static enum quire_status decide(struct quire_mm *mm, const struct quire_mapping *how, uint64_t length,
				struct qr_span *span)
{
	struct quire_system *system = mm->system;
	bool fixed = how->flags & (QUIRE_MAP_FIXED | QUIRE_MAP_FIXED_NOREPLACE);
	uint64_t addr = fixed ? how->addr : round_hint(mm, how->addr);
	enum quire_status status;

	if (mm->vmas > qr_max_map_count(system))
		return QUIRE_ENOMEM;
	span->flags = flags_of(mm, how);
	status = qr_get_unmapped_area(mm, addr, length, fixed, &span->start);
	if (status != QUIRE_OK)
		return status;
	span->end = (quire_va)(span->start + length);
	if ((how->flags & QUIRE_MAP_FIXED_NOREPLACE) && !qr_mutant(system, "map-noreplace") &&
	    qr_find_vma_intersection(mm, span->start, span->end))
		return QUIRE_EEXIST;
	if ((map_flags(mm, how) & QUIRE_MAP_LOCKED) && !qr_can_mlock(mm))
		return QUIRE_EPERM;
	if (!qr_lock_future_ok(mm, span->flags, length))
		return QUIRE_EAGAIN;
	status = how->file ? file_rights(how, length, &span->flags) : anon_rights(how, &span->flags);
	if (status != QUIRE_OK)
		return status;
	span->file = how->file;
	span->pgoff = how->file ? qr_to_pages(system, how->offset) : qr_to_pages(system, span->start);
	if ((how->flags & QUIRE_MAP_NORESERVE) && qr_overcommit(system) != QUIRE_OVERCOMMIT_NEVER)
		span->flags |= QR_VM_NORESERVE;
	return QUIRE_OK;
}

/* --- reserve and commit --------------------------------------------------------------------------------- */

/* What a mapping needs before it can no longer fail. */
struct reserve {
	struct quire_vma *vma, *spare;
	struct quire_file *shmem; /* behind shared anonymous memory */
	uint64_t charged;         /* pages committed on behalf of the vma, beyond what the range has */
	bool accountable;
};

/* Shared anonymous memory is a file of its own, committed as a whole. */
static enum quire_status make_shmem(struct quire_mm *mm, struct qr_span *span, struct reserve *reserve)
{
	struct quire_system *system = mm->system;
	uint64_t bytes = span->end - span->start, pages = qr_to_pages(system, bytes);
	bool promise = (span->flags & QR_VM_SHARED) && !(span->flags & QR_VM_NORESERVE);
	enum quire_status status;

	if (promise && qr_mm_commit(mm, pages) != QUIRE_OK)
		return QUIRE_ENOMEM;
	status = quire_file_create(system, NULL, NULL, bytes, &reserve->shmem);
	if (status != QUIRE_OK) {
		if (promise)
			qr_uncommit(system, pages);
		return status;
	}
	if (promise) {
		reserve->shmem->flags |= QR_FILE_ACCOUNTED;
		reserve->shmem->committed = pages;
	}
	span->file = reserve->shmem;
	span->pgoff = 0;
	return QUIRE_OK;
}

static void unreserve(struct quire_mm *mm, struct reserve *reserve)
{
	qr_vma_free(mm->system, reserve->vma);
	qr_vma_free(mm->system, reserve->spare);
	if (reserve->charged)
		qr_uncommit(mm->system, reserve->charged);
}

static enum quire_status take_reserve(struct quire_mm *mm, struct qr_span *span, struct reserve *reserve)
{
	struct quire_system *system = mm->system;
	uint64_t pages = qr_to_pages(system, (uint64_t)(span->end - span->start));
	struct qr_range_counts there;
	enum quire_status status = qr_unmap_prepare(mm, span->start, span->end, &reserve->spare);

	if (status != QUIRE_OK)
		return status;
	qr_range_count(mm, span->start, span->end, &there);
	if (!qr_may_expand(mm, span->flags, pages - there.pages))
		return QUIRE_ENOMEM;
	reserve->accountable = qr_is_accountable(span->flags);
	if (reserve->accountable) {
		if (pages > there.accounted && qr_mm_commit(mm, pages - there.accounted) != QUIRE_OK)
			return QUIRE_ENOMEM;
		reserve->charged = pages - there.accounted;
		span->flags |= QR_VM_ACCOUNT;
	}
	reserve->vma = qr_vma_alloc(system);
	if (!reserve->vma)
		return QUIRE_ENOMEM;
	if (!span->file && (span->flags & QR_VM_MAYSHARE))
		return make_shmem(mm, span, reserve);
	return QUIRE_OK;
}

/* Cannot fail. */
static void commit_mapping(struct quire_mm *mm, const struct qr_span *span, struct reserve *reserve,
			   struct qr_gone *gone)
{
	uint64_t pages = qr_to_pages(mm->system, (uint64_t)(span->end - span->start));

	qr_unmap_commit(mm, span->start, span->end, &reserve->spare, gone);
	/* What was unmapped had been committed too; only the difference was charged. */
	if (!reserve->accountable)
		qr_uncommit(mm->system, gone->accounted);
	if (!qr_vma_merge_span(mm, span)) {
		qr_vma_place(mm, reserve->vma, span);
		reserve->vma = NULL;
	}
	qr_account(mm, span->flags, (int64_t)pages);
	if (span->flags & QR_VM_LOCKED)
		mm->locked_vm += pages;
	reserve->charged = 0;
	unreserve(mm, reserve);
}

static enum quire_status map_locked(struct quire_mm *mm, const struct quire_mapping *how, uint64_t length,
				    struct qr_span *span, struct qr_gone *gone, struct quire_file **out_shmem)
{
	struct reserve reserve = {0};
	enum quire_status status = decide(mm, how, length, span);

	if (status != QUIRE_OK)
		return status;
	status = take_reserve(mm, span, &reserve);
	*out_shmem = reserve.shmem;
	if (status != QUIRE_OK) {
		unreserve(mm, &reserve);
		return status;
	}
	commit_mapping(mm, span, &reserve, gone);
	qr_assert_whole(mm->system, qr_mm_valid(mm));
	return QUIRE_OK;
}

static enum quire_status map_once(struct quire_mm *mm, const struct quire_mapping *how, quire_va *out_va)
{
	struct quire_system *system = mm->system;
	struct qr_span span = {0};
	struct qr_gone gone = {0};
	struct quire_file *shmem = NULL;
	enum quire_status status;
	uint64_t length;

	if ((how->offset & qr_page_mask(system)) || (how->flags & QUIRE_MAP_HUGETLB) || how->length == 0)
		return QUIRE_EINVAL;
	length = qr_page_up(system, how->length);
	if (length == 0)
		return QUIRE_ENOMEM;
	qr_mm_write_lock(mm);
	status = map_locked(mm, how, length, &span, &gone, &shmem);
	qr_mm_write_unlock(mm);
	qr_gone_release(mm, &gone);
	if (shmem)
		quire_file_put(shmem); /* the vma has its own reference, or the mapping failed */
	if (status != QUIRE_OK)
		return status;
	if ((span.flags & QR_VM_LOCKED) ||
	    (map_flags(mm, how) & (QUIRE_MAP_POPULATE | QUIRE_MAP_NONBLOCK)) == QUIRE_MAP_POPULATE)
		(void)qr_mm_populate(mm, span.start, span.end, true);
	*out_va = span.start;
	return QUIRE_OK;
}

enum quire_status quire_mmap(struct quire_mm *mm, const struct quire_mapping *how, quire_va *out_va)
{
	struct qr_retry retry = qr_retry_begin(mm->system);
	enum quire_status status;

	do
		status = map_once(mm, how, out_va);
	while (qr_retry_status(mm->system, &retry, status));
	return status;
}
