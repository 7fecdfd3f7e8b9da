/* SPDX-License-Identifier: MIT */
/* What lies behind the page cache of a regular file: a disk of memory.
 *
 *   program's page ── page cache of inode->pages ── writeback ──► inode->disk
 *
 * The pages are those of any file of a disk: clean or dirty, and the first write to a clean one is seen.
 * The disk is shared memory of the library's, found page by page when something is written back for the
 * first time; what was never written back reads as zeroes. So a clean page may be dropped, and is when memory
 * gets short: disk_reclaim().
 *
 * Locks: readers and writers hold the lock of a page of inode->pages, and take that of a page of
 * inode->disk; never in the other order. inode->disk is set once. disks_lock guards the list of inodes
 * that have one; an inode leaves it before it drops the reference to its pages, so that a thread that
 * finds it there may take another. */
#include "fs/fs.h"

static struct spinlock disks_lock;
static struct list disks = LIST_INIT(disks); /* struct inode.with_disk */
static unsigned disk_count;

static struct quire_file *disk_of(const struct inode *inode)
{
	return __atomic_load_n(&inode->disk, __ATOMIC_ACQUIRE);
}

static enum quire_status disk_read(void *context, uint64_t offset, void *buffer, size_t length,
				   size_t *out_length)
{
	struct quire_file *disk = disk_of(context);
	enum quire_status status = QUIRE_OK;
	size_t done = 0;

	if (disk)
		status = quire_file_read(disk, offset, buffer, length, &done);
	memset((char *)buffer + done, 0, length - done);
	*out_length = length;
	return status;
}

/* Only mappings may keep the inode; then no thread can look it up. */
static void list_disk(struct inode *inode)
{
	spin_lock(&disks_lock);
	if (__atomic_load_n(&inode->refs, __ATOMIC_ACQUIRE)) {
		list_append(&disks, &inode->with_disk);
		disk_count++;
	}
	spin_unlock(&disks_lock);
}

/* Two pages may be the first at once: one disk stays. */
static enum quire_status disk_make(struct inode *inode, struct quire_file **out_disk)
{
	struct quire_file *disk, *other = NULL;
	enum quire_status status = quire_file_create(the_system, NULL, NULL, 0, &disk);

	if (status != QUIRE_OK)
		return status;
	if (!__atomic_compare_exchange_n(&inode->disk, &other, disk, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		quire_file_put(disk);
		disk = other;
	} else {
		list_disk(inode);
	}
	*out_disk = disk;
	return QUIRE_OK;
}

static enum quire_status disk_write(void *context, uint64_t offset, const void *buffer, size_t length)
{
	struct quire_file *disk = disk_of(context);
	enum quire_status status = disk ? QUIRE_OK : disk_make(context, &disk);
	size_t done = 0;

	if (status == QUIRE_OK)
		status = quire_file_write(disk, offset, buffer, length, &done);
	return status == QUIRE_ENOMEM ? QUIRE_ENOSPC : status;
}

/* The library lets the pages go: the last reference, mappings included. */
static void disk_release(void *context)
{
	struct inode *inode = context;

	if (inode->disk)
		quire_file_put(inode->disk);
	inode_free(inode);
}

const struct quire_file_ops disk_ops = {.read = disk_read, .write = disk_write, .release = disk_release};

void disk_forget(struct inode *inode)
{
	spin_lock(&disks_lock);
	if (!list_empty(&inode->with_disk)) {
		list_remove(&inode->with_disk);
		disk_count--;
	}
	spin_unlock(&disks_lock);
}

/* The next inode's pages, with a reference; the one that was looked at comes last from now on. */
static struct quire_file *next_pages(void)
{
	struct quire_file *pages = NULL;
	struct inode *inode;

	spin_lock(&disks_lock);
	if (!list_empty(&disks)) {
		inode = list_first(&disks, struct inode, with_disk);
		list_remove(&inode->with_disk);
		list_append(&disks, &inode->with_disk);
		pages = quire_file_get(inode->pages);
	}
	spin_unlock(&disks_lock);
	return pages;
}

uint64_t disk_reclaim(void)
{
	struct quire_file *pages;
	uint64_t dropped = 0;

	for (unsigned left = disk_count; left && (pages = next_pages()) != NULL; left--) {
		dropped += quire_file_drop(pages, 0, 0);
		quire_file_put(pages);
	}
	return dropped;
}

void disk_truncate(struct inode *inode, uint64_t size)
{
	struct quire_file *disk = disk_of(inode);

	/* It fails only for a size that no file has. */
	if (disk && size < quire_file_size(disk) && quire_file_truncate(disk, size) != QUIRE_OK)
		panic("disk: truncated to %" PRIu64, size);
}

int disk_punch(struct inode *inode, uint64_t offset, uint64_t length)
{
	struct quire_file *disk = disk_of(inode);

	return disk ? quire_file_punch(disk, offset, length) : 0;
}
