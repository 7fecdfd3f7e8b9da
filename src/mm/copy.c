/* SPDX-License-Identifier: MIT */
/* The kernel's copies from and to a program's memory: copyin, copyout.
 *
 *   the leaf allows it     copied under PT, piece by piece: nothing can unmap, clean or evict the page meanwhile
 *   it does not            the page is brought in as by an access of the program, then tried again
 *   it names no frame      EFAULT
 *
 * A leaf must be young, and for a write dirty: then the copy leaves the entry as the hardware's access would.
 *
 * Rejected: a reference to the page and a copy without PT. It costs two more atomic operations, and a page that is
 * cleaned for writeback in between would lose what was copied. */
#include <quire/copy.h>

#include "fault/fault.h"

/* Bytes copied under PT at most: large pages are copied in pieces. */
#define PIECE 4096u

enum direction {
	COPY_IN,
	COPY_OUT,
	COPY_STRING
};

struct copy {
	struct quire_mm *mm;
	quire_va va;
	char *buffer;
	size_t left;
	size_t *out_done;
	unsigned flags;
	/* Of the pieces: */
	bool ended;    /* the zero byte was copied */
	bool no_frame; /* the leaf names no frame of the system: nothing will bring one in */
};

/* The entry for the address and its table: by the one that the last fault or copy on this slot used, or from the root,
 * and then kept for the next. */
QR_INLINE void *entry_of(const struct copy *copy, struct qr_mm_slot *slot, struct qr_page **out_table)
{
	struct quire_mm *mm = copy->mm;
	void *entry = qr_slot_entry(mm->system, slot, copy->va, out_table);

	if (qr_likely(entry != NULL))
		return entry;
	entry = qr_pt_find(&mm->pt, copy->va, 0);
	if (entry) {
		*out_table = qr_pt_table_of(&mm->pt, entry);
		qr_slot_keep(mm, slot, entry, *out_table);
	}
	return entry;
}

/* Whether a program's access goes through this leaf and leaves it as it is. */
QR_INLINE bool serves(const struct quire_arch *arch, quire_pte pte, enum direction direction)
{
	quire_prot need = QUIRE_PROT_USER | (direction == COPY_OUT ? QUIRE_PROT_WRITE : QUIRE_PROT_READ);
	unsigned flags = QUIRE_PTE_YOUNG | (direction == COPY_OUT ? QUIRE_PTE_DIRTY : 0);

	return arch->kind(arch, pte, 0) == QUIRE_PTE_LEAF && (arch->prot(arch, pte, 0) & need) == need &&
	       (arch->flags(arch, pte, 0) & flags) == flags;
}

/* The bits of a leaf beside those of its frame. In every format the frame has its own: what the codec said of one leaf
 * holds for all that differ in those only. */
QR_INLINE uint64_t beside_frame(const struct quire_arch *arch)
{
	return ~(arch->make(arch, (quire_pfn){UINT64_MAX >> arch->page_shift}, 0, 0, 0).bits ^
		 arch->make(arch, (quire_pfn){0}, 0, 0, 0).bits);
}

/* Keeps a leaf that serves, for like_last(). Complemented: 0, of which no leaf is like, is none. */
QR_INLINE void keep_leaf(const struct quire_system *system, struct qr_mm_slot *slot, quire_pte pte,
			 enum direction direction)
{
	qr_atomic64 *leaf = direction == COPY_OUT ? &slot->written : &slot->read;

	__atomic_store_n(leaf, ~pte.bits & beside_frame(qr_arch(system)), __ATOMIC_RELAXED);
}

/* Whether the codec would say of this leaf what it said of the last that served on this slot. */
QR_INLINE bool like_last(const struct quire_system *system, const struct qr_mm_slot *slot, quire_pte pte,
			 enum direction direction)
{
	const qr_atomic64 *leaf = direction == COPY_OUT ? &slot->written : &slot->read;
	uint64_t mask = beside_frame(qr_arch(system));

	return ((pte.bits ^ __atomic_load_n(leaf, __ATOMIC_RELAXED)) & mask) == mask;
}

/* Copies up to the zero byte. */
static size_t copy_string(struct copy *copy, const char *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		copy->buffer[i] = from[i];
		if (from[i] == 0) {
			copy->ended = true;
			return i;
		}
	}
	return bytes;
}

/* A word or a character is most of what system calls copy. */
QR_INLINE void copy_bytes(void *to, const void *from, size_t bytes)
{
	if (qr_likely(bytes == 8))
		__builtin_memcpy(to, from, 8);
	else if (bytes == 1)
		*(char *)to = *(const char *)from;
	else
		memcpy(to, from, bytes);
}

/* What the kernel wrote to the page at `at` becomes visible to the program, its instruction fetch included. */
QR_INLINE void wrote(const struct quire_system *system, void *at, quire_pte pte)
{
	const struct quire_host *host = system->host;
	const struct quire_arch *arch = qr_arch(system);

	qr_page_wrote(system, at);
	if (host->icache_sync && (arch->prot(arch, pte, 0) & QUIRE_PROT_EXEC))
		host->icache_sync(system->host_context, at, (size_t)qr_page_bytes(system));
}

/* => PT held, the leaf serves. Returns the bytes copied. */
QR_INLINE size_t copy_piece(struct copy *copy, quire_pte pte, enum direction direction, size_t bytes)
{
	struct quire_system *system = copy->mm->system;
	const struct quire_arch *arch = qr_arch(system);
	struct qr_page *page = qr_page_of(system, arch->pfn(arch, pte, 0));
	size_t offset = (size_t)(copy->va & qr_page_mask(system));
	char *at;

	if (qr_unlikely(!page)) {
		copy->no_frame = true;
		return 0;
	}
	at = qr_page_map(system, page);
	if (direction == COPY_IN)
		copy_bytes(copy->buffer, at + offset, bytes);
	else if (direction == COPY_OUT)
		copy_bytes(at + offset, copy->buffer, bytes);
	else
		bytes = copy_string(copy, at + offset, bytes);
	if (direction == COPY_OUT)
		wrote(system, at, pte);
	qr_page_unmap(system, page, at);
	return bytes;
}

/* The short way did not come to the end. */
QR_RARE static bool leave_short(struct quire_mm *mm, struct qr_mm_slot *slot, struct qr_page *locked)
{
	if (locked)
		qr_pt_unlock(&mm->pt, locked);
	qr_mm_slot_unlock(mm, slot);
	return false;
}

/* The short way of a copy within one page: its table is the one that the last fault or copy on this slot used, its leaf
 * is like the last that served, its frame is linear memory, and nobody holds a lock of them. False: not so, and nothing
 * was done. Whose table it is was checked when it was kept, so it is not asked whether the address is the program's. */
QR_INLINE bool copy_short(struct copy *copy, enum direction direction)
{
	struct quire_mm *mm = copy->mm;
	struct quire_system *system = mm->system;
	const struct quire_arch *arch = qr_arch(system);
	struct qr_mm_slot *slot = &mm->slot[qr_this_cpu_number(system)];
	size_t mask = (size_t)qr_page_mask(system), offset = (size_t)copy->va & mask, length = copy->left;
	struct qr_page *table;
	const void *entry;
	quire_pte pte;
	char *at;

	if (qr_unlikely(length - 1 > mask - offset) ||
	    qr_unlikely(qr_page_bytes(system) > PIECE && length > PIECE) ||
	    qr_unlikely(!qr_mm_slot_trylock(mm, slot)))
		return false;
	entry = qr_slot_entry(system, slot, copy->va, &table);
	if (qr_unlikely(!entry) || qr_unlikely(!qr_pt_trylock(&mm->pt, table)))
		return leave_short(mm, slot, NULL);
	pte = qr_pte_get(arch, 0, entry);
	if (qr_unlikely(!like_last(system, slot, pte, direction)) ||
	    qr_unlikely(!qr_pfn_in_first(system, arch->pfn(arch, pte, 0), &at)))
		return leave_short(mm, slot, table);
	if (direction == COPY_IN)
		copy_bytes(copy->buffer, at + offset, length);
	else
		copy_bytes(at + offset, copy->buffer, length);
	if (direction == COPY_OUT)
		wrote(system, at, pte);
	qr_pt_unlock(&mm->pt, table);
	qr_mm_slot_unlock(mm, slot);
	*copy->out_done = length;
	return true;
}

/* Copies a piece of one page that is there. Returns the bytes copied; 0: it is not there, or not so.
 * locked: mm(r) */
QR_INLINE size_t copy_resident(struct copy *copy, struct qr_mm_slot *slot, enum direction direction)
{
	struct quire_system *system = copy->mm->system;
	const struct quire_arch *arch = qr_arch(system);
	size_t room = (size_t)(qr_page_bytes(system) - (copy->va & qr_page_mask(system)));
	size_t bytes = qr_min(qr_min(room, copy->left), PIECE), done = 0;
	struct qr_page *table;
	const void *entry = entry_of(copy, slot, &table);
	quire_pte pte;

	if (qr_unlikely(!entry))
		return 0;
	if (copy->flags & QUIRE_COPY_NOWAIT) {
		if (!qr_pt_trylock(&copy->mm->pt, table))
			return 0;
	} else {
		qr_pt_lock(&copy->mm->pt, table);
	}
	pte = qr_pte_get(arch, 0, entry);
	if (qr_likely(serves(arch, pte, direction))) {
		keep_leaf(system, slot, pte, direction);
		done = copy_piece(copy, pte, direction, bytes);
	}
	qr_pt_unlock(&copy->mm->pt, table);
	return done;
}

/* Somebody changes the address space, or is about to: waits for it. No fault is counted for that. */
QR_RARE static enum quire_status wait_for_writer(struct quire_mm *mm, unsigned flags)
{
	if (flags & QUIRE_COPY_NOWAIT)
		return QUIRE_EFAULT;
	qr_mm_read_unlock(mm, qr_mm_read_lock(mm));
	return QUIRE_OK;
}

/* A piece could not be copied as it is: brings its page in. */
QR_RARE static enum quire_status bring_in(struct quire_mm *mm, quire_va va, unsigned flags,
					  enum direction direction)
{
	if (flags & QUIRE_COPY_NOWAIT)
		return QUIRE_EFAULT;
	return qr_fault_for_copy(mm, va, direction == COPY_OUT);
}

/* One piece, or one page brought in, or one writer waited for. */
QR_INLINE enum quire_status step(struct copy *copy, enum direction direction)
{
	struct quire_system *system = copy->mm->system;
	struct qr_mm_slot *slot = &copy->mm->slot[qr_this_cpu(system)->cpu];
	size_t done;

	if (qr_unlikely(!quire_va_is_user(qr_arch(system), copy->va)))
		return QUIRE_EFAULT;
	if (qr_unlikely(!qr_mm_slot_trylock(copy->mm, slot)))
		return wait_for_writer(copy->mm, copy->flags);
	done = copy_resident(copy, slot, direction);
	qr_mm_slot_unlock(copy->mm, slot);
	if (qr_unlikely(copy->no_frame))
		return QUIRE_EFAULT;
	if (qr_unlikely(done == 0 && !copy->ended))
		return bring_in(copy->mm, copy->va, copy->flags, direction);
	copy->buffer += done;
	copy->va += (quire_va)done;
	copy->left -= done;
	return QUIRE_OK;
}

/* What the short way does not need is left alone. */
QR_INLINE void begin(struct copy *copy, struct quire_mm *mm, quire_va va, char *buffer, size_t length)
{
	copy->mm = mm;
	copy->va = va;
	copy->buffer = buffer;
	copy->left = length;
}

/* All of a copy, piece by piece. */
QR_INLINE enum quire_status copy_all(struct copy *copy, enum direction direction)
{
	size_t length = copy->left;
	enum quire_status status = QUIRE_OK;

	copy->ended = copy->no_frame = false;
	while (copy->left > 0 && status == QUIRE_OK)
		status = step(copy, direction);
	*copy->out_done = length - copy->left;
	return status;
}

QR_RARE static enum quire_status copy_in_pieces(struct copy *copy)
{
	return copy_all(copy, COPY_IN);
}

QR_RARE static enum quire_status copy_out_pieces(struct copy *copy)
{
	return copy_all(copy, COPY_OUT);
}

enum quire_status quire_copy_in(struct quire_mm *mm, void *to, quire_va from, size_t length, unsigned flags,
				size_t *out_done)
{
	struct copy copy;

	begin(&copy, mm, from, to, length);
	copy.flags = flags;
	copy.out_done = out_done;
	return qr_likely(copy_short(&copy, COPY_IN)) ? QUIRE_OK : copy_in_pieces(&copy);
}

enum quire_status quire_copy_out(struct quire_mm *mm, quire_va to, const void *from, size_t length,
				 unsigned flags, size_t *out_done)
{
	struct copy copy;

	begin(&copy, mm, to, (char *)(uintptr_t)from, length);
	copy.flags = flags;
	copy.out_done = out_done;
	return qr_likely(copy_short(&copy, COPY_OUT)) ? QUIRE_OK : copy_out_pieces(&copy);
}

enum quire_status quire_copy_string_in(struct quire_mm *mm, char *to, quire_va from, size_t size,
				       unsigned flags, size_t *out_length)
{
	struct copy copy = {.mm = mm, .va = from, .buffer = to, .left = size, .flags = flags};
	enum quire_status status = QUIRE_OK;

	while (copy.left > 0 && status == QUIRE_OK && !copy.ended)
		status = step(&copy, COPY_STRING);
	*out_length = size - copy.left;
	return status == QUIRE_OK && !copy.ended ? QUIRE_ERANGE : status;
}
