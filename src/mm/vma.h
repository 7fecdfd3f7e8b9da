/* SPDX-License-Identifier: MIT */
/* What the system calls of an address space share: proposed ranges, merging, limits, removal.
 *
 * Every call goes the same way: check, reserve what may fail (vmas, commitment, tables), then commit.
 * Files of removed vmas are put, and removed vmas freed, after the mm lock: a file's release may sleep. */
#ifndef QR_VMA_H
#define QR_VMA_H

#include "mm/mm.h"

#define QR_VM_LOCK_FLAGS ((uint32_t)QR_VM_LOCKED | QR_VM_LOCKONFAULT)
/* Linux's values beside those of mm.h: they have no effect but to keep vmas apart. */
#define QR_VM_MERGEABLE 0x80000000u
#define QR_VM_MAY       ((uint32_t)QR_VM_MAYREAD | QR_VM_MAYWRITE | QR_VM_MAYEXEC)

static inline uint64_t qr_page_up(const struct quire_system *system, uint64_t bytes)
{
	return (bytes + qr_page_mask(system)) & ~qr_page_mask(system);
}

static inline uint64_t qr_to_pages(const struct quire_system *system, uint64_t bytes)
{
	return bytes >> qr_arch(system)->page_shift;
}

/* Pages that belong to one process alone: anonymous in Linux's sense (no file). */
static inline bool qr_vma_is_anon(const struct quire_vma *vma)
{
	return vma->file == NULL;
}

/* Where a vma begins for a search of free room: below its guard gap. */
uint64_t qr_vma_start_gap(const struct quire_vma *vma);

/* --- limits.c ------------------------------------------------------------------------------------------ */

/* May `pages` more of these flags be mapped (RLIMIT_AS, RLIMIT_DATA). */
bool qr_may_expand(const struct quire_mm *mm, uint32_t flags, uint64_t pages);
/* total_vm and the class that the flags belong to. */
void qr_account(struct quire_mm *mm, uint32_t flags, int64_t pages);
/* RLIMIT_MEMLOCK for `bytes` that would be locked by `flags`. */
bool qr_lock_future_ok(const struct quire_mm *mm, uint32_t flags, uint64_t bytes);
bool qr_can_mlock(const struct quire_mm *mm);
/* Is a private writable mapping with these flags to be charged. */
bool qr_is_accountable(uint32_t flags);

/* --- mm.c ---------------------------------------------------------------------------------------------- */

/* Updates the peak of the resident set. Called before resident pages are unmapped. */
void qr_mm_note_peak(struct quire_mm *mm);
/* All slots together. */
void qr_mm_sum(const struct quire_mm *mm, struct qr_mm_slot *out_sum);

/* --- vma.c: making, splitting, merging -------------------------------------------------------------- */

/* A range and the properties of the vma that it will be in. */
struct qr_span {
	quire_va start, end;
	uint32_t flags;
	uint64_t pgoff;
	struct quire_file *file;
	uint64_t anon;
	uint8_t anon_depth; /* as merging sees it: of the vma that the pages come from */
	uint8_t tag;
	bool only_prev; /* brk: never merges upwards */
};

struct quire_vma *qr_vma_alloc(struct quire_system *system);
void qr_vma_free(struct quire_system *system, struct quire_vma *vma);

/* Links an allocated vma as `span`, taking a reference of its file. The span's range is free. */
void qr_vma_place(struct quire_mm *mm, struct quire_vma *vma, const struct qr_span *span);

/* Extends a neighbour, or joins both, over the free range of `span`. NULL: neither fits. Cannot fail. */
struct quire_vma *qr_vma_merge_span(struct quire_mm *mm, const struct qr_span *span);

/* Gives [start, end) of `vma` the flags `flags`: merges with neighbours that then are equal, else splits.
 * *out_vma: the vma that now has the range (it may be larger).
 * Returns QUIRE_OK; QUIRE_ENOMEM: too many vmas, or no memory for one. On failure nothing has changed. */
enum quire_status qr_vma_modify(struct quire_vma *vma, quire_va start, quire_va end, uint32_t flags,
				struct quire_vma **out_vma) QUIRE_MUST_USE;
/* The same, and the tag `tag`. */
enum quire_status qr_vma_modify_tagged(struct quire_vma *vma, quire_va start, quire_va end, uint32_t flags,
				       uint8_t tag, struct quire_vma **out_vma) QUIRE_MUST_USE;

/* Cuts `vma` at `va`; the upper part is `upper`, allocated before. */
void qr_vma_split(struct quire_vma *vma, quire_va va, struct quire_vma *upper);

/* Takes [start, end), which overlaps `vma`, out of it; *spare becomes the upper part of one cut in two.
 * Returns `vma`, detached, when nothing of it is left, else NULL. Its file reference stays. */
struct quire_vma *qr_vma_cut(struct quire_vma *vma, quire_va start, quire_va end, struct quire_vma **spare);

/* --- evict.c --------------------------------------------------------------------------------------------- */

/* Evicts pages of [start, end); `private_only`: those that nobody else maps. Returns how many left memory.
 * => no lock held; sleeps. */
uint64_t qr_mm_evict(struct quire_mm *mm, quire_va start, quire_va end, bool private_only);
/* Reads the swapped pages of [start, end) into the swap cache. The same. */
void qr_mm_swap_ahead(struct quire_mm *mm, quire_va start, quire_va end);

/* --- mseal.c ------------------------------------------------------------------------------------------- */

/* Whether a vma of [start, end) is sealed. => mm lock */
bool qr_is_sealed(const struct quire_mm *mm, quire_va start, quire_va end);
/* Whether the seal of a vma forbids the advice. */
bool qr_seal_forbids(const struct quire_vma *vma, int advice);

/* --- guard.c ------------------------------------------------------------------------------------------- */

/* Takes the pages of a part of `vma` away and puts guards there, which outlive everything but the mapping.
 * Returns QUIRE_OK; QUIRE_EINVAL: the vma is locked; QUIRE_ENOMEM: no table, nothing has changed.
 * => mm lock for write */
enum quire_status qr_guard_install(struct quire_vma *vma, quire_va start, quire_va end) QUIRE_MUST_USE;
/* Removes guards; pages stay. => mm lock for write */
void qr_guard_remove(const struct quire_vma *vma, quire_va start, quire_va end);

/* --- munmap.c ------------------------------------------------------------------------------------------ */

/* What an unmap leaves to do after the mm lock. */
struct qr_gone {
	struct quire_vma *dead; /* removed vmas, through `next` */
	uint64_t accounted;     /* pages that were committed */
};

/* Counts of a range before it is unmapped. */
struct qr_range_counts {
	uint64_t pages, accounted;
};
void qr_range_count(const struct quire_mm *mm, quire_va start, quire_va end, struct qr_range_counts *out);

/* Reserves what unmapping [start, end) may need: a vma when one is cut in two.
 * Returns QUIRE_OK; QUIRE_EPERM: something there is sealed; QUIRE_ENOMEM: at the limit of vmas, or no memory. */
enum quire_status qr_unmap_prepare(struct quire_mm *mm, quire_va start, quire_va end,
				   struct quire_vma **out_spare) QUIRE_MUST_USE;
/* Unmaps: leaves, vmas, tables. Takes *spare if it needs it. Cannot fail. => mm lock for write. */
void qr_unmap_commit(struct quire_mm *mm, quire_va start, quire_va end, struct quire_vma **spare,
		     struct qr_gone *gone);
/* Puts the files of removed vmas and frees the vmas. => mm lock not held: a release may sleep. */
void qr_gone_release(struct quire_mm *mm, struct qr_gone *gone);

/* --- mmap.c -------------------------------------------------------------------------------------------- */

/* Where a mapping of `length` bytes may go: `addr` itself with `fixed`, else from the hint, else where
 * the layout searches. Returns QUIRE_OK; QUIRE_ENOMEM; QUIRE_EINVAL; QUIRE_EPERM: below mmap_min_addr. */
enum quire_status qr_get_unmapped_area(const struct quire_mm *mm, uint64_t addr, uint64_t length, bool fixed,
				       quire_va *out_va) QUIRE_MUST_USE;

/* --- populate.c ---------------------------------------------------------------------------------------- */

/* Faults pages of [start, end) in as mlock and MAP_POPULATE do: writable private ones for write.
 * With `ignore`, a vma that cannot be filled is passed over. => mm lock not held.
 * Returns QUIRE_OK, QUIRE_EFAULT, QUIRE_ENOMEM. */
enum quire_status qr_mm_populate(struct quire_mm *mm, quire_va start, quire_va end, bool ignore);
/* As MADV_POPULATE_READ and _WRITE do: every page must be there and allow it.
 * Returns also QUIRE_ENOMEM: a hole; QUIRE_EINVAL: a vma forbids it. */
enum quire_status qr_mm_populate_advised(struct quire_mm *mm, quire_va start, quire_va end,
					 bool write) QUIRE_MUST_USE;

#endif
