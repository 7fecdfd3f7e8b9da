/* SPDX-License-Identifier: MIT */
/* Memory of the running program: every access goes through here, and faults through the library.
 *
 * All may sleep (a page may have to be found) and need a task with an address space. */
#ifndef KERNEL_UACCESS_H
#define KERNEL_UACCESS_H

#include "abi/uio.h"
#include "kern/kernel.h"

/* Return 0, or -EFAULT when not every byte could be copied. */
int copy_to_user(uint64_t to, const void *from, size_t n);
int copy_from_user(void *to, uint64_t from, size_t n);

/* The same, returning how many bytes were NOT copied: read() and write() report what was moved. */
size_t copy_to_user_partial(uint64_t to, const void *from, size_t n);
size_t copy_from_user_partial(void *to, uint64_t from, size_t n);

/* Length without the NUL; -EFAULT; -ENAMETOOLONG when `size` bytes hold no NUL. */
long strncpy_from_user(char *to, uint64_t from, size_t size);

/* A path of a program, kmalloc'ed: 0, -EFAULT, -ENAMETOOLONG (4096), -ENOMEM, -ENOENT when empty and
 * `allow_empty` is false. Free it with kfree(). */
int path_from_user(uint64_t from, bool allow_empty, char **out_path);

#define put_user(value, to)                                  \
	({                                                   \
		typeof(value) value_ = (value);              \
		copy_to_user((to), &value_, sizeof(value_)); \
	})
#define get_user(variable, from) copy_from_user(&(variable), (from), sizeof(variable))

/* The iovec of a program: at most 1024 entries, lengths summed and checked.
 * 0 and kmalloc'ed *out_vector (or NULL when count is 0); -EINVAL, -EFAULT, -ENOMEM. */
long iovec_from_user(uint64_t from, uint64_t count, struct abi_iovec **out_vector, uint64_t *out_total);

#endif
