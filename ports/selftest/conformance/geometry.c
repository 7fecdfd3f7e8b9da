/* SPDX-License-Identifier: MIT */
/* Geometry: levels chain up, tables hold their entries, user and kernel do not meet. Capabilities: what
 * an architecture says it cannot do it refuses by name, and nothing else. */
#include "run.h"

static void one_level(struct run *run, unsigned n)
{
	const struct quire_level *level = &run->arch->level[n];
	struct spot at = {.level = n};
	uint64_t entries = UINT64_C(1) << (level->index_bits & 63);

	run_true(run, "an index has 1 to 20 bits", &at, level->index_bits >= 1 && level->index_bits <= 20);
	run_true(run, "an entry has 4 or 8 bytes", &at, level->entry_bytes == 4 || level->entry_bytes == 8);
	run_true(run, "leaf is 0 or 1", &at, level->leaf <= 1);
	run_true(run, "a table is a power of two", &at,
		 level->table_bytes && (level->table_bytes & (level->table_bytes - 1)) == 0);
	run_true(run, "a table holds its entries", &at, level->table_bytes >= entries * level->entry_bytes);
	if (n > 0)
		run_equal(run, "a level begins where the one below ends", &at,
			  (uint64_t)level[-1].shift + level[-1].index_bits, level->shift);
}

static void address_split(struct run *run)
{
	const struct quire_arch *arch = run->arch;
	const struct quire_level *root = &arch->level[arch->levels - 1];
	uint64_t page = (UINT64_C(1) << arch->page_shift) - 1;
	unsigned bits = root->shift + root->index_bits;
	uint64_t top = (UINT64_C(1) << bits) - 1;
	uint64_t user_last = arch->user_end - 1;

	run_true(run, "there is a user half", NULL, arch->user_end > page);
	run_equal(run, "the user half ends with a page", NULL, 0, arch->user_end & page);
	run_equal(run, "the kernel half begins with a page", NULL, 0, arch->kernel_start & page);
	run_equal(run, "the kernel half ends with a page", NULL, page, arch->kernel_end & page);
	run_true(run, "the kernel half is above the user half", NULL, arch->kernel_start >= arch->user_end);
	run_true(run, "the kernel half is not empty", NULL, arch->kernel_end > arch->kernel_start);
	run_true(run, "tables reach every user address", NULL, user_last <= top);
	run_true(run, "tables reach every kernel address", NULL,
		 arch->kernel_end - arch->kernel_start <= top);
	/* The kernel's addresses differ only in bits that the tables index: none alias. */
	run_equal(run, "kernel addresses are sign-extended", NULL, arch->kernel_end & ~top,
		  arch->kernel_start & ~top);
	if (!(arch->caps & QUIRE_CAP_SPLIT_ROOT))
		run_true(run, "user and kernel share no entry of the root", NULL,
			 (user_last & top) >> root->shift < (arch->kernel_start & top) >> root->shift);
	run_true(run, "zero is a user address", NULL, quire_va_is_user(arch, 0));
	run_true(run, "the split is what the predicates say", NULL,
		 quire_va_is_user(arch, (quire_va)user_last) &&
		     !quire_va_is_kernel(arch, (quire_va)user_last) &&
		     quire_va_is_kernel(arch, (quire_va)arch->kernel_start) &&
		     quire_va_is_kernel(arch, (quire_va)arch->kernel_end) &&
		     !quire_va_is_user(arch, (quire_va)arch->kernel_start));
	if (arch->user_end < arch->kernel_start)
		run_true(run, "between them is neither", NULL,
			 !quire_va_is_user(arch, (quire_va)arch->user_end) &&
			     !quire_va_is_kernel(arch, (quire_va)(arch->kernel_start - 1)));
}

void run_geometry(struct run *run)
{
	const struct quire_arch *arch = run->arch;

	run->report.levels = arch->levels;
	run_true(run, "it has a name", NULL, arch->name && arch->name[0]);
	if (!run_true(run, "2 to 5 levels", NULL, arch->levels >= 2 && arch->levels <= QUIRE_MAX_LEVELS))
		return;
	run_equal(run, "a page is a leaf of level 0", NULL, arch->page_shift, arch->level[0].shift);
	run_true(run, "level 0 has leaves", NULL, arch->level[0].leaf == 1);
	run_true(run, "a page has 4 KiB at least", NULL, arch->page_shift >= 12 && arch->page_shift <= 16);
	run_true(run, "a long has 4 or 8 bytes", NULL, arch->long_bytes == 4 || arch->long_bytes == 8);
	run_true(run, "swap values have 24 bits at least", NULL,
		 arch->swap_bits >= 24 && arch->swap_bits < 64);
	run_true(run, "physical addresses are wider than a page", NULL,
		 arch->pa_bits > arch->page_shift && arch->pa_bits < 64);
	for (unsigned n = 0; n < arch->levels; n++) {
		one_level(run, n);
		run->report.leaf_levels += arch->level[n].leaf;
		if (arch->level[n].leaf)
			run_true(run, "a leaf is smaller than the physical addresses",
				 &(struct spot){.level = n}, arch->level[n].shift < arch->pa_bits);
	}
	if (run_true(run, "addresses have 63 bits at most", NULL,
		     arch->level[arch->levels - 1].shift + arch->level[arch->levels - 1].index_bits < 64))
		address_split(run);
	run_true(run, "only capabilities that exist", NULL, arch->caps < QUIRE_CAP_FAULT_FLUSHES * 2);
}

/* The refusal of `prot` names what is missing, and the capability word says the same. */
static void one_refusal(struct run *run, quire_prot prot, enum quire_status status)
{
	struct spot at = {.prot = prot};
	bool read = prot & QUIRE_PROT_READ, write = prot & QUIRE_PROT_WRITE, exec = prot & QUIRE_PROT_EXEC;

	switch (status) {
	case QUIRE_OK:
		run->report.protections++;
		break;
	case QUIRE_NO_NX:
		run_true(run, "NO_NX: it does not forbid execution", &at, !exec && (read || write));
		run_true(run, "NO_NX: the capability is absent", &at, !(run->arch->caps & QUIRE_CAP_NX));
		break;
	case QUIRE_NO_EXECONLY:
		run_true(run, "NO_EXECONLY: it asks for execution without reading", &at, exec && !read);
		run_true(run, "NO_EXECONLY: the capability is absent, or it is the kernel's page", &at,
			 !(run->arch->caps & QUIRE_CAP_EXECONLY) || !(prot & QUIRE_PROT_USER));
		break;
	case QUIRE_NO_WRITEONLY:
		run_true(run, "NO_WRITEONLY: it asks for writing without reading", &at, write && !read);
		break;
	default:
		run_true(run, "a protection is said, or refused by name", &at, false);
	}
}

/* What quire_prot_widen() gives: supported, no right lost, none added without need. */
static void one_widening(struct run *run, quire_prot prot)
{
	const struct quire_arch *arch = run->arch;
	quire_prot wide = quire_prot_widen(arch, prot);
	struct spot at = {.prot = prot};

	run_equal(run, "widened is supported", &at, QUIRE_OK,
		  (uint64_t)(int64_t)arch->prot_check(arch, wide));
	run_equal(run, "widened includes what was asked for", &at, prot, wide & prot);
	for (quire_prot less = 0; less < 16; less++)
		if ((less & prot) == prot && (less & wide) == less && less != wide)
			run_true(run, "widened is the least", &at, arch->prot_check(arch, less) != QUIRE_OK);
}

void run_protections(struct run *run)
{
	const struct quire_arch *arch = run->arch;
	static const quire_prot always[] = {0, QUIRE_PROT_READ | QUIRE_PROT_EXEC, QUIRE_PROT_RWX};

	for (quire_prot prot = 0; prot <= QUIRE_PROT_MASK; prot++) {
		one_refusal(run, prot, arch->prot_check(arch, prot));
		one_widening(run, prot);
	}
	for (unsigned i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		for (quire_prot whose = 0; whose <= QUIRE_PROT_USER; whose += QUIRE_PROT_USER)
			run_equal(run, "every architecture says none, rx and rwx",
				  &(struct spot){.prot = always[i] | whose}, QUIRE_OK,
				  (uint64_t)(int64_t)arch->prot_check(arch, always[i] | whose));
	for (unsigned bit = 4; bit < 32; bit++)
		run_equal(run, "bits that are no protection are EINVAL", NULL,
			  (uint64_t)(int64_t)QUIRE_EINVAL,
			  (uint64_t)(int64_t)arch->prot_check(arch, QUIRE_PROT_READ | QUIRE_PROT_EXEC |
									(quire_prot)1 << bit));
	run_equal(run, "NX is as the capability word says", NULL, (arch->caps & QUIRE_CAP_NX) != 0,
		  arch->prot_check(arch, QUIRE_PROT_READ | QUIRE_PROT_USER) == QUIRE_OK);
	run_equal(run, "execute-only is as the capability word says", NULL,
		  (arch->caps & QUIRE_CAP_EXECONLY) != 0,
		  arch->prot_check(arch, QUIRE_PROT_EXEC | QUIRE_PROT_USER) == QUIRE_OK);
}
