/* SPDX-License-Identifier: MIT */
/* The record of the way of one fault. */
#include "fault/fault.h"

void qr_trace_step(struct quire_trace *trace, enum quire_step step)
{
	if (trace->steps_total < QR_ARRAY_COUNT(trace->steps))
		trace->steps[trace->steps_total] = (uint8_t)step;
	trace->steps_total++;
}

void qr_trace_begin(struct quire_trace *trace, const struct quire_fault *fault)
{
	memset(trace, 0, sizeof(*trace));
	trace->fault = *fault;
}

void qr_trace_end(struct quire_trace *trace, struct quire_mm *mm, const struct quire_outcome *outcome)
{
	const struct quire_arch *arch;
	const void *entry;
	quire_pte pte;

	trace->outcome = *outcome;
	if (!mm || !quire_va_is_user(qr_arch(mm->system), trace->fault.va))
		return;
	arch = qr_arch(mm->system);
	/* A fault taken while a writer holds the lock may be that writer's own: no waiting here. */
	unsigned token;

	if (!qr_mm_read_trylock(mm, qr_this_cpu(mm->system)->cpu, &token))
		return;
	entry = qr_pt_find(&mm->pt, trace->fault.va, 0);
	if (entry) {
		pte = qr_pte_get(arch, 0, entry);
		trace->pte_after = pte.bits;
		if (arch->kind(arch, pte, 0) == QUIRE_PTE_LEAF)
			trace->pfn = arch->pfn(arch, pte, 0);
	}
	qr_mm_read_unlock(mm, token);
}
