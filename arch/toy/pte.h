/* SPDX-License-Identifier: MIT */
/* The toy architecture: 512 pages behind three levels of eight, small enough to test exhaustively.
 *
 *    31          12 11  9   8    7   6   5   4   3   2   1   0
 *   +--------------+-----+----+---+---+---+---+---+---+---+---+
 *   |frame or table|  0  |kept| D | A | U | X | W | R | T | V |   T = 1: a table, all of R to D zero
 *   +--------------+-----+----+---+---+---+---+---+---+---+---+
 *
 *   V = 0: kept leaf (PROT_NONE)   T = 0, bit 8 = 1; frame, U, A, D stay
 *          swap                    T = 1, bits 2 to 7 zero, value from bit 8 up
 *
 * Its CPU combines behaviours that no real CPU has together, so that it exercises every rule of the
 * library: it sets A by itself; it faults on a store through D = 0; R, W and X are independent except that
 * W needs R; the kernel does not execute user pages. */
#ifndef QR_ARCH_TOY_PTE_H
#define QR_ARCH_TOY_PTE_H

#include "codec.h"
#include "toy/decode.h"

#define TOY_V    QR_BIT(0)
#define TOY_T    QR_BIT(1)
#define TOY_R    QR_BIT(2)
#define TOY_W    QR_BIT(3)
#define TOY_X    QR_BIT(4)
#define TOY_U    QR_BIT(5)
#define TOY_A    QR_BIT(6)
#define TOY_D    QR_BIT(7)
#define TOY_KEPT QR_BIT(8)
#define TOY_RWX  (TOY_R | TOY_W | TOY_X)

#define TOY_SWAP_SHIFT 8

static inline quire_pte toy_make(const struct quire_arch *arch, quire_pfn pfn, quire_prot prot,
				 unsigned flags, unsigned level)
{
	uint64_t bits = (pfn.n << 12) & qr_leaf_mask(arch, level);

	bits |= prot & QUIRE_PROT_RWX ? TOY_V : TOY_KEPT;
	bits |= prot & QUIRE_PROT_READ ? TOY_R : 0;
	bits |= prot & QUIRE_PROT_WRITE ? TOY_W : 0;
	bits |= prot & QUIRE_PROT_EXEC ? TOY_X : 0;
	bits |= prot & QUIRE_PROT_USER ? TOY_U : 0;
	bits |= flags & QUIRE_PTE_YOUNG ? TOY_A : 0;
	bits |= flags & QUIRE_PTE_DIRTY ? TOY_D : 0;
	return qr_pte(bits);
}

static inline enum quire_pte_kind toy_kind(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	uint64_t bits = pte.bits;
	uint64_t rest = bits & ~(qr_leaf_mask(arch, level) | TOY_U | TOY_A | TOY_D);

	if (bits == 0)
		return QUIRE_PTE_NONE;
	if ((bits & (TOY_V | TOY_T)) == TOY_T) {
		uint64_t value = QR_BITS(TOY_SWAP_SHIFT, 31);

		return level == 0 && (bits & ~value) == TOY_T ? QUIRE_PTE_SWAP : QUIRE_PTE_BAD;
	}
	if (bits & TOY_T) {
		if (level == 0 || (bits & ~qr_table_mask(arch, level)) != (TOY_V | TOY_T))
			return QUIRE_PTE_BAD;
		return QUIRE_PTE_TABLE;
	}
	if (!qr_leaf_allowed(arch, level))
		return QUIRE_PTE_BAD;
	if (!(bits & TOY_V))
		return rest == TOY_KEPT ? QUIRE_PTE_LEAF : QUIRE_PTE_BAD;
	if (!(bits & TOY_RWX) || (bits & (TOY_R | TOY_W)) == TOY_W || (rest & ~TOY_RWX) != TOY_V)
		return QUIRE_PTE_BAD;
	return QUIRE_PTE_LEAF;
}

static inline quire_pfn toy_pfn(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (quire_pfn){(pte.bits & qr_leaf_mask(arch, level)) >> 12};
}

static inline quire_prot toy_prot(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	quire_prot prot = pte.bits & TOY_U ? QUIRE_PROT_USER : 0;

	prot |= pte.bits & TOY_R ? QUIRE_PROT_READ : 0;
	prot |= pte.bits & TOY_W ? QUIRE_PROT_WRITE : 0;
	prot |= pte.bits & TOY_X ? QUIRE_PROT_EXEC : 0;
	return prot;
}

static inline unsigned toy_flags(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (pte.bits & TOY_A ? QUIRE_PTE_YOUNG : 0) | (pte.bits & TOY_D ? QUIRE_PTE_DIRTY : 0);
}

static inline quire_pte toy_with_flags(const struct quire_arch *arch, quire_pte pte, unsigned set,
				       unsigned clear, unsigned level)
{
	return toy_make(arch, toy_pfn(arch, pte, level), toy_prot(arch, pte, level),
			(toy_flags(arch, pte, level) & ~clear) | set, level);
}

static inline quire_pte toy_with_prot(const struct quire_arch *arch, quire_pte pte, quire_prot prot,
				      unsigned level)
{
	return toy_make(arch, toy_pfn(arch, pte, level), prot, toy_flags(arch, pte, level), level);
}

static inline bool toy_hw_allows(const struct quire_arch *arch, quire_pte pte, enum quire_access access,
				 enum quire_mode mode, unsigned level)
{
	uint64_t need = TOY_V;

	if (mode != QUIRE_MODE_KERNEL)
		need |= TOY_U;
	else if (access == QUIRE_ACCESS_EXEC && (pte.bits & TOY_U))
		return false;
	if (access == QUIRE_ACCESS_WRITE)
		need |= TOY_W | TOY_D;
	else
		need |= access == QUIRE_ACCESS_EXEC ? TOY_X : TOY_R;
	return (pte.bits & need) == need;
}

static inline quire_pte toy_table(const struct quire_arch *arch, quire_pa table, unsigned level)
{
	return qr_pte((table.v & qr_table_mask(arch, level)) | TOY_V | TOY_T);
}

static inline quire_pa toy_table_pa(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (quire_pa){pte.bits & qr_table_mask(arch, level)};
}

static inline quire_pte toy_swap(const struct quire_arch *arch, uint64_t value)
{
	return qr_pte((value & (QR_BIT(arch->swap_bits) - 1)) << TOY_SWAP_SHIFT | TOY_T);
}

static inline uint64_t toy_swap_value(const struct quire_arch *arch, quire_pte pte)
{
	return (pte.bits >> TOY_SWAP_SHIFT) & (QR_BIT(arch->swap_bits) - 1);
}

static inline enum quire_status toy_prot_check(const struct quire_arch *arch, quire_prot prot)
{
	return qr_prot_check(prot, true, true);
}

/* A table occupies eight entries at the start of a frame. */
#define QR_ARCH_TOY_INIT                                                                                  \
	{                                                                                                 \
		.name = "toy", .levels = 3, .page_shift = 12, .long_bytes = 4, .pa_bits = 32,             \
		.caps = QUIRE_CAP_HW_YOUNG | QUIRE_CAP_NX | QUIRE_CAP_EXECONLY,                           \
		.level = {{3, 12, 4, 1, 4096}, {3, 15, 4, 1, 4096}, {3, 18, 4, 0, 4096}},                 \
		.user_end = 0x180000, .kernel_start = 0x180000, .kernel_end = 0x1FFFFF, .swap_bits = 24,  \
		.kind = toy_kind, .make = toy_make, .pfn = toy_pfn, .prot = toy_prot, .flags = toy_flags, \
		.with_flags = toy_with_flags, .with_prot = toy_with_prot, .hw_allows = toy_hw_allows,     \
		.table = toy_table, .table_pa = toy_table_pa, .swap = toy_swap,                           \
		.swap_value = toy_swap_value, .prot_check = toy_prot_check, .decode = qr_toy_decode,      \
		.rows = qr_toy_rows, .raise = qr_toy_raise,                                               \
	}

_Static_assert(1 << (12 + 3 * 3) == 0x200000, "three levels of eight cover 2 MiB");
_Static_assert(0x180000 % (1 << 18) == 0, "user and kernel share no entry of the root");
_Static_assert(TOY_SWAP_SHIFT + 24 <= 32, "swap values fit an entry");

#endif
