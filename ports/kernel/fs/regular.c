/* SPDX-License-Identifier: MIT */
/* Regular files: read and write through the library's page cache, which is where they live. */
#include "fs/fs.h"
#include "extras/huge.h"
#include "fs/mount.h"
#include "kern/boot.h"

#include "abi/functions.h"

#define FILE_SIZE_MAX ((uint64_t)INT64_MAX)

static long regular_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	enum quire_status status;
	size_t done = 0;

	if (*pos >= FILE_SIZE_MAX)
		return 0;
	status = quire_file_read(file->inode->pages, *pos, to, n, &done);
	if (status != QUIRE_OK && !done)
		return status;
	if (!(file->flags & O_NOATIME))
		file->inode->atime = time_realtime();
	*pos += done;
	return (long)done;
}

/* Files may not take the last of memory and swap, a sixteenth of memory: fail the writer rather than invoke the OOM killer. */
static bool is_full(void)
{
	struct quire_swap_counts swap;

	quire_swap_usage(the_system, &swap);
	return quire_frames_in(the_system, QUIRE_PAGE_FREE) + quire_frames_in(the_system, QUIRE_PAGE_CPU) +
		   swap.free <
	       boot_info.ram_bytes / PAGE_SIZE / 16;
}

/* What RLIMIT_FSIZE and the seals leave of a write at `pos`: a count, or an errno. */
static long may_write(struct inode *inode, uint64_t pos, size_t n)
{
	uint64_t limit = MIN(current->process->rlimit[RLIMIT_FSIZE].soft, FILE_SIZE_MAX);

	if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if ((inode->seals & F_SEAL_GROW) && pos + n > quire_file_size(inode->pages))
		return -EPERM;
	if (pos + n > quire_file_size(inode->pages) && is_full() && (!disk_reclaim() || is_full()))
		return -ENOSPC;
	if (pos >= limit) {
		if (limit != FILE_SIZE_MAX)
			send_signal_self(SIGXFSZ);
		return -EFBIG;
	}
	n = (size_t)MIN((uint64_t)n, limit - pos);
	return n && !mount_room(inode, pos, n) ? -ENOSPC : (long)mount_room(inode, pos, n);
}

static long regular_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	struct inode *inode = file->inode;
	enum quire_status status;
	size_t done = 0;
	long allowed;

	mutex_lock(&inode->lock);
	if (file->flags & O_APPEND)
		*pos = quire_file_size(inode->pages);
	allowed = may_write(inode, *pos, n);
	if (allowed <= 0) {
		mutex_unlock(&inode->lock);
		return allowed;
	}
	status = quire_file_write(inode->pages, *pos, from, (size_t)allowed, &done);
	if (done) {
		inode_touch(inode);
		mount_recount(inode);
	}
	mutex_unlock(&inode->lock);
	*pos += done;
	return status != QUIRE_OK && !done ? status_to_errno(status) : (long)done;
}

const struct file_ops regular_ops = {.read = regular_read, .write = regular_write};

/* --- size ------------------------------------------------------------------------------------------ */

WIDE_CALL(truncate)
{
	struct inode *inode;
	int result;

	if ((int64_t)a[1] < 0)
		return -EINVAL;
	result = path_inode(AT_FDCWD, a[0], WALK_FOLLOW, &inode);
	if (result)
		return result;
	if (IS_TYPE(inode, S_IFDIR))
		result = -EISDIR;
	else if (!inode->pages)
		result = -EINVAL;
	else
		result = inode_permission(inode, MAY_WRITE);
	if (!result)
		result = inode_truncate(inode, a[1]);
	inode_put(inode);
	return result;
}

WIDE_CALL(ftruncate)
{
	struct file *file;
	long result;

	if ((int64_t)a[1] < 0)
		return -EINVAL;
	file = file_of((int)a[0]);
	if (!file)
		return -EBADF;
	if (!file->inode->pages || (file->flags & O_ACCMODE) == O_RDONLY)
		result = -EINVAL;
	else if (a[1] & ((1u << huge_file_shift(file)) - 1))
		result = -EINVAL;
	else
		result = inode_truncate(file->inode, a[1]);
	file_put(file);
	return result;
}

enum {
	FALLOC_KEEP_SIZE = 1,
	FALLOC_PUNCH_HOLE = 2,
	FALLOC_ZERO_RANGE = 16
};

static long punch(struct inode *inode, uint64_t offset, uint64_t length)
{
	long result = disk_punch(inode, offset, length);

	if (!result)
		result = quire_file_punch(inode->pages, offset, length);
	return result ? result : disk_punch(inode, offset, length);
}

static long allocate(struct inode *inode, unsigned mode, uint64_t offset, uint64_t length)
{
	uint64_t size = quire_file_size(inode->pages);
	long result = 0;

	if (mode & (FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE)) {
		if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
			return -EPERM;
		result = punch(inode, offset, length);
		mount_recount(inode);
	}
	/* Room is not reserved: a page is found when it is written, as everywhere in this file system. */
	if (!result && !(mode & FALLOC_KEEP_SIZE) && offset + length > size)
		result = inode->seals & F_SEAL_GROW
			     ? -EPERM
			     : status_to_errno(quire_file_truncate(inode->pages, offset + length));
	if (!result)
		inode_touch(inode);
	return result;
}

WIDE_CALL(fallocate)
{
	unsigned mode = (unsigned)a[1];
	struct file *file;
	long result;

	if ((int64_t)a[2] < 0 || (int64_t)a[3] <= 0)
		return -EINVAL;
	if (mode & ~(unsigned)(FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE) ||
	    ((mode & FALLOC_PUNCH_HOLE) && !(mode & FALLOC_KEEP_SIZE)))
		return -EOPNOTSUPP;
	file = file_of((int)a[0]);
	if (!file)
		return -EBADF;
	if ((file->flags & O_ACCMODE) == O_RDONLY) {
		result = -EBADF;
	} else if (!file->inode->pages) {
		result = IS_TYPE(file->inode, S_IFIFO) ? -ESPIPE : -ENODEV;
	} else if (a[2] + a[3] > FILE_SIZE_MAX || a[2] + a[3] > current->process->rlimit[RLIMIT_FSIZE].soft) {
		result = -EFBIG;
	} else if (huge_file_shift(file) && !(mode & FALLOC_PUNCH_HOLE)) {
		result = -ENOSPC;
	} else {
		mutex_lock(&file->inode->lock);
		result = allocate(file->inode, mode, a[2], a[3]);
		mutex_unlock(&file->inode->lock);
	}
	file_put(file);
	return result;
}

long sys_memfd_create(const abi_ulong *a)
{
	unsigned flags = (unsigned)a[1] & ((1u << MFD_HUGE_SHIFT) - 1),
		 size = (unsigned)a[1] >> MFD_HUGE_SHIFT;
	char name[NAME_LENGTH + 1], text[NAME_LENGTH + 16];
	const struct file_ops *ops = &regular_ops;
	struct file *file;
	long result;

	if (flags & ~(unsigned)(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_NOEXEC_SEAL | MFD_EXEC) ||
	    (size && !(flags & MFD_HUGETLB)) ||
	    (flags & (MFD_NOEXEC_SEAL | MFD_EXEC)) == (MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;
	result = strncpy_from_user(name, a[0], 250);
	if (result < 0)
		return result == -ENAMETOOLONG ? -EINVAL : result;
	if (flags & MFD_HUGETLB)
		ops = huge_file_ops(size);
	if (!ops)
		return -ENODEV;
	ksnprintf(text, sizeof(text), "/memfd:%s", name);
	file = file_create_anonymous(S_IFREG | 0777, text, O_RDWR | O_LARGEFILE, ops, NULL);
	if (!file)
		return -ENOMEM;
	file->inode->nlink = 0;
	file->inode->seals = a[1] & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL;
	if (a[1] & MFD_NOEXEC_SEAL) {
		file->inode->mode &= ~0111u;
		file->inode->seals = F_SEAL_EXEC;
	}
	__atomic_add_fetch(&file->inode->writers, 1, __ATOMIC_ACQUIRE);
	file->inode->fops = ops;
	file->inode->block_shift = (uint8_t)huge_file_shift(file);
	result = fd_install(file, a[1] & MFD_CLOEXEC ? O_CLOEXEC : 0);
	if (result < 0)
		file_put(file);
	return result;
}
