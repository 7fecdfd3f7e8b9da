/* SPDX-License-Identifier: MIT */
/* Standard input, output and error as `quire run` connects them: the terminal, or plain byte streams.
 *
 * Input comes framed (report.h). A stream is a ring of bytes that the interrupt fills and readers empty;
 * when it is full, receive interrupts are masked. */
#include "fs/fs.h"

enum {
	RING = 16384
};
enum state {
	PLAIN,
	ESCAPE,
	WINDOW_1,
	WINDOW_2,
	WINDOW_3,
	WINDOW_4
};

static struct spinlock stream_lock = SPINLOCK_INIT;
static struct wait_queue stream_queue = WAIT_QUEUE_INIT(stream_queue);
static unsigned char ring[RING];
static volatile uint32_t ring_head, ring_tail; /* grow for ever; their difference is what is in it */
static volatile bool at_end, deaf;
static enum state state;
static unsigned char window[3];
static char kind[3] = {'t', 't', 't'};

/* --- input, from the interrupt --------------------------------------------------------------------- */

static bool take_byte(unsigned char byte)
{
	bool room;

	if (kind[0] == 't')
		return tty_input(byte);
	spin_lock(&stream_lock);
	room = ring_head - ring_tail < RING;
	if (room)
		ring[ring_head++ % RING] = byte;
	else
		deaf = true;
	spin_unlock(&stream_lock);
	if (room)
		wake_up(&stream_queue);
	return room;
}

static bool take_escaped(unsigned char byte)
{
	if (byte == 0xff && !take_byte(byte))
		return false;
	state = byte == 1 ? WINDOW_1 : PLAIN;
	if (byte == 0) {
		at_end = true;
		if (kind[0] == 't')
			tty_hangup();
		wake_up(&stream_queue);
	}
	return true;
}

bool console_input(unsigned char byte)
{
	switch (state) {
	case PLAIN:
		if (byte != 0xff)
			return take_byte(byte);
		state = ESCAPE;
		return true;
	case ESCAPE:
		return take_escaped(byte);
	case WINDOW_4:
		state = PLAIN;
		tty_window(window[0] | (unsigned)window[1] << 8, window[2] | (unsigned)byte << 8);
		return true;
	default:
		window[state - WINDOW_1] = byte;
		state++;
		return true;
	}
}

/* --- streams --------------------------------------------------------------------------------------- */

static bool has_input(void)
{
	return ring_head != ring_tail || at_end;
}

static long stream_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	bool was_deaf;
	size_t done = 0;
	long result;

	if (!n)
		return 0;
	if (!has_input()) {
		if (!wait)
			return -EAGAIN;
		result = wait_event(&stream_queue, has_input());
		if (result)
			return result;
	}
	spin_lock(&stream_lock);
	while (done < n && ring_tail != ring_head)
		to[done++] = (char)ring[ring_tail++ % RING];
	was_deaf = deaf;
	deaf = false;
	spin_unlock(&stream_lock);
	if (was_deaf)
		arch_console_listen();
	return (long)done;
}

static long stream_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	arch_console_write(file->inode->private ? CONSOLE_ERROR : CONSOLE_OUTPUT, from, n);
	return (long)n;
}

static unsigned stream_poll(struct file *file, struct poll_set *set)
{
	poll_wait(set, &stream_queue);
	return (has_input() ? POLLIN | POLLRDNORM : 0) | (at_end && ring_head == ring_tail ? POLLHUP : 0) |
	       POLLOUT | POLLWRNORM;
}

const struct file_ops stream_ops = {
    .read = stream_read,
    .write = stream_write,
    .poll = stream_poll,
    .stream = true,
};

/* --- the first task's descriptors ------------------------------------------------------------------ */

void console_configure(const char *kinds, unsigned rows, unsigned columns)
{
	for (unsigned i = 0; i < 3; i++)
		kind[i] = kinds[i] == 't' ? 't' : 'p';
	/* The terminal's output goes where the host has one: with standard output, or else with error. */
	tty_set_line(kind[1] == 'p' && kind[2] == 't' ? CONSOLE_ERROR : CONSOLE_OUTPUT);
	tty_window(rows, columns);
	arch_console_listen();
}

static struct file *open_terminal(void)
{
	struct file *file;

	return vfs_open("/dev/console", O_RDWR | O_NOCTTY, 0, &file) ? NULL : file;
}

struct file *console_open(int fd)
{
	struct file *file;
	char text[32];

	if (kind[fd] == 't')
		return open_terminal();
	file = file_create_anonymous(S_IFIFO | 0600, "", fd ? O_WRONLY : O_RDONLY, &stream_ops, NULL);
	if (!file)
		return NULL;
	ksnprintf(text, sizeof(text), "pipe:[%" PRIu64 "]", file->inode->ino);
	kfree(file->inode->ghost);
	file->inode->ghost = kstrdup(text);
	/* /dev/stdout opens the inode again: it must find the stream, not a new FIFO. */
	file->inode->fops = &stream_ops;
	file->inode->private = fd == 2 ? file : NULL;
	return file;
}
