/* SPDX-License-Identifier: MIT */
/* Leaves: make and its parts are inverse, changes change nothing else, and the hardware is told what
 * the protection, young and dirty say: no less, no more. */
#include "run.h"

/* Frame numbers that a leaf of `level` may have: zero, each bit, all bits, and random ones. */
static unsigned frames(struct run *run, unsigned level, quire_pfn *out)
{
	const struct quire_arch *arch = run->arch;
	unsigned low = arch->level[level].shift - arch->page_shift;
	unsigned high = arch->pa_bits - arch->page_shift;
	uint64_t all = (UINT64_C(1) << high) - (UINT64_C(1) << low);
	unsigned count = 0;

	out[count++].n = 0;
	out[count++].n = all;
	for (unsigned bit = low; bit < high; bit++)
		out[count++].n = UINT64_C(1) << bit;
	for (unsigned i = 0; i < 8; i++)
		out[count++].n = run_random(run) & all;
	return count;
}

/* What a CPU of these capabilities does, from the contract alone.
 * Returns 1 allowed, 0 refused, -1 where architectures differ by right: the kernel executing a user's
 * page (SMEP, PXN, U), and reading one that the user may only execute. */
static int model_allows(const struct quire_arch *arch, quire_prot prot, unsigned flags,
			enum quire_access access, enum quire_mode mode)
{
	static const quire_prot needed[] = {QUIRE_PROT_READ, QUIRE_PROT_WRITE, QUIRE_PROT_EXEC};
	bool user_page = prot & QUIRE_PROT_USER;

	if (!(prot & QUIRE_PROT_RWX))
		return 0;
	if (mode == QUIRE_MODE_USER && !user_page)
		return 0;
	if (!(flags & QUIRE_PTE_YOUNG) && !(arch->caps & QUIRE_CAP_HW_YOUNG))
		return 0;
	if (access == QUIRE_ACCESS_WRITE && !(flags & QUIRE_PTE_DIRTY) && !(arch->caps & QUIRE_CAP_HW_DIRTY))
		return 0;
	if (mode == QUIRE_MODE_KERNEL && user_page) {
		if (access == QUIRE_ACCESS_EXEC)
			return prot & QUIRE_PROT_EXEC ? -1 : 0;
		if (access == QUIRE_ACCESS_READ && !(prot & QUIRE_PROT_READ))
			return -1;
	}
	return (prot & needed[access]) != 0;
}

static void hardware(struct run *run, quire_pte pte, const struct spot *at)
{
	const struct quire_arch *arch = run->arch;

	for (unsigned access = QUIRE_ACCESS_READ; access <= QUIRE_ACCESS_EXEC; access++)
		for (unsigned mode = QUIRE_MODE_USER; mode <= QUIRE_MODE_KERNEL; mode++) {
			static const char *const law[2][3] = {
			    {"user read", "user write", "user exec"},
			    {"kernel read", "kernel write", "kernel exec"},
			};
			int want = model_allows(arch, at->prot, at->flags, (enum quire_access)access,
						(enum quire_mode)mode);
			bool got = arch->hw_allows(arch, pte, (enum quire_access)access,
						   (enum quire_mode)mode, at->level);

			if (want >= 0)
				run_equal(run, law[mode][access], at, (uint64_t)want, got);
		}
}

/* Every change of young and dirty gives the leaf that make() makes with the flags changed. */
static void changed_flags(struct run *run, quire_pte pte, quire_pfn pfn, const struct spot *at)
{
	const struct quire_arch *arch = run->arch;

	for (unsigned set = 0; set < 4; set++)
		for (unsigned clear = 0; clear < 4; clear++) {
			unsigned flags = (at->flags & ~clear) | set;

			run_equal(run, "with_flags changes the flags and nothing else", at,
				  arch->make(arch, pfn, at->prot, flags, at->level).bits,
				  arch->with_flags(arch, pte, set, clear, at->level).bits);
		}
}

static void changed_prot(struct run *run, quire_pte pte, quire_pfn pfn, const struct spot *at)
{
	const struct quire_arch *arch = run->arch;

	for (quire_prot prot = 0; prot <= QUIRE_PROT_MASK; prot++) {
		quire_pte other;

		if (arch->prot_check(arch, prot) != QUIRE_OK)
			continue;
		other = arch->with_prot(arch, pte, prot, at->level);
		run_equal(run, "with_prot gives that protection", at, prot,
			  arch->prot(arch, other, at->level));
		run_equal(run, "with_prot keeps the frame", at, pfn.n, arch->pfn(arch, other, at->level).n);
		run_equal(run, "with_prot keeps young and dirty", at, at->flags,
			  arch->flags(arch, other, at->level));
		run_equal(run, "with_prot there and back", at, pte.bits,
			  arch->with_prot(arch, other, at->prot, at->level).bits);
	}
}

/* The leaf of a frame is that of frame 0 with the frame's number in it, in consecutive bits. */
static void number_in_leaf(struct run *run, quire_pfn pfn, const struct spot *at)
{
	const struct quire_arch *arch = run->arch;
	quire_pfn lowest = {UINT64_C(1) << (arch->level[at->level].shift - arch->page_shift)};
	uint64_t none = arch->make(arch, (quire_pfn){0}, at->prot, at->flags, at->level).bits;
	uint64_t field = arch->make(arch, lowest, at->prot, at->flags, at->level).bits - none;

	run_equal(run, "the frame's number lies in the leaf as it is", at, none + pfn.n / lowest.n * field,
		  at->bits);
}

static void one_leaf(struct run *run, quire_pfn pfn, quire_prot prot, unsigned flags, unsigned level)
{
	const struct quire_arch *arch = run->arch;
	quire_pte pte = arch->make(arch, pfn, prot, flags, level);
	struct spot at = {.level = level, .prot = prot, .flags = flags, .bits = pte.bits};

	run_true(run, "a leaf is not zero", &at, pte.bits != 0);
	run_true(run, "a leaf fits its entry", &at,
		 arch->level[level].entry_bytes == 8 || pte.bits <= UINT32_MAX);
	run_equal(run, "the kind of a leaf", &at, QUIRE_PTE_LEAF, arch->kind(arch, pte, level));
	run_equal(run, "make, then pfn", &at, pfn.n, arch->pfn(arch, pte, level).n);
	run_equal(run, "make, then prot", &at, prot, arch->prot(arch, pte, level));
	run_equal(run, "make, then flags", &at, flags, arch->flags(arch, pte, level));
	number_in_leaf(run, pfn, &at);
	hardware(run, pte, &at);
	changed_flags(run, pte, pfn, &at);
	changed_prot(run, pte, pfn, &at);
}

void run_leaves(struct run *run)
{
	const struct quire_arch *arch = run->arch;
	quire_pfn pfn[RUN_FRAMES_MAX];

	for (unsigned level = 0; level < arch->levels; level++) {
		unsigned count;

		if (!arch->level[level].leaf)
			continue;
		count = frames(run, level, pfn);
		for (quire_prot prot = 0; prot <= QUIRE_PROT_MASK; prot++) {
			if (arch->prot_check(arch, prot) != QUIRE_OK)
				continue;
			for (unsigned flags = 0; flags < 4; flags++)
				for (unsigned i = 0; i < count; i++)
					one_leaf(run, pfn[i], prot, flags, level);
		}
	}
}
