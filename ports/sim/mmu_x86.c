/* SPDX-License-Identifier: MIT */
/* The MMU of x86: 32-bit paging with PSE, 4-level and 5-level paging.
 *
 * Read from Intel SDM vol. 3A, chapter 4 (4.3 32-bit paging, 4.5 4-level and 5-level paging, 4.6 access
 * rights, 4.7 page-fault exceptions, 4.8 accessed and dirty flags). The control bits are CR0.WP = 1,
 * CR4.PSE = 1, CR4.PGE = 1, CR4.SMEP = CR4.SMAP = 0, no protection keys; IA32_EFER.NXE = 1 in 64-bit
 * mode. Physical addresses have 32 bits in 32-bit paging (no PSE-36), 46 in 64-bit mode. */
#include "mmu.h"

#define PRESENT  SIM_BIT(0)
#define WRITABLE SIM_BIT(1)
#define USER     SIM_BIT(2)
#define ACCESSED SIM_BIT(5)
#define DIRTY    SIM_BIT(6)
#define LARGE    SIM_BIT(7)
#define GLOBAL   SIM_BIT(8)
#define NO_EXEC  SIM_BIT(63)

/* The error code, 4.7 figure 4-12. */
#define ERROR_P    1
#define ERROR_WR   2
#define ERROR_US   4
#define ERROR_RSVD 8
#define ERROR_ID   16

#define MAXPHYADDR 46

/* What the entries so far leave: all must have R/W and U/S, none may have XD (4.6). */
enum {
	CARRY_WRITE = 1,
	CARRY_USER = 2,
	CARRY_EXEC = 4,
	CARRY_ALL = 7
};

static bool is_64(const struct sim_mmu *mmu)
{
	return mmu->levels > 2;
}

static unsigned level_shift(const struct sim_mmu *mmu, unsigned level)
{
	return 12 + mmu->index_bits * level;
}

static void raise_fault(const struct sim_mmu *mmu, const struct sim_walk_request *request, uint64_t bits,
			struct sim_walk *out)
{
	uint64_t code = bits;

	if (request->access == QUIRE_ACCESS_WRITE)
		code |= ERROR_WR;
	if (request->mode == QUIRE_MODE_USER)
		code |= ERROR_US;
	/* I/D is set only where it can matter: NXE with PAE, or SMEP (4.7). */
	if (request->access == QUIRE_ACCESS_EXEC && is_64(mmu))
		code |= ERROR_ID;
	out->end = SIM_WALK_FAULT;
	out->vector = QUIRE_VECTOR_PAGE_FAULT;
	out->syndrome = code;
	out->address = request->va;
}

static bool canonical(const struct sim_mmu *mmu, uint64_t va)
{
	unsigned bits = 12 + mmu->levels * mmu->index_bits;
	uint64_t top = va >> (bits - 1);

	return top == 0 || top == UINT64_MAX >> (bits - 1);
}

/* Reserved bits of a present entry: tables 4-4 to 4-6 and 4-15 to 4-20. */
static bool has_reserved(const struct sim_mmu *mmu, uint64_t entry, unsigned level, bool leaf)
{
	if (!is_64(mmu))
		return leaf && level == 1 && sim_field(entry, 13, 9) != 0;
	if (sim_field(entry, MAXPHYADDR, 52 - MAXPHYADDR) != 0)
		return true;
	if (level >= 3)
		return (entry & LARGE) != 0;
	if (leaf && level > 0)
		return sim_field(entry, 13, level_shift(mmu, level) - 13) != 0;
	return false;
}

static uint8_t rights_of(uint32_t carry)
{
	uint8_t rights = SIM_RIGHT(QUIRE_MODE_KERNEL, QUIRE_ACCESS_READ);

	/* CR0.WP = 1: the supervisor obeys R/W. SMEP = 0: it executes user pages. */
	if (carry & CARRY_WRITE)
		rights |= SIM_RIGHT(QUIRE_MODE_KERNEL, QUIRE_ACCESS_WRITE);
	if (carry & CARRY_EXEC)
		rights |= SIM_RIGHT(QUIRE_MODE_KERNEL, QUIRE_ACCESS_EXEC);
	if (carry & CARRY_USER)
		rights |= (uint8_t)(rights >> 3);
	return rights;
}

static uint32_t narrow(const struct sim_mmu *mmu, uint32_t carry, uint64_t entry)
{
	if (!(entry & WRITABLE))
		carry &= ~(uint32_t)CARRY_WRITE;
	if (!(entry & USER))
		carry &= ~(uint32_t)CARRY_USER;
	if (is_64(mmu) && (entry & NO_EXEC))
		carry &= ~(uint32_t)CARRY_EXEC;
	return carry;
}

/* The leaf was read and has no reserved bit. False: it changed under the walk. */
static bool finish(const struct sim_mmu *mmu, const struct sim_bus *bus,
		   const struct sim_walk_request *request, unsigned level, uint32_t carry,
		   struct sim_walk *out)
{
	unsigned bytes = is_64(mmu) ? 8 : 4;
	unsigned physical = is_64(mmu) ? MAXPHYADDR : 32;
	uint64_t entry = out->entry[level];

	out->leaf = true;
	out->shift = level_shift(mmu, level);
	out->frame = entry & (SIM_BIT(physical) - SIM_BIT(out->shift));
	out->rights = rights_of(carry);
	out->global = (entry & GLOBAL) != 0;
	if (!(out->rights & SIM_RIGHT(request->mode, request->access))) {
		raise_fault(mmu, request, ERROR_P, out);
		return true;
	}
	if (!(request->flags & SIM_WALK_QUIET)) {
		uint64_t bits = ACCESSED | (request->access == QUIRE_ACCESS_WRITE ? DIRTY : 0);

		if (!sim_mmu_mark(bus, out, level, bytes, bits))
			return false;
	}
	out->dirty = (out->entry[level] & DIRTY) != 0;
	out->cacheable = true;
	out->end = SIM_WALK_OK;
	return true;
}

static bool walk_once(const struct sim_mmu *mmu, const struct sim_bus *bus,
		      const struct sim_walk_request *request, struct sim_walk *out)
{
	unsigned bytes = is_64(mmu) ? 8 : 4;
	unsigned physical = is_64(mmu) ? MAXPHYADDR : 32;
	unsigned level = mmu->levels - 1;
	uint64_t table = request->root[0] & (SIM_BIT(physical) - 4096);
	uint32_t carry = CARRY_ALL;

	*out = (struct sim_walk){.end = SIM_WALK_FAULT};
	if (is_64(mmu) && !canonical(mmu, request->va)) {
		out->end = SIM_WALK_GP;
		return true;
	}
	if (request->start.use) {
		level = request->start.level;
		table = request->start.table;
		carry = request->start.carry;
	}
	for (;; level--) {
		uint64_t index = sim_field(request->va, level_shift(mmu, level), mmu->index_bits);
		bool leaf;

		out->table[level] = table;
		out->carry[level] = carry;
		if (!sim_mmu_load(bus, out, level, table + index * bytes, bytes))
			return true;
		if (!(out->entry[level] & PRESENT)) {
			raise_fault(mmu, request, 0, out);
			return true;
		}
		leaf = level == 0 || ((out->entry[level] & LARGE) && (mmu->leaf_levels >> level & 1));
		if (has_reserved(mmu, out->entry[level], level, leaf)) {
			raise_fault(mmu, request, ERROR_P | ERROR_RSVD, out);
			return true;
		}
		carry = narrow(mmu, carry, out->entry[level]);
		if (leaf)
			return finish(mmu, bus, request, level, carry, out);
		if (!(request->flags & SIM_WALK_QUIET) && !sim_mmu_mark(bus, out, level, bytes, ACCESSED))
			return false;
		table = out->entry[level] & (SIM_BIT(physical) - 4096);
	}
}

static void walk(const struct sim_mmu *mmu, const struct sim_bus *bus, const struct sim_walk_request *request,
		 struct sim_walk *out)
{
	while (!walk_once(mmu, bus, request, out))
		;
}

static void refuse(const struct sim_mmu *mmu, const struct sim_walk_request *request, bool leaf,
		   unsigned level, unsigned domain, struct sim_walk *out)
{
	(void)level, (void)domain;
	raise_fault(mmu, request, leaf ? ERROR_P : 0, out);
}

/* A page fault invalidates what the TLB and the walk caches have for its address (4.10.4.1). Entries
 * that are not present are never cached (4.10.2.3). */
#define X86(mmu_name, level_count, bits, leaves, tagged)                                              \
	{                                                                                             \
		.name = mmu_name, .levels = level_count, .page_shift = 12, .index_bits = bits,        \
		.leaf_levels = leaves, .asid = tagged, .fault_drops_entry = true, .walk_cache = true, \
		.walk = walk, .refuse = refuse,                                                       \
	}

const struct sim_mmu sim_mmu_i386 = X86("i386", 2, 10, 0x3, false);
const struct sim_mmu sim_mmu_x86_64 = X86("x86_64", 4, 9, 0x7, true);
const struct sim_mmu sim_mmu_x86_64_la57 = X86("x86_64_la57", 5, 9, 0x7, true);
