/* SPDX-License-Identifier: MIT */
/* Memory of the running program, with the checks that the assembly leaves out. */
#include "kern/uaccess.h"
#include "kern/task.h"
#include "port/system.h"

#define PATH_MAX 4096
#define PATH_FEW 256 /* most paths have room in so many bytes: no pages are needed for them */
#define IOV_MAX  1024

static bool is_user_range(uint64_t at, size_t n)
{
	return at < user_end && n <= user_end - at;
}

size_t copy_to_user_partial(uint64_t to, const void *from, size_t n)
{
	return is_user_range(to, n) ? arch_user_copy((void *)(uintptr_t)to, from, n) : n;
}

size_t copy_from_user_partial(void *to, uint64_t from, size_t n)
{
	return is_user_range(from, n) ? arch_user_copy(to, (const void *)(uintptr_t)from, n) : n;
}

int copy_to_user(uint64_t to, const void *from, size_t n)
{
	return copy_to_user_partial(to, from, n) ? -EFAULT : 0;
}

int copy_from_user(void *to, uint64_t from, size_t n)
{
	return copy_from_user_partial(to, from, n) ? -EFAULT : 0;
}

long strncpy_from_user(char *to, uint64_t from, size_t size)
{
	size_t done = 0;

	/* Page by page: what lies behind the string's page may not be there. */
	while (done < size) {
		size_t part = MIN(PAGE_SIZE - ((from + done) & PAGE_MASK), size - done);
		size_t left = copy_from_user_partial(to + done, from + done, part);
		char *end = memchr(to + done, 0, part - left);

		if (end)
			return end - to;
		if (left)
			return -EFAULT;
		done += part;
	}
	return -ENAMETOOLONG;
}

int path_from_user(uint64_t from, bool allow_empty, char **out_path)
{
	char *path = kmalloc(PATH_FEW);
	long n;

	if (!path)
		return -ENOMEM;
	n = strncpy_from_user(path, from, PATH_FEW);
	if (n == -ENAMETOOLONG) {
		kfree(path);
		path = kmalloc(PATH_MAX);
		if (!path)
			return -ENOMEM;
		n = strncpy_from_user(path, from, PATH_MAX);
	}
	if (n < 0 || (n == 0 && !allow_empty)) {
		kfree(path);
		return n < 0 ? (int)n : -ENOENT;
	}
	*out_path = path;
	return 0;
}

long iovec_from_user(uint64_t from, uint64_t count, struct abi_iovec **out_vector, uint64_t *out_total)
{
	struct abi_iovec *vector;
	uint64_t total = 0;

	*out_vector = NULL;
	*out_total = 0;
	if (count > IOV_MAX)
		return -EINVAL;
	if (!count)
		return 0;
	vector = kmalloc(count * sizeof(*vector));
	if (!vector)
		return -ENOMEM;
	if (copy_from_user(vector, from, count * sizeof(*vector))) {
		kfree(vector);
		return -EFAULT;
	}
	for (uint64_t i = 0; i < count; i++) {
		total += vector[i].length;
		if (vector[i].length > ABI_ULONG_MAX / 2 || total > ABI_ULONG_MAX / 2) {
			kfree(vector);
			return -EINVAL;
		}
	}
	*out_vector = vector;
	*out_total = total;
	return 0;
}
