/* SPDX-License-Identifier: MIT */
/* Files with a device behind them, whose transfers can be made to fail. */
#include <stdlib.h>
#include <string.h>

#include "machine.h"

/* CPUs are parallel in a free run only. */
static void begin(struct sim_file *file)
{
	if (file->sim->free_run)
		pthread_mutex_lock(&file->sim->shared);
}

static void end(struct sim_file *file)
{
	if (file->sim->free_run)
		pthread_mutex_unlock(&file->sim->shared);
}

static struct sim_cpu *transfer(struct sim_file *file, const char *what)
{
	struct sim_cpu *cpu = sim_current(file->sim);

	sim_lock_may_sleep(cpu, what);
	sim_point_at(cpu, what);
	return cpu;
}

static enum quire_status refuse(const struct sim_file *file)
{
	return file->fail_status != QUIRE_OK ? file->fail_status : QUIRE_EIO;
}

/* Whether a transfer of [offset, offset + length) touches page `index`. */
static bool touches(const struct sim_file *file, uint64_t offset, size_t length, uint64_t index)
{
	uint64_t page = file->sim->page_bytes;

	return length && offset / page <= index && index <= (offset + length - 1) / page;
}

static enum quire_status file_read(void *context, uint64_t offset, void *buffer, size_t length,
				   size_t *out_length)
{
	struct sim_file *file = context;

	sim_lock_transfer(transfer(file, "a read of a file"), "a read of a file", true, true);
	__atomic_add_fetch(&file->reads, 1, __ATOMIC_RELAXED);
	*out_length = 0;
	if (touches(file, offset, length, file->fail_read))
		return refuse(file);
	begin(file);
	if (offset >= file->capacity)
		length = 0;
	else if (length > file->capacity - offset)
		length = (size_t)(file->capacity - offset);
	if (file->short_reads)
		length /= 2;
	memcpy(buffer, file->bytes + offset, length);
	*out_length = length;
	end(file);
	return QUIRE_OK;
}

/* Makes the device at least so long. */
static bool grow(struct sim_file *file, uint64_t size)
{
	unsigned char *more;

	if (size <= file->capacity)
		return true;
	more = realloc(file->bytes, (size_t)size);
	if (!more)
		return false;
	memset(more + file->capacity, 0, (size_t)(size - file->capacity));
	file->bytes = more;
	file->capacity = size;
	return true;
}

static enum quire_status file_write(void *context, uint64_t offset, const void *buffer, size_t length)
{
	struct sim_file *file = context;
	enum quire_status status = QUIRE_OK;

	sim_lock_transfer(transfer(file, "a write of a file"), "a write of a file", true, false);
	__atomic_add_fetch(&file->writes, 1, __ATOMIC_RELAXED);
	if (touches(file, offset, length, file->fail_write))
		return refuse(file);
	begin(file);
	if (grow(file, offset + length))
		memcpy(file->bytes + offset, buffer, length);
	else
		status = QUIRE_ENOSPC;
	end(file);
	return status;
}

static enum quire_status file_mkwrite(void *context, uint64_t index)
{
	struct sim_file *file = context;

	sim_lock_transfer(transfer(file, "a page of a file becomes writable"),
			  "a page of a file becomes writable", false, true);
	__atomic_add_fetch(&file->mkwrites, 1, __ATOMIC_RELAXED);
	return index == file->fail_mkwrite ? refuse(file) : QUIRE_OK;
}

static void file_release(void *context)
{
	struct sim_file *file = context;

	free(file->bytes);
	free(file);
}

static const struct quire_file_ops file_ops = {
    .read = file_read,
    .write = file_write,
    .mkwrite = file_mkwrite,
    .release = file_release,
};

enum quire_status sim_file_create(struct sim *sim, uint64_t size, unsigned char fill,
				  struct sim_file **out_file)
{
	struct sim_file *file = calloc(1, sizeof(*file));
	enum quire_status status;

	if (!file)
		return QUIRE_ENOMEM;
	file->sim = sim;
	file->fail_read = file->fail_write = file->fail_mkwrite = UINT64_MAX;
	file->capacity = size;
	file->bytes = malloc(size ? (size_t)size : 1);
	if (!file->bytes) {
		free(file);
		return QUIRE_ENOMEM;
	}
	for (uint64_t at = 0; at < size; at++)
		file->bytes[at] = (unsigned char)(fill + at / sim->page_bytes);
	status = quire_file_create(sim->system, &file_ops, file, size, &file->file);
	if (status != QUIRE_OK) {
		file_release(file);
		return status;
	}
	*out_file = file;
	return QUIRE_OK;
}

static void clear_beyond(struct sim_file *file, uint64_t size)
{
	begin(file);
	if (size < file->capacity)
		memset(file->bytes + size, 0, (size_t)(file->capacity - size));
	end(file);
}

enum quire_status sim_file_truncate(struct sim_file *file, uint64_t size)
{
	struct sim_cpu *cpu = sim_current(file->sim);
	enum quire_status status;
	bool grown;

	begin(file);
	grown = grow(file, size);
	end(file);
	if (!grown)
		return QUIRE_ENOSPC;
	clear_beyond(file, size);
	sim_op_begin(cpu, "truncate");
	status = sim_op_end(cpu, quire_file_truncate(file->file, size));
	/* A page that was being written when the device was shortened has come back. */
	if (status == QUIRE_OK)
		clear_beyond(file, size);
	return status;
}

void sim_file_close(struct sim_file *file)
{
	struct sim_cpu *cpu = sim_current(file->sim);

	sim_op_begin(cpu, "file close");
	quire_file_put(file->file);
	(void)sim_op_end(cpu, QUIRE_OK);
}
