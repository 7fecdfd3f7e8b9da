/* SPDX-License-Identifier: MIT */
/* ARMv7 page tables, short descriptors: a root of 4096 entries over tables of 256, no young, no dirty.
 *
 *   level 0, small page     31       12  11   10   9    8   7   6   5  4  3  2  1  0
 *                          | frame     | nG | S |AP2| TEX2:1 TEX0| AP1:0| C| B| 1|XN|
 *   level 1, section        31   20  18  17   16   15  14  13  12  11 10  8:5   4  3  2  1   0
 *                          | frame | 0 | nG | S |AP2| TEX2:1 TEX0| AP1:0|domain|XN| C| B| 1|PXN|
 *   level 1, page table     31                10  8:5      0
 *                          | table              |domain| 01 |
 *   ARM ARM, DDI 0406C, B3.5.1 (figures B3-4, B3-5), B3.7.1 (access permissions).
 *
 * The eight attribute bits from AP0 to nG have the same order in both formats, shifted by six bits.
 *
 * With SCTLR.TRE = 1, only TEX0, C and B select the memory type, and TEX2:1 belong to the operating system
 * (B3.8.3): TEX1 is software WRITE, TEX2 software DIRTY. SCTLR.AFE = 0, so AP2:0 are permissions; AP2
 * (read-only) is set unless WRITE and DIRTY, so that the first write faults.
 *
 *   type bits 00 (a translation fault, all else ignored):
 *   old leaf                C = B = 1, AP0 = 1; AP2, which follows from WRITE and DIRTY, keeps XN
 *   kept leaf (PROT_NONE)   C = B = 1, AP0 = 0; S keeps YOUNG
 *   swap                    C = 0, B = 1, value from bit 4 up
 *
 * What a port sets up: PRRR and NMRR entry 7 (TEX0, C, B = 1) normal memory, write-back, write-allocate;
 * domain 0 as client in DACR; TTBCR.N = 0. hw_allows() assumes this. */
#ifndef QR_ARCH_ARM_PTE_H
#define QR_ARCH_ARM_PTE_H

#include "arm/decode.h"
#include "codec.h"

#define ARM_TYPE       QR_BITS(0, 1)
#define ARM_TYPE_TABLE 1 /* level 1 */
#define ARM_TYPE_LEAF  2
#define ARM_CB         QR_BITS(2, 3)
#define ARM_B          QR_BIT(2)

/* The attributes, before they are shifted into position. */
#define ARM_AP0   QR_BIT(0)
#define ARM_AP1   QR_BIT(1) /* user mode too */
#define ARM_TEX0  QR_BIT(2)
#define ARM_WRITE QR_BIT(3) /* TEX1 */
#define ARM_DIRTY QR_BIT(4) /* TEX2 */
#define ARM_AP2   QR_BIT(5) /* read-only */
#define ARM_S     QR_BIT(6)
#define ARM_NG    QR_BIT(7)

#define ARM_OLD_XN     ARM_AP2 /* in an old leaf */
#define ARM_KEPT_YOUNG ARM_S   /* in a kept leaf */

#define ARM_SWAP_SHIFT 4

static inline unsigned arm_attr_shift(unsigned level)
{
	return level == 0 ? 4 : 10;
}

static inline uint32_t arm_xn(unsigned level)
{
	return level == 0 ? QR_BIT(0) : QR_BIT(4);
}

static inline uint32_t arm_attr(quire_pte pte, unsigned level)
{
	return (uint32_t)pte.bits >> arm_attr_shift(level) & 0xff;
}

static inline bool arm_valid(quire_pte pte)
{
	return (pte.bits & ARM_TYPE_LEAF) != 0;
}

static inline quire_pte arm_make(const struct quire_arch *arch, quire_pfn pfn, quire_prot prot,
				 unsigned flags, unsigned level)
{
	uint32_t bits = ((uint32_t)pfn.n << 12 & (uint32_t)qr_leaf_mask(arch, level)) | ARM_CB;
	uint32_t attr = ARM_TEX0;

	if (prot & QUIRE_PROT_USER)
		attr |= ARM_AP1 | ARM_NG;
	if (prot & QUIRE_PROT_WRITE)
		attr |= ARM_WRITE;
	if (flags & QUIRE_PTE_DIRTY)
		attr |= ARM_DIRTY;

	if (!(prot & QUIRE_PROT_RWX)) {
		attr |= flags & QUIRE_PTE_YOUNG ? ARM_KEPT_YOUNG : 0;
	} else if (!(flags & QUIRE_PTE_YOUNG)) {
		attr |= ARM_AP0 | ARM_S | (prot & QUIRE_PROT_EXEC ? 0 : ARM_OLD_XN);
	} else {
		attr |= ARM_AP0 | ARM_S;
		if ((attr & (ARM_WRITE | ARM_DIRTY)) != (ARM_WRITE | ARM_DIRTY))
			attr |= ARM_AP2;
		bits |= ARM_TYPE_LEAF | (prot & QUIRE_PROT_EXEC ? 0 : arm_xn(level));
	}
	return qr_pte(bits | attr << arm_attr_shift(level));
}

static inline quire_pfn arm_pfn(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (quire_pfn){(uint32_t)(pte.bits & qr_leaf_mask(arch, level)) >> 12};
}

static inline quire_prot arm_prot(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	uint32_t attr = arm_attr(pte, level);
	quire_prot prot = attr & ARM_AP1 ? QUIRE_PROT_USER : 0;
	bool xn = arm_valid(pte) ? (pte.bits & arm_xn(level)) != 0 : (attr & ARM_OLD_XN) != 0;

	if (!(attr & ARM_AP0))
		return prot;
	prot |= QUIRE_PROT_READ;
	if (attr & ARM_WRITE)
		prot |= QUIRE_PROT_WRITE;
	if (!xn)
		prot |= QUIRE_PROT_EXEC;
	return prot;
}

static inline unsigned arm_flags(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	uint32_t attr = arm_attr(pte, level);
	bool young = arm_valid(pte) || (attr & (ARM_AP0 | ARM_KEPT_YOUNG)) == ARM_KEPT_YOUNG;

	return (young ? QUIRE_PTE_YOUNG : 0) | (attr & ARM_DIRTY ? QUIRE_PTE_DIRTY : 0);
}

static inline quire_pte arm_with_flags(const struct quire_arch *arch, quire_pte pte, unsigned set,
				       unsigned clear, unsigned level)
{
	return arm_make(arch, arm_pfn(arch, pte, level), arm_prot(arch, pte, level),
			(arm_flags(arch, pte, level) & ~clear) | set, level);
}

static inline quire_pte arm_with_prot(const struct quire_arch *arch, quire_pte pte, quire_prot prot,
				      unsigned level)
{
	return arm_make(arch, arm_pfn(arch, pte, level), prot, arm_flags(arch, pte, level), level);
}

static inline enum quire_pte_kind arm_kind(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	uint64_t type = pte.bits & ARM_TYPE;

	if (pte.bits == 0)
		return QUIRE_PTE_NONE;
	if (type == ARM_TYPE_TABLE && level > 0)
		return (pte.bits & ~qr_table_mask(arch, level)) == ARM_TYPE_TABLE ? QUIRE_PTE_TABLE
										  : QUIRE_PTE_BAD;
	if (type == 0 && level == 0 && (pte.bits & ARM_CB) == ARM_B)
		return pte.bits <= UINT32_MAX ? QUIRE_PTE_SWAP : QUIRE_PTE_BAD;
	/* Any other valid entry is a leaf: encoding its decoded parts again must give the same bits. */
	return arm_with_flags(arch, pte, 0, 0, level).bits == pte.bits ? QUIRE_PTE_LEAF : QUIRE_PTE_BAD;
}

/* DDI 0406C, table B3-8 with AFE = 0, and B3.7.2 (execute needs read and no XN). */
static inline bool arm_hw_allows(const struct quire_arch *arch, quire_pte pte, enum quire_access access,
				 enum quire_mode mode, unsigned level)
{
	uint32_t attr = arm_attr(pte, level);

	if (!arm_valid(pte) || !(attr & ARM_AP0))
		return false;
	if (mode != QUIRE_MODE_KERNEL && !(attr & ARM_AP1))
		return false;
	if (access == QUIRE_ACCESS_WRITE)
		return !(attr & ARM_AP2);
	if (access == QUIRE_ACCESS_EXEC)
		return !(pte.bits & arm_xn(level));
	return true;
}

static inline quire_pte arm_table(const struct quire_arch *arch, quire_pa table, unsigned level)
{
	return qr_pte((table.v & qr_table_mask(arch, level)) | ARM_TYPE_TABLE);
}

static inline quire_pa arm_table_pa(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return (quire_pa){pte.bits & qr_table_mask(arch, level)};
}

static inline quire_pte arm_swap(const struct quire_arch *arch, uint64_t value)
{
	return qr_pte((value & (QR_BIT(arch->swap_bits) - 1)) << ARM_SWAP_SHIFT | ARM_B);
}

static inline uint64_t arm_swap_value(const struct quire_arch *arch, quire_pte pte)
{
	return (pte.bits >> ARM_SWAP_SHIFT) & (QR_BIT(arch->swap_bits) - 1);
}

static inline enum quire_status arm_prot_check(const struct quire_arch *arch, quire_prot prot)
{
	return qr_prot_check(prot, true, false);
}

/* Data aborts of domain 0 with a status below 16, by DFSR (DDI 0406C, B4.1.52): WnR is bit 11. */
#define ARM_PLAIN                                                                        \
	{                                                                                \
		.codes = 32, .vector = QUIRE_VECTOR_DATA_ABORT, .low = 4, .high = { 11 } \
	}

#define QR_ARCH_ARM_INIT                                                                                   \
	{                                                                                                  \
		.name = "arm", .family = QUIRE_FAMILY_ARM, .levels = 2, .page_shift = 12, .long_bytes = 4, \
		.pa_bits = 32, .caps = QUIRE_CAP_NX | QUIRE_CAP_ASID | QUIRE_CAP_BREAK_BEFORE_MAKE,        \
		.level = {{8, 12, 4, 1, 1024}, {12, 20, 4, 1, 16384}}, .user_end = 0xC0000000,             \
		.kernel_start = 0xC0000000, .kernel_end = 0xFFFFFFFF, .swap_bits = 28, .kind = arm_kind,   \
		.make = arm_make, .pfn = arm_pfn, .prot = arm_prot, .flags = arm_flags,                    \
		.with_flags = arm_with_flags, .with_prot = arm_with_prot, .hw_allows = arm_hw_allows,      \
		.table = arm_table, .table_pa = arm_table_pa, .swap = arm_swap,                            \
		.swap_value = arm_swap_value, .prot_check = arm_prot_check, .decode = qr_arm_decode,       \
		.rows = qr_arm_rows, .raise = qr_arm_raise, .plain = ARM_PLAIN,                            \
	}

_Static_assert(12 + 8 + 12 == 32, "two levels cover 32 bits");
_Static_assert(256 * 4 == 1024 && 4096 * 4 == 16384, "tables of 1 KiB and 16 KiB");
_Static_assert(ARM_SWAP_SHIFT + 28 <= 32, "swap values fit an entry");
_Static_assert((ARM_NG << 4) == QR_BIT(11) && (ARM_NG << 10) == QR_BIT(17), "nG: bit 11, bit 17");
_Static_assert((ARM_AP2 << 4) == QR_BIT(9) && (ARM_AP2 << 10) == QR_BIT(15), "AP[2]: bit 9, bit 15");

#endif
