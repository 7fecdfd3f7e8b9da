/* SPDX-License-Identifier: MIT */
/* The kernel asks for a page that a program could have: populate, mlock, ptrace, futex. */
#include "fault/fault.h"

/* Whether `page` may have to be copied before its content is only this address's. */
static bool is_shared_anon(const struct quire_system *system, const struct qr_page *page)
{
	return page && qr_page_state(page) == QUIRE_PAGE_ANON && !qr_page_test(page, QR_PAGE_EXCLUSIVE) &&
	       !qr_mutant(system, "pin-unshares");
}

/* Whether the leaf that is there serves the request as it is: follow_page. */
static bool follow_page(const struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	const void *entry = qr_pt_find(&fc->mm->pt, fc->va, 0);
	const struct qr_page *page;
	quire_pte pte;

	if (!entry)
		return false;
	pte = qr_pte_get(arch, 0, entry);
	if (arch->kind(arch, pte, 0) != QUIRE_PTE_LEAF)
		return false;
	page = qr_page_of(fc->system, arch->pfn(arch, pte, 0));
	/* A private page that the program may not write: a copy of its own, EXCLUSIVE, is enough. */
	if (fc->request.flags & QR_REQUEST_FORCE)
		return page && qr_page_test(page, QR_PAGE_EXCLUSIVE);
	if (qr_fault_is_write(fc))
		return arch->prot(arch, pte, 0) & QUIRE_PROT_WRITE;
	return !(fc->request.flags & QR_REQUEST_UNSHARE) || !is_shared_anon(fc->system, page);
}

/* What is asked of the address space. */
static struct qr_request request_of(const struct quire_vma *vma, quire_va va, unsigned flags)
{
	const struct quire_profile *profile = vma->mm->system->profile;
	bool write = flags & QR_FAULT_IN_WRITE;
	unsigned names = qr_request_names(vma->mm->system);
	struct qr_request request = {.address = va, .flags = (uint8_t)(QR_REQUEST_PIN | names)};

	request.access = write ? QUIRE_ACCESS_WRITE : QUIRE_ACCESS_READ;
	if (write && (flags & QR_FAULT_IN_FORCE) && !(vma->flags & QR_VM_WRITE))
		request.flags |= QR_REQUEST_FORCE;
	if (flags & QR_FAULT_IN_REMOTE)
		request.flags |= QR_REQUEST_REMOTE;
	if ((flags & QR_FAULT_IN_UNSHARE) && profile->reuse_rule == QUIRE_REUSE_EXCLUSIVE)
		request.flags |= QR_REQUEST_UNSHARE;
	return request;
}

/* Counts the fault: to the address space, and to the thread that made the call where the release does. */
static void count(struct qr_fault_ctx *fc)
{
	if (qr_mutant(fc->system, "count-pins"))
		return;
	if ((fc->request.flags & QR_REQUEST_REMOTE) && !fc->system->profile->remote_faults_to_caller)
		qr_slot_add(fc->outcome.major ? &fc->slot->major : &fc->slot->minor, 1);
	else
		qr_mm_count_fault(fc->mm, fc->outcome.major);
}

enum quire_status qr_fault_in(struct quire_mm *mm, struct quire_vma *vma, quire_va va, unsigned flags,
			      unsigned token)
{
	struct qr_fault_ctx fc = {
	    .system = mm->system,
	    .mm = mm,
	    .cpu = qr_this_cpu(mm->system),
	    .request = request_of(vma, va, flags),
	    .va = va & ~(quire_va)qr_page_mask(mm->system),
	    .slot = &mm->slot[token],
	    .vma = vma,
	};
	enum qr_fault_status status;

	if (follow_page(&fc))
		return QUIRE_OK;
	do {
		qr_step(&fc, QUIRE_STEP_HANDLE_MM_FAULT);
		status = qr_handle_mm_fault(&fc);
	} while (status == QR_FAULT_RACED && !follow_page(&fc));
	switch (status) {
	case QR_FAULT_OK:
	case QR_FAULT_RACED:
		if (!(flags & QR_FAULT_IN_UNCOUNTED))
			count(&fc);
		return QUIRE_OK;
	case QR_FAULT_OOM:
		return QUIRE_ENOMEM;
	default:
		return QUIRE_EFAULT;
	}
}
