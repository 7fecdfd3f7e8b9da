/* SPDX-License-Identifier: MIT */
/* Descriptor tables, and the working directory and root of a task. */
#include "extras/huge.h"
#include "fs/fs.h"

#include "abi/functions.h"

enum {
	FIRST_SLOTS = 64,
	MOST_SLOTS = 65536
};

/* --- tables ---------------------------------------------------------------------------------------- */

static struct files *table_create(unsigned size)
{
	struct files *files = kzalloc(sizeof(*files));

	if (!files)
		return NULL;
	files->refs = 1;
	files->size = size;
	files->slot = kzalloc(size * sizeof(*files->slot));
	files->cloexec = kzalloc(size);
	if (!files->slot || !files->cloexec) {
		kfree(files->slot);
		kfree(files->cloexec);
		kfree(files);
		return NULL;
	}
	return files;
}

struct files *files_create(void)
{
	return table_create(FIRST_SLOTS);
}

struct files *files_copy(struct files *from)
{
	struct files *files;
	unsigned size;

	do {
		size = __atomic_load_n(&from->size, __ATOMIC_ACQUIRE);
		files = table_create(size);
		if (!files)
			return NULL;
		spin_lock(&from->lock);
		if (from->size == size)
			break;
		spin_unlock(&from->lock);
		files_put(files);
	} while (true);
	for (unsigned fd = 0; fd < from->used; fd++)
		if (from->slot[fd])
			files->slot[fd] = file_get(from->slot[fd]);
	files->used = from->used;
	memcpy(files->cloexec, from->cloexec, size);
	files->hint = from->hint;
	spin_unlock(&from->lock);
	return files;
}

struct files *files_get(struct files *files)
{
	ref_get(&files->refs);
	return files;
}

void files_put(struct files *files)
{
	if (!files || !ref_put(&files->refs))
		return;
	for (unsigned fd = 0; fd < files->used; fd++)
		if (files->slot[fd]) {
			locks_drop_owner(files->slot[fd]->inode, files);
			file_put(files->slot[fd]);
		}
	kfree(files->slot);
	kfree(files->cloexec);
	kfree(files);
}

int files_unshare(struct task *task)
{
	struct files *copy;

	if (__atomic_load_n(&task->files->refs, __ATOMIC_ACQUIRE) == 1)
		return 0;
	copy = files_copy(task->files);
	if (!copy)
		return -ENOMEM;
	files_put(task->files);
	task->files = copy;
	return 0;
}

int files_exec(struct task *task)
{
	struct files *files;
	int result = files_unshare(task);

	if (result)
		return result;
	files = task->files;
	for (unsigned fd = 0; fd < files->used; fd++) {
		struct file *file;

		/* The table is this task's alone: others only look at it. */
		if (!files->cloexec[fd])
			continue;
		spin_lock(&files->lock);
		file = files->slot[fd];
		files->slot[fd] = NULL;
		files->cloexec[fd] = 0;
		files->hint = MIN(files->hint, fd);
		spin_unlock(&files->lock);
		if (file) {
			locks_drop_owner(file->inode, files);
			file_put(file);
		}
	}
	return 0;
}

/* Doubles the table. The lock is not held: memory first, then the exchange. */
static int files_grow(struct files *files, unsigned want)
{
	unsigned size = FIRST_SLOTS;
	struct file **slot, **old_slot;
	uint8_t *cloexec, *old_cloexec;

	while (size < want)
		size *= 2;
	slot = kzalloc(size * sizeof(*slot));
	cloexec = kzalloc(size);
	if (!slot || !cloexec) {
		kfree(slot);
		kfree(cloexec);
		return -ENOMEM;
	}
	spin_lock(&files->lock);
	old_slot = slot;
	old_cloexec = cloexec;
	if (files->size < size) {
		old_slot = files->slot;
		old_cloexec = files->cloexec;
		memcpy(slot, old_slot, files->size * sizeof(*slot));
		memcpy(cloexec, old_cloexec, files->size);
		files->slot = slot;
		files->cloexec = cloexec;
		files->size = size;
	}
	spin_unlock(&files->lock);
	kfree(old_slot);
	kfree(old_cloexec);
	return 0;
}

struct file *files_slot(struct files *files, int fd)
{
	struct file *file = NULL;

	spin_lock(&files->lock);
	if (fd >= 0 && (unsigned)fd < files->size && files->slot[fd])
		file = file_get(files->slot[fd]);
	spin_unlock(&files->lock);
	return file;
}

int files_next(struct files *files, int fd)
{
	int found = -1;

	spin_lock(&files->lock);
	for (; (unsigned)fd < files->size && found < 0; fd++)
		if (files->slot[fd])
			found = fd;
	spin_unlock(&files->lock);
	return found;
}

bool files_cloexec(struct files *files, int fd)
{
	bool set;

	spin_lock(&files->lock);
	set = fd >= 0 && (unsigned)fd < files->size && files->cloexec[fd];
	spin_unlock(&files->lock);
	return set;
}

struct file *file_of_any(int fd)
{
	return files_slot(current->files, fd);
}

struct file *file_of(int fd)
{
	struct file *file = file_of_any(fd);

	if (file && (file->flags & O_PATH)) {
		file_put(file);
		return NULL;
	}
	return file;
}

static unsigned descriptor_limit(void)
{
	uint64_t soft = current->process->rlimit[RLIMIT_NOFILE].soft;

	return soft < MOST_SLOTS ? (unsigned)soft : MOST_SLOTS;
}

/* The least free descriptor that is not below `least`. Takes the reference when it succeeds. */
static int install_from(struct file *file, unsigned least, unsigned cloexec)
{
	struct files *files = current->files;
	unsigned limit = descriptor_limit();

	for (;;) {
		unsigned fd;
		int result;

		spin_lock(&files->lock);
		fd = MAX(least, files->hint);
		while (fd < files->size && files->slot[fd])
			fd++;
		if (fd < files->size && fd < limit) {
			files->slot[fd] = file;
			files->used = MAX(files->used, fd + 1);
			files->cloexec[fd] = cloexec != 0;
			if (least <= files->hint)
				files->hint = fd + 1;
			spin_unlock(&files->lock);
			return (int)fd;
		}
		spin_unlock(&files->lock);
		if (fd >= limit)
			return -EMFILE;
		result = files_grow(files, fd + 1);
		if (result)
			return result;
	}
}

int fd_install(struct file *file, unsigned cloexec)
{
	return install_from(file, 0, cloexec);
}

/* --- system calls ---------------------------------------------------------------------------------- */

static int close_fd(struct files *files, int fd)
{
	struct file *file = NULL;

	spin_lock(&files->lock);
	if (fd >= 0 && (unsigned)fd < files->size) {
		file = files->slot[fd];
		files->slot[fd] = NULL;
		files->cloexec[fd] = 0;
		if (file)
			files->hint = MIN(files->hint, (unsigned)fd);
	}
	spin_unlock(&files->lock);
	if (!file)
		return -EBADF;
	/* POSIX: closing any descriptor of a file ends the process's record locks on it. */
	locks_drop_owner(file->inode, files);
	file_put(file);
	return 0;
}

long sys_close(const abi_ulong *a)
{
	return close_fd(current->files, (int)a[0]);
}

long sys_close_range(const abi_ulong *a)
{
	unsigned first = (unsigned)a[0], last = (unsigned)a[1], flags = (unsigned)a[2];
	struct files *files;
	int result;

	if (first > last || (flags & ~(unsigned)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)))
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		result = files_unshare(current);
		if (result)
			return result;
	}
	files = current->files;
	for (int fd = files_next(files, first > INT32_MAX ? INT32_MAX : (int)first);
	     fd >= 0 && (unsigned)fd <= last; fd = files_next(files, fd + 1)) {
		if (flags & CLOSE_RANGE_CLOEXEC) {
			spin_lock(&files->lock);
			files->cloexec[fd] = 1;
			spin_unlock(&files->lock);
		} else {
			close_fd(files, fd);
		}
	}
	return 0;
}

static long dup_to(int from, int to, unsigned cloexec)
{
	struct files *files = current->files;
	struct file *file, *old;

	if (to < 0 || (unsigned)to >= descriptor_limit())
		return -EBADF;
	file = file_of_any(from);
	if (!file)
		return -EBADF;
	if ((unsigned)to >= files->size && files_grow(files, (unsigned)to + 1)) {
		file_put(file);
		return -ENOMEM;
	}
	spin_lock(&files->lock);
	old = files->slot[to];
	files->slot[to] = file;
	files->used = MAX(files->used, (unsigned)to + 1);
	files->cloexec[to] = cloexec != 0;
	spin_unlock(&files->lock);
	if (old) {
		locks_drop_owner(old->inode, files);
		file_put(old);
	}
	return to;
}

static long dup_from(int fd, unsigned least, unsigned cloexec)
{
	struct file *file = file_of_any(fd);
	long result;

	if (!file)
		return -EBADF;
	result = install_from(file, least, cloexec);
	if (result < 0)
		file_put(file);
	return result;
}

long sys_dup(const abi_ulong *a)
{
	return dup_from((int)a[0], 0, 0);
}

long sys_dup2(const abi_ulong *a)
{
	struct file *file;

	if ((int)a[0] != (int)a[1])
		return dup_to((int)a[0], (int)a[1], 0);
	file = file_of_any((int)a[0]);
	file_put(file);
	return file ? (long)(int)a[0] : -EBADF;
}

long sys_dup3(const abi_ulong *a)
{
	if ((int)a[0] == (int)a[1] || (a[2] & ~(uint64_t)O_CLOEXEC))
		return -EINVAL;
	return dup_to((int)a[0], (int)a[1], (unsigned)a[2]);
}

static long set_cloexec(int fd, bool set)
{
	struct files *files = current->files;
	long result = -EBADF;

	spin_lock(&files->lock);
	if (fd >= 0 && (unsigned)fd < files->size && files->slot[fd]) {
		files->cloexec[fd] = set;
		result = 0;
	}
	spin_unlock(&files->lock);
	return result;
}

static long set_status(struct file *file, unsigned flags)
{
	unsigned may = O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME;

	__atomic_store_n(&file->flags, (file->flags & ~may) | (flags & may), __ATOMIC_RELAXED);
	return 0;
}

/* locked: inode */
static long add_seals(struct inode *inode, unsigned add)
{
	if (inode->seals & F_SEAL_SEAL)
		return -EPERM;
	if ((add & F_SEAL_WRITE) && !(inode->seals & F_SEAL_WRITE) && quire_file_may_be_written(inode->pages))
		return -EBUSY;
	/* A program that keeps its right to execute must not change either. */
	if ((add & F_SEAL_EXEC) && inode->mode & 0111)
		add |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	inode->seals |= add;
	return 0;
}

static long seals(struct file *file, int command, unsigned add)
{
	struct inode *inode = file->inode;
	long result;

	if (!inode->pages || (file->ops != &regular_ops && !huge_file_shift(file)) ||
	    (inode->dev != DEV_MEMORY && !inode->mount))
		return -EINVAL;
	if (command == F_GET_SEALS)
		return (long)inode->seals;
	if ((file->flags & O_ACCMODE) == O_RDONLY)
		return -EPERM;
	if (add & ~(2u * F_SEAL_EXEC - 1))
		return -EINVAL;
	mutex_lock(&inode->lock);
	result = add_seals(inode, add);
	mutex_unlock(&inode->lock);
	return result;
}

/* Commands that look at the open file. */
static long file_control(struct file *file, int command, uint64_t argument)
{
	switch (command) {
	case F_GETFL:
		return file->flags | O_LARGEFILE;
	case F_SETFL:
		return set_status(file, (unsigned)argument);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return locks_fcntl(file, command, argument);
	case F_SETOWN: /* SIGIO is not sent */
	case F_SETSIG:
	case F_GETOWN:
	case F_GETSIG:
		return 0;
#if ABI_LONG_BYTES == 4
	case F_GETLK64:
	case F_SETLK64:
	case F_SETLKW64:
		return locks_fcntl(file, command, argument);
#endif
	case F_SETPIPE_SZ:
		return pipe_set_size(file, (uint32_t)argument);
	case F_GETPIPE_SZ:
		return pipe_size(file);
	case F_CREATED_QUERY:
		return file->created;
	case F_ADD_SEALS:
	case F_GET_SEALS:
		return seals(file, command, (unsigned)argument);
	}
	return -EINVAL;
}

long sys_fcntl(const abi_ulong *a)
{
	int fd = (int)a[0], command = (int)a[1];
	struct file *file;
	long result;

	switch (command) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if ((int)a[2] < 0 || a[2] >= descriptor_limit())
			return -EINVAL;
		return dup_from(fd, (unsigned)a[2], command == F_DUPFD_CLOEXEC);
	case F_SETFD:
		return set_cloexec(fd, a[2] & FD_CLOEXEC);
	}
	file = file_of_any(fd);
	if (!file)
		return -EBADF;
	if (command == F_GETFD)
		result = files_cloexec(current->files, fd);
	else if ((file->flags & O_PATH) && command != F_GETFL)
		result = -EBADF;
	else
		result = file_control(file, command, a[2]);
	file_put(file);
	return result;
}

/* --- working directory and root -------------------------------------------------------------------- */

struct fs *fs_create(void)
{
	struct fs *fs = kzalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	fs->refs = 1;
	mutex_init(&fs->lock);
	fs->cwd = inode_get(root_inode);
	fs->root = inode_get(root_inode);
	fs->umask = 022;
	return fs;
}

struct fs *fs_copy(struct fs *from)
{
	struct fs *fs = kzalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	fs->refs = 1;
	mutex_init(&fs->lock);
	mutex_lock(&from->lock);
	fs->cwd = inode_get(from->cwd);
	fs->root = inode_get(from->root);
	fs->umask = from->umask;
	mutex_unlock(&from->lock);
	return fs;
}

struct fs *fs_get(struct fs *fs)
{
	ref_get(&fs->refs);
	return fs;
}

void fs_put(struct fs *fs)
{
	if (!fs || !ref_put(&fs->refs))
		return;
	inode_put(fs->cwd);
	inode_put(fs->root);
	kfree(fs);
}

/* /proc may look at the task under proc_lock until it has left its process. */
void vfs_task_exit(struct task *task)
{
	struct files *files;
	struct fs *fs;

	spin_lock(&proc_lock);
	files = task->files;
	fs = task->fs;
	task->files = NULL;
	task->fs = NULL;
	spin_unlock(&proc_lock);
	files_put(files);
	fs_put(fs);
}
