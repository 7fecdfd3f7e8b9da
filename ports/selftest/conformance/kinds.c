/* SPDX-License-Identifier: MIT */
/* Kinds: any bits have exactly one, which is the one of the function that could have made them. Swap
 * entries and tables come back as they were put in. */
#include "run.h"

static quire_pte as_leaf(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	return arch->make(arch, arch->pfn(arch, pte, level), arch->prot(arch, pte, level),
			  arch->flags(arch, pte, level), level);
}

/* Who could have made these bits. */
static enum quire_pte_kind maker(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	if (pte.bits == 0)
		return QUIRE_PTE_NONE;
	if (level == 0 && arch->swap(arch, arch->swap_value(arch, pte)).bits == pte.bits)
		return QUIRE_PTE_SWAP;
	if (level > 0 && arch->table(arch, arch->table_pa(arch, pte, level), level).bits == pte.bits)
		return QUIRE_PTE_TABLE;
	if (arch->level[level].leaf && arch->prot_check(arch, arch->prot(arch, pte, level)) == QUIRE_OK &&
	    as_leaf(arch, pte, level).bits == pte.bits)
		return QUIRE_PTE_LEAF;
	return QUIRE_PTE_BAD;
}

static bool hw_refuses(const struct quire_arch *arch, quire_pte pte, unsigned level)
{
	for (unsigned access = QUIRE_ACCESS_READ; access <= QUIRE_ACCESS_EXEC; access++)
		for (unsigned mode = QUIRE_MODE_USER; mode <= QUIRE_MODE_KERNEL; mode++)
			if (arch->hw_allows(arch, pte, (enum quire_access)access, (enum quire_mode)mode,
					    level))
				return false;
	return true;
}

static void one_entry(struct run *run, uint64_t bits, unsigned level)
{
	const struct quire_arch *arch = run->arch;
	quire_pte pte = {bits};
	enum quire_pte_kind kind = arch->kind(arch, pte, level);
	struct spot at = {.level = level, .bits = bits};

	/* The walker may have set the accessed bit of a table entry: less than what table() makes. */
	if (kind == QUIRE_PTE_TABLE && level > 0 && (arch->caps & QUIRE_CAP_HW_YOUNG)) {
		quire_pa pa = arch->table_pa(arch, pte, level);

		pte = arch->table(arch, pa, level);
		run_equal(run, "an entry of a table has no bit that table() does not set", &at, 0,
			  bits & ~pte.bits);
		run_equal(run, "the same table", &at, pa.v, arch->table_pa(arch, pte, level).v);
	}
	run_equal(run, "any bits are of the kind that could have made them", &at, maker(arch, pte, level),
		  kind);
	if (kind == QUIRE_PTE_NONE || kind == QUIRE_PTE_SWAP)
		run_true(run, "no access through an entry that is none or swap", &at,
			 hw_refuses(arch, pte, level));
}

/* All patterns of the low bits, where the formats keep most of what they say, under several tops. */
static void low_patterns(struct run *run, unsigned level)
{
	for (unsigned top = 11; top < 64; top++) {
		uint64_t high = top == 11 ? 0 : UINT64_C(1) << top;

		for (uint64_t low = 0; low < 4096; low++)
			one_entry(run, high | low, level);
	}
	for (unsigned i = 0; i < 4; i++) {
		uint64_t high = run_random(run) & ~UINT64_C(4095);

		for (uint64_t low = 0; low < 4096; low++) {
			one_entry(run, high | low, level);
			one_entry(run, (high & UINT32_MAX) | low, level);
		}
	}
}

/* Entries that are sound but for one bit or two. */
static void near_misses(struct run *run, uint64_t bits, unsigned level)
{
	one_entry(run, bits, level);
	for (unsigned one = 0; one < 64; one++)
		for (unsigned two = 0; two <= one; two++)
			one_entry(run, bits ^ UINT64_C(1) << one ^ (two < one ? UINT64_C(1) << two : 0),
				  level);
}

static void spoilt_entries(struct run *run, unsigned level)
{
	const struct quire_arch *arch = run->arch;
	uint64_t frame = run_random(run);

	if (arch->level[level].leaf)
		for (quire_prot prot = 0; prot <= QUIRE_PROT_MASK; prot++)
			for (unsigned flags = 0; flags < 4; flags++)
				if (arch->prot_check(arch, prot) == QUIRE_OK)
					near_misses(
					    run,
					    arch->make(arch, (quire_pfn){frame}, prot, flags, level).bits,
					    level);
	if (level > 0)
		near_misses(run, arch->table(arch, (quire_pa){frame}, level).bits, level);
	else
		near_misses(run, arch->swap(arch, frame & ((UINT64_C(1) << arch->swap_bits) - 1)).bits,
			    level);
}

static void random_entries(struct run *run, unsigned level)
{
	for (uint64_t i = 0; i < run->rounds; i++) {
		uint64_t bits = run_random(run);

		one_entry(run, bits, level);
		one_entry(run, bits & UINT32_MAX, level);
		one_entry(run, bits & run_random(run) & run_random(run), level);
	}
}

static void one_swap(struct run *run, uint64_t value)
{
	const struct quire_arch *arch = run->arch;
	quire_pte pte = arch->swap(arch, value);
	struct spot at = {.bits = pte.bits};

	run_true(run, "a swap entry is not zero", &at, pte.bits != 0);
	run_true(run, "a swap entry fits", &at, arch->level[0].entry_bytes == 8 || pte.bits <= UINT32_MAX);
	run_equal(run, "the kind of a swap entry", &at, QUIRE_PTE_SWAP, arch->kind(arch, pte, 0));
	run_equal(run, "swap, then swap_value", &at, value, arch->swap_value(arch, pte));
	run_true(run, "no access through a swap entry", &at, hw_refuses(arch, pte, 0));
	for (unsigned level = 1; level < arch->levels; level++)
		run_true(run, "swap entries are of level 0 only", &at,
			 arch->kind(arch, pte, level) != QUIRE_PTE_SWAP);
}

static void swap_entries(struct run *run)
{
	uint64_t all = (UINT64_C(1) << run->arch->swap_bits) - 1;

	one_swap(run, 0);
	one_swap(run, all);
	for (unsigned bit = 0; bit < run->arch->swap_bits; bit++) {
		one_swap(run, UINT64_C(1) << bit);
		one_swap(run, all ^ UINT64_C(1) << bit);
	}
	for (uint64_t i = 0; i < run->rounds; i++)
		one_swap(run, run_random(run) & all);
}

static void one_table(struct run *run, uint64_t pa, unsigned level)
{
	const struct quire_arch *arch = run->arch;
	quire_pte pte = arch->table(arch, (quire_pa){pa}, level);
	struct spot at = {.level = level, .bits = pte.bits};

	run_true(run, "a table entry is not zero", &at, pte.bits != 0);
	run_true(run, "a table entry fits", &at,
		 arch->level[level].entry_bytes == 8 || pte.bits <= UINT32_MAX);
	run_equal(run, "the kind of a table entry", &at, QUIRE_PTE_TABLE, arch->kind(arch, pte, level));
	run_equal(run, "table, then table_pa", &at, pa, arch->table_pa(arch, pte, level).v);
}

/* Tables are aligned to their size, which may be less than a page or more. */
static void table_entries(struct run *run, unsigned level)
{
	uint64_t size = run->arch->level[level - 1].table_bytes;
	uint64_t all = (UINT64_C(1) << run->arch->pa_bits) - size;

	one_table(run, 0, level);
	one_table(run, all, level);
	for (uint64_t bit = size; bit >> run->arch->pa_bits == 0; bit <<= 1)
		one_table(run, bit, level);
	for (uint64_t i = 0; i < run->rounds; i++)
		one_table(run, run_random(run) & all, level);
}

void run_kinds(struct run *run)
{
	swap_entries(run);
	for (unsigned level = 0; level < run->arch->levels; level++) {
		if (level > 0)
			table_entries(run, level);
		low_patterns(run, level);
		spoilt_entries(run, level);
		random_entries(run, level);
	}
}
