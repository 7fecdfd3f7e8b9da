/* SPDX-License-Identifier: MIT */
/* Shared by the page-table codecs of all architectures: bit masks and the protection check. */
#ifndef QR_ARCH_CODEC_H
#define QR_ARCH_CODEC_H

#include <quire/port/arch.h>

#define QR_BIT(n) (UINT64_C(1) << (n))
/* Bits low to high, inclusive. It cannot produce all 64 bits. */
#define QR_BITS(low, high) ((QR_BIT((high) - (low) + 1) - 1) << (low))

static inline quire_pte qr_pte(uint64_t bits)
{
	return (quire_pte){bits};
}

/* The physical address bits that a leaf at `level` holds. */
static inline uint64_t qr_leaf_mask(const struct quire_arch *arch, unsigned level)
{
	return QR_BIT(arch->pa_bits) - QR_BIT(arch->level[level].shift);
}

/* The physical address bits that a table entry at `level` > 0 holds. */
static inline uint64_t qr_table_mask(const struct quire_arch *arch, unsigned level)
{
	return QR_BIT(arch->pa_bits) - arch->level[level - 1].table_bytes;
}

static inline bool qr_leaf_allowed(const struct quire_arch *arch, unsigned level)
{
	return arch->level[level].leaf != 0;
}

/* prot_check() for a format in which a writable page is always readable. */
static inline enum quire_status qr_prot_check(quire_prot prot, bool nx, bool execonly)
{
	if (prot & ~(quire_prot)QUIRE_PROT_MASK)
		return QUIRE_EINVAL;
	if ((prot & (QUIRE_PROT_READ | QUIRE_PROT_WRITE)) == QUIRE_PROT_WRITE)
		return QUIRE_NO_WRITEONLY;
	if ((prot & (QUIRE_PROT_READ | QUIRE_PROT_EXEC)) == QUIRE_PROT_EXEC && !execonly)
		return QUIRE_NO_EXECONLY;
	if ((prot & (QUIRE_PROT_READ | QUIRE_PROT_EXEC)) == QUIRE_PROT_READ && !nx)
		return QUIRE_NO_NX;
	return QUIRE_OK;
}

#endif
