/* SPDX-License-Identifier: MIT */
/* The MMU of ARMv7 with short descriptors.
 *
 * Read from the ARM Architecture Reference Manual ARMv7-A, DDI 0406C: B3.5 (short-descriptor format),
 * B3.7 (memory access control), B3.13.3 (fault status encodings, table B3-23), B4.1.52 (DFSR), B4.1.96
 * (IFSR). The control bits are TTBCR = 0, SCTLR.TRE = 1, SCTLR.AFE = 0, SCTLR.WXN = SCTLR.UWXN = 0,
 * DACR: domain 0 client, all others no access. PXN is implemented. */
#include "mmu.h"

/* Fault status FS[4:0], table B3-23. A page's codes are a section's plus 2. */
#define FS_TRANSLATION 0x05
#define FS_DOMAIN      0x09
#define FS_PERMISSION  0x0D
#define FS_WALK_ABORT  0x0C /* first level; second level 0x0E */
#define FS_PAGE        2

#define DFSR_WNR SIM_BIT(11)

static void raise_fault(const struct sim_walk_request *request, unsigned status, unsigned domain,
			struct sim_walk *out)
{
	uint64_t code = (status & 0xF) | (uint64_t)(status >> 4) << 10;

	out->end = SIM_WALK_FAULT;
	out->address = request->va;
	if (request->access == QUIRE_ACCESS_EXEC) {
		out->vector = QUIRE_VECTOR_PREFETCH_ABORT;
		out->syndrome = code; /* IFSR has neither domain nor WnR */
		return;
	}
	out->vector = QUIRE_VECTOR_DATA_ABORT;
	out->syndrome = code | domain << 4;
	if (request->access == QUIRE_ACCESS_WRITE)
		out->syndrome |= DFSR_WNR;
}

/* Table B3-8: AP[2:0] with AFE = 0. */
static uint8_t rights_of(unsigned ap, bool xn, bool pxn)
{
	bool kernel_read = ap != 0 && ap != 4;
	bool kernel_write = ap >= 1 && ap <= 3;
	bool user_read = ap == 2 || ap == 3 || ap == 6 || ap == 7;
	bool user_write = ap == 3;
	uint8_t rights = 0;

	if (kernel_read)
		rights |= SIM_RIGHT(QUIRE_MODE_KERNEL, QUIRE_ACCESS_READ);
	if (kernel_write)
		rights |= SIM_RIGHT(QUIRE_MODE_KERNEL, QUIRE_ACCESS_WRITE);
	if (user_read)
		rights |= SIM_RIGHT(QUIRE_MODE_USER, QUIRE_ACCESS_READ);
	if (user_write)
		rights |= SIM_RIGHT(QUIRE_MODE_USER, QUIRE_ACCESS_WRITE);
	/* B3.7.2: execution needs read access at that privilege, and XN clear; PXN binds PL1 only. */
	if (user_read && !xn)
		rights |= SIM_RIGHT(QUIRE_MODE_USER, QUIRE_ACCESS_EXEC);
	if (kernel_read && !xn && !pxn)
		rights |= SIM_RIGHT(QUIRE_MODE_KERNEL, QUIRE_ACCESS_EXEC);
	return rights;
}

/* The checks of a descriptor that maps memory: the domain first, then the permissions (B3.13.2). */
static void check(const struct sim_walk_request *request, unsigned level, struct sim_walk *out)
{
	unsigned page = level == 0 ? FS_PAGE : 0;

	out->leaf = true;
	out->dirty = true;
	/* Only a translation fault is kept out of the TLB (B3.9.2). */
	out->cacheable = true;
	if (out->domain != 0) {
		out->rights = 0;
		raise_fault(request, FS_DOMAIN + page, out->domain, out);
	} else if (!(out->rights & SIM_RIGHT(request->mode, request->access))) {
		raise_fault(request, FS_PERMISSION + page, out->domain, out);
	} else {
		out->end = SIM_WALK_OK;
	}
}

static void section(const struct sim_walk_request *request, struct sim_walk *out)
{
	uint64_t entry = out->entry[1];
	bool super = (entry & SIM_BIT(18)) != 0;
	unsigned ap = (unsigned)(sim_field(entry, 15, 1) << 2 | sim_field(entry, 10, 2));

	/* A supersection of 16 MiB has no domain field: it belongs to domain 0 (B3.5.1). */
	out->shift = super ? 24 : 20;
	out->frame = entry & 0xFFFFFFFF & ~(SIM_BIT(out->shift) - 1);
	out->domain = super ? 0 : (unsigned)sim_field(entry, 5, 4);
	out->global = !(entry & SIM_BIT(17));
	out->rights = rights_of(ap, (entry & SIM_BIT(4)) != 0, (entry & SIM_BIT(0)) != 0);
	check(request, 1, out);
}

static void page(const struct sim_walk_request *request, uint32_t carry, struct sim_walk *out)
{
	uint64_t entry = out->entry[0];
	bool large = !(entry & SIM_BIT(1));
	unsigned ap = (unsigned)(sim_field(entry, 9, 1) << 2 | sim_field(entry, 4, 2));
	bool xn = (entry & SIM_BIT(large ? 15 : 0)) != 0;

	out->shift = large ? 16 : 12;
	out->frame = entry & 0xFFFFFFFF & ~(SIM_BIT(out->shift) - 1);
	out->domain = carry & 0xF;
	out->global = !(entry & SIM_BIT(11));
	out->rights = rights_of(ap, xn, (carry & 0x10) != 0);
	check(request, 0, out);
}

static void walk_abort(const struct sim_walk_request *request, unsigned level, struct sim_walk *out)
{
	raise_fault(request, level == 0 ? FS_WALK_ABORT + FS_PAGE : FS_WALK_ABORT, 0, out);
}

static void walk(const struct sim_mmu *mmu, const struct sim_bus *bus, const struct sim_walk_request *request,
		 struct sim_walk *out)
{
	uint64_t table = request->root[0] & ~UINT64_C(0x3FFF);
	uint32_t carry = 0;

	(void)mmu;
	*out = (struct sim_walk){.end = SIM_WALK_FAULT};
	if (!request->start.use) {
		out->table[1] = table;
		if (!sim_mmu_load(bus, out, 1, table + sim_field(request->va, 20, 12) * 4, 4)) {
			walk_abort(request, 1, out);
			return;
		}
		switch (sim_field(out->entry[1], 0, 2)) {
		case 0:
			raise_fault(request, FS_TRANSLATION, 0, out);
			return;
		case 1:
			break;
		default:
			section(request, out);
			return;
		}
		table = out->entry[1] & 0xFFFFFC00;
		carry = (uint32_t)(sim_field(out->entry[1], 5, 4) | sim_field(out->entry[1], 2, 1) << 4);
	} else {
		table = request->start.table;
		carry = request->start.carry;
	}
	out->table[0] = table;
	out->carry[0] = carry;
	if (!sim_mmu_load(bus, out, 0, table + sim_field(request->va, 12, 8) * 4, 4)) {
		walk_abort(request, 0, out);
		return;
	}
	if (sim_field(out->entry[0], 0, 2) == 0) {
		raise_fault(request, FS_TRANSLATION + FS_PAGE, carry & 0xF, out);
		return;
	}
	page(request, carry, out);
}

static void refuse(const struct sim_mmu *mmu, const struct sim_walk_request *request, bool leaf,
		   unsigned level, unsigned domain, struct sim_walk *out)
{
	unsigned status = !leaf ? FS_TRANSLATION : domain != 0 ? FS_DOMAIN : FS_PERMISSION;

	(void)mmu;
	raise_fault(request, status + (level == 0 ? FS_PAGE : 0), domain, out);
}

const struct sim_mmu sim_mmu_arm = {
    .name = "arm",
    .levels = 2,
    .page_shift = 12,
    .index_bits = 8,
    .leaf_levels = 0x3,
    .asid = true,
    .walk_cache = true,
    .walk = walk,
    .refuse = refuse,
};
