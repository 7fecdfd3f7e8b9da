/* SPDX-License-Identifier: MIT */
/* /proc: the text of its files, which is written when it is read. */
#include "fs/proc.h"

/* --- text ------------------------------------------------------------------------------------------ */

static bool text_room(struct text *text, size_t n)
{
	size_t room = MAX(text->room * 2, text->length + n + 1);
	char *more;

	if (text->failed || text->length + n + 1 <= text->room)
		return !text->failed;
	room = MAX(room, (size_t)1024);
	more = krealloc(text->data, text->room, room);
	if (!more) {
		text->failed = true;
		return false;
	}
	text->data = more;
	text->room = room;
	return true;
}

void text_add(struct text *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = kvsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0 || !text_room(text, (size_t)length))
		return;
	va_start(args, format);
	kvsnprintf(text->data + text->length, (size_t)length + 1, format, args);
	va_end(args);
	text->length += (size_t)length;
}

void text_bytes(struct text *text, const void *bytes, size_t n)
{
	if (!text_room(text, n))
		return;
	memcpy(text->data + text->length, bytes, n);
	text->length += n;
}

/* --- reading --------------------------------------------------------------------------------------- */

/* Forgets what lies before `pos`: of a file in pieces, a page or two are kept. */
static void text_drop(struct text *text, uint64_t pos)
{
	size_t n = MIN(text->length, pos - text->start);

	memmove(text->data, text->data + n, text->length - n);
	text->start += n;
	text->length -= n;
}

static long text_piece(const struct node *node, struct text *text)
{
	struct process *process = proc_node_process(node);

	if (node->pid && !process)
		return -ESRCH;
	text->more = false;
	text->tid = node->tid;
	if (node->entry->setting)
		proc_make_setting(node->entry->setting, text);
	else
		node->entry->make(process, text);
	if (process)
		process_put(process);
	return text->failed ? -ENOMEM : 0;
}

/* Read from its start, a file is written anew; a position that was dropped is come to by writing it again. */
static long text_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	struct text *text = file->private;
	long result;

	if (!text) {
		text = file->private = kzalloc(sizeof(*text));
		if (!text)
			return -ENOMEM;
		text->more = true;
	}
	if (*pos == 0 || *pos < text->start)
		*text = (struct text){.data = text->data, .room = text->room, .more = true};
	while (text->more && text->start + text->length < *pos + n) {
		text_drop(text, *pos);
		result = text_piece(file->inode->private, text);
		if (result)
			return result;
	}
	if (*pos >= text->start + text->length)
		return 0;
	n = MIN(n, text->start + text->length - *pos);
	memcpy(to, text->data + (*pos - text->start), n);
	*pos += n;
	return (long)n;
}

/* One value in one write, as a shell's echo gives it. */
static long text_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	const struct node *node = file->inode->private;
	struct process *process;
	size_t length = n;
	char value[128];
	int result;

	if (!node->entry->take && !node->entry->setting)
		return -EIO;
	if (n >= sizeof(value))
		return -EINVAL;
	memcpy(value, from, n);
	while (length && (value[length - 1] == '\n' || value[length - 1] == ' '))
		length--;
	value[length] = '\0';
	if (node->entry->setting) {
		result = proc_take_setting(node->entry->setting, value);
		return result ? result : (long)n;
	}
	process = proc_node_process(node);
	if (node->pid && !process)
		return -ESRCH;
	result = node->entry->take(process, value);
	if (process)
		process_put(process);
	return result ? result : (long)n;
}

static void text_release(struct file *file)
{
	struct text *text = file->private;

	if (text)
		kfree(text->data);
	kfree(text);
}

static long raw_transfer(struct file *file, char *data, size_t n, uint64_t *pos, bool write)
{
	const struct node *node = file->inode->private;
	struct process *process = proc_node_process(node);
	long result;

	if (!process)
		return -ESRCH;
	result = node->entry->raw(process, data, n, *pos, write);
	process_put(process);
	if (result > 0)
		*pos += (uint64_t)result;
	return result;
}

static long raw_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	return raw_transfer(file, to, n, pos, false);
}

static long raw_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	union {
		const char *in;
		char *out;
	} data = {.in = from};

	return raw_transfer(file, data.out, n, pos, true);
}

const struct file_ops proc_text_ops = {.read = text_read, .write = text_write, .release = text_release};
const struct file_ops proc_raw_ops = {.read = raw_read, .write = raw_write};
