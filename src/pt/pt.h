/* SPDX-License-Identifier: MIT */
/* Page tables: one walker for every architecture, over the geometry in the arch contract.
 *
 *   struct qr_pt      one tree of tables: an address space's, or the kernel's
 *   run               consecutive level-0 entries of one table: what range operations work on
 *   entry             the address of one entry, in linear memory
 *
 *   root (level n-1)          PT lock: one per table frame, in its descriptor. It guards the
 *    └─ table ... level 1     entries of level-0 tables; upper entries change only from none to
 *        └─ table level 0     table (under the lock of the frame they are in), and back only
 *            └─ entry         while nobody else can walk (mm lock for write).
 *
 * Tables smaller than a frame (ARM: 1 KiB of 4 KiB) lie in their frame at the place their index in
 * the level above gives, so that a frame of level-0 tables always maps one aligned piece of address
 * space: entry address -> descriptor -> va needs no search. Such siblings share a PT lock.
 * Tables larger than a frame (ARM's root) are blocks of frames; the first descriptor speaks for all.
 *
 * References of a frame of tables, but a root's: one for each table in it, one for each table below.
 *
 * Division of work: mechanisms here keep frames, reverse maps and TLB batches right; what a fault or
 * a system call means is decided in src/fault and src/mm. */
#ifndef QR_PT_H
#define QR_PT_H

#include "page/page.h"
#include "page/rmap.h"

/* What left or came, by kind: the owner of a tree keeps its resident counts with it. Never negative. */
struct qr_pt_counts {
	uint64_t anon, file, shmem, swap;
};

/* Called by the floors between the tables and the address spaces (truncation, and eviction), which reach a
 * tree from a page or a file and do not know its owner. What an operation here returns in `gone` or `came` is
 * not told again. => the tree stays: PT of a table of it, or FILE of a mapping in it, is held. No sleep. */
struct qr_pt;
typedef void qr_pt_count(struct qr_pt *pt, const struct qr_pt_counts *gone, const struct qr_pt_counts *came);

/* The same floors, before they take a page from a tree in order to evict it. */
struct qr_pt_space {
	/* Keeps the layout as it is, if that needs no waiting: *out_token for leave(). => PT of a table is held */
	bool (*enter)(struct qr_pt *pt, unsigned *out_token);
	void (*leave)(struct qr_pt *pt, unsigned token);
	/* Whether the page at `va` may leave memory: it is not locked. => entered */
	bool (*may_leave)(struct qr_pt *pt, quire_va va);
};

struct qr_pt {
	struct quire_system *system;
	struct quire_mm *mm;             /* whose; NULL: the kernel's */
	qr_pt_count *count;              /* keeps the resident counts; NULL: nobody does. Set by its owner */
	const struct qr_pt_space *space; /* NULL: no page of it is evicted. Set by its owner */
	char *root;                      /* linear address of the root table */
	quire_pa root_pa;
	qr_atomic64 cpus;   /* atomic: CPUs that may hold translations of it */
	qr_atomic64 tables; /* atomic: bytes in tables below the root */
};

/* --- entries ---------------------------------------------------------------------------------------- */

static inline quire_pte qr_pte_get(const struct quire_arch *arch, unsigned level, const void *entry)
{
	if (arch->level[level].entry_bytes == 8)
		return (quire_pte){__atomic_load_n((const qr_atomic64 *)entry, __ATOMIC_ACQUIRE)};
	return (quire_pte){__atomic_load_n((const uint32_t *)entry, __ATOMIC_ACQUIRE)};
}

static inline void qr_pte_set(const struct quire_arch *arch, unsigned level, void *entry, quire_pte pte)
{
	if (arch->level[level].entry_bytes == 8)
		__atomic_store_n((qr_atomic64 *)entry, pte.bits, __ATOMIC_RELEASE);
	else
		__atomic_store_n((uint32_t *)entry, (uint32_t)pte.bits, __ATOMIC_RELEASE);
}

/* Stores and returns what was there: a walker that sets accessed or dirty meanwhile loses nothing. */
static inline quire_pte qr_pte_xchg(const struct quire_arch *arch, unsigned level, void *entry, quire_pte pte)
{
	if (arch->level[level].entry_bytes == 8)
		return (quire_pte){__atomic_exchange_n((qr_atomic64 *)entry, pte.bits, __ATOMIC_ACQ_REL)};
	return (quire_pte){__atomic_exchange_n((uint32_t *)entry, (uint32_t)pte.bits, __ATOMIC_ACQ_REL)};
}

/* Stores `pte` if the entry is still `*expected`; else loads it there. */
static inline bool qr_pte_cas(const struct quire_arch *arch, unsigned level, void *entry, quire_pte *expected,
			      quire_pte pte)
{
	bool done;

	/* What was there comes back through a variable that nobody points to: it can stay in a register. */
	if (arch->level[level].entry_bytes == 8) {
		uint64_t old = expected->bits;

		done = __atomic_compare_exchange_n((qr_atomic64 *)entry, &old, pte.bits, false,
						   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
		expected->bits = old;
	} else {
		uint32_t old = (uint32_t)expected->bits;

		done = __atomic_compare_exchange_n((uint32_t *)entry, &old, (uint32_t)pte.bits, false,
						   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
		expected->bits = old;
	}
	return done;
}

/* The bits of a leaf that name its frame: the number, from some bit on, in every format. What the codec said of one leaf
 * holds for all that differ in those only. */
QR_FLATTEN uint64_t qr_leaf_frame_bits(const struct quire_arch *arch, unsigned level)
{
	return arch->make(arch, (quire_pfn){UINT64_MAX >> arch->page_shift}, 0, 0, level).bits ^
	       arch->make(arch, (quire_pfn){0}, 0, 0, level).bits;
}

/* Whether an entry stays as it is while PT of its table is held: the hardware sets nothing by itself. */
QR_INLINE bool qr_pte_is_steady(const struct quire_arch *arch)
{
	return !(arch->caps & (QUIRE_CAP_HW_YOUNG | QUIRE_CAP_HW_DIRTY));
}

/* Where PT is held, and `pte` was read under it. Clears the entry, and returns what was there. */
QR_INLINE quire_pte qr_pte_take(const struct quire_arch *arch, unsigned level, void *entry, quire_pte pte)
{
	if (!qr_pte_is_steady(arch))
		return qr_pte_xchg(arch, level, entry, (quire_pte){0});
	qr_pte_set(arch, level, entry, (quire_pte){0});
	return pte;
}

/* Takes `bits`, which `pte` has, out of the entry. */
QR_INLINE void qr_pte_remove(const struct quire_arch *arch, unsigned level, void *entry, quire_pte pte,
			     uint64_t bits)
{
	if (qr_pte_is_steady(arch))
		qr_pte_set(arch, level, entry, (quire_pte){pte.bits ^ bits});
	else if (arch->level[level].entry_bytes == 8)
		__atomic_and_fetch((qr_atomic64 *)entry, ~bits, __ATOMIC_ACQ_REL);
	else
		__atomic_and_fetch((uint32_t *)entry, ~(uint32_t)bits, __ATOMIC_ACQ_REL);
}

static inline size_t qr_pt_index(const struct quire_arch *arch, unsigned level, quire_va va)
{
	return (size_t)(va >> arch->level[level].shift) & (((size_t)1 << arch->level[level].index_bits) - 1);
}

/* --- trees (tree.c) --------------------------------------------------------------------------------- */

/* Makes an empty tree of `mm`; NULL: the kernel's. `kernel`: NULL, or the kernel's tree whose top-level
 * kernel entries of now are copied (where the arch shares one root). Nobody counts: the owner sets
 * out_pt->count. Returns QUIRE_OK or QUIRE_ENOMEM. */
enum quire_status qr_pt_create(struct quire_system *system, struct quire_mm *mm, const struct qr_pt *kernel,
			       struct qr_pt *out_pt) QUIRE_MUST_USE;
/* Frees the root. => every table below was freed. */
void qr_pt_destroy(struct qr_pt *pt);
/* Frees a frame of tables whose entries were all cleared: the next table need not be. */
void qr_table_free(struct quire_system *system, struct qr_page *table);

/* --- walking (walk.c) ------------------------------------------------------------------------------- */

/* The entry for `va` at `level`; NULL when a table above it is missing or a larger leaf is in the way. */
void *qr_pt_find(const struct qr_pt *pt, quire_va va, unsigned level);

/* The same, making missing tables. *out_made (may be NULL): tables made. NULL entry: no frame; the
 * tables made so far stay, empty and harmless. => PT not held. */
void *qr_pt_alloc(struct qr_pt *pt, quire_va va, unsigned level, unsigned *out_made);

/* An upper entry whose bits nothing here writes (bad.c). */
struct qr_pt_bad {
	unsigned level;
	void *entry;
	quire_pte pte;
};
/* The one on the way to `va`. False: there is none. => tables cannot vanish: mm lock held. */
bool qr_pt_find_bad(const struct qr_pt *pt, quire_va va, struct qr_pt_bad *out_bad);
/* Makes it none, or name its table again where that is found by its descriptor: true. Visits every
 * descriptor. => mm lock for write. The caller flushes. */
bool qr_pt_mend(struct qr_pt *pt, quire_va va, const struct qr_pt_bad *bad);

/* The PT lock of the table that `entry` lies in. */
static inline struct qr_page *qr_pt_table_of(const struct qr_pt *pt, const void *entry)
{
	return qr_page_at(pt->system, entry);
}
static inline void qr_pt_lock(const struct qr_pt *pt, struct qr_page *table)
{
	qr_lock(pt->system, &table->lock, QR_RANK_PT);
}
static inline bool qr_pt_trylock(const struct qr_pt *pt, struct qr_page *table)
{
	return qr_trylock(pt->system, &table->lock, QR_RANK_PT);
}
static inline void qr_pt_unlock(const struct qr_pt *pt, struct qr_page *table)
{
	qr_unlock(pt->system, &table->lock, QR_RANK_PT);
}
/* Returns whether somebody waits: qr_unlock_slow(). */
static inline bool qr_pt_release(const struct qr_pt *pt, struct qr_page *table)
{
	return qr_release(pt->system, &table->lock, QR_RANK_PT);
}
/* The second of two tables; does nothing when both are one. */
static inline void qr_pt_lock_second(const struct qr_pt *pt, const struct qr_page *first,
				     struct qr_page *table)
{
	if (first != table)
		qr_lock(pt->system, &table->lock, QR_RANK_PT2);
}
static inline void qr_pt_unlock_second(const struct qr_pt *pt, const struct qr_page *first,
				       struct qr_page *table)
{
	if (first != table)
		qr_unlock(pt->system, &table->lock, QR_RANK_PT2);
}

/* A run of entries. For the last level, level == 0; a leaf above is a run of one, and va and end are
 * what of it lies in the range asked for. */
struct qr_pt_run {
	quire_va va; /* of the first entry */
	quire_va end;
	void *entry;
	size_t count;
	size_t stride; /* bytes from entry to entry */
	unsigned level;
	struct qr_page *table; /* whose lock guards them */
};
/* The next run of existing entries in [va, end): skips what has no table. False: none. Start with
 * va = start; continue with va = run->end. => tables cannot vanish: mm lock held. */
bool qr_pt_next_run(const struct qr_pt *pt, quire_va va, quire_va end, struct qr_pt_run *run);
/* The same for entries of `level` and leaves above it. */
bool qr_pt_next_run_at(const struct qr_pt *pt, quire_va va, quire_va end, unsigned level,
		       struct qr_pt_run *run);

/* Whether the run's entries lie in the range asked for with all that they map. A leaf above level 0 of
 * which the range has only a part is left as it is by every operation: nothing here splits. */
static inline bool qr_pt_run_whole(const struct qr_pt *pt, const struct qr_pt_run *run)
{
	return run->level == 0 ||
	       (uint64_t)(run->end - run->va) >> qr_arch(pt->system)->level[run->level].shift == 1;
}

/* --- the TLB batch (tlb.c): flush before free ----------------------------------------------------- */

#define QR_TLB_PAGES 64
/* What is to be flushed of one tree. By itself where nothing is freed after the flush, or a reference keeps it. */
struct qr_flush {
	struct qr_pt *pt;
	struct quire_flush flush;
	bool pending; /* something is to be flushed */
};
void qr_flush_begin(struct qr_flush *ranges, struct qr_pt *pt);
/* [start, end) may be cached by a CPU: to be flushed. */
void qr_flush_range(struct qr_flush *ranges, quire_va start, quire_va end);
void qr_flush_end(struct qr_flush *ranges); /* flushes; then nothing is to be flushed */

struct qr_tlb {
	struct qr_flush ranges;
	unsigned count;
	struct qr_page *page[QR_TLB_PAGES]; /* each holds a reference, put after the flush */
	struct qr_list tables;              /* frames of removed tables, freed after the flush */
};
/* Order of calls for each entry: clear it, qr_tlb_range(), then qr_tlb_page(), which may flush. */
void qr_tlb_begin(struct qr_tlb *tlb, struct qr_pt *pt);
static inline void qr_tlb_range(struct qr_tlb *tlb, quire_va start, quire_va end)
{
	qr_flush_range(&tlb->ranges, start, end);
}
/* `page` was mapped there: its mapping reference is put after the flush. Flushes when full. */
void qr_tlb_page(struct qr_tlb *tlb, struct qr_page *page);
void qr_tlb_table(struct qr_tlb *tlb, struct qr_page *table);
void qr_tlb_flush(struct qr_tlb *tlb); /* now; then the batch is empty */
void qr_tlb_end(struct qr_tlb *tlb);   /* flushes what is left */

/* An entry became valid: tells the walkers, and the TLBs of CPUs that remember what was not. */
static inline void qr_pt_publish(struct qr_pt *pt, quire_va va, const void *entry);

/* One page, at once: after an entry of `pt` lost a right or changed its frame. */
void qr_tlb_flush_page(struct qr_pt *pt, quire_va va);

static inline void qr_pt_publish(struct qr_pt *pt, quire_va va, const void *entry)
{
	const struct quire_host *host = pt->system->host;

	if (host->pte_sync)
		host->pte_sync(pt->system->host_context, entry);
	if (qr_arch(pt->system)->caps & QUIRE_CAP_CACHES_INVALID)
		qr_tlb_flush_page(pt, va);
}

/* --- range operations ------------------------------------------------------------------------------- */

/* Maps one frame at `va` with tables as needed (map.c). The entry must be none. A frame in RAM gets a
 * mapping reference and a reverse mapping; a device's and the zero page do not. Exactly `prot`:
 * QUIRE_NO_* when the arch cannot say it; QUIRE_EEXIST; QUIRE_ENOMEM; QUIRE_NO_LEAF: no leaf of that
 * level; QUIRE_EINVAL: va or pfn not aligned to it. On failure nothing is mapped. */
enum quire_status qr_pt_map(struct qr_pt *pt, quire_va va, quire_pfn pfn, quire_prot prot, unsigned flags,
			    unsigned level) QUIRE_MUST_USE;

/* Which leaves an unmap takes. Guards go with the mapping alone. */
enum qr_unmap_what {
	QR_UNMAP_ALL = 0,
	QR_UNMAP_CACHE = 1, /* only pages of files and shared memory: private copies stay */
	QR_UNMAP_ANON = 2,
	QR_UNMAP_PAGES = 3 /* all but guards: the mapping stays */
};

/* Unmaps every leaf and swap entry in [start, end) (unmap.c): dirty and young go to the page, the
 * reverse mapping is removed, the reference is put after the flush. Tables stay. Cannot fail. */
void qr_pt_unmap(struct qr_pt *pt, struct qr_tlb *tlb, quire_va start, quire_va end, enum qr_unmap_what what,
		 struct qr_pt_counts *gone);

/* Unmaps one leaf whose PT lock is held; returns its page (with the mapping reference now the
 * caller's), or NULL when there was none. The caller flushes. */
struct qr_page *qr_pt_unmap_entry(struct qr_pt *pt, quire_va va, void *entry, struct qr_pt_counts *gone);

/* Frees tables that map nothing but [start, end), where no vma lies in [floor, ceiling) any more
 * (free.c). ceiling 0: to the end. => everything in [start, end) is unmapped; mm lock for write. */
void qr_pt_free(struct qr_pt *pt, struct qr_tlb *tlb, quire_va start, quire_va end, quire_va floor,
		quire_va ceiling);

/* Frees the tables that lie in [start, end) whole and in which no entry is left, although a vma may lie there: the
 * next fault makes them again. Returns how many. => mm lock for write; FILE of a mapping in the range. Locks: PT */
uint64_t qr_pt_free_empty(struct qr_pt *pt, struct qr_tlb *tlb, quire_va start, quire_va end);

/* Gives leaves in [start, end) the protection `prot` (protect.c). `keep_write` says which leaves may
 * become writable at once; the others lose WRITE until a fault decides:
 * anonymous pages marked EXCLUSIVE, and dirty leaves when `shared`. Returns leaves changed. */
enum qr_protect_write {
	QR_PROTECT_NO_WRITE = 0, /* never writable: write faults decide */
	QR_PROTECT_PRIVATE = 1,  /* writable where the page is anonymous and EXCLUSIVE */
	QR_PROTECT_SHARED = 2,   /* writable where the leaf is dirty already */
	QR_PROTECT_ANY = 3,      /* writable: shared memory whose writes are not tracked */
	QR_PROTECT_DIRTY = 4     /* the same, and dirty: writable also for hardware without a dirty bit */
};
uint64_t qr_pt_protect(struct qr_pt *pt, struct qr_flush *ranges, quire_va start, quire_va end,
		       quire_prot prot, enum qr_protect_write write);

/* Harvests accessed and dirty (age.c): makes leaves old (and clean with QUIRE_PTE_DIRTY in `clear`),
 * moves the bits to the pages. Returns how many were young. Old needs no flush; clean does. */
uint64_t qr_pt_age(struct qr_pt *pt, struct qr_tlb *tlb, quire_va start, quire_va end, unsigned clear);

/* How fork copies leaves. */
enum qr_copy_how {
	QR_COPY_COW = 0,   /* private: both sides lose WRITE; anonymous pages lose EXCLUSIVE */
	QR_COPY_SHARED = 1 /* shared: as they are, clean and old in the copy */
};
struct qr_pt_copy {
	struct qr_pt *to, *from;
	struct qr_tlb *tlb;               /* of `from`, whose leaves lose rights */
	const struct qr_swap_hooks *swap; /* NULL: swap entries are dropped */
	struct qr_pt_counts came;         /* added to */
};
/* Copies the leaves and swap entries of [start, end) (copy.c). Returns QUIRE_OK or QUIRE_ENOMEM: the caller
 * unmaps what came; `from` is right in any case. => both mm locks for write. Locks: PT, PT2, RMAP. */
enum quire_status qr_pt_copy(struct qr_pt_copy *copy, quire_va start, quire_va end,
			     enum qr_copy_how how) QUIRE_MUST_USE;

/* Moves leaves from [from, from + length) to `to` in one tree (move.c; mremap). Target entries are
 * none. Returns QUIRE_OK or QUIRE_ENOMEM with *out_moved bytes moved before. */
enum quire_status qr_pt_move(struct qr_pt *pt, struct qr_tlb *tlb, quire_va from, quire_va to,
			     uint64_t length, uint64_t *out_moved) QUIRE_MUST_USE;

#endif
