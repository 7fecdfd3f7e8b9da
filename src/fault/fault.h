/* SPDX-License-Identifier: MIT */
/* The fault path inside: the context that every part shares, and how the parts answer each other.
 *
 *   fault.c    the way: trap, kernel address, context, mm lock, vma, outcome
 *   decode.c   from a trap to a fault; syndrome rows replaced        profile.c  the rules
 *   vmalloc.c  a kernel address                                      trace.c    the record
 *   corrupt.c  an upper entry with impossible bits
 *   access.c   does the vma allow the access                         badarea.c  the ends in a signal
 *   stack.c    may the stack grow                                    oops.c     the ends in kernel mode
 *   handle.c   down the table levels, then by the state of the entry pin.c      the kernel asks for a page
 *     anon.c   nothing there, anonymous       swapin.c  a swap entry
 *     file.c   nothing there, a file          cow.c     a write to a read-only leaf
 *
 * The convention for results:
 *   - A part in the middle of the way returns an enum qr_fault_status. One that refuses does it with
 *     qr_refuse(), which also records the rule.
 *   - A part at the end of the way sets fc->outcome and returns nothing.
 *   - A step is for counters and traces. Nothing is decided by one. */
#ifndef QR_FAULT_H
#define QR_FAULT_H

#include "mm/mm.h"

/* What a part of the way tells its caller. */
enum qr_fault_status {
	/* The first three: the access can be repeated. */
	QR_FAULT_OK = 0,    /* go on; from a handler: the access will succeed */
	QR_FAULT_WROTE,     /* as OK; the writer is to look whether too many pages of files are dirty */
	QR_FAULT_RACED,     /* another CPU changed the entry first: the repeated access decides */
	QR_FAULT_RETRY,     /* the mm lock was dropped for I/O: find the vma again */
	QR_FAULT_MAPERR,    /* nothing may be mapped there: SIGSEGV, SEGV_MAPERR */
	QR_FAULT_ACCERR,    /* the vma forbids the access: SIGSEGV, SEGV_ACCERR */
	QR_FAULT_SIGBUS,    /* mapped and allowed, but there is no page */
	QR_FAULT_OOM,       /* no frame */
	QR_FAULT_CORRUPT,   /* an upper entry has impossible bits */
	QR_FAULT_NO_CONTEXT /* kernel mode may not wait for the mm lock */
};

/* qr_request.flags */
enum {
	QR_REQUEST_USER = 1,      /* the access was made in user mode */
	QR_REQUEST_PIN = 2,       /* no exception: a system call asks for the page (qr_fault_in) */
	QR_REQUEST_FORCE = 4,     /* break copy-on-write in a vma that may not be written: ptrace */
	QR_REQUEST_UNSHARE = 8,   /* a read, and the private page must be this address's alone */
	QR_REQUEST_MAY_DROP = 16, /* the mm lock may be dropped for I/O: the first try of a fault */
	QR_REQUEST_MODERN = 32,   /* by the names of a later release: qr_fault_is_modern() */
	QR_REQUEST_REMOTE = 64,   /* QR_REQUEST_PIN by another process: ptrace, process_vm_writev */
	QR_REQUEST_GUARDED = 128  /* the stack was grown by its guard page, or may not be */
};

struct qr_fault_ctx {
	struct quire_system *system;
	struct quire_mm *mm;
	struct qr_cpu *cpu;
	const struct quire_fault *fault; /* what the syndrome says; NULL for QR_REQUEST_PIN */
	struct quire_trace *trace;       /* NULL: not wanted */
	struct qr_request request;
	uint32_t context; /* QUIRE_CTX_* */
	uint32_t tries;   /* how often it began again after pages had left memory */
	quire_va pc, sp;  /* of the interrupted code */

	quire_va va;             /* the page of request.address */
	struct qr_mm_slot *slot; /* ours in the mm lock, held for read; NULL: not held */
	struct quire_vma *vma;
	void *entry;           /* level-0 entry of va */
	struct qr_page *table; /* its table: PT lock */
	quire_pte pte;         /* what the entry was when looked at */

	/* RESUME until an exit says else. On the way it collects what refused or answered, and whether a device was
	 * read. */
	struct quire_outcome outcome;
};

static inline bool qr_fault_is_write(const struct qr_fault_ctx *fc)
{
	return fc->request.access == QUIRE_ACCESS_WRITE;
}

static inline bool qr_fault_is_user(const struct qr_fault_ctx *fc)
{
	return fc->request.flags & QR_REQUEST_USER;
}

/* ARM and ARM64 have their own names for the ends of a fault. */
static inline bool qr_fault_is_arm(const struct qr_fault_ctx *fc)
{
	unsigned family = qr_arch(fc->system)->family;

	return family == QUIRE_FAMILY_ARM || family == QUIRE_FAMILY_ARM64;
}

/* Whether traces have the functions into which later kernels, up to 4.14, split the older ones:
 * __handle_mm_fault, do_fault, do_read_fault, wp_page_copy, ... */
static inline bool qr_fault_is_modern(const struct qr_fault_ctx *fc)
{
	return fc->request.flags & QR_REQUEST_MODERN;
}

static inline unsigned qr_request_names(const struct quire_system *system)
{
	return system->profile->release >= QUIRE_LINUX_4_14 ? QR_REQUEST_MODERN : 0;
}

/* --- steps (trace.c) ---------------------------------------------------------------------------------- */

void qr_trace_step(struct quire_trace *trace, enum quire_step step);
void qr_trace_steps(struct quire_trace *trace, enum quire_step first, enum quire_step second);
/* Begins the record with `fault`, which may be the record's own, and the steps of its entry. */
void qr_trace_begin(struct quire_trace *trace, const struct quire_fault *fault);
/* What the address maps to now that the access can be repeated. => mm lock for read, fc->entry is the fault's. */
void qr_trace_resumed(struct qr_fault_ctx *fc);
/* The same after any other end, where a table has the entry. => no lock held. */
void qr_trace_look_up(struct quire_trace *trace, struct quire_mm *mm);

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
	if (qr_unlikely(fc->trace != NULL))
		qr_trace_steps(fc->trace, first, second);
}

/* The step that later releases name `modern` and earlier ones `older`. */
static inline void qr_step_named(struct qr_fault_ctx *fc, enum quire_step modern, enum quire_step older)
{
	if (qr_likely(qr_fault_is_modern(fc)))
		qr_step(fc, modern);
	else
		qr_step(fc, older);
}

/* `rule` refuses: it is counted, and becomes the rule of the outcome. */
static inline enum qr_fault_status qr_refuse(struct qr_fault_ctx *fc, enum quire_step rule,
					     enum qr_fault_status status)
{
	qr_step(fc, rule);
	fc->outcome.rule = (uint8_t)rule;
	return status;
}

/* `rule` answers the access with such a page: both become the outcome's, unless a later part decides again. */
QR_INLINE void qr_answer(struct qr_fault_ctx *fc, enum quire_step rule, enum quire_resume_page page)
{
	fc->outcome.rule = (uint8_t)rule;
	fc->outcome.page = (uint8_t)page;
}

/* The same with the step, which later releases name `modern` and earlier ones `older`. */
QR_INLINE void qr_answer_named(struct qr_fault_ctx *fc, enum quire_step modern, enum quire_step older,
			       enum quire_resume_page page)
{
	/* Each way stores constants. */
	if (qr_likely(qr_fault_is_modern(fc))) {
		qr_step(fc, modern);
		qr_answer(fc, modern, page);
	} else {
		qr_step(fc, older);
		qr_answer(fc, older, page);
	}
}

#define qr_slot_add(counter, by) ((void)__atomic_fetch_add((counter), (by), __ATOMIC_RELAXED))

/* --- the entry under its lock (handle.c has the slow halves) ----------------------------------------- */

/* Another CPU was faster. => PT held; released. Returns false. */
bool qr_pte_raced(struct qr_fault_ctx *fc);
/* Whether `now` is fc->pte but for young and dirty: then fc->pte is `now`. => PT held; released on false. */
bool qr_pte_same_page(struct qr_fault_ctx *fc, quire_pte now);

/* Takes PT of fc->table if the entry still is fc->pte to the bit. False: PT is not held, the step counted. */
static inline bool qr_pte_lock_same(struct qr_fault_ctx *fc)
{
	qr_pt_lock(&fc->mm->pt, fc->table);
	if (qr_likely(qr_pte_get(qr_arch(fc->system), 0, fc->entry).bits == fc->pte.bits))
		return true;
	return qr_pte_raced(fc);
}

/* The same for a leaf whose young and dirty the hardware may set meanwhile. */
static inline bool qr_pte_lock_same_page(struct qr_fault_ctx *fc)
{
	quire_pte now;

	qr_pt_lock(&fc->mm->pt, fc->table);
	now = qr_pte_get(qr_arch(fc->system), 0, fc->entry);
	return qr_likely(now.bits == fc->pte.bits) || qr_pte_same_page(fc, now);
}

/* Makes this CPU forget its translation of fc->va. */
void qr_flush_here(struct qr_fault_ctx *fc);

/* An entry became valid where none was (update_mmu_cache): the walkers are told, and so is a CPU that may
 * keep "not present". => PT may be held. */
static inline void qr_publish(struct qr_fault_ctx *fc)
{
	const struct quire_host *host = fc->system->host;

	if (qr_unlikely(host->pte_sync != NULL))
		host->pte_sync(fc->system->host_context, fc->entry);
	if (qr_arch(fc->system)->caps & QUIRE_CAP_CACHES_INVALID)
		qr_flush_here(fc);
}

/* --- the parts in the middle ---------------------------------------------------------------------------- */

/* What the fault asks of the address space (access.c). */
struct qr_request qr_request_of(const struct quire_system *system, const struct quire_fault *fault);

/* Whether a user's access is so far below its stack pointer that no stack grows for it (stack.c). */
bool qr_below_stack_pointer(const struct qr_fault_ctx *fc);

/* Grows fc->vma, which lies above va, down to it, if it may (stack.c). Changes to the mm lock for write and
 * back: on return it is held for read, and fc->vma holds va or the status refuses. */
enum qr_fault_status qr_expand_stack(struct qr_fault_ctx *fc);

/* The lowest page of a stack is to be mapped, in a release that keeps it as a guard: grows the stack by one
 * page more (stack.c). => mm lock for read. OK: go on; RETRY: the lock was dropped; SIGBUS: another mapping is
 * directly below. */
enum qr_fault_status qr_check_stack_guard_page(struct qr_fault_ctx *fc);

/* Down the levels, then by the state of the entry (handle.c). => mm lock for read, fc->vma allows the access.
 * The lock stays held unless fc->slot is NULL afterwards: it was dropped for I/O. */
enum qr_fault_status qr_handle_mm_fault(struct qr_fault_ctx *fc);

/* By the state of the entry. Each takes PT itself and leaves it free. */
enum qr_fault_status qr_do_anonymous_page(struct qr_fault_ctx *fc);
enum qr_fault_status qr_do_fault(struct qr_fault_ctx *fc);
/* A page of a shared mapping became dirty: QR_FAULT_OK, or _WROTE. locked: mm(r) */
enum qr_fault_status qr_fault_wrote(const struct qr_fault_ctx *fc);
enum qr_fault_status qr_do_swap_page(struct qr_fault_ctx *fc);
enum qr_fault_status qr_do_wp_page(struct qr_fault_ctx *fc);

/* Maps a new anonymous frame where the entry still is none: commits, or puts the frame (anon.c).
 * The frame has one reference, which becomes the mapping's. => PT not held. */
enum qr_fault_status qr_map_anon(struct qr_fault_ctx *fc, struct qr_page *page);

/* A frame for private memory, charged to the group. NULL: there is none, or the group's limit refuses it. */
QR_INLINE struct qr_page *qr_anon_frame(const struct qr_fault_ctx *fc, unsigned flags)
{
	struct qr_mm_slot *slot = fc->slot;

	return qr_likely(!slot->group) ? qr_frame_alloc_on(fc->system, fc->cpu, flags, QUIRE_PAGE_ANON)
				       : qr_frame_alloc_paid(fc->system, fc->cpu, flags, &slot->group);
}

/* The leaf of a frame that is this address's alone: writable where the vma is, young, dirty. */
static inline quire_pte qr_anon_pte(const struct qr_fault_ctx *fc, const struct qr_page *page)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	unsigned flags = QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY;

	return arch->make(arch, qr_page_pfn(fc->system, page), fc->vma->prot, flags, 0);
}

/* A page that is about to be executed must be seen by the instruction side (file.c). */
void qr_sync_icache(struct qr_fault_ctx *fc, struct qr_page *page);

/* Tells the file that its page at fc->va becomes writable (cow.c). => `page` referenced, not LOCKED.
 * OK: it is LOCKED now and still the file's; RACED: it was truncated meanwhile; SIGBUS: the file refused. */
enum qr_fault_status qr_page_mkwrite(struct qr_fault_ctx *fc, struct qr_page *page);

/* --- the ends ------------------------------------------------------------------------------------------- */

/* All: => no lock held; fc->outcome is set. */

/* A kernel address: resumed, or a bad area (vmalloc.c). */
void qr_vmalloc_fault(struct qr_fault_ctx *fc);

/* SIGSEGV after a look-up, and without one: there the signal of the entry, if it gave one (badarea.c). */
void qr_bad_area(struct qr_fault_ctx *fc, unsigned code);
void qr_bad_area_nosemaphore(struct qr_fault_ctx *fc, unsigned code);
void qr_do_sigbus(struct qr_fault_ctx *fc);
void qr_out_of_memory(struct qr_fault_ctx *fc);
/* A corrupt upper entry: reported, then the process is killed or the entry cleared (corrupt.c). */
void qr_corrupt_entry(struct qr_fault_ctx *fc);
/* SIGKILL to the program; in kernel mode fixup or oops. */
void qr_kill(struct qr_fault_ctx *fc);
/* A code without a handler: the row's signal, or the kernel dies. */
void qr_notify_die(struct qr_fault_ctx *fc);

/* Kernel mode: fixup, else die. Die: oops, or panic where the context cannot be ended (oops.c). */
void qr_no_context(struct qr_fault_ctx *fc);
void qr_die(struct qr_fault_ctx *fc);

/* Where the exception table continues; 0: nowhere. */
quire_va qr_search_exception_tables(struct qr_fault_ctx *fc);

/* --- the kernel asks for a page (pin.c) ----------------------------------------------------------------- */

/* Brings in one page as a program's access would (populate, mlock, ptrace, futex).
 * => mm lock for read with `token`, vma holds va. I/O is waited for under the lock, which is never dropped.
 * Returns QUIRE_OK; QUIRE_EFAULT: SIGSEGV or SIGBUS would have come; QUIRE_ENOMEM. */
enum {
	QR_FAULT_IN_WRITE = 1,
	QR_FAULT_IN_FORCE = 2,
	QR_FAULT_IN_UNSHARE = 4,   /* what is read must stay what the program sees: no page shared by fork */
	QR_FAULT_IN_UNCOUNTED = 8, /* nobody's fault: swapoff */
	QR_FAULT_IN_REMOTE = 16    /* another process asks: the release says to whom the fault counts */
};
enum quire_status qr_fault_in(struct quire_mm *mm, struct quire_vma *vma, quire_va va, unsigned flags,
			      unsigned token) QUIRE_MUST_USE;

/* Brings in the page at `va` for a copy by the kernel, which is no exception (fault.c). Counted as a fault that a
 * call took. => no lock held. Returns QUIRE_OK: try again; QUIRE_EFAULT; QUIRE_ENOMEM. */
enum quire_status qr_fault_for_copy(struct quire_mm *mm, quire_va va, bool write) QUIRE_MUST_USE;

#endif
