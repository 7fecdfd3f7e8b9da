/* SPDX-License-Identifier: MIT */
/* The MMU of RISC-V: Sv39 and Sv48 with Svade.
 *
 * Read from the RISC-V privileged specification: 4.3.2 (address translation process, its steps are cited
 * below), 4.4 (Sv39), 4.5 (Sv48), 4.2.1 (what may be cached), table 4.2 (causes). sstatus.SUM = 1,
 * sstatus.MXR = 0; Svade: a clear A, or D on a store, faults; neither Svpbmt nor Svnapot. */
#include "mmu.h"

#define V SIM_BIT(0)
#define R SIM_BIT(1)
#define W SIM_BIT(2)
#define X SIM_BIT(3)
#define U SIM_BIT(4)
#define G SIM_BIT(5)
#define A SIM_BIT(6)
#define D SIM_BIT(7)

#define CAUSE_FETCH_ACCESS 1
#define CAUSE_LOAD_ACCESS  5
#define CAUSE_STORE_ACCESS 7
#define CAUSE_FETCH_PAGE   12
#define CAUSE_LOAD_PAGE    13
#define CAUSE_STORE_PAGE   15

static unsigned level_shift(unsigned level)
{
	return 12 + 9 * level;
}

static void raise_fault(const struct sim_walk_request *request, uint64_t fetch, uint64_t load, uint64_t store,
			struct sim_walk *out)
{
	out->end = SIM_WALK_FAULT;
	out->vector = QUIRE_VECTOR_CAUSE;
	out->syndrome = request->access == QUIRE_ACCESS_EXEC    ? fetch
			: request->access == QUIRE_ACCESS_WRITE ? store
								: load;
	out->address = request->va;
}

static void page_fault(const struct sim_walk_request *request, struct sim_walk *out)
{
	raise_fault(request, CAUSE_FETCH_PAGE, CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE, out);
}

/* Steps 5 to 7: R, W, X by mode, and A and D. Young is taken for granted when only looking. */
static uint8_t rights_of(uint64_t entry, bool quiet)
{
	bool user = (entry & U) != 0;
	uint8_t bits = 0;
	uint8_t rights;

	if (!(entry & A) && !quiet)
		return 0;
	if (entry & R)
		bits |= 1u << QUIRE_ACCESS_READ;
	if ((entry & W) && (entry & D))
		bits |= 1u << QUIRE_ACCESS_WRITE;
	if (entry & X)
		bits |= 1u << QUIRE_ACCESS_EXEC;
	/* S-mode reaches user pages by SUM, but never executes them; U-mode reaches no others. */
	if (!user)
		return (uint8_t)(bits << 3);
	rights = bits;
	rights |= (uint8_t)((bits & ~(1u << QUIRE_ACCESS_EXEC)) << 3);
	return rights;
}

static bool sound(uint64_t entry)
{
	/* Bits 60:54 are reserved; 62:61 and 63 too, without Svpbmt and Svnapot. */
	return (entry & V) && !((entry & W) && !(entry & R)) && sim_field(entry, 54, 10) == 0;
}

static void finish(const struct sim_walk_request *request, unsigned level, uint32_t carry,
		   struct sim_walk *out)
{
	uint64_t entry = out->entry[level];

	out->shift = level_shift(level);
	out->frame = sim_field(entry, 10, 44) << 12;
	if (out->frame & (SIM_BIT(out->shift) - 1)) {
		page_fault(request, out); /* a misaligned superpage: step 6 */
		return;
	}
	out->leaf = true;
	out->dirty = true;
	out->global = carry || (entry & G);
	out->rights = rights_of(entry, (request->flags & SIM_WALK_QUIET) != 0);
	if (out->rights & SIM_RIGHT(request->mode, request->access))
		out->end = SIM_WALK_OK;
	else
		page_fault(request, out);
}

static void walk(const struct sim_mmu *mmu, const struct sim_bus *bus, const struct sim_walk_request *request,
		 struct sim_walk *out)
{
	unsigned bits = level_shift(mmu->levels);
	uint64_t top = request->va >> (bits - 1);
	unsigned level = mmu->levels - 1;
	uint64_t table = request->root[0];
	uint32_t carry = 0;

	/* An implementation may keep any entry it read, also one that is not valid (4.2.1). */
	*out = (struct sim_walk){.end = SIM_WALK_FAULT, .cacheable = true};
	if (top != 0 && top != UINT64_MAX >> (bits - 1)) {
		page_fault(request, out);
		out->cacheable = false;
		return;
	}
	if (request->start.use) {
		level = request->start.level;
		table = request->start.table;
		carry = request->start.carry;
	}
	for (;; level--) {
		uint64_t index = sim_field(request->va, level_shift(level), 9);
		uint64_t entry;

		out->table[level] = table;
		out->carry[level] = carry;
		if (!sim_mmu_load(bus, out, level, table + index * 8, 8)) {
			raise_fault(request, CAUSE_FETCH_ACCESS, CAUSE_LOAD_ACCESS, CAUSE_STORE_ACCESS, out);
			out->cacheable = false;
			return;
		}
		entry = out->entry[level];
		if (!sound(entry)) {
			page_fault(request, out);
			return;
		}
		if (entry & (R | W | X)) {
			finish(request, level, carry, out);
			return;
		}
		/* A pointer: U, A and D are reserved in it, and the last level has none (4.3.1). */
		if (level == 0 || (entry & (U | A | D))) {
			page_fault(request, out);
			return;
		}
		carry |= (entry & G) != 0;
		table = sim_field(entry, 10, 44) << 12;
	}
}

static void refuse(const struct sim_mmu *mmu, const struct sim_walk_request *request, bool leaf,
		   unsigned level, unsigned domain, struct sim_walk *out)
{
	(void)mmu, (void)leaf, (void)level, (void)domain;
	page_fault(request, out);
}

#define RISCV(mmu_name, level_count, leaves)                                                     \
	{                                                                                        \
		.name = mmu_name, .levels = level_count, .page_shift = 12, .index_bits = 9,      \
		.leaf_levels = leaves, .asid = true, .caches_invalid = true, .walk_cache = true, \
		.walk = walk, .refuse = refuse,                                                  \
	}

const struct sim_mmu sim_mmu_riscv64 = RISCV("riscv64", 3, 0x7);
const struct sim_mmu sim_mmu_riscv64_sv48 = RISCV("riscv64_sv48", 4, 0xF);
