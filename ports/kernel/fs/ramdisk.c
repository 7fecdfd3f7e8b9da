/* SPDX-License-Identifier: MIT */
/* /dev/ram0: a block device of memory, as large as the memory is. A page is found when it is first written, and stays.
 *
 * Its pages are the only copy: there is nothing to flush. It cannot be mapped. */
#include "fs/fs.h"

#include "abi/ioctl.h"
#include "kern/boot.h"
#include "port/system.h"

enum {
	SECTOR = 512
};

static struct quire_file *pages;
static struct mutex make_lock = MUTEX_INIT(make_lock);

static uint64_t disk_bytes(void)
{
	return ALIGN_DOWN(boot_info.ram_bytes, (uint64_t)1 << 20);
}

static int ramdisk_open(struct file *file)
{
	enum quire_status status = QUIRE_OK;

	mutex_lock(&make_lock);
	if (!pages)
		status = quire_file_create(the_system, NULL, NULL, disk_bytes(), &pages);
	mutex_unlock(&make_lock);
	return status;
}

static long ramdisk_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	enum quire_status status;
	size_t done = 0;

	status = quire_file_read(pages, *pos, to, n, &done);
	*pos += done;
	return done ? (long)done : (long)status;
}

static long ramdisk_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	enum quire_status status;
	size_t done = 0;

	if (*pos >= disk_bytes())
		return n ? -ENOSPC : 0;
	status = quire_file_write(pages, *pos, from, MIN(n, disk_bytes() - *pos), &done);
	*pos += done;
	return done ? (long)done : (long)status;
}

static long ramdisk_ioctl(struct file *file, unsigned command, uint64_t argument)
{
	uint64_t bytes = disk_bytes();
	abi_ulong sectors = (abi_ulong)(bytes / SECTOR), block = PAGE_SIZE;

	switch (command) {
	case BLKROGET:
		return put_user((uint32_t)0, argument);
	case BLKSSZGET:
		return put_user((uint32_t)SECTOR, argument);
	case BLKFLSBUF:
		return capable(CAP_SYS_ADMIN) ? 0 : -EACCES;
	case BLKGETSIZE:
		return put_user(sectors, argument);
	case BLKBSZGET:
		return put_user(block, argument);
	case BLKGETSIZE64:
		return put_user(bytes, argument);
	default:
		return -ENOTTY;
	}
}

const struct file_ops ramdisk_ops = {
    .read = ramdisk_read, .write = ramdisk_write, .ioctl = ramdisk_ioctl, .open = ramdisk_open};

uint64_t ramdisk_size(const struct file *file)
{
	return file->ops == &ramdisk_ops ? disk_bytes() : 0;
}
