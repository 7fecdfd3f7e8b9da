/* SPDX-License-Identifier: MIT */
/* Changing the protection of leaves. */
#include "pt/leaf.h"

/* What becomes of the leaves of one class. */
struct rule {
	struct qr_leaf_class class;
	qr_pte_bits change;  /* bits in which a leaf will differ with `prot` */
	qr_pte_bits guarded; /* the same without WRITE: a fault decides */
	bool ask;            /* which of the two: the page of each leaf says */
	bool alike;          /* `change` is something, and of every leaf */
	bool flush;          /* a TLB may hold leaves of the class as they were */
};

struct protecting {
	struct qr_pt *pt;
	quire_prot prot;
	enum qr_protect_write write;
	struct rule rule;
	struct qr_changed changed;
	uint64_t count;
};

/* Asks the codec what becomes of leaves like this one. The TLB is flushed also where they allow more now: it
 * saves a harmless spurious fault that skews counts. */
static void learn(struct protecting *to, quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = qr_arch(to->pt->system);
	quire_prot guarded = to->prot & ~(quire_prot)QUIRE_PROT_WRITE;
	struct rule *rule = &to->rule;

	qr_leaf_class_learn(&rule->class, pte);
	rule->change = (qr_pte_bits)(pte.bits ^ arch->with_prot(arch, pte, to->prot, level).bits);
	rule->guarded = (qr_pte_bits)(pte.bits ^ arch->with_prot(arch, pte, guarded, level).bits);
	if (to->write == QR_PROTECT_DIRTY && (to->prot & QUIRE_PROT_WRITE)) {
		quire_pte dirty = arch->with_flags(arch, pte, QUIRE_PTE_DIRTY, 0, level);

		rule->change = (qr_pte_bits)(pte.bits ^ arch->with_prot(arch, dirty, to->prot, level).bits);
	}
	rule->ask = to->write == QR_PROTECT_PRIVATE && rule->change != rule->guarded;
	if (to->write == QR_PROTECT_NO_WRITE ||
	    (to->write == QR_PROTECT_SHARED && !(arch->flags(arch, pte, level) & QUIRE_PTE_DIRTY)))
		rule->change = rule->guarded;
	rule->alike = !rule->ask && rule->change != 0;
	rule->flush = (arch->prot(arch, pte, level) & QUIRE_PROT_RWX) != 0 ||
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

/* Changes a leaf whose class is known, and tries again if the hardware has set young or dirty meanwhile: then it is of
 * another class. False: there was nothing to change. => PT held */
QR_RARE static bool change_leaf(struct protecting *to, void *entry, quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = qr_arch(to->pt->system);
	qr_pte_bits change;

	do {
		if (!qr_leaf_class_has(&to->rule.class, pte))
			learn(to, pte, level);
		change = to->rule.change;
		if (to->rule.ask && !may_write(to->pt->system, pte, level))
			change = to->rule.guarded;
		if (change == 0)
			return false;
	} while (!qr_pte_cas(arch, level, entry, &pte, (quire_pte){pte.bits ^ change}));
	return true;
}

/* The rule stays in registers. Rights that are bits of the entry go at once; where the hardware sets nothing, so does all. => PT held */
QR_INLINE void protect_entries(struct protecting *to, const struct qr_pt_run *run, unsigned level)
{
	const struct quire_arch *arch = qr_arch(to->pt->system);
	size_t stride = arch->level[level].entry_bytes, count = 0;
	struct qr_changed changed = {NULL, NULL};
	char *entry = run->entry;
	struct rule rule;

	qr_leaf_class_init(&to->rule.class, arch, level);
	rule = to->rule;
	for (char *end = entry + run->count * stride; entry != end; entry += stride) {
		quire_pte pte = qr_pte_get(arch, level, entry);

		if (pte.bits == 0)
			continue;
		if (!qr_leaf_class_has(&rule.class, pte)) {
			if (arch->kind(arch, pte, level) != QUIRE_PTE_LEAF)
				continue;
			learn(to, pte, level);
			rule = to->rule;
		}
		if (qr_likely(rule.alike &&
			      (qr_pte_is_steady(arch) || (rule.change & ~(qr_pte_bits)pte.bits) == 0))) {
			qr_pte_remove(arch, level, entry, pte, rule.change);
		} else {
			bool done = change_leaf(to, entry, pte, level);

			rule = to->rule;
			if (!done)
				continue;
		}
		count++;
		if (rule.flush)
			qr_changed_add(&changed, entry);
	}
	to->count += count;
	to->changed = changed;
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
