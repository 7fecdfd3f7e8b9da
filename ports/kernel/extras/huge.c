/* SPDX-License-Identifier: MIT */
/* Huge pages as programs ask for them. The pool of them is empty, however many an administrator wants: a file of huge
 * pages can be made and given a size, and every mapping of it is ENOMEM, as on Linux without such pages.
 *
 * There is one size, that of a leaf of level 1. */
#include "extras/huge.h"

#include "fs/fs.h"
#include "port/system.h"

unsigned huge_shift(void)
{
	return quire_system_arch(the_system)->level[1].shift;
}

/* The file is one hole. */
static long huge_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	uint64_t size = inode_size(file->inode);

	if (*pos >= size)
		return 0;
	n = MIN(n, size - *pos);
	memset(to, 0, n);
	*pos += n;
	return (long)n;
}

static long huge_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	return -EINVAL;
}

static const struct file_ops huge_ops = {.read = huge_read, .write = huge_write};

const struct file_ops *huge_file_ops(unsigned size)
{
	return !size || size == huge_shift() ? &huge_ops : NULL;
}

unsigned huge_file_shift(const struct file *file)
{
	return file->ops == &huge_ops ? huge_shift() : 0;
}
