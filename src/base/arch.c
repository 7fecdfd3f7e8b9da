/* SPDX-License-Identifier: MIT */
/* The architectures of this build by name and by number, and the protection that one can say. */
#include "base/arch.h"

const struct quire_arch *quire_arch_at(unsigned index)
{
#ifdef QR_ARCH_OTHER
	if (index == 1)
		return &QR_ARCH_OTHER;
#endif
#ifdef QUIRE_ARCH
	return index == 0 ? &QR_ARCH_PUBLIC : NULL;
#else
	switch (index) {
	case 0:
		return &quire_arch_i386;
	case 1:
		return &quire_arch_x86_64;
	case 2:
		return &quire_arch_x86_64_la57;
	case 3:
		return &quire_arch_arm;
	case 4:
		return &quire_arch_arm64;
	case 5:
		return &quire_arch_arm64_39;
	case 6:
		return &quire_arch_arm64_16k;
	case 7:
		return &quire_arch_arm64_64k;
	case 8:
		return &quire_arch_riscv64;
	case 9:
		return &quire_arch_riscv64_sv48;
	case 10:
		return &quire_arch_toy;
	default:
		return NULL;
	}
#endif
}

static bool same_name(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

const struct quire_arch *quire_arch_find(const char *name)
{
	const struct quire_arch *arch;

	if (!name)
		return NULL;
	for (unsigned i = 0; (arch = quire_arch_at(i)) != NULL; i++)
		if (same_name(arch->name, name))
			return arch;
	return NULL;
}

quire_prot quire_prot_widen(const struct quire_arch *arch, quire_prot prot)
{
	prot &= QUIRE_PROT_MASK;
	/* Each round adds the one right that is missing; there are two to add at most. */
	for (unsigned round = 0; round < 3; round++) {
		switch (arch->prot_check(arch, prot)) {
		case QUIRE_NO_WRITEONLY:
		case QUIRE_NO_EXECONLY:
			prot |= QUIRE_PROT_READ;
			break;
		case QUIRE_NO_NX:
			prot |= QUIRE_PROT_EXEC;
			break;
		default:
			return prot;
		}
	}
	return prot;
}
