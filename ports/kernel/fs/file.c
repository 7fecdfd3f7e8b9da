/* SPDX-License-Identifier: MIT */
/* Open files: life, opening by path, what exec and mmap need of them. */
#include "fs/fs.h"

struct file *file_create(struct inode *inode, unsigned flags, const struct file_ops *ops)
{
	struct file *file = kzalloc(sizeof(*file));

	if (!file)
		return NULL;
	file->refs = 1;
	file->flags = flags;
	file->inode = inode;
	file->ops = ops;
	mutex_init(&file->pos_lock);
	list_init(&file->watchers);
	return file;
}

struct file *file_create_anonymous(uint32_t mode, const char *text, unsigned flags,
				   const struct file_ops *ops, void *private)
{
	struct inode *inode = inode_create(NULL, mode, 0);
	struct file *file;

	if (!inode)
		return NULL;
	inode->ghost = kstrdup(text);
	inode->nlink = 1;
	inode->uid = current->process->cred.fsuid;
	inode->gid = current->process->cred.fsgid;
	file = file_create(inode, flags, ops);
	if (!file) {
		inode_put(inode);
		return NULL;
	}
	file->private = private;
	return file;
}

struct file *file_get(struct file *file)
{
	ref_get(&file->refs);
	return file;
}

void file_put(struct file *file)
{
	if (!file || !ref_put(&file->refs))
		return;
	if (!list_empty(&file->watchers))
		epoll_forget(file);
	if (file->ops->release)
		file->ops->release(file);
	if (!(file->flags & O_PATH)) {
		locks_drop_owner(file->inode, file);
		if ((file->flags & O_ACCMODE) != O_RDONLY && file->inode->pages)
			__atomic_sub_fetch(&file->inode->writers, 1, __ATOMIC_RELEASE);
	}
	inode_put(file->inode);
	kfree(file);
}

/* O_PATH: a name for the other calls, no access. */
const struct file_ops path_ops = {0};

/* Takes the reference of `inode` when it succeeds. */
int file_open_inode(struct inode *inode, unsigned flags, struct file **out_file)
{
	const struct file_ops *ops = flags & O_PATH ? &path_ops : inode->fops;
	struct file *file;
	int result;

	if (!ops)
		return IS_TYPE(inode, S_IFCHR) || IS_TYPE(inode, S_IFBLK) || IS_TYPE(inode, S_IFSOCK)
			   ? -ENXIO
			   : -ELOOP;
	file = file_create(inode, flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC), ops);
	if (!file)
		return -ENOMEM;
	result = ops->open ? ops->open(file) : 0;
	if (result) {
		kfree(file);
		return result;
	}
	if (!(flags & O_PATH) && (flags & O_ACCMODE) != O_RDONLY && inode->pages)
		__atomic_add_fetch(&inode->writers, 1, __ATOMIC_ACQUIRE);
	*out_file = file;
	return 0;
}

static unsigned wanted_access(unsigned flags)
{
	static const unsigned access[4] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE};

	return access[flags & O_ACCMODE] | (flags & O_TRUNC ? MAY_WRITE : 0);
}

static int check_open(struct inode *inode, unsigned flags, bool created)
{
	if (IS_TYPE(inode, S_IFLNK) && !(flags & O_PATH))
		return -ELOOP;
	if ((flags & O_DIRECTORY) && !IS_TYPE(inode, S_IFDIR))
		return -ENOTDIR;
	if (flags & O_PATH)
		return 0;
	if (IS_TYPE(inode, S_IFDIR) && ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC))))
		return -EISDIR;
	/* open(2): only an owner reads without a trace. */
	if ((flags & O_NOATIME) && current->process && current->process->cred.fsuid != inode->uid &&
	    !capable(CAP_FOWNER))
		return -EPERM;
	return created ? 0 : inode_permission(inode, wanted_access(flags));
}

/* Makes the file of place.name. The name may exist by now: *out_created says whether it was made here. */
static int create_at(struct place *place, unsigned flags, unsigned mode, bool *out_created)
{
	struct inode *inode;
	int result;

	if (place->slash)
		return -EISDIR;
	if (inode_permission(place->dir, MAY_WRITE | MAY_EXEC))
		return -EACCES;
	if (place->dir->ops)
		return -EACCES;
	inode =
	    inode_create(place->dir, S_IFREG | (mode & 07777 & ~(current->fs ? current->fs->umask : 0)), 0);
	if (!inode)
		return -ENOSPC;
	inode->uid = current->process->cred.fsuid;
	inode->gid = place->dir->mode & S_ISGID ? place->dir->gid : current->process->cred.fsgid;
	mutex_lock(&tree_lock);
	result = tree_add(place->dir, place->name, place->length, inode);
	if (!result) {
		place->inode = inode;
		*out_created = true;
	} else if (result == -EEXIST && !(flags & O_EXCL)) {
		result = tree_lookup(place->dir, place->name, place->length, &place->inode);
	}
	mutex_unlock(&tree_lock);
	if (place->inode != inode)
		inode_put(inode);
	return result;
}

/* A file in a directory that has no name in it. */
static int open_tmpfile(int dirfd, const char *path, unsigned flags, unsigned mode, struct file **out_file)
{
	struct inode *inode;
	struct place place;
	int result;

	if ((flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	result = path_walk(dirfd, path, WALK_FOLLOW, &place);
	if (result)
		return result;
	result = !IS_TYPE(place.inode, S_IFDIR) ? -ENOTDIR
		 : place.inode->ops             ? -EOPNOTSUPP
						: inode_permission(place.inode, MAY_WRITE | MAY_EXEC);
	if (!result) {
		inode = inode_create(place.inode, S_IFREG | (mode & 07777 & ~current->fs->umask), 0);
		if (!inode) {
			result = -ENOSPC;
		} else {
			inode->uid = current->process->cred.fsuid;
			inode->gid = current->process->cred.fsgid;
			inode->ghost = kstrdup("/tmp/#tmpfile");
			result =
			    file_open_inode(inode, flags & ~(unsigned)(O_TMPFILE & ~O_DIRECTORY), out_file);
			if (result)
				inode_put(inode);
		}
	}
	place_put(&place);
	return result;
}

int vfs_open_at(int dirfd, const char *path, unsigned flags, unsigned mode, struct file **out_file)
{
	bool created = false, follow = !(flags & O_NOFOLLOW) && !((flags & O_CREAT) && (flags & O_EXCL));
	struct place place;
	int result;

	if ((flags & O_TMPFILE) == O_TMPFILE)
		return open_tmpfile(dirfd, path, flags, mode, out_file);
	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	result =
	    path_walk(dirfd, path, (flags & O_CREAT ? WALK_PARENT : 0) | (follow ? WALK_FOLLOW : 0), &place);
	if (result)
		return result;
	if (!place.inode) {
		result = create_at(&place, flags, mode, &created);
	} else if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) {
		result = -EEXIST;
	}
	if (!result)
		result = check_open(place.inode, flags, created);
	if (!result && (flags & O_TRUNC) && !created && place.inode->pages)
		result = inode_truncate(place.inode, 0);
	if (!result)
		result = file_open_inode(place.inode, flags, out_file);
	if (!result) {
		(*out_file)->created = created;
		place.inode = NULL; /* the reference is the file's */
	}
	place_put(&place);
	return result;
}

int vfs_open(const char *path, unsigned flags, unsigned mode, struct file **out_file)
{
	return vfs_open_at(AT_FDCWD, path, flags, mode, out_file);
}

int vfs_open_exec(int dirfd, const char *path, int at_flags, struct file **out_file)
{
	unsigned flags =
	    (at_flags & AT_EMPTY_PATH ? WALK_EMPTY : 0) | (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW);
	struct place place;
	int result = path_walk(dirfd, path, flags, &place);

	if (result)
		return result;
	if (IS_TYPE(place.inode, S_IFLNK))
		result = -ELOOP;
	else if (!IS_TYPE(place.inode, S_IFREG) || !place.inode->pages)
		result = -EACCES;
	else
		result = inode_permission(place.inode, MAY_EXEC);
	if (!result && __atomic_load_n(&place.inode->writers, __ATOMIC_ACQUIRE))
		result = -ETXTBSY;
	if (!result)
		result = file_open_inode(place.inode, O_RDONLY, out_file);
	if (result)
		place_put(&place);
	return result;
}

long file_pread(struct file *file, void *buffer, size_t length, uint64_t offset)
{
	if (!file->ops->read || (file->flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	return file->ops->read(file, buffer, length, &offset, true);
}

uint64_t file_size(const struct file *file)
{
	return inode_size(file->inode);
}

size_t file_path(const struct file *file, char *buffer, size_t size)
{
	size_t length;

	mutex_lock(&tree_lock);
	length = tree_path(file->inode, buffer, size);
	mutex_unlock(&tree_lock);
	return length;
}

uint32_t quire_file_number(const struct quire_file *pages, bool *out_first)
{
	struct inode *inode = quire_file_context(pages);

	*out_first = inode && !__atomic_load_n(&inode->told, __ATOMIC_RELAXED) &&
		     !__atomic_exchange_n(&inode->told, 1, __ATOMIC_RELAXED);
	return inode ? (uint32_t)inode->ino : 0;
}

size_t quire_file_path(const struct quire_file *pages, char *buffer, size_t size)
{
	struct inode *inode = quire_file_context(pages);
	size_t length;

	/* Shared anonymous memory is the library's own file: no inode. Linux calls it this. */
	if (!inode)
		return strlcpy(buffer, "/dev/zero (deleted)", size);
	mutex_lock(&tree_lock);
	length = tree_path(inode, buffer, size);
	mutex_unlock(&tree_lock);
	return length;
}

int file_mappable(struct file *file, quire_prot prot, uint32_t flags, quire_prot *out_prot,
		  struct quire_file **out_file)
{
	unsigned mode = file->flags & O_ACCMODE;
	bool shared = (flags & QUIRE_MAP_TYPE) != QUIRE_MAP_PRIVATE;
	struct inode *inode = file->inode;

	if (file->flags & O_PATH)
		return -EBADF;
	*out_prot = (mode == O_WRONLY ? 0 : QUIRE_PROT_READ) | QUIRE_PROT_EXEC |
		    (mode == O_RDONLY ? 0 : QUIRE_PROT_WRITE);
	*out_file = NULL;
	if (file->ops == &regular_ops && inode->pages &&
	    !(inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))) {
		*out_file = inode->pages; /* the library compares the rights, after the place */
		return 0;
	}
	if (mode == O_WRONLY || (shared && (prot & QUIRE_PROT_WRITE) && mode != O_RDWR))
		return -EACCES;
	if (IS_TYPE(inode, S_IFCHR))
		return inode->rdev == 0x105 ? 0 : -ENODEV; /* /dev/zero: anonymous memory */
	if (!inode->pages || file->ops != &regular_ops)
		return -ENODEV;
	if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) {
		if (shared && (prot & QUIRE_PROT_WRITE))
			return -EPERM;
		if (shared)
			*out_prot &= ~(quire_prot)QUIRE_PROT_WRITE;
	}
	*out_file = inode->pages;
	return 0;
}

bool file_seals_hold(struct file *file, uint32_t flags)
{
	struct inode *inode = file->inode;

	/* A seal against seals is for ever. */
	if ((flags & QUIRE_MAP_TYPE) == QUIRE_MAP_PRIVATE || !inode->pages || inode->seals & F_SEAL_SEAL)
		return false;
	mutex_lock(&inode->lock);
	return true;
}

void file_seals_release(struct file *file)
{
	mutex_unlock(&file->inode->lock);
}
