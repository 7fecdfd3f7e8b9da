/* SPDX-License-Identifier: MIT */
/* System calls that make, remove and list names. */
#include "fs/fs.h"
#include "fs/mount.h"

#include "abi/functions.h"

/* --- opening --------------------------------------------------------------------------------------- */

static long open_user(int dirfd, uint64_t user_path, unsigned flags, unsigned mode)
{
	struct file *file;
	char *path;
	long result = path_from_user(user_path, false, &path);

	if (result)
		return result;
	result = vfs_open_at(dirfd, path, flags, mode, &file);
	kfree(path);
	if (result)
		return result;
	result = fd_install(file, flags & O_CLOEXEC);
	if (result < 0)
		file_put(file);
	return result;
}

long sys_open(const abi_ulong *a)
{
	return open_user(AT_FDCWD, a[0], (unsigned)a[1], (unsigned)a[2]);
}

long sys_openat(const abi_ulong *a)
{
	return open_user((int)a[0], a[1], (unsigned)a[2], (unsigned)a[3]);
}

long sys_creat(const abi_ulong *a)
{
	return open_user(AT_FDCWD, a[0], O_CREAT | O_WRONLY | O_TRUNC, (unsigned)a[1]);
}

/* --- making ---------------------------------------------------------------------------------------- */

/* Where a new name would go. */
static int walk_new(int dirfd, uint64_t user_path, struct place *place)
{
	char *path;
	int result = path_from_user(user_path, false, &path);

	if (result)
		return result;
	result = path_walk(dirfd, path, WALK_PARENT, place);
	kfree(path);
	if (result)
		return result;
	if (place->inode)
		result = -EEXIST;
	else if (place->dir->ops)
		result = -EPERM;
	else
		result = inode_permission(place->dir, MAY_WRITE | MAY_EXEC);
	if (result)
		place_put(place);
	return result;
}

/* Gives `inode`, whose reference it takes, the name of `place`. */
static int give_name(struct place *place, struct inode *inode)
{
	int result;

	if (!inode) {
		place_put(place);
		return -ENOSPC;
	}
	inode->uid = current->process->cred.fsuid;
	inode->gid = current->process->cred.fsgid;
	if (place->dir->mode & S_ISGID) {
		inode->gid = place->dir->gid;
		if (IS_TYPE(inode, S_IFDIR))
			inode->mode |= S_ISGID;
	}
	mutex_lock(&tree_lock);
	result = tree_add(place->dir, place->name, place->length, inode);
	mutex_unlock(&tree_lock);
	inode_put(inode);
	place_put(place);
	return result;
}

static long make_directory(int dirfd, uint64_t path, unsigned mode)
{
	struct place place;
	int result = walk_new(dirfd, path, &place);

	if (result)
		return result;
	return give_name(&place, inode_create(place.dir, S_IFDIR | (mode & 01777 & ~current->fs->umask), 0));
}

long sys_mkdir(const abi_ulong *a)
{
	return make_directory(AT_FDCWD, a[0], (unsigned)a[1]);
}

long sys_mkdirat(const abi_ulong *a)
{
	return make_directory((int)a[0], a[1], (unsigned)a[2]);
}

static long make_node(int dirfd, uint64_t path, unsigned mode, uint64_t rdev)
{
	unsigned type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;
	struct place place;
	int result;

	if (type == S_IFDIR)
		return -EPERM;
	if (type != S_IFREG && type != S_IFIFO && type != S_IFCHR && type != S_IFBLK && type != S_IFSOCK)
		return -EINVAL;
	if ((type == S_IFCHR || type == S_IFBLK) && !capable(CAP_MKNOD))
		return -EPERM;
	result = walk_new(dirfd, path, &place);
	if (!result && place.slash) {
		place_put(&place);
		result = -ENOENT;
	}
	if (result)
		return result;
	return give_name(&place, inode_create(place.dir, type | (mode & 07777 & ~current->fs->umask), rdev));
}

long sys_mknod(const abi_ulong *a)
{
	return make_node(AT_FDCWD, a[0], (unsigned)a[1], a[2]);
}

long sys_mknodat(const abi_ulong *a)
{
	return make_node((int)a[0], a[1], (unsigned)a[2], a[3]);
}

static long make_symlink(uint64_t user_target, int dirfd, uint64_t path)
{
	struct inode *inode;
	struct place place;
	char *target;
	int result = path_from_user(user_target, false, &target);

	if (result)
		return result;
	result = walk_new(dirfd, path, &place);
	if (!result && place.slash) {
		place_put(&place);
		result = -ENOENT;
	}
	if (result) {
		kfree(target);
		return result;
	}
	inode = inode_create(place.dir, S_IFLNK | 0777, 0);
	if (inode)
		inode->target = kstrdup(target);
	kfree(target);
	if (inode && !inode->target) {
		inode_put(inode);
		inode = NULL;
	}
	return give_name(&place, inode);
}

long sys_symlink(const abi_ulong *a)
{
	return make_symlink(a[0], AT_FDCWD, a[1]);
}

long sys_symlinkat(const abi_ulong *a)
{
	return make_symlink(a[0], (int)a[1], a[2]);
}

static long make_link(int from_fd, uint64_t from, int to_fd, uint64_t to, unsigned flags)
{
	struct inode *inode;
	struct place place;
	int result;

	if (flags & ~(unsigned)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	result = path_inode(
	    from_fd, from,
	    (flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0), &inode);
	if (result)
		return result;
	result = walk_new(to_fd, to, &place);
	if (result) {
		inode_put(inode);
		return result;
	}
	if (inode->ops || inode->dev != place.dir->dev)
		result = -EXDEV;
	else if (IS_TYPE(inode, S_IFDIR))
		result = -EPERM;
	if (!result) {
		mutex_lock(&tree_lock);
		result = tree_add(place.dir, place.name, place.length, inode);
		mutex_unlock(&tree_lock);
	}
	place_put(&place);
	inode_put(inode);
	return result;
}

long sys_link(const abi_ulong *a)
{
	return make_link(AT_FDCWD, a[0], AT_FDCWD, a[1], 0);
}

long sys_linkat(const abi_ulong *a)
{
	return make_link((int)a[0], a[1], (int)a[2], a[3], (unsigned)a[4]);
}

/* --- removing -------------------------------------------------------------------------------------- */

/* A sticky directory lets only owners remove. */
static int may_remove(struct inode *dir, struct inode *inode)
{
	if (dir->ops)
		return -EPERM;
	if (inode_permission(dir, MAY_WRITE | MAY_EXEC))
		return -EACCES;
	return (dir->mode & S_ISVTX) && !inode_owned(dir) && !inode_owned(inode) ? -EPERM : 0;
}

static int remove_name(struct place *place, bool directory)
{
	struct dirent *dirent = tree_find(place->dir, place->name, place->length);

	if (!dirent)
		return -ENOENT;
	if (directory && !IS_TYPE(dirent->inode, S_IFDIR))
		return -ENOTDIR;
	if (!directory && IS_TYPE(dirent->inode, S_IFDIR))
		return -EISDIR;
	if (directory && dirent->inode->ops)
		return -EBUSY; /* /proc */
	if (mount_is_root(dirent->inode))
		return -EBUSY;
	if (directory && dirent->inode->child_count)
		return -ENOTEMPTY;
	tree_remove(dirent);
	return 0;
}

static long remove_path(int dirfd, uint64_t user_path, bool directory)
{
	struct place place;
	char *path;
	int result = path_from_user(user_path, false, &path);

	if (result)
		return result;
	result = path_walk(dirfd, path, WALK_PARENT, &place);
	if (!result && place.special) {
		const char *end = strrchr(path, '.');

		result = !directory       ? -EISDIR
			 : end && !end[1] ? (end > path && end[-1] == '.' ? -ENOTEMPTY : -EINVAL)
					  : -EBUSY;
	} else if (!result) {
		result = !place.inode                ? -ENOENT
			 : place.slash && !directory ? -EISDIR
						     : may_remove(place.dir, place.inode);
		if (!result) {
			mutex_lock(&tree_lock);
			result = remove_name(&place, directory);
			mutex_unlock(&tree_lock);
		}
	}
	kfree(path);
	place_put(&place);
	return result;
}

long sys_unlink(const abi_ulong *a)
{
	return remove_path(AT_FDCWD, a[0], false);
}

long sys_rmdir(const abi_ulong *a)
{
	return remove_path(AT_FDCWD, a[0], true);
}

long sys_unlinkat(const abi_ulong *a)
{
	if (a[2] & ~(uint64_t)AT_REMOVEDIR)
		return -EINVAL;
	return remove_path((int)a[0], a[1], a[2] & AT_REMOVEDIR);
}

static int rename_places(struct place *old, struct place *new, unsigned flags)
{
	int result;

	if (old->special || new->special)
		return -EBUSY;
	if (!old->inode)
		return -ENOENT;
	if ((old->slash || new->slash) && !IS_TYPE(old->inode, S_IFDIR))
		return -ENOTDIR;
	if (new->dir->ops || old->dir->ops)
		return new->dir->ops && old->dir->ops ? -EPERM : -EXDEV;
	if (new->dir->dev != old->dir->dev)
		return -EXDEV;
	if (mount_is_root(old->inode) || (new->inode &&mount_is_root(new->inode)))
		return -EBUSY;
	result = may_remove(old->dir, old->inode);
	if (!result)
		result = new->inode ? may_remove(new->dir, new->inode)
				    : inode_permission(new->dir, MAY_WRITE | MAY_EXEC);
	if (result)
		return result;
	mutex_lock(&tree_lock);
	result = tree_rename(old, new, flags);
	mutex_unlock(&tree_lock);
	return result;
}

static long rename_path(int old_fd, uint64_t user_old, int new_fd, uint64_t user_new, unsigned flags)
{
	struct place old, new;
	char *path;
	int result;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	result = path_from_user(user_old, false, &path);
	if (result)
		return result;
	result = path_walk(old_fd, path, WALK_PARENT, &old);
	kfree(path);
	if (result)
		return result;
	result = path_from_user(user_new, false, &path);
	if (!result) {
		result = path_walk(new_fd, path, WALK_PARENT, &new);
		kfree(path);
	}
	if (!result) {
		result = rename_places(&old, &new, flags);
		place_put(&new);
	}
	place_put(&old);
	return result;
}

long sys_rename(const abi_ulong *a)
{
	return rename_path(AT_FDCWD, a[0], AT_FDCWD, a[1], 0);
}

long sys_renameat(const abi_ulong *a)
{
	return rename_path((int)a[0], a[1], (int)a[2], a[3], 0);
}

long sys_renameat2(const abi_ulong *a)
{
	return rename_path((int)a[0], a[1], (int)a[2], a[3], (unsigned)a[4]);
}

/* --- listing --------------------------------------------------------------------------------------- */

struct dir_sink {
	char *buffer;
	size_t room, used;
	bool full;
};

bool dir_emit(struct dir_sink *sink, uint64_t ino, uint64_t next_pos, unsigned type, const char *name,
	      size_t length)
{
	size_t head = offsetof(struct abi_dirent64, name), size = ALIGN_UP(head + length + 1, (size_t)8);
	char *at = sink->buffer + sink->used;
	struct abi_dirent64 dirent = {
	    .ino = ino,
	    .next = next_pos,
	    .bytes = (uint16_t)size,
	    .type = (uint8_t)(type >> 12),
	};

	if (size > sink->room - sink->used) {
		sink->full = true;
		return false;
	}
	memset(at, 0, size);
	memcpy(at, &dirent, head);
	memcpy(at + head, name, length);
	sink->used += size;
	return true;
}

/* Position 0: ".", 1: "..", then the first name whose cookie is at least the position. */
static long directory_list(struct file *file, struct dir_sink *sink)
{
	struct inode *dir = file->inode;
	struct dirent *name;

	mutex_lock(&tree_lock);
	if (dir->dead)
		goto out;
	if (file->pos == 0) {
		if (!dir_emit(sink, dir->ino, 1, S_IFDIR, ".", 1))
			goto out;
		file->pos = 1;
	}
	if (file->pos == 1) {
		if (!dir_emit(sink, dir->parent ? dir->parent->ino : dir->ino, 2, S_IFDIR, "..", 2))
			goto out;
		file->pos = 2;
	}
	list_for_each (name, &dir->children, sibling) {
		if (name->cookie < file->pos)
			continue;
		if (!dir_emit(sink, name->inode->ino, name->cookie + 1, name->inode->mode & S_IFMT,
			      name->name, name->length))
			goto out;
		file->pos = name->cookie + 1;
	}
out:
	mutex_unlock(&tree_lock);
	return 0;
}

static long directory_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	return -EISDIR;
}

const struct file_ops directory_ops = {.read = directory_read, .list = directory_list};

long sys_getdents64(const abi_ulong *a)
{
	struct dir_sink sink = {.room = MIN((size_t)(unsigned)a[2], (size_t)32768)};
	struct file *file = file_of((int)a[0]);
	long result;

	if (!file)
		return -EBADF;
	if (!file->ops->list) {
		file_put(file);
		return -ENOTDIR;
	}
	sink.buffer = kmalloc(sink.room ? sink.room : 1);
	if (!sink.buffer) {
		file_put(file);
		return -ENOMEM;
	}
	mutex_lock(&file->pos_lock);
	result = file->ops->list(file, &sink);
	if (!result && sink.full && !sink.used)
		result = -EINVAL;
	if (!result)
		result = copy_to_user(a[1], sink.buffer, sink.used);
	mutex_unlock(&file->pos_lock);
	kfree(sink.buffer);
	file_put(file);
	return result ? result : (long)sink.used;
}

/* --- no sockets ------------------------------------------------------------------------------------ */

long sys_socket(const abi_ulong *a)
{
	return -EAFNOSUPPORT;
}

long sys_socketpair(const abi_ulong *a)
{
	return -EAFNOSUPPORT;
}
