/* SPDX-License-Identifier: MIT */
/* What x86-64 says of itself. */
#include "cpu.h"

void arch_configure(struct quire_config *config)
{
	config->arch = &quire_arch_x86_64;
	config->kmap_start = KMAP_BASE;
	config->kmap_end = KMAP_BASE + KMAP_BYTES;
}

/* AT_HWCAP2 bit 1 says that the FSGSBASE instructions work. */
uint64_t arch_hwcap2(void)
{
	return cpu_features.fsgsbase ? 2 : 0;
}
