/* SPDX-License-Identifier: MIT */
/* ARMv8.0 stage 1 page tables of EL1 and EL0, with granules of 4, 16 and 64 KiB.
 *
 *    58   55    54  53    51  50 48 47           m  11   10  9 8  7   6   5  4 2     1     0
 *   +----+-----+---+---+-----+-----+--------------+----+----+----+----+----+--+----+------+-----+
 *   |kept|dirty|UXN|PXN|write|  0  | frame or table| nG | AF | SH |AP2 |AP1 |NS|Attr|table |valid|
 *   +----+-----+---+---+-----+-----+--------------+----+----+----+----+----+--+----+------+-----+
 *   ARM ARM, DDI 0487, D8.3 (descriptor formats), D8.4.1 (permissions), D8.5.1 (the Access flag).
 *   Bits 58:55 belong to software; bit 51 (DBM) is software WRITE while TCR_EL1.HD = 0.
 *   Bit 1 is set in a page and in a table, clear in a block.
 *
 * An ARMv8.0 CPU sets neither accessed nor dirty. An old leaf has AF = 0 and takes an access-flag fault;
 * AP2 (read-only) is set unless WRITE and DIRTY are, so that the first write takes a permission fault. A
 * user leaf without READ has AP1 = 0: EL0 may only execute it. User leaves have nG and PXN, kernel leaves
 * have UXN and no nG, so nG tells a user leaf from a kernel leaf.
 *
 *   valid = 0 (all else ignored, D8.3.1):
 *   kept leaf (PROT_NONE)   bit 58 = 1; the rest as it is
 *   swap                    bit 58 = 0, bit 2 = 1, value from bit 8 up
 *
 * What a port sets up: MAIR_EL1.Attr0 normal memory, write-back; TCR_EL1.HA = HD = 0; PSTATE.PAN = 0;
 * SCTLR_EL1.WXN = 0. hw_allows() assumes this. */
#ifndef QR_ARCH_ARM64_PTE_H
#define QR_ARCH_ARM64_PTE_H

#include "arm64/decode.h"
#include "codec.h"

#define ARM64_VALID QR_BIT(0)
#define ARM64_TABLE QR_BIT(1)     /* levels above 0; a page at level 0 has it too */
#define ARM64_AP1   QR_BIT(6)     /* EL0 may read, and write unless AP2 */
#define ARM64_AP2   QR_BIT(7)     /* read-only */
#define ARM64_SH    QR_BITS(8, 9) /* inner shareable */
#define ARM64_AF    QR_BIT(10)
#define ARM64_NG    QR_BIT(11)
#define ARM64_WRITE QR_BIT(51)
#define ARM64_PXN   QR_BIT(53)
#define ARM64_UXN   QR_BIT(54)
#define ARM64_DIRTY QR_BIT(55)
#define ARM64_KEPT  QR_BIT(58)

#define ARM64_SWAP       QR_BIT(2)
#define ARM64_SWAP_SHIFT 8

/* Inlined where it is called with constants, whatever the compiler thinks of its size: nothing of it is left. */
static inline __attribute__((always_inline)) quire_pte
arm64_make(const struct quire_arch *arch, quire_pfn pfn, quire_prot prot, unsigned flags, unsigned level)
{
	uint64_t bits = ((pfn.n << arch->page_shift) & qr_leaf_mask(arch, level)) | ARM64_SH;

	bits |= level == 0 ? ARM64_TABLE : 0;
	bits |= prot & QUIRE_PROT_RWX ? ARM64_VALID : ARM64_KEPT;
	bits |= flags & QUIRE_PTE_YOUNG ? ARM64_AF : 0;
	bits |= flags & QUIRE_PTE_DIRTY ? ARM64_DIRTY : 0;
	bits |= prot & QUIRE_PROT_WRITE ? ARM64_WRITE : 0;
	if (prot & QUIRE_PROT_USER) {
		bits |= ARM64_NG | ARM64_PXN;
		bits |= prot & QUIRE_PROT_READ ? ARM64_AP1 : 0;
		bits |= prot & QUIRE_PROT_EXEC ? 0 : ARM64_UXN;
	} else {
		bits |= ARM64_UXN;
		bits |= prot & QUIRE_PROT_EXEC ? 0 : ARM64_PXN;
	}
	if ((bits & (ARM64_WRITE | ARM64_DIRTY)) != (ARM64_WRITE | ARM64_DIRTY))
		bits |= ARM64_AP2;
	return qr_pte(bits);
}

static inline quire_pfn arm64_pfn(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (quire_pfn){(pte.bits & qr_leaf_mask(arch, level)) >> arch->page_shift};
}

static inline quire_prot arm64_prot(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	bool user = (pte.bits & ARM64_NG) != 0;
	quire_prot prot = user ? QUIRE_PROT_USER : 0;

	if (!(pte.bits & ARM64_VALID))
		return prot;
	if (!user || (pte.bits & ARM64_AP1))
		prot |= QUIRE_PROT_READ;
	if (pte.bits & ARM64_WRITE)
		prot |= QUIRE_PROT_WRITE;
	if (!(pte.bits & (user ? ARM64_UXN : ARM64_PXN)))
		prot |= QUIRE_PROT_EXEC;
	return prot;
}

static inline unsigned arm64_flags(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (pte.bits & ARM64_AF ? QUIRE_PTE_YOUNG : 0) | (pte.bits & ARM64_DIRTY ? QUIRE_PTE_DIRTY : 0);
}

static inline quire_pte arm64_with_flags(const struct quire_arch *arch, quire_pte pte, unsigned set,
					 unsigned clear, unsigned level)
{
	return arm64_make(arch, arm64_pfn(arch, pte, level), arm64_prot(arch, pte, level),
			  (arm64_flags(arch, pte, level) & ~clear) | set, level);
}

static inline quire_pte arm64_with_prot(const struct quire_arch *arch, quire_pte pte, quire_prot prot,
					unsigned level)
{
	return arm64_make(arch, arm64_pfn(arch, pte, level), prot, arm64_flags(arch, pte, level), level);
}

/* The format has no execute-only kernel leaves: EL1 can read whatever it may execute (D8.4.1). */
static inline enum quire_status arm64_prot_check(const struct quire_arch *arch, quire_prot prot)
{
	return qr_prot_check(prot, true, (prot & QUIRE_PROT_USER) != 0);
}

static inline enum quire_pte_kind arm64_kind(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	uint64_t bits = pte.bits;

	if (bits == 0)
		return QUIRE_PTE_NONE;
	if (level > 0 && (bits & (ARM64_VALID | ARM64_TABLE)) == (ARM64_VALID | ARM64_TABLE))
		return (bits & ~qr_table_mask(arch, level)) == (ARM64_VALID | ARM64_TABLE) ? QUIRE_PTE_TABLE
											   : QUIRE_PTE_BAD;
	if (!(bits & (ARM64_VALID | ARM64_KEPT))) {
		uint64_t value = (QR_BIT(arch->swap_bits) - 1) << ARM64_SWAP_SHIFT;

		return level == 0 && (bits & ~value) == ARM64_SWAP ? QUIRE_PTE_SWAP : QUIRE_PTE_BAD;
	}
	/* Any other valid entry is a leaf: encoding its decoded parts again must give the same bits. */
	if (!qr_leaf_allowed(arch, level) ||
	    arm64_prot_check(arch, arm64_prot(arch, pte, level)) != QUIRE_OK ||
	    arm64_with_flags(arch, pte, 0, 0, level).bits != bits)
		return QUIRE_PTE_BAD;
	return QUIRE_PTE_LEAF;
}

/* DDI 0487, D8.4.1. EL1 never executes what EL0 may write, and may read what EL0 may only execute. */
static inline bool arm64_hw_allows(const struct quire_arch *arch, quire_pte pte, enum quire_access access,
				   enum quire_mode mode, unsigned level)
{
	bool el0 = (pte.bits & ARM64_AP1) != 0;
	bool writable = !(pte.bits & ARM64_AP2);

	if ((pte.bits & (ARM64_VALID | ARM64_AF)) != (ARM64_VALID | ARM64_AF))
		return false;
	if (mode == QUIRE_MODE_KERNEL) {
		if (access == QUIRE_ACCESS_EXEC)
			return !(pte.bits & ARM64_PXN) && !(el0 && writable);
		return access != QUIRE_ACCESS_WRITE || writable;
	}
	if (access == QUIRE_ACCESS_EXEC)
		return !(pte.bits & ARM64_UXN);
	return el0 && (access != QUIRE_ACCESS_WRITE || writable);
}

static inline quire_pte arm64_table(const struct quire_arch *arch, quire_pa table, unsigned level)
{
	return qr_pte((table.v & qr_table_mask(arch, level)) | ARM64_VALID | ARM64_TABLE);
}

static inline quire_pa arm64_table_pa(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (quire_pa){pte.bits & qr_table_mask(arch, level)};
}

static inline quire_pte arm64_swap(const struct quire_arch *arch, uint64_t value)
{
	return qr_pte((value & (QR_BIT(arch->swap_bits) - 1)) << ARM64_SWAP_SHIFT | ARM64_SWAP);
}

static inline uint64_t arm64_swap_value(const struct quire_arch *arch, quire_pte pte)
{
	return (pte.bits >> ARM64_SWAP_SHIFT) & (QR_BIT(arch->swap_bits) - 1);
}

/* Aborts from EL0 with a status below 16, for stage 1 (DDI 0487, D17.2.37): IL is 1, the class is that of a fetch or of
 * data by bit 28, WnR is bit 6. */
#define ARM64_PLAIN                                                                  \
	{                                                                            \
		.codes = 64, .vector = QUIRE_VECTOR_SYNC, .low = 4, .high = {6, 28}, \
		.syndrome = UINT64_C(0x82000000)                                     \
	}

/* The address width of each half: user addresses start at 0, kernel addresses end at the top. */
#define ARM64_WIDTH(bits) .user_end = QR_BIT(bits), .kernel_start = -QR_BIT(bits), .kernel_end = UINT64_MAX

/* Common to all four, of any width. */
#define ARM64_COMMON(granule)                                                                               \
	.page_shift = (granule), .family = QUIRE_FAMILY_ARM64, .long_bytes = 8, .pa_bits = 48,              \
	.caps = QUIRE_CAP_NX | QUIRE_CAP_EXECONLY | QUIRE_CAP_ASID | QUIRE_CAP_BREAK_BEFORE_MAKE |          \
		QUIRE_CAP_SPLIT_ROOT,                                                                       \
	.swap_bits = 40, .kind = arm64_kind, .make = arm64_make, .pfn = arm64_pfn, .prot = arm64_prot,      \
	.flags = arm64_flags, .with_flags = arm64_with_flags, .with_prot = arm64_with_prot,                 \
	.hw_allows = arm64_hw_allows, .table = arm64_table, .table_pa = arm64_table_pa, .swap = arm64_swap, \
	.swap_value = arm64_swap_value, .prot_check = arm64_prot_check, .decode = qr_arm64_decode,          \
	.rows = qr_arm64_rows, .raise = qr_arm64_raise, .plain = ARM64_PLAIN

/* A full table fills one granule with 8-byte entries; this gives the bits of its index. */
/* clang-format off */
#define ARM64_LEVEL(granule, n, may_be_leaf) \
	{(granule) - 3, (granule) + ((granule) - 3) * (n), 8, may_be_leaf, 1 << (granule)}
/* clang-format on */

/* Blocks: 2 MiB and 1 GiB at 4 KiB, 32 MiB at 16 KiB, 512 MiB at 64 KiB (D8.3, without LPA). */
#define QR_ARCH_ARM64_INIT                                                                     \
	{                                                                                      \
		.name = "arm64", .levels = 4,                                                  \
		.level = {ARM64_LEVEL(12, 0, 1), ARM64_LEVEL(12, 1, 1), ARM64_LEVEL(12, 2, 1), \
			  ARM64_LEVEL(12, 3, 0)},                                              \
		ARM64_COMMON(12), ARM64_WIDTH(48),                                             \
	}
/* The format of both that have 4 KiB granules, without a width. */
#define QR_ARCH_ARM64_FORMAT                                                                   \
	{                                                                                      \
		.name = "arm64",                                                               \
		.level = {ARM64_LEVEL(12, 0, 1), ARM64_LEVEL(12, 1, 1), ARM64_LEVEL(12, 2, 1), \
			  ARM64_LEVEL(12, 3, 0)},                                              \
		ARM64_COMMON(12),                                                              \
	}
#define QR_ARCH_ARM64_39_INIT                                                                   \
	{                                                                                       \
		.name = "arm64_39", .levels = 3,                                                \
		.level = {ARM64_LEVEL(12, 0, 1), ARM64_LEVEL(12, 1, 1), ARM64_LEVEL(12, 2, 1)}, \
		ARM64_COMMON(12), ARM64_WIDTH(39),                                              \
	}
#define QR_ARCH_ARM64_16K_INIT                                                                  \
	{                                                                                       \
		.name = "arm64_16k", .levels = 3,                                               \
		.level = {ARM64_LEVEL(14, 0, 1), ARM64_LEVEL(14, 1, 1), ARM64_LEVEL(14, 2, 0)}, \
		ARM64_COMMON(14), ARM64_WIDTH(47),                                              \
	}
#define QR_ARCH_ARM64_64K_INIT                                                                             \
	{                                                                                                  \
		.name = "arm64_64k", .levels = 2, .level = {ARM64_LEVEL(16, 0, 1), ARM64_LEVEL(16, 1, 1)}, \
		ARM64_COMMON(16), ARM64_WIDTH(42),                                                         \
	}

_Static_assert(12 + 4 * 9 == 48 && 12 + 3 * 9 == 39, "4 KiB granule: four levels 48 bits, three 39");
_Static_assert(14 + 3 * 11 == 47, "16 KiB granule: three levels cover 47 bits");
_Static_assert(16 + 2 * 13 == 42, "64 KiB granule: two levels cover 42 bits");
_Static_assert(ARM64_SWAP_SHIFT + 40 <= 58, "swap values stay below the mark of a kept leaf");
_Static_assert(-QR_BIT(48) == UINT64_C(0xFFFF000000000000), "the kernel's half of 48 bits");

#endif
