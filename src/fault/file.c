/* SPDX-License-Identifier: MIT */
/* Memory of a file that is not mapped yet: do_fault.
 *
 * The functions are those of 3.15 and later; before, do_no_page was all three.
 *
 *   read                 do_read_fault    cached neighbours are mapped too (fault-around)
 *   write, private       do_cow_fault     a copy is mapped; the cache page never is
 *   write, shared        do_shared_fault  the file is told (page_mkwrite), mapped writable and dirty
 *
 * A page is mapped while LOCKED: truncation locks it to take it out, so either the mapping is seen
 * and undone, or the page is seen to be gone. I/O is done with the mm lock dropped where the profile
 * allows it; the fault then begins again. */
#include "fault/fault.h"
#include "file/file.h"
#include "page/slab.h"

static enum qr_fault_status status_of(struct qr_fault_ctx *fc, enum quire_status got)
{
	switch (got) {
	case QUIRE_OK:
		return QR_FAULT_OK;
	case QUIRE_ENOMEM:
		return QR_FAULT_OOM;
	case QUIRE_ERANGE:
		return qr_refuse(fc, QUIRE_STEP_BEYOND_EOF, QR_FAULT_SIGBUS);
	default:
		return qr_refuse(fc, QUIRE_STEP_IO_ERROR, QR_FAULT_SIGBUS);
	}
}

/* Reads the page in with the mm lock dropped. The fault begins again, or ends here with an error. */
static enum qr_fault_status read_without_lock(struct qr_fault_ctx *fc, uint64_t index)
{
	struct quire_file *file = quire_file_get(fc->vma->file);
	enum quire_status status;
	enum quire_step how;
	struct qr_page *page;

	qr_mm_slot_unlock(fc->mm, fc->slot);
	fc->slot = NULL;
	qr_step(fc, QUIRE_STEP_LOCK_DROPPED);
	status = qr_cache_get(file, index, &page, &how);
	if (status == QUIRE_OK) {
		qr_step(fc, how);
		fc->outcome.major |= how == QUIRE_STEP_CACHE_READ;
		qr_cache_put(fc->system, page);
	}
	quire_file_put(file);
	return status == QUIRE_OK ? QR_FAULT_RETRY : status_of(fc, status);
}

/* The page is in the cache. If the first try, which dropped the lock, read it, that decided. */
static inline void answer_cached(struct qr_fault_ctx *fc)
{
	bool was_read = fc->outcome.major && qr_fault_is_modern(fc);

	qr_answer(fc, was_read ? QUIRE_STEP_CACHE_READ : QUIRE_STEP_CACHE_HIT, QUIRE_RESUME_FILE);
}

/* The page of the file at fc->va: LOCKED, referenced, up to date. */
static enum qr_fault_status find_page(struct qr_fault_ctx *fc, struct qr_page **out_page)
{
	struct quire_file *file = fc->vma->file;
	uint64_t index = qr_vma_index(fc->vma, fc->va);
	enum quire_status status;
	enum quire_step how;

	*out_page = qr_cache_take(file, index);
	if (qr_likely(*out_page != NULL)) {
		qr_step(fc, QUIRE_STEP_CACHE_HIT);
		answer_cached(fc);
		return QR_FAULT_OK;
	}
	if ((fc->request.flags & QR_REQUEST_MAY_DROP) && fc->system->profile->allow_retry &&
	    !qr_file_is_shmem(file) && index < qr_file_end_index(file))
		return read_without_lock(fc, index);
	status = qr_cache_get(file, index, out_page, &how);
	if (status != QUIRE_OK)
		return status_of(fc, status);
	qr_step(fc, how);
	qr_answer(fc, how, QUIRE_RESUME_FILE);
	fc->outcome.major |= how == QUIRE_STEP_CACHE_READ || how == QUIRE_STEP_SWAP_READ;
	return QR_FAULT_OK;
}

/* The group of the first that maps a page pays for it. => LOCKED */
QR_RARE static bool pay(const struct qr_fault_ctx *fc, struct qr_page *page)
{
	return qr_page_test(page, QR_PAGE_CHARGED) || qr_group_charge_cached(fc->slot->group, page);
}

/* The same, to be mapped. */
QR_INLINE enum qr_fault_status get_page(struct qr_fault_ctx *fc, struct qr_page **out_page)
{
	enum qr_fault_status status = find_page(fc, out_page);

	if (status != QR_FAULT_OK || qr_likely(!fc->slot->group) || pay(fc, *out_page))
		return status;
	qr_cache_put(fc->system, *out_page);
	return QR_FAULT_OOM;
}

void qr_sync_icache(struct qr_fault_ctx *fc, struct qr_page *page)
{
	const struct quire_host *host = fc->system->host;
	void *at;

	if (!(fc->vma->flags & QR_VM_EXEC) || !host->icache_sync)
		return;
	at = qr_page_map(fc->system, page);
	host->icache_sync(fc->system->host_context, at, (size_t)qr_page_bytes(fc->system));
	qr_page_unmap(fc->system, page, at);
}

/* The same for a LOCKED page of the file: once, until the file is written. What a mapping writes goes past the file; the
 * program itself makes it fetched, but not what the kernel copies there for it. */
static void sync_cached(struct qr_fault_ctx *fc, struct qr_page *page)
{
	if (!(fc->vma->flags & QR_VM_EXEC) || !fc->system->host->icache_sync)
		return;
	if (qr_page_test(page, QR_PAGE_FETCHED) &&
	    !__atomic_load_n(&fc->vma->file->open_to_mappings, __ATOMIC_RELAXED))
		return;
	qr_sync_icache(fc, page);
	qr_page_set(page, QR_PAGE_FETCHED);
}

static void count_mapped(struct qr_fault_ctx *fc, int64_t pages)
{
	struct qr_mm_slot *slot = fc->slot;

	qr_slot_add(qr_file_is_shmem(fc->vma->file) ? &slot->shmem : &slot->file, pages);
}

/* The protection of a leaf mapped by a read: without WRITE where the first write must be seen by a fault. */
static quire_prot read_prot(const struct quire_vma *vma)
{
	bool private = !(vma->flags & QR_VM_SHARED);

	return private || qr_vma_wants_writenotify(vma) ? vma->prot & ~(quire_prot)QUIRE_PROT_WRITE
							: vma->prot;
}

/* Young and dirty of a leaf mapped by a read. A writable leaf must be dirty to be writable for hardware that
 * keeps no dirty bit; where the release wants that of shared memory, its first write does not fault. */
static unsigned read_flags(const struct qr_fault_ctx *fc)
{
	const struct quire_vma *vma = fc->vma;
	uint32_t both = QR_VM_SHARED | QR_VM_WRITE;

	if (qr_width(fc->system)->caps & QUIRE_CAP_HW_DIRTY)
		return QUIRE_PTE_YOUNG;
	if (fc->system->rules->shmem_read_dirty && (vma->flags & both) == both && qr_file_is_shmem(vma->file))
		return QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY;
	return QUIRE_PTE_YOUNG;
}

/* Maps a LOCKED page at fc->va (finish_fault). The caller's reference becomes the mapping's on QR_FAULT_OK. */
static enum qr_fault_status map_page(struct qr_fault_ctx *fc, struct qr_page *page, quire_prot prot,
				     unsigned flags)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	quire_pte pte = arch->make(arch, qr_page_pfn(fc->system, page), prot, flags, 0);

	sync_cached(fc, page);
	if (!qr_pte_lock_same(fc))
		return QR_FAULT_RACED;
	if (qr_rmap_add(fc->system, page, fc->entry) != QUIRE_OK) {
		qr_pt_unlock(&fc->mm->pt, fc->table);
		return QR_FAULT_OOM;
	}
	qr_pte_set(arch, 0, fc->entry, pte);
	qr_pt_unlock(&fc->mm->pt, fc->table);
	qr_publish(fc);
	count_mapped(fc, 1);
	return QR_FAULT_OK;
}

/* --- fault-around ----------------------------------------------------------------------------------- */

/* The pages around fc->va that share its table, its vma and its aligned block. */
struct around {
	quire_va start;
	uint64_t first, last; /* of the file */
};

static struct around window(const struct qr_fault_ctx *fc)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	const struct quire_vma *vma = fc->vma;
	unsigned shift = arch->page_shift;
	size_t pages = qr_min_word((size_t)(fc->system->profile->fault_around_bytes >> shift), QR_TAKE_PAGES);
	size_t slots = (size_t)1 << arch->level[0].index_bits;
	size_t at = qr_pt_index(arch, 0, fc->va), block = at & ~(pages - 1);
	quire_va below = (fc->va - vma->start) >> shift, above = (vma->end - fc->va) >> shift;
	size_t from = at - block > below ? at - (size_t)below : block;
	size_t to = qr_min_word(from + pages, slots);
	struct around around;

	if (to - at > above)
		to = at + (size_t)above;
	around.start = fc->va - (quire_va)((at - from) << shift);
	around.first = qr_vma_index(vma, around.start);
	around.last = around.first + (to - from) - 1;
	return around;
}

/* Maps one LOCKED page into its empty entry; the caller's reference becomes the mapping's. False: the entry
 * was used, or there was no chunk for the reverse map. locked: PT */
QR_INLINE bool map_around(struct qr_fault_ctx *fc, void *entry, struct qr_page *page, quire_prot prot,
			  unsigned flags, struct qr_rmap_chunk **chunks)
{
	const struct quire_arch *arch = qr_arch(fc->system);

	if (qr_pte_get(arch, 0, entry).bits != 0)
		return false;
	if (qr_unlikely(!qr_rmap_add_first(page, entry)) &&
	    qr_rmap_add_from(fc->system, page, entry, chunks) != QUIRE_OK)
		return false;
	qr_pte_set(arch, 0, entry, arch->make(arch, qr_page_pfn(fc->system, page), prot, flags, 0));
	return true;
}

/* Maps LOCKED pages of the window and lets them go. Returns how many it mapped; *out_hit: whether the
 * faulting address was among them. */
static unsigned map_taken(struct qr_fault_ctx *fc, const struct around *around, struct qr_page *const *pages,
			  unsigned count, bool *out_hit)
{
	const struct quire_arch *arch = qr_arch(fc->system);
	size_t stride = arch->level[0].entry_bytes;
	char *first = (char *)fc->entry - (qr_vma_index(fc->vma, fc->va) - around->first) * stride;
	quire_prot prot = read_prot(fc->vma);
	unsigned flags = read_flags(fc);
	struct qr_rmap_chunk *chunks = NULL;
	unsigned mapped = 0;

	qr_pt_lock(&fc->mm->pt, fc->table);
	for (unsigned i = 0; i < count; i++) {
		struct qr_page *page = pages[i];
		char *entry = first + (page->u.cache.index - around->first) * stride;

		if (qr_likely(map_around(fc, entry, page, prot, flags, &chunks))) {
			mapped++;
			*out_hit |= entry == fc->entry;
		} else {
			/* Not the last one: the cache holds what is LOCKED. */
			qr_page_put(fc->system, page);
		}
		qr_page_unlock(fc->system, page);
	}
	qr_pt_unlock(&fc->mm->pt, fc->table);
	qr_slab_free_many(fc->system, QR_SLAB_RMAP_CHUNK, chunks);
	return mapped;
}

/* Lets those go that the group may not pay for. Returns how many are left. */
QR_RARE static unsigned pay_for_all(const struct qr_fault_ctx *fc, struct qr_page **pages, unsigned count)
{
	unsigned left = 0;

	for (unsigned i = 0; i < count; i++) {
		if (pay(fc, pages[i]))
			pages[left++] = pages[i];
		else
			qr_cache_put(fc->system, pages[i]);
	}
	return left;
}

/* Maps what is cached around the address. True: the address itself was among it. */
static bool do_fault_around(struct qr_fault_ctx *fc)
{
	struct around around = window(fc);
	struct qr_page *pages[QR_TAKE_PAGES];
	unsigned taken, mapped;
	bool hit = false;

	taken = qr_cache_take_range(fc->vma->file, around.first, around.last, pages);
	if (qr_unlikely(fc->slot->group != NULL))
		taken = pay_for_all(fc, pages, taken);
	if (fc->vma->flags & QR_VM_EXEC)
		for (unsigned i = 0; i < taken; i++)
			sync_cached(fc, pages[i]);
	mapped = map_taken(fc, &around, pages, taken, &hit);
	if (mapped) {
		qr_step(fc, QUIRE_STEP_DO_FAULT_AROUND);
		qr_publish(fc);
		count_mapped(fc, mapped);
	}
	return hit;
}

/* --- the three cases ---------------------------------------------------------------------------------- */

static enum qr_fault_status do_read_fault(struct qr_fault_ctx *fc)
{
	struct qr_page *page;
	enum qr_fault_status status;

	if (qr_fault_is_modern(fc))
		qr_step(fc, QUIRE_STEP_DO_READ_FAULT);
	if (fc->system->profile->fault_around_bytes > qr_page_bytes(fc->system) &&
	    !qr_mutant(fc->system, "fault-around") && do_fault_around(fc)) {
		qr_step(fc, QUIRE_STEP_CACHE_HIT);
		answer_cached(fc);
		return QR_FAULT_OK;
	}
	status = get_page(fc, &page);
	if (status != QR_FAULT_OK)
		return status;
	status = map_page(fc, page, read_prot(fc->vma), read_flags(fc));
	qr_page_unlock(fc->system, page);
	if (status != QR_FAULT_OK)
		qr_page_put(fc->system, page);
	return status;
}

static enum qr_fault_status do_cow_fault(struct qr_fault_ctx *fc)
{
	struct qr_page *copy, *page;
	enum qr_fault_status status;

	if (qr_likely(qr_fault_is_modern(fc)))
		qr_step(fc, QUIRE_STEP_DO_COW_FAULT);
	qr_anon_prepare(fc->vma);
	copy = qr_anon_frame(fc, 0);
	if (!copy)
		return QR_FAULT_OOM;
	status = find_page(fc, &page);
	if (status != QR_FAULT_OK) {
		qr_page_put(fc->system, copy);
		return status;
	}
	fc->outcome.page = QUIRE_RESUME_COPY;
	if (qr_unlikely(!qr_fault_is_modern(fc))) {
		qr_step(fc, QUIRE_STEP_PAGE_COPIED);
		fc->outcome.rule = QUIRE_STEP_PAGE_COPIED;
	}
	qr_page_copy_on(fc->system, fc->cpu, copy, page);
	qr_sync_icache(fc, copy);
	status = qr_map_anon(fc, copy);
	qr_cache_put(fc->system, page);
	return status;
}

static enum qr_fault_status do_shared_fault(struct qr_fault_ctx *fc)
{
	struct qr_page *page;
	enum qr_fault_status status;

	if (qr_fault_is_modern(fc))
		qr_step(fc, QUIRE_STEP_DO_SHARED_FAULT);
	status = get_page(fc, &page);
	if (status != QR_FAULT_OK)
		return status;
	if (qr_vma_wants_writenotify(fc->vma)) {
		qr_page_unlock(fc->system, page);
		status = qr_page_mkwrite(fc, page);
		if (status != QR_FAULT_OK) {
			qr_page_put(fc->system, page);
			return status;
		}
	}
	status = map_page(fc, page, fc->vma->prot, QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY);
	if (status == QR_FAULT_OK)
		qr_cache_dirty(page);
	qr_page_unlock(fc->system, page);
	if (status == QR_FAULT_OK)
		return qr_fault_wrote(fc);
	qr_page_put(fc->system, page);
	return status;
}

enum qr_fault_status qr_do_fault(struct qr_fault_ctx *fc)
{
	if (qr_fault_is_modern(fc))
		qr_step(fc, QUIRE_STEP_DO_FAULT);
	else
		fc->outcome.major |= fc->system->profile->file_faults_major;
	if (!qr_fault_is_write(fc))
		return do_read_fault(fc);
	return fc->vma->flags & QR_VM_SHARED ? do_shared_fault(fc) : do_cow_fault(fc);
}
