/* SPDX-License-Identifier: MIT */
/* Walking: from the root down to one entry. */
#include "pt/tree.h"

static char *entry_at(const struct quire_arch *arch, char *table, unsigned level, quire_va va)
{
	return table + qr_pt_index(arch, level, va) * arch->level[level].entry_bytes;
}

static bool ours(const struct quire_arch *width, quire_va va)
{
	return quire_va_is_user(width, va) || quire_va_is_kernel(width, va);
}

/* In a build for one architecture, with `level` constant, the compiler unrolls the loop. */
QR_INLINE void *descend(const struct qr_pt *pt, quire_va va, unsigned level)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	char *table = pt->root;

	QR_UNROLL
	for (unsigned at = qr_width(pt->system)->levels - 1u; at > level; at--) {
		quire_pte pte = qr_pte_get(arch, at, entry_at(arch, table, at, va));

		if (qr_unlikely(arch->kind(arch, pte, at) != QUIRE_PTE_TABLE))
			return NULL;
		table = qr_pa_linear(pt->system, arch->table_pa(arch, pte, at));
	}
	return entry_at(arch, table, level, va);
}

void *qr_pt_find(const struct qr_pt *pt, quire_va va, unsigned level)
{
	qr_assert_contract(pt->system,
			   ours(qr_width(pt->system), va) && level < qr_width(pt->system)->levels);
	return qr_likely(level == 0) ? descend(pt, va, 0) : descend(pt, va, level);
}

/* Walks down and makes missing tables. */
static void *walk_and_make(struct qr_pt *pt, quire_va va, unsigned level, unsigned *made)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	char *table = pt->root;

	for (unsigned at = qr_width(pt->system)->levels - 1u; at > level && table; at--) {
		char *entry = entry_at(arch, table, at, va);
		quire_pte pte = qr_pte_get(arch, at, entry);

		if (arch->kind(arch, pte, at) == QUIRE_PTE_TABLE)
			table = qr_pa_linear(pt->system, arch->table_pa(arch, pte, at));
		else
			table = qr_pt_make_table(pt, at, entry, va, made);
	}
	if (*made > 0)
		qr_count_by(&qr_this_cpu(pt->system)->events[QUIRE_EVENT_TABLE_MADE], *made);
	return table ? entry_at(arch, table, level, va) : NULL;
}

void *qr_pt_alloc(struct qr_pt *pt, quire_va va, unsigned level, unsigned *out_made)
{
	void *entry = qr_pt_find(pt, va, level);
	unsigned made = 0;

	if (qr_unlikely(!entry))
		entry = walk_and_make(pt, va, level, &made);
	if (out_made)
		*out_made = made;
	return entry;
}
