/* SPDX-License-Identifier: MIT */
/* Kernel mappings: areas mapped and unmapped, and the tree of page tables that holds them. */
#include "kmap/kmap.h"

#include "page/slab.h"

enum quire_status qr_kmap_init(struct quire_system *system)
{
	const struct quire_config *config = &system->config;
	bool area = config->kmap_start != config->kmap_end;
	struct qr_kmap *kmap;
	enum quire_status status;

	kmap = qr_slab_alloc(system, QR_SLAB_SMALL);
	if (!kmap)
		return QUIRE_ENOMEM;
	status = qr_pt_create(system, NULL, NULL, &kmap->pt);
	if (status != QUIRE_OK) {
		qr_slab_free(system, QR_SLAB_SMALL, kmap);
		return status;
	}
	qr_list_init(&kmap->areas);
	kmap->start = area ? config->kmap_start : (quire_va)qr_width(system)->kernel_start;
	kmap->end = area ? config->kmap_end : kmap->start;
	system->kmap = kmap;
	return QUIRE_OK;
}

_Static_assert(sizeof(struct qr_kmap) <= 256, "the kernel map is a small object");

/* Takes every frame of [start, end) out of the kernel tree and frees it after the flush. */
static void empty(struct quire_system *system, quire_va start, quire_va end)
{
	struct qr_pt *pt = &system->kmap->pt;
	struct qr_pt_counts gone = {0};
	struct qr_tlb tlb;

	qr_tlb_begin(&tlb, pt);
	qr_pt_unmap(pt, &tlb, start, end, QR_UNMAP_ALL, &gone);
	qr_tlb_end(&tlb);
}

/* The lowest gap of `bytes`; the area before it in *out_after. 0: none. A page stays unmapped between two
 * areas, so that an overrun, or a stack overflow, faults. */
static quire_va find_gap(struct qr_kmap *kmap, uint64_t bytes, uint64_t guard, struct qr_list **out_after)
{
	quire_va at = kmap->start;
	struct qr_list *node;

	for (node = kmap->areas.next; node != &kmap->areas; node = node->next) {
		struct qr_kmap_area *area = QR_CONTAINER(node, struct qr_kmap_area, link);

		if (area->start - at >= bytes + guard)
			break;
		at = area->end + (quire_va)guard;
	}
	*out_after = node->prev;
	return at < kmap->end && kmap->end - at >= bytes ? at : 0;
}

/* Maps frames for the whole area. On failure nothing stays mapped. */
static enum quire_status fill(struct quire_system *system, struct qr_kmap_area *area)
{
	quire_va step = (quire_va)qr_page_bytes(system);

	for (quire_va va = area->start; va != area->end; va += step) {
		struct qr_page *page = qr_frame_alloc(system, 0, QUIRE_FRAME_ZERO, QUIRE_PAGE_KMAP);
		enum quire_status status = QUIRE_ENOMEM;

		if (page) {
			status = qr_pt_map(&system->kmap->pt, va, qr_page_pfn(system, page), area->prot,
					   QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY, 0);
			qr_page_put(system, page); /* the mapping has its own */
		}
		if (status != QUIRE_OK) {
			empty(system, area->start, va);
			return status;
		}
	}
	return QUIRE_OK;
}

/* Makes the tables of a lazy area, so that a touch in atomic context needs only a frame. */
static enum quire_status make_tables(struct quire_system *system, const struct qr_kmap_area *area)
{
	quire_va step = (quire_va)qr_page_bytes(system);

	for (quire_va va = area->start; va != area->end; va += step)
		if (!qr_pt_alloc(&system->kmap->pt, va, 0, NULL))
			return QUIRE_ENOMEM;
	return QUIRE_OK;
}

/* Links an area that is complete, since sync.c reads the list without KMAP. => KMAP */
static void publish(struct qr_kmap_area *area, struct qr_list *after)
{
	area->link.next = after->next;
	area->link.prev = after;
	after->next->prev = &area->link;
	__atomic_store_n(&after->next, &area->link, __ATOMIC_RELEASE);
}

enum quire_status quire_kmap(struct quire_system *system, uint64_t pages, quire_prot prot,
			     enum quire_kmap_kind kind, quire_va *out_va)
{
	struct qr_kmap *kmap = system->kmap;
	unsigned shift = qr_arch(system)->page_shift;
	struct qr_kmap_area *area;
	struct qr_list *after;
	enum quire_status status;

	if (kmap->start == kmap->end || pages == 0 || (prot & QUIRE_PROT_USER) ||
	    (prot & ~(quire_prot)QUIRE_PROT_MASK))
		return QUIRE_EINVAL;
	/* Where user and kernel have a root each, the trap entry treats every kernel address as a bad area. */
	if (kind == QUIRE_KMAP_LAZY && (qr_arch(system)->caps & QUIRE_CAP_SPLIT_ROOT))
		return QUIRE_EOPNOTSUPP;
	if (pages > (uint64_t)(kmap->end - kmap->start) >> shift)
		return QUIRE_ENOMEM;
	area = qr_slab_alloc(system, QR_SLAB_KMAP_AREA);
	if (!area)
		return QUIRE_ENOMEM;
	area->prot = quire_prot_widen(qr_arch(system), prot);
	area->kind = kind;
	qr_lock(system, &kmap->lock, QR_RANK_KMAP);
	area->start = find_gap(kmap, pages << shift, qr_page_bytes(system), &after);
	area->end = area->start + (quire_va)(pages << shift);
	status = QUIRE_ENOMEM;
	if (area->start)
		status = kind == QUIRE_KMAP_EAGER ? fill(system, area) : make_tables(system, area);
	if (status == QUIRE_OK)
		publish(area, after);
	qr_unlock(system, &kmap->lock, QR_RANK_KMAP);
	if (status != QUIRE_OK) {
		qr_slab_free(system, QR_SLAB_KMAP_AREA, area);
		return status;
	}
	*out_va = area->start;
	return QUIRE_OK;
}

static struct qr_kmap_area *area_at(struct qr_kmap *kmap, quire_va va)
{
	struct qr_list *node;

	for (node = kmap->areas.next; node != &kmap->areas; node = node->next) {
		struct qr_kmap_area *area = QR_CONTAINER(node, struct qr_kmap_area, link);

		if (va >= area->start && va < area->end)
			return area;
	}
	return NULL;
}

enum quire_status quire_kunmap(struct quire_system *system, quire_va va)
{
	struct qr_kmap *kmap = system->kmap;
	struct qr_kmap_area *area;

	qr_lock(system, &kmap->lock, QR_RANK_KMAP);
	area = area_at(kmap, va);
	if (!area || area->start != va) {
		qr_unlock(system, &kmap->lock, QR_RANK_KMAP);
		return QUIRE_EINVAL;
	}
	empty(system, area->start, area->end);
	qr_list_del(&area->link);
	qr_unlock(system, &kmap->lock, QR_RANK_KMAP);
	qr_slab_free(system, QR_SLAB_KMAP_AREA, area);
	return QUIRE_OK;
}

void qr_kmap_destroy(struct quire_system *system)
{
	struct qr_kmap *kmap = system->kmap;
	struct qr_tlb tlb;

	/* After a panic of the end before, which a host for tests may survive. */
	if (!kmap)
		return;
	while (!qr_list_empty(&kmap->areas))
		(void)!quire_kunmap(system, QR_CONTAINER(kmap->areas.next, struct qr_kmap_area, link)->start);
	qr_tlb_begin(&tlb, &kmap->pt);
	qr_pt_free(&kmap->pt, &tlb, kmap->start, kmap->end, 0, 0);
	qr_tlb_end(&tlb);
	qr_pt_destroy(&kmap->pt);
	system->kmap = NULL;
	qr_slab_free(system, QR_SLAB_SMALL, kmap);
}

quire_pa quire_kernel_root(const struct quire_system *system)
{
	return system->kmap->pt.root_pa;
}
