/* SPDX-License-Identifier: MIT */
/* From the page cache to the disk behind it: fsync and its relatives, posix_fadvise, readahead, cachestat. */
#include "fs/fs.h"

#include "abi/functions.h"

static long sync_part(int fd, uint64_t offset, uint64_t length)
{
	struct file *file = file_of(fd);
	long result = 0;

	if (!file)
		return -EBADF;
	if (file->ops->stream || IS_TYPE(file->inode, S_IFCHR))
		result = -EINVAL;
	else if (file->inode->pages)
		result = status_to_errno(quire_file_sync(file->inode->pages, offset, length));
	file_put(file);
	return result;
}

long sys_fsync(const abi_ulong *a)
{
	return sync_part((int)a[0], 0, 0);
}

long sys_fdatasync(const abi_ulong *a)
{
	return sync_part((int)a[0], 0, 0);
}

enum {
	SYNC_WAIT_BEFORE = 1,
	SYNC_WRITE = 2,
	SYNC_WAIT_AFTER = 4
};

/* A transfer is over when it returns: there is nothing to wait for. */
WIDE_CALL(sync_file_range)
{
	struct file *file;
	long result;

	if ((int64_t)a[1] < 0 || (int64_t)a[2] < 0 || (int64_t)(a[1] + a[2]) < 0 ||
	    a[3] & ~(uint64_t)(SYNC_WAIT_BEFORE | SYNC_WRITE | SYNC_WAIT_AFTER))
		return -EINVAL;
	if (a[3] & SYNC_WRITE)
		return sync_part((int)a[0], a[1], a[2]);
	file = file_of((int)a[0]);
	if (!file)
		return -EBADF;
	result = file->inode->pages || IS_TYPE(file->inode, S_IFDIR) ? 0 : -ESPIPE;
	file_put(file);
	return result;
}

/* All of a file system: its disk is memory too, and nothing is lost that is not on it. */
long sys_syncfs(const abi_ulong *a)
{
	struct file *file = file_of((int)a[0]);

	file_put(file);
	return file ? 0 : -EBADF;
}

long sys_sync(const abi_ulong *a)
{
	return 0;
}

enum {
	FADVISE_DONTNEED = 4,
	FADVISE_LAST = 5
};

/* Whole pages; dirty ones stay. */
static void drop_cached(struct inode *inode, uint64_t offset, uint64_t length)
{
	uint64_t start = ALIGN_UP(offset, PAGE_SIZE);
	uint64_t end = length ? ALIGN_DOWN(offset + length, PAGE_SIZE) : 0;

	if (!length || start < end)
		quire_file_drop(inode->pages, start, length ? end - start : 0);
}

WIDE_CALL(fadvise64)
{
	struct file *file = file_of((int)a[0]);
	long result = 0;

	if (!file)
		return -EBADF;
	if (IS_TYPE(file->inode, S_IFIFO))
		result = -ESPIPE;
	else if (a[3] > FADVISE_LAST || (int64_t)a[2] < 0)
		result = -EINVAL;
	else if (a[3] == FADVISE_DONTNEED && file->inode->pages)
		drop_cached(file->inode, a[1], a[2]);
	file_put(file);
	return result;
}

WIDE_CALL(readahead)
{
	struct file *file = file_of((int)a[0]);
	long result = !file ? -EBADF : file->inode->pages ? 0 : -EINVAL;

	file_put(file);
	return result;
}

/* cachestat(2): no page is under writeback once a call has returned, and when a page left is not kept. */
long sys_cachestat(const abi_ulong *a)
{
	struct {
		uint64_t offset, length;
	} range;
	struct {
		uint64_t cached, dirty, writeback, evicted, recently_evicted;
	} answer = {0};
	struct quire_file_counts counts = {0};
	struct file *file = file_of((int)a[0]);
	long result = 0;

	if (!file)
		result = -EBADF;
	else if (copy_from_user(&range, a[1], sizeof(range)))
		result = -EFAULT;
	else if ((uint32_t)a[3])
		result = -EINVAL;
	if (!result && file->inode->pages)
		quire_file_count(file->inode->pages, range.offset, range.length, &counts);
	file_put(file);
	if (result)
		return result;
	answer.cached = counts.cached;
	answer.dirty = counts.dirty;
	answer.evicted = counts.evicted;
	return copy_to_user(a[2], &answer, sizeof(answer));
}
