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
	unsigned flags;
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
		return qr_likely(*out_table != &mm->system->no_table) ? entry : NULL;
	entry = qr_pt_find(&mm->pt, copy->va, 0);
	if (entry) {
		*out_table = qr_pt_table_of(&mm->pt, entry);
		qr_slot_keep(mm, slot, *out_table, entry);
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

/* Keeps a leaf that serves, for frame_if_like(). */
QR_INLINE void keep_leaf(const struct quire_system *system, struct qr_mm_slot *slot, quire_pte pte,
			 enum direction direction)
{
	qr_atomic64 *leaf = direction == COPY_OUT ? &slot->written : &slot->read;

	__atomic_store_n(leaf, pte.bits & ~qr_leaf_frame_bits(qr_arch(system), 0), __ATOMIC_RELAXED);
}

/* The frame of a leaf of which the codec would say what it said of the last that served on this slot: they differ in
 * nothing else. Of another leaf, a number that no frame has: what differs below the frame's bits goes to the top. */
QR_INLINE quire_pfn frame_if_like(const struct quire_system *system, const struct qr_mm_slot *slot,
				  quire_pte pte, enum direction direction)
{
	const qr_atomic64 *leaf = direction == COPY_OUT ? &slot->written : &slot->read;
	uint64_t differs = pte.bits ^ __atomic_load_n(leaf, __ATOMIC_RELAXED);
	unsigned shift = (unsigned)__builtin_ctzll(qr_leaf_frame_bits(qr_arch(system), 0));

	return (quire_pfn){differs >> shift | differs << (64 - shift)};
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
#define WORD 8u

QR_INLINE void copy_bytes(void *to, const void *from, size_t bytes)
{
	if (qr_likely(bytes == 1))
		*(char *)to = *(const char *)from;
	else if (bytes == WORD)
		__builtin_memcpy(to, from, WORD);
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

/* How the short way ended, and what is left to do. */
enum end {
	DONE,
	DONE_WAITED, /* PT is free, and its waiters are to be woken. mm(r) held */
	DONE_WRITER, /* the mm lock is free, and its writer is to be woken */
	NOT_BEGUN,   /* nothing was done, here and below */
	NO_MM,       /* a writer is there: out of the slot again */
	NO_TABLE,    /* mm(r) held */
	NO_LEAF      /* mm(r), PT held */
};

/* Whether there are bytes, they lie in one page, and are few enough to be copied under PT. */
QR_INLINE bool is_short(const struct quire_system *system, quire_va va, size_t length)
{
	size_t last = length - 1; /* of 0 bytes: too many */

	return last <= (size_t)qr_min(qr_page_mask(system), PIECE - 1) &&
	       (va ^ (va + (quire_va)last)) <= (quire_va)qr_page_mask(system);
}

/* The short way of a copy within one page: its table is the one that the last fault or copy on this slot used, its leaf
 * is like the last that served, its frame is linear memory, and nobody holds a lock of them. Whose table it is was
 * checked when it was kept, so it is not asked whether the address is the program's. */
QR_INLINE enum end copy_short(struct quire_mm *mm, struct qr_mm_slot *slot, quire_va va, char *buffer,
			      size_t length, enum direction direction)
{
	const struct quire_arch *arch = qr_arch(mm->system);
	struct qr_page *table;
	const void *entry;
	quire_pte pte;
	char *at;

	if (qr_unlikely(!is_short(mm->system, va, length)))
		return NOT_BEGUN;
	if (qr_unlikely(!qr_mm_slot_try(mm, slot)))
		return NO_MM;
	entry = qr_slot_entry(mm->system, slot, va, &table);
	if (qr_unlikely(!entry) || qr_unlikely(!qr_pt_trylock(&mm->pt, table)))
		return NO_TABLE;
	pte = qr_pte_get(arch, 0, entry);
	if (qr_unlikely(!qr_pfn_in_first(mm->system, frame_if_like(mm->system, slot, pte, direction), &at)))
		return NO_LEAF;
	if (direction == COPY_IN) {
		copy_bytes(buffer, at + (va & (quire_va)qr_page_mask(mm->system)), length);
	} else {
		copy_bytes(at + (va & (quire_va)qr_page_mask(mm->system)), buffer, length);
		wrote(mm->system, at, pte);
	}
	if (qr_unlikely(qr_pt_release(&mm->pt, table)))
		return DONE_WAITED;
	return qr_unlikely(qr_mm_slot_release(mm, slot)) ? DONE_WRITER : DONE;
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

	if (qr_unlikely(!quire_va_is_user(qr_width(system), copy->va)))
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

/* In the flags: the copy goes out. */
#define OUT (1u << 31)

/* All of a copy, piece by piece. */
QR_RARE static enum quire_status copy_pieces(struct quire_mm *mm, char *buffer, quire_va va, size_t length,
					     unsigned flags, size_t *out_done)
{
	struct copy copy = {.mm = mm, .va = va, .buffer = buffer, .left = length, .flags = flags};
	enum quire_status status = QUIRE_OK;

	while (copy.left > 0 && status == QUIRE_OK)
		status = flags & OUT ? step(&copy, COPY_OUT) : step(&copy, COPY_IN);
	*out_done = length - copy.left;
	return status;
}

/* The address has one table while the mm lock is held. */
static struct qr_page *table_of(struct quire_mm *mm, quire_va va)
{
	return qr_pt_table_of(&mm->pt, qr_pt_find(&mm->pt, va, 0));
}

/* Does what the short way left to do. Returns whether it copied. */
static bool settle(struct quire_mm *mm, struct qr_mm_slot *slot, quire_va va, enum end end)
{
	switch (end) {
	case DONE_WAITED:
		qr_unlock_slow(mm->system, &table_of(mm, va)->lock);
		qr_mm_slot_unlock(mm, slot);
		break;
	case DONE_WRITER:
		qr_mm_wake_writer(mm, &slot->readers);
		break;
	case NO_MM:
		qr_slot_leave(mm, slot);
		break;
	case NO_LEAF:
		qr_pt_unlock(&mm->pt, table_of(mm, va));
		qr_mm_slot_unlock(mm, slot);
		break;
	case NO_TABLE:
		qr_mm_slot_unlock(mm, slot);
		break;
	default:
		break;
	}
	return end <= DONE_WRITER;
}

/* On any CPU, any bytes: the short way, or the long one. */
QR_INLINE enum quire_status copy_any(struct quire_mm *mm, char *buffer, quire_va va, size_t length,
				     size_t *out_done, unsigned flags)
{
	struct qr_mm_slot *slot = &mm->slot[qr_this_cpu_number(mm->system)];
	enum end end;

	QR_ONCE(slot);
	end = flags & OUT ? copy_short(mm, slot, va, buffer, length, COPY_OUT)
			  : copy_short(mm, slot, va, buffer, length, COPY_IN);

	if (qr_unlikely(end != DONE) && !settle(mm, slot, va, end))
		return copy_pieces(mm, buffer, va, length, flags, out_done);
	*out_done = length;
	return QUIRE_OK;
}

/* One for each direction: half of the registers are saved. */
QR_APART static enum quire_status copy_any_in(struct quire_mm *mm, char *buffer, quire_va va, size_t length,
					      unsigned flags, size_t *out_done)
{
	return copy_any(mm, buffer, va, length, out_done, flags & ~OUT);
}

QR_APART static enum quire_status copy_any_out(struct quire_mm *mm, char *buffer, quire_va va, size_t length,
					       unsigned flags, size_t *out_done)
{
	return copy_any(mm, buffer, va, length, out_done, flags | OUT);
}

/* --- a word, where there is one CPU ------------------------------------------------------------------------------- */

/* Most of what system calls copy. Every call here is the last one, so the processor's registers hold all there is and
 * none of them is saved. */

QR_RARE static enum quire_status end_waited(struct quire_mm *mm, quire_va va)
{
	(void)settle(mm, mm->slot, va, DONE_WAITED);
	return QUIRE_OK;
}

QR_RARE static enum quire_status end_writer(struct quire_mm *mm)
{
	(void)settle(mm, mm->slot, 0, DONE_WRITER);
	return QUIRE_OK;
}

QR_RARE static enum quire_status leave_mm(struct quire_mm *mm, char *buffer, quire_va va, size_t length,
					  unsigned flags, size_t *out_done)
{
	(void)settle(mm, mm->slot, va, NO_MM);
	return copy_pieces(mm, buffer, va, length, flags, out_done);
}

QR_RARE static enum quire_status leave_slot(struct quire_mm *mm, char *buffer, quire_va va, size_t length,
					    unsigned flags, size_t *out_done)
{
	(void)settle(mm, mm->slot, va, NO_TABLE);
	return copy_pieces(mm, buffer, va, length, flags, out_done);
}

QR_RARE static enum quire_status leave_table(struct quire_mm *mm, char *buffer, quire_va va, size_t length,
					     unsigned flags, size_t *out_done)
{
	(void)settle(mm, mm->slot, va, NO_LEAF);
	return copy_pieces(mm, buffer, va, length, flags, out_done);
}

QR_INLINE enum quire_status copy_word(struct quire_mm *mm, char *buffer, quire_va va, unsigned flags,
				      size_t *out_done, enum direction direction)
{
	/* Another way writes it again. */
	*out_done = WORD;
	if (direction == COPY_OUT)
		flags |= OUT;
	switch (copy_short(mm, mm->slot, va, buffer, WORD, direction)) {
	case DONE:
		return QUIRE_OK;
	case DONE_WAITED:
		return end_waited(mm, va);
	case DONE_WRITER:
		return end_writer(mm);
	case NO_MM:
		return leave_mm(mm, buffer, va, WORD, flags, out_done);
	case NO_TABLE:
		return leave_slot(mm, buffer, va, WORD, flags, out_done);
	case NO_LEAF:
		return leave_table(mm, buffer, va, WORD, flags, out_done);
	default:
		return copy_pieces(mm, buffer, va, WORD, flags, out_done);
	}
}

QR_APART static enum quire_status copy_word_in(struct quire_mm *mm, char *buffer, quire_va va, size_t length,
					       unsigned flags, size_t *out_done)
{
	(void)length; /* a word */
	return copy_word(mm, buffer, va, flags, out_done, COPY_IN);
}

QR_APART static enum quire_status copy_word_out(struct quire_mm *mm, char *buffer, quire_va va, size_t length,
						unsigned flags, size_t *out_done)
{
	(void)length; /* a word */
	return copy_word(mm, buffer, va, flags, out_done, COPY_OUT);
}

/* --- what the port calls ------------------------------------------------------------------------------------------ */

enum quire_status quire_copy_in(struct quire_mm *mm, void *to, quire_va from, size_t length, unsigned flags,
				size_t *out_done)
{
	if (length == WORD && mm->slots == 1)
		return copy_word_in(mm, to, from, length, flags, out_done);
	return copy_any_in(mm, to, from, length, flags, out_done);
}

enum quire_status quire_copy_out(struct quire_mm *mm, quire_va to, const void *from, size_t length,
				 unsigned flags, size_t *out_done)
{
	char *buffer = (char *)(uintptr_t)from;

	if (length == WORD && mm->slots == 1)
		return copy_word_out(mm, buffer, to, length, flags, out_done);
	return copy_any_out(mm, buffer, to, length, flags, out_done);
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
