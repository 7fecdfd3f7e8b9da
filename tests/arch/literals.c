/* SPDX-License-Identifier: MIT */
/* Entries of every architecture as the manuals spell them, digit by digit: conformance proves that a
 * codec agrees with itself, this that it agrees with the hardware. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <quire/port/arch.h>

#define R  QUIRE_PROT_READ
#define W  QUIRE_PROT_WRITE
#define X  QUIRE_PROT_EXEC
#define U  QUIRE_PROT_USER
#define Y  QUIRE_PTE_YOUNG
#define D  QUIRE_PTE_DIRTY
#define PF 0x12345

struct leaf {
	const struct quire_arch *arch;
	quire_prot prot;
	unsigned flags;
	unsigned level;
	uint64_t pfn;
	uint64_t bits;
};

/* clang-format off */
static const struct leaf leaves[] = {
	/* Intel SDM vol. 3A, tables 4-5, 4-6: P 1, R/W 2, U/S 4, A 20, D 40, PS 80, G 100. */
	{&quire_arch_i386, R | X | U, Y, 0, PF, 0x12345025},
	{&quire_arch_i386, R | W | X | U, Y | D, 0, PF, 0x12345067},
	{&quire_arch_i386, R | W | X, Y | D, 0, PF, 0x12345163},
	{&quire_arch_i386, R | W | X | U, 0, 1, 0x12400, 0x12400087},
	{&quire_arch_i386, R | X, Y, 1, 0x12400, 0x124001A1},
	{&quire_arch_i386, U, Y | D, 0, PF, 0x12345164},

	/* Tables 4-15 to 4-20: the same, XD in bit 63; 2 MiB and 1 GiB pages with PS. */
	{&quire_arch_x86_64, R | W | U, Y | D, 0, PF, 0x8000000012345067},
	{&quire_arch_x86_64, R | U, Y, 0, PF, 0x8000000012345025},
	{&quire_arch_x86_64, R | X | U, Y, 0, PF, 0x0000000012345025},
	{&quire_arch_x86_64, R | W, Y | D, 0, PF, 0x8000000012345163},
	{&quire_arch_x86_64, R | W | U, Y | D, 1, 0x12200, 0x80000000122000E7},
	{&quire_arch_x86_64, R | X, 0, 2, 0x40000, 0x0000000040000181},
	{&quire_arch_x86_64, R | U, 0, 0, 0xFFFFFFFFFF, 0x800FFFFFFFFFF005},
	{&quire_arch_x86_64_la57, R | W | X | U, Y | D, 0, PF, 0x12345067},

	/* DDI 0406C, figure B3-5: XN 1, small page 2, B 4, C 8, AP 30, TEX 1C0, AP2 200, S 400, nG 800. */
	{&quire_arch_arm, R | W | U, Y | D, 0, PF, 0x12345DFF},
	{&quire_arch_arm, R | W | X | U, Y | D, 0, PF, 0x12345DFE},
	{&quire_arch_arm, R | W | U, Y, 0, PF, 0x12345EFF},
	{&quire_arch_arm, R | X | U, Y, 0, PF, 0x12345E7E},
	{&quire_arch_arm, R | W, Y | D, 0, PF, 0x123455DF},
	{&quire_arch_arm, R | X, Y, 0, PF, 0x1234565E},
	/* Old: the type bits are 00, AP2's place has XN. */
	{&quire_arch_arm, R | W | U, D, 0, PF, 0x12345FFC},
	{&quire_arch_arm, R | X | U, 0, 0, PF, 0x12345C7C},
	{&quire_arch_arm, U, Y, 0, PF, 0x12345C6C},
	/* Figure B3-4, section: XN 10, AP C00, TEX 7000, AP2 8000, S 10000, nG 20000, type 2. */
	{&quire_arch_arm, R | W, Y | D, 1, 0x12300, 0x1231741E},
	{&quire_arch_arm, R | X, Y, 1, 0x12300, 0x1231940E},
	{&quire_arch_arm, R | W | U, Y | D, 1, 0x12300, 0x12337C1E},

	/* DDI 0487, D8.3: page 3, block 1, AP1 40, AP2 80, SH 300, AF 400, nG 800, DBM bit 51, PXN 53,
	 * UXN 54; dirty in bit 55. */
	{&quire_arch_arm64, R | W | U, Y | D, 0, PF, 0x00E8000012345F43},
	{&quire_arch_arm64, R | W | U, Y, 0, PF, 0x0068000012345FC3},
	{&quire_arch_arm64, R | U, Y, 0, PF, 0x0060000012345FC3},
	{&quire_arch_arm64, R | X | U, Y, 0, PF, 0x0020000012345FC3},
	{&quire_arch_arm64, X | U, Y, 0, PF, 0x0020000012345F83},
	{&quire_arch_arm64, R | U, 0, 0, PF, 0x0060000012345BC3},
	{&quire_arch_arm64, R | W, Y | D, 0, PF, 0x00E8000012345703},
	{&quire_arch_arm64, R | X, Y, 0, PF, 0x0040000012345783},
	{&quire_arch_arm64, R | W | U, Y | D, 1, 0x12200, 0x00E8000012200F41},
	{&quire_arch_arm64, R | X, Y, 2, 0x40000, 0x0040000040000781},
	{&quire_arch_arm64, U, Y, 0, PF, 0x0460000012345F82},
	{&quire_arch_arm64_39, R | U, Y, 0, 0xFFFFFFFFF, 0x0060FFFFFFFFFFC3},
	{&quire_arch_arm64_16k, R | U, Y, 0, 0x12345, 0x0060000048D14FC3},
	{&quire_arch_arm64_64k, R | U, Y, 0, 0x1234, 0x0060000012340FC3},

	/* RISC-V privileged specification, 4.4.1: V 1, R 2, W 4, X 8, U 10, G 20, A 40, D 80, PPN << 10. */
	{&quire_arch_riscv64, R | W | U, Y | D, 0, PF, 0x048D14D7},
	{&quire_arch_riscv64, R | W | U, Y, 0, PF, 0x048D1457},
	{&quire_arch_riscv64, R | X | U, 0, 0, PF, 0x048D141B},
	{&quire_arch_riscv64, X | U, Y, 0, PF, 0x048D1459},
	{&quire_arch_riscv64, R | W, Y | D, 0, PF, 0x048D14E7},
	{&quire_arch_riscv64, R | X, Y, 1, 0x12200, 0x0488006B},
	{&quire_arch_riscv64, U, Y, 0, PF, 0x048D1550},
	{&quire_arch_riscv64, R | U, Y, 0, 0xFFFFFFFFFFF, 0x003FFFFFFFFFFC53},
	{&quire_arch_riscv64_sv48, R | W, Y | D, 3, 0x8000000, 0x00000020000000E7},

	/* Toy: V 1, T 2, R 4, W 8, X 10, U 20, A 40, D 80. */
	{&quire_arch_toy, R | W | U, Y | D, 0, PF, 0x123450ED},
	{&quire_arch_toy, X | U, Y, 0, PF, 0x12345071},
	{&quire_arch_toy, R, 0, 1, 0x12348, 0x12348005},
	{&quire_arch_toy, U, 0, 0, PF, 0x12345120},
};
/* clang-format on */

static void leaves_as_the_manuals_spell_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		const struct leaf *leaf = &leaves[i];
		const struct quire_arch *arch = leaf->arch;
		quire_pte pte =
		    arch->make(arch, (quire_pfn){leaf->pfn}, leaf->prot, leaf->flags, leaf->level);

		if (pte.bits != leaf->bits)
			print_error("row %zu (%s): want %#llx, got %#llx\n", i, arch->name,
				    (unsigned long long)leaf->bits, (unsigned long long)pte.bits);
		assert_int_equal(pte.bits, leaf->bits);
		pte.bits = leaf->bits;
		assert_int_equal(arch->kind(arch, pte, leaf->level), QUIRE_PTE_LEAF);
		assert_int_equal(arch->prot(arch, pte, leaf->level), leaf->prot);
		assert_int_equal(arch->flags(arch, pte, leaf->level), leaf->flags);
		assert_int_equal(arch->pfn(arch, pte, leaf->level).n, leaf->pfn);
	}
}

static const struct {
	const struct quire_arch *arch;
	unsigned level;
	uint64_t pa;
	uint64_t bits;
} tables[] = {
    {&quire_arch_i386, 1, 0x12345000, 0x12345027},
    {&quire_arch_x86_64, 1, 0x12345000, 0x12345027},
    {&quire_arch_x86_64, 3, 0xFFFFFFFFFF000, 0xFFFFFFFFFF027},
    {&quire_arch_x86_64_la57, 4, 0x12345000, 0x12345027},
    {&quire_arch_arm, 1, 0x12345400, 0x12345401}, /* 1 KiB tables */
    {&quire_arch_arm64, 1, 0x12345000, 0x12345003},
    {&quire_arch_arm64_16k, 2, 0x12344000, 0x12344003},
    {&quire_arch_arm64_64k, 1, 0x12340000, 0x12340003},
    {&quire_arch_riscv64, 2, 0x12345000, 0x048D1401},
    {&quire_arch_riscv64_sv48, 3, 0x12345000, 0x048D1401},
    {&quire_arch_toy, 1, 0x12345000, 0x12345003},
};

static void tables_as_the_manuals_spell_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const struct quire_arch *arch = tables[i].arch;
		quire_pte pte = arch->table(arch, (quire_pa){tables[i].pa}, tables[i].level);

		assert_int_equal(pte.bits, tables[i].bits);
		assert_int_equal(arch->kind(arch, pte, tables[i].level), QUIRE_PTE_TABLE);
		assert_int_equal(arch->table_pa(arch, pte, tables[i].level).v, tables[i].pa);
	}
	/* x86: an entry whose A bit the CPU has not set yet, and one with D, which is ignored there. */
	assert_int_equal(quire_arch_x86_64.kind(&quire_arch_x86_64, (quire_pte){0x12345007}, 1),
			 QUIRE_PTE_TABLE);
	assert_int_equal(quire_arch_x86_64.kind(&quire_arch_x86_64, (quire_pte){0x12345067}, 1),
			 QUIRE_PTE_BAD);
}

static const struct {
	const struct quire_arch *arch;
	uint64_t value;
	uint64_t bits;
} swaps[] = {
    {&quire_arch_i386, 0xABCDEF, 0xABCDEF02},
    {&quire_arch_x86_64, 0xABCDEF0123, 0xABCDEF012302},
    {&quire_arch_arm, 0xABCDEF0, 0xABCDEF04},
    {&quire_arch_arm64, 0xABCDEF0123, 0xABCDEF012304},
    {&quire_arch_riscv64, 0xABCDEF0123, 0x2AF37BC048E00},
    {&quire_arch_toy, 0xABCDEF, 0xABCDEF02},
};

/* Swap entries are ours to choose, but for what the hardware must see: not present. */
static void swap_entries_are_not_present(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(swaps) / sizeof(swaps[0]); i++) {
		const struct quire_arch *arch = swaps[i].arch;
		quire_pte pte = arch->swap(arch, swaps[i].value);

		assert_int_equal(pte.bits, swaps[i].bits);
		assert_int_equal(pte.bits & (arch == &quire_arch_arm ? 3 : 1), 0);
	}
}

/* Which leaves are invalid to the hardware: no permission for anybody, and old ones on ARM. */
static void kept_and_old_leaves_are_invalid(void **state)
{
	const struct quire_arch *arch;

	(void)state;
	for (unsigned i = 0; (arch = quire_arch_at(i)) != NULL; i++) {
		uint64_t type = arch == &quire_arch_arm ? 3 : 1;

		for (unsigned flags = 0; flags < 4; flags++) {
			assert_int_equal(arch->make(arch, (quire_pfn){PF}, 0, flags, 0).bits & type, 0);
			assert_int_equal(arch->make(arch, (quire_pfn){PF}, U, flags, 0).bits & type, 0);
		}
	}
	arch = &quire_arch_arm;
	for (unsigned level = 0; level < 2; level++)
		for (quire_prot prot = 0; prot <= QUIRE_PROT_MASK; prot++)
			if (arch->prot_check(arch, prot) == QUIRE_OK)
				assert_int_equal(
				    arch->make(arch, (quire_pfn){0x12300}, prot, D, level).bits & 3, 0);
}

/* The kernel at a user's page, where architectures differ. */
static void kernel_at_user_pages(void **state)
{
	static const struct {
		const struct quire_arch *arch;
		quire_prot prot;
		enum quire_access access;
		bool allowed;
	} rows[] = {
	    {&quire_arch_i386, R | X | U, QUIRE_ACCESS_EXEC, true}, /* no SMEP */
	    {&quire_arch_x86_64, R | X | U, QUIRE_ACCESS_EXEC, true},
	    {&quire_arch_x86_64, R | X | U, QUIRE_ACCESS_WRITE, false}, /* CR0.WP */
	    {&quire_arch_arm, R | X | U, QUIRE_ACCESS_EXEC, true},
	    {&quire_arch_arm, R | X | U, QUIRE_ACCESS_WRITE, false},
	    {&quire_arch_arm64, R | X | U, QUIRE_ACCESS_EXEC, false}, /* PXN */
	    {&quire_arch_arm64, X | U, QUIRE_ACCESS_READ, true},      /* EL1 reads what EL0 only executes */
	    {&quire_arch_arm64, X | U, QUIRE_ACCESS_WRITE, false},
	    {&quire_arch_riscv64, R | X | U, QUIRE_ACCESS_EXEC, false}, /* never, whatever SUM says */
	    {&quire_arch_riscv64, X | U, QUIRE_ACCESS_READ, false},     /* MXR = 0 */
	    {&quire_arch_riscv64, R | W | U, QUIRE_ACCESS_WRITE, true}, /* SUM = 1 */
	    {&quire_arch_toy, R | X | U, QUIRE_ACCESS_EXEC, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct quire_arch *arch = rows[i].arch;
		quire_pte pte = arch->make(arch, (quire_pfn){PF}, rows[i].prot, Y | D, 0);

		assert_int_equal(arch->hw_allows(arch, pte, rows[i].access, QUIRE_MODE_KERNEL, 0),
				 rows[i].allowed);
	}
}

/* RISC-V with Svadu: the same description with two more capabilities. */
static void svadu_refuses_neither_old_nor_clean(void **state)
{
	struct quire_arch arch = quire_arch_riscv64;
	quire_pte pte = arch.make(&arch, (quire_pfn){PF}, R | W | U, 0, 0);

	(void)state;
	assert_false(arch.hw_allows(&arch, pte, QUIRE_ACCESS_READ, QUIRE_MODE_USER, 0));
	arch.caps |= QUIRE_CAP_HW_YOUNG;
	assert_true(arch.hw_allows(&arch, pte, QUIRE_ACCESS_READ, QUIRE_MODE_USER, 0));
	assert_false(arch.hw_allows(&arch, pte, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, 0));
	arch.caps |= QUIRE_CAP_HW_DIRTY;
	assert_true(arch.hw_allows(&arch, pte, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, 0));
	assert_false(arch.hw_allows(&arch, pte, QUIRE_ACCESS_EXEC, QUIRE_MODE_USER, 0));
}

static const struct {
	const struct quire_arch *arch;
	uint64_t user_end, kernel_start;
	unsigned levels, page_shift, long_bytes, protections;
} shapes[] = {
    {&quire_arch_i386, 0xC0000000, 0xC0000000, 2, 12, 4, 6},
    {&quire_arch_x86_64, 0x7FFFFFFFF000, 0xFFFF800000000000, 4, 12, 8, 10},
    {&quire_arch_x86_64_la57, 0xFFFFFFFFFFF000, 0xFF00000000000000, 5, 12, 8, 10},
    {&quire_arch_arm, 0xC0000000, 0xC0000000, 2, 12, 4, 10},
    {&quire_arch_arm64, 0x1000000000000, 0xFFFF000000000000, 4, 12, 8, 11},
    {&quire_arch_arm64_39, 0x8000000000, 0xFFFFFF8000000000, 3, 12, 8, 11},
    {&quire_arch_arm64_16k, 0x800000000000, 0xFFFF800000000000, 3, 14, 8, 11},
    {&quire_arch_arm64_64k, 0x40000000000, 0xFFFFFC0000000000, 2, 16, 8, 11},
    {&quire_arch_riscv64, 0x4000000000, 0xFFFFFFC000000000, 3, 12, 8, 12},
    {&quire_arch_riscv64_sv48, 0x800000000000, 0xFFFF800000000000, 4, 12, 8, 12},
    {&quire_arch_toy, 0x180000, 0x180000, 3, 12, 4, 12},
};

static void shapes_of_all(void **state)
{
	size_t count = sizeof(shapes) / sizeof(shapes[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const struct quire_arch *arch = shapes[i].arch;
		unsigned protections = 0;

		assert_ptr_equal(quire_arch_at((unsigned)i), arch);
		assert_ptr_equal(quire_arch_find(arch->name), arch);
		assert_int_equal(arch->user_end, shapes[i].user_end);
		assert_int_equal(arch->kernel_start, shapes[i].kernel_start);
		assert_int_equal(arch->levels, shapes[i].levels);
		assert_int_equal(arch->page_shift, shapes[i].page_shift);
		assert_int_equal(arch->long_bytes, shapes[i].long_bytes);
		for (quire_prot prot = 0; prot <= QUIRE_PROT_MASK; prot++)
			protections += arch->prot_check(arch, prot) == QUIRE_OK;
		assert_int_equal(protections, shapes[i].protections);
	}
	assert_null(quire_arch_at((unsigned)count));
	assert_null(quire_arch_find("x86"));
	assert_null(quire_arch_find(""));
	assert_null(quire_arch_find(NULL));
}

/* What Linux's protection maps give for each combination of PROT_READ, WRITE, EXEC. */
static void widened_as_linux_does(void **state)
{
	static const quire_prot i386[8] = {0,     R | X, R | W | X, R | W | X,
					   R | X, R | X, R | W | X, R | W | X};
	static const quire_prot x86_64[8] = {0, R, R | W, R | W, R | X, R | X, R | W | X, R | W | X};
	static const quire_prot execonly[8] = {0, R, R | W, R | W, X, R | X, R | W | X, R | W | X};

	(void)state;
	for (quire_prot prot = 0; prot < 8; prot++) {
		assert_int_equal(quire_prot_widen(&quire_arch_i386, prot | U), i386[prot] | U);
		assert_int_equal(quire_prot_widen(&quire_arch_x86_64, prot | U), x86_64[prot] | U);
		assert_int_equal(quire_prot_widen(&quire_arch_arm, prot | U), x86_64[prot] | U);
		assert_int_equal(quire_prot_widen(&quire_arch_arm64, prot | U), execonly[prot] | U);
		assert_int_equal(quire_prot_widen(&quire_arch_arm64, prot), x86_64[prot]);
		assert_int_equal(quire_prot_widen(&quire_arch_riscv64, prot | U), execonly[prot] | U);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(leaves_as_the_manuals_spell_them),
	    cmocka_unit_test(tables_as_the_manuals_spell_them),
	    cmocka_unit_test(swap_entries_are_not_present),
	    cmocka_unit_test(kept_and_old_leaves_are_invalid),
	    cmocka_unit_test(kernel_at_user_pages),
	    cmocka_unit_test(svadu_refuses_neither_old_nor_clean),
	    cmocka_unit_test(shapes_of_all),
	    cmocka_unit_test(widened_as_linux_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
