/* SPDX-License-Identifier: MIT */
/* What i386 says of itself. */
#include "cpu.h"

void arch_configure(struct quire_config *config)
{
	config->arch = &quire_arch_i386;
	config->kmap_start = KMAP_BASE;
	config->kmap_end = KMAP_BASE + KMAP_BYTES;
}

uint64_t arch_hwcap2(void)
{
	return 0;
}
