/* SPDX-License-Identifier: MIT */
/* The kernel's copies from and to a program's memory (copyin, copyout, copy_from_user), through the page tables of
 * an address space: for kernels that do not map the program's memory, and for those that do.
 *
 * A page that is there is copied as it is; a read does not unshare it. A page that is not there is brought in as an
 * access of the program would, stacks grow, and quire_host.count_fault() is told. Addresses of the kernel, and pages
 * that the program itself may not use, are QUIRE_EFAULT. */
#ifndef QUIRE_COPY_H
#define QUIRE_COPY_H

#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	/* Does not sleep and takes no fault: for callers that hold spinlocks. What is not there at once (no page, a page
	 * that must be copied first, a lock that another thread holds) ends the copy with QUIRE_EFAULT. The caller
	 * leaves its spinlocks and goes on, without the flag, after what was done. */
	QUIRE_COPY_NOWAIT = 1
};

/* Copies `length` bytes at `from` of `mm` to `to`, memory of the kernel that takes no fault. `flags`: QUIRE_COPY_*.
 * *out_done: bytes copied, also on failure.
 * Returns    QUIRE_OK: all of them; QUIRE_EFAULT: the next byte cannot be read; QUIRE_ENOMEM: no frame for it.
 * Context    may sleep for the mm lock, pages, memory; any with NOWAIT. Stack: large. Locks: none of the
 *            library's; the mm lock is taken for read. */
enum quire_status quire_copy_in(struct quire_mm *mm, void *to, quire_va from, size_t length, unsigned flags,
				size_t *out_done) QUIRE_MUST_USE;

/* Copies `length` bytes of `from`, memory of the kernel that takes no fault, to `to` of `mm`. `flags`: QUIRE_COPY_*.
 * *out_done: bytes copied, also on failure.
 * Returns    QUIRE_OK: all of them; QUIRE_EFAULT: the next byte cannot be written; QUIRE_ENOMEM: no frame for it.
 * Context    may sleep for the mm lock, pages, memory; any with NOWAIT. Stack: large. Locks: none of the
 *            library's; the mm lock is taken for read. */
enum quire_status quire_copy_out(struct quire_mm *mm, quire_va to, const void *from, size_t length,
				 unsigned flags, size_t *out_done) QUIRE_MUST_USE;

/* Copies a string at `from` of `mm` to `to`, memory of the kernel with room for `size` bytes, up to its zero byte and
 * with it. `flags`: QUIRE_COPY_*. *out_length: bytes copied, without the zero byte, also on failure.
 * Returns    QUIRE_OK; QUIRE_ERANGE: no zero byte in `size` bytes; QUIRE_EFAULT: the next byte cannot be read;
 *            QUIRE_ENOMEM: no frame for it.
 * Context    may sleep for the mm lock, pages, memory; any with NOWAIT. Stack: large. Locks: none of the
 *            library's; the mm lock is taken for read. */
enum quire_status quire_copy_string_in(struct quire_mm *mm, char *to, quire_va from, size_t size,
				       unsigned flags, size_t *out_length) QUIRE_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
