/* SPDX-License-Identifier: MIT */
/* Inodes: life, attributes, permissions, the size of regular files. */
#include "fs/fs.h"

#include "extras/shm.h"
#include "fs/mount.h"

static uint64_t next_ino = 1; /* atomic */

void inode_free(struct inode *inode)
{
	if (inode->shm)
		shm_forget(inode->shm);
	mount_uncount(inode);
	mount_count(inode->mount, -1);
	kfree(inode->ghost);
	kfree(inode);
}

static void memory_release(void *context)
{
	inode_free(context);
}

static const struct quire_file_ops memory_ops = {.release = memory_release};

static bool make_pages(struct inode *inode)
{
	const struct quire_file_ops *ops = inode->dev == DEV_MEMORY || inode->mount ? &memory_ops : &disk_ops;

	return quire_file_create(the_system, ops, inode, 0, &inode->pages) == QUIRE_OK;
}

struct inode *inode_create(const struct inode *dir, uint32_t mode, uint64_t rdev)
{
	struct inode *inode = kzalloc(sizeof(*inode));

	if (!inode)
		return NULL;
	inode->refs = 1;
	inode->mode = mode;
	inode->rdev = rdev;
	inode->ino = __atomic_fetch_add(&next_ino, 1, __ATOMIC_RELAXED);
	inode->dev = dir ? dir->dev : DEV_MEMORY;
	inode->mount = dir ? dir->mount : NULL;
	inode->atime = inode->mtime = inode->ctime = time_realtime();
	mutex_init(&inode->lock);
	list_init(&inode->children);
	list_init(&inode->names);
	list_init(&inode->record_locks);
	list_init(&inode->with_disk);
	inode->next_cookie = 3; /* 0 is the start, 1 after ".", 2 after ".." */
	switch (mode & S_IFMT) {
	case S_IFREG:
		inode->fops = &regular_ops;
		inode->seals = F_SEAL_SEAL; /* only memfd_create() makes files that can be sealed */
		if (!make_pages(inode)) {
			kfree(inode);
			return NULL;
		}
		break;
	case S_IFDIR:
		inode->fops = &directory_ops;
		break;
	case S_IFIFO:
		inode->fops = &fifo_ops;
		break;
	case S_IFCHR:
	case S_IFBLK:
		inode->fops = device_ops(mode & S_IFMT, rdev);
		break;
	default:
		break;
	}
	mount_count(inode->mount, 1);
	return inode;
}

struct inode *inode_get(struct inode *inode)
{
	ref_get(&inode->refs);
	return inode;
}

void inode_put(struct inode *inode)
{
	/* A removed directory holds its parent: one step a turn, so that a long chain needs no stack. */
	while (inode && ref_put(&inode->refs)) {
		struct inode *parent = inode->parent != inode ? inode->parent : NULL;

		if (inode->ops && inode->ops->release)
			inode->ops->release(inode);
		kfree(inode->target);
		if (inode->pages) {
			disk_forget(inode);
			quire_file_put(inode->pages);
		} else {
			inode_free(inode);
		}
		inode = parent;
	}
}

uint64_t inode_size(struct inode *inode)
{
	if (inode->pages)
		return quire_file_size(inode->pages);
	if (inode->target)
		return strlen(inode->target);
	if (IS_TYPE(inode, S_IFDIR) && !inode->ops)
		return 40 + 20 * inode->child_count;
	return 0;
}

int status_to_errno(enum quire_status status)
{
	return status == QUIRE_ENOMEM ? -ENOSPC : (int)status;
}

bool cred_in_group(const struct cred *cred, gid_t gid)
{
	if (cred->fsgid == gid)
		return true;
	for (unsigned i = 0; i < cred->group_count; i++)
		if (cred->groups[i] == gid)
			return true;
	return false;
}

/* CAP_DAC_OVERRIDE: all but executing a file without any x bit. CAP_DAC_READ_SEARCH: reading, and searching. */
static bool overrides(const struct inode *inode, unsigned mask)
{
	bool dir = IS_TYPE(inode, S_IFDIR);

	if (capable(CAP_DAC_OVERRIDE) && (dir || !(mask & MAY_EXEC) || inode->mode & 0111))
		return true;
	return capable(CAP_DAC_READ_SEARCH) && (mask == MAY_READ || (dir && !(mask & MAY_WRITE)));
}

int inode_permission(struct inode *inode, unsigned mask)
{
	const struct cred *cred = &current->process->cred;
	unsigned mode = inode->mode;

	if (cred->fsuid == inode->uid)
		mode >>= 6;
	else if (cred_in_group(cred, inode->gid))
		mode >>= 3;
	return mask & ~mode && !overrides(inode, mask) ? -EACCES : 0;
}

bool inode_owned(struct inode *inode)
{
	uid_t uid = current->process->cred.fsuid;

	return uid == inode->uid || capable(CAP_FOWNER);
}

int inode_truncate(struct inode *inode, uint64_t size)
{
	uint64_t limit = current->process->rlimit[RLIMIT_FSIZE].soft, old;
	int result;

	if (size > INT64_MAX)
		return -EINVAL;
	mutex_lock(&inode->lock);
	old = quire_file_size(inode->pages);
	if ((size < old && (inode->seals & F_SEAL_SHRINK)) || (size > old && (inode->seals & F_SEAL_GROW))) {
		result = -EPERM;
	} else if (size > old && size > limit) {
		send_signal_self(SIGXFSZ);
		result = -EFBIG;
	} else {
		disk_truncate(inode, size);
		result = status_to_errno(quire_file_truncate(inode->pages, size));
		disk_truncate(inode, size);
		mount_recount(inode);
		if (!result)
			inode_touch(inode);
	}
	mutex_unlock(&inode->lock);
	return result;
}

void inode_stat(struct inode *inode, struct stat *out_stat)
{
	*out_stat = (struct stat){
	    .dev = inode->dev,
	    .ino = inode->ino,
	    .nlink = inode->nlink,
	    .mode = inode->mode,
	    .uid = inode->uid,
	    .gid = inode->gid,
	    .rdev = inode->rdev,
	    .size = (int64_t)inode_size(inode),
	    .blksize = inode->block_shift ? (int64_t)1 << inode->block_shift : (int64_t)PAGE_SIZE,
	    .atime = ns_to_timespec(inode->atime),
	    .mtime = ns_to_timespec(inode->mtime),
	    .ctime = ns_to_timespec(inode->ctime),
	};
	if (inode->pages)
		out_stat->blocks = (int64_t)(quire_file_resident(inode->pages) * (PAGE_SIZE / 512));
}
