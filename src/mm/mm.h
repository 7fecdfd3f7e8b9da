/* SPDX-License-Identifier: MIT */
/* Address spaces inside: the mm, its vmas, their index, the mm lock.
 *
 *   quire_mm ── tree (AVL by address, each node knows the widest gap below it) of quire_vma
 *            └─ list (prev, next) in address order
 *
 *   Equations:  total_vm == sum of vma pages;  vmas are disjoint, sorted, page-aligned, not empty;
 *               gap(vma) == vma.start (less its guard) - previous end;  tree.gap == max over the subtree
 *               resident counts == leaves in the tables
 *
 * The mm lock: a writer excludes everyone; a reader (a fault) writes only the line of the CPU it
 * came on, so faults on several CPUs share nothing here. See lock.c. */
#ifndef QR_MM_H
#define QR_MM_H

#include <quire/mm.h>

#include "file/file.h"
#include "page/group.h"
#include "swap/swap.h"

/* vma flags. The low ones have the values Linux uses; MAY* bound what mprotect may give. */
enum {
	QR_VM_READ = 0x1,
	QR_VM_WRITE = 0x2,
	QR_VM_EXEC = 0x4,
	QR_VM_SHARED = 0x8,
	QR_VM_MAYREAD = 0x10,
	QR_VM_MAYWRITE = 0x20,
	QR_VM_MAYEXEC = 0x40,
	QR_VM_MAYSHARE = 0x80,
	QR_VM_GROWSDOWN = 0x100,
	QR_VM_SEALED = 0x1000, /* Linux's is not among the first 32 */
	QR_VM_LOCKED = 0x2000,
	QR_VM_SEQ_READ = 0x8000,
	QR_VM_RAND_READ = 0x10000,
	QR_VM_DONTCOPY = 0x20000,
	QR_VM_DONTEXPAND = 0x40000,
	QR_VM_LOCKONFAULT = 0x80000,
	QR_VM_ACCOUNT = 0x100000,
	QR_VM_NORESERVE = 0x200000,
	QR_VM_WIPEONFORK = 0x2000000,
	QR_VM_DONTDUMP = 0x4000000,
	QR_VM_HUGEPAGE = 0x20000000,
	QR_VM_NOHUGEPAGE = 0x40000000,
	QR_VM_ACCESS = 0x7
};

/* Locks: fields are written under the mm lock for write, and read under it for read. `anon` is set once by
 * a fault with an atomic. What the file of a vma reads of it, `mapping`, is written under FILE too.
 *
 * The union has two names for the same members (C11, 6.5.2.3, paragraph 6): here they are the vma's own. */
struct quire_vma {
	union {
		struct qr_mapping mapping; /* in its file's list, if it has a file */
		struct {
			struct qr_list file_link;
			struct qr_pt *pt; /* == &mm->pt */
			quire_va start, end;
			uint64_t pgoff; /* page of the file at `start`; anonymous: its index when made */
		};
	};
	uint32_t flags;          /* QR_VM_* */
	uint8_t prot;            /* quire_prot that a leaf may have: READ, WRITE, EXEC | USER, widened */
	int8_t height;           /* in the tree */
	uint8_t anon_depth;      /* generations of forks its anonymous pages may come from */
	uint8_t tag;             /* the port's; vmas with different ones do not merge */
	struct quire_file *file; /* holds a reference; NULL: anonymous. Shared anonymous has a file */
	struct quire_mm *mm;
	struct quire_vma *left, *right, *parent; /* tree */
	struct quire_vma *next, *prev;           /* in address order */
	quire_va gap;     /* widest free gap just below any vma of this subtree, less guards */
	qr_atomic64 anon; /* identity of its anonymous pages, for merging; 0: none yet. Atomic */
};

_Static_assert(offsetof(struct quire_vma, pt) == offsetof(struct qr_mapping, pt) &&
		   offsetof(struct quire_vma, start) == offsetof(struct qr_mapping, start) &&
		   offsetof(struct quire_vma, end) == offsetof(struct qr_mapping, end) &&
		   offsetof(struct quire_vma, pgoff) == offsetof(struct qr_mapping, pgoff),
	       "a vma begins with its mapping");
_Static_assert(sizeof(void *) != 8 || sizeof(quire_va) != 8 || sizeof(struct quire_vma) == 128,
	       "a vma is two cache lines");

/* What belongs to one CPU, on its own cache lines: its readers, resident counts, and what its last fault
 * found. Atomic.
 *
 * `vma` and `table` are hints: written by a thread that holds the mm lock for read by this slot, cleared by every
 * writer once the readers have left. So what is there is in place: no vma was unlinked and no table freed
 * since. Which addresses they are for they say themselves. */
struct qr_mm_slot {
	uint32_t readers;
	uint32_t unused;
	intptr_t anon, file, shmem, swap; /* these six atomic: as wide as one instruction adds to */
	uintptr_t minor, major;
	struct qr_group_slot *group; /* of this CPU; NULL: of no group. Under the mm lock */
	struct quire_vma *vma;       /* NULL: none */
	uintptr_t
	    table; /* a frame with tables of level 0, plus the number of one there; or the system's no_table */
	qr_atomic64 read, written; /* leaves that last served a copy in and out; ~0: none. copy.c */
} __attribute__((aligned(64)));

struct quire_mm {
	struct quire_system *system;
	struct qr_pt pt;
	uint32_t refs;     /* atomic */
	uint32_t writer;   /* mm lock: 0, 1 held for write, 2 and waited for */
	uint32_t slots;    /* == system->cpus */
	uint32_t complete; /* no fork fills its tables. Atomic */

	/* All below: mm lock. */
	struct quire_vma *root, *first;
	uint32_t vmas;
	quire_va task_end, mmap_base;
	bool top_down;
	quire_va start_brk, brk;
	quire_va start_stack;
	uint64_t limit[QUIRE_LIMIT_COUNT];
	uint32_t rights;
	uint32_t def_flags; /* mlockall(MCL_FUTURE): flags of new vmas */
	uint64_t total_vm, data_vm, exec_vm, stack_vm, locked_vm; /* pages */
	uint64_t vm_peak;
	qr_atomic64 rss_peak;  /* atomic: discarding pages needs the lock for read only */
	qr_atomic64 next_anon; /* source of vma.anon; atomic */
	struct qr_ahead ahead; /* of read-ahead from swap by addresses */
	struct qr_list fixed;  /* areas of the port above task_end: fixed.c */
	uint32_t has_fixed;    /* set for good with the first. Atomic */
	void *context;
	struct quire_group *group; /* holds a reference; NULL: none */
	struct qr_list link;       /* system->mms */

	struct qr_mm_slot slot[]; /* [slots], on lines of their own */
};

#define QR_MM_BYTES(cpus) (sizeof(struct quire_mm) + (cpus) * sizeof(struct qr_mm_slot))

/* --- fixed areas of the port (fixed.c) ------------------------------------------------------------ */

/* Gives the child those that fork copies. => the parent's mm lock for write, the child known to nobody. */
enum quire_status qr_fixed_fork(struct quire_mm *child, const struct quire_mm *parent) QUIRE_MUST_USE;
/* CPU `cpu` leaves: it forgets the areas, which its TLB may take for every address space's. */
void qr_fixed_leave(const struct quire_mm *mm, unsigned cpu);
/* Unmaps all of an mm that ends. => mm lock for write */
void qr_fixed_end(struct quire_mm *mm);

/* --- the mm lock (lock.c) ------------------------------------------------------------------------- */

/* Readers. The token is the number of their slot; pass it back. */
unsigned qr_mm_read_lock(struct quire_mm *mm);

/* The slow half of leaving: a writer waits. */
void qr_mm_wake_writer(struct quire_mm *mm, uint32_t *readers);

/* Returns whether a writer is to be woken. */
static inline bool qr_slot_left(const struct quire_mm *mm, struct qr_mm_slot *slot)
{
	return qr_likely(__atomic_fetch_sub(&slot->readers, 1, __ATOMIC_SEQ_CST) == 1) &&
	       qr_unlikely(__atomic_load_n(&mm->writer, __ATOMIC_SEQ_CST) != 0);
}

static inline void qr_slot_leave(struct quire_mm *mm, struct qr_mm_slot *slot)
{
	if (qr_slot_left(mm, slot))
		qr_mm_wake_writer(mm, &slot->readers);
}

/* Both sides write first and look second (see lock.c). False: a writer is there or comes; qr_slot_leave() it again. */
static inline bool qr_slot_try(struct quire_mm *mm, struct qr_mm_slot *slot)
{
	__atomic_fetch_add(&slot->readers, 1, __ATOMIC_SEQ_CST);
	return qr_likely(__atomic_load_n(&mm->writer, __ATOMIC_SEQ_CST) == 0);
}

static inline bool qr_slot_enter(struct quire_mm *mm, struct qr_mm_slot *slot)
{
	if (qr_slot_try(mm, slot))
		return true;
	qr_slot_leave(mm, slot);
	return false;
}

/* qr_mm_slot_trylock(), after which the caller leaves the slot itself where it is false. */
static inline bool qr_mm_slot_try(struct quire_mm *mm, struct qr_mm_slot *slot)
{
	if (!qr_slot_try(mm, slot))
		return false;
	qr_lock_event(mm->system, mm, QR_RANK_MM, QUIRE_LOCK_TRIED);
	return true;
}

/* The same for a caller that keeps the slot and not its number. */
static inline bool qr_mm_slot_trylock(struct quire_mm *mm, struct qr_mm_slot *slot)
{
	if (!qr_slot_enter(mm, slot))
		return false;
	qr_lock_event(mm->system, mm, QR_RANK_MM, QUIRE_LOCK_TRIED);
	return true;
}

/* Returns whether a writer is to be woken: qr_mm_wake_writer(). */
static inline bool qr_mm_slot_release(struct quire_mm *mm, struct qr_mm_slot *slot)
{
	qr_assert_contract(mm->system, __atomic_load_n(&slot->readers, __ATOMIC_RELAXED));
	/* The event first: after the last step another thread may free the mm. */
	qr_lock_event(mm->system, mm, QR_RANK_MM, QUIRE_LOCK_RELEASED);
	return qr_slot_left(mm, slot);
}

static inline void qr_mm_slot_unlock(struct quire_mm *mm, struct qr_mm_slot *slot)
{
	if (qr_mm_slot_release(mm, slot))
		qr_mm_wake_writer(mm, &slot->readers);
}

/* Tables of level 0 in a frame; as far as a slot can tell them apart, whose word has room for their number. */
#define QR_SLOT_TABLES 4u
QR_INLINE unsigned qr_tables_in_frame(const struct quire_system *system)
{
	const struct quire_arch *arch = qr_arch(system);

	return (1u << arch->page_shift) / arch->level[0].table_bytes;
}

/* The entry for an address in the table that the last fault on this slot used, and the descriptor of its frame, which
 * tells which addresses it maps. NULL: it is for others. => mm lock for read */
static inline void *qr_slot_entry(const struct quire_system *system, const struct qr_mm_slot *slot,
				  quire_va va, struct qr_page **out_table)
{
	const struct quire_level *level = &qr_arch(system)->level[0];
	uintptr_t kept = __atomic_load_n(&slot->table, __ATOMIC_RELAXED);
	quire_va offset, span = (quire_va)1 << (level->shift + level->index_bits), before = 0;
	struct qr_page *table;
	char *entry;

	if (qr_tables_in_frame(system) > 1) {
		before = (kept & (QR_SLOT_TABLES - 1)) * span;
		kept &= ~(uintptr_t)(QR_SLOT_TABLES - 1);
	}
	table = (struct qr_page *)kept;
	*out_table = table;
	offset = va - table->u.table.base;
	/* Of the frame's other tables it is not known whether they exist. */
	if (qr_unlikely(offset - before >= span))
		return NULL;
	entry = table->linear + (offset >> level->shift) * level->entry_bytes;
	/* Lets the compiler drop the caller's test for NULL. */
	if (!entry)
		__builtin_unreachable();
	return entry;
}

/* Keeps the table of an entry, which lies in the frame of `table`, for the next fault or copy on this slot. Not one that
 * the port brought along, of which the descriptor tells nothing. => mm lock for read */
static inline void qr_slot_keep(const struct quire_mm *mm, struct qr_mm_slot *slot, struct qr_page *table,
				const void *entry)
{
	uintptr_t at = (uintptr_t)entry & (uintptr_t)qr_page_mask(mm->system);
	unsigned tables = qr_tables_in_frame(mm->system);

	if (tables == 0 || tables > QR_SLOT_TABLES || table->u.table.pt != &mm->pt)
		return;
	__atomic_store_n(&slot->table, (uintptr_t)table + at / qr_arch(mm->system)->level[0].table_bytes,
			 __ATOMIC_RELAXED);
}

static inline bool qr_mm_read_trylock(struct quire_mm *mm, unsigned cpu, unsigned *out_token)
{
	qr_assert_contract(mm->system, cpu < mm->slots);
	*out_token = cpu;
	return qr_mm_slot_trylock(mm, &mm->slot[cpu]);
}

static inline void qr_mm_read_unlock(struct quire_mm *mm, unsigned token)
{
	qr_assert_contract(mm->system, token < mm->slots);
	qr_mm_slot_unlock(mm, &mm->slot[token]);
}

void qr_mm_write_lock(struct quire_mm *mm);
/* quire_mm_create() in two steps: what is not complete yet is filled without its lock, and not trimmed. */
enum quire_status qr_mm_begin(struct quire_system *system, const struct quire_mm_layout *layout,
			      struct quire_mm **out_mm) QUIRE_MUST_USE;
void qr_mm_complete(struct quire_mm *mm);

/* qr_mm_write_lock() without waiting. False: somebody has it, for read or write. */
bool qr_mm_write_trylock(struct quire_mm *mm);
/* Frees the empty page tables of every mm whose lock is free. Returns how many. => no lock is held (trim.c) */
uint64_t qr_mm_trim(struct quire_system *system);
void qr_mm_write_unlock(struct quire_mm *mm);
/* A writer becomes a reader; no other writer comes between. */
unsigned qr_mm_downgrade(struct quire_mm *mm);

/* Makes the mm part of a group, with a reference (group.c). => mm lock for write, or known to nobody */
void qr_mm_join(struct quire_mm *mm, struct quire_group *group);

/* Resident counts: to the slot of this CPU. */
void qr_mm_count(struct quire_mm *mm, int64_t anon, int64_t file, int64_t shmem, int64_t swap);
void qr_mm_count_fault(struct quire_mm *mm, bool major); /* taken in a call: the thread's too, by the host */
void qr_mm_count_gone(struct quire_mm *mm, const struct qr_pt_counts *gone);

/* --- the index (tree.c) ----------------------------------------------------------------------------- */

/* The first vma that ends above `va`; NULL: none. O(log n). => mm lock. */
struct quire_vma *qr_find_vma(const struct quire_mm *mm, quire_va va);
/* The first vma that overlaps [start, end). */
struct quire_vma *qr_find_vma_intersection(const struct quire_mm *mm, quire_va start, quire_va end);
/* The one with the highest addresses; NULL: none. O(log n). */
struct quire_vma *qr_last_vma(const struct quire_mm *mm);
/* Links a vma whose range is free; unlinks; tells that start or end changed within its neighbours. */
void qr_vma_link(struct quire_mm *mm, struct quire_vma *vma);
void qr_vma_unlink(struct quire_mm *mm, struct quire_vma *vma);
void qr_vma_moved(struct quire_mm *mm, struct quire_vma *vma);
/* Highest (lowest) start of a free gap of `length` in [low, high), leaving guard gaps below growing
 * vmas. Returns QUIRE_OK or QUIRE_ENOMEM. */
enum quire_status qr_gap_top_down(const struct quire_mm *mm, uint64_t length, quire_va low, quire_va high,
				  quire_va *out_va) QUIRE_MUST_USE;
enum quire_status qr_gap_bottom_up(const struct quire_mm *mm, uint64_t length, quire_va low, quire_va high,
				   quire_va *out_va) QUIRE_MUST_USE;
bool qr_mm_valid(const struct quire_mm *mm); /* tree, list, gaps, counts: linear */

/* --- what the fault path asks of an address space --------------------------------------------------- */

/* Grows `vma` down to hold `va` (stack.c in src/fault decides, this commits): vma_start and pgoff move,
 * counts and commitment follow. => limits were checked; mm lock for write. */
void qr_vma_grow_down(struct quire_vma *vma, quire_va start);

static inline uint64_t qr_vma_anon_id(const struct quire_vma *vma)
{
	return __atomic_load_n(&vma->anon, __ATOMIC_ACQUIRE);
}

void qr_anon_begin(struct quire_vma *vma);

/* Gives the vma its anonymous identity before the first private page (anon_vma_prepare): takes a
 * mergeable neighbour's where Linux would. => mm lock for read. */
static inline void qr_anon_prepare(struct quire_vma *vma)
{
	if (qr_unlikely(qr_vma_anon_id(vma) == 0))
		qr_anon_begin(vma);
}

/* Promises `pages` to `mm` by the overcommit mode (limits.c). qr_uncommit() takes them back.
 * Returns QUIRE_OK or QUIRE_ENOMEM. */
enum quire_status qr_mm_commit(const struct quire_mm *mm, uint64_t pages) QUIRE_MUST_USE;

/* Hardware protection of a vma's leaves for these flags: Linux's protection map, widened to what the
 * arch can say, with USER. PROT_NONE vmas give QUIRE_PROT_NONE. */
quire_prot qr_vm_prot(const struct quire_system *system, uint32_t vm_flags);

/* Whether RLIMIT_MEMLOCK binds this address space. */
bool qr_memlock_binds(const struct quire_mm *mm);

/* Whether writes to a clean leaf of this vma must be seen by a fault (shared file with writeback). */
bool qr_vma_wants_writenotify(const struct quire_vma *vma);

static inline uint64_t qr_vma_pages(const struct quire_vma *vma)
{
	return (uint64_t)(vma->end - vma->start) >> qr_arch(vma->mm->system)->page_shift;
}

/* The page of the file (or anonymous index) at `va`. */
static inline uint64_t qr_vma_index(const struct quire_vma *vma, quire_va va)
{
	return vma->pgoff + ((uint64_t)(va - vma->start) >> qr_arch(vma->mm->system)->page_shift);
}

#endif
