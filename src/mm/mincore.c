/* SPDX-License-Identifier: MIT */
/* mincore: which pages need no I/O: mapped, or in the page cache or the swap cache. */
#include "mm/vma.h"
#include "swap/swap.h"

static bool in_cache(const struct quire_vma *vma, quire_va va)
{
	struct qr_page *page;
	bool there;

	if (!vma->file || qr_mutant(vma->mm->system, "mincore-cache"))
		return false;
	page = qr_cache_find(vma->file, qr_vma_index(vma, va));
	if (!page && qr_file_is_shmem(vma->file)) {
		uintptr_t key = qr_cache_value(vma->file, qr_vma_index(vma, va));

		return key && qr_swap_is_cached(vma->mm->system, key & ~(uintptr_t)QR_SWAP_EXCLUSIVE);
	}
	if (!page)
		return false;
	there = qr_page_test(page, QR_PAGE_UPTODATE);
	qr_page_put(vma->mm->system, page);
	return there;
}

static unsigned char resident(const struct quire_vma *vma, quire_va va)
{
	const struct quire_arch *arch = qr_arch(vma->mm->system);
	const void *entry = qr_pt_find(&vma->mm->pt, va, 0);
	quire_pte pte = {0};

	if (entry)
		pte = qr_pte_get(arch, 0, entry);
	switch (arch->kind(arch, pte, 0)) {
	case QUIRE_PTE_LEAF:
		return 1;
	case QUIRE_PTE_NONE:
		return in_cache(vma, va);
	case QUIRE_PTE_SWAP:
		return qr_swap_is_cached(vma->mm->system, arch->swap_value(arch, pte));
	default:
		return 0;
	}
}

enum quire_status quire_mincore(struct quire_mm *mm, quire_va addr, uint64_t length, unsigned char *vector)
{
	uint64_t bytes = qr_page_bytes(mm->system), end;
	enum quire_status status = QUIRE_OK;
	struct quire_vma *vma;
	unsigned token;

	if (addr & qr_page_mask(mm->system))
		return QUIRE_EINVAL;
	if (addr > mm->task_end || length > mm->task_end - addr)
		return QUIRE_ENOMEM;
	end = addr + qr_page_up(mm->system, length);
	token = qr_mm_read_lock(mm);
	for (vma = qr_find_vma(mm, addr); addr < end; addr += (quire_va)bytes) {
		if (vma && addr >= vma->end)
			vma = vma->next;
		if (!vma || addr < vma->start) {
			status = QUIRE_ENOMEM;
			break;
		}
		*vector++ = resident(vma, addr);
	}
	qr_mm_read_unlock(mm, token);
	return status;
}
