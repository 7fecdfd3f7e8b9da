/* SPDX-License-Identifier: MIT */
/* The store contract: where pages go that leave memory. A disk, a network, compressed memory.
 *
 *   quire_swapon(system, store, priority)      the store's slots may be used
 *     put_batch   frames ──► slots             each transfer has a status of its own
 *     get_batch   slots  ──► frames
 *     drop_batch  slots whose content nobody will read again
 *   quire_swapoff(system, store)               everything is back in memory, the store may go
 *
 * A store keeps what was put into a slot until the slot is put again or dropped, and gives it back as
 * often as it is asked. A slot that was never put is never asked for. Two transfers of one slot are
 * never under way at a time. */
#ifndef QUIRE_PORT_STORE_H
#define QUIRE_PORT_STORE_H

#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Transfers that one call is given at most. */
#define QUIRE_STORE_BATCH 32

/* One page of a batch. The library fills slot and pfn; the store fills status. */
struct quire_store_page {
	uint64_t slot;            /* below quire_store.slots */
	quire_pfn pfn;            /* the frame: read by put_batch, written by get_batch */
	enum quire_status status; /* QUIRE_OK before the call. The store says what became of this page */
};

struct quire_store_ops {
	/* Writes each frame to its slot. REQUIRED. A page whose status is not QUIRE_OK stays in memory, and its
	 * slot is never used again. A program may write to the frame meanwhile; then the content of the
	 * slot is of no interest: the library puts it again before it relies on it.
	 * Context: may sleep. Called from several threads at once, for different slots. The mm lock may be
	 * held for read, where memory is short in the middle of a fault; no other lock of the library. */
	void (*put_batch)(void *context, struct quire_store_page *pages, unsigned count);

	/* Reads each slot into its frame. REQUIRED. pages[0] is what somebody waits for; the others are
	 * read-ahead. A page whose status is not QUIRE_OK is lost: SIGBUS to the program that needs it.
	 * Context: as put_batch. */
	void (*get_batch)(void *context, struct quire_store_page *pages, unsigned count);

	/* The content of these slots is garbage (pfn means nothing). NULL: the store does not want to know.
	 * It may come late, and does not come where a slot is put again before.
	 * Context: as put_batch. */
	void (*drop_batch)(void *context, const struct quire_store_page *pages, unsigned count);
};

enum {
	QUIRE_STORE_SEEKS =
	    1 /* neighbouring slots are read together much faster than distant ones: read-ahead
	                       * goes by slots. Without it read-ahead goes by addresses */
};

/* A store as it is given to quire_swapon(). Constant and alive until quire_swapoff(). */
struct quire_store {
	const struct quire_store_ops *ops;
	void *context;
	const char *name;   /* for people; NULL: "store" */
	uint64_t slots;     /* pages that it holds. What the architecture's swap entries cannot name is left
	                     * unused */
	uint32_t read_cost; /* what a read costs, in cleared pages; 0: not known. For policy */
	uint32_t flags;     /* QUIRE_STORE_* */
};

#ifdef __cplusplus
}
#endif
#endif
