/* SPDX-License-Identifier: MIT */
/* System calls about the file system and a task's place in it: statfs, chdir, chroot, getcwd, umask. */
#include "fs/fs.h"

#include "fs/mount.h"

#include "abi/functions.h"

/* --- the file system ------------------------------------------------------------------------------- */

static long statfs_inode(struct inode *inode, uint64_t to)
{
	struct abi_statfs out = {
	    .block_size = PAGE_SIZE, .fragment_size = PAGE_SIZE, .name_length = NAME_LENGTH, .flags = 0x20};

	if (inode->dev == DEV_PROC) {
		out.type = 0x9fa0; /* proc */
	} else if (inode->block_shift) {
		out.type = (abi_long)0x958458f6; /* hugetlbfs, with an empty pool */
		out.block_size = out.fragment_size = (abi_long)1 << inode->block_shift;
	} else {
		struct quire_memory_counts memory;
		uint64_t free;

		quire_memory(the_system, &memory);
		out.type = inode->dev == DEV_MEMORY || inode->mount ? 0x01021994 /* tmpfs */ : 0x65726975;
		out.blocks = memory.frames;
		out.free = out.available = memory.by_state[QUIRE_PAGE_FREE] + memory.by_state[QUIRE_PAGE_CPU];
		out.files = memory.frames;
		out.files_free = out.free;
		if (inode->mount && mount_pages(inode->mount, &free)) {
			out.blocks = mount_pages(inode->mount, &free);
			out.free = out.available = free;
		}
	}
	return copy_to_user(to, &out, sizeof(out));
}

long sys_statfs(const abi_ulong *a)
{
	struct inode *inode;
	long result = path_inode(AT_FDCWD, a[0], WALK_FOLLOW, &inode);

	if (result)
		return result;
	result = statfs_inode(inode, a[1]);
	inode_put(inode);
	return result;
}

long sys_fstatfs(const abi_ulong *a)
{
	struct file *file = file_of_any((int)a[0]);
	long result = file ? statfs_inode(file->inode, a[1]) : -EBADF;

	file_put(file);
	return result;
}

/* --- working directory and root -------------------------------------------------------------------- */

/* Takes the reference of `inode`. */
static long set_place(struct inode **place, struct inode *inode)
{
	struct fs *fs = current->fs;
	struct inode *old;
	long result = IS_TYPE(inode, S_IFDIR) ? inode_permission(inode, MAY_EXEC) : -ENOTDIR;

	if (result) {
		inode_put(inode);
		return result;
	}
	mutex_lock(&fs->lock);
	old = *place;
	*place = inode;
	mutex_unlock(&fs->lock);
	inode_put(old);
	return 0;
}

long sys_chdir(const abi_ulong *a)
{
	struct inode *inode;
	long result = path_inode(AT_FDCWD, a[0], WALK_FOLLOW, &inode);

	return result ? result : set_place(&current->fs->cwd, inode);
}

long sys_fchdir(const abi_ulong *a)
{
	struct file *file = file_of_any((int)a[0]);
	long result;

	if (!file)
		return -EBADF;
	result = set_place(&current->fs->cwd, inode_get(file->inode));
	file_put(file);
	return result;
}

long sys_chroot(const abi_ulong *a)
{
	struct inode *inode;
	long result;

	if (!capable(CAP_SYS_CHROOT))
		return -EPERM;
	result = path_inode(AT_FDCWD, a[0], WALK_FOLLOW, &inode);
	return result ? result : set_place(&current->fs->root, inode);
}

/* The path of `cwd` below `root`: the tree's path without the root's. Returns its length with the NUL. */
static long path_below(struct inode *cwd, struct inode *root, char *path)
{
	char *above = kmalloc(PATH_SIZE);
	size_t length, skip;

	if (!above)
		return -ENOMEM;
	mutex_lock(&tree_lock);
	length = tree_path(cwd, path, PATH_SIZE);
	skip = root == root_inode ? 0 : tree_path(root, above, PATH_SIZE);
	mutex_unlock(&tree_lock);
	if (skip && !memcmp(path, above, skip) && (path[skip] == '/' || !path[skip])) {
		memmove(path, path + skip, length - skip + 1);
		length -= skip;
		if (!length) {
			memcpy(path, "/", 2);
			length = 1;
		}
	}
	kfree(above);
	return (long)length + 1;
}

long sys_getcwd(const abi_ulong *a)
{
	struct fs *fs = current->fs;
	char *path = kmalloc(PATH_SIZE);
	struct inode *cwd, *root;
	long result;

	if (!path)
		return -ENOMEM;
	mutex_lock(&fs->lock);
	cwd = inode_get(fs->cwd);
	root = inode_get(fs->root);
	mutex_unlock(&fs->lock);
	result = cwd->dead ? -ENOENT : path_below(cwd, root, path);
	if (result > 0 && (uint64_t)result > a[1])
		result = -ERANGE;
	if (result > 0 && copy_to_user(a[0], path, (size_t)result))
		result = -EFAULT;
	inode_put(cwd);
	inode_put(root);
	kfree(path);
	return result;
}

long sys_umask(const abi_ulong *a)
{
	struct fs *fs = current->fs;
	unsigned old;

	mutex_lock(&fs->lock);
	old = fs->umask;
	fs->umask = (unsigned)a[0] & 0777;
	mutex_unlock(&fs->lock);
	return old;
}

/* --- extended attributes: this file system has none ------------------------------------------------ */

#define NO_ATTRIBUTE(call)                  \
	long sys_##call(const abi_ulong *a) \
	{                                   \
		return -EOPNOTSUPP;         \
	}
NO_ATTRIBUTE(getxattr)
NO_ATTRIBUTE(lgetxattr)
NO_ATTRIBUTE(listxattr)
NO_ATTRIBUTE(llistxattr)

static long no_attribute_of(int fd)
{
	struct file *file = file_of(fd);

	file_put(file);
	return file ? -EOPNOTSUPP : -EBADF;
}

long sys_fgetxattr(const abi_ulong *a)
{
	return no_attribute_of((int)a[0]);
}

long sys_flistxattr(const abi_ulong *a)
{
	return no_attribute_of((int)a[0]);
}
