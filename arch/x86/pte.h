/* SPDX-License-Identifier: MIT */
/* x86 page tables: i386 with two levels of 32-bit entries, x86-64 with four or five of 64-bit ones.
 *
 *    63 62    52 51           12 11 9  8   7   6   5   4   3   2   1   0
 *   +--+--------+---------------+----+---+---+---+---+---+---+---+---+---+
 *   |XD| ignored| frame or table| ign| G |PS | D | A |PCD|PWT|U/S|R/W| P |   P = 1
 *   +--+--------+---------------+----+---+---+---+---+---+---+---+---+---+
 *   Intel SDM vol. 3A, 4.3 table 4-4..4-6 (32-bit paging), 4.5 table 4-15..4-20 (4-level and
 *   5-level paging); AMD APM vol. 2, 5.3, 5.4.
 *
 *   P = 0 (all else ignored by the CPU, SDM 4.3, 4.5):
 *   kept leaf (PROT_NONE)   G = 1, R/W = 0; frame, U/S, A, D and PS stay where they are
 *   swap                    R/W = 1, bits 2 to 7 zero, value from bit 8 up
 *
 * The CPU sets A and D by itself (SDM 4.8). It runs with CR0.WP = 1 (the kernel obeys R/W too), CR4.PSE or
 * long mode, EFER.NXE = 1 on x86-64, CR4.SMEP = CR4.SMAP = 0: hw_allows() assumes this. A kept leaf holds
 * its frame number with P = 0. On a CPU with the L1 terminal fault this is safe only if the L1 cache is
 * flushed or sibling hyper-threads are trusted, as for any such entry. */
#ifndef QR_ARCH_X86_PTE_H
#define QR_ARCH_X86_PTE_H

#include "codec.h"
#include "x86/decode.h"

#define X86_P    QR_BIT(0)
#define X86_RW   QR_BIT(1)
#define X86_US   QR_BIT(2)
#define X86_A    QR_BIT(5)
#define X86_D    QR_BIT(6)
#define X86_PS   QR_BIT(7) /* levels above 0 only: at level 0 it is PAT */
#define X86_G    QR_BIT(8)
#define X86_KEPT X86_G /* with P = 0 */
#define X86_XD   QR_BIT(63)

#define X86_SWAP_SHIFT 8

/* The leaf bits for every protection, on a CPU with NX. A kernel page is global: it survives a load of CR3
 * (SDM 4.10.2.4). */
#define X86_PRESENT_BITS(prot)                                                                        \
	(X86_P | (QUIRE_PROT_WRITE & (prot) ? X86_RW : 0) | (QUIRE_PROT_EXEC & (prot) ? 0 : X86_XD) | \
	 (QUIRE_PROT_USER & (prot) ? 0 : X86_G))
#define X86_PROT_BITS(prot)                        \
	((QUIRE_PROT_USER & (prot) ? X86_US : 0) | \
	 (QUIRE_PROT_RWX & (prot) ? X86_PRESENT_BITS(prot) : X86_KEPT))
#define X86_PROT_BITS_4(prot) \
	X86_PROT_BITS(prot), X86_PROT_BITS((prot) + 1), X86_PROT_BITS((prot) + 2), X86_PROT_BITS((prot) + 3)

static const uint64_t x86_prot_bits[QUIRE_PROT_MASK + 1] = {X86_PROT_BITS_4(0), X86_PROT_BITS_4(4),
							    X86_PROT_BITS_4(8), X86_PROT_BITS_4(12)};

static inline quire_pte x86_make(const struct quire_arch *arch, quire_pfn pfn, quire_prot prot,
				 unsigned flags, unsigned level)
{
	uint64_t bits = ((pfn.n << 12) & qr_leaf_mask(arch, level)) | x86_prot_bits[prot & QUIRE_PROT_MASK];

	if (!(arch->caps & QUIRE_CAP_NX))
		bits &= ~X86_XD;
	if (level > 0)
		bits |= X86_PS;
	if (flags & QUIRE_PTE_YOUNG)
		bits |= X86_A;
	if (flags & QUIRE_PTE_DIRTY)
		bits |= X86_D;
	return qr_pte(bits);
}

static inline enum quire_pte_kind x86_kind_absent(const struct quire_arch *arch, uint64_t bits,
						  unsigned level)
{
	uint64_t size = level > 0 ? X86_PS : 0;
	uint64_t kept = qr_leaf_mask(arch, level) | X86_US | X86_A | X86_D;

	if (bits == 0)
		return QUIRE_PTE_NONE;
	if (bits & X86_RW) {
		uint64_t value = (QR_BIT(arch->swap_bits) - 1) << X86_SWAP_SHIFT;

		return level == 0 && (bits & ~value) == X86_RW ? QUIRE_PTE_SWAP : QUIRE_PTE_BAD;
	}
	return qr_leaf_allowed(arch, level) && (bits & ~kept) == (X86_KEPT | size) ? QUIRE_PTE_LEAF
										   : QUIRE_PTE_BAD;
}

static inline enum quire_pte_kind x86_kind(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	uint64_t bits = pte.bits;
	uint64_t free = X86_RW | X86_A | X86_D;
	uint64_t want = X86_P;

	/* The most common case of a walk comes first. The CPU sets A of a table entry when it walks
	 * through it (SDM 4.8). */
	if (level > 0 && (bits & ~(qr_table_mask(arch, level) | X86_A)) == (X86_P | X86_RW | X86_US))
		return QUIRE_PTE_TABLE;
	if (!(bits & X86_P))
		return x86_kind_absent(arch, bits, level);
	if (level > 0 && !(bits & X86_PS))
		return QUIRE_PTE_BAD;
	if (arch->caps & QUIRE_CAP_NX)
		free |= X86_XD;
	if (level > 0)
		want |= X86_PS;
	want |= bits & X86_US ? X86_US : X86_G;
	return qr_leaf_allowed(arch, level) && (bits & ~(qr_leaf_mask(arch, level) | free)) == want
		   ? QUIRE_PTE_LEAF
		   : QUIRE_PTE_BAD;
}

static inline quire_pfn x86_pfn(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	uint64_t bits = pte.bits & qr_leaf_mask(arch, level);

	/* Of i386 they fit a word, and no more is shifted. */
	return (quire_pfn){arch->level[0].entry_bytes == 4 ? (uint32_t)bits >> 12 : bits >> 12};
}

static inline quire_prot x86_prot(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	quire_prot prot = pte.bits & X86_US ? QUIRE_PROT_USER : 0;

	if (!(pte.bits & X86_P))
		return prot;
	prot |= QUIRE_PROT_READ;
	if (pte.bits & X86_RW)
		prot |= QUIRE_PROT_WRITE;
	if (!(pte.bits & X86_XD))
		prot |= QUIRE_PROT_EXEC;
	return prot;
}

static inline unsigned x86_flags(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (pte.bits & X86_A ? QUIRE_PTE_YOUNG : 0) | (pte.bits & X86_D ? QUIRE_PTE_DIRTY : 0);
}

static inline quire_pte x86_with_flags(const struct quire_arch *arch, quire_pte pte, unsigned set,
				       unsigned clear, unsigned level)
{
	if (clear & QUIRE_PTE_YOUNG)
		pte.bits &= ~X86_A;
	if (clear & QUIRE_PTE_DIRTY)
		pte.bits &= ~X86_D;
	if (set & QUIRE_PTE_YOUNG)
		pte.bits |= X86_A;
	if (set & QUIRE_PTE_DIRTY)
		pte.bits |= X86_D;
	return pte;
}

static inline quire_pte x86_with_prot(const struct quire_arch *arch, quire_pte pte, quire_prot prot,
				      unsigned level)
{
	return x86_make(arch, x86_pfn(arch, pte, level), prot, x86_flags(arch, pte, level), level);
}

/* SDM 4.6.1. A clear A or D causes no fault: the CPU sets it. */
static inline bool x86_hw_allows(const struct quire_arch *arch, quire_pte pte, enum quire_access access,
				 enum quire_mode mode, unsigned level)
{
	if (!(pte.bits & X86_P))
		return false;
	if (mode != QUIRE_MODE_KERNEL && !(pte.bits & X86_US))
		return false;
	if (access == QUIRE_ACCESS_WRITE)
		return (pte.bits & X86_RW) != 0;
	if (access == QUIRE_ACCESS_EXEC)
		return !(pte.bits & X86_XD);
	return true;
}

/* A table entry restricts nothing; only leaves do. A is set in advance, which saves the hardware walker a
 * locked write. */
static inline quire_pte x86_table(const struct quire_arch *arch, quire_pa table, unsigned level)
{
	return qr_pte((table.v & qr_table_mask(arch, level)) | X86_P | X86_RW | X86_US | X86_A);
}

static inline quire_pa x86_table_pa(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (quire_pa){pte.bits & qr_table_mask(arch, level)};
}

static inline quire_pte x86_swap(const struct quire_arch *arch, uint64_t value)
{
	return qr_pte((value & (QR_BIT(arch->swap_bits) - 1)) << X86_SWAP_SHIFT | X86_RW);
}

static inline uint64_t x86_swap_value(const struct quire_arch *arch, quire_pte pte)
{
	return (pte.bits >> X86_SWAP_SHIFT) & (QR_BIT(arch->swap_bits) - 1);
}

static inline enum quire_status x86_prot_check(const struct quire_arch *arch, quire_prot prot)
{
	return qr_prot_check(prot, (arch->caps & QUIRE_CAP_NX) != 0, false);
}

#define X86_FUNCTIONS                                                                                      \
	.kind = x86_kind, .make = x86_make, .pfn = x86_pfn, .prot = x86_prot, .flags = x86_flags,          \
	.with_flags = x86_with_flags, .with_prot = x86_with_prot, .hw_allows = x86_hw_allows,              \
	.table = x86_table, .table_pa = x86_table_pa, .swap = x86_swap, .swap_value = x86_swap_value,      \
	.prot_check = x86_prot_check, .plain = {.codes = 32, .vector = QUIRE_VECTOR_PAGE_FAULT, .low = 5}, \
	.family = QUIRE_FAMILY_X86, .decode = qr_x86_decode, .rows = qr_x86_rows, .raise = qr_x86_raise

/* SDM 4.8; SDM 4.10.4.1: a page fault invalidates the TLB's entries for its address. */
#define X86_CAPS (QUIRE_CAP_HW_YOUNG | QUIRE_CAP_HW_DIRTY | QUIRE_CAP_FAULT_FLUSHES)
/* clang-format off */
#define X86_64_LEVEL(n, may_be_leaf) {9, 12 + 9 * (n), 8, may_be_leaf, 4096}
/* clang-format on */

/* Long mode: physical addresses of up to 52 bits; process-context identifiers (SDM 4.10.1). */
#define X86_64_COMMON                                                                                       \
	.page_shift = 12, .long_bytes = 8, .pa_bits = 52, .caps = X86_CAPS | QUIRE_CAP_NX | QUIRE_CAP_ASID, \
	.kernel_end = UINT64_MAX, .swap_bits = 40

#define QR_ARCH_I386_INIT                                                                      \
	{                                                                                      \
		.name = "i386", .levels = 2, .page_shift = 12, .long_bytes = 4, .pa_bits = 32, \
		.caps = X86_CAPS, .level = {{10, 12, 4, 1, 4096}, {10, 22, 4, 1, 4096}},       \
		.user_end = 0xC0000000, .kernel_start = 0xC0000000, .kernel_end = 0xFFFFFFFF,  \
		.swap_bits = 24, X86_FUNCTIONS,                                                \
	}

#define QR_ARCH_X86_64_INIT                                                                                 \
	{                                                                                                   \
		.name = "x86_64", .levels = 4, X86_64_COMMON,                                               \
		.level = {X86_64_LEVEL(0, 1), X86_64_LEVEL(1, 1), X86_64_LEVEL(2, 1), X86_64_LEVEL(3, 0)},  \
		.user_end = QR_BIT(47) - 4096, .kernel_start = UINT64_C(0xFFFF800000000000), X86_FUNCTIONS, \
	}

#define QR_ARCH_X86_64_LA57_INIT                                                                            \
	{                                                                                                   \
		.name = "x86_64_la57", .levels = 5, X86_64_COMMON,                                          \
		.level = {X86_64_LEVEL(0, 1), X86_64_LEVEL(1, 1), X86_64_LEVEL(2, 1), X86_64_LEVEL(3, 0),   \
			  X86_64_LEVEL(4, 0)},                                                              \
		.user_end = QR_BIT(56) - 4096, .kernel_start = UINT64_C(0xFF00000000000000), X86_FUNCTIONS, \
	}

_Static_assert(12 + 10 + 10 == 32 && 1024 * 4 == 4096, "i386: two levels cover 32 bits, a table is a page");
_Static_assert(12 + 4 * 9 == 48 && 512 * 8 == 4096, "x86-64: four levels cover 48 bits");
_Static_assert(12 + 5 * 9 == 57, "x86-64 with LA57: five levels cover 57 bits");
_Static_assert(X86_SWAP_SHIFT + 24 <= 32 && X86_SWAP_SHIFT + 40 <= 64, "swap values fit their entries");
_Static_assert((X86_KEPT & (X86_P | X86_RW | X86_US | X86_A | X86_D | X86_PS)) == 0,
	       "the mark of a kept leaf is a bit of its own");

#endif
