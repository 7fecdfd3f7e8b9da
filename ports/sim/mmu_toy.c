/* SPDX-License-Identifier: MIT */
/* The MMU of the toy architecture, as the pictures in arch/toy describe its CPU.
 *
 * Three levels of eight entries of four bytes; addresses of 21 bits. An entry: V bit 0, T (table) bit 1,
 * R, W, X, U, A, D bits 2 to 7, frame bits 31:12. The CPU sets A by itself, faults on a store through
 * D = 0, and in kernel mode does not execute user pages. The cause register: access in bits 1:0, present
 * in bit 2, user in bit 3, level in bits 5:4. A table's entry carries no permissions. */
#include "mmu.h"

#define V SIM_BIT(0)
#define T SIM_BIT(1)
#define R SIM_BIT(2)
#define W SIM_BIT(3)
#define X SIM_BIT(4)
#define U SIM_BIT(5)
#define A SIM_BIT(6)
#define D SIM_BIT(7)

#define FRAME UINT64_C(0xFFFFF000)

static void raise_fault(const struct sim_walk_request *request, bool present, unsigned level,
			struct sim_walk *out)
{
	out->end = SIM_WALK_FAULT;
	out->vector = QUIRE_VECTOR_CAUSE;
	out->syndrome = (uint64_t)request->access | (present ? 4 : 0) |
			(request->mode == QUIRE_MODE_USER ? 8 : 0) | (uint64_t)level << 4;
	out->address = request->va;
}

static uint8_t rights_of(uint64_t entry)
{
	uint8_t bits = 0;

	if (entry & R)
		bits |= 1u << QUIRE_ACCESS_READ;
	if ((entry & W) && (entry & D))
		bits |= 1u << QUIRE_ACCESS_WRITE;
	if (entry & X)
		bits |= 1u << QUIRE_ACCESS_EXEC;
	if (!(entry & U))
		return (uint8_t)(bits << 3);
	return (uint8_t)(bits | (bits & ~(1u << QUIRE_ACCESS_EXEC)) << 3);
}

static bool walk_once(const struct sim_bus *bus, const struct sim_walk_request *request, struct sim_walk *out)
{
	unsigned level = 2;
	uint64_t table = request->root[0] & FRAME;

	*out = (struct sim_walk){.end = SIM_WALK_FAULT};
	if (request->va >> 21) {
		raise_fault(request, false, 2, out);
		return true;
	}
	if (request->start.use) {
		level = request->start.level;
		table = request->start.table;
	}
	for (;; level--) {
		uint64_t entry;

		out->table[level] = table;
		if (!sim_mmu_load(bus, out, level, table + sim_field(request->va, 12 + 3 * level, 3) * 4, 4))
			return true;
		entry = out->entry[level];
		/* The root holds no pages; the last level no tables. */
		if (!(entry & V) || (level == 2 && !(entry & T)) || (level == 0 && (entry & T))) {
			raise_fault(request, false, level, out);
			return true;
		}
		if (!(entry & T))
			break;
		table = entry & FRAME;
	}
	out->leaf = true;
	out->dirty = true;
	out->shift = 12 + 3 * level;
	out->frame = out->entry[level] & FRAME & ~(SIM_BIT(out->shift) - 1);
	out->global = !(out->entry[level] & U);
	out->rights = rights_of(out->entry[level]);
	if (!(out->rights & SIM_RIGHT(request->mode, request->access))) {
		raise_fault(request, true, level, out);
		return true;
	}
	if (!(request->flags & SIM_WALK_QUIET) && !sim_mmu_mark(bus, out, level, 4, A))
		return false;
	out->cacheable = true;
	out->end = SIM_WALK_OK;
	return true;
}

static void walk(const struct sim_mmu *mmu, const struct sim_bus *bus, const struct sim_walk_request *request,
		 struct sim_walk *out)
{
	(void)mmu;
	while (!walk_once(bus, request, out))
		;
}

static void refuse(const struct sim_mmu *mmu, const struct sim_walk_request *request, bool leaf,
		   unsigned level, unsigned domain, struct sim_walk *out)
{
	(void)mmu, (void)domain;
	raise_fault(request, leaf, level, out);
}

const struct sim_mmu sim_mmu_toy = {
    .name = "toy",
    .levels = 3,
    .page_shift = 12,
    .index_bits = 3,
    .leaf_levels = 0x3,
    .walk_cache = true,
    .walk = walk,
    .refuse = refuse,
};
