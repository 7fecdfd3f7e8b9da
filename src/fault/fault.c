/* SPDX-License-Identifier: MIT */
/* The way of a fault, from the exception to the outcome.
 *
 *   quire_trap ── decode (arch) ──► quire_fault
 *     │ route
 *     ├─ UNHANDLED ──────────────► the row's signal, or die
 *     ├─ BAD_AREA ───────────────► SIGSEGV, fixup or oops
 *     ├─ KERNEL_SYNC ─ kmap.c ───► resume, or bad area
 *     └─ PAGE_FAULT
 *          1 kernel address? ────► as KERNEL_SYNC
 *          2 no mm, or atomic ───► bad area
 *          3 mm lock for read      (kernel mode: exception table before blocking)
 *          4 find_vma, stack.c ──► bad area, MAPERR
 *          5 access.c ───────────► bad area, ACCERR
 *          6 handle.c ───────────► SIGBUS, out of memory, or
 *          7 resume, counted minor or major
 *
 * Lock order: MM for read > PAGE > PT > RMAP > CACHE > ZONE. I/O drops MM (6 says QR_LOOK_AGAIN),
 * and the way begins again at 3, once; the second time waits under the lock.
 *
 * Rejected: remembering the vma across the drop with a reference. A second look-up costs a tenth of
 * the I/O it follows, and nothing has to be proven about a vma that may be gone. */
#include "fault/fault.h"
#include "fault/ways.h"
#include "kmap/kmap.h"

static struct quire_outcome resume(enum quire_step rule)
{
	return (struct quire_outcome){.kind = QUIRE_RESUME, .rule = rule};
}

/* SEGV for a kernel address, or for want of a context to look in. */
static struct quire_outcome bad_area_nosemaphore(struct qr_fault_ctx *fc, unsigned code)
{
	const struct quire_fault *fault = fc->fault;

	if (fault->vector == QUIRE_VECTOR_PAGE_FAULT)
		qr_step(fc, QUIRE_STEP_BAD_AREA_NOSEMAPHORE);
	return qr_bad_area(fc, fault->signal ? fault->signal : QUIRE_SIGSEGV, fault->signal ? fault->code : code);
}

static bool plain_kernel_miss(const struct quire_fault *fault)
{
	return fault->mode != QUIRE_MODE_USER && !fault->present &&
	       (fault->cause == QUIRE_CAUSE_NOT_PRESENT || fault->cause == QUIRE_CAUSE_PAGE_FAULT);
}

/* A kernel address: the kernel's own table may know it. */
static struct quire_outcome kernel_address(struct qr_fault_ctx *fc)
{
	struct quire_mm *mm = fc->mm ? fc->mm : fc->cpu->active;
	bool any = fc->system->profile->vmalloc_rule == QUIRE_VMALLOC_ANY;
	enum quire_step found;

	if (!any && !plain_kernel_miss(fc->fault)) {
		qr_step(fc, QUIRE_STEP_KERNEL_ADDRESS_REFUSED);
		return bad_area_nosemaphore(fc, QUIRE_SEGV_MAPERR);
	}
	qr_step(fc, QUIRE_STEP_VMALLOC_FAULT);
	found = qr_kmap_fault(fc->system, mm ? &mm->pt : NULL, fc->fault->va);
	qr_step(fc, found);
	if (found == QUIRE_STEP_VMALLOC_SYNCED || found == QUIRE_STEP_VMALLOC_FILLED) {
		if (qr_arch(fc->system)->caps & QUIRE_CAP_CACHES_INVALID)
			qr_flush_here(fc);
		return resume(found);
	}
	/* The entry was there: a stale view of the CPU, unless the access is one it forbids. */
	if (found == QUIRE_STEP_VMALLOC_SPURIOUS && plain_kernel_miss(fc->fault)) {
		qr_flush_here(fc);
		return resume(found);
	}
	return bad_area_nosemaphore(fc, QUIRE_SEGV_MAPERR);
}

/* The mm lock for read. A kernel-mode fault waits for it only when the exception table knows the
 * instruction: else the kernel faulted inside a region that holds the lock, and would wait for itself. */
static bool lock_mm(struct qr_fault_ctx *fc)
{
	if (qr_mm_read_trylock(fc->mm, fc->cpu->cpu, &fc->token)) {
		qr_step(fc, QUIRE_STEP_MMAP_LOCK_TAKEN);
		return true;
	}
	qr_step(fc, QUIRE_STEP_MMAP_LOCK_CONTENDED);
	if (fc->fault->mode != QUIRE_MODE_USER &&
	    fc->system->profile->lock_rule == QUIRE_LOCK_TRY_THEN_SEARCH && !qr_search_exception_table(fc))
		return false;
	fc->token = qr_mm_read_lock(fc->mm);
	return true;
}

/* The vma that holds the address, grown to it if it may. Returns the step that refused, or
 * QUIRE_STEP_FIND_VMA. locked: mm(r) */
static enum quire_step find(struct qr_fault_ctx *fc)
{
	enum quire_step step;

	qr_step(fc, QUIRE_STEP_FIND_VMA);
	fc->vma = qr_find_vma(fc->mm, fc->va);
	if (!fc->vma)
		return QUIRE_STEP_NO_VMA;
	if (qr_likely(fc->vma->start <= fc->va))
		return QUIRE_STEP_FIND_VMA;
	if (!(fc->vma->flags & QR_VM_GROWSDOWN))
		return QUIRE_STEP_VMA_ABOVE;
	step = qr_expand_stack(fc);
	if (step != QUIRE_STEP_STACK_GROWN)
		return step;
	qr_step(fc, step);
	return QUIRE_STEP_FIND_VMA;
}

static struct quire_outcome out_of_memory(struct qr_fault_ctx *fc)
{
	struct quire_outcome outcome = {.kind = QUIRE_OOM_KILL, .rule = QUIRE_STEP_OUT_OF_MEMORY};

	qr_step(fc, QUIRE_STEP_OUT_OF_MEMORY);
	if (fc->fault->mode != QUIRE_MODE_USER)
		return qr_kernel_fault(fc);
	outcome.va = fc->fault->va;
	if (fc->system->profile->oom_rule == QUIRE_OOM_KILL_SELF) {
		qr_step(fc, QUIRE_STEP_OOM_KILL_TASK);
		outcome.signal = QUIRE_SIGKILL;
		outcome.rule = QUIRE_STEP_OOM_KILL_TASK;
	}
	return outcome;
}

static struct quire_outcome resolved(struct qr_fault_ctx *fc)
{
	struct quire_outcome outcome = resume(fc->major ? QUIRE_STEP_MAJOR : QUIRE_STEP_MINOR);

	outcome.major = fc->major;
	outcome.counted = 1;
	qr_step(fc, outcome.rule);
	__atomic_fetch_add(fc->major ? &qr_slot(fc)->major : &qr_slot(fc)->minor, 1, __ATOMIC_RELAXED);
	return outcome;
}

/* What the levels said, after the mm lock is free. */
static struct quire_outcome conclude(struct qr_fault_ctx *fc, enum qr_result result)
{
	switch (result) {
	case QR_DONE:
	case QR_CHANGED:
		return resolved(fc);
	case QR_OOM:
		return out_of_memory(fc);
	case QR_SIGSEGV:
		return qr_bad_area(fc, QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR);
	default:
		if (fc->fault->mode != QUIRE_MODE_USER)
			return qr_kernel_fault(fc);
		return qr_signal(fc, QUIRE_SIGBUS, QUIRE_BUS_ADRERR);
	}
}

/* Look-up or check failed: the lock goes, then the signal comes. */
static struct quire_outcome bad_area(struct qr_fault_ctx *fc, enum quire_step why, unsigned code)
{
	qr_step(fc, why);
	qr_mm_read_unlock(fc->mm, fc->token);
	if (fc->fault->vector == QUIRE_VECTOR_PAGE_FAULT || fc->fault->vector == QUIRE_VECTOR_CAUSE)
		qr_step(fc, QUIRE_STEP_BAD_AREA);
	struct quire_outcome outcome = qr_bad_area(fc, QUIRE_SIGSEGV, code);

	if (outcome.kind == QUIRE_SIGNAL)
		outcome.rule = why;
	return outcome;
}

static struct quire_outcome user_address(struct qr_fault_ctx *fc)
{
	enum qr_result result;
	enum quire_step step;

	for (;;) {
		if (!lock_mm(fc))
			return bad_area_nosemaphore(fc, QUIRE_SEGV_MAPERR);
		/* locked: mm(r) */
		step = find(fc);
		if (step != QUIRE_STEP_FIND_VMA)
			return bad_area(fc, step, QUIRE_SEGV_MAPERR);
		step = qr_access_check(fc);
		if (step != QUIRE_STEP_GOOD_AREA)
			return bad_area(fc, step, QUIRE_SEGV_ACCERR);
		qr_step(fc, step);
		result = qr_handle_mm_fault(fc);
		if (!fc->dropped)
			qr_mm_read_unlock(fc->mm, fc->token);
		/* locked: nothing */
		if (result != QR_LOOK_AGAIN)
			return conclude(fc, result);
		qr_step(fc, QUIRE_STEP_FAULT_RETRY);
		fc->tried = true;
		fc->may_drop = false;
		fc->dropped = false;
	}
}

static struct quire_outcome page_fault(struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);

	if (quire_va_is_kernel(arch, fc->fault->va))
		return kernel_address(fc);
	if (!fc->mm || (fc->fault->context & QUIRE_CTX_ATOMIC)) {
		qr_step(fc, QUIRE_STEP_NO_USER_CONTEXT);
		return bad_area_nosemaphore(fc, QUIRE_SEGV_MAPERR);
	}
	return user_address(fc);
}

static struct quire_outcome route(struct qr_fault_ctx *fc)
{
	switch (fc->fault->route) {
	case QUIRE_ROUTE_PAGE_FAULT:
		return page_fault(fc);
	case QUIRE_ROUTE_KERNEL_SYNC:
		return kernel_address(fc);
	case QUIRE_ROUTE_BAD_AREA:
		return bad_area_nosemaphore(fc, QUIRE_SEGV_MAPERR);
	case QUIRE_ROUTE_UNHANDLED:
		return qr_unhandled(fc);
	default:
		return (struct quire_outcome){.kind = QUIRE_NOT_OURS, .rule = QUIRE_STEP_TRAP};
	}
}

struct quire_outcome quire_fault(struct quire_system *system, struct quire_mm *mm, const struct quire_fault *fault,
                                 struct quire_trace *trace)
{
	struct qr_fault_ctx fc = {
	    .system = system,
	    .mm = mm,
	    .cpu = qr_this_cpu(system),
	    .fault = fault,
	    .trace = trace,
	    .va = fault->va & ~(quire_va)qr_page_mask(system),
	    .write = fault->access == QUIRE_ACCESS_WRITE,
	    .may_drop = system->profile->allow_retry,
	};
	struct quire_outcome outcome;

	if (qr_unlikely(trace != NULL))
		qr_trace_begin(trace, fault);
	qr_step(&fc, QUIRE_STEP_TRAP);
	for (unsigned i = 0; i < fault->steps_count; i++)
		qr_step(&fc, (enum quire_step)fault->steps[i]);
	outcome = route(&fc);
	if (qr_unlikely(trace != NULL))
		qr_trace_end(trace, mm, &outcome);
	return outcome;
}

struct quire_outcome quire_trap(struct quire_system *system, struct quire_mm *mm, const struct quire_trap *trap,
                                struct quire_trace *trace)
{
	const struct quire_arch *arch = qr_arch(system);
	struct quire_fault fault;

	arch->decode(arch, system->profile, system->rows, trap, &fault);
	return quire_fault(system, mm, &fault, trace);
}
