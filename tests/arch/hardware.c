/* SPDX-License-Identifier: MIT */
/* Every leaf of every architecture before the simulated machine's MMU, which knows the manuals and not
 * the codec: what hw_allows() says is what the MMU does, to the frame, the level and the bits it sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <quire/port/arch.h>

#include "ports/sim/mmu.h"

#define TABLE_BYTES 65536
#define TABLES_PA   UINT64_C(0x1000000)
#define PHYSICAL    40 /* address bits of the narrowest CPU simulated */

static _Alignas(TABLE_BYTES) char memory[QUIRE_MAX_LEVELS][TABLE_BYTES];

static void *at(void *context, uint64_t pa, uint64_t bytes)
{
	(void)context;
	if (pa < TABLES_PA || pa - TABLES_PA > sizeof(memory) - bytes)
		return NULL;
	return (char *)memory + (pa - TABLES_PA);
}

static uint64_t table_pa(unsigned level)
{
	return TABLES_PA + (uint64_t)level * TABLE_BYTES;
}

static void *entry_at(const struct quire_arch *arch, unsigned level, uint64_t va)
{
	const struct quire_level *shape = &arch->level[level];
	uint64_t index = va >> shape->shift & ((UINT64_C(1) << shape->index_bits) - 1);

	return memory[level] + index * shape->entry_bytes;
}

static void store(const struct quire_arch *arch, unsigned level, uint64_t va, quire_pte pte)
{
	uint32_t narrow = (uint32_t)pte.bits;

	if (arch->level[level].entry_bytes == 4)
		memcpy(entry_at(arch, level, va), &narrow, sizeof(narrow));
	else
		memcpy(entry_at(arch, level, va), &pte.bits, sizeof(pte.bits));
}

static quire_pte load(const struct quire_arch *arch, unsigned level, uint64_t va)
{
	uint32_t narrow;
	quire_pte pte;

	if (arch->level[level].entry_bytes == 8) {
		memcpy(&pte.bits, entry_at(arch, level, va), sizeof(pte.bits));
		return pte;
	}
	memcpy(&narrow, entry_at(arch, level, va), sizeof(narrow));
	return (quire_pte){narrow};
}

/* Tables from the root down to the level where `va` has its leaf. */
static void build(const struct quire_arch *arch, uint64_t va, unsigned leaf_level)
{
	memset(memory, 0, sizeof(memory));
	for (unsigned level = arch->levels - 1; level > leaf_level; level--)
		store(arch, level, va, arch->table(arch, (quire_pa){table_pa(level - 1)}, level));
}

struct probe {
	const struct quire_arch *arch;
	uint64_t va;
	unsigned level;
	quire_pfn pfn;
	quire_prot prot;
	unsigned flags;
	quire_pte pte;
};

static void explain(const struct probe *probe, enum quire_access access, enum quire_mode mode)
{
	print_error("%s: va %#llx, level %u, prot %u, flags %u, pte %#llx: %s %s\n", probe->arch->name,
		    (unsigned long long)probe->va, probe->level, probe->prot, probe->flags,
		    (unsigned long long)probe->pte.bits, quire_mode_name(mode), quire_access_name(access));
}

/* What the CPU has made of the leaf after an access that it let through. */
static quire_pte marked(const struct probe *probe, enum quire_access access)
{
	const struct quire_arch *arch = probe->arch;
	unsigned set = arch->caps & QUIRE_CAP_HW_YOUNG ? QUIRE_PTE_YOUNG : 0;

	if (access == QUIRE_ACCESS_WRITE && (arch->caps & QUIRE_CAP_HW_DIRTY))
		set |= QUIRE_PTE_DIRTY;
	return arch->with_flags(arch, probe->pte, set, 0, probe->level);
}

static void one_access(const struct probe *probe, enum quire_access access, enum quire_mode mode)
{
	const struct quire_arch *arch = probe->arch;
	const struct sim_mmu *mmu = sim_mmu_find(arch->name);
	const struct sim_bus bus = {.at = at};
	uint64_t root = table_pa(arch->levels - 1);
	struct sim_walk_request request = {
	    .root = {root, root}, .va = probe->va, .access = access, .mode = mode};
	bool want = arch->hw_allows(arch, probe->pte, access, mode, probe->level);
	struct sim_walk walk;
	quire_pte after;

	store(arch, probe->level, probe->va, probe->pte);
	mmu->walk(mmu, &bus, &request, &walk);
	after = load(arch, probe->level, probe->va);
	if ((walk.end == SIM_WALK_OK) != want)
		explain(probe, access, mode);
	assert_int_equal(walk.end, want ? SIM_WALK_OK : SIM_WALK_FAULT);
	assert_int_equal(arch->kind(arch, after, probe->level), QUIRE_PTE_LEAF);
	assert_int_equal(arch->prot(arch, after, probe->level), probe->prot);
	if (!want) {
		assert_int_equal(walk.address, probe->va);
		assert_int_equal(arch->flags(arch, after, probe->level) & QUIRE_PTE_DIRTY,
				 probe->flags & QUIRE_PTE_DIRTY);
		return;
	}
	assert_int_equal(walk.level, probe->level);
	assert_int_equal(walk.shift, arch->level[probe->level].shift);
	assert_int_equal(walk.frame, probe->pfn.n << arch->page_shift);
	assert_int_equal(after.bits, marked(probe, access).bits);
	if (arch != &quire_arch_toy)
		assert_int_equal(walk.global, !(probe->prot & QUIRE_PROT_USER));
}

static unsigned long one_leaf(struct probe *probe)
{
	const struct quire_arch *arch = probe->arch;
	unsigned long count = 0;

	probe->pte = arch->make(arch, probe->pfn, probe->prot, probe->flags, probe->level);
	for (unsigned access = QUIRE_ACCESS_READ; access <= QUIRE_ACCESS_EXEC; access++)
		for (unsigned mode = QUIRE_MODE_USER; mode <= QUIRE_MODE_KERNEL; mode++, count++)
			one_access(probe, (enum quire_access)access, (enum quire_mode)mode);
	return count;
}

static unsigned long leaves_at(const struct quire_arch *arch, uint64_t va, unsigned level)
{
	unsigned top = arch->pa_bits < PHYSICAL ? arch->pa_bits : PHYSICAL;
	unsigned long count = 0;

	va &= ~((UINT64_C(1) << arch->level[level].shift) - 1);
	build(arch, va, level);
	for (quire_prot prot = 0; prot <= QUIRE_PROT_MASK; prot++)
		for (unsigned flags = 0; flags < 4; flags++)
			for (unsigned bit = arch->level[level].shift; bit < top; bit++) {
				struct probe probe = {
				    .arch = arch, .va = va, .level = level, .prot = prot, .flags = flags};

				probe.pfn.n = UINT64_C(1) << (bit - arch->page_shift);
				if (arch->prot_check(arch, prot) == QUIRE_OK)
					count += one_leaf(&probe);
			}
	return count;
}

/* Both ends of both halves, and something between. */
static unsigned long whole_arch(const struct quire_arch *arch)
{
	const uint64_t va[] = {
	    0,
	    arch->user_end / 3,
	    arch->user_end - 1,
	    arch->kernel_start,
	    arch->kernel_start + (arch->kernel_end - arch->kernel_start) / 3,
	    arch->kernel_end,
	};
	unsigned long count = 0;

	for (unsigned level = 0; level < arch->levels; level++)
		for (size_t i = 0; arch->level[level].leaf && i < sizeof(va) / sizeof(va[0]); i++)
			count += leaves_at(arch, va[i], level);
	return count;
}

static void the_mmu_does_what_hw_allows_says(void **state)
{
	const struct quire_arch *arch;

	(void)state;
	for (unsigned i = 0; (arch = quire_arch_at(i)) != NULL; i++) {
		unsigned long count;

		assert_non_null(sim_mmu_find(arch->name));
		count = whole_arch(arch);
		assert_true(count > 1000);
		print_message("%s: %lu accesses\n", arch->name, count);
	}
}

/* What is not mapped: nothing, a swapped page, a missing table. No access, whoever asks. */
static void the_mmu_refuses_what_is_not_mapped(void **state)
{
	const struct quire_arch *arch;

	(void)state;
	for (unsigned i = 0; (arch = quire_arch_at(i)) != NULL; i++) {
		uint64_t va = (arch->user_end / 3) & ~((UINT64_C(1) << arch->page_shift) - 1);

		for (unsigned bit = 0; bit < arch->swap_bits; bit++) {
			const struct sim_mmu *mmu = sim_mmu_find(arch->name);
			const struct sim_bus bus = {.at = at};
			uint64_t root = table_pa(arch->levels - 1);

			for (unsigned access = 0; access < 3; access++)
				for (unsigned mode = 0; mode < 2; mode++) {
					struct sim_walk_request request = {
					    .root = {root, root},
					    .va = va,
					    .access = (enum quire_access)access,
					    .mode = (enum quire_mode)mode,
					};
					struct sim_walk walk;

					build(arch, va, 0);
					store(arch, 0, va, arch->swap(arch, UINT64_C(1) << bit));
					mmu->walk(mmu, &bus, &request, &walk);
					assert_int_equal(walk.end, SIM_WALK_FAULT);
					assert_false(walk.leaf);
				}
		}
	}
}

/* What an architecture says of its TLB, the machine that was written from the manual does. */
static void the_tlb_does_what_the_capabilities_say(void **state)
{
	const struct quire_arch *arch;

	(void)state;
	for (unsigned i = 0; (arch = quire_arch_at(i)) != NULL; i++) {
		const struct sim_mmu *mmu = sim_mmu_find(arch->name);

		assert_int_equal((arch->caps & QUIRE_CAP_CACHES_INVALID) != 0, mmu->caches_invalid);
		assert_int_equal((arch->caps & QUIRE_CAP_FAULT_FLUSHES) != 0, mmu->fault_drops_entry);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_tlb_does_what_the_capabilities_say),
	    cmocka_unit_test(the_mmu_does_what_hw_allows_says),
	    cmocka_unit_test(the_mmu_refuses_what_is_not_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
