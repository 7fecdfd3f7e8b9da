/* SPDX-License-Identifier: MIT */
/* The MMU of ARMv8-A, stage 1 of EL1 and EL0, granules of 4, 16 and 64 KiB.
 *
 * Read from the ARM Architecture Reference Manual for A-profile, DDI 0487: D8.2 (translation process),
 * D8.3 (descriptor formats), D8.4 (memory access control), D8.5.1 (Access flag), ESR_EL1 (ISS encoding
 * for an exception from a Data Abort, and from an Instruction Abort). The control bits are
 * TCR_EL1.{HA, HD, TBI0, TBI1} = 0, IPS = 40 bits (Cortex-A53), PSTATE.PAN = 0, SCTLR_EL1.WXN = 0.
 *
 * The manual counts levels downwards: its level 3 is level 0 here. */
#include "mmu.h"

#define VALID      SIM_BIT(0)
#define TABLE      SIM_BIT(1)
#define AP_EL0     SIM_BIT(6)
#define AP_RO      SIM_BIT(7)
#define AF         SIM_BIT(10)
#define NOT_GLOBAL SIM_BIT(11)
#define PXN        SIM_BIT(53)
#define UXN        SIM_BIT(54)

/* xFSC, with the manual's level in bits 1:0. */
#define FSC_ADDRESS_SIZE 0x00
#define FSC_TRANSLATION  0x04
#define FSC_ACCESS_FLAG  0x08
#define FSC_PERMISSION   0x0C
#define FSC_WALK_ABORT   0x14

#define ESR_EC_INSTRUCTION_LOWER 0x20
#define ESR_EC_DATA_LOWER        0x24
#define ESR_IL                   SIM_BIT(25)
#define ESR_WNR                  SIM_BIT(6)

#define PHYSICAL_BITS 40

/* APTable, UXNTable, PXNTable of the tables passed: D8.4.2. */
enum {
	CARRY_RO = 1,
	CARRY_NO_EL0 = 2,
	CARRY_UXN = 4,
	CARRY_PXN = 8
};

static unsigned level_shift(const struct sim_mmu *mmu, unsigned level)
{
	return mmu->page_shift + mmu->index_bits * level;
}

static void raise_fault(const struct sim_walk_request *request, unsigned fsc, unsigned manual_level,
			struct sim_walk *out)
{
	bool fetch = request->access == QUIRE_ACCESS_EXEC;
	uint64_t class = fetch ? ESR_EC_INSTRUCTION_LOWER : ESR_EC_DATA_LOWER;

	/* Taken from the current level, the class is one more. */
	if (request->mode == QUIRE_MODE_KERNEL)
		class ++;
	out->end = SIM_WALK_FAULT;
	out->vector = QUIRE_VECTOR_SYNC;
	/* IL is 1 for instruction aborts and for data aborts without a valid ISS[23:14]; at stage 1 ISV is 0.
	 */
	out->syndrome = class << 26 | ESR_IL | fsc | manual_level;
	if (request->access == QUIRE_ACCESS_WRITE)
		out->syndrome |= ESR_WNR;
	out->address = request->va;
}

/* D8.4.1: data permissions by AP[2:1], then execution. */
static uint8_t rights_of(uint64_t entry, uint32_t carry)
{
	bool el0 = (entry & AP_EL0) && !(carry & CARRY_NO_EL0);
	bool writable = !(entry & AP_RO) && !(carry & CARRY_RO);
	bool uxn = (entry & UXN) || (carry & CARRY_UXN);
	/* What EL0 may write, EL1 never executes. */
	bool pxn = (entry & PXN) || (carry & CARRY_PXN) || (el0 && writable);
	uint8_t rights = SIM_RIGHT(QUIRE_MODE_KERNEL, QUIRE_ACCESS_READ);

	if (writable)
		rights |= SIM_RIGHT(QUIRE_MODE_KERNEL, QUIRE_ACCESS_WRITE);
	if (!pxn)
		rights |= SIM_RIGHT(QUIRE_MODE_KERNEL, QUIRE_ACCESS_EXEC);
	if (el0)
		rights |= SIM_RIGHT(QUIRE_MODE_USER, QUIRE_ACCESS_READ);
	if (el0 && writable)
		rights |= SIM_RIGHT(QUIRE_MODE_USER, QUIRE_ACCESS_WRITE);
	if (!uxn)
		rights |= SIM_RIGHT(QUIRE_MODE_USER, QUIRE_ACCESS_EXEC);
	return rights;
}

static void finish(const struct sim_mmu *mmu, const struct sim_walk_request *request, unsigned level,
		   uint32_t carry, struct sim_walk *out)
{
	uint64_t entry = out->entry[level];

	out->leaf = true;
	out->dirty = true;
	out->shift = level_shift(mmu, level);
	out->frame = entry & (SIM_BIT(48) - SIM_BIT(out->shift));
	out->global = !(entry & NOT_GLOBAL);
	out->rights = rights_of(entry, carry);
	if (sim_field(entry, PHYSICAL_BITS, 48 - PHYSICAL_BITS) != 0) {
		raise_fault(request, FSC_ADDRESS_SIZE, 3 - level, out);
		return;
	}
	/* An entry with AF = 0 is never held in a TLB (D8.5.1). */
	if (!(entry & AF) && !(request->flags & SIM_WALK_QUIET)) {
		raise_fault(request, FSC_ACCESS_FLAG, 3 - level, out);
		return;
	}
	out->cacheable = true;
	if (!(out->rights & SIM_RIGHT(request->mode, request->access)))
		raise_fault(request, FSC_PERMISSION, 3 - level, out);
	else
		out->end = SIM_WALK_OK;
}

static void walk(const struct sim_mmu *mmu, const struct sim_bus *bus, const struct sim_walk_request *request,
		 struct sim_walk *out)
{
	unsigned bits = mmu->page_shift + mmu->levels * mmu->index_bits;
	uint64_t top = request->va >> bits;
	uint64_t address_mask = SIM_BIT(48) - SIM_BIT(mmu->page_shift);
	uint64_t table = request->root[top != 0] & address_mask;
	unsigned level = mmu->levels - 1;
	uint32_t carry = 0;

	*out = (struct sim_walk){.end = SIM_WALK_FAULT};
	/* An address in neither range is a translation fault of level 0 (D8.2.3). */
	if (top != 0 && top != UINT64_MAX >> bits) {
		raise_fault(request, FSC_TRANSLATION, 0, out);
		return;
	}
	if (request->start.use) {
		level = request->start.level;
		table = request->start.table;
		carry = request->start.carry;
	}
	for (;; level--) {
		uint64_t index = sim_field(request->va, level_shift(mmu, level), mmu->index_bits);
		uint64_t entry;
		bool table_bit;

		out->table[level] = table;
		out->carry[level] = carry;
		if (!sim_mmu_load(bus, out, level, table + index * 8, 8)) {
			raise_fault(request, FSC_WALK_ABORT, 3 - level, out);
			return;
		}
		entry = out->entry[level];
		table_bit = (entry & TABLE) != 0;
		/* Bit 1 says page at the last level, table above; else a block, where the level has them. */
		if (!(entry & VALID) || (level == 0 && !table_bit) ||
		    (level > 0 && !table_bit && !(mmu->leaf_levels >> level & 1))) {
			raise_fault(request, FSC_TRANSLATION, 3 - level, out);
			return;
		}
		if (level == 0 || !table_bit) {
			finish(mmu, request, level, carry, out);
			return;
		}
		if (sim_field(entry, PHYSICAL_BITS, 48 - PHYSICAL_BITS) != 0) {
			raise_fault(request, FSC_ADDRESS_SIZE, 3 - level, out);
			return;
		}
		carry |= (entry & SIM_BIT(62) ? CARRY_RO : 0) | (entry & SIM_BIT(61) ? CARRY_NO_EL0 : 0) |
			 (entry & SIM_BIT(60) ? CARRY_UXN : 0) | (entry & SIM_BIT(59) ? CARRY_PXN : 0);
		table = entry & address_mask;
	}
}

static void refuse(const struct sim_mmu *mmu, const struct sim_walk_request *request, bool leaf,
		   unsigned level, unsigned domain, struct sim_walk *out)
{
	(void)mmu, (void)domain;
	raise_fault(request, leaf ? FSC_PERMISSION : FSC_TRANSLATION, 3 - level, out);
}

#define ARM64(mmu_name, granule, level_count, leaves)                                                  \
	{                                                                                              \
		.name = mmu_name, .levels = level_count, .page_shift = granule,                        \
		.index_bits = -3 + (granule), .leaf_levels = leaves, .split_root = true, .asid = true, \
		.walk_cache = true, .walk = walk, .refuse = refuse,                                    \
	}

/* Blocks: levels 1 and 2 of the manual at 4 KiB, level 2 at 16 and 64 KiB. */
const struct sim_mmu sim_mmu_arm64 = ARM64("arm64", 12, 4, 0x7);
const struct sim_mmu sim_mmu_arm64_39 = ARM64("arm64_39", 12, 3, 0x7);
const struct sim_mmu sim_mmu_arm64_16k = ARM64("arm64_16k", 14, 3, 0x3);
const struct sim_mmu sim_mmu_arm64_64k = ARM64("arm64_64k", 16, 2, 0x3);
