/* SPDX-License-Identifier: MIT */
/* The arch contract: what one architecture's page tables look like. Pure functions and a table.
 *
 *   level 2   level 1   level 0            levels count up from the pages: level 0 is the pte,
 *   +-----+   +-----+   +-----+            levels - 1 is the root
 *   |     |-->|     |-->| pte |--> frame   an entry of level n > 0 is a table of level n - 1,
 *   +-----+   +-----+   +-----+            or a leaf where leaf[n] is allowed
 *
 * Nothing here touches memory or the CPU: entries are loaded and stored by the library, barriers
 * and TLBs are the host's. That is why every architecture compiles into every build, and why the
 * walker exists once.
 *
 * An entry has a kind (quire_pte_kind). Of a leaf:
 *   - it names a frame, a protection, and whether it is young and dirty;
 *   - `prot` is what software allows. The hardware may be told less: where the format or the CPU
 *     keeps no accessed or dirty bit, an old leaf is encoded so that any access faults, and a clean
 *     writable one so that a write faults. hw_allows() tells what the hardware would do;
 *   - a leaf with QUIRE_PROT_NONE keeps its frame and faults on any access.
 * Laws (each holds for every protection the architecture supports; ports/selftest proves them):
 *   make then pfn, prot, flags is the identity; with_flags(clear DIRTY) is clean and nothing else
 *   changed; likewise YOUNG; with_prot keeps pfn and flags; swap then swap_value is the identity
 *   and the kind is SWAP; no leaf, table or swap entry is all zero bits; zero bits are kind NONE.
 */
#ifndef QUIRE_PORT_ARCH_H
#define QUIRE_PORT_ARCH_H

#include <quire/fault.h>
#include <quire/profile.h>
#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QUIRE_MAX_LEVELS  5
#define QUIRE_PLAIN_CODES 64

enum quire_pte_kind {
	QUIRE_PTE_NONE = 0,  /* zero bits: nothing */
	QUIRE_PTE_TABLE = 1, /* level > 0: the table below */
	QUIRE_PTE_LEAF = 2,  /* a frame; the hardware may still fault on it (old, clean, PROT_NONE) */
	QUIRE_PTE_SWAP = 3,  /* not present; a value for software */
	QUIRE_PTE_BAD = 4    /* bits that no function here makes */
};

/* State of a leaf beside its frame and protection. */
enum {
	QUIRE_PTE_YOUNG = 1, /* accessed since it was last made old */
	QUIRE_PTE_DIRTY = 2  /* written since it was last made clean */
};

/* What the hardware can do; what is absent is emulated by faults, or refused by name. */
enum {
	QUIRE_CAP_HW_YOUNG = 1, /* the walker sets accessed by itself */
	QUIRE_CAP_HW_DIRTY = 2, /* and dirty */
	QUIRE_CAP_NX = 4,       /* can forbid execution */
	QUIRE_CAP_EXECONLY = 8, /* can allow execution without reading, to user mode */
	QUIRE_CAP_ASID = 16,    /* TLB entries carry an address-space number */
	QUIRE_CAP_BREAK_BEFORE_MAKE =
	    32,                    /* a live entry must be cleared and flushed before it changes its frame */
	QUIRE_CAP_SPLIT_ROOT = 64, /* user and kernel have a root each: kernel entries are never copied */
	QUIRE_CAP_CACHES_INVALID = 128, /* the TLB may keep not-present entries: flush after mapping too */
	QUIRE_CAP_FAULT_FLUSHES = 256   /* a page fault drops what its CPU's TLB has for the address */
};

/* One level. Its index is (va >> shift) & ((1 << index_bits) - 1). */
struct quire_level {
	uint8_t index_bits;
	uint8_t shift;
	uint8_t entry_bytes;  /* 4 or 8 */
	uint8_t leaf;         /* 1: an entry may be a page of 1 << shift bytes */
	uint32_t table_bytes; /* size and alignment of a table: may be a part of a frame, or several */
};

/* Syndromes that tell all about their fault: what decode() makes of a trap of `vector` that was taken from user mode
 * on a user address depends on the profile, the rows and the syndrome; address, pc, sp and context are copied and no
 * more. So it needs to be decoded once only. They are numbered by the bits in which they differ: the lowest `low`, then
 * those at `high`. */
struct quire_plain {
	uint8_t codes;     /* how many, a power of two up to QUIRE_PLAIN_CODES; 0: none */
	uint8_t vector;    /* enum quire_vector */
	uint8_t low;       /* bits */
	uint8_t high[2];   /* positions; not read where `low` and those before make up `codes` */
	uint64_t syndrome; /* of number 0 */
};

struct quire_arch {
	const char *name;   /* "x86_64", "arm64", ...: as the tools spell it */
	uint8_t levels;     /* 2 to QUIRE_MAX_LEVELS */
	uint8_t page_shift; /* == level[0].shift */
	uint8_t long_bytes; /* sizeof(long) of a user program: 4 or 8 */
	uint8_t pa_bits;    /* widest physical address an entry holds */
	uint32_t caps;      /* QUIRE_CAP_* */
	struct quire_level level[QUIRE_MAX_LEVELS];

	uint64_t user_end;     /* user addresses: 0 to user_end (TASK_SIZE) */
	uint64_t kernel_start; /* kernel addresses: kernel_start to kernel_end, both included */
	uint64_t kernel_end;
	uint8_t swap_bits; /* bits of a value in a swap entry; at least 24 */

	struct quire_plain plain;

	uint8_t family; /* enum quire_family: which rules of a profile are its own */

	/* 1. What kind of entry `pte`, found at `level`, is. Total: any bits have a kind. */
	enum quire_pte_kind (*kind)(const struct quire_arch *, quire_pte pte, unsigned level);

	/* 2. A leaf of `level`. `prot` must pass prot_check(); `flags`: QUIRE_PTE_YOUNG | _DIRTY.
	 * It is that of frame 0 with the frame's number added in consecutive bits. */
	quire_pte (*make)(const struct quire_arch *, quire_pfn pfn, quire_prot prot, unsigned flags,
			  unsigned level);
	/* 3.-5. The parts of a leaf. */
	quire_pfn (*pfn)(const struct quire_arch *, quire_pte pte, unsigned level);
	quire_prot (*prot)(const struct quire_arch *, quire_pte pte, unsigned level);
	unsigned (*flags)(const struct quire_arch *, quire_pte pte, unsigned level);

	/* 6. The same leaf with `clear` removed, then `set` added, of QUIRE_PTE_YOUNG | _DIRTY. */
	quire_pte (*with_flags)(const struct quire_arch *, quire_pte pte, unsigned set, unsigned clear,
				unsigned level);
	/* 7. The same leaf with another protection; frame, young and dirty stay. */
	quire_pte (*with_prot)(const struct quire_arch *, quire_pte pte, quire_prot prot, unsigned level);

	/* 8. Whether the hardware would let this access through without a fault: the leaf as the CPU
	 * sees it, young and dirty emulation included. `mode`: USER or KERNEL. An UNKNOWN access counts as
	 * a read, an UNKNOWN mode as the user's. The control bits that it supposes (CR0.WP, PAN, SUM, ...)
	 * stand at the head of arch/<a>/pte.h. */
	bool (*hw_allows)(const struct quire_arch *, quire_pte pte, enum quire_access access,
			  enum quire_mode mode, unsigned level);

	/* 9., 10. An entry of `level` > 0 that names the table of level - 1 at `table`, and back. */
	quire_pte (*table)(const struct quire_arch *, quire_pa table, unsigned level);
	quire_pa (*table_pa)(const struct quire_arch *, quire_pte pte, unsigned level);

	/* 11., 12. A swap entry of level 0 with `value` < 1 << swap_bits, and back. */
	quire_pte (*swap)(const struct quire_arch *, uint64_t value);
	uint64_t (*swap_value)(const struct quire_arch *, quire_pte pte);

	/* 13. Whether a leaf can say exactly `prot`.
	 * Returns QUIRE_OK, or by name what is missing: QUIRE_NO_NX, QUIRE_NO_EXECONLY,
	 * QUIRE_NO_WRITEONLY; QUIRE_EINVAL: bits outside QUIRE_PROT_MASK. The library asks for what it was
	 * told and never drops a bit silently; quire_prot_widen() gives the protection that Linux gives
	 * instead. */
	enum quire_status (*prot_check)(const struct quire_arch *, quire_prot prot);

	/* 14. Decodes an exception: total and pure. `rows`: NULL, or replacements (quire_fault_hook).
	 * Fills every field of `out_fault`. */
	void (*decode)(const struct quire_arch *, const struct quire_profile *profile,
		       const struct quire_fault_row *const *rows, const struct quire_trap *trap,
		       struct quire_fault *out_fault);

	/* 15. The table of a vector in that release: *out_count rows, or NULL where the vector has none. */
	const struct quire_fault_row *(*rows)(const struct quire_arch *, const struct quire_profile *profile,
					      enum quire_vector vector, unsigned *out_count);

	/* 16. The registers that the hardware gives with `fault`: vector and syndrome of `trap` (quire_syndrome()).
	 * What decode() makes of them has the same access, mode and cause, as far as the hardware tells them.
	 * Returns QUIRE_OK; QUIRE_EINVAL: no such fault. */
	enum quire_status (*raise)(const struct quire_arch *, const struct quire_fault *fault,
				   struct quire_trap *trap);
};

/* The architectures of this build. */
extern const struct quire_arch quire_arch_i386;        /* 2 levels: 4 KiB, 4 MiB; no NX */
extern const struct quire_arch quire_arch_x86_64;      /* 4 levels */
extern const struct quire_arch quire_arch_x86_64_la57; /* 5 levels */
extern const struct quire_arch quire_arch_arm;         /* short descriptors: 4096 x 4 over 256 x 4 */
extern const struct quire_arch quire_arch_arm64;       /* 4 KiB granule, 48 bits, 4 levels */
extern const struct quire_arch quire_arch_arm64_39;    /* 4 KiB granule, 39 bits, 3 levels */
extern const struct quire_arch quire_arch_arm64_16k;   /* 16 KiB granule, 47 bits, 3 levels */
extern const struct quire_arch quire_arch_arm64_64k;   /* 64 KiB granule, 42 bits, 2 levels */
extern const struct quire_arch quire_arch_riscv64;     /* Sv39 */
extern const struct quire_arch quire_arch_riscv64_sv48;
extern const struct quire_arch quire_arch_toy; /* 3 levels of 8: 512 pages in all */

/* Decodes an exception by the ARM LPAE syndrome tables (64 + 64 entries), whose page tables are not built: as
 * quire_arch.decode. Any context. */
void quire_arm_lpae_decode(const struct quire_profile *profile, const struct quire_trap *trap,
			   struct quire_fault *out_fault);
/* Returns its rows, *out_count of them; NULL where the vector has none. Any context. */
const struct quire_fault_row *quire_arm_lpae_rows(const struct quire_profile *profile,
						  enum quire_vector vector, unsigned *out_count);

/* Returns the architecture of that name; NULL when this build has none. Any context. */
const struct quire_arch *quire_arch_find(const char *name);
/* Returns the index-th architecture of this build; NULL past the end. Any context. */
const struct quire_arch *quire_arch_at(unsigned index);

/* Returns the least protection that includes `prot` and that the architecture can say: what Linux's
 * protection map does silently (i386: what may be read may be executed). Any context. */
quire_prot quire_prot_widen(const struct quire_arch *arch, quire_prot prot);

/* Returns whether `va` is a user's. An address may be neither that nor the kernel's (non-canonical). Any context. */
static inline bool quire_va_is_user(const struct quire_arch *arch, quire_va va)
{
	return va < arch->user_end;
}
/* Returns whether `va` is the kernel's. Any context. */
static inline bool quire_va_is_kernel(const struct quire_arch *arch, quire_va va)
{
	return va >= arch->kernel_start && va <= arch->kernel_end;
}

/* Numbers a syndrome. Returns a number below `codes`, which are some; the syndrome is a plain one if
 * quire_plain_syndrome() of that number is the syndrome again. Any context. */
static inline unsigned quire_plain_code(const struct quire_plain *plain, uint64_t syndrome)
{
	uint64_t code = (syndrome & ((1u << plain->low) - 1)) |
			(syndrome >> plain->high[0] & 1) << plain->low |
			(syndrome >> plain->high[1] & 1) << (plain->low + 1);

	return (unsigned)code & (plain->codes - 1u);
}

/* The inverse. Returns the plain syndrome of a number below `codes`. Any context. */
static inline uint64_t quire_plain_syndrome(const struct quire_plain *plain, unsigned code)
{
	return plain->syndrome | (code & ((1u << plain->low) - 1)) |
	       (uint64_t)(code >> plain->low & 1) << plain->high[0] |
	       (uint64_t)(code >> (plain->low + 1) & 1) << plain->high[1];
}

#ifdef __cplusplus
}
#endif
#endif
