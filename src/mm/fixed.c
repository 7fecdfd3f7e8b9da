/* SPDX-License-Identifier: MIT */
/* Pages of the port at fixed addresses of one address space: a trampoline, a trap frame, a vDSO.
 *
 *   0 .................. task_end | fixed areas | user_end
 *     vmas: the program's         | the port's    none of the program's calls reach them
 *
 * They lie in no vma, so that no look-up knows them: a program's fault there is SIGSEGV, as where nothing is. */
#include "mm/vma.h"
#include "page/slab.h"

struct qr_fixed {
	struct qr_list link; /* mm->fixed */
	quire_va start, end;
	uint32_t flags; /* QUIRE_FIXED_* */
};

_Static_assert(sizeof(struct qr_fixed) <= 256, "a fixed area is a small object");

/* => mm lock for write */
static void unmap(struct quire_mm *mm, quire_va start, quire_va end)
{
	struct qr_pt_counts gone = {0};
	struct qr_tlb tlb;

	qr_tlb_begin(&tlb, &mm->pt);
	qr_pt_unmap(&mm->pt, &tlb, start, end, QR_UNMAP_ALL, &gone);
	qr_tlb_end(&tlb);
}

/* Links an area of [start, end). NULL: no memory. => mm lock for write */
static struct qr_fixed *add_area(struct quire_mm *mm, quire_va start, quire_va end, unsigned flags)
{
	struct qr_fixed *area = qr_slab_alloc(mm->system, QR_SLAB_SMALL);

	if (!area)
		return NULL;
	area->start = start;
	area->end = end;
	area->flags = flags;
	qr_list_add(&mm->fixed, &area->link);
	__atomic_store_n(&mm->has_fixed, 1, __ATOMIC_RELAXED);
	return area;
}

static void drop_area(struct quire_mm *mm, struct qr_fixed *area)
{
	qr_list_del(&area->link);
	qr_slab_free(mm->system, QR_SLAB_SMALL, area);
}

/* Whether the frames are the port's: taken by quire_frame_alloc(), or outside the system's RAM. */
static bool are_the_ports(const struct quire_system *system, uint64_t first, uint64_t count)
{
	for (uint64_t n = first; n < first + count; n++) {
		const struct qr_page *page = qr_page_of(system, (quire_pfn){n});

		if (page && qr_page_state(page) != QUIRE_PAGE_PORT)
			return false;
	}
	return true;
}

/* Maps the frames from `first` on. On failure nothing stays mapped. => mm lock for write */
static enum quire_status map(struct quire_mm *mm, const struct qr_fixed *area, uint64_t first,
			     quire_prot prot)
{
	quire_va page = (quire_va)qr_page_bytes(mm->system);

	for (quire_va va = area->start; va != area->end; va += page, first++) {
		enum quire_status status =
		    qr_pt_map(&mm->pt, va, (quire_pfn){first}, prot, QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY, 0);

		if (status != QUIRE_OK) {
			unmap(mm, area->start, va);
			return status;
		}
	}
	return QUIRE_OK;
}

enum quire_status quire_mm_map_fixed(struct quire_mm *mm, quire_va va, quire_pa pa, uint64_t bytes,
				     quire_prot prot, unsigned flags)
{
	struct quire_system *system = mm->system;
	const struct quire_arch *arch = qr_arch(system), *width = qr_width(system);
	uint64_t mask = qr_page_mask(system);
	enum quire_status status = QUIRE_ENOMEM;
	struct qr_fixed *area;

	if (bytes == 0 || ((va | pa.v | bytes) & mask) || (flags & ~(unsigned)QUIRE_FIXED_FORK) ||
	    (prot & ~(quire_prot)QUIRE_PROT_MASK) || va < mm->task_end || va >= width->user_end ||
	    bytes > width->user_end - va ||
	    !are_the_ports(system, pa.v >> arch->page_shift, bytes >> arch->page_shift))
		return QUIRE_EINVAL;
	qr_mm_write_lock(mm);
	area = add_area(mm, va, va + (quire_va)bytes, flags);
	if (area) {
		status = map(mm, area, pa.v >> arch->page_shift, quire_prot_widen(arch, prot));
		if (status != QUIRE_OK)
			drop_area(mm, area);
	}
	qr_mm_write_unlock(mm);
	return status;
}

enum quire_status qr_fixed_fork(struct quire_mm *child, const struct quire_mm *parent)
{
	const struct quire_arch *arch = qr_arch(parent->system);
	struct qr_list *node;

	for (node = parent->fixed.next; node != &parent->fixed; node = node->next) {
		const struct qr_fixed *area = QR_CONTAINER(node, struct qr_fixed, link);
		struct qr_fixed *copy;
		enum quire_status status;
		quire_pte pte;

		if (!(area->flags & QUIRE_FIXED_FORK))
			continue;
		copy = add_area(child, area->start, area->end, area->flags);
		if (!copy)
			return QUIRE_ENOMEM;
		pte = qr_pte_get(arch, 0, qr_pt_find(&parent->pt, area->start, 0));
		status = map(child, copy, arch->pfn(arch, pte, 0).n, arch->prot(arch, pte, 0));
		if (status != QUIRE_OK) {
			drop_area(child, copy);
			return status;
		}
	}
	return QUIRE_OK;
}

/* Leaves without USER are global to the TLBs of ARM, ARM64 and RISC-V: as of the kernel, which no number of an address
 * space tells apart. */
void qr_fixed_leave(const struct quire_mm *mm, unsigned cpu)
{
	const struct quire_system *system = mm->system;
	struct quire_flush flush; /* not cleared: every entry into a kernel with a table apart comes here */

	if (!system->host->tlb_flush)
		return;
	flush.mm = NULL;
	flush.cpus = (uint64_t)1 << cpu;
	flush.count = 1;
	flush.tables = 0;
	flush.here = 1;
	flush.range[0].start = mm->task_end;
	flush.range[0].end = (quire_va)qr_width(system)->user_end;
	system->host->tlb_flush(system->host_context, &flush);
}

void qr_fixed_end(struct quire_mm *mm)
{
	if (qr_list_empty(&mm->fixed))
		return;
	unmap(mm, mm->task_end, (quire_va)qr_width(mm->system)->user_end);
	while (!qr_list_empty(&mm->fixed))
		drop_area(mm, QR_CONTAINER(mm->fixed.next, struct qr_fixed, link));
}
