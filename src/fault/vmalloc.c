/* SPDX-License-Identifier: MIT */
/* A fault on a kernel address: vmalloc_fault. The kernel's own table may map it (src/kmap/sync.c). */
#include "fault/fault.h"
#include "kmap/kmap.h"

/* Made by kernel mode, and no translation was found: the only fault that a missing entry explains. */
static bool is_plain_miss(const struct quire_fault *fault)
{
	return fault->mode != QUIRE_MODE_USER && !fault->present &&
	       (fault->cause == QUIRE_CAUSE_NOT_PRESENT || fault->cause == QUIRE_CAUSE_PAGE_FAULT);
}

static void resume(struct qr_fault_ctx *fc, enum quire_step rule, bool flush)
{
	if (flush)
		qr_flush_here(fc);
	fc->outcome = (struct quire_outcome){.kind = QUIRE_RESUME, .rule = (uint8_t)rule};
}

/* Nothing of the kernel's answers the fault. On ARM do_translation_fault calls do_bad_area then. */
static void bad_area(struct qr_fault_ctx *fc)
{
	if (qr_fault_is_arm(fc) && fc->fault->route == QUIRE_ROUTE_KERNEL_SYNC)
		qr_step(fc, QUIRE_STEP_DO_BAD_AREA);
	qr_bad_area_nosemaphore(fc, QUIRE_SEGV_MAPERR);
}

void qr_vmalloc_fault(struct qr_fault_ctx *fc)
{
	/* A thread without an address space runs on the tables of the one that its CPU entered last. */
	struct quire_mm *mm = fc->mm ? fc->mm : fc->cpu->active;
	bool any = fc->system->rules->vmalloc_rule == QUIRE_VMALLOC_ANY;
	enum quire_step found;

	if (!any && !is_plain_miss(fc->fault)) {
		qr_step(fc, QUIRE_STEP_KERNEL_ADDRESS_REFUSED);
		bad_area(fc);
		return;
	}
	qr_step(fc, QUIRE_STEP_VMALLOC_FAULT);
	found = qr_kmap_fault(fc->system, mm ? &mm->pt : NULL, fc->request.address, fc->request.access);
	qr_step(fc, found);
	if (found == QUIRE_STEP_VMALLOC_SYNCED || found == QUIRE_STEP_VMALLOC_FILLED)
		resume(fc, found, qr_arch(fc->system)->caps & QUIRE_CAP_CACHES_INVALID);
	/* The entry is there and allows it: this CPU had a stale translation. */
	else if (found == QUIRE_STEP_VMALLOC_SPURIOUS && is_plain_miss(fc->fault))
		resume(fc, found, true);
	else
		bad_area(fc);
}
