/* SPDX-License-Identifier: MIT */
/* Changing the protection of leaves. */
#include "pt/leaf.h"

struct protecting {
	struct qr_pt *pt;
	quire_prot prot;
	enum qr_protect_write write;
	struct qr_leaf_class class;
	uint64_t change;  /* bits in which a leaf of the class will differ with `prot` */
	uint64_t guarded; /* the same without WRITE: a fault decides */
	bool ask;         /* which of the two: the page of each leaf says */
	bool flush;       /* a TLB may hold leaves of the class as they were */
	struct qr_changed changed;
	uint64_t count;
};

/* Asks the codec what becomes of leaves like this one. The TLB is flushed also where they allow more now: it
 * saves a harmless spurious fault that skews counts. */
static void learn(struct protecting *to, quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = qr_arch(to->pt->system);
	quire_prot guarded = to->prot & ~(quire_prot)QUIRE_PROT_WRITE;

	qr_leaf_class_learn(&to->class, pte);
	to->change = pte.bits ^ arch->with_prot(arch, pte, to->prot, level).bits;
	to->guarded = pte.bits ^ arch->with_prot(arch, pte, guarded, level).bits;
	if (to->write == QR_PROTECT_DIRTY && (to->prot & QUIRE_PROT_WRITE)) {
		quire_pte dirty = arch->with_flags(arch, pte, QUIRE_PTE_DIRTY, 0, level);

		to->change = pte.bits ^ arch->with_prot(arch, dirty, to->prot, level).bits;
	}
	to->ask = to->write == QR_PROTECT_PRIVATE && to->change != to->guarded;
	if (to->write == QR_PROTECT_NO_WRITE ||
	    (to->write == QR_PROTECT_SHARED && !(arch->flags(arch, pte, level) & QUIRE_PTE_DIRTY)))
		to->change = to->guarded;
	to->flush = (arch->prot(arch, pte, level) & QUIRE_PROT_RWX) != 0 ||
		    (arch->caps & QUIRE_CAP_CACHES_INVALID) != 0;
}

/* Whether this private leaf may be written without a fault. */
static bool may_write(const struct quire_system *system, quire_pte pte, unsigned level)
{
	const struct qr_page *page = qr_leaf_page(system, pte, level);

	/* EXCLUSIVE is stable: it is cleared only under the lock of the page's one entry, which is ours. */
	return page && qr_page_state(page) == QUIRE_PAGE_ANON &&
	       (qr_page_test(page, QR_PAGE_EXCLUSIVE) || qr_mutant(system, "protect-cow"));
}

/* Changes one entry that is not none, if it is a leaf. => PT held */
QR_INLINE void protect_entry(struct protecting *to, void *entry, quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = qr_arch(to->pt->system);
	uint64_t change;

	/* Tries again if the hardware has set young or dirty meanwhile. */
	do {
		if (!qr_leaf_class_has(&to->class, pte)) {
			if (arch->kind(arch, pte, level) != QUIRE_PTE_LEAF)
				return;
			learn(to, pte, level);
		}
		change = to->change;
		if (to->ask && !may_write(to->pt->system, pte, level))
			change = to->guarded;
		if (change == 0)
			return;
	} while (qr_unlikely(!qr_pte_cas(arch, level, entry, &pte, (quire_pte){pte.bits ^ change})));
	to->count++;
	if (to->flush)
		qr_changed_add(&to->changed, entry);
}

QR_INLINE void protect_entries(struct protecting *to, const struct qr_pt_run *run, unsigned level)
{
	const struct quire_arch *arch = qr_arch(to->pt->system);
	size_t stride = arch->level[level].entry_bytes;
	char *entry = run->entry;

	qr_leaf_class_init(&to->class, arch, level);
	for (char *end = entry + run->count * stride; entry != end; entry += stride) {
		quire_pte pte = qr_pte_get(arch, level, entry);

		if (pte.bits != 0)
			protect_entry(to, entry, pte, level);
	}
}

uint64_t qr_pt_protect(struct qr_pt *pt, struct qr_flush *ranges, quire_va start, quire_va end,
		       quire_prot prot, enum qr_protect_write write)
{
	struct protecting to = {.pt = pt, .prot = prot, .write = write};
	struct qr_pt_run run;

	qr_assert_contract(pt->system,
			   qr_arch(pt->system)->prot_check(qr_arch(pt->system), prot) == QUIRE_OK);
	for (quire_va va = start; qr_pt_next_run(pt, va, end, &run); va = run.end) {
		if (!qr_pt_run_whole(pt, &run))
			continue;
		qr_pt_lock(pt, run.table);
		if (qr_likely(run.level == 0))
			protect_entries(&to, &run, 0);
		else
			protect_entries(&to, &run, run.level);
		qr_changed_flush(&to.changed, ranges, &run);
		qr_pt_unlock(pt, run.table);
	}
	if (to.count > 0 && pt->system->host->pte_sync)
		pt->system->host->pte_sync(pt->system->host_context, NULL);
	return to.count;
}
