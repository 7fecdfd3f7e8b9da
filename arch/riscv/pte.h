/* SPDX-License-Identifier: MIT */
/* RISC-V page tables of 64-bit supervisors: Sv39 with three levels, Sv48 with four.
 *
 *    63 62  61 60      54 53            10 9   8  7   6   5   4   3   2   1   0
 *   +--+------+----------+----------------+-----+---+---+---+---+---+---+---+---+
 *   |N | PBMT | reserved | frame or table | RSW | D | A | G | U | X | W | R | V |
 *   +--+------+----------+----------------+-----+---+---+---+---+---+---+---+---+
 *   RISC-V privileged specification, 4.3.1 (Sv32, the bits), 4.4.1 (Sv39), 4.5.1 (Sv48).
 *   R = W = X = 0: a table. W without R is reserved.
 *
 * Svade: the CPU sets neither A nor D; any access through A = 0 and a store through D = 0 fault.
 * WRITE, young and dirty are therefore the hardware's own bits. A port whose CPU sets A and D by itself (Svadu) gives
 * the library a copy of the description with QUIRE_CAP_HW_YOUNG and QUIRE_CAP_HW_DIRTY added to its caps.
 *
 *   V = 0 (all else ignored, 4.3.1):
 *   kept leaf (PROT_NONE)   bit 8 = 1, R = W = X = 0; frame, U, G, A, D stay
 *   swap                    bit 8 = 0, bit 9 = 1, value from bit 10 up
 *
 * What a port sets up: sstatus.SUM = 1 (the kernel may load from and store to user pages; it
 * never executes them), sstatus.MXR = 0, menvcfg.ADUE = 0 but for Svadu. hw_allows() assumes this. */
#ifndef QR_ARCH_RISCV_PTE_H
#define QR_ARCH_RISCV_PTE_H

#include "codec.h"
#include "riscv/decode.h"

#define RISCV_V    QR_BIT(0)
#define RISCV_R    QR_BIT(1)
#define RISCV_W    QR_BIT(2)
#define RISCV_X    QR_BIT(3)
#define RISCV_U    QR_BIT(4)
#define RISCV_G    QR_BIT(5)
#define RISCV_A    QR_BIT(6)
#define RISCV_D    QR_BIT(7)
#define RISCV_KEPT QR_BIT(8) /* RSW; with V = 0 */
#define RISCV_SWAP QR_BIT(9) /* RSW; with V = 0 */
#define RISCV_RWX  (RISCV_R | RISCV_W | RISCV_X)

/* An entry holds the physical address shifted right by two bits. */
#define RISCV_PPN_DOWN   2
#define RISCV_SWAP_SHIFT 10

/* Inlined where it is called with constants, whatever the compiler thinks of its size: nothing of it is left. */
static inline __attribute__((always_inline)) quire_pte
riscv_make(const struct quire_arch *arch, quire_pfn pfn, quire_prot prot, unsigned flags, unsigned level)
{
	uint64_t bits = ((pfn.n << 12) & qr_leaf_mask(arch, level)) >> RISCV_PPN_DOWN;

	bits |= prot & QUIRE_PROT_RWX ? RISCV_V : RISCV_KEPT;
	bits |= prot & QUIRE_PROT_READ ? RISCV_R : 0;
	bits |= prot & QUIRE_PROT_WRITE ? RISCV_W : 0;
	bits |= prot & QUIRE_PROT_EXEC ? RISCV_X : 0;
	bits |= prot & QUIRE_PROT_USER ? RISCV_U : RISCV_G;
	bits |= flags & QUIRE_PTE_YOUNG ? RISCV_A : 0;
	bits |= flags & QUIRE_PTE_DIRTY ? RISCV_D : 0;
	return qr_pte(bits);
}

static inline enum quire_pte_kind riscv_kind(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	uint64_t bits = pte.bits;
	uint64_t rest = bits & ~(qr_leaf_mask(arch, level) >> RISCV_PPN_DOWN | RISCV_A | RISCV_D);
	uint64_t owner = bits & RISCV_U ? RISCV_U : RISCV_G;
	bool leaf = qr_leaf_allowed(arch, level);

	if (bits == 0)
		return QUIRE_PTE_NONE;
	if (!(bits & RISCV_V)) {
		uint64_t value = (QR_BIT(arch->swap_bits) - 1) << RISCV_SWAP_SHIFT;

		if (bits & RISCV_SWAP)
			return level == 0 && (bits & ~value) == RISCV_SWAP ? QUIRE_PTE_SWAP : QUIRE_PTE_BAD;
		return leaf && rest == (RISCV_KEPT | owner) ? QUIRE_PTE_LEAF : QUIRE_PTE_BAD;
	}
	if (!(bits & RISCV_RWX)) {
		if (level == 0 || (bits & ~(qr_table_mask(arch, level) >> RISCV_PPN_DOWN)) != RISCV_V)
			return QUIRE_PTE_BAD;
		return QUIRE_PTE_TABLE;
	}
	if (!leaf || (bits & (RISCV_R | RISCV_W)) == RISCV_W || (rest & ~RISCV_RWX) != (RISCV_V | owner))
		return QUIRE_PTE_BAD;
	return QUIRE_PTE_LEAF;
}

static inline quire_pfn riscv_pfn(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (quire_pfn){((pte.bits << RISCV_PPN_DOWN) & qr_leaf_mask(arch, level)) >> 12};
}

static inline quire_prot riscv_prot(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	quire_prot prot = pte.bits & RISCV_U ? QUIRE_PROT_USER : 0;

	prot |= pte.bits & RISCV_R ? QUIRE_PROT_READ : 0;
	prot |= pte.bits & RISCV_W ? QUIRE_PROT_WRITE : 0;
	prot |= pte.bits & RISCV_X ? QUIRE_PROT_EXEC : 0;
	return prot;
}

static inline unsigned riscv_flags(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (pte.bits & RISCV_A ? QUIRE_PTE_YOUNG : 0) | (pte.bits & RISCV_D ? QUIRE_PTE_DIRTY : 0);
}

static inline quire_pte riscv_with_flags(const struct quire_arch *arch, quire_pte pte, unsigned set,
					 unsigned clear, unsigned level)
{
	if (clear & QUIRE_PTE_YOUNG)
		pte.bits &= ~RISCV_A;
	if (clear & QUIRE_PTE_DIRTY)
		pte.bits &= ~RISCV_D;
	if (set & QUIRE_PTE_YOUNG)
		pte.bits |= RISCV_A;
	if (set & QUIRE_PTE_DIRTY)
		pte.bits |= RISCV_D;
	return pte;
}

static inline quire_pte riscv_with_prot(const struct quire_arch *arch, quire_pte pte, quire_prot prot,
					unsigned level)
{
	return riscv_make(arch, riscv_pfn(arch, pte, level), prot, riscv_flags(arch, pte, level), level);
}

/* Privileged specification, 4.3.1 and 4.3.2 step 6. */
static inline bool riscv_hw_allows(const struct quire_arch *arch, quire_pte pte, enum quire_access access,
				   enum quire_mode mode, unsigned level)
{
	uint64_t need = RISCV_V | RISCV_A;

	if (mode != QUIRE_MODE_KERNEL)
		need |= RISCV_U;
	else if (access == QUIRE_ACCESS_EXEC && (pte.bits & RISCV_U))
		return false;
	if (access == QUIRE_ACCESS_WRITE)
		need |= RISCV_W | RISCV_D;
	else
		need |= access == QUIRE_ACCESS_EXEC ? RISCV_X : RISCV_R;
	/* What the CPU sets by itself refuses nothing. */
	if (arch->caps & QUIRE_CAP_HW_YOUNG)
		need &= ~RISCV_A;
	if (arch->caps & QUIRE_CAP_HW_DIRTY)
		need &= ~RISCV_D;
	return (pte.bits & need) == need;
}

static inline quire_pte riscv_table(const struct quire_arch *arch, quire_pa table, unsigned level)
{
	return qr_pte((table.v & qr_table_mask(arch, level)) >> RISCV_PPN_DOWN | RISCV_V);
}

static inline quire_pa riscv_table_pa(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (quire_pa){(pte.bits << RISCV_PPN_DOWN) & qr_table_mask(arch, level)};
}

static inline quire_pte riscv_swap(const struct quire_arch *arch, uint64_t value)
{
	return qr_pte((value & (QR_BIT(arch->swap_bits) - 1)) << RISCV_SWAP_SHIFT | RISCV_SWAP);
}

static inline uint64_t riscv_swap_value(const struct quire_arch *arch, quire_pte pte)
{
	return (pte.bits >> RISCV_SWAP_SHIFT) & (QR_BIT(arch->swap_bits) - 1);
}

static inline enum quire_status riscv_prot_check(const struct quire_arch *arch, quire_prot prot)
{
	return qr_prot_check(prot, true, true);
}

/* A hart may cache an invalid entry (4.2.1), so a new mapping needs a fence too. */
#define RISCV_CAPS (QUIRE_CAP_NX | QUIRE_CAP_EXECONLY | QUIRE_CAP_ASID | QUIRE_CAP_CACHES_INVALID)

#define RISCV_COMMON                                                                                  \
	.page_shift = 12, .long_bytes = 8, .pa_bits = 56, .swap_bits = 40, .kind = riscv_kind,        \
	.make = riscv_make, .pfn = riscv_pfn, .prot = riscv_prot, .flags = riscv_flags,               \
	.with_flags = riscv_with_flags, .with_prot = riscv_with_prot, .hw_allows = riscv_hw_allows,   \
	.table = riscv_table, .table_pa = riscv_table_pa, .swap = riscv_swap,                         \
	.swap_value = riscv_swap_value, .prot_check = riscv_prot_check,                               \
	.plain = {.codes = 16, .vector = QUIRE_VECTOR_CAUSE, .low = 4}, .family = QUIRE_FAMILY_RISCV, \
	.decode = qr_riscv_decode, .rows = qr_riscv_rows, .raise = qr_riscv_raise

/* clang-format off */
#define RISCV_LEVEL(n) {9, 12 + 9 * (n), 8, 1, 4096}
/* clang-format on */

#define QR_ARCH_RISCV64_INIT                                                                               \
	{                                                                                                  \
		.name = "riscv64", .levels = 3, .level = {RISCV_LEVEL(0), RISCV_LEVEL(1), RISCV_LEVEL(2)}, \
		.user_end = QR_BIT(38), .kernel_start = -QR_BIT(38), .kernel_end = UINT64_MAX,             \
		.caps = RISCV_CAPS, RISCV_COMMON,                                                          \
	}
/* The format of both, without a width. The hardware may set young and dirty (Svadu): entries are changed as if it
 * did. */
#define QR_ARCH_RISCV64_FORMAT                                                              \
	{                                                                                   \
		.name = "riscv64",                                                          \
		.level = {RISCV_LEVEL(0), RISCV_LEVEL(1), RISCV_LEVEL(2), RISCV_LEVEL(3)},  \
		.caps = RISCV_CAPS | QUIRE_CAP_HW_YOUNG | QUIRE_CAP_HW_DIRTY, RISCV_COMMON, \
	}
#define QR_ARCH_RISCV64_SV48_INIT                                                              \
	{                                                                                      \
		.name = "riscv64_sv48", .levels = 4,                                           \
		.level = {RISCV_LEVEL(0), RISCV_LEVEL(1), RISCV_LEVEL(2), RISCV_LEVEL(3)},     \
		.user_end = QR_BIT(47), .kernel_start = -QR_BIT(47), .kernel_end = UINT64_MAX, \
		.caps = RISCV_CAPS, RISCV_COMMON,                                              \
	}

_Static_assert(12 + 3 * 9 == 39 && 12 + 4 * 9 == 48, "three levels cover 39 bits, four 48");
_Static_assert(QR_BIT(38) == UINT64_C(0x4000000000), "the user's half of Sv39");
_Static_assert(-QR_BIT(38) == UINT64_C(0xFFFFFFC000000000), "the kernel's half of Sv39");
_Static_assert(RISCV_SWAP_SHIFT + 40 <= 64, "swap values fit an entry");

#endif
