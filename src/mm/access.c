/* SPDX-License-Identifier: MIT */
/* The kernel reads and writes a program's memory, and names it for futexes. */
#include "fault/fault.h"
#include "mm/vma.h"

/* Whether the access is one that the program, or with FORCE its debugger, could make. */
static bool permitted(const struct quire_vma *vma, unsigned flags)
{
	bool force = flags & QUIRE_REMOTE_FORCE;

	if (flags & QUIRE_REMOTE_WRITE)
		return (vma->flags & QR_VM_WRITE) ||
		       (force && (vma->flags & (QR_VM_SHARED | QR_VM_MAYWRITE)) == QR_VM_MAYWRITE);
	return (vma->flags & QR_VM_READ) || (force && (vma->flags & QR_VM_MAYREAD));
}

/* The page that is mapped at the address now, with a reference; NULL: none. */
static struct qr_page *mapped_page(const struct quire_mm *mm, quire_va va)
{
	const struct quire_arch *arch = qr_arch(mm->system);
	const void *entry = qr_pt_find(&mm->pt, va, 0);
	struct qr_page *page = NULL, *table;
	quire_pte pte;

	if (!entry)
		return NULL;
	table = qr_pt_table_of(&mm->pt, entry);
	qr_pt_lock(&mm->pt, table);
	pte = qr_pte_get(arch, 0, entry);
	if (arch->kind(arch, pte, 0) == QUIRE_PTE_LEAF)
		page = qr_page_of(mm->system, arch->pfn(arch, pte, 0));
	if (page)
		qr_page_get(page);
	qr_pt_unlock(&mm->pt, table);
	return page;
}

/* Faults the page in and takes a reference. *out_exec: programs may run what is there. */
static enum quire_status pin(struct quire_mm *mm, quire_va va, unsigned flags, struct qr_page **out_page,
			     bool *out_exec)
{
	unsigned how = QR_FAULT_IN_REMOTE | (flags & QUIRE_REMOTE_WRITE ? QR_FAULT_IN_WRITE : 0) |
		       (flags & QUIRE_REMOTE_FORCE ? QR_FAULT_IN_FORCE : 0) |
		       (flags & (QUIRE_REMOTE_WRITE | QUIRE_REMOTE_FORCE) ? 0 : QR_FAULT_IN_UNSHARE);
	unsigned token = qr_mm_read_lock(mm);
	enum quire_status status;

	*out_page = NULL;
	do {
		struct quire_vma *vma = qr_find_vma(mm, va);

		status = QUIRE_EFAULT;
		if (!vma || vma->start > va || !permitted(vma, flags))
			break;
		status = qr_fault_in(mm, vma, va, how, token);
		if (status == QUIRE_OK) {
			*out_exec = vma->flags & QR_VM_EXEC;
			*out_page = mapped_page(mm, va);
		}
		/* Unmapped before a reference was taken: tries again. */
	} while (status == QUIRE_OK && !*out_page);
	qr_mm_read_unlock(mm, token);
	return status;
}

/* Copies between `buffer` and [offset, offset + bytes) of a page. `exec`: programs may run what is there. */
static void copy_in(struct quire_system *system, struct qr_page *page, size_t offset, const void *buffer,
		    size_t bytes, bool exec)
{
	char *at = qr_page_map(system, page);

	memcpy(at + offset, buffer, bytes);
	qr_page_wrote(system, at);
	if (exec && system->host->icache_sync)
		system->host->icache_sync(system->host_context, at, (size_t)qr_page_bytes(system));
	qr_page_unmap(system, page, at);
	if (qr_page_state(page) == QUIRE_PAGE_ANON)
		qr_page_set(page, QR_PAGE_DIRTY);
	else
		qr_cache_dirty(page);
}

static void copy_out(struct quire_system *system, struct qr_page *page, size_t offset, void *buffer,
		     size_t bytes)
{
	const char *at = qr_page_map(system, page);

	memcpy(buffer, at + offset, bytes);
	qr_page_unmap(system, page, (void *)(uintptr_t)at);
}

enum quire_status quire_mm_access(struct quire_mm *mm, quire_va va, void *buffer, size_t length,
				  unsigned flags, size_t *out_done)
{
	struct quire_system *system = mm->system;
	struct qr_retry retry = qr_retry_begin(system);
	enum quire_status status = QUIRE_OK;
	char *bytes = buffer;
	size_t done = 0;

	while (done < length) {
		quire_va at = (quire_va)(va + done);
		size_t offset = (size_t)(at & qr_page_mask(system));
		size_t part = (size_t)qr_min(qr_page_bytes(system) - offset, length - done);
		struct qr_page *page;
		bool exec = false;

		do
			status = at < va ? QUIRE_EFAULT : pin(mm, at, flags, &page, &exec);
		while (qr_retry_status(system, &retry, status));
		if (status != QUIRE_OK)
			break;
		if (flags & QUIRE_REMOTE_WRITE)
			copy_in(system, page, offset, bytes + done, part, exec);
		else
			copy_out(system, page, offset, bytes + done, part);
		qr_page_put(system, page);
		done += part;
	}
	*out_done = done;
	return done ? QUIRE_OK : status;
}

enum quire_status quire_mm_key(struct quire_mm *mm, quire_va va, struct quire_key *out_key)
{
	unsigned token = qr_mm_read_lock(mm);
	const struct quire_vma *vma = qr_find_vma(mm, va);
	uint64_t mask = qr_page_mask(mm->system);
	enum quire_status status = QUIRE_EFAULT;

	if (vma && vma->start <= va) {
		status = QUIRE_OK;
		if (vma->file && (vma->flags & QR_VM_MAYSHARE)) {
			out_key->word[0] = (uint64_t)(uintptr_t)vma->file;
			out_key->word[1] =
			    qr_vma_index(vma, va) << qr_arch(mm->system)->page_shift | (va & mask);
		} else {
			out_key->word[0] = (uint64_t)(uintptr_t)mm;
			out_key->word[1] = va;
		}
	}
	qr_mm_read_unlock(mm, token);
	return status;
}
