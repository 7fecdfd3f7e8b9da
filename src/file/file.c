/* SPDX-License-Identifier: MIT */
/* Files: created, referenced, destroyed. */
#include "file/file.h"

#include "page/slab.h"

enum quire_status quire_file_create(struct quire_system *system, const struct quire_file_ops *ops,
				    void *context, uint64_t size, struct quire_file **out_file)
{
	struct quire_file *file = qr_slab_alloc(system, QR_SLAB_FILE);

	if (!file)
		return QUIRE_ENOMEM;
	file->system = system;
	file->ops = ops;
	file->context = context;
	file->size = size;
	file->refs = 1;
	qr_list_init(&file->mappings);
	qr_lock(system, &system->registry_lock, QR_RANK_SLAB);
	qr_list_add(&system->files, &file->link);
	qr_unlock(system, &system->registry_lock, QR_RANK_SLAB);
	*out_file = file;
	return QUIRE_OK;
}

struct quire_file *quire_file_get(struct quire_file *file)
{
	__atomic_fetch_add(&file->refs, 1, __ATOMIC_RELAXED);
	return file;
}

struct quire_file *quire_file_tryget(struct quire_file *file)
{
	uint32_t refs = __atomic_load_n(&file->refs, __ATOMIC_RELAXED);

	while (refs > 0)
		if (__atomic_compare_exchange_n(&file->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return file;
	return NULL;
}

static void destroy(struct quire_file *file)
{
	struct quire_system *system = file->system;

	qr_assert(system, qr_list_empty(&file->mappings));
	qr_file_drop_pages(file, 0, UINT64_MAX);
	qr_assert(system, file->pages == 0 && file->values == 0);
	if (file->flags & QR_FILE_ACCOUNTED)
		qr_uncommit(system, file->committed);
	qr_lock(system, &system->registry_lock, QR_RANK_SLAB);
	qr_list_del(&file->link);
	qr_unlock(system, &system->registry_lock, QR_RANK_SLAB);
	if (file->ops && file->ops->release)
		file->ops->release(file->context);
	qr_slab_free(system, QR_SLAB_FILE, file);
}

void quire_file_put(struct quire_file *file)
{
	if (file && __atomic_fetch_sub(&file->refs, 1, __ATOMIC_ACQ_REL) == 1)
		destroy(file);
}

uint64_t quire_file_size(const struct quire_file *file)
{
	return __atomic_load_n(&file->size, __ATOMIC_ACQUIRE);
}

void *quire_file_context(const struct quire_file *file)
{
	return file->context;
}

uint64_t quire_file_resident(const struct quire_file *file)
{
	return __atomic_load_n(&file->pages, __ATOMIC_RELAXED);
}

bool qr_file_valid(const struct quire_file *file)
{
	uint64_t pages = 0, values = 0, dirty = 0;
	uint64_t index = 0;
	struct qr_page *page;

	while ((page = qr_index_next_entry(file, &index, UINT64_MAX))) {
		if (qr_index_is_value(page)) {
			values++;
			index++;
			continue;
		}
		if (page->u.cache.file != file || page->u.cache.index != index)
			return false;
		if (qr_page_state(page) != (qr_file_is_shmem(file) ? QUIRE_PAGE_SHMEM : QUIRE_PAGE_FILE))
			return false;
		pages++;
		dirty += qr_page_test(page, QR_PAGE_DIRTY);
		index++;
	}
	if (pages != file->pages || values != file->values || dirty != file->dirty)
		return false;
	if (!qr_file_is_shmem(file))
		return file->committed == 0;
	return (file->flags & QR_FILE_ACCOUNTED) || file->committed == pages + values;
}
