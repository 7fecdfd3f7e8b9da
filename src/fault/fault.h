/* SPDX-License-Identifier: MIT */
/* The fault path inside: the context that every step shares.
 *
 *   fault.c   the way: kernel address, context, lock, vma, stack, access, outcome
 *   access.h  may the vma be used so            stack.c   may the stack grow
 *   handle.h  down the levels, by pte state     anon.c    nothing there, anonymous
 *   file.c    nothing there, a file             cow.c     write to a read-only leaf
 *   pin.c     the kernel asks for a page        oops.c    kernel mode: fixup, oops; user: signal
 *   profile.c the rules                         trace.c   the record
 *   decode.c  from a trap to a fault            hook.c    syndrome rows replaced
 */
#ifndef QR_FAULT_H
#define QR_FAULT_H

#include "mm/mm.h"

/* What the levels say to the way above them. */
enum qr_result {
	QR_DONE = 0, /* the access will succeed */
	QR_SIGBUS,
	QR_SIGSEGV,
	QR_OOM,
	QR_LOOK_AGAIN, /* the mm lock was dropped: find the vma again */
	QR_CHANGED     /* the entry was changed by another: done, the access decides */
};

struct qr_fault_ctx {
	struct quire_system *system;
	struct quire_mm *mm;
	struct qr_cpu *cpu;
	const struct quire_trap *trap;   /* what the CPU said: address, pc, sp, context */
	const struct quire_fault *fault; /* what it means, all the rest. NULL both: a pin (qr_fault_in) */
	struct quire_trace *trace;

	quire_va va; /* the page */
	bool write;
	bool force;   /* break COW for ptrace in a vma without WRITE */
	bool unshare; /* a pin to read: the private page must be this address's alone */
	bool major;
	bool waits;   /* I/O is waited for under the mm lock: a second time, a pin */
	bool dropped; /* the mm lock was dropped for I/O */

	/* Known once the mm lock is held. */
	struct qr_mm_slot *slot; /* of our reader: counts, and hints of where the last fault was */
	struct quire_vma *vma;
	void *entry;           /* level-0 entry of va */
	struct qr_page *table; /* its table: PT lock */
	quire_pte pte;         /* what the entry was when looked at */

	struct quire_outcome outcome; /* of the whole way */
};

void qr_trace_step(struct quire_trace *trace, enum quire_step step);

static inline void qr_step(struct qr_fault_ctx *fc, enum quire_step step)
{
	fc->cpu->steps[step]++;
	if (qr_unlikely(fc->trace != NULL))
		qr_trace_step(fc->trace, step);
}

/* Two steps of which the second always follows the first. */
static inline void qr_steps(struct qr_fault_ctx *fc, enum quire_step first, enum quire_step second)
{
	fc->cpu->steps[first]++;
	fc->cpu->steps[second]++;
	if (qr_unlikely(fc->trace != NULL)) {
		qr_trace_step(fc->trace, first);
		qr_trace_step(fc->trace, second);
	}
}

#define qr_slot_add(counter, by) ((void)__atomic_fetch_add((counter), (by), __ATOMIC_RELAXED))

/* PT of fc->table, if the entry still is fc->pte to the bit; else no lock, and the step is counted. */
bool qr_pte_changed(struct qr_fault_ctx *fc);
static inline bool qr_lock_unchanged(struct qr_fault_ctx *fc)
{
	qr_pt_lock(&fc->mm->pt, fc->table);
	if (qr_likely(qr_pte_get(qr_arch(fc->system), 0, fc->entry).bits == fc->pte.bits))
		return true;
	return qr_pte_changed(fc);
}
/* The same for a leaf whose young and dirty the hardware may set meanwhile: fc->pte is what it is now. */
bool qr_pte_same_page(struct qr_fault_ctx *fc, quire_pte now);
static inline bool qr_lock_same_page(struct qr_fault_ctx *fc)
{
	quire_pte now;

	qr_pt_lock(&fc->mm->pt, fc->table);
	now = qr_pte_get(qr_arch(fc->system), 0, fc->entry);
	return qr_likely(now.bits == fc->pte.bits) || qr_pte_same_page(fc, now);
}

/* This CPU forgets its view of fc->va. */
void qr_flush_here(struct qr_fault_ctx *fc);

/* An entry became valid where none was: walkers see it; where the CPU may keep "not present", it forgets.
 * => PT may be held. */
static inline void qr_publish(struct qr_fault_ctx *fc)
{
	const struct quire_host *host = fc->system->host;

	if (qr_unlikely(host->pte_sync != NULL))
		host->pte_sync(fc->system->host_context);
	if (qr_arch(fc->system)->caps & QUIRE_CAP_CACHES_INVALID)
		qr_flush_here(fc);
}

/* By pte state; each takes PT itself and leaves it free. */
enum qr_result qr_do_anonymous_page(struct qr_fault_ctx *fc);
enum qr_result qr_do_fault(struct qr_fault_ctx *fc);
enum qr_result qr_do_swap_page(struct qr_fault_ctx *fc);
enum qr_result qr_do_wp_page(struct qr_fault_ctx *fc);

/* Maps a new anonymous frame where the entry still is none: commits, or puts the frame.
 * The frame has one reference, which becomes the mapping's. => PT not held. */
enum qr_result qr_map_anon(struct qr_fault_ctx *fc, struct qr_page *page);

/* The leaf of a frame that is this address's alone: writable where the vma is, young, dirty. */
quire_pte qr_anon_pte(const struct qr_fault_ctx *fc, const struct qr_page *page);

/* May `fc->vma`, which lies above va, grow down to it? Changes to the mm lock for write and back; on
 * success fc->vma holds va and the lock is held for read. Otherwise the step that refused. */
enum quire_step qr_expand_stack(struct qr_fault_ctx *fc);

/* Ends of the way. => no lock held. */
struct quire_outcome qr_bad_area(struct qr_fault_ctx *fc, unsigned signal, unsigned code);
struct quire_outcome qr_kernel_fault(struct qr_fault_ctx *fc);

/* The kernel asks for one page as a program's access would (populate, mlock, ptrace, futex).
 * => mm lock for read with *token, vma holds va.
 * Returns QUIRE_OK; QUIRE_EFAULT: SIGSEGV or SIGBUS would have come (EFAULT; SIGBUS counts as EFAULT);
 * QUIRE_ENOMEM; QUIRE_RETRY: the lock was dropped and is held again, *token is new: find the vma again. */
enum {
	QR_FAULT_IN_WRITE = 1,
	QR_FAULT_IN_FORCE = 2,
	QR_FAULT_IN_UNSHARE = 4 /* what is read must stay what the program sees: no page shared by fork */
};
enum quire_status qr_fault_in(struct quire_mm *mm, struct quire_vma *vma, quire_va va, unsigned flags,
			      unsigned *token) QUIRE_MUST_USE;

#endif
