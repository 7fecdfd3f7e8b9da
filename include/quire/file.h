/* SPDX-License-Identifier: MIT */
/* Files: mappable objects. A page cache over the host's transfers, or memory alone (shmem). */
#ifndef QUIRE_FILE_H
#define QUIRE_FILE_H

#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the host does for a file. `context`: as given to quire_file_create(). All but release may sleep.
 *
 * Locks: `read` and `write` hold the page lock; `read` and `mkwrite` may hold the mm lock for read. No other
 * lock of the library is held. They may call the library for another file of the same system, one that lies below:
 * its pages are locked under those of this one, never the other way round. A `write` that a thread calls to free memory
 * gets frames from the reserve, or QUIRE_ENOMEM. */
struct quire_file_ops {
	/* Reads up to `length` bytes at `offset` into `buffer` (linear memory or a mapped window), never beyond
	 * the size. Sets *out_length; fewer bytes than asked are an error to the program that faults.
	 * Returns QUIRE_OK or a status (usually QUIRE_EIO). NULL: shared memory, as without `ops`, but `release`
	 * is called. */
	enum quire_status (*read)(void *context, uint64_t offset, void *buffer, size_t length,
				  size_t *out_length);
	/* Writes `length` bytes of `buffer` at `offset`. Returns QUIRE_OK, or a status: the page stays dirty.
	 * NULL: the file is never written back. */
	enum quire_status (*write)(void *context, uint64_t offset, const void *buffer, size_t length);
	/* page_mkwrite: page `index` is about to become writable in some address space. Returns QUIRE_OK, or a
	 * status (QUIRE_ENOSPC, QUIRE_EIO): SIGBUS to the writer. NULL: always granted. */
	enum quire_status (*mkwrite)(void *context, uint64_t index);
	/* The last reference is gone. Called where that was put: with no lock. The file is freed after it. NULL:
	 * nothing. */
	void (*release)(void *context);
};

/* Makes a file of `size` bytes with one reference.
 * `ops`: NULL, or without `read`, makes shared memory: absent pages are zeroes, and pages are the only copy.
 * Returns    QUIRE_OK and the file; QUIRE_ENOMEM.
 * Context    does not sleep. */
enum quire_status quire_file_create(struct quire_system *system, const struct quire_file_ops *ops,
				    void *context, uint64_t size,
				    struct quire_file **out_file) QUIRE_MUST_USE;

/* Takes a reference. Each mapping holds one of its own. Returns `file`. Any context. */
struct quire_file *quire_file_get(struct quire_file *file);

/* Takes a reference unless the last one was put already: for a table that finds the file of an inode and holds no
 * reference itself. The file must exist until this returns: `release` takes it out of the table under a lock that
 * the caller holds (PORTING.md, "One file for each inode").
 * Returns    `file`; NULL: it is going away. Any context. */
struct quire_file *quire_file_tryget(struct quire_file *file) QUIRE_MUST_USE;

/* Puts a reference; NULL is allowed. The last one drops every page and writes nothing back: sync first.
 * Context: may sleep for pages. Stack: middle. Locks: none may be held. */
void quire_file_put(struct quire_file *file);

/* Returns the size in bytes. Any context. */
uint64_t quire_file_size(const struct quire_file *file);

/* Returns what quire_file_create() was given. Any context. */
void *quire_file_context(const struct quire_file *file);

/* Returns how many pages are in the cache. Any context. */
uint64_t quire_file_resident(const struct quire_file *file);

struct quire_file_counts {
	uint64_t cached;  /* pages in the cache */
	uint64_t dirty;   /* of them, to be written back; none of shared memory */
	uint64_t evicted; /* were in the cache, as far as the library knows; of shared memory, in a store */
};
/* Counts the pages of [offset, offset + length), those that it touches in part too; length 0: to the end. Of a
 * range that wraps none is counted. What comes or goes meanwhile is counted or not.
 * Context: does not sleep. Locks: none may be held. */
void quire_file_count(struct quire_file *file, uint64_t offset, uint64_t length,
		      struct quire_file_counts *out_counts);

/* Sets the size (ftruncate). Shrinking unmaps every page wholly beyond the new end from every address
 * space, private copies too, drops them, and clears the rest of the last page. Growing adds zeroes.
 * The host shortens its device itself, before the call and again after it: what it would read there later must
 * be zeroes, and a writeback that is under way may bring the old tail back in between.
 * Returns    QUIRE_OK; QUIRE_EFBIG: nothing was changed. Never out of memory.
 * Context    may sleep for pages. Stack: large. Locks: none may be held. */
enum quire_status quire_file_truncate(struct quire_file *file, uint64_t size) QUIRE_MUST_USE;

/* Punches a hole (FALLOC_FL_PUNCH_HOLE | KEEP_SIZE): whole pages in the range are unmapped, but not
 * private copies, and dropped; partial ones are cleared. The host frees the whole pages of its device
 * itself, first.
 * Returns    QUIRE_OK; QUIRE_EINVAL: length 0, or the range wraps; QUIRE_EIO, QUIRE_ENOMEM: a partial page could
 *            not be read; the whole pages are as they were.
 * Context    may sleep for pages. Stack: large. Locks: none may be held. */
enum quire_status quire_file_punch(struct quire_file *file, uint64_t offset, uint64_t length) QUIRE_MUST_USE;

/* Reads through the page cache (read(2)): what mappings wrote is seen. `buffer`: kernel memory, not a program's
 * (the port copies user memory itself).
 * *out_done: bytes read; fewer than `length` at the end of the file.
 * Returns    QUIRE_OK; QUIRE_ENOMEM, QUIRE_EIO: *out_done were read before.
 * Context    may sleep for pages, memory. Stack: large. Locks: none may be held. */
enum quire_status quire_file_read(struct quire_file *file, uint64_t offset, void *buffer, size_t length,
				  size_t *out_done) QUIRE_MUST_USE;

/* Writes through the page cache (write(2)): mappings see it at once. A write beyond the end grows the file.
 * `buffer`: kernel memory. *out_done: bytes written. Several threads may write one file at once: each page of a call
 * is one piece, and no call takes from the file's end what another has added.
 * Returns    QUIRE_OK; QUIRE_ENOMEM, QUIRE_EIO: *out_done were written before; QUIRE_EFBIG: nothing was.
 * Context    may sleep for pages, memory. Stack: large. Locks: none may be held. */
enum quire_status quire_file_write(struct quire_file *file, uint64_t offset, const void *buffer,
				   size_t length, size_t *out_done) QUIRE_MUST_USE;

/* Writes dirty pages of [offset, offset + length) back; length 0: to the end. Pages written are clean
 * and write-protected in every address space, so that the next write is seen.
 * Returns    QUIRE_OK; the first error of `write`, after every page was tried.
 * Context    may sleep for pages. Locks: none may be held. */
enum quire_status quire_file_sync(struct quire_file *file, uint64_t offset, uint64_t length) QUIRE_MUST_USE;

/* Drops clean, unmapped pages of the range (posix_fadvise DONTNEED); length 0: to the end.
 * Returns    how many were dropped. Shared memory loses nothing.
 * Context    may sleep for pages. Locks: none may be held. */
uint64_t quire_file_drop(struct quire_file *file, uint64_t offset, uint64_t length);

#ifdef __cplusplus
}
#endif
#endif
