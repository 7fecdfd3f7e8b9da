/* SPDX-License-Identifier: MIT */
/* The hardware's walk of the tables, by what the codec says that the hardware does.
 *
 *   root ─► table ─► ... ─► leaf ─ hw_allows() ─► young and dirty are set where the hardware does it
 *                    │       └ refused: permission, access flag, or, where the format has to hide it, absent
 *                    └ none: absent
 *
 * Proof: tests/arch/hardware.c holds hw_allows() to MMUs written from the manuals; tests/port/mmu.c this walk. */
#include <quire/mmu.h>

#include "kmap/kmap.h"

/* Addresses below: one root for all, or that of the low half. */
static unsigned va_bits(const struct quire_arch *arch)
{
	const struct quire_level *top = &arch->level[arch->levels - 1u];

	return top->shift + top->index_bits;
}

/* ARM64 with TBI0: the top byte of a user's address is a tag, which no table sees (DDI 0487, "Address tagging in
 * AArch64 state"). */
static uint64_t without_tag(const struct quire_arch *arch, uint64_t va)
{
	if (arch->family != QUIRE_FAMILY_ARM64 || (va >> 55 & 1))
		return va;
	return va & (UINT64_MAX >> 8);
}

/* The level as the architecture numbers it. */
static int level_number(const struct quire_arch *arch, unsigned level)
{
	switch (arch->family) {
	case QUIRE_FAMILY_ARM64:
		return 3 - (int)level;
	case QUIRE_FAMILY_ARM:
		return QUIRE_LEVEL_PAGE - (int)level;
	case QUIRE_FAMILY_OTHER: /* the toy */
		return (int)level;
	default:
		return QUIRE_LEVEL_NONE;
	}
}

struct walk {
	const struct quire_arch *arch;
	quire_va va;
	enum quire_access access;
	enum quire_mode mode;
	struct quire_translation *out;
};

/* QUIRE_EFAULT with the registers. */
static enum quire_status refuse(const struct walk *walk, enum quire_cause cause, unsigned level)
{
	const struct quire_fault fault = {
	    .va = walk->va,
	    .access = (uint8_t)walk->access,
	    .mode = (uint8_t)walk->mode,
	    .cause = (uint8_t)cause,
	    .level = (int8_t)level_number(walk->arch, level),
	};

	return quire_syndrome(walk->arch, &fault, &walk->out->trap) == QUIRE_OK ? QUIRE_EFAULT : QUIRE_EINVAL;
}

static unsigned allowed(const struct walk *walk, quire_pte pte, enum quire_mode mode, unsigned level)
{
	const struct quire_arch *arch = walk->arch;
	unsigned bits = 0;

	for (unsigned access = QUIRE_ACCESS_READ; access <= QUIRE_ACCESS_EXEC; access++)
		if (arch->hw_allows(arch, pte, (enum quire_access)access, mode, level))
			bits |= 1u << access;
	return bits;
}

/* Why the hardware refuses the leaf. One that it lets nobody through is not valid to it, or marked old. */
static enum quire_cause cause_of(const struct walk *walk, quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = walk->arch;
	quire_pte young;

	if (allowed(walk, pte, QUIRE_MODE_KERNEL, level) || allowed(walk, pte, QUIRE_MODE_USER, level))
		return QUIRE_CAUSE_PERMISSION;
	young = arch->with_flags(arch, pte, QUIRE_PTE_YOUNG, 0, level);
	if (arch->family == QUIRE_FAMILY_ARM64 && young.bits != pte.bits &&
	    allowed(walk, young, QUIRE_MODE_KERNEL, level))
		return QUIRE_CAUSE_ACCESS_FLAG;
	return QUIRE_CAUSE_NOT_PRESENT;
}

/* The leaf that the walk came to. QUIRE_EAGAIN: it changed meanwhile. */
static enum quire_status take_leaf(const struct walk *walk, void *entry, quire_pte pte, unsigned level)
{
	const struct quire_arch *arch = walk->arch;
	struct quire_translation *out = walk->out;
	uint64_t page = (uint64_t)1 << arch->level[level].shift;
	unsigned set = arch->caps & QUIRE_CAP_HW_YOUNG ? QUIRE_PTE_YOUNG : 0;
	quire_pte want;

	if (!arch->hw_allows(arch, pte, walk->access, walk->mode, level))
		return refuse(walk, cause_of(walk, pte, level), level);
	if (walk->access == QUIRE_ACCESS_WRITE && (arch->caps & QUIRE_CAP_HW_DIRTY))
		set |= QUIRE_PTE_DIRTY;
	want = arch->with_flags(arch, pte, set, 0, level);
	if (want.bits != pte.bits && !qr_pte_cas(arch, level, entry, &pte, want))
		return QUIRE_EAGAIN;
	out->pa.v = (arch->pfn(arch, want, level).n << arch->page_shift) + ((uint64_t)walk->va & (page - 1));
	out->shift = arch->level[level].shift;
	out->allowed = (uint8_t)allowed(walk, want, walk->mode, level);
	/* The first write through a clean entry is recorded by a walk (Intel SDM vol. 3A, 4.8). */
	if ((arch->caps & QUIRE_CAP_HW_DIRTY) && !(arch->flags(arch, want, level) & QUIRE_PTE_DIRTY))
		out->allowed &= (uint8_t) ~(1u << QUIRE_ACCESS_WRITE);
	return QUIRE_OK;
}

/* Down from the root. */
static enum quire_status descend(struct quire_system *system, const struct walk *walk, quire_pa table)
{
	const struct quire_arch *arch = walk->arch;

	for (unsigned level = arch->levels - 1u;; level--) {
		char *base = qr_pa_linear(system, table), *entry;
		quire_pte pte;

		if (!base)
			return QUIRE_EIO;
		entry = base + qr_pt_index(arch, level, walk->va) * arch->level[level].entry_bytes;
		pte = qr_pte_get(arch, level, entry);
		switch (arch->kind(arch, pte, level)) {
		case QUIRE_PTE_LEAF:
			return take_leaf(walk, entry, pte, level);
		case QUIRE_PTE_TABLE:
			table = arch->table_pa(arch, pte, level);
			break;
		default:
			return refuse(walk, QUIRE_CAUSE_NOT_PRESENT, level);
		}
	}
}

enum quire_status quire_walk(struct quire_system *system, quire_pa root, quire_va va,
			     enum quire_access access, enum quire_mode mode,
			     struct quire_translation *out_translation)
{
	const struct quire_arch *arch = qr_width(system);
	struct walk walk = {arch, va, access, mode, out_translation};
	bool wide = arch->long_bytes == 8, split = arch->caps & QUIRE_CAP_SPLIT_ROOT;
	/* The bits above those translated repeat the highest one, or, with a root for each half, are all 0 or all 1. */
	unsigned bits = va_bits(arch) - (wide && !split);
	uint64_t top = without_tag(arch, va) >> bits;
	bool high = wide && top == UINT64_MAX >> bits;
	enum quire_status status;

	*out_translation = (struct quire_translation){.allowed = 0};
	if (top != 0 && !high) {
		if (arch->family == QUIRE_FAMILY_X86)
			return QUIRE_ERANGE;
		/* ARM64 says level 0, also where its walks begin lower (DDI 0487, D8.2.4). */
		return refuse(&walk, QUIRE_CAUSE_NOT_PRESENT, split ? 3 : arch->levels - 1u);
	}
	if (split && high)
		root = quire_kernel_root(system);
	do
		status = descend(system, &walk, root);
	while (status == QUIRE_EAGAIN);
	return status;
}

enum quire_status quire_syndrome(const struct quire_arch *arch, const struct quire_fault *fault,
				 struct quire_trap *out_trap)
{
	*out_trap = (struct quire_trap){.mode = (enum quire_mode)fault->mode,
					.address = fault->va,
					.pc = fault->pc,
					.sp = fault->sp,
					.context = fault->context};
	return arch->raise(arch, fault, out_trap);
}

enum quire_mode quire_mode_of(const struct quire_arch *arch, uint64_t status)
{
	bool user = false;

	switch (arch->family) {
	case QUIRE_FAMILY_X86: /* CS.RPL (Intel SDM vol. 3A, 5.5) */
		user = (status & 3) == 3;
		break;
	case QUIRE_FAMILY_ARM: /* CPSR.M: User is 0b10000 (DDI 0406C, B1.3.1) */
		user = (status & 31) == 16;
		break;
	case QUIRE_FAMILY_ARM64: /* PSTATE.M: EL0t, or AArch32 User (DDI 0487, C5.2.18) */
		user = (status & 15) == 0;
		break;
	case QUIRE_FAMILY_RISCV: /* sstatus.SPP (privileged specification, 4.1.1) */
		user = (status & 1 << 8) == 0;
		break;
	default: /* the toy: its cause register, bit 3 */
		user = (status & 8) != 0;
	}
	return user ? QUIRE_MODE_USER : QUIRE_MODE_KERNEL;
}
