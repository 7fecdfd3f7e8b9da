/* SPDX-License-Identifier: MIT */
/* Recounting address spaces and files: vmas, lists, promises. */
#include "system/checker.h"

#include "file/file.h"
#include "mm/mm.h"

static const struct quire_vma *vma_of(const struct qr_list *link)
{
	return (const struct quire_vma *)(const void *)((const char *)link -
							offsetof(struct quire_vma, file_link));
}

/* Whether the file's list of vmas has `vma`. */
static bool knows(const struct quire_file *file, const struct quire_vma *vma)
{
	for (const struct qr_list *at = file->mappings.next; at != &file->mappings; at = at->next) {
		if (vma_of(at) == vma)
			return true;
	}
	return false;
}

static bool check_mm(struct qr_checker *checker, const struct quire_mm *mm, uint64_t *mapped)
{
	if (!qr_mm_valid(mm))
		return qr_check_fail(checker, "mm: its vmas are not a sorted tree, or their sums are wrong");
	if (mm->writer != 0)
		return qr_check_fail(checker, "mm: its lock is held, and nothing runs");
	for (const struct quire_vma *vma = mm->first; vma; vma = vma->next) {
		if (vma->flags & QR_VM_ACCOUNT)
			checker->promised += qr_vma_pages(vma);
		if (!vma->file)
			continue;
		++*mapped;
		if (!knows(vma->file, vma))
			return qr_check_fail(checker, "mm: the vma at %x maps a file that does not know it",
					     (uint64_t)vma->start);
	}
	return true;
}

static bool check_file(struct qr_checker *checker, const struct quire_file *file, uint64_t *mapped)
{
	if (!qr_file_valid(file))
		return qr_check_fail(checker,
				     "file of %u bytes: its pages, dirty pages or promises are counted wrong",
				     file->size);
	if (qr_lock_held(&file->lock) || qr_lock_held(&file->map_lock))
		return qr_check_fail(checker, "file of %u bytes: a lock of it is held, and nothing runs",
				     file->size);
	for (const struct qr_list *at = file->mappings.next; at != &file->mappings; at = at->next) {
		if (vma_of(at)->file != file)
			return qr_check_fail(checker, "file of %u bytes: a vma in its list maps another",
					     file->size);
		++*mapped;
	}
	checker->promised += file->committed;
	checker->cached += file->pages;
	checker->dirty += qr_file_is_shmem(file) ? 0 : file->dirty;
	return true;
}

bool qr_check_spaces(struct qr_checker *checker)
{
	struct quire_system *system = checker->system;
	struct qr_list *at = &system->mms;
	uint64_t by_vmas = 0, by_files = 0;

	while ((at = at->next) != &system->mms) {
		if (!check_mm(checker, QR_CONTAINER(at, struct quire_mm, link), &by_vmas))
			return false;
	}
	at = &system->files;
	while ((at = at->next) != &system->files) {
		if (!check_file(checker, QR_CONTAINER(at, struct quire_file, link), &by_files))
			return false;
	}
	if (by_vmas != by_files)
		return qr_check_fail(checker, "%u vmas map files, and files know of %u", by_vmas, by_files);
	if (checker->promised != system->committed)
		return qr_check_fail(checker, "%u pages are promised, and %u are counted", checker->promised,
				     system->committed);
	return true;
}
