/* SPDX-License-Identifier: MIT */
/* A fault on a kernel address: vmalloc_fault, and on ARM the copy of a first-level entry.
 *
 *   1 the top-level entry of the interrupted address space is copied from the kernel's, if it is the
 *     one that was missing: the access is repeated, and faults again where the page is missing too
 *   2 a page of a lazy area gets its frame
 *
 * The areas are read without KMAP, since a kernel address may be touched in any context: an area is
 * published into the list before its address is known to anyone, and is unmapped only by a caller that
 * knows that nothing touches it any more. */
#include "kmap/kmap.h"

static void *top_entry(const struct qr_pt *pt, quire_va va)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	unsigned top = qr_width(pt->system)->levels - 1u;

	return pt->root + qr_pt_index(arch, top, va) * arch->level[top].entry_bytes;
}

/* Whether the top-level entry was missing in `pt` and is there now. The kernel's own tree is Linux's init_mm. */
static bool sync_top(struct qr_kmap *kmap, struct qr_pt *pt, quire_va va)
{
	const struct quire_arch *arch = qr_arch(kmap->pt.system);
	unsigned top = qr_width(kmap->pt.system)->levels - 1u;
	quire_pte none = {0};
	quire_pte known;

	if (!pt || pt == &kmap->pt || (arch->caps & QUIRE_CAP_SPLIT_ROOT))
		return false;
	known = qr_pte_get(arch, top, top_entry(&kmap->pt, va));
	if (arch->kind(arch, known, top) == QUIRE_PTE_NONE)
		return false;
	/* Another CPU of the same address space may copy the same word: either store is right. */
	return qr_pte_cas(arch, top, top_entry(pt, va), &none, known);
}

static const struct qr_kmap_area *lazy_area(const struct qr_kmap *kmap, quire_va va)
{
	const struct qr_list *node = &kmap->areas;

	while ((node = __atomic_load_n(&node->next, __ATOMIC_ACQUIRE)) != &kmap->areas) {
		const struct qr_kmap_area *area = QR_CONTAINER(node, struct qr_kmap_area, link);

		if (va >= area->start && va < area->end)
			return area->kind == QUIRE_KMAP_LAZY ? area : NULL;
	}
	return NULL;
}

static enum quire_step fill_page(struct quire_system *system, quire_va va)
{
	const struct qr_kmap_area *area = lazy_area(system->kmap, va);
	struct qr_page *page;
	enum quire_status status;

	if (!area)
		return QUIRE_STEP_VMALLOC_ABSENT;
	page = qr_frame_alloc(system, 0, QUIRE_FRAME_ZERO, QUIRE_PAGE_KMAP);
	if (!page)
		return QUIRE_STEP_VMALLOC_NO_FRAME;
	status = qr_pt_map(&system->kmap->pt, va, qr_page_pfn(system, page), area->prot,
			   QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY, 0);
	qr_page_put(system, page);
	if (status == QUIRE_EEXIST)
		return QUIRE_STEP_VMALLOC_SPURIOUS; /* another CPU filled it first */
	return status == QUIRE_OK ? QUIRE_STEP_VMALLOC_FILLED : QUIRE_STEP_VMALLOC_NO_FRAME;
}

/* A CPU that caches invalid entries must be told that the entry is valid now. */
static void forget_absence(struct qr_kmap *kmap, struct qr_pt *pt, quire_va va)
{
	if (qr_arch(kmap->pt.system)->caps & QUIRE_CAP_CACHES_INVALID)
		qr_tlb_flush_page(pt ? pt : &kmap->pt, va);
}

/* The kernel tree has a leaf that allows the access. A table that the host brought into the tree may lie outside the
 * library's memory: it is the host's to know. */
static bool is_there(const struct qr_pt *pt, quire_va va, enum quire_access access)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	const char *table = pt->root;

	for (unsigned at = qr_width(pt->system)->levels; table && at-- > 0;) {
		const char *entry = table + qr_pt_index(arch, at, va) * arch->level[at].entry_bytes;
		quire_pte pte = qr_pte_get(arch, at, entry);
		enum quire_pte_kind kind = arch->kind(arch, pte, at);

		if (kind == QUIRE_PTE_LEAF)
			return arch->hw_allows(qr_width(pt->system), pte, access, QUIRE_MODE_KERNEL, at);
		if (kind != QUIRE_PTE_TABLE)
			return false;
		table = qr_pa_linear(pt->system, arch->table_pa(arch, pte, at));
	}
	return false;
}

enum quire_step qr_kmap_fault(struct quire_system *system, struct qr_pt *pt, quire_va va,
			      enum quire_access access)
{
	struct qr_kmap *kmap = system->kmap;

	va &= ~(quire_va)qr_page_mask(system);
	if (sync_top(kmap, pt, va)) {
		if (system->host->pte_sync)
			system->host->pte_sync(system->host_context, top_entry(pt, va));
		forget_absence(kmap, pt, va);
		return QUIRE_STEP_VMALLOC_SYNCED;
	}
	if (is_there(&kmap->pt, va, access)) {
		forget_absence(kmap, pt, va);
		return QUIRE_STEP_VMALLOC_SPURIOUS;
	}
	return fill_page(system, va);
}
