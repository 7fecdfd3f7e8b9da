/* SPDX-License-Identifier: MIT */
/* Address spaces: what a program's memory system calls do, with Linux's semantics and errno.
 *
 * Unless a function says otherwise: it may sleep, takes the mm lock itself (no lock of the library
 * may be held), returns QUIRE_OK or the status Linux returns in the same case, and on failure leaves
 * everything as it was where Linux does (munmap, mprotect, madvise and mlock of several vmas keep
 * what was done before the failing one, as on Linux). Addresses and lengths are bytes. */
#ifndef QUIRE_MM_H
#define QUIRE_MM_H

#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- life ----------------------------------------------------------------------------------------- */

struct quire_mm_layout {
	quire_va task_end;  /* end of user addresses; 0: the arch's */
	quire_va mmap_base; /* where the search for gaps starts; 0: from the limits, as Linux places it */
	uint8_t bottom_up;  /* 1: search upwards whatever the profile says */
};

/* Makes an empty address space. `layout`: NULL for the defaults.
 * Returns QUIRE_OK; QUIRE_ENOMEM; QUIRE_EINVAL: an address outside the arch's user half. */
enum quire_status quire_mm_create(struct quire_system *system, const struct quire_mm_layout *layout,
				  struct quire_mm **out_mm) QUIRE_MUST_USE;

/* References (threads). The last put unmaps everything and frees the tables.
 * => no CPU is active in an mm whose last reference is put. */
struct quire_mm *quire_mm_get(struct quire_mm *mm);
void quire_mm_put(struct quire_mm *mm);

/* Copies an address space for fork: private pages are shared copy-on-write.
 * Returns QUIRE_OK; QUIRE_ENOMEM: no frame, or the commit limit; the parent is as it was. */
enum quire_status quire_mm_fork(struct quire_mm *parent, struct quire_mm **out_child) QUIRE_MUST_USE;

/* CPU `cpu` will use this address space: returns the root table to load. Until quire_mm_leave() the
 * CPU is in the set of every flush. A CPU is in one mm at a time. Any context. */
quire_pa quire_mm_enter(struct quire_mm *mm, unsigned cpu);
void quire_mm_leave(struct quire_mm *mm, unsigned cpu);

struct quire_system *quire_mm_system(const struct quire_mm *mm);

/* The context pointer of the port (its process). NULL until set. */
void quire_mm_set_context(struct quire_mm *mm, void *context);
void *quire_mm_context(const struct quire_mm *mm);

/* --- limits and rights ---------------------------------------------------------------------------- */

enum quire_limit {
	QUIRE_LIMIT_DATA = 0,
	QUIRE_LIMIT_STACK,
	QUIRE_LIMIT_AS,
	QUIRE_LIMIT_MEMLOCK,
	QUIRE_LIMIT_COUNT
};
#define QUIRE_UNLIMITED UINT64_MAX

/* Soft limits in bytes. Defaults: DATA and AS unlimited, STACK 8 MiB, MEMLOCK 8 MiB. fork inherits. */
void quire_mm_set_limit(struct quire_mm *mm, enum quire_limit limit, uint64_t bytes);
uint64_t quire_mm_limit(const struct quire_mm *mm, enum quire_limit limit);

enum {
	QUIRE_RIGHT_IPC_LOCK = 1,  /* CAP_IPC_LOCK: RLIMIT_MEMLOCK does not bind */
	QUIRE_RIGHT_SYS_ADMIN = 2, /* CAP_SYS_ADMIN: the last 3 percent may be committed */
	QUIRE_RIGHT_SYS_RAWIO = 4  /* CAP_SYS_RAWIO: may map below mmap_min_addr */
};
void quire_mm_set_rights(struct quire_mm *mm, uint32_t rights);

/* --- mapping: flags, advice and errors have Linux's numbers --------------------------------------- */

enum {
	QUIRE_MAP_SHARED = 0x01,
	QUIRE_MAP_PRIVATE = 0x02,
	QUIRE_MAP_SHARED_VALIDATE = 0x03,
	QUIRE_MAP_TYPE = 0x0f,
	QUIRE_MAP_FIXED = 0x10,
	QUIRE_MAP_ANONYMOUS = 0x20,
	QUIRE_MAP_GROWSDOWN = 0x0100,
	QUIRE_MAP_DENYWRITE = 0x0800,  /* ignored, as on Linux */
	QUIRE_MAP_EXECUTABLE = 0x1000, /* ignored, as on Linux */
	QUIRE_MAP_LOCKED = 0x2000,
	QUIRE_MAP_NORESERVE = 0x4000,
	QUIRE_MAP_POPULATE = 0x8000,
	QUIRE_MAP_NONBLOCK = 0x10000,
	QUIRE_MAP_STACK = 0x20000,
	QUIRE_MAP_HUGETLB = 0x40000, /* refused: QUIRE_EINVAL */
	QUIRE_MAP_SYNC = 0x80000,
	QUIRE_MAP_FIXED_NOREPLACE = 0x100000
};

struct quire_mmap {
	quire_va addr; /* hint, or the place with FIXED */
	uint64_t length;
	quire_prot prot;
	uint32_t flags;          /* QUIRE_MAP_* */
	struct quire_file *file; /* NULL: anonymous */
	uint64_t offset;         /* in the file */
	quire_prot file_prot;    /* how the descriptor was opened: READ, WRITE; EXEC unless noexec.
	                          * 0 means READ | WRITE | EXEC */
};

enum quire_status quire_mmap(struct quire_mm *mm, const struct quire_mmap *how,
			     quire_va *out_va) QUIRE_MUST_USE;
enum quire_status quire_munmap(struct quire_mm *mm, quire_va addr, uint64_t length) QUIRE_MUST_USE;
enum quire_status quire_mprotect(struct quire_mm *mm, quire_va addr, uint64_t length,
				 quire_prot prot) QUIRE_MUST_USE;

enum {
	QUIRE_MREMAP_MAYMOVE = 1,
	QUIRE_MREMAP_FIXED = 2,
	QUIRE_MREMAP_DONTUNMAP = 4
};
enum quire_status quire_mremap(struct quire_mm *mm, quire_va old_addr, uint64_t old_length,
			       uint64_t new_length, uint32_t flags, quire_va new_addr,
			       quire_va *out_va) QUIRE_MUST_USE;

/* Where the heap starts (the end of the program's data) and, in *out_brk, where it ends. */
void quire_mm_set_brk(struct quire_mm *mm, quire_va start);
/* brk(2) as the system call: returns the new end, or the old one when it could not be moved. */
quire_va quire_brk(struct quire_mm *mm, quire_va brk);

enum quire_advice {
	QUIRE_MADV_NORMAL = 0,
	QUIRE_MADV_RANDOM = 1,
	QUIRE_MADV_SEQUENTIAL = 2,
	QUIRE_MADV_WILLNEED = 3,
	QUIRE_MADV_DONTNEED = 4,
	QUIRE_MADV_FREE = 8,
	QUIRE_MADV_REMOVE = 9,
	QUIRE_MADV_DONTFORK = 10,
	QUIRE_MADV_DOFORK = 11,
	QUIRE_MADV_MERGEABLE = 12,
	QUIRE_MADV_UNMERGEABLE = 13,
	QUIRE_MADV_HUGEPAGE = 14,
	QUIRE_MADV_NOHUGEPAGE = 15,
	QUIRE_MADV_DONTDUMP = 16,
	QUIRE_MADV_DODUMP = 17,
	QUIRE_MADV_WIPEONFORK = 18,
	QUIRE_MADV_KEEPONFORK = 19,
	QUIRE_MADV_COLD = 20,
	QUIRE_MADV_PAGEOUT = 21,
	QUIRE_MADV_POPULATE_READ = 22,
	QUIRE_MADV_POPULATE_WRITE = 23,
	QUIRE_MADV_DONTNEED_LOCKED = 24,
	QUIRE_MADV_COLLAPSE = 25
};
enum quire_status quire_madvise(struct quire_mm *mm, quire_va addr, uint64_t length,
				int advice) QUIRE_MUST_USE;

/* One byte a page into `vector` (kernel memory): 1 resident. ENOMEM where nothing is mapped. */
enum quire_status quire_mincore(struct quire_mm *mm, quire_va addr, uint64_t length,
				unsigned char *vector) QUIRE_MUST_USE;

enum {
	QUIRE_MLOCK_ONFAULT = 1,
	QUIRE_MCL_CURRENT = 1,
	QUIRE_MCL_FUTURE = 2,
	QUIRE_MCL_ONFAULT = 4
};
enum quire_status quire_mlock(struct quire_mm *mm, quire_va addr, uint64_t length,
			      uint32_t flags) QUIRE_MUST_USE;
enum quire_status quire_munlock(struct quire_mm *mm, quire_va addr, uint64_t length) QUIRE_MUST_USE;
enum quire_status quire_mlockall(struct quire_mm *mm, uint32_t flags) QUIRE_MUST_USE;
enum quire_status quire_munlockall(struct quire_mm *mm) QUIRE_MUST_USE;

enum {
	QUIRE_MS_ASYNC = 1,
	QUIRE_MS_INVALIDATE = 2,
	QUIRE_MS_SYNC = 4
};
enum quire_status quire_msync(struct quire_mm *mm, quire_va addr, uint64_t length,
			      uint32_t flags) QUIRE_MUST_USE;

/* --- access by the kernel to another's memory ----------------------------------------------------- */

/* Copies between kernel memory and an address space, faulting pages in as the program itself would
 * (ptrace, process_vm_readv). FORCE overrides the protection as ptrace does.
 * *out_done: bytes copied before the first that could not be. Returns QUIRE_OK when any were or
 * length is 0, else QUIRE_EFAULT or QUIRE_ENOMEM. */
enum {
	QUIRE_ACCESS_MM_WRITE = 1,
	QUIRE_ACCESS_MM_FORCE = 2
};
enum quire_status quire_mm_access(struct quire_mm *mm, quire_va va, void *buffer, size_t length,
				  unsigned flags, size_t *out_done) QUIRE_MUST_USE;

/* What identifies the memory behind an address, for futexes: equal for two addresses that are the same
 * shared memory. Private memory is identified by (mm, va). EFAULT where nothing is mapped. */
struct quire_key {
	uint64_t word[2];
};
enum quire_status quire_mm_key(struct quire_mm *mm, quire_va va, struct quire_key *out_key) QUIRE_MUST_USE;

/* --- what an address space looks like ------------------------------------------------------------- */

enum {
	QUIRE_REGION_SHARED = 1, /* MAP_SHARED */
	QUIRE_REGION_GROWSDOWN = 2,
	QUIRE_REGION_LOCKED = 4,
	QUIRE_REGION_HEAP = 8,   /* the brk area */
	QUIRE_REGION_STACK = 16, /* holds the main stack (quire_mm_set_stack) */
	QUIRE_REGION_NORESERVE = 32,
	QUIRE_REGION_DONTFORK = 64,
	QUIRE_REGION_WIPEONFORK = 128,
	QUIRE_REGION_ACCOUNT = 256,
	QUIRE_REGION_SEQUENTIAL = 512,
	QUIRE_REGION_RANDOM = 1024,
	QUIRE_REGION_DONTDUMP = 2048,
	QUIRE_REGION_MAYREAD = 4096,
	QUIRE_REGION_MAYWRITE = 8192,
	QUIRE_REGION_MAYEXEC = 16384,
	QUIRE_REGION_LOCKONFAULT = 32768
};

/* A line of /proc/PID/maps. */
struct quire_region {
	quire_va start, end;
	quire_prot prot;
	uint32_t flags;          /* QUIRE_REGION_* */
	uint64_t offset;         /* bytes into the file */
	struct quire_file *file; /* NULL: anonymous; valid while the region stays mapped */
};

/* The first region that ends above `va`. QUIRE_ENOENT: none. */
enum quire_status quire_mm_region(struct quire_mm *mm, quire_va va,
				  struct quire_region *out_region) QUIRE_MUST_USE;

/* The same, with a reference to the file, if there is one: for who looks at another's address space, which
 * may unmap meanwhile. quire_file_put() it. */
enum quire_status quire_mm_region_get(struct quire_mm *mm, quire_va va,
				      struct quire_region *out_region) QUIRE_MUST_USE;

/* The counts of /proc/PID/smaps for [start, end), in pages; pss in 1/4096 of a page. */
struct quire_smaps {
	uint64_t rss, pss, shared_clean, shared_dirty, private_clean, private_dirty;
	uint64_t referenced, anonymous, swap, locked, lazyfree, pss_dirty;
};
enum quire_status quire_mm_smaps(struct quire_mm *mm, quire_va start, quire_va end,
				 struct quire_smaps *out_smaps) QUIRE_MUST_USE;

/* One entry of /proc/PID/pagemap in Linux's format: bit 63 present, 62 swapped, 61 file or shared,
 * 56 exclusively mapped, 54:0 the frame. Unmapped addresses give 0. */
uint64_t quire_mm_pagemap(struct quire_mm *mm, quire_va va);

struct quire_mm_usage {
	uint64_t total_vm, data_vm, exec_vm, stack_vm, locked_vm; /* pages */
	uint64_t rss_anon, rss_file, rss_shmem, swap;             /* pages */
	uint64_t rss_peak, vm_peak;
	uint64_t table_bytes;
	uint64_t minor, major; /* faults */
	unsigned regions;
	quire_va start_brk, brk;
};
void quire_mm_usage(struct quire_mm *mm, struct quire_mm_usage *out_usage);

/* The address whose region is the main stack, for QUIRE_REGION_STACK. */
void quire_mm_set_stack(struct quire_mm *mm, quire_va start_stack);

#ifdef __cplusplus
}
#endif
#endif
