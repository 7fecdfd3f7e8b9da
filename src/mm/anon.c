/* SPDX-License-Identifier: MIT */
/* The identity of a vma's anonymous pages: what decides, later, whether two vmas may become one.
 *
 * A vma gets it with its first private page. Where a neighbour could become one with it but for the
 * protection, it takes the neighbour's, so that a range that is protected piece by piece and back
 * again still joins. */
#include "mm/vma.h"

#define ANON_IGNORED ((uint32_t)QR_VM_ACCESS)

/* Whether `low` and `high`, in this order, differ in nothing but protection. */
static bool compatible(const struct quire_vma *low, const struct quire_vma *high)
{
	return low->end == high->start && low->file == high->file &&
	       ((low->flags ^ high->flags) & ~ANON_IGNORED) == 0 &&
	       qr_vma_index(low, low->end) == high->pgoff;
}

static uint64_t reusable(const struct quire_vma *from, const struct quire_vma *low,
			 const struct quire_vma *high)
{
	uint64_t anon;

	if (!low || !high || !compatible(low, high))
		return 0;
	anon = qr_vma_anon_id(from);
	return from->anon_depth <= 1 ? anon : 0;
}

void qr_anon_begin(struct quire_vma *vma)
{
	struct quire_mm *mm = vma->mm;
	uint64_t none = 0, anon;

	anon = reusable(vma->next, vma, vma->next);
	if (anon == 0)
		anon = reusable(vma->prev, vma->prev, vma);
	if (anon == 0)
		anon = __atomic_add_fetch(&mm->next_anon, 1, __ATOMIC_RELAXED);
	/* A first identity has depth 1; two faults at once agree on the first that is stored. */
	__atomic_store_n(&vma->anon_depth, 1, __ATOMIC_RELAXED);
	__atomic_compare_exchange_n(&vma->anon, &none, anon, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
