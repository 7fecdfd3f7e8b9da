/* SPDX-License-Identifier: MIT */
/* System calls about what a file is: stat, permissions, owners, times. */
#include "fs/fs.h"

#include "abi/functions.h"

/* --- stat ------------------------------------------------------------------------------------------ */

static long stat_inode(struct inode *inode, uint64_t to)
{
	struct abi_stat out;
	struct stat stat;

	inode_stat(inode, &stat);
	memset(&out, 0, sizeof(out));
	out.dev = stat.dev;
	out.ino = stat.ino;
#if ABI_LONG_BYTES == 4
	out.short_ino = (uint32_t)stat.ino;
#endif
	out.nlink = (typeof(out.nlink))stat.nlink;
	out.mode = stat.mode;
	out.uid = stat.uid;
	out.gid = stat.gid;
	out.rdev = stat.rdev;
	out.size = stat.size;
	out.blksize = (typeof(out.blksize))stat.blksize;
	out.blocks = (typeof(out.blocks))stat.blocks;
	out.atime = (typeof(out.atime))stat.atime.sec;
	out.atime_nsec = (typeof(out.atime_nsec))stat.atime.nsec;
	out.mtime = (typeof(out.mtime))stat.mtime.sec;
	out.mtime_nsec = (typeof(out.mtime_nsec))stat.mtime.nsec;
	out.ctime = (typeof(out.ctime))stat.ctime.sec;
	out.ctime_nsec = (typeof(out.ctime_nsec))stat.ctime.nsec;
	return put_user(out, to);
}

static unsigned at_walk(unsigned flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
}

/* The inode of an ...at() call. A NULL path with AT_EMPTY_PATH is the descriptor, as newer Linux has it. */
static int at_inode(int dirfd, uint64_t path, unsigned flags, struct inode **out_inode)
{
	struct file *file;

	if (path || !(flags & AT_EMPTY_PATH))
		return path_inode(dirfd, path, at_walk(flags), out_inode);
	file = file_of_any(dirfd);
	if (!file)
		return -EBADF;
	*out_inode = inode_get(file->inode);
	file_put(file);
	return 0;
}

static long stat_at(int dirfd, uint64_t path, uint64_t to, unsigned flags)
{
	struct inode *inode;
	long result;

	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
		return -EINVAL;
	result = at_inode(dirfd, path, flags, &inode);
	if (result)
		return result;
	result = stat_inode(inode, to);
	inode_put(inode);
	return result;
}

long sys_stat(const abi_ulong *a)
{
	return stat_at(AT_FDCWD, a[0], a[1], 0);
}

long sys_lstat(const abi_ulong *a)
{
	return stat_at(AT_FDCWD, a[0], a[1], AT_SYMLINK_NOFOLLOW);
}

long sys_newfstatat(const abi_ulong *a)
{
	return stat_at((int)a[0], a[1], a[2], (unsigned)a[3]);
}

long sys_fstat(const abi_ulong *a)
{
	struct file *file = file_of_any((int)a[0]);
	long result;

	if (!file)
		return -EBADF;
	result = stat_inode(file->inode, a[1]);
	file_put(file);
	return result;
}

static struct abi_statx_time statx_time(const struct timespec *time)
{
	return (struct abi_statx_time){.sec = time->sec, .nsec = (uint32_t)time->nsec};
}

static uint32_t dev_major(uint64_t dev)
{
	return (uint32_t)((dev >> 8 & 0xfff) | (dev >> 32 & ~0xfffu));
}

static uint32_t dev_minor(uint64_t dev)
{
	return (uint32_t)((dev & 0xff) | (dev >> 12 & ~0xffu));
}

long sys_statx(const abi_ulong *a)
{
	unsigned flags = (unsigned)a[2] & ~(unsigned)AT_STATX_SYNC; /* always in step */
	struct inode *inode;
	struct abi_statx out;
	struct stat stat;
	long result;

	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH) ||
	    (a[3] & (unsigned)STATX_RESERVED))
		return -EINVAL;
	result = at_inode((int)a[0], a[1], flags, &inode);
	if (result)
		return result;
	inode_stat(inode, &stat);
	inode_put(inode);
	out = (struct abi_statx){
	    .mask = STATX_BASIC_STATS,
	    .blksize = (uint32_t)stat.blksize,
	    .nlink = (uint32_t)stat.nlink,
	    .uid = stat.uid,
	    .gid = stat.gid,
	    .mode = (uint16_t)stat.mode,
	    .ino = stat.ino,
	    .size = (uint64_t)stat.size,
	    .blocks = (uint64_t)stat.blocks,
	    .atime = statx_time(&stat.atime),
	    .mtime = statx_time(&stat.mtime),
	    .ctime = statx_time(&stat.ctime),
	    .rdev_major = dev_major(stat.rdev),
	    .rdev_minor = dev_minor(stat.rdev),
	    .dev_major = dev_major(stat.dev),
	    .dev_minor = dev_minor(stat.dev),
	};
	return copy_to_user(a[4], &out, sizeof(out));
}

/* --- access ---------------------------------------------------------------------------------------- */

static long access_at(int dirfd, uint64_t path, unsigned mask, unsigned flags)
{
	struct cred *cred = &current->process->cred;
	const struct cred own = *cred;
	struct inode *inode;
	long result;

	if (mask & ~7u || (flags & ~(unsigned)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	result = at_inode(dirfd, path, flags, &inode);
	if (result)
		return result;
	/* Check as the real user; no other thread reads these credentials meanwhile. */
	if (!(flags & AT_EACCESS)) {
		cred->fsuid = cred->uid;
		cred->fsgid = cred->gid;
		cred->cap_effective = cred->uid ? 0 : cred->cap_permitted;
	}
	result = inode_permission(inode, mask);
	*cred = own;
	inode_put(inode);
	return result;
}

long sys_access(const abi_ulong *a)
{
	return access_at(AT_FDCWD, a[0], (unsigned)a[1], 0);
}

long sys_faccessat(const abi_ulong *a)
{
	return access_at((int)a[0], a[1], (unsigned)a[2], 0);
}

long sys_faccessat2(const abi_ulong *a)
{
	return access_at((int)a[0], a[1], (unsigned)a[2], (unsigned)a[3]);
}

/* --- links ----------------------------------------------------------------------------------------- */

static long readlink_at(int dirfd, uint64_t path, uint64_t to, int64_t size)
{
	struct inode *inode;
	char *target;
	long result;

	if (size <= 0)
		return -EINVAL;
	result = path_inode(dirfd, path, WALK_EMPTY, &inode);
	if (result)
		return result;
	result = IS_TYPE(inode, S_IFLNK) ? link_target(inode, &target) : -EINVAL;
	if (result >= 0) {
		result = MIN(result, MIN(size, (int64_t)PATH_SIZE - 1));
		if (copy_to_user(to, target, (size_t)result))
			result = -EFAULT;
		kfree(target);
	}
	inode_put(inode);
	return result;
}

long sys_readlink(const abi_ulong *a)
{
	return readlink_at(AT_FDCWD, a[0], a[1], (int)a[2]);
}

long sys_readlinkat(const abi_ulong *a)
{
	return readlink_at((int)a[0], a[1], a[2], (int)a[3]);
}

/* --- mode, owner, times ---------------------------------------------------------------------------- */

static long set_mode(struct inode *inode, unsigned mode)
{
	if (inode->ops || !inode_owned(inode))
		return -EPERM;
	if ((inode->seals & F_SEAL_EXEC) && (inode->mode ^ mode) & 0111)
		return -EPERM;
	inode->mode = (inode->mode & S_IFMT) | (mode & 07777);
	inode->ctime = time_realtime();
	return 0;
}

static long chmod_at(int dirfd, uint64_t path, unsigned mode, unsigned flags)
{
	struct inode *inode;
	long result = at_inode(dirfd, path, flags, &inode);

	if (result)
		return result;
	result = IS_TYPE(inode, S_IFLNK) ? -EOPNOTSUPP : set_mode(inode, mode);
	inode_put(inode);
	return result;
}

long sys_chmod(const abi_ulong *a)
{
	return chmod_at(AT_FDCWD, a[0], (unsigned)a[1], 0);
}

long sys_fchmodat(const abi_ulong *a)
{
	return chmod_at((int)a[0], a[1], (unsigned)a[2], 0);
}

long sys_fchmod(const abi_ulong *a)
{
	struct file *file = file_of((int)a[0]);
	long result = file ? set_mode(file->inode, (unsigned)a[1]) : -EBADF;

	file_put(file);
	return result;
}

static long set_owner(struct inode *inode, uid_t uid, gid_t gid)
{
	if (inode->ops)
		return -EPERM;
	if (!capable(CAP_CHOWN) &&
	    (!inode_owned(inode) || (uid != (uid_t)-1 && uid != inode->uid) ||
	     (gid != (gid_t)-1 && gid != inode->gid && gid != current->process->cred.egid)))
		return -EPERM;
	if (uid != (uid_t)-1)
		inode->uid = uid;
	if (gid != (gid_t)-1)
		inode->gid = gid;
	if (!IS_TYPE(inode, S_IFDIR))
		inode->mode &= ~(uint32_t)(S_ISUID | (inode->mode & 010 ? S_ISGID : 0));
	inode->ctime = time_realtime();
	return 0;
}

static long chown_at(int dirfd, uint64_t path, uid_t uid, gid_t gid, unsigned flags)
{
	struct inode *inode;
	long result;

	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	result = at_inode(dirfd, path, flags, &inode);
	if (result)
		return result;
	result = set_owner(inode, uid, gid);
	inode_put(inode);
	return result;
}

long sys_chown(const abi_ulong *a)
{
	return chown_at(AT_FDCWD, a[0], (uid_t)a[1], (gid_t)a[2], 0);
}

long sys_lchown(const abi_ulong *a)
{
	return chown_at(AT_FDCWD, a[0], (uid_t)a[1], (gid_t)a[2], AT_SYMLINK_NOFOLLOW);
}

long sys_fchownat(const abi_ulong *a)
{
	return chown_at((int)a[0], a[1], (uid_t)a[2], (gid_t)a[3], (unsigned)a[4]);
}

long sys_fchown(const abi_ulong *a)
{
	struct file *file = file_of((int)a[0]);
	long result = file ? set_owner(file->inode, (uid_t)a[1], (gid_t)a[2]) : -EBADF;

	file_put(file);
	return result;
}

static long new_time(const struct timespec *time, uint64_t now, uint64_t *io_time)
{
	if (time->nsec == UTIME_OMIT)
		return 0;
	if (time->nsec == UTIME_NOW) {
		*io_time = now;
		return 0;
	}
	if (time->nsec < 0 || time->nsec >= (int64_t)NSEC_PER_SEC)
		return -EINVAL;
	*io_time = time->sec < 0 ? 0 : (uint64_t)time->sec * NSEC_PER_SEC + (uint64_t)time->nsec;
	return 0;
}

static long set_times(struct inode *inode, const struct timespec times[2])
{
	uint64_t now = time_realtime(), atime = inode->atime, mtime = inode->mtime;
	bool both_now = times[0].nsec == UTIME_NOW && times[1].nsec == UTIME_NOW;
	long result;

	if (times[0].nsec == UTIME_OMIT && times[1].nsec == UTIME_OMIT)
		return 0;
	if (inode->ops)
		return -EPERM;
	if (!inode_owned(inode) && (!both_now || inode_permission(inode, MAY_WRITE)))
		return both_now ? -EACCES : -EPERM;
	result = new_time(&times[0], now, &atime);
	if (!result)
		result = new_time(&times[1], now, &mtime);
	if (result)
		return result;
	inode->atime = atime;
	inode->mtime = mtime;
	inode->ctime = now;
	return 0;
}

static long times_at(int dirfd, uint64_t path, const struct timespec times[2], unsigned flags)
{
	struct inode *inode;
	struct file *file;
	long result;

	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!path && dirfd != AT_FDCWD) {
		file = file_of(dirfd);
		if (!file)
			return -EBADF;
		result = set_times(file->inode, times);
		file_put(file);
		return result;
	}
	result = at_inode(dirfd, path, flags, &inode);
	if (result)
		return result;
	result = set_times(inode, times);
	inode_put(inode);
	return result;
}

static long utimensat(const abi_ulong *a, unsigned width)
{
	struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};

	if (a[2] && (timespec_from_user(&times[0], a[2], width) ||
		     timespec_from_user(&times[1], a[2] + (uint64_t)2 * width, width)))
		return -EFAULT;
	return times_at((int)a[0], a[1], times, (unsigned)a[3]);
}

long sys_utimensat(const abi_ulong *a)
{
	return utimensat(a, ABI_LONG_BYTES);
}

#if ABI_LONG_BYTES == 4
long sys_utimensat_time64(const abi_ulong *a)
{
	return utimensat(a, 8);
}
#endif

static long times_from_timevals(int dirfd, uint64_t path, uint64_t user_times)
{
	struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	struct timeval values[2];

	if (user_times) {
		if (timeval_from_user(&values[0], user_times) ||
		    timeval_from_user(&values[1], user_times + sizeof(struct abi_timeval)))
			return -EFAULT;
		for (int i = 0; i < 2; i++) {
			if (values[i].usec < 0 || values[i].usec >= 1000000)
				return -EINVAL;
			times[i] = (struct timespec){values[i].sec, values[i].usec * 1000};
		}
	}
	return times_at(dirfd, path, times, 0);
}

long sys_utimes(const abi_ulong *a)
{
	return times_from_timevals(AT_FDCWD, a[0], a[1]);
}

long sys_futimesat(const abi_ulong *a)
{
	return times_from_timevals((int)a[0], a[1], a[2]);
}

long sys_utime(const abi_ulong *a)
{
	struct timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
	abi_long seconds[2];

	if (a[1]) {
		if (copy_from_user(seconds, a[1], sizeof(seconds)))
			return -EFAULT;
		times[0] = (struct timespec){seconds[0], 0};
		times[1] = (struct timespec){seconds[1], 0};
	}
	return times_at(AT_FDCWD, a[0], times, 0);
}
