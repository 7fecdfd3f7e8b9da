/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs: a ring of 64 KiB, or what F_SETPIPE_SZ made of it, whose pages are found when they are first
 * needed.
 *
 *   read_at ──► oldest byte        used bytes lie in [read_at, read_at + used) modulo the ring
 *
 * pipe.lock guards the bytes and the size, and is held while they are copied to a reader's memory: a page that faults
 * there needs no pipe. `used`, `readers` and `writers` are also looked at without it, by sleepers
 * and by poll, which check again under the lock before they act. */
#include "fs/fs.h"

#include "abi/functions.h"

enum {
	PIPE_SIZE = 65536,
	PIPE_ATOMIC = 4096
};

uint32_t pipe_size_limit = 1 << 20;

struct pipe {
	uint32_t refs; /* open ends */
	struct mutex lock;
	volatile uint32_t size, used; /* bytes; the size is a power of two, of whole pages */
	uint32_t read_at;
	volatile uint32_t readers, writers;
	uint32_t reader_opens, writer_opens; /* ever: FIFO opens wait for the other side to come */
	struct wait_queue queue;             /* readers, writers, openers */
	char **page;                         /* [size / PAGE_SIZE]; NULL: not needed yet */
};

static struct pipe *pipe_new(void)
{
	struct pipe *pipe = kzalloc(sizeof(*pipe));

	if (pipe) {
		pipe->page = kzalloc(PIPE_SIZE / PAGE_SIZE * sizeof(*pipe->page));
		if (!pipe->page) {
			kfree(pipe);
			return NULL;
		}
		pipe->size = PIPE_SIZE;
		pipe->refs = 1;
		mutex_init(&pipe->lock);
		wait_queue_init(&pipe->queue);
	}
	return pipe;
}

static void free_pages(char **page, uint32_t size)
{
	for (uint32_t i = 0; page && i < size / PAGE_SIZE; i++)
		if (page[i])
			page_free(page[i]);
	kfree(page);
}

static void pipe_free(struct pipe *pipe)
{
	free_pages(pipe->page, pipe->size);
	kfree(pipe);
}

/* The next run of bytes that lies in one page, for copying out or in. */
static size_t run_length(uint32_t at, size_t n)
{
	return MIN(n, PAGE_SIZE - at % PAGE_SIZE);
}

/* Where bytes go: the kernel's memory, or a program's when `to` is NULL. */
struct sink {
	char *to;
	uint64_t user;
};

static bool store(const struct sink *sink, size_t at, const char *from, size_t n)
{
	if (!sink->to)
		return !copy_to_user(sink->user + at, from, n);
	memcpy(sink->to + at, from, n);
	return true;
}

/* Takes what is there, up to n bytes. What cannot be stored stays in the pipe: -EFAULT when that is all. */
static long take_bytes(struct pipe *pipe, const struct sink *sink, size_t n)
{
	size_t done = 0;

	n = MIN(n, (size_t)pipe->used);
	while (done < n) {
		uint32_t at = pipe->read_at;
		size_t run = run_length(at, n - done);

		if (!store(sink, done, pipe->page[at / PAGE_SIZE] + at % PAGE_SIZE, run))
			return done ? (long)done : -EFAULT;
		pipe->read_at = (uint32_t)((at + run) % pipe->size);
		pipe->used -= (uint32_t)run;
		done += run;
	}
	if (!pipe->used)
		pipe->read_at = 0; /* a small pipe stays in one page */
	return (long)done;
}

/* Puts what fits. Returns the count; less than fits only when a page could not be had. */
static size_t put_bytes(struct pipe *pipe, const char *from, size_t n)
{
	size_t done = 0;

	n = MIN(n, (size_t)(pipe->size - pipe->used));
	while (done < n) {
		uint32_t at = (pipe->read_at + pipe->used) % pipe->size;
		size_t run = run_length(at, n - done);

		if (!pipe->page[at / PAGE_SIZE]) {
			pipe->page[at / PAGE_SIZE] = page_alloc();
			if (!pipe->page[at / PAGE_SIZE])
				break;
		}
		memcpy(pipe->page[at / PAGE_SIZE] + at % PAGE_SIZE, from + done, run);
		pipe->used += (uint32_t)run;
		done += run;
	}
	return done;
}

/* Up to PIPE_BUF bytes go in together or not at all. */
static bool has_room(struct pipe *pipe, size_t n)
{
	uint32_t room = pipe->size - pipe->used;

	return n <= PIPE_ATOMIC ? room >= n : room > 0;
}

static long read_to(struct pipe *pipe, const struct sink *sink, size_t n, bool wait)
{
	long result;
	bool full;

	if (!n)
		return 0;
	for (;;) {
		mutex_lock(&pipe->lock);
		full = !has_room(pipe, PIPE_ATOMIC);
		result = take_bytes(pipe, sink, n);
		mutex_unlock(&pipe->lock);
		if (result > 0)
			wake_up_poll(&pipe->queue, full ? POLLOUT | POLLWRNORM : 0);
		if (result)
			return result;
		if (!pipe->writers)
			return 0;
		if (!wait)
			return -EAGAIN;
		result = wait_event(&pipe->queue, pipe->used || !pipe->writers);
		if (result)
			return result;
	}
}

static long pipe_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	return read_to(file->private, &(struct sink){.to = to}, n, wait);
}

static long pipe_read_user(struct file *file, uint64_t to, size_t n, bool wait)
{
	return read_to(file->private, &(struct sink){.user = to}, n, wait);
}

static long pipe_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	struct pipe *pipe = file->private;
	size_t done = 0, whole = n;
	long result = 0;

	while (done < n || !n) {
		size_t put = 0;

		mutex_lock(&pipe->lock);
		if (!pipe->readers)
			result = -EPIPE;
		else if (has_room(pipe, whole))
			put = put_bytes(pipe, from + done, n - done);
		if (put < n - done && pipe->used < pipe->size && has_room(pipe, whole) && !result)
			result = -ENOMEM;
		mutex_unlock(&pipe->lock);
		done += put;
		if (put)
			wake_up_poll(&pipe->queue, POLLIN | POLLRDNORM);
		if (result || done == n)
			break;
		if (!wait) {
			result = -EAGAIN;
			break;
		}
		result = wait_event(&pipe->queue, has_room(pipe, whole) || !pipe->readers);
		if (result)
			break;
	}
	if (result == -EPIPE)
		send_signal_self(SIGPIPE);
	return done ? (long)done : result;
}

static unsigned pipe_poll(struct file *file, struct poll_set *set)
{
	struct pipe *pipe = file->private;
	unsigned mode = file->flags & O_ACCMODE, mask = 0;

	poll_wait(set, &pipe->queue);
	if (mode != O_WRONLY) {
		if (pipe->used)
			mask |= POLLIN | POLLRDNORM;
		if (!pipe->writers)
			mask |= POLLHUP;
	}
	if (mode != O_RDONLY) {
		if (has_room(pipe, PIPE_ATOMIC))
			mask |= POLLOUT | POLLWRNORM;
		if (!pipe->readers)
			mask |= POLLERR;
	}
	return mask;
}

static long pipe_ioctl(struct file *file, unsigned command, uint64_t argument)
{
	struct pipe *pipe = file->private;

	return command == 0x541b ? put_user((uint32_t)pipe->used, argument) : -ENOTTY; /* FIONREAD */
}

static void add_end(struct pipe *pipe, unsigned mode)
{
	if (mode != O_WRONLY) {
		pipe->readers++;
		pipe->reader_opens++;
	}
	if (mode != O_RDONLY) {
		pipe->writers++;
		pipe->writer_opens++;
	}
}

static void pipe_release(struct file *file)
{
	struct inode *inode = file->inode;
	struct pipe *pipe = file->private;
	unsigned mode = file->flags & O_ACCMODE;
	bool last;

	mutex_lock(&inode->lock);
	if (mode != O_WRONLY)
		pipe->readers--;
	if (mode != O_RDONLY)
		pipe->writers--;
	last = ref_put(&pipe->refs);
	if (last)
		inode->pipe = NULL;
	mutex_unlock(&inode->lock);
	if (last)
		pipe_free(pipe);
	else
		wake_up(&pipe->queue);
}

/* A FIFO's open waits for the other side; O_RDWR does not, and O_NONBLOCK fails for a lone writer. */
static int fifo_open(struct file *file)
{
	struct inode *inode = file->inode;
	unsigned mode = file->flags & O_ACCMODE;
	uint32_t seen_readers, seen_writers;
	struct pipe *pipe;
	int result = 0;

	mutex_lock(&inode->lock);
	pipe = inode->pipe;
	if (!pipe) {
		pipe = pipe_new();
		if (!pipe) {
			mutex_unlock(&inode->lock);
			return -ENOMEM;
		}
		inode->pipe = pipe;
	} else {
		ref_get(&pipe->refs);
	}
	if (mode == O_WRONLY && (file->flags & O_NONBLOCK) && !pipe->readers)
		result = -ENXIO;
	seen_readers = pipe->reader_opens;
	seen_writers = pipe->writer_opens;
	file->private = pipe;
	add_end(pipe, mode);
	mutex_unlock(&inode->lock);
	wake_up(&pipe->queue);
	if (!result && !(file->flags & O_NONBLOCK)) {
		if (mode == O_RDONLY)
			result = (int)wait_event(&pipe->queue,
						 pipe->writers || pipe->writer_opens != seen_writers);
		else if (mode == O_WRONLY)
			result = (int)wait_event(&pipe->queue,
						 pipe->readers || pipe->reader_opens != seen_readers);
	}
	if (result)
		pipe_release(file);
	return result;
}

const struct file_ops fifo_ops = {
    .read = pipe_read,
    .read_user = pipe_read_user,
    .write = pipe_write,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .open = fifo_open,
    .release = pipe_release,
    .stream = true,
    .whole_pages = true,
};

/* --- the size ---------------------------------------------------------------------------------------- */

uint64_t pipe_rounded_size(uint64_t size)
{
	uint64_t rounded = PAGE_SIZE;

	while (rounded < size && rounded <= 1u << 31)
		rounded <<= 1;
	return rounded;
}

/* locked: pipe. The bytes move to a ring of another size. */
static long resize(struct pipe *pipe, uint32_t size)
{
	struct pipe new = {.size = size};

	if (pipe->used > size)
		return -EBUSY;
	new.page = kzalloc(size / PAGE_SIZE * sizeof(*new.page));
	for (uint32_t done = 0; new.page &&done < pipe->used;) {
		uint32_t at = (pipe->read_at + done) % pipe->size;
		size_t run = run_length(at, pipe->used - done);

		if (put_bytes(&new, pipe->page[at / PAGE_SIZE] + at % PAGE_SIZE, run) < run) {
			free_pages(new.page, size);
			new.page = NULL;
		}
		done += (uint32_t)run;
	}
	if (!new.page)
		return -ENOMEM;
	free_pages(pipe->page, pipe->size);
	pipe->page = new.page;
	pipe->size = size;
	pipe->read_at = 0;
	return (long)size;
}

long pipe_set_size(struct file *file, uint32_t wanted)
{
	struct pipe *pipe = file->private;
	uint64_t size = pipe_rounded_size(wanted);
	long result;

	if (file->ops != &fifo_ops)
		return -EBADF;
	if (size > 1u << 31)
		return -EINVAL;
	if (size > pipe->size && size > pipe_size_limit && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	mutex_lock(&pipe->lock);
	result = resize(pipe, (uint32_t)size);
	mutex_unlock(&pipe->lock);
	if (result > 0)
		wake_up(&pipe->queue);
	return result;
}

long pipe_size(const struct file *file)
{
	const struct pipe *pipe = file->private;

	return file->ops == &fifo_ops ? (long)pipe->size : -EBADF;
}

/* --- pipe(2) ------------------------------------------------------------------------------------------ */

long pipe_create(unsigned flags, struct file *out_ends[2])
{
	struct pipe *pipe = pipe_new();
	struct inode *inode;
	char text[32];

	if (!pipe)
		return -ENOMEM;
	out_ends[0] = file_create_anonymous(S_IFIFO | 0600, "", O_RDONLY | flags, &fifo_ops, pipe);
	if (!out_ends[0]) {
		pipe_free(pipe);
		return -ENFILE;
	}
	add_end(pipe, O_RDONLY);
	inode = out_ends[0]->inode;
	inode->pipe = pipe;
	ksnprintf(text, sizeof(text), "pipe:[%" PRIu64 "]", inode->ino);
	kfree(inode->ghost);
	inode->ghost = kstrdup(text);
	out_ends[1] = file_create(inode_get(inode), O_WRONLY | flags, &fifo_ops);
	if (!out_ends[1]) {
		inode_put(inode);
		file_put(out_ends[0]);
		return -ENFILE;
	}
	out_ends[1]->private = pipe;
	ref_get(&pipe->refs);
	add_end(pipe, O_WRONLY);
	return 0;
}

static long pipe_fds(uint64_t user_fds, unsigned flags)
{
	struct file *end[2];
	int fd[2];
	long result;

	if (flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	result = pipe_create(flags & O_NONBLOCK, end);
	if (result)
		return result;
	fd[0] = fd_install(end[0], flags & O_CLOEXEC);
	if (fd[0] < 0) {
		file_put(end[0]);
		file_put(end[1]);
		return fd[0];
	}
	fd[1] = fd_install(end[1], flags & O_CLOEXEC);
	if (fd[1] < 0) {
		file_put(end[1]);
		sys_close((abi_ulong[]){(abi_ulong)fd[0]});
		return fd[1];
	}
	if (copy_to_user(user_fds, fd, sizeof(fd))) {
		sys_close((abi_ulong[]){(abi_ulong)fd[0]});
		sys_close((abi_ulong[]){(abi_ulong)fd[1]});
		return -EFAULT;
	}
	return 0;
}

long sys_pipe(const abi_ulong *a)
{
	return pipe_fds(a[0], 0);
}

long sys_pipe2(const abi_ulong *a)
{
	return pipe_fds(a[0], (unsigned)a[1]);
}
