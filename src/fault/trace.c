/* SPDX-License-Identifier: MIT */
/* The record of the way of one fault. Whoever asks for one pays for it at each fault, so a fault whose access can be
 * repeated is not looked up again: its entry is read where the way has found it. */
#include "fault/fault.h"

void qr_trace_step(struct quire_trace *trace, enum quire_step step)
{
	if (trace->steps_total < QR_ARRAY_COUNT(trace->steps))
		trace->steps[trace->steps_total] = (uint8_t)step;
	trace->steps_total++;
}

void qr_trace_steps(struct quire_trace *trace, enum quire_step first, enum quire_step second)
{
	unsigned at = trace->steps_total;

	if (qr_likely(at + 1 < QR_ARRAY_COUNT(trace->steps))) {
		trace->steps[at] = (uint8_t)first;
		trace->steps[at + 1] = (uint8_t)second;
		trace->steps_total = (uint16_t)(at + 2);
		return;
	}
	qr_trace_step(trace, first);
	qr_trace_step(trace, second);
}

void qr_trace_begin(struct quire_trace *trace, const struct quire_fault *fault)
{
	if (fault != &trace->fault)
		trace->fault = *fault;
	trace->pfn = (quire_pfn){0};
	trace->pte_before = trace->pte_after = 0;
	trace->steps[0] = QUIRE_STEP_TRAP;
	trace->steps_total = (uint16_t)(1 + fault->steps_count);
	for (unsigned i = 0; i < fault->steps_count; i++)
		trace->steps[1 + i] = fault->steps[i];
}

static void note(struct quire_trace *trace, const struct quire_arch *arch, const void *entry)
{
	quire_pte pte = qr_pte_get(arch, 0, entry);

	trace->pte_after = pte.bits;
	if (arch->kind(arch, pte, 0) == QUIRE_PTE_LEAF)
		trace->pfn = arch->pfn(arch, pte, 0);
}

void qr_trace_resumed(struct qr_fault_ctx *fc)
{
	note(fc->trace, qr_arch(fc->system), fc->entry);
}

void qr_trace_look_up(struct quire_trace *trace, struct quire_mm *mm)
{
	const void *entry;
	unsigned token;

	if (!mm || !quire_va_is_user(qr_width(mm->system), trace->fault.va))
		return;
	/* A fault taken while a writer holds the lock may be that writer's own: no waiting here. */
	if (!qr_mm_read_trylock(mm, qr_this_cpu(mm->system)->cpu, &token))
		return;
	entry = qr_pt_find(&mm->pt, trace->fault.va, 0);
	if (entry)
		note(trace, qr_arch(mm->system), entry);
	qr_mm_read_unlock(mm, token);
}
