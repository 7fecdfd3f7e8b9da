/* SPDX-License-Identifier: MIT */
/* What an address space looks like from outside: maps, smaps, pagemap, status. */
#include "mm/vma.h"
#include "swap/swap.h"

/* Bits of an entry of /proc/PID/pagemap. */
#define PM_PFN_MASK  ((UINT64_C(1) << 55) - 1)
#define PM_EXCLUSIVE (UINT64_C(1) << 56)
#define PM_GUARD     (UINT64_C(1) << 58)
#define PM_FILE      (UINT64_C(1) << 61)
#define PM_SWAP      (UINT64_C(1) << 62)
#define PM_PRESENT   (UINT64_C(1) << 63)

/* Where the offset begins in the entry of a swapped page, above the number of its area. */
#define PM_SWAP_SHIFT 5

/* pss counts in parts of a page. */
#define PSS_SHIFT 12

struct flag_pair {
	uint32_t vma, region;
};

static const struct flag_pair region_flags[] = {
    {QR_VM_MAYSHARE, QUIRE_REGION_SHARED},   {QR_VM_GROWSDOWN, QUIRE_REGION_GROWSDOWN},
    {QR_VM_LOCKED, QUIRE_REGION_LOCKED},     {QR_VM_NORESERVE, QUIRE_REGION_NORESERVE},
    {QR_VM_DONTCOPY, QUIRE_REGION_DONTFORK}, {QR_VM_WIPEONFORK, QUIRE_REGION_WIPEONFORK},
    {QR_VM_ACCOUNT, QUIRE_REGION_ACCOUNT},   {QR_VM_SEQ_READ, QUIRE_REGION_SEQUENTIAL},
    {QR_VM_RAND_READ, QUIRE_REGION_RANDOM},  {QR_VM_DONTDUMP, QUIRE_REGION_DONTDUMP},
    {QR_VM_MAYREAD, QUIRE_REGION_MAYREAD},   {QR_VM_MAYWRITE, QUIRE_REGION_MAYWRITE},
    {QR_VM_MAYEXEC, QUIRE_REGION_MAYEXEC},   {QR_VM_LOCKONFAULT, QUIRE_REGION_LOCKONFAULT},
    {QR_VM_SEALED, QUIRE_REGION_SEALED},
};

static void describe(const struct quire_vma *vma, struct quire_region *out)
{
	const struct quire_mm *mm = vma->mm;

	*out = (struct quire_region){.start = vma->start, .end = vma->end, .prot = vma->flags & QR_VM_ACCESS};
	for (size_t i = 0; i < QR_ARRAY_COUNT(region_flags); i++)
		out->flags |= vma->flags & region_flags[i].vma ? region_flags[i].region : 0;
	if (vma->file) {
		out->file = vma->file;
		out->offset = vma->pgoff << qr_arch(mm->system)->page_shift;
		return;
	}
	if (vma->start < mm->brk && vma->end > mm->start_brk)
		out->flags |= QUIRE_REGION_HEAP;
	if (vma->start <= mm->start_stack && mm->start_stack < vma->end)
		out->flags |= QUIRE_REGION_STACK;
}

enum quire_status quire_mm_region(struct quire_mm *mm, quire_va va, struct quire_region *out_region)
{
	unsigned token = qr_mm_read_lock(mm);
	const struct quire_vma *vma = qr_find_vma(mm, va);

	if (vma)
		describe(vma, out_region);
	qr_mm_read_unlock(mm, token);
	return vma ? QUIRE_OK : QUIRE_ENOENT;
}

enum quire_status quire_mm_region_get(struct quire_mm *mm, quire_va va, struct quire_region *out_region)
{
	unsigned token = qr_mm_read_lock(mm);
	const struct quire_vma *vma = qr_find_vma(mm, va);

	if (vma)
		describe(vma, out_region);
	if (vma && out_region->file)
		quire_file_get(out_region->file);
	qr_mm_read_unlock(mm, token);
	return vma ? QUIRE_OK : QUIRE_ENOENT;
}

bool quire_file_may_be_written(struct quire_file *file)
{
	const uint32_t both = QR_VM_SHARED | QR_VM_MAYWRITE;
	bool found = false;

	qr_map_lock(file);
	for (struct qr_list *at = file->mappings.next; at != &file->mappings && !found; at = at->next) {
		const struct quire_vma *vma = (const struct quire_vma *)(const void *)at;

		/* No call changes these two bits of a vma that is in the list. */
		found = (__atomic_load_n(&vma->flags, __ATOMIC_RELAXED) & both) == both;
	}
	qr_map_unlock(file);
	return found;
}

uint64_t quire_file_mappings(struct quire_file *file)
{
	uint64_t count = 0;

	qr_map_lock(file);
	for (const struct qr_list *at = file->mappings.next; at != &file->mappings; at = at->next)
		count++;
	qr_map_unlock(file);
	return count;
}

bool quire_file_get_mapped(struct quire_file *file)
{
	bool mapped;

	/* A vma leaves the list before it puts its reference. */
	qr_map_lock(file);
	mapped = !qr_list_empty(&file->mappings);
	if (mapped)
		quire_file_get(file);
	qr_map_unlock(file);
	return mapped;
}

/* --- smaps ---------------------------------------------------------------------------------------------- */

static void count_leaf(const struct quire_vma *vma, quire_pte pte, unsigned level, struct quire_smaps *smaps)
{
	struct quire_system *system = vma->mm->system;
	const struct quire_arch *arch = qr_arch(system);
	struct qr_page *page = qr_page_of(system, arch->pfn(arch, pte, level));
	unsigned flags = arch->flags(arch, pte, level);
	uint64_t mapped, share;
	bool dirty, anon;

	/* The zero page and device frames do not count as resident. */
	if (!page || qr_page_state(page) == QUIRE_PAGE_ZERO)
		return;
	anon = qr_page_state(page) == QUIRE_PAGE_ANON;
	dirty = (flags & QUIRE_PTE_DIRTY) || qr_page_test(page, QR_PAGE_DIRTY);
	mapped = qr_max(1, qr_rmap_total(system, page));
	share = (UINT64_C(1) << PSS_SHIFT) / mapped;
	smaps->rss++;
	smaps->pss += share;
	smaps->pss_dirty += dirty ? share : 0;
	smaps->anonymous += anon;
	smaps->lazyfree += anon && !dirty && qr_page_test(page, QR_PAGE_LAZYFREE);
	smaps->referenced += (flags & QUIRE_PTE_YOUNG) || qr_page_test(page, QR_PAGE_REFERENCED);
	smaps->locked += vma->flags & QR_VM_LOCKED ? share : 0;
	if (mapped > 1)
		*(dirty ? &smaps->shared_dirty : &smaps->shared_clean) += 1;
	else
		*(dirty ? &smaps->private_dirty : &smaps->private_clean) += 1;
}

static void count_vma(const struct quire_vma *vma, quire_va start, quire_va end, struct quire_smaps *smaps)
{
	const struct quire_arch *arch = qr_arch(vma->mm->system);
	const struct qr_pt *pt = &vma->mm->pt;
	struct qr_pt_run run;

	for (quire_va va = start; va < end && qr_pt_next_run(pt, va, end, &run); va = run.end) {
		const char *entry = run.entry;

		qr_pt_lock(pt, run.table);
		for (size_t i = 0; i < run.count; i++, entry += run.stride) {
			quire_pte pte = qr_pte_get(arch, run.level, entry);
			enum quire_pte_kind kind = arch->kind(arch, pte, run.level);

			if (kind == QUIRE_PTE_LEAF)
				count_leaf(vma, pte, run.level, smaps);
			else if (kind == QUIRE_PTE_SWAP)
				smaps->swap += !qr_swap_is_marker(arch->swap_value(arch, pte));
		}
		qr_pt_unlock(pt, run.table);
	}
	if (vma->file && qr_file_is_shmem(vma->file))
		smaps->swap +=
		    qr_cache_count_values(vma->file, qr_vma_index(vma, start), qr_vma_index(vma, end));
}

enum quire_status quire_mm_smaps(struct quire_mm *mm, quire_va start, quire_va end,
				 struct quire_smaps *out_smaps)
{
	const struct quire_vma *vma;
	unsigned token;

	if (start > end || ((start | end) & qr_page_mask(mm->system)))
		return QUIRE_EINVAL;
	*out_smaps = (struct quire_smaps){0};
	token = qr_mm_read_lock(mm);
	for (vma = qr_find_vma_intersection(mm, start, end); vma && vma->start < end; vma = vma->next)
		count_vma(vma, (quire_va)qr_max(vma->start, start), (quire_va)qr_min(vma->end, end),
			  out_smaps);
	qr_mm_read_unlock(mm, token);
	/* Locked memory is summed in parts of a page, like pss; the result is in pages. */
	out_smaps->locked >>= PSS_SHIFT;
	return QUIRE_OK;
}

/* --- pagemap -------------------------------------------------------------------------------------------- */

static uint64_t pagemap_of(const struct quire_mm *mm, quire_pte pte)
{
	const struct quire_arch *arch = qr_arch(mm->system);
	const struct qr_page *page;
	quire_pfn pfn;
	uint64_t bits, value;

	switch (arch->kind(arch, pte, 0)) {
	case QUIRE_PTE_SWAP:
		value = arch->swap_value(arch, pte);
		if (qr_swap_is_guard(value))
			return PM_SWAP | PM_GUARD;
		return PM_SWAP |
		       ((qr_swap_offset(value) << PM_SWAP_SHIFT | qr_swap_number(value)) & PM_PFN_MASK);
	case QUIRE_PTE_LEAF:
		break;
	default:
		return 0;
	}
	pfn = arch->pfn(arch, pte, 0);
	page = qr_page_of(mm->system, pfn);
	bits = PM_PRESENT | (pfn.n & PM_PFN_MASK);
	if (!page || qr_page_state(page) == QUIRE_PAGE_ZERO)
		return bits;
	if (qr_page_state(page) != QUIRE_PAGE_ANON)
		bits |= PM_FILE;
	return qr_rmap_count(page) == 1 ? bits | PM_EXCLUSIVE : bits;
}

uint64_t quire_mm_pagemap(struct quire_mm *mm, quire_va va)
{
	unsigned token = qr_mm_read_lock(mm);
	const struct quire_vma *vma = qr_find_vma(mm, va);
	const void *entry = NULL;
	uint64_t bits = 0;

	if (vma && vma->start <= va)
		entry = qr_pt_find(&mm->pt, va, 0);
	if (entry)
		bits = pagemap_of(mm, qr_pte_get(qr_arch(mm->system), 0, entry));
	qr_mm_read_unlock(mm, token);
	return bits;
}

/* --- status --------------------------------------------------------------------------------------------- */

static uint64_t positive(int64_t count)
{
	return count > 0 ? (uint64_t)count : 0;
}

void quire_mm_usage(struct quire_mm *mm, struct quire_usage *out_usage)
{
	unsigned token = qr_mm_read_lock(mm);
	struct quire_usage usage = {
	    .total_vm = mm->total_vm,
	    .data_vm = mm->data_vm,
	    .exec_vm = mm->exec_vm,
	    .stack_vm = mm->stack_vm,
	    .locked_vm = mm->locked_vm,
	    .vm_peak = mm->vm_peak,
	    .table_bytes = __atomic_load_n(&mm->pt.tables, __ATOMIC_RELAXED),
	    .regions = mm->vmas,
	    .start_brk = mm->start_brk,
	    .brk = mm->brk,
	};
	struct qr_mm_slot sum;

	qr_mm_sum(mm, &sum);
	usage.rss_anon = positive(sum.anon);
	usage.rss_file = positive(sum.file);
	usage.rss_shmem = positive(sum.shmem);
	usage.swap = positive(sum.swap);
	usage.minor = sum.minor;
	usage.major = sum.major;
	usage.rss_peak = qr_max(__atomic_load_n(&mm->rss_peak, __ATOMIC_RELAXED),
				usage.rss_anon + usage.rss_file + usage.rss_shmem);
	qr_mm_read_unlock(mm, token);
	*out_usage = usage;
}
