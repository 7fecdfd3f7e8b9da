/* SPDX-License-Identifier: MIT */
/* madvise: advice that changes a vma's flags (under the lock for write, with cutting and joining), or makes
 * guards (guard.c), and advice about pages (for read). Holes are passed over and told at the end. */
#include "fault/fault.h"
#include "mm/vma.h"
#include "swap/swap.h"

struct advice {
	struct quire_mm *mm;
	int advice;
	unsigned token; /* of the lock for read */
};

/* --- flags ---------------------------------------------------------------------------------------------- */

static bool changes_flags(int advice)
{
	switch (advice) {
	case QUIRE_MADV_NORMAL:
	case QUIRE_MADV_RANDOM:
	case QUIRE_MADV_SEQUENTIAL:
	case QUIRE_MADV_DONTFORK:
	case QUIRE_MADV_DOFORK:
	case QUIRE_MADV_MERGEABLE:
	case QUIRE_MADV_UNMERGEABLE:
	case QUIRE_MADV_HUGEPAGE:
	case QUIRE_MADV_NOHUGEPAGE:
	case QUIRE_MADV_DONTDUMP:
	case QUIRE_MADV_DODUMP:
	case QUIRE_MADV_WIPEONFORK:
	case QUIRE_MADV_KEEPONFORK:
		return true;
	default:
		return false;
	}
}

/* What the flags become. Returns QUIRE_OK or QUIRE_EINVAL. */
static enum quire_status advised_flags(const struct quire_vma *vma, int advice, uint32_t *flags)
{
	uint32_t add = 0, drop = 0;

	switch (advice) {
	case QUIRE_MADV_NORMAL:
		drop = QR_VM_RAND_READ | QR_VM_SEQ_READ;
		break;
	case QUIRE_MADV_RANDOM:
		drop = QR_VM_SEQ_READ;
		add = QR_VM_RAND_READ;
		break;
	case QUIRE_MADV_SEQUENTIAL:
		drop = QR_VM_RAND_READ;
		add = QR_VM_SEQ_READ;
		break;
	case QUIRE_MADV_DONTFORK:
		add = QR_VM_DONTCOPY;
		break;
	case QUIRE_MADV_DOFORK:
		drop = QR_VM_DONTCOPY;
		break;
	case QUIRE_MADV_WIPEONFORK:
		if (vma->file || (vma->flags & QR_VM_SHARED))
			return QUIRE_EINVAL;
		add = QR_VM_WIPEONFORK;
		break;
	case QUIRE_MADV_KEEPONFORK:
		drop = QR_VM_WIPEONFORK;
		break;
	case QUIRE_MADV_DONTDUMP:
		add = QR_VM_DONTDUMP;
		break;
	case QUIRE_MADV_DODUMP:
		drop = QR_VM_DONTDUMP;
		break;
	case QUIRE_MADV_MERGEABLE:
		/* Nothing merges pages; the flag keeps vmas apart as on Linux. */
		add = vma->flags & (QR_VM_SHARED | QR_VM_MAYSHARE) ? 0 : QR_VM_MERGEABLE;
		break;
	case QUIRE_MADV_UNMERGEABLE:
		drop = QR_VM_MERGEABLE;
		break;
	case QUIRE_MADV_HUGEPAGE:
		drop = QR_VM_NOHUGEPAGE;
		add = QR_VM_HUGEPAGE;
		break;
	default:
		drop = QR_VM_HUGEPAGE;
		add = QR_VM_NOHUGEPAGE;
		break;
	}
	*flags = (vma->flags & ~drop) | add;
	return QUIRE_OK;
}

static enum quire_status advise_flags(struct quire_vma *vma, quire_va start, quire_va end, int advice)
{
	enum quire_status status;
	uint32_t flags;

	status = advised_flags(vma, advice, &flags);
	if (status != QUIRE_OK || flags == vma->flags)
		return status;
	status = qr_vma_modify(vma, start, end, flags, &vma);
	/* madvise says EAGAIN where the kernel lacks memory: ENOMEM means a hole. */
	return status == QUIRE_ENOMEM ? QUIRE_EAGAIN : status;
}

/* --- pages ---------------------------------------------------------------------------------------------- */

static void discard(struct quire_vma *vma, quire_va start, quire_va end)
{
	struct quire_mm *mm = vma->mm;
	struct qr_pt_counts gone = {0};
	struct qr_tlb tlb;

	if (qr_mutant(mm->system, "dontneed-keeps"))
		return;
	qr_mm_note_peak(mm);
	qr_tlb_begin(&tlb, &mm->pt);
	qr_pt_unmap(&mm->pt, &tlb, start, end, QR_UNMAP_PAGES, &gone);
	qr_tlb_end(&tlb);
	qr_mm_count_gone(mm, &gone);
}

/* Marks a page with one mapping clean and droppable; the next write makes it dirty and keeps it. => PT held.
 * Returns whether a CPU may have it cached as dirty. */
static bool free_lazily(struct quire_system *system, void *entry)
{
	const struct quire_arch *arch = qr_arch(system);
	quire_pte pte = qr_pte_get(arch, 0, entry);
	struct qr_page *page;
	unsigned lost;

	if (pte.bits == 0 || arch->kind(arch, pte, 0) != QUIRE_PTE_LEAF)
		return false;
	page = qr_page_of(system, arch->pfn(arch, pte, 0));
	if (!page || qr_page_state(page) != QUIRE_PAGE_ANON || qr_rmap_count(page) != 1)
		return false;
	/* The copy in a store must not come back. */
	if (qr_page_test(page, QR_PAGE_SWAPCACHE) &&
	    (!qr_swap_is_unnamed(system, page, true) || qr_page_test(page, QR_PAGE_SWAPCACHE)))
		return false;
	qr_page_clear_bits(page, QR_PAGE_DIRTY | QR_PAGE_REFERENCED);
	qr_page_set(page, QR_PAGE_LAZYFREE);
	do {
		lost = arch->flags(arch, pte, 0);
		if (lost == 0)
			return false;
	} while (!qr_pte_cas(arch, 0, entry, &pte,
			     arch->with_flags(arch, pte, 0, QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY, 0)));
	return (lost & QUIRE_PTE_DIRTY) != 0;
}

/* A swapped page is dropped with its slot. => PT held. Returns whether the entry was one. */
static bool free_swapped(struct quire_mm *mm, void *entry)
{
	const struct quire_arch *arch = qr_arch(mm->system);
	quire_pte pte = qr_pte_get(arch, 0, entry);
	uint64_t value;

	if (pte.bits == 0 || arch->kind(arch, pte, 0) != QUIRE_PTE_SWAP)
		return false;
	value = arch->swap_value(arch, pte);
	if (qr_swap_is_marker(value))
		return true;
	qr_pte_set(arch, 0, entry, (quire_pte){0});
	qr_swap_put(mm->system, value);
	qr_mm_count(mm, 0, 0, 0, -1);
	return true;
}

static void free_range(struct quire_vma *vma, quire_va start, quire_va end)
{
	struct quire_system *system = vma->mm->system;
	quire_va page = (quire_va)qr_page_bytes(system);
	struct qr_pt *pt = &vma->mm->pt;
	struct qr_pt_run run;
	struct qr_tlb tlb;

	qr_tlb_begin(&tlb, pt);
	for (quire_va va = start; va < end && qr_pt_next_run(pt, va, end, &run); va = run.end) {
		char *entry = run.entry;

		if (run.level != 0)
			continue;
		qr_pt_lock(pt, run.table);
		for (size_t i = 0; i < run.count; i++, entry += run.stride) {
			quire_va at = run.va + (quire_va)i * page;

			if (!free_swapped(vma->mm, entry) && free_lazily(system, entry))
				qr_tlb_range(&tlb, at, at + page);
		}
		qr_pt_unlock(pt, run.table);
	}
	qr_tlb_end(&tlb);
}

static void make_old(struct quire_vma *vma, quire_va start, quire_va end)
{
	struct qr_tlb tlb;

	qr_tlb_begin(&tlb, &vma->mm->pt);
	(void)qr_pt_age(&vma->mm->pt, &tlb, start, end, 0);
	qr_tlb_end(&tlb);
}

/* Reads the file's pages of the range into the cache, as far as memory and the file go: advice fails
 * silently. The lock is dropped meanwhile. */
static void read_ahead(struct advice *ad, struct quire_vma *vma, quire_va start, quire_va end)
{
	struct quire_system *system = ad->mm->system;
	struct quire_file *file = quire_file_get(vma->file);
	uint64_t index = qr_vma_index(vma, start), last = qr_vma_index(vma, end);

	qr_mm_read_unlock(ad->mm, ad->token);
	last = qr_min(last, qr_file_end_index(file));
	for (; index < last; index++) {
		enum quire_step how;
		struct qr_page *page;

		if (qr_cache_get(file, index, &page, &how) != QUIRE_OK)
			break;
		qr_cache_put(system, page);
	}
	quire_file_put(file);
	ad->token = qr_mm_read_lock(ad->mm);
}

/* Pages that were swapped come back as far as memory goes. */
static void swap_ahead(struct advice *ad, struct quire_vma *vma, quire_va start, quire_va end)
{
	uint64_t index = qr_vma_index(vma, start), last = qr_vma_index(vma, end);
	struct quire_file *file = vma->file ? quire_file_get(vma->file) : NULL;

	qr_mm_read_unlock(ad->mm, ad->token);
	qr_mm_swap_ahead(ad->mm, start, end);
	for (; file && index < last; index++) {
		enum quire_step how;
		struct qr_page *page;

		if (qr_cache_value(file, index) && qr_cache_get(file, index, &page, &how) == QUIRE_OK)
			qr_cache_put(ad->mm->system, page);
	}
	if (file)
		quire_file_put(file);
	ad->token = qr_mm_read_lock(ad->mm);
}

static void page_out(struct advice *ad, quire_va start, quire_va end)
{
	qr_mm_read_unlock(ad->mm, ad->token);
	(void)qr_mm_evict(ad->mm, start, end, true);
	ad->token = qr_mm_read_lock(ad->mm);
}

/* MADV_REMOVE: punches a hole into the file of a shared writable mapping. The lock is dropped meanwhile. */
static enum quire_status punch(struct advice *ad, struct quire_vma *vma, quire_va start, quire_va end)
{
	uint64_t offset = qr_vma_index(vma, start) << qr_arch(ad->mm->system)->page_shift;
	struct quire_file *file = vma->file;
	enum quire_status status;

	if ((vma->flags & QR_VM_LOCKED) || !file)
		return QUIRE_EINVAL;
	if ((vma->flags & (QR_VM_SHARED | QR_VM_MAYWRITE)) != (QR_VM_SHARED | QR_VM_MAYWRITE))
		return QUIRE_EACCES;
	quire_file_get(file);
	qr_mm_read_unlock(ad->mm, ad->token);
	status = quire_file_punch(file, offset, (uint64_t)(end - start));
	quire_file_put(file);
	ad->token = qr_mm_read_lock(ad->mm);
	return status;
}

static enum quire_status advise_pages(struct advice *ad, struct quire_vma *vma, quire_va start, quire_va end)
{
	switch (ad->advice) {
	case QUIRE_MADV_WILLNEED:
		if (vma->file && !qr_file_is_shmem(vma->file))
			read_ahead(ad, vma, start, end);
		else if (ad->mm->system->swap)
			swap_ahead(ad, vma, start, end);
		return QUIRE_OK;
	case QUIRE_MADV_REMOVE:
		return punch(ad, vma, start, end);
	case QUIRE_MADV_DONTNEED_LOCKED:
		discard(vma, start, end);
		return QUIRE_OK;
	case QUIRE_MADV_GUARD_INSTALL:
		return qr_guard_install(vma, start, end);
	case QUIRE_MADV_GUARD_REMOVE:
		qr_guard_remove(vma, start, end);
		return QUIRE_OK;
	default:
		break;
	}
	/* The other kinds take pages away, which a locked vma must keep. */
	if (vma->flags & QR_VM_LOCKED)
		return QUIRE_EINVAL;
	switch (ad->advice) {
	case QUIRE_MADV_DONTNEED:
		discard(vma, start, end);
		return QUIRE_OK;
	case QUIRE_MADV_FREE:
		if (!qr_vma_is_anon(vma))
			return QUIRE_EINVAL;
		free_range(vma, start, end);
		return QUIRE_OK;
	default:
		make_old(vma, start, end);
		if (ad->advice == QUIRE_MADV_PAGEOUT && ad->mm->system->swap)
			page_out(ad, start, end);
		return QUIRE_OK;
	}
}

/* Guards too: no fault may bring a page in between. */
static bool excludes_faults(int advice)
{
	return changes_flags(advice) || advice == QUIRE_MADV_GUARD_INSTALL ||
	       advice == QUIRE_MADV_GUARD_REMOVE;
}

/* --- the call ------------------------------------------------------------------------------------------- */

static bool known(int advice)
{
	switch (advice) {
	case QUIRE_MADV_WILLNEED:
	case QUIRE_MADV_DONTNEED:
	case QUIRE_MADV_DONTNEED_LOCKED:
	case QUIRE_MADV_FREE:
	case QUIRE_MADV_REMOVE:
	case QUIRE_MADV_COLD:
	case QUIRE_MADV_PAGEOUT:
	case QUIRE_MADV_POPULATE_READ:
	case QUIRE_MADV_POPULATE_WRITE:
	case QUIRE_MADV_COLLAPSE:
	case QUIRE_MADV_GUARD_INSTALL:
	case QUIRE_MADV_GUARD_REMOVE:
		return true;
	default:
		return changes_flags(advice);
	}
}

static enum quire_status walk(struct advice *ad, quire_va start, quire_va end)
{
	enum quire_status hole = QUIRE_OK, status;
	bool flags = changes_flags(ad->advice);

	while (start < end) {
		struct quire_vma *vma = qr_find_vma(ad->mm, start);
		quire_va part_end;

		if (!vma)
			return QUIRE_ENOMEM;
		if (start < vma->start) {
			hole = QUIRE_ENOMEM;
			start = vma->start;
			if (start >= end)
				break;
		}
		part_end = (quire_va)qr_min(vma->end, end);
		if (qr_seal_forbids(vma, ad->advice))
			return QUIRE_EPERM;
		status = flags ? advise_flags(vma, start, part_end, ad->advice)
			       : advise_pages(ad, vma, start, part_end);
		if (status != QUIRE_OK)
			return status;
		start = part_end;
	}
	return hole;
}

enum quire_status quire_madvise(struct quire_mm *mm, quire_va addr, uint64_t length, int advice)
{
	struct advice ad = {.mm = mm, .advice = advice};
	uint64_t aligned = qr_page_up(mm->system, length), end = addr + aligned;
	enum quire_status status;

	if (!known(advice) || (addr & qr_page_mask(mm->system)) || (length && !aligned) || end < addr ||
	    (quire_va)end != end)
		return QUIRE_EINVAL;
	if (end == addr)
		return QUIRE_OK;
	switch (advice) {
	case QUIRE_MADV_POPULATE_READ:
	case QUIRE_MADV_POPULATE_WRITE:
		return qr_mm_populate_advised(mm, addr, (quire_va)end, advice == QUIRE_MADV_POPULATE_WRITE);
	case QUIRE_MADV_COLLAPSE:
		return QUIRE_EINVAL; /* there are no huge pages to collapse into */
	default:
		break;
	}
	if (excludes_faults(advice)) {
		qr_mm_write_lock(mm);
		status = walk(&ad, addr, (quire_va)end);
		qr_assert_whole(mm->system, qr_mm_valid(mm));
		qr_mm_write_unlock(mm);
	} else {
		ad.token = qr_mm_read_lock(mm);
		status = walk(&ad, addr, (quire_va)end);
		qr_mm_read_unlock(mm, ad.token);
	}
	return status;
}
