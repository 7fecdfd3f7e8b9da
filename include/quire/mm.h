/* SPDX-License-Identifier: MIT */
/* Address spaces: what a program's memory system calls do, with Linux's semantics and errno.
 *
 * Unless a function says otherwise:
 * Returns    QUIRE_OK, or the status that Linux returns in the same case.
 * On failure everything is as it was. (munmap, mprotect, madvise and mlock of several vmas keep what was done
 *            before the vma that failed, as on Linux.)
 * Context    a thread that may sleep.
 * Locks      none of the library may be held; the mm lock is taken.
 * Addresses and lengths are bytes; a length is rounded up to whole pages. */
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

/* Makes an empty address space with one reference. `layout`: NULL for the defaults. A port that places
 * mappings at random chooses mmap_base.
 * Returns    QUIRE_OK; QUIRE_ENOMEM; QUIRE_EINVAL: an address outside the arch's user half.
 * Context    may sleep for memory. Stack: large. */
enum quire_status quire_mm_create(struct quire_system *system, const struct quire_mm_layout *layout,
				  struct quire_mm **out_mm) QUIRE_MUST_USE;

/* Takes a reference (a thread of the process). Returns `mm`. Any context. */
struct quire_mm *quire_mm_get(struct quire_mm *mm);

/* Puts a reference; NULL is allowed. The last one unmaps everything and frees the tables.
 * => no CPU is in the address space then (quire_mm_leave()): else quire_host.panic() says so.
 * Context: may sleep for the mm lock, pages. Stack: middle. */
void quire_mm_put(struct quire_mm *mm);

/* Copies an address space for fork: private pages are shared copy-on-write. The child has one reference.
 * Returns    QUIRE_OK; QUIRE_ENOMEM: no frame, or the commit limit; the parent is as it was.
 * Context    may sleep for the mm lock, pages, memory. Stack: large. */
enum quire_status quire_mm_fork(struct quire_mm *parent, struct quire_mm **out_child) QUIRE_MUST_USE;

/* CPU `cpu`, the calling one, will use this address space: from here to quire_mm_leave() it is in the set of
 * every flush. A switch enters the next address space, loads its root, and then leaves the previous one: in
 * between the CPU is in both. Not twice in the same one.
 * Returns    the root table to load. Any context. */
quire_pa quire_mm_enter(struct quire_mm *mm, unsigned cpu);

/* CPU `cpu`, the calling one, has loaded another root: it is in no flush of `mm` any more. If it keeps
 * translations of `mm` (ASID, PCID), the port drops them before it enters `mm` again, unless it knows that
 * tlb_flush() was not called for `mm` in between. Any context. */
void quire_mm_leave(struct quire_mm *mm, unsigned cpu);

enum {
	QUIRE_FIXED_FORK = 1 /* fork gives the child the same frames at the same address */
};

/* Maps frames of the port at a fixed address of this address space, above the program's: a trampoline, a trap frame,
 * a vDSO, ARM's kuser page. They lie in no region; no call of the program reaches them; they stay until the address
 * space ends. A CPU that leaves the address space is told to forget them.
 * `va`, `pa`, `bytes`: whole pages; [va, va + bytes) between the layout's task_end and the end of user addresses.
 * The frames come from quire_frame_alloc(), and are kept while they are mapped, or lie outside the system's RAM.
 * `prot`: READ, WRITE, EXEC; with QUIRE_PROT_USER the program may use them so, without it only the kernel.
 * `flags`: QUIRE_FIXED_FORK, or 0: the child of a fork has nothing there.
 * Returns    QUIRE_OK; QUIRE_EINVAL: unaligned, outside those addresses, or not the port's frames; QUIRE_EEXIST:
 *            something is there; QUIRE_ENOMEM.
 * Context    may sleep for the mm lock. Stack: middle. Locks: mm. */
enum quire_status quire_mm_map_fixed(struct quire_mm *mm, quire_va va, quire_pa pa, uint64_t bytes,
				     quire_prot prot, unsigned flags) QUIRE_MUST_USE;

/* Returns the system that the address space belongs to. Any context. */
struct quire_system *quire_mm_system(const struct quire_mm *mm);

/* Sets the port's own pointer (its process). The library does not use it. Any context. */
void quire_mm_set_context(struct quire_mm *mm, void *context);
/* Returns what quire_mm_set_context() set; NULL until then, and in the child of a fork. Any context. */
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

/* Sets a soft limit in bytes. Defaults: DATA and AS unlimited, STACK 8 MiB, MEMLOCK 8 MiB. The child of a fork
 * has its parent's. A number outside the enum is ignored. Context: may sleep for the mm lock. Locks: mm. */
void quire_mm_set_limit(struct quire_mm *mm, enum quire_limit limit, uint64_t bytes);
/* Returns a soft limit in bytes; 0 for a number outside the enum. Any context. */
uint64_t quire_mm_limit(const struct quire_mm *mm, enum quire_limit limit);

enum {
	QUIRE_RIGHT_IPC_LOCK = 1,  /* CAP_IPC_LOCK: RLIMIT_MEMLOCK does not bind */
	QUIRE_RIGHT_SYS_ADMIN = 2, /* CAP_SYS_ADMIN: the last 3 percent may be committed */
	QUIRE_RIGHT_SYS_RAWIO = 4  /* CAP_SYS_RAWIO: may map below mmap_min_addr */
};
/* Sets what the process may do: QUIRE_RIGHT_*, ORed. Default: none. The child of a fork has its parent's.
 * Context: may sleep for the mm lock. Locks: mm. */
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

struct quire_mapping {
	quire_va addr; /* hint, or the place with FIXED */
	uint64_t length;
	quire_prot prot;
	uint32_t flags;          /* QUIRE_MAP_* */
	struct quire_file *file; /* NULL: anonymous */
	uint64_t offset;         /* in the file */
	quire_prot file_prot; /* how the descriptor, of a file or of /dev/zero, was opened: READ, WRITE; EXEC
	                          * unless noexec. 0 means READ | WRITE | EXEC */
};

/* mmap(2). *out_va: where the mapping is. `how->length` and `how->offset` as given by the program.
 * Returns    QUIRE_OK; QUIRE_EINVAL: no length, no or an unknown type, an unaligned address or offset, HUGETLB;
 *            QUIRE_EACCES: the file was not opened so; QUIRE_EPERM: below mmap_min_addr, the file may not be
 *            executed, or FIXED over what is sealed; QUIRE_EEXIST: FIXED_NOREPLACE, and something is there;
 *            QUIRE_EOVERFLOW: the end of the file range; QUIRE_EAGAIN: more than RLIMIT_MEMLOCK; QUIRE_EOPNOTSUPP: an
 *            unknown flag with SHARED_VALIDATE; QUIRE_ENOMEM: no room, a limit, or no frame.
 * Context    may sleep for the mm lock, pages, memory. Stack: large. */
enum quire_status quire_mmap(struct quire_mm *mm, const struct quire_mapping *how,
			     quire_va *out_va) QUIRE_MUST_USE;
/* munmap(2): removes what is mapped in [addr, addr + length). A range that maps nothing is a success.
 * Returns    QUIRE_OK; QUIRE_EINVAL: unaligned, no length, or beyond the address space; QUIRE_EPERM: something there
 *            is sealed; QUIRE_ENOMEM: a vma would be cut in two beyond max_map_count, or no memory for it.
 * Context    may sleep for the mm lock, pages, memory. Stack: large. */
enum quire_status quire_munmap(struct quire_mm *mm, quire_va addr, uint64_t length) QUIRE_MUST_USE;
/* mprotect(2). `prot`: QUIRE_PROT_READ | _WRITE | _EXEC, with _GROWSDOWN from the start of a growing vma on.
 * Returns    QUIRE_OK; QUIRE_EINVAL: unaligned, an unknown bit, GROWSDOWN where nothing grows; QUIRE_EACCES: the
 *            file was not opened so; QUIRE_EPERM: sealed; QUIRE_ENOMEM: a hole, the commit limit, no memory for a vma.
 * Context    may sleep for the mm lock, pages, memory. Stack: large. */
enum quire_status quire_mprotect(struct quire_mm *mm, quire_va addr, uint64_t length,
				 quire_prot prot) QUIRE_MUST_USE;

enum {
	QUIRE_MREMAP_MAYMOVE = 1,
	QUIRE_MREMAP_FIXED = 2,
	QUIRE_MREMAP_DONTUNMAP = 4
};
struct quire_remapping {
	quire_va old_addr;
	uint64_t old_length; /* 0: a second mapping of shared memory */
	uint64_t new_length;
	uint32_t flags;    /* QUIRE_MREMAP_* */
	quire_va new_addr; /* with FIXED; a hint with DONTUNMAP */
};

/* mremap(2). *out_va: where the mapping is now.
 * Returns    QUIRE_OK; QUIRE_EINVAL: unaligned, an unknown flag, FIXED over the old range; QUIRE_EFAULT: nothing
 *            mapped at old_addr, or the range has more than one vma; QUIRE_EPERM: sealed, there or in the way;
 *            QUIRE_EAGAIN: more than RLIMIT_MEMLOCK; QUIRE_ENOMEM: no room, a limit, or no frame.
 * Context    may sleep for the mm lock, pages, memory. Stack: large. */
enum quire_status quire_mremap(struct quire_mm *mm, const struct quire_remapping *how,
			       quire_va *out_va) QUIRE_MUST_USE;

/* Sets where the heap starts: the end of the program's data. The heap is empty then. Locks: mm.
 * Context: may sleep for the mm lock. */
void quire_mm_set_brk(struct quire_mm *mm, quire_va start);

/* brk(2): moves the end of the heap to `brk`; rounded up, that is how far it is mapped.
 * Returns    the new end, or the old one when it could not be moved: below the start, RLIMIT_DATA, something in
 *            the way, no memory.
 * Context    may sleep for the mm lock, pages, memory. Stack: large. */
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
	QUIRE_MADV_COLLAPSE = 25,
	QUIRE_MADV_GUARD_INSTALL = 102, /* every access is SIGSEGV, until the mapping or the guard goes */
	QUIRE_MADV_GUARD_REMOVE = 103
};
/* madvise(2). `advice`: enum quire_advice.
 * Returns    QUIRE_OK; QUIRE_EINVAL: unaligned, unknown advice, or the vma is of a kind that it does not fit
 *            (locked, shared, of a file); QUIRE_EACCES: REMOVE of what is not shared and writable; QUIRE_EPERM: the
 *            seal forbids it; QUIRE_ENOMEM: a hole (after the rest was done), or no frame for POPULATE_* and for the
 *            tables of guards; QUIRE_EAGAIN: no memory for a vma; QUIRE_EIO, QUIRE_EFAULT: of REMOVE and POPULATE_*.
 * Context    may sleep for the mm lock, pages, memory. Stack: large. */
enum quire_status quire_madvise(struct quire_mm *mm, quire_va addr, uint64_t length,
				int advice) QUIRE_MUST_USE;

/* mseal(2): the mappings of [addr, addr + length) keep their place, size and rights until the address space ends, in
 * the child of a fork too: munmap, mremap, mprotect, mmap over them and a lower brk are QUIRE_EPERM, and so is advice
 * that discards private memory which the program may not write. `flags`: 0.
 * Returns    QUIRE_OK; QUIRE_EINVAL: unaligned, a flag, or the range wraps; QUIRE_ENOMEM: a hole, nothing is sealed
 *            then; or no memory for a vma, or too many: what lies before it is sealed.
 * Context    may sleep for the mm lock, pages. Stack: middle. */
enum quire_status quire_mseal(struct quire_mm *mm, quire_va addr, uint64_t length,
			      uint64_t flags) QUIRE_MUST_USE;

/* mincore(2): one byte for each page of [addr, addr + length) into `vector`, kernel memory: 1 resident, else 0.
 * Returns    QUIRE_OK; QUIRE_EINVAL: unaligned; QUIRE_ENOMEM: a hole. Context: may sleep for the mm lock. */
enum quire_status quire_mincore(struct quire_mm *mm, quire_va addr, uint64_t length,
				unsigned char *vector) QUIRE_MUST_USE;

enum {
	QUIRE_MLOCK_ONFAULT = 1,
	QUIRE_MCL_CURRENT = 1,
	QUIRE_MCL_FUTURE = 2,
	QUIRE_MCL_ONFAULT = 4
};
/* mlock2(2): locks [addr, addr + length). `flags`: QUIRE_MLOCK_ONFAULT, or 0 to bring the pages in now.
 * Returns    QUIRE_OK; QUIRE_EINVAL: an unknown flag, or the range wraps; QUIRE_EPERM: RLIMIT_MEMLOCK is 0 and no
 *            IPC_LOCK; QUIRE_ENOMEM: a hole, more than RLIMIT_MEMLOCK, or no memory for a vma; QUIRE_EAGAIN: no
 *            frame for a page, the range is locked all the same.
 * Context    may sleep for the mm lock, pages, memory. Stack: large. */
enum quire_status quire_mlock(struct quire_mm *mm, quire_va addr, uint64_t length,
			      uint32_t flags) QUIRE_MUST_USE;
/* munlock(2). Returns QUIRE_OK; QUIRE_EINVAL: the range wraps; QUIRE_ENOMEM: a hole, or no memory for a vma.
 * Context: may sleep for the mm lock, pages. Stack: middle. */
enum quire_status quire_munlock(struct quire_mm *mm, quire_va addr, uint64_t length) QUIRE_MUST_USE;
/* mlockall(2). `flags`: QUIRE_MCL_*.
 * Returns    QUIRE_OK; QUIRE_EINVAL: no or unknown flags; QUIRE_EPERM: as quire_mlock(); QUIRE_ENOMEM: more than
 *            RLIMIT_MEMLOCK.
 * Context    may sleep for the mm lock, pages, memory. Stack: large. */
enum quire_status quire_mlockall(struct quire_mm *mm, uint32_t flags) QUIRE_MUST_USE;
/* munlockall(2): unlocks every vma, and those to come. Returns QUIRE_OK.
 * Context: may sleep for the mm lock, pages. Stack: middle. */
enum quire_status quire_munlockall(struct quire_mm *mm) QUIRE_MUST_USE;

enum {
	QUIRE_MS_ASYNC = 1,
	QUIRE_MS_INVALIDATE = 2,
	QUIRE_MS_SYNC = 4
};
/* msync(2). `flags`: QUIRE_MS_*. SYNC writes the dirty pages of shared mappings of files back; the mm lock is
 * dropped for that.
 * Returns    QUIRE_OK; QUIRE_EINVAL: unaligned, unknown flags, SYNC with ASYNC; QUIRE_EBUSY: INVALIDATE of a locked
 *            vma; QUIRE_ENOMEM: a hole (after the rest was done); the status of the file's `write`.
 * Context    may sleep for the mm lock, pages. Stack: middle. */
enum quire_status quire_msync(struct quire_mm *mm, quire_va addr, uint64_t length,
			      uint32_t flags) QUIRE_MUST_USE;

/* --- access by the kernel to another's memory ----------------------------------------------------- */

enum {
	QUIRE_REMOTE_WRITE = 1, /* to the address space; else from it */
	QUIRE_REMOTE_FORCE = 2  /* overrides the protection as ptrace does */
};

/* Copies `length` bytes between `buffer`, kernel memory, and an address space (ptrace, process_vm_readv), faulting
 * pages in as the program itself would. `flags`: QUIRE_REMOTE_*.
 * *out_done: bytes copied before the first that could not be.
 * Returns    QUIRE_OK when any were, or length is 0; else QUIRE_EFAULT or QUIRE_ENOMEM.
 * Context    may sleep for the mm lock, pages, memory. Stack: large. */
enum quire_status quire_mm_access(struct quire_mm *mm, quire_va va, void *buffer, size_t length,
				  unsigned flags, size_t *out_done) QUIRE_MUST_USE;

struct quire_key {
	uint64_t word[2];
};

/* What identifies the memory behind an address, for futexes: equal for two addresses of the same shared memory.
 * Private memory is identified by (mm, va).
 * Returns    QUIRE_OK; QUIRE_EFAULT: nothing is mapped.
 * Context    may sleep for the mm lock. */
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
	QUIRE_REGION_LOCKONFAULT = 32768,
	QUIRE_REGION_SEALED = 65536
};

/* A line of /proc/PID/maps. */
struct quire_region {
	quire_va start, end;
	quire_prot prot;
	uint32_t flags;          /* QUIRE_REGION_* */
	uint64_t offset;         /* bytes into the file */
	struct quire_file *file; /* NULL: anonymous; valid while the region stays mapped */
};

/* Whether some address space maps the file shared and may write there, or may be given that right by mprotect: what
 * F_SEAL_WRITE asks. A mapping that is made meanwhile is seen or not: the port keeps new ones away.
 * Returns    true: one may.
 * Context    does not sleep. Locks: none may be held. */
bool quire_file_may_be_written(struct quire_file *file);

/* Counts the ranges of address spaces that map the file: a mapping that was cut in two is two.
 * Returns    how many.
 * Context    does not sleep. Locks: none may be held. */
uint64_t quire_file_mappings(struct quire_file *file);

/* Takes a reference to a file that is mapped, for a caller whose own knowledge of it keeps it from being freed but is
 * no reference.
 * Returns    true: quire_file_put() it; false: nothing maps it, it may be at its end.
 * Context    does not sleep. Locks: none may be held. */
bool quire_file_get_mapped(struct quire_file *file);

/* The first region that ends above `va`. Returns QUIRE_OK; QUIRE_ENOENT: none.
 * Context: may sleep for the mm lock. */
enum quire_status quire_mm_region(struct quire_mm *mm, quire_va va,
				  struct quire_region *out_region) QUIRE_MUST_USE;

/* The same, with a reference to the file, if there is one: for callers that look at another process, which may
 * unmap meanwhile. quire_file_put() it. Returns QUIRE_OK; QUIRE_ENOENT: none.
 * Context: may sleep for the mm lock. */
enum quire_status quire_mm_region_get(struct quire_mm *mm, quire_va va,
				      struct quire_region *out_region) QUIRE_MUST_USE;

/* The counts of /proc/PID/smaps for [start, end), in pages; pss in 1/4096 of a page. */
struct quire_smaps {
	uint64_t rss, pss, shared_clean, shared_dirty, private_clean, private_dirty;
	uint64_t referenced, anonymous, swap, locked, lazyfree, pss_dirty;
};
/* Adds up the counts of the pages mapped in [start, end).
 * Returns    QUIRE_OK; QUIRE_EINVAL: unaligned, or the range ends before it starts.
 * Context    may sleep for the mm lock. */
enum quire_status quire_mm_smaps(struct quire_mm *mm, quire_va start, quire_va end,
				 struct quire_smaps *out_smaps) QUIRE_MUST_USE;

/* Returns one entry of /proc/PID/pagemap in Linux's format: bit 63 present, 62 swapped, 61 file or shared, 58 a guard,
 * 56 exclusively mapped, 54:0 the frame; 0 for an address that maps nothing. Context: may sleep for the mm lock. */
uint64_t quire_mm_pagemap(struct quire_mm *mm, quire_va va);

struct quire_usage {
	uint64_t total_vm, data_vm, exec_vm, stack_vm, locked_vm; /* pages */
	uint64_t rss_anon, rss_file, rss_shmem, swap;             /* pages */
	uint64_t rss_peak, vm_peak, table_bytes;
	uint64_t minor, major; /* faults */
	unsigned regions;
	quire_va start_brk, brk;
};
/* The numbers of /proc/PID/status and statm. Sums over the CPUs: exact when nothing else runs.
 * Context: may sleep for the mm lock. */
void quire_mm_usage(struct quire_mm *mm, struct quire_usage *out_usage);

/* Sets the address whose region is the main stack, for QUIRE_REGION_STACK. Context: may sleep for the mm lock. */
void quire_mm_set_stack(struct quire_mm *mm, quire_va start_stack);

#ifdef __cplusplus
}
#endif
#endif
