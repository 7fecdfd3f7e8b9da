/* SPDX-License-Identifier: MIT */
/* read, write and their relatives: between a program's memory and the operations of an open file.
 *
 * Data passes through a buffer of the kernel, a piece at a time: a user copy may fault and sleep, and no
 * lock of a file is held while it does. What exists only once goes by read_user. */
#include "fs/fs.h"

#include "abi/ioctl.h"
#include "abi/functions.h"

enum {
	SMALL = 256, /* on the stack */
	PIECE = 65536,
	RW_MAX = 0x7ffff000 /* most bytes of one call, as on Linux */
};

struct buffer {
	char *data;
	size_t size;
	char small[SMALL];
};

static bool buffer_get(struct buffer *buffer, size_t want)
{
	buffer->data = buffer->small;
	buffer->size = SMALL;
	if (want <= SMALL)
		return true;
	buffer->size = MIN(want, (size_t)PIECE);
	buffer->data = kmalloc(buffer->size);
	if (!buffer->data && buffer->size > PAGE_SIZE) {
		buffer->size = PAGE_SIZE;
		buffer->data = kmalloc(buffer->size);
	}
	return buffer->data != NULL;
}

static void buffer_put(struct buffer *buffer)
{
	if (buffer->data != buffer->small)
		kfree(buffer->data);
}

long file_read_user(struct file *file, uint64_t to, size_t n, uint64_t *pos)
{
	bool wait = !(file->flags & O_NONBLOCK);
	struct buffer buffer;
	size_t done = 0;
	long result = 0;

	n = MIN(n, (size_t)RW_MAX);
	if (file->ops->read_user)
		return file->ops->read_user(file, to, n, wait);
	if (!buffer_get(&buffer, n))
		return -ENOMEM;
	do {
		size_t piece = MIN(n - done, buffer.size), missed;

		/* What has come is returned before it is waited for more. */
		result = file->ops->read(file, buffer.data, piece, pos, wait && !done);
		if (result <= 0)
			break;
		missed = copy_to_user_partial(to + done, buffer.data, (size_t)result);
		done += (size_t)result - missed;
		if (missed) {
			if (pos)
				*pos -= missed;
			result = -EFAULT;
			break;
		}
		if ((size_t)result < piece)
			break;
	} while (done < n && !signal_pending(current));
	buffer_put(&buffer);
	return done ? (long)done : result;
}

long file_write_user(struct file *file, uint64_t from, size_t n, uint64_t *pos)
{
	bool wait = !(file->flags & O_NONBLOCK);
	struct buffer buffer;
	size_t done = 0;
	long result = 0;

	n = MIN(n, (size_t)RW_MAX);
	if (!buffer_get(&buffer, n))
		return -ENOMEM;
	do {
		size_t piece = MIN(n - done, buffer.size);
		size_t got = piece - copy_from_user_partial(buffer.data, from + done, piece);

		if (got < piece && file->ops->whole_pages)
			got = ALIGN_DOWN(got, PAGE_SIZE);
		if (!got && piece) {
			result = -EFAULT;
			break;
		}
		result = file->ops->write(file, buffer.data, got, pos, wait);
		if (result < 0)
			break;
		done += (size_t)result;
		if ((size_t)result < piece)
			break;
	} while (done < n);
	buffer_put(&buffer);
	return done ? (long)done : result;
}

/* --- one buffer or several ------------------------------------------------------------------------- */

enum direction {
	READ,
	WRITE
};

static long check(struct file *file, enum direction direction)
{
	unsigned mode = file->flags & O_ACCMODE;

	if (mode == (direction == READ ? O_WRONLY : O_RDONLY))
		return -EBADF;
	if (IS_TYPE(file->inode, S_IFDIR))
		return -EISDIR;
	return (direction == READ ? file->ops->read != NULL : file->ops->write != NULL) ? 0 : -EINVAL;
}

static long transfer(struct file *file, enum direction direction, const struct abi_iovec *vector,
		     uint64_t count, uint64_t *pos)
{
	long done = 0;

	for (uint64_t i = 0; i < count; i++) {
		size_t length = (size_t)MIN(vector[i].length, (uint64_t)(RW_MAX - done));
		long result;

		if (!length && count > 1)
			continue;
		/* A second buffer must not wait when the first has got something. */
		if (done && direction == READ && file->ops->stream && file->ops->poll &&
		    !(file->ops->poll(file, NULL) & POLLIN))
			break;
		result = direction == READ ? file_read_user(file, vector[i].base, length, pos)
					   : file_write_user(file, vector[i].base, length, pos);
		if (result < 0)
			return done ? done : result;
		done += result;
		if ((size_t)result < length)
			break;
	}
	return done;
}

/* At the file's own position. */
static long transfer_here(int fd, enum direction direction, const struct abi_iovec *vector, uint64_t count)
{
	struct file *file = file_of(fd);
	long result;

	if (!file)
		return -EBADF;
	result = check(file, direction);
	if (!result) {
		if (file->ops->stream) {
			result = transfer(file, direction, vector, count, NULL);
		} else {
			mutex_lock(&file->pos_lock);
			result = transfer(file, direction, vector, count, &file->pos);
			mutex_unlock(&file->pos_lock);
		}
	}
	file_put(file);
	return result;
}

static long transfer_at(int fd, enum direction direction, const struct abi_iovec *vector, uint64_t count,
			uint64_t pos)
{
	struct file *file;
	long result;

	if ((int64_t)pos < 0)
		return -EINVAL;
	file = file_of(fd);
	if (!file)
		return -EBADF;
	result = file->ops->stream ? -ESPIPE : check(file, direction);
	if (!result)
		result = transfer(file, direction, vector, count, &pos);
	file_put(file);
	return result;
}

/* `at`: where in the file; NULL: at its own position. */
static long transfer_vector(int fd, enum direction direction, uint64_t from, uint64_t count,
			    const uint64_t *at)
{
	struct abi_iovec *vector = NULL;
	uint64_t total;
	long result = iovec_from_user(from, count, &vector, &total);

	if (result < 0)
		return result;
	result =
	    at ? transfer_at(fd, direction, vector, count, *at) : transfer_here(fd, direction, vector, count);
	kfree(vector);
	return result;
}

long sys_read(const abi_ulong *a)
{
	struct abi_iovec one = {(abi_ulong)a[1], (abi_ulong)a[2]};

	return transfer_here((int)a[0], READ, &one, 1);
}

long sys_write(const abi_ulong *a)
{
	struct abi_iovec one = {(abi_ulong)a[1], (abi_ulong)a[2]};

	return transfer_here((int)a[0], WRITE, &one, 1);
}

WIDE_CALL(pread64)
{
	struct abi_iovec one = {(abi_ulong)a[1], (abi_ulong)a[2]};

	return transfer_at((int)a[0], READ, &one, 1, a[3]);
}

WIDE_CALL(pwrite64)
{
	struct abi_iovec one = {(abi_ulong)a[1], (abi_ulong)a[2]};

	return transfer_at((int)a[0], WRITE, &one, 1, a[3]);
}

long sys_readv(const abi_ulong *a)
{
	return transfer_vector((int)a[0], READ, a[1], a[2], NULL);
}

long sys_writev(const abi_ulong *a)
{
	return transfer_vector((int)a[0], WRITE, a[1], a[2], NULL);
}

WIDE_CALL(preadv)
{
	return transfer_vector((int)a[0], READ, a[1], a[2], &a[3]);
}

WIDE_CALL(pwritev)
{
	return transfer_vector((int)a[0], WRITE, a[1], a[2], &a[3]);
}

/* preadv2: offset -1 is the file's own position. Hints (RWF_HIPRI, DSYNC, SYNC) change nothing here. */
static long transfer_vector2(const uint64_t *a, enum direction direction)
{
	if (a[5] & ~(uint64_t)7)
		return -EOPNOTSUPP;
	return transfer_vector((int)a[0], direction, a[1], a[2], (int64_t)a[3] == -1 ? NULL : &a[3]);
}

WIDE_CALL(preadv2)
{
	return transfer_vector2(a, READ);
}

WIDE_CALL(pwritev2)
{
	return transfer_vector2(a, WRITE);
}

/* --- position -------------------------------------------------------------------------------------- */

static int64_t seek_target(struct file *file, int64_t offset, unsigned whence)
{
	uint64_t size = IS_TYPE(file->inode, S_IFBLK) ? ramdisk_size(file) : inode_size(file->inode);

	switch (whence) {
	case SEEK_SET:
		return offset;
	case SEEK_CUR:
		return (int64_t)file->pos + offset;
	case SEEK_END:
		return IS_TYPE(file->inode, S_IFDIR) ? -EINVAL : (int64_t)size + offset;
	case SEEK_DATA: /* all of a file counts as data */
		return offset < 0 || (uint64_t)offset >= size ? -ENXIO : offset;
	case SEEK_HOLE: /* the hole at the end */
		return offset < 0 || (uint64_t)offset >= size ? -ENXIO : (int64_t)size;
	}
	return -EINVAL;
}

int64_t file_seek(int fd, int64_t offset, unsigned whence)
{
	struct file *file = file_of(fd);
	int64_t result;

	if (!file)
		return -EBADF;
	if (file->ops->stream) {
		result = -ESPIPE;
	} else if (file->ops->no_position) {
		result = 0;
	} else {
		mutex_lock(&file->pos_lock);
		result = seek_target(file, offset, whence);
		if (result < 0 && whence <= SEEK_END)
			result = -EINVAL;
		if (result >= 0)
			file->pos = (uint64_t)result;
		mutex_unlock(&file->pos_lock);
	}
	file_put(file);
	return result;
}

long sys_lseek(const abi_ulong *a)
{
	return (long)file_seek((int)a[0], (int64_t)a[1], (unsigned)a[2]);
}

/* --- from file to file ----------------------------------------------------------------------------- */

/* Moves up to n bytes. A position that is NULL is the file's own. */
static long copy_files(struct file *from, uint64_t *from_pos, struct file *to, uint64_t *to_pos, size_t n)
{
	uint64_t *in = from->ops->stream ? NULL : from_pos ? from_pos : &from->pos;
	uint64_t *out = to->ops->stream ? NULL : to_pos ? to_pos : &to->pos;
	struct buffer buffer;
	size_t done = 0;
	long result = 0;

	n = MIN(n, (size_t)RW_MAX);
	if (!buffer_get(&buffer, n))
		return -ENOMEM;
	while (done < n && !(done && signal_pending(current))) {
		size_t piece = MIN(n - done, buffer.size);
		long got =
		    from->ops->read(from, buffer.data, piece, in, !done && !(from->flags & O_NONBLOCK));

		result = got;
		if (got <= 0)
			break;
		result = to->ops->write(to, buffer.data, (size_t)got, out, !(to->flags & O_NONBLOCK));
		if (result < got && in)
			*in -= (uint64_t)(got - MAX(result, 0l));
		if (result < 0)
			break;
		done += (size_t)result;
		if (result < got || (size_t)got < piece)
			break;
	}
	buffer_put(&buffer);
	return done ? (long)done : result;
}

static long copy_range(int in, uint64_t user_in_pos, int out, uint64_t user_out_pos, size_t n)
{
	struct file *from = file_of(in), *to = file_of(out);
	uint64_t in_pos = 0, out_pos = 0;
	long result = from && to ? check(from, READ) : -EBADF;

	if (!result)
		result = check(to, WRITE);
	if (!result && (!from->inode->pages || !to->inode->pages))
		result = -EINVAL;
	if (!result && user_in_pos)
		result = get_user(in_pos, user_in_pos);
	if (!result && user_out_pos)
		result = get_user(out_pos, user_out_pos);
	if (!result && ((int64_t)in_pos < 0 || (int64_t)out_pos < 0))
		result = -EINVAL;
	if (!result && from->inode == to->inode) {
		uint64_t a = user_in_pos ? in_pos : from->pos, b = user_out_pos ? out_pos : to->pos;

		if (a < b + n && b < a + n)
			result = -EINVAL;
	}
	if (!result)
		result =
		    copy_files(from, user_in_pos ? &in_pos : NULL, to, user_out_pos ? &out_pos : NULL, n);
	if (result >= 0 && user_in_pos && put_user(in_pos, user_in_pos))
		result = -EFAULT;
	if (result >= 0 && user_out_pos && put_user(out_pos, user_out_pos))
		result = -EFAULT;
	file_put(from);
	file_put(to);
	return result;
}

long file_send(int out, int in, uint64_t *pos, size_t n)
{
	struct file *from = file_of(in), *to = file_of(out);
	long result = from && to ? check(from, READ) : -EBADF;

	if (!result)
		result = check(to, WRITE);
	if (!result && (from->ops->stream || (pos && (int64_t)*pos < 0)))
		result = -EINVAL;
	if (!result)
		result = copy_files(from, pos, to, NULL, n);
	file_put(from);
	file_put(to);
	return result;
}

long sys_sendfile(const abi_ulong *a)
{
	uint64_t pos = 0;
	long result;

	if (a[2] && get_user(pos, a[2]))
		return -EFAULT;
	result = file_send((int)a[0], (int)a[1], a[2] ? &pos : NULL, a[3]);
	return result >= 0 && a[2] && put_user(pos, a[2]) ? -EFAULT : result;
}

long sys_copy_file_range(const abi_ulong *a)
{
	if (a[5])
		return -EINVAL;
	return copy_range((int)a[0], a[1], (int)a[2], a[3], a[4]);
}

/* --- ioctl ------------------------------------------------------------------------------------------ */

long sys_ioctl(const abi_ulong *a)
{
	unsigned command = (unsigned)a[1];
	struct file *file = file_of((int)a[0]);
	uint32_t value;
	long result;

	if (!file)
		return -EBADF;
	switch (command) {
	case FIONCLEX:
	case FIOCLEX:
		spin_lock(&current->files->lock);
		if (current->files->slot[(int)a[0]] == file)
			current->files->cloexec[(int)a[0]] = command == FIOCLEX;
		spin_unlock(&current->files->lock);
		result = 0;
		break;
	case FIONBIO:
		result = get_user(value, a[2]);
		if (!result)
			__atomic_store_n(&file->flags,
					 value ? file->flags | O_NONBLOCK
					       : file->flags & ~(unsigned)O_NONBLOCK,
					 __ATOMIC_RELAXED);
		break;
	case FIONREAD:
		if (file->inode->pages) {
			uint64_t size = inode_size(file->inode);

			value = size > file->pos ? (uint32_t)MIN(size - file->pos, (uint64_t)INT32_MAX) : 0;
			result = put_user(value, a[2]);
			break;
		}
		/* fall through */
	default:
		result = file->ops->ioctl ? file->ops->ioctl(file, command, a[2]) : -ENOTTY;
	}
	file_put(file);
	return result;
}
