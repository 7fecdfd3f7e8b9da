/* SPDX-License-Identifier: MIT */
/* A swap entry: do_swap_page.
 *
 *   the page of the slot is in the swap cache   minor
 *   it is not: read, with neighbours            major; where the profile allows it, with the mm lock dropped, and
 *                                               the fault begins again and finds it in the cache
 *
 *   The page is LOCKED, the entry unchanged under PT: it is mapped, and the entry's reference of the slot goes.
 *
 *               writable at once                              the slot is given back too
 *     2.4       a write, by the only user (references)        more than half of all slots used
 *     2.6       a write, by the only user (mapcount)          the same
 *     4.14      the same                                      the same; a locked vma; a write by the only user
 *     6         the entry was EXCLUSIVE, or the only user:    the same; a write that is likely the only user's
 *               also by a read
 *
 *   An entry may also be a marker: a guard of MADV_GUARD_INSTALL is SIGSEGV, a page that was lost SIGBUS.
 *
 *   A write that could not be granted goes on to do_wp_page. In 2.4 the program's faults once more instead. */
#include "fault/fault.h"
#include "swap/swap.h"

/* The entry names no slot, or did when it was read. */
static enum qr_fault_status no_slot(struct qr_fault_ctx *fc)
{
	if (!qr_pte_lock_same(fc))
		return QR_FAULT_RACED;
	qr_pt_unlock(&fc->mm->pt, fc->table);
	return qr_refuse(fc, QUIRE_STEP_PTE_CORRUPT, QR_FAULT_SIGBUS);
}

static enum qr_fault_status refuse_read(struct qr_fault_ctx *fc, enum quire_status status)
{
	if (status == QUIRE_ENOMEM)
		return QR_FAULT_OOM;
	return qr_refuse(fc, QUIRE_STEP_SWAP_BAD, QR_FAULT_SIGBUS);
}

/* --- finding the page -------------------------------------------------------------------------------------- */

/* Whether read-ahead goes by slots, not by addresses. */
static bool goes_by_slots(const struct qr_fault_ctx *fc, const struct qr_area *area)
{
	return (area->store->flags & QUIRE_STORE_SEEKS) || fc->system->profile->release < QUIRE_LINUX_4_14;
}

/* The page was in the cache: read-ahead may have brought it. */
static void note_hit(struct qr_fault_ctx *fc, const struct qr_area *area, uint64_t value,
		     struct qr_page *page)
{
	qr_step(fc, QUIRE_STEP_SWAP_CACHE_HIT);
	if (goes_by_slots(fc, area))
		qr_swap_hit(fc->system, page, &fc->system->swap->ahead, qr_swap_offset(value));
	else
		qr_swap_hit(fc->system, page, &fc->mm->ahead, fc->va >> fc->system->page_shift);
}

/* The swap entries around the address, in its vma and its table: behind it for a program that goes up, before it for one
 * that goes down, else on both sides. */
static void find_near(const struct qr_fault_ctx *fc, struct qr_swap_near *near)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	const struct quire_level *level = &arch->level[0];
	int step;
	int64_t size = qr_swap_window(fc->system, &fc->mm->ahead, fc->va >> level->shift, &step);
	int64_t at = (int64_t)qr_pt_index(arch, 0, fc->va), entries = (int64_t)1 << level->index_bits;
	int64_t first = at - (step > 0 ? 0 : step < 0 ? size - 1 : (size - 1) / 2);

	near->count = 0;
	for (int64_t i = first < 0 ? 0 : first; i < first + size && i < entries; i++) {
		quire_va va = fc->va + (quire_va)((i - at) * ((int64_t)1 << level->shift));
		const char *entry = (const char *)fc->entry + (i - at) * level->entry_bytes;
		quire_pte pte;

		if (i == at || va - fc->vma->start >= fc->vma->end - fc->vma->start)
			continue;
		pte = qr_pte_get(arch, 0, entry);
		if (arch->kind(arch, pte, 0) == QUIRE_PTE_SWAP)
			near->value[near->count++] = arch->swap_value(arch, pte);
	}
}

/* Reads the page into the swap cache. *out_page: with a reference. */
static enum quire_status read_page(struct qr_fault_ctx *fc, struct qr_area *area, uint64_t value,
				   const struct qr_swap_near *near, struct qr_page **out_page)
{
	enum quire_status status;
	bool read;

	status = qr_swap_in(fc->system, area, value, near, out_page, &read);
	if (status == QUIRE_OK) {
		qr_step(fc, read ? QUIRE_STEP_SWAP_READ : QUIRE_STEP_SWAP_CACHE_HIT);
		fc->outcome.major |= read;
	}
	return status;
}

static bool may_drop(const struct qr_fault_ctx *fc)
{
	return (fc->request.flags & QR_REQUEST_MAY_DROP) && fc->system->profile->allow_retry;
}

static void drop_mm_lock(struct qr_fault_ctx *fc)
{
	qr_mm_slot_unlock(fc->mm, fc->slot);
	fc->slot = NULL;
	qr_step(fc, QUIRE_STEP_LOCK_DROPPED);
}

/* swapin_readahead: the page with a reference, or the fault begins again with it in the cache. */
static enum qr_fault_status swapin_readahead(struct qr_fault_ctx *fc, struct qr_area *area, uint64_t value,
					     struct qr_page **out_page)
{
	bool drop = may_drop(fc);
	uint64_t values[QR_SWAP_WINDOW];
	struct qr_swap_near near = {.value = values};
	enum quire_status status;

	if (!goes_by_slots(fc, area) && !(fc->vma->flags & QR_VM_RAND_READ))
		find_near(fc, &near);
	if (drop)
		drop_mm_lock(fc);
	status = read_page(fc, area, value, &near, out_page);
	if (status == QUIRE_ENOENT)
		return drop ? QR_FAULT_RETRY : no_slot(fc);
	if (status != QUIRE_OK)
		return refuse_read(fc, status);
	if (!drop)
		return QR_FAULT_OK;
	qr_swap_collect(fc->system, *out_page);
	qr_page_put(fc->system, *out_page);
	return QR_FAULT_RETRY;
}

/* lock_page_or_retry: the page's lock; or it is waited for without the mm lock. Puts the page if not OK. */
static enum qr_fault_status lock_page(struct qr_fault_ctx *fc, struct qr_page *page)
{
	bool drop = may_drop(fc);

	if (qr_page_trylock(fc->system, page))
		return QR_FAULT_OK;
	if (drop)
		drop_mm_lock(fc);
	qr_page_lock(fc->system, page);
	if (!drop)
		return QR_FAULT_OK;
	qr_swap_unlock(fc->system, page);
	qr_page_put(fc->system, page);
	return QR_FAULT_RETRY;
}

/* The page of the slot, LOCKED, with a reference. */
static enum qr_fault_status get_page(struct qr_fault_ctx *fc, uint64_t value, struct qr_page **out_page)
{
	struct qr_area *area = qr_area_get(fc->system, value);
	enum qr_fault_status status = QR_FAULT_OK;
	enum quire_status found;

	if (!area)
		return no_slot(fc);
	found = qr_swap_find(fc->system, area, value, out_page);
	if (found == QUIRE_ENOENT)
		status = no_slot(fc);
	else if (found != QUIRE_OK)
		status = refuse_read(fc, found);
	else if (*out_page)
		note_hit(fc, area, value, *out_page);
	else
		status = swapin_readahead(fc, area, value, out_page);
	qr_area_put(fc->system, area);
	if (status != QR_FAULT_OK)
		return status;
	status = lock_page(fc, *out_page);
	if (status != QR_FAULT_OK || qr_swap_is_page_of(*out_page, value))
		return status;
	/* Freed, or it could not be read, since it was found. */
	qr_swap_unlock(fc->system, *out_page);
	qr_page_put(fc->system, *out_page);
	return QR_FAULT_RACED;
}

/* --- mapping it -------------------------------------------------------------------------------------------- */

static uint32_t references(const struct qr_page *page)
{
	return __atomic_load_n(&page->ref, __ATOMIC_ACQUIRE) - qr_page_test(page, QR_PAGE_SWAPCACHE);
}

/* should_try_to_free_swap, and the older vm_swap_full(): whether the slot is given back although the page may be
 * evicted again. */
static bool should_free(const struct qr_fault_ctx *fc, const struct qr_page *page)
{
	enum quire_release release = fc->system->profile->release;

	if (qr_swap_is_full(fc->system) || qr_slot_is_retired(fc->system, qr_swap_value(page)))
		return true;
	if (release >= QUIRE_LINUX_4_14 && (fc->vma->flags & QR_VM_LOCKED))
		return true;
	return release >= QUIRE_LINUX_6 && qr_fault_is_write(fc) && references(page) == 1;
}

/* Whether nobody else has the page, or an entry that names its slot: can_share_swap_page, reuse_swap_page.
 * => LOCKED, PT held, mapped here and nowhere visible yet */
static bool only_user(struct qr_fault_ctx *fc, struct qr_page *page)
{
	bool named =
	    qr_page_test(page, QR_PAGE_SWAPCACHE) && qr_swap_count(fc->system, qr_swap_value(page)) > 0;

	switch (fc->system->profile->reuse_rule) {
	case QUIRE_REUSE_COUNT:
		return !named && references(page) == 1;
	case QUIRE_REUSE_MAPCOUNT:
		if (named || qr_rmap_total(fc->system, page) != 1)
			return false;
		if (fc->system->profile->release >= QUIRE_LINUX_4_14 && qr_fault_is_write(fc))
			(void)qr_swap_free_slot(fc->system, page);
		return true;
	default:
		return __atomic_load_n(&page->ref, __ATOMIC_ACQUIRE) == 1;
	}
}

/* Whether the leaf may be written at once. Marks the page EXCLUSIVE if it is this address's alone. */
static bool may_write(struct qr_fault_ctx *fc, struct qr_page *page, bool exclusive)
{
	bool by_read = fc->system->profile->reuse_rule == QUIRE_REUSE_EXCLUSIVE;
	bool asked = by_read || qr_fault_is_write(fc);

	if (by_read)
		exclusive = exclusive || only_user(fc, page);
	else if (asked)
		exclusive = asked = only_user(fc, page);
	if (exclusive)
		qr_page_set(page, QR_PAGE_EXCLUSIVE);
	return asked && exclusive && (fc->vma->flags & QR_VM_WRITE);
}

/* The entry becomes the leaf of the LOCKED page, whose reference becomes the mapping's. locked: PT */
static void set_pte(struct qr_fault_ctx *fc, struct qr_page *page, uint64_t value)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	quire_prot prot = fc->vma->prot;
	unsigned flags = QUIRE_PTE_YOUNG;

	qr_swap_put(fc->system, value);
	if (should_free(fc, page))
		(void)qr_swap_free_slot(fc->system, page);
	if (!may_write(fc, page, value & QR_SWAP_EXCLUSIVE))
		prot &= ~(quire_prot)QUIRE_PROT_WRITE;
	else if (qr_fault_is_write(fc))
		flags |= QUIRE_PTE_DIRTY;
	fc->pte = arch->make(arch, qr_page_pfn(fc->system, page), prot, flags, 0);
	qr_pte_set(arch, 0, fc->entry, fc->pte);
}

/* Maps the LOCKED page of the slot. Takes over the reference. */
static enum qr_fault_status map_page(struct qr_fault_ctx *fc, struct qr_page *page, uint64_t value)
{
	enum qr_fault_status status = QR_FAULT_OK;

	qr_sync_icache(fc, page);
	if (!qr_pte_lock_same(fc)) {
		status = QR_FAULT_RACED;
	} else {
		/* locked: mm(r), PAGE, PT */
		if (qr_rmap_add(fc->system, page, fc->entry) != QUIRE_OK)
			status = QR_FAULT_OOM;
		else
			set_pte(fc, page, value);
		qr_pt_unlock(&fc->mm->pt, fc->table);
	}
	qr_swap_unlock(fc->system, page);
	if (status != QR_FAULT_OK) {
		qr_page_put(fc->system, page);
		return status;
	}
	qr_publish(fc);
	qr_slot_add(&fc->slot->anon, 1);
	qr_slot_add(&fc->slot->swap, -1);
	return QR_FAULT_OK;
}

/* Whether the leaf that is there now does not do for the request. */
static bool wants_more(const struct qr_fault_ctx *fc, const struct qr_page *page)
{
	const struct quire_arch *arch = qr_arch(fc->system);

	/* In 2.4 a program faults once more by itself; a system call that asks for the page does not. */
	if (qr_fault_is_write(fc))
		return (fc->system->profile->release > QUIRE_LINUX_2_4 ||
			(fc->request.flags & QR_REQUEST_PIN)) &&
		       !(arch->prot(arch, fc->pte, 0) & QUIRE_PROT_WRITE);
	return (fc->request.flags & QR_REQUEST_UNSHARE) && !qr_page_test(page, QR_PAGE_EXCLUSIVE);
}

enum qr_fault_status qr_do_swap_page(struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	uint64_t value = arch->swap_value(arch, fc->pte);
	enum qr_fault_status status;
	struct qr_page *page;

	qr_step(fc, QUIRE_STEP_DO_SWAP_PAGE);
	if (qr_swap_is_guard(value))
		return qr_refuse(fc, QUIRE_STEP_GUARD, QR_FAULT_MAPERR);
	if (qr_swap_is_marker(value))
		return qr_refuse(fc, QUIRE_STEP_SWAP_BAD, QR_FAULT_SIGBUS);
	status = get_page(fc, value, &page);
	if (status != QR_FAULT_OK)
		return status;
	qr_answer(fc, fc->outcome.major ? QUIRE_STEP_SWAP_READ : QUIRE_STEP_SWAP_CACHE_HIT,
		  QUIRE_RESUME_SWAPPED);
	status = map_page(fc, page, value);
	if (status == QR_FAULT_OK && wants_more(fc, page))
		return qr_do_wp_page(fc);
	return status;
}
