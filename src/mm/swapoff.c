/* SPDX-License-Identifier: MIT */
/* swapoff: everything that a store has comes back into memory.
 *
 *   1 no slot of it is taken any more
 *   2 every entry of every address space that names it becomes a leaf, every value of every file a page
 *   3 pages that only have a slot beside their mappings lose it
 *   4 again until no slot is used: what was under way meanwhile may have brought one back
 *   5 the area is closed: who still looks at it leaves; its memory is freed
 *
 * Where memory does not suffice the store takes pages again: what came back stays, nothing is lost. */
#include "fault/fault.h"
#include "mm/vma.h"
#include "swap/swap.h"

/* A page that cannot be read: the entry says so from now on. => mm lock for read */
static void poison_entry(struct quire_mm *mm, quire_va va, uint64_t value)
{
	const struct quire_arch *arch = qr_arch(mm->system);
	void *entry = qr_pt_find(&mm->pt, va, 0);
	struct qr_page *table;
	quire_pte pte;
	bool done;

	if (!entry)
		return;
	table = qr_pt_table_of(&mm->pt, entry);
	qr_pt_lock(&mm->pt, table);
	pte = qr_pte_get(arch, 0, entry);
	done = arch->kind(arch, pte, 0) == QUIRE_PTE_SWAP && arch->swap_value(arch, pte) == value;
	if (done)
		qr_pte_set(arch, 0, entry, arch->swap(arch, QR_SWAP_POISON));
	qr_pt_unlock(&mm->pt, table);
	if (!done)
		return;
	qr_swap_put(mm->system, value);
	qr_mm_count(mm, 0, 0, 0, -1);
}

/* Finds the first entry of [*at, end) that names the area; *at moves there. */
static bool find_entry(const struct quire_mm *mm, unsigned area, quire_va *at, quire_va end,
		       uint64_t *out_value)
{
	const struct quire_arch *arch = qr_arch(mm->system);
	struct qr_pt_run run;

	for (quire_va va = *at; qr_pt_next_run(&mm->pt, va, end, &run); va = run.end) {
		const char *entry = run.entry;

		for (size_t i = 0; run.level == 0 && i < run.count; i++, entry += run.stride) {
			quire_pte pte = qr_pte_get(arch, 0, entry);

			if (arch->kind(arch, pte, 0) != QUIRE_PTE_SWAP ||
			    qr_swap_number(arch->swap_value(arch, pte)) != area)
				continue;
			*at = run.va + (quire_va)(i << arch->page_shift);
			*out_value = arch->swap_value(arch, pte);
			return true;
		}
	}
	return false;
}

/* Every entry of one address space: unuse_mm. */
static enum quire_status bring_mm(struct quire_mm *mm, unsigned area)
{
	enum quire_status status = QUIRE_OK;
	unsigned token = qr_mm_read_lock(mm);
	quire_va at = 0;
	uint64_t value;

	while (status == QUIRE_OK && find_entry(mm, area, &at, mm->task_end, &value)) {
		struct quire_vma *vma = qr_find_vma(mm, at);

		qr_assert(mm->system, vma && vma->start <= at);
		status = qr_fault_in(mm, vma, at, QR_FAULT_IN_UNCOUNTED, token);
		if (status == QUIRE_EFAULT) {
			poison_entry(mm, at, value);
			status = QUIRE_OK;
		}
	}
	qr_mm_read_unlock(mm, token);
	return status;
}

/* The first value of the file from *index on that names the area; 0: none. */
static uintptr_t find_value(struct quire_file *file, unsigned area, uint64_t *index)
{
	uintptr_t key = 0;
	void *entry;

	qr_lock(file->system, &file->lock, QR_RANK_CACHE);
	while (!key && (entry = qr_index_next_entry(file, index, UINT64_MAX)) != NULL) {
		if (qr_index_is_value(entry) && qr_swap_number((uintptr_t)entry) == area)
			key = (uintptr_t)entry;
		else
			++*index;
	}
	qr_unlock(file->system, &file->lock, QR_RANK_CACHE);
	return key;
}

/* Every value of one file: shmem_unuse. */
static enum quire_status bring_file(struct quire_file *file, unsigned area)
{
	enum quire_status status = QUIRE_OK;
	uint64_t index = 0;
	uintptr_t key;

	while (status == QUIRE_OK && (key = find_value(file, area, &index)) != 0) {
		struct qr_page *page;

		status = qr_cache_find_locked(file, index, &page);
		if (status == QUIRE_OK) {
			qr_cache_put(file->system, page);
		} else if (status == QUIRE_ENOENT) {
			status = QUIRE_OK; /* truncated meanwhile */
		} else if (status == QUIRE_EIO) {
			qr_cache_poison(file, index, key);
			status = QUIRE_OK;
		}
	}
	return status;
}

/* --- the lists ------------------------------------------------------------------------------------------------ */

/* A list of the system, one element after the other, each with a reference. */
struct walk {
	struct quire_system *system;
	struct qr_list *head;
	size_t link, refs; /* offsets in an element */
	void (*put)(void *element);
};

static void put_mm(void *element)
{
	quire_mm_put(element);
}

static void put_file(void *element)
{
	quire_file_put(element);
}

/* The element after `last` (NULL: the first) that is not about to end; puts `last`. NULL: none. */
static void *next_element(const struct walk *walk, void *last)
{
	struct qr_list *at = last ? (struct qr_list *)(void *)((char *)last + walk->link) : walk->head;
	void *found = NULL;

	qr_lock(walk->system, &walk->system->registry_lock, QR_RANK_SLAB);
	while (!found && (at = at->next) != walk->head) {
		char *element = (char *)at - walk->link;
		uint32_t *refs = (uint32_t *)(void *)(element + walk->refs);
		uint32_t count = __atomic_load_n(refs, __ATOMIC_RELAXED);

		while (count > 0 && !__atomic_compare_exchange_n(refs, &count, count + 1, true,
								 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			;
		if (count > 0)
			found = element;
	}
	qr_unlock(walk->system, &walk->system->registry_lock, QR_RANK_SLAB);
	if (last)
		walk->put(last);
	return found;
}

static enum quire_status bring_spaces(struct quire_system *system, unsigned area)
{
	const struct walk mms = {system, &system->mms, offsetof(struct quire_mm, link),
				 offsetof(struct quire_mm, refs), put_mm};
	enum quire_status status = QUIRE_OK;
	void *at = NULL;

	while ((at = next_element(&mms, at)) != NULL) {
		if (status == QUIRE_OK)
			status = bring_mm(at, area);
	}
	return status;
}

static enum quire_status bring_files(struct quire_system *system, unsigned area)
{
	const struct walk files = {system, &system->files, offsetof(struct quire_file, link),
				   offsetof(struct quire_file, refs), put_file};
	enum quire_status status = QUIRE_OK;
	void *at = NULL;

	while ((at = next_element(&files, at)) != NULL) {
		if (status == QUIRE_OK && qr_file_is_shmem(at))
			status = bring_file(at, area);
	}
	return status;
}

/* --- the call -------------------------------------------------------------------------------------------------- */

static enum quire_status bring_all(struct quire_system *system, struct qr_area *area)
{
	enum quire_status status = QUIRE_OK;

	while (status == QUIRE_OK && !qr_area_is_empty(area)) {
		uint32_t changes = __atomic_load_n(&area->changes, __ATOMIC_ACQUIRE);

		status = bring_spaces(system, area->number);
		if (status == QUIRE_OK)
			status = bring_files(system, area->number);
		qr_area_uncache(system, area);
		/* What is left belongs to an address space that ends, or to an eviction under way. */
		if (status == QUIRE_OK && !qr_area_is_empty(area))
			qr_wait(system, &area->changes, changes, QUIRE_WAIT_SLEEP);
	}
	return status;
}

static enum quire_status swapoff_once(struct quire_system *system, const struct quire_store *store)
{
	struct qr_area *area;
	enum quire_status status = qr_area_stop(system, store, &area);

	if (status != QUIRE_OK)
		return status;
	status = bring_all(system, area);
	if (status != QUIRE_OK) {
		qr_area_resume(system, area);
		return status;
	}
	qr_area_close(system, area);
	return QUIRE_OK;
}

enum quire_status quire_swapoff(struct quire_system *system, const struct quire_store *store)
{
	struct qr_retry retry = qr_retry_begin(system);
	enum quire_status status;

	*qr_thread(system) |= QR_THREAD_NO_HIGH;
	do
		status = swapoff_once(system, store);
	while (qr_retry_status(system, &retry, status));
	*qr_thread(system) &= ~QR_THREAD_NO_HIGH;
	return status;
}
