/* SPDX-License-Identifier: MIT */
/* The way of a fault, from the exception to the outcome.
 *
 *   quire_trap ── decode.c, arch/<a>/fault.c ──► quire_fault
 *     │ by its route
 *     ├─ UNHANDLED ─── badarea.c ─► the row's signal, or the kernel dies
 *     ├─ BAD_AREA ──── badarea.c ─► SIGSEGV; in kernel mode fixup or oops
 *     ├─ KERNEL_SYNC ─ vmalloc.c ─► resume, or bad area
 *     └─ PAGE_FAULT
 *          1 kernel address ──────► vmalloc.c
 *          2 no mm, or atomic ────► bad area, no look-up
 *          3 mm lock for read       in kernel mode the exception table is searched before waiting
 *          4 find the vma           none, or above and it may not grow (stack.c) ─► bad area, MAPERR
 *          5 access.c ────────────► bad area, ACCERR
 *          6 handle.c               tables, then by the state of the entry:
 *               none ─── anon.c, file.c        leaf, write to a read-only one ─── cow.c
 *               swap ─── swapin.c              leaf, any other access ─── young and dirty are set
 *          7 resume, counted as minor or major; or SIGBUS, or out of memory
 *
 * Lock order: MM for read > PAGE > PT > RMAP > CACHE > ZONE (docs/locking.md). Waiting for I/O in 6 drops
 * MM, and the way begins again at 3, once: the second time it waits with the lock held.
 *
 * Rejected: keeping a reference to the vma while MM is dropped. A second look-up costs a tenth of the I/O
 * before it, and nothing has to be proven about a vma that may be gone. */
#include "fault/decode.h"
#include "fault/fault.h"

/* --- 7: resumed ----------------------------------------------------------------------------------------- */

/* maj_flt */
QR_RARE static void resume_major(struct qr_fault_ctx *fc)
{
	qr_step(fc, QUIRE_STEP_MAJOR);
	qr_slot_add(&fc->slot->major, 1);
}

/* The access can be repeated. min_flt. `traced` is a constant where it is not: that way pays nothing. */
QR_INLINE void resume(struct qr_fault_ctx *fc, bool traced)
{
	fc->outcome.counted = 1;
	if (traced)
		qr_trace_resumed(fc);
	if (qr_unlikely(fc->outcome.major)) {
		resume_major(fc);
		return;
	}
	qr_step(fc, QUIRE_STEP_MINOR);
	qr_slot_add(&fc->slot->minor, 1);
}

/* --- 3: the mm lock ------------------------------------------------------------------------------------- */

/* A writer has the mm lock. A fault in kernel mode waits only when the exception table knows the
 * instruction: else the kernel has a bug, may hold the lock itself, and would wait for itself. */
QR_RARE static bool wait_for_mm_lock(struct qr_fault_ctx *fc)
{
	fc->slot = NULL;
	qr_step(fc, QUIRE_STEP_MMAP_LOCK_CONTENDED);
	if (!qr_fault_is_user(fc) && fc->system->profile->lock_rule == QUIRE_LOCK_TRY_THEN_SEARCH &&
	    !qr_search_exception_tables(fc))
		return false;
	fc->slot = &fc->mm->slot[qr_mm_read_lock(fc->mm)];
	qr_step(fc, QUIRE_STEP_FIND_VMA);
	return true;
}

/* The mm lock for read, by down_read_trylock first. False: this fault may not wait for it. (might_sleep, which
 * complains where waiting would have been a bug, is the host's: its wait() knows whether it may sleep.) */
QR_INLINE bool lock_mm(struct qr_fault_ctx *fc)
{
	fc->slot = &fc->mm->slot[fc->cpu->cpu];
	if (qr_unlikely(!qr_mm_slot_trylock(fc->mm, fc->slot)))
		return wait_for_mm_lock(fc);
	qr_steps(fc, QUIRE_STEP_MMAP_LOCK_TAKEN, QUIRE_STEP_FIND_VMA);
	return true;
}

/* --- 4: the vma ----------------------------------------------------------------------------------------- */

/* The first vma that ends above the address, from the index of the mm; grown down to the address if it is
 * above it and may. */
static __attribute__((noinline)) enum qr_fault_status find_vma(struct qr_fault_ctx *fc)
{
	enum qr_fault_status status;

	fc->vma = qr_find_vma(fc->mm, fc->va);
	__atomic_store_n(&fc->slot->vma, fc->vma, __ATOMIC_RELAXED);
	if (!fc->vma)
		return qr_refuse(fc, QUIRE_STEP_NO_VMA, QR_FAULT_MAPERR);
	if (fc->vma->start <= fc->va)
		return QR_FAULT_OK;
	if (!(fc->vma->flags & QR_VM_GROWSDOWN))
		return qr_refuse(fc, QUIRE_STEP_VMA_ABOVE, QR_FAULT_MAPERR);
	if (qr_below_stack_pointer(fc))
		return qr_refuse(fc, QUIRE_STEP_STACK_BELOW_SP, QR_FAULT_MAPERR);
	status = qr_expand_stack(fc);
	if (status == QR_FAULT_OK)
		qr_step(fc, QUIRE_STEP_STACK_GROWN);
	return status;
}

/* The vma that holds the address: often the one that the last fault on this slot was in. locked: mm(r) */
QR_INLINE enum qr_fault_status look_up(struct qr_fault_ctx *fc)
{
	struct quire_vma *vma = __atomic_load_n(&fc->slot->vma, __ATOMIC_RELAXED);

	if (qr_unlikely(!vma || fc->va - vma->start >= vma->end - vma->start))
		return find_vma(fc);
	fc->vma = vma;
	return QR_FAULT_OK;
}

/* --- 5: may it be accessed so ------------------------------------------------------------------------------ */

QR_INLINE bool access_error(const struct qr_fault_ctx *fc)
{
	return !(fc->vma->flags & fc->request.rights) && !qr_mutant(fc->system, "access-check");
}

/* --- the way -------------------------------------------------------------------------------------------- */

/* One try, which leaves the mm lock held for read unless fc->slot is NULL. */
QR_INLINE enum qr_fault_status try_fault(struct qr_fault_ctx *fc)
{
	enum qr_fault_status status;

	if (qr_unlikely(!lock_mm(fc)))
		return QR_FAULT_NO_CONTEXT;
	/* locked: mm(r) */
	status = look_up(fc);
	if (qr_unlikely(status != QR_FAULT_OK))
		return status;
	if (qr_unlikely(access_error(fc)))
		return qr_refuse(fc, QUIRE_STEP_ACCESS_ERROR, QR_FAULT_ACCERR);
	qr_steps(fc, QUIRE_STEP_GOOD_AREA, QUIRE_STEP_HANDLE_MM_FAULT);
	return qr_handle_mm_fault(fc);
}

/* The fault was not resolved. locked: mm(r) unless fc->slot is NULL, released */
QR_RARE static void fail(struct qr_fault_ctx *fc, enum qr_fault_status status)
{
	if (fc->slot)
		qr_mm_slot_unlock(fc->mm, fc->slot);
	switch (status) {
	case QR_FAULT_NO_CONTEXT:
		qr_bad_area_nosemaphore(fc, QUIRE_SEGV_MAPERR);
		break;
	case QR_FAULT_OOM:
		qr_out_of_memory(fc);
		break;
	case QR_FAULT_CORRUPT:
		qr_corrupt_entry(fc);
		break;
	case QR_FAULT_SIGBUS:
		qr_do_sigbus(fc);
		break;
	default:
		qr_bad_area(fc, status == QR_FAULT_ACCERR ? QUIRE_SEGV_ACCERR : QUIRE_SEGV_MAPERR);
	}
}

/* No frame: others' pages leave, without any lock, and the fault begins again. False: none do. */
QR_RARE static bool reclaim_and_retry(struct qr_fault_ctx *fc)
{
	/* An allocation has failed since: it is why we are here. */
	struct qr_retry retry = {.starved = qr_retry_begin(fc->system).starved - 1, .tries = fc->tries};
	bool again;

	if (fc->slot)
		qr_mm_slot_unlock(fc->mm, fc->slot);
	fc->slot = NULL;
	again = qr_retry_after_reclaim(fc->system, &retry);
	fc->tries = retry.tries;
	fc->outcome.rule = retry.limited ? QUIRE_STEP_GROUP_LIMIT : QUIRE_STEP_OUT_OF_MEMORY;
	return again;
}

/* The fault waited for I/O without the mm lock. The second time it waits under the lock. */
static void begin_again(struct qr_fault_ctx *fc)
{
	if (fc->outcome.major)
		fc->system->reclaim_hooks->room(fc->system);
	fc->request.flags &= (uint8_t)~QR_REQUEST_MAY_DROP;
}

enum qr_fault_status qr_fault_wrote(const struct qr_fault_ctx *fc)
{
	/* A system call that asks for pages holds the mm lock itself. */
	bool holds = fc->request.flags & QR_REQUEST_PIN;

	return !holds && qr_file_is_due(fc->vma->file) ? QR_FAULT_WROTE : QR_FAULT_OK;
}

/* The access can be repeated, but the writer is held up, without the mm lock. */
QR_RARE static void balance(struct qr_fault_ctx *fc)
{
	struct quire_file *file = fc->vma->file;

	quire_file_get(file);
	qr_mm_slot_unlock(fc->mm, fc->slot);
	fc->slot = NULL;
	qr_file_balance(file);
	quire_file_put(file);
}

QR_INLINE void do_user_addr_fault(struct qr_fault_ctx *fc, bool traced)
{
	enum qr_fault_status status;

	while (qr_unlikely((status = try_fault(fc)) != QR_FAULT_OK)) {
		if (status == QR_FAULT_RACED) {
			qr_answer(fc, QUIRE_STEP_PTE_CHANGED, QUIRE_RESUME_NONE);
			break;
		}
		if (status == QR_FAULT_WROTE) {
			resume(fc, traced);
			balance(fc);
			return;
		}
		if (status == QR_FAULT_OOM && reclaim_and_retry(fc))
			continue;
		if (status != QR_FAULT_RETRY) {
			fail(fc, status);
			return;
		}
		qr_step(fc, QUIRE_STEP_FAULT_RETRY);
		begin_again(fc);
	}
	resume(fc, traced);
	qr_mm_slot_unlock(fc->mm, fc->slot);
}

/* As a program's access beside its stack pointer: it waits for the mm lock, and its stack may grow. */
enum quire_status qr_fault_for_copy(struct quire_mm *mm, quire_va va, bool write)
{
	struct quire_system *system = mm->system;
	struct qr_fault_ctx fc = {
	    .system = system,
	    .mm = mm,
	    .cpu = qr_this_cpu(system),
	    .request = {.address = va,
			.rights = write ? (uint32_t)QR_VM_WRITE : qr_read_rights(system),
			.access = write ? QUIRE_ACCESS_WRITE : QUIRE_ACCESS_READ,
			.flags = (uint8_t)(QR_REQUEST_USER | QR_REQUEST_MAY_DROP | qr_request_names(system))},
	    .sp = va,
	    .va = va & ~(quire_va)qr_page_mask(system),
	};
	enum qr_fault_status status;

	while ((status = try_fault(&fc)) != QR_FAULT_OK) {
		if (status == QR_FAULT_RETRY)
			begin_again(&fc);
		else if (status != QR_FAULT_OOM || !reclaim_and_retry(&fc))
			break;
	}
	if (status == QR_FAULT_WROTE)
		balance(&fc);
	if (fc.slot)
		qr_mm_slot_unlock(mm, fc.slot);
	if (status == QR_FAULT_OOM)
		return QUIRE_ENOMEM;
	if (status > QR_FAULT_RACED)
		return QUIRE_EFAULT;
	qr_mm_count_fault(mm, fc.outcome.major);
	return QUIRE_OK;
}

QR_RARE static void no_user_context(struct qr_fault_ctx *fc)
{
	qr_step(fc, QUIRE_STEP_NO_USER_CONTEXT);
	/* 2.4 jumps to its no_context exit directly. */
	if (fc->system->profile->release == QUIRE_LINUX_2_4 && !qr_fault_is_user(fc))
		qr_no_context(fc);
	else
		qr_bad_area_nosemaphore(fc, QUIRE_SEGV_MAPERR);
}

/* In an interrupt, or with preemption off: nothing may be waited for. */
static inline bool in_atomic(const struct qr_fault_ctx *fc)
{
	return fc->context & QUIRE_CTX_ATOMIC;
}

/* => a user's address */
QR_INLINE void do_page_fault(struct qr_fault_ctx *fc, bool traced)
{
	if (qr_unlikely(!fc->mm || in_atomic(fc)))
		no_user_context(fc);
	else
		do_user_addr_fault(fc, traced);
}

/* What does not go to do_page_fault. */
QR_RARE static void other_route(struct qr_fault_ctx *fc)
{
	switch (fc->fault->route) {
	case QUIRE_ROUTE_PAGE_FAULT: /* a kernel address */
	case QUIRE_ROUTE_KERNEL_SYNC:
		qr_vmalloc_fault(fc);
		break;
	case QUIRE_ROUTE_BAD_AREA:
		qr_bad_area_nosemaphore(fc, QUIRE_SEGV_MAPERR);
		break;
	case QUIRE_ROUTE_UNHANDLED:
		qr_notify_die(fc);
		break;
	default:
		fc->outcome = (struct quire_outcome){.kind = QUIRE_NOT_OURS, .rule = QUIRE_STEP_TRAP};
	}
}

/* => fc->request is set */
QR_INLINE void begin(struct qr_fault_ctx *fc, struct quire_system *system, struct quire_mm *mm,
		     const struct quire_fault *fault)
{
	fc->system = system;
	fc->mm = mm;
	fc->cpu = qr_this_cpu(system);
	fc->fault = fault;
	fc->va = fc->request.address & ~(quire_va)qr_page_mask(system);
	fc->outcome = (struct quire_outcome){.kind = QUIRE_RESUME};
	fc->tries = 0;
}

/* By its route. => fc is complete. */
static __attribute__((noinline)) struct quire_outcome go(struct qr_fault_ctx *fc)
{
	struct quire_trace *trace = fc->trace;

	if (fc->fault->route == QUIRE_ROUTE_PAGE_FAULT &&
	    !quire_va_is_kernel(qr_width(fc->system), fc->request.address))
		do_page_fault(fc, trace != NULL);
	else
		other_route(fc);
	if (trace) {
		trace->outcome = fc->outcome;
		if (fc->outcome.kind != QUIRE_RESUME || !fc->outcome.counted)
			qr_trace_look_up(trace, fc->mm);
	}
	return fc->outcome;
}

struct quire_outcome quire_handle_fault(struct quire_system *system, struct quire_mm *mm,
					const struct quire_fault *fault, struct quire_trace *trace)
{
	struct qr_fault_ctx fc;

	if (trace)
		qr_trace_begin(trace, fault);
	fc.request = qr_request_of(system, fault);
	begin(&fc, system, mm, fault);
	fc.context = fault->context;
	fc.pc = fault->pc;
	fc.sp = fault->sp;
	fc.trace = trace;
	fc.cpu->steps[QUIRE_STEP_TRAP]++;
	for (unsigned i = 0; i < fault->steps_count; i++)
		fc.cpu->steps[fault->steps[i]]++;
	return go(&fc);
}

/* => `fault` is what the trap's syndrome, a plain one, decodes to. */
QR_INLINE void begin_plain(struct qr_fault_ctx *fc, struct quire_system *system, struct quire_mm *mm,
			   const struct quire_trap *trap, const struct quire_fault *fault)
{
	unsigned code = quire_plain_code(&qr_arch(system)->plain, trap->syndrome);

	fc->request = system->plain_request[code];
	fc->request.address = trap->address;
	begin(fc, system, mm, fault);
	fc->context = trap->context;
	fc->pc = trap->pc;
	fc->sp = trap->sp;
	qr_count(&fc->cpu->plain[code]);
}

/* A plain syndrome, with the record of the way. */
static __attribute__((noinline)) struct quire_outcome
trace_plain(struct quire_system *system, struct quire_mm *mm, const struct quire_trap *trap,
	    const struct quire_fault *fault, struct quire_trace *trace)
{
	struct qr_fault_ctx fc;

	trace->fault = *fault;
	trace->fault.va = trap->address;
	trace->fault.pc = trap->pc;
	trace->fault.sp = trap->sp;
	trace->fault.context = trap->context;
	qr_trace_begin(trace, &trace->fault);
	begin_plain(&fc, system, mm, trap, &trace->fault);
	fc.trace = trace;
	return go(&fc);
}

/* A syndrome that was not decoded beforehand. */
QR_RARE static struct quire_outcome decode_and_go(struct quire_system *system, struct quire_mm *mm,
						  const struct quire_trap *trap, struct quire_trace *trace)
{
	const struct quire_arch *arch = qr_arch(system);
	struct quire_fault fault;

	arch->decode(qr_width(system), system->profile, system->rows, trap, &fault);
	return quire_handle_fault(system, mm, &fault, trace);
}

struct quire_outcome quire_handle_trap(struct quire_system *system, struct quire_mm *mm,
				       const struct quire_trap *trap, struct quire_trace *trace)
{
	const struct quire_fault *fault = qr_decode_plain(system, trap);
	struct qr_fault_ctx fc;

	if (qr_unlikely(!fault || trace))
		return fault ? trace_plain(system, mm, trap, fault, trace)
			     : decode_and_go(system, mm, trap, trace);
	begin_plain(&fc, system, mm, trap, fault);
	fc.trace = NULL;
	if (qr_likely(fault->route == QUIRE_ROUTE_PAGE_FAULT))
		do_page_fault(&fc, false);
	else
		other_route(&fc);
	return fc.outcome;
}
