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
 *          5 access.h ───────────► bad area, ACCERR
 *          6 handle.h ───────────► SIGBUS, out of memory, or
 *          7 resume, counted minor or major
 *
 * Lock order: MM for read > PAGE > PT > RMAP > CACHE > ZONE. I/O drops MM (6 says QR_LOOK_AGAIN),
 * and the way begins again at 3, once; the second time waits under the lock.
 *
 * Rejected: remembering the vma across the drop with a reference. A second look-up costs a tenth of
 * the I/O it follows, and nothing has to be proven about a vma that may be gone. */
#include "fault/access.h"
#include "fault/decode.h"
#include "fault/handle.h"
#include "fault/ways.h"
#include "kmap/kmap.h"

static struct quire_outcome resume(enum quire_step rule)
{
	return (struct quire_outcome){.kind = QUIRE_RESUME, .rule = (uint8_t)rule};
}

/* SEGV for a kernel address, or for want of a context to look in. */
QR_RARE static struct quire_outcome bad_area_nosemaphore(struct qr_fault_ctx *fc, unsigned code)
{
	const struct quire_fault *fault = fc->fault;

	if (fault->vector == QUIRE_VECTOR_PAGE_FAULT)
		qr_step(fc, QUIRE_STEP_BAD_AREA_NOSEMAPHORE);
	return qr_bad_area(fc, fault->signal ? fault->signal : QUIRE_SIGSEGV,
			   fault->signal ? fault->code : code);
}

static bool plain_kernel_miss(const struct quire_fault *fault)
{
	return fault->mode != QUIRE_MODE_USER && !fault->present &&
	       (fault->cause == QUIRE_CAUSE_NOT_PRESENT || fault->cause == QUIRE_CAUSE_PAGE_FAULT);
}

/* A kernel address: the kernel's own table may know it. */
QR_RARE static struct quire_outcome kernel_address(struct qr_fault_ctx *fc)
{
	struct quire_mm *mm = fc->mm ? fc->mm : fc->cpu->active;
	bool any = fc->system->profile->vmalloc_rule == QUIRE_VMALLOC_ANY;
	enum quire_step found;

	if (!any && !plain_kernel_miss(fc->fault)) {
		qr_step(fc, QUIRE_STEP_KERNEL_ADDRESS_REFUSED);
		return bad_area_nosemaphore(fc, QUIRE_SEGV_MAPERR);
	}
	qr_step(fc, QUIRE_STEP_VMALLOC_FAULT);
	found = qr_kmap_fault(fc->system, mm ? &mm->pt : NULL, fc->trap->address);
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

/* A writer has the mm lock. A kernel-mode fault waits only when the exception table knows the instruction:
 * else the kernel faulted inside a region that holds the lock, and would wait for itself. */
QR_RARE static bool wait_for_mm(struct qr_fault_ctx *fc)
{
	qr_step(fc, QUIRE_STEP_MMAP_LOCK_CONTENDED);
	if (fc->fault->mode != QUIRE_MODE_USER &&
	    fc->system->profile->lock_rule == QUIRE_LOCK_TRY_THEN_SEARCH && !qr_search_exception_table(fc))
		return false;
	fc->slot = &fc->mm->slot[qr_mm_read_lock(fc->mm)];
	qr_step(fc, QUIRE_STEP_FIND_VMA);
	return true;
}

/* The mm lock for read, in order to look the vma up; false: not for this fault. */
QR_INLINE bool lock_mm(struct qr_fault_ctx *fc)
{
	fc->slot = &fc->mm->slot[fc->cpu->cpu];
	if (qr_unlikely(!qr_mm_slot_trylock(fc->mm, fc->slot)))
		return wait_for_mm(fc);
	qr_steps(fc, QUIRE_STEP_MMAP_LOCK_TAKEN, QUIRE_STEP_FIND_VMA);
	return true;
}

/* The first vma that ends above the address: often the one that the last fault on this slot was in. */
QR_INLINE struct quire_vma *find_vma(struct qr_fault_ctx *fc)
{
	struct quire_vma *vma = __atomic_load_n(&fc->slot->vma, __ATOMIC_RELAXED);

	if (qr_likely(vma && fc->va - vma->start < vma->end - vma->start))
		return vma;
	vma = qr_find_vma(fc->mm, fc->va);
	__atomic_store_n(&fc->slot->vma, vma, __ATOMIC_RELAXED);
	return vma;
}

/* The vma is above the address: grown to it, if it may. Returns as find(). */
QR_RARE static enum quire_step grow(struct qr_fault_ctx *fc)
{
	enum quire_step step;

	if (!(fc->vma->flags & QR_VM_GROWSDOWN))
		return QUIRE_STEP_VMA_ABOVE;
	step = qr_expand_stack(fc);
	if (step != QUIRE_STEP_STACK_GROWN)
		return step;
	qr_step(fc, step);
	return QUIRE_STEP_FIND_VMA;
}

/* The vma that holds the address, grown to it if it may. Returns the step that refused, or
 * QUIRE_STEP_FIND_VMA. locked: mm(r) */
QR_INLINE enum quire_step find(struct qr_fault_ctx *fc)
{
	fc->vma = find_vma(fc);
	if (qr_unlikely(!fc->vma))
		return QUIRE_STEP_NO_VMA;
	return qr_likely(fc->vma->start <= fc->va) ? QUIRE_STEP_FIND_VMA : grow(fc);
}

QR_RARE static struct quire_outcome out_of_memory(struct qr_fault_ctx *fc)
{
	struct quire_outcome outcome = {.kind = QUIRE_OOM_KILL, .rule = QUIRE_STEP_OUT_OF_MEMORY};

	qr_step(fc, QUIRE_STEP_OUT_OF_MEMORY);
	if (fc->fault->mode != QUIRE_MODE_USER)
		return qr_kernel_fault(fc);
	outcome.va = fc->trap->address;
	if (fc->system->profile->oom_rule == QUIRE_OOM_KILL_SELF) {
		qr_step(fc, QUIRE_STEP_OOM_KILL_TASK);
		outcome.signal = QUIRE_SIGKILL;
		outcome.rule = QUIRE_STEP_OOM_KILL_TASK;
	}
	return outcome;
}

QR_RARE static void resolved_major(struct qr_fault_ctx *fc)
{
	qr_step(fc, QUIRE_STEP_MAJOR);
	qr_slot_add(&fc->slot->major, 1);
	fc->outcome =
	    (struct quire_outcome){.kind = QUIRE_RESUME, .major = 1, .counted = 1, .rule = QUIRE_STEP_MAJOR};
}

QR_INLINE void resolved(struct qr_fault_ctx *fc)
{
	if (qr_unlikely(fc->major)) {
		resolved_major(fc);
		return;
	}
	qr_step(fc, QUIRE_STEP_MINOR);
	qr_slot_add(&fc->slot->minor, 1);
	fc->outcome = (struct quire_outcome){.kind = QUIRE_RESUME, .counted = 1, .rule = QUIRE_STEP_MINOR};
}

/* The levels could not resolve it. => the mm lock is free */
QR_RARE static struct quire_outcome unresolved(struct qr_fault_ctx *fc, enum qr_result result)
{
	switch (result) {
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
QR_RARE static void bad_area(struct qr_fault_ctx *fc, enum quire_step why)
{
	unsigned code = why == QUIRE_STEP_ACCESS_ERROR ? QUIRE_SEGV_ACCERR : QUIRE_SEGV_MAPERR;

	qr_step(fc, why);
	qr_mm_slot_unlock(fc->mm, fc->slot);
	if (fc->fault->vector == QUIRE_VECTOR_PAGE_FAULT || fc->fault->vector == QUIRE_VECTOR_CAUSE)
		qr_step(fc, QUIRE_STEP_BAD_AREA);
	fc->outcome = qr_bad_area(fc, QUIRE_SIGSEGV, code);
	if (fc->outcome.kind == QUIRE_SIGNAL)
		fc->outcome.rule = (uint8_t)why;
}

/* The vma, and whether it allows the access. Returns the step that refused, or QUIRE_STEP_GOOD_AREA, which is
 * counted with the one after it. locked: mm(r) */
QR_INLINE enum quire_step look(struct qr_fault_ctx *fc)
{
	enum quire_step step = find(fc);

	if (qr_unlikely(step != QUIRE_STEP_FIND_VMA))
		return step;
	return qr_unlikely(qr_access_error(fc)) ? QUIRE_STEP_ACCESS_ERROR : QUIRE_STEP_GOOD_AREA;
}

/* What the levels said when it was not DONE. Whether the way is to begin again: I/O was done with the lock
 * dropped, and the second time waits under it. locked: mm(r) unless dropped, released */
QR_RARE static bool not_done(struct qr_fault_ctx *fc, enum qr_result result)
{
	if (!fc->dropped)
		qr_mm_slot_unlock(fc->mm, fc->slot);
	if (result == QR_LOOK_AGAIN) {
		qr_step(fc, QUIRE_STEP_FAULT_RETRY);
		fc->waits = true;
		fc->dropped = false;
		return true;
	}
	if (result == QR_CHANGED)
		resolved(fc);
	else
		fc->outcome = unresolved(fc, result);
	return false;
}

QR_INLINE void user_address(struct qr_fault_ctx *fc)
{
	enum qr_result result;
	enum quire_step step;

	do {
		if (qr_unlikely(!lock_mm(fc))) {
			fc->outcome = bad_area_nosemaphore(fc, QUIRE_SEGV_MAPERR);
			return;
		}
		/* locked: mm(r) */
		step = look(fc);
		if (qr_unlikely(step != QUIRE_STEP_GOOD_AREA)) {
			bad_area(fc, step);
			return;
		}
		qr_steps(fc, QUIRE_STEP_GOOD_AREA, QUIRE_STEP_HANDLE_MM_FAULT);
		result = qr_handle_mm_fault(fc);
		if (qr_likely(result == QR_DONE)) {
			qr_mm_slot_unlock(fc->mm, fc->slot);
			resolved(fc);
			return;
		}
	} while (not_done(fc, result));
}

QR_RARE static struct quire_outcome no_user_context(struct qr_fault_ctx *fc)
{
	qr_step(fc, QUIRE_STEP_NO_USER_CONTEXT);
	return bad_area_nosemaphore(fc, QUIRE_SEGV_MAPERR);
}

QR_INLINE void page_fault(struct qr_fault_ctx *fc)
{
	if (qr_unlikely(quire_va_is_kernel(qr_arch(fc->system), fc->trap->address)))
		fc->outcome = kernel_address(fc);
	else if (qr_unlikely(!fc->mm || (fc->trap->context & QUIRE_CTX_ATOMIC)))
		fc->outcome = no_user_context(fc);
	else
		user_address(fc);
}

/* What the architecture's entry did not send to the general way. */
QR_RARE static struct quire_outcome other_route(struct qr_fault_ctx *fc)
{
	switch (fc->fault->route) {
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

QR_INLINE void begin(struct qr_fault_ctx *fc, struct quire_system *system, struct quire_mm *mm,
		     const struct quire_trap *trap, const struct quire_fault *fault,
		     struct quire_trace *trace)
{
	fc->system = system;
	fc->mm = mm;
	fc->cpu = qr_this_cpu(system);
	fc->trap = trap;
	fc->fault = fault;
	fc->trace = trace;
	fc->va = trap->address & ~(quire_va)qr_page_mask(system);
	fc->write = fault->access == QUIRE_ACCESS_WRITE;
	fc->force = false;
	fc->unshare = false;
	fc->major = false;
	fc->waits = false;
	fc->dropped = false;
}

QR_INLINE struct quire_outcome go(struct qr_fault_ctx *fc)
{
	if (qr_likely(fc->fault->route == QUIRE_ROUTE_PAGE_FAULT))
		page_fault(fc);
	else
		fc->outcome = other_route(fc);
	return fc->outcome;
}

struct quire_outcome quire_fault(struct quire_system *system, struct quire_mm *mm,
				 const struct quire_fault *fault, struct quire_trace *trace)
{
	const struct quire_trap trap = {
	    .vector = (enum quire_vector)fault->vector,
	    .mode = (enum quire_mode)fault->mode,
	    .syndrome = fault->raw,
	    .address = fault->va,
	    .pc = fault->pc,
	    .sp = fault->sp,
	    .context = fault->context,
	};
	struct qr_fault_ctx fc;

	if (trace)
		qr_trace_begin(trace, fault);
	begin(&fc, system, mm, &trap, fault, trace);
	qr_step(&fc, QUIRE_STEP_TRAP);
	for (unsigned i = 0; i < fault->steps_count; i++)
		qr_step(&fc, (enum quire_step)fault->steps[i]);
	(void)go(&fc);
	if (trace)
		qr_trace_end(trace, mm, &fc.outcome);
	return fc.outcome;
}

/* A syndrome that is not known beforehand, or a way that somebody wants to see. */
QR_RARE static struct quire_outcome decode_and_go(struct quire_system *system, struct quire_mm *mm,
						  const struct quire_trap *trap, struct quire_trace *trace)
{
	const struct quire_arch *arch = qr_arch(system);
	struct quire_fault fault;

	arch->decode(arch, system->profile, system->rows, trap, &fault);
	return quire_fault(system, mm, &fault, trace);
}

struct quire_outcome quire_trap(struct quire_system *system, struct quire_mm *mm,
				const struct quire_trap *trap, struct quire_trace *trace)
{
	const struct quire_fault *known = qr_decode_known(system, trap);
	struct qr_fault_ctx fc;

	if (qr_unlikely(!known || trace))
		return decode_and_go(system, mm, trap, trace);
	begin(&fc, system, mm, trap, known, NULL);
	qr_count(&fc.cpu->plain[trap->syndrome]);
	return go(&fc);
}
